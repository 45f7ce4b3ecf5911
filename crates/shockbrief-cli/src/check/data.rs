//! The quality report: a table for people, JSON for machines, and the repairs to paste.

use crate::{
    args::Check,
    load::{self, Project},
    plan, say,
};
use anyhow::Result;
use jiff::{
    Timestamp,
    civil::{Date, date},
};
use shockbrief_core::{
    Refusal, Symbol,
    config::{Instrument, Report},
    fs,
};
use shockbrief_data::{
    Request, Stored,
    quality::{Gravity, QualityFinding, QualityReport, inspect},
};
use std::collections::BTreeSet;

/// The first day of any calendar.
const FIRST: Date = date(2015, 1, 1);

/// Checks the declared sources of prices; an error among the findings ends with the exit code of refused data.
pub fn run(project: &Project, args: &Check) -> Result<()> {
    let instruments = instruments(project, args)?;
    let report = inspect(
        &Request {
            data_dir: &args.inputs.data,
            store: stored(args)?,
            sources: &project.sources,
            instruments: &instruments,
            calendars: &project.calendars,
            from: FIRST,
            as_of: args.inputs.as_of.unwrap_or(Date::MAX),
            factors: false,
            fx: false,
            shares: false,
            records: &BTreeSet::new(),
            required: &BTreeSet::new(),
        },
        args.inputs.as_of,
    )?;
    match &args.json {
        Some(Some(path)) => {
            fs::write_atomic(path, format!("{}\n", serde_json::to_string_pretty(&report)?).as_bytes())?;
            table(&report);
        }
        Some(None) => say(serde_json::to_string_pretty(&report)?),
        None => table(&report),
    }
    match report.count(Gravity::Error) {
        0 => Ok(()),
        errors => Err(Refusal::data(format!("{errors} findings change results or would be refused at load"))
            .hint("correct the files, or paste the repairs that are right under `repairs:` in config/sources.yaml")
            .into()),
    }
}

/// The store as it was known at the as-of date, or as it is.
fn stored(args: &Check) -> Result<Option<Stored<'_>>> {
    let holding = &args.inputs.holding;
    match (args.inputs.as_of, holding.store.as_deref()) {
        (None, Some(folder)) => {
            Ok(Some(Stored { folder, known_by: holding.known_by.unwrap_or(Timestamp::MAX) }))
        }
        (as_of, _) => holding.at(as_of.unwrap_or(Date::MAX)),
    }
}

/// Those of the named reports, or all.
fn instruments(project: &Project, args: &Check) -> Result<Vec<Instrument>> {
    if args.reports.is_empty() {
        return Ok(project.universe.instruments.clone());
    }
    let mut wanted: BTreeSet<Symbol> = BTreeSet::new();
    for folder in plan::folders(&args.reports)? {
        let report = Report::load(&folder)?;
        let needed = load::instruments(&report, &project.instances(&report)?, project);
        wanted.extend(needed.into_iter().map(|instrument| instrument.symbol));
    }
    let known = project.universe.instruments.iter();
    Ok(known.filter(|instrument| wanted.contains(&instrument.symbol)).cloned().collect())
}

fn table(report: &QualityReport) {
    let counts = [Gravity::Error, Gravity::Warning, Gravity::Note].map(|gravity| report.count(gravity));
    say(format_args!(
        "{} series, {} rows{}: {} errors, {} warnings, {} notes",
        report.series,
        report.rows,
        report.as_of.map_or_else(String::new, |date| format!(", to {date}")),
        counts[0],
        counts[1],
        counts[2]
    ));
    let rows: Vec<[String; 5]> = report.findings.iter().map(row).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..4).map(width).collect();
    for row in &rows {
        let cells = row.iter().take(4).zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        say(format_args!("{}  {}", cells.collect::<Vec<_>>().join("  "), row[4]));
    }
    let repairs: Vec<&str> = report.findings.iter().filter_map(|finding| finding.repair.as_deref()).collect();
    if !repairs.is_empty() {
        say("\nProposed, to be judged one by one and pasted into config/sources.yaml:\nrepairs:");
        repairs.iter().for_each(say);
    }
}

fn row(finding: &QualityFinding) -> [String; 5] {
    let severity = match finding.severity {
        Gravity::Error => "error",
        Gravity::Warning => "warning",
        Gravity::Note => "note",
    };
    let days = match (finding.from, finding.to) {
        (Some(from), Some(to)) if from != to => format!("{from} to {to}"),
        (Some(day), _) => day.to_string(),
        _ => String::new(),
    };
    let whose = if finding.symbol.as_str().is_empty() { &finding.path } else { &finding.symbol.0 };
    [
        severity.to_owned(),
        finding.check.to_owned(),
        whose.clone(),
        days,
        format!("{}: {}", finding.source, finding.message),
    ]
}
