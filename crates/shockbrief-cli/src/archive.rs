//! `archive`: the pages that list every brief of an output folder, and a reader's own where letters are kept apart.

use crate::{args::Archive, load::Project, publish::Output, say};
use anyhow::{Context, Result};
use fs_err as fs;
use shockbrief_archive::{Edition, Issue, changes, feed, index};
use shockbrief_core::{
    Brief, Manifest, Period,
    config::{Brand, Language},
    diff::diff,
    fs::write_atomic,
    names::refuse_links,
};
use shockbrief_run::{
    ledger::{self, Ledger},
    outputs,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::{Path, PathBuf},
};

/// Where pages of changes lie below an archive's root.
const CHANGES: &str = "changes";

/// Writes the archive of a folder and prints its first page.
pub fn run(args: &Archive) -> Result<()> {
    let brand = Brand::load(&args.config.join("brand.yaml"))?;
    mend(&args.out)?;
    let (listed, broken) = write(&args.out, &args.config, &brand)?;
    say(args.out.join("index.html").display());
    let all = listed + broken.len();
    crate::render::finish(broken, all)
}

/// Puts back what kept revisions have of damaged files, unless a run holds the folder: it may be publishing them.
fn mend(out: &Path) -> Result<()> {
    // A folder that is not there is not made, and refused by who writes the pages.
    let Some(output) = out.is_dir().then(|| Output::open(out).ok()).flatten() else { return Ok(()) };
    for manifest in ledger::manifests(out)?.0 {
        output.mend(&manifest.report, &manifest.period)?;
    }
    Ok(())
}

/// Writes the archive after briefs were published; it must not fail them, so what goes wrong is only told.
pub fn refresh(out: &Path, project: &Project) {
    let failed = match write(out, &project.folder, &project.brand) {
        Ok((_, broken)) => broken,
        Err(error) => vec![error],
    };
    for error in failed {
        crate::tell(format!("warning: the archive of {} is not up to date: {error:#}", out.display()));
    }
}

/// Writes all pages; gives how many briefs they list, and why others are left out.
fn write(out: &Path, config: &Path, brand: &Brand) -> Result<(usize, Vec<anyhow::Error>)> {
    // Shards may end together: the last one must have seen what the others published.
    let _lock = Output::archive_lock(out)?;
    let (issues, broken) = issues(out)?;
    let listed = issues.len();
    // The archive of all briefs is there even when it lists none.
    let mut homes = BTreeMap::from([(String::new(), Vec::new())]);
    for issue in issues {
        homes.entry(issue.home()).or_insert_with(Vec::new).push(issue);
    }
    for (home, issues) in &homes {
        write_home(out, home, issues, config, brand)?;
    }
    // Of a reader whose letters are all gone.
    for folder in ledger::folders(out)? {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !homes.contains_key(&format!("{name}/")) {
            withdraw(&folder, &BTreeSet::new())?;
        }
    }
    // The others are listed; a brief that cannot be read is a fault all the same.
    Ok((listed, broken))
}

/// Writes the pages of one archive: of all briefs, or of one reader's letters.
fn write_home(out: &Path, home: &str, issues: &[Issue], config: &Path, brand: &Brand) -> Result<()> {
    let root = out.join(home);
    let codes: BTreeSet<&String> = issues.iter().flat_map(|issue| issue.manifest.audited.keys()).collect();
    let languages: BTreeMap<String, Language> = codes
        .into_iter()
        .map(|code| Ok((code.clone(), Language::load(&config.join("languages"), code)?)))
        .collect::<Result<_>>()?;
    let names: BTreeMap<String, String> =
        languages.iter().map(|(code, language)| (code.clone(), language.name.clone())).collect();
    let mut written = BTreeSet::new();
    let mut put = |name: String, text: &str| {
        let path = root.join(name);
        put(&path, text)?;
        written.insert(path);
        Ok::<(), anyhow::Error>(())
    };
    for (code, language) in &languages {
        let edition = Edition {
            code,
            words: &language.strings,
            colors: &brand.colors,
            publisher: &brand.publisher,
            languages: &names,
        };
        for issue in issues {
            if let Some(text) = changes(&edition, issue) {
                put(issue.changes_page(code), &text)?;
            }
        }
        put(edition.feed_page(), &feed(&edition, issues, home))?;
        put(edition.index_page(code), &index(&edition, issues))?;
    }
    withdraw(&root, &written)
}

/// Removes the archive's own pages of briefs and languages that are there no more: what was withdrawn must not stay to
/// be read. Files that the archive does not write are left.
fn withdraw(root: &Path, written: &BTreeSet<PathBuf>) -> Result<()> {
    for (folder, own) in [(root.to_owned(), own_page as fn(&str) -> bool), (root.join(CHANGES), own_change)] {
        if !folder.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if own(name) && !written.contains(&path) && is_ours(&path) {
                fs::remove_file(&path)?;
            }
        }
    }
    Ok(())
}

/// Whether a file has what all pages and feeds of the archive have.
fn is_ours(path: &Path) -> bool {
    let marks = ["type=\"application/atom+xml\"", "urn:shockbrief:"];
    let plain = fs::symlink_metadata(path).is_ok_and(|file| file.is_file());
    plain
        && fs::read(path).is_ok_and(|bytes| {
            let text = String::from_utf8_lossy(&bytes);
            marks.iter().any(|mark| text.contains(mark))
        })
}

/// `index.html`, `index.fr.html`, `feed.fr.xml`.
fn own_page(name: &str) -> bool {
    let language =
        |code: &str| code.len() <= 12 && code.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let between = |from: &str, to: &str| name.strip_prefix(from)?.strip_suffix(to).map(language);
    name == "index.html" || between("index.", ".html") == Some(true) || between("feed.", ".xml") == Some(true)
}

/// `SLUG-PERIOD.LANG.html`.
fn own_change(name: &str) -> bool {
    let stem = name.strip_suffix(".html").and_then(|stem| stem.rsplit_once('.')).map(|(stem, _)| stem);
    stem.is_some_and(|stem| {
        let period = |at: usize| stem.get(at + 1..).is_some_and(|name| name.parse::<Period>().is_ok());
        stem.match_indices('-').any(|(at, _)| at > 0 && period(at))
    })
}

/// A page that is as it should be is left alone: its time stamp tells a server that nothing changed.
fn put(path: &Path, text: &str) -> Result<()> {
    if fs::read(path).is_ok_and(|bytes| bytes == text.as_bytes()) {
        return Ok(());
    }
    write_atomic(path, text.as_bytes())
}

/// All published briefs, each compared with the issue before it, and why some cannot be read.
fn issues(out: &Path) -> Result<(Vec<Issue>, Vec<anyhow::Error>)> {
    let (mut manifests, mut broken) = ledger::manifests(out)?;
    manifests.sort_by(|a, b| (&a.report, a.as_of, &a.period).cmp(&(&b.report, b.as_of, &b.period)));
    let ledger = Ledger::read(out)?;
    let mut issues: Vec<Issue> = Vec::with_capacity(manifests.len());
    let mut before: Option<Brief> = None;
    for manifest in manifests {
        let brief = match twin(out, &manifest) {
            Ok(brief) => brief,
            Err(error) => {
                broken.push(error);
                continue;
            }
        };
        let earlier = before.take().filter(|earlier| earlier.report == brief.report);
        let diff = earlier.map(|earlier| (earlier.period.clone(), diff(&earlier, &brief)));
        // The listing needs no findings; two hundred twins would fill the memory with them.
        let listed =
            Brief { findings: Default::default(), inputs: Vec::new(), notices: Vec::new(), ..brief.clone() };
        before = Some(brief);
        let updated = updated(&ledger, &manifest);
        issues.push(Issue { manifest, brief: listed, diff, updated });
    }
    Ok((issues, broken))
}

/// A first edition is dated by its data, so that the same briefs give the same pages; a revision by its publication, so
/// that readers notice it, or where the ledger does not know it, by a time after the edition before.
fn updated(ledger: &Ledger, manifest: &Manifest) -> String {
    let first = manifest.as_of.at(0, 0, 0, 0);
    if manifest.revision < 2 {
        return format!("{first}Z");
    }
    let at = ledger.published_at(&manifest.report, &manifest.period, manifest.revision);
    at.map_or_else(
        || format!("{}Z", first.saturating_add(jiff::Span::new().seconds(i64::from(manifest.revision)))),
        |at| format!("{at:.3}"),
    )
}

/// The twin of a brief whose files are all what was published; readers are led to no other.
fn twin(out: &Path, manifest: &Manifest) -> Result<Brief> {
    let folder = out.join(&manifest.report).join(&manifest.period);
    refuse_links(out, &format!("{}/{}", manifest.report, manifest.period))?;
    let mut damaged = outputs::damaged(&folder, manifest).into_iter();
    if let Some(outputs::Damaged { mut refusal, .. }) = damaged.next() {
        let more: Vec<String> = damaged.map(|other| other.name).collect();
        if !more.is_empty() {
            let _ = write!(refusal.message, "; besides {}", more.join(", "));
        }
        return Err(refusal.into());
    }
    let bytes = manifest.published(&folder, "brief.json")?;
    serde_json::from_slice(&bytes)
        .with_context(|| format!("{} is no brief", folder.join("brief.json").display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_the_archive_gives_are_its_own() {
        for name in ["index.html", "index.fr.html", "feed.pt-BR.xml"] {
            assert!(own_page(name), "{name}");
        }
        for name in ["run.json", "index.htm", "about.html", "feed.xml", "feed..fr.xml", "index.my notes.html"]
        {
            assert!(!own_page(name), "{name}");
        }
        for name in
            ["weekly-monitor-2025-W05.en.html", "flash-2025-01-27.fr.html", "letter.a-2025-01.en.html"]
        {
            assert!(own_change(name), "{name}");
        }
        for name in ["notes.html", "weekly-monitor.en.html", "2025-W05.en.html", "a-2025-W99.en.html"] {
            assert!(!own_change(name), "{name}");
        }
    }
}
