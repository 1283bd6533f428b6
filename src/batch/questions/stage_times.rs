//! Question `stage_times`: how long each step of a cascade takes.

use std::collections::BTreeMap;

use polars::prelude::{DataFrame, PolarsResult, df};

use super::{Frames, Question, spread};
use crate::batch::columns::INCIDENT;
use crate::batch::frames::{numbers, texts};

pub(super) const QUESTION: Question = Question {
    id: "stage_times",
    title: "How long from step to step?",
    about: "One row a causal rule. A step that took no time, or a little less than none, lies within the precision of its stamps.",
    ask,
};

/// Links of one rule: cause and effect, incidents, seconds.
type Step = (String, String, Vec<String>, Vec<Option<f64>>);

/// | column | type | unit | null |
/// |---|---|---|---|
/// | cause | text | signal kind | no |
/// | effect | text | signal kind | no |
/// | rule | text | | no |
/// | incidents | int | | no |
/// | n | int | links | no |
/// | median | float | s | no |
/// | p90 | float | s | if n < 5 |
fn ask(frames: &Frames) -> PolarsResult<DataFrame> {
    let links = &frames.links;
    let mut groups: BTreeMap<String, Step> = BTreeMap::new();
    let columns = texts(links, "rule")?
        .into_iter()
        .zip(texts(links, "cause.signal")?)
        .zip(texts(links, "effect.signal")?)
        .zip(texts(links, INCIDENT)?)
        .zip(numbers(links, "lag_ms")?);
    for ((((rule, cause), effect), incident), lag) in columns {
        let group = groups.entry(rule.unwrap_or_default()).or_default();
        group.0 = cause.unwrap_or_default();
        group.1 = effect.unwrap_or_default();
        group.2.push(incident.unwrap_or_default());
        group.3.push(lag.map(|ms| ms / 1000.0));
    }
    let mut rows: Vec<_> = groups
        .into_iter()
        .map(|(rule, (cause, effect, mut incidents, lags))| {
            incidents.sort();
            incidents.dedup();
            (cause, effect, rule, incidents.len() as u32, spread(lags))
        })
        .collect();
    rows.sort_by(|a, b| b.4.n.cmp(&a.4.n).then_with(|| a.2.cmp(&b.2)));
    df![
        "cause" => rows.iter().map(|r| r.0.as_str()).collect::<Vec<_>>(),
        "effect" => rows.iter().map(|r| r.1.as_str()).collect::<Vec<_>>(),
        "rule" => rows.iter().map(|r| r.2.as_str()).collect::<Vec<_>>(),
        "incidents" => rows.iter().map(|r| r.3).collect::<Vec<_>>(),
        "n" => rows.iter().map(|r| r.4.n).collect::<Vec<_>>(),
        "median" => rows.iter().map(|r| r.4.median).collect::<Vec<_>>(),
        "p90" => rows.iter().map(|r| r.4.p90).collect::<Vec<_>>(),
    ]
}

#[cfg(test)]
mod tests {
    #[test]
    fn five_links_have_a_percentile() {
        let links: String = [1, 2, 3, 4, 50].iter().map(|s| format!("links incident.id=a rule=r cause.signal=pulled effect.signal=evicted lag_ms={s}000\n")).collect();
        super::super::case::check(
            &super::QUESTION,
            &links,
            &["pulled | evicted | r | 1 | 5 | 3.0 | 50.0"],
        );
    }
}
