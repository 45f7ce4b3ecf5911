//! Daily bars of any price provider: what is left out, and splits told twice.

use crate::{Ask, Batch, Failure, Row};
use jiff::{Span, civil::Date};
use std::collections::{BTreeMap, BTreeSet};

/// One day of one symbol: field to value. Fields are `close_as_traded`, `close` (adjusted for splits),
/// `adj_close` (for dividends too), `volume` (as traded), `dividend` and `split` (new shares per old one).
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// The session.
    pub date: Date,
    /// Values that are there.
    pub values: BTreeMap<&'static str, f64>,
}

/// Days to either side of a split within which the same ratio is the same split.
const TWICE_DAYS: i64 = 7;

/// Turns bars into rows.
pub fn batch(
    ask: &Ask<'_>,
    mut bars: Vec<Bar>,
    currency: &str,
    mut notes: Vec<String>,
) -> Result<Batch, Failure> {
    let told = bars.len();
    bars.retain(|bar| ask.wants(bar.date));
    if bars.is_empty() {
        return Err(match told {
            0 => ask.empty(),
            _ => ask.fail(
                crate::Trouble::Empty,
                format!("{told} rows, none from {} to {}", ask.from, ask.to),
                "the symbol may have stopped trading, or its code means another security now",
            ),
        });
    }
    bars.sort_by_key(|bar| bar.date);
    let live = bars.iter().filter(|bar| bar.date > ask.complete).count();
    if live > 0 {
        notes.push(format!("left out {live} bars after {}, whose session was not over", ask.complete));
        bars.retain(|bar| bar.date <= ask.complete);
    }
    let null: Vec<Date> = bars
        .iter()
        .filter(|bar| !bar.values.keys().any(|field| field.contains("close")))
        .map(|bar| bar.date)
        .collect();
    let events_only = |bar: &Bar| ["dividend", "split"].iter().any(|field| bar.values.contains_key(field));
    bars.retain(|bar| !null.contains(&bar.date) || events_only(bar));
    if let (Some(first), false) = (null.first(), null.is_empty()) {
        notes.push(format!("left out {} days without a close, the first on {first}", null.len()));
    }
    refuse_values(ask, &bars)?;
    settle_splits(&mut bars, &mut notes);
    let (currency, divisor) = major_unit(currency, &mut notes);
    let mut batch = Batch { rows: Vec::with_capacity(bars.len() * 4), notes };
    for bar in bars {
        for (field, value) in bar.values {
            let (value, unit) = match field {
                "volume" => (value, "shares"),
                "split" => (value, "ratio"),
                _ => (value / divisor, currency),
            };
            batch.rows.push(Row {
                symbol: ask.subject.to_owned(),
                field: field.to_owned(),
                date: bar.date,
                value,
                unit: unit.to_owned(),
                known: ask.now,
            });
        }
    }
    if let Some(conflict) = batch.conflict() {
        return Err(ask.changed(conflict));
    }
    batch.settle();
    Ok(batch)
}

/// A price of zero or below is never a price; a volume below zero is never a volume.
fn refuse_values(ask: &Ask<'_>, bars: &[Bar]) -> Result<(), Failure> {
    for bar in bars {
        for (field, value) in &bar.values {
            let bad = match *field {
                "volume" | "dividend" => *value < 0.0,
                _ => *value <= 0.0,
            };
            if bad || !value.is_finite() {
                return Err(ask.changed(format!("{}: `{field}` is {value}", bar.date)));
            }
        }
    }
    Ok(())
}

/// Some exchanges quote in hundredths of their currency.
fn major_unit<'a>(currency: &'a str, notes: &mut Vec<String>) -> (&'a str, f64) {
    let major = match currency {
        "GBp" | "GBX" => "GBP",
        "ILA" => "ILS",
        "ZAc" => "ZAR",
        other => return (other, 1.0),
    };
    notes.push(format!("prices in {currency} were divided by 100 to {major}"));
    (major, 100.0)
}

/// A split of 1 is none. Of the same ratio told on several days close together, the day on which the traded
/// price moved stays; without a move in the traded price, the first.
fn settle_splits(bars: &mut [Bar], notes: &mut Vec<String>) {
    for bar in bars.iter_mut() {
        if bar.values.get("split").is_some_and(|ratio| (ratio - 1.0).abs() < 1e-9) {
            bar.values.remove("split");
        }
    }
    let told: Vec<(usize, Date, f64)> = bars
        .iter()
        .enumerate()
        .filter_map(|(index, bar)| Some((index, bar.date, *bar.values.get("split")?)))
        .collect();
    let mut dropped = BTreeSet::new();
    for (place, &(first, date, ratio)) in told.iter().enumerate() {
        let limit = date.saturating_add(Span::new().days(TWICE_DAYS));
        let same = told.iter().skip(place + 1).take_while(|(_, other, _)| *other <= limit);
        for &(second, other, again) in same {
            if (again / ratio - 1.0).abs() > 1e-6 || dropped.contains(&first) || dropped.contains(&second) {
                continue;
            }
            let moved =
                |index| traded_move(bars, index).is_some_and(|change| (change * ratio).ln().abs() < 0.2);
            let (kept, drop) = if !moved(first) && moved(second) { (other, first) } else { (date, second) };
            dropped.insert(drop);
            notes
                .push(format!("a split of {ratio} was told on {date} and on {other}: taken once, on {kept}"));
        }
    }
    for index in dropped {
        if let Some(bar) = bars.get_mut(index) {
            bar.values.remove("split");
        }
    }
}

/// The traded close over the previous one.
fn traded_move(bars: &[Bar], index: usize) -> Option<f64> {
    let close = bars.get(index)?.values.get("close_as_traded")?;
    let before = bars.get(..index)?.iter().rev().find_map(|bar| bar.values.get("close_as_traded"))?;
    Some(close / before)
}

/// Rebuilds what was traded from closes and volumes adjusted for all later splits of the answer.
pub fn undo_splits(bars: &mut [Bar]) {
    bars.sort_by_key(|bar| bar.date);
    let mut factor = 1.0;
    for bar in bars.iter_mut().rev() {
        if let Some(close) = bar.values.get("close").copied() {
            bar.values.insert("close_as_traded", close * factor);
        }
        if let Some(volume) = bar.values.get_mut("volume") {
            *volume /= factor;
        }
        if let Some(ratio) = bar.values.get("split") {
            factor *= ratio;
        }
    }
}
