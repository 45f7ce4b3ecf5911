//! Forward returns: what followed comparable shocks, chosen by a rule before their outcomes are seen.
//!
//! Comparable is measured as detection measures it: net of the index, by a market model of the sessions before, so that
//! a fall of the whole market is no shock to the portfolio. A portfolio is set back to equal weights at every close.

use crate::{
    Context, Outcome,
    declared::check::Needs,
    kind::{Kind, Output, Phrase},
    series::{Course, Courses},
    shocks, tabulate,
};
use anyhow::Result;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shockbrief_analytics::{
    block_length::{Interval, interval},
    drawdown::{Duration, event_drawdown, kaplan_meier},
    ewma::ewma,
    forward_returns::{ForwardReturns as Outcomes, MINIMUM, Rule, forward_returns},
    moments, reason, trailing,
};
use shockbrief_core::{Cell, Figure, Row, Table, Unit, config::section::Ref};
use std::ops::Range;

/// Parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Params {
    /// What is bought: a name, a theme, a basket.
    of: Ref,
    /// A comparable shock: one-day abnormal return at or below this many standard deviations forecast the day before;
    /// default -3, beyond which a normal day lies less than once in 700.
    #[serde(default = "threshold")]
    threshold: f64,
    /// Sessions looked ahead; default one, three, six and twelve months.
    #[serde(default = "horizons")]
    horizons: Vec<usize>,
    /// The horizon that the section's sentence is about; default three months, or the first where they are not looked at.
    #[serde(default)]
    main: Option<usize>,
    /// Bootstrap resamples; default 2000.
    #[serde(default = "draws")]
    draws: usize,
    /// Their seed; default 20250127.
    #[serde(default = "seed")]
    seed: u64,
    /// Decay of the conditional variance; default 0.94 (RiskMetrics, 1996).
    #[serde(default = "decay")]
    decay: f64,
    /// Returns that start the variance; default 60.
    #[serde(default = "warm_up")]
    warm_up: usize,
    /// Level of the intervals; default 0.9.
    #[serde(default = "level")]
    level: f64,
}

fn threshold() -> f64 {
    -3.0
}

fn horizons() -> Vec<usize> {
    vec![21, 63, 126, 252]
}

fn draws() -> usize {
    2000
}

fn seed() -> u64 {
    20_250_127
}

fn decay() -> f64 {
    0.94
}

fn warm_up() -> usize {
    60
}

fn level() -> f64 {
    0.9
}

/// Sessions behind the market model of each day, and how many of them must be complete.
const TRAILING: usize = 250;
const COMPLETE: usize = 60;
/// Three months, which the section's sentence is about where they are looked at.
const MAIN: usize = 63;
/// Horizons that fit one table.
const FIT: usize = 6;

impl Params {
    fn longest(&self) -> usize {
        self.horizons.iter().copied().max().unwrap_or(0)
    }

    fn main(&self) -> usize {
        let usual = if self.horizons.contains(&MAIN) { Some(MAIN) } else { self.horizons.first().copied() };
        self.main.or(usual).unwrap_or(MAIN)
    }
}

/// The kind.
pub struct ForwardReturns;

impl Kind for ForwardReturns {
    const NAME: &'static str = "forward-returns";
    const ABOUT: &'static str = "what followed comparable shocks of a portfolio, against any date";
    type Params = Params;
    const REQUIRED: &'static [(&'static str, &'static str)] = &[("of", "theme:name")];

    fn check(params: &Params) -> Result<(), String> {
        let sorted = params.horizons.windows(2).all(|pair| pair[0] < pair[1]);
        if params.horizons.is_empty() || params.horizons.len() > FIT || params.horizons[0] == 0 || !sorted {
            return Err(format!("`horizons` are one to {FIT} numbers of sessions, the shortest first"));
        }
        if params.threshold.is_nan() || params.threshold >= 0.0 {
            return Err("`threshold` is negative: a shock is a fall".to_owned());
        }
        if params.main.is_some_and(|main| !params.horizons.contains(&main)) {
            return Err("`main` is none of the `horizons`".to_owned());
        }
        let inside = |value: f64| value > 0.0 && value < 1.0;
        if !inside(params.decay) || !inside(params.level) {
            return Err("`decay` and `level` lie between 0 and 1".to_owned());
        }
        if params.draws < 100 || params.warm_up < 2 {
            return Err("`draws` are at least 100 and `warm-up` at least 2".to_owned());
        }
        Ok(())
    }

    fn needs(params: &Params) -> Needs {
        Needs { names: vec![params.of.clone()], ..Needs::default() }
    }

    fn phrases(params: &Params) -> Vec<Phrase> {
        let sessions = |key: String, n: usize| Phrase::Sessions { key, n };
        let horizons = params.horizons.iter().map(|n| sessions(format!("horizon.{n}"), *n));
        let own = [
            Phrase::Name { local: "of".to_owned(), name: params.of.clone() },
            Phrase::Same { local: "main".to_owned(), key: format!("horizon.{}", params.main()) },
        ];
        horizons.chain(own).collect()
    }

    fn analyse(params: &Params, context: &Context<'_>, out: &mut Output<'_>) -> Result<Outcome> {
        let courses = Courses::new(&context.desk);
        let (course, index) = (courses.get(&params.of), courses.benchmark());
        let (Ok(course), Some(Ok(index))) = (course.as_ref(), index.as_ref().map(|index| index.as_ref()))
        else {
            return Ok(Outcome::Absent("absent.no-history"));
        };
        if course.dates.len() < 3 * params.longest() {
            return Ok(Outcome::Absent("absent.no-history"));
        }
        let work = Work { params, course };
        let daily = &course.returns;
        let returns = shocks::logs(&course.levels);
        let net = trailing::abnormal(daily, &index.returns_on(&course.dates), TRAILING, COMPLETE)?;
        // Abnormal returns over the standard deviation forecast the day before.
        let z = match ewma(&net, params.decay, params.warm_up) {
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
        let inputs: Vec<String> = course.inputs.iter().chain(&index.inputs).cloned().collect();
        work.rule(&z, &inputs, out);
        let outcomes: Vec<_> = params
            .horizons
            .par_iter()
            .map(|horizon| {
                let rule = Rule {
                    threshold: params.threshold,
                    horizon: *horizon,
                    draws: params.draws,
                    seed: params.seed,
                };
                let outcome = forward_returns(&returns, &z, rule);
                (*horizon, outcome.map(|outcome| Simple::of(params, &returns, &z, outcome)))
            })
            .collect();
        let mut rows = Vec::new();
        for (horizon, outcome) in &outcomes {
            rows.push(work.record(*horizon, &format!("h{horizon}"), outcome, &inputs, out));
            if *horizon == params.main() {
                work.record(*horizon, "main", outcome, &inputs, out);
            }
        }
        out.table(work.outcomes(rows));
        work.recovery(&z, &inputs, out);
        let cases = work.cases(&z, &inputs, out);
        out.table(cases);
        Ok(Outcome::Ready)
    }
}

/// A course with the parameters it is looked at by.
struct Work<'a> {
    params: &'a Params,
    course: &'a Course,
}

/// What followed in simple returns, so that means are those of the cases printed and After less Always is the gap.
struct Simple {
    outcome: Outcomes,
    mean: f64,
    usual: f64,
    interval: reason::Outcome<Interval>,
}

impl Simple {
    fn of(params: &Params, returns: &[Option<f64>], z: &[Option<f64>], outcome: Outcomes) -> Self {
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
                interval(all.len(), block, params.draws, params.seed, params.level, |rows| {
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

fn withheld(outcome: &Outcomes) -> reason::Missing {
    reason::Missing::TooFew { what: "separate shocks", have: outcome.declustered_n, need: MINIMUM }
}

impl Work<'_> {
    fn figure(
        &self,
        out: &mut Output<'_>,
        local: String,
        value: reason::Outcome<f64>,
        (unit, statistic): (Unit, &str),
        rows: &Range<usize>,
        inputs: &[String],
    ) -> String {
        let dates = &self.course.dates;
        let span = dates.get(rows.start).zip(dates.get(rows.end.saturating_sub(1)));
        out.figure(local, value, unit, statistic, |figure| {
            let figure = figure.inputs(inputs.iter().cloned());
            span.map_or(figure.clone(), |(first, last)| figure.span(*first, *last))
        })
    }

    fn whole(&self) -> Range<usize> {
        0..self.course.dates.len()
    }

    fn rule(&self, z: &[Option<f64>], inputs: &[String], out: &mut Output<'_>) {
        let whole = self.whole();
        for (id, value, unit, statistic) in [
            ("param.threshold", self.params.threshold, Unit::Statistic, "config"),
            ("param.minimum", MINIMUM as f64, Unit::Count, "config"),
            ("param.level", self.params.level, Unit::Ratio, "config"),
            ("shocks", self.hits(z).len() as f64, Unit::Count, "count"),
        ] {
            self.figure(out, id.to_owned(), Ok(value), (unit, statistic), &whole, inputs);
        }
        let dates = &self.course.dates;
        let judged = z.iter().position(Option::is_some).unwrap_or(dates.len() - 1);
        let last = dates[dates.len() - 1];
        let first = Figure::date(out.id("first"), dates[judged], "calendar", last);
        out.add(first.inputs(inputs.iter().cloned()));
    }

    fn hits(&self, z: &[Option<f64>]) -> Vec<usize> {
        let hit = |z: &Option<f64>| z.is_some_and(|z| z <= self.params.threshold);
        z.iter().enumerate().filter(|(_, z)| hit(z)).map(|(row, _)| row).collect()
    }

    /// Figures of one horizon under a name; returns the table's row.
    fn record(
        &self,
        horizon: usize,
        name: &str,
        outcome: &reason::Outcome<Simple>,
        inputs: &[String],
        out: &mut Output<'_>,
    ) -> Row {
        let whole = self.whole();
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
        let dates = &self.course.dates;
        let span = dates.first().zip(dates.last());
        for (part, value, unit) in figures {
            out.figure(format!("{name}.{part}"), value, unit, "forward_return", |figure| {
                let figure = figure.n(n).inputs(inputs.iter().cloned());
                span.map_or(figure.clone(), |(first, last)| figure.span(*first, *last))
            });
        }
        let rule = ["rule".to_owned()];
        let sessions = Ok(horizon as f64);
        self.figure(out, format!("{name}.sessions"), sessions, (Unit::Count, "config"), &whole, &rule);
        let parts = ["n", "separate", "mean", "usual", "hit", "difference", "low", "high", "p"];
        let ids = parts.map(|part| out.id(format!("{name}.{part}")));
        tabulate::row(Cell::Label(format!("horizon.{horizon}")), ids)
    }

    fn outcomes(&self, rows: Vec<Row>) -> Table {
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
        Table { id: "outcomes".to_owned(), columns, rows, sources: self.course.sources.clone() }
    }

    /// Time back to the close before the shock, unfinished recoveries counted as such.
    fn recovery(&self, z: &[Option<f64>], inputs: &[String], out: &mut Output<'_>) {
        let levels = &self.course.levels;
        // A fall within the recovery of an earlier one is the same fall.
        let mut open_until = None;
        let durations: Vec<Duration> = self
            .hits(z)
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
        for (id, value, unit) in [
            ("recovery.median", median, Unit::Sessions),
            ("recovery.cases", n, Unit::Count),
            ("recovery.open", Ok(open), Unit::Count),
        ] {
            self.figure(out, id.to_owned(), value, (unit, "kaplan_meier"), &self.whole(), inputs);
        }
    }

    /// All comparable shocks with what followed, as far as it is known: the means above are theirs.
    fn cases(&self, z: &[Option<f64>], inputs: &[String], out: &mut Output<'_>) -> Table {
        let (dates, levels) = (&self.course.dates, &self.course.levels);
        let change = |from: usize, to: usize| match (levels.get(from), levels.get(to)) {
            (Some(Some(from)), Some(Some(to))) => Ok(to / from - 1.0),
            _ => Err(reason::Missing::TooFew {
                what: "sessions since",
                have: levels.len() - 1 - from,
                need: to - from,
            }),
        };
        let mut rows = Vec::new();
        for row in self.hits(z) {
            let date = dates[row];
            let id = |part: &str| format!("case.{date}.{part}");
            let day = Figure::date(out.id(id("date")), date, "rule", date).inputs(inputs.iter().cloned());
            let how = (Unit::Ratio, "daily_basket");
            let mut cells = vec![
                out.add(day),
                self.figure(out, id("return"), change(row - 1, row), how, &(row..row + 1), inputs),
            ];
            for horizon in &self.params.horizons {
                let (value, rows) = (change(row, row + horizon), row..row + horizon + 1);
                cells.push(self.figure(out, id(&format!("h{horizon}")), value, how, &rows, inputs));
            }
            rows.push(Row::new(cells.into_iter().map(Cell::Figure).collect()));
        }
        let mut columns = vec![tabulate::number("col.day", "date"), tabulate::number("col.return", "pct(1)")];
        let heads = self.params.horizons.iter().map(|horizon| format!("horizon.{horizon}"));
        columns.extend(heads.map(|head| tabulate::number(&head, "pct(0)")));
        Table { id: "cases".to_owned(), columns, rows, sources: self.course.sources.clone() }
    }
}

/// The session on which the close before `row` is reached again, or the last one.
fn back(levels: &[Option<f64>], row: usize) -> usize {
    let before = row.checked_sub(1).and_then(|row| levels[row]).unwrap_or(f64::INFINITY);
    let reached = (row..levels.len()).find(|at| levels[*at].is_some_and(|level| level >= before));
    reached.unwrap_or(levels.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(with: serde_json::Value) -> Result<Params, String> {
        let params: Params = serde_json::from_value(with).map_err(|error| error.to_string())?;
        ForwardReturns::check(&params).map(|()| params)
    }

    /// Rows 1 and 3 are shocks; over one session they are followed by +50 % and -20 %: mean 15 %, not exp of a mean log.
    #[test]
    fn means_are_arithmetic_and_the_gap_is_their_difference() {
        let simple = [0.0, -0.3, 0.5, -0.3, -0.2, 0.1];
        let returns: Vec<Option<f64>> = simple.iter().map(|r| Some(f64::ln_1p(*r))).collect();
        let z = [Some(0.0), Some(-4.0), Some(0.0), Some(-4.0), Some(0.0), Some(0.0)];
        let rule = Rule { threshold: -3.0, horizon: 1, draws: 10, seed: 1 };
        let params = params(serde_json::json!({"of": "NVDA"})).unwrap();
        let out = Simple::of(&params, &returns, &z, forward_returns(&returns, &z, rule).unwrap());
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

    #[test]
    fn parameters_without_sense_are_refused() {
        assert_eq!(params(serde_json::json!({"of": "NVDA", "horizons": [5, 21]})).unwrap().main(), 5);
        for (with, part) in [
            (serde_json::json!({}), "of"),
            (serde_json::json!({"of": "NVDA", "treshold": -2}), "treshold"),
            (serde_json::json!({"of": "NVDA", "threshold": 2}), "negative"),
            (serde_json::json!({"of": "NVDA", "horizons": []}), "horizons"),
            (serde_json::json!({"of": "NVDA", "horizons": [63, 21]}), "shortest first"),
            (serde_json::json!({"of": "NVDA", "main": 5}), "main"),
            (serde_json::json!({"of": "NVDA", "decay": 1}), "decay"),
        ] {
            let error = params(with).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
