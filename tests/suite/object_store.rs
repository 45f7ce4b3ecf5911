//! Parquet in an object store as a source, against an S3-compatible server on loopback: the same figures as from files,
//! no more read than is needed, and credentials nowhere.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use jiff::{Timestamp, ToSpan, civil::date};
use serde_json::Value;
use shockbrief_core::config::{Instrument, Kind, Sources};
use shockbrief_data::{
    Calendars, Request, load,
    store::{Store, Told},
};
use shockbrief_tests::{
    copy_folder, root, sample,
    servers::{SECRET, USER, start_counted, start_objects},
    shockbrief, succeeded,
};
use std::{collections::BTreeSet, path::Path, process::Output, sync::atomic::Ordering};

const REPORT: &str = "reports/weekly-monitor";

/// Writes prices as one Parquet file, with the project's own writer.
fn parquet(path: &Path, rows: &[Told]) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    store.writer().unwrap().append(rows).unwrap();
    let name = store.read(|snapshot| Ok(snapshot.segments()[0].file.clone())).unwrap();
    fs_err::create_dir_all(path.parent().unwrap()).unwrap();
    fs_err::copy(folder.path().join(name), path).unwrap();
}

fn told(symbol: &str, date: jiff::civil::Date, value: f64, currency: &str) -> Told {
    Told {
        kind: "prices".into(),
        subject: symbol.into(),
        symbol: symbol.into(),
        field: "adj_close".into(),
        date,
        known: Timestamp::UNIX_EPOCH,
        fetched: Timestamp::UNIX_EPOCH,
        value,
        unit: currency.into(),
        provider: "desk".into(),
    }
}

/// The reconstruction's adjusted prices, the names before N in one file and the others in a second one.
fn bucket(folder: &Path) {
    let text = fs_err::read_to_string(sample().join("prices.csv")).unwrap();
    let rows = text.lines().skip(1).map(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        told(cells[1], cells[0].parse().unwrap(), cells[3].parse().unwrap(), cells[2])
    });
    let (low, high): (Vec<Told>, Vec<Told>) = rows.partition(|row| row.symbol.as_str() < "N");
    parquet(&folder.join("market/daily/low.parquet"), &low);
    parquet(&folder.join("market/daily/high.parquet"), &high);
}

fn source(port: u16) -> String {
    format!(
        "  - id: reconstruction\n    kind: prices\n    format: parquet\n    glob: s3://market/daily/*.parquet\n    \
         remote: {{endpoint: \"http://127.0.0.1:{port}\", region: eu-west-3, key_id: {{env: DESK_ID}}, key: {{env: DESK_KEY}}}}\n    \
         columns: {{date: date, symbol: symbol, currency: unit, returns: value}}\n    simulated: true\n    licence: test\n"
    )
}

/// A configuration whose prices are in the object store alone.
fn configure(folder: &Path, source: &str) {
    copy_folder(&root().join("config"), &folder.join("config"));
    fs_err::create_dir_all(folder.join("nothing")).unwrap();
    fs_err::write(folder.join("config/sources.yaml"), format!("sources:\n{source}")).unwrap();
}

fn render(folder: &Path, data: &Path, config: &Path, key: &str) -> Output {
    let mut render = shockbrief(["render", REPORT, "--period", "2025-W05", "--lang", "en", "--data"]);
    render.arg(data).arg("--out").arg(folder.join("out")).arg("--config").arg(config);
    render.env("DESK_ID", USER).env("DESK_KEY", key).output().unwrap()
}

fn figures(folder: &Path) -> Value {
    let brief = fs_err::read(folder.join("out/weekly-monitor/2025-W05/brief.json")).unwrap();
    let brief: Value = serde_json::from_slice(&brief).unwrap();
    brief["findings"]["figures"].clone()
}

#[test]
fn a_brief_from_an_object_store_has_the_figures_of_the_files() {
    let folder = tempfile::tempdir().unwrap();
    bucket(&folder.path().join("objects"));
    let port = start_objects(&folder.path().join("objects"), 1);
    configure(folder.path(), &source(port));
    let (stored, files) = (folder.path().join("stored"), folder.path().join("files"));
    let output = render(&stored, &folder.path().join("nothing"), &folder.path().join("config"), SECRET);
    succeeded(&output);
    succeeded(&render(&files, &sample(), &root().join("config"), ""));
    assert_eq!(figures(&stored), figures(&files));
    let manifest = fs_err::read_to_string(stored.join("out/weekly-monitor/2025-W05/manifest.json")).unwrap();
    let parsed: Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!(parsed["inputs"][0]["path"], "s3://market/daily/*.parquet");
    assert!(!manifest.contains(SECRET) && !manifest.contains(USER), "{manifest}");
}

#[test]
fn what_an_object_store_refuses_is_told_without_the_key() {
    let folder = tempfile::tempdir().unwrap();
    bucket(&folder.path().join("objects"));
    let port = start_objects(&folder.path().join("objects"), 0);
    let said = |source: &str, key: &str| {
        configure(folder.path(), source);
        let output =
            render(folder.path(), &folder.path().join("nothing"), &folder.path().join("config"), key);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!text.contains(SECRET) && !text.contains("wr0ng"), "{text}");
        assert!(text.contains("hint: "), "{text}");
        (output.status.code().unwrap(), text)
    };
    let source = source(port);
    let (code, text) = said(&source, "wr0ng");
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("s3://market/daily/*.parquet"), "{text}");
    let (code, text) = said(&source.replace("daily/*", "yearly/*"), SECRET);
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("s3://market/yearly/*.parquet"), "{text}");
    let (code, text) = said(&source, "");
    assert_eq!(
        (code, text.contains("no credential in the environment variable DESK_KEY")),
        (2, true),
        "{text}"
    );
    for (wrong, why) in [
        (source.replace("s3://", "ftp://"), "no object store is reached by `ftp://`"),
        (source.replace("format: parquet", "format: csv"), "the format `csv` in an object store"),
        (source.replace("http://127", "http://10"), "its endpoint is not https"),
        (source.replace("s3://", "gs://"), "a key that `gs://` does not know"),
        (
            source.replace("s3://", "az://").replace("region: eu-west-3, ", ""),
            "this build does not reach az://",
        ),
        (source.replace("simulated: true", "optional: true"), "cannot be optional"),
        (source.replace("s3://market/", ""), "`remote` for files of the data folder"),
    ] {
        let (code, text) = said(&wrong, SECRET);
        assert_eq!((code, text.contains(why)), (2, true), "{text}");
    }
}

/// Of four hundred symbols one is asked for: footers and the groups of rows that may hold it are read, and no more.
#[test]
fn no_more_is_read_than_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut rows = Vec::new();
    for symbol in 0..400_u32 {
        for day in 0..1000_u32 {
            let mixed = (symbol * 1000 + day).wrapping_mul(2_654_435_761);
            let price = 100.0 + f64::from(mixed) / 1e9;
            // Weekdays.
            let date = date(2022, 1, 3) + i64::from(day / 5 * 7 + day % 5).days();
            rows.push(told(&format!("S{symbol:03}"), date, price, "USD"));
        }
    }
    let object = folder.path().join("objects/market/daily/all.parquet");
    parquet(&object, &rows);
    let whole = fs_err::metadata(&object).unwrap().len();
    let (port, sent) = start_counted(&folder.path().join("objects"), 0);
    let path = folder.path().join("sources.yaml");
    let keys = [("{env: DESK_ID}", "id", USER), ("{env: DESK_KEY}", "key", SECRET)];
    let mut text = format!("sources:\n{}", source(port));
    for (place, name, secret) in keys {
        fs_err::write(folder.path().join(name), secret).unwrap();
        text = text.replace(place, &format!("{{file: {}}}", folder.path().join(name).display()));
    }
    fs_err::write(&path, text).unwrap();
    let instrument = Instrument {
        symbol: "S123".into(),
        name: "S123".into(),
        local: std::collections::BTreeMap::new(),
        exchange: "XNYS".into(),
        currency: "USD".into(),
        kind: Kind::Equity,
        theme: None,
        region: "us".into(),
    };
    let data = load(&Request {
        data_dir: folder.path(),
        store: None,
        sources: &Sources::load(&path).unwrap(),
        instruments: std::slice::from_ref(&instrument),
        calendars: &Calendars::load(&root().join("config/calendars")).unwrap(),
        from: date(2023, 1, 3),
        as_of: date(2023, 12, 29),
        factors: false,
        fx: false,
        shares: false,
        records: &BTreeSet::new(),
        required: &BTreeSet::from([instrument.symbol.clone()]),
    });
    let data = data.unwrap();
    let (market, series) = data.find(&"S123".into()).unwrap();
    let at = market.sessions.iter().position(|session| session.date == date(2023, 1, 3)).unwrap();
    // A Tuesday, fifty-two weeks and a day after the first Monday.
    let mixed = (123_u32 * 1000 + 52 * 5 + 1).wrapping_mul(2_654_435_761);
    assert_eq!(series.adjusted[at], Some(100.0 + f64::from(mixed) / 1e9));
    let sent = sent.load(Ordering::SeqCst);
    assert!(sent * 4 < whole, "{sent} bytes of {whole}");
}
