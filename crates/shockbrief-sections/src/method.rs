//! Method: the tests side by side, the files read and the guards that fired.

use crate::{Shock, data, reaction::window_id, tabulate};
use anyhow::Result;
use shockbrief_analytics::event_study::{
    self, Stat, Tests,
    size::{Law, SizeDesign, size_table as simulated_sizes},
};
use shockbrief_core::{Cell, Figure, Findings, Row, Table, Unit};

/// Tests of the mean and of all companies that hold on one common date, in the order of trust.
pub const HEADLINE: [&str; 4] = ["kp_adj_bmp_t", "portfolio_t", "placebo_p", "mvrm_f"];
/// Tests that suppose independent companies; shown for comparison, marked.
const NAIVE: [&str; 3] = ["csect_t", "patell_z", "bmp_t"];

/// Replications of the size table: its simulation error is near one point in a hundred at the nominal
/// level, and the brief need not wait.
const REPLICATIONS: usize = 400;
/// Nominal level of the size table.
const LEVEL: f64 = 0.05;

pub fn analyse(context: &Shock<'_>, findings: &mut Findings) -> Result<()> {
    let windows: Vec<[i32; 2]> =
        std::iter::once([0, 0]).chain(context.spec.windows.iter().copied()).collect();
    for window in &windows {
        tests(context, *window, findings);
    }
    findings.tables.insert("tests".to_owned(), tests_table(context, &windows));
    let sizes = size_table(context, findings);
    findings.tables.insert("size".to_owned(), sizes);
    data::record(&context.desk, findings);
    Ok(())
}

/// All tests of one window.
pub fn tests(context: &Shock<'_>, window: [i32; 2], findings: &mut Findings) {
    match event_study::tests(&context.study, window) {
        Ok(tests) => record(context, window, &tests, findings),
        // No company could be studied: every test is missing for that reason, and none is unknown.
        Err(reason) => {
            let name = window_id(window);
            let missing = |id: String, unit, statistic: &str| {
                let figure = Figure::missing(id, reason.to_string(), unit, statistic, context.as_of);
                figure.inputs(context.inputs(&[]))
            };
            findings.add(missing(format!("sample.{name}.caar"), Unit::Ratio, "caar"));
            for key in HEADLINE.into_iter().chain(NAIVE).chain(["event_variance_chi2"]) {
                let unit = if key == "placebo_p" { Unit::Probability } else { Unit::Statistic };
                findings.add(missing(format!("tests.{name}.{key}"), unit, key));
            }
            if window == [0, 0] {
                let statistic = "mean_residual_correlation";
                findings.add(missing("sample.r_bar".to_owned(), Unit::Correlation, statistic));
            }
        }
    }
}

fn record(context: &Shock<'_>, window: [i32; 2], tests: &Tests, findings: &mut Findings) {
    let name = window_id(window);
    let as_of = context.as_of;
    let inputs = context.inputs(&[]);
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

/// How often each test rejects a true null on a panel like this one: same number of companies, estimation
/// rows and mean residual correlation, heavy-tailed residuals, one day, no event.
fn size_table(context: &Shock<'_>, findings: &mut Findings) -> Table {
    let as_of = context.as_of;
    let firms = context.study.firms.len();
    let rows = context.study.firms.iter().map(|firm| firm.observations).min().unwrap_or(0);
    let r_bar = findings.number("sample.r_bar").unwrap_or(f64::NAN);
    let design = SizeDesign {
        n: firms,
        m: rows,
        law: Law::Student5,
        level: LEVEL,
        replications: REPLICATIONS,
        ..SizeDesign::null(firms, r_bar)
    };
    let rates = simulated_sizes(&design).map_err(|reason| reason.to_string());
    let inputs = ["sample.firms", "sample.r_bar", "study.estimation.days"];
    let number = |id: &str, value: f64, unit| Figure::new(id, value, unit, "size", as_of).inputs(inputs);
    findings.add(number("size.level", LEVEL, Unit::Ratio));
    findings.add(number("size.replications", REPLICATIONS as f64, Unit::Count));
    findings.add(number("size.rows", rows as f64, Unit::Count));
    let columns = vec![
        tabulate::text("col.test"),
        tabulate::number("col.size-rate", "pct(1)"),
        tabulate::number("col.size-error", "pct(1)"),
    ];
    let mut row = |key: &str, invalid: bool| {
        let found = rates.as_ref().map_err(Clone::clone).and_then(|rates| {
            let rate = rates.iter().find(|rate| rate.key == key && rate.replications > 0);
            rate.cloned().ok_or_else(|| "not computed on such a panel".to_owned())
        });
        let cells =
            [("rate", found.clone().map(|r| r.rate)), ("error", found.map(|r| r.se))].map(|(part, value)| {
                let id = format!("size.{key}.{part}");
                let figure = Figure::from_result(id, value, Unit::Ratio, "size", as_of);
                Cell::Figure(findings.add(figure.inputs(inputs).firms(firms).n(REPLICATIONS)))
            });
        let [rate, error] = cells;
        Row { cells: vec![Cell::Label(format!("test.{key}")), rate, error], total: false, invalid }
    };
    let rows = HEADLINE
        .iter()
        .filter(|key| **key != "mvrm_f")
        .map(|key| (key, false))
        .chain(NAIVE.iter().map(|key| (key, true)))
        .map(|(key, invalid)| row(key, invalid))
        .collect();
    Table { id: "size".to_owned(), columns, rows, sources: Vec::new() }
}
