//! What a run tells the outside: deliveries that are still to be made, and pings to a monitor.

use anyhow::Result;
use jiff::Timestamp;
use shockbrief_core::{
    Class, Manifest, Period, Refusal,
    config::{Delivery, DeliveryTarget, KeySource, Language, Part, Report},
};
use shockbrief_deliver::{Courier, Job, Letter, Package, Reply, Secrets, Undelivered, deliver};
use shockbrief_fetch::{Outbound, Secret};
use shockbrief_run::ledger::{Event, Ledger};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

/// Time for one post.
const LIMIT: Duration = Duration::from_secs(30);
/// Time for one ping: a monitor that is slow must not slow a run.
const PING: Duration = Duration::from_secs(5);
/// How much of a failed run's log a ping carries, in bytes.
const TAIL: usize = 10_000;

/// The network as a courier.
struct Network(Outbound);

impl Courier for Network {
    fn send(&self, letter: &Letter) -> Result<Reply, String> {
        let (status, retry_after) =
            self.0.post(&letter.url, &letter.headers, letter.bearer.as_deref(), letter.body.clone())?;
        Ok(Reply { status, retry_after })
    }

    fn pause(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

/// A delivery to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// The report's slug.
    pub report: String,
    /// The period's name.
    pub period: String,
    /// The revision.
    pub revision: u32,
    /// The target's name.
    pub target: String,
    /// The part that is sent apart: a mail for one reader.
    pub part: Option<Part>,
}

impl Pending {
    /// The name under which the ledger knows it.
    pub fn recorded(&self) -> String {
        recorded(&self.target, self.part.as_ref())
    }
}

fn recorded(target: &str, part: Option<&Part>) -> String {
    part.map_or_else(|| target.to_owned(), |part| format!("{target}:{part}"))
}

/// Report and period of briefs.
pub type Briefs = BTreeSet<(String, String)>;

/// What reports declare and the ledger does not know as delivered, oldest period first, each in its last revision: the
/// last published period, and whatever else is owed. Also gives the targets that nobody declared; `made` are the briefs
/// of this run.
pub fn pending(
    reports: &[Report],
    delivery: &Delivery,
    ledger: &Ledger,
    made: &Briefs,
) -> (Vec<Pending>, Vec<anyhow::Error>) {
    let (mut found, mut undeclared) = (Vec::new(), Vec::new());
    for report in reports.iter().filter(|report| !report.deliver.is_empty()) {
        let mut parts = Vec::new();
        for name in &report.deliver {
            let Some(target) = delivery.targets.get(name) else {
                let refusal = report.origin.refuse(name, format!("unknown delivery target `{name}`"));
                undeclared.push(refusal.hint("declare it under `targets:` in config/delivery.yaml").into());
                continue;
            };
            // A mail to readers of a language that the report does not have is for other reports.
            let spoken = |part: &Option<Part>| {
                part.as_ref().is_none_or(|part| report.languages.contains(&part.language))
            };
            parts.extend(target.parts().into_iter().filter(spoken).map(|part| (name, part)));
        }
        let mut unsent: Vec<(Period, Pending)> = Vec::new();
        for (target, part) in parts {
            let names = names(target, part.as_ref());
            for (period, revision) in owed(ledger, &report.slug, &names, made) {
                let (report, name) = (report.slug.clone(), period.to_string());
                let pending =
                    Pending { report, period: name, revision, target: target.clone(), part: part.clone() };
                unsent.push((period, pending));
            }
        }
        unsent.sort_by_key(|(period, _)| *period);
        found.extend(unsent.into_iter().map(|(_, pending)| pending));
    }
    (found, undeclared)
}

/// The names under which the ledger may know a delivery: an earlier version wrote to all readers of a language at once.
fn names(target: &str, part: Option<&Part>) -> Vec<String> {
    let language = part.map(|part| format!("{target}:{}", part.language));
    [recorded(target, part)].into_iter().chain(language).collect()
}

/// Periods that a target is owed, with their last revision: the last one; those of this run; those that it did not
/// take; and those published since it was first sent anything, of which a run may have died before sending. A target
/// added today is not sent the past.
fn owed(ledger: &Ledger, report: &str, names: &[String], made: &Briefs) -> BTreeMap<Period, u32> {
    let mut published: BTreeMap<Period, (u32, bool)> = BTreeMap::new();
    let (mut known, mut refused) = (false, BTreeSet::new());
    for entry in ledger.entries().iter().filter(|entry| entry.report == report) {
        let Ok(period) = entry.period.parse::<Period>() else { continue };
        let ours = entry.target.as_ref().is_some_and(|target| names.contains(target));
        match entry.event {
            Event::Published => {
                let revision = entry.revision.unwrap_or(1);
                let (last, since) = published.entry(period).or_default();
                *last = revision.max(*last);
                *since |= known;
            }
            Event::Delivered | Event::Undelivered if ours => {
                known = true;
                if entry.event == Event::Undelivered {
                    refused.insert(period);
                }
            }
            _ => {}
        }
    }
    let newest = published.last_key_value().map(|(period, _)| *period);
    let delivered = |period: &Period, revision| {
        names.iter().any(|name| ledger.delivered(report, &period.to_string(), revision, name))
    };
    let is_owed = |period: &Period, since: bool| {
        since
            || Some(*period) == newest
            || refused.contains(period)
            || made.contains(&(report.to_owned(), period.to_string()))
    };
    published
        .into_iter()
        .filter(|(period, (revision, since))| is_owed(period, *since) && !delivered(period, *revision))
        .map(|(period, (revision, _))| (period, revision))
        .collect()
}

/// Makes one delivery after the other.
pub struct Postman<'a> {
    /// The output folder.
    pub out: &'a Path,
    /// The folder of the configuration.
    pub config: &'a Path,
    /// Where things go.
    pub delivery: &'a Delivery,
    /// Targets at which nobody answered: the next reader would wait for the same.
    down: BTreeSet<String>,
}

impl<'a> Postman<'a> {
    /// One that has not met any target yet.
    pub fn new(out: &'a Path, config: &'a Path, delivery: &'a Delivery) -> Self {
        Self { out, config, delivery, down: BTreeSet::new() }
    }

    /// Makes one delivery.
    pub fn send(&mut self, pending: &Pending) -> Result<()> {
        let Some(target) = self.delivery.targets.get(&pending.target) else { return Ok(()) };
        let folder = self.out.join(&pending.report).join(&pending.period);
        shockbrief_core::names::refuse_links(self.out, &pending.report)?;
        let package = Package::read(&folder, &pending.report, &pending.period)?;
        licensed(&pending.target, target, package.manifest())?;
        if self.down.contains(&pending.target) {
            let what = format!(
                "delivery to `{}`: not tried again in this run, nobody answers there",
                pending.recorded()
            );
            return Err(Refusal::new(Class::Delivery, what)
                .hint("the brief is out; the next run tries again")
                .into());
        }
        let simulated = package.manifest().inputs.iter().any(|input| input.simulated);
        let language = pending.part.as_ref().filter(|_| simulated).map(|part| part.language.as_str());
        let language =
            language.map(|code| Language::load(&self.config.join("languages"), code)).transpose()?;
        let stamp = language.as_ref().and_then(|language| language.strings.get("stamp.simulated"));
        let job = Job {
            name: &pending.target,
            target,
            part: pending.part.as_ref(),
            secrets: &secrets(&pending.target, target)?,
            package: &package,
            stamp: stamp.map(String::as_str),
            retry: self.delivery.retry,
        };
        deliver(&job, &Network(Outbound::new(LIMIT, clock)?))?.map_err(
            |Undelivered { refusal, unreachable }| {
                if unreachable {
                    self.down.insert(pending.target.clone());
                }
                refusal.into()
            },
        )
    }
}

/// The machine's clock, by which a date in `Retry-After` is read.
#[expect(clippy::disallowed_methods, reason = "another side names a time on the wall")]
fn clock() -> Timestamp {
    Timestamp::now()
}

/// Refuses to send data out of the house whose licence does not let them go.
fn licensed(name: &str, target: &DeliveryTarget, manifest: &Manifest) -> Result<(), Refusal> {
    let kept: BTreeSet<&str> = manifest
        .inputs
        .iter()
        .filter(|input| !input.redistribute)
        .map(|input| input.source.as_str())
        .collect();
    if kept.is_empty() || !target.is_outside() {
        return Ok(());
    }
    let kept = kept.into_iter().collect::<Vec<_>>().join(", ");
    Err(Refusal::config(format!(
        "delivery to `{name}` of {} {}: not sent out of the house, which the licence of these sources forbids: {kept}",
        manifest.report, manifest.period
    ))
    .hint(
        "where a licence allows it write `redistribute: true` at the source in config/sources.yaml and publish again; \
         where all readers belong to the house write `internal: true` at the target in config/delivery.yaml; \
         else take the target out of the report's `deliver:`",
    ))
}

/// What the target wants to know of the sender.
fn secrets(name: &str, target: &DeliveryTarget) -> Result<Secrets, Refusal> {
    let (user, place) = match target {
        DeliveryTarget::Folder { .. } => (None, None),
        DeliveryTarget::Webhook { token, .. } => (None, token.as_ref()),
        DeliveryTarget::Bucket { key_id, key, .. } => (Some(key_id), Some(key)),
        DeliveryTarget::Mail(mail) => (mail.user.as_ref(), mail.password.as_ref()),
    };
    let read = |place: Option<&KeySource>| -> Result<Option<String>, Refusal> {
        place.map(|place| Ok(secret(name, place)?.expose().to_owned())).transpose()
    };
    Ok(Secrets { user: read(user)?, secret: read(place)? })
}

fn secret(name: &str, place: &KeySource) -> Result<Secret, Refusal> {
    Secret::read(&format!("target `{name}`"), place).map_err(|refusal| {
        Refusal::config(refusal.message)
            .hint("put the secret there, or take the target out of config/delivery.yaml")
    })
}

/// A monitor that is told of starts and ends. It never fails a run.
#[derive(Default)]
pub struct Monitor {
    address: Option<(Secret, Outbound)>,
}

impl Monitor {
    /// The monitor that the configuration names, if any; one that cannot be used is only told of.
    pub fn open(delivery: &Delivery) -> Self {
        let opened = delivery
            .ping
            .as_ref()
            .map(|place| -> Result<_> { Ok((secret("ping", place)?, Outbound::new(PING, clock)?)) });
        let address = opened.and_then(|opened| match opened {
            Ok(address) => Some(address),
            Err(error) => {
                crate::tell(format!("warning: no pings: {error:#}"));
                None
            }
        });
        Self { address }
    }

    /// Tells that a run begins.
    pub fn start(&self) {
        self.ping("/start", "");
    }

    /// Tells how a run ended, with the tail of what it said.
    pub fn end(&self, exit_code: u8, log: &str) {
        let mut from = log.len().saturating_sub(TAIL);
        while !log.is_char_boundary(from) {
            from += 1;
        }
        self.ping(&format!("/{exit_code}"), log.get(from..).unwrap_or_default());
    }

    fn ping(&self, path: &str, body: &str) {
        let Some((address, outbound)) = &self.address else { return };
        let url = format!("{}{path}", address.expose().trim_end_matches('/'));
        match outbound.post(&url, &[], None, body.as_bytes().to_vec()) {
            Ok((200..=299, _)) => {}
            Ok((status, _)) => crate::tell(format!("warning: the ping was answered with status {status}")),
            Err(error) => crate::tell(format!("warning: the ping failed: {error}")),
        }
    }
}
