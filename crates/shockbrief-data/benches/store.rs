//! The store beside polars' own scan of one sorted Parquet file: the same rows, the same predicate, one run.
//!
//! `SHOCKBRIEF_BENCH_SYMBOLS` and `SHOCKBRIEF_BENCH_SESSIONS` give the size (`make bench-store` takes 20,000 and 2,500,
//! fifty million rows), `SHOCKBRIEF_BENCH_FOLDER` where the files go. Each reading is a process of its own, so that its
//! peak memory is its own; the two sides take turns five times, and the middle time of each counts. Both must find the
//! same rows with the same sum of values, or the run fails.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark measures its time, starts itself anew, prints, and fails by panicking"
)]

use jiff::{Timestamp, ToSpan, civil::date, tz::TimeZone};
use polars::prelude::{
    DataType, Expr, IntoColumn, LazyFrame, NamedFrom, ParquetWriter, PlRefPath, ScanArgsParquet, Series, col,
    lit,
};
use shockbrief_data::store::{Ask, Store, Told};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::Instant,
};

/// Symbols of one append; the memory of making the data is that of one append.
const AT_ONCE: usize = 100;

/// Symbols that are looked up.
const WANTED: usize = 40;

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

fn symbols() -> usize {
    number("SHOCKBRIEF_BENCH_SYMBOLS", 2000)
}

fn sessions() -> usize {
    number("SHOCKBRIEF_BENCH_SESSIONS", 250)
}

fn name(symbol: usize) -> String {
    format!("S{symbol:05}")
}

/// Every so many symbols one that is wanted, spread over the universe.
fn wanted() -> Vec<String> {
    let step = (symbols() / WANTED).max(1);
    (0..symbols()).step_by(step).take(WANTED).map(name).collect()
}

fn known() -> Timestamp {
    "2030-01-01T00:00:00Z".parse().unwrap()
}

/// A price in 64ths, so that sums are exact in any order: pseudo-random (splitmix64), the same on every machine.
fn price(symbol: usize, session: usize) -> f64 {
    let mut mixed = (symbol as u64 * 1_000_003 + session as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (6400 + (mixed >> 48)) as f64 / 64.0
}

fn rows(from: usize) -> Vec<Told> {
    let first = date(2015, 1, 1);
    let days = (0..sessions()).map(|session| first + i64::try_from(session).unwrap().days());
    let days: Vec<_> =
        days.map(|day| (day, TimeZone::UTC.to_timestamp(day.at(22, 0, 0, 0)).unwrap())).collect();
    let mut rows = Vec::new();
    for symbol in from..(from + AT_ONCE).min(symbols()) {
        for (session, (date, known)) in days.iter().copied().enumerate() {
            rows.push(Told {
                kind: "prices".into(),
                subject: name(symbol),
                symbol: name(symbol),
                field: "adj_close".into(),
                date,
                known,
                fetched: known,
                value: price(symbol, session),
                unit: "USD".into(),
                provider: "replay".into(),
            });
        }
    }
    rows
}

/// Fills the store through its writer, and one sorted Parquet file through polars' own.
fn make(folder: &Path) {
    let store = Store::new(&folder.join("store"));
    let file = fs_err::File::create(folder.join("sorted.parquet")).unwrap();
    let mut sorted = None;
    for from in (0..symbols()).step_by(AT_ONCE) {
        let rows = rows(from);
        store.writer().unwrap().append(&rows).unwrap();
        let frame = frame(&rows);
        let writer = sorted.get_or_insert_with(|| {
            ParquetWriter::new(file.try_clone().unwrap()).batched(frame.schema()).unwrap()
        });
        writer.write_batch(&frame).unwrap();
    }
    sorted.unwrap().finish().unwrap();
    report(0, 0.0);
}

/// The rows with the store's columns.
fn frame(rows: &[Told]) -> polars::prelude::DataFrame {
    let text = |name: &str, get: fn(&Told) -> &str| {
        Series::new(name.into(), rows.iter().map(get).collect::<Vec<_>>()).into_column()
    };
    let micros = |name: &str| {
        Series::new(name.into(), rows.iter().map(|row| row.known.as_microsecond()).collect::<Vec<_>>())
            .into_column()
    };
    let epoch = date(1970, 1, 1);
    let days: Vec<i32> = rows.iter().map(|row| epoch.until(row.date).unwrap().get_days()).collect();
    let values: Vec<f64> = rows.iter().map(|row| row.value).collect();
    polars::prelude::DataFrame::new_infer_height(vec![
        text("symbol", |row| &row.symbol),
        text("field", |row| &row.field),
        Series::new("date".into(), days).cast(&DataType::Date).unwrap().into_column(),
        micros("known"),
        text("provider", |row| &row.provider),
        text("kind", |row| &row.kind),
        text("subject", |row| &row.subject),
        text("unit", |row| &row.unit),
        Series::new("value".into(), values).into_column(),
        micros("fetched"),
    ])
    .unwrap()
}

fn compact(folder: &Path) {
    Store::new(&folder.join("store")).writer().unwrap().compact().unwrap();
    report(0, 0.0);
}

/// Rows and sum of values of a part of the store, symbol by symbol, as briefs read it.
fn of_store(folder: &Path, wanted: Option<&BTreeSet<&str>>) {
    let ask = Ask {
        kinds: &["prices"],
        fields: &["adj_close"],
        symbols: wanted,
        known: Some(known()),
        ..Ask::default()
    };
    let store = Store::new(&folder.join("store"));
    let (rows, sum) = store
        .read(|snapshot| {
            let (mut rows, mut sum) = (0, 0.0);
            let mut add = |latest: shockbrief_data::store::Latest| {
                for (_, chosen) in latest.chosen() {
                    let points = chosen.fields["adj_close"];
                    rows += points.len();
                    sum += points.iter().map(|point| point.value).sum::<f64>();
                }
                Ok(())
            };
            match wanted {
                Some(_) => add(snapshot.latest(&ask)?)?,
                None => snapshot.each_part(&ask, add)?,
            }
            Ok((rows, sum))
        })
        .unwrap();
    report(rows, sum);
}

/// The same of the sorted file, by polars alone; it selects fewer columns, which is in its favour.
fn of_polars(folder: &Path, wanted: Option<&[String]>) {
    let path = PlRefPath::try_from_path(&folder.join("sorted.parquet")).unwrap();
    let scan = LazyFrame::scan_parquet(path, ScanArgsParquet { cache: false, ..ScanArgsParquet::default() })
        .unwrap();
    let text = |name: &str, value: &str| col(name).eq(lit(value.to_owned()));
    let mut keep: Expr = text("kind", "prices")
        .and(text("field", "adj_close"))
        .and(col("known").lt_eq(lit(known().as_microsecond())));
    if let Some(wanted) = wanted {
        let list = lit(Series::new("".into(), wanted)).implode(true);
        keep = keep.and(col("symbol").is_in(list, false));
    }
    let frame = scan.filter(keep).select([col("symbol"), col("date"), col("value")]).collect().unwrap();
    let sum = frame.column("value").unwrap().f64().unwrap().iter().flatten().sum::<f64>();
    report(frame.height(), sum);
}

/// What a process tells: rows, sum, its peak memory in bytes, the seconds of all its threads, and those since it began.
fn report(rows: usize, sum: f64) {
    let seconds = STARTED.get().unwrap().elapsed().as_secs_f64();
    println!("{rows} {sum} {} {} {seconds}", peak(), busy());
}

/// Seconds that this process kept processors busy, by the kernel's count of hundredths; nothing where it has none.
fn busy() -> f64 {
    let stat = fs_err::read_to_string("/proc/self/stat").unwrap_or_default();
    let words: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| words.get(at).map_or(0.0, |word| word.parse::<f64>().unwrap());
    (ticks(11) + ticks(12)) / 100.0
}

/// The most memory that this process held; nothing where the system does not tell.
fn peak() -> u64 {
    let status = fs_err::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

struct Taken {
    seconds: f64,
    rows: usize,
    sum: f64,
    peak: u64,
    busy: f64,
}

/// Runs a phase as a process of its own.
fn start(phase: &str, folder: &Path) -> Taken {
    let output = Command::new(std::env::current_exe().unwrap()).arg(phase).arg(folder).output().unwrap();
    assert!(output.status.success(), "{phase}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let words: Vec<&str> = text.split_whitespace().collect();
    Taken {
        seconds: words[4].parse().unwrap(),
        rows: words[0].parse().unwrap(),
        sum: words[1].parse().unwrap(),
        peak: words[2].parse().unwrap(),
        busy: words[3].parse().unwrap(),
    }
}

/// Two phases in turns, of each the run of the middle time.
fn in_turns(one: &str, other: &str, folder: &Path) -> (Taken, Taken) {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        ours.push(start(one, folder));
        theirs.push(start(other, folder));
    }
    (middle(ours), middle(theirs))
}

fn middle(mut taken: Vec<Taken>) -> Taken {
    taken.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    taken.swap_remove(taken.len() / 2)
}

fn line(what: &str, taken: &Taken) {
    let Taken { seconds, rows, peak, busy, .. } = taken;
    let rate = *rows as f64 / seconds / 1e6;
    let memory = *peak as f64 / f64::from(1 << 20);
    println!(
        "{what:34} {seconds:8.3} s  {busy:7.2} s busy  {memory:5.0} MiB peak  {rows:9} rows  {rate:7.2} million rows/s"
    );
}

fn all() {
    let place = std::env::var_os("SHOCKBRIEF_BENCH_FOLDER").map(PathBuf::from);
    let temporary = tempfile::tempdir().unwrap();
    let folder = place.unwrap_or_else(|| temporary.path().to_owned());
    fs_err::create_dir_all(&folder).unwrap();
    println!("{} symbols, {} sessions: {} rows", symbols(), sessions(), symbols() * sessions());
    if !folder.join("store").is_dir() {
        line("make the store and the sorted file", &start("make", &folder));
        line("compact the store", &start("compact", &folder));
    }
    let (segments, rows) =
        Store::new(&folder.join("store")).read(|s| Ok((s.segments().len(), s.rows()))).unwrap();
    println!("store: {segments} segments, {rows} rows");
    for (what, of_store, of_polars) in
        [("40 symbols", "store-symbols", "polars-symbols"), ("the whole universe", "store-all", "polars-all")]
    {
        let (store, polars) = in_turns(of_store, of_polars, &folder);
        line(&format!("{what}, store"), &store);
        line(&format!("{what}, polars' scan"), &polars);
        assert_eq!((store.rows, store.sum), (polars.rows, polars.sum), "{what}: the two read the same rows");
        let (time, busy) = (polars.seconds / store.seconds, polars.busy / store.busy);
        println!("{what}: the store is {time:.2} times as fast, and {busy:.2} times by the processors' time");
    }
}

static STARTED: OnceLock<Instant> = OnceLock::new();

fn main() {
    STARTED.set(Instant::now()).unwrap();
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let [phase, folder] = args.as_slice() else { return all() };
    let folder = Path::new(folder);
    let wanted = wanted();
    match phase.as_str() {
        "make" => make(folder),
        "compact" => compact(folder),
        "store-symbols" => of_store(folder, Some(&wanted.iter().map(String::as_str).collect())),
        "polars-symbols" => of_polars(folder, Some(&wanted)),
        "store-all" => of_store(folder, None),
        "polars-all" => of_polars(folder, None),
        other => panic!("no phase {other}"),
    }
}
