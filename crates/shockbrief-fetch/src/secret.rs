//! Keys of providers: read from the environment or a file, never printed.

use shockbrief_core::{Refusal, config::KeySource};
use std::fmt;

/// A key; its debug form is a row of stars.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Secret {
    /// A key from text, for callers that hold one.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Reads a key from its declared place.
    ///
    /// # Errors
    /// When the variable is not set, the file cannot be read, or either is empty or holds more than a key.
    pub fn read(provider: &str, place: &KeySource) -> Result<Self, Refusal> {
        let (text, named) = place.read();
        let Some(text) = text else {
            return Err(Refusal::config(format!("provider `{provider}`: {named} holds no key"))
                .hint("put the provider's key there, or disable the provider in config/fetch.yaml"));
        };
        if text.chars().any(|c| c.is_whitespace() || c.is_control() || !c.is_ascii()) {
            return Err(Refusal::config(format!("provider `{provider}`: {named} holds more than a key"))
                .hint("keep the key alone there: one word of ASCII letters, digits and signs"));
        }
        Ok(Self(text))
    }

    /// The key itself, for a header or an address that is not shown.
    #[must_use]
    pub fn for_header(&self) -> &str {
        &self.0
    }

    /// The key itself, for the request alone.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Text without the key, plain or percent-encoded.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let encoded: String = self.0.bytes().map(encode).collect();
        text.replace(&self.0, "***").replace(&encoded, "***")
    }
}

fn encode(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-_.~*".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_never_shown() {
        let key = Secret::new("a+b/c");
        assert_eq!(format!("{key:?}"), "***");
        assert_eq!(key.redact("x?apikey=a%2Bb%2Fc&y=a+b/c"), "x?apikey=***&y=***");
    }

    #[test]
    fn a_key_file_holds_one_word() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs_err::write(&path, "abc\n").unwrap();
        assert_eq!(Secret::read("p", &KeySource::File(path.clone())).unwrap().expose(), "abc");
        fs_err::write(&path, "abc def\n").unwrap();
        assert!(
            Secret::read("p", &KeySource::File(path.clone()))
                .unwrap_err()
                .message
                .contains("more than a key")
        );
        fs_err::write(&path, "\n").unwrap();
        assert!(Secret::read("p", &KeySource::File(path)).unwrap_err().message.contains("holds no key"));
    }
}
