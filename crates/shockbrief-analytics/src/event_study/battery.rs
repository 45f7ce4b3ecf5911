//! All tests of one window, side by side.
//!
//! [`tests`] returns one entry per statistic key of the catalogue: the value
//! with its degrees of freedom, p, firms and observations, or the reason why
//! it is missing; [`sample_tests`] does the same for the tests that need the
//! firms' returns and not only their fits.

use super::cross_section::{self, CrossSection};
use super::firm_event::FirmEvent;
use super::firm_fit::{FirmFit, Study};
use super::prepared::{Prepared, Sampled};
use super::statistic::Stat;
use crate::catalogue::{Compute, STATISTICS, Statistic};
use crate::reason::{Missing, Outcome};

/// All statistics of one window.
#[derive(Debug, Clone, PartialEq)]
pub struct Tests {
    /// First and last relative day.
    pub window: [i32; 2],
    /// Firms with a usable day, N.
    pub n: usize,
    /// Days in the window, L.
    pub l2: usize,
    /// Firm-days.
    pub observations: usize,
    /// Mean CAR.
    pub caar: f64,
    /// Median CAR.
    pub car_median: f64,
    /// Standard deviation of the CARs, N - 1.
    pub car_sd: Outcome<f64>,
    /// Pairs of firms, those with 20 common estimation days, and those with
    /// a common event day.
    pub pairs: [usize; 3],
    /// Statistics by key, in the catalogue's order.
    pub values: Vec<(&'static str, Outcome<Stat>)>,
}

impl Tests {
    /// The statistic of a key.
    ///
    /// # Errors
    /// The reason why it is missing; [`Missing::NotApplicable`] for a key
    /// these tests do not hold.
    pub fn get(&self, key: &str) -> Outcome<Stat> {
        self.values.iter().find(|(k, _)| *k == key).map_or_else(
            || Err(Missing::NotApplicable { what: "not a statistic of these tests" }),
            |(_, v)| v.clone(),
        )
    }
}

/// Computes every cross-sectional test of one window.
///
/// # Errors
/// As [`CrossSection::new`]; a statistic that fails alone carries its own
/// reason inside [`Tests::values`].
pub fn tests(study: &Study, window: [i32; 2]) -> Outcome<Tests> {
    let c = CrossSection::new(study, window)?;
    let (caar, car_median, car_sd) = cross_section::summary(&c)?;
    let prepared = Prepared::new(&c);
    let of_section = |s: &Statistic| match s.compute {
        Compute::Section(compute) => Some((s.key, compute(&prepared))),
        _ => None,
    };
    let pairs = *prepared.pairs();
    Ok(Tests {
        window,
        n: c.n(),
        l2: c.length(),
        observations: c.observations(),
        caar,
        car_median,
        car_sd,
        pairs: [pairs.pairs, pairs.pairs_estimation, pairs.pairs_event],
        values: STATISTICS.iter().filter_map(of_section).collect(),
    })
}

/// Some statistics of one window by key, without the work behind the others: what calibration on many days
/// asks for.
///
/// # Errors
/// As [`CrossSection::new`]; a statistic that fails alone carries its own reason, and a key that is no
/// statistic of a cross-section [`Missing::NotApplicable`].
pub fn statistics(study: &Study, window: [i32; 2], keys: &[&str]) -> Outcome<Vec<Outcome<Stat>>> {
    let c = CrossSection::new(study, window)?;
    let prepared = Prepared::new(&c);
    let one = |key: &&str| match STATISTICS.iter().find(|s| s.key == *key).map(|s| s.compute) {
        Some(Compute::Section(compute)) => compute(&prepared),
        _ => Err(Missing::NotApplicable { what: "not a statistic of these tests" }),
    };
    Ok(keys.iter().map(one).collect())
}

/// The tests of one window that need the firms' returns beside their fits: `firms` as they were given to the
/// study, `whole` their equal-weight portfolio fitted as one firm.
///
/// # Errors
/// As [`CrossSection::new`]; a statistic that fails alone carries its own reason.
pub fn sample_tests(
    study: &Study,
    firms: &[FirmEvent],
    whole: &Outcome<FirmFit>,
    window: [i32; 2],
) -> Outcome<Vec<(&'static str, Outcome<Stat>)>> {
    let c = CrossSection::new(study, window)?;
    let sampled = Sampled::new(&c, firms, whole);
    let of_sample = |s: &Statistic| match s.compute {
        Compute::Sample(compute) => Some((s.key, compute(&sampled))),
        _ => None,
    };
    Ok(STATISTICS.iter().filter_map(of_sample).collect())
}
