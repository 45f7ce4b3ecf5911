//! Delivery of published briefs: to a folder, an S3-compatible store, readers' mail boxes, or a webhook that gets the
//! twin.
//!
//! A delivery has a key made of target, reader, report, period and revision. Doing it twice is harmless: files are put in
//! the same place again, a webhook is given the key, a mail has an id made of it. HTTP and the clock come in through
//! [`Courier`]; mail and object stores bring clients of their own.
//!
//! Only what was published is sent: each file is compared with its digest as it is read, and the bytes that were
//! compared are the ones that go out. What another side says is shown without secrets or not at all.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::string_slice))]

mod bucket;
mod folder;
mod mail;
mod retry;
mod webhook;

use anyhow::Result;
use retry::Failed;
use shockbrief_core::{
    Class, Hidden, Manifest, Refusal,
    config::{DeliveryTarget, Part, Retry},
};
use std::{collections::BTreeMap, path::Path, time::Duration};

/// The manifest's name.
const MANIFEST: &str = "manifest.json";

/// What is sent: the files of a period, as they were published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    manifest: Manifest,
    /// The manifest's own bytes.
    list: Vec<u8>,
    files: BTreeMap<String, Vec<u8>>,
}

impl Package {
    /// Reads the files of a period and compares each with its digest.
    ///
    /// # Errors
    /// A manifest that cannot be read or is that of another period, or a file that is not what was published.
    pub fn read(folder: &Path, report: &str, period: &str) -> Result<Self, Refusal> {
        let path = folder.join(MANIFEST);
        let refuse = |what: String| {
            Refusal::data(format!("{}: {what}", path.display()))
                .hint("take the period's folder from a copy, or remove it: the next run makes it again")
        };
        for linked in [folder, &path] {
            shockbrief_core::names::refuse_link(linked)?;
        }
        let list =
            fs_err::read(&path).map_err(|error| refuse(format!("cannot be read: {}", error.kind())))?;
        let manifest: Manifest = serde_json::from_slice(&list).map_err(|error| refuse(error.to_string()))?;
        manifest.belongs_to(report, period)?;
        let published = |name: &String| Ok((name.clone(), manifest.published(folder, name)?));
        let files = manifest.outputs.keys().map(published).collect::<Result<_, Refusal>>()?;
        Ok(Self { manifest, list, files })
    }

    /// The manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// A published file.
    fn file(&self, name: &str) -> Result<&[u8], Refusal> {
        self.files.get(name).map(Vec::as_slice).ok_or_else(|| {
            let Manifest { report, period, .. } = &self.manifest;
            Refusal::data(format!("{report} {period}: no file `{name}` was published"))
                .hint("publish the period again with `run --revise`")
        })
    }

    /// All files, the manifest last, so that whoever sees it finds the files whole.
    fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let files = self.files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
        files.chain([(MANIFEST, self.list.as_slice())])
    }
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
    /// The words of another side, without secret and user's name, should it repeat them.
    fn said(&self, text: &str) -> String {
        let hidden = self.secret.iter().fold(Hidden::nothing(), |hidden, key| hidden.key(key));
        let hidden = self.user.iter().fold(hidden, |hidden, name| hidden.name(name));
        hidden.said(text.as_bytes()).to_string()
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
    pub part: Option<&'a Part>,
    /// What proves who sends.
    pub secrets: &'a Secrets,
    /// What is sent.
    pub package: &'a Package,
    /// What stands above a mail about simulated data, in its language.
    pub stamp: Option<&'a str>,
    /// How often it is tried.
    pub retry: Retry,
}

impl Job<'_> {
    /// What tells one delivery from another.
    #[must_use]
    pub fn key(&self) -> String {
        let Manifest { report, period, revision, .. } = self.package.manifest();
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

/// Makes a delivery. The inner error is what failed on the other side after all attempts.
///
/// # Errors
/// A fault of this machine or of the configuration.
pub fn deliver(job: &Job<'_>, courier: &dyn Courier) -> Result<Result<(), Undelivered>> {
    Ok(attempt(job, courier)?.map_err(|failed| {
        let unreachable = matches!(failed, Failed::Unreachable(_));
        Undelivered { refusal: refused(job, &failed.into_words()), unreachable }
    }))
}

/// A delivery that the other side did not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// Why, in words that hold no secret.
    pub refusal: Refusal,
    /// Whether nobody was there: another delivery to the same target would meet the same.
    pub unreachable: bool,
}

fn attempt(job: &Job<'_>, courier: &dyn Courier) -> Result<Result<(), Failed>> {
    let key = job.key();
    let persist = |once: &mut dyn FnMut() -> Result<(), Failed>| {
        retry::persist(&key, job.retry, |pause| courier.pause(pause), once)
    };
    Ok(match job.target {
        DeliveryTarget::Folder { folder } => {
            folder::copy(folder, job.package)?;
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

fn refused(job: &Job<'_>, said: &str) -> Refusal {
    let part = job.part.map(|part| format!(" ({}, {})", part.address(), part.language)).unwrap_or_default();
    Refusal::new(Class::Delivery, format!("delivery to `{}`{part}: {said}", job.name))
        .hint("the brief is out; the next run tries again; check the target in config/delivery.yaml")
}
