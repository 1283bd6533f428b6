//! Images, disks, factors, guard-rails and back-tests: what is said of the samples, what must not be, and that others can read what is generated.

use std::collections::BTreeSet;
use std::path::Path;

use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use k8s_openapi::api::core::v1::Namespace;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

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
        alerts.contains("NodeDiskFillsUp: would have fired at 20:52:05"),
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
