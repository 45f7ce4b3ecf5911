//! `render`: load, analyse, compose, typeset, publish.

use crate::{
    SomeFailed,
    analyse::Analysed,
    args::Render,
    complain,
    load::Project,
    publish::{Output, Staged},
    say,
};
use anyhow::Result;
use fs_err as fs;
use rayon::prelude::*;
use shockbrief_core::{
    Brief, Class, Manifest, Refusal,
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
    let analysed = Analysed::new(project, folder, &args.inputs)?;
    let languages = languages(&analysed, &args.lang)?;
    let composed = analysed.compose(project, &languages)?;
    let pdfs = typeset(
        typst,
        &composed,
        &Typeset { limit: Duration::from_secs(args.time_limit), ..Typeset::default() },
    )?;
    let audited = audit(&analysed, &composed, &pdfs)?;
    let made = Made { analysed: &analysed, composed: &composed, pdfs: &pdfs, audited };
    publish(project, output, &made, args.keep_source)
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

fn publish(project: &Project, output: &Output, made: &Made<'_>, keep_source: bool) -> Result<Vec<PathBuf>> {
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
    let manifest = manifest(project, made, &brief, outputs)?;
    fs::write(staged.folder().join("manifest.json"), json(&manifest)?)?;
    if keep_source {
        composed.documents.iter().try_for_each(|document| keep(&staged, &stem, document))?;
    }
    let folder = staged.publish()?;
    Ok(pdfs.iter().map(|pdf| folder.join(format!("{stem}.{}.pdf", pdf.language))).collect())
}

fn json<T: serde::Serialize>(value: &T) -> Result<Vec<u8>> {
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
    let report = &made.analysed.issue.report;
    let mut config = BTreeMap::new();
    digest_tree(&project.folder, Path::new("config"), &mut config)?;
    digest_tree(&report.folder, &Path::new("reports").join(&report.slug), &mut config)?;
    Ok(Manifest {
        schema: SCHEMA,
        report: brief.report.clone(),
        period: brief.period.clone(),
        as_of: brief.as_of,
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
