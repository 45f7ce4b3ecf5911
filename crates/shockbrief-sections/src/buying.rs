//! Buying opportunity: what followed comparable shocks, chosen by a rule before their outcomes are seen.

use crate::{Context, Outcome, panel::Panel, shocks, tabulate};
use anyhow::Result;
use rayon::prelude::*;
use shockbrief_analytics::{
    block_length::Interval,
    drawdown::{Duration, event_drawdown, kaplan_meier},
    ewma::ewma,
    forward_returns::{ForwardReturns, MINIMUM, Rule, forward_returns},
    reason,
};
use shockbrief_core::{Cell, Figure, Findings, Row, Table, ThemeId, Unit};

/// A comparable shock: one-day log return at or below this many conditional standard deviations.
const THRESHOLD: f64 = -3.0;
/// Horizons in sessions: one, three, six and twelve months.
const HORIZONS: [usize; 4] = [21, 63, 126, 252];
/// Bootstrap resamples and their seed.
const DRAWS: usize = 2000;
const SEED: u64 = 20_250_127;
/// Decay and seed length of the conditional variance (section on detection in the method).
const LAMBDA: f64 = 0.94;
const FIRST: usize = 60;
/// Cases listed, the latest ones.
const LISTED: usize = 12;

pub fn analyse(context: &Context<'_>, findings: &mut Findings) -> Result<Outcome> {
    let Some(panel) = &context.panel else { return Ok(Outcome::Absent("absent.no-panel")) };
    let theme = ThemeId::from("compute");
    let themes = panel.themes();
    let Some((_, members)) = themes.iter().find(|(id, _)| **id == theme) else {
        return Ok(Outcome::Absent("absent.no-panel"));
    };
    if panel.dates.len() < 3 * HORIZONS[3] {
        return Ok(Outcome::Absent("absent.no-history"));
    }
    let levels = levels(&panel.daily(members));
    let returns = shocks::logs(&levels);
    // Returns over the standard deviation forecast the day before.
    let z = ewma(&returns, LAMBDA, FIRST)?.z;
    let inputs: Vec<String> = members.iter().map(|member| member.symbol.to_string()).collect();
    rule(panel, &z, findings);
    let mut rows = Vec::new();
    let outcomes: Vec<_> = HORIZONS
        .into_par_iter()
        .map(|horizon| {
            let rule = Rule { threshold: THRESHOLD, horizon, draws: DRAWS, seed: SEED };
            (horizon, forward_returns(&returns, &z, rule))
        })
        .collect();
    for (horizon, outcome) in &outcomes {
        rows.push(record(panel, *horizon, outcome, &inputs, findings));
    }
    findings.tables.insert("forward".to_owned(), forward_table(panel, rows));
    recovery(panel, &levels, &z, findings);
    let cases = cases(panel, &levels, &z, findings);
    findings.tables.insert("cases".to_owned(), cases);
    Ok(Outcome::Ready)
}

/// Value of one unit held in the portfolio.
fn levels(daily: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut level = 1.0;
    daily
        .iter()
        .enumerate()
        .map(|(row, change)| match change {
            Some(change) => {
                level *= 1.0 + change;
                Some(level)
            }
            None if row == 0 => Some(level),
            None => None,
        })
        .collect()
}

fn rule(panel: &Panel<'_>, z: &[Option<f64>], findings: &mut Findings) {
    let whole = 0..panel.dates.len();
    let number = |id: &str, value: f64, unit| panel.figure(id, Ok(value), unit, "config", &whole);
    findings.add(number("rule.shock.z", THRESHOLD, Unit::Statistic));
    findings.add(number("rule.shock.minimum", MINIMUM as f64, Unit::Count));
    findings.add(number("shocks.all", hits(z).len() as f64, Unit::Count));
    let first = panel.dates[0];
    findings.add(Figure::date("panel.first", first, "calendar", panel.dates[panel.dates.len() - 1]));
}

fn hits(z: &[Option<f64>]) -> Vec<usize> {
    z.iter().enumerate().filter(|(_, z)| z.is_some_and(|z| z <= THRESHOLD)).map(|(row, _)| row).collect()
}

/// Figures of one horizon; returns the table's row.
fn record(
    panel: &Panel<'_>,
    horizon: usize,
    outcome: &reason::Outcome<ForwardReturns>,
    inputs: &[String],
    findings: &mut Findings,
) -> Row {
    let whole = 0..panel.dates.len();
    let id = |part: &str| format!("forward.h{horizon}.{part}");
    let of = |value: fn(&ForwardReturns) -> f64| outcome.as_ref().map(value).map_err(Clone::clone);
    let tested = |value: fn(&shockbrief_analytics::forward_returns::Tests) -> f64| {
        let outcome = outcome.as_ref().map_err(Clone::clone)?;
        let withheld = || reason::Missing::TooFew {
            what: "separate shocks",
            have: outcome.declustered_n,
            need: MINIMUM,
        };
        outcome.tests.as_ref().map(value).ok_or_else(withheld)
    };
    let interval = |pick: fn(&Interval) -> f64| {
        let outcome = outcome.as_ref().map_err(Clone::clone)?;
        let withheld = || reason::Missing::TooFew {
            what: "separate shocks",
            have: outcome.declustered_n,
            need: MINIMUM,
        };
        outcome.tests.as_ref().map(|tests| pick(&tests.bootstrap_difference)).ok_or_else(withheld)
    };
    let figures = [
        ("n", of(|f| f.event_rows_zero_based.len() as f64), Unit::Count),
        ("separate", of(|f| f.declustered_n as f64), Unit::Count),
        ("mean", of(|f| f.mean.exp_m1()), Unit::Ratio),
        ("usual", of(|f| f.unconditional_mean.exp_m1()), Unit::Ratio),
        ("hit", of(|f| f.hit_rate_positive), Unit::Ratio),
        ("difference", of(|f| f.difference), Unit::Points),
        ("low", interval(|i| i.low), Unit::Points),
        ("high", interval(|i| i.high), Unit::Points),
        ("p", tested(|t| t.circular_shift.p_two_sided), Unit::Probability),
    ];
    for (part, value, unit) in figures {
        findings.add(
            panel.figure(id(part), value, unit, "forward_return", &whole).inputs(inputs.iter().cloned()),
        );
    }
    let sessions = panel.figure(id("sessions"), Ok(horizon as f64), Unit::Count, "config", &whole);
    findings.add(sessions);
    let parts = ["n", "separate", "mean", "usual", "hit", "difference", "low", "high", "p"];
    tabulate::row(Cell::Label(format!("horizon.{horizon}")), parts.map(id))
}

fn forward_table(panel: &Panel<'_>, rows: Vec<Row>) -> Table {
    let columns = vec![
        tabulate::text("col.horizon"),
        tabulate::number("col.shocks", "int"),
        tabulate::number("col.separate", "int"),
        tabulate::number("col.mean-after", "pct(1)"),
        tabulate::number("col.mean-all", "pct(1)"),
        tabulate::number("col.hit", "pct(0)"),
        tabulate::number("col.difference", "points(1)"),
        tabulate::number("col.low", "points(1)"),
        tabulate::number("col.high", "points(1)"),
        tabulate::number("col.p-shift", "pval"),
    ];
    Table { id: "forward".to_owned(), columns, rows, sources: panel.sources() }
}

/// Time back to the close before the shock, unfinished recoveries counted as such.
fn recovery(panel: &Panel<'_>, levels: &[Option<f64>], z: &[Option<f64>], findings: &mut Findings) {
    let whole = 0..panel.dates.len();
    let durations: Vec<Duration> = hits(z)
        .into_iter()
        .filter_map(|row| Duration::of_event(&event_drawdown(levels, row, None).ok()?))
        .collect();
    let curve = kaplan_meier(&durations);
    let open = durations.iter().filter(|duration| !duration.ended).count() as f64;
    let median = curve.clone().and_then(|curve| {
        let median = curve.median.map(|sessions| sessions as f64);
        median.ok_or(reason::Missing::TooFew {
            what: "finished recoveries",
            have: curve.ended,
            need: curve.n.div_ceil(2),
        })
    });
    let n = curve.map(|curve| curve.n as f64);
    let figure = |id: &str, value, unit| panel.figure(id, value, unit, "kaplan_meier", &whole);
    findings.add(figure("recovery.median", median, Unit::Sessions));
    findings.add(figure("recovery.cases", n, Unit::Count));
    findings.add(figure("recovery.open", Ok(open), Unit::Count));
}

/// The latest comparable shocks with what followed, as far as it is known.
fn cases(panel: &Panel<'_>, levels: &[Option<f64>], z: &[Option<f64>], findings: &mut Findings) -> Table {
    let all = hits(z);
    let rows = all.iter().skip(all.len().saturating_sub(LISTED)).map(|row| {
        let date = panel.dates[*row];
        let id = |part: &str| format!("case.{date}.{part}");
        let range = *row..*row + 1;
        let change = |from: usize, to: usize| match (levels.get(from), levels.get(to)) {
            (Some(Some(from)), Some(Some(to))) => Ok(to / from - 1.0),
            _ => Err(reason::Missing::TooFew {
                what: "sessions since",
                have: levels.len() - 1 - from,
                need: to - from,
            }),
        };
        findings.add(Figure::date(id("date"), date, "rule", date));
        let day = change(row - 1, *row);
        findings.add(panel.figure(id("return"), day, Unit::Ratio, "basket_return", &range));
        for horizon in HORIZONS {
            let value = change(*row, row + horizon);
            let id = id(&format!("h{horizon}"));
            findings.add(panel.figure(id, value, Unit::Ratio, "basket_return", &(*row..row + horizon + 1)));
        }
        let parts = ["date", "return", "h21", "h63", "h126", "h252"];
        Row::new(parts.map(|part| Cell::Figure(id(part))).into())
    });
    let rows = rows.collect();
    let mut columns = vec![tabulate::number("col.day", "date"), tabulate::number("col.return", "pct(1)")];
    columns.extend(HORIZONS.map(|horizon| tabulate::number(&format!("horizon.{horizon}"), "pct(0)")));
    Table { id: "cases".to_owned(), columns, rows, sources: panel.sources() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_compounds_and_a_gap_stays_one() {
        let levels = levels(&[None, Some(0.5), None, Some(-0.5)]);
        assert_eq!(levels, [Some(1.0), Some(1.5), None, Some(0.75)]);
    }
}
