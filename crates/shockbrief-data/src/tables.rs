//! Tables without a market: factors, exchange rates, share counts.
//!
//! Refuses a table that ends long before the as-of date and one date given twice with different values.

use crate::{
    Request,
    files::{Found, Shelf},
    frame::{self, Query},
    symbols::Names,
};
use anyhow::{Context, Result};
use jiff::{ToSpan, civil::Date};
use shockbrief_core::{
    Refusal, Symbol, TimeTable,
    config::{SourceKind, SourceSpec, SourceUnit},
    panel::ShareCount,
};
use std::collections::{BTreeMap, BTreeSet};

/// Days before the first date that are read too, so that the first date has a last known rate.
const LOOK_BACK: i32 = 14;

type Cells = BTreeMap<Date, BTreeMap<String, f64>>;

/// Loads factors or exchange rates; where two sources hold one column, the better priority wins.
pub(crate) fn load(request: &Request<'_>, kind: SourceKind, shelf: &mut Shelf) -> Result<TimeTable> {
    let (mut cells, mut names, mut inputs) = (Cells::new(), BTreeSet::new(), Vec::new());
    for spec in by_priority(request, kind) {
        let fresh: Vec<(&str, &str)> =
            frame::mapped(&spec.columns).into_iter().filter(|(name, _)| !names.contains(*name)).collect();
        if fresh.is_empty() {
            continue;
        }
        for file in shelf.files(spec)? {
            if read(request, spec, &file, &fresh, &mut cells, shelf)? {
                inputs.push(shelf.take(spec, &file));
                names.extend(fresh.iter().map(|(name, _)| (*name).to_owned()));
            }
        }
    }
    // Factors compare a study with other models, and it stands without them where the desk declares them so.
    let needless = kind == SourceKind::Factors && by_priority(request, kind).iter().all(|spec| spec.optional);
    if cells.is_empty() && !needless {
        return Err(nothing(request, kind).into());
    }
    Ok(table(&cells, &names, inputs))
}

fn by_priority<'a>(request: &Request<'a>, kind: SourceKind) -> Vec<&'a SourceSpec> {
    let mut specs: Vec<&SourceSpec> = request.sources.sources.iter().filter(|s| s.kind == kind).collect();
    specs.sort_by_key(|spec| spec.priority);
    specs
}

fn nothing(request: &Request<'_>, kind: SourceKind) -> Refusal {
    let what = match kind {
        SourceKind::Factors => "factors",
        SourceKind::Fx => "exchange rates",
        SourceKind::Shares => "share counts",
        SourceKind::Prices => "prices",
        SourceKind::Records => "records",
    };
    let globs = by_priority(request, kind).iter().map(|s| s.glob.as_str()).collect::<Vec<_>>().join(", ");
    let looked =
        if globs.is_empty() { "no source is declared".to_owned() } else { format!("looked into: {globs}") };
    Refusal::data(format!("no {what} up to {} in {}", request.as_of, request.data_dir.display()))
        .hint(format!("add a file that holds them; {looked}"))
}

/// Reads one file; false when it holds no row of the period.
fn read(
    request: &Request<'_>,
    spec: &SourceSpec,
    file: &Found,
    columns: &[(&str, &str)],
    cells: &mut Cells,
    shelf: &mut Shelf,
) -> Result<bool> {
    let from = request.from.checked_sub(LOOK_BACK.days()).context("the first date is out of range")?;
    let query = Query {
        spec,
        file,
        columns: columns.to_vec(),
        date: &spec.columns.date,
        symbols: None,
        from: Some(from),
        to: request.as_of,
        known: request.known(),
    };
    let ((dates, values), assumed) = query.read(|found| {
        let values = columns.iter().map(|(name, _)| found.numbers(name)).collect::<Result<Vec<_>>>()?;
        Ok((found.dates()?, values))
    })?;
    shelf.assume(file, dates.len(), assumed);
    let scale = if spec.unit == SourceUnit::Percent { 100.0 } else { 1.0 };
    for ((name, _), values) in columns.iter().zip(values) {
        for (date, value) in dates.iter().zip(values) {
            let Some(value) = value.filter(|value| usable(spec.kind, *value)) else {
                cells.entry(*date).or_default();
                continue;
            };
            let earlier = cells.entry(*date).or_default().insert((*name).to_owned(), value / scale);
            if earlier.is_some_and(|earlier| earlier.to_bits() != (value / scale).to_bits()) {
                return Err(twice(file, *date, name).into());
            }
        }
    }
    fresh(request, spec, file, dates.iter().max().copied())?;
    Ok(!dates.is_empty())
}

/// A rate is positive; a factor return is any number.
fn usable(kind: SourceKind, value: f64) -> bool {
    value.is_finite() && (kind != SourceKind::Fx || value > 0.0)
}

fn twice(file: &Found, date: Date, column: &str) -> Refusal {
    Refusal::data(format!("{}: {date}: two different values of `{column}`", file.relative))
        .hint("keep one row per date")
}

fn fresh(request: &Request<'_>, spec: &SourceSpec, file: &Found, last: Option<Date>) -> Result<()> {
    let Some(last) = last else { return Ok(()) };
    let limit = last.checked_add(i64::from(spec.stale_days).days()).context("a date is out of range")?;
    // Factors are published weeks late; a day that they do not reach has none, and what needs it says so.
    if limit >= request.as_of || (spec.kind == SourceKind::Factors && spec.optional) {
        return Ok(());
    }
    Err(Refusal::data(format!(
        "{}: ends on {last}, more than {} days before the as-of date {}",
        file.relative, spec.stale_days, request.as_of
    ))
    .hint(format!(
        "fetch newer data, choose an earlier `--as-of`, or raise `stale_days` of source `{}`",
        spec.id
    ))
    .into())
}

fn table(cells: &Cells, names: &BTreeSet<String>, inputs: Vec<usize>) -> TimeTable {
    let column = |name: &String| cells.values().map(|row| row.get(name).copied()).collect();
    TimeTable {
        dates: cells.keys().copied().collect(),
        columns: names.iter().map(|name| (name.clone(), column(name))).collect(),
        inputs,
    }
}

/// Loads the share counts filed up to the as-of date, of requested instruments only.
pub(crate) fn load_shares(request: &Request<'_>, shelf: &mut Shelf) -> Result<Vec<ShareCount>> {
    let symbols: BTreeSet<Symbol> = request.instruments.iter().map(|i| i.symbol.clone()).collect();
    let (mut counts, mut held) = (Vec::new(), BTreeSet::new());
    for spec in by_priority(request, SourceKind::Shares) {
        let wanted: BTreeSet<Symbol> = symbols.difference(&held).cloned().collect();
        if spec.symbol.as_ref().is_some_and(|symbol| !wanted.contains(symbol)) {
            continue;
        }
        for file in shelf.files(spec)? {
            for mut count in read_shares(request, spec, &file, &wanted, shelf)? {
                count.input = shelf.take(spec, &file);
                counts.push(count);
            }
        }
        held.extend(counts.iter().map(|count: &ShareCount| count.symbol.clone()));
    }
    // Without any, what needs one is missing and says why; the rest of the brief stands.
    counts.sort_by(|a, b| (&a.symbol, a.filed, a.as_of).cmp(&(&b.symbol, b.filed, b.as_of)));
    Ok(counts)
}

fn read_shares(
    request: &Request<'_>,
    spec: &SourceSpec,
    file: &Found,
    wanted: &BTreeSet<Symbol>,
    shelf: &mut Shelf,
) -> Result<Vec<ShareCount>> {
    let names = Names::of(spec, request.data_dir, wanted)?;
    let query = Query {
        spec,
        file,
        columns: frame::mapped(&spec.columns),
        date: &spec.columns.date,
        symbols: Some(&names.theirs),
        from: None,
        to: request.as_of,
        known: request.known(),
    };
    let ((dates, filed, shares, symbols), assumed) = query.read(|columns| {
        let symbols = match &spec.symbol {
            Some(symbol) => vec![Some(symbol.0.clone()); columns.len()],
            None => columns.texts("symbol")?,
        };
        Ok((columns.dates()?, columns.dates_in("filed")?, columns.numbers("shares")?, symbols))
    })?;
    shelf.assume(file, dates.len(), assumed);
    let mut counts = Vec::new();
    for row in 0..dates.len() {
        let symbol = names.ours(symbols[row].as_deref().unwrap_or_default());
        let place = format!("{}: {symbol}, {}", file.relative, dates[row]);
        let filed = filed[row].ok_or_else(|| {
            Refusal::data(format!("{place}: no filing date"))
                .hint("write it as 2025-01-27, or remove the row")
        })?;
        let shares = shares[row].filter(|shares| shares.is_finite() && *shares > 0.0).ok_or_else(|| {
            Refusal::data(format!("{place}: no positive number of shares")).hint("correct or remove the row")
        })?;
        if filed <= request.as_of {
            counts.push(ShareCount { symbol, as_of: dates[row], filed, shares, input: 0 });
        }
    }
    Ok(counts)
}
