//! Question `recurring_things`: images, workloads, namespaces and nodes that are blamed again and again.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use polars::prelude::{DataFrame, PolarsResult, df};

use super::{Frames, Question};
use crate::batch::columns::{IMAGE, INCIDENT, NODE, WORKLOAD};
use crate::batch::frames::{texts, times};

pub(super) const QUESTION: Question = Question {
    id: "recurring_things",
    title: "Which images, teams and nodes again?",
    about: "One row a repository, workload, namespace or node that a verdict names in two incidents or more. A namespace stands for a team where teams have namespaces.",
    ask,
};

/// Returns an image's repository: without tag and digest.
fn repository(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    match image.rsplit_once(':') {
        // A colon before the last slash is a port.
        Some((name, tag)) if !tag.contains('/') => name,
        _ => image,
    }
}

/// | column | type | unit | null |
/// |---|---|---|---|
/// | kind | text | repository, workload, namespace or node | no |
/// | what | text | | no |
/// | incidents | int | | no |
/// | first | text | YYYY-MM-DD | if no time is known |
/// | last | text | YYYY-MM-DD | if no time is known |
/// | which | text | incident ids, at most 20 | no |
fn ask(frames: &Frames) -> PolarsResult<DataFrame> {
    let from: BTreeMap<String, i64> = texts(&frames.incidents, INCIDENT)?
        .into_iter()
        .zip(times(&frames.incidents, "from")?)
        .filter_map(|(id, at)| Some((id?, at?)))
        .collect();
    let mut groups: BTreeMap<(&str, String), BTreeSet<String>> = BTreeMap::new();
    let cascades = &frames.cascades;
    let columns = texts(cascades, INCIDENT)?
        .into_iter()
        .zip(texts(cascades, IMAGE)?)
        .zip(texts(cascades, WORKLOAD)?)
        .zip(texts(cascades, NODE)?);
    for (((incident, image), workload), node) in columns {
        let incident = incident.unwrap_or_default();
        let namespace = workload
            .as_deref()
            .and_then(|w| w.split_once('/'))
            .map(|(namespace, _)| namespace.to_owned());
        let named = [
            ("repository", image.map(|i| repository(&i).to_owned())),
            ("workload", workload),
            ("namespace", namespace),
            ("node", node),
        ];
        for (kind, what) in named
            .into_iter()
            .filter_map(|(kind, what)| Some((kind, what?)))
        {
            groups
                .entry((kind, what))
                .or_default()
                .insert(incident.clone());
        }
    }
    let mut rows: Vec<_> = groups
        .into_iter()
        .filter(|(_, incidents)| incidents.len() > 1)
        .collect();
    rows.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then_with(|| a.0.cmp(&b.0)));
    let day = |incidents: &BTreeSet<String>, last: bool| {
        let known = incidents.iter().filter_map(|id| from.get(id).copied());
        if last { known.max() } else { known.min() }
            .and_then(DateTime::from_timestamp_micros)
            .map(|at| at.format("%Y-%m-%d").to_string())
    };
    df![
        "kind" => rows.iter().map(|r| r.0.0).collect::<Vec<_>>(),
        "what" => rows.iter().map(|r| r.0.1.as_str()).collect::<Vec<_>>(),
        "incidents" => rows.iter().map(|r| r.1.len() as u32).collect::<Vec<_>>(),
        "first" => rows.iter().map(|r| day(&r.1, false)).collect::<Vec<_>>(),
        "last" => rows.iter().map(|r| day(&r.1, true)).collect::<Vec<_>>(),
        "which" => rows.iter().map(|r| r.1.iter().take(20).map(String::as_str).collect::<Vec<_>>().join(" ")).collect::<Vec<_>>(),
    ]
}

#[cfg(test)]
mod tests {
    #[test]
    fn tags_of_one_repository_are_one_thing() {
        super::super::case::check(
            &super::QUESTION,
            "incidents incident.id=a from=2024-01-01
             incidents incident.id=b from=2024-02-01
             cascades incident.id=a container.image.name=reg:5000/shop/cart:v1 workload=shop/Deployment/cart
             cascades incident.id=b container.image.name=reg:5000/shop/cart:v2 workload=shop/Deployment/till",
            &["namespace | shop | 2 | 2024-01-01 | 2024-02-01 | a b", "repository | reg:5000/shop/cart | 2 | 2024-01-01 | 2024-02-01 | a b"],
        );
        assert_eq!(super::repository("reg:5000/a"), "reg:5000/a");
        assert_eq!(super::repository("a@sha256:00"), "a");
    }
}
