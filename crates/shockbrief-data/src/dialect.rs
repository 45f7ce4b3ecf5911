//! CSV files as they come: other encodings, separators, marks and forms of dates become one canonical table.
//!
//! A file that is canonical already is told from its first lines and left to the fast reader. Any other is
//! read twice as a stream: once to hear what its cells say, once to write the wanted rows anew. What the
//! source declares holds, and a line that contradicts it is refused; what is not declared is detected, and
//! refused where no line decides. Nothing is guessed, and what was assumed is told in a sentence.

pub(crate) mod dates;
mod decode;
mod free;
mod layout;
mod numbers;
mod split;
mod survey;
mod wide;

pub(crate) use free::{Free, free};
pub(crate) use numbers::missing;
pub(crate) use wide::{Lined, Top, levels, read_at, top};

use crate::files::shown;
use anyhow::Result;
use jiff::{civil::Date, tz::TimeZone};
use layout::Layout;
use shockbrief_core::{
    Refusal, Symbol,
    config::{
        DateForm, DateOrder, Decimal, Dialect, Encoding, Separator, SourceSpec, SourceUnit, Thousands,
        Undated,
    },
};
use split::{Record, Splitter, trimmed};
use std::{collections::BTreeSet, io::Read as _, path::Path};
use survey::{DateEvidence, Met, NumberEvidence};

/// What a column is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A day.
    Date,
    /// A number.
    Number,
    /// Text, as it stands.
    Text,
}

/// What is wanted of which file.
pub(crate) struct Task<'a> {
    /// The declaration.
    pub spec: &'a SourceSpec,
    /// Where the file is.
    pub path: &'a Path,
    /// Its name in messages.
    pub file: &'a str,
    /// The wanted columns of the file, the date first.
    pub columns: Vec<(&'a str, Role)>,
    /// The column of symbols and those that are wanted.
    pub symbols: Option<(&'a str, &'a BTreeSet<Symbol>)>,
    /// First and last day wanted.
    pub days: (Option<Date>, Date),
    /// The declared zone.
    pub zone: Option<TimeZone>,
}

/// The wanted rows in canonical form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Canonical {
    /// The wanted columns: ISO dates, decimal points, nothing where a cell is missing.
    pub columns: Vec<(String, Vec<Option<String>>)>,
    /// What was assumed, in a sentence.
    pub assumed: String,
}

static NOTHING: Dialect = Dialect {
    encoding: None,
    separator: None,
    header: None,
    skip: None,
    decimal: None,
    thousands: None,
    dates: None,
    zone: None,
    missing: Vec::new(),
};

impl<'a> Task<'a> {
    /// What the source declares; nothing at all where it does not.
    fn declared(&self) -> &'a Dialect {
        self.spec.dialect.as_ref().unwrap_or(&NOTHING)
    }

    /// The next step that settles a question.
    fn set(&self, option: &str) -> String {
        format!("set `dialect: {{{option}}}` for source `{}` in config/sources.yaml,", self.spec.id)
            .trim_end_matches(',')
            .to_owned()
    }
}

/// A refusal at a line of a file.
fn refusal(file: &str, line: usize, message: &str) -> Refusal {
    Refusal::data(format!("{file}:{line}: {message}"))
}

/// Why a file was not read.
enum Trouble {
    /// A cell that is nothing under any reading; a plain reader may word it with symbol and date.
    Unreadable(Refusal),
    /// Anything else.
    Refused(anyhow::Error),
    /// Bytes that the encoding does not have, with the line.
    Malformed(usize),
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.into())
    }
}

/// Reads a file that is not canonical; nothing where it is, unless `force` says that the plain reader failed.
///
/// # Errors
/// A file that contradicts itself or its declaration, that leaves a question open, or that cannot be read.
pub(crate) fn read(task: &Task<'_>, force: bool) -> Result<Option<Canonical>> {
    let sample = sample(task.path)?;
    let guess = decode::guess(&sample);
    let encoding = task.declared().encoding.unwrap_or(guess.encoding);
    let text = decode::sample_text(&sample, encoding);
    let Some(layout) = layout::find(task, encoding, &text)? else { return Ok(None) };
    let usual = layout.encoding == Encoding::Utf8
        && !guess.marked
        && layout.separator == Separator::Comma
        && layout.header == Some(1)
        && task.spec.dialect.is_none();
    if usual && !force && canonical(task, &layout, &text, sample.len() < decode::SAMPLE) {
        return Ok(None);
    }
    let marked = guess.marked;
    match normalise(task, &layout, marked) {
        Ok(found) => Ok(Some(found)),
        Err(Trouble::Unreadable(_)) if usual => Ok(None),
        // ASCII until here, so that UTF-8 was never more than a supposition.
        Err(Trouble::Malformed(_)) if guess.ascii && task.declared().encoding.is_none() => {
            let layout = Layout { encoding: Encoding::Windows1252, ..layout };
            normalise(task, &layout, false).map(Some).map_err(|trouble| finished(task, encoding, trouble))
        }
        Err(trouble) => Err(finished(task, encoding, trouble)),
    }
}

fn finished(task: &Task<'_>, encoding: Encoding, trouble: Trouble) -> anyhow::Error {
    match trouble {
        Trouble::Unreadable(refusal) => refusal.into(),
        Trouble::Refused(error) => error,
        Trouble::Malformed(line) => {
            let hint = match encoding {
                Encoding::Utf8 => task.set("encoding: windows-1252"),
                _ => "fetch the file again, or correct `encoding` of its `dialect`".to_owned(),
            };
            refusal(task.file, line, &format!("bytes that are no text in {}", encoding_name(encoding)))
                .hint(hint)
                .into()
        }
    }
}

fn sample(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(decode::SAMPLE);
    fs_err::File::open(path)?.take(decode::SAMPLE as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether the first rows are as the plain reader wants them; the last one may be cut off by the sample.
fn canonical(task: &Task<'_>, layout: &Layout, text: &str, whole: bool) -> bool {
    let end = if whole { text.len() } else { text.rfind('\n').map_or(0, |at| at + 1) };
    let mut good = true;
    let mut splitter = Splitter::new(task.file, layout.separator);
    let mut each = |record: &Record<'_>| {
        if record.line >= layout.first {
            good &= record.cells.len() == layout.width && plain_row(task, layout, record);
        }
        if good { Ok(()) } else { Err(anyhow::anyhow!("not canonical")) }
    };
    // A quote that is open at the end of the sample says nothing.
    let read = splitter.push(&text[..end], &mut each).is_ok();
    if read && whole {
        let _ = splitter.finish(&mut each);
    }
    good
}

fn plain_row(task: &Task<'_>, layout: &Layout, record: &Record<'_>) -> bool {
    task.columns.iter().zip(&layout.index).enumerate().all(|(at, ((_, role), index))| {
        let cell = record.cells[*index].as_str();
        match role {
            Role::Date if at == 0 && task.spec.undated == Undated::Skip => true,
            Role::Date => cell.is_empty() && at > 0 || cell.len() == 10 && cell.parse::<Date>().is_ok(),
            Role::Number => cell.is_empty() || cell.trim().parse::<f64>().is_ok(),
            Role::Text => decode::utf7(cell).is_none(),
        }
    })
}

/// What a record is.
enum Line {
    /// A row of data.
    Row,
    /// A note or an empty line.
    Note,
}

/// Evidence of a whole file.
struct Heard {
    numbers: NumberEvidence,
    dates: Vec<DateEvidence>,
    met: Met,
    /// Lines without data that nothing followed so far.
    notes: Vec<usize>,
    /// Lines of title.
    titles: usize,
    rows: usize,
}

/// What was decided.
struct Decided {
    marks: numbers::Marks,
    forms: Vec<Option<DateForm>>,
    first_note: usize,
}

fn normalise(task: &Task<'_>, layout: &Layout, marked: bool) -> Result<Canonical, Trouble> {
    let mut heard = Heard::new(task);
    let listened = each_record(task, layout, &mut |record| heard.hear(task, layout, record));
    match listened {
        // The plain reader would stumble over the first date, not over this cell.
        Err(Trouble::Unreadable(refusal)) if heard.foreign_dates() => return Err(refusal.into()),
        other => other?,
    }
    let decided = heard.decide(task, layout)?;
    let mut columns: Vec<(String, Vec<Option<String>>)> =
        task.columns.iter().map(|(name, _)| ((*name).to_owned(), Vec::new())).collect();
    each_record(task, layout, &mut |record| {
        if record.line < layout.first || record.line >= decided.first_note || record.blank() {
            return Ok(());
        }
        if let Some(row) = row(task, layout, &decided, record)? {
            columns.iter_mut().zip(row).for_each(|((_, cells), cell)| cells.push(cell));
        }
        Ok(())
    })?;
    let assumed = sentence(task, layout, &heard, &decided, marked);
    Ok(Canonical { columns, assumed })
}

/// Decodes and splits the file; `each` may refuse.
fn each_record(
    task: &Task<'_>,
    layout: &Layout,
    each: &mut dyn FnMut(&Record<'_>) -> Result<(), Trouble>,
) -> Result<(), Trouble> {
    let mut splitter = Splitter::new(task.file, layout.separator);
    let mut trouble = None;
    let mut told = |record: &Record<'_>| {
        each(record).map_err(|other| {
            trouble = Some(other);
            anyhow::anyhow!("refused")
        })
    };
    let read = decode::decode(task.path, layout.encoding, &mut |text| splitter.push(text, &mut told));
    let stopped = match read {
        Ok(()) => splitter.finish(&mut told).map_err(decode::Stop::Refused),
        Err(stop) => Err(stop),
    };
    match (stopped, trouble) {
        (Ok(()), _) => Ok(()),
        (Err(_), Some(trouble)) => Err(trouble),
        (Err(decode::Stop::Malformed), None) => Err(Trouble::Malformed(splitter.line())),
        (Err(decode::Stop::Refused(error)), None) => Err(Trouble::Refused(error)),
    }
}

/// A cell as it is read: trimmed, leftovers of UTF-7 decoded.
fn cell<'r>(record: &'r Record<'_>, index: usize, room: &'r mut String) -> (&'r str, bool) {
    let cell = record.cell(index);
    if !cell.contains('+') {
        return (cell, false);
    }
    match decode::utf7(cell) {
        Some(text) => {
            *room = text;
            (trimmed(room), true)
        }
        None => (cell, false),
    }
}

impl Heard {
    fn new(task: &Task<'_>) -> Self {
        let declared = task.declared().dates;
        let evidence = |at: usize| DateEvidence::new(declared.filter(|_| at == 0));
        Self {
            numbers: NumberEvidence::new(task),
            dates: (0..task.columns.len()).map(evidence).collect(),
            met: Met::default(),
            notes: Vec::new(),
            titles: 0,
            rows: 0,
        }
    }

    fn hear(&mut self, task: &Task<'_>, layout: &Layout, record: &Record<'_>) -> Result<(), Trouble> {
        if record.blank() {
            return Ok(());
        }
        if record.line < layout.first {
            self.titles += usize::from(Some(record.line) != layout.header);
            return Ok(());
        }
        match kind(task, layout, record)? {
            Line::Note => {
                self.notes.push(record.line);
                Ok(())
            }
            Line::Row => {
                self.no_note_before(task, record)?;
                self.hear_row(task, layout, record)
            }
        }
    }

    /// Whether the dates that were heard so far cannot be read without being told their form.
    fn foreign_dates(&self) -> bool {
        self.dates[0]
            .form()
            .is_some_and(|form| form.order != DateOrder::YearMonthDay || form.separator != '-')
    }

    fn no_note_before(&self, task: &Task<'_>, record: &Record<'_>) -> Result<(), Trouble> {
        let Some(note) = self.notes.first() else { return Ok(()) };
        Err(Trouble::Unreadable(
            refusal(task.file, *note, &format!("the line has no date, and rows follow on line {}", record.line))
                .hint("remove the line, or give it a date; notes may stand before the header and after the last row"),
        ))
    }

    fn hear_row(&mut self, task: &Task<'_>, layout: &Layout, record: &Record<'_>) -> Result<(), Trouble> {
        self.rows += 1;
        check_width(task, layout, record)?;
        let mut room = String::new();
        for (at, ((name, role), index)) in task.columns.iter().zip(&layout.index).enumerate() {
            let (text, leftover) = cell(record, *index, &mut room);
            self.met.utf7 += usize::from(leftover);
            if *role == Role::Text {
                continue;
            }
            if numbers::missing(text, &task.declared().missing) {
                if !text.is_empty() {
                    *self.met.missing.entry(text.to_owned()).or_default() += 1;
                }
            } else if *role == Role::Number {
                self.numbers.hear(task, at, record.line, text, &mut self.met)?;
            } else if let Some(read) = dates::read(text) {
                self.dates[at].hear(task, record.line, text, &read, &mut self.met)?;
            } else if !(at == 0 && task.spec.undated == Undated::Skip) {
                return Err(Trouble::Unreadable(
                    refusal(
                        task.file,
                        record.line,
                        &format!("column `{name}` holds `{}`, no date", shown(text)),
                    )
                    .hint("write dates as 2025-01-27"),
                ));
            }
        }
        Ok(())
    }

    fn decide(&mut self, task: &Task<'_>, layout: &Layout) -> Result<Decided, Trouble> {
        let forms = self.dates.iter().map(|evidence| evidence.decide(task)).collect::<Result<Vec<_>, _>>()?;
        let iso = |form: &DateForm| form.order == DateOrder::YearMonthDay && form.separator == '-';
        let ordinary = layout.separator == Separator::Comma && forms[0].as_ref().is_none_or(iso);
        let marks = self.numbers.decide(task, ordinary, &mut self.met)?;
        let first_note = self.notes.first().copied().unwrap_or(usize::MAX);
        Ok(Decided { marks, forms, first_note })
    }
}

/// A row, or a line that holds no data: its date cell is none, and it is short or without any number.
fn kind(task: &Task<'_>, layout: &Layout, record: &Record<'_>) -> Result<Line, Trouble> {
    let mut room = String::new();
    let (date, _) = cell(record, layout.index[0], &mut room);
    if dates::read(date).is_some() {
        return Ok(Line::Row);
    }
    let skipped = task.spec.undated == Undated::Skip && record.cells.len() == layout.width;
    let numbers = task.columns.iter().zip(&layout.index).filter(|((_, role), _)| *role == Role::Number);
    let bare = numbers.map(|(_, index)| record.cell(*index)).all(str::is_empty);
    if skipped {
        return Ok(Line::Row);
    }
    if record.cells.len() < layout.width || bare {
        return Ok(Line::Note);
    }
    let what = match date {
        "" => "the row has no date".to_owned(),
        text => format!("column `{}` holds `{}`, no date", task.columns[0].0, shown(text)),
    };
    Err(Trouble::Unreadable(
        refusal(task.file, record.line, &what).hint("write dates as 2025-01-27, or remove the line"),
    ))
}

fn check_width(task: &Task<'_>, layout: &Layout, record: &Record<'_>) -> Result<(), Trouble> {
    let (have, need) = (record.cells.len(), layout.width);
    let wanted = layout.index.iter().max().map_or(0, |last| last + 1);
    let extra = record.cells.iter().skip(need).any(|cell| !trimmed(cell).is_empty());
    if have >= need && !extra || have < need && have >= wanted && record.closed {
        return Ok(());
    }
    let cut = if record.closed || have >= need { "" } else { "; the file was cut off" };
    let hint = match extra {
        true => {
            "a cell with a separator inside stands in quotes: correct the file, or `separator` of its `dialect`"
        }
        false => "fetch the file again, or complete the line",
    };
    let refusal =
        refusal(task.file, record.line, &format!("the line has {have} cells, the header {need}{cut}"))
            .hint(hint);
    Err(if extra { refusal.into() } else { Trouble::Unreadable(refusal) })
}

/// A row in canonical form; nothing where it is of another symbol or day.
fn row(
    task: &Task<'_>,
    layout: &Layout,
    decided: &Decided,
    record: &Record<'_>,
) -> Result<Option<Vec<Option<String>>>, Trouble> {
    let mut cells = Vec::with_capacity(task.columns.len());
    let mut room = String::new();
    for (at, ((name, role), index)) in task.columns.iter().zip(&layout.index).enumerate() {
        let (text, _) = cell(record, *index, &mut room);
        let value = match role {
            Role::Text => Some(text.to_owned()).filter(|text| !text.is_empty()),
            _ if numbers::missing(text, &task.declared().missing) => None,
            Role::Number => number(task, text, decided),
            Role::Date => match decided.forms[at] {
                Some(form) => survey::day(task, record.line, text, form)?.or_else(|| Some(text.to_owned())),
                None => Some(text.to_owned()),
            },
        };
        if at == 0 && !wanted_day(task, value.as_deref()) {
            return Ok(None);
        }
        if task.symbols.is_some_and(|(column, symbols)| {
            column == *name && value.as_ref().is_some_and(|symbol| !symbols.contains(&Symbol(symbol.clone())))
        }) {
            return Ok(None);
        }
        cells.push(value);
    }
    Ok(Some(cells))
}

fn number(task: &Task<'_>, text: &str, decided: &Decided) -> Option<String> {
    let read = numbers::read(text)?;
    numbers::canonical(&read, decided.marks, task.spec.unit == SourceUnit::Percent)
}

/// Days of the period, and what is no day: that is for the checks to refuse or to count.
fn wanted_day(task: &Task<'_>, text: Option<&str>) -> bool {
    let Some(day) = text.and_then(|text| text.parse::<Date>().ok()) else { return true };
    task.days.0.is_none_or(|from| from <= day) && day <= task.days.1
}

fn encoding_name(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Utf8 => "UTF-8",
        Encoding::Utf16le => "UTF-16LE",
        Encoding::Utf16be => "UTF-16BE",
        Encoding::Windows1252 => "Windows-1252",
    }
}

/// What was assumed, declared parts marked as such.
fn sentence(task: &Task<'_>, layout: &Layout, heard: &Heard, decided: &Decided, marked: bool) -> String {
    let declared = task.declared();
    let mut parts: Vec<String> = Vec::new();
    let mut say = |text: String, declared: bool| {
        parts.push(if declared { format!("{text} (declared)") } else { text });
    };
    if layout.encoding != Encoding::Utf8 || marked {
        let mark = if marked { " with byte order mark" } else { "" };
        say(format!("text in {}{mark}", encoding_name(layout.encoding)), declared.encoding.is_some());
    }
    if layout.separator != Separator::Comma {
        say(format!("cells between `{}`", layout::mark(layout.separator)), declared.separator.is_some());
    }
    if layout.header.is_none() {
        say("no header, columns by number".to_owned(), declared.header.is_some());
    }
    if heard.titles > 0 {
        say(format!("{} before the table left out", lines(heard.titles)), declared.skip.is_some());
    }
    say_dates(task, heard, decided, &mut say);
    say_numbers(task, heard, decided, &mut say);
    if heard.met.utf7 > 0 {
        say(format!("leftovers of UTF-7 decoded in {} cells", heard.met.utf7), false);
    }
    for (text, count) in &heard.met.missing {
        say(format!("`{}` means missing ({count})", shown(text)), declared.missing.contains(text));
    }
    if !heard.notes.is_empty() {
        say(format!("{} after the table left out", lines(heard.notes.len())), false);
    }
    if parts.is_empty() {
        parts.push("a plain table".to_owned());
    }
    format!("Read as: {}.", parts.join("; "))
}

fn lines(count: usize) -> String {
    if count == 1 { "1 line".to_owned() } else { format!("{count} lines") }
}

type Say<'a> = &'a mut dyn FnMut(String, bool);

fn say_dates(task: &Task<'_>, heard: &Heard, decided: &Decided, say: Say<'_>) {
    let declared = task.declared();
    let mut told = BTreeSet::new();
    for (at, form) in decided.forms.iter().enumerate().filter_map(|(at, form)| Some((at, (*form)?))) {
        let iso = form.order == DateOrder::YearMonthDay && form.separator == '-' && !form.short_year;
        if !iso && told.insert(form) {
            let years = if form.short_year { " with years from 1969 to 2068" } else { "" };
            say(format!("dates {form}{years}"), at == 0 && declared.dates.is_some());
        }
    }
    match (&declared.zone, heard.met.offsets, heard.met.clocks) {
        (Some(zone), true, _) => say(format!("days of instants in {zone}"), true),
        (_, true, _) => say("time of day and offset left out, the day as written".to_owned(), false),
        (_, false, true) => say("time of day left out".to_owned(), false),
        (_, false, false) => {}
    }
}

fn say_numbers(task: &Task<'_>, heard: &Heard, decided: &Decided, say: Say<'_>) {
    let (declared, met) = (task.declared(), &heard.met);
    let comma = decided.marks.decimal == Decimal::Comma;
    if met.marks && (comma || declared.decimal.is_some() || met.groups) {
        let name = if comma { "decimal comma" } else { "decimal point" };
        say(name.to_owned(), declared.decimal.is_some());
    }
    if met.groups {
        let by = match decided.marks.thousands {
            Thousands::Comma => "comma",
            Thousands::Point => "point",
            Thousands::Space => "space",
            Thousands::Apostrophe => "apostrophe",
            Thousands::None => "nothing",
        };
        say(format!("thousands grouped by {by}"), declared.thousands.is_some());
    }
    if !met.multipliers.is_empty() {
        let names: Vec<&str> = met.multipliers.iter().copied().collect();
        say(format!("{} behind a number multiply it", names.join(", ")), false);
    }
    if met.percent {
        let how = if task.spec.unit == SourceUnit::Percent { "left out" } else { "divide by 100" };
        say(format!("percent signs {how}"), false);
    }
    if met.parentheses {
        say("parentheses mean negative".to_owned(), false);
    }
    if !met.currencies.is_empty() {
        let names: Vec<&str> = met.currencies.iter().copied().collect();
        say(format!("{} left out", names.join(", ")), false);
    }
}

#[cfg(test)]
mod tests;
