//! What was known at the end of a day, as data files: prices, share counts, and every value of other series.
//!
//! For readers that know no store; briefs read the store itself. Files of nothing but a header are not written.

use anyhow::Result;
use jiff::{civil::Date, tz::TimeZone};
use shockbrief_core::fs::write_atomic;
use shockbrief_data::store::{Ask, Chosen, Latest, Point, Store, Told, end_of};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

const KINDS: [&str; 5] = ["factors", "filings", "fx", "macro", "records"];

/// Writes the files of what was asked for, as the sources `exported-…` declare them.
///
/// # Errors
/// When the store cannot be read or the folder not be written.
pub fn export(store: &Store, subjects: &BTreeSet<&str>, folder: &Path, as_of: Date) -> Result<Vec<PathBuf>> {
    let known = Some(end_of(as_of)?);
    let (latest, told) = store.read(|snapshot| {
        let prices = Ask { kinds: &["prices"], symbols: Some(subjects), known, ..Ask::default() };
        let others = Ask { kinds: &KINDS, known, ..Ask::default() };
        Ok((snapshot.latest(&prices)?, snapshot.values(&others)?))
    })?;
    let told: Vec<Told> = told.into_iter().filter(|told| subjects.contains(told.subject.as_str())).collect();
    let files = [
        put(folder, "fetched_prices.csv", &prices(&latest)?)?,
        put(folder, "fetched_shares.csv", &shares(&told))?,
        put(folder, "fetched_values.csv", &values(&told))?,
    ];
    Ok(files.into_iter().flatten().collect())
}

fn prices(latest: &Latest) -> Result<String> {
    let mut text = String::from("date,symbol,currency,adj_close,close_as_traded,volume\n");
    for (symbol, chosen) in latest.chosen() {
        let symbol = quoted(symbol);
        for point in chosen.fields.get("adj_close").copied().unwrap_or_default() {
            let Some(date) = point.date() else { continue };
            let (quote, volume) = (cell(&chosen, "close_as_traded", point), cell(&chosen, "volume", point));
            let (currency, price) = (latest.unit(point)?, point.value);
            text.push_str(&format!("{date},{symbol},{currency},{price},{quote},{volume}\n"));
        }
    }
    Ok(text)
}

/// Another field on the day of a point.
fn cell(chosen: &Chosen<'_>, field: &str, point: &Point) -> String {
    let points = chosen.fields.get(field).copied().unwrap_or_default();
    let at = points.binary_search_by_key(&point.day, |own| own.day);
    at.ok().and_then(|at| points.get(at)).map_or(String::new(), |point| point.value.to_string())
}

/// Share counts from filings.
fn shares(told: &[Told]) -> String {
    let mut text = String::from("as_of,ticker,shares_outstanding,filed\n");
    for Told { symbol, date, value, known, .. } in
        told.iter().filter(|told| told.kind == "filings" && told.field == "shares")
    {
        text.push_str(&format!("{date},{},{value},{}\n", quoted(symbol), day(*known)));
    }
    text
}

/// Every value beside prices with the day since when it is known: a source of kind `records` with `known: known`
/// reads it.
fn values(told: &[Told]) -> String {
    let mut text = String::from("date,known,provider,symbol,field,value,unit\n");
    for Told { date, known, provider, symbol, field, value, unit, .. } in told {
        let (known, symbol) = (day(*known), quoted(symbol));
        text.push_str(&format!("{date},{known},{provider},{symbol},{field},{value},{unit}\n"));
    }
    text
}

fn day(time: jiff::Timestamp) -> Date {
    TimeZone::UTC.to_datetime(time).date()
}

/// Writes a file of more than a header; takes an earlier one away where there are no rows.
fn put(folder: &Path, name: &str, text: &str) -> Result<Option<PathBuf>> {
    let path = folder.join(name);
    if text.lines().nth(1).is_some() {
        write_atomic(&path, text.as_bytes())?;
        return Ok(Some(path));
    }
    if path.is_file() {
        fs_err::remove_file(&path)?;
    }
    Ok(None)
}

/// A CSV cell; names of models may hold commas and quotes.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
