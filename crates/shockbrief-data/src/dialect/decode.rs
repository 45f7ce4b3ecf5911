//! Bytes to text, piece by piece: UTF-8, UTF-16 and Windows-1252, and the leftovers of UTF-7.

use anyhow::Result;
use encoding_rs::{DecoderResult, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use shockbrief_core::config::Encoding;
use std::{io::Read, path::Path};

/// Bytes looked at before anything is decided.
pub(super) const SAMPLE: usize = 64 * 1024;

/// How the beginning of a file looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Guess {
    pub encoding: Encoding,
    /// Whether a byte order mark says so.
    pub marked: bool,
    /// Whether all bytes so far are ASCII, so that UTF-8 is not certain yet.
    pub ascii: bool,
}

/// The encoding of a file that begins with these bytes.
pub(super) fn guess(sample: &[u8]) -> Guess {
    let guess = |encoding, marked| Guess { encoding, marked, ascii: false };
    if sample.starts_with(b"\xef\xbb\xbf") {
        return guess(Encoding::Utf8, true);
    }
    if sample.starts_with(b"\xff\xfe") {
        return guess(Encoding::Utf16le, true);
    }
    if sample.starts_with(b"\xfe\xff") {
        return guess(Encoding::Utf16be, true);
    }
    if let Some(encoding) = wide(sample) {
        return guess(encoding, false);
    }
    match std::str::from_utf8(sample) {
        Ok(_) => Guess { ascii: sample.is_ascii(), ..guess(Encoding::Utf8, false) },
        // The sample may end within a character.
        Err(error) if error.error_len().is_none() => guess(Encoding::Utf8, false),
        Err(_) => guess(Encoding::Windows1252, false),
    }
}

/// UTF-16 without mark: digits and separators leave every other byte zero.
fn wide(sample: &[u8]) -> Option<Encoding> {
    let pairs = sample.len() / 2;
    let zeros = |at: usize| sample.iter().skip(at).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    match () {
        () if pairs == 0 => None,
        () if odd * 10 > pairs * 7 && even * 20 < pairs => Some(Encoding::Utf16le),
        () if even * 10 > pairs * 7 && odd * 20 < pairs => Some(Encoding::Utf16be),
        () => None,
    }
}

/// What stopped the reading of a file.
pub(super) enum Stop {
    /// Bytes that the encoding does not have.
    Malformed,
    /// The consumer refused.
    Refused(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

/// Hands the text of a file to `each`, piece by piece.
pub(super) fn decode(
    path: &Path,
    encoding: Encoding,
    each: &mut dyn FnMut(&str) -> Result<()>,
) -> Result<(), Stop> {
    let mut decoder = match encoding {
        Encoding::Utf8 => UTF_8,
        Encoding::Utf16le => UTF_16LE,
        Encoding::Utf16be => UTF_16BE,
        Encoding::Windows1252 => WINDOWS_1252,
    }
    .new_decoder_with_bom_removal();
    let mut file = fs_err::File::open(path)?;
    let mut bytes = vec![0_u8; SAMPLE];
    let mut text = String::with_capacity(SAMPLE * 3 + 16);
    loop {
        let length = file.read(&mut bytes)?;
        let mut rest = &bytes[..length];
        loop {
            let (result, read) = decoder.decode_to_string_without_replacement(rest, &mut text, length == 0);
            rest = &rest[read..];
            each(&text)?;
            text.clear();
            match result {
                DecoderResult::InputEmpty => break,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => return Err(Stop::Malformed),
            }
        }
        if length == 0 {
            return Ok(());
        }
    }
}

/// The text of a sample; a character cut off at its end is left out.
pub(super) fn sample_text(sample: &[u8], encoding: Encoding) -> String {
    let codec = match encoding {
        Encoding::Utf8 => UTF_8,
        Encoding::Utf16le => UTF_16LE,
        Encoding::Utf16be => UTF_16BE,
        Encoding::Windows1252 => WINDOWS_1252,
    };
    let mut text = String::with_capacity(sample.len() * 3 + 16);
    let _ = codec.new_decoder_with_bom_removal().decode_to_string(sample, &mut text, false);
    text
}

/// A cell with its leftovers of UTF-7 decoded (`+AC0-` is a hyphen), if it has any.
pub(super) fn utf7(cell: &str) -> Option<String> {
    let mut out = String::with_capacity(cell.len());
    let (mut rest, mut found) = (cell, false);
    while let Some(at) = rest.find('+') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        match after.find('-').and_then(|end| Some((end, shifted(&after[..end])?))) {
            Some((end, text)) => {
                out.push_str(&text);
                rest = &after[end + 1..];
                found = true;
            }
            None => {
                out.push('+');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    found.then_some(out)
}

/// Base64 of UTF-16 whose spare bits are zero, as UTF-7 has it; letters and digits need no shift, so that
/// text which decodes to them is none.
fn shifted(code: &str) -> Option<String> {
    if code.len() < 3 || code.len() > 32 {
        return None;
    }
    let (mut units, mut bits, mut held) = (Vec::new(), 0_u32, 0_u32);
    for byte in code.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        (bits, held) = ((bits << 6) | u32::from(value), held + 6);
        if held >= 16 {
            held -= 16;
            units.push(u16::try_from(bits >> held & 0xffff).ok()?);
            bits &= (1 << held) - 1;
        }
    }
    let text = String::from_utf16(&units).ok()?;
    let plausible = |c: char| {
        !c.is_alphanumeric()
            && !c.is_control()
            && ((c as u32) < 0x100 || (0x2000..0x2300).contains(&(c as u32)))
    };
    (held < 6 && bits == 0 && !text.is_empty() && text.chars().all(plausible)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_told_by_marks_and_zeros() {
        let wide: Vec<u8> = "date;close\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(guess(&wide).encoding, Encoding::Utf16le);
        let wide: Vec<u8> = "date;close\r\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(guess(&wide).encoding, Encoding::Utf16be);
        assert_eq!(guess("date;clôture".as_bytes()).encoding, Encoding::Utf8);
        assert_eq!(guess(b"date;cl\xf4ture").encoding, Encoding::Windows1252);
        assert!(guess(b"date").ascii && !guess(b"").marked);
    }

    #[test]
    fn leftovers_of_utf7() {
        for (cell, text) in [
            ("+AC0-1.5", "-1.5"),
            ("2025+AC0-01+AC0-27", "2025-01-27"),
            ("1+AKA-234", "1\u{a0}234"),
            ("+IKw-12", "€12"),
        ] {
            assert_eq!(utf7(cell).as_deref(), Some(text), "{cell}");
        }
        for cell in ["+1-", "+12-", "a+b-c", "1+2", "+ABC-", "+AEE-", "", "+-"] {
            assert_eq!(utf7(cell), None, "{cell}");
        }
    }
}
