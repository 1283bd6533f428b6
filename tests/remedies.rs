//! Images, disks, factors, guard-rails and back-tests: what is said of the samples, what must not be, and that others can read what is generated.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use k8s_openapi::api::core::v1::Namespace;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::common::{copy_of, incident, report, root, run};

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn factors(report: &Value) -> BTreeSet<&str> {
    list(report, "factors")
        .iter()
        .filter_map(|f| f["id"].as_str())
        .collect()
}

fn factor<'a>(report: &'a Value, id: &str) -> &'a Value {
    list(report, "factors")
        .iter()
        .find(|f| f["id"] == id)
        .unwrap_or_else(|| panic!("no factor {id} among {:?}", factors(report)))
}

fn rail<'a>(report: &'a Value, id: &str) -> &'a Value {
    list(report, "guard_rails")
        .iter()
        .find(|g| g["id"] == id)
        .unwrap_or_else(|| panic!("no guard-rail {id}"))
}

#[test]
fn the_pasted_history_is_taken_apart_and_its_contradictions_are_said() {
    let report = report(&root().join("samples/awesome-app-2024-05-22"));
    let image = &report["images"][0];
    assert_eq!(image["total_bytes"], 4_200_000_000u64);
    assert_eq!(image["measure"], "unpacked");
    let sizes: Vec<u64> = list(image, "layers")
        .iter()
        .filter_map(|l| l["bytes"].as_u64())
        .collect();
    assert_eq!(
        sizes,
        [850_000_000, 0, 450_000_000, 1_100_000_000, 1_800_000_000, 0]
    );
    // What a line of the Dockerfile cost.
    assert_eq!(list(image, "layers")[4]["build_line"]["line"], 6);
    let said: Vec<&str> = list(image, "contradictions")
        .iter()
        .filter_map(|c| c["what"].as_str())
        .collect();
    for part in [
        "exec form",
        "node:bookworm",
        "FROM",
        "comes before",
        "EXPOSE",
        "/usr/src/app/node_modules",
    ] {
        assert!(said.iter().any(|s| s.contains(part)), "{part}: {said:#?}");
    }
    assert_eq!(said.len(), 6, "{said:#?}");
    for id in [
        "mutable-tag",
        "always-pull-of-moving-tag",
        "oversized-image",
        "full-base-image",
        "build-tools-in-image",
        "whole-context-copied",
        "cache-busting-copy",
        "package-cache-kept",
        "root-user",
        "shell-form-command",
        "no-init-process",
        "unpinned-base-image",
    ] {
        factor(&report, id);
    }
    // What the account tells and its files do not show.
    for id in [
        "small-node-disk",
        "shared-image-disk",
        "pulls-everywhere-at-once",
        "parallel-pulls",
        "secret-in-build",
        "removed-in-later-layer",
        "invalid-dockerfile",
        "no-automatic-rollback",
    ] {
        assert!(!factors(&report).contains(id), "{id}");
    }
    let all = report.to_string();
    for unknown in ["1.2 GB", " 20 GB", "twelve workers", "exit code 137 were"] {
        assert!(!all.contains(unknown), "{unknown}");
    }
    // Nothing is necessary as long as nobody knows the disk.
    assert!(
        list(&report, "factors")
            .iter()
            .all(|f| f["strength"] != "necessary")
    );
    assert_eq!(report["disk_budgets"][0]["fits"], "unknown");
    // Each finding rests on something, and says when it is mistaken.
    for finding in list(&report, "factors") {
        assert!(!list(finding, "evidence").is_empty() || !list(finding, "citations").is_empty());
        assert!(
            finding["mistaken_when"]
                .as_str()
                .is_some_and(|m| !m.is_empty()),
            "{finding}"
        );
    }
    assert!(list(&report, "rollback").is_empty());
}

#[test]
fn the_recorded_spiral_has_numbers_a_way_back_and_tested_guard_rails() {
    let report = report(&root().join("samples/death-spiral"));
    let old = "sha256:f5d14f5002cb333d351bf2700741ce359bd1e4a0f85ab2af3cd88c8cea209a43";
    let new = "sha256:d14c5f80d4db9c431596ac0a2e257be9022543c97a137af4f5542dd4aeb728af";
    let because = factor(&report, "mutable-tag")["because"]
        .as_str()
        .unwrap_or_default();
    assert!(because.contains(old) && because.contains(new), "{because}");
    let large = factor(&report, "oversized-image");
    assert_eq!(large["strength"], "necessary");
    let because = large["because"].as_str().unwrap_or_default();
    assert!(
        because.contains("2.84 GB compressed") && because.contains("3.75 MB compressed before"),
        "{because}"
    );
    assert!(because.contains("2.84 GB unpacked"), "{because}");
    for budget in list(&report, "disk_budgets") {
        assert_eq!(budget["fits"], "no");
        assert_eq!(budget["capacity"]["bytes"], 3_020_029_952u64);
        let free = budget["available"]["bytes"].as_u64().unwrap_or_default();
        assert!((2_400_000_000..2_510_000_000).contains(&free), "{free}");
        assert_eq!(budget["compressed"]["measure"], "compressed");
        assert!(
            list(budget, "counterfactuals")
                .iter()
                .any(|c| c.as_str().is_some_and(|c| c.contains("image of before")))
        );
    }
    assert_eq!(list(&report, "disk_budgets").len(), 3);
    let small = factor(&report, "small-node-disk");
    assert_eq!(small["strength"], "necessary");
    let because = small["because"].as_str().unwrap_or_default();
    assert!(
        because.contains("2.50 GB of 3.02 GB were free")
            && because.contains("needs up to 5.67 GB")
            && because.contains("No other node"),
        "{because}"
    );
    // Nodes of one size need one size, whichever threshold an eviction of theirs named.
    let larger: BTreeSet<&str> = list(&report, "disk_budgets")
        .iter()
        .flat_map(|b| list(b, "counterfactuals"))
        .filter_map(|c| c.as_str()?.strip_prefix("A file system of ")?.get(..4))
        .collect();
    assert_eq!(larger.len(), 1, "{larger:?}");
    let deadline = factor(&report, "late-progress-deadline")["because"]
        .as_str()
        .unwrap_or_default();
    assert!(
        deadline.contains("has progressDeadlineSeconds 600")
            && deadline.contains("at 21:01:50 at the earliest, 10 min after it began"),
        "{deadline}"
    );
    let back = &report["rollback"][0];
    assert_eq!(back["digest"], old);
    assert_eq!(
        back["command"].as_str().unwrap_or_default(),
        format!(
            "kubectl -n apps set image deployment/awesome-app awesome-app=registry.internal/awesome-app@{old}"
        )
    );
    // The policies are tried on the pods that were created: the cascade's own, and all others.
    let test = &rail(&report, "no-latest-tag")["backtest"];
    assert_eq!(test["cascade"], serde_json::json!([4, 4]));
    assert_eq!(test["others"][0], 0);
    assert!(test["others"][1].as_u64().is_some_and(|n| n >= 20));
    assert!(
        test["first"]
            .as_str()
            .is_some_and(|f| f.starts_with("2026-11-23T20:51:50"))
    );
    assert_eq!(rail(&report, "max-image-size")["backtest"]["others"][0], 0);
    // The price of a policy is said, too.
    assert_eq!(
        rail(&report, "image-by-digest")["backtest"]["others"][0],
        test["others"][1]
    );
    let alerts = rail(&report, "alert-rules")["backtest"]["said"]
        .as_str()
        .unwrap_or_default();
    assert!(
        alerts.contains("NodeDiskFillsUp: would have fired at 20:52:20"),
        "{alerts}"
    );
    assert!(alerts.contains("not tested"), "{alerts}");
}

#[test]
fn a_quiet_day_has_none_of_it() {
    let report = report(&root().join("samples/quiet-day"));
    for key in [
        "factors",
        "images",
        "disk_budgets",
        "rollback",
        "guard_rails",
    ] {
        assert!(list(&report, key).is_empty(), "{key}: {}", report[key]);
    }
}

/// Reads an object by the published schema of its kind and writes it again: what the schema does not know would be lost.
fn is_of_schema<T: DeserializeOwned + serde::Serialize>(object: &Value) {
    let typed: T = serde_json::from_value(object.clone()).expect("the schema reads it");
    let again = serde_json::to_value(&typed).expect("it can be written");
    assert_eq!(&again, object);
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: String,
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    alert: String,
    expr: String,
    #[serde(rename = "for")]
    wait: String,
    labels: std::collections::BTreeMap<String, String>,
    annotations: std::collections::BTreeMap<String, String>,
}

#[test]
fn others_can_read_what_is_generated() {
    for sample in ["awesome-app-2024-05-22", "death-spiral"] {
        let folder = tempfile::tempdir().expect("a folder");
        let page = folder.path().join("page.json");
        let actions = folder.path().join("actions");
        run(
            &[
                "report",
                &root().join("samples").join(sample).display().to_string(),
                "-o",
                &page.display().to_string(),
                "--actions",
                &actions.display().to_string(),
            ],
            0,
        );
        let mut kinds = BTreeSet::new();
        let mut files = 0;
        for entry in walkdir::WalkDir::new(&actions).sort_by_file_name() {
            let entry = entry.expect("an entry");
            if !entry.file_type().is_file() {
                continue;
            }
            files += 1;
            let name = entry.file_name().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(entry.path()).expect("text");
            match Path::new(&name).extension().and_then(|e| e.to_str()) {
                Some("json") => drop(serde_json::from_str::<Value>(&text).expect("JSON")),
                Some("yaml") => kinds.extend(read_yaml(&name, &text)),
                Some("proposal") => {
                    let parsed = parse_dockerfile::parse(&text).expect("a Dockerfile");
                    assert_eq!(parsed.stages().len(), 2);
                    kinds.insert("Dockerfile".to_owned());
                }
                _ => assert_eq!(name, ".dockerignore"),
            }
        }
        let report: Value =
            serde_json::from_str(&std::fs::read_to_string(&page).expect("a report")).expect("JSON");
        assert_eq!(files, list(&report, "guard_rails").len());
        for kind in [
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "ClusterPolicy",
            "KubeletConfiguration",
            "rules",
        ] {
            assert!(kinds.contains(kind), "{sample}: {kind} not among {kinds:?}");
        }
    }
}

fn read_yaml(name: &str, text: &str) -> Vec<String> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).expect(name);
    let mut kinds = Vec::new();
    for document in &documents {
        let kind = document["kind"].as_str().unwrap_or_default().to_owned();
        match kind.as_str() {
            "ValidatingAdmissionPolicy" => is_of_schema::<ValidatingAdmissionPolicy>(document),
            "ValidatingAdmissionPolicyBinding" => {
                is_of_schema::<ValidatingAdmissionPolicyBinding>(document);
            }
            "Namespace" => is_of_schema::<Namespace>(document),
            "" if document.get("groups").is_some() => {
                let rules: RuleFile =
                    serde_json::from_value(document.clone()).expect("a rule file");
                for rule in rules.groups.iter().flat_map(|g| {
                    assert!(!g.name.is_empty());
                    &g.rules
                }) {
                    promql_parser::parser::parse(&rule.expr)
                        .unwrap_or_else(|error| panic!("{}: {error}", rule.expr));
                    if rule.wait != "0m" {
                        promql_parser::util::parse_duration(&rule.wait)
                            .unwrap_or_else(|error| panic!("{}: {error}", rule.wait));
                    }
                    assert!(rule.labels.contains_key("severity"));
                    assert!(rule.annotations.contains_key("summary") && !rule.alert.contains(' '));
                }
                kinds.push("rules".to_owned());
            }
            _ => {}
        }
        kinds.push(kind);
    }
    if kinds
        .iter()
        .any(|k| k == "ValidatingAdmissionPolicy" || k == "ClusterPolicy")
    {
        for policy in rootline::assess::policy::read(text).expect("a policy") {
            rootline::assess::policy::compile_all(&policy).expect("its CEL compiles");
            assert_eq!(policy.untested, None);
        }
    }
    kinds
}

#[test]
fn the_parser_of_expressions_refuses_what_prometheus_would() {
    for wrong in [
        "sum by (namespace kube_pod_info",
        "predict_linear(node_filesystem_avail_bytes[2m] 900) < 0",
        "count(up) >= ",
    ] {
        assert!(promql_parser::parser::parse(wrong).is_err(), "{wrong}");
    }
}

/// A record of CloudTrail with the manifest that was pushed, as text.
const PUT_IMAGE: &str = r##"{"eventVersion":"1.08","userIdentity":{"type":"AssumedRole","arn":"arn:aws:sts::123456789012:assumed-role/ci/build"},"eventTime":"2024-05-22T03:13:55Z","eventSource":"ecr.amazonaws.com","eventName":"PutImage","awsRegion":"eu-west-1","requestParameters":{"registryId":"123456789012","repositoryName":"awesome-app","imageTag":"latest","imageManifest":"{\n \"schemaVersion\": 2,\n \"mediaType\": \"application/vnd.docker.distribution.manifest.v2+json\",\n \"config\": {\"mediaType\": \"application/vnd.docker.container.image.v1+json\",\"size\": 7023,\"digest\": \"sha256:aa1e14be14be14be14be14be14be14be14be14be14be14be14be14be14be14be\"},\n \"layers\": [{\"mediaType\": \"application/vnd.docker.image.rootfs.diff.tar.gzip\",\"size\": 350000000,\"digest\": \"sha256:bb1e14be14be14be14be14be14be14be14be14be14be14be14be14be14be14be\"},{\"mediaType\": \"application/vnd.docker.image.rootfs.diff.tar.gzip\",\"size\": 2650000000,\"digest\": \"sha256:cc1e14be14be14be14be14be14be14be14be14be14be14be14be14be14be14be\"}]}"},"responseElements":{"image":{"registryId":"123456789012","repositoryName":"awesome-app","imageId":{"imageDigest":"sha256:4be14be14be14be14be14be14be14be14be14be14be14be14be14be14be14be1","imageTag":"latest"}}}}"##;

#[test]
fn a_manifest_in_cloudtrail_is_taken_apart() {
    let log = std::fs::read_to_string(root().join("samples/awesome-app-2024-05-22/incident.log"))
        .expect("a log")
        .replace(
            "registry.internal",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        );
    // As a file of the trail's bucket, and as `aws cloudtrail lookup-events` prints it.
    let bucket = format!("{{\"Records\":[{PUT_IMAGE}]}}");
    let lookup = serde_json::json!({"Events": [{"EventId": "1", "EventName": "PutImage", "CloudTrailEvent": PUT_IMAGE}]}).to_string();
    for trail in [bucket, lookup] {
        let folder = incident(&[
            ("incident.log", log.as_bytes()),
            ("trail.json", trail.as_bytes()),
        ]);
        let report = report(folder.path());
        let image = &report["images"][0];
        assert_eq!(image["measure"], "compressed", "{image:#}");
        assert_eq!(image["total_bytes"], 3_000_000_000u64);
        let layers: Vec<(&str, u64)> = list(image, "layers")
            .iter()
            .map(|l| {
                (
                    l["text"].as_str().unwrap_or_default(),
                    l["bytes"].as_u64().unwrap_or_default(),
                )
            })
            .collect();
        assert_eq!(layers[1].1, 2_650_000_000);
        assert!(layers[1].0.starts_with("sha256:cc1e"), "{layers:?}");
        // Where it was described, and what it stood for, by the same record.
        assert!(
            list(image, "sizes")[0]["citations"]
                .to_string()
                .contains("trail.json")
        );
        assert!(
            factor(&report, "mutable-tag")["because"]
                .as_str()
                .is_some_and(|b| b.contains("sha256:4be14be")),
            "{}",
            factor(&report, "mutable-tag")
        );
        assert!(
            factor(&report, "oversized-image")["because"]
                .as_str()
                .is_some_and(|b| b.contains("3.00 GB compressed"))
        );
        // Compressed bytes are not what is needed on a disk.
        assert_eq!(report["disk_budgets"][0]["fits"], "unknown");
    }
}

/// The sample of six lines with other artefacts beside it.
fn with(files: &[(&str, &str)]) -> Value {
    let folder = copy_of(&root().join("samples/awesome-app-2024-05-22"));
    for name in ["Dockerfile", "docker-history.txt", "story.md", "truth.toml"] {
        std::fs::remove_file(folder.path().join(name)).expect("a file");
    }
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).expect("a file");
    }
    report(folder.path())
}

#[test]
fn an_instruction_inside_a_run_is_located_and_a_broken_file_is_not_guessed() {
    let inside = with(&[(
        "Dockerfile",
        "FROM node:20-alpine3.19 AS builder\nWORKDIR /app\nRUN --mount=type=cache,target=/root/.npm \\\nCOPY package*.json ./ && \\\nnpm ci\nCOPY . .\nFROM node:20-alpine3.19\nCOPY --from=builder /app/dist ./dist\nUSER 10001\nENTRYPOINT [\"/sbin/tini\", \"--\"]\nCMD [\"node\", \"dist/index.js\"]\n",
    )]);
    let because = factor(&inside, "invalid-dockerfile")["because"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(because.contains("line 3"), "{because}");
    // The good parts of it are not blamed.
    for id in [
        "root-user",
        "shell-form-command",
        "full-base-image",
        "no-init-process",
        "whole-context-copied",
        "build-tools-in-image",
    ] {
        assert!(!factors(&inside).contains(id), "{id}");
    }
    let broken = with(&[("Dockerfile", "FROM debian:12\nCOYP . /srv\nCMD run\n")]);
    let because = factor(&broken, "invalid-dockerfile")["because"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(because.contains("line 2"), "{because}");
    // What stands after the mistake was not read, so its lack proves nothing.
    assert!(
        !factors(&broken).contains("root-user") && !factors(&broken).contains("shell-form-command")
    );
}

#[test]
fn compressed_and_unpacked_sizes_stay_apart() {
    let report = with(&[
        (
            "inspect.json",
            "[{\"Id\":\"sha256:ab\",\"RepoTags\":[\"registry.internal/awesome-app:latest\"],\"Size\":4000000000,\"RootFS\":{\"Type\":\"layers\",\"Layers\":[\"sha256:cd\"]},\"Config\":{\"User\":\"\",\"Cmd\":[\"/bin/sh\",\"-c\",\"npm start\"]}}]",
        ),
        (
            "history.ndjson",
            "{\"Comment\":\"\",\"CreatedAt\":\"2024-05-22T01:00:00Z\",\"CreatedBy\":\"RUN /bin/sh -c npm install # buildkit\",\"CreatedSince\":\"2 hours ago\",\"ID\":\"<missing>\",\"Size\":\"1.9GB\"}\n{\"Comment\":\"\",\"CreatedAt\":\"2024-05-22T01:00:00Z\",\"CreatedBy\":\"COPY . /app # buildkit\",\"CreatedSince\":\"2 hours ago\",\"ID\":\"<missing>\",\"Size\":\"1.1GB\"}\n",
        ),
        (
            "nodes.json",
            "{\"kind\":\"List\",\"items\":[{\"kind\":\"Node\",\"metadata\":{\"name\":\"ip-10-0-42-12.ec2.internal\"},\"status\":{\"conditions\":[],\"capacity\":{\"ephemeral-storage\":\"20Gi\"},\"nodeInfo\":{\"containerRuntimeVersion\":\"docker://24.0.7\"},\"images\":[{\"names\":[\"registry.internal/awesome-app:latest\"],\"sizeBytes\":3900000000}]}}]}",
        ),
    ]);
    let image = &report["images"][0];
    assert_eq!(
        image["layers"][0]["text"], ". /app",
        "the oldest first: {image:#}"
    );
    let measures: BTreeSet<(u64, &str)> = list(image, "sizes")
        .iter()
        .map(|s| {
            (
                s["bytes"].as_u64().unwrap_or_default(),
                s["measure"].as_str().unwrap_or_default(),
            )
        })
        .collect();
    // Docker's list of images counts unpacked layers, as its inspection and its history do.
    assert!(
        measures.contains(&(4_000_000_000, "unpacked"))
            && measures.contains(&(3_900_000_000, "unpacked")),
        "{measures:?}"
    );
    assert!(measures.iter().all(|(_, measure)| *measure != "compressed"));
    let said = image["contradictions"].to_string();
    assert!(said.contains("add up to 3.00 GB"), "{said}");
    let budget = &report["disk_budgets"][0];
    assert_eq!(budget["runtime"], "docker://24.0.7");
    assert_eq!(budget["fits"], "unknown", "nothing tells what was free");
}

#[test]
fn a_policy_of_ones_own_is_tried_on_the_incident() {
    let policy = incident(&[(
        "policy.yaml",
        b"apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata:\n  name: pull-policy\nspec:\n  matchConstraints:\n    resourceRules:\n    - apiGroups: ['']\n      apiVersions: [v1]\n      operations: [CREATE]\n      resources: [pods]\n  validations:\n  - expression: \"object.spec.containers.all(c, c.imagePullPolicy != 'Always')\"\n    message: always pulls\n",
    )]);
    let path = policy.path().join("policy.yaml").display().to_string();
    let output = run(
        &["policy", "backtest", &path, "samples/death-spiral", "-q"],
        0,
    );
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.contains("Would have refused 4 of 4 pods of the cascade from 20:51:50, and 0 of "),
        "{text}"
    );
    assert!(
        text.contains("awesome-app-5f889954db-qpj86: always pulls"),
        "{text}"
    );
    let output = run(
        &[
            "policy",
            "backtest",
            "no-latest-tag",
            "samples/quiet-day",
            "-q",
            "--output",
            "ndjson",
        ],
        0,
    );
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.lines().count() > 10
            && text
                .lines()
                .all(|l| serde_json::from_str::<Value>(l).is_ok())
    );
    run(
        &["policy", "backtest", "no-such-policy", "samples/quiet-day"],
        2,
    );
    run(&["policy", "show", "no-latest-tag"], 0);
}

#[test]
fn recorded_bundles_without_a_failed_pull_for_space_have_no_disk_factor() {
    let captures = root().join("../shared/captures");
    if !captures.is_dir() {
        eprintln!("skipped: no recorded bundles beside the project");
        return;
    }
    // Whatever is about images, pulls, and how large or whose the node's disk is.
    let disk = [
        "always-pull-of-moving-tag",
        "build-tools-in-image",
        "cache-busting-copy",
        "full-base-image",
        "late-progress-deadline",
        "mutable-tag",
        "oversized-image",
        "package-cache-kept",
        "parallel-pulls",
        "pulls-everywhere-at-once",
        "removed-in-later-layer",
        "shared-image-disk",
        "small-node-disk",
        "whole-context-copied",
    ];
    for name in ["s2-quiet-day", "s3-log-filler", "s4-bad-tag"] {
        let report = report(&captures.join(name));
        let found = factors(&report);
        assert!(
            disk.iter().all(|id| !found.contains(id)),
            "{name}: {found:?}"
        );
        for key in ["images", "disk_budgets"] {
            assert!(list(&report, key).is_empty(), "{name}: {key}");
        }
        let rails = list(&report, "guard_rails");
        for rail in rails {
            let text = rail["text"].as_str().unwrap_or_default();
            for part in ["imageGC", "serializeImagePulls", "image-size"] {
                assert!(!text.contains(part), "{name}: {part} in {}", rail["file"]);
            }
        }
        // What is known to have allowed it (truth: "wrote without limit into an emptyDir volume") is a setting of the workload.
        let expected: &[&str] = match name {
            "s3-log-filler" => &["no-ephemeral-storage-limit"],
            "s4-bad-tag" => &["no-automatic-rollback"],
            _ => &[],
        };
        assert!(
            found.iter().all(|id| expected.contains(id)),
            "{name}: {found:?}"
        );
        if name == "s3-log-filler" {
            let because = factor(&report, "no-ephemeral-storage-limit")["because"].to_string();
            assert!(
                because.contains("scratch is an emptyDir without sizeLimit"),
                "{because}"
            );
        }
    }
}

/// An incident of its own: `pay/billing` is rolled out at 14:00 and does not fit on the disk of `n-7`. Files are added to it, or put in place of its own.
struct Billing {
    files: BTreeMap<String, String>,
}

const IMAGE: &str = "reg.example.net/pay/billing:r12";
const OLD: &str = "sha256:1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a";
const NEW: &str = "sha256:2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b";

fn event(at: &str, about: (&str, &str), reason: &str, message: &str, node: &str) -> Value {
    let (kind, name) = about;
    let namespace = if kind == "Node" { "default" } else { "pay" };
    let component = match reason {
        "Scheduled" => "default-scheduler",
        "ScalingReplicaSet" => "deployment-controller",
        "SuccessfulCreate" => "replicaset-controller",
        _ => "kubelet",
    };
    let id = format!("{name}.{reason}.{at}.{}", message.len());
    json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": id, "uid": id, "namespace": namespace, "creationTimestamp": at},
        "involvedObject": {"kind": kind, "namespace": namespace, "name": name}, "reason": reason, "message": message,
        "source": {"component": component, "host": node}, "firstTimestamp": at, "lastTimestamp": at, "count": 1,
        "type": if matches!(reason, "Failed" | "Evicted") { "Warning" } else { "Normal" }})
}

fn pod(name: &str, namespace: &str, at: &str, image: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": at, "labels": {"app": "billing"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": name.rsplit_once('-').map_or(name, |(stem, _)| stem), "uid": "r"}]},
        "spec": {"nodeName": "n-7", "containers": [{"name": "billing", "image": image}]}})
}

/// A pod that runs an image since a time.
fn running(name: &str, at: &str, digest: &str) -> Value {
    let mut pod = pod(name, "pay", at, IMAGE);
    pod["status"] = json!({"containerStatuses": [{"name": "billing", "image": IMAGE, "imageID": format!("reg.example.net/pay/billing@{digest}"),
        "ready": true, "state": {"running": {"startedAt": at}}}]});
    pod
}

fn items(items: &[Value]) -> String {
    json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}

fn deployment() -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "billing", "namespace": "pay"},
        "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "billing"}}, "template": {"metadata": {"labels": {"app": "billing"}},
            "spec": {"containers": [{"name": "billing", "image": IMAGE}]}}}})
}

/// What a registry notifies of a push.
fn pushed(at: &str, digest: &str, bytes: u64, tag: Option<&str>) -> Value {
    let media = if tag.is_some() {
        "application/vnd.oci.image.manifest.v1+json"
    } else {
        "application/octet-stream"
    };
    let mut target = json!({"mediaType": media, "size": bytes, "length": bytes, "digest": digest, "repository": "pay/billing"});
    if let Some(tag) = tag {
        target["tag"] = json!(tag);
    }
    json!({"id": format!("{digest}{at}"), "timestamp": at, "action": "push", "target": target, "request": {"host": "reg.example.net", "method": "PUT"}})
}

fn sha256(content: &str) -> String {
    use sha2::Digest;
    let hash = sha2::Sha256::digest(content);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn layer(c: char) -> String {
    format!("sha256:{}", c.to_string().repeat(64))
}

impl Billing {
    fn new() -> Billing {
        let name = "billing-7c9-x1";
        let about = ("Pod", name);
        let failed = format!(
            "Failed to pull image \"{IMAGE}\": failed to pull and unpack image \"{IMAGE}\": failed to extract layer sha256:aa11: write /var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/55/fs/opt/b.bin: no space left on device: unknown"
        );
        let events = [
            event(
                "2025-06-11T14:00:01Z",
                about,
                "Scheduled",
                &format!("Successfully assigned pay/{name} to n-7"),
                "",
            ),
            event(
                "2025-06-11T14:00:02Z",
                about,
                "Pulling",
                &format!("Pulling image \"{IMAGE}\""),
                "n-7",
            ),
            event("2025-06-11T14:01:02Z", about, "Failed", &failed, "n-7"),
            event(
                "2025-06-11T14:01:02Z",
                about,
                "Failed",
                "Error: ErrImagePull",
                "n-7",
            ),
            event(
                "2025-06-11T14:01:06Z",
                ("Node", "n-7"),
                "NodeHasDiskPressure",
                "Node n-7 status is now: NodeHasDiskPressure",
                "n-7",
            ),
            event(
                "2025-06-11T14:01:07Z",
                about,
                "Evicted",
                "The node was low on resource: ephemeral-storage. Threshold quantity: 2000000000, available: 1024Ki. ",
                "n-7",
            ),
        ];
        let mut billing = Billing {
            files: BTreeMap::new(),
        };
        billing.put("events.json", &items(&events));
        billing.put(
            "pods.json",
            &items(&[pod(name, "pay", "2025-06-11T14:00:00Z", IMAGE)]),
        );
        billing.put("deployments.json", &items(&[deployment()]));
        billing.put("nodes.json", &items(&[node("n-7", "20000000000")]));
        billing.put("deploy.log", "2025-06-11T14:00:00.100Z ##[command]kubectl apply -f billing.yaml\n2025-06-11T14:00:00.900Z deployment.apps/billing configured\n");
        billing
    }

    fn put(&mut self, name: &str, text: &str) -> &mut Billing {
        self.files.insert(name.to_owned(), text.to_owned());
        self
    }

    /// Rows of `df` on n-7: time, free bytes of 20 GB at `/`, and rows of other mounts.
    fn free(&mut self, samples: &[(&str, u64)], others: &[&str]) -> &mut Billing {
        let mut text = String::new();
        for (at, free) in samples {
            let used = 20_000_000 - free / 1000;
            text += &format!(
                "{at}\nFilesystem     1K-blocks   Used Available Use% Mounted on\n/dev/sda1   20000000 {used} {} {}% /\n",
                free / 1000,
                used / 200_000
            );
            for row in others {
                text += &format!("{row}\n");
            }
            text.push('\n');
        }
        self.put("df-n-7.log", &text)
    }

    /// The events that it has.
    fn events(&self) -> Vec<Value> {
        let read: Value = serde_json::from_str(&self.files["events.json"]).expect("JSON");
        list(&read, "items").to_vec()
    }

    fn trail(&mut self, events: &[Value]) -> &mut Billing {
        self.put("notifications.json", &json!({"events": events}).to_string())
    }

    fn folder(&self) -> tempfile::TempDir {
        let files: Vec<(&str, &[u8])> = self
            .files
            .iter()
            .map(|(n, t)| (n.as_str(), t.as_bytes()))
            .collect();
        incident(&files)
    }

    fn report(&self) -> Value {
        report(self.folder().path())
    }
}

fn node(name: &str, bytes: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": {"conditions": [],
        "capacity": {"ephemeral-storage": bytes}, "nodeInfo": {"containerRuntimeVersion": "containerd://1.7.13", "kubeletVersion": "v1.28.6"}}})
}

fn said<'a>(report: &'a Value, guard_rail: &str) -> &'a str {
    rail(report, guard_rail)["backtest"]["said"]
        .as_str()
        .unwrap_or_default()
}

/// Two images under one tag: the older ran, the newer came at 13:58.
fn moved_tag() -> Vec<Value> {
    vec![
        pushed("2025-06-01T08:00:00Z", &layer('a'), 3_000_000_000, None),
        pushed("2025-06-01T08:00:02Z", OLD, 700, Some("r12")),
        pushed("2025-06-11T13:58:00Z", &layer('c'), 200_000, None),
        pushed("2025-06-11T13:58:02Z", NEW, 700, Some("r12")),
    ]
}

#[test]
fn an_image_that_the_registry_deleted_is_not_what_to_go_back_to() {
    let older = layer('9');
    let mut billing = Billing::new();
    let pods = |older: Option<&str>| {
        let mut pods = vec![
            pod("billing-7c9-x1", "pay", "2025-06-11T14:00:00Z", IMAGE),
            running("billing-5f1-a1", "2025-06-09T10:00:00Z", OLD),
        ];
        pods.extend(older.map(|digest| running("billing-4d0-b2", "2025-05-20T10:00:00Z", digest)));
        items(&pods)
    };
    billing.put("pods.json", &pods(None)).trail(&moved_tag());
    let kept = billing.report();
    let back = &kept["rollback"][0];
    assert_eq!(back["digest"], OLD);
    assert!(!back["command"].as_str().unwrap_or_default().is_empty());
    let still = back["still_there"].as_str().unwrap_or_default();
    assert!(
        still.contains("no deletion of it") && still.contains("2025-06-01 08:00:02"),
        "{still}"
    );
    // Another day is said with its date.
    assert!(
        back["known_by"][0]
            .as_str()
            .is_some_and(|k| k.contains("2025-06-09 10:00:00")),
        "{back:#}"
    );

    let notified = json!({"id": "d", "timestamp": "2025-06-11T13:59:00Z", "action": "delete",
        "target": {"digest": OLD, "repository": "pay/billing"}, "request": {"host": "reg.example.net", "method": "DELETE"}});
    let logged = format!(
        "time=\"2025-06-11T13:59:00Z\" level=info msg=\"response completed\" go.version=go1.20 http.request.host=reg.example.net http.request.id=abc http.request.method=DELETE http.request.remoteaddr=\"10.0.0.1:55\" http.request.uri=\"/v2/pay/billing/manifests/{OLD}\" http.response.duration=3ms http.response.status=202 http.response.written=0\n"
    );
    let trail = json!({"Records": [{"eventVersion": "1.08", "eventTime": "2025-06-11T13:59:00Z", "eventSource": "ecr.amazonaws.com", "eventName": "BatchDeleteImage", "awsRegion": "eu-west-1",
        "userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::1:assumed-role/ci/x"},
        "requestParameters": {"repositoryName": "pay/billing", "imageIds": [{"imageDigest": OLD}]},
        "responseElements": {"imageIds": [{"imageDigest": OLD}], "failures": []}}]});
    for (name, text) in [
        ("deleted.json", json!({"events": [notified]}).to_string()),
        ("registry.log", logged),
        ("cloudtrail.json", trail.to_string()),
    ] {
        let mut deleted = Billing {
            files: billing.files.clone(),
        };
        let gone = deleted.put(name, &text).report();
        let back = &gone["rollback"][0];
        assert_eq!(back["command"], "", "{name}: {back:#}");
        assert!(
            back["still_there"]
                .as_str()
                .is_some_and(|s| s.contains("was deleted from the registry at 13:59:00")),
            "{name}: {back:#}"
        );
        // An older one that is known to have run takes its place.
        let other = deleted.put("pods.json", &pods(Some(&older))).report();
        let back = &other["rollback"][0];
        assert_eq!(back["digest"], older, "{name}");
        assert!(
            back["command"]
                .as_str()
                .is_some_and(|c| c.ends_with(&older)),
            "{name}"
        );
        assert!(
            back["known_by"].to_string().contains("was deleted"),
            "{name}: {back:#}"
        );
        // A push after the deletion brings it back.
        let again =
            json!({"events": [pushed("2025-06-11T13:59:30Z", OLD, 700, Some("r11"))]}).to_string();
        let again = deleted.put("again.json", &again).report();
        assert_eq!(again["rollback"][0]["digest"], OLD, "{name}");
    }
}

#[test]
fn blobs_that_were_pushed_are_a_lower_bound_and_a_manifest_is_the_whole() {
    let manifest = |layers: &[(char, u64)]| {
        let layers: Vec<Value> = layers
            .iter()
            .map(|(c, size)| json!({"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": layer(*c), "size": size}))
            .collect();
        json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": layer('d'), "size": 5000}, "layers": layers}).to_string()
    };
    let new = manifest(&[('a', 3_000_000_000), ('c', 200_000)]);
    let digest = format!("sha256:{}", sha256(&new));
    let mut events = moved_tag();
    events[3] = pushed("2025-06-11T13:58:02Z", &digest, 700, Some("r12"));
    let mut billing = Billing::new();
    billing.trail(&events).free(
        &[
            ("2025-06-11T13:59:50Z", 9_000_000_000),
            ("2025-06-11T14:00:30Z", 5_000_000_000),
        ],
        &[],
    );
    let part = billing.report();
    let budget = &part["disk_budgets"][0];
    assert_eq!(budget["compressed"]["at_least"], true, "{budget:#}");
    assert_eq!(budget["fits"], "unknown");
    assert_eq!(budget["needed_at_most"], Value::Null);
    let because = budget["because"].as_str().unwrap_or_default();
    assert!(because.contains("at least 200 kB"), "{because}");
    assert!(
        !budget["counterfactuals"]
            .to_string()
            .contains("A file system of"),
        "{budget:#}"
    );
    assert!(
        said(&part, "max-image-size").starts_with("Not tested: only a part of its image's size"),
        "{}",
        said(&part, "max-image-size")
    );
    assert!(
        said(&part, "image-checks").starts_with("The size is not tested"),
        "{}",
        said(&part, "image-checks")
    );
    // Where the disk was below its threshold before, a small image is not what was too large.
    let mut full = Billing {
        files: billing.files.clone(),
    };
    let full = full
        .free(&[("2025-06-11T13:59:50Z", 2_700_000_000)], &[])
        .report();
    assert!(
        !factors(&full).contains("oversized-image"),
        "{}",
        factor(&full, "oversized-image")
    );
    // The file whose bytes have the digest tells the rest.
    let whole = billing.put("manifest.json", &new).report();
    let budget = &whole["disk_budgets"][0];
    assert_eq!(
        budget["compressed"]["bytes"], 3_000_200_000u64,
        "{budget:#}"
    );
    assert_eq!(budget["compressed"]["at_least"], false);
    assert!(
        said(&whole, "max-image-size").starts_with("Would have refused 1 of 1 pods"),
        "{}",
        said(&whole, "max-image-size")
    );
    // Another manifest does not.
    let other = billing
        .put("manifest.json", &manifest(&[('e', 10)]))
        .report();
    assert_eq!(other["disk_budgets"][0]["compressed"]["at_least"], true);
}

#[test]
fn a_policy_is_tried_on_those_whom_it_is_for() {
    let mut billing = Billing::new();
    billing.put(
        "pods.json",
        &items(&[
            pod("billing-7c9-x1", "pay", "2025-06-11T14:00:00Z", IMAGE),
            // There before, and of the same name.
            running("billing-5f1-a1", "2025-06-09T10:00:00Z", OLD),
            pod(
                "dns-1-a",
                "kube-system",
                "2025-06-01T10:00:00Z",
                "reg.example.net/dns",
            ),
            pod(
                "web-1-a",
                "shop-eu",
                "2025-06-10T10:00:00Z",
                "reg.example.net/web",
            ),
        ]),
    );
    let folder = billing.folder();
    let test = |policy: &str| {
        let file = incident(&[("p.yaml", policy.as_bytes())]);
        let path = file.path().join("p.yaml").display().to_string();
        let incident = folder.path().display().to_string();
        let output = run(&["policy", "backtest", &path, &incident, "-q"], 0);
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let policy = |rules: &str, binding: &str| {
        format!(
            "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: {{name: p}}\nspec:\n  matchConstraints:\n    {rules}\n  validations: [{{expression: 'false', message: none}}]\n---\napiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicyBinding\nmetadata: {{name: b}}\nspec: {{policyName: p, {binding}}}\n"
        )
    };
    let pods = "resourceRules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}]";
    let deny = "validationActions: [Deny]";
    for (policy, expected) in [
        (policy(pods, deny), "Would have refused 1 of 1 pods of the cascade from 14:00:00, and 3 of 3 others."),
        (policy(pods, "validationActions: [Audit]"), "Would have admitted and reported 1 of 1 pods of the cascade"),
        (policy(pods, "validationActions: [Warn, Audit]"), "Would have admitted with a warning 1 of 1 pods"),
        (
            policy(pods, "validationActions: [Deny], matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: pay}}}"),
            "refused 1 of 1 pods of the cascade from 14:00:00, and 1 of 1 others.",
        ),
        (
            policy(&format!("{pods}\n    excludeResourceRules: [{{apiGroups: [''], apiVersions: [v1], operations: ['*'], resources: [pods], resourceNames: [web-1-a]}}]"), deny),
            "and 2 of 2 others.",
        ),
        (policy("resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [CREATE], resources: ['*']}]", deny), "of 1 pod templates"),
        // What labels a namespace has is not in the record.
        (
            policy(pods, "validationActions: [Deny], matchResources: {namespaceSelector: {matchLabels: {tier: gold}}}"),
            "Not tested: whether the policy is for it is not in the record",
        ),
        (
            "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: k}\nspec:\n  rules:\n  - name: r\n    match: {any: [{resources: {kinds: [Pod], namespaces: ['shop-*', pay]}}]}\n    exclude: {any: [{resources: {names: ['web-*']}}]}\n    validate: {cel: {expressions: [{expression: 'false', message: no}]}}\n".to_owned(),
            "Would have admitted and reported 1 of 1 pods of the cascade from 14:00:00, and 1 of 1 others.",
        ),
    ] {
        let said = test(&policy);
        assert!(said.contains(expected), "{policy}\n{said}");
    }
    let unbound = policy(pods, deny);
    let said = test(unbound.split("---").next().unwrap_or_default());
    assert!(said.contains("as if it were bound to everything"), "{said}");
    // The presets leave kube-system alone, in their test as in their binding.
    let output = run(
        &[
            "policy",
            "backtest",
            "no-latest-tag",
            &folder.path().display().to_string(),
            "-q",
        ],
        0,
    );
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        said.contains("and 1 of 2 others.") && !said.contains("dns-1-a"),
        "{said}"
    );
}

/// Free bytes that fall from 13:59 on, every ten seconds.
fn falling() -> Vec<(String, u64)> {
    (0..14)
        .map(|step| {
            let at = format!(
                "2025-06-11T{}",
                if step < 6 {
                    format!("13:59:{:02}Z", step * 10)
                } else {
                    format!("14:0{}:{:02}Z", (step - 6) / 6, (step - 6) % 6 * 10)
                }
            );
            (at, 15_000_000_000 - step * 1_100_000_000)
        })
        .collect()
}

#[test]
fn alert_rules_are_tried_from_the_first_sample_on_and_their_false_alarms_are_counted() {
    let mut billing = Billing::new();
    // No change is known: what comes before the first fault counts all the same.
    billing.files.remove("deploy.log");
    billing.files.remove("deployments.json");
    let falls = falling();
    let samples: Vec<(&str, u64)> = falls
        .iter()
        .map(|(at, free)| (at.as_str(), *free))
        .collect();
    // What no disk fills is not looked at, however full it is.
    billing.free(
        &samples,
        &[
            "tmpfs 1000 1000 0 100% /run/lock",
            "/dev/loop3 500 500 0 100% /snap/core/1",
        ],
    );
    let report = billing.report();
    let alerts = said(&report, "alert-rules");
    for part in [
        "NodeDiskFillsUp: would have fired at 13:59:30 on n-7, 1 min 32 s before the first fault of its disk",
        "NodeDiskAlmostFull: would have fired at 14:00:40 on n-7, 22 s before the first fault of its disk",
        "DiskPressureWanders: would not have fired",
    ] {
        assert!(alerts.contains(part), "{part}: {alerts}");
    }
    assert!(!alerts.contains("where no fault followed"), "{alerts}");
    assert!(
        said(&report, "kubelet-settings")
            .contains("would have been met at 14:00:40 on n-7, 22 s before"),
        "{}",
        said(&report, "kubelet-settings")
    );
    // An hour before, another node was emptied in time.
    billing.put(
        "nodes.json",
        &items(&[node("n-7", "20000000000"), node("n-8", "20000000000")]),
    );
    let mut quiet = String::new();
    for step in 0..8u64 {
        let free = 9_000_000 - step * 700_000;
        quiet += &format!(
            "2025-06-11T12:00:{:02}Z\nFilesystem     1K-blocks   Used Available Use% Mounted on\n/dev/sda1   20000000 {} {free} {}% /\n\n",
            step * 7,
            20_000_000 - free,
            (20_000_000 - free) / 200_000
        );
    }
    let report = billing.put("df-n-8.log", &quiet).report();
    let alerts = said(&report, "alert-rules");
    assert!(alerts.contains("it also would have fired once where no fault followed within 15 min, namely at 12:00:21 on n-8"), "{alerts}");
}

#[test]
fn pressure_that_goes_to_a_second_node_is_told_by_its_rule() {
    let mut billing = Billing::new();
    let at = |seconds: u32| format!("2025-06-11T14:{:02}:{:02}Z", seconds / 60, seconds % 60);
    let mut events = billing.events();
    let about = ("Pod", "billing-7c9-x2");
    events.extend([
        event(&at(120), about, "Scheduled", "Successfully assigned pay/billing-7c9-x2 to n-8", ""),
        event(&at(121), about, "Pulling", &format!("Pulling image \"{IMAGE}\""), "n-8"),
        event(&at(181), about, "Failed", &format!("Failed to pull image \"{IMAGE}\": failed to extract layer sha256:aa11: write /var/lib/containerd/x: no space left on device: unknown"), "n-8"),
        event(&at(185), ("Node", "n-8"), "NodeHasDiskPressure", "Node n-8 status is now: NodeHasDiskPressure", "n-8"),
    ]);
    let report = billing.put("events.json", &items(&events)).report();
    let alerts = said(&report, "alert-rules");
    assert!(
        alerts.contains("DiskPressureWanders: would have fired at 14:03:05, when n-8 followed"),
        "{alerts}"
    );
}

#[test]
fn one_disk_for_images_and_pods_is_said_only_where_the_files_show_it() {
    let mut billing = Billing::new();
    assert!(
        !factors(&billing.report()).contains("shared-image-disk"),
        "no list of mounts"
    );
    let samples = [
        ("2025-06-11T13:59:50Z", 9_000_000_000),
        ("2025-06-11T14:01:02Z", 2_000_000),
    ];
    billing.free(&samples, &[]);
    assert!(
        !factors(&billing.report()).contains("shared-image-disk"),
        "a list of one mount"
    );
    billing.free(&samples, &["/dev/sda2 1000000 100000 900000 10% /boot/efi"]);
    let report = billing.report();
    let shared = factor(&report, "shared-image-disk");
    assert!(
        !shared
            .to_string()
            .contains("no pod would have been evicted"),
        "{shared}"
    );
    billing.free(
        &samples,
        &["/dev/sdb1 90000000 10000000 80000000 12% /var/lib/containerd"],
    );
    assert!(
        !factors(&billing.report()).contains("shared-image-disk"),
        "images have a disk of their own"
    );
    // The kubelet's own summary says it outright.
    billing.files.remove("df-n-7.log");
    let summary = |images: u64| {
        json!({"node": {"nodeName": "n-7", "fs": {"time": "2025-06-11T13:59:55Z", "availableBytes": 9_000_000_000u64, "capacityBytes": 20_000_000_000u64},
        "runtime": {"imageFs": {"time": "2025-06-11T13:59:55Z", "availableBytes": images, "capacityBytes": 20_000_000_000u64}}}, "pods": []}).to_string()
    };
    let report = billing
        .put("stats-n-7.json", &summary(9_000_000_000))
        .report();
    factor(&report, "shared-image-disk");
    // What it says is free is what was free.
    assert_eq!(
        report["disk_budgets"][0]["available"]["bytes"],
        9_000_000_000u64
    );
    let report = billing
        .put("stats-n-7.json", &summary(8_000_000_000))
        .report();
    assert!(!factors(&report).contains("shared-image-disk"));
}

#[test]
fn pulls_that_only_wait_in_the_queue_are_not_parallel() {
    let mut billing = Billing::new();
    let other = |message: &str| {
        let about = ("Pod", "side-1-a");
        let mut events = Billing::new().events();
        events.extend([
            event(
                "2025-06-11T14:00:10Z",
                about,
                "Pulling",
                "Pulling image \"reg.example.net/side:1\"",
                "n-7",
            ),
            event("2025-06-11T14:01:20Z", about, "Pulled", message, "n-7"),
        ]);
        items(&events)
    };
    let waited = "Successfully pulled image \"reg.example.net/side:1\" in 15s (1m10s including waiting). Image size: 9000 bytes.";
    let ran = "Successfully pulled image \"reg.example.net/side:1\" in 1m8s (1m10s including waiting). Image size: 9000 bytes.";
    let config = |serial: bool| {
        format!(
            "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nserializeImagePulls: {serial}\n"
        )
    };
    for (message, config, expected) in [
        (waited, None, false),
        (ran, None, true),
        (ran, Some(true), false),
        (waited, Some(false), true),
    ]
    .map(|(message, serial, expected)| (message, serial.map(config), expected))
    {
        billing.put("events.json", &other(message));
        match &config {
            Some(text) => drop(billing.put("kubelet-config.yaml", text)),
            None => drop(billing.files.remove("kubelet-config.yaml")),
        }
        let report = billing.report();
        assert_eq!(
            factors(&report).contains("parallel-pulls"),
            expected,
            "{message} {config:?}"
        );
    }
}

#[test]
fn a_larger_disk_is_only_proposed_where_the_numbers_ask_for_one() {
    let mut billing = Billing::new();
    let history = |size: &str| {
        format!(
            "IMAGE          CREATED        CREATED BY       SIZE      COMMENT\n3f2a1b4c5d6e   2 hours ago    CMD [\"/a\"]       0B        buildkit.dockerfile.v0\n<missing>      2 hours ago    COPY . /srv # buildkit        {size}     buildkit.dockerfile.v0\n"
        )
    };
    billing.put("history.txt", &history("9.5GB"));
    billing.put(
        "nodes.json",
        &items(&[node("n-7", "20000000000"), node("n-9", "107000000000")]),
    );
    billing.free(&[("2025-06-11T13:59:50Z", 9_000_000_000)], &[]);
    billing.put("df-n-9.log", "2025-06-11T13:59:50Z\nFilesystem     1K-blocks   Used Available Use% Mounted on\n/dev/sda1   104857600 4192256  100665344  4% /\n");
    let report = billing.report();
    let budgets = list(&report, "disk_budgets");
    let of = |name: &str| {
        budgets
            .iter()
            .find(|b| b["node"] == name)
            .unwrap_or_else(|| panic!("no budget of {name}"))
    };
    assert_eq!(of("n-7")["fits"], "no", "{:#}", of("n-7"));
    // Unpacked it is known, and its compressed copy is no larger.
    assert_eq!(of("n-9")["fits"], "yes", "{:#}", of("n-9"));
    // 10.8 GB used and twice 9.5 GB, beside the 15 % that are kept free.
    assert!(
        of("n-7")["counterfactuals"]
            .to_string()
            .contains("A file system of 35.0 GB would have taken this image"),
        "{:#}",
        of("n-7")
    );
    // An image that fits explains nothing.
    let report = billing.put("history.txt", &history("1.1GB")).report();
    let said = report["disk_budgets"][0]["counterfactuals"].to_string();
    assert!(
        said.contains("it alone does not explain") && !said.contains("A file system of"),
        "{said}"
    );
    // The kubelet's own thresholds hold.
    billing.put("kubelet-config.yaml", "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nevictionHard: {imagefs.available: 30%, memory.available: 100Mi}\n");
    let report = billing.report();
    assert_eq!(
        report["disk_budgets"][0]["threshold"]["bytes"], 6_000_000_000u64,
        "{:#}",
        report["disk_budgets"][0]["threshold"]
    );
}

#[test]
fn sums_and_tables_of_images_are_read_as_what_they_are() {
    let mut billing = Billing::new();
    let history = "IMAGE          CREATED        CREATED BY       SIZE      COMMENT\n3f2a1b4c5d6e   2 hours ago    CMD [\"/a\"]       0B        buildkit.dockerfile.v0\n<missing>      2 hours ago    RUN /bin/sh -c make all # buildkit   900MB     buildkit.dockerfile.v0\n<missing>      2 hours ago    COPY . /srv # buildkit        1.6GB     buildkit.dockerfile.v0\n\nTotal: 4.9GB\n";
    let report = billing.put("history.txt", history).report();
    let image = &report["images"][0];
    assert_eq!(image["total_bytes"], 2_500_000_000u64, "{image:#}");
    assert_eq!(list(image, "layers").len(), 3);
    assert!(
        image["contradictions"]
            .to_string()
            .contains("add up to 2.50 GB, the line below them says 4.90 GB"),
        "{image:#}"
    );
    // A list of a machine's images tells a size, too.
    billing.files.remove("history.txt");
    let report = billing.put("images.txt", "REPOSITORY                    TAG   IMAGE ID       CREATED       SIZE\nreg.example.net/pay/billing   r12   a1b2c3d4e5f6   3 hours ago   4.9GB\nreg.example.net/other         1     a1b2c3d4e5f7   3 hours ago   1GB\n").report();
    assert_eq!(
        report["disk_budgets"][0]["unpacked"]["bytes"], 4_900_000_000u64,
        "{:#}",
        report["disk_budgets"][0]
    );
    assert!(
        !report["gaps"]
            .to_string()
            .contains("size are not in the record"),
        "{}",
        report["gaps"]
    );
}

#[test]
fn what_a_build_takes_away_again_is_not_held_against_it() {
    let fine = with(&[(
        "Dockerfile",
        "FROM python:3.12-slim@sha256:aa\nENV PIP_NO_CACHE_DIR=1 TOKENIZERS_PARALLELISM=1 MAX_TOKENS=4096\nRUN apt-get update && apt-get -y install gcc && pip install uwsgi && apt-get purge -y --auto-remove gcc && rm -rf /var/lib/apt/*\nRUN echo make sure\nUSER 1000\nENTRYPOINT [\"/usr/bin/tini\", \"--\"]\nCMD [\"uwsgi\"]\n",
    )]);
    for id in [
        "build-tools-in-image",
        "package-cache-kept",
        "secret-in-build",
    ] {
        assert!(!factors(&fine).contains(id), "{id}: {}", factor(&fine, id));
    }
    let poor = with(&[
        (
            "Dockerfile",
            "FROM python:3.12\nENV A=1 NPM_TOKEN=abcdef DB_PASSWORD=hunter2\nCOPY [\".\", \".\"]\nRUN <<EOF\napt-get -y install g++\nEOF\nRUN pip3 install uwsgi\nCMD uwsgi\n",
        ),
        (
            ".dockerignore",
            ".git\n**/node_modules\n!/.git\n.env*\ntests/\n",
        ),
    ]);
    assert!(
        factor(&poor, "build-tools-in-image")["because"]
            .to_string()
            .contains("g++")
    );
    let caches = factor(&poor, "package-cache-kept")["because"].to_string();
    assert!(
        caches.contains("/var/lib/apt/lists") && caches.contains("~/.cache/pip"),
        "{caches}"
    );
    let secrets = factor(&poor, "secret-in-build")["because"].to_string();
    assert!(
        secrets.contains("NPM_TOKEN, DB_PASSWORD (line 2)"),
        "{secrets}"
    );
    assert!(
        factor(&poor, "whole-context-copied")["because"]
            .to_string()
            .contains("lets .git through"),
        "{}",
        factor(&poor, "whole-context-copied")
    );
}

#[test]
fn the_workload_of_an_image_is_found_by_the_owners_of_its_pods() {
    let mut billing = Billing::new();
    billing.files.remove("deploy.log");
    billing.put(
        "pods.json",
        &items(&[
            pod("billing-7c9-x1", "pay", "2025-06-11T14:00:00Z", IMAGE),
            running("billing-5f1-a1", "2025-06-09T10:00:00Z", OLD),
        ]),
    );
    let report = billing.report();
    assert_eq!(
        report["rollback"][0]["workload"], "pay/Deployment/billing",
        "{:#}",
        report["rollback"]
    );
    // Two owners are none.
    let mut other = pod("billing-7c9-x1", "pay", "2025-06-11T14:00:00Z", IMAGE);
    other["metadata"]["ownerReferences"] = json!([]);
    let report = billing
        .put(
            "pods.json",
            &items(&[
                other,
                running("billing-5f1-a1", "2025-06-09T10:00:00Z", OLD),
            ]),
        )
        .report();
    assert!(
        list(&report, "rollback").is_empty(),
        "{:#}",
        report["rollback"]
    );
}

#[test]
fn a_drain_asks_for_budgets_that_the_record_shows_to_be_missing() {
    let mut billing = Billing::new();
    let budget = |app: &str| {
        items(&[
            json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "b", "namespace": "pay"},
            "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": app}}}}),
        ])
    };
    billing.put("budgets.json", &budget("ledger"));
    let set = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": "billing-7c9", "namespace": "pay", "ownerReferences": [{"kind": "Deployment", "name": "billing", "uid": "d"}]},
        "spec": {"replicas": 3}});
    billing.put("replicasets.json", &items(&[set]));
    let mut events = billing.events();
    events.extend([
        event(
            "2025-06-11T14:00:00Z",
            ("Deployment", "billing"),
            "ScalingReplicaSet",
            "Scaled up replica set billing-7c9 to 3",
            "",
        ),
        event(
            "2025-06-11T14:00:00Z",
            ("ReplicaSet", "billing-7c9"),
            "SuccessfulCreate",
            "Created pod: billing-7c9-x1",
            "",
        ),
    ]);
    billing.put("events.json", &items(&events));
    let no_drain = billing.report();
    assert!(!factors(&no_drain).contains("no-disruption-budget"));
    billing.put("ops.log", "2025-06-11T14:05:00.000Z $ kubectl drain n-7 --ignore-daemonsets\n2025-06-11T14:05:09.000Z node/n-7 drained\n");
    let report = billing.report();
    let found = factor(&report, "no-disruption-budget");
    assert_eq!(found["subject"], "pay/Deployment/billing", "{found:#}");
    let covered = billing.put("budgets.json", &budget("billing")).report();
    assert!(!factors(&covered).contains("no-disruption-budget"));
    // Where the record shows no budget at all, it does not show that one is missing.
    billing.files.remove("budgets.json");
    assert!(!factors(&billing.report()).contains("no-disruption-budget"));
}

#[test]
fn events_that_the_cluster_forgot_are_said_by_its_own_setting() {
    let mut billing = Billing::new();
    let first = format!(
        "2025-06-11T14:01:02+0000 n-7 kubelet[812]: E0611 14:01:02.000000     812 kuberuntime_image.go:55] \"Failed to pull image\" err=\"rpc error: code = Unknown desc = failed to pull and unpack image \\\"{IMAGE}\\\": write /var/lib/containerd/x: no space left on device\" image=\"{IMAGE}\"\n"
    );
    billing.put("kubelet-n-7.log", &first);
    let about = ("Pod", "billing-7c9-x1");
    billing.put("events.json", &items(&[
        event("2025-06-11T14:25:00Z", about, "Failed", &format!("Failed to pull image \"{IMAGE}\": write /var/lib/containerd/x: no space left on device"), "n-7"),
        event("2025-06-11T14:25:06Z", ("Node", "n-7"), "NodeHasDiskPressure", "Node n-7 status is now: NodeHasDiskPressure", "n-7"),
    ]));
    let hour = billing.report();
    assert!(
        !factors(&hour).contains("short-event-retention"),
        "an hour is kept by default"
    );
    let server = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "kube-apiserver-m", "namespace": "kube-system"},
        "spec": {"containers": [{"name": "kube-apiserver", "image": "registry.k8s.io/kube-apiserver:v1.28.0", "command": ["kube-apiserver", "--event-ttl=10m"]}]}});
    let report = billing.put("apiserver.json", &server.to_string()).report();
    let because = factor(&report, "short-event-retention")["because"].to_string();
    assert!(
        because.contains("begin at 14:25:00") && because.contains("for 10 min"),
        "{because}"
    );
}

#[test]
fn a_container_that_took_its_whole_grace_period_is_told_by_its_pod() {
    let mut billing = Billing::new();
    let stopped = |finished: &str| {
        let mut pod = pod("billing-5f1-a1", "pay", "2025-06-11T08:00:00Z", IMAGE);
        pod["metadata"]["deletionTimestamp"] = json!("2025-06-11T14:02:30Z");
        pod["metadata"]["deletionGracePeriodSeconds"] = json!(30);
        pod["status"] = json!({"containerStatuses": [{"name": "billing", "image": IMAGE, "imageID": "",
            "state": {"terminated": {"exitCode": 137, "reason": "Error", "startedAt": "2025-06-11T08:00:05Z", "finishedAt": finished}}}]});
        items(&[pod])
    };
    billing.put("Dockerfile", "FROM node:20-slim\nCMD npm start\n");
    for (finished, whole) in [
        ("2025-06-11T14:02:30Z", true),
        ("2025-06-11T14:02:05Z", false),
    ] {
        billing.put("stopped.json", &stopped(finished));
        let report = billing.report();
        let because = factor(&report, "shell-form-command")["because"].to_string();
        assert_eq!(
            because.contains("whole grace period of 30 s"),
            whole,
            "{because}"
        );
    }
}

#[test]
fn markdown_says_what_would_have_been_otherwise_and_when_it_is_mistaken() {
    let output = run(
        &[
            "report",
            "samples/death-spiral",
            "-q",
            "-o",
            "-",
            "--format",
            "md",
        ],
        0,
    );
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text
        .lines()
        .find(|l| {
            l.starts_with("- **oversized\\-image**") || l.starts_with("- **oversized-image**")
        })
        .unwrap_or_default();
    assert!(
        line.contains("With the image of before") && line.contains("Mistaken when:"),
        "{line}"
    );
}

#[test]
fn descriptions_of_an_image_are_read_in_every_form_that_tools_print() {
    let layers = |size: &str, digest: &str| json!([{digest: layer('a'), size: 3_000_000_000u64}, {digest: layer('c'), size: 200_000}]);
    let manifest = json!({"schemaVersion": 2, "config": {"digest": layer('d'), "size": 5000}, "layers": layers("size", "digest")});
    let skopeo = json!({"Name": "reg.example.net/pay/billing", "Digest": NEW, "RepoTags": ["r11", "r12"], "LayersData": layers("Size", "Digest")});
    let verbose =
        json!({"Ref": IMAGE, "Descriptor": {"digest": NEW, "size": 700}, "OCIManifest": manifest});
    let crictl = json!({"status": {"id": "sha256:ff", "repoTags": [IMAGE], "repoDigests": [format!("reg.example.net/pay/billing@{NEW}")], "size": "3000200000"}, "info": {}});
    let history = "IMAGE                CREATED AT                  CREATED BY                              SIZE         COMMENT\nsha256:0a1b2c3d4e5f  2025-06-11T09:00:00Z        RUN /bin/sh -c sleep 10 # buildkit      1900000000   buildkit.dockerfile.v0\n<missing>            2025-06-11T09:00:00Z        COPY . /app # buildkit                  1100200000   buildkit.dockerfile.v0\n";
    for (name, text, measure) in [
        ("skopeo.json", skopeo.to_string(), "compressed"),
        ("verbose.json", verbose.to_string(), "compressed"),
        ("inspecti.json", crictl.to_string(), "unknown"),
        ("history.txt", history.to_owned(), "unpacked"),
    ] {
        let mut billing = Billing::new();
        // That the tag moved keeps whatever only has its name from counting.
        if measure != "unpacked" {
            billing.trail(&moved_tag());
        }
        let report = billing.put(name, &text).report();
        let large = factor(&report, "oversized-image")["because"].to_string();
        let said = match measure {
            "compressed" => "3.00 GB compressed",
            "unpacked" => "about 3.00 GB unpacked",
            _ => "3.00 GB",
        };
        assert!(large.contains(said), "{name}: {large}");
    }
}
