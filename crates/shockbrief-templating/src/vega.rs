//! Charts as Vega-Lite 5, with their data inside: what a desk restyles, attached beside the drawing.
//!
//! Only what the drawing shows is written: its marks, its channels, its values as figures have them.

use crate::attach::Attachment;
use crate::engine::Engine;
use anyhow::Result;
use serde_json::{Value, json};
use shockbrief_core::{
    Chart, Refusal, Unit,
    findings::{Axis, Line, Mark},
};

const SCHEMA: &str = "https://vega.github.io/schema/vega-lite/v5.json";

/// A chart as an attachment.
///
/// # Errors
/// A label or caption that the languages do not have.
pub(crate) fn attachment(engine: &Engine, chart: &Chart) -> Result<Attachment> {
    let text = serde_json::to_string_pretty(&spec(engine, chart)?)?;
    Ok(Attachment {
        path: format!("/{}.vl.json", chart.id()),
        text: text + "\n",
        mime: "application/json",
        relationship: "data",
        description: format!("Vega-Lite {}", chart.id()),
    })
}

/// The specification, in the language of the engine.
fn spec(engine: &Engine, chart: &Chart) -> Result<Value, Refusal> {
    let key = format!("chart.{}.caption", chart.id());
    let title = if engine.scope().strings.contains_key(&key) { engine.words(&key)? } else { String::new() };
    let (values, mark, encoding) = match chart {
        Chart::Lines { x, lines, .. } => over(engine, x, lines)?,
        Chart::Bars { marks, .. } => (rows(engine, marks)?, json!("bar"), by_name(engine, marks, false)),
        Chart::Intervals { marks, .. } | Chart::Curve { marks, .. } => {
            (rows(engine, marks)?, json!({"type": "point", "filled": true}), by_name(engine, marks, true))
        }
        Chart::Points { spots, .. } => {
            let number = |id: &str| engine.scope().findings.number(id);
            let values = spots
                .iter()
                .map(|spot| {
                    let name = label(engine, &spot.label, spot.translate)?;
                    Ok(json!({"name": name, "x": number(&spot.x), "y": number(&spot.y)}))
                })
                .collect::<Result<Vec<_>, Refusal>>()?;
            let first = spots.first();
            let unit = |id: Option<&String>| id.map_or(Value::Null, |id| axis(engine, id));
            let encoding = json!({
                "x": {"field": "x", "type": "quantitative", "axis": unit(first.map(|spot| &spot.x))},
                "y": {"field": "y", "type": "quantitative", "axis": unit(first.map(|spot| &spot.y))},
                "text": {"field": "name", "type": "nominal"},
            });
            (values, json!("point"), encoding)
        }
        Chart::Scatter { dots, .. } => {
            let values = dots.iter().map(|dot| json!({"name": dot.label, "x": dot.x, "y": dot.y})).collect();
            let encoding = json!({
                "x": {"field": "x", "type": "quantitative"},
                "y": {"field": "y", "type": "quantitative", "scale": {"type": "log"}},
                "text": {"field": "name", "type": "nominal"},
            });
            (values, json!("point"), encoding)
        }
        Chart::Columns { quarters, stacks, .. } => {
            let dates = Axis::Dates(quarters.clone());
            let (values, _, _) = over(engine, &dates, stacks)?;
            let encoding = json!({
                "x": {"field": "x", "type": "temporal", "timeUnit": "yearquarter"},
                "y": {"field": "y", "type": "quantitative", "stack": "zero"},
                "color": {"field": "name", "type": "nominal"},
            });
            (values, json!("bar"), encoding)
        }
        Chart::Rules { stops, .. } => {
            let values = stops
                .iter()
                .map(|stop| {
                    let figure = engine.scope().findings.figures.get(&stop.figure);
                    let date = figure.and_then(|figure| figure.value).map(|value| value.to_string());
                    Ok(json!({"name": label(engine, &stop.label, true)?, "x": date}))
                })
                .collect::<Result<Vec<_>, Refusal>>()?;
            let encoding = json!({
                "x": {"field": "x", "type": "temporal"},
                "text": {"field": "name", "type": "nominal"},
            });
            (values, json!("rule"), encoding)
        }
    };
    Ok(json!({
        "$schema": SCHEMA,
        "title": title,
        "data": {"values": values},
        "mark": mark,
        "encoding": encoding,
    }))
}

fn label(engine: &Engine, label: &str, translate: bool) -> Result<String, Refusal> {
    if translate { engine.words(label) } else { Ok(label.to_owned()) }
}

/// Values of lines, long form: one row for each line and date.
fn over(engine: &Engine, x: &Axis, lines: &[Line]) -> Result<(Vec<Value>, Value, Value), Refusal> {
    let (places, kind): (Vec<Value>, &str) = match x {
        Axis::Dates(dates) => (dates.iter().map(|date| json!(date.to_string())).collect(), "temporal"),
        Axis::EventDays(days) => (days.iter().map(|day| json!(day)).collect(), "quantitative"),
    };
    let mut values = Vec::new();
    for line in lines {
        let name = label(engine, &line.label, line.translate)?;
        let points = places.iter().zip(&line.values);
        values.extend(points.map(|(x, y)| json!({"name": name, "x": x, "y": y})));
    }
    let encoding = json!({
        "x": {"field": "x", "type": kind},
        "y": {"field": "y", "type": "quantitative", "axis": {"format": "%"}},
        "color": {"field": "name", "type": "nominal"},
    });
    Ok((values, json!("line"), encoding))
}

fn rows(engine: &Engine, marks: &[Mark]) -> Result<Vec<Value>, Refusal> {
    marks
        .iter()
        .map(|mark| {
            let figure = engine.scope().findings.figures.get(&mark.figure);
            let value = figure.and_then(shockbrief_core::Figure::number);
            let se = figure.and_then(|figure| figure.se);
            let name = label(engine, &mark.label, mark.translate)?;
            Ok(json!({"name": name, "x": value, "low": se.map(|se| -1.96 * se), "high": se.map(|se| 1.96 * se)}))
        })
        .collect()
}

fn by_name(engine: &Engine, marks: &[Mark], intervals: bool) -> Value {
    let unit = marks.first().map_or(Value::Null, |mark| axis(engine, &mark.figure));
    let mut encoding = json!({
        "y": {"field": "name", "type": "nominal", "sort": null},
        "x": {"field": "x", "type": "quantitative", "axis": unit},
    });
    if intervals {
        encoding["tooltip"] = json!([{"field": "low"}, {"field": "high"}]);
    }
    encoding
}

/// The axis of a figure's unit.
fn axis(engine: &Engine, id: &str) -> Value {
    match engine.scope().findings.figures.get(id).map(|figure| figure.unit) {
        Some(Unit::Ratio | Unit::Points) => json!({"format": "%"}),
        _ => json!({}),
    }
}
