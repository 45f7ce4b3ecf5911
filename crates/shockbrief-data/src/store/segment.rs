//! One file of rows: writing it, and refusing one that is not as it was written.

use super::{
    Told,
    manifest::{Part, Segment},
};
use crate::frame::{date_of, days};
use anyhow::{Context, Result};
use fs_err::{File, OpenOptions};
use polars::prelude::{
    Column, DataFrame, DataType, IntoColumn, NamedFrom, ParquetWriter, Series, SortMultipleOptions,
};
use sha2::{Digest, Sha256};
use shockbrief_core::{Refusal, fs::sha256_file};
use std::{
    collections::BTreeSet,
    io::{Read, Seek, SeekFrom, Write},
    os::unix::fs::MetadataExt,
    path::Path,
    sync::{Mutex, PoisonError},
};

/// Columns in the order of the file; sorted by the first ones, and by the others so that the order is one.
pub(super) const COLUMNS: [&str; 10] =
    ["symbol", "field", "date", "known", "provider", "kind", "subject", "unit", "value", "fetched"];

/// Rows of a group that is read or passed over as a whole: a dozen symbols with ten years of days.
const GROUP: usize = 32 * 1024;

const MAGIC: &[u8; 4] = b"PAR1";

/// Values as a frame.
pub(super) fn frame(values: &[Told]) -> Result<DataFrame> {
    let text = |name: &str, get: fn(&Told) -> &str| -> Column {
        Series::new(name.into(), values.iter().map(get).collect::<Vec<&str>>()).into_column()
    };
    let time = |name: &str, get: fn(&Told) -> i64| -> Column {
        Series::new(name.into(), values.iter().map(get).collect::<Vec<i64>>()).into_column()
    };
    let dates: Vec<i32> = values.iter().map(|told| days(told.date)).collect();
    let numbers: Vec<f64> = values.iter().map(|told| told.value).collect();
    let columns = vec![
        text("symbol", |told| &told.symbol),
        text("field", |told| &told.field),
        Series::new("date".into(), dates).cast(&DataType::Date)?.into_column(),
        time("known", |told| told.known.as_microsecond()),
        text("provider", |told| &told.provider),
        text("kind", |told| &told.kind),
        text("subject", |told| &told.subject),
        text("unit", |told| &told.unit),
        Series::new("value".into(), numbers).into_column(),
        time("fetched", |told| told.fetched.as_microsecond()),
    ];
    Ok(DataFrame::new(values.len(), columns)?)
}

/// What a file's name ends with until the list that names it is ready.
pub(super) const PART: &str = ".part";

/// Sorts rows and writes them as a new file under its name with [`PART`]; it is on the disk when this returns.
pub(super) fn write(folder: &Path, file: String, frame: &DataFrame, part: Option<Part>) -> Result<Segment> {
    let mut sorted = frame.sort(COLUMNS, SortMultipleOptions::default())?;
    let new = OpenOptions::new().write(true).create_new(true).open(folder.join(format!("{file}{PART}")))?;
    let mut output = Hashing { file: new, hasher: Sha256::new(), bytes: 0 };
    ParquetWriter::new(&mut output).with_row_group_size(Some(GROUP)).finish(&mut sorted)?;
    output.file.sync_all()?;
    entry(&sorted, file, (output.bytes, hex(output.hasher)), part)
}

/// A file's line in the list; rows are sorted.
pub(super) fn entry(
    sorted: &DataFrame,
    file: String,
    (bytes, sha256): (u64, String),
    part: Option<Part>,
) -> Result<Segment> {
    let symbols = sorted.column("symbol")?.str()?;
    let symbol = |row: Option<usize>| row.and_then(|row| symbols.get(row)).context("a segment without rows");
    let dates = sorted.column("date")?.cast(&DataType::Int32)?;
    let dates = dates.i32()?;
    let date = |day: Option<i32>| day.and_then(date_of).context("a row without a date");
    Ok(Segment {
        rows: sorted.height() as u64,
        bytes,
        sha256,
        first_date: date(dates.iter().flatten().min())?,
        last_date: date(dates.iter().flatten().max())?,
        first_symbol: symbol(Some(0))?.to_owned(),
        last_symbol: symbol(sorted.height().checked_sub(1))?.to_owned(),
        file,
        part,
    })
}

fn hex(hasher: Sha256) -> String {
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A file that is digested while it is written.
struct Hashing {
    file: File,
    hasher: Sha256,
    bytes: u64,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or(bytes));
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// Compares a file's size with the list, and looks for the footer of a whole Parquet file.
pub(super) fn check(folder: &Path, segment: &Segment) -> Result<()> {
    let mut file = match File::open(folder.join(&segment.file)) {
        Err(error) => return Err(differs(folder, segment, &error.kind().to_string()).into()),
        Ok(file) => file,
    };
    let bytes = file.metadata()?.len();
    if bytes != segment.bytes {
        let what = format!("{bytes} bytes where the manifest says {}", segment.bytes);
        return Err(differs(folder, segment, &what).into());
    }
    let (mut head, mut tail) = ([0; 4], [0; 8]);
    let whole = file
        .read_exact(&mut head)
        .and_then(|()| file.seek(SeekFrom::End(-8)))
        .and_then(|_| file.read_exact(&mut tail));
    let [a, b, c, d, magic @ ..] = tail;
    let footer = u64::from(u32::from_le_bytes([a, b, c, d]));
    if whole.is_err() || head != *MAGIC || magic != *MAGIC || footer + 12 > bytes {
        return Err(differs(folder, segment, "not a whole Parquet file").into());
    }
    Ok(())
}

/// Compares a file's digest with the list.
pub(super) fn verify(folder: &Path, segment: &Segment) -> Result<()> {
    check(folder, segment)?;
    if sha256_file(&folder.join(&segment.file))? != segment.sha256 {
        return Err(differs(folder, segment, "its SHA-256 is not the manifest's").into());
    }
    Ok(())
}

/// A file in one state: device, number, size, and the times of its content and of its entry, in nanoseconds.
type State = (u64, u64, u64, i128, i128);

/// States of files that this process has compared with their digests.
static COMPARED: Mutex<BTreeSet<State>> = Mutex::new(BTreeSet::new());

/// As [`verify`], once for each state of a file in a process: one that was not written since is not read twice.
pub(super) fn verify_once(folder: &Path, segment: &Segment) -> Result<()> {
    let state = || state(&folder.join(&segment.file)).ok();
    let before = state();
    let compared = || COMPARED.lock().unwrap_or_else(PoisonError::into_inner);
    if before.is_some_and(|state| compared().contains(&state)) {
        return Ok(());
    }
    verify(folder, segment)?;
    if let (Some(before), true) = (before, before == state()) {
        compared().insert(before);
    }
    Ok(())
}

fn state(path: &Path) -> std::io::Result<State> {
    let found = fs_err::metadata(path)?;
    let nanos = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
    let changed = (nanos(found.mtime(), found.mtime_nsec()), nanos(found.ctime(), found.ctime_nsec()));
    Ok((found.dev(), found.ino(), found.len(), changed.0, changed.1))
}

fn differs(folder: &Path, segment: &Segment, what: &str) -> Refusal {
    Refusal::data(format!("{}: {what}", folder.join(&segment.file).display())).hint(
        "restore the file from a backup; without one, `fetch --repair-store` goes on without it, and \
         `fetch --rebuild-store` makes the store again from the raw answers beside it",
    )
}
