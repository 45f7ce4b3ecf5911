//! Rank tests: Corrado, Corrado-Zivney, and the generalised rank test.
//!
//! Ranks run over each firm's estimation and event rows in event time, ties
//! sharing mid-ranks. The daily ranks of all firms are averaged before
//! scaling by their own time-series spread, so cross-correlation on a common
//! date is in the denominator; the price is sensitivity to event-induced
//! variance. GRANK-Z is the exception: it assumes independent firms.

use super::cross_section::CrossSection;
use super::firm_fit::{FirmFit, Study};
use super::rank_panel::RankPanel;
use super::statistic::Stat;
use crate::moments::positive_sd;
use crate::reason::{Missing, Outcome};
use rayon::prelude::*;

impl RankPanel {
    pub(crate) fn of(study: &Study) -> &Self {
        study.ranks.get_or_init(|| Self::build(study))
    }

    fn build(study: &Study) -> Self {
        let [e0, e1] = study.spec.estimation;
        let [w0, w1] = study.spec.window;
        let days: Vec<i32> = (e0..=e1).chain(w0..=w1).collect();
        let length = (e1 - e0 + 1) as u32;
        let slot = |day: i32| {
            if day >= e0 && day <= e1 { (day - e0) as u32 } else { length + (day - w0) as u32 }
        };
        let firms: Vec<_> = study.firms.par_iter().map(|f| firm_ranks(f, slot)).collect();
        let mut panel = Self {
            days,
            slots: Vec::new(),
            scaled: Vec::new(),
            ranks: Vec::new(),
            signs: Vec::new(),
            residuals: Vec::new(),
        };
        for (slots, scaled, ranks, signs, residuals) in firms {
            panel.slots.push(slots);
            panel.scaled.push(scaled);
            panel.ranks.push(ranks);
            panel.signs.push(signs);
            panel.residuals.push(residuals);
        }
        panel
    }

    /// Daily sums of one column over the section's firms, and daily counts.
    fn daily(&self, c: &CrossSection<'_>, column: &[Vec<f64>]) -> (Vec<f64>, Vec<f64>) {
        let mut sums = vec![0.0; self.days.len()];
        let mut counts = vec![0.0; self.days.len()];
        for &i in &c.members {
            for (slot, value) in self.slots[i].iter().zip(&column[i]) {
                sums[*slot as usize] += value;
                counts[*slot as usize] += 1.0;
            }
        }
        (sums, counts)
    }

    /// Whether `k` indexes a day of the window within the event days.
    fn in_window(&self, c: &CrossSection<'_>, k: usize) -> bool {
        let event = (c.study.spec.estimation[1] - c.study.spec.estimation[0] + 1) as usize;
        k >= event && self.days[k] >= c.window[0] && self.days[k] <= c.window[1]
    }
}

type FirmRanks = (Vec<u32>, Vec<f64>, Vec<f64>, Vec<f64>, (Vec<f64>, Vec<f64>));

fn firm_ranks(f: &FirmFit, slot: impl Fn(i32) -> u32) -> FirmRanks {
    let estimation = f.estimation.days.iter().zip(&f.residuals);
    let event = f.event.iter().map(|d| (d.day, d.ar));
    let rows: Vec<(i32, f64)> = estimation.map(|(d, e)| (*d, *e)).chain(event).collect();
    let values: Vec<f64> = rows.iter().map(|r| r.1).collect();
    let order = ascending(&values);
    let ranks = ranked(&values, &order);
    let scale = 1.0 / (1.0 + values.len() as f64);
    let centre = middle(&values, &order);
    let m = f.residuals.len();
    let standardised: Vec<f64> = (0..m).map(|k| f.standardised_residual(k)).collect();
    // Scaled by one number the residuals keep their order; scaled by gaps they are sorted anew.
    let own = if f.estimation_gaps.is_none() {
        let order: Vec<u32> = order.into_iter().filter(|k| (*k as usize) < m).collect();
        ranked(&standardised, &order)
    } else {
        ranked(&standardised, &ascending(&standardised))
    };
    (
        rows.iter().map(|r| slot(r.0)).collect(),
        ranks.iter().map(|r| r * scale - 0.5).collect(),
        ranks,
        values.iter().map(|v| sign(v - centre)).collect(),
        (own, standardised),
    )
}

/// Places of the values from the smallest to the largest.
fn ascending(x: &[f64]) -> Vec<u32> {
    // Bits that order as the numbers do, beside the place: one sort of plain integers.
    let key = |v: f64| {
        let bits = (v + 0.0).to_bits();
        if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
    };
    let mut keyed: Vec<(u64, u32)> = x.iter().zip(0..).map(|(v, k)| (key(*v), k)).collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, k)| k).collect()
}

/// Mid-ranks of `x`, whose ascending order is known.
fn ranked(x: &[f64], order: &[u32]) -> Vec<f64> {
    let mut ranks = vec![0.0; x.len()];
    let mut start = 0;
    for group in order.chunk_by(|a, b| x[*a as usize] == x[*b as usize]) {
        let rank = (2 * start + group.len() + 1) as f64 / 2.0;
        group.iter().for_each(|k| ranks[*k as usize] = rank);
        start += group.len();
    }
    ranks
}

/// Median of `x`, whose ascending order is known; zero of nothing.
fn middle(x: &[f64], order: &[u32]) -> f64 {
    let at = |k: usize| order.get(k).map_or(0.0, |k| x[*k as usize]);
    let n = order.len();
    if n % 2 == 1 { at(n / 2) } else { 0.5 * (at((n / 2).saturating_sub(1)) + at(n / 2)) }
}

fn sign(v: f64) -> f64 {
    if v > 0.0 {
        1.0
    } else if v < 0.0 {
        -1.0
    } else {
        0.0
    }
}

/// Sum over the window's days, over √L S with S² the mean square of all days
/// present.
fn windowed(panel: &RankPanel, c: &CrossSection<'_>, daily: &[f64], counts: &[f64]) -> Outcome<(f64, f64)> {
    let present: Vec<usize> = (0..daily.len()).filter(|k| counts[*k] > 0.0).collect();
    let squares: f64 = present.iter().map(|k| daily[*k] * daily[*k]).sum();
    let s = (squares / present.len() as f64).sqrt();
    if s == 0.0 {
        return Err(Missing::ConstantSeries { what: "the daily mean rank" });
    }
    let inside: Vec<f64> = present.iter().filter(|k| panel.in_window(c, **k)).map(|k| daily[*k]).collect();
    let sum: f64 = inside.iter().sum();
    Ok((sum / ((inside.len() as f64).sqrt() * s), s))
}

/// Corrado's (1989) statistic with its S.
#[derive(Debug, Clone, PartialEq)]
pub struct Corrado {
    /// z, standard normal.
    pub z: Stat,
    /// S, the root mean square of the daily mean rank about (T+1)/2.
    pub s: f64,
}

/// T of the rank tests: estimation and event days on which some firm of the
/// section has a return.
pub fn days(c: &CrossSection<'_>) -> usize {
    let panel = RankPanel::of(c.study);
    let complete = |i: &usize| panel.slots[*i].len() == panel.days.len();
    if c.members.iter().any(complete) {
        return panel.days.len();
    }
    let mut seen = vec![false; panel.days.len()];
    c.members.iter().flat_map(|i| &panel.slots[*i]).for_each(|slot| seen[*slot as usize] = true);
    seen.into_iter().filter(|day| *day).count()
}

/// Corrado (1989): K̄_t - (T+1)/2 over S, S² = T⁻¹Σ_t(...)²; over L days the
/// sum over √L S (Cowan 1992; Campbell & Wasley 1993).
///
/// # Errors
/// [`Missing::Incomplete`] unless every firm has every day; use
/// [`corrado_zivney_rank`] then.
pub fn corrado(c: &CrossSection<'_>) -> Outcome<Corrado> {
    let panel = RankPanel::of(c.study);
    let t = panel.days.len();
    if c.members.iter().any(|i| panel.slots[*i].len() != t) {
        return Err(Missing::Incomplete { what: "every firm on every estimation and event day" });
    }
    let (sums, counts) = panel.daily(c, &panel.ranks);
    let middle = (t + 1) as f64 / 2.0;
    let daily: Vec<f64> = sums.iter().map(|s| s / c.n() as f64 - middle).collect();
    let (z, s) = windowed(panel, c, &daily, &counts)?;
    Ok(Corrado { z: c.normal(z)?, s })
}

/// Corrado & Zivney (1992) rank test for gaps: U = K/(1 + T_i) - 1/2, daily
/// Σ_i U/√N_t, scaled as Corrado's. Returns z and S.
///
/// # Errors
/// [`Missing::ConstantSeries`] when all daily sums vanish.
pub fn corrado_zivney_rank(c: &CrossSection<'_>) -> Outcome<(Stat, f64)> {
    let panel = RankPanel::of(c.study);
    zivney(panel, c, &panel.scaled)
}

/// Corrado & Zivney (1992) sign test: sign(AR - median_i) in place of U.
///
/// # Errors
/// As [`corrado_zivney_rank`].
pub fn corrado_zivney_sign(c: &CrossSection<'_>) -> Outcome<Stat> {
    let panel = RankPanel::of(c.study);
    Ok(zivney(panel, c, &panel.signs)?.0)
}

fn zivney(panel: &RankPanel, c: &CrossSection<'_>, column: &[Vec<f64>]) -> Outcome<(Stat, f64)> {
    let (sums, counts) = panel.daily(c, column);
    let daily: Vec<f64> =
        sums.iter().zip(&counts).map(|(s, n)| if *n > 0.0 { s / n.sqrt() } else { 0.0 }).collect();
    let (z, s) = windowed(panel, c, &daily, &counts)?;
    Ok((c.normal(z)?, s))
}

/// The generalised rank test and its parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Grank {
    /// T, estimation days plus the event point.
    pub t: usize,
    /// Ū_0, the mean rank of the event point.
    pub ubar0: f64,
    /// Z = Ū_0/S.
    pub z_ratio: Outcome<Stat>,
    /// t = Z sqrt((T-2)/(T-1-Z²)), df T - 2.
    pub t_stat: Outcome<Stat>,
    /// Ū_0/sqrt(Σ(T_i-1)/(12(T_i+1))/N²); independent firms only.
    pub z_stat: Outcome<Stat>,
}

/// GRANK of Kolari & Pynnonen (2011): per firm the M_i standardised residuals
/// and SCAR_i/sd(SCAR) as one more point; U = rank/(M_i + 2) - 1/2; with n_t
/// firms on day t and N in all, S² = T⁻¹Σ_t (n_t/N)Ū_t².
///
/// # Errors
/// [`Missing::TooFew`] below two firms, [`Missing::ConstantSeries`].
pub fn grank(c: &CrossSection<'_>) -> Outcome<Grank> {
    let scar = c.scar_values();
    let sd = positive_sd(&scar, "the standardised CARs")?;
    let panel = RankPanel::of(c.study);
    let [e0, e1] = c.study.spec.estimation;
    let mut sums = vec![0.0; (e1 - e0 + 1) as usize];
    let mut counts = sums.clone();
    let mut event = 0.0;
    for (&i, scar) in c.members.iter().zip(&scar) {
        event += add_firm(panel, i, scar / sd, &mut sums, &mut counts);
    }
    let n = c.n() as f64;
    let ubar0 = event / n;
    let days = counts.iter().filter(|k| **k > 0.0).count();
    let t = days + 1;
    let squares: f64 = sums
        .iter()
        .zip(&counts)
        .filter(|(_, k)| **k > 0.0)
        .map(|(s, k)| k / n * (s / k).powi(2))
        .sum::<f64>()
        + ubar0 * ubar0;
    let z = ubar0 / (squares / t as f64).sqrt();
    let spread: f64 =
        c.fits().map(|f| f.residuals.len() as f64 / (12.0 * (f.residuals.len() as f64 + 2.0))).sum();
    let tf = t as f64;
    Ok(Grank {
        t,
        ubar0,
        z_ratio: c.stat(z, None, None),
        t_stat: student_form(c, z, tf),
        z_stat: c.normal(ubar0 * n / spread.sqrt()),
    })
}

fn student_form(c: &CrossSection<'_>, z: f64, t: f64) -> Outcome<Stat> {
    let rest = t - 1.0 - z * z;
    if t <= 2.0 || rest <= 0.0 {
        return Err(Missing::TooFew { what: "estimation days", have: t as usize - 1, need: 2 });
    }
    c.student(z * ((t - 2.0) / rest).sqrt(), t - 2.0)
}

/// Adds one firm's U to the daily sums and returns the event point's. The
/// residuals' mid-ranks are known; the event point shifts those above it.
fn add_firm(panel: &RankPanel, i: usize, event: f64, sums: &mut [f64], counts: &mut [f64]) -> f64 {
    let (ranks, residuals) = &panel.residuals[i];
    let scale = 1.0 / (residuals.len() as f64 + 2.0);
    let mut rank = 1.0;
    for (k, e) in residuals.iter().enumerate() {
        let shift = if *e > event {
            1.0
        } else if *e == event {
            0.5
        } else {
            0.0
        };
        rank += 1.0 - shift;
        let slot = panel.slots[i][k] as usize;
        sums[slot] += (ranks[k] + shift) * scale - 0.5;
        counts[slot] += 1.0;
    }
    rank * scale - 0.5
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moments::{median, mid_ranks};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn one_sort_gives_ranks_and_median(x in proptest::collection::vec(-4i32..4, 1..40), y in -1.0..1.0f64) {
            let x: Vec<f64> = x.iter().map(|v| f64::from(*v) * y).collect();
            let order = ascending(&x);
            prop_assert_eq!(ranked(&x, &order), mid_ranks(&x));
            prop_assert_eq!(middle(&x, &order), median(&x).unwrap());
        }
    }
}
