//! Prose: the little Markdown that people's notes are shown with. Everything else in them stays text.
//!
//! Takes Markdown; gives blocks and spans that a template places. Knows paragraphs, lists, `###` headings, fenced code, **bold**, `code` and https links.

/// A block of prose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// A paragraph.
    Paragraph(Vec<Span>),
    /// A heading below that of the section.
    Heading(String),
    /// A list.
    List(Vec<Vec<Span>>),
    /// Code as it stands.
    Code(String),
}

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    /// Text.
    Text(String),
    /// Bold text.
    Bold(String),
    /// Code.
    Code(String),
    /// A link: text and address.
    Link(String, String),
}

/// Reads prose.
pub fn parse(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut paragraph: Vec<&str> = Vec::new();
    let mut lines = text.lines();
    let flush = |paragraph: &mut Vec<&str>, blocks: &mut Vec<Block>| {
        if !paragraph.is_empty() {
            blocks.push(Block::Paragraph(spans(&paragraph.join(" "))));
            paragraph.clear();
        }
    };
    while let Some(line) = lines.next() {
        let trimmed = line.trim();
        let item = ["- ", "* ", "+ "]
            .iter()
            .find_map(|mark| trimmed.strip_prefix(mark));
        if trimmed.starts_with("```") {
            flush(&mut paragraph, &mut blocks);
            let code: Vec<&str> = lines
                .by_ref()
                .take_while(|l| !l.trim_start().starts_with("```"))
                .collect();
            blocks.push(Block::Code(code.join("\n")));
        } else if trimmed.is_empty() {
            flush(&mut paragraph, &mut blocks);
        } else if trimmed.starts_with("###") {
            flush(&mut paragraph, &mut blocks);
            blocks.push(Block::Heading(
                trimmed.trim_start_matches('#').trim().to_owned(),
            ));
        } else if let Some(item) = item {
            flush(&mut paragraph, &mut blocks);
            match blocks.last_mut() {
                Some(Block::List(items)) => items.push(spans(item)),
                _ => blocks.push(Block::List(vec![spans(item)])),
            }
        } else {
            paragraph.push(trimmed);
        }
    }
    flush(&mut paragraph, &mut blocks);
    blocks
}

/// Reads one line. A mark without its partner stays a mark.
pub fn spans(text: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['`', '*', '[']) {
        let (before, from) = rest.split_at(at);
        plain.push_str(before);
        match marked(from) {
            Some((span, length)) => {
                if !plain.is_empty() {
                    spans.push(Span::Text(std::mem::take(&mut plain)));
                }
                spans.push(span);
                rest = &from[length..];
            }
            None => {
                plain.push_str(&from[..1]);
                rest = &from[1..];
            }
        }
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        spans.push(Span::Text(plain));
    }
    spans
}

/// Reads a span that begins with a mark, and says how many bytes it takes.
fn marked(text: &str) -> Option<(Span, usize)> {
    let between = |open: &str, close: &str| -> Option<String> {
        let inner = text.strip_prefix(open)?;
        let end = inner.find(close)?;
        (end > 0).then(|| inner[..end].to_owned())
    };
    if let Some(code) = between("`", "`") {
        let length = code.len() + 2;
        return Some((Span::Code(code), length));
    }
    if let Some(bold) = between("**", "**") {
        let length = bold.len() + 4;
        return Some((Span::Bold(bold), length));
    }
    let label = between("[", "](")?;
    let address = &text[label.len() + 3..];
    let address = &address[..address.find(')')?];
    let safe = address.starts_with("https://") || address.starts_with("http://");
    (safe && !address.contains(char::is_whitespace)).then(|| {
        let length = label.len() + address.len() + 4;
        (Span::Link(label, address.to_owned()), length)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_read() {
        assert_eq!(
            parse("a\nb\n\n- one\n- **two** `x`\n\n### More\n```\n<b>\n```"),
            [
                Block::Paragraph(vec![Span::Text("a b".into())]),
                Block::List(vec![
                    vec![Span::Text("one".into())],
                    vec![
                        Span::Bold("two".into()),
                        Span::Text(" ".into()),
                        Span::Code("x".into())
                    ]
                ]),
                Block::Heading("More".into()),
                Block::Code("<b>".into()),
            ]
        );
    }

    #[test]
    fn only_web_addresses_become_links_and_lone_marks_stay() {
        for text in [
            "[a](javascript:alert(1))",
            "[a](data:x)",
            "2 * 3 ` [",
            "[a](https://x y)",
            "****",
        ] {
            let whole: String = spans(text)
                .iter()
                .map(|s| match s {
                    Span::Text(t) => t.as_str(),
                    other => panic!("{text}: {other:?}"),
                })
                .collect();
            assert_eq!(whole, text);
        }
        assert_eq!(
            spans("see [it](https://x.example/a)."),
            [
                Span::Text("see ".into()),
                Span::Link("it".into(), "https://x.example/a".into()),
                Span::Text(".".into())
            ]
        );
    }
}
