//! One portfolio over the period: what it returned, which holdings made it, how spread it is.
//!
//! Weights are those at the period's start, held without trading; contributions are weight times return and add up to
//! the portfolio's return.

use crate::{Context, Desk, Outcome, panel::Panel, tabulate};
use anyhow::Result;
use jiff::civil::Date;
use shockbrief_analytics::{
    moments,
    reason::{Missing, Outcome as Computed},
};
use shockbrief_core::{Cell, Findings, Row, Symbol, Table, ThemeId, Unit, config::ModelPortfolio};
use std::{collections::BTreeMap, ops::Range};

/// Sessions of a year.
const YEAR: usize = 252;
/// The currency of the letter.
const CURRENCY: &str = "USD";

pub fn analyse(context: &Context<'_>, findings: &mut Findings) -> Result<Outcome> {
    let Some(client) = &context.desk.report.client else { return Ok(Outcome::Absent("absent.no-portfolio")) };
    let Some(panel) = &context.panel else { return Ok(Outcome::Absent("absent.no-panel")) };
    let book = Book::of(&context.desk, panel, &client.portfolio);
    book.record(panel, findings);
    for table in [book.table(panel, findings), book.themes(panel, findings)] {
        findings.tables.insert(table.id.clone(), table);
    }
    Ok(Outcome::Ready)
}

/// Returns that a portfolio's holdings made, in the order of their contributions.
struct Book<'a> {
    weights: &'a BTreeMap<Symbol, f64>,
    /// Symbol, theme, weight, return of the period.
    holdings: Vec<(&'a Symbol, Option<ThemeId>, f64, Computed<f64>)>,
    /// Whether all of them close with the benchmark.
    together: bool,
}

/// Change of a holding over a period in the letter's one currency: closes in others are converted at the reference rate of
/// the day; on a day on which its own exchange was closed, its last close is what it is worth.
fn valued(desk: &Desk<'_>, panel: &Panel<'_>, symbol: &Symbol, period: &Range<usize>) -> Computed<f64> {
    let missing = || Missing::TooFew { what: "closing prices", have: 0, need: 2 };
    let (market, series) = desk.data.find(symbol).ok_or_else(missing)?;
    let rate = |date: Date| -> Computed<f64> {
        if series.currency.as_str() == CURRENCY {
            return Ok(1.0);
        }
        let pair = format!("{CURRENCY}{}", series.currency);
        let found = desk.data.fx.at_or_before(&pair, date);
        found
            .map(|(_, rate)| 1.0 / rate)
            .ok_or(Missing::Incomplete { what: "exchange rates of the holding's currency" })
    };
    let worth = |row: Option<usize>| -> Computed<f64> {
        let date = *panel.dates.get(row.ok_or_else(missing)?).ok_or_else(missing)?;
        let own = market.sessions.partition_point(|session| session.date <= date);
        let price = own.checked_sub(1).and_then(|row| series.adjusted[row]).ok_or_else(missing)?;
        Ok(price * rate(date)?)
    };
    Ok(worth(period.end.checked_sub(1))? / worth(period.start.checked_sub(1))? - 1.0)
}

impl<'a> Book<'a> {
    fn of(desk: &Desk<'_>, panel: &Panel<'_>, portfolio: &'a ModelPortfolio) -> Self {
        let mut holdings: Vec<_> = portfolio
            .weights
            .iter()
            .map(|(symbol, weight)| {
                let theme = desk.universe.get(symbol).and_then(|instrument| instrument.theme.clone());
                let change = valued(desk, panel, symbol, &panel.period);
                (symbol, theme, *weight, change)
            })
            .collect();
        let contribution =
            |weight: f64, change: &Computed<f64>| change.as_ref().map_or(0.0, |change| weight * change);
        holdings.sort_by(|a, b| {
            contribution(b.2, &b.3).total_cmp(&contribution(a.2, &a.3)).then_with(|| a.0.cmp(b.0))
        });
        // Daily returns of exchanges that close at other hours do not add up to a day's return.
        let home = desk.data.find(&panel.benchmark.symbol).map(|(market, _)| market);
        let together = portfolio.weights.keys().all(|symbol| {
            let market = desk.data.find(symbol).map(|(market, _)| market);
            market.zip(home).is_none_or(|(own, home)| {
                own.sessions.last().map(|session| session.close)
                    == home.sessions.last().map(|session| session.close)
            })
        });
        Self { weights: &portfolio.weights, holdings, together }
    }

    /// A portfolio without one of its holdings is another portfolio: its return is missing then.
    fn total(&self) -> Computed<f64> {
        self.holdings.iter().map(|(_, _, weight, change)| Ok(weight * change.clone()?)).sum()
    }

    /// Daily returns over the last year at constant weights; days on which a holding has no price are left out.
    fn daily(&self, panel: &Panel<'_>) -> Vec<Option<f64>> {
        let window = panel.trailing(YEAR);
        let returns: Option<Vec<(f64, Vec<Option<f64>>)>> = self
            .weights
            .iter()
            .map(|(symbol, weight)| {
                let member = panel.sample.iter().find(|member| member.symbol == *symbol)?;
                Some((*weight, member.returns()))
            })
            .collect();
        let Some(returns) = returns else { return vec![None; window.len()] };
        window.map(|row| returns.iter().map(|(weight, series)| Some(weight * series[row]?)).sum()).collect()
    }

    fn record(&self, panel: &Panel<'_>, findings: &mut Findings) {
        let (period, year) = (&panel.period, panel.trailing(YEAR));
        let market = panel.benchmark.change(period);
        let market = market.ok_or(Missing::TooFew { what: "closing prices", have: 0, need: 2 });
        let excess = self.total().and_then(|total| Ok(total - market?));
        let daily = self.daily(panel);
        let market: Vec<Option<f64>> = panel.benchmark.returns()[year.clone()].to_vec();
        let days =
            daily.iter().zip(&market).filter(|(own, market)| own.is_some() && market.is_some()).count();
        let comparable = |value: Computed<f64>| {
            if self.together { value } else { Err(Missing::Incomplete { what: "closes at one hour" }) }
        };
        let effective = 1.0 / self.weights.values().map(|weight| weight * weight).sum::<f64>();
        let symbols: Vec<String> = self.weights.keys().map(ToString::to_string).collect();
        let both: Vec<String> = symbols.iter().cloned().chain([panel.benchmark.symbol.to_string()]).collect();
        for (part, value, unit, statistic, range, inputs) in [
            ("return", self.total(), Unit::Ratio, "portfolio_return", period, &symbols),
            ("excess", excess, Unit::Points, "portfolio_excess_return", period, &both),
            (
                "volatility",
                comparable(volatility(&daily)),
                Unit::Ratio,
                "annualised_volatility",
                &year,
                &symbols,
            ),
            ("beta", comparable(beta(&daily, &market)), Unit::Number, "ols_beta", &year, &both),
            ("days", Ok(days as f64), Unit::Sessions, "count", &year, &both),
            ("names", Ok(self.weights.len() as f64), Unit::Count, "count", period, &symbols),
            ("effective", Ok(effective), Unit::Number, "inverse_herfindahl", period, &symbols),
        ] {
            let figure = panel.figure(format!("portfolio.{part}"), value, unit, statistic, range);
            let figure = if matches!(part, "volatility" | "beta") { figure.n(days) } else { figure };
            findings.add(figure.inputs(inputs.iter().cloned()));
        }
        // What brought and what cost most, for the sentence that says so.
        let parts: Vec<(&Symbol, f64)> = self
            .holdings
            .iter()
            .filter_map(|holding| Some((holding.0, holding.2 * holding.3.as_ref().ok()?)))
            .collect();
        let best = parts.iter().take(2).filter(|(_, part)| *part > 0.0);
        let worst = parts.iter().rev().take(1).filter(|(_, part)| *part < 0.0);
        for (id, found) in [("best", best.collect::<Vec<_>>()), ("worst", worst.collect())] {
            let names = found.iter().map(|(symbol, _)| symbol.to_string()).collect();
            findings.lists.insert(format!("portfolio.{id}"), names);
            let slugs = found.iter().map(|(symbol, _)| symbol.slug()).collect();
            findings.lists.insert(format!("portfolio.{id}.ids"), slugs);
        }
    }

    fn table(&self, panel: &Panel<'_>, findings: &mut Findings) -> Table {
        let columns = vec![
            tabulate::text("col.holding"),
            tabulate::number("col.weight", "pct(1)"),
            tabulate::number("col.period", "pct(1)"),
            tabulate::number("col.contribution", "points(2)"),
        ];
        let mut rows = Vec::new();
        for (symbol, _, weight, change) in &self.holdings {
            let part = change.clone().map(|change| weight * change);
            let name = Cell::Text(panel.name(symbol));
            let inputs = [symbol.to_string()];
            rows.push(row(panel, &symbol.slug(), name, *weight, change.clone(), part, &inputs, findings));
        }
        let mut total = row(
            panel,
            "total",
            Cell::Label("row.portfolio".to_owned()),
            1.0,
            self.total(),
            self.total(),
            &self.weights.keys().map(ToString::to_string).collect::<Vec<_>>(),
            findings,
        );
        total.total = true;
        rows.push(total);
        Table { id: "holdings".to_owned(), columns, rows, sources: panel.sources() }
    }

    fn themes(&self, panel: &Panel<'_>, findings: &mut Findings) -> Table {
        let columns = vec![
            tabulate::text("col.theme"),
            tabulate::number("col.weight", "pct(1)"),
            tabulate::number("col.contribution", "points(2)"),
        ];
        let mut rows = Vec::new();
        for (theme, _) in panel.all_themes() {
            let of = || self.holdings.iter().filter(|holding| holding.1.as_ref() == Some(theme));
            let weight: f64 = of().map(|holding| holding.2).sum();
            if of().next().is_none() {
                continue;
            }
            let part: Computed<f64> = of().map(|(_, _, weight, change)| Ok(weight * change.clone()?)).sum();
            let id = format!("portfolio.theme.{theme}");
            let [weight, part] = [("weight", Ok(weight)), ("contribution", part)].map(|(name, value)| {
                let id = format!("{id}.{name}");
                let figure = panel.figure(id, value, unit(name), "portfolio_return", &panel.period);
                findings.add(figure.inputs(of().map(|holding| holding.0.to_string())))
            });
            rows.push(tabulate::row(Cell::Label(format!("theme.{theme}")), [weight, part]));
        }
        Table { id: "holdings-themes".to_owned(), columns, rows, sources: panel.sources() }
    }
}

#[allow(clippy::too_many_arguments, reason = "one call for each row of one table")]
fn row(
    panel: &Panel<'_>,
    slug: &str,
    name: Cell,
    weight: f64,
    change: Computed<f64>,
    part: Computed<f64>,
    inputs: &[String],
    findings: &mut Findings,
) -> Row {
    let id = format!("portfolio.{slug}");
    let figures =
        [("weight", Ok(weight)), ("return", change), ("contribution", part)].map(|(name, value)| {
            let id = format!("{id}.{name}");
            let figure = panel.figure(id, value, unit(name), "portfolio_return", &panel.period);
            findings.add(figure.inputs(inputs.iter().cloned()))
        });
    tabulate::row(name, figures)
}

/// What is added up to a return is told in points of it.
fn unit(part: &str) -> Unit {
    if part == "contribution" { Unit::Points } else { Unit::Ratio }
}

fn volatility(daily: &[Option<f64>]) -> Computed<f64> {
    let known: Vec<f64> = daily.iter().flatten().copied().collect();
    Ok((moments::variance(&known, 1)? * YEAR as f64).sqrt())
}

fn beta(daily: &[Option<f64>], market: &[Option<f64>]) -> Computed<f64> {
    let (own, market): (Vec<f64>, Vec<f64>) =
        daily.iter().zip(market).filter_map(|(own, market)| Some(((*own)?, (*market)?))).unzip();
    let variance = moments::variance(&market, 1)?;
    if variance <= 0.0 {
        return Err(Missing::ConstantSeries { what: "the market" });
    }
    Ok(moments::covariance(&own, &market, 1)? / variance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beta_and_volatility_by_hand() {
        // Market 1, 2, 3, 4 %: variance 5/3; own 2, 3, 5, 6 %: covariance 7/3 (in squared per cent).
        let percent = |values: [f64; 4]| values.map(|value| Some(value / 100.0));
        let (own, market) = (percent([2.0, 3.0, 5.0, 6.0]), percent([1.0, 2.0, 3.0, 4.0]));
        assert!((beta(&own, &market).unwrap() - 1.4).abs() < 1e-12);
        assert!((volatility(&market).unwrap() - (252.0_f64 * 5.0 / 3.0).sqrt() / 100.0).abs() < 1e-12);
        let gap = [own[0], None, own[2], own[3]];
        // Without the second day: market 1, 3, 4, own 2, 5, 6; covariance 19/6, variance 7/3.
        assert!((beta(&gap, &market).unwrap() - 19.0 / 14.0).abs() < 1e-12);
        assert!(beta(&own, &[Some(0.01); 4]).is_err());
    }
}
