//! Unattended runs: what is due is made once, whatever happens in between.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "runs are started, timed and killed from outside")]

use serde_json::Value;
use shockbrief_tests::{root, sample, shockbrief};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

/// Monday after the week of the shock, 08:00 in Paris.
const MONDAY: &str = "2025-02-03T07:00:00Z";
const WEEK: &str = "2025-W05";

/// A project of its own: the shipped config, and copies of the weekly report.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn with(reports: usize) -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap() };
        copy(&root().join("config"), &desk.path("config"));
        for n in 1..=reports {
            copy(&root().join("reports/weekly-monitor"), &desk.path(&format!("reports/weekly-{n:02}")));
        }
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = shockbrief(["run", "--data"]);
        command.arg(sample());
        if !args.contains(&"--now") {
            command.args(["--now", MONDAY]);
        }
        command.args(args).current_dir(self.folder.path()).stdin(Stdio::null());
        for name in ["SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX"] {
            command.env_remove(name);
        }
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn ledger(&self) -> Vec<Value> {
        let text = fs_err::read_to_string(self.path("out/ledger.jsonl")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// How often each report was published.
    fn published(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for entry in self.ledger().iter().filter(|entry| entry["event"] == "published") {
            *counts.entry(entry["report"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        counts
    }

    /// Every published folder is whole: the digests of its manifest hold.
    fn whole(&self) -> usize {
        let mut found = 0;
        for report in list(&self.path("out")) {
            let folder = report.join(WEEK);
            if !folder.is_dir() {
                continue;
            }
            let manifest: Value =
                serde_json::from_slice(&fs_err::read(folder.join("manifest.json")).unwrap()).unwrap();
            for (name, digest) in manifest["outputs"].as_object().unwrap() {
                assert_eq!(&sha256(&folder.join(name)), digest.as_str().unwrap(), "{name}");
            }
            found += 1;
        }
        found
    }
}

fn sha256(path: &Path) -> String {
    let output = Command::new("sha256sum").arg(path).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned()
}

fn copy(from: &Path, to: &Path) {
    fs_err::create_dir_all(to).unwrap();
    for path in list(from) {
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs_err::copy(&path, &target).unwrap();
        }
    }
}

fn list(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = match fs_err::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.unwrap().path()).collect(),
        Err(_) => Vec::new(),
    };
    found.sort();
    found
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn what_is_due_is_made_once() {
    let desk = Desk::with(2);
    let plan = desk.run(&["--dry-run"]);
    assert_eq!(String::from_utf8_lossy(&plan.stdout).lines().count(), 2);
    assert!(!desk.path("out").exists(), "a dry run writes nothing");
    let first = desk.run(&["--metrics", "shockbrief.prom"]);
    assert_eq!(code(&first), Some(0), "{}", errors(&first));
    assert_eq!(String::from_utf8_lossy(&first.stdout).lines().count(), 4);
    assert_eq!(desk.whole(), 2);
    let record: Value = serde_json::from_slice(&fs_err::read(desk.path("out/run.json")).unwrap()).unwrap();
    assert_eq!((&record["exit_code"], record["briefs"].as_array().unwrap().len()), (&Value::from(0), 2));
    assert_eq!(record["briefs"][0]["as_of"], "2025-01-31");
    let metrics = fs_err::read_to_string(desk.path("shockbrief.prom")).unwrap();
    assert!(metrics.contains("shockbrief_exit_code{report=\"weekly-01\"} 0\n"), "{metrics}");
    // The ledger, or the manifests where it is lost or torn, keep it from being made again.
    for damage in ["none", "lost", "torn"] {
        let ledger = desk.path("out/ledger.jsonl");
        match damage {
            "lost" => fs_err::remove_file(&ledger).unwrap(),
            "torn" => {
                let bytes = fs_err::read(&ledger).unwrap();
                File::options().write(true).open(&ledger).unwrap().set_len(bytes.len() as u64 - 20).unwrap();
            }
            _ => {}
        }
        let again = desk.run(&["-q"]);
        assert_eq!(
            (code(&again), again.stdout.len(), again.stderr.len()),
            (Some(0), 0, 0),
            "{damage}: {}",
            errors(&again)
        );
        assert_eq!(desk.published().into_values().collect::<Vec<_>>(), [1, 1], "{damage}");
    }
}

#[test]
fn one_failure_does_not_stop_the_others() {
    let desk = Desk::with(3);
    let broken = desk.path("reports/weekly-02/prose");
    fs_err::create_dir_all(&broken).unwrap();
    write(&broken.join("market.en.typ.j2"), "{{ fig(\"no.such.figure\") | pct }}\n");
    let output = desk.run(&["-q"]);
    assert_eq!(code(&output), Some(3), "{}", errors(&output));
    let text = errors(&output);
    assert!(text.contains("no.such.figure") && text.contains("hint: "), "{text}");
    assert_eq!(desk.whole(), 2);
    // It is tried again, and only it.
    fs_err::remove_file(broken.join("market.en.typ.j2")).unwrap();
    let again = desk.run(&[]);
    assert_eq!(
        (code(&again), String::from_utf8_lossy(&again.stdout).lines().count()),
        (Some(0), 2),
        "{}",
        errors(&again)
    );
    assert!(desk.published().values().all(|count| *count == 1));
}

fn write(path: &Path, text: &str) {
    use std::io::Write as _;
    File::create(path).unwrap().write_all(text.as_bytes()).unwrap();
}

#[test]
fn the_loser_of_a_lock_leaves_at_once_or_waits() {
    let desk = Desk::with(1);
    fs_err::create_dir_all(desk.path("out")).unwrap();
    let lock = File::options().create(true).write(true).truncate(false).open(desk.path("out/.lock")).unwrap();
    lock.lock().unwrap();
    let output = desk.run(&["-q"]);
    assert_eq!(code(&output), Some(75), "{}", errors(&output));
    let started = Instant::now();
    assert_eq!(code(&desk.run(&["-q", "--wait", "1s"])), Some(75));
    assert!(started.elapsed() >= Duration::from_millis(900));
    let waiting = desk.command(&["-q", "--wait", "60s"]).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    drop(lock);
    let output = waiting.wait_with_output().unwrap();
    assert_eq!(code(&output), Some(0), "{}", errors(&output));
}

#[test]
fn ten_at_once_make_it_once() {
    let desk = Desk::with(2);
    let runs: Vec<Child> =
        (0..10).map(|_| desk.command(&["-q"]).stderr(Stdio::piped()).spawn().unwrap()).collect();
    let codes: Vec<_> = runs.into_iter().map(|run| code(&run.wait_with_output().unwrap())).collect();
    assert!(codes.iter().all(|code| matches!(code, Some(0 | 75))), "{codes:?}");
    assert_eq!(desk.published().into_values().collect::<Vec<_>>(), [1, 1]);
    assert_eq!(desk.whole(), 2);
}

fn signal(child: &Child, name: &str) {
    Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap();
}

#[test]
fn a_signal_ends_a_run_cleanly() {
    for (name, expected) in [("TERM", 143), ("INT", 130)] {
        let desk = Desk::with(4);
        let run = desk.command(&["-q", "--jobs", "1"]).stderr(Stdio::piped()).spawn().unwrap();
        let started = Instant::now();
        while desk.published().is_empty() && started.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(20));
        }
        signal(&run, name);
        let output = run.wait_with_output().unwrap();
        assert_eq!(code(&output), Some(expected), "{}", errors(&output));
        let out = desk.whole();
        assert!((1..4).contains(&out), "{out} of 4 are out");
        assert_eq!(code(&desk.run(&["-q"])), Some(0));
        assert_eq!(desk.published().into_values().collect::<Vec<_>>(), [1, 1, 1, 1]);
    }
}

/// `SHOCKBRIEF_KILLS` says how often; a few by default, 200 with `make faults`.
#[test]
fn killed_at_any_moment_nothing_is_lost_or_doubled() {
    let kills: u64 = std::env::var("SHOCKBRIEF_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(6);
    let mut done = 0;
    let mut seed = 88_172_645_463_325_252_u64;
    while done < kills {
        let desk = Desk::with(6);
        loop {
            let mut run = desk.command(&["-q"]).stderr(Stdio::null()).spawn().unwrap();
            // Moments spread over the length of a run, by Marsaglia's xorshift.
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            std::thread::sleep(Duration::from_millis(seed % 1500));
            let ended = run.try_wait().unwrap().is_some();
            if !ended {
                run.kill().unwrap();
                run.wait().unwrap();
                done += 1;
            }
            let whole = desk.whole();
            assert!(desk.published().values().all(|count| *count == 1), "made twice");
            if ended || (done >= kills && whole == 6) {
                break;
            }
        }
        let last = desk.run(&["-q"]);
        assert_eq!(code(&last), Some(0), "{}", errors(&last));
        assert_eq!(desk.whole(), 6);
        assert_eq!(desk.published().into_values().collect::<Vec<_>>(), [1; 6]);
        let unfinished: Vec<_> = list(&desk.path("out"))
            .iter()
            .flat_map(|report| list(report))
            .filter(|path| path.to_string_lossy().contains(".part-"))
            .collect();
        assert!(unfinished.is_empty(), "{unfinished:?}");
    }
}

#[test]
fn a_revision_keeps_the_earlier_edition_and_says_what_changed() {
    let desk = Desk::with(1);
    assert_eq!(code(&desk.run(&["-q"])), Some(0));
    let unchanged = desk.run(&["--revise", "-q"]);
    assert_eq!(code(&unchanged), Some(0), "{}", errors(&unchanged));
    assert!(!desk.path("out/weekly-01/2025-W05/r1").exists(), "the same inputs make no revision");
    let strings = desk.path("config/brand.yaml");
    let text = fs_err::read_to_string(&strings).unwrap();
    write(&strings, &text.replacen("publisher: ", "publisher: The ", 1));
    assert_eq!(code(&desk.run(&["-q"])), Some(0));
    assert!(!desk.path("out/weekly-01/2025-W05/r1").exists(), "without --revise nothing is made again");
    let revised = desk.run(&["--revise", "-q"]);
    assert_eq!(code(&revised), Some(0), "{}", errors(&revised));
    let folder = desk.path("out/weekly-01/2025-W05");
    assert!(folder.join("r1/weekly-01-2025-W05.en.pdf").is_file());
    let manifest: Value =
        serde_json::from_slice(&fs_err::read(folder.join("manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["revision"], 2);
    let pages = shockbrief_tests::pages(&fs_err::read(folder.join("weekly-01-2025-W05.en.pdf")).unwrap());
    assert!(pages[0].contains("Revision 2"), "{}", pages[0]);
    assert_eq!(desk.ledger().last().unwrap()["revision"], 2);
}

#[test]
fn a_pinned_brief_waits_for_its_as_of_date() {
    let desk = Desk::with(0);
    copy(&root().join("reports/2025-01-deepseek"), &desk.path("reports/2025-01-deepseek"));
    let planned = |now: &str| {
        let plan = desk.run(&["--dry-run", "--now", now]);
        assert_eq!(code(&plan), Some(0), "{}", errors(&plan));
        String::from_utf8(plan.stdout).unwrap().lines().count()
    };
    // The shock of 27 January 2025 as known on 14 February.
    assert_eq!(planned("2025-01-28T08:00:00Z"), 0);
    assert_eq!(planned("2025-02-14T23:00:00Z"), 0);
    assert_eq!(planned("2025-02-15T08:00:00Z"), 1);
    assert_eq!(planned("2025-06-15T08:00:00Z"), 1);
}

#[test]
fn shards_share_the_work() {
    let desk = Desk::with(5);
    let mut named = Vec::new();
    for index in 1..=3 {
        let shard = format!("{index}/3");
        let plan = desk.run(&["--dry-run", "--shard", &shard]);
        named.extend(
            String::from_utf8(plan.stdout)
                .unwrap()
                .lines()
                .map(|line| line.split(' ').next().unwrap().to_owned()),
        );
    }
    assert_eq!(named.len(), 5);
    assert_eq!(named.into_iter().collect::<BTreeSet<_>>().len(), 5);
    let bad = desk.run(&["--shard", "4/3"]);
    assert_eq!(code(&bad), Some(2), "{}", errors(&bad));
}

#[test]
fn an_idle_run_over_a_hundred_reports_is_quick_and_silent() {
    let desk = Desk::with(100);
    fs_err::create_dir_all(desk.path("out")).unwrap();
    let lines: String = (1..=100)
        .map(|n| format!("{{\"schema\":1,\"at\":\"{MONDAY}\",\"event\":\"published\",\"report\":\"weekly-{n:02}\",\"period\":\"{WEEK}\"}}\n"))
        .collect();
    write(&desk.path("out/ledger.jsonl"), &lines);
    let started = Instant::now();
    let output = desk.run(&[]);
    let took = started.elapsed();
    assert_eq!(
        (code(&output), output.stdout.len(), output.stderr.len()),
        (Some(0), 0, 0),
        "{}",
        errors(&output)
    );
    // 50 ms is the aim; a loaded machine gets some more.
    assert!(took < Duration::from_millis(500), "{took:?}");
}

#[test]
fn broken_surroundings_are_named() {
    let desk = Desk::with(1);
    write(&desk.path("file"), "");
    let output = desk.run(&["--out", "file"]);
    assert_eq!(code(&output), Some(2), "{}", errors(&output));
    let output = desk.run(&["--typst", "no-such-typst"]);
    assert!(errors(&output).contains("typst"), "{}", errors(&output));
    assert_ne!(code(&output), Some(0));
    assert_eq!(desk.whole(), 0);
    let output = desk.run(&["--reports", "elsewhere/*"]);
    assert_eq!(code(&output), Some(2), "{}", errors(&output));
    // Beyond its coverage a calendar is refused, not guessed.
    let output = desk.run(&["--now", "2060-01-01T00:00:00Z"]);
    assert_eq!(code(&output), Some(4), "{}", errors(&output));
    assert!(errors(&output).contains("covers"), "{}", errors(&output));
}

/// A year of daily calls at 07:00 in Paris against a list made here from the exchange's published closures.
#[test]
fn a_year_of_daily_runs_makes_each_period_once() {
    let desk = Desk::with(0);
    for name in ["weekly-monitor", "monthly-brief", "quarterly-capex-and-controls"] {
        copy(&root().join("reports").join(name), &desk.path(&format!("reports/{name}")));
    }
    fs_err::create_dir_all(desk.path("out")).unwrap();
    let mut made: Vec<(String, String, String)> = Vec::new();
    let mut ledger = String::new();
    for day in days("2024-07-01", "2025-06-30") {
        let plan = desk.run(&["--dry-run", "--now", &format!("{day}T06:00:00Z")]);
        assert_eq!(code(&plan), Some(0), "{}", errors(&plan));
        for line in String::from_utf8(plan.stdout).unwrap().lines() {
            let (report, rest) = line.split_once(' ').unwrap();
            let period = rest.split(':').next().unwrap();
            ledger.push_str(&format!("{{\"schema\":1,\"at\":\"{day}T06:00:00Z\",\"event\":\"published\",\"report\":\"{report}\",\"period\":\"{period}\"}}\n"));
            made.push((report.to_owned(), period.to_owned(), day.clone()));
        }
        write(&desk.path("out/ledger.jsonl"), &ledger);
    }
    assert_eq!(made.into_iter().collect::<BTreeSet<_>>(), expected());
}

/// Dates from the civil-from-days algorithm, apart from the library that the command uses.
fn days(from: &str, to: &str) -> Vec<String> {
    (day_number(from)..=day_number(to)).map(date_of).collect()
}

fn day_number(date: &str) -> i64 {
    let parts: Vec<i64> = date.split('-').map(|part| part.parse().unwrap()).collect();
    let (y, m, d) = (parts[0] - i64::from(parts[1] <= 2), parts[1], parts[2]);
    let (era, yoe) = (y.div_euclid(400), y.rem_euclid(400));
    let doy = (153 * ((m + 9) % 12) + 2) / 5 + d - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

fn date_of(number: i64) -> String {
    let z = number + 719_468;
    let (era, doe) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (d, m) = (doy - (153 * mp + 2) / 5 + 1, (mp + 2) % 12 + 1);
    format!("{:04}-{m:02}-{d:02}", yoe + era * 400 + i64::from(m <= 2))
}

/// What a daily call at 07:00 in Paris makes, from the closures that NYSE published for these months.
fn expected() -> BTreeSet<(String, String, String)> {
    const CLOSED: [&str; 11] = [
        "2024-07-04",
        "2024-09-02",
        "2024-11-28",
        "2024-12-25",
        "2025-01-01",
        "2025-01-09",
        "2025-01-20",
        "2025-02-17",
        "2025-04-18",
        "2025-05-26",
        "2025-06-19",
    ];
    let session = |n: &i64| (n + 3).rem_euclid(7) < 5 && !CLOSED.contains(&date_of(*n).as_str());
    let sessions: Vec<i64> = (day_number("2024-06-01")..=day_number("2025-07-31")).filter(session).collect();
    let mut expected = BTreeSet::new();
    for pair in sessions.windows(2) {
        let (date, next, made) = (date_of(pair[0]), date_of(pair[1]), date_of(pair[0] + 1));
        let quarter = |date: &str| (date[5..7].parse::<u32>().unwrap() - 1) / 3 + 1;
        let mut add = |report: &str, period: String| {
            if (date_of(day_number("2024-07-01"))..=date_of(day_number("2025-06-30"))).contains(&made) {
                expected.insert((report.to_owned(), period, made.clone()));
            }
        };
        // Weeks begin on Mondays; 1970-01-05 was one.
        if (pair[0] - 4).div_euclid(7) != (pair[1] - 4).div_euclid(7) {
            add("weekly-monitor", iso_week(pair[0]));
        }
        if date[..7] != next[..7] {
            add("monthly-brief", date[..7].to_owned());
        }
        if quarter(&date) != quarter(&next) {
            add("quarterly-capex-and-controls", format!("{}-Q{}", &date[..4], quarter(&date)));
        }
    }
    // The first call also finds what became ready before it.
    for (report, period) in [
        ("weekly-monitor", "2024-W26"),
        ("monthly-brief", "2024-06"),
        ("quarterly-capex-and-controls", "2024-Q2"),
    ] {
        expected.insert((report.to_owned(), period.to_owned(), "2024-07-01".to_owned()));
    }
    expected
}

/// The ISO week of a day: the year is that of the week's Thursday.
fn iso_week(day: i64) -> String {
    let thursday = (day - 4).div_euclid(7) * 7 + 7;
    let year = &date_of(thursday)[..4];
    let week = (thursday - day_number(&format!("{year}-01-01"))) / 7 + 1;
    format!("{year}-W{week:02}")
}
