//! The benchmark without the firms under study.
//!
//! When event firms weigh in their benchmark, its return contains the effect that is measured against it:
//! the market seems to fall and everything else seems to rise. Two ways out. [`purged_returns`] takes the
//! firms' weighted returns out of the index, `m' = (m - Σ w_j r_j)/(1 - Σ w_j)` with weights at the
//! previous close; [`equal_weight_rest`] is the equal-weight mean of the constituents that are not
//! studied, for when weights are not known. Returns are simple and in decimals. Nothing is filled: a row
//! whose weights are not known has no purged return.

use crate::reason::{Missing, Outcome};
use std::ops::Range;

/// Benchmark without the event firms on one row:
/// `m' = (m - Σ w_j r_j)/(1 - Σ w_j)`, weights at the previous close. A member without a return that day
/// stays in the benchmark: its weight counts for neither sum.
///
/// # Errors
/// [`Missing::Invalid`] when weights leave no benchmark (Σ w >= 1) or one is negative.
pub fn purged(market: f64, members: &[(f64, Option<f64>)]) -> Outcome<f64> {
    let (mut weight, mut part) = (0.0, 0.0);
    for (w, r) in members {
        if !(*w >= 0.0 && *w < 1.0) {
            return Err(Missing::Invalid { what: "a benchmark weight" });
        }
        if let Some(r) = r {
            weight += w;
            part += w * r;
        }
    }
    if weight >= 1.0 {
        return Err(Missing::Invalid { what: "the sum of the event firms' weights" });
    }
    crate::reason::finite((market - part) / (1.0 - weight), "the purged return")
}

/// Weight of a firm in its index at every close: shares outstanding times close over the index's market
/// value, `None` where a part is missing. `shares` and `total` are in one scale and currency.
///
/// # Errors
/// [`Missing::LengthMismatch`]; [`Missing::Invalid`] for a value that is not positive and finite.
pub fn weights(
    shares: &[Option<f64>],
    closes: &[Option<f64>],
    total: &[Option<f64>],
) -> Outcome<Vec<Option<f64>>> {
    for column in [shares, total] {
        same_length("closes, share counts and market value", closes.len(), column.len())?;
    }
    let positive = |v: &Option<f64>| v.is_none_or(|v| v.is_finite() && v > 0.0);
    if !shares.iter().chain(closes).chain(total).all(positive) {
        return Err(Missing::Invalid { what: "a close, share count or market value" });
    }
    let one = |t: usize| Some(shares[t]? * closes[t]? / total[t]?);
    Ok((0..closes.len()).map(one).collect())
}

/// A firm inside the benchmark, on the benchmark's rows.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// Weight at the close of each row; row t of the purged return uses that of row t - 1.
    pub weights: &'a [Option<f64>],
    /// Simple returns in decimals.
    pub returns: &'a [Option<f64>],
}

/// Returns of a benchmark without `members`, row by row; see [`purged`].
///
/// A row is `None` when the benchmark has no return, when it is the first, or when a member with a return
/// has no weight at the close before: an index purged of some of the firms only would be another index.
///
/// # Errors
/// [`Missing::LengthMismatch`], and those of [`purged`].
pub fn purged_returns(market: &[Option<f64>], members: &[Member<'_>]) -> Outcome<Vec<Option<f64>>> {
    for member in members {
        same_length("benchmark and members", market.len(), member.returns.len())?;
        same_length("benchmark and weights", market.len(), member.weights.len())?;
    }
    let mut out = Vec::with_capacity(market.len());
    for (t, m) in market.iter().enumerate() {
        let held: Option<Vec<(f64, Option<f64>)>> = t.checked_sub(1).and_then(|before| {
            let weight = |m: &Member<'_>| match (m.weights[before], m.returns[t]) {
                (Some(w), r) => Some((w, r)),
                (None, None) => Some((0.0, None)),
                (None, Some(_)) => None,
            };
            members.iter().map(weight).collect()
        });
        out.push(match (m, held) {
            (Some(m), Some(held)) => Some(purged(*m, &held)?),
            _ => None,
        });
    }
    Ok(out)
}

/// The equal-weight rest of a panel.
#[derive(Debug, Clone, PartialEq)]
pub struct Rest {
    /// Mean simple return of the members on every row of the panel; `None` where some member has none.
    pub returns: Vec<Option<f64>>,
    /// Columns of the panel behind it, ascending.
    pub members: Vec<usize>,
    /// Columns outside the sample that were left out, because a return is missing on a needed row.
    pub incomplete: Vec<usize>,
}

/// Members the rest needs before it stands for a market.
pub const MIN_REST: usize = 20;

/// Equal-weight mean of the columns of `panel` that are not in the sample and have a return on every
/// row of `rows` (the estimation rows and the event window). Members are fixed over those rows, so that a
/// listing or a gap does not change what the benchmark is.
///
/// # Errors
/// [`Missing::LengthMismatch`], [`Missing::OutsideSample`] for rows beyond the panel, [`Missing::TooFew`]
/// below [`MIN_REST`] members.
pub fn equal_weight_rest(
    panel: &[&[Option<f64>]],
    in_sample: impl Fn(usize) -> bool,
    rows: &[Range<usize>],
) -> Outcome<Rest> {
    let length = panel.first().map_or(0, |column| column.len());
    for column in panel {
        same_length("columns of the panel", length, column.len())?;
    }
    if rows.iter().any(|r| r.end > length) {
        return Err(Missing::OutsideSample);
    }
    let complete = |k: &usize| rows.iter().all(|r| panel[*k][r.clone()].iter().all(Option::is_some));
    let outside = (0..panel.len()).filter(|k| !in_sample(*k));
    let (members, incomplete): (Vec<usize>, Vec<usize>) = outside.partition(complete);
    if members.len() < MIN_REST {
        let (have, need) = (members.len(), MIN_REST);
        return Err(Missing::TooFew { what: "constituents outside the sample", have, need });
    }
    let count = members.len() as f64;
    let mean = |t: usize| members.iter().map(|k| panel[*k][t]).sum::<Option<f64>>().map(|s| s / count);
    Ok(Rest { returns: (0..length).map(mean).collect(), members, incomplete })
}

fn same_length(what: &'static str, left: usize, right: usize) -> Outcome<()> {
    if left == right { Ok(()) } else { Err(Missing::LengthMismatch { what, left, right }) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::single_range_in_vec_init, reason = "windows of estimation may be one")]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn purging_restores_the_rest() {
        let m = 0.3 * -0.10 + 0.7 * 0.01;
        let rest = purged(m, &[(0.3, Some(-0.10))]).unwrap();
        assert!((rest - 0.01).abs() < 1e-15);
    }

    #[test]
    fn weights_are_those_of_the_close_before() {
        let w = weights(&[Some(2.0); 2], &[Some(10.0), Some(5.0)], &[Some(100.0), Some(50.0)]).unwrap();
        assert_eq!(w, [Some(0.2), Some(0.2)]);
        // By hand: index 100 of which 20; the firm halves, the rest gains 10 %: index 10 + 88 = 98.
        let market = [None, Some(-0.02)];
        let member = Member { weights: &[Some(0.2), Some(10.0 / 98.0)], returns: &[None, Some(-0.5)] };
        let rest = purged_returns(&market, &[member]).unwrap();
        assert_eq!(rest[0], None);
        assert!((rest[1].unwrap() - 0.1).abs() < 1e-15);
        let unknown = Member { weights: &[None, None], ..member };
        assert_eq!(purged_returns(&market, &[unknown]).unwrap()[1], None);
        assert!(weights(&[Some(0.0)], &[Some(1.0)], &[Some(1.0)]).is_err());
    }

    #[test]
    fn a_gap_on_a_needed_row_leaves_a_column_out_and_one_elsewhere_leaves_the_row_out() {
        let columns: Vec<Vec<Option<f64>>> = (0..24)
            .map(|k| (0..5).map(|t| (k != 3 || t != 2).then_some(f64::from(k) * 0.01)).collect())
            .collect();
        let mut views: Vec<&[Option<f64>]> = columns.iter().map(Vec::as_slice).collect();
        let late = [None, Some(0.1), Some(0.1), Some(0.1), Some(0.1)];
        views.push(&late);
        let rest = equal_weight_rest(&views, |k| k == 0, &[1..5]).unwrap();
        assert_eq!((rest.members.len(), rest.incomplete.as_slice()), (23, &[3][..]));
        assert_eq!(rest.returns[0], None);
        // Columns 1, 2, 4, ..., 23 and the one of 0.1: (276 - 3) hundredths and ten more, over 23.
        assert!((rest.returns[1].unwrap() - 2.83 / 23.0).abs() < 1e-15);
        let few = equal_weight_rest(&views[..21], |k| k == 0, &[1..5]);
        assert!(matches!(few, Err(Missing::TooFew { have: 19, need: 20, .. })));
        assert_eq!(equal_weight_rest(&views, |_| false, &[1..6]), Err(Missing::OutsideSample));
    }

    proptest! {
        /// An index made of its parts comes back when some of the parts are taken out.
        #[test]
        fn purging_undoes_the_weighting(
            parts in proptest::collection::vec((0.01..1.0f64, -0.3..0.3f64), 2..20), cut in 1usize..10,
        ) {
            let cut = cut.min(parts.len() - 1);
            let total: f64 = parts.iter().map(|(w, _)| w).sum();
            let market: f64 = parts.iter().map(|(w, r)| w / total * r).sum();
            let members: Vec<(f64, Option<f64>)> =
                parts[..cut].iter().map(|(w, r)| (w / total, Some(*r))).collect();
            let rest: f64 = parts[cut..].iter().map(|(w, _)| w).sum();
            let want: f64 = parts[cut..].iter().map(|(w, r)| w / rest * r).sum();
            prop_assert!((purged(market, &members).unwrap() - want).abs() < 1e-9);
        }
    }
}
