//! `render`: load, analyse, compose, typeset, publish.

use crate::{
    SomeFailed,
    analyse::Analysed,
    args::Render,
    complain,
    load::Project,
    publish::{Earlier, Output, Staged},
    say,
};
use anyhow::Result;
use fs_err as fs;
use rayon::prelude::*;
use shockbrief_core::{
    Brief, CheckedClaim, Class, Manifest, Refusal, Verdict,
    brief::{Audited, SCHEMA},
    fs::{sha256, sha256_file},
};
use shockbrief_templating::{Composed, Document, Pdf, Typeset, Typst, typeset};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

/// Makes every named brief; one that fails does not stop the others.
pub fn run(args: &Render) -> Result<()> {
    let project = Project::load(&args.inputs.config)?;
    let typst = Typst::locate(args.typst.as_deref(), Path::new("."))?;
    let output = Output::open(&args.out)?;
    let mut failures = Vec::new();
    for folder in &args.reports {
        match brief(&project, &typst, &output, folder, args) {
            Ok(published) => published.iter().for_each(|path| say(path.display())),
            Err(error) => failures.push(error),
        }
    }
    finish(failures, args.reports.len())
}

/// The only failure is the run's own; among several briefs each failure is told and the run says how many.
fn finish(mut failures: Vec<anyhow::Error>, total: usize) -> Result<()> {
    match (failures.len(), total) {
        (0, _) => Ok(()),
        (failed, total) if failed == total => {
            let last = failures.pop();
            failures.iter().for_each(complain);
            last.map_or(Ok(()), Err)
        }
        (failed, total) => {
            failures.iter().for_each(complain);
            Err(SomeFailed { failed, total }.into())
        }
    }
}

fn brief(
    project: &Project,
    typst: &Typst,
    output: &Output,
    folder: &Path,
    args: &Render,
) -> Result<Vec<PathBuf>> {
    let mut analysed = Analysed::new(project, folder, &args.inputs)?;
    let making = Making {
        lang: &args.lang,
        limit: Duration::from_secs(args.time_limit),
        keep_source: args.keep_source,
        revise: false,
    };
    Ok(make(project, typst, output, &mut analysed, &making)?.paths)
}

/// How a brief is made.
pub struct Making<'a> {
    /// Languages; all of the report's where empty.
    pub lang: &'a [String],
    /// Time for one typesetting.
    pub limit: Duration,
    /// Whether the generated source is kept.
    pub keep_source: bool,
    /// Whether what the period has now is kept as an earlier revision.
    pub revise: bool,
}

/// A published brief.
pub struct Published {
    /// Its PDFs.
    pub paths: Vec<PathBuf>,
    /// Its manifest.
    pub manifest: Manifest,
    /// Claims whose other text stands.
    pub claims_replaced: usize,
    /// Whether it was out already, with the same twin, and stays as it is.
    pub unchanged: bool,
}

/// Composes, typesets, audits and publishes.
pub fn make(
    project: &Project,
    typst: &Typst,
    output: &Output,
    analysed: &mut Analysed,
    making: &Making<'_>,
) -> Result<Published> {
    let languages = languages(analysed, making.lang)?;
    let mut composed = analysed.compose(project, &languages)?;
    if let Some(earlier) =
        making.revise.then(|| output.earlier(&slug_of(analysed), &period_of(analysed))).transpose()?.flatten()
    {
        let diff = earlier.difference(&analysed.brief(&composed))?;
        if diff.changes.is_empty() && earlier.manifest.config == config_digests(project, analysed)? {
            return Ok(unchanged(earlier, analysed));
        }
        analysed.revise(earlier.manifest.revision + 1, &diff);
        composed = analysed.compose(project, &languages)?;
    }
    let pdfs = typeset(typst, &composed, &Typeset { limit: making.limit, ..Typeset::default() })?;
    let audited = audit(analysed, &composed, &pdfs)?;
    let made = Made { analysed, composed: &composed, pdfs: &pdfs, audited };
    publish(project, output, &made, making)
}

/// Reads every PDF back: a numeral that no figure accounts for stops the brief.
fn audit(analysed: &Analysed, composed: &Composed, pdfs: &[Pdf]) -> Result<BTreeMap<String, Audited>> {
    let mut lines = Vec::new();
    let mut audited = BTreeMap::new();
    let read = composed.documents.par_iter().zip(pdfs).map(|(document, pdf)| {
        Ok((pdf, shockbrief_templating::audit::audit(&pdf.bytes, &document.numerals)?))
    });
    for (pdf, found) in read.collect::<Result<Vec<_>>>()? {
        audited.insert(pdf.language.clone(), Audited { pages: found.pages, numerals: found.numerals });
        for orphan in found.orphans {
            let (language, page, numeral) = (&pdf.language, orphan.page, orphan.numeral);
            lines.push(format!(
                "{language}, page {page}: no figure accounts for `{numeral}` in “{}”",
                orphan.around
            ));
        }
    }
    if lines.is_empty() {
        return Ok(audited);
    }
    let report = analysed.issue.report.origin.path.display();
    Err(Refusal::new(Class::Claim, format!("{report}: {}", lines.join("\n")))
        .hint("print the number with fig(...) and a filter, or declare a name with digits in config/numerals.yaml")
        .into())
}

fn languages(analysed: &Analysed, asked: &[String]) -> Result<Vec<String>> {
    let report = &analysed.issue.report;
    if let Some(unknown) = asked.iter().find(|code| !report.languages.contains(code)) {
        return Err(Refusal::config(format!("{} has no language `{unknown}`", report.origin.path.display()))
            .hint(format!("it has: {}", report.languages.join(", ")))
            .into());
    }
    Ok(if asked.is_empty() { report.languages.clone() } else { asked.to_vec() })
}

/// A brief ready to publish.
struct Made<'a> {
    analysed: &'a Analysed,
    composed: &'a Composed,
    pdfs: &'a [Pdf],
    audited: BTreeMap<String, Audited>,
}

fn publish(project: &Project, output: &Output, made: &Made<'_>, making: &Making<'_>) -> Result<Published> {
    let Made { analysed, composed, pdfs, .. } = made;
    let (slug, period) = (&analysed.issue.report.slug, analysed.issue.period.to_string());
    let stem = format!("{slug}-{period}");
    let staged = output.stage(slug, &period)?;
    let mut outputs = BTreeMap::new();
    let mut put = |name: String, bytes: &[u8]| -> Result<()> {
        fs::write(staged.folder().join(&name), bytes)?;
        outputs.insert(name, sha256(bytes));
        Ok(())
    };
    for pdf in *pdfs {
        put(format!("{stem}.{}.pdf", pdf.language), &pdf.bytes)?;
    }
    let brief = analysed.brief(composed);
    put("brief.json".to_owned(), &json(&brief)?)?;
    let mut manifest = manifest(project, made, &brief, outputs)?;
    let claims_replaced = brief.claims.iter().filter(|claim| claim.verdict == Verdict::Replaced).count();
    if let Some(earlier) = output.earlier(slug, &period)?.filter(|_| making.revise) {
        staged.keep_earlier(earlier.manifest.revision)?;
        manifest.revision = earlier.manifest.revision + 1;
    }
    fs::write(staged.folder().join("manifest.json"), json(&manifest)?)?;
    if making.keep_source {
        composed.documents.iter().try_for_each(|document| keep(&staged, &stem, document))?;
    }
    let folder = staged.publish()?;
    let paths = pdfs.iter().map(|pdf| folder.join(format!("{stem}.{}.pdf", pdf.language))).collect();
    Ok(Published { paths, manifest, claims_replaced, unchanged: false })
}

fn slug_of(analysed: &Analysed) -> String {
    analysed.issue.report.slug.clone()
}

fn period_of(analysed: &Analysed) -> String {
    analysed.issue.period.to_string()
}

/// What is out already, and stays.
fn unchanged(earlier: Earlier, analysed: &Analysed) -> Published {
    let replaced = |claim: &&CheckedClaim| claim.verdict == Verdict::Replaced;
    let claims_replaced = earlier.brief.claims.iter().filter(replaced).count();
    let stem = format!("{}-{}", slug_of(analysed), period_of(analysed));
    let languages = earlier.manifest.audited.keys();
    let paths = languages.map(|code| earlier.folder.join(format!("{stem}.{code}.pdf"))).collect();
    Published { paths, manifest: earlier.manifest, claims_replaced, unchanged: true }
}

/// Digests of all configuration behind a brief.
fn config_digests(project: &Project, analysed: &Analysed) -> Result<BTreeMap<String, String>> {
    let report = &analysed.issue.report;
    let mut config = BTreeMap::new();
    digest_tree(&project.folder, Path::new("config"), &mut config)?;
    digest_tree(&report.folder, &Path::new("reports").join(&report.slug), &mut config)?;
    Ok(config)
}

/// Pretty JSON with a line end.
pub fn json<T: serde::Serialize>(value: &T) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn manifest(
    project: &Project,
    made: &Made<'_>,
    brief: &Brief,
    outputs: BTreeMap<String, String>,
) -> Result<Manifest> {
    let config = config_digests(project, made.analysed)?;
    Ok(Manifest {
        schema: SCHEMA,
        report: brief.report.clone(),
        period: brief.period.clone(),
        as_of: brief.as_of,
        revision: 1,
        shockbrief: env!("CARGO_PKG_VERSION").to_owned(),
        typst: shockbrief_templating::typst::VERSION.to_owned(),
        config,
        inputs: brief.inputs.clone(),
        files: brief.inputs.iter().map(|input| (input.path.clone(), input.file_sha256.clone())).collect(),
        audited: made.audited.clone(),
        outputs,
    })
}

/// Digests of all files below a folder, by their place in the project.
fn digest_tree(folder: &Path, name: &Path, digests: &mut BTreeMap<String, String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = name.join(entry.file_name());
        if entry.path().is_dir() {
            digest_tree(&entry.path(), &name, digests)?;
        } else {
            digests.insert(name.display().to_string(), sha256_file(&entry.path())?);
        }
    }
    Ok(())
}

/// Keeps the generated Typst source beside the PDF.
fn keep(staged: &Staged<'_>, stem: &str, document: &Document) -> Result<()> {
    let root = staged.folder().join(format!("{stem}.{}.src", document.language));
    for (path, text) in &document.files {
        let path = root.join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap_or(&root))?;
        fs::write(path, text)?;
    }
    Ok(())
}
