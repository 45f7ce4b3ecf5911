//! `config/delivery.yaml`: where published briefs are sent, and what is told that a run began and ended.

use super::{KeySource, Origin};
use crate::schema::JsonSchema;
use crate::{
    Address, Refusals,
    address::{MailServer, Unsafe},
    names::stays_inside,
};
use anyhow::Result;
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// A place that briefs are delivered to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
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
    /// What is sent apart, and recorded apart: a mail to each reader alone, else the whole.
    #[must_use]
    pub fn parts(&self) -> Vec<Option<Part>> {
        match self {
            Self::Mail(mail) => mail.parts().map(Some).collect(),
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

    fn fault(&self) -> Option<(String, &'static str)> {
        let address =
            |text: &str| Address::web(text).err().map(|Unsafe { fault, hint }| (fault.to_owned(), hint));
        match self {
            Self::Folder { .. } => None,
            Self::Webhook { url, .. } => address(url),
            Self::Bucket { prefix, .. } if !prefix.is_empty() && !stays_inside(prefix.trim_matches('/')) => {
                Some((
                    format!("its prefix `{prefix}` is no path of plain names"),
                    "write names with slashes between them, such as desk/2025",
                ))
            }
            Self::Bucket { endpoint, .. } => endpoint.as_deref().and_then(address),
            Self::Mail(mail) => mail.fault(),
        }
    }
}

/// A part of a brief that is sent and recorded apart: the edition of one language, for one reader.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    /// The language.
    pub language: String,
    /// The reader as declared, perhaps with a name: `Ada <ada@example.org>`.
    pub reader: String,
}

impl Part {
    /// The reader's address without a name.
    #[must_use]
    pub fn address(&self) -> &str {
        bare(&self.reader)
    }
}

/// The address inside `Name <address>`.
fn bare(reader: &str) -> &str {
    let inside = reader.rsplit_once('<').and_then(|(_, rest)| rest.trim_end().strip_suffix('>'));
    inside.unwrap_or(reader).trim()
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.language, self.address())
    }
}

impl MailTarget {
    /// Each reader of each language.
    fn parts(&self) -> impl Iterator<Item = Part> {
        self.to.iter().flat_map(|(language, readers)| {
            readers.iter().map(|reader| Part { language: language.clone(), reader: reader.clone() })
        })
    }

    fn fault(&self) -> Option<(String, &'static str)> {
        if let Err(Unsafe { fault, hint }) = MailServer::read(&self.smtp) {
            return Some((fault.to_owned(), hint));
        }
        if self.to.is_empty() || self.to.values().any(Vec::is_empty) {
            return Some(("nobody gets its mail".to_owned(), "write `to: {fr: [name@example.org]}`"));
        }
        let form = "write it as name@example.org, or Name <name@example.org>";
        if !is_mailbox(&self.from) {
            return Some((format!("its sender `{}` is no mail address", self.from.escape_debug()), form));
        }
        let mut seen = BTreeSet::new();
        for part in self.parts() {
            if !is_mailbox(&part.reader) {
                return Some((
                    format!("its reader `{}` is no mail address", part.reader.escape_debug()),
                    form,
                ));
            }
            if !seen.insert((part.language.clone(), part.address().to_lowercase())) {
                return Some((
                    format!("its reader `{}` stands twice under `{}`", part.address(), part.language),
                    "name each reader once: who stands twice would get every brief twice",
                ));
            }
        }
        (self.user.is_some() != self.password.is_some()).then_some((
            "a user without password, or a password without user".to_owned(),
            "give both, or neither",
        ))
    }
}

/// Whether a text has the form of one mail address; the mail library judges the rest.
fn is_mailbox(text: &str) -> bool {
    let address = bare(text);
    let whole = |part: &str| !part.is_empty() && !part.contains(['@', '<', '>', ',', ';', ' ', '/']);
    !text.chars().any(char::is_control)
        && address.split_once('@').is_some_and(|(name, host)| whole(name) && whole(host))
}

/// How often a delivery is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Retry {
    /// Attempts in all, 1 to 10; default 4.
    pub attempts: u32,
    /// Pause after the first, in milliseconds, up to 60000; it doubles; default 2000.
    pub pause_ms: u64,
}

impl Retry {
    /// Most attempts: a run holds its folder while it waits.
    const MOST: u32 = 10;
    /// Longest pause after the first attempt, in milliseconds.
    const LONGEST: u64 = 60_000;

    fn fault(self) -> Option<(&'static str, String)> {
        if !(1..=Self::MOST).contains(&self.attempts) {
            return Some((
                "attempts",
                format!("`attempts` is {}: write a number from 1 to {}", self.attempts, Self::MOST),
            ));
        }
        (self.pause_ms > Self::LONGEST).then(|| {
            ("pause_ms", format!("`pause_ms` is {}: write a number up to {}", self.pause_ms, Self::LONGEST))
        })
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 4, pause_ms: 2000 }
    }
}

/// Where published briefs are sent.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDelivery {
    /// Targets by name; default none.
    #[serde(default)]
    targets: BTreeMap<String, DeliveryTarget>,
    /// How often each is tried.
    #[serde(default)]
    retry: Retry,
    /// Where the address of a healthchecks-style monitor is found; default none.
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
    /// Every address that does not keep secrets, reader that is none, bound that is passed; or anything [`super::load`] refuses.
    pub fn load(path: &Path) -> Result<Self> {
        if !path.exists() {
            return Ok(Self::default());
        }
        let (raw, origin): (RawDelivery, Origin) = super::load(path)?;
        let mut faults = Refusals::default();
        for (name, target) in &raw.targets {
            if let Some((fault, hint)) = target.fault() {
                faults.push(origin.refuse(name, format!("target `{name}`: {fault}")).hint(hint));
            }
        }
        if let Some((key, fault)) = raw.retry.fault() {
            faults.push(origin.refuse(key, fault).hint(
                "a run holds its output folder while it waits; what is not taken is sent by the next run",
            ));
        }
        faults.finish()?;
        Ok(Self { targets: raw.targets, retry: raw.retry, ping: raw.ping })
    }
}

/// Whether an address keeps secrets: https, or the machine itself.
#[must_use]
pub fn safe(url: &str) -> bool {
    Address::web(url).is_ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn refused(target: &str, more: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("delivery.yaml");
        fs_err::write(&path, format!("targets:\n  desk: {target}\n{more}")).unwrap();
        Delivery::load(&path).map_or_else(|error| error.to_string(), |_| "taken".to_owned())
    }

    #[test]
    fn addresses_keep_secrets() {
        assert!(safe("https://example.org/x") && safe("http://127.0.0.1:80/x"));
        assert!(!safe("http://example.org") && !safe("http://127.0.0.1:x@example.org/"));
        let bucket = |end: &str| format!("{{bucket: b, key_id: {{env: A}}, key: {{env: B}}, {end}}}");
        let mail = |smtp: &str, to: &str| {
            format!("{{smtp: \"{smtp}\", from: desk@example.org, to: {{en: [{to}]}}}}")
        };
        for (target, told) in [
            ("{url: \"http://127.0.0.1:x@127.0.0.2:9/\"}".to_owned(), "user's name or password"),
            ("{url: \"http://example.org\"}".to_owned(), "not https"),
            (bucket("endpoint: \"http://localhost:x@example.org\""), "user's name or password"),
            (bucket("prefix: ../x"), "is no path of plain names"),
            (bucket("prefix: \"société~2025/desk notes\""), "taken"),
            (mail("smtp://127.0.0.1:x@example.org", "a@x.org"), "user's name or password"),
            (mail("smtp://example.org:587", "a@x.org, Ada <a@x.org>"), "stands twice under `en`"),
            (mail("smtp://example.org:587", "\"a@x.org\\nBcc: b@x.org\""), "is no mail address"),
            (mail("smtp://example.org:587", "a@x.org, Ada <b@x.org>"), "taken"),
        ] {
            let seen = refused(&target, "");
            assert!(seen.contains(told), "{target}: {seen}");
            assert!(told == "taken" || seen.contains("delivery.yaml:2:3: target `desk`"), "{seen}");
        }
    }

    #[test]
    fn trying_again_has_bounds() {
        let target = "{folder: share}";
        for (retry, told) in [
            ("{attempts: 10, pause_ms: 60000}", "taken"),
            ("{attempts: 0}", "`attempts` is 0"),
            ("{attempts: 4000000000}", "`attempts` is 4000000000"),
            ("{pause_ms: 18446744073709551615}", "`pause_ms` is 18446744073709551615"),
        ] {
            let seen = refused(target, &format!("retry: {retry}\n"));
            assert!(seen.contains(told), "{retry}: {seen}");
        }
    }

    #[test]
    fn a_mail_is_for_each_reader_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("delivery.yaml");
        let to = "{en: [a@x.org, \"Ada <b@x.org>\"], fr: [a@x.org]}";
        let text = format!("targets:\n  desk: {{smtp: \"smtp://localhost:1\", from: d@x.org, to: {to}}}\n");
        fs_err::write(&path, text).unwrap();
        let delivery = Delivery::load(&path).unwrap();
        let parts: Vec<String> =
            delivery.targets["desk"].parts().into_iter().flatten().map(|part| part.to_string()).collect();
        assert_eq!(parts, ["en:a@x.org", "en:b@x.org", "fr:a@x.org"]);
    }
}
