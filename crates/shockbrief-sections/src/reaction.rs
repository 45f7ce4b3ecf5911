//! Reaction: each company of the sample on day 0 and over the event window, and what the source lost.

use crate::{
    Shock,
    shock::{Fitted, day0_return},
    tabulate,
};
use anyhow::Result;
use shockbrief_analytics::{
    event_study::{Car, FirmFit},
    moments,
    multiplicity::{benjamini_hochberg, holm},
};
use shockbrief_core::{Cell, Chart, Figure, Findings, Symbol, Table, Unit, findings::Mark};

pub fn analyse(context: &Shock<'_>, findings: &mut Findings) -> Result<()> {
    companies(context, context.own(), &context.spec.windows, findings)?;
    if let Some(rest) = context.rest() {
        companies(context, rest, &context.spec.windows, findings)?;
    }
    for symbol in &context.spec.sample {
        day0_return(context, symbol, findings);
    }
    index(context, findings)?;
    market_value(context, findings)?;
    let ranked = context.by_day0();
    findings.tables.insert("reaction".to_owned(), table(context, &ranked));
    findings.charts.insert("reaction-ar".to_owned(), chart(context, &ranked));
    findings.lists.insert("sample.by_day0".to_owned(), ranked.iter().map(ToString::to_string).collect());
    Ok(())
}

/// Each company of a fitted study, and how many fell or rose.
pub fn companies(
    context: &Shock<'_>,
    fitted: Fitted<'_>,
    windows: &[[i32; 2]],
    findings: &mut Findings,
) -> Result<()> {
    let day0: Vec<(&FirmFit, Car)> =
        fitted.study.firms.iter().filter_map(|firm| Some((firm, firm.car([0, 0]).ok()?))).collect();
    let p: Vec<f64> = day0.iter().map(|(_, car)| car.p).collect();
    let (held, found) = (holm(&p)?, benjamini_hochberg(&p)?);
    for (at, (firm, car)) in day0.iter().enumerate() {
        company(context, fitted, firm, (car, held[at], found[at]), windows, findings);
    }
    sample(context, fitted, findings);
    Ok(())
}

fn company(
    context: &Shock<'_>,
    fitted: Fitted<'_>,
    firm: &FirmFit,
    (day0, holm, fdr): (&Car, f64, f64),
    windows: &[[i32; 2]],
    findings: &mut Findings,
) {
    let prefix = format!("{}.{}", Symbol::from(firm.id.as_str()).slug(), fitted.infix);
    let inputs = context.fitted_inputs(fitted, &[firm.id.clone(), context.spec.benchmark.to_string()]);
    let span = (firm.estimation.dates.first().copied(), firm.estimation.dates.last().copied());
    let figure = |id: &str, value: Result<f64, String>, unit, statistic| {
        let figure = Figure::from_result(format!("{prefix}{id}"), value, unit, statistic, context.as_of)
            .inputs(inputs.clone())
            .n(firm.observations);
        if let (Some(first), Some(last)) = span { figure.span(first, last) } else { figure }
    };
    let df = firm.df as f64;
    let day = |id: &str, value, unit, statistic| figure(id, Ok(value), unit, statistic).df([df]).p(day0.p);
    findings.add(day("ar.w0_0", day0.car, Unit::Ratio, "abnormal_return").se(day0.se));
    findings.add(day("sar.w0_0", day0.t, Unit::Statistic, "sar"));
    findings.add(figure("p_holm.w0_0", Ok(holm), Unit::Probability, "holm"));
    findings.add(figure("p_fdr.w0_0", Ok(fdr), Unit::Probability, "benjamini_hochberg"));
    let rank = firm.sample_quantile(0).map(|rank| rank.two_sided_p).map_err(|reason| reason.to_string());
    findings.add(figure("p_rank.w0_0", rank, Unit::Probability, "sample_quantile"));
    findings.add(figure(
        "beta",
        Ok(firm.coef.get(1).copied().unwrap_or(f64::NAN)),
        Unit::Number,
        "market_model",
    ));
    for window in windows {
        let car = firm.car(*window).map_err(|error| error.to_string());
        let value = car.as_ref().map(|car| car.car).map_err(Clone::clone);
        let base = figure(&format!("car.{}", window_id(*window)), value, Unit::Ratio, "car");
        findings.add(match car {
            Ok(car) => base.se(car.se).df([car.df as f64]).p(car.p),
            Err(_) => base,
        });
    }
}

fn sample(context: &Shock<'_>, fitted: Fitted<'_>, findings: &mut Findings) {
    let firms = &fitted.study.firms;
    let ars: Vec<f64> = firms.iter().filter_map(|firm| Some(firm.days([0, 0]).first()?.ar)).collect();
    let as_of = context.as_of;
    let inputs = context.fitted_inputs(fitted, &context.inputs(&[]));
    let figure = |id: &str, value: f64, unit, statistic| {
        let id = format!("sample.{}{id}", fitted.infix);
        Figure::new(id, value, unit, statistic, as_of).inputs(inputs.clone()).firms(ars.len())
    };
    let count = |id: &str, n: usize| figure(id, n as f64, Unit::Count, "count");
    findings.add(count("firms", ars.len()));
    findings.add(count("fallers", ars.iter().filter(|ar| **ar < 0.0).count()));
    findings.add(count("risers", ars.iter().filter(|ar| **ar > 0.0).count()));
    let mean = moments::mean(&ars).unwrap_or(f64::NAN);
    findings.add(figure("mean", mean, Unit::Ratio, "caar"));
    if fitted.infix.is_empty() {
        let df = firms.first().map_or(f64::NAN, |firm| firm.df as f64);
        let figure = Figure::new("study.df", df, Unit::Number, "market_model", as_of);
        findings.add(figure.inputs(inputs.clone()));
        raw(context, findings);
    }
}

/// How many companies rose and fell by their own returns, with no benchmark between.
fn raw(context: &Shock<'_>, findings: &mut Findings) {
    let moves: Vec<f64> = context.study.firms.iter().filter_map(|firm| context.day0_move(&firm.id)).collect();
    let inputs = context.inputs(&[]);
    for (id, n) in [
        ("sample.raw.risers", moves.iter().filter(|r| **r > 0.0).count()),
        ("sample.raw.fallers", moves.iter().filter(|r| **r < 0.0).count()),
    ] {
        let figure = Figure::new(id, n as f64, Unit::Count, "count", context.as_of);
        findings.add(figure.inputs(inputs.clone()).firms(moves.len()));
    }
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
        .inputs([format!("shares:{symbol}")]),
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
        tabulate::number("col.p-rank", "pval"),
    ];
    let rest = context.rest().map(|_| "rest.ar.w0_0".to_owned());
    columns.extend(rest.iter().map(|_| tabulate::number("col.rest", "pct(1)")));
    let windows = &context.spec.windows;
    columns.extend(
        windows.iter().map(|[first, last]| tabulate::number(&format!("col.car-{first}-{last}"), "pct(1)")),
    );
    let rows = ranked
        .iter()
        .map(|symbol| {
            let ids = ["return.day0", "ar.w0_0", "sar.w0_0", "p_holm.w0_0", "p_rank.w0_0"].map(str::to_owned);
            let ids = ids.into_iter().chain(rest.clone());
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
            p: Some(format!("{}.p_holm.w0_0", symbol.slug())),
            group: context.group(symbol),
        })
        .collect();
    Chart::Intervals { id: "reaction-ar".to_owned(), marks, sources: context.sources(&context.spec.sample) }
}
