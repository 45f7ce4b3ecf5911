//! Reaction: each company of the sample on day 0 and over the event window, and what the source lost.

use crate::{Shock, tabulate};
use anyhow::Result;
use shockbrief_analytics::{
    event_study::{Car, FirmFit},
    multiplicity::holm,
};
use shockbrief_core::{Cell, Chart, Figure, Findings, Symbol, Table, Unit, findings::Mark};

pub fn analyse(context: &Shock<'_>, findings: &mut Findings) -> Result<()> {
    let day0: Vec<(&FirmFit, Car)> =
        context.study.firms.iter().filter_map(|firm| Some((firm, firm.car([0, 0]).ok()?))).collect();
    let adjusted = holm(&day0.iter().map(|(_, car)| car.p).collect::<Vec<_>>())?;
    for ((firm, car), adjusted) in day0.iter().zip(adjusted) {
        company(context, firm, car, adjusted, findings);
    }
    sample(context, findings);
    index(context, findings)?;
    market_value(context, findings)?;
    let ranked = context.by_day0();
    findings.tables.insert("reaction".to_owned(), table(context, &ranked));
    findings.charts.insert("reaction-ar".to_owned(), chart(context, &ranked));
    findings.lists.insert("sample.by_day0".to_owned(), ranked.iter().map(ToString::to_string).collect());
    Ok(())
}

fn company(context: &Shock<'_>, firm: &FirmFit, day0: &Car, holm: f64, findings: &mut Findings) {
    let symbol = Symbol::from(firm.id.as_str());
    let slug = symbol.slug();
    let inputs = [firm.id.clone(), context.spec.benchmark.to_string()];
    let figure = |id: &str, value, unit, statistic| {
        let span = (firm.estimation.dates.first().copied(), firm.estimation.dates.last().copied());
        let figure = Figure::new(format!("{slug}.{id}"), value, unit, statistic, context.as_of)
            .inputs(inputs.clone())
            .n(firm.observations);
        if let (Some(first), Some(last)) = span { figure.span(first, last) } else { figure }
    };
    let df = firm.df as f64;
    findings.add(figure("ar.w0_0", day0.car, Unit::Ratio, "abnormal_return").se(day0.se).df([df]).p(day0.p));
    findings.add(figure("sar.w0_0", day0.t, Unit::Statistic, "sar").df([df]).p(day0.p));
    findings.add(figure("p_holm.w0_0", holm, Unit::Probability, "holm"));
    findings.add(figure("beta", firm.coef.get(1).copied().unwrap_or(f64::NAN), Unit::Number, "market_model"));
    for window in &context.spec.windows {
        let car = firm.car(*window);
        let value = car.as_ref().map(|car| car.car).map_err(Clone::clone);
        let id = format!("{slug}.car.{}", window_id(*window));
        let base = Figure::from_result(id, value, Unit::Ratio, "car", context.as_of)
            .inputs(inputs.clone())
            .n(firm.observations);
        findings.add(match car {
            Ok(car) => base.se(car.se).df([car.df as f64]).p(car.p),
            Err(_) => base,
        });
    }
    day0_return(context, &symbol, findings);
}

/// The plain return of day 0.
pub fn day0_return(context: &Shock<'_>, symbol: &Symbol, findings: &mut Findings) {
    let found = context.data.find(symbol);
    let value = found.ok_or("no prices").and_then(|(market, series)| {
        let row = market.event_row(context.event.instant).ok_or("no session since the event")?;
        series.simple_return(row).ok_or("a price is missing")
    });
    findings.add(
        Figure::from_result(
            format!("{}.return.day0", symbol.slug()),
            value,
            Unit::Ratio,
            "simple_return",
            context.as_of,
        )
        .inputs([symbol.as_str()]),
    );
}

fn sample(context: &Shock<'_>, findings: &mut Findings) {
    let ars: Vec<f64> =
        context.study.firms.iter().filter_map(|firm| Some(firm.days([0, 0]).first()?.ar)).collect();
    let as_of = context.as_of;
    let count =
        |id: &str, n: usize| Figure::new(id, n as f64, Unit::Count, "count", as_of).inputs(["sample"]);
    findings.add(count("sample.firms", ars.len()));
    findings.add(count("sample.fallers", ars.iter().filter(|ar| **ar < 0.0).count()));
    findings.add(count("sample.risers", ars.iter().filter(|ar| **ar > 0.0).count()));
    let df = context.study.firms.first().map_or(f64::NAN, |firm| firm.df as f64);
    findings.add(Figure::new("study.df", df, Unit::Number, "market_model", as_of).inputs(["sample"]));
}

fn index(context: &Shock<'_>, findings: &mut Findings) -> Result<()> {
    context.find(&context.spec.benchmark)?;
    day0_return(context, &context.spec.benchmark, findings);
    Ok(())
}

/// Quotes around the event times the shares filed before day 0, all in the units of day 0's quote.
fn market_value(context: &Shock<'_>, findings: &mut Findings) -> Result<()> {
    let symbol = &context.spec.source;
    let (market, series) = context.find(symbol)?;
    let slug = symbol.slug();
    let row = context.day0(market)?;
    let currency = series.currency.as_str();
    let quote = |row: Option<usize>| {
        row.and_then(|row| series.quote[row]).ok_or("the source has no quotes for this day")
    };
    let (before, after) = (quote(row.checked_sub(1)), quote(Some(row)));
    let price = |id: &str, value| {
        Figure::from_result(format!("{slug}.quote.{id}"), value, Unit::Price, "quote", context.as_of)
            .currency(currency)
            .inputs([symbol.as_str()])
    };
    findings.add(price("before", before));
    findings.add(price("day0", after));
    let date = market.sessions[row].date;
    let shares = context.data.shares_on(symbol, date);
    findings.add(
        Figure::from_result(
            format!("{slug}.shares"),
            shares.clone(),
            Unit::Count,
            "shares_outstanding",
            context.as_of,
        )
        .inputs([symbol.as_str()]),
    );
    // Both prices in the units of day 0, which may be that of a split.
    let split = context.data.split_on(symbol, date);
    let loss = shares.and_then(|shares| Ok((before? / split? - after?) * shares));
    findings.add(
        Figure::from_result(
            format!("{slug}.market_value.loss"),
            loss,
            Unit::Money,
            "market_value",
            context.as_of,
        )
        .currency(currency)
        .inputs([
            format!("{slug}.quote.before"),
            format!("{slug}.quote.day0"),
            format!("{slug}.shares"),
        ]),
    );
    Ok(())
}

/// A window as it stands in figure ids: `w0_5`, `wm5_10`.
pub fn window_id([first, last]: [i32; 2]) -> String {
    let part = |day: i32| if day < 0 { format!("m{}", day.unsigned_abs()) } else { day.to_string() };
    format!("w{}_{}", part(first), part(last))
}

fn table(context: &Shock<'_>, ranked: &[Symbol]) -> Table {
    let mut columns = vec![
        tabulate::text("col.name"),
        tabulate::number("col.return", "pct(1)"),
        tabulate::number("col.ar", "pct(1)"),
        tabulate::number("col.sar", "stat(1)"),
        tabulate::number("col.p-holm", "pval"),
    ];
    let windows = &context.spec.windows;
    columns.extend(
        windows.iter().map(|[first, last]| tabulate::number(&format!("col.car-{first}-{last}"), "pct(1)")),
    );
    let rows = ranked
        .iter()
        .map(|symbol| {
            let ids = ["return.day0", "ar.w0_0", "sar.w0_0", "p_holm.w0_0"].map(str::to_owned).into_iter();
            let ids = ids.chain(windows.iter().map(|window| format!("car.{}", window_id(*window))));
            tabulate::row(Cell::Text(context.name(symbol)), ids.map(|id| format!("{}.{id}", symbol.slug())))
        })
        .collect();
    Table { id: "reaction".to_owned(), columns, rows, sources: context.sources(&context.spec.sample) }
}

fn chart(context: &Shock<'_>, ranked: &[Symbol]) -> Chart {
    let marks = ranked
        .iter()
        .map(|symbol| Mark {
            label: context.name(symbol),
            translate: false,
            figure: format!("{}.ar.w0_0", symbol.slug()),
            group: context.group(symbol),
        })
        .collect();
    Chart::Intervals { id: "reaction-ar".to_owned(), marks, sources: context.sources(&context.spec.sample) }
}
