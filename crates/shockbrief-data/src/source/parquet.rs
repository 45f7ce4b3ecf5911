//! Parquet files, in the data folder or in an object store. Refuses what has no valid footer.
//!
//! Of an object store only the footers and the needed parts of files are read; its secrets reach no message.

use super::{Source, Wanted};
use anyhow::Result;
use polars::prelude::{CloudScheme, LazyFrame, PlRefPath, ScanArgsParquet, cloud::CloudOptions};
use shockbrief_core::{
    Refusal,
    config::{KeySource, Remote, SourceSpec},
};
use std::path::Path;

/// Parquet, any compression.
pub(super) struct Parquet;

impl Source for Parquet {
    fn format(&self) -> &'static str {
        "parquet"
    }

    fn scan(&self, path: &Path) -> Result<LazyFrame> {
        let args = ScanArgsParquet { glob: false, ..ScanArgsParquet::default() };
        Ok(LazyFrame::scan_parquet(PlRefPath::try_from_path(path)?, args)?)
    }

    fn scan_known(&self, path: &Path, wanted: &Wanted<'_>) -> Result<LazyFrame> {
        let Some(scheme) = wanted.spec.scheme() else { return self.scan(path) };
        let cloud_options = Some(options(wanted.spec, scheme)?);
        let args = ScanArgsParquet { glob: true, cloud_options, ..ScanArgsParquet::default() };
        Ok(LazyFrame::scan_parquet(PlRefPath::new(&wanted.spec.glob), args)?)
    }
}

/// How the object store is reached.
fn options(spec: &SourceSpec, scheme: &str) -> Result<CloudOptions> {
    let Remote { endpoint, region, key_id, key } = spec.remote.clone().unwrap_or_default();
    let (key_id, key) = (secret(spec, key_id.as_ref())?, secret(spec, key.as_ref())?);
    let names = match scheme {
        "s3" => [
            ("aws_endpoint_url", endpoint),
            ("aws_region", region),
            ("aws_access_key_id", key_id),
            ("aws_secret_access_key", key),
        ],
        "gs" => {
            [("google_base_url", endpoint), ("google_service_account_key", key), ("", region), ("", key_id)]
        }
        _ => [
            ("azure_storage_endpoint", endpoint),
            ("azure_storage_account_name", key_id),
            ("azure_storage_account_key", key),
            ("", region),
        ],
    };
    let set = names.into_iter().filter_map(|(name, value)| Some((name, value?)));
    CloudOptions::from_untyped_config(CloudScheme::from_path(&spec.glob), set).map_err(|_| {
        Refusal::config(format!("source `{}`: this build does not reach {scheme}://", spec.id))
            .hint("build with `cargo build --release --workspace --features shockbrief-cli/google,shockbrief-cli/azure`")
            .into()
    })
}

fn secret(spec: &SourceSpec, place: Option<&KeySource>) -> Result<Option<String>, Refusal> {
    let Some(place) = place else { return Ok(None) };
    let (secret, place) = place.read();
    secret.map(Some).ok_or_else(|| {
        Refusal::config(format!("source `{}`: no credential in {place}", spec.id)).hint("put it there")
    })
}
