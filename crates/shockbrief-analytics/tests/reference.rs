//! Agreement with independently computed reference vectors.
//!
//! Every number of an expected file is looked up in the study's own JSON and
//! compared; a key the study lacks counts as a failure unless it is listed
//! here with the reason. The folder is `SHOCKBRIEF_REFERENCE`, or
//! `../../../shared/reference` beside the checkout; sets that may be shipped
//! live in `tests/fixtures/reference` and are always checked.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests, whose tables are read by people"
)]

use jiff::civil::Date;
use serde_json::Value;
use shockbrief_analytics::event_study::Model;
use shockbrief_analytics::study::{EventInput, Extra, ReturnType, StudySpec, Table, run};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Relative tolerance on statistics.
const TOLERANCE: f64 = 1e-9;

/// Expected keys with no counterpart: provenance, not statistics.
const NOT_STATISTICS: [&str; 4] = ["meta", "note", "seed", "simulation"];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/reference")
}

fn reference() -> PathBuf {
    std::env::var_os("SHOCKBRIEF_REFERENCE").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference"),
        PathBuf::from,
    )
}

#[expect(clippy::disallowed_methods, reason = "tests read fixtures")]
fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&text(path)).unwrap()
}

fn table(path: &Path) -> Table {
    let text = text(path);
    let mut lines = text.lines();
    let names: Vec<String> = lines.next().unwrap().split(',').skip(1).map(str::to_owned).collect();
    let mut out = Table { dates: Vec::new(), columns: names.into_iter().map(|n| (n, Vec::new())).collect() };
    for line in lines {
        let mut cells = line.split(',');
        out.dates.push(cells.next().unwrap().parse().unwrap());
        for (column, cell) in out.columns.iter_mut().zip(cells) {
            column.1.push(cell.parse().ok());
        }
    }
    out
}

fn on_one_date(t: &Table, date: &str) -> Vec<EventInput> {
    let date: Date = date.parse().unwrap();
    t.columns
        .iter()
        .map(|(firm, _)| EventInput { event_id: firm.clone(), firm: firm.clone(), event_date: date })
        .collect()
}

/// Largest relative deviation by family (the last object key on the path).
type Deviations = BTreeMap<String, (f64, usize)>;

fn compare(path: &str, family: &str, expected: &Value, found: &Value, out: &mut Deviations) {
    match expected {
        Value::Object(map) => {
            for (key, value) in map {
                if NOT_STATISTICS.contains(&key.as_str()) {
                    continue;
                }
                let named = key.parse::<i32>().is_err() && !key.starts_with('[');
                let family = if named { key } else { family };
                let inner = found.get(key).unwrap_or(&Value::Null);
                compare(&format!("{path}/{key}"), family, value, inner, out);
            }
        }
        Value::Array(items) => {
            let n = found.as_array().map_or(0, Vec::len);
            assert_eq!(n, items.len(), "{path}: length");
            for (k, value) in items.iter().enumerate() {
                compare(&format!("{path}/{k}"), family, value, &found[k], out);
            }
        }
        Value::Number(want) => {
            let want = want.as_f64().unwrap();
            let Some(have) = found.as_f64() else {
                panic!("{path}: expected {want}, found {found}");
            };
            let gap = (have - want).abs() / want.abs().max(floor(family));
            let slot = out.entry(family.to_owned()).or_default();
            *slot = (slot.0.max(gap), slot.1 + 1);
            assert!(gap <= TOLERANCE, "{path}: expected {want}, found {have}, off by {gap:.1e}");
        }
        other => assert_eq!(found, other, "{path}"),
    }
}

/// Size below which a deviation is judged against this size: daily returns
/// and their sums can cancel to nothing, probabilities cannot.
fn floor(family: &str) -> f64 {
    let probability = family == "p" || family.ends_with("_p") || family.ends_with("_exact");
    if probability { f64::MIN_POSITIVE } else { 1e-4 }
}

fn print_table(set: &str, d: &Deviations) {
    let mut out = String::new();
    for (family, (gap, n)) in d {
        out.push_str(&format!("{set} | {family} | {n} | {gap:.1e}\n"));
    }
    println!("{out}");
}

fn set_01(folder: &Path) -> Deviations {
    let returns = table(&folder.join("returns.csv"));
    let factors = table(&folder.join("factors.csv"));
    let spec = StudySpec {
        estimation: [-220, -21],
        window: [-5, 5],
        windows: vec![[0, 0], [-1, 1], [0, 5], [-5, 5]],
        models: vec![
            Model::MeanAdjusted,
            Model::MarketAdjusted,
            Model::MarketModel,
            Model::Capm,
            Model::Ff3,
            Model::Carhart4,
            Model::Ff5,
        ],
        extras: vec![
            Extra::Portfolio,
            Extra::Mvrm,
            Extra::Placebo,
            Extra::NonsynchronousBetas,
            Extra::Bhar,
            Extra::Multiplicity,
        ],
        ..StudySpec::default()
    };
    let found = run(&returns, &factors, &on_one_date(&returns, "2025-01-14"), &spec).unwrap();
    let mut out = Deviations::new();
    compare("", "", &json(&folder.join("expected.json")), &found, &mut out);
    out
}

#[test]
fn set_01_one_date_all_models_and_tests() {
    let d = set_01(&fixtures().join("01_cluster_a"));
    assert!(d.values().map(|v| v.1).sum::<usize>() > 5_000);
    print_table("01", &d);
}

fn log_returns(prices: &[(Date, f64)]) -> BTreeMap<Date, f64> {
    prices.windows(2).map(|w| (w[1].0, (w[1].1.abs() / w[0].1.abs()).ln())).collect()
}

fn set_02(folder: &Path) -> Deviations {
    let mut firms: BTreeMap<String, Vec<(Date, f64)>> = BTreeMap::new();
    for line in text(&folder.join("firm_prices.csv")).lines().skip(1) {
        let c: Vec<&str> = line.split(',').collect();
        let row = (c[2].parse().unwrap(), c[3].parse().unwrap());
        firms.entry(c[0].to_owned()).or_default().push(row);
    }
    let lines = text(&folder.join("market_prices.csv"));
    let market: Vec<(Date, f64)> = lines
        .lines()
        .skip(1)
        .map(|l| l.split_once(',').unwrap())
        .map(|(d, p)| (d.parse().unwrap(), p.parse().unwrap()))
        .collect();
    let market = log_returns(&market);
    let dates: Vec<Date> = market.keys().copied().collect();
    let column = |r: &BTreeMap<Date, f64>| dates.iter().map(|d| r.get(d).copied()).collect();
    let returns = Table {
        columns: firms.iter().map(|(id, p)| (id.clone(), column(&log_returns(p)))).collect(),
        dates: dates.clone(),
    };
    let factors = Table { columns: vec![("mkt".to_owned(), column(&market))], dates: dates.clone() };
    let request = text(&folder.join("request.csv"));
    let events: Vec<EventInput> = request
        .lines()
        .skip(1)
        .map(|l| l.split(',').collect::<Vec<_>>())
        .map(|c| EventInput {
            event_id: c[0].to_owned(),
            firm: c[0].to_owned(),
            event_date: c[3].parse().unwrap(),
        })
        .collect();
    let spec = StudySpec {
        estimation: [-130, -11],
        window: [-2, 2],
        windows: vec![[-2, 2], [0, 0], [-1, 1], [0, 1], [0, 2], [-1, 0], [-2, -1], [1, 2]],
        return_type: ReturnType::Log,
        ..StudySpec::default()
    };
    let found = run(&returns, &factors, &events, &spec).unwrap();
    let mut expected = json(&folder.join("expected.json"));
    expected.as_object_mut().unwrap().remove("suspicious_returns_abs_log_gt_0.35");
    let mut out = Deviations::new();
    compare("", "", &expected, &found["models"]["market_model"], &mut out);
    out
}

#[test]
#[ignore = "needs the reference folder, whose public inputs are not shipped"]
fn set_02_different_dates() {
    print_table("02", &set_02(&reference().join("02_sp500_additions")));
}

fn set_03(folder: &Path) -> Deviations {
    let returns = table(&folder.join("rates.csv"));
    let mut factors = table(&folder.join("market.csv"));
    factors.columns[0].0 = "mkt".to_owned();
    let spec = StudySpec {
        estimation: [-240, -1],
        window: [0, 4],
        windows: vec![[0, 4]],
        return_type: ReturnType::Log,
        ..StudySpec::default()
    };
    let found = run(&returns, &factors, &on_one_date(&returns, "2020-03-16"), &spec).unwrap();
    let mut out = Deviations::new();
    let expected = json(&folder.join("expected.json"));
    compare("", "", &expected, &found["models"]["market_model"], &mut out);
    out
}

#[test]
#[ignore = "needs the reference folder, whose public inputs are not shipped"]
fn set_03_late_listings() {
    print_table("03", &set_03(&reference().join("03_estudy2_covid")));
}

fn set_04(folder: &Path) -> Deviations {
    let data = table(&folder.join("data.csv"));
    let cell = |name: &str| data.column(name).unwrap().to_vec();
    let sum: Vec<Option<f64>> =
        cell("mkt_rf").iter().zip(cell("rf")).map(|(m, r)| Some((*m)? + r?)).collect();
    let named = |name: &str, values: Vec<Option<f64>>| (name.to_owned(), values);
    let factors = Table {
        dates: data.dates.clone(),
        columns: vec![
            named("mkt", sum),
            named("spy", cell("SPY")),
            named("smb", cell("smb")),
            named("hml", cell("hml")),
            named("rf", cell("rf")),
        ],
    };
    let returns = Table { dates: data.dates.clone(), columns: vec![named("AAPL", cell("AAPL"))] };
    let expected = json(&folder.join("expected.json"));
    let mut out = Deviations::new();
    for (model, key, market) in [
        (Model::Ff3, "AAPL_ff3", "mkt"),
        (Model::MarketModel, "AAPL_mm", "spy"),
        (Model::MeanAdjusted, "AAPL_mean", "mkt"),
    ] {
        let spec = StudySpec {
            market: market.to_owned(),
            estimation: [-335, -36],
            window: [-5, 20],
            windows: (-5..=20).map(|to| [-5, to]).collect(),
            models: vec![model],
            ..StudySpec::default()
        };
        let found = run(&returns, &factors, &on_one_date(&returns, "2007-01-09"), &spec).unwrap();
        let found = &found["models"][model.name()];
        for part in ["events", "single_event_windows"] {
            let want = &expected[part][key];
            compare(&format!("/{part}/{key}"), part, want, &found[part]["AAPL"], &mut out);
        }
    }
    out
}

#[test]
#[ignore = "needs the reference folder, whose public inputs are not shipped"]
fn set_04_one_firm_many_windows() {
    print_table("04", &set_04(&reference().join("04_aapl_iphone_2007")));
}

fn set_05(path: &Path) -> Deviations {
    use shockbrief_analytics::event_study::event_time::aligned;
    let set = json(path);
    let dates: Vec<&str> = set["dates"].as_array().unwrap().iter().map(|d| d.as_str().unwrap()).collect();
    let mut events = Vec::new();
    for event in set["events"].as_array().unwrap() {
        let (firm, date) = (event[0].as_str().unwrap(), event[1].as_str().unwrap());
        let row = dates.iter().position(|d| *d == date);
        if let (Some(prices), Some(row)) = (set["prices"][firm].as_array(), row) {
            let p: Vec<f64> = prices.iter().map(|v| v.as_f64().unwrap()).collect();
            let later = p.windows(2).map(|w| Some((w[1] / w[0]).ln()));
            let returns: Vec<Option<f64>> = std::iter::once(None).chain(later).collect();
            events.push((returns, row));
        }
    }
    let views: Vec<_> = events.iter().map(|(r, k)| (r.as_slice(), *k)).collect();
    let found = aligned(&views, [-1, 1], 0.95).unwrap();
    assert_eq!(found.events, 3);
    let side = |k: usize| -> Vec<Value> {
        let bounds = found.interval.iter().map(|i| i.as_ref().ok().map(|b| b[k]));
        bounds.map(Value::from).collect()
    };
    let found = serde_json::json!({
        "window": [-1, 1],
        "mean": found.mean,
        "median_wilcox": found.median,
        "classic_ci_lower": side(0),
        "classic_ci_upper": side(1),
    });
    let mut expected = set["expected"].clone();
    expected.as_object_mut().unwrap().remove("remap");
    let mut out = Deviations::new();
    compare("", "", &expected, &found, &mut out);
    out
}

#[test]
#[ignore = "needs the reference folder, whose public inputs are not shipped"]
fn set_05_event_time_paths() {
    print_table("05", &set_05(&reference().join("05_xkdr_fixture.json")));
}

/// Rejection rates against another implementation's simulation: same design,
/// other random numbers, so agreement is statistical.
fn set_09(replications: usize) -> Vec<String> {
    use shockbrief_analytics::event_study::size::{Law, SizeDesign, size_table};
    let names = [
        ("csect_t", "csect_t"),
        ("patell", "patell_z"),
        ("bmp", "bmp_t"),
        ("kp_adj_patell", "kp_adj_patell_z"),
        ("kp_adj_bmp", "kp_adj_bmp_t"),
        ("cda", "cda_t"),
        ("portfolio_reg", "portfolio_t"),
        ("gsign", "gsign_z"),
        ("corrado", "corrado_rank_z"),
        ("grank_t", "grank_t"),
        ("grank_z", "grank_z"),
        ("placebo_dates", "placebo_p"),
    ];
    let set = json(&fixtures().join("09_size_power.json"));
    let mut lines = Vec::new();
    for d in set["designs"].as_array().unwrap() {
        let number = |k: &str| d[k].as_f64().unwrap();
        let design = SizeDesign {
            n: number("N") as usize,
            m: number("M") as usize,
            l: number("L2") as usize,
            r_bar: number("rho"),
            law: if d["dist"] == "t" { Law::Student5 } else { Law::Normal },
            shock: number("shock_in_sd"),
            event_variance: number("event_variance_factor"),
            level: 0.05,
            replications,
            seed: 11,
        };
        let found = size_table(&design).unwrap();
        for (theirs, ours) in names {
            let want = d["reject_5pct"][theirs].as_f64().unwrap();
            let have = found.iter().find(|r| r.key == ours).unwrap().rate;
            let spread = |p: f64, n: f64| (p * (1.0 - p)).max(0.01) / n;
            let se = (spread(want, number("reps")) + spread(have, replications as f64)).sqrt();
            let z = (have - want) / se;
            lines.push(format!(
                "09 | N {} rho {} L {} shock {} var {} | {ours} | {want:.3} | {have:.3} | {z:+.1}",
                design.n, design.r_bar, design.l, design.shock, design.event_variance
            ));
            assert!(z.abs() < 5.0, "{}", lines.last().unwrap());
        }
    }
    lines
}

#[test]
fn set_09_sizes_and_powers() {
    println!("{}", set_09(400).join("\n"));
}

#[test]
#[ignore = "the full table takes a minute"]
fn set_09_many_replications() {
    println!("{}", set_09(3_000).join("\n"));
}

#[test]
#[ignore = "prints the table of deviations; needs the reference folder"]
fn table_of_deviations() {
    let root = reference();
    let sets = [
        ("01", set_01(&root.join("01_cluster_a"))),
        ("02", set_02(&root.join("02_sp500_additions"))),
        ("03", set_03(&root.join("03_estudy2_covid"))),
        ("04", set_04(&root.join("04_aapl_iphone_2007"))),
        ("05", set_05(&root.join("05_xkdr_fixture.json"))),
    ];
    println!("set | family | numbers | largest relative deviation");
    for (set, deviations) in &sets {
        print_table(set, deviations);
    }
}
