//! Market: what the period brought, by theme and by name, and how far names moved apart.

use crate::{
    Context, Desk, Outcome,
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
    Cell, Chart, Figure, Findings, Table, Unit,
    findings::{Axis, Line},
};
use std::ops::Range;

/// Names shown at either end.
const MOVERS: usize = 5;
/// Sessions that volatility and the usual dispersion look back on.
const QUARTER: usize = 63;
const YEAR: usize = 252;
/// Sessions drawn.
const DRAWN: usize = 126;
/// What the detection rule must have for each session of the period.
const JUDGED: &str = "sessions with the 250 earlier ones that detection needs";

pub fn analyse(context: &Context<'_>, findings: &mut Findings) -> Result<Outcome> {
    let Some(panel) = &context.panel else { return Ok(Outcome::Absent("absent.no-panel")) };
    if panel.period.is_empty() || panel.sample.is_empty() {
        return Ok(Outcome::Absent("absent.no-session"));
    }
    themes(panel, findings)?;
    movers(panel, findings);
    dispersions(panel, findings);
    shocks(&context.desk, panel, findings);
    findings.charts.insert("market-themes".to_owned(), chart(panel));
    Ok(Outcome::Ready)
}

fn themes(panel: &Panel<'_>, findings: &mut Findings) -> Result<()> {
    let mut rows = Vec::new();
    let drawn = panel.trailing(DRAWN);
    let mut parts = vec![("return.period", panel.period.clone())];
    // In January the year to date is the period, or the end of it: one column.
    if panel.year != panel.period {
        parts.push(("return.year", panel.year.clone()));
    }
    parts.push(("return.half", drawn));
    for (line, (theme, members)) in panel.themes().into_iter().enumerate() {
        let inputs: Vec<String> = members.iter().map(|member| member.symbol.to_string()).collect();
        let priced =
            |range: &Range<usize>| members.iter().filter(|member| member.change(range).is_some()).count();
        let id = |part: &str| format!("theme.{theme}.{part}");
        findings.add(firms(panel, id("names"), members.len(), &inputs));
        for (part, range) in with_year(&parts, &panel.year) {
            let value = panel.basket(&members, &range);
            let figure = panel.figure(id(part), value, Unit::Ratio, "held_basket", &range);
            findings.add(figure.firms(priced(&range)).inputs(inputs.clone()));
        }
        let missing = || reason::Missing::TooFew { what: "closing prices", have: 0, need: 2 };
        let index = panel.benchmark.change(&panel.period).ok_or_else(missing);
        let excess = panel.basket(&members, &panel.period).and_then(|change| Ok(change - index?));
        let both = inputs.iter().cloned().chain([panel.benchmark.symbol.to_string()]);
        let figure = panel.figure(id("excess.period"), excess, Unit::Points, "difference", &panel.period);
        findings.add(figure.inputs(both));
        let window = panel.trailing(QUARTER);
        let returns = panel.course(&members, &window).returns();
        let logs: Vec<Option<f64>> = returns.iter().map(|r| r.map(f64::ln_1p)).collect();
        let volatility = filled(&logs, QUARTER)
            .and_then(|()| realised_volatility(&logs, YEAR as f64))
            .map(|volatility| volatility.annualised);
        findings.add(
            panel
                .figure(id("vol.quarter"), volatility, Unit::Ratio, "realised_volatility", &window)
                .inputs(inputs),
        );
        let shown = parts.iter().map(|(part, _)| *part).chain(["vol.quarter"]);
        let shown = std::iter::once("names").chain(shown);
        let mut row = tabulate::row(Cell::Label(format!("theme.{theme}")), shown.map(id));
        row.cells.push(Cell::Spark { chart: "market-themes".to_owned(), line });
        rows.push(row);
    }
    let mut columns = vec![tabulate::text("col.theme"), tabulate::number("col.firms", "int")];
    columns.extend(parts.iter().map(|(part, _)| {
        let header = match *part {
            "return.period" => "col.period",
            "return.year" => "col.year",
            _ => "col.half-year",
        };
        tabulate::number(header, "pct(1)")
    }));
    columns.push(tabulate::number("col.vol-quarter", "pct(0)"));
    columns.push(tabulate::number("col.course", ""));
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

/// The windows of the table, and the year to date in any case: what is watched has it.
fn with_year<'a>(parts: &[(&'a str, Range<usize>)], year: &Range<usize>) -> Vec<(&'a str, Range<usize>)> {
    let mut all = parts.to_vec();
    if !all.iter().any(|(part, _)| *part == "return.year") {
        all.push(("return.year", year.clone()));
    }
    all
}

fn firms(panel: &Panel<'_>, id: String, n: usize, inputs: &[String]) -> Figure {
    panel.figure(id, Ok(n as f64), Unit::Count, "count", &panel.period).inputs(inputs.iter().cloned())
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
    let symbols = panel.inputs();
    let count = |id: &str, n: usize| {
        panel.figure(id, Ok(n as f64), Unit::Count, "count", &panel.period).inputs(symbols.clone())
    };
    findings.add(count("panel.names", ranked.len()));
    findings.add(count("panel.risers", risers));
    let parts: &[&str] = if panel.year == panel.period { &["period"] } else { &["period", "year"] };
    let shown = ranked.len().min(2 * MOVERS);
    let top = ranked.iter().take(shown - shown / 2);
    let bottom = ranked.iter().skip(ranked.len() - shown / 2);
    let rows = top
        .chain(bottom)
        .map(|(member, _)| {
            let slug = member.symbol.slug();
            let figures = parts.iter().map(|part| format!("{slug}.return.{part}"));
            tabulate::row(Cell::Text(panel.name(&member.symbol)), figures)
        })
        .collect();
    let mut columns = vec![tabulate::text("col.name")];
    columns.extend(parts.iter().map(|part| tabulate::number(&format!("col.{part}"), "pct(1)")));
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
        .and_then(|()| moments::mean(&usual_days));
    let ratio = now.clone().and_then(|now| Ok(now / usual.clone()?));
    let inputs = panel.inputs();
    let figure = |id: &str, value, unit, range| {
        panel.figure(id, value, unit, "dispersion", range).inputs(inputs.clone())
    };
    findings.add(figure("market.dispersion", now, Unit::Ratio, &panel.period));
    findings.add(figure("market.dispersion.usual", usual, Unit::Ratio, &before));
    findings.add(figure("market.dispersion.ratio", ratio, Unit::Number, &panel.period));
}

/// Shock days of the period, by the detection rule on returns net of the benchmark.
///
/// A session that the rule could not look at is not one without shock: then the count has no value, and its reason.
fn shocks(desk: &Desk<'_>, panel: &Panel<'_>, findings: &mut Findings) {
    let days = crate::shocks::days(panel);
    let inside = days.as_ref().map(|days| {
        days.iter().filter(|day| day.shock && panel.period.contains(&day.row)).collect::<Vec<_>>()
    });
    let judged = days.as_ref().map_or(0, |days| {
        days.iter().filter(|day| day.group_z.is_some() && panel.period.contains(&day.row)).count()
    });
    let need = panel.period.len();
    let count = inside.as_ref().map_err(|reason| (*reason).clone()).and_then(|inside| match judged {
        have if have < need => Err(TooFew { what: JUDGED, have, need }),
        _ => Ok(inside.len() as f64),
    });
    let inputs = panel.inputs();
    let figure = |id: &str, value, statistic| {
        panel.figure(id, value, Unit::Count, statistic, &panel.period).inputs(inputs.clone())
    };
    findings.add(figure("market.shocks", count, "detection").n(judged));
    findings.add(figure("market.shocks.judged", Ok(judged as f64), "detection"));
    let found = inside.as_ref().map_or(0, Vec::len) as f64;
    findings.add(figure("market.shocks.found", Ok(found), "detection"));
    let dates = inside.iter().flatten().map(|day| panel.dates[day.row].to_string()).collect();
    findings.lists.insert("market.shocks".to_owned(), dates);
    let mut rows = Vec::new();
    for day in inside.into_iter().flatten() {
        let date = panel.dates[day.row];
        let id = |part: &str| format!("shock.{date}.{part}");
        findings.lists.insert(id("event"), dated_events(desk, panel, day.row));
        let range = day.row..day.row + 1;
        let missing = TooFew { what: "names with a score", have: day.firms, need: 2 };
        let group = day.group_z.ok_or_else(|| missing.clone());
        let score = day.dispersion_score.ok_or(missing);
        let inputs = panel.inputs();
        let figure = |part: &str, value, unit, statistic| {
            panel.figure(id(part), value, unit, statistic, &range).inputs(inputs.clone())
        };
        findings
            .add(shockbrief_core::Figure::date(id("date"), date, "detection", date).inputs(inputs.clone()));
        findings.add(figure("group_z", group, Unit::Statistic, "group_z"));
        findings.add(figure("dispersion", score, Unit::Statistic, "dispersion_score"));
        findings.add(figure("names", Ok(day.names.len() as f64), Unit::Count, "detection"));
        let index = panel.benchmark.change(&range).ok_or(reason::Missing::NoFirms);
        findings.add(figure("index", index, Unit::Ratio, "simple_return"));
        let all: Vec<&Member> = panel.sample.iter().collect();
        findings.add(figure("mean", panel.basket(&all, &range), Unit::Ratio, "held_basket"));
        rows.push(shockbrief_core::Row::new(
            ["date", "mean", "index", "group_z", "dispersion", "names"]
                .map(|part| Cell::Figure(id(part)))
                .into(),
        ));
    }
    let columns = vec![
        tabulate::number("col.day", "date"),
        tabulate::number("col.mean-return", "pct(1)"),
        tabulate::number("col.index", "pct(1)"),
        tabulate::number("col.group-z", "stat(1)"),
        tabulate::number("col.dispersion-score", "stat(1)"),
        tabulate::number("col.names-past", "int"),
    ];
    let table = Table { id: "market-shocks".to_owned(), columns, rows, sources: panel.sources() };
    findings.tables.insert("market-shocks".to_owned(), table);
}

/// Declared events whose day 0 is this session.
fn dated_events(desk: &Desk<'_>, panel: &Panel<'_>, row: usize) -> Vec<String> {
    let Some((home, _)) = desk.data.find(&panel.benchmark.symbol) else { return Vec::new() };
    let events = desk.events.events.iter().filter(|(_, event)| !event.name.is_empty());
    let here = events.filter(|(_, event)| home.event_row(event.instant) == Some(row));
    here.map(|(id, _)| id.to_string()).collect()
}

/// Theme portfolios over half a year, bought in equal amounts at the close before its first session and held.
fn chart(panel: &Panel<'_>) -> Chart {
    let rows = panel.trailing(DRAWN);
    let lines = panel
        .themes()
        .into_iter()
        .map(|(theme, members)| Line {
            label: format!("theme.{theme}"),
            translate: true,
            values: panel
                .course(&members, &rows)
                .levels
                .iter()
                .map(|level| level.map(|level| level - 1.0))
                .collect(),
            group: theme.to_string(),
            strong: false,
        })
        .collect();
    Chart::Lines {
        id: "market-themes".to_owned(),
        x: Axis::Dates(panel.dates[rows].to_vec()),
        lines,
        sources: panel.sources(),
        statistic: "held_basket".to_owned(),
    }
}
