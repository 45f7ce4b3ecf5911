//! Applying what the configuration declares under `repairs`, and proposing entries for it.
//!
//! A row that no repair covers keeps its bits.

use crate::guards::Row;
use jiff::civil::Date;
use shockbrief_core::{
    Notice, Refusal, Severity, Symbol,
    config::{Keep, Repair, RepairColumn, RepairKind},
};

/// Applies the repairs of one source to the rows of one symbol.
///
/// # Errors
/// A row that does not hold what the repair expects.
pub(crate) fn apply(
    repairs: &[Repair],
    source: &str,
    path: &str,
    symbol: &Symbol,
    rows: &mut Vec<Row>,
) -> Result<Vec<Notice>, Refusal> {
    let mut notices = Vec::new();
    for repair in repairs.iter().filter(|repair| repair.source == source && repair.symbol == *symbol) {
        let dates: Vec<Date> = rows.iter().map(|row| row.date).filter(|date| repair.covers(*date)).collect();
        let Some((first, last)) = dates.iter().min().copied().zip(dates.iter().max().copied()) else { continue };
        expect(repair, path, rows)?;
        one(repair, rows);
        notices.push(Notice {
            guard: "repair".to_owned(),
            severity: Severity::Warning,
            symbol: symbol.clone(),
            dates: Some((first, last)),
            rows: dates.len(),
            path: path.to_owned(),
            detail: sentence(repair),
        });
    }
    Ok(notices)
}

/// A file that was corrected at its origin must not be corrected twice.
fn expect(repair: &Repair, path: &str, rows: &[Row]) -> Result<(), Refusal> {
    let Some(expected) = repair.expect else { return Ok(()) };
    let same = |row: &Row| row.adjusted.is_some_and(|price| price.to_bits() == expected.to_bits());
    let mut covered = rows.iter().filter(|row| repair.covers(row.date)).peekable();
    let found = covered.peek().and_then(|row| row.adjusted).map_or("none".to_owned(), |price| price.to_string());
    if covered.any(same) {
        return Ok(());
    }
    Err(Refusal::data(format!(
        "{path}: {}, {}: the price is {found}, the repair expects {expected}",
        repair.symbol,
        repair.span()
    ))
    .hint("the file has changed since the repair was written: remove the repair from config/sources.yaml, or correct it"))
}

fn one(repair: &Repair, rows: &mut Vec<Row>) {
    if repair.kind == RepairKind::Drop {
        let covered = |row: &Row| repair.covers(row.date);
        let kept = match repair.keep {
            None => None,
            Some(Keep::First) => rows.iter().position(covered),
            Some(Keep::Last) => rows.iter().rposition(covered),
        };
        let mut at = 0;
        rows.retain(|row| {
            at += 1;
            !covered(row) || kept == Some(at - 1)
        });
        return;
    }
    let by = repair.by.unwrap_or(1.0);
    for row in rows.iter_mut().filter(|row| repair.covers(row.date)) {
        for column in &repair.columns {
            let value = match column {
                RepairColumn::Returns => &mut row.adjusted,
                RepairColumn::Quote => &mut row.quote,
                RepairColumn::Volume => &mut row.volume,
            };
            *value = value.map(|value| if repair.kind == RepairKind::Divide { value / by } else { value * by });
        }
    }
}

fn sentence(repair: &Repair) -> String {
    let done = match (repair.kind, repair.by) {
        (RepairKind::Divide, Some(by)) => format!("divided by {by}"),
        (RepairKind::Multiply, Some(by)) => format!("multiplied by {by}"),
        _ => "left out".to_owned(),
    };
    format!("{done}: {}", repair.reason.trim())
}

/// An entry to paste under `repairs:`; `rest` holds the keys after source and symbol.
pub(super) fn propose(source: &str, symbol: &Symbol, rest: &str, reason: &str) -> String {
    format!("  - {{source: {source}, symbol: \"{symbol}\", {rest}, reason: \"{reason}\"}}")
}
