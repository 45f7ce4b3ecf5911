//! Buying opportunity: what followed comparable shocks, chosen by a rule before their outcomes are seen.
//!
//! Comparable is measured as detection measures it: net of the index, by a market model of the sessions before, so that
//! a fall of the whole market is no shock to the theme. The portfolio is set back to equal weights at every close.

use crate::{Context, Outcome, panel::Panel, shocks, tabulate};
use anyhow::Result;
use rayon::prelude::*;
use shockbrief_analytics::{
    block_length::{Interval, interval},
    drawdown::{Duration, event_drawdown, kaplan_meier},
    ewma::ewma,
    forward_returns::{ForwardReturns, MINIMUM, Rule, forward_returns},
    moments, reason, trailing,
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
/// Sessions behind the market model of each day, and how many of them must be complete.
const TRAILING: usize = 250;
const COMPLETE: usize = 60;
/// Level of the intervals.
const LEVEL: f64 = 0.9;

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
    let daily = panel.daily(members);
    let levels = levels(&daily);
    let returns = shocks::logs(&levels);
    let net = trailing::abnormal(&daily, &panel.benchmark.returns(), TRAILING, COMPLETE)?;
    // Abnormal returns over the standard deviation forecast the day before.
    let z = match ewma(&net, LAMBDA, FIRST) {
        Ok(scaled) => scaled.z,
        Err(reason::Missing::TooFew { .. }) => return Ok(Outcome::Absent("absent.no-history")),
        Err(reason) => return Err(reason.into()),
    };
    // A session on which the portfolio rose, only less than the market, was no fall to buy.
    let z: Vec<Option<f64>> = z
        .iter()
        .zip(&returns)
        .map(|(z, r)| if r.is_some_and(|r| r >= 0.0) { z.map(|z| z.max(0.0)) } else { *z })
        .collect();
    let inputs: Vec<String> =
        members.iter().chain([&&panel.benchmark]).map(|member| member.symbol.to_string()).collect();
    rule(panel, &z, &inputs, findings);
    let mut rows = Vec::new();
    let outcomes: Vec<_> = HORIZONS
        .into_par_iter()
        .map(|horizon| {
            let rule = Rule { threshold: THRESHOLD, horizon, draws: DRAWS, seed: SEED };
            let outcome = forward_returns(&returns, &z, rule);
            (horizon, outcome.map(|outcome| Simple::of(&returns, &z, outcome)))
        })
        .collect();
    for (horizon, outcome) in &outcomes {
        rows.push(record(panel, *horizon, outcome, &inputs, findings));
    }
    findings.tables.insert("forward".to_owned(), forward_table(panel, rows));
    recovery(panel, &levels, &z, &inputs, findings);
    let cases = cases(panel, &levels, &z, &inputs, findings);
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

fn rule(panel: &Panel<'_>, z: &[Option<f64>], inputs: &[String], findings: &mut Findings) {
    let whole = 0..panel.dates.len();
    let number = |id: &str, value: f64, unit, statistic| {
        panel.figure(id, Ok(value), unit, statistic, &whole).inputs(inputs.iter().cloned())
    };
    findings.add(number("rule.shock.z", THRESHOLD, Unit::Statistic, "config"));
    findings.add(number("rule.shock.minimum", MINIMUM as f64, Unit::Count, "config"));
    findings.add(number("rule.shock.level", LEVEL, Unit::Ratio, "config"));
    findings.add(number("shocks.all", hits(z).len() as f64, Unit::Count, "count"));
    let judged = z.iter().position(Option::is_some).unwrap_or(panel.dates.len() - 1);
    let last = panel.dates[panel.dates.len() - 1];
    findings.add(
        Figure::date("panel.first", panel.dates[judged], "calendar", last).inputs(inputs.iter().cloned()),
    );
}

/// What followed in simple returns, so that means are those of the cases printed and After less Always is the gap.
struct Simple {
    outcome: ForwardReturns,
    mean: f64,
    usual: f64,
    interval: reason::Outcome<Interval>,
}

impl Simple {
    fn of(returns: &[Option<f64>], z: &[Option<f64>], outcome: ForwardReturns) -> Self {
        let horizon = outcome.rule.horizon;
        let valid = |row: usize| -> Option<(usize, f64)> {
            z[row]?;
            let ahead = returns.get(row + 1..row + 1 + horizon)?.iter().copied().sum::<Option<f64>>()?;
            Some((row, ahead.exp_m1()))
        };
        let all: Vec<(usize, f64)> = (0..z.len()).filter_map(valid).collect();
        let shocked: Vec<bool> =
            all.iter().map(|(row, _)| outcome.event_rows_zero_based.contains(row)).collect();
        let average = |wanted: &dyn Fn(usize) -> bool| {
            let kept: Vec<f64> = (0..all.len()).filter(|at| wanted(*at)).map(|at| all[at].1).collect();
            moments::mean(&kept).unwrap_or(f64::NAN)
        };
        let interval = match &outcome.tests {
            None => Err(withheld(&outcome)),
            Some(tests) => {
                let block = tests.politis_white_block_length_of_forward_series.stationary;
                interval(all.len(), block, DRAWS, SEED, LEVEL, |rows| {
                    let after: Vec<f64> =
                        rows.iter().filter(|at| shocked[**at]).map(|at| all[*at].1).collect();
                    let usual = rows.iter().map(|at| all[*at].1).sum::<f64>() / rows.len() as f64;
                    Some(moments::mean(&after).ok()? - usual)
                })
            }
        };
        Self { mean: average(&|at| shocked[at]), usual: average(&|_| true), interval, outcome }
    }
}

fn withheld(outcome: &ForwardReturns) -> reason::Missing {
    reason::Missing::TooFew { what: "separate shocks", have: outcome.declustered_n, need: MINIMUM }
}

fn hits(z: &[Option<f64>]) -> Vec<usize> {
    z.iter().enumerate().filter(|(_, z)| z.is_some_and(|z| z <= THRESHOLD)).map(|(row, _)| row).collect()
}

/// Figures of one horizon; returns the table's row.
fn record(
    panel: &Panel<'_>,
    horizon: usize,
    outcome: &reason::Outcome<Simple>,
    inputs: &[String],
    findings: &mut Findings,
) -> Row {
    let whole = 0..panel.dates.len();
    let id = |part: &str| format!("forward.h{horizon}.{part}");
    let of = |value: fn(&Simple) -> f64| outcome.as_ref().map(value).map_err(Clone::clone);
    let end = |pick: fn(&Interval) -> f64| {
        outcome.as_ref().map_err(Clone::clone)?.interval.as_ref().map(pick).map_err(Clone::clone)
    };
    let p = outcome.as_ref().map_err(Clone::clone).and_then(|simple| {
        let tests = simple.outcome.tests.as_ref();
        tests.map(|tests| tests.circular_shift.p_two_sided).ok_or_else(|| withheld(&simple.outcome))
    });
    let n = outcome.as_ref().map_or(0, |simple| simple.outcome.event_rows_zero_based.len());
    let figures = [
        ("n", Ok(n as f64), Unit::Count),
        ("separate", of(|f| f.outcome.declustered_n as f64), Unit::Count),
        ("mean", of(|f| f.mean), Unit::Ratio),
        ("usual", of(|f| f.usual), Unit::Ratio),
        ("hit", of(|f| f.outcome.hit_rate_positive), Unit::Ratio),
        ("rises", of(|f| f.outcome.forward.iter().filter(|r| **r > 0.0).count() as f64), Unit::Count),
        ("difference", of(|f| f.mean - f.usual), Unit::Points),
        ("low", end(|i| i.low), Unit::Points),
        ("high", end(|i| i.high), Unit::Points),
        ("p", p, Unit::Probability),
    ];
    for (part, value, unit) in figures {
        let figure = panel.figure(id(part), value, unit, "forward_return", &whole);
        findings.add(figure.n(n).inputs(inputs.iter().cloned()));
    }
    let sessions = panel.figure(id("sessions"), Ok(horizon as f64), Unit::Count, "config", &whole);
    findings.add(sessions.inputs(["rule"]));
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
fn recovery(
    panel: &Panel<'_>,
    levels: &[Option<f64>],
    z: &[Option<f64>],
    inputs: &[String],
    findings: &mut Findings,
) {
    let whole = 0..panel.dates.len();
    // A fall within the recovery of an earlier one is the same fall.
    let mut open_until = None;
    let durations: Vec<Duration> = hits(z)
        .into_iter()
        .filter(|row| {
            let separate = open_until.is_none_or(|end| *row > end);
            if separate {
                open_until = Some(back(levels, *row));
            }
            separate
        })
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
    let figure = |id: &str, value, unit| {
        panel.figure(id, value, unit, "kaplan_meier", &whole).inputs(inputs.iter().cloned())
    };
    findings.add(figure("recovery.median", median, Unit::Sessions));
    findings.add(figure("recovery.cases", n, Unit::Count));
    findings.add(figure("recovery.open", Ok(open), Unit::Count));
}

/// The session on which the close before `row` is reached again, or the last one.
fn back(levels: &[Option<f64>], row: usize) -> usize {
    let before = row.checked_sub(1).and_then(|row| levels[row]).unwrap_or(f64::INFINITY);
    let reached = (row..levels.len()).find(|at| levels[*at].is_some_and(|level| level >= before));
    reached.unwrap_or(levels.len() - 1)
}

/// All comparable shocks with what followed, as far as it is known: the means above are theirs.
fn cases(
    panel: &Panel<'_>,
    levels: &[Option<f64>],
    z: &[Option<f64>],
    inputs: &[String],
    findings: &mut Findings,
) -> Table {
    let all = hits(z);
    let rows = all.iter().map(|row| {
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
        findings.add(Figure::date(id("date"), date, "rule", date).inputs(inputs.iter().cloned()));
        let add = |id: String, value, range: &std::ops::Range<usize>, findings: &mut Findings| {
            let figure = panel.figure(id, value, Unit::Ratio, "daily_basket", range);
            findings.add(figure.inputs(inputs.iter().cloned()));
        };
        add(id("return"), change(row - 1, *row), &range, findings);
        for horizon in HORIZONS {
            let value = change(*row, row + horizon);
            add(id(&format!("h{horizon}")), value, &(*row..row + horizon + 1), findings);
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

    /// Rows 1 and 3 are shocks; over one session they are followed by +50 % and -20 %: mean 15 %, not exp of a mean log.
    #[test]
    fn means_are_arithmetic_and_the_gap_is_their_difference() {
        let simple = [0.0, -0.3, 0.5, -0.3, -0.2, 0.1];
        let returns: Vec<Option<f64>> = simple.iter().map(|r| Some(f64::ln_1p(*r))).collect();
        let z = [Some(0.0), Some(-4.0), Some(0.0), Some(-4.0), Some(0.0), Some(0.0)];
        let rule = Rule { threshold: THRESHOLD, horizon: 1, draws: 10, seed: 1 };
        let out = Simple::of(&returns, &z, forward_returns(&returns, &z, rule).unwrap());
        assert!((out.mean - 0.15).abs() < 1e-12, "{}", out.mean);
        assert!((out.usual - (-0.3 + 0.5 - 0.3 - 0.2 + 0.1) / 5.0).abs() < 1e-12, "{}", out.usual);
        assert!(out.interval.is_err(), "two cases are no basis for an interval");
    }

    #[test]
    fn a_second_fall_before_the_first_is_made_good_is_the_same_one() {
        let levels = [Some(1.0), Some(0.8), Some(0.7), Some(1.1), Some(0.9)];
        assert_eq!(back(&levels, 1), 3);
        assert_eq!(back(&levels, 4), 4);
    }
}
