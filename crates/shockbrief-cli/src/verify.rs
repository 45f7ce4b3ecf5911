//! `verify`: makes published briefs again and compares every byte.

use crate::{
    analyse::Analysed,
    args::{Holding, Inputs, Verify},
    load::Project,
    render::{self, Product},
    say,
};
use anyhow::{Context, Result};
use fs_err as fs;
use shockbrief_core::{
    Brief, Class, Manifest, Refusal,
    config::Report,
    fs::{sha256, sha256_file},
};
use shockbrief_run::ledger;
use shockbrief_templating::Typst;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

/// Verifies every manifest named; one that fails does not stop the others.
pub fn run(args: &Verify) -> Result<()> {
    let project = Project::load(&args.config)?;
    let typst = Typst::locate(args.typst.as_deref(), Path::new("."))?.guarded();
    shockbrief_templating::sweep();
    let mut failures = Vec::new();
    for path in &args.manifests {
        match crate::safely(|| one(&project, &typst, path, args)) {
            Ok(files) => say(format!("{}: the same bytes, {files} files", path.display())),
            Err(error) => failures.push(error),
        }
    }
    render::finish(failures, args.manifests.len())
}

fn one(project: &Project, typst: &Typst, path: &Path, args: &Verify) -> Result<usize> {
    let manifest = ledger::manifest(path)?;
    let folder = path.parent().unwrap_or_else(|| Path::new(".")).to_owned();
    stale(&manifest, &folder, path)?;
    let report = Report::place(&args.reports, &manifest.report);
    let inputs = Inputs {
        data: args.data.clone(),
        config: args.config.clone(),
        as_of: Some(manifest.as_of),
        period: Some(manifest.period.parse()?),
        // Those of its pages; one that was asked for on the command line is not in the report.
        lang: manifest.audited.keys().cloned().collect(),
        holding: holding(&manifest, path, args)?,
    };
    let mut analysed = Analysed::new(project, &report, &inputs)?;
    let languages: Vec<String> = analysed
        .issue
        .report
        .languages
        .iter()
        .filter(|code| manifest.audited.contains_key(*code))
        .cloned()
        .collect();
    if manifest.revision > 1 {
        announce(project, &mut analysed, &languages, &folder, &manifest)?;
    }
    let product =
        render::produce(project, typst, &analysed, &languages, Duration::from_secs(args.time_limit))?;
    let made: BTreeMap<String, String> =
        product.files.iter().map(|(name, bytes)| (name.clone(), sha256(bytes))).collect();
    if made == manifest.outputs {
        return Ok(made.len());
    }
    Err(different(&analysed, path, &manifest, &product, &made).into())
}

/// The store at the knowledge that the brief was made from; none for a brief that read none.
fn holding(manifest: &Manifest, path: &Path, args: &Verify) -> Result<Holding, Refusal> {
    let Some(known_by) = manifest.known_by else { return Ok(Holding::default()) };
    if args.store.is_none() {
        let message = format!("{}: this brief read a store of fetched values", path.display());
        return Err(Refusal::config(message).hint("name it with `--store`"));
    }
    Ok(Holding { store: args.store.clone(), known_by: Some(known_by) })
}

/// Published files that are not what the manifest says: edited or of another run.
fn stale(manifest: &Manifest, folder: &Path, path: &Path) -> Result<()> {
    let mut wrong = Vec::new();
    for (name, digest) in &manifest.outputs {
        let file = folder.join(name);
        if !file.is_file() {
            wrong.push(format!("{name} is missing"));
        } else if sha256_file(&file)? != *digest {
            wrong.push(format!("{name} is not the file that was published"));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Refusal::data(format!("{}: {}", path.display(), wrong.join("; ")))
        .hint("take the files from a copy, or publish the period again with `run --force`")
        .into())
}

/// A revision's first page says what changed since the edition before, which lies beside it.
pub fn announce(
    project: &Project,
    analysed: &mut Analysed,
    languages: &[String],
    folder: &Path,
    manifest: &Manifest,
) -> Result<()> {
    let twin: PathBuf = folder.join(format!("r{}", manifest.revision - 1)).join("brief.json");
    let before: Brief = serde_json::from_slice(&fs::read(&twin)?)
        .with_context(|| format!("{} is no brief", twin.display()))?;
    let composed = analysed.compose(project, languages)?;
    let diff = crate::publish::difference(&before, &analysed.brief(&composed)?)?;
    analysed.revise(manifest.revision, &diff);
    Ok(())
}

fn different(
    analysed: &Analysed,
    path: &Path,
    manifest: &Manifest,
    product: &Product,
    made: &BTreeMap<String, String>,
) -> Refusal {
    let names: Vec<&str> = made
        .iter()
        .filter(|(name, digest)| manifest.outputs.get(*name) != Some(digest))
        .map(|(name, _)| name.as_str())
        .collect();
    let config = changed(&manifest.config, &analysed.config);
    let before = manifest.inputs.iter().map(|input| (input.path.clone(), input.sha256.clone())).collect();
    let now = product.brief.inputs.iter().map(|input| (input.path.clone(), input.sha256.clone())).collect();
    let data = changed(&before, &now);
    let since = [config, data, tools(manifest)].concat();
    let because = if since.is_empty() {
        "with the same configuration, data and tools: this is a fault of shockbrief".to_owned()
    } else {
        format!("changed since: {}", since.join(", "))
    };
    Refusal::new(Class::Data, format!("{}: {} came out else; {because}", path.display(), names.join(", ")))
        .hint("check out the configuration and data of that day, or publish a revision with `run --revise`")
}

/// Tools of another version than the ones that published.
fn tools(manifest: &Manifest) -> Vec<String> {
    let typst = shockbrief_templating::typst::VERSION;
    [("shockbrief", &manifest.shockbrief, env!("CARGO_PKG_VERSION")), ("typst", &manifest.typst, typst)]
        .into_iter()
        .filter(|(_, before, now)| before.as_str() != *now)
        .map(|(name, before, now)| format!("{name} from {before} to {now}"))
        .collect()
}

/// Names whose digests differ or that only one side has.
fn changed(before: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<String> {
    let mut names: Vec<String> = before
        .iter()
        .filter(|(name, digest)| now.get(*name) != Some(digest))
        .map(|(name, _)| name.clone())
        .collect();
    names.extend(now.keys().filter(|name| !before.contains_key(*name)).cloned());
    names.sort();
    names
}
