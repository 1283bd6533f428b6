//! The cluster of an incident and everything that happens in it, before it is written to files.

use fastrand::Rng;
use serde_json::Value;

use super::wording::{self, Logrus, Runtime};

/// A pod and whom it belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Pod {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) container: String,
    pub(crate) image: String,
    pub(crate) owner: Owner,
}

/// A workload.
#[derive(Debug, Clone)]
pub(crate) struct Owner {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    /// Hash of its ReplicaSet.
    pub(crate) hash: String,
}

impl Owner {
    pub(crate) fn replica_set(&self) -> String {
        format!("{}-{}", self.name, self.hash)
    }
}

/// Who writes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Writer {
    Kubelet(usize),
    Runtime(usize),
    ControllerManager,
    ApiServer,
    Scheduler,
    Deploy,
    Registry,
    Audit,
}

/// A line of a log.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) writer: Writer,
    pub(crate) at: i64,
    pub(crate) level: char,
    pub(crate) text: String,
    /// What follows the message of a runtime's line.
    pub(crate) fields: String,
    pub(crate) tells: Option<usize>,
    /// It belongs to the happening, but does not say enough of it.
    pub(crate) hint: bool,
}

/// An Event of the API.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) at: i64,
    pub(crate) reason: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) warning: bool,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) field: Option<String>,
    pub(crate) message: String,
    pub(crate) component: &'static str,
    pub(crate) host: Option<String>,
    pub(crate) tells: Option<usize>,
    pub(crate) hint: bool,
}

/// One thing that happens.
#[derive(Debug, Clone)]
pub(crate) struct Happening {
    pub(crate) kind: &'static str,
    pub(crate) at: i64,
    pub(crate) node: Option<String>,
    pub(crate) pod: Option<String>,
    pub(crate) causes: Vec<usize>,
}

/// A cluster and its story so far.
pub(crate) struct World {
    pub(crate) rng: Rng,
    /// Minor version of Kubernetes.
    pub(crate) minor: u32,
    pub(crate) runtime: Runtime,
    pub(crate) nodes: Vec<String>,
    /// Nodes that a story or a look-alike has taken.
    taken: usize,
    /// Bytes of each node's disk.
    pub(crate) disk: u64,
    names: Vec<&'static str>,
    pub(crate) start: i64,
    pub(crate) lines: Vec<Line>,
    pub(crate) events: Vec<Event>,
    pub(crate) happenings: Vec<Happening>,
    pub(crate) registry: String,
    /// Nodes that went silent, and the time in which nothing of them is written.
    pub(crate) silent: Vec<(usize, i64, i64)>,
    /// Are Node objects in the bundle, and what do they say of the disk?
    pub(crate) needs_nodes: bool,
}

/// A stamp: `2024-05-22T03:15:44`, shifted by an offset in seconds.
pub(crate) fn iso(at: i64, offset_s: i64) -> String {
    let seconds = at.div_euclid(1000) + offset_s;
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days since 1970 to a civil date, after Howard Hinnant's algorithm.
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

const VERSIONS: &[u32] = &[
    19, 20, 21, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36,
];
const NAMES: &[&str] = &[
    "ledger",
    "search-indexer",
    "mailer",
    "geo-api",
    "thumbnailer",
    "billing-worker",
    "session-store",
    "feature-flags",
    "invoice-pdf",
    "web-frontend",
    "recommendations",
    "quota-service",
    "audit-export",
    "image-proxy",
    "report-builder",
    "stream-joiner",
    "catalog",
    "etl-runner",
    "push-gateway",
    "user-profile",
];
const NAMESPACES: &[&str] = &["prod", "default", "team-blue", "data", "platform", "apps"];

impl World {
    pub(crate) fn new(rng: &mut Rng) -> World {
        let mut rng = rng.fork();
        let minor = VERSIONS[rng.usize(0..VERSIONS.len())];
        let runtime = wording::runtime_for(minor, &mut rng);
        let count = match rng.u8(0..10) {
            0..=5 => rng.usize(6..12),
            6..=8 => rng.usize(12..40),
            _ => rng.usize(40..200),
        };
        let style = rng.u8(0..5);
        let pool = rng.u32(0x1000..0xffff);
        let nodes = (0..count)
            .map(|i| match style {
                0 => format!("worker-{i:02}"),
                1 => format!(
                    "ip-10-{}-{}-{}.eu-west-1.compute.internal",
                    20 + i % 3,
                    i / 250,
                    7 + i * 3
                ),
                2 => format!("gke-main-pool-{pool:04x}-{:04x}", 0x1a2b + i * 37),
                3 => format!("node{i:03}.dc2.example.org"),
                _ => format!("aks-nodepool1-{}-vmss{i:06}", 30_000_000 + pool),
            })
            .collect();
        let mut names: Vec<&'static str> = NAMES.to_vec();
        rng.shuffle(&mut names);
        // Some day between 2021 and 2026, some time of the day; now and then just before midnight or a new year.
        let day = rng.i64(18_700..20_700);
        let second = if rng.u8(0..10) == 0 {
            rng.i64(86_100..86_399)
        } else {
            rng.i64(0..86_400)
        };
        let registry = [
            "registry.example.org/team",
            "ghcr.io/acme",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com",
            "europe-docker.pkg.dev/proj-7/main",
            "harbor.example.net/library",
            "quay.io/acme",
        ][rng.usize(0..6)]
        .to_owned();
        World {
            minor,
            runtime,
            nodes,
            taken: 0,
            disk: 0,
            names,
            start: (day * 86_400 + second) * 1000 + rng.i64(0..1000),
            lines: Vec::new(),
            events: Vec::new(),
            happenings: Vec::new(),
            registry,
            silent: Vec::new(),
            needs_nodes: false,
            rng,
        }
        .with_disk()
    }

    /// The same cluster on another day: other nodes and other workloads are hit.
    pub(crate) fn again(&mut self, at: i64, rng: &mut Rng) {
        self.start = at;
        let by = rng.usize(0..self.nodes.len());
        self.nodes.rotate_left(by);
        rng.shuffle(&mut self.names);
    }

    fn with_disk(mut self) -> World {
        self.disk = self.rng.u64(20..400) << 30;
        self
    }

    /// Milliseconds between two bounds given in seconds.
    pub(crate) fn secs(&mut self, from: f64, to: f64) -> i64 {
        self.rng.i64((from * 1000.0) as i64..=(to * 1000.0) as i64)
    }

    /// Takes nodes that nobody else uses.
    pub(crate) fn take_nodes(&mut self, count: usize) -> Vec<usize> {
        let left = self.nodes.len() - self.taken;
        // The last ones may have to be shared, but one story never shares with itself.
        let count = count.min(self.nodes.len());
        let first = if left >= count { self.taken } else { 0 };
        self.taken = (first + count).min(self.nodes.len());
        (first..first + count).collect()
    }

    pub(crate) fn hex(&mut self, digits: usize) -> String {
        (0..digits)
            .map(|_| char::from_digit(self.rng.u32(0..16), 16).unwrap_or('0'))
            .collect()
    }

    pub(crate) fn digest(&mut self) -> String {
        format!("sha256:{}", self.hex(64))
    }

    pub(crate) fn uid(&mut self) -> String {
        format!(
            "{}-{}-4{}-a{}-{}",
            self.hex(8),
            self.hex(4),
            self.hex(3),
            self.hex(3),
            self.hex(12)
        )
    }

    fn letters(&mut self, count: usize) -> String {
        const SAFE: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        (0..count)
            .map(|_| char::from(SAFE[self.rng.usize(0..SAFE.len())]))
            .collect()
    }

    /// A workload that nothing else of this incident is about.
    pub(crate) fn owner(&mut self, kind: &'static str) -> Owner {
        let name = self
            .names
            .pop()
            .map_or_else(|| format!("svc-{}", self.letters(4)), str::to_owned);
        let namespace = NAMESPACES[self.rng.usize(0..NAMESPACES.len())].to_owned();
        let hash = self.letters(10);
        Owner {
            namespace,
            name,
            kind,
            hash,
        }
    }

    pub(crate) fn image_of(&mut self, owner: &Owner) -> String {
        let tag = match self.rng.u8(0..4) {
            0 => "latest".to_owned(),
            1 => format!(
                "v{}.{}.{}",
                self.rng.u8(0..9),
                self.rng.u8(0..40),
                self.rng.u8(0..20)
            ),
            2 => format!("rel-{}", self.rng.u16(100..2000)),
            _ => self.hex(8),
        };
        format!("{}/{}:{tag}", self.registry, owner.name)
    }

    pub(crate) fn pod(&mut self, owner: &Owner, image: &str, ordinal: usize) -> Pod {
        let name = match owner.kind {
            "Deployment" => format!("{}-{}", owner.replica_set(), self.letters(5)),
            "StatefulSet" => format!("{}-{ordinal}", owner.name),
            _ => format!("{}-{}", owner.name, self.letters(5)),
        };
        let container = if self.rng.bool() {
            "app".to_owned()
        } else {
            owner.name.clone()
        };
        Pod {
            namespace: owner.namespace.clone(),
            name,
            uid: self.uid(),
            container,
            image: image.to_owned(),
            owner: owner.clone(),
        }
    }

    pub(crate) fn happen(
        &mut self,
        kind: &'static str,
        at: i64,
        node: Option<usize>,
        pod: Option<&Pod>,
        causes: &[usize],
    ) -> usize {
        self.happenings.push(Happening {
            kind,
            at,
            node: node.map(|n| self.nodes[n].clone()),
            pod: pod.map(|p| p.name.clone()),
            causes: causes.to_vec(),
        });
        self.happenings.len() - 1
    }

    pub(crate) fn line(
        &mut self,
        writer: Writer,
        at: i64,
        level: char,
        text: impl Into<String>,
        tells: Option<usize>,
    ) {
        self.lines.push(Line {
            writer,
            at,
            level,
            text: text.into(),
            fields: String::new(),
            tells,
            hint: false,
        });
    }

    /// A line that belongs to a happening without saying all of it.
    pub(crate) fn hint(
        &mut self,
        writer: Writer,
        at: i64,
        level: char,
        text: impl Into<String>,
        tells: Option<usize>,
    ) {
        self.lines.push(Line {
            writer,
            at,
            level,
            text: text.into(),
            fields: String::new(),
            tells,
            hint: true,
        });
    }

    fn logrus(
        &mut self,
        node: usize,
        at: i64,
        level: char,
        (text, fields): Logrus,
        tells: Option<usize>,
    ) {
        self.lines.push(Line {
            writer: Writer::Runtime(node),
            at,
            level,
            text,
            fields,
            tells,
            hint: false,
        });
    }

    pub(crate) fn json(&mut self, writer: Writer, at: i64, value: &Value, tells: Option<usize>) {
        self.line(writer, at, 'I', value.to_string(), tells);
    }

    /// The last Event so far is only a hint.
    fn hinted(&mut self) {
        if let Some(event) = self.events.last_mut() {
            event.hint = true;
        }
    }

    pub(crate) fn pod_event(
        &mut self,
        at: i64,
        reason: &'static str,
        warning: bool,
        pod: &Pod,
        field: bool,
        message: String,
        component: &'static str,
        node: Option<usize>,
        tells: Option<usize>,
    ) {
        self.events.push(Event {
            at,
            reason,
            kind: "Pod",
            warning,
            namespace: pod.namespace.clone(),
            name: pod.name.clone(),
            uid: pod.uid.clone(),
            field: field.then(|| format!("spec.containers{{{}}}", pod.container)),
            message,
            component,
            host: node.map(|n| self.nodes[n].clone()),
            tells,
            hint: false,
        });
    }

    pub(crate) fn node_event(
        &mut self,
        at: i64,
        reason: &'static str,
        warning: bool,
        node: usize,
        message: String,
        component: &'static str,
        tells: Option<usize>,
    ) {
        let name = self.nodes[node].clone();
        self.events.push(Event {
            at,
            reason,
            kind: "Node",
            warning,
            namespace: "default".to_owned(),
            name: name.clone(),
            uid: name.clone(),
            field: None,
            message,
            component,
            host: (component == "kubelet").then_some(name),
            tells,
            hint: false,
        });
    }

    pub(crate) fn owner_event(
        &mut self,
        at: i64,
        reason: &'static str,
        kind: &'static str,
        owner: &Owner,
        name: String,
        message: String,
        component: &'static str,
        tells: Option<usize>,
    ) {
        let uid = self.uid();
        self.events.push(Event {
            at,
            reason,
            kind,
            warning: false,
            namespace: owner.namespace.clone(),
            name,
            uid,
            field: None,
            message,
            component,
            host: None,
            tells,
            hint: false,
        });
    }

    // ---- what happens, and who tells it ---------------------------------------------------------------------------------

    /// A controller makes a pod.
    pub(crate) fn pod_created(&mut self, at: i64, pod: &Pod, causes: &[usize]) -> usize {
        let id = self.happen("pod_created", at, None, Some(pod), causes);
        let owner = pod.owner.clone();
        match owner.kind {
            "Deployment" => {
                self.owner_event(
                    at,
                    "SuccessfulCreate",
                    "ReplicaSet",
                    &owner,
                    owner.replica_set(),
                    format!("Created pod: {}", pod.name),
                    "replicaset-controller",
                    Some(id),
                );
                let text = wording::too_few_replicas(&owner.namespace, &owner.replica_set());
                self.line(Writer::ControllerManager, at - 2, 'I', text, None);
            }
            "StatefulSet" => self.owner_event(
                at,
                "SuccessfulCreate",
                "StatefulSet",
                &owner,
                owner.name.clone(),
                format!(
                    "create Pod {} in StatefulSet {} successful",
                    pod.name, owner.name
                ),
                "statefulset-controller",
                Some(id),
            ),
            "DaemonSet" => self.owner_event(
                at,
                "SuccessfulCreate",
                "DaemonSet",
                &owner,
                owner.name.clone(),
                format!("Created pod: {}", pod.name),
                "daemonset-controller",
                Some(id),
            ),
            _ => self.owner_event(
                at,
                "SuccessfulCreate",
                "Job",
                &owner,
                owner.name.clone(),
                format!("Created pod: {}", pod.name),
                "job-controller",
                None,
            ),
        }
        id
    }

    pub(crate) fn scheduled(&mut self, at: i64, pod: &Pod, node: usize, causes: &[usize]) -> usize {
        let id = self.happen("scheduled", at, Some(node), Some(pod), causes);
        let name = self.nodes[node].clone();
        self.pod_event(
            at,
            "Scheduled",
            false,
            pod,
            false,
            format!(
                "Successfully assigned {}/{} to {name}",
                pod.namespace, pod.name
            ),
            "default-scheduler",
            None,
            Some(id),
        );
        if self.minor >= 21 {
            let total = self.nodes.len();
            self.line(Writer::Scheduler, at, 'I', format!("\"Successfully bound pod to node\" pod=\"{}/{}\" node=\"{name}\" evaluatedNodes={total} feasibleNodes={}", pod.namespace, pod.name, total.saturating_sub(1).max(1)), Some(id));
        }
        id
    }

    pub(crate) fn pulling(&mut self, at: i64, pod: &Pod, node: usize, causes: &[usize]) -> usize {
        let id = self.happen("pulling", at, Some(node), Some(pod), causes);
        self.pod_event(
            at,
            "Pulling",
            false,
            pod,
            true,
            format!("Pulling image \"{}\"", pod.image),
            "kubelet",
            Some(node),
            Some(id),
        );
        if let Some(text) = wording::runtime_pulling(self.runtime, &pod.image) {
            self.logrus(node, at + 4, 'I', text, Some(id));
        }
        id
    }

    pub(crate) fn pulled(
        &mut self,
        at: i64,
        took: i64,
        pod: &Pod,
        node: usize,
        causes: &[usize],
    ) -> usize {
        let id = self.happen("pulled", at, Some(node), Some(pod), causes);
        let bytes = self.rng.u64(20_000_000..900_000_000);
        let text = wording::pulled(self.minor, &pod.image, took, bytes);
        self.pod_event(
            at + 3,
            "Pulled",
            false,
            pod,
            true,
            text,
            "kubelet",
            Some(node),
            Some(id),
        );
        let (a, b) = (self.digest(), self.digest());
        if let Some(text) = wording::runtime_pulled(self.runtime, &pod.image, &a, &b, bytes, took) {
            self.logrus(node, at, 'I', text, Some(id));
        }
        self.pod_event(
            at + 40,
            "Created",
            false,
            pod,
            true,
            wording::created(self.minor, &pod.container),
            "kubelet",
            Some(node),
            None,
        );
        self.pod_event(
            at + 130,
            "Started",
            false,
            pod,
            true,
            wording::started(self.minor, &pod.container),
            "kubelet",
            Some(node),
            None,
        );
        id
    }

    /// A pull fails: the runtime's error, and the gRPC code with which the kubelet gets it.
    pub(crate) fn pull_failed(
        &mut self,
        at: i64,
        pod: &Pod,
        node: usize,
        (code, error): &(&str, String),
        causes: &[usize],
    ) -> usize {
        let id = self.happen("pull_failed", at, Some(node), Some(pod), causes);
        let full = wording::wrapped(self.runtime, self.minor, &pod.image, error, code);
        self.pod_event(
            at + 2,
            "Failed",
            true,
            pod,
            true,
            format!("Failed to pull image \"{}\": {full}", pod.image),
            "kubelet",
            Some(node),
            Some(id),
        );
        self.pod_event(
            at + 3,
            "Failed",
            true,
            pod,
            true,
            "Error: ErrImagePull".to_owned(),
            "kubelet",
            Some(node),
            Some(id),
        );
        self.hinted();
        for text in wording::kubelet_pull_failed(self.minor, pod, &full) {
            self.line(Writer::Kubelet(node), at + 1, 'E', text, Some(id));
        }
        if let Some(text) = wording::runtime_pull_failed(self.runtime, &pod.image, error) {
            self.logrus(node, at, 'E', text, Some(id));
        }
        id
    }

    pub(crate) fn pull_backoff(
        &mut self,
        at: i64,
        pod: &Pod,
        node: usize,
        causes: &[usize],
    ) -> usize {
        let id = self.happen("pull_backoff", at, Some(node), Some(pod), causes);
        self.pod_event(
            at,
            "BackOff",
            false,
            pod,
            true,
            format!("Back-off pulling image \"{}\"", pod.image),
            "kubelet",
            Some(node),
            Some(id),
        );
        self.pod_event(
            at + 1,
            "Failed",
            true,
            pod,
            true,
            "Error: ImagePullBackOff".to_owned(),
            "kubelet",
            Some(node),
            Some(id),
        );
        let inner = format!(
            "failed to \"StartContainer\" for \"{}\" with ImagePullBackOff: \"Back-off pulling image \\\"{}\\\"\"",
            pod.container, pod.image
        );
        let text = wording::error_syncing(self.minor, pod, &inner);
        self.line(Writer::Kubelet(node), at + 2, 'E', text, Some(id));
        id
    }

    pub(crate) fn threshold_met(
        &mut self,
        at: i64,
        node: usize,
        resource: &str,
        causes: &[usize],
    ) -> usize {
        let id = self.happen("eviction_threshold_met", at, Some(node), None, causes);
        let text = wording::attempting_to_reclaim(self.minor, resource);
        self.line(
            Writer::Kubelet(node),
            at,
            if self.minor <= 20 { 'W' } else { 'I' },
            text,
            Some(id),
        );
        self.node_event(
            at + 2,
            "EvictionThresholdMet",
            true,
            node,
            format!("Attempting to reclaim {resource}"),
            "kubelet",
            Some(id),
        );
        id
    }

    pub(crate) fn pressure(
        &mut self,
        at: i64,
        node: usize,
        kind: &'static str,
        event: &'static str,
        causes: &[usize],
    ) -> usize {
        let id = self.happen(kind, at, Some(node), None, causes);
        let name = self.nodes[node].clone();
        let text = wording::recording_event(self.minor, &name, event);
        self.line(Writer::Kubelet(node), at, 'I', text, Some(id));
        self.node_event(
            at + 1,
            event,
            false,
            node,
            format!("Node {name} status is now: {event}"),
            "kubelet",
            Some(id),
        );
        id
    }

    /// The kubelet evicts a pod: what it had in mind, what was free, and what each container was using and had asked for.
    pub(crate) fn evicted(
        &mut self,
        at: i64,
        pod: &Pod,
        node: usize,
        resource: &str,
        (threshold, available): (&str, &str),
        uses: &[(String, String, String)],
        causes: &[usize],
    ) -> usize {
        let id = self.happen("evicted", at, Some(node), Some(pod), causes);
        let message = wording::low_on_resource(self.minor, resource, threshold, available, uses);
        self.hint(
            Writer::Kubelet(node),
            at - 60,
            'I',
            wording::must_evict(self.minor, resource),
            Some(id),
        );
        self.hint(
            Writer::Kubelet(node),
            at - 50,
            'I',
            wording::ranked(self.minor, std::slice::from_ref(pod)),
            Some(id),
        );
        self.pod_event(
            at,
            "Evicted",
            true,
            pod,
            false,
            message,
            "kubelet",
            Some(node),
            Some(id),
        );
        let text = wording::pod_is_evicted(self.minor, pod);
        self.hint(Writer::Kubelet(node), at + 5, 'I', text, Some(id));
        self.pod_event(
            at + 8,
            "Killing",
            false,
            pod,
            true,
            format!("Stopping container {}", pod.container),
            "kubelet",
            Some(node),
            None,
        );
        id
    }

    /// A pod is made and sent to a node that is under pressure: it never starts.
    pub(crate) fn rejected(
        &mut self,
        at: i64,
        pod: &Pod,
        node: usize,
        condition: &str,
        causes: &[usize],
    ) -> usize {
        let id = self.happen("evicted", at, Some(node), Some(pod), causes);
        self.pod_event(
            at,
            "Evicted",
            true,
            pod,
            false,
            format!("The node had condition: [{condition}]. "),
            "kubelet",
            Some(node),
            Some(id),
        );
        id
    }

    pub(crate) fn failed_scheduling(
        &mut self,
        at: i64,
        pod: &Pod,
        why: &str,
        causes: &[usize],
    ) -> usize {
        let id = self.happen("failed_scheduling", at, None, Some(pod), causes);
        let total = self.nodes.len();
        let tail = if self.minor >= 24 {
            format!(
                " preemption: 0/{total} nodes are available: {total} Preemption is not helpful for scheduling."
            )
        } else {
            String::new()
        };
        let message = format!("0/{total} nodes are available: {total} {why}.{tail}");
        self.pod_event(
            at,
            "FailedScheduling",
            true,
            pod,
            false,
            message.clone(),
            "default-scheduler",
            None,
            Some(id),
        );
        if self.minor >= 24 {
            self.line(
                Writer::Scheduler,
                at,
                'I',
                format!(
                    "\"Unable to schedule pod; no fit; waiting\" pod=\"{}/{}\" err=\"{message}\"",
                    pod.namespace, pod.name
                ),
                Some(id),
            );
        }
        id
    }

    /// The control plane has not heard of a node for the grace period: it says so, and at its next look taints the node.
    pub(crate) fn node_silent(
        &mut self,
        died: i64,
        node: usize,
        causes: &[usize],
    ) -> (usize, usize) {
        self.silent.push((node, died, i64::MAX));
        let grace = if self.minor >= 32 { 50_000 } else { 40_000 };
        let at = died + grace - self.secs(0.0, 9.0) + self.secs(0.0, 5.0);
        let name = self.nodes[node].clone();
        let stale = self.happen("status_stale", at, Some(node), None, causes);
        let lost = self.happen("node_not_ready", at + 30, Some(node), None, &[stale]);
        let mut later = 0;
        for text in wording::node_not_updated(self.minor, &name, at, grace + 123) {
            // The first tells an ageing condition, the second, at the next look, the verdict.
            if later == 0 {
                self.hint(Writer::ControllerManager, at, 'I', text, Some(stale));
            } else {
                self.line(
                    Writer::ControllerManager,
                    at + later,
                    'I',
                    text,
                    Some(stale),
                );
            }
            later += 5_010;
        }
        let text = wording::status_change(self.minor, &name);
        self.line(Writer::ControllerManager, at + 30, 'I', text, Some(lost));
        self.node_event(
            at + 32,
            "NodeNotReady",
            false,
            node,
            format!("Node {name} status is now: NodeNotReady"),
            "node-controller",
            Some(lost),
        );
        (stale, lost)
    }

    /// A node is heard of again.
    pub(crate) fn node_back(&mut self, at: i64, node: usize) -> usize {
        let name = self.nodes[node].clone();
        let id = self.happen("node_ready", at, Some(node), None, &[]);
        self.node_event(
            at,
            "NodeReady",
            false,
            node,
            format!("Node {name} status is now: NodeReady"),
            "kubelet",
            Some(id),
        );
        let text = wording::recording_event(self.minor, &name, "NodeReady");
        self.line(Writer::Kubelet(node), at, 'I', text, Some(id));
        let text = wording::healthy_again(self.minor, &name);
        self.hint(Writer::ControllerManager, at + 2_000, 'I', text, None);
        id
    }

    pub(crate) fn taint_eviction(
        &mut self,
        at: i64,
        pod: &Pod,
        node: usize,
        causes: &[usize],
    ) -> usize {
        let id = self.happen("taint_eviction", at, Some(node), Some(pod), causes);
        let component = if self.minor <= 28 {
            "taint-controller"
        } else {
            "taint-eviction-controller"
        };
        self.pod_event(
            at,
            "TaintManagerEviction",
            false,
            pod,
            false,
            format!("Marking for deletion Pod {}/{}", pod.namespace, pod.name),
            component,
            None,
            Some(id),
        );
        let text = wording::taint_manager_deletes(self.minor, pod);
        self.line(Writer::ControllerManager, at, 'I', text, Some(id));
        id
    }

    /// A change is rolled out.
    pub(crate) fn deploy(
        &mut self,
        at: i64,
        owner: &Owner,
        image: &str,
        causes: &[usize],
    ) -> usize {
        let id = self.happen("deploy_started", at, None, None, causes);
        let user = [
            "alice@example.org",
            "deploy-bot",
            "system:serviceaccount:cicd:runner",
            "kubernetes-admin",
        ][self.rng.usize(0..4)];
        let uid = self.uid();
        let value = wording::audit_patch(at, &uid, owner, image, user);
        self.json(Writer::Audit, at, &value, Some(id));
        for (index, (tells, text)) in wording::deploy_log(owner, image).into_iter().enumerate() {
            let at = at + 150 * index as i64;
            if tells {
                self.line(Writer::Deploy, at, 'I', text, Some(id));
            } else {
                self.hint(Writer::Deploy, at - 200, 'I', text, Some(id));
            }
        }
        if owner.kind == "Deployment" {
            let text = wording::scaled_up(self.minor, &owner.replica_set(), 0, 1);
            self.owner_event(
                at + 60,
                "ScalingReplicaSet",
                "Deployment",
                owner,
                owner.name.clone(),
                text,
                "deployment-controller",
                Some(id),
            );
            self.hinted();
        }
        id
    }

    pub(crate) fn pushed(&mut self, at: i64, image: &str, digest: &str) -> usize {
        let id = self.happen("image_pushed", at, None, None, &[]);
        let uid = self.uid();
        let value = wording::push_notification(at, &uid, image, digest);
        self.json(Writer::Registry, at, &value, Some(id));
        id
    }

    pub(crate) fn rolled_back(&mut self, at: i64, owner: &Owner, causes: &[usize]) -> usize {
        let id = self.happen("rollback", at, None, None, causes);
        let kind = owner.kind.to_lowercase();
        self.line(
            Writer::Deploy,
            at,
            'I',
            format!("{kind}.apps/{} rolled back", owner.name),
            Some(id),
        );
        id
    }

    /// What goes on in a healthy cluster all the time.
    pub(crate) fn daily_life(&mut self) {
        let (from, to) = self.span();
        for node in 0..self.nodes.len().min(12) {
            for _ in 0..self.rng.usize(2..8) {
                let at = self.rng.i64(from - 600_000..=to + 120_000);
                let mut rng = self.rng.fork();
                let text = wording::idle_kubelet(self.minor, &mut rng);
                self.line(Writer::Kubelet(node), at, 'I', text, None);
            }
        }
        for _ in 0..self.rng.usize(0..4) {
            // Not where a story is: the scheduler would not put it on a node under pressure.
            if self.taken >= self.nodes.len() {
                return;
            }
            let owner = self.owner("Deployment");
            let image = self.image_of(&owner);
            let node = self.rng.usize(self.taken..self.nodes.len());
            let pod = self.pod(&owner, &image, 0);
            let at = self.rng.i64(from - 900_000..=to);
            self.healthy_start(at, &pod, node, &[]);
        }
    }

    /// A pod that is made, placed, pulled and started as it should be. Returns when it ran.
    pub(crate) fn healthy_start(
        &mut self,
        at: i64,
        pod: &Pod,
        node: usize,
        causes: &[usize],
    ) -> i64 {
        let made = self.pod_created(at, pod, causes);
        let placed_at = at + self.secs(0.01, 0.4);
        let placed = self.scheduled(placed_at, pod, node, &[made]);
        let pull_at = placed_at + self.secs(0.3, 3.0);
        let pull = self.pulling(pull_at, pod, node, &[placed]);
        let took = self.secs(0.4, 25.0);
        self.pulled(pull_at + took, took, pod, node, &[pull]);
        pull_at + took + 200
    }

    /// First and last time so far.
    pub(crate) fn span(&self) -> (i64, i64) {
        let times = self.happenings.iter().map(|h| h.at);
        (
            times.clone().min().unwrap_or(self.start),
            times.max().unwrap_or(self.start),
        )
    }
}
