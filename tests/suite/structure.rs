//! Every report's PDF is structured as PDF/UA-1 and PDF/A-3a ask, and `verify` catches what is not as published.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and tells what it counted"
)]

use crate::structured::{Pdf, check};
use shockbrief_tests::{reports_of, sample, shockbrief};
use std::path::PathBuf;

fn rendered(out: &std::path::Path) -> Vec<PathBuf> {
    let reports = reports_of(&sample());
    let mut render = shockbrief(["render", "--data"]);
    let output = render.arg(sample()).arg("--out").arg(out).args(&reports).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(PathBuf::from).collect()
}

#[test]
fn every_report_is_well_structured_in_both_languages() {
    let out = tempfile::tempdir().unwrap();
    let pdfs = rendered(out.path());
    assert!(pdfs.len() >= 8);
    for path in &pdfs {
        let pdf = Pdf::load(path);
        let counts = check(&pdf, &path.display().to_string());
        assert!(
            counts["Table"] > 0 && counts["TH"] > 0 && counts["H1"] > 0,
            "{}: {counts:?}",
            path.display()
        );
        let size = fs_err::metadata(path).unwrap().len();
        println!("{}: {size} bytes, {counts:?}", path.file_name().unwrap().display());
        assert!(size < 400_000, "{}: {size} bytes", path.display());
    }
}

#[test]
fn verify_catches_a_stale_twin_and_a_changed_configuration() {
    let out = tempfile::tempdir().unwrap();
    let mut render = shockbrief(["render", "reports/weekly-monitor", "--data"]);
    assert!(render.arg(sample()).arg("--out").arg(out.path()).status().unwrap().success());
    let folder = out.path().join("weekly-monitor/2025-W05");
    let verify = || {
        let mut verify = shockbrief(["verify", "--data"]);
        let output = verify.arg(sample()).arg(folder.join("manifest.json")).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(verify(), (Some(0), String::new()));
    let twin = folder.join("brief.json");
    let bytes = fs_err::read(&twin).unwrap();
    let stale = String::from_utf8(bytes.clone()).unwrap().replacen("\"value\": ", "\"value\": 1", 1);
    std::io::Write::write_all(&mut fs_err::File::create(&twin).unwrap(), stale.as_bytes()).unwrap();
    let (code, message) = verify();
    assert_eq!(code, Some(4), "{message}");
    assert!(message.contains("brief.json is not the file that was published"), "{message}");
    std::io::Write::write_all(&mut fs_err::File::create(&twin).unwrap(), &bytes).unwrap();
    // A manifest of other bytes: what is made again differs, and the twin is named.
    let manifest = folder.join("manifest.json");
    let text = fs_err::read_to_string(&manifest).unwrap();
    let moved = text.replace("\"as_of\": \"2025-01-31\"", "\"as_of\": \"2025-01-30\"");
    assert_ne!(moved, text);
    std::io::Write::write_all(&mut fs_err::File::create(&manifest).unwrap(), moved.as_bytes()).unwrap();
    let (code, message) = verify();
    assert_eq!(code, Some(4), "{message}");
    assert!(message.contains("brief.json") && message.contains("came out else"), "{message}");
    let aged = moved.replace("\"typst\": \"", "\"typst\": \"0.1-");
    std::io::Write::write_all(&mut fs_err::File::create(&manifest).unwrap(), aged.as_bytes()).unwrap();
    let (_, message) = verify();
    assert!(message.contains("changed since: ") && message.contains("typst from 0.1-"), "{message}");
}
