//! Pauses: between two requests of all processes together, and after a provider asked for one.
//!
//! Each provider has a file with the time before which nobody may ask it. Who wants to ask locks the file,
//! takes the next free time, moves it on and only then waits: processes queue, and none can overtake.

use crate::Clock;
use anyhow::{Context, Result};
use fs_err as fs;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use shockbrief_core::fs::open_private_anew;
use std::{
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::Duration,
};

/// The longest pause that is believed: no provider asks for more than some days, and a quota is renewed with the month.
const FARTHEST: Duration = Duration::from_secs(32 * 24 * 3600);

/// By how much clocks of processes that share a store may differ.
const DRIFT: Duration = Duration::from_secs(60);

/// Pause files of all providers.
#[derive(Debug, Clone)]
pub struct Pace {
    folder: PathBuf,
}

impl Pace {
    /// Pause files in a folder, made when it is missing.
    pub fn open(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Waits for this process's turn. Gives back how long somebody must wait, without waiting, when that is
    /// more than `longest`.
    pub fn take(
        &self,
        provider: &str,
        interval: Duration,
        longest: Duration,
        clock: &dyn Clock,
    ) -> Result<Option<Duration>> {
        let wait = self.change(provider, clock.now(), |free, now| {
            let turn = free.max(now);
            let wait = Duration::try_from(turn.duration_since(now)).unwrap_or_default();
            if wait > longest { (free, wait) } else { (later(turn, interval), wait) }
        })?;
        if wait > longest {
            return Ok(Some(wait));
        }
        if !wait.is_zero() {
            clock.sleep(wait);
        }
        Ok(None)
    }

    /// Lets nobody ask before a pause is over.
    pub fn hold(&self, provider: &str, pause: Duration, clock: &dyn Clock) -> Result<()> {
        self.change(provider, clock.now(), |free, now| (free.max(later(now, pause.min(FARTHEST))), ()))
    }

    fn change<T>(
        &self,
        provider: &str,
        now: Timestamp,
        change: impl FnOnce(Timestamp, Timestamp) -> (Timestamp, T),
    ) -> Result<T> {
        let path = self.folder.join(format!("{provider}.next"));
        let mut file = open_private_anew(&path)?;
        file.file().lock().with_context(|| format!("cannot lock {}", path.display()))?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let (next, result) = change(believed(&text, now), now);
        file.seek(SeekFrom::Start(0))?;
        file.file().set_len(0)?;
        writeln!(file, "{next}\n{now}")?;
        Ok(result)
    }
}

/// The time before which nobody may ask, from a file that holds it and the time at which it was written.
///
/// A torn or foreign file holds no time: nothing is known, so nobody has to wait. A clock that was wrong for a while must
/// not close a provider for years: what a clock ahead of today's wrote is taken as the pause that it meant.
fn believed(text: &str, now: Timestamp) -> Timestamp {
    let mut times = text.lines().map(|line| line.trim().parse::<Timestamp>().ok());
    let Some(free) = times.next().flatten() else { return Timestamp::UNIX_EPOCH };
    let written = times.next().flatten().filter(|written| *written > later(now, DRIFT));
    let free = written.map_or(free, |written| {
        later(now, Duration::try_from(free.duration_since(written)).unwrap_or_default())
    });
    if free > later(now, FARTHEST) { now } else { free }
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    jiff::SignedDuration::try_from(by).ok().and_then(|by| time.checked_add(by).ok()).unwrap_or(time)
}

/// Pause before another attempt: doubling from one second, of which a random half is left out, so that
/// clients that failed together do not return together.
pub fn back_off(provider: &str, attempt: u32, now: Timestamp, longest: Duration) -> Duration {
    let seed = format!("{provider} {attempt} {now} {}", std::process::id());
    let digest = Sha256::digest(seed.as_bytes());
    let [high, low, ..] = <[u8; 32]>::from(digest);
    let share = f64::from(u16::from_be_bytes([high, low])) / f64::from(u16::MAX);
    let whole = Duration::from_secs(1 << attempt.saturating_sub(1).min(10));
    whole.mul_f64(0.5 + share / 2.0).min(longest)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_clock_that_was_wrong_closes_no_provider() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2025-01-27T12:00:00Z");
        // Right clock: a quota until tomorrow holds.
        assert_eq!(believed("2025-01-28T00:00:00Z\n2025-01-27T11:59:00Z\n", now), at("2025-01-28T00:00:00Z"));
        // A clock ten days ahead wrote a pause of half a minute.
        assert_eq!(believed("2025-02-06T12:00:30Z\n2025-02-06T12:00:00Z\n", now), at("2025-01-27T12:00:30Z"));
        // Nobody knows who wrote this.
        for far in ["2999-01-01T00:00:00Z", "2999-01-01T00:00:00Z\n2025-01-27T12:00:00Z"] {
            assert_eq!(believed(far, now), now);
        }
        for torn in ["", "2025-01-2", "x\n2025-01-27T12:00:00Z"] {
            assert_eq!(believed(torn, now), Timestamp::UNIX_EPOCH);
        }
    }
}
