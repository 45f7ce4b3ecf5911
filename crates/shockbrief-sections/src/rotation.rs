//! Rotation: themes against one of them over several windows, and how many names share in a rise.

use crate::{
    Context, Outcome,
    declared::check::Needs,
    kind::{Kind, Output, Phrase},
    panel::{Member, Panel},
    tabulate,
};
use anyhow::Result;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shockbrief_analytics::{distributions::student_two_sided, moments, reason};
use shockbrief_core::{
    Cell, Chart, Row, Table, ThemeId, Unit,
    config::section::Ref,
    findings::{Axis, Line},
};
use std::ops::Range;

/// Parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Params {
    /// The theme that the others of the report are measured against.
    origin: ThemeId,
    /// Windows in sessions, the shortest first; default one, three and six months.
    #[serde(default = "windows")]
    windows: Vec<usize>,
    /// The lead over the longest window at which the case for the origin is reviewed; default 0.2, twenty points.
    #[serde(default = "review")]
    review: f64,
    /// Sessions of the average that a price stands above or below; default 50.
    #[serde(default = "average")]
    average: usize,
    /// Sessions drawn; default a year.
    #[serde(default = "drawn")]
    drawn: usize,
}

fn windows() -> Vec<usize> {
    vec![21, 63, 126]
}

fn review() -> f64 {
    0.2
}

fn average() -> usize {
    50
}

fn drawn() -> usize {
    252
}

/// Windows that fit one table.
const FIT: usize = 4;

impl Params {
    fn longest(&self) -> usize {
        self.windows.iter().copied().max().unwrap_or(0)
    }
}

/// The kind.
pub struct Rotation;

impl Kind for Rotation {
    const NAME: &'static str = "rotation";
    const ABOUT: &'static str =
        "themes against one of them over several windows, and how many names share in a rise";
    type Params = Params;
    const REQUIRED: &'static [(&'static str, &'static str)] = &[("origin", "theme")];

    fn check(params: &Params) -> Result<(), String> {
        let sorted = params.windows.windows(2).all(|pair| pair[0] < pair[1]);
        if params.windows.is_empty() || params.windows.len() > FIT || params.windows[0] < 2 || !sorted {
            return Err(format!("`windows` are one to {FIT} numbers of sessions, the shortest first"));
        }
        if params.average < 2 || params.drawn < 2 {
            return Err("`average` and `drawn` are at least two sessions".to_owned());
        }
        if params.review > 0.0 { Ok(()) } else { Err("`review` is a positive lead".to_owned()) }
    }

    fn needs(params: &Params) -> Needs {
        Needs { names: vec![Ref::Theme(params.origin.clone())], ..Needs::default() }
    }

    fn phrases(params: &Params) -> Vec<Phrase> {
        let key = |n: usize| format!("horizon.{n}");
        let windows = params.windows.iter().map(|n| Phrase::Sessions { key: key(*n), n: *n });
        let origin = Phrase::Name { local: "origin".to_owned(), name: Ref::Theme(params.origin.clone()) };
        windows.chain([origin]).collect()
    }

    fn analyse(params: &Params, context: &Context<'_>, out: &mut Output<'_>) -> Result<Outcome> {
        let Some(panel) = &context.panel else { return Ok(Outcome::Absent("absent.no-panel")) };
        if panel.dates.len() <= params.longest() + params.average {
            return Ok(Outcome::Absent("absent.no-history"));
        }
        let themes = panel.themes();
        let Some((_, origin)) = themes.iter().find(|(id, _)| **id == params.origin) else {
            return Ok(Outcome::Absent("absent.no-origin"));
        };
        let work = Work { params, panel, origin };
        let others = themes.iter().filter(|(id, _)| **id != params.origin);
        let rows = others.map(|(theme, members)| work.theme(theme, members, out)).collect();
        out.table(work.table(rows));
        work.breadth(out);
        let whole = panel.trailing(params.longest());
        for (name, value, unit) in [
            ("param.review", params.review, Unit::Points),
            ("param.longest", params.longest() as f64, Unit::Sessions),
        ] {
            out.add(panel.figure(out.id(name), Ok(value), unit, "config", &whole).inputs(["rule"]));
        }
        out.chart(work.chart(out));
        Ok(Outcome::Ready)
    }
}

struct Work<'a> {
    params: &'a Params,
    panel: &'a Panel<'a>,
    origin: &'a [&'a Member],
}

impl Work<'_> {
    fn table(&self, rows: Vec<Row>) -> Table {
        let mut columns = vec![tabulate::text("col.theme")];
        let window = |window: &usize| tabulate::number(&format!("horizon.{window}"), "points(1)");
        columns.extend(self.params.windows.iter().map(window));
        columns.push(tabulate::number("col.without-one", "points(1)"));
        columns.push(tabulate::number("col.drift-t", "stat(1)"));
        columns.push(tabulate::number("col.p", "pval"));
        Table { id: "rotation".to_owned(), columns, rows, sources: self.panel.sources() }
    }

    /// A theme against the origin: differences over the windows, the same without the member that matters most, and the t
    /// of the mean daily difference.
    fn theme(&self, theme: &ThemeId, members: &[&Member], out: &mut Output<'_>) -> Row {
        let (panel, origin) = (self.panel, self.origin);
        let id = |out: &Output<'_>, part: &str| out.id(format!("{theme}.{part}"));
        let inputs: Vec<String> =
            members.iter().chain(origin).map(|member| member.symbol.to_string()).collect();
        for window in &self.params.windows {
            self.window(*window, theme, members, &inputs, out);
        }
        let longest = self.params.longest();
        let range = panel.trailing(longest);
        let difference = daily_difference(panel, members, origin, &range);
        let t = id(out, "t");
        let figure = |value| panel.figure(t.clone(), value, Unit::Statistic, "mean_difference_t", &range);
        let figure = match drift(&difference) {
            Ok((t, df)) => {
                let p = student_two_sided(t, df).unwrap_or(f64::NAN);
                figure(Ok(t)).df([df]).p(p).n(difference.len())
            }
            Err(reason) => figure(Err(reason)),
        };
        out.add(figure.inputs(inputs));
        let parts = self.params.windows.iter().map(|window| format!("h{window}"));
        let parts = parts.chain([format!("h{longest}.without"), "t".to_owned()]);
        let mut row = tabulate::row(Cell::Label(format!("theme.{theme}")), parts.map(|part| id(out, &part)));
        row.cells.push(Cell::P(t));
        row
    }

    fn window(
        &self,
        window: usize,
        theme: &ThemeId,
        members: &[&Member],
        inputs: &[String],
        out: &mut Output<'_>,
    ) {
        let (panel, origin) = (self.panel, self.origin);
        let range = panel.trailing(window);
        let id = out.id(format!("{theme}.h{window}"));
        let mut add = |id: String, value, statistic: &str| {
            let figure = panel.figure(id, value, Unit::Points, statistic, &range);
            out.add(figure.firms(members.len()).inputs(inputs.to_vec()))
        };
        let gap = |members: &[&Member]| Ok(panel.basket(members, &range)? - panel.basket(origin, &range)?);
        add(id.clone(), gap(members), "held_basket_difference");
        // The other weighting: set back to equal weights at every close.
        let rebalanced =
            grown(panel, members, &range).and_then(|grown_| Ok(grown_ - grown(panel, origin, &range)?));
        add(format!("{id}.daily"), rebalanced, "daily_basket_difference");
        let least = panel.without_one(members, gap);
        let value = least.as_ref().map(|(value, _)| *value).map_err(Clone::clone);
        add(format!("{id}.without"), value, "leave_one_out");
        if let Ok((_, member)) = least {
            out.list(format!("{theme}.h{window}.without"), vec![panel.name(&member.symbol)]);
        }
    }

    /// Share of names above their average.
    fn share_above(&self, row: usize) -> Option<f64> {
        let average = self.params.average;
        let mut known = 0_usize;
        let mut above = 0_usize;
        for member in &self.panel.sample {
            let window = member.prices.get((row + 1).checked_sub(average)?..=row)?;
            let prices: Option<Vec<f64>> = window.iter().copied().collect();
            let Some(prices) = prices else { continue };
            known += 1;
            let mean = prices.iter().sum::<f64>() / prices.len() as f64;
            above += usize::from(prices.last().is_some_and(|last| *last > mean));
        }
        (known > 0).then(|| above as f64 / known as f64)
    }

    fn breadth(&self, out: &mut Output<'_>) {
        let panel = self.panel;
        let missing = || reason::Missing::TooFew { what: "names with prices", have: 0, need: 1 };
        let range = panel.trailing(self.params.average);
        let inputs: Vec<String> = panel.sample.iter().map(|member| member.symbol.to_string()).collect();
        let now = self.share_above(panel.dates.len() - 1).ok_or_else(missing);
        let start = panel.period.start.checked_sub(1);
        let before = start.and_then(|row| self.share_above(row)).ok_or_else(missing);
        for (name, value, unit, statistic) in [
            ("breadth.now", now, Unit::Ratio, "breadth"),
            ("breadth.before", before, Unit::Ratio, "breadth"),
            ("breadth.sessions", Ok(self.params.average as f64), Unit::Count, "config"),
        ] {
            let figure = panel.figure(out.id(name), value, unit, statistic, &range);
            out.add(figure.firms(inputs.len()).inputs(inputs.clone()));
        }
    }

    fn chart(&self, out: &Output<'_>) -> Chart {
        let rows = self.panel.trailing(self.params.drawn);
        Chart::Lines {
            id: out.id("breadth"),
            x: Axis::Dates(self.panel.dates[rows.clone()].to_vec()),
            lines: vec![Line {
                label: "chart.breadth.line".to_owned(),
                translate: true,
                values: rows.map(|row| self.share_above(row)).collect(),
                group: self.params.origin.to_string(),
                strong: true,
            }],
            sources: self.panel.sources(),
            statistic: "breadth".to_owned(),
        }
    }
}

/// Growth of a portfolio set back to equal weights at every close of a window.
fn grown(panel: &Panel<'_>, members: &[&Member], range: &Range<usize>) -> reason::Outcome<f64> {
    let daily = &panel.daily(members)[range.clone()];
    let grown = daily.iter().map(|r| Some(1.0 + (*r)?)).product::<Option<f64>>();
    grown.ok_or(reason::Missing::Incomplete { what: "returns of the window" })
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
