//! Escaping for Typst: whatever a value holds, it prints as itself.
//!
//! Three places exist: markup ([`markup`]), a string literal ([`literal`]) and an SVG (`charts/canvas.rs`).
//! Control characters, line separators and bidirectional controls have no place in a brief and are
//! dropped or become a space.

/// Characters with a meaning in Typst markup, wherever they stand.
const SPECIAL: &[char] = &[
    '\\', '#', '$', '*', '_', '<', '>', '@', '[', ']', '~', '`', '"', '\'', '=', '-', '+', '/', '(', ';',
    '{', '}',
];

/// Text that markup prints as it is.
#[must_use]
pub fn markup(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let clean = clean(text);
    let mut previous = None;
    let mut chars = clean.chars().peekable();
    while let Some(c) = chars.next() {
        if SPECIAL.contains(&c) || dot(previous, c, chars.peek().copied()) {
            out.push('\\');
        }
        out.push(c);
        previous = Some(c);
    }
    out
}

/// A dot that could continue a call, number a list or make an ellipsis; a colon that could end a term.
fn dot(previous: Option<char>, c: char, next: Option<char>) -> bool {
    match c {
        '.' => {
            let between_digits = next.is_some_and(|n| n.is_ascii_digit());
            let in_word = previous.is_some_and(|p| p.is_alphabetic());
            !(previous.is_some() && (between_digits || in_word)) || next == Some('.') || previous == Some('.')
        }
        ':' => previous.is_none(),
        _ => false,
    }
}

/// Text as a Typst string literal, quotes included.
#[must_use]
pub fn literal(text: &str) -> String {
    format!("\"{}\"", clean(text).replace('\\', "\\\\").replace('"', "\\\""))
}

/// Drops controls; line breaks and tabs become one space.
#[must_use]
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\n' | '\r' | '\t' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}') {
            if !out.ends_with(' ') {
                out.push(' ');
            }
        } else if !is_dropped(c) {
            out.push(c);
        }
    }
    out
}

fn is_dropped(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e000}'..='\u{f8ff}'
            | '\u{e0000}'..='\u{e007f}' | '\u{f0000}'..='\u{10ffff}')
        || (c as u32 & 0xfffe) == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hostile_names() {
        let cases = [
            (r##"#import "x"; $a_b$ [*]"##, r##"\#import \"x\"\; \$a\_b\$ \[\*\]"##),
            ("= Heading", "\\= Heading"),
            ("- item", "\\- item"),
            ("+ item", "\\+ item"),
            ("/ term: x", "\\/ term: x"),
            ("https://example.org", "https:\\/\\/example.org"),
            ("1. first", "1\\. first"),
            ("3.14", "3.14"),
            ("Amazon.com", "Amazon.com"),
            ("...", "\\.\\.\\."),
            ("(x)", "\\(x)"),
            (".at(0)", "\\.at\\(0)"),
            ("a\u{0}b\u{202e}c\u{feff}", "abc"),
            ("a\r\n\r\n= b", "a \\= b"),
            ("\\", "\\\\"),
            ("`raw` @ref <label> ~", "\\`raw\\` \\@ref \\<label\\> \\~"),
        ];
        for (text, expected) in cases {
            assert_eq!(markup(text), expected);
        }
        assert_eq!(literal("a\"b\\c\nd"), "\"a\\\"b\\\\c d\"");
    }

    /// What Typst reads back: an escape is the character after the backslash.
    fn unescape(text: &str) -> String {
        let mut chars = text.chars();
        let mut out = String::new();
        while let Some(c) = chars.next() {
            out.push(if c == '\\' { chars.next().unwrap() } else { c });
        }
        out
    }

    proptest! {
        #[test]
        fn nothing_special_is_left_and_nothing_is_lost(text in "\\PC*|[\\\\#$*_<>@\\[\\]~`\"'=+/(;.: \n-]*|.*") {
            let escaped = markup(&text);
            prop_assert_eq!(unescape(&escaped), clean(&text));
            let mut chars = escaped.chars();
            while let Some(c) = chars.next() {
                if c == '\\' { chars.next(); } else { prop_assert!(!SPECIAL.contains(&c)); }
            }
            prop_assert!(!escaped.contains("\\u{"), "an escape must not become a code point");
        }
    }
}
