//! Evidence: what the cells of a file say about its marks and forms, and what that decides.
//!
//! The whole file is heard before anything is decided. Where two readings survive that give different
//! values, the file is refused with the lines that show it.

use super::{
    Task, Trouble,
    dates::{self, Read},
    numbers::{self, MARKS, Marks, Number, Set},
    refusal,
};
use crate::files::shown;
use shockbrief_core::{
    Refusal,
    config::{DateForm, Decimal, SourceUnit, Thousands},
};
use std::collections::{BTreeMap, BTreeSet};

/// Lines shown of what does not decide.
const SHOWN: usize = 3;

/// A cell and its line.
pub(super) type Place = (usize, String);

/// What was met in cells, for the sentence that tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Met {
    pub missing: BTreeMap<String, usize>,
    pub multipliers: BTreeSet<&'static str>,
    pub currencies: BTreeSet<&'static str>,
    pub percent: bool,
    pub parentheses: bool,
    pub marks: bool,
    pub groups: bool,
    pub clocks: bool,
    pub offsets: bool,
    pub utf7: usize,
    pub short_rows: usize,
}

/// Evidence on the marks of numbers.
pub(super) struct NumberEvidence {
    set: Set,
    /// What excluded each reading; nothing where the declaration did.
    excluded: [Option<Place>; 8],
    /// Cells with a point or a comma.
    marked: Vec<Place>,
    comma: bool,
    /// For each column, the first cell with a percent sign and the first without.
    percent: BTreeMap<usize, (Option<Place>, Option<Place>)>,
}

impl NumberEvidence {
    pub fn new(task: &Task<'_>) -> Self {
        let declared = task.declared();
        let fits = |marks: &Marks| {
            declared.decimal.is_none_or(|decimal| decimal == marks.decimal)
                && declared.thousands.is_none_or(|thousands| thousands == marks.thousands)
        };
        let set = MARKS.iter().enumerate().filter(|(_, marks)| fits(marks)).map(|(at, _)| 1 << at).sum();
        Self { set, excluded: Default::default(), marked: Vec::new(), comma: false, percent: BTreeMap::new() }
    }

    /// Hears a cell.
    pub fn hear(
        &mut self,
        task: &Task<'_>,
        column: usize,
        line: usize,
        cell: &str,
        met: &mut Met,
    ) -> Result<(), Trouble> {
        let Some(number) = numbers::read(cell) else {
            let name = task.columns[column].0;
            return Err(Trouble::Unreadable(
                refusal(task.file, line, &format!("column `{name}` holds `{}`, not a number", shown(cell)))
                    .hint("correct the file, or list what stands for a missing value under `missing` of the `dialect`"),
            ));
        };
        self.meet(task, column, line, cell, &number, met)?;
        let readings = numbers::readings(&number);
        let left = self.set & readings;
        if left == 0 {
            return Err(Trouble::Refused(self.contradiction(task, line, cell, readings).into()));
        }
        if left != self.set {
            for (at, place) in self.excluded.iter_mut().enumerate() {
                if self.set >> at & 1 == 1 && left >> at & 1 == 0 {
                    *place = Some((line, cell.to_owned()));
                }
            }
            self.set = left;
        }
        if cell.contains(['.', ',']) {
            self.comma |= cell.contains(',');
            if self.marked.len() < SHOWN {
                self.marked.push((line, cell.to_owned()));
            }
        }
        Ok(())
    }

    fn meet(
        &mut self,
        task: &Task<'_>,
        column: usize,
        line: usize,
        cell: &str,
        number: &Number<'_>,
        met: &mut Met,
    ) -> Result<(), Trouble> {
        met.multipliers.extend(number.multiplier);
        met.percent |= number.percent;
        met.parentheses |= number.parentheses;
        if let Some(sign) = number.currency {
            met.currencies.insert(sign);
            check_currency(task, line, cell, sign)?;
        }
        let (with, without) = self.percent.entry(column).or_default();
        let place = || Some((line, cell.to_owned()));
        match number.percent {
            true if with.is_none() => *with = place(),
            false if without.is_none() && cell.contains(|c: char| ('1'..='9').contains(&c)) => {
                *without = place()
            }
            _ => {}
        }
        Ok(())
    }

    fn contradiction(&self, task: &Task<'_>, line: usize, cell: &str, readings: Set) -> Refusal {
        let culprit = (0..8).filter(|at| readings >> at & 1 == 1).find_map(|at| self.excluded[at].clone());
        match culprit {
            Some((other, text)) => refusal(
                task.file,
                line,
                &format!("`{}` and `{}` on line {other} have no reading in common", shown(cell), shown(&text)),
            )
            .hint("one of the two has another decimal mark than the rest: correct the file, or split it in two"),
            None => refusal(
                task.file,
                line,
                &format!("`{}` contradicts the declared marks of numbers ({})", shown(cell), declared_marks(task)),
            )
            .hint(format!(
                "correct `decimal` and `thousands` under `dialect` of source `{}` in config/sources.yaml, or the file",
                task.spec.id
            )),
        }
    }

    /// The one reading, or a refusal where two give different values.
    pub fn decide(&self, task: &Task<'_>, ordinary: bool, met: &mut Met) -> Result<Marks, Refusal> {
        self.decide_percent(task)?;
        let left =
            || MARKS.iter().enumerate().filter(|(at, _)| self.set >> at & 1 == 1).map(|(_, marks)| *marks);
        let both =
            [Decimal::Point, Decimal::Comma].iter().all(|decimal| left().any(|m| m.decimal == *decimal));
        let plain = Marks { decimal: Decimal::Point, thousands: Thousands::None };
        let marks = left().next().unwrap_or(plain);
        met.marks = !self.marked.is_empty();
        met.groups = !left().any(|marks| marks.thousands == Thousands::None);
        if !both || self.marked.is_empty() {
            return Ok(marks);
        }
        // Between commas, beside ISO dates, a point is a decimal one as in any plain file.
        if ordinary && !self.comma && left().any(|marks| marks == plain) {
            return Ok(plain);
        }
        Err(self.undecided(task))
    }

    fn undecided(&self, task: &Task<'_>) -> Refusal {
        let (line, _) = self.marked.first().cloned().unwrap_or_default();
        Refusal::data(format!(
            "{}:{line}: no line decides between decimals and thousands: {}",
            task.file,
            places(&self.marked)
        ))
        .hint(format!("{} or {}", task.set("decimal: \".\""), "`decimal: \",\"`"))
    }

    fn decide_percent(&self, task: &Task<'_>) -> Result<(), Refusal> {
        if task.spec.unit == SourceUnit::Percent {
            return Ok(());
        }
        let mixed = self
            .percent
            .iter()
            .find_map(|(column, (with, without))| Some((*column, with.as_ref()?, without.as_ref()?)));
        let Some((column, (line, with), (other, without))) = mixed else { return Ok(()) };
        Err(refusal(
            task.file,
            *line,
            &format!(
                "column `{}` holds `{}` with a percent sign and `{}` on line {other} without",
                task.columns[column].0,
                shown(with),
                shown(without)
            ),
        )
        .hint("write all cells of the column alike"))
    }
}

fn check_currency(task: &Task<'_>, line: usize, cell: &str, sign: &str) -> Result<(), Trouble> {
    let Some(declared) = task.spec.currency.as_ref().map(|currency| currency.as_str()) else { return Ok(()) };
    let codes = numbers::SIGNS.iter().find(|(other, _)| *other == sign).map(|(_, codes)| *codes);
    let fits = codes.map_or(sign == declared, |codes| codes.contains(&declared));
    if fits {
        return Ok(());
    }
    Err(Trouble::Refused(
        refusal(
            task.file,
            line,
            &format!("`{}` is not in {declared}, the currency of the source", shown(cell)),
        )
        .hint(format!("correct `currency` of source `{}` in config/sources.yaml, or the file", task.spec.id))
        .into(),
    ))
}

fn declared_marks(task: &Task<'_>) -> String {
    let declared = task.declared();
    let decimal = declared.decimal.map(|decimal| format!("decimal: \"{}\"", decimal_mark(decimal)));
    let thousands = declared.thousands.map(|thousands| format!("thousands: {}", thousands_mark(thousands)));
    decimal.into_iter().chain(thousands).collect::<Vec<_>>().join(", ")
}

pub(super) fn decimal_mark(decimal: Decimal) -> &'static str {
    if decimal == Decimal::Comma { "," } else { "." }
}

pub(super) fn thousands_mark(thousands: Thousands) -> &'static str {
    match thousands {
        Thousands::None => "none",
        Thousands::Comma => "\",\"",
        Thousands::Point => "\".\"",
        Thousands::Space => "space",
        Thousands::Apostrophe => "apostrophe",
    }
}

/// `1,234` (line 2), `5,678` (line 3)
fn places(places: &[Place]) -> String {
    places
        .iter()
        .map(|(line, text)| format!("`{}` (line {line})", shown(text)))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Evidence on the form of one column of dates.
#[derive(Debug, Default)]
pub(super) struct DateEvidence {
    forms: Option<Vec<DateForm>>,
    declared: Option<DateForm>,
    /// Cells that are different days under different forms.
    differing: Vec<Place>,
    /// The cell after which no other form was left.
    decider: Option<Place>,
    elsewhere: Vec<Place>,
}

impl DateEvidence {
    pub fn new(declared: Option<DateForm>) -> Self {
        Self { forms: declared.map(|form| vec![form]), declared, ..Self::default() }
    }

    /// Hears a cell that is a date in some form.
    pub fn hear(
        &mut self,
        task: &Task<'_>,
        line: usize,
        cell: &str,
        read: &Read,
        met: &mut Met,
    ) -> Result<(), Refusal> {
        if let Some(clock) = read.clock {
            met.clocks = true;
            met.offsets |= clock.zone.is_some();
            if clock.elsewhere() && task.declared().zone.is_none() && self.elsewhere.len() < SHOWN {
                self.elsewhere.push((line, cell.to_owned()));
            }
        }
        let fresh: Vec<DateForm> = read.forms().map(|(form, _)| form).collect();
        let left = match &self.forms {
            None => fresh.clone(),
            Some(forms) => forms.iter().copied().filter(|form| fresh.contains(form)).collect(),
        };
        if left.is_empty() {
            return Err(self.contradiction(task, line, cell, &fresh));
        }
        if left.len() == 1 && self.decider.is_none() {
            self.decider = Some((line, cell.to_owned()));
        }
        let mut days = read.forms().map(|(_, day)| day);
        let first = days.next();
        if days.any(|day| Some(day) != first) && self.differing.len() < SHOWN {
            self.differing.push((line, cell.to_owned()));
        }
        self.forms = Some(left);
        Ok(())
    }

    fn contradiction(&self, task: &Task<'_>, line: usize, cell: &str, fresh: &[DateForm]) -> Refusal {
        let names =
            |forms: &[DateForm]| forms.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
        if let Some(declared) = self.declared {
            return refusal(
                task.file,
                line,
                &format!(
                    "`{}` is {}, which contradicts the declared `dates: {declared}`",
                    shown(cell),
                    names(fresh)
                ),
            )
            .hint(format!(
                "correct `dates` under `dialect` of source `{}` in config/sources.yaml, or the line",
                task.spec.id
            ));
        }
        let (other, text) =
            self.decider.clone().or_else(|| self.differing.first().cloned()).unwrap_or_default();
        refusal(
            task.file,
            line,
            &format!(
                "`{}` is {}, but `{}` on line {other} is {}",
                shown(cell),
                names(fresh),
                shown(&text),
                names(self.forms.as_deref().unwrap_or_default())
            ),
        )
        .hint("write all dates of the file in one form")
    }

    /// A form that fits all that was heard so far.
    pub fn form(&self) -> Option<DateForm> {
        self.forms.as_ref()?.first().copied()
    }

    /// The one form; nothing where the column has no date.
    pub fn decide(&self, task: &Task<'_>) -> Result<Option<DateForm>, Refusal> {
        if let Some((line, _)) = self.elsewhere.first() {
            return Err(refusal(
                task.file,
                *line,
                &format!(
                    "the time is that of UTC, and the exchange's day may be another one: {}",
                    places(&self.elsewhere)
                ),
            )
            .hint(task.set("zone: America/New_York")));
        }
        match self.forms.as_deref() {
            None => Ok(None),
            Some([form, ..]) if self.differing.is_empty() => Ok(Some(*form)),
            Some([form]) => Ok(Some(*form)),
            Some(forms) => Err(self.undecided(task, forms)),
        }
    }

    fn undecided(&self, task: &Task<'_>, forms: &[DateForm]) -> Refusal {
        let (line, _) = self.differing.first().cloned().unwrap_or_default();
        let names: Vec<String> = forms.iter().map(ToString::to_string).collect();
        refusal(
            task.file,
            line,
            &format!("no line decides between {}: {}", names.join(" and "), places(&self.differing)),
        )
        .hint(format!(
            "{} or `dates: {}`",
            task.set(&format!("dates: {}", names[0])),
            names.get(1).map_or("", String::as_str)
        ))
    }
}

/// A date cell under the decided form; the text where it is none.
pub(super) fn day(
    task: &Task<'_>,
    line: usize,
    cell: &str,
    form: DateForm,
) -> Result<Option<String>, Refusal> {
    let Some(read) = dates::read(cell) else { return Ok(None) };
    let day = read.day(form, task.zone.as_ref()).map_err(|why| {
        refusal(task.file, line, &format!("`{}`: {why}", shown(cell)))
            .hint("write the offset in hours, such as -05:00")
    })?;
    Ok(day.map(|day| day.to_string()))
}
