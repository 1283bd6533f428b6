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
    let words: Vec<&str> = name.split(['_', '-', '.']).collect();
    let speaks = words.iter().any(|w| {
        [
            "PASSWORD",
            "PASSWD",
            "PASSPHRASE",
            "TOKEN",
            "SECRET",
            "APIKEY",
            "CREDENTIAL",
            "CREDENTIALS",
        ]
        .contains(w)
    }) || ["API_KEY", "PRIVATE_KEY", "ACCESS_KEY", "SECRET_KEY"]
        .iter()
        .any(|w| name.contains(w));
    // Names that speak of where or how long a secret is, and values that can be none.
    let about = [
        "FILE", "PATH", "URL", "NAME", "TTL", "LENGTH", "TIMEOUT", "EXPIRY", "COUNT",
    ];
    let harmless = value.is_empty()
        || value.starts_with(['$', '<', '/'])
        || value.parse::<f64>().is_ok()
        || ["true", "false", "yes", "no"]
            .iter()
            .any(|w| value.eq_ignore_ascii_case(w))
        || words.last().is_some_and(|w| about.contains(w));
    speaks && !harmless
}

/// The assignments of an `ENV` or `ARG`: `A=1 B="two words"`, or the old form `A one value`.
fn assignments(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut quote: Option<char> = None;
    for c in text.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, c) if c.is_whitespace() => {
                found.extend(Some(std::mem::take(&mut word)).filter(|w| !w.is_empty()))
            }
            (_, c) => word.push(c),
        }
    }
    found.extend(Some(word).filter(|w| !w.is_empty()));
    match found.first() {
        Some(first) if !first.contains('=') => vec![text.trim().to_owned()],
        _ => found,
    }
}

fn check(incident: &Incident) -> Vec<Finding> {
    let mut findings = Vec::new();
    for built in built::all(incident) {
        let Some(build) = built.build else { continue };
        let lines: Vec<(&crate::model::artefact::BuildInstruction, Vec<String>)> = build
            .instructions
            .iter()
            .filter(|i| matches!(i.verb, "ENV" | "ARG"))
            .map(|i| {
                let all = assignments(&i.text).into_iter();
                let secret = all.filter(|one| names_secret(one));
                let name =
                    |one: String| one.split(['=', ' ']).next().unwrap_or_default().to_owned();
                (i, secret.map(name).collect::<Vec<_>>())
            })
            .filter(|(_, names)| !names.is_empty())
            .collect();
        if lines.is_empty() {
            continue;
        }
        let names: Vec<&str> = lines
            .iter()
            .flat_map(|(_, names)| names.iter().map(String::as_str))
            .collect();
        // The line itself would show the value: it is named by its number only.
        let places: Vec<String> = lines
            .iter()
            .map(|(i, _)| i.evidence.origin.line.to_string())
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
        assert!(!names_secret("TOKENIZERS_PARALLELISM=off"));
        assert!(!names_secret("MAX_TOKENS=abc") && !names_secret("TOKEN_TTL=4h"));
        assert!(!names_secret("REFRESH_TOKEN=3600"));
        assert_eq!(
            super::assignments("A=1 NPM_TOKEN=\"a b\" DB_PASSWORD=x"),
            ["A=1", "NPM_TOKEN=a b", "DB_PASSWORD=x"]
        );
        assert_eq!(
            super::assignments("DB_PASSWORD two words"),
            ["DB_PASSWORD two words"]
        );
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
