//! Benchmark returns over the very interval of a firm's session.
//!
//! For firm row t with closing instant c(t),
//! M(t) = B(last benchmark close <= c(t)) / B(last benchmark close <= c(t-1)) - 1.
//! It compounds over the firm's holidays and gives an Asian session the
//! previous American one. When the firm closes inside a benchmark session
//! (Europe against New York), the benchmark's return of that session in
//! progress, B(next close)/B(last close) - 1, is a second regressor. It is
//! known only after the firm's close and serves estimation on both sides.
//! Instants must ascend; nothing is filled.

use crate::reason::{Missing, Outcome};
use jiff::Timestamp;

/// Benchmark columns aligned to the firm's rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Matched {
    /// M(t); none for the first row and before the benchmark starts.
    pub interval: Vec<Option<f64>>,
    /// Return of the benchmark session in progress at c(t); zero when the
    /// firm closes outside any session, none without data.
    pub in_progress: Vec<Option<f64>>,
    /// Benchmark sessions closed within the row, at least 1: the g of the
    /// standardised abnormal return.
    pub gaps: Vec<u32>,
}

/// One benchmark session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Session {
    /// Opening instant.
    pub open: Timestamp,
    /// Closing instant.
    pub close: Timestamp,
    /// Closing level, positive.
    pub level: f64,
}

/// Matches a benchmark to a firm's closing instants.
///
/// # Errors
/// [`Missing::Invalid`] when instants do not ascend, a session closes before
/// it opens, or a level is not positive and finite.
pub fn matched(closes: &[Timestamp], benchmark: &[Session]) -> Outcome<Matched> {
    if closes.windows(2).any(|w| w[0] >= w[1]) {
        return Err(Missing::Invalid { what: "the order of the firm's closes" });
    }
    if benchmark.windows(2).any(|w| w[0].close >= w[1].close) {
        return Err(Missing::Invalid { what: "the order of the benchmark's closes" });
    }
    let sound = |s: &Session| s.open < s.close && s.level > 0.0 && s.level.is_finite();
    if !benchmark.iter().all(sound) {
        return Err(Missing::Invalid { what: "a benchmark session" });
    }
    // Number of benchmark closes at or before each firm close.
    let known: Vec<usize> = closes.iter().map(|c| benchmark.partition_point(|s| s.close <= *c)).collect();
    let level = |count: usize| count.checked_sub(1).map(|k| benchmark[k].level);
    let mut out = Matched {
        interval: Vec::with_capacity(closes.len()),
        in_progress: Vec::with_capacity(closes.len()),
        gaps: Vec::with_capacity(closes.len()),
    };
    for (row, &now) in known.iter().enumerate() {
        let before = row.checked_sub(1).map(|r| known[r]);
        let past = before.and_then(level);
        out.interval.push(level(now).zip(past).map(|(b, a)| b / a - 1.0));
        out.gaps.push(before.map_or(1, |b| (now - b).max(1) as u32));
        out.in_progress.push(in_progress(closes[row], benchmark, now, level(now)));
    }
    Ok(out)
}

fn in_progress(close: Timestamp, benchmark: &[Session], now: usize, last: Option<f64>) -> Option<f64> {
    let next = benchmark.get(now)?;
    if next.open >= close {
        return Some(0.0);
    }
    Some(next.level / last? - 1.0)
}

/// Row of the event: the first session that closes after the event's instant.
pub fn event_row(closes: &[Timestamp], event: Timestamp) -> Option<usize> {
    let row = closes.partition_point(|c| *c <= event);
    (row < closes.len()).then_some(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn new_york(day: &str, level: f64) -> Session {
        Session {
            open: at(&format!("2025-01-{day}T14:30:00Z")),
            close: at(&format!("2025-01-{day}T21:00:00Z")),
            level,
        }
    }

    #[test]
    fn asia_gets_the_previous_american_session() {
        let b = [new_york("22", 100.0), new_york("23", 102.0), new_york("24", 101.0)];
        let tokyo = [at("2025-01-23T06:00:00Z"), at("2025-01-24T06:00:00Z"), at("2025-01-27T06:00:00Z")];
        let m = matched(&tokyo, &b).unwrap();
        let want = [None, Some(102.0 / 100.0 - 1.0), Some(101.0 / 102.0 - 1.0)];
        assert_eq!(m.interval, want);
        assert_eq!(m.in_progress, [Some(0.0), Some(0.0), None]);
    }

    #[test]
    fn a_holiday_compounds_and_counts() {
        let b = [new_york("22", 100.0), new_york("23", 102.0), new_york("24", 101.0)];
        let closes = [at("2025-01-23T06:00:00Z"), at("2025-01-27T06:00:00Z")];
        let m = matched(&closes, &b).unwrap();
        assert_eq!(m.interval[1], Some(101.0 / 100.0 - 1.0));
        assert_eq!(m.gaps, [1, 2]);
    }

    #[test]
    fn europe_sees_a_session_in_progress() {
        let b = [new_york("23", 100.0), new_york("24", 98.0)];
        let amsterdam = [at("2025-01-23T16:40:00Z"), at("2025-01-24T16:40:00Z")];
        let m = matched(&amsterdam, &b).unwrap();
        assert_eq!(m.in_progress[1], Some(0.98 - 1.0));
    }
}
