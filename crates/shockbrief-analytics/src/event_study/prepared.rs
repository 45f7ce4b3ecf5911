//! What several tests of a window share, computed once.

use super::cross_section::CrossSection;
use super::dependence::{cda, pair_sums};
use super::firm_event::FirmEvent;
use super::firm_fit::FirmFit;
use super::mvrm::{Mvrm, mvrm};
use super::pair_sums::PairSums;
use super::placebo::placebo;
use super::rank::{Corrado, Grank, corrado, corrado_zivney_rank, grank};
use super::statistic::Stat;
use crate::reason::Outcome;

/// A cross-section with the parts that more than one statistic reads.
#[derive(Debug)]
pub struct Prepared<'a> {
    /// The cross-section.
    pub section: &'a CrossSection<'a>,
    /// Sums over pairs of firms.
    pub pairs: PairSums,
    /// Corrado's statistic and scale.
    pub corrado: Outcome<Corrado>,
    /// The statistic of Corrado & Zivney and its scale.
    pub zivney: Outcome<(Stat, f64)>,
    /// The crude dependence adjustment and its scale.
    pub cda: Outcome<(Stat, f64)>,
    /// The generalised rank test.
    pub grank: Outcome<Grank>,
}

impl<'a> Prepared<'a> {
    /// Computes the shared parts.
    pub fn new(section: &'a CrossSection<'a>) -> Self {
        Self {
            pairs: pair_sums(section),
            corrado: corrado(section),
            zivney: corrado_zivney_rank(section),
            cda: cda(section),
            grank: grank(section),
            section,
        }
    }

    /// A number that describes, without law or p.
    ///
    /// # Errors
    /// That of the value; a value that is not finite.
    pub fn describe(&self, value: Outcome<f64>) -> Outcome<Stat> {
        self.section.stat(value?, None, None)
    }
}

/// A cross-section with the firms behind it, for tests that need returns and not only fits.
#[derive(Debug)]
pub struct Sampled<'a> {
    /// The cross-section.
    pub section: &'a CrossSection<'a>,
    /// The equal-weight portfolio of the firms, fitted as one.
    pub whole: &'a Outcome<FirmFit>,
    /// The multivariate regression of the window.
    pub joint: Outcome<Mvrm>,
}

impl<'a> Sampled<'a> {
    /// Runs the multivariate regression of the section's window.
    pub fn new(section: &'a CrossSection<'a>, firms: &[FirmEvent], whole: &'a Outcome<FirmFit>) -> Self {
        Self { section, whole, joint: mvrm(firms, &section.study.spec, section.window) }
    }

    /// t of the portfolio (Jaffe 1974).
    ///
    /// # Errors
    /// Why the portfolio has no fit or no return in the window.
    pub fn portfolio_t(&self) -> Outcome<Stat> {
        let car = self.whole.as_ref().map_err(Clone::clone)?.car(self.section.window)?;
        self.section.stat(car.t, Some(car.df as f64), Some(car.p))
    }

    /// p of the placebo dates; the value is the p.
    ///
    /// # Errors
    /// As [`placebo`].
    pub fn placebo_p(&self) -> Outcome<Stat> {
        let found = placebo(self.section)?;
        let stat = self.section.stat(found.p, None, Some(found.p))?;
        Ok(Stat { observations: found.n_placebo, ..stat })
    }

    /// Joint F of the multivariate regression.
    ///
    /// # Errors
    /// As [`mvrm`].
    pub fn mvrm_f(&self) -> Outcome<Stat> {
        self.joint.as_ref().map_err(Clone::clone)?.f.clone()
    }

    /// t of the mean effect in the multivariate regression.
    ///
    /// # Errors
    /// As [`mvrm`].
    pub fn mvrm_t_mean(&self) -> Outcome<Stat> {
        self.joint.as_ref().map(|joint| joint.t_mean).map_err(Clone::clone)
    }
}
