//! Workbooks: what cells say is read, and what they do not say is refused by sheet and cell.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "the desk has more than is used here")]

mod desk;

use desk::{Desk, january};
use jiff::civil::Date;
use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook, Worksheet};
use shockbrief_data::table::TextTable;

const LONG: &str = "columns: {date: Date, symbol: Ticker, returns: Close}";

/// A long sheet of one name: header in row 1, dates as serials, prices as numbers.
fn long(sheet: &mut Worksheet) {
    let format = Format::new().set_num_format("yyyy-mm-dd");
    for (at, head) in (0..).zip(["Date", "Ticker", "Close"]) {
        sheet.write(0, at, head).unwrap();
    }
    for (row, line) in (1..).zip(january()) {
        sheet.write_with_format(row, 0, stamp(&line[0]), &format).unwrap();
        sheet.write(row, 1, &line[1]).unwrap();
        sheet.write(row, 2, line[3].parse::<f64>().unwrap()).unwrap();
    }
}

/// A cell that was written.
fn put(written: Result<&mut Worksheet, rust_xlsxwriter::XlsxError>) {
    written.unwrap();
}

fn stamp(day: &str) -> ExcelDateTime {
    ExcelDateTime::parse_from_str(day).unwrap()
}

/// The serial of a day, counted in the years from 1900.
fn serial(day: &str) -> f64 {
    f64::from(jiff::civil::date(1899, 12, 30).until(day.parse::<Date>().unwrap()).unwrap().get_days())
}

fn book(change: impl FnOnce(&mut Worksheet)) -> Vec<u8> {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet().set_name("Prices").unwrap();
    long(sheet);
    change(sheet);
    book.save_to_buffer().unwrap()
}

fn declared(columns: &str, bytes: &[u8]) -> Desk {
    let mut desk = Desk::empty().file("p.xlsx", bytes);
    desk.sources = format!(
        "sources:\n  - {{id: p, kind: prices, licence: by hand, currency: USD, format: xlsx, glob: 'p.*', {columns}}}\n"
    );
    desk
}

fn refused(change: impl FnOnce(&mut Worksheet)) -> String {
    declared(LONG, &book(change)).refusal()
}

#[track_caller]
fn says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in:\n{message}");
    }
}

#[test]
fn a_plain_sheet_is_read_to_the_bit() {
    let (series, notices) = declared(LONG, &book(|_| {})).series();
    let expected: Vec<Option<f64>> = january().iter().map(|line| line[3].parse().ok()).collect();
    assert_eq!(series.adjusted, expected);
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert_eq!(notices[0].detail, "Read as: sheet `Prices`, header in row 1.");
}

#[test]
fn days_of_1904_and_of_1900_are_the_same_days() {
    // The two counts lie 1,462 days apart: the very same cells under the other count are other days.
    let text = |bytes: &[u8], flag: bool| {
        let mut archive = Parts::of(bytes);
        if flag {
            archive.replace("xl/workbook.xml", "<workbookPr ", "<workbookPr date1904=\"1\" ");
        }
        archive.bytes()
    };
    let shifted = book(|sheet| {
        let format = Format::new().set_num_format("yyyy-mm-dd");
        for (row, line) in (1..).zip(january()) {
            sheet.write_number_with_format(row, 0, serial(&line[0]) - 1462.0, &format).unwrap();
        }
    });
    let (series, notices) = declared(LONG, &text(&shifted, true)).series();
    assert_eq!(series.adjusted[0], Some(100.0));
    says(&notices[0].detail, &["days counted from 1904"]);
    assert!(declared(LONG, &text(&shifted, false)).load().is_err());
}

#[test]
fn serials_without_the_form_of_a_date_and_times_of_day_are_days() {
    let bytes = book(|sheet| {
        for (row, line) in (1..).zip(january()) {
            sheet.write(row, 0, serial(&line[0])).unwrap();
        }
    });
    let (series, notices) = declared(LONG, &bytes).series();
    assert_eq!((series.adjusted[0], series.adjusted[19]), (Some(100.0), Some(119.0)));
    says(&notices[0].detail, &["numbers read as dates"]);
    let clocks = book(|sheet| {
        let format = Format::new().set_num_format("yyyy-mm-dd hh:mm");
        for (row, line) in (1..).zip(january()) {
            sheet.write_with_format(row, 0, stamp(&format!("{}T16:00:00", line[0])), &format).unwrap();
        }
    });
    let (series, notices) = declared(LONG, &clocks).series();
    assert_eq!(series.adjusted[19], Some(119.0));
    says(&notices[0].detail, &["time of day left out"]);
}

#[test]
fn what_is_no_price_is_refused_by_its_cell() {
    says(&refused(|s| put(s.write(4, 2, "103,0"))), &["p.xlsx: Prices!C5", "the text `103,0`, not numbers"]);
    says(&refused(|s| put(s.write(4, 2, "103"))), &["Prices!C5", "the text `103`"]);
    says(&refused(|s| put(s.write(4, 2, true))), &["Prices!C5", "holds true"]);
    let format = Format::new().set_num_format("d-mmm");
    says(
        &refused(|s| put(s.write_with_format(7, 2, stamp("2025-05-01"), &format))),
        &["Prices!C8", "a date, not numbers"],
    );
    says(
        &refused(|s| put(s.write_with_format(7, 1, stamp("2025-03-01"), &format))),
        &["Prices!B8", "column `Ticker` holds a date, not text"],
    );
    let error = |s: &mut Worksheet| {
        let formula = Formula::new("=NA()").set_result("#N/A");
        s.write_formula(9, 2, formula).unwrap();
    };
    says(&refused(error), &["Prices!C10", "the error #N/A", "`missing`"]);
    let (series, _) = declared(&format!("{LONG}, workbook: {{missing: ['#N/A']}}"), &book(error)).series();
    assert_eq!(series.adjusted[8], None);
}

#[test]
fn a_formula_counts_by_the_result_that_is_stored() {
    let stored = |s: &mut Worksheet| {
        s.write_formula(5, 2, Formula::new("=100+4").set_result("104")).unwrap();
    };
    let (series, _) = declared(LONG, &book(stored)).series();
    assert_eq!(series.adjusted[4], Some(104.0));
    let mut parts = Parts::of(&book(stored));
    parts.replace("xl/worksheets/sheet1.xml", "</f><v>104</v>", "</f>");
    says(&declared(LONG, &parts.bytes()).refusal(), &["Prices!C6", "a formula without a stored result"]);
}

#[test]
fn dates_that_a_spreadsheet_took_in_part_are_refused() {
    let message = refused(|s| put(s.write(9, 0, "15/01/2025")));
    says(&message, &["Prices!A10", "the text `15/01/2025` among dates", "may be exchanged"]);
    let all = book(|sheet| {
        for (row, line) in (1..).zip(january()) {
            let day: Date = line[0].parse().unwrap();
            sheet.write(row, 0, day.strftime("%d/%m/%Y").to_string()).unwrap();
        }
    });
    assert_eq!(declared(LONG, &all).series().0.adjusted[19], Some(119.0));
}

#[test]
fn sheets_headers_and_notes_are_found_or_named() {
    let two = || {
        let mut book = Workbook::new();
        book.add_worksheet().set_name("Notes").unwrap().write(0, 0, "made by the test").unwrap();
        let sheet = book.add_worksheet().set_name("My prices").unwrap();
        let format = Format::new().set_num_format("yyyy-mm-dd");
        sheet.write(0, 0, "Prices of the month").unwrap();
        for (at, head) in (0..).zip(["Date", "Ticker", "Close"]) {
            sheet.write(2, at, head).unwrap();
        }
        for (row, line) in (3..).zip(january()) {
            sheet.write_with_format(row, 0, stamp(&line[0]), &format).unwrap();
            sheet.write(row, 1, &line[1]).unwrap();
            sheet.write(row, 2, line[3].parse::<f64>().unwrap()).unwrap();
        }
        sheet.write(24, 0, "Source: the test").unwrap();
        book.save_to_buffer().unwrap()
    };
    says(&declared(LONG, &two()).refusal(), &["2 sheets, and none is named", "Notes, My prices"]);
    let of = |more: &str| declared(&format!("{LONG}, workbook: {{{more}}}"), &two());
    says(&of("sheet: Prices").refusal(), &["no sheet `Prices`", "Notes, My prices"]);
    for more in ["sheet: My prices", "sheet: My prices, header: 3"] {
        let (series, notices) = of(more).series();
        assert_eq!(series.adjusted[19], Some(119.0));
        assert_eq!(
            notices[0].detail,
            "Read as: sheet `My prices`, header in row 3; 1 row after the table left out."
        );
    }
    says(&of("sheet: My prices, header: 4").refusal(), &["'My prices'!A4", "no column `Date`"]);
    says(
        &declared("columns: {date: Date, symbol: Ticker, returns: Adj Close}", &book(|_| {})).refusal(),
        &["Prices!A1", "no column `Adj Close`", "Date, Ticker, Close"],
    );
    says(&refused(|s| put(s.write(0, 3, "Close"))), &["Prices!C1", "`Close` appears twice"]);
    says(&refused(|s| put(s.write(22, 2, 3.0))), &["Prices!A23", "the row has no date"]);
    let merged = refused(|s| put(s.merge_range(5, 1, 7, 1, "AAA", &Format::new())));
    says(&merged, &["Prices!B6", "merged with other cells among the rows"]);
}

/// A wide sheet with the field over the symbols, as data frames write it, cells merged or not.
fn wide(merge: bool) -> Vec<u8> {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write(0, 0, "Price").unwrap();
    sheet.write(1, 0, "Ticker").unwrap();
    sheet.write(2, 0, "Date").unwrap();
    for (at, field) in [(1, "Adj Close"), (3, "Close")] {
        if merge {
            sheet.merge_range(0, at, 0, at + 1, field, &Format::new()).unwrap();
        } else {
            sheet.write(0, at, field).unwrap();
            sheet.write(0, at + 1, field).unwrap();
        }
        sheet.write(1, at, "AAA").unwrap();
        sheet.write(1, at + 1, "BBB").unwrap();
    }
    let format = Format::new().set_num_format("yyyy-mm-dd");
    for (row, line) in (3..).zip(january()) {
        sheet.write_with_format(row, 0, stamp(&line[0]), &format).unwrap();
        let price: f64 = line[3].parse().unwrap();
        for (at, value) in (1..).zip([price, price / 2.0, price, price / 2.0]) {
            sheet.write(row, at, value).unwrap();
        }
    }
    book.save_to_buffer().unwrap()
}

#[test]
fn merged_headers_are_read_where_it_is_declared_what_they_mean() {
    let columns = "layout: wide, columns: {date: Date, returns: Adj Close, quote: Close}";
    let load = |bytes: &[u8], more: &str| {
        let mut desk = declared(&format!("{columns}{more}"), bytes);
        desk.symbols = vec!["AAA", "BBB"];
        desk
    };
    says(&load(&wide(true), "").refusal(), &["Sheet1!B1", "merged with the cells up to C1", "merged: fill"]);
    for desk in [load(&wide(true), ", workbook: {merged: fill}"), load(&wide(false), "")] {
        let data = desk.load().unwrap();
        let of = |name: &str| data.find(&name.into()).unwrap().1.clone();
        assert_eq!((of("AAA").adjusted[19], of("BBB").adjusted[19]), (Some(119.0), Some(59.5)));
        assert_eq!(of("BBB").quote[0], Some(50.0));
    }
}

#[test]
fn hostile_files_are_refused() {
    let bytes = book(|_| {});
    for broken in [b"PK".to_vec(), Vec::new(), bytes[..bytes.len() / 2].to_vec(), b"date,close\n".to_vec()] {
        says(&declared(LONG, &broken).refusal(), &["p.xlsx: not a readable xlsx file"]);
    }
    for at in (0..bytes.len()).step_by(97) {
        let mut broken = bytes.clone();
        broken[at] ^= 0x55;
        // Read all the same or refused, without a crash.
        let _ = declared(LONG, &broken).load();
    }
}

#[test]
fn percent_of_the_sheet_and_of_the_declaration_are_not_taken_twice() {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    let (date, percent) = (Format::new().set_num_format("yyyy-mm-dd"), Format::new().set_num_format("0.00%"));
    sheet.write(0, 0, "Date").unwrap();
    sheet.write(0, 1, "Mkt").unwrap();
    for (row, line) in (1..).zip(january()) {
        sheet.write_with_format(row, 0, stamp(&line[0]), &date).unwrap();
        sheet.write_with_format(row, 1, 0.0125, &percent).unwrap();
    }
    let bytes = book.save_to_buffer().unwrap();
    let of = |unit: &str| {
        let mut desk = Desk::with(&january()).file("f.xlsx", &bytes);
        desk.sources.push_str(&format!(
            "  - {{id: f, kind: factors, licence: by hand, format: xlsx, glob: f.xlsx, unit: {unit}, \
             columns: {{date: Date, values: {{mkt: Mkt}}}}}}\n"
        ));
        desk.tables[0] = true;
        desk
    };
    says(&of("percent").refusal(), &["f.xlsx: Sheet1!B2", "shown in percent and stored as 0.0125"]);
    let data = of("decimal").load().unwrap();
    assert!(data.factors.columns.values().flatten().all(|value| value.is_none_or(|value| value == 0.0125)));
}

#[test]
fn a_sheet_is_a_table_for_commands_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.xlsx");
    fs_err::write(&path, book(|s| put(s.write(3, 3, "x")))).unwrap();
    let table = TextTable::read(&path).unwrap();
    assert_eq!(table.dates("Date").unwrap()[0].to_string(), "2025-01-02");
    assert_eq!(table.numbers("Close", 1.0).unwrap()[19], Some(119.0));
    fs_err::write(&path, book(|s| put(s.write(3, 2, "x")))).unwrap();
    let table = TextTable::read(&path).unwrap();
    says(&table.numbers("Close", 1.0).unwrap_err().message, &["Prices!C4", "the text `x`"]);
}

/// The files of an archive, so that a test can write what no library writes.
struct Parts(Vec<(String, Vec<u8>)>);

impl Parts {
    fn of(bytes: &[u8]) -> Self {
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
        let mut parts = Vec::new();
        for at in 0..archive.len() {
            let mut file = archive.by_index(at).unwrap();
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut file, &mut bytes).unwrap();
            parts.push((file.name().unwrap().to_string(), bytes));
        }
        Self(parts)
    }

    fn replace(&mut self, name: &str, from: &str, to: &str) {
        let (_, bytes) = self.0.iter_mut().find(|(other, _)| other == name).unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(text.contains(from), "{text}");
        *bytes = text.replace(from, to).into_bytes();
    }

    fn bytes(&self) -> Vec<u8> {
        let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (name, bytes) in &self.0 {
            archive.start_file(name.as_str(), zip::write::SimpleFileOptions::default()).unwrap();
            std::io::Write::write_all(&mut archive, bytes).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }
}
