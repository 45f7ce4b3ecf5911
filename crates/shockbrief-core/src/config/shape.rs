//! All that does not fit in a file of the wrong shape: unknown keys, missing ones, values of another kind.
//!
//! serde stops at the first fault. Each one found is taken out of the values and the rest is tried again, so that
//! one run tells of all of them and of nothing that only follows from one.

use super::{
    Origin,
    places::{KeyPath, Step},
};
use crate::{Refusal, Refusals, nearest};
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;
use serde_yaml::Value;
use std::collections::BTreeSet;

/// Faults told of one file at most.
const MOST: usize = 40;

/// What does not fit `T`, given that something does not.
pub(super) fn faults<T: DeserializeOwned>(origin: &Origin, text: &str) -> Refusals {
    let mut found = Refusals::default();
    let Ok(mut value) = serde_yaml::from_str::<Value>(text) else { return found };
    let (mut pruned, mut unknown) = (Pruned::default(), Vec::new());
    for _ in 0..MOST {
        let error = match serde_path_to_error::deserialize::<_, T>(value.clone()) {
            Ok(_) => break,
            Err(error) => error,
        };
        let local = path_of(error.path());
        let message = error.inner().to_string();
        let fault = Fault::of(&message, local, &value);
        let path = pruned.original(&fault.path);
        if fault.unknown {
            unknown.push(path.clone());
        }
        let misspelt = unknown.iter().any(|other| is_misspelt(other, &path));
        if !(fault.missing && (misspelt || pruned.paths.contains(&path))) {
            found.push(fault.refusal(origin, &path, &message));
        }
        // What is taken out of a struct leaves it incomplete: then the struct goes too.
        let gone = if fault.missing { fault.path.above() } else { Some(fault.path) };
        match gone.filter(|gone| !gone.0.is_empty()) {
            Some(gone) => pruned.take(&gone, &mut value),
            None => break,
        }
    }
    found
}

/// Whether an unknown key was meant to be this one, which is missing beside it.
fn is_misspelt(unknown: &KeyPath, missing: &KeyPath) -> bool {
    const TYPOS: usize = 2;
    match (unknown.0.split_last(), missing.0.split_last()) {
        (Some((Step::Key(typed), above)), Some((Step::Key(meant), beside))) => {
            above == beside && nearest::distance(typed, meant) <= TYPOS
        }
        _ => false,
    }
}

/// One thing that does not fit.
struct Fault {
    path: KeyPath,
    missing: bool,
    unknown: bool,
}

impl Fault {
    fn of(message: &str, at: KeyPath, value: &Value) -> Self {
        let name = || message.split('`').nth(1).unwrap_or_default().to_owned();
        let missing = message.starts_with("missing field");
        let unknown = message.starts_with("unknown field");
        let inside = |path: &KeyPath| get(value, path).is_some_and(Value::is_mapping);
        // The reader names the struct or the field itself, as it happens.
        let path = if missing || (unknown && inside(&at)) { at.then(&name()) } else { at };
        Self { path, missing, unknown }
    }

    fn refusal(&self, origin: &Origin, path: &KeyPath, message: &str) -> Refusal {
        let message = message.split(" at line ").next().unwrap_or(message);
        let key = path.0.last();
        let what = match (self.missing, key) {
            (true, Some(Step::Key(key))) => match path.above().filter(|above| !above.0.is_empty()) {
                Some(above) => format!("`{above}` lacks the key `{key}`"),
                None => format!("the key `{key}` is missing"),
            },
            _ if self.unknown || path.0.is_empty() => message.to_owned(),
            _ => format!("`{path}`: {message}"),
        };
        origin.refuse(path, what).hint(hint(message))
    }
}

/// Values taken out, by their paths in the file.
#[derive(Default)]
struct Pruned {
    paths: BTreeSet<KeyPath>,
}

impl Pruned {
    /// A path in what is left as the path in the file: indices count what was taken out before them.
    fn original(&self, local: &KeyPath) -> KeyPath {
        let mut path = KeyPath::default();
        for step in &local.0 {
            let step = match step {
                Step::Key(key) => Step::Key(key.clone()),
                Step::Index(index) => {
                    let gone = |at: &usize| self.paths.contains(&path.then(*at));
                    let kept = (0..).filter(|at| !gone(at)).nth(*index);
                    Step::Index(kept.unwrap_or(*index))
                }
            };
            path.0.push(step);
        }
        path
    }

    fn take(&mut self, local: &KeyPath, value: &mut Value) {
        let original = self.original(local);
        let (Some(above), Some(step)) = (local.above(), local.0.last()) else { return };
        match (get_mut(value, &above), step) {
            (Some(Value::Mapping(map)), Step::Key(key)) => {
                map.retain(|found, _| found.as_str() != Some(key) && plain(found) != *key);
            }
            (Some(Value::Sequence(list)), Step::Index(index)) if *index < list.len() => {
                drop(list.remove(*index))
            }
            _ => {}
        }
        self.paths.insert(original);
    }
}

/// A key that is no text, as it is written.
fn plain(key: &Value) -> String {
    match key {
        Value::Number(number) => number.to_string(),
        Value::Bool(is) => is.to_string(),
        _ => String::new(),
    }
}

fn get<'a>(value: &'a Value, path: &KeyPath) -> Option<&'a Value> {
    path.0.iter().try_fold(value, |value, step| match step {
        Step::Key(key) => value.get(key.as_str()),
        Step::Index(index) => value.get(*index),
    })
}

fn get_mut<'a>(value: &'a mut Value, path: &KeyPath) -> Option<&'a mut Value> {
    path.0.iter().try_fold(value, |value, step| match step {
        Step::Key(key) => value.get_mut(key.as_str()),
        Step::Index(index) => value.get_mut(*index),
    })
}

fn path_of(path: &serde_path_to_error::Path) -> KeyPath {
    let steps = path.iter().filter_map(|segment| match segment {
        Segment::Seq { index } => Some(Step::Index(*index)),
        Segment::Map { key } => Some(Step::Key(key.clone())),
        Segment::Enum { .. } | Segment::Unknown => None,
    });
    KeyPath(steps.collect())
}

/// The next step for a message of serde.
pub(super) fn hint(message: &str) -> String {
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    match (message, names.split_first()) {
        (text, Some((name, known))) if text.starts_with("unknown") && !known.is_empty() => {
            nearest::offer(name, known.iter().copied())
        }
        (text, Some((name, _))) if text.starts_with("unknown field") => format!("remove `{name}`"),
        (text, Some((name, _))) if text.starts_with("missing field") => format!("add `{name}: ...` there"),
        (text, _) if text.starts_with("invalid") => "write a value of the expected kind".to_owned(),
        _ => "check indentation, quotes and brackets around this place".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        dead_code,
        reason = "a test fails by panicking; the fields are read by serde alone"
    )]
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Item {
        id: String,
        size: f64,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        name: String,
        items: Vec<Item>,
        #[serde(default)]
        days: Vec<i32>,
    }

    fn told(text: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.yaml");
        crate::fs::write_atomic(&path, text.as_bytes()).unwrap();
        let error = crate::config::load::<File>(&path).unwrap_err();
        let start = format!("{}:", path.display());
        Refusals::behind(&error)
            .iter()
            .map(|r| r.message.replace(&start, "") + "; " + r.hint.as_deref().unwrap())
            .collect()
    }

    #[test]
    fn all_faults_of_a_file_are_told_each_at_its_place() {
        let text = "name: [1]\nnmae: x\nitems:\n  - {id: a, sise: 1}\n  - {id: b, size: 2}\n  - {id: c, size: big}\ndays: [1, x, 3, y]\n";
        let told = told(text);
        let expected = [
            (1, "`name`"),
            (2, "unknown field `nmae`"),
            (4, "unknown field `sise`"),
            (6, "`items[2].size`"),
            (7, "`days[1]`"),
            (7, "`days[3]`"),
        ];
        for (line, what) in expected {
            assert!(
                told.iter().any(|t| t.starts_with(&format!("{line}:")) && t.contains(what)),
                "{line} {what}: {told:#?}"
            );
        }
        assert!(told.iter().any(|t| t.contains("the nearest is `size`")), "{told:#?}");
    }

    #[test]
    fn a_missing_key_is_told_where_it_lacks() {
        let told = told("name: x\nitems:\n  - {id: a, size: 1}\n  - {id: b}\n");
        assert_eq!(told, ["4:5: `items[1]` lacks the key `size`; add `size: ...` there"]);
    }

    #[test]
    fn a_key_that_stands_twice_is_told_with_both_lines() {
        let told = told("name: x\nitems: []\nname: y\n");
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("3:1: `name` stands twice") && told[0].contains("line 1"), "{told:?}");
    }
}
