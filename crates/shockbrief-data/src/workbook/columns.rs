//! Cells of a sheet as typed columns; a cell of another type than its column is refused by its position.

use super::{Cell, Row, Sheet};
use crate::{
    cells,
    dialect::{self, Role},
    files::shown,
};
use anyhow::Result;
use calamine::{ExcelDateTime, ExcelDateTimeType};
use jiff::{civil::Date, tz::TimeZone};
use polars::prelude::{Column, DataType};
use shockbrief_core::Refusal;
use std::collections::BTreeMap;

/// A wanted column: its name, its place and what it is read as.
pub(crate) struct Wish<'a> {
    pub name: &'a str,
    pub at: u32,
    pub role: Role,
}

/// What is declared of cells.
#[derive(Default)]
pub(crate) struct Reading<'a> {
    /// Texts and errors that stand for a missing value.
    pub missing: &'a [String],
    /// Whether a row whose date is no day stays.
    pub undated: bool,
    pub zone: Option<&'a TimeZone>,
}

/// What was met, for the sentence that tells it.
#[derive(Default)]
pub(crate) struct Told {
    missing: BTreeMap<String, usize>,
    clocks: bool,
    serials: bool,
    notes: usize,
}

const RESULT: &str =
    "open the workbook, let it calculate and save it, so that results are stored, or write values";

/// The day of a serial number in the workbook's own count, and whether a time of day stands behind it.
pub(super) fn day(value: ExcelDateTime, is_1904: bool) -> Option<(Date, bool)> {
    let serial = value.as_f64();
    // The end of the year 2199; what lies beyond is a number of another kind.
    let plausible = (0.0..109_600.0).contains(&serial) && !value.is_duration();
    let value = ExcelDateTime::new(serial, ExcelDateTimeType::DateTime, is_1904);
    let (year, month, day, hour, minute, second, part) = value.to_ymd_hms_milli();
    let year = i16::try_from(year).ok().filter(|year| plausible && *year >= 1900)?;
    let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    Some((date, (hour, minute, second, part) != (0, 0, 0, 0)))
}

fn cell(row: &Row, column: u32) -> Option<&Cell> {
    let at = row.1.binary_search_by_key(&column, |(at, _)| *at).ok()?;
    row.1.get(at).map(|(_, cell)| cell)
}

impl Sheet {
    /// The rows below the header as columns, the date first, and what was met.
    pub fn table(
        &self,
        header: u32,
        wishes: &[Wish<'_>],
        reading: &Reading<'_>,
    ) -> Result<(Vec<Column>, Told)> {
        let mut told = Told::default();
        let below = self.rows.iter().filter(|(row, _)| *row > header);
        let filled: Vec<&Row> =
            below.filter(|row| wishes.iter().any(|wish| cell(row, wish.at).is_some())).collect();
        self.none_merged(header, wishes)?;
        let rows = self.without_notes(&filled, wishes, reading, &mut told)?;
        let columns = wishes.iter().map(|wish| self.column(wish, &rows, reading, &mut told));
        Ok((columns.collect::<Result<_>>()?, told))
    }

    /// Cells merged among the rows: all but the first of them are empty.
    fn none_merged(&self, header: u32, wishes: &[Wish<'_>]) -> Result<(), Refusal> {
        let first = wishes.first().map(|wish| wish.at);
        let hides = |region: &&calamine::Dimensions| {
            let (start, end) = (region.start, region.end);
            let of = |column: u32| wishes.iter().any(|wish| wish.at == column);
            let down = start.0 < end.0 && (start.1..=end.1).any(of);
            // A note below the table begins in the first column and may reach over the others.
            start.0 > header && (down || start.1 < end.1 && of(start.1) && Some(start.1) != first)
        };
        match self.merged.iter().find(hides) {
            Some(region) => Err(self
                .refuse(region.start.0, region.start.1, "merged with other cells among the rows")
                .hint("write each cell in full: take the merged cells apart")),
            None => Ok(()),
        }
    }

    /// Rows with a date; lines after them that hold neither date nor number are left out.
    fn without_notes<'r>(
        &self,
        rows: &[&'r Row],
        wishes: &[Wish<'_>],
        reading: &Reading<'_>,
        told: &mut Told,
    ) -> Result<Vec<&'r Row>, Refusal> {
        let Some(date) = wishes.first() else { return Ok(Vec::new()) };
        let dated = |row: &Row| match cell(row, date.at) {
            Some(Cell::Text(text)) => dialect::dates::read(text).is_some(),
            other => other.is_some(),
        };
        let bare = |row: &Row| {
            let mut numbers = wishes.iter().filter(|wish| wish.role == Role::Number);
            numbers.all(|wish| cell(row, wish.at).is_none())
        };
        let mut kept = Vec::new();
        for row in rows.iter().copied() {
            if reading.undated || dated(row) {
                if told.notes > 0 {
                    let last = rows.iter().take_while(|other| other.0 < row.0).last();
                    return Err(self
                        .refuse(
                            last.map_or(row.0, |last| last.0),
                            date.at,
                            "the row has no date, and rows follow",
                        )
                        .hint("remove the row, or give it a date"));
                }
                kept.push(row);
            } else if bare(row) {
                told.notes += 1;
            } else {
                let what = match cell(row, date.at) {
                    Some(Cell::Text(text)) => {
                        format!("column `{}` holds `{}`, no date", date.name, shown(text))
                    }
                    _ => "the row has no date".to_owned(),
                };
                return Err(self.refuse(row.0, date.at, what).hint("give the row a date, or remove it"));
            }
        }
        Ok(kept)
    }

    /// One column of rows.
    pub(super) fn column(
        &self,
        wish: &Wish<'_>,
        rows: &[&Row],
        reading: &Reading<'_>,
        told: &mut Told,
    ) -> Result<Column> {
        let name = wish.name.into();
        Ok(match wish.role {
            Role::Number => {
                let values = rows.iter().map(|row| self.number(wish, row, reading, told));
                Column::new(name, values.collect::<Result<Vec<_>, _>>()?)
            }
            Role::Text => {
                let texts = rows.iter().map(|row| self.text(wish, row, reading));
                Column::new(name, texts.collect::<Result<Vec<_>, _>>()?)
            }
            Role::Date => {
                let days = self.days(wish, rows, reading, told)?;
                let days: Vec<Option<i32>> = days.into_iter().map(|day| day.map(cells::days_since)).collect();
                Column::new(name, days).cast(&DataType::Date)?
            }
        })
    }

    /// What most cells of a column hold.
    pub(super) fn mostly(&self, at: u32, rows: &[&Row]) -> Role {
        let (mut dates, mut numbers, mut texts) = (0, 0, 0);
        for row in rows {
            match cell(row, at) {
                Some(Cell::Date(_)) => dates += 1,
                Some(Cell::Number(_)) => numbers += 1,
                Some(Cell::Text(text)) if !dialect::missing(text, &[]) => texts += 1,
                _ => {}
            }
        }
        match () {
            () if dates > numbers && dates > texts => Role::Date,
            () if numbers >= texts => Role::Number,
            () => Role::Text,
        }
    }

    /// A refusal of a cell that is not what its column is read as.
    fn other(&self, wish: &Wish<'_>, row: &Row, cell: &Cell) -> Refusal {
        let (what, hint) = match cell {
            Cell::Unknown => ("a formula without a stored result".to_owned(), RESULT),
            Cell::Error(error) => (
                format!("the error {error}"),
                "mend the formula, or list the error under `missing` of the source's `workbook` where it stands for no value",
            ),
            Cell::Truth(value) => (format!("{value}"), "write the value itself"),
            Cell::Date(_) if wish.role == Role::Date => {
                ("a time that is no day".to_owned(), "write a date with year, month and day")
            }
            Cell::Date(_) => (
                format!("a date, not {}", cells::wanted(wish.role)),
                "the spreadsheet took it for a date: give the cell the form of its column and write it again",
            ),
            Cell::Number(value) => (
                format!("`{value}`, not {}", cells::wanted(wish.role)),
                "write the value in the form of its column",
            ),
            Cell::Text(text) => (
                format!("the text `{}`, not {}", shown(text), cells::wanted(wish.role)),
                "turn the text into a value of its column, or leave the cell empty where none is known",
            ),
        };
        self.refuse(row.0, wish.at, format!("column `{}` holds {what}", shown(wish.name))).hint(hint)
    }

    fn number(
        &self,
        wish: &Wish<'_>,
        row: &Row,
        reading: &Reading<'_>,
        told: &mut Told,
    ) -> Result<Option<f64>, Refusal> {
        let Some(cell) = cell(row, wish.at) else { return Ok(None) };
        match cell {
            Cell::Number(value) if value.is_finite() => {
                if self.percent.contains(&(row.0, wish.at)) {
                    return Err(self
                        .refuse(
                            row.0,
                            wish.at,
                            format!("column `{}` is shown in percent and stored as {value}", shown(wish.name)),
                        )
                        .hint("remove `unit: percent` of the source: spreadsheets store such cells as parts of one"));
                }
                Ok(Some(*value))
            }
            Cell::Text(text) | Cell::Error(text) if self.stands_for_none(cell, text, reading) => {
                *told.missing.entry(text.clone()).or_default() += 1;
                Ok(None)
            }
            other => Err(self.other(wish, row, other)),
        }
    }

    fn stands_for_none(&self, cell: &Cell, text: &str, reading: &Reading<'_>) -> bool {
        let usual = matches!(cell, Cell::Text(_)) && dialect::missing(text, &[]);
        usual || reading.missing.iter().any(|other| other == text)
    }

    fn text(&self, wish: &Wish<'_>, row: &Row, reading: &Reading<'_>) -> Result<Option<String>, Refusal> {
        match cell(row, wish.at) {
            None => Ok(None),
            Some(Cell::Text(text)) => Ok(Some(text.clone())),
            Some(Cell::Number(value)) => Ok(Some(value.to_string())),
            Some(Cell::Error(error)) if reading.missing.contains(error) => Ok(None),
            Some(other) => Err(self.other(wish, row, other)),
        }
    }

    /// Days: dates as the workbook counts them, or text in one form. The two are never mixed: where a spreadsheet took
    /// some of the dates of another country for its own, the others stay text.
    fn days(
        &self,
        wish: &Wish<'_>,
        rows: &[&Row],
        reading: &Reading<'_>,
        told: &mut Told,
    ) -> Result<Vec<Option<Date>>, Refusal> {
        let mut days = vec![None; rows.len()];
        let mut texts: Vec<Option<&str>> = vec![None; rows.len()];
        for ((row, day), text) in rows.iter().zip(&mut days).zip(&mut texts) {
            match cell(row, wish.at) {
                None => {}
                Some(Cell::Text(written)) => *text = Some(written),
                Some(found) => *day = Some(self.serial(wish, row, found, told)?),
            }
        }
        let dates = |text: &&str| dialect::dates::read(text).is_some();
        let mixed = rows.iter().zip(&texts).find(|(_, text)| text.as_ref().is_some_and(dates));
        if let Some((row, text)) = mixed.filter(|_| days.iter().any(Option::is_some)) {
            return Err(self
                .refuse(
                    row.0,
                    wish.at,
                    format!(
                        "column `{}` holds the text `{}` among dates; day and month of the others may be exchanged",
                        shown(wish.name),
                        shown(text.unwrap_or_default())
                    ),
                )
                .hint("fetch the data again and let the spreadsheet read the dates in their own form"));
        }
        let read = cells::text_days(texts.iter().copied(), reading.zone, reading.undated).map_err(|bad| {
            let row = bad.row.and_then(|row| rows.get(row)).map_or(0, |row| row.0);
            self.refuse(row, wish.at, format!("column `{}` holds {}", shown(wish.name), bad.what))
                .hint(bad.hint)
        })?;
        Ok(days.into_iter().zip(read).map(|(day, read)| day.or(read)).collect())
    }

    /// The day of a cell that is no text.
    fn serial(&self, wish: &Wish<'_>, row: &Row, found: &Cell, told: &mut Told) -> Result<Date, Refusal> {
        let value = match found {
            Cell::Date(value) => *value,
            Cell::Number(value) if value.fract() == 0.0 => {
                told.serials = true;
                // 20250127 as a number.
                if let Some((form, day)) =
                    dialect::dates::read(&value.to_string()).and_then(|read| read.forms().next())
                    && form.order == shockbrief_core::config::DateOrder::Compact
                {
                    return Ok(day);
                }
                ExcelDateTime::new(*value, ExcelDateTimeType::DateTime, self.is_1904)
            }
            other => return Err(self.other(wish, row, other)),
        };
        let (day, clock) = day(value, self.is_1904).ok_or_else(|| self.other(wish, row, found))?;
        told.clocks |= clock;
        Ok(day)
    }

    /// What was assumed, in a sentence.
    pub fn sentence(&self, header: u32, told: &Told) -> String {
        let mut parts =
            vec![format!("sheet `{}`, header in row {}", shown(&self.name), u64::from(header) + 1)];
        if self.is_1904 {
            parts.push("days counted from 1904".to_owned());
        }
        if told.serials {
            parts.push("numbers read as dates".to_owned());
        }
        if told.clocks {
            parts.push("time of day left out".to_owned());
        }
        for (text, count) in &told.missing {
            parts.push(format!("`{}` means missing ({count})", shown(text)));
        }
        if told.notes > 0 {
            parts.push(format!("{} after the table left out", rows_of(told.notes)));
        }
        format!("Read as: {}.", parts.join("; "))
    }
}

fn rows_of(count: usize) -> String {
    if count == 1 { "1 row".to_owned() } else { format!("{count} rows") }
}
