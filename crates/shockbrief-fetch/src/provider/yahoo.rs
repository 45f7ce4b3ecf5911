//! Yahoo's chart JSON: unofficial, so off unless a declaration accepts that.
//!
//! Parallel lists of times and values, with nulls on holidays and a live last bar. Closes and volumes are adjusted for
//! splits; those traded are rebuilt from the splits of the answer, which therefore always
//! runs to today.

use super::{Auth, Call, Provider, bars, bars::Bar, only};
use crate::{
    Ask, Batch, Failure, Trouble,
    text::{self, Cell},
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::Value;
use shockbrief_core::config::DataKind;
use std::collections::BTreeMap;

/// See the module.
pub struct Yahoo;

impl Provider for Yahoo {
    fn name(&self) -> &'static str {
        "yahoo-chart"
    }

    fn data(&self) -> Option<DataKind> {
        Some(DataKind::Prices)
    }

    fn unofficial(&self) -> bool {
        true
    }

    fn calls(&self, ask: &Ask<'_>) -> Vec<Call> {
        let start = text::midnight(ask.from).map_or(0, |at| at.as_second());
        let call = Call::new(format!("/v8/finance/chart/{}", ask.code), Auth::None).with("period1", start);
        let day_end = ask.now.as_second().div_euclid(86_400) * 86_400 + 86_400;
        vec![call.with("period2", day_end).with("interval", "1d").with("events", "div,splits")]
    }

    fn parse(&self, ask: &Ask<'_>, bodies: &[&[u8]]) -> Result<Batch, Failure> {
        let bytes = only(ask, bodies)?;
        let answer = text::json(ask, bytes)?;
        if let Some(failure) = told_error(ask, &answer) {
            return Err(failure);
        }
        let Some(result) = answer.pointer("/chart/result/0") else {
            return Err(ask.changed(format!("no `chart.result`: “{}”", ask.glimpse(bytes))));
        };
        let zone = zone(ask, result)?;
        let mut bars = bars(ask, result, &zone)?;
        let mut notes = vec!["unofficial source: no licence, no promise of service".to_owned()];
        add_events(ask, result, &zone, &mut bars, &mut notes)?;
        let mut bars: Vec<Bar> = bars.into_values().collect();
        bars::undo_splits(&mut bars);
        let currency = result.pointer("/meta/currency").and_then(Value::as_str).unwrap_or(ask.currency);
        // An index has points, whatever currency its exchange uses.
        let currency = if ask.currency == "PTS" { "PTS" } else { currency };
        bars::batch(ask, bars, currency, notes)
    }
}

fn told_error(ask: &Ask<'_>, answer: &Value) -> Option<Failure> {
    let error = answer.pointer("/chart/error").or_else(|| answer.pointer("/finance/error"))?;
    let code = error.get("code").and_then(Value::as_str)?;
    let text = error.get("description").and_then(Value::as_str).unwrap_or_default();
    let seen = format!("{code}: “{}”", ask.glimpse(text.as_bytes()));
    Some(match code {
        "Not Found" => {
            ask.fail(Trouble::Unknown, seen, "correct the symbol's code under `codes`, or it was delisted")
        }
        "Too Many Requests" => ask.fail(Trouble::Quota, seen, "wait some hours and raise `interval_ms`"),
        _ => ask.changed(seen),
    })
}

fn zone(ask: &Ask<'_>, result: &Value) -> Result<TimeZone, Failure> {
    let name = result.pointer("/meta/exchangeTimezoneName").and_then(Value::as_str);
    let name = name.ok_or_else(|| ask.changed("no `meta.exchangeTimezoneName`"))?;
    TimeZone::get(name).map_err(|_| ask.changed(format!("time zone `{}`", ask.glimpse(name.as_bytes()))))
}

fn day(ask: &Ask<'_>, second: Option<i64>, zone: &TimeZone) -> Result<Date, Failure> {
    let at = second.and_then(|second| Timestamp::from_second(second).ok());
    at.map(|at| at.to_zoned_datetime(zone.clone()).date())
        .ok_or_else(|| ask.changed("a time that is no number of seconds"))
}

fn bars(ask: &Ask<'_>, result: &Value, zone: &TimeZone) -> Result<BTreeMap<Date, Bar>, Failure> {
    let mut bars: BTreeMap<Date, Bar> = BTreeMap::new();
    let Some(times) = result.get("timestamp").and_then(Value::as_array) else {
        return Err(ask.empty());
    };
    let list = |path: &str| result.pointer(path).and_then(Value::as_array);
    let columns: [(&str, &str); 3] = [
        ("close", "/indicators/quote/0/close"),
        ("volume", "/indicators/quote/0/volume"),
        ("adj_close", "/indicators/adjclose/0/adjclose"),
    ];
    for (field, path) in columns {
        match list(path) {
            Some(values) if values.len() == times.len() => {}
            Some(values) => {
                return Err(ask.changed(format!(
                    "{} values of `{field}` for {} days",
                    values.len(),
                    times.len()
                )));
            }
            None if field == "volume" => {}
            None => return Err(ask.changed(format!("no `{path}`"))),
        }
    }
    for (index, time) in times.iter().enumerate() {
        let date = day(ask, time.as_i64(), zone)?;
        let mut values = BTreeMap::new();
        for (field, path) in columns {
            let cell = text::json_cell(list(path).and_then(|values| values.get(index)));
            match cell.ok_or_else(|| ask.changed(format!("{date}: `{field}` is no number")))? {
                Cell::Number(number) => {
                    values.insert(field, number);
                }
                Cell::Missing => {}
            }
        }
        // The live price follows the day's own bar under the same date: the first one stands.
        bars.entry(date).or_insert(Bar { date, values });
    }
    Ok(bars)
}

fn add_events(
    ask: &Ask<'_>,
    result: &Value,
    zone: &TimeZone,
    bars: &mut BTreeMap<Date, Bar>,
    notes: &mut Vec<String>,
) -> Result<(), Failure> {
    let events =
        |path: &str| result.pointer(path).and_then(Value::as_object).into_iter().flatten().map(|(_, e)| e);
    let mut put = |date: Date, field: &'static str, value: f64| {
        let bar = bars.entry(date).or_insert_with(|| Bar { date, values: BTreeMap::new() });
        if bar.values.insert(field, value).is_some() {
            notes.push(format!("a {field} was told twice on {date}: taken once"));
        }
    };
    for event in events("/events/dividends") {
        let date = day(ask, event.get("date").and_then(Value::as_i64), zone)?;
        match text::json_cell(event.get("amount")) {
            Some(Cell::Number(amount)) => put(date, "dividend", amount),
            _ => return Err(ask.changed(format!("{date}: a dividend without amount"))),
        }
    }
    for event in events("/events/splits") {
        let date = day(ask, event.get("date").and_then(Value::as_i64), zone)?;
        let part = |key: &str| event.get(key).and_then(Value::as_f64).filter(|part| *part > 0.0);
        match (part("numerator"), part("denominator")) {
            (Some(new), Some(old)) => put(date, "split", new / old),
            _ => return Err(ask.changed(format!("{date}: a split without ratio"))),
        }
    }
    Ok(())
}
