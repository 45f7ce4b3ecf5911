//! Size and power of the tests on one event date, by seeded simulation.
//!
//! N firms follow a market model; residuals share a factor so that every pair
//! has correlation ρ. All firms have the event on the same row. Each
//! replication runs the crate's own estimation and tests, and counts p <
//! level. With a shock of zero the rates are sizes, otherwise powers. Equal
//! designs give equal tables whatever the number of threads.

use super::battery::{sample_tests, tests};
use super::firm_event::FirmEvent;
use super::fit::fit;
use super::model::{Model, Spec};
use super::portfolio::portfolio;
use crate::reason::{Missing, Outcome};
use crate::rng::Stream;
use jiff::ToSpan;
use jiff::civil::{Date, date};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Law of the residuals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Law {
    /// Normal.
    Normal,
    /// Student t with 5 degrees of freedom, scaled to unit variance.
    Student5,
}

/// A simulation design; serialise it to make a cache key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SizeDesign {
    /// Firms N.
    pub n: usize,
    /// Estimation days M.
    pub m: usize,
    /// Days in the event window L.
    pub l: usize,
    /// Residual correlation of every pair, in [0, 1).
    pub r_bar: f64,
    /// Law of the residuals.
    pub law: Law,
    /// Mean abnormal return of every firm on the first event day, in
    /// residual standard deviations.
    pub shock: f64,
    /// Event-window residual variance over estimation variance.
    pub event_variance: f64,
    /// Nominal level.
    pub level: f64,
    /// Replications.
    pub replications: usize,
    /// Seed.
    pub seed: u64,
}

impl SizeDesign {
    /// A null design at 5% with Student residuals, 200 days, one event day
    /// and 2,000 replications.
    pub fn null(n: usize, r_bar: f64) -> Self {
        Self {
            n,
            m: 200,
            l: 1,
            r_bar,
            law: Law::Student5,
            shock: 0.0,
            event_variance: 1.0,
            level: 0.05,
            replications: 2_000,
            seed: 7,
        }
    }
}

/// Rejection rate of one statistic.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rate {
    /// Statistic key of the catalogue.
    pub key: &'static str,
    /// Share of replications rejecting, among those that gave a p.
    pub rate: f64,
    /// Simulation standard error of the rate.
    pub se: f64,
    /// Replications that gave a p.
    pub replications: usize,
}

/// Statistics of the table that [`tests()`] computes.
const KEYS: [&str; 12] = [
    "csect_t",
    "patell_z",
    "bmp_t",
    "kp_adj_patell_z",
    "kp_adj_bmp_t",
    "cda_t",
    "sign_z",
    "gsign_z",
    "corrado_rank_z",
    "grank_t",
    "grank_z",
    "wilcoxon_z",
];

/// Statistics of the table that need the firms' returns.
const SAMPLE_KEYS: [&str; 3] = ["portfolio_t", "placebo_p", "mvrm_f"];

/// Rejection rates of the tests under a design, headline and naive alike.
///
/// # Errors
/// [`Missing::Invalid`] for a design outside its domain, [`Missing::TooFew`]
/// without replications.
pub fn size_table(design: &SizeDesign) -> Outcome<Vec<Rate>> {
    check(design)?;
    let outcomes: Vec<Vec<(&'static str, Option<bool>)>> = (0..design.replications)
        .into_par_iter()
        .map(|k| replicate(design, k as u64))
        .collect::<Outcome<Vec<_>>>()?;
    let keys = KEYS.into_iter().chain(SAMPLE_KEYS);
    Ok(keys.enumerate().map(|(position, key)| rate(key, outcomes.iter().map(|o| o[position].1))).collect())
}

fn check(d: &SizeDesign) -> Outcome<()> {
    if d.replications == 0 {
        return Err(Missing::TooFew { what: "replications", have: 0, need: 1 });
    }
    let sound = d.n >= 3
        && d.m >= 30
        && d.l >= 1
        && d.l <= d.m
        && (0.0..1.0).contains(&d.r_bar)
        && d.event_variance > 0.0
        && d.event_variance.is_finite()
        && d.shock.is_finite()
        && d.level > 0.0
        && d.level < 1.0
        && d.n.saturating_mul(d.m + d.l) <= 100_000_000;
    if sound { Ok(()) } else { Err(Missing::Invalid { what: "the simulation design" }) }
}

fn rate(key: &'static str, hits: impl Iterator<Item = Option<bool>>) -> Rate {
    let known: Vec<bool> = hits.flatten().collect();
    let n = known.len().max(1) as f64;
    let rate = known.iter().filter(|h| **h).count() as f64 / n;
    Rate { key, rate, se: (rate * (1.0 - rate) / n).sqrt(), replications: known.len() }
}

fn replicate(d: &SizeDesign, k: u64) -> Outcome<Vec<(&'static str, Option<bool>)>> {
    let mut stream = Stream::child(d.seed, k);
    let firms = simulate(d, &mut stream);
    let spec = Spec {
        estimation: [-(d.m as i32), -1],
        window: [0, d.l as i32 - 1],
        min_observations: 1,
        model: Model::MarketModel,
    };
    let study = fit(&firms, &spec)?;
    let all = tests(&study, spec.window)?;
    let reject = |p: Option<f64>| p.map(|p| p < d.level);
    let mut out: Vec<(&'static str, Option<bool>)> =
        KEYS.into_iter().map(|key| (key, reject(all.get(key).ok().and_then(|s| s.p)))).collect();
    let members: Vec<&FirmEvent> = firms.iter().collect();
    let mut whole = fit(&[portfolio("portfolio", &members, None)?], &spec)?;
    let whole = whole.firms.pop().ok_or(Missing::NoFirms);
    let joint = sample_tests(&study, &firms, &whole, spec.window)?;
    for key in SAMPLE_KEYS {
        let p = joint.iter().find(|(k, _)| *k == key).and_then(|(_, stat)| stat.as_ref().ok()?.p);
        // A p that is a rank among blocks takes the level itself as a value.
        let rejects = |p: f64| if key == "placebo_p" { p <= d.level } else { p < d.level };
        out.push((key, p.map(rejects)));
    }
    Ok(out)
}

/// Firms with common rows, a market of 1% daily sd and residuals of 2%.
fn simulate(d: &SizeDesign, stream: &mut Stream) -> Vec<FirmEvent> {
    const SIGMA: f64 = 0.02;
    let rows = d.m + d.l;
    let dates: Arc<[Date]> = calendar(rows);
    let market: Vec<f64> = (0..rows).map(|_| 0.01 * stream.normal()).collect();
    let draw = |s: &mut Stream| match d.law {
        Law::Normal => s.normal(),
        Law::Student5 => s.unit_student(5),
    };
    let common: Vec<f64> = (0..rows).map(|_| draw(stream)).collect();
    let column: Arc<[Option<f64>]> = market.iter().copied().map(Some).collect();
    let (shared, own) = (d.r_bar.sqrt(), (1.0 - d.r_bar).sqrt());
    (0..d.n)
        .map(|i| {
            let returns: Vec<_> = (0..rows)
                .map(|t| {
                    let mut e = shared * common[t] + own * draw(stream);
                    if t >= d.m {
                        e *= d.event_variance.sqrt();
                    }
                    if t == d.m {
                        e += d.shock;
                    }
                    Some(1.2 * market[t] + SIGMA * e)
                })
                .collect();
            FirmEvent::new(format!("S{i}"), Arc::clone(&dates), returns, d.m)
                .with_regressors(vec![Arc::clone(&column)])
        })
        .collect()
}

/// Consecutive dates; only their order matters.
fn calendar(rows: usize) -> Arc<[Date]> {
    let start = date(2000, 1, 1);
    (0..rows as i64).map(|k| start.saturating_add(k.days())).collect()
}
