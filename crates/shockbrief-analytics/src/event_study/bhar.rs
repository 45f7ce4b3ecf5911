//! Buy-and-hold abnormal returns and their skewness-robust tests.
//!
//! BHAR = Π(1 + r) - Π(1 + r_b) over the window, simple returns in decimals,
//! r_b the first regressor column. A missing day breaks the holding period,
//! so such a firm has no BHAR. Long-horizon BHARs are right-skewed: Johnson's
//! t and the bootstrapped skewness-adjusted t (Lyon, Barber & Tsai 1999)
//! stand beside the plain t.

use super::firm_event::FirmEvent;
use super::firm_fit::row_range;
use super::statistic::Stat;
use crate::distributions::student_two_sided;
use crate::moments::{mean, positive_sd, skewness};
use crate::reason::{Missing, Outcome, finite};
use crate::rng::Stream;

/// BHAR of one firm over a window.
///
/// # Errors
/// [`Missing::Incomplete`] when a day of the window lacks a return or a
/// benchmark, [`Missing::OutsideSample`] when the window leaves the sample.
pub fn bhar(firm: &FirmEvent, window: [i32; 2]) -> Outcome<f64> {
    let rows = row_range(firm, window);
    if rows.len() as i64 != i64::from(window[1]) - i64::from(window[0]) + 1 {
        return Err(Missing::OutsideSample);
    }
    let benchmark = firm.regressors.first().ok_or(Missing::Incomplete { what: "a benchmark return" })?;
    let (mut own, mut other) = (1.0, 1.0);
    for row in rows {
        let both = (firm.returns.get(row).copied().flatten(), benchmark.get(row).copied().flatten());
        let (Some(r), Some(b)) = both else {
            return Err(Missing::Incomplete { what: "a return on every day held" });
        };
        own *= 1.0 + r;
        other *= 1.0 + b;
    }
    finite(own - other, "the buy-and-hold return")
}

/// Tests of a mean BHAR.
#[derive(Debug, Clone, PartialEq)]
pub struct BharTests {
    /// √N mean/sd, df N - 1.
    pub t: Outcome<Stat>,
    /// Johnson's skewness-adjusted t.
    pub johnson_t: Outcome<Stat>,
    /// Bootstrapped p of Johnson's t.
    pub bootstrap_p: Outcome<f64>,
}

/// √n(S + γS²/3 + γ/(6n)) with S = (mean - centre)/sd.
fn johnson(x: &[f64], centre: f64) -> Outcome<f64> {
    let n = x.len() as f64;
    let s = (mean(x)? - centre) / positive_sd(x, "the BHARs")?;
    let g = skewness(x)?;
    Ok(n.sqrt() * (s + g * s * s / 3.0 + g / (6.0 * n)))
}

/// t, Johnson t and bootstrap p. The bootstrap resamples firms, as in the
/// paper, and therefore assumes that they are independent: it does not suit a
/// common event date. Resamples without variation are drawn again.
pub fn tests(bhars: &[f64], draws: usize, seed: u64) -> BharTests {
    let stat = |t: f64| -> Outcome<Stat> {
        let df = bhars.len() as f64 - 1.0;
        Ok(Stat {
            value: finite(t, "the statistic")?,
            df: Some(df),
            df2: None,
            p: Some(student_two_sided(t, df)?),
            firms: bhars.len(),
            observations: bhars.len(),
        })
    };
    let plain = || {
        let s = positive_sd(bhars, "the BHARs")?;
        stat((bhars.len() as f64).sqrt() * mean(bhars)? / s)
    };
    BharTests {
        t: plain(),
        johnson_t: johnson(bhars, 0.0).and_then(stat),
        bootstrap_p: bootstrap_p(bhars, draws, seed),
    }
}

fn bootstrap_p(x: &[f64], draws: usize, seed: u64) -> Outcome<f64> {
    // Draws pick places: in order of size, so that the order of the firms changes nothing.
    let mut x = x.to_vec();
    x.sort_by(f64::total_cmp);
    let x = x.as_slice();
    let observed = johnson(x, 0.0)?.abs();
    let centre = mean(x)?;
    let mut stream = Stream::new(seed);
    let (mut hits, mut made, mut tried) = (0_usize, 0_usize, 0_usize);
    while made < draws && tried < 10 * draws {
        tried += 1;
        let sample: Vec<f64> = (0..x.len()).map(|_| x[stream.index(x.len())]).collect();
        if let Ok(t) = johnson(&sample, centre) {
            made += 1;
            hits += usize::from(t.abs() >= observed);
        }
    }
    if made == 0 {
        return Err(Missing::NotConverged { what: "the bootstrap of the mean" });
    }
    Ok((1 + hits) as f64 / (1 + made) as f64)
}
