//! Lines over sessions or dates, in percent, labelled at their ends.
//!
//! Lines differ in colour, dash and width; a gap in the data is a gap in the line.

use super::canvas::{Canvas, Hold, TEXT, WIDTH, fit, width};
use super::scale::{Scale, spread};
use super::{Drawn, Pen};
use crate::locale::DateStyle;
use jiff::civil::Date;
use minijinja::Error;
use shockbrief_core::findings::{Axis, Line};

/// Room above the axis, for its title.
const TOP: f64 = 18.0;
/// Height of the field of lines.
const FIELD: f64 = 118.0;
/// Room below it, with and without a title of the axis.
const BOTTOM: (f64, f64) = (26.0, 15.0);
/// Width that the names at the right may take.
const NAMES: f64 = 190.0;
/// As many as a chart has themes: in grey print and to a colour-blind reader, the dash tells lines apart.
const DASHES: [&[f64]; 9] = [
    &[],
    &[5.0, 2.0],
    &[1.5, 1.8],
    &[6.0, 2.0, 1.5, 2.0],
    &[9.0, 2.5],
    &[3.0, 3.0],
    &[9.0, 2.0, 1.5, 2.0, 1.5, 2.0],
    &[1.5, 4.0],
    &[9.0, 2.0, 4.0, 2.0],
];

struct Curve<'a> {
    line: &'a Line,
    label: String,
    color: String,
    dash: &'static [f64],
}

struct Frame {
    x: Scale,
    y: Scale,
    right: f64,
    top: f64,
    bottom: f64,
}

pub fn draw(pen: &Pen, x: &Axis, lines: &[Line]) -> Result<Drawn, Error> {
    let (x, lines) = &cropped(x, lines);
    let curves = curves(pen, lines)?;
    let frame = frame(pen, x, &curves);
    let mut canvas = Canvas::new(frame.bottom + if pen.across.is_empty() { BOTTOM.1 } else { BOTTOM.0 });
    grid(&mut canvas, pen, &frame);
    across(&mut canvas, pen, &frame, x);
    for curve in curves.iter().filter(|c| !c.line.strong).chain(curves.iter().filter(|c| c.line.strong)) {
        trace(&mut canvas, &frame, curve);
    }
    labels(&mut canvas, pen, &frame, &curves);
    Ok(Drawn { svg: canvas.svg(), alt: describe(pen, x, &curves) })
}

/// Dates from the first to the last that any line has a value on: a window that looks back needs days before it draws.
fn cropped(x: &Axis, lines: &[Line]) -> (Axis, Vec<Line>) {
    let with = |at: &usize| lines.iter().any(|line| line.values.get(*at).is_some_and(Option::is_some));
    let ends = ((0..count(x)).find(with), (0..count(x)).rev().find(with));
    let (Axis::Dates(dates), (Some(first), Some(last))) = (x, ends) else {
        return (x.clone(), lines.to_vec());
    };
    let crop = |line: &Line| Line { values: line.values[first..=last].to_vec(), ..line.clone() };
    (Axis::Dates(dates[first..=last].to_vec()), lines.iter().map(crop).collect())
}

fn curves<'a>(pen: &Pen, lines: &'a [Line]) -> Result<Vec<Curve<'a>>, Error> {
    let any_strong = lines.iter().any(|line| line.strong);
    let mut weak = usize::from(any_strong);
    lines
        .iter()
        .enumerate()
        .map(|(index, line)| {
            let dash = if line.strong {
                DASHES[0]
            } else {
                weak += 1;
                DASHES[(weak - 1) % DASHES.len()]
            };
            let label = pen.label(&line.label, line.translate)?;
            Ok(Curve { line, label, color: pen.group(&line.group, index), dash })
        })
        .collect()
}

fn count(x: &Axis) -> usize {
    match x {
        Axis::EventDays(days) => days.len(),
        Axis::Dates(dates) => dates.len(),
    }
}

fn frame(pen: &Pen, x: &Axis, curves: &[Curve]) -> Frame {
    let values = || curves.iter().flat_map(|c| c.line.values.iter().flatten().copied());
    let top = if pen.axis.is_empty() { 5.0 } else { TOP };
    let bottom = top + FIELD;
    let y = Scale::covering(values(), 6.0, (bottom, top));
    let ticks = y.ticks().iter().map(|t| width(&pen.tick(*t, y.step), false)).fold(0.0, f64::max);
    let names = curves.iter().map(|c| width(&c.label, c.line.strong)).fold(0.0, f64::max).min(NAMES);
    let right = WIDTH - names - 12.0;
    let x = Scale::between((0.0, count(x).max(2) as f64 - 1.0), (ticks + 8.0, right));
    Frame { x, y, right, top, bottom }
}

fn grid(canvas: &mut Canvas, pen: &Pen, frame: &Frame) {
    let left = frame.x.range.0;
    for tick in frame.y.ticks() {
        let y = frame.y.at(tick);
        let (color, stroke) = if tick == 0.0 { ("ink", 0.8) } else { ("rule", 0.4) };
        canvas.line((left, y), (frame.right, y), &pen.color(color), stroke);
        canvas.text((left - 5.0, y), &pen.tick(tick, frame.y.step), Hold::End, &pen.color("muted"), false);
    }
    canvas.text((0.0, frame.top - 12.0), &pen.axis, Hold::Start, &pen.color("muted"), false);
}

/// Ticks and labels of the horizontal axis.
fn across(canvas: &mut Canvas, pen: &Pen, frame: &Frame, x: &Axis) {
    let bottom = frame.bottom;
    let mut free = f64::NEG_INFINITY;
    for (index, text) in x_ticks(pen, x) {
        let at = frame.x.at(index as f64);
        canvas.line((at, bottom), (at, bottom + 3.0), &pen.color("muted"), 0.5);
        let half = width(&text, false) / 2.0;
        if at - half > free && at + half <= WIDTH {
            canvas.text((at, bottom + 9.0), &text, Hold::Middle, &pen.color("muted"), false);
            free = at + half + 6.0;
        }
    }
    if let Axis::EventDays(days) = x
        && let Some(zero) = days.iter().position(|day| *day == 0)
    {
        let at = frame.x.at(zero as f64);
        canvas.path(&[(at, frame.top), (at, bottom)], &pen.color("muted"), 0.6, &[2.0, 2.0]);
    }
    canvas.text((frame.right, bottom + 20.0), &pen.across, Hold::End, &pen.color("muted"), false);
}

/// Places and texts of ticks: every fifth session, or the first session of each month or week.
fn x_ticks(pen: &Pen, x: &Axis) -> Vec<(usize, String)> {
    let locale = &pen.scope.locale;
    match x {
        Axis::EventDays(days) => {
            let step = if days.len() > 40 {
                10
            } else if days.len() > 12 {
                5
            } else {
                1
            };
            days.iter()
                .enumerate()
                .filter(|(_, day)| *day % step == 0)
                .map(|(i, day)| {
                    (i, locale.note(locale.number(f64::from(*day), 0, 0, crate::locale::Sign::Always)))
                })
                .collect()
        }
        Axis::Dates(dates) => {
            let months = dates
                .first()
                .zip(dates.last())
                .map_or(0, |(a, b)| (b.year() - a.year()) * 12 + i16::from(b.month()) - i16::from(a.month()));
            let opens = |i: usize| {
                let (day, before) = (dates[i], dates[i.saturating_sub(1)]);
                if months > 4 {
                    day.month() != before.month()
                } else {
                    let week = |date: Date| (date.iso_week_date().year(), date.iso_week_date().week());
                    i == 0 || week(day) != week(before)
                }
            };
            let style = if months > 4 { DateStyle::MonthShort } else { DateStyle::Day };
            (0..dates.len()).filter(|i| opens(*i)).map(|i| (i, locale.date(dates[i], style))).collect()
        }
    }
}

fn trace(canvas: &mut Canvas, frame: &Frame, curve: &Curve) {
    let stroke = if curve.line.strong { 1.9 } else { 1.2 };
    let mut run: Vec<(f64, f64)> = Vec::new();
    for (index, value) in curve.line.values.iter().map(Some).chain([None]).enumerate() {
        match value.copied().flatten() {
            Some(value) => run.push((frame.x.at(index as f64), frame.y.at(value))),
            None => {
                match run.as_slice() {
                    [] => {}
                    [alone] => canvas.dot(*alone, 1.2, &curve.color, &curve.color),
                    points => canvas.path(points, &curve.color, stroke, curve.dash),
                }
                run.clear();
            }
        }
    }
}

/// Names at the ends of the lines, moved apart where they would touch, with a thin leader if moved.
fn labels(canvas: &mut Canvas, pen: &Pen, frame: &Frame, curves: &[Curve]) {
    let ends: Vec<Option<(usize, f64)>> = curves
        .iter()
        .map(|c| {
            let last = c.line.values.iter().enumerate().rev().find_map(|(i, v)| v.map(|v| (i, v)))?;
            Some((last.0, frame.y.at(last.1)))
        })
        .collect();
    let wishes: Vec<f64> = ends.iter().flatten().map(|(_, y)| *y).collect();
    let placed = spread(&wishes, TEXT * 1.25, (frame.top, frame.bottom));
    let mut places = placed.into_iter();
    for (curve, end) in curves.iter().zip(&ends) {
        let (Some((index, y)), Some(place)) = (end, end.and_then(|_| places.next())) else { continue };
        let from = frame.x.at(*index as f64);
        if (place - y).abs() > 1.5 || from + 1.0 < frame.right {
            canvas.line((from + 1.5, *y), (frame.right + 6.0, place), &pen.color("rule"), 0.5);
        }
        let room = WIDTH - frame.right - 8.0;
        let label = fit(&curve.label, room, curve.line.strong);
        canvas.text((frame.right + 8.0, place), &label, Hold::Start, &curve.color, curve.line.strong);
    }
}

fn describe(pen: &Pen, x: &Axis, curves: &[Curve]) -> String {
    let locale = &pen.scope.locale;
    let ends = |first: bool| match x {
        Axis::EventDays(days) => {
            let day = if first { days.first() } else { days.last() };
            day.map_or(String::new(), |day| locale.number(f64::from(*day), 0, 0, crate::locale::Sign::Always))
        }
        Axis::Dates(dates) => {
            let date = if first { dates.first() } else { dates.last() };
            date.map_or(String::new(), |date| locale.date(*date, DateStyle::Long))
        }
    };
    let number = locale.number(curves.len() as f64, 0, 0, crate::locale::Sign::Negative);
    let head =
        locale.fill("format.alt.lines", &[("count", &number), ("start", &ends(true)), ("end", &ends(false))]);
    let each = curves.iter().filter_map(|curve| {
        let values = || curve.line.values.iter().flatten().copied();
        let last = values().next_back()?;
        let low = values().fold(f64::INFINITY, f64::min);
        let high = values().fold(f64::NEG_INFINITY, f64::max);
        Some(locale.fill(
            "format.alt.line",
            &[
                ("name", &curve.label),
                ("last_value", &pen.percent(last)),
                ("low_value", &pen.percent(low)),
                ("high_value", &pen.percent(high)),
            ],
        ))
    });
    format!("{head}{}", each.collect::<String>()).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn dates_without_any_value_at_the_ends_are_not_drawn() {
        let line = |values: [Option<f64>; 5]| Line {
            label: String::new(),
            translate: false,
            values: values.into(),
            group: String::new(),
            strong: false,
        };
        let dates: Vec<_> = (1..=5).map(|day| date(2025, 1, day)).collect();
        let lines =
            [line([None, None, Some(0.1), None, None]), line([None, Some(0.2), None, Some(0.3), None])];
        let (x, cropped_lines) = cropped(&Axis::Dates(dates.clone()), &lines);
        assert_eq!(x, Axis::Dates(dates[1..=3].to_vec()));
        assert_eq!(cropped_lines[0].values, [None, Some(0.1), None]);
        // Days around an event are all drawn, as are dates without any line.
        let days = Axis::EventDays((-2..=2).collect());
        assert_eq!(cropped(&days, &lines).0, days);
        assert_eq!(cropped(&Axis::Dates(dates.clone()), &[]).0, Axis::Dates(dates));
    }
}
