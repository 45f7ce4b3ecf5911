//! Alpha Vantage, daily adjusted: an object of days whose numbers are strings.
//!
//! Quotas, wrong keys and unknown symbols all come with status 200, as a sentence in JSON.

use super::{Auth, Call, Provider, bars, bars::Bar, only};
use crate::{
    Ask, Batch, Failure, Trouble,
    text::{self, Cell},
};
use serde_json::Value;
use shockbrief_core::config::DataKind;
use std::collections::BTreeMap;

/// See the module.
pub struct AlphaVantage;

const FIELDS: &[(&str, &str)] = &[
    ("4. close", "close_as_traded"),
    ("5. adjusted close", "adj_close"),
    ("6. volume", "volume"),
    ("7. dividend amount", "dividend"),
    ("8. split coefficient", "split"),
];
/// Calendar days that the short answer of 100 sessions surely covers.
const SHORT_DAYS: i32 = 130;

impl Provider for AlphaVantage {
    fn name(&self) -> &'static str {
        "alpha-vantage"
    }

    fn data(&self) -> Option<DataKind> {
        Some(DataKind::Prices)
    }

    fn wants_key(&self) -> bool {
        true
    }

    fn calls(&self, ask: &Ask<'_>) -> Vec<Call> {
        let today = ask.now.to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
        let days = today.since(ask.from).map_or(i32::MAX, |span| span.get_days());
        let size = if days <= SHORT_DAYS { "compact" } else { "full" };
        let call = Call::new("/query", Auth::Query("apikey".to_owned()))
            .with("function", "TIME_SERIES_DAILY_ADJUSTED");
        vec![call.with("symbol", ask.code).with("outputsize", size).with("datatype", "json")]
    }

    fn parse(&self, ask: &Ask<'_>, bodies: &[&[u8]]) -> Result<Batch, Failure> {
        let bytes = only(ask, bodies)?;
        let answer = text::json(ask, bytes)?;
        if let Some(failure) = sentence(ask, &answer) {
            return Err(failure);
        }
        let Some(days) = answer.get("Time Series (Daily)").and_then(Value::as_object) else {
            return Err(ask.changed(format!("no `Time Series (Daily)`: “{}”", ask.glimpse(bytes))));
        };
        let bars = days.iter().map(|(date, day)| bar(ask, date, day)).collect::<Result<Vec<_>, _>>()?;
        bars::batch(ask, bars, ask.currency, Vec::new())
    }
}

fn sentence(ask: &Ask<'_>, answer: &Value) -> Option<Failure> {
    let of = |key: &str| answer.get(key).and_then(Value::as_str);
    if let Some(text) = of("Error Message") {
        let seen = format!("“{}”", ask.glimpse(text.as_bytes()));
        return Some(match text.to_lowercase().contains("apikey") {
            true => ask.fail(Trouble::Key, seen, "check the key"),
            false => ask.fail(Trouble::Unknown, seen, "correct the symbol's code under `codes`"),
        });
    }
    let text = of("Information").or(of("Note"))?;
    let (lower, seen) = (text.to_lowercase(), format!("“{}”", ask.glimpse(text.as_bytes())));
    Some(if lower.contains("premium endpoint") {
        ask.fail(Trouble::Key, seen, "the plan lacks adjusted prices: choose a plan or another provider")
    } else {
        ask.fail(
            Trouble::Quota,
            seen,
            "wait for the next day, raise `interval_ms`, or raise the plan's allowance",
        )
    })
}

fn bar(ask: &Ask<'_>, date: &str, day: &Value) -> Result<Bar, Failure> {
    let date = text::iso_date(date)
        .ok_or_else(|| ask.changed(format!("`{}` is no date", ask.glimpse(date.as_bytes()))))?;
    let mut values = BTreeMap::new();
    for (theirs, ours) in FIELDS {
        let Some(value) = day.get(theirs) else {
            return Err(ask.changed(format!("{date}: no `{theirs}`")));
        };
        match text::json_cell(Some(value)) {
            Some(Cell::Number(0.0)) if *ours == "dividend" => {}
            Some(Cell::Number(number)) => {
                values.insert(*ours, number);
            }
            Some(Cell::Missing) => {}
            None => {
                return Err(ask.changed(format!(
                    "{date}: `{theirs}` is {}",
                    ask.glimpse(value.to_string().as_bytes())
                )));
            }
        }
    }
    Ok(Bar { date, values })
}
