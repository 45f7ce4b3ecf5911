//! The archive of an output folder: every link leads somewhere, hostile text stays text, and the bytes repeat.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use shockbrief_tests::{
    copy_folder,
    desk::{Desk, code, errors, list, write},
    root, sample, shockbrief,
};
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

#[test]
fn what_was_withdrawn_is_on_no_page_and_foreign_files_stay() {
    let out = rendered();
    for name in ["about.html", "changes/notes.html", "feed.html"] {
        fs_err::write(out.path().join(name), "2025-W05").unwrap();
    }
    fs_err::remove_dir_all(out.path().join("weekly-monitor/2025-W05")).unwrap();
    archive(out.path());
    let holding: Vec<String> = pages(out.path())
        .into_iter()
        .filter(|page| fs_err::read_to_string(page).unwrap().contains("2025-W05"))
        .map(|page| page.strip_prefix(out.path()).unwrap().display().to_string())
        .collect();
    assert_eq!(holding, ["about.html", "changes/notes.html", "feed.html"]);
    fs_err::remove_dir_all(out.path().join("weekly-monitor")).unwrap();
    archive(out.path());
    assert_eq!(pages(out.path()).len(), 3);
}

/// What RFC 4287 asks of every feed, and of every entry (4.1.1, 4.1.2).
fn valid(feed: &str) {
    for part in ["<id>urn:shockbrief:", "<title>", "<updated>", "<author><name>", "rel=\"self\""] {
        assert_eq!(feed.split("<entry>").next().unwrap().matches(part).count(), 1, "{part} in\n{feed}");
    }
    for entry in feed.split("<entry>").skip(1) {
        for part in
            ["<id>urn:shockbrief:", "<title>", "<updated>", "<content type=\"xhtml\">", "rel=\"alternate\""]
        {
            assert_eq!(entry.matches(part).count(), 1, "{part} in\n{entry}");
        }
    }
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    text.split_once(from).unwrap().1.split_once(to).unwrap().0
}

#[test]
fn feeds_are_valid_and_a_revision_is_the_same_entry_with_a_later_date() {
    let desk = Desk::with(1);
    assert_eq!(code(&desk.run(&["-q"])), Some(0));
    let read = || fs_err::read_to_string(desk.path("out/feed.en.xml")).unwrap();
    let first = read();
    valid(&first);
    let report = desk.path("reports/weekly-01/report.yaml");
    let text = fs_err::read_to_string(&report).unwrap();
    write(&report, &text.replace("The week in AI", "The week in AI, again"));
    let revised = desk.run(&["-q", "--revise"]);
    assert_eq!(code(&revised), Some(0), "{}", errors(&revised));
    let second = read();
    valid(&second);
    let entry = |feed: &str, part: &str| {
        between(&feed[feed.find("<entry>").unwrap()..], &format!("<{part}>"), "</").to_owned()
    };
    assert_eq!(entry(&first, "id"), entry(&second, "id"));
    assert!(entry(&second, "updated") > entry(&first, "updated"), "{second}");
    assert!(between(&second, "<updated>", "<") > between(&first, "<updated>", "<"));
    // A desk with another name has other ids.
    let brand = desk.path("config/brand.yaml");
    let text = fs_err::read_to_string(&brand).unwrap();
    write(&brand, &text.replacen("publisher: ", "publisher: Another ", 1));
    assert!(
        shockbrief(["archive"])
            .arg(desk.path("out"))
            .arg("--config")
            .arg(desk.path("config"))
            .status()
            .unwrap()
            .success()
    );
    assert_ne!(between(&read(), "<id>", "<"), between(&first, "<id>", "<"));
}

#[test]
fn letters_of_different_readers_share_no_page_unless_that_is_declared() {
    let desk = Desk::with(1);
    copy_folder(&root().join("reports/portfolio-letter"), &desk.path("reports/letter"));
    let names = ["balanced", "hardware"];
    for name in names {
        assert!(desk.path(&format!("reports/letter/portfolios/{name}.yaml")).is_file());
    }
    let made = desk.run(&["-q", "--now", "2025-02-03T09:00:00Z"]);
    assert_eq!(code(&made), Some(0), "{}", errors(&made));
    let texts = |folder: &Path| -> String {
        pages_of(folder).iter().map(|page| fs_err::read_to_string(page).unwrap()).collect()
    };
    let all = texts(&desk.path("out"));
    assert!(all.contains("weekly-01/") && !all.contains("letter"), "{all}");
    for (name, other) in [(names[0], names[1]), (names[1], names[0])] {
        let own = texts(&desk.path(&format!("out/letter.{name}")));
        assert!(own.contains(&format!("letter.{name}-2025-01.en.pdf")), "{name}: {own}");
        assert!(!own.contains(other), "{name} sees {other}: {own}");
        valid(&fs_err::read_to_string(desk.path(&format!("out/letter.{name}/feed.en.xml"))).unwrap());
    }
    let report = desk.path("reports/letter/report.yaml");
    let text = fs_err::read_to_string(&report).unwrap();
    write(&report, &format!("archive: together\n{text}"));
    let made = desk.run(&["-q", "--force", "--now", "2025-02-03T09:00:00Z"]);
    assert_eq!(code(&made), Some(0), "{}", errors(&made));
    let all = texts(&desk.path("out"));
    assert!(names.iter().all(|name| all.contains(&format!("letter.{name}/2025-01/"))), "{all}");
    assert!(pages_of(&desk.path("out/letter.balanced")).is_empty());
}

fn pages_of(folder: &Path) -> Vec<PathBuf> {
    let files = list(folder).into_iter().chain(list(&folder.join("changes")));
    files.filter(|path| path.extension().is_some_and(|end| end == "html" || end == "xml")).collect()
}
