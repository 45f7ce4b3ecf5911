//! A portfolio that a report makes a brief for: one file of `for_each: portfolios/*.yaml`.

use super::{ModelPortfolio, Origin, Report, report::check_slug, scenarios::check_weights, unique};
use crate::schema::{self, JsonSchema};
use crate::{Refusal, Refusals, Symbol, at, nearest};
use anyhow::Result;
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// A portfolio that a report makes a brief for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Portfolio")]
pub(super) struct RawClient {
    /// Its name in each language.
    name: BTreeMap<String, String>,
    /// Weights of companies that the report follows; they sum to one.
    weights: BTreeMap<Symbol, f64>,
    /// Languages of its brief; default the report's.
    #[serde(default)]
    #[schemars(with = "Option<Vec<schema::LanguageCode>>")]
    languages: Option<Vec<String>>,
    /// Targets of delivery; default the report's.
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
        let mut faults = Refusals::default();
        if let Err(message) = check_slug(&id) {
            let place = path.display().to_string().escape_debug().to_string();
            let refusal = Refusal::config(format!("{place}: {message}"));
            faults
                .push(refusal.hint("name the file with letters, digits, `-` and `_`, such as balanced.yaml"));
        }
        let (raw, origin): (RawClient, Origin) = super::load(path)?;
        check_weights(&id, &at!["weights"], &raw.weights, &origin, &mut faults);
        let followed = report.panel.iter().flat_map(|panel| &panel.sample).collect::<Vec<_>>();
        for symbol in raw.weights.keys().filter(|symbol| !followed.contains(symbol)) {
            let nearest = nearest::nearest(symbol.as_str(), followed.iter().map(|symbol| symbol.as_str()));
            let nearest = nearest.map_or(String::new(), |nearest| format!("write `{nearest}`, or "));
            faults.push(
                origin
                    .refuse(at!["weights", symbol.as_str()], format!("the report does not follow `{symbol}`"))
                    .hint(format!("{nearest}add it to `panel: sample:` in {}", report.origin.path.display())),
            );
        }
        let languages = raw.languages.as_ref().unwrap_or(&report.languages);
        unique(languages, &at!["languages"], &origin, &mut faults);
        for (index, unknown) in
            languages.iter().enumerate().filter(|(_, code)| !report.languages.contains(code))
        {
            faults.push(
                origin
                    .refuse(at!["languages", index], format!("the report has no `{unknown}`"))
                    .hint(format!("it has: {}", report.languages.join(", "))),
            );
        }
        for code in languages.iter().filter(|code| !raw.name.contains_key(*code)) {
            faults.push(
                origin
                    .refuse(at!["name"], format!("no name in `{code}`"))
                    .hint(format!("add `{code}: ...` there")),
            );
        }
        faults.or(Self {
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

/// Files of a pattern with one `*`, below the report's folder, in order.
pub(super) fn files(folder: &Path, pattern: &str, origin: &Origin) -> Result<Vec<PathBuf>> {
    let refuse = |message: String| -> anyhow::Error {
        origin.refuse(at!["for_each"], message).hint("write a pattern such as portfolios/*.yaml").into()
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
