//! What a run tells the outside: deliveries that are still to be made, and pings to a monitor.

use anyhow::Result;
use shockbrief_core::{
    Refusal,
    config::{Delivery, KeySource, Report},
};
use shockbrief_deliver::{Courier, Letter, Package, Reply, deliver};
use shockbrief_fetch::{Outbound, Secret};
use shockbrief_run::ledger::{self, Ledger};
use std::{path::Path, time::Duration};

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
}

/// What reports declare and the ledger does not know as delivered: the last published period of each report, in its
/// last revision. A target added today is not sent the past.
pub fn pending(reports: &[Report], delivery: &Delivery, ledger: &Ledger) -> Result<Vec<Pending>> {
    let mut found = Vec::new();
    for report in reports.iter().filter(|report| !report.deliver.is_empty()) {
        for target in &report.deliver {
            if !delivery.targets.contains_key(target) {
                let refusal = report.origin.refuse(target, format!("unknown delivery target `{target}`"));
                return Err(refusal.hint("declare it under `targets:` in config/delivery.yaml").into());
            }
        }
        let Some((period, revision)) = ledger.last_published(&report.slug) else { continue };
        let missing = |target: &&String| !ledger.delivered(&report.slug, &period, revision, target);
        found.extend(report.deliver.iter().filter(missing).map(|target| Pending {
            report: report.slug.clone(),
            period: period.clone(),
            revision,
            target: target.clone(),
        }));
    }
    Ok(found)
}

/// Makes one delivery.
pub fn send(out: &Path, delivery: &Delivery, pending: &Pending) -> Result<()> {
    let folder = out.join(&pending.report).join(&pending.period);
    let manifest = ledger::manifest(&folder.join("manifest.json"))?;
    let Some(target) = delivery.targets.get(&pending.target) else { return Ok(()) };
    let secret = match target {
        shockbrief_core::config::DeliveryTarget::Webhook { token: Some(place), .. } => {
            Some(secret(&pending.target, place)?)
        }
        _ => None,
    };
    let package = Package { folder: &folder, manifest: &manifest };
    let courier = Network(Outbound::new(LIMIT)?);
    deliver(
        &pending.target,
        target,
        secret.as_ref().map(Secret::for_header),
        &package,
        delivery.retry,
        &courier,
    )
}

fn secret(name: &str, place: &KeySource) -> Result<Secret, Refusal> {
    Secret::read(name, place).map_err(|refusal| {
        Refusal::config(refusal.message)
            .hint("put the secret there, or take the target out of config/delivery.yaml")
    })
}

/// A monitor that is told of starts and ends. It never fails a run.
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
