//! Points of two figures each on linear axes that hold zero, printed in the figures' own units.

use super::canvas::{Canvas, Hold, TEXT, WIDTH, width};
use super::scale::Scale;
use super::{Drawn, Pen};
use minijinja::Error;
use shockbrief_core::{Figure, findings::Spot};

const TOP: f64 = 18.0;
const FIELD: f64 = 145.0;
const BOTTOM: f64 = 26.0;
/// Room for the ticks of the vertical axis.
const LEFT: f64 = 40.0;

/// A spot with its values.
struct Placed<'a> {
    label: String,
    strong: bool,
    x: &'a Figure,
    y: &'a Figure,
    at: (f64, f64),
}

pub fn draw(pen: &Pen, spots: &[Spot]) -> Result<Drawn, Error> {
    let mut placed = Vec::new();
    for spot in spots {
        let (x, y) = (pen.figure(&spot.x)?, pen.figure(&spot.y)?);
        if let (Some(across), Some(upright)) = (x.number(), y.number()) {
            let label = pen.label(&spot.label, spot.translate)?;
            placed.push(Placed { label, strong: spot.strong, x, y, at: (across, upright) });
        }
    }
    let x = Scale::covering(placed.iter().map(|spot| spot.at.0), 7.0, (LEFT, WIDTH - 14.0));
    let y = Scale::covering(placed.iter().map(|spot| spot.at.1), 6.0, (TOP + FIELD, TOP));
    let mut canvas = Canvas::new(TOP + FIELD + BOTTOM);
    grid(&mut canvas, pen, &placed, (&x, &y));
    for spot in &mut placed {
        spot.at = (x.at(spot.at.0), y.at(spot.at.1));
        let color = pen.color(if spot.strong { "fall" } else { "accent" });
        let fill = if spot.strong { color.clone() } else { pen.color("paper") };
        canvas.dot(spot.at, if spot.strong { 2.8 } else { 2.2 }, &color, &fill);
    }
    names(&mut canvas, pen, &placed);
    Ok(Drawn { svg: canvas.svg(), alt: describe(pen, &placed)? })
}

fn grid(canvas: &mut Canvas, pen: &Pen, placed: &[Placed], (x, y): (&Scale, &Scale)) {
    let ((left, right), bottom) = (x.range, y.range.0);
    let unit = |of: fn(&Placed) -> shockbrief_core::Unit| placed.first().map(of);
    for tick in y.ticks() {
        let at = y.at(tick);
        let (color, stroke) = if tick == 0.0 { ("ink", 0.8) } else { ("rule", 0.4) };
        canvas.line((left, at), (right, at), &pen.color(color), stroke);
        let text = pen.tick_of(unit(|spot| spot.y.unit), tick, y.step);
        canvas.text((left - 5.0, at), &text, Hold::End, &pen.color("muted"), false);
    }
    for tick in x.ticks() {
        let at = x.at(tick);
        let (color, stroke) = if tick == 0.0 { ("ink", 0.8) } else { ("rule", 0.4) };
        canvas.line((at, TOP), (at, bottom), &pen.color(color), stroke);
        let text = pen.tick_of(unit(|spot| spot.x.unit), tick, x.step);
        canvas.text((at, bottom + 9.0), &text, Hold::Middle, &pen.color("muted"), false);
    }
    canvas.text((0.0, TOP - 12.0), &pen.axis, Hold::Start, &pen.color("muted"), false);
    canvas.text((right, bottom + 20.0), &pen.across, Hold::End, &pen.color("muted"), false);
}

/// Names beside their points; the next free of four places, or none for a point that the text does not speak of.
fn names(canvas: &mut Canvas, pen: &Pen, placed: &[Placed]) {
    let mut taken: Vec<[f64; 4]> =
        placed.iter().map(|spot| spot.at).map(|(x, y)| [x - 2.5, y - 2.5, x + 2.5, y + 2.5]).collect();
    let ordered = placed.iter().filter(|spot| spot.strong).chain(placed.iter().filter(|spot| !spot.strong));
    for spot in ordered {
        let ((x, y), length) = (spot.at, width(&spot.label, spot.strong));
        let places =
            [(x + 5.0, y), (x - 5.0 - length, y), (x - length / 2.0, y - 7.5), (x - length / 2.0, y + 7.5)];
        let area = |(from, at): (f64, f64)| [from, at - TEXT * 0.5, from + length, at + TEXT * 0.5];
        let free = |place: &(f64, f64)| {
            let area = area(*place);
            area[0] > LEFT
                && area[2] < WIDTH
                && !taken.iter().any(|other| super::scatter::touch(&area, other))
        };
        let place = places.iter().copied().find(|place| free(place)).or(spot.strong.then_some(places[0]));
        if let Some(place) = place {
            let color = pen.color(if spot.strong { "fall" } else { "muted" });
            canvas.text(place, &spot.label, Hold::Start, &color, spot.strong);
            taken.push(area(place));
        }
    }
}

/// Every point with its two values, as far as a listener will follow: those that the text speaks of, else the ends.
fn describe(pen: &Pen, placed: &[Placed]) -> Result<String, Error> {
    let strong: Vec<&Placed> = placed.iter().filter(|spot| spot.strong).collect();
    let by = |a: &&Placed, b: &&Placed| {
        a.x.number().partial_cmp(&b.x.number()).unwrap_or(std::cmp::Ordering::Equal)
    };
    let ends = || placed.iter().min_by(by).into_iter().chain(placed.iter().max_by(by)).collect();
    let named = if strong.is_empty() { ends() } else { strong };
    let each: Vec<String> = named
        .into_iter()
        .map(|spot| Ok(format!("{} ({}, {})", spot.label, pen.printed(spot.x)?, pen.printed(spot.y)?)))
        .collect::<Result<_, Error>>()?;
    let count = pen.count(placed.len());
    Ok(pen.scope.locale.fill("format.alt.points", &[("count", &count), ("names", &each.join(", "))]))
}
