//! Sources in an object store: where it is, and where its credentials are.
//!
//! Refuses a credential written into the file, an address that is not https, and what an object store cannot serve.

use super::{Origin, SourceSpec};
use crate::schema::JsonSchema;
use crate::{
    Refusal,
    config::{KeySource, safe},
};
use serde::Deserialize;

/// How an object store is reached; without credentials those of the environment are used, as the store's own tools do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Remote {
    /// The store's address; default the cloud's own.
    pub endpoint: Option<String>,
    /// The region of S3; default the environment's, else what the bucket says.
    pub region: Option<String>,
    /// Where the id of the key is found: for S3 the access key's id, for Azure the account's name.
    pub key_id: Option<KeySource>,
    /// Where the key is found: for S3 the secret access key, for Azure the account's key, for Google the JSON of a
    /// service account.
    pub key: Option<KeySource>,
}

/// Kinds of object stores by the beginning of an address.
pub const SCHEMES: [&str; 3] = ["s3", "gs", "az"];

impl SourceSpec {
    /// The kind of object store that holds its files, such as `s3`; none where they lie in the data folder.
    #[must_use]
    pub fn scheme(&self) -> Option<&str> {
        self.glob.split_once("://").map(|(scheme, _)| scheme)
    }
}

/// What is wrong with a declaration, and what to do.
pub(super) fn check(source: &SourceSpec, at: &str, origin: &Origin) -> Result<(), Refusal> {
    let refuse = |message: &str, hint: &str| {
        Err(origin.refuse(at, format!("source `{}`: {message}", source.id)).hint(hint))
    };
    let Some(scheme) = source.scheme() else {
        return match source.remote {
            Some(_) => {
                refuse("`remote` for files of the data folder", "write a glob such as s3://bucket/*.parquet")
            }
            None => Ok(()),
        };
    };
    let remote = source.remote.clone().unwrap_or_default();
    if !SCHEMES.contains(&scheme) {
        return refuse(
            &format!("no object store is reached by `{scheme}://`"),
            "write s3://, gs:// or az://; for https declare a provider of the kind `table` in config/fetch.yaml",
        );
    }
    if source.format != "parquet" {
        return refuse(
            &format!("the format `{}` in an object store", source.format),
            "only Parquet lets the needed columns and rows be read without the rest: convert the files",
        );
    }
    if source.optional {
        return refuse(
            "an object store cannot be optional: one that is not reached would look like one without files",
            "remove `optional`",
        );
    }
    if remote.endpoint.as_ref().is_some_and(|url| !safe(url)) {
        return refuse("its endpoint is not https", "write https://…; http is for 127.0.0.1 alone");
    }
    if scheme != "s3" && remote.region.is_some() || scheme == "gs" && remote.key_id.is_some() {
        return refuse(
            &format!("a key that `{scheme}://` does not know"),
            "`region` is for s3:// alone, `key_id` for s3:// and az://: remove it",
        );
    }
    if remote.key_id.is_some() && remote.key.is_none() {
        return refuse("`key_id` without `key`", "add `key: {env: NAME}` or `key: {file: PATH}`");
    }
    Ok(())
}
