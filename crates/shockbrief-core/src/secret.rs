//! Keys, and what another side says beside a request that carried one.
//!
//! A server can repeat a key in any spelling: as it is, percent-encoded, escaped for JSON or HTML, in hexadecimal, or
//! inside the base64 of a longer line such as `\0user\0key`. What it said is therefore taken apart before it is cut
//! and before anybody sees it: every run of letters that it shares with a spelling of the key is left out, so that a
//! part of the key goes like the whole.

use crate::{Refusal, config::KeySource};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// Letters in a row that no message shares with a key.
const RUN: usize = 6;

/// Letters below which a text is no key that could be told from words.
const SHORTEST: usize = 3;

/// Bytes of an answer that are looked at for a message.
const WINDOW: usize = 4096;

/// What stands in the place of a key.
const STARS: &str = "***";

/// A key; its debug form is a row of stars.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(STARS)
    }
}

impl Secret {
    /// A key from text, for callers that hold one.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Reads a key from its declared place; `owner` names who wants it, such as "provider `tiingo`".
    ///
    /// # Errors
    /// When the variable is not set, the file cannot be read, or either is empty or holds more than a key.
    pub fn read(owner: &str, place: &KeySource) -> Result<Self, Refusal> {
        let (text, named) = place.read();
        let Some(text) = text else {
            return Err(Refusal::config(format!("{owner}: {named} holds no key"))
                .hint("put the key there, or take out what needs it"));
        };
        if text.chars().any(|c| c.is_whitespace() || c.is_control() || !c.is_ascii()) {
            return Err(Refusal::config(format!("{owner}: {named} holds more than a key"))
                .hint("keep the key alone there: one word of ASCII letters, digits and signs"));
        }
        Ok(Self(text))
    }

    /// The key itself, for the request alone.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// What must not be seen: keys and names of users, in every spelling.
#[derive(Clone, Default)]
pub struct Hidden {
    /// Runs of letters by their length, of texts without blanks.
    runs: BTreeMap<usize, BTreeSet<Vec<u8>>>,
    /// The same, of texts without signs.
    plain: BTreeMap<usize, BTreeSet<Vec<u8>>>,
    /// Whole spellings.
    whole: BTreeSet<String>,
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(STARS)
    }
}

impl Hidden {
    /// Hides nothing.
    #[must_use]
    pub const fn nothing() -> Self {
        Self { runs: BTreeMap::new(), plain: BTreeMap::new(), whole: BTreeSet::new() }
    }

    /// Hides a key: the whole, and every part of six letters or more.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        for form in spellings(key.as_bytes()) {
            self.hide(&form, RUN);
        }
        self
    }

    /// Hides a user's name: the whole, and every part of those encoded forms that leave none of
    /// it legible. Parts of the name itself are words, such as
    /// the host of a mail address.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.hide(name.as_bytes(), usize::MAX);
        for form in encoded(name.as_bytes()) {
            let words = name.as_bytes().windows(RUN).any(|part| form.windows(RUN).any(|own| own == part));
            self.hide(&form, if words { usize::MAX } else { RUN });
        }
        self
    }

    fn hide(&mut self, form: &[u8], run: usize) {
        let solid = folded(form, u8::is_ascii_graphic);
        let plain = folded(form, u8::is_ascii_alphanumeric);
        if solid.len() >= SHORTEST {
            self.whole.extend(std::str::from_utf8(form).ok().map(str::to_owned));
            add(&mut self.runs, &solid, run.min(solid.len()));
        }
        if plain.len() >= RUN {
            add(&mut self.plain, &plain, run.min(plain.len()));
        }
    }

    /// Whether bytes hold a whole spelling of what is hidden: what does is not kept.
    #[must_use]
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        let text = String::from_utf8_lossy(bytes);
        self.whole.iter().any(|form| text.contains(form.as_str()))
    }

    /// A text without what is hidden.
    #[must_use]
    pub fn strip(&self, text: &str) -> String {
        let once = strip(text, &self.runs, u8::is_ascii_graphic);
        strip(&once, &self.plain, u8::is_ascii_alphanumeric)
    }

    /// What another side said, on one line, without what is hidden, and then cut.
    #[must_use]
    pub fn said(&self, bytes: &[u8]) -> Said {
        let window = bytes.get(..WINDOW).unwrap_or(bytes);
        let text = String::from_utf8_lossy(window);
        let visible: String = text.chars().filter(|c| !c.is_control() || c.is_whitespace()).collect();
        let line = self.strip(&visible.split_whitespace().collect::<Vec<_>>().join(" "));
        Said(match line.char_indices().nth(Said::LONGEST) {
            Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
            None => line,
        })
    }
}

/// The words of another side that may be shown: one line, without keys, of a length that a reader takes in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Said(String);

impl Said {
    /// Letters that are shown at most.
    pub const LONGEST: usize = 140;

    /// Whether nothing was said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The letters that count, in small letters.
fn folded(bytes: &[u8], counts: fn(&u8) -> bool) -> Vec<u8> {
    bytes.iter().filter(|byte| counts(byte)).map(u8::to_ascii_lowercase).collect()
}

fn add(runs: &mut BTreeMap<usize, BTreeSet<Vec<u8>>>, form: &[u8], length: usize) {
    runs.entry(length).or_default().extend(form.windows(length).map(<[u8]>::to_vec));
}

/// Puts stars in the place of every stretch whose counting letters hold a hidden run.
fn strip(text: &str, runs: &BTreeMap<usize, BTreeSet<Vec<u8>>>, counts: fn(&u8) -> bool) -> String {
    let places: Vec<(usize, u8)> = text
        .bytes()
        .enumerate()
        .filter(|(_, byte)| counts(byte))
        .map(|(at, byte)| (at, byte.to_ascii_lowercase()))
        .collect();
    let letters: Vec<u8> = places.iter().map(|(_, letter)| *letter).collect();
    let mut gone: Vec<(usize, usize)> = Vec::new();
    for (length, hidden) in runs {
        for (start, window) in letters.windows(*length).enumerate() {
            let (first, last) = (places.get(start), places.get(start + length - 1));
            if let (true, Some((first, _)), Some((last, _))) = (hidden.contains(window), first, last) {
                gone.push((*first, *last + 1));
            }
        }
    }
    gone.sort_unstable();
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for (start, end) in gone {
        if end <= at {
            continue;
        }
        if start >= at && (start > at || at == 0) {
            out.push_str(text.get(at..start).unwrap_or_default());
            out.push_str(STARS);
        }
        at = end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// A key as it is and in the forms that programs give it.
fn spellings(key: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = vec![key.to_vec()];
    forms.push(escaped(key, |byte| match byte {
        b'"' | b'\\' | b'/' => Some(vec![b'\\', byte]),
        _ => None,
    }));
    forms.push(escaped(key, |byte| match byte {
        b'&' => Some(b"&amp;".to_vec()),
        b'<' => Some(b"&lt;".to_vec()),
        b'>' => Some(b"&gt;".to_vec()),
        b'"' => Some(b"&quot;".to_vec()),
        b'\'' | b'/' | b'=' | b'+' | b'`' => Some(format!("&#x{byte:X};").into_bytes()),
        _ => None,
    }));
    let sign = |byte: u8| !byte.is_ascii_alphanumeric();
    forms.push(escaped(key, |byte| sign(byte).then(|| format!("&#{byte};").into_bytes())));
    forms.push(escaped(key, |byte| sign(byte).then(|| format!("\\u{byte:04x}").into_bytes())));
    forms.extend(encoded(key));
    forms
}

/// Forms in which no word of the text stands any more.
fn encoded(text: &[u8]) -> Vec<Vec<u8>> {
    let sign = |byte: u8| !byte.is_ascii_alphanumeric();
    let percent = |byte: u8| sign(byte).then(|| format!("%{byte:02X}").into_bytes());
    let twice = |byte: u8| sign(byte).then(|| format!("%25{byte:02X}").into_bytes());
    let all = |form: fn(u8) -> String| -> Vec<u8> {
        text.iter().flat_map(|byte| form(*byte).into_bytes()).collect()
    };
    let mut forms = vec![
        all(|byte| format!("{byte:02x}")),
        all(|byte| format!("\\u{byte:04x}")),
        all(|byte| format!("\\x{byte:02x}")),
        all(|byte| format!("&#{byte};")),
        all(|byte| format!("&#x{byte:x};")),
    ];
    if text.iter().any(|byte| sign(*byte)) {
        forms.extend([escaped(text, percent), escaped(text, twice)]);
    }
    // A line such as `user:key` or `Bearer key` puts the key at one of three places of a group of base64.
    for before in 0..3 {
        let line = [&vec![0; before], text].concat();
        let code = base64(&line);
        // The first letters hold bits of what stands before.
        let own = code.get((before * 8).div_ceil(6)..).unwrap_or_default();
        forms.push(own.to_vec());
        forms.push(
            own.iter()
                .map(|letter| match letter {
                    b'+' => b'-',
                    b'/' => b'_',
                    other => *other,
                })
                .collect(),
        );
    }
    forms
}

fn escaped(text: &[u8], form: impl Fn(u8) -> Option<Vec<u8>>) -> Vec<u8> {
    text.iter().flat_map(|byte| form(*byte).unwrap_or_else(|| vec![*byte])).collect()
}

/// Base64 without padding (RFC 4648); the last letter is left out where it holds bits of what follows.
fn base64(bytes: &[u8]) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut held, mut code) = (0_u32, 0, Vec::new());
    for byte in bytes {
        bits = (bits << 8) | u32::from(*byte);
        held += 8;
        while held >= 6 {
            held -= 6;
            code.extend(LETTERS.get(usize::try_from((bits >> held) & 63).unwrap_or_default()));
        }
    }
    code
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    const KEY: &str = "SECRETkey0123456789/ABCdef+GHI=jklMNO";

    fn said(text: &str) -> String {
        Hidden::default().key(KEY).said(text.as_bytes()).to_string()
    }

    /// No stretch of eight letters of the key.
    fn clean(text: &str) -> bool {
        KEY.as_bytes().windows(8).all(|part| !text.contains(std::str::from_utf8(part).unwrap()))
    }

    #[test]
    fn a_key_is_never_shown() {
        assert_eq!(format!("{:?}", Secret::new("a+b/c")), "***");
        let hidden = Hidden::default().key("a+b/c");
        assert_eq!(format!("{hidden:?}"), "***");
        assert_eq!(hidden.strip("x?apikey=a%2Bb%2Fc&y=a+b/c"), "x?apikey=***&y=***");
    }

    /// Vectors from RFC 4648, section 10; a last letter that holds bits of what follows is left out.
    #[test]
    fn base64_is_that_of_the_standard() {
        for (text, code) in [("foo", "Zm9v"), ("foobar", "Zm9vYmFy"), ("foob", "Zm9vY"), ("fooba", "Zm9vYm")]
        {
            assert_eq!(base64(text.as_bytes()), code.as_bytes(), "{text}");
        }
    }

    #[test]
    fn every_spelling_goes() {
        let upper: String = KEY.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let hex: String = KEY.bytes().map(|byte| format!("{byte:02x}")).collect();
        let spaced: String = KEY.chars().flat_map(|c| [c, ' ']).collect();
        for (form, rest) in [
            (KEY.to_owned(), ""),
            (KEY.to_lowercase(), ""),
            (KEY.replace('/', "\\/"), ""),
            (KEY.replace('/', "%2F").replace('+', "%2B").replace('=', "%3D"), ""),
            (KEY.replace('/', "%2f").replace('+', "%2b").replace('=', "%3d"), ""),
            (KEY.replace('/', "&#x2F;"), ""),
            (upper, "%"),
            (hex, ""),
            (spaced, ""),
            (KEY.replace('k', "k\u{200b}").replace('5', "5\u{0}"), ""),
        ] {
            let told = said(&format!("refused: {form}"));
            assert_eq!(told, format!("refused: {rest}***"), "{form}");
        }
    }

    #[test]
    fn base64_of_a_longer_line_goes() {
        // Made with another encoder: `base64` of GNU coreutils.
        for (code, rest) in [
            // "mail:" + KEY
            ("bWFpbDpTRUNSRVRrZXkwMTIzNDU2Nzg5L0FCQ2RlZitHSEk9amtsTU5P", "bWFpbDp"),
            // "Bearer " + KEY
            ("QmVhcmVyIFNFQ1JFVGtleTAxMjM0NTY3ODkvQUJDZGVmK0dIST1qa2xNTk8=", "QmVhcmVyIF"),
            // "\0me\0" + KEY
            ("AG1lAFNFQ1JFVGtleTAxMjM0NTY3ODkvQUJDZGVmK0dIST1qa2xNTk8=", "AG1lAF"),
        ] {
            let told = said(&format!("535 {code}"));
            assert!(told.starts_with(&format!("535 {rest}***")) && told.len() < rest.len() + 12, "{told}");
        }
    }

    #[test]
    fn a_part_goes_wherever_a_cut_falls() {
        for before in 0..Said::LONGEST + 10 {
            let told = said(&format!("{}{KEY}", "x".repeat(before)));
            assert!(clean(&told), "{before}: {told}");
        }
        for start in 0..KEY.len() - 8 {
            for end in start + 8..KEY.len() {
                let told = said(&format!("no: {} end", &KEY[start..end]));
                assert!(told.starts_with("no: ***"), "{start}..{end}: {told}");
            }
        }
        // At the edge of what is looked at, behind so many blanks that it would be shown.
        for before in WINDOW - 60..WINDOW {
            assert!(clean(&said(&format!("no{}{KEY}", " ".repeat(before)))), "{before}");
        }
    }

    #[test]
    fn bytes_that_hold_a_key_are_known() {
        let hidden = Hidden::nothing().key(KEY);
        assert!(hidden.is_in(format!("{{\"a\": \"{KEY}\"}}").as_bytes()));
        assert!(hidden.is_in(KEY.replace('/', "\\/").as_bytes()));
        assert!(hidden.is_in(b"Basic bWFpbDpTRUNSRVRrZXkwMTIzNDU2Nzg5L0FCQ2RlZitHSEk9amtsTU5P"));
        assert!(!hidden.is_in(b"day,close\n2025-01-27,118.42\n") && !Hidden::nothing().is_in(b"x"));
    }

    #[test]
    fn names_go_as_a_whole_and_other_words_stay() {
        let hidden = Hidden::default().key(KEY).name("desk@example.org");
        assert_eq!(
            hidden.strip("b@example.org: no mail from desk@example.org"),
            "b@example.org: no mail from ***"
        );
        // `base64` of "desk@example.org", as AUTH LOGIN sends it.
        assert_eq!(hidden.strip("334 ZGVza0BleGFtcGxlLm9yZw=="), "334 ***w==");
        let words = "status 503: “maintenance until 06:00 UTC, see the page of the provider”";
        assert_eq!(hidden.strip(words), words);
    }

    #[test]
    fn a_key_file_holds_one_word() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let read = |text: &str| {
            fs_err::write(&path, text).unwrap();
            Secret::read("provider `p`", &KeySource::File(path.clone()))
        };
        assert_eq!(read("abc\n").unwrap().expose(), "abc");
        assert!(read("abc def\n").unwrap_err().message.contains("more than a key"));
        assert!(read("\n").unwrap_err().message.contains("holds no key"));
    }
}
