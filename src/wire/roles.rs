//! Roles: people, and accounts that act for them, appear by what they did. A postmortem asks what allowed it, not who.
//!
//! Takes an incident; gives names with the roles that stand in their place, in order of appearance, so that the same input gives
//! the same roles. Kubernetes' own accounts (`system:…`) and shared ones say nothing about a person and stay as they are.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::entity::is_machine_account;
use crate::model::{Fact, Incident};

/// A role, and what it did. Who it is stands nowhere in a report.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RoleRow {
    /// `Developer A`, `Responder B`, `Person C` or `Automation 1`.
    pub role: String,
    /// What it did, each once, in order.
    pub did: Vec<String>,
    /// The signals that tell so.
    pub signals: Vec<String>,
}

/// A name of the record, and the role in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// As it stands in the record.
    pub name: String,
    /// The role.
    pub role: String,
}

/// Roles that stand for people.
#[derive(Debug, Clone, Default)]
pub struct Roles {
    /// In order of appearance.
    rows: Vec<RoleRow>,
    /// In order of appearance.
    named: Vec<Named>,
    /// What is replaced in texts: the longest first, so that a name that holds another one is replaced whole.
    replaced: Vec<Replaced>,
}

/// What is replaced in texts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Replaced {
    name: String,
    role: String,
    /// A thing of the incident bears the same name, such as the user `jenkins` and the image `ci/jenkins`: then only what is said to be an account is one.
    also_a_thing: bool,
}

impl Roles {
    /// Gives everybody who acts in the incident a role, in order of appearance.
    pub fn of(incident: &Incident) -> Roles {
        let mut roles = Roles::default();
        let (mut people, mut machines) = (0, 0);
        for (id, fact) in incident.facts.iter().enumerate() {
            let Some(actor) = fact.entity("actor").filter(|a| is_replaceable(a)) else {
                continue;
            };
            let (did, noun) = deed(&fact.kind);
            let at = match roles.named.iter().position(|n| n.name == actor) {
                Some(at) => at,
                None => {
                    let role = if is_machine_account(actor) {
                        machines += 1;
                        format!("Automation {machines}")
                    } else {
                        people += 1;
                        format!("{noun} {}", letters(people))
                    };
                    roles.rows.push(RoleRow {
                        role: role.clone(),
                        did: Vec::new(),
                        signals: Vec::new(),
                    });
                    roles.named.push(Named {
                        name: actor.to_owned(),
                        role,
                    });
                    roles.named.len() - 1
                }
            };
            let row = &mut roles.rows[at];
            if !did.is_empty() && !row.did.iter().any(|d| d == did) {
                row.did.push(did.to_owned());
            }
            row.signals.push(Fact::name(id));
        }
        let things: BTreeSet<&str> = incident
            .facts
            .iter()
            .flat_map(|fact| &fact.entities)
            .filter(|(kind, _)| kind.as_str() != "actor")
            .flat_map(|(_, value)| value.split(['/', ':', '@']))
            .collect();
        for Named { name, role } in &roles.named {
            roles.replaced.push(Replaced {
                name: name.clone(),
                role: role.clone(),
                also_a_thing: things.contains(name.as_str()),
            });
            // The part before the @ of a mail address is used alone too, but only where it cannot be an ordinary word.
            if let Some((local, _)) = name.split_once('@')
                && local.contains(['.', '_', '-'])
                && local.chars().count() >= 5
            {
                roles.replaced.push(Replaced {
                    name: local.to_owned(),
                    role: role.clone(),
                    also_a_thing: things.contains(local),
                });
            }
        }
        roles
            .replaced
            .sort_by(|a, b| b.name.len().cmp(&a.name.len()).then_with(|| a.cmp(b)));
        roles
    }

    /// Replaces nothing: for those who asked to see names.
    pub fn none() -> Roles {
        Roles::default()
    }

    /// Returns the roles without the names.
    pub fn rows(&self) -> Vec<RoleRow> {
        self.rows.clone()
    }

    /// Returns who is who. Never part of a report; written beside it where somebody asks for it.
    pub fn named(&self) -> &[Named] {
        &self.named
    }

    /// Returns the role of a name with what it did first, as `Developer A (pushed the image)`; any other text as it is.
    pub fn long(&self, name: &str) -> String {
        match self.named.iter().position(|n| n.name == name) {
            Some(at) => match self.rows[at].did.first() {
                Some(did) => format!("{} ({did})", self.rows[at].role),
                None => self.rows[at].role.clone(),
            },
            None => self.hide(name).0,
        }
    }

    /// Replaces names where they stand as whole words; tells whether any did.
    pub fn hide(&self, text: &str) -> (String, bool) {
        let mut shown = text.to_owned();
        for replaced in &self.replaced {
            if shown.contains(replaced.name.as_str()) {
                shown = replace_word(&shown, replaced);
            }
        }
        let changed = shown != text;
        (shown, changed)
    }
}

fn is_replaceable(actor: &str) -> bool {
    if actor.chars().count() < 3 || actor.starts_with("system:") {
        return false;
    }
    // An account that is one common word tells nothing about a person, and replacing that word everywhere would spoil the evidence.
    let common = matches!(
        actor.to_ascii_lowercase().as_str(),
        "admin"
            | "root"
            | "bot"
            | "robot"
            | "argocd"
            | "flux"
            | "helm"
            | "kubernetes-admin"
            | "kubeadmin"
    );
    !common
}

/// Returns what a signal's actor did, and which noun fits that.
fn deed(kind: &str) -> (&'static str, &'static str) {
    match kind {
        "image_pushed" => ("pushed the image", "Developer"),
        "tag_moved" => ("moved the tag", "Developer"),
        "deploy_started" | "deploy_finished" | "deploy_failed" => ("deployed", "Developer"),
        "rollback" => ("rolled back", "Responder"),
        "remediation" => ("cleaned up", "Responder"),
        "alert_acknowledged" => ("acknowledged the alert", "Responder"),
        "alert_resolved" => ("resolved the alert", "Responder"),
        "pod_deleted" => ("deleted a pod", "Person"),
        _ => ("", "Person"),
    }
}

/// Returns A, B … Z, AA, AB … for 1, 2 …
fn letters(mut number: usize) -> String {
    let mut text = String::new();
    while number > 0 {
        number -= 1;
        text.insert(0, char::from(b'A' + (number % 26) as u8));
        number /= 26;
    }
    text
}

/// Replaces a name where no letter or digit stands right before or after it, and, if a thing is called so too, only behind what introduces an account.
fn replace_word(text: &str, replaced: &Replaced) -> String {
    let Replaced {
        name,
        role,
        also_a_thing,
    } = replaced;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut before: Option<char> = None;
    while let Some(at) = rest.find(name) {
        let end = at + name.len();
        let left = rest[..at].chars().next_back().or(before);
        let right = rest[end..].chars().next();
        let whole =
            left.is_none_or(|c| !c.is_alphanumeric()) && right.is_none_or(|c| !c.is_alphanumeric());
        out.push_str(&rest[..at]);
        let whole = whole && (!also_a_thing || introduces_an_account(&out));
        out.push_str(if whole { role } else { name });
        before = name.chars().next_back();
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

/// Whether a text ends as one does that says next who it was: `"username":"`, `user=`, `triggered by `.
fn introduces_an_account(before: &str) -> bool {
    let words = before.trim_end_matches(|c: char| !c.is_alphanumeric());
    let gap = before.len() - words.len();
    let word = words
        .rsplit(|c: char| !c.is_alphanumeric())
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    (1..=5).contains(&gap)
        && matches!(
            word.as_str(),
            "user"
                | "username"
                | "login"
                | "actor"
                | "author"
                | "account"
                | "sender"
                | "operator"
                | "by"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(facts: &[(&str, &str)]) -> Roles {
        let incident = Incident {
            facts: facts
                .iter()
                .map(|(kind, actor)| Fact {
                    entities: [("actor".to_owned(), (*actor).to_owned())].into(),
                    ..Fact::of_kind(kind)
                })
                .collect(),
            ..Incident::default()
        };
        Roles::of(&incident)
    }

    #[test]
    fn everybody_gets_one_role_by_what_they_did_first() {
        let roles = roles(&[
            ("image_pushed", "jane.doe@example.com"),
            ("deploy_started", "release-bot-7"),
            ("rollback", "kim"),
            ("deploy_started", "jane.doe@example.com"),
            (
                "pod_deleted",
                "system:serviceaccount:kube-system:replicaset-controller",
            ),
            ("deploy_started", "admin"),
        ]);
        assert_eq!(
            roles
                .named()
                .iter()
                .map(|n| n.role.as_str())
                .collect::<Vec<_>>(),
            ["Developer A", "Automation 1", "Responder B"]
        );
        assert_eq!(roles.long("kim"), "Responder B (rolled back)");
        assert_eq!(roles.rows()[0].did, ["pushed the image", "deployed"]);
        assert_eq!(roles.rows()[0].signals, ["s1", "s4"]);
    }

    #[test]
    fn names_are_replaced_as_whole_words_and_in_their_short_form() {
        let roles = roles(&[
            ("image_pushed", "jane.doe@example.com"),
            ("rollback", "kim"),
        ]);
        for (text, shown) in [
            ("by jane.doe@example.com.", "by Developer A."),
            ("/home/jane.doe/.kube", "/home/Developer A/.kube"),
            ("user=\"kim\" kimono", "user=\"Responder B\" kimono"),
            ("kimkim kim", "kimkim Responder B"),
        ] {
            assert_eq!(roles.hide(text).0, shown);
        }
        assert_eq!(Roles::none().hide("by kim"), ("by kim".to_owned(), false));
    }

    #[test]
    fn a_thing_that_is_called_as_an_account_is_keeps_its_name() {
        let mut fact = Fact::of_kind("deploy_started");
        for (kind, value) in [
            ("actor", "jenkins"),
            ("image", "registry.corp/ci/jenkins:2.440"),
        ] {
            fact.entities.insert(kind.to_owned(), value.to_owned());
        }
        let roles = Roles::of(&Incident {
            facts: vec![fact],
            ..Incident::default()
        });
        for (text, shown) in [
            (
                "\"username\":\"jenkins\",\"image\":\"registry.corp/ci/jenkins:2.440\"",
                "\"username\":\"Developer A\",\"image\":\"registry.corp/ci/jenkins:2.440\"",
            ),
            (
                "write /usr/share/jenkins/jenkins.war",
                "write /usr/share/jenkins/jenkins.war",
            ),
            ("triggered by jenkins", "triggered by Developer A"),
            (
                "Container jenkins was using 3Gi",
                "Container jenkins was using 3Gi",
            ),
        ] {
            assert_eq!(roles.hide(text).0, shown);
        }
        assert_eq!(roles.long("jenkins"), "Developer A (deployed)");
    }

    #[test]
    fn letters_go_on_after_z() {
        assert_eq!([1, 26, 27, 703].map(letters), ["A", "Z", "AA", "AAA"]);
    }
}
