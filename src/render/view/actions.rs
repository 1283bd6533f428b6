//! Action items: what usually helps, with owners and dates by people, and actions of their own.

use super::Maker;

/// An action item.
#[derive(Debug, Clone)]
pub struct ActionView {
    /// Id.
    pub id: String,
    /// Class.
    pub class: String,
    /// What.
    pub text: String,
    /// When it counts as done.
    pub done_when: String,
    /// Who does it; empty where nobody has said so.
    pub owner: String,
    /// Until when; empty where nobody has said so.
    pub due: String,
    /// Where it is tracked.
    pub ticket: String,
    /// `open`, `done` or `rejected`.
    pub status: String,
    /// It is still to be done.
    pub is_open: bool,
    /// It was worked out from the record, and is a suggestion.
    pub is_suggested: bool,
    /// A policy file that does it; empty if there is none.
    pub artifact: String,
    /// What it would have done here; empty if that was not tried.
    pub backtest: String,
}

impl Maker<'_> {
    pub(super) fn actions(&self) -> Vec<ActionView> {
        let notes = &self.report.human.actions;
        let status = |status: &str| match status {
            "" => "open".to_owned(),
            other => other.to_owned(),
        };
        let mut actions: Vec<ActionView> = self
            .report
            .actions
            .iter()
            .map(|a| {
                let note = notes
                    .iter()
                    .find(|n| n.id == a.id)
                    .cloned()
                    .unwrap_or_default();
                let or = |own: &str, suggested: &str| {
                    if own.is_empty() { suggested } else { own }.to_owned()
                };
                ActionView {
                    id: a.id.clone(),
                    class: or(&note.class, &a.class),
                    text: or(&note.text, &a.text),
                    done_when: or(&note.done_when, &a.done_when),
                    is_open: !matches!(note.status.as_str(), "done" | "rejected"),
                    status: status(&note.status),
                    owner: note.owner,
                    due: note.due,
                    ticket: note.ticket,
                    is_suggested: true,
                    artifact: a.artifact.clone().unwrap_or_default(),
                    backtest: a.backtest.clone().unwrap_or_default(),
                }
            })
            .collect();
        for note in notes {
            if note.text.is_empty() || self.report.actions.iter().any(|a| a.id == note.id) {
                continue;
            }
            actions.push(ActionView {
                id: note.id.clone(),
                class: note.class.clone(),
                text: note.text.clone(),
                done_when: note.done_when.clone(),
                is_open: !matches!(note.status.as_str(), "done" | "rejected"),
                status: status(&note.status),
                owner: note.owner.clone(),
                due: note.due.clone(),
                ticket: note.ticket.clone(),
                is_suggested: false,
                artifact: String::new(),
                backtest: String::new(),
            });
        }
        actions
    }
}
