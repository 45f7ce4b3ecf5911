//! What a source shows of the store: the values known at a time, in the columns asked for.
//!
//! Prices: one row per symbol and date, a column per field, `currency` the unit of the price for returns. Rates: a
//! column per symbol. Factors: a column per field. Share counts: every count that was filed. Records: every value.

use super::{Ask, Latest, MANIFEST, Snapshot, Store};
use crate::{frame::days, source::Wanted};
use anyhow::{Context, Result};
use jiff::tz::TimeZone;
use polars::prelude::{Column, DataFrame, DataType, IntoColumn, IntoLazy, LazyFrame, NamedFrom, Series};
use shockbrief_core::config::SourceKind;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// All rows as a table; `path` is the store's manifest.
pub(crate) fn table(path: &Path) -> Result<LazyFrame> {
    Store::new(path.parent().context("a manifest lies in a folder")?).read(Snapshot::table)
}

/// The table of a source; `path` is the store's manifest.
pub(crate) fn view(path: &Path, wanted: &Wanted<'_>) -> Result<LazyFrame> {
    let store = Store::new(path.parent().context("a manifest lies in a folder")?);
    anyhow::ensure!(path.ends_with(MANIFEST), "a store's file is its {MANIFEST}");
    let symbols: Option<BTreeSet<&str>> =
        wanted.symbols.map(|symbols| symbols.iter().map(|symbol| symbol.as_str()).collect());
    let ask = Ask {
        symbols: symbols.as_ref(),
        from: wanted.from,
        to: Some(wanted.to),
        known: wanted.known,
        ..Ask::default()
    };
    let frame = store.read(|snapshot| match wanted.spec.kind {
        SourceKind::Prices => prices(snapshot, wanted, &ask),
        SourceKind::Fx => by_date(snapshot, wanted, &Ask { kinds: &["fx"], ..ask }, |symbol, _| symbol),
        SourceKind::Factors => {
            by_date(snapshot, wanted, &Ask { kinds: &["factors"], ..ask }, |_, field| field)
        }
        SourceKind::Shares => shares(snapshot, &ask),
        SourceKind::Records => records(snapshot, &ask),
    })?;
    Ok(frame.lazy())
}

fn prices(snapshot: &Snapshot, wanted: &Wanted<'_>, ask: &Ask<'_>) -> Result<DataFrame> {
    let columns = &wanted.spec.columns;
    let price = columns.returns.as_deref().unwrap_or_default();
    let mut fields: Vec<&str> = [&columns.returns, &columns.quote, &columns.volume]
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    fields.sort_unstable();
    fields.dedup();
    let latest = snapshot.latest(&Ask { kinds: &["prices"], fields: &fields, ..*ask })?;
    let (mut dates, mut symbols, mut currencies) = (Vec::new(), Vec::new(), Vec::new());
    let mut values: Vec<Vec<Option<f64>>> = vec![Vec::new(); fields.len()];
    for (symbol, chosen) in latest.chosen() {
        let rows = chosen.fields.get(price).copied().unwrap_or_default();
        for point in rows {
            dates.push(point.day);
            symbols.push(symbol);
            currencies.push(latest.unit(point)?);
        }
        for (field, cells) in fields.iter().zip(&mut values) {
            let mut points = chosen.fields.get(field).copied().unwrap_or_default().iter().peekable();
            cells.extend(rows.iter().map(|row| {
                while points.next_if(|point| point.day < row.day).is_some() {}
                points.next_if(|point| point.day == row.day).map(|point| point.value)
            }));
        }
    }
    let mut table = vec![day_column(dates)?, text("symbol", &symbols), text("currency", &currencies)];
    table.extend(fields.iter().zip(values).map(|(name, cells)| numbers(name, cells)));
    Ok(DataFrame::new_infer_height(table)?)
}

/// One row per date, a column for each name that the source maps; `name` makes it from symbol and field.
fn by_date(
    snapshot: &Snapshot,
    wanted: &Wanted<'_>,
    ask: &Ask<'_>,
    name: for<'a> fn(&'a str, &'a str) -> &'a str,
) -> Result<DataFrame> {
    let latest: Latest = snapshot.latest(ask)?;
    let names: BTreeSet<&str> = wanted.spec.columns.values.values().map(String::as_str).collect();
    let mut cells: BTreeMap<i32, BTreeMap<&str, f64>> = BTreeMap::new();
    for (symbol, chosen) in latest.chosen() {
        for (field, points) in chosen.fields {
            let name = name(symbol, field);
            for point in points.iter().filter(|_| names.contains(name)) {
                cells.entry(point.day).or_default().insert(name, point.value);
            }
        }
    }
    let mut table = vec![day_column(cells.keys().copied().collect())?];
    table.extend(
        names.iter().map(|name| numbers(name, cells.values().map(|row| row.get(name).copied()).collect())),
    );
    Ok(DataFrame::new_infer_height(table)?)
}

fn shares(snapshot: &Snapshot, ask: &Ask<'_>) -> Result<DataFrame> {
    let told = snapshot.values(&Ask { kinds: &["filings"], fields: &["shares"], ..*ask })?;
    let filed: Vec<String> = told.iter().map(|told| day_of(told.known)).collect();
    let symbols: Vec<&str> = told.iter().map(|told| told.symbol.as_str()).collect();
    Ok(DataFrame::new_infer_height(vec![
        day_column(told.iter().map(|told| days(told.date)).collect())?,
        text("symbol", &symbols),
        numbers("shares", told.iter().map(|told| Some(told.value)).collect()),
        text("filed", &filed),
    ])?)
}

fn records(snapshot: &Snapshot, ask: &Ask<'_>) -> Result<DataFrame> {
    const KINDS: [&str; 5] = ["filings", "factors", "fx", "macro", "records"];
    let told = snapshot.values(&Ask { kinds: &KINDS, ..*ask })?;
    let known: Vec<String> = told.iter().map(|told| day_of(told.known)).collect();
    let quarters: Vec<String> =
        told.iter().map(|told| format!("{}Q{}", told.date.year(), (told.date.month() + 2) / 3)).collect();
    let column =
        |name: &str, get: fn(&super::Told) -> &str| text(name, &told.iter().map(get).collect::<Vec<_>>());
    Ok(DataFrame::new_infer_height(vec![
        day_column(told.iter().map(|told| days(told.date)).collect())?,
        text("known", &known),
        text("quarter", &quarters),
        column("kind", |told| &told.kind),
        column("provider", |told| &told.provider),
        column("symbol", |told| &told.symbol),
        column("field", |told| &told.field),
        column("unit", |told| &told.unit),
        numbers("value", told.iter().map(|told| Some(told.value)).collect()),
    ])?)
}

fn day_of(time: jiff::Timestamp) -> String {
    time.to_zoned_datetime(TimeZone::UTC).date().to_string()
}

fn day_column(days: Vec<i32>) -> Result<Column> {
    Ok(Series::new("date".into(), days).cast(&DataType::Date)?.into_column())
}

fn text(name: &str, values: &[impl AsRef<str>]) -> Column {
    let values: Vec<&str> = values.iter().map(AsRef::as_ref).collect();
    Series::new(name.into(), values).into_column()
}

fn numbers(name: &str, values: Vec<Option<f64>>) -> Column {
    Series::new(name.into(), values).into_column()
}
