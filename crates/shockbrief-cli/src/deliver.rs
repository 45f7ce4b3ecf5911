//! What a run tells the outside: deliveries that are still to be made, and pings to a monitor.

use anyhow::Result;
use shockbrief_core::{
    Manifest, Refusal,
    config::{Delivery, DeliveryTarget, KeySource, Language, Report},
};
use shockbrief_deliver::{Courier, Job, Letter, Package, Reply, Secrets, deliver};
use shockbrief_fetch::{Outbound, Secret};
use shockbrief_run::ledger::{self, Ledger};
use std::{collections::BTreeSet, path::Path, time::Duration};

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
    /// The part that is sent apart, such as the language of a mail.
    pub part: Option<String>,
}

impl Pending {
    /// The name under which the ledger knows it.
    pub fn recorded(&self) -> String {
        recorded(&self.target, self.part.as_deref())
    }
}

fn recorded(target: &str, part: Option<&str>) -> String {
    part.map_or_else(|| target.to_owned(), |part| format!("{target}:{part}"))
}

/// What reports declare and the ledger does not know as delivered: the last published period of each report, in its
/// last revision. A target added today is not sent the past. Also gives the targets that nobody declared.
pub fn pending(
    reports: &[Report],
    delivery: &Delivery,
    ledger: &Ledger,
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
            let spoken =
                |part: &Option<&str>| part.is_none_or(|code| report.languages.iter().any(|own| own == code));
            parts.extend(target.parts().into_iter().filter(spoken).map(|part| (name, part)));
        }
        let Some((period, revision)) = ledger.last_published(&report.slug) else { continue };
        let missing = |(target, part): &(&String, Option<&str>)| {
            !ledger.delivered(&report.slug, &period, revision, &recorded(target, *part))
        };
        found.extend(parts.into_iter().filter(missing).map(|(target, part)| Pending {
            report: report.slug.clone(),
            period: period.clone(),
            revision,
            target: target.clone(),
            part: part.map(str::to_owned),
        }));
    }
    (found, undeclared)
}

/// Makes one delivery.
pub fn send(out: &Path, config: &Path, delivery: &Delivery, pending: &Pending) -> Result<()> {
    let folder = out.join(&pending.report).join(&pending.period);
    let manifest = ledger::manifest(&folder.join("manifest.json"))?;
    let Some(target) = delivery.targets.get(&pending.target) else { return Ok(()) };
    licensed(&pending.target, target, &manifest)?;
    let part = pending.part.as_deref();
    let stamp = part.filter(|_| manifest.inputs.iter().any(|input| input.simulated));
    let stamp = stamp.map(|code| Language::load(&config.join("languages"), code)).transpose()?;
    deliver(
        &Job {
            name: &pending.target,
            target,
            part,
            secrets: &secrets(&pending.target, target)?,
            package: Package { folder: &folder, manifest: &manifest },
            stamp: stamp
                .as_ref()
                .and_then(|language| language.strings.get("stamp.simulated"))
                .map(String::as_str),
            retry: delivery.retry,
        },
        &Network(Outbound::new(LIMIT)?),
    )
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
        place.map(|place| Ok(secret(name, place)?.for_header().to_owned())).transpose()
    };
    Ok(Secrets { user: read(user)?, secret: read(place)? })
}

fn secret(name: &str, place: &KeySource) -> Result<Secret, Refusal> {
    Secret::read(name, place).map_err(|refusal| {
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
            .map(|place| -> Result<_> { Ok((secret("ping", place)?, Outbound::new(PING)?)) });
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
        self.ping(&format!("/{exit_code}"), &log[from..]);
    }

    fn ping(&self, path: &str, body: &str) {
        let Some((address, outbound)) = &self.address else { return };
        let url = format!("{}{path}", address.for_header().trim_end_matches('/'));
        if !shockbrief_core::config::safe(&url) {
            return crate::tell("warning: no ping: its address is not https");
        }
        match outbound.post(&url, &[], None, body.as_bytes().to_vec()) {
            Ok((200..=299, _)) => {}
            Ok((status, _)) => crate::tell(format!("warning: the ping was answered with status {status}")),
            Err(error) => crate::tell(format!("warning: the ping failed: {error}")),
        }
    }
}
