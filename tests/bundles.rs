//! Bundles as collectors and people make them: whose a file is by its place, copies, dates outside records, metrics, terminals.

use std::io::Write;

use serde_json::Value;

use crate::common::{incident, report, run};

const PRESSURE: &str = r#"I0522 03:15:44.123456     812 kubelet_node_status.go:632] "Recording event message for node" node="node-a1" event="NodeHasDiskPressure""#;

/// Rows of `rootline detect`, by the end of their path.
fn detected(path: &std::path::Path) -> impl Fn(&str) -> Value {
    let output = run(
        &["detect", &path.display().to_string(), "--output", "ndjson"],
        0,
    );
    let rows: Vec<Value> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect("an object"))
        .collect();
    move |name: &str| {
        rows.iter()
            .find(|row| {
                row["path"]
                    .as_str()
                    .is_some_and(|path| path.ends_with(name))
            })
            .unwrap_or_else(|| panic!("{name} is not among {rows:?}"))
            .clone()
    }
}

/// Signals as `kind at node pod`.
fn told(found: &Value) -> Vec<String> {
    let signals = found["signals"].as_array().expect("signals");
    signals
        .iter()
        .map(|s| {
            let at = s["at"].as_str().unwrap_or("-");
            let entity = |name: &str| s["entities"][name].as_str().unwrap_or("-").to_owned();
            format!(
                "{} {} {} {}",
                s["signal"].as_str().unwrap_or_default(),
                &at[..at.len().min(19)],
                entity("node"),
                entity("pod")
            )
        })
        .collect()
}

#[test]
fn a_layout_tells_whose_a_file_is() {
    let klog = format!("{PRESSURE}\n");
    let journal = "May 22 03:15:44 prod-worker2 kubelet[812]: hello\n";
    let crio =
        "2024-05-22T03:15:44.123456789Z stderr F I0522 03:15:44.123456       1 a.go:1] hello\n";
    let dump = format!(
        "==== START logs for container web of pod shop/cart-1 ====\n{klog}==== END logs for container web of pod shop/cart-1 ====\n"
    );
    let folder = incident(&[
        ("must/namespaces/openshift-etcd/pods/etcd-master-0/etcd/etcd/logs/current.log", crio.as_bytes()),
        ("must/host_service_logs/masters/crio_service.log", b"hello\n"),
        ("kind/kind-version.txt", b"kind v0.23.0\n"),
        ("kind/prod-worker2/journal.log", journal.as_bytes()),
        ("kind/prod-worker2/pods/kube-system_kube-proxy-x2x4z_0123456789abcdef0123456789abcdef/kube-proxy/0.log", crio.as_bytes()),
        ("sosreport-node-a7-03512345-2024-05-22-abcdefg/sos_commands/logs/journalctl_--no-pager", klog.as_bytes()),
        ("dump/shop/cart-1/logs.txt", dump.as_bytes()),
        ("cluster-resources/pods/logs/kube-system/kube-controller-manager-cp-1/kube-controller-manager.log", klog.as_bytes()),
        ("cluster-resources/deployments/shop.json", br#"{"kind":"List","items":[{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"cart","namespace":"shop"}}]}"#),
    ]);
    let row = detected(folder.path());
    let speaks = |name: &str, key: &str| {
        row(name)["speaks_for"][key]
            .as_str()
            .unwrap_or("-")
            .to_owned()
    };
    assert_eq!(speaks("etcd/logs/current.log", "component"), "etcd");
    assert_eq!(speaks("etcd/logs/current.log", "node"), "master-0");
    assert_eq!(
        speaks("etcd/logs/current.log", "node_from"),
        "its place in the must-gather layout"
    );
    assert_eq!(speaks("crio_service.log", "component"), "cri-o");
    assert_eq!(speaks("prod-worker2/journal.log", "cluster"), "prod");
    assert_eq!(
        speaks("prod-worker2/journal.log", "node_from"),
        "its records name their host"
    );
    assert_eq!(
        speaks("kube-proxy/0.log", "pod"),
        "kube-system/kube-proxy-x2x4z"
    );
    assert_eq!(speaks("journalctl_--no-pager", "node"), "node-a7");
    assert_eq!(speaks("cart-1/logs.txt", "pod"), "shop/cart-1");
    assert_eq!(
        speaks("kube-controller-manager.log", "component"),
        "kube-controller-manager"
    );
    assert_eq!(speaks("kube-controller-manager.log", "node"), "cp-1");
    // A list of Deployments is not what a deploy tool said.
    assert_eq!(speaks("deployments/shop.json", "component"), "-");
    let clusters = &report(folder.path())["incident"]["clusters"];
    assert_eq!(*clusters, serde_json::json!(["prod"]));
}

#[test]
fn what_the_user_says_of_a_node_beats_its_place() {
    let folder = incident(&[(
        "sosreport-node-a7-03512345-2024-05-22-abcdefg/kubelet.log",
        format!("{PRESSURE}\n").as_bytes(),
    )]);
    let path = folder.path().display().to_string();
    let output = run(
        &[
            "detect",
            &path,
            "--output",
            "ndjson",
            "--node-of",
            "sosreport*/**=node-b9",
        ],
        0,
    );
    let row: Value = serde_json::from_slice(&output.stdout).expect("a row");
    assert_eq!(row["speaks_for"]["node"], "node-b9");
    assert_eq!(row["speaks_for"]["node_from"], "given on the command line");
}

#[test]
fn a_packed_copy_is_no_second_witness_and_equal_words_of_two_pods_are() {
    let text = format!("2024-05-22T03:15:44Z node-a1 kubelet[812]: {PRESSURE}\n");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(text.as_bytes()).expect("packed");
    let packed = packed.finish().expect("packed");
    let folder = incident(&[
        ("a/kubelet.log", text.as_bytes()),
        ("b/kubelet.log.gz", &packed),
    ]);
    let found = report(folder.path());
    assert_eq!(
        found["signals"][0]["evidence"].as_array().map(Vec::len),
        Some(1)
    );
    let said = found["sources"][1]["problems"].to_string();
    assert!(
        said.contains("holds the same as") && said.contains("a/kubelet.log"),
        "{said}"
    );
    // Its bytes are in the account all the same.
    assert_eq!(found["ledger"]["bytes"], 2 * text.len() as u64);

    let line = "2024-05-22T03:15:44.123456789Z stderr F write /var/lib/containerd/x: no space left on device\n";
    let path = |pod: &str| format!("pods/shop_{pod}_0123456789abcdef0123456789abcdef/web/0.log");
    let folder = incident(&[
        (&path("cart-1"), line.as_bytes()),
        (&path("cart-2"), line.as_bytes()),
    ]);
    let found = report(folder.path());
    let witnesses: usize = found["signals"]
        .as_array()
        .expect("signals")
        .iter()
        .map(|s| s["evidence"].as_array().map_or(0, Vec::len))
        .sum();
    assert_eq!(witnesses, 2, "{}", found["signals"]);
}

#[test]
fn a_year_is_told_by_preamble_name_or_archive() {
    let check = |files: &[(&str, &[u8])], at: &str| {
        let found = report(incident(files).path());
        let first = found["signals"][0]["at"].as_str().unwrap_or("-").to_owned();
        assert!(first.starts_with(at), "{} is {first}", files[0].0);
        assert_eq!(found["signals"][0]["time_basis"], "year_inferred");
    };
    let klog = format!("{PRESSURE}\n");
    let preamble =
        format!("Log file created at: 2023/05/22 03:14:02\nRunning on machine: node-a1\n{klog}");
    check(
        &[("kubelet.INFO", preamble.as_bytes())],
        "2023-05-22T03:15:44",
    );
    check(
        &[("kubelet.log-20220523", klog.as_bytes())],
        "2022-05-22T03:15:44",
    );
    // Its own name is nearer to a file than what others say of another year.
    let other = "2024-05-22T03:15:44Z node-b1 kubelet[1]: hello\n";
    check(
        &[
            ("kubelet.log-20220523", klog.as_bytes()),
            ("other.log", other.as_bytes()),
        ],
        "2022-05-22T03:15:44",
    );
    // An archive is written after what it holds: a stamp in May, packed in March, is of the year before.
    let mut packed = flate2::GzBuilder::new()
        .mtime(1_709_251_200)
        .write(Vec::new(), flate2::Compression::fast());
    packed.write_all(klog.as_bytes()).expect("packed");
    check(
        &[("kubelet.log.gz", &packed.finish().expect("packed"))],
        "2023-05-22T03:15:44",
    );
    // 29 February is in leap years only.
    let leap = klog.replace("0522", "0229");
    check(
        &[("kubelet-20230105.log", leap.as_bytes())],
        "2024-02-29T03:15:44",
    );
    // A new year inside the file.
    let years = format!(
        "{}{}",
        klog.replace("0522", "1231"),
        klog.replace("0522", "0101")
    );
    let found = report(incident(&[("kubelet-20240101.log", years.as_bytes())]).path());
    assert_eq!(
        told(&found),
        [
            "disk_pressure_on 2023-12-31T03:15:44 node-a1 -",
            "disk_pressure_on 2024-01-01T03:15:44 node-a1 -",
        ]
    );
    assert_eq!(found["signals"][0]["as_written"], "1231 03:15:44.123456");
}

#[test]
fn metrics_tell_how_full_a_disk_was_and_when_a_condition_changed() {
    let answer = |series: &str| {
        format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":[{series}]}}}}"#)
    };
    let labels =
        r#""instance":"10.0.42.12:9100","node":"node-a1","device":"/dev/vda1","mountpoint":"/""#;
    let free = answer(&format!(
        r#"{{"metric":{{"__name__":"node_filesystem_avail_bytes",{labels}}},"values":[[1716347640,"50"],[1716347700,"4"]]}}"#
    ));
    let size = answer(&format!(
        r#"{{"metric":{{"__name__":"node_filesystem_size_bytes",{labels}}},"values":[[1716347640,"100"],[1716347700,"100"]]}}"#
    ));
    let state = |status: &str, values: &str| {
        format!(
            r#"{{"metric":{{"__name__":"kube_node_status_condition","node":"node-a1","condition":"DiskPressure","status":"{status}"}},"values":{values}}}"#
        )
    };
    let conditions = answer(&format!(
        "{},{},{}",
        state(
            "true",
            r#"[[1716347640,"0"],[1716347700,"1"],[1716347760,"0"]]"#
        ),
        state(
            "false",
            r#"[[1716347640,"1"],[1716347700,"0"],[1716347760,"1"]]"#
        ),
        r#"{"metric":{"__name__":"up","job":"x"},"values":[[1716347640,"1"]]}"#
    ));
    let summary = r#"{"node":{"nodeName":"node-a2","fs":{"time":"2024-05-22T03:15:00Z","availableBytes":5,"capacityBytes":100,"inodesFree":90,"inodes":100}},"pods":[]}"#;
    let folder = incident(&[
        ("avail.json", free.as_bytes()),
        ("size.json", size.as_bytes()),
        ("conditions.json", conditions.as_bytes()),
        ("summary.json", summary.as_bytes()),
    ]);
    let found = report(folder.path());
    let disks: Vec<String> = found["disks"]
        .as_array()
        .expect("disks")
        .iter()
        .map(|d| {
            format!(
                "{} {} {}",
                d["node"].as_str().unwrap_or("-"),
                d["used_percent"],
                d["inodes"]
            )
        })
        .collect();
    assert_eq!(
        disks,
        [
            "node-a1 50.0 false",
            "node-a1 96.0 false",
            "node-a2 95.0 false",
            "node-a2 10.0 true"
        ]
    );
    assert_eq!(
        told(&found),
        [
            "disk_pressure_on 2024-05-22T03:14:00 node-a1 -",
            "disk_pressure_off 2024-05-22T03:15:00 node-a1 -",
        ]
    );
    assert_eq!(found["signals"][0]["precision"], "60s");
    let quoted = found["signals"][0]["evidence"][0]["text"]
        .as_str()
        .expect("a text")
        .to_owned();
    assert!(
        quoted.contains("DiskPressure") && quoted.ends_with(r#"[1716347700,"1"]"#),
        "{quoted}"
    );
    let row = detected(folder.path());
    assert!(
        row("conditions.json")["problems"]
            .to_string()
            .contains("series of metrics"),
        "{}",
        row("conditions.json")
    );
    assert_eq!(row("avail.json")["from"], "2024-05-22T03:14:00.000000Z");
}

#[test]
fn a_terminals_record_hides_nothing() {
    let text = format!(
        "Script started on 2024-05-22 03:15:00+00:00\n\
         \x1b[01;32mroot@node-a1\x1b[00m:~# journalctl -u kubelet -n1\r\n\
         May 22 03:15:44 node-a1 kubelet[812]: {PRESSURE}\r\n\
         root@node-a1:~# df -hT /\r\n\
         Filesystem     Type  Size  Used Avail Use% Mounted on\r\n\
         /dev/vda1      ext4   20G   19G  1.0G  95% /\r\n\
         root@node-a1:~# kubectl get events -A\r\n\
         NAMESPACE   LAST SEEN              TYPE      REASON    OBJECT       MESSAGE\r\n\
         shop        2024-05-22T03:16:00Z   Warning   Evicted   pod/cart-1   The node was low on resource: ephemeral-storage. \r\n\
         root@node-a1:~# kubectl get event cart-2 -o yaml\r\n\
         apiVersion: v1\r\n\
         kind: Event\r\n\
         involvedObject:\r\n  kind: Pod\r\n  namespace: shop\r\n  name: cart-2\r\n\
         reason: Evicted\r\n\
         message: 'The node was low on resource: ephemeral-storage. '\r\n\
         source:\r\n  component: kubelet\r\n  host: node-a1\r\n\
         firstTimestamp: \"2024-05-22T03:17:00Z\"\r\n\
         root@node-a1:~# kubectl get event cart-3 -o json\r\n\
         {{\r\n  \"apiVersion\": \"v1\",\r\n  \"kind\": \"Event\",\r\n  \"involvedObject\": {{\"kind\": \"Pod\", \"namespace\": \"shop\", \"name\": \"cart-3\"}},\r\n\
         \x20 \"reason\": \"Evicted\", \"message\": \"The node was low on resource: ephemeral-storage. \",\r\n\
         \x20 \"source\": {{\"component\": \"kubelet\", \"host\": \"node-a1\"}},\r\n  \"firstTimestamp\": \"2024-05-22T03:18:00Z\"\r\n}}\r\n\
         root@node-a1:~# exit\r\n"
    );
    let folder = incident(&[("typescript", text.as_bytes())]);
    let found = report(folder.path());
    assert_eq!(
        told(&found),
        [
            "disk_pressure_on 2024-05-22T03:15:44 node-a1 -",
            "evicted 2024-05-22T03:16:00 node-a1 cart-1",
            "evicted 2024-05-22T03:17:00 node-a1 cart-2",
            "evicted 2024-05-22T03:18:00 node-a1 cart-3",
        ]
        .map(|line| line.replace("03:16:00 node-a1", "03:16:00 -"))
    );
    let source = &found["sources"][0];
    assert_eq!(source["bytes"], source["bytes_read"]);
    let log = format!(
        "Filesystem Size Used Avail Use% Mounted on\n/dev/vda1 20G 19G 1G 95% /\nMay 22 03:15:44 node-a1 kubelet[812]: {PRESSURE}\n"
    );
    let found = report(incident(&[("both.txt", log.as_bytes())]).path());
    assert_eq!(
        told(&found).len(),
        1,
        "a table does not hide the lines below it"
    );
}

#[test]
fn values_over_several_lines_are_joined_behind_a_prefix() {
    let block = [
        r#"E0522 03:15:44.123456     812 kuberuntime_image.go:55] "Failed to pull image" err=<"#,
        "\twrite /var/lib/containerd/x: no space left on device",
        " > image=\"shop/cart:v9\"",
    ];
    for prefix in ["> ", "kubelet-x2x4z kubelet ", "kubelet.log:"] {
        let text: String = block
            .iter()
            .map(|line| format!("{prefix}{line}\n"))
            .collect();
        let found = report(incident(&[("quoted.txt", text.as_bytes())]).path());
        let signals = found["signals"].as_array().expect("signals");
        assert_eq!(signals.len(), 1, "{prefix}: {signals:?}");
        assert_eq!(signals[0]["signal"], "pull_failed", "{prefix}");
        assert_eq!(signals[0]["entities"]["image"], "shop/cart:v9", "{prefix}");
        assert_eq!(
            signals[0]["evidence"][0]["text"],
            text.trim_end(),
            "{prefix}"
        );
    }
}

#[test]
fn a_message_repeated_by_syslog_is_counted() {
    let text = format!(
        "May 22 03:15:44 node-a1 kubelet[812]: {PRESSURE}\nMay 22 03:15:50 node-a1 last message repeated 4 times\n"
    );
    let found = report(incident(&[("messages-20240522", text.as_bytes())]).path());
    assert_eq!(found["signals"][0]["count"], 5);
}

#[test]
fn a_clouds_log_entries_are_read_in_yaml_and_name_their_cluster() {
    let binding = "insertId: a1\nlogName: projects/p/logs/cloudaudit.googleapis.com%2Factivity\nprotoPayload:\n  authenticationInfo:\n    principalEmail: system:kube-scheduler\n  methodName: io.k8s.core.v1.pods.binding.create\n  request:\n    kind: Binding\n    target:\n      kind: Node\n      name: node-a1\n  resourceName: core/v1/namespaces/shop/pods/cart-1/binding\n  serviceName: k8s.io\nresource:\n  labels:\n    cluster_name: prod-1\n  type: k8s_cluster\ntimestamp: \"2024-05-22T03:14:00Z\"\n";
    let node = format!(
        "insertId: a2\njsonPayload:\n  MESSAGE: '{PRESSURE}'\n  SYSLOG_IDENTIFIER: kubelet\nlogName: projects/p/logs/kubelet\nresource:\n  labels:\n    cluster_name: prod-1\n    node_name: node-a1\n  type: k8s_node\ntimestamp: \"2024-05-22T03:15:44.2Z\"\n"
    );
    let folder = incident(&[
        ("audit.yaml", binding.as_bytes()),
        ("node.yaml", node.as_bytes()),
    ]);
    let found = report(folder.path());
    assert_eq!(
        told(&found),
        [
            "scheduled 2024-05-22T03:14:00 node-a1 cart-1",
            "disk_pressure_on 2024-05-22T03:15:44 node-a1 -",
        ]
    );
    assert_eq!(found["incident"]["clusters"], serde_json::json!(["prod-1"]));
    let row = detected(folder.path());
    assert_eq!(
        row("audit.yaml")["format"],
        serde_json::json!(["yaml-manifest", "gcp-audit", "kube-audit"])
    );
    assert_eq!(row("node.yaml")["speaks_for"]["node"], "node-a1");
}

#[test]
fn flux_objects_tell_what_became_of_a_deploy() {
    let object = |kind: &str, group: &str, status: &str| {
        format!(
            r#"{{"apiVersion":"{group}.toolkit.fluxcd.io/v1","kind":"{kind}","metadata":{{"name":"cart","namespace":"shop"}},"status":{status}}}"#
        )
    };
    let text = [
        object("HelmRelease", "helm", r#"{"conditions":[{"type":"Released","status":"True"},{"type":"Ready","status":"True","lastTransitionTime":"2024-05-22T03:14:12Z"}],"history":[{"status":"deployed","lastDeployed":"2024-05-22T03:14:10Z"}]}"#),
        object("Kustomization", "kustomize", r#"{"conditions":[{"type":"Ready","status":"False","reason":"HealthCheckFailed","lastTransitionTime":"2024-05-22T03:19:12Z"}]}"#),
        object("Kustomization", "kustomize", r#"{"conditions":[{"type":"Ready","status":"False","reason":"DependencyNotReady","lastTransitionTime":"2024-05-22T03:20:12Z"}]}"#),
    ]
    .join("\n");
    // What becomes of a deploy on a healthy day is nobody's signal: something else must have happened.
    let fault = "2024-05-22T03:15:44.123456+0000 node-a1 kubelet[835]: I0522 03:15:44.123400     835 kubelet_node_status.go:1] \"Recording event message for node\" node=\"node-a1\" event=\"NodeHasDiskPressure\"\n";
    let found = report(
        incident(&[
            ("flux.json", text.as_bytes()),
            ("kubelet.log", fault.as_bytes()),
        ])
        .path(),
    );
    let deploys: Vec<String> = told(&found)
        .into_iter()
        .filter(|t| t.starts_with("deploy_"))
        .collect();
    assert_eq!(
        deploys,
        [
            "deploy_finished 2024-05-22T03:14:10 - -",
            "deploy_failed 2024-05-22T03:19:12 - -",
        ]
    );
}

#[test]
fn detect_tells_the_runner_up() {
    let iso = "2024-05-22T03:15:44.123456789Z stderr F hello\n".repeat(3);
    let folder = incident(&[
        ("0.log", iso.as_bytes()),
        ("note.txt", b"nobody knows this\n"),
    ]);
    let row = detected(folder.path());
    assert_eq!(
        row("0.log")["runner_up"],
        serde_json::json!({"format": "job-log", "reads": 3, "tried": 3, "other_lines": false})
    );
    assert_eq!(row("note.txt")["runner_up"], Value::Null);
    let output = run(&["detect", &folder.path().display().to_string()], 0);
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(
        shown.contains("runner-up  job-log, which reads 3 of 3 tried (the same)"),
        "{shown}"
    );
    assert!(
        shown.contains("runner-up  no other format reads any of it"),
        "{shown}"
    );
}

#[test]
fn a_corrected_time_stands_beside_the_one_that_was_written() {
    let pods = ["cart-1", "cart-2", "cart-3", "cart-4"];
    let mut kubelet = String::new();
    let mut events = Vec::new();
    for (index, pod) in pods.iter().enumerate() {
        let minute = 10 + index;
        kubelet += &format!(
            "2024-05-22T03:{:02}:44.000000+0000 node-a1 kubelet[812]: I0522 03:{:02}:44.000000     812 eviction_manager.go:627] \"Eviction manager: pod is evicted successfully\" pod=\"shop/{pod}\"\n",
            minute + 7,
            minute + 7
        );
        events.push(serde_json::json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": format!("{pod}.1"), "namespace": "shop"},
            "involvedObject": {"kind": "Pod", "namespace": "shop", "name": pod}, "reason": "Evicted", "message": "The node was low on resource: ephemeral-storage. ",
            "source": {"component": "someone-else", "host": "node-a1"}, "type": "Warning",
            "firstTimestamp": format!("2024-05-22T03:{minute:02}:44Z"), "lastTimestamp": format!("2024-05-22T03:{minute:02}:44Z"), "count": 1}));
    }
    let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": events}).to_string();
    let folder = incident(&[
        ("kubelet-node-a1.log", kubelet.as_bytes()),
        ("events.json", list.as_bytes()),
    ]);
    let found = report(folder.path());
    let row = detected(folder.path());
    let clock = row("kubelet-node-a1.log")["clock"].clone();
    assert_eq!(clock["status"], "corrected", "{clock}");
    assert!(
        (clock["offset_ms"].as_i64().expect("a number") - 420_000).abs() <= 1_000,
        "{clock}"
    );
    let evicted = found["signals"]
        .as_array()
        .expect("signals")
        .iter()
        .find(|s| s["format"][0] == "journal-iso")
        .expect("the kubelet's");
    assert!(
        evicted["at"]
            .as_str()
            .is_some_and(|at| at.starts_with("2024-05-22T03:10:4")),
        "{evicted}"
    );
    assert_eq!(evicted["as_written"], "0522 03:17:44.000000");
}
