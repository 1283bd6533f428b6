//! What made it possible and what would have held: the image's layers, the nodes' disks, the image to go back to, the guard-rails.
//!
//! Sizes are always shown with what they count. Empty where the incident is about none of this.

use super::{Maker, Sentence, capital};
use crate::model::artefact::spoken_bytes;
use crate::wire::remedy::{AmountRow, BudgetRow, ImageRow};
use crate::wire::v1::EvidenceRow;

/// Citations of records that are no signals, shown behind one sentence.
const PLACES: usize = 4;

/// One layer of an image.
#[derive(Debug, Clone)]
pub struct LayerView {
    /// Instruction and argument.
    pub what: String,
    /// Size in words.
    pub size: String,
    /// Share in percent.
    pub share: String,
    /// Notes.
    pub notes: String,
    /// Where it stands.
    pub places: String,
}

/// An image.
#[derive(Debug, Clone)]
pub struct ImageView {
    /// Name.
    pub subject: String,
    /// What the sizes count, how the image is known, what it is built on.
    pub about: String,
    /// Layers, the largest last layer as built.
    pub layers: Vec<LayerView>,
    /// Sum.
    pub total: String,
    /// Sizes and the image before, as sentences.
    pub sizes: Vec<String>,
    /// Contradictions: sentence and places.
    pub contradictions: Vec<(String, String)>,
}

/// A node's disk.
#[derive(Debug, Clone)]
pub struct BudgetView {
    /// Node.
    pub node: String,
    /// Size of the file system.
    pub capacity: String,
    /// Free before.
    pub free: String,
    /// Needed.
    pub needed: String,
    /// Verdict.
    pub fits: String,
    /// Least seen.
    pub lowest: String,
    /// The sentence, with its signals.
    pub because: Sentence,
    /// What other sizes would have meant.
    pub counterfactuals: Vec<String>,
}

/// An image to go back to.
#[derive(Debug, Clone)]
pub struct RollbackView {
    /// Image by digest.
    pub image: String,
    /// How it is known, and whether it is still there.
    pub known: Sentence,
    /// What to run.
    pub command: String,
}

/// A guard-rail.
#[derive(Debug, Clone)]
pub struct GuardRailView {
    /// File.
    pub file: String,
    /// What it does.
    pub about: String,
    /// Back-test.
    pub backtest: String,
    /// `tested` or `not tested`.
    pub state: &'static str,
}

/// The section.
#[derive(Debug, Clone)]
pub struct RemediesView {
    /// Images.
    pub images: Vec<ImageView>,
    /// Disks.
    pub budgets: Vec<BudgetView>,
    /// Images to go back to.
    pub rollbacks: Vec<RollbackView>,
    /// Guard-rails.
    pub guard_rails: Vec<GuardRailView>,
}

impl RemediesView {
    /// Returns whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
            && self.budgets.is_empty()
            && self.rollbacks.is_empty()
            && self.guard_rails.is_empty()
    }
}

/// Returns the places of records, `path:line`, each once.
pub fn places(citations: &[EvidenceRow]) -> String {
    let mut places: Vec<String> = Vec::new();
    for row in citations {
        let name = row.path.rsplit('/').next().unwrap_or(&row.path);
        let place = format!("{name}:{}", row.line);
        if !places.contains(&place) {
            places.push(place);
        }
    }
    let more = places.len().saturating_sub(PLACES);
    places.truncate(PLACES);
    if more > 0 {
        places.push(format!("+{more}"));
    }
    places.join(", ")
}

fn words(amount: &AmountRow) -> String {
    let about = match (amount.at_least, amount.rounded) {
        (true, _) => "at least ",
        (false, true) => "about ",
        (false, false) => "",
    };
    let measure = if amount.measure == "unknown" {
        String::new()
    } else {
        format!(" {}", amount.measure)
    };
    format!("{about}{}{measure}", spoken_bytes(amount.bytes))
}

fn known(amount: &Option<AmountRow>) -> String {
    amount
        .as_ref()
        .map_or_else(|| "not in the record".to_owned(), words)
}

impl Maker<'_> {
    pub(super) fn remedies(&self) -> RemediesView {
        RemediesView {
            images: self.report.images.iter().map(image).collect(),
            budgets: self
                .report
                .disk_budgets
                .iter()
                .map(|b| self.budget(b))
                .collect(),
            rollbacks: self
                .report
                .rollback
                .iter()
                .map(|r| RollbackView {
                    image: r.image.clone(),
                    known: self.sentence(
                        &format!("{} {}", r.known_by.join(" "), r.still_there),
                        &r.evidence,
                    ),
                    command: r.command.clone(),
                })
                .collect(),
            guard_rails: self
                .report
                .guard_rails
                .iter()
                .map(|g| GuardRailView {
                    file: g.file.clone(),
                    about: g.about.clone(),
                    backtest: g.backtest.said.clone(),
                    state: if g.backtest.tested {
                        "tested"
                    } else {
                        "not tested"
                    },
                })
                .collect(),
        }
    }

    fn budget(&self, row: &BudgetRow) -> BudgetView {
        let needed = match (row.needed_at_least, row.needed_at_most) {
            (Some(least), Some(most)) if least != most => {
                format!("{} to {}", spoken_bytes(least), spoken_bytes(most))
            }
            (Some(least), _) => format!("at least {}", spoken_bytes(least)),
            _ => "not in the record".to_owned(),
        };
        BudgetView {
            node: row.node.clone(),
            capacity: known(&row.capacity),
            free: known(&row.available),
            needed,
            fits: row.fits.clone(),
            lowest: known(&row.lowest),
            because: self.sentence(&row.because, &row.evidence),
            counterfactuals: row.counterfactuals.clone(),
        }
    }
}

fn image(row: &ImageRow) -> ImageView {
    let share =
        |share: Option<f64>| share.map_or_else(String::new, |s| format!("{:.0} %", s * 100.0));
    let mut about = format!("Sizes are {}", row.measure);
    if let Some(base) = &row.base {
        about.push_str(&format!("; built on {base}, as the table says"));
    }
    about.push_str(&format!("; described in {}", row.path));
    if let Some(how) = &row.of_cascade {
        about.push_str(&format!(": {how}"));
    }
    about.push('.');
    let mut sizes: Vec<String> = row
        .sizes
        .iter()
        .map(|s| {
            capital(&format!(
                "{}, by {} ({}).",
                words(s),
                s.from,
                places(&s.citations)
            ))
        })
        .collect();
    if let Some(before) = &row.before {
        let all: Vec<String> = before.sizes.iter().map(words).collect();
        sizes.push(format!("Before, {}: {}.", before.image, all.join(", ")));
    }
    if let Some(slimmer) = &row.slimmer {
        sizes.push(format!(
            "At most {} {}.",
            words(&slimmer.at_most),
            slimmer.because
        ));
    }
    ImageView {
        subject: row.subject.clone(),
        about,
        layers: row
            .layers
            .iter()
            .map(|l| LayerView {
                what: format!("{} {}", l.instruction, l.text).trim().to_owned(),
                size: l.bytes.map_or_else(|| "not told".to_owned(), spoken_bytes),
                share: share(l.share),
                notes: l.notes.join("; "),
                places: places(
                    &std::iter::once(l.citation.clone())
                        .chain(l.build_line.clone())
                        .collect::<Vec<_>>(),
                ),
            })
            .collect(),
        total: row
            .total_bytes
            .map_or_else(|| "not told".to_owned(), spoken_bytes),
        sizes,
        contradictions: row
            .contradictions
            .iter()
            .map(|c| (c.what.clone(), places(&c.citations)))
            .collect(),
    }
}
