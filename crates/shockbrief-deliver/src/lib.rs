//! Delivery of published briefs: to a folder, an S3-compatible store, readers' mail boxes, or a webhook that gets the
//! twin.
//!
//! A delivery has a key made of target, report, period and revision. Doing it twice is harmless: files are put in the
//! same place again, a webhook is given the key, a mail has an id made of it. HTTP and the clock come in through
//! [`Courier`]; mail and object stores bring clients of their own.

mod bucket;
mod folder;
mod mail;
mod retry;
mod webhook;

use anyhow::Result;
use retry::Failed;
use shockbrief_core::{
    Class, Manifest, Refusal,
    config::{DeliveryTarget, Retry},
};
use std::{path::Path, time::Duration};

/// What is sent.
#[derive(Debug, Clone, Copy)]
pub struct Package<'a> {
    /// The folder of the period.
    pub folder: &'a Path,
    /// Its manifest.
    pub manifest: &'a Manifest,
}

/// What proves who sends.
#[derive(Clone, Default)]
pub struct Secrets {
    /// The user's name, or a key's id.
    pub user: Option<String>,
    /// The password, key or token.
    pub secret: Option<String>,
}

impl Secrets {
    /// A message without the secret, should another side repeat it.
    fn hide(&self, text: &str) -> String {
        let known = self.secret.iter().chain(&self.user).filter(|secret| !secret.is_empty());
        known.fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "…"))
    }
}

/// One delivery.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// The target's name.
    pub name: &'a str,
    /// The target.
    pub target: &'a DeliveryTarget,
    /// Which of [`DeliveryTarget::parts`] is sent.
    pub part: Option<&'a str>,
    /// What proves who sends.
    pub secrets: &'a Secrets,
    /// What is sent.
    pub package: Package<'a>,
    /// What stands above a mail about simulated data, in its language.
    pub stamp: Option<&'a str>,
    /// How often it is tried.
    pub retry: Retry,
}

impl Job<'_> {
    /// What tells one delivery from another.
    #[must_use]
    pub fn key(&self) -> String {
        let Manifest { report, period, revision, .. } = self.package.manifest;
        let part = self.part.map(|part| format!(":{part}")).unwrap_or_default();
        format!("{}{part}/{report}/{period}/r{revision}", self.name)
    }
}

/// A request to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The address.
    pub url: String,
    /// Headers beside the usual ones.
    pub headers: Vec<(String, String)>,
    /// A secret for the `Authorization` header.
    pub bearer: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Seconds that the other side wants to be left alone.
    pub retry_after: Option<u64>,
}

/// Whoever carries requests, and waits.
pub trait Courier {
    /// Sends once.
    ///
    /// # Errors
    /// A connection that fails, in words that hold no secret.
    fn send(&self, letter: &Letter) -> Result<Reply, String>;

    /// Waits before the next attempt.
    fn pause(&self, duration: Duration);
}

/// Makes a delivery.
///
/// # Errors
/// What failed after all attempts, in words that hold no secret.
pub fn deliver(job: &Job<'_>, courier: &dyn Courier) -> Result<()> {
    attempt(job, courier)?.map_err(|said| refused(job, &said))
}

/// The outer error is one of this machine, the inner one of the other side.
fn attempt(job: &Job<'_>, courier: &dyn Courier) -> Result<Result<(), String>> {
    let key = job.key();
    let persist = |once: &mut dyn FnMut() -> Result<(), Failed>| {
        retry::persist(&key, job.retry, |pause| courier.pause(pause), once)
    };
    Ok(match job.target {
        DeliveryTarget::Folder { folder } => {
            folder::copy(folder, &job.package)?;
            Ok(())
        }
        DeliveryTarget::Webhook { url, .. } => {
            let letter = webhook::letter(url, job)?;
            persist(&mut || webhook::post(&letter, courier))
        }
        DeliveryTarget::Bucket { bucket, prefix, endpoint, region, .. } => {
            let (endpoint, region) = (endpoint.as_deref(), region.as_deref());
            let client = bucket::client(&bucket::Place { bucket, endpoint, region }, job)?;
            persist(&mut || bucket::put(&client, prefix, job))
        }
        DeliveryTarget::Mail(target) => {
            let (server, message) = (mail::server(target, job)?, mail::message(target, job)?);
            persist(&mut || mail::send(&server, &message, job))
        }
    })
}

fn refused(job: &Job<'_>, said: &str) -> anyhow::Error {
    let part = job.part.map(|part| format!(" ({part})")).unwrap_or_default();
    Refusal::new(Class::Delivery, format!("delivery to `{}`{part}: {said}", job.name))
        .hint("the brief is out; the next run tries again; check the target in config/delivery.yaml")
        .into()
}
