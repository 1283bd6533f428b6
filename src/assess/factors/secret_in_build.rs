//! Factor `secret-in-build`: a secret is set in the build file.
//!
//! Reads ENV and ARG of the Dockerfile; gives one finding with their lines. Values are not repeated in the sentence.

use crate::assess::built;
use crate::model::{Finding, Incident};

fn names_secret(assignment: &str) -> bool {
    let Some((name, value)) = assignment.split_once(['=', ' ']) else {
        return false;
    };
    let name = name.to_uppercase();
    let value = value.trim().trim_matches(['"', '\'']);
    let speaks = [
        "PASSWORD",
        "PASSWD",
        "TOKEN",
        "SECRET",
        "API_KEY",
        "APIKEY",
        "PRIVATE_KEY",
        "ACCESS_KEY",
        "CREDENTIAL",
    ]
    .iter()
    .any(|w| name.contains(w));
    let harmless = value.is_empty()
        || value.starts_with('$')
        || value.starts_with('<')
        || name.ends_with("_FILE")
        || name.ends_with("_PATH")
        || value.starts_with('/');
    speaks && !harmless
}

fn check(incident: &Incident) -> Vec<Finding> {
    let mut findings = Vec::new();
    for built in built::all(incident) {
        let Some(build) = built.build else { continue };
        let lines: Vec<_> = build
            .instructions
            .iter()
            .filter(|i| matches!(i.verb, "ENV" | "ARG") && i.words.iter().any(|w| names_secret(w)))
            .collect();
        if lines.is_empty() {
            continue;
        }
        let names: Vec<String> = lines
            .iter()
            .filter_map(|i| i.text.split(['=', ' ']).next())
            .map(str::to_owned)
            .collect();
        // The line itself would show the value: it is named by its number only.
        let places: Vec<String> = lines
            .iter()
            .map(|i| i.evidence.origin.line.to_string())
            .collect();
        let mut finding = built.finding(
            "secret-in-build",
            format!(
                "The Dockerfile gives values to {} (line {}).",
                names.join(", "),
                places.join(", ")
            ),
            Vec::new(),
        );
        finding.counterfactual = "It did not cause the cascade.".to_owned();
        finding.action = "Use a secret mount in the build and a Secret of the cluster at run time; replace the value, it is known to whoever could pull.".to_owned();
        findings.push(finding);
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::names_secret;

    #[test]
    fn only_values_that_could_be_secrets_count() {
        assert!(names_secret("NPM_TOKEN=abc123"));
        assert!(!names_secret("NPM_TOKEN=$TOKEN"));
        assert!(!names_secret("DB_PASSWORD_FILE=/run/secrets/db"));
        assert!(!names_secret("NODE_ENV=production"));
    }
}

factor!(
    SecretInBuild,
    "secret-in-build",
    "What it looks for: ENV or ARG whose name speaks of a password, token, key or secret and that has a value in the file.\n\
Why it matters: both stay in the image's configuration or history, readable for everybody who can pull it.\n\
Example: `ENV NPM_TOKEN=…`.\n\
When it is mistaken: the value is a placeholder, a path (`…_FILE`) or another variable; those are not counted.\n\
What to do: a secret mount (`RUN --mount=type=secret`) for the build, a Secret of the cluster at run time.\n\
References: BuildKit check SecretsUsedInArgOrEnv and CIS Docker 4.10 agree; hadolint has no rule for it.",
    check
);
