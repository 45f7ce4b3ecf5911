//! Points over a number or over time on a logarithmic scale, with lines through them.
//!
//! Points that the text speaks of are filled and always named; others are named where there is room.

use super::canvas::{Canvas, Hold, TEXT, WIDTH, width};
use super::scale::Scale;
use super::{Drawn, Pen};
use crate::locale::Sign;
use minijinja::Error;
use shockbrief_core::findings::{Across, Dot, Track};

const TOP: f64 = 18.0;
const FIELD: f64 = 145.0;
const BOTTOM: f64 = 26.0;

struct Frame {
    x: Scale,
    /// Over common logarithms.
    y: Scale,
}

pub fn draw(pen: &Pen, across: Across, dots: &[Dot], tracks: &[Track]) -> Result<Drawn, Error> {
    let frame = frame(across, dots, tracks);
    let mut canvas = Canvas::new(TOP + FIELD + BOTTOM);
    grid(&mut canvas, pen, &frame, across);
    for track in tracks {
        let points: Vec<(f64, f64)> =
            track.points.iter().map(|[x, y]| (frame.x.at(*x), frame.y.at(y.log10()))).collect();
        let dash: &[f64] = if track.dashed { &[4.0, 2.5] } else { &[] };
        canvas.path(&points, &pen.color(if track.dashed { "muted" } else { "accent" }), 1.3, dash);
    }
    let place = |dot: &Dot| (frame.x.at(dot.x), frame.y.at(dot.y.log10()));
    for dot in dots.iter().filter(|dot| !dot.strong).chain(dots.iter().filter(|dot| dot.strong)) {
        let color = pen.color(if dot.strong { "fall" } else { "accent" });
        let fill = if dot.strong { color.clone() } else { pen.color("paper") };
        canvas.dot(place(dot), if dot.strong { 2.8 } else { 1.9 }, &color, &fill);
    }
    names(&mut canvas, pen, dots, &place);
    keys(&mut canvas, pen, tracks)?;
    Ok(Drawn { svg: canvas.svg(), alt: describe(pen, across, dots) })
}

fn frame(across: Across, dots: &[Dot], tracks: &[Track]) -> Frame {
    let ends = tracks.iter().flat_map(|track| &track.points);
    let all: Vec<[f64; 2]> = dots.iter().map(|dot| [dot.x, dot.y]).chain(ends.copied()).collect();
    let extent = |values: &dyn Fn(&[f64; 2]) -> f64| {
        let numbers = || all.iter().map(values).filter(|value| value.is_finite());
        (numbers().fold(f64::INFINITY, f64::min), numbers().fold(f64::NEG_INFINITY, f64::max))
    };
    let (x, y) = (extent(&|point| point[0]), extent(&|point| point[1].log10()));
    let step = match across {
        Across::Year => 1.0,
        Across::Number => 50.0,
    };
    let x = ((x.0 / step).floor() * step, (x.1 / step).ceil() * step);
    let y = ((y.0 - 0.05).floor(), (y.1 + 0.05).ceil());
    let mut x = Scale::between(x, (34.0, WIDTH - 14.0));
    x.step = step;
    Frame { x, y: Scale::between(y, (TOP + FIELD, TOP)) }
}

fn grid(canvas: &mut Canvas, pen: &Pen, frame: &Frame, across: Across) {
    let ((left, right), bottom) = (frame.x.range, frame.y.range.0);
    let decades = frame.y.domain.1 - frame.y.domain.0;
    for power in frame.y.ticks() {
        if decades > 8.0 && power.rem_euclid(2.0) != 0.0 {
            continue;
        }
        let y = frame.y.at(power);
        canvas.line((left, y), (right, y), &pen.color("rule"), 0.4);
        canvas.text((left - 5.0, y), &power_of_ten(pen, power as i32), Hold::End, &pen.color("muted"), false);
    }
    let ticks = frame.x.ticks();
    let every = if ticks.len() > 9 { 2 } else { 1 };
    for tick in ticks.iter().step_by(every) {
        let x = frame.x.at(*tick);
        canvas.line((x, bottom), (x, bottom + 3.0), &pen.color("muted"), 0.5);
        let text = match across {
            Across::Year => format!("{tick:.0}"),
            Across::Number => pen.scope.locale.number(*tick, 0, 0, Sign::Negative),
        };
        canvas.text((x, bottom + 9.0), &text, Hold::Middle, &pen.color("muted"), false);
    }
    canvas.text((0.0, TOP - 12.0), &pen.axis, Hold::Start, &pen.color("muted"), false);
    canvas.text((right, bottom + 20.0), &pen.across, Hold::End, &pen.color("muted"), false);
}

/// A power of ten: in digits while it is short.
fn power_of_ten(pen: &Pen, power: i32) -> String {
    if (-3..=4).contains(&power) {
        let decimals = u8::try_from(-power.min(0)).unwrap_or_default();
        return pen.scope.locale.number(10_f64.powi(power), 0, decimals, Sign::Negative);
    }
    const RAISED: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let digits = power
        .to_string()
        .chars()
        .map(|c| match c.to_digit(10) {
            Some(digit) => RAISED[digit as usize],
            None => '⁻',
        })
        .collect::<String>();
    format!("10{digits}")
}

/// Names beside points, strong ones first; a weak one that would touch another is left out.
fn names(canvas: &mut Canvas, pen: &Pen, dots: &[Dot], place: &dyn Fn(&Dot) -> (f64, f64)) {
    let mut taken: Vec<[f64; 4]> =
        dots.iter().map(place).map(|(x, y)| [x - 2.5, y - 2.5, x + 2.5, y + 2.5]).collect();
    let ordered = dots.iter().filter(|dot| dot.strong).chain(dots.iter().filter(|dot| !dot.strong));
    for dot in ordered.filter(|dot| !dot.label.is_empty()) {
        let ((x, y), length) = (place(dot), width(&dot.label, dot.strong));
        let spots =
            [(x + 5.0, y), (x - 5.0 - length, y), (x - length / 2.0, y - 7.5), (x - length / 2.0, y + 7.5)];
        let area = |(from, at): (f64, f64)| [from, at - TEXT * 0.5, from + length, at + TEXT * 0.5];
        let free = |spot: &(f64, f64)| {
            let area = area(*spot);
            area[0] > 30.0 && area[2] < WIDTH && !taken.iter().any(|other| touch(&area, other))
        };
        let spot = spots.iter().copied().find(|spot| free(spot)).or(dot.strong.then_some(spots[1]));
        if let Some(spot) = spot {
            let color = pen.color(if dot.strong { "fall" } else { "muted" });
            canvas.text(spot, &dot.label, Hold::Start, &color, dot.strong);
            taken.push(area(spot));
        }
    }
}

pub(super) fn touch(a: &[f64; 4], b: &[f64; 4]) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}

/// What the lines are, at the upper right.
fn keys(canvas: &mut Canvas, pen: &Pen, tracks: &[Track]) -> Result<(), Error> {
    let mut right = WIDTH;
    for track in tracks.iter().rev().filter(|track| !track.label.is_empty()) {
        let name = pen.label(&track.label, true)?;
        let left = right - width(&name, false);
        let (color, dash): (_, &[f64]) = if track.dashed { ("muted", &[4.0, 2.5]) } else { ("accent", &[]) };
        canvas.text((left, TOP - 12.0), &name, Hold::Start, &pen.color("ink"), false);
        canvas.path(&[(left - 20.0, TOP - 12.0), (left - 4.0, TOP - 12.0)], &pen.color(color), 1.3, dash);
        right = left - 30.0;
    }
    Ok(())
}

fn describe(pen: &Pen, across: Across, dots: &[Dot]) -> String {
    let locale = &pen.scope.locale;
    let whole = |value: f64| match across {
        Across::Year => format!("{:.0}", value.floor()),
        Across::Number => locale.number(value, 0, 0, Sign::Negative),
    };
    let ends = |x: fn(f64, f64) -> f64, start| dots.iter().map(|dot| dot.x).fold(start, x);
    let named: Vec<&str> = dots.iter().filter(|dot| dot.strong).map(|dot| dot.label.as_str()).collect();
    locale.fill(
        "format.alt.scatter",
        &[
            ("count", &locale.number(dots.len() as f64, 0, 0, Sign::Negative)),
            ("start", &whole(ends(f64::min, f64::INFINITY))),
            ("end", &whole(ends(f64::max, f64::NEG_INFINITY))),
            ("names", &named.join(", ")),
        ],
    )
}
