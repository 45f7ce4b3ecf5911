//! Stress: what a further shock would cost model portfolios, with ranges rather than points.

use crate::{
    Context, Outcome,
    panel::{Member, Panel},
    tabulate,
};
use anyhow::Result;
use shockbrief_analytics::{
    contagion::complete_rows,
    moments,
    reason::{Missing, Outcome as Computed},
    stress::{Book, Scenario, direct, propagated, replay},
};
use shockbrief_core::{
    Cell, Findings, Row, Symbol, Table, ThemeId, Unit,
    config::{ModelPortfolio, ScenarioSpec},
};

/// Sessions behind exposures and covariances.
const YEAR: usize = 252;

pub fn analyse(context: &Context<'_>, findings: &mut Findings) -> Result<Outcome> {
    let Some(panel) = &context.panel else { return Ok(Outcome::Absent("absent.no-panel")) };
    if panel.dates.len() <= YEAR / 2 {
        return Ok(Outcome::Absent("absent.no-history"));
    }
    let scenarios = context.desk.scenarios;
    let market = Themes::of(panel, scenarios.horizon);
    let mut rows = Vec::new();
    for (portfolio_id, portfolio) in &scenarios.portfolios {
        let holdings = Holdings::of(panel, &market, portfolio, scenarios.horizon);
        for (scenario_id, scenario) in &scenarios.scenarios {
            let id = format!("stress.{portfolio_id}.{scenario_id}");
            record(panel, &id, &market, &holdings, scenario, findings);
            rows.push(row(&id, portfolio_id, &format!("scenario.{scenario_id}")));
        }
        // A brief of an earlier date knows nothing of an event after it.
        let past = |id: &&shockbrief_core::EventId| {
            let event = context.desk.events.events.get(*id);
            event.is_some_and(|event| {
                jiff::tz::TimeZone::UTC.to_datetime(event.instant).date() <= context.desk.as_of
            })
        };
        for event in scenarios.replays.iter().filter(past) {
            let id = format!("stress.{portfolio_id}.{event}");
            replayed(context, panel, &id, portfolio, event, findings);
            rows.push(row(&id, portfolio_id, &format!("replay.{event}")));
        }
    }
    let whole = panel.trailing(YEAR);
    let horizon = scenarios.horizon as f64;
    findings.add(panel.figure("stress.horizon", Ok(horizon), Unit::Count, "config", &whole));
    findings.tables.insert("stress".to_owned(), table(panel, rows));
    Ok(Outcome::Ready)
}

/// Theme baskets: daily returns over the window and their covariance over the horizon.
struct Themes {
    ids: Vec<ThemeId>,
    daily: Vec<Vec<Option<f64>>>,
    covariance: Computed<Vec<Vec<f64>>>,
}

impl Themes {
    fn of(panel: &Panel<'_>, horizon: usize) -> Self {
        let window = panel.trailing(YEAR);
        let themes = panel.all_themes();
        let daily: Vec<Vec<Option<f64>>> =
            themes.iter().map(|(_, members)| panel.daily(members)[window.clone()].to_vec()).collect();
        let slices: Vec<&[Option<f64>]> = daily.iter().map(Vec::as_slice).collect();
        let covariance = complete_rows(&slices).and_then(|rows| scaled(&rows, horizon as f64));
        Self { ids: themes.into_iter().map(|(id, _)| id.clone()).collect(), daily, covariance }
    }

    fn shock(&self, scenario: &ScenarioSpec) -> Vec<Option<f64>> {
        self.ids.iter().map(|id| scenario.shock.get(id).copied()).collect()
    }
}

fn scaled(rows: &[Vec<f64>], horizon: f64) -> Computed<Vec<Vec<f64>>> {
    rows.iter().map(|a| rows.iter().map(|b| Ok(moments::covariance(a, b, 1)? * horizon)).collect()).collect()
}

/// A portfolio's weights with exposures to its names' own themes.
struct Holdings {
    weights: Vec<f64>,
    exposures: Vec<Vec<f64>>,
    errors: Vec<Vec<f64>>,
    idio: Vec<f64>,
    /// Positions without prices or theme; a book without them would be another book.
    left_out: usize,
}

impl Holdings {
    fn of(panel: &Panel<'_>, themes: &Themes, portfolio: &ModelPortfolio, horizon: usize) -> Self {
        let mut holdings =
            Self { weights: vec![], exposures: vec![], errors: vec![], idio: vec![], left_out: 0 };
        for (symbol, weight) in &portfolio.weights {
            match exposure(panel, themes, symbol) {
                Some((theme, line)) => {
                    let one = |value: f64| {
                        (0..themes.ids.len()).map(|k| if k == theme { value } else { 0.0 }).collect()
                    };
                    holdings.weights.push(*weight);
                    holdings.exposures.push(one(line.slope));
                    holdings.errors.push(one(line.se));
                    holdings.idio.push(line.residual * (horizon as f64).sqrt());
                }
                None => holdings.left_out += 1,
            }
        }
        holdings
    }

    fn book(&self) -> Computed<Book<'_>> {
        if self.left_out > 0 {
            let have = self.weights.len();
            return Err(Missing::TooFew { what: "positions with prices", have, need: have + self.left_out });
        }
        Ok(Book {
            weights: &self.weights,
            exposures: &self.exposures,
            exposure_se: Some(&self.errors),
            idio_sd: &self.idio,
        })
    }
}

/// Least squares of one series on another.
struct Slope {
    slope: f64,
    se: f64,
    residual: f64,
}

/// A name's exposure to its own theme without itself; a theme of one name is the name.
fn exposure(panel: &Panel<'_>, themes: &Themes, symbol: &Symbol) -> Option<(usize, Slope)> {
    let member = panel.sample.iter().find(|member| member.symbol == *symbol)?;
    let theme = member.theme.as_ref()?;
    let place = themes.ids.iter().position(|id| id == theme)?;
    let others: Vec<&Member> =
        panel.sample.iter().filter(|other| other.theme == member.theme && other.symbol != *symbol).collect();
    let window = panel.trailing(YEAR);
    let basket = if others.is_empty() {
        themes.daily[place].clone()
    } else {
        panel.daily(&others)[window.clone()].to_vec()
    };
    let rows = complete_rows(&[&basket, &member.returns()[window]]).ok()?;
    Some((place, slope(&rows[0], &rows[1]).ok()?))
}

fn slope(x: &[f64], y: &[f64]) -> Computed<Slope> {
    let n = x.len() as f64;
    let variance = moments::variance(x, 1)?;
    if variance <= 0.0 {
        return Err(Missing::ConstantSeries { what: "the theme" });
    }
    let slope = moments::covariance(x, y, 1)? / variance;
    let rest = (moments::variance(y, 1)? - slope * slope * variance).max(0.0) * (n - 1.0) / (n - 2.0);
    Ok(Slope { slope, se: (rest / (variance * (n - 1.0))).sqrt(), residual: rest.sqrt() })
}

fn record(
    panel: &Panel<'_>,
    id: &str,
    themes: &Themes,
    holdings: &Holdings,
    scenario: &ScenarioSpec,
    findings: &mut Findings,
) {
    let shock = themes.shock(scenario);
    let plain = holdings.book().and_then(|book| direct(book, &shock));
    let spread = holdings
        .book()
        .and_then(|book| propagated(book, &shock, themes.covariance.as_ref().map_err(Clone::clone)?));
    let pick = |from: &Computed<Scenario>, value: fn(&Scenario) -> f64| {
        from.as_ref().map(value).map_err(Clone::clone)
    };
    let window = panel.trailing(YEAR);
    for (part, value, statistic) in [
        ("direct", pick(&plain, |s| s.pnl), "stress_direct"),
        ("propagated", pick(&spread, |s| s.pnl), "stress_propagated"),
        ("low", pick(&spread, |s| s.range.0), "stress_range"),
        ("high", pick(&spread, |s| s.range.1), "stress_range"),
    ] {
        findings.add(panel.figure(format!("{id}.{part}"), value, Unit::Ratio, statistic, &window));
    }
}

/// The day-0 returns of a past event on these weights.
fn replayed(
    context: &Context<'_>,
    panel: &Panel<'_>,
    id: &str,
    portfolio: &ModelPortfolio,
    event: &shockbrief_core::EventId,
    findings: &mut Findings,
) {
    let row = context.desk.events.events.get(event).and_then(|event| {
        let (market, _) = context.desk.data.find(&panel.benchmark.symbol)?;
        market.event_row(event.instant)
    });
    let outcome =
        row.ok_or(Missing::TooFew { what: "sessions since the event", have: 0, need: 1 }).and_then(|row| {
            let weights: Vec<f64> = portfolio.weights.values().copied().collect();
            let realised: Vec<Option<f64>> = portfolio
                .weights
                .keys()
                .map(|symbol| {
                    panel.sample.iter().find(|member| member.symbol == *symbol)?.change(&(row..row + 1))
                })
                .collect();
            replay(&weights, &realised, None)
        });
    let window = row.map_or(0..0, |row| row..row + 1);
    let pnl = outcome.as_ref().map(|replay| replay.pnl).map_err(Clone::clone);
    findings.add(panel.figure(format!("{id}.direct"), pnl, Unit::Ratio, "stress_replay", &window));
    let single = || Err(Missing::TooFew { what: "past days like it", have: 1, need: 2 });
    for part in ["propagated", "low", "high"] {
        findings.add(panel.figure(format!("{id}.{part}"), single(), Unit::Ratio, "stress_replay", &window));
    }
}

fn row(id: &str, portfolio: &str, scenario: &str) -> Row {
    let mut cells = vec![Cell::Label(format!("portfolio.{portfolio}")), Cell::Label(scenario.to_owned())];
    cells.extend(["direct", "propagated", "low", "high"].map(|part| Cell::Figure(format!("{id}.{part}"))));
    Row::new(cells)
}

fn table(panel: &Panel<'_>, rows: Vec<Row>) -> Table {
    let columns = vec![
        tabulate::text("col.portfolio"),
        tabulate::text("col.scenario"),
        tabulate::number("col.direct", "pct(1)"),
        tabulate::number("col.propagated", "pct(1)"),
        tabulate::number("col.low", "pct(1)"),
        tabulate::number("col.high", "pct(1)"),
    ];
    Table { id: "stress".to_owned(), columns, rows, sources: panel.sources() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_agrees_with_ordinary_least_squares() {
        // By hand: Sxx = 10, Sxy = 12, Syy = 21.2; residual sum of squares 21.2 - 14.4 = 6.8 over 3.
        let line = slope(&[1.0, 2.0, 3.0, 4.0, 5.0], &[2.0, 1.0, 4.0, 3.0, 7.0]).unwrap();
        assert!((line.slope - 1.2).abs() < 1e-12);
        assert!((line.residual.powi(2) - 6.8 / 3.0).abs() < 1e-12);
        assert!((line.se.powi(2) - 0.68 / 3.0).abs() < 1e-12);
    }
}
