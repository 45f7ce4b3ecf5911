//! What parsers give: rows with the time since when they are known, and notes on what they left out.

use jiff::{Timestamp, civil::Date};
use shockbrief_core::{Hidden, Said, config::ProviderSpec};

/// One value of one field for one date, as a provider told it.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Our symbol, or the name of the series.
    pub symbol: String,
    /// What is measured, such as `adj_close`, `volume`, `dividend`, `split`, `capex`, `rate`.
    pub field: String,
    /// The date the value is for.
    pub date: Date,
    /// A finite number; not a number where the provider withdrew the value it had told.
    pub value: f64,
    /// Currency or unit, such as `USD`, `shares`, `ratio`.
    pub unit: String,
    /// Since when the value is public: the filing, the vintage, or else the time of fetching.
    pub known: Timestamp,
}

/// The rows of an answer, in the order of symbol, field, date and time known.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Batch {
    /// Rows.
    pub rows: Vec<Row>,
    /// Sentences on what was left out, converted or decided, for the reader of `fetch`.
    pub notes: Vec<String>,
}

impl Batch {
    /// Puts rows into order; of rows that are the same but for the value the last one told stands, with a note.
    pub(crate) fn settle(&mut self) {
        let key = |row: &Row| (row.symbol.clone(), row.field.clone(), row.date, row.known);
        self.rows.sort_by_key(key);
        let before = self.rows.len();
        let mut kept: Vec<Row> = Vec::with_capacity(before);
        let mut differing = Vec::new();
        for row in self.rows.drain(..) {
            match kept.last_mut() {
                Some(last) if key(last) == key(&row) => {
                    if last.value.to_bits() != row.value.to_bits() {
                        differing.push(twice(last, &row));
                    }
                    *last = row;
                }
                _ => kept.push(row),
            }
        }
        if kept.len() < before {
            let twice = before - kept.len();
            let first = differing.first().map_or(String::new(), |first| format!(", the first on {first}"));
            self.notes.push(format!(
                "{twice} rows were told twice, {} of them with another value{first}: the last one stands",
                differing.len()
            ));
        }
        self.rows = kept;
    }

    /// Two values for one place and one time, in words; a price has one value for a date.
    pub(crate) fn conflict(&self) -> Option<String> {
        let mut rows: Vec<&Row> = self.rows.iter().collect();
        let key = |row: &Row| (row.symbol.clone(), row.field.clone(), row.date, row.known);
        rows.sort_by_key(|row| key(row));
        let pair = rows
            .iter()
            .zip(rows.iter().skip(1))
            .find(|(one, other)| key(one) == key(other) && one.value.to_bits() != other.value.to_bits());
        pair.map(|(one, other)| twice(one, other))
    }

    /// Last date of a field; none without rows.
    #[must_use]
    pub fn last_date(&self, field: &str) -> Option<Date> {
        self.rows.iter().filter(|row| row.field == field).map(|row| row.date).max()
    }
}

/// Where two rows differ.
fn twice(one: &Row, other: &Row) -> String {
    format!("{}: two different rows, with {} {} and {}", one.date, one.field, one.value, other.value)
}

/// One question to one provider: what its parser must know beside the bytes.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The provider as declared.
    pub spec: &'a ProviderSpec,
    /// Our symbol or series name.
    pub subject: &'a str,
    /// The provider's code for it.
    pub code: &'a str,
    /// Currency of the instrument, where the provider does not tell one.
    pub currency: &'a str,
    /// First date wanted.
    pub from: Date,
    /// Last date wanted.
    pub to: Date,
    /// Last date whose session is over; a later bar is not final and is left out.
    pub complete: Date,
    /// The time of fetching.
    pub now: Timestamp,
    /// What no message may show of an answer.
    pub hidden: &'a Hidden,
}

impl Ask<'_> {
    /// The first words of what was answered, for a message.
    pub(crate) fn glimpse(&self, bytes: &[u8]) -> Said {
        self.hidden.said(bytes)
    }

    /// Whether a row of this date belongs to the answer.
    pub(crate) fn wants(&self, date: Date) -> bool {
        self.from <= date && date <= self.to
    }
}
