//! Factor `build-tools-in-image`: what is needed to build is in the image that runs.
//!
//! Reads layers, and the Dockerfile where no layer shows it; gives one finding an image.

use crate::assess::built;
use crate::assess::shell::build_tools_left as tools;
use crate::model::{Finding, Incident};

fn check(incident: &Incident) -> Vec<Finding> {
    let mut findings = Vec::new();
    for built in built::all(incident) {
        let layer = built.layer(|l| l.verb == "RUN" && !tools(&l.text).is_empty());
        let stage = built.stage();
        let written = stage
            .iter()
            .find(|i| i.verb == "RUN" && !tools(&i.text).is_empty());
        // The history may have cut the list of packages off: then the Dockerfile's line tells what was installed.
        let sized = layer.or_else(|| {
            let line = &written?.evidence;
            built.layer(|l| l.build_line.as_ref() == Some(line))
        });
        let Some(names) = layer
            .map(|l| tools(&l.text))
            .or_else(|| written.map(|i| tools(&i.text)))
        else {
            continue;
        };
        let single = match built.build {
            Some(build) if build.stages() == 1 => " The Dockerfile has a single stage.",
            _ => "",
        };
        let citations = [
            written.map(|i| i.evidence.clone()),
            sized.map(|l| l.citation.clone()),
        ]
        .into_iter()
        .flatten()
        .collect();
        let finding = built.finding(
            "build-tools-in-image",
            format!(
                "Tools for building are part of the image: {}.{single}",
                names.join(", ")
            ),
            citations,
        );
        let mut finding = match sized.and_then(|l| l.size) {
            Some(size) => built.by_saving(finding, size),
            None => finding,
        };
        finding.action = "Build in a stage of its own, and copy only the result.".to_owned();
        findings.push(finding);
    }
    findings
}

factor!(
    BuildToolsInImage,
    "build-tools-in-image",
    "What it looks for: compilers and headers that are installed into the stage that becomes the image.\n\
Why it matters: they are pulled by every node and never run there.\n\
Example: `RUN apt-get install -y python3 make g++` in the only stage, a layer of 450 MB.\n\
When it is mistaken: the application compiles at run time (some plug-in systems do).\n\
What to do: build in a stage of its own, and copy only the result.\n\
References: Docker documentation, \"Multi-stage builds\"; hadolint has no rule for it.",
    check
);
