//! Dockerfiles and ignore files of build contexts.
//!
//! The Dockerfile grammar is the `parse-dockerfile` crate's. Reading stops at its first mistake, which is kept with its line; nothing after it is guessed.

use parse_dockerfile::{Command, Instruction, Source as CopySource};

use super::Cite;
use crate::model::Source;
use crate::model::artefact::{Artefacts, BuildFile, BuildInstruction, CommandForm, IgnoreFile};

/// Instructions of a file beyond this number are not kept: no image has as many layers.
const MOST: usize = 2_000;

/// Reads a Dockerfile. Returns the number of instructions.
pub(super) fn dockerfile(
    source: &Source,
    text: &str,
    cite: &mut Cite<'_>,
    found: &mut Artefacts,
) -> u64 {
    let mut instructions: Vec<BuildInstruction> = Vec::new();
    let mut fault = None;
    let mut stage: Option<usize> = None;
    match parse_dockerfile::parse_iter(text) {
        Err(error) => fault = Some((error.line() as u64, error.to_string())),
        Ok(parsed) => {
            for one in parsed.take(MOST) {
                match one {
                    Ok(instruction) => {
                        if matches!(instruction, Instruction::From(_)) {
                            stage = Some(stage.map_or(0, |s| s + 1));
                        }
                        instructions.extend(read(&instruction, text, stage, cite));
                    }
                    Err(error) => {
                        fault = Some((error.line() as u64, error.to_string()));
                        break;
                    }
                }
            }
        }
    }
    let records = instructions.len() as u64;
    let evidence = match instructions.first() {
        Some(first) => first.evidence.clone(),
        None => cite(0..text.find('\n').unwrap_or(text.len())),
    };
    found.builds.push(BuildFile {
        path: source.path.clone(),
        instructions,
        fault,
        evidence,
    });
    records
}

fn read(
    instruction: &Instruction<'_>,
    text: &str,
    stage: Option<usize>,
    cite: &mut Cite<'_>,
) -> Option<BuildInstruction> {
    let mut words: Vec<String> = Vec::new();
    let mut flags: Vec<(String, String)> = Vec::new();
    let mut form = None;
    let mut alias = None;
    // What a here-document gives to the shell is part of the step.
    let mut here: Vec<String> = Vec::new();
    let mut here_end = 0;
    let mut keep_flags = |options: &[parse_dockerfile::Flag<'_>]| {
        flags.extend(options.iter().map(|flag| {
            let value = flag
                .value
                .as_ref()
                .map_or_else(String::new, |v| v.value.to_string());
            (flag.name.value.to_string(), value)
        }));
    };
    let mut command = |arguments: &Command<'_>, words: &mut Vec<String>| match arguments {
        Command::Exec(list) => {
            form = Some(CommandForm::Exec);
            words.extend(list.value.iter().map(|w| w.value.to_string()));
        }
        Command::Shell(line) => {
            form = Some(CommandForm::Shell);
            words.extend(line.value.split_whitespace().map(str::to_owned));
        }
        _ => {}
    };
    let paths = |sources: &[CopySource<'_>], words: &mut Vec<String>| {
        words.extend(sources.iter().filter_map(|source| match source {
            CopySource::Path(path) => Some(path.value.to_string()),
            _ => None,
        }));
    };
    let (verb, start) = match instruction {
        Instruction::From(i) => {
            keep_flags(&i.options);
            words.push(i.image.value.to_string());
            alias = i.as_.as_ref().map(|(_, name)| name.value.to_string());
            ("FROM", i.from.span.start)
        }
        Instruction::Run(i) => {
            keep_flags(&i.options);
            command(&i.arguments, &mut words);
            for document in &i.here_docs {
                here.push(document.value.trim_end().to_owned());
                here_end = here_end.max(document.span.end);
            }
            ("RUN", i.run.span.start)
        }
        Instruction::Cmd(i) => {
            command(&i.arguments, &mut words);
            ("CMD", i.cmd.span.start)
        }
        Instruction::Entrypoint(i) => {
            command(&i.arguments, &mut words);
            ("ENTRYPOINT", i.entrypoint.span.start)
        }
        Instruction::Copy(i) => {
            keep_flags(&i.options);
            paths(&i.src, &mut words);
            words.push(i.dest.value.to_string());
            ("COPY", i.copy.span.start)
        }
        Instruction::Add(i) => {
            keep_flags(&i.options);
            paths(&i.src, &mut words);
            words.push(i.dest.value.to_string());
            ("ADD", i.add.span.start)
        }
        Instruction::User(i) => {
            words.push(i.arguments.value.to_string());
            ("USER", i.user.span.start)
        }
        Instruction::Workdir(i) => {
            words.push(i.arguments.value.to_string());
            ("WORKDIR", i.workdir.span.start)
        }
        Instruction::Env(i) => {
            words.push(i.arguments.value.to_string());
            ("ENV", i.env.span.start)
        }
        Instruction::Arg(i) => {
            words.push(i.arguments.value.to_string());
            ("ARG", i.arg.span.start)
        }
        Instruction::Expose(i) => {
            words.extend(i.arguments.iter().map(|w| w.value.to_string()));
            ("EXPOSE", i.expose.span.start)
        }
        Instruction::Shell(i) => {
            words.extend(i.arguments.iter().map(|w| w.value.to_string()));
            ("SHELL", i.shell.span.start)
        }
        _ => return None,
    };
    let end = end_of(text, start);
    let written = text.get(start..end)?.trim_end();
    let argument = written.get(verb.len()..).unwrap_or_default();
    here.insert(
        0,
        argument
            .replace("\\\r\n", " ")
            .replace("\\\n", " ")
            .trim()
            .to_owned(),
    );
    let written = text.get(start..end.max(here_end))?.trim_end();
    Some(BuildInstruction {
        verb,
        text: here.join("\n"),
        words,
        flags,
        form,
        alias,
        stage,
        evidence: cite(start..start + written.len()),
    })
}

/// An instruction goes on while its line ends in a backslash, and over comments and empty lines between continued lines.
fn end_of(text: &str, start: usize) -> usize {
    let mut end = start;
    let mut goes_on = true;
    for line in text.get(start..).unwrap_or_default().split_inclusive('\n') {
        let bare = line.trim();
        if !goes_on {
            break;
        }
        end += line.len();
        if end > start + line.len() && (bare.starts_with('#') || bare.is_empty()) {
            continue;
        }
        goes_on = bare.ends_with('\\');
    }
    end
}

/// Reads an ignore file.
pub(super) fn ignore_file(
    source: &Source,
    text: &str,
    cite: &mut Cite<'_>,
    found: &mut Artefacts,
) -> u64 {
    let patterns: Vec<String> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect();
    let records = patterns.len() as u64;
    found.ignores.push(IgnoreFile {
        path: source.path.clone(),
        patterns,
        evidence: cite(0..text.trim_end().len()),
    });
    records
}
