//! `docker history`: a table, a pasted table that lost its columns, or JSON, one object a line. Podman and nerdctl print the same columns.
//!
//! The newest step stands first; here the oldest does. Nothing is made up: a step whose size cannot be read has none, and then the image has no total.

use serde_json::Value;

use super::{Cite, text, unknown_image};
use crate::model::Evidence;
use crate::model::artefact::{
    Artefacts, CommandForm, ImageArtefact, ImageLayer, ImageSource, Measure, StartCommand,
    parse_bytes,
};

/// Instructions that may stand at the beginning of a step.
const VERBS: &[&str] = &[
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// Reads every table of a text. Returns the number of rows.
pub(super) fn table(text: &str, cite: &mut Cite<'_>, found: &mut Artefacts) -> u64 {
    let mut rows = 0;
    let mut at = 0;
    let mut image: Option<ImageArtefact> = None;
    let mut named: (Vec<String>, Option<String>) = (Vec::new(), None);
    for line in text.split_inclusive('\n') {
        let range = at..at + line.trim_end_matches(['\n', '\r']).len();
        at += line.len();
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.is_empty() {
            continue;
        }
        if is_header(&words) {
            found.images.extend(image.take().map(finished));
            let mut begun = unknown_image(ImageSource::History, cite(range));
            (begun.names, begun.digest) = std::mem::take(&mut named);
            begun.measure = Measure::Unpacked;
            begun.rounded = true;
            image = Some(begun);
            continue;
        }
        // A line above the table may name the image, as `docker history NAME` in a shell does.
        if image.is_none() || matches!(words[0], "IMAGE" | "$" | "#") && row(line).is_none() {
            named = names_in(&words);
            continue;
        }
        let (Some(image), Some(row)) = (image.as_mut(), row(line)) else {
            continue;
        };
        rows += 1;
        // Somebody added it up; it is no layer.
        if is_sum(&row.created_by) {
            image.stated = row.size.map(|size| (size, cite(range)));
            continue;
        }
        let (verb, said) = instruction(&row.created_by);
        image.layers.push(ImageLayer {
            verb,
            text: said,
            size: row.size,
            digest: None,
            evidence: cite(range),
        });
    }
    found.images.extend(image.map(finished));
    rows
}

/// `IMAGE CREATED CREATED BY SIZE COMMENT`; podman has `ID`, nerdctl `SNAPSHOT` first, and the first column may be missing.
fn is_header(words: &[&str]) -> bool {
    let words = match words {
        ["IMAGE" | "ID" | "SNAPSHOT", rest @ ..] => rest,
        all => all,
    };
    // With `--human=false` the time is a date, and its title says so.
    let words = match words {
        ["CREATED", "AT", rest @ ..] => rest,
        ["CREATED", rest @ ..] => rest,
        _ => return false,
    };
    matches!(words, ["CREATED", "BY", "SIZE", rest @ ..] if matches!(rest, [] | ["COMMENT"]))
}

fn is_sum(said: &str) -> bool {
    let word = said.trim_matches(|c: char| !c.is_alphabetic());
    ["total", "total size", "sum", "image total", "grand total"]
        .iter()
        .any(|known| word.eq_ignore_ascii_case(known))
}

fn names_in(words: &[&str]) -> (Vec<String>, Option<String>) {
    let mut names = Vec::new();
    let mut digest = None;
    for word in words {
        if word.starts_with("sha256:") {
            digest = Some((*word).to_owned());
        } else if word.contains('/') && word.contains(':') || word.contains("@sha256:") {
            // `repository:one,two` lists two tags.
            let mut parts = word.split(',');
            let first = parts.next().unwrap_or_default();
            names.push(first.to_owned());
            if let Some((repository, _)) = first.rsplit_once(':') {
                names.extend(parts.map(|tag| format!("{repository}:{tag}")));
            }
        }
    }
    (names, digest)
}

struct Row {
    created_by: String,
    size: Option<u64>,
}

/// Takes a row apart from both ends: what was run may hold anything.
fn row(line: &str) -> Option<Row> {
    let words: Vec<&str> = line.split_whitespace().collect();
    // From the right: the last word that is a size; a comment may follow it.
    let iso = |word: &str| word.len() >= 20 && word.as_bytes()[4] == b'-' && word.contains('T');
    // With `--human=false` sizes are bare bytes, right before a comment that is one word at most.
    let dated = words.iter().take(2).any(|word| iso(word));
    let (end, size) = (0..words.len()).rev().find_map(|at| {
        if dated && at > 1 && at + 2 >= words.len() && words[at].bytes().all(|b| b.is_ascii_digit())
        {
            return Some((at, words[at].parse().ok()?));
        }
        let printed = |text: &str| text.ends_with('B').then(|| parse_bytes(text)).flatten();
        if let Some(size) = printed(words[at]) {
            return Some((at, size));
        }
        // Podman prints a space before the unit.
        let before = at.checked_sub(1)?;
        let unit = matches!(
            words[at],
            "B" | "kB" | "KB" | "MB" | "GB" | "TB" | "MiB" | "GiB"
        );
        let size = unit.then(|| parse_bytes(&format!("{}{}", words[before], words[at])))??;
        Some((before, size))
    })?;
    let mut rest = &words[..end];
    if let [id, others @ ..] = rest
        && (*id == "<missing>"
            || id.starts_with("sha256:")
            || id.len() >= 10 && id.bytes().all(|b| b.is_ascii_hexdigit()))
    {
        rest = others;
    }
    let ago = rest.iter().take(6).position(|word| *word == "ago");
    rest = match (ago, rest) {
        (Some(ago), _) => &rest[ago + 1..],
        (None, [first, others @ ..]) if iso(first) || *first == "N/A" => others,
        _ => rest,
    };
    (!rest.is_empty()).then(|| Row {
        created_by: rest.join(" "),
        size: Some(size),
    })
}

/// Separates instruction and argument, and takes the builder's decoration off.
///
/// # Source
/// The classic builder writes `/bin/sh -c #(nop)  CMD [...]` for what runs nothing and `/bin/sh -c …` (build arguments as `|1 A=b` before it) for `RUN`;
/// BuildKit writes `RUN /bin/sh -c … # buildkit`.
pub(super) fn instruction(created_by: &str) -> (String, String) {
    let said = created_by.trim().trim_end_matches("# buildkit").trim();
    if let Some((_, nop)) = said.split_once("#(nop)") {
        let nop = nop.trim();
        let (verb, rest) = nop.split_once(' ').unwrap_or((nop, ""));
        return (verb.to_owned(), rest.trim().to_owned());
    }
    let (verb, rest) = said.split_once(' ').unwrap_or((said, ""));
    let under_shell = |text: &str| {
        let text = text.trim();
        let text = match text.strip_prefix('|') {
            Some(arguments) => arguments
                .split_once("/bin/sh -c ")
                .map_or(text, |(_, run)| run),
            None => text,
        };
        text.strip_prefix("/bin/sh -c ")
            .unwrap_or(text)
            .trim()
            .to_owned()
    };
    if VERBS.contains(&verb) {
        let rest = if verb == "RUN" {
            under_shell(rest)
        } else {
            rest.trim().to_owned()
        };
        return (verb.to_owned(), rest);
    }
    if said.starts_with("/bin/sh -c ") || said.starts_with('|') {
        return ("RUN".to_owned(), under_shell(said));
    }
    (String::new(), said.to_owned())
}

/// Reads what a history or a configuration prints of a start command: `["npm" "start"]`, `["/bin/sh" "-c" "npm start"]`.
pub(super) fn start_command(printed: &str) -> Option<StartCommand> {
    let inside = printed.trim().strip_prefix('[')?.strip_suffix(']')?;
    let words: Vec<String> = inside
        .split('"')
        .enumerate()
        .filter(|(at, _)| at % 2 == 1)
        .map(|(_, word)| word.to_owned())
        .collect();
    Some(of_words(words))
}

pub(super) fn of_words(words: Vec<String>) -> StartCommand {
    match words.as_slice() {
        [shell, flag, rest @ ..] if shell == "/bin/sh" && flag == "-c" => StartCommand {
            form: CommandForm::Shell,
            words: rest.to_vec(),
        },
        _ => StartCommand {
            form: CommandForm::Exec,
            words,
        },
    }
}

/// Puts the oldest step first and concludes what the steps tell about the whole.
fn finished(mut image: ImageArtefact) -> ImageArtefact {
    image.layers.reverse();
    conclude(&mut image);
    image
}

pub(super) fn conclude(image: &mut ImageArtefact) {
    if image.total.is_none() && !image.layers.is_empty() {
        image.total = image.layers.iter().map(|l| l.size).sum();
    }
    let last = |verb: &str| image.layers.iter().rev().find(|l| l.verb == verb);
    if image.command.is_none() {
        image.command = last("CMD").and_then(|l| start_command(&l.text));
    }
    if image.entrypoint.is_none() {
        image.entrypoint = last("ENTRYPOINT").and_then(|l| start_command(&l.text));
    }
    if image.user.is_none() {
        image.user = last("USER").map(|l| l.text.clone());
    }
    if image.directory.is_none() {
        image.directory = last("WORKDIR").map(|l| l.text.clone());
    }
}

/// Keeps one line of `docker history --format json`; [`join_lines`] makes one image of a source's lines.
pub(super) fn line(value: &Value, found: &mut Artefacts, cite: &mut dyn FnMut() -> Evidence) {
    let (Some(created_by), Some(size)) = (text(value, &["CreatedBy"]), text(value, &["Size"]))
    else {
        return;
    };
    let (verb, said) = instruction(created_by);
    let evidence = cite();
    let mut image = unknown_image(ImageSource::History, evidence.clone());
    image.measure = Measure::Unpacked;
    image.rounded = true;
    image.layers.push(ImageLayer {
        verb,
        text: said,
        size: parse_bytes(size),
        digest: None,
        evidence,
    });
    found.images.push(image);
}

/// Joins histories of one line each that follow one another in a source.
pub(super) fn join_lines(images: &mut Vec<ImageArtefact>) {
    let single = |image: &ImageArtefact| {
        image.kind == ImageSource::History && image.layers.len() == 1 && image.total.is_none()
    };
    let mut joined: Vec<(ImageArtefact, bool)> = Vec::new();
    for image in images.drain(..) {
        match joined.last_mut() {
            Some((open, true))
                if single(&image)
                    && open.evidence.origin.source == image.evidence.origin.source =>
            {
                open.layers.extend(image.layers);
            }
            _ => {
                let open = single(&image);
                joined.push((image, open));
            }
        }
    }
    images.extend(
        joined
            .into_iter()
            .map(|(image, open)| if open { finished(image) } else { image }),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<ImageArtefact> {
        let mut found = Artefacts::default();
        let mut cite = |range: std::ops::Range<usize>| Evidence {
            origin: crate::model::Origin {
                source: 0,
                start: range.start as u64,
                end: range.end as u64,
                line: 1,
            },
            text: text[range].into(),
            left_out: 0,
            sha256: String::new(),
        };
        table(text, &mut cite, &mut found);
        found.images
    }

    #[test]
    fn a_pasted_table_is_read_from_both_ends() {
        let images = read(
            "IMAGE CREATED CREATED BY SIZE COMMENT\n<missing> 2 hours ago /bin/sh -c #(nop) CMD [\"node\" \"a.js\"] 0B\n<missing> About an hour ago /bin/sh -c yarn install 1.2GB\n<missing> 3 weeks ago /bin/sh -c #(nop) ADD file:5b… in / 74.8MB\n",
        );
        let image = &images[0];
        assert_eq!(image.total, Some(1_274_800_000));
        assert_eq!(image.layers[0].verb, "ADD");
        assert_eq!(
            (image.layers[1].verb.as_str(), image.layers[1].text.as_str()),
            ("RUN", "yarn install")
        );
        assert_eq!(
            image.command.as_ref().map(|c| c.form),
            Some(CommandForm::Exec)
        );
    }

    #[test]
    fn columns_comments_and_units_of_other_tools_are_read() {
        let images = read(
            "IMAGE          CREATED        CREATED BY                                      SIZE      COMMENT\n4b5f0b1c2d3e   2 days ago     RUN |1 V=1 /bin/sh -c make all # buildkit        566MB     buildkit.dockerfile.v0\n<missing>      2 days ago     CMD [\"/bin/sh\" \"-c\" \"npm start\"]               0B        buildkit.dockerfile.v0\n",
        );
        let image = &images[0];
        assert_eq!(image.layers[1].text, "make all");
        assert_eq!(image.layers[1].size, Some(566_000_000));
        assert_eq!(
            image.command.as_ref().map(|c| c.form),
            Some(CommandForm::Shell)
        );
        let podman = read(
            "ID            CREATED       CREATED BY                     SIZE        COMMENT\n0a1b2c3d4e5f  2 weeks ago   /bin/sh -c #(nop) WORKDIR /a   1.5 MB\n",
        );
        assert_eq!(podman[0].total, Some(1_500_000));
        assert_eq!(podman[0].directory.as_deref(), Some("/a"));
    }

    #[test]
    fn a_name_above_a_table_belongs_to_it() {
        let images = read(
            "IMAGE shop.example/cart:1,latest sha256:ab\nCREATED   CREATED BY   SIZE\n2026-01-02T03:04:05Z   COPY . /srv # buildkit   5.5MB\n",
        );
        assert_eq!(
            images[0].names,
            ["shop.example/cart:1", "shop.example/cart:latest"]
        );
        assert_eq!(images[0].digest.as_deref(), Some("sha256:ab"));
        assert_eq!(images[0].total, Some(5_500_000));
    }
}
