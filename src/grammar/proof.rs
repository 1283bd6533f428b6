//! Proof: every grammar file's own samples and look-alikes, run. Causal cases are run by `correlate`.
//!
//! Takes loaded grammars; gives a mistake for each sample that does not hold. Used by `rootline grammar check` and by the tests.

use std::collections::BTreeMap;

use super::Grammars;
use super::format::Shape;
use super::mistake::Mistake;
use super::peel::Record;
use super::signal::SignalKind;

/// Runs the samples of formats and signals in the files for which `wanted` holds.
pub fn prove(grammars: &Grammars, wanted: &dyn Fn(&str) -> bool) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    for format in grammars.peeler.formats() {
        let file = format!("formats/{}.toml", format.id);
        if !wanted(&file) {
            continue;
        }
        for sample in &format.samples {
            if format.shape == Shape::Document {
                if grammars
                    .peeler
                    .document(&sample.text, None)
                    .or_else(|| grammars.peeler.document_inside(&sample.text))
                    .map(|f| f.id.as_str())
                    != Some(&format.id)
                {
                    mistakes.push(at_text(
                        grammars,
                        &file,
                        &sample.text,
                        "this sample is not read as this document",
                    ));
                }
                continue;
            }
            let records = grammars.peeler.peel_line(&sample.text);
            let claimed = records
                .iter()
                .any(|record| record.formats.first() == Some(&format.id))
                || records
                    .iter()
                    .any(|record| record.formats.contains(&format.id));
            if !claimed {
                let by = records
                    .first()
                    .and_then(|r| r.formats.first())
                    .map_or_else(|| "none".to_owned(), |f| format!("\"{f}\""));
                mistakes.push(at_text(
                    grammars,
                    &file,
                    &sample.text,
                    format!("this sample is claimed by {by}, not by this format"),
                ));
                continue;
            }
            for (name, value) in &sample.expect {
                let found: Vec<String> = records
                    .iter()
                    .filter(|r| r.formats.contains(&format.id))
                    .filter_map(|r| match name.as_str() {
                        "body" => Some(r.body.clone()),
                        "at" => r.readings.last().map(|reading| reading.text.clone()),
                        _ => r.entities.get(name).or_else(|| r.fields.get(name)).cloned(),
                    })
                    .collect();
                // A body that was peeled further is found in the layer below.
                let peeled_further = name == "body" && sample.text.contains(value.as_str());
                if !(found.contains(value) || peeled_further) {
                    mistakes.push(at_text(
                        grammars,
                        &file,
                        &sample.text,
                        format!("\"{name}\" is {found:?}, expected \"{value}\""),
                    ));
                }
            }
        }
        let index = grammars
            .peeler
            .formats()
            .iter()
            .position(|f| f.id == format.id)
            .unwrap_or_default();
        for foreign in &format.not_mine {
            if grammars.peeler.reads(index, &foreign.text) {
                mistakes.push(at_text(
                    grammars,
                    &file,
                    &foreign.text,
                    "this line of another format is read as this one",
                ));
            }
        }
    }
    for signal in &grammars.signals {
        let file = format!("signals/{}.toml", signal.kind.replace('_', "-"));
        if wanted(&file) {
            prove_signal(grammars, signal, &file, &mut mistakes);
        }
    }
    if wanted("secrets.toml") {
        // An overlay is merged: what it says stands in no one file, so the embedded one is quoted where it can be.
        let text = grammars.files.get("secrets.toml");
        let text = text.map(String::as_str).unwrap_or_default();
        grammars.secrets.check("secrets.toml", text, &mut mistakes);
        grammars.secrets.prove("secrets.toml", text, &mut mistakes);
    }
    mistakes
}

fn prove_signal(grammars: &Grammars, signal: &SignalKind, file: &str, mistakes: &mut Vec<Mistake>) {
    for sample in &signal.samples {
        let record = record_of(
            grammars,
            sample.of.as_deref(),
            sample.component.as_deref(),
            &sample.text,
            &sample.fields,
        );
        let anchor = if sample.text.is_empty() {
            sample.fields.values().next().cloned().unwrap_or_default()
        } else {
            sample.text.clone()
        };
        match grammars.find_signal(&record) {
            None => {
                let near = signal
                    .wordings
                    .iter()
                    .filter(|w| w.of == record.of)
                    .max_by(|a, b| a.nearness(&record).total_cmp(&b.nearness(&record)));
                let hint = near.map_or(String::new(), |w| {
                    format!(
                        "; nearest is pattern '{}' (record: body '{}', fields {:?})",
                        w.text, record.body, record.fields
                    )
                });
                mistakes.push(at_text(
                    grammars,
                    file,
                    &anchor,
                    format!("no wording fits this sample{hint}"),
                ));
            }
            Some((kind, _)) if kind.kind != signal.kind => mistakes.push(at_text(
                grammars,
                file,
                &anchor,
                format!("this sample gives \"{}\" instead", kind.kind),
            )),
            Some((_, found)) => {
                for (name, value) in &sample.expect {
                    let got = if name == "cause" {
                        found.cause.as_ref()
                    } else {
                        found.entities.get(name)
                    };
                    if got != Some(value) {
                        mistakes.push(at_text(
                            grammars,
                            file,
                            &anchor,
                            format!("\"{name}\" is {got:?}, expected \"{value}\""),
                        ));
                    }
                }
                let needles: Vec<&str> = signal
                    .wordings
                    .iter()
                    .filter(|w| {
                        w.of == record.of && w.find(&record, &grammars.vocabulary).is_some()
                    })
                    .map(|w| w.needle.as_str())
                    .collect();
                let raw = format!("{} {:?}", sample.text, sample.fields);
                if sample.of.is_none() && !needles.iter().any(|n| raw.contains(n)) {
                    mistakes.push(at_text(
                        grammars,
                        file,
                        &anchor,
                        format!("the needles {needles:?} do not stand in this sample"),
                    ));
                }
            }
        }
    }
    for alike in &signal.look_alikes {
        let record = record_of(
            grammars,
            alike.of.as_deref(),
            alike.component.as_deref(),
            &alike.text,
            &alike.fields,
        );
        if grammars
            .find_signal(&record)
            .is_some_and(|(kind, _)| kind.kind == signal.kind)
        {
            let anchor = if alike.text.is_empty() {
                alike.fields.values().next().cloned().unwrap_or_default()
            } else {
                alike.text.clone()
            };
            mistakes.push(at_text(
                grammars,
                file,
                &anchor,
                format!("this look-alike is taken for the real thing: {}", alike.why),
            ));
        }
    }
}

/// Makes the record that a sample stands for.
fn record_of(
    grammars: &Grammars,
    of: Option<&str>,
    component: Option<&str>,
    text: &str,
    fields: &BTreeMap<String, String>,
) -> Record {
    let of = of.unwrap_or("log");
    let mut record = if of == "log" {
        grammars.peeler.peel_line(text).pop().unwrap_or_default()
    } else {
        Record {
            of: of.to_owned(),
            body: text.to_owned(),
            count: 1,
            ..Record::default()
        }
    };
    if let Some(component) = component {
        record.component = Some(component.to_owned());
    }
    record.fields.extend(fields.clone());
    record
}

/// Places a mistake at a text of the file.
fn at_text(grammars: &Grammars, file: &str, text: &str, reason: impl Into<String>) -> Mistake {
    let source = grammars
        .files
        .get(file)
        .map(String::as_str)
        .unwrap_or_default();
    let line = text.lines().next().unwrap_or_default();
    let start = source.find(line).unwrap_or(0);
    Mistake::new(file, start..(start + line.len()).min(source.len()), reason)
}
