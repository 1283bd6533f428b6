//! Layers that records really arrive in: containers of files, encodings, records over several lines, tables and descriptions.

use std::collections::BTreeSet;
use std::io::Write;

use serde_json::Value;

use crate::common::{incident, report, run};

const PRESSURE: &str = r#"I0522 03:15:44.123456     812 kubelet_node_status.go:632] "Recording event message for node" node="node-a1" event="NodeHasDiskPressure""#;

/// Signals as `kind at entity…`, in the report's order.
fn told(found: &Value, entities: &[&str]) -> Vec<String> {
    found["signals"]
        .as_array()
        .expect("signals")
        .iter()
        .map(|s| {
            let mut text = format!(
                "{} {}",
                s["signal"].as_str().unwrap_or_default(),
                s["at"]
                    .as_str()
                    .unwrap_or("-")
                    .split('.')
                    .next()
                    .unwrap_or_default()
            );
            for entity in entities {
                if let Some(value) = s["entities"][entity].as_str() {
                    text += &format!(" {value}");
                }
            }
            text
        })
        .collect()
}

fn packed(kind: &str, bytes: &[u8]) -> Vec<u8> {
    match kind {
        "gz" => {
            let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            out.write_all(bytes).expect("gzip");
            out.finish().expect("gzip")
        }
        "bz2" => {
            let mut out = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            out.write_all(bytes).expect("bzip2");
            out.finish().expect("bzip2")
        }
        "xz" => {
            let mut out = liblzma::write::XzEncoder::new(Vec::new(), 1);
            out.write_all(bytes).expect("xz");
            out.finish().expect("xz")
        }
        "zst" => zstd::encode_all(bytes, 1).expect("zstd"),
        "lz4" => {
            let mut out = lz4_flex::frame::FrameEncoder::new(Vec::new());
            out.write_all(bytes).expect("lz4");
            out.finish().expect("lz4")
        }
        "tar" => {
            let mut out = tar::Builder::new(Vec::new());
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mtime(1_716_348_000);
            header.set_mode(0o644);
            out.append_data(&mut header, "logs/kubelet.log", bytes)
                .expect("tar");
            let mut link = tar::Header::new_gnu();
            link.set_entry_type(tar::EntryType::Symlink);
            link.set_size(0);
            out.append_link(&mut link, "logs/current", "../../../etc/passwd")
                .expect("tar");
            out.into_inner().expect("tar")
        }
        "zip" => {
            let mut out = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
            let options = zip::write::SimpleFileOptions::default();
            out.start_file("../outside/kubelet.log", options)
                .expect("zip");
            out.write_all(bytes).expect("zip");
            out.finish().expect("zip").into_inner()
        }
        _ => panic!("{kind}"),
    }
}

#[test]
fn every_container_gives_the_same_line() {
    let line = format!("{PRESSURE}\n").into_bytes();
    let chains: &[&[&str]] = &[
        &["gz"],
        &["bz2"],
        &["xz"],
        &["zst"],
        &["lz4"],
        &["tar"],
        &["zip"],
        &["tar", "gz"],
        &["tar", "bz2"],
        &["tar", "xz"],
        &["tar", "zst"],
        &["tar", "lz4"],
        &["gz", "tar"],
        &["gz", "zip"],
        &["tar", "gz", "zip"],
        &["zip", "tar"],
        &["zip", "tar", "gz"],
    ];
    for chain in chains {
        let bytes = chain
            .iter()
            .fold(line.clone(), |bytes, kind| packed(kind, &bytes));
        let folder = incident(&[("file.bin", &bytes)]);
        let found = report(folder.path());
        assert_eq!(
            told(&found, &["node"]).len(),
            1,
            "{chain:?}: {}",
            found["ledger"]
        );
        let evidence = &found["signals"][0]["evidence"][0];
        assert_eq!(evidence["text"], PRESSURE, "{chain:?}");
        assert_eq!(
            evidence["byte"],
            serde_json::json!([0, PRESSURE.len()]),
            "{chain:?}"
        );
        let members = evidence["path"]
            .as_str()
            .expect("a path")
            .matches('!')
            .count();
        let archives = chain
            .iter()
            .filter(|k| matches!(**k, "tar" | "zip"))
            .count();
        assert_eq!(members, archives, "{chain:?}: {evidence}");
        let ledger = &found["ledger"];
        let skipped: u64 = ledger["skipped"]
            .as_array()
            .expect("skipped")
            .iter()
            .map(|s| s["bytes"].as_u64().unwrap_or(0))
            .sum();
        assert_eq!(
            ledger["bytes"].as_u64(),
            ledger["bytes_read"].as_u64().map(|r| r + skipped),
            "{chain:?}: {ledger}"
        );
    }
    assert!(
        !std::path::Path::new("outside").exists() && !std::path::Path::new("../outside").exists()
    );
}

#[test]
fn archives_in_archives_in_archives_stay_closed_and_say_so() {
    let mut bytes = format!("{PRESSURE}\n").into_bytes();
    for _ in 0..5 {
        bytes = packed("tar", &bytes);
    }
    let folder = incident(&[("deep.tar", &bytes), ("poem.txt", b"nothing of interest\n")]);
    let found = report(folder.path());
    assert!(told(&found, &[]).is_empty());
    assert!(
        found["ledger"]["skipped"]
            .to_string()
            .contains("an archive in other archives"),
        "{}",
        found["ledger"]
    );
}

#[test]
fn a_cut_archive_gives_what_stands_before_the_cut() {
    let lines = format!("{PRESSURE}\n").repeat(2_000).into_bytes();
    let whole = packed("gz", &packed("tar", &lines));
    let folder = incident(&[("cut.tgz", &whole[..whole.len() / 2])]);
    let found = report(folder.path());
    assert_eq!(told(&found, &["node"]).len(), 1);
    assert!(
        found["sources"].to_string().contains("cut off or damaged")
            || found["problems"].to_string().contains("cut off or damaged"),
        "{found}"
    );
}

#[test]
fn wildcards_name_files() {
    let folder = incident(&[
        ("a/kubelet.log", PRESSURE.as_bytes()),
        ("b/kubelet.txt", PRESSURE.as_bytes()),
    ]);
    let pattern = format!("{}/*/*.log", folder.path().display());
    let output = run(&["signals", &pattern, "--output", "ndjson"], 0);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("a/kubelet.log") && !text.contains("b/kubelet.txt"),
        "{text}"
    );
    let nothing = format!("{}/*/*.none", folder.path().display());
    let output = run(&["signals", &nothing], 1);
    assert!(String::from_utf8_lossy(&output.stderr).contains("no file fits this pattern"));
}

#[test]
fn values_over_several_lines_are_one_record() {
    let block = "E0522 03:15:44.123456     812 kuberuntime_image.go:53] \"Failed to pull image\" err=<\n\trpc error: code = Unknown desc = failed to pull and unpack image \"registry.example/cart:v9\":\n\twrite /var/lib/containerd/x: no space left on device\n > image=\"registry.example/cart:v9\"\n";
    let told_of = |bytes: &[u8]| {
        let folder = incident(&[("kubelet.log", bytes)]);
        let found = report(folder.path());
        let causes: Vec<String> = found["signals"]
            .as_array()
            .expect("signals")
            .iter()
            .map(|s| s["cause"].to_string())
            .collect();
        (
            told(&found, &["image"]),
            causes,
            found["signals"][0]["evidence"][0]["line"].clone(),
        )
    };
    let expected = (
        vec!["pull_failed - registry.example/cart:v9".to_owned()],
        vec!["\"no_space\"".to_owned()],
        serde_json::json!(1),
    );
    assert_eq!(told_of(block.as_bytes()), expected);
    let in_journal: String = block
        .lines()
        .map(|l| format!("May 22 03:15:44 node-a1 kubelet[812]: {l}\n"))
        .collect();
    assert_eq!(told_of(in_journal.as_bytes()), expected);
    let in_cri: String = block
        .lines()
        .map(|l| format!("2024-05-22T03:15:44.123456789Z stderr F {l}\n"))
        .collect();
    let (signals, causes, _) = told_of(in_cri.as_bytes());
    assert_eq!(
        (signals, causes),
        (
            vec!["pull_failed 2024-05-22T03:15:44 registry.example/cart:v9".to_owned()],
            expected.1.clone()
        )
    );
    let by_rsyslog = format!(
        "May 22 03:15:44 node-a1 kubelet[812]: {}\n",
        block.trim_end().replace('\n', "#012").replace('\t', "#011")
    );
    assert_eq!(told_of(by_rsyslog.as_bytes()), expected);
}

#[test]
fn fragments_of_other_streams_stand_in_between() {
    let line = PRESSURE;
    let (a, b) = line.split_at(90);
    let text = format!(
        "2024-05-22T03:15:44.1Z stderr P {a}\n2024-05-22T03:15:44.2Z stdout F something else\n2024-05-22T03:15:44.3Z stderr F {b}\n"
    );
    let folder = incident(&[("0.log", text.as_bytes())]);
    let found = report(folder.path());
    assert_eq!(
        told(&found, &["node"]),
        ["disk_pressure_on 2024-05-22T03:15:44 node-a1"]
    );
    assert_eq!(
        found["signals"][0]["evidence"][0]["byte"],
        serde_json::json!([0, text.len() - 1])
    );
}

#[test]
fn progress_bars_holes_and_quotes_hide_nothing() {
    let pull = "Error response from daemon: write /var/lib/docker/tmp/x: no space left on device";
    for (what, text) in [
        (
            "progress",
            format!(
                "2024-05-22T03:15:44.1234567Z Pulling\rDownloading 1MB\rDownloading 2MB\r{PRESSURE}\r\nnext\n"
            ),
        ),
        (
            "hole",
            format!("{}{PRESSURE}\n{PRESSURE}\n", "\0".repeat(70_000)),
        ),
        ("quote", format!("> {PRESSURE}\n")),
        ("grep", format!("kubelet.log:812:{PRESSURE}\n")),
        ("number", format!("    12  {PRESSURE}\n")),
        ("colour", format!("\u{1b}[31m{PRESSURE}\u{1b}[0m\n")),
        (
            "braces",
            format!("{{not json}} at all\n{PRESSURE}\n{pull}\n"),
        ),
    ] {
        let folder = incident(&[("some.log", text.as_bytes())]);
        let found = report(folder.path());
        assert!(
            told(&found, &["node"])
                .iter()
                .any(|t| t.starts_with("disk_pressure_on") && t.ends_with("node-a1")),
            "{what}: {} {}",
            found["signals"],
            found["ledger"]
        );
    }
}

#[test]
fn tables_and_descriptions_are_the_objects_they_show() {
    let events = "$ date\nWed May 22 03:25:44 UTC 2024\n$ kubectl get events -n shop\nLAST SEEN   TYPE      REASON               OBJECT           MESSAGE\n10m         Warning   Evicted              pod/cart-1       The node was low on resource: ephemeral-storage. \n9m40s       Normal    NodeHasDiskPressure   node/node-a1     Node node-a1 status is now: NodeHasDiskPressure\n$ exit\n";
    let found = report(incident(&[("session.txt", events.as_bytes())]).path());
    assert_eq!(
        told(&found, &["namespace", "pod", "node"]),
        [
            "evicted 2024-05-22T03:14:44 shop cart-1",
            "disk_pressure_on 2024-05-22T03:16:03 node-a1"
        ]
    );
    assert_eq!(found["signals"][0]["time_basis"], "relative");
    assert_eq!(found["signals"][0]["evidence"][0]["line"], 5);

    let wide = "LAST SEEN   TYPE      REASON    OBJECT       SUBOBJECT              SOURCE            MESSAGE                                      FIRST SEEN   COUNT   NAME\n5m          Warning   BackOff   pod/cart-1   spec.containers{web}   kubelet, node-a1  Back-off pulling image \"shop/cart:v9\"        12m          9       cart-1.17d1af1e1b1c4a00\n";
    let found = report(incident(&[("events.txt", wide.as_bytes())]).path());
    let exact = told(&found, &["pod", "node", "container", "image"]);
    assert_eq!(exact.len(), 2, "{exact:?}");
    assert!(
        exact[0].ends_with("cart-1 node-a1 web shop/cart:v9"),
        "{exact:?}"
    );

    let node = "Name:               node-a1\nRoles:              <none>\nTaints:             node.kubernetes.io/disk-pressure:NoSchedule\nUnschedulable:      false\nConditions:\n  Type             Status  LastHeartbeatTime                 LastTransitionTime                Reason                       Message\n  ----             ------  -----------------                 ------------------                ------                       -------\n  MemoryPressure   False   Wed, 22 May 2024 05:16:20 +0200   Wed, 22 May 2024 04:00:00 +0200   KubeletHasSufficientMemory   kubelet has sufficient memory available\n  DiskPressure     True    Wed, 22 May 2024 05:16:20 +0200   Wed, 22 May 2024 05:16:10 +0200   KubeletHasDiskPressure       kubelet has disk pressure\nEvents:\n  Type     Reason                Age                   From     Message\n  ----     ------                ----                  ----     -------\n  Warning  EvictionThresholdMet  5m23s (x8 over 20m)   kubelet  Attempting to reclaim ephemeral-storage\n";
    let found = report(incident(&[("describe.txt", node.as_bytes())]).path());
    let told = told(&found, &["node", "taint"]);
    assert!(
        told.contains(&"disk_pressure_on 2024-05-22T03:16:10 node-a1".to_owned()),
        "{told:?}"
    );
    assert!(
        told.iter()
            .any(|t| t.starts_with("eviction_threshold_met - node-a1")),
        "{told:?}"
    );
    assert!(
        told.iter()
            .any(|t| t.starts_with("taint_added") && t.contains("disk-pressure:NoSchedule")),
        "{told:?}"
    );
}

#[test]
fn ages_that_nothing_anchors_stay_undated_and_are_counted() {
    let table = "LAST SEEN   TYPE      REASON    OBJECT       MESSAGE\n10m         Warning   Evicted   pod/cart-1   The node was low on resource: memory. \n";
    let found = report(incident(&[("events.txt", table.as_bytes())]).path());
    assert_eq!(told(&found, &["pod"]), ["evicted - cart-1"]);
    assert_eq!(found["ledger"]["undated"], 1);
    // A dated source that tells two of the facts anchors the others.
    let table = "NAMESPACE   LAST SEEN   TYPE      REASON    OBJECT       MESSAGE\nshop        10m         Warning   Evicted   pod/cart-1   The node was low on resource: memory. \nshop        8m          Warning   Evicted   pod/cart-2   The node was low on resource: memory. \nshop        6m          Warning   Evicted   pod/cart-3   The node was low on resource: memory. \n";
    let event = |name: &str, at: &str| {
        format!(
            r#"{{"apiVersion":"v1","kind":"Event","metadata":{{"name":"x"}},"involvedObject":{{"kind":"Pod","namespace":"shop","name":"{name}"}},"reason":"Evicted","message":"The node was low on resource: memory. ","firstTimestamp":"2024-05-22T{at}Z","lastTimestamp":"2024-05-22T{at}Z","count":1,"source":{{"component":"kubelet","host":"node-a1"}}}}"#
        )
    };
    let json = format!(
        "[{},{}]",
        event("cart-1", "03:15:00"),
        event("cart-2", "03:17:00")
    );
    let found = report(
        incident(&[
            ("events.txt", table.as_bytes()),
            ("events.json", json.as_bytes()),
        ])
        .path(),
    );
    let third = told(&found, &["pod"])
        .into_iter()
        .find(|t| t.ends_with("cart-3"))
        .expect("the third");
    assert!(third.starts_with("evicted 2024-05-22T03:1"), "{third}");
    assert_eq!(found["ledger"]["undated"], 0);
}

#[test]
fn a_table_of_ages_is_placed_beside_another_one_that_has_a_date() {
    let table = "NAMESPACE   LAST SEEN   TYPE      REASON                  OBJECT                   MESSAGE
default     58m         Normal    NodeHasNoDiskPressure   node/blue-4              Node blue-4 status is now: NodeHasNoDiskPressure
shop        41m         Warning   Evicted                 pod/maps-7d9c8b6f5-kx2lp The node was low on resource: ephemeral-storage. Container maps was using 61235436Ki, request is 0, has larger consumption of ephemeral-storage.
default     41m         Warning   EvictionThresholdMet    node/blue-4              Attempting to reclaim ephemeral-storage
default     41m         Normal    NodeHasDiskPressure     node/blue-4              Node blue-4 status is now: NodeHasDiskPressure
shop        40m         Warning   FailedScheduling        pod/maps-7d9c8b6f5-9p4tz 0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/disk-pressure: }.
shop        36m         Normal    Scheduled               pod/maps-7d9c8b6f5-9p4tz Successfully assigned shop/maps-7d9c8b6f5-9p4tz to blue-4
default     36m         Normal    NodeHasNoDiskPressure   node/blue-4              Node blue-4 status is now: NodeHasNoDiskPressure
";
    let node = "$ date
Tue Mar 12 14:02:11 UTC 2024
$ kubectl describe node blue-4
Name:               blue-4
Roles:              <none>
Conditions:
  Type             Status  LastHeartbeatTime                 LastTransitionTime                Reason                       Message
  ----             ------  -----------------                 ------------------                ------                       -------
  DiskPressure     False   Tue, 12 Mar 2024 14:01:40 +0000   Tue, 12 Mar 2024 13:26:09 +0000   KubeletHasNoDiskPressure     kubelet has no disk pressure
Events:
  Type     Reason                 Age   From     Message
  ----     ------                 ----  ----     -------
  Warning  EvictionThresholdMet   41m   kubelet  Attempting to reclaim ephemeral-storage
  Normal   NodeHasDiskPressure    41m   kubelet  Node blue-4 status is now: NodeHasDiskPressure
  Normal   NodeHasNoDiskPressure  36m   kubelet  Node blue-4 status is now: NodeHasNoDiskPressure
";
    // Whichever of them is read first.
    for names in [["events.txt", "node.txt"], ["node-events.txt", "a.txt"]] {
        let found =
            report(incident(&[(names[0], table.as_bytes()), (names[1], node.as_bytes())]).path());
        assert_eq!(found["ledger"]["undated"], 0, "{names:?}");
        let all = told(&found, &["node", "pod"]);
        let of = |kind: &str| {
            let kind = format!("{kind} ");
            all.iter()
                .find(|t| t.starts_with(&kind))
                .cloned()
                .unwrap_or_default()
        };
        assert!(of("evicted").contains("2024-03-12T13:19"), "{all:#?}");
        // The node that takes the pod later is not where it found no place.
        assert!(!of("failed_scheduling").contains("blue-4"), "{all:#?}");
        assert_eq!(found["cascades"][0]["mechanism"], "workload_filled_disk");
        let explanation = found["cascades"][0]["explanation"].to_string();
        assert!(
            explanation.contains("the eviction message says") && !explanation.contains("followed"),
            "{explanation}"
        );
        // Both the eviction and the pressure are cited for it, and stand in the hop.
        assert_eq!(
            found["cascades"][0]["hops"][0]["signals"]
                .as_array()
                .map(Vec::len),
            Some(3)
        );
    }
}

#[test]
fn a_host_written_short_is_the_node_whose_full_name_the_cluster_uses() {
    let log = "Apr 03 02:10:03 blue-4 kubelet[2211]: E0403 02:10:03.442091    2211 remote_image.go:238] \"PullImage from image service failed\" err=\"rpc error: code = Unknown desc = failed to copy: 503 Service Unavailable\" image=\"registry.example/export:4\"
Apr 03 02:10:03 blue-4 kubelet[2211]: E0403 02:10:03.443110    2211 pod_workers.go:1294] \"Error syncing pod, skipping\" err=\"failed to \\\"StartContainer\\\" for \\\"export\\\" with ErrImagePull: \\\"rpc error: code = Unknown desc = failed to copy: 503 Service Unavailable\\\"\" pod=\"batch/export-28533250-x7x2k\" podUID=\"2c1e4f0a-93d1-4d0e-9a45-0b7b3e0f7a11\"
Apr 03 02:12:00 blue-4 kubelet[2211]: I0403 02:12:00.003100    2211 kubelet_node_status.go:696] \"Recording event message for node\" node=\"blue-4.example.net\" event=\"NodeNotReady\"
";
    let found = report(incident(&[("node.log", log.as_bytes())]).path());
    let nodes: BTreeSet<String> = told(&found, &["node"])
        .iter()
        .filter_map(|t| t.rsplit(' ').next().map(str::to_owned))
        .collect();
    assert_eq!(nodes, BTreeSet::from(["blue-4.example.net".to_owned()]));
    // The number in the pod's name is a time, not the hash of a ReplicaSet.
    assert!(
        told(&found, &["workload"])
            .iter()
            .any(|t| t.ends_with("batch/CronJob/export")),
        "{:#?}",
        told(&found, &["workload"])
    );
}

#[test]
fn yaml_is_read_like_json() {
    let yaml = "apiVersion: v1\nkind: EventList\nitems:\n- involvedObject: {kind: Pod, namespace: shop, name: cart-1}\n  reason: Evicted\n  message: 'The node was low on resource: memory. '\n  firstTimestamp: \"2024-05-22T03:15:44Z\"\n- reason: [broken\n- involvedObject:\n    kind: Node\n    name: node-a1\n  reason: NodeHasDiskPressure\n  message: 'Node node-a1 status is now: NodeHasDiskPressure'\n  lastTimestamp: \"2024-05-22T03:16:44Z\"\n";
    let found = report(incident(&[("events.yaml", yaml.as_bytes())]).path());
    assert_eq!(
        told(&found, &["pod", "node"]),
        [
            "evicted 2024-05-22T03:15:44 cart-1",
            "disk_pressure_on 2024-05-22T03:16:44 node-a1"
        ]
    );
    assert!(
        found["sources"][0]["problems"]
            .to_string()
            .contains("not readable"),
        "{}",
        found["sources"]
    );
}

#[test]
fn two_hints_that_disagree_are_a_problem() {
    let journal = format!("2024-05-22T03:15:44+0000 node-a1 kubelet[812]: {PRESSURE}\n");
    let other = journal.replace("node-a1", "node-b2");
    let found = report(
        incident(&[
            ("node-b2/kubelet.log", journal.as_bytes()),
            ("other/kubelet.log", other.as_bytes()),
        ])
        .path(),
    );
    let source = found["sources"]
        .as_array()
        .expect("sources")
        .iter()
        .find(|s| s["path"].as_str().is_some_and(|p| p.contains("node-b2/")))
        .expect("it");
    assert_eq!(source["speaks_for"]["node"], "node-a1");
    assert!(
        source["problems"]
            .to_string()
            .contains("node-b2 is told too (its path names it)"),
        "{source}"
    );
}

#[test]
fn a_line_is_explained_layer_by_layer() {
    let line = format!(
        "May 22 03:15:44 node-a1 kubelet[812]: {PRESSURE}\nMay 22 03:15:45 node-a1 kubelet[812]: I0522 03:15:45.123456     812 a.go:1] \"Image garbage collection failed many times\"\n"
    );
    let folder = incident(&[("kubelet.log", line.as_bytes())]);
    let place = |n: u32| format!("{}/kubelet.log:{n}", folder.path().display());
    let first = String::from_utf8_lossy(&run(&["explain", &place(1)], 0).stdout).into_owned();
    for part in [
        "syslog-rfc3164",
        "klog-text",
        "disk_pressure_on",
        "node node-a1",
        "proves",
    ] {
        assert!(first.contains(part), "{part}: {first}");
    }
    let second = String::from_utf8_lossy(&run(&["explain", &place(2)], 0).stdout).into_owned();
    assert!(
        second.contains("nothing that is a signal") && second.contains("almost"),
        "{second}"
    );
    let third = String::from_utf8_lossy(&run(&["explain", &place(9)], 1).stderr).into_owned();
    assert!(third.contains("it has only 2 lines"), "{third}");
    for id in [
        "pull_failed",
        "klog-text",
        "image_pull_filled_disk",
        "mutable-tag",
        "no-space-then-disk-pressure",
    ] {
        assert!(!run(&["explain", id], 0).stdout.is_empty(), "{id}");
    }
}

#[test]
fn detect_says_what_was_read() {
    let output = run(&["detect", "samples/death-spiral", "--output", "ndjson"], 0);
    let rows: Vec<Value> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|l| serde_json::from_str(l).expect("an object"))
        .collect();
    let kubelet = rows
        .iter()
        .find(|r| {
            r["path"]
                .as_str()
                .is_some_and(|p| p.contains("42-12.ec2.internal.journal"))
        })
        .expect("the journal");
    assert_eq!(
        kubelet["format"],
        serde_json::json!(["journal-iso", "klog-text"])
    );
    assert_eq!(kubelet["speaks_for"]["node"], "ip-10-0-42-12.ec2.internal");
    assert!(
        kubelet["records"].as_u64() > Some(100) && kubelet["from"].is_string(),
        "{kubelet}"
    );
}

#[test]
fn a_record_that_never_closes_is_read_once() {
    let mut text = "E0522 03:15:44.123456     812 a.go:1] \"Failed\" err=<\n".to_owned();
    text.push_str(&"\twrite /var/lib/containerd/x: no space left on device\n".repeat(20_000));
    let found = report(incident(&[("kubelet.log", text.as_bytes())]).path());
    assert_eq!(found["ledger"]["records"], 20_001);
    assert!(
        !found["signals"].as_array().expect("signals").is_empty(),
        "{}",
        found["ledger"]
    );
}

#[test]
fn an_undated_failure_does_not_take_the_cause_and_the_time_of_another_pull() {
    let table = "LAST SEEN   TYPE      REASON   OBJECT                 MESSAGE
18m         Warning   Failed   pod/web-7f9c8b6f5-kx2lp Failed to pull image \"shop/web:1.2\": image pull failed for unknown error
";
    let ci = "2024-05-22T03:15:44Z Error response from daemon: manifest for shop/web:1.2 not found: manifest unknown: manifest unknown\n";
    let found =
        report(incident(&[("events.txt", table.as_bytes()), ("ci.log", ci.as_bytes())]).path());
    let pulls: Vec<&Value> = found["signals"]
        .as_array()
        .expect("signals")
        .iter()
        .filter(|s| s["signal"] == "pull_failed")
        .collect();
    assert_eq!(pulls.len(), 2, "{pulls:#?}");
    let of_pod = pulls
        .iter()
        .find(|s| s["entities"]["pod"] == "web-7f9c8b6f5-kx2lp");
    let of_pod = of_pod.expect("the pod's");
    assert_eq!(of_pod["at"], Value::Null, "{of_pod:#}");
    assert_ne!(of_pod["cause"], "not_found", "{of_pod:#}");
}
