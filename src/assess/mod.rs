//! Stage 6, assess: metrics, contributing factors, actions, what is not known, and the summary.
//!
//! Takes a correlated incident; gives an [`Assessment`]. Puts nothing into the story that correlate did not find.
//! Metrics are in [`metrics`], factors in [`factors`], one file each.

pub mod factors;
pub mod metrics;

mod gaps;
mod summary;

use crate::grammar::Grammars;
use crate::model::{Action, Assessment, Incident, Problem};

/// Assesses an incident. `assumptions` are what `align` had to assume about time.
pub fn assess(
    incident: &Incident,
    assumptions: &[String],
    grammars: &Grammars,
) -> (Assessment, Vec<Problem>) {
    let metrics = metrics::metrics(incident);
    let findings: Vec<_> = factors::ALL
        .iter()
        .flat_map(|factor| factor.check(incident))
        .collect();
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
                });
            }
        }
    }
    let gaps = gaps::gaps(incident, assumptions, &metrics);
    let summary = summary::summary(incident, &metrics, grammars);
    let title = summary::title(incident, grammars);
    let window = summary::window(incident);
    (
        Assessment {
            metrics,
            findings,
            actions,
            gaps,
            summary,
            title,
            window,
        },
        Vec::new(),
    )
}
