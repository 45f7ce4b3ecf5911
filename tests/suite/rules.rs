//! The typographic rules that any printed text keeps to, as a list of what it breaks.
//!
//! Written apart from the pass that applies them, so that one is checked by the other.

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}')
}

/// What a text breaks, by name; nothing when it keeps to the rules of its language.
pub fn broken(text: &str, language: &str) -> Vec<&'static str> {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\n');
    let mut found = Vec::new();
    for i in 0..chars.len() {
        let (before, c, next) = (if i == 0 { '\n' } else { at(i - 1) }, at(i), at(i + 1));
        let before_space = (0..i).rev().map(at).find(|c| !is_space(*c)).unwrap_or('\n');
        let counted = before_space.is_ascii_digit();
        let ends = !next.is_alphanumeric() && next != '/';
        match c {
            '\'' | '"' => found.push("a straight quote or apostrophe"),
            ' ' if next == ' ' => found.push("two spaces"),
            '.' if next == '.' => found.push("dots for an ellipsis"),
            '-' if next.is_ascii_digit() && (is_space(before) || matches!(before, '\n' | '(' | '[')) => {
                found.push("a hyphen for a minus");
            }
            ',' | ')' if is_space(before) => found.push("a space before a comma or bracket"),
            '.' if is_space(before) && ends => found.push("a space before a full stop"),
            _ => {}
        }
        if language == "fr" {
            match c {
                ';' | '!' | '?'
                    if before != '\u{202f}'
                        && !matches!(before, '(' | '!' | '?' | '\n')
                        && before_space != '«' =>
                {
                    found.push("no narrow space before a high mark");
                }
                ':' if before != '\u{a0}' && ends => found.push("no space before a colon"),
                '«' if next != '\u{a0}' => found.push("no space after a guillemet"),
                '»' if before != '\u{a0}' => found.push("no space before a guillemet"),
                '%' | '‰' | '€' | '$' if counted && before != '\u{a0}' => {
                    found.push("no space before a sign")
                }
                '“' | '”' => found.push("English quotes"),
                _ => {}
            }
        } else if language == "de" {
            match c {
                ';' | ':' | '!' | '?' if is_space(before) => found.push("a space before a mark"),
                '%' | '‰' | '€' | '$' if counted && before != '\u{a0}' && !next.is_alphabetic() => {
                    found.push("no space before a sign");
                }
                '«' | '»' => found.push("guillemets"),
                '”' => found.push("an English quotation mark"),
                '—' => found.push("an em dash"),
                '„' if is_space(next) => found.push("a space after a quotation mark"),
                '“' if is_space(before) => found.push("a space before a quotation mark"),
                '.' if is_pair(before, next, at(i + 2)) => {
                    found.push("an abbreviation without its narrow space")
                }
                _ => {}
            }
        } else {
            match c {
                ';' | ':' | '!' | '?' if is_space(before) => found.push("a space before a mark"),
                '%' if counted && is_space(before) => found.push("a space before a percent sign"),
                '«' | '»' => found.push("guillemets"),
                _ => {}
            }
        }
    }
    found
}

/// Whether the stop between two letters of “z. B.” has no narrow no-break space behind it.
fn is_pair(before: char, next: char, second: char) -> bool {
    let pairs = [('z', 'B'), ('d', 'h'), ('u', 'a'), ('k', 'A'), ('z', 'T'), ('v', 'a'), ('o', 'Ä')];
    pairs.contains(&(before, next))
        || (is_space(next) && next != '\u{202f}' && pairs.contains(&(before, second)))
}
