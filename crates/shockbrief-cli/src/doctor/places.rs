//! Folders that runs write to: whether they can, room, locks, and the clock that wrote there last.

use super::Line;
use crate::{args::Doctor, publish::Output};
use anyhow::{Context, Result};
use jiff::Timestamp;
use shockbrief_core::fs::write_swapped;
use shockbrief_run::ledger::Ledger;
use std::{fs::File, path::Path};

/// Bytes below which a run is likely to fail, and below which it soon may.
const ROOM: [u64; 2] = [200 << 20, 2 << 30];
/// No record is older than this project.
const FIRST: &str = "2025-01-01T00:00:00Z";

/// Looks at the output folder and at the place of temporary files.
pub fn look(args: &Doctor, now: Timestamp) -> Vec<Line> {
    if let Err(error) = Output::check(&args.out) {
        return vec![Line::failure("output", &error), clock(&args.out, now)];
    }
    let there = args.out.ancestors().find(|place| place.is_dir()).unwrap_or_else(|| Path::new("."));
    let temporary = std::env::temp_dir();
    vec![
        ledger(&args.out),
        folder("output", there, &args.out),
        room("output", there),
        locks(there),
        folder("temporary", &temporary, &temporary),
        room("temporary", &temporary),
        clock(&args.out, now),
    ]
}

/// Whether all lines of the ledger are whole.
fn ledger(out: &Path) -> Line {
    match Ledger::read(out) {
        Err(error) => Line::failure("ledger", &error),
        Ok(ledger) if ledger.torn.is_empty() => {
            Line::ok("ledger", format!("{} entries, all whole", ledger.entries().len()))
        }
        Ok(ledger) => Line::warning(
            "ledger",
            format!("{} lines are torn or altered, the first is {}", ledger.torn.len(), ledger.torn[0]),
            "nothing is lost that manifests and receipts say; look after the disk (smartctl, the system's log)",
        ),
    }
}

fn folder(about: &'static str, there: &Path, named: &Path) -> Line {
    match writable(there) {
        Ok(()) => Line::ok(about, format!("{} can be written", named.display())),
        Err(error) => Line::failure(about, &error),
    }
}

/// Makes and removes a file.
pub fn writable(folder: &Path) -> Result<()> {
    let probe = tempfile::Builder::new().prefix(".shockbrief-doctor-").tempdir_in(folder);
    let probe = probe.with_context(|| format!("cannot write in {}", folder.display()))?;
    write_swapped(&probe.path().join("probe"), b"x")
}

fn room(about: &'static str, folder: &Path) -> Line {
    let shown = folder.display();
    match rustix::fs::statvfs(folder) {
        Err(error) => Line::failure(about, &std::io::Error::from(error).into()),
        Ok(found) => {
            let free = found.f_bavail.saturating_mul(found.f_frsize);
            let text = format!("{} MB free at {shown}", free >> 20);
            let next = "free space, or name another place with --out or TMPDIR";
            match free {
                free if free < ROOM[0] => Line::error(about, text, next),
                free if free < ROOM[1] => Line::warning(about, text, next),
                _ => Line::ok(about, text),
            }
        }
    }
}

/// Whether a lock that one holds keeps another out, on the file system of the output.
fn locks(folder: &Path) -> Line {
    let tried = || -> Result<bool> {
        let probe = tempfile::Builder::new().prefix(".shockbrief-doctor-").tempfile_in(folder)?;
        let (one, other) = (File::open(probe.path())?, File::open(probe.path())?);
        one.try_lock()?;
        Ok(other.try_lock().is_err())
    };
    let next = "put the output on a file system with flock: a local disk, or NFS 4 without `nolock`";
    match tried() {
        Ok(true) => Line::ok("locks", format!("{} keeps a second run out", folder.display())),
        Ok(false) => {
            Line::error("locks", format!("two runs at once would both write to {}", folder.display()), next)
        }
        Err(error) => Line::error("locks", format!("{}: no locks: {error:#}", folder.display()), next),
    }
}

/// A clock that runs behind what it wrote earlier makes nothing due.
fn clock(out: &Path, now: Timestamp) -> Line {
    let next = "set the clock (timedatectl status): due-ness, freshness and pauses go by it";
    let first: Timestamp = FIRST.parse().unwrap_or(Timestamp::UNIX_EPOCH);
    let written =
        Ledger::read(out).ok().and_then(|ledger| ledger.entries().iter().map(|entry| entry.at).max());
    match written {
        _ if now < first => Line::error("clock", format!("it is said to be {now}"), next),
        Some(last) if last > now => {
            Line::warning("clock", format!("it is said to be {now}, before the last record of {last}"), next)
        }
        _ => Line::ok("clock", format!("it is {}", now.round(jiff::Unit::Second).unwrap_or(now))),
    }
}
