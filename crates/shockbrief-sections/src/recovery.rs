//! Recovery: how far the names that fell most came back, and how volatility changed.

use crate::{Shock, tabulate};
use anyhow::Result;
use shockbrief_analytics::{drawdown, volatility};
use shockbrief_core::{
    Cell, Chart, Figure, Findings, Market, Series, Symbol, Table, Unit,
    findings::{Axis, Line},
};

/// How many names the table follows.
const NAMES: usize = 12;
/// How many of them the chart draws.
const LINES: usize = 5;
/// Sessions per year, for annualised volatility.
const SESSIONS_PER_YEAR: f64 = 252.0;

pub fn analyse(context: &Shock<'_>, findings: &mut Findings) -> Result<()> {
    let mut names: Vec<Symbol> = context.by_day0().into_iter().take(NAMES).collect();
    if !names.contains(&context.spec.source) {
        names.push(context.spec.source.clone());
    }
    for symbol in &names {
        let (market, series) = context.find(symbol)?;
        fall(context, symbol, market, series, findings);
        volatilities(context, symbol, market, series, findings);
    }
    findings.tables.insert("recovery".to_owned(), table(context, &names));
    findings.charts.insert("recovery-path".to_owned(), chart(context, &names)?);
    Ok(())
}

fn fall(context: &Shock<'_>, symbol: &Symbol, market: &Market, series: &Series, findings: &mut Findings) {
    let slug = symbol.slug();
    let row = market.event_row(context.event.instant);
    let path = row
        .ok_or_else(|| "the exchange has not traded since the event".to_owned())
        .and_then(|row| {
            drawdown::event_drawdown(&series.adjusted, row, None).map_err(|error| error.to_string())
        })
        .and_then(|path| {
            path.fall
                .map(|fall| (path, fall))
                .ok_or_else(|| "no close below the one before the event".to_owned())
        });
    let figure = |id: &str, value: Result<f64, String>, unit, statistic| {
        Figure::from_result(format!("{slug}.{id}"), value, unit, statistic, context.as_of)
            .inputs([symbol.as_str()])
    };
    let fall = path.as_ref().map(|(_, fall)| *fall).map_err(Clone::clone);
    findings.add(figure(
        "drawdown.depth",
        fall.clone().map(|fall| fall.depth),
        Unit::Ratio,
        "event_drawdown",
    ));
    findings.add(figure(
        "drawdown.sessions",
        fall.clone().map(|fall| fall.days_to_trough as f64),
        Unit::Sessions,
        "event_drawdown",
    ));
    findings.add(figure(
        "recovery_share",
        fall.clone().map(|fall| fall.recovery_share),
        Unit::Ratio,
        "recovery_share",
    ));
    let date = |id: &str, row: Result<usize, String>| match row {
        Ok(row) => {
            Figure::date(format!("{slug}.{id}"), market.sessions[row].date, "event_drawdown", context.as_of)
        }
        Err(reason) => {
            Figure::missing(format!("{slug}.{id}"), reason, Unit::Date, "event_drawdown", context.as_of)
        }
    };
    findings.add(date("drawdown.trough", fall.clone().map(|fall| fall.trough)).inputs([symbol.as_str()]));
    let recovered =
        fall.and_then(|fall| fall.recovery.ok_or_else(|| "not recovered by the as-of date".to_owned()));
    findings.add(date("drawdown.recovered", recovered).inputs([symbol.as_str()]));
}

fn volatilities(
    context: &Shock<'_>,
    symbol: &Symbol,
    market: &Market,
    series: &Series,
    findings: &mut Findings,
) {
    let slug = symbol.slug();
    let logs: Vec<Option<f64>> = series.simple_returns().iter().map(|r| r.map(f64::ln_1p)).collect();
    let change = market
        .event_row(context.event.instant)
        .ok_or_else(|| "the exchange has not traded since the event".to_owned())
        .and_then(|row| {
            let before = context.estimation_rows(row).ok_or_else(|| "too little history".to_owned())?;
            // Without the day of the shock, which is told by itself.
            volatility::compare(&logs[before], &logs[row + 1..], SESSIONS_PER_YEAR)
                .map_err(|error| error.to_string())
        });
    let pick =
        |value: fn(&volatility::VolatilityChange) -> f64| change.as_ref().map(value).map_err(Clone::clone);
    let (n_before, n_after) = change.as_ref().map_or((0, 0), |change| (change.before.n, change.after.n));
    let figure = |id: &str, value, unit, statistic| {
        Figure::from_result(format!("{slug}.{id}"), value, unit, statistic, context.as_of)
            .inputs([symbol.as_str()])
    };
    findings.add(
        figure("vol.before", pick(|c| c.before.annualised), Unit::Ratio, "realised_volatility").n(n_before),
    );
    findings.add(
        figure("vol.after", pick(|c| c.after.annualised), Unit::Ratio, "realised_volatility").n(n_after),
    );
    let p = change.as_ref().map_or(f64::NAN, |change| change.p_brown_forsythe);
    findings.add(
        figure("vol.ratio", pick(|c| c.variance_ratio.sqrt()), Unit::Number, "volatility_ratio")
            .n(n_before + n_after)
            .p(p),
    );
}

fn table(context: &Shock<'_>, names: &[Symbol]) -> Table {
    let columns = vec![
        tabulate::text("col.name"),
        tabulate::number("col.depth", "pct(1)"),
        tabulate::number("col.trough", "daymonth"),
        tabulate::number("col.share", "pct(0)"),
        tabulate::number("col.recovered", "daymonth"),
        tabulate::number("col.vol-before", "pct(0)"),
        tabulate::number("col.vol-after", "pct(0)"),
    ];
    let rows = names
        .iter()
        .map(|symbol| {
            let ids = [
                "drawdown.depth",
                "drawdown.trough",
                "recovery_share",
                "drawdown.recovered",
                "vol.before",
                "vol.after",
            ];
            tabulate::row(Cell::Text(context.name(symbol)), ids.map(|id| format!("{}.{id}", symbol.slug())))
        })
        .collect();
    Table { id: "recovery".to_owned(), columns, rows, sources: context.sources(names) }
}

/// Prices relative to the close before day 0, from the event window's start to the as-of date.
fn chart(context: &Shock<'_>, names: &[Symbol]) -> Result<Chart> {
    let source = &context.spec.source;
    let mut shown: Vec<&Symbol> = names.iter().take(LINES).collect();
    if !shown.contains(&source) {
        shown.push(source);
    }
    let (market, _) = context.find(source)?;
    let day0 = market.event_row(context.event.instant).unwrap_or(0);
    let first = day0.saturating_sub(context.spec.window[0].unsigned_abs() as usize);
    let dates = market.sessions[first..].iter().map(|session| session.date).collect();
    let lines = shown
        .into_iter()
        .map(|symbol| {
            let (_, series) = context.find(symbol)?;
            let base = series.adjusted[day0.saturating_sub(1)];
            let values = series.adjusted[first..].iter().map(|price| Some((*price)? / base? - 1.0)).collect();
            Ok(Line {
                label: context.name(symbol),
                translate: false,
                values,
                group: context.group(symbol),
                strong: symbol == source,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(Chart::Lines {
        id: "recovery-path".to_owned(),
        x: Axis::Dates(dates),
        lines,
        sources: context.sources(names),
        statistic: "price_relative".to_owned(),
    })
}
