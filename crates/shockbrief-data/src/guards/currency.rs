//! Currency of the rows: stated, known, and the instrument's own.
//!
//! Codes are those of ISO 4217, from a list that others maintain. Prices in the minor unit in which some exchanges quote
//! are turned into the currency, digit for digit.

use super::{Checked, Finding, Row, finding};
use crate::files::shown;
use shockbrief_core::{Refusal, Severity};
use std::{collections::BTreeSet, sync::LazyLock};

/// Codes beside those of ISO 4217: index points, and the renminbi outside mainland China.
const MORE: [&str; 2] = ["PTS", "CNH"];

/// Minor units under the codes of data vendors: the currency, and the places by which its point moves.
const MINOR: [(&str, &str, i32); 11] = [
    ("GBX", "GBP", 2),
    ("GBp", "GBP", 2),
    ("GBpx", "GBP", 2),
    ("ILA", "ILS", 2),
    ("ILa", "ILS", 2),
    ("ILs", "ILS", 2),
    ("ZAc", "ZAR", 2),
    ("ZAC", "ZAR", 2),
    ("KWF", "KWD", 3),
    ("USX", "USD", 2),
    ("EUX", "EUR", 2),
];

/// All codes, in order of the alphabet.
pub(crate) static CODES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let letters = || 'A'..='Z';
    let all = letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| [a, b, c])));
    let known = all.filter_map(|code| iso_currency::Currency::from_code(&String::from_iter(code)));
    let mut codes: Vec<&str> = known.map(|currency| currency.code()).chain(MORE).collect();
    codes.sort_unstable();
    codes
});

fn is_currency(code: &str) -> bool {
    CODES.binary_search(&code).is_ok()
}

/// The currency of a minor unit, with the places by which its point moves.
fn major(code: &str) -> Option<(&'static str, i32)> {
    MINOR.iter().find(|(minor, ..)| *minor == code).map(|(_, major, places)| (*major, *places))
}

#[expect(clippy::ptr_arg, reason = "checks share one form, and others drop rows")]
pub(super) fn check(checked: &Checked<'_>, rows: &mut Vec<Row>) -> Result<Option<Finding>, Refusal> {
    let declared = checked.instrument.currency.as_str();
    if !is_currency(declared) {
        let hint = major(declared).map_or_else(
            || "write a code of ISO 4217, such as USD; PTS for an index".to_owned(),
            |(major, _)| format!("write {major}: prices in {declared} are turned into it"),
        );
        return Err(checked
            .refuse(None, format!("the universe gives the unknown currency `{}`", shown(declared)))
            .hint(hint));
    }
    let (mut dates, mut codes) = (Vec::new(), BTreeSet::new());
    for row in rows.iter_mut() {
        let stated = row.currency.as_deref();
        if stated == Some(declared) {
            continue;
        }
        match stated.and_then(|code| Some((code, major(code)?))) {
            Some((code, (major, places))) if major == declared => {
                codes.insert(code.to_owned());
                dates.push(row.date);
                row.adjusted = row.adjusted.map(|price| shifted(price, places));
                row.quote = row.quote.map(|price| shifted(price, places));
                row.currency = Some(declared.to_owned());
            }
            _ => return Err(wrong(checked, row, declared)),
        }
    }
    let codes = codes.into_iter().collect::<Vec<_>>().join(", ");
    Ok(finding(Severity::Note, dates)
        .map(|found| found.saying(format!("prices in {codes}, turned into {declared}"))))
}

/// A price with its point so many places to the left: the number nearest to the decimal written, as if it had been
/// written so.
fn shifted(price: f64, places: i32) -> f64 {
    let text = format!("{price:e}");
    let moved = text.split_once('e').and_then(|(digits, exponent)| {
        format!("{digits}e{}", exponent.parse::<i32>().ok()? - places).parse().ok()
    });
    moved.unwrap_or(price)
}

fn wrong(checked: &Checked<'_>, row: &Row, declared: &str) -> Refusal {
    let id = &checked.spec.id;
    match row.currency.as_deref() {
        None => checked.refuse(Some(row.date), "no currency").hint(format!(
            "fill the column, or give source `{id}` a fixed `currency` in config/sources.yaml"
        )),
        Some(code) if !is_currency(code) && major(code).is_none() => {
            checked.refuse(Some(row.date), format!("unknown currency `{}`", shown(code))).hint(format!(
                "correct the file, or give source `{id}` a fixed `currency` in config/sources.yaml"
            ))
        }
        Some(code) => {
            let part = major(code).map_or_else(String::new, |(major, _)| format!(", a part of {major}"));
            checked
                .refuse(Some(row.date), format!("currency is {code}{part}, the universe says {declared}"))
                .hint("correct `currency` in config/universe.yaml, or convert the file")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn codes_are_those_of_the_standard_and_of_exchanges() {
        assert!(["USD", "GBP", "ILS", "KWD", "PLN", "PTS", "CNH"].iter().all(|code| is_currency(code)));
        assert!(["GBp", "GBX", "US$", "usd", ""].iter().all(|code| !is_currency(code)));
        assert_eq!((major("GBp"), major("KWF"), major("USD")), (Some(("GBP", 2)), Some(("KWD", 3)), None));
    }

    proptest! {
        /// Pence as they are written become the pounds as they would have been written.
        #[test]
        fn a_point_that_moves_loses_no_digit(digits in 1_u64..99_999_999, behind in 0_i32..5, places in 2_i32..4) {
            let pence: f64 = format!("{digits}e{}", -behind).parse().unwrap();
            let pounds: f64 = format!("{digits}e{}", -behind - places).parse().unwrap();
            prop_assert_eq!(shifted(pence, places).to_bits(), pounds.to_bits());
        }
    }
}
