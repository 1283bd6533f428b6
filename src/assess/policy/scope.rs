//! Scopes: which objects a policy is for, as its rules, its bindings and its exclusions say.
//!
//! Takes the match parts of ValidatingAdmissionPolicies, their bindings and Kyverno rules; answers for one object with yes, no, or not known: what
//! labels a namespace has is only known where the record holds the namespace. Evaluates no expression.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{list, text};
use crate::model::Incident;

/// The label that every namespace bears: its name.
///
/// # Source
/// Kubernetes documentation, "Namespaces", automatic labelling, since 1.21.
const NAME: &str = "kubernetes.io/metadata.name";

/// Labels of the namespaces that the record holds.
pub(super) type Namespaces<'a> = BTreeMap<&'a str, Option<&'a Map<String, Value>>>;

/// Returns the namespaces of an incident.
pub(super) fn namespaces(incident: &Incident) -> Namespaces<'_> {
    let objects = incident.artefacts.objects.iter();
    objects
        .filter(|o| o.kind == "Namespace")
        .map(|o| {
            let labels = o.value.get("metadata").and_then(|m| m.get("labels"));
            (o.name.as_str(), labels.and_then(Value::as_object))
        })
        .collect()
}

/// Which objects are meant.
#[derive(Debug, Clone)]
pub enum Scope {
    /// Those that all of these mean.
    All(Vec<Scope>),
    /// Those that one of these means.
    Any(Vec<Scope>),
    /// All others.
    Not(Box<Scope>),
    /// Objects of a kind: API groups and resources in plural, `*` is all.
    Resource(Vec<String>, Vec<String>),
    /// Objects of these names, with `*` and `?`.
    Named(Vec<String>),
    /// Objects in these namespaces, with `*` and `?`.
    Inside(Vec<String>),
    /// Objects whose labels fit.
    Labelled(Value),
    /// Objects in namespaces whose labels fit.
    InsideLabelled(Value),
    /// Something that cannot be told from an object.
    Unknown,
}

impl Scope {
    /// Returns whether an object is meant; `None` where the record does not tell.
    pub(super) fn means(&self, object: &Value, namespaces: &Namespaces<'_>) -> Option<bool> {
        let metadata = |key: &str| object.get("metadata").map(|m| text(m, key));
        match self {
            Scope::All(parts) => all(parts.iter().map(|p| p.means(object, namespaces))),
            Scope::Any(parts) => {
                all(parts.iter().map(|p| Some(!p.means(object, namespaces)?))).map(|none| !none)
            }
            Scope::Not(part) => Some(!part.means(object, namespaces)?),
            Scope::Resource(groups, resources) => {
                let (group, resource) = resource_of_object(object);
                let one =
                    |wanted: &[String], own: &str| wanted.iter().any(|w| w == own || w == "*");
                let group = group.is_none_or(|group| one(groups, &group));
                let resource = one(resources, &resource) || resources.iter().any(|r| r == "*/*");
                Some(group && resource)
            }
            Scope::Named(patterns) => {
                let name = metadata("name").filter(|n| !n.is_empty())?;
                Some(patterns.iter().any(|p| fits(p, &name)))
            }
            Scope::Inside(patterns) => {
                let own = namespace_of(object);
                Some(own.is_some_and(|own| patterns.iter().any(|p| fits(p, &own))))
            }
            Scope::Labelled(selector) => {
                let labels = object.get("metadata").and_then(|m| m.get("labels"));
                selects(selector, |key| {
                    Some(labels.and_then(|l| l.get(key)?.as_str()).map(str::to_owned))
                })
            }
            Scope::InsideLabelled(selector) => {
                // What lies in no namespace is not held back by one.
                let Some(own) = namespace_of(object) else {
                    return Some(true);
                };
                let known = namespaces.get(own.as_str());
                selects(selector, |key| match (key, known) {
                    (NAME, _) => Some(Some(own.clone())),
                    (_, Some(labels)) => {
                        Some(labels.and_then(|l| l.get(key)?.as_str()).map(str::to_owned))
                    }
                    (_, None) => None,
                })
            }
            Scope::Unknown => None,
        }
    }
}

/// True if all are, false if one is not, and otherwise not known.
fn all(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut known = Some(true);
    for part in parts {
        match part {
            Some(false) => return Some(false),
            Some(true) => {}
            None => known = None,
        }
    }
    known
}

fn namespace_of(object: &Value) -> Option<String> {
    let own = object.get("metadata").map(|m| text(m, "namespace"));
    own.filter(|namespace| !namespace.is_empty())
}

/// API group and resource of an object; no group where the object tells none and its kind is not one of Kubernetes' own.
fn resource_of_object(object: &Value) -> (Option<String>, String) {
    let kind = text(object, "kind");
    let version = text(object, "apiVersion");
    let group = match version.split_once('/') {
        Some((group, _)) => Some(group.to_owned()),
        None if !version.is_empty() => Some(String::new()),
        None => match kind.as_str() {
            "Pod" | "ReplicationController" | "PodTemplate" => Some(String::new()),
            "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" => Some("apps".to_owned()),
            "Job" | "CronJob" => Some("batch".to_owned()),
            _ => None,
        },
    };
    (group, super::resource_of(&kind))
}

/// # Source
/// Kyverno documentation, "Wildcards": `*` is any number of characters, `?` one.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    // One row of the table of prefixes: small patterns, small names.
    let mut row = vec![false; name.len() + 1];
    row[0] = true;
    for p in pattern {
        let mut before = row[0];
        row[0] = row[0] && p == '*';
        for at in 1..=name.len() {
            let here = row[at];
            row[at] = match p {
                '*' => here || row[at - 1],
                '?' => before,
                c => before && c == name[at - 1],
            };
            before = here;
        }
    }
    row[name.len()]
}

/// Evaluates a label selector. `label` gives a label's value, `Some(None)` where it is known not to be set.
///
/// # Source
/// apimachinery, LabelSelector: what `NotIn` and `DoesNotExist` name may be missing.
fn selects(selector: &Value, label: impl Fn(&str) -> Option<Option<String>>) -> Option<bool> {
    let empty = Map::new();
    let labels = selector
        .get("matchLabels")
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    let plain = labels
        .iter()
        .map(|(key, wanted)| Some(label(key)?.as_deref() == wanted.as_str()));
    let expressions = list(selector, "matchExpressions").iter().map(|one| {
        let own = label(&text(one, "key"))?;
        let listed = || {
            let values = list(one, "values").iter().filter_map(Value::as_str);
            own.as_deref()
                .is_some_and(|own| values.clone().any(|v| v == own))
        };
        match text(one, "operator").as_str() {
            "In" => Some(listed()),
            "NotIn" => Some(!listed()),
            "Exists" => Some(own.is_some()),
            "DoesNotExist" => Some(own.is_none()),
            _ => None,
        }
    });
    all(plain.chain(expressions))
}

fn strings(value: &Value, key: &str) -> Vec<String> {
    let all = list(value, key).iter().filter_map(Value::as_str);
    all.map(str::to_owned).collect()
}

/// # Source
/// admissionregistration.k8s.io/v1, NamedRuleWithOperations.
fn rule(rule: &Value) -> Option<Scope> {
    let operations = strings(rule, "operations");
    if !operations.is_empty() && !operations.iter().any(|o| o == "CREATE" || o == "*") {
        return None;
    }
    let mut groups = strings(rule, "apiGroups");
    if groups.is_empty() {
        groups.push("*".to_owned());
    }
    let mut parts = vec![Scope::Resource(groups, strings(rule, "resources"))];
    let names = strings(rule, "resourceNames");
    if !names.is_empty() {
        parts.push(Scope::Named(names));
    }
    Some(Scope::All(parts))
}

/// Returns what `matchConstraints` of a policy or `matchResources` of a binding mean.
///
/// # Source
/// admissionregistration.k8s.io/v1, MatchResources: a binding without rules takes those of its policy.
pub(super) fn match_resources(value: &Value) -> Scope {
    let rules = |key: &str| list(value, key).iter().filter_map(rule).collect::<Vec<_>>();
    let mut parts = Vec::new();
    if !list(value, "resourceRules").is_empty() {
        parts.push(Scope::Any(rules("resourceRules")));
    }
    for (key, scope) in [
        (
            "namespaceSelector",
            Scope::InsideLabelled as fn(Value) -> Scope,
        ),
        ("objectSelector", Scope::Labelled),
    ] {
        if let Some(selector) = value.get(key).filter(|s| !s.is_null()) {
            parts.push(scope(selector.clone()));
        }
    }
    let excluded = rules("excludeResourceRules");
    if !excluded.is_empty() {
        parts.push(Scope::Not(Box::new(Scope::Any(excluded))));
    }
    Scope::All(parts)
}

/// Returns whether a policy's rules are for the creation of anything.
pub(super) fn is_for_creation(constraints: &Value) -> bool {
    list(constraints, "resourceRules")
        .iter()
        .any(|r| rule(r).is_some() && !list(r, "resources").is_empty())
}

/// # Source
/// kyverno.io/v1, ResourceFilter and ResourceDescription; who asks is not in an object.
fn filter(value: &Value) -> Scope {
    let mut parts = Vec::new();
    if ["subjects", "roles", "clusterRoles"]
        .iter()
        .any(|key| !list(value, key).is_empty())
    {
        parts.push(Scope::Unknown);
    }
    let empty = Value::Null;
    let resources = value.get("resources").unwrap_or(&empty);
    let kinds: Vec<Scope> = strings(resources, "kinds")
        .iter()
        .map(|kind| {
            let parts: Vec<&str> = kind.split('/').collect();
            let group = match parts.as_slice() {
                [group, _, _] => (*group).to_owned(),
                _ => "*".to_owned(),
            };
            let kind = parts.last().copied().unwrap_or("*");
            Scope::Resource(vec![group], vec![super::resource_of(kind)])
        })
        .collect();
    if !kinds.is_empty() {
        parts.push(Scope::Any(kinds));
    }
    let operations = strings(resources, "operations");
    if !operations.is_empty() && !operations.iter().any(|o| o == "CREATE" || o == "*") {
        parts.push(Scope::Any(Vec::new()));
    }
    let mut names = strings(resources, "names");
    names.extend(Some(text(resources, "name")).filter(|n| !n.is_empty()));
    if !names.is_empty() {
        parts.push(Scope::Named(names));
    }
    let namespaces = strings(resources, "namespaces");
    if !namespaces.is_empty() {
        parts.push(Scope::Inside(namespaces));
    }
    if let Some(selector) = resources.get("selector").filter(|s| !s.is_null()) {
        parts.push(Scope::Labelled(selector.clone()));
    }
    if let Some(selector) = resources.get("namespaceSelector").filter(|s| !s.is_null()) {
        parts.push(Scope::InsideLabelled(selector.clone()));
    }
    if resources.get("annotations").is_some_and(|a| !a.is_null()) {
        parts.push(Scope::Unknown);
    }
    Scope::All(parts)
}

fn filters(value: &Value) -> Option<Scope> {
    let all = |key: &str| list(value, key).iter().map(filter).collect::<Vec<_>>();
    if !list(value, "any").is_empty() {
        return Some(Scope::Any(all("any")));
    }
    if !list(value, "all").is_empty() {
        return Some(Scope::All(all("all")));
    }
    value.get("resources").map(|_| filter(value))
}

/// Returns what `match` and `exclude` of a Kyverno rule mean; `None` for a rule that matches nothing.
pub(super) fn of_kyverno(rule: &Value) -> Option<Scope> {
    let mut parts = vec![filters(rule.get("match")?)?];
    if let Some(excluded) = rule.get("exclude").and_then(filters) {
        parts.push(Scope::Not(Box::new(excluded)));
    }
    Some(Scope::All(parts))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn wildcards_are_those_of_kyverno() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("shop-*", "shop-eu", true),
            ("shop-*", "shop", false),
            ("s?op", "shop", true),
            ("*-eu-*", "a-eu-b", true),
            ("shop", "shops", false),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn labels_of_a_namespace_are_only_known_where_it_is() {
        let pod = json!({"kind": "Pod", "metadata": {"name": "a", "namespace": "till"}});
        let labels = json!({"tier": "web"});
        let known: Namespaces<'_> = [("till", labels.as_object())].into();
        let scope = Scope::InsideLabelled(json!({"matchLabels": {"tier": "web"}}));
        assert_eq!(scope.means(&pod, &known), Some(true));
        assert_eq!(scope.means(&pod, &Namespaces::new()), None);
        let by_name = Scope::InsideLabelled(
            json!({"matchExpressions": [{"key": NAME, "operator": "NotIn", "values": ["till"]}]}),
        );
        assert_eq!(by_name.means(&pod, &Namespaces::new()), Some(false));
    }

    #[test]
    fn groups_names_and_exclusions_narrow_a_rule() {
        let pod = json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "a", "namespace": "till"}});
        let means = |value: Value| match_resources(&value).means(&pod, &Namespaces::new());
        let rule = json!({"apiGroups": [""], "operations": ["CREATE"], "resources": ["pods"]});
        assert_eq!(means(json!({"resourceRules": [rule]})), Some(true));
        let other = json!({"apiGroups": ["apps"], "operations": ["CREATE"], "resources": ["*"]});
        assert_eq!(means(json!({"resourceRules": [other]})), Some(false));
        let named = json!({"apiGroups": ["*"], "operations": ["*"], "resources": ["pods"], "resourceNames": ["a"]});
        assert_eq!(
            means(json!({"resourceRules": [rule], "excludeResourceRules": [named]})),
            Some(false)
        );
    }
}
