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
    stress::{Book, Exposure, Residuals, Scenario, direct, exposure, propagated, replay},
};
use shockbrief_core::{
    Cell, Findings, Row, Table, ThemeId, Unit,
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
    let horizon = scenarios.horizon;
    let market = Themes::of(panel, horizon);
    let mut rows = Vec::new();
    for (portfolio_id, portfolio) in &scenarios.portfolios {
        let held = market.as_ref().map_err(Clone::clone).and_then(|market| Holdings::of(market, portfolio));
        let engine = || Ok((market.as_ref().map_err(Clone::clone)?, held.as_ref().map_err(Clone::clone)?));
        let inputs: Vec<String> = portfolio.weights.keys().map(ToString::to_string).collect();
        for (scenario_id, scenario) in &scenarios.scenarios {
            let id = format!("stress.{portfolio_id}.{scenario_id}");
            record(panel, &id, engine(), (scenario, horizon), &inputs, findings);
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
            replayed(context, panel, &id, engine(), (portfolio, event), findings);
            rows.push(row(&id, portfolio_id, &format!("replay.{event}")));
        }
    }
    let whole = panel.trailing(YEAR);
    let count = |id: &str, n: usize| {
        panel.figure(id, Ok(n as f64), Unit::Count, "count", &whole).inputs(panel.inputs())
    };
    findings.add(count("stress.horizon", horizon));
    findings.add(count("stress.rows", market.as_ref().map_or(0, |market| market.rows)));
    findings.add(count("stress.scenarios", scenarios.scenarios.len()));
    findings.add(count("stress.portfolios", scenarios.portfolios.len()));
    findings
        .lists
        .insert("stress.replays".to_owned(), scenarios.replays.iter().map(ToString::to_string).collect());
    findings.tables.insert("stress".to_owned(), table(panel, rows));
    Ok(Outcome::Ready)
}

/// Themes and their names over the rows that all of them have: daily returns, exposures, covariance over the horizon.
struct Themes<'p> {
    ids: Vec<ThemeId>,
    /// Name, place of its theme, exposure to it.
    names: Vec<(&'p Member, usize, Exposure)>,
    theme_ss: Vec<f64>,
    covariance: Computed<Vec<Vec<f64>>>,
    /// Rows behind them.
    rows: usize,
}

impl<'p> Themes<'p> {
    /// Names with less than half of the window's returns take no part: they would shorten it for all.
    fn of(panel: &'p Panel<'_>, horizon: usize) -> Computed<Self> {
        let window = panel.trailing(YEAR);
        let mut ids = Vec::new();
        let mut listed: Vec<(&Member, usize, Vec<Option<f64>>)> = Vec::new();
        for (id, members) in panel.all_themes() {
            let returns = |member: &&'p Member| {
                let returns = member.returns()[window.clone()].to_vec();
                (2 * returns.iter().flatten().count() >= YEAR).then_some((*member, ids.len(), returns))
            };
            let found: Vec<_> = members.iter().filter_map(returns).collect();
            if !found.is_empty() {
                listed.extend(found);
                ids.push(id.clone());
            }
        }
        let slices: Vec<&[Option<f64>]> = listed.iter().map(|(_, _, returns)| returns.as_slice()).collect();
        let daily = complete_rows(&slices)?;
        let rows = daily.first().map_or(0, Vec::len);
        let baskets: Vec<Vec<f64>> = (0..ids.len())
            .map(|theme| {
                let own: Vec<&Vec<f64>> =
                    daily.iter().zip(&listed).filter(|(_, name)| name.1 == theme).map(|(r, _)| r).collect();
                (0..rows).map(|row| own.iter().map(|r| r[row]).sum::<f64>() / own.len() as f64).collect()
            })
            .collect();
        let names = listed.iter().zip(&daily);
        let names = names
            .map(|((member, theme, _), returns)| Ok((*member, *theme, exposure(returns, &baskets[*theme])?)))
            .collect::<Computed<Vec<_>>>()?;
        let theme_ss = (0..ids.len())
            .map(|theme| names.iter().find(|name| name.1 == theme).map_or(0.0, |name| name.2.theme_ss))
            .collect();
        Ok(Self { ids, names, theme_ss, covariance: scaled(&baskets, horizon as f64), rows })
    }

    fn shock(&self, scenario: &ScenarioSpec) -> Vec<Option<f64>> {
        self.ids.iter().map(|id| scenario.shock.get(id).copied()).collect()
    }

    /// What the themes returned in one session: what the engine is given when it is asked for a past day.
    fn day(&self, panel: &Panel<'_>, row: usize) -> Vec<Option<f64>> {
        let of = |theme: usize| {
            let members: Vec<&Member> =
                self.names.iter().filter(|name| name.1 == theme).map(|name| name.0).collect();
            panel.basket(&members, &(row..row + 1)).ok()
        };
        (0..self.ids.len()).map(of).collect()
    }
}

fn scaled(rows: &[Vec<f64>], horizon: f64) -> Computed<Vec<Vec<f64>>> {
    rows.iter().map(|a| rows.iter().map(|b| Ok(moments::covariance(a, b, 1)? * horizon)).collect()).collect()
}

/// A portfolio's weights with exposures to its names' own themes.
struct Holdings {
    weights: Vec<f64>,
    exposures: Vec<Vec<f64>>,
    series: Vec<Vec<f64>>,
    theme: Vec<usize>,
    idio: Vec<f64>,
}

impl Holdings {
    /// A position without prices or theme refuses the whole: a book without it would be another book.
    fn of(themes: &Themes<'_>, portfolio: &ModelPortfolio) -> Computed<Self> {
        let mut holdings =
            Self { weights: vec![], exposures: vec![], series: vec![], theme: vec![], idio: vec![] };
        for (symbol, weight) in &portfolio.weights {
            let Some((_, theme, fit)) = themes.names.iter().find(|name| name.0.symbol == *symbol) else {
                continue;
            };
            let one = |k: usize| if k == *theme { fit.slope } else { 0.0 };
            holdings.weights.push(*weight);
            holdings.exposures.push((0..themes.ids.len()).map(one).collect());
            holdings.series.push(fit.residuals.clone());
            holdings.theme.push(*theme);
            holdings.idio.push(0.0);
        }
        let (have, need) = (holdings.weights.len(), portfolio.weights.len());
        if have < need {
            return Err(Missing::TooFew { what: "positions with prices", have, need });
        }
        Ok(holdings)
    }

    fn book(&self) -> Book<'_> {
        Book { weights: &self.weights, exposures: &self.exposures, exposure_se: None, idio_sd: &self.idio }
    }

    fn ranged(&self, scenario: Scenario, themes: &Themes<'_>, horizon: usize) -> Computed<Scenario> {
        let residuals =
            Residuals { series: &self.series, theme: &self.theme, theme_ss: &themes.theme_ss, horizon };
        scenario.with_residuals(&self.weights, residuals)
    }
}

fn record(
    panel: &Panel<'_>,
    id: &str,
    engine: Computed<(&Themes<'_>, &Holdings)>,
    (scenario, horizon): (&ScenarioSpec, usize),
    inputs: &[String],
    findings: &mut Findings,
) {
    let plain = engine.clone().and_then(|(themes, held)| direct(held.book(), &themes.shock(scenario)));
    let spread = engine.clone().and_then(|(themes, held)| {
        let covariance = themes.covariance.as_ref().map_err(Clone::clone)?;
        held.ranged(propagated(held.book(), &themes.shock(scenario), covariance)?, themes, horizon)
    });
    let pick = |from: &Computed<Scenario>, value: fn(&Scenario) -> f64| {
        from.as_ref().map(value).map_err(Clone::clone)
    };
    let rows = engine.map_or(0, |(themes, _)| themes.rows);
    let window = panel.trailing(YEAR);
    for (part, value, statistic) in [
        ("direct", pick(&plain, |s| s.pnl), "stress_direct"),
        ("propagated", pick(&spread, |s| s.pnl), "stress_propagated"),
        ("low", pick(&spread, |s| s.range.0), "stress_range"),
        ("high", pick(&spread, |s| s.range.1), "stress_range"),
    ] {
        let figure = panel.figure(format!("{id}.{part}"), value, Unit::Ratio, statistic, &window);
        findings.add(figure.n(rows).inputs(inputs.iter().cloned()));
    }
}

/// The day-0 returns of a past event on these weights, and what the engine makes of the themes' returns of that day: the
/// difference is what it cannot see.
fn replayed(
    context: &Context<'_>,
    panel: &Panel<'_>,
    id: &str,
    engine: Computed<(&Themes<'_>, &Holdings)>,
    (portfolio, event): (&ModelPortfolio, &shockbrief_core::EventId),
    findings: &mut Findings,
) {
    let row = context.desk.events.events.get(event).and_then(|event| {
        let (market, _) = context.desk.data.find(&panel.benchmark.symbol)?;
        market.event_row(event.instant)
    });
    let row = row.ok_or(Missing::TooFew { what: "sessions since the event", have: 0, need: 1 });
    let outcome = row.clone().and_then(|row| {
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
    let modelled = row.clone().and_then(|row| {
        let (themes, held) = engine?;
        Ok(direct(held.book(), &themes.day(panel, row))?.pnl)
    });
    let window = row.map_or(0..0, |row| row..row + 1);
    let inputs: Vec<String> =
        portfolio.weights.keys().map(ToString::to_string).chain([format!("event:{event}")]).collect();
    let single = || Err(Missing::TooFew { what: "past days like it", have: 1, need: 2 });
    let pnl = outcome.map(|replay| replay.pnl);
    for (part, value) in [("direct", pnl), ("propagated", modelled), ("low", single()), ("high", single())] {
        let figure = panel.figure(format!("{id}.{part}"), value, Unit::Ratio, "stress_replay", &window);
        findings.add(figure.inputs(inputs.clone()));
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
