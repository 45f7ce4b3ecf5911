//! Cells that hold numbers: taken apart without deciding which mark is the decimal one, and written anew
//! once that is decided.
//!
//! No digit is lost: a cell becomes a decimal text with an exponent, which parses to the nearest number.

use shockbrief_core::config::{Decimal, Thousands};

/// Cells that stand for a missing value wherever numbers or dates are expected.
pub(super) const MISSING: [&str; 17] = [
    "", "N/A", "n/a", "NA", "#N/A", "N.A.", "n.a.", "null", "NULL", "Null", "None", "NaN", "nan", "-", "--",
    "–", ".",
];

/// Whether a trimmed cell stands for a missing value.
pub(crate) fn missing(cell: &str, more: &[String]) -> bool {
    MISSING.contains(&cell) || more.iter().any(|other| other == cell)
}

/// A reading of marks: the decimal one and the one of thousands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marks {
    pub decimal: Decimal,
    pub thousands: Thousands,
}

/// All readings.
pub(super) const MARKS: [Marks; 8] = {
    use Decimal::{Comma as C, Point as P};
    const fn marks(decimal: Decimal, thousands: Thousands) -> Marks {
        Marks { decimal, thousands }
    }
    [
        marks(P, Thousands::None),
        marks(P, Thousands::Comma),
        marks(P, Thousands::Space),
        marks(P, Thousands::Apostrophe),
        marks(C, Thousands::None),
        marks(C, Thousands::Point),
        marks(C, Thousands::Space),
        marks(C, Thousands::Apostrophe),
    ]
};

/// A set of readings, one bit for each of [`MARKS`].
pub(super) type Set = u8;

/// A number taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Number<'a> {
    negative: bool,
    /// Digits and marks.
    body: &'a str,
    /// Whether an exponent is written, which excludes marks of thousands.
    scientific: bool,
    exponent: i32,
    /// The multiplier written after it, such as `M`.
    pub multiplier: Option<&'static str>,
    /// Whether a percent sign stands after it.
    pub percent: bool,
    /// Whether parentheses stand for the minus.
    pub parentheses: bool,
    /// The sign or code of a currency.
    pub currency: Option<&'static str>,
}

/// Signs of currencies with the codes they may stand for; the longer ones first.
pub(super) const SIGNS: [(&str, &[&str]); 12] = [
    ("US$", &["USD"]),
    ("HK$", &["HKD"]),
    ("NT$", &["TWD"]),
    ("C$", &["CAD"]),
    ("A$", &["AUD"]),
    ("S$", &["SGD"]),
    ("$", &["USD", "HKD", "TWD", "CAD", "AUD", "SGD", "NZD", "MXN"]),
    ("€", &["EUR"]),
    ("£", &["GBP"]),
    ("¥", &["JPY", "CNY", "CNH"]),
    ("₩", &["KRW"]),
    ("₹", &["INR"]),
];

const MULTIPLIERS: [(&str, &str, i32); 14] = [
    ("Mio", "M", 6),
    ("Mrd", "B", 9),
    ("Md", "B", 9),
    ("mn", "M", 6),
    ("bn", "B", 9),
    ("Bn", "B", 9),
    ("tn", "T", 12),
    ("K", "K", 3),
    ("k", "K", 3),
    ("M", "M", 6),
    ("m", "M", 6),
    ("B", "B", 9),
    ("b", "B", 9),
    ("T", "T", 12),
];

/// Takes a trimmed cell apart; nothing where it is no number under any reading.
pub(super) fn read(cell: &str) -> Option<Number<'_>> {
    let mut number = Number {
        negative: false,
        body: "",
        scientific: false,
        exponent: 0,
        multiplier: None,
        percent: false,
        parentheses: false,
        currency: None,
    };
    let mut rest = cell;
    let mut signed = false;
    if let Some(inner) = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        (rest, signed) = (trim(inner), true);
        (number.negative, number.parentheses) = (true, true);
    }
    rest = peel_before(rest, &mut number, &mut signed);
    rest = peel_after(rest, &mut number, &mut signed);
    rest = peel_exponent(rest, &mut number)?;
    if number.multiplier.is_some() && number.percent {
        return None;
    }
    number.body = rest;
    (readings(&number) != 0).then_some(number)
}

fn trim(text: &str) -> &str {
    super::split::trimmed(text)
}

/// A sign and a currency, in either order.
fn peel_before<'a>(mut rest: &'a str, number: &mut Number<'_>, signed: &mut bool) -> &'a str {
    for _ in 0..2 {
        if let Some((negative, after)) = sign_before(rest).filter(|_| !*signed) {
            (number.negative, *signed) = (negative, true);
            rest = trim(after);
        }
        if let Some((sign, after)) =
            currency(|sign| rest.strip_prefix(sign)).filter(|_| number.currency.is_none())
        {
            number.currency = Some(sign);
            rest = trim(after);
        }
    }
    rest
}

fn sign_before(text: &str) -> Option<(bool, &str)> {
    let minus = text.strip_prefix(['-', '\u{2212}', '–']).map(|rest| (true, rest));
    minus.or_else(|| text.strip_prefix('+').map(|rest| (false, rest)))
}

/// Percent, multiplier, currency and a minus behind the digits, in any order.
fn peel_after<'a>(mut rest: &'a str, number: &mut Number<'_>, signed: &mut bool) -> &'a str {
    for _ in 0..4 {
        if let Some(before) = rest.strip_suffix('%').filter(|_| !number.percent) {
            number.percent = true;
            rest = trim(before);
        } else if let Some((sign, before)) =
            currency(|sign| rest.strip_suffix(sign)).filter(|_| number.currency.is_none())
        {
            number.currency = Some(sign);
            rest = trim(before);
        } else if let Some(before) = rest.strip_suffix(['-', '\u{2212}']).filter(|_| !*signed) {
            (number.negative, *signed) = (true, true);
            rest = trim(before);
        } else if number.multiplier.is_none()
            && let Some((name, power, before)) = multiplier(rest)
        {
            (number.multiplier, number.exponent) = (Some(name), power);
            rest = trim(before);
        }
    }
    rest
}

fn multiplier(text: &str) -> Option<(&'static str, i32, &str)> {
    MULTIPLIERS.iter().find_map(|(written, name, power)| {
        let before = text.strip_suffix(written)?;
        let digit = trim(before).ends_with(|c: char| c.is_ascii_digit() || c == '.' || c == ',');
        digit.then_some((*name, *power, before))
    })
}

fn currency<'a>(strip: impl Fn(&str) -> Option<&'a str>) -> Option<(&'static str, &'a str)> {
    let signs = SIGNS.iter().map(|(sign, _)| *sign);
    signs.chain(crate::guards::CURRENCIES.iter().copied()).find_map(|sign| Some((sign, strip(sign)?)))
}

fn peel_exponent<'a>(rest: &'a str, number: &mut Number<'_>) -> Option<&'a str> {
    let Some(at) = rest.find(['e', 'E']) else { return Some(rest) };
    let exponent: i32 = rest[at + 1..].parse().ok().filter(|exponent: &i32| exponent.abs() < 400)?;
    number.exponent += exponent;
    number.scientific = true;
    Some(&rest[..at])
}

/// Under which readings a number is one.
pub(super) fn readings(number: &Number<'_>) -> Set {
    if !number.body.contains(|c: char| c.is_ascii_digit()) {
        return 0;
    }
    let fits = |marks: &Marks| {
        parts(number.body, *marks).is_some() && !(number.scientific && grouped(number.body, *marks))
    };
    MARKS.iter().enumerate().filter(|(_, marks)| fits(marks)).map(|(at, _)| 1 << at).sum()
}

fn grouped(body: &str, marks: Marks) -> bool {
    body.chars().any(|c| is_thousands(c, marks.thousands))
}

fn is_thousands(c: char, thousands: Thousands) -> bool {
    match thousands {
        Thousands::None => false,
        Thousands::Comma => c == ',',
        Thousands::Point => c == '.',
        Thousands::Space => matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '\u{2007}'),
        Thousands::Apostrophe => matches!(c, '\'' | '\u{2019}'),
    }
}

/// Whole part and fraction under a reading; groups have three digits, and the first is no zero.
fn parts(body: &str, marks: Marks) -> Option<(&str, &str)> {
    let decimal = if marks.decimal == Decimal::Comma { ',' } else { '.' };
    let (whole, fraction) = body.split_once(decimal).unwrap_or((body, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(fraction) {
        return None;
    }
    if digits(whole) {
        return Some((whole, fraction));
    }
    let mut groups = whole.split(|c| is_thousands(c, marks.thousands));
    let first = groups.next()?;
    let begins = (1..=3).contains(&first.len()) && digits(first) && !first.starts_with('0');
    let mut some = false;
    let others = groups.all(|group| {
        some = true;
        group.len() == 3 && digits(group)
    });
    (begins && others && some).then_some((whole, fraction))
}

/// The number as a decimal text that any parser reads; percent signs divide by 100 unless `percent` units
/// were declared for the column.
pub(super) fn canonical(number: &Number<'_>, marks: Marks, percent: bool) -> Option<String> {
    let (whole, fraction) = parts(number.body, marks)?;
    let mut text = String::with_capacity(number.body.len() + 6);
    if number.negative {
        text.push('-');
    }
    let start = text.len();
    text.extend(whole.chars().filter(char::is_ascii_digit));
    if text.len() == start {
        text.push('0');
    }
    if !fraction.is_empty() {
        text.push('.');
        text.push_str(fraction);
    }
    let exponent = number.exponent - if number.percent && !percent { 2 } else { 0 };
    if exponent != 0 {
        text.push_str(&format!("e{exponent}"));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(cell: &str, decimal: Decimal, thousands: Thousands) -> Option<f64> {
        canonical(&read(cell)?, Marks { decimal, thousands }, false)?.parse().ok()
    }

    #[test]
    fn cells_of_many_kinds() {
        for (cell, decimal, thousands, expected) in [
            ("1.234,56", Decimal::Comma, Thousands::Point, 1234.56),
            ("1\u{202f}234,5", Decimal::Comma, Thousands::Space, 1234.5),
            ("1\u{a0}234\u{a0}567", Decimal::Comma, Thousands::Space, 1_234_567.0),
            ("1'234.5", Decimal::Point, Thousands::Apostrophe, 1234.5),
            ("1’234.5", Decimal::Point, Thousands::Apostrophe, 1234.5),
            ("39,33M", Decimal::Comma, Thousands::None, 39_330_000.0),
            ("1.2B", Decimal::Point, Thousands::None, 1.2e9),
            ("450K", Decimal::Point, Thousands::None, 450_000.0),
            ("1,5 Md", Decimal::Comma, Thousands::None, 1.5e9),
            ("-16.97%", Decimal::Point, Thousands::None, -0.1697),
            ("(1,234.5)", Decimal::Point, Thousands::Comma, -1234.5),
            ("($12.50)", Decimal::Point, Thousands::None, -12.5),
            ("12,50 €", Decimal::Comma, Thousands::None, 12.5),
            ("-$1,000", Decimal::Point, Thousands::Comma, -1000.0),
            ("USD 12.5", Decimal::Point, Thousands::None, 12.5),
            ("12.5-", Decimal::Point, Thousands::None, -12.5),
            ("\u{2212}12.5", Decimal::Point, Thousands::None, -12.5),
            (".5", Decimal::Point, Thousands::None, 0.5),
            ("5.", Decimal::Point, Thousands::None, 5.0),
            ("1.5E-3", Decimal::Point, Thousands::Comma, 0.0015),
        ] {
            assert_eq!(value(cell, decimal, thousands), Some(expected), "{cell}");
        }
    }

    #[test]
    fn what_is_no_number() {
        for cell in [
            "",
            "-",
            ".",
            "abc",
            "1.2.3,4,5",
            "12x",
            "1,23,456",
            "1 23",
            "--5",
            "(-5)",
            "1e",
            "%",
            "M",
            "5 MM",
            "e5",
        ] {
            let readable = read(cell).map(|number| readings(&number));
            assert_eq!(readable, None, "{cell}");
        }
    }

    #[test]
    fn a_mark_before_three_digits_decides_nothing() {
        let decimals = |cell: &str| {
            let set = readings(&read(cell).unwrap());
            let has =
                |decimal| MARKS.iter().enumerate().any(|(at, m)| set >> at & 1 == 1 && m.decimal == decimal);
            (has(Decimal::Point), has(Decimal::Comma))
        };
        assert_eq!(decimals("1,234"), (true, true));
        assert_eq!(decimals("1.234"), (true, true));
        assert_eq!(decimals("0.234"), (true, false));
        assert_eq!(decimals("1234.567"), (true, false));
        assert_eq!(decimals("1,234,567"), (true, false));
        assert_eq!(decimals("1,23"), (false, true));
        assert_eq!(decimals("1,234e5"), (false, true));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(cell in "\\PC{0,24}") {
            if let Some(number) = read(super::super::split::trimmed(&cell)) {
                let set = readings(&number);
                for (at, marks) in MARKS.iter().enumerate().filter(|(at, _)| set >> at & 1 == 1) {
                    let text = canonical(&number, *marks, at % 2 == 0).unwrap();
                    prop_assert!(text.parse::<f64>().is_ok(), "{} became {}", cell, text);
                }
            }
        }

        #[test]
        fn marks_of_all_readings_come_back(value in -1e12_f64..1e12, which in 0_usize..8) {
            let marks = MARKS[which];
            let text = written(value, marks);
            let number = read(&text).unwrap();
            prop_assert_eq!(readings(&number) >> which & 1, 1);
            let back: f64 = canonical(&number, marks, false).unwrap().parse().unwrap();
            prop_assert_eq!(back.to_bits(), value.to_bits(), "{}", text);
        }
    }

    /// A number as somebody with these marks would write it.
    fn written(value: f64, marks: Marks) -> String {
        let plain = format!("{}", value.abs());
        let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
        let mark = match marks.thousands {
            Thousands::None => "",
            Thousands::Comma => ",",
            Thousands::Point => ".",
            Thousands::Space => "\u{202f}",
            Thousands::Apostrophe => "'",
        };
        let mut text = if value.is_sign_negative() { "-".to_owned() } else { String::new() };
        for (at, digit) in whole.chars().enumerate() {
            if at > 0 && (whole.len() - at) % 3 == 0 {
                text.push_str(mark);
            }
            text.push(digit);
        }
        if !fraction.is_empty() {
            text.push(if marks.decimal == Decimal::Comma { ',' } else { '.' });
            text.push_str(fraction);
        }
        text
    }
}
