//! Formats that are easily confused, one line each: what each is taken for, and that nothing else claims it.
//!
//! Each format's own samples and look-alikes stand in its file and are run by `grammars`; here they stand beside each other.

use std::collections::BTreeSet;

use rootline::grammar::Grammars;
use rootline::grammar::format::Shape;

/// The formats of a line, outermost first.
fn stack(grammars: &Grammars, line: &str) -> String {
    let records = grammars.peeler.peel_line(line);
    records
        .last()
        .map(|r| r.formats.join(" > "))
        .unwrap_or_default()
}

/// A line, and what it is.
const TOLD_APART: &[(&str, &str)] = &[
    // An audit record has the kind of an Event, and is none.
    (
        r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"a","stage":"ResponseComplete","verb":"delete","user":{"username":"u"},"objectRef":{"resource":"pods","namespace":"shop","name":"cart-1"},"responseStatus":{"code":200},"requestReceivedTimestamp":"2024-05-22T03:15:44.123456Z"}"#,
        "kube-audit",
    ),
    (
        r#"{"kind":"Event","apiVersion":"v1","involvedObject":{"kind":"Pod","namespace":"shop","name":"cart-1"},"reason":"Killing","message":"Stopping container web","firstTimestamp":"2024-05-22T03:15:44Z"}"#,
        "kube-event",
    ),
    (
        r#"{"kind":"Event","apiVersion":"events.k8s.io/v1","regarding":{"kind":"Pod","namespace":"shop","name":"cart-1"},"reason":"Killing","note":"Stopping container web","eventTime":"2024-05-22T03:15:44.123456Z"}"#,
        "kube-event",
    ),
    (
        r#"{"metadata":{"name":"cart-1.17d1a2b3c4d5e6f7"},"involvedObject":{"kind":"Pod","namespace":"shop","name":"cart-1"},"reason":"Killing","message":"Stopping container web","source":{"component":"kubelet"},"firstTimestamp":"2024-05-22T03:15:44Z","clusterName":"prod-1"}"#,
        "event-exporter",
    ),
    // Loggers in JSON differ in how they write time and level.
    (
        r#"{"ts":1716347744123.456,"caller":"images/image_gc_manager.go:404","msg":"hello","err":"no"}"#,
        "klog-json",
    ),
    (
        r#"{"level":"info","ts":"2024-05-22T03:15:44.123Z","msg":"reconciled","controller":"helmrelease","namespace":"shop","name":"cart"}"#,
        "zap-json",
    ),
    (
        r#"{"level":"error","msg":"hello","time":"2024-05-22T03:15:44.123456789Z"}"#,
        "logrus-json",
    ),
    (
        r#"{"log":"hello\n","stream":"stderr","time":"2024-05-22T03:15:44.123456789Z"}"#,
        "docker-json-file",
    ),
    (
        r#"{"__REALTIME_TIMESTAMP":"1716347744123456","_HOSTNAME":"node-a1","SYSLOG_IDENTIFIER":"kubelet","MESSAGE":"hello"}"#,
        "journal-json",
    ),
    // journald, syslog and the kernel.
    (
        "2024-05-22T03:15:44.123456+00:00 node-a1 kubelet[835]: hello",
        "journal-iso",
    ),
    (
        "2024-05-22T03:15:44+0000 node-a1 kubelet[835]: hello",
        "journal-iso",
    ),
    (
        "May 22 03:15:44 node-a1 kubelet[835]: hello",
        "syslog-rfc3164",
    ),
    ("May 22 03:15:44 kubelet[835]: hello", "syslog-hostless"),
    (
        "<30>May 22 03:15:44 node-a1 kubelet[835]: hello",
        "syslog-raw",
    ),
    (
        "<30>1 2024-05-22T03:15:44.123Z node-a1 kubelet 835 - - hello",
        "syslog-rfc5424",
    ),
    (
        "Wed 2024-05-22 03:15:44 UTC node-a1 kubelet[835]: hello",
        "journal-full",
    ),
    (
        "1716347744.123456 node-a1 kubelet[835]: hello",
        "journal-unix",
    ),
    (
        "[12345.678901] node-a1 kubelet[835]: hello",
        "journal-monotonic",
    ),
    ("[12345.678901] EXT4-fs error (device vda1)", "dmesg"),
    (
        "kern  :err   : [  123.456789] EXT4-fs error (device vda1)",
        "dmesg",
    ),
    (
        "[Wed May 22 03:15:44 2024] EXT4-fs error (device vda1)",
        "dmesg-time",
    ),
    (
        "2024-05-22T03:15:44,123456+00:00 EXT4-fs error (device vda1)",
        "dmesg-iso",
    ),
    ("6,339,5140900,-;EXT4-fs error (device vda1)", "kmsg"),
    // Bracketed and other application logs.
    ("[2024-05-22 03:15:44] ERROR: hello", "bracketed"),
    (
        "2024-05-22 03:15:44.123  INFO 1 --- [main] c.e.Cart : hello",
        "spring",
    ),
    (
        "2024/05/22 03:15:44 [error] 12#12: *1 open() failed",
        "nginx-error",
    ),
    (
        "2024-05-22 03:15:44,123 - cart - ERROR - hello",
        "python-logging",
    ),
    (
        "2024-05-22 03:15:44.123456 W | etcdserver: hello",
        "capnslog",
    ),
    // Lines that begin with a full stamp.
    ("2024-05-22T03:15:44.123456789Z stderr F hello", "cri-log"),
    ("2024-05-22T03:15:44.123456789Z hello", "job-log"),
    (
        "2024-05-22T03:15:44.1234567Z ##[group]Run kubectl apply",
        "job-log",
    ),
    ("2024-05-22T03:15:44.123456Z 00O hello", "gitlab-trace"),
    (
        "[2024-05-22T03:14:02.123Z] + kubectl apply -f k8s",
        "jenkins",
    ),
    (
        "deploy\tApply\t2024-05-22T03:14:02.1234567Z hello",
        "gh-run-log",
    ),
    ("03:14:02 Started by user ci", "clock-time"),
    ("section_start:1716347642:deploy", "gitlab-section"),
    // The logrus family.
    (
        r#"time="2024-05-22T03:15:44.123456789Z" level=info msg="hello""#,
        "logrus-text",
    ),
    (
        r#"time="2024-05-22 03:15:44.123456789Z" level=info msg="hello" id=6d"#,
        "logrus-text",
    ),
    (
        r#"ts=2024-05-22T03:17:00.123Z caller=main.go:1 level=info msg="hello""#,
        "logrus-text",
    ),
    (
        "ERRO[0005] hello                                         id=1",
        "logrus-tty",
    ),
    (
        "upgrade.go:164: [debug] preparing upgrade for cart",
        "helm-debug",
    ),
    (
        "upgrade.go:164: 2024-05-22 03:14:02.123456789 +0000 UTC m=+0.051 [debug] preparing upgrade for cart",
        "helm-debug",
    ),
    // Requests.
    (
        r#"10.0.0.1 - - [22/May/2024:03:15:44 +0000] "GET /v2/shop/cart/manifests/v9 HTTP/1.1" 200 527 "" "containerd/v1.7.13""#,
        "registry-access",
    ),
    (
        r#"10.0.0.1 - - [22/May/2024:03:15:44 +0000] "GET /healthz HTTP/1.1" 200 527 "" "curl/8""#,
        "access-log",
    ),
    (
        r#"10.0.0.1 - admin [22/May/2024:03:15:44 +0000] "GET /repository/docker/v2/shop/cart/manifests/v9 HTTP/1.1" 200 - 527 12 "docker/24.0" [qtp-1]"#,
        "nexus-request",
    ),
    (
        r#"10.0.0.1 - "GET /v2/shop/cart/manifests/v9 HTTP/1.1" 200 527 "-" "docker/24.0" 0.012 0.011 ."#,
        "harbor-nginx",
    ),
    (
        "2024-05-22T03:16:01.461Z|154a78bd603c114c|10.0.0.1|ci|GET|/api/docker/r/v2/shop/cart/manifests/v9|200|-1|2|54|docker/24.0",
        "artifactory-request",
    ),
    (
        "20240522031601|93|REQUEST|10.0.0.1|anonymous|GET|/webapp/|HTTP/1.1|200|0",
        "artifactory-other",
    ),
    (
        "2024-05-22 03:15:52,456 [4b1b8a0b04e31b80] [ACCEPTED DOWNLOAD] docker:shop/cart for anonymous/10.0.0.1.",
        "artifactory-access",
    ),
    (
        "2024-05-22T03:13:55.123Z [jfrt ] [INFO ] [154a78bd603c114c] [o.a.Class:123] [http-1] - hello",
        "artifactory-service",
    ),
    (
        r#"2024-05-22T03:13:55Z [INFO] [/pkg/audit/manager.go:86][operator="ci"]: hello"#,
        "harbor-core",
    ),
    (
        r#"2024-05-22T03:14:02.123456Z AUDIT: id="a" stage="ResponseComplete" method="PATCH" user="ci" response="200""#,
        "kube-audit-text",
    ),
    // Alerts.
    (
        r#"{"version":"4","groupKey":"{}:{}","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"NodeDiskFull"},"annotations":{},"startsAt":"2024-05-22T03:17:00Z","endsAt":"0001-01-01T00:00:00Z","fingerprint":"ab"}]}"#,
        "alertmanager-firing",
    ),
    (
        r#"{"annotations":{},"endsAt":"2024-05-22T03:27:00Z","fingerprint":"ab","receivers":[{"name":"r"}],"startsAt":"2024-05-22T03:17:00Z","status":{"state":"active","silencedBy":[],"inhibitedBy":[]},"updatedAt":"2024-05-22T03:18:00Z","generatorURL":"","labels":{"alertname":"NodeDiskFull"}}"#,
        "alertmanager-api",
    ),
    (
        r#"{"id":"P1","incident_number":7,"title":"disk","created_at":"2024-05-22T03:17:00Z","status":"resolved","incident_key":"k","service":{"summary":"x"}}"#,
        "pagerduty-incident",
    ),
    (
        r#"{"messages":[{"event":"incident.trigger","created_on":"2024-05-22T03:17:00Z","incident":{"id":"P1","title":"disk"}}]}"#,
        "pagerduty-webhook-v2",
    ),
    (
        r#"{"action":"Create","alert":{"alertId":"1","message":"disk","createdAt":1716347820000,"updatedAt":1716347820000000000}}"#,
        "opsgenie-webhook",
    ),
    // What stands in front of records of another format.
    (
        "web-7d4b9c6f5-abcde web E0522 03:15:44.123456     812 a.go:1] hello",
        "stern > klog-text",
    ),
    (
        "[pod/web-7d4b9c6f5-abcde/web] E0522 03:15:44.123456     812 a.go:1] hello",
        "kubectl-prefix > klog-text",
    ),
    (
        "> E0522 03:15:44.123456     812 a.go:1] hello",
        "quoted-line > klog-text",
    ),
    (
        "kubelet.log:812:E0522 03:15:44.123456     812 a.go:1] hello",
        "grep-line > klog-text",
    ),
    (
        r#"2024-05-22_03:13:55.12345 time="2024-05-22T03:13:55Z" level=info msg="hello""#,
        "svlogd > logrus-text",
    ),
    ("E0522 03:15:44 a.go:1] hello", "klog-text-short"),
    // Tools' tables.
    ("17G\t/var/lib/containerd", "du"),
    (
        "registry.example/shop/cart   v9        0123456789ab   2 weeks ago    1.23GB",
        "docker-images",
    ),
    (
        "registry.example/shop/cart   v9        0123456789abc   412MB",
        "docker-images",
    ),
    // Nobody's.
    ("deployment.apps/cart configured", ""),
    ("the disk was full at 03:15", ""),
];

#[test]
fn formats_easily_confused_are_told_apart() {
    let grammars = Grammars::embedded().expect("grammars");
    let wrong: Vec<String> = TOLD_APART
        .iter()
        .map(|(line, expected)| (line, *expected, stack(&grammars, line)))
        .filter(|(_, expected, found)| found != expected)
        .map(|(line, expected, found)| format!("{line}\n  is {expected}, taken for {found}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_format_has_a_look_alike_that_it_refuses() {
    let grammars = Grammars::embedded().expect("grammars");
    let without: Vec<&str> = grammars
        .peeler
        .formats()
        .iter()
        .filter(|format| format.not_mine.is_empty())
        .map(|format| format.id.as_str())
        .collect();
    assert_eq!(without, Vec::<&str>::new(), "add a [[not_mine]]");
}

/// Two formats may read one line, but then one of them is the more particular: not two that are alike.
#[test]
fn no_sample_is_claimed_by_two_formats_that_are_alike() {
    let grammars = Grammars::embedded().expect("grammars");
    let formats = grammars.peeler.formats();
    let mut pairs: BTreeSet<(String, String)> = BTreeSet::new();
    for format in formats.iter().filter(|f| f.shape != Shape::Document) {
        for sample in &format.samples {
            for other in grammars.peeler.readers_of(&sample.text) {
                pairs.insert((format.id.clone(), other.to_owned()));
            }
        }
    }
    let alike: Vec<&(String, String)> = pairs
        .iter()
        .filter(|(a, b)| a < b && pairs.contains(&(b.clone(), a.clone())))
        .collect();
    assert!(
        alike.is_empty(),
        "each reads the other's samples: {alike:?}"
    );
}
