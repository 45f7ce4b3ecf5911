//! The documentation: its made pages are current, its links lead somewhere, and every example runs.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use shockbrief_tests::{root, shockbrief, succeeded};
use std::path::Path;

/// Blocks of a page in this language.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let parts = page.split("\n```");
    parts.skip(1).step_by(2).map(|block| block.split_once('\n').unwrap()).collect()
}

fn page(name: &str) -> String {
    fs_err::read_to_string(root().join("docs").join(name)).unwrap()
}

#[test]
fn made_pages_are_current() {
    let folder = tempfile::tempdir().unwrap();
    succeeded(&shockbrief(["reference"]).arg(folder.path()).output().unwrap());
    let mut found = 0;
    for entry in fs_err::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(fs_err::read_to_string(&path).unwrap() == page(&name), "docs/{name} is old: run `make docs`");
        found += 1;
    }
    assert_eq!(found, 4);
}

#[test]
fn links_lead_to_files_and_headings() {
    let heading = |line: &str| {
        let text = line.trim_start_matches('#').trim().to_lowercase();
        text.replace(' ', "-")
            .chars()
            .filter(|c| c.is_alphanumeric() || "-_".contains(*c))
            .collect::<String>()
    };
    let mut seen = 0;
    for entry in fs_err::read_dir(root().join("docs")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs_err::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            assert!(target.is_file(), "{}: {link}", path.display());
            let pointed = fs_err::read_to_string(&target).unwrap();
            let known = anchor.is_empty()
                || pointed.lines().any(|line| line.starts_with('#') && heading(line) == anchor);
            assert!(known, "{}: {link}", path.display());
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen}");
}

/// Runs the commands of a page in a folder, and writes the files that it shows, in their order.
fn follow(page: &str, desk: &Path) -> (usize, usize) {
    let (mut commands, mut files) = (0, 0);
    for (language, block) in blocks(page) {
        if language == "yaml" {
            let name = block.lines().next().unwrap().strip_prefix("# ").unwrap();
            fs_err::write(desk.join(name), block).unwrap();
            files += 1;
            continue;
        }
        assert_eq!(language, "sh");
        for line in block.lines().filter(|line| !line.is_empty()) {
            let words: Vec<&str> = line.split_whitespace().map(|word| word.trim_matches('\'')).collect();
            assert_eq!(words[0], "shockbrief", "{line}");
            let output = shockbrief(&words[1..]).current_dir(desk).output().unwrap();
            assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
            assert!(!output.stdout.is_empty(), "{line}");
            commands += 1;
        }
    }
    (commands, files)
}

#[test]
fn every_example_runs() {
    let desk = tempfile::tempdir().unwrap();
    let (commands, files) = follow(&page("first-brief.md"), desk.path());
    assert_eq!((commands, files), (14, 1));
    assert!(desk.path().join("out/chip-week/2025-W05/brief.json").is_file());
    assert!(desk.path().join("schemas/report.json").is_file());
    // What other pages show is text alone, so that nothing stands there untried.
    assert!(blocks(&page("files.md")).is_empty() && blocks(&page("README.md")).is_empty());
}

/// The value of a line that begins with this name.
fn told(args: &[&str], desk: &Path) -> String {
    let output = shockbrief(args).current_dir(desk).output().unwrap();
    succeeded(&output);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn lists_are_of_the_desk_and_of_the_program() {
    let desk = tempfile::tempdir().unwrap();
    succeeded(&shockbrief(["init"]).current_dir(desk.path()).output().unwrap());
    let list = |args: &[&str]| told(&[&["list"], args].concat(), desk.path());
    // The filter that the message of a wrong unit offers is the one that is listed with the unit.
    assert!(
        list(&["filters", "p-value"]).starts_with("pval: ")
            && list(&["filters", "pval"]).contains("[probability]")
    );
    assert!(list(&["functions", "claim"]).contains("claim(\"id\")"));
    assert!(list(&["themes", "compute"]).contains("NVDA"));
    assert!(list(&["events", "deepseek-r1"]).contains("2025-01-"));
    assert!(list(&["strings", "col.return"]).contains("col.return: Return"));
    assert!(list(&["sections", "forward-returns"]).starts_with("buying-opportunity: Is a first shock"));
    assert!(list(&["facts"]).lines().count() > 20 && list(&["kinds"]).contains("rotation: "));
    let figures = list(&["figures", "first-brief", "theme.compute.return.p*"]);
    let figure = figures.lines().next().unwrap();
    assert!(figure.starts_with("theme.compute.return.period: ratio, "), "{figure}");
    // The same value, by the command that says where it comes from.
    let value = figure.rsplit(", ").next().unwrap();
    let explained = told(&["explain", "first-brief", "theme.compute.return.period"], desk.path());
    assert!(explained.starts_with(&format!("theme.compute.return.period = {value}\n")), "{explained}");
    assert!(explained.contains("read: ") && !desk.path().join("out").exists(), "before any PDF exists");
    let none = shockbrief(["list", "filters", "pcct"]).current_dir(desk.path()).output().unwrap();
    assert_eq!(none.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&none.stderr).contains("`pct`"));
}
