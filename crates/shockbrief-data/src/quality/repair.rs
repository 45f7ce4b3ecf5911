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
        let Some((first, last)) = dates.iter().min().copied().zip(dates.iter().max().copied()) else {
            continue;
        };
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
    let found =
        covered.peek().and_then(|row| row.adjusted).map_or("none".to_owned(), |price| price.to_string());
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
            *value =
                value.map(|value| if repair.kind == RepairKind::Divide { value / by } else { value * by });
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

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn row(day: i8, price: f64) -> Row {
        let price = Some(price);
        Row { date: date(2025, 1, day), currency: None, adjusted: price, quote: price, volume: Some(10.0) }
    }

    fn split(to: i8, by: f64) -> Repair {
        Repair {
            source: "s".to_owned(),
            symbol: "AAA".into(),
            date: None,
            from: None,
            to: Some(date(2025, 1, to)),
            kind: RepairKind::Divide,
            by: Some(by),
            columns: vec![RepairColumn::Returns],
            keep: None,
            expect: None,
            reason: "split".to_owned(),
        }
    }

    proptest! {
        #[test]
        fn a_split_repair_changes_no_return_elsewhere(
            prices in prop::collection::vec(0.01_f64..1e5, 28),
            to in 2_i8..27,
            by in prop::sample::select(vec![1.5, 2.0, 3.0, 10.0]),
        ) {
            let before: Vec<Row> = (1..=28).zip(&prices).map(|(day, price)| row(day, *price)).collect();
            let mut after = before.clone();
            let notices = apply(&[split(to, by)], "s", "f.csv", &"AAA".into(), &mut after).unwrap();
            prop_assert_eq!((notices.len(), notices[0].rows), (1, usize::try_from(to).unwrap()));
            let edge = usize::try_from(to).unwrap();
            prop_assert_eq!(&before[edge..], &after[edge..]);
            let ratio = |rows: &[Row], at: usize| rows[at].adjusted.unwrap() / rows[at - 1].adjusted.unwrap();
            for at in 1..28 {
                let (old, new) = (ratio(&before, at), ratio(&after, at));
                match at == edge {
                    true => prop_assert!((new / old / by - 1.0).abs() < 1e-12),
                    false => prop_assert!((new / old - 1.0).abs() < 1e-12),
                }
            }
            for (one, other) in before.iter().zip(&after) {
                prop_assert_eq!((one.quote, one.volume, one.date), (other.quote, other.volume, other.date));
            }
        }
    }

    #[test]
    fn repairs_of_others_and_of_other_days_do_nothing() {
        let mut rows = vec![row(20, 1.0), row(21, 2.0)];
        let before = rows.clone();
        for (source, symbol) in [("t", "AAA"), ("s", "BBB")] {
            assert!(apply(&[split(27, 2.0)], source, "f", &symbol.into(), &mut rows).unwrap().is_empty());
        }
        assert!(apply(&[split(19, 2.0)], "s", "f", &"AAA".into(), &mut rows).unwrap().is_empty());
        assert_eq!(rows, before);
    }

    #[test]
    fn one_of_two_rows_stays_and_a_corrected_file_is_not_corrected_again() {
        let drop = Repair {
            date: Some(date(2025, 1, 20)),
            to: None,
            kind: RepairKind::Drop,
            by: None,
            keep: Some(Keep::Last),
            expect: Some(5.0),
            ..split(1, 1.0)
        };
        let mut rows = vec![row(20, 5.0), row(20, 6.0), row(21, 7.0)];
        apply(std::slice::from_ref(&drop), "s", "f", &"AAA".into(), &mut rows).unwrap();
        assert_eq!(rows, [row(20, 6.0), row(21, 7.0)]);
        let refused = apply(&[drop], "s", "f.csv", &"AAA".into(), &mut rows).unwrap_err();
        assert_eq!(refused.message, "f.csv: AAA, 2025-01-20: the price is 6, the repair expects 5");
    }
}
