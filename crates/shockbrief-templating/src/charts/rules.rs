//! Dated stops on a line of time: one row each, placed by date, named beside the mark.

use super::canvas::{Canvas, Hold, WIDTH, width};
use super::scale::Scale;
use super::{Drawn, Pen};
use crate::locale::DateStyle;
use jiff::civil::{Date, date};
use minijinja::Error;
use shockbrief_core::{Value, findings::Stop};

const ROW: f64 = 11.0;
const TOP: f64 = 4.0;
const BOTTOM: f64 = 14.0;
/// Days from which the axis names months, not days.
const MONTHS: i32 = 120;

pub fn draw(pen: &Pen, stops: &[Stop]) -> Result<Drawn, Error> {
    let mut dated: Vec<(Date, String)> = Vec::new();
    for stop in stops {
        if let Some(Value::Date(day)) = pen.figure(&stop.figure)?.value {
            dated.push((day, pen.label(&stop.label, true)?));
        }
    }
    let number = |day: Date| f64::from((day - date(1970, 1, 1)).get_days());
    let (first, last) = (dated.first().map(|(day, _)| *day), dated.last().map(|(day, _)| *day));
    let (Some(first), Some(last)) = (first, last) else {
        return Ok(Drawn { svg: String::new(), alt: String::new() });
    };
    let domain = (number(first) - 1.0, number(last).max(number(first) + 1.0) + 1.0);
    let x = Scale::between(domain, (10.0, WIDTH - 10.0));
    let height = TOP + ROW * dated.len() as f64;
    let mut canvas = Canvas::new(height + BOTTOM);
    canvas.line((10.0, height), (WIDTH - 10.0, height), &pen.color("muted"), 0.6);
    let mut free = f64::NEG_INFINITY;
    let axis = if (last - first).get_days() > MONTHS { DateStyle::MonthShort } else { DateStyle::Day };
    for (row, (day, name)) in dated.iter().enumerate() {
        let (at, y) = (x.at(number(*day)), TOP + ROW * (row as f64 + 0.5));
        canvas.path(&[(at, y), (at, height)], &pen.color("rule"), 0.5, &[1.5, 1.8]);
        canvas.dot((at, y), 2.3, &pen.color("accent"), &pen.color("accent"));
        let text = format!("{} · {name}", pen.scope.locale.date(*day, DateStyle::Short));
        let long = width(&text, false);
        let (place, hold) =
            if at + 6.0 + long < WIDTH { (at + 6.0, Hold::Start) } else { (at - 6.0, Hold::End) };
        canvas.text((place, y), &text, hold, &pen.color("ink"), false);
        let month = pen.scope.locale.date(*day, axis);
        let half = width(&month, false) / 2.0;
        if at - half > free && at + half < WIDTH {
            canvas.text((at, height + 8.0), &month, Hold::Middle, &pen.color("muted"), false);
            free = at + half + 6.0;
        }
    }
    let told: Vec<String> = dated
        .iter()
        .map(|(day, name)| format!("{name} ({})", pen.scope.locale.date(*day, DateStyle::Long)))
        .collect();
    let values = [("count", pen.count(dated.len())), ("names", told.join(", "))];
    let values: Vec<(&str, &str)> = values.iter().map(|(key, value)| (*key, value.as_str())).collect();
    Ok(Drawn { svg: canvas.svg(), alt: pen.scope.locale.fill("format.alt.rules", &values) })
}
