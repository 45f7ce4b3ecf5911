//! Raw answers: kept packed under their digest, with address (without key), time and validators.
//!
//! `PROVIDER/DIGEST.gz` holds a body once, however often it came; `PROVIDER/answers.jsonl` has one line per
//! answer. Nothing is ever overwritten; a torn last line of the log is passed over.

use crate::{Fetched, Validators};
use anyhow::{Context, Result};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use fs_err as fs;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shockbrief_core::fs::{sha256, write_atomic};
use std::{
    io::{Read, Write},
    path::{Path, PathBuf},
};

/// One answer in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// When it came.
    pub time: Timestamp,
    /// The address without key.
    pub url: String,
    /// SHA-256 of the unpacked body.
    pub sha256: String,
    /// Bytes of the unpacked body.
    pub bytes: usize,
    /// For the next conditional request.
    #[serde(flatten)]
    pub validators: Validators,
}

/// The folder of raw answers.
#[derive(Debug, Clone)]
pub struct Raw {
    folder: PathBuf,
}

impl Raw {
    /// Answers below a folder.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Keeps an answer.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn keep(&self, provider: &str, fetched: &Fetched, time: Timestamp) -> Result<Kept> {
        let digest = sha256(&fetched.body);
        let path = self.body_path(provider, &digest);
        if !path.is_file() {
            let mut packer = GzEncoder::new(Vec::new(), Compression::default());
            packer.write_all(&fetched.body)?;
            write_atomic(&path, &packer.finish()?)?;
        }
        let kept = Kept {
            time,
            url: fetched.url.clone(),
            sha256: digest,
            bytes: fetched.body.len(),
            validators: fetched.validators.clone(),
        };
        let mut line = serde_json::to_vec(&kept)?;
        line.insert(0, b'\n');
        let log = self.log_path(provider);
        let mut file = fs::OpenOptions::new().create(true).append(true).open(log)?;
        file.write_all(&line)?;
        file.file().sync_data()?;
        Ok(kept)
    }

    /// The last answer of an address.
    ///
    /// # Errors
    /// When the log exists and cannot be read.
    pub fn last(&self, provider: &str, url: &str) -> Result<Option<Kept>> {
        Ok(self.log(provider)?.into_iter().rev().find(|kept| kept.url == url))
    }

    /// All answers of a provider, oldest first.
    ///
    /// # Errors
    /// When the log exists and cannot be read.
    pub fn log(&self, provider: &str) -> Result<Vec<Kept>> {
        let path = self.log_path(provider);
        if !path.is_file() {
            return Ok(Vec::new());
        }
        let bytes = fs::read(path)?;
        Ok(bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect())
    }

    /// The body of an answer, checked against its digest.
    ///
    /// # Errors
    /// When it is missing or does not have its digest.
    pub fn body(&self, provider: &str, kept: &Kept) -> Result<Vec<u8>> {
        let path = self.body_path(provider, &kept.sha256);
        let mut body = Vec::new();
        GzDecoder::new(fs::File::open(&path)?)
            .read_to_end(&mut body)
            .with_context(|| format!("cannot unpack {}", path.display()))?;
        anyhow::ensure!(sha256(&body) == kept.sha256, "{} does not have its digest", path.display());
        Ok(body)
    }

    fn body_path(&self, provider: &str, digest: &str) -> PathBuf {
        self.folder.join(provider).join(format!("{digest}.gz"))
    }

    fn log_path(&self, provider: &str) -> PathBuf {
        self.folder.join(provider).join("answers.jsonl")
    }
}
