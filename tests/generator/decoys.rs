//! What looks like a cascade and is none: planned changes, self-healed warnings, words that mean something else.

use serde_json::json;

use super::wording;
use super::world::{World, Writer};

/// Every look-alike.
pub(crate) const NAMES: &[&str] = &[
    "drain",
    "cordon",
    "scale_down",
    "rolling_update",
    "autoscaler_step",
    "job_completion",
    "node_replacement",
    "startup_warnings",
    "stale_event",
    "blob_unknown",
    "inotify_limit",
    "cgroup_limit",
    "shm_full",
    "tmpfs_full",
    "quota_exceeded",
    "own_volume_full",
    "emptydir_limit",
    "leader_election",
    "deletion_cancelled",
    "tolerations",
    "lease_during_outage",
    "all_nodes_unknown",
    "clock_jump",
    "pull_healed",
    "scheduled_later",
    "one_crash",
    "oom_once",
];

/// Adds one look-alike somewhere around the time of the stories.
pub(crate) fn add(w: &mut World, name: &str, alone: bool) {
    let at = w.start + w.secs(-300.0, 300.0);
    match name {
        "drain" => drain(w, at, true),
        "cordon" => drain(w, at, false),
        "scale_down" => scale_down(w, at),
        "rolling_update" => rolling_update(w, at),
        "autoscaler_step" => autoscaler_step(w, at),
        "job_completion" => job_completion(w, at),
        "node_replacement" => node_replacement(w, at),
        "startup_warnings" => startup_warnings(w, at),
        "stale_event" => stale_event(w, at),
        "blob_unknown" => blob_unknown(w, at),
        "leader_election" => leader_election(w, at),
        "deletion_cancelled" => deletion_cancelled(w, at),
        "tolerations" => tolerations(w, at),
        "lease_during_outage" => lease_during_outage(w, at),
        // A story beside it would drown in the outage.
        "all_nodes_unknown" if alone => all_nodes_unknown(w, at),
        "all_nodes_unknown" => lease_during_outage(w, at),
        "clock_jump" => clock_jump(w, at),
        "pull_healed" => pull_healed(w, at),
        "scheduled_later" => scheduled_later(w, at),
        "one_crash" => one_crash(w, at),
        "oom_once" => oom_once(w, at),
        "emptydir_limit" => emptydir_limit(w, at),
        other => full_of_another_kind(w, at, other),
    }
}

fn quiet_node(w: &mut World) -> usize {
    w.take_nodes(1)[0]
}

fn drain(w: &mut World, at: i64, evict: bool) {
    let node = quiet_node(w);
    let name = w.nodes[node].clone();
    let id = w.uid();
    let uri = format!("/api/v1/nodes/{name}?fieldManager=kubectl-cordon");
    let value = wording::audit_other(
        at,
        &id,
        "patch",
        &uri,
        json!({"resource": "nodes", "name": name, "apiVersion": "v1"}),
        json!({"spec": {"unschedulable": true}}),
    );
    w.json(Writer::Audit, at, &value, None);
    w.line(
        Writer::Deploy,
        at + 20,
        'I',
        format!("node/{name} cordoned"),
        None,
    );
    w.node_event(
        at + 900,
        "NodeNotSchedulable",
        false,
        node,
        format!("Node {name} status is now: NodeNotSchedulable"),
        "kubelet",
        None,
    );
    if !evict {
        return;
    }
    let mut when = at + 1_500;
    for _ in 0..w.rng.usize(1..4) {
        let owner = w.owner("Deployment");
        let image = w.image_of(&owner);
        let pod = w.pod(&owner, &image, 0);
        w.line(
            Writer::Deploy,
            when,
            'I',
            format!("evicting pod {}/{}", pod.namespace, pod.name),
            None,
        );
        w.pod_event(
            when + 40,
            "Killing",
            false,
            &pod,
            true,
            format!("Stopping container {}", pod.container),
            "kubelet",
            Some(node),
            None,
        );
        let next = w.pod(&owner, &image, 0);
        let elsewhere = (node + 1) % w.nodes.len();
        w.healthy_start(when + 300, &next, elsewhere, &[]);
        when += w.secs(1.0, 30.0);
    }
    w.line(
        Writer::Deploy,
        when + 30_000,
        'I',
        format!("node/{name} drained"),
        None,
    );
}

fn scale_down(w: &mut World, at: i64) {
    let owner = w.owner("Deployment");
    let image = w.image_of(&owner);
    let text = wording::scaled_down(w.minor, &owner.replica_set(), 5, 2);
    w.owner_event(
        at,
        "ScalingReplicaSet",
        "Deployment",
        &owner,
        owner.name.clone(),
        text,
        "deployment-controller",
        None,
    );
    for _ in 0..3 {
        let pod = w.pod(&owner, &image, 0);
        let node = w.rng.usize(0..w.nodes.len());
        w.owner_event(
            at + 50,
            "SuccessfulDelete",
            "ReplicaSet",
            &owner,
            owner.replica_set(),
            format!("Deleted pod: {}", pod.name),
            "replicaset-controller",
            None,
        );
        w.pod_event(
            at + 300,
            "Killing",
            false,
            &pod,
            true,
            format!("Stopping container {}", pod.container),
            "kubelet",
            Some(node),
            None,
        );
    }
}

fn rolling_update(w: &mut World, at: i64) {
    let owner = w.owner("Deployment");
    let image = w.image_of(&owner);
    let digest = w.digest();
    let push = w.pushed(at - 200_000, &image, &digest);
    let deploy = w.deploy(at, &owner, &image, &[push]);
    let mut when = at + 120;
    for _ in 0..w.rng.usize(2..5) {
        let pod = w.pod(&owner, &image, 0);
        let node = w.rng.usize(0..w.nodes.len());
        let up = w.healthy_start(when, &pod, node, &[deploy]);
        let mut old = owner.clone();
        old.hash = "7c9f5d6b8d".to_owned();
        let gone = w.pod(&old, &image, 0);
        w.pod_event(
            up + 4_000,
            "Killing",
            false,
            &gone,
            true,
            format!("Stopping container {}", gone.container),
            "kubelet",
            Some(node),
            None,
        );
        w.owner_event(
            up + 3_900,
            "SuccessfulDelete",
            "ReplicaSet",
            &old,
            old.replica_set(),
            format!("Deleted pod: {}", gone.name),
            "replicaset-controller",
            None,
        );
        when = up + 5_000;
    }
    let finished = format!("deployment \"{}\" successfully rolled out", owner.name);
    w.line(Writer::Deploy, when + 2_000, 'I', finished, None);
}

fn autoscaler_step(w: &mut World, at: i64) {
    let owner = w.owner("Deployment");
    let image = w.image_of(&owner);
    w.owner_event(
        at,
        "SuccessfulRescale",
        "HorizontalPodAutoscaler",
        &owner,
        owner.name.clone(),
        "New size: 6; reason: cpu resource utilization (percentage of request) above target"
            .to_owned(),
        "horizontal-pod-autoscaler",
        None,
    );
    let text = wording::scaled_up(w.minor, &owner.replica_set(), 4, 6);
    w.owner_event(
        at + 60,
        "ScalingReplicaSet",
        "Deployment",
        &owner,
        owner.name.clone(),
        text,
        "deployment-controller",
        None,
    );
    for _ in 0..2 {
        let pod = w.pod(&owner, &image, 0);
        let node = w.rng.usize(0..w.nodes.len());
        w.healthy_start(at + 150, &pod, node, &[]);
    }
}

fn job_completion(w: &mut World, at: i64) {
    let owner = w.owner("Job");
    let image = w.image_of(&owner);
    let pod = w.pod(&owner, &image, 0);
    let node = w.rng.usize(0..w.nodes.len());
    let up = w.healthy_start(at, &pod, node, &[]);
    w.owner_event(
        up + 40_000,
        "Completed",
        "Job",
        &owner,
        owner.name.clone(),
        "Job completed".to_owned(),
        "job-controller",
        None,
    );
}

/// A node is made, is not ready for a moment, and joins; an old one is taken away.
fn node_replacement(w: &mut World, at: i64) {
    let node = quiet_node(w);
    let name = w.nodes[node].clone();
    w.node_event(
        at,
        "Starting",
        false,
        node,
        "Starting kubelet.".to_owned(),
        "kubelet",
        None,
    );
    for (event, later) in [
        ("NodeHasSufficientMemory", 40),
        ("NodeHasNoDiskPressure", 41),
        ("NodeHasSufficientPID", 42),
    ] {
        let text = wording::recording_event(w.minor, &name, event);
        w.line(Writer::Kubelet(node), at + later, 'I', text, None);
        w.node_event(
            at + later,
            event,
            false,
            node,
            format!("Node {name} status is now: {event}"),
            "kubelet",
            None,
        );
    }
    w.node_event(
        at + 2_000,
        "RegisteredNode",
        false,
        node,
        format!("Node {name} event: Registered Node {name} in Controller"),
        "node-controller",
        None,
    );
    w.node_event(
        at + 11_000,
        "NodeReady",
        false,
        node,
        format!("Node {name} status is now: NodeReady"),
        "kubelet",
        None,
    );
    let old = quiet_node(w);
    let old_name = w.nodes[old].clone();
    w.node_event(
        at + 95_000,
        "RemovingNode",
        false,
        old,
        format!("Node {old_name} event: Removing Node {old_name} from Controller"),
        "node-controller",
        None,
    );
}

fn startup_warnings(w: &mut World, at: i64) {
    let node = quiet_node(w);
    let (minor, name) = (w.minor, w.nodes[node].clone());
    w.node_event(
        at,
        "Starting",
        false,
        node,
        "Starting kubelet.".to_owned(),
        "kubelet",
        None,
    );
    w.line(
        Writer::Kubelet(node),
        at + 20,
        'E',
        wording::gc_failed_once(minor, "invalid capacity 0 on image filesystem"),
        None,
    );
    w.node_event(
        at + 22,
        "InvalidDiskCapacity",
        true,
        node,
        "invalid capacity 0 on image filesystem".to_owned(),
        "kubelet",
        None,
    );
    w.line(Writer::Kubelet(node), at + 60, 'E', wording::skipping_sync(minor, "[container runtime status check may not have completed yet, PLEG is not healthy: pleg has yet to be successful]"), None);
    w.line(
        Writer::Kubelet(node),
        at + 170,
        'I',
        wording::recording_event(minor, &name, "NodeHasNoDiskPressure"),
        None,
    );
    w.node_event(
        at + 171,
        "NodeHasNoDiskPressure",
        false,
        node,
        format!("Node {name} status is now: NodeHasNoDiskPressure"),
        "kubelet",
        None,
    );
    w.node_event(
        at + 400,
        "NodeNotReady",
        false,
        node,
        format!("Node {name} status is now: NodeNotReady"),
        "kubelet",
        None,
    );
    w.node_event(
        at + 10_800,
        "NodeReady",
        false,
        node,
        format!("Node {name} status is now: NodeReady"),
        "kubelet",
        None,
    );
}

/// An Event from most of an hour before: one pull failed then, and the next one worked.
fn stale_event(w: &mut World, at: i64) {
    let at = at - w.secs(2400.0, 3300.0);
    pull_healed(w, at);
}

fn blob_unknown(w: &mut World, at: i64) {
    let digest = w.digest();
    let at = at - 5_000;
    for step in 0..3 {
        let text = format!(
            "time=\"{}.123456789Z\" level=error msg=\"response completed with error\" err.code=\"blob unknown\" err.message=\"blob unknown to registry\" http.request.method=HEAD http.request.uri=\"/v2/tools/base/blobs/{digest}\" http.response.status=404 vars.digest=\"{digest}\" vars.name=tools/base",
            super::world::iso(at + step * 100, 0)
        );
        w.line(Writer::Registry, at + step * 100, 'E', text, None);
    }
}

/// The same errno from something that is not the node's disk.
fn full_of_another_kind(w: &mut World, at: i64, kind: &str) {
    let node = quiet_node(w);
    let owner = w.owner("Deployment");
    let image = w.image_of(&owner);
    let pod = w.pod(&owner, &image, 0);
    let n = w.rng.u32(1..99);
    match kind {
        "inotify_limit" => w.line(Writer::Kubelet(node), at, 'W', format!("Error while processing event (\"/sys/fs/cgroup/devices/system.slice/run-{n}.scope\": 0x40000100 == IN_CREATE|IN_ISDIR): inotify_add_watch /sys/fs/cgroup/devices/system.slice/run-{n}.scope: no space left on device"), None),
        "cgroup_limit" => w.line(Writer::Kubelet(node), at, 'E', format!("Failed to create cgroup: mkdir /sys/fs/cgroup/memory/kubepods/burstable/pod{}: no space left on device", pod.uid), None),
        "shm_full" => w.pod_event(at, "Unhealthy", true, &pod, true, "Liveness probe failed: could not write /dev/shm/PostgreSQL.1234: no space left on device".to_owned(), "kubelet", Some(node), None),
        "tmpfs_full" => w.pod_event(at, "FailedMount", true, &pod, false, format!("MountVolume.SetUp failed for volume \"kube-api-access-x{n}\" : write /var/lib/kubelet/pods/{}/volumes/kubernetes.io~projected/kube-api-access-x{n}/..2024/token: no space left on device", pod.uid), "kubelet", Some(node), None),
        "quota_exceeded" => w.line(Writer::Kubelet(node), at, 'E', format!("Error writing file in pod volume: write /var/lib/kubelet/pods/{}/volumes/kubernetes.io~csi/data/mount/x.db: disk quota exceeded", pod.uid), None),
        _ => w.pod_event(at, "Unhealthy", true, &pod, true, "Readiness probe failed: ERROR: could not extend file \"base/16384/2619\": No space left on device. HINT: Check free disk space.".to_owned(), "kubelet", Some(node), None),
    }
}

/// A pod that broke a limit of its own: no node was short of anything.
fn emptydir_limit(w: &mut World, at: i64) {
    let node = quiet_node(w);
    let owner = w.owner("Deployment");
    let image = w.image_of(&owner);
    let pod = w.pod(&owner, &image, 0);
    let text = if w.rng.bool() {
        "Usage of EmptyDir volume \"cache\" exceeds the limit \"1Gi\". ".to_owned()
    } else {
        format!(
            "Container {} exceeded its local ephemeral storage limit \"2Gi\". ",
            pod.container
        )
    };
    w.pod_event(
        at,
        "Evicted",
        true,
        &pod,
        false,
        text,
        "kubelet",
        Some(node),
        None,
    );
    w.pod_event(
        at + 8,
        "Killing",
        false,
        &pod,
        true,
        format!("Stopping container {}", pod.container),
        "kubelet",
        Some(node),
        None,
    );
    let next = w.pod(&owner, &image, 0);
    w.healthy_start(at + 400, &next, node, &[]);
}

fn leader_election(w: &mut World, at: i64) {
    w.line(Writer::ControllerManager, at, 'E', "error retrieving resource lock kube-system/kube-controller-manager: Get \"https://10.0.0.1:6443/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-controller-manager?timeout=5s\": context deadline exceeded", None);
    w.line(Writer::ControllerManager, at + 5_000, 'I', "failed to renew lease kube-system/kube-controller-manager: timed out waiting for the condition", None);
    w.line(
        Writer::ControllerManager,
        at + 25_000,
        'I',
        "successfully acquired lease kube-system/kube-controller-manager",
        None,
    );
}

fn deletion_cancelled(w: &mut World, at: i64) {
    let owner = w.owner("Deployment");
    let image = w.image_of(&owner);
    let pod = w.pod(&owner, &image, 0);
    let component = if w.minor <= 28 {
        "taint-controller"
    } else {
        "taint-eviction-controller"
    };
    w.pod_event(
        at,
        "TaintManagerEviction",
        false,
        &pod,
        false,
        format!("Cancelling deletion of Pod {}/{}", pod.namespace, pod.name),
        component,
        None,
        None,
    );
}

fn tolerations(w: &mut World, at: i64) {
    let id = w.uid();
    let body = json!({"spec": {"template": {"spec": {"tolerations": [
        {"key": "node.kubernetes.io/disk-pressure", "operator": "Exists", "effect": "NoSchedule"},
        {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"},
    ]}}}});
    let object = json!({"resource": "daemonsets", "namespace": "kube-system", "name": "node-agent", "apiGroup": "apps", "apiVersion": "v1"});
    let value = wording::audit_other(
        at,
        &id,
        "patch",
        "/apis/apps/v1/namespaces/kube-system/daemonsets/node-agent",
        object,
        body,
    );
    w.json(Writer::Audit, at, &value, None);
}

/// The API server is away for less than the grace period: kubelets complain, nobody is lost.
fn lease_during_outage(w: &mut World, at: i64) {
    for node in 0..w.nodes.len().min(4) {
        let (minor, name, later) = (w.minor, w.nodes[node].clone(), w.secs(0.0, 9.0));
        let why = &format!(
            "Put \"https://10.0.0.1:6443/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{name}?timeout=10s\": dial tcp 10.0.0.1:6443: connect: connection refused"
        );
        for text in wording::lease_not_updated(minor, why) {
            w.line(Writer::Kubelet(node), at + later, 'E', text, None);
        }
        w.line(
            Writer::Kubelet(node),
            at + later + 2_000,
            'E',
            wording::status_not_posted(minor, &name, why),
            None,
        );
    }
}

/// The API server is away for longer than the grace period: all nodes look silent at once, and none is.
fn all_nodes_unknown(w: &mut World, at: i64) {
    lease_during_outage(w, at);
    let minor = w.minor;
    let seen = at + 52_000;
    for node in 0..w.nodes.len() {
        let name = w.nodes[node].clone();
        let later = seen + node as i64 * 3;
        for (index, text) in wording::node_not_updated(minor, &name, later, 50_300)
            .into_iter()
            .enumerate()
        {
            w.line(
                Writer::ControllerManager,
                later + index as i64 * 5_010,
                'I',
                text,
                None,
            );
        }
        w.line(
            Writer::ControllerManager,
            later + 1,
            'I',
            wording::status_change(minor, &name),
            None,
        );
        w.node_event(
            later + 2,
            "NodeNotReady",
            false,
            node,
            format!("Node {name} status is now: NodeNotReady"),
            "node-controller",
            None,
        );
        w.node_event(
            seen + 20_000,
            "NodeReady",
            false,
            node,
            format!("Node {name} status is now: NodeReady"),
            "kubelet",
            None,
        );
    }
    w.line(
        Writer::ControllerManager,
        seen + 800,
        'I',
        wording::master_disruption(minor),
        None,
    );
}

fn clock_jump(w: &mut World, at: i64) {
    let node = quiet_node(w);
    for step in 0..4 {
        let text = wording::idle_kubelet(w.minor, &mut w.rng.fork());
        let jump = if step == 2 { -7_200_000 } else { 0 };
        w.line(
            Writer::Kubelet(node),
            at + step * 700 + jump,
            'I',
            text,
            None,
        );
    }
}

/// One pull fails for a moment's reason; the next one works.
fn pull_healed(w: &mut World, at: i64) {
    let owner = w.owner("Deployment");
    let image = w.image_of(&owner);
    let node = quiet_node(w);
    let pod = w.pod(&owner, &image, 0);
    let made = w.pod_created(at, &pod, &[]);
    let placed = w.scheduled(at + 120, &pod, node, &[made]);
    let pull = w.pulling(at + 900, &pod, node, &[placed]);
    let digest = w.digest();
    let cause = ["timeout", "connection", "rate_limit"][w.rng.usize(0..3)];
    let mut rng = w.rng.fork();
    let error = wording::pull_error(w.runtime, cause, &image, &digest, &mut rng);
    let failed = w.pull_failed(at + 4_000, &pod, node, &error, &[pull]);
    w.pull_backoff(at + 5_000, &pod, node, &[failed]);
    let again = w.pulling(at + 17_000, &pod, node, &[placed]);
    w.pulled(at + 24_000, 6_800, &pod, node, &[again]);
}

fn scheduled_later(w: &mut World, at: i64) {
    let owner = w.owner("Deployment");
    let image = w.image_of(&owner);
    let node = quiet_node(w);
    let pod = w.pod(&owner, &image, 0);
    let made = w.pod_created(at, &pod, &[]);
    w.failed_scheduling(at + 30, &pod, "Insufficient cpu", &[made]);
    let later = at + w.secs(15.0, 200.0);
    let placed = w.scheduled(later, &pod, node, &[made]);
    let pull = w.pulling(later + 800, &pod, node, &[placed]);
    w.pulled(later + 9_000, 8_100, &pod, node, &[pull]);
}

/// A container exits once because what it depends on is not there yet; the kubelet starts it again at once (it holds back from the second crash on).
fn one_crash(w: &mut World, at: i64) {
    let owner = w.owner("Deployment");
    let image = w.image_of(&owner);
    let node = quiet_node(w);
    let pod = w.pod(&owner, &image, 0);
    let up = w.healthy_start(at, &pod, node, &[]);
    w.pod_event(
        up + 2_000,
        "Pulled",
        false,
        &pod,
        true,
        format!("Container image \"{image}\" already present on machine"),
        "kubelet",
        Some(node),
        None,
    );
    let started = wording::started(w.minor, &pod.container);
    w.pod_event(
        up + 2_400,
        "Started",
        false,
        &pod,
        true,
        started,
        "kubelet",
        Some(node),
        None,
    );
}

/// A container is killed at its own limit once, and is started again.
fn oom_once(w: &mut World, at: i64) {
    let owner = w.owner("Deployment");
    let image = w.image_of(&owner);
    let node = quiet_node(w);
    let pod = w.pod(&owner, &image, 0);
    let up = w.healthy_start(at, &pod, node, &[]);
    let text = format!(
        "\"Generic (PLEG): container finished\" podID=\"{}\" containerID=\"9f8e7d\" exitCode=137",
        pod.uid
    );
    w.line(Writer::Kubelet(node), up + 8_000, 'I', text, None);
    let started = wording::started(w.minor, &pod.container);
    w.pod_event(
        up + 10_000,
        "Started",
        false,
        &pod,
        true,
        started,
        "kubelet",
        Some(node),
        None,
    );
}
