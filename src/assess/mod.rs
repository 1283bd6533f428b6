//! Stage 6, assess: metrics, contributing factors, actions, what is not known, and the summary.
//!
//! Takes a correlated incident; gives an [`Assessment`]. Puts nothing into the story that correlate did not find.
//! Metrics are in [`metrics`], factors in [`factors`], one file each.

pub mod factors;
pub mod metrics;
pub mod policy;

mod actions;
mod built;
mod disk_budget;
mod gaps;
mod image_autopsy;
mod images;
mod rollback;
mod shell;
mod summary;

use crate::grammar::Grammars;
use crate::model::{Action, Assessment, Incident, Problem};

/// Returns a preset as ValidatingAdmissionPolicy with its binding, in YAML.
pub fn policy_text(preset: &policy::presets::Preset) -> String {
    actions::admission::text(preset)
}

/// Necessary factors first, latent ones last.
fn strength_order(strength: &str) -> usize {
    ["necessary", "amplifier", "latent"]
        .iter()
        .position(|s| *s == strength)
        .unwrap_or(3)
}

/// What factors and guard-rails build on: the images taken apart, and the disks' budgets.
pub fn groundwork(incident: &Incident) -> Assessment {
    Assessment {
        autopsies: image_autopsy::autopsies(incident),
        budgets: disk_budget::budgets(incident),
        ..Assessment::default()
    }
}

/// Assesses an incident with its [`groundwork`]. `assumptions` are what `align` had to assume about time.
pub fn assess(
    incident: &Incident,
    assumptions: &[String],
    grammars: &Grammars,
) -> (Assessment, Vec<Problem>) {
    let metrics = metrics::metrics(incident);
    let mut findings: Vec<_> = factors::ALL
        .iter()
        .flat_map(|factor| {
            let mut found = factor.check(incident);
            for finding in &mut found {
                finding.mistaken_when =
                    factors::documented(factor.explain(), "When it is mistaken").to_owned();
                finding.references = factors::documented(factor.explain(), "References").to_owned();
            }
            found
        })
        .collect();
    findings.sort_by_key(|f| (strength_order(f.strength), f.factor, f.subject.clone()));
    let mut actions: Vec<Action> = Vec::new();
    for cascade in &incident.cascades {
        let Some(mechanism) = grammars
            .mechanisms
            .iter()
            .find(|m| m.id == cascade.mechanism)
        else {
            continue;
        };
        for help in &mechanism.helps {
            if !actions.iter().any(|a| a.id == help.id) {
                actions.push(Action {
                    id: help.id.clone(),
                    class: help.class.clone(),
                    text: help.text.clone(),
                    done_when: help.done_when.clone(),
                    artifact: None,
                    backtest: None,
                });
            }
        }
    }
    let guard_rails = actions::guard_rails(incident, &findings);
    actions::attach(&mut actions, &guard_rails);
    let gaps = gaps::gaps(incident, assumptions, &metrics);
    let summary = summary::summary(incident, &metrics, grammars);
    let title = summary::title(incident, grammars);
    let window = summary::window(incident);
    (
        Assessment {
            metrics,
            findings,
            actions,
            autopsies: incident.assessment.autopsies.clone(),
            budgets: incident.assessment.budgets.clone(),
            rollbacks: rollback::rollbacks(incident),
            guard_rails,
            gaps,
            summary,
            title,
            window,
        },
        Vec::new(),
    )
}
