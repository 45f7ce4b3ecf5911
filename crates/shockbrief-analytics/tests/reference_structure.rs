//! Agreement with reference vectors for GARCH, performance, change points and portfolio structure.
//!
//! The vectors come from other packages and published benchmarks; they are read where they lie and are
//! no part of this project. Set `SHOCKBRIEF_REFERENCE` to their folder. Tolerance: 1e-9 relative on
//! statistics, 1e-6 on GARCH. Run with `--nocapture` to see the largest deviation per family.

#![expect(clippy::unwrap_used, reason = "a test stops where its vectors are not as expected")]

use serde_json::Value;
use shockbrief_analytics::{
    changepoint, concentration, contagion, detection, drawdown, ewma, forward_returns, garch, performance,
    stress,
};
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference");
    std::env::var_os("SHOCKBRIEF_REFERENCE").map_or(beside, PathBuf::from)
}

#[expect(clippy::disallowed_methods, reason = "a test reads its vectors; the crate has no file access")]
fn text(path: &str) -> String {
    let path = folder().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn json(path: &str) -> Value {
    serde_json::from_str(&text(path)).unwrap()
}

fn column(path: &str, name: &str) -> Vec<f64> {
    let text = text(path);
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').map(|h| h.trim_matches('"')).collect();
    let at = header.iter().position(|h| *h == name).unwrap();
    lines.map(|line| line.split(',').nth(at).unwrap().parse().unwrap()).collect()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn matrix(value: &Value) -> Vec<Vec<f64>> {
    value.as_array().unwrap().iter().map(numbers).collect()
}

fn some(x: &[f64]) -> Vec<Option<f64>> {
    x.iter().copied().map(Some).collect()
}

/// Collects relative deviations of one family and judges the largest.
struct Family {
    name: &'static str,
    tolerance: f64,
    count: usize,
    worst: (f64, String),
    failures: Vec<String>,
}

impl Family {
    fn new(name: &'static str, tolerance: f64) -> Self {
        Self { name, tolerance, count: 0, worst: (0.0, String::new()), failures: Vec::new() }
    }

    fn near(&mut self, what: &str, ours: f64, theirs: f64) {
        let deviation = (ours - theirs).abs() / theirs.abs().max(1e-3);
        self.count += 1;
        if deviation > self.worst.0 {
            self.worst = (deviation, what.to_owned());
        }
        if deviation.is_nan() || deviation > self.tolerance {
            self.failures.push(format!("{what}: {ours} against {theirs}"));
        }
    }

    fn slices(&mut self, what: &str, ours: &[f64], theirs: &[f64]) {
        assert_eq!(ours.len(), theirs.len(), "{} {what}", self.name);
        for (k, (a, b)) in ours.iter().zip(theirs).enumerate() {
            self.near(&format!("{what}[{k}]"), *a, *b);
        }
    }

    /// Every number of `theirs` against the same path of `ours`.
    fn tree(&mut self, what: &str, ours: &Value, theirs: &Value) {
        match theirs {
            Value::Object(map) => {
                map.iter().for_each(|(key, value)| self.tree(&format!("{what}.{key}"), &ours[key], value));
            }
            Value::Array(list) => {
                list.iter().enumerate().for_each(|(k, v)| self.tree(&format!("{what}[{k}]"), &ours[k], v));
            }
            Value::Number(number) => {
                let ours = ours.as_f64().unwrap_or_else(|| panic!("{} {what}: no number", self.name));
                self.near(what, ours, number.as_f64().unwrap());
            }
            Value::Null => assert!(ours.is_null(), "{} {what}: {ours} against null", self.name),
            _ => {}
        }
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        let (deviation, at) = &self.worst;
        eprintln!("{:<38} {:>4} numbers, largest deviation {deviation:.1e} at {at}", self.name, self.count);
        if !std::thread::panicking() {
            assert!(self.failures.is_empty(), "{}:\n{}", self.name, self.failures.join("\n"));
        }
    }
}

#[test]
#[ignore = "needs the reference vectors; set SHOCKBRIEF_REFERENCE"]
fn set_06_garch_reaches_the_benchmark() {
    let expected = json("06_garch_dem2gbp/expected.json");
    let returns = column("06_garch_dem2gbp/dem2gbp.csv", "r");
    let fit = garch::fit(&returns, garch::Law::Normal).unwrap();
    let published = &expected["published_benchmark"];
    let params = |v: &Value| ["mu", "omega", "alpha", "beta"].map(|k| v[k].as_f64().unwrap());
    let mut family = Family::new("06 GARCH against TSP/FCP", 1e-9);
    family.slices("params", &fit.params(), &params(&published["params"]));
    family.near("loglik", fit.loglik, published["loglik"].as_f64().unwrap());
    family.slices("se_qml", &fit.se_qml, &numbers(&published["se_qml_tsp"]));
    let computed = &expected["computed"];
    let mut family = Family::new("06 GARCH against computed", 1e-6);
    family.slices("params", &fit.params(), &params(&computed["params"]));
    family.slices("se_hessian", &fit.se_hessian, &numbers(&computed["se_hessian"]));
    family.slices("se_opg", &fit.se_opg, &numbers(&computed["se_opg"]));
    family.slices("se_qml", &fit.se_qml, &numbers(&computed["se_qml"]));
    family.slices("h_first5", &fit.h[..5], &numbers(&computed["h_first5"]));
    family.slices("h_last5", &fit.h[fit.h.len() - 5..], &numbers(&computed["h_last5"]));
    family.near("forecast", fit.forecast_h_next, computed["forecast_h_next"].as_f64().unwrap());
}

#[test]
#[ignore = "needs the reference vectors; set SHOCKBRIEF_REFERENCE"]
fn set_06_ewma() {
    let expected = &json("06_garch_dem2gbp/expected.json")["ewma_lambda_0_94"];
    let returns = column("06_garch_dem2gbp/dem2gbp.csv", "r");
    // The vectors put the mean of the first 20 squares at row 0, before the squares are known.
    let start = returns[..20].iter().map(|r| r * r).sum::<f64>() / 20.0;
    let out = ewma::ewma_from(&some(&returns), 0.94, start).unwrap();
    let mut family = Family::new("06 EWMA", 1e-9);
    for t in [20, 100, 1000, 1973] {
        family.near(
            &format!("v_{t}"),
            out.variance[t].unwrap(),
            expected[format!("v_{t}")].as_f64().unwrap(),
        );
    }
    family.near("next", out.next, expected["next"].as_f64().unwrap());
    let days: Vec<(usize, f64)> = out
        .z
        .iter()
        .enumerate()
        .filter_map(|(t, z)| Some((t, (*z)?)))
        .filter(|(t, z)| *t >= 20 && z.abs() > 4.0)
        .collect();
    let listed = expected["shock_days_abs_z_gt_4"].as_array().unwrap();
    assert_eq!(days.len(), listed.len());
    for ((t, z), day) in days.iter().zip(listed) {
        assert_eq!(Some(*t as u64 + 1), day["t"].as_u64(), "the vectors count from one here");
        family.near("z", *z, day["z"].as_f64().unwrap());
    }
}

fn compare_measures(family: &mut Family, measures: &performance::Measures, expected: &Value) {
    for (name, value) in &measures.values {
        // The peer's `sharpe_ann_geo` annualises the arithmetic mean (0.108/0.137 for Bacon's portfolio).
        let key = match *name {
            "sharpe_ann_geo" => continue,
            "sharpe_ann_arith" => "sharpe_ann_geo",
            other => other,
        };
        if let Some(theirs) = expected[key].as_f64() {
            family.near(name, *value.as_ref().unwrap(), theirs);
        }
    }
}

#[test]
#[ignore = "needs the reference vectors; set SHOCKBRIEF_REFERENCE"]
fn set_07_performance() {
    let expected = json("07_performance/expected_performanceanalytics.json");
    let bacon = "07_performance/portfolio_bacon.csv";
    let managers = "07_performance/managers_ham1_sp500.csv";
    let series = [
        ("bacon", bacon, "portfolio", Some("benchmark"), 0.0),
        ("bacon_mar_0.5pct", bacon, "portfolio", Some("benchmark"), 0.005),
        ("ham1", managers, "HAM1", Some("SP500.TR"), 0.0),
        ("sp500_managers", managers, "SP500.TR", None, 0.0),
    ];
    let mut family = Family::new("07 performance (PerformanceAnalytics)", 1e-9);
    for (key, file, name, benchmark, mar) in series {
        let settings = performance::Settings { periods_per_year: 12.0, mar };
        let returns = some(&column(file, name));
        let results = &expected["results"][key];
        compare_measures(&mut family, &performance::performance(&returns, settings).unwrap(), results);
        if let Some(benchmark) = benchmark {
            let benchmark = some(&column(file, benchmark));
            compare_measures(
                &mut family,
                &performance::relative(&returns, &benchmark, settings).unwrap(),
                results,
            );
        }
        let known = results.as_object().unwrap().keys();
        let ours = |k: &str| {
            performance::MEASURES.iter().any(|m| m.name == k)
                || performance::RELATIVE.iter().any(|m| m.name == k)
        };
        let missing: Vec<&String> = known.filter(|k| !ours(k)).collect();
        assert_eq!(missing, ["n", "adj_sharpe"], "{key}: the vectors say not to test adj_sharpe");
    }
}

#[test]
#[ignore = "needs the reference vectors; set SHOCKBRIEF_REFERENCE"]
fn set_07_missing_returns() {
    let expected = json("07_performance/expected_empyrical.json");
    let settings = performance::Settings { periods_per_year: 252.0, mar: 0.0 };
    let mut family = Family::new("07 performance (empyrical)", 1e-9);
    for key in ["mixed", "negative"] {
        let theirs = &expected["results"][key];
        let series =
            |v: &Value| -> Vec<Option<f64>> { v.as_array().unwrap().iter().map(Value::as_f64).collect() };
        let returns = series(&theirs["returns"]);
        let out = performance::performance(&returns, settings).unwrap();
        let year = 252.0_f64.sqrt();
        let pairs = [
            ("max_drawdown", "max_drawdown", -1.0),
            ("cum_return", "cum_return_final", 1.0),
            ("ann_sd", "annual_volatility_daily252", 1.0),
            ("sharpe_ann_arith", "sharpe_rf0", 1.0),
            ("sortino", "sortino_mar0", year),
            ("downside_dev_full", "downside_risk_mar0", year),
            ("omega", "omega_rf0", 1.0),
            ("ann_return_geo", "annual_return_right", 1.0),
        ];
        for (ours, name, factor) in pairs {
            if let Some(theirs) = theirs[name].as_f64() {
                family.near(name, out.get(ours).unwrap().as_ref().unwrap() * factor, theirs);
            }
        }
        if let Some(beta) = theirs["beta_vs_benchmark"].as_f64() {
            let out = performance::relative(&returns, &series(&theirs["benchmark"]), settings).unwrap();
            family.near("beta", *out.get("beta").unwrap().as_ref().unwrap(), beta);
        }
    }
}

#[test]
#[ignore = "needs the reference vectors; set SHOCKBRIEF_REFERENCE"]
fn set_08_change_points() {
    let expected = json("08_changepoint_nile/expected.json");
    let flow = column("08_changepoint_nile/nile.csv", "flow");
    let mut family = Family::new("08 CUSUM", 1e-9);
    let cusum = changepoint::ols_cusum(&flow).unwrap();
    family.tree("ols", &serde_json::to_value(&cusum).unwrap(), &expected["ols_cusum"]);
    let recursive = changepoint::recursive_cusum(&flow).unwrap();
    let peer = &expected["peer_strucchange"];
    family.near("rec stat", recursive.stat, peer["rec_cusum"]["stat"].as_f64().unwrap());
    family.near("rec p", recursive.p, peer["rec_cusum"]["p"].as_f64().unwrap());
    let mut family = Family::new("08 Bai-Perron", 1e-9);
    let breaks = changepoint::bai_perron(&flow, 5, 15).unwrap();
    let of = |pick: fn(&changepoint::Breaks) -> f64| breaks.by_number.iter().map(pick).collect::<Vec<f64>>();
    family.slices("RSS", &of(|b| b.rss), &numbers(&peer["bai_perron"]["RSS"]));
    family.slices("BIC", &of(|b| b.bic), &numbers(&peer["bai_perron"]["BIC"]));
    family.near("supF", breaks.sup_f, peer["supF"]["stat"].as_f64().unwrap());
    assert_eq!(breaks.by_number[1].breaks, [28]);
    assert_eq!(breaks.by_number[breaks.chosen].breaks, [28]);
    let mut family = Family::new("08 PELT", 1e-9);
    for (key, cost) in
        [("pelt_l2", changepoint::Cost::SumOfSquares), ("pelt_meanvar", changepoint::Cost::MeanVariance)]
    {
        for case in expected[key].as_array().unwrap() {
            let segment = case["min_segment"].as_u64().unwrap() as usize;
            let found = changepoint::pelt(&flow, cost, case["penalty"].as_f64(), segment).unwrap();
            family.tree(key, &serde_json::to_value(&found).unwrap(), case);
        }
    }
}

const INDICES: [&str; 4] = ["DAX", "SMI", "CAC", "FTSE"];

fn prices() -> [Vec<f64>; 4] {
    INDICES.map(|name| column("10_portfolio_structure_eustock/prices.csv", name))
}

fn log_returns() -> [Vec<f64>; 4] {
    prices().map(|p| p.windows(2).map(|w| (w[1] / w[0]).ln()).collect())
}

#[test]
#[ignore = "needs the reference vectors; set SHOCKBRIEF_REFERENCE"]
fn set_10_contagion() {
    let expected = &json("10_portfolio_structure_eustock/expected.json")["contagion"];
    let returns = log_returns();
    let gaps = returns.each_ref().map(|r| some(r));
    let mut family = Family::new("10 contagion", 1e-9);
    for (k, name) in INDICES.iter().enumerate().skip(1) {
        let stable = (&gaps[0][..1638], &gaps[k][..1638]);
        let turmoil = (&gaps[0][1638..1698], &gaps[k][1638..1698]);
        let out = contagion::forbes_rigobon(stable, turmoil, 1).unwrap();
        family.tree(name, &serde_json::to_value(out).unwrap(), &expected["pairs"][*name]);
        family.near("delta", out.delta, expected["delta"].as_f64().unwrap());
    }
    for (key, rows) in [("stable", 0..1638), ("turmoil", 1638..1698)] {
        let views = gaps.each_ref().map(|g| &g[rows.clone()]);
        let mean = contagion::mean_pairwise_correlation(&views, 2).unwrap().mean;
        family.near("mean correlation", mean, expected["mean_pairwise_corr"][key].as_f64().unwrap());
        let views = returns.each_ref().map(|r| &r[rows.clone()]);
        let share = contagion::absorption_ratio(&views, 1).unwrap();
        family.near("absorption", share, expected["absorption_ratio_k1"][key].as_f64().unwrap());
    }
    let mut family = Family::new("10 turbulence and dispersion", 1e-9);
    let history = returns.each_ref().map(|r| &r[..1638]);
    let law = detection::Turbulence::new(&history, detection::Shrinkage::None).unwrap();
    for k in 0..10 {
        let today = returns.each_ref().map(|r| r[1638 + k]);
        family.near(
            "turbulence",
            law.of(&today).unwrap(),
            expected["turbulence_turmoil_first10"][k].as_f64().unwrap(),
        );
        let spread = detection::dispersion(&today).unwrap();
        let theirs = expected["cross_sectional_dispersion_turmoil_first10"][k].as_f64().unwrap();
        family.near("dispersion", spread, theirs);
    }
}

#[test]
#[ignore = "needs the reference vectors; set SHOCKBRIEF_REFERENCE"]
fn set_10_concentration_and_diversification() {
    let expected = json("10_portfolio_structure_eustock/expected.json");
    let mut family = Family::new("10 concentration", 1e-9);
    let theirs = &expected["concentration"];
    let ours = concentration::concentration(&numbers(&theirs["weights"])).unwrap();
    let mut ours = serde_json::to_value(ours).unwrap();
    ours["weights"] = theirs["weights"].clone();
    family.tree("weights", &ours, theirs);
    let mut family = Family::new("10 diversification", 1e-9);
    let theirs = &expected["diversification"];
    let returns = log_returns();
    let views = returns.each_ref().map(Vec::as_slice);
    let ours = concentration::diversification(&numbers(&theirs["weights"]), &views).unwrap();
    let mut ours = serde_json::to_value(ours).unwrap();
    ours["weights"] = theirs["weights"].clone();
    family.tree("risk", &ours, theirs);
}

#[test]
#[ignore = "needs the reference vectors; set SHOCKBRIEF_REFERENCE"]
fn set_10_stress() {
    let case = &json("10_portfolio_structure_eustock/expected.json")["stress"];
    let (weights, exposures) = (numbers(&case["weights"]), matrix(&case["exposures"]));
    let idio_sd = numbers(&case["idio_sd"]);
    let book =
        stress::Book { weights: &weights, exposures: &exposures, exposure_se: None, idio_sd: &idio_sd };
    let themes = case["themes"].as_array().unwrap();
    let shock: Vec<Option<f64>> =
        themes.iter().map(|t| case["shock"][t.as_str().unwrap()].as_f64()).collect();
    let mut family = Family::new("10 stress", 1e-9);
    let direct = stress::direct(book, &shock).unwrap();
    family.tree("direct", &serde_json::to_value(direct).unwrap(), &case["direct"]);
    let moved = stress::propagated(book, &shock, &matrix(&case["factor_cov"])).unwrap();
    family.tree("propagated", &serde_json::to_value(moved).unwrap(), &case["propagated"]);
}

#[test]
#[ignore = "needs the reference vectors; set SHOCKBRIEF_REFERENCE"]
fn set_10_drawdowns() {
    let expected = &json("10_portfolio_structure_eustock/expected.json")["drawdowns"];
    let mut family = Family::new("10 drawdowns", 1e-9);
    for (name, prices) in INDICES.iter().zip(prices()) {
        let mut out = drawdown::drawdowns(&some(&prices)).unwrap();
        out.episodes.truncate(5);
        let mut ours = serde_json::to_value(out).unwrap();
        ours["top5"] = ours["episodes"].clone();
        family.tree(name, &ours, &expected[*name]);
    }
}

#[test]
#[ignore = "needs the reference vectors; set SHOCKBRIEF_REFERENCE"]
fn set_10_forward_returns() {
    let expected = json("10_portfolio_structure_eustock/expected.json");
    let returns = some(&log_returns()[0]);
    let z = ewma::ewma(&returns, 0.94, 60).unwrap().z;
    let mut family = Family::new("10 forward returns", 1e-9);
    for case in expected["forward_returns_first_series"].as_array().unwrap() {
        let rule = forward_returns::Rule {
            threshold: case["threshold"].as_f64().unwrap(),
            horizon: case["horizon"].as_u64().unwrap() as usize,
            draws: 199,
            seed: 1,
        };
        let out = forward_returns::forward_returns(&returns, &z, rule).unwrap();
        let mut ours = serde_json::to_value(out).unwrap();
        for key in ["circular_shift", "newey_west", "politis_white_block_length_of_forward_series"] {
            ours[key] = ours["tests"][key].clone();
        }
        let mut theirs = case.clone();
        for settled in ["ewma_lambda", "seed_obs"] {
            theirs.as_object_mut().unwrap().remove(settled);
        }
        family.tree("case", &ours, &theirs);
    }
}
