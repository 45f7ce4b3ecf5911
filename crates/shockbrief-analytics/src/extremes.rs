//! How rare a day is: peaks over a threshold with the generalised Pareto law.
//!
//! Losses beyond a high threshold u follow `P(X > u + y | X > u) = (1 + ξ y/σ)^(-1/ξ)` whatever the law of the
//! rest (Pickands 1975; Coles 2001, chapter 4). With λ the share of days beyond u, a loss x is exceeded on
//! one day in `1/(λ (1 + ξ (x - u)/σ)^(-1/ξ))`. Maximum likelihood over one parameter after Grimshaw (1993);
//! the interval is that of the profile likelihood in λ, σ and ξ, so that it is as lopsided as the data are.
//! Days are taken as they come: losses cluster, and the interval knows nothing of it.

use crate::moments;
use crate::reason::{Missing, Outcome, finite};
use serde::Serialize;

/// Share of days beyond the threshold.
pub const TAIL: f64 = 0.05;

/// Exceedances that a fit needs.
pub const MIN_EXCEEDANCES: usize = 30;

/// Half of the 95 % quantile of χ² with one degree of freedom.
const HALF_CHI2: f64 = 1.920_729_410_347_062;

/// Shape below which the likelihood has no regular maximum.
const LEAST_SHAPE: f64 = -0.5;

/// A fitted tail.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tail {
    /// Days.
    pub n: usize,
    /// Threshold u.
    pub threshold: f64,
    /// Days beyond it.
    pub exceedances: usize,
    /// Shape ξ.
    pub shape: f64,
    /// Scale σ, in the unit of the losses.
    pub scale: f64,
    /// Largest loss.
    pub largest: f64,
    #[serde(skip)]
    excess: Vec<f64>,
}

/// How rare a loss is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ReturnPeriod {
    /// One day in so many; `None` when the fitted law has no such loss.
    pub days: Option<f64>,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end; `None` when the data set no bound.
    pub high: Option<f64>,
}

/// Fits the tail of `losses` (positive is bad) beyond their 1 - `tail` quantile.
///
/// # Errors
/// [`Missing::TooFew`] below [`MIN_EXCEEDANCES`] days beyond the threshold, [`Missing::Invalid`] for a value
/// that is not finite or a tail outside (0, 0.5), [`Missing::ConstantSeries`], [`Missing::NotConverged`]
/// when the likelihood has no inner maximum.
pub fn tail(losses: &[f64], share: f64) -> Outcome<Tail> {
    if losses.iter().any(|x| !x.is_finite()) || !(share > 0.0 && share < 0.5) {
        return Err(Missing::Invalid { what: "a loss, or the share of the tail" });
    }
    let threshold = moments::quantile(losses, 1.0 - share)?;
    let excess: Vec<f64> = losses.iter().filter(|x| **x > threshold).map(|x| x - threshold).collect();
    if excess.len() < MIN_EXCEEDANCES {
        let (have, need) = (excess.len(), MIN_EXCEEDANCES);
        return Err(Missing::TooFew { what: "days beyond the threshold", have, need });
    }
    moments::positive_sd(&excess, "the tail")?;
    let (shape, scale) = fitted(&excess)?;
    let largest = losses.iter().copied().fold(f64::MIN, f64::max);
    Ok(Tail { n: losses.len(), threshold, exceedances: excess.len(), shape, scale, largest, excess })
}

/// Maximum over θ = ξ/σ of the likelihood with ξ = mean ln(1 + θ y) put in (Grimshaw 1993).
fn fitted(y: &[f64]) -> Outcome<(f64, f64)> {
    let n = y.len() as f64;
    let (mean, most) = (moments::mean(y)?, y.iter().copied().fold(0.0, f64::max));
    let shape = |theta: f64| y.iter().map(|v| (theta * v).ln_1p()).sum::<f64>() / n;
    let value = |theta: f64| -> f64 {
        if theta.abs() * mean < 1e-8 {
            return -n * (mean.ln() + 1.0);
        }
        let xi = shape(theta);
        if xi < LEAST_SHAPE || !xi.is_finite() || xi / theta <= 0.0 {
            return f64::NEG_INFINITY;
        }
        -n * ((xi / theta).ln() + xi + 1.0)
    };
    let grid: Vec<f64> = (1..200)
        .map(|k| -(1.0 - f64::from(k) / 200.0) / most)
        .chain((-200..120).map(|k| 10.0_f64.powf(f64::from(k) / 40.0) / mean))
        .collect();
    let best = (0..grid.len()).max_by(|a, b| value(grid[*a]).total_cmp(&value(grid[*b]))).unwrap_or(0);
    if best == 0 || best + 1 == grid.len() || value(grid[best]) == f64::NEG_INFINITY {
        return Err(Missing::NotConverged { what: "the tail" });
    }
    let theta = golden(value, grid[best - 1], grid[best + 1], 80);
    if theta.abs() * mean < 1e-8 {
        return Ok((0.0, mean));
    }
    let xi = shape(theta);
    Ok((xi, finite(xi / theta, "the scale of the tail")?))
}

/// Place of the maximum of a function with one maximum on an interval, which each step shortens by the golden ratio: to
/// rounding in 80 steps, to a ten-thousandth in 20.
fn golden(f: impl Fn(f64) -> f64, mut low: f64, mut high: f64, steps: u32) -> f64 {
    const RATIO: f64 = 0.618_033_988_749_894_8;
    let (mut a, mut b) = (high - RATIO * (high - low), low + RATIO * (high - low));
    let (mut fa, mut fb) = (f(a), f(b));
    for _ in 0..steps {
        if fa < fb {
            (low, a, fa) = (a, b, fb);
            b = low + RATIO * (high - low);
            fb = f(b);
        } else {
            (high, b, fb) = (b, a, fa);
            a = high - RATIO * (high - low);
            fa = f(a);
        }
    }
    0.5 * (low + high)
}

/// ln of the survival function of the generalised Pareto law; -∞ beyond its end.
fn log_survival(y: f64, shape: f64, scale: f64) -> f64 {
    let z = y / scale;
    if shape.abs() < 1e-9 {
        return -z;
    }
    if 1.0 + shape * z <= 0.0 { f64::NEG_INFINITY } else { -(shape * z).ln_1p() / shape }
}

impl Tail {
    /// Share of days on which a loss beyond `x` is expected.
    ///
    /// # Errors
    /// [`Missing::Invalid`] for a loss below the threshold, of which the tail says nothing.
    pub fn exceeded(&self, x: f64) -> Outcome<f64> {
        Ok((self.rate().ln() + log_survival(self.excess_of(x)?, self.shape, self.scale)).exp())
    }

    fn rate(&self) -> f64 {
        self.exceedances as f64 / self.n as f64
    }

    fn excess_of(&self, x: f64) -> Outcome<f64> {
        if !(x.is_finite() && x >= self.threshold) {
            return Err(Missing::Invalid { what: "a loss below the threshold of the tail" });
        }
        Ok(x - self.threshold)
    }

    /// "One day in n" for a loss of at least `x`, with the 95 % interval of the profile likelihood.
    ///
    /// # Errors
    /// As [`Tail::exceeded`].
    pub fn return_period(&self, x: f64) -> Outcome<ReturnPeriod> {
        let y = self.excess_of(x)?;
        let at = self.exceeded(x)?;
        let best = self.likelihood(self.rate(), self.shape, self.scale);
        let inside = |log_share: f64| best - self.profile(y, log_share) <= HALF_CHI2;
        // A law without such a loss has share 0; the search then starts from the largest share inside.
        let centre = if at > 1e-12 { at.ln() } else { self.largest_inside(&inside) };
        let frequent = edge(&inside, centre, 0.0);
        let rare = if at > 1e-12 && !inside(1e-12_f64.ln()) {
            Some(edge(&inside, centre, 1e-12_f64.ln()))
        } else {
            None
        };
        Ok(ReturnPeriod {
            days: (at > 1e-12).then(|| at.recip()),
            low: (-frequent).exp(),
            high: rare.map(|log| (-log).exp()),
        })
    }

    fn largest_inside(&self, inside: &impl Fn(f64) -> bool) -> f64 {
        (0..280).map(|k| -0.1 * f64::from(k)).find(|log| inside(*log)).unwrap_or(-28.0)
    }

    /// Log likelihood of rate, shape and scale together.
    fn likelihood(&self, rate: f64, shape: f64, scale: f64) -> f64 {
        let (n, k) = (self.n as f64, self.exceedances as f64);
        let days = k * rate.ln() + (n - k) * (-rate).ln_1p();
        if shape.abs() < 1e-9 {
            return days - k * scale.ln() - self.excess.iter().sum::<f64>() / scale;
        }
        let mut sum = 0.0;
        for y in &self.excess {
            let inner = shape * y / scale;
            if inner <= -1.0 {
                return f64::NEG_INFINITY;
            }
            sum += inner.ln_1p();
        }
        days - k * scale.ln() - (1.0 + 1.0 / shape) * sum
    }

    /// Largest likelihood when a loss beyond y has the given ln share: over the rate and the shape, the
    /// scale following from both.
    fn profile(&self, y: f64, log_share: f64) -> f64 {
        let spread = 4.0 / (self.exceedances as f64).sqrt();
        let over_shape = |log_rate: f64| -> f64 {
            let rate = log_rate.exp();
            let log_tail = log_share - log_rate;
            if rate >= 1.0 || log_tail >= 0.0 {
                return f64::NEG_INFINITY;
            }
            let value = |shape: f64| {
                // (1 + ξ y/σ)^(-1/ξ) = tail gives σ.
                let scale =
                    if shape.abs() < 1e-9 { -y / log_tail } else { shape * y / (-shape * log_tail).exp_m1() };
                if scale > 0.0 && scale.is_finite() {
                    self.likelihood(rate, shape, scale)
                } else {
                    f64::NEG_INFINITY
                }
            };
            let step = 0.1;
            let grid = (0..=25).map(|k| LEAST_SHAPE + step * f64::from(k)).map(|shape| (shape, value(shape)));
            let (best, most) =
                grid.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((LEAST_SHAPE, f64::NEG_INFINITY));
            let at = golden(value, (best - step).max(LEAST_SHAPE), best + step, 20);
            value(at).max(most)
        };
        let centre = self.rate().ln();
        let at = golden(over_shape, centre - spread, (centre + spread).min(-1e-6), 20);
        over_shape(at)
    }
}

/// The point between one inside and one outside at which a set ends.
fn edge(inside: &impl Fn(f64) -> bool, within: f64, beyond: f64) -> f64 {
    let (mut a, mut b) = (within, beyond);
    for _ in 0..24 {
        let middle = 0.5 * (a + b);
        if inside(middle) { a = middle } else { b = middle }
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;

    /// Quantiles of a generalised Pareto law beyond 1 at the middles of n equal shares, and n·19 days below.
    fn ladder(n: usize, shape: f64, scale: f64) -> Vec<f64> {
        let beyond = (0..n).map(|k| {
            let tail = (k as f64 + 0.5) / n as f64;
            1.0 + scale * (tail.powf(-shape) - 1.0) / shape
        });
        beyond.chain((0..19 * n).map(|k| k as f64 / (19 * n) as f64)).collect()
    }

    #[test]
    fn a_known_tail_is_recovered() {
        for shape in [-0.2, 0.15, 0.4] {
            let fit = tail(&ladder(400, shape, 0.7), TAIL).unwrap();
            assert!((fit.shape - shape).abs() < 0.03, "{shape}: {}", fit.shape);
            assert!((fit.scale - 0.7).abs() < 0.04, "{shape}: {}", fit.scale);
            // The loss beyond which one of 400 exceedances lies: one day in 8,000.
            let x = 1.0 + 0.7 * (400.0_f64.powf(shape) - 1.0) / shape;
            let period = fit.return_period(x).unwrap();
            let days = period.days.unwrap();
            assert!(days > 5_000.0 && days < 14_000.0, "{shape}: {days}");
            assert!(period.low < days && period.high.is_none_or(|h| h > days));
        }
    }

    #[test]
    fn fit_and_interval_as_an_independent_search_gives_them() {
        // The same 2,400 losses in numpy; likelihood and profile maximised by scipy's Nelder-Mead over (ξ, ln σ)
        // and (ln λ, ξ), ends of the interval by Brent's method.
        for (shape, xi, sigma, loss, [days, low, high]) in [
            (0.2, 0.185_146_236_8, 0.708_241_476_8, 4.0, [456.320_542, 239.866_508, 950.965_423]),
            (-0.2, -0.219_512_005_4, 0.712_242_306_2, 2.5, [337.963_226, 198.005_151, 606.910_462]),
            (0.4, 0.386_496_849_6, 0.706_897_036_1, 4.0, [246.623_804, 151.675_909, 423.887_056]),
        ] {
            let fit = tail(&ladder(120, shape, 0.7), TAIL).unwrap();
            assert!((fit.shape - xi).abs() < 1e-6 && (fit.scale - sigma).abs() < 1e-6, "{shape}: {fit:?}");
            let period = fit.return_period(loss).unwrap();
            assert!((period.days.unwrap() / days - 1.0).abs() < 1e-5, "{shape}: {period:?}");
            assert!((period.low / low - 1.0).abs() < 2e-3, "{shape}: {period:?}");
            assert!((period.high.unwrap() / high - 1.0).abs() < 2e-3, "{shape}: {period:?}");
        }
    }

    #[test]
    fn the_maximum_is_a_maximum() {
        let mut s = Stream::new(31);
        let losses: Vec<f64> = (0..2_500).map(|_| 0.01 * s.unit_student(5)).collect();
        let fit = tail(&losses, TAIL).unwrap();
        let at = |shape: f64, scale: f64| fit.likelihood(fit.rate(), shape, scale);
        let best = at(fit.shape, fit.scale);
        for (a, b) in [(0.01, 0.0), (-0.01, 0.0), (0.0, 1e-4), (0.0, -1e-4), (0.01, -1e-4), (-0.01, 1e-4)] {
            assert!(at(fit.shape + a, fit.scale + b) < best);
        }
        // The profile touches the maximum at the fitted share.
        let x = fit.threshold + 3.0 * fit.scale;
        let profile = fit.profile(x - fit.threshold, fit.exceeded(x).unwrap().ln());
        assert!((profile - best).abs() < 1e-3, "{profile} {best}");
    }

    #[test]
    fn refusals_are_typed() {
        let few = ladder(20, 0.2, 1.0);
        assert!(matches!(tail(&few, TAIL), Err(Missing::TooFew { have: 20, .. })));
        assert!(tail(&[f64::NAN; 900], TAIL).is_err() && tail(&few, 0.6).is_err());
        let fit = tail(&ladder(100, 0.2, 1.0), TAIL).unwrap();
        assert!(fit.return_period(0.5).is_err());
        // Beyond the end of a bounded law: never by the fit, and no upper bound.
        let bounded = tail(&ladder(100, -0.3, 1.0), TAIL).unwrap();
        let never = bounded.return_period(40.0).unwrap();
        assert!(never.days.is_none() && never.high.is_none() && never.low > 1_000.0);
    }
}
