//! Factor `silent-alerting`: nodes were in trouble and the record holds alerts, but none of them in time.
//!
//! Reads the finished cascades; gives one finding a cascade. Where the record holds no alert at all, that is a gap in the record, not a finding.

use chrono::TimeDelta;

use super::Factor;
use crate::model::{Finding, Incident};

/// How long an alert may take before it is late: the stock rules wait up to 15 minutes, plus scrape, evaluation and grouping.
const LATE: TimeDelta = TimeDelta::minutes(20);

/// # What it looks for
/// The first alert after the origin of a cascade came more than 20 minutes later.
///
/// # Why it matters
/// Each hop of a cascade takes minutes; an alert that comes later than several hops leaves people to find the loop already running.
///
/// # Example
/// A pull fails for lack of space at 10:00, the next node at 10:05, the page comes at 10:41.
///
/// # When it is mistaken
/// The alert tool's record may be missing from the input: without any alert in the record there is no finding, only a gap.
///
/// # What to do
/// Alert on `NodeHasDiskPressure` and on failed pulls with "no space left on device" without a long `for:`.
///
/// # References
/// Catalogue of timings, edge E23: stock rules use `for: 5–15m`.
pub(super) struct SilentAlerting;

impl Factor for SilentAlerting {
    fn id(&self) -> &'static str {
        "silent-alerting"
    }

    fn explain(&self) -> &'static str {
        "What it looks for: the first alert after the origin of a cascade came more than 20 minutes later.\n\
         Why it matters: each hop of a cascade takes minutes; a late alert leaves people to find the loop already running.\n\
         When it is mistaken: without any alert in the record there is no finding, only a gap.\n\
         What to do: alert on NodeHasDiskPressure and on failed pulls with \"no space left on device\" without a long `for:`."
    }

    fn check(&self, incident: &Incident) -> Vec<Finding> {
        incident
            .cascades
            .iter()
            .filter_map(|cascade| {
                let begin = incident.facts[cascade.origin].moment?.at;
                let (alert, at) = incident.facts.iter().enumerate().filter(|(_, f)| f.kind == "alert_fired").find_map(|(id, f)| f.moment.filter(|m| m.at >= begin).map(|m| (id, m.at)))?;
                (at - begin > LATE).then(|| Finding {
                    factor: self.id(),
                    subject: cascade.culprit.first().map_or_else(|| cascade.mechanism.clone(), |(_, value)| value.clone()),
                    strength: "amplifier",
                    evidence: vec![cascade.origin, alert],
                    because: format!("the first alert came {} after the first fault.", crate::model::moment::spoken(at - begin)),
                    action: "Alert on NodeHasDiskPressure and on failed pulls for lack of space without a long waiting time.".to_owned(),
                    ..Finding::default()
                })
            })
            .collect()
    }
}

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
