//! A month of daily `fetch` and `render` against a provider on loopback that revises a price late, is down for two
//! days, and tells a split one day after it happened. Each brief says what was known then, also when made again.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::Value;
use shockbrief_tests::{copy_folder, root, sample, shockbrief, succeeded};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::Output,
    sync::{Arc, Mutex},
    thread,
};

const REPORT: &str = "reports/weekly-monitor";
/// Weekdays of January 2025 that are sessions of New York, with the ISO week.
const DAYS: [(&str, &str); 20] = [
    ("2025-01-02", "W01"),
    ("2025-01-03", "W01"),
    ("2025-01-06", "W02"),
    ("2025-01-07", "W02"),
    ("2025-01-08", "W02"),
    ("2025-01-10", "W02"),
    ("2025-01-13", "W03"),
    ("2025-01-14", "W03"),
    ("2025-01-15", "W03"),
    ("2025-01-16", "W03"),
    ("2025-01-17", "W03"),
    ("2025-01-21", "W04"),
    ("2025-01-22", "W04"),
    ("2025-01-23", "W04"),
    ("2025-01-24", "W04"),
    ("2025-01-27", "W05"),
    ("2025-01-28", "W05"),
    ("2025-01-29", "W05"),
    ("2025-01-30", "W05"),
    ("2025-01-31", "W05"),
];
const OUTAGE: [&str; 2] = ["2025-01-21", "2025-01-22"];
/// Tells NVDA's close of the 13th one per cent too high until the 15th.
const REVISED: (&str, &str, &str) = ("NVDA", "2025-01-13", "2025-01-15");
/// Ten shares for one on the 28th, told on the 29th.
const SPLIT: (&str, &str, &str) = ("AVGO", "2025-01-28", "2025-01-29");

/// The reconstruction's prices: symbol, then date, then adjusted price and quote.
type Prices = BTreeMap<String, BTreeMap<String, (f64, f64)>>;

fn prices() -> Prices {
    let text = fs_err::read_to_string(sample().join("prices.csv")).unwrap();
    let mut prices = Prices::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let adjusted: f64 = cells[3].parse().unwrap();
        let quote = cells[4].parse().unwrap_or(adjusted);
        prices.entry(cells[1].to_owned()).or_default().insert(cells[0].to_owned(), (adjusted, quote));
    }
    prices
}

/// The provider's answer about a symbol on a day.
fn answer(prices: &Prices, today: &str, symbol: &str, from: &str) -> String {
    let mut rows = Vec::new();
    for (date, (adjusted, quote)) in prices[symbol].range(from.to_owned()..=today.to_owned()) {
        let (mut adjusted, mut quote, mut split, mut volume) = (*adjusted, *quote, 1, 1_000_000);
        if (symbol, date.as_str()) == (REVISED.0, REVISED.1) && today < REVISED.2 {
            (adjusted, quote) = (adjusted * 1.01, quote * 1.01);
        }
        if symbol == SPLIT.0 {
            let told = today >= SPLIT.2;
            if date.as_str() >= SPLIT.1 {
                (quote, volume) = (quote / 10.0, volume * 10);
            }
            adjusted = if told || date.as_str() >= SPLIT.1 { adjusted / 10.0 } else { adjusted };
            split = if told && date == SPLIT.1 { 10 } else { 1 };
        }
        rows.push(format!(
            r#"{{"date":"{date}T00:00:00.000Z","close":{quote},"adjClose":{adjusted},"volume":{volume},"divCash":0.0,"splitFactor":{split}}}"#
        ));
    }
    format!("[{}]", rows.join(","))
}

/// Serves one answer per connection, as the provider knows things on the day in `today`.
fn serve(today: Arc<Mutex<String>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let prices = prices();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = reply(stream, &prices, &today.lock().unwrap());
        }
    });
    address
}

fn reply(mut stream: TcpStream, prices: &Prices, today: &str) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut line, mut head) = (String::new(), String::new());
    reader.read_line(&mut line)?;
    while reader.read_line(&mut head)? > 2 {}
    let target = line.split(' ').nth(1).unwrap_or_default().replace("%5E", "^");
    let symbol = target.split('/').nth(3).unwrap_or_default();
    let from = target.split("startDate=").nth(1).and_then(|rest| rest.get(..10)).unwrap_or_default();
    let (status, body) = match () {
        () if OUTAGE.contains(&today) => ("503 Service Unavailable", "maintenance".to_owned()),
        () if !prices.contains_key(symbol) => ("404 Not Found", r#"{"detail":"Not found."}"#.to_owned()),
        () => ("200 OK", answer(prices, today, symbol, from)),
    };
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

struct Desk<'a> {
    folder: &'a Path,
}

impl Desk<'_> {
    fn fetch(&self, extra: &[&str]) -> Output {
        let mut fetch = shockbrief(["fetch", "--reports", REPORT, "--store"]);
        fetch.arg(self.folder.join("store")).arg("--config").arg(self.folder.join("config"));
        fetch.args(extra).env("MONTH_KEY", "K3Y-987654321").output().unwrap()
    }

    /// Makes the brief of a week from what was known at the end of a day.
    fn brief(&self, day: &str, week: &str, out: &str) -> Output {
        let data = self.folder.join("data").join(day);
        succeeded(&self.fetch(&["--export", &data.display().to_string(), "--as-of", day]));
        let period = format!("2025-{week}");
        let mut render = shockbrief(["render", REPORT, "--period", &period, "--as-of", day, "--data"]);
        render.arg(&data).arg("--out").arg(self.folder.join(out).join(day));
        render.arg("--config").arg(self.folder.join("config")).output().unwrap()
    }

    fn published(&self, out: &str, day: &str, week: &str) -> BTreeMap<String, Vec<u8>> {
        let folder = self.folder.join(out).join(day).join("weekly-monitor").join(format!("2025-{week}"));
        let entries = fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries
            .map(|path| {
                (path.file_name().unwrap().to_string_lossy().into_owned(), fs_err::read(path).unwrap())
            })
            .collect()
    }
}

fn configure(folder: &Path, address: &str) {
    copy_folder(&root().join("config"), &folder.join("config"));
    let text = format!(
        "contact: desk@example.org\nhistory_from: 2024-07-01\noverlap_days: 10\nhttp: {{attempts: 1}}\norder: {{prices: [replay]}}\nproviders:\n  - id: replay\n    kind: tiingo\n    data: prices\n    url: http://{address}\n    key: {{env: MONTH_KEY}}\n    interval_ms: 0\n    pattern: \"{{symbol}}\"\n    codes: {{^GSPC: ^GSPC}}\n    licence: test\n"
    );
    fs_err::write(folder.join("config/fetch.yaml"), text).unwrap();
}

/// What `fetch` said, in short: totals, then what is not a plain success, once each.
fn said(output: &Output) -> String {
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let (mut symbols, mut new, mut revised, mut other) = (0, 0, 0, Vec::new());
    for line in out.lines() {
        match line.split_once(": replay: ") {
            Some((symbol, rest)) => {
                let numbers: Vec<usize> =
                    rest.split([' ', ',']).filter_map(|word| word.parse().ok()).collect();
                (symbols, new, revised) = (symbols + 1, new + numbers[0], revised + numbers[1]);
                if numbers[1] > 0 {
                    other.push(format!("{symbol}: {} revised", numbers[1]));
                }
            }
            None => other.push(line.trim().to_owned()),
        }
    }
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    other.extend(errors.lines().filter(|line| line.starts_with("error")).map(str::to_owned));
    let more = other.len().saturating_sub(3);
    other.truncate(3);
    if more > 0 {
        other.push(format!("and {more} more lines"));
    }
    format!(
        "exit {}, {symbols} symbols, {new} new, {revised} revised; {}",
        output.status.code().unwrap(),
        other.join("; ")
    )
}

/// The year's return of compute names, and what the brief says of its data, symbols counted.
fn brief_said(brief: &[u8]) -> String {
    let brief: Value = serde_json::from_slice(brief).unwrap();
    let value = brief["findings"]["figures"]["theme.compute.return.year"]["value"].as_f64();
    let mut said = value.map_or("compute this year: not available".to_owned(), |value| {
        format!("compute this year {value:.4}")
    });
    let mut guards: BTreeMap<String, usize> = BTreeMap::new();
    for notice in brief["notices"].as_array().unwrap() {
        *guards.entry(notice["guard"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    guards.retain(|guard, _| guard != "late-start");
    guards.iter().for_each(|(guard, count)| write!(said, ", {guard}: {count} names").unwrap());
    said
}

#[test]
fn a_month_of_mornings() {
    let folder = tempfile::tempdir().unwrap();
    let today = Arc::new(Mutex::new("2024-12-31".to_owned()));
    configure(folder.path(), &serve(today.clone()));
    let desk = Desk { folder: folder.path() };
    succeeded(&desk.fetch(&["--now", "2024-12-31T22:30:00Z"]));
    let mut table = String::new();
    let mut made = BTreeMap::new();
    for (day, week) in DAYS {
        day.clone_into(&mut today.lock().unwrap());
        let fetched = desk.fetch(&["--now", &format!("{day}T22:30:00Z")]);
        let brief = desk.brief(day, week, "then");
        write!(table, "{day} | {} | brief: exit {}", said(&fetched), brief.status.code().unwrap()).unwrap();
        if brief.status.success() {
            let files = desk.published("then", day, week);
            write!(table, ", {}", brief_said(&files["brief.json"])).unwrap();
            made.insert((day, week), files);
        }
        let errors = String::from_utf8_lossy(&brief.stderr).into_owned();
        errors.lines().take(2).for_each(|line| write!(table, "; {line}").unwrap());
        table.push('\n');
    }
    let table = table.replace(&folder.path().display().to_string(), "DESK");
    insta::assert_snapshot!(table);
    // Only the day of the untold split has no brief.
    assert_eq!(made.len(), DAYS.len() - 1);
    for ((day, week), files) in &made {
        succeeded(&desk.brief(day, week, "again"));
        for (name, bytes) in &desk.published("again", day, week) {
            assert!(files[name] == *bytes, "{day}: {name} differs when made again at the end of the month");
        }
    }
    revision_is_a_later_row(&desk);
    status_tells_all(&desk);
    nothing_holds_the_key(folder.path());
}

/// On the evening of the 14th the wrong close was known, on that of the 15th the right one.
fn revision_is_a_later_row(desk: &Desk<'_>) {
    let close = |day: &str| -> f64 {
        let text =
            fs_err::read_to_string(desk.folder.join("data").join(day).join("fetched_prices.csv")).unwrap();
        let line =
            text.lines().find(|line| line.starts_with(&format!("{},{}", REVISED.1, REVISED.0))).unwrap();
        line.split(',').nth(3).unwrap().parse().unwrap()
    };
    let right = prices()[REVISED.0][REVISED.1].0;
    assert!((close("2025-01-14") / right - 1.01).abs() < 1e-12);
    assert!((close("2025-01-15") / right - 1.0).abs() < 1e-12);
}

fn status_tells_all(desk: &Desk<'_>) {
    let status = desk.fetch(&["--status", "--now", "2025-01-31T22:30:00Z"]);
    let text = String::from_utf8(status.stdout).unwrap();
    let line =
        |symbol: &str| text.lines().find(|line| line.starts_with(&format!("{symbol} "))).unwrap().to_owned();
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    // Close and adjusted close of one day.
    assert_eq!(words(&line("NVDA")), ["NVDA", "2025-01-31", "0", "replay", "2"]);
    assert_eq!(words(&line("MSFT")), ["MSFT", "2025-01-31", "0", "replay", "0"]);
}

fn nothing_holds_the_key(folder: &Path) {
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            nothing_holds_the_key(&path);
        } else {
            let bytes = fs_err::read(&path).unwrap();
            assert!(!bytes.windows(13).any(|window| window == b"K3Y-987654321"), "{}", path.display());
        }
    }
}
