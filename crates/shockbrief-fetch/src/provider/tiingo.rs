//! Tiingo, daily: a JSON list of days with traded and adjusted values, dividends and splits.
//!
//! The key goes into a header. Quotas and unknown symbols come as an object with `detail`.

use super::{Auth, Call, Provider, bars, bars::Bar, only};
use crate::{
    Ask, Batch, Failure, Trouble,
    text::{self, Cell},
};
use serde_json::Value;
use shockbrief_core::config::DataKind;

/// See the module.
pub struct Tiingo;

const FIELDS: &[(&str, &str)] = &[
    ("close", "close_as_traded"),
    ("adjClose", "adj_close"),
    ("volume", "volume"),
    ("divCash", "dividend"),
    ("splitFactor", "split"),
];

impl Provider for Tiingo {
    fn name(&self) -> &'static str {
        "tiingo"
    }

    fn data(&self) -> Option<DataKind> {
        Some(DataKind::Prices)
    }

    fn wants_key(&self) -> bool {
        true
    }

    fn calls(&self, ask: &Ask<'_>) -> Vec<Call> {
        let path = format!("/tiingo/daily/{}/prices", ask.code);
        let call = Call::new(path, Auth::Header("Token")).with("startDate", ask.from).with("endDate", ask.to);
        vec![call.with("format", "json")]
    }

    fn parse(&self, ask: &Ask<'_>, bodies: &[&[u8]]) -> Result<Batch, Failure> {
        let bytes = only(ask, bodies)?;
        if bytes.trim_ascii() == b"None" {
            return Err(ask.empty());
        }
        let answer = text::json(ask, bytes)?;
        if let Some(detail) = answer.get("detail").and_then(Value::as_str) {
            return Err(detailed(ask, detail));
        }
        let Some(days) = answer.as_array() else {
            return Err(ask.changed(format!("no list of days: “{}”", ask.glimpse(bytes))));
        };
        let bars = days.iter().map(|day| bar(ask, day)).collect::<Result<Vec<_>, _>>()?;
        bars::batch(ask, bars, ask.currency, Vec::new())
    }
}

fn detailed(ask: &Ask<'_>, detail: &str) -> Failure {
    let lower = detail.to_lowercase();
    let seen = format!("“{}”", ask.glimpse(detail.as_bytes()));
    if lower.contains("limit") || lower.contains("allocation") {
        return ask.fail(
            Trouble::Quota,
            seen,
            "wait for the next hour or day, or raise the plan's allowance",
        );
    }
    if lower.contains("not found") {
        return ask.fail(Trouble::Unknown, seen, "correct the symbol's code under `codes`");
    }
    ask.fail(Trouble::Key, seen, "check the key and what the plan includes")
}

fn bar(ask: &Ask<'_>, day: &Value) -> Result<Bar, Failure> {
    let date = day.get("date").and_then(Value::as_str).and_then(text::iso_date);
    let date = date.ok_or_else(|| {
        ask.changed(format!("a day without date: {}", ask.glimpse(day.to_string().as_bytes())))
    })?;
    if day.get("close").is_none() || day.get("adjClose").is_none() {
        return Err(ask.changed(format!("{date}: no `close` or no `adjClose`")));
    }
    let mut values = std::collections::BTreeMap::new();
    for (theirs, ours) in FIELDS {
        match text::json_cell(day.get(theirs)) {
            Some(Cell::Number(0.0)) if *ours == "dividend" => {}
            Some(Cell::Number(number)) => {
                values.insert(*ours, number);
            }
            Some(Cell::Missing) => {}
            None => {
                return Err(ask.changed(format!(
                    "{date}: `{theirs}` is {}",
                    ask.glimpse(day.get(theirs).unwrap_or(&Value::Null).to_string().as_bytes())
                )));
            }
        }
    }
    Ok(Bar { date, values })
}
