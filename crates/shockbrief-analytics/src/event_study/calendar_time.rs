//! Calendar-time portfolios and month-clustered tests for long horizons.
//!
//! Each month the portfolio is the equal-weight mean of the firms in event;
//! its excess return is regressed on factors and the intercept is the mean
//! monthly abnormal return (Fama 1998; Mitchell & Stafford 2000). α comes with
//! HC1 errors and, beside it, by least squares weighted with the number of
//! firms. The standardised form (after Dutta et al. 2018) averages
//! standardised differences and clusters them by month.

use super::statistic::Stat;
use crate::distributions::student_two_sided;
use crate::linalg::{Design, dot};
use crate::moments::mean;
use crate::reason::{Missing, Outcome, finite};
use std::collections::BTreeMap;

/// One month of a calendar-time portfolio.
#[derive(Debug, Clone, PartialEq)]
pub struct Month {
    /// Returns of the firms in event this month, in excess of the risk-free
    /// rate; months without firms are left out by the caller or here.
    pub returns: Vec<f64>,
    /// Factor returns, the same number every month.
    pub factors: Vec<f64>,
}

/// Intercepts of the calendar-time regression, per month.
#[derive(Debug, Clone, PartialEq)]
pub struct CalendarTime {
    /// OLS α.
    pub alpha: f64,
    /// t of α with HC1 errors, df T - k.
    pub alpha_hc1_t: Stat,
    /// α by least squares with weights n_t.
    pub alpha_weighted: f64,
    /// Its t, df T - k.
    pub alpha_weighted_t: Stat,
    /// Months with at least one firm.
    pub months: usize,
}

/// Calendar-time regression.
///
/// # Errors
/// [`Missing::TooFew`] with fewer months than coefficients plus one,
/// [`Missing::LengthMismatch`] for ragged factors, [`Missing::Singular`].
pub fn calendar_time(months: &[Month]) -> Outcome<CalendarTime> {
    let used: Vec<&Month> = months.iter().filter(|m| !m.returns.is_empty()).collect();
    let k = used.first().map_or(0, |m| m.factors.len());
    if let Some(odd) = used.iter().find(|m| m.factors.len() != k) {
        return Err(Missing::LengthMismatch {
            what: "factors of the months",
            left: odd.factors.len(),
            right: k,
        });
    }
    let y = used.iter().map(|m| mean(&m.returns)).collect::<Outcome<Vec<_>>>()?;
    let firms: Vec<f64> = used.iter().map(|m| m.returns.len() as f64).collect();
    let mut columns = vec![vec![1.0; used.len()]];
    columns.extend((0..k).map(|j| used.iter().map(|m| m.factors[j]).collect()));
    let plain = regress(&columns, &y)?;
    let roots: Vec<f64> = firms.iter().map(|n| n.sqrt()).collect();
    let scaled: Vec<Vec<f64>> = columns.iter().map(|c| product(c, &roots)).collect();
    let weighted = regress(&scaled, &product(&y, &roots))?;
    let counts = (firms.iter().fold(0.0_f64, |a, b| a.max(*b)) as usize, firms.iter().sum::<f64>() as usize);
    Ok(CalendarTime {
        alpha: plain.alpha,
        alpha_hc1_t: student(plain.alpha / plain.hc1, plain.df, counts)?,
        alpha_weighted: weighted.alpha,
        alpha_weighted_t: student(weighted.alpha / weighted.se, weighted.df, counts)?,
        months: used.len(),
    })
}

fn product(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(x, y)| x * y).collect()
}

struct Intercept {
    alpha: f64,
    se: f64,
    hc1: f64,
    df: f64,
}

/// First coefficient with its classical and HC1 errors.
fn regress(columns: &[Vec<f64>], y: &[f64]) -> Outcome<Intercept> {
    let views: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let design = Design::new(&views, y.len())?;
    let fit = design.fit(y)?;
    // Row one of (X'X)⁻¹X' is R⁻¹Q' with the unit vector: w'Q'.
    let mut unit = vec![0.0; columns.len()];
    unit[0] = 1.0;
    let w = design.whiten(&unit);
    let influence = |t: usize| -> f64 {
        let parts = w.iter().enumerate();
        parts.map(|(c, w)| w * design.q_column(c)[t]).sum()
    };
    let meat: f64 = (0..y.len()).map(|t| (influence(t) * fit.residuals[t]).powi(2)).sum();
    let scale = y.len() as f64 / fit.df as f64;
    Ok(Intercept { alpha: fit.coef[0], se: fit.se[0], hc1: (meat * scale).sqrt(), df: fit.df as f64 })
}

fn student(t: f64, df: f64, (firms, observations): (usize, usize)) -> Outcome<Stat> {
    let t = finite(t, "the intercept's t")?;
    Ok(Stat { value: t, df: Some(df), df2: None, p: Some(student_two_sided(t, df)?), firms, observations })
}

/// Month-clustered t of standardised differences d_i/σ_i (after Dutta et al.
/// 2018): mean over its clustered error
/// `sqrt(G/(G-1) Σ_g(Σ_{i in g}(d_i - mean))²)/N`, df G - 1 with G months.
///
/// # Errors
/// [`Missing::LengthMismatch`], [`Missing::TooFew`] below two months,
/// [`Missing::ConstantSeries`].
pub fn clustered_t(differences: &[f64], months: &[i32]) -> Outcome<Stat> {
    if differences.len() != months.len() {
        return Err(Missing::LengthMismatch {
            what: "differences and months",
            left: differences.len(),
            right: months.len(),
        });
    }
    let centre = mean(differences)?;
    let mut clusters: BTreeMap<i32, f64> = BTreeMap::new();
    for (d, m) in differences.iter().zip(months) {
        *clusters.entry(*m).or_default() += d - centre;
    }
    let g = clusters.len();
    if g < 2 {
        return Err(Missing::TooFew { what: "months", have: g, need: 2 });
    }
    let sums: Vec<f64> = clusters.into_values().collect();
    let se = (g as f64 / (g as f64 - 1.0) * dot(&sums, &sums)).sqrt() / differences.len() as f64;
    if se == 0.0 {
        return Err(Missing::ConstantSeries { what: "the standardised differences" });
    }
    student(centre / se, g as f64 - 1.0, (differences.len(), differences.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_factors_it_is_the_mean() {
        let months: Vec<Month> = [0.01, 0.03, -0.02, 0.04]
            .iter()
            .map(|r| Month { returns: vec![*r, *r], factors: Vec::new() })
            .collect();
        let c = calendar_time(&months).unwrap();
        assert!((c.alpha - 0.015).abs() < 1e-15);
        // HC1 of a mean is the classical error: sqrt(Σe²/(T-1)/T).
        assert!((c.alpha_hc1_t.value - c.alpha_weighted_t.value).abs() < 1e-12);
    }

    #[test]
    fn one_firm_a_month_is_nearly_the_plain_t() {
        let d = [0.5, -0.2, 0.9, 0.4];
        let t = clustered_t(&d, &[1, 2, 3, 4]).unwrap();
        let plain = 2.0 * mean(&d).unwrap() / positive_sd_of(&d);
        assert!((t.value - plain).abs() < 1e-12);
    }

    fn positive_sd_of(x: &[f64]) -> f64 {
        crate::moments::sd(x, 1).unwrap()
    }
}
