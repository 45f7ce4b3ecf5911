//! `config/sources.yaml`: where data comes from.
//!
//! Declares files, columns, units and tolerances. It refuses declarations that contradict
//! themselves; whether files keep the declaration is for loading to find out.

mod dialect;
mod remote;
mod repair;
mod symbols;
mod workbook;

pub use dialect::{DateForm, DateOrder, Decimal, Dialect, Encoding, Separator, Thousands};
pub use remote::Remote;
pub use repair::{Keep, Repair, RepairColumn, RepairKind};
pub use symbols::OwnSymbols;
pub use workbook::{Merged, Workbook};

use super::Origin;
use crate::schema::{self, JsonSchema};
use crate::{Currency, Refusal, Symbol};
use anyhow::Result;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, collections::BTreeSet, path::Path};

/// What a source holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// Daily prices, one row per date and symbol.
    Prices,
    /// Daily factor returns, one column per factor.
    Factors,
    /// Exchange rates, one column per pair.
    Fx,
    /// Shares outstanding, one row per company and filing.
    Shares,
    /// Rows of a list: announcements, results, list prices.
    Records,
}

/// The unit of a source's returns or rates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SourceUnit {
    /// As is.
    #[default]
    Decimal,
    /// Divided by 100 when read.
    Percent,
}

/// How the prices of a file lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// One row for each date and symbol.
    #[default]
    Long,
    /// One row for each date, one column for each symbol; with two header lines for each symbol and field.
    Wide,
}

/// What a volume of zero means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ZeroVolume {
    /// The volume is not known; the price stands.
    #[default]
    Missing,
    /// Nothing was traded; the zero and the price stand.
    Keep,
}

/// What becomes of a record whose date cannot be read as a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Undated {
    /// The file is refused.
    #[default]
    Refuse,
    /// The row is left out and counted.
    Skip,
}

/// Which column of the file serves what.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ColumnNames {
    /// Row date; for shares, the date the count refers to. Required.
    pub date: String,
    /// Symbol; left out where the source names one `symbol`.
    pub symbol: Option<String>,
    /// Currency; left out where the source names one `currency`.
    pub currency: Option<String>,
    /// Price for returns: adjusted for splits and dividends. Required for prices.
    pub returns: Option<String>,
    /// Price as quoted that day; default none.
    pub quote: Option<String>,
    /// Shares traded; default none.
    pub volume: Option<String>,
    /// Number of shares outstanding. Required for shares.
    pub shares: Option<String>,
    /// Date a share count became known. Required for shares.
    pub filed: Option<String>,
    /// For records: the date a row became public; default the row's date.
    pub known: Option<String>,
    /// Our name to the file's column: numbers. Required for factors and fx.
    pub values: BTreeMap<String, String>,
    /// For records: our name to the file's column of text.
    pub texts: BTreeMap<String, String>,
    /// For records: our name to the file's column of dates; one after the as-of date is not seen.
    pub dates: BTreeMap<String, String>,
}

/// One source: files of one form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceSpec {
    /// Its id, used in manifests.
    pub id: String,
    /// What it holds.
    pub kind: SourceKind,
    /// File format: `csv`, `parquet`, `xlsx`, `store` for the store of fetched values, or `sql` for query files of a warehouse.
    pub format: String,
    /// Files, relative to the data folder (of the format `store`: to the store's); `*` and `?` stand for text within
    /// one name. Parquet may also lie in an object store: `s3://bucket/…`, `gs://bucket/…`, `az://container/…`.
    pub glob: String,
    /// How the object store of such a glob is reached; default by the environment.
    #[serde(default, skip_serializing)]
    pub remote: Option<Remote>,
    /// Where two sources hold one symbol, the lower number wins; default 50.
    #[serde(default = "priority")]
    pub priority: u32,
    /// Whether the files may be absent; default false.
    #[serde(default)]
    pub optional: bool,
    /// Columns. Of a wide table `date` alone, and where two header lines name fields, those of `returns`, `quote` and
    /// `volume`.
    pub columns: ColumnNames,
    /// How the prices of a file lie: `long` or `wide`; default `long`.
    #[serde(default)]
    pub layout: Layout,
    /// How the source writes our symbols; default as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symbols: Option<OwnSymbols>,
    /// The one symbol of files without symbol column.
    #[serde(default)]
    pub symbol: Option<Symbol>,
    /// The one currency of files without currency column.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// Unit of factors; default decimal.
    #[serde(default)]
    pub unit: SourceUnit,
    /// Where instants become days: the IANA name of the exchange's zone; default none, and an instant whose day is
    /// open is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// What a volume of zero means; default `missing`.
    #[serde(default)]
    pub zero_volume: ZeroVolume,
    /// For factors and fx: days by which the last row may precede the as-of date; default 10.
    #[serde(default = "stale_days")]
    pub stale_days: u32,
    /// For records: days after its date on which a row is public at the latest; default 0.
    #[serde(default)]
    pub lag_days: u32,
    /// For records: what becomes of a row whose date is no day; default `refuse`.
    #[serde(default)]
    pub undated: Undated,
    /// For csv: how the files are written, as far as it is declared; what is not declared is detected. Default none.
    #[serde(default)]
    pub dialect: Option<Dialect>,
    /// For xlsx: the sheet, its header and its merged and missing cells, as far as they are declared. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workbook: Option<Workbook>,
    /// Whether the licence lets figures of this source go to readers outside; default false, which local use ignores.
    #[serde(default)]
    pub redistribute: bool,
    /// Whom source lines name: proper names, the same in every language. Default: the file.
    #[serde(default)]
    pub credit: Option<String>,
    /// Who made the data, under which licence.
    pub licence: String,
    /// The same in other languages than English, by code; default: as in `licence`, marked as English.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub licence_local: BTreeMap<String, String>,
    /// Whether part of the data is simulated; the brief is then stamped on every page. Default false.
    #[serde(default)]
    pub simulated: bool,
}

impl SourceSpec {
    /// The zone in which instants become days.
    #[must_use]
    pub fn zone(&self) -> Option<&str> {
        self.zone.as_deref().or_else(|| self.dialect.as_ref()?.zone.as_deref())
    }
}

fn priority() -> u32 {
    50
}

fn stale_days() -> u32 {
    10
}

/// A large move that somebody has checked: the split guard lets it pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifiedMove {
    /// The instrument.
    pub symbol: Symbol,
    /// The date of the move.
    #[schemars(with = "schema::Day")]
    pub date: Date,
    /// Why the price moved.
    pub reason: String,
}

/// What becomes of a name with a large move that nobody has verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LargeMoves {
    /// The data are refused.
    #[default]
    Refuse,
    /// The brief prints a notice.
    Notice,
}

/// Tolerances of the guards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GuardLimits {
    /// Share of missing (or of foreign) sessions from which a name is refused; default 0.05.
    pub max_missing_share: f64,
    /// Sessions by which a name's last price may precede the as-of date; default 3.
    pub stale_sessions: usize,
    /// Absolute log move of one session, beyond that of the market, from which a move is large; default 0.35.
    pub split_move: f64,
    /// Relative distance from a simple split ratio that counts as one; default 0.03.
    pub split_ratio_tolerance: f64,
    /// Log distance between the change in volume and the inverse price ratio that counts as a split; default 0.3.
    pub split_volume_tolerance: f64,
    /// Own standard deviations that a move exceeds as well before it counts as large; default 5.
    pub move_deviations: f64,
    /// What becomes of a name with a large move that is not among `verified_moves`; default `refuse`.
    pub large_moves: LargeMoves,
    /// Log distance from a factor of 100 or 1,000 within which a large move is a change of unit; default 0.2.
    pub unit_tolerance: f64,
    /// Sessions in a row with the very same price from which a name counts as frozen; default 10.
    pub frozen_sessions: usize,
    /// Large moves known to be real; default none.
    pub verified_moves: Vec<VerifiedMove>,
}

impl Default for GuardLimits {
    fn default() -> Self {
        Self {
            max_missing_share: 0.05,
            stale_sessions: 3,
            split_move: 0.35,
            split_ratio_tolerance: 0.03,
            split_volume_tolerance: 0.3,
            move_deviations: 5.0,
            large_moves: LargeMoves::Refuse,
            unit_tolerance: 0.2,
            frozen_sessions: 10,
            verified_moves: Vec::new(),
        }
    }
}

/// Tolerances of the quality report; the others are those of the guards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct QualityLimits {
    /// Log distance between the moves that two sources give one day of one symbol, from which they
    /// disagree; default 0.005.
    pub cross_tolerance: f64,
}

impl Default for QualityLimits {
    fn default() -> Self {
        Self { cross_tolerance: 0.005 }
    }
}

/// All sources, validated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sources {
    /// Tolerances of the guards.
    #[serde(default)]
    pub guards: GuardLimits,
    /// Tolerances of the quality report; default as [`QualityLimits`] says.
    #[serde(default)]
    pub quality: QualityLimits,
    /// Corrections of single rows, applied at load and listed in the brief; default none.
    #[serde(default)]
    pub repairs: Vec<Repair>,
    /// Sources in the order of the file.
    pub sources: Vec<SourceSpec>,
}

impl Sources {
    /// Reads and validates the file.
    ///
    /// # Errors
    /// An id declared twice, a glob that leaves the data folder, a kind without the columns it
    /// needs, a dialect or a repair that contradicts itself, a limit out of range, or anything
    /// [`super::load`] refuses.
    pub fn load(path: &Path) -> Result<Self> {
        let (sources, origin): (Self, Origin) = super::load(path)?;
        check_limits(&sources.guards, &origin)?;
        let mut seen = BTreeSet::new();
        for source in &sources.sources {
            if !seen.insert(&source.id) {
                return Err(origin
                    .refuse(
                        &format!("id: {}", source.id),
                        format!("source `{}` is declared twice", source.id),
                    )
                    .hint("give each source an id of its own")
                    .into());
            }
            check_source(source, &origin)?;
        }
        check_quality(&sources.quality, &origin)?;
        for repair in &sources.repairs {
            repair::check(repair, &sources.sources, &origin)?;
        }
        Ok(sources)
    }
}

fn check_limits(limits: &GuardLimits, origin: &Origin) -> Result<(), Refusal> {
    let shares = [
        ("max_missing_share", limits.max_missing_share),
        ("split_ratio_tolerance", limits.split_ratio_tolerance),
    ];
    for (key, value) in shares {
        if !(0.0..1.0).contains(&value) {
            return Err(origin
                .refuse(key, format!("`{key}` is {value}"))
                .hint("write a share from 0 to below 1, such as 0.05"));
        }
    }
    if limits.frozen_sessions < 2 {
        return Err(origin
            .refuse("frozen_sessions", format!("`frozen_sessions` is {}", limits.frozen_sessions))
            .hint("write a number of sessions of at least 2"));
    }
    for (key, value) in [
        ("split_move", limits.split_move),
        ("split_volume_tolerance", limits.split_volume_tolerance),
        ("move_deviations", limits.move_deviations),
        ("unit_tolerance", limits.unit_tolerance),
    ] {
        if !(value.is_finite() && value > 0.0) {
            return Err(origin
                .refuse(key, format!("`{key}` is {value}"))
                .hint("write a positive number; moves are in logs, such as 0.35"));
        }
    }
    Ok(())
}

fn check_source(source: &SourceSpec, origin: &Origin) -> Result<(), Refusal> {
    let at = format!("id: {}", source.id);
    let refuse = |message: &str, hint: &str| {
        Err(origin.refuse(&at, format!("source `{}`: {message}", source.id)).hint(hint))
    };
    if source.glob.starts_with('/') || source.glob.split(['/', '\\']).any(|part| part == "..") {
        return refuse("its glob leaves the data folder", "write a path relative to the data folder");
    }
    match missing_column(source) {
        Some(column) => {
            let hint = format!("add `{column}: <the file's column>` under its `columns`");
            refuse(&format!("no column for `{column}`"), &hint)
        }
        None => {
            check_dialect(source, &at, origin)?;
            remote::check(source, &at, origin)?;
            symbols::check(source, &at, origin)?;
            workbook::check(source, &at, origin)?;
            check_layout(source, &at, origin)?;
            check_fixed(source, &at, origin)
        }
    }
}

fn check_dialect(source: &SourceSpec, at: &str, origin: &Origin) -> Result<(), Refusal> {
    let Some(dialect) = &source.dialect else { return Ok(()) };
    let refuse = |message: String, hint: &str| {
        Err(origin.refuse(at, format!("source `{}`: {message}", source.id)).hint(hint))
    };
    if source.format != "csv" {
        return refuse(
            format!("a `dialect` for the format `{}`", source.format),
            "only csv files have a dialect; remove the key",
        );
    }
    match dialect.contradiction() {
        Some((message, hint)) => refuse(message, hint),
        None => Ok(()),
    }
}

fn check_layout(source: &SourceSpec, at: &str, origin: &Origin) -> Result<(), Refusal> {
    if source.layout == Layout::Long {
        return Ok(());
    }
    let columns = &source.columns;
    let (message, hint) = if source.kind != SourceKind::Prices {
        ("`layout: wide` of a kind without symbols", "remove the key; tables of this kind map each column")
    } else if !matches!(source.format.as_str(), "csv" | "parquet" | "xlsx") || source.glob.contains("://") {
        (
            "`layout: wide` of a format that is not read so",
            "put a csv, Parquet or xlsx file into the data folder",
        )
    } else if columns.symbol.is_some() || source.symbol.is_some() || columns.currency.is_some() {
        (
            "a wide table with a column for symbol or currency",
            "its headers are the symbols; give one `currency`",
        )
    } else if columns.returns.is_none() && (columns.quote.is_some() || columns.volume.is_some()) {
        (
            "fields of a wide table without that of `returns`",
            "name the field of adjusted prices under `columns`",
        )
    } else {
        return Ok(());
    };
    Err(origin.refuse(at, format!("source `{}`: {message}", source.id)).hint(hint))
}

fn check_quality(limits: &QualityLimits, origin: &Origin) -> Result<(), Refusal> {
    let tolerance = limits.cross_tolerance;
    if tolerance.is_finite() && tolerance > 0.0 {
        return Ok(());
    }
    Err(origin
        .refuse("cross_tolerance", format!("`cross_tolerance` is {tolerance}"))
        .hint("write a positive log distance, such as 0.005"))
}

fn missing_column(source: &SourceSpec) -> Option<&'static str> {
    let columns = &source.columns;
    let wanted: &[(&str, bool)] = match source.kind {
        SourceKind::Prices => &[("returns", columns.returns.is_some() || source.layout == Layout::Wide)],
        SourceKind::Factors | SourceKind::Fx => &[("values", !columns.values.is_empty())],
        SourceKind::Shares => &[("shares", columns.shares.is_some()), ("filed", columns.filed.is_some())],
        SourceKind::Records => &[("values", !(columns.values.is_empty() && columns.texts.is_empty()))],
    };
    let date = ("date", !columns.date.is_empty());
    std::iter::once(&date).chain(wanted).find(|(_, present)| !present).map(|(name, _)| *name)
}

fn check_fixed(source: &SourceSpec, at: &str, origin: &Origin) -> Result<(), Refusal> {
    let columns = &source.columns;
    let prices = source.kind == SourceKind::Prices;
    let by_symbol = prices || source.kind == SourceKind::Shares;
    for (key, column, fixed, needed) in [
        (
            "symbol",
            columns.symbol.is_some() || source.layout == Layout::Wide,
            source.symbol.is_some(),
            by_symbol,
        ),
        ("currency", columns.currency.is_some(), source.currency.is_some(), prices),
    ] {
        let each = key == "currency" && source.symbols.as_ref().is_some_and(OwnSymbols::tells_currency);
        if needed && column == fixed && (column || !each) {
            let how =
                if column { "both a column and a fixed value" } else { "neither a column nor a fixed value" };
            return Err(origin
                .refuse(at, format!("source `{}`: {how} for `{key}`", source.id))
                .hint(format!("give either `columns: {{{key}: ...}}` or `{key}: ...`")));
        }
    }
    Ok(())
}
