//! The first text file of a zip archive: stored or deflated, with its checksum.
//!
//! Reads what the factor library needs and no more: no encryption, no split archives, no 64-bit sizes.

use flate2::{Crc, read::DeflateDecoder};
use std::io::Read;

/// Why an archive gave no text.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault {
    /// The text is above the limit.
    Large,
    /// It holds other files only.
    NoText(String),
    /// Another packing method.
    Packed(u16),
    /// Cut or changed.
    Damaged(&'static str),
}

/// An entry of the central directory.
struct Entry {
    name: String,
    method: u16,
    crc: u32,
    packed: usize,
    offset: usize,
}

const END: &[u8] = b"PK\x05\x06";
const CENTRAL: &[u8] = b"PK\x01\x02";
const LOCAL: &[u8] = b"PK\x03\x04";

/// The first file whose name ends in .csv or .txt.
pub fn first_text(bytes: &[u8], limit: u64) -> Result<Vec<u8>, Fault> {
    let entries = directory(bytes)?;
    let is_text = |entry: &&Entry| {
        let name = entry.name.to_lowercase();
        name.ends_with(".csv") || name.ends_with(".txt")
    };
    let Some(entry) = entries.iter().find(is_text) else {
        let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        return Err(Fault::NoText(names.join(", ")));
    };
    let data = data(bytes, entry)?;
    let mut plain = Vec::new();
    let read = match entry.method {
        0 => data.take(limit + 1).read_to_end(&mut plain),
        8 => DeflateDecoder::new(data).take(limit + 1).read_to_end(&mut plain),
        other => return Err(Fault::Packed(other)),
    };
    read.map_err(|_| Fault::Damaged("its content does not unpack"))?;
    if plain.len() as u64 > limit {
        return Err(Fault::Large);
    }
    let mut crc = Crc::new();
    crc.update(&plain);
    if crc.sum() == entry.crc {
        Ok(plain)
    } else {
        Err(Fault::Damaged("its content does not have its checksum"))
    }
}

fn directory(bytes: &[u8]) -> Result<Vec<Entry>, Fault> {
    // The end record stands in the last 22 bytes, before a comment of up to 65535.
    let tail = bytes.len().saturating_sub(22 + 65_535);
    let last = bytes.get(tail..).unwrap_or_default();
    let end = last.windows(4).rposition(|window| window == END);
    let end = tail + end.ok_or(Fault::Damaged("no directory at its end"))?;
    let count = short(bytes, end + 10)?;
    let mut at = long(bytes, end + 16)?;
    let mut entries = Vec::new();
    for _ in 0..count {
        if slice(bytes, at, 4)? != CENTRAL {
            return Err(Fault::Damaged("its directory is broken"));
        }
        let (name, extra, comment) = (short(bytes, at + 28)?, short(bytes, at + 30)?, short(bytes, at + 32)?);
        entries.push(Entry {
            name: String::from_utf8_lossy(slice(bytes, at + 46, usize::from(name))?).into_owned(),
            method: short(bytes, at + 10)?,
            crc: word(bytes, at + 16)?,
            packed: long(bytes, at + 20)?,
            offset: long(bytes, at + 42)?,
        });
        at += 46 + usize::from(name) + usize::from(extra) + usize::from(comment);
    }
    Ok(entries)
}

fn data<'a>(bytes: &'a [u8], entry: &Entry) -> Result<&'a [u8], Fault> {
    if slice(bytes, entry.offset, 4)? != LOCAL {
        return Err(Fault::Damaged("a file is not where its directory says"));
    }
    let skip = usize::from(short(bytes, entry.offset + 26)?) + usize::from(short(bytes, entry.offset + 28)?);
    slice(bytes, entry.offset + 30 + skip, entry.packed)
}

fn slice(bytes: &[u8], at: usize, length: usize) -> Result<&[u8], Fault> {
    let end = at.checked_add(length).ok_or(Fault::Damaged("an offset outside the file"))?;
    bytes.get(at..end).ok_or(Fault::Damaged("it is cut short"))
}

fn short(bytes: &[u8], at: usize) -> Result<u16, Fault> {
    let two = slice(bytes, at, 2)?.try_into().unwrap_or_default();
    Ok(u16::from_le_bytes(two))
}

fn word(bytes: &[u8], at: usize) -> Result<u32, Fault> {
    let four = slice(bytes, at, 4)?.try_into().unwrap_or_default();
    Ok(u32::from_le_bytes(four))
}

fn long(bytes: &[u8], at: usize) -> Result<usize, Fault> {
    word(bytes, at).map(|four| four as usize)
}
