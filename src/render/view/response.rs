//! Detection, resolution and lessons: how it was noticed, what ended it, and what seems to have gone well.
//!
//! Lessons here are suggestions with their evidence; the lessons of people stand beside them and are marked as theirs.

use super::cascades::Step;
use super::{Maker, Sentence};
use crate::model::moment::spoken;
use crate::wire::v1::SignalRow;

/// How it was noticed.
#[derive(Debug, Clone)]
pub struct DetectionView {
    /// In words.
    pub told: Sentence,
    /// Alerts in time order.
    pub alerts: Vec<Step>,
    /// Alerts that are not listed.
    pub more: usize,
}

/// What ended it.
#[derive(Debug, Clone)]
pub struct ResolutionView {
    /// In words.
    pub told: Sentence,
    /// What people or automation did.
    pub deeds: Vec<Step>,
    /// How conditions ended.
    pub ends: Vec<Step>,
}

/// Lessons.
#[derive(Debug, Clone)]
pub struct LessonsView {
    /// Suggested: what went well.
    pub well: Vec<Sentence>,
    /// Suggested: where luck helped.
    pub lucky: Vec<Sentence>,
    /// By people: went well, went less well, lucky.
    pub by_people: [Vec<String>; 3],
}

/// Steps that one list shows.
const STEPS: usize = 40;
/// An alert this soon after the first fault is worth a word of praise.
const SOON_S: f64 = 300.0;
/// The same for a roll-back or clean-up.
const QUICK_S: f64 = 900.0;

impl Maker<'_> {
    pub(super) fn has_stage(&self, stage: &str) -> bool {
        self.report.signals.iter().any(|s| self.stage(s) == stage)
    }

    pub(super) fn stage(&self, signal: &SignalRow) -> &str {
        self.titles
            .stages
            .get(&signal.signal)
            .map_or("other", String::as_str)
    }

    fn seconds(&self, metric: &str) -> Option<f64> {
        self.report.metrics.get(metric)?.value.as_f64()
    }

    fn spoken_metric(&self, metric: &str) -> Option<String> {
        self.seconds(metric)
            .map(|s| spoken(chrono::TimeDelta::milliseconds((s * 1000.0) as i64)))
    }

    fn evidence_of(&self, metric: &str) -> Vec<String> {
        self.report
            .metrics
            .get(metric)
            .map(|m| m.evidence.clone())
            .unwrap_or_default()
    }

    pub(super) fn detection(&self) -> DetectionView {
        let alerts: Vec<&SignalRow> = self
            .report
            .signals
            .iter()
            .filter(|s| self.stage(s) == "detection")
            .collect();
        let evidence = self.evidence_of("detected_at");
        let told = match (evidence.first(), self.spoken_metric("ttd_s")) {
            (Some(_), Some(after)) => {
                self.sentence(&format!("The first alert came {after} after the first fault."), &evidence)
            }
            (Some(_), None) => self.sentence("The first alert came before the first fault in the record.", &evidence),
            (None, _) if alerts.is_empty() => self.sentence(
                "No alert, page or acknowledgement is in the record. Whether there was none, or its source is missing here, the files do not tell.",
                &[],
            ),
            (None, _) => self.sentence("Alerts are in the record, and none of them can be put down to this.", &[]),
        };
        DetectionView {
            told,
            more: alerts.len().saturating_sub(STEPS),
            alerts: alerts
                .iter()
                .take(STEPS)
                .filter_map(|s| self.step(&s.id))
                .collect(),
        }
    }

    pub(super) fn resolution(&self) -> ResolutionView {
        let ids: Vec<&String> = self
            .report
            .cascades
            .iter()
            .flat_map(|c| &c.recovery.ended_by)
            .collect();
        let is_deed = |id: &&&String| {
            self.by_id
                .get(id.as_str())
                .is_some_and(|s| matches!(s.signal.as_str(), "rollback" | "remediation"))
        };
        let mut deeds: Vec<&String> = ids.iter().filter(is_deed).copied().collect();
        let mut ends: Vec<&String> = ids.iter().filter(|id| !is_deed(id)).copied().collect();
        deeds.dedup();
        ends.dedup();
        let told = match (
            deeds.first(),
            self.spoken_metric("ttm_s"),
            self.spoken_metric("ttr_s"),
        ) {
            (Some(id), Some(begun), Some(over)) => self.sentence(&format!("A roll-back or clean-up began {begun} after the first fault; the last abnormal condition ended {over} after it. That one ended the other is likely, and not proven by the order alone."), &[(*id).clone()]),
            (Some(id), Some(begun), None) => self.sentence(&format!("A roll-back or clean-up began {begun} after the first fault; the end of all conditions is not in the record."), &[(*id).clone()]),
            (None, _, Some(over)) if ends.iter().any(|id| self.by_id.get(id.as_str()).is_some_and(|s| s.signal == "deploy_finished")) => self.sentence(&format!("No node's condition was abnormal; a later roll-out of the workload was done {over} after the first fault. What had been changed by then, the record may not tell."), &self.evidence_of("resolved_at")),
            (_, _, Some(over)) => self.sentence(&format!("The last abnormal condition ended {over} after the first fault; no roll-back and no clean-up is in the record."), &self.evidence_of("resolved_at")),
            _ if self.report.cascades.is_empty() => self.sentence("There was nothing to resolve.", &[]),
            _ => self.sentence("No recovery is in the record.", &[]),
        };
        ResolutionView {
            told,
            deeds: deeds
                .into_iter()
                .take(STEPS)
                .filter_map(|id| self.step(id))
                .collect(),
            ends: ends
                .into_iter()
                .take(STEPS)
                .filter_map(|id| self.step(id))
                .collect(),
        }
    }

    pub(super) fn lessons(&self) -> LessonsView {
        let human = &self.report.human.lessons;
        let mut well = Vec::new();
        let mut lucky = Vec::new();
        if let (Some(s), Some(words)) = (self.seconds("ttd_s"), self.spoken_metric("ttd_s"))
            && (0.0..=SOON_S).contains(&s)
        {
            well.push(self.sentence(
                &format!("The first alert came {words} after the first fault."),
                &self.evidence_of("ttd_s"),
            ));
        }
        if let (Some(s), Some(words)) = (self.seconds("ttm_s"), self.spoken_metric("ttm_s"))
            && (0.0..=QUICK_S).contains(&s)
        {
            well.push(self.sentence(
                &format!("A roll-back or clean-up began {words} after the first fault."),
                &self.evidence_of("ttm_s"),
            ));
        }
        for cascade in &self.report.cascades {
            let unnoticed: Vec<String> = cascade
                .hops
                .iter()
                .flat_map(|h| h.without_pressure.iter().cloned())
                .collect();
            if !unnoticed.is_empty() {
                let (count, noun) = match unnoticed.len() {
                    1 => ("1".to_owned(), "failed pull was"),
                    n => (n.to_string(), "failed pulls were"),
                };
                lucky.push(self.sentence(
                    &format!("{count} {noun} followed by no DiskPressure: the space came back before the kubelet looked."),
                    &unnoticed,
                ));
            }
            let remedied = cascade.recovery.ended_by.iter().any(|id| {
                self.by_id
                    .get(id.as_str())
                    .is_some_and(|s| matches!(s.signal.as_str(), "rollback" | "remediation"))
            });
            if cascade.recovery.at.is_some() && !remedied {
                lucky.push(self.sentence(
                    &format!(
                        "“{}” ended without a roll-back or clean-up in the record.",
                        self.mechanism_title(&cascade.mechanism)
                    ),
                    &cascade.recovery.ended_by,
                ));
            }
        }
        LessonsView {
            well,
            lucky,
            by_people: [
                human.went_well.clone(),
                human.went_badly.clone(),
                human.lucky.clone(),
            ],
        }
    }
}
