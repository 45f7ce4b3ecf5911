//! What is wanted, from whom, in which order; what came; and where it goes.
//!
//! For each subject the providers of its kind are asked in order until one answers. A provider in trouble that
//! the next symbol would meet too is left alone for the rest of the run. A split or dividend in new rows makes
//! the whole history be asked again, since it changes every adjusted price before it.

use crate::failure::LEFT_ALONE;
use crate::{
    Ask, Batch, Failure, Fetched, Http, Question, Raw, Row, Trouble, Validators,
    provider::{self, Call, Provider},
    text,
};
use anyhow::Result;
use jiff::{Span, Timestamp, civil::Date};
use shockbrief_core::{
    Hidden, Mic, Refusal, Secret,
    config::{DataKind, Fetch, KeySource, ProviderSpec, TableFormat},
    fs::sha256,
};
use std::{collections::BTreeMap, sync::Arc};

/// One subject to bring up to date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What kind of data.
    pub data: DataKind,
    /// Our symbol or series name.
    pub subject: String,
    /// The exchange of a symbol.
    pub exchange: Option<Mic>,
    /// The currency of a symbol; empty for series.
    pub currency: String,
    /// First date; none to go on where the store ends.
    pub from: Option<Date>,
    /// Last date.
    pub to: Date,
    /// Last date whose session is over.
    pub complete: Date,
}

/// Where rows come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// Id of the provider.
    pub provider: String,
    /// Its licence.
    pub licence: String,
    /// Whether briefs with these data may leave the house.
    pub redistribute: bool,
    /// SHA-256 of the raw answers.
    pub raw: Vec<String>,
    /// When they came.
    pub fetched: Timestamp,
}

/// What a store did with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Appended {
    /// Values for dates that had none.
    pub new: usize,
    /// Values that differ from what was known.
    pub revised: usize,
    /// Values that were known already.
    pub same: usize,
}

/// Values by field and date.
pub type Known = BTreeMap<(String, Date), f64>;

/// A store of rows.
pub trait Sink {
    /// Values that the store holds of a subject from a provider, as last known, by field and date.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn known(&self, provider: &str, data: DataKind, subject: &str) -> Result<Known>;

    /// Adds what is new of a subject.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn append(
        &mut self,
        subject: &str,
        batch: &Batch,
        data: DataKind,
        provenance: &Provenance,
    ) -> Result<Appended>;
}

/// What became of a subject.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The subject.
    pub wanted: Wanted,
    /// Who answered; none where nobody did.
    pub provider: Option<String>,
    /// What the store took.
    pub appended: Appended,
    /// Last date of the rows that came.
    pub last: Option<Date>,
    /// What the reader should know.
    pub notes: Vec<String>,
    /// Why providers before the one that answered did not, or why nobody did.
    pub failures: Vec<Failure>,
}

/// Turns a file into the text of a table, or says what is wrong with it.
pub type Unpack = dyn Fn(&[u8]) -> Result<Vec<u8>, String>;

/// Everything that a fetch needs.
pub struct Desk<'a> {
    /// Declared providers.
    pub config: &'a Fetch,
    /// The network.
    pub http: &'a Http,
    /// Raw answers.
    pub raw: &'a Raw,
    /// Turns a Parquet file into CSV text with commas; the error says what is wrong with the file.
    pub parquet: &'a Unpack,
}

/// Calls of one question; more is no series but a mistake.
const MOST_CALLS: usize = 400;

/// Subjects in a row with a failing server after which it counts as down.
const STRIKES: usize = 2;

/// A body and its digest.
type Answer = (Vec<u8>, String);

/// A key, and what hides it in messages.
type Held = Arc<(Secret, Hidden)>;

/// Where no key is, nothing is hidden.
static OPEN: Hidden = Hidden::nothing();

/// Keys and troubles of one run.
#[derive(Default)]
struct Memory {
    keys: BTreeMap<String, Held>,
    down: BTreeMap<String, Failure>,
    /// Subjects in a row that met a failing server.
    strikes: BTreeMap<String, usize>,
}

impl Desk<'_> {
    /// Brings all subjects up to date, each from the first provider that answers.
    ///
    /// # Errors
    /// When the store or the raw answers cannot be read or written; a provider in trouble is no error but part
    /// of an [`Outcome`].
    pub fn fetch(&self, wanted: &[Wanted], sink: &mut dyn Sink) -> Result<Vec<Outcome>> {
        let mut memory = Memory::default();
        wanted.iter().map(|wanted| self.one(wanted, sink, &mut memory)).collect()
    }

    fn one(&self, wanted: &Wanted, sink: &mut dyn Sink, memory: &mut Memory) -> Result<Outcome> {
        let mut outcome = Outcome {
            wanted: wanted.clone(),
            provider: None,
            appended: Appended::default(),
            last: None,
            notes: Vec::new(),
            failures: Vec::new(),
        };
        for spec in self.config.chain(wanted.data) {
            let Some(code) = spec.code(&wanted.subject, wanted.exchange.as_ref()) else { continue };
            if let Some(failure) = memory.down.get(&spec.id) {
                let subject = wanted.subject.clone();
                let seen = format!("{LEFT_ALONE}{}: {}", failure.subject, failure.seen);
                outcome.failures.push(Failure { subject, seen, ..failure.clone() });
                continue;
            }
            match self.from(spec, &code, wanted, sink, memory, &mut outcome)? {
                Ok(()) => {
                    memory.strikes.remove(&spec.id);
                    return Ok(outcome);
                }
                Err(failure) => {
                    let failing =
                        matches!(failure.trouble, Trouble::Server | Trouble::Timeout | Trouble::Truncated);
                    let strikes = memory.strikes.entry(spec.id.clone()).or_default();
                    *strikes = if failing { *strikes + 1 } else { 0 };
                    if failure.trouble.concerns_provider() || *strikes >= STRIKES {
                        memory.down.insert(spec.id.clone(), failure.clone());
                    }
                    outcome.failures.push(failure);
                }
            }
        }
        if outcome.failures.is_empty() {
            outcome.failures.push(nobody(wanted));
        }
        Ok(outcome)
    }

    fn from(
        &self,
        spec: &ProviderSpec,
        code: &str,
        wanted: &Wanted,
        sink: &mut dyn Sink,
        memory: &mut Memory,
        outcome: &mut Outcome,
    ) -> Result<Result<(), Failure>> {
        let known = sink.known(&spec.id, wanted.data, &wanted.subject)?;
        let held = known.keys().map(|(_, date)| *date).max();
        let start = self.config.history_from;
        let overlap = Span::new().days(i64::from(self.config.overlap_days));
        let since = held.map_or(start, |held| held.saturating_sub(overlap).max(start));
        // Filings are restated years later: they are always asked whole.
        let since = if wanted.data == DataKind::Filings { start } else { since };
        let mut ask = Ask {
            spec,
            subject: &wanted.subject,
            code,
            currency: &wanted.currency,
            from: wanted.from.unwrap_or(since),
            to: wanted.to,
            complete: wanted.complete,
            now: self.http.clock().now(),
            hidden: &OPEN,
        };
        let (mut batch, mut answers) = match self.question(&ask, memory)? {
            Ok(answer) => answer,
            Err(failure) => return Ok(Err(failure)),
        };
        if let (Some(held), Some(event)) = (held, rebased(&batch, &known))
            && wanted.from.is_none()
            && ask.from > start
        {
            ask.from = start;
            let note = format!(
                "{event}: every adjusted price before it changes, so the history from {start} (held to {held}) was asked again"
            );
            match self.question(&ask, memory)? {
                Ok(whole) => (batch, answers) = whole,
                // Old adjusted prices beside new ones would make a return that never was.
                Err(failure) => return Ok(Err(failure)),
            }
            batch.notes.push(note);
        }
        let question = Question {
            time: ask.now,
            data: wanted.data.name().to_owned(),
            subject: wanted.subject.clone(),
            code: code.to_owned(),
            currency: wanted.currency.clone(),
            from: ask.from,
            to: ask.to,
            complete: ask.complete,
            answers: answers.clone(),
        };
        self.raw.note(&spec.id, &question)?;
        let provenance = provenance(spec, answers, ask.now);
        outcome.appended = sink.append(&wanted.subject, &batch, wanted.data, &provenance)?;
        outcome.last = batch.rows.iter().map(|row| row.date).max();
        outcome.notes = batch.notes;
        outcome.provider = Some(spec.id.clone());
        Ok(Ok(()))
    }

    /// Reads kept answers again into a sink, in the order in which they came, and asks nobody. Gives how many questions
    /// were read, and why others could not be.
    ///
    /// # Errors
    /// When the logs of raw answers cannot be read or the sink not be written.
    pub fn replay(&self, sink: &mut dyn Sink) -> Result<(usize, Vec<Failure>)> {
        let mut noted: Vec<(&ProviderSpec, Question)> = Vec::new();
        for spec in &self.config.providers {
            noted.extend(self.raw.questions(&spec.id)?.into_iter().map(|question| (spec, question)));
        }
        noted.sort_by_key(|(_, question)| question.time);
        let (mut read, mut failures) = (0, Vec::new());
        for (spec, question) in noted {
            match self.again(spec, &question) {
                Ok(batch) => {
                    let provenance = provenance(spec, question.answers, question.time);
                    sink.append(&question.subject, &batch, spec.data, &provenance)?;
                    read += 1;
                }
                Err(failure) => failures.push(failure),
            }
        }
        Ok((read, failures))
    }

    fn again(&self, spec: &ProviderSpec, question: &Question) -> Result<Batch, Failure> {
        let ask = Ask {
            spec,
            subject: &question.subject,
            code: &question.code,
            currency: &question.currency,
            from: question.from,
            to: question.to,
            complete: question.complete,
            now: question.time,
            hidden: &OPEN,
        };
        let body = |digest: &String| {
            self.raw.body(&spec.id, digest).map_err(|error| {
                let next = "restore the folder of raw answers from a backup, or fetch these dates again";
                ask.fail(Trouble::Truncated, format!("an answer of {}: {error:#}", question.time), next)
            })
        };
        if question.data != spec.data.name() {
            let seen = format!("answers of {} where it gives {} now", question.data, spec.data.name());
            return Err(ask.fail(
                Trouble::Config,
                seen,
                "declare the provider as it was, under an id of its own",
            ));
        }
        let bodies = question.answers.iter().map(body).collect::<Result<Vec<_>, _>>()?;
        self.parsed(&ask, provider::of(&ask)?, &bodies)
    }

    /// Asks one question: all its calls and pages, then the parser. Gives the rows and the raw answers' digests.
    fn question(&self, ask: &Ask<'_>, memory: &mut Memory) -> Result<Result<(Batch, Vec<String>), Failure>> {
        let provider = match provider::of(ask)
            .and_then(|provider| self.ready(ask, provider, memory).map(|()| provider))
        {
            Ok(provider) => provider,
            Err(failure) => return Ok(Err(failure)),
        };
        let held = memory.keys.get(&ask.spec.id).cloned();
        let (key, hidden) = held.as_deref().map_or((None, &OPEN), |(key, hidden)| (Some(key), hidden));
        let ask = &Ask { hidden, ..*ask };
        let (mut bodies, mut digests) = (Vec::new(), Vec::new());
        let mut calls: Vec<Call> = provider.calls(ask);
        calls.reverse();
        while let Some(call) = calls.pop() {
            match self.call(ask, &call, key)? {
                Ok(Some((body, digest))) => {
                    bodies.push(body);
                    digests.push(digest);
                    calls.extend(provider.more(ask, &call, &bodies));
                }
                Ok(None) => {}
                Err(failure) => match provider.instead(ask, &call, &failure) {
                    Some(others) if digests.len() + calls.len() + others.len() < MOST_CALLS => {
                        calls.extend(others.into_iter().rev());
                    }
                    _ => return Ok(Err(failure)),
                },
            }
        }
        Ok(self.parsed(ask, provider, &bodies).map(|batch| (batch, digests)))
    }

    /// Reads the answers of one question, kept ones as well as new ones.
    fn parsed(&self, ask: &Ask<'_>, provider: &dyn Provider, bodies: &[Vec<u8>]) -> Result<Batch, Failure> {
        let slices: Vec<&[u8]> = bodies.iter().map(Vec::as_slice).collect();
        if slices.is_empty() {
            return Err(ask.empty());
        }
        let texts;
        let slices = if is_parquet(ask) {
            let unpacked = slices.iter().map(|bytes| self.unpacked(ask, bytes));
            texts = unpacked.collect::<Result<Vec<_>, _>>()?;
            texts.iter().map(Vec::as_slice).collect()
        } else {
            slices
        };
        let hidden = |text: &String| ask.hidden.strip(text);
        match provider.parse(ask, &slices) {
            // Names of units and columns are the provider's words too.
            Ok(batch) => Ok(Batch { notes: batch.notes.iter().map(hidden).collect(), ..batch }),
            Err(failure) => Err(Failure { seen: hidden(&failure.seen), ..failure }),
        }
    }

    fn unpacked(&self, ask: &Ask<'_>, bytes: &[u8]) -> Result<Vec<u8>, Failure> {
        text::refuse_page(ask, bytes)?;
        if !bytes.starts_with(b"PAR1") {
            return Err(ask.changed(format!("no Parquet file: “{}”", ask.glimpse(bytes))));
        }
        if !bytes.ends_with(b"PAR1") {
            let seen = format!("the Parquet file stops after {} bytes", bytes.len());
            return Err(ask.fail(Trouble::Truncated, seen, "try again"));
        }
        (self.parquet)(bytes)
            .map_err(|error| ask.changed(format!("the Parquet file cannot be read: {error}")))
    }

    /// Reads the key, and refuses to ask where the provider would refuse.
    fn ready(&self, ask: &Ask<'_>, provider: &dyn Provider, memory: &mut Memory) -> Result<(), Failure> {
        let config = |seen: String, next: &str, trouble| Err(ask.fail(trouble, seen, next));
        if provider.wants_contact() && self.config.contact.as_deref().unwrap_or_default().trim().is_empty() {
            return config(
                "not asked: it answers 403 to a user agent without a contact".to_owned(),
                "set `contact:` in config/fetch.yaml to a mail address that somebody reads",
                Trouble::Contact,
            );
        }
        match &ask.spec.key {
            None if provider.wants_key() => config(
                "no key is declared".to_owned(),
                "add `key: {env: NAME}` or `key: {file: PATH}` to its declaration",
                Trouble::Key,
            ),
            None => Ok(()),
            Some(place) if !memory.keys.contains_key(&ask.spec.id) => match read_key(&ask.spec.id, place) {
                Ok(key) => {
                    let hidden = Hidden::default().key(key.expose());
                    memory.keys.insert(ask.spec.id.clone(), Arc::new((key, hidden)));
                    Ok(())
                }
                Err(refusal) => {
                    Err(ask.fail(Trouble::Key, refusal.message, refusal.hint.unwrap_or_default()))
                }
            },
            Some(_) => Ok(()),
        }
    }

    /// One answer, kept; an unchanged one from what was kept.
    fn call(
        &self,
        ask: &Ask<'_>,
        call: &Call,
        key: Option<&Secret>,
    ) -> Result<Result<Option<Answer>, Failure>> {
        let id = &ask.spec.id;
        let url = match self.http.address(ask, call) {
            Ok(url) => url,
            Err(failure) => return Ok(Err(failure)),
        };
        // An answer whose body is lost or damaged is asked again as a whole.
        let earlier =
            self.raw.last(id, &url)?.and_then(|kept| Some((self.raw.body(id, &kept.sha256).ok()?, kept)));
        let validators =
            earlier.as_ref().map_or_else(Validators::default, |(_, kept)| kept.validators.clone());
        let fetched: Fetched = match self.http.get(ask, call, key, &validators) {
            Ok(fetched) => fetched,
            Err(failure) => return Ok(Err(failure)),
        };
        if fetched.lacking {
            return Ok(Ok(None));
        }
        Ok(match (fetched.unchanged, earlier) {
            (true, Some((body, kept))) => Ok(Some((body, kept.sha256))),
            (true, None) => Err(ask.changed("status 304 to a question without conditions")),
            // An answer that repeats the key is read and not kept: it cannot be read again without asking.
            (false, _) if ask.hidden.is_in(&fetched.body) => {
                let digest = sha256(&fetched.body);
                Ok(Some((fetched.body, digest)))
            }
            (false, _) => {
                let kept = self.raw.keep(id, &fetched, ask.now)?;
                Ok(Some((fetched.body, kept.sha256)))
            }
        })
    }
}

fn provenance(spec: &ProviderSpec, raw: Vec<String>, fetched: Timestamp) -> Provenance {
    let (provider, licence) = (spec.id.clone(), spec.licence.clone());
    Provenance { provider, licence, redistribute: spec.redistribute, raw, fetched }
}

fn read_key(provider: &str, place: &KeySource) -> Result<Secret, Refusal> {
    Secret::read(&format!("provider `{provider}`"), place).map_err(|refusal| {
        match refusal.message.ends_with("no key") {
            true => {
                refusal.hint("put the provider's key there, or disable the provider in config/fetch.yaml")
            }
            false => refusal,
        }
    })
}

fn is_parquet(ask: &Ask<'_>) -> bool {
    ask.spec.mapping.as_ref().is_some_and(|mapping| mapping.format == TableFormat::Parquet)
}

fn nobody(wanted: &Wanted) -> Failure {
    let data = wanted.data.name();
    Failure {
        provider: "no provider".to_owned(),
        subject: wanted.subject.clone(),
        trouble: Trouble::Config,
        seen: format!("none in the order of {data} serves it"),
        next: "give it a code at a provider of that order in config/fetch.yaml".to_owned(),
    }
}

/// What shows that adjusted prices before the batch are on another base now: a split or dividend that the store
/// does not hold, however late it is told, or another adjusted price at the beginning of the overlap.
fn rebased(batch: &Batch, known: &Known) -> Option<String> {
    let held = |row: &Row| known.get(&(row.field.clone(), row.date)).copied();
    let event =
        |row: &&Row| ["split", "dividend"].contains(&row.field.as_str()) && held(row) != Some(row.value);
    if let Some(row) = batch.rows.iter().find(event) {
        return Some(format!("{} of {} on {}", row.field, row.value, row.date));
    }
    let first = batch.rows.iter().find(|row| row.field == "adj_close")?;
    let before = held(first)?;
    let moved = (first.value / before - 1.0).abs() > 1e-6;
    moved.then(|| format!("adjusted price of {} was {before} and is {}", first.date, first.value))
}
