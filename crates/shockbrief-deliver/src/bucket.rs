//! Puts files into an S3-compatible store; the manifest last, so that whoever sees it finds the files whole.

use crate::{Job, retry::Failed};
use anyhow::{Result, anyhow};
use object_store::{
    Attribute, Attributes, ClientOptions, Error, ObjectStore, PutOptions, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder},
    path::Path,
};
use shockbrief_core::Address;
use std::time::Duration;

/// Time for one object.
const LIMIT: Duration = Duration::from_secs(60);

/// Where a store is.
pub struct Place<'a> {
    /// The bucket's name.
    pub bucket: &'a str,
    /// The store's address, where it is not Amazon's.
    pub endpoint: Option<&'a str>,
    /// The region.
    pub region: Option<&'a str>,
}

/// A client of the store.
pub fn client(place: &Place<'_>, job: &Job<'_>) -> Result<AmazonS3> {
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(place.bucket)
        .with_region(place.region.unwrap_or("us-east-1"))
        .with_access_key_id(job.secrets.user.clone().unwrap_or_default())
        .with_secret_access_key(job.secrets.secret.clone().unwrap_or_default())
        // Attempts are counted in one place, for every kind of target.
        .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() });
    let mut options = ClientOptions::new().with_timeout(LIMIT);
    if let Some(endpoint) = place.endpoint {
        // Plain http is for this machine alone.
        let address = Address::web(endpoint).map_err(|told| anyhow!("{}", told.fault))?;
        options = options.with_allow_http(address.is_plain());
        builder = builder.with_endpoint(address.as_str().trim_end_matches('/'));
    }
    Ok(builder.with_client_options(options).build()?)
}

/// Puts every published file once.
pub fn put(client: &AmazonS3, prefix: &str, job: &Job<'_>) -> Result<(), Failed> {
    let now = |error: std::io::Error| Failed::ForNow(error.to_string(), None);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(now)?;
    let manifest = job.package.manifest();
    for (name, bytes) in job.package.files() {
        let options = PutOptions::from(Attributes::from_iter([(Attribute::ContentType, kind(name))]));
        let place = key(prefix, &[&manifest.report, &manifest.period, name])?;
        runtime
            .block_on(client.put_opts(&place, bytes.to_vec().into(), options))
            .map_err(|error| failed(&error, job))?;
    }
    Ok(())
}

/// An object's key as it is declared. It is encoded once, in the address of the request: other ways to make a path
/// write letters beyond ASCII in the key itself as numbers.
fn key(prefix: &str, names: &[&str]) -> Result<Path, Failed> {
    let prefix = prefix.trim_matches('/');
    let parts: Vec<&str> =
        [prefix].into_iter().filter(|part| !part.is_empty()).chain(names.iter().copied()).collect();
    Path::parse(parts.join("/")).map_err(|error| Failed::ForGood(format!("no name of an object: {error}")))
}

fn kind(name: &str) -> &'static str {
    match name.rsplit_once('.') {
        Some((_, "pdf")) => "application/pdf",
        Some((_, "json")) => "application/json",
        _ => "application/octet-stream",
    }
}

fn failed(error: &Error, job: &Job<'_>) -> Failed {
    let said = job.secrets.said(&error.to_string());
    match error {
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } | Error::NotFound { .. } => {
            Failed::ForGood(said)
        }
        _ => Failed::ForNow(said, None),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_key_is_the_text_that_was_declared() {
        for (prefix, whole) in [
            ("société~2025/desk notes", "société~2025/desk notes/weekly/2025-W05/brief.json"),
            ("/a%20b/", "a%20b/weekly/2025-W05/brief.json"),
            ("", "weekly/2025-W05/brief.json"),
        ] {
            assert_eq!(key(prefix, &["weekly", "2025-W05", "brief.json"]).unwrap().as_ref(), whole);
        }
        assert!(key("..", &["weekly"]).is_err());
    }
}
