//! Factor `silent-alerting`: nodes were in trouble and the record holds alerts, but none of them in time.
//!
//! Reads the finished cascades; gives one finding a cascade. Where the record holds no alert at all, that is a gap in the record, not a finding.

use chrono::TimeDelta;

use crate::model::moment::spoken;
use crate::model::{Finding, Incident};

/// How long an alert may take before it is late: the stock rules wait up to 15 minutes, plus scrape, evaluation and grouping.
const LATE: TimeDelta = TimeDelta::minutes(20);

/// Kinds that show the cascade at work on a node.
const HARM: &[&str] = &[
    "evicted",
    "disk_pressure_on",
    "pull_failed",
    "node_not_ready",
    "taint_eviction",
];

fn check(incident: &Incident) -> Vec<Finding> {
    incident
        .cascades
        .iter()
        .filter_map(|cascade| {
            let begin = incident.facts[cascade.origin].moment?.at;
            let (alert, at) = incident
                .facts
                .iter()
                .enumerate()
                .filter(|(_, f)| f.kind == "alert_fired")
                .find_map(|(id, f)| f.moment.filter(|m| m.at >= begin).map(|m| (id, m.at)))?;
            (at - begin > LATE).then(|| {
                let mut nodes: Vec<&str> = cascade
                    .members
                    .iter()
                    .map(|id| &incident.facts[*id])
                    .filter(|f| HARM.contains(&f.kind.as_str()))
                    .filter(|f| f.moment.is_some_and(|m| m.at > begin + LATE && m.at < at))
                    .filter_map(|f| f.entity("node"))
                    .collect();
                nodes.sort_unstable();
                nodes.dedup();
                let later = match nodes.as_slice() {
                    [] => "no further harm to a node is in the record between the two.".to_owned(),
                    [one] => format!("what happened to {one} after that and before the alert came when somebody could have known."),
                    many => format!("what happened to {} after that and before the alert came when somebody could have known.", many.join(", ")),
                };
                Finding {
                    factor: "silent-alerting",
                    subject: cascade
                        .culprit
                        .first()
                        .map_or_else(|| cascade.mechanism.clone(), |(_, value)| value.clone()),
                    strength: if nodes.is_empty() { "latent" } else { "amplifier" },
                    evidence: vec![cascade.origin, alert],
                    because: format!("The first alert came {} after the first fault.", spoken(at - begin)),
                    counterfactual: format!(
                        "An alert within {} of the first fault would have come at {} at the latest: {later}",
                        spoken(LATE),
                        (begin + LATE).format("%H:%M:%S")
                    ),
                    action: "Alert on NodeHasDiskPressure and on failed pulls for lack of space without a long waiting time.".to_owned(),
                    ..Finding::default()
                }
            })
        })
        .collect()
}

factor!(
    SilentAlerting,
    "silent-alerting",
    "What it looks for: the first alert after the origin of a cascade came more than 20 minutes later.\n\
Why it matters: each hop of a cascade takes minutes; a late alert leaves people to find the loop already running.\n\
Example: a pull fails for lack of space at 10:00, the next node at 10:05, the page comes at 10:41.\n\
When it is mistaken: the alert tool's record may be missing from the input: without any alert in the record there is no finding, only a gap.\n\
What to do: alert on NodeHasDiskPressure and on failed pulls with \"no space left on device\" without a long `for:`.\n\
References: kubernetes-mixin, stock rules wait 5 to 15 minutes; kube-score and CIS have no such rule.",
    check
);

#[cfg(test)]
mod tests {
    use super::super::case::check;
    use super::SilentAlerting;

    #[test]
    fn only_a_late_alert_is_found() {
        check(
            &SilentAlerting,
            "10:00 pull_failed image=a:1\n10:41 alert_fired",
            &["silent-alerting a:1, evidence 1 2"],
        );
        check(
            &SilentAlerting,
            "10:00 pull_failed image=a:1\n10:10 alert_fired",
            &[],
        );
        check(
            &SilentAlerting,
            "09:00 alert_fired\n10:00 pull_failed image=a:1",
            &[],
        );
    }
}
