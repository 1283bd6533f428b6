//! Admission policies: read from YAML, compiled, and evaluated on the objects that the incident's records hold.
//!
//! ValidatingAdmissionPolicy (CEL) and Kyverno's CEL rules are evaluated by the `cel` crate; what it does not know is said to be untested, never
//! guessed. Whom a policy is for is decided by its [`scope`]. Presets are in [`presets`]; [`backtest`] says whom a policy would have refused.

pub mod presets;
mod scope;

use cel::{Context, ExecutionError, Program};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use self::scope::Namespaces;
pub use self::scope::Scope;
use super::images;
use crate::model::artefact::{ClusterObject, Measure};
use crate::model::{Backtest, Cascade, Incident};

/// The annotation in which a build says how large the largest image of a pod is.
pub const SIZE_ANNOTATION: &str = "policy.local/largest-image-bytes";

/// The deepest nesting of brackets that is compiled: the parser is recursive.
const DEEPEST: usize = 200;

/// The longest expression that is compiled.
const LONGEST: usize = 32 * 1024;

/// One condition that an object must fulfil.
#[derive(Debug, Clone)]
pub struct Check {
    /// CEL; true admits.
    pub expression: String,
    /// What is said when it refuses.
    pub message: String,
}

/// What a policy does to an object that breaks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// It writes to the audit log, or a report, and admits.
    Audits,
    /// It warns, and admits.
    Warns,
    /// It refuses.
    Refuses,
}

impl Effect {
    /// # Source
    /// admissionregistration.k8s.io/v1, `validationActions`; Kyverno's `failureAction` has the same words but `Enforce`.
    fn of_actions(actions: &[Value]) -> Effect {
        let has = |name: &str| actions.iter().any(|a| a.as_str() == Some(name));
        match (has("Deny"), has("Warn")) {
            (true, _) => Effect::Refuses,
            (false, true) => Effect::Warns,
            (false, false) => Effect::Audits,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Effect::Refuses => "refused",
            Effect::Warns => "admitted with a warning",
            Effect::Audits => "admitted and reported",
        }
    }
}

/// A policy as far as it can be tried on objects.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// Objects it is for: its own rules, and those of its bindings.
    pub scope: Scope,
    /// What it does to those that break it.
    pub effect: Effect,
    /// It has no binding in its text, and is tried as if it were bound to everything.
    pub unbound: bool,
    /// Variables in their order.
    pub variables: Vec<(String, String)>,
    /// Conditions under which it applies at all.
    pub conditions: Vec<String>,
    /// What it checks.
    pub checks: Vec<Check>,
    /// An error of an expression admits instead of refusing (`failurePolicy: Ignore`).
    pub ignores_errors: bool,
    /// The test puts the known image size into the annotation that the build would have set.
    pub wants_size: bool,
    /// Why it cannot be tried at all.
    pub untested: Option<String>,
}

/// What a policy says of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It does not apply.
    NotMeant,
    /// It admits.
    Admits,
    /// It refuses, and why.
    Refuses(String),
    /// It would refuse if it did not only warn or report, and why.
    Reports(String),
    /// It cannot be evaluated here, and why.
    Unknown(String),
}

/// One object and the verdict on it.
#[derive(Debug, Clone)]
pub struct Trial {
    /// `namespace/Kind/name`.
    pub object: String,
    /// When it was made.
    pub at: Option<DateTime<Utc>>,
    /// It belongs to a cascade.
    pub of_cascade: bool,
    /// The verdict.
    pub verdict: Verdict,
}

/// Reads the policies of a YAML text. Documents of other kinds are kept with the reason why they are not tried.
///
/// # Errors
/// The text is no YAML, or holds no object.
pub fn read(yaml: &str) -> Result<Vec<Policy>, String> {
    let options = serde_saphyr::options! { strict_booleans: true };
    let documents: Vec<Value> =
        serde_saphyr::from_multiple_with_options(yaml, options).map_err(|e| e.to_string())?;
    let objects: Vec<&Value> = documents
        .iter()
        .filter(|d| !d.is_null())
        .flat_map(
            |document| match document.get("items").and_then(Value::as_array) {
                Some(items) => items.iter().collect(),
                None => vec![document],
            },
        )
        .collect();
    let bindings: Vec<&Value> = objects
        .iter()
        .copied()
        .filter(|o| text(o, "kind") == "ValidatingAdmissionPolicyBinding")
        .collect();
    let mut policies: Vec<Policy> = objects.iter().flat_map(|o| of_object(o)).collect();
    for policy in policies.iter_mut().filter(|p| p.unbound) {
        bind(policy, &bindings);
    }
    if policies.is_empty() {
        return Err("no policy in it".to_owned());
    }
    Ok(policies)
}

fn text(value: &Value, key: &str) -> String {
    value
        .get(key)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Narrows a policy to what its bindings mean, and to the gravest that they do.
fn bind(policy: &mut Policy, bindings: &[&Value]) {
    let empty = Value::Null;
    let own: Vec<(Effect, Scope)> = bindings
        .iter()
        .filter_map(|binding| binding.get("spec"))
        .filter(|spec| text(spec, "policyName") == policy.name)
        .map(|spec| {
            let resources = spec.get("matchResources").unwrap_or(&empty);
            (
                Effect::of_actions(list(spec, "validationActions")),
                scope::match_resources(resources),
            )
        })
        .collect();
    let Some(effect) = own.iter().map(|(effect, _)| *effect).max() else {
        return;
    };
    let bound = own
        .into_iter()
        .filter(|(own, _)| *own == effect)
        .map(|(_, scope)| scope)
        .collect();
    policy.unbound = false;
    policy.effect = effect;
    policy.scope = Scope::All(vec![policy.scope.clone(), Scope::Any(bound)]);
}

fn of_object(value: &Value) -> Vec<Policy> {
    let kind = text(value, "kind");
    let name = value
        .get("metadata")
        .map(|m| text(m, "name"))
        .unwrap_or_default();
    let empty = Value::Null;
    let spec = value.get("spec").unwrap_or(&empty);
    match kind.as_str() {
        "ValidatingAdmissionPolicy" => vec![Policy {
            unbound: true,
            ..admission_policy(name, spec)
        }],
        "ValidatingAdmissionPolicyBinding" => Vec::new(),
        "ClusterPolicy" | "Policy" => list(spec, "rules")
            .iter()
            .map(|rule| kyverno_rule(&name, spec, rule))
            .map(|policy| match kind.as_str() {
                "Policy" => Policy {
                    scope: Scope::All(vec![policy.scope.clone(), own_namespace(value)]),
                    ..policy
                },
                _ => policy,
            })
            .collect(),
        "ValidatingPolicy" => vec![Policy {
            effect: match list(spec, "validationActions") {
                [] => Effect::Refuses,
                actions => Effect::of_actions(actions),
            },
            ..admission_policy(name, spec)
        }],
        "" => Vec::new(),
        other => vec![unusable(
            name,
            format!("a {other} is not a kind of policy that is evaluated"),
        )],
    }
}

/// A Kyverno Policy is for its own namespace.
fn own_namespace(policy: &Value) -> Scope {
    let own = policy.get("metadata").map(|m| text(m, "namespace"));
    match own.filter(|n| !n.is_empty()) {
        Some(namespace) => Scope::Inside(vec![namespace]),
        None => Scope::Inside(vec!["default".to_owned()]),
    }
}

fn unusable(name: String, why: String) -> Policy {
    Policy {
        name,
        scope: Scope::Any(Vec::new()),
        effect: Effect::Refuses,
        unbound: false,
        variables: Vec::new(),
        conditions: Vec::new(),
        checks: Vec::new(),
        ignores_errors: false,
        wants_size: false,
        untested: Some(why),
    }
}

fn checks(values: &[Value]) -> Vec<Check> {
    values
        .iter()
        .map(|v| Check {
            expression: text(v, "expression"),
            message: text(v, "message"),
        })
        .collect()
}

fn named(values: &[Value]) -> Vec<(String, String)> {
    values
        .iter()
        .map(|v| (text(v, "name"), text(v, "expression")))
        .collect()
}

/// # Source
/// admissionregistration.k8s.io/v1, ValidatingAdmissionPolicySpec.
fn admission_policy(name: String, spec: &Value) -> Policy {
    let empty = Value::Null;
    let constraints = spec.get("matchConstraints").unwrap_or(&empty);
    let checks = checks(list(spec, "validations"));
    let wants_size = checks
        .iter()
        .any(|c| c.expression.contains(SIZE_ANNOTATION));
    Policy {
        name,
        untested: if spec.get("paramKind").is_some_and(|p| !p.is_null()) {
            Some("it takes parameters, which the incident's records do not hold".to_owned())
        } else if !scope::is_for_creation(constraints) {
            Some("it matches no resource on creation".to_owned())
        } else {
            None
        },
        scope: scope::match_resources(constraints),
        effect: Effect::Refuses,
        unbound: false,
        variables: named(list(spec, "variables")),
        conditions: list(spec, "matchConditions")
            .iter()
            .map(|c| text(c, "expression"))
            .collect(),
        checks,
        ignores_errors: text(spec, "failurePolicy") == "Ignore",
        wants_size,
    }
}

/// # Source
/// kyverno.io/v1, ClusterPolicy: `validate.cel` since 1.11; `failureAction` in the rule since 1.13, `validationFailureAction` of the policy before;
/// without either it audits.
fn kyverno_rule(policy: &str, spec: &Value, rule: &Value) -> Policy {
    let name = format!("{policy}/{}", text(rule, "name"));
    let Some(cel) = rule.get("validate").and_then(|v| v.get("cel")) else {
        return unusable(
            name,
            "only Kyverno rules with validate.cel are evaluated; this one has another form"
                .to_owned(),
        );
    };
    let Some(scope) = scope::of_kyverno(rule) else {
        return unusable(name, "its rule matches nothing".to_owned());
    };
    let own = rule.get("validate").map(|v| text(v, "failureAction"));
    let action = own
        .filter(|a| !a.is_empty())
        .unwrap_or_else(|| text(spec, "validationFailureAction"));
    let effect = if action.eq_ignore_ascii_case("enforce") {
        Effect::Refuses
    } else {
        Effect::Audits
    };
    let checks = checks(list(cel, "expressions"));
    Policy {
        wants_size: checks
            .iter()
            .any(|c| c.expression.contains(SIZE_ANNOTATION)),
        name,
        scope,
        effect,
        unbound: false,
        variables: named(list(cel, "variables")),
        conditions: list(rule, "celPreconditions")
            .iter()
            .map(|c| text(c, "expression"))
            .collect(),
        checks,
        ignores_errors: false,
        untested: None,
    }
}

/// Returns the resource of a kind: its plural in small letters.
fn resource_of(kind: &str) -> String {
    match kind {
        "*" => "*".to_owned(),
        _ if kind.ends_with('y') => format!("{}ies", kind[..kind.len() - 1].to_lowercase()),
        _ => format!("{}s", kind.to_lowercase()),
    }
}

/// A policy with its expressions compiled.
struct Compiled<'a> {
    policy: &'a Policy,
    variables: Vec<(&'a str, Program)>,
    conditions: Vec<Program>,
    checks: Vec<(Program, &'a str)>,
}

/// Compiles every expression of a policy.
///
/// # Errors
/// The first expression that is no CEL, and why. Usually the policy's author's doing; or it uses what the evaluator does not know.
pub fn compile_all(policy: &Policy) -> Result<(), String> {
    compile(policy).map(|_| ())
}

/// An upper bound of how deep an expression is nested: open brackets, and operators that bind what follows.
fn nesting(expression: &str) -> usize {
    let mut depth = 0usize;
    let mut deepest = 0;
    let mut prefixes = 0;
    for c in expression.chars() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '!' | '-' | '?' => prefixes += 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest + prefixes
}

fn compile(policy: &Policy) -> Result<Compiled<'_>, String> {
    let program = |expression: &str| {
        if expression.len() > LONGEST {
            return Err(format!("an expression is longer than {LONGEST} bytes"));
        }
        if nesting(expression) > DEEPEST {
            return Err(format!(
                "an expression is nested deeper than {DEEPEST} levels"
            ));
        }
        Program::compile(expression).map_err(|error| {
            let first = error
                .to_string()
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned();
            format!("“{expression}” does not compile here: {first}")
        })
    };
    Ok(Compiled {
        variables: policy
            .variables
            .iter()
            .map(|(name, e)| Ok((name.as_str(), program(e)?)))
            .collect::<Result<_, String>>()?,
        conditions: policy
            .conditions
            .iter()
            .map(|e| program(e))
            .collect::<Result<_, String>>()?,
        checks: policy
            .checks
            .iter()
            .map(|c| Ok((program(&c.expression)?, c.message.as_str())))
            .collect::<Result<_, String>>()?,
        policy,
    })
}

/// Evaluates a policy on one object, as on its creation.
pub fn verdict(policy: &Policy, object: &Value) -> Verdict {
    if let Some(why) = &policy.untested {
        return Verdict::Unknown(why.clone());
    }
    match compile(policy) {
        Ok(compiled) => compiled.verdict(object, &Namespaces::new()),
        Err(why) => Verdict::Unknown(why),
    }
}

impl Compiled<'_> {
    fn verdict(&self, object: &Value, namespaces: &Namespaces<'_>) -> Verdict {
        let kind = text(object, "kind");
        let resource = resource_of(&kind);
        let unknown = match self.policy.scope.means(object, namespaces) {
            Some(false) => return Verdict::NotMeant,
            Some(true) => None,
            None => Some(Verdict::Unknown(
                "whether the policy is for it is not in the record: it asks for labels of a namespace, or for who asks".to_owned(),
            )),
        };
        let verdict = match self.evaluate(object, &kind, &resource) {
            // Whom it admits it admits, whether it is for it or not.
            Verdict::Refuses(_) if unknown.is_some() => {
                return unknown.unwrap_or(Verdict::NotMeant);
            }
            verdict => verdict,
        };
        match verdict {
            Verdict::Refuses(why) if self.policy.effect != Effect::Refuses => Verdict::Reports(why),
            verdict => verdict,
        }
    }

    fn evaluate(&self, object: &Value, kind: &str, resource: &str) -> Verdict {
        let namespace = object
            .get("metadata")
            .map(|m| text(m, "namespace"))
            .unwrap_or_default();
        let request = json!({
            "operation": "CREATE",
            "namespace": namespace,
            "name": object.get("metadata").map(|m| text(m, "name")).unwrap_or_default(),
            "kind": {"kind": kind},
            "resource": {"resource": resource},
            "dryRun": false,
        });
        let mut variables = serde_json::Map::new();
        // A variable is only an error where something asks for it, as in the API server.
        for (name, program) in &self.variables {
            let context = self.context(object, &request, &variables);
            let found = context.and_then(|context| program.execute(&context).ok());
            if let Some(value) = found.and_then(|value| value.json().ok()) {
                variables.insert((*name).to_owned(), value);
            }
        }
        let Some(context) = self.context(object, &request, &variables) else {
            return Verdict::Unknown("the object could not be given to the evaluator".to_owned());
        };
        for condition in &self.conditions {
            match condition.execute(&context) {
                Ok(cel::Value::Bool(true)) => {}
                Ok(_) => return Verdict::NotMeant,
                Err(error) => return self.failed(&error),
            }
        }
        for (check, message) in &self.checks {
            match check.execute(&context) {
                Ok(cel::Value::Bool(true)) => {}
                Ok(cel::Value::Bool(false)) => return Verdict::Refuses((*message).to_owned()),
                Ok(_) => return Verdict::Unknown("an expression gives no truth value".to_owned()),
                Err(error) => match self.failed(&error) {
                    Verdict::Admits => {}
                    other => return other,
                },
            }
        }
        Verdict::Admits
    }

    fn context(
        &self,
        object: &Value,
        request: &Value,
        variables: &serde_json::Map<String, Value>,
    ) -> Option<Context<'static, 'static>> {
        let mut context = Context::default();
        for (name, value) in [
            ("object", object),
            ("oldObject", &Value::Null),
            ("request", request),
            ("params", &Value::Null),
            ("variables", &Value::Object(variables.clone())),
        ] {
            let value = cel::to_value(value).ok()?;
            context.add_variable_from_value(name, value);
        }
        functions(&mut context);
        Some(context)
    }

    /// # Source
    /// Kubernetes: an error of an expression counts as the failurePolicy says, `Fail` by default. An error of ours (a function that this evaluator
    /// does not have) says nothing about the object.
    fn failed(&self, error: &ExecutionError) -> Verdict {
        match error {
            ExecutionError::NoSuchKey(key) if self.policy.ignores_errors => {
                let _ = key;
                Verdict::Admits
            }
            ExecutionError::NoSuchKey(key) => Verdict::Refuses(format!(
                "an expression fails because there is no such key: {key}; with failurePolicy Fail that refuses"
            )),
            other => Verdict::Unknown(format!("an expression cannot be evaluated here: {other}")),
        }
    }
}

/// Functions of Kubernetes' CEL libraries that policies use most.
///
/// # Source
/// Kubernetes documentation, "Common Expression Language in Kubernetes": string and list libraries.
fn functions(context: &mut Context<'_, '_>) {
    use cel::extractors::This;
    use std::sync::Arc;
    // A name that is declared already (a later version of the evaluator may have it) is as good.
    let _ = context.add_function("lowerAscii", |This(s): This<Arc<String>>| {
        s.to_ascii_lowercase()
    });
    let _ = context.add_function("upperAscii", |This(s): This<Arc<String>>| {
        s.to_ascii_uppercase()
    });
    let _ = context.add_function("trim", |This(s): This<Arc<String>>| s.trim().to_owned());
    let _ = context.add_function(
        "split",
        |This(s): This<Arc<String>>, by: Arc<String>| -> Arc<Vec<cel::Value>> {
            Arc::new(
                s.split(by.as_str())
                    .map(|part| cel::Value::String(Arc::new(part.to_owned())))
                    .collect(),
            )
        },
    );
    let _ = context.add_function(
        "replace",
        |This(s): This<Arc<String>>, from: Arc<String>, to: Arc<String>| {
            s.replace(from.as_str(), to.as_str())
        },
    );
}

/// Tries a policy on every object of the incident that it is for. Pods are tried as they were created; where the record holds none of a workload's pods,
/// the pods that its template makes stand for them.
pub fn trials(policy: &Policy, incident: &Incident) -> Vec<Trial> {
    let compiled = match (&policy.untested, compile(policy)) {
        (None, Ok(compiled)) => compiled,
        _ => return Vec::new(),
    };
    let mut known = Sizes::new();
    let namespaces = scope::namespaces(incident);
    candidates(incident)
        .into_iter()
        .filter_map(|(object, value, of_cascade)| {
            let mut value = value;
            let sized = if policy.wants_size {
                annotate(incident, object, of_cascade, &mut value, &mut known)
            } else {
                Sized::Whole
            };
            let verdict = match (sized, compiled.verdict(&value, &namespaces)) {
                (_, Verdict::NotMeant) => Verdict::NotMeant,
                (Sized::Unknown, _) => {
                    Verdict::Unknown("the size of its images is not in the record".to_owned())
                }
                // What is too large as far as it is known is too large; the rest may be.
                (Sized::AtLeast, Verdict::Admits) => Verdict::Unknown(
                    "only a part of its image's size is in the record, and that part is allowed"
                        .to_owned(),
                ),
                (_, verdict) => verdict,
            };
            (verdict != Verdict::NotMeant).then(|| Trial {
                object: object.title(),
                at: object.moment.map(|m| m.at),
                of_cascade,
                verdict,
            })
        })
        .collect()
}

/// Objects as they would have come to admission, and whether they belong to a cascade.
fn candidates(incident: &Incident) -> Vec<(&ClusterObject, Value, bool)> {
    let of_cascade = |object: &ClusterObject| {
        incident
            .cascades
            .iter()
            .any(|cascade| is_of(incident, cascade, object))
    };
    let objects = &incident.artefacts.objects;
    let mut found: Vec<(&ClusterObject, Value, bool)> = Vec::new();
    for object in objects.iter().filter(|o| !o.containers().is_empty()) {
        found.push((object, object.value.clone(), of_cascade(object)));
        let is_workload = matches!(
            object.kind.as_str(),
            "Deployment" | "StatefulSet" | "DaemonSet" | "Job" | "ReplicationController"
        );
        let has_pods = objects
            .iter()
            .any(|o| o.kind == "Pod" && images::belongs(o, &object.title()));
        if is_workload
            && !has_pods
            && let Some(pod) = pod_of(object)
        {
            found.push((object, pod, of_cascade(object)));
        }
    }
    found.sort_by_key(|(object, value, _)| (object.moment, object.title(), text(value, "kind")));
    found
}

/// Whether an object belongs to a cascade: by image where the verdict is about one, or else by the workload. A pod that was there before it began, or
/// that ran another image, does not, unless something befell it.
fn is_of(incident: &Incident, cascade: &Cascade, object: &ClusterObject) -> bool {
    let get = |kind: &str| {
        cascade
            .culprit
            .iter()
            .find(|(k, _)| k == kind)
            .map(|(_, v)| v.as_str())
    };
    let owned = get("workload").map(|w| images::belongs(object, w));
    let named = match get("image") {
        Some(image) => object.names_image(image) && owned.unwrap_or(true),
        None => owned.unwrap_or(false),
    };
    if !named || object.kind != "Pod" {
        return named;
    }
    let other = get("digest").is_some_and(|digest| {
        !object.ran.is_empty() && object.ran.iter().all(|ran| ran.digest != digest)
    });
    let befell = || {
        cascade.members.iter().chain([&cascade.origin]).any(|id| {
            let pod = incident.facts[*id].entity("pod");
            pod.is_some_and(|pod| pod.rsplit('/').next() == Some(object.name.as_str()))
        })
    };
    // Objects tell whole seconds.
    let begin = images::begin(incident, cascade).map(|at| at - TimeDelta::seconds(1));
    let before = match (object.moment, begin) {
        (Some(made), Some(begin)) => made.at < begin,
        _ => false,
    };
    !other && !before || befell()
}

fn pod_of(object: &ClusterObject) -> Option<Value> {
    let template = object.value.get("spec")?.get("template")?;
    let mut metadata = template
        .get("metadata")
        .cloned()
        .unwrap_or_else(|| json!({}));
    if let Some(metadata) = metadata.as_object_mut() {
        metadata.insert(
            "namespace".to_owned(),
            Value::from(object.namespace.clone()),
        );
        metadata.insert("name".to_owned(), Value::from(object.name.clone()));
    }
    Some(
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template.get("spec")?}),
    )
}

/// Sizes found already, by image and digest.
type Sizes = std::collections::BTreeMap<(String, Option<String>), Option<(u64, bool)>>;

/// What is known of the sizes of a pod's images.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sized {
    /// All of them.
    Whole,
    /// Of one only that it is no smaller.
    AtLeast,
    /// Nothing of one.
    Unknown,
}

/// Puts the size of its largest image where the build would have put it. Returns how much of it is known.
fn annotate(
    incident: &Incident,
    object: &ClusterObject,
    of_cascade: bool,
    value: &mut Value,
    known: &mut Sizes,
) -> Sized {
    let mut largest = 0;
    let mut sized = Sized::Whole;
    for container in object.containers() {
        let Some(image) = container.get("image").and_then(Value::as_str) else {
            return Sized::Unknown;
        };
        let Some((bytes, part)) = size_of(incident, object, of_cascade, image, known) else {
            return Sized::Unknown;
        };
        if part {
            sized = Sized::AtLeast;
        }
        largest = largest.max(bytes);
    }
    let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) else {
        return Sized::Unknown;
    };
    let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
    if !annotations.is_object() {
        *annotations = json!({});
    }
    if let Some(annotations) = annotations.as_object_mut() {
        annotations.insert(SIZE_ANNOTATION.to_owned(), Value::from(largest.to_string()));
    }
    sized
}

/// The largest of the sizes that the record tells of an image, whichever measure it has, and whether it is a lower bound: the policy is about what
/// is sure to be large.
fn size_of(
    incident: &Incident,
    object: &ClusterObject,
    of_cascade: bool,
    image: &str,
    known: &mut Sizes,
) -> Option<(u64, bool)> {
    let culprit = incident
        .cascades
        .iter()
        .filter_map(|c| images::culprit(incident, c))
        .find(|c| of_cascade && object.names_image(&c.image));
    let digest = match culprit {
        Some(culprit) => culprit.digest,
        None => object
            .ran
            .iter()
            .find(|r| r.image == image)
            .map(|r| r.digest.clone()),
    };
    let key = (image.to_owned(), digest);
    if let Some(size) = known.get(&key) {
        return *size;
    }
    let sizes = images::sizes(incident, image, key.1.as_deref());
    let size = [Measure::Unpacked, Measure::Compressed, Measure::Unknown]
        .into_iter()
        .filter_map(|measure| images::best(&sizes, measure))
        .max_by_key(|a| a.bytes)
        .map(|a| (a.bytes, a.at_least));
    known.insert(key, size);
    size
}

/// Says whom a policy would have refused: those of the cascade, and all others.
pub fn backtest(policy: &Policy, incident: &Incident) -> Backtest {
    let untested = |said: String| Backtest {
        said,
        untested: true,
        ..Backtest::default()
    };
    if let Some(why) = &policy.untested {
        return untested(format!("Not tested: {why}."));
    }
    if let Err(why) = compile(policy) {
        return untested(format!("Not tested: {why}."));
    }
    let trials: Vec<Trial> = trials(policy, incident);
    let known: Vec<&Trial> = trials
        .iter()
        .filter(|t| !matches!(t.verdict, Verdict::Unknown(_)))
        .collect();
    let unknown = trials.len() - known.len();
    if known.is_empty() {
        let why = trials.iter().find_map(|t| match &t.verdict {
            Verdict::Unknown(why) => Some(format!(": {why}")),
            _ => None,
        });
        return untested(match why {
            Some(why) => format!("Not tested{why}."),
            None => "Not tested: no object that it is for is in the record.".to_owned(),
        });
    }
    let breaks = |t: &Trial| matches!(t.verdict, Verdict::Refuses(_) | Verdict::Reports(_));
    let refused = |of_cascade: bool| {
        let all: Vec<&&Trial> = known
            .iter()
            .filter(|t| t.of_cascade == of_cascade)
            .collect();
        let refused = all.iter().filter(|t| breaks(t)).count();
        (refused, all.len())
    };
    let (cascade, others) = (refused(true), refused(false));
    let first = known
        .iter()
        .filter(|t| breaks(t) && t.of_cascade)
        .filter_map(|t| t.at)
        .min();
    let pods = known
        .iter()
        .filter(|t| t.object.split('/').rev().nth(1) == Some("Pod"))
        .count();
    let things = match pods {
        0 => "pod templates",
        n if n == known.len() => "pods",
        _ => "pods and pod templates",
    };
    let done = policy.effect.word();
    let silent = trials.iter().filter(|t| t.of_cascade).count();
    let mut said = match cascade {
        (_, 0) if silent > 0 => format!(
            "Of the cascade's {silent} {things} none could be tested; of {} others it would have {done} {}.",
            others.1, others.0
        ),
        (_, 0) => format!(
            "Of the cascade no object that it is for is in the record; of {} other {things} it would have {done} {}.",
            others.1, others.0
        ),
        (refused, all) => {
            let from = first
                .map(|at| format!(" from {}", images::clock(incident, at)))
                .unwrap_or_default();
            format!(
                "Would have {done} {refused} of {all} {things} of the cascade{from}, and {} of {} others.",
                others.0, others.1
            )
        }
    };
    if unknown > 0 {
        said.push_str(&format!(" {unknown} could not be tested."));
    }
    if policy.unbound {
        said.push_str(
            " No binding is in its text: it was tried as if it were bound to everything.",
        );
    }
    Backtest {
        said,
        first,
        cascade: Some(cascade),
        others: Some(others),
        untested: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(image: &str) -> Value {
        json!({"kind": "Pod", "metadata": {"name": "a", "namespace": "n"}, "spec": {"containers": [{"name": "c", "image": image}]}})
    }

    #[test]
    fn a_policy_of_ones_own_is_read_and_evaluated() {
        let policies = read(
            "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: {name: own-registry}\nspec:\n  matchConstraints:\n    resourceRules:\n    - {apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}\n  variables:\n  - {name: images, expression: 'object.spec.containers.map(c, c.image)'}\n  validations:\n  - {expression: \"variables.images.all(i, i.split('/')[0] == 'r.example')\", message: only our registry}\n",
        )
        .expect("a policy");
        assert_eq!(
            verdict(&policies[0], &pod("r.example/a:1")),
            Verdict::Admits
        );
        assert_eq!(
            verdict(&policies[0], &pod("other.example/a:1")),
            Verdict::Refuses("only our registry".into())
        );
        assert_eq!(
            verdict(&policies[0], &json!({"kind": "Deployment"})),
            Verdict::NotMeant
        );
    }

    #[test]
    fn what_cannot_be_evaluated_is_said_and_not_guessed() {
        let policies = read("kind: ValidatingAdmissionPolicy\nmetadata: {name: x}\nspec:\n  matchConstraints: {resourceRules: [{resources: [pods]}]}\n  validations: [{expression: 'authorizer.path(\"/x\").allowed()'}]\n").expect("a policy");
        assert!(matches!(
            verdict(&policies[0], &pod("a:1")),
            Verdict::Unknown(_)
        ));
        let broken = read("kind: ValidatingAdmissionPolicy\nmetadata: {name: x}\nspec:\n  matchConstraints: {resourceRules: [{resources: [pods]}]}\n  validations: [{expression: 'object.('}]\n").expect("a policy");
        assert!(compile_all(&broken[0]).is_err());
        assert!(read("- just\n- a list\n").is_err());
        let other = read("kind: ConfigMap\nmetadata: {name: x}\n").expect("an object");
        assert!(
            other[0]
                .untested
                .as_deref()
                .is_some_and(|w| w.contains("ConfigMap"))
        );
    }
}
