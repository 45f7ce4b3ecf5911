//! Regions: the day 0 of each exchange, and names and funds outside the sample.

use crate::{Shock, reaction::day0_return, tabulate};
use anyhow::Result;
use shockbrief_analytics::event_study::{self, FirmEvent, FirmFit};
use shockbrief_core::{Cell, Figure, Findings, Market, Symbol, Table, Unit};

pub fn analyse(context: &Shock<'_>, findings: &mut Findings) -> Result<()> {
    let abroad = &context.spec.abroad;
    let firms = abroad.iter().map(|symbol| firm(context, symbol)).collect::<Result<Vec<_>>>()?;
    let study = event_study::fit(&firms, &context.study.spec)?;
    for symbol in abroad {
        day0_return(context, symbol, findings);
        record(context, symbol, study.firm(symbol.as_str()), findings);
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
    firm.gaps = Some(matched.gaps);
    Ok(firm)
}

fn record(context: &Shock<'_>, symbol: &Symbol, fit: Option<&FirmFit>, findings: &mut Findings) {
    let slug = symbol.slug();
    let inputs = [symbol.to_string(), context.spec.benchmark.to_string()];
    let figure = |id: &str, value, unit, statistic| {
        Figure::from_result(format!("{slug}.{id}"), value, unit, statistic, context.as_of)
            .inputs(inputs.clone())
    };
    let fit = fit.ok_or_else(|| "too little history".to_owned());
    let day0 = fit.clone().and_then(|fit| fit.car([0, 0]).map_err(|error| error.to_string()));
    let date = fit.map(|fit| fit.event_date);
    findings.add(match date {
        Ok(date) => {
            Figure::date(format!("{slug}.day0"), date, "event_row", context.as_of).inputs([symbol.as_str()])
        }
        Err(reason) => {
            Figure::missing(format!("{slug}.day0"), reason, Unit::Date, "event_row", context.as_of)
        }
    });
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
    findings.add(figure("return.since", since(context, symbol), Unit::Ratio, "price_relative"));
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
    let columns = vec![
        tabulate::text("col.name"),
        tabulate::text("col.place"),
        tabulate::number("col.date0", "daymonth"),
        tabulate::number("col.return", "pct(1)"),
        tabulate::number("col.ar", "pct(1)"),
        tabulate::number("col.sar", "stat(1)"),
        tabulate::number("col.p", "pval"),
        tabulate::number("col.since", "pct(1)"),
    ];
    let abroad = &context.spec.abroad;
    let rows = abroad
        .iter()
        .map(|symbol| {
            let place = context.data.find(symbol).map_or(Cell::Empty, |(market, _): (&Market, _)| {
                Cell::Label(format!("exchange.{}", market.mic))
            });
            let figures = ["day0", "return.day0", "ar.w0_0", "sar.w0_0", "p.w0_0", "return.since"];
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
