//! What several tests of a window share, computed once.

use super::cross_section::CrossSection;
use super::dependence::{cda, pair_sums};
use super::firm_event::FirmEvent;
use super::firm_fit::FirmFit;
use super::mvrm::{Mvrm, mvrm, of_fits};
use super::pair_sums::PairSums;
use super::placebo::placebo;
use super::rank::{Corrado, Grank, corrado, corrado_zivney_rank, grank};
use super::statistic::Stat;
use crate::reason::Outcome;
use std::cell::OnceCell;

/// A cross-section with the parts that more than one statistic reads, each computed when first asked for.
#[derive(Debug)]
pub struct Prepared<'a> {
    /// The cross-section.
    pub section: &'a CrossSection<'a>,
    pairs: OnceCell<PairSums>,
    corrado: OnceCell<Outcome<Corrado>>,
    zivney: OnceCell<Outcome<(Stat, f64)>>,
    cda: OnceCell<Outcome<(Stat, f64)>>,
    grank: OnceCell<Outcome<Grank>>,
}

impl<'a> Prepared<'a> {
    /// A section with nothing computed yet.
    pub fn new(section: &'a CrossSection<'a>) -> Self {
        Self {
            section,
            pairs: OnceCell::new(),
            corrado: OnceCell::new(),
            zivney: OnceCell::new(),
            cda: OnceCell::new(),
            grank: OnceCell::new(),
        }
    }

    /// Sums over pairs of firms.
    pub fn pairs(&self) -> &PairSums {
        self.pairs.get_or_init(|| pair_sums(self.section))
    }

    /// Corrado's statistic and scale.
    pub fn corrado(&self) -> Outcome<Corrado> {
        self.corrado.get_or_init(|| corrado(self.section)).clone()
    }

    /// The statistic of Corrado & Zivney and its scale.
    pub fn zivney(&self) -> Outcome<(Stat, f64)> {
        self.zivney.get_or_init(|| corrado_zivney_rank(self.section)).clone()
    }

    /// The crude dependence adjustment and its scale.
    pub fn cda(&self) -> Outcome<(Stat, f64)> {
        self.cda.get_or_init(|| cda(self.section)).clone()
    }

    /// The generalised rank test.
    pub fn grank(&self) -> Outcome<Grank> {
        self.grank.get_or_init(|| grank(self.section)).clone()
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
        let fits: Vec<&FirmFit> = section.fits().collect();
        let same = |pair: &[&FirmFit]| {
            pair[0].event_date == pair[1].event_date && pair[0].estimation.dates == pair[1].estimation.dates
        };
        // Fits on one set of days are those of the regression; others are made anew on the days all have.
        let joint = if fits.windows(2).all(same) {
            of_fits(&fits, section.window)
        } else {
            mvrm(firms, &section.study.spec, section.window)
        };
        Self { section, whole, joint }
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
