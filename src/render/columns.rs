//! Columns of a terminal: how wide a text is, and how it is broken and cut, also where characters are wide or combine with the one before.
//!
//! Takes text whose control characters are already shown ([`super::terminal::safe`]); never gives a line that is wider than asked for.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Joins the characters on both sides to one.
const JOINER: char = '\u{200d}';

/// Returns how many columns a text takes.
pub(super) fn width_of(text: &str) -> usize {
    text.width()
}

/// Returns a text with spaces behind it, so that it takes so many columns; a longer one is cut.
pub(super) fn padded(text: &str, width: usize) -> String {
    let mut shown = cut(text, width);
    shown.extend(std::iter::repeat_n(' ', width - width_of(&shown)));
    shown
}

/// Returns a text that takes at most so many columns; what is cut off leaves an ellipsis.
pub(super) fn cut(text: &str, width: usize) -> String {
    if width_of(text) <= width {
        return text.to_owned();
    }
    let mut shown = String::new();
    for cluster in clusters(text) {
        if width_of(&shown) + width_of(cluster) + 1 > width {
            break;
        }
        shown.push_str(cluster);
    }
    if width > 0 {
        shown.push('…');
    }
    shown
}

/// Breaks a text at spaces into lines of at most so many columns. A word that is longer is broken between characters: nothing is lost.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let width = width.max(2);
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split(' ') {
        if add_word(&mut lines, word, width) {
            continue;
        }
        for cluster in clusters(word) {
            let last = lines.len() - 1;
            if width_of(&lines[last]) + width_of(cluster) > width {
                lines.push(cluster.to_owned());
            } else {
                lines[last].push_str(cluster);
            }
        }
    }
    lines
}

/// Breaks a text at spaces into lines of so many columns. A word that is longer has a line of its own and is left whole: it may be copied.
pub(super) fn wrapped_at_words(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split(' ') {
        if !add_word(&mut lines, word, width) {
            let last = lines.len() - 1;
            lines[last].push_str(word);
        }
    }
    lines
}

/// Puts a word where it fits: at the end of the last line, or alone on a new one. Gives `false` where it is wider than a line;
/// the last line is empty then.
fn add_word(lines: &mut Vec<String>, word: &str, width: usize) -> bool {
    let last = lines.len() - 1;
    let gap = usize::from(!lines[last].is_empty());
    if width_of(&lines[last]) + gap + width_of(word) <= width {
        if gap == 1 {
            lines[last].push(' ');
        }
        lines[last].push_str(word);
        return true;
    }
    if gap == 1 {
        lines.push(String::new());
    }
    if width_of(word) <= width {
        let last = lines.len() - 1;
        lines[last].push_str(word);
        return true;
    }
    false
}

/// Splits a text where a terminal may break it: never before a character that takes no column of its own, nor behind a joiner.
fn clusters(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut before = None;
        let end = rest
            .char_indices()
            .find(|(at, c)| {
                let breaks = *at > 0 && c.width().unwrap_or(0) > 0 && before != Some(JOINER);
                before = Some(*c);
                breaks
            })
            .map_or(rest.len(), |(at, _)| at);
        let (cluster, after) = rest.split_at(end);
        rest = after;
        (!cluster.is_empty()).then_some(cluster)
    })
}

#[cfg(test)]
mod tests {
    use super::{cut, padded, width_of, wrapped, wrapped_at_words};

    #[test]
    fn wide_and_combining_characters_take_the_columns_that_they_take() {
        assert_eq!(
            (width_of("abc"), width_of("日本"), width_of("e\u{301}")),
            (3, 4, 1)
        );
        assert_eq!(cut("日本語の名前", 7), "日本語…");
        assert_eq!(
            cut("日本語の名前", 6),
            "日本…",
            "half a character is not shown"
        );
        assert_eq!(cut("e\u{301}e\u{301}e\u{301}", 2), "e\u{301}…");
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abc", 0), "");
        assert_eq!(padded("日本", 5), "日本 ");
        assert_eq!(padded("日本語", 5), "日本…");
    }

    #[test]
    fn lines_are_never_too_wide_and_nothing_is_lost() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(
            wrapped("a registry.example/x", 8),
            ["a", "registry", ".example", "/x"]
        );
        assert_eq!(wrapped("日本語 ab", 5), ["日本", "語 ab"]);
        assert_eq!(wrapped("", 5), [""]);
        assert_eq!(
            wrapped_at_words("a registry.example/x b", 8),
            ["a", "registry.example/x", "b"]
        );
        assert_eq!(wrapped_at_words("日本語 ab c", 5), ["日本語", "ab c"]);
        for text in [
            "one  two",
            "e\u{301}e\u{301} 日本語の名前 👩\u{200d}💻👩\u{200d}💻",
            "ｗｉｄｅ/path/with/ａ",
            "x",
        ] {
            for width in 2..20 {
                let lines = wrapped(text, width);
                assert!(
                    lines.iter().all(|l| width_of(l) <= width),
                    "{text} in {width}: {lines:?}"
                );
                let bare = |text: &str| text.replace(' ', "");
                assert_eq!(bare(&lines.concat()), bare(text));
            }
        }
    }
}
