//! Rotation: whether gains pass from one theme to the others, and how many names share in them.

use crate::{
    Context, Outcome,
    declared::check::Needs,
    kind::{Kind, Output, Phrase},
    panel::{Member, Panel},
    tabulate,
};
use anyhow::Result;
use serde::{Deserialize, Serialize};
use shockbrief_analytics::{distributions::student_two_sided, moments, reason};
use shockbrief_core::{
    Cell, Chart, Row, Table, ThemeId, Unit,
    config::section::Ref,
    findings::{Axis, Line},
};
use std::ops::Range;

/// Parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Params {
    /// The theme that the others are measured against.
    origin: ThemeId,
    /// Windows in sessions over which rotation is measured, the shortest first; default one, three and six months.
    #[serde(default = "windows")]
    windows: Vec<usize>,
    /// The lead over the longest window at which the case for the origin is reviewed; default 0.2.
    #[serde(default = "trigger")]
    trigger: f64,
    /// Sessions of the average that a price stands above or below; default 50.
    #[serde(default = "average")]
    average: usize,
    /// Sessions drawn; default 252.
    #[serde(default = "drawn")]
    drawn: usize,
    /// The theme in whose colour the share is drawn; default the origin.
    #[serde(default)]
    color: Option<ThemeId>,
}

fn windows() -> Vec<usize> {
    vec![21, 63, 126]
}

fn trigger() -> f64 {
    0.2
}

fn average() -> usize {
    50
}

fn drawn() -> usize {
    252
}

/// Windows that fit one table.
const FIT: usize = 5;

impl Params {
    fn longest(&self) -> usize {
        self.windows.last().copied().unwrap_or(0)
    }
}

/// The kind.
pub struct Rotation;

impl Kind for Rotation {
    const NAME: &'static str = "rotation";
    const ABOUT: &'static str =
        "each theme against one of them over several windows, and the share of names that rise";
    type Params = Params;
    const REQUIRED: &'static [(&'static str, &'static str)] = &[("origin", "theme")];

    fn check(params: &Params) -> Result<(), String> {
        let sorted = params.windows.windows(2).all(|pair| pair[0] < pair[1]);
        if params.windows.is_empty() || params.windows.len() > FIT || params.windows[0] < 2 || !sorted {
            return Err(format!(
                "`windows` are one to {FIT} numbers of sessions from 2 on, the shortest first"
            ));
        }
        if !(params.trigger > 0.0 && params.trigger.is_finite()) {
            return Err("`trigger` is a positive lead, such as 0.2".to_owned());
        }
        if params.average < 2 || params.drawn < 2 {
            return Err("`average` and `drawn` are 2 sessions or more".to_owned());
        }
        Ok(())
    }

    fn needs(params: &Params) -> Needs {
        let color = params.color.iter().cloned();
        let names = std::iter::once(params.origin.clone()).chain(color).map(Ref::Theme).collect();
        Needs { names, ..Needs::default() }
    }

    fn phrases(params: &Params) -> Vec<Phrase> {
        let sessions = |n: &usize| Phrase::Sessions { key: format!("horizon.{n}"), n: *n };
        let longest = format!("horizon.{}", params.longest());
        let own = [
            Phrase::Name { local: "origin".to_owned(), name: Ref::Theme(params.origin.clone()) },
            Phrase::Same { local: "longest".to_owned(), key: longest },
        ];
        params.windows.iter().map(sessions).chain(own).collect()
    }

    fn analyse(params: &Params, context: &Context<'_>, out: &mut Output<'_>) -> Result<Outcome> {
        let Some(panel) = &context.panel else { return Ok(Outcome::Absent("absent.no-panel")) };
        if panel.dates.len() <= params.drawn.max(params.longest() + params.average) {
            return Ok(Outcome::Absent("absent.no-history"));
        }
        let themes = panel.themes();
        let Some((_, origin)) = themes.iter().find(|(id, _)| **id == params.origin) else {
            return Ok(Outcome::Absent("absent.no-origin"));
        };
        let work = Work { params, panel };
        let others = themes.iter().filter(|(id, _)| **id != params.origin);
        let rows = others.map(|(theme, members)| work.rotation(theme, members, origin, out)).collect();
        let mut columns = vec![tabulate::text("col.theme")];
        columns.extend(params.windows.iter().map(|n| tabulate::number(&format!("horizon.{n}"), "points(1)")));
        columns.push(tabulate::number("col.without-one", "points(1)"));
        columns.push(tabulate::number("col.drift-t", "stat(1)"));
        columns.push(tabulate::number("col.p", "pval"));
        out.table(Table { id: "rotation".to_owned(), columns, rows, sources: panel.sources() });
        work.breadth(out);
        let longest = panel.trailing(params.longest());
        let mut rule = |name: &str, value: f64, unit| {
            let id = out.id(format!("param.{name}"));
            out.add(panel.figure(id, Ok(value), unit, "config", &longest).inputs(["rule"]));
        };
        rule("trigger", params.trigger, Unit::Points);
        rule("longest", params.longest() as f64, Unit::Sessions);
        let chart = work.chart(out);
        out.chart(chart);
        Ok(Outcome::Ready)
    }
}

/// The names followed with the parameters they are looked at by.
struct Work<'a> {
    params: &'a Params,
    panel: &'a Panel<'a>,
}

impl Work<'_> {
    /// A theme against the origin: differences over the windows, the same without the member that matters most, and the t
    /// of the mean daily difference.
    fn rotation(
        &self,
        theme: &ThemeId,
        members: &[&Member],
        origin: &[&Member],
        out: &mut Output<'_>,
    ) -> Row {
        let panel = self.panel;
        let base = out.id(theme);
        let id = |part: &str| format!("{base}.{part}");
        let inputs: Vec<String> =
            members.iter().chain(origin).map(|member| member.symbol.to_string()).collect();
        for window in &self.params.windows {
            let range = panel.trailing(*window);
            let gap =
                |members: &[&Member]| Ok(panel.basket(members, &range)? - panel.basket(origin, &range)?);
            let part = format!("h{window}");
            let figure =
                panel.figure(id(&part), gap(members), Unit::Points, "held_basket_difference", &range);
            out.add(figure.firms(members.len()).inputs(inputs.clone()));
            // The other weighting: set back to equal weights at every close.
            let daily = |members: &[&Member]| grown(panel, members, &range);
            let rebalanced = daily(members).and_then(|a| Ok(a - daily(origin)?));
            let figure = panel.figure(
                id(&format!("{part}.daily")),
                rebalanced,
                Unit::Points,
                "daily_basket_difference",
                &range,
            );
            out.add(figure.firms(members.len()).inputs(inputs.clone()));
            let least = panel.without_one(members, gap);
            let value = least.as_ref().map(|(value, _)| *value).map_err(Clone::clone);
            let without = id(&format!("{part}.without"));
            let figure = panel.figure(without.clone(), value, Unit::Points, "leave_one_out", &range);
            out.add(figure.firms(members.len()).inputs(inputs.clone()));
            if let Ok((_, member)) = least {
                out.list(format!("{theme}.{part}.without"), vec![panel.name(&member.symbol)]);
            }
        }
        let range = panel.trailing(self.params.longest());
        let difference = daily_difference(panel, members, origin, &range);
        let figure = |value| panel.figure(id("t"), value, Unit::Statistic, "mean_difference_t", &range);
        let figure = match drift(&difference) {
            Ok((t, df)) => {
                let p = student_two_sided(t, df).unwrap_or(f64::NAN);
                figure(Ok(t)).df([df]).p(p).n(difference.len())
            }
            Err(reason) => figure(Err(reason)),
        };
        out.add(figure.inputs(inputs));
        let long = format!("h{}", self.params.longest());
        let parts = self.params.windows.iter().map(|window| format!("h{window}"));
        let parts = parts.chain([format!("{long}.without"), "t".to_owned()]);
        let mut row = tabulate::row(Cell::Label(format!("theme.{theme}")), parts.map(|part| id(&part)));
        row.cells.push(Cell::P(id("t")));
        row
    }

    fn breadth(&self, out: &mut Output<'_>) {
        let (panel, average) = (self.panel, self.params.average);
        let last = panel.dates.len() - 1;
        let missing = || reason::Missing::TooFew { what: "names with prices", have: 0, need: 1 };
        let range = panel.trailing(average);
        let now = share_above(panel, last, average).ok_or_else(missing);
        let inputs: Vec<String> = panel.sample.iter().map(|member| member.symbol.to_string()).collect();
        let figure = |id: String, value, unit, statistic| {
            panel.figure(id, value, unit, statistic, &range).firms(inputs.len()).inputs(inputs.clone())
        };
        let id = out.id("breadth.now");
        out.add(figure(id, now, Unit::Ratio, "breadth"));
        let start = panel.period.start.checked_sub(1);
        let before = start.and_then(|row| share_above(panel, row, average)).ok_or_else(missing);
        let id = out.id("breadth.before");
        out.add(figure(id, before, Unit::Ratio, "breadth"));
        let sessions = Ok(average as f64);
        let id = out.id("param.average");
        out.add(figure(id, sessions, Unit::Count, "config"));
    }

    fn chart(&self, out: &Output<'_>) -> Chart {
        let panel = self.panel;
        let rows = panel.trailing(self.params.drawn);
        let color = self.params.color.as_ref().unwrap_or(&self.params.origin);
        Chart::Lines {
            id: out.id("breadth"),
            x: Axis::Dates(panel.dates[rows.clone()].to_vec()),
            lines: vec![Line {
                label: "chart.breadth.line".to_owned(),
                translate: true,
                values: rows.map(|row| share_above(panel, row, self.params.average)).collect(),
                group: color.to_string(),
                strong: true,
            }],
            sources: panel.sources(),
            statistic: "breadth".to_owned(),
        }
    }
}

/// Growth of members set back to equal weights at every close.
fn grown(panel: &Panel<'_>, members: &[&Member], range: &Range<usize>) -> reason::Outcome<f64> {
    let returns = panel.daily(members);
    let grown = returns[range.clone()].iter().copied().map(|r| Some(1.0 + r?)).product::<Option<f64>>();
    grown.map(|grown| grown - 1.0).ok_or(reason::Missing::Incomplete { what: "returns of the window" })
}

/// Daily differences of the two baskets of a window, each bought at its start and held.
fn daily_difference(
    panel: &Panel<'_>,
    members: &[&Member],
    origin: &[&Member],
    range: &Range<usize>,
) -> Vec<f64> {
    let (a, b) = (panel.course(members, range).returns(), panel.course(origin, range).returns());
    a.into_iter().zip(b).filter_map(|(a, b)| Some(a? - b?)).collect()
}

/// t of the mean of independent differences, n - 1 degrees of freedom.
fn drift(x: &[f64]) -> reason::Outcome<(f64, f64)> {
    let n = x.len() as f64;
    let sd = moments::positive_sd(x, "the daily difference")?;
    Ok((moments::mean(x)? / (sd / n.sqrt()), n - 1.0))
}

/// Share of names above their average of so many sessions.
fn share_above(panel: &Panel<'_>, row: usize, average: usize) -> Option<f64> {
    let mut known = 0_usize;
    let mut above = 0_usize;
    for member in &panel.sample {
        let window = member.prices.get((row + 1).checked_sub(average)?..=row)?;
        let prices: Option<Vec<f64>> = window.iter().copied().collect();
        let Some(prices) = prices else { continue };
        known += 1;
        let mean = prices.iter().sum::<f64>() / prices.len() as f64;
        above += usize::from(prices[prices.len() - 1] > mean);
    }
    (known > 0).then(|| above as f64 / known as f64)
}
