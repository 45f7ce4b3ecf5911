//! Wide tables and own symbols: what they hold is what the same rows hold, and each fault names its line and cell.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "the desk has more than is used here")]

mod desk;

use desk::Desk;
use polars::prelude::{Column, DataFrame, ParquetWriter, TimeUnit};
use shockbrief_core::Dataset;

const DAYS: [&str; 4] = ["2025-01-02", "2025-01-03", "2025-01-06", "2025-01-07"];

/// A desk for two symbols over four sessions.
fn desk(source: &str) -> Desk {
    let mut desk = Desk::empty();
    desk.symbols = vec!["AAA", "BBB"];
    desk.as_of = DAYS[3].parse().unwrap();
    desk.sources = format!("sources:\n  - {{id: wide, kind: prices, licence: by hand, {source}}}\n");
    desk
}

fn prices(data: &Dataset, symbol: &str) -> Vec<Option<f64>> {
    data.find(&symbol.into()).unwrap().1.adjusted.clone()
}

const AAA: [Option<f64>; 4] = [Some(100.25), Some(101.0), Some(99.5), Some(100.0)];
const BBB: [Option<f64>; 4] = [Some(7.0), Some(7.125), Some(7.0), Some(7.25)];

/// The two header lines and the index' own as data frames write them.
const TWO: &str = "Price,Adj Close,Adj Close,Close,Close,Volume,Volume\nTicker,AAA,BBB,AAA,BBB,AAA,BBB\nDate,,,,,,\n\
    2025-01-02,100.25,7,200.5,7,10,20\n2025-01-03,101,7.125,202,7.125,11,21\n2025-01-06,99.5,7,199,7,12,22\n\
    2025-01-07,100,7.25,200,7.25,13,23\n";
const FIELDS: &str =
    "columns: {date: Date, returns: Adj Close, quote: Close, volume: Volume}, layout: wide, currency: USD";

#[test]
fn one_header_line_is_a_price_for_each_symbol() {
    let file = "day,BBB,other,AAA\n2025-01-02,7,x,100.25\n2025-01-03,7.125,,101\n2025-01-06,7,,99.5\n2025-01-07,7.25,,100\n";
    let source = "format: csv, glob: w.csv, layout: wide, currency: USD, columns: {date: day}";
    let data = desk(source).file("w.csv", file).load().unwrap();
    assert_eq!((prices(&data, "AAA"), prices(&data, "BBB")), (AAA.to_vec(), BBB.to_vec()));
    assert!(data.notices.iter().any(|notice| notice.detail.contains("a column for each symbol")));
}

#[test]
fn two_header_lines_name_fields_in_either_order() {
    let swapped = TWO.replacen(
        "Price,Adj Close,Adj Close,Close,Close,Volume,Volume\nTicker,AAA,BBB,AAA,BBB,AAA,BBB\n",
        "Ticker,AAA,BBB,AAA,BBB,AAA,BBB\nPrice,Adj Close,Adj Close,Close,Close,Volume,Volume\n",
        1,
    );
    // The index on the first line, as a table without index is written.
    let reset =
        TWO.replacen("Price,", "Date,", 1).replacen("Ticker,", ",", 1).replacen("Date,,,,,,\n", "", 1);
    let marked =
        format!("\u{feff}{}", TWO.replace(',', ";").replace("100.25", "100,25").replace("99.5", "99,5"));
    let marked = marked.replace("7.125", "7,125").replace("7.25", "7,25").replace("200.5", "200,5");
    for file in [TWO, &swapped, &reset, &marked] {
        let data = desk(&format!("format: csv, glob: w.csv, {FIELDS}")).file("w.csv", file).load().unwrap();
        assert_eq!((prices(&data, "AAA"), prices(&data, "BBB")), (AAA.to_vec(), BBB.to_vec()), "{file}");
        let series = data.find(&"AAA".into()).unwrap().1;
        assert_eq!(series.quote[0], Some(200.5));
        assert_eq!(series.volume[3], Some(13.0));
    }
}

fn parquet(desk: &Desk, columns: Vec<Column>) {
    let mut frame = DataFrame::new_infer_height(columns).unwrap();
    ParquetWriter::new(fs_err::File::create(desk.path("w.parquet")).unwrap()).finish(&mut frame).unwrap();
}

#[test]
fn a_stored_data_frame_is_read_with_one_name_or_two() {
    let micros = |day: &&str| {
        let days = jiff::civil::date(1970, 1, 1)
            .until(day.parse::<jiff::civil::Date>().unwrap())
            .unwrap()
            .get_days();
        i64::from(days) * 86_400_000_000
    };
    let stamps = || {
        let column = Column::new("Date".into(), DAYS.iter().map(micros).collect::<Vec<i64>>());
        column.cast(&polars::prelude::DataType::Datetime(TimeUnit::Microseconds, None)).unwrap()
    };
    let column = |name: &str, values: &[Option<f64>]| Column::new(name.into(), values.to_vec());
    let one = desk("format: parquet, glob: w.parquet, layout: wide, currency: USD, columns: {date: Date}");
    parquet(&one, vec![column("AAA", &AAA), column("BBB", &BBB), stamps()]);
    let two = desk(
        "format: parquet, glob: w.parquet, layout: wide, currency: USD, columns: {date: Date, returns: Close}",
    );
    let names = ["('Close', 'AAA')", "('Close', 'BBB')", "('Open', 'AAA')"];
    parquet(&two, vec![column(names[0], &AAA), column(names[1], &BBB), column(names[2], &BBB), stamps()]);
    for desk in [one, two] {
        let data = desk.load().unwrap();
        assert_eq!((prices(&data, "AAA"), prices(&data, "BBB")), (AAA.to_vec(), BBB.to_vec()));
    }
}

#[test]
fn an_empty_cell_is_no_price_and_nothing_moves_up() {
    let file =
        "day,AAA,BBB\n2025-01-02,100.25,7\n2025-01-03,,7.125\n2025-01-06,99.5,7\n2025-01-07,100,7.25\n";
    let mut desk = desk("format: csv, glob: w.csv, layout: wide, currency: USD, columns: {date: day}");
    desk.sources.insert_str(0, "guards: {max_missing_share: 0.5}\n");
    let data = desk.file("w.csv", file).load().unwrap();
    assert_eq!(prices(&data, "AAA"), [AAA[0], None, AAA[2], AAA[3]]);
    assert_eq!(prices(&data, "BBB"), BBB);
}

#[test]
fn each_fault_names_file_line_and_cell() {
    let one = "format: csv, glob: w.csv, layout: wide, currency: USD, columns: {date: day}";
    let two = format!("format: csv, glob: w.csv, {FIELDS}");
    for (source, file, said) in [
        (one, "day,AAA,BBB\n2025-01-02,1,2\n2025-01-03,1,oops\n", vec!["w.csv:3", "BBB", "oops"]),
        (one, "day,AAA,BBB\n2025-01-02,1,2\nsoon,1,2\n", vec!["w.csv:3", "day", "soon"]),
        (one, "day,AAA,BBB\n2025-01-02,1,2\n2025-01-03,1,2,3\n", vec!["w.csv:3", "4 cells"]),
        (one, "day,AAA,BBB\n2025-01-02,1,2\n2025-01-03,1", vec!["w.csv:3", "cut off"]),
        (one, "day,AAA,BBB,AAA\n2025-01-02,1,2,3\n", vec!["w.csv:1", "AAA", "twice"]),
        (one, "date,AAA,BBB\n2025-01-02,1,2\n", vec!["w.csv", "`day`"]),
        (one, "day,AAA,BBB\n2025-01-03,1,2\n2025-01-03,1,3\n", vec!["w.csv", "BBB", "2025-01-03"]),
        (one, "day,aaa,BBB\n2025-01-02,1,2\n", vec!["AAA", "`aaa`"]),
        (two.as_str(), "Date,AAA,BBB\n2025-01-02,1,2\n", vec!["w.csv:1", "Adj Close"]),
        (two.as_str(), &TWO.replace("Adj Close", "Open"), vec!["w.csv:3", "Adj Close", "Open"]),
        (
            two.as_str(),
            &TWO.replacen("Adj Close,Adj Close,", "Adj Close,,", 1),
            vec!["w.csv:3", "BBB", "no field"],
        ),
        (
            two.as_str(),
            &TWO.replacen("Adj Close,Adj Close,Close", "Adj Close,High,Close", 1),
            vec!["BBB", "Adj Close"],
        ),
    ] {
        let refused = desk(source).file("w.csv", file).load().expect_err(file);
        let refusal = refused.downcast_ref::<shockbrief_core::Refusal>().unwrap();
        let told = format!("{refusal} {}", refusal.hint.as_deref().unwrap_or(""));
        for part in said {
            assert!(told.contains(part), "{file}\n{told}\nlacks {part}");
        }
    }
}

#[test]
fn declarations_that_cannot_be_wide_are_refused() {
    for source in [
        "format: sql, glob: w.sql, layout: wide, currency: USD, columns: {date: day}",
        "format: csv, glob: w.csv, layout: wide, currency: USD, columns: {date: day, symbol: s}",
        "format: csv, glob: w.csv, layout: wide, currency: USD, columns: {date: day, quote: Close}",
        "format: csv, glob: w.csv, layout: wide, columns: {date: day}",
        "format: csv, glob: w.csv, layout: wide, currency: USD, columns: {date: day}, symbols: {rule: US Equity}",
        "format: csv, glob: w.csv, layout: wide, currency: USD, columns: {date: day}, symbols: {map: ../m.csv}",
    ] {
        assert!(desk(source).file("w.csv", "day,AAA,BBB\n").load().is_err(), "{source}");
    }
}

const LONG: &str = "format: csv, glob: w.csv, columns: {date: day, symbol: id, returns: px}";

#[test]
fn a_rule_and_a_map_translate_symbols_and_tell_currencies() {
    let rows = |one: &str, other: &str| -> String {
        let row = |at: usize| {
            format!("{},{one},{}\n{0},{other},{}\n", DAYS[at], AAA[at].unwrap(), BBB[at].unwrap())
        };
        "day,id,px\n".to_owned() + &(0..4).map(row).collect::<String>()
    };
    let map = "symbol,source,currency\nAAA,B0YQ5W0,USD\nBBB,US0378331005,USD\n";
    for (own, file) in [
        ("currency: USD, symbols: {rule: '{symbol} US Equity'}", rows("AAA US Equity", "BBB US Equity")),
        ("symbols: {map: m.csv}", rows("B0YQ5W0", "US0378331005")),
        ("currency: EUR, symbols: {map: m.csv}", rows("B0YQ5W0", "US0378331005")),
        ("currency: EUR, symbols: {currency: {AAA: USD, BBB: USD}}", rows("AAA", "BBB")),
    ] {
        let data = desk(&format!("{LONG}, {own}")).file("w.csv", file).file("m.csv", map).load().unwrap();
        assert_eq!((prices(&data, "AAA"), prices(&data, "BBB")), (AAA.to_vec(), BBB.to_vec()), "{own}");
    }
    // A wide table under the source's names.
    let wide = "day,AAA US,BBB US\n2025-01-02,100.25,7\n2025-01-03,101,7.125\n2025-01-06,99.5,7\n2025-01-07,100,7.25\n";
    let source = "format: csv, glob: w.csv, layout: wide, currency: USD, columns: {date: day}, symbols: {rule: '{symbol} US'}";
    let data = desk(source).file("w.csv", wide).load().unwrap();
    assert_eq!((prices(&data, "AAA"), prices(&data, "BBB")), (AAA.to_vec(), BBB.to_vec()));
}

#[test]
fn a_source_serves_only_what_it_is_told_and_maps_are_checked() {
    let file = "day,id,px\n2025-01-02,AAA,1\n2025-01-02,BBB,1\n";
    let refusal = |own: &str, map: &str| {
        let error = desk(&format!("{LONG}, currency: USD, symbols: {own}"))
            .file("w.csv", file)
            .file("m.csv", map)
            .load();
        error.unwrap_err().to_string()
    };
    let left_out = refusal("{only: [AAA]}", "");
    assert!(left_out.contains("BBB") && left_out.contains("no source holds it"), "{left_out}");
    for (map, said) in [
        ("symbol,source\nAAA,X\nAAA,Y\n", "m.csv:3"),
        ("symbol,source\nAAA,X\nBBB,X\n", "both written `X`"),
        ("symbol,source\nAAA,\n", "m.csv:2"),
        ("ours,source\nAAA,X\n", "symbol"),
    ] {
        let told = refusal("{map: m.csv}", map);
        assert!(told.contains(said), "{told}");
    }
    assert!(refusal("{map: none.csv}", "").contains("none.csv"));
    // The currency of one symbol alone is another one: the others are read, it is refused by name.
    let told = refusal("{currency: {BBB: EUR}}", "");
    assert!(told.contains("BBB") && told.contains("EUR"), "{told}");
}

/// Tables that `study` and `stat` take.
#[test]
fn a_free_table_gives_one_field_under_the_names_of_the_symbols() {
    use shockbrief_data::table::TextTable;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.csv");
    fs_err::write(&path, TWO).unwrap();
    let told = TextTable::read(&path).unwrap_err();
    let refusal = told.downcast_ref::<shockbrief_core::Refusal>().unwrap();
    assert!(refusal.hint.as_deref().unwrap().contains("Adj Close, Close, Volume"), "{refusal:?}");
    let table = TextTable::read_field(&path, None, Some("Close")).unwrap();
    assert_eq!(table.headers, ["date", "AAA", "BBB"]);
    assert_eq!(table.numbers("AAA", 1.0).unwrap()[0], Some(200.5));
    assert_eq!(table.ascending("date").unwrap()[3].to_string(), DAYS[3]);
    assert_eq!(table.line(0), 4);
    assert!(TextTable::read_field(&path, None, Some("Open")).is_err());
    // One field alone needs no choice; a line that only names the dates is none of the table.
    let one = "Price,Close,Close\nTicker,AAA,BBB\nDate,,\n2025-01-02,1,2\n";
    for file in [one, "Ticker,AAA,BBB\nDate,,\n2025-01-02,1,2\n"] {
        fs_err::write(&path, file).unwrap();
        let table = TextTable::read(&path).unwrap();
        assert_eq!(table.headers[1..], ["AAA", "BBB"]);
        assert_eq!(table.numbers("BBB", 1.0).unwrap(), [Some(2.0)]);
    }
    // A first row without values is a row.
    fs_err::write(&path, "date,AAA,BBB\n2025-01-02,,\n2025-01-03,1,2\n").unwrap();
    assert_eq!(TextTable::read(&path).unwrap().numbers("AAA", 1.0).unwrap(), [None, Some(1.0)]);
    for twice in
        ["date,AAA,AAA\n2025-01-02,1,2\n", "Price,Close,Close\nTicker,AAA,AAA\nDate,,\n2025-01-02,1,2\n"]
    {
        fs_err::write(&path, twice).unwrap();
        assert!(TextTable::read(&path).unwrap_err().to_string().contains("twice"), "{twice}");
    }
}
