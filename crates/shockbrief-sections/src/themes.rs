//! Themes: equal-weight portfolios as single firms, and the differences between them.

use crate::{Shock, reaction::window_id, tabulate};
use anyhow::Result;
use shockbrief_analytics::{event_study::FirmFit, multiplicity::holm};
use shockbrief_core::{
    Cell, Chart, Figure, Findings, Row, Table, Unit,
    findings::{Axis, Line},
};

pub fn analyse(context: &Shock<'_>, findings: &mut Findings) -> Result<()> {
    let themes: Vec<(String, String)> = context
        .report
        .themes
        .iter()
        .map(|theme| (format!("theme:{theme}"), format!("theme.{theme}")))
        .collect();
    let pairs: Vec<(String, String)> = context
        .spec
        .long_short
        .iter()
        .map(|[long, short]| (format!("pair:{long}-{short}"), format!("pair.{long}-{short}")))
        .collect();
    for theme in &context.report.themes {
        let n = context.members(theme).len();
        findings.add(
            Figure::new(format!("theme.{theme}.firms"), n as f64, Unit::Count, "count", context.as_of)
                .inputs([format!("theme:{theme}")]),
        );
    }
    record(context, &themes, findings)?;
    record(context, &pairs, findings)?;
    findings.tables.insert("themes".to_owned(), themes_table(context));
    findings.tables.insert("long-short".to_owned(), pairs_table(context));
    findings.charts.insert("themes-car".to_owned(), chart(context));
    Ok(())
}

/// All windows of a family of portfolios; Holm within the family, window by window.
fn record(context: &Shock<'_>, family: &[(String, String)], findings: &mut Findings) -> Result<()> {
    for window in std::iter::once([0, 0]).chain(context.spec.windows.iter().copied()) {
        let cars: Vec<_> = family
            .iter()
            .map(|(firm, id)| {
                (
                    id,
                    context
                        .portfolios
                        .firm(firm)
                        .ok_or_else(|| "too little history".to_owned())
                        .and_then(|fit| fit.car(window).map_err(|error| error.to_string())),
                )
            })
            .collect();
        let known: Vec<f64> = cars.iter().filter_map(|(_, car)| Some(car.as_ref().ok()?.p)).collect();
        let mut adjusted = holm(&known)?.into_iter();
        for (id, car) in cars {
            let name = window_id(window);
            let value = car.as_ref().map(|car| car.car).map_err(Clone::clone);
            let figure = |part: &str, value, unit, statistic| {
                Figure::from_result(format!("{id}.{part}.{name}"), value, unit, statistic, context.as_of)
                    .inputs([id.clone()])
            };
            let Ok(car) = &car else {
                findings.add(figure("ar", value.clone(), Unit::Ratio, "portfolio_car"));
                findings.add(figure("t", value.clone(), Unit::Statistic, "portfolio_t"));
                findings.add(figure("p_holm", value, Unit::Probability, "holm"));
                continue;
            };
            let df = car.df as f64;
            findings.add(figure("ar", value, Unit::Ratio, "portfolio_car").se(car.se).df([df]).p(car.p));
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

fn value_columns(context: &Shock<'_>) -> Vec<shockbrief_core::Column> {
    let mut columns = vec![
        tabulate::number("col.ar", "pct(1)"),
        tabulate::number("col.sar", "stat(1)"),
        tabulate::number("col.p-holm", "pval"),
    ];
    columns.extend(
        context
            .spec
            .windows
            .iter()
            .map(|[first, last]| tabulate::number(&format!("col.car-{first}-{last}"), "pct(1)")),
    );
    columns
}

fn values(context: &Shock<'_>, prefix: &str) -> Vec<String> {
    let day0 = ["ar", "t", "p_holm"].map(|part| format!("{prefix}.{part}.w0_0"));
    let cars = context.spec.windows.iter().map(|window| format!("{prefix}.ar.{}", window_id(*window)));
    day0.into_iter().chain(cars).collect()
}

fn themes_table(context: &Shock<'_>) -> Table {
    let mut columns = vec![tabulate::text("col.theme"), tabulate::number("col.firms", "int")];
    columns.extend(value_columns(context));
    let rows = context
        .report
        .themes
        .iter()
        .map(|theme| {
            let ids = std::iter::once(format!("theme.{theme}.firms"))
                .chain(values(context, &format!("theme.{theme}")));
            tabulate::row(Cell::Label(format!("theme.{theme}")), ids)
        })
        .collect();
    Table { id: "themes".to_owned(), columns, rows, sources: context.sources(&context.spec.sample) }
}

fn pairs_table(context: &Shock<'_>) -> Table {
    let mut columns = vec![tabulate::text("col.long"), tabulate::text("col.short")];
    columns.extend(value_columns(context));
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
    let [from, to] = context.spec.window;
    let days: Vec<i32> = (from..=to).collect();
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

/// Running sum of abnormal returns from the window's first day; a day without return leaves a gap.
fn path(fit: &FirmFit, days: &[i32]) -> Vec<Option<f64>> {
    let mut sum = 0.0;
    days.iter()
        .map(|day| {
            let ar = fit.days([*day, *day]).first()?.ar;
            sum += ar;
            Some(sum)
        })
        .collect()
}
