//! `rootline collect` against a kubectl that replays the answers of a recorded cluster, and both as plugins of a real kubectl, where there is one.

#![cfg(unix)]

use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::common::{root, rootline};

/// Nodes of the recorded cluster. The first has the log query, the second only files, the third refuses.
const NODES: [&str; 3] = [
    "ip-10-0-42-12.ec2.internal",
    "ip-10-0-42-13.ec2.internal",
    "ip-10-0-42-14.ec2.internal",
];

/// A kubectl that answers from files, and writes down what it was asked.
const KUBECTL: &str = r#"#!/bin/sh
here=$(dirname "$0")
echo "$*" >> "$here/asked"
refuse() { echo "Error from server (Forbidden): $1 is forbidden: User \"oncall\" cannot get resource \"$1\" at the cluster scope" >&2; exit 1; }
listing() { printf '<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n<a href="kubelet.log">kubelet.log</a>\n<a href="containers/">containers/</a>\n<a href="messages">messages</a>\n</pre>\n'; exit 0; }
case "$*" in
  "rootline "*) shift; exec "$here/rootline" "$@" ;;
  "config current-context"*) echo "shop-prod" ;;
  "version "*) echo '{"serverVersion": {"gitVersion": "v1.31.4"}}' ;;
  "get pods --namespace kube-system -l tier=control-plane"*)
    echo '{"items": [{"metadata": {"name": "kube-controller-manager-cp-0"}, "spec": {"containers": [{"name": "kube-controller-manager"}]}, "status": {"containerStatuses": [{"name": "kube-controller-manager", "restartCount": 2}]}}]}' ;;
  "logs "*--previous*) echo 'Error from server (BadRequest): previous terminated container "kube-controller-manager" not found' >&2; exit 1 ;;
  "logs --namespace kube-system kube-controller-manager-cp-0 "*) cat "$here/kube-controller-manager.log" ;;
  "get cronjobs.batch "*) refuse cronjobs.batch ;;
  "get jobs.batch "*|"get statefulsets.apps "*) echo '{"apiVersion": "v1", "kind": "List", "items": []}' ;;
  "get --raw /api/v1/nodes/NODE3/proxy/"*) refuse nodes/proxy ;;
  "get --raw /api/v1/nodes/NODE2/proxy/logs/?query="*) listing ;;
  "get --raw /api/v1/nodes/NODE2/proxy/logs/kubelet.log "*) cat "$here/kubelet-NODE2.log" ;;
  "get --raw /api/v1/nodes/NODE2/proxy/logs/messages "*) echo "May 22 03:15:45 NODE2 kernel: nothing of note here" ;;
  "get --raw /api/v1/nodes/NODE1/proxy/logs/?query=kubelet&sinceTime=20"*) cat "$here/kubelet-NODE1.log" ;;
  "get --raw /api/v1/nodes/NODE1/proxy/logs/?query=containerd&"*) cat "$here/containerd-NODE1.log" ;;
  "get --raw /api/v1/nodes/"*/proxy/logs/*) echo 'Error from server (BadRequest): the server rejected our request' >&2; exit 1 ;;
  "get --raw /api/v1/nodes/"*/proxy/configz*) echo '{"kubeletconfig": {"evictionHard": {"imagefs.available": "15%"}}}' ;;
  "get --raw /api/v1/nodes/"*/proxy/stats/summary*) echo '{"node": {}}' ;;
  "get events --all-namespaces "*) cat "$here/events.json" ;;
  "get "*" --all-namespaces "*) cat "$here/${2%%.*}.json" ;;
  "get "*" --namespace "*) cat "$here/${2%%.*}.json" ;;
  "get nodes "*) cat "$here/nodes.json" ;;
  *) echo "error: unknown command $*" >&2; exit 1 ;;
esac
"#;

fn unpacked(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    liblzma::read::XzDecoder::new(file)
        .read_to_end(&mut bytes)
        .expect("xz");
    bytes
}

/// A folder with a kubectl that replays the recorded cluster.
pub(crate) fn cluster() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let sample = root().join("samples/death-spiral");
    for name in [
        "events",
        "nodes",
        "pods",
        "replicasets",
        "deployments",
        "daemonsets",
    ] {
        std::fs::write(
            folder.path().join(format!("{name}.json")),
            unpacked(&sample.join(format!("{name}.json.xz"))),
        )
        .expect("written");
    }
    for name in [
        "kube-controller-manager".to_owned(),
        format!("containerd-{}", NODES[0]),
        format!("kubelet-{}", NODES[1]),
    ] {
        std::fs::write(
            folder.path().join(format!("{name}.log")),
            unpacked(&sample.join(format!("{name}.log.xz"))),
        )
        .expect("written");
    }
    std::fs::write(
        folder.path().join(format!("kubelet-{}.log", NODES[0])),
        unpacked(&sample.join(format!("kubelet-{}.journal.txt.xz", NODES[0]))),
    )
    .expect("written");
    let script = NODES
        .iter()
        .enumerate()
        .fold(KUBECTL.to_owned(), |script, (at, node)| {
            script.replace(&format!("NODE{}", at + 1), node)
        });
    let kubectl = folder.path().join("kubectl");
    std::fs::write(&kubectl, script).expect("written");
    std::fs::set_permissions(&kubectl, std::fs::Permissions::from_mode(0o755))
        .expect("permissions");
    (folder, kubectl)
}

fn collect(kubectl: &Path, bundle: &Path, arguments: &[&str]) -> Output {
    rootline()
        .args(["collect", "-o"])
        .arg(bundle)
        .arg("--kubectl")
        .arg(kubectl)
        .args(arguments)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .output()
        .expect("runs")
}

fn members(bundle: &Path) -> BTreeMap<String, Vec<u8>> {
    let bytes = std::fs::read(bundle).expect("a bundle");
    let name = bundle.display().to_string();
    let plain = if name.ends_with("zst") {
        zstd::decode_all(bytes.as_slice()).expect("zstd")
    } else if name.ends_with("gz") {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(bytes.as_slice())
            .read_to_end(&mut plain)
            .expect("gzip");
        plain
    } else {
        bytes
    };
    tar::Archive::new(plain.as_slice())
        .entries()
        .expect("tar")
        .map(|entry| {
            let mut entry = entry.expect("an entry");
            let name = entry.path().expect("a path").display().to_string();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).expect("content");
            (name, bytes)
        })
        .collect()
}

fn sha256(content: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(content)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[test]
fn one_command_gathers_what_a_report_needs() {
    let (folder, kubectl) = cluster();
    let bundle = folder.path().join("bundle.tar.zst");
    let output = collect(&kubectl, &bundle, &[]);
    assert!(output.status.success(), "{}", said(&output));
    let members = members(&bundle);
    let manifest: serde_json::Value =
        serde_json::from_slice(&members["bundle/manifest.json"]).expect("a manifest");
    assert_eq!(manifest["context"], "shop-prod");
    let of = |what: &str| {
        let found = manifest["requests"]
            .as_array()
            .expect("requests")
            .iter()
            .find(|r| r["what"] == what);
        found
            .unwrap_or_else(|| panic!("{what} was not asked for: {manifest:#}"))
            .clone()
    };
    for (what, status) in [
        ("events", "came".to_owned()),
        ("cronjobs.batch", "refused".to_owned()),
        ("log of kube-controller-manager-cp-0", "came".to_owned()),
        (
            "log of kube-controller-manager-cp-0-previous",
            "not_there".to_owned(),
        ),
        (
            &format!("kubelet log of node {}", NODES[0]),
            "came".to_owned(),
        ),
        (
            &format!("kubelet log of node {}", NODES[1]),
            "not_there".to_owned(),
        ),
        (
            &format!("/var/log/kubelet.log of node {}", NODES[1]),
            "came".to_owned(),
        ),
        (
            &format!("settings of node {}", NODES[2]),
            "refused".to_owned(),
        ),
    ] {
        assert_eq!(of(what)["status"], status, "{what}");
    }
    // What came is there with its size and hash, and nothing else is.
    let mut named = vec!["bundle/manifest.json".to_owned()];
    for request in manifest["requests"].as_array().expect("requests") {
        if let Some(file) = request["file"].as_str() {
            let content = &members[&format!("bundle/{file}")];
            assert_eq!(request["bytes"], content.len() as u64, "{file}");
            assert_eq!(
                request["sha256"].as_str(),
                Some(sha256(content).as_str()),
                "{file}"
            );
            named.push(format!("bundle/{file}"));
        } else {
            assert_ne!(request["status"], "came", "{request}");
        }
    }
    named.sort();
    assert_eq!(named, members.keys().cloned().collect::<Vec<_>>());
    // It is read as it is, and tells the same story as the files it was made of.
    let report = crate::common::report(&bundle);
    let found = report["cascades"]
        .as_array()
        .expect("cascades")
        .iter()
        .any(|c| c["mechanism"] == "image_pull_filled_disk");
    assert!(found, "{:#}", report["cascades"]);
    // What did not come is a problem of the bundle, and a gap.
    let row = report["sources"].as_array().expect("sources").iter();
    let row = row.filter(|s| {
        s["path"]
            .as_str()
            .is_some_and(|p| p.contains("manifest.json"))
    });
    let problems: Vec<String> = row
        .flat_map(|s| s["problems"].as_array().expect("problems").clone())
        .map(|p| p.to_string())
        .collect();
    let of_cronjobs = problems
        .iter()
        .filter(|p| p.contains("cronjobs.batch: it was refused: "));
    assert_eq!(of_cronjobs.count(), 1, "{problems:?}");
    assert!(
        !problems
            .iter()
            .any(|p| p.contains("not_there") || p.contains("-previous")),
        "{problems:?}"
    );
    let gap = format!(
        "{} things that were asked of the cluster did not come.",
        problems.len()
    );
    let gaps = report["gaps"].as_array().expect("gaps");
    assert!(
        gaps.iter().any(|g| g["what"] == gap.as_str()),
        "{gap} {gaps:#?}"
    );
    let text = said(&output);
    assert!(
        text.contains("refused    cronjobs.batch: ") && text.contains("docs/collecting.md"),
        "{text}"
    );
    // Only the user may read what the cluster wrote.
    let mode = std::fs::metadata(&bundle)
        .expect("a bundle")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn nothing_but_reading_is_asked_for() {
    let (folder, kubectl) = cluster();
    let output = collect(
        &kubectl,
        &folder.path().join("b.tar.gz"),
        &["--namespace", "shop", "--context", "c", "--since", "90m"],
    );
    assert!(output.status.success(), "{}", said(&output));
    let asked = std::fs::read_to_string(folder.path().join("asked")).expect("asked");
    for line in asked.lines() {
        let verb = line.split(' ').next().expect("a verb");
        assert!(
            ["get", "logs", "version", "config"].contains(&verb),
            "{line}"
        );
        assert!(
            !line.contains("secret") && !line.contains("configmap"),
            "{line}"
        );
        assert!(verb == "config" || line.contains("--context=c"), "{line}");
        assert!(
            verb == "config" || line.contains("--request-timeout=120s"),
            "{line}"
        );
    }
    assert!(
        asked.contains("get pods --namespace shop -o json") && !asked.contains("--all-namespaces"),
        "{asked}"
    );
    assert!(
        asked.contains("get events --namespace default --field-selector involvedObject.kind=Node"),
        "{asked}"
    );
    assert!(
        members(&folder.path().join("b.tar.gz")).contains_key("bundle/namespaces/shop/events.json")
    );
}

/// Returns the documents of a YAML file.
fn yaml(path: &str) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(root().join(path)).expect(path);
    text.split("\n---\n")
        .map(|document| serde_saphyr::from_str(document).unwrap_or_else(|e| panic!("{path}: {e}")))
        .collect()
}

#[test]
fn the_documented_rights_are_those_that_are_used() {
    let (folder, kubectl) = cluster();
    for (name, arguments) in [("a.tar", vec![]), ("b.tar", vec!["--namespace", "shop"])] {
        assert!(
            collect(&kubectl, &folder.path().join(name), &arguments)
                .status
                .success()
        );
    }
    let asked = std::fs::read_to_string(folder.path().join("asked")).expect("asked");
    let mut used: Vec<String> = asked
        .lines()
        .filter_map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                ["logs", ..] => Some("pods/log get".to_owned()),
                ["get", "--raw", path, ..] => path
                    .contains("/proxy/")
                    .then(|| "nodes/proxy get".to_owned()),
                ["get", kind, ..] => {
                    Some(format!("{} list", kind.split('.').next().expect("a kind")))
                }
                _ => None,
            }
        })
        .collect();
    let mut given: Vec<String> = Vec::new();
    let documents = yaml("docs/rbac.yaml");
    // What is bound is a role of the file, and the strong one is bound to nobody.
    let named = |document: &&serde_json::Value| document["rules"].is_array();
    for binding in documents.iter().filter(|d| d["roleRef"].is_object()) {
        let role = &binding["roleRef"]["name"];
        assert!(
            documents
                .iter()
                .filter(named)
                .any(|d| d["metadata"]["name"] == *role),
            "{role}"
        );
        assert_ne!(role, "rootline-collect-nodes");
        assert_eq!(binding["subjects"][0]["name"], "rootline-collect");
    }
    for role in documents.iter().filter(named) {
        for rule in role["rules"].as_array().expect("rules") {
            for resource in rule["resources"].as_array().expect("resources") {
                let resource = resource.as_str().expect("a name");
                let verbs: Vec<&str> = rule["verbs"]
                    .as_array()
                    .expect("verbs")
                    .iter()
                    .filter_map(|v| v.as_str())
                    .collect();
                assert!(
                    verbs.iter().all(|v| ["get", "list"].contains(v)),
                    "{resource}: only to read"
                );
                given.push(format!("{resource} {}", verbs.last().expect("a verb")));
            }
        }
    }
    for list in [&mut used, &mut given] {
        list.sort();
        list.dedup();
    }
    assert_eq!(used, given);
}

#[test]
fn the_krew_manifest_names_what_a_release_has() {
    let manifest = yaml("packaging/krew.yaml").remove(0);
    assert_eq!(
        manifest["spec"]["version"],
        format!("v{}", env!("CARGO_PKG_VERSION"))
    );
    for platform in manifest["spec"]["platforms"].as_array().expect("platforms") {
        assert_eq!(platform["bin"], "kubectl-rootline");
        let uri = platform["uri"].as_str().expect("an address");
        assert!(
            uri.contains(&format!("/v{}/rootline-", env!("CARGO_PKG_VERSION"))),
            "{uri}"
        );
        let files = platform["files"].as_array().expect("files");
        assert!(
            files.iter().any(|f| f["from"] == "LICENSE-APACHE"),
            "Krew wants a licence in each archive"
        );
    }
}

#[test]
fn nodes_can_be_named_limited_or_left_alone() {
    let (folder, kubectl) = cluster();
    let asked = |arguments: &[&str], name: &str| {
        let _ = std::fs::remove_file(folder.path().join("asked"));
        let output = collect(&kubectl, &folder.path().join(name), arguments);
        assert!(output.status.success(), "{}", said(&output));
        std::fs::read_to_string(folder.path().join("asked")).expect("asked")
    };
    assert!(!asked(&["--no-node-logs"], "a.tar").contains("/proxy/"));
    let one = asked(&["--node", NODES[1]], "b.tar");
    assert!(one.contains(NODES[1]) && !one.contains(&format!("nodes/{}/", NODES[0])));
    let most = asked(&["--max-nodes", "1"], "c.tar");
    let nodes = NODES
        .iter()
        .filter(|n| most.contains(&format!("nodes/{n}/proxy/configz")))
        .count();
    assert_eq!(nodes, 1, "{most}");
    let manifest: serde_json::Value =
        serde_json::from_slice(&members(&folder.path().join("c.tar"))["bundle/manifest.json"])
            .expect("JSON");
    assert_eq!(
        manifest["nodes_not_asked"].as_array().map(Vec::len),
        Some(2)
    );
}

#[test]
fn what_cannot_be_done_is_said_and_leaves_nothing_behind() {
    let (folder, kubectl) = cluster();
    let bundle = folder.path().join("bundle.tar");
    let failed = |kubectl: &Path, bundle: &Path, code: i32, words: &[&str]| {
        let output = collect(kubectl, bundle, &[]);
        assert_eq!(output.status.code(), Some(code), "{}", said(&output));
        for word in words {
            assert!(said(&output).contains(word), "{word}: {}", said(&output));
        }
    };
    failed(
        Path::new("no-such-kubectl"),
        &bundle,
        1,
        &["cannot run \"no-such-kubectl\"", "--kubectl"],
    );
    let down = folder.path().join("down");
    std::fs::write(
        &down,
        "#!/bin/sh\necho 'E0522 03:15:44.123456 812 memcache.go:265] couldnt get current server API group list' >&2\necho 'The connection to the server 10.0.0.1:6443 was refused' >&2\nexit 1\n",
    )
    .expect("written");
    std::fs::set_permissions(&down, std::fs::Permissions::from_mode(0o755)).expect("permissions");
    failed(
        &down,
        &bundle,
        1,
        &[
            "the cluster answered nothing: The connection to the server 10.0.0.1:6443",
            "kubectl get nodes",
        ],
    );
    assert!(!bundle.exists());
    failed(
        &kubectl,
        &folder.path().join("bundle.rar"),
        2,
        &["does not say what archive it is"],
    );
    std::fs::write(&bundle, "evidence").expect("written");
    failed(
        &kubectl,
        &bundle,
        2,
        &["exists, and evidence is not overwritten"],
    );
    assert_eq!(std::fs::read_to_string(&bundle).expect("there"), "evidence");
    failed(
        &kubectl,
        &folder.path().join("no/such/b.tar"),
        1,
        &["cannot write"],
    );
}

/// Puts cases before those of the recorded cluster.
fn with_cases(folder: &Path, kubectl: &Path, cases: &str) -> PathBuf {
    let path = folder.join("kubectl-with-cases");
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in\n{cases}\nesac\nexec '{}' \"$@\"\n",
        kubectl.display()
    );
    std::fs::write(&path, script).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("permissions");
    path
}

fn manifest_of(members: &BTreeMap<String, Vec<u8>>) -> serde_json::Value {
    serde_json::from_slice(&members["bundle/manifest.json"]).expect("a manifest")
}

/// The request of this name.
fn request(manifest: &serde_json::Value, what: &str) -> serde_json::Value {
    let mut all = manifest["requests"].as_array().expect("requests").iter();
    let found = all.find(|r| r["what"] == what);
    found
        .unwrap_or_else(|| panic!("{what}: {manifest:#}"))
        .clone()
}

#[test]
fn a_kubectl_that_hangs_costs_its_own_answer_only() {
    let (folder, kubectl) = cluster();
    // A log-in helper hangs with kubectl's own outputs in its hands, whatever --request-timeout says.
    let cases = format!(
        "*/{}/proxy/logs/?query=kubelet*) echo 'May 22 03:15:44 the beginning of a log'; sleep 600; exit 1 ;;\n*/proxy/logs/?query=containerd*) echo 'half a log'; echo 'error: stream error: INTERNAL_ERROR' >&2; exit 1 ;;",
        NODES[0]
    );
    let hanging = with_cases(folder.path(), &kubectl, &cases);
    let bundle = folder.path().join("bundle.tar");
    let began = std::time::Instant::now();
    let output = collect(&hanging, &bundle, &["--timeout", "1"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(began.elapsed().as_secs() < 300, "it waited for what hung");
    let members = members(&bundle);
    let manifest = manifest_of(&members);
    let late = request(&manifest, &format!("kubelet log of node {}", NODES[0]));
    assert_eq!(late["status"], "timed_out", "{late}");
    let kept = &members[&format!(
        "bundle/{}",
        late["file"].as_str().expect("what came is kept")
    )];
    assert_eq!(late["sha256"].as_str(), Some(sha256(kept).as_str()));
    assert!(kept.starts_with(b"May 22"));
    assert_eq!(request(&manifest, "events")["status"], "came");
    let text = said(&output);
    assert!(
        text.contains("timed out  kubelet log of node") && text.contains("see --timeout"),
        "{text}"
    );
    assert!(
        text.contains("stream error: INTERNAL_ERROR (33 bytes that came are kept)"),
        "{text}"
    );
    let report = crate::common::report(&bundle);
    assert!(
        report["sources"]
            .to_string()
            .contains("it did not come in time")
    );
}

#[test]
fn a_collect_that_is_stopped_keeps_what_came() {
    let (folder, kubectl) = cluster();
    let hanging = with_cases(
        folder.path(),
        &kubectl,
        "*/proxy/configz*) echo hangs >> \"$(dirname \"$0\")/hangs\"; exec sleep 600 ;;",
    );
    let bundle = folder.path().join("bundle.tar.zst");
    let mut child = rootline()
        .args(["collect", "-o"])
        .arg(&bundle)
        .arg("--kubectl")
        .arg(&hanging)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("runs");
    for _ in 0..600 {
        if folder.path().join("hangs").exists() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(killed.is_ok_and(|s| s.success()));
    let _ = child.wait();
    let output = child.wait_with_output().expect("ended");
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("STOPPED") && text.contains("stopped before all was asked"),
        "{text}"
    );
    let manifest = manifest_of(&members(&bundle));
    assert_eq!(manifest["stopped"], true);
    assert_eq!(request(&manifest, "events")["status"], "came");
    assert_eq!(
        request(&manifest, &format!("settings of node {}", NODES[0]))["status"],
        "stopped"
    );
    let problems = crate::common::report(&bundle)["sources"].to_string();
    assert!(
        problems.contains("collecting was stopped before"),
        "{problems}"
    );
}

#[test]
fn rights_to_nothing_are_a_failure_and_missing_events_are_loud() {
    let (folder, kubectl) = cluster();
    let refuse = |what: &str| {
        format!(
            "{what}) echo \"Error from server (Forbidden): $2 is forbidden: User \\\"ci\\\" cannot list resource \\\"$2\\\"\" >&2; exit 1 ;;"
        )
    };
    let nothing = with_cases(folder.path(), &kubectl, &refuse("'get '*"));
    let bundle = folder.path().join("nothing.tar");
    let output = collect(&nothing, &bundle, &[]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(
        said(&output).contains("nothing came that a report can be made of"),
        "{}",
        said(&output)
    );
    let manifest = manifest_of(&members(&bundle));
    assert_eq!(request(&manifest, "version")["status"], "came");
    assert_eq!(request(&manifest, "events")["status"], "refused");
    // Pods without Events: a bundle, but not in silence.
    let no_events = with_cases(folder.path(), &kubectl, &refuse("'get events '*"));
    let output = collect(
        &no_events,
        &folder.path().join("pods.tar"),
        &["--no-node-logs"],
    );
    assert!(output.status.success(), "{}", said(&output));
    assert!(
        said(&output).contains("MISSING    events: most of what a report can tell rests on Events"),
        "{}",
        said(&output)
    );
    let whole = collect(&kubectl, &folder.path().join("whole.tar"), &[]);
    assert!(!said(&whole).contains("MISSING"), "{}", said(&whole));
    // What one node says of each of its logs is told once.
    let row = format!(
        "not there  kubelet log of node {} and 3 more: this node has no log query",
        NODES[1]
    );
    assert!(said(&whole).contains(&row), "{}", said(&whole));
}

#[test]
fn names_and_numbers_that_cannot_be_are_refused_before_anything_is_asked() {
    let (folder, kubectl) = cluster();
    for (arguments, why) in [
        (["--namespace", "bad name; rm"], "no name of Kubernetes"),
        (["--namespace", "--all-namespaces"], "no name of Kubernetes"),
        (["--node", "../../secrets"], "no name of Kubernetes"),
        (["--max-nodes", "0"], "--no-node-logs"),
        (["--timeout", "0"], "1..=3600"),
    ] {
        let given = format!("{}={}", arguments[0], arguments[1]);
        let output = collect(&kubectl, &folder.path().join("b.tar"), &[&given]);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(said(&output).contains(why), "{}", said(&output));
    }
    let output = collect(&kubectl, &folder.path().join("no/such/b.tar"), &[]);
    assert!(said(&output).contains("make it first"), "{}", said(&output));
    assert!(!folder.path().join("asked").exists(), "nothing was asked");
}

/// A real kubectl finds `kubectl-rootline` on the path and hands it everything behind `kubectl rootline`.
#[test]
fn works_as_a_plugin_of_a_real_kubectl() {
    let path = std::env::var("PATH").unwrap_or_default();
    if Command::new("kubectl")
        .args(["version", "--client"])
        .output()
        .is_err()
    {
        eprintln!("skipped: there is no kubectl here");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    std::os::unix::fs::symlink(
        env!("CARGO_BIN_EXE_rootline"),
        folder.path().join("kubectl-rootline"),
    )
    .expect("a link");
    let kubectl = |arguments: &[&str]| {
        Command::new("kubectl")
            .args(arguments)
            .env_clear()
            .env("HOME", folder.path())
            .env("PATH", format!("{}:{path}", folder.path().display()))
            .current_dir(root())
            .output()
            .expect("kubectl runs")
    };
    let output = kubectl(&["plugin", "list"]);
    assert!(
        said(&output).contains("kubectl-rootline"),
        "{}",
        said(&output)
    );
    let output = kubectl(&[
        "rootline",
        "report",
        "samples/awesome-app-2024-05-22",
        "-o",
        "-",
        "--format",
        "json",
    ]);
    assert!(output.status.success(), "{}", said(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a report");
    assert_eq!(report["schema"], "rootline.report/v1");
    let help = said(&kubectl(&["rootline", "report", "--help"]));
    assert!(help.contains("Usage: kubectl rootline report"), "{help}");
    assert_eq!(kubectl(&["rootline", "raport"]).status.code(), Some(2));
}
