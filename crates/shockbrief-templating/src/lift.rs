//! Arithmetic on figures in templates: `{% if fig("a") < 0.05 %}` compares the figure's number.
//!
//! minijinja orders an object and a number by kind, silently. So before a template is compiled, each
//! figure that stands beside an operator is replaced by its number: `(fig("a")|raw) < 0.05`. A figure
//! stored in a variable could slip past this; that is refused. Lines do not change.

/// A figure where the engine could not guard it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The line, counted from 1.
    pub line: usize,
}

/// Replaces figures beside operators in the tags of a template.
///
/// # Errors
/// A figure stored in a variable.
pub fn template(source: &str) -> Result<String, Stored> {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(open) = next_tag(rest) {
        let close = match &rest[open..open + 2] {
            "{{" => "}}",
            "{%" => "%}",
            _ => "#}",
        };
        let end = rest[open..].find(close).map_or(rest.len(), |at| open + at + 2);
        out.push_str(&rest[..open]);
        let tag = &rest[open..end];
        if close == "#}" {
            out.push_str(tag);
        } else {
            let line = out.matches('\n').count();
            out.push_str(&expression(tag).map_err(|stored| Stored { line: line + stored.line })?);
        }
        rest = &rest[end..];
    }
    out.push_str(rest);
    Ok(out)
}

/// Completes ids that begin with a dot by the section that the text belongs to: `fig(".week")` becomes
/// `fig("credit.week")`. Lines do not change.
#[must_use]
pub fn local(source: &str, section: &str) -> String {
    const FUNCTIONS: [&str; 10] =
        ["fig(", "has(", "table(", "chart(", "claim(", "list(", "t(", "plain(", "range(", "robust("];
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(open) = next_tag(rest) {
        let close = if rest[open..].starts_with("{%") { "%}" } else { "}}" };
        let end = rest[open..].find(close).map_or(rest.len(), |at| open + at + 2);
        out.push_str(&rest[..open]);
        let mut tag = rest[open..end].to_owned();
        for function in FUNCTIONS {
            for quote in ['"', '\''] {
                tag = tag.replace(&format!("{function}{quote}."), &format!("{function}{quote}{section}."));
            }
        }
        out.push_str(&tag);
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

fn next_tag(text: &str) -> Option<usize> {
    ["{{", "{%", "{#"].iter().filter_map(|open| text.find(open)).min()
}

/// Replaces figures beside operators in an expression.
///
/// # Errors
/// A figure stored in a variable.
fn expression(text: &str) -> Result<String, Stored> {
    let mut out = String::with_capacity(text.len() + 16);
    let mut at = 0;
    while let Some((start, open)) = next_figure(text, at) {
        let Some(end) = chain(text, open).filter(|_| !in_word(text, start)) else {
            out.push_str(&text[at..open]);
            at = open;
            continue;
        };
        let (before, after) = (text[..start].trim_end(), text[end..].trim_start());
        if is_stored(before, after) {
            return Err(Stored { line: text[..start].matches('\n').count() + 1 });
        }
        out.push_str(&text[at..start]);
        if operator_before(before) || operator_after(after) {
            out.push_str(&format!("({}|raw)", &text[start..end]));
        } else {
            out.push_str(&text[start..end]);
        }
        at = end;
    }
    out.push_str(&text[at..]);
    Ok(out)
}

fn in_word(text: &str, start: usize) -> bool {
    text[..start].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.')
}

/// The next call that gives a figure, from `at` on: where it begins, and the place after its bracket.
fn next_figure(text: &str, at: usize) -> Option<(usize, usize)> {
    const FIGURES: [&str; 3] = ["fig(", "range(", "robust("];
    let found = FIGURES.iter().filter_map(|name| {
        let start = text[at..].find(name)? + at;
        Some((start, start + name.len()))
    });
    found.min()
}

/// The end of `fig(...)`, whose bracket opens before `open`, with its attributes and the filters that keep a figure a figure.
fn chain(text: &str, open: usize) -> Option<usize> {
    let mut end = open + closing(&text[open..])?;
    loop {
        let rest = &text[end..];
        let trimmed = rest.trim_start();
        let skipped = rest.len() - trimmed.len();
        if let Some(attribute) = rest.strip_prefix('.') {
            end += 1 + word_length(attribute);
        } else if let Some(filter) = trimmed.strip_prefix('|') {
            let name = filter.trim_start();
            let length = word_length(name);
            if !matches!(&name[..length], "abs" | "sign") {
                return Some(end);
            }
            end += skipped + 1 + (filter.len() - name.len()) + length;
        } else {
            return Some(end);
        }
    }
}

fn word_length(text: &str) -> usize {
    text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len())
}

/// The place after the bracket that closes an argument list.
fn closing(text: &str) -> Option<usize> {
    let (mut depth, mut quote) = (1, None);
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match (quote, c) {
            (Some(_), '\\') => drop(chars.next()),
            (Some(q), c) if c == q => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

fn operator_before(before: &str) -> bool {
    let assigns = before.ends_with('=') && !["==", "!=", "<=", ">="].iter().any(|op| before.ends_with(op));
    let opens = ["{%", "{%-", "{{-", "{%+", "{{+"].iter().any(|open| before.ends_with(open));
    before.ends_with(['<', '>', '=', '+', '-', '*', '/', '%']) && !assigns && !opens
}

fn operator_after(after: &str) -> bool {
    let closes = ["%}", "-%}", "+%}", "-}}", "+}}"].iter().any(|close| after.starts_with(close));
    let equals = after.starts_with("==") || after.starts_with("!=");
    equals || (after.starts_with(['<', '>', '+', '-', '*', '/', '%']) && !closes)
}

fn is_stored(before: &str, after: &str) -> bool {
    let assigns = before.ends_with('=') && !["==", "!=", "<=", ">="].iter().any(|op| before.ends_with(op));
    assigns && ["%}", "-%}", "+%}"].iter().any(|close| after.starts_with(close))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_beside_operators_become_numbers() {
        let cases = [
            (
                r#"fig("a") < -0.05 and fig("b").p<0.05"#,
                r#"(fig("a")|raw) < -0.05 and (fig("b").p|raw)<0.05"#,
            ),
            (r#"0.05 >= fig("a") | abs"#, r#"0.05 >= (fig("a") | abs|raw)"#),
            (r#"fig("a") - fig("b") > 0"#, r#"(fig("a")|raw) - (fig("b")|raw) > 0"#),
            (r#"fig("x)" ~ y) > 1"#, r#"(fig("x)" ~ y)|raw) > 1"#),
            (r#"has("a") and config("b")"#, r#"has("a") and config("b")"#),
            (
                r#"range("a").least < 0 and robust("b").holds == robust("b").of and prange("c") < 0"#,
                r#"(range("a").least|raw) < 0 and (robust("b").holds|raw) == (robust("b").of|raw) and prange("c") < 0"#,
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(expression(text).unwrap(), expected);
        }
    }

    #[test]
    fn only_tags_of_a_template_change() {
        let text = "fig(1) < 2 {{ fig(\"a\") | pct(1) }} {%- if fig(\"a\") < 0 -%}x{% endif %} {{- fig(\"a\") -}} {# fig(1)<2 #}";
        let expected = text.replace("if fig(\"a\") <", "if (fig(\"a\")|raw) <");
        assert_eq!(template(text).unwrap(), expected);
    }

    #[test]
    fn ids_of_the_section_are_completed_inside_tags_only() {
        let text =
            "fig(\".a\") {{ fig(\".a\") | pct(1) }} {% if has('.b') and fig(\"c.d\") < .5 %}{{ t(\".x\") }}";
        let expected = "fig(\".a\") {{ fig(\"s.a\") | pct(1) }} {% if has('s.b') and fig(\"c.d\") < .5 %}{{ t(\"s.x\") }}";
        assert_eq!(local(text, "s"), expected);
    }

    #[test]
    fn a_figure_in_a_variable_is_refused() {
        assert_eq!(template("a\n{% set x = fig(\"a\") %}").unwrap_err().line, 2);
        assert!(template("{% set x = fig(\"a\") | pct(1) %}").is_ok());
    }
}
