//! Risk and performance measures of a return series, with or without a benchmark.
//!
//! Inputs are simple returns per period in decimals, `None` where missing. A missing return is not a
//! period: it enters neither sums nor the exponent of the annualised return, unless the return after it
//! spans it ([`performance_over`]). A spread that is rounding of prices is no spread: the returns are then
//! taken as constant, and what divides by their spread has a reason. The risk-free rate is zero
//! unless the caller subtracts it; the number of periods per year is an argument and never guessed.
//! Definitions follow Bacon (2008), *Practical Portfolio Performance Measurement and Attribution*, as
//! computed by R's PerformanceAnalytics; each entry of [`MEASURES`] and [`RELATIVE`] states its own.
//! A measure that does not exist for the data (a downside ratio without a loss) carries a reason.

use crate::distributions::{normal_quantile, normal_upper};
use crate::drawdown::{Drawdowns, drawdowns};
use crate::moments;
use crate::reason::{Missing, Outcome, finite};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// How returns are scaled and what counts as a loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Periods per year (12 monthly, 252 daily).
    pub periods_per_year: f64,
    /// Minimum acceptable return per period, in decimals.
    pub mar: f64,
}

/// A measure of one series: its name, what it is, and how it is computed.
pub struct Measure<C> {
    /// Name in the results.
    pub name: &'static str,
    /// Formula in words and symbols.
    pub doc: &'static str,
    compute: fn(&C) -> Outcome<f64>,
}

/// Measures by name, each a value or the reason why there is none. Serialises to a map in which a missing
/// measure is null, with a `reasons` map when there is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Measures {
    /// Returns (or pairs of returns) used.
    pub n: usize,
    /// Name and outcome in the order of the catalogue.
    pub values: Vec<(&'static str, Outcome<f64>)>,
}

impl Measures {
    /// The outcome called `name`, `None` when the catalogue has no such measure.
    pub fn get(&self, name: &str) -> Option<&Outcome<f64>> {
        self.values.iter().find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    fn of<C>(catalogue: &[Measure<C>], context: &C, n: usize) -> Self {
        let value = |m: &Measure<C>| (m.name, (m.compute)(context).and_then(|v| finite(v, "the result")));
        Self { n, values: catalogue.iter().map(value).collect() }
    }
}

impl Serialize for Measures {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("n", &self.n)?;
        for (name, value) in &self.values {
            map.serialize_entry(name, &value.as_ref().ok())?;
        }
        let reasons = self.values.iter().filter_map(|(name, v)| Some((*name, v.as_ref().err()?.to_string())));
        let reasons: std::collections::BTreeMap<_, _> = reasons.collect();
        if !reasons.is_empty() {
            map.serialize_entry("reasons", &reasons)?;
        }
        map.end()
    }
}

/// Every measure of [`MEASURES`] for one series.
///
/// # Errors
/// [`Missing::TooFew`] below two returns, [`Missing::Invalid`] for a return that is not finite or at most
/// -1, or for settings out of range.
pub fn performance(returns: &[Option<f64>], settings: Settings) -> Outcome<Measures> {
    let single = Single::new(returns.iter().flatten().copied().collect(), settings)?;
    Ok(Measures::of(MEASURES, &single, single.r.len()))
}

/// As [`performance`] for returns that span `elapsed` periods together: a return after a gap in prices
/// covers the gap, and annualised returns count its periods.
///
/// # Errors
/// As [`performance`], and [`Missing::Invalid`] for fewer periods than returns.
pub fn performance_over(returns: &[Option<f64>], settings: Settings, elapsed: usize) -> Outcome<Measures> {
    let mut single = Single::new(returns.iter().flatten().copied().collect(), settings)?;
    if elapsed < single.r.len() {
        return Err(Missing::Invalid { what: "the number of periods" });
    }
    single.periods = elapsed as f64;
    Ok(Measures::of(MEASURES, &single, single.r.len()))
}

/// Every measure of [`RELATIVE`] for a series against a benchmark, over the rows where both are present.
///
/// # Errors
/// As [`performance`], and [`Missing::LengthMismatch`].
pub fn relative(returns: &[Option<f64>], benchmark: &[Option<f64>], settings: Settings) -> Outcome<Measures> {
    if returns.len() != benchmark.len() {
        let (left, right) = (returns.len(), benchmark.len());
        return Err(Missing::LengthMismatch { what: "returns and benchmark", left, right });
    }
    let both = returns.iter().zip(benchmark).filter_map(|(a, b)| Some(((*a)?, (*b)?)));
    let (a, b): (Vec<f64>, Vec<f64>) = both.unzip();
    let pair = Pair::new(Single::new(a, settings)?, Single::new(b, settings)?)?;
    Ok(Measures::of(RELATIVE, &pair, pair.a.r.len()))
}

/// One series, prepared.
pub struct Single {
    r: Vec<f64>,
    settings: Settings,
    /// Periods that the returns cover.
    periods: f64,
    mean: f64,
    sd: f64,
    sd_ml: f64,
    drawdown: Vec<f64>,
    episodes: Drawdowns,
}

impl Single {
    fn new(r: Vec<f64>, settings: Settings) -> Outcome<Self> {
        let scaled = settings.periods_per_year.is_finite() && settings.periods_per_year > 0.0;
        if !(scaled && settings.mar.is_finite()) {
            return Err(Missing::Invalid { what: "the number of periods per year, or the minimum return" });
        }
        if r.iter().any(|r| !r.is_finite() || *r <= -1.0) {
            return Err(Missing::Invalid { what: "a return" });
        }
        let (mean, spread) = (moments::mean(&r)?, moments::sd(&r, 1)?);
        let varies = moments::return_varies(spread, mean.abs());
        let r = if varies { r } else { vec![mean; r.len()] };
        let (sd, sd_ml) = if varies { (spread, moments::sd(&r, 0)?) } else { (0.0, 0.0) };
        let wealth = wealth(&r);
        let priced: Vec<Option<f64>> = wealth.iter().copied().map(Some).collect();
        let episodes = drawdowns(&priced)?;
        let periods = r.len() as f64;
        Ok(Self { r, settings, periods, mean, sd, sd_ml, drawdown: below_peak(&wealth), episodes })
    }

    fn n(&self) -> f64 {
        self.r.len() as f64
    }

    fn cumulated(&self) -> f64 {
        self.r.iter().map(|r| 1.0 + r).product()
    }

    fn annual(&self) -> f64 {
        self.cumulated().powf(self.settings.periods_per_year / self.periods) - 1.0
    }

    fn root_year(&self) -> f64 {
        self.settings.periods_per_year.sqrt()
    }

    /// The standard deviation, refused when it is rounding.
    fn spread(&self) -> Outcome<f64> {
        if self.sd == 0.0 { Err(Missing::ConstantSeries { what: "the return" }) } else { Ok(self.sd) }
    }

    fn above(&self, level: f64) -> (f64, f64) {
        sum_and_count(self.r.iter().map(|r| r - level).filter(|d| *d > moments::ZERO_RETURN))
    }

    fn below(&self, level: f64) -> (f64, f64) {
        sum_and_count(self.r.iter().map(|r| level - r).filter(|d| *d > moments::ZERO_RETURN))
    }

    fn squares_below(&self) -> (f64, f64) {
        let short = self.r.iter().map(|r| self.settings.mar - r).filter(|d| *d > moments::ZERO_RETURN);
        sum_and_count(short.map(|d| d * d))
    }

    fn central(&self, power: i32) -> f64 {
        self.r.iter().map(|r| (r - self.mean).powi(power)).sum::<f64>() / self.n()
    }

    fn skew(&self) -> Outcome<f64> {
        over(self.central(3), self.sd_ml.powi(3), "the return")
    }

    fn kurtosis(&self) -> Outcome<f64> {
        over(self.central(4), self.sd_ml.powi(4), "the return")
    }

    fn max_drawdown(&self) -> f64 {
        -self.episodes.max
    }

    fn ulcer(&self) -> f64 {
        (self.drawdown.iter().map(|d| d * d).sum::<f64>() / self.n()).sqrt()
    }

    fn pain(&self) -> f64 {
        self.drawdown.iter().sum::<f64>() / self.n()
    }

    /// Episode lengths and recovery times with an open episode taken to end one period after the last.
    fn mean_sessions(&self, of: fn(usize, usize, usize) -> usize) -> Outcome<f64> {
        let end = self.r.len() + 1;
        let times = self.episodes.episodes.iter().map(|e| of(e.peak, e.trough, e.recovery.unwrap_or(end)));
        let (sum, count) = sum_and_count(times.map(|t| t as f64));
        over(sum, count, "the running maximum")
    }

    fn modified_z(&self) -> Outcome<(f64, f64, f64)> {
        let (z, s, k) = (normal_quantile(0.05)?, self.skew()?, self.kurtosis()? - 3.0);
        let h = z + (z * z - 1.0) * s / 6.0 + (z.powi(3) - 3.0 * z) * k / 24.0
            - (2.0 * z.powi(3) - 5.0 * z) * s * s / 36.0;
        Ok((h, s, k))
    }

    fn modified_es(&self) -> Outcome<f64> {
        let (h, s, k) = self.modified_z()?;
        let (i1, i2, i3, i4, i6) = (tail(1, h), tail(2, h), tail(3, h), tail(4, h), tail(6, h));
        let d = density(h);
        let e = d
            + (i4 - 6.0 * i2 + 3.0 * d) * k / 24.0
            + (i3 - 3.0 * i1) * s / 6.0
            + (i6 - 15.0 * i4 + 45.0 * i2 - 15.0 * d) * s * s / 72.0;
        Ok(self.mean + self.sd_ml * (-e / 0.05).min(h))
    }

    fn tail_mean(&self) -> Outcome<f64> {
        mean_below(&self.r, moments::quantile(&self.r, 0.05)?)
    }

    /// Losing streaks as PerformanceAnalytics forms them: runs of negative returns, compounded as percent.
    fn burke_denominator(&self) -> f64 {
        let mut total = 0.0;
        let mut streak = 1.0_f64;
        for r in &self.r[1..] {
            if *r < 0.0 {
                streak *= 1.0 + r * 0.01;
            } else {
                total += ((streak - 1.0) * 100.0).powi(2);
                streak = 1.0;
            }
        }
        (total + ((streak - 1.0) * 100.0).powi(2)).sqrt()
    }

    fn conditional_drawdown(&self) -> Outcome<f64> {
        // One zero per stretch at or above the running maximum, one depth per episode.
        let at_peak: Vec<bool> = self.drawdown.iter().map(|d| *d <= 0.0).collect();
        let stretches = at_peak.iter().enumerate().filter(|(t, up)| **up && (*t == 0 || !at_peak[t - 1]));
        let mut depths = vec![0.0; stretches.count()];
        depths.extend(self.episodes.episodes.iter().map(|e| e.depth));
        let threshold = moments::quantile(&depths, 0.05)?;
        mean_below(&depths, threshold).map(|m| -m)
    }
}

/// Growth of one unit: one value more than returns.
fn wealth(r: &[f64]) -> Vec<f64> {
    let mut level = 1.0;
    let grown = r.iter().map(|r| {
        level *= 1.0 + r;
        level
    });
    std::iter::once(1.0).chain(grown).collect()
}

/// Distance below the running maximum per return row, positive.
fn below_peak(wealth: &[f64]) -> Vec<f64> {
    let mut peak = wealth[0];
    let distance = wealth[1..].iter().map(|w| {
        peak = peak.max(*w);
        1.0 - w / peak
    });
    distance.collect()
}

fn sum_and_count(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((0.0, 0.0), |(sum, count), v| (sum + v, count + 1.0))
}

fn over(a: f64, b: f64, what: &'static str) -> Outcome<f64> {
    if b == 0.0 { Err(Missing::ConstantSeries { what }) } else { Ok(a / b) }
}

fn no_loss(a: f64, b: f64) -> Outcome<f64> {
    if b == 0.0 {
        Err(Missing::NotApplicable { what: "no return falls below the threshold" })
    } else {
        Ok(a / b)
    }
}

fn no_fall(a: f64, b: f64) -> Outcome<f64> {
    if b == 0.0 { Err(Missing::NotApplicable { what: "the series never falls" }) } else { Ok(a / b) }
}

fn mean_below(x: &[f64], threshold: f64) -> Outcome<f64> {
    let tail: Vec<f64> = x.iter().copied().filter(|v| *v <= threshold).collect();
    moments::mean(&tail)
}

fn density(z: f64) -> f64 {
    (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

/// Partial moments of the Edgeworth expansion (Boudt, Peterson & Croux 2008, appendix).
fn tail(power: usize, h: f64) -> f64 {
    let odd = power % 2;
    let factor = |i: usize| -> f64 { (1 - odd..=i).map(|j| (2 * j + odd) as f64).product() };
    let top = power / 2;
    let full = factor(top);
    let head = if odd == 1 { -full * normal_upper(-h) } else { full * density(h) };
    let terms = (1 - odd..=top).map(|i| full / factor(i) * h.powi((2 * i + odd) as i32) * density(h));
    head + terms.sum::<f64>()
}

macro_rules! measure {
    ($name:literal, $doc:literal, $f:expr) => {
        Measure { name: $name, doc: $doc, compute: $f }
    };
}

/// Measures of one series, in the order of the results.
pub const MEASURES: &[Measure<Single>] = &[
    measure!("mean", "mean return per period, Σr/n", |s| Ok(s.mean)),
    measure!("sd", "standard deviation per period, divisor n-1", |s| s.spread()),
    measure!("cum_return", "Π(1+r) - 1", |s| Ok(s.cumulated() - 1.0)),
    measure!("ann_return_geo", "Π(1+r)^(periods/n) - 1", |s| Ok(s.annual())),
    measure!("ann_return_arith", "mean times periods per year", |s| {
        Ok(s.mean * s.settings.periods_per_year)
    }),
    measure!("ann_sd", "sd times the root of periods per year", |s| { Ok(s.spread()? * s.root_year()) }),
    measure!("sharpe_period", "mean/sd per period (Sharpe 1966)", |s| over(s.mean, s.sd, "the return")),
    measure!("sharpe_ann_geo", "ann_return_geo/ann_sd", |s| {
        over(s.annual(), s.sd * s.root_year(), "the return")
    }),
    measure!("sharpe_ann_arith", "sharpe_period times the root of periods per year", |s| {
        over(s.mean * s.root_year(), s.sd, "the return")
    }),
    measure!("sortino", "(mean - MAR)/downside_dev_full per period (Sortino & Price 1994)", |s| {
        no_loss(s.mean - s.settings.mar, (s.squares_below().0 / s.n()).sqrt())
    }),
    measure!("downside_dev_full", "sqrt(Σ min(r - MAR, 0)²/n)", |s| Ok(
        (s.squares_below().0 / s.n()).sqrt()
    )),
    measure!("downside_dev_subset", "the same sum over the number of returns below MAR", |s| {
        let (sum, count) = s.squares_below();
        no_loss(sum, count).map(f64::sqrt)
    }),
    measure!("downside_potential", "Σ max(MAR - r, 0)/n", |s| Ok(s.below(s.settings.mar).0 / s.n())),
    measure!("upside_potential_mean", "Σ max(r - MAR, 0)/n", |s| Ok(s.above(s.settings.mar).0 / s.n())),
    measure!("upside_risk", "sqrt(Σ max(r - MAR, 0)²/n)", |s| {
        let squares = s.r.iter().map(|r| (r - s.settings.mar).max(0.0).powi(2));
        Ok((squares.sum::<f64>() / s.n()).sqrt())
    }),
    measure!("downside_frequency", "share of returns below MAR", |s| Ok(s.below(s.settings.mar).1 / s.n())),
    measure!("upside_frequency", "share of returns above MAR", |s| Ok(s.above(s.settings.mar).1 / s.n())),
    measure!("max_drawdown", "deepest fall from a running maximum, positive", |s| Ok(s.max_drawdown())),
    measure!("avg_drawdown", "mean depth of drawdown episodes, positive", |s| {
        let (sum, count) = sum_and_count(s.episodes.episodes.iter().map(|e| -e.depth));
        no_fall(sum, count)
    }),
    measure!("avg_length", "mean periods from peak to recovery, an open episode to n+1", |s| {
        s.mean_sessions(|peak, _, end| end - peak)
    }),
    measure!("avg_recovery", "mean periods from trough to recovery, an open episode to n+1", |s| {
        s.mean_sessions(|_, trough, end| end - trough)
    }),
    measure!("ulcer", "sqrt(Σd²/n), d the distance below the running maximum", |s| Ok(s.ulcer())),
    measure!("pain_index", "Σd/n", |s| Ok(s.pain())),
    measure!("calmar", "ann_return_geo/max_drawdown", |s| no_fall(s.annual(), s.max_drawdown())),
    measure!(
        "sterling",
        "ann_return_geo/(max_drawdown + 0.1)",
        |s| Ok(s.annual() / (s.max_drawdown() + 0.1))
    ),
    measure!("burke", "ann_return_geo over the root of the sum of squared losing streaks", |s| {
        no_fall(s.annual(), s.burke_denominator())
    }),
    measure!("burke_modified", "burke times the root of n", |s| {
        no_fall(s.annual() * s.n().sqrt(), s.burke_denominator())
    }),
    measure!("martin", "ann_return_geo/ulcer", |s| no_fall(s.annual(), s.ulcer())),
    measure!("pain_ratio", "ann_return_geo/pain_index", |s| no_fall(s.annual(), s.pain())),
    measure!("cdd_95", "mean of the worst 5% of drawdowns (Chekhlov, Uryasev & Zabarankin 2003)", |s| {
        s.conditional_drawdown()
    }),
    measure!("skew_moment", "m3/m2^1.5", |s| s.skew()),
    measure!("skew_sample", "n²/((n-1)(n-2)) m3/m2^1.5 (Bacon)", |s| {
        let n = s.n();
        too_short(n, 3)?;
        Ok(s.skew()? * n * n / ((n - 1.0) * (n - 2.0)))
    }),
    measure!("kurt_moment", "m4/m2²", |s| s.kurtosis()),
    measure!("kurt_excess", "m4/m2² - 3", |s| Ok(s.kurtosis()? - 3.0)),
    measure!("kurt_sample", "n(n+1)/((n-1)(n-2)(n-3)) Σ((r-mean)/sd)⁴", |s| sample_kurtosis(s)),
    measure!("kurt_sample_excess", "kurt_sample - 3(n-1)²/((n-2)(n-3))", |s| {
        let n = s.n();
        Ok(sample_kurtosis(s)? - 3.0 * (n - 1.0).powi(2) / ((n - 2.0) * (n - 3.0)))
    }),
    measure!("var95_hist", "5% quantile of returns (type 7)", |s| moments::quantile(&s.r, 0.05)),
    measure!("var95_gauss", "mean + z₀.₀₅ sd, divisor n", |s| Ok(
        s.mean + normal_quantile(0.05)? * s.sd_ml
    )),
    measure!("var95_modified", "Cornish-Fisher quantile (Favre & Galeano 2002)", |s| {
        Ok(s.mean + s.modified_z()?.0 * s.sd_ml)
    }),
    measure!("es95_hist", "mean of returns at or below their 5% quantile", |s| s.tail_mean()),
    measure!("es95_gauss", "mean - sd φ(z₀.₀₅)/0.05, divisor n", |s| {
        Ok(s.mean - s.sd_ml * density(normal_quantile(0.05)?) / 0.05)
    }),
    measure!("es95_modified", "Edgeworth expected shortfall (Boudt, Peterson & Croux 2008)", |s| s
        .modified_es()),
    measure!("omega", "Σ max(r - MAR, 0)/Σ max(MAR - r, 0) (Keating & Shadwick 2002)", |s| {
        no_loss(s.above(s.settings.mar).0, s.below(s.settings.mar).0)
    }),
    measure!("kappa2", "(mean - MAR) over the root of the second lower partial moment", |s| {
        no_loss(s.mean - s.settings.mar, (s.squares_below().0 / s.n()).sqrt())
    }),
    measure!("upside_potential", "mean excess of returns above MAR over downside_dev_subset", |s| {
        let ((up, wins), (squares, losses)) = (s.above(s.settings.mar), s.squares_below());
        let deviation = no_loss(squares, losses)?.sqrt();
        Ok(if wins == 0.0 { 0.0 } else { up / wins / deviation })
    }),
    measure!("bernardo_ledoit", "Σ max(r, 0)/Σ max(-r, 0) (Bernardo & Ledoit 1996)", |s| {
        no_loss(s.above(0.0).0, s.below(0.0).0)
    }),
    measure!("d_ratio", "losses times their sum over gains times theirs", |s| {
        let ((up, wins), (down, losses)) = (s.above(0.0), s.below(0.0));
        let gains = up * wins;
        if gains == 0.0 {
            Err(Missing::NotApplicable { what: "no return is positive" })
        } else {
            Ok(losses * down / gains)
        }
    }),
    measure!("mad", "mean absolute deviation, Σ|r - mean|/n", |s| {
        Ok(s.r.iter().map(|r| (r - s.mean).abs()).sum::<f64>() / s.n())
    }),
    measure!("hurst", "ln(range of cumulated deviations/sd)/ln n", |s| {
        let mut level = 0.0;
        let path = s.r.iter().map(|r| {
            level += r - s.mean;
            level
        });
        let (low, high) = path.fold((f64::MAX, f64::MIN), |(l, h), x| (l.min(x), h.max(x)));
        Ok(over(high - low, s.sd, "the return")?.ln() / s.n().ln())
    }),
];

fn too_short(n: f64, need: usize) -> Outcome<()> {
    if n < need as f64 { Err(Missing::TooFew { what: "returns", have: n as usize, need }) } else { Ok(()) }
}

fn sample_kurtosis(s: &Single) -> Outcome<f64> {
    let n = s.n();
    too_short(n, 4)?;
    let fourth = over(s.central(4) * n, s.sd.powi(4), "the return")?;
    Ok(fourth * n * (n + 1.0) / ((n - 1.0) * (n - 2.0) * (n - 3.0)))
}

/// A series and its benchmark, prepared.
pub struct Pair {
    a: Single,
    b: Single,
    beta: f64,
    alpha: f64,
}

impl Pair {
    fn new(a: Single, b: Single) -> Outcome<Self> {
        let beta = slope(&a.r, &b.r)?;
        let alpha = a.mean - beta * b.mean;
        Ok(Self { a, b, beta, alpha })
    }

    fn where_benchmark(&self, keep: fn(f64) -> bool) -> (Vec<f64>, Vec<f64>) {
        self.a.r.iter().zip(&self.b.r).filter(|(_, b)| keep(**b)).map(|(a, b)| (*a, *b)).unzip()
    }

    fn tracking(&self) -> Outcome<f64> {
        let gap: Vec<f64> = self.a.r.iter().zip(&self.b.r).map(|(a, b)| a - b).collect();
        Ok(spread_of(&gap, 1)? * self.a.root_year())
    }

    fn jensen(&self) -> f64 {
        self.a.annual() - self.beta * self.b.annual()
    }

    fn specific(&self) -> Outcome<f64> {
        let errors = self.a.r.iter().zip(&self.b.r).map(|(a, b)| a - b * self.beta - self.alpha);
        Ok(spread_of(&errors.collect::<Vec<f64>>(), 0)? * self.a.root_year())
    }

    fn systematic(&self) -> f64 {
        self.beta * self.b.sd * self.a.root_year()
    }

    fn capture(&self, keep: fn(f64) -> bool) -> Outcome<f64> {
        let (a, b) = self.where_benchmark(keep);
        let cumulated = |r: &[f64]| r.iter().map(|r| 1.0 + r).product::<f64>() - 1.0;
        over(cumulated(&a), cumulated(&b), "the benchmark on such days")
    }

    fn comoment(&self, power: i32) -> f64 {
        let (a, b) = (&self.a, &self.b);
        let products = a.r.iter().zip(&b.r).map(|(x, y)| (x - a.mean) * (y - b.mean).powi(power));
        products.sum::<f64>() / a.n()
    }
}

/// Standard deviation of differences of returns; zero when it is rounding.
fn spread_of(x: &[f64], ddof: usize) -> Outcome<f64> {
    let sd = moments::sd(x, ddof)?;
    Ok(if moments::return_varies(sd, 0.0) { sd } else { 0.0 })
}

fn slope(a: &[f64], b: &[f64]) -> Outcome<f64> {
    moments::positive_sd(b, "the benchmark")?;
    Ok(moments::covariance(a, b, 1)? / moments::variance(b, 1)?)
}

/// Measures against a benchmark, in the order of the results.
pub const RELATIVE: &[Measure<Pair>] = &[
    measure!("beta", "Cov(r, b)/Var(b)", |p| Ok(p.beta)),
    measure!("alpha_period", "mean r - beta mean b", |p| Ok(p.alpha)),
    measure!("beta_bull", "beta over periods with a positive benchmark", |p| {
        let (a, b) = p.where_benchmark(|b| b > 0.0);
        slope(&a, &b)
    }),
    measure!("beta_bear", "beta over periods with a negative benchmark", |p| {
        let (a, b) = p.where_benchmark(|b| b < 0.0);
        slope(&a, &b)
    }),
    measure!("jensen_alpha_ann", "annualised return - beta annualised benchmark return", |p| Ok(p.jensen())),
    measure!("tracking_error", "sd of r - b, annualised", |p| p.tracking()),
    measure!("active_premium", "annualised return - annualised benchmark return", |p| {
        Ok(p.a.annual() - p.b.annual())
    }),
    measure!("information_ratio", "active_premium/tracking_error", |p| {
        over(p.a.annual() - p.b.annual(), p.tracking()?, "the return beside its benchmark")
    }),
    measure!("treynor", "annualised return/beta", |p| over(
        p.a.annual(),
        p.beta,
        "the return with its benchmark"
    )),
    measure!("appraisal", "jensen_alpha_ann/specific_risk", |p| {
        over(p.jensen(), p.specific()?, "the residual")
    }),
    measure!("m2", "return at the benchmark's risk: R + Sharpe (sd_b - sd)", |p| {
        let (sa, sb) = (p.a.sd_ml * p.a.root_year(), p.b.sd_ml * p.b.root_year());
        Ok(p.a.annual() + over(p.a.annual(), sa, "the return")? * (sb - sa))
    }),
    measure!("specific_risk", "sd of the residual, divisor n, annualised", |p| p.specific()),
    measure!("systematic_risk", "beta times the benchmark's sd, annualised", |p| Ok(p.systematic())),
    measure!("total_risk", "root of the sum of squared systematic and specific risk", |p| {
        Ok(p.systematic().hypot(p.specific()?))
    }),
    measure!("up_capture", "compounded r over compounded b, periods with b > 0", |p| p.capture(|b| b > 0.0)),
    measure!("down_capture", "compounded r over compounded b, periods with b <= 0", |p| p
        .capture(|b| b <= 0.0)),
    measure!("up_number", "share of periods with b > 0 in which r > 0", |p| {
        let (a, _) = p.where_benchmark(|b| b > 0.0);
        over(a.iter().filter(|a| **a > 0.0).count() as f64, a.len() as f64, "the benchmark")
    }),
    measure!("coskew", "mean of (r - mean)(b - mean)²", |p| Ok(p.comoment(2))),
    measure!("cokurt", "mean of (r - mean)(b - mean)³", |p| Ok(p.comoment(3))),
    measure!("fama_beta", "sd of r over sd of b", |p| over(p.a.sd, p.b.sd, "the benchmark")),
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(measures: &Measures, name: &str) -> f64 {
        *measures.get(name).unwrap().as_ref().unwrap()
    }

    #[test]
    fn small_series_by_hand() {
        let returns = [Some(0.1), None, Some(-0.5), Some(0.2)];
        let out = performance(&returns, Settings { periods_per_year: 3.0, mar: 0.0 }).unwrap();
        assert_eq!(out.n, 3);
        assert!((value(&out, "cum_return") - (1.1 * 0.5 * 1.2 - 1.0)).abs() < 1e-15);
        assert!((value(&out, "ann_return_geo") - value(&out, "cum_return")).abs() < 1e-15);
        assert!((value(&out, "max_drawdown") - 0.5).abs() < 1e-15);
        assert!((value(&out, "omega") - 0.6).abs() < 1e-15);
        assert!((value(&out, "pain_index") - (0.5 + 0.4) / 3.0).abs() < 1e-15);
    }

    #[test]
    fn a_ratio_that_does_not_exist_has_a_reason() {
        let out =
            performance(&[Some(0.1), Some(0.2)], Settings { periods_per_year: 12.0, mar: 0.0 }).unwrap();
        assert!(matches!(out.get("sortino"), Some(Err(Missing::NotApplicable { .. }))));
        let json = serde_json::to_value(&out).unwrap();
        assert!(json["sortino"].is_null() && json["reasons"]["sortino"].is_string());
        assert!(
            performance(&[Some(-1.0), Some(0.0)], Settings { periods_per_year: 12.0, mar: 0.0 }).is_err()
        );
    }

    #[test]
    fn rounding_of_prices_is_no_risk() {
        let grown = |k: i32| 100.0 * 1.001_f64.powi(k);
        let r: Vec<Option<f64>> = (1..30).map(|k| Some(grown(k) / grown(k - 1) - 1.0)).collect();
        let out = performance(&r, Settings { periods_per_year: 252.0, mar: 0.001 }).unwrap();
        for name in
            ["sd", "sharpe_period", "sharpe_ann_geo", "skew_moment", "kurt_sample", "hurst", "sortino"]
        {
            assert!(out.get(name).unwrap().is_err(), "{name}");
        }
        assert!((value(&out, "cum_return") - (1.001_f64.powi(29) - 1.0)).abs() < 1e-12);
        assert_eq!((value(&out, "downside_dev_full"), value(&out, "max_drawdown")), (0.0, 0.0));
        // The same beside a benchmark that moves with it to the last digit.
        let b: Vec<Option<f64>> = (1..30).map(|k| Some(f64::from(k % 5) * 0.01 - 0.02)).collect();
        let a: Vec<Option<f64>> = b.iter().map(|b| b.map(|b| (1.0 + b) * 7.0 / 7.0 - 1.0)).collect();
        let pair = relative(&a, &b, Settings { periods_per_year: 252.0, mar: 0.0 }).unwrap();
        assert!(pair.get("information_ratio").unwrap().is_err());
        assert!(pair.get("appraisal").unwrap().is_err());
    }

    #[test]
    fn a_return_over_a_gap_counts_its_periods() {
        let r = [Some(0.1), None, Some(0.1)];
        let settings = Settings { periods_per_year: 3.0, mar: 0.0 };
        let out = performance_over(&r, settings, 3).unwrap();
        assert!((value(&out, "ann_return_geo") - 0.21).abs() < 1e-15);
        assert!(performance_over(&r, settings, 1).is_err());
    }

    proptest! {
        #[test]
        fn relations(r in proptest::collection::vec((-0.3..0.3f64, -0.3..0.3f64), 8..60)) {
            let settings = Settings { periods_per_year: 12.0, mar: 0.0 };
            let a: Vec<Option<f64>> = r.iter().map(|x| Some(x.0)).collect();
            let b: Vec<Option<f64>> = r.iter().map(|x| Some(x.1)).collect();
            let own = relative(&a, &a, settings).unwrap();
            prop_assert!((value(&own, "beta") - 1.0).abs() < 1e-12);
            prop_assert!(value(&own, "tracking_error").abs() < 1e-12);
            let out = relative(&a, &b, settings).unwrap();
            // Both parts of risk on one divisor make up the standard deviation.
            let total = performance(&a, settings).unwrap();
            let n = a.len() as f64;
            let shrink = ((n - 1.0) / n).sqrt();
            let parts = (value(&out, "systematic_risk") * shrink).hypot(value(&out, "specific_risk"));
            prop_assert!((parts / (value(&total, "ann_sd") * shrink) - 1.0).abs() < 1e-9);
            prop_assert!(value(&total, "es95_hist") <= value(&total, "var95_hist"));
            for (name, measure) in &total.values {
                prop_assert!(measure.as_ref().map_or(true, |v| v.is_finite()), "{name}");
            }
        }
    }
}
