//! The typographic pass against a table of cases and against properties that hold for any text.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and tells what it counted"
)]

use proptest::prelude::*;
use shockbrief_templating::typography::{Rules, plain, prose};
use std::collections::BTreeSet;

const CASES: &str = include_str!("typography_cases.tsv");

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
    println!("{} cases: {} French, {} English", cases.len(), of("fr"), of("en"));
    assert!(of("fr") >= 60 && of("en") >= 60 && cases.len() >= 150);
    let distinct: BTreeSet<_> = cases.iter().map(|case| (case.language, &case.text)).collect();
    assert_eq!(distinct.len(), cases.len(), "a case stands twice");
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
        for rules in [Rules::French, Rules::English] {
            for pass in [prose, plain] {
                let once = pass(&text, rules);
                let twice = pass(&once, rules);
                prop_assert_eq!(shown(&twice), shown(&once), "{:?} {}", rules, shown(&text));
            }
        }
    }

    #[test]
    fn letters_and_digits_stay(text in "[a-ln-zéA-Z0-9 .,;:!?%€«»\"'()\n\u{a0}-]{0,60}") {
        for rules in [Rules::French, Rules::English] {
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
