//! Factor `no-init-process`: nothing reaps child processes or passes signals on.
//!
//! Reads the start command of the Dockerfile's last stage; gives one finding for package managers and shells as process 1.

use crate::assess::built;
use crate::model::{Finding, Incident};

const INITS: &[&str] = &[
    "tini",
    "dumb-init",
    "s6-svscan",
    "/init",
    "catatonit",
    "supervisord",
    "runit",
    "systemd",
];
const STARTERS: &[&str] = &[
    "npm", "yarn", "pnpm", "npx", "pm2", "make", "gradle", "mvn", "poetry", "pipenv", "bundle",
];

fn check(incident: &Incident) -> Vec<Finding> {
    let mut findings = Vec::new();
    for built in built::all(incident) {
        let stage = built.stage();
        let last = |verb: &str| stage.iter().rev().find(|i| i.verb == verb);
        let Some(first) = last("ENTRYPOINT").or_else(|| last("CMD")) else {
            continue;
        };
        let init = [last("ENTRYPOINT"), last("CMD")]
            .into_iter()
            .flatten()
            .any(|i| {
                i.words
                    .iter()
                    .any(|w| INITS.iter().any(|init| w.ends_with(init)))
            });
        let starter = first
            .words
            .iter()
            .find(|w| *w != "exec")
            .filter(|w| STARTERS.contains(&w.rsplit('/').next().unwrap_or(w)));
        let (Some(starter), false) = (starter, init) else {
            continue;
        };
        let shares = incident.artefacts.objects.iter().any(|o| {
            o.names_image(&built.culprit.image)
                && o.pod_spec()
                    .and_then(|s| s.get("shareProcessNamespace"))
                    .and_then(serde_json::Value::as_bool)
                    == Some(true)
        });
        if shares {
            continue;
        }
        let mut finding = built.finding("no-init-process", format!("The container starts {starter}, which starts the application as its child, without an init process."), vec![first.evidence.clone()]);
        finding.counterfactual =
            "It did not cause the cascade; it makes stopping slow and leaves zombie processes."
                .to_owned();
        finding.action =
            "Start the application itself, under tini where it has children.".to_owned();
        findings.push(finding);
    }
    findings
}

factor!(
    NoInitProcess,
    "no-init-process",
    "What it looks for: a container whose process 1 is a package manager or a shell script runner (`npm start`, `yarn`, `sh -c`), without an init such as tini or dumb-init.\n\
Why it matters: these start the application as a child, do not pass signals on reliably and leave zombies.\n\
Example: `CMD npm start` without an entrypoint.\n\
When it is mistaken: the pod sets `shareProcessNamespace`, or the runtime adds an init (`docker run --init`); Kubernetes does not.\n\
What to do: start the application itself, under tini where it has children.\n\
References: none of hadolint, kube-score and CIS has such a rule; npm documentation on signals.",
    check
);
