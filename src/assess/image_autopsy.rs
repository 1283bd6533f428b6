//! Image autopsy: the layers of the images that the input describes, what each cost, and where its records contradict each other.
//!
//! Compares a Dockerfile with a history only where the input holds one of each; nothing is reconciled in silence.

use super::images::{self, Culprit};
use super::shell;
use crate::model::artefact::{
    BuildFile, BuildInstruction, CommandForm, ImageArtefact, ImageLayer, ImageSource, Measure,
    StartCommand, spoken_bytes,
};
use crate::model::{Amount, AutopsyLayer, Cascade, Disagreement, Evidence, ImageAutopsy, Incident};

/// Opens every image whose layers are described and whose pull ran out of space in a cascade.
pub(super) fn autopsies(incident: &Incident) -> Vec<ImageAutopsy> {
    let mut found: Vec<ImageAutopsy> = Vec::new();
    for cascade in &incident.cascades {
        if !images::pull_ran_out_of_space(incident, cascade) {
            continue;
        }
        if let Some(culprit) = images::culprit(incident, cascade) {
            found.extend(of_cascade(incident, cascade, &culprit));
        }
    }
    found.dedup_by(|a, b| a.path == b.path && a.subject == b.subject);
    found
}

fn of_cascade(incident: &Incident, cascade: &Cascade, culprit: &Culprit) -> Option<ImageAutopsy> {
    let digest = culprit.digest.as_deref();
    let described = |kinds: &[ImageSource]| {
        incident.artefacts.images.iter().find_map(|artefact| {
            let layered = kinds.contains(&artefact.kind) && !artefact.layers.is_empty();
            let how =
                layered.then(|| images::is_of(incident, artefact, &culprit.image, digest))??;
            Some((artefact, how))
        })
    };
    let (artefact, how) = described(&[ImageSource::History])
        .or_else(|| described(&[ImageSource::Manifest, ImageSource::Config]))?;
    let build = only_build(incident);
    let total = artefact.total;
    let layers = artefact
        .layers
        .iter()
        .enumerate()
        .map(|(at, layer)| AutopsyLayer {
            verb: layer.verb.clone(),
            text: layer.text.clone(),
            size: layer.size,
            share: layer
                .size
                .zip(total)
                .filter(|(_, total)| *total > 0)
                .map(|(size, total)| size as f64 / total as f64),
            notes: notes(&artefact.layers, at),
            citation: layer.evidence.clone(),
            build_line: build
                .and_then(|b| made_by(b, layer))
                .map(|i| i.evidence.clone()),
        })
        .collect();
    let before = images::before(incident, culprit).map(|(image, digest, _)| {
        let sizes = images::sizes(incident, &image, Some(&digest));
        (format!("{image} ({digest})"), sizes)
    });
    let mut disagreements = edited_table(artefact).into_iter().collect::<Vec<_>>();
    disagreements.extend(stated_sum(artefact));
    disagreements.extend(sums(incident, artefact, culprit));
    if let Some(build) = build {
        disagreements.extend(against_build(artefact, build));
        disagreements.extend(path_elsewhere(incident, cascade, build));
    }
    Some(ImageAutopsy {
        subject: culprit.image.clone(),
        of_cascade: Some(how.to_owned()),
        path: incident.sources[artefact.evidence.origin.source]
            .path
            .clone(),
        measure: artefact.measure,
        base: base_of(artefact).map(str::to_owned),
        layers,
        sizes: images::sizes(incident, &culprit.image, digest),
        before,
        slimmer: slimmer(artefact),
        disagreements,
    })
}

/// The Dockerfile of the input, if there is exactly one.
pub(super) fn only_build(incident: &Incident) -> Option<&BuildFile> {
    match incident.artefacts.builds.as_slice() {
        [only] => Some(only),
        _ => None,
    }
}

/// Returns the image that a history says it is built on.
fn base_of(artefact: &ImageArtefact) -> Option<&str> {
    let from = artefact.layers.iter().find(|l| l.verb == "FROM")?;
    from.text.split_whitespace().next()
}

fn notes(layers: &[ImageLayer], at: usize) -> Vec<String> {
    let layer = &layers[at];
    let mut notes = Vec::new();
    if layer.verb == "RUN" {
        let tools = shell::build_tools_left(&layer.text);
        if !tools.is_empty() {
            notes.push(format!(
                "installs what is needed to build, not to run: {}",
                tools.join(", ")
            ));
        }
        // A text that was shortened by whoever printed it may have had the clean-up behind the cut.
        let whole = !layer.text.ends_with('…') && !layer.text.ends_with("...");
        let set = |name: &str| {
            let mut steps = layers[..at].iter();
            steps.any(|l| l.verb == "ENV" && l.text.starts_with(name))
        };
        if let (true, [cache, ..]) = (whole, shell::caches_left(&layer.text, set).as_slice()) {
            notes.push(format!("keeps the package manager's files in {cache}"));
        }
        if layer.text.starts_with("rm ") && layer.size == Some(0) {
            notes.push(
                "only deletes: the bytes stay in the layers below and are pulled all the same"
                    .to_owned(),
            );
        }
    }
    // The first step of all brings the distribution's own files: `ADD file:… in /`.
    let distribution = at == 0 && layer.text.trim_end().ends_with(" in /");
    if matches!(layer.verb.as_str(), "COPY" | "ADD")
        && layer.size.is_some_and(|s| s > 100_000_000)
        && !distribution
    {
        notes.push("copied from the build context".to_owned());
    }
    notes
}

/// The image without the layers that hold nothing but tools for building. What else could go is not in the record.
fn slimmer(artefact: &ImageArtefact) -> Option<(Amount, String)> {
    let total = artefact.total?;
    let mut saved = 0;
    let mut citations = Vec::new();
    for layer in artefact.layers.iter().filter(|l| l.verb == "RUN") {
        let only_packages = ["apt-get", "apt", "apk", "yum", "dnf", "microdnf"]
            .iter()
            .any(|manager| layer.text.starts_with(manager))
            && !["npm", "pip", "yarn", "mvn", "go build"]
                .iter()
                .any(|b| layer.text.contains(b));
        if only_packages && !shell::build_tools_left(&layer.text).is_empty() {
            saved += layer.size?;
            citations.push(layer.evidence.clone());
        }
    }
    (saved > 0).then(|| {
        (
            Amount {
                bytes: total.saturating_sub(saved),
                measure: artefact.measure,
                rounded: true,
                at_least: false,
                from: "the layers' sizes".to_owned(),
                citations,
            },
            "without the layers that install tools for building; what a smaller base and a smaller build context would save is not in the record".to_owned(),
        )
    })
}

/// The instruction of a Dockerfile that made a layer, where one fits and only one.
fn made_by<'a>(build: &'a BuildFile, layer: &ImageLayer) -> Option<&'a BuildInstruction> {
    let stage = build.final_stage();
    let fits: Vec<&&BuildInstruction> = stage
        .iter()
        .filter(|i| i.verb == layer.verb)
        .filter(|i| match layer.verb.as_str() {
            "RUN" => same_command(&layer.text, &i.text),
            // A history of the classic builder shows a hash in place of the paths.
            "COPY" | "ADD" => true,
            _ => false,
        })
        .collect();
    match fits.as_slice() {
        [only] => Some(only),
        _ => None,
    }
}

/// Two commands are the same as far as the shorter, possibly cut one goes, and for at least two words.
fn same_command(printed: &str, written: &str) -> bool {
    let printed = printed.trim_end_matches(['…', '.']);
    let a: Vec<&str> = printed.split_whitespace().collect();
    let b: Vec<&str> = written.split_whitespace().collect();
    let common = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    common >= 2 && common >= a.len().min(b.len()).saturating_sub(1)
}

fn edited_table(artefact: &ImageArtefact) -> Option<Disagreement> {
    let from = artefact
        .layers
        .iter()
        .find(|l| l.verb == "FROM" && artefact.kind == ImageSource::History)?;
    Some(Disagreement {
        what: "The table has a step FROM. No builder writes one: a history shows the base image's own steps in its place, so somebody has edited or summed up this table.".to_owned(),
        citations: vec![from.evidence.clone()],
    })
}

/// A sum that somebody wrote below a table and that its rows do not give.
fn stated_sum(artefact: &ImageArtefact) -> Option<Disagreement> {
    let (stated, line) = artefact.stated.as_ref()?;
    let total = artefact.total?;
    (total.abs_diff(*stated) as f64 > total as f64 * 0.03).then(|| Disagreement {
        what: format!(
            "The layers of the {} add up to {}, the line below them says {}.",
            artefact.kind.title(),
            spoken_bytes(total),
            spoken_bytes(*stated)
        ),
        citations: vec![artefact.evidence.clone(), line.clone()],
    })
}

/// Two records that give one image different sizes of the same measure.
fn sums(incident: &Incident, artefact: &ImageArtefact, culprit: &Culprit) -> Option<Disagreement> {
    let total = artefact.total?;
    let other = incident.artefacts.images.iter().find(|other| {
        other.kind != artefact.kind
            && other.measure == artefact.measure
            && other.measure != Measure::Unknown
            && images::is_of(incident, other, &culprit.image, culprit.digest.as_deref()).is_some()
            && other
                .total
                .is_some_and(|t| t.abs_diff(total) as f64 > total as f64 * 0.03)
    })?;
    Some(Disagreement {
        what: format!(
            "The layers of the {} add up to {}, the {} says {} ({}).",
            artefact.kind.title(),
            spoken_bytes(total),
            other.kind.title(),
            spoken_bytes(other.total.unwrap_or_default()),
            artefact.measure.name()
        ),
        citations: vec![artefact.evidence.clone(), other.evidence.clone()],
    })
}

fn form_name(form: CommandForm) -> &'static str {
    match form {
        CommandForm::Exec => "exec form (a list of words)",
        CommandForm::Shell => "shell form (a line for a shell)",
    }
}

fn against_build(artefact: &ImageArtefact, build: &BuildFile) -> Vec<Disagreement> {
    let mut found = Vec::new();
    let stage = build.final_stage();
    let cite = |verb: &str, instruction: &BuildInstruction| {
        let layer = artefact.layers.iter().rev().find(|l| l.verb == verb);
        let layer = layer.map_or_else(|| artefact.evidence.clone(), |l| l.evidence.clone());
        vec![layer, instruction.evidence.clone()]
    };
    let starts: [(&str, &Option<StartCommand>); 2] = [
        ("CMD", &artefact.command),
        ("ENTRYPOINT", &artefact.entrypoint),
    ];
    for (verb, built) in starts {
        let written = stage.iter().rev().find(|i| i.verb == verb);
        if let (Some(built), Some(written)) = (built, written)
            && let Some(form) = written.form
        {
            if form != built.form {
                found.push(Disagreement {
                    what: format!(
                        "The image's {verb} is in {}, the Dockerfile's in {}: this image was not built from this file as it stands.",
                        form_name(built.form),
                        form_name(form)
                    ),
                    citations: cite(verb, written),
                });
            } else if built.words.join(" ") != written.words.join(" ") {
                found.push(Disagreement {
                    what: format!("The image's {verb} is not the Dockerfile's."),
                    citations: cite(verb, written),
                });
            }
        }
    }
    found.extend(command_of_nobody(artefact, build, &stage));
    if let (Some(base), Some(from)) = (base_of(artefact), build.base())
        && let Some(written) = from.words.first()
        && !written.contains('$')
        && !build.is_stage(written)
        && crate::model::entity::joining_form("image", base)
            != crate::model::entity::joining_form("image", written)
    {
        found.push(Disagreement {
            what: format!(
                "The history says that the image is built on {base}, the Dockerfile on {written}."
            ),
            citations: cite("FROM", from),
        });
    }
    if let (Some(built), Some(written)) = (
        &artefact.directory,
        stage.iter().rev().find(|i| i.verb == "WORKDIR"),
    ) && let Some(directory) = written.words.first()
        && directory.starts_with('/')
        && directory.trim_end_matches('/') != built.trim_end_matches('/')
    {
        found.push(Disagreement {
            what: format!(
                "The image's working directory is {built}, the Dockerfile's {directory}."
            ),
            citations: cite("WORKDIR", written),
        });
    }
    found.extend(order(artefact, &stage));
    if artefact.kind == ImageSource::History {
        for verb in ["USER", "EXPOSE", "ENTRYPOINT"] {
            let written = stage.iter().find(|i| i.verb == verb);
            if let Some(written) = written
                && !artefact.layers.iter().any(|l| l.verb == verb)
            {
                found.push(Disagreement {
                    what: format!(
                        "The Dockerfile has {verb} {}, the history has no such step.",
                        written.text
                    ),
                    citations: vec![written.evidence.clone(), artefact.evidence.clone()],
                });
            }
        }
    }
    found
}

/// A start command that was set after the Dockerfile's own steps, and that the Dockerfile does not set.
fn command_of_nobody(
    artefact: &ImageArtefact,
    build: &BuildFile,
    stage: &[&BuildInstruction],
) -> Option<Disagreement> {
    let set = artefact.layers.iter().rposition(|l| l.verb == "CMD")?;
    let own = artefact
        .layers
        .iter()
        .rposition(|l| made_by(build, l).is_some())?;
    // What the base image set stands before.
    if stage.iter().any(|i| i.verb == "CMD") || set < own {
        return None;
    }
    let layer = &artefact.layers[set];
    Some(Disagreement {
        what: format!(
            "The image's history sets CMD {} after the Dockerfile's own steps, and the Dockerfile sets none.",
            layer.text
        ),
        citations: vec![layer.evidence.clone(), build.evidence.clone()],
    })
}

/// The first pair of steps that stands the other way round.
fn order(artefact: &ImageArtefact, stage: &[&BuildInstruction]) -> Option<Disagreement> {
    let matched: Vec<(usize, &ImageLayer, &BuildInstruction)> = artefact
        .layers
        .iter()
        .filter_map(|layer| {
            let mut fits = stage.iter().enumerate().filter(|(_, i)| {
                i.verb == layer.verb
                    && match i.verb {
                        "RUN" => same_command(&layer.text, &i.text),
                        "COPY" => true,
                        _ => false,
                    }
            });
            let one = fits.next()?;
            fits.next().is_none().then_some((one.0, layer, *one.1))
        })
        .collect();
    let copies = artefact.layers.iter().filter(|l| l.verb == "COPY").count();
    let pair = matched
        .windows(2)
        .find(|w| w[0].0 > w[1].0 && (copies == 1 || w.iter().all(|m| m.1.verb != "COPY")))?;
    let said = |m: &(usize, &ImageLayer, &BuildInstruction)| {
        let words: Vec<&str> = m.2.text.split_whitespace().take(2).collect();
        format!("{} {}", m.2.verb, words.join(" "))
    };
    Some(Disagreement {
        what: format!(
            "In the history “{}” comes before “{}”, in the Dockerfile after it.",
            said(&pair[0]),
            said(&pair[1])
        ),
        citations: vec![
            pair[0].1.evidence.clone(),
            pair[1].1.evidence.clone(),
            pair[0].2.evidence.clone(),
            pair[1].2.evidence.clone(),
        ],
    })
}

/// A failed write of an installed package that is not where the Dockerfile installs packages.
fn path_elsewhere(
    incident: &Incident,
    cascade: &Cascade,
    build: &BuildFile,
) -> Option<Disagreement> {
    let directories: Vec<&BuildInstruction> = build
        .instructions
        .iter()
        .filter(|i| i.verb == "WORKDIR" && i.words.first().is_some_and(|w| w.starts_with('/')))
        .collect();
    let installs = build.instructions.iter().any(|i| {
        i.verb == "RUN"
            && ["npm ", "yarn", "pnpm "]
                .iter()
                .any(|tool| i.text.contains(tool))
    });
    if !installs || directories.is_empty() {
        return None;
    }
    cascade.members.iter().chain([&cascade.origin]).find_map(|id| {
        let fact = &incident.facts[*id];
        let path = fact.entity("path")?;
        // What the runtime unpacks stands under its own root first.
        let inside = path.rsplit_once("/fs/").map_or(path, |(_, inside)| inside);
        let inside = format!("/{}", inside.trim_start_matches('/'));
        let (place, _) = inside.split_once("/node_modules/")?;
        let covered = build.instructions.iter().any(|i| {
            matches!(i.verb, "WORKDIR" | "COPY" | "ADD")
                && i.words.last().is_some_and(|w| w.starts_with('/') && place.starts_with(w.trim_end_matches('/')))
        });
        if covered || place.is_empty() || place.starts_with("/usr/lib") || place.starts_with("/usr/local/lib") {
            return None;
        }
        let directory = directories.last()?;
        let mut citations: Vec<Evidence> = fact.evidence.first().cloned().into_iter().collect();
        citations.push(directory.evidence.clone());
        Some(Disagreement {
            what: format!(
                "The write that failed was to {place}/node_modules, and the Dockerfile installs its packages under {}: the image that was pulled was not built from this file as it stands.",
                directory.words.first().map_or("another directory", String::as_str)
            ),
            citations,
        })
    })
}
