//! Mistakes in grammar files: where, why, and a text that works; drawn under the line.
//!
//! All mistakes of all files are collected; a file that does not load is never skipped in silence.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::pattern::PatternMistake;

/// Something wrong in a grammar file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// File name below `grammars/`.
    pub file: String,
    /// Byte range in the file.
    pub span: Range<usize>,
    /// What is wrong, as a fragment.
    pub reason: String,
    /// A text that works, if one can be shown.
    pub example: Option<String>,
}

impl Mistake {
    /// Makes a mistake without an example.
    pub fn new(file: &str, span: Range<usize>, reason: impl Into<String>) -> Mistake {
        Mistake {
            file: file.to_owned(),
            span,
            reason: reason.into(),
            example: None,
        }
    }

    /// Adds a text that works.
    #[must_use]
    pub fn with_example(mut self, example: impl Into<String>) -> Mistake {
        self.example = Some(example.into());
        self
    }

    /// Places a pattern's mistake in its file. `span` is the place of the quoted pattern text.
    pub fn in_pattern(
        file: &str,
        source: &str,
        span: Range<usize>,
        mistake: &PatternMistake,
    ) -> Mistake {
        let quotes = if source
            .get(span.clone())
            .is_some_and(|text| text.starts_with("'''") || text.starts_with("\"\"\""))
        {
            3
        } else {
            1
        };
        let at = (span.start + quotes + mistake.at)
            .min(span.end.saturating_sub(1))
            .max(span.start);
        Mistake::new(
            file,
            at..span.end.saturating_sub(quotes).max(at + 1),
            mistake.reason.clone(),
        )
        .with_example(mistake.example.clone())
    }
}

/// Draws mistakes under the lines they are in. `source_of` gives the text of a file.
pub fn explain(
    mistakes: &[Mistake],
    source_of: impl Fn(&str) -> Option<String>,
    colours: bool,
) -> String {
    let renderer = if colours {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut shown = String::new();
    for mistake in mistakes {
        let source = source_of(&mistake.file).unwrap_or_default();
        let end = mistake.span.end.min(source.len());
        let start = mistake.span.start.min(end);
        let snippet = Snippet::source(source.as_str())
            .line_start(1)
            .path(mistake.file.as_str())
            .annotation(
                AnnotationKind::Primary
                    .span(start..end)
                    .label(mistake.reason.as_str()),
            );
        let mut group =
            Group::with_title(Level::ERROR.primary_title(mistake.reason.as_str())).element(snippet);
        if let Some(example) = &mistake.example {
            group = group.element(Level::HELP.message(format!("this would work: {example}")));
        }
        shown.push_str(&renderer.render(&[group]));
        shown.push_str("\n\n");
    }
    shown
}
