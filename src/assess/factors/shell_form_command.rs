//! Factor `shell-form-command`: the container's process is a shell that does not pass signals on.
//!
//! Reads CMD and ENTRYPOINT of Dockerfile and image, and kills in the record; gives one finding an image.

use crate::assess::built;
use crate::model::artefact::CommandForm;
use crate::model::entity::joining_form;
use crate::model::{Finding, Incident};

fn check(incident: &Incident) -> Vec<Finding> {
    let mut findings = Vec::new();
    for built in built::all(incident) {
        let stage = built.stage();
        let entry = stage.iter().rev().find(|i| i.verb == "ENTRYPOINT");
        let command = stage.iter().rev().find(|i| i.verb == "CMD");
        // An exec-form entrypoint decides alone; a CMD then only gives it words.
        let deciding = match (entry, command) {
            (Some(entry), _) => Some(entry),
            (None, command) => command,
        };
        let shell =
            deciding.filter(|i| i.form == Some(CommandForm::Shell) && !i.text.starts_with("exec "));
        let Some(instruction) = shell else { continue };
        let contradicted = built.layer(|l| {
            l.verb == instruction.verb && l.text.starts_with('[') && !l.text.contains("/bin/sh")
        });
        let killed: Vec<usize> = (0..incident.facts.len())
            .filter(|id| {
                let fact = &incident.facts[*id];
                let image = fact.entity("image").map(|i| joining_form("image", i));
                let own = image == Some(joining_form("image", &built.culprit.image))
                    || built.culprit.workload.is_some()
                        && fact.entity("workload") == built.culprit.workload.as_deref();
                fact.kind == "container_killed" && own
            })
            .collect();
        let waits: Vec<(usize, i64)> = killed
            .iter()
            .filter_map(|id| whole_grace(incident, *id).map(|s| (*id, s)))
            .collect();
        let trace = match (killed.len(), waits.first()) {
            (0, _) => "No stop of such a container with exit code 137 is in the record.".to_owned(),
            (1, None) => "One of its containers was killed with exit code 137.".to_owned(),
            (n, None) => format!("{n} of its containers were killed with exit code 137."),
            (n, Some((_, seconds))) => format!(
                "{} of {n} containers that were killed with exit code 137 had been given their whole grace period of {seconds} s before.",
                waits.len()
            ),
        };
        let mut citations = vec![instruction.evidence.clone()];
        citations.extend(contradicted.map(|l| l.citation.clone()));
        let history = if contradicted.is_some() {
            " The image's history shows the exec form: in the image that it describes, this is not so."
        } else {
            ""
        };
        let mut finding = built.finding(
            "shell-form-command",
            format!(
                "{} is in shell form: {}.{history} {trace}",
                instruction.verb, instruction.text
            ),
            citations,
        );
        finding.evidence.extend(killed);
        finding.counterfactual = "It did not cause the cascade; in exec form, stopping and rolling back would not wait for the grace period.".to_owned();
        finding.action = "Write the command in JSON form.".to_owned();
        findings.push(finding);
    }
    findings
}

/// The grace period of a killed container's pod, if its deletion stands in the record that long before the kill.
///
/// # Source
/// core/v1: a pod's `terminationGracePeriodSeconds` is 30 by default; SIGKILL follows when it has passed.
fn whole_grace(incident: &Incident, killed: usize) -> Option<i64> {
    let fact = &incident.facts[killed];
    let (pod, end) = (fact.entity("pod")?, fact.moment?);
    let object = incident
        .artefacts
        .objects
        .iter()
        .find(|o| o.kind == "Pod" && o.name == pod)?;
    let grace = object.value["spec"]
        .get("terminationGracePeriodSeconds")
        .and_then(serde_json::Value::as_i64)
        .unwrap_or(30);
    let told = incident.facts.iter().rev().find(|f| {
        matches!(
            f.kind.as_str(),
            "pod_deleted" | "evicted" | "evicting" | "taint_eviction"
        ) && f.entity("pod") == Some(pod)
            && f.moment.is_some_and(|m| m.at <= end.at)
    });
    // The pod itself says until when it was given time, and how much.
    let by_itself = || {
        let metadata = object.value.get("metadata")?;
        let until = metadata.get("deletionTimestamp")?.as_str()?;
        let given = metadata.get("deletionGracePeriodSeconds")?.as_i64()?;
        let until = chrono::DateTime::parse_from_rfc3339(until).ok()?.to_utc();
        Some(until - chrono::TimeDelta::try_seconds(given)?)
    };
    let asked = told
        .and_then(|f| f.moment)
        .map(|m| m.at)
        .or_else(by_itself)?;
    let waited = end.at - asked;
    // Stamps of pods are whole seconds.
    let slack = chrono::TimeDelta::seconds(2);
    let grace_time = chrono::TimeDelta::try_seconds(grace)?;
    (waited >= grace_time - slack && waited <= grace_time + slack * 5).then_some(grace)
}

factor!(
    ShellFormCommand,
    "shell-form-command",
    "What it looks for: a start command in shell form; and, as its trace, containers of the culprit that were killed with exit code 137 at the end of their grace period.\n\
Why it matters: /bin/sh is process 1 and does not forward SIGTERM: every stop takes the whole grace period and ends with SIGKILL, so draining and rolling back are slow.\n\
Example: `CMD npm start`.\n\
When it is mistaken: the line begins with `exec`, or the shell hands over by itself (bash and dash do so for a single simple command); and exit code 137 is also that of the OOM killer.\n\
What to do: the JSON form, `CMD [\"node\", \"dist/index.js\"]`.\n\
References: hadolint DL3025 agrees; CIS has no such rule.",
    check
);
