//! Raw answers: kept packed under their digest, with address (without key), time and validators.
//!
//! `PROVIDER/DIGEST.gz` holds a body once, however often it came; `PROVIDER/answers.jsonl` has one line per
//! answer, `PROVIDER/questions.jsonl` one per question that the store took, with what its parser knew: from both the
//! store can be made again. Nothing is ever overwritten; a torn last line of a log is passed over. A provider may repeat
//! what it was sent, so that these files are for their owner and its group alone.

use crate::{Fetched, Validators};
use anyhow::{Context, Result};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use fs_err as fs;
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use shockbrief_core::fs::{open_private, sha256, write_private};
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

/// A question with what its parser was told, so that its answers can be read again without asking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// When it was asked.
    pub time: Timestamp,
    /// Kind of data, as in the configuration.
    pub data: String,
    /// Our symbol or series name.
    pub subject: String,
    /// The provider's code for it.
    pub code: String,
    /// Currency of the instrument.
    pub currency: String,
    /// First date wanted.
    pub from: Date,
    /// Last date wanted.
    pub to: Date,
    /// Last date whose session was over.
    pub complete: Date,
    /// SHA-256 of the answers, in the order in which the parser takes them.
    pub answers: Vec<String>,
}

const ANSWERS: &str = "answers.jsonl";
const QUESTIONS: &str = "questions.jsonl";

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
            write_private(&path, &packer.finish()?)?;
        }
        let kept = Kept {
            time,
            url: fetched.url.clone(),
            sha256: digest,
            bytes: fetched.body.len(),
            validators: fetched.validators.clone(),
        };
        self.add(provider, ANSWERS, &kept)?.file().sync_data()?;
        Ok(kept)
    }

    /// Notes a question whose answers the store takes.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn note(&self, provider: &str, question: &Question) -> Result<()> {
        self.add(provider, QUESTIONS, question).map(|_| ())
    }

    /// All questions of a provider that were noted, oldest first.
    ///
    /// # Errors
    /// When the log exists and cannot be read.
    pub fn questions(&self, provider: &str) -> Result<Vec<Question>> {
        self.lines(provider, QUESTIONS)
    }

    fn add(&self, provider: &str, log: &str, entry: &impl Serialize) -> Result<fs::File> {
        let mut line = serde_json::to_vec(entry)?;
        line.insert(0, b'\n');
        let folder = self.folder.join(provider);
        fs::create_dir_all(&folder)?;
        let mut file = open_private(&folder.join(log))?;
        file.write_all(&line)?;
        Ok(file)
    }

    fn lines<T: DeserializeOwned>(&self, provider: &str, log: &str) -> Result<Vec<T>> {
        let path = self.folder.join(provider).join(log);
        if !path.is_file() {
            return Ok(Vec::new());
        }
        let bytes = fs::read(path)?;
        Ok(bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect())
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
        self.lines(provider, ANSWERS)
    }

    /// The body of an answer, checked against its digest.
    ///
    /// # Errors
    /// When it is missing or does not have its digest.
    pub fn body(&self, provider: &str, digest: &str) -> Result<Vec<u8>> {
        let path = self.body_path(provider, digest);
        let mut body = Vec::new();
        GzDecoder::new(fs::File::open(&path)?)
            .read_to_end(&mut body)
            .with_context(|| format!("cannot unpack {}", path.display()))?;
        anyhow::ensure!(sha256(&body) == digest, "{} does not have its digest", path.display());
        Ok(body)
    }

    fn body_path(&self, provider: &str, digest: &str) -> PathBuf {
        self.folder.join(provider).join(format!("{digest}.gz"))
    }
}
