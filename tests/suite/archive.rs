//! The archive of an output folder: every link leads somewhere, hostile text stays text, and the bytes repeat.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use shockbrief_tests::{sample, shockbrief};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

fn rendered() -> tempfile::TempDir {
    let out = tempfile::tempdir().unwrap();
    for period in ["2025-W04", "2025-W05"] {
        let mut render = shockbrief(["render", "reports/weekly-monitor", "--period", period, "--data"]);
        let output = render.arg(sample()).arg("--out").arg(out.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    out
}

fn archive(out: &Path) {
    let output = shockbrief(["archive"]).arg(out).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn pages(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for folder in [folder.to_owned(), folder.join("changes")] {
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "html" || extension == "xml") {
                found.insert(path);
            }
        }
    }
    found
}

/// Values of `href` that lead to files.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .filter(|href| !href.starts_with('#'))
}

#[test]
fn every_link_leads_to_a_file() {
    let out = rendered();
    let found = pages(out.path());
    let names: Vec<String> =
        found.iter().map(|path| path.strip_prefix(out.path()).unwrap().display().to_string()).collect();
    assert_eq!(
        names,
        [
            "changes/weekly-monitor-2025-W05.en.html",
            "changes/weekly-monitor-2025-W05.fr.html",
            "feed.en.xml",
            "feed.fr.xml",
            "index.fr.html",
            "index.html",
        ]
    );
    let mut followed = 0;
    for page in &found {
        let text = fs_err::read_to_string(page).unwrap();
        for href in links(&text) {
            assert!(page.parent().unwrap().join(href).is_file(), "{}: {href}", page.display());
            followed += 1;
        }
        if page.extension().is_some_and(|extension| extension == "html") {
            let heads = text.matches("<h1>").count();
            assert!(
                heads == 1 && text.contains("<main") && text.contains("<html lang="),
                "{}",
                page.display()
            );
        }
    }
    assert!(followed > 20, "{followed}");
    let index = fs_err::read_to_string(out.path().join("index.html")).unwrap();
    for part in ["The week in AI", "2025-W05", "2025-01-31", "2 pages", "S&amp;P 500", "<dd>"] {
        assert!(index.contains(part), "{part} is missing");
    }
    assert!(fs_err::read_to_string(out.path().join("index.fr.html")).unwrap().contains("La semaine"));
}

#[test]
fn the_same_briefs_give_the_same_bytes_and_untouched_files() {
    let out = rendered();
    let read = || {
        let stamp = |path: &PathBuf| fs_err::metadata(path).unwrap().modified().unwrap();
        pages(out.path()).iter().map(|path| (fs_err::read(path).unwrap(), stamp(path))).collect::<Vec<_>>()
    };
    let first = read();
    archive(out.path());
    assert!(first == read());
}

#[test]
fn hostile_titles_stay_text() {
    let out = rendered();
    let twin = out.path().join("weekly-monitor/2025-W05/brief.json");
    let text = fs_err::read_to_string(&twin).unwrap();
    let hostile = "</h2><script>alert(1)</script> \\u202e \\u0007 \\\" onmouseover=x '";
    let text = text.replace("The week in AI", hostile);
    std::io::Write::write_all(&mut fs_err::File::create(&twin).unwrap(), text.as_bytes()).unwrap();
    archive(out.path());
    for page in pages(out.path()) {
        let text = fs_err::read_to_string(&page).unwrap();
        assert!(
            !text.contains("alert(1)</script>") && !text.contains('\u{202e}') && !text.contains('\u{7}'),
            "{}",
            page.display()
        );
    }
    let index = fs_err::read_to_string(out.path().join("index.html")).unwrap();
    assert!(index.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && !index.contains("\" onmouseover"));
}

#[test]
fn a_broken_twin_is_named_and_an_empty_folder_is_no_error() {
    let out = rendered();
    let twin = out.path().join("weekly-monitor/2025-W05/brief.json");
    std::io::Write::write_all(&mut fs_err::File::create(&twin).unwrap(), b"{").unwrap();
    let output = shockbrief(["archive"]).arg(out.path()).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("2025-W05/brief.json"));
    let empty = tempfile::tempdir().unwrap();
    archive(empty.path());
}
