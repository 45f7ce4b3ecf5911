//! Cross-sectional dependence: mean correlation, adjusted tests, CDA.
//!
//! r̄ is the mean off-diagonal Pearson correlation of estimation residuals on
//! common calendar days, over pairs with at least 20 of them. When all firms
//! share their days it is (|Σ_i z_i|² - N)/(N(N-1)) with z_i the unit-length
//! centred residuals, one pass over the panel. Otherwise pairwise sums come
//! from masked matrix products in blocks, so memory stays linear in N.
//!
//! θ weights each pair by its common event days over sqrt(L_i L_j) (after
//! Kolari, Pape & Pynnonen 2018): r̄ on one date, 0 without overlap.

use super::cross_section::CrossSection;
use super::firm_fit::{FirmFit, Study};
use super::pair_sums::PairSums;
use super::standardised::{bmp_t, patell_z_exactvar};
use super::statistic::Stat;
use crate::moments::{mean, positive_sd};
use crate::reason::{Missing, Outcome};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};
use jiff::civil::Date;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Common days a pair needs before its correlation counts.
const MIN_COMMON_DAYS: f64 = 20.0;
/// Firms per block of the masked products.
const BLOCK: usize = 256;

/// Pair sums of a section, with θ for its window. Sections that hold every
/// firm on one set of event days reuse the study's own sums.
pub fn pair_sums(c: &CrossSection<'_>) -> PairSums {
    let fits: Vec<&FirmFit> = c.fits().collect();
    let events: Vec<Vec<Date>> =
        fits.iter().map(|f| f.days(c.window).iter().map(|d| d.date).collect()).collect();
    let common = events.windows(2).all(|w| w[0] == w[1]);
    if !common {
        return masked(&fits, &events);
    }
    let mut sums = if c.complete() {
        *c.study.correlation.get_or_init(|| correlations(&fits))
    } else {
        correlations(&fits)
    };
    sums.pairs_event = sums.pairs;
    sums.sum_theta = sums.sum_rho;
    sums.unknown = sums.pairs - sums.pairs_estimation;
    sums
}

/// Mean residual correlation of a whole study.
///
/// # Errors
/// As [`PairSums::r_bar`].
pub fn mean_correlation(study: &Study) -> Outcome<f64> {
    let fits: Vec<&FirmFit> = study.firms.iter().collect();
    study.correlation.get_or_init(|| correlations(&fits)).r_bar()
}

fn correlations(fits: &[&FirmFit]) -> PairSums {
    let balanced = fits.windows(2).all(|w| {
        std::sync::Arc::ptr_eq(&w[0].estimation, &w[1].estimation)
            || w[0].estimation.dates == w[1].estimation.dates
    });
    let long = fits.first().is_some_and(|f| f.residuals.len() as f64 >= MIN_COMMON_DAYS);
    if balanced && long { balanced_sums(fits) } else { masked(fits, &vec![Vec::new(); fits.len()]) }
}

/// |Σ z|² over the shared days; every pair counts.
fn balanced_sums(fits: &[&FirmFit]) -> PairSums {
    let days = fits[0].residuals.len();
    let n = fits.len();
    let mut total = vec![0.0; days];
    let mut own = 0.0;
    let mut varying = 0_usize;
    for fit in fits {
        let z = unit_vector(&fit.residuals);
        if let Some(z) = z {
            varying += 1;
            for (t, v) in total.iter_mut().zip(&z) {
                *t += v;
                own += v * v;
            }
        }
    }
    let squared: f64 = total.iter().map(|v| v * v).sum();
    PairSums {
        pairs: n * (n - 1) / 2,
        pairs_estimation: varying * varying.saturating_sub(1) / 2,
        sum_rho: 0.5 * (squared - own),
        ..PairSums::default()
    }
}

/// Residuals centred and scaled to unit length.
fn unit_vector(e: &[f64]) -> Option<Vec<f64>> {
    let m = mean(e).ok()?;
    let centred: Vec<f64> = e.iter().map(|v| v - m).collect();
    let length = crate::linalg::norm(&centred);
    (length > 0.0).then(|| centred.iter().map(|v| v / length).collect())
}

/// Residuals (unit length), squares and mask on the union of dates, and the
/// event-day mask, one column per firm.
struct Panel {
    value: Mat<f64>,
    square: Mat<f64>,
    mask: Mat<f64>,
    event: Mat<f64>,
    lengths: Vec<f64>,
}

fn index_dates<'a>(all: impl Iterator<Item = &'a Date>) -> BTreeMap<Date, usize> {
    let mut index: BTreeMap<Date, usize> = all.map(|d| (*d, 0)).collect();
    for (k, slot) in index.values_mut().enumerate() {
        *slot = k;
    }
    index
}

fn panel(fits: &[&FirmFit], events: &[Vec<Date>]) -> Panel {
    let dates = index_dates(fits.iter().flat_map(|f| &f.estimation.dates));
    let event_dates = index_dates(events.iter().flatten());
    let n = fits.len();
    let mut value = Mat::zeros(dates.len(), n);
    let mut square = Mat::zeros(dates.len(), n);
    let mut mask = Mat::zeros(dates.len(), n);
    let mut event = Mat::zeros(event_dates.len(), n);
    for (j, fit) in fits.iter().enumerate() {
        let Some(z) = unit_vector(&fit.residuals) else {
            continue;
        };
        for (date, v) in fit.estimation.dates.iter().zip(&z) {
            let k = dates[date];
            value[(k, j)] = *v;
            square[(k, j)] = v * v;
            mask[(k, j)] = 1.0;
        }
        for date in &events[j] {
            event[(event_dates[date], j)] = 1.0;
        }
    }
    let lengths = events.iter().map(|e| e.len() as f64).collect();
    Panel { value, square, mask, event, lengths }
}

/// Pair sums by masked products over blocks of firms.
fn masked(fits: &[&FirmFit], events: &[Vec<Date>]) -> PairSums {
    let n = fits.len();
    if n < 2 {
        return PairSums::default();
    }
    let p = panel(fits, events);
    let blocks: Vec<(usize, usize)> =
        (0..n.div_ceil(BLOCK)).flat_map(|a| (0..=a).map(move |b| (a * BLOCK, b * BLOCK))).collect();
    let parts: Vec<PairSums> = blocks.par_iter().map(|&(a, b)| block_sums(&p, a, b, n)).collect();
    parts.into_iter().fold(PairSums::default(), PairSums::plus)
}

fn product(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    let mut out = Mat::zeros(a.ncols(), b.ncols());
    matmul(&mut out, Accum::Replace, a.transpose(), b, 1.0, Par::Seq);
    out
}

fn block_sums(p: &Panel, a: usize, b: usize, n: usize) -> PairSums {
    let (na, nb) = (BLOCK.min(n - a), BLOCK.min(n - b));
    let cols =
        |m: &Mat<f64>, from: usize, count: usize| -> Mat<f64> { m.as_ref().subcols(from, count).to_owned() };
    let (va, vb) = (cols(&p.value, a, na), cols(&p.value, b, nb));
    let (ma, mb) = (cols(&p.mask, a, na), cols(&p.mask, b, nb));
    let (qa, qb) = (cols(&p.square, a, na), cols(&p.square, b, nb));
    let count = product(ma.as_ref(), mb.as_ref());
    let sxy = product(va.as_ref(), vb.as_ref());
    let sx = product(va.as_ref(), mb.as_ref());
    let sy = product(ma.as_ref(), vb.as_ref());
    let sxx = product(qa.as_ref(), mb.as_ref());
    let syy = product(ma.as_ref(), qb.as_ref());
    let (ea, eb) = (cols(&p.event, a, na), cols(&p.event, b, nb));
    let overlap = product(ea.as_ref(), eb.as_ref());
    let mut sums = PairSums::default();
    for j in 0..nb {
        for i in 0..na {
            if a + i <= b + j {
                continue;
            }
            sums.pairs += 1;
            let k = count[(i, j)];
            let x = sxx[(i, j)] - sx[(i, j)] * sx[(i, j)] / k;
            let y = syy[(i, j)] - sy[(i, j)] * sy[(i, j)] / k;
            let known = k >= MIN_COMMON_DAYS && x > 1e-14 && y > 1e-14;
            let rho = if known { (sxy[(i, j)] - sx[(i, j)] * sy[(i, j)] / k) / (x * y).sqrt() } else { 0.0 };
            sums.pairs_estimation += usize::from(known);
            sums.sum_rho += rho;
            let shared = overlap[(i, j)];
            if shared > 0.0 {
                sums.pairs_event += 1;
                sums.unknown += usize::from(!known);
                sums.sum_theta += rho * shared / (p.lengths[a + i] * p.lengths[b + j]).sqrt();
            }
        }
    }
    sums
}

/// 1 + (N-1)r, which must be positive.
fn inflation(correlation: f64, n: usize) -> Outcome<f64> {
    let factor = 1.0 + (n as f64 - 1.0) * correlation;
    if factor <= 0.0 {
        return Err(Missing::NegativeDependence { correlation, firms: n });
    }
    Ok(factor)
}

/// Kolari & Pynnonen (2010) adjusted Patell, z/sqrt(1 + (N-1)r̄), with the
/// exact-variance z; standard normal.
///
/// # Errors
/// [`Missing::NegativeDependence`], and those of its parts.
pub fn kp_adj_patell_z(c: &CrossSection<'_>, correlation: f64) -> Outcome<Stat> {
    let z = patell_z_exactvar(c)?.value;
    c.normal(z / inflation(correlation, c.n())?.sqrt())
}

/// Kolari & Pynnonen (2010) adjusted BMP,
/// t sqrt((1 - r̄)/(1 + (N-1)r̄)), df N - 1. With θ in place of r̄ it covers
/// partly overlapping windows.
///
/// # Errors
/// As [`kp_adj_patell_z`]; [`Missing::Invalid`] for a correlation of 1.
pub fn kp_adj_bmp_t(c: &CrossSection<'_>, correlation: f64) -> Outcome<Stat> {
    let t = bmp_t(c)?.value;
    if correlation >= 1.0 {
        return Err(Missing::Invalid { what: "a mean correlation of one" });
    }
    let factor = (1.0 - correlation) / inflation(correlation, c.n())?;
    c.student(t * factor.sqrt(), c.n() as f64 - 1.0)
}

/// Crude dependence adjustment (Brown & Warner 1980, 1985): the window's sum
/// of AAR over √L times the sd of the estimation AAR on T - 1. Returns the
/// statistic (df T - 1) and that sd.
///
/// # Errors
/// [`Missing::TooFew`] below two estimation days, [`Missing::ConstantSeries`].
pub fn cda(c: &CrossSection<'_>) -> Outcome<(Stat, f64)> {
    let [e0, e1] = c.study.spec.estimation;
    let slot = |day: i32, from: i32| (day - from) as usize;
    let mut estimation = vec![(0.0, 0.0_f64); (e1 - e0 + 1) as usize];
    let mut event = vec![(0.0, 0.0_f64); c.length()];
    for fit in c.fits() {
        for (day, e) in fit.estimation.days.iter().zip(&fit.residuals) {
            let at = &mut estimation[slot(*day, e0)];
            *at = (at.0 + e, at.1 + 1.0);
        }
        for d in fit.days(c.window) {
            let at = &mut event[slot(d.day, c.window[0])];
            *at = (at.0 + d.ar, at.1 + 1.0);
        }
    }
    let means = |v: &[(f64, f64)]| -> Vec<f64> {
        let present = v.iter().filter(|(_, n)| *n > 0.0);
        present.map(|(s, n)| s / n).collect()
    };
    let (aar, window) = (means(&estimation), means(&event));
    let s = positive_sd(&aar, "the estimation AAR")?;
    let t = window.iter().sum::<f64>() / ((window.len() as f64).sqrt() * s);
    Ok((c.student(t, aar.len() as f64 - 1.0)?, s))
}
