//! The work of a run: briefs side by side, each recorded as it comes out, then deliveries.
//!
//! One brief that fails, or crashes, stops no other; what cannot be recorded is a failure of its own.

use super::{
    clock,
    record::{Made, Sent},
    signals::Signals,
    stopwatch,
};
use crate::{
    analyse::Analysed,
    args::{Holding, Inputs, LogFormat, Run},
    deliver::{Briefs, Pending, Postman, pending},
    detect::shock_on,
    exit_code, fetch,
    load::Project,
    next_step,
    plan::Item,
    progress::Progress,
    publish::Output,
    refusal,
    render::{self, Making, Published},
    say,
};
use anyhow::{Error, Result};
use jiff::Timestamp;
use shockbrief_core::{
    Refusal,
    config::{Delivery, Report},
};
use shockbrief_run::{
    ledger::{self, Entry, Event, Ledger},
    receipts,
};
use shockbrief_templating::Typst;
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Sender, channel},
    },
    time::{Duration, Instant},
};

/// A run with all that came of it so far.
pub struct Work<'a> {
    pub args: &'a Run,
    pub ledger: Ledger,
    pub now: Timestamp,
    pub began: Instant,
    pub made: Vec<Made>,
    pub sent: Vec<Sent>,
    pub failures: Vec<Error>,
    /// The signal that ended it.
    pub stopped: Option<u8>,
}

/// What the threads that make briefs share.
struct Bench<'a> {
    args: &'a Run,
    output: &'a Output,
    typst: Typst,
    project: Mutex<Arc<Project>>,
    /// Why fetched data may not be used.
    stale: Option<Refusal>,
    /// The time at whose knowledge briefs are made: that of the run, or after it fetched.
    known_by: Timestamp,
}

/// A brief's outcome, with the seconds it took.
type Outcome = (Result<Option<Published>>, f64);

impl<'a> Work<'a> {
    /// A run that has done nothing yet.
    pub fn new(args: &'a Run, now: Timestamp) -> Self {
        let (made, sent, failures) = (Vec::new(), Vec::new(), Vec::new());
        Self { args, ledger: Ledger::default(), now, began: stopwatch(), made, sent, failures, stopped: None }
    }

    /// Makes every item and writes the archive.
    pub fn make(&mut self, output: &Output, items: &[Item], signals: &Signals) -> Result<()> {
        if items.is_empty() {
            return Ok(());
        }
        let jobs = self.args.jobs.map_or_else(rayon::current_num_threads, |jobs| usize::from(jobs.get()));
        let project = Project::load(&self.args.config)?;
        let typst = Typst::locate(self.args.typst.as_deref(), Path::new("."))?;
        let typst = typst.at_most(jobs).guarded().stopped_by(signals.stop());
        shockbrief_templating::sweep();
        output.sweep()?;
        let (known_by, stale) = match self.fetch(items) {
            Ok(known_by) => (known_by, None),
            Err(refusal) => (self.now, Some(refusal)),
        };
        let bench =
            Bench { args: self.args, output, typst, project: Mutex::new(Arc::new(project)), stale, known_by };
        self.side_by_side(&bench, items, jobs.min(items.len()), signals);
        output.still_held()?;
        crate::archive::refresh(&self.args.out, &bench.project());
        Ok(())
    }

    /// Makes briefs on so many threads, each taking the next one; what came out is recorded here as it comes.
    ///
    /// Threads of their own, since one of rayon's that waits would take up another brief and wait for itself.
    fn side_by_side(&mut self, bench: &Bench<'_>, items: &[Item], jobs: usize, signals: &Signals) {
        let next = AtomicUsize::new(0);
        let wanted = !self.args.quiet && self.args.log == LogFormat::Text;
        let progress = Progress::of(items.len(), wanted);
        let (sender, outcomes) = channel();
        std::thread::scope(|scope| {
            for _ in 0..jobs {
                let (next, sender, progress) = (&next, sender.clone(), &progress);
                scope.spawn(move || bench.work(items, next, &sender, signals, progress));
            }
            drop(sender);
            for (at, outcome) in outcomes {
                self.note(bench.output, &items[at], outcome);
                progress.done();
            }
        });
    }

    /// Fetches for the reports that want it; gives the time of what is known now, or why it may not be used.
    fn fetch(&self, items: &[Item]) -> Result<Timestamp, Refusal> {
        let wanting: Vec<PathBuf> =
            items.iter().filter(|item| item.fetch).map(|item| item.folder.clone()).collect();
        if wanting.is_empty() {
            return Ok(self.now);
        }
        let before = fetch::Before {
            reports: &wanting,
            config: &self.args.config,
            store: store(self.args),
            now: self.args.now,
        };
        match fetch::before(&before) {
            Ok((told, known_by)) => {
                told.iter().filter(|_| !self.args.quiet).for_each(crate::tell);
                Ok(known_by)
            }
            Err(error) => {
                Err(refusal(&error).cloned().unwrap_or_else(|| Refusal::data(format!("{error:#}"))))
            }
        }
    }

    /// Sends what is not yet sent, also of earlier runs; each outcome goes into the ledger.
    pub fn deliver(
        &mut self,
        output: &Output,
        reports: &[Report],
        delivery: &Delivery,
        signals: &Signals,
    ) -> Result<()> {
        let out = self.made.iter().filter(|made| made.out());
        let made: Briefs = out.map(|made| (made.report.clone(), made.period.clone())).collect();
        let (unsent, undeclared) = pending(reports, delivery, &self.ledger, &made);
        self.failures.extend(undeclared);
        let mut postman = Postman::new(&self.args.out, &self.args.config, delivery);
        for item in unsent {
            if signals.seen().is_some() {
                break;
            }
            let outcome = output.mend(&item.report, &item.period).and_then(|_| postman.send(&item));
            output.still_held()?;
            self.note_delivery(&item, outcome)?;
        }
        Ok(())
    }

    fn note_delivery(&mut self, item: &Pending, outcome: Result<()>) -> Result<()> {
        let failed = outcome.err();
        let event = if failed.is_none() { Event::Delivered } else { Event::Undelivered };
        let entry = Entry {
            revision: Some(item.revision),
            target: Some(item.recorded()),
            reason: failed.as_ref().map(|error| format!("{error:#}")),
            ..Entry::new(clock(), event, &item.report, &item.period)
        };
        self.sent.push(Sent {
            report: item.report.clone(),
            period: item.period.clone(),
            revision: item.revision,
            target: item.recorded(),
            outcome: if failed.is_none() { "delivered" } else { "undelivered" },
        });
        if failed.is_none() {
            receipts::keep(&self.args.out, &entry)?;
        }
        self.failures.extend(failed);
        self.ledger.append(entry)
    }

    /// Records what became of an item.
    fn note(&mut self, output: &Output, item: &Item, (outcome, seconds): Outcome) {
        let mut made = Made::new(item, seconds);
        let entry = match outcome {
            Ok(None) => Some(quiet(item)),
            Ok(Some(published)) => self.published(&mut made, &published),
            Err(error) => {
                let entry = failed(&mut made, item, &error);
                self.failures.push(error.context(format!("{} {}", item.slug, item.period)));
                Some(entry)
            }
        };
        if let Some(mut entry) = entry {
            entry.seconds = Some(seconds);
            let written = output.still_held().and_then(|()| self.ledger.append(entry));
            self.failures.extend(written.err());
        }
        log(self.args, made.outcome, item, made.error.as_deref().unwrap_or_default());
        self.made.push(made);
    }

    /// Tells of a brief that is out; one that was out before, with the same bytes, is not recorded again.
    fn published(&self, made: &mut Made, published: &Published) -> Option<Entry> {
        made.outcome = if published.unchanged { "unchanged" } else { "published" };
        made.as_of = Some(published.manifest.as_of);
        made.revision = Some(published.manifest.revision);
        made.claims_replaced = Some(published.claims_replaced);
        if !self.args.quiet {
            published.paths.iter().for_each(|path| say(path.display()));
        }
        let mut entry = ledger::published(clock(), &published.manifest);
        made.pages = entry.pages;
        entry.claims_replaced = made.claims_replaced;
        Some(entry).filter(|_| !published.unchanged)
    }
}

fn quiet(item: &Item) -> Entry {
    let reason = Some("no shock on this session".to_owned());
    Entry { reason, ..Entry::new(clock(), Event::Quiet, &item.slug, &item.period.to_string()) }
}

fn failed(made: &mut Made, item: &Item, error: &Error) -> Entry {
    made.outcome = "failed";
    made.exit_code = exit_code(error);
    made.error = Some(format!("{error:#}"));
    made.hint = next_step(error);
    Entry {
        reason: made.error.clone(),
        exit_code: Some(made.exit_code),
        ..Entry::new(clock(), Event::Failed, &item.slug, &item.period.to_string())
    }
}

impl Bench<'_> {
    /// Makes one item after the other until none is left or the run is to end.
    fn work(
        &self,
        items: &[Item],
        next: &AtomicUsize,
        outcomes: &Sender<(usize, Outcome)>,
        signals: &Signals,
        progress: &Progress,
    ) {
        while signals.seen().is_none() {
            let at = next.fetch_add(1, Ordering::SeqCst);
            let Some(item) = items.get(at) else { break };
            log(self.args, "start", item, &item.why);
            progress.begin(format!("{} {}", item.slug, item.period));
            let started = stopwatch();
            let outcome = crate::safely(|| self.one(item));
            // What a signal cut off did not fail: the next run makes it.
            if outcome.is_err() && signals.seen().is_some() {
                break;
            }
            if outcomes.send((at, (outcome, started.elapsed().as_secs_f64()))).is_err() {
                break;
            }
        }
    }

    /// The configuration, read again where it was edited since: later briefs are made from the new state alone.
    fn current(&self) -> Result<Arc<Project>> {
        let mut project = self.project.lock().unwrap_or_else(PoisonError::into_inner);
        if project.outdated()? {
            *project = Arc::new(Project::load(&self.args.config)?);
        }
        Ok(project.clone())
    }

    fn project(&self) -> Arc<Project> {
        self.project.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn one(&self, item: &Item) -> Result<Option<Published>> {
        if let Some(refusal) = self.stale.as_ref().filter(|_| item.fetch) {
            return Err(refusal.clone().into());
        }
        let project = self.current()?;
        let inputs = Inputs {
            data: self.args.data.clone(),
            config: self.args.config.clone(),
            as_of: None,
            period: (!item.pinned).then_some(item.period),
            lang: Vec::new(),
            holding: Holding {
                store: if item.fetch { Some(store(self.args).to_owned()) } else { self.args.store.clone() },
                known_by: Some(self.known_by),
            },
        };
        if item.on_shock && !shock_on(&project, &item.folder, &inputs, item.period.first_date())? {
            return Ok(None);
        }
        let making = Making {
            place: &item.folder,
            inputs: &inputs,
            limit: Duration::from_secs(self.args.time_limit),
            keep_source: false,
            draw: None,
            revise: self.args.revise || self.args.force,
        };
        let mut analysed = Analysed::new(&project, &item.folder, &inputs)?;
        if let Some(benchmark) = analysed.benchmark() {
            crate::late::check(&analysed.data, benchmark, analysed.issue.as_of)?;
        }
        render::make(&project, &self.typst, self.output, &mut analysed, &making).map(Some)
    }
}

/// The store that reports with `fetch: before` fill and read.
fn store(args: &Run) -> &Path {
    args.store.as_deref().unwrap_or_else(|| Path::new(".store"))
}

/// A line on standard error: JSON for machines; for people only what is not printed anyway.
fn log(args: &Run, event: &str, item: &Item, text: &str) {
    if args.log == LogFormat::Json {
        let line = serde_json::json!({
            "at": clock(), "event": event, "report": item.slug, "period": item.period.to_string(), "text": text,
        });
        crate::tell(line);
    } else if !args.quiet && event != "failed" && event != "published" {
        let text = if text.is_empty() { String::new() } else { format!(", {text}") };
        crate::tell(format!("{} {}: {event}{text}", item.slug, item.period));
    }
}
