//! Horizontal bars from zero, one colour per group or per direction.

use super::canvas::Canvas;
use super::intervals::Frame;
use super::{Drawn, Pen};
use minijinja::Error;
use shockbrief_core::findings::Mark;

pub fn draw(pen: &Pen, marks: &[Mark]) -> Result<Drawn, Error> {
    let points = pen.marks(marks)?;
    let frame = Frame::new(&points, pen, false);
    let mut canvas = Canvas::new(frame.height);
    frame.grid(&mut canvas, pen);
    for (row, point) in points.iter().enumerate() {
        let y = frame.row(row);
        if let Some(value) = point.value {
            let (from, to) = (frame.x.at(value.min(0.0)), frame.x.at(value.max(0.0)));
            let direction = if value < 0.0 { "fall" } else { "rise" };
            let known = pen.scope.brand.groups.get(&point.group);
            let color = known.cloned().unwrap_or_else(|| pen.color(direction));
            canvas.rect((from, y - 3.8), (to - from, 7.6), &color);
        }
        frame.labels(&mut canvas, pen, point, row);
    }
    frame.zero(&mut canvas, pen);
    Ok(Drawn { svg: canvas.svg(), alt: pen.describe("format.alt.bars", &points, 0) })
}
