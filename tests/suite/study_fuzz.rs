//! `study` on files that no author would write: an error that names file and cell, or a typed reason in the
//! JSON; never a panic, a hang, or a number that is not finite.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use serde_json::Value;
use shockbrief_tests::shockbrief;
use std::{
    path::Path,
    process::{Output, Stdio},
    thread::sleep,
    time::Duration,
};

/// Longest a study of these small files may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

/// Files of a study, written into a folder of their own.
#[derive(Debug, Clone)]
struct Files {
    returns: Vec<u8>,
    factors: Vec<u8>,
    events: Option<Vec<u8>>,
    study: String,
}

/// What came of a study.
struct Told {
    code: i32,
    stdout: String,
    stderr: String,
}

fn run(files: &Files) -> Told {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs_err::write(folder.path().join(name), bytes).unwrap();
    write("returns.csv", &files.returns);
    write("factors.csv", &files.factors);
    if let Some(events) = &files.events {
        write("events.csv", events);
    }
    write("study.yaml", files.study.as_bytes());
    let output = within_limit(folder.path());
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let shown = text(&output.stderr).replace(&format!("{}/", folder.path().display()), "");
    Told { code: output.status.code().unwrap_or(-1), stdout: text(&output.stdout), stderr: shown }
}

/// Runs the study and fails when it takes longer than the limit. The result goes to a file, so that no full
/// pipe can stop the command.
fn within_limit(folder: &Path) -> Output {
    let mut child = shockbrief(["study"])
        .arg(folder.join("study.yaml"))
        .stdout(std::fs::File::create(folder.join("out")).unwrap())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pause = Duration::from_millis(2);
    let mut waited = Duration::ZERO;
    while child.try_wait().unwrap().is_none() {
        sleep(pause);
        waited += pause;
        if waited > LIMIT {
            child.kill().unwrap();
            panic!("no end after {waited:?}");
        }
    }
    let mut output = child.wait_with_output().unwrap();
    output.stdout = fs_err::read(folder.join("out")).unwrap();
    output
}

/// The promise: a refusal that names a file and the next step, or JSON whose every null has its reason.
fn keeps_its_promise(files: &Files) -> Told {
    let told = run(files);
    let context = || format!("code {}\n{}\n{}", told.code, told.stderr, show(files));
    if told.code == 0 {
        let json: Value = serde_json::from_str(&told.stdout).unwrap_or_else(|e| panic!("{e}\n{}", context()));
        if let Err(place) = nulls_have_reasons("", &json) {
            panic!("{place}: null without reason\n{}", context());
        }
    } else {
        assert!(told.code == 2 || told.code == 4, "{}", context());
        assert!(told.stderr.starts_with("error: ") && told.stderr.contains("\nhint: "), "{}", context());
        let names = ["returns.csv", "factors.csv", "events.csv", "study.yaml"];
        assert!(names.iter().any(|name| told.stderr.contains(name)), "{}", context());
    }
    told
}

fn show(files: &Files) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).chars().take(1_500).collect::<String>();
    format!(
        "returns:\n{}\nfactors:\n{}\nevents: {:?}\nstudy:\n{}",
        text(&files.returns),
        text(&files.factors),
        files.events.as_deref().map(text),
        files.study
    )
}

/// A null stands beside its reason; serde_json writes NaN and infinities as null, so this finds them too.
/// `meta` describes the design and may have nothing to say.
fn nulls_have_reasons(place: &str, value: &Value) -> Result<(), String> {
    match value {
        Value::Object(map) if !place.ends_with("/meta") => map.iter().try_for_each(|(key, inner)| {
            let place = format!("{place}/{key}");
            let told = map.contains_key("reason")
                || map.get("reasons").and_then(|reasons| reasons.get(key)).is_some_and(Value::is_string);
            if inner.is_null() && !told { Err(place) } else { nulls_have_reasons(&place, inner) }
        }),
        Value::Array(items) => items.iter().enumerate().try_for_each(|(k, inner)| {
            let place = format!("{place}/{k}");
            if inner.is_null() { Err(place) } else { nulls_have_reasons(&place, inner) }
        }),
        _ => Ok(()),
    }
}

/// ISO date of row `k`: all days of made-up months of 28 days.
fn day(k: usize) -> String {
    format!("{}-{:02}-{:02}", 2020 + k / 336, k / 28 % 12 + 1, k % 28 + 1)
}

/// A harmless return: small, never constant, the same for each place.
fn plain(row: usize, column: usize) -> f64 {
    let x = ((row * 7_919 + column * 104_729 + 13) % 1_009) as f64 / 1_009.0;
    (x - 0.5) * 0.04
}

fn csv(names: &[String], rows: usize, cell: impl Fn(usize, usize) -> String) -> Vec<u8> {
    let mut text = format!("date,{}\n", names.join(","));
    for row in 0..rows {
        let cells: Vec<String> = (0..names.len()).map(|column| cell(row, column)).collect();
        text.push_str(&format!("{},{}\n", day(row), cells.join(",")));
    }
    text.into_bytes()
}

fn firms(n: usize) -> Vec<String> {
    (1..=n).map(|k| format!("F{k}")).collect()
}

fn factor_names() -> Vec<String> {
    ["mkt", "smb", "hml", "rmw", "cma", "mom", "rf"].map(str::to_owned).to_vec()
}

const STUDY: &str = "returns: returns.csv
factors: factors.csv
estimation: [-60, -6]
window: [-2, 2]
windows: [[0, 0], [-1, 1]]
min_observations: 20
models: [mean_adjusted, market_adjusted, market_model, capm, ff3, carhart4, ff5]
themes: {one: [F1, F2], two: [F3]}
extras: [portfolio, mvrm, placebo, bootstrap, nonsynchronous_betas, bhar, multiplicity]
draws: 99
";

/// A sound study of four firms over 80 days with the event on row 70, for cases to damage.
fn sound() -> Files {
    Files {
        returns: csv(&firms(4), 80, |row, column| plain(row, column).to_string()),
        factors: csv(&factor_names(), 80, |row, column| plain(row, column + 50).to_string()),
        events: None,
        study: format!("{STUDY}event_date: {}\n", day(70)),
    }
}

fn with_cell(text: &str, file: fn(&mut Files) -> &mut Vec<u8>) -> Files {
    let mut files = sound();
    let lines = String::from_utf8(file(&mut files).clone()).unwrap();
    let mut lines: Vec<String> = lines.lines().map(str::to_owned).collect();
    let mut cells: Vec<&str> = lines[40].split(',').collect();
    cells[2] = text;
    lines[40] = cells.join(",");
    *file(&mut files) = (lines.join("\n") + "\n").into_bytes();
    files
}

#[test]
fn a_sound_study_passes() {
    let told = keeps_its_promise(&sound());
    assert_eq!(told.code, 0, "{}", told.stderr);
    let json: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(json["meta"]["n_firms"], 4);
}

#[test]
fn a_bad_cell_is_named_with_its_file_line_and_column() {
    for text in ["NaN", "inf", "-inf", "1e999", "x", "0,5", "--1"] {
        for (place, file) in [
            ("returns.csv:41: column `F2`", (|files| &mut files.returns) as fn(&mut Files) -> &mut Vec<u8>),
            ("factors.csv:41: column `smb`", |files| &mut files.factors),
        ] {
            let told = keeps_its_promise(&with_cell(text, file));
            // A comma too many is a ragged row, which has a message of its own.
            let told_place = if text == "0,5" { &place[..14] } else { place };
            assert!(told.code == 4 && told.stderr.contains(told_place), "{text}: {}", told.stderr);
        }
    }
}

#[test]
fn numbers_whose_squares_overflow_give_reasons() {
    for text in ["1e308", "-1e308", "1e200", "1e-320"] {
        let in_returns = keeps_its_promise(&with_cell(text, |files| &mut files.returns));
        let in_factors = keeps_its_promise(&with_cell(text, |files| &mut files.factors));
        if text.starts_with('-') {
            // No simple return is below -1; a factor that is a difference may be.
            assert!(
                in_returns.code == 4 && in_returns.stderr.contains("returns.csv"),
                "{}",
                in_returns.stderr
            );
            assert!(in_returns.stderr.contains("`F2`"), "{}", in_returns.stderr);
        } else {
            assert_eq!(in_returns.code, 0, "{text}: {}", in_returns.stderr);
        }
        assert_eq!(in_factors.code, 0, "{text}: {}", in_factors.stderr);
    }
}

/// A way to spoil sound files.
type Spoil = fn(&mut Files);

#[test]
fn tables_that_are_no_tables_are_refused_by_name() {
    let edit = |change: fn(&mut Files)| {
        let mut files = sound();
        change(&mut files);
        keeps_its_promise(&files)
    };
    let cases: [(&str, Spoil); 8] = [
        ("returns.csv", |files| files.returns.clear()),
        ("factors.csv", |files| files.factors.clear()),
        ("returns.csv:3: column `date`", |files| {
            files.returns = b"date,F1,F2\n2020-01-01,0.1,0.1\n,0.1,0.2\n".to_vec();
        }),
        ("returns.csv:4: date 2020-01-02", |files| {
            files.returns = b"date,F1\n2020-01-01,0.1\n2020-01-02,0.2\n2020-01-02,0.3\n".to_vec();
        }),
        ("factors.csv:3: date 2020-01-01", |files| {
            files.factors = b"date,mkt,rf\n2020-01-02,0.1,0\n2020-01-01,0.2,0\n".to_vec();
        }),
        ("returns.csv", |files| files.returns = b"date,F1,F1\n2020-01-01,0.1,0.2\n".to_vec()),
        ("returns.csv", |files| files.returns = vec![0xff, 0xfe, b',', 0x80, b'\n', 0xc3, b'\n']),
        ("factors.csv", |files| files.factors = b"date,mkt\n2020-01-01,0.1,0.2,0.3\n".to_vec()),
    ];
    for (place, change) in cases {
        let told = edit(change);
        assert!(told.code == 4 && told.stderr.contains(place), "{place}: {}", told.stderr);
    }
}

#[test]
fn two_hundred_columns_of_one_value_give_reasons() {
    let mut files = sound();
    files.returns = csv(&firms(200), 80, |_, _| "0.01".to_owned());
    let told = keeps_its_promise(&files);
    assert_eq!(told.code, 0, "{}", told.stderr);
    let json: Value = serde_json::from_str(&told.stdout).unwrap();
    let tests = &json["models"]["market_model"]["tests_by_window"]["[0, 0]"];
    assert!(tests["bmp_t"].is_null(), "{tests}");
}

/// Ways to damage a table: which cells hold what.
#[derive(Debug, Clone)]
enum Damage {
    Nothing,
    Constant(usize, f64),
    Missing(usize, Vec<usize>),
    Huge(usize, usize, f64),
    Copy(usize, usize),
    Text(usize, usize, String),
    Bytes(usize, Vec<u8>),
    Cut(usize),
    Repeat(usize),
    Swap(usize),
}

fn damage(rows: usize, columns: usize) -> impl Strategy<Value = Damage> {
    let size = prop_oneof![
        Just(1e308),
        Just(-1e308),
        Just(f64::MIN_POSITIVE),
        Just(5e-324),
        Just(1e155),
        Just(-1.0),
        Just(-2.0),
        Just(0.0),
        any::<f64>().prop_filter("finite", |v| v.is_finite()),
    ];
    prop_oneof![
        2 => Just(Damage::Nothing),
        2 => (0..columns, size.clone()).prop_map(|(c, v)| Damage::Constant(c, v)),
        3 => (0..columns, prop::collection::vec(0..rows, 0..rows)).prop_map(|(c, r)| Damage::Missing(c, r)),
        3 => (0..rows, 0..columns, size).prop_map(|(r, c, v)| Damage::Huge(r, c, v)),
        2 => (0..columns, 0..columns).prop_map(|(a, b)| Damage::Copy(a, b)),
        1 => (0..rows, 0..columns, "[ -~]{0,12}").prop_map(|(r, c, t)| Damage::Text(r, c, t)),
        1 => (0..4_000_usize, prop::collection::vec(any::<u8>(), 1..8)).prop_map(|(k, b)| Damage::Bytes(k, b)),
        1 => (0..4_000_usize).prop_map(Damage::Cut),
        1 => (1..rows).prop_map(Damage::Repeat),
        1 => (1..rows).prop_map(Damage::Swap),
    ]
}

/// A table with this damage; `salt` keeps returns and factors apart.
fn damaged(names: &[String], rows: usize, salt: usize, how: &Damage) -> Vec<u8> {
    let value = |row: usize, column: usize| plain(row, column + salt).to_string();
    let cell = |row: usize, column: usize| match how {
        Damage::Constant(c, v) if *c == column => v.to_string(),
        Damage::Missing(c, gone) if *c == column && gone.contains(&row) => String::new(),
        Damage::Huge(r, c, v) if (*r, *c) == (row, column) => v.to_string(),
        Damage::Copy(a, b) if *b == column => value(row, *a),
        Damage::Text(r, c, text) if (*r, *c) == (row, column) => text.clone(),
        _ => value(row, column),
    };
    let mut bytes = csv(names, rows, cell);
    match how {
        Damage::Bytes(at, new) => {
            let at = at % bytes.len();
            bytes.splice(at..at, new.iter().copied());
        }
        Damage::Cut(at) => bytes.truncate(at % bytes.len()),
        Damage::Repeat(row) | Damage::Swap(row) => {
            let text = String::from_utf8(bytes).unwrap();
            let mut lines: Vec<&str> = text.lines().collect();
            if matches!(how, Damage::Swap(_)) {
                lines.swap(*row, row + 1);
            } else {
                lines.insert(*row, lines[*row]);
            }
            bytes = (lines.join("\n") + "\n").into_bytes();
        }
        _ => {}
    }
    bytes
}

fn events(columns: usize) -> impl Strategy<Value = Option<Vec<u8>>> {
    let event = (0..columns + 1, 0..120_usize).prop_map(|(firm, at)| (firm + 1, day(at)));
    prop::option::of(prop::collection::vec(event, 0..6)).prop_map(|list| {
        list.map(|list| {
            let row = |(k, (firm, date)): (usize, &(usize, String))| format!("E{k},F{firm},{date}\n");
            let rows: String = list.iter().enumerate().map(row).collect();
            format!("event_id,firm,event_date\n{rows}").into_bytes()
        })
    })
}

fn files() -> impl Strategy<Value = Files> {
    let shape = (prop_oneof![1..4_usize, 60..90_usize], prop_oneof![4 => 1..7_usize, 1 => Just(40)]);
    shape.prop_flat_map(|(rows, columns)| {
        let rows = rows.max(2);
        let windows = (-70..5_i32, -20..8_i32, -6..3_i32, 0..6_i32);
        (damage(rows, columns), damage(rows, 7), events(columns), windows, 0..130_usize, any::<bool>())
            .prop_map(move |(returns, factors, events, (e0, e1, w0, w1), at, log)| {
                let dates = match &events {
                    Some(_) => "events: events.csv".to_owned(),
                    None => format!("event_date: {}", day(at)),
                };
                let kind = if log { "return: log\n" } else { "" };
                let study = STUDY
                    .replace("[-60, -6]", &format!("[{e0}, {e1}]"))
                    .replace("[-2, 2]", &format!("[{w0}, {w1}]"));
                Files {
                    returns: damaged(&firms(columns), rows, 0, &returns),
                    factors: damaged(&factor_names(), rows, 50, &factors),
                    events,
                    study: format!("{study}{kind}{dates}\n"),
                }
            })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_damage_gives_an_error_or_reasons(files in files()) {
        keeps_its_promise(&files);
    }

    #[test]
    fn windows_that_fit_meet_bad_numbers(
        returns in damage(80, 4), factors in damage(80, 7), at in 62..80_usize,
    ) {
        let files = Files {
            returns: damaged(&firms(4), 80, 0, &returns),
            factors: damaged(&factor_names(), 80, 50, &factors),
            events: None,
            study: format!("{STUDY}event_date: {}\n", day(at)),
        };
        keeps_its_promise(&files);
    }
}
