//! What is published beside the PDFs: the machine-readable twin and the manifest.

use crate::{Findings, Input, Notice};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
    /// Guards that fired.
    pub notices: Vec<Notice>,
}

/// `manifest.json`: enough to make the same bytes again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The report's slug.
    pub report: String,
    /// The period's name.
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
    /// SHA-256 of each published file, by name.
    pub outputs: BTreeMap<String, String>,
}

fn first() -> u32 {
    1
}
