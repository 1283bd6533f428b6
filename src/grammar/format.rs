//! Formats: one envelope each, compiled from `grammars/formats/<format>.toml`.
//!
//! A format says how a record looks, which fields it has and what of it is peeled next. Peeling itself is in [`super::peel`].

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::index::Needs;
use super::mistake::Mistake;
use super::pattern::Pattern;
use super::stamp::Layout;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FormatFile {
    title: String,
    about: String,
    source: String,
    shape: Spanned<String>,
    #[serde(default)]
    pattern: Option<Spanned<String>>,
    #[serde(default)]
    patterns: Vec<Spanned<String>>,
    #[serde(default)]
    component: Option<String>,
    #[serde(default)]
    of: Option<String>,
    #[serde(default)]
    reader: Option<Spanned<String>>,
    #[serde(default)]
    unread: Option<String>,
    #[serde(default)]
    begins: Vec<String>,
    #[serde(default)]
    always: bool,
    #[serde(default)]
    anywhere: bool,
    #[serde(default)]
    named: Vec<String>,
    #[serde(default)]
    structured: bool,
    #[serde(default)]
    wraps: bool,
    #[serde(default)]
    list: Option<String>,
    #[serde(default)]
    fragment: Option<Fragment>,
    #[serde(default)]
    time: Option<TimeTable>,
    #[serde(default, rename = "where")]
    where_: BTreeMap<String, Spanned<OneOrMore>>,
    #[serde(default)]
    fields: BTreeMap<String, String>,
    #[serde(default)]
    entities: BTreeMap<String, String>,
    #[serde(default)]
    entity_when: Vec<EntityWhen>,
    #[serde(default)]
    sample: Vec<FormatSample>,
    #[serde(default)]
    not_mine: Vec<NotMine>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TimeTable {
    reads: Vec<Spanned<String>>,
}

/// One text or a list of texts.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    pub(crate) fn list(&self) -> Vec<&str> {
        match self {
            OneOrMore::One(text) => vec![text],
            OneOrMore::More(texts) => texts.iter().map(String::as_str).collect(),
        }
    }
}

/// Entities that a record has only where a field has a value.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntityWhen {
    /// The field.
    pub field: String,
    /// Its value.
    pub is: String,
    /// Entity kind = field.
    pub set: BTreeMap<String, String>,
}

/// How a record is known to go on in the next one.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fragment {
    /// Fields that belong-together fragments agree in.
    #[serde(default)]
    pub same: Vec<String>,
    /// The field that tells; `None`: a body without a line end goes on.
    #[serde(default)]
    pub field: Option<String>,
    /// What the field begins with where the record goes on.
    #[serde(default)]
    pub starts: Vec<String>,
}

/// A record that a format reads, with the fields it must give.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormatSample {
    /// The record.
    pub text: String,
    /// Fields; `body` is what is peeled next.
    #[serde(default)]
    pub expect: BTreeMap<String, String>,
}

/// A record that a format must refuse.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotMine {
    /// The record.
    pub text: String,
    /// Whose it is, or why.
    #[serde(default)]
    pub why: Option<String>,
}

/// What a record is cut from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A line of text.
    Lines,
    /// A JSON object, on a line of its own, in a list, or inside another object.
    Json,
    /// The whole source.
    Document,
}

/// What a JSON path must hold.
#[derive(Debug, Clone)]
pub enum Condition {
    /// It is there.
    Present,
    /// One of these patterns fits the whole value.
    Fits(Vec<Pattern>),
}

/// Alternatives of a JSON path; the first that is present counts.
pub type Paths = Vec<Vec<String>>;

/// A set of bytes, one bit each.
pub type ByteSet = [u64; 4];

/// One envelope.
#[derive(Debug, Clone)]
pub struct Format {
    /// Id: the file name.
    pub id: String,
    /// Title.
    pub title: String,
    /// What it is.
    pub about: String,
    /// Where its shape is specified.
    pub source: String,
    /// What a record is cut from.
    pub shape: Shape,
    /// Line patterns.
    pub patterns: Vec<Pattern>,
    /// For each line pattern, the bytes that a line may begin with.
    pub begin_bytes: Vec<ByteSet>,
    /// Who speaks, where the shape itself tells.
    pub component: Option<String>,
    /// Record type.
    pub of: Option<String>,
    /// A Rust reader.
    pub reader: Option<String>,
    /// Why nothing is read from it.
    pub unread: Option<String>,
    /// How a document begins, in lower case.
    pub begins: Vec<String>,
    /// Read its records even without a needle.
    pub always: bool,
    /// A document that may begin in the middle of a source.
    pub anywhere: bool,
    /// Ends of file names; empty if the content alone tells.
    pub named: Vec<String>,
    /// All members of the JSON object are named values of its message.
    pub structured: bool,
    /// Reads a line only if its body is a record of another format.
    pub wraps: bool,
    /// Keys of a JSON object whose arrays hold records of this format.
    pub lists: Vec<String>,
    /// How a record goes on in the next one.
    pub fragment: Option<Fragment>,
    /// Time layouts.
    pub layouts: Vec<Layout>,
    /// What a JSON object must hold.
    pub conditions: Vec<(Paths, Condition)>,
    /// JSON fields.
    pub fields: Vec<(String, Paths)>,
    /// Entity kind = field.
    pub entities: Vec<(String, String)>,
    /// Conditional entities.
    pub entity_when: Vec<EntityWhen>,
    /// Samples.
    pub samples: Vec<FormatSample>,
    /// Records of others.
    pub not_mine: Vec<NotMine>,
}

/// Whose words stand in the records that a reader gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Words {
    /// The source's: a wording can be looked for in the bytes of the source.
    Source,
    /// The reader's, or none at all: what it reads must be opened whatever it says.
    Reader,
}

/// A Rust reader that a format file may name.
#[derive(Debug, Clone, Copy)]
pub struct Reader {
    /// Its name in format files.
    pub name: &'static str,
    /// Whose words its records hold. Every reader must say: the fast search would pass over what it looks for in vain.
    pub words: Words,
    /// What it does, in one clause.
    pub about: &'static str,
}

impl Reader {
    const fn new(name: &'static str, words: Words, about: &'static str) -> Reader {
        Reader { name, words, about }
    }

    /// Returns the reader with a name.
    pub fn named(name: &str) -> Option<&'static Reader> {
        READERS.iter().find(|reader| reader.name == name)
    }
}

/// The readers.
pub const READERS: &[Reader] = &[
    Reader::new(
        "klog-pairs",
        Words::Source,
        "takes a klog structured body apart: \"message\" key=value …",
    ),
    Reader::new(
        "logfmt",
        Words::Source,
        "takes logrus text apart: time=… level=… msg=\"…\" key=value …",
    ),
    Reader::new(
        "kube-node",
        Words::Reader,
        "gives one record for each condition and taint of a Node object",
    ),
    Reader::new(
        "kube-pod",
        Words::Reader,
        "gives one record for the status and for each container of a Pod object",
    ),
    Reader::new(
        "kube-workload",
        Words::Reader,
        "reads owner and image of ReplicaSets, Deployments, StatefulSets and DaemonSets",
    ),
    Reader::new(
        "kubelet-config",
        Words::Source,
        "reads the settings of a kubelet's configuration",
    ),
    Reader::new(
        "registry-envelope",
        Words::Source,
        "gives one record for each event of a notification envelope",
    ),
    Reader::new(
        "cloud-audit",
        Words::Reader,
        "gives the audit record that a Google Cloud log entry was made of",
    ),
    Reader::new(
        "stages",
        Words::Source,
        "gives one record for each stage that an object has a time for: fields <stage>_at, or event and event_at",
    ),
    Reader::new(
        "yaml",
        Words::Source,
        "cuts YAML into documents and list items",
    ),
    Reader::new(
        "kubectl",
        Words::Source,
        "cuts kubectl's tables and descriptions into the objects they were printed from",
    ),
    Reader::new(
        "journal-verbose",
        Words::Source,
        "cuts journalctl -o verbose into entries",
    ),
    Reader::new(
        "journal-export",
        Words::Source,
        "cuts the journal export format into entries, binary fields included",
    ),
    Reader::new(
        "df",
        Words::Source,
        "reads df tables, with stamps between them, like the reader kubectl",
    ),
    Reader::new(
        "prometheus",
        Words::Reader,
        "gives disk samples and changes of node conditions of a Prometheus answer",
    ),
    Reader::new(
        "kubelet-summary",
        Words::Reader,
        "gives disk samples of the kubelet's summary",
    ),
    Reader::new(
        "kube-object",
        Words::Reader,
        "keeps an object of the cluster, so that policies and checks can look at it",
    ),
    Reader::new(
        "docker-history",
        Words::Source,
        "reads the layers of an image from tables, pasted ones too",
    ),
    Reader::new(
        "image-history",
        Words::Reader,
        "reads one layer from a line of docker history as JSON",
    ),
    Reader::new(
        "image-inspect",
        Words::Reader,
        "reads size, user and start command of an inspected image",
    ),
    Reader::new(
        "image-table",
        Words::Reader,
        "reads the sizes of a table of images",
    ),
    Reader::new(
        "image-config",
        Words::Reader,
        "reads the history of an image configuration",
    ),
    Reader::new(
        "image-manifest",
        Words::Reader,
        "reads the compressed sizes of an image's layers",
    ),
    Reader::new(
        "collect-manifest",
        Words::Reader,
        "reads what `rootline collect` asked for and did not get",
    ),
    Reader::new(
        "runtime-images",
        Words::Reader,
        "reads sizes from a runtime's list of images",
    ),
    Reader::new(
        "dockerfile",
        Words::Source,
        "reads the instructions of a Dockerfile, and where it is wrong",
    ),
    Reader::new(
        "dockerignore",
        Words::Source,
        "reads the patterns of a build context's ignore file",
    ),
];

pub(crate) fn parse_paths(text: &str) -> Paths {
    text.split('|')
        .map(|path| {
            path.trim()
                .split('.')
                .map(|part| part.replace('\u{1f}', "."))
                .collect()
        })
        .collect()
}

impl Format {
    /// Returns the line patterns that a text which begins with this byte may fit.
    pub fn patterns_for(&self, first: u8) -> impl Iterator<Item = &Pattern> {
        let (word, bit) = (usize::from(first / 64), first % 64);
        self.patterns
            .iter()
            .zip(&self.begin_bytes)
            .filter(move |(_, bytes)| bytes[word] >> bit & 1 == 1)
            .map(|(pattern, _)| pattern)
    }

    /// Returns whether the format is a logger's header or body rather than an envelope of whoever collected the line.
    pub fn fields_of_log(&self) -> bool {
        let level = |p: &Pattern| p.text().contains("{level:");
        self.reader.is_some() || self.patterns.iter().any(level)
    }

    /// Returns the longest literal that an object of this format must hold.
    pub fn mark(&self) -> Option<String> {
        let literals = self
            .conditions
            .iter()
            .filter_map(|(_, condition)| match condition {
                Condition::Fits(patterns) if patterns.len() == 1 => Some(patterns[0].literals()),
                _ => None,
            });
        literals.flatten().max_by_key(String::len)
    }

    /// Returns what the text of every object of this format holds: the names of its members, and values that are written out.
    pub fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
        let written = |text: &str| !text.is_empty() && text.bytes().all(plain);
        for (paths, condition) in &self.conditions {
            // Of several places only one need be there.
            let [path] = paths.as_slice() else { continue };
            needs.one_of.extend(
                path.iter()
                    .map(|part| part.trim_end_matches("[]"))
                    .filter(|part| written(part))
                    .map(|part| vec![part.to_owned()]),
            );
            if let Condition::Fits(patterns) = condition {
                let values: Vec<&str> = patterns.iter().filter_map(Pattern::only_literal).collect();
                if values.len() == patterns.len() && values.iter().all(|value| written(value)) {
                    needs
                        .one_of
                        .push(values.into_iter().map(str::to_owned).collect());
                }
            }
        }
        needs
    }

    pub(crate) fn load(
        id: &str,
        file: &str,
        text: &str,
        mistakes: &mut Vec<Mistake>,
    ) -> Option<Format> {
        let parsed: FormatFile = super::parse_toml(file, text, mistakes)?;
        let before = mistakes.len();
        let shape = match parsed.shape.get_ref().as_str() {
            "lines" => Shape::Lines,
            "json" => Shape::Json,
            "document" => Shape::Document,
            other => {
                mistakes.push(
                    Mistake::new(
                        file,
                        parsed.shape.span(),
                        format!("\"{other}\" is no shape"),
                    )
                    .with_example("shape = \"lines\", \"json\" or \"document\""),
                );
                return None;
            }
        };
        let mut layouts = Vec::new();
        for layout in parsed.time.iter().flat_map(|time| &time.reads) {
            match Layout::parse(layout.get_ref()) {
                Ok(layout) => layouts.push(layout),
                Err(reason) => mistakes.push(Mistake::new(file, layout.span(), reason)),
            }
        }
        let mut patterns = Vec::new();
        for pattern in parsed.pattern.iter().chain(&parsed.patterns) {
            match Pattern::parse(pattern.get_ref(), true) {
                Ok(found) => {
                    if layouts.is_empty() && pattern.get_ref().contains(":time}") {
                        mistakes.push(
                            Mistake::new(
                                file,
                                pattern.span(),
                                "the pattern has a time field, but no layout is given",
                            )
                            .with_example("[time]\nreads = [\"rfc3339\"]"),
                        );
                    }
                    patterns.push(found);
                }
                Err(mistake) => {
                    mistakes.push(Mistake::in_pattern(file, text, pattern.span(), &mistake))
                }
            }
        }
        if let Some(reader) = &parsed.reader
            && Reader::named(reader.get_ref()).is_none()
        {
            let known: Vec<&str> = READERS.iter().map(|reader| reader.name).collect();
            mistakes.push(Mistake::new(
                file,
                reader.span(),
                format!(
                    "no reader is called \"{}\"; known are {}",
                    reader.get_ref(),
                    known.join(", ")
                ),
            ));
        }
        if shape == Shape::Lines && patterns.is_empty() && parsed.reader.is_none() {
            mistakes.push(
                Mistake::new(
                    file,
                    parsed.shape.span(),
                    "a format of lines needs a pattern",
                )
                .with_example("pattern = \"{at:time} {body:rest}\""),
            );
        }
        if shape == Shape::Json && parsed.where_.is_empty() {
            mistakes.push(
                Mistake::new(
                    file,
                    parsed.shape.span(),
                    "a JSON format must say how its objects are known",
                )
                .with_example("[where]\nkind = \"Event\""),
            );
        }
        if parsed.sample.is_empty() {
            mistakes.push(
                Mistake::new(
                    file,
                    0..0,
                    "a format must prove itself with at least one sample",
                )
                .with_example("[[sample]]\ntext = '''…'''\nexpect = { body = \"…\" }"),
            );
        }
        let mut conditions = Vec::new();
        for (path, wanted) in &parsed.where_ {
            let texts = wanted.get_ref().list();
            if texts == ["*"] {
                conditions.push((parse_paths(path), Condition::Present));
                continue;
            }
            let mut alternatives = Vec::new();
            for text_of in texts {
                match Pattern::parse(text_of, true) {
                    Ok(pattern) => alternatives.push(pattern),
                    Err(mistake) => {
                        mistakes.push(Mistake::in_pattern(file, text, wanted.span(), &mistake))
                    }
                }
            }
            conditions.push((parse_paths(path), Condition::Fits(alternatives)));
        }
        let bytes_of = |pattern: &Pattern| {
            let mut bytes = ByteSet::default();
            for byte in (0..=u8::MAX).filter(|byte| pattern.may_begin_with(*byte, &layouts)) {
                bytes[usize::from(byte / 64)] |= 1 << (byte % 64);
            }
            bytes
        };
        let begin_bytes = patterns.iter().map(bytes_of).collect();
        (mistakes.len() == before).then(|| Format {
            begin_bytes,
            id: id.to_owned(),
            title: parsed.title,
            about: parsed.about,
            source: parsed.source,
            shape,
            patterns,
            component: parsed.component,
            of: parsed.of,
            reader: parsed.reader.map(Spanned::into_inner),
            unread: parsed.unread,
            begins: parsed.begins.iter().map(|b| b.to_lowercase()).collect(),
            always: parsed.always,
            anywhere: parsed.anywhere,
            named: parsed.named,
            structured: parsed.structured,
            wraps: parsed.wraps,
            lists: parsed
                .list
                .iter()
                .flat_map(|keys| keys.split('|'))
                .map(|key| key.trim().to_owned())
                .collect(),
            fragment: parsed.fragment,
            layouts,
            conditions,
            fields: parsed
                .fields
                .iter()
                .map(|(name, paths)| (name.clone(), parse_paths(paths)))
                .collect(),
            entities: parsed.entities.into_iter().collect(),
            entity_when: parsed.entity_when,
            samples: parsed.sample,
            not_mine: parsed.not_mine,
        })
    }
}
