//! Tests on standardised abnormal returns: Patell, BMP, event variance.
//!
//! With Q = df/(df - 2), the variance of a Student variable, and SCAR the CAR
//! over its exact prediction sd. Patell's z assumes that event-day variance
//! equals the estimation variance and that firms are independent; BMP drops
//! the first assumption only. On a common date use their adjusted forms in
//! [`super::dependence`].

use super::cross_section::CrossSection;
use super::statistic::Stat;
use crate::distributions::chi2_upper;
use crate::moments::mean;
use crate::reason::{Missing, Outcome};

/// Q_i of every firm, df/(df - 2).
fn student_variances(c: &CrossSection<'_>) -> Outcome<Vec<f64>> {
    c.cars
        .iter()
        .map(|car| {
            if car.df <= 2 {
                return Err(Missing::TooFew { what: "degrees of freedom", have: car.df, need: 3 });
            }
            Ok(car.df as f64 / (car.df as f64 - 2.0))
        })
        .collect()
}

/// Patell (1976): Σ_iΣ_W SAR / sqrt(Σ L_i Q_i), standard normal.
///
/// # Errors
/// [`Missing::TooFew`] when some firm has two or fewer degrees of freedom.
pub fn patell_z(c: &CrossSection<'_>) -> Outcome<Stat> {
    let q = student_variances(c)?;
    let top: f64 = c.cars.iter().map(|x| x.sum_sar).sum();
    let variance: f64 = c.cars.iter().zip(&q).map(|(x, q)| x.l as f64 * q).sum();
    c.normal(top / variance.sqrt())
}

/// Patell with each firm scaled first: √N mean(Σ_W SAR / sqrt(L_i Q_i)).
///
/// # Errors
/// As [`patell_z`].
pub fn patell_z_equalweight(c: &CrossSection<'_>) -> Outcome<Stat> {
    let q = student_variances(c)?;
    let scaled = c.cars.iter().zip(&q);
    let scaled: Vec<f64> = scaled.map(|(x, q)| x.sum_sar / (x.l as f64 * q).sqrt()).collect();
    c.normal((c.n() as f64).sqrt() * mean(&scaled)?)
}

/// Patell on exact-variance SCARs: ΣSCAR / sqrt(ΣQ) (Mikkelson & Partch 1988).
///
/// # Errors
/// As [`patell_z`].
pub fn patell_z_exactvar(c: &CrossSection<'_>) -> Outcome<Stat> {
    let q: f64 = student_variances(c)?.iter().sum();
    let top: f64 = c.cars.iter().map(|x| x.t).sum();
    c.normal(top / q.sqrt())
}

/// Boehmer, Musumeci & Poulsen (1991): √N mean(SCAR)/sd(SCAR), df N - 1.
///
/// # Errors
/// [`Missing::TooFew`] below two firms, [`Missing::ConstantSeries`].
pub fn bmp_t(c: &CrossSection<'_>) -> Outcome<Stat> {
    let t = c.t_of(&c.scar_values(), "the standardised CARs")?;
    c.student(t, c.n() as f64 - 1.0)
}

/// BMP on sums of SARs; a variant met in software, for diagnosis.
///
/// # Errors
/// As [`bmp_t`].
pub fn bmp_t_sumsar(c: &CrossSection<'_>) -> Outcome<Stat> {
    let x: Vec<f64> = c.cars.iter().map(|x| x.sum_sar).collect();
    let t = c.t_of(&x, "the summed SARs")?;
    c.student(t, c.n() as f64 - 1.0)
}

/// BMP on CAR/(s √L) without forecast error; a variant met in software, an
/// error unless all firms share windows, for diagnosis.
///
/// # Errors
/// As [`bmp_t`].
pub fn bmp_t_no_forecast_error(c: &CrossSection<'_>) -> Outcome<Stat> {
    let x: Vec<f64> =
        c.cars.iter().zip(c.fits()).map(|(car, fit)| car.car / (fit.sigma * (car.l as f64).sqrt())).collect();
    let t = c.t_of(&x, "the CARs over sigma")?;
    c.student(t, c.n() as f64 - 1.0)
}

/// Event variance against estimation variance,
/// χ² = Σ(SCAR - mean)²/mean(Q), df N - 1, upper tail. A small p says that
/// portfolio, placebo and rank tests over-reject.
///
/// # Errors
/// [`Missing::TooFew`] below two firms or without degrees of freedom.
pub fn event_variance_chi2(c: &CrossSection<'_>) -> Outcome<Stat> {
    let scar = c.scar_values();
    if scar.len() < 2 {
        return Err(Missing::TooFew { what: "firms", have: scar.len(), need: 2 });
    }
    let df = scar.len() as f64 - 1.0;
    let q = mean(&student_variances(c)?)?;
    let chi2 = crate::moments::variance(&scar, 1)? * df / q;
    c.stat(chi2, Some(df), Some(chi2_upper(chi2, df)?))
}
