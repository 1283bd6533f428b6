//! What people added: reads `rootline.toml` and `notes.md` from the directories of the incident, and writes who is who where somebody asks.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::wire::human::{FIELDS_FILE, Human, NOTES_FILE};
use crate::wire::roles::Roles;

/// Bytes of one file that are read; people write less.
const LIMIT: u64 = 1 << 20;

/// Reads the files of the first directory that has any. Names of people who act in the record become roles here, too.
pub(super) fn read(paths: &[PathBuf], roles: &Roles) -> Human {
    let mut human = Human::default();
    for directory in paths.iter().filter(|p| p.is_dir()) {
        let fields = directory.join(FIELDS_FILE);
        let notes = directory.join(NOTES_FILE);
        if !human.files.is_empty() {
            if fields.exists() || notes.exists() {
                human.problems.push(format!(
                    "{}: people's text was read from another directory already; this one is not used",
                    directory.display()
                ));
            }
            continue;
        }
        match text_of(&fields) {
            Some(Ok(text)) => human.read_fields(&fields.display().to_string(), &text),
            Some(Err(why)) => human.problems.push(why),
            None => {}
        }
        match text_of(&notes) {
            Some(Ok(text)) => human.read_notes(&notes.display().to_string(), &text),
            Some(Err(why)) => human.problems.push(why),
            None => {}
        }
    }
    for text in human.sections.values_mut() {
        *text = roles.hide(text).0;
    }
    for line in human
        .lessons
        .went_well
        .iter_mut()
        .chain(&mut human.lessons.went_badly)
        .chain(&mut human.lessons.lucky)
        .chain(human.corrections.iter_mut().map(|c| &mut c.because))
    {
        *line = roles.hide(line).0;
    }
    human
}

/// Returns the text of a file, why it cannot be read, or nothing if there is none.
fn text_of(path: &Path) -> Option<Result<String, String>> {
    if !path.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path).and_then(|f| f.take(LIMIT + 1).read_to_end(&mut bytes));
    Some(match read {
        Ok(_) if bytes.len() as u64 > LIMIT => Err(format!(
            "{}: not used, it is larger than 1 MiB",
            path.display()
        )),
        Ok(_) => Ok(String::from_utf8_lossy(&bytes)
            .trim_start_matches('\u{feff}')
            .replace("\r\n", "\n")),
        Err(error) => Err(format!("{}: not used: {error}", path.display())),
    })
}

/// Returns who stands behind each role, as TOML.
pub(super) fn role_map(roles: &Roles) -> String {
    let mut text = String::from(
        "# Who stands behind each role of the report. Keep this apart from the report.\n",
    );
    for named in roles.named() {
        let name = toml::Value::String(named.name.clone());
        let _ = writeln!(text, "\"{}\" = {name}", named.role);
    }
    text
}
