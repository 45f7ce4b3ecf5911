//! Shock days of a panel: the detection rule on returns in excess of the benchmark.

use crate::panel::{Member, Panel, simple};
use shockbrief_analytics::{
    detection::{Day, Settings, detect},
    reason::Outcome,
};

/// Scores of every session of the panel.
///
/// Abnormal returns are differences from the benchmark's return (a market-adjusted model): no coefficient is
/// estimated, so none can be contaminated by an earlier shock.
///
/// # Errors
/// As [`detect`].
pub fn days(panel: &Panel<'_>) -> Outcome<Vec<Day>> {
    let index = panel.benchmark.returns();
    let excess: Vec<Vec<Option<f64>>> =
        panel.sample.iter().map(|member| minus(&Member::returns(member), &index)).collect();
    let slices: Vec<&[Option<f64>]> = excess.iter().map(Vec::as_slice).collect();
    detect(&slices, Settings::default())
}

fn minus(series: &[Option<f64>], index: &[Option<f64>]) -> Vec<Option<f64>> {
    series.iter().zip(index).map(|(a, b)| Some((*a)? - (*b)?)).collect()
}

/// Log returns of prices.
pub fn logs(prices: &[Option<f64>]) -> Vec<Option<f64>> {
    simple(prices).into_iter().map(|r| r.map(f64::ln_1p)).collect()
}
