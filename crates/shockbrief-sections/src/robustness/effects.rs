//! What the tests of day 0 could have seen: the smallest effect that each detects in four of five cases.
//!
//! A test that does not reject says little without it. For the mean, the adjusted BMP test and the portfolio t; for themes and their
//! differences the t of their portfolio. The placebo test and the joint F have no effect of one size.

use crate::{Shock, kind::Output, tabulate};
use shockbrief_analytics::{
    event_study::{self, FirmFit, cross_section::CrossSection},
    power::{POWER, minimum_common_effect, minimum_effect},
};
use shockbrief_core::{Cell, Figure, Row, Table, ThemeId, Unit};

const DAY0: [i32; 2] = [0, 0];
/// Level of the tests, two-sided.
const LEVEL: f64 = 0.05;

/// A test: the key of its name, the figure that it is about, the figure whose p it gives, and where its effect stands.
struct Line {
    name: Cell,
    about: String,
    p: String,
    id: String,
}

/// Adds the smallest effects of day 0 and their table.
pub fn analyse(shock: &Shock<'_>, out: &mut Output<'_>) {
    let mut add = |id: &str, value: Result<f64, String>, unit, inputs: Vec<String>| {
        let figure = Figure::from_result(id, value, unit, "minimum_detectable_effect", shock.as_of);
        out.add(figure.inputs(inputs));
    };
    add("mde.seen", Ok(POWER), Unit::Ratio, vec!["config".to_owned()]);
    add("mde.level", Ok(LEVEL), Unit::Ratio, vec!["config".to_owned()]);
    add("mde.kp_adj_bmp_t", adjusted(shock), Unit::Ratio, shock.inputs(&[]));
    let portfolio =
        |id: &str| shock.portfolios.firm(id).ok_or("too little history".to_owned()).and_then(effect);
    add("mde.portfolio_t", portfolio("sample"), Unit::Ratio, shock.inputs(&[]));
    for id in ["mde.placebo_p", "mde.mvrm_f"] {
        let none = Err("the test asks for no effect of one size".to_owned());
        add(id, none, Unit::Ratio, shock.inputs(&[]));
    }
    let mut lines: Vec<Line> = ["kp_adj_bmp_t", "portfolio_t"].map(of_mean).into();
    for theme in &shock.report.themes {
        let line = of_theme(theme);
        add(&line.id, portfolio(&format!("theme:{theme}")), Unit::Ratio, shock.inputs(&[theme]));
        lines.push(line);
    }
    for [long, short] in &shock.spec.long_short {
        let effect = portfolio(&format!("pair:{long}-{short}"));
        let id = format!("pair.{long}-{short}.mde.w0_0");
        add(&id, effect, Unit::Points, shock.inputs(&[long, short]));
    }
    table(shock, lines, out);
}

fn of_mean(test: &str) -> Line {
    Line {
        name: Cell::Label(format!("test.{test}")),
        about: "sample.w0_0.caar".to_owned(),
        p: format!("tests.w0_0.{test}"),
        id: format!("mde.{test}"),
    }
}

fn of_theme(theme: &ThemeId) -> Line {
    Line {
        name: Cell::Label(format!("theme.{theme}")),
        about: format!("theme.{theme}.ar.w0_0"),
        p: format!("theme.{theme}.ar.w0_0"),
        id: format!("theme.{theme}.mde.w0_0"),
    }
}

/// What was found, its p, and what would have been seen.
fn table(shock: &Shock<'_>, lines: Vec<Line>, out: &mut Output<'_>) {
    let columns = vec![
        tabulate::text("col.test"),
        tabulate::number("col.ar", "pct(1)"),
        tabulate::number("col.p", "pval"),
        tabulate::number("col.seen", "pct(1)"),
    ];
    let row = |line: Line| {
        Row::new(vec![line.name, Cell::Figure(line.about), Cell::P(line.p), Cell::Figure(line.id)])
    };
    let rows = lines.into_iter().map(row).collect();
    out.table(Table { id: "effects".to_owned(), columns, rows, sources: shock.sources(&shock.spec.sample) });
}

/// Of a portfolio's t.
fn effect(fit: &FirmFit) -> Result<f64, String> {
    let car = fit.car(DAY0).map_err(|reason| reason.to_string())?;
    minimum_effect(car.se, car.df as f64, LEVEL, POWER).map_err(|reason| reason.to_string())
}

/// Of the adjusted BMP test: the abnormal return common to all companies.
fn adjusted(shock: &Shock<'_>) -> Result<f64, String> {
    let told = |reason: shockbrief_analytics::reason::Missing| reason.to_string();
    let section = CrossSection::new(&shock.study, DAY0).map_err(told)?;
    let stat =
        event_study::tests(&shock.study, DAY0).and_then(|tests| tests.get("kp_adj_bmp_t")).map_err(told)?;
    let scars: Vec<(f64, f64)> = section.cars.iter().map(|car| (car.se, car.t)).collect();
    let df = stat.df.unwrap_or(section.n() as f64 - 1.0);
    minimum_common_effect(&scars, stat.value, df, LEVEL, POWER).map_err(told)
}
