//! Stooq, daily CSV with key: Date, Open, High, Low, Close, Volume.
//!
//! Its closes are adjusted for splits and dividends, so they are `adj_close` and never a quote. Quotas, a
//! missing key and unknown symbols come as a sentence with status 200.

use super::{Auth, Call, Provider, bars, bars::Bar, only};
use crate::{
    Ask, Batch, Failure, Trouble,
    text::{self, Cell, Csv},
};
use shockbrief_core::config::DataKind;
use std::collections::BTreeMap;

/// See the module.
pub struct Stooq;

impl Provider for Stooq {
    fn name(&self) -> &'static str {
        "stooq"
    }

    fn data(&self) -> Option<DataKind> {
        Some(DataKind::Prices)
    }

    fn wants_key(&self) -> bool {
        true
    }

    fn calls(&self, ask: &Ask<'_>) -> Vec<Call> {
        let compact = |date: jiff::civil::Date| date.strftime("%Y%m%d").to_string();
        let call = Call::new("/q/d/l/", Auth::Query("apikey".to_owned())).with("s", ask.code);
        vec![call.with("d1", compact(ask.from)).with("d2", compact(ask.to)).with("i", "d")]
    }

    fn parse(&self, ask: &Ask<'_>, bodies: &[&[u8]]) -> Result<Batch, Failure> {
        let bytes = only(ask, bodies)?;
        text::refuse_page(ask, bytes)?;
        sentence(ask, bytes)?;
        text::refuse_open_end(ask, bytes)?;
        let table = Csv::read(ask, bytes, b',')?;
        // Its headers are Polish where it takes the client for one of its country.
        let english =
            |polish: &str, english| table.column(polish).map_or_else(|| table.need(ask, english), Ok);
        let date = english("Data", "Date")?;
        let close = english("Zamkniecie", "Close")?;
        let volume = table.column("Volume").or_else(|| table.column("Wolumen"));
        let mut bars = Vec::with_capacity(table.rows.len());
        for row in &table.rows {
            let line = row.line;
            let Some(date) = row.get(date).and_then(text::iso_date) else {
                return Err(ask.changed(format!("line {line}: no date")));
            };
            let mut values = BTreeMap::new();
            for (field, column) in [("adj_close", Some(close)), ("volume", volume)] {
                let Some(column) = column else { continue };
                match text::cell(row.get(column).unwrap_or_default()) {
                    Some(Cell::Number(number)) => {
                        values.insert(field, number);
                    }
                    Some(Cell::Missing) => {}
                    None => return Err(ask.changed(format!("line {line}: `{field}` is no number"))),
                }
            }
            bars.push(Bar { date, values });
        }
        bars::batch(ask, bars, ask.currency, Vec::new())
    }
}

fn sentence(ask: &Ask<'_>, bytes: &[u8]) -> Result<(), Failure> {
    let head = ask.glimpse(bytes);
    let lower = head.as_str().to_lowercase();
    let seen = format!("“{head}”");
    if lower.starts_with("no data") || lower.starts_with("brak danych") {
        return Err(ask.fail(
            Trouble::Unknown,
            seen,
            "correct the symbol's code under `codes`, such as `nvda.us`",
        ));
    }
    // A table begins with its header; a limit is told in English, or in Polish.
    if text::tells_limit(&lower) && !lower.starts_with("dat") {
        return Err(ask.fail(
            Trouble::Quota,
            seen,
            "wait for the next day: the allowance is per day and address",
        ));
    }
    if lower.contains("apikey") || lower.contains("api key") {
        return Err(ask.fail(
            Trouble::Key,
            seen,
            "get a key from the provider and name its place under `key`",
        ));
    }
    if lower.starts_with("access denied") || lower.starts_with("unauthorized") {
        return Err(ask.fail(Trouble::Key, seen, "check the key"));
    }
    Ok(())
}
