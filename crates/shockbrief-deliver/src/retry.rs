//! Trying again: how often, after which pause, and when not.

use shockbrief_core::{config::Retry, fs::sha256};
use std::time::Duration;

/// Longest pause that the other side may ask for, in seconds.
const LONGEST: u64 = 60;

/// An attempt that failed, in words that hold no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failed {
    /// Trying again cannot help.
    ForGood(String),
    /// It may help, after the seconds that the other side asks for.
    ForNow(String, Option<u64>),
    /// Nobody answered; it may help.
    Unreachable(String),
}

impl Failed {
    /// Why, in words.
    pub fn into_words(self) -> String {
        match self {
            Self::ForGood(said) | Self::ForNow(said, _) | Self::Unreachable(said) => said,
        }
    }

    fn after(self, attempts: u32) -> Self {
        let tried = |said: String| format!("{said} (tried {attempts} times)");
        match self {
            Self::ForGood(said) => Self::ForGood(said),
            Self::ForNow(said, wanted) => Self::ForNow(tried(said), wanted),
            Self::Unreachable(said) => Self::Unreachable(tried(said)),
        }
    }
}

/// Tries until it is taken, refused for good, or the attempts are used up.
pub fn persist(
    key: &str,
    retry: Retry,
    pause: impl Fn(Duration),
    mut attempt: impl FnMut() -> Result<(), Failed>,
) -> Result<(), Failed> {
    let mut tried = 1;
    loop {
        let failed = match attempt() {
            Ok(()) => return Ok(()),
            Err(failed @ Failed::ForGood(_)) => return Err(failed),
            Err(failed) => failed,
        };
        if tried >= retry.attempts {
            return Err(failed.after(tried));
        }
        let wanted = if let Failed::ForNow(_, wanted) = failed { wanted } else { None };
        pause(wait(key, tried, retry, wanted));
        tried += 1;
    }
}

/// What the other side wants, else twice as long each time, with a part that differs from delivery to delivery so that
/// many do not come back at once.
fn wait(key: &str, attempt: u32, retry: Retry, wanted: Option<u64>) -> Duration {
    if let Some(seconds) = wanted {
        return Duration::from_secs(seconds.min(LONGEST));
    }
    let digest: String = sha256(format!("{key}{attempt}").as_bytes()).chars().take(8).collect();
    let spread = u64::from_str_radix(&digest, 16).unwrap_or_default();
    let base = retry.pause_ms.saturating_mul(1 << (attempt - 1).min(6)).min(LONGEST * 1000);
    Duration::from_millis(base / 2 + base.saturating_mul(spread) / (u64::from(u32::MAX) * 2))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use std::cell::RefCell;

    fn run(outcomes: Vec<Result<(), Failed>>) -> (Result<(), Failed>, Vec<Duration>, usize) {
        let (mut left, pauses) = (outcomes, RefCell::new(Vec::new()));
        let retry = Retry { attempts: 3, pause_ms: 1000 };
        let mut tried = 0;
        let outcome = persist(
            "k",
            retry,
            |pause| pauses.borrow_mut().push(pause),
            || {
                tried += 1;
                left.remove(0)
            },
        );
        (outcome, pauses.into_inner(), tried)
    }

    fn later(wanted: Option<u64>) -> Result<(), Failed> {
        Err(Failed::ForNow("busy".to_owned(), wanted))
    }

    #[test]
    fn tried_again_after_a_growing_pause_or_the_one_asked_for() {
        let (outcome, pauses, tried) = run(vec![later(None), later(Some(7)), Ok(())]);
        outcome.unwrap();
        assert_eq!(tried, 3);
        assert!((500..=1000).contains(&pauses[0].as_millis()), "{pauses:?}");
        assert_eq!(pauses[1], Duration::from_secs(7));
        assert_eq!(run(vec![later(Some(86_400)), Ok(())]).1, [Duration::from_secs(LONGEST)]);
    }

    #[test]
    fn refused_for_good_or_given_up() {
        let (outcome, pauses, tried) = run(vec![Err(Failed::ForGood("no".to_owned()))]);
        assert_eq!((outcome.unwrap_err().into_words().as_str(), pauses.len(), tried), ("no", 0, 1));
        let (outcome, pauses, tried) = run(vec![later(None), later(None), later(None)]);
        let words = outcome.unwrap_err().into_words();
        assert_eq!((words.as_str(), pauses.len(), tried), ("busy (tried 3 times)", 2, 3));
    }
}
