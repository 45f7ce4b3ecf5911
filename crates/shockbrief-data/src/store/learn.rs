//! What of a fetch is new: the rule by which told values become rows.
//!
//! A value that is in effect already is no row. Another value for a date is a later row, a revision. One for a time
//! that the store has already answered for is known since it was fetched: what was known then does not change
//! afterwards, whatever time its provider gives. A value that its provider withdrew ends with a row that is not a
//! number. Providers stand side by side; none revises another.

use super::Told;
use jiff::{SignedDuration, Timestamp, civil::Date};
use std::collections::{BTreeMap, HashMap};

/// What became of told values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Learnt {
    /// Values for dates that had none.
    pub new: usize,
    /// Values that differ from what was known.
    pub revised: usize,
    /// Values that were known already.
    pub same: usize,
}

/// Kind of data, provider, symbol, field and date.
type Place<'a> = (&'a str, &'a str, &'a str, &'a str, Date);

/// The rows of `told` that say what `held` does not, in the order of telling.
#[must_use]
pub fn learn(held: &[Told], told: &[Told]) -> (Vec<Told>, Learnt) {
    let mut places: HashMap<Place<'_>, BTreeMap<Timestamp, f64>> = HashMap::new();
    for row in held {
        places.entry(place(row)).or_default().insert(row.known, row.value);
    }
    let (mut rows, mut learnt) = (Vec::new(), Learnt::default());
    for row in told {
        let values = places.entry(place(row)).or_default();
        let known = since(values, row);
        let before = values.range(..=known).next_back().map(|(_, value)| *value);
        match before {
            Some(value) if same(value, row.value) => {
                learnt.same += 1;
                continue;
            }
            // Nothing was told that could be withdrawn.
            None if row.value.is_nan() => continue,
            Some(_) => learnt.revised += 1,
            None => learnt.new += 1,
        }
        values.insert(known, row.value);
        rows.push(Told { known, fetched: whole(row.fetched), ..row.clone() });
    }
    (rows, learnt)
}

/// Whether two values are one, a withdrawal like another.
fn same(one: f64, other: f64) -> bool {
    one.to_bits() == other.to_bits() || one.is_nan() && other.is_nan()
}

/// Rows without those of values that were withdrawn: at the time of these rows there is no value for their dates. `rows`
/// are in the order of knowledge for each place.
pub(super) fn standing(rows: Vec<Told>) -> Vec<Told> {
    let last: HashMap<Place<'_>, bool> = rows.iter().map(|row| (place(row), row.value.is_nan())).collect();
    let kept: Vec<bool> = rows
        .iter()
        .map(|row| !row.value.is_nan() && !last.get(&place(row)).copied().unwrap_or_default())
        .collect();
    rows.into_iter().zip(kept).filter_map(|(row, kept)| kept.then_some(row)).collect()
}

fn place(row: &Told) -> Place<'_> {
    (&row.kind, &row.provider, &row.symbol, &row.field, row.date)
}

/// Since when a row is known: the time it tells, unless another value was given for that time.
fn since(values: &BTreeMap<Timestamp, f64>, row: &Told) -> Timestamp {
    let other = |known: &Timestamp| values.get(known).is_some_and(|value| !same(*value, row.value));
    let told = whole(row.known);
    if !other(&told) {
        return told;
    }
    let next = |known: Timestamp| known.saturating_add(SignedDuration::from_micros(1)).unwrap_or(known);
    let mut known = whole(row.fetched).max(next(told));
    while other(&known) && known < Timestamp::MAX {
        known = next(known);
    }
    known
}

/// The time in whole microseconds, as the store keeps it.
fn whole(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}
