//! The archive of an output folder: every link leads somewhere, hostile text stays text, and the bytes repeat.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use shockbrief_tests::{
    copy_folder,
    desk::{Desk, code, errors, list, sha256, write},
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
    let before = sha256(&twin);
    write(&twin, &text.replace("The week in AI", hostile));
    // Published so, since what is no more what was published is left out.
    let list = twin.with_file_name("manifest.json");
    let manifest = fs_err::read_to_string(&list).unwrap();
    assert!(manifest.contains(&before));
    write(&list, &manifest.replace(&before, &sha256(&twin)));
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

/// Damages in twins, PDFs and manifests: each is told by its name, the brief is left out, and the other is listed.
#[test]
fn damaged_briefs_are_named_and_left_out_and_the_others_listed() {
    let out = rendered();
    let period = out.path().join("weekly-monitor/2025-W05");
    for (name, way) in [
        ("brief.json", "cut"),
        ("brief.json", "altered"),
        ("weekly-monitor-2025-W05.fr.pdf", "turned bit"),
        ("weekly-monitor-2025-W05.en.pdf", "removed"),
        ("manifest.json", "cut"),
    ] {
        let file = period.join(name);
        let whole = fs_err::read(&file).unwrap();
        let mut broken = whole.clone();
        match way {
            "cut" => broken.truncate(whole.len() / 2),
            "turned bit" => broken[whole.len() / 2] ^= 1,
            "altered" => {
                broken = String::from_utf8(broken).unwrap().replace("2025-01-31", "2025-01-30").into_bytes();
                assert!(broken != whole);
            }
            _ => {}
        }
        fs_err::remove_file(&file).unwrap();
        if way != "removed" {
            fs_err::write(&file, &broken).unwrap();
        }
        let output = shockbrief(["archive"]).arg(out.path()).output().unwrap();
        let said = errors(&output);
        assert_eq!(code(&output), Some(3), "{name} {way}: {said}");
        assert!(
            said.contains(&format!("2025-W05/{name}")) && said.contains("hint: "),
            "{name} {way}: {said}"
        );
        let index = fs_err::read_to_string(out.path().join("index.html")).unwrap();
        let feed = fs_err::read_to_string(out.path().join("feed.en.xml")).unwrap();
        for page in [&index, &feed] {
            assert!(page.contains("2025-W04") && !page.contains("2025-W05"), "{name} {way}");
        }
        assert!(!out.path().join("changes/weekly-monitor-2025-W05.en.html").exists(), "{name} {way}");
        fs_err::write(&file, &whole).unwrap();
        archive(out.path());
        assert!(fs_err::read_to_string(out.path().join("index.html")).unwrap().contains("2025-W05"));
    }
}

#[test]
fn all_damages_are_told_in_one_run_and_an_empty_folder_is_no_error() {
    let out = rendered();
    let names = ["2025-W04/brief.json", "2025-W05/weekly-monitor-2025-W05.en.pdf"];
    for name in names {
        fs_err::write(out.path().join("weekly-monitor").join(name), "x").unwrap();
    }
    let output = shockbrief(["archive"]).arg(out.path()).output().unwrap();
    assert_eq!(code(&output), Some(4), "{}", errors(&output));
    assert!(names.iter().all(|name| errors(&output).contains(name)), "{}", errors(&output));
    let empty = tempfile::tempdir().unwrap();
    archive(empty.path());
}

/// What a kept revision holds with the same bytes is put back; what can be made again with the same bytes is made again;
/// what can be neither becomes a revision.
#[test]
fn damage_is_repaired_from_a_revision_or_by_making_the_brief_again() {
    let desk = Desk::with(1);
    assert_eq!(code(&desk.run(&["-q"])), Some(0));
    let folder = desk.path("out/weekly-01/2025-W05");
    let names: Vec<String> =
        ["brief.json", "weekly-01-2025-W05.en.pdf", "weekly-01-2025-W05.fr.pdf"].map(str::to_owned).into();
    let digests = || names.iter().map(|name| sha256(&folder.join(name))).collect::<Vec<_>>();
    let first = digests();
    let archived = |expected: i32| {
        let output = shockbrief(["archive"]).arg(desk.path("out")).output().unwrap();
        assert_eq!(code(&output), Some(expected), "{}", errors(&output));
        errors(&output)
    };
    // No revision has it: told, and made again by the next run that may.
    for damaged in [&names[..1], &names[1..2], &names[..]] {
        damaged.iter().for_each(|name| fs_err::write(folder.join(name), "no more").unwrap());
        assert!(damaged.iter().all(|name| archived(4).contains(name)), "{damaged:?}");
        let again = desk.run(&["-q", "--revise"]);
        assert_eq!(code(&again), Some(0), "{}", errors(&again));
        assert!(damaged.iter().all(|name| errors(&again).contains(name)), "{}", errors(&again));
        assert!(errors(&again).contains("byte for byte"), "{}", errors(&again));
        assert_eq!(digests(), first, "{damaged:?}");
        assert!(!folder.join("r1").exists(), "the same bytes are no revision");
        archived(0);
    }
    // A revision that holds the same bytes.
    copy_folder(&folder, &desk.path("kept"));
    fs_err::rename(desk.path("kept"), folder.join("r1")).unwrap();
    fs_err::write(folder.join(&names[1]), "no more").unwrap();
    let said = archived(0);
    assert!(said.contains(&names[1]) && said.contains("put back from a kept revision"), "{said}");
    assert_eq!(digests(), first);
    fs_err::remove_dir_all(folder.join("r1")).unwrap();
    // What it was made from has changed: a PDF is replaced by a revision, without a twin nobody knows what changed.
    let report = desk.path("reports/weekly-01/report.yaml");
    let text = fs_err::read_to_string(&report).unwrap();
    write(&report, &text.replace("The week in AI", "The week in AI, again"));
    let twin = fs_err::read(folder.join(&names[0])).unwrap();
    fs_err::write(folder.join(&names[0]), "no more").unwrap();
    let refused = desk.run(&["-q", "--revise"]);
    assert_eq!(code(&refused), Some(4), "{}", errors(&refused));
    assert!(
        errors(&refused).contains("brief.json") && errors(&refused).contains("hint: "),
        "{}",
        errors(&refused)
    );
    fs_err::write(folder.join(&names[0]), twin).unwrap();
    fs_err::write(folder.join(&names[1]), "no more").unwrap();
    let revised = desk.run(&["-q", "--revise"]);
    assert_eq!(code(&revised), Some(0), "{}", errors(&revised));
    assert!(errors(&revised).contains("a revision takes its place"), "{}", errors(&revised));
    assert_eq!((desk.ledger().last().unwrap()["revision"].as_u64(), desk.whole()), (Some(2), 1));
    // A revision is made again with what it says of itself.
    let second = digests();
    fs_err::write(folder.join(&names[2]), "no more").unwrap();
    let again = desk.run(&["-q", "--revise"]);
    assert_eq!(code(&again), Some(0), "{}", errors(&again));
    assert!(errors(&again).contains("byte for byte"), "{}", errors(&again));
    assert_eq!((digests(), folder.join("r2").exists()), (second, false));
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
