//! What the drawings share: escaped text, a time scale with ticks at round times, hatching, arrow heads.
//!
//! Colours are classes of the page's style, so that a drawing follows light, dark and print; shapes carry the meaning without them.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use super::columns::cut;
pub(super) use super::escape::html as escape;
use super::view::Clock;

/// Maps times to x positions.
pub(super) struct Scale {
    pub(super) from: DateTime<Utc>,
    pub(super) span_ms: f64,
    pub(super) left: f64,
    pub(super) right: f64,
}

impl Scale {
    /// Makes a scale over a window with a margin at both ends.
    pub(super) fn over(from: DateTime<Utc>, to: DateTime<Utc>, left: f64, right: f64) -> Scale {
        let span = (to - from).max(chrono::TimeDelta::seconds(10));
        let margin = span / 25;
        Scale {
            from: from - margin,
            span_ms: (span + margin * 2).num_milliseconds() as f64,
            left,
            right,
        }
    }

    /// Returns the position of a time; what lies outside sticks to the edge.
    pub(super) fn x(&self, at: DateTime<Utc>) -> f64 {
        let part = ((at - self.from).num_milliseconds() as f64 / self.span_ms).clamp(0.0, 1.0);
        self.left + part * (self.right - self.left)
    }

    /// Returns whether a time lies inside.
    pub(super) fn has(&self, at: DateTime<Utc>) -> bool {
        let ms = (at - self.from).num_milliseconds() as f64;
        (0.0..=self.span_ms).contains(&ms)
    }

    /// Draws vertical lines at round times, at most a dozen, with their labels on top.
    pub(super) fn ticks(&self, svg: &mut String, top: f64, bottom: f64, clock: &Clock) {
        const STEPS: &[i64] = &[
            1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200,
            86400, 604_800, 2_592_000, 31_536_000,
        ];
        let seconds = self.span_ms / 1000.0;
        let Some(step) = STEPS.iter().find(|s| seconds / **s as f64 <= 12.0) else {
            return;
        };
        let start = self.from.timestamp();
        let mut at = start.div_euclid(*step) * step + step;
        while ((at - start) as f64) < seconds {
            if let Some(moment) = DateTime::from_timestamp(at, 0) {
                let x = self.x(moment);
                let _ = write!(
                    svg,
                    "<line class=\"tick\" x1=\"{x:.1}\" y1=\"{top:.0}\" x2=\"{x:.1}\" y2=\"{bottom:.0}\"/><text class=\"time\" x=\"{x:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{}</text>",
                    top - 10.0,
                    clock.show(&moment.to_rfc3339())
                );
            }
            at += step;
        }
    }
}

/// Returns slanted strokes that fill a box: the sign of "Unknown", which a greyscale print shows as well.
pub(super) fn hatch(x1: f64, y: f64, width: f64, height: f64) -> String {
    let mut path = String::new();
    let step = (width / 160.0).max(7.0);
    let mut x = x1 - height;
    while x < x1 + width {
        let cut_left = (x1 - x).max(0.0);
        let cut_right = (x + height - (x1 + width)).max(0.0);
        if cut_left + cut_right < height {
            let _ = write!(
                path,
                "M{:.1} {:.1}L{:.1} {:.1}",
                x + cut_left,
                y + height - cut_left,
                x + height - cut_right,
                y + cut_right
            );
        }
        x += step;
    }
    path
}

/// Returns the mark of a tone around a point: a cross is a fault, a triangle a change, a square a recovery, a tent an alert, a dot the rest.
pub(super) fn mark(tone: &str, x: f64, y: f64) -> String {
    match tone {
        "fault" => format!("<path d=\"M{:.1} {:.1}l8 8m0 -8l-8 8\"/>", x - 4.0, y - 4.0),
        "change" => format!("<path d=\"M{:.1} {:.1}l9 5l-9 5z\"/>", x - 4.0, y - 5.0),
        "recovery" => format!(
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"8\" height=\"8\"/>",
            x - 4.0,
            y - 4.0
        ),
        "detection" => format!("<path d=\"M{x:.1} {:.1}l5 10h-10z\"/>", y - 6.0),
        _ => format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>"),
    }
}

/// Breaks a text into lines of at most so many characters; what does not fit into the last is cut.
pub(super) fn wrap(text: &str, width: usize, lines: usize) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let full = out.len() == lines;
        match out.last_mut() {
            Some(last) if full || last.chars().count() + 1 + word.chars().count() <= width => {
                last.push(' ');
                last.push_str(word);
            }
            _ => out.push(word.to_owned()),
        }
    }
    out.into_iter().map(|l| cut(&l, width)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_words_and_the_last_is_cut() {
        assert_eq!(
            wrap("Image pull failed (no space)", 18, 2),
            ["Image pull failed", "(no space)"]
        );
        assert_eq!(wrap("one two three four", 7, 2), ["one two", "three …"]);
        assert_eq!(wrap("", 7, 2), Vec::<String>::new());
    }

    #[test]
    fn hatching_stays_inside_its_box() {
        let path = hatch(10.0, 20.0, 30.0, 14.0);
        let numbers: Vec<f64> = path
            .split(['M', 'L', ' '])
            .filter_map(|n| n.parse().ok())
            .collect();
        for pair in numbers.chunks(2) {
            assert!(
                (10.0..=40.0).contains(&pair[0]) && (20.0..=34.0).contains(&pair[1]),
                "{pair:?}"
            );
        }
        assert!(numbers.len() >= 16);
    }
}
