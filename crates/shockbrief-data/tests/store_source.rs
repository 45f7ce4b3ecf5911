//! A store as a source of every kind: what is loaded is what was known by the time asked for.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "the desk is made for other tests too")]

mod desk;

use desk::{Desk, january};
use jiff::{Timestamp, civil::date};
use shockbrief_core::{Dataset, Datum};
use shockbrief_data::store::{Store, Told};

const SOURCES: &str = "sources:
  - id: prices
    kind: prices
    format: store
    glob: manifest.json
    columns: {date: date, symbol: symbol, currency: currency, returns: adj_close, quote: close_as_traded, volume: volume}
    licence: made by the test
  - id: factors
    kind: factors
    format: store
    glob: manifest.json
    unit: percent
    columns: {date: date, values: {smb: SMB}}
    licence: made by the test
  - id: rates
    kind: fx
    format: store
    glob: manifest.json
    columns: {date: date, values: {EURUSD: EURUSD}}
    licence: made by the test
  - id: shares
    kind: shares
    format: store
    glob: manifest.json
    columns: {date: date, symbol: symbol, shares: shares, filed: filed}
    licence: made by the test
  - id: capex
    kind: records
    format: store
    glob: manifest.json
    columns: {date: date, known: known, texts: {company: symbol, field: field, quarter: quarter}, values: {value: value}}
    licence: made by the test
";

fn told(kind: &str, symbol: &str, field: &str, date: &str, value: f64, known: &str) -> Told {
    let known: Timestamp = known.parse().unwrap();
    Told {
        kind: kind.into(),
        subject: symbol.into(),
        symbol: symbol.into(),
        field: field.into(),
        date: date.parse().unwrap(),
        known,
        fetched: known,
        value,
        unit: "USD".into(),
        provider: "p".into(),
    }
}

/// January's prices, told each evening; on the 31st the close of the 15th is corrected from 108 to 108.5.
fn store(desk: &Desk) {
    let mut rows = Vec::new();
    for line in january() {
        let evening = format!("{}T22:00:00Z", line[0]);
        for (field, cell) in [("adj_close", &line[3]), ("close_as_traded", &line[4]), ("volume", &line[5])] {
            rows.push(told("prices", "AAA", field, &line[0], cell.parse().unwrap(), &evening));
        }
        rows.push(told("factors", "factors", "SMB", &line[0], 0.25, &evening));
        rows.push(told("fx", "EURUSD", "rate", &line[0], 1.04, &evening));
    }
    rows.push(told("factors", "factors", "SMB", "2025-01-15", -0.5, "2025-01-31T07:00:00Z"));
    rows.push(told("fx", "EURUSD", "rate", "2025-01-15", 1.05, "2025-01-31T07:00:00Z"));
    rows.push(told("prices", "AAA", "adj_close", "2025-01-15", 108.5, "2025-01-31T07:00:00Z"));
    rows.push(told("filings", "AAA", "shares", "2024-12-31", 1e9, "2025-01-10T00:00:00Z"));
    rows.push(told("filings", "AAA", "shares", "2025-01-24", 2e9, "2025-01-31T00:00:00Z"));
    rows.push(told("filings", "AAA", "capex", "2024-12-31", 5e9, "2025-01-30T00:00:00Z"));
    let mut writer = Store::new(&desk.path("")).writer().unwrap();
    writer.learn(&rows).unwrap();
}

fn known_by(time: &str) -> Dataset {
    let mut desk = Desk::empty().declare(|_| SOURCES.to_owned());
    store(&desk);
    desk.known_by = Some(time.parse().unwrap());
    desk.as_of = date(2025, 1, 30);
    desk.tables = [true; 3];
    desk.records = vec!["capex"];
    desk.load().unwrap()
}

/// Price, factor, rate, counted shares and capital expenditure as loaded: of the 15th, or all.
fn seen(data: &Dataset) -> (f64, f64, f64, Vec<f64>, Vec<f64>) {
    let (market, series) = data.find(&"AAA".into()).unwrap();
    let at = market.sessions.iter().position(|session| session.date == date(2025, 1, 15)).unwrap();
    let of = |table: &shockbrief_core::TimeTable, column: &str| {
        let row = table.dates.iter().position(|day| *day == date(2025, 1, 15)).unwrap();
        table.columns[column][row].unwrap()
    };
    let capex =
        data.records["capex"].rows.iter().filter(|row| row.fields["field"] == Datum::Text("capex".into()));
    let capex = capex.map(|row| match &row.fields["value"] {
        Datum::Number(number) => *number,
        other => panic!("{other:?}"),
    });
    (
        series.adjusted[at].unwrap(),
        of(&data.factors, "smb"),
        of(&data.fx, "EURUSD"),
        data.shares.iter().map(|count| count.shares).collect(),
        capex.collect(),
    )
}

#[test]
fn every_kind_of_source_reads_what_was_known() {
    let then = known_by("2025-01-30T23:59:59Z");
    // Session nine of January, counted from zero: 100 + 8, since New York was closed on the 9th.
    assert_eq!(seen(&then), (108.0, 0.0025, 1.04, vec![1e9], vec![5e9]));
    assert!(then.inputs.iter().all(|input| input.path == "store:manifest.json" && input.is_stored()));
    let later = known_by("2025-01-31T12:00:00Z");
    // Corrected on the 31st; the second share count was filed after the as-of date and stays unseen.
    assert_eq!(seen(&later), (108.5, -0.005, 1.05, vec![1e9], vec![5e9]));
    let digest = |data: &Dataset| data.inputs[0].sha256.clone();
    assert_ne!(digest(&then), digest(&later));
    assert_eq!(digest(&then), digest(&known_by("2025-01-30T22:30:00Z")));
}

#[test]
fn without_a_store_its_sources_are_refused_or_left_out() {
    let desk = Desk::empty().declare(|_| SOURCES.to_owned());
    store(&desk);
    let refusal = desk.refusal();
    assert!(refusal.contains("source `prices`: no store was named"), "{refusal}");
    assert!(refusal.contains("hint: name the store with `--store`"), "{refusal}");
    let mut desk = Desk::empty().declare(|_| SOURCES.to_owned());
    store(&desk);
    desk.known_by = Some("2025-01-01T00:00:00Z".parse().unwrap());
    let refusal = desk.refusal();
    assert!(refusal.contains("AAA: no source holds it"), "{refusal}");
    assert!(refusal.contains("what was known by 2025-01-01T00:00:00Z"), "{refusal}");
}
