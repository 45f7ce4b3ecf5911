//! Stacked columns of money by quarter, with the sum above each and names beside the last.

use super::canvas::{Canvas, Hold, TEXT, WIDTH, fit, width};
use super::scale::{Scale, spread};
use super::{Drawn, Pen};
use crate::locale::Sign;
use jiff::civil::Date;
use minijinja::Error;
use shockbrief_core::findings::Line;

const TOP: f64 = 22.0;
const FIELD: f64 = 100.0;
const BOTTOM: f64 = 14.0;
/// Amounts are drawn in thousand millions.
const BILLION: i16 = 9;

pub fn draw(pen: &Pen, quarters: &[Date], stacks: &[Line]) -> Result<Drawn, Error> {
    let names =
        stacks.iter().map(|line| pen.label(&line.label, line.translate)).collect::<Result<Vec<_>, _>>()?;
    let sums: Vec<f64> = (0..quarters.len()).map(|at| sum(stacks, at)).collect();
    let (top, bottom) = (TOP, TOP + FIELD);
    let y = Scale::covering(sums.iter().copied(), 5.0, (bottom, top));
    let money = |value: f64, decimals| pen.scope.locale.number(value, -BILLION, decimals, Sign::Negative);
    let ticks = y.ticks().iter().map(|tick| width(&money(*tick, 0), false)).fold(0.0, f64::max);
    let widest = names.iter().map(|name| width(name, false)).fold(0.0, f64::max).min(190.0);
    let (left, right) = (ticks + 8.0, WIDTH - widest - 12.0);
    let slot = (right - left) / quarters.len().max(1) as f64;
    let mut canvas = Canvas::new(bottom + BOTTOM);
    for tick in y.ticks() {
        let (at, stroke) = (y.at(tick), if tick == 0.0 { 0.8 } else { 0.4 });
        let color = pen.color(if tick == 0.0 { "ink" } else { "rule" });
        canvas.line((left, at), (right, at), &color, stroke);
        canvas.text((left - 5.0, at), &money(tick, 0), Hold::End, &pen.color("muted"), false);
    }
    canvas.text((0.0, 6.0), &pen.axis, Hold::Start, &pen.color("muted"), false);
    let mut ends = vec![bottom; stacks.len()];
    for (at, quarter) in quarters.iter().enumerate() {
        let x = left + slot * (at as f64 + 0.5);
        let mut below = 0.0;
        for (index, line) in stacks.iter().enumerate() {
            let Some(value) = line.values.get(at).copied().flatten().filter(|value| *value > 0.0) else {
                continue;
            };
            let (from, to) = (y.at(below), y.at(below + value));
            canvas.rect((x - slot * 0.34, to), (slot * 0.68, from - to), &pen.group(&line.group, index));
            canvas.line((x - slot * 0.34, to), (x + slot * 0.34, to), &pen.color("paper"), 0.8);
            ends[index] = (from + to) / 2.0;
            below += value;
        }
        canvas.text((x, y.at(sums[at]) - 5.0), &money(sums[at], 1), Hold::Middle, &pen.color("ink"), false);
        canvas.text(
            (x, bottom + 8.0),
            &quarter_name(pen, *quarter),
            Hold::Middle,
            &pen.color("muted"),
            false,
        );
    }
    let places = spread(&ends, TEXT * 1.25, (top, bottom));
    for (index, (name, place)) in names.iter().zip(places).enumerate() {
        let color = pen.group(&stacks[index].group, index);
        canvas.text((right + 6.0, place), &fit(name, WIDTH - right - 6.0, false), Hold::Start, &color, false);
    }
    Ok(Drawn { svg: canvas.svg(), alt: describe(pen, quarters, &names, &sums) })
}

fn sum(stacks: &[Line], at: usize) -> f64 {
    stacks.iter().filter_map(|line| line.values.get(at).copied().flatten()).sum()
}

/// The quarter of a date as the language writes it.
fn quarter_name(pen: &Pen, date: Date) -> String {
    let quarter = (date.month() - 1) / 3 + 1;
    let values = [("quarter", quarter.to_string()), ("year", format!("{:02}", date.year() % 100))];
    pen.scope.locale.fill("format.quarter", &values.each_ref().map(|(key, text)| (*key, text.as_str())))
}

fn describe(pen: &Pen, quarters: &[Date], names: &[String], sums: &[f64]) -> String {
    let (Some(first), Some(last)) = (quarters.first(), quarters.last()) else { return String::new() };
    let money = |value: Option<&f64>| {
        let value = value.copied().unwrap_or_default();
        pen.scope.locale.number(value, -BILLION, 1, Sign::Negative)
    };
    pen.scope.locale.fill(
        "format.alt.columns",
        &[
            ("names", &names.join(", ")),
            ("start", &quarter_name(pen, *first)),
            ("end", &quarter_name(pen, *last)),
            ("first_value", &money(sums.first())),
            ("last_value", &money(sums.last())),
        ],
    )
}
