//! Settings from files: the user's own, and the one that lies beside the evidence. They become the defaults of the options of the same name.
//!
//! Takes the arguments, looks for the files that they make count, and gives a command whose defaults are what the files say, and where each
//! of them stands. An argument wins over the environment, that over the incident's file, that over the user's. Knows no option's meaning:
//! values go through the options' own parsers, so that a file cannot say what an argument could not.

use std::path::{Path, PathBuf};

use clap::ArgMatches;
use clap::error::{ContextKind, ContextValue};

use super::{Failure, args};
use crate::grammar::pattern::nearest_within;

/// Name of the file in an incident's directory. Only its `[options]` are settings.
pub(super) const INCIDENT_FILE: &str = "rootline.toml";

/// One setting: the option that it stands for, and where it may be set.
pub(super) struct Key {
    /// As in a file; the option's name without its dashes.
    pub(super) name: &'static str,
    /// What counts where it is set nowhere.
    pub(super) otherwise: &'static str,
    /// Several values.
    many: bool,
    /// A path, relative to its file.
    path: bool,
    /// The incident's file may set it: it is about the evidence, and not about this machine or its user.
    incident: bool,
    /// How it looks in a file.
    example: &'static str,
}

/// All settings.
#[rustfmt::skip]
pub(super) const KEYS: &[Key] = &[
    Key { name: "zone", otherwise: "found by comparing sources, else UTC", many: false, path: false, incident: true, example: "zone = \"+02:00\"" },
    Key { name: "year", otherwise: "found from dated records", many: false, path: false, incident: true, example: "year = 2024" },
    Key { name: "since", otherwise: "everything", many: false, path: false, incident: true, example: "since = 2024-05-22T03:00:00Z" },
    Key { name: "until", otherwise: "everything", many: false, path: false, incident: true, example: "until = 2024-05-22T05:00:00Z" },
    Key { name: "node-of", otherwise: "what the records say", many: true, path: false, incident: true, example: "node-of = [\"logs/worker-a/*=worker-a\"]" },
    Key { name: "grammars", otherwise: "the built-in ones", many: true, path: true, incident: true, example: "grammars = [\"grammars\"]" },
    Key { name: "redact", otherwise: "secrets", many: true, path: false, incident: false, example: "redact = [\"ips\", \"emails\"]" },
    Key { name: "redact-key", otherwise: "made of the input", many: false, path: false, incident: false, example: "redact-key = \"…\"" },
    Key { name: "limit", otherwise: "see --help", many: true, path: false, incident: false, example: "limit = [\"line-bytes=2MiB\"]" },
    Key { name: "jobs", otherwise: "one a core", many: false, path: false, incident: false, example: "jobs = 4" },
    Key { name: "color", otherwise: "auto", many: false, path: false, incident: false, example: "color = \"never\"" },
    Key { name: "hyperlinks", otherwise: "auto", many: false, path: false, incident: false, example: "hyperlinks = \"always\"" },
];

/// A value that a file gives, and the file.
pub(super) struct Given {
    pub(super) key: &'static Key,
    pub(super) values: Vec<String>,
    pub(super) from: PathBuf,
}

/// What the files say.
#[derive(Default)]
pub(super) struct Settings {
    /// Where the user's file would lie, and whether it does.
    pub(super) user: Option<(PathBuf, bool)>,
    /// The incidents' files that were read.
    pub(super) incident: Vec<PathBuf>,
    /// Values, those that win first.
    pub(super) given: Vec<Given>,
}

impl Settings {
    /// Returns what the files say of an option.
    pub(super) fn of(&self, name: &str) -> Option<&Given> {
        self.given.iter().find(|given| given.key.name == name)
    }
}

/// Reads the files that count for these arguments.
///
/// # Errors
/// A file that cannot be read, is no TOML, has an unknown key, or a value of another type; two incidents that disagree.
pub(super) fn read(matches: &ArgMatches) -> Result<Settings, Failure> {
    let mut settings = Settings::default();
    let mut innermost = matches;
    while let Some((_, inner)) = innermost.subcommand() {
        innermost = inner;
    }
    if innermost
        .try_get_one::<bool>("no_config")
        .ok()
        .flatten()
        .is_some_and(|no| *no)
    {
        return Ok(settings);
    }
    let paths = innermost.try_get_many::<PathBuf>("paths").ok().flatten();
    for directory in paths.into_iter().flatten().filter(|p| p.is_dir()) {
        let file = directory.join(INCIDENT_FILE);
        if file.is_file() {
            for given in read_file(&file, Some(directory))? {
                match settings.of(given.key.name) {
                    Some(other) if other.values != given.values => {
                        return Err(Failure::Usage {
                            what: format!(
                                "\"{}\" and \"{}\" disagree on {}",
                                other.from.display(),
                                file.display(),
                                given.key.name
                            ),
                            hint: format!("say what counts with --{}", given.key.name),
                        });
                    }
                    Some(_) => {}
                    None => settings.given.push(given),
                }
            }
            settings.incident.push(file);
        }
    }
    if let Some(file) = user_file() {
        let there = file.is_file();
        if !there && std::env::var_os("ROOTLINE_CONFIG").is_some_and(|v| !v.is_empty()) {
            return Err(Failure::Usage {
                what: format!(
                    "ROOTLINE_CONFIG names \"{}\", and there is no such file",
                    file.display()
                ),
                hint: "unset it, or write the file; --no-config leaves it alone".into(),
            });
        }
        if there {
            for given in read_file(&file, None)? {
                if settings.of(given.key.name).is_none() {
                    settings.given.push(given);
                }
            }
        }
        settings.user = Some((file, there));
    }
    Ok(settings)
}

/// Returns where the user's file lies.
///
/// # Source
/// XDG Base Directory Specification 0.8; `%APPDATA%` on Windows.
fn user_file() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty());
    if let Some(file) = set("ROOTLINE_CONFIG") {
        return Some(PathBuf::from(file));
    }
    let directory = if cfg!(windows) {
        PathBuf::from(set("APPDATA")?)
    } else {
        set("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .filter(|p| p.is_absolute())
            .or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".config")))?
    };
    Some(directory.join("rootline").join("config.toml"))
}

/// Reads the `[options]` of one file. In the incident's file everything else is somebody else's, except for what was meant as a setting.
fn read_file(file: &Path, incident: Option<&Path>) -> Result<Vec<Given>, Failure> {
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(|error| Failure::Read {
        path: name.clone(),
        error,
    })?;
    let table: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| Failure::Settings {
            path: name.clone(),
            what: error.to_string().trim_end().to_owned(),
            hints: vec![
                "settings are TOML: [options] on a line, then for example zone = \"+02:00\"".into(),
            ],
        })?;
    let mut mistakes = Mistakes::of(&text);
    for other in table.keys().filter(|k| *k != "options") {
        let setting = KEYS.iter().any(|k| k.name == other);
        let near = nearest_within(&other.to_lowercase(), &["options", "settings"], 2).is_some();
        if setting {
            mistakes.say(
                other,
                &format!("\"{other}\" stands outside of [options]"),
                "settings stand under [options]".into(),
            );
        } else if incident.is_none() || near {
            mistakes.say(
                other,
                &format!("\"{other}\" is no table of settings"),
                "settings stand under [options]".into(),
            );
        }
    }
    let mut found = Vec::new();
    match table.get("options") {
        None => {}
        Some(toml::Value::Table(options)) => {
            for (name, value) in options {
                match read_setting(name, value, file, incident) {
                    Ok(given) => found.push(given),
                    Err((what, hint)) => mistakes.say(name, &what, hint),
                }
            }
        }
        Some(_) => mistakes.say(
            "options",
            "\"options\" is not a table",
            "write [options] on a line of its own".into(),
        ),
    }
    mistakes.none(name)?;
    Ok(found)
}

/// The mistakes of one file, all of which are said at once.
struct Mistakes<'a> {
    text: &'a str,
    /// Line, what is wrong there, and what to do.
    found: Vec<(usize, String, String)>,
}

impl<'a> Mistakes<'a> {
    fn of(text: &'a str) -> Self {
        let found = Vec::new();
        Mistakes { text, found }
    }

    fn say(&mut self, key: &str, what: &str, hint: String) {
        let begins = |line: &str| {
            let line = line.trim_start().trim_start_matches(['[', '"', '\'']);
            line.strip_prefix(key).is_some_and(|rest| {
                !rest.starts_with(|c: char| c.is_alphanumeric() || c == '-' || c == '_')
            })
        };
        let line = self.text.lines().position(begins).map_or(0, |at| at + 1);
        self.found.push((line, what.to_owned(), hint));
    }

    fn none(mut self, path: String) -> Result<(), Failure> {
        self.found.sort();
        let lines: Vec<String> = self
            .found
            .iter()
            .map(|(line, what, _)| match line {
                0 => what.clone(),
                line => format!("line {line}: {what}"),
            })
            .collect();
        let mut hints: Vec<String> = self.found.into_iter().map(|(_, _, hint)| hint).collect();
        hints.dedup();
        match lines.is_empty() {
            true => Ok(()),
            false => Err(Failure::Settings {
                path,
                what: lines.join("\n  "),
                hints,
            }),
        }
    }
}

/// Returns one setting, or what is wrong with it and what to do.
fn read_setting(
    name: &str,
    value: &toml::Value,
    file: &Path,
    incident: Option<&Path>,
) -> Result<Given, (String, String)> {
    let Some(key) = KEYS.iter().find(|k| k.name == name) else {
        let names: Vec<&str> = KEYS.iter().map(|k| k.name).collect();
        let meant = nearest_within(name, &names, name.chars().count().div_ceil(2))
            .map(|near| format!("did you mean \"{near}\"? "))
            .unwrap_or_default();
        return Err((
            format!("there is no setting \"{name}\""),
            format!("{meant}`rootline config show` lists all"),
        ));
    };
    if incident.is_some() && !key.incident {
        return Err((
            format!("\"{name}\" is a matter of who reads the incident, not of the incident"),
            "put it into your own file; `rootline config show` tells where that lies".into(),
        ));
    }
    let mut values = values_of(key, value).ok_or_else(|| {
        (
            format!("\"{name}\" cannot be {}", value.type_str()),
            format!("for example {}", key.example),
        )
    })?;
    if key.path {
        values = paths_of(&values, file, incident).map_err(|path| {
            (
                format!("\"{path}\" lies outside of the incident"),
                format!("an incident may only bring grammars of its own along; otherwise give --{name} {path}"),
            )
        })?;
    }
    Ok(Given {
        key,
        values,
        from: file.to_owned(),
    })
}

/// Returns the values as an argument would have them; nothing for another type.
fn values_of(key: &Key, value: &toml::Value) -> Option<Vec<String>> {
    match value {
        toml::Value::Array(items) if key.many => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned))
            .collect(),
        toml::Value::String(text) => Some(vec![text.clone()]),
        toml::Value::Integer(number) => Some(vec![number.to_string()]),
        toml::Value::Datetime(at) => Some(vec![at.to_string()]),
        _ => None,
    }
}

/// Paths are relative to their file. What came with an incident must not point elsewhere: nobody may have vetted it.
fn paths_of(
    values: &[String],
    file: &Path,
    incident: Option<&Path>,
) -> Result<Vec<String>, String> {
    let base = file.parent().unwrap_or(Path::new("."));
    values
        .iter()
        .map(|value| {
            let path = base.join(value);
            if let Some(incident) = incident {
                let inside = path
                    .canonicalize()
                    .and_then(|path| Ok(path.starts_with(incident.canonicalize()?)));
                // One that does not exist is said by its reader, with the reason.
                let leaves = Path::new(value).components().any(|part| {
                    !matches!(
                        part,
                        std::path::Component::Normal(_) | std::path::Component::CurDir
                    )
                });
                if leaves || matches!(inside, Ok(false)) {
                    return Err(value.clone());
                }
            }
            Ok(path.display().to_string())
        })
        .collect()
}

/// Makes what the files say the defaults of the options.
pub(super) fn as_defaults(command: clap::Command, settings: &Settings) -> clap::Command {
    let mut command = command;
    for given in &settings.given {
        let id = given.key.name.replace('-', "_");
        if command.get_arguments().any(|a| a.get_id() == id.as_str()) {
            command = command.mut_arg(&id, |arg| arg.default_values(given.values.clone()));
        }
    }
    command.mut_subcommands(|inner| as_defaults(inner, settings))
}

/// Returns the failure for a value that its option refused, if a file gave it.
pub(super) fn refused(error: &clap::Error, settings: &Settings) -> Option<Failure> {
    let (name, value, why) = refusal(error)?;
    let given = settings.of(&name)?;
    if !given.values.contains(&value) {
        return None;
    }
    Some(Failure::Settings {
        path: given.from.display().to_string(),
        what: format!("\"{value}\" is no value of {name}{why}"),
        hints: vec![format!("for example {}", given.key.example)],
    })
}

/// Returns the failure for a value that its option refused, if a variable gave it: the option itself was never typed.
pub(super) fn refused_variable(
    error: &clap::Error,
    given: &[std::ffi::OsString],
) -> Option<Failure> {
    let (name, value, why) = refusal(error)?;
    let typed = |argument: &std::ffi::OsString| {
        let argument = argument.to_string_lossy();
        let rest = argument
            .strip_prefix("--")
            .and_then(|a| a.strip_prefix(&name));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    };
    let variable = format!("ROOTLINE_{}", name.to_uppercase().replace('-', "_"));
    let set = std::env::var(&variable).ok()?;
    let said = set == value || set.split(',').any(|part| part == value);
    (said && !given.iter().any(typed)).then(|| Failure::Usage {
        what: format!("the variable {variable}: \"{value}\" is no value of {name}{why}"),
        hint: format!("set it to another value, unset it, or overrule it with --{name}"),
    })
}

/// Returns the name of the option that refused a value, the value, and why.
fn refusal(error: &clap::Error) -> Option<(String, String, String)> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    let option = text(ContextKind::InvalidArg)?;
    let name = option.trim_start_matches('-').split(' ').next()?.to_owned();
    let why = match (
        std::error::Error::source(error),
        error.get(ContextKind::ValidValue),
    ) {
        (Some(why), _) => format!(": {why}"),
        (None, Some(ContextValue::Strings(known))) => format!(": known are {}", known.join(", ")),
        _ => String::new(),
    };
    Some((name, text(ContextKind::InvalidValue)?, why))
}

/// Returns the command line with what the files say, and the settings.
///
/// # Errors
/// As [`read`].
pub(super) fn command_with_settings(
    matches: &ArgMatches,
    given: &[std::ffi::OsString],
) -> Result<(clap::Command, Settings), Failure> {
    let settings = read(matches)?;
    Ok((as_defaults(args::command_of(given), &settings), settings))
}
