//! Charts: one family of drawings, as SVG with real text in the document's sans.
//!
//! No plotting library stands behind them: their legends stand where a brief wants labels at the marks, they have no
//! column of printed values, and they scale fonts and strokes each in their own way. Axes, ticks and labels are placed
//! here, with the fonts' own widths, and tick labels come from [`crate::locale`], so that a chart reads like its text.
//!
//! Colour never carries meaning alone: lines differ in dash and are labelled at their end, dots that chance does not explain
//! are filled and others hollow.

mod bars;
pub(crate) mod canvas;
mod columns;
mod curve;
mod intervals;
mod lines;
mod points;
mod rules;
mod scale;
mod scatter;
pub(crate) mod spark;

use crate::engine::{Scope, optional, plain, source_line, string, unknown};
use crate::escape;
use crate::format::{Filter, Format, FormatError, Place};
use crate::locale::Sign;
use crate::tables::said;
use crate::typography;
use minijinja::{Error, State};
use shockbrief_core::{
    Chart, Figure, Unit,
    findings::{Axis, Mark},
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

/// Charts drawn for a document, by path within it.
#[derive(Debug, Default)]
pub struct Charts {
    files: Mutex<BTreeMap<String, String>>,
    described: Mutex<BTreeSet<String>>,
}

/// A drawing with its description.
pub(crate) struct Drawn {
    svg: String,
    alt: String,
}

/// What charts need besides their data.
pub(crate) struct Pen<'a> {
    state: &'a State<'a, 'a>,
    scope: &'a Scope,
    /// Title of the axis of values.
    axis: String,
    /// Title of the other axis; often empty.
    across: String,
    /// What the values measure: ticks are printed in it.
    unit: Unit,
}

impl Charts {
    /// SVG files by path.
    #[must_use]
    pub fn files(&self) -> BTreeMap<String, String> {
        self.files.lock().map(|files| files.clone()).unwrap_or_default()
    }

    /// What the drawings show, in words: by its description a reader of the PDF knows a drawing of ours.
    #[must_use]
    pub fn described(&self) -> BTreeSet<String> {
        self.described.lock().map(|described| described.clone()).unwrap_or_default()
    }

    fn describe(&self, alt: &str, scope: &Scope) -> String {
        let alt = typography::plain(alt, typography::Rules::of(&scope.code));
        if let Ok(mut described) = self.described.lock() {
            described.insert(alt.clone());
        }
        escape::literal(&alt)
    }

    /// Draws a chart and returns the Typst call that places it.
    pub(crate) fn place(&self, state: &State, scope: &Scope, chart: &Chart) -> Result<String, Error> {
        if empty(chart) {
            return string(state, scope, "absent.chart");
        }
        let key = format!("chart.{}", chart.id());
        let caption = string(state, scope, &format!("{key}.caption"))?;
        let text = |name: &str| {
            optional(state, scope, &format!("{key}.{name}")).map(|text| plain(&text.unwrap_or_default()))
        };
        let pen = Pen { state, scope, axis: text("axis")?, across: text("x")?, unit: unit(scope, chart) };
        let drawn = match chart {
            Chart::Intervals { marks, .. } => intervals::draw(&pen, marks)?,
            Chart::Bars { marks, .. } => bars::draw(&pen, marks)?,
            Chart::Lines { x, lines, .. } => lines::draw(&pen, x, lines)?,
            Chart::Scatter { across, dots, tracks, .. } => scatter::draw(&pen, *across, dots, tracks)?,
            Chart::Columns { quarters, stacks, .. } => columns::draw(&pen, quarters, stacks)?,
            Chart::Points { spots, .. } => points::draw(&pen, spots)?,
            Chart::Rules { stops, .. } => rules::draw(&pen, stops)?,
            Chart::Curve { marks, choices, headline, .. } => curve::draw(&pen, marks, choices, *headline)?,
        };
        let path = format!("/charts/{}.svg", slug(chart.id()));
        self.keep(&path, drawn.svg);
        let source = source_line(state, scope, &key, chart.sources())?;
        let note = optional(state, scope, &format!("{key}.note"))?;
        // What marks mean stands under every chart that has them, before what the chart's own note says.
        let legend = legend(chart).map(|key| string(state, scope, key)).transpose()?;
        let note = match (legend, note) {
            (Some(legend), Some(note)) => Some(format!("{legend} {note}")),
            (legend, note) => legend.or(note),
        };
        let note = note.map_or(String::new(), |note| format!("\n  note: [{note}],"));
        Ok(format!(
            "#chart(\n  {},\n  id: {},\n  alt: {},\n  caption: [{caption}],\n  source: [{source}],{note}\n)",
            escape::literal(&path),
            escape::literal(chart.id()),
            self.describe(&drawn.alt, scope),
        ))
    }
}

impl Charts {
    fn keep(&self, path: &str, svg: String) {
        if let Ok(mut files) = self.files.lock() {
            files.insert(path.to_owned(), svg);
        }
    }

    /// Draws a line of a chart small and returns the Typst call that sets it into a cell.
    pub(crate) fn spark(
        &self,
        state: &State,
        scope: &Scope,
        chart: &str,
        line: usize,
    ) -> Result<String, Error> {
        let charts = &scope.findings.charts;
        let found = charts.get(chart).ok_or_else(|| unknown("chart", chart, charts.keys()))?;
        let drawn = match found {
            Chart::Lines { x: Axis::Dates(dates), lines, .. } if line < lines.len() => {
                let pen = Pen { state, scope, axis: String::new(), across: String::new(), unit: Unit::Ratio };
                spark::draw(&pen, dates, &lines[line])?
            }
            _ => {
                let message = format!("chart `{chart}` has no line {line} over dates");
                let hint = "a cell draws a line that its section put into a chart of lines".to_owned();
                return Err(crate::figures::refuse(FormatError { message, hint }));
            }
        };
        let path = format!("/sparks/{}-{line}.svg", slug(chart));
        self.keep(&path, drawn.svg);
        Ok(format!("#spark({}, alt: {})", escape::literal(&path), self.describe(&drawn.alt, scope)))
    }
}

/// The key of the line that says what filled, hollow and colours mean; lines and columns are named where they end.
fn legend(chart: &Chart) -> Option<&'static str> {
    match chart {
        Chart::Intervals { marks, .. } => Some(intervals::legend(marks)),
        Chart::Bars { marks, .. } => {
            marks.iter().all(|mark| mark.group.is_empty()).then_some("chart.legend.direction")
        }
        Chart::Scatter { dots, .. } => dots.iter().any(|dot| dot.strong).then_some("chart.legend.strong"),
        Chart::Points { spots, .. } => spots.iter().any(|spot| spot.strong).then_some("chart.legend.strong"),
        Chart::Curve { .. } => Some("chart.legend.curve"),
        Chart::Lines { .. } | Chart::Columns { .. } | Chart::Rules { .. } => None,
    }
}

/// Whether there is nothing to draw.
fn empty(chart: &Chart) -> bool {
    match chart {
        Chart::Intervals { marks, .. } | Chart::Bars { marks, .. } => marks.is_empty(),
        Chart::Lines { lines, .. } => lines.iter().all(|line| line.values.iter().all(Option::is_none)),
        Chart::Points { spots, .. } => spots.is_empty(),
        Chart::Rules { stops, .. } => stops.is_empty(),
        Chart::Curve { marks, .. } => marks.is_empty(),
        Chart::Scatter { .. } | Chart::Columns { .. } => false,
    }
}

/// What the values of a chart measure; lines are drawn in percent.
fn unit(scope: &Scope, chart: &Chart) -> Unit {
    let first = match chart {
        Chart::Intervals { marks, .. } | Chart::Bars { marks, .. } | Chart::Curve { marks, .. } => {
            marks.first()
        }
        _ => None,
    };
    let figure = first.and_then(|mark| scope.findings.figures.get(&mark.figure));
    figure.map_or(Unit::Ratio, |figure| figure.unit)
}

/// An id as file name.
fn slug(id: &str) -> String {
    id.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

impl Pen<'_> {
    fn figure(&self, id: &str) -> Result<&Figure, Error> {
        let figures = &self.scope.findings.figures;
        figures.get(id).ok_or_else(|| unknown("figure", id, figures.keys()))
    }

    fn label(&self, label: &str, translate: bool) -> Result<String, Error> {
        if translate {
            Ok(plain(&string(self.state, self.scope, label)?))
        } else {
            Ok(escape::clean(said(self.scope, label)))
        }
    }

    fn color(&self, token: &str) -> String {
        self.scope.brand.colors.get(token).cloned().unwrap_or_else(|| "#000000".to_owned())
    }

    /// The colour of a group, or of the `index`-th series without one.
    fn group(&self, group: &str, index: usize) -> String {
        let groups = &self.scope.brand.groups;
        let nth = || groups.values().nth(index % groups.len().max(1)).cloned();
        groups.get(group).cloned().or_else(nth).unwrap_or_else(|| self.color("accent"))
    }

    /// A tick with as many decimals as its step needs, percent for ratios.
    fn tick(&self, value: f64, step: f64) -> String {
        self.tick_of(Some(self.unit), value, step)
    }

    fn tick_of(&self, unit: Option<Unit>, value: f64, step: f64) -> String {
        let percent = matches!(unit, None | Some(Unit::Ratio | Unit::Points));
        let step = if percent { step * 100.0 } else { step };
        let decimals = (0..4_u8).find(|d| {
            let scaled = step * 10_f64.powi(i32::from(*d));
            (scaled - scaled.round()).abs() < 1e-6
        });
        let decimals = decimals.unwrap_or(4);
        match percent {
            true => self.scope.locale.percent(value, decimals, Sign::Negative),
            false => self.scope.locale.number(value, 0, decimals, Sign::Negative),
        }
    }

    /// A figure as a table prints it.
    fn printed(&self, figure: &Figure) -> Result<String, Error> {
        let format = Format::new(Filter::of(figure.unit));
        format.apply(&self.scope.locale, figure, Place::Table).map_err(crate::figures::refuse)
    }

    fn count(&self, n: usize) -> String {
        self.scope.locale.number(n as f64, 0, 0, Sign::Negative)
    }

    fn percent(&self, value: f64) -> String {
        self.scope.locale.percent(value, 1, Sign::Negative)
    }

    /// Labels and values of marks; a figure without value keeps its “n/a”.
    fn marks(&self, marks: &[Mark]) -> Result<Vec<Point>, Error> {
        marks
            .iter()
            .map(|mark| {
                let figure = self.figure(&mark.figure)?;
                let printed = self.printed(figure)?;
                Ok(Point {
                    label: self.label(&mark.label, mark.translate)?,
                    value: figure.number(),
                    se: figure.se,
                    p: mark.p.as_ref().map(|id| Ok::<_, Error>(self.figure(id)?.number())).transpose()?,
                    printed,
                    group: mark.group.clone(),
                })
            })
            .collect()
    }

    /// The description of marks in words.
    fn describe(&self, key: &str, points: &[Point], outside: usize) -> String {
        let with: Vec<&Point> = points.iter().filter(|p| p.value.is_some()).collect();
        let by =
            |a: &&&Point, b: &&&Point| a.value.partial_cmp(&b.value).unwrap_or(std::cmp::Ordering::Equal);
        let (Some(first), Some(last)) = (with.first(), with.last()) else { return String::new() };
        let (Some(low), Some(high)) = (with.iter().min_by(by), with.iter().max_by(by)) else {
            return String::new();
        };
        let count = |n: usize| self.count(n);
        self.scope.locale.fill(
            key,
            &[
                ("count", &count(points.len())),
                ("first", &first.label),
                ("first_value", &first.printed),
                ("last", &last.label),
                ("last_value", &last.printed),
                ("low", &low.label),
                ("low_value", &low.printed),
                ("high", &high.label),
                ("high_value", &high.printed),
                ("outside", &count(outside)),
            ],
        )
    }
}

/// A mark ready to draw.
pub(crate) struct Point {
    label: String,
    value: Option<f64>,
    se: Option<f64>,
    /// The p that fills it, where the chart has one; a p may be missing.
    p: Option<Option<f64>>,
    printed: String,
    group: String,
}
