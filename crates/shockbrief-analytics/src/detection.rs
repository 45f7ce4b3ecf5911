//! Shock days in a panel of abnormal returns.
//!
//! Every score of a day uses nothing of that day but its own returns: variances, correlations, medians,
//! covariances and quantiles come from the rows before it. A day is a shock when the group moved or the
//! panel turned turbulent, *and* two or more firms stand out after the false discovery rate is held: one
//! firm's news is not a shock. A score whose history is too short is `None`; the day is then judged by
//! what is left and never by a full-sample estimate. A suspended firm, whose price stood still on more than
//! half of the days behind its variance, is left out of a day's scores and named: neither its silence nor
//! the jump of its return is news of the group.

use crate::contagion::covariance_matrix;
use crate::distributions::normal_two_sided;
use crate::ewma::{LAMBDA, SEED, ewma};
use crate::moments;
use crate::reason::{Missing, Outcome};
use faer::linalg::solvers::{Llt, Solve};
use faer::{Mat, Side};
use serde::Serialize;

/// Thresholds and windows of the search.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Settings {
    /// Decay of the variance.
    pub lambda: f64,
    /// Squares in the seed of the variance.
    pub seed: usize,
    /// Trailing rows for correlation, covariance and the turbulence quantile.
    pub window: usize,
    /// Trailing rows for the median and spread of dispersion.
    pub dispersion_window: usize,
    /// A group z above this in size qualifies a day.
    pub group_threshold: f64,
    /// Trailing quantile of turbulence above which a day qualifies.
    pub turbulence_quantile: f64,
    /// False discovery rate across the firms of a day (Benjamini & Hochberg 1995).
    pub fdr: f64,
    /// Firms past their threshold that a shock needs.
    pub min_names: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lambda: LAMBDA,
            seed: SEED,
            window: 250,
            dispersion_window: 60,
            group_threshold: 3.0,
            turbulence_quantile: 0.99,
            fdr: 0.05,
            min_names: 2,
        }
    }
}

/// Scores of one row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Day {
    /// Row of the panel.
    pub row: usize,
    /// Firms with a z.
    pub firms: usize,
    /// `mean z sqrt(N / (1 + (N-1) r̄))`.
    pub group_z: Option<f64>,
    /// Mean pairwise correlation r̄ of the trailing window behind `group_z`.
    pub r_bar: Option<f64>,
    /// Cross-sectional standard deviation of abnormal returns, divisor N - 1.
    pub dispersion: Option<f64>,
    /// `(ln D - median) / (1.4826 MAD)` over the trailing dispersion window.
    pub dispersion_score: Option<f64>,
    /// Squared Mahalanobis distance of the day's returns.
    pub turbulence: Option<f64>,
    /// Trailing quantile that turbulence is held against.
    pub turbulence_threshold: Option<f64>,
    /// Columns of firms past their threshold, ascending.
    pub names: Vec<usize>,
    /// Columns of firms left out of the day's scores because their price stood still before, ascending.
    pub suspended: Vec<usize>,
    /// Whether the day is a shock.
    pub shock: bool,
}

/// Scores of every row of a panel of abnormal returns (one slice per firm, equal lengths, `None` where
/// missing).
///
/// z by [`ewma`]; group `Z_t = z̄ sqrt(N/(1+(N-1)r̄))`; dispersion; turbulence (Kritzman & Li 2010) with
/// the covariance of Ledoit & Wolf (2004), both over the firms complete in the trailing window.
///
/// # Errors
/// [`Missing::TooFew`] below two firms, [`Missing::LengthMismatch`], [`Missing::Invalid`] for settings or
/// values out of range. A firm too short for its variance has no z and is left out day by day.
pub fn detect(panel: &[&[Option<f64>]], settings: Settings) -> Outcome<Vec<Day>> {
    let rows = check(panel, settings)?;
    let scale = |firm: &&[Option<f64>]| match ewma(firm, settings.lambda, settings.seed) {
        Ok(out) => Ok(out.z),
        Err(Missing::TooFew { .. } | Missing::ConstantSeries { .. }) => Ok(vec![None; rows]),
        Err(other) => Err(other),
    };
    let mut z: Vec<Vec<Option<f64>>> = panel.iter().map(scale).collect::<Outcome<_>>()?;
    let still: Vec<Vec<bool>> = panel.iter().map(|firm| standing_still(firm, settings.seed)).collect();
    for (z, still) in z.iter_mut().zip(&still) {
        z.iter_mut().zip(still).filter(|(_, still)| **still).for_each(|(z, _)| *z = None);
    }
    let mut past = Past { log_dispersion: Vec::new(), turbulence: Vec::new() };
    Ok((0..rows).map(|t| day(panel, (&z, &still), t, settings, &mut past)).collect())
}

/// Rows before which more than half of the last `rows` returns are zero: trading was suspended, or hardly
/// took place. Rows without a return count neither way.
fn standing_still(firm: &[Option<f64>], rows: usize) -> Vec<bool> {
    let (mut zeros, mut present) = (0_usize, 0_usize);
    let mut still = Vec::with_capacity(firm.len());
    for t in 0..firm.len() {
        still.push(present > 0 && 2 * zeros > present);
        let mut count = |value: Option<f64>, enters: bool| {
            let Some(value) = value else { return };
            let zero = usize::from(value.abs() <= moments::ZERO_RETURN);
            if enters {
                (zeros, present) = (zeros + zero, present + 1);
            } else {
                (zeros, present) = (zeros - zero, present - 1);
            }
        };
        count(firm[t], true);
        if let Some(old) = t.checked_sub(rows.max(1)) {
            count(firm[old], false);
        }
    }
    still
}

fn check(panel: &[&[Option<f64>]], settings: Settings) -> Outcome<usize> {
    if panel.len() < 2 {
        return Err(Missing::TooFew { what: "firms", have: panel.len(), need: 2 });
    }
    let rows = panel[0].len();
    if let Some(other) = panel.iter().find(|firm| firm.len() != rows) {
        return Err(Missing::LengthMismatch { what: "firms", left: rows, right: other.len() });
    }
    let unit = |v: f64| v > 0.0 && v < 1.0;
    let windows = settings.window >= 20 && settings.dispersion_window >= 20;
    if !(windows
        && unit(settings.turbulence_quantile)
        && unit(settings.fdr)
        && settings.group_threshold > 0.0)
    {
        return Err(Missing::Invalid { what: "a setting of the search" });
    }
    Ok(rows)
}

/// Scores of earlier days.
struct Past {
    log_dispersion: Vec<f64>,
    turbulence: Vec<f64>,
}

fn day(
    panel: &[&[Option<f64>]],
    (z, still): (&[Vec<Option<f64>>], &[Vec<bool>]),
    t: usize,
    settings: Settings,
    past: &mut Past,
) -> Day {
    let scores: Vec<(usize, f64)> = z.iter().enumerate().filter_map(|(i, z)| Some((i, z[t]?))).collect();
    let suspended: Vec<usize> = (0..panel.len()).filter(|i| still[*i][t] && panel[*i][t].is_some()).collect();
    let trading: Vec<&[Option<f64>]> =
        panel.iter().enumerate().filter(|(i, _)| !still[*i][t]).map(|(_, firm)| *firm).collect();
    let today: Vec<f64> = trading.iter().filter_map(|firm| firm[t]).collect();
    let (r_bar, turbulence) = window_scores(&trading, t, settings).unwrap_or((None, None));
    let group_z = r_bar.and_then(|r| group_z(&scores, r));
    let dispersion = dispersion(&today).ok();
    let dispersion_score = dispersion.and_then(|d| robust_score(&past.log_dispersion, d.ln(), settings));
    let turbulence_threshold = trailing_quantile(&past.turbulence, settings);
    let names = discoveries(&scores, settings.fdr);
    let moved = group_z.is_some_and(|z| z.abs() > settings.group_threshold);
    let turbulent = turbulence.zip(turbulence_threshold).is_some_and(|(d, limit)| d > limit);
    past.log_dispersion.extend(dispersion.map(f64::ln).filter(|d| d.is_finite()));
    past.turbulence.extend(turbulence);
    Day {
        row: t,
        firms: scores.len(),
        group_z,
        r_bar,
        dispersion,
        dispersion_score,
        turbulence,
        turbulence_threshold,
        suspended,
        shock: (moved || turbulent) && names.len() >= settings.min_names,
        names,
    }
}

/// r̄ and turbulence from the rows before t, over firms complete and moving there and present on t; each
/// fails alone.
fn window_scores(
    panel: &[&[Option<f64>]],
    t: usize,
    settings: Settings,
) -> Option<(Option<f64>, Option<f64>)> {
    let start = t.checked_sub(settings.window)?;
    let complete = |firm: &&[Option<f64>]| -> Option<(Vec<f64>, f64)> {
        let past = firm[start..t].iter().copied().collect::<Option<Vec<f64>>>()?;
        moments::positive_sd(&past, "a return").ok()?;
        Some((past, firm[t]?))
    };
    let firms: Vec<(Vec<f64>, f64)> = panel.iter().filter_map(complete).collect();
    let history: Vec<&[f64]> = firms.iter().map(|(past, _)| past.as_slice()).collect();
    let today: Vec<f64> = firms.iter().map(|(_, now)| *now).collect();
    let covariance = covariance_matrix(&history).ok()?;
    let r_bar = mean_correlation(&covariance);
    let law = Turbulence::with_covariance(&history, covariance, Shrinkage::LedoitWolf);
    Some((r_bar, law.and_then(|law| law.of(&today)).ok()))
}

fn mean_correlation(covariance: &Mat<f64>) -> Option<f64> {
    let n = covariance.nrows();
    let sd: Vec<f64> = (0..n).map(|i| covariance[(i, i)].sqrt()).collect();
    if n < 2 || !sd.iter().all(|s| *s > 0.0) {
        return None;
    }
    let pairs = (0..n).flat_map(|i| (0..i).map(move |j| (i, j)));
    let sum: f64 = pairs.map(|(i, j)| covariance[(i, j)] / (sd[i] * sd[j])).sum();
    Some(2.0 * sum / (n * (n - 1)) as f64)
}

fn group_z(scores: &[(usize, f64)], r_bar: f64) -> Option<f64> {
    let n = scores.len() as f64;
    let factor = 1.0 + (n - 1.0) * r_bar;
    if scores.len() < 2 || factor <= 0.0 {
        return None;
    }
    Some(scores.iter().map(|(_, z)| z).sum::<f64>() / n * (n / factor).sqrt())
}

/// Cross-sectional standard deviation of one day's returns, divisor N - 1.
///
/// # Errors
/// [`Missing::TooFew`] below two firms.
pub fn dispersion(today: &[f64]) -> Outcome<f64> {
    moments::sd(today, 1)
}

fn robust_score(past: &[f64], now: f64, settings: Settings) -> Option<f64> {
    let window = &past[past.len().checked_sub(settings.dispersion_window)?..];
    let centre = moments::median(window).ok()?;
    let distance: Vec<f64> = window.iter().map(|d| (d - centre).abs()).collect();
    let spread = 1.4826 * moments::median(&distance).ok()?;
    (spread > 0.0 && now.is_finite()).then(|| (now - centre) / spread)
}

fn trailing_quantile(past: &[f64], settings: Settings) -> Option<f64> {
    let window = &past[past.len().checked_sub(settings.window)?..];
    moments::quantile(window, settings.turbulence_quantile).ok()
}

/// Benjamini & Hochberg (1995) over the two-sided normal p-values of a day's z: the columns rejected at
/// rate `fdr`.
fn discoveries(scores: &[(usize, f64)], fdr: f64) -> Vec<usize> {
    let mut p: Vec<(f64, usize)> = scores.iter().map(|(i, z)| (normal_two_sided(*z), *i)).collect();
    p.sort_by(|a, b| a.0.total_cmp(&b.0));
    let n = p.len() as f64;
    let last = p.iter().enumerate().rposition(|(k, (p, _))| *p <= (k + 1) as f64 / n * fdr);
    let mut names: Vec<usize> = last.map_or(Vec::new(), |k| p[..=k].iter().map(|(_, i)| *i).collect());
    names.sort_unstable();
    names
}

/// How the covariance behind turbulence is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shrinkage {
    /// Sample covariance, divisor n - 1.
    None,
    /// Shrunk to a multiple of the identity (Ledoit & Wolf 2004).
    LedoitWolf,
}

/// Mean and covariance of a history, ready to measure days against.
pub struct Turbulence {
    mean: Vec<f64>,
    factor: Llt<f64>,
}

impl Turbulence {
    /// From complete `history`, one slice per asset.
    ///
    /// # Errors
    /// [`Missing::TooFew`] below two rows or one asset, [`Missing::LengthMismatch`],
    /// [`Missing::Singular`].
    pub fn new(history: &[&[f64]], shrinkage: Shrinkage) -> Outcome<Self> {
        Self::with_covariance(history, covariance_matrix(history)?, shrinkage)
    }

    fn with_covariance(history: &[&[f64]], covariance: Mat<f64>, shrinkage: Shrinkage) -> Outcome<Self> {
        if history.is_empty() {
            return Err(Missing::TooFew { what: "assets", have: 0, need: 1 });
        }
        let mean = history.iter().map(|x| moments::mean(x)).collect::<Outcome<Vec<f64>>>()?;
        let covariance = match shrinkage {
            Shrinkage::None => covariance,
            Shrinkage::LedoitWolf => ledoit_wolf_from(history, &mean, &covariance).0,
        };
        let factor = covariance.llt(Side::Lower).map_err(|_| Missing::Singular)?;
        Ok(Self { mean, factor })
    }

    /// `(r - μ)'Σ⁻¹(r - μ)` of one day (Kritzman & Li 2010), without the division by N that some use.
    ///
    /// # Errors
    /// [`Missing::LengthMismatch`], [`Missing::Invalid`] for a return that is not finite.
    pub fn of(&self, today: &[f64]) -> Outcome<f64> {
        let n = self.mean.len();
        if today.len() != n {
            return Err(Missing::LengthMismatch { what: "history and day", left: n, right: today.len() });
        }
        if today.iter().any(|r| !r.is_finite()) {
            return Err(Missing::Invalid { what: "a return" });
        }
        let gap = Mat::from_fn(n, 1, |i, _| today[i] - self.mean[i]);
        let solved = self.factor.solve(&gap);
        Ok((0..n).map(|i| gap[(i, 0)] * solved[(i, 0)]).sum())
    }
}

/// Well-conditioned covariance of Ledoit & Wolf (2004, J. Multivariate Analysis 88) of complete `series`
/// and the weight of the identity: `Σ* = ρ m I + (1 - ρ) S` with S on divisor n, `m = tr S / N`,
/// `ρ = min(b̄², d²)/d²`, `d² = |S - mI|²`, `b̄² = n⁻² Σ |x_t x_t' - S|²`.
///
/// # Errors
/// [`Missing::TooFew`] below two rows or one series, [`Missing::LengthMismatch`].
pub fn ledoit_wolf(series: &[&[f64]]) -> Outcome<(Mat<f64>, f64)> {
    let covariance = covariance_matrix(series)?;
    if series.is_empty() {
        return Err(Missing::TooFew { what: "series", have: 0, need: 1 });
    }
    let mean = series.iter().map(|x| moments::mean(x)).collect::<Outcome<Vec<f64>>>()?;
    Ok(ledoit_wolf_from(series, &mean, &covariance))
}

fn ledoit_wolf_from(series: &[&[f64]], mean: &[f64], covariance: &Mat<f64>) -> (Mat<f64>, f64) {
    let (size, rows) = (series.len(), series[0].len());
    let n = rows as f64;
    let s = Mat::from_fn(size, size, |i, j| covariance[(i, j)] * (n - 1.0) / n);
    let m = (0..size).map(|i| s[(i, i)]).sum::<f64>() / size as f64;
    let squared: f64 =
        (0..size).flat_map(|i| (0..size).map(move |j| (i, j))).map(|(i, j)| s[(i, j)].powi(2)).sum();
    let d2 = squared - size as f64 * m * m;
    let length = |t: usize| series.iter().zip(mean).map(|(x, mean)| (x[t] - mean).powi(2)).sum::<f64>();
    let fourth: f64 = (0..rows).map(|t| length(t).powi(2)).sum();
    let b2 = (fourth - n * squared) / (n * n);
    let weight = if d2 > 0.0 { (b2 / d2).clamp(0.0, 1.0) } else { 1.0 };
    let target = |i: usize, j: usize| if i == j { weight * m } else { 0.0 };
    (Mat::from_fn(size, size, |i, j| target(i, j) + (1.0 - weight) * s[(i, j)]), weight)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;

    fn panel(firms: usize, rows: usize) -> Vec<Vec<Option<f64>>> {
        let mut stream = Stream::new(21);
        (0..firms).map(|_| (0..rows).map(|_| Some(0.01 * stream.normal())).collect()).collect()
    }

    fn run(panel: &[Vec<Option<f64>>]) -> Vec<Day> {
        let views: Vec<&[Option<f64>]> = panel.iter().map(Vec::as_slice).collect();
        detect(&views, Settings::default()).unwrap()
    }

    #[test]
    fn a_planted_shock_is_found_and_one_firm_alone_is_not() {
        let mut data = panel(8, 620);
        for firm in &mut data {
            firm[600] = Some(-0.06);
        }
        data[0][610] = Some(0.5);
        let days = run(&data);
        assert!(days[600].shock && days[600].group_z.unwrap() < -3.0 && days[600].names.len() == 8);
        assert_eq!(days[610].names, [0]);
        assert!(!days[610].shock && days[610].turbulence > days[610].turbulence_threshold);
        assert!(days.iter().filter(|d| d.shock).count() < 8);
    }

    #[test]
    fn a_suspended_firm_neither_silences_nor_raises_a_shock() {
        let mut data = panel(5, 620);
        data[4].iter_mut().for_each(|r| *r = Some(0.0));
        for firm in &mut data[..4] {
            firm[600] = Some(-0.07);
        }
        // It trades again, far below.
        data[4][610] = Some(-0.4);
        let days = run(&data);
        let four = run(&data[..4]);
        assert!(days[600].shock && days[600].suspended == [4]);
        assert_eq!((days[600].group_z, days[600].r_bar), (four[600].group_z, four[600].r_bar));
        assert_eq!((days[610].group_z, days[610].names.as_slice()), (four[610].group_z, &[][..]));
        // Suspended half way: it counts before and is left out once half of its last returns are zero.
        let mut half = panel(5, 620);
        half[2][400..].iter_mut().for_each(|r| *r = Some(0.0));
        let days = run(&half);
        assert!(days[420].suspended.is_empty() && days[500].suspended == [2]);
    }

    #[test]
    fn the_order_of_the_firms_changes_nothing() {
        let mut data = panel(6, 620);
        data.iter_mut().for_each(|firm| firm[600] = Some(-0.06));
        let there = run(&data);
        data.reverse();
        for (a, b) in there.iter().zip(&run(&data)) {
            let close = |x: Option<f64>, y: Option<f64>| match (x, y) {
                (Some(x), Some(y)) => (x - y).abs() <= 1e-9 * x.abs().max(1.0),
                (x, y) => x == y,
            };
            assert!(a.shock == b.shock && a.names.len() == b.names.len());
            assert!(close(a.group_z, b.group_z) && close(a.turbulence, b.turbulence));
        }
    }

    #[test]
    fn nothing_of_the_future_enters() {
        let data = panel(4, 400);
        let cut: Vec<Vec<Option<f64>>> = data.iter().map(|f| f[..350].to_vec()).collect();
        assert_eq!(run(&data)[..350], run(&cut)[..]);
    }

    #[test]
    fn benjamini_hochberg_by_the_paper() {
        // Benjamini & Hochberg (1995), section 3.3: 15 p-values, four rejected at 0.05.
        let p = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719,
            0.6528, 0.7590, 1.0,
        ];
        let z = |p: f64| -crate::distributions::normal_quantile((p / 2.0).min(0.499_999)).unwrap();
        let scores: Vec<(usize, f64)> = p.iter().enumerate().map(|(i, p)| (i, z(*p))).collect();
        assert_eq!(discoveries(&scores, 0.05), [0, 1, 2, 3]);
    }

    #[test]
    fn shrinkage_keeps_the_trace_and_lifts_the_small_end() {
        let mut stream = Stream::new(4);
        let data: Vec<Vec<f64>> = (0..12).map(|_| (0..10).map(|_| stream.normal()).collect()).collect();
        let views: Vec<&[f64]> = data.iter().map(Vec::as_slice).collect();
        let (shrunk, weight) = ledoit_wolf(&views).unwrap();
        let raw = covariance_matrix(&views).unwrap();
        let trace = |m: &Mat<f64>| (0..12).map(|i| m[(i, i)]).sum::<f64>();
        assert!((trace(&shrunk) / (trace(&raw) * 0.9) - 1.0).abs() < 1e-12);
        assert!(weight > 0.3 && weight <= 1.0);
        // More assets than rows: the sample covariance has no inverse, the shrunk one does.
        assert!(Turbulence::new(&views, Shrinkage::LedoitWolf).is_ok());
    }
}
