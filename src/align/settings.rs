//! Settings: how this cluster's components were configured, as far as the files tell.
//!
//! Takes what logs (`FLAG: …`), configuration objects and static pods state; gives the constants of physics that they change, the version, and
//! eviction thresholds. A value that components of one kind state differently is used as most of them have it. Defaults that a kubelet prints
//! for flags nobody gave say nothing, because its configuration file may say otherwise.
//!
//! # Source
//! component-base prints every flag at start, 1.18 to 1.36; KubeletConfiguration v1beta1; static pods of kubeadm.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::roster::quantity;
use crate::grammar::physics::{Physics, parse_duration};
use crate::model::{Relation, Source, SourceReading};

/// One statement.
#[derive(Debug, Clone)]
struct Said {
    component: String,
    /// `--flag`, or the path of a field.
    key: String,
    value: String,
    node: Option<String>,
    source: String,
}

/// All statements.
#[derive(Debug, Default)]
pub(super) struct Settings {
    said: Vec<Said>,
}

/// A constant as the incident has it: name, value, who says so.
pub(super) type Override = (String, TimeDelta, String);

impl Settings {
    pub(super) fn new(
        relations: &[Relation],
        sources: &[Source],
        readings: &[SourceReading],
    ) -> Settings {
        let said = relations
            .iter()
            .filter(|relation| relation.subject == "setting")
            .map(|relation| {
                let reading = &readings[relation.source];
                let (component, key) = relation
                    .name
                    .split_once(' ')
                    .unwrap_or(("", &relation.name));
                let component = match component {
                    "" => reading.speaks_for.component.clone().unwrap_or_default(),
                    told => told.to_owned(),
                };
                Said {
                    component,
                    key: key.to_owned(),
                    value: relation.value.clone(),
                    node: reading.speaks_for.node.clone(),
                    source: sources[relation.source].name.clone(),
                }
            })
            .collect();
        Settings { said }
    }

    /// Returns the Kubernetes minor version that most kubelets print at their start (`1.36`).
    pub(super) fn version(&self) -> Option<String> {
        let versions = self.said.iter().filter(|said| said.key == "version");
        most_common(versions.map(|said| super::roster::minor_of(&said.value)))
    }

    /// Returns the constants that the incident's own settings decide.
    pub(super) fn overrides(&self, physics: &Physics) -> Vec<Override> {
        let mut found = Vec::new();
        for (name, constant) in &physics.constant {
            let Some(flag) = &constant.flag else { continue };
            let defaults: Vec<TimeDelta> = std::iter::once(&constant.value)
                .chain(constant.by_version.iter().map(|step| &step.value))
                .filter_map(|value| parse_duration(value).ok())
                .collect();
            let told: Vec<(TimeDelta, &Said)> = self
                .said
                .iter()
                .filter(|said| names(flag).any(|(component, key)| said.is(&component, &key)))
                .filter_map(|said| Some((said.duration()?, said)))
                // A kubelet prints the defaults of flags that its configuration file overrides.
                .filter(|(value, said)| {
                    !(said.component == "kubelet"
                        && said.key.starts_with("--")
                        && defaults.contains(value))
                })
                .collect();
            let Some(value) = most_common(told.iter().map(|(value, _)| *value)) else {
                continue;
            };
            if let Some((_, said)) = told.iter().find(|(own, _)| *own == value) {
                let from = format!("{} {} in {}", said.component, said.key, said.source);
                found.push((name.clone(), value, from));
            }
        }
        found
    }

    /// Returns the largest share of a disk that a node's kubelet was told to keep free.
    pub(super) fn threshold(&self, node: &str, disk: Option<f64>) -> Option<f64> {
        self.said
            .iter()
            .filter(|said| {
                said.component == "kubelet" && said.node.as_deref().is_none_or(|own| own == node)
            })
            .flat_map(|said| said.thresholds())
            .filter_map(|value| share_of(&value, disk))
            .max_by(f64::total_cmp)
    }
}

impl Said {
    fn is(&self, component: &str, key: &str) -> bool {
        self.component == component && (self.key == key || self.key == as_flag(key))
    }

    fn duration(&self) -> Option<TimeDelta> {
        let number: Option<f64> = self.value.parse().ok();
        let value = match number {
            // Nodes a second; what is bounded is the time between two of them.
            Some(rate) if self.key.ends_with("-rate") && rate > 0.0 => {
                TimeDelta::milliseconds((1000.0 / rate) as i64)
            }
            Some(seconds) if self.key.to_lowercase().ends_with("seconds") => {
                TimeDelta::milliseconds((seconds * 1000.0) as i64)
            }
            _ => parse_duration(&self.value).ok()?,
        };
        // Zero stands for a default that is filled in later.
        (value > TimeDelta::zero()).then_some(value)
    }

    /// Values of the thresholds for free bytes on the disk, in any of the three shapes in which they are told.
    fn thresholds(&self) -> Vec<String> {
        const SIGNALS: [&str; 2] = ["nodefs.available", "imagefs.available"];
        let ends = |c: char| matches!(c, ',' | '"' | '\'' | ' ' | '}' | ']');
        match self.key.as_str() {
            "evictionHard.nodefs.available" | "evictionHard.imagefs.available" => {
                vec![self.value.clone()]
            }
            "--eviction-hard" => SIGNALS
                .iter()
                .filter_map(|signal| {
                    let (_, rest) = self.value.split_once(signal)?;
                    rest.strip_prefix('<')?
                        .split(ends)
                        .next()
                        .map(str::to_owned)
                })
                .collect(),
            // Signal, operator, and a quantity or a share: as JSON since 1.27, as Go prints it before.
            "HardEvictionThresholds" => SIGNALS
                .iter()
                .filter_map(|signal| {
                    let (_, rest) = self.value.split_once(signal)?;
                    let after = |name: &str| {
                        let (_, value) = rest.split_once(name)?;
                        let value = value.trim_start_matches(['"', ':']);
                        value.split(ends).next().map(str::to_owned)
                    };
                    match after("Quantity").filter(|q| !matches!(q.as_str(), "null" | "<nil>" | ""))
                    {
                        Some(quantity) => Some(quantity),
                        None => after("Percentage")?
                            .parse::<f64>()
                            .ok()
                            .map(|share| format!("{}%", share * 100.0)),
                    }
                })
                .collect(),
            _ => Vec::new(),
        }
    }
}

fn share_of(value: &str, disk: Option<f64>) -> Option<f64> {
    match value.strip_suffix('%') {
        Some(percent) => percent.parse::<f64>().ok().map(|p| p / 100.0),
        None => Some(quantity(value)? / disk.filter(|disk| *disk > 0.0)?),
    }
}

/// Splits `kubelet nodeStatusUpdateFrequency, kube-apiserver --x, --y` into components and their keys.
fn names(flag: &str) -> impl Iterator<Item = (String, String)> {
    let mut component = String::new();
    flag.split(", ")
        .map(move |one| {
            let key = match one.split_once(' ') {
                Some((named, key)) => {
                    component = named.to_owned();
                    key
                }
                None => one,
            };
            (component.clone(), key.to_owned())
        })
        .collect::<Vec<_>>()
        .into_iter()
}

/// Returns the flag that a field of the kubelet's configuration stands for: `--node-status-update-frequency`.
fn as_flag(field: &str) -> String {
    let mut flag = String::from("--");
    for letter in field.chars() {
        if letter.is_ascii_uppercase() {
            flag.push('-');
        }
        flag.push(letter.to_ascii_lowercase());
    }
    flag
}

fn most_common<T: Ord + Clone>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut counts: BTreeMap<T, usize> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    counts
        .into_iter()
        .max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(&a.0)))
        .map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(component: &str, key: &str, value: &str) -> Said {
        Said {
            component: component.to_owned(),
            key: key.to_owned(),
            value: value.to_owned(),
            node: None,
            source: "a.log".to_owned(),
        }
    }

    fn physics() -> Physics {
        toml::from_str(
            "[constant.grace]\nvalue = \"40s\"\nflag = \"kube-controller-manager --node-monitor-grace-period\"\nabout = \"\"\nsource = \"\"\n\
             [constant.hold]\nvalue = \"5m\"\nflag = \"kubelet evictionPressureTransitionPeriod\"\nabout = \"\"\nsource = \"\"\n\
             [constant.stay]\nvalue = \"300s\"\nflag = \"kube-apiserver --a-toleration-seconds, --b-toleration-seconds\"\nabout = \"\"\nsource = \"\"\n",
        )
        .expect("physics")
    }

    #[test]
    fn settings_beat_defaults_and_say_where_they_are_from() {
        let settings = Settings {
            said: vec![
                said(
                    "kube-controller-manager",
                    "--node-monitor-grace-period",
                    "20s",
                ),
                said("kube-apiserver", "--b-toleration-seconds", "30"),
                // The kubelet's own default, printed although a file may say otherwise.
                said("kubelet", "--eviction-pressure-transition-period", "5m0s"),
                said("kubelet", "evictionPressureTransitionPeriod", "30s"),
                said("kubelet", "--node-monitor-grace-period", "99s"),
            ],
        };
        let found: Vec<(String, i64)> = settings
            .overrides(&physics())
            .into_iter()
            .map(|(name, value, _)| (name, value.num_seconds()))
            .collect();
        let expected = [("grace", 20), ("hold", 30), ("stay", 30)].map(|(n, v)| (n.to_owned(), v));
        assert_eq!(found, expected);
        assert_eq!(
            settings.overrides(&physics())[0].2,
            "kube-controller-manager --node-monitor-grace-period in a.log"
        );
    }

    #[test]
    fn thresholds_are_read_in_every_shape() {
        let share = |key: &str, value: &str| {
            Settings {
                said: vec![said("kubelet", key, value)],
            }
            .threshold("n1", Some(100.0 * 1024.0 * 1024.0 * 1024.0))
        };
        assert_eq!(share("evictionHard.nodefs.available", "40%"), Some(0.4));
        assert_eq!(
            share(
                "--eviction-hard",
                "memory.available<100Mi,nodefs.available<50Gi"
            ),
            Some(0.5)
        );
        assert_eq!(
            share(
                "HardEvictionThresholds",
                r#"[{"Signal":"nodefs.available","Operator":"LessThan","Value":{"Quantity":null,"Percentage":0.1},"GracePeriod":0}]"#
            ),
            Some(0.1)
        );
        assert_eq!(
            share(
                "HardEvictionThresholds",
                "[{Signal:imagefs.available Operator:LessThan Value:{Quantity:<nil> Percentage:0.15} GracePeriod:0s}]"
            ),
            Some(0.15)
        );
        assert_eq!(share("--eviction-hard", "memory.available<100Mi"), None);
    }
}
