//! CSV files with a header line.
//!
//! All columns are read as text: what a number or a date is, is decided where it is used, so that no
//! guess from the first rows turns `0700` into `700`. Refuses a file whose last line was cut off.

use super::Source;
use anyhow::{Context, Result};
use polars::prelude::{LazyCsvReader, LazyFileListReader, LazyFrame, PlRefPath};
use shockbrief_core::Refusal;
use std::{
    io::{BufRead, BufReader, Read, Seek, SeekFrom},
    path::Path,
};

/// Comma-separated values, UTF-8, one header line.
pub(super) struct Csv;

impl Source for Csv {
    fn format(&self) -> &'static str {
        "csv"
    }

    fn scan(&self, path: &Path) -> Result<LazyFrame> {
        refuse_truncated(path)?;
        Ok(LazyCsvReader::new(PlRefPath::try_from_path(path)?)
            .with_glob(false)
            .with_infer_schema_length(Some(0))
            .finish()?)
    }
}

/// A last line without line end and with fewer fields than the header was cut off.
fn refuse_truncated(path: &Path) -> Result<()> {
    const TAIL: u64 = 64 * 1024;
    let mut file = fs_err::File::open(path)?;
    let length = file.metadata()?.len();
    let mut header = Vec::new();
    BufReader::new((&mut file).take(TAIL)).read_until(b'\n', &mut header)?;
    if header.iter().all(u8::is_ascii_whitespace) {
        return Err(Refusal::data(format!("{}: empty file", path.display()))
            .hint("fetch the file again; it must begin with a header line")
            .into());
    }
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail).with_context(|| format!("cannot read {}", path.display()))?;
    if tail.ends_with(b"\n") || length == header.len() as u64 {
        return Ok(());
    }
    let last = tail.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    if fields(last) >= fields(&header) {
        return Ok(());
    }
    Err(Refusal::data(format!(
        "{}: the last line has {} of {} fields; the file was cut off",
        path.display(),
        fields(last),
        fields(&header)
    ))
    .hint("fetch the file again")
    .into())
}

fn fields(line: &[u8]) -> usize {
    let mut quoted = false;
    1 + line
        .iter()
        .filter(|byte| {
            quoted ^= **byte == b'"';
            **byte == b',' && !quoted
        })
        .count()
}
