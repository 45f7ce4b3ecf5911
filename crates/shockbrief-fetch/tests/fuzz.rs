//! Parsers on broken bytes, and properties of derived quarters.
//!
//! `SHOCKBRIEF_FUZZ` is the number of inputs in all (`make fuzz` takes a million); the ordinary suite takes fewer.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and measures its time"
)]

#[path = "../../../tests/suite/damage.rs"]
mod damage;
mod support;

use damage::{apply, edits};
use jiff::civil::{Date, date};
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestRunner},
};
use shockbrief_fetch::{
    Ask, Batch, Failure,
    provider::{self, quarters},
};
use std::time::{Duration, Instant};
use support::{
    answers::{CASES, Case, FRENCH, zip},
    config,
};

fn inputs() -> u32 {
    std::env::var("SHOCKBRIEF_FUZZ").ok().and_then(|text| text.parse().ok()).unwrap_or(20_000)
}

const WORDS: &[&str] = &[
    "null",
    "1e308",
    "-1",
    "99999999999999999999",
    "\"\"",
    "{}",
    "[]",
    "0",
    "NaN",
    ",,,",
    "\n",
    "\"",
    "2025-13-45",
    "-9999-01-01",
    "9999-12-31",
    "\u{2212}1",
    "[[[[[[[[",
    "true",
    "1e-308",
    "\u{feff}",
];

/// Only a provider of vintages withdraws values.
fn withdrawn(case: &Case, value: f64) -> bool {
    value.is_nan() && case.id == "fred"
}

static NOTHING: shockbrief_core::Hidden = shockbrief_core::Hidden::nothing();

fn parse(case: &Case, spec: &shockbrief_core::config::ProviderSpec, bytes: &[u8]) -> Result<Batch, Failure> {
    let ask = Ask {
        spec,
        subject: case.subject,
        code: spec.codes.values().next().map_or("NVDA", String::as_str),
        currency: "USD",
        from: date(1990, 1, 1),
        to: date(2025, 1, 31),
        complete: date(2025, 1, 30),
        now: "2025-01-31T17:00:00Z".parse().unwrap(),
        hidden: &NOTHING,
    };
    provider::of(&ask).unwrap().parse(&ask, &[bytes])
}

/// No panic, no hang, rows in proportion to the input, and every row finite and inside the dates asked for.
#[test]
fn parsers_survive_broken_bytes() {
    let each = inputs() / u32::try_from(CASES.len()).unwrap();
    let parsed = std::cell::Cell::new(0);
    for case in CASES {
        let declaration = case.declaration.replace("$KEY", "{env: NOT_READ}");
        let yaml = format!(
            "history_from: 2018-01-01\norder: {{}}\nproviders:\n  - {{id: {}, url: \"https://x\", licence: t, {declaration}}}\n",
            case.id
        );
        let config = config(&yaml);
        let good = if case.id == "french" { FRENCH.as_bytes().to_vec() } else { (case.good)() };
        let mut runner =
            TestRunner::new(Config { cases: each, failure_persistence: None, ..Config::default() });
        let strategy = (edits(WORDS, 6), vec(any::<u8>(), 0..200), 0..20u8);
        runner
            .run(&strategy, |(edits, noise, kind)| {
                let bytes = match (case.id, kind) {
                    (_, 0) => noise,
                    ("french", 1..=12) => {
                        zip("a.csv", &String::from_utf8_lossy(&apply(good.clone(), &edits)))
                    }
                    ("french", _) => apply((case.good)(), &edits),
                    _ => apply(good.clone(), &edits),
                };
                let start = Instant::now();
                let outcome = parse(case, &config.providers[0], &bytes);
                prop_assert!(start.elapsed() < Duration::from_secs(5), "slow");
                if let Ok(batch) = outcome {
                    parsed.set(parsed.get() + 1);
                    prop_assert!(batch.rows.len() <= 4 * bytes.len() + 1000);
                    prop_assert!(batch.notes.len() <= 200);
                    prop_assert!(
                        batch.rows.iter().all(|row| (row.value.is_finite() || withdrawn(case, row.value))
                            && row.date <= date(2025, 1, 31))
                    );
                }
                Ok(())
            })
            .unwrap();
    }
    // The edits are mild enough that a good share still parses: the deep paths are reached.
    let parsed = parsed.get();
    assert!(parsed > inputs() / 20, "{parsed} of {} parsed", inputs());
}

fn day(start: Date, days: i64) -> Date {
    start.saturating_add(jiff::Span::new().days(days))
}

/// A fiscal year of four quarters: its start, the quarters' lengths in days and values.
fn year() -> impl Strategy<Value = (Date, [i64; 4], [i64; 4])> {
    let length = || prop_oneof![Just(91i64), Just(98), 89..93i64];
    let value = || -1_000_000..50_000_000_000i64;
    let lengths = (length(), Just(91i64), Just(91i64), 90..92i64).prop_map(|(a, b, c, d)| [a, b, c, d]);
    let values = (value(), value(), value(), value()).prop_map(|(a, b, c, d)| [a, b, c, d]);
    (0..8000i64, lengths, values)
        .prop_map(|(offset, lengths, values)| (day(date(2000, 1, 1), offset), lengths, values))
}

fn fact(start: Date, end: Date, filed: Date, value: f64) -> quarters::Fact {
    quarters::Fact { start: Some(start), end, filed, value, rank: 0, form: String::new() }
}

proptest! {
    #![proptest_config(Config { cases: 3000, failure_persistence: None, ..Config::default() })]

    /// Whatever mix of quarters and year-to-date values is told, with restatements, the four quarters known at
    /// the end sum to the annual value, and at no filing do they use a later one.
    #[test]
    fn quarters_sum_to_the_year(
        (start, lengths, values) in year(),
        single in any::<[bool; 3]>(),
        restated in proptest::option::of((1..5usize, 1..1_000_000i64)),
    ) {
        let ends: Vec<Date> = (1..=4).map(|count| day(start, lengths[..count].iter().sum::<i64>() - 1)).collect();
        let mut facts = Vec::new();
        for count in 1..=4usize {
            let (end, filed) = (ends[count - 1], day(ends[count - 1], 40));
            let total: i64 = values[..count].iter().sum();
            if count == 4 || count == 1 || !single[count - 2] {
                facts.push(fact(start, end, filed, total as f64));
            } else {
                facts.push(fact(day(ends[count - 2], 1), end, filed, values[count - 1] as f64));
            }
        }
        let mut annual = values.iter().sum::<i64>() as f64;
        if let Some((years, change)) = restated {
            annual += change as f64;
            facts.push(fact(start, ends[3], day(ends[3], 365 * years as i64), annual));
        }
        let known = quarters::derive(facts.clone()).quarters;
        let mut last = std::collections::BTreeMap::new();
        known.iter().for_each(|quarter| { last.insert(quarter.end, quarter.value); });
        prop_assert_eq!(last.len(), 4);
        prop_assert_eq!(last.values().sum::<f64>(), annual);
        for quarter in &known {
            let by_then = facts.iter().filter(|fact| fact.filed <= quarter.filed).cloned().collect();
            prop_assert!(quarters::derive(by_then).quarters.contains(quarter));
        }
    }
}
