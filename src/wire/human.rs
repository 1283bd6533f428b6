//! What people add to a postmortem: `rootline.toml` and `notes.md` in the incident's directory.
//!
//! Takes the text of both; gives [`Human`], which is published with the report, and says what in it could not be used. It is read anew
//! each time, so that it survives when the report is written again. It is never evidence: nothing in it changes what was found.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The name of the file with fields.
pub const FIELDS_FILE: &str = "rootline.toml";
/// The name of the file with prose.
pub const NOTES_FILE: &str = "notes.md";

/// The skeleton that `rootline init` writes.
pub const FIELDS_SKELETON: &str = include_str!("../../reports/init/rootline.toml");
/// The skeleton of the notes.
pub const NOTES_SKELETON: &str = include_str!("../../reports/init/notes.md");

/// Sections that can hold people's text: id, and the heading that names it in `notes.md`.
pub const SECTIONS: &[(&str, &str)] = &[
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
];

/// Everything that people added.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Human {
    /// The files it was read from.
    pub files: Vec<String>,
    /// Fields of the head.
    pub postmortem: PostmortemFields,
    /// Who was hit, in words of people.
    pub impact: ImpactFields,
    /// What was learnt.
    pub lessons: LessonFields,
    /// Actions: owners and dates of suggested ones, and new ones.
    pub actions: Vec<ActionNote>,
    /// Corrections of what the report says.
    pub corrections: Vec<Correction>,
    /// Prose by section id, in Markdown.
    pub sections: BTreeMap<String, String>,
    /// What in the files could not be used.
    pub problems: Vec<String>,
}

/// `[postmortem]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PostmortemFields {
    /// The number of the incident in your own system.
    pub id: String,
    /// A title in place of the one that was worked out.
    pub title: String,
    /// `Draft`, `In review`, `Final`, or a word of your own.
    pub status: String,
    /// Severity, in your own scale.
    pub severity: String,
    /// Who owns the document.
    pub owner: String,
    /// Who reviews it.
    pub reviewers: Vec<String>,
}

/// `[impact]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ImpactFields {
    /// What customers noticed.
    pub customers: String,
}

/// `[lessons]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LessonFields {
    /// What went well.
    pub went_well: Vec<String>,
    /// What went less well.
    pub went_badly: Vec<String>,
    /// Where luck helped.
    pub lucky: Vec<String>,
}

/// `[[action]]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ActionNote {
    /// The id of a suggested action, or one of your own.
    pub id: String,
    /// What is to be done; empty for a suggested action.
    pub text: String,
    /// `prevent`, `mitigate`, `detect` or `process`.
    pub class: String,
    /// When it counts as done.
    pub done_when: String,
    /// Who does it.
    pub owner: String,
    /// Until when.
    pub due: String,
    /// Where it is tracked.
    pub ticket: String,
    /// `open`, `done` or `rejected`.
    pub status: String,
}

/// `[[correction]]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Correction {
    /// The signal it is about.
    pub signal: String,
    /// `path:line` of one of its records. With it, the correction finds its signal again when numbers have changed.
    pub record: String,
    /// What is to be said instead, such as "not part of this".
    pub says: String,
    /// Why.
    pub because: String,
}

/// The file as it is read.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Fields {
    postmortem: PostmortemFields,
    impact: ImpactFields,
    lessons: LessonFields,
    action: Vec<ActionNote>,
    correction: Vec<Correction>,
    section: BTreeMap<String, String>,
    /// Settings of the command line, which `cli` reads.
    #[serde(rename = "options")]
    _options: toml::Table,
}

impl Human {
    /// Reads the fields. A file with a mistake is a problem that the report shows, and nothing of it is used here; `cli` reads its settings by itself.
    pub fn read_fields(&mut self, path: &str, text: &str) {
        self.files.push(path.to_owned());
        match toml::from_str::<Fields>(text) {
            Ok(fields) => {
                self.postmortem = fields.postmortem;
                self.impact = fields.impact;
                self.lessons = fields.lessons;
                self.lessons.trim();
                self.actions = fields.action;
                self.corrections = fields.correction;
                for (id, text) in fields.section {
                    if SECTIONS.iter().any(|(known, _)| *known == id) {
                        self.add_section(&id, &text);
                    } else {
                        let known: Vec<&str> = SECTIONS.iter().map(|(id, _)| *id).collect();
                        self.problems.push(format!(
                            "{path}: there is no section \"{id}\"; there are {}",
                            known.join(", ")
                        ));
                    }
                }
            }
            Err(error) => {
                let line = error
                    .span()
                    .map(|s| {
                        text.as_bytes()[..s.start.min(text.len())]
                            .iter()
                            .filter(|b| **b == b'\n')
                            .count()
                            + 1
                    })
                    .map(|line| format!(" (line {line})"))
                    .unwrap_or_default();
                let why = error.message().replace('\n', " ");
                self.problems.push(format!(
                    "{path}{line}: nothing of it was used but its [options]: {why}"
                ));
            }
        }
    }

    /// Reads the notes: what stands under a heading that names a section goes there, everything else to the summary.
    pub fn read_notes(&mut self, path: &str, text: &str) {
        self.files.push(path.to_owned());
        let text = without_comments(text);
        let mut section = "summary";
        let mut part = String::new();
        let mut fenced = false;
        for line in text.lines() {
            fenced ^= line.trim_start().starts_with("```");
            let heading = line.strip_prefix("## ").filter(|_| !fenced);
            if let Some(heading) = heading {
                self.add_section(section, &part);
                part.clear();
                match section_named(heading) {
                    Some(id) => section = id,
                    None => {
                        section = "summary";
                        part = format!("**{}**\n\n", heading.trim());
                    }
                }
            } else if !line.starts_with("# ") || fenced {
                part.push_str(line);
                part.push('\n');
            }
        }
        self.add_section(section, &part);
    }

    fn add_section(&mut self, id: &str, text: &str) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        let whole = self.sections.entry(id.to_owned()).or_default();
        if !whole.is_empty() {
            whole.push_str("\n\n");
        }
        whole.push_str(text);
    }
}

impl LessonFields {
    /// Leaves out lines that nobody has filled.
    fn trim(&mut self) {
        for list in [&mut self.went_well, &mut self.went_badly, &mut self.lucky] {
            list.retain(|line| !line.trim().is_empty());
        }
    }
}

/// Returns the section that a heading names, by its id or its title.
fn section_named(heading: &str) -> Option<&'static str> {
    let plain = |text: &str| -> String {
        text.chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect()
    };
    let wanted = plain(heading);
    SECTIONS
        .iter()
        .find(|(id, title)| plain(id) == wanted || plain(title) == wanted)
        .map(|(id, _)| *id)
}

/// Takes HTML comments out: the skeleton explains itself in them.
fn without_comments(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("<!--") {
        out.push_str(&rest[..at]);
        rest = rest[at..]
            .find("-->")
            .map_or("", |end| &rest[at + end + 3..]);
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_skeletons_load_and_fill_nothing() {
        let mut human = Human::default();
        human.read_fields("rootline.toml", FIELDS_SKELETON);
        human.read_notes("notes.md", NOTES_SKELETON);
        human.files.clear();
        assert_eq!(human, Human::default());
    }

    #[test]
    fn the_skeleton_without_its_comments_is_still_valid() {
        let all: String = FIELDS_SKELETON
            .lines()
            .map(|l| l.strip_prefix("#= ").unwrap_or(l).to_owned() + "\n")
            .collect();
        let mut human = Human::default();
        human.read_fields("rootline.toml", &all);
        assert_eq!(human.problems, Vec::<String>::new());
        assert_eq!((human.actions.len(), human.corrections.len()), (2, 1));
    }

    #[test]
    fn notes_go_to_the_section_that_their_heading_names() {
        let mut human = Human::default();
        human.read_notes(
            "notes.md",
            "# Notes\nfirst\n## Root cause\nwe think\n```\n## not a heading\n```\n## My own\nmore <!-- hidden --> text\n",
        );
        assert_eq!(
            human.sections["root-cause"],
            "we think\n```\n## not a heading\n```"
        );
        assert_eq!(
            human.sections["summary"],
            "first\n\n**My own**\n\nmore  text"
        );
    }

    #[test]
    fn mistakes_are_said_and_nothing_of_the_file_is_used() {
        let mut human = Human::default();
        human.read_fields(
            "rootline.toml",
            "[postmortem]\nid = \"x\"\nsevrity = \"1\"\n",
        );
        assert!(human.postmortem.id.is_empty());
        assert!(
            human.problems[0]
                .starts_with("rootline.toml (line 3): nothing of it was used but its [options]"),
            "{:?}",
            human.problems
        );
        human.read_fields("rootline.toml", "[section]\nimpct = \"x\"\n");
        assert!(
            human.problems[1].contains("no section \"impct\""),
            "{:?}",
            human.problems
        );
    }
}
