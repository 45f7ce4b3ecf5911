//! `schema`: what editors need to know of a file, made from the types that read it.

use crate::{args::Schema, list::reports, load::Project, say};
use anyhow::Result;
use serde_json::{Value, json};
use shockbrief_core::{
    Refusal,
    config::{DETECTED, FILES, Report, section::SectionFolders},
    fs::write_atomic,
    house, nearest,
    schema::{File, Kind},
};
use shockbrief_data::calendar;
use shockbrief_sample::Parameters;
use shockbrief_sections::{KINDS, built_in};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// The parameters of the reconstruction.
const SAMPLE: File = File::of::<Parameters>("sample", "config/sample.yaml");

/// Files that name what the desk declares elsewhere; the others declare it, or may name what it does not know.
const NAMING: [&str; 4] = ["report", "section", "portfolio", "scenarios"];

/// Where a desk keeps schemas for editors.
const FOLDER: &str = "schemas";

/// Prints or writes schemas.
pub fn run(args: &Schema) -> Result<()> {
    let wanted: Vec<File> = match &args.file {
        None => files(),
        Some(name) => vec![file(name)?],
    };
    if args.file.is_none() && args.out.is_none() {
        wanted.iter().for_each(|file| say(format_args!("{}: {}", file.name, file.place)));
        return Ok(());
    }
    let ids = if args.desk { Some(ids(&args.config)?) } else { None };
    for file in wanted {
        let schema = of(&file, ids.as_ref());
        let text = serde_json::to_string_pretty(&schema)?;
        match &args.out {
            None => say(text),
            Some(folder) => {
                let path = folder.join(format!("{}.json", file.name));
                write_atomic(&path, format!("{text}\n").as_bytes())?;
                say(path.display());
            }
        }
    }
    Ok(())
}

/// All kinds of files.
pub fn files() -> Vec<File> {
    FILES.iter().copied().chain([calendar::FILE, SAMPLE]).collect()
}

fn file(name: &str) -> Result<File> {
    let all = files();
    let found = all.iter().find(|file| file.name == name).copied();
    found.ok_or_else(|| {
        let hint = nearest::offer(name, all.iter().map(|file| file.name));
        Refusal::config(format!("there is no schema `{name}`")).hint(hint).into()
    })
}

/// A skeleton with the line by which editors find its schema, so many folders above it in the desk, where the schema
/// then lies too.
pub fn beside(path: &Path, kind: &str, depth: usize, text: &str) -> Result<String> {
    let desk = path.ancestors().nth(depth + 1).unwrap_or_else(|| Path::new(""));
    let at = desk.join(FOLDER).join(format!("{kind}.json"));
    if !at.exists() {
        let schema = serde_json::to_string_pretty(&of(&file(kind)?, None))?;
        write_atomic(&at, format!("{schema}\n").as_bytes())?;
    }
    Ok(format!("# yaml-language-server: $schema={}{FOLDER}/{kind}.json\n{text}", "../".repeat(depth)))
}

/// The schema of a kind of file, with the ids of a desk where they are given.
pub fn of(file: &File, ids: Option<&Ids>) -> Value {
    let kinds: Vec<Kind> =
        KINDS.iter().map(|kind| Kind { name: kind.name(), parameters: kind.schema() }).collect();
    let mut schema = file.schema(&kinds);
    let ids = ids.filter(|_| NAMING.contains(&file.name));
    if let (Some(ids), Some(definitions)) = (ids, schema.get_mut("$defs").and_then(Value::as_object_mut)) {
        for (name, known) in ids {
            let Some(definition) = definitions.get_mut(*name).and_then(Value::as_object_mut) else {
                continue;
            };
            if *name == "Ref" {
                // What is put together of two names, or of a source and its column, is told by its form.
                definition.remove("pattern");
                let forms = json!([{"enum": known}, {"pattern": "^(pair|records):"}]);
                definition.insert("anyOf".to_owned(), forms);
            } else {
                definition.insert("enum".to_owned(), json!(known));
            }
        }
    }
    schema
}

/// Ids of a desk, by the name of what they are in schemas.
pub type Ids = BTreeMap<&'static str, BTreeSet<String>>;

/// What a desk declares.
fn ids(config: &Path) -> Result<Ids> {
    let project = Project::load(config)?;
    let texts = |ids: &mut dyn Iterator<Item = &str>| ids.map(str::to_owned).collect::<BTreeSet<String>>();
    let universe = &project.universe;
    let symbols = texts(&mut universe.instruments.iter().map(|one| one.symbol.as_str()));
    let themes = texts(&mut universe.themes.keys().map(|id| id.as_str()));
    let mut events = texts(&mut project.events.events.keys().map(|id| id.as_str()));
    events.insert(DETECTED.to_owned());
    let mut names: BTreeSet<String> = symbols.clone();
    names.extend(themes.iter().map(|id| format!("theme:{id}")));
    names.extend(universe.baskets.keys().map(|id| format!("basket:{id}")));
    names.extend(["sample", "themes"].map(str::to_owned));
    let mut sections = texts(&mut built_in().into_iter().chain(project.sections.ids()));
    for report in reports(config) {
        // A report whose sections cannot be read is told of by `check`.
        let own = SectionFolders::load(&report.join("sections")).unwrap_or_default();
        sections.extend(own.ids().map(str::to_owned));
        sections.extend(Report::load(&report).map(|report| report.sections).unwrap_or_default());
    }
    let languages = house::list(&config.join("languages"), "yaml")?;
    let codes = languages.iter().filter_map(|path| path.file_stem()?.to_str());
    Ok(BTreeMap::from([
        ("Symbol", symbols),
        ("ThemeId", themes),
        ("EventId", events),
        ("Ref", names),
        ("Mic", texts(&mut project.calendars.mics().map(|mic| mic.as_str()))),
        ("FactId", texts(&mut project.facts.all().map(|(id, _)| id))),
        ("SourceId", texts(&mut project.sources.sources.iter().map(|source| source.id.as_str()))),
        ("SectionId", sections),
        ("LanguageCode", codes.map(str::to_owned).collect()),
    ]))
}
