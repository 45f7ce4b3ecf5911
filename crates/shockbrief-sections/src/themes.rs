//! Themes: equal-weight portfolios as single firms, and the differences between them.

use crate::{Shock, reaction::window_id, shock::Fitted, tabulate};
use anyhow::Result;
use shockbrief_analytics::{event_study::FirmFit, moments, multiplicity::holm};
use shockbrief_core::{
    Cell, Chart, Figure, Findings, Row, Table, ThemeId, Unit,
    findings::{Axis, Line},
};

pub fn analyse(context: &Shock<'_>, findings: &mut Findings) -> Result<()> {
    for theme in &context.report.themes {
        let n = context.members(theme).len();
        findings.add(
            Figure::new(format!("theme.{theme}.firms"), n as f64, Unit::Count, "count", context.as_of)
                .inputs(context.inputs(&[theme])),
        );
        day0(context, theme, findings);
    }
    let windows: Vec<[i32; 2]> =
        std::iter::once([0, 0]).chain(context.spec.windows.iter().copied()).collect();
    portfolios(context, context.own(), &windows, findings)?;
    if let Some(rest) = context.rest() {
        portfolios(context, rest, &windows, findings)?;
    }
    findings.tables.insert("themes".to_owned(), themes_table(context));
    findings.tables.insert("long-short".to_owned(), pairs_table(context));
    findings.charts.insert("themes-car".to_owned(), chart(context));
    Ok(())
}

/// What a theme's members returned on day 0 on average, with no benchmark between.
pub fn day0(context: &Shock<'_>, theme: &ThemeId, findings: &mut Findings) {
    let members: Vec<String> = context.members(theme).iter().map(|firm| firm.id.clone()).collect();
    let moves: Vec<f64> = members.iter().filter_map(|id| context.day0_move(id)).collect();
    let mean = moments::mean(&moves).map_err(|reason| reason.to_string());
    let id = format!("theme.{theme}.return.day0");
    let figure = Figure::from_result(id, mean, Unit::Ratio, "simple_return", context.as_of);
    findings.add(figure.firms(moves.len()).inputs(members));
}

/// Themes and pairs of one fitted study.
pub fn portfolios(
    context: &Shock<'_>,
    fitted: Fitted<'_>,
    windows: &[[i32; 2]],
    findings: &mut Findings,
) -> Result<()> {
    let themes = context.report.themes.iter();
    let themes: Vec<Portfolio> = themes
        .map(|theme| Portfolio {
            firm: format!("theme:{theme}"),
            id: format!("theme.{theme}"),
            unit: Unit::Ratio,
            inputs: context.inputs(&[theme]),
        })
        .collect();
    let pairs = context.spec.long_short.iter();
    let pairs: Vec<Portfolio> = pairs
        .map(|[long, short]| Portfolio {
            firm: format!("pair:{long}-{short}"),
            id: format!("pair.{long}-{short}"),
            unit: Unit::Points,
            inputs: context.inputs(&[long, short]),
        })
        .collect();
    record(context, fitted, &themes, windows, findings)?;
    record(context, fitted, &pairs, windows, findings)
}

/// A portfolio: its firm in the study, its name in figure ids, the unit of its returns, what it holds.
struct Portfolio {
    firm: String,
    id: String,
    unit: Unit,
    inputs: Vec<String>,
}

/// All windows of a family of portfolios; Holm within the family, window by window.
fn record(
    context: &Shock<'_>,
    fitted: Fitted<'_>,
    family: &[Portfolio],
    windows: &[[i32; 2]],
    findings: &mut Findings,
) -> Result<()> {
    for window in windows {
        let fits = family.iter().map(|portfolio| (portfolio, fitted.portfolios.firm(&portfolio.firm)));
        let cars: Vec<_> = fits
            .map(|(portfolio, fit)| {
                let fit = fit.ok_or_else(|| "too little history".to_owned());
                let car = fit.clone().and_then(|fit| fit.car(*window).map_err(|error| error.to_string()));
                (portfolio, fit.ok(), car)
            })
            .collect();
        let known: Vec<f64> = cars.iter().filter_map(|(_, _, car)| Some(car.as_ref().ok()?.p)).collect();
        let mut adjusted = holm(&known)?.into_iter();
        for (portfolio, fit, car) in cars {
            let name = window_id(*window);
            let value = car.as_ref().map(|car| car.car).map_err(Clone::clone);
            let figure = |part: &str, value, unit, statistic| {
                let id = format!("{}.{}{part}.{name}", portfolio.id, fitted.infix);
                let figure = Figure::from_result(id, value, unit, statistic, context.as_of)
                    .inputs(context.fitted_inputs(fitted, &portfolio.inputs));
                let dates = fit.map(|fit| (&fit.estimation.dates, fit.observations));
                match dates.and_then(|(dates, n)| Some((*dates.first()?, *dates.last()?, n))) {
                    Some((first, last, n)) => figure.span(first, last).n(n),
                    None => figure,
                }
            };
            let Ok(car) = &car else {
                findings.add(figure("ar", value.clone(), portfolio.unit, "portfolio_car"));
                findings.add(figure("t", value.clone(), Unit::Statistic, "portfolio_t"));
                findings.add(figure("p_holm", value, Unit::Probability, "holm"));
                continue;
            };
            let df = car.df as f64;
            findings.add(figure("ar", value, portfolio.unit, "portfolio_car").se(car.se).df([df]).p(car.p));
            findings.add(figure("t", Ok(car.t), Unit::Statistic, "portfolio_t").df([df]).p(car.p));
            findings.add(figure(
                "p_holm",
                adjusted.next().ok_or_else(String::new),
                Unit::Probability,
                "holm",
            ));
        }
    }
    Ok(())
}

fn value_columns(context: &Shock<'_>, format: &str) -> Vec<shockbrief_core::Column> {
    let mut columns = vec![
        tabulate::number("col.ar", format),
        tabulate::number("col.sar", "stat(1)"),
        tabulate::number("col.p-holm", "pval"),
    ];
    if context.rest().is_some() {
        columns.push(tabulate::number("col.rest", format));
        columns.push(tabulate::number("col.p-holm", "pval"));
    }
    columns.extend(
        context
            .spec
            .windows
            .iter()
            .map(|[first, last]| tabulate::number(&format!("col.car-{first}-{last}"), format)),
    );
    columns
}

fn values(context: &Shock<'_>, prefix: &str) -> Vec<String> {
    let mut ids: Vec<String> = ["ar", "t", "p_holm"].map(|part| format!("{prefix}.{part}.w0_0")).into();
    if context.rest().is_some() {
        ids.extend(["ar", "p_holm"].map(|part| format!("{prefix}.rest.{part}.w0_0")));
    }
    ids.extend(context.spec.windows.iter().map(|window| format!("{prefix}.ar.{}", window_id(*window))));
    ids
}

fn themes_table(context: &Shock<'_>) -> Table {
    let mut columns = vec![
        tabulate::text("col.theme"),
        tabulate::number("col.firms", "int"),
        tabulate::number("col.return", "pct(1)"),
    ];
    columns.extend(value_columns(context, "pct(1)"));
    let rows = context
        .report
        .themes
        .iter()
        .map(|theme| {
            let ids = ["firms", "return.day0"]
                .map(|part| format!("theme.{theme}.{part}"))
                .into_iter()
                .chain(values(context, &format!("theme.{theme}")));
            tabulate::row(Cell::Label(format!("theme.{theme}")), ids)
        })
        .collect();
    Table { id: "themes".to_owned(), columns, rows, sources: context.sources(&context.spec.sample) }
}

fn pairs_table(context: &Shock<'_>) -> Table {
    let mut columns = vec![tabulate::text("col.long"), tabulate::text("col.short")];
    columns.extend(value_columns(context, "points(1)"));
    let rows = context
        .spec
        .long_short
        .iter()
        .map(|[long, short]| {
            let names = [Cell::Label(format!("theme.{long}")), Cell::Label(format!("theme.{short}"))];
            Row::new(
                names
                    .into_iter()
                    .chain(values(context, &format!("pair.{long}-{short}")).into_iter().map(Cell::Figure))
                    .collect(),
            )
        })
        .collect();
    Table { id: "long-short".to_owned(), columns, rows, sources: context.sources(&context.spec.sample) }
}

fn chart(context: &Shock<'_>) -> Chart {
    // From day 0 on, as the table sums: its last window and the line's last point are one number.
    let days: Vec<i32> = (-1..=context.spec.window[1]).collect();
    let lines = context
        .report
        .themes
        .iter()
        .filter_map(|theme| {
            let fit = context.portfolios.firm(&format!("theme:{theme}"))?;
            Some(Line {
                label: format!("theme.{theme}"),
                translate: true,
                values: path(fit, &days),
                group: theme.to_string(),
                strong: false,
            })
        })
        .collect();
    Chart::Lines {
        id: "themes-car".to_owned(),
        x: Axis::EventDays(days),
        lines,
        sources: context.sources(&context.spec.sample),
        statistic: "car".to_owned(),
    }
}

/// Running sum of abnormal returns from day 0, nothing before it; a day without return leaves a gap.
fn path(fit: &FirmFit, days: &[i32]) -> Vec<Option<f64>> {
    let mut sum = 0.0;
    days.iter()
        .map(|day| {
            if *day < 0 {
                return Some(0.0);
            }
            let ar = fit.days([*day, *day]).first()?.ar;
            sum += ar;
            Some(sum)
        })
        .collect()
}
