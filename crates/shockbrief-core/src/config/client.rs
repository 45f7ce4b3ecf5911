//! A portfolio that a report makes a brief for: one file of `for_each: portfolios/*.yaml`.

use super::{ModelPortfolio, Origin, Report, scenarios::check_weights};
use crate::{Refusal, Symbol};
use anyhow::Result;
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawClient {
    name: BTreeMap<String, String>,
    weights: BTreeMap<Symbol, f64>,
    #[serde(default)]
    languages: Option<Vec<String>>,
    #[serde(default)]
    deliver: Option<Vec<String>>,
}

/// A portfolio with what its reader wants.
#[derive(Debug, Clone, PartialEq)]
pub struct Client {
    /// The file's name without its ending.
    pub id: String,
    /// The file.
    pub path: PathBuf,
    /// Name and weights.
    pub portfolio: ModelPortfolio,
    /// Languages; those of the report where none are named.
    pub languages: Option<Vec<String>>,
    /// Targets of delivery; those of the report where none are named.
    pub deliver: Option<Vec<String>>,
}

impl Client {
    /// Reads and validates a file for its report.
    ///
    /// # Errors
    /// Weights that do not sum to one, a symbol that the report does not follow, a language that it does not have, a
    /// name missing in one of them, or anything [`super::load`] refuses.
    pub fn load(path: &Path, report: &Report) -> Result<Self> {
        let id = stem(path);
        plain(&id).map_err(|reason| {
            Refusal::config(format!(
                "{:?}: a portfolio cannot have this name: {reason}",
                path.display().to_string()
            ))
            .hint("name the file with letters, digits, `-`, `_` and `.`, such as fund-a.yaml")
        })?;
        let (raw, origin): (RawClient, Origin) = super::load(path)?;
        check_weights(&id, "weights", &raw.weights, &origin)?;
        let followed = report.panel.iter().flat_map(|panel| &panel.sample).collect::<Vec<_>>();
        if let Some(symbol) = raw.weights.keys().find(|symbol| !followed.contains(symbol)) {
            return Err(origin
                .refuse(symbol.as_str(), format!("the report does not follow `{symbol}`"))
                .hint(format!("add it to `panel: sample:` in {}", report.origin.path.display()))
                .into());
        }
        let languages = raw.languages.as_ref().unwrap_or(&report.languages);
        if let Some(unknown) = languages.iter().find(|code| !report.languages.contains(code)) {
            return Err(origin
                .refuse("languages", format!("the report has no `{unknown}`"))
                .hint(format!("it has: {}", report.languages.join(", ")))
                .into());
        }
        if let Some(code) = languages.iter().find(|code| !raw.name.contains_key(*code)) {
            return Err(origin
                .refuse("name", format!("no name in `{code}`"))
                .hint(format!("add `{code}: ...` there"))
                .into());
        }
        Ok(Self {
            id,
            path: path.to_owned(),
            portfolio: ModelPortfolio { name: raw.name, weights: raw.weights },
            languages: raw.languages,
            deliver: raw.deliver,
        })
    }
}

/// The name that a portfolio's file gives its brief.
pub(super) fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Whether a name may become the name of folders, files and addresses; else why not.
pub(super) fn plain(name: &str) -> Result<(), &'static str> {
    let letter = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    match name {
        "" => Err("it is empty"),
        name if name.len() > 100 => Err("it is longer than 100 bytes"),
        name if !name.starts_with(char::is_alphanumeric) => Err("it begins with neither letter nor digit"),
        name if !name.chars().all(letter) => Err("it has characters that file names of briefs cannot have"),
        _ => Ok(()),
    }
}

/// Files of a pattern with one `*`, below the report's folder, in order.
pub(super) fn files(folder: &Path, pattern: &str, origin: &Origin) -> Result<Vec<PathBuf>> {
    let refuse = |message: String| -> anyhow::Error {
        origin.refuse("for_each", message).hint("write a pattern such as portfolios/*.yaml").into()
    };
    let (parent, name) = pattern.rsplit_once('/').unwrap_or((".", pattern));
    let leaves = pattern.starts_with('/') || pattern.split('/').any(|part| part == "..");
    let Some((before, after)) = name.split_once('*').filter(|_| !leaves && !parent.contains('*')) else {
        return Err(refuse(format!("`{pattern}` is no pattern of files below the report")));
    };
    let below = folder.join(parent);
    let mut found = Vec::new();
    if below.is_dir() {
        for entry in fs_err::read_dir(&below)? {
            let path = entry?.path();
            let fits = |name: &str| {
                name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after)
            };
            if path.is_file() && path.file_name().and_then(|name| name.to_str()).is_some_and(fits) {
                found.push(path);
            }
        }
    }
    if found.is_empty() {
        return Err(refuse(format!("no file matches `{pattern}`")));
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn patterns_stay_below_the_report() {
        let folder = tempfile::tempdir().unwrap();
        crate::fs::write_atomic(&folder.path().join("report.yaml"), b"x: 1\n").unwrap();
        let (_, origin): (BTreeMap<String, u8>, Origin) =
            crate::config::load(&folder.path().join("report.yaml")).unwrap();
        for name in ["b.yaml", "a.yaml", "note.txt"] {
            crate::fs::write_atomic(&folder.path().join("p").join(name), b"").unwrap();
        }
        let found = files(folder.path(), "p/*.yaml", &origin).unwrap();
        assert_eq!(found.iter().map(|path| stem(path)).collect::<Vec<_>>(), ["a", "b"]);
        for wrong in ["../*.yaml", "/etc/*", "p/a.yaml", "*/a*.yaml", "q/*.yaml"] {
            assert!(files(folder.path(), wrong, &origin).is_err(), "{wrong}");
        }
    }
}
