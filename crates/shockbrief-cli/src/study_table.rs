//! How a study looks to a person: a summary with the tests to read first on top, and the explanation of one
//! statistic with the numbers that went in. Everything shown is read from the study's JSON; nothing is
//! computed here.

use crate::say;
use anyhow::Result;
use serde_json::Value;
use shockbrief_analytics::{
    catalogue::{self, Compute, Standing, Statistic},
    study::p_key,
};
use shockbrief_core::Refusal;
use std::collections::BTreeSet;

/// Windows side by side in one block of the summary.
const ABREAST: usize = 5;
/// Mark of a test that supposes independent firms.
const MARK: char = '†';

/// The summary: headline tests by window, then every test of the main model, other models in short, themes.
pub fn summary(result: &Value) -> String {
    let mut lines = vec![design(&result["meta"])];
    lines.extend(headline(result));
    if let Some((model, content)) = main_model(result) {
        lines.extend(every_test(model, &content["tests_by_window"]));
        lines.extend(days(model, &content["tests_by_day"]));
        lines.extend(other_models(result, model));
    }
    for (key, part, title) in [
        ("themes", "portfolio", "theme portfolios, each one firm"),
        ("long_short", "difference", "long-short differences of themes"),
    ] {
        lines.extend(portfolios(result, key, part, title));
    }
    lines.extend(dropped(result));
    lines.join("\n")
}

fn design(meta: &Value) -> String {
    let date =
        meta["event_date"].as_str().map_or("different dates".to_owned(), |date| format!("day 0 {date}"));
    let pair = |key: &str| format!("{} to {}", meta[key][0], meta[key][1]);
    format!(
        "{} firms, {} dropped; {date}; estimation days {}, event days {}; {} returns",
        meta["n_firms"],
        meta["n_dropped"],
        pair("estimation_window"),
        pair("event_window"),
        meta["return_type"].as_str().unwrap_or("")
    )
}

/// The market model when it was asked for, else the first: the one behind headline, themes and extras.
fn main_model(result: &Value) -> Option<(&str, &Value)> {
    let models = result["models"].as_object()?;
    let found = models.get_key_value("market_model").or_else(|| models.iter().next())?;
    Some((found.0.as_str(), found.1))
}

fn headline(result: &Value) -> Vec<String> {
    let model = main_model(result).map_or("", |(model, _)| model);
    let mut lines = vec![
        format!("\nread first ({model})"),
        format!(
            "  {:<10} {:>5} {:>9} {:>10} {:>8} {:>11} {:>8} {:>9} {:>9} {:>8} {:>12}",
            "window",
            "firms",
            "CAAR",
            "adj. BMP t",
            "p",
            "portfolio t",
            "p",
            "placebo p",
            "joint F",
            "p",
            "variance p"
        ),
    ];
    let mut noisy = false;
    for (window, tests) in result["headline"].as_object().into_iter().flatten() {
        let rises = variance_rises(tests);
        noisy |= rises;
        lines.push(format!(
            "  {window:<10} {:>5} {:>9} {:>10} {:>8} {:>11} {:>8} {:>9} {:>9} {:>8} {:>11}{}",
            tests["n"].to_string(),
            percent(&tests["caar"]),
            statistic(&tests["kp_adj_bmp_t"]),
            p_value(&tests["kp_adj_bmp_p"]),
            statistic(&tests["portfolio_t"]),
            p_value(&tests["portfolio_p"]),
            p_value(&tests["placebo_p"]),
            statistic(&tests["mvrm_f"]),
            p_value(&tests["mvrm_p"]),
            p_value(&tests["event_variance_chi2_p"]),
            if rises { '!' } else { ' ' }
        ));
        lines.extend(reasons(tests));
    }
    if noisy {
        lines.push(
            "  ! the variance across firms exceeds that of the estimation days: portfolio, placebo and rank tests\n    \
             then reject a true null of no mean effect too often; trust the adjusted BMP test on the mean"
                .to_owned(),
        );
    }
    lines
}

fn variance_rises(tests: &Value) -> bool {
    let df = tests["event_variance_chi2_df"].as_f64().unwrap_or(f64::INFINITY);
    let small = tests["event_variance_chi2_p"].as_f64().is_some_and(|p| p < 0.05);
    small && tests["event_variance_chi2"].as_f64().is_some_and(|chi2| chi2 > df)
}

/// Statistics that could not be computed, each with its reason.
fn reasons(tests: &Value) -> Vec<String> {
    let whole = tests["reason"].as_str().map(|reason| format!("    not computed: {reason}"));
    let each = tests["reasons"].as_object().into_iter().flatten();
    whole
        .into_iter()
        .chain(each.map(|(key, reason)| format!("    {key}: n/a, {}", reason.as_str().unwrap_or(""))))
        .collect()
}

/// Every test, windows side by side: those that keep their size first, the others marked.
fn every_test(model: &str, windows: &Value) -> Vec<String> {
    let Some(windows) = windows.as_object() else { return Vec::new() };
    let all: Vec<(&String, &Value)> = windows.iter().collect();
    let mut lines = vec![format!("\nall tests ({model}): statistic and p")];
    for block in all.chunks(ABREAST) {
        let heads: String = block.iter().map(|(window, _)| format!(" {window:>19}")).collect();
        lines.push(format!("  {:<25}{heads}", ""));
        for standing in [Standing::Headline, Standing::Valid, Standing::Appendix, Standing::Descriptive] {
            lines.extend(
                catalogue::STATISTICS
                    .iter()
                    .filter(|entry| entry.standing == standing)
                    .filter(|entry| {
                        standing != Standing::Descriptive || ["r_bar", "theta"].contains(&entry.key)
                    })
                    .filter(|entry| block.iter().any(|(_, tests)| tests.get(entry.key).is_some()))
                    .map(|entry| row(entry, block)),
            );
        }
    }
    lines.push(format!(
        "  {MARK} supposes independent firms: on one common date it rejects a true null far too often"
    ));
    lines
}

fn row(entry: &Statistic, block: &[(&String, &Value)]) -> String {
    let mark = if entry.standing == Standing::Appendix { MARK } else { ' ' };
    let cells: String = block
        .iter()
        .map(|(_, tests)| {
            let (value, p) = (&tests[entry.key], &tests[p_key(entry.key).as_str()]);
            // Some entries are p-values themselves.
            if entry.key.ends_with("_p") || entry.key.ends_with("_p_exact") {
                format!(" {:>10} {:>8}", "", p_value(value))
            } else {
                format!(
                    " {:>10} {:>8}",
                    statistic(value),
                    if p.is_null() { String::new() } else { p_value(p) }
                )
            }
        })
        .collect();
    format!("  {:<23} {mark}{cells}", entry.key).trim_end().to_owned()
}

fn days(model: &str, days: &Value) -> Vec<String> {
    let mut lines = vec![
        format!("\nday by day ({model})"),
        format!("  {:>4} {:>6} {:>9} {:>10} {:>8}", "day", "firms", "AAR", "adj. BMP t", "p"),
    ];
    for (day, tests) in days.as_object().into_iter().flatten() {
        lines.push(format!("  {day:>4} {}", short(tests)));
    }
    lines
}

fn short(tests: &Value) -> String {
    format!(
        "{:>6} {:>9} {:>10} {:>8}",
        tests["n"].to_string(),
        percent(&tests["caar"]),
        statistic(&tests["kp_adj_bmp_t"]),
        p_value(&tests["kp_adj_bmp_p"])
    )
}

fn other_models(result: &Value, main: &str) -> Vec<String> {
    let models: Vec<(&String, &Value)> =
        result["models"].as_object().into_iter().flatten().filter(|(name, _)| *name != main).collect();
    if models.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![
        "\nother models".to_owned(),
        format!(
            "  {:<16} {:<10} {:>6} {:>9} {:>10} {:>8}",
            "model", "window", "firms", "CAAR", "adj. BMP t", "p"
        ),
    ];
    for (name, content) in models {
        for (window, tests) in content["tests_by_window"].as_object().into_iter().flatten() {
            lines.push(format!("  {name:<16} {window:<10} {}", short(tests)));
        }
    }
    lines
}

fn portfolios(result: &Value, key: &str, part: &str, title: &str) -> Vec<String> {
    let Some(all) = result[key].as_object().filter(|all| !all.is_empty()) else { return Vec::new() };
    let mut lines = vec![
        format!("\n{title}"),
        format!(
            "  {:<26} {:<10} {:>9} {:>8} {:>8} {:>8} {:>9} {:>8}",
            "", "window", "CAR", "t", "p", "p Holm", "joint F", "p"
        ),
    ];
    for (name, windows) in all {
        for (window, cell) in windows.as_object().into_iter().flatten() {
            let (car, joint) = (&cell[part], &cell["mvrm"]);
            let optional = |value: &Value, text: String| if value.is_null() { String::new() } else { text };
            let line = format!(
                "  {name:<26} {window:<10} {:>9} {:>8} {:>8} {:>8} {:>9} {:>8}",
                percent(&car["car"]),
                statistic(&car["t"]),
                p_value(&car["p"]),
                p_value(&car["p_holm"]),
                optional(&joint["F"], statistic(&joint["F"])),
                optional(&joint["F_p"], p_value(&joint["F_p"])),
            );
            lines.push(line.trim_end().to_owned());
            lines.extend(reasons(car));
        }
    }
    lines
}

fn dropped(result: &Value) -> Vec<String> {
    let Some((model, content)) = main_model(result) else { return Vec::new() };
    let list = content["dropped"].as_array().into_iter().flatten();
    let lines: Vec<String> = list
        .map(|firm| {
            let text = |key: &str| firm[key].as_str().unwrap_or("").to_owned();
            format!("  {}: {}", text("event_id"), text("reason"))
        })
        .collect();
    if lines.is_empty() { lines } else { [vec![format!("\ndropped ({model})")], lines].concat() }
}

fn percent(value: &Value) -> String {
    value.as_f64().map_or("n/a".to_owned(), |v| format!("{:+.2}%", v * 100.0))
}

fn statistic(value: &Value) -> String {
    match value.as_f64() {
        Some(v) if v != 0.0 && !(1e-3..1e6).contains(&v.abs()) => format!("{v:.2e}"),
        Some(v) => format!("{v:.3}"),
        None => "n/a".to_owned(),
    }
}

fn p_value(value: &Value) -> String {
    match value.as_f64() {
        Some(p) if p < 1e-4 => "<0.0001".to_owned(),
        Some(p) => format!("{p:.4}"),
        None => "n/a".to_owned(),
    }
}

/// Formula, law, paper and caveat of one statistic, then its values with the numbers that went in.
pub fn explain(key: &str, result: &Value) -> Result<()> {
    let entry = catalogue::explain(key).ok_or_else(|| {
        let known = catalogue::STATISTICS.iter().map(|entry| entry.key).collect::<Vec<_>>().join(", ");
        Refusal::config(format!("no statistic `{key}`")).hint(format!("there are: {known}"))
    })?;
    say(format_args!("{}: {}", entry.key, entry.name));
    let standing = match entry.standing {
        Standing::Headline => "read first on one common date",
        Standing::Valid => "keeps its size under dependence",
        Standing::Appendix => "supposes independent firms; not valid on one common date",
        Standing::Descriptive => "describes; no test",
        Standing::Diagnostic => "a variant of other software, for diagnosis",
    };
    for (name, text) in [
        ("formula", entry.formula),
        ("law", entry.law),
        ("source", entry.paper),
        ("standing", standing),
        ("mind", entry.caveat),
    ] {
        if !text.is_empty() {
            say(format_args!("  {name:<9} {text}"));
        }
    }
    let mut seen = BTreeSet::new();
    let lines: Vec<String> = places(result)
        .into_iter()
        .filter(|(place, tests)| tests.get(key).is_some() && seen.insert(place.clone()))
        .filter_map(|(place, tests)| with_inputs(entry, &place, tests))
        .collect();
    if lines.is_empty() {
        say(match entry.compute {
            Compute::Extra(extra) => format!(
                "  this study did not compute it under this key; ask for it with `extras: [{}]`",
                serde_json::to_value(extra)?.as_str().unwrap_or_default()
            ),
            Compute::Table(name) => {
                format!("  no part of a study: `shockbrief stat {name}` computes it from a table")
            }
            Compute::Firm => {
                "  it stands beside each firm: single_event_windows of the study's JSON".to_owned()
            }
            _ => "  this study did not compute it; see `models` in the study file".to_owned(),
        });
    }
    lines.iter().for_each(say);
    Ok(())
}

/// Every object of the result that may hold the statistic, with its place in words.
fn places(result: &Value) -> Vec<(String, &Value)> {
    let main = main_model(result).map_or("", |(model, _)| model);
    let mut found: Vec<(String, &Value)> = Vec::new();
    let models = result["models"].as_object().into_iter().flatten();
    let (first, others): (Vec<_>, Vec<_>) = models.partition(|(model, _)| *model == main);
    for (model, content) in first.into_iter().chain(others) {
        for (window, tests) in content["tests_by_window"].as_object().into_iter().flatten() {
            found.push((format!("{model}, window {window}"), tests));
        }
    }
    // The tests of the headline that are no tests of the cross-section stand there alone.
    for (window, tests) in result["headline"].as_object().into_iter().flatten() {
        found.push((format!("{main}, window {window}"), tests));
    }
    for (day, tests) in result["models"][main]["tests_by_day"].as_object().into_iter().flatten() {
        found.push((format!("{main}, day {day}"), tests));
    }
    for (window, tests) in result["bhar_tests"].as_object().into_iter().flatten() {
        found.push((format!("{main}, window {window}"), tests));
    }
    found
}

fn with_inputs(entry: &Statistic, place: &str, tests: &Value) -> Option<String> {
    let value = tests.get(entry.key)?;
    if value.is_null() {
        let reason = tests["reasons"][entry.key].as_str().unwrap_or("no reason stored");
        return Some(format!("  {place}: n/a, {reason}"));
    }
    let p = p_key(entry.key);
    let inputs: Vec<String> = std::iter::once(p.as_str())
        .chain(entry.made_of.iter().copied())
        .filter_map(|key| Some(format!("{key} = {}", tests.get(key).filter(|value| !value.is_null())?)))
        .collect();
    Some(format!("  {place}: {value}\n      {}", inputs.join(", ")))
}
