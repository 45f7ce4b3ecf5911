//! Dots by name over the range of a day without news: ±1.96 standard errors around zero.
//!
//! A dot is filled when it lies outside its range and hollow inside, so that the eye finds what chance
//! does not explain without a legend.

use super::canvas::{Canvas, Hold, WIDTH, fit, width};
use super::scale::Scale;
use super::{Drawn, Pen, Point};
use minijinja::Error;
use shockbrief_core::findings::Mark;

const ROW: f64 = 9.4;
/// Room above the first row, with and without a title of the axis.
const TOP: (f64, f64) = (15.0, 4.0);
const BOTTOM: f64 = 13.0;

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
        frame.labels(&mut canvas, pen, point, y);
    }
    frame.zero(&mut canvas, pen);
    for (row, point) in points.iter().enumerate() {
        if let Some(value) = point.value {
            let color = pen.color(if value < 0.0 { "fall" } else { "rise" });
            let fill = if is_outside(point) { color.clone() } else { pen.color("paper") };
            canvas.dot((frame.x.at(value), frame.row(row)), 2.5, &color, &fill);
        }
    }
    let outside = points.iter().filter(|p| is_outside(p)).count();
    Ok(Drawn { svg: canvas.svg(), alt: pen.describe("format.alt.intervals", &points, outside) })
}

fn is_outside(point: &Point) -> bool {
    match (point.value, point.se) {
        (Some(value), Some(se)) => value.abs() > 1.96 * se,
        _ => false,
    }
}

/// Rows of names with a value axis, shared with bars.
pub(super) struct Frame {
    pub x: Scale,
    pub height: f64,
    top: f64,
    left: f64,
    rows: usize,
}

impl Frame {
    pub fn new(points: &[Point], pen: &Pen, intervals: bool) -> Self {
        let widest =
            |text: &dyn Fn(&Point) -> &str| points.iter().map(|p| width(text(p), false)).fold(0.0, f64::max);
        let left = widest(&|p| &p.label).min(150.0) + 8.0;
        let right = WIDTH - widest(&|p| &p.printed) - 8.0;
        let reach = |p: &Point| p.se.filter(|_| intervals).map_or(0.0, |se| 1.96 * se);
        let values = points.iter().flat_map(|p| [p.value.unwrap_or(0.0), reach(p), -reach(p)]);
        let x = Scale::covering(values, 7.0, (left + 6.0, right - 6.0));
        let top = if pen.axis.is_empty() { TOP.1 } else { TOP.0 };
        Self { x, top, height: top + ROW * points.len() as f64 + BOTTOM, left, rows: points.len() }
    }

    pub fn row(&self, row: usize) -> f64 {
        self.top + ROW * (row as f64 + 0.5)
    }

    fn bottom(&self) -> f64 {
        self.top + ROW * self.rows as f64
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

    pub fn labels(&self, canvas: &mut Canvas, pen: &Pen, point: &Point, y: f64) {
        let label = fit(&point.label, self.left - 8.0, false);
        canvas.text((self.left - 4.0, y), &label, Hold::End, &pen.color("ink"), false);
        let color = if point.value.is_some() { "ink" } else { "muted" };
        canvas.text((WIDTH, y), &point.printed, Hold::End, &pen.color(color), false);
    }
}
