//! Printing a figure: the one door through which numbers reach a page.
//!
//! A [`Format`] names a filter and its options. It refuses a figure of another unit, so that a p-value
//! never appears as a percentage. A figure without value prints the language's “n/a”.

use crate::locale::{DateStyle, Locale, Sign};
use crate::reasons;
use shockbrief_core::{Figure, Unit, Value};
use std::fmt;

/// The filters that print figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// A ratio as percent.
    Pct,
    /// A difference of ratios as percentage points.
    Points,
    /// An amount of money, scaled to millions or billions.
    Money,
    /// A price or an index level as quoted.
    Price,
    /// A plain number or a correlation.
    Num,
    /// A test statistic.
    Stat,
    /// A p-value.
    Pval,
    /// A date.
    Date,
    /// A count or a number of sessions.
    Int,
    /// A large count in thousand millions.
    Bn,
}

impl Filter {
    /// All filters, with their names in templates and the decimals they print when none are asked for.
    pub const ALL: [(Self, &'static str, u8); 10] = [
        (Self::Pct, "pct", 1),
        (Self::Points, "points", 1),
        (Self::Money, "money", 1),
        (Self::Price, "price", 2),
        (Self::Num, "num", 2),
        (Self::Stat, "stat", 2),
        (Self::Pval, "pval", 3),
        (Self::Date, "date", 0),
        (Self::Int, "int", 0),
        (Self::Bn, "bn", 2),
    ];

    /// Its name in templates.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(filter, ..)| *filter == self).map_or("", |(_, name, _)| name)
    }

    /// The filter that prints a unit.
    #[must_use]
    pub fn of(unit: Unit) -> Self {
        match unit {
            Unit::Ratio => Self::Pct,
            Unit::Points => Self::Points,
            Unit::Money => Self::Money,
            Unit::Price => Self::Price,
            Unit::Count | Unit::Sessions => Self::Int,
            Unit::Statistic => Self::Stat,
            Unit::Probability => Self::Pval,
            Unit::Correlation | Unit::Number => Self::Num,
            Unit::Date => Self::Date,
        }
    }
}

fn describe(unit: Unit) -> &'static str {
    match unit {
        Unit::Ratio => "a ratio",
        Unit::Points => "a difference in points",
        Unit::Money => "an amount of money",
        Unit::Price => "a price",
        Unit::Count => "a count",
        Unit::Sessions => "a number of sessions",
        Unit::Statistic => "a test statistic",
        Unit::Probability => "a p-value",
        Unit::Correlation => "a correlation",
        Unit::Number => "a plain number",
        Unit::Date => "a date",
    }
}

/// Units of large amounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scale {
    /// As it is.
    One,
    /// Millions.
    Million,
    /// Thousand millions.
    Billion,
    /// Million millions; French writes thousands of « milliards ».
    Trillion,
}

impl Scale {
    const ALL: [(Self, &'static str, i16); 4] = [
        (Self::One, "one", 0),
        (Self::Million, "million", 6),
        (Self::Billion, "billion", 9),
        (Self::Trillion, "trillion", 12),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(scale, ..)| *scale == self).map_or("", |(_, name, _)| name)
    }

    fn power(self) -> i16 {
        Self::ALL.iter().find(|(scale, ..)| *scale == self).map_or(0, |(.., power)| *power)
    }

    /// The largest scale in which `value` is at least one; French stops at « milliards ».
    pub(crate) fn fitting(value: f64, locale: &Locale) -> Self {
        let limit = if locale.code == "fr" { Self::Billion } else { Self::Trillion };
        let fits =
            |scale: &&(Self, &str, i16)| scale.0 <= limit && value.abs() >= 10_f64.powi(scale.2.into());
        Self::ALL.iter().rev().find(fits).map_or(Self::One, |(scale, ..)| *scale)
    }
}

/// Where a figure is printed; tables leave out what their headers say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A sentence.
    Prose,
    /// A cell.
    Table,
}

/// A filter with its options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// The filter.
    pub filter: Filter,
    /// Digits after the decimal mark.
    pub decimals: u8,
    /// Which signs are printed.
    pub sign: Sign,
    /// The scale of money; the fitting one when none.
    pub scale: Option<Scale>,
    /// How a date is written.
    pub date: DateStyle,
}

/// Why a figure or a format is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatError {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: String,
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for FormatError {}

impl Format {
    /// A filter with its usual options.
    #[must_use]
    pub fn new(filter: Filter) -> Self {
        let decimals = Filter::ALL.iter().find(|(f, ..)| *f == filter).map_or(0, |(.., d)| *d);
        Self { filter, decimals, sign: Sign::Negative, scale: None, date: DateStyle::Long }
    }

    /// Reads the text of a column or template: `pct(1)`, `pct(1, sign)`, `money(1, billion)`, `date(short)`.
    ///
    /// # Errors
    /// A filter or an option that does not exist.
    pub fn parse(text: &str) -> Result<Self, FormatError> {
        let (name, options) = text.trim().trim_end_matches(')').split_once('(').unwrap_or((text.trim(), ""));
        let Some((filter, ..)) = Filter::ALL.iter().find(|(_, known, _)| *known == name.trim()) else {
            if name.trim() == "daymonth" {
                return Ok(Self { date: DateStyle::Day, ..Self::new(Filter::Date) });
            }
            return Err(unknown("filter", name, Filter::ALL.iter().map(|(_, name, _)| *name)));
        };
        let mut format = Self::new(*filter);
        for option in options.split(',').map(|o| o.trim().trim_matches('"')).filter(|o| !o.is_empty()) {
            format.option(option)?;
        }
        Ok(format)
    }

    /// Applies one option: a number of decimals, `sign`, a scale of money, or a date style.
    ///
    /// # Errors
    /// An option that the filter does not have.
    pub fn option(&mut self, option: &str) -> Result<(), FormatError> {
        if let Ok(decimals) = option.parse::<u8>()
            && decimals <= 12
        {
            self.decimals = decimals;
        } else if option == "sign" {
            self.sign = Sign::Always;
        } else if let Some((scale, ..)) = Scale::ALL.iter().find(|(_, name, _)| *name == option) {
            self.scale = Some(*scale);
        } else if let Some(style) = DateStyle::parse(option) {
            self.date = style;
        } else {
            let known = [
                "0 to 12", "sign", "one", "million", "billion", "trillion", "long", "short", "day",
                "weekday", "month",
            ];
            return Err(unknown("option", option, known.into_iter()));
        }
        Ok(())
    }

    /// Refuses a figure of another unit.
    ///
    /// # Errors
    /// The figure's unit is not the filter's.
    pub fn check(&self, figure: &Figure) -> Result<(), FormatError> {
        let wanted = Filter::of(figure.unit);
        let large = self.filter == Filter::Bn && matches!(figure.unit, Unit::Count | Unit::Number);
        if wanted == self.filter || large {
            return Ok(());
        }
        Err(FormatError {
            message: format!(
                "figure `{}` is {}, which `{}` does not print",
                figure.id,
                describe(figure.unit),
                self.filter.name()
            ),
            hint: format!("use `{}`", wanted.name()),
        })
    }

    /// Prints a figure; a missing value becomes the language's “n/a”.
    ///
    /// # Errors
    /// The figure's unit is not the filter's.
    pub fn apply(&self, locale: &Locale, figure: &Figure, place: Place) -> Result<String, FormatError> {
        self.check(figure)?;
        Ok(match figure.value {
            None => locale.pattern("format.missing").to_owned(),
            Some(Value::Date(date)) if place == Place::Table && self.date == DateStyle::Long => {
                locale.date(date, DateStyle::Short)
            }
            Some(Value::Date(date)) => locale.date(date, self.date),
            Some(Value::Number(value)) => {
                locale.note(self.print(locale, value, figure.currency.as_deref(), place))
            }
        })
    }

    fn print(&self, locale: &Locale, value: f64, currency: Option<&str>, place: Place) -> String {
        match self.filter {
            Filter::Pct => locale.percent(value, self.decimals, self.sign),
            Filter::Points => self.points(locale, value, place),
            Filter::Money => self.money(locale, value, currency.unwrap_or("")),
            Filter::Price => self.price(locale, value, currency.unwrap_or("")),
            Filter::Pval => self.p_value(locale, value, place),
            Filter::Bn => {
                let rounded = locale.round(value, -9, self.decimals);
                let key =
                    if locale.is_singular(&rounded) { "format.billion.one" } else { "format.billion.other" };
                locale.pattern(key).replace("{n}", &locale.write(rounded, self.sign))
            }
            Filter::Num | Filter::Stat | Filter::Int | Filter::Date => {
                locale.number(value, 0, self.decimals, self.sign)
            }
        }
    }

    fn points(&self, locale: &Locale, value: f64, place: Place) -> String {
        let rounded = locale.round(value, 2, self.decimals);
        let key = match place {
            Place::Table => "format.points.table",
            Place::Prose if locale.is_singular(&rounded) => "format.points.one",
            Place::Prose => "format.points.other",
        };
        locale.pattern(key).replace("{n}", &locale.write(rounded, self.sign))
    }

    fn money(&self, locale: &Locale, value: f64, currency: &str) -> String {
        let scale = self.scale.unwrap_or_else(|| Scale::fitting(value, locale));
        let text = locale.number(value, -scale.power(), self.decimals, self.sign);
        let code = locale.currency(currency);
        // A code after a letter needs a space: « Md$ » but « Md HKD ».
        let after_letter = code.starts_with(char::is_alphabetic) && scale != Scale::One;
        let pattern = locale.pattern(&format!("format.money.{}", scale.name()));
        let (pattern, code) = match pattern.find("{c}") {
            Some(at) if after_letter && pattern[..at].ends_with(char::is_alphabetic) => {
                (pattern.to_owned(), format!("\u{a0}{code}"))
            }
            _ => (pattern.to_owned(), code.to_owned()),
        };
        signed(&pattern, &text, &code)
    }

    fn price(&self, locale: &Locale, value: f64, currency: &str) -> String {
        let text = locale.number(value, 0, self.decimals, self.sign);
        if currency == "PTS" {
            return locale.pattern("format.price.points").replace("{n}", &text);
        }
        signed(locale.pattern("format.price"), &text, locale.currency(currency))
    }

    fn p_value(&self, locale: &Locale, value: f64, place: Place) -> String {
        let least = 10_f64.powi(-i32::from(self.decimals));
        let below = value < least;
        let text = locale.number(if below { least } else { value }, 0, self.decimals, Sign::Negative);
        let key = match (place, below) {
            (Place::Prose, true) => "format.p.below",
            (Place::Prose, false) => "format.p.equal",
            (Place::Table, true) => "format.below",
            (Place::Table, false) => return text,
        };
        locale.pattern(key).replace("{n}", &text)
    }
}

/// Fills number and currency; a sign goes before a leading currency code: `−USD 5bn`.
fn signed(pattern: &str, number: &str, currency: &str) -> String {
    let sign = number.chars().next().filter(|c| matches!(c, '\u{2212}' | '+'));
    match sign {
        Some(sign) if pattern.starts_with("{c}") => {
            let bare = &number[sign.len_utf8()..];
            format!("{sign}{}", pattern.replace("{n}", bare).replace("{c}", currency))
        }
        _ => pattern.replace("{n}", number).replace("{c}", currency),
    }
}

/// The language's “n/a” with the figure's reason, or an empty text for a figure with a value.
#[must_use]
pub fn reason(locale: &Locale, figure: &Figure) -> String {
    match (&figure.value, &figure.reason) {
        (Some(_), _) => String::new(),
        (None, None) => locale.pattern("format.missing").to_owned(),
        (None, Some(reason)) => {
            locale.pattern("format.missing.reason").replace("{reason}", &because(locale, reason))
        }
    }
}

/// A reason in the language: the pattern `format.reason.<reason with {} for numbers>`. One that no table has is English.
pub fn because(locale: &Locale, reason: &str) -> String {
    let numbers: Vec<&str> =
        reason.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).collect();
    let key = numbers.iter().fold(reason.to_owned(), |text, number| text.replacen(number, "{}", 1));
    let pattern = match locale.pattern(&format!("{}{key}", reasons::PREFIX)) {
        "" if locale.code.split('-').next() == Some("en") => return reason.to_owned(),
        "" => locale.pattern(reasons::UNNAMED),
        pattern => pattern,
    };
    numbers.iter().fold(pattern.to_owned(), |text, number| text.replacen("{}", number, 1))
}

/// Degrees of freedom: one number, or two for an F statistic.
#[must_use]
pub fn degrees(locale: &Locale, figure: &Figure) -> String {
    let texts: Vec<String> = figure
        .df
        .iter()
        .map(|df| {
            let decimals = if df.fract().abs() < 1e-9 { 0 } else { 1 };
            locale.number(*df, 0, decimals, Sign::Negative)
        })
        .collect();
    locale.note(match texts.as_slice() {
        [] => locale.pattern("format.missing").to_owned(),
        [one] => one.clone(),
        [a, b, ..] => locale.pattern("format.df.two").replace("{a}", a).replace("{b}", b),
    })
}

fn unknown(what: &str, found: &str, known: impl Iterator<Item = &'static str>) -> FormatError {
    FormatError {
        message: format!("`{found}` is no {what} for figures"),
        hint: format!("use one of: {}", known.collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locale::tests::locale;
    use jiff::civil::date;

    fn figure(value: f64, unit: Unit) -> Figure {
        Figure::new("x", value, unit, "test", date(2025, 1, 31)).currency("USD")
    }

    #[test]
    fn every_filter_in_both_languages() {
        let cases: &[(&str, f64, Unit, &str, &str)] = &[
            ("pct(1)", -0.1697, Unit::Ratio, "−17,0 %", "−17.0%"),
            ("pct(2)", -0.1697, Unit::Ratio, "−16,97 %", "−16.97%"),
            ("pct(1, sign)", 0.0012, Unit::Ratio, "+0,1 %", "+0.1%"),
            ("pct(0)", 12.5, Unit::Ratio, "1\u{202f}250 %", "1,250%"),
            ("points(1)", 0.0342, Unit::Points, "3,4 points", "3.4 pp"),
            ("points(1)", 0.0152, Unit::Points, "1,5 point", "1.5 pp"),
            ("points(1)", -0.0152, Unit::Points, "−1,5 point", "−1.5 pp"),
            ("money", -592.7e9, Unit::Money, "−592,7 Md$", "−USD 592.7bn"),
            ("money", 592.7e9, Unit::Money, "592,7 Md$", "USD 592.7bn"),
            ("money", 3.402e12, Unit::Money, "3\u{202f}402,0 Md$", "USD 3.4tn"),
            ("money(0)", 12.4e6, Unit::Money, "12 M$", "USD 12m"),
            ("money(0)", 950.0, Unit::Money, "950 $", "USD 950"),
            ("money(2, billion)", 12.4e6, Unit::Money, "0,01 Md$", "USD 0.01bn"),
            ("price", 118.42, Unit::Price, "118,42 $", "USD 118.42"),
            ("num(2)", 1.876, Unit::Number, "1,88", "1.88"),
            ("num(2)", -0.4, Unit::Correlation, "−0,40", "−0.40"),
            ("stat(2)", -12.344, Unit::Statistic, "−12,34", "−12.34"),
            ("pval", 0.0123, Unit::Probability, "p = 0,012", "p = 0.012"),
            ("pval", 0.0004, Unit::Probability, "p < 0,001", "p < 0.001"),
            ("pval", 0.0, Unit::Probability, "p < 0,001", "p < 0.001"),
            ("pval", 1.0, Unit::Probability, "p = 1,000", "p = 1.000"),
            ("int", 27.0, Unit::Count, "27", "27"),
            ("bn(2)", 24.49e9, Unit::Count, "24,49 milliards", "24.49 billion"),
            ("int", 12345.0, Unit::Sessions, "12\u{202f}345", "12,345"),
        ];
        for (format, value, unit, french, english) in cases {
            for (code, expected) in [("fr", french), ("en", english)] {
                let text =
                    Format::parse(format).unwrap().apply(&locale(code), &figure(*value, *unit), Place::Prose);
                assert_eq!(text.unwrap().replace('\u{a0}', " "), **expected, "{format} {value} {code}");
            }
        }
    }

    #[test]
    fn currencies_without_a_sign_are_spelled() {
        let figure = figure(1.2e9, Unit::Money).currency("HKD");
        let text = |code| Format::new(Filter::Money).apply(&locale(code), &figure, Place::Prose).unwrap();
        assert_eq!(text("fr"), "1,2\u{a0}Md\u{a0}HKD");
        assert_eq!(text("en"), "HKD\u{a0}1.2bn");
    }

    #[test]
    fn table_cells_leave_out_what_headers_say() {
        let p = figure(0.0002, Unit::Probability);
        let points = figure(0.034, Unit::Points);
        let fr = locale("fr");
        assert_eq!(Format::new(Filter::Pval).apply(&fr, &p, Place::Table).unwrap(), "<\u{a0}0,001");
        assert_eq!(Format::new(Filter::Points).apply(&fr, &points, Place::Table).unwrap(), "3,4\u{a0}pts");
    }

    #[test]
    fn a_wrong_unit_is_refused() {
        let error = Format::parse("pct(1)").unwrap().apply(
            &locale("en"),
            &figure(0.01, Unit::Probability),
            Place::Prose,
        );
        let error = error.unwrap_err();
        assert_eq!(error.message, "figure `x` is a p-value, which `pct` does not print");
        assert_eq!(error.hint, "use `pval`");
        assert!(Format::parse("percent(1)").is_err());
        assert!(Format::parse("pct(99)").is_err());
    }

    #[test]
    fn missing_values_say_so_and_why() {
        let figure = Figure::missing("x", "41 of 120 days", Unit::Ratio, "test", date(2025, 1, 31));
        let text = |code| Format::new(Filter::Pct).apply(&locale(code), &figure, Place::Prose).unwrap();
        assert_eq!((text("fr").as_str(), text("en").as_str()), ("n.\u{a0}d.", "n/a"));
        assert_eq!(reason(&locale("en"), &figure), "n/a (41 of 120 days)");
    }

    #[test]
    fn degrees_of_freedom() {
        let one = figure(2.0, Unit::Statistic).df([118.0]);
        let two = figure(2.0, Unit::Statistic).df([27.0, 92.0]);
        assert_eq!(degrees(&locale("fr"), &one), "118");
        assert_eq!(degrees(&locale("en"), &two), "27\u{a0}and\u{a0}92");
    }
}
