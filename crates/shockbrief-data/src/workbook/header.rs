//! Where the columns of a sheet are: the row that names them, one line or two, and merged cells in them.

use super::{Cell, Sheet};
use crate::{
    dialect::{self, Lined},
    files::shown,
    source,
};
use calamine::Dimensions;
use shockbrief_core::{
    Refusal,
    config::{Merged, SourceSpec},
};

/// Rows looked at for the header.
const FIRST: usize = 60;

/// The header lines of a wide sheet.
pub(crate) struct Top {
    /// The lines that name symbols and fields, one or two, cell by cell.
    pub levels: Vec<Vec<String>>,
    /// The column of dates.
    pub date: usize,
    /// The last header row, counted from 0.
    pub row: u32,
}

impl Sheet {
    /// The text of a header cell; with `fill` that of the merged cell which covers it.
    fn title(&self, row: u32, column: u32, fill: bool) -> String {
        let own = |row: u32, column: u32| {
            let cells = &self.rows.iter().find(|(at, _)| *at == row)?.1;
            cells.iter().find(|(at, _)| *at == column).map(|(_, cell)| cell)
        };
        let covered = |region: &&Dimensions| region.contains(row, column);
        let (row, column) = match self.merged.iter().find(covered).filter(|_| fill) {
            Some(region) => region.start,
            None => (row, column),
        };
        match own(row, column) {
            Some(Cell::Text(text)) => text.clone(),
            Some(Cell::Number(value)) => value.to_string(),
            Some(Cell::Date(value)) => {
                super::columns::day(*value, self.is_1904).map_or_else(String::new, |(day, _)| day.to_string())
            }
            _ => String::new(),
        }
    }

    /// The first rows as texts, from the declared header on.
    fn tops(&self, spec: &SourceSpec, above: u32) -> Vec<Lined> {
        let workbook = spec.workbook.clone().unwrap_or_default();
        let first = workbook.header.map_or(0, |row| (row - 1).saturating_sub(above));
        let fill = workbook.merged == Merged::Fill;
        let rows: Vec<u32> =
            self.rows.iter().map(|(row, _)| *row).filter(|row| *row >= first).take(FIRST).collect();
        let width = self.width();
        let texts = |row: u32| (0..width).map(|column| self.title(row, column, fill)).collect();
        rows.into_iter().map(|row| (row as usize + 1, texts(row))).collect()
    }

    /// The first row that holds something, and the names in it by column.
    pub fn first(&self) -> Result<(u32, Vec<(u32, String)>), Refusal> {
        let Some((row, cells)) = self.rows.first() else {
            return Err(Refusal::data(format!("{}: empty file", self.file))
                .hint("its sheet must begin with a row of headers"));
        };
        if let Some(region) = self.merged.iter().find(|region| region.start.0 == *row) {
            return Err(self
                .refuse(region.start.0, region.start.1, "merged with other cells, and names one column")
                .hint("write a name over each column"));
        }
        let names: Vec<(u32, String)> =
            cells.iter().map(|(column, _)| (*column, self.title(*row, *column, false))).collect();
        let mut seen = std::collections::BTreeSet::new();
        match names.iter().find(|(_, name)| !seen.insert(name)) {
            Some((column, name)) => {
                Err(source::twice(&format!("{}: {}", self.file, self.at(*row, *column)), name))
            }
            None => Ok((*row, names)),
        }
    }

    fn width(&self) -> u32 {
        let last = |(_, cells): &super::Row| cells.last().map(|(column, _)| column + 1);
        self.rows.iter().take(FIRST).filter_map(last).max().unwrap_or(0)
    }

    /// The row that names all columns, and where they are.
    pub fn named(&self, spec: &SourceSpec, names: &[&str]) -> Result<(u32, Vec<u32>), Refusal> {
        let mut tops = self.tops(spec, 0);
        if spec.workbook.as_ref().is_some_and(|workbook| workbook.header.is_some()) {
            tops.truncate(1);
        }
        let place = |cells: &[String], name: &str| cells.iter().position(|cell| cell == name);
        let all = |cells: &[String]| {
            names.iter().map(|name| u32::try_from(place(cells, name)?).ok()).collect::<Option<Vec<u32>>>()
        };
        let Some((line, cells, places)) =
            tops.iter().find_map(|(line, cells)| Some((*line, cells, all(cells)?)))
        else {
            return Err(self.absent(spec, names, &tops));
        };
        let row = u32::try_from(line - 1).unwrap_or(u32::MAX);
        for (name, at) in names.iter().zip(&places) {
            if cells.iter().filter(|cell| cell == name).count() > 1 {
                return Err(source::twice(&format!("{}: {}", self.file, self.at(row, *at)), name));
            }
        }
        self.no_merged(spec, row, row)?;
        Ok((row, places))
    }

    fn absent(&self, spec: &SourceSpec, names: &[&str], tops: &[Lined]) -> Refusal {
        let named = |cells: &[String]| names.iter().filter(|name| cells.iter().any(|c| c == *name)).count();
        // The first of several that name the same number.
        let best = tops.iter().rev().max_by_key(|(_, cells)| named(cells));
        let Some((line, cells)) = best else {
            return Refusal::data(format!("{}: the sheet `{}` is empty", self.file, shown(&self.name)))
                .hint(format!("name another one by `workbook: {{sheet: ...}}` for source `{}`", spec.id));
        };
        let lacking = names.iter().find(|name| !cells.iter().any(|cell| cell == *name));
        let found: Vec<String> =
            cells.iter().filter(|cell| !cell.is_empty()).take(40).map(|cell| shown(cell)).collect();
        let merged = match self.merged.iter().any(|region| (region.start.0 as usize) < *line) {
            true => "; merged cells are read with `merged: fill` there",
            false => "",
        };
        let row = u32::try_from(line - 1).unwrap_or(u32::MAX);
        self.refuse(row, 0, format!("no column `{}`", lacking.map_or("", |name| name))).hint(format!(
            "correct `columns` of source `{}` in config/sources.yaml, or `sheet` and `header` of its `workbook`{merged}; \
             the row that names most columns has: {}",
            spec.id,
            found.join(", ")
        ))
    }

    /// Refuses cells that are merged over several columns of the header, unless it is declared what they mean.
    fn no_merged(&self, spec: &SourceSpec, first: u32, last: u32) -> Result<(), Refusal> {
        if spec.workbook.as_ref().is_some_and(|workbook| workbook.merged == Merged::Fill) {
            return Ok(());
        }
        let touches = |region: &&Dimensions| {
            region.start.0 <= last && region.end.0 >= first && region.start.1 < region.end.1
        };
        let Some(region) = self.merged.iter().find(touches) else { return Ok(()) };
        let ((row, column), (end, right)) = (region.start, region.end);
        let to = self.at(end, right);
        let to = to.rsplit('!').next().unwrap_or_default();
        Err(self.refuse(row, column, format!("merged with the cells up to {to}, and names one column")).hint(
            format!(
                "write a name over each column, or set `workbook: {{merged: fill}}` for source `{}`, where it names all of \
                 them",
                spec.id
            ),
        ))
    }

    /// The header lines of a wide sheet.
    pub fn top(&self, spec: &SourceSpec) -> Result<Top, Refusal> {
        let tops = self.tops(spec, 2);
        let Some((levels, date, line)) = dialect::levels(spec, &tops) else {
            let first: Vec<String> = tops.first().map_or_else(Vec::new, |(_, cells)| cells.clone());
            return Err(Refusal::data(format!(
                "{}: no row of `{}` names the dates `{}`",
                self.file,
                shown(&self.name),
                shown(&spec.columns.date)
            ))
            .hint(format!(
                "correct `date` under `columns` of source `{}` in config/sources.yaml, or `sheet` and `header` of its \
                 `workbook`; the first row is: {}",
                spec.id,
                shown(&first.join(", "))
            )));
        };
        let row = u32::try_from(line - 1).unwrap_or(u32::MAX);
        let above = u32::try_from(levels.len()).unwrap_or(1);
        self.no_merged(spec, row.saturating_sub(above), row)?;
        Ok(Top { levels, date, row })
    }

    /// The header row as it stands in messages.
    pub fn place(&self, row: u32) -> String {
        format!("{}: {}", self.file, self.at(row, 0))
    }
}
