//! Escaping: text of the input, made harmless for the place where it is shown.
//!
//! One function a sink: terminal, HTML and SVG, Markdown, CSV. Each takes text as a stranger wrote it and gives text that its reader takes for
//! nothing but text. Characters that change what a reader sees (controls, bidirectional overrides, invisible tags) are shown as `\u{…}` everywhere.

use std::fmt::{self, Write};

/// Returns whether a character acts on a terminal or hides or turns other text.
///
/// # Source
/// ECMA-48 (C0 and C1 controls); Unicode Technical Report 36, section 2.11, on bidirectional controls; the Unicode block Tags.
pub(super) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn show(c: char, to: &mut impl Write) -> fmt::Result {
    write!(to, "\\u{{{:x}}}", u32::from(c))
}

/// For the terminal, in one line: log text must not move the cursor, change colours or titles, or turn round what stands beside it.
pub fn visible(text: &str) -> String {
    text.chars()
        .fold(String::with_capacity(text.len()), |mut shown, c| {
            if is_hidden(c) {
                let _ = show(c, &mut shown);
            } else {
                shown.push(c);
            }
            shown
        })
}

/// For the terminal, where the text has lines.
pub fn visible_lines(text: &str) -> String {
    text.split('\n').map(visible).collect::<Vec<_>>().join("\n")
}

/// For HTML text, quoted attributes and SVG: the templates' escaper, named in `askama.toml`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Html;

impl askama::filters::Escaper for Html {
    fn write_escaped_str<W: Write>(&self, mut dest: W, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| match c {
            '<' => dest.write_str("&#60;"),
            '>' => dest.write_str("&#62;"),
            '&' => dest.write_str("&#38;"),
            '"' => dest.write_str("&#34;"),
            '\'' => dest.write_str("&#39;"),
            '\n' | '\t' => dest.write_char(c),
            c if is_hidden(c) => show(c, &mut dest),
            c => dest.write_char(c),
        })
    }
}

/// For HTML and SVG that is not written by a template.
pub(super) fn html(text: &str) -> String {
    use askama::filters::Escaper as _;
    let mut out = String::with_capacity(text.len());
    // Writing to a string does not fail.
    let _ = Html.write_escaped_str(&mut out, text);
    out
}

/// For Markdown: everything that Markdown, its tables or HTML in it would read is escaped; one line.
pub(super) fn markdown(text: &str) -> String {
    let escaped = text.chars().fold(String::new(), |mut safe, c| {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '\n' | '\r' => safe.push(' '),
            // An escaped full stop would be fine too, but splits no address; a broken scheme is no link for those who make links of bare text.
            '\\' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '|' | '#' | '!' | '~' | '$' | '{'
            | '}' | '=' => {
                safe.push('\\');
                safe.push(c);
            }
            c if is_hidden(c) => {
                safe.push('\\');
                let _ = show(c, &mut safe);
            }
            c => safe.push(c),
        }
        safe
    });
    // Bare addresses become links in most renderers.
    escaped
        .replace("://", ":&#47;&#47;")
        .replace("www.", "www&#46;")
        .replace('@', "&#64;")
}

/// For Markdown: a code span whose fence is longer than any run of back quotes inside; also inside a table.
pub(super) fn markdown_code(text: &str) -> String {
    let fence = "`".repeat(longest_run(text) + 1);
    let text = visible(text).replace('|', "¦");
    // A back quote at an edge would join the fence.
    let space = if text.starts_with('`') || text.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{fence}{space}{text}{space}{fence}")
}

/// For Markdown: a code block whose fence is longer than any run of back quotes inside.
pub(super) fn markdown_block(text: &str) -> String {
    let fence = "`".repeat((longest_run(text) + 1).max(3));
    let shown: String = text.chars().fold(String::new(), |mut shown, c| {
        if is_hidden(c) && c != '\n' && c != '\t' {
            let _ = show(c, &mut shown);
        } else {
            shown.push(c);
        }
        shown
    });
    format!("{fence}text\n{shown}\n{fence}\n")
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// For CSV: quoted where needed, and what a spreadsheet would compute is made text.
///
/// # Source
/// RFC 4180; OWASP, CSV injection.
pub fn csv_cell(text: &str) -> String {
    let text = visible(text);
    let computed = text
        .trim_start()
        .starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    let guarded = if computed { format!("'{text}") } else { text };
    if computed || guarded.contains([',', ';', '"']) {
        format!("\"{}\"", guarded.replace('"', "\"\""))
    } else {
        guarded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_acts_on_a_terminal() {
        for (text, shown) in [
            ("a\u{1b}[31mb\u{202e}c", "a\\u{1b}[31mb\\u{202e}c"),
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
            (
                "\u{1b}]8;;http://x\u{1b}\\y",
                "\\u{1b}]8;;http://x\\u{1b}\\y",
            ),
            ("\u{9b}2J\u{90}q\u{9c}", "\\u{9b}2J\\u{90}q\\u{9c}"),
            ("a\rb\u{8}\u{7f}\0", "a\\u{d}b\\u{8}\\u{7f}\\u{0}"),
            (
                "\u{2066}x\u{2069}\u{200f}\u{61c}",
                "\\u{2066}x\\u{2069}\\u{200f}\\u{61c}",
            ),
            ("\u{e0041}\u{feff}\u{200b}", "\\u{e0041}\\u{feff}\\u{200b}"),
            ("ordinary é 漢字 👩‍💻", "ordinary é 漢字 👩‍💻"),
        ] {
            assert_eq!(visible(text), shown);
        }
        assert_eq!(visible_lines("a\n\u{1b}b"), "a\n\\u{1b}b");
    }

    #[test]
    fn nothing_is_markup() {
        assert_eq!(
            html("<img src=x onerror='a'>\"&\u{1b}\u{202e}\n"),
            "&#60;img src=x onerror=&#39;a&#39;&#62;&#34;&#38;\\u{1b}\\u{202e}\n"
        );
    }

    #[test]
    fn nothing_is_markdown() {
        assert_eq!(
            markdown("<b> *x* [a](b) |"),
            "&lt;b&gt; \\*x\\* \\[a\\]\\(b\\) \\|"
        );
        assert_eq!(
            markdown("https://x.example a@b.example"),
            "https:&#47;&#47;x.example a&#64;b.example"
        );
        assert_eq!(
            markdown("$x^2$ {{< s >}} =="),
            "\\$x^2\\$ \\{\\{&lt; s &gt;\\}\\} \\=\\="
        );
        assert_eq!(
            markdown_block("a\n```\n# b"),
            "````text\na\n```\n# b\n````\n"
        );
        assert_eq!(markdown_code("`a` | b"), "`` `a` ¦ b ``");
    }

    #[test]
    fn nothing_is_computed() {
        for (text, cell) in [
            ("=1+1", "\"'=1+1\""),
            ("+cmd|' /C calc'!A0", "\"'+cmd|' /C calc'!A0\""),
            ("@SUM(1)", "\"'@SUM(1)\""),
            (" =1", "\"' =1\""),
            ("＝1", "\"'＝1\""),
            ("\t=1", "\\u{9}=1"),
            ("a,\"b\"", "\"a,\"\"b\"\"\""),
            ("plain", "plain"),
        ] {
            assert_eq!(csv_cell(text), cell);
        }
    }
}
