//! Reading one state of the store: which segments, which rows of them.

use super::{
    Latest, MANIFEST, Part, Told, learn,
    manifest::{Manifest, Segment},
    segment::{self, COLUMNS},
};
use crate::frame::{date_of, days};
use anyhow::{Context, Result};
use jiff::{Timestamp, civil::Date};
use polars::prelude::{
    DataFrame, DataType, Expr, Int64Chunked, IntoLazy, LazyFrame, NamedFrom, PlRefPath, ScanArgsParquet,
    Series, StringChunked, col, lit,
};
use rayon::prelude::*;
use shockbrief_core::Refusal;
use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

/// Which rows are wanted; what is left out does not restrict.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ask<'a> {
    /// Kinds of data.
    pub kinds: &'a [&'a str],
    /// Symbols.
    pub symbols: Option<&'a BTreeSet<&'a str>>,
    /// Fields.
    pub fields: &'a [&'a str],
    /// What was asked for.
    pub subject: Option<&'a str>,
    /// Who told it.
    pub provider: Option<&'a str>,
    /// First date.
    pub from: Option<Date>,
    /// Last date.
    pub to: Option<Date>,
    /// Rows known at this time.
    pub known: Option<Timestamp>,
}

/// Symbols in one list of a predicate: statistics of row groups are compared one by one with so many, and with the
/// range of a longer list as a whole.
const LIST: usize = 100;

impl Ask<'_> {
    fn may_be_in(&self, segment: &Segment) -> bool {
        self.from.is_none_or(|from| from <= segment.last_date)
            && self.to.is_none_or(|to| segment.first_date <= to)
            && self.symbols.is_none_or(|symbols| symbols.iter().any(|symbol| segment.may_hold(symbol)))
    }

    /// The predicate, in terms that reach the statistics of row groups: bare columns beside literals.
    fn predicate(&self) -> Option<Expr> {
        let day = |date: Date| lit(days(date)).cast(DataType::Date);
        let symbols =
            self.symbols.map(|symbols| among("symbol", &symbols.iter().copied().collect::<Vec<_>>()));
        let terms = [
            symbols,
            one_of("field", self.fields),
            one_of("kind", self.kinds),
            one_of("subject", self.subject.as_slice()),
            one_of("provider", self.provider.as_slice()),
            self.from.map(|from| col("date").gt_eq(day(from))),
            self.to.map(|to| col("date").lt_eq(day(to))),
            self.known.map(|known| col("known").lt_eq(lit(known.as_microsecond()))),
        ];
        terms.into_iter().flatten().reduce(Expr::and)
    }
}

fn one_of(column: &str, values: &[&str]) -> Option<Expr> {
    match values {
        [] => None,
        [value] => Some(col(column).eq(lit((*value).to_owned()))),
        values => Some(is_in(column, values)),
    }
}

/// Whether a column holds one of many values.
pub(crate) fn among(column: &str, values: &[&str]) -> Expr {
    let lists = values.chunks(LIST).map(|list| is_in(column, list));
    lists.reduce(Expr::or).unwrap_or_else(|| lit(false))
}

pub(super) fn is_in(column: &str, values: &[&str]) -> Expr {
    col(column).is_in(lit(Series::new("".into(), values)).implode(true), false)
}

/// One state of a store.
#[derive(Debug, Clone)]
pub struct Snapshot {
    folder: PathBuf,
    manifest: Manifest,
}

impl Snapshot {
    pub(super) fn open(folder: &Path) -> Result<Self> {
        Ok(Self { folder: folder.to_owned(), manifest: Manifest::read(folder)? })
    }

    pub(super) fn of(folder: &Path, manifest: &Manifest) -> Self {
        Self { folder: folder.to_owned(), manifest: manifest.clone() }
    }

    /// Whether a newer state has come.
    pub(super) fn is_past(&self) -> bool {
        Manifest::read(&self.folder).is_ok_and(|manifest| manifest.generation != self.manifest.generation)
    }

    /// Its files.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.manifest.segments
    }

    /// Its rows.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.segments().iter().map(|segment| segment.rows).sum()
    }

    pub(super) fn check(&self) -> Result<()> {
        self.segments().iter().try_for_each(|segment| segment::check(&self.folder, segment))
    }

    pub(super) fn verify(&self) -> Result<()> {
        self.segments().par_iter().try_for_each(|segment| segment::verify(&self.folder, segment))
    }

    /// What is wrong with each segment, by name.
    pub(super) fn faults(&self) -> Vec<String> {
        let checked = self.segments().par_iter().map(|segment| segment::verify(&self.folder, segment));
        checked.filter_map(Result::err).map(|error| error.to_string()).collect()
    }

    /// Files of rows that the list does not name.
    pub(super) fn unlisted(&self) -> Result<Vec<String>> {
        self.manifest.unlisted(&self.folder)
    }

    /// The list.
    pub(super) fn list(&self) -> &Manifest {
        &self.manifest
    }

    /// The rows of segments that are asked for; none where no segment can hold any.
    pub(super) fn scan(&self, segments: &[&Segment], ask: &Ask<'_>) -> Result<Option<LazyFrame>> {
        let wanted: Vec<&&Segment> = segments.iter().filter(|segment| ask.may_be_in(segment)).collect();
        wanted.par_iter().try_for_each(|segment| segment::verify_once(&self.folder, segment))?;
        let paths = wanted
            .iter()
            .map(|segment| Ok(PlRefPath::try_from_path(&self.folder.join(&segment.file))?))
            .collect::<Result<Vec<_>>>()?;
        if paths.is_empty() {
            return Ok(None);
        }
        let args = ScanArgsParquet { glob: false, cache: false, ..ScanArgsParquet::default() };
        let rows = LazyFrame::scan_parquet_files(paths.into_iter().collect(), args)?;
        Ok(Some(match ask.predicate() {
            Some(predicate) => rows.filter(predicate),
            None => rows,
        }))
    }

    /// Runs a query; what the reader of Parquet does not understand is a refusal that names the file, where a digest
    /// tells which.
    pub(super) fn collect(&self, rows: LazyFrame) -> Result<DataFrame> {
        let why = match catch_unwind(AssertUnwindSafe(|| rows.collect())) {
            Ok(Ok(frame)) => return Ok(frame),
            Ok(Err(error)) => format!("{error:#}"),
            Err(_) => "its contents are damaged".to_owned(),
        };
        self.verify()?;
        let why = crate::files::shown(why.lines().next().unwrap_or_default());
        Err(Refusal::data(format!("{}: cannot be read: {why}", self.folder.join(MANIFEST).display()))
            .hint("every file is as it was written; report this with the message")
            .into())
    }

    /// The rows asked for, a frame for each part of the symbols.
    ///
    /// Of a part only the symbols are asked for that it holds. Parts are cut by a hash, so that every group of rows of
    /// every part spans names of others: the whole list would find no group to pass over.
    fn frames(&self, segments: &[&Segment], ask: &Ask<'_>, columns: &[&str]) -> Result<Vec<DataFrame>> {
        let columns: Vec<Expr> = columns.iter().map(|name| col(*name)).collect();
        let read = |(part, segments): Query<'_>| -> Result<Option<DataFrame>> {
            let holds = |symbol: &&&str| part.is_none_or(|part| part.holds(symbol));
            let own: Option<BTreeSet<&str>> =
                ask.symbols.map(|symbols| symbols.iter().filter(holds).copied().collect());
            let Some(rows) = self.scan(&segments, &Ask { symbols: own.as_ref(), ..*ask })? else {
                return Ok(None);
            };
            self.collect(rows.select(columns.clone())).map(Some)
        };
        let frames: Result<Vec<Option<DataFrame>>> =
            together(segments, ask.symbols.is_some()).into_par_iter().map(read).collect();
        Ok(frames?.into_iter().flatten().collect())
    }

    /// All rows asked for, in the order of symbol, field, date and time known.
    ///
    /// # Errors
    /// A segment that cannot be read.
    pub fn told(&self, ask: &Ask<'_>) -> Result<Vec<Told>> {
        let segments: Vec<&Segment> = self.segments().iter().collect();
        let mut frames = self.frames(&segments, ask, &COLUMNS)?.into_iter();
        let Some(mut all) = frames.next() else { return Ok(Vec::new()) };
        for frame in frames {
            all.vstack_mut(&frame)?;
        }
        rows(&all.sort(COLUMNS, polars::prelude::SortMultipleOptions::default())?)
    }

    /// As [`Self::told`], without values that were withdrawn by then.
    ///
    /// # Errors
    /// A segment that cannot be read.
    pub fn values(&self, ask: &Ask<'_>) -> Result<Vec<Told>> {
        Ok(learn::standing(self.told(ask)?))
    }

    /// The values last known of what is asked for.
    ///
    /// # Errors
    /// A segment that cannot be read.
    pub fn latest(&self, ask: &Ask<'_>) -> Result<Latest> {
        let segments: Vec<&Segment> = self.segments().iter().collect();
        self.fold(&segments, None, ask)
    }

    /// The values last known, part by part of the symbols: memory stays that of two parts, which are read side by side.
    ///
    /// # Errors
    /// A segment that cannot be read, or what `each` gives.
    pub fn each_part(&self, ask: &Ask<'_>, mut each: impl FnMut(Latest) -> Result<()>) -> Result<()> {
        let of = self.parts();
        let fold = |index: u64| {
            let segments: Vec<&Segment> = self.segments().iter().filter(|own| own.meets(index, of)).collect();
            self.fold(&segments, Some(Part { index, of }), ask)
        };
        for first in (0..of).step_by(2) {
            let (one, other) =
                rayon::join(|| fold(first), || (first + 1 < of).then(|| fold(first + 1)).transpose());
            each(one?)?;
            other?.into_iter().try_for_each(&mut each)?;
        }
        Ok(())
    }

    /// Number of parts of the finest segment.
    pub(super) fn parts(&self) -> u64 {
        self.segments().iter().filter_map(|segment| segment.part).map(|part| part.of).max().unwrap_or(1)
    }

    fn fold(&self, segments: &[&Segment], part: Option<Part>, ask: &Ask<'_>) -> Result<Latest> {
        const NEEDED: [&str; 7] = ["symbol", "field", "date", "known", "provider", "unit", "value"];
        let mut latest = Latest::default();
        for frame in self.frames(segments, ask, &NEEDED)? {
            latest.add(&frame).with_context(|| self.folder.display().to_string())?;
        }
        if let Some(part) = part {
            latest.lines.retain(|line| part.holds(&line.symbol));
        }
        Ok(latest.complete())
    }

    /// All rows as a table, for readers that know no store.
    pub(super) fn table(&self) -> Result<LazyFrame> {
        let segments: Vec<&Segment> = self.segments().iter().collect();
        match self.scan(&segments, &Ask::default())? {
            // A withdrawal is no value.
            Some(rows) => Ok(rows.filter(col("value").is_not_nan())),
            None => Ok(segment::frame(&[])?.lazy()),
        }
    }
}

impl Segment {
    /// Whether it may hold symbols of a part.
    pub(super) fn meets(&self, index: u64, of: u64) -> bool {
        self.part.is_none_or(|own| index % own.of == own.index && own.of <= of)
    }
}

/// The segments of one query, and the part that they are of.
type Query<'a> = (Option<Part>, Vec<&'a Segment>);

/// Segments that are read in one query: those of one part where symbols are asked for, else all.
fn together<'a>(segments: &[&'a Segment], by_part: bool) -> Vec<Query<'a>> {
    let mut groups: BTreeMap<Option<(u64, u64)>, Query<'_>> = BTreeMap::new();
    for segment in segments {
        let part = segment.part.filter(|_| by_part);
        let group = groups.entry(part.map(|part| (part.of, part.index))).or_insert((part, Vec::new()));
        group.1.push(segment);
    }
    groups.into_values().collect()
}

/// The rows of a frame with all columns.
fn rows(frame: &DataFrame) -> Result<Vec<Told>> {
    let text = |name: &str| -> Result<_> { Ok(frame.column(name)?.str()?.clone()) };
    let time = |name: &str| -> Result<_> { Ok(frame.column(name)?.i64()?.clone()) };
    let dates = frame.column("date")?.cast(&DataType::Int32)?;
    let (dates, values) = (dates.i32()?, frame.column("value")?.f64()?);
    let (known, fetched) = (time("known")?, time("fetched")?);
    let (kind, subject, symbol) = (text("kind")?, text("subject")?, text("symbol")?);
    let (field, unit, provider) = (text("field")?, text("unit")?, text("provider")?);
    let name =
        |column: &StringChunked, row: usize| column.get(row).map(str::to_owned).context("a row has no name");
    let instant = |column: &Int64Chunked, row: usize| -> Result<Timestamp> {
        Ok(Timestamp::from_microsecond(column.get(row).context("a row has no time")?)?)
    };
    let row = |row: usize| -> Result<Told> {
        Ok(Told {
            kind: name(&kind, row)?,
            subject: name(&subject, row)?,
            symbol: name(&symbol, row)?,
            field: name(&field, row)?,
            date: dates.get(row).and_then(date_of).context("a row has no date")?,
            known: instant(&known, row)?,
            fetched: instant(&fetched, row)?,
            value: values.get(row).context("a row has no value")?,
            unit: name(&unit, row)?,
            provider: name(&provider, row)?,
        })
    };
    (0..frame.height()).map(row).collect()
}
