//! Identities: IP and e-mail addresses, names of hosts and accounts, hidden only on request.
//!
//! Takes a report for the names that stand in it, then texts; gives byte ranges. Does not decide what is asked for: that is in the options.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};
use regex::Regex;

use super::Options;
use crate::model::entity::registry_of;
use crate::wire::v1::Report;

/// The kinds of identity; a pseudonym begins with the kind.
pub(super) const KINDS: &[&str] = &["ip", "email", "host", "name"];

/// Names that are no secret: everybody's registries and the machine itself.
const PUBLIC_HOSTS: &[&str] = &[
    "docker.io",
    "index.docker.io",
    "registry-1.docker.io",
    "auth.docker.io",
    "registry.k8s.io",
    "k8s.gcr.io",
    "gcr.io",
    "ghcr.io",
    "quay.io",
    "mcr.microsoft.com",
    "public.ecr.aws",
    "localhost",
];

/// Accounts that every cluster or system has.
const PUBLIC_NAMES: &[&str] = &["root", "nobody", "kubernetes-admin", "admin", "daemon"];

/// Endings of systemd units, which stand behind an `@` as a domain does.
const UNITS: &[&str] = &[
    "service", "socket", "timer", "mount", "slice", "scope", "target", "path", "device", "swap",
];

/// Finds identities in texts.
pub(super) struct Identities {
    ipv4: Option<Regex>,
    dashed_ipv4: Option<Regex>,
    ipv6: Option<Regex>,
    email: Option<Regex>,
    host: Vec<Regex>,
    name: Vec<Regex>,
    /// Names that the report tells, and their kinds.
    known: Vec<&'static str>,
    needles: Option<AhoCorasick>,
}

impl Identities {
    /// Learns the names of hosts and accounts from a report.
    pub(super) fn of(report: &Report, options: &Options) -> Identities {
        let mut found = Identities::alone(options);
        let mut names: BTreeSet<(String, &'static str)> = BTreeSet::new();
        let entities = |kind: &'static str| {
            report
                .signals
                .iter()
                .filter_map(move |signal| signal.entities.get(kind))
        };
        if options.hosts {
            let speaking = report
                .sources
                .iter()
                .filter_map(|s| s.speaks_for.get("node"));
            let conditions = report.conditions.iter().map(|c| &c.node);
            for node in entities("node").chain(speaking).chain(conditions) {
                names.insert((node.clone(), "host"));
                // A cloud's node is also called by the first part of its name.
                if let Some((short, _)) = node.split_once('.')
                    && short.len() >= 4
                {
                    names.insert((short.to_owned(), "host"));
                }
            }
            for image in entities("image") {
                let host = registry_of(image);
                names.insert((host.split(':').next().unwrap_or(host).to_owned(), "host"));
            }
        }
        if options.names {
            names.extend(entities("actor").map(|actor| (actor.clone(), "name")));
        }
        names.retain(|(name, kind)| {
            let public = if *kind == "host" {
                PUBLIC_HOSTS
            } else {
                PUBLIC_NAMES
            };
            let role = name.starts_with("person-") || name.starts_with("system:");
            name.len() >= 2 && !role && !public.contains(&name.as_str())
        });
        found.needles = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(names.iter().map(|(name, _)| name))
            .ok()
            .filter(|_| !names.is_empty());
        found.known = names.into_iter().map(|(_, kind)| kind).collect();
        found
    }

    /// Knows only what can be told from a text itself.
    pub(super) fn alone(options: &Options) -> Identities {
        let when = |on: bool, pattern: &str| on.then(|| Regex::new(pattern).ok()).flatten();
        let all = |on: bool, patterns: &[&str]| {
            patterns
                .iter()
                .filter_map(|pattern| when(on, pattern))
                .collect()
        };
        Identities {
            ipv4: when(options.ips, r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}"),
            dashed_ipv4: when(options.ips && !options.hosts, r"\bip(?:-[0-9]{1,3}){4}\b"),
            ipv6: when(options.ips, r"[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*"),
            email: when(
                options.emails,
                r"[A-Za-z0-9._%+-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}\b",
            ),
            host: all(
                options.hosts,
                &[
                    r"://(?:[^\s/@\x22'\\]*@)?(?P<it>[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z][A-Za-z0-9-]*)",
                    r"\blookup (?P<it>[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)",
                    r"(?i)\b(?P<it>(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?:internal|local|lan|corp|intra|intranet|home\.arpa|svc|amazonaws\.com|azmk8s\.io|azurecr\.io))\b",
                ],
            ),
            name: all(
                options.names,
                &[
                    r"/(?:home|Users)/(?P<it>[A-Za-z0-9][A-Za-z0-9._-]*)",
                    r#"(?i)\b(?:user|username|login|logname|triggered by|started by|approved by|requested by)\\*"?\s*[:=]\s*\\*["']?(?P<it>[A-Za-z0-9][A-Za-z0-9._@-]{1,62})"#,
                    r#"(?i)\b(?:for|by) user \\*["']?(?P<it>[A-Za-z0-9][A-Za-z0-9._@-]{1,62})"#,
                ],
            ),
            known: Vec::new(),
            needles: None,
        }
    }

    /// Returns ranges that do not overlap.
    pub(super) fn find(&self, text: &str) -> Vec<(Range<usize>, &'static str)> {
        let mut found: Vec<(Range<usize>, &'static str)> = Vec::new();
        let mut add = |range: Range<usize>, kind: &'static str| {
            if found
                .iter()
                .all(|(taken, _)| range.end <= taken.start || taken.end <= range.start)
            {
                found.push((range, kind));
            }
        };
        if let Some(email) = &self.email {
            for hit in email.find_iter(text) {
                let unit = hit.as_str().rsplit('.').next().unwrap_or_default();
                if !UNITS.contains(&unit) && !hit.as_str().starts_with("git@") {
                    add(hit.range(), "email");
                }
            }
        }
        if let Some(needles) = &self.needles {
            for hit in needles.find_iter(text) {
                let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
                let before = text[..hit.start()].chars().next_back();
                let after = text[hit.end()..].chars().next();
                if !word(before) && !word(after) {
                    add(hit.range(), self.known[hit.pattern().as_usize()]);
                }
            }
        }
        for (patterns, kind, public) in [
            (&self.host, "host", PUBLIC_HOSTS),
            (&self.name, "name", PUBLIC_NAMES),
        ] {
            for pattern in patterns {
                for hit in pattern.captures_iter(text).filter_map(|c| c.name("it")) {
                    let value = hit.as_str();
                    let role = value.starts_with("person-") || value.starts_with("system");
                    if !public.contains(&value) && !role {
                        add(hit.range(), kind);
                    }
                }
            }
        }
        if let Some(ipv4) = &self.ipv4 {
            for hit in ipv4
                .find_iter(text)
                .filter(|hit| is_ipv4(text, hit.range()))
            {
                add(hit.range(), "ip");
            }
        }
        for hit in self.dashed_ipv4.iter().flat_map(|p| p.find_iter(text)) {
            add(hit.range(), "ip");
        }
        if let Some(ipv6) = &self.ipv6 {
            for hit in ipv6.find_iter(text) {
                let value = hit.as_str().trim_end_matches(['.', ':']);
                let value = if hit.as_str().ends_with("::") {
                    &hit.as_str()[..value.len() + 2]
                } else {
                    value
                };
                let range = hit.start()..hit.start() + value.len();
                let before = text[..range.start].chars().next_back();
                let after = text[range.end..].chars().next();
                let alone = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
                let real = value
                    .parse::<Ipv6Addr>()
                    .is_ok_and(|ip| !ip.is_loopback() && !ip.is_unspecified());
                if real && alone(before) && alone(after) {
                    add(range, "ip");
                }
            }
        }
        found.sort_by_key(|(range, _)| range.start);
        found
    }
}

/// Tells an address from a version: nothing of a word or number stands around it, and it is not one that every machine has.
fn is_ipv4(text: &str, range: Range<usize>) -> bool {
    let mut before = text[..range.start].chars().rev();
    let around = match (before.next(), before.next()) {
        (Some('-' | '_'), Some(c)) => c.is_alphabetic(),
        (Some(c), _) => c.is_alphanumeric() || c == '.',
        (None, _) => false,
    };
    let mut after = text[range.end..].chars();
    let goes_on = match (after.next(), after.next()) {
        (Some('.' | '-'), Some(c)) => c.is_alphanumeric(),
        (Some(c), _) => c.is_alphanumeric() || c == '_',
        (None, _) => false,
    };
    let real = text[range]
        .parse::<Ipv4Addr>()
        .is_ok_and(|ip| !ip.is_loopback() && !ip.is_unspecified() && !ip.is_broadcast());
    real && !around && !goes_on
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(options: &Options, text: &str, expected: &[&str]) {
        let found = Identities::alone(options).find(text);
        let values: Vec<&str> = found.into_iter().map(|(range, _)| &text[range]).collect();
        assert_eq!(values, expected, "{text}");
    }

    #[test]
    fn addresses_are_told_from_versions_times_and_digests() {
        let ips = Options {
            ips: true,
            ..Options::default()
        };
        check(
            &ips,
            "dial tcp 10.0.0.10:53, [fd00::1]:443, 10.1.0.0/16 and fe80::a00:27ff:fe4e:66a1.",
            &[
                "10.0.0.10",
                "fd00::1",
                "10.1.0.0",
                "fe80::a00:27ff:fe4e:66a1",
            ],
        );
        check(&ips, "node ip-10-1-2-3 lost", &["ip-10-1-2-3"]);
        check(
            &ips,
            "v1.2.3.4 containerd-1.7.2.1 1.2.3.4.5 999.1.1.1 127.0.0.1 0.0.0.0 ::1 03:15:44 sha256:4c1d:: std::io aa:bb:cc:dd:ee:ff app-1.2.3.4-rc1",
            &[],
        );
    }

    #[test]
    fn mail_addresses_are_told_from_units_and_images() {
        let emails = Options {
            emails: true,
            ..Options::default()
        };
        check(
            &emails,
            "jane.doe+x@mail.example asked",
            &["jane.doe+x@mail.example"],
        );
        check(
            &emails,
            "getty@tty1.service r.example/shop@sha256:4c1d git@git.example:shop.git npm@10.2.3",
            &[],
        );
    }

    #[test]
    fn hosts_are_told_from_files_and_groups() {
        let hosts = Options {
            hosts: true,
            ..Options::default()
        };
        check(
            &hosts,
            "Get \"https://reg.shop.example:5000/v2/\": dial tcp: lookup reg.shop.example on 10.0.0.1:53; db.shop.svc.cluster.local",
            &[
                "reg.shop.example",
                "reg.shop.example",
                "db.shop.svc.cluster.local",
            ],
        );
        check(
            &hosts,
            "kubelet.log kuberuntime_image.go:43 events.k8s.io/v1 https://registry.k8s.io/pause:3.9 kubelet.service",
            &[],
        );
    }

    #[test]
    fn accounts_are_told_from_everybodys() {
        let names = Options {
            names: true,
            ..Options::default()
        };
        check(
            &names,
            "open /home/jane/x: user=jdoe triggered by: m.mustermann",
            &["jane", "jdoe", "m.mustermann"],
        );
        check(&names, "/home/root user=root user: system:node:n1", &[]);
    }
}
