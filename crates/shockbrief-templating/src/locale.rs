//! How one language writes numbers, signs, plurals and dates.
//!
//! Digits, grouping, plural rules and dates come from ICU; the words and spaces around a number come
//! from patterns, built in for French and English and overridable by `format.*` keys of a language file.
//! Rounding happens here and nowhere else: on the shortest decimal text of a float, never on its bits,
//! so that 0.125 means one eighth and 2.675 means what its author typed. Non-finite numbers are refused
//! earlier, by [`shockbrief_core::Figure`].

use crate::reasons;
use anyhow::{Result, anyhow};
use fixed_decimal::{Decimal, SignDisplay, SignedRoundingMode, UnsignedRoundingMode};
use icu::calendar::{Date as IcuDate, Gregorian};
use icu::datetime::{FixedCalendarDateTimeFormatter, fieldsets};
use icu::decimal::{DecimalFormatter, options::DecimalFormatterOptions};
use icu::list::{ListFormatter, options::ListFormatterOptions};
use icu::locale::{Locale as IcuLocale, LocaleDirectionality};
use icu::plurals::{PluralCategory, PluralRules, PluralRulesOptions};
use jiff::civil::Date;
use shockbrief_core::{
    Refusal, Refusals,
    config::{Language, Rounding},
    nearest,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
    sync::Mutex,
};

/// No-break space: before `%`, `:`, units and inside guillemets.
pub const NBSP: char = '\u{a0}';
/// Narrow no-break space: French thousands, and before `;`, `!` and `?`.
pub const NNBSP: char = '\u{202f}';
/// The minus sign.
pub const MINUS: char = '\u{2212}';

/// The library's name of a rule.
fn mode(rounding: Rounding) -> SignedRoundingMode {
    SignedRoundingMode::Unsigned(match rounding {
        Rounding::HalfEven => UnsignedRoundingMode::HalfEven,
        Rounding::HalfUp => UnsignedRoundingMode::HalfExpand,
    })
}

/// Which signs are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sign {
    /// Minus only.
    #[default]
    Negative,
    /// Plus and minus; none on zero.
    Always,
}

/// How a date is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DateStyle {
    /// `27 janvier 2025`.
    #[default]
    Long,
    /// `27 janv. 2025`.
    Short,
    /// `27 janvier`.
    Day,
    /// `lundi 27 janvier 2025`.
    Weekday,
    /// `janvier 2025`.
    Month,
    /// `janv. 2025`, for axes.
    MonthShort,
}

impl DateStyle {
    /// The style of a name used in templates.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "long" => Self::Long,
            "short" => Self::Short,
            "day" => Self::Day,
            "weekday" => Self::Weekday,
            "month" => Self::Month,
            "month-short" => Self::MonthShort,
            _ => return None,
        })
    }
}

type Formatter<F> = FixedCalendarDateTimeFormatter<Gregorian, F>;

struct Dates {
    long: Formatter<fieldsets::YMD>,
    short: Formatter<fieldsets::YMD>,
    day: Formatter<fieldsets::MD>,
    weekday: Formatter<fieldsets::YMDE>,
    month: Formatter<fieldsets::YM>,
    month_short: Formatter<fieldsets::YM>,
}

/// One language's way of writing.
pub struct Locale {
    /// Language code, such as `fr`.
    pub code: String,
    /// How halves are rounded.
    pub rounding: Rounding,
    decimal: DecimalFormatter,
    plurals: PluralRules,
    lists: ListFormatter,
    dates: Dates,
    patterns: BTreeMap<String, String>,
    printed: Mutex<BTreeSet<String>>,
}

impl std::fmt::Debug for Locale {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Locale").field("code", &self.code).finish_non_exhaustive()
    }
}

/// Patterns that every language has, as key, French, English.
const PATTERNS: [(&str, &str, &str); 48] = [
    ("format.percent", "{n}\u{a0}%", "{n}%"),
    ("format.points.one", "{n}\u{a0}point", "{n}\u{a0}pp"),
    ("format.points.other", "{n}\u{a0}points", "{n}\u{a0}pp"),
    ("format.points.table", "{n}\u{a0}pts", "{n}\u{a0}pp"),
    ("format.money.one", "{n}\u{a0}{c}", "{c}\u{a0}{n}"),
    ("format.money.million", "{n}\u{a0}M{c}", "{c}\u{a0}{n}m"),
    ("format.money.billion", "{n}\u{a0}Md{c}", "{c}\u{a0}{n}bn"),
    ("format.money.trillion", "{n}\u{a0}000\u{a0}Md{c}", "{c}\u{a0}{n}tn"),
    ("format.price", "{n}\u{a0}{c}", "{c}\u{a0}{n}"),
    ("format.price.points", "{n}\u{a0}points", "{n}\u{a0}points"),
    ("format.currency.USD", "$", "USD"),
    ("format.currency.EUR", "€", "EUR"),
    ("format.currency.GBP", "£", "GBP"),
    ("format.currency.JPY", "¥", "JPY"),
    ("format.billion.one", "{n}\u{a0}milliard", "{n}\u{a0}billion"),
    ("format.billion.other", "{n}\u{a0}milliards", "{n}\u{a0}billion"),
    ("format.p.equal", "p\u{a0}=\u{a0}{n}", "p\u{a0}=\u{a0}{n}"),
    ("format.p.below", "p\u{a0}<\u{a0}{n}", "p\u{a0}<\u{a0}{n}"),
    ("format.below", "<\u{a0}{n}", "<\u{a0}{n}"),
    ("format.missing", "n.\u{a0}d.", "n/a"),
    ("format.missing.reason", "n.\u{a0}d. ({reason})", "n/a ({reason})"),
    (reasons::UNNAMED, "une valeur manque", "a value is missing"),
    ("format.claim.missing", "Ce point reste ouvert\u{a0}: {reason}.", "This point stays open: {reason}."),
    ("format.df.two", "{a}\u{a0}et\u{a0}{b}", "{a}\u{a0}and\u{a0}{b}"),
    ("format.first", "1er", ""),
    ("format.span", "du {from} au {to}", "{from} to {to}"),
    ("format.word.chart", "Graphique", "Chart"),
    ("format.word.table", "Tableau", "Table"),
    ("format.word.page", "Page {page} sur {pages}", "Page {page} of {pages}"),
    ("format.word.as-of", "Arrêté au", "As of"),
    ("format.word.source", "Source", "Source"),
    ("format.word.contents", "Sommaire", "Contents"),
    ("format.word.method", "Méthode", "Method"),
    ("format.word.continued", "suite", "continued"),
    ("format.word.see", "Voir", "See"),
    ("format.word.disclaimer", "Avertissement", "Disclaimer"),
    (
        "format.word.information",
        "Document d’information\u{202f}; ne constitue pas un conseil en investissement",
        "For information only; not investment advice",
    ),
    ("format.quarter", "T{quarter} {year}", "Q{quarter} {year}"),
    (
        "format.alt.scatter",
        "Nuage de {count} points, de {start} à {end} sur l’axe horizontal, échelle logarithmique sur l’axe vertical. Points mis en avant : {names}.",
        "Scatter of {count} points, from {start} to {end} on the horizontal axis, logarithmic scale on the vertical one. Points that stand out: {names}.",
    ),
    ("format.alt.points", "Nuage de {count} points\u{a0}: {names}.", "Scatter of {count} points: {names}."),
    (
        "format.alt.curve",
        "{count} spécifications sur {all}, de {low} ({low_value}) à {high} ({high_value})\u{a0}; {headline}\u{a0}: {headline_value}. Intervalles qui excluent zéro\u{a0}: {outside}.",
        "{count} of {all} specifications, from {low} ({low_value}) to {high} ({high_value}); {headline}: {headline_value}. Intervals that exclude zero: {outside}.",
    ),
    (
        "format.alt.rules",
        "Ligne de temps de {count} dates\u{a0}: {names}.",
        "Line of time with {count} dates: {names}.",
    ),
    (
        "format.alt.columns",
        "Colonnes empilées par trimestre ({names}), de {start} ({first_value} milliards) à {end} ({last_value} milliards).",
        "Stacked columns by quarter ({names}), from {start} ({first_value} billion) to {end} ({last_value} billion).",
    ),
    (
        "format.alt.intervals",
        "Points de {count} noms, de {first} ({first_value}) à {last} ({last_value}). Minimum : {low} ({low_value}) ; maximum : {high} ({high_value}). Hors de l’intervalle d’un jour sans nouvelle : {outside}.",
        "Dots for {count} names, from {first} ({first_value}) to {last} ({last_value}). Lowest: {low} ({low_value}); highest: {high} ({high_value}). Outside the range of a day without news: {outside}.",
    ),
    (
        "format.alt.bars",
        "Barres de {count} valeurs, de {first} ({first_value}) à {last} ({last_value}). Minimum : {low} ({low_value}) ; maximum : {high} ({high_value}).",
        "Bars of {count} values, from {first} ({first_value}) to {last} ({last_value}). Lowest: {low} ({low_value}); highest: {high} ({high_value}).",
    ),
    (
        "format.alt.lines",
        "Nombre de courbes : {count}, de {start} à {end}. ",
        "Number of lines: {count}, from {start} to {end}. ",
    ),
    (
        "format.alt.spark",
        "{name}, du {start} au {end} : {last_value} à la fin, entre {low_value} et {high_value}.",
        "{name}, from {start} to {end}: {last_value} at the end, between {low_value} and {high_value}.",
    ),
    (
        "format.alt.line",
        "{name} : {last_value} à la fin, entre {low_value} et {high_value}. ",
        "{name}: {last_value} at the end, between {low_value} and {high_value}. ",
    ),
];

impl Locale {
    /// The locale of a language file.
    ///
    /// # Errors
    /// A locale tag that ICU does not know, or a language other than French and English whose file lacks
    /// a `format.*` pattern.
    pub fn new(code: &str, language: &Language) -> Result<Self> {
        let tag = IcuLocale::try_from_str(&language.locale).map_err(|_| {
            Refusal::config(format!("language `{code}`: `{}` is no BCP 47 locale", language.locale))
                .hint("write a tag such as fr-FR or en-GB")
        })?;
        Ok(Self {
            code: code.to_owned(),
            rounding: Rounding::default(),
            decimal: DecimalFormatter::try_new((&tag).into(), DecimalFormatterOptions::default())
                .map_err(|error| no_data(code, error))?,
            plurals: PluralRules::try_new((&tag).into(), PluralRulesOptions::default())
                .map_err(|error| no_data(code, error))?,
            lists: ListFormatter::try_new_and((&tag).into(), ListFormatterOptions::default())
                .map_err(|error| no_data(code, error))?,
            dates: Dates::new(&tag).map_err(|error| no_data(code, error))?,
            patterns: patterns(code, &language.strings)?,
            printed: Mutex::default(),
        })
    }

    /// Declares how halves are rounded.
    #[must_use]
    pub fn with_rounding(mut self, rounding: Rounding) -> Self {
        self.rounding = rounding;
        self
    }

    /// Names in a row: “A, B and C”.
    #[must_use]
    pub fn list(&self, names: &[&str]) -> String {
        self.lists.format_to_string(names.iter())
    }

    /// Notes what goes onto a page, for the audit of numerals, and hands it back.
    pub fn note(&self, text: String) -> String {
        if text.contains(char::is_numeric)
            && let Ok(mut printed) = self.printed.lock()
        {
            printed.insert(text.clone());
        }
        text
    }

    /// Everything noted so far.
    #[must_use]
    pub fn printed(&self) -> BTreeSet<String> {
        self.printed.lock().map(|printed| printed.clone()).unwrap_or_default()
    }

    /// A pattern by key; empty for a key that is not one.
    #[must_use]
    pub fn pattern(&self, key: &str) -> &str {
        self.patterns.get(key).map_or("", String::as_str)
    }

    /// A pattern with its places filled.
    #[must_use]
    pub fn fill(&self, key: &str, values: &[(&str, &str)]) -> String {
        values.iter().fold(self.pattern(key).to_owned(), |text, (name, value)| {
            text.replace(&format!("{{{name}}}"), value)
        })
    }

    /// `value × 10^shift` rounded to `decimals`, in decimal digits.
    #[must_use]
    pub fn round(&self, value: f64, shift: i16, decimals: u8) -> Decimal {
        let mut decimal = Decimal::from_str(&value.to_string()).unwrap_or_default();
        decimal.multiply_pow10(shift);
        decimal.round_with_mode(-i16::from(decimals), mode(self.rounding));
        decimal.trim_start();
        decimal.pad_end(-i16::from(decimals));
        decimal
    }

    /// A rounded number in this language's digits.
    #[must_use]
    pub fn write(&self, mut decimal: Decimal, sign: Sign) -> String {
        decimal.apply_sign_display(match sign {
            Sign::Negative => SignDisplay::Negative,
            Sign::Always => SignDisplay::ExceptZero,
        });
        self.decimal.format_to_string(&decimal).replace('-', "\u{2212}")
    }

    /// `value × 10^shift` with `decimals` digits after the mark.
    #[must_use]
    pub fn number(&self, value: f64, shift: i16, decimals: u8, sign: Sign) -> String {
        self.write(self.round(value, shift, decimals), sign)
    }

    /// A ratio as percent.
    #[must_use]
    pub fn percent(&self, value: f64, decimals: u8, sign: Sign) -> String {
        self.note(self.pattern("format.percent").replace("{n}", &self.number(value, 2, decimals, sign)))
    }

    /// Whether the language uses its singular form for this number.
    #[must_use]
    pub fn is_singular(&self, decimal: &Decimal) -> bool {
        self.plurals.category_for(decimal) == PluralCategory::One
    }

    /// The sign or code of a currency.
    #[must_use]
    pub fn currency<'a>(&'a self, code: &'a str) -> &'a str {
        self.patterns.get(&format!("format.currency.{code}")).map_or(code, String::as_str)
    }

    /// A date in words; day and month do not part at a line's end.
    #[must_use]
    pub fn date(&self, date: Date, style: DateStyle) -> String {
        let Ok(day) = IcuDate::try_new_gregorian(date.year().into(), date.month() as u8, date.day() as u8)
        else {
            return date.to_string();
        };
        let text = self.dates.format(&day, style);
        let first = self.pattern("format.first");
        let text = if date.day() == 1 && !first.is_empty() { ordinal(&text, first) } else { text };
        self.note(text.replace(' ', "\u{a0}"))
    }
}

fn ordinal(text: &str, first: &str) -> String {
    text.split(' ').map(|word| if word == "1" { first } else { word }).collect::<Vec<_>>().join(" ")
}

fn no_data(code: &str, error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("no number or date formats for language `{code}`: {error}")
}

fn patterns(code: &str, strings: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
    let (mut patterns, mut faults) = (BTreeMap::new(), Refusals::default());
    for (key, french, english) in PATTERNS {
        let word = key.strip_prefix("format.word.").and_then(|word| strings.get(word));
        let own = strings.get(key).or(word).map(String::as_str);
        let text = match code {
            "fr" => own.unwrap_or(french),
            "en" => own.unwrap_or(english),
            _ => own.unwrap_or_else(|| {
                let refusal = Refusal::config(format!("language `{code}` has no string `{key}`"));
                faults.push(refusal.hint(format!("add it under `strings`; English writes `{english}`")));
                english
            }),
        };
        patterns.insert(key.to_owned(), text.to_owned());
    }
    if is_built_in(code) {
        let own = |french, english| if code == "fr" { french } else { english };
        patterns.extend(
            reasons::patterns()
                .map(|(key, french, english)| (key.to_owned(), own(french, english).to_owned())),
        );
    }
    for (key, text) in strings.iter().filter(|(key, _)| key.starts_with("format.")) {
        patterns.insert(key.clone(), text.clone());
    }
    faults.or(patterns)
}

/// Reasons for missing values as English writes them; a language without one says no more than that a value is missing.
pub fn missing_reasons() -> impl Iterator<Item = (&'static str, &'static str)> {
    reasons::patterns().map(|(key, _, english)| (key, english))
}

/// Why a locale cannot be used, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocaleFault {
    /// What is wrong.
    pub message: String,
    /// The next step.
    pub hint: String,
}

/// What stands for a month where no language is known: the root of all locales.
const ROOT: &str = "M01";

/// Whether pages can be set in a locale: its dates and numbers are known, and it is written from left to right.
///
/// # Errors
/// A tag that is none, one whose language is not known (with the nearest that are), one written from right to left.
pub fn settable(tag: &str) -> Result<(), LocaleFault> {
    let fault = |message: String, hint: String| Err(LocaleFault { message, hint });
    let Ok(parsed) = IcuLocale::try_from_str(tag) else {
        let hint = "write a tag such as fr-FR or en-GB".to_owned();
        return fault(format!("`{tag}` is no BCP 47 locale"), hint);
    };
    if !is_known(&parsed) {
        return fault(format!("nothing is known of the locale `{tag}`"), near(parsed.id.language.as_str()));
    }
    if LocaleDirectionality::new_common().is_right_to_left(&parsed.id) {
        let message = format!(
            "`{tag}` is written from right to left, which pages, charts and tables here do not do yet"
        );
        return fault(message, "leave this language out".to_owned());
    }
    Ok(())
}

/// Whether ICU has dates for a locale: without, it would print those of the root.
fn is_known(tag: &IcuLocale) -> bool {
    let day = IcuDate::try_new_gregorian(2025, 1, 27);
    match (Dates::new(tag), day) {
        (Ok(dates), Ok(day)) => !dates.format(&day, DateStyle::Month).contains(ROOT),
        _ => false,
    }
}

/// The known languages nearest to one that is not.
fn near(language: &str) -> String {
    const OFFERED: usize = 5;
    let letters = || 'a'..='z';
    let pairs = letters().flat_map(|a| letters().map(move |b| format!("{a}{b}")));
    let known = pairs.filter(|code| {
        IcuLocale::try_from_str(code)
            .is_ok_and(|tag| is_known(&tag) && !LocaleDirectionality::new_common().is_right_to_left(&tag.id))
    });
    let mut known: Vec<(usize, String)> =
        known.map(|code| (nearest::distance(language, &code), code)).collect();
    known.sort();
    let offered: Vec<String> = known.into_iter().take(OFFERED).map(|(_, code)| format!("`{code}`")).collect();
    format!("the nearest known languages are {}", offered.join(", "))
}

/// Whether the patterns of a language are built in.
#[must_use]
pub fn is_built_in(code: &str) -> bool {
    matches!(code, "fr" | "en")
}

/// The patterns that a language must have, as English writes them.
pub fn english() -> impl Iterator<Item = (&'static str, &'static str)> {
    PATTERNS.into_iter().map(|(key, _, english)| (key, english))
}

impl Dates {
    fn new(tag: &IcuLocale) -> Result<Self, icu::datetime::DateTimeFormatterLoadError> {
        use icu::datetime::options::YearStyle::Full;
        Ok(Self {
            long: Formatter::try_new(tag.into(), fieldsets::YMD::long().with_year_style(Full))?,
            short: Formatter::try_new(tag.into(), fieldsets::YMD::medium().with_year_style(Full))?,
            day: Formatter::try_new(tag.into(), fieldsets::MD::long())?,
            weekday: Formatter::try_new(tag.into(), fieldsets::YMDE::long().with_year_style(Full))?,
            month: Formatter::try_new(tag.into(), fieldsets::YM::long().with_year_style(Full))?,
            month_short: Formatter::try_new(tag.into(), fieldsets::YM::medium().with_year_style(Full))?,
        })
    }

    fn format(&self, day: &IcuDate<Gregorian>, style: DateStyle) -> String {
        match style {
            DateStyle::Long => self.long.format(day).to_string(),
            DateStyle::Short => self.short.format(day).to_string(),
            DateStyle::Day => self.day.format(day).to_string(),
            DateStyle::Weekday => self.weekday.format(day).to_string(),
            DateStyle::Month => self.month.format(day).to_string(),
            DateStyle::MonthShort => self.month_short.format(day).to_string(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use jiff::civil::date;

    pub(crate) fn locale(code: &str) -> Locale {
        let tag = if code == "fr" { "fr-FR" } else { "en-GB" };
        let language = Language { locale: tag.to_owned(), name: code.to_owned(), strings: BTreeMap::new() };
        Locale::new(code, &language).unwrap()
    }

    #[test]
    fn digits_signs_and_grouping() {
        let (fr, en) = (locale("fr"), locale("en"));
        let cases = [
            (1_234_567.891, 0, 1, Sign::Negative, "1\u{202f}234\u{202f}567,9", "1,234,567.9"),
            (-0.1697, 2, 2, Sign::Negative, "\u{2212}16,97", "\u{2212}16.97"),
            (0.05, 2, 1, Sign::Always, "+5,0", "+5.0"),
            (0.0, 2, 1, Sign::Always, "0,0", "0.0"),
            (-0.0004, 2, 1, Sign::Negative, "0,0", "0.0"),
            (-0.0004, 2, 1, Sign::Always, "0,0", "0.0"),
            (0.125, 0, 2, Sign::Negative, "0,12", "0.12"),
            (2.675, 0, 2, Sign::Negative, "2,68", "2.68"),
            (0.285, 2, 0, Sign::Negative, "28", "28"),
            (
                1e15,
                0,
                0,
                Sign::Negative,
                "1\u{202f}000\u{202f}000\u{202f}000\u{202f}000\u{202f}000",
                "1,000,000,000,000,000",
            ),
        ];
        for (value, shift, decimals, sign, french, english) in cases {
            assert_eq!(fr.number(value, shift, decimals, sign), french, "{value}");
            assert_eq!(en.number(value, shift, decimals, sign), english, "{value}");
        }
    }

    #[test]
    fn halves_follow_the_declared_rule() {
        let up = locale("en").with_rounding(Rounding::HalfUp);
        let even = locale("en");
        for (value, half_even, half_up) in
            [(0.5, "0", "1"), (1.5, "2", "2"), (2.5, "2", "3"), (-2.5, "\u{2212}2", "\u{2212}3")]
        {
            assert_eq!(even.number(value, 0, 0, Sign::Negative), half_even);
            assert_eq!(up.number(value, 0, 0, Sign::Negative), half_up);
        }
    }

    /// `digits / 10^places` at so many decimals, by whole numbers alone: the digits without their mark.
    fn rounded(digits: i64, places: u8, decimals: u8, rounding: Rounding) -> i64 {
        if decimals >= places {
            return digits * 10_i64.pow(u32::from(decimals - places));
        }
        let unit = 10_i64.pow(u32::from(places - decimals));
        let (whole, rest) = (digits.abs() / unit, digits.abs() % unit);
        let up = match (2 * rest).cmp(&unit) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal => rounding == Rounding::HalfUp || whole % 2 == 1,
            std::cmp::Ordering::Greater => true,
        };
        digits.signum() * (whole + i64::from(up))
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(20_000))]
        #[test]
        fn rounding_is_that_of_whole_numbers(
            digits in -99_999_999_i64..=99_999_999, half in proptest::bool::ANY, places in 1_u8..=6,
            decimals in 0_u8..=6, shift in 0_i16..=3, up in proptest::bool::ANY,
        ) {
            // Half of the cases end in five, where the rules differ.
            let digits = if half { digits / 10 * 10 + 5 * digits.signum() } else { digits };
            let rounding = if up { Rounding::HalfUp } else { Rounding::HalfEven };
            let value: f64 = format!("{digits}e-{}", i16::from(places) + shift).parse().unwrap();
            let printed = locale("en").with_rounding(rounding).round(value, shift, decimals).to_string();
            let (_, after) = printed.split_once('.').unwrap_or((&printed, ""));
            proptest::prop_assert_eq!(after.len(), usize::from(decimals), "{}", &printed);
            let found: i64 = printed.replace('.', "").parse().unwrap();
            proptest::prop_assert_eq!(found, rounded(digits, places, decimals, rounding), "{} of {}", &printed, value);
        }
    }

    #[test]
    fn dates() {
        let (fr, en) = (locale("fr"), locale("en"));
        let plain = |text: String| text.replace('\u{a0}', " ");
        let day = date(2025, 1, 27);
        for (style, french, english) in [
            (DateStyle::Long, "27 janvier 2025", "27 January 2025"),
            (DateStyle::Short, "27 janv. 2025", "27 Jan 2025"),
            (DateStyle::Day, "27 janvier", "27 January"),
            (DateStyle::Weekday, "lundi 27 janvier 2025", "Monday, 27 January 2025"),
            (DateStyle::Month, "janvier 2025", "January 2025"),
            (DateStyle::MonthShort, "janv. 2025", "Jan 2025"),
        ] {
            assert_eq!(plain(fr.date(day, style)), french);
            assert_eq!(plain(en.date(day, style)), english);
        }
        assert_eq!(plain(fr.date(date(2025, 2, 1), DateStyle::Long)), "1er février 2025");
        assert_eq!(plain(fr.date(date(2025, 1, 1), DateStyle::Weekday)), "mercredi 1er janvier 2025");
        assert_eq!(plain(en.date(date(2025, 2, 1), DateStyle::Day)), "1 February");
    }

    #[test]
    fn another_language_must_bring_its_patterns() {
        let language = Language { locale: "de-DE".into(), name: "Deutsch".into(), strings: BTreeMap::new() };
        let error = Locale::new("de", &language).unwrap_err();
        // All that lacks is told at once.
        let told = error.to_string();
        assert!(told.starts_with("language `de` has no string `format.percent`\n"), "{told}");
        assert_eq!(told.lines().count(), PATTERNS.len(), "{told}");
    }

    #[test]
    fn what_is_no_known_language_or_runs_from_right_to_left_is_refused() {
        for tag in ["de", "nl-NL", "ja", "fr-CA", "pt-BR", "zh-Hant-TW", "sr-Latn"] {
            assert_eq!(settable(tag), Ok(()), "{tag}");
        }
        for (tag, says) in [
            ("xq", "nothing is known"),
            ("ar", "right to left"),
            ("he-IL", "right to left"),
            ("fa", "right to left"),
            ("ur-PK", "right to left"),
            ("not a tag", "no BCP 47 locale"),
        ] {
            let fault = settable(tag).unwrap_err();
            assert!(fault.message.contains(says), "{tag}: {}", fault.message);
        }
        assert!(settable("dx").unwrap_err().hint.contains("`de`"));
    }
}
