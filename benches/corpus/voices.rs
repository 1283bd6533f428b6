//! Who says what: the everyday talk of each component, and the parts they play in the incident.
//!
//! One cascade: a deploy, a pull that fills the disk of the first node, its pod evicted and placed on the next one, the same there. Every
//! message that is a signal says so in [`Said::signals`]; all others are what healthy components write all day.

use chrono::{DateTime, Utc};

use super::random::Random;

/// When the deploy begins, in seconds after the first line.
const DEPLOY: i64 = 7_200;
/// How long the incident stays on one node, in seconds.
const HOP: i64 = 400;

/// A message, and the signals that it is.
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) signals: Vec<&'static str>,
}

fn said(signals: &[&'static str], text: impl Into<String>) -> Said {
    Said {
        text: text.into(),
        signals: signals.to_vec(),
    }
}

/// The names of the incident.
pub(crate) struct Cast {
    pub(crate) nodes: Vec<String>,
    pods: Vec<(String, String)>,
    digest: String,
    layer: String,
}

const IMAGE: &str = "registry.lab.example/team/render:latest";
const NAMESPACES: &[&str] = &["shop", "billing", "search", "media", "infra"];
const APPS: &[&str] = &[
    "cart",
    "ledger",
    "indexer",
    "thumbs",
    "gateway",
    "mailer",
    "render-cache",
    "sessions",
];

impl Cast {
    pub(crate) fn new(seed: u64, nodes: usize) -> Cast {
        let mut random = Random::new(seed, "cast");
        Cast {
            nodes: (0..nodes)
                .map(|i| format!("wk-{}.lab.example", i + 1))
                .collect(),
            pods: (0..400)
                .map(|_| {
                    (
                        random.one_of(NAMESPACES).to_owned(),
                        format!(
                            "{}-{}-{}",
                            random.one_of(APPS),
                            random.hex(9),
                            random.hex(5)
                        ),
                    )
                })
                .collect(),
            digest: format!("sha256:{}", random.hex(64)),
            layer: format!("sha256:{}", random.hex(64)),
        }
    }

    fn pod(&self, random: &mut Random) -> (&str, &str) {
        let (namespace, name) = &self.pods[random.below(self.pods.len() as u64) as usize];
        (namespace, name)
    }

    fn node(&self, random: &mut Random) -> &str {
        &self.nodes[random.below(self.nodes.len() as u64) as usize]
    }

    /// The pod of the incident on a node.
    fn culprit(&self, hop: usize) -> String {
        format!(
            "render-{}-{}",
            &self.digest[7..16],
            &self.layer[7 + hop * 5..12 + hop * 5]
        )
    }

    fn no_space(&self) -> String {
        format!(
            "failed to extract layer {}: write /var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/71/fs/opt/model.bin: no space left on device",
            self.layer
        )
    }
}

/// Two nodes are hit.
fn hop_begin(index: usize) -> Option<i64> {
    (index < 2).then(|| DEPLOY + 30 + HOP * index as i64)
}

pub(crate) fn nothing(_: &mut Random, _: &Cast, _: DateTime<Utc>, _: bool) -> Option<Said> {
    None
}

pub(crate) fn kubelet(
    random: &mut Random,
    cast: &Cast,
    _: DateTime<Utc>,
    signal: bool,
) -> Option<Said> {
    if signal {
        let node = cast.node(random);
        return Some(said(
            &["disk_pressure_off"],
            format!(
                "Ikubelet_node_status.go:689] \"Recording event message for node\" node=\"{node}\" event=\"NodeHasNoDiskPressure\""
            ),
        ));
    }
    let (namespace, pod) = cast.pod(random);
    let uid = random.uuid();
    let text = match random.below(20) {
        0..=2 => format!(
            "Ikubelet.go:2453] \"SyncLoop (PLEG): event for pod\" pod=\"{namespace}/{pod}\" event={{\"ID\":\"{uid}\",\"Type\":\"ContainerStarted\",\"Data\":\"{}\"}}",
            random.hex(64)
        ),
        3 | 4 => format!(
            "Ikubelet.go:2442] \"SyncLoop (probe)\" probe=\"readiness\" status=\"ready\" pod=\"{namespace}/{pod}\""
        ),
        5 | 6 => format!(
            "Ireconciler_common.go:245] \"operationExecutor.VerifyControllerAttachedVolume started for volume \\\"kube-api-access-{}\\\" (UniqueName: \\\"kubernetes.io/projected/{uid}-kube-api-access-{}\\\") pod \\\"{pod}\\\" (UID: \\\"{uid}\\\") \" pod=\"{namespace}/{pod}\"",
            random.hex(5),
            random.hex(5)
        ),
        7 | 8 => format!(
            "Ioperation_generator.go:637] \"MountVolume.SetUp succeeded for volume \\\"config\\\" (UniqueName: \\\"kubernetes.io/configmap/{uid}-config\\\") pod \\\"{pod}\\\" (UID: \\\"{uid}\\\") \" pod=\"{namespace}/{pod}\""
        ),
        9 => format!(
            "Iscope.go:117] \"RemoveContainer\" containerID=\"{}\"",
            random.hex(64)
        ),
        10 => format!(
            "Ipod_startup_latency_tracker.go:104] \"Observed pod startup duration\" pod=\"{namespace}/{pod}\" podStartSLOduration={}.{} podStartE2EDuration=\"{}s\" observedRunningTime=\"2024-05-22 02:10:11\"",
            random.below(9),
            random.below(999),
            random.below(9)
        ),
        11 => format!(
            "Iprober.go:107] \"Probe failed\" probeType=\"Readiness\" pod=\"{namespace}/{pod}\" podUID=\"{uid}\" containerName=\"app\" probeResult=\"failure\" output=\"Get \\\"http://10.8.{}.{}:8080/healthz\\\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)\"",
            random.below(255),
            random.below(255)
        ),
        12 => format!(
            "Ikubelet_volumes.go:163] \"Cleaned up orphaned pod volumes dir\" podUID=\"{uid}\" path=\"/var/lib/kubelet/pods/{uid}/volumes\""
        ),
        13 => format!(
            "Ikubelet_getters.go:187] \"Pod status updated\" pod=\"{namespace}/{pod}\" status=\"Running\""
        ),
        14 => format!(
            "Ireflector.go:368] Caches populated for *v1.ConfigMap from object-\"{namespace}\"/\"kube-root-ca.crt\" generation {}",
            random.below(90_000)
        ),
        15 => format!(
            "Ikubelet_pods.go:1047] \"Unable to retrieve pull secret, the image pull may not succeed.\" pod=\"{namespace}/{pod}\" secret=\"\" err=\"secret \\\"regcred\\\" not found\""
        ),
        16 => format!(
            "Icontroller.go:{}] \"Ensured lease exists, will keep it fresh\" interval=\"{}s\"",
            random.below(400),
            random.below(20)
        ),
        17 => format!(
            "Istatus_manager.go:{}] \"Patch status for pod\" pod=\"{namespace}/{pod}\" podUID=\"{uid}\" oldPhase=\"Running\" newPhase=\"Running\"",
            random.below(900)
        ),
        18 => format!(
            "Iserver.go:{}] \"HTTP\" verb=\"GET\" URI=\"/metrics/cadvisor\" latency=\"{}.{}ms\" userAgent=\"Prometheus/2.51.0\" audit-ID=\"\" srcIP=\"10.4.{}.{}:41522\" resp=200",
            random.below(400),
            random.below(90),
            random.below(999_999),
            random.below(255),
            random.below(255)
        ),
        _ => format!(
            "Ieviction_manager.go:{}] \"Eviction manager: synchronize housekeeping\" nodefs.available=\"{}\" imagefs.available=\"{}\"",
            random.below(400),
            random.next() % (1 << 38),
            random.next() % (1 << 38)
        ),
    };
    Some(said(&[], text))
}

/// What the kubelet of a node says when the incident is there.
pub(crate) fn kubelet_story(cast: &Cast, index: usize) -> Vec<(i64, Said)> {
    let Some(t) = hop_begin(index) else {
        return Vec::new();
    };
    let node = &cast.nodes[index];
    let pod = cast.culprit(index);
    let reason = cast.no_space();
    vec![
        (
            t + 60,
            said(
                &["eviction_threshold_met"],
                "Weviction_manager.go:369] \"Eviction manager: attempting to reclaim\" resourceName=\"ephemeral-storage\"",
            ),
        ),
        (
            t + 61,
            said(
                &["disk_pressure_on"],
                format!(
                    "Ikubelet_node_status.go:689] \"Recording event message for node\" node=\"{node}\" event=\"NodeHasDiskPressure\""
                ),
            ),
        ),
        (
            t + 62,
            said(
                &["evicting"],
                "Ieviction_manager.go:380] \"Eviction manager: must evict pod(s) to reclaim\" resourceName=\"ephemeral-storage\"",
            ),
        ),
        (
            t + 75,
            said(
                &["pull_failed"],
                format!(
                    "Eremote_image.go:180] \"PullImage from image service failed\" err=\"rpc error: code = Unknown desc = failed to pull and unpack image \\\"{IMAGE}\\\": {reason}\" image=\"{IMAGE}\""
                ),
            ),
        ),
        (
            t + 80,
            said(
                &["evicted"],
                format!(
                    "Ieviction_manager.go:615] \"Eviction manager: pod is evicted successfully\" pod=\"media/{pod}\""
                ),
            ),
        ),
        (
            t + 300,
            said(
                &["disk_pressure_off"],
                format!(
                    "Ikubelet_node_status.go:689] \"Recording event message for node\" node=\"{node}\" event=\"NodeHasNoDiskPressure\""
                ),
            ),
        ),
    ]
}

pub(crate) fn containerd(
    random: &mut Random,
    cast: &Cast,
    _: DateTime<Utc>,
    signal: bool,
) -> Option<Said> {
    if signal {
        let image = format!(
            "registry.lab.example/team/{}:v{}",
            random.one_of(APPS),
            random.below(90)
        );
        return Some(match random.below(2) {
            0 => said(
                &["pulling"],
                format!("level=info msg=\"PullImage \\\"{image}\\\"\""),
            ),
            _ => said(
                &["pulled"],
                format!(
                    "level=info msg=\"PullImage \\\"{image}\\\" returns image reference \\\"sha256:{}\\\"\"",
                    random.hex(64)
                ),
            ),
        });
    }
    let id = random.hex(64);
    let (namespace, pod) = cast.pod(random);
    let text = match random.below(10) {
        0 => format!("level=info msg=\"StopPodSandbox for \\\"{id}\\\"\""),
        1 => format!("level=info msg=\"TearDown network for sandbox \\\"{id}\\\" successfully\""),
        2 => format!(
            "level=info msg=\"RunPodSandbox for &PodSandboxMetadata{{Name:{pod},Uid:{},Namespace:{namespace},Attempt:0,}}\"",
            random.uuid()
        ),
        3 => "level=info msg=\"loading plugin \\\"io.containerd.ttrpc.v1.task\\\"...\" runtime=io.containerd.runc.v2 type=io.containerd.ttrpc.v1".to_owned(),
        4 => format!("level=info msg=\"RemoveContainer for \\\"{id}\\\" returns successfully\""),
        5 => format!(
            "level=warning msg=\"cleanup warnings time=\\\"2024-05-22T01:01:01Z\\\" level=info msg=\\\"starting signal loop\\\" namespace=k8s.io pid={} runtime=io.containerd.runc.v2\\n\"",
            random.below(99_999)
        ),
        6 => format!(
            "level=info msg=\"ImageUpdate event name:\\\"registry.lab.example/team/{}:v{}\\\" labels:{{key:\\\"io.cri-containerd.image\\\" value:\\\"managed\\\"}}\"",
            random.one_of(APPS),
            random.below(90)
        ),
        7 => format!("level=info msg=\"shim disconnected\" id={id} namespace=k8s.io"),
        8 => format!(
            "level=error msg=\"ContainerStatus for \\\"{id}\\\" failed\" error=\"rpc error: code = NotFound desc = an error occurred when try to find container \\\"{id}\\\": not found\""
        ),
        _ => format!(
            "level=info msg=\"Exec process \\\"{id}\\\" exits with exit code 0 and error <nil>\""
        ),
    };
    Some(said(&[], text))
}

pub(crate) fn containerd_story(cast: &Cast, index: usize) -> Vec<(i64, Said)> {
    let Some(t) = hop_begin(index) else {
        return Vec::new();
    };
    let reason = cast.no_space();
    vec![
        (
            t + 2,
            said(
                &["pulling"],
                format!("level=info msg=\"PullImage \\\"{IMAGE}\\\"\""),
            ),
        ),
        (
            t + 75,
            said(
                &["pull_failed"],
                format!(
                    "level=error msg=\"PullImage \\\"{IMAGE}\\\" failed\" error=\"rpc error: code = Unknown desc = failed to pull and unpack image \\\"{IMAGE}\\\": {reason}\""
                ),
            ),
        ),
    ]
}

pub(crate) fn application(
    random: &mut Random,
    cast: &Cast,
    at: DateTime<Utc>,
    _: bool,
) -> Option<Said> {
    let (namespace, pod) = cast.pod(random);
    let text = match random.below(8) {
        0 => format!(
            "{{\"level\":\"info\",\"ts\":\"{}\",\"caller\":\"http/server.go:{}\",\"msg\":\"request\",\"method\":\"GET\",\"path\":\"/api/v1/orders/{}\",\"status\":200,\"took_ms\":{}}}",
            at.format("%H:%M:%S%.3f"),
            random.below(300),
            random.below(1 << 30),
            random.below(900)
        ),
        1 => format!(
            "GET /checkout/{} 200 {}ms upstream=10.8.{}.{} trace={}",
            random.below(1 << 30),
            random.below(700),
            random.below(255),
            random.below(255),
            random.hex(32)
        ),
        2 => format!(
            "cache refreshed entries={} tenant={namespace} worker={pod}",
            random.below(90_000)
        ),
        3 => format!(
            "WARN slow query took {}ms: SELECT id, state, total FROM orders WHERE tenant = '{}' AND updated_at > now() - interval '5 minutes'",
            random.below(9_000),
            random.hex(12)
        ),
        4 => "\tat com.example.orders.OrderService.reserve(OrderService.java:212)".to_owned(),
        5 => format!(
            "payment {} accepted for order {} by provider after {} attempts",
            random.uuid(),
            random.below(1 << 30),
            1 + random.below(3)
        ),
        6 => format!(
            "published message topic=orders.v1 partition={} offset={}",
            random.below(64),
            random.below(1 << 40)
        ),
        _ => format!(
            "session {} renewed for user {} until {}",
            random.hex(24),
            random.below(1 << 24),
            at.format("%H:%M:%S")
        ),
    };
    Some(said(&[], text))
}

/// One audit line.
#[expect(
    clippy::too_many_arguments,
    reason = "an audit record has as many parts"
)]
fn audit_line(
    random: &mut Random,
    at: DateTime<Utc>,
    verb: &str,
    user: &str,
    agent: &str,
    uri: &str,
    object: &str,
    code: u32,
    bodies: &str,
) -> String {
    let level = if bodies.is_empty() {
        "Metadata"
    } else {
        "RequestResponse"
    };
    let stamp = at.format("%Y-%m-%dT%H:%M:%S%.6fZ");
    format!(
        "{{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"level\":\"{level}\",\"auditID\":\"{}\",\"stage\":\"ResponseComplete\",\"requestURI\":\"{uri}\",\"verb\":\"{verb}\",\"user\":{{\"username\":\"{user}\",\"groups\":[\"system:authenticated\"]}},\"sourceIPs\":[\"10.4.{}.{}\"],\"userAgent\":\"{agent}\",\"objectRef\":{{{object}}},\"responseStatus\":{{\"metadata\":{{}},\"code\":{code}}},{bodies}\"requestReceivedTimestamp\":\"{stamp}\",\"stageTimestamp\":\"{stamp}\",\"annotations\":{{\"authorization.k8s.io/decision\":\"allow\",\"authorization.k8s.io/reason\":\"\"}}}}",
        random.uuid(),
        random.below(255),
        random.below(255),
    )
}

fn managed_fields(at: DateTime<Utc>, manager: &str) -> String {
    format!(
        "\"managedFields\":[{{\"manager\":\"{manager}\",\"operation\":\"Update\",\"apiVersion\":\"v1\",\"time\":\"{}\",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{{\"f:data\":{{\".\":{{}},\"f:leader\":{{}},\"f:settings\":{{}}}},\"f:metadata\":{{\"f:annotations\":{{\".\":{{}},\"f:checksum\":{{}}}}}}}}}}]",
        at.format("%Y-%m-%dT%H:%M:%SZ")
    )
}

pub(crate) fn audit(
    random: &mut Random,
    cast: &Cast,
    at: DateTime<Utc>,
    signal: bool,
) -> Option<Said> {
    let node = cast.node(random).to_owned();
    let (namespace, pod) = cast.pod(random);
    let (namespace, pod) = (namespace.to_owned(), pod.to_owned());
    let kubelet = format!("system:node:{node}");
    if signal {
        let pod = format!("{}-{}", pod, random.hex(4));
        let body = format!(
            "\"requestObject\":{{\"kind\":\"Binding\",\"apiVersion\":\"v1\",\"metadata\":{{\"name\":\"{pod}\",\"namespace\":\"{namespace}\",\"uid\":\"{}\"}},\"target\":{{\"kind\":\"Node\",\"name\":\"{node}\"}}}},",
            random.uuid()
        );
        let object = format!(
            "\"resource\":\"pods\",\"namespace\":\"{namespace}\",\"name\":\"{pod}\",\"apiVersion\":\"v1\",\"subresource\":\"binding\""
        );
        let uri = format!("/api/v1/namespaces/{namespace}/pods/{pod}/binding");
        return Some(said(
            &["scheduled"],
            audit_line(
                random,
                at,
                "create",
                "system:kube-scheduler",
                "kube-scheduler/v1.30.2 (linux/amd64) kubernetes/39683505/scheduler",
                &uri,
                &object,
                201,
                &body,
            ),
        ));
    }
    let agent = "kubelet/v1.30.2 (linux/amd64) kubernetes/3968350";
    let text = match random.below(20) {
        0..=9 => {
            let lease = format!(
                "{{\"kind\":\"Lease\",\"apiVersion\":\"coordination.k8s.io/v1\",\"metadata\":{{\"name\":\"{node}\",\"namespace\":\"kube-node-lease\",\"uid\":\"{}\",\"resourceVersion\":\"{}\",{}}},\"spec\":{{\"holderIdentity\":\"{node}\",\"leaseDurationSeconds\":40,\"renewTime\":\"{}\"}}}}",
                random.uuid(),
                random.below(1 << 30),
                managed_fields(at, "kubelet"),
                at.format("%Y-%m-%dT%H:%M:%S%.6fZ")
            );
            let bodies = format!("\"requestObject\":{lease},\"responseObject\":{lease},");
            audit_line(
                random,
                at,
                "update",
                &kubelet,
                agent,
                &format!(
                    "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{node}?timeout=10s"
                ),
                &format!(
                    "\"resource\":\"leases\",\"namespace\":\"kube-node-lease\",\"name\":\"{node}\",\"apiGroup\":\"coordination.k8s.io\",\"apiVersion\":\"v1\""
                ),
                200,
                &bodies,
            )
        }
        10..=13 => audit_line(
            random,
            at,
            "get",
            &kubelet,
            agent,
            &format!("/api/v1/nodes/{node}?resourceVersion=0&timeout=10s"),
            &format!("\"resource\":\"nodes\",\"name\":\"{node}\",\"apiVersion\":\"v1\""),
            200,
            "",
        ),
        14 | 15 => audit_line(
            random,
            at,
            "list",
            "system:serviceaccount:infra:metrics",
            "metrics/v0.9",
            &format!("/api/v1/namespaces/{namespace}/pods?limit=500"),
            &format!("\"resource\":\"pods\",\"namespace\":\"{namespace}\",\"apiVersion\":\"v1\""),
            200,
            "",
        ),
        16 => audit_line(
            random,
            at,
            "create",
            "system:apiserver",
            "kube-apiserver/v1.30.2 (linux/amd64)",
            "/apis/authorization.k8s.io/v1/subjectaccessreviews",
            "\"resource\":\"subjectaccessreviews\",\"apiGroup\":\"authorization.k8s.io\",\"apiVersion\":\"v1\"",
            201,
            "",
        ),
        _ => {
            let data = random.hex(1_400);
            let map = format!(
                "{{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{{\"name\":\"settings-{}\",\"namespace\":\"{namespace}\",\"uid\":\"{}\",\"resourceVersion\":\"{}\",{}}},\"data\":{{\"leader\":\"{pod}\",\"settings\":\"{data}\"}}}}",
                random.below(40),
                random.uuid(),
                random.below(1 << 30),
                managed_fields(at, "controller")
            );
            let bodies = format!("\"requestObject\":{map},\"responseObject\":{map},");
            audit_line(
                random,
                at,
                "update",
                &format!("system:serviceaccount:{namespace}:operator"),
                "operator/v0.4 (linux/amd64)",
                &format!("/api/v1/namespaces/{namespace}/configmaps/settings"),
                &format!(
                    "\"resource\":\"configmaps\",\"namespace\":\"{namespace}\",\"name\":\"settings\",\"apiVersion\":\"v1\""
                ),
                200,
                &bodies,
            )
        }
    };
    Some(said(&[], text))
}

pub(crate) fn audit_story(cast: &Cast) -> Vec<(i64, Said)> {
    let mut random = Random::new(7, "audit story");
    (0..2)
        .filter_map(|hop| {
            let t = hop_begin(hop)?;
            let at = DateTime::from_timestamp(1_716_336_000 + t, 0)?;
            let (pod, node) = (cast.culprit(hop), &cast.nodes[hop]);
            let body = format!("\"requestObject\":{{\"kind\":\"Binding\",\"apiVersion\":\"v1\",\"metadata\":{{\"name\":\"{pod}\",\"namespace\":\"media\"}},\"target\":{{\"kind\":\"Node\",\"name\":\"{node}\"}}}},");
            let object = format!("\"resource\":\"pods\",\"namespace\":\"media\",\"name\":\"{pod}\",\"apiVersion\":\"v1\",\"subresource\":\"binding\"");
            let line = audit_line(&mut random, at, "create", "system:kube-scheduler", "kube-scheduler/v1.30.2 (linux/amd64) kubernetes/39683505/scheduler", &format!("/api/v1/namespaces/media/pods/{pod}/binding"), &object, 201, &body);
            Some((t, said(&["scheduled"], line)))
        })
        .collect()
}

pub(crate) fn registry(random: &mut Random, _: &Cast, at: DateTime<Utc>, _: bool) -> Option<Said> {
    let repository = random.one_of(APPS);
    let digest = random.hex(64);
    let text = match random.below(3) {
        0 => format!(
            "10.4.{}.{} - - [{}] \"GET /v2/team/{repository}/blobs/sha256:{digest} HTTP/1.1\" 200 {} \"\" \"containerd/1.7.16\"",
            random.below(255),
            random.below(255),
            at.format("%d/%b/%Y:%H:%M:%S +0000"),
            random.below(1 << 28)
        ),
        1 => format!(
            "time=\"{}\" level=info msg=\"response completed\" go.version=go1.21.8 http.request.host=registry.lab.example http.request.id={} http.request.method=GET http.request.remoteaddr=\"10.4.{}.{}:56376\" http.request.uri=\"/v2/team/{repository}/manifests/v{}\" http.request.useragent=containerd/1.7.16 http.response.duration={}.{}ms http.response.status=200 http.response.written={}",
            at.format("%Y-%m-%dT%H:%M:%S%.9fZ"),
            random.uuid(),
            random.below(255),
            random.below(255),
            random.below(90),
            random.below(90),
            random.below(999_999),
            random.below(9_000)
        ),
        _ => format!(
            "time=\"{}\" level=info msg=\"authorized request\" go.version=go1.21.8 http.request.host=registry.lab.example http.request.id={} http.request.method=HEAD http.request.uri=\"/v2/team/{repository}/blobs/sha256:{digest}\" vars.digest=\"sha256:{digest}\" vars.name=team/{repository}",
            at.format("%Y-%m-%dT%H:%M:%S%.9fZ"),
            random.uuid()
        ),
    };
    Some(said(&[], text))
}

fn notice(
    random: &mut Random,
    at: DateTime<Utc>,
    action: &str,
    media: &str,
    repository: &str,
    digest: &str,
    tag: &str,
) -> String {
    format!(
        "{{\"events\":[{{\"id\":\"{}\",\"timestamp\":\"{}\",\"action\":\"{action}\",\"target\":{{\"mediaType\":\"{media}\",\"size\":1804,\"digest\":\"{digest}\",\"length\":1804,\"repository\":\"{repository}\",\"url\":\"http://registry.lab.example/v2/{repository}/manifests/{digest}\"{tag}}},\"request\":{{\"id\":\"{}\",\"addr\":\"10.4.0.9:56586\",\"host\":\"registry.lab.example\",\"method\":\"PUT\",\"useragent\":\"skopeo/1.13.3\"}},\"actor\":{{}},\"source\":{{\"addr\":\"registry-0:5000\",\"instanceID\":\"{}\"}}}}]}}",
        random.uuid(),
        at.format("%Y-%m-%dT%H:%M:%S%.9fZ"),
        random.uuid(),
        random.uuid(),
    )
}

pub(crate) fn notification(
    random: &mut Random,
    _: &Cast,
    at: DateTime<Utc>,
    signal: bool,
) -> Option<Said> {
    let repository = format!("team/{}", random.one_of(APPS));
    let digest = format!("sha256:{}", random.hex(64));
    if signal {
        let tag = format!(",\"tag\":\"v{}\"", random.below(9_000));
        return Some(said(
            &["image_pushed"],
            notice(
                random,
                at,
                "push",
                "application/vnd.docker.distribution.manifest.v2+json",
                &repository,
                &digest,
                &tag,
            ),
        ));
    }
    Some(said(
        &[],
        notice(
            random,
            at,
            "pull",
            "application/octet-stream",
            &repository,
            &digest,
            "",
        ),
    ))
}

pub(crate) fn push_story(cast: &Cast) -> Vec<(i64, Said)> {
    let mut random = Random::new(7, "push story");
    let at = DateTime::from_timestamp(1_716_336_000 + DEPLOY - 20, 0).unwrap_or_default();
    vec![(
        DEPLOY - 20,
        said(
            &["image_pushed"],
            notice(
                &mut random,
                at,
                "push",
                "application/vnd.docker.distribution.manifest.v2+json",
                "team/render",
                &cast.digest,
                ",\"tag\":\"latest\"",
            ),
        ),
    )]
}

pub(crate) fn deploy_story(cast: &Cast) -> Vec<(i64, Said)> {
    vec![
        (
            DEPLOY - 20,
            said(
                &["image_pushed"],
                format!("latest: digest: {} size: 1804", cast.digest),
            ),
        ),
        (
            DEPLOY,
            said(&[], "##[command]kubectl apply -f deploy/render.yaml"),
        ),
        (
            DEPLOY + 1,
            said(&["deploy_started"], "deployment.apps/render configured"),
        ),
        (
            DEPLOY + 2,
            said(
                &[],
                "##[command]kubectl rollout status deployment/render -n media --timeout=900s",
            ),
        ),
        (
            DEPLOY + 900,
            said(
                &["deploy_failed"],
                "error: deployment \"render\" exceeded its progress deadline",
            ),
        ),
    ]
}

/// One Event object.
pub(crate) struct Event {
    kind: &'static str,
    namespace: String,
    name: String,
    reason: &'static str,
    level: &'static str,
    component: &'static str,
    host: String,
    message: String,
    pub(crate) signals: Vec<&'static str>,
}

impl Event {
    /// The object on one line, as exporters of Events write it.
    pub(crate) fn line(&self, random: &mut Random, at: DateTime<Utc>) -> String {
        let object = self.object(random, at);
        object.lines().map(str::trim_start).collect()
    }

    /// The object as kubectl prints it inside of a list; no line end at its end.
    pub(crate) fn object(&self, random: &mut Random, at: DateTime<Utc>) -> String {
        let stamp = at.format("%Y-%m-%dT%H:%M:%SZ");
        let quoted = serde_json::to_string(&self.message).unwrap_or_default();
        let Event {
            kind,
            namespace,
            name,
            reason,
            level,
            component,
            host,
            ..
        } = self;
        format!(
            "        {{\n            \"apiVersion\": \"v1\",\n            \"count\": 1,\n            \"eventTime\": null,\n            \"firstTimestamp\": \"{stamp}\",\n            \"involvedObject\": {{\n                \"apiVersion\": \"v1\",\n                \"kind\": \"{kind}\",\n                \"name\": \"{name}\",\n                \"namespace\": \"{namespace}\",\n                \"uid\": \"{}\"\n            }},\n            \"kind\": \"Event\",\n            \"lastTimestamp\": \"{stamp}\",\n            \"message\": {quoted},\n            \"metadata\": {{\n                \"creationTimestamp\": \"{stamp}\",\n                \"name\": \"{name}.{:016x}\",\n                \"namespace\": \"{namespace}\",\n                \"resourceVersion\": \"{}\",\n                \"uid\": \"{}\"\n            }},\n            \"reason\": \"{reason}\",\n            \"reportingComponent\": \"{component}\",\n            \"reportingInstance\": \"{host}\",\n            \"source\": {{\n                \"component\": \"{component}\",\n                \"host\": \"{host}\"\n            }},\n            \"type\": \"{level}\"\n        }}",
            random.uuid(),
            at.timestamp_nanos_opt().unwrap_or_default(),
            random.below(1 << 30),
            random.uuid(),
        )
    }
}

/// An Event of every day. Nearly all tell a probe's result, which is no signal.
pub(crate) fn event(random: &mut Random, cast: &Cast) -> Event {
    let (namespace, name) = cast.pod(random);
    let host = cast.node(random).to_owned();
    let event = Event {
        kind: "Pod",
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        reason: "Unhealthy",
        level: "Warning",
        component: "kubelet",
        host,
        message: String::new(),
        signals: Vec::new(),
    };
    match random.below(200) {
        0 => Event {
            reason: "Scheduled",
            level: "Normal",
            component: "default-scheduler",
            message: format!("Successfully assigned {namespace}/{name} to {}", event.host),
            signals: vec!["scheduled"],
            host: String::new(),
            ..event
        },
        1 => Event {
            reason: "Pulled",
            level: "Normal",
            message: format!(
                "Successfully pulled image \"registry.lab.example/team/{}:v3\" in 1.2s (1.2s including waiting). Image size: 88112233 bytes.",
                random.one_of(APPS)
            ),
            signals: vec!["pulled"],
            ..event
        },
        _ => Event {
            message: format!(
                "Readiness probe failed: Get \"http://10.8.{}.{}:8080/healthz\": context deadline exceeded",
                random.below(255),
                random.below(255)
            ),
            ..event
        },
    }
}

/// What an exporter of Events writes.
pub(crate) fn exported(
    random: &mut Random,
    cast: &Cast,
    at: DateTime<Utc>,
    signal: bool,
) -> Option<Said> {
    let mut event = event(random, cast);
    while signal == event.signals.is_empty() {
        event = self::event(random, cast);
    }
    let text = event.line(random, at);
    Some(Said {
        text,
        signals: event.signals,
    })
}

pub(crate) fn event_story(cast: &Cast) -> Vec<(i64, Event)> {
    let mut story = Vec::new();
    for hop in 0..2 {
        let Some(t) = hop_begin(hop) else { continue };
        let node = cast.nodes[hop].clone();
        let of_pod = |reason, level, message: String, signal| Event {
            kind: "Pod",
            namespace: "media".into(),
            name: cast.culprit(hop),
            reason,
            level,
            component: "kubelet",
            host: node.clone(),
            message,
            signals: vec![signal],
        };
        let of_node = |reason, level, message: String, signal| Event {
            kind: "Node",
            namespace: "default".into(),
            name: node.clone(),
            reason,
            level,
            component: "kubelet",
            host: node.clone(),
            message,
            signals: vec![signal],
        };
        story.push((
            t + 2,
            of_pod(
                "Pulling",
                "Normal",
                format!("Pulling image \"{IMAGE}\""),
                "pulling",
            ),
        ));
        story.push((
            t + 61,
            of_node(
                "NodeHasDiskPressure",
                "Normal",
                format!("Node {node} status is now: NodeHasDiskPressure"),
                "disk_pressure_on",
            ),
        ));
        story.push((t + 75, of_pod("Failed", "Warning", format!("Failed to pull image \"{IMAGE}\": failed to pull and unpack image \"{IMAGE}\": {}", cast.no_space()), "pull_failed")));
        story.push((t + 80, of_pod("Evicted", "Warning", "The node was low on resource: ephemeral-storage. Threshold quantity: 3221225472, available: 225680Ki. ".into(), "evicted")));
        story.push((
            t + 300,
            of_node(
                "NodeHasNoDiskPressure",
                "Normal",
                format!("Node {node} status is now: NodeHasNoDiskPressure"),
                "disk_pressure_off",
            ),
        ));
    }
    story
}
