//! Method: the tests side by side, the files read and the guards that fired.

use crate::{Shock, data, reaction::window_id, tabulate};
use anyhow::Result;
use shockbrief_analytics::event_study::{self, Stat, Tests};
use shockbrief_core::{Cell, Figure, Findings, Row, Table, Unit};

/// Tests of the mean and of all companies that hold on one common date, in the order of trust.
const HEADLINE: [&str; 4] = ["kp_adj_bmp_t", "portfolio_t", "placebo_p", "mvrm_f"];
/// Tests that suppose independent companies; shown for comparison, marked.
const NAIVE: [&str; 3] = ["csect_t", "patell_z", "bmp_t"];

pub fn analyse(context: &Shock<'_>, findings: &mut Findings) -> Result<()> {
    let windows: Vec<[i32; 2]> =
        std::iter::once([0, 0]).chain(context.spec.windows.iter().copied()).collect();
    for window in &windows {
        match event_study::tests(&context.study, *window) {
            Ok(tests) => record(context, *window, &tests, findings),
            Err(reason) => {
                let id = format!("sample.{}.caar", window_id(*window));
                findings.add(Figure::missing(id, reason.to_string(), Unit::Ratio, "caar", context.as_of));
            }
        }
    }
    findings.tables.insert("tests".to_owned(), tests_table(context, &windows));
    data::record(&context.desk, findings);
    Ok(())
}

fn record(context: &Shock<'_>, window: [i32; 2], tests: &Tests, findings: &mut Findings) {
    let name = window_id(window);
    let as_of = context.as_of;
    let inputs = ["sample".to_owned(), context.spec.benchmark.to_string()];
    findings.add(
        Figure::new(format!("sample.{name}.caar"), tests.caar, Unit::Ratio, "caar", as_of)
            .inputs(inputs.clone())
            .firms(tests.n)
            .n(tests.observations),
    );
    let joint = context.joint(window);
    for key in HEADLINE.into_iter().chain(NAIVE).chain(["event_variance_chi2"]) {
        let stat =
            joint.get(key).cloned().unwrap_or_else(|| tests.get(key).map_err(|reason| reason.to_string()));
        let unit = if key == "placebo_p" { Unit::Probability } else { Unit::Statistic };
        findings.add(figure(format!("tests.{name}.{key}"), key, stat, unit, as_of).inputs(inputs.clone()));
    }
    if window == [0, 0] {
        let r_bar = tests.get("r_bar").map(|stat| stat.value).map_err(|reason| reason.to_string());
        findings.add(
            Figure::from_result("sample.r_bar", r_bar, Unit::Correlation, "mean_residual_correlation", as_of)
                .inputs(inputs)
                .firms(tests.n),
        );
    }
}

fn figure(id: String, key: &str, stat: Result<Stat, String>, unit: Unit, as_of: jiff::civil::Date) -> Figure {
    match stat {
        Ok(stat) => Figure::new(id, stat.value, unit, key, as_of)
            .df([stat.df, stat.df2].into_iter().flatten())
            .p(stat.p.unwrap_or(f64::NAN))
            .firms(stat.firms)
            .n(stat.observations),
        Err(reason) => Figure::missing(id, reason, unit, key, as_of),
    }
}

/// One row per test, one pair of columns (statistic, p) per window.
fn tests_table(context: &Shock<'_>, windows: &[[i32; 2]]) -> Table {
    let mut columns = vec![tabulate::text("col.test")];
    for window in windows {
        columns.push(tabulate::number(&format!("col.stat-{}", window_id(*window)), "stat(2)"));
        columns.push(tabulate::number("col.p", "pval"));
    }
    let row = |key: &str, invalid: bool| {
        let mut cells = vec![Cell::Label(format!("test.{key}"))];
        for window in windows {
            let id = format!("tests.{}.{key}", window_id(*window));
            let statistic = if key == "placebo_p" { Cell::Empty } else { Cell::Figure(id.clone()) };
            cells.extend([statistic, Cell::P(id)]);
        }
        Row { cells, total: false, invalid }
    };
    let rows = HEADLINE
        .iter()
        .map(|key| row(key, false))
        .chain([row("event_variance_chi2", false)])
        .chain(NAIVE.iter().map(|key| row(key, true)))
        .collect();
    Table { id: "tests".to_owned(), columns, rows, sources: context.sources(&context.spec.sample) }
}
