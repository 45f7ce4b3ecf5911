//! What is published beside the PDFs: the machine-readable twin and the manifest.

use crate::{Findings, Input, Notice, Refusal, fs::sha256};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// The version of both files' schema.
pub const SCHEMA: u32 = 1;

/// How a claim came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Its condition holds; its text stands in the brief.
    Passed,
    /// Its condition fails; its `otherwise` stands in the brief.
    Replaced,
    /// Its condition is neither true nor false, since a figure has no value; what is not known stands in the brief.
    Missing,
}

/// What the audit of numerals read in one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audited {
    /// Pages.
    pub pages: usize,
    /// Numerals, each of which belongs to a figure or a declared name.
    pub numerals: usize,
}

/// A claim with its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckedClaim {
    /// Its id.
    pub id: String,
    /// Its condition.
    pub when: String,
    /// How it came out.
    pub verdict: Verdict,
}

/// A figure that stands for the brief in a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Headline {
    /// Its id.
    pub figure: String,
    /// What readers call it, by language.
    pub name: BTreeMap<String, String>,
    /// As it is printed, by language.
    pub text: BTreeMap<String, String>,
}

/// `brief.json`: figures, tables, charts and claims of one brief.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Brief {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The report's slug.
    pub report: String,
    /// The period's name.
    pub period: String,
    /// Nothing later was used.
    pub as_of: Date,
    /// Title in each language.
    pub title: BTreeMap<String, String>,
    /// Subtitle by language; of a report for each portfolio, the portfolio's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub subtitle: BTreeMap<String, String>,
    /// Whether part of the data is simulated.
    pub simulated: bool,
    /// The figures that stand for the brief in a listing.
    #[serde(default)]
    pub headline: Vec<Headline>,
    /// Claims in the report's order.
    pub claims: Vec<CheckedClaim>,
    /// Figures, tables, charts and lists.
    pub findings: Findings,
    /// Files read.
    pub inputs: Vec<Input>,
    /// Paths of the files behind what figures name as their inputs: symbols, sources of records, share counts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub origins: BTreeMap<String, Vec<String>>,
    /// Guards that fired.
    pub notices: Vec<Notice>,
}

impl Brief {
    /// Paths of the files behind a figure: those of its inputs, through the figures among them.
    #[must_use]
    pub fn files(&self, figure: &str) -> BTreeSet<&str> {
        let (mut files, mut seen, mut open) = (BTreeSet::new(), BTreeSet::new(), vec![figure]);
        while let Some(token) = open.pop() {
            if !seen.insert(token) {
                continue;
            }
            files.extend(self.origins.get(token).into_iter().flatten().map(String::as_str));
            let behind = self.findings.figures.get(token);
            open.extend(behind.into_iter().flat_map(|figure| &figure.inputs).map(String::as_str));
        }
        files
    }
}

/// `manifest.json`: enough to make the same bytes again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The report's slug.
    #[serde(deserialize_with = "crate::names::plain")]
    pub report: String,
    /// The period's name.
    #[serde(deserialize_with = "crate::names::plain")]
    pub period: String,
    /// Nothing later was used.
    pub as_of: Date,
    /// The time whose knowledge was read of the store of fetched values; none where no store was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_by: Option<Timestamp>,
    /// How often the period was published, this time included.
    #[serde(default = "first")]
    pub revision: u32,
    /// Of a letter to one portfolio's reader: whether its archive is that reader's alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apart: Option<bool>,
    /// Version of shockbrief.
    pub shockbrief: String,
    /// Version of the typesetter.
    pub typst: String,
    /// SHA-256 of each configuration and prose file, by path.
    pub config: BTreeMap<String, String>,
    /// Data read.
    pub inputs: Vec<Input>,
    /// SHA-256 of each whole data file, by path within the data folder.
    pub files: BTreeMap<String, String>,
    /// Pages and numerals audited, by language.
    pub audited: BTreeMap<String, Audited>,
    /// SHA-256 of each published file, by name; none lies outside the manifest's folder.
    #[serde(deserialize_with = "crate::names::inside")]
    pub outputs: BTreeMap<String, String>,
}

impl Manifest {
    /// The bytes of a published file, which are those that the manifest names or are not given.
    ///
    /// # Errors
    /// A file that the manifest does not know, that is missing, that is a link, or that is not what was published.
    pub fn published(&self, folder: &Path, name: &str) -> Result<Vec<u8>, Refusal> {
        let path = folder.join(name);
        let refuse = |what: &str| {
            Refusal::data(format!("{} {what}", path.display()))
                .hint("take the file from a copy, or publish the period again with `run --revise`")
        };
        let digest = self.outputs.get(name).ok_or_else(|| refuse("is not in the manifest beside it"))?;
        crate::names::refuse_links(folder, name)?;
        let bytes =
            fs_err::read(&path).map_err(|error| refuse(&format!("cannot be read: {}", error.kind())))?;
        if sha256(&bytes) != *digest {
            return Err(refuse("is not the file that was published: its SHA-256 is not the manifest's"));
        }
        Ok(bytes)
    }

    /// Refuses a manifest that speaks of another period than the one whose folder it lies in.
    ///
    /// # Errors
    /// Names both.
    pub fn belongs_to(&self, report: &str, period: &str) -> Result<(), Refusal> {
        if (self.report.as_str(), self.period.as_str()) == (report, period) {
            return Ok(());
        }
        Err(Refusal::data(format!(
            "the manifest of {report} {period} is that of {} {}",
            self.report, self.period
        ))
        .hint("take the period's folder from a copy, or remove it: the next run makes it again"))
    }
}

fn first() -> u32 {
    1
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn manifest(report: &str, file: &str, digest: &str) -> Result<Manifest, serde_json::Error> {
        serde_json::from_value(serde_json::json!({
            "schema": 1, "report": report, "period": "2025-W05", "as_of": "2025-01-31", "shockbrief": "0", "typst": "0",
            "config": {}, "inputs": [], "files": {}, "audited": {}, "outputs": {file: digest},
        }))
    }

    #[test]
    fn a_manifest_names_nothing_outside_its_folder() {
        assert!(manifest("weekly", "brief.json", "0").is_ok());
        for (report, file) in [
            ("weekly", "../../../outside.txt"),
            ("weekly", "/etc/passwd"),
            ("weekly", "r1/../../x"),
            ("weekly", ""),
            ("..", "brief.json"),
            ("a/b", "brief.json"),
        ] {
            let told = manifest(report, file, "0").unwrap_err().to_string();
            assert!(told.contains("is no name of a file"), "{told}");
        }
    }

    #[test]
    fn only_what_was_published_is_given() {
        let folder = tempfile::tempdir().unwrap();
        let whole = b"what was published";
        let manifest = manifest("weekly", "brief.json", &sha256(whole)).unwrap();
        let path = folder.path().join("brief.json");
        let told = |name: &str| manifest.published(folder.path(), name).unwrap_err().message;
        assert!(told("brief.json").contains("cannot be read: entity not found"));
        fs_err::write(&path, whole).unwrap();
        assert_eq!(manifest.published(folder.path(), "brief.json").unwrap(), whole);
        assert!(told("other").contains("is not in the manifest"));
        fs_err::write(&path, b"what was publisheD").unwrap();
        assert!(told("brief.json").contains("is not the file that was published"));
        // The same bytes behind a link are not taken either.
        fs_err::write(folder.path().join("elsewhere"), whole).unwrap();
        fs_err::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), &path).unwrap();
        assert!(told("brief.json").contains("is a symbolic link"));
        assert!(manifest.belongs_to("weekly", "2025-W05").is_ok());
        assert!(manifest.belongs_to("weekly", "2025-W06").unwrap_err().message.contains("2025-W06"));
    }
}
