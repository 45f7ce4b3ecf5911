//! Intraday abnormal returns with time-of-day variances.
//!
//! The variance of bars follows the clock, so an abnormal bar is scaled by
//! the spread of the estimation residuals of its own slot of the day:
//! s_k² = Σ e²/(n_k) over the bars of slot k, about zero as residuals are.

use crate::reason::{Missing, Outcome, finite};
use std::collections::BTreeMap;

/// Standardised bars and their sum.
#[derive(Debug, Clone, PartialEq)]
pub struct IntradayCar {
    /// Σ AR over the window's bars.
    pub car: f64,
    /// sqrt(Σ s²) over their slots.
    pub se: f64,
    /// car/se, standard normal.
    pub z: f64,
    /// AR over the slot's spread, bar by bar.
    pub sar: Vec<f64>,
}

/// CAR of bars given as (slot of the day, abnormal return), with spreads from
/// the estimation bars given likewise. Each slot needs ten estimation bars.
///
/// # Errors
/// [`Missing::NoEventReturn`] without event bars, [`Missing::TooFew`] for a
/// thin slot, [`Missing::ConstantSeries`] for one without variation.
pub fn intraday_car(estimation: &[(u32, f64)], event: &[(u32, f64)]) -> Outcome<IntradayCar> {
    if event.is_empty() {
        return Err(Missing::NoEventReturn);
    }
    let mut slots: BTreeMap<u32, (f64, usize)> = BTreeMap::new();
    for (slot, e) in estimation {
        let at = slots.entry(*slot).or_default();
        *at = (at.0 + e * e, at.1 + 1);
    }
    let variance = |slot: &u32| -> Outcome<f64> {
        let (squares, n) = slots.get(slot).copied().unwrap_or_default();
        if n < 10 {
            return Err(Missing::TooFew { what: "estimation bars of one time of day", have: n, need: 10 });
        }
        if squares == 0.0 {
            return Err(Missing::ConstantSeries { what: "a time of day" });
        }
        Ok(squares / n as f64)
    };
    let variances = event.iter().map(|(slot, _)| variance(slot)).collect::<Outcome<Vec<_>>>()?;
    let car: f64 = event.iter().map(|(_, ar)| ar).sum();
    let se = variances.iter().sum::<f64>().sqrt();
    let bars = event.iter().zip(&variances);
    Ok(IntradayCar {
        car,
        se,
        z: finite(car / se, "the intraday statistic")?,
        sar: bars.map(|((_, ar), v)| ar / v.sqrt()).collect(),
    })
}
