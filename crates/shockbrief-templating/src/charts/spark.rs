//! A line drawn small, for a row of a table: the way it took, from where, and where it ended.
//!
//! Each has a scale of its own with zero in it: the shape is what it adds to the figures that stand beside.

use super::canvas::Canvas;
use super::{Drawn, Pen};
use crate::locale::DateStyle;
use jiff::civil::Date;
use minijinja::Error;
use shockbrief_core::findings::Line;

/// Size in points, with room for the last dot.
pub const WIDTH: f64 = 70.0;
const HEIGHT: f64 = 9.0;
const EDGE: f64 = 1.6;

pub fn draw(pen: &Pen, dates: &[Date], line: &Line) -> Result<Drawn, Error> {
    let (low, high) = reach(line);
    let x = |at: usize| EDGE + (WIDTH - 2.0 * EDGE) * at as f64 / (dates.len().max(2) - 1) as f64;
    let y = |value: f64| HEIGHT - EDGE - (HEIGHT - 2.0 * EDGE) * (value - low) / (high - low);
    let mut canvas = Canvas::sized(WIDTH, HEIGHT);
    canvas.line((EDGE, y(0.0)), (WIDTH - EDGE, y(0.0)), &pen.color("muted"), 0.3);
    let color = pen.color("accent");
    for run in runs(&line.values) {
        let points: Vec<(f64, f64)> = run.iter().map(|(at, value)| (x(*at), y(*value))).collect();
        canvas.path(&points, &color, 0.8, &[]);
    }
    if let Some((at, value)) = runs(&line.values).into_iter().flatten().next_back() {
        let end = pen.color(if value < 0.0 { "fall" } else { "rise" });
        canvas.dot((x(at), y(value)), 0.7, &end, &end);
    }
    Ok(Drawn { svg: canvas.svg(), alt: describe(pen, dates, line)? })
}

/// The lowest and highest value, zero among them.
fn reach(line: &Line) -> (f64, f64) {
    let values = line.values.iter().flatten();
    let (low, high) = values.fold((0.0_f64, 0.0_f64), |(low, high), v| (low.min(*v), high.max(*v)));
    if high > low { (low, high) } else { (low, low + 1.0) }
}

/// Values without gaps between them, each with its place.
fn runs(values: &[Option<f64>]) -> Vec<Vec<(usize, f64)>> {
    let places = values.iter().enumerate().map(|(at, value)| value.map(|value| (at, value)));
    let places: Vec<Option<(usize, f64)>> = places.collect();
    let parts = places.split(Option::is_none).map(|run| run.iter().copied().flatten().collect());
    parts.filter(|run: &Vec<_>| !run.is_empty()).collect()
}

fn describe(pen: &Pen, dates: &[Date], line: &Line) -> Result<String, Error> {
    let name = pen.label(&line.label, line.translate)?;
    let values = || line.values.iter().flatten().copied();
    let date = |date: Option<&Date>| {
        date.map_or_else(String::new, |date| pen.scope.locale.date(*date, DateStyle::Long))
    };
    let percent = |value: Option<f64>| value.map_or_else(String::new, |value| pen.percent(value));
    Ok(pen.scope.locale.fill(
        "format.alt.spark",
        &[
            ("name", &name),
            ("start", &date(dates.first())),
            ("end", &date(dates.last())),
            ("last_value", &percent(values().next_back())),
            ("low_value", &percent(values().reduce(f64::min))),
            ("high_value", &percent(values().reduce(f64::max))),
        ],
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_part_a_line_and_zero_is_on_its_scale() {
        let line = |values: &[Option<f64>]| Line {
            label: String::new(),
            translate: false,
            values: values.to_vec(),
            group: String::new(),
            strong: false,
        };
        let gap = [Some(0.1), None, None, Some(-0.2), Some(0.3)];
        assert_eq!(runs(&gap), [vec![(0, 0.1)], vec![(3, -0.2), (4, 0.3)]]);
        assert_eq!(reach(&line(&gap)), (-0.2, 0.3));
        assert_eq!(reach(&line(&[Some(0.5)])), (0.0, 0.5));
        assert_eq!(reach(&line(&[None])), (0.0, 1.0));
    }
}
