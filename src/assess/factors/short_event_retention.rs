//! Factor `short-event-retention`: the incident lasted longer than the cluster keeps events.
//!
//! Reads the span of event lists against the incident's window; gives one finding. Other sources may tell what the events no longer do.

use chrono::TimeDelta;

use crate::model::{Finding, Incident};

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
    if end - begin < TimeDelta::hours(1) {
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
        because: format!("The incident began at {}, and the events in the input begin at {}.", begin.format("%H:%M:%S"), from.format("%H:%M:%S")),
        counterfactual: "It changed nothing in the incident; it is why its beginning is told by fewer witnesses.".to_owned(),
        action: "Keep events outside the cluster, or raise --event-ttl.".to_owned(),
        ..Finding::default()
    }]
}

factor!(
    ShortEventRetention,
    "short-event-retention",
    "What it looks for: an incident of more than an hour of which the event lists in the input only cover the last part.\n\
Why it matters: the API server forgets events after an hour by default; the beginning is then told by logs, or by nothing.\n\
Example: a cascade from 03:00 to 05:30 with events from 04:30 on.\n\
When it is mistaken: the event list was collected with a filter, or only for one namespace.\n\
What to do: keep events outside the cluster, or raise `--event-ttl`.\n\
References: kube-apiserver reference, --event-ttl (default 1h); kube-score and CIS have no such rule.",
    check
);
