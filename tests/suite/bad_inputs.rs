//! One folder per bad input: what the user sees, and the exit code.
//!
//! Each `fixtures/err_*/case.json` says how to damage a working project: texts replaced, files appended to or
//! removed. The message and the exit code are the snapshot.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde::Deserialize;
use shockbrief_tests::{copy_folder, root, sample, shockbrief};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// Arguments after the command's name; `render` and `check` get the project's folders too.
    #[serde(default = "check")]
    command: String,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    replace: Vec<Replace>,
    #[serde(default)]
    append: Vec<Append>,
    #[serde(default)]
    remove: Vec<String>,
    /// What the message must hold, worked out by hand: lines, names, the nearest that exists.
    #[serde(default)]
    says: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Replace {
    file: String,
    find: String,
    with: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Append {
    file: String,
    text: String,
}

fn check() -> String {
    "check".to_owned()
}

#[test]
fn every_bad_input_has_its_message() {
    for (name, path) in cases() {
        let case: Case = serde_json::from_str(&fs_err::read_to_string(path).unwrap()).unwrap();
        let project = tempfile::tempdir().unwrap();
        prepare(project.path());
        damage(&case, project.path());
        let told = run(&case, project.path());
        for part in &case.says {
            assert!(told.contains(part), "{name}: no `{part}` in: {told}");
        }
        insta::with_settings!({snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true}, {
            insta::assert_snapshot!(name, told);
        });
    }
}

/// The YAML files of each bad input that its damage touches, as they are then.
pub fn damaged() -> Vec<(String, Vec<(PathBuf, String)>)> {
    let project = tempfile::tempdir().unwrap();
    let made = |(name, path): (String, PathBuf)| {
        let case: Case = serde_json::from_str(&fs_err::read_to_string(path).unwrap()).unwrap();
        prepare(project.path());
        damage(&case, project.path());
        let touched = case.replace.iter().map(|change| &change.file);
        let touched = touched.chain(case.append.iter().map(|change| &change.file));
        let yaml = touched.filter(|file| file.ends_with(".yaml")).map(|file| project.path().join(file));
        let read = yaml.map(|path| (path.clone(), fs_err::read_to_string(path).unwrap())).collect();
        (name, read)
    };
    cases().into_iter().map(made).collect()
}

/// Fixture folders with their case files, by name.
fn cases() -> BTreeMap<String, PathBuf> {
    let cases: BTreeMap<_, _> = fs_err::read_dir(root().join("tests/fixtures"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("err_"))
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path().join("case.json")))
        .collect();
    assert!(cases.len() >= 20, "only {} fixtures found", cases.len());
    cases
}

fn prepare(project: &Path) {
    copy_folder(&root().join("config"), &project.join("config"));
    copy_folder(&root().join("reports/2025-01-deepseek"), &project.join("reports/brief"));
    copy_folder(&sample(), &project.join("data"));
}

fn damage(case: &Case, project: &Path) {
    for change in &case.replace {
        let path = project.join(&change.file);
        let text = fs_err::read_to_string(&path).unwrap();
        assert!(text.contains(&change.find), "{} does not contain {:?}", change.file, change.find);
        fs_err::write(path, text.replacen(&change.find, &change.with, 1)).unwrap();
    }
    for change in &case.append {
        let path = project.join(&change.file);
        let mut text = fs_err::read_to_string(&path).unwrap_or_default();
        text.push_str(&change.text);
        fs_err::write(path, text).unwrap();
    }
    for file in &case.remove {
        fs_err::remove_file(project.join(file)).unwrap();
    }
}

fn run(case: &Case, project: &Path) -> String {
    let mut command = shockbrief([&case.command]);
    command.current_dir(project);
    if case.args.is_empty() {
        command.args(["reports/brief", "--data", "data"]);
    }
    let output = command.args(&case.args).output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    let message = message.replace(&project.display().to_string(), "PROJECT");
    format!("exit code {}\n{message}", output.status.code().unwrap_or(-1))
}
