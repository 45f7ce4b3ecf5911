//! All tests of one window, side by side.
//!
//! [`tests`] returns one entry per statistic key of the catalogue: the value
//! with its degrees of freedom, p, firms and observations, or the reason why
//! it is missing. Tests that need a second model (portfolio, multivariate
//! regression, placebo, bootstrap) live in their own modules because they
//! need the returns, not only the fits.

use super::cross_section::{self, CrossSection};
use super::firm_fit::Study;
use super::pair_sums::PairSums;
use super::statistic::Stat;
use super::{dependence, rank, sign, standardised};
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
    let pairs = dependence::pair_sums(&c);
    let mut values = moments_family(&c);
    values.extend(dependence_family(&c, &pairs));
    values.extend(sign_family(&c));
    values.extend(rank_family(&c));
    values.push(("event_variance_chi2", standardised::event_variance_chi2(&c)));
    Ok(Tests {
        window,
        n: c.n(),
        l2: c.length(),
        observations: c.observations(),
        caar,
        car_median,
        car_sd,
        pairs: [pairs.pairs, pairs.pairs_estimation, pairs.pairs_event],
        values,
    })
}

type Family = Vec<(&'static str, Outcome<Stat>)>;

fn moments_family(c: &CrossSection<'_>) -> Family {
    let skew = crate::moments::skewness(&c.car_values());
    vec![
        ("csect_t", cross_section::csect_t(c)),
        ("skewadj_hall_t", cross_section::skewadj_hall_t(c)),
        ("skewadj_johnson_t", cross_section::skewadj_johnson_t(c)),
        ("car_skew_g1adj", skew.and_then(|g| c.stat(g, None, None))),
        ("patell_z", standardised::patell_z(c)),
        ("patell_z_equalweight", standardised::patell_z_equalweight(c)),
        ("patell_z_exactvar", standardised::patell_z_exactvar(c)),
        ("bmp_t", standardised::bmp_t(c)),
        ("bmp_t_sumsar", standardised::bmp_t_sumsar(c)),
        ("bmp_t_no_forecast_error", standardised::bmp_t_no_forecast_error(c)),
    ]
}

fn dependence_family(c: &CrossSection<'_>, pairs: &PairSums) -> Family {
    let (r, theta) = (pairs.r_bar(), pairs.theta());
    let descriptive = |v: &Outcome<f64>| v.clone().and_then(|v| c.stat(v, None, None));
    let (cda, cda_s) = split(dependence::cda(c), c);
    vec![
        ("r_bar", descriptive(&r)),
        ("theta", descriptive(&theta)),
        ("kp_adj_patell_z", r.clone().and_then(|r| dependence::kp_adj_patell_z(c, r))),
        ("kp_adj_bmp_t", r.and_then(|r| dependence::kp_adj_bmp_t(c, r))),
        ("kpp_adj_bmp_t_theta", theta.and_then(|r| dependence::kp_adj_bmp_t(c, r))),
        ("cda_s", cda_s),
        ("cda_t", cda),
    ]
}

/// A statistic and its scale as two entries that fail together.
fn split(both: Outcome<(Stat, f64)>, c: &CrossSection<'_>) -> (Outcome<Stat>, Outcome<Stat>) {
    match both {
        Ok((stat, s)) => (Ok(stat), c.stat(s, None, None)),
        Err(e) => (Err(e.clone()), Err(e)),
    }
}

fn sign_family(c: &CrossSection<'_>) -> Family {
    vec![
        ("n_pos", c.stat(sign::n_pos(c) as f64, None, None)),
        ("n_signed", sign::n_signed(c).and_then(|n| c.stat(n as f64, None, None))),
        ("sign_z", sign::sign_z(c)),
        ("sign_p_exact", sign::sign_p_exact(c)),
        ("gsign_phat", sign::gsign_phat(c)),
        ("gsign_z", sign::gsign_z(c)),
        ("wilcoxon_wplus", sign::wilcoxon_wplus(c)),
        ("wilcoxon_p_exact", sign::wilcoxon_p_exact(c)),
        ("wilcoxon_z", sign::wilcoxon_z(c)),
    ]
}

fn rank_family(c: &CrossSection<'_>) -> Family {
    let corrado = rank::corrado(c);
    let part =
        |f: &dyn Fn(&rank::Corrado) -> Outcome<Stat>| corrado.as_ref().map_err(Missing::clone).and_then(f);
    let (cz, cz_s) = split(rank::corrado_zivney_rank(c), c);
    let mut family = vec![
        ("corrado_rank_z", part(&|k| Ok(k.z))),
        ("corrado_rank_S", part(&|k| c.stat(k.s, None, None))),
        ("corrado_T", c.stat(rank::days(c) as f64, None, None)),
        ("corrado_zivney_rank_z", cz),
        ("corrado_zivney_rank_S", cz_s),
        ("corrado_zivney_sign_z", rank::corrado_zivney_sign(c)),
    ];
    let grank = rank::grank(c);
    let part = |f: &dyn Fn(&rank::Grank) -> Outcome<Stat>| grank.as_ref().map_err(Missing::clone).and_then(f);
    family.extend([
        ("grank_T", part(&|g| c.stat(g.t as f64, None, None))),
        ("grank_ubar0", part(&|g| c.stat(g.ubar0, None, None))),
        ("grank_Z", part(&|g| g.z_ratio.clone())),
        ("grank_t", part(&|g| g.t_stat.clone())),
        ("grank_z", part(&|g| g.z_stat.clone())),
    ]);
    family
}
