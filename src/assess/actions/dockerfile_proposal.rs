//! Guard-rail: a multi-stage Dockerfile, proposed from the one in the input.
//!
//! Only for what the file shows to be Node or Python: other languages would have to be guessed. What the application's build makes and starts is not in
//! the file; those lines are marked for people to check.

use crate::assess::image_autopsy;
use crate::model::artefact::BuildFile;
use crate::model::{Finding, GuardRail, Incident};

pub(super) fn make(incident: &Incident, findings: &[Finding]) -> Option<GuardRail> {
    let build = image_autopsy::only_build(incident)?;
    let wanted = [
        "build-tools-in-image",
        "full-base-image",
        "cache-busting-copy",
        "root-user",
    ];
    if build.stages() != 1 || !findings.iter().any(|f| wanted.contains(&f.factor)) {
        return None;
    }
    let text = node(build).or_else(|| python(build))?;
    Some(GuardRail {
        id: "dockerfile-proposal".to_owned(),
        file: "build/Dockerfile.proposal".to_owned(),
        text,
        class: "prevent",
        about: "Dockerfile in two stages, proposed from the one in the input: built in the full image, run from the slim one, without root and without a shell.".to_owned(),
        done_when: "it builds, the container answers, and its image is below the limit".to_owned(),
        backtest: super::untested("an image that was never built has no size; the proposal is not built here"),
    })
}

fn runs(build: &BuildFile, tools: &[&str]) -> bool {
    build
        .instructions
        .iter()
        .any(|i| i.verb == "RUN" && tools.iter().any(|tool| i.text.contains(tool)))
}

/// The version part of a base image's tag: `20` of `node:20-bookworm`.
fn version(build: &BuildFile, name: &str) -> Option<String> {
    let image = build.base()?.words.first()?.clone();
    let rest = image.strip_prefix(name)?.strip_prefix(':')?;
    let version: String = rest
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == '.')
        .collect();
    (!version.is_empty()).then_some(version)
}

fn directory(build: &BuildFile) -> String {
    build
        .final_stage()
        .iter()
        .rev()
        .find(|i| i.verb == "WORKDIR")
        .and_then(|i| i.words.first().cloned())
        .filter(|d| d.starts_with('/') && !d.contains(char::is_whitespace))
        .unwrap_or_else(|| "/app".to_owned())
}

fn expose(build: &BuildFile) -> String {
    let port = build.final_stage().into_iter().find(|i| i.verb == "EXPOSE");
    port.map(|i| format!("EXPOSE {}\n", i.words.join(" ")))
        .unwrap_or_default()
}

fn node(build: &BuildFile) -> Option<String> {
    let version = version(build, "node")?;
    if !runs(build, &["npm ", "yarn", "pnpm"]) {
        return None;
    }
    let (directory, expose) = (directory(build), expose(build));
    Some(format!(
        "# PROPOSAL made from the Dockerfile of one incident. Lines marked CHECK rest on custom, not on the record.\n\
         FROM node:{version} AS build\n\
         WORKDIR {directory}\n\
         # The package list first: a change of the sources then leaves the installed packages in the cache.\n\
         COPY package.json package-lock.json ./\n\
         RUN --mount=type=cache,target=/root/.npm npm ci\n\
         COPY . .\n\
         # CHECK: leave out if there is nothing to build.\n\
         RUN npm run build\n\
         RUN npm prune --omit=dev\n\
         \n\
         FROM node:{version}-slim\n\
         RUN apt-get update && apt-get install -y --no-install-recommends tini && rm -rf /var/lib/apt/lists/*\n\
         WORKDIR {directory}\n\
         ENV NODE_ENV=production\n\
         COPY --from=build {directory}/package.json ./\n\
         COPY --from=build {directory}/node_modules ./node_modules\n\
         # CHECK: where the build puts its result.\n\
         COPY --from=build {directory}/dist ./dist\n\
         USER 10001\n\
         {expose}ENTRYPOINT [\"/usr/bin/tini\", \"--\"]\n\
         # CHECK: what `npm start` starts.\n\
         CMD [\"node\", \"dist/index.js\"]\n"
    ))
}

fn python(build: &BuildFile) -> Option<String> {
    let version = version(build, "python")?;
    if !runs(build, &["pip install", "pip3 install"]) {
        return None;
    }
    let (directory, expose) = (directory(build), expose(build));
    Some(format!(
        "# PROPOSAL made from the Dockerfile of one incident. Lines marked CHECK rest on custom, not on the record.\n\
         FROM python:{version} AS build\n\
         WORKDIR {directory}\n\
         RUN python -m venv /venv\n\
         COPY requirements.txt ./\n\
         RUN --mount=type=cache,target=/root/.cache/pip /venv/bin/pip install -r requirements.txt\n\
         \n\
         FROM python:{version}-slim\n\
         WORKDIR {directory}\n\
         COPY --from=build /venv /venv\n\
         COPY . .\n\
         USER 10001\n\
         {expose}# CHECK: what the container starts.\n\
         CMD [\"/venv/bin/python\", \"-m\", \"app\"]\n"
    ))
}
