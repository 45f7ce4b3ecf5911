//! Change points: CUSUM tests of a constant mean, optimal segmentation by PELT, and break dates after Bai
//! and Perron.
//!
//! A change is given by the number of observations before it, which is also the one-based index of the
//! last observation of a segment and the zero-based row where the next segment begins. Segmentations are
//! exact optima, with ties to the earlier change; nothing here is a heuristic search. The tests assume no
//! serial correlation; on returns they are fair, on prices they are not.

use crate::distributions::normal_upper;
use crate::moments;
use crate::reason::{Missing, Outcome};
use serde::Serialize;

/// CUSUM test of a constant mean.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cusum {
    /// Observations.
    pub n: usize,
    /// `max |W(k)|`.
    pub stat: f64,
    /// Two-sided p-value from the law of the supremum.
    pub p: f64,
    /// Standard deviation that scales the process.
    pub sigma: f64,
    /// Number of observations before the largest excursion.
    pub argmax_index: usize,
    /// `W(0) ... W(n)`.
    pub process: Vec<f64>,
}

/// OLS-CUSUM of Ploberger & Krämer (1992) for a constant mean:
/// `W(k) = Σ_{t<=k} (x_t - x̄) / (s sqrt(n))`, s with divisor n - 1; under the null a Brownian bridge, so
/// `p = 2 Σ_{k>=1} (-1)^{k+1} exp(-2k²S²)`.
///
/// # Errors
/// [`Missing::TooFew`] below three values, [`Missing::ConstantSeries`], [`Missing::Invalid`].
pub fn ols_cusum(x: &[f64]) -> Outcome<Cusum> {
    check(x, 3)?;
    let sigma = moments::positive_sd(x, "the series")?;
    let mean = moments::mean(x)?;
    let scale = sigma * (x.len() as f64).sqrt();
    let process = cumulate(x.iter().map(|x| (x - mean) / scale));
    let (argmax_index, stat) = largest(&process, |_| 1.0);
    Ok(Cusum { n: x.len(), stat, p: brownian_bridge_p(stat), sigma, argmax_index, process })
}

/// `P(sup |B| > s)` of a Brownian bridge: the alternating series where it converges fast, the theta-dual
/// series `1 - sqrt(2π)/s Σ exp(-(2k-1)²π²/(8s²))` for small s.
pub fn brownian_bridge_p(s: f64) -> f64 {
    if s <= 0.0 {
        return 1.0;
    }
    if s > 1.0 {
        let term = |k: i32| (-2.0 * f64::from(k * k) * s * s).exp() * if k % 2 == 1 { 2.0 } else { -2.0 };
        return (1..20).map(term).sum();
    }
    let pi2 = std::f64::consts::PI.powi(2);
    let term = |k: i32| (-f64::from(2 * k - 1).powi(2) * pi2 / (8.0 * s * s)).exp();
    1.0 - (2.0 * std::f64::consts::PI).sqrt() / s * (1..20).map(term).sum::<f64>()
}

/// Recursive CUSUM of Brown, Durbin & Evans (1975) for a constant mean: standardised one-step prediction
/// errors cumulated, `stat = max |W(t)| / (1 + 2t)` with `t` in [0, 1]; p-value by the crossing
/// probability of the linear boundary.
///
/// # Errors
/// [`Missing::TooFew`] below four values, [`Missing::ConstantSeries`], [`Missing::Invalid`].
pub fn recursive_cusum(x: &[f64]) -> Outcome<Cusum> {
    check(x, 4)?;
    let errors = recursive_residuals(x);
    let sigma = moments::positive_sd(&errors, "the prediction error")?;
    let scale = sigma * (errors.len() as f64).sqrt();
    let process = cumulate(errors.iter().map(|e| e / scale));
    let m = errors.len() as f64;
    let (argmax_index, stat) = largest(&process, |k| 1.0 + 2.0 * k as f64 / m);
    Ok(Cusum { n: x.len(), stat, p: linear_boundary_p(stat), sigma, argmax_index: argmax_index + 1, process })
}

fn recursive_residuals(x: &[f64]) -> Vec<f64> {
    let mut mean = x[0];
    let residual = |(k, value): (usize, &f64)| {
        let seen = (k + 1) as f64;
        let error = (value - mean) / (1.0 + 1.0 / seen).sqrt();
        mean += (value - mean) / (seen + 1.0);
        error
    };
    x[1..].iter().enumerate().map(residual).collect()
}

/// Probability that Brownian motion leaves the boundary `± s (1 + 2t)` on [0, 1], the approximation of
/// Brown, Durbin & Evans with the linear form below 0.3 that R's strucchange uses.
fn linear_boundary_p(s: f64) -> f64 {
    if s < 0.3 {
        return 1.0 - 0.1464 * s;
    }
    // Φ(s) + Φ(5s) - 1 = Φ(s) - (1 - Φ(5s))
    let inner = normal_upper(-s) - normal_upper(5.0 * s);
    let p = normal_upper(3.0 * s) + (-4.0 * s * s).exp() * inner - (-16.0 * s * s).exp() * normal_upper(s);
    (2.0 * p).clamp(0.0, 1.0)
}

fn check(x: &[f64], need: usize) -> Outcome<()> {
    if x.len() < need {
        return Err(Missing::TooFew { what: "values", have: x.len(), need });
    }
    // Squares of centred values, summed, have to stay finite.
    if x.iter().any(|v| !v.is_finite() || v.abs() > 1e140) {
        return Err(Missing::Invalid { what: "a value" });
    }
    Ok(())
}

fn cumulate(steps: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut level = 0.0;
    let path = steps.map(|step| {
        level += step;
        level
    });
    std::iter::once(0.0).chain(path).collect()
}

fn largest(process: &[f64], boundary: impl Fn(usize) -> f64) -> (usize, f64) {
    let sizes = process.iter().enumerate().map(|(k, w)| (k, w.abs() / boundary(k)));
    sizes.fold((0, 0.0), |best, next| if next.1 > best.1 { next } else { best })
}

/// What a segment costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cost {
    /// `Σ(x - x̄)² / σ̂²`, a change of mean; σ̂ from first differences by the median absolute deviation.
    Mean,
    /// `Σ(x - x̄)²` without scaling, for a penalty in squared units of the data.
    SumOfSquares,
    /// `n ln(Σ(x - x̄)²/n)`, a change of mean or variance.
    MeanVariance,
}

/// An optimal segmentation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Segmentation {
    /// Observations.
    pub n: usize,
    /// The cost of a segment.
    pub cost: Cost,
    /// Price of one change, in units of the cost.
    pub penalty: f64,
    /// Fewest observations in a segment.
    pub min_segment: usize,
    /// σ̂ of [`Cost::Mean`].
    pub sigma: Option<f64>,
    /// One-based index of the last observation of every segment but the final one, ascending.
    pub last_index_of_each_segment_but_final: Vec<usize>,
    /// Sum of segment costs plus penalty times number of changes.
    pub objective: f64,
}

/// Default shortest segment.
pub const MIN_SEGMENT: usize = 10;

/// Exact minimum of `Σ cost + penalty * #changes` by PELT (Killick, Fearnhead & Eckley 2012).
///
/// Default penalties: `2 ln n` for [`Cost::Mean`], `2 σ̂² ln n` for [`Cost::SumOfSquares`], `3 ln n` for
/// [`Cost::MeanVariance`]. A candidate is dropped only once its successor can begin a full segment, so a
/// minimum segment length does not cost exactness. A variance is held above 1e-12 of the overall one, so
/// that a flat stretch stays finite.
///
/// # Errors
/// [`Missing::TooFew`] below two segments' worth of values or for a `min_segment` of 0,
/// [`Missing::Invalid`] for a negative penalty, [`Missing::ConstantSeries`].
pub fn pelt(x: &[f64], cost: Cost, penalty: Option<f64>, min_segment: usize) -> Outcome<Segmentation> {
    if min_segment == 0 {
        return Err(Missing::Invalid { what: "the minimum segment" });
    }
    check(x, 2 * min_segment.max(2))?;
    let sigma = if cost == Cost::MeanVariance { None } else { difference_sigma(x) };
    let scale = match (cost, sigma) {
        (Cost::Mean, None) => return Err(Missing::ConstantSeries { what: "the typical first difference" }),
        (Cost::Mean, Some(sigma)) => sigma * sigma,
        _ => 1.0,
    };
    let log_n = (x.len() as f64).ln();
    let default = match cost {
        Cost::Mean => Some(2.0 * log_n),
        Cost::SumOfSquares => sigma.map(|s| 2.0 * s * s * log_n),
        Cost::MeanVariance => Some(3.0 * log_n),
    };
    let penalty =
        penalty.or(default).ok_or(Missing::ConstantSeries { what: "the typical first difference" })?;
    if !(penalty.is_finite() && penalty >= 0.0) {
        return Err(Missing::Invalid { what: "the penalty" });
    }
    let segments = Segments::new(x, cost, scale)?;
    let (changes, objective) = optimum(&segments, penalty, min_segment);
    let sigma = sigma.filter(|_| cost == Cost::Mean);
    Ok(Segmentation {
        n: x.len(),
        cost,
        penalty,
        min_segment,
        sigma,
        last_index_of_each_segment_but_final: changes,
        objective,
    })
}

/// `1.4826 MAD(x_t - x_{t-1}) / sqrt(2)`, an estimate of noise that changes of level hardly touch; `None`
/// when it is zero.
pub fn difference_sigma(x: &[f64]) -> Option<f64> {
    let steps: Vec<f64> = x.windows(2).map(|w| w[1] - w[0]).collect();
    let centre = moments::median(&steps).ok()?;
    let distance: Vec<f64> = steps.iter().map(|d| (d - centre).abs()).collect();
    let sigma = 1.482_602_218_505_602 * moments::median(&distance).ok()? / std::f64::consts::SQRT_2;
    (sigma > 0.0).then_some(sigma)
}

/// Costs of all segments in constant time, from running sums of centred values.
struct Segments {
    cost: Cost,
    scale: f64,
    floor: f64,
    sum: Vec<f64>,
    squares: Vec<f64>,
}

impl Segments {
    fn new(x: &[f64], cost: Cost, scale: f64) -> Outcome<Self> {
        let sd = moments::positive_sd(x, "the series")?;
        let mean = moments::mean(x)?;
        let sum = cumulate(x.iter().map(|x| x - mean));
        let squares = cumulate(x.iter().map(|x| (x - mean).powi(2)));
        Ok(Self { cost, scale, floor: 1e-12 * sd * sd, sum, squares })
    }

    fn n(&self) -> usize {
        self.sum.len() - 1
    }

    fn sse(&self, from: usize, to: usize) -> f64 {
        let sum = self.sum[to] - self.sum[from];
        (self.squares[to] - self.squares[from] - sum * sum / (to - from) as f64).max(0.0)
    }

    fn cost(&self, from: usize, to: usize) -> f64 {
        let (sse, n) = (self.sse(from, to), (to - from) as f64);
        match self.cost {
            Cost::Mean | Cost::SumOfSquares => sse / self.scale,
            Cost::MeanVariance if sse > n * self.floor => n * (sse / n).ln(),
            // The maximum of the likelihood over variances at or above the floor.
            Cost::MeanVariance => n * self.floor.ln() + sse / self.floor - n,
        }
    }
}

fn optimum(segments: &Segments, penalty: f64, min_segment: usize) -> (Vec<usize>, f64) {
    let n = segments.n();
    let (mut best, mut last) = (vec![f64::INFINITY; n + 1], vec![0; n + 1]);
    best[0] = -penalty;
    let mut candidates: Vec<(usize, usize)> = vec![(0, usize::MAX)];
    for t in min_segment..=n {
        candidates.retain(|(_, expires)| *expires > t);
        for &(from, _) in &candidates {
            let value = best[from] + segments.cost(from, t) + penalty;
            if value < best[t] {
                (best[t], last[t]) = (value, from);
            }
        }
        let slack = 1e-12 * best[t].abs().max(1.0);
        for (from, expires) in &mut candidates {
            if best[*from] + segments.cost(*from, t) > best[t] + slack {
                *expires = (*expires).min(t + min_segment);
            }
        }
        let next = t + 1 - min_segment;
        if next >= min_segment {
            candidates.push((next, usize::MAX));
        }
    }
    (trace(&last, n), best[n])
}

fn trace(last: &[usize], n: usize) -> Vec<usize> {
    let mut changes: Vec<usize> =
        std::iter::successors(Some(last[n]), |t| Some(last[*t])).take_while(|t| *t > 0).collect();
    changes.reverse();
    changes
}

/// Break dates of a mean for a given number of breaks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Breaks {
    /// Number of observations before each break, ascending.
    pub breaks: Vec<usize>,
    /// Residual sum of squares.
    pub rss: f64,
    /// `n ln(RSS/n) + n(1 + ln 2π) + 2(m + 1) ln n`.
    pub bic: f64,
}

/// Breaks of a mean for 0, 1, 2, ... breaks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BaiPerron {
    /// Observations.
    pub n: usize,
    /// Fewest observations in a segment.
    pub min_segment: usize,
    /// Entry m holds the optimum with m breaks.
    pub by_number: Vec<Breaks>,
    /// Number of breaks with the smallest BIC (fewer on ties).
    pub chosen: usize,
    /// Supremum F test of no break against one: `max_k (RSS_0 - RSS_1(k)) / (RSS_1(k)/(n - 2))`. Its law
    /// is not F (Andrews 1993) and no p-value is given.
    pub sup_f: f64,
}

/// Least-squares break dates of a piecewise constant mean by dynamic programming (Bai & Perron 1998,
/// 2003), up to `max_breaks`, chosen by BIC (Yao 1988).
///
/// Fewer breaks than asked for are returned when the segments would not fit.
///
/// # Errors
/// [`Missing::TooFew`] below two segments, [`Missing::Invalid`] for `min_segment` 0,
/// [`Missing::ConstantSeries`], also when a segmentation leaves no residual.
pub fn bai_perron(x: &[f64], max_breaks: usize, min_segment: usize) -> Outcome<BaiPerron> {
    if min_segment == 0 {
        return Err(Missing::Invalid { what: "the minimum segment" });
    }
    check(x, 2 * min_segment.max(2))?;
    let segments = Segments::new(x, Cost::SumOfSquares, 1.0)?;
    let n = x.len();
    let most = max_breaks.min(n / min_segment - 1);
    let table = partition_table(&segments, most, min_segment);
    let by_number: Vec<Breaks> = (0..=most).map(|m| breaks(&table, m, n)).collect();
    if by_number.iter().any(|b| b.rss <= n as f64 * segments.floor) {
        return Err(Missing::ConstantSeries { what: "the residual" });
    }
    let chosen = (0..=most).fold(0, |best, m| if by_number[m].bic < by_number[best].bic { m } else { best });
    let sup_f =
        by_number.get(1).map_or(0.0, |one| (by_number[0].rss - one.rss) / (one.rss / (n as f64 - 2.0)));
    Ok(BaiPerron { n, min_segment, by_number, chosen, sup_f })
}

/// `table[m][t]`: least RSS of the first t values with m breaks, and where the last break is.
fn partition_table(segments: &Segments, most: usize, min_segment: usize) -> Vec<Vec<(f64, usize)>> {
    let n = segments.n();
    let first = |t: usize| if t < min_segment { (f64::INFINITY, 0) } else { (segments.cost(0, t), 0) };
    let mut table: Vec<Vec<(f64, usize)>> = vec![(0..=n).map(first).collect()];
    for m in 1..=most {
        let row = (0..=n).map(|t| {
            let from = (m * min_segment..=t.saturating_sub(min_segment)).filter(|_| t >= min_segment);
            let values = from.map(|s| (table[m - 1][s].0 + segments.cost(s, t), s));
            values.fold((f64::INFINITY, 0), |best, next| if next.0 < best.0 { next } else { best })
        });
        let row = row.collect();
        table.push(row);
    }
    table
}

fn breaks(table: &[Vec<(f64, usize)>], m: usize, n: usize) -> Breaks {
    let mut found = Vec::with_capacity(m);
    let mut end = n;
    for row in table[1..=m].iter().rev() {
        end = row[end].1;
        found.push(end);
    }
    found.reverse();
    let (rss, size) = (table[m][n].0, n as f64);
    let bic = size * ((rss / size).ln() + 1.0 + (2.0 * std::f64::consts::PI).ln())
        + 2.0 * (m as f64 + 1.0) * size.ln();
    Breaks { breaks: found, rss, bic }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn brownian_bridge_by_table() {
        // Smirnov (1948): critical values 1.3581 (5%) and 1.6276 (1%); Kolmogorov median 0.82757.
        assert!((brownian_bridge_p(1.3581) - 0.05).abs() < 1e-5);
        assert!((brownian_bridge_p(1.6276) - 0.01).abs() < 1e-5);
        assert!((brownian_bridge_p(0.827_573_555) - 0.5).abs() < 1e-8);
        assert!((brownian_bridge_p(1.0 - 1e-9) - brownian_bridge_p(1.0 + 1e-9)).abs() < 1e-8);
        assert_eq!(brownian_bridge_p(0.0), 1.0);
    }

    #[test]
    fn recursive_boundary_by_table() {
        // Brown, Durbin & Evans (1975): 0.948 at 5%, 1.143 at 1%.
        assert!((linear_boundary_p(0.948) - 0.05).abs() < 5e-4);
        assert!((linear_boundary_p(1.143) - 0.01).abs() < 5e-4);
    }

    #[test]
    fn a_level_shift_is_found_where_it_is() {
        let x: Vec<f64> =
            (0..40).map(|t| f64::from(t * t * 5 % 17) / 10.0 + if t < 23 { 0.0 } else { 10.0 }).collect();
        for cost in [Cost::Mean, Cost::MeanVariance, Cost::SumOfSquares] {
            let found = pelt(&x, cost, None, 5).unwrap();
            assert_eq!(found.last_index_of_each_segment_but_final, [23], "{cost:?}");
        }
        assert_eq!(bai_perron(&x, 3, 5).unwrap().by_number[1].breaks, [23]);
        assert_eq!(ols_cusum(&x).unwrap().argmax_index, 23);
    }

    #[test]
    fn refusals_are_typed() {
        assert!(matches!(ols_cusum(&[1.0; 9]), Err(Missing::ConstantSeries { .. })));
        assert!(matches!(
            pelt(&[1.0, 2.0], Cost::Mean, None, 10),
            Err(Missing::TooFew { have: 2, need: 20, .. })
        ));
        assert!(matches!(
            pelt(&[1.0; 30], Cost::MeanVariance, None, 10),
            Err(Missing::ConstantSeries { .. })
        ));
        assert!(matches!(ols_cusum(&[1.0, f64::NAN, 2.0]), Err(Missing::Invalid { .. })));
    }

    /// Every admissible segmentation, the long way.
    fn brute(segments: &Segments, penalty: f64, min_segment: usize, to: usize) -> f64 {
        let whole = segments.cost(0, to);
        let split = (min_segment..=to.saturating_sub(min_segment))
            .map(|s| brute(segments, penalty, min_segment, s) + penalty + segments.cost(s, to));
        split.fold(whole, f64::min)
    }

    proptest! {
        #[test]
        fn pelt_is_the_optimal_partition(
            x in proptest::collection::vec(-3.0..3.0f64, 6..15),
            penalty in 0.0..6.0f64, min_segment in 1usize..4, variance in any::<bool>(),
        ) {
            let cost = if variance { Cost::MeanVariance } else { Cost::SumOfSquares };
            let min_segment = if variance { min_segment + 1 } else { min_segment };
            prop_assume!(x.len() >= 2 * min_segment.max(2));
            let found = pelt(&x, cost, Some(penalty), min_segment).unwrap();
            let segments = Segments::new(&x, cost, 1.0).unwrap();
            let exact = brute(&segments, penalty, min_segment, x.len());
            prop_assert!((found.objective - exact).abs() < 1e-9 * exact.abs().max(1.0));
            let mut ends = vec![0];
            ends.extend(&found.last_index_of_each_segment_but_final);
            ends.push(x.len());
            prop_assert!(ends.windows(2).all(|w| w[1] - w[0] >= min_segment));
            let cost: f64 = ends.windows(2).map(|w| segments.cost(w[0], w[1])).sum();
            let total = cost + penalty * (ends.len() - 2) as f64;
            prop_assert!((total - exact).abs() < 1e-9 * exact.abs().max(1.0));
        }

        #[test]
        fn cusum_ignores_shift_and_scale(
            x in proptest::collection::vec(-3.0..3.0f64, 8..40), shift in -9.0..9.0f64, scale in 0.1..9.0f64,
        ) {
            let moved: Vec<f64> = x.iter().map(|v| v * scale + shift).collect();
            let (a, b) = (ols_cusum(&x).unwrap(), ols_cusum(&moved).unwrap());
            prop_assert!((a.stat - b.stat).abs() < 1e-9);
            prop_assert!((0.0..=1.0).contains(&a.p));
        }
    }
}
