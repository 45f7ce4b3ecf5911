//! Regions: the day 0 of each exchange, and names and funds outside the sample.

use crate::{Shock, dated::other_shocks, shock::day0_return, tabulate};
use anyhow::Result;
use shockbrief_analytics::event_study::{self, FirmEvent, FirmFit};
use shockbrief_core::{Cell, Figure, Findings, Market, Symbol, Table, Unit};

pub fn analyse(context: &Shock<'_>, findings: &mut Findings) -> Result<()> {
    let abroad = &context.spec.abroad;
    let firms = abroad.iter().map(|symbol| firm(context, symbol)).collect::<Result<Vec<_>>>()?;
    let study = event_study::fit(&firms, &context.study.spec)?;
    let against = firms.iter().zip(abroad).filter_map(|(firm, symbol)| {
        let (market, _) = context.find(symbol).ok()?;
        Some(firm.clone().with_regressors(vec![context.rest_over(market)?.interval.into()]))
    });
    let rest = event_study::fit(&against.collect::<Vec<_>>(), &context.study.spec)?;
    for symbol in abroad {
        day0_return(context, symbol, findings);
        record(context, symbol, (study.firm(symbol.as_str()), ""), findings);
        if context.rest().is_some() {
            record(context, symbol, (rest.firm(symbol.as_str()), "rest."), findings);
        }
        let since = since(context, symbol);
        let figure = Figure::from_result(
            format!("{}.return.since", symbol.slug()),
            since,
            Unit::Ratio,
            "price_relative",
            context.as_of,
        );
        findings.add(figure.inputs([symbol.as_str()]));
    }
    findings.tables.insert("exchanges".to_owned(), exchanges(context));
    findings.tables.insert("regions".to_owned(), table(context));
    Ok(())
}

/// A name on its own calendar, against the benchmark over the same interval between closes.
fn firm(context: &Shock<'_>, symbol: &Symbol) -> Result<FirmEvent> {
    let (market, series) = context.find(symbol)?;
    let dates: Vec<_> = market.sessions.iter().map(|session| session.date).collect();
    let matched = context.benchmark_over(market)?;
    let day0 = context.day0(market)?;
    let mut firm = FirmEvent::new(symbol.as_str(), dates, series.simple_returns(), day0)
        .with_regressors(vec![matched.interval.into()]);
    firm.excluded = other_shocks(&context.desk, market, context.event.instant, day0, context.spec.estimation);
    firm.gaps = Some(matched.gaps);
    Ok(firm)
}

fn record(
    context: &Shock<'_>,
    symbol: &Symbol,
    (fit, infix): (Option<&FirmFit>, &str),
    findings: &mut Findings,
) {
    let slug = symbol.slug();
    let benchmark = if infix.is_empty() { context.spec.benchmark.as_str() } else { crate::rest::SOURCE };
    let inputs = [symbol.as_str(), benchmark];
    let n = fit.map_or(0, |fit| fit.observations);
    let figure = |id: &str, value, unit, statistic| {
        Figure::from_result(format!("{slug}.{infix}{id}"), value, unit, statistic, context.as_of)
            .inputs(inputs)
            .n(n)
    };
    let fit = fit.ok_or_else(|| "too little history".to_owned());
    let day0 = fit.clone().and_then(|fit| fit.car([0, 0]).map_err(|error| error.to_string()));
    let date = fit.map(|fit| fit.event_date);
    let day = match date {
        Ok(date) => {
            Figure::date(format!("{slug}.day0"), date, "event_row", context.as_of).inputs([symbol.as_str()])
        }
        Err(reason) => {
            Figure::missing(format!("{slug}.day0"), reason, Unit::Date, "event_row", context.as_of)
                .inputs([symbol.as_str()])
        }
    };
    if infix.is_empty() {
        findings.add(day);
    }
    let (se, df, p) =
        day0.as_ref().map_or((f64::NAN, f64::NAN, f64::NAN), |car| (car.se, car.df as f64, car.p));
    let value = day0.as_ref().map(|car| car.car).map_err(Clone::clone);
    findings.add(
        figure("ar.w0_0", value, Unit::Ratio, "abnormal_return").se(se).df(df.is_finite().then_some(df)).p(p),
    );
    findings.add(
        figure("sar.w0_0", day0.map(|car| car.t), Unit::Statistic, "sar")
            .df(df.is_finite().then_some(df))
            .p(p),
    );
    findings.add(figure(
        "p.w0_0",
        if p.is_finite() { Ok(p) } else { Err("too little history".to_owned()) },
        Unit::Probability,
        "sar",
    ));
}

/// Change from the close before day 0 to the as-of date.
fn since(context: &Shock<'_>, symbol: &Symbol) -> Result<f64, String> {
    let (market, series) = context.data.find(symbol).ok_or("no prices")?;
    let day0 = market.event_row(context.event.instant).ok_or("no session since the event")?;
    let price =
        |row: Option<usize>| row.and_then(|row| *series.adjusted.get(row)?).ok_or("a price is missing");
    Ok(price(market.sessions.len().checked_sub(1))? / price(day0.checked_sub(1))? - 1.0)
}

fn exchanges(context: &Shock<'_>) -> Table {
    let rows = context
        .spec
        .exchanges
        .iter()
        .map(|mic| {
            tabulate::row(
                Cell::Label(format!("exchange.{mic}")),
                [format!("day0.{}", mic.as_str().to_lowercase())],
            )
        })
        .collect();
    let columns = vec![tabulate::text("col.exchange"), tabulate::number("col.day0", "date")];
    Table { id: "exchanges".to_owned(), columns, rows, sources: vec!["config/calendars".to_owned()] }
}

fn table(context: &Shock<'_>) -> Table {
    let mut columns = vec![
        tabulate::text("col.name"),
        tabulate::text("col.place"),
        tabulate::number("col.date0", "daymonth"),
        tabulate::number("col.return", "pct(1)"),
        tabulate::number("col.ar", "pct(1)"),
        tabulate::number("col.sar", "stat(1)"),
        tabulate::number("col.p", "pval"),
    ];
    let rest: &[&str] = if context.rest().is_some() { &["rest.ar.w0_0", "rest.p.w0_0"] } else { &[] };
    if !rest.is_empty() {
        columns.extend([tabulate::number("col.rest", "pct(1)"), tabulate::number("col.p", "pval")]);
    }
    columns.push(tabulate::number("col.since", "pct(1)"));
    let abroad = &context.spec.abroad;
    let rows = abroad
        .iter()
        .map(|symbol| {
            let place = context.data.find(symbol).map_or(Cell::Empty, |(market, _): (&Market, _)| {
                Cell::Label(format!("exchange.{}", market.mic))
            });
            let figures = ["day0", "return.day0", "ar.w0_0", "sar.w0_0", "p.w0_0"].iter().chain(rest);
            let figures = figures.chain(&["return.since"]);
            let mut row = tabulate::row(
                Cell::Text(context.name(symbol)),
                figures.map(|id| format!("{}.{id}", symbol.slug())),
            );
            row.cells.insert(1, place);
            row
        })
        .collect();
    Table { id: "regions".to_owned(), columns, rows, sources: context.sources(abroad) }
}
