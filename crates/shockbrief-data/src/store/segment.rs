//! One file of rows: writing it, and refusing one that is not as it was written.

use super::{
    Told,
    manifest::{Part, Segment},
};
use crate::frame::{date_of, days};
use anyhow::{Context, Result};
use fs_err::File;
use polars::prelude::{
    Column, DataFrame, DataType, IntoColumn, NamedFrom, ParquetWriter, Series, SortMultipleOptions,
};
use sha2::{Digest, Sha256};
use shockbrief_core::{Refusal, fs::sha256_file};
use std::{
    io::{Read, Seek, SeekFrom, Write},
    path::Path,
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

/// Sorts rows and writes them as a new file, which is on the disk when this returns.
pub(super) fn write(folder: &Path, file: String, frame: &DataFrame, part: Option<Part>) -> Result<Segment> {
    let mut sorted = frame.sort(COLUMNS, SortMultipleOptions::default())?;
    let mut output = Hashing { file: File::create(folder.join(&file))?, hasher: Sha256::new(), bytes: 0 };
    ParquetWriter::new(&mut output).with_row_group_size(Some(GROUP)).finish(&mut sorted)?;
    output.file.sync_all()?;
    let symbols = sorted.column("symbol")?.str()?;
    let symbol = |row: Option<usize>| row.and_then(|row| symbols.get(row)).context("a segment without rows");
    let dates = sorted.column("date")?.cast(&DataType::Int32)?;
    let dates = dates.i32()?;
    let date = |day: Option<i32>| day.and_then(date_of).context("a row without a date");
    Ok(Segment {
        rows: sorted.height() as u64,
        bytes: output.bytes,
        sha256: output.hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect(),
        first_date: date(dates.iter().flatten().min())?,
        last_date: date(dates.iter().flatten().max())?,
        first_symbol: symbol(Some(0))?.to_owned(),
        last_symbol: symbol(sorted.height().checked_sub(1))?.to_owned(),
        file,
        part,
    })
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
        self.hasher.update(&bytes[..written]);
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

fn differs(folder: &Path, segment: &Segment, what: &str) -> Refusal {
    Refusal::data(format!("{}: {what}", folder.join(&segment.file).display())).hint(
        "restore the file from a backup; without one, move the store's folder away and fetch again: \
         when values became known is then lost",
    )
}
