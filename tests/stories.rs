//! Small stories, most told by Events alone: what must be found, and what must not be blamed.

use serde_json::{Value, json};

use crate::common::{incident, report};

/// Makes one Event: seconds after 03:00, object, reason, message, node.
fn event(at: u32, kind: &str, name: &str, reason: &str, message: &str, node: &str) -> Value {
    let stamp = format!("2024-05-22T03:{:02}:{:02}Z", at / 60, at % 60);
    let component = if node.is_empty() {
        "controller"
    } else {
        "kubelet"
    };
    json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": format!("{name}.{at}{reason}"), "namespace": "apps"},
        "involvedObject": {"kind": kind, "name": name, "namespace": "apps"}, "reason": reason, "message": message, "type": "Warning",
        "source": {"component": component, "host": node}, "firstTimestamp": stamp, "lastTimestamp": stamp, "count": 1})
}

fn told(events: &[Value]) -> Value {
    let list = json!({"apiVersion": "v1", "kind": "List", "items": events});
    report(incident(&[("events.json", list.to_string().as_bytes())]).path())
}

/// A pull that fills a node: scheduled, pulling, failed, pressure, evicted.
fn filled(at: u32, pod: &str, node: &str) -> Vec<Value> {
    let image = "shop.example/cart:v9";
    vec![
        event(
            at,
            "Pod",
            pod,
            "Scheduled",
            &format!("Successfully assigned apps/{pod} to {node}"),
            "",
        ),
        event(
            at + 1,
            "Pod",
            pod,
            "Pulling",
            &format!("Pulling image \"{image}\""),
            node,
        ),
        event(
            at + 30,
            "Pod",
            pod,
            "Failed",
            &format!(
                "Failed to pull image \"{image}\": failed to extract layer sha256:aaaaaaaaaaaaaaaa: write /x: no space left on device"
            ),
            node,
        ),
        event(
            at + 32,
            "Node",
            node,
            "NodeHasDiskPressure",
            &format!("Node {node} status is now: NodeHasDiskPressure"),
            node,
        ),
        event(
            at + 35,
            "Pod",
            pod,
            "Evicted",
            "The node was low on resource: ephemeral-storage. ",
            node,
        ),
    ]
}

fn first(found: &Value) -> (&str, &str, usize) {
    let cascade = &found["cascades"][0];
    (
        cascade["mechanism"].as_str().unwrap_or_default(),
        cascade["spread"].as_str().unwrap_or_default(),
        cascade["hops"].as_array().map_or(0, Vec::len),
    )
}

#[test]
fn a_domino_is_seen_even_if_nobody_says_who_made_the_pod() {
    let events = [
        filled(0, "cart-5f8d6c7b9-x2x4z", "n1"),
        filled(40, "cart-5f8d6c7b9-b5c6d", "n2"),
        filled(80, "cart-5f8d6c7b9-k7l8m", "n3"),
    ]
    .concat();
    assert_eq!(
        first(&told(&events)),
        ("image_pull_filled_disk", "domino", 3)
    );
}

#[test]
fn a_stateful_pod_keeps_its_name_and_is_evicted_three_times() {
    let events = [
        filled(0, "db-0", "n1"),
        filled(120, "db-0", "n2"),
        filled(240, "db-0", "n3"),
    ]
    .concat();
    let found = told(&events);
    assert_eq!(first(&found), ("image_pull_filled_disk", "domino", 3));
    let evicted: Vec<&str> = found["signals"]
        .as_array()
        .expect("signals")
        .iter()
        .filter(|s| s["signal"] == "evicted")
        .filter_map(|s| s["entities"]["node"].as_str())
        .collect();
    assert_eq!(evicted, ["n1", "n2", "n3"]);
}

#[test]
fn pods_of_one_rollout_that_fall_together_are_no_domino() {
    let events = [
        filled(0, "agent-aaaaa", "n1"),
        filled(1, "agent-bbbbb", "n2"),
        filled(2, "agent-ccccc", "n3"),
    ]
    .concat();
    assert_eq!(
        first(&told(&events)),
        ("image_pull_filled_disk", "common_cause", 3)
    );
}

#[test]
fn how_it_came_to_the_next_node_is_unknown_where_nobody_says_whose_pod_pulled_there() {
    let pull = |node: &str, begin: &str, end: &str| {
        let image = "harbor.example/ml/trainer:nightly";
        format!(
            "2023-11-02T08:{begin}Z {node} containerd[811]: time=\"2023-11-02T08:{begin}Z\" level=info msg=\"PullImage \\\"{image}\\\"\"\n\
             2023-11-02T08:{end}Z {node} containerd[811]: time=\"2023-11-02T08:{end}Z\" level=error msg=\"PullImage \\\"{image}\\\" failed\" error=\"failed to pull and unpack image \\\"{image}\\\": failed to extract layer sha256:0f6e2b8ad8c1f1f2e1a95a4ea6d2ef61e3a6f9c6ac4c1e2d3f40516273849aab: write /opt/x: no space left on device: unknown\"\n\
             2023-11-02T08:{end}Z {node} kubelet[990]: I1102 08:{end}     990 kubelet_node_status.go:696] \"Recording event message for node\" node=\"{node}\" event=\"NodeHasDiskPressure\"\n"
        )
    };
    let evicted = "2023-11-02T08:02:13.010000Z n1 kubelet[990]: I1102 08:02:13.010000     990 eviction_manager.go:366] \"Eviction manager: attempting to reclaim\" resourceName=\"ephemeral-storage\"\n2023-11-02T08:02:13.500000Z n1 kubelet[990]: I1102 08:02:13.500000     990 eviction_manager.go:596] \"Eviction manager: pod is evicted successfully\" pod=\"shop/cart-6b7d9f5c44-q8zvd\"\n";
    let spread = |second: &str| {
        let first = pull("n1", "00:00.100000", "02:11.900000");
        let log = [first.as_str(), evicted, second].concat();
        let found = report(incident(&[("nodes.log", log.as_bytes())]).path());
        assert_eq!(found["cascades"].as_array().map(Vec::len), Some(1));
        assert_eq!(found["cascades"][0]["mechanism"], "image_pull_filled_disk");
        found["cascades"][0]["spread"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    // The second pull began after a pod had to leave the first node: it may be its replacement, or another pod of a rollout.
    assert_eq!(
        spread(&pull("n2", "06:01.000000", "07:40.000000")),
        "unknown"
    );
    // It was under way before: nothing had been displaced yet.
    assert_eq!(
        spread(&pull("n2", "00:01.000000", "02:40.000000")),
        "common_cause"
    );
}

#[test]
fn a_pull_that_failed_on_one_node_does_not_explain_the_pressure_of_another() {
    let mut events = filled(0, "cart-5f8d6c7b9-x2x4z", "n1");
    events.truncate(3);
    events.push(event(
        32,
        "Node",
        "n2",
        "NodeHasDiskPressure",
        "Node n2 status is now: NodeHasDiskPressure",
        "n2",
    ));
    let found = told(&events);
    assert_eq!(found["cascades"].as_array().map(Vec::len), Some(1));
    assert_eq!(first(&found).0, "disk_full_unknown_writer");
    assert_eq!(found["cascades"][0]["culprit"], json!({"node": "n2"}));
}

#[test]
fn a_refusal_that_names_no_tag_is_about_the_pull_that_did() {
    let kubelet = [5, 25, 55]
        .map(|at| {
            format!(
                "May 22 03:00:{at:02} n1 kubelet[800]: E0522 03:00:{at:02}.200000     800 kuberuntime_image.go:51] Pull image \"hub.example/shop/cart:v9\" failed: rpc error: code = Unknown desc = Error response from daemon: unauthorized: authentication required\n"
            )
        })
        .concat();
    let dockerd = [5, 25, 55]
        .map(|at| {
            format!(
                "May 22 03:00:{at:02} n1 dockerd[612]: time=\"2024-05-22T03:00:{at:02}.000000000Z\" level=error msg=\"Not continuing with pull after error: pull access denied for hub.example/shop/cart, repository does not exist or may require 'docker login': denied: requested access to the resource is denied\"\n"
            )
        })
        .concat();
    let event = event(
        4,
        "Pod",
        "cart-5f8d6c7b9-x2x4z",
        "Pulling",
        "Pulling image \"hub.example/shop/cart:v9\"",
        "n1",
    );
    let list = json!({"kind": "List", "apiVersion": "v1", "items": [event]});
    let folder = incident(&[
        ("kubelet-n1.log", kubelet.as_bytes()),
        ("dockerd-n1.log", dockerd.as_bytes()),
        ("events.json", list.to_string().as_bytes()),
    ]);
    let found = report(folder.path());
    let cascades = found["cascades"].as_array().expect("cascades");
    assert_eq!(cascades.len(), 1, "{cascades:?}");
    assert_eq!(
        cascades[0]["culprit"]["image"],
        json!("hub.example/shop/cart:v9")
    );
}

#[test]
fn pods_that_a_pressed_node_rejects_belong_to_its_pressure() {
    let mut events = filled(0, "cart-5f8d6c7b9-x2x4z", "n1");
    events.push(event(
        36,
        "Pod",
        "cart-5f8d6c7b9-b5c6d",
        "Evicted",
        "The node had condition: [DiskPressure]. ",
        "n1",
    ));
    let found = told(&events);
    assert_eq!(found["unrelated"], json!([]), "{}", found["unrelated"]);
    assert!(
        found["cascades"][0]["blast_radius"]["direct"]["pods"]
            .to_string()
            .contains("b5c6d")
    );
}

#[test]
fn items_of_a_raw_list_take_kind_and_version_from_the_list() {
    let mut events = filled(0, "cart-5f8d6c7b9-x2x4z", "n1");
    for event in &mut events {
        let object = event.as_object_mut().expect("an object");
        object.remove("kind");
        object.remove("apiVersion");
    }
    let list = json!({"kind": "EventList", "apiVersion": "v1", "metadata": {}, "items": events});
    let found = report(incident(&[("raw.json", list.to_string().as_bytes())]).path());
    assert_eq!(first(&found).0, "image_pull_filled_disk");
    let empty = report(
        incident(&[(
            "none.json",
            b"{\"apiVersion\":\"v1\",\"items\":[],\"kind\":\"List\"}",
        )])
        .path(),
    );
    assert!(
        empty["ledger"]["skipped"]
            .to_string()
            .contains("an empty list")
    );
}

#[test]
fn a_silent_node_is_lost_and_a_disk_that_is_full_again_is_not_resolved() {
    let mut events = filled(0, "cart-5f8d6c7b9-x2x4z", "n1");
    events.push(event(
        400,
        "Node",
        "n1",
        "NodeHasNoDiskPressure",
        "Node n1 status is now: NodeHasNoDiskPressure",
        "n1",
    ));
    assert_eq!(told(&events)["metrics"]["resolved_at"]["status"], "derived");
    events.push(event(
        900,
        "Node",
        "n1",
        "NodeHasDiskPressure",
        "Node n1 status is now: NodeHasDiskPressure",
        "n1",
    ));
    assert_eq!(told(&events)["metrics"]["resolved_at"]["status"], "unknown");
    let mut lost = event(
        0,
        "Node",
        "n1",
        "NodeNotReady",
        "Node n1 status is now: NodeNotReady",
        "",
    );
    lost["source"]["component"] = "node-controller".into();
    let found = told(&[lost.clone()]);
    assert_eq!(first(&found).0, "node_lost");
    lost["source"]["component"] = "kubelet".into();
    assert_eq!(
        told(&[lost])["cascades"],
        json!([]),
        "a kubelet that says so itself is alive"
    );
}

#[test]
fn what_is_ruled_out_is_not_denied_where_the_record_says_it() {
    let mut events = filled(0, "cart-5f8d6c7b9-x2x4z", "n1");
    events[4]["message"] = "The node was low on resource: ephemeral-storage. Threshold quantity: 2Gi, available: 1Gi. Container cart was using 8Gi, request is 0, has larger consumption of ephemeral-storage. ".into();
    let found = told(&events);
    let ruled = found["cascades"][0]["ruled_out"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|r| r["mechanism"] == "workload_filled_disk")
        .expect("the rival");
    assert!(
        ruled["why"]
            .as_str()
            .unwrap_or_default()
            .contains("would fit it too"),
        "{ruled}"
    );
    assert_eq!(ruled["evidence"].as_array().map(Vec::len), Some(1));
}

#[test]
fn zero_times_are_no_times() {
    let mut pressed = event(
        5,
        "Node",
        "n1",
        "NodeHasDiskPressure",
        "Node n1 status is now: NodeHasDiskPressure",
        "n1",
    );
    pressed["firstTimestamp"] = "0001-01-01T00:00:00Z".into();
    pressed["lastTimestamp"] = "0001-01-01T00:00:00Z".into();
    pressed["metadata"]["creationTimestamp"] = "2024-05-22T03:00:05Z".into();
    assert_eq!(
        told(&[pressed])["signals"][0]["at"],
        "2024-05-22T03:00:05.000000Z"
    );
}

#[test]
fn a_storm_of_one_line_is_one_fact_with_a_counted_rest() {
    let line = "2024-05-22T03:15:44.123456+0000 n1 kubelet[8]: I0522 03:15:44.123400     8 a.go:1] \"Recording event message for node\" node=\"n1\" event=\"NodeHasDiskPressure\"\n";
    let found = report(incident(&[("kubelet.log", line.repeat(20_000).as_bytes())]).path());
    let signals = found["signals"].as_array().expect("signals");
    assert_eq!(
        (
            signals.len(),
            signals[0]["evidence"].as_array().map(Vec::len),
            signals[0]["evidence_left_out"].as_u64()
        ),
        (1, Some(1_000), Some(19_000))
    );
}

/// A pod that writes: scheduled, started, and after a while the node is short, evicts it, and recovers.
fn written_full(at: u32, pod: &str, node: &str, recovers: bool) -> Vec<Value> {
    let mut events = vec![
        event(
            at,
            "Pod",
            pod,
            "Scheduled",
            &format!("Successfully assigned apps/{pod} to {node}"),
            "",
        ),
        event(
            at + 1,
            "Pod",
            pod,
            "Pulling",
            "Pulling image \"shop.example/export:v1\"",
            node,
        ),
        event(
            at + 2,
            "Pod",
            pod,
            "Pulled",
            "Successfully pulled image \"shop.example/export:v1\" in 1s (1s including waiting). Image size: 4000000 bytes.",
            node,
        ),
        event(
            at + 60,
            "Node",
            node,
            "NodeHasDiskPressure",
            &format!("Node {node} status is now: NodeHasDiskPressure"),
            node,
        ),
        event(
            at + 61,
            "Pod",
            pod,
            "Evicted",
            "The node was low on resource: ephemeral-storage. Threshold quantity: 453004510, available: 335932Ki. Container export was using 28Ki, request is 0, has larger consumption of ephemeral-storage. ",
            node,
        ),
    ];
    if recovers {
        events.push(event(
            at + 120,
            "Node",
            node,
            "NodeHasNoDiskPressure",
            &format!("Node {node} status is now: NodeHasNoDiskPressure"),
            node,
        ));
    }
    events
}

const EXPORTS: [&str; 2] = ["export-7d4b9c6f5-bbbbb", "export-7d4b9c6f5-ccccc"];

#[test]
fn a_writer_is_known_by_the_pressure_that_follows_it() {
    let mut events = written_full(0, EXPORTS[0], "node-a", true);
    events.extend(written_full(62, EXPORTS[1], "node-b", true));
    let found = told(&events);
    let (mechanism, spread, _) = first(&found);
    assert_eq!((mechanism, spread), ("workload_filled_disk", "domino"));
    assert_eq!(found["cascades"][0]["confidence"], "probable");
    assert_eq!(
        found["cascades"][0]["culprit"]["workload"],
        "apps/Deployment/export"
    );
    assert_eq!(found["cascades"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_writer_is_not_named_where_the_pressure_tells_something_else() {
    let with = |events: Vec<Value>| {
        let found = told(&events);
        let all: Vec<String> = found["cascades"]
            .as_array()
            .expect("cascades")
            .iter()
            .map(|c| c["mechanism"].as_str().unwrap_or_default().to_owned())
            .collect();
        assert!(!all.contains(&"workload_filled_disk".to_owned()), "{all:?}");
    };
    // One node proves nothing: any pod may be the one that is evicted.
    with(written_full(0, EXPORTS[0], "node-a", true));
    // The pod went and the pressure stayed: something else fills both disks.
    let mut stays = written_full(0, EXPORTS[0], "node-a", false);
    stays.extend(written_full(62, EXPORTS[1], "node-b", false));
    with(stays);
    // Another workload came to the second node in between.
    let mut other = written_full(0, EXPORTS[0], "node-a", true);
    other.push(event(
        70,
        "Pod",
        "cart-6c8d7b5f49-ddddd",
        "Scheduled",
        "Successfully assigned apps/cart-6c8d7b5f49-ddddd to node-b",
        "",
    ));
    other.extend(written_full(62, EXPORTS[1], "node-b", true));
    with(other);
    // Two workloads were evicted on one of them.
    let mut two = written_full(0, EXPORTS[0], "node-a", true);
    two.extend(written_full(62, EXPORTS[1], "node-b", true));
    two.push(event(
        124,
        "Pod",
        "cart-6c8d7b5f49-ddddd",
        "Evicted",
        "The node was low on resource: ephemeral-storage. ",
        "node-b",
    ));
    with(two);
    // The pressure came with the image: it was pulled just then.
    let mut pulled = written_full(0, EXPORTS[0], "node-a", true);
    for mut one in written_full(62, EXPORTS[1], "node-b", true) {
        if one["reason"] == "Pulled" {
            for key in ["firstTimestamp", "lastTimestamp"] {
                one[key] = "2024-05-22T03:01:55Z".into();
            }
        }
        pulled.push(one);
    }
    with(pulled);
}

/// A full disk told by a kubelet: the threshold, an eviction for each pod with its message, the pressure.
fn short_of_disk(node: &str, evicted: &[(&str, &str)]) -> Vec<Value> {
    let mut events = vec![event(
        600,
        "Node",
        node,
        "EvictionThresholdMet",
        "Attempting to reclaim ephemeral-storage",
        node,
    )];
    for (at, (pod, used)) in evicted.iter().enumerate() {
        events.push(event(
            603 + 30 * at as u32,
            "Pod",
            pod,
            "Evicted",
            &format!(
                "The node was low on resource: ephemeral-storage. Threshold quantity: 10Gi, available: 9Gi. Container main was using {used}, request is 0, has larger consumption of ephemeral-storage. "
            ),
            node,
        ));
    }
    events.push(event(
        606,
        "Node",
        node,
        "NodeHasDiskPressure",
        &format!("Node {node} status is now: NodeHasDiskPressure"),
        node,
    ));
    events
}

#[test]
fn the_writer_is_who_used_most_and_not_who_went_first() {
    let found = told(&short_of_disk(
        "n1",
        &[
            ("front-7d9f9b8c6d-k8x2v", "500Mi"),
            ("dump-5c8f7d9b64-x2vk8", "60Gi"),
        ],
    ));
    assert_eq!(found["cascades"].as_array().map(Vec::len), Some(1));
    assert_eq!(first(&found).0, "workload_filled_disk");
    assert_eq!(
        found["cascades"][0]["culprit"]["workload"],
        "apps/Deployment/dump"
    );
    // Nobody who used a hundredth of the disk filled it.
    let found = told(&short_of_disk(
        "n1",
        &[
            ("front-7d9f9b8c6d-k8x2v", "1200Mi"),
            ("api-5c8f7d9b64-x2vk8", "900Mi"),
        ],
    ));
    assert_eq!(found["cascades"].as_array().map(Vec::len), Some(1));
    assert_eq!(first(&found).0, "disk_full_unknown_writer");
}

#[test]
fn a_short_pull_beside_a_large_writer_is_its_victim() {
    let image = "tools.example/curl:8";
    let pull = |begun: u32| {
        let mut events = short_of_disk("n1", &[("firehose-6d5f7c8b9d-k8x2v", "90Gi")]);
        let pod = "curl-7f6b8d9c5d-q9w8z";
        events.push(event(
            begun,
            "Pod",
            pod,
            "Pulling",
            &format!("Pulling image \"{image}\""),
            "n1",
        ));
        events.push(event(
            601,
            "Pod",
            pod,
            "Failed",
            &format!(
                "Failed to pull image \"{image}\": failed to extract layer sha256:aaaaaaaaaaaaaaaa: write /x: no space left on device"
            ),
            "n1",
        ));
        told(&events)
    };
    let found = pull(598);
    assert_eq!(first(&found).0, "workload_filled_disk");
    assert_eq!(
        found["cascades"][0]["culprit"]["workload"],
        "apps/Deployment/firehose"
    );
    let links = found["cascades"][0]["links"].as_array().expect("links");
    assert!(
        links
            .iter()
            .any(|l| l["rule"] == "eviction-threshold-then-pull-failed"),
        "{links:#?}"
    );
    // A pull that wrote for eight minutes can have filled it.
    let found = pull(120);
    assert_eq!(first(&found).0, "image_pull_filled_disk");
}

#[test]
fn a_pull_beside_a_shortage_of_inodes_is_no_shortage_of_bytes() {
    let mut events = filled(10, "cart-7d9c8b6f5-kx2lp", "n1");
    for event in &mut events {
        let message = event["message"].as_str().expect("a message");
        event["message"] = message.replace("ephemeral-storage", "inodes").into();
    }
    let found = told(&events);
    assert_eq!(first(&found).0, "inodes_exhausted");
    assert_eq!(found["cascades"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_deploy_of_something_else_begins_nothing() {
    let deploy = "2024-05-22T03:00:00Z deployment.apps/front configured\n$ kubectl -n web apply -f front.yaml\n";
    let audit = json!({"kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "auditID": "a", "stage": "ResponseComplete",
        "requestURI": "/apis/apps/v1/namespaces/web/deployments/front", "verb": "patch", "user": {"username": "release-bot"},
        "objectRef": {"resource": "deployments", "namespace": "web", "name": "front", "apiGroup": "apps", "apiVersion": "v1"},
        "responseStatus": {"code": 200}, "requestReceivedTimestamp": "2024-05-22T03:00:00.000000Z", "stageTimestamp": "2024-05-22T03:00:00.010000Z"});
    let crash = |at: u32| {
        let mut one = event(
            at,
            "Pod",
            "postgres-0",
            "BackOff",
            "Back-off restarting failed container main in pod postgres-0_db(0c0d7a52-91a3-4a0e-8b3f-0f5f4c1e2d3a)",
            "n1",
        );
        one["involvedObject"]["namespace"] = "db".into();
        one
    };
    let list =
        json!({"apiVersion": "v1", "kind": "List", "items": [crash(180), crash(210), crash(250)]});
    let found = report(
        incident(&[
            ("deploy.log", deploy.as_bytes()),
            ("audit.log", format!("{audit}\n").as_bytes()),
            ("events.json", list.to_string().as_bytes()),
        ])
        .path(),
    );
    assert_eq!(first(&found).0, "crash_loop");
    assert_eq!(found["cascades"][0]["trigger"], Value::Null, "{found:#}");
}

/// A node that the control plane calls silent, and is heard of again.
fn silent(at: u32, node: &str) -> Vec<Value> {
    let mut gone = event(
        at,
        "Node",
        node,
        "NodeNotReady",
        &format!("Node {node} status is now: NodeNotReady"),
        "",
    );
    gone["source"] = json!({"component": "node-controller"});
    vec![
        gone,
        event(
            at + 100,
            "Node",
            node,
            "NodeReady",
            &format!("Node {node} status is now: NodeReady"),
            node,
        ),
    ]
}

#[test]
fn a_node_that_was_cordoned_before_it_went_down_is_not_lost() {
    let cordon = |at| {
        event(
            at,
            "Node",
            "n1",
            "NodeNotSchedulable",
            "Node n1 status is now: NodeNotSchedulable",
            "n1",
        )
    };
    let mut planned = vec![cordon(60)];
    planned.extend(silent(240, "n1"));
    let found = told(&planned);
    assert_eq!(found["cascades"].as_array().map(Vec::len), Some(0));
    let why = found["unrelated"][0]["why"].as_str().unwrap_or_default();
    assert!(why.contains("planned work"), "{found:#}");
    // Who cordons a node that is ill already has planned nothing.
    let mut ill = filled(10, "cart-7d9c8b6f5-kx2lp", "n1");
    ill.push(cordon(120));
    ill.extend(silent(240, "n1"));
    let mechanisms: Vec<String> = told(&ill)["cascades"]
        .as_array()
        .expect("cascades")
        .iter()
        .map(|c| c["mechanism"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert!(
        mechanisms.iter().any(|m| m == "node_lost"),
        "{mechanisms:?}"
    );
}

#[test]
fn what_the_record_says_of_a_silent_node_is_told() {
    let explanation = |more: Value| {
        let mut events = silent(240, "n1");
        events.push(more);
        let found = told(&events);
        assert_eq!(first(&found).0, "node_lost");
        let gap = found["gaps"].to_string().contains("Why n1 fell silent");
        let text = found["cascades"][0]["explanation"].as_str();
        (text.unwrap_or_default().to_owned(), gap)
    };
    let (text, gap) = explanation(event(
        330,
        "Node",
        "n1",
        "Rebooted",
        "Node n1 has been rebooted, boot id: 0c0d7a52-91a3-4a0e-8b3f-0f5f4c1e2d3a",
        "n1",
    ));
    assert!(text.contains("rebooted") && !gap, "{text}");
    let out_of_memory = |node: &str| {
        let message = "System OOM encountered, victim process: java, pid: 812";
        event(200, "Node", node, "SystemOOM", message, node)
    };
    let (text, gap) = explanation(out_of_memory("n1"));
    assert!(
        text.contains("out of memory") && text.contains("does not prove") && !gap,
        "{text}"
    );
    let (text, gap) = explanation(out_of_memory("n2"));
    assert!(text.contains("is not known") && gap, "{text}");
}

#[test]
fn a_node_whose_clock_is_slow_did_not_begin_it() {
    let mut events = filled(60, "cart-7d9c8b6f5-kx2lp", "n1");
    // Four minutes slow: what its kubelet says of the replacement stands before the pod was placed.
    let mut next = filled(120, "cart-7d9c8b6f5-9p4tz", "n2");
    for late in &mut next[1..] {
        for stamp in ["firstTimestamp", "lastTimestamp"] {
            let at = late[stamp].as_str().expect("a stamp").to_owned();
            late[stamp] = at.replace("T03:02", "T02:58").into();
        }
    }
    events.extend(next);
    let found = told(&events);
    assert_eq!(first(&found).1, "unknown", "{found:#}");
    let contradiction = found["cascades"][0]["contradictions"][0]["what"].to_string();
    assert!(contradiction.contains("clock"), "{found:#}");
}

#[test]
fn memory_that_one_workload_used_up_on_node_after_node_is_one_story() {
    let short = |at: u32, node: &str, pod: &str| {
        vec![
            event(
                at,
                "Pod",
                pod,
                "Evicted",
                "The node was low on resource: memory. Threshold quantity: 100Mi, available: 70Mi. Container main was using 13Gi, request is 256Mi, has larger consumption of memory. ",
                node,
            ),
            event(
                at + 2,
                "Node",
                node,
                "NodeHasInsufficientMemory",
                &format!("Node {node} status is now: NodeHasInsufficientMemory"),
                node,
            ),
        ]
    };
    let mut events = short(200, "n1", "leaky-7d9f9b8c6d-k8x2v");
    events.extend(short(440, "n2", "leaky-7d9f9b8c6d-x2vk8"));
    let found = told(&events);
    assert_eq!(found["cascades"].as_array().map(Vec::len), Some(1));
    assert_eq!(first(&found).0, "memory_exhausted");
    assert_eq!(
        found["cascades"][0]["culprit"]["workload"],
        "apps/Deployment/leaky"
    );
}

#[test]
fn a_pull_that_came_in_the_end_is_over() {
    let image = "shop.example/cart:v9";
    let failed = |at: u32| {
        event(
            at,
            "Pod",
            "cart-7d9c8b6f5-kx2lp",
            "Failed",
            &format!(
                "Failed to pull image \"{image}\": rpc error: code = Unknown desc = Get \"https://shop.example/v2/\": dial tcp 10.0.0.9:443: i/o timeout"
            ),
            "n1",
        )
    };
    let mut events: Vec<Value> = [60, 90, 130, 200].map(failed).into();
    events.push(event(
        300,
        "Pod",
        "cart-7d9c8b6f5-kx2lp",
        "Pulled",
        &format!("Successfully pulled image \"{image}\" in 9s"),
        "n1",
    ));
    let found = told(&events);
    assert_eq!(first(&found).0, "registry_unreachable");
    let summary = found["incident"]["summary"].to_string();
    assert!(
        summary.contains("got its image at 03:05:00") && !summary.contains("neither an alert nor"),
        "{summary}"
    );
}

#[test]
fn three_shortages_of_one_node_are_not_three_nodes() {
    let mut events = Vec::new();
    for at in [0_u32, 1500, 3000] {
        for mut one in short_of_disk("n1", &[("dumper-0", "60Gi")]) {
            let second: u32 = one["firstTimestamp"]
                .as_str()
                .and_then(|s| {
                    Some(s[14..16].parse::<u32>().ok()? * 60 + s[17..19].parse::<u32>().ok()?)
                })
                .expect("a stamp");
            let moved = second - 600 + at;
            let stamp = format!("2024-05-22T03:{:02}:{:02}Z", moved / 60, moved % 60);
            one["firstTimestamp"] = stamp.clone().into();
            one["lastTimestamp"] = stamp.into();
            one["metadata"]["name"] = format!("{}.{moved}", one["metadata"]["name"]).into();
            events.push(one);
        }
        events.push(event(
            at + 400,
            "Node",
            "n1",
            "NodeHasNoDiskPressure",
            "Node n1 status is now: NodeHasNoDiskPressure",
            "n1",
        ));
    }
    let summary = told(&events)["incident"]["summary"].to_string();
    assert!(
        summary.contains("It came to n1 3 times") && !summary.contains("3 nodes"),
        "{summary}"
    );
}

#[test]
fn a_cascade_that_shares_records_with_the_first_is_not_told_as_unrelated() {
    // The disk fills, the runtime cannot write and dies, the node is not ready: one story of two cascades.
    let mut events = short_of_disk("n1", &[("dump-5c8f7d9b64-x2vk8", "60Gi")]);
    events.push(event(
        640,
        "Node",
        "n1",
        "NodeNotReady",
        "Node n1 status is now: NodeNotReady",
        "n1",
    ));
    let list = json!({"apiVersion": "v1", "kind": "List", "items": events});
    let containerd = "time=\"2024-05-22T03:10:10.000000000Z\" level=error msg=\"failed to handle container TaskExit event\" error=\"write /var/lib/containerd/io.containerd.metadata.v1.bolt/meta.db: no space left on device\"\n";
    let kubelet = "2024-05-22T03:10:20.000000+0000 n1 kubelet[812]: E0522 03:10:20.000000     812 kubelet.go:2361] \"Skipping pod synchronization\" err=\"container runtime is down\"\n2024-05-22T03:10:40.000000+0000 n1 kubelet[812]: I0522 03:10:40.000000     812 setters.go:600] \"Node became not ready\" node=\"n1\" condition={\"type\":\"Ready\",\"status\":\"False\",\"reason\":\"KubeletNotReady\",\"message\":\"container runtime is down\"}\n";
    let found = report(
        incident(&[
            ("events.json", list.to_string().as_bytes()),
            ("containerd-n1.log", containerd.as_bytes()),
            ("kubelet-n1.log", kubelet.as_bytes()),
        ])
        .path(),
    );
    let summary = found["incident"]["summary"].to_string();
    assert_eq!(first(&found).0, "workload_filled_disk", "{summary}");
    assert!(
        summary.contains("Part of the same story: the container runtime failed"),
        "{summary}"
    );
    assert!(!summary.contains("Told separately"), "{summary}");
}
