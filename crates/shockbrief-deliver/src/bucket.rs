//! Puts files into an S3-compatible store; the manifest last, so that whoever sees it finds the files whole.

use crate::{Job, retry::Failed};
use anyhow::Result;
use object_store::{
    Attribute, Attributes, ClientOptions, Error, ObjectStore, PutOptions, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder},
    path::Path,
};
use std::{iter, time::Duration};

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
        // Plain http is for this machine alone; the configuration refuses it elsewhere.
        options = options.with_allow_http(endpoint.starts_with("http://"));
        builder = builder.with_endpoint(endpoint);
    }
    Ok(builder.with_client_options(options).build()?)
}

/// Puts every published file once.
pub fn put(client: &AmazonS3, prefix: &str, job: &Job<'_>) -> Result<(), Failed> {
    let now = |error: std::io::Error| Failed::ForNow(error.to_string(), None);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(now)?;
    let manifest = job.package.manifest;
    let root = Path::from(prefix).join(manifest.report.as_str()).join(manifest.period.as_str());
    for name in manifest.outputs.keys().map(String::as_str).chain(iter::once("manifest.json")) {
        let bytes = fs_err::read(job.package.folder.join(name)).map_err(now)?;
        let options = PutOptions::from(Attributes::from_iter([(Attribute::ContentType, kind(name))]));
        let place = root.clone().join(name);
        runtime
            .block_on(client.put_opts(&place, bytes.into(), options))
            .map_err(|error| failed(&error, job))?;
    }
    Ok(())
}

fn kind(name: &str) -> &'static str {
    match name.rsplit_once('.') {
        Some((_, "pdf")) => "application/pdf",
        Some((_, "json")) => "application/json",
        _ => "application/octet-stream",
    }
}

fn failed(error: &Error, job: &Job<'_>) -> Failed {
    let said = job.secrets.hide(&error.to_string());
    match error {
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } | Error::NotFound { .. } => {
            Failed::ForGood(said)
        }
        _ => Failed::ForNow(said, None),
    }
}
