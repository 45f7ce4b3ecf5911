//! Quality report: what is odd in the declared sources of prices, each finding with a repair to paste.
//!
//! It reads every source, not only the one that wins a symbol, and changes nothing: a repair is applied at load
//! when it stands in the configuration. Repairs that stand there already are applied before anything is checked.

mod checks;
pub(crate) mod repair;

use crate::{
    Request,
    calendar::Calendars,
    files::Shelf,
    guards::{Row, moves},
    prices,
};
use anyhow::Result;
use jiff::civil::Date;
use rayon::prelude::*;
use serde::Serialize;
use shockbrief_core::{
    Mic, Refusal, Symbol,
    config::{GuardLimits, Instrument, QualityLimits, SourceKind, SourceSpec},
};
use std::collections::BTreeMap;

/// Version of the report's form.
pub const QUALITY_SCHEMA: u32 = 1;

/// How serious a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Gravity {
    /// Worth knowing.
    Note,
    /// May change a result.
    Warning,
    /// Changes results, or loading refuses it.
    Error,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QualityFinding {
    /// How serious it is.
    pub severity: Gravity,
    /// Stable name of the check, such as `hundredfold`.
    pub check: &'static str,
    /// Id of the source.
    pub source: String,
    /// The file, relative to the data folder.
    pub path: String,
    /// The instrument; empty where the whole file is concerned.
    pub symbol: Symbol,
    /// First day concerned.
    pub from: Option<Date>,
    /// Last day concerned.
    pub to: Option<Date>,
    /// The values that show it, by name.
    pub values: BTreeMap<String, f64>,
    /// What was found, in a sentence.
    pub message: String,
    /// An entry to paste under `repairs:` in config/sources.yaml; none where a row cannot mend it.
    pub repair: Option<String>,
}

/// The report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QualityReport {
    /// [`QUALITY_SCHEMA`].
    pub schema: u32,
    /// The day by which staleness is measured; none where no source holds anything.
    pub as_of: Option<Date>,
    /// Series looked at: one for each source and symbol.
    pub series: usize,
    /// Rows looked at.
    pub rows: usize,
    /// Findings, the most serious first.
    pub findings: Vec<QualityFinding>,
}

impl QualityReport {
    /// Number of findings of a gravity.
    #[must_use]
    pub fn count(&self, gravity: Gravity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == gravity).count()
    }
}

/// The rows that one file of a source holds of one symbol.
pub(crate) struct Held<'a> {
    pub spec: &'a SourceSpec,
    pub path: String,
    pub instrument: &'a Instrument,
    /// In order of date; rows of one date in the order of the file.
    pub rows: Vec<Row>,
}

/// What the checks may look at beside a series.
pub(crate) struct Bench<'a> {
    pub calendars: &'a Calendars,
    pub guards: &'a GuardLimits,
    pub limits: &'a QualityLimits,
    pub as_of: Date,
}

/// Checks all sources of prices for the instruments of a request; `as_of` is the last date held where none is
/// given.
///
/// # Errors
/// A data folder that is not there, or an instrument whose exchange has no calendar.
pub fn inspect(request: &Request<'_>, as_of: Option<Date>) -> Result<QualityReport> {
    let mut findings = Vec::new();
    let held = prices::held(
        request,
        &mut Shelf::open(request.data_dir, request.store)?,
        &mut |spec, path, error| {
            findings.push(unreadable(spec, path, error));
        },
    )?;
    let last = held.iter().filter_map(|held| held.rows.last()).map(|row| row.date).max();
    if let Some(as_of) = as_of.or(last) {
        let bench = Bench {
            calendars: request.calendars,
            guards: &request.sources.guards,
            limits: &request.sources.quality,
            as_of,
        };
        let shared = shared(&held, bench.guards);
        let none = BTreeMap::new();
        let found: Result<Vec<Vec<QualityFinding>>> = held
            .par_iter()
            .map(|one| checks::series(&bench, one, shared.get(&one.instrument.exchange).unwrap_or(&none)))
            .collect();
        findings.extend(found?.into_iter().flatten());
        findings.extend(checks::stale(&bench, &held)?);
        findings.extend(checks::across(&bench, &held));
    }
    if held.is_empty() && findings.is_empty() {
        findings.push(nothing(request));
    }
    findings.sort_by(|a, b| {
        b.severity.cmp(&a.severity).then_with(|| {
            (&a.symbol, a.check, a.from, &a.source, &a.path)
                .cmp(&(&b.symbol, b.check, b.from, &b.source, &b.path))
        })
    });
    Ok(QualityReport {
        schema: QUALITY_SCHEMA,
        as_of: as_of.or(last),
        series: held.len(),
        rows: held.iter().map(|held| held.rows.len()).sum(),
        findings,
    })
}

/// What the names of each exchange moved together.
fn shared(held: &[Held<'_>], limits: &GuardLimits) -> BTreeMap<Mic, BTreeMap<Date, f64>> {
    let mut by_exchange: BTreeMap<Mic, Vec<&[Row]>> = BTreeMap::new();
    for one in held {
        by_exchange.entry(one.instrument.exchange.clone()).or_default().push(&one.rows);
    }
    by_exchange.into_iter().map(|(mic, names)| (mic, moves::shared(&names, limits))).collect()
}

/// No source holds a row of any instrument: a folder that was checked by mistake must not look sound.
fn nothing(request: &Request<'_>) -> QualityFinding {
    let specs = request.sources.sources.iter().filter(|spec| spec.kind == SourceKind::Prices);
    let globs: Vec<&str> = specs.map(|spec| spec.glob.as_str()).collect();
    QualityFinding {
        severity: Gravity::Error,
        check: "nothing",
        source: String::new(),
        path: request.data_dir.display().to_string(),
        symbol: "".into(),
        from: None,
        to: None,
        values: BTreeMap::new(),
        message: format!(
            "no source of prices holds a row of the {} instruments; looked into: {}",
            request.instruments.len(),
            globs.join(", ")
        ),
        repair: None,
    }
}

fn unreadable(spec: &SourceSpec, path: &str, error: &anyhow::Error) -> QualityFinding {
    let refusal = error.chain().find_map(|cause| cause.downcast_ref::<Refusal>());
    let hint = refusal.and_then(|refusal| refusal.hint.as_ref());
    let message = refusal.map_or_else(|| format!("{error:#}"), |refusal| refusal.message.clone());
    QualityFinding {
        severity: Gravity::Error,
        check: "unreadable",
        source: spec.id.clone(),
        path: path.to_owned(),
        symbol: "".into(),
        from: None,
        to: None,
        values: BTreeMap::new(),
        message: hint.map_or(message.clone(), |hint| format!("{message}; {hint}")),
        repair: None,
    }
}
