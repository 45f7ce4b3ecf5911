//! The rest of the market: an equal-weight benchmark without the companies that a study is about.
//!
//! An index that holds the companies falls with them, and what is net of it understates their fall. Where a panel of
//! companies is declared (records of `benchmark-panel`: date, symbol, dividend-adjusted close), the study is fitted a second
//! time against the mean return of its other names. A name takes part when it has all returns of the rows asked for; one that moves
//! with a company of the sample as another class of its shares does (correlation above 0.99) stays out with it.

use crate::{Desk, panel::simple};
use jiff::civil::Date;
use shockbrief_analytics::{benchmark::equal_weight_rest, moments::correlation};
use shockbrief_core::Market;
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Arc,
};

/// Records of the panel.
pub const SOURCE: &str = "benchmark-panel";
/// Correlation above which two names are classes of one company's shares.
const SAME: f64 = 0.99;

/// The benchmark and the names in it.
#[derive(Debug, Clone)]
pub struct Rest {
    /// Mean simple return; `None` outside the rows asked for.
    pub returns: Arc<[Option<f64>]>,
    /// Symbols in it.
    pub names: Vec<String>,
}

/// The rest of the panel over `rows` of a market; `sample` are the companies' symbols with their returns by row.
///
/// # Errors
/// In words: no panel, or one that does not cover the rows.
pub fn rest(
    desk: &Desk<'_>,
    home: &Market,
    sample: &[(&str, &[Option<f64>])],
    rows: Range<usize>,
) -> Result<Rest, String> {
    let (names, columns) = panel(desk, home, rows.clone())?;
    let inside = inside(&names, &columns, sample, &rows);
    let slices: Vec<&[Option<f64>]> = columns.iter().map(Vec::as_slice).collect();
    let whole = 0..rows.len();
    let found = equal_weight_rest(&slices, |at| inside[at], &[whole]).map_err(|reason| reason.to_string())?;
    let mut mean = vec![None; home.sessions.len()];
    mean[rows].copy_from_slice(&found.returns);
    Ok(Rest {
        returns: mean.into(),
        names: found.members.into_iter().map(|at| names[at].to_owned()).collect(),
    })
}

/// A name of the panel outside a sample, with its returns on the rows of a market.
pub type Outsider = (String, Vec<Option<f64>>);

/// The names of the panel that are neither in the sample nor another class of shares of one in it; their returns have a value on
/// `rows` alone.
///
/// # Errors
/// In words: no panel, or one that does not cover the rows.
pub fn outsiders(
    desk: &Desk<'_>,
    home: &Market,
    sample: &[(&str, &[Option<f64>])],
    rows: Range<usize>,
) -> Result<Vec<Outsider>, String> {
    let (names, columns) = panel(desk, home, rows.clone())?;
    let inside = inside(&names, &columns, sample, &rows);
    let placed = |column: Vec<Option<f64>>| {
        let mut all = vec![None; home.sessions.len()];
        all[rows.clone()].copy_from_slice(&column);
        all
    };
    let outside = names.iter().zip(columns).zip(inside).filter(|(_, inside)| !inside);
    Ok(outside.map(|((name, column), _)| ((*name).to_owned(), placed(column))).collect())
}

/// Symbols of the panel with their returns on the rows.
type Columns<'a> = (Vec<&'a str>, Vec<Vec<Option<f64>>>);

fn panel<'a>(desk: &Desk<'a>, home: &Market, rows: Range<usize>) -> Result<Columns<'a>, String> {
    let records = desk.records(SOURCE).ok_or("the data hold no panel of other companies")?;
    let start = rows.start.checked_sub(1).ok_or("too little history")?;
    let place: BTreeMap<Date, usize> =
        home.sessions[start..rows.end].iter().map(|session| session.date).zip(0..).collect();
    let mut prices: BTreeMap<&str, Vec<Option<f64>>> = BTreeMap::new();
    for record in &records.rows {
        let (Some(symbol), Some(row)) = (record.text("symbol"), place.get(&record.date)) else { continue };
        let price = record.number("price").filter(|price| *price > 0.0);
        prices.entry(symbol).or_insert_with(|| vec![None; place.len()])[*row] = price;
    }
    let names = prices.keys().copied().collect();
    Ok((names, prices.into_values().map(|prices| simple(&prices).split_off(1)).collect()))
}

/// For each column of the panel, whether it belongs to the sample.
fn inside(
    names: &[&str],
    columns: &[Vec<Option<f64>>],
    sample: &[(&str, &[Option<f64>])],
    rows: &Range<usize>,
) -> Vec<bool> {
    let own: BTreeSet<&str> = sample.iter().map(|(symbol, _)| *symbol).collect();
    let of = |(name, returns): (&&str, &Vec<Option<f64>>)| {
        own.contains(name) || sample.iter().any(|(_, other)| same(returns, &other[rows.clone()]))
    };
    names.iter().zip(columns).map(of).collect()
}

/// Whether two names move as one.
fn same(a: &[Option<f64>], b: &[Option<f64>]) -> bool {
    let (a, b): (Vec<f64>, Vec<f64>) = a.iter().zip(b).filter_map(|(a, b)| Some(((*a)?, (*b)?))).unzip();
    a.len() > 20 && correlation(&a, &b).is_ok_and(|r| r > SAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_class_of_shares_moves_as_one_and_a_rival_does_not() {
        let a: Vec<Option<f64>> = (0..60).map(|i| Some(f64::from(i % 7) / 100.0 - 0.03)).collect();
        let class: Vec<Option<f64>> = a.iter().map(|r| r.map(|r| r + 1e-5)).collect();
        let rival: Vec<Option<f64>> = (0..60).map(|i| Some(f64::from(i % 5) / 100.0)).collect();
        assert!(same(&a, &class) && !same(&a, &rival));
        assert!(!same(&a[..10], &class[..10]), "ten days say nothing");
    }
}
