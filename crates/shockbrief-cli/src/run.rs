//! `run`: makes what is due and nothing else.

use crate::{
    SomeFailed,
    analyse::Analysed,
    args::{Inputs, LogFormat, Run},
    complain,
    deliver::{Monitor, pending, send},
    detect::shock_on,
    exit_code, fetch,
    load::Project,
    plan::{Item, Planner},
    publish::{Lock, Output},
    refusal,
    render::{self, Making, Published},
    say,
};
use anyhow::Result;
use jiff::{Timestamp, civil::Date};
use serde::Serialize;
use shockbrief_core::{
    Refusal,
    config::{Delivery, Report},
    fs::write_atomic,
};
use shockbrief_run::{
    ledger::{self, Entry, Event, Ledger},
    metrics::{self, ReportMetrics},
    shard::Shard,
};
use shockbrief_templating::Typst;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// The version of `run.json`.
const SCHEMA: u32 = 1;

/// What became of one brief.
#[derive(Debug, Serialize)]
struct Made {
    report: String,
    period: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of: Option<Date>,
    outcome: &'static str,
    why: String,
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pages: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claims_replaced: Option<usize>,
    exit_code: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

/// `run.json`.
#[derive(Debug, Serialize)]
struct Record<'a> {
    schema: u32,
    shockbrief: &'static str,
    now: Timestamp,
    finished: Timestamp,
    exit_code: u8,
    briefs: &'a [Made],
}

/// Signals that ask for the end: the number of the last one, 0 for none.
struct Signals(Arc<AtomicUsize>);

impl Signals {
    fn watch() -> Result<Self> {
        let seen = Arc::new(AtomicUsize::new(0));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            // The second signal of a kind ends the process at once.
            let again = Arc::new(std::sync::atomic::AtomicBool::new(false));
            signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, again.clone())?;
            signal_hook::flag::register(signal, again)?;
            signal_hook::flag::register_usize(signal, seen.clone(), usize::try_from(signal)?)?;
        }
        Ok(Self(seen))
    }

    fn seen(&self) -> Option<u8> {
        u8::try_from(self.0.load(Ordering::SeqCst)).ok().filter(|signal| *signal > 0)
    }
}

/// A run that a signal ended; what was published is out and recorded.
#[derive(Debug, thiserror::Error)]
#[error("stopped by signal {0}; what was finished is out, the rest is made by the next run")]
pub struct Stopped(pub u8);

/// Plans, makes, records.
pub fn run(args: &Run) -> Result<()> {
    let shard = match args.shard {
        Some(shard) => Some(shard),
        None => Shard::from_environment(|name| std::env::var(name).ok())?,
    };
    Output::check(&args.out)?;
    if args.rebuild_ledger {
        return rebuild(args, shard);
    }
    let now = args.now.unwrap_or_else(clock);
    let mut planner = Planner::load(args, shard)?;
    let mut errors = planner.unreadable();
    let planned = planner.due(args, &Ledger::read(&args.out)?, now);
    if args.dry_run {
        planned.items.iter().for_each(|item| say(format!("{} {}: {}", item.slug, item.period, item.why)));
        errors.extend(planned.refused);
        return finish(errors, &[], None);
    }
    let delivery = Delivery::load(&args.config.join("delivery.yaml"))?;
    let unsent = pending(planner.reports(), &delivery, &Ledger::read(&args.out)?)?;
    if planned.items.is_empty() && unsent.is_empty() {
        errors.extend(planned.refused);
        return finish(errors, &[], None);
    }
    let signals = Signals::watch()?;
    let output = Output::lock(&args.out, Lock { shard, wait: args.wait.map(Duration::from) })?;
    let mut ledger = Ledger::read(&args.out)?;
    // Another run may have published since, or died between publishing and its entry.
    heal(args, &mut ledger)?;
    let planned = planner.due(args, &ledger, now);
    errors.extend(planned.refused);
    let monitor = Monitor::open(&delivery);
    monitor.start();
    let mut work = Work { args, output: &output, ledger, now, made: Vec::new() };
    errors.extend(work.all(&planned.items, &signals)?);
    if signals.seen().is_none() {
        errors.extend(work.deliver(planner.reports(), &delivery)?);
    }
    let stopped = signals.seen();
    let code = if let Some(signal) = stopped { 128 + signal } else { code_of(&errors, &work.made) };
    work.record(code)?;
    monitor.end(code, &errors.iter().map(|error| format!("{error:#}\n")).collect::<String>());
    finish(errors, &work.made, stopped)
}

fn rebuild(args: &Run, shard: Option<Shard>) -> Result<()> {
    let _output = Output::lock(&args.out, Lock { shard, wait: args.wait.map(Duration::from) })?;
    let mut ledger = Ledger::read(&args.out)?;
    let added = heal(args, &mut ledger)?;
    if !args.quiet {
        say(format!("{}: {added} entries added", args.out.join(ledger::FILE).display()));
    }
    Ok(())
}

/// Adds what is published and not recorded.
fn heal(args: &Run, ledger: &mut Ledger) -> Result<usize> {
    let missing = ledger::missing(ledger, &ledger::manifests(&args.out)?, clock());
    let added = missing.len();
    missing.into_iter().try_for_each(|entry| ledger.append(entry))?;
    Ok(added)
}

struct Work<'a> {
    args: &'a Run,
    output: &'a Output,
    ledger: Ledger,
    now: Timestamp,
    made: Vec<Made>,
}

impl Work<'_> {
    /// Makes every item; one that fails does not stop the others.
    fn all(&mut self, items: &[Item], signals: &Signals) -> Result<Vec<anyhow::Error>> {
        let mut failures = Vec::new();
        if items.is_empty() {
            return Ok(failures);
        }
        let project = Project::load(&self.args.config)?;
        let typst = Typst::locate(self.args.typst.as_deref(), Path::new("."))?;
        let stale = self.fetch(items);
        // Briefs side by side, as many as there are cores, each with its own typesetting; what came out is recorded
        // in order before the next ones begin, so that a signal or a crash finds little unrecorded.
        for batch in items
            .chunks(self.args.jobs.map_or_else(rayon::current_num_threads, |jobs| usize::from(jobs.get())))
        {
            if signals.seen().is_some() {
                break;
            }
            batch.iter().for_each(|item| self.log("start", item, &item.why));
            let outcomes = self.side_by_side(&project, &typst, batch, stale.as_ref())?;
            for (item, (outcome, seconds)) in batch.iter().zip(outcomes) {
                failures.extend(self.note(item, outcome, seconds)?);
            }
        }
        crate::archive::refresh(&self.args.out, &project);
        Ok(failures)
    }

    /// Makes the briefs of a batch, one thread each.
    ///
    /// Threads of their own, since one of rayon's that waits would take up another brief and wait for itself.
    fn side_by_side(
        &self,
        project: &Project,
        typst: &Typst,
        batch: &[Item],
        stale: Option<&Refusal>,
    ) -> Result<Vec<(Result<Option<Published>>, f64)>> {
        let make = |item: &Item| {
            let started = stopwatch();
            let outcome = match stale.filter(|_| item.fetch) {
                Some(refusal) => Err(refusal.clone().into()),
                None => self.one(project, typst, item),
            };
            (outcome, started.elapsed().as_secs_f64())
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = batch.iter().map(|item| scope.spawn(|| make(item))).collect();
            let join = |thread: std::thread::ScopedJoinHandle<'_, _>| {
                thread.join().map_err(|_| anyhow::anyhow!("making a brief crashed"))
            };
            threads.into_iter().map(join).collect()
        })
    }

    /// Fetches for the reports that want it; gives why their data may not be used.
    fn fetch(&self, items: &[Item]) -> Option<Refusal> {
        let wanting: Vec<PathBuf> =
            items.iter().filter(|item| item.fetch).map(|item| item.folder.clone()).collect();
        if wanting.is_empty() {
            return None;
        }
        let before = fetch::Before {
            reports: &wanting,
            config: &self.args.config,
            store: &self.args.store,
            data: &self.args.data,
            as_of: jiff::tz::TimeZone::UTC.to_datetime(self.now).date(),
        };
        match fetch::before(&before) {
            Ok(told) => {
                told.iter().filter(|_| !self.args.quiet).for_each(crate::tell);
                None
            }
            Err(error) => {
                Some(refusal(&error).cloned().unwrap_or_else(|| Refusal::data(format!("{error:#}"))))
            }
        }
    }

    /// Sends what is not yet sent, also of earlier runs; each outcome goes into the ledger.
    fn deliver(&mut self, reports: &[Report], delivery: &Delivery) -> Result<Vec<anyhow::Error>> {
        let mut failures = Vec::new();
        for item in pending(reports, delivery, &self.ledger)? {
            let outcome = send(&self.args.out, &self.args.config, delivery, &item);
            let reason = outcome.as_ref().err().map(|error| format!("{error:#}"));
            let target = item.recorded();
            self.ledger.append(Entry {
                schema: ledger::SCHEMA,
                at: clock(),
                event: if reason.is_none() { Event::Delivered } else { Event::Undelivered },
                report: item.report,
                period: item.period,
                as_of: None,
                revision: Some(item.revision),
                brief: None,
                target: Some(target),
                reason,
            })?;
            failures.extend(outcome.err());
        }
        Ok(failures)
    }

    fn one(&self, project: &Project, typst: &Typst, item: &Item) -> Result<Option<Published>> {
        let inputs = Inputs {
            data: self.args.data.clone(),
            config: self.args.config.clone(),
            as_of: None,
            period: (!item.pinned).then_some(item.period),
        };
        if item.on_shock && !shock_on(project, &item.folder, &inputs, item.period.first_date())? {
            return Ok(None);
        }
        let making = Making {
            lang: &[],
            limit: Duration::from_secs(self.args.time_limit),
            keep_source: false,
            draw: None,
            revise: self.args.revise || self.args.force,
        };
        let mut analysed = Analysed::new(project, &item.folder, &inputs)?;
        render::make(project, typst, self.output, &mut analysed, &making).map(Some)
    }

    /// Records what became of an item, in the ledger and for `run.json`; returns its error.
    fn note(
        &mut self,
        item: &Item,
        outcome: Result<Option<Published>>,
        seconds: f64,
    ) -> Result<Option<anyhow::Error>> {
        let mut made = Made {
            report: item.slug.clone(),
            period: item.period.to_string(),
            as_of: None,
            outcome: "quiet",
            why: item.why.clone(),
            seconds,
            revision: None,
            pages: None,
            claims_replaced: None,
            exit_code: 0,
            error: None,
            hint: None,
        };
        let (event, failure) = match outcome {
            Ok(None) => (Some(Event::Quiet), None),
            Ok(Some(published)) => {
                made.outcome = if published.unchanged { "unchanged" } else { "published" };
                made.as_of = Some(published.manifest.as_of);
                made.revision = Some(published.manifest.revision);
                made.pages = Some(published.manifest.audited.values().map(|audited| audited.pages).sum());
                made.claims_replaced = Some(published.claims_replaced);
                if !self.args.quiet {
                    published.paths.iter().for_each(|path| say(path.display()));
                }
                if !published.unchanged {
                    self.ledger.append(ledger::published(clock(), &published.manifest))?;
                }
                (None, None)
            }
            Err(error) => {
                made.outcome = "failed";
                made.exit_code = exit_code(&error);
                made.error = Some(format!("{error:#}"));
                made.hint = refusal(&error).and_then(|refusal| refusal.hint.clone());
                (Some(Event::Failed), Some(error))
            }
        };
        if let Some(event) = event {
            let reason = made.error.clone().or_else(|| Some("no shock on this session".to_owned()));
            self.ledger.append(entry(event, item, reason))?;
        }
        self.log(made.outcome, item, made.error.as_deref().unwrap_or_default());
        self.made.push(made);
        Ok(failure)
    }

    /// A line on standard error: JSON for machines; for people only what is not printed anyway.
    fn log(&self, event: &str, item: &Item, text: &str) {
        if self.args.log == LogFormat::Json {
            let line = serde_json::json!({
                "at": clock(), "event": event, "report": item.slug, "period": item.period.to_string(), "text": text,
            });
            crate::tell(line);
        } else if !self.args.quiet && event != "failed" && event != "published" {
            crate::tell(format!(
                "{} {}: {event}{}{text}",
                item.slug,
                item.period,
                if text.is_empty() { "" } else { ", " }
            ));
        }
    }

    /// Writes `run.json` and the metrics.
    fn record(&self, exit_code: u8) -> Result<()> {
        let record = Record {
            schema: SCHEMA,
            shockbrief: env!("CARGO_PKG_VERSION"),
            now: self.now,
            finished: clock(),
            exit_code,
            briefs: &self.made,
        };
        write_atomic(&self.args.out.join("run.json"), &render::json(&record)?)?;
        let Some(path) = &self.args.metrics else { return Ok(()) };
        write_atomic(path, metrics::text(record.finished, exit_code, &self.metrics()).as_bytes())
    }

    fn metrics(&self) -> BTreeMap<String, ReportMetrics> {
        let mut reports: BTreeMap<String, ReportMetrics> = BTreeMap::new();
        for entry in self.ledger.entries().iter().filter(|entry| entry.event == Event::Published) {
            let report = reports.entry(entry.report.clone()).or_default();
            report.last_success = Some(entry.at);
            let midnight = |date: Date| {
                jiff::tz::TimeZone::UTC.to_ambiguous_timestamp(date.at(0, 0, 0, 0)).compatible().ok()
            };
            report.data_as_of = entry.as_of.and_then(midnight);
        }
        for made in &self.made {
            let report = reports.entry(made.report.clone()).or_default();
            report.seconds = Some(made.seconds);
            report.exit_code = Some(made.exit_code);
            report.pages = made.pages.or(report.pages);
            report.claims_replaced = made.claims_replaced.or(report.claims_replaced);
        }
        reports
    }
}

fn entry(event: Event, item: &Item, reason: Option<String>) -> Entry {
    Entry {
        schema: ledger::SCHEMA,
        at: clock(),
        event,
        report: item.slug.clone(),
        period: item.period.to_string(),
        as_of: None,
        revision: None,
        brief: None,
        target: None,
        reason,
    }
}

fn code_of(errors: &[anyhow::Error], made: &[Made]) -> u8 {
    match errors {
        [] => 0,
        [only] if made.len() <= 1 => exit_code(only),
        _ => 3,
    }
}

/// Failures come last, each with its next step.
fn finish(mut errors: Vec<anyhow::Error>, made: &[Made], stopped: Option<u8>) -> Result<()> {
    if let Some(signal) = stopped {
        errors.iter().for_each(complain);
        return Err(Stopped(signal).into());
    }
    match errors.len() {
        0 => Ok(()),
        1 if made.len() <= 1 => errors.pop().map_or(Ok(()), Err),
        failed => {
            errors.iter().for_each(complain);
            Err(SomeFailed { failed, total: made.len().max(failed) }.into())
        }
    }
}

/// The clock of the command's edge; `--now` decides what is due, this one only dates records.
#[expect(clippy::disallowed_methods, reason = "records say when they were written")]
fn clock() -> Timestamp {
    Timestamp::now()
}

#[expect(clippy::disallowed_methods, reason = "durations are reported, nothing depends on them")]
fn stopwatch() -> Instant {
    Instant::now()
}
