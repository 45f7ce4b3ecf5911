//! Calibration of statements and tests on ordinary days.
//!
//! A statement on day 0 says little when it holds on every fifth ordinary day. The same code is run on
//! each of the last N ordinary sessions before day 0 (declared events left out): the share of days on
//! which the statement holds is its false-alarm rate, with the interval of Wilson (1927). A test whose rate
//! at nominal level α leaves [α/2, 2α] on those days is read by its rank among them,
//! `p = (1 + #{T_t >= T_0})/(1 + N)` (Davison & Hinkley 1997, section 4.2), beside its nominal p. Rows are
//! those of one calendar; nothing here knows what a statement says.

use crate::event_study::{FirmEvent, Spec};
use crate::reason::{Missing, Outcome};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Ordinary days looked at when there are as many.
pub const DAYS: usize = 1_000;

/// Ordinary days below which nothing is calibrated.
pub const MIN_DAYS: usize = 250;

/// 97.5 % quantile of the normal law, for intervals of 95 %.
const Z95: f64 = 1.959_963_984_540_054;

/// The last `most` ordinary rows before `event_row`, ascending.
///
/// A row t is ordinary when none of its own window `t + window` touches a declared event window and its
/// history reaches back to `t + first_day`. `declared` holds the row ranges of the event windows of all
/// declared events, that of the study's own included.
///
/// # Errors
/// [`Missing::TooFew`] below [`MIN_DAYS`] rows, [`Missing::EmptyWindow`] for an inverted window.
pub fn ordinary_days(
    event_row: usize,
    first_day: i32,
    window: [i32; 2],
    declared: &[RangeInclusive<usize>],
    most: usize,
) -> Outcome<Vec<usize>> {
    let [from, to] = window;
    if from > to {
        return Err(Missing::EmptyWindow { from, to });
    }
    let apart = |t: usize| {
        let (low, high) = (t as i64 + i64::from(from), t as i64 + i64::from(to));
        low >= 0 && declared.iter().all(|d| high < *d.start() as i64 || low > *d.end() as i64)
    };
    let first = usize::try_from(-i64::from(first_day)).unwrap_or(0);
    let mut days: Vec<usize> = (first..event_row).rev().filter(|t| apart(*t)).take(most).collect();
    if days.len() < MIN_DAYS {
        return Err(Missing::TooFew { what: "ordinary days", have: days.len(), need: MIN_DAYS });
    }
    days.reverse();
    Ok(days)
}

/// Firms of one calendar with day 0 moved to `row`, cut to the rows that `spec` needs.
///
/// Rows that a firm keeps out of estimation stay out. Columns that firms share are shared again.
///
/// # Errors
/// [`Missing::NotCommonDate`] unless all firms have the same calendar, [`Missing::OutsideSample`] when
/// the windows around `row` leave it.
pub fn moved(firms: &[FirmEvent], spec: &Spec, row: usize) -> Outcome<Vec<FirmEvent>> {
    let Some(first) = firms.first() else { return Err(Missing::NoFirms) };
    let same = |f: &FirmEvent| Arc::ptr_eq(&f.dates, &first.dates) || f.dates == first.dates;
    if !firms.iter().all(same) {
        return Err(Missing::NotCommonDate);
    }
    let days = [spec.estimation[0], spec.estimation[1], spec.window[0], spec.window[1]];
    let (low, high) = (days.iter().min().map_or(0, |d| *d), days.iter().max().map_or(0, |d| *d));
    let start = row.checked_add_signed(low.min(0) as isize).ok_or(Missing::OutsideSample)?;
    let end = row.saturating_add_signed(high.max(0) as isize) + 1;
    if end > first.dates.len() {
        return Err(Missing::OutsideSample);
    }
    let dates: Arc<[jiff::civil::Date]> = first.dates[start..end].into();
    let mut columns: BTreeMap<usize, Arc<[Option<f64>]>> = BTreeMap::new();
    let mut cut = |column: &Arc<[Option<f64>]>| -> Arc<[Option<f64>]> {
        let key = column.as_ptr() as usize;
        Arc::clone(columns.entry(key).or_insert_with(|| column[start..end].into()))
    };
    let one = |f: &FirmEvent| FirmEvent {
        id: f.id.clone(),
        firm: f.firm.clone(),
        dates: Arc::clone(&dates),
        returns: f.returns[start..end].into(),
        regressors: f.regressors.iter().map(&mut cut).collect(),
        rf: f.rf.as_ref().map(&mut cut),
        gaps: f.gaps.as_ref().map(|g| g[start..end].to_vec()),
        excluded: f.excluded.iter().filter(|r| (start..end).contains(r)).map(|r| r - start).collect(),
        event_row: row - start,
        zero_investment: f.zero_investment,
    };
    Ok(firms.iter().map(one).collect())
}

/// Runs `f` for every row, spread over the current rayon pool; results in the order of `days`.
pub fn over_days<T: Send>(days: &[usize], f: impl Fn(usize) -> T + Sync) -> Vec<T> {
    days.par_iter().map(|row| f(*row)).collect()
}

/// A share of days with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rate {
    /// Days on which the statement holds.
    pub hits: usize,
    /// Days on which it could be judged.
    pub n: usize,
    /// Days on which it could not.
    pub unknown: usize,
    /// hits/n.
    pub rate: f64,
    /// Lower end of the 95 % interval of Wilson.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Rate {
    /// Whether a test of nominal level `alpha` keeps its size: rate within [α/2, 2α].
    #[must_use]
    pub fn keeps(&self, alpha: f64) -> bool {
        (0.5 * alpha..=2.0 * alpha).contains(&self.rate)
    }
}

/// Share of days on which a statement holds; `None` marks a day on which it could not be judged.
///
/// # Errors
/// [`Missing::TooFew`] below [`MIN_DAYS`] judged days.
pub fn rate(outcomes: &[Option<bool>]) -> Outcome<Rate> {
    let n = outcomes.iter().flatten().count();
    if n < MIN_DAYS {
        return Err(Missing::TooFew { what: "ordinary days", have: n, need: MIN_DAYS });
    }
    let hits = outcomes.iter().flatten().filter(|held| **held).count();
    let (low, high) = wilson(hits, n)?;
    Ok(Rate { hits, n, unknown: outcomes.len() - n, rate: hits as f64 / n as f64, low, high })
}

/// 95 % interval of a share of `hits` in `n` (Wilson 1927):
/// `(p̂ + z²/2n ± z sqrt(p̂(1 - p̂)/n + z²/4n²))/(1 + z²/n)`.
///
/// # Errors
/// [`Missing::TooFew`] for n = 0, [`Missing::Invalid`] for more hits than trials.
pub fn wilson(hits: usize, n: usize) -> Outcome<(f64, f64)> {
    if n == 0 {
        return Err(Missing::TooFew { what: "trials", have: 0, need: 1 });
    }
    if hits > n {
        return Err(Missing::Invalid { what: "the number of hits" });
    }
    let (size, share, z2) = (n as f64, hits as f64 / n as f64, Z95 * Z95);
    let centre = share + z2 / (2.0 * size);
    let half = Z95 * (share * (1.0 - share) / size + z2 / (4.0 * size * size)).sqrt();
    let scale = 1.0 + z2 / size;
    // At the ends the formula gives 0 and 1 up to rounding.
    let low = if hits == 0 { 0.0 } else { (centre - half) / scale };
    let high = if hits == n { 1.0 } else { (centre + half) / scale };
    Ok((low, high))
}

/// Place of day 0 among ordinary days.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rank {
    /// (1 + at_least)/(1 + n).
    pub p: f64,
    /// Ordinary days at least as extreme.
    pub at_least: usize,
    /// Ordinary days with a value.
    pub n: usize,
    /// 95 % interval of Wilson for the share of days as extreme, lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Calibration p-value: `p = (1 + #{T_t >= T_0})/(1 + N)`. Larger values are more extreme; pass sizes for a
/// two-sided statement. Values that could not be computed are left out by the caller.
///
/// # Errors
/// [`Missing::TooFew`] below [`MIN_DAYS`] days, [`Missing::Invalid`] for a value that is not a number.
pub fn rank(observed: f64, ordinary: &[f64]) -> Outcome<Rank> {
    if observed.is_nan() || ordinary.iter().any(|v| v.is_nan()) {
        return Err(Missing::Invalid { what: "a statistic" });
    }
    let n = ordinary.len();
    if n < MIN_DAYS {
        return Err(Missing::TooFew { what: "ordinary days", have: n, need: MIN_DAYS });
    }
    let at_least = ordinary.iter().filter(|v| **v >= observed).count();
    let (low, high) = wilson(at_least, n)?;
    Ok(Rank { p: (1 + at_least) as f64 / (1 + n) as f64, at_least, n, low, high })
}

/// A test on day 0 with what it does on ordinary days.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Calibrated {
    /// Its nominal p on day 0.
    pub nominal: f64,
    /// Nominal level α.
    pub level: f64,
    /// Share of ordinary days with a nominal p below α.
    pub rate: Rate,
    /// Place of day 0's statistic among the ordinary days.
    pub rank: Rank,
    /// The p to report: the nominal one when the test keeps its size, the rank's otherwise.
    pub p: f64,
}

impl Calibrated {
    /// Whether the nominal p can be read as it is.
    #[must_use]
    pub fn sound(&self) -> bool {
        self.rate.keeps(self.level)
    }
}

/// Calibrates a test: `event` and `ordinary` hold (size of the statistic, nominal p), `None` for days on
/// which it could not be computed.
///
/// # Errors
/// As [`rate`] and [`rank`].
pub fn calibrated(event: (f64, f64), ordinary: &[Option<(f64, f64)>], level: f64) -> Outcome<Calibrated> {
    let rejected: Vec<Option<bool>> = ordinary.iter().map(|day| day.map(|(_, p)| p < level)).collect();
    let sizes: Vec<f64> = ordinary.iter().flatten().map(|(size, _)| *size).collect();
    let (rate, rank) = (rate(&rejected)?, rank(event.0, &sizes)?);
    let p = if rate.keeps(level) { event.1 } else { rank.p };
    Ok(Calibrated { nominal: event.1, level, rate, rank, p })
}

/// A statement on a set of names, without each of them in turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeaveOneOut {
    /// Positions of the names without which it fails or cannot be judged.
    pub fails: Vec<usize>,
    /// Names.
    pub n: usize,
}

impl LeaveOneOut {
    /// Whether the statement holds without any one name.
    #[must_use]
    pub fn robust(&self) -> bool {
        self.fails.is_empty()
    }
}

/// Judges a statement without name k for every k below n; `None` counts as a failure.
///
/// # Errors
/// [`Missing::TooFew`] below two names.
pub fn leave_one_out(n: usize, holds: impl Fn(usize) -> Option<bool>) -> Outcome<LeaveOneOut> {
    if n < 2 {
        return Err(Missing::TooFew { what: "names", have: n, need: 2 });
    }
    Ok(LeaveOneOut { fails: (0..n).filter(|k| holds(*k) != Some(true)).collect(), n })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_study::{Model, fit};
    use crate::rng::Stream;
    use jiff::ToSpan;
    use jiff::civil::{Date, date};
    use proptest::prelude::*;

    #[test]
    fn wilson_as_newcombe_prints_it() {
        // Newcombe (1998, Statistics in Medicine 17), table I, method 3: 81/263, 15/148, 0/20, 1/29.
        for (hits, n, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let (a, b) = wilson(hits, n).unwrap();
            assert!((a - low).abs() < 5e-5 && (b - high).abs() < 5e-5, "{hits}/{n}: {a} {b}");
        }
        assert!(wilson(0, 0).is_err() && wilson(3, 2).is_err());
    }

    #[test]
    fn declared_windows_and_short_histories_are_left_out() {
        let days = ordinary_days(500, -130, [0, 1], &[300..=305, 500..=505], 1_000).unwrap();
        assert_eq!((days[0], days.len()), (130, 362));
        // Day 299 has 300 in its window, day 499 has day 0.
        assert!(days.contains(&298) && !days.contains(&299) && !days.contains(&305) && days.contains(&306));
        assert_eq!(days.last(), Some(&498));
        let last = ordinary_days(500, -130, [0, 0], &[], 260).unwrap();
        assert_eq!((last[0], last.len()), (240, 260));
        assert!(matches!(
            ordinary_days(300, -130, [0, 0], &[], 1_000),
            Err(Missing::TooFew { have: 170, .. })
        ));
    }

    #[test]
    fn rank_counts_ties_against_the_event() {
        let days: Vec<f64> = (1..=299).map(f64::from).collect();
        let place = rank(290.0, &days).unwrap();
        assert_eq!((place.at_least, place.n), (10, 299));
        assert!((place.p - 11.0 / 300.0).abs() < 1e-15);
        assert!(rank(f64::NAN, &days).is_err() && rank(1.0, &days[..100]).is_err());
    }

    #[test]
    fn a_test_that_rejects_too_often_is_read_by_rank() {
        let days = |share: f64| -> Vec<Option<(f64, f64)>> {
            (0..1_000)
                .map(|k| Some((f64::from(k), if f64::from(k) >= 1e3 * (1.0 - share) { 0.01 } else { 0.5 })))
                .collect()
        };
        let wild = calibrated((949.5, 0.01), &days(0.3), 0.05).unwrap();
        assert!(!wild.sound() && (wild.p - 51.0 / 1_001.0).abs() < 1e-15);
        let sound = calibrated((949.5, 0.01), &days(0.06), 0.05).unwrap();
        assert!(sound.sound() && (sound.p - 0.01).abs() < 1e-15);
    }

    #[test]
    fn one_name_that_carries_a_statement_is_found() {
        let x = [-0.3, 0.02, 0.01];
        let mean = |except: usize| {
            let rest = x.iter().enumerate().filter(|(k, _)| *k != except);
            Some(rest.map(|(_, v)| v).sum::<f64>() < 0.0)
        };
        let loo = leave_one_out(3, mean).unwrap();
        assert_eq!((loo.fails.as_slice(), loo.robust()), (&[0][..], false));
        assert!(leave_one_out(1, |_| Some(true)).is_err());
    }

    fn panel(rows: usize) -> Vec<FirmEvent> {
        let start = date(2015, 1, 1);
        let dates: Arc<[Date]> = (0..rows as i64).map(|k| start.saturating_add(k.days())).collect();
        let mut stream = Stream::new(5);
        let market: Arc<[Option<f64>]> = (0..rows).map(|_| Some(0.01 * stream.normal())).collect();
        (0..3)
            .map(|k| {
                let r: Vec<_> =
                    (0..rows).map(|t| Some(market[t].unwrap_or(0.0) + 0.02 * stream.normal())).collect();
                FirmEvent::new(format!("F{k}"), Arc::clone(&dates), r, rows - 10)
                    .with_regressors(vec![Arc::clone(&market)])
            })
            .collect()
    }

    #[test]
    fn a_moved_study_is_the_study_of_that_day() {
        let mut firms = panel(400);
        firms.iter_mut().for_each(|f| f.excluded = vec![250, 251, 399]);
        let spec = Spec {
            estimation: [-130, -11],
            window: [-2, 3],
            min_observations: 60,
            model: Model::MarketModel,
        };
        let there: Vec<FirmEvent> = firms.iter().map(|f| FirmEvent { event_row: 300, ..f.clone() }).collect();
        let want = fit(&there, &spec).unwrap();
        let have = fit(&moved(&firms, &spec, 300).unwrap(), &spec).unwrap();
        for (a, b) in want.firms.iter().zip(&have.firms) {
            assert_eq!(
                (a.observations, a.event_date, &a.coef, &a.event),
                (118, b.event_date, &b.coef, &b.event)
            );
        }
        assert!(matches!(moved(&firms, &spec, 100), Err(Missing::OutsideSample)));
        assert!(matches!(moved(&firms, &spec, 398), Err(Missing::OutsideSample)));
    }

    #[test]
    fn days_come_back_in_order() {
        let days: Vec<usize> = (0..500).collect();
        assert_eq!(over_days(&days, |row| row * 2), (0..500).map(|k| 2 * k).collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn wilson_holds_its_share(n in 1usize..2_000, part in 0.0..=1.0f64) {
            let hits = (part * n as f64) as usize;
            let (low, high) = wilson(hits, n).unwrap();
            let share = hits as f64 / n as f64;
            prop_assert!(0.0 <= low && low <= share && share <= high && high <= 1.0);
            let (mirror, _) = wilson(n - hits, n).unwrap();
            prop_assert!((1.0 - mirror - high).abs() < 1e-12);
        }
    }
}
