//! `rootline verify`: a report holds for its input, wherever that lies; a changed byte, text, sum or citation is found.

use std::path::Path;

use crate::common::{copy_of, incident, root, rootline, run};

const LOG: &str = "2024-05-22T03:14:05Z n1 kubelet[8]: E0522 03:14:05.000000     8 kuberuntime_image.go:43] \"Failed to pull image\" err=\"write /x: no space left on device\" image=\"shop/cart:v9\" password=hunter2\n\
2024-05-22T03:14:09Z n1 kubelet[8]: I0522 03:14:09.000000     8 kubelet_node_status.go:1] \"Recording event message for node\" node=\"n1\" event=\"NodeHasDiskPressure\"\n\
2024-05-22T03:14:10Z n1 kubelet[8]: I0522 03:14:10.000000     8 other.go:1] \"Nothing that anybody cites\"\n";

fn write_report(input: &Path, to: &Path, extra: &[&str]) {
    let (input, to) = (input.display().to_string(), to.display().to_string());
    let mut all = vec![
        "report",
        input.as_str(),
        "-q",
        "--format",
        "json",
        "-o",
        to.as_str(),
    ];
    all.extend(extra);
    run(&all, 0);
}

/// Runs verify; returns whether everything holds, and what is said.
fn verify(report: &Path, input: &Path) -> (bool, String) {
    let output = rootline()
        .arg("verify")
        .args([report, input])
        .output()
        .expect("runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text)
}

#[test]
fn a_report_holds_for_its_input_wherever_that_lies() {
    let place = tempfile::tempdir().expect("a folder");
    let report = place.path().join("r.json");
    let sample = root().join("samples/death-spiral");
    write_report(&sample, &report, &[]);
    let (holds, said) = verify(&report, &sample);
    assert!(holds && said.contains("everything holds"), "{said}");
    let moved = copy_of(&sample);
    let (holds, said) = verify(&report, moved.path());
    assert!(holds, "{said}");
}

#[test]
fn members_of_archives_and_hidden_texts_are_looked_up_too() {
    let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(
        Vec::new(),
        flate2::Compression::fast(),
    ));
    let mut header = tar::Header::new_gnu();
    header.set_size(LOG.len() as u64);
    header.set_cksum();
    builder
        .append_data(&mut header, "logs/kubelet.log", LOG.as_bytes())
        .expect("a member");
    let packed = builder.into_inner().expect("tar").finish().expect("gzip");
    let wide: Vec<u8> = ("\u{feff}".to_owned() + &LOG.replace("03:14", "04:14"))
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let folder = incident(&[("bundle.tar.gz", &packed), ("wide.log", &wide)]);
    let place = tempfile::tempdir().expect("a folder");
    let report = place.path().join("r.json");
    write_report(folder.path(), &report, &["--redact", "hosts"]);
    let text = std::fs::read_to_string(&report).expect("a report");
    assert!(
        text.contains("!logs/kubelet.log") && text.contains("[redacted:password:"),
        "{text}"
    );
    let (holds, said) = verify(&report, folder.path());
    assert!(holds, "{said}");
}

#[test]
fn what_was_changed_is_found() {
    let place = tempfile::tempdir().expect("a folder");
    let report = place.path().join("r.json");
    let folder = incident(&[("kubelet.log", LOG.as_bytes())]);
    write_report(folder.path(), &report, &[]);
    let said = |log: &str, change: &dyn Fn(String) -> String| -> String {
        let changed = incident(&[("kubelet.log", log.as_bytes())]);
        let text = std::fs::read_to_string(&report).expect("a report");
        let other = place.path().join("other.json");
        std::fs::write(&other, change(text)).expect("a file");
        let (holds, said) = verify(&other, changed.path());
        assert!(!holds, "{said}");
        said
    };
    let same = |text: String| text;
    // One byte of a cited record; one that nobody cites; a wrong line; the end missing; the file missing.
    let cited = LOG.replace("no space", "no spacE");
    assert!(said(&cited, &same).contains("other bytes stand at"));
    let other = LOG.replace("anybody", "anybodY");
    assert!(said(&other, &same).contains("is not as it was read"));
    let line = |text: String| text.replace("\"line\":2", "\"line\":3");
    assert!(said(LOG, &line).contains("is in line 2, not 3"));
    assert!(said(&LOG[..300], &same).contains("are not there"));
    let nothing = incident(&[]);
    assert!(verify(&report, nothing.path()).1.contains("is not there"));
    // The report: a quoted text, the part around a hidden value, a sum, a citation.
    let quoted = |text: String| text.replacen("NodeHasDiskPressure", "NodeHasSufficientMemory", 9);
    assert!(said(LOG, &quoted).contains("the quoted text is not what stands"));
    let around = |text: String| text.replace("write /x", "write /y");
    assert!(said(LOG, &around).contains("the quoted text is not what stands"));
    let sum = |text: String| text.replace("\"ledger\":{\"files\":1", "\"ledger\":{\"files\":2");
    assert!(said(LOG, &sum).contains("the ledger says 2 files"));
    let citation = |text: String| text.replace("\"origin\":\"s1\"", "\"origin\":\"s99\"");
    assert!(said(LOG, &citation).contains("cites \"s99\""));
    // No report at all is wrong usage.
    let folder = folder.path().display().to_string();
    let log = format!("{folder}/kubelet.log");
    run(&["verify", &log, &folder], 2);
}
