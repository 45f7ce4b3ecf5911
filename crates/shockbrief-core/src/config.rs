//! Configuration as typed by its author, and as validated.
//!
//! Every file is read by [`load`]: serde_yaml gives the values, a second reader (`places`) the place of each.
//! Unknown keys and keys that stand twice are refused; an error names file, line, column and what to do, and all
//! faults of a file are told together.

mod binding;
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
mod places;
mod report;
mod scenarios;
pub mod section;
mod shape;
mod sources;
mod universe;
mod warehouse;

pub use binding::{House, bind, bind_scenarios};
pub use brand::{Brand, Logo, LogoFormat, Rounding};
pub use claims::HouseClaims;
pub use client::Client;
pub use delivery::{Delivery, DeliveryTarget, MailTarget, Part, Retry, safe};
pub use events::{Event, Events};
pub use facts::{Fact, FactSource, Facts};
pub use fetch::{
    Concept, DataKind, Fetch, FilingDocument, FreshnessRule, HttpLimits, KeySource, Mapping, Measure,
    ProviderSpec, TableFormat,
};
pub use labels::Labels;
pub use language::Language;
pub use models::{ModelName, ModelRole, load_models};
pub use places::{KeyPath, Place, Step};
pub use report::{
    Claim, DETECTED, FetchWhen, FileFormat, Frequency, Fresh, Listed, Listing, Panel, ReadyAfter, Report,
    Robust, Schedule, Study, Watched,
};
pub use scenarios::{ModelPortfolio, ScenarioSpec, Scenarios};
pub use sources::{
    ColumnNames, DateForm, DateOrder, Decimal, Dialect, Encoding, GuardLimits, Keep, LargeMoves, Layout,
    Merged, OwnSymbols, QualityLimits, Remote, Repair, RepairColumn, RepairKind, Separator, SourceKind,
    SourceSpec, SourceUnit, Sources, Thousands, Undated, VerifiedMove, Workbook, ZeroVolume,
};

pub use universe::{Instrument, Kind, Theme, Universe};
pub use warehouse::Warehouse;

use crate::{Refusal, Refusals, fs, schema::File};
use anyhow::Result;
use places::Places;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

/// The files that authors write, for which there are schemas.
pub const FILES: &[File] = &[
    File::of::<report::RawReport>("report", "reports/<slug>/report.yaml"),
    File::of::<section::SectionSpec>("section", "sections/<id>/section.yaml of a report or of config"),
    File::of::<client::RawClient>("portfolio", "reports/<slug>/portfolios/<name>.yaml"),
    File::of::<universe::RawUniverse>("universe", "config/universe.yaml"),
    File::of::<std::collections::BTreeMap<crate::EventId, Event>>("events", "config/events.yaml"),
    File::of::<std::collections::BTreeMap<String, Fact>>("facts", "config/facts/*.yaml"),
    File::of::<claims::RawClaims>("claims", "config/claims.yaml"),
    File::of::<Sources>("sources", "config/sources.yaml"),
    File::of::<warehouse::RawWarehouse>("warehouse", "query files of sources with `format: sql`"),
    File::of::<Fetch>("fetch", "config/fetch.yaml"),
    File::of::<delivery::RawDelivery>("delivery", "config/delivery.yaml"),
    File::of::<brand::RawBrand>("brand", "config/brand.yaml, or a brand file of a report"),
    File::of::<Language>("language", "config/languages/<code>.yaml"),
    File::of::<Labels>("numerals", "config/numerals.yaml"),
    File::of::<Vec<ModelName>>("models", "config/models.yaml"),
    File::of::<Scenarios>("scenarios", "config/scenarios.yaml"),
];

/// A config file's text beside its path, so that validation can point at places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The file.
    pub path: PathBuf,
    text: String,
}

/// What a refusal points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// A path of keys and indices, or what is nearest above it.
    Path(KeyPath),
    /// A path, a key or a value by its text; `key: value` is a pair.
    Name(String),
}

impl From<KeyPath> for At {
    fn from(path: KeyPath) -> Self {
        Self::Path(path)
    }
}

impl From<&KeyPath> for At {
    fn from(path: &KeyPath) -> Self {
        Self::Path(path.clone())
    }
}

impl From<&str> for At {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl From<&&str> for At {
    fn from(name: &&str) -> Self {
        Self::Name((*name).to_owned())
    }
}

impl From<&String> for At {
    fn from(name: &String) -> Self {
        Self::Name(name.clone())
    }
}

impl Origin {
    /// A refusal at a place (the file alone if it is nowhere).
    #[must_use]
    pub fn refuse(&self, at: impl Into<At>, message: impl std::fmt::Display) -> Refusal {
        let place = self.place(at).map_or(String::new(), |place| format!(":{}:{}", place.line, place.column));
        Refusal::config(format!("{}{place}: {message}", self.path.display()))
    }

    /// Where something stands in the file.
    #[must_use]
    pub fn place(&self, at: impl Into<At>) -> Option<Place> {
        let places = Places::of(&self.text).ok()?;
        match at.into() {
            At::Path(path) => places.get(&path),
            At::Name(name) => {
                let name = name.trim().trim_end_matches([':', '[', ' ']);
                let (key, value) = name.split_once(": ").unzip();
                let pair = key.zip(value).and_then(|(key, value)| places.pair(key, value.trim_matches('"')));
                pair.or_else(|| places.find(name))
            }
        }
    }

    /// Whether the file has this very path.
    #[must_use]
    pub fn has(&self, path: &KeyPath) -> bool {
        Places::of(&self.text).is_ok_and(|places| places.holds(path))
    }

    /// The line, counted from 1, where something stands.
    #[must_use]
    pub fn line_of(&self, at: impl Into<At>) -> Option<usize> {
        self.place(at).map(|place| place.line)
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
/// When the file is missing, not UTF-8, not YAML, has a line of a length that nobody writes, a key twice, or does not
/// fit `T`; the error names file, line and column, and tells all that does not fit.
pub fn load<T: DeserializeOwned>(path: &Path) -> Result<(T, Origin)> {
    let text = fs::read_text(path)?;
    let shown = crate::house::shown(path);
    let path = shown.as_path();
    check_lines(path, &text)?;
    let origin = Origin { path: path.to_owned(), text };
    let mut refusals = Refusals::default();
    match Places::of(&origin.text) {
        Ok(places) => repeated(&origin, &places, &mut refusals),
        Err(broken) => refusals.push(no_yaml(&origin, &broken)),
    }
    match serde_yaml::from_str(&origin.text) {
        Ok(value) => refusals.or((value, origin)),
        Err(error) => {
            if refusals.is_empty() {
                refusals = shape::faults::<T>(&origin, &origin.text);
            }
            if refusals.is_empty() {
                refusals.push(yaml_refusal(path, &error));
            }
            Err(refusals.finish().err().unwrap_or_else(|| error.into()))
        }
    }
}

/// Keys that stand twice: one of the two would be lost without a word.
fn repeated(origin: &Origin, places: &Places, refusals: &mut Refusals) {
    let below =
        |path: &KeyPath, other: &KeyPath| path.0.len() > other.0.len() && path.0.starts_with(&other.0);
    // What stands below a repeated key stands twice because of it.
    let follows = |key: &places::Repeated| places.repeated.iter().any(|other| below(&key.path, &other.path));
    for key in places.repeated.iter().filter(|key| !follows(key)) {
        let message = format!("`{}` stands twice, first on line {}", key.path, key.first.line);
        let place = format!("{}:{}:{}", origin.path.display(), key.again.line, key.again.column);
        refusals.push(Refusal::config(format!("{place}: {message}")).hint("keep one of the two"));
    }
}

/// Faults of a file after which no more are looked for in its lists: each is looked up in the text.
const FEW: usize = 40;

/// Refuses what stands in a list for a second time: it would be shown or counted twice.
fn unique<T: std::fmt::Display>(list: &[T], at: &KeyPath, origin: &Origin, faults: &mut Refusals) {
    // A longer list is refused by its length alone.
    if list.len() > bounds::NAMES {
        return;
    }
    let mut seen = std::collections::BTreeSet::new();
    for (index, item) in list.iter().enumerate() {
        if faults.iter().count() >= FEW {
            break;
        }
        if !seen.insert(item.to_string()) {
            let refusal = origin.refuse(at.then(index), format!("`{item}` stands twice in `{at}`"));
            faults.push(refusal.hint("keep one of the two"));
        }
    }
}

fn no_yaml(origin: &Origin, broken: &places::Broken) -> Refusal {
    let place = format!("{}:{}:{}", origin.path.display(), broken.place.line, broken.place.column);
    Refusal::config(format!("{place}: {}", broken.message))
        .hint("check indentation, quotes and brackets around this place")
}

fn yaml_refusal(path: &Path, error: &serde_yaml::Error) -> Refusal {
    let text = error.to_string();
    let message = text.split(" at line ").next().unwrap_or(&text);
    let place = error.location().map_or(String::new(), |at| format!(":{}:{}", at.line(), at.column()));
    Refusal::config(format!("{}{place}: {message}", path.display())).hint(shape::hint(message))
}
