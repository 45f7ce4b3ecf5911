//! One study under several models of the normal return.
//!
//! The size of an abnormal return hangs on what counts as normal, and an honest headline shows by how much.
//! [`Setting::fit`] fits firms and portfolios under a list of [`Specification`]s, each with all tests of the
//! crate; [`share`] says in how many of them a statement holds and [`range`] how far a figure moves. No test
//! is pooled over specifications, which are anything but independent.
//!
//! | specification | normal return |
//! |---|---|
//! | market | constant and benchmark |
//! | purged | constant and benchmark without the studied firms |
//! | factors | constant, five factors and momentum, in excess of the risk-free rate |
//! | peers | constant and the mean of the theme's other firms |
//! | latent K | constant and K principal components of donors ([`crate::latent`]) |
//! | synthetic | donors' weights ([`crate::synthetic`]), all or clean ones |
//!
//! A synthetic match's weights are least-squares coefficients on the donors with a positive weight under
//! Σ w = 1, and its forecast errors are those of that regression; latent factors are taken as known. All
//! columns stand on one calendar. What cannot be fitted has a reason; no specification stands in for another.

use crate::event_study::mvrm::{Mvrm, mvrm};
use crate::event_study::{Dropped, FirmEvent, FirmFit, Model, Spec, Study, fit};
use crate::latent::Components;
use crate::linalg::Design;
use crate::moments;
use crate::reason::{Missing, Outcome};
use crate::synthetic::{MIN_DONORS, Match, Pool};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A model of the normal return.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Specification {
    /// Market model on the benchmark.
    Market,
    /// Market model on the benchmark without the studied firms.
    Purged,
    /// Five factors of Fama & French (2015) and momentum.
    Factors,
    /// The theme without the firm itself.
    Peers,
    /// Three latent factors.
    Latent3,
    /// Five latent factors.
    Latent5,
    /// Ten latent factors.
    Latent10,
    /// Synthetic match on all donors.
    Synthetic,
    /// Synthetic match on clean donors.
    SyntheticClean,
}

impl Specification {
    /// All of them, in the order in which they are reported.
    pub const ALL: [Self; 9] = [
        Self::Market,
        Self::Purged,
        Self::Factors,
        Self::Peers,
        Self::Latent3,
        Self::Latent5,
        Self::Latent10,
        Self::Synthetic,
        Self::SyntheticClean,
    ];

    /// The name used in configurations and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Market => "market",
            Self::Purged => "purged",
            Self::Factors => "factors",
            Self::Peers => "peers",
            Self::Latent3 => "latent3",
            Self::Latent5 => "latent5",
            Self::Latent10 => "latent10",
            Self::Synthetic => "synthetic",
            Self::SyntheticClean => "synthetic_clean",
        }
    }

    /// Whether it is made of companies outside the sample.
    pub fn from_donors(self) -> bool {
        self.latent().is_some() || matches!(self, Self::Synthetic | Self::SyntheticClean)
    }

    fn latent(self) -> Option<usize> {
        match self {
            Self::Latent3 => Some(3),
            Self::Latent5 => Some(5),
            Self::Latent10 => Some(10),
            _ => None,
        }
    }
}

/// Factor columns on the study's calendar, in decimals.
#[derive(Debug, Clone)]
pub struct Factors {
    /// Market total return, smb, hml, rmw, cma, mom, in the order of [`Model::columns`].
    pub columns: Vec<Arc<[Option<f64>]>>,
    /// Risk-free rate.
    pub rf: Arc<[Option<f64>]>,
}

/// A donor: a firm outside the sample on the study's calendar.
#[derive(Debug, Clone, Copy)]
pub struct Donor<'a> {
    /// Identifier.
    pub id: &'a str,
    /// Simple returns in decimals.
    pub returns: &'a [Option<f64>],
}

/// What the specifications are fitted from.
#[derive(Debug)]
pub struct Setting<'a> {
    /// Studied firms, with the benchmark as their first regressor and other shocks' rows excluded.
    pub firms: &'a [FirmEvent],
    /// Themes, differences and the whole sample, each as one firm with the benchmark as first regressor.
    pub portfolios: &'a [FirmEvent],
    /// For each firm, the places of the other firms of its theme.
    pub peers: &'a [Vec<usize>],
    /// Returns of the benchmark without the firms ([`crate::benchmark`]), or why there are none.
    pub purged: Outcome<Arc<[Option<f64>]>>,
    /// Factor columns, or why there are none.
    pub factors: Outcome<Factors>,
    /// Firms outside the sample.
    pub donors: &'a [Donor<'a>],
    /// Windows and smallest sample; the model is that of the specification.
    pub spec: &'a Spec,
}

/// How well a specification fitted before the event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quality {
    /// Firm or portfolio.
    pub id: String,
    /// Root mean square of the estimation errors.
    pub rmse: f64,
    /// Donors with a weight, largest weight and Σw² of a synthetic match.
    pub weights: Option<(usize, f64, f64)>,
}

/// A study under one specification.
#[derive(Debug)]
pub struct Specified {
    /// The specification.
    pub specification: Specification,
    /// Firms with all that the tests need; [`crate::event_study::tests()`] computes them.
    pub study: Study,
    /// Portfolios, each as one firm: their t is the portfolio test.
    pub portfolios: Study,
    /// Fit before the event, firms and then portfolios.
    pub quality: Vec<Quality>,
    /// Donors behind it; zero without donors.
    pub donors: usize,
    /// The firms with their regressors, where all share them.
    common: Option<Vec<FirmEvent>>,
}

impl Specified {
    /// Joint and mean tests of a window.
    ///
    /// # Errors
    /// As [`mvrm`]; [`Missing::NotApplicable`] where firms have regressors of their own.
    pub fn joint(&self, window: [i32; 2]) -> Outcome<Mvrm> {
        let what = "the joint test needs the same regressors for all firms";
        let firms = self.common.as_ref().ok_or(Missing::NotApplicable { what })?;
        mvrm(firms, &self.study.spec, window)
    }
}

impl Setting<'_> {
    /// Fits every specification of the list, in its order; each fails alone.
    pub fn fit(&self, list: &[Specification]) -> Vec<(Specification, Outcome<Specified>)> {
        let shared = Shared::new(self, list);
        list.iter().map(|s| (*s, self.one(*s, &shared))).collect()
    }

    fn one(&self, specification: Specification, shared: &Shared) -> Outcome<Specified> {
        if let Some(count) = specification.latent() {
            let (components, pool) = shared.latent.as_ref().map_err(Clone::clone)?;
            let columns = self.latent_columns(components, pool, count)?;
            return self.regressed(specification, &columns, None, pool.donors.len());
        }
        match specification {
            Specification::Purged => {
                let rest = self.purged.as_ref().map_err(Clone::clone)?;
                self.regressed(specification, &[Arc::clone(rest)], None, 0)
            }
            Specification::Factors => {
                let factors = self.factors.as_ref().map_err(Clone::clone)?;
                self.regressed(specification, &factors.columns, Some(&factors.rf), 0)
            }
            Specification::Peers => self.peered(),
            Specification::Synthetic | Specification::SyntheticClean => self.synthetic(specification, shared),
            _ => {
                let benchmark = self.benchmark()?;
                self.regressed(specification, &[benchmark], None, 0)
            }
        }
    }

    fn benchmark(&self) -> Outcome<Arc<[Option<f64>]>> {
        let first = self.firms.first().ok_or(Missing::NoFirms)?;
        first.regressors.first().cloned().ok_or(Missing::Incomplete { what: "a benchmark return" })
    }

    fn spec(&self, model: Model) -> Spec {
        Spec { model, ..self.spec.clone() }
    }

    /// The same regressors for every firm and portfolio.
    fn regressed(
        &self,
        specification: Specification,
        columns: &[Arc<[Option<f64>]>],
        rf: Option<&Arc<[Option<f64>]>>,
        donors: usize,
    ) -> Outcome<Specified> {
        let with =
            |firm: &FirmEvent| FirmEvent { regressors: columns.to_vec(), rf: rf.cloned(), ..firm.clone() };
        let model = if rf.is_some() { Model::Ff5Mom } else { Model::MarketModel };
        let spec = self.spec(model);
        let firms: Vec<FirmEvent> = self.firms.iter().map(with).collect();
        let portfolios: Vec<FirmEvent> = self.portfolios.iter().map(with).collect();
        let (study, portfolios) = (fit(&firms, &spec)?, fit(&portfolios, &spec)?);
        let quality = study.firms.iter().chain(&portfolios.firms).map(|f| quality(f, None)).collect();
        Ok(Specified { specification, study, portfolios, quality, donors, common: Some(firms) })
    }

    /// Every firm on the mean of its theme's other firms. A portfolio has no peers.
    fn peered(&self) -> Outcome<Specified> {
        if self.peers.len() != self.firms.len() {
            let (left, right) = (self.firms.len(), self.peers.len());
            return Err(Missing::LengthMismatch { what: "firms and peers", left, right });
        }
        let spec = self.spec(Model::MarketModel);
        let (mut firms, mut alone) = (Vec::new(), Vec::new());
        for (firm, peers) in self.firms.iter().zip(self.peers) {
            let others = peers.iter().filter_map(|k| self.firms.get(*k)).map(|f| &f.returns[..]);
            let others: Vec<&[Option<f64>]> = others.collect();
            if others.is_empty() {
                alone.push(dropped(
                    firm,
                    Missing::TooFew { what: "other firms of the theme", have: 0, need: 1 },
                ));
                continue;
            }
            let count = others.len() as f64;
            let mean = |t: usize| others.iter().map(|o| o[t]).sum::<Option<f64>>().map(|s| s / count);
            let column: Arc<[Option<f64>]> = (0..firm.dates.len()).map(mean).collect();
            firms.push(FirmEvent { regressors: vec![column], rf: None, ..firm.clone() });
        }
        let mut study = fit(&firms, &spec)?;
        study.dropped.extend(alone);
        let what = "a portfolio of themes has no peers";
        let none = self.portfolios.iter().map(|p| dropped(p, Missing::NotApplicable { what })).collect();
        let quality = study.firms.iter().map(|f| quality(f, None)).collect();
        Ok(Specified {
            specification: Specification::Peers,
            study,
            portfolios: Study::from_fits(spec, Vec::new(), none),
            quality,
            donors: 0,
            common: None,
        })
    }

    fn latent_columns(
        &self,
        components: &Components,
        pool: &Pool,
        count: usize,
    ) -> Outcome<Vec<Arc<[Option<f64>]>>> {
        let donors: Vec<&[Option<f64>]> = pool.donors.iter().map(|k| self.donors[*k].returns).collect();
        let latent = components.factors(&donors, count)?;
        Ok(latent.factors.into_iter().map(Arc::from).collect())
    }

    fn synthetic(&self, specification: Specification, shared: &Shared) -> Outcome<Specified> {
        let pool = if specification == Specification::Synthetic { &shared.all } else { &shared.clean };
        let pool = pool.as_ref().map_err(Clone::clone)?;
        let spec = self.spec(Model::Combination);
        let mut quality = Vec::new();
        let mut matched = |events: &[FirmEvent]| {
            let (mut fits, mut lost) = (Vec::new(), Vec::new());
            for event in events {
                match self.match_one(event, pool, shared, &spec) {
                    Ok((fit, found)) => {
                        quality.push(self::quality(&fit, Some(&found)));
                        fits.push(fit);
                    }
                    Err(reason) => lost.push(dropped(event, reason)),
                }
            }
            Study::from_fits(spec.clone(), fits, lost)
        };
        let study = matched(self.firms);
        let portfolios = matched(self.portfolios);
        let donors = pool.donors.len();
        Ok(Specified { specification, study, portfolios, quality, donors, common: None })
    }

    /// Weights on the rows of the pool, then the regression that gives them with their forecast errors.
    fn match_one(
        &self,
        event: &FirmEvent,
        pool: &Pool,
        shared: &Shared,
        spec: &Spec,
    ) -> Outcome<(FirmFit, Match)> {
        let unit = shared.rows.iter().map(|row| event.returns[*row]).collect::<Option<Vec<f64>>>();
        let unit = unit.ok_or(Missing::Incomplete { what: "a return on every estimation day" })?;
        // A difference of two positions is matched by differences: it has no total weight of one.
        if event.zero_investment {
            return Err(Missing::NotApplicable { what: "a difference of portfolios has no synthetic match" });
        }
        let found = pool.matched(&unit)?;
        let reference = self.donors[found.donors[0]].returns;
        let over = |returns: &[Option<f64>]| -> Arc<[Option<f64>]> {
            returns.iter().zip(reference).map(|(r, b)| Some((*r)? - (*b)?)).collect()
        };
        let regressed = FirmEvent {
            returns: over(&event.returns),
            regressors: found.donors[1..].iter().map(|k| over(self.donors[*k].returns)).collect(),
            rf: None,
            ..event.clone()
        };
        let mut study = fit(std::slice::from_ref(&regressed), spec)?;
        let mut fit = match study.dropped.pop() {
            Some(lost) => return Err(lost.reason),
            None => study.firms.pop().ok_or(Missing::NoFirms)?,
        };
        fit.coef_names = found.donors[1..].iter().map(|k| self.donors[*k].id.to_owned()).collect();
        Ok((fit, found))
    }
}

fn dropped(firm: &FirmEvent, reason: Missing) -> Dropped {
    Dropped { id: firm.id.clone(), firm: firm.firm.clone(), reason }
}

fn quality(fit: &FirmFit, found: Option<&Match>) -> Quality {
    let squares: f64 = fit.residuals.iter().map(|e| e * e).sum();
    Quality {
        id: fit.id.clone(),
        rmse: (squares / fit.residuals.len() as f64).sqrt(),
        weights: found.map(|m| (m.donors.len(), m.largest, m.concentration)),
    }
}

/// What several specifications use, prepared once.
struct Shared {
    /// Estimation rows on which the benchmark has a return and no other shock happened.
    rows: Vec<usize>,
    all: Outcome<Pool>,
    clean: Outcome<Pool>,
    latent: Outcome<(Components, Pool)>,
}

impl Shared {
    fn new(setting: &Setting<'_>, list: &[Specification]) -> Self {
        let unused = || Missing::NotApplicable { what: "not among the specifications" };
        let mut shared =
            Self { rows: Vec::new(), all: Err(unused()), clean: Err(unused()), latent: Err(unused()) };
        if list.iter().all(|s| s.latent().is_none() && *s < Specification::Synthetic) {
            return shared;
        }
        let rows = match estimation_rows(setting) {
            Ok(rows) => rows,
            Err(reason) => {
                let lost = || Err(reason.clone());
                return Self { rows: Vec::new(), all: lost(), clean: lost(), latent: Err(reason.clone()) };
            }
        };
        let donors: Vec<&[Option<f64>]> = setting.donors.iter().map(|d| d.returns).collect();
        let window = window_rows(setting);
        let pool = || Pool::new(&donors, &rows, &window, MIN_DONORS);
        shared.all = pool();
        if let Some(most) = list.iter().filter_map(|s| s.latent()).max() {
            shared.latent = pool().and_then(|pool| Ok((Components::new(pool.returns(), most)?, pool)));
        }
        if list.contains(&Specification::SyntheticClean) {
            shared.clean = match &shared.all {
                Ok(all) => clean(setting, all, &rows),
                Err(reason) => Err(reason.clone()),
            };
        }
        shared.rows = rows;
        shared
    }
}

/// Estimation rows of the study: those of the benchmark, without rows that some firm leaves out.
fn estimation_rows(setting: &Setting<'_>) -> Outcome<Vec<usize>> {
    let first = setting.firms.first().ok_or(Missing::NoFirms)?;
    let same = |f: &FirmEvent| f.event_row == first.event_row && f.dates.len() == first.dates.len();
    if !setting.firms.iter().chain(setting.portfolios).all(same) {
        return Err(Missing::NotCommonDate);
    }
    let benchmark = setting.benchmark()?;
    let [from, to] = setting.spec.estimation;
    let rows = (from..=to).filter_map(|day| first.row(day)).filter(|row| benchmark[*row].is_some());
    let rows: Vec<usize> = rows.filter(|row| !first.excluded.contains(row)).collect();
    let need = setting.spec.min_observations;
    if rows.len() < need {
        return Err(Missing::TooShort { have: rows.len(), need });
    }
    Ok(rows)
}

fn window_rows(setting: &Setting<'_>) -> Vec<usize> {
    let [from, to] = setting.spec.window;
    let first = setting.firms.first();
    first.map_or(Vec::new(), |f| (from..=to).filter_map(|day| f.row(day)).collect())
}

/// The clean half of a pool: market-model residuals of donors against the sample's mean residual.
fn clean(setting: &Setting<'_>, pool: &Pool, rows: &[usize]) -> Outcome<Pool> {
    let benchmark = setting.benchmark()?;
    let market: Vec<f64> = rows.iter().filter_map(|row| benchmark[*row]).collect();
    let one = vec![1.0; rows.len()];
    let design = Design::new(&[&one, &market], rows.len())?;
    let residual = |y: &[f64]| design.fit(y).map(|ols| ols.residuals);
    let sample = |row: &usize| {
        let present: Vec<f64> = setting.firms.iter().filter_map(|f| f.returns[*row]).collect();
        moments::mean(&present)
    };
    let sample = rows.iter().map(sample).collect::<Outcome<Vec<f64>>>()?;
    let donors = pool.returns().iter().map(|r| residual(r)).collect::<Outcome<Vec<_>>>()?;
    let keep = pool.clean(&donors, &residual(&sample)?)?;
    pool.subset(&keep, MIN_DONORS)
}

/// In how many specifications a statement holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Share {
    /// Specifications in which it holds.
    pub holds: usize,
    /// Specifications in which it could be judged.
    pub of: usize,
    /// Those in which it fails.
    pub fails: Vec<Specification>,
    /// Those in which it could not be judged.
    pub unknown: Vec<Specification>,
}

/// Counts the specifications in which a statement holds.
///
/// # Errors
/// [`Missing::TooFew`] when it could be judged in none.
pub fn share(outcomes: &[(Specification, Outcome<bool>)]) -> Outcome<Share> {
    let pick = |want: Option<bool>| -> Vec<Specification> {
        let held = outcomes.iter().filter(|(_, o)| o.as_ref().ok().copied() == want);
        held.map(|(s, _)| *s).collect()
    };
    let (holds, fails, unknown) = (pick(Some(true)).len(), pick(Some(false)), pick(None));
    let of = holds + fails.len();
    if of == 0 {
        return Err(Missing::TooFew { what: "specifications", have: 0, need: 1 });
    }
    Ok(Share { holds, of, fails, unknown })
}

/// How far a figure moves over specifications.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Range {
    /// Least value.
    pub least: f64,
    /// Specification of the least value.
    pub least_by: Specification,
    /// Greatest value.
    pub greatest: f64,
    /// Specification of the greatest value.
    pub greatest_by: Specification,
    /// Specifications with a value.
    pub of: usize,
    /// Those without.
    pub unknown: Vec<Specification>,
}

/// Least and greatest value over specifications; ties go to the earlier one.
///
/// # Errors
/// [`Missing::TooFew`] when none has a value, [`Missing::Invalid`] for a value that is not a number.
pub fn range(values: &[(Specification, Outcome<f64>)]) -> Outcome<Range> {
    let known: Vec<(Specification, f64)> =
        values.iter().filter_map(|(s, v)| Some((*s, *v.as_ref().ok()?))).collect();
    if known.iter().any(|(_, v)| v.is_nan()) {
        return Err(Missing::Invalid { what: "a figure" });
    }
    let Some(first) = known.first() else {
        return Err(Missing::TooFew { what: "specifications", have: 0, need: 1 });
    };
    let least = known.iter().fold(*first, |a, b| if b.1 < a.1 { *b } else { a });
    let greatest = known.iter().fold(*first, |a, b| if b.1 > a.1 { *b } else { a });
    Ok(Range {
        least: least.1,
        least_by: least.0,
        greatest: greatest.1,
        greatest_by: greatest.0,
        of: known.len(),
        unknown: values.iter().filter(|(_, v)| v.is_err()).map(|(s, _)| *s).collect(),
    })
}
