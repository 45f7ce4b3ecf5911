//! Shock days of a panel: the detection rule on returns net of the benchmark.

use crate::panel::{Member, Panel, simple};
use rayon::prelude::*;
use shockbrief_analytics::{
    detection::{Day, Settings, detect},
    reason::Outcome,
    trailing,
};

/// Sessions behind each name's coefficient, and how many of them must be complete.
const TRAILING: usize = 250;
const COMPLETE: usize = 60;

/// Scores of every session of the panel.
///
/// Abnormal returns are one step ahead: each name's market model of the 250 sessions before, so that a fall of the whole
/// market is none of the group. Sessions on which the benchmark has no return measure nothing and are left out, so
/// that one gap does not blind the 250 sessions after it.
///
/// # Errors
/// As [`detect`] and [`trailing::abnormal`].
pub fn days(panel: &Panel<'_>) -> Outcome<Vec<Day>> {
    let index = panel.benchmark.returns();
    let rows: Vec<usize> = (0..index.len()).filter(|row| index[*row].is_some()).collect();
    let pick = |series: &[Option<f64>]| rows.iter().map(|row| series[*row]).collect::<Vec<_>>();
    let market = pick(&index);
    let net = |member: &Member| trailing::abnormal(&pick(&member.returns()), &market, TRAILING, COMPLETE);
    let abnormal: Vec<Vec<Option<f64>>> = panel.sample.par_iter().map(net).collect::<Outcome<_>>()?;
    let slices: Vec<&[Option<f64>]> = abnormal.iter().map(Vec::as_slice).collect();
    let days = detect(&slices, Settings::default())?;
    Ok(days.into_iter().map(|day| Day { row: rows[day.row], ..day }).collect())
}

/// Log returns of prices.
pub fn logs(prices: &[Option<f64>]) -> Vec<Option<f64>> {
    simple(prices).into_iter().map(|r| r.map(f64::ln_1p)).collect()
}
