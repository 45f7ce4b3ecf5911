//! A month of daily `fetch` and `render` against a provider on loopback that revises a price late, is down for two
//! days, and tells a split one day after it happened. Briefs read the store: each says what was known then, also when
//! made again.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and prints its table"
)]

use serde_json::Value;
use shockbrief_tests::{copy_folder, root, sample, shockbrief, succeeded};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, Output, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
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
        self.fetching(extra).output().unwrap()
    }

    fn fetching(&self, extra: &[&str]) -> Command {
        let mut fetch = shockbrief(["fetch", "--reports", REPORT, "--store"]);
        fetch.arg(self.folder.join("store")).arg("--config").arg(self.folder.join("config"));
        fetch.args(extra).env("MONTH_KEY", "K3Y-987654321");
        fetch
    }

    /// Makes the brief of a week from what was known at the end of a day; no other data are there.
    fn brief(&self, day: &str, week: &str, out: &str) -> Output {
        self.render(day, week, &self.folder.join(out).join(day), &[])
    }

    fn render(&self, day: &str, week: &str, out: &Path, extra: &[&str]) -> Output {
        let period = format!("2025-{week}");
        let mut render = shockbrief(["render", REPORT, "--period", &period, "--as-of", day, "--data"]);
        render.arg(self.folder.join("nothing")).arg("--store").arg(self.folder.join("store")).args(extra);
        render.arg("--out").arg(out).arg("--config").arg(self.folder.join("config")).output().unwrap()
    }

    /// Makes what is due at an instant, in the desk's own folder, with the provider as it is now.
    fn run(&self, now: &str, extra: &[&str]) -> Output {
        let mut run =
            shockbrief(["run", "--now", now, "--data", "nothing", "--store", "store", "--out", "runs"]);
        run.args(["--reports", "reports/*"]).args(extra).current_dir(self.folder);
        run.env("MONTH_KEY", "K3Y-987654321").output().unwrap()
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
    fs_err::create_dir(folder.join("nothing")).unwrap();
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
    println!("{table}");
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
    upkeep_changes_no_answer(&desk, &made[&("2025-01-14", "W03")]);
    a_lost_store_is_made_again(&desk);
    nothing_holds_the_key(folder.path());
}

/// On the evening of the 14th the wrong close was known, on that of the 15th the right one.
fn revision_is_a_later_row(desk: &Desk<'_>) {
    let close = |day: &str| -> f64 {
        let data = desk.folder.join("data").join(day);
        succeeded(&desk.fetch(&["--export", &data.display().to_string(), "--as-of", day]));
        let text = fs_err::read_to_string(data.join("fetched_prices.csv")).unwrap();
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

/// Verifying and compacting leave every answer as it was.
fn upkeep_changes_no_answer(desk: &Desk<'_>, then: &BTreeMap<String, Vec<u8>>) {
    let verified = |desk: &Desk<'_>| {
        let output = desk.fetch(&["--verify-store"]);
        succeeded(&output);
        String::from_utf8(output.stdout).unwrap()
    };
    let rows = |text: &str| text.split_once(" segments, ").unwrap().1.to_owned();
    let before = verified(desk);
    succeeded(&desk.fetch(&["--compact"]));
    let after = verified(desk);
    assert!(after.starts_with("1 segments"), "{after}");
    assert_eq!(rows(&before), rows(&after));
    succeeded(&desk.brief("2025-01-14", "W03", "compacted"));
    assert!(desk.published("compacted", "2025-01-14", "W03") == *then);
}

/// From the raw answers alone: at each time the same values were known as before the store was lost.
fn a_lost_store_is_made_again(desk: &Desk<'_>) {
    let export = |name: &str| {
        DAYS.map(|(day, _)| {
            let data = desk.folder.join(name).join(day);
            succeeded(&desk.fetch(&["--export", &data.display().to_string(), "--as-of", day]));
            fs_err::read(data.join("fetched_prices.csv")).unwrap()
        })
    };
    let before = export("before");
    let values = desk.folder.join("store/values");
    let held = desk.fetch(&["--rebuild-store"]);
    assert_eq!(held.status.code(), Some(2), "a store that is there is not written over");
    fs_err::rename(&values, desk.folder.join("store/values.lost")).unwrap();
    succeeded(&desk.fetch(&["--rebuild-store"]));
    for ((then, now), (day, _)) in before.iter().zip(&export("after")).zip(DAYS) {
        assert!(then == now, "{day}");
    }
    // The list lost, or a bit of a segment turned: refused by every command that reads, told by one, mended by another.
    let list = values.join("manifest.json");
    fs_err::remove_file(&list).unwrap();
    for command in [&["--status", "--now=2025-01-31T22:30:00Z"][..], &["--verify-store"], &["--compact"]] {
        let output = desk.fetch(command);
        assert_eq!(output.status.code(), Some(4), "{command:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("--repair-store"), "{command:?}");
    }
    succeeded(&desk.fetch(&["--repair-store"]));
    succeeded(&desk.fetch(&["--verify-store"]));
}

/// What a store holds once the year began: for each date and symbol the values, and how often each was revised.
fn held(desk: &Desk<'_>) -> (Vec<u8>, Vec<u8>) {
    let data = desk.folder.join("held");
    succeeded(&desk.fetch(&["--export", &data.display().to_string(), "--as-of", "2025-01-31"]));
    let status = desk.fetch(&["--status", "--now", "2025-01-31T22:30:00Z"]);
    succeeded(&status);
    (fs_err::read(data.join("fetched_prices.csv")).unwrap(), status.stdout)
}

/// Each morning is fetched until a fetch comes to its end, all others being killed at moments spread over its length; at
/// the end of the month the store holds what one that nobody disturbed holds: no row lost, none twice, none wrong.
#[test]
fn killed_while_fetching_nothing_is_lost_or_doubled() {
    let kills: u64 = std::env::var("SHOCKBRIEF_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(6);
    let (folder, calm) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let today = Arc::new(Mutex::new("2024-12-31".to_owned()));
    let address = serve(today.clone());
    configure(calm.path(), &address);
    let undisturbed = Desk { folder: calm.path() };
    // The days on which the provider is away are a matter of the month above.
    let mornings = || DAYS.iter().map(|(day, _)| *day).filter(|day| !OUTAGE.contains(day));
    for day in mornings() {
        day.clone_into(&mut today.lock().unwrap());
        succeeded(&undisturbed.fetch(&["--now", &format!("{day}T22:30:00Z")]));
    }
    let (mut done, mut months, mut seed) = (0, 0, 88_172_645_463_325_252_u64);
    while done < kills {
        let place = folder.path().join(months.to_string());
        fs_err::create_dir(&place).unwrap();
        configure(&place, &address);
        let desk = Desk { folder: &place };
        for day in mornings() {
            day.clone_into(&mut today.lock().unwrap());
            let now = format!("{day}T22:30:00Z");
            let mut killed_today = 0;
            while killed_today < 6 && done < kills {
                let mut fetch = desk.fetching(&["--now", &now]);
                let mut fetch = fetch.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
                // Marsaglia's xorshift.
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                thread::sleep(Duration::from_millis(seed % 400));
                if fetch.try_wait().unwrap().is_some() {
                    break;
                }
                fetch.kill().unwrap();
                fetch.wait().unwrap();
                (killed_today, done) = (killed_today + 1, done + 1);
            }
            succeeded(&desk.fetch(&["--now", &now]));
            succeeded(&desk.fetch(&["--verify-store"]));
        }
        let (right, found) = (held(&undisturbed), held(&desk));
        assert!(right.0 == found.0, "month {months}: prices differ");
        assert_eq!(String::from_utf8_lossy(&right.1), String::from_utf8_lossy(&found.1), "month {months}");
        months += 1;
    }
    println!("{done} fetches killed over {months} months of mornings: 0 rows lost, doubled or wrong");
}

/// A run in the night fetches what the evening brought, says at which time it read the store, and can be verified after
/// the provider revised.
#[test]
fn a_scheduled_run_reads_the_store_and_is_verified_after_a_revision() {
    let folder = tempfile::tempdir().unwrap();
    let today = Arc::new(Mutex::new("2025-01-14".to_owned()));
    configure(folder.path(), &serve(today.clone()));
    copy_folder(&root().join(REPORT), &folder.path().join("reports/weekly"));
    let report = folder.path().join("reports/weekly/report.yaml");
    let text = fs_err::read_to_string(&report).unwrap();
    let text = text.replace("schedule: {every: week,", "schedule: {every: week, fetch: before,");
    let text = text.replace("period: \"2025-W05\"\n", "");
    fs_err::write(&report, text.replace("every: week", "every: day")).unwrap();
    let desk = Desk { folder: folder.path() };
    let brief = |name: &str| fs_err::read(folder.path().join("runs/weekly/2025-01-14").join(name)).unwrap();
    // The change of the 14th: the provider's close of the day before was one per cent too high.
    let nvda = |day: &str| prices()["NVDA"][day].0;
    let moved = nvda("2025-01-14") / (1.01 * nvda("2025-01-13")) - 1.0;
    // In the night after the 14th: its session is over, the brief is of that day, and what it reads is known since now.
    succeeded(&desk.run("2025-01-15T05:00:00Z", &[]));
    assert!((figure(&brief("brief.json"), "nvda.return.period") - moved).abs() < 1e-12);
    let manifest: Value = serde_json::from_slice(&brief("manifest.json")).unwrap();
    assert!(manifest["known_by"].as_str().unwrap().starts_with("2025-01-15T05:0"), "{manifest}");
    assert_eq!(manifest["as_of"], "2025-01-14");
    // The provider corrects the close of the 13th.
    REVISED.2.clone_into(&mut today.lock().unwrap());
    succeeded(&desk.fetch(&["--now", "2025-01-15T22:30:00Z"]));
    let verify = |extra: &[&str]| {
        let mut verify = shockbrief(["verify", "runs/weekly/2025-01-14/manifest.json", "--data", "nothing"]);
        verify.args(extra).current_dir(folder.path()).output().unwrap()
    };
    succeeded(&verify(&["--store", "store"]));
    let without = verify(&[]);
    assert_eq!(without.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&without.stderr).contains("this brief read a store of fetched values"));
    let knowing = ["--known-by", "2025-01-15T23:00:00Z"];
    succeeded(&desk.render("2025-01-13", "W03", &folder.path().join("later"), &knowing));
    let later = fs_err::read(folder.path().join("later/weekly-monitor/2025-W03/brief.json")).unwrap();
    let right = nvda("2025-01-13") / nvda("2025-01-10") - 1.0;
    assert!((figure(&later, "nvda.return.period") - right).abs() < 1e-12);
}

fn figure(brief: &[u8], id: &str) -> f64 {
    let brief: Value = serde_json::from_slice(brief).unwrap();
    brief["findings"]["figures"][id]["value"].as_f64().unwrap()
}

/// The same as-of date gives the same figures before and after a revision arrives, a later one the revised figures.
#[test]
fn a_brief_made_again_sees_what_was_known_then() {
    let folder = tempfile::tempdir().unwrap();
    let today = Arc::new(Mutex::new("2025-01-14".to_owned()));
    configure(folder.path(), &serve(today.clone()));
    let desk = Desk { folder: folder.path() };
    succeeded(&desk.fetch(&["--now", "2025-01-14T22:30:00Z"]));
    succeeded(&desk.brief("2025-01-14", "W03", "before"));
    REVISED.2.clone_into(&mut today.lock().unwrap());
    succeeded(&desk.fetch(&["--now", "2025-01-15T22:30:00Z"]));
    succeeded(&desk.brief("2025-01-14", "W03", "after"));
    let (before, after) =
        (desk.published("before", "2025-01-14", "W03"), desk.published("after", "2025-01-14", "W03"));
    for name in before.keys() {
        assert!(before[name] == after[name], "{name} differs");
    }
    succeeded(&desk.brief("2025-01-15", "W03", "later"));
    let later = desk.published("later", "2025-01-15", "W03");
    // The reconstruction's own file never held the wrong close: its figures are the right ones.
    let volatility = |brief: &[u8]| figure(brief, "theme.compute.vol.quarter");
    let right = |day: &str| {
        let out = folder.path().join("right").join(day);
        let mut render = shockbrief(["render", REPORT, "--period", "2025-W03", "--as-of", day, "--data"]);
        succeeded(&render.arg(sample()).arg("--out").arg(&out).output().unwrap());
        volatility(&fs_err::read(out.join("weekly-monitor/2025-W03/brief.json")).unwrap())
    };
    assert!((volatility(&later["brief.json"]) - right("2025-01-15")).abs() < 1e-12);
    assert!((volatility(&before["brief.json"]) - right("2025-01-14")).abs() > 1e-4);
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
