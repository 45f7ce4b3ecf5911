//! Dots by name over the range of a day without news: ±1.96 standard errors around zero.
//!
//! A dot is filled by the p that the table prints, below one in twenty; where no table prints one, when it lies outside its range.
//! A line under the chart says which, and what grey, red and green mean.

use super::canvas::{Canvas, Hold, WIDTH, width, wrap};
use super::scale::Scale;
use super::{Drawn, Pen, Point};
use minijinja::Error;
use shockbrief_core::findings::Mark;

const ROW: f64 = 9.4;
/// A further line of a label.
const LINE: f64 = 8.6;
/// Width from which a label takes further lines.
const LABEL: f64 = 150.0;
/// Room above the first row, with and without a title of the axis.
const TOP: (f64, f64) = (15.0, 4.0);
const BOTTOM: f64 = 13.0;
/// The p below which a mark is filled.
const LEVEL: f64 = 0.05;

pub fn draw(pen: &Pen, marks: &[Mark]) -> Result<Drawn, Error> {
    let points = pen.marks(marks)?;
    let frame = Frame::new(&points, pen, true);
    let mut canvas = Canvas::new(frame.height);
    frame.grid(&mut canvas, pen);
    for (row, point) in points.iter().enumerate() {
        let y = frame.row(row);
        if let Some(se) = point.se {
            let (from, to) = (frame.x.at(-1.96 * se), frame.x.at(1.96 * se));
            canvas.rect((from, y - 3.2), (to - from, 6.4), &pen.color("rule"));
        }
        frame.labels(&mut canvas, pen, point, row);
    }
    frame.zero(&mut canvas, pen);
    for (row, point) in points.iter().enumerate() {
        if let Some(value) = point.value {
            let color = pen.color(if value < 0.0 { "fall" } else { "rise" });
            let fill = if is_filled(point) { color.clone() } else { pen.color("paper") };
            canvas.dot((frame.x.at(value), frame.row(row)), 2.5, &color, &fill);
        }
    }
    let outside = points.iter().filter(|p| is_filled(p)).count();
    Ok(Drawn { svg: canvas.svg(), alt: pen.describe("format.alt.intervals", &points, outside) })
}

/// Whether a mark stands for more than chance explains; a p without value says nothing.
fn is_filled(point: &Point) -> bool {
    if let Some(p) = &point.p {
        return p.is_some_and(|p| p < LEVEL);
    }
    match (point.value, point.se) {
        (Some(value), Some(se)) => value.abs() > 1.96 * se,
        _ => false,
    }
}

/// The key of the line that says what the marks mean.
pub fn legend(marks: &[Mark]) -> &'static str {
    if marks.iter().any(|mark| mark.p.is_some()) { "chart.legend.by-p" } else { "chart.legend.by-range" }
}

/// Rows of names with a value axis, shared with bars.
pub(super) struct Frame {
    pub x: Scale,
    pub height: f64,
    top: f64,
    left: f64,
    /// The label of each row in lines.
    labels: Vec<Vec<String>>,
}

/// Height of a row whose label has so many lines; several lines are set off from the rows around them.
fn height(lines: usize) -> f64 {
    let further = lines.max(1) as f64 - 1.0;
    ROW + LINE * further + if further > 0.0 { 3.0 } else { 0.0 }
}

impl Frame {
    pub fn new(points: &[Point], pen: &Pen, intervals: bool) -> Self {
        let widest =
            |texts: &mut dyn Iterator<Item = &str>| texts.map(|text| width(text, false)).fold(0.0, f64::max);
        let labels: Vec<Vec<String>> = points.iter().map(|p| wrap(&p.label, LABEL)).collect();
        let left = widest(&mut labels.iter().flatten().map(String::as_str)) + 8.0;
        let right = WIDTH - widest(&mut points.iter().map(|p| p.printed.as_str())) - 8.0;
        let reach = |p: &Point| p.se.filter(|_| intervals).map_or(0.0, |se| 1.96 * se);
        let values = points.iter().flat_map(|p| [p.value.unwrap_or(0.0), reach(p), -reach(p)]);
        let x = Scale::covering(values, 7.0, (left + 6.0, right - 6.0));
        let top = if pen.axis.is_empty() { TOP.1 } else { TOP.0 };
        let rows: f64 = labels.iter().map(|lines| height(lines.len())).sum();
        Self { x, top, height: top + rows + BOTTOM, left, labels }
    }

    /// The middle of a row.
    pub fn row(&self, row: usize) -> f64 {
        let above: f64 = self.labels[..row].iter().map(|lines| height(lines.len())).sum();
        self.top + above + height(self.labels[row].len()) / 2.0
    }

    fn bottom(&self) -> f64 {
        self.height - BOTTOM
    }

    /// Light vertical lines with their values below, the axis' title above.
    pub fn grid(&self, canvas: &mut Canvas, pen: &Pen) {
        for tick in self.x.ticks() {
            let x = self.x.at(tick);
            canvas.line((x, self.top), (x, self.bottom()), &pen.color("rule"), 0.4);
            canvas.text(
                (x, self.bottom() + 8.0),
                &pen.tick(tick, self.x.step),
                Hold::Middle,
                &pen.color("muted"),
                false,
            );
        }
        canvas.text((self.x.range.0, self.top - 8.0), &pen.axis, Hold::Start, &pen.color("muted"), false);
    }

    /// The line that values are read from.
    pub fn zero(&self, canvas: &mut Canvas, pen: &Pen) {
        let x = self.x.at(0.0);
        canvas.line((x, self.top - 2.0), (x, self.bottom() + 2.0), &pen.color("ink"), 0.8);
    }

    pub fn labels(&self, canvas: &mut Canvas, pen: &Pen, point: &Point, row: usize) {
        let (y, lines) = (self.row(row), &self.labels[row]);
        let first = y - LINE * (lines.len() as f64 - 1.0) / 2.0;
        for (index, line) in lines.iter().enumerate() {
            let at = (self.left - 4.0, first + LINE * index as f64);
            canvas.text(at, line, Hold::End, &pen.color("ink"), false);
        }
        let color = if point.value.is_some() { "ink" } else { "muted" };
        canvas.text((WIDTH, y), &point.printed, Hold::End, &pen.color(color), false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(value: f64, se: f64, p: Option<Option<f64>>) -> Point {
        let (label, printed, group) = (String::new(), String::new(), String::new());
        Point { label, value: Some(value), se: Some(se), p, printed, group }
    }

    #[test]
    fn a_dot_is_filled_by_the_p_that_the_table_prints() {
        // Outside the range of one name, and nothing after Holm for twenty-seven.
        assert!(!is_filled(&point(-0.05, 0.02, Some(Some(0.167)))));
        assert!(is_filled(&point(-0.05, 0.02, Some(Some(0.001)))));
        // A p of its own model may be small inside the range drawn.
        assert!(is_filled(&point(-0.03, 0.02, Some(Some(0.049)))));
        assert!(!is_filled(&point(-0.30, 0.02, Some(None))), "a p without value says nothing");
        // Without a p the range decides: 1.96 standard errors.
        assert!(is_filled(&point(0.040, 0.02, None)) && !is_filled(&point(0.039, 0.02, None)));
    }
}
