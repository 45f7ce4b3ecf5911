//! Files that are missing, damaged, contradictory or not what the declaration says.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod desk;

use desk::{Desk, HEADER, PRICES, csv, january};
use insta::assert_snapshot;
use jiff::civil::date;
use shockbrief_data::SOURCES;

#[test]
fn inputs_are_listed_with_digest_and_licence() {
    let dataset = Desk::with(&january()).load().unwrap();
    let [input] = dataset.inputs.as_slice() else { panic!("one input") };
    assert_eq!((input.source.as_str(), input.path.as_str()), ("prices", "prices.csv"));
    assert_eq!(input.file_sha256, shockbrief_core::fs::sha256(csv(&january()).as_bytes()));
    assert_eq!(input.licence, "made by the test");
}

#[test]
fn the_digest_of_what_was_read_ignores_later_rows_and_notices_a_changed_one() {
    let digest = |desk: Desk| desk.load().unwrap().inputs[0].sha256.clone();
    let mut whole = Desk::with(&january());
    whole.as_of = date(2025, 1, 24);
    let earlier: Vec<_> = january().into_iter().filter(|line| line[0].as_str() <= "2025-01-24").collect();
    let mut cut = Desk::with(&earlier);
    cut.as_of = date(2025, 1, 24);
    let mut changed = earlier.clone();
    changed[3][3] = "103.5".into();
    let mut revised = Desk::with(&changed);
    revised.as_of = date(2025, 1, 24);
    let whole = digest(whole);
    assert_eq!(whole, digest(cut));
    assert_ne!(whole, digest(revised));
}

#[test]
fn missing_data_folder() {
    let mut desk = Desk::empty();
    desk.symbols = vec!["AAA"];
    fs_err::remove_dir(desk.path("")).unwrap();
    assert_snapshot!(desk.refusal());
}

#[test]
fn missing_required_file() {
    assert_snapshot!(Desk::empty().refusal());
}

#[test]
fn missing_optional_file() {
    let desk = Desk::empty().declare(|text| text.replace("    licence", "    optional: true\n    licence"));
    assert_snapshot!(desk.refusal());
}

#[test]
fn unknown_symbol() {
    let mut desk = Desk::with(&january());
    desk.symbols = vec!["AAA", "ZZZ"];
    assert_snapshot!(desk.refusal());
    desk.lenient = true;
    assert_snapshot!("unknown_symbol_skipped", desk.notices());
}

#[test]
fn wrong_column_names() {
    assert_snapshot!(
        Desk::empty().file("prices.csv", csv(&january()).replace("adj_close", "Adj Close")).refusal()
    );
}

#[test]
fn columns_in_another_order_and_unknown_columns() {
    let rows: String = january()
        .iter()
        .map(|l| format!("{},{},x,{},{},{},{}\n", l[5], l[0], l[2], l[1], l[4], l[3]))
        .collect();
    let text = format!("volume,date,note,currency,symbol,close_as_traded,adj_close\n{rows}");
    assert_eq!(Desk::empty().file("prices.csv", text).series().0, Desk::with(&january()).series().0);
}

#[test]
fn windows_line_ends_and_quotes() {
    let text = csv(&january()).replace('\n', "\r\n").replace("AAA", "\"AAA\"");
    assert_eq!(Desk::empty().file("prices.csv", text).series().0, Desk::with(&january()).series().0);
}

#[test]
fn empty_file() {
    assert_snapshot!(Desk::empty().file("prices.csv", "").refusal());
}

#[test]
fn header_alone() {
    assert_snapshot!(Desk::empty().file("prices.csv", format!("{HEADER}\n")).refusal());
}

#[test]
fn truncated_csv() {
    let text = csv(&january());
    assert_snapshot!(Desk::empty().file("prices.csv", &text[..text.len() - 14]).refusal());
}

#[test]
fn a_row_without_symbol() {
    let mut lines = january();
    lines[6][1].clear();
    assert_snapshot!(Desk::with(&lines).refusal());
}

#[test]
fn bytes_that_are_no_text() {
    let mut bytes = csv(&january()).into_bytes();
    bytes[120] = 0xff;
    let desk = Desk::empty().file("prices.csv", bytes);
    assert!(desk.load().is_err());
}

fn parquet() -> String {
    format!(
        "sources:{}",
        PRICES.replace("format: csv", "format: parquet").replace("prices*.csv", "prices.parquet")
    )
}

#[test]
fn corrupt_parquet() {
    let desk = Desk::empty().declare(|_| parquet()).file("prices.parquet", "PAR1 this is not parquet PAR1");
    assert_snapshot!(desk.refusal());
}

#[test]
fn damaged_parquet_never_panics() {
    let whole = converted("parquet", &csv(&january()));
    for cut in (0..whole.len()).step_by(97) {
        let desk = Desk::empty().declare(|_| parquet()).file("prices.parquet", &whole[..cut]);
        assert!(desk.load().is_err(), "cut at {cut}");
        let mut flipped = whole.clone();
        flipped[cut] ^= 0x55;
        drop(Desk::empty().declare(|_| parquet()).file("prices.parquet", flipped).load());
    }
}

#[test]
fn unknown_format() {
    assert_snapshot!(
        Desk::with(&january()).declare(|text| text.replace("format: csv", "format: xlsx")).refusal()
    );
}

#[test]
fn two_files_of_equal_priority() {
    assert_snapshot!(Desk::with(&january()).file("prices-2.csv", csv(&january())).refusal());
}

#[test]
fn the_better_priority_wins() {
    let second = PRICES.replace("id: prices", "id: better").replace("prices*.csv", "better/p?ices.csv");
    let second = second.replace("    licence", "    priority: 1\n    licence");
    let better = csv(&january()).replace("USD,1", "USD,2");
    let desk = Desk::with(&january()).file("better/prices.csv", better).declare(|text| text + &second);
    assert_eq!(desk.series().0.adjusted[0], Some(200.0));
    let dataset = desk.load().unwrap();
    assert_eq!(dataset.inputs.iter().map(|i| i.path.as_str()).collect::<Vec<_>>(), ["better/prices.csv"]);
}

#[test]
fn one_symbol_and_currency_for_all_rows() {
    let rows: String = january().iter().map(|line| format!("{},{}\n", line[0], line[3])).collect();
    let declared = "sources:\n  - {id: p, kind: prices, format: csv, glob: prices.csv, symbol: AAA, currency: USD, \
                    columns: {date: d, returns: p}, licence: test}\n";
    let desk = Desk::empty().file("prices.csv", format!("d,p\n{rows}")).declare(|_| declared.to_owned());
    assert_eq!(desk.series().0.adjusted, Desk::with(&january()).series().0.adjusted);
    assert_eq!(desk.series().0.quote, vec![None; 20]);
}

#[test]
fn the_first_date_after_the_last() {
    let mut desk = Desk::with(&january());
    desk.from = date(2025, 2, 3);
    assert_snapshot!(desk.refusal());
}

#[test]
fn declarations_that_contradict_themselves() {
    let broken = [
        ("returns: adj_close, ", ""),
        ("symbol: symbol, ", ""),
        ("    licence", "    currency: USD\n    licence"),
        ("glob: prices*.csv", "glob: ../prices.csv"),
        ("kind: prices", "kind: stocks"),
        ("sources:", "guards: {max_missing_share: 5}\nsources:"),
    ];
    let mut messages: Vec<String> = broken
        .iter()
        .map(|(from, to)| Desk::with(&january()).declare(|text| text.replacen(from, to, 1)).refusal())
        .collect();
    messages.push(Desk::with(&january()).declare(|text| text + PRICES).refusal());
    let text = messages.join("\n\n");
    let place = regexless(&text);
    assert_snapshot!(place);
}

/// Removes the temporary folder in front of `sources.yaml`.
fn regexless(text: &str) -> String {
    let words = text.split(' ').map(|word| word.rfind("/sources.yaml").map_or(word, |at| &word[at + 1..]));
    words.collect::<Vec<_>>().join(" ")
}

// One contract for all kinds of files.

fn converted(format: &str, text: &str) -> Vec<u8> {
    match format {
        "csv" => text.as_bytes().to_vec(),
        "parquet" => {
            use polars::prelude::{CsvReader, ParquetWriter, SerReader};
            let mut frame = CsvReader::new(std::io::Cursor::new(text.as_bytes())).finish().unwrap();
            let mut bytes = Vec::new();
            ParquetWriter::new(&mut bytes).finish(&mut frame).unwrap();
            bytes
        }
        "xlsx" => workbook(text),
        other => panic!("teach this test to write {other}"),
    }
}

/// A sheet of these lines: numbers as numbers, everything else as text.
fn workbook(text: &str) -> Vec<u8> {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    for (row, line) in (0..).zip(text.lines()) {
        for (column, cell) in (0..).zip(line.split(',')) {
            let written = match cell.parse::<f64>() {
                Ok(number) => sheet.write_number(row, column, number),
                Err(_) => sheet.write_string(row, column, cell),
            };
            written.unwrap();
        }
    }
    book.save_to_buffer().unwrap()
}

#[test]
fn all_kinds_of_files_say_the_same() {
    let (expected, _) = Desk::with(&january()).series();
    // A query file and a store's manifest hold no values themselves; they have tests of their own.
    for source in SOURCES.iter().filter(|source| !matches!(source.format(), "sql" | "store")) {
        let (format, name) = (source.format(), format!("prices.{}", source.format()));
        let declared =
            PRICES.replace("format: csv", &format!("format: {format}")).replace("prices*.csv", &name);
        let declared = format!("sources:{declared}");
        let good =
            Desk::empty().declare(|_| declared.clone()).file(&name, converted(format, &csv(&january())));
        let (series, notices) = good.series();
        assert_eq!(series, expected, "{format}");
        // How a workbook was read is told.
        assert!(notices.iter().all(|notice| notice.guard == "dialect"), "{format}: {notices:?}");
        for bytes in [b"".to_vec(), b"\0\xff\0\xff".to_vec(), vec![b'P'; 4096]] {
            let bad = Desk::empty().declare(|_| declared.clone()).file(&name, bytes);
            assert!(bad.refusal().starts_with("Data: "), "{format}");
        }
        assert!(source.scan(&good.path("absent")).and_then(|mut scan| Ok(scan.collect_schema()?)).is_err());
    }
}

// Factors, exchange rates, share counts.

const TABLES: &str = "
  - id: factors
    kind: factors
    format: csv
    glob: factors.csv
    unit: percent
    columns: {date: date, values: {mkt_rf: market, rf: rf}}
    licence: made by the test
  - id: rates
    kind: fx
    format: csv
    glob: rates.csv
    columns: {date: date, values: {EURUSD: USD}}
    licence: made by the test
  - id: counts
    kind: shares
    format: csv
    glob: counts.csv
    columns: {date: as_of, symbol: ticker, shares: shares, filed: filed}
    licence: made by the test
";

fn tables() -> Desk {
    let mut desk = Desk::with(&january())
        .declare(|text| text + TABLES)
        .file("factors.csv", "date,market,rf\n2025-01-30,1.5,0.02\n2025-01-31,-2.5,\n2025-02-03,9,9\n")
        .file("rates.csv", "date,USD\n2024-12-20,1.03\n2024-12-31,1.04\n2025-01-30,0\n2025-01-31,1.05\n")
        .file("counts.csv", "ticker,as_of,shares,filed\nAAA,2025-01-20,2e9,2025-02-20\nAAA,2024-10-20,1e9,2024-11-20\nBBB,2024-10-20,x,y\n");
    desk.tables = [true; 3];
    desk
}

#[test]
fn tables_in_decimal_units_up_to_the_as_of_date() {
    let dataset = tables().load().unwrap();
    assert_eq!(dataset.factors.dates, [date(2025, 1, 30), date(2025, 1, 31)]);
    assert_eq!(dataset.factors.columns["mkt_rf"], [Some(0.015), Some(-0.025)]);
    assert_eq!(dataset.factors.columns["rf"], [Some(0.0002), None]);
    assert_eq!(dataset.fx.at_or_before("EURUSD", date(2025, 1, 2)), Some((date(2024, 12, 31), 1.04)));
    assert_eq!(dataset.fx.at_or_before("EURUSD", date(2025, 1, 30)), Some((date(2024, 12, 31), 1.04)));
    let [count] = dataset.shares.as_slice() else { panic!("one count") };
    assert_eq!((count.shares, count.filed), (1e9, date(2024, 11, 20)));
    let order: Vec<_> = dataset.inputs.iter().map(|input| input.source.as_str()).collect();
    assert_eq!(order, ["prices", "factors", "rates", "counts"]);
    assert_eq!(dataset.inputs[count.input].source, "counts");
    assert_eq!(dataset.fx.inputs, [2]);
}

#[test]
fn tables_that_are_refused() {
    let messages = [
        tables().file("factors.csv", "date,market,rf\n2025-01-30,1.5,1\n2025-01-30,1.6,1\n").refusal(),
        tables().file("factors.csv", "date,market,rf\n2025-01-02,1.5,1\n").refusal(),
        tables().file("rates.csv", "date,USD\n2025-01-30,1.0x\n").refusal(),
        tables().file("rates.csv", "date,USD\n2025-03-30,1.0\n").refusal(),
        tables().file("rates.csv", "day,USD\n2025-03-30,1.0\n").refusal(),
        tables().file("counts.csv", "ticker,as_of,shares,filed\nAAA,2024-10-20,-5,2024-11-20\n").refusal(),
        tables().file("counts.csv", "ticker,as_of,shares,filed\nAAA,2024-10-20,5,soon\n").refusal(),
    ];
    assert_snapshot!(messages.join("\n\n"));
}

const RECORDS: &str = "
  - id: notes
    kind: records
    format: csv
    glob: notes.csv
    optional: true
    undated: skip
    columns:
      date: day
      known: told
      texts: {what: what}
      values: {amount: amount}
      dates: {until: until}
    licence: made by the test
  - id: late
    kind: records
    format: csv
    glob: late.csv
    lag_days: 10
    columns: {date: day, values: {amount: amount}}
    licence: made by the test
  - id: nowhere
    kind: records
    format: csv
    glob: nowhere.csv
    optional: true
    columns: {date: day, values: {amount: amount}}
    licence: made by the test
";

fn records() -> Desk {
    let mut desk = Desk::with(&january())
        .declare(|text| text + RECORDS)
        .file(
            "notes.csv",
            "day,told,what,amount,until\n2025-01-10,,first,1.5,2025-01-20\n2025-01-11,2025-01-31,second,,2025-02-20\n\
             2025-01-12,2025-02-01,told later,3,\nsoon,,no day,4,\n,,empty,5,\n2025-02-03,,later,6,\n",
        )
        .file("late.csv", "day,amount\n2025-01-21,1\n2025-01-22,2\n");
    desk.records = vec!["notes", "late", "nowhere"];
    desk
}

/// The as-of date is 31 January 2025: later rows, and dates in rows that lie beyond it, are not seen.
#[test]
fn records_are_seen_from_the_day_they_became_public() {
    let dataset = records().load().unwrap();
    let notes = &dataset.records["notes"];
    let told: Vec<_> = notes.rows.iter().map(|row| (row.text("what").unwrap(), row.known)).collect();
    assert_eq!(told, [("first", date(2025, 1, 10)), ("second", date(2025, 1, 31))]);
    assert_eq!(notes.undated, 2);
    assert_eq!((notes.rows[0].number("amount"), notes.rows[1].number("amount")), (Some(1.5), None));
    assert_eq!((notes.rows[0].day("until"), notes.rows[1].day("until")), (Some(date(2025, 1, 20)), None));
    let late: Vec<_> = dataset.records["late"].rows.iter().map(|row| row.number("amount")).collect();
    assert_eq!(late, [Some(1.0)]);
    assert!(!dataset.records.contains_key("nowhere"));
    assert_eq!(dataset.inputs[notes.inputs[0]].source, "notes");
}

#[test]
fn records_that_are_refused() {
    let mut unknown = records();
    unknown.records = vec!["rumours"];
    let messages = [
        records().file("late.csv", "day,amount\nsoon,1\n").refusal(),
        records().file("late.csv", "day,amount\n2025-01-02,much\n").refusal(),
        records().file("notes.csv", "day,told,what,amount,until\n2025-01-10,,x,1,one day\n").refusal(),
        unknown.refusal(),
    ];
    assert_snapshot!(messages.join("\n\n"));
}

#[test]
fn a_parquet_file_in_memory_becomes_text() {
    let text = "date,name,close\n2025-01-24,\"A, \"\"B\"\"\",142.5\n2025-01-27,,118.25\n";
    let told = shockbrief_data::table::parquet_as_csv(&converted("parquet", text)).unwrap();
    assert_eq!(String::from_utf8(told).unwrap(), text);
    assert!(shockbrief_data::table::parquet_as_csv(b"PAR1 this is not parquet PAR1").is_err());
}
