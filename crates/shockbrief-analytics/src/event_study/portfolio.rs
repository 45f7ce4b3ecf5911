//! Portfolios of firms on one event date, treated as one firm.
//!
//! Jaffe (1974): the equal-weight portfolio absorbs the firms' correlation,
//! so its own prediction-error t (df M - p) keeps its size on a common date
//! when event variance does not rise. Theme portfolios and long-short
//! differences are the same with other members. Members present on a date
//! share its weight; a date without members has no return.

use super::firm_event::FirmEvent;
use crate::reason::{Missing, Outcome};
use jiff::civil::Date;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Portfolio of firms sharing one event date, as a firm of its own.
///
/// `weights` (same order, positive, any scale) default to equal. Regressors,
/// risk-free rate and gaps are those of the first member that has the date.
///
/// # Errors
/// [`Missing::NoFirms`], [`Missing::LengthMismatch`] for weights,
/// [`Missing::Invalid`] for non-positive ones, [`Missing::NotCommonDate`] when
/// event dates differ, [`Missing::OutsideSample`] for an event without a row.
pub fn portfolio(id: &str, members: &[&FirmEvent], weights: Option<&[f64]>) -> Outcome<FirmEvent> {
    let equal = vec![1.0; members.len()];
    let weights = weights.unwrap_or(&equal);
    check(members, weights)?;
    let first = members[0];
    if members.iter().all(|m| m.dates == first.dates) {
        let rows: Vec<usize> = (0..first.dates.len()).collect();
        let returns = rows
            .iter()
            .map(|row| {
                let held = members.iter().zip(weights);
                average(held.map(|(m, w)| (m.returns[*row], *w)))
            })
            .collect();
        return Ok(FirmEvent { id: id.to_owned(), firm: id.to_owned(), returns, ..first.clone() });
    }
    on_union(id, members, weights)
}

fn check(members: &[&FirmEvent], weights: &[f64]) -> Outcome<()> {
    let Some(first) = members.first() else {
        return Err(Missing::NoFirms);
    };
    if weights.len() != members.len() {
        return Err(Missing::LengthMismatch {
            what: "weights and members",
            left: weights.len(),
            right: members.len(),
        });
    }
    if weights.iter().any(|w| !(*w > 0.0 && w.is_finite())) {
        return Err(Missing::Invalid { what: "a weight" });
    }
    let date = first.event_date().ok_or(Missing::OutsideSample)?;
    if members.iter().any(|m| m.event_date() != Some(date)) {
        return Err(Missing::NotCommonDate);
    }
    let ragged = |m: &&FirmEvent| m.returns.len() != m.dates.len();
    if members.iter().any(ragged) {
        return Err(Missing::LengthMismatch {
            what: "returns and dates",
            left: first.returns.len(),
            right: first.dates.len(),
        });
    }
    Ok(())
}

/// Weighted mean over members present.
fn average(parts: impl Iterator<Item = (Option<f64>, f64)>) -> Option<f64> {
    let (mut sum, mut total) = (0.0, 0.0);
    for (value, weight) in parts {
        if let Some(v) = value {
            sum += weight * v;
            total += weight;
        }
    }
    (total > 0.0).then(|| sum / total)
}

/// Portfolio on the union of the members' dates.
fn on_union(id: &str, members: &[&FirmEvent], weights: &[f64]) -> Outcome<FirmEvent> {
    let mut index: BTreeMap<Date, Vec<(usize, usize)>> = BTreeMap::new();
    for (k, member) in members.iter().enumerate() {
        for (row, date) in member.dates.iter().enumerate() {
            index.entry(*date).or_default().push((k, row));
        }
    }
    let event = members[0].event_date().ok_or(Missing::OutsideSample)?;
    let event_row = index.keys().position(|d| *d == event);
    let places: Vec<&Vec<(usize, usize)>> = index.values().collect();
    let pick = |column: &dyn Fn(&FirmEvent, usize) -> Option<f64>| -> Vec<Option<f64>> {
        let first = |at: &&Vec<(usize, usize)>| at.iter().find_map(|(k, row)| column(members[*k], *row));
        places.iter().map(first).collect()
    };
    let columns = members.iter().map(|m| m.regressors.len()).min().unwrap_or(0);
    let returns = places
        .iter()
        .map(|at| average(at.iter().map(|(k, row)| (members[*k].returns[*row], weights[*k]))))
        .collect();
    let rf = members.iter().all(|m| m.rf.is_some());
    Ok(FirmEvent {
        returns,
        regressors: (0..columns)
            .map(|c| Arc::from(pick(&|m, row| m.regressors[c].get(row).copied().flatten())))
            .collect(),
        rf: rf.then(|| {
            let column = |m: &FirmEvent, row: usize| m.rf.as_ref()?.get(row).copied().flatten();
            Arc::from(pick(&column))
        }),
        ..FirmEvent::new(
            id,
            index.keys().copied().collect::<Vec<_>>(),
            Vec::<Option<f64>>::new(),
            event_row.ok_or(Missing::OutsideSample)?,
        )
    })
}

/// Long portfolio less short portfolio, as a zero-investment firm.
///
/// # Errors
/// As [`portfolio`], and [`Missing::NotCommonDate`] when the legs' event
/// dates differ.
pub fn long_short(id: &str, long: &FirmEvent, short: &FirmEvent) -> Outcome<FirmEvent> {
    if long.event_date() != short.event_date() || long.event_date().is_none() {
        return Err(Missing::NotCommonDate);
    }
    let other: BTreeMap<Date, usize> = short.dates.iter().copied().zip(0..).collect();
    let returns = long
        .dates
        .iter()
        .zip(long.returns.iter())
        .map(|(date, r)| Some((*r)? - short.returns.get(*other.get(date)?).copied().flatten()?))
        .collect();
    Ok(FirmEvent { id: id.to_owned(), firm: id.to_owned(), returns, zero_investment: true, ..long.clone() })
}
