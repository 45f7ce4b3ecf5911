//! `fetch`: brings what is new from providers, says what is held, writes what was known at a date.

use crate::{args::Fetch as Args, complain, say};
use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use shockbrief_core::{
    Refusal, Symbol,
    config::{DataKind, Fetch, Instrument, Report, Universe},
    fs::write_atomic,
};
use shockbrief_data::Calendars;
use shockbrief_fetch::{
    Clock, Desk, Entry, Freshness, Http, Lag, Ledger, Outcome, PROVIDERS, Raw, Wanted, judge,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

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
    let fetching = Fetching::load(args)?;
    if args.status {
        return fetching.status();
    }
    if let Some(folder) = &args.export {
        let files = fetching.export(folder, args.as_of.unwrap_or_else(|| fetching.today()))?;
        files.iter().for_each(|path| say(path.display()));
        return Ok(());
    }
    let outcomes = fetching.fetch(args.from, args.to)?;
    outcomes.iter().for_each(tell);
    tell_left_alone(&outcomes);
    fetching.fresh(&outcomes)
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
    /// The data folder that briefs read; what was known at `as_of` is written there.
    pub data: &'a Path,
    /// The as-of date of the briefs.
    pub as_of: Date,
}

/// Brings what the reports need into the store, applies the freshness rule, and writes what was known into the data
/// folder. Gives sentences to say when the briefs may be made although a provider is down.
///
/// # Errors
/// When data are older than `freshness: refuse_sessions` allows, or the store cannot be used.
pub fn before(before: &Before<'_>) -> Result<Vec<String>> {
    let clock = SystemClock::default();
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
    // All names of the store, not those of these reports alone: other briefs read the same folder.
    let whole = Fetching::open(before.config, before.store, &[], &[], clock)?;
    whole.export(before.data, before.as_of)?;
    Ok(told)
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
    store: PathBuf,
    ledger: Ledger,
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
            store: store.to_owned(),
            ledger: Ledger::new(&store.join("rows")),
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
        let pace = self.store.join("pace");
        let http = Http::new(&self.config.http, self.config.contact.as_deref(), &pace, Arc::new(self.clock))?;
        let raw = Raw::new(&self.store.join("raw"));
        let desk = Desk { config: &self.config, http: &http, raw: &raw, parquet: &parquet };
        desk.fetch(&self.wanted(from, to)?, &mut self.ledger.clone())
    }

    /// The provider whose prices of a symbol reach furthest; the preferred one where several do.
    fn best(&self, symbol: &Symbol) -> Result<Option<shockbrief_fetch::Held>> {
        let mut best: Option<shockbrief_fetch::Held> = None;
        for spec in self.config.chain(DataKind::Prices) {
            let held = self.ledger.held(&spec.id, DataKind::Prices, symbol.as_str())?;
            if let Some(held) = held.filter(|held| best.as_ref().is_none_or(|best| best.last < held.last)) {
                best = Some(held);
            }
        }
        Ok(best)
    }

    fn lag(&self, instrument: &Instrument) -> Result<Lag> {
        let last = self.best(&instrument.symbol)?.map(|held| held.last);
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
        self.instruments.iter().filter(served).map(|instrument| self.lag(instrument)).collect()
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
        say("symbol           last        behind  provider        revisions");
        for instrument in &self.instruments {
            let symbol = &instrument.symbol;
            match self.best(symbol)? {
                Some(held) => {
                    let behind = self.lag(instrument)?.sessions;
                    let (last, provider, revisions) = (held.last, held.provider, held.revisions);
                    say(format_args!(
                        "{:16} {last}  {behind:6}  {provider:15} {revisions:9}",
                        symbol.as_str()
                    ));
                }
                None => say(format_args!("{:16} -", symbol.as_str())),
            }
        }
        for (data, name) in &self.series {
            for spec in self.config.chain(*data) {
                if let Some(held) = self.ledger.held(&spec.id, *data, name)? {
                    let days = self.today().since(held.last).map_or(0, |span| span.get_days());
                    let (last, revisions) = (held.last, held.revisions);
                    say(format_args!("{name:16} {last}  {days:4} d  {:15} {revisions:9}", spec.id));
                }
            }
        }
        Ok(())
    }

    /// Writes prices as they were known at the end of a day, as the source `fetched-prices` declares them.
    fn export(&self, folder: &Path, as_of: Date) -> Result<Vec<PathBuf>> {
        let end = TimeZone::UTC.to_timestamp(as_of.at(23, 59, 59, 999_999_999))?;
        let mut text = String::from("date,symbol,currency,adj_close,close_as_traded,volume\n");
        for instrument in &self.instruments {
            let symbol = instrument.symbol.as_str();
            let mut known: Option<BTreeMap<_, BTreeMap<String, (f64, String)>>> = None;
            for spec in self.config.chain(DataKind::Prices) {
                let values = self.ledger.as_of(&spec.id, DataKind::Prices, symbol, end)?;
                let last =
                    |values: &BTreeMap<(String, Date), _>| values.keys().next_back().map(|(_, date)| *date);
                if known.as_ref().is_none_or(|best| last(best) < last(&values)) {
                    known = Some(values);
                }
            }
            for ((_, date), fields) in known.into_iter().flatten() {
                let Some((adjusted, currency)) = fields.get("adj_close") else { continue };
                let cell =
                    |field: &str| fields.get(field).map_or(String::new(), |(value, _)| value.to_string());
                let (quote, volume) = (cell("close_as_traded"), cell("volume"));
                text.push_str(&format!("{date},{symbol},{currency},{adjusted},{quote},{volume}\n"));
            }
        }
        let files = [
            put(folder, "fetched_prices.csv", &text)?,
            put(folder, "fetched_shares.csv", &self.shares(end)?)?,
            put(folder, "fetched_values.csv", &self.values(end)?)?,
        ];
        Ok(files.into_iter().flatten().collect())
    }

    /// Share counts from filings, as the source `fetched-shares` declares them.
    fn shares(&self, end: Timestamp) -> Result<String> {
        let mut text = String::from("as_of,ticker,shares_outstanding,filed\n");
        self.each_entry(DataKind::Filings, end, |_, entry| {
            if entry.field == "shares" {
                let filed = entry.known.to_zoned_datetime(TimeZone::UTC).date();
                text.push_str(&format!("{},{},{},{filed}\n", entry.date, entry.symbol, entry.value));
            }
        })?;
        Ok(text)
    }

    /// Every value of every series beside prices with the day since when it is known: a source of kind `records`
    /// with `known: known` reads it.
    fn values(&self, end: Timestamp) -> Result<String> {
        let mut text = String::from("date,known,provider,symbol,field,value,unit\n");
        let kinds: BTreeSet<DataKind> = self.series.iter().map(|(data, _)| *data).collect();
        for data in kinds {
            self.each_entry(data, end, |provider, entry| {
                let known = entry.known.to_zoned_datetime(TimeZone::UTC).date();
                let Entry { date, symbol, field, value, unit, .. } = entry;
                let symbol = quoted(symbol);
                text.push_str(&format!("{date},{known},{provider},{symbol},{field},{value},{unit}\n"));
            })?;
        }
        Ok(text)
    }

    /// Calls with every value of a kind of data that was known at a time, by series and provider.
    fn each_entry(&self, data: DataKind, end: Timestamp, mut call: impl FnMut(&str, &Entry)) -> Result<()> {
        for (_, name) in self.series.iter().filter(|(own, _)| *own == data) {
            for spec in self.config.chain(data) {
                let entries = self.ledger.read(&spec.id, data, name)?;
                entries.iter().filter(|entry| entry.known <= end).for_each(|entry| call(&spec.id, entry));
            }
        }
        Ok(())
    }
}

/// A Parquet file as the text of a table.
fn parquet(bytes: &[u8]) -> Result<Vec<u8>, String> {
    shockbrief_data::table::parquet_as_csv(bytes).map_err(|error| format!("{error:#}"))
}

/// Writes a file of more than a header; takes an earlier one away where there are no rows.
fn put(folder: &Path, name: &str, text: &str) -> Result<Option<PathBuf>> {
    let path = folder.join(name);
    if text.lines().nth(1).is_some() {
        write_atomic(&path, text.as_bytes())?;
        return Ok(Some(path));
    }
    if path.is_file() {
        fs_err::remove_file(&path)?;
    }
    Ok(None)
}

/// A CSV cell; names of models may hold commas and quotes.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
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
