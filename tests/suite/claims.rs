//! What sentences and figures rest on: one portfolio behind a line and its cell, inputs behind every figure, page one and the
//! listing with the same cells, and the second benchmark as published.

#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test fails by panicking; a copied number is compared whole"
)]

use serde_json::Value;
use shockbrief_tests::{copy_folder, real_data, root, sample, shockbrief, succeeded};
use std::{collections::BTreeSet, path::Path};

/// Briefs that the reconstruction can make.
const BRIEFS: [&str; 4] = ["2025-01-deepseek", "flash", "weekly-monitor", "monthly-brief"];

fn checked(report: &Path, data: &Path, config: &Path) -> Value {
    let mut check = shockbrief(["check", "--json"]);
    let run = check.arg(report).arg("--data").arg(data).arg("--config").arg(config).output().unwrap();
    succeeded(&run);
    serde_json::from_slice(&run.stdout).unwrap()
}

fn brief(report: &str) -> Value {
    checked(&root().join("reports").join(report), &sample(), &root().join("config"))
}

#[test]
fn the_last_point_of_a_line_is_its_cell() {
    let brief = brief("weekly-monitor");
    let table = &brief["findings"]["tables"]["market-themes"];
    let lines = brief["findings"]["charts"]["market-themes"]["lines"].as_array().unwrap();
    let mut compared = 0;
    for row in table["rows"].as_array().unwrap() {
        let cells = row["cells"].as_array().unwrap();
        let line = cells.iter().find_map(|cell| cell["spark"]["line"].as_u64()).unwrap();
        let half = cells
            .iter()
            .filter_map(|cell| cell["figure"].as_str())
            .find(|id| id.ends_with("return.half"))
            .unwrap();
        let cell = brief["findings"]["figures"][half]["value"].as_f64();
        let last =
            lines[usize::try_from(line).unwrap()]["values"].as_array().unwrap().last().unwrap().as_f64();
        assert_eq!(last, cell, "{half}");
        compared += usize::from(cell.is_some());
    }
    assert!(compared >= 5, "{compared} lines have an end to compare");
}

#[test]
fn every_figure_names_its_inputs() {
    for report in BRIEFS {
        let brief = brief(report);
        let figures = brief["findings"]["figures"].as_object().unwrap();
        let without: Vec<&String> = figures
            .iter()
            .filter(|(id, figure)| {
                figure["inputs"].as_array().unwrap().is_empty() && id.as_str() != "data.as_of"
            })
            .map(|(id, _)| id)
            .collect();
        assert!(without.is_empty(), "{report}: {without:?}");
        assert!(figures.len() > 50, "{report} has {} figures", figures.len());
    }
}

#[test]
fn an_explanation_names_the_files_of_its_figure_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("brief.json");
    fs_err::write(&path, serde_json::to_vec(&brief("2025-01-deepseek")).unwrap()).unwrap();
    let explained = |figure: &str| {
        let run = shockbrief(["explain"]).arg(&path).arg(figure).output().unwrap();
        succeeded(&run);
        let text = String::from_utf8(run.stdout).unwrap();
        text.lines()
            .filter_map(|line| line.trim().strip_prefix("read: "))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let price = explained("theme.software.ar.w0_0");
    assert!(price.len() == 1 && price[0].starts_with("prices.csv"), "{price:?}");
    // Through the figures it is made from: quotes and the share count.
    let value = explained("nvda.market_value.loss");
    assert!(value.len() == 2 && value[1].starts_with("shares.csv"), "{value:?}");
    assert!(explained("positioning.param.high")[0].starts_with("no data file"));
    assert!(explained("fact.r1-release")[0].starts_with("no data file"));
}

/// Figures that the cells at the head of page one print, in order.
fn cells(layout: &str) -> Vec<&str> {
    let cells = layout.lines().filter(|line| line.trim_start().starts_with("kpi("));
    cells.map(|line| line.split("fig(\"").nth(1).unwrap().split('"').next().unwrap()).collect()
}

#[test]
fn the_listing_shows_what_page_one_shows() {
    for report in
        ["2025-01-deepseek", "flash", "weekly-monitor", "monthly-brief", "quarterly-capex-and-controls"]
    {
        let folder = root().join("reports").join(report);
        let layout = fs_err::read_to_string(folder.join("layout/summary.typ.j2")).unwrap();
        let text = fs_err::read_to_string(folder.join("report.yaml")).unwrap();
        let listed = text.split("\nheadline:\n").nth(1).unwrap();
        let listed = listed.lines().take_while(|line| line.starts_with("  - {figure: "));
        let listed: Vec<&str> =
            listed.map(|line| line.split("figure: ").nth(1).unwrap().split(',').next().unwrap()).collect();
        assert_eq!(cells(&layout), listed, "{report}");
    }
}

#[test]
fn a_search_that_could_not_look_does_not_say_none() {
    // The reconstruction begins half a year before the week: too short for the rule's history.
    let brief = brief("weekly-monitor");
    let shocks = &brief["findings"]["figures"]["market.shocks"];
    assert!(shocks["value"].is_null() && shocks["reason"].is_string(), "{shocks}");
    let claim = brief["claims"].as_array().unwrap().iter().find(|claim| claim["id"] == "shocks").unwrap();
    assert_eq!(claim["verdict"], "missing");
}

/// The study alone, on its own event alone, so that no session leaves the estimation window.
fn study_alone(folder: &Path) -> Value {
    copy_folder(&root().join("config"), &folder.join("config"));
    let events = fs_err::read_to_string(root().join("config/events.yaml")).unwrap();
    let own = events.split("\n\n").find(|block| block.starts_with("deepseek-r1:")).unwrap();
    fs_err::write(folder.join("config/events.yaml"), own).unwrap();
    let text = fs_err::read_to_string(root().join("reports/2025-01-deepseek/report.yaml")).unwrap();
    let head = text.split("\npanel:\n").next().unwrap();
    let report = folder.join("reports/study");
    fs_err::create_dir_all(report.join("prose")).unwrap();
    let tail = "\nthemes: [compute, memory, equipment, servers, power, hyperscalers, software, platforms]\n\
                sections: [reaction, themes]\n";
    fs_err::write(report.join("report.yaml"), format!("{head}{tail}")).unwrap();
    for language in ["fr", "en"] {
        fs_err::write(report.join(format!("prose/reaction.{language}.typ.j2")), "-\n").unwrap();
    }
    checked(&report, &real_data(), &folder.join("config"))
}

#[test]
#[ignore = "needs real market data and reference values: set SHOCKBRIEF_DATA and SHOCKBRIEF_REFERENCE"]
fn the_second_benchmark_gives_the_reference_values() {
    let folder = tempfile::tempdir().unwrap();
    let brief = study_alone(folder.path());
    let reference = std::env::var_os("SHOCKBRIEF_REFERENCE").expect("a folder with reference values");
    let expected = Path::new(&reference).join("12_purged_benchmark/expected.json");
    let expected: Value = serde_json::from_slice(&fs_err::read(expected).unwrap()).unwrap();
    let value =
        |id: &str| brief["findings"]["figures"][id]["value"].as_f64().unwrap_or_else(|| panic!("{id}"));
    let near = |id: &str, expected: &Value| {
        let deviation = (value(id) - expected.as_f64().unwrap()).abs();
        assert!(deviation < 1e-9, "{id}: {} instead of {expected}", value(id));
    };
    for (key, infix) in [("index_^GSPC", ""), ("equal_weight_rest", "rest.")] {
        let part = &expected[key];
        for (symbol, firm) in part["firms"].as_object().unwrap() {
            let slug = symbol.to_lowercase();
            near(&format!("{slug}.{infix}ar.w0_0"), &firm["ar0"]);
            near(&format!("{slug}.{infix}sar.w0_0"), &firm["t0"]);
            near(&format!("{slug}.{infix}beta"), &firm["beta"]);
        }
        for (theme, fit) in part["themes"].as_object().unwrap() {
            near(&format!("theme.{theme}.{infix}ar.w0_0"), &fit["ar0"]);
            near(&format!("theme.{theme}.{infix}t.w0_0"), &fit["t0"]);
        }
        near(&format!("sample.{infix}mean"), &part["mean_ar0"]);
        near(&format!("sample.{infix}risers"), &part["risers"]);
    }
    let rest: BTreeSet<&str> =
        expected["rest"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(value("study.rest.names"), rest.len() as f64);
}

#[test]
#[ignore = "needs real market data: set SHOCKBRIEF_DATA"]
fn no_claim_stands_that_ordinary_days_make_too() {
    let report = root().join("reports/2025-01-deepseek");
    let brief = checked(&report, &real_data(), &root().join("config"));
    let figures = &brief["findings"]["figures"];
    let value = |id: &str| figures[id]["value"].as_f64();
    assert!(value("claim.beyond-ordinary.rate").unwrap() <= 0.01);
    assert_eq!(value("calibration.days"), Some(1000.0));
    // The law of the joint F knows no heavy tails; its place among ordinary sessions does.
    assert!(value("calibration.mvrm_f.tenth").unwrap() > 0.05);
    assert!(value("calibration.mvrm_f.rank").unwrap() > 0.001);
    // Software gained against the index alone.
    assert!(
        value("theme.software.ar.w0_0").unwrap() > 0.0 && value("theme.software.rest.ar.w0_0").unwrap() < 0.0
    );
    let verdict = |id: &str| {
        let claims = brief["claims"].as_array().unwrap();
        claims.iter().find(|claim| claim["id"] == id).unwrap()["verdict"].as_str().unwrap().to_owned()
    };
    assert_eq!(verdict("software-gained"), "replaced");
    assert_eq!(verdict("software-leads"), "replaced");
    assert_eq!(verdict("trigger-rotation"), "replaced");
}

/// Facts of the configuration beside the list that they are checked against: id, subject, fact.
const FACTS: [(&str, &str, &str); 7] = [
    ("v3-gpu-hours", "DeepSeek-V3", "training_gpu_hours_h800"),
    ("v3-pretraining-hours", "DeepSeek-V3", "pretraining_gpu_hours_h800"),
    ("v3-tokens", "DeepSeek-V3", "pretraining_tokens"),
    ("r1-price-in", "deepseek-reasoner", "input_price"),
    ("r1-price-out", "deepseek-reasoner", "output_price"),
    ("o1-price-in", "o1", "input_price"),
    ("o1-price-out", "o1", "output_price"),
];

#[test]
#[ignore = "needs the list of key facts: set SHOCKBRIEF_DATA"]
fn facts_are_those_of_the_list() {
    let list = fs_err::read_to_string(real_data().join("deepseek_key_facts.csv")).unwrap();
    let brief = checked(&root().join("reports/2025-01-deepseek"), &real_data(), &root().join("config"));
    for (id, subject, fact) in FACTS {
        let row = list.lines().find(|line| line.starts_with(&format!("{subject},{fact},"))).unwrap();
        let expected: f64 = row.split(',').nth(2).unwrap().parse().unwrap();
        let found = brief["findings"]["figures"][format!("fact.{id}")]["value"].as_f64();
        assert_eq!(found, Some(expected), "fact {id}");
    }
}

#[test]
#[ignore = "needs the timeline of export rules: set SHOCKBRIEF_DATA"]
fn every_dated_rule_of_the_timeline_is_an_event() {
    let timeline = fs_err::read_to_string(real_data().join("export_controls_timeline.csv")).unwrap();
    let events = fs_err::read_to_string(root().join("config/events.yaml")).unwrap();
    let known = |day: &str| {
        events.split("\n\n").any(|block| {
            block.contains("topic: export-controls") && block.contains(&format!("instant: {day}"))
        })
    };
    let mut checked = 0;
    for line in timeline.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let rule = ["interim final rule", "final rule", "is-informed letter", "agency announcement"];
        if cells[0] > "2025-06-30" || !rule.iter().any(|kind| line.contains(&format!(",{kind},"))) {
            continue;
        }
        checked += 1;
        assert!(known(cells[0]) || known(cells[1]), "{}: no event of that day", cells[0]);
    }
    assert!(checked >= 8, "{checked} rules");
}
