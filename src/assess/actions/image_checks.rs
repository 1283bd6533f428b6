//! Guard-rail: a CI step that lints the Dockerfile and refuses an image that is too large, before it is pushed.
//!
//! Tried on what is known of the image and of the Dockerfile: the size against the limit, and the findings that the linter has a rule for.

use serde_json::json;

use super::yaml;
use crate::assess::disk_budget::POLICY_LIMIT;
use crate::assess::images;
use crate::assess::policy::SIZE_ANNOTATION;
use crate::model::artefact::{Measure, spoken_bytes};
use crate::model::{Backtest, Finding, GuardRail, Incident};

/// Rules of hadolint that the factors agree with.
const LINTED: &[(&str, &str)] = &[
    ("unpinned-base-image", "DL3006/DL3007"),
    ("package-cache-kept", "DL3009/DL3019/DL3032/DL3042/DL3060"),
    ("shell-form-command", "DL3025"),
    ("root-user", "DL3002"),
    ("invalid-dockerfile", "DL1000"),
];

pub(super) fn make(incident: &Incident, findings: &[Finding]) -> Option<GuardRail> {
    if !super::pull_filled_disk(incident) {
        return None;
    }
    let culprit = incident
        .cascades
        .iter()
        .find_map(|c| images::culprit(incident, c))?;
    let check = format!(
        "bytes=$(docker image inspect --format '{{{{.Size}}}}' \"$IMAGE\")\necho \"{SIZE_ANNOTATION}=$bytes\" >> image.annotations\ntest \"$bytes\" -le {POLICY_LIMIT}\n"
    );
    let step = json!({
        "name": "image-checks",
        "on": {"pull_request": {}, "push": {}},
        "jobs": {"image-checks": {
            "runs-on": "ubuntu-latest",
            "env": {"IMAGE": "image-under-test"},
            "steps": [
                {"uses": "actions/checkout@v4"},
                {"name": "lint the Dockerfile", "run": "docker run --rm -i hadolint/hadolint < Dockerfile"},
                {"name": "build", "run": "docker build -t \"$IMAGE\" ."},
                {"name": "refuse an image over the limit", "run": check},
            ],
        }},
    });
    Some(GuardRail {
        id: "image-checks".to_owned(),
        file: "ci/image-checks.yaml".to_owned(),
        text: yaml(
            &[
                "A job for GitHub Actions; the two `run` lines do the same anywhere else.",
                "The limit is for the unpacked size; with Docker's containerd image store, Size counts the compressed layers, too.",
            ],
            &[step],
        ),
        class: "prevent",
        about: format!(
            "CI job: hadolint, and a limit of {} for the image; it leaves the size for the pod's annotation.",
            spoken_bytes(POLICY_LIMIT)
        ),
        done_when: "a build of an image over the limit fails".to_owned(),
        backtest: backtest(incident, &culprit, findings),
    })
}

fn backtest(incident: &Incident, culprit: &images::Culprit, findings: &[Finding]) -> Backtest {
    let sizes = images::sizes(incident, &culprit.image, culprit.digest.as_deref());
    let size = images::best(&sizes, Measure::Unpacked)
        .or_else(|| images::best(&sizes, Measure::Compressed));
    let rules: Vec<&str> = LINTED
        .iter()
        .filter(|(factor, _)| {
            findings
                .iter()
                .any(|f| f.factor == *factor && !f.citations.is_empty())
        })
        .filter(|(factor, _)| {
            // A missing USER and a tag without a digest are none of hadolint's concerns.
            let said = findings
                .iter()
                .find(|f| f.factor == *factor)
                .map_or("", |f| f.because.as_str());
            !(*factor == "root-user" && said.contains("no USER")
                || *factor == "unpinned-base-image" && said.contains("without a digest")
                || *factor == "invalid-dockerfile" && said.contains("inside a RUN"))
        })
        .map(|(_, rule)| *rule)
        .collect();
    let of_size = match size {
        Some(size) if size.bytes > POLICY_LIMIT => format!(
            "The build would have failed: {} against {}.",
            size.spoken(),
            spoken_bytes(POLICY_LIMIT)
        ),
        Some(size) if size.at_least || size.measure == Measure::Compressed => format!(
            "The size is not tested: the image is {}, and how large it is unpacked is not in the record.",
            size.spoken()
        ),
        Some(size) => format!("The image is {}, below the limit.", size.spoken()),
        None => "The size is not tested: it is not in the record.".to_owned(),
    };
    let of_lint = if incident.artefacts.builds.is_empty() {
        "hadolint is not tested: no Dockerfile is in the record.".to_owned()
    } else if rules.is_empty() {
        "No finding is one of hadolint's rules.".to_owned()
    } else {
        format!(
            "hadolint has rules for what was found in the Dockerfile: {}.",
            rules.join(", ")
        )
    };
    Backtest {
        said: format!("{of_size} {of_lint}"),
        untested: rules.is_empty()
            && size.is_none_or(|size| {
                size.bytes <= POLICY_LIMIT && (size.at_least || size.measure == Measure::Compressed)
            }),
        ..Backtest::default()
    }
}
