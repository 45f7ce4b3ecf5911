//! `fetch`: brings what is new from providers into the store, says what is held, writes what was known at a date.

mod export;
mod holdings;
mod sink;

use crate::{args::Fetch as Args, complain, say};
use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use shockbrief_core::{
    Class, Refusal, Symbol,
    config::{DataKind, Fetch, Instrument, Report, Universe},
};
use shockbrief_data::{Calendars, store::Store};
use shockbrief_fetch::{Clock, Desk, Freshness, Http, Lag, Outcome, PROVIDERS, Raw, Trouble, Wanted, judge};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use export::export;
use holdings::{Held, Holdings};
use sink::StoreSink;

/// The machine's clock, or one that started at another time.
#[derive(Debug, Clone, Copy, Default)]
struct SystemClock {
    ahead: SignedDuration,
}

impl SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the command line is where the clock is read")]
    fn starting(at: Option<Timestamp>) -> Self {
        Self { ahead: at.map_or(SignedDuration::ZERO, |at| at.duration_since(Timestamp::now())) }
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the command line is where the clock is read")]
    fn now(&self) -> Timestamp {
        Timestamp::now() + self.ahead
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

/// Days before the last one over in which a session is looked for.
const LOOK_BACK: i64 = 15;

/// Fetches, or prints the status, the providers or what was known.
pub fn run(args: &Args) -> Result<()> {
    if args.providers {
        return providers();
    }
    if args.verify_store {
        let (segments, rows) = values(&args.store).verify()?;
        say(format_args!("{segments} segments, {rows} rows: as they were written"));
        return Ok(());
    }
    if args.repair_store {
        let did = values(&args.store).repair()?;
        did.iter().for_each(say);
        if did.is_empty() {
            say("nothing to repair: all is as it was written");
        }
        return Ok(());
    }
    if args.compact {
        return values(&args.store).writer()?.compact();
    }
    let fetching = Fetching::load(args)?;
    if args.rebuild_store {
        return fetching.rebuild();
    }
    if args.status {
        return fetching.status();
    }
    if let Some(folder) = &args.export {
        let as_of = args.as_of.unwrap_or_else(|| fetching.today());
        let files = export(&fetching.store, &fetching.subjects(), folder, as_of)?;
        files.iter().for_each(|path| say(path.display()));
        return Ok(());
    }
    let outcomes = fetching.fetch(args.from, args.to)?;
    outcomes.iter().for_each(tell);
    tell_left_alone(&outcomes);
    fetching.fresh(&outcomes)?;
    came(&outcomes)
}

/// Refuses to end well where nothing came, or where a series that no rule of freshness watches did not come. Of prices
/// some of which came the rule of freshness decides.
fn came(outcomes: &[Outcome]) -> Result<()> {
    // A symbol that no provider serves has its prices from files.
    let asked = outcomes
        .iter()
        .filter(|outcome| outcome.failures.iter().all(|failure| failure.provider != "no provider"));
    let missed: Vec<&Outcome> = asked.clone().filter(|outcome| outcome.provider.is_none()).collect();
    let (Some(first), none) = (missed.first(), missed.len() == asked.count()) else { return Ok(()) };
    if none {
        let refusal = first.failures.last().map(|failure| Refusal::from(failure.clone()));
        let class = refusal.map_or(Class::Data, |refusal| refusal.class);
        let names = listed(&missed);
        return Err(Refusal::new(class, format!("nothing came: {names}"))
            .hint("see the errors above")
            .into());
    }
    // That a series has nothing new between two dates is no fault.
    let fault =
        |outcome: &&&Outcome| outcome.failures.iter().any(|failure| failure.trouble != Trouble::Empty);
    let series: Vec<&Outcome> = missed
        .iter()
        .filter(|outcome| outcome.wanted.data != DataKind::Prices)
        .filter(fault)
        .copied()
        .collect();
    if series.is_empty() {
        return Ok(());
    }
    let what = format!("{} of {} series did not come: {}", series.len(), outcomes.len(), listed(&series));
    Err(Refusal::new(Class::Delivery, what)
        .hint("see the errors above; what came is kept, and fetching again asks for the rest")
        .into())
}

/// Names of subjects, of many the first ones.
fn listed(outcomes: &[&Outcome]) -> String {
    const MOST: usize = 8;
    let names: Vec<&str> =
        outcomes.iter().take(MOST).map(|outcome| outcome.wanted.subject.as_str()).collect();
    let more = outcomes.len().saturating_sub(MOST);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", names.join(", "))
}

/// The values below a store's folder, beside raw answers and the pace of providers.
fn values(folder: &Path) -> Store {
    Store::new(&folder.join("values"))
}

/// What a scheduled brief does first when its report says `fetch: before`.
#[derive(Debug, Clone, Copy)]
pub struct Before<'a> {
    /// The reports that are due.
    pub reports: &'a [PathBuf],
    /// Folder with universe, providers and calendars.
    pub config: &'a Path,
    /// The store.
    pub store: &'a Path,
    /// The time at which the run began, where it is not the clock's.
    pub now: Option<Timestamp>,
}

/// Brings what the reports need into the store and applies the freshness rule. Gives sentences to say when the briefs
/// may be made although a provider is down, and the time at whose knowledge the briefs are made.
///
/// # Errors
/// When data are older than `freshness: refuse_sessions` allows, or the store cannot be used.
pub fn before(before: &Before<'_>) -> Result<(Vec<String>, Timestamp)> {
    let clock = SystemClock::starting(before.now);
    let fetching = Fetching::open(before.config, before.store, before.reports, &[], clock)?;
    let outcomes = fetching.fetch(None, None)?;
    let failures =
        outcomes.iter().flat_map(|outcome| &outcome.failures).filter(|failure| !failure.left_alone());
    let mut told: Vec<String> = failures.map(ToString::to_string).collect();
    match judge(fetching.config.freshness, &fetching.lags(&outcomes)?) {
        Freshness::Proceed => {}
        Freshness::Annotate(sentences) => told.extend(sentences),
        Freshness::Refuse(refusal) => return Err(refusal.into()),
    }
    Ok((told, clock.now()))
}

fn providers() -> Result<()> {
    for provider in PROVIDERS {
        let data = provider.data().map_or("any", DataKind::name);
        let mut marks = Vec::new();
        marks.extend(provider.wants_key().then_some("needs a key"));
        marks.extend(provider.wants_contact().then_some("needs a contact"));
        marks.extend(provider.unofficial().then_some("unofficial: off unless accepted"));
        say(format_args!("{:14} {:8} {}", provider.name(), data, marks.join(", ")).to_string().trim_end());
    }
    Ok(())
}

fn tell(outcome: &Outcome) {
    let subject = &outcome.wanted.subject;
    for failure in outcome.failures.iter().filter(|failure| !failure.left_alone()) {
        complain(&Refusal::from(failure.clone()).into());
    }
    if let Some(provider) = &outcome.provider {
        let (new, revised) = (outcome.appended.new, outcome.appended.revised);
        let last = outcome.last.map_or(String::new(), |last| format!(", to {last}"));
        say(format_args!("{subject}: {provider}: {new} new values, {revised} revised{last}"));
        outcome.notes.iter().for_each(|note| say(format_args!("  {note}")));
    }
}

/// One line for all subjects that a provider in trouble was not asked about.
fn tell_left_alone(outcomes: &[Outcome]) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let failures = outcomes.iter().flat_map(|outcome| &outcome.failures);
    for failure in failures.filter(|failure| failure.left_alone()) {
        *counts.entry(&failure.provider).or_default() += 1;
    }
    for (provider, count) in counts {
        say(format_args!("{provider}: not asked about {count} more subjects after its errors"));
    }
}

/// Configuration, calendars and the store.
struct Fetching {
    config: Fetch,
    calendars: Calendars,
    instruments: Vec<Instrument>,
    /// Series beside prices.
    series: Vec<(DataKind, String)>,
    /// The folder of values, raw answers and pace.
    folder: PathBuf,
    store: Store,
    now: Timestamp,
    clock: SystemClock,
}

impl Fetching {
    fn load(args: &Args) -> Result<Self> {
        Self::open(&args.config, &args.store, &args.reports, &args.symbols, SystemClock::starting(args.now))
    }

    fn open(
        config: &Path,
        store: &Path,
        reports: &[PathBuf],
        symbols: &[String],
        clock: SystemClock,
    ) -> Result<Self> {
        let universe = Universe::load(&config.join("universe.yaml"))?;
        let mut fetching = Self {
            config: Fetch::load(&config.join("fetch.yaml"))?,
            calendars: Calendars::load(&config.join("calendars"))?,
            instruments: universe.instruments,
            series: Vec::new(),
            folder: store.to_owned(),
            store: values(store),
            now: clock.now(),
            clock,
        };
        let kinds = [DataKind::Filings, DataKind::Factors, DataKind::Fx, DataKind::Macro, DataKind::Records];
        for data in kinds {
            let codes = fetching.config.chain(data).flat_map(|spec| spec.codes.keys());
            let names: BTreeSet<String> = codes.map(|symbol| symbol.0.clone()).collect();
            fetching.series.extend(names.into_iter().map(|name| (data, name)));
        }
        if !symbols.is_empty() {
            fetching.only(symbols)?;
        } else if !reports.is_empty() {
            let mut wanted = BTreeSet::new();
            reports.iter().try_for_each(|folder| needed(folder, &mut wanted))?;
            fetching.instruments.retain(|instrument| wanted.contains(&instrument.symbol));
        }
        Ok(fetching)
    }

    fn only(&mut self, symbols: &[String]) -> Result<()> {
        let known = |name: &String| {
            self.instruments.iter().any(|own| own.symbol.as_str() == name)
                || self.series.iter().any(|(_, own)| own == name)
        };
        if let Some(unknown) = symbols.iter().find(|name| !known(name)) {
            return Err(Refusal::config(format!(
                "`{unknown}` is neither in universe.yaml nor a series of fetch.yaml"
            ))
            .hint("correct the symbol, or declare it in one of these files")
            .into());
        }
        self.instruments.retain(|own| symbols.iter().any(|name| own.symbol.as_str() == name));
        self.series.retain(|(_, own)| symbols.contains(own));
        Ok(())
    }

    fn today(&self) -> Date {
        self.now.to_zoned_datetime(TimeZone::UTC).date()
    }

    /// The last session that is over, by the exchange's calendar.
    fn complete(&self, instrument: &Instrument) -> Result<Date> {
        let from = self.today().saturating_sub(jiff::Span::new().days(LOOK_BACK));
        let sessions = self
            .calendars
            .sessions(&instrument.exchange, from, self.today())
            .with_context(|| format!("{}: which of its sessions are over?", instrument.symbol))?;
        let over = sessions.iter().rev().find(|session| session.close <= self.now);
        Ok(over.map_or(from, |session| session.date))
    }

    fn wanted(&self, from: Option<Date>, to: Option<Date>) -> Result<Vec<Wanted>> {
        let to = to.unwrap_or_else(|| self.today());
        let price = |instrument: &Instrument| {
            Ok(Wanted {
                data: DataKind::Prices,
                subject: instrument.symbol.0.clone(),
                exchange: Some(instrument.exchange.clone()),
                currency: instrument.currency.0.clone(),
                from,
                to,
                complete: self.complete(instrument)?,
            })
        };
        let series = self.series.iter().map(|(data, name)| Wanted {
            data: *data,
            subject: name.clone(),
            exchange: None,
            currency: String::new(),
            from,
            to,
            complete: to,
        });
        let prices = self.instruments.iter().map(price).collect::<Result<Vec<_>>>()?;
        Ok(prices.into_iter().chain(series).collect())
    }

    fn fetch(&self, from: Option<Date>, to: Option<Date>) -> Result<Vec<Outcome>> {
        let pace = self.folder.join("pace");
        let http = Http::new(&self.config.http, self.config.contact.as_deref(), &pace, Arc::new(self.clock))?;
        let raw = Raw::new(&self.folder.join("raw"));
        let desk = Desk { config: &self.config, http: &http, raw: &raw, parquet: &parquet };
        let mut sink = StoreSink::new(self.store.clone());
        let outcomes = desk.fetch(&self.wanted(from, to)?, &mut sink);
        // What came is kept, also where the rest could not be asked for.
        sink.finish()?;
        outcomes
    }

    /// Makes the values of the store again from the raw answers beside them.
    fn rebuild(&self) -> Result<()> {
        let folder = self.store.folder();
        let held = folder.is_dir()
            && fs_err::read_dir(folder)?
                .any(|entry| entry.is_ok_and(|entry| entry.file_name().to_string_lossy().contains('.')));
        if held {
            return Err(Refusal::config(format!("{} holds a store", folder.display()))
                .hint("move the folder away first: nothing of it is written over")
                .into());
        }
        let http = Http::new(&self.config.http, None, &self.folder.join("pace"), Arc::new(self.clock))?;
        let raw = Raw::new(&self.folder.join("raw"));
        let desk = Desk { config: &self.config, http: &http, raw: &raw, parquet: &parquet };
        let mut sink = StoreSink::new(self.store.clone());
        let replayed = desk.replay(&mut sink);
        sink.finish()?;
        let (read, failures) = replayed?;
        say(format_args!("{read} questions read again"));
        failures.iter().for_each(|failure| complain(&Refusal::from(failure.clone()).into()));
        let (segments, rows) = self.store.verify()?;
        say(format_args!("{segments} segments, {rows} rows"));
        if failures.is_empty() {
            return Ok(());
        }
        let what = format!("{} questions could not be read again", failures.len());
        Err(Refusal::data(what).hint("see the errors above; fetch their dates again").into())
    }

    fn lag(&self, instrument: &Instrument, held: Option<&Held>) -> Result<Lag> {
        let last = held.map(|held| held.last);
        let complete = self.complete(instrument)?;
        let sessions = match last {
            Some(last) if last < complete => {
                let next = last.saturating_add(jiff::Span::new().days(1));
                self.calendars.sessions(&instrument.exchange, next, complete)?.len()
            }
            _ => 0,
        };
        Ok(Lag { symbol: instrument.symbol.0.clone(), last, sessions })
    }

    fn lags(&self, outcomes: &[Outcome]) -> Result<Vec<Lag>> {
        // Where no provider is declared for a symbol, its prices come from files and are judged there.
        let served = |instrument: &&Instrument| {
            outcomes.iter().any(|outcome| {
                outcome.wanted.subject == instrument.symbol.as_str()
                    && outcome.failures.iter().all(|failure| failure.provider != "no provider")
            })
        };
        let holdings = Holdings::read(&self.store)?;
        let held = |instrument: &Instrument| holdings.prices.get(instrument.symbol.as_str());
        let served = self.instruments.iter().filter(served);
        served.map(|instrument| self.lag(instrument, held(instrument))).collect()
    }

    fn fresh(&self, outcomes: &[Outcome]) -> Result<()> {
        match judge(self.config.freshness, &self.lags(outcomes)?) {
            Freshness::Proceed => Ok(()),
            Freshness::Annotate(sentences) => {
                sentences.iter().for_each(say);
                Ok(())
            }
            Freshness::Refuse(refusal) => Err(refusal.into()),
        }
    }

    fn status(&self) -> Result<()> {
        let holdings = Holdings::read(&self.store)?;
        say("symbol           last        behind  provider        revisions");
        for instrument in &self.instruments {
            let symbol = instrument.symbol.as_str();
            let Some(held) = holdings.prices.get(symbol) else {
                say(format_args!("{symbol:16} -"));
                continue;
            };
            let behind = self.lag(instrument, Some(held))?.sessions;
            say(line(symbol, held, &format!("{behind:6}  ")));
        }
        for (data, name) in &self.series {
            for spec in self.config.chain(*data) {
                let key = (data.name().to_owned(), name.clone(), spec.id.clone());
                if let Some(held) = holdings.series.get(&key) {
                    let days = self.today().since(held.last).map_or(0, |span| span.get_days());
                    say(line(name, held, &format!("{days:4} d  ")));
                }
            }
        }
        Ok(())
    }

    /// What is asked for: symbols of prices, and series beside them.
    fn subjects(&self) -> BTreeSet<&str> {
        let symbols = self.instruments.iter().map(|instrument| instrument.symbol.as_str());
        symbols.chain(self.series.iter().map(|(_, name)| name.as_str())).collect()
    }
}

fn line(name: &str, held: &Held, behind: &str) -> String {
    let Held { provider, last, revisions } = held;
    format!("{name:16} {last}  {behind}{provider:15} {revisions:9}")
}

/// A Parquet file as the text of a table.
fn parquet(bytes: &[u8]) -> Result<Vec<u8>, String> {
    shockbrief_data::table::parquet_as_csv(bytes).map_err(|error| format!("{error:#}"))
}

/// Adds the symbols of a report.
fn needed(folder: &Path, wanted: &mut BTreeSet<Symbol>) -> Result<()> {
    let report = Report::load(folder)?;
    for study in report.study.iter() {
        let own = study.sample.iter().chain([&study.benchmark, &study.source]).chain(&study.abroad);
        wanted.extend(own.cloned());
    }
    for panel in report.panel.iter() {
        wanted.extend(panel.sample.iter().chain([&panel.benchmark]).chain(&panel.regions).cloned());
    }
    Ok(())
}
