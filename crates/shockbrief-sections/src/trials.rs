//! Findings that could refute a claim: the same study on ordinary days, without each company, against the rest of the
//! market; for a report on periods, its sections on earlier periods.
//!
//! All of them come from the code that makes the brief's own figures, under the same ids, so that a condition can be asked of
//! each. Those of a study hold day 0 alone: what is claimed of longer windows is not calibrated here.

use crate::{
    Context, Desk, Shock,
    kept::{Keep, about, reduce},
    method, reaction,
    shock::day0_return,
    themes,
};
use anyhow::Result;
use rayon::prelude::*;
use shockbrief_analytics::calibration::{DAYS, MIN_DAYS as LEAST, rank};
use shockbrief_core::{Cell, Dataset, Figure, Findings, Market, Period, Row, Symbol, Table, TimeTable, Unit};
use std::collections::BTreeSet;

/// What could refute a claim.
#[derive(Debug, Clone, Default)]
pub struct Trials {
    /// One set of findings for each ordinary session or earlier period, the latest first.
    pub ordinary: Vec<Findings>,
    /// Findings without each company of the sample, by its name.
    pub without: Vec<(String, Findings)>,
    /// Findings against the rest of the market, or why there are none.
    pub rest: Option<Findings>,
}

/// What claims ask of trials.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Ids of the figures in their conditions.
    pub figures: BTreeSet<String>,
    /// Sections whose claims are calibrated.
    pub sections: BTreeSet<String>,
}

/// The trials of a report, from where they are kept if they were made before; nothing where none can be made or none is asked.
#[must_use]
pub fn trials(context: &Context<'_>, asked: &Asked, keep: Option<&dyn Keep>) -> Option<Trials> {
    if context.shock.is_none() && asked.sections.is_empty() {
        return None;
    }
    let mut wanted = asked.figures.clone();
    wanted.extend(tests().map(|key| format!("tests.w0_0.{key}")));
    let name = keep.map(|_| about(context, &wanted, &asked.sections)).unwrap_or_default();
    if let Some(kept) = keep.and_then(|keep| keep.get(&name)) {
        return Some(kept);
    }
    let mut trials = match &context.shock {
        Some(shock) => of_study(shock),
        None => Trials { ordinary: earlier(context, &asked.sections), ..Trials::default() },
    };
    let without = trials.without.iter_mut().map(|(_, findings)| findings);
    let all = trials.ordinary.iter_mut().chain(without).chain(&mut trials.rest);
    all.for_each(|findings| reduce(findings, &wanted));
    if let Some(keep) = keep {
        keep.put(&name, &trials);
    }
    Some(trials)
}

fn of_study(shock: &Shock<'_>) -> Trials {
    let rows = shock.ordinary(DAYS);
    let ordinary = if rows.len() < LEAST {
        Vec::new()
    } else {
        rows.par_iter().filter_map(|row| day(&shock.on(*row).ok()?).ok()).collect()
    };
    let companies: Vec<Symbol> = shock.study.firms.iter().map(|firm| firm.id.as_str().into()).collect();
    // A theme that one company alone makes up is no error: that trial is left out.
    let without = companies
        .par_iter()
        .filter_map(|symbol| Some((shock.name(symbol), day(&shock.without(symbol).ok()?).ok()?)))
        .collect();
    let rest = shock.on_rest().and_then(|shock| day(&shock).ok());
    Trials { ordinary, without, rest }
}

/// The sections' findings of earlier periods of the same length in which no declared event fell, the latest first.
fn earlier(context: &Context<'_>, sections: &BTreeSet<String>) -> Vec<Findings> {
    let desk = &context.desk;
    let Some(home) = context.panel.as_ref().and_then(|panel| desk.data.find(&panel.spec.benchmark)) else {
        return Vec::new();
    };
    ordinary_periods(desk, home.0)
        .par_iter()
        .filter_map(|period| on(desk, *period, home.0, sections))
        .collect()
}

/// Periods of the same length before the desk's, within the history and without the day 0 of a declared event.
fn ordinary_periods(desk: &Desk<'_>, home: &Market) -> Vec<Period> {
    let rows = desk.events.events.values().filter_map(|event| home.event_row(event.instant));
    let shocks: Vec<_> = rows.map(|row| home.sessions[row].date).collect();
    let Some(first) = home.sessions.first().map(|session| session.date) else { return Vec::new() };
    let earlier = std::iter::successors(Some(desk.period.previous()), |period| Some(period.previous()));
    let whole = earlier.take_while(|period| period.first_date() > first);
    let shock =
        |period: &Period| shocks.iter().any(|day| (period.first_date()..=period.last_date()).contains(day));
    whole.filter(|period| !shock(period)).collect()
}

/// What these sections would have found in an earlier period; none where they find nothing.
fn on(desk: &Desk<'_>, period: Period, home: &Market, sections: &BTreeSet<String>) -> Option<Findings> {
    let end = home.sessions.partition_point(|session| session.date <= period.last_date());
    let as_of = home.sessions.get(end.checked_sub(1)?)?.date;
    if as_of < period.first_date() {
        return None;
    }
    let data = known(desk.data, as_of);
    let context = Context::new(Desk { period, as_of, data: &data, previous: None, ..*desk }).ok()?;
    let mut findings = Findings::default();
    context.describe(&mut findings);
    crate::add(&context, &mut findings, |instance, method| {
        sections.contains(&instance.id) && !method.by_portfolio() && !method.compares()
    })
    .ok()?;
    Some(findings)
}

/// What was known at a date: prices and rates up to it, counts filed by then. Records say when they became known row by row, which
/// not every section reads alike: earlier periods have none.
fn known(data: &Dataset, as_of: jiff::civil::Date) -> Dataset {
    let mut cut = Dataset { records: std::collections::BTreeMap::new(), ..data.clone() };
    for market in cut.markets.values_mut() {
        let end = market.sessions.partition_point(|session| session.date <= as_of);
        market.sessions.truncate(end);
        for series in market.series.values_mut() {
            for values in [&mut series.adjusted, &mut series.quote, &mut series.volume] {
                values.truncate(end);
            }
        }
    }
    for table in [&mut cut.fx, &mut cut.factors] {
        until(table, as_of);
    }
    cut.shares.retain(|count| count.filed <= as_of);
    cut
}

fn until(table: &mut TimeTable, as_of: jiff::civil::Date) {
    let end = table.dates.partition_point(|date| *date <= as_of);
    table.dates.truncate(end);
    table.columns.values_mut().for_each(|column| column.truncate(end));
}

/// Tests whose behaviour on ordinary days the brief shows.
fn tests() -> impl Iterator<Item = &'static str> {
    method::HEADLINE.into_iter().chain(["event_variance_chi2"])
}

/// The figures of day 0 that claims ask for.
fn day(shock: &Shock<'_>) -> Result<Findings> {
    let mut findings = Findings::default();
    reaction::companies(shock, shock.own(), &[], &mut findings)?;
    for symbol in shock.spec.sample.iter().chain([&shock.spec.benchmark]) {
        day0_return(shock, symbol, &mut findings);
    }
    for theme in &shock.report.themes {
        themes::day0(shock, theme, &mut findings);
    }
    themes::portfolios(shock, shock.own(), &[[0, 0]], &mut findings)?;
    method::tests(shock, [0, 0], &mut findings);
    Ok(findings)
}

/// How often each test rejects on ordinary days, and the place of this day among them: figures and their table.
pub fn calibrate(shock: &Shock<'_>, trials: &Trials, findings: &mut Findings) {
    let as_of = shock.as_of;
    let inputs = shock.inputs(&[]);
    let days = trials.ordinary.len();
    let figure = |id: String, value: Result<f64, String>, unit, statistic| {
        Figure::from_result(id, value, unit, statistic, as_of).inputs(inputs.clone()).n(days)
    };
    let short = || format!("fewer than {LEAST} ordinary sessions before the event");
    let count = if days == 0 { Err(short()) } else { Ok(days as f64) };
    findings.add(figure("calibration.days".to_owned(), count, Unit::Count, "count"));
    let mut rows = Vec::new();
    for key in tests() {
        let id = format!("tests.w0_0.{key}");
        let of = |findings: &Findings| {
            findings.figures.get(&id).and_then(|figure| Some((figure.number()?, figure.p?)))
        };
        let usual: Vec<(f64, f64)> = trials.ordinary.iter().filter_map(of).collect();
        let share = |level: f64| match usual.len() {
            0 => Err(short()),
            n => Ok(usual.iter().filter(|(_, p)| *p < level).count() as f64 / n as f64),
        };
        let rank = match (usual.len(), of(findings)) {
            (0, _) => Err(short()),
            (_, None) => Err("the test has no value on the day".to_owned()),
            // A p of its own is ranked by its p, the others by their size: two-sided tests count both ends.
            (_, Some((value, p))) => {
                let by_p = key == "placebo_p";
                let size = |(value, p): &(f64, f64)| if by_p { 1.0 - p } else { value.abs() };
                let sizes: Vec<f64> = usual.iter().map(size).collect();
                rank(size(&(value, p)), &sizes).map(|rank| rank.p).map_err(|reason| reason.to_string())
            }
        };
        let cells = [
            ("five", share(0.05), Unit::Ratio),
            ("one", share(0.01), Unit::Ratio),
            ("tenth", share(0.001), Unit::Ratio),
            ("rank", rank, Unit::Probability),
        ]
        .map(|(part, value, unit)| {
            Cell::Figure(findings.add(figure(
                format!("calibration.{key}.{part}"),
                value,
                unit,
                "ordinary_days",
            )))
        });
        let mut row = vec![Cell::Label(format!("test.{key}"))];
        row.extend(cells);
        rows.push(Row::new(row));
    }
    let columns = vec![
        crate::tabulate::text("col.test"),
        crate::tabulate::number("col.rejects-five", "pct(1)"),
        crate::tabulate::number("col.rejects-one", "pct(1)"),
        crate::tabulate::number("col.rejects-tenth", "pct(1)"),
        crate::tabulate::number("col.rank-day", "pval"),
    ];
    let table =
        Table { id: "calibration".to_owned(), columns, rows, sources: shock.sources(&shock.spec.sample) };
    findings.tables.insert("calibration".to_owned(), table);
}
