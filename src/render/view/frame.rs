//! The frame: the head of the page, its sections in order, what people wrote for each, and what still awaits them.

use super::{Cite, Maker};
use crate::render::prose::{self, Block};
use crate::wire::human::{Human, SECTIONS};

/// Something that only people can fill in.
#[derive(Debug, Clone)]
pub struct Prompt {
    /// What is asked for.
    pub what: String,
    /// Where it is written.
    pub place: String,
}

/// A section of the page.
#[derive(Debug, Clone)]
pub struct SectionView {
    /// Its anchor.
    pub id: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// What people wrote for it.
    pub prose: Vec<Block>,
    /// What it awaits.
    pub prompts: Vec<Prompt>,
}

/// A field of the head that people fill.
#[derive(Debug, Clone)]
pub struct Field {
    /// Name.
    pub name: &'static str,
    /// Value; empty where it is still a prompt.
    pub value: String,
    /// Key in `rootline.toml`.
    pub key: &'static str,
}

/// The head of the page.
#[derive(Debug, Clone)]
pub struct HeadView {
    /// The number of the incident, or one made of its day and inputs.
    pub id: String,
    /// Where the number comes from.
    pub id_note: &'static str,
    /// Status.
    pub status: String,
    /// Severity, owner, reviewers.
    pub fields: Vec<Field>,
    /// Hash of the inputs, shortened; empty if it was not asked for.
    pub inputs: String,
    /// Names are shown.
    pub revealed: bool,
    /// How many sections await people.
    pub awaiting: usize,
}

/// A correction by people.
#[derive(Debug, Clone)]
pub struct CorrectionView {
    /// The signal; `None` if there is none like this.
    pub cite: Option<Cite>,
    /// What is to be said instead.
    pub says: String,
    /// Why.
    pub because: String,
    /// What to know about how its signal was found; empty if it was found as written.
    pub note: String,
}

/// The sections in the order of the page. The first is the head, which has no heading of its own.
pub(super) const ORDER: &[(&str, &str)] = &[
    ("about", "About this document"),
    ("summary", "Summary"),
    ("cascade", "The cascade"),
    ("impact", "Impact and blast radius"),
    ("metrics", "Metrics"),
    ("timeline", "Timeline"),
    ("root-cause", "Root cause"),
    ("detection", "Detection"),
    ("resolution", "Resolution and recovery"),
    ("lessons", "What went well, and where we were lucky"),
    ("actions", "Action items"),
    ("similar", "Similar past incidents"),
    ("open", "Contradictions, gaps and open questions"),
    ("sources", "Sources and ledger"),
    ("glossary", "Glossary"),
    ("evidence", "Raw evidence"),
];

impl Maker<'_> {
    pub(super) fn sections(&self) -> Vec<SectionView> {
        let human = &self.report.human;
        ORDER
            .iter()
            .map(|(id, title)| SectionView {
                id,
                title,
                prose: human
                    .sections
                    .get(*id)
                    .map(|text| prose::parse(text))
                    .unwrap_or_default(),
                prompts: self.prompts(id),
            })
            .collect()
    }

    pub(super) fn head(&self, awaiting: usize) -> HeadView {
        let human = &self.report.human.postmortem;
        let day = self
            .report
            .incident
            .window
            .as_ref()
            .map_or("undated", |w| &w.from[..10]);
        let inputs = self.report.generator.inputs.trim_start_matches("sha256:");
        let (id, id_note) = if human.id.is_empty() {
            let short: String = inputs.chars().take(6).collect();
            (
                format!("{day}-{short}").trim_end_matches('-').to_owned(),
                "made of the day and the inputs",
            )
        } else {
            (human.id.clone(), "")
        };
        HeadView {
            id,
            id_note,
            status: if human.status.is_empty() {
                "Draft".to_owned()
            } else {
                human.status.clone()
            },
            fields: vec![
                Field {
                    name: "Severity",
                    value: human.severity.clone(),
                    key: "postmortem.severity",
                },
                Field {
                    name: "Owner",
                    value: human.owner.clone(),
                    key: "postmortem.owner",
                },
                Field {
                    name: "Reviewers",
                    value: human.reviewers.join(", "),
                    key: "postmortem.reviewers",
                },
            ],
            inputs: if inputs.is_empty() {
                String::new()
            } else {
                format!("sha256:{}", inputs.chars().take(16).collect::<String>())
            },
            revealed: self.report.identities == "revealed",
            awaiting,
        }
    }

    /// Says what a section awaits. A section that people wrote prose for awaits no more prose.
    fn prompts(&self, id: &str) -> Vec<Prompt> {
        let human = &self.report.human;
        let heading = SECTIONS
            .iter()
            .find(|(known, _)| *known == id)
            .map_or("", |(_, title)| title);
        let prompt = |what: &str, place: &str| Prompt {
            what: what.to_owned(),
            place: place.to_owned(),
        };
        let field = |what: &str, key: &str| prompt(what, &format!("{key} in rootline.toml"));
        let prose = |what: &str| prompt(what, &format!("under “{heading}” in notes.md"));
        let written = human.sections.contains_key(id);
        let quiet = self.report.cascades.is_empty();
        let mut prompts = Vec::new();
        match id {
            "about" => {
                for (value, what, key) in [
                    (
                        &human.postmortem.severity,
                        "Severity",
                        "postmortem.severity",
                    ),
                    (&human.postmortem.owner, "Owner", "postmortem.owner"),
                ] {
                    if value.is_empty() {
                        prompts.push(field(what, key));
                    }
                }
                if human.postmortem.reviewers.is_empty() {
                    prompts.push(field("Reviewers", "postmortem.reviewers"));
                }
            }
            "impact" if human.impact.customers.is_empty() && !written => prompts.push(field(
                "What customers noticed, for how long, and how that is known",
                "impact.customers",
            )),
            "root-cause" if !written && !quiet => prompts.push(prose(
                "Which circumstances made each step the sensible thing to do at the time",
            )),
            "detection" if !written && !quiet && !self.has_stage("detection") => {
                prompts.push(prose("How it was noticed: no alert is in the record"))
            }
            "resolution" if !written && !quiet => prompts.push(prose(
                "What was tried, what was decided, and what was known then",
            )),
            "lessons" if !written => prompts.extend(self.lesson_prompts(human)),
            "actions" => {
                let without = self
                    .actions()
                    .iter()
                    .filter(|a| a.is_open && (a.owner.is_empty() || a.due.is_empty()))
                    .count();
                if without > 0 {
                    prompts.push(field(
                        &match without {
                            1 => "Owner and due date of 1 action".to_owned(),
                            n => format!("Owner and due date of {n} actions"),
                        },
                        "[[action]]",
                    ));
                }
            }
            "open" if !written => {
                let questions = self.report.gaps.len()
                    + self
                        .report
                        .cascades
                        .iter()
                        .map(|c| c.contradictions.len())
                        .sum::<usize>();
                if questions > 0 {
                    prompts.push(prose(&match questions {
                        1 => "An answer to the 1 open question, where somebody has it".to_owned(),
                        n => format!("Answers to the {n} open questions, where somebody has them"),
                    }));
                }
            }
            _ => {}
        }
        prompts
    }

    fn lesson_prompts(&self, human: &Human) -> Vec<Prompt> {
        [
            (
                &human.lessons.went_well,
                "What went well",
                "lessons.went_well",
            ),
            (
                &human.lessons.went_badly,
                "What went less well",
                "lessons.went_badly",
            ),
            (&human.lessons.lucky, "Where we were lucky", "lessons.lucky"),
        ]
        .into_iter()
        .filter(|(list, ..)| list.is_empty())
        .map(|(_, what, key)| Prompt {
            what: what.to_owned(),
            place: format!("{key} in rootline.toml"),
        })
        .collect()
    }

    pub(super) fn corrections(&self) -> Vec<CorrectionView> {
        self.report
            .human
            .corrections
            .iter()
            .map(|c| {
                let found = self.corrected_signal(&c.signal, &c.record);
                let note = match &found {
                    None => "No such signal is in this report: the correction changes nothing"
                        .to_owned(),
                    Some(id) if !c.signal.is_empty() && *id != c.signal => {
                        format!(
                            "Found by its record; it was {} when this was written",
                            c.signal
                        )
                    }
                    Some(_) => String::new(),
                };
                CorrectionView {
                    cite: found.map(|id| self.cite(&id)),
                    says: if c.says.is_empty() {
                        "to be looked at again".to_owned()
                    } else {
                        c.says.clone()
                    },
                    because: c.because.clone(),
                    note,
                }
            })
            .collect()
    }

    /// Returns the signal that a correction is about: by its record, if one is given, because numbers change with the inputs.
    pub(super) fn corrected_signal(&self, signal: &str, record: &str) -> Option<String> {
        if let Some((path, line)) = record.rsplit_once(':')
            && let Ok(line) = line.parse::<u64>()
        {
            let same = |given: &str| {
                given == path
                    || given
                        .strip_suffix(path)
                        .is_some_and(|front| front.ends_with('/'))
            };
            return self
                .report
                .signals
                .iter()
                .find(|s| s.evidence.iter().any(|e| e.line == line && same(&e.path)))
                .map(|s| s.id.clone());
        }
        self.by_id.contains_key(signal).then(|| signal.to_owned())
    }
}
