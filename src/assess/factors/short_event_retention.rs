//! Factor `short-event-retention`: the incident lasted longer than the cluster keeps events.
//!
//! Reads the span of event lists against the incident's window; gives one finding. Other sources may tell what the events no longer do.

use chrono::TimeDelta;

use serde_json::Value;

use crate::assess::images;
use crate::grammar::physics::parse_duration;
use crate::model::moment::spoken;
use crate::model::{Evidence, Finding, Incident};

/// How long the API server keeps events unless it is told otherwise.
///
/// # Source
/// kube-apiserver, `--event-ttl`, 1 h.
const DEFAULT: TimeDelta = TimeDelta::hours(1);

/// How long this cluster's API server keeps events, where its pod is in the record.
fn retention(incident: &Incident) -> Option<(TimeDelta, Evidence)> {
    incident.artefacts.objects.iter().find_map(|object| {
        let containers = object.containers();
        let mut words = containers.iter().flat_map(|c| {
            let of = |key: &str| c.get(key).and_then(Value::as_array).into_iter().flatten();
            of("command").chain(of("args")).filter_map(Value::as_str)
        });
        let written = words.find_map(|word| word.strip_prefix("--event-ttl="))?;
        Some((parse_duration(written).ok()?, object.evidence.clone()))
    })
}

fn check(incident: &Incident) -> Vec<Finding> {
    let Some(cascade) = incident.cascades.first() else {
        return Vec::new();
    };
    let at = |id: usize| incident.facts[id].moment.map(|m| m.at);
    let Some(begin) = at(cascade.origin) else {
        return Vec::new();
    };
    let Some(end) = cascade
        .members
        .iter()
        .chain(&cascade.recovery)
        .filter_map(|id| at(*id))
        .max()
    else {
        return Vec::new();
    };
    let set = retention(incident);
    if end - begin < set.as_ref().map_or(DEFAULT, |(kept, _)| *kept) {
        return Vec::new();
    }
    let first = incident
        .readings
        .iter()
        .enumerate()
        .filter(|(_, r)| {
            r.formats.iter().any(|f| {
                f.split(" > ")
                    .last()
                    .is_some_and(|f| f.starts_with("kube-event"))
            }) && r.records > 0
        })
        .filter_map(|(index, r)| Some((r.from?, index)))
        .min();
    let Some((from, index)) = first.filter(|(from, _)| *from > begin + TimeDelta::minutes(10))
    else {
        return Vec::new();
    };
    vec![Finding {
        factor: "short-event-retention",
        subject: incident.sources[index].path.clone(),
        strength: "latent",
        evidence: vec![cascade.origin],
        citations: set.iter().map(|(_, cited)| cited.clone()).collect(),
        because: format!(
            "The incident began at {}, and the events in the input begin at {}.{}",
            images::clock(incident, begin),
            images::clock(incident, from),
            set.map(|(kept, _)| format!(" The API server is set to keep them for {}.", spoken(kept)))
                .unwrap_or_default()
        ),
        counterfactual: "It changed nothing in the incident; it is why its beginning is told by fewer witnesses.".to_owned(),
        action: "Keep events outside the cluster, or raise --event-ttl.".to_owned(),
        ..Finding::default()
    }]
}

factor!(
    ShortEventRetention,
    "short-event-retention",
    "What it looks for: an incident that is longer than events are kept (an hour, or what the API server's own pod says) of which the event lists in the input only cover the last part.\n\
Why it matters: the API server forgets events after an hour by default; the beginning is then told by logs, or by nothing.\n\
Example: a cascade from 03:00 to 05:30 with events from 04:30 on.\n\
When it is mistaken: the event list was collected with a filter, or only for one namespace.\n\
What to do: keep events outside the cluster, or raise `--event-ttl`.\n\
References: kube-apiserver reference, --event-ttl (default 1h); kube-score and CIS have no such rule.",
    check
);
