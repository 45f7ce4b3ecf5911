//! A specification curve: estimates side by side in the order of their values, each with its interval of ±1.96 standard errors, and
//! below each the choices that made it (Simonsohn, Simmons & Nelson 2020, *Nature Human Behaviour* 4).
//!
//! A dot is filled when its interval excludes zero. What has no value is left out of the drawing and counted in its description.

use super::canvas::{Canvas, Hold, WIDTH, width, wrap};
use super::scale::Scale;
use super::{Drawn, Pen, Point};
use minijinja::Error;
use shockbrief_core::findings::{Choice, Mark};

const TOP: f64 = 22.0;
const FIELD: f64 = 112.0;
/// A line of a name, and a row of choices.
const LINE: f64 = 8.6;
const ROW: f64 = 10.0;
/// Room for the ticks where no choice has a longer label.
const LEFT: f64 = 40.0;
/// Room for a long word under the last estimate, which stands on its middle.
const RIGHT: f64 = 4.0;

/// Estimates that have a value, from the least to the greatest, with their places among the marks.
struct Ordered(Vec<(usize, Point, f64)>);

pub fn draw(pen: &Pen, marks: &[Mark], choices: &[Choice], headline: Option<usize>) -> Result<Drawn, Error> {
    let points = pen.marks(marks)?;
    let count = points.len();
    let known = points.into_iter().enumerate().filter_map(|(at, point)| {
        let value = point.value?;
        Some((at, point, value))
    });
    let mut ordered = Ordered(known.collect());
    ordered.0.sort_by(|a, b| a.2.total_cmp(&b.2));
    // A choice that nothing drawn makes tells nothing.
    let choices: Vec<&Choice> = choices
        .iter()
        .filter(|choice| ordered.0.iter().any(|(at, ..)| choice.made.get(*at) == Some(&true)))
        .collect();
    let labels =
        choices.iter().map(|choice| pen.label(&choice.label, true)).collect::<Result<Vec<_>, Error>>()?;
    let left = labels.iter().map(|label| width(label, false) + 8.0).fold(LEFT, f64::max);
    let slot = (WIDTH - left - RIGHT) / ordered.0.len().max(1) as f64;
    let names: Vec<Vec<String>> = ordered.0.iter().map(|(_, p, _)| wrap(&p.label, slot - 3.0)).collect();
    let lines = names.iter().map(Vec::len).max().unwrap_or(1) as f64;
    let below = TOP + FIELD + 12.0 + LINE * lines + 4.0;
    let mut canvas = Canvas::new(below + ROW * choices.len() as f64 + 2.0);
    let reach = |(_, p, value): &(usize, Point, f64)| {
        let half = 1.96 * p.se.unwrap_or(0.0);
        [value - half, value + half]
    };
    let y = Scale::covering(ordered.0.iter().flat_map(reach), 5.0, (TOP + FIELD, TOP));
    grid(&mut canvas, pen, &y, left);
    for (place, (at, point, value)) in ordered.0.iter().enumerate() {
        let x = left + slot * (place as f64 + 0.5);
        estimate(&mut canvas, pen, &y, (x, *value), point, headline == Some(*at));
        for (line, text) in names[place].iter().enumerate() {
            let height = TOP + FIELD + 14.0 + LINE * line as f64;
            canvas.text((x, height), text, Hold::Middle, &pen.color("ink"), headline == Some(*at));
        }
        for (row, choice) in choices.iter().enumerate() {
            made(
                &mut canvas,
                pen,
                (x, below + ROW * (row as f64 + 0.5)),
                choice.made.get(*at) == Some(&true),
            );
        }
    }
    for (row, label) in labels.iter().enumerate() {
        let height = below + ROW * (row as f64 + 0.5);
        canvas.text((left - 6.0, height), label, Hold::End, &pen.color("muted"), false);
    }
    Ok(Drawn { svg: canvas.svg(), alt: describe(pen, &ordered, count, headline) })
}

/// Light lines with their values at the left, the axis' title above.
fn grid(canvas: &mut Canvas, pen: &Pen, y: &Scale, left: f64) {
    for tick in y.ticks() {
        let at = y.at(tick);
        let (color, stroke) = if tick == 0.0 { ("ink", 0.8) } else { ("rule", 0.4) };
        canvas.line((left, at), (WIDTH, at), &pen.color(color), stroke);
        canvas.text((left - 6.0, at), &pen.tick(tick, y.step), Hold::End, &pen.color("muted"), false);
    }
    canvas.text((0.0, TOP - 16.0), &pen.axis, Hold::Start, &pen.color("muted"), false);
}

/// A dot on its interval, with its value at the end away from zero.
fn estimate(canvas: &mut Canvas, pen: &Pen, y: &Scale, (x, value): (f64, f64), point: &Point, bold: bool) {
    if let Some(se) = point.se {
        let (from, to) = (y.at(value + 1.96 * se), y.at(value - 1.96 * se));
        canvas.rect((x - 2.2, from), (4.4, to - from), &pen.color("rule"));
    }
    let color = pen.color(if value < 0.0 { "fall" } else { "rise" });
    let fill = if excludes_zero(point) { color.clone() } else { pen.color("paper") };
    canvas.dot((x, y.at(value)), 2.5, &color, &fill);
    // Away from the line of zero, which would cross it out.
    let half = (1.96 * point.se.unwrap_or(0.0)).copysign(value);
    let away = if value < 0.0 { 5.5 } else { -5.5 };
    canvas.text((x, y.at(value + half) + away), &point.printed, Hold::Middle, &pen.color("ink"), bold);
}

fn made(canvas: &mut Canvas, pen: &Pen, at: (f64, f64), made: bool) {
    if made {
        canvas.dot(at, 2.2, &pen.color("ink"), &pen.color("ink"));
    } else {
        canvas.dot(at, 0.6, &pen.color("rule"), &pen.color("rule"));
    }
}

fn excludes_zero(point: &Point) -> bool {
    matches!((point.value, point.se), (Some(value), Some(se)) if value.abs() > 1.96 * se)
}

/// The ends, the headline, and how many intervals exclude zero.
fn describe(pen: &Pen, ordered: &Ordered, count: usize, headline: Option<usize>) -> String {
    let (Some((_, low, _)), Some((_, high, _))) = (ordered.0.first(), ordered.0.last()) else {
        return String::new();
    };
    let quoted = ordered.0.iter().find(|(at, ..)| Some(*at) == headline);
    let quoted = quoted.map_or(low, |(_, point, _)| point);
    let outside = ordered.0.iter().filter(|(_, point, _)| excludes_zero(point)).count();
    pen.scope.locale.fill(
        "format.alt.curve",
        &[
            ("count", &pen.count(ordered.0.len())),
            ("all", &pen.count(count)),
            ("low", &low.label),
            ("low_value", &low.printed),
            ("high", &high.label),
            ("high_value", &high.printed),
            ("headline", &quoted.label),
            ("headline_value", &quoted.printed),
            ("outside", &pen.count(outside)),
        ],
    )
}
