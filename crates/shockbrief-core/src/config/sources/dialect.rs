//! How a CSV file is written, as far as its source declares it.
//!
//! Every key may be left out; what is not declared is detected from the file, and refused where the file
//! does not decide it.

use crate::schema::{self, JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, fmt};

/// How text is stored as bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// UTF-8, with or without byte order mark.
    #[serde(rename = "utf-8")]
    Utf8,
    /// UTF-16, low byte first.
    #[serde(rename = "utf-16le")]
    Utf16le,
    /// UTF-16, high byte first.
    #[serde(rename = "utf-16be")]
    Utf16be,
    /// Windows code page 1252; Latin-1 is the part of it without printable characters from 0x80 to 0x9f.
    #[serde(rename = "windows-1252", alias = "latin-1", alias = "iso-8859-1")]
    Windows1252,
}

/// What stands between two cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Separator {
    /// `,`
    #[serde(rename = ",", alias = "comma")]
    Comma,
    /// `;`
    #[serde(rename = ";", alias = "semicolon")]
    Semicolon,
    /// A tab.
    #[serde(rename = "\t", alias = "tab")]
    Tab,
    /// `|`
    #[serde(rename = "|", alias = "pipe")]
    Pipe,
}

impl Separator {
    /// All, the most usual first.
    pub const ALL: [Self; 4] = [Self::Comma, Self::Semicolon, Self::Tab, Self::Pipe];

    /// The character.
    #[must_use]
    pub fn char(self) -> char {
        match self {
            Self::Comma => ',',
            Self::Semicolon => ';',
            Self::Tab => '\t',
            Self::Pipe => '|',
        }
    }
}

/// The decimal mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Decimal {
    /// `.`
    #[serde(rename = ".", alias = "point")]
    Point,
    /// `,`
    #[serde(rename = ",", alias = "comma")]
    Comma,
}

/// What groups the digits of a number by thousands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Thousands {
    /// Nothing does.
    #[serde(rename = "none")]
    None,
    /// `,`
    #[serde(rename = ",", alias = "comma")]
    Comma,
    /// `.`
    #[serde(rename = ".", alias = "point")]
    Point,
    /// A space of any width.
    #[serde(rename = " ", alias = "space")]
    Space,
    /// `'` or `’`
    #[serde(rename = "'", alias = "apostrophe")]
    Apostrophe,
}

/// The order of a date's parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DateOrder {
    /// Year, month, day.
    YearMonthDay,
    /// Day, month, year.
    DayMonthYear,
    /// Month, day, year.
    MonthDayYear,
    /// Eight digits: year, month, day.
    Compact,
    /// The month by its name, before or after the day.
    Named,
}

/// How dates are written, such as `dd/mm/yyyy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DateForm {
    /// The order of the parts.
    pub order: DateOrder,
    /// What stands between the parts; a space where nothing fixed does.
    pub separator: char,
    /// Whether years have two digits: 69 to 99 are of the twentieth century, 00 to 68 of the next.
    pub short_year: bool,
}

/// Schemas of types whose words serde reads under several spellings.
macro_rules! spelled {
    ($($name:ident: $about:literal $words:expr;)*) => {$(
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                schema::words($about, &$words)
            }
        }
    )*};
}

spelled! {
    Encoding: "How text is stored." ["utf-8", "utf-16le", "utf-16be", "windows-1252", "latin-1", "iso-8859-1"];
    Separator: "What stands between two cells." [",", ";", "\t", "|", "comma", "semicolon", "tab", "pipe"];
    Decimal: "The decimal mark." [".", ",", "point", "comma"];
    Thousands: "What groups thousands." ["none", ",", ".", " ", "'", "comma", "point", "space", "apostrophe"];
}

impl JsonSchema for DateForm {
    fn schema_name() -> Cow<'static, str> {
        "DateForm".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schema::json_schema!({
            "type": "string",
            "description": "How dates are written: dd/mm/yyyy, mm/dd/yyyy, yyyy-mm-dd (with `/`, `-` or `.`; yy for years \
                            of two digits), yyyymmdd or d-mon-yyyy.",
        })
    }
}

impl fmt::Display for DateForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (s, year) = (self.separator, if self.short_year { "yy" } else { "yyyy" });
        match self.order {
            DateOrder::YearMonthDay => write!(f, "{year}{s}mm{s}dd"),
            DateOrder::DayMonthYear => write!(f, "dd{s}mm{s}{year}"),
            DateOrder::MonthDayYear => write!(f, "mm{s}dd{s}{year}"),
            DateOrder::Compact => f.write_str("yyyymmdd"),
            DateOrder::Named => f.write_str("d-mon-yyyy"),
        }
    }
}

impl From<DateForm> for String {
    fn from(form: DateForm) -> Self {
        form.to_string()
    }
}

impl TryFrom<String> for DateForm {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let unknown = || {
            format!(
                "invalid type of date `{text}`: write dd/mm/yyyy, mm/dd/yyyy, yyyy-mm-dd (with `/`, `-` or `.`; \
                 yy for years of two digits), yyyymmdd or d-mon-yyyy"
            )
        };
        let lower = text.to_lowercase();
        let named = Self { order: DateOrder::Named, separator: ' ', short_year: false };
        match lower.as_str() {
            "yyyymmdd" => return Ok(Self { order: DateOrder::Compact, ..named }),
            "d-mon-yy" | "d-mon-yyyy" | "dd-mon-yy" | "dd-mon-yyyy" | "mon d, yyyy" | "d mon yyyy" => {
                return Ok(named);
            }
            _ => {}
        }
        let separator = lower.chars().find(|c| ['/', '-', '.'].contains(c)).ok_or_else(unknown)?;
        let parts: Vec<&str> = lower.split(separator).collect();
        let (order, year) = match parts.as_slice() {
            [year @ ("yyyy" | "yy"), "mm" | "m", "dd" | "d"] => (DateOrder::YearMonthDay, *year),
            ["dd" | "d", "mm" | "m", year @ ("yyyy" | "yy")] => (DateOrder::DayMonthYear, *year),
            ["mm" | "m", "dd" | "d", year @ ("yyyy" | "yy")] => (DateOrder::MonthDayYear, *year),
            _ => return Err(unknown()),
        };
        Ok(Self { order, separator, short_year: year == "yy" })
    }
}

/// What a source declares of the way its CSV files are written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Dialect {
    /// How text is stored; default detected.
    pub encoding: Option<Encoding>,
    /// What stands between two cells: `,`, `;`, `tab` or `|`; default detected.
    pub separator: Option<Separator>,
    /// Whether there is a line of column names; without one, `columns` are numbers from 1. Default detected.
    pub header: Option<bool>,
    /// Lines of title before the column names or the first row; default detected.
    pub skip: Option<usize>,
    /// The decimal mark: `.` or `,`; default detected.
    pub decimal: Option<Decimal>,
    /// What groups thousands: `none`, `,`, `.`, `space` or `'`; default detected.
    pub thousands: Option<Thousands>,
    /// How dates are written, such as `dd/mm/yyyy`; default detected.
    pub dates: Option<DateForm>,
    /// IANA zone whose day a time stamp with an offset belongs to; default the day as written.
    pub zone: Option<String>,
    /// Cells that stand for a missing value, beside `N/A`, `null`, `-`, `.` and the like; default none.
    pub missing: Vec<String>,
}

impl Dialect {
    /// Two keys that cannot both hold, with the next step.
    #[must_use]
    pub fn contradiction(&self) -> Option<(String, &'static str)> {
        let same = matches!(
            (self.decimal, self.thousands),
            (Some(Decimal::Point), Some(Thousands::Point)) | (Some(Decimal::Comma), Some(Thousands::Comma))
        );
        if same {
            return Some((
                "the decimal mark and the mark of thousands are the same".to_owned(),
                "give `decimal` and `thousands` different marks",
            ));
        }
        let zone = self.zone.as_deref()?;
        match jiff::tz::TimeZone::get(zone) {
            Ok(_) => None,
            Err(_) => {
                Some((format!("unknown time zone `{zone}`"), "write an IANA name, such as America/New_York"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The schema's words are the reader's, all of them and no other.
    #[test]
    fn every_word_of_a_schema_is_read() {
        fn read<T: JsonSchema + serde::de::DeserializeOwned>(spellings: usize) {
            let schema = T::json_schema(&mut SchemaGenerator::default());
            let words = schema.get("enum").and_then(serde_json::Value::as_array).unwrap().clone();
            assert_eq!(words.len(), spellings);
            for word in words {
                assert!(serde_json::from_value::<T>(word.clone()).is_ok(), "{word}");
            }
        }
        // Variants and their other spellings, counted in the types above.
        read::<Encoding>(4 + 2);
        read::<Separator>(4 + 4);
        read::<Decimal>(2 + 2);
        read::<Thousands>(5 + 4);
    }

    #[test]
    fn forms_of_dates_print_as_they_are_written() {
        for text in ["dd/mm/yyyy", "mm/dd/yyyy", "dd.mm.yyyy", "yyyy-mm-dd", "dd-mm-yy", "yyyymmdd"] {
            assert_eq!(DateForm::try_from(text.to_owned()).unwrap().to_string(), text);
        }
        for text in ["dd/mm", "", "mm/yyyy/dd", "dd/mm.yyyy", "iso"] {
            assert!(DateForm::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
