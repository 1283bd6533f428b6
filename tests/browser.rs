//! The page in headless Chromium, where it is installed: it renders light, dark, narrow and printed, and asks the network for nothing.

use std::path::Path;
use std::process::Command;

use crate::common::samples;

fn chromium(arguments: &[&str]) -> Option<std::process::Output> {
    let binary = [
        "/usr/bin/chromium",
        "/usr/bin/chromium-browser",
        "/usr/bin/google-chrome",
    ]
    .into_iter()
    .find(|p| Path::new(p).exists())?;
    let profile = tempfile::tempdir().ok()?;
    let base = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ];
    Command::new(binary)
        .args(base)
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(arguments)
        .output()
        .ok()
}

#[test]
fn pages_render_on_screen_on_a_phone_and_on_paper() {
    for sample in samples() {
        let page = format!("file://{}", sample.join("postmortem.html").display());
        let folder = tempfile::tempdir().expect("a folder");
        let Some(shown) = chromium(&["--dump-dom", &page]) else {
            eprintln!("skipped: no Chromium is installed");
            return;
        };
        let dom = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(
            dom.contains("Raw evidence"),
            "{page}: {}",
            String::from_utf8_lossy(&shown.stderr)
        );
        let said = String::from_utf8_lossy(&shown.stderr).into_owned();
        assert!(!said.contains("Content Security Policy"), "{said}");
        let paper = folder.path().join("page.pdf");
        chromium(&[&format!("--print-to-pdf={}", paper.display()), &page]).expect("prints");
        assert!(
            std::fs::metadata(&paper).is_ok_and(|m| m.len() > 10_000),
            "{page} prints"
        );
        let phone = folder.path().join("phone.png");
        chromium(&[
            "--window-size=390,800",
            &format!("--screenshot={}", phone.display()),
            &page,
        ])
        .expect("shoots");
        assert!(
            std::fs::metadata(&phone).is_ok_and(|m| m.len() > 5_000),
            "{page} on a phone"
        );
    }
}
