//! Factor `invalid-dockerfile`: the Dockerfile in the input cannot be built as it stands.
//!
//! Reads the parser's first mistake, and instructions inside a RUN; gives one finding a file. Nothing is guessed about what was meant.

use crate::assess::images;
use crate::model::{Finding, Incident};

const INSTRUCTIONS: &[&str] = &[
    "COPY",
    "ADD",
    "ENV",
    "FROM",
    "WORKDIR",
    "USER",
    "EXPOSE",
    "CMD",
    "ENTRYPOINT",
    "ARG",
    "LABEL",
    "VOLUME",
    "RUN",
];

fn check(incident: &Incident) -> Vec<Finding> {
    let Some(cascade) = incident
        .cascades
        .iter()
        .find(|c| images::pull_ran_out_of_space(incident, c))
    else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for build in &incident.artefacts.builds {
        let inside = build.instructions.iter().find(|i| {
            i.verb == "RUN"
                && i.text
                    .split_whitespace()
                    .find(|w| !w.starts_with("--"))
                    .is_some_and(|w| INSTRUCTIONS.contains(&w))
        });
        let (because, citation) = match (&build.fault, inside) {
            (Some((line, why)), _) => (
                format!("{} cannot be read beyond line {line}: {why}.", build.path),
                build.evidence.clone(),
            ),
            (None, Some(run)) => (
                format!(
                    "{}, line {}: an instruction stands inside a RUN ({}).",
                    build.path,
                    run.evidence.origin.line,
                    run.text
                        .split_whitespace()
                        .take(6)
                        .collect::<Vec<_>>()
                        .join(" ")
                ),
                run.evidence.clone(),
            ),
            (None, None) => continue,
        };
        findings.push(Finding {
            factor: "invalid-dockerfile",
            subject: build.path.clone(),
            strength: "latent",
            evidence: vec![cascade.origin],
            citations: vec![citation],
            because,
            counterfactual: "It says nothing about the image that was deployed, except that this file did not make it.".to_owned(),
            action: "Let CI lint the Dockerfile before it builds it.".to_owned(),
            ..Finding::default()
        });
    }
    findings
}

factor!(
    InvalidDockerfile,
    "invalid-dockerfile",
    "What it looks for: a Dockerfile that its grammar refuses, or a RUN whose shell command begins with an instruction of the Dockerfile (`COPY`, `ENV` …).\n\
Why it matters: such a file was not what the image was built from, or the build failed and an older image was deployed.\n\
Example: `RUN --mount=type=cache,target=/root/.npm COPY package*.json ./ && npm ci`.\n\
When it is mistaken: a syntax directive names a front end with more instructions than the reference; or a program is really called COPY.\n\
What to do: run a linter over the file in CI; put each instruction on a line of its own.\n\
References: hadolint reports it as DL1000 (parse error); an instruction inside a RUN is none of its rules.",
    check
);
