//! The cross-section of one window, and the plain tests on it.
//!
//! [`CrossSection`] gathers, for one window, every firm with at least one
//! usable day; a firm without any takes no part at all. From it come the
//! cross-sectional t, Hall's and Johnson's skewness-adjusted forms. All three
//! assume independent firms and are invalid on a common event date.

use super::firm_fit::{Car, FirmFit, Study};
use super::statistic::Stat;
use crate::distributions::student_two_sided;
use crate::moments::{mean, median, positive_sd, skewness};
use crate::reason::{Missing, Outcome, finite};

/// Firms with a usable day in the window, with their CARs.
#[derive(Debug)]
pub struct CrossSection<'a> {
    /// The study.
    pub study: &'a Study,
    /// First and last relative day.
    pub window: [i32; 2],
    /// Positions in `study.firms`, ascending.
    pub members: Vec<usize>,
    /// CARs in the order of `members`.
    pub cars: Vec<Car>,
}

impl<'a> CrossSection<'a> {
    /// Gathers the window's firms.
    ///
    /// # Errors
    /// [`Missing::EmptyWindow`] for an inverted window,
    /// [`Missing::BeyondWindow`] when it reaches beyond the event window the
    /// study was fitted for, [`Missing::NoFirms`] when nobody has a return.
    pub fn new(study: &'a Study, window: [i32; 2]) -> Outcome<Self> {
        if window[0] > window[1] {
            return Err(Missing::EmptyWindow { from: window[0], to: window[1] });
        }
        if window[0] < study.spec.window[0] || window[1] > study.spec.window[1] {
            return Err(Missing::BeyondWindow { from: window[0], to: window[1] });
        }
        let mut members = Vec::new();
        let mut cars = Vec::new();
        for (index, firm) in study.firms.iter().enumerate() {
            match firm.car(window) {
                Ok(car) => {
                    members.push(index);
                    cars.push(car);
                }
                Err(Missing::NoEventReturn) => {}
                Err(other) => return Err(other),
            }
        }
        if members.is_empty() {
            return Err(Missing::NoFirms);
        }
        Ok(Self { study, window, members, cars })
    }

    /// Number of firms N.
    pub fn n(&self) -> usize {
        self.members.len()
    }

    /// Days in the window, present or not: L.
    pub fn length(&self) -> usize {
        (self.window[1] - self.window[0] + 1) as usize
    }

    /// Firm-days behind the window's statistics.
    pub fn observations(&self) -> usize {
        self.cars.iter().map(|c| c.l).sum()
    }

    /// The fits, in the order of `cars`.
    pub fn fits(&self) -> impl Iterator<Item = &'a FirmFit> + '_ {
        self.members.iter().map(|i| &self.study.firms[*i])
    }

    /// CARs as numbers.
    pub fn car_values(&self) -> Vec<f64> {
        self.cars.iter().map(|c| c.car).collect()
    }

    /// SCARs as numbers.
    pub fn scar_values(&self) -> Vec<f64> {
        self.cars.iter().map(|c| c.t).collect()
    }

    /// Whether the section holds every firm of the study.
    pub fn complete(&self) -> bool {
        self.members.len() == self.study.firms.len()
    }

    /// A statistic with this section's counts.
    pub(crate) fn stat(&self, value: f64, df: Option<f64>, p: Option<f64>) -> Outcome<Stat> {
        Ok(Stat {
            value: finite(value, "the statistic")?,
            df,
            df2: None,
            p,
            firms: self.n(),
            observations: self.observations(),
        })
    }

    /// A Student statistic with its two-sided p.
    pub(crate) fn student(&self, t: f64, df: f64) -> Outcome<Stat> {
        let p = student_two_sided(t, df)?;
        self.stat(t, Some(df), Some(p))
    }

    /// A standard normal statistic with its two-sided p.
    pub(crate) fn normal(&self, z: f64) -> Outcome<Stat> {
        let p = crate::distributions::normal_two_sided(z);
        self.stat(z, None, Some(p))
    }

    /// √N mean(x)/sd(x) on N - 1.
    pub(crate) fn t_of(&self, x: &[f64], what: &'static str) -> Outcome<f64> {
        Ok((x.len() as f64).sqrt() * mean(x)? / positive_sd(x, what)?)
    }
}

/// Cross-sectional t, √N mean(CAR)/sd(CAR), df N - 1.
///
/// # Errors
/// [`Missing::TooFew`] below two firms, [`Missing::ConstantSeries`].
pub fn csect_t(c: &CrossSection<'_>) -> Outcome<Stat> {
    let t = c.t_of(&c.car_values(), "the CARs")?;
    c.student(t, c.n() as f64 - 1.0)
}

/// S = mean/sd and the adjusted skewness γ of the CARs.
fn shape(c: &CrossSection<'_>) -> Outcome<(f64, f64, f64)> {
    let x = c.car_values();
    let s = mean(&x)? / positive_sd(&x, "the CARs")?;
    Ok((s, skewness(&x)?, x.len() as f64))
}

/// Hall's (1992) transformation,
/// √N(S + γS²/3 + γ²S³/27 + γ/(6N)) with S = mean/sd; p from Student N - 1.
///
/// # Errors
/// [`Missing::TooFew`] below three firms, [`Missing::ConstantSeries`].
pub fn skewadj_hall_t(c: &CrossSection<'_>) -> Outcome<Stat> {
    let (s, g, n) = shape(c)?;
    let cubic = g * g * s.powi(3) / 27.0;
    let t = n.sqrt() * (s + g * s * s / 3.0 + cubic + g / (6.0 * n));
    c.student(t, n - 1.0)
}

/// Johnson's (1978) form, Hall's without the cubic term, as used by Lyon,
/// Barber & Tsai (1999).
///
/// # Errors
/// As [`skewadj_hall_t`].
pub fn skewadj_johnson_t(c: &CrossSection<'_>) -> Outcome<Stat> {
    let (s, g, n) = shape(c)?;
    let t = n.sqrt() * (s + g * s * s / 3.0 + g / (6.0 * n));
    c.student(t, n - 1.0)
}

/// CAAR, median and standard deviation of the CARs.
///
/// # Errors
/// [`Missing::NoFirms`] cannot occur here; a single firm has no sd, which is
/// then a reason inside the triple.
pub fn summary(c: &CrossSection<'_>) -> Outcome<(f64, f64, Outcome<f64>)> {
    let x = c.car_values();
    Ok((finite(mean(&x)?, "the CAAR")?, median(&x)?, positive_sd(&x, "the CARs")))
}
