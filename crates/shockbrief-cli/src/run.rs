//! `run`: makes what is due and nothing else, sends it, and records it.
//!
//! However a run ends, it ends in one place: `run.json`, the metrics and the monitor are told before the failures are
//! printed. A run that had nothing to do is told as a success, so that a monitor can tell quiet days from a dead
//! machine. A dry run and the rebuilding of the ledger are told to nobody.

mod ending;
mod making;
mod record;
mod signals;

pub use ending::Ended;
pub use signals::{Signals, Stopped};

use crate::{
    args::Run,
    deliver::{Briefs, Monitor, pending},
    plan::Planner,
    publish::{Lock, Output},
    say,
};
use anyhow::Result;
use jiff::Timestamp;
use making::Work;
use shockbrief_core::config::Delivery;
use shockbrief_run::{
    ledger::{self, Ledger},
    receipts,
    shard::Shard,
};
use std::time::{Duration, Instant};

/// Makes what is due, and tells how that went.
pub fn run(args: &Run) -> Result<()> {
    if args.rebuild_ledger {
        return rebuild(args);
    }
    if args.dry_run {
        return explain(args);
    }
    spread(args.delay_up_to.map(Duration::from));
    let mut work = Work::new(args, args.now.unwrap_or_else(clock));
    let mut monitor = Monitor::default();
    if let Err(error) = attempt(&mut work, &mut monitor) {
        work.failures.push(error);
    }
    ending::end(work, &monitor)
}

/// Plans, makes, sends.
fn attempt(work: &mut Work<'_>, monitor: &mut Monitor) -> Result<()> {
    let args = work.args;
    Output::check(&args.out)?;
    let delivery = Delivery::load(&args.config.join("delivery.yaml"))?;
    *monitor = Monitor::open(&delivery);
    let mut planner = Planner::load(args, shard(args)?)?;
    work.failures.extend(planner.unreadable());
    if idle(work, &planner, &delivery)? {
        return Ok(());
    }
    let signals = Signals::watch(ending::abandon(args.out.clone(), work.now, work.began))?;
    let output = Output::lock(&args.out, lock(args)?)?;
    monitor.start();
    // Another run may have published since, or died between publishing and its entry.
    work.ledger = Ledger::read(&args.out)?;
    work.ledger.may_append()?;
    let (_, broken) = heal(args, &mut work.ledger)?;
    work.failures.extend(broken);
    tell_torn(args, &work.ledger);
    let planned = planner.due(args, &work.ledger, work.now);
    work.failures.extend(planned.refused);
    let made = work.make(&output, &planned.items, &signals);
    work.failures.extend(made.err());
    signals.delivering();
    work.deliver(&output, planner.reports(), &delivery, &signals)?;
    work.stopped = signals.seen();
    Ok(())
}

/// Says that lines of the ledger are none: what is out and what was sent was read from manifests and receipts.
fn tell_torn(args: &Run, ledger: &Ledger) {
    if ledger.torn.is_empty() || args.quiet {
        return;
    }
    let lines: Vec<String> = ledger.torn.iter().take(10).map(ToString::to_string).collect();
    let more = if ledger.torn.len() > lines.len() { ", …" } else { "" };
    let path = args.out.join(ledger::FILE);
    crate::tell(format!(
        "warning: {}: torn or altered in {} lines ({}{more}); what is out and was sent is known from manifests and receipts",
        path.display(),
        ledger.torn.len(),
        lines.join(", ")
    ));
}

/// Whether there is nothing to make and nothing to send; then no lock is taken and no data is read.
fn idle(work: &mut Work<'_>, planner: &Planner, delivery: &Delivery) -> Result<bool> {
    work.ledger = Ledger::read(&work.args.out)?;
    let planned = planner.due(work.args, &work.ledger, work.now);
    let (unsent, undeclared) = pending(planner.reports(), delivery, &work.ledger, &Briefs::new());
    let idle = planned.items.is_empty() && unsent.is_empty();
    if idle {
        work.failures.extend(planned.refused.into_iter().chain(undeclared));
    }
    Ok(idle)
}

/// Says what would be made and why.
fn explain(args: &Run) -> Result<()> {
    Output::check(&args.out)?;
    let now = args.now.unwrap_or_else(clock);
    let mut planner = Planner::load(args, shard(args)?)?;
    let mut failures = planner.unreadable();
    let planned = planner.due(args, &Ledger::read(&args.out)?, now);
    planned.items.iter().for_each(|item| say(format!("{} {}: {}", item.slug, item.period, item.why)));
    failures.extend(planned.refused);
    ending::tell(&failures, &[], args.log)
}

fn rebuild(args: &Run) -> Result<()> {
    let _output = Output::lock(&args.out, lock(args)?)?;
    let mut ledger = Ledger::read(&args.out)?;
    let (added, broken) = heal(args, &mut ledger)?;
    if !args.quiet {
        say(format!("{}: {added} entries added", args.out.join(ledger::FILE).display()));
    }
    ending::tell(&broken, &[], args.log)
}

/// Adds what is published or sent and not recorded, of this shard's reports, since others add theirs; also gives the
/// manifests that cannot be read.
fn heal(args: &Run, ledger: &mut Ledger) -> Result<(usize, Vec<anyhow::Error>)> {
    let (manifests, broken) = ledger::manifests(&args.out)?;
    let mut missing = ledger::missing(ledger, &manifests, clock());
    missing.extend(receipts::missing(&args.out, ledger)?);
    let shard = shard(args)?;
    missing.retain(|entry| shard.is_none_or(|shard| shard.holds(&entry.report)));
    let added = missing.len();
    missing.into_iter().try_for_each(|entry| ledger.append(entry))?;
    Ok((added, broken))
}

fn shard(args: &Run) -> Result<Option<Shard>> {
    match args.shard {
        Some(shard) => Ok(Some(shard)),
        None => Shard::from_environment(|name| std::env::var(name).ok()),
    }
}

fn lock(args: &Run) -> Result<Lock> {
    Ok(Lock { shard: shard(args)?, wait: args.wait.map(Duration::from) })
}

/// Waits for a part of `limit` that chance chooses: many machines with the same crontab do not begin together.
fn spread(limit: Option<Duration>) {
    use std::hash::{BuildHasher, Hasher};
    let Some(limit) = limit else { return };
    // The standard library's hasher is keyed at random for each process.
    let chance = std::hash::RandomState::new().build_hasher().finish();
    let millis = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
    std::thread::sleep(Duration::from_millis(chance % millis.saturating_add(1).max(1)));
}

/// The clock of the command's edge; `--now` decides what is due, this one only dates records.
#[expect(clippy::disallowed_methods, reason = "records say when they were written")]
pub fn clock() -> Timestamp {
    Timestamp::now()
}

#[expect(clippy::disallowed_methods, reason = "durations are reported, nothing depends on them")]
fn stopwatch() -> Instant {
    Instant::now()
}
