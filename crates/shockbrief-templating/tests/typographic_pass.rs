//! The typographic pass against a table of cases and against properties that hold for any text.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and tells what it counted"
)]

#[path = "../../../tests/suite/rules.rs"]
mod rules;

use proptest::prelude::*;
use shockbrief_core::config::{Claim, Language, load};
use shockbrief_templating::typography::{Rules, plain, prose};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

const CASES: &str = include_str!("typographic_cases.tsv");

struct Case {
    language: &'static str,
    rule: &'static str,
    source: &'static str,
    text: String,
    expected: String,
}

fn cases() -> Vec<Case> {
    let lines = CASES.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let [language, rule, source, text, expected]: [&str; 5] =
                line.split('\t').collect::<Vec<_>>().try_into().unwrap_or_else(|_| panic!("{line}"));
            Case { language, rule, source, text: typed(text), expected: typed(expected) }
        })
        .collect()
}

fn typed(text: &str) -> String {
    text.replace('⍽', "\u{a0}").replace('⎵', "\u{202f}").replace("\\n", "\n")
}

fn shown(text: &str) -> String {
    text.replace('\u{a0}', "⍽").replace('\u{202f}', "⎵").replace('\n', "\\n")
}

fn set(case: &Case, text: &str) -> String {
    let rules = Rules::of(case.language);
    if case.rule.ends_with("(plain)") { plain(text, rules) } else { prose(text, rules) }
}

#[test]
fn every_case_follows_its_rule() {
    let cases = cases();
    let mut wrong = Vec::new();
    for case in &cases {
        let once = set(case, &case.text);
        if once != case.expected {
            wrong.push(format!(
                "{} {} ({}): {} became {}, not {}",
                case.language,
                case.rule,
                case.source,
                shown(&case.text),
                shown(&once),
                shown(&case.expected)
            ));
        }
        let twice = set(case, &once);
        if twice != once {
            wrong.push(format!("{}: {} became {}", case.rule, shown(&once), shown(&twice)));
        }
    }
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    let of = |language| cases.iter().filter(|case| case.language == language).count();
    println!("{} cases: {} French, {} English, {} German", cases.len(), of("fr"), of("en"), of("de"));
    assert!(of("fr") >= 60 && of("en") >= 60 && of("de") >= 60 && cases.len() >= 210);
    let distinct: BTreeSet<_> = cases.iter().map(|case| (case.language, &case.text)).collect();
    assert_eq!(distinct.len(), cases.len(), "a case stands twice");
}

/// A template's text: printed values as a word, tags and Typst's own marks left out.
fn text(template: &str) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        text.push_str(&rest[..at]);
        let end = match rest[at..].get(..2) {
            Some("{{") => "}}",
            Some("{%") => "%}",
            Some("{#") => "#}",
            _ => {
                text.push('{');
                rest = &rest[at + 1..];
                continue;
            }
        };
        text.push_str(if end == "}}" { "x" } else { "" });
        rest = &rest[at + rest[at..].find(end).unwrap() + 2..];
    }
    text.push_str(rest);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" ").replace(['*', '\\'], "")
}

fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn prose_files(language: &str) -> Vec<String> {
    let reports =
        fs_err::read_dir(folder("reports")).unwrap().map(|entry| entry.unwrap().path().join("prose"));
    let folders = reports.filter(|folder| folder.exists()).chain([folder("config/prose")]);
    let files =
        folders.flat_map(|folder| fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    let ending = format!(".{language}.typ.j2");
    let own = files.filter(|path| path.to_string_lossy().ends_with(&ending));
    own.map(|path| fs_err::read_to_string(path).unwrap()).collect()
}

// The reports print what their period holds; here are all strings, claims with both endings, and prose there is.
#[test]
fn every_string_of_the_configuration_keeps_to_the_rules_after_the_pass() {
    let claims: BTreeMap<String, Vec<Claim>> = load(&folder("config/claims.yaml")).unwrap().0;
    for (code, least) in [("fr", 350), ("en", 350), ("de", 350)] {
        let language: Language = load(&folder(&format!("config/languages/{code}.yaml"))).unwrap().0;
        let said = claims["claims"].iter().flat_map(|claim| [Some(&claim.text), claim.otherwise.as_ref()]);
        let mut texts: Vec<String> = said.flatten().map(|texts| texts[code].clone()).collect();
        texts.extend(language.strings.values().filter(|text| !text.contains("{page}")).cloned());
        texts.extend(prose_files(code));
        let (rules, mut wrong) = (Rules::of(code), Vec::new());
        for template in &texts {
            let set = prose(template, rules);
            let found = rules::broken(&text(&set), code);
            if !found.is_empty() {
                wrong.push(format!("{}: {}", found.join(", "), text(&set)));
            }
        }
        println!("{code}: {} strings, claims and pieces of prose", texts.len());
        assert!(wrong.is_empty(), "{code}\n{}", wrong.join("\n"));
        assert!(texts.len() >= least, "{}", texts.len());
    }
}

/// Everything that carries meaning: the pass may only change spaces, quotes, dashes and dots.
fn kept(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6000, failure_persistence: None, ..ProptestConfig::default() })]

    // Running text: words, numbers, marks and quotes in any order, wrong spaces included.
    #[test]
    fn twice_is_once(text in "([a-zéA-Z]{1,4}|[0-9]{1,4}|M\\.|p\\.|h|%|€|etc|janvier|May| {1,2}|\u{a0}|\u{202f}|[;:!?,.…()]|«|»|\"|'|’|--?-?|\\.\\.\\.|\n){1,14}") {
        for rules in [Rules::French, Rules::English, Rules::German] {
            for pass in [prose, plain] {
                let once = pass(&text, rules);
                let twice = pass(&once, rules);
                prop_assert_eq!(shown(&twice), shown(&once), "{:?} {}", rules, shown(&text));
            }
        }
    }

    #[test]
    fn letters_and_digits_stay(text in "[a-ln-zéA-Z0-9 .,;:!?%€«»\"'()\n\u{a0}-]{0,60}") {
        for rules in [Rules::French, Rules::English, Rules::German] {
            prop_assert_eq!(kept(&plain(&text, rules)), kept(&text));
            prop_assert_eq!(kept(&prose(&text, rules)), kept(&text));
        }
    }

    // French ordinals alone change letters: `2ème` is `2e`. Digits stay even there.
    #[test]
    fn digits_stay_in_ordinals(text in "([0-9]{1,3}(ème|me|ère|ième|eme|er|e)? ?){1,6}") {
        prop_assert_eq!(digits(&prose(&text, Rules::French)), digits(&text));
    }

    #[test]
    fn french_marks_have_their_spaces(text in "[a-z][a-zé0-9 ,;:!?%«»\"']{1,50}") {
        let out: Vec<char> = plain(&text, Rules::French).chars().collect();
        for pair in out.windows(2) {
            let wrong = pair[0] == ' ' && matches!(pair[1], ';' | '!' | '?' | '»' | ',')
                || pair[0] == '«' && pair[1] != '\u{a0}'
                || pair[0].is_alphanumeric() && matches!(pair[1], ';' | '!' | '?' | '»')
                || matches!(pair[1], '\'' | '"')
                || pair == [' ', ' '];
            prop_assert!(!wrong, "{}", shown(&out.iter().collect::<String>()));
        }
    }
}
