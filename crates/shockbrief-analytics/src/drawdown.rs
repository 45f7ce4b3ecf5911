//! Falls from a peak and the way back: drawdown episodes, the drawdown that an event opened, and
//! recovery times that respect unfinished recoveries.
//!
//! Prices come as one value per session, `None` where missing; a missing session is skipped and never
//! filled. Lengths are counted in sessions (rows). An episode that has not recovered is *open*: its
//! recovery is `None`, and [`kaplan_meier`] treats it as right-censored. This module refuses to average
//! the recovery times of finished episodes alone, because that average forgets the longest ones.

use crate::reason::{Missing, Outcome};
use serde::Serialize;

/// A fall from a running maximum to the first price at or above it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Episode {
    /// Row of the peak: the last row at the running maximum.
    pub peak: usize,
    /// Row of the lowest price before recovery (the first one on ties).
    pub trough: usize,
    /// First row with a price at or above the peak's; `None` while open.
    pub recovery: Option<usize>,
    /// `P_trough / P_peak - 1`, negative, in decimals.
    pub depth: f64,
    /// Sessions from peak to trough.
    pub days_to_trough: usize,
    /// Sessions from trough to recovery; `None` while open.
    pub days_to_recover: Option<usize>,
    /// Sessions from peak to recovery, or to the last priced row while open.
    pub length: usize,
}

/// All drawdowns of a price series.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drawdowns {
    /// Number of priced rows.
    pub n: usize,
    /// Episodes by depth, deepest first (earlier first on ties).
    pub episodes: Vec<Episode>,
    /// The deepest fall (zero for a series that never falls), in decimals.
    pub max: f64,
    /// Last price over the running maximum, minus one.
    pub current: f64,
}

/// Every drawdown of `prices`, deepest first.
///
/// Peak: last running maximum. Trough: minimum before recovery. Recovery: first row with `P >= P_peak`.
///
/// # Errors
/// [`Missing::TooFew`] with fewer than two prices, [`Missing::Invalid`] on a price that is not a
/// positive finite number.
pub fn drawdowns(prices: &[Option<f64>]) -> Outcome<Drawdowns> {
    let priced = priced_rows(prices)?;
    if priced.len() < 2 {
        return Err(Missing::TooFew { what: "prices", have: priced.len(), need: 2 });
    }
    let mut episodes = episodes_in_time(&priced);
    episodes.sort_by(|a, b| a.depth.total_cmp(&b.depth).then(a.peak.cmp(&b.peak)));
    let highest = priced.iter().map(|(_, price)| *price).fold(f64::MIN, f64::max);
    let last = priced[priced.len() - 1].1;
    let max = episodes.first().map_or(0.0, |episode| episode.depth);
    Ok(Drawdowns { n: priced.len(), episodes, max, current: last / highest - 1.0 })
}

/// Largest fall of `prices` from a running maximum, `min_t P_t / max_{s<=t} P_s - 1`, in decimals.
///
/// # Errors
/// As [`drawdowns`].
pub fn max_drawdown(prices: &[Option<f64>]) -> Outcome<f64> {
    drawdowns(prices).map(|all| all.max)
}

fn priced_rows(prices: &[Option<f64>]) -> Outcome<Vec<(usize, f64)>> {
    let rows = prices.iter().enumerate().filter_map(|(row, price)| price.map(|price| (row, price)));
    rows.map(|(row, price)| positive(row, price)).collect()
}

fn positive(row: usize, price: f64) -> Outcome<(usize, f64)> {
    if price.is_finite() && price > 0.0 {
        Ok((row, price))
    } else {
        Err(Missing::Invalid { what: "a price" })
    }
}

fn episodes_in_time(priced: &[(usize, f64)]) -> Vec<Episode> {
    let mut episodes = Vec::new();
    let (mut peak, mut trough) = (priced[0], priced[0]);
    for &(row, price) in &priced[1..] {
        if price >= peak.1 {
            if trough.1 < peak.1 {
                episodes.push(episode(peak, trough, Some(row), row));
            }
            (peak, trough) = ((row, price), (row, price));
        } else if price < trough.1 {
            trough = (row, price);
        }
    }
    if trough.1 < peak.1 {
        episodes.push(episode(peak, trough, None, priced[priced.len() - 1].0));
    }
    episodes
}

fn episode(peak: (usize, f64), trough: (usize, f64), recovery: Option<usize>, end: usize) -> Episode {
    Episode {
        peak: peak.0,
        trough: trough.0,
        recovery,
        depth: trough.1 / peak.1 - 1.0,
        days_to_trough: trough.0 - peak.0,
        days_to_recover: recovery.map(|row| row - trough.0),
        length: end - peak.0,
    }
}

/// The fall after an event, measured from the last close before it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct EventDrawdown {
    /// Row of the reference close, the session before day 0.
    pub peak: usize,
    /// The reference close.
    pub peak_price: f64,
    /// Last priced row looked at.
    pub last: usize,
    /// `P_last / P_peak - 1`, in decimals.
    pub return_to_last: f64,
    /// The fall, `None` when no close from day 0 on was below the reference.
    pub fall: Option<Fall>,
}

/// The lowest point after an event and the way back from it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Fall {
    /// Row of the lowest close before recovery.
    pub trough: usize,
    /// The lowest close before recovery.
    pub trough_price: f64,
    /// `P_trough / P_peak - 1`, negative, in decimals.
    pub depth: f64,
    /// Sessions from the reference close to the trough.
    pub days_to_trough: usize,
    /// First row after the trough with a close at or above the reference; `None` while open.
    pub recovery: Option<usize>,
    /// Sessions from trough to recovery; `None` while open.
    pub days_to_recover: Option<usize>,
    /// `(P_last - P_trough) / (P_peak - P_trough)`: 0 at the trough, 1 at the reference close, above 1
    /// when the last close exceeds it.
    pub recovery_share: f64,
}

/// Drawdown opened by an event on row `event_row`, looking at `horizon` sessions from day 0 (all when
/// `None`).
///
/// The peak is fixed at the close before day 0, whatever came before; the trough is the lowest close
/// from day 0 on before the price is back at the peak. `recovery_share` is taken at the last priced row.
///
/// # Errors
/// [`Missing::OutsideSample`] when day 0 or the session before it is not in the sample,
/// [`Missing::Incomplete`] when the reference close is missing, [`Missing::NoEventReturn`] without any
/// close from day 0 on, [`Missing::Invalid`] on an impossible price.
pub fn event_drawdown(
    prices: &[Option<f64>],
    event_row: usize,
    horizon: Option<usize>,
) -> Outcome<EventDrawdown> {
    if event_row == 0 || event_row >= prices.len() {
        return Err(Missing::OutsideSample);
    }
    let peak = event_row - 1;
    let reference = prices[peak].ok_or(Missing::Incomplete { what: "the close before the event" })?;
    positive(peak, reference)?;
    let end = horizon.map_or(prices.len(), |h| event_row.saturating_add(h).min(prices.len()));
    let after = priced_rows(&prices[event_row..end])?;
    let (last, last_price) = *after.last().ok_or(Missing::NoEventReturn)?;
    Ok(EventDrawdown {
        peak,
        peak_price: reference,
        last: event_row + last,
        return_to_last: last_price / reference - 1.0,
        fall: fall_below((peak, reference), &after, event_row),
    })
}

fn fall_below(peak: (usize, f64), after: &[(usize, f64)], offset: usize) -> Option<Fall> {
    let start = after.iter().position(|(_, price)| *price < peak.1)?;
    let below = &after[start..];
    let back = below.iter().find(|(_, price)| *price >= peak.1).map(|(row, _)| row + offset);
    let until_back = below.iter().take_while(|(_, price)| *price < peak.1);
    let (row, trough) = until_back.copied().min_by(|a, b| a.1.total_cmp(&b.1))?;
    let last = after[after.len() - 1].1;
    Some(Fall {
        trough: row + offset,
        trough_price: trough,
        depth: trough / peak.1 - 1.0,
        days_to_trough: row + offset - peak.0,
        recovery: back,
        days_to_recover: back.map(|back| back - (row + offset)),
        recovery_share: (last - trough) / (peak.1 - trough),
    })
}

/// A duration that either ended or was still running when observation stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Duration {
    /// Sessions observed.
    pub sessions: usize,
    /// Whether the end was seen; `false` is right-censored.
    pub ended: bool,
}

impl Duration {
    /// Peak-to-recovery time of an episode, censored at its last observed row while open.
    #[must_use]
    pub fn of_episode(episode: &Episode) -> Self {
        Self { sessions: episode.length, ended: episode.recovery.is_some() }
    }

    /// Time from the reference close to recovery of an event drawdown; `None` when there was no fall.
    #[must_use]
    pub fn of_event(event: &EventDrawdown) -> Option<Self> {
        let fall = event.fall?;
        let end = fall.recovery.unwrap_or(event.last);
        Some(Self { sessions: end - event.peak, ended: fall.recovery.is_some() })
    }
}

/// One step of a Kaplan-Meier curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct KaplanMeierStep {
    /// Sessions.
    pub time: usize,
    /// Durations at least this long.
    pub at_risk: usize,
    /// Durations that ended here.
    pub ended: usize,
    /// Estimated share not yet recovered just after `time`.
    pub survival: f64,
    /// Greenwood standard error of `survival`.
    pub se: f64,
    /// 95% limits on the log(-log) scale, inside `[0, 1]`; `None` where survival is 0.
    pub interval: Option<(f64, f64)>,
}

/// Distribution of recovery times with unfinished ones counted as censored.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KaplanMeier {
    /// Number of durations.
    pub n: usize,
    /// Number that ended.
    pub ended: usize,
    /// Steps at the times where one or more ended, ascending.
    pub steps: Vec<KaplanMeierStep>,
    /// First time with survival at or below one half; `None` when the curve never gets there.
    pub median: Option<usize>,
}

/// Product-limit estimate `S(t) = Π_{t_i <= t} (1 - d_i / n_i)` (Kaplan & Meier 1958) with Greenwood's
/// variance `S² Σ d_i / (n_i (n_i - d_i))` and log(-log) intervals (Kalbfleisch & Prentice 1980).
///
/// Durations censored at a time count as at risk at that time.
///
/// # Errors
/// [`Missing::TooFew`] without any duration.
pub fn kaplan_meier(durations: &[Duration]) -> Outcome<KaplanMeier> {
    if durations.is_empty() {
        return Err(Missing::TooFew { what: "durations", have: 0, need: 1 });
    }
    let mut times: Vec<usize> = durations.iter().filter(|d| d.ended).map(|d| d.sessions).collect();
    times.sort_unstable();
    let ended = times.len();
    times.dedup();
    let (mut survival, mut greenwood) = (Share::ONE, 0.0);
    let mut steps = Vec::with_capacity(times.len());
    let mut median = None;
    for time in times {
        let step = next_step(durations, time, &mut survival, &mut greenwood);
        if median.is_none() && survival.at_most_half() {
            median = Some(time);
        }
        steps.push(step);
    }
    Ok(KaplanMeier { n: durations.len(), ended, steps, median })
}

/// A product of fractions, exact as long as numerator and denominator in lowest terms fit in 128 bits.
#[derive(Debug, Clone, Copy)]
struct Share {
    exact: Option<(u128, u128)>,
    value: f64,
}

impl Share {
    const ONE: Self = Self { exact: Some((1, 1)), value: 1.0 };

    fn times(self, top: usize, bottom: usize) -> Self {
        let product = self.exact.and_then(|(a, b)| {
            // Reduced across before multiplying: without censoring the product is a plain count over another.
            let (left, right) = (gcd(a, bottom as u128), gcd(top as u128, b));
            let num = (a / left).checked_mul(top as u128 / right)?;
            Some((num, (b / right).checked_mul(bottom as u128 / left)?))
        });
        let value = match product {
            Some((num, den)) => num as f64 / den as f64,
            None => self.value * top as f64 / bottom as f64,
        };
        Self { exact: product, value }
    }

    fn at_most_half(self) -> bool {
        match self.exact {
            Some((num, den)) => num <= den / 2,
            // Beyond 128 bits a share this close to one half is one half up to rounding of the product.
            None => self.value <= 0.5 * (1.0 + 1e-12),
        }
    }
}

fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn next_step(durations: &[Duration], time: usize, share: &mut Share, greenwood: &mut f64) -> KaplanMeierStep {
    let at_risk = durations.iter().filter(|d| d.sessions >= time).count();
    let ended = durations.iter().filter(|d| d.ended && d.sessions == time).count();
    *share = share.times(at_risk - ended, at_risk);
    let survival = share.value;
    if at_risk == ended {
        return KaplanMeierStep { time, at_risk, ended, survival: 0.0, se: 0.0, interval: None };
    }
    *greenwood += ended as f64 / (at_risk as f64 * (at_risk - ended) as f64);
    let spread = 1.959_963_984_540_054 * greenwood.sqrt() / survival.ln().abs();
    let interval = (survival.powf(spread.exp()), survival.powf((-spread).exp()));
    let se = survival * greenwood.sqrt();
    KaplanMeierStep { time, at_risk, ended, survival, se, interval: Some(interval) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn some(prices: &[f64]) -> Vec<Option<f64>> {
        prices.iter().copied().map(Some).collect()
    }

    #[test]
    fn event_drawdown_fixes_the_peak_before_day_zero() {
        // By hand: reference 100, low 80 on row 3, last 90: half of the fall is regained.
        let prices = some(&[120.0, 100.0, 90.0, 80.0, 85.0, 90.0]);
        let event = event_drawdown(&prices, 2, None).unwrap();
        let fall = event.fall.unwrap();
        assert_eq!((event.peak, fall.trough, fall.recovery, event.last), (1, 3, None, 5));
        assert!((fall.depth + 0.2).abs() < 1e-15);
        assert!((fall.recovery_share - 0.5).abs() < 1e-15);
        assert_eq!(Duration::of_event(&event), Some(Duration { sessions: 4, ended: false }));
    }

    #[test]
    fn event_that_only_lifts_has_no_fall() {
        let event = event_drawdown(&some(&[100.0, 101.0, 103.0]), 1, None).unwrap();
        assert_eq!(event.fall, None);
        assert!((event.return_to_last - 0.03).abs() < 1e-15);
    }

    #[test]
    fn event_trough_stops_at_recovery() {
        let event = event_drawdown(&some(&[100.0, 95.0, 101.0, 60.0]), 1, None).unwrap();
        let fall = event.fall.unwrap();
        assert_eq!((fall.trough, fall.recovery, fall.days_to_recover), (1, Some(2), Some(1)));
    }

    #[test]
    fn refusals_are_typed() {
        assert_eq!(drawdowns(&[Some(1.0)]), Err(Missing::TooFew { what: "prices", have: 1, need: 2 }));
        assert_eq!(drawdowns(&some(&[1.0, 0.0])), Err(Missing::Invalid { what: "a price" }));
        let prices = [Some(1.0), None, Some(2.0)];
        assert!(matches!(event_drawdown(&prices, 2, None), Err(Missing::Incomplete { .. })));
        assert_eq!(event_drawdown(&prices, 3, None), Err(Missing::OutsideSample));
    }

    #[test]
    fn kaplan_meier_of_the_6_mp_arm() {
        // Remission times of Freireich et al. (1963), 6-MP arm; survival and standard errors as in
        // Kleinbaum & Klein, Survival Analysis, table 2.2, and R survival::survfit.
        let ended = [6, 6, 6, 7, 10, 13, 16, 22, 23];
        let censored = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35];
        let mut data: Vec<Duration> = Vec::new();
        data.extend(ended.map(|sessions| Duration { sessions, ended: true }));
        data.extend(censored.map(|sessions| Duration { sessions, ended: false }));
        let curve = kaplan_meier(&data).unwrap();
        let survival: Vec<f64> = curve.steps.iter().map(|s| (s.survival * 1e4).round() / 1e4).collect();
        assert_eq!(survival, [0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482]);
        let se: Vec<f64> = curve.steps.iter().map(|s| (s.se * 1e4).round() / 1e4).collect();
        assert_eq!(se, [0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346]);
        assert_eq!(curve.median, Some(23));
    }

    #[test]
    fn the_median_is_met_exactly() {
        // n durations of 1, 2, ..., n sessions, all ended: S(k) = (n - k)/n, one half at n/2 and not later.
        for n in 2..200 {
            let all: Vec<Duration> = (1..=n).map(|sessions| Duration { sessions, ended: true }).collect();
            assert_eq!(kaplan_meier(&all).unwrap().median, Some(n.div_ceil(2)), "n = {n}");
        }
        // By hand, with one censored in between: 4/5 · 3/4, then 2 at risk: · 1/2 = 3/10.
        let data = [(1, true), (2, true), (2, false), (3, true), (4, true)];
        let data = data.map(|(sessions, ended)| Duration { sessions, ended });
        let curve = kaplan_meier(&data).unwrap();
        assert_eq!(curve.median, Some(3));
        assert!((curve.steps[2].survival - 0.3).abs() < 1e-16);
    }

    #[test]
    fn shares_beyond_128_bits_stay_close() {
        let durations: Vec<Duration> =
            (0..900).map(|k| Duration { sessions: 1 + k / 2, ended: k % 2 == 0 }).collect();
        let curve = kaplan_meier(&durations).unwrap();
        let mut want = 1.0;
        for step in &curve.steps {
            want *= 1.0 - step.ended as f64 / step.at_risk as f64;
            assert!((step.survival - want).abs() < 1e-12);
        }
    }

    proptest! {
        #[test]
        fn drawdowns_do_not_depend_on_the_unit(
            steps in proptest::collection::vec(-0.2..0.2f64, 2..60), scale in 0.01..100.0f64,
        ) {
            let mut price = 100.0;
            let path: Vec<f64> = steps.iter().map(|r| { price *= 1.0 + r; price }).collect();
            let scaled: Vec<f64> = path.iter().map(|p| p * scale).collect();
            let (a, b) = (drawdowns(&some(&path)).unwrap(), drawdowns(&some(&scaled)).unwrap());
            prop_assert!((a.max - b.max).abs() < 1e-12 && (a.current - b.current).abs() < 1e-12);
            prop_assert!(a.max <= a.current && a.current <= 0.0 && a.max > -1.0);
        }

        #[test]
        fn kaplan_meier_stays_between_the_two_readings_of_censoring(
            data in proptest::collection::vec((1usize..30, any::<bool>()), 1..40),
        ) {
            let all: Vec<Duration> =
                data.iter().map(|&(sessions, ended)| Duration { sessions, ended }).collect();
            let mut before = 1.0;
            for step in kaplan_meier(&all).unwrap().steps {
                // Below: censored ones had ended just then. Above: they never end.
                let longer = all.iter().filter(|d| d.sessions > step.time).count();
                let unknown = all.iter().filter(|d| !d.ended && d.sessions <= step.time).count();
                let n = all.len() as f64;
                prop_assert!(step.survival >= longer as f64 / n - 1e-12);
                prop_assert!(step.survival <= (longer + unknown) as f64 / n + 1e-12);
                prop_assert!(step.survival <= before && step.se >= 0.0);
                if let Some((low, high)) = step.interval {
                    prop_assert!(0.0 <= low && low <= step.survival + 1e-12 && high >= step.survival - 1e-12 && high <= 1.0);
                }
                before = step.survival;
            }
        }
    }
}
