//! `render`: load, analyse, compose, typeset, publish.

use crate::{
    SomeFailed,
    analyse::Analysed,
    archive,
    args::{Inputs, Render},
    complain,
    load::Project,
    progress::Progress,
    publish::{Earlier, Output, Staged, difference},
    say,
};
use anyhow::Result;
use fs_err as fs;
use rayon::prelude::*;
use shockbrief_core::{
    Brief, CheckedClaim, Class, Input, Manifest, Refusal, Refusals, Verdict,
    brief::{Audited, SCHEMA},
    config::{FileFormat, Listing, Report},
    fs::{sha256, write_atomic},
    names::refuse_links,
};
use shockbrief_run::ledger;
use shockbrief_templating::{Attachment, Composed, Document, Pdf, Typeset, Typst, editions, typeset};
use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    time::Duration,
};

/// Makes every named brief; one that fails does not stop the others.
pub fn run(args: &Render) -> Result<()> {
    let project = Project::load(&args.inputs.config)?;
    let typst = Typst::locate(args.typst.as_deref(), Path::new("."))?.guarded();
    shockbrief_templating::sweep();
    let output = Output::open(&args.out)?;
    let (places, mut failures) = places(&args.reports);
    let total = places.len() + failures.len();
    let progress = Progress::of(places.len(), places.len() > 1);
    for place in &places {
        progress.begin(place.display().to_string());
        match crate::safely(|| brief(&project, &typst, &output, place, args)) {
            Ok(published) => published.iter().for_each(|path| say(path.display())),
            Err(error) => failures.push(error),
        }
        progress.done();
    }
    drop(progress);
    archive::refresh(&args.out, &project);
    finish(failures, total)
}

/// Where each brief of these reports is loaded from, and the reports that cannot be read.
pub fn places(reports: &[PathBuf]) -> (Vec<PathBuf>, Vec<anyhow::Error>) {
    let (mut places, mut failures) = (Vec::new(), Vec::new());
    for report in reports {
        // A folder without report is refused where it is opened, with its own message.
        let found = if report.join("report.yaml").is_file() {
            Report::places(report)
        } else {
            Ok(vec![report.clone()])
        };
        match found {
            Ok(found) => places.extend(found),
            Err(error) => failures.push(error),
        }
    }
    (places, failures)
}

/// The only failure is the run's own; among several briefs each failure is told and the run says how many.
pub fn finish(mut failures: Vec<anyhow::Error>, total: usize) -> Result<()> {
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
    analysed.left_out().into_iter().for_each(crate::tell);
    let making = Making {
        place: folder,
        inputs: &args.inputs,
        limit: Duration::from_secs(args.time_limit),
        keep_source: args.keep_source,
        draw: args.draw,
        revise: false,
    };
    Ok(make(project, typst, output, &mut analysed, &making)?.paths)
}

/// How a brief is made.
pub struct Making<'a> {
    /// What the report was loaded from, and with what.
    pub place: &'a Path,
    /// Data, configuration and store.
    pub inputs: &'a Inputs,
    /// Time for one typesetting.
    pub limit: Duration,
    /// Whether the generated source is kept.
    pub keep_source: bool,
    /// Pixels per inch at which pages are drawn; none are where it is absent.
    pub draw: Option<u16>,
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
    let languages = languages(analysed, &making.inputs.lang);
    rehearse(project, typst, analysed, &languages, making)?;
    let (slug, period) = (slug_of(analysed), period_of(analysed));
    let lost = making.revise && !remade(project, typst, output, analysed, &languages, making)?;
    let earlier = if making.revise { output.earlier(&slug, &period)? } else { None };
    if let Some(earlier) = earlier {
        let composed = analysed.compose(project, &languages)?;
        let diff = difference(&earlier.brief, &analysed.brief(&composed)?)?;
        if !lost && diff.changes.is_empty() && earlier.manifest.config == analysed.config {
            return Ok(unchanged(earlier, analysed));
        }
        analysed.revise(earlier.manifest.revision + 1, &diff);
    }
    let product = produce(project, typst, analysed, &languages, making.limit)?;
    publish(project, typst, output, analysed, &product, making)
}

/// Makes what a disk damaged of a published brief again: the same inputs give the same bytes, which are put back. Gives
/// whether all files are whole; where what it was made from has changed since, a revision must take its place.
fn remade(
    project: &Project,
    typst: &Typst,
    output: &Output,
    analysed: &mut Analysed,
    languages: &[String],
    making: &Making<'_>,
) -> Result<bool> {
    let (slug, period) = (slug_of(analysed), period_of(analysed));
    let damaged = output.mend(&slug, &period)?;
    if damaged.is_empty() {
        return Ok(true);
    }
    let folder = output.place(&slug, &period);
    let manifest = ledger::manifest(&folder.join("manifest.json"))?;
    let findings = analysed.findings.clone();
    if manifest.revision > 1 {
        crate::verify::announce(project, analysed, languages, &folder, &manifest)?;
    }
    let product = produce(project, typst, analysed, languages, making.limit)?;
    // What the damaged edition says of its own revision is none of the next one's.
    analysed.findings = findings;
    let same = |name: &String| {
        product.files.get(name).is_some_and(|new| manifest.outputs.get(name) == Some(&sha256(new)))
    };
    if let Some(other) = damaged.iter().find(|found| !same(&found.name)) {
        // What changed since the earlier edition is told from its twin.
        if damaged.iter().any(|found| found.name == "brief.json") {
            let message = format!("{}; made again it is another one", other.refusal.message);
            let hint = "take the file from a copy, or remove the period's folder: the next run makes it anew";
            return Err(Refusal::data(message).hint(hint).into());
        }
        crate::tell(format!("warning: {}; a revision takes its place", other.refusal.message));
        return Ok(false);
    }
    for found in &damaged {
        refuse_links(&folder, &found.name)?;
        let bytes = product.files.get(&found.name).map(Vec::as_slice).unwrap_or_default();
        write_atomic(&folder.join(&found.name), bytes)?;
        crate::tell(format!("warning: {}; it was made again, byte for byte", found.refusal.message));
    }
    Ok(true)
}

/// Has `check` try a brief whose templates name values, in a process of its own: what would take all memory or never end
/// is found there, and the briefs beside it are made.
pub fn rehearse(
    project: &Project,
    typst: &Typst,
    analysed: &Analysed,
    languages: &[String],
    making: &Making<'_>,
) -> Result<()> {
    let Some((name, line)) = analysed.growing(project, languages)? else { return Ok(()) };
    let (inputs, issue) = (making.inputs, &analysed.issue);
    let (period, as_of) = (issue.period.to_string(), issue.as_of.to_string());
    let mut words: Vec<OsString> = vec!["check".into(), making.place.into()];
    let mut option = |name: &str, value: &OsStr| words.extend([name.into(), value.to_owned()]);
    option("--data", inputs.data.as_os_str());
    option("--config", inputs.config.as_os_str());
    option("--period", period.as_ref());
    option("--as-of", as_of.as_ref());
    let lang = inputs.lang.join(",");
    if !lang.is_empty() {
        option("--lang", lang.as_ref());
    }
    if let Some(store) = &inputs.holding.store {
        option("--store", store.as_os_str());
        inputs.holding.known_by.iter().for_each(|known| option("--known-by", known.to_string().as_ref()));
    }
    let memory = Typeset::default().memory / 2;
    let options = Typeset { limit: making.limit, memory, ..Typeset::default() };
    typst.rehearse(&words, &options).map_err(|how| {
        Refusal::config(format!(
            "{name}:{line}: the templates were tried in a process of their own, which {how}"
        ))
        .hint(shockbrief_templating::budget::HINT)
        .into()
    })
}

/// What a brief consists of, before it is published.
pub struct Product {
    /// The twin.
    pub brief: Brief,
    /// Published files by name.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Names of the PDFs.
    pdfs: Vec<String>,
    composed: Composed,
    audited: BTreeMap<String, Audited>,
}

/// The documents of a brief before they are typeset, the twin attached to each.
pub struct Pages {
    /// Claims and documents.
    pub composed: Composed,
    brief: Brief,
    twin: Vec<u8>,
}

/// Composes, typesets and audits.
pub fn produce(
    project: &Project,
    typst: &Typst,
    analysed: &Analysed,
    languages: &[String],
    limit: Duration,
) -> Result<Product> {
    print(typst, analysed, compose(project, analysed, languages)?, limit)
}

/// Judges the claims and renders every language; the twin goes into every document.
pub fn compose(project: &Project, analysed: &Analysed, languages: &[String]) -> Result<Pages> {
    let mut composed = analysed.compose(project, languages)?;
    let brief = analysed.brief(&composed)?;
    let twin = json(&brief)?;
    composed.attach(&Attachment {
        path: "/brief.json".to_owned(),
        text: String::from_utf8(twin.clone())?,
        mime: "application/json",
        relationship: "source",
        description: "brief.json".to_owned(),
    });
    Ok(Pages { composed, brief, twin })
}

/// Typesets every document and reads it back.
pub fn print(typst: &Typst, analysed: &Analysed, pages: Pages, limit: Duration) -> Result<Product> {
    let Pages { composed, brief, twin } = pages;
    let options = Typeset { limit, ..Typeset::default() };
    let pdfs = typeset(typst, &composed, &options)?;
    let audited = audit(analysed, &composed, &pdfs)?;
    let asked = analysed.issue.report.formats.contains(&FileFormat::Html);
    let html = if asked { editions(typst, &composed, &options)? } else { Vec::new() };
    let stem = format!("{}-{}", slug_of(analysed), period_of(analysed));
    let mut files = BTreeMap::from([("brief.json".to_owned(), twin)]);
    let mut names = Vec::new();
    for pdf in pdfs {
        let name = format!("{stem}.{}.pdf", pdf.language);
        names.push(name.clone());
        files.insert(name, pdf.bytes);
    }
    files.extend(html.into_iter().map(|(language, bytes)| (format!("{stem}.{language}.html"), bytes)));
    Ok(Product { brief, files, pdfs: names, composed, audited })
}

/// Reads every PDF back: a numeral that no figure accounts for stops the brief.
fn audit(analysed: &Analysed, composed: &Composed, pdfs: &[Pdf]) -> Result<BTreeMap<String, Audited>> {
    let mut faults = Refusals::default();
    let mut audited = BTreeMap::new();
    let read = composed.documents.par_iter().zip(pdfs).map(|(document, pdf)| {
        Ok((pdf, shockbrief_templating::audit::audit(&pdf.bytes, &document.numerals)?))
    });
    for (pdf, found) in read.collect::<Result<Vec<_>>>()? {
        audited.insert(pdf.language.clone(), Audited { pages: found.pages, numerals: found.numerals });
        let (language, report) = (&pdf.language, analysed.issue.report.origin.path.display());
        for orphan in found.orphans {
            let (page, numeral, around) = (orphan.page, orphan.numeral, orphan.around);
            let section = orphan.section.map_or(String::new(), |heading| format!(", “{heading}”"));
            let message = format!(
                "{report}: {language}, page {page}{section}: no figure accounts for `{numeral}` in “{around}”"
            );
            let hint = "print the number once for each time it stands there, with fig(...) and a filter, or declare a \
                        name with digits in numerals.yaml";
            faults.push(Refusal::new(Class::Claim, message).hint(hint));
        }
        for (page, address) in found.links {
            let message =
                format!("{report}: {language}, page {page}: a link opens `{}`", address.escape_debug());
            let hint = "link to https://…, mailto:… or a place of the brief";
            faults.push(Refusal::config(message).hint(hint));
        }
    }
    faults.or(audited)
}

/// The languages asked for, or all of the report's.
pub fn languages(analysed: &Analysed, asked: &[String]) -> Vec<String> {
    let all = &analysed.issue.report.languages;
    all.iter().filter(|code| asked.is_empty() || asked.contains(code)).cloned().collect()
}

fn publish(
    project: &Project,
    typst: &Typst,
    output: &Output,
    analysed: &Analysed,
    product: &Product,
    making: &Making<'_>,
) -> Result<Published> {
    analysed.unedited(project)?;
    let (slug, period) = (slug_of(analysed), period_of(analysed));
    let staged = output.stage(&slug, &period)?;
    for (name, bytes) in &product.files {
        fs::write(staged.folder().join(name), bytes)?;
    }
    let mut manifest = manifest(analysed, product);
    let earlier = if making.revise { output.earlier(&slug, &period)? } else { None };
    if let Some(earlier) = earlier {
        staged.keep_earlier(earlier.manifest.revision)?;
        manifest.revision = earlier.manifest.revision + 1;
    }
    fs::write(staged.folder().join("manifest.json"), json(&manifest)?)?;
    if making.keep_source {
        let stem = format!("{slug}-{period}");
        product.composed.documents.iter().try_for_each(|document| keep(&staged, &stem, document))?;
    }
    if let Some(ppi) = making.draw {
        let options = Typeset { limit: making.limit, ..Typeset::default() };
        for (document, name) in product.composed.documents.iter().zip(&product.pdfs) {
            draw(&staged, name, &typst.draw(document, ppi, &options)?)?;
        }
    }
    let folder = staged.publish()?;
    let replaced = |claim: &&CheckedClaim| claim.verdict == Verdict::Replaced;
    let claims_replaced = product.brief.claims.iter().filter(replaced).count();
    let paths = product.pdfs.iter().map(|name| folder.join(name)).collect();
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

/// Pretty JSON with a line end.
pub fn json<T: serde::Serialize>(value: &T) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn manifest(analysed: &Analysed, product: &Product) -> Manifest {
    let (brief, report) = (&product.brief, &analysed.issue.report);
    Manifest {
        schema: SCHEMA,
        report: brief.report.clone(),
        period: brief.period.clone(),
        as_of: brief.as_of,
        known_by: analysed.issue.known_by.filter(|_| brief.inputs.iter().any(Input::is_stored)),
        revision: 1,
        apart: report.client.is_some().then_some(report.archive == Listing::Apart),
        shockbrief: env!("CARGO_PKG_VERSION").to_owned(),
        typst: shockbrief_templating::typst::VERSION.to_owned(),
        config: analysed.config.clone(),
        inputs: brief.inputs.clone(),
        files: brief.inputs.iter().map(|input| (input.path.clone(), input.file_sha256.clone())).collect(),
        audited: product.audited.clone(),
        outputs: product.files.iter().map(|(name, bytes)| (name.clone(), sha256(bytes))).collect(),
    }
}

/// Keeps the generated Typst source beside the PDF.
fn keep(staged: &Staged<'_>, stem: &str, document: &Document) -> Result<()> {
    let root = staged.folder().join(format!("{stem}.{}.src", document.language));
    let texts = document.files.iter().map(|(path, text)| (path, text.as_bytes()));
    let pictures = document.pictures.iter().map(|(path, bytes)| (path, bytes.as_slice()));
    for (path, bytes) in texts.chain(pictures) {
        let path = root.join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap_or(&root))?;
        fs::write(path, bytes)?;
    }
    Ok(())
}

/// Writes the pages of a PDF as pictures beside it.
fn draw(staged: &Staged<'_>, pdf: &str, pages: &[Vec<u8>]) -> Result<()> {
    let folder = staged.folder().join(pdf).with_extension("pages");
    fs::create_dir_all(&folder)?;
    for (number, page) in (1..).zip(pages) {
        fs::write(folder.join(format!("{number}.png")), page)?;
    }
    Ok(())
}
