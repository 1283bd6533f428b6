//! Factor `always-pull-of-moving-tag`: pods always pull, by a tag that moved.
//!
//! Reads the pods and workloads that name the culprit image; gives one finding an image. `Always` alone is not wrong and gives none.

use serde_json::Value;

use crate::assess::images;
use crate::model::entity::joining_form;
use crate::model::{Finding, Incident};

fn check(incident: &Incident) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for cascade in &incident.cascades {
        let Some(culprit) = images::culprit(incident, cascade).filter(|c| !c.image.contains('@'))
        else {
            continue;
        };
        if !images::pull_ran_out_of_space(incident, cascade)
            || findings.iter().any(|f| f.subject == culprit.image)
        {
            continue;
        }
        let form = joining_form("image", &culprit.image);
        let moves: Vec<usize> = (0..incident.facts.len())
            .filter(|id| {
                let fact = &incident.facts[*id];
                fact.kind == "tag_moved"
                    && fact
                        .entity("image")
                        .is_some_and(|i| joining_form("image", i) == form)
            })
            .collect();
        if moves.is_empty() && !form.ends_with(":latest") {
            continue;
        }
        let always = |c: &&Value| {
            let own = c
                .get("image")
                .and_then(Value::as_str)
                .is_some_and(|i| joining_form("image", i) == form);
            let policy = c.get("imagePullPolicy").and_then(Value::as_str);
            own && policy == Some("Always")
        };
        let objects: Vec<_> = incident
            .artefacts
            .objects
            .iter()
            .filter(|o| o.containers().iter().any(always))
            .collect();
        let Some(first) = objects.first() else {
            continue;
        };
        let pods = objects.iter().filter(|o| o.kind == "Pod").count();
        let who = match pods {
            0 => first.title(),
            1 => "one pod".to_owned(),
            n => format!("{n} pods"),
        };
        let verb = if pods > 1 { "ask" } else { "asks" };
        let mut evidence = moves;
        evidence.push(cascade.origin);
        findings.push(Finding {
            factor: "always-pull-of-moving-tag",
            subject: culprit.image.clone(),
            strength: "amplifier",
            evidence,
            citations: objects.iter().take(2).map(|o| o.evidence.clone()).collect(),
            because: format!("{who} {verb} for {} with imagePullPolicy Always: every start asks the registry what the tag means now.", culprit.image),
            counterfactual: "By digest, a pod that was moved to another node would have got the image that was tested, whatever the tag meant by then.".to_owned(),
            action: "Name the image by digest; the pull policy then no longer matters.".to_owned(),
            ..Finding::default()
        });
    }
    findings
}

factor!(
    AlwaysPullOfMovingTag,
    "always-pull-of-moving-tag",
    "What it looks for: a workload of the cascade with `imagePullPolicy: Always` and a tag that moved in the record, or that every push moves (`latest`).\n\
Why it matters: each restart and each node asks the registry again and may get another image than the one that was tested, at the worst time.\n\
Example: `latest` with `Always`; the tag is pushed again, and a rescheduled pod pulls 2.84 GB instead of starting from the cache.\n\
When it is mistaken: `Always` with a digest or a fixed tag only compares digests and pulls nothing new; such pods are not looked at.\n\
What to do: name images by digest; with a digest, `IfNotPresent` and `Always` come to the same.\n\
References: kube-score container-image-pull-policy asks for `Always` (disagrees: it does not look at the tag); hadolint DL3007 and kube-score container-image-tag agree about the tag.",
    check
);
