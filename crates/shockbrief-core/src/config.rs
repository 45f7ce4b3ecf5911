//! Configuration as typed by its author, and as validated.
//!
//! Every file is read by [`load`], the only place that knows serde_yaml: unknown keys are refused,
//! and an error names file, line, column and what to do.

mod bounds;
mod brand;
mod claims;
mod client;
mod delivery;
mod events;
mod facts;
mod fetch;
mod labels;
mod language;
mod models;
mod report;
mod scenarios;
pub mod section;
mod sources;
mod universe;
mod warehouse;

pub use brand::{Brand, Logo, LogoFormat, Rounding};
pub use claims::HouseClaims;
pub use client::Client;
pub use delivery::{Delivery, DeliveryTarget, MailTarget, Retry, safe};
pub use events::{Event, Events};
pub use facts::{Fact, FactSource, Facts};
pub use fetch::{
    Concept, DataKind, Fetch, FilingDocument, FreshnessRule, HttpLimits, KeySource, Mapping, Measure,
    ProviderSpec, TableFormat,
};
pub use labels::Labels;
pub use language::Language;
pub use models::{ModelName, ModelRole, load_models};
pub use report::{
    Claim, DETECTED, FetchWhen, Frequency, Listed, Listing, Panel, ReadyAfter, Report, Schedule, Study,
    Watched,
};
pub use scenarios::{ModelPortfolio, ScenarioSpec, Scenarios};
pub use sources::{
    ColumnNames, DateForm, DateOrder, Decimal, Dialect, Encoding, GuardLimits, Keep, QualityLimits, Remote,
    Repair, RepairColumn, RepairKind, Separator, SourceKind, SourceSpec, SourceUnit, Sources, Thousands,
    Undated, VerifiedMove, ZeroVolume,
};

pub use universe::{Instrument, Kind, Theme, Universe};
pub use warehouse::Warehouse;

use crate::{Refusal, fs};
use anyhow::Result;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

/// A config file's text beside its path, so that validation can point at lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The file.
    pub path: PathBuf,
    text: String,
}

impl Origin {
    /// A refusal at the line where `needle` stands for the first time (the file alone if nowhere).
    #[must_use]
    pub fn refuse(&self, needle: &str, message: impl std::fmt::Display) -> Refusal {
        match self.line_of(needle) {
            Some(line) => Refusal::config(format!("{}:{line}: {message}", self.path.display())),
            None => Refusal::config(format!("{}: {message}", self.path.display())),
        }
    }

    /// The line, counted from 1, where `needle` stands for the first time.
    #[must_use]
    pub fn line_of(&self, needle: &str) -> Option<usize> {
        self.text.lines().position(|line| line.contains(needle)).map(|index| index + 1)
    }
}

/// Bytes of a line that no author writes; a title of such a length would keep the typesetter busy for minutes.
const LONGEST_LINE: usize = 20_000;

/// Refuses a file with a line that is longer than any text of a brief.
fn check_lines(path: &Path, text: &str) -> Result<(), Refusal> {
    match text.lines().position(|line| line.len() > LONGEST_LINE) {
        None => Ok(()),
        Some(index) => Err(Refusal::config(format!(
            "{}:{}: a line of more than {LONGEST_LINE} bytes",
            path.display(),
            index + 1
        ))
        .hint("shorten the text, or break a long list into lines")),
    }
}

/// Reads a YAML file into `T`.
///
/// # Errors
/// When the file is missing, not UTF-8, not YAML, has a line of a length that nobody writes, or does not fit `T`; the
/// error names file, line and column.
pub fn load<T: DeserializeOwned>(path: &Path) -> Result<(T, Origin)> {
    let text = fs::read_text(path)?;
    check_lines(path, &text)?;
    let origin = Origin { path: path.to_owned(), text };
    match serde_yaml::from_str(&origin.text) {
        Ok(value) => Ok((value, origin)),
        Err(error) => Err(yaml_refusal(path, &error).into()),
    }
}

fn yaml_refusal(path: &Path, error: &serde_yaml::Error) -> Refusal {
    let text = error.to_string();
    let message = text.split(" at line ").next().unwrap_or(&text);
    let place = error.location().map_or(String::new(), |at| format!(":{}:{}", at.line(), at.column()));
    Refusal::config(format!("{}{place}: {message}", path.display())).hint(yaml_hint(message))
}

fn yaml_hint(message: &str) -> &'static str {
    if message.contains("unknown field") {
        "correct the key's spelling or remove it; the expected keys are listed above"
    } else if message.contains("missing field") {
        "add the key; ARCHITECTURE.md and the shipped configs show its form"
    } else if message.contains("invalid type") || message.contains("unknown variant") {
        "write a value of the expected kind"
    } else {
        "check indentation, quotes and brackets around this place"
    }
}
