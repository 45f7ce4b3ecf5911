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
        let wait = self.change(provider, |free| {
            let now = clock.now();
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
        self.change(provider, |free| (free.max(later(clock.now(), pause)), ()))
    }

    fn change<T>(&self, provider: &str, change: impl FnOnce(Timestamp) -> (Timestamp, T)) -> Result<T> {
        let path = self.folder.join(format!("{provider}.next"));
        let mut file = open_private_anew(&path)?;
        file.file().lock().with_context(|| format!("cannot lock {}", path.display()))?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        // A torn or foreign file holds no time: nothing is known, so nobody has to wait.
        let free = text.trim().parse().unwrap_or(Timestamp::UNIX_EPOCH);
        let (next, result) = change(free);
        file.seek(SeekFrom::Start(0))?;
        file.file().set_len(0)?;
        writeln!(file, "{next}")?;
        Ok(result)
    }
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
