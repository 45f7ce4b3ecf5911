//! The end of a run: its exit code, who is told, and the failures last.

use super::{Stopped, clock, making::Work, record};
use crate::{args::LogFormat, deliver::Monitor, described, exit_code, next_step, run::record::Made};
use anyhow::{Error, Result};
use jiff::Timestamp;
use std::{collections::BTreeSet, path::PathBuf, time::Instant};

/// The code of a run that another one kept out.
const LOCKED: u8 = 75;

/// A run that failed; each failure is told already.
#[derive(Debug, thiserror::Error)]
#[error("the run ended with code {0}")]
pub struct Ended(pub u8);

/// Records the run, tells the monitor, prints the failures, and gives the exit code.
pub fn end(mut work: Work<'_>, monitor: &Monitor) -> Result<()> {
    work.made.sort_by(|a, b| (&a.report, &a.period).cmp(&(&b.report, &b.period)));
    let code = work.stopped.map_or_else(|| code_of(&work.failures, &work.made), |signal| 128 + signal);
    if let Err(error) = record::write(&work, code) {
        untold(&mut work, error);
    }
    // A run that another one kept out is no news: the other one tells.
    if code != LOCKED {
        monitor.end(code, &work.failures.iter().map(described).collect::<String>());
    }
    if let Some(signal) = work.stopped {
        work.failures.iter().for_each(|failure| complain(failure, work.args.log));
        return Err(Stopped(signal).into());
    }
    tell(&work.failures, &work.made, work.args.log)
}

/// What is left to do for a run that outlasted a signal by its grace: its record, without what it had done so far, which
/// the ledger says.
pub fn abandon(out: PathBuf, now: Timestamp, began: Instant) -> impl FnOnce(u8) + Send + 'static {
    move |signal| {
        if let Err(error) = record::abandoned(&out, now, began, signal) {
            crate::tell(format!("warning: {error:#}"));
        }
        crate::complain(&Stopped(signal).into());
    }
}

/// A run that did nothing needs no record to have succeeded; one that did is not complete without.
fn untold(work: &mut Work<'_>, error: Error) {
    if !work.made.is_empty() || !work.sent.is_empty() {
        work.failures.push(error);
    } else if !work.args.quiet {
        crate::tell(format!("warning: {error:#}"));
    }
}

/// Where nothing came out and all failed alike, the code of that failure; else that of a partial failure.
fn code_of(failures: &[Error], made: &[Made]) -> u8 {
    let codes: BTreeSet<u8> = failures.iter().map(exit_code).collect();
    match codes.first() {
        None => 0,
        Some(_) if codes.contains(&LOCKED) => LOCKED,
        Some(code) if codes.len() == 1 && !made.iter().any(Made::out) => *code,
        Some(_) => 3,
    }
}

/// Prints the failures, each with its next step.
pub fn tell(failures: &[Error], made: &[Made], log: LogFormat) -> Result<()> {
    let code = code_of(failures, made);
    if code == 0 {
        return Ok(());
    }
    if code == 3 && failures.len().max(made.len()) > 1 && log == LogFormat::Text {
        let out = made.iter().filter(|made| made.out()).count();
        crate::tell(format!("{} failed, {out} briefs are out:", failures.len()));
    }
    failures.iter().for_each(|failure| complain(failure, log));
    Err(Ended(code).into())
}

/// A failure for people, or as a line for machines.
fn complain(failure: &Error, log: LogFormat) {
    if log == LogFormat::Text {
        return crate::complain(failure);
    }
    crate::tell(serde_json::json!({
        "at": clock(), "event": "error", "exit_code": exit_code(failure), "text": format!("{failure:#}"),
        "hint": next_step(failure),
    }));
}
