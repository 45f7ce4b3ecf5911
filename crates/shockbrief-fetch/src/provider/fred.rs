//! FRED observations with vintages: every value with the day on which it became known.
//!
//! `.` is a missing value; where an earlier vintage had one, it was withdrawn. Long histories come in pages, series with
//! more vintages than one answer holds in slices of the time of vintages; errors come as an object with
//! `error_message`.

use super::{Auth, Call, Provider};
use crate::{
    Ask, Batch, Failure, Row, Trouble,
    text::{self, Cell},
};
use jiff::{Span, Timestamp, civil::Date, tz::TimeZone};
use serde_json::Value;
use shockbrief_core::config::DataKind;
use std::collections::BTreeMap;

/// See the module.
pub struct Fred;

/// Observations of one page, the most that the provider gives.
const PAGE: u64 = 100_000;
/// The whole time of vintages, as the provider writes it.
const FIRST_VINTAGE: &str = "1776-07-04";
/// See [`FIRST_VINTAGE`].
const LAST_VINTAGE: &str = "9999-12-31";
/// A year before any vintage that the provider holds.
const EARLIEST: i16 = 1900;
/// The first year of slices; daily series have vintages only after it.
const DENSE: i16 = 1990;
/// Years of a slice: five years of daily vintages stay below the 2,000 of one answer.
const SLICE: usize = 5;
/// Pages of one question; more is no series but a mistake.
const MOST_PAGES: usize = 50;

impl Provider for Fred {
    fn name(&self) -> &'static str {
        "fred"
    }

    fn data(&self) -> Option<DataKind> {
        Some(DataKind::Macro)
    }

    fn wants_key(&self) -> bool {
        true
    }

    fn calls(&self, ask: &Ask<'_>) -> Vec<Call> {
        vec![page(ask, 0)]
    }

    fn more(&self, _: &Ask<'_>, call: &Call, bodies: &[Vec<u8>]) -> Option<Call> {
        let last: Value = serde_json::from_slice(bodies.last()?).ok()?;
        let number = |key: &str| last.get(key).and_then(Value::as_u64);
        let (count, offset, limit) = (number("count")?, number("offset")?, number("limit")?.max(1));
        let next = offset.checked_add(limit)?;
        (next < count && bodies.len() < MOST_PAGES).then(|| call.again("offset", next))
    }

    fn instead(&self, ask: &Ask<'_>, call: &Call, failure: &Failure) -> Option<Vec<Call>> {
        let lower = failure.seen.to_lowercase();
        let whole = call.get("realtime_start") == Some(FIRST_VINTAGE);
        if lower.contains("does not exist") && !whole {
            // The series is younger than this slice.
            return Some(Vec::new());
        }
        lower.contains("vintage dates").then(|| slices(ask, call)).flatten()
    }

    fn parse(&self, ask: &Ask<'_>, bodies: &[&[u8]]) -> Result<Batch, Failure> {
        let mut batch = Batch::default();
        for bytes in bodies {
            let answer = text::json(ask, bytes)?;
            if let Some(failure) = told_error(ask, &answer) {
                return Err(failure);
            }
            let Some(observations) = answer.get("observations").and_then(Value::as_array) else {
                return Err(ask.changed(format!("no `observations`: “{}”", ask.glimpse(bytes))));
            };
            for observation in observations {
                batch.rows.push(row(ask, observation)?);
            }
        }
        batch.rows.retain(|row| ask.wants(row.date));
        let mut first: BTreeMap<Date, Timestamp> = BTreeMap::new();
        for row in batch.rows.iter().filter(|row| !row.value.is_nan()) {
            let known = first.entry(row.date).or_insert(row.known);
            *known = row.known.min(*known);
        }
        // A mark after a value withdraws it; one without is a holiday, or a day not told yet.
        let told = batch.rows.len();
        batch.rows.retain(|row| {
            !row.value.is_nan() || first.get(&row.date).is_some_and(|first| *first < row.known)
        });
        let missing = told - batch.rows.len();
        let withdrawn = batch.rows.iter().filter(|row| row.value.is_nan());
        if let Some(row) = withdrawn.clone().next() {
            let count = withdrawn.count();
            batch.notes.push(format!("{count} values were withdrawn, the first that of {}", row.date));
        }
        if missing > 0 {
            batch.notes.push(format!("left out {missing} observations without a value (`.`)"));
        }
        if batch.rows.is_empty() {
            return Err(ask.empty());
        }
        batch.settle();
        Ok(batch)
    }
}

fn page(ask: &Ask<'_>, offset: u64) -> Call {
    let call =
        Call::new("/fred/series/observations", Auth::Query("api_key".to_owned())).with("series_id", ask.code);
    let call =
        call.with("file_type", "json").with("observation_start", ask.from).with("observation_end", ask.to);
    let call = call.with("realtime_start", FIRST_VINTAGE).with("realtime_end", LAST_VINTAGE);
    call.with("limit", PAGE).with("offset", offset)
}

/// The time of vintages in slices. The first question goes by years in which a daily series has fewer vintages than an
/// answer may hold; a slice that is still refused is halved, down to a day.
fn slices(ask: &Ask<'_>, call: &Call) -> Option<Vec<Call>> {
    let slice = |from: &str, to: &str| {
        call.again("realtime_start", from).again("realtime_end", to).again("offset", 0)
    };
    if call.get("realtime_start") == Some(FIRST_VINTAGE) {
        let this = ask.now.to_zoned_datetime(TimeZone::UTC).year();
        let starts = [EARLIEST].into_iter().chain((DENSE..=this).step_by(SLICE));
        let ends = (DENSE..=this)
            .step_by(SLICE)
            .map(|year| format!("{}-12-31", year - 1))
            .chain([LAST_VINTAGE.to_owned()]);
        return Some(starts.zip(ends).map(|(start, end)| slice(&format!("{start}-01-01"), &end)).collect());
    }
    let (from, to): (Date, Date) =
        (call.get("realtime_start")?.parse().ok()?, call.get("realtime_end")?.parse().ok()?);
    // No vintage is of the future.
    let last = to.min(ask.now.to_zoned_datetime(TimeZone::UTC).date().saturating_add(Span::new().days(2)));
    let days = from.until(last).ok()?.get_days();
    if days < 1 {
        return None;
    }
    let middle = from.saturating_add(Span::new().days(days / 2));
    let next = middle.saturating_add(Span::new().days(1));
    Some(vec![slice(&from.to_string(), &middle.to_string()), slice(&next.to_string(), &to.to_string())])
}

fn told_error(ask: &Ask<'_>, answer: &Value) -> Option<Failure> {
    let message = answer.get("error_message").and_then(Value::as_str)?;
    let code = answer.get("error_code").and_then(Value::as_i64).unwrap_or_default();
    let (lower, seen) = (message.to_lowercase(), format!("{code}: “{}”", ask.glimpse(message.as_bytes())));
    Some(if lower.contains("api_key") {
        ask.fail(Trouble::Key, seen, "check the key: 32 small letters and digits")
    } else if lower.contains("too many requests") || code == 429 {
        ask.fail(Trouble::Quota, seen, "raise `interval_ms` and try again in a minute")
    } else if lower.contains("vintage dates") {
        ask.limited(seen)
    } else if lower.contains("does not exist") {
        ask.fail(Trouble::Unknown, seen, "correct the series under `codes`")
    } else {
        ask.changed(seen)
    })
}

fn row(ask: &Ask<'_>, observation: &Value) -> Result<Row, Failure> {
    let date = |key: &str| observation.get(key).and_then(Value::as_str).and_then(text::iso_date);
    let (Some(day), Some(since)) = (date("date"), date("realtime_start")) else {
        return Err(ask.changed(format!(
            "an observation without dates: {}",
            ask.glimpse(observation.to_string().as_bytes())
        )));
    };
    let known = text::midnight(since).ok_or_else(|| ask.changed(format!("vintage {since}")))?;
    let value = match observation.get("value").and_then(|value| text::json_cell(Some(value))) {
        Some(Cell::Number(value)) => value,
        // Known since then that there is no value: the store drops it where there was none to withdraw.
        Some(Cell::Missing) => f64::NAN,
        None => return Err(ask.changed(format!("{day}: `value` is no number"))),
    };
    let (symbol, unit) = (ask.subject.to_owned(), ask.spec.unit.clone());
    Ok(Row { symbol, field: "value".to_owned(), date: day, value, unit, known })
}
