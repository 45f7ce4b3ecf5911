//! `archive`: the pages that list every brief of an output folder.

use crate::{args::Archive, load::Project, publish::Output, say};
use anyhow::{Context, Result};
use fs_err as fs;
use shockbrief_archive::{Edition, Issue, changes, feed, index};
use shockbrief_core::{
    Brief, Manifest,
    config::{Brand, Language},
    diff::diff,
    fs::write_atomic,
};
use shockbrief_run::ledger;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// Writes the archive of a folder and prints its first page.
pub fn run(args: &Archive) -> Result<()> {
    let brand = Brand::load(&args.config.join("brand.yaml"))?;
    write(&args.out, &args.config, &brand)?;
    say(args.out.join("index.html").display());
    Ok(())
}

/// Writes the archive after briefs were published; it must not fail them, so what goes wrong is only told.
pub fn refresh(out: &Path, project: &Project) {
    if let Err(error) = write(out, &project.folder, &project.brand) {
        crate::tell(format!("warning: the archive of {} is not up to date: {error:#}", out.display()));
    }
}

fn write(out: &Path, config: &Path, brand: &Brand) -> Result<()> {
    // Shards may end together: the last one must have seen what the others published.
    let _lock = Output::archive_lock(out)?;
    let issues = issues(out)?;
    let codes: BTreeSet<&String> = issues.iter().flat_map(|issue| issue.manifest.audited.keys()).collect();
    let languages: BTreeMap<String, Language> = codes
        .into_iter()
        .map(|code| Ok((code.clone(), Language::load(&config.join("languages"), code)?)))
        .collect::<Result<_>>()?;
    let names: BTreeMap<String, String> =
        languages.iter().map(|(code, language)| (code.clone(), language.name.clone())).collect();
    for (code, language) in &languages {
        let edition = Edition {
            code,
            words: &language.strings,
            colors: &brand.colors,
            publisher: &brand.publisher,
            languages: &names,
        };
        for issue in &issues {
            if let Some(text) = changes(&edition, issue) {
                put(&out.join(issue.changes_page(code)), &text)?;
            }
        }
        put(&out.join(format!("feed.{code}.xml")), &feed(&edition, &issues))?;
        put(&out.join(edition.index_page(code)), &index(&edition, &issues))?;
    }
    Ok(())
}

/// A page that is as it should be is left alone: its time stamp tells a server that nothing changed.
fn put(path: &Path, text: &str) -> Result<()> {
    if fs::read(path).is_ok_and(|bytes| bytes == text.as_bytes()) {
        return Ok(());
    }
    write_atomic(path, text.as_bytes())
}

/// All published briefs, each compared with the issue before it.
fn issues(out: &Path) -> Result<Vec<Issue>> {
    let (mut manifests, broken) = ledger::manifests(out)?;
    broken.into_iter().next().map_or(Ok(()), Err)?;
    manifests.sort_by(|a, b| (&a.report, a.as_of, &a.period).cmp(&(&b.report, b.as_of, &b.period)));
    let mut issues: Vec<Issue> = Vec::with_capacity(manifests.len());
    let mut before: Option<Brief> = None;
    for manifest in manifests {
        let brief = twin(out, &manifest)?;
        let earlier = before.take().filter(|earlier| earlier.report == brief.report);
        let diff = earlier.map(|earlier| (earlier.period.clone(), diff(&earlier, &brief)));
        // The listing needs no findings; two hundred twins would fill the memory with them.
        let listed =
            Brief { findings: Default::default(), inputs: Vec::new(), notices: Vec::new(), ..brief.clone() };
        before = Some(brief);
        issues.push(Issue { manifest, brief: listed, diff });
    }
    Ok(issues)
}

fn twin(out: &Path, manifest: &Manifest) -> Result<Brief> {
    let path = out.join(&manifest.report).join(&manifest.period).join("brief.json");
    serde_json::from_slice(&fs::read(&path)?).with_context(|| format!("{} is no brief", path.display()))
}
