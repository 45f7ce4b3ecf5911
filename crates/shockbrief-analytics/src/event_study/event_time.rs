//! Event-time re-indexing: paths aligned on day 0, averaged day by day.
//!
//! For each event the log returns after the first day of the window are
//! cumulated from a base of 0 at that day. Averages run over events with
//! every return in between; the classic interval is mean ± t sd/√N, df N - 1.

use crate::distributions::student_quantile;
use crate::moments::{mean, median, positive_sd};
use crate::reason::{Missing, Outcome};

/// Averages of aligned paths, one element per day of the window.
#[derive(Debug, Clone, PartialEq)]
pub struct EventTime {
    /// Relative days.
    pub days: Vec<i32>,
    /// Events used.
    pub events: usize,
    /// Mean cumulative log return.
    pub mean: Vec<f64>,
    /// Median cumulative log return.
    pub median: Vec<f64>,
    /// Interval at the level asked for; a reason on the base day, where
    /// every path is 0, and with fewer than two events.
    pub interval: Vec<Outcome<[f64; 2]>>,
}

/// Aligns log returns (`returns[row]`, event row) over a window. Events whose
/// window leaves the sample or misses a return after its first day are left
/// out, not shortened.
///
/// # Errors
/// [`Missing::EmptyWindow`], [`Missing::NoFirms`] when no event is complete,
/// [`Missing::Invalid`] for a level outside (0, 1).
pub fn aligned(events: &[(&[Option<f64>], usize)], window: [i32; 2], level: f64) -> Outcome<EventTime> {
    if window[0] > window[1] {
        return Err(Missing::EmptyWindow { from: window[0], to: window[1] });
    }
    if !(level > 0.0 && level < 1.0) {
        return Err(Missing::Invalid { what: "a confidence level" });
    }
    let paths: Vec<Vec<f64>> =
        events.iter().filter_map(|(returns, row)| path(returns, *row, window)).collect();
    if paths.is_empty() {
        return Err(Missing::NoFirms);
    }
    let days: Vec<i32> = (window[0]..=window[1]).collect();
    let day = |k: usize| -> Vec<f64> { paths.iter().map(|p| p[k]).collect() };
    let mut out =
        EventTime { events: paths.len(), mean: Vec::new(), median: Vec::new(), interval: Vec::new(), days };
    for k in 0..out.days.len() {
        let values = day(k);
        out.mean.push(mean(&values)?);
        out.median.push(median(&values)?);
        out.interval.push(interval(&values, level));
    }
    Ok(out)
}

fn path(returns: &[Option<f64>], row: usize, window: [i32; 2]) -> Option<Vec<f64>> {
    let mut level = 0.0;
    let mut out = vec![0.0];
    row.checked_add_signed(window[0] as isize)?;
    for day in window[0] + 1..=window[1] {
        level += (*returns.get(row.checked_add_signed(day as isize)?)?)?;
        out.push(level);
    }
    Some(out)
}

fn interval(x: &[f64], level: f64) -> Outcome<[f64; 2]> {
    let s = positive_sd(x, "the paths on this day")?;
    let n = x.len() as f64;
    let half = student_quantile(0.5 + 0.5 * level, n - 1.0)? * s / n.sqrt();
    let m = mean(x)?;
    Ok([m - half, m + half])
}
