//! What each component says, word for word, by version. Transcribed from the catalogue of messages, not from the grammar files.
//!
//! `minor` is the minor version of Kubernetes; 1.18, 1.19 and 1.22 are told in the words of their nearest neighbour that was read.

use fastrand::Rng;
use serde_json::{Value, json};

use super::world::{Owner, Pod, iso};

/// A container runtime and its generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runtime {
    /// containerd up to 1.6, 1.7 to 2.0, and from 2.1.
    Containerd(u8),
    /// dockerd up to 23, 24 to 27, and from 28.
    Docker(u8),
    /// CRI-O up to 1.24, 1.26 to 1.30, and from 1.32.
    Crio(u8),
}

impl Runtime {
    pub(crate) fn identifier(self) -> &'static str {
        match self {
            Runtime::Containerd(_) => "containerd",
            Runtime::Docker(_) => "dockerd",
            Runtime::Crio(_) => "crio",
        }
    }
}

pub(crate) fn runtime_for(minor: u32, rng: &mut Rng) -> Runtime {
    let age = match minor {
        ..=24 => 0,
        25..=30 => 1,
        _ => 2,
    };
    match rng.u8(0..10) {
        0..=5 => Runtime::Containerd(age),
        6..=7 => Runtime::Docker(age),
        _ => Runtime::Crio(age),
    }
}

/// Quotes as Go's `%q` does.
pub(crate) fn q(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A duration as Go prints it.
fn go(ms: i64) -> String {
    match ms {
        ..=999 => format!("{ms}ms"),
        1_000..=59_999 => format!("{}s", ms as f64 / 1000.0),
        _ => format!("{}m{}s", ms / 60_000, (ms % 60_000) as f64 / 1000.0),
    }
}

/// Bytes as Kubernetes prints a binary quantity.
pub(crate) fn quantity(bytes: u64) -> String {
    for (unit, size) in [("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)] {
        if bytes >= size && bytes.is_multiple_of(size) {
            return format!("{}{unit}", bytes / size);
        }
    }
    bytes.to_string()
}

// ---- kubelet --------------------------------------------------------------------------------------------------------------

pub(crate) fn pulled(minor: u32, image: &str, ms: i64, bytes: u64) -> String {
    match minor {
        ..=19 => format!("Successfully pulled image \"{image}\""),
        20..=24 => format!(
            "Successfully pulled image \"{image}\" in {}.{:03}729067s",
            ms / 1000,
            ms % 1000
        ),
        25..=29 => format!(
            "Successfully pulled image \"{image}\" in {} ({} including waiting)",
            go(ms),
            go(ms + 300)
        ),
        _ => format!(
            "Successfully pulled image \"{image}\" in {} ({} including waiting). Image size: {bytes} bytes.",
            go(ms),
            go(ms + 300)
        ),
    }
}

pub(crate) fn created(minor: u32, container: &str) -> String {
    match minor {
        ..=28 => format!("Created container {container}"),
        29..=34 => format!("Created container: {container}"),
        _ => "Container created".to_owned(),
    }
}

pub(crate) fn started(minor: u32, container: &str) -> String {
    if minor >= 35 {
        "Container started".to_owned()
    } else {
        format!("Started container {container}")
    }
}

pub(crate) fn kubelet_pull_failed(minor: u32, pod: &Pod, error: &str) -> Vec<String> {
    let image = &pod.image;
    let mut lines = if minor <= 20 {
        vec![
            format!("PullImage {} from image service failed: {error}", q(image)),
            format!("Pull image {} failed: {error}", q(image)),
        ]
    } else {
        let mut lines = Vec::new();
        if minor <= 30 || minor >= 36 {
            lines.push(format!(
                "\"PullImage from image service failed\" err={} image={}",
                q(error),
                q(image)
            ));
        }
        lines.push(format!(
            "\"Failed to pull image\" err={} image={}",
            q(error),
            q(image)
        ));
        lines
    };
    let inner = format!(
        "failed to \"StartContainer\" for \"{}\" with ErrImagePull: {}",
        pod.container,
        q(error)
    );
    lines.push(error_syncing(minor, pod, &inner));
    lines
}

pub(crate) fn error_syncing(minor: u32, pod: &Pod, error: &str) -> String {
    let id = format!("{}_{}({})", pod.name, pod.namespace, pod.uid);
    if minor <= 20 {
        format!(
            "Error syncing pod {} (\"{id}\"), skipping: {error}",
            pod.uid
        )
    } else {
        format!(
            "\"Error syncing pod, skipping\" err={} pod=\"{}/{}\" podUID=\"{}\"",
            q(error),
            pod.namespace,
            pod.name,
            pod.uid
        )
    }
}

pub(crate) fn attempting_to_reclaim(minor: u32, resource: &str) -> String {
    if minor <= 20 {
        format!("eviction manager: attempting to reclaim {resource}")
    } else {
        format!("\"Eviction manager: attempting to reclaim\" resourceName=\"{resource}\"")
    }
}

pub(crate) fn must_evict(minor: u32, resource: &str) -> String {
    if minor <= 20 {
        format!("eviction manager: must evict pod(s) to reclaim {resource}")
    } else {
        format!("\"Eviction manager: must evict pod(s) to reclaim\" resourceName=\"{resource}\"")
    }
}

pub(crate) fn ranked(minor: u32, pods: &[Pod]) -> String {
    let ids: Vec<String> = pods
        .iter()
        .map(|p| format!("{}_{}({})", p.name, p.namespace, p.uid))
        .collect();
    let refs: Vec<String> = pods
        .iter()
        .map(|p| format!("{}/{}", p.namespace, p.name))
        .collect();
    match minor {
        ..=20 => format!(
            "eviction manager: pods ranked for eviction: {}",
            ids.join(", ")
        ),
        21..=22 => format!(
            "\"Eviction manager: pods ranked for eviction\" pods=\"{}\"",
            ids.join(", ")
        ),
        23..=25 => format!(
            "\"Eviction manager: pods ranked for eviction\" pods=[{}]",
            refs.join(" ")
        ),
        26 => format!(
            "\"Eviction manager: pods ranked for eviction\" pods=\"[{}]\"",
            refs.join(" ")
        ),
        _ => format!(
            "\"Eviction manager: pods ranked for eviction\" pods=[{}]",
            refs.iter().map(|r| q(r)).collect::<Vec<_>>().join(",")
        ),
    }
}

pub(crate) fn recording_event(minor: u32, node: &str, event: &str) -> String {
    if minor <= 20 {
        format!("Recording {event} event message for node {node}")
    } else {
        format!("\"Recording event message for node\" node=\"{node}\" event=\"{event}\"")
    }
}

/// What the kubelet says of a pod that it evicts: of each container its use and its request.
pub(crate) fn low_on_resource(
    minor: u32,
    resource: &str,
    threshold: &str,
    available: &str,
    uses: &[(String, String, String)],
) -> String {
    let mut text = format!("The node was low on resource: {resource}. ");
    if minor >= 26 {
        text.push_str(&format!(
            "Threshold quantity: {threshold}, available: {available}. "
        ));
    }
    for (container, used, request) in uses {
        if minor >= 26 {
            text.push_str(&format!("Container {container} was using {used}, request is {request}, has larger consumption of {resource}. "));
        } else {
            text.push_str(&format!(
                "Container {container} was using {used}, which exceeds its request of {request}. "
            ));
        }
    }
    text
}

pub(crate) fn pod_is_evicted(minor: u32, pod: &Pod) -> String {
    if minor <= 20 {
        format!(
            "eviction manager: pod {}_{}({}) is evicted successfully",
            pod.name, pod.namespace, pod.uid
        )
    } else {
        format!(
            "\"Eviction manager: pod is evicted successfully\" pod=\"{}/{}\"",
            pod.namespace, pod.name
        )
    }
}

pub(crate) fn crash_back_off(minor: u32, pod: &Pod) -> String {
    match minor {
        ..=25 => "Back-off restarting failed container".to_owned(),
        _ => format!(
            "Back-off restarting failed container {} in pod {}_{}({})",
            pod.container, pod.name, pod.namespace, pod.uid
        ),
    }
}

pub(crate) fn skipping_sync(minor: u32, why: &str) -> String {
    if minor <= 20 {
        format!("skipping pod synchronization - {why}")
    } else {
        format!("\"Skipping pod synchronization\" err={}", q(why))
    }
}

pub(crate) fn sanity_check(minor: u32, why: &str) -> String {
    if minor <= 20 {
        format!("Container runtime sanity check failed: {why}")
    } else {
        format!("\"Container runtime sanity check failed\" err={}", q(why))
    }
}

pub(crate) fn relist_failed(minor: u32, why: &str) -> String {
    if minor <= 20 {
        format!("GenericPLEG: Unable to retrieve pods: {why}")
    } else {
        format!("\"GenericPLEG: Unable to retrieve pods\" err={}", q(why))
    }
}

pub(crate) fn lease_not_updated(minor: u32, why: &str) -> Vec<String> {
    if minor <= 26 {
        vec![
            format!("failed to update lease, error: {why}"),
            format!("failed to ensure lease exists, will retry in 7s, error: {why}"),
        ]
    } else {
        vec![
            format!("\"Failed to update lease\" err={}", q(why)),
            format!(
                "\"Failed to ensure lease exists, will retry\" err={} interval=\"7s\"",
                q(why)
            ),
        ]
    }
}

pub(crate) fn status_not_posted(minor: u32, node: &str, why: &str) -> String {
    let why = format!("error getting node \"{node}\": {why}");
    if minor <= 20 {
        format!("Error updating node status, will retry: {why}")
    } else {
        format!("\"Error updating node status, will retry\" err={}", q(&why))
    }
}

pub(crate) fn gc_failed_once(minor: u32, why: &str) -> String {
    if minor <= 20 {
        format!(
            "Image garbage collection failed once. Stats initialization may not have completed yet: {why}"
        )
    } else {
        format!(
            "\"Image garbage collection failed once. Stats initialization may not have completed yet\" err={}",
            q(why)
        )
    }
}

pub(crate) fn idle_kubelet(minor: u32, rng: &mut Rng) -> String {
    let n = rng.u32(1..900);
    match (rng.u8(0..4), minor) {
        (0, ..=20) => format!("operation_generator.go: MountVolume.SetUp succeeded for volume \"config-{n}\""),
        (0, _) => format!("\"MountVolume.SetUp succeeded for volume \\\"config-{n}\\\"\" pod=\"kube-system/coredns-5d78c9869d-{n:05}\""),
        (1, ..=20) => format!("SyncLoop (PLEG): \"probe-{n}_default(1f2e{n:04})\", event: &pleg.PodLifecycleEvent{{Type:\"ContainerStarted\"}}"),
        (1, _) => format!("\"SyncLoop (PLEG): event for pod\" pod=\"default/probe-{n}\" event={{\"ID\":\"1f2e{n:04}\",\"Type\":\"ContainerStarted\"}}"),
        (2, _) => "\"Observed pod startup duration\" pod=\"kube-system/kube-proxy-7xk2p\" podStartSLOduration=2.4".to_owned(),
        _ => format!("\"RemoveContainer\" containerID=\"{n:016x}\""),
    }
}

// ---- runtimes -------------------------------------------------------------------------------------------------------------

/// A message of a runtime, and the fields after it.
pub(crate) type Logrus = (String, String);

pub(crate) fn runtime_pulling(runtime: Runtime, image: &str) -> Option<Logrus> {
    match runtime {
        Runtime::Containerd(_) => Some((format!("PullImage \"{image}\""), String::new())),
        Runtime::Crio(_) => Some((
            format!("Pulling image: {image}"),
            " id=5c2c7f9d-8a1e-4b7e-9a51-2f0c7f3f10aa name=/runtime.v1.ImageService/PullImage"
                .to_owned(),
        )),
        Runtime::Docker(_) => None,
    }
}

pub(crate) fn runtime_pulled(
    runtime: Runtime,
    image: &str,
    id: &str,
    digest: &str,
    bytes: u64,
    ms: i64,
) -> Option<Logrus> {
    let repository = image.rsplit_once(':').map_or(image, |(name, _)| name);
    match runtime {
        Runtime::Containerd(0) => Some((
            format!("PullImage \"{image}\" returns image reference \"{id}\""),
            String::new(),
        )),
        Runtime::Containerd(_) => Some((
            format!(
                "Pulled image \"{image}\" with image id \"{id}\", repo tag \"{image}\", repo digest \"{repository}@{digest}\", size \"{bytes}\" in {}",
                go(ms)
            ),
            String::new(),
        )),
        Runtime::Crio(_) => Some((
            format!("Pulled image: {repository}@{digest}"),
            " id=5c2c7f9d-8a1e-4b7e-9a51-2f0c7f3f10aa name=/runtime.v1.ImageService/PullImage"
                .to_owned(),
        )),
        Runtime::Docker(_) => None,
    }
}

pub(crate) fn runtime_pull_failed(runtime: Runtime, image: &str, error: &str) -> Option<Logrus> {
    match runtime {
        Runtime::Containerd(_) => Some((
            format!("PullImage \"{image}\" failed"),
            format!(
                " error={}",
                q(&format!(
                    "failed to pull and unpack image \"{image}\": {error}"
                ))
            ),
        )),
        Runtime::Docker(0 | 1) => Some((
            format!("Not continuing with pull after error: {error}"),
            String::new(),
        )),
        Runtime::Docker(_) => Some((
            "Not continuing with pull after error".to_owned(),
            format!(" error={}", q(error)),
        )),
        Runtime::Crio(_) => None,
    }
}

/// The error as the kubelet gets it from its runtime.
pub(crate) fn wrapped(
    runtime: Runtime,
    minor: u32,
    image: &str,
    error: &str,
    code: &str,
) -> String {
    let text = match runtime {
        Runtime::Containerd(_) => format!("failed to pull and unpack image \"{image}\": {error}"),
        Runtime::Crio(_) if (33..36).contains(&minor) => format!(
            "unable to pull image or OCI artifact: pull image err: {error}; artifact err: get manifest: build image source: reading manifest: unknown"
        ),
        Runtime::Docker(_) if !error.starts_with("failed to register layer") => {
            format!("Error response from daemon: {error}")
        }
        _ => error.to_owned(),
    };
    format!("rpc error: code = {code} desc = {text}")
}

fn host(image: &str) -> &str {
    image.split('/').next().unwrap_or(image)
}

fn parts(image: &str) -> (&str, &str) {
    let path = image.split_once('/').map_or(image, |(_, rest)| rest);
    path.rsplit_once(':').unwrap_or((path, "latest"))
}

/// Which gRPC code and which words a runtime has for a cause.
pub(crate) fn pull_error(
    runtime: Runtime,
    cause: &str,
    image: &str,
    digest: &str,
    rng: &mut Rng,
) -> (&'static str, String) {
    let host = host(image);
    let (repository, tag) = parts(image);
    let url = format!("https://{host}/v2/{repository}/manifests/{tag}");
    let n = rng.u32(10..900);
    let inside = [
        "/usr/src/app/node_modules/rxjs/index.js",
        "/opt/model/weights-00003.safetensors",
        "/usr/lib/libcudnn_ops.so.9",
        "/srv/data/blob.bin",
    ][rng.usize(0..4)];
    let address = format!("10.20.{}.{}:443", n % 250, 7 + n % 200);
    match (cause, runtime) {
        ("no_space", Runtime::Containerd(age)) => {
            let error = match (rng.u8(0..4), age) {
                (0, _) => format!("failed to copy: write /var/lib/containerd/io.containerd.content.v1.content/ingest/{digest}/data: no space left on device", digest = &digest[7..]),
                (_, 2) => format!("failed to extract layer (application/vnd.oci.image.layer.v1.tar+gzip {digest}) to overlayfs as \"extract-{n}123456-aBcD {digest}\": write /var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/{n}/fs{inside}: no space left on device"),
                _ => format!("failed to extract layer {digest}: mount callback failed on /var/lib/containerd/tmpmounts/containerd-mount{n}1234: write /var/lib/containerd/tmpmounts/containerd-mount{n}1234{inside}: no space left on device: unknown"),
            };
            ("Unknown", error)
        }
        ("no_space", Runtime::Docker(0)) => ("Unknown", format!("failed to register layer: Error processing tar file(exit status 1): write {inside}: no space left on device")),
        ("no_space", Runtime::Docker(_)) => match rng.u8(0..3) {
            0 => ("Unknown", format!("write /var/lib/docker/tmp/GetImageBlob{n}4711: no space left on device")),
            _ => ("Unknown", format!("failed to register layer: write {inside}: no space left on device")),
        },
        ("no_space", Runtime::Crio(0)) => ("Unknown", format!("Error committing the finished image: error adding layer with blob \"{digest}\": Error processing tar file(exit status 1): write {inside}: no space left on device")),
        ("no_space", Runtime::Crio(1)) => ("Unknown", format!("copying system image from manifest list: writing blob: adding layer with blob \"{digest}\": processing tar file(write {inside}: no space left on device): exit status 1")),
        ("no_space", Runtime::Crio(_)) => ("Unknown", format!("copying system image from manifest list: writing blob: adding layer with blob \"{digest}\": unpacking failed (error: exit status 1; output: write {inside}: no space left on device)")),
        ("not_found", Runtime::Containerd(_)) => ("NotFound", format!("failed to resolve reference \"{image}\": {image}: not found")),
        ("not_found", Runtime::Docker(_)) => ("Unknown", format!("manifest for {image} not found: manifest unknown: manifest unknown")),
        ("not_found", Runtime::Crio(_)) => ("Unknown", format!("reading manifest {tag} in {host}/{repository}: manifest unknown")),
        ("auth", Runtime::Containerd(_)) => match rng.u8(0..3) {
            0 => ("Unknown", format!("failed to resolve reference \"{image}\": failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://{host}/token?scope=repository%3A{repository}%3Apull&service={host}: 401 Unauthorized")),
            1 => ("Unknown", format!("failed to resolve reference \"{image}\": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed")),
            _ => ("Unknown", format!("failed to resolve reference \"{image}\": unexpected status from HEAD request to {url}: 403 Forbidden")),
        },
        ("auth", Runtime::Docker(_)) => match rng.u8(0..2) {
            0 => ("Unknown", format!("pull access denied for {host}/{repository}, repository does not exist or may require 'docker login': denied: requested access to the resource is denied")),
            _ => ("Unknown", format!("Head \"{url}\": no basic auth credentials")),
        },
        ("auth", Runtime::Crio(_)) => ("Unknown", format!("initializing source docker://{image}: reading manifest {tag} in {host}/{repository}: unauthorized: authentication required")),
        ("rate_limit", Runtime::Containerd(_)) => ("Unknown", format!("failed to copy: httpReadSeeker: failed open: unexpected status code {url}: 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit")),
        ("rate_limit", Runtime::Docker(_)) => ("Unknown", "toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit".to_owned()),
        ("rate_limit", Runtime::Crio(_)) => ("Unknown", format!("initializing source docker://{image}: reading manifest {tag} in {host}/{repository}: toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit")),
        ("connection" | "timeout", Runtime::Containerd(_)) => match cause {
            "timeout" => ("Unknown", format!("failed to resolve reference \"{image}\": failed to do request: Head \"{url}\": dial tcp {address}: i/o timeout")),
            _ if n.is_multiple_of(2) => ("Unknown", format!("failed to resolve reference \"{image}\": failed to do request: Head \"{url}\": dial tcp {address}: connect: connection refused")),
            _ => ("Unknown", format!("failed to resolve reference \"{image}\": failed to do request: Head \"{url}\": dial tcp: lookup {host} on 10.96.0.10:53: no such host")),
        },
        ("connection" | "timeout", Runtime::Docker(_)) => match cause {
            "timeout" => ("Unknown", format!("Get \"https://{host}/v2/\": net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)")),
            _ => ("Unknown", format!("Get \"https://{host}/v2/\": dial tcp {address}: connect: connection refused")),
        },
        ("connection" | "timeout", Runtime::Crio(_)) => match cause {
            "timeout" => ("Unknown", format!("initializing source docker://{image}: pinging container registry {host}: Get \"https://{host}/v2/\": dial tcp {address}: i/o timeout")),
            _ => ("Unknown", format!("initializing source docker://{image}: pinging container registry {host}: Get \"https://{host}/v2/\": dial tcp {address}: connect: no route to host")),
        },
        ("tls", Runtime::Containerd(_)) => ("Unknown", format!("failed to resolve reference \"{image}\": failed to do request: Head \"{url}\": tls: failed to verify certificate: x509: certificate signed by unknown authority")),
        ("tls", Runtime::Docker(_)) => ("Unknown", format!("Get \"https://{host}/v2/\": x509: certificate signed by unknown authority")),
        (_, _) => ("Unknown", format!("initializing source docker://{image}: pinging container registry {host}: Get \"https://{host}/v2/\": x509: certificate has expired or is not yet valid: current time 2024-05-22T03:15:44Z is after 2024-05-20T00:00:00Z")),
    }
}

// ---- control plane --------------------------------------------------------------------------------------------------------

pub(crate) fn too_few_replicas(namespace: &str, replica_set: &str) -> String {
    format!("\"Too few replicas\" replicaSet=\"{namespace}/{replica_set}\" need=3 creating=1")
}

pub(crate) fn scaled_up(minor: u32, replica_set: &str, from: u32, to: u32) -> String {
    match minor {
        _ if from == 0 && minor <= 31 => format!("Scaled up replica set {replica_set} to {to}"),
        ..=24 => format!("Scaled up replica set {replica_set} to {to}"),
        25..=31 => format!("Scaled up replica set {replica_set} to {to} from {from}"),
        _ => format!("Scaled up replica set {replica_set} from {from} to {to}"),
    }
}

pub(crate) fn scaled_down(minor: u32, replica_set: &str, from: u32, to: u32) -> String {
    match minor {
        ..=24 => format!("Scaled down replica set {replica_set} to {to}"),
        25..=31 => format!("Scaled down replica set {replica_set} to {to} from {from}"),
        _ => format!("Scaled down replica set {replica_set} from {from} to {to}"),
    }
}

pub(crate) fn node_not_updated(minor: u32, node: &str, at: i64, silent: i64) -> Vec<String> {
    let duration = format!("{}.{:03}123456s", silent / 1000, silent % 1000);
    let heard = iso(at - silent, 0);
    let heard = &heard[..19];
    if minor <= 26 {
        vec![
            format!(
                "node {node} hasn't been updated for {duration}. Last Ready is: &NodeCondition{{Type:Ready,Status:True,LastHeartbeatTime:{heard} +0000 UTC,LastTransitionTime:{heard} +0000 UTC,Reason:KubeletReady,Message:kubelet is posting ready status,}}"
            ),
            format!(
                "Node {node} is unresponsive as of {} {}.123456789 +0000 UTC m=+8123.1. Adding it to the Taint queue.",
                &iso(at, 0)[..10],
                &iso(at, 0)[11..19]
            ),
        ]
    } else {
        vec![
            format!(
                "\"Node hasn't been updated\" node=\"{node}\" duration=\"{duration}\" nodeConditionType=\"Ready\" currentCondition=\"&NodeCondition{{Type:Ready,Status:True,LastHeartbeatTime:{heard} +0000 UTC,LastTransitionTime:{heard} +0000 UTC,Reason:KubeletReady,Message:kubelet is posting ready status,}}\""
            ),
            format!(
                "\"Node is unresponsive. Adding it to the Taint queue\" node=\"{node}\" timeStamp=\"{} {}.123456789 +0000 UTC m=+8123.1\"",
                &iso(at, 0)[..10],
                &iso(at, 0)[11..19]
            ),
        ]
    }
}

pub(crate) fn status_change(minor: u32, node: &str) -> String {
    if minor <= 22 {
        format!("Recording status change NodeNotReady event message for node {node}")
    } else {
        format!(
            "\"Recording status change event message for node\" status=\"NodeNotReady\" node=\"{node}\""
        )
    }
}

pub(crate) fn healthy_again(minor: u32, node: &str) -> String {
    match minor {
        ..=26 => format!("Node {node} is healthy again, removing all taints"),
        27..=31 => format!("\"Node is healthy again, removing all taints\" node=\"{node}\""),
        _ => format!("\"Node is healthy again, removed all taints\" node=\"{node}\""),
    }
}

pub(crate) fn master_disruption(minor: u32) -> String {
    let dot = if minor <= 26 { "." } else { "" };
    let text = format!(
        "Controller detected that all Nodes are not-Ready. Entering master disruption mode{dot}"
    );
    if minor <= 26 { text } else { q(&text) }
}

pub(crate) fn taint_manager_deletes(minor: u32, pod: &Pod) -> String {
    match minor {
        ..=20 => format!(
            "NoExecuteTaintManager is deleting Pod: {}/{}",
            pod.namespace, pod.name
        ),
        21..=28 => format!(
            "\"NoExecuteTaintManager is deleting pod\" pod=\"{}/{}\"",
            pod.namespace, pod.name
        ),
        _ => format!(
            "\"Deleting pod\" controller=\"taint-eviction-controller\" pod={{\"name\":\"{}\",\"namespace\":\"{}\"}}",
            pod.name, pod.namespace
        ),
    }
}

// ---- people and tools -----------------------------------------------------------------------------------------------------

fn resource(kind: &str) -> &'static str {
    match kind {
        "StatefulSet" => "statefulsets",
        "DaemonSet" => "daemonsets",
        "Job" => "jobs",
        _ => "deployments",
    }
}

/// A change of a workload's image, as the API audit log has it.
pub(crate) fn audit_patch(at: i64, id: &str, owner: &Owner, image: &str, user: &str) -> Value {
    let resource = resource(owner.kind);
    json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Request", "auditID": id, "stage": "ResponseComplete",
        "requestURI": format!("/apis/apps/v1/namespaces/{}/{resource}/{}?fieldManager=kubectl-set", owner.namespace, owner.name), "verb": "patch",
        "user": {"username": user, "groups": ["system:authenticated"]}, "sourceIPs": ["10.9.8.7"], "userAgent": "kubectl/v1.28.2 (linux/amd64) kubernetes/89a4ea3",
        "objectRef": {"resource": resource, "namespace": owner.namespace, "name": owner.name, "apiGroup": "apps", "apiVersion": "v1"},
        "responseStatus": {"metadata": {}, "code": 200},
        "requestObject": {"spec": {"template": {"spec": {"$setElementOrder/containers": [{"name": "app"}], "containers": [{"image": image, "name": "app"}]}}}},
        "requestReceivedTimestamp": stamp6(at), "stageTimestamp": stamp6(at + 7),
    })
}

/// A scale, a cordon, an eviction by somebody: never a fault.
pub(crate) fn audit_other(
    at: i64,
    id: &str,
    verb: &str,
    uri: &str,
    object: Value,
    body: Value,
) -> Value {
    json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Request", "auditID": id, "stage": "ResponseComplete", "requestURI": uri, "verb": verb,
        "user": {"username": "kubernetes-admin", "groups": ["system:masters", "system:authenticated"]}, "sourceIPs": ["10.9.8.7"], "userAgent": "kubectl/v1.28.2 (linux/amd64) kubernetes/89a4ea3",
        "objectRef": object, "responseStatus": {"metadata": {}, "code": 200}, "requestObject": body,
        "requestReceivedTimestamp": stamp6(at), "stageTimestamp": stamp6(at + 5),
    })
}

fn stamp6(at: i64) -> String {
    format!(
        "{}.{:06}Z",
        &iso(at, 0)[..19],
        at.rem_euclid(1000) * 1000 + 123
    )
}

/// What a deploy job prints.
pub(crate) fn deploy_log(owner: &Owner, image: &str) -> Vec<(bool, String)> {
    let kind = match owner.kind {
        "StatefulSet" => "statefulset",
        "DaemonSet" => "daemonset",
        _ => "deployment",
    };
    vec![
        (
            false,
            format!(
                "##[command]kubectl set image {kind}/{} *={image} -n {}",
                owner.name, owner.namespace
            ),
        ),
        (true, format!("{kind}.apps/{} image updated", owner.name)),
    ]
}

/// The notification of a pushed manifest.
pub(crate) fn push_notification(at: i64, id: &str, image: &str, digest: &str) -> Value {
    let host = host(image);
    let (repository, tag) = parts(image);
    json!({"events": [{
        "id": id, "timestamp": format!("{}.{:03}000000Z", &iso(at, 0)[..19], at.rem_euclid(1000)), "action": "push",
        "target": {"mediaType": "application/vnd.docker.distribution.manifest.v2+json", "size": 1571, "digest": digest, "length": 1571, "repository": repository,
            "url": format!("https://{host}/v2/{repository}/manifests/{digest}"), "tag": tag},
        "request": {"id": id, "addr": "10.20.0.9:41234", "host": host, "method": "PUT", "useragent": "docker/24.0.7 go/go1.20.10"},
        "actor": {"name": "ci"}, "source": {"addr": "registry:5000", "instanceID": "8a2f3a5c-5d0e-4f7a-8d0b-6a5c3e2f1d00"},
    }]})
}
