//! Returns after comparable shocks.
//!
//! Rows with a standardised return at or below a threshold are the shocks; the forward return of a row is
//! the sum of log returns over the next h rows, only where all of them are there. Overlapping forward
//! returns are strongly dependent, so three tests that respect the dependence stand side by side. With
//! fewer than eight shocks that do not overlap, the cases are listed and every test is withheld: the
//! module refuses to support a sentence about history with a handful of episodes.

use crate::block_length::{BlockLength, Interval, interval, politis_white};
use crate::distributions::normal_two_sided;
use crate::moments;
use crate::reason::{Missing, Outcome};
use serde::Serialize;

/// Fewest declustered shocks for which tests are given.
pub const MINIMUM: usize = 8;

/// The rule that picks comparable shocks, fixed before outcomes are looked at, and the test settings.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rule {
    /// A shock is a row with `z <= threshold`; negative.
    pub threshold: f64,
    /// Rows over which the forward return is summed.
    pub horizon: usize,
    /// Bootstrap resamples.
    pub draws: usize,
    /// Seed of the bootstrap.
    pub seed: u64,
}

/// Returns after shocks beside all returns over the same rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ForwardReturns {
    /// The rule.
    #[serde(flatten)]
    pub rule: Rule,
    /// Rows with a z and a complete forward return.
    pub n_valid_days: usize,
    /// Shock rows among them.
    pub event_rows_zero_based: Vec<usize>,
    /// z of the shock rows.
    pub event_z: Vec<f64>,
    /// Forward returns of the shock rows, in log points.
    pub forward: Vec<f64>,
    /// Mean forward return after shocks.
    pub mean: f64,
    /// Median forward return after shocks.
    pub median: f64,
    /// Share of positive forward returns after shocks.
    pub hit_rate_positive: f64,
    /// Mean forward return of all valid rows.
    pub unconditional_mean: f64,
    /// `mean - unconditional_mean`.
    pub difference: f64,
    /// Shocks at least `horizon` rows after the one kept before.
    pub declustered_rows: Vec<usize>,
    /// Their number.
    pub declustered_n: usize,
    /// Mean forward return of the declustered shocks.
    pub declustered_mean: f64,
    /// Tests, `None` with fewer than [`MINIMUM`] declustered shocks.
    pub tests: Option<Tests>,
    /// Why the tests are withheld.
    pub tests_withheld: Option<Missing>,
}

/// Inference that respects overlapping windows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tests {
    /// Circular shift of all shock rows together.
    pub circular_shift: CircularShift,
    /// Regression on the shock dummy.
    pub newey_west: NeweyWest,
    /// Block lengths of the forward-return series.
    pub politis_white_block_length_of_forward_series: BlockLength,
    /// Stationary-bootstrap percentile interval (90%) of the difference.
    pub bootstrap_difference: Interval,
}

/// Permutation by rotation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CircularShift {
    /// Shifts tried, n - 1.
    pub n_shifts: usize,
    /// Shifts with a difference at least as large in size.
    pub n_ge: usize,
    /// `(1 + n_ge) / n`.
    pub p_two_sided: f64,
}

/// Least squares on a constant and the shock dummy with HAC standard errors.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct NeweyWest {
    /// Bartlett lag, horizon - 1.
    pub lag: usize,
    /// Mean after shocks minus mean after other rows.
    pub coef_event: f64,
    /// Newey & West (1987) standard error, no small-sample factor.
    pub se: f64,
    /// `coef_event / se`, asymptotically N(0, 1).
    pub t: f64,
    /// Two-sided normal p-value.
    pub p: f64,
}

/// Forward returns after rows with `z <= threshold`, against all rows that have a z and a forward return.
///
/// `returns` are log returns per row and `z` one-step standardised returns, both of length T, `None`
/// where missing. Difference Δ: mean after shocks minus mean of all valid rows. Tests: (a) all shock rows
/// rotate together by q = 1..n-1 through the valid rows, `p = (1 + #{|Δ_q| >= |Δ|})/n`; (b) Newey & West
/// (1987); (c) stationary bootstrap of pairs of forward return and dummy, block by [`politis_white`].
///
/// # Errors
/// [`Missing::LengthMismatch`], [`Missing::Invalid`] for a threshold that is not negative, a horizon of 0
/// or values that are not finite, [`Missing::TooFew`] without a shock.
pub fn forward_returns(returns: &[Option<f64>], z: &[Option<f64>], rule: Rule) -> Outcome<ForwardReturns> {
    check(returns, z, rule)?;
    let sample = Sample::new(returns, z, rule);
    if sample.events.is_empty() {
        return Err(Missing::TooFew { what: "shocks", have: 0, need: 1 });
    }
    let at = |pick: &[f64]| -> Vec<f64> { sample.events.iter().map(|k| pick[*k]).collect() };
    let (forward, event_z) = (at(&sample.forward), at(&sample.z));
    let rows: Vec<usize> = sample.events.iter().map(|k| sample.rows[*k]).collect();
    let kept = decluster(&rows, rule.horizon);
    let declustered: Vec<f64> = kept.iter().map(|k| forward[*k]).collect();
    let (mean, unconditional_mean) = (moments::mean(&forward)?, moments::mean(&sample.forward)?);
    let enough = kept.len() >= MINIMUM;
    let withheld = Missing::TooFew { what: "shocks that do not overlap", have: kept.len(), need: MINIMUM };
    let tests = if enough { sample.tests(rule) } else { Err(withheld) };
    Ok(ForwardReturns {
        rule,
        n_valid_days: sample.rows.len(),
        event_z,
        median: moments::median(&forward)?,
        hit_rate_positive: forward.iter().filter(|r| **r > 0.0).count() as f64 / forward.len() as f64,
        mean,
        unconditional_mean,
        difference: mean - unconditional_mean,
        declustered_rows: kept.iter().map(|k| rows[*k]).collect(),
        declustered_n: kept.len(),
        declustered_mean: moments::mean(&declustered)?,
        event_rows_zero_based: rows,
        forward,
        tests_withheld: tests.as_ref().err().cloned(),
        tests: tests.ok(),
    })
}

fn check(returns: &[Option<f64>], z: &[Option<f64>], rule: Rule) -> Outcome<()> {
    if returns.len() != z.len() {
        return Err(Missing::LengthMismatch { what: "returns and z", left: returns.len(), right: z.len() });
    }
    if rule.threshold.is_nan() || rule.threshold >= 0.0 {
        return Err(Missing::Invalid { what: "the threshold" });
    }
    if rule.horizon == 0 {
        return Err(Missing::Invalid { what: "the horizon" });
    }
    let wrong = |v: &f64| !v.is_finite() || v.abs() > 1e140;
    if returns.iter().chain(z).flatten().any(wrong) {
        return Err(Missing::Invalid { what: "a return or z" });
    }
    Ok(())
}

/// Positions of shocks kept when each has to be `gap` rows after the one kept before.
fn decluster(rows: &[usize], gap: usize) -> Vec<usize> {
    let mut kept: Vec<usize> = Vec::new();
    for (k, row) in rows.iter().enumerate() {
        if kept.last().is_none_or(|last| row - rows[*last] >= gap) {
            kept.push(k);
        }
    }
    kept
}

/// The valid rows: forward returns, z, and positions of shocks.
struct Sample {
    rows: Vec<usize>,
    forward: Vec<f64>,
    z: Vec<f64>,
    events: Vec<usize>,
}

impl Sample {
    fn new(returns: &[Option<f64>], z: &[Option<f64>], rule: Rule) -> Self {
        let mut sample = Self { rows: Vec::new(), forward: Vec::new(), z: Vec::new(), events: Vec::new() };
        for (t, z) in z.iter().enumerate() {
            let ahead = returns.get(t + 1..t + 1 + rule.horizon);
            let Some((z, sum)) = z.zip(ahead.and_then(|r| r.iter().copied().sum::<Option<f64>>())) else {
                continue;
            };
            if z <= rule.threshold {
                sample.events.push(sample.rows.len());
            }
            sample.rows.push(t);
            sample.forward.push(sum);
            sample.z.push(z);
        }
        sample
    }

    fn tests(&self, rule: Rule) -> Outcome<Tests> {
        let block = politis_white(&self.forward)?;
        Ok(Tests {
            circular_shift: self.circular_shift()?,
            newey_west: self.newey_west(rule.horizon - 1)?,
            politis_white_block_length_of_forward_series: block,
            bootstrap_difference: self.bootstrap(block.stationary, rule)?,
        })
    }

    fn circular_shift(&self) -> Outcome<CircularShift> {
        let n = self.forward.len();
        let all = moments::mean(&self.forward)?;
        let difference = |q: usize| {
            let sum: f64 = self.events.iter().map(|k| self.forward[(k + q) % n]).sum();
            (sum / self.events.len() as f64 - all).abs()
        };
        let observed = difference(0);
        // Equal differences summed in another order count as equal.
        let limit = observed * (1.0 - 1e-12);
        let n_ge = (1..n).filter(|q| difference(*q) >= limit).count();
        Ok(CircularShift { n_shifts: n - 1, n_ge, p_two_sided: (1 + n_ge) as f64 / n as f64 })
    }

    fn dummy(&self) -> Vec<bool> {
        let mut dummy = vec![false; self.rows.len()];
        for k in &self.events {
            dummy[*k] = true;
        }
        dummy
    }

    fn newey_west(&self, lag: usize) -> Outcome<NeweyWest> {
        let dummy = self.dummy();
        let pick = |event: bool| -> Vec<f64> {
            self.forward.iter().zip(&dummy).filter(|(_, d)| **d == event).map(|(f, _)| *f).collect()
        };
        let (events, others) = (pick(true), pick(false));
        let (high, low) = (moments::mean(&events)?, moments::mean(&others)?);
        // Influence of a row on the difference of means: e/n_1 for shocks, -e/n_0 for others.
        let (n1, n0) = (events.len() as f64, others.len() as f64);
        let influence = self.forward.iter().zip(&dummy);
        let influence = influence.map(|(f, d)| if *d { (f - high) / n1 } else { -(f - low) / n0 });
        let se = bartlett(&influence.collect::<Vec<f64>>(), lag).sqrt();
        if se.is_nan() || se <= 0.0 {
            return Err(Missing::ConstantSeries { what: "the forward return" });
        }
        let t = (high - low) / se;
        Ok(NeweyWest { lag, coef_event: high - low, se, t, p: normal_two_sided(t) })
    }

    fn bootstrap(&self, block: f64, rule: Rule) -> Outcome<Interval> {
        let dummy = self.dummy();
        let n = self.rows.len();
        let statistic = |rows: &[usize]| {
            let (mut sum, mut shocked, mut count) = (0.0, 0.0, 0.0);
            for t in rows {
                sum += self.forward[*t];
                if dummy[*t] {
                    shocked += self.forward[*t];
                    count += 1.0;
                }
            }
            (count > 0.0).then(|| shocked / count - sum / n as f64)
        };
        interval(n, block, rule.draws, rule.seed, 0.9, statistic)
    }
}

/// `Σx² + 2 Σ_{l<=lag} (1 - l/(lag+1)) Σ x_t x_{t-l}`, the Bartlett long-run variance of a sum.
pub fn bartlett(x: &[f64], lag: usize) -> f64 {
    let gamma = |l: usize| x[l.min(x.len())..].iter().zip(x).map(|(a, b)| a * b).sum::<f64>();
    let weighted = (1..=lag).map(|l| (1.0 - l as f64 / (lag + 1) as f64) * gamma(l));
    gamma(0) + 2.0 * weighted.sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;

    const RULE: Rule = Rule { threshold: -1.0, horizon: 2, draws: 199, seed: 1 };

    #[test]
    fn few_cases_are_listed_without_tests() {
        let returns: Vec<Option<f64>> = [0.0, 0.1, 0.2, -0.1, 0.3, 0.0].iter().map(|r| Some(*r)).collect();
        let z = [None, Some(-2.0), Some(-1.5), Some(0.0), Some(-3.0), Some(-9.0)];
        let out = forward_returns(&returns, &z, RULE).unwrap();
        // Row 4 has one return ahead and row 5 none: neither counts.
        assert_eq!(out.event_rows_zero_based, [1, 2]);
        assert_eq!(out.declustered_rows, [1]);
        assert_eq!(out.n_valid_days, 3);
        assert!((out.forward[0] - 0.1).abs() < 1e-15 && (out.forward[1] - 0.2).abs() < 1e-15);
        assert!(out.tests.is_none() && matches!(out.tests_withheld, Some(Missing::TooFew { have: 1, .. })));
    }

    #[test]
    fn tests_do_not_depend_on_the_unit() {
        let mut stream = Stream::new(9);
        let returns: Vec<Option<f64>> = (0..400).map(|_| Some(stream.normal() * 0.01)).collect();
        let z: Vec<Option<f64>> = returns.iter().map(|r| r.map(|r| r / 0.01)).collect();
        let scaled: Vec<Option<f64>> = returns.iter().map(|r| r.map(|r| r * 100.0)).collect();
        let a = forward_returns(&returns, &z, RULE).unwrap().tests.unwrap();
        let b = forward_returns(&scaled, &z, RULE).unwrap().tests.unwrap();
        assert_eq!(a.circular_shift, b.circular_shift);
        assert!((a.newey_west.t - b.newey_west.t).abs() < 1e-9);
        assert!((a.bootstrap_difference.low * 100.0 - b.bootstrap_difference.low).abs() < 1e-9);
        assert!(a.bootstrap_difference.low < a.bootstrap_difference.high);
    }

    #[test]
    fn refusals_are_typed() {
        let r = [Some(0.1), Some(0.2)];
        assert!(matches!(forward_returns(&r, &r, RULE), Err(Missing::TooFew { have: 0, .. })));
        let rule = Rule { threshold: 1.0, ..RULE };
        assert!(matches!(forward_returns(&r, &r, rule), Err(Missing::Invalid { .. })));
        assert!(matches!(forward_returns(&r, &r[..1], RULE), Err(Missing::LengthMismatch { .. })));
    }
}
