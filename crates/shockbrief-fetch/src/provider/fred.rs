//! FRED observations with vintages: every value with the day on which it became known.
//!
//! `.` is a missing value. Long histories come in pages; errors come as an object with `error_message`.

use super::{Auth, Call, Provider};
use crate::{
    Ask, Batch, Failure, Row, Trouble,
    text::{self, Cell},
};
use serde_json::Value;
use shockbrief_core::config::DataKind;

/// See the module.
pub struct Fred;

/// Observations of one page, the most that the provider gives.
const PAGE: u64 = 100_000;
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

    fn more(&self, ask: &Ask<'_>, bodies: &[Vec<u8>]) -> Option<Call> {
        let last: Value = serde_json::from_slice(bodies.last()?).ok()?;
        let number = |key: &str| last.get(key).and_then(Value::as_u64);
        let (count, offset, limit) = (number("count")?, number("offset")?, number("limit")?.max(1));
        let next = offset.checked_add(limit)?;
        (next < count && bodies.len() < MOST_PAGES).then(|| page(ask, next))
    }

    fn parse(&self, ask: &Ask<'_>, bodies: &[&[u8]]) -> Result<Batch, Failure> {
        let mut batch = Batch::default();
        let mut missing = 0;
        for bytes in bodies {
            let answer = text::json(ask, bytes)?;
            if let Some(failure) = told_error(ask, &answer) {
                return Err(failure);
            }
            let Some(observations) = answer.get("observations").and_then(Value::as_array) else {
                return Err(ask.changed(format!("no `observations`: “{}”", text::glimpse(bytes))));
            };
            for observation in observations {
                match row(ask, observation)? {
                    Some(row) => batch.rows.push(row),
                    None => missing += 1,
                }
            }
        }
        batch.rows.retain(|row| ask.wants(row.date));
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
    let call = call.with("realtime_start", "1776-07-04").with("realtime_end", "9999-12-31");
    call.with("limit", PAGE).with("offset", offset)
}

fn told_error(ask: &Ask<'_>, answer: &Value) -> Option<Failure> {
    let message = answer.get("error_message").and_then(Value::as_str)?;
    let code = answer.get("error_code").and_then(Value::as_i64).unwrap_or_default();
    let (lower, seen) = (message.to_lowercase(), format!("{code}: “{}”", text::glimpse(message.as_bytes())));
    Some(if lower.contains("api_key") {
        ask.fail(Trouble::Key, seen, "check the key: 32 small letters and digits")
    } else if lower.contains("too many requests") || code == 429 {
        ask.fail(Trouble::Quota, seen, "raise `interval_ms` and try again in a minute")
    } else if lower.contains("does not exist") {
        ask.fail(Trouble::Unknown, seen, "correct the series under `codes`")
    } else {
        ask.changed(seen)
    })
}

fn row(ask: &Ask<'_>, observation: &Value) -> Result<Option<Row>, Failure> {
    let date = |key: &str| observation.get(key).and_then(Value::as_str).and_then(text::iso_date);
    let (Some(day), Some(since)) = (date("date"), date("realtime_start")) else {
        return Err(ask.changed(format!(
            "an observation without dates: {}",
            text::glimpse(observation.to_string().as_bytes())
        )));
    };
    let known = text::midnight(since).ok_or_else(|| ask.changed(format!("vintage {since}")))?;
    match observation.get("value").and_then(|value| text::json_cell(Some(value))) {
        Some(Cell::Number(value)) => Ok(Some(Row {
            symbol: ask.subject.to_owned(),
            field: "value".to_owned(),
            date: day,
            value,
            unit: ask.spec.unit.clone(),
            known,
        })),
        Some(Cell::Missing) => Ok(None),
        None => Err(ask.changed(format!("{day}: `value` is no number"))),
    }
}
