//! Residual and wild bootstrap of whole cross-sections.
//!
//! Returns are rebuilt under the null as x'b + e*, where e* moves whole
//! cross-sectional residual vectors, and every firm is refitted on its own
//! rows. Firms are never resampled independently on one date. By linearity
//! the refit needs only e*: with Q the orthonormal basis of a firm's
//! regressors and w its window's whitened sum, s*² = (|e*|² - |Q'e*|²)/df and
//! CAR* = Σ_W e* - w'Q'e*.
//!
//! * Residual: vectors follow the stationary bootstrap over dates (Politis &
//!   Romano 1994), estimation and event rows alike.
//! * Wild: each estimation date keeps its own vector with a Rademacher sign
//!   (clusters are dates); event rows take vectors of random estimation dates
//!   with random signs. The textbook form that flips the event row's own
//!   residual has one cluster to flip on a single date and hence no power.
//!
//! Vectors come from the dates on which all firms have a residual, centred.

use super::cross_section::CrossSection;
use super::firm_fit::FirmFit;
use crate::linalg::dot;
use crate::moments::{mean, positive_sd};
use crate::reason::{Missing, Outcome};
use crate::rng::Stream;
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeMap;

/// Which vectors a draw uses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scheme {
    /// Stationary bootstrap with this mean block length in days.
    Stationary {
        /// Mean block length.
        block: f64,
    },
    /// Rademacher signs by date.
    Wild,
}

/// Result of a bootstrap.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bootstrap {
    /// |mean SCAR| of the event window.
    #[serde(rename = "T0")]
    pub t0: f64,
    /// Draws B.
    pub draws: usize,
    /// Draws at least as far from zero.
    pub n_ge: usize,
    /// (1 + n_ge)/(1 + B) for the mean SCAR.
    pub p: f64,
    /// The same for the BMP t, which holds up under event-induced variance;
    /// null below two firms.
    pub bmp_p: Option<f64>,
    /// Seed of the draws.
    pub seed: u64,
}

/// What a draw needs of one firm.
struct Part<'a> {
    fit: &'a FirmFit,
    /// Slot on the day axis of each estimation row.
    slots: Vec<usize>,
    /// Slots of the window's days.
    event: Vec<usize>,
    /// Whitened sum of the window's regressor rows.
    whitened: Vec<f64>,
    /// Σ gaps + |whitened|².
    factor: f64,
    /// Centred residuals on the pool's dates.
    pool: Vec<f64>,
}

/// Bootstraps the mean SCAR and the BMP t of the section's window.
///
/// `draws` of at least 1,999 are customary; equal seeds give equal results
/// whatever the number of threads.
///
/// # Errors
/// [`Missing::TooFew`] when fewer than 30 dates are common to all firms or
/// no draw is asked for.
pub fn bootstrap(c: &CrossSection<'_>, scheme: Scheme, draws: usize, seed: u64) -> Outcome<Bootstrap> {
    if draws == 0 {
        return Err(Missing::TooFew { what: "draws", have: 0, need: 1 });
    }
    let (parts, days) = prepare(c)?;
    let scar = c.scar_values();
    let (t0, b0) = statistics(&scar);
    let hits: Vec<(bool, bool)> = (0..draws)
        .into_par_iter()
        .map(|draw| {
            let mut stream = Stream::child(seed, draw as u64);
            let plan = plan(&mut stream, scheme, &parts, days, c.length());
            let star: Vec<f64> = parts.iter().map(|p| rebuilt(p, &plan)).collect();
            let (t, b) = statistics(&star);
            (t >= t0, b.zip(b0).is_some_and(|(b, b0)| b >= b0))
        })
        .collect();
    let share = |n: usize| (1 + n) as f64 / (1 + draws) as f64;
    let n_ge = hits.iter().filter(|h| h.0).count();
    Ok(Bootstrap {
        t0,
        draws,
        n_ge,
        p: share(n_ge),
        bmp_p: b0.map(|_| share(hits.iter().filter(|h| h.1).count())),
        seed,
    })
}

/// |mean| and, from two firms on, |mean|√N/sd.
fn statistics(scar: &[f64]) -> (f64, Option<f64>) {
    let m = mean(scar).unwrap_or(0.0).abs();
    let s = positive_sd(scar, "the standardised CARs").ok();
    (m, s.map(|s| m * (scar.len() as f64).sqrt() / s))
}

fn prepare<'a>(c: &CrossSection<'a>) -> Outcome<(Vec<Part<'a>>, usize)> {
    let [e0, e1] = c.study.spec.estimation;
    let days = (e1 - e0 + 1) as usize;
    let mut counts = BTreeMap::new();
    for fit in c.fits() {
        for date in &fit.estimation.dates {
            *counts.entry(*date).or_insert(0_usize) += 1;
        }
    }
    counts.retain(|_, n| *n == c.n());
    if counts.len() < 30 {
        return Err(Missing::TooFew { what: "dates common to all firms", have: counts.len(), need: 30 });
    }
    let parts = c
        .fits()
        .map(|fit| {
            let rows = fit.estimation.dates.iter().zip(&fit.residuals);
            let kept = rows.filter(|(d, _)| counts.contains_key(d));
            let mut pool: Vec<f64> = kept.map(|(_, e)| *e).collect();
            let centre = mean(&pool)?;
            pool.iter_mut().for_each(|e| *e -= centre);
            let event = fit.days(c.window);
            let mut whitened = vec![0.0; fit.estimation.design.cols()];
            for day in event {
                for (a, b) in whitened.iter_mut().zip(day.whitened.iter()) {
                    *a += b;
                }
            }
            let gaps: f64 = event.iter().map(|d| d.gap).sum();
            let slot = |day: &i32| (day - e0) as usize;
            Ok(Part {
                fit,
                slots: fit.estimation.days.iter().map(slot).collect(),
                event: event.iter().map(|d| days + (d.day - c.window[0]) as usize).collect(),
                factor: gaps + dot(&whitened, &whitened),
                whitened,
                pool,
            })
        })
        .collect::<Outcome<Vec<_>>>()?;
    Ok((parts, days))
}

/// For each slot, the pool row and the sign.
fn plan(
    stream: &mut Stream,
    scheme: Scheme,
    parts: &[Part<'_>],
    days: usize,
    length: usize,
) -> Vec<(usize, f64)> {
    let pool = parts.first().map_or(0, |p| p.pool.len());
    match scheme {
        Scheme::Stationary { block } => {
            stream.stationary_rows(pool, days + length, block).into_iter().map(|row| (row, 1.0)).collect()
        }
        Scheme::Wild => (0..days + length)
            .map(|slot| {
                let row = if slot < days { slot % pool } else { stream.index(pool) };
                (row, stream.rademacher())
            })
            .collect(),
    }
}

/// SCAR of one firm under a plan.
fn rebuilt(p: &Part<'_>, plan: &[(usize, f64)]) -> f64 {
    let value = |slot: &usize| {
        let (row, sign) = plan[*slot];
        p.pool[row] * sign
    };
    let star: Vec<f64> = p.slots.iter().map(value).collect();
    let design = &p.fit.estimation.design;
    let mut explained = 0.0;
    let mut car: f64 = p.event.iter().map(value).sum();
    for (k, w) in p.whitened.iter().enumerate() {
        let b = dot(design.q_column(k), &star);
        explained += b * b;
        car -= w * b;
    }
    let s2 = (dot(&star, &star) - explained) / p.fit.df as f64;
    if s2 > 0.0 { car / (s2 * p.factor).sqrt() } else { 0.0 }
}
