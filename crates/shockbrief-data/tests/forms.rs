//! One set of prices in many forms: order of columns, separator, encoding, types, dates, wide or long, CSV, Parquet or xlsx.
//! Each gives the same prices to the bit, or is refused where its form leaves a question open.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "the desk has more than is used here")]

mod desk;

use desk::{Desk, calendars};
use jiff::civil::{Date, date};
use polars::prelude::{Column, DataFrame, DataType, ParquetWriter, TimeUnit};
use proptest::{prelude::*, sample::select, test_runner::TestCaseError};
use rust_xlsxwriter::{Format, Workbook};

const NAMES: [&str; 3] = ["AAA", "BBB", "CCC"];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Lie {
    Long,
    Wide,
    FieldFirst,
    SymbolFirst,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Csv,
    Parquet,
    Xlsx,
}

#[derive(Debug, Clone)]
struct Form {
    lie: Lie,
    kind: Kind,
    separator: char,
    comma: bool,
    dates: &'static str,
    wide_text: bool,
    marked: bool,
    crlf: bool,
    /// Order of columns.
    reversed: bool,
    /// Parquet: numbers as text, and the resolution of stamps (0: days). xlsx: dates as text (0), as dates, with a time of
    /// day, and as bare numbers; merged headers.
    as_text: bool,
    stamps: u8,
}

fn forms() -> impl Strategy<Value = Form> {
    let lie = select(vec![Lie::Long, Lie::Wide, Lie::FieldFirst, Lie::SymbolFirst]);
    let dates = select(vec![
        "%Y-%m-%d",
        "%d/%m/%Y",
        "%m/%d/%Y",
        "%Y%m%d",
        "%Y-%m-%d 00:00:00",
        "%Y-%m-%dT16:00:00-05:00",
    ]);
    let kind = select(vec![Kind::Csv, Kind::Parquet, Kind::Xlsx]);
    let switches = (any::<[bool; 5]>(), any::<bool>(), 0_u8..4);
    (lie, kind, select(vec![',', ';', '\t']), dates, switches).prop_map(
        |(lie, kind, separator, dates, ([comma, wide_text, marked, crlf, reversed], as_text, stamps))| Form {
            lie,
            kind,
            separator,
            comma: comma && separator != ',',
            dates,
            wide_text,
            marked,
            crlf,
            reversed,
            as_text,
            stamps,
        },
    )
}

type Prices = Vec<Vec<Option<f64>>>;
/// Heads of two levels, the session of each row, cells by column, the symbol of each row of a long table.
type Laid = (Vec<[String; 2]>, Vec<usize>, Prices, Vec<String>);

/// Prices of each name by session; three decimals, so that some cell has no reading as thousands.
fn prices() -> impl Strategy<Value = Prices> {
    let cell = (0_u8..20, 50_000_u32..56_000)
        .prop_map(|(gap, price)| (gap > 0).then_some(f64::from(price) / 1000.0));
    prop::collection::vec(prop::collection::vec(cell, 20), 3).prop_map(|mut all| {
        // The first and the last session have prices, one of them of four decimals, which no grouping has.
        for name in &mut all {
            name[0] = Some(52.1234);
            name[19] = Some(52.5);
        }
        all
    })
}

fn days() -> Vec<Date> {
    let sessions = calendars().sessions(&"XNYS".into(), date(2025, 1, 2), date(2025, 1, 31)).unwrap();
    sessions.into_iter().map(|session| session.date).collect()
}

/// The table as columns of names and cells, whatever the file will be.
fn columns(form: &Form, prices: &Prices) -> Laid {
    let days = days().len();
    if form.lie == Lie::Long {
        let rows: Vec<usize> = (0..days).flat_map(|day| [day; 3]).collect();
        let symbols = (0..days).flat_map(|_| NAMES.map(str::to_owned)).collect();
        let cells = (0..days)
            .flat_map(|day| (0..3).map(move |name| (name, day)))
            .map(|(name, day)| prices[name][day]);
        return (vec![["px".into(), String::new()]], rows, vec![cells.collect()], symbols);
    }
    let mut heads = Vec::new();
    let mut cells = Vec::new();
    for (name, column) in NAMES.iter().zip(prices) {
        if form.lie == Lie::Wide {
            heads.push([(*name).to_owned(), String::new()]);
        } else {
            heads.push(["Adj Close".into(), (*name).to_owned()]);
            heads.push(["Close".into(), (*name).to_owned()]);
            cells.push(column.clone());
        }
        cells.push(column.clone());
    }
    (heads, (0..days).collect(), cells, Vec::new())
}

fn csv(form: &Form, prices: &Prices) -> Vec<u8> {
    let (heads, rows, cells, symbols) = columns(form, prices);
    let days: Vec<String> = days().iter().map(|day| day.strftime(form.dates).to_string()).collect();
    let number = |cell: &Option<f64>| {
        let text = cell.map_or(String::new(), |value| value.to_string());
        if form.comma { text.replace('.', ",") } else { text }
    };
    let mut lines: Vec<Vec<String>> = Vec::new();
    let head = |level: usize| heads.iter().map(move |head| head[level].clone());
    match form.lie {
        Lie::Long => lines.push(vec!["Date".into(), "id".into(), "px".into()]),
        Lie::Wide => lines.push(std::iter::once("Date".to_owned()).chain(head(0)).collect()),
        Lie::FieldFirst | Lie::SymbolFirst => {
            let order = if form.lie == Lie::FieldFirst { [0, 1] } else { [1, 0] };
            for (level, name) in order.into_iter().zip(["Price", "Ticker"]) {
                lines.push(std::iter::once(name.to_owned()).chain(head(level)).collect());
            }
            lines.push(
                std::iter::once("Date".to_owned()).chain(heads.iter().map(|_| String::new())).collect(),
            );
        }
    }
    for (at, row) in rows.iter().enumerate() {
        let mut line = vec![days[*row].clone()];
        line.extend(symbols.get(at).cloned());
        line.extend(cells.iter().map(|column| number(&column[at])));
        lines.push(line);
    }
    if form.reversed {
        lines.iter_mut().for_each(|line| line.reverse());
    }
    let end = if form.crlf { "\r\n" } else { "\n" };
    let separator = form.separator.to_string();
    let text: String = lines.iter().map(|line| line.join(&separator) + end).collect();
    match (form.wide_text, form.marked) {
        (true, _) => [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect(),
        (_, true) => format!("\u{feff}{text}").into_bytes(),
        _ => text.into_bytes(),
    }
}

fn parquet(form: &Form, prices: &Prices, path: &std::path::Path) {
    let (heads, rows, cells, symbols) = columns(form, prices);
    let since = |day: Date| date(1970, 1, 1).until(day).unwrap().get_days();
    let days: Vec<i32> = days().into_iter().map(since).collect();
    let days: Vec<i32> = rows.iter().map(|row| days[*row]).collect();
    let stamps = |per_day: i64, unit: TimeUnit| {
        let values: Vec<i64> = days.iter().map(|day| i64::from(*day) * per_day).collect();
        Column::new("Date".into(), values).cast(&DataType::Datetime(unit, None)).unwrap()
    };
    let mut all = vec![match form.stamps {
        0 => Column::new("Date".into(), days.clone()).cast(&DataType::Date).unwrap(),
        1 => stamps(86_400_000, TimeUnit::Milliseconds),
        2 => stamps(86_400_000_000, TimeUnit::Microseconds),
        _ => stamps(86_400_000_000_000, TimeUnit::Nanoseconds),
    }];
    if form.lie == Lie::Long {
        all.push(Column::new("id".into(), symbols));
    }
    for (head, cells) in heads.iter().zip(cells) {
        let name = match form.lie {
            Lie::Long | Lie::Wide => head[0].clone(),
            Lie::FieldFirst => format!("('{}', '{}')", head[0], head[1]),
            Lie::SymbolFirst => format!("('{}', '{}')", head[1], head[0]),
        };
        let texts = || cells.iter().map(|cell| cell.map(|value| value.to_string())).collect::<Vec<_>>();
        all.push(if form.as_text {
            Column::new(name.into(), texts())
        } else {
            Column::new(name.into(), cells)
        });
    }
    if form.reversed {
        all.reverse();
    }
    let mut frame = DataFrame::new_infer_height(all).unwrap();
    ParquetWriter::new(fs_err::File::create(path).unwrap()).finish(&mut frame).unwrap();
}

fn xlsx(form: &Form, prices: &Prices) -> Vec<u8> {
    let (mut heads, rows, mut cells, mut symbols) = columns(form, prices);
    if form.reversed {
        heads.reverse();
        cells.reverse();
    }
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    // The columns begin somewhere else than in the first cell.
    let (top, left) = if form.marked { (2, 1) } else { (0, 0) };
    let first = left + if form.lie == Lie::Long { 2 } else { 1 };
    let below = match form.lie {
        Lie::Long => {
            for (at, name) in (left..).zip(["Date", "id", "px"]) {
                sheet.write(top, at, name).unwrap();
            }
            1
        }
        Lie::Wide => {
            sheet.write(top, left, "Date").unwrap();
            for (head, at) in heads.iter().zip(first..) {
                sheet.write(top, at, &head[0]).unwrap();
            }
            1
        }
        Lie::FieldFirst | Lie::SymbolFirst => {
            sheet.write(top + 2, left, "Date").unwrap();
            let order = if form.lie == Lie::FieldFirst { [0, 1] } else { [1, 0] };
            for (row, level) in (top..).zip(order) {
                for (head, at) in heads.iter().zip(first..) {
                    sheet.write(row, at, &head[level]).unwrap();
                }
            }
            if form.as_text && form.lie == Lie::SymbolFirst {
                // One name over its two columns, as data frames write it.
                for (pair, at) in heads.chunks(2).zip((first..).step_by(2)) {
                    sheet.merge_range(top, at, top, at + 1, &pair[0][1], &Format::new()).unwrap();
                }
            }
            3
        }
    };
    let (day, clock) =
        (Format::new().set_num_format("yyyy-mm-dd"), Format::new().set_num_format("d/m/yy hh:mm"));
    for (at, (row, line)) in rows.iter().zip(top + below..).enumerate() {
        let date = days()[*row];
        let serial = f64::from(date_1900().until(date).unwrap().get_days());
        match form.stamps {
            0 => sheet.write(line, left, date.strftime(form.dates).to_string()).unwrap(),
            1 => sheet.write_number_with_format(line, left, serial, &day).unwrap(),
            2 => sheet.write_number_with_format(line, left, serial + 0.6875, &clock).unwrap(),
            _ => sheet.write(line, left, serial).unwrap(),
        };
        if let Some(symbol) = symbols.get_mut(at) {
            sheet.write(line, left + 1, symbol.as_str()).unwrap();
        }
        for (column, place) in cells.iter().zip(first..) {
            if let Some(value) = column[at] {
                sheet.write(line, place, value).unwrap();
            }
        }
    }
    book.save_to_buffer().unwrap()
}

/// The day before the first one that spreadsheets count, less the leap day that they have in 1900.
fn date_1900() -> Date {
    date(1899, 12, 30)
}

fn desk(form: &Form, prices: &Prices) -> Desk {
    let columns = match form.lie {
        Lie::Long => "columns: {date: Date, symbol: id, returns: px}",
        Lie::Wide => "layout: wide, columns: {date: Date}",
        _ => "layout: wide, columns: {date: Date, returns: Adj Close}",
    };
    let format = match form.kind {
        Kind::Csv => "csv",
        Kind::Parquet => "parquet",
        Kind::Xlsx => "xlsx, workbook: {merged: fill}",
    };
    let mut desk = Desk::empty();
    desk.symbols = NAMES.to_vec();
    desk.sources = format!(
        "guards: {{max_missing_share: 0.9, frozen_sessions: 30, split_move: 5}}\nsources:\n  - {{id: p, kind: prices, licence: by hand, currency: USD, \
         format: {format}, glob: 'p.*', {columns}}}\n"
    );
    match form.kind {
        Kind::Parquet => parquet(form, prices, &desk.path("p.parquet")),
        Kind::Xlsx => return desk.file("p.xlsx", xlsx(form, prices)),
        Kind::Csv => return desk.file("p.csv", csv(form, prices)),
    }
    desk
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_set_of_prices_is_the_same_in_every_form(form in forms(), prices in prices()) {
        let data = desk(&form, &prices).load().map_err(|error| TestCaseError::fail(format!("{error:#}")))?;
        for (name, expected) in NAMES.iter().zip(&prices) {
            let found = &data.find(&(*name).into()).unwrap().1.adjusted;
            let bits = |values: &[Option<f64>]| values.iter().map(|v| v.map(f64::to_bits)).collect::<Vec<_>>();
            prop_assert_eq!(bits(found), bits(expected), "{}", name);
        }
    }
}
