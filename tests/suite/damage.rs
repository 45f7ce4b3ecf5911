//! Breaking good bytes: cuts, repeats, noise, and words that parsers trip over. Shared by all tests of broken inputs.

use proptest::{collection::vec, prelude::*};

/// One way to break bytes, at a place.
#[derive(Debug, Clone)]
pub enum Edit {
    Cut(usize, usize),
    Insert(usize, Vec<u8>),
    Repeat(usize, usize),
    Byte(usize, u8),
    /// A word between what is there, or over it.
    Word(usize, &'static str, bool),
}

/// Fewer than `most` edits, some of them with one of these words.
pub fn edits(words: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![
        (any::<usize>(), 0..200usize).prop_map(|(at, length)| Edit::Cut(at, length)),
        (any::<usize>(), vec(any::<u8>(), 0..20)).prop_map(|(at, bytes)| Edit::Insert(at, bytes)),
        (any::<usize>(), 0..300usize).prop_map(|(at, length)| Edit::Repeat(at, length)),
        (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Edit::Byte(at, byte)),
        (any::<usize>(), proptest::sample::select(words), any::<bool>())
            .prop_map(|(at, word, over)| Edit::Word(at, word, over)),
    ];
    vec(edit, 0..most)
}

/// The bytes after all edits.
pub fn apply(mut bytes: Vec<u8>, edits: &[Edit]) -> Vec<u8> {
    for edit in edits {
        let place = |at: usize| at % (bytes.len() + 1);
        let end = |at: usize, length: usize| (at + length).min(bytes.len());
        match edit {
            Edit::Cut(at, length) => {
                let at = place(*at);
                bytes.drain(at..end(at, *length));
            }
            Edit::Insert(at, more) => {
                let at = place(*at);
                bytes.splice(at..at, more.iter().copied());
            }
            Edit::Repeat(at, length) => {
                let at = place(*at);
                let part = bytes[at..end(at, *length)].to_vec();
                bytes.splice(at..at, part);
            }
            Edit::Byte(at, byte) => {
                let at = place(*at);
                if let Some(place) = bytes.get_mut(at) {
                    *place = *byte;
                }
            }
            Edit::Word(at, word, over) => {
                let at = place(*at);
                let end = if *over { end(at, word.len()) } else { at };
                bytes.splice(at..end, word.bytes());
            }
        }
    }
    bytes
}
