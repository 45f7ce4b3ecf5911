//! Market: what the period brought, by theme and by name, and how far names moved apart.

use crate::{
    Context, Outcome,
    panel::{Member, Panel},
    tabulate,
};
use anyhow::Result;
use shockbrief_analytics::{
    detection::dispersion,
    moments,
    reason::{self, Missing::TooFew},
    volatility::realised_volatility,
};
use shockbrief_core::{
    Cell, Chart, Findings, Table, Unit,
    findings::{Axis, Line},
};

/// Names shown at either end.
const MOVERS: usize = 5;
/// Sessions that volatility and the usual dispersion look back on.
const QUARTER: usize = 63;
const YEAR: usize = 252;
/// Sessions drawn.
const DRAWN: usize = 126;

pub fn analyse(context: &Context<'_>, findings: &mut Findings) -> Result<Outcome> {
    let Some(panel) = &context.panel else { return Ok(Outcome::Absent("absent.no-panel")) };
    if panel.period.is_empty() || panel.sample.is_empty() {
        return Ok(Outcome::Absent("absent.no-session"));
    }
    themes(panel, findings)?;
    movers(panel, findings);
    dispersions(panel, findings);
    shocks(panel, findings);
    findings.charts.insert("market-themes".to_owned(), chart(panel));
    Ok(Outcome::Ready)
}

fn themes(panel: &Panel<'_>, findings: &mut Findings) -> Result<()> {
    let mut rows = Vec::new();
    for (line, (theme, members)) in panel.themes().into_iter().enumerate() {
        let inputs: Vec<String> = members.iter().map(|member| member.symbol.to_string()).collect();
        let priced = |range| members.iter().filter(|member| member.change(range).is_some()).count();
        let id = |part: &str| format!("theme.{theme}.{part}");
        for (part, range) in [("return.period", &panel.period), ("return.year", &panel.year)] {
            let value = panel.basket(&members, range);
            let figure = panel.figure(id(part), value, Unit::Ratio, "basket_return", range);
            findings.add(figure.firms(priced(range)).inputs(inputs.clone()));
        }
        let window = panel.trailing(QUARTER);
        let logs: Vec<Option<f64>> =
            panel.daily(&members)[window.clone()].iter().map(|r| r.map(f64::ln_1p)).collect();
        let volatility = filled(&logs, QUARTER)
            .and_then(|()| realised_volatility(&logs, YEAR as f64))
            .map(|volatility| volatility.annualised);
        findings.add(
            panel
                .figure(id("vol.quarter"), volatility, Unit::Ratio, "realised_volatility", &window)
                .inputs(inputs),
        );
        let parts = ["return.period", "return.year", "vol.quarter"];
        let mut row = tabulate::row(Cell::Label(format!("theme.{theme}")), parts.map(id));
        row.cells.push(Cell::Spark { chart: "market-themes".to_owned(), line });
        rows.push(row);
    }
    let columns = vec![
        tabulate::text("col.theme"),
        tabulate::number("col.period", "pct(1)"),
        tabulate::number("col.year", "pct(1)"),
        tabulate::number("col.vol-quarter", "pct(0)"),
        tabulate::number("col.half-year", ""),
    ];
    let table = Table { id: "market-themes".to_owned(), columns, rows, sources: panel.sources() };
    findings.tables.insert("market-themes".to_owned(), table);
    Ok(())
}

/// Sessions with a value that a window of `rows` needs: the odd gap is no other window, a short history is.
fn needed(rows: usize) -> usize {
    rows - rows / 20
}

/// Refuses a window that has too few values to be called by its length.
fn filled(values: &[Option<f64>], rows: usize) -> reason::Outcome<()> {
    let have = values.iter().flatten().count();
    enough("sessions", have, needed(rows)).map_err(|_| TooFew { what: "sessions", have, need: rows })
}

fn enough(what: &'static str, have: usize, need: usize) -> reason::Outcome<()> {
    if have < need { Err(TooFew { what, have, need }) } else { Ok(()) }
}

/// Each name's change, and the largest rises and falls.
fn movers(panel: &Panel<'_>, findings: &mut Findings) {
    let mut ranked: Vec<(&Member, f64)> = Vec::new();
    for member in &panel.sample {
        for part in ["period", "year"] {
            if !findings.figures.contains_key(&format!("{}.return.{part}", member.symbol.slug())) {
                panel.change(member, part, findings);
            }
        }
        ranked.extend(member.change(&panel.period).map(|change| (member, change)));
    }
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    let risers = ranked.iter().filter(|(_, change)| *change > 0.0).count();
    let count = |id: &str, n: usize| panel.figure(id, Ok(n as f64), Unit::Count, "count", &panel.period);
    findings.add(count("panel.names", ranked.len()));
    findings.add(count("panel.risers", risers));
    let shown = ranked.len().min(2 * MOVERS);
    let top = ranked.iter().take(shown - shown / 2);
    let bottom = ranked.iter().skip(ranked.len() - shown / 2);
    let rows = top
        .chain(bottom)
        .map(|(member, _)| {
            let slug = member.symbol.slug();
            let figures = ["return.period", "return.year"].map(|part| format!("{slug}.{part}"));
            tabulate::row(Cell::Text(panel.name(&member.symbol)), figures)
        })
        .collect();
    let columns = vec![
        tabulate::text("col.name"),
        tabulate::number("col.period", "pct(1)"),
        tabulate::number("col.year", "pct(1)"),
    ];
    let table = Table { id: "market-movers".to_owned(), columns, rows, sources: panel.sources() };
    findings.tables.insert("market-movers".to_owned(), table);
}

/// Cross-sectional dispersion of the period's days beside its usual level.
fn dispersions(panel: &Panel<'_>, findings: &mut Findings) {
    let returns: Vec<Vec<Option<f64>>> = panel.sample.iter().map(Member::returns).collect();
    let daily = |range: std::ops::Range<usize>| -> Vec<f64> {
        range
            .filter_map(|row| {
                let today: Vec<f64> = returns.iter().filter_map(|series| series[row]).collect();
                dispersion(&today).ok()
            })
            .collect()
    };
    let before = panel.period.start.saturating_sub(YEAR)..panel.period.start;
    // A mean over a part of the period, or the median of a part of the year, is neither's.
    let days = daily(panel.period.clone());
    let now = enough("sessions", days.len(), panel.period.len()).and_then(|()| moments::mean(&days));
    let usual_days = daily(before.clone());
    let usual = enough("earlier sessions", usual_days.len(), needed(YEAR))
        .map_err(|_| TooFew { what: "earlier sessions", have: usual_days.len(), need: YEAR })
        .and_then(|()| moments::median(&usual_days));
    let ratio = now.clone().and_then(|now| Ok(now / usual.clone()?));
    let figure = |id: &str, value, unit, range| panel.figure(id, value, unit, "dispersion", range);
    findings.add(figure("market.dispersion", now, Unit::Ratio, &panel.period));
    findings.add(figure("market.dispersion.usual", usual, Unit::Ratio, &before));
    findings.add(figure("market.dispersion.ratio", ratio, Unit::Number, &panel.period));
}

/// Shock days of the period, by the detection rule on returns in excess of the benchmark.
fn shocks(panel: &Panel<'_>, findings: &mut Findings) {
    let days = crate::shocks::days(panel);
    let inside = days.as_ref().map(|days| {
        days.iter().filter(|day| day.shock && panel.period.contains(&day.row)).collect::<Vec<_>>()
    });
    // A session without score was not searched: that nothing was found there says nothing.
    let judged = days.as_ref().map_err(|reason| (*reason).clone()).and_then(|days| {
        let judged = days.iter().filter(|day| panel.period.contains(&day.row) && day.group_z.is_some());
        enough("sessions with a score", judged.count(), panel.period.len())
    });
    let found = inside.as_ref().map_or(0, Vec::len) as f64;
    let count = judged.map(|()| found);
    findings.add(panel.figure("market.shocks", count, Unit::Count, "detection", &panel.period));
    // What was found among the sessions that could be judged, for the table of them.
    findings.add(panel.figure("market.shocks.found", Ok(found), Unit::Count, "detection", &panel.period));
    let mut rows = Vec::new();
    for day in inside.into_iter().flatten() {
        let date = panel.dates[day.row];
        let id = |part: &str| format!("shock.{date}.{part}");
        let range = day.row..day.row + 1;
        let missing = TooFew { what: "names with a score", have: day.firms, need: 2 };
        let group = day.group_z.ok_or_else(|| missing.clone());
        let score = day.dispersion_score.ok_or(missing);
        findings.add(shockbrief_core::Figure::date(id("date"), date, "detection", date));
        findings.add(panel.figure(id("group_z"), group, Unit::Statistic, "group_z", &range));
        findings.add(panel.figure(id("dispersion"), score, Unit::Statistic, "dispersion_score", &range));
        let names = day.names.len() as f64;
        findings.add(panel.figure(id("names"), Ok(names), Unit::Count, "detection", &range));
        let index = panel.benchmark.change(&range).ok_or(reason::Missing::NoFirms);
        findings.add(panel.figure(id("index"), index, Unit::Ratio, "simple_return", &range));
        rows.push(shockbrief_core::Row::new(
            ["date", "index", "group_z", "dispersion", "names"].map(|part| Cell::Figure(id(part))).into(),
        ));
    }
    let columns = vec![
        tabulate::number("col.day", "date"),
        tabulate::number("col.index", "pct(1)"),
        tabulate::number("col.group-z", "stat(1)"),
        tabulate::number("col.dispersion-score", "stat(1)"),
        tabulate::number("col.names-past", "int"),
    ];
    let table = Table { id: "market-shocks".to_owned(), columns, rows, sources: panel.sources() };
    findings.tables.insert("market-shocks".to_owned(), table);
}

/// Theme portfolios over half a year, from the close before its first session.
fn chart(panel: &Panel<'_>) -> Chart {
    let rows = panel.trailing(DRAWN);
    let lines = panel
        .themes()
        .into_iter()
        .map(|(theme, members)| {
            let mut level = 1.0;
            let values = panel.daily(&members)[rows.clone()]
                .iter()
                .map(|change| {
                    level *= 1.0 + change.unwrap_or(0.0);
                    change.map(|_| level - 1.0)
                })
                .collect();
            Line {
                label: format!("theme.{theme}"),
                translate: true,
                values,
                group: theme.to_string(),
                strong: false,
            }
        })
        .collect();
    Chart::Lines {
        id: "market-themes".to_owned(),
        x: Axis::Dates(panel.dates[rows].to_vec()),
        lines,
        sources: panel.sources(),
        statistic: "price_relative".to_owned(),
    }
}
