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
    },
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
            if let DeliveryTarget::Webhook { url, .. } = target
                && !safe(url)
            {
                let refusal = origin.refuse(name, format!("target `{name}`: its address is not https"));
                return Err(refusal.hint("write https://…; http is for 127.0.0.1 alone").into());
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
