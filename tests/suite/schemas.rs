//! Schemas are the reader's own: a validator and the program agree on every shipped file, on every bad one, and on files with one
//! change each.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::bad_inputs;
use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Value, json};
use shockbrief_core::{Refusals, config::FILES, schema::File};
use shockbrief_data::calendar;
use shockbrief_tests::{root, shockbrief, succeeded};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// All schemas of the program, compiled.
struct All {
    schemas: Schemas,
    by_name: BTreeMap<String, SchemaIndex>,
}

impl All {
    fn of(more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        succeeded(&shockbrief(["schema", "--out"]).arg(folder.path()).args(more).output().unwrap());
        let (mut schemas, mut compiler, mut by_name) = (Schemas::new(), Compiler::new(), BTreeMap::new());
        for entry in fs_err::read_dir(folder.path()).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let schema: Value = serde_json::from_str(&fs_err::read_to_string(path).unwrap()).unwrap();
            let at = format!("https://example.org/{name}.json");
            compiler.add_resource(&at, schema).unwrap();
            by_name.insert(name, compiler.compile(&at, &mut schemas).unwrap());
        }
        Self { schemas, by_name }
    }

    /// What the validator says of a value.
    fn validate(&self, kind: &str, value: &Value) -> Result<(), String> {
        self.schemas.validate(value, self.by_name[kind]).map_err(|error| format!("{error:#}"))
    }
}

/// The kind of a file by its place.
fn kind(path: &Path) -> &'static str {
    let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
    match parts.as_slice() {
        [.., "section.yaml"] => "section",
        [.., "report.yaml"] => "report",
        [.., "portfolios", _] => "portfolio",
        [.., "facts", _] => "facts",
        [.., "calendars", _] => "calendar",
        [.., "languages", _] => "language",
        [.., "config", file] => match *file {
            "brand.yaml" => "brand",
            "claims.yaml" => "claims",
            "delivery.yaml" => "delivery",
            "events.yaml" => "events",
            "fetch.yaml" => "fetch",
            "models.yaml" => "models",
            "numerals.yaml" => "numerals",
            "sample.yaml" => "sample",
            "scenarios.yaml" => "scenarios",
            "sources.yaml" => "sources",
            "universe.yaml" => "universe",
            other => panic!("no schema is known for config/{other}"),
        },
        _ => panic!("no schema is known for {}", path.display()),
    }
}

fn yaml(text: &str) -> Option<Value> {
    serde_yaml::from_str(text).ok()
}

/// Every YAML file below a folder.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "yaml") {
            found.push(path);
        }
    }
}

fn shipped() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["config", "reports"] {
        files(&root().join(folder), &mut found);
    }
    found.sort();
    found
}

#[test]
fn every_shipped_file_fits_its_schema() {
    let (plain, desk) = (All::of(&[]), All::of(&["--desk"]));
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for path in shipped() {
        let value = yaml(&fs_err::read_to_string(&path).unwrap()).unwrap();
        for all in [&plain, &desk] {
            if let Err(error) = all.validate(kind(&path), &value) {
                panic!("{}: {error}", path.display());
            }
        }
        *counts.entry(kind(&path)).or_default() += 1;
    }
    eprintln!("shipped files by schema: {counts:?}, {} in all", counts.values().sum::<usize>());
    assert!(counts.len() >= 15 && counts["section"] > 10 && counts["report"] > 5, "{counts:?}");
}

#[test]
fn every_skeleton_fits_its_schema_and_names_it() {
    let all = All::of(&[]);
    let desk = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        succeeded(&shockbrief(args).current_dir(desk.path()).output().unwrap());
    };
    run(&["init"]);
    for args in
        [["report", "week"], ["section", "chips"], ["fact", "orders"], ["event", "news"], ["language", "de"]]
    {
        run(&["new", args[0], args[1]]);
    }
    run(&["new", "section", "own", "--report", "week"]);
    let letter = desk.path().join("reports/week/report.yaml");
    let text = fs_err::read_to_string(&letter).unwrap() + "for_each: portfolios/*.yaml\n";
    fs_err::write(&letter, text).unwrap();
    run(&["new", "portfolio", "balanced"]);
    let mut found = Vec::new();
    files(desk.path(), &mut found);
    for path in &found {
        let text = fs_err::read_to_string(path).unwrap();
        all.validate(kind(path), &yaml(&text).unwrap()).unwrap();
        // The editor's line leads from the file to the schema.
        let line = text.lines().next().unwrap().strip_prefix("# yaml-language-server: $schema=").unwrap();
        let schema = path.parent().unwrap().join(line);
        assert!(schema.is_file() && line.ends_with(&format!("/{}.json", kind(path))), "{line}");
    }
    assert_eq!(found.len(), 8, "{found:?}");
}

/// Words by which the reader says that a file has the wrong form.
const FORM: [&str; 6] =
    ["unknown field", "unknown variant", "lacks the key", "missing field", "invalid type", "invalid length"];

#[test]
fn every_bad_input_of_the_wrong_form_fails_its_schema_and_no_other_does() {
    let all = All::of(&[]);
    let (mut refused, mut passed) = (Vec::new(), 0);
    for (name, files) in bad_inputs::damaged() {
        let said = fs_err::read_to_string(root().join(format!("tests/snapshots/{name}.snap"))).unwrap();
        let of_form = FORM.iter().any(|words| said.contains(words)) || said.contains("` is missing");
        let read: Vec<(&PathBuf, Value)> =
            files.iter().filter_map(|(path, text)| Some((path, yaml(text)?))).collect();
        let faults: Vec<String> =
            read.iter().filter_map(|(path, value)| all.validate(kind(path), value).err()).collect();
        if read.is_empty() {
            continue;
        }
        // A colour that lacks is told like a key that lacks, and is one rule of brands more.
        assert_eq!(of_form, !faults.is_empty(), "{name}: {said}\n{faults:?}");
        if of_form { refused.push(name) } else { passed += 1 }
    }
    eprintln!(
        "bad inputs: {} of the wrong form, all refused ({refused:?}); {passed} of the right form, all passed",
        refused.len()
    );
    assert!(refused.len() >= 3 && passed > 10);
}

/// A change of a value at one place.
fn changes(value: &Value) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    visit(value, String::new(), &mut found);
    let made = |(place, what): &(String, Change)| {
        let mut changed = value.clone();
        let target = changed.pointer_mut(place).unwrap();
        match what {
            Change::More => target.as_object_mut().unwrap().insert("zzz-no-key".to_owned(), json!("zzz")),
            Change::Less(key) => target.as_object_mut().unwrap().shift_remove(key),
            Change::Other => Some(std::mem::replace(target, json!({"zzz-no-key": [[1]]}))),
        };
        (format!("{place}: {what:?}"), changed)
    };
    // Long files repeat themselves: at most so many changes of each.
    const MOST: usize = 120;
    let step = found.len().div_ceil(MOST).max(1);
    found.iter().step_by(step).map(made).collect()
}

#[derive(Debug)]
enum Change {
    /// A key that nobody knows.
    More,
    /// Without this key.
    Less(String),
    /// A value of another kind.
    Other,
}

fn visit(value: &Value, place: String, found: &mut Vec<(String, Change)>) {
    // What a kind's parameters are, the reader of the file does not know.
    if place.ends_with("/with") {
        return;
    }
    let inner = |key: &str| format!("{place}/{}", key.replace('~', "~0").replace('/', "~1"));
    match value {
        Value::Object(map) => {
            found.push((place.clone(), Change::More));
            for (key, below) in map {
                found.push((place.clone(), Change::Less(key.clone())));
                visit(below, inner(key), found);
            }
        }
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(index, below)| visit(below, inner(&index.to_string()), found));
        }
        _ => found.push((place, Change::Other)),
    }
}

#[test]
fn reader_and_schema_agree_on_files_with_one_change() {
    let all = All::of(&[]);
    let readers: Vec<File> = FILES.iter().copied().chain([calendar::FILE]).collect();
    let folder = tempfile::tempdir().unwrap();
    let (mut both, mut neither, mut by_value, mut apart) = (0, 0, 0, Vec::new());
    for path in shipped() {
        let kind = kind(&path);
        let Some(file) = readers.iter().find(|file| file.name == kind) else { continue };
        for (place, changed) in changes(&yaml(&fs_err::read_to_string(&path).unwrap()).unwrap()) {
            let trial = folder.path().join("trial.yaml");
            fs_err::write(&trial, serde_json::to_string_pretty(&changed).unwrap()).unwrap();
            let read = file.read(&trial).map_err(|error| {
                let all: Vec<String> = Refusals::behind(&error).iter().map(ToString::to_string).collect();
                format!("{error:#} {}", all.join("; "))
            });
            let valid = all.validate(kind, &changed);
            match (read, valid) {
                (Ok(()), Ok(())) => neither += 1,
                (Err(_), Err(_)) => both += 1,
                (Err(told), Ok(())) if !FORM.iter().any(|words| told.contains(words)) => by_value += 1,
                (read, valid) => {
                    apart.push(format!("{} at {place}: reader {read:?}, schema {valid:?}", path.display()));
                }
            }
        }
    }
    eprintln!(
        "one change each: {both} refused by both, {neither} by neither, {by_value} by the reader for a value"
    );
    assert!(apart.is_empty(), "{} apart: {:#?}", apart.len(), &apart[..apart.len().min(25)]);
    assert!(both > 1000 && neither > 300, "{both} {neither} {by_value}");
}

#[test]
fn ids_of_a_desk_are_told_apart_from_others() {
    let all = All::of(&["--desk"]);
    let path = root().join("reports/2025-01-deepseek/report.yaml");
    let value = yaml(&fs_err::read_to_string(path).unwrap()).unwrap();
    for (place, wrong) in [
        ("/study/source", "NVDIA"),
        ("/study/event", "deepseek-r7"),
        ("/themes/0", "computer"),
        ("/sections/0", "sumary"),
        ("/languages/0", "xx"),
        ("/study/exchanges/0", "XNYC"),
    ] {
        let mut changed = value.clone();
        *changed.pointer_mut(place).unwrap() = json!(wrong);
        let told = all.validate("report", &changed).unwrap_err();
        assert!(told.contains(place), "{place}: {told}");
    }
    let output = shockbrief(["schema", "reprot"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("the nearest is `report`"));
}
