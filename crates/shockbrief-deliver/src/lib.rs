//! Delivery of published briefs: to a folder, or to a webhook that gets the twin.
//!
//! A delivery has a key made of target, report, period and revision. Doing it twice is harmless: a folder is
//! compared by content, a webhook is given the key. The network and the clock come in through [`Courier`].

mod folder;
mod webhook;

use anyhow::Result;
use shockbrief_core::{
    Manifest,
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

impl Package<'_> {
    /// What tells one delivery from another.
    #[must_use]
    pub fn key(&self, target: &str) -> String {
        let Manifest { report, period, revision, .. } = self.manifest;
        format!("{target}/{report}/{period}/r{revision}")
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

/// Delivers a package to a target.
///
/// # Errors
/// What failed after all attempts, in words that hold no secret.
pub fn deliver(
    name: &str,
    target: &DeliveryTarget,
    secret: Option<&str>,
    package: &Package<'_>,
    retry: Retry,
    courier: &dyn Courier,
) -> Result<()> {
    match target {
        DeliveryTarget::Folder { folder } => folder::copy(folder, package),
        DeliveryTarget::Webhook { url, .. } => webhook::post(name, url, secret, package, retry, courier),
    }
}
