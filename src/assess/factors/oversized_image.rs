//! Factor `oversized-image`: the image does not fit on the disks that it was sent to.
//!
//! Reads image sizes, disk budgets and the image before; gives one finding a cascade. Judges by what was free, not by taste: without a number for the
//! disk it says so and is no more than an amplifier.

use crate::assess::images;
use crate::model::artefact::{Measure, spoken_bytes};
use crate::model::{Amount, Finding, Incident};

/// Below this size an image is not called large for want of other numbers.
const LARGE: u64 = 1_000_000_000;

fn check(incident: &Incident) -> Vec<Finding> {
    let budgets = &incident.assessment.budgets;
    let mut findings: Vec<Finding> = Vec::new();
    for cascade in &incident.cascades {
        if !images::pull_ran_out_of_space(incident, cascade) {
            continue;
        }
        let Some(culprit) = images::culprit(incident, cascade) else {
            continue;
        };
        let sizes = images::sizes(incident, &culprit.image, culprit.digest.as_deref());
        let known: Vec<&Amount> = [Measure::Unpacked, Measure::Compressed, Measure::Unknown]
            .into_iter()
            .filter_map(|measure| images::best(&sizes, measure))
            .collect();
        let Some(largest) = known.iter().map(|a| a.bytes).max() else {
            continue;
        };
        let hit: Vec<_> = budgets
            .iter()
            .filter(|b| b.hit && !b.broke.is_empty())
            .collect();
        // Where the disk was below its threshold before, no image would have fitted, however small.
        let by_its_size = |b: &&&crate::model::DiskBudget| {
            let free = b.available.as_ref().map(|a| a.bytes);
            let reserve = b.threshold.as_ref().map_or(0, |t| t.bytes);
            let least = b.needed.map_or(0, |(least, _)| least);
            b.fits == "no" && free.is_none_or(|free| free > reserve || least > free)
        };
        let refused = !hit.is_empty() && hit.iter().filter(by_its_size).count() == hit.len();
        if !refused && largest < LARGE || findings.iter().any(|f| f.subject == culprit.image) {
            continue;
        }
        let before = images::before(incident, &culprit);
        let earlier = before
            .as_ref()
            .map(|(image, digest, _)| images::sizes(incident, image, Some(digest)));
        let words = |sizes: &[&Amount]| {
            sizes
                .iter()
                .map(|a| a.spoken())
                .collect::<Vec<_>>()
                .join(" and ")
        };
        let mut because = format!("{} is {}", culprit.image, words(&known));
        if let Some(earlier) = &earlier {
            let same: Vec<&Amount> = known
                .iter()
                .filter_map(|a| images::best(earlier, a.measure))
                .collect();
            if !same.is_empty() {
                because.push_str(&format!(", against {} before", words(&same)));
            }
        }
        because.push('.');
        if let Some(budget) = hit.iter().find(|b| b.available.is_some()) {
            let free = budget.available.as_ref().map_or(0, |a| a.bytes);
            because.push_str(&format!(
                " {} had {} free before the pull.",
                budget.node,
                spoken_bytes(free)
            ));
        }
        let fitting = hit
            .iter()
            .flat_map(|b| &b.counterfactuals)
            .find(|c| c.contains("free, above the eviction threshold"));
        let (strength, counterfactual) = match (refused, fitting) {
            (true, Some(said)) => ("necessary", said.clone()),
            (true, None) => ("amplifier", "The disk was so full that an image at the limit of 500 MB would not have fitted either.".to_owned()),
            (false, _) => ("amplifier", "Whether a smaller image would have fitted is not known: the disk's size and what was free are not in the record.".to_owned()),
        };
        findings.push(Finding {
            factor: "oversized-image",
            subject: culprit.image.clone(),
            strength,
            evidence: hit.iter().flat_map(|b| b.broke.clone()).chain(before.map(|b| b.2)).chain(hit.is_empty().then_some(cascade.origin)).collect(),
            citations: known.iter().flat_map(|a| a.citations.first().cloned()).chain(hit.iter().filter_map(|b| b.available.as_ref()?.citations.first().cloned())).collect(),
            because,
            counterfactual,
            action: "Set a limit for image sizes, checked when the image is built and again at admission.".to_owned(),
            ..Finding::default()
        });
    }
    findings
}

factor!(
    OversizedImage,
    "oversized-image",
    "What it looks for: the culprit image's size, compressed and unpacked apart, against what was free on the nodes and against the image before.\n\
Why it matters: a pull needs room for the compressed and the unpacked layers; an image that is larger than what is free fails on each node that tries it.\n\
Example: 2.84 GB unpacked against 2.50 GB free, where the image before had 3.8 MB.\n\
When it is mistaken: the disk was nearly full already and any image would have failed: then look at what filled it.\n\
What to do: set a limit for image sizes in CI and at admission; build in stages; keep build tools, caches and tests out.\n\
References: no rule of hadolint, kube-score or CIS looks at sizes; Kubernetes documentation, \"Images\".",
    check
);
