//! `config/delivery.yaml`: where published briefs are sent, and what is told that a run began and ended.

use super::{KeySource, Origin};
use anyhow::Result;
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// A place that briefs are delivered to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum DeliveryTarget {
    /// Files are copied below this folder.
    Folder {
        /// The folder.
        folder: PathBuf,
    },
    /// The twin is posted.
    Webhook {
        /// Its address, https but on the machine itself.
        url: String,
        /// Where a bearer token is found.
        #[serde(default)]
        token: Option<KeySource>,
        /// Whether all who read there belong to the house; default false.
        #[serde(default)]
        internal: bool,
    },
    /// Files are put into an S3-compatible store.
    Bucket {
        /// The bucket's name.
        bucket: String,
        /// What stands before the names of its objects.
        #[serde(default)]
        prefix: String,
        /// The store's address; default Amazon's for the region.
        #[serde(default)]
        endpoint: Option<String>,
        /// The region; default `us-east-1`.
        #[serde(default)]
        region: Option<String>,
        /// Where the id of the key is found.
        key_id: KeySource,
        /// Where the key is found.
        key: KeySource,
        /// Whether all who read there belong to the house; default false.
        #[serde(default)]
        internal: bool,
    },
    /// The PDF of each language goes to the readers of that language.
    Mail(Box<MailTarget>),
}

/// A mail server and who gets what.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailTarget {
    /// The server: `smtps://host:465`, or `smtp://host:587`, which must offer STARTTLS unless it is this machine.
    pub smtp: String,
    /// The sender.
    pub from: String,
    /// Recipients by language.
    pub to: BTreeMap<String, Vec<String>>,
    /// Where the user's name is found.
    #[serde(default)]
    pub user: Option<KeySource>,
    /// Where the password is found.
    #[serde(default)]
    pub password: Option<KeySource>,
    /// A certificate in PEM that is trusted beside the system's.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// Whether all who get its mail belong to the house; default false.
    #[serde(default)]
    pub internal: bool,
}

impl DeliveryTarget {
    /// What is sent apart, and recorded apart: a language of a mail, else the whole.
    #[must_use]
    pub fn parts(&self) -> Vec<Option<&str>> {
        match self {
            Self::Mail(mail) => mail.to.keys().map(|language| Some(language.as_str())).collect(),
            _ => vec![None],
        }
    }

    /// Whether a brief sent there leaves the house: a folder does not, and other places do unless they are declared
    /// `internal`.
    #[must_use]
    pub fn is_outside(&self) -> bool {
        match self {
            Self::Folder { .. } => false,
            Self::Webhook { internal, .. } | Self::Bucket { internal, .. } => !internal,
            Self::Mail(mail) => !mail.internal,
        }
    }

    fn fault(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Folder { .. } => None,
            Self::Webhook { url, .. } if !safe(url) => Some(NOT_HTTPS),
            Self::Webhook { .. } => None,
            Self::Bucket { endpoint, .. } => endpoint.as_ref().filter(|url| !safe(url)).map(|_| NOT_HTTPS),
            Self::Mail(mail) => mail.fault(),
        }
    }
}

const NOT_HTTPS: (&str, &str) = ("its address is not https", "write https://…; http is for 127.0.0.1 alone");

impl MailTarget {
    fn fault(&self) -> Option<(&'static str, &'static str)> {
        if !(self.smtp.starts_with("smtp://") || self.smtp.starts_with("smtps://")) {
            return Some(("its server is no smtp address", "write smtps://host:465, or smtp://host:587"));
        }
        if self.to.is_empty() || self.to.values().any(Vec::is_empty) {
            return Some(("nobody gets its mail", "write `to: {fr: [name@example.org]}`"));
        }
        (self.user.is_some() != self.password.is_some())
            .then_some(("a user without password, or a password without user", "give both, or neither"))
    }
}

/// How often a delivery is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retry {
    /// Attempts in all; default 4.
    pub attempts: u32,
    /// Pause after the first, in milliseconds; it doubles; default 2000.
    pub pause_ms: u64,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 4, pause_ms: 2000 }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDelivery {
    #[serde(default)]
    targets: BTreeMap<String, DeliveryTarget>,
    #[serde(default)]
    retry: Retry,
    #[serde(default)]
    ping: Option<KeySource>,
}

/// The file, validated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delivery {
    /// Targets by name.
    pub targets: BTreeMap<String, DeliveryTarget>,
    /// How often each is tried.
    pub retry: Retry,
    /// Where the address of a healthchecks-style monitor is found; who knows it can report for this desk.
    pub ping: Option<KeySource>,
}

impl Delivery {
    /// Reads the file; one that is not there declares nothing.
    ///
    /// # Errors
    /// An address that is not https, or anything [`super::load`] refuses.
    pub fn load(path: &Path) -> Result<Self> {
        if !path.exists() {
            return Ok(Self::default());
        }
        let (raw, origin): (RawDelivery, Origin) = super::load(path)?;
        for (name, target) in &raw.targets {
            if let Some((fault, hint)) = target.fault() {
                return Err(origin.refuse(name, format!("target `{name}`: {fault}")).hint(hint).into());
            }
        }
        Ok(Self { targets: raw.targets, retry: raw.retry, ping: raw.ping })
    }
}

/// Whether an address keeps secrets: https, or the machine itself.
#[must_use]
pub fn safe(url: &str) -> bool {
    let local = ["http://127.0.0.1:", "http://127.0.0.1/", "http://[::1]:", "http://localhost:"];
    url.starts_with("https://") || local.iter().any(|start| url.starts_with(start))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn addresses_keep_secrets() {
        assert!(safe("https://example.org/x") && safe("http://127.0.0.1:80/x"));
        assert!(!safe("http://example.org") && !safe("http://127.0.0.1.example.org") && !safe("ftp://x"));
    }
}
