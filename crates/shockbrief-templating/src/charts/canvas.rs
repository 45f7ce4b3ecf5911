//! Drawing: points of the page, colours and text with known widths, over kuva's scene.

use kuva::backend::svg::SvgBackend;
use kuva::render::color::Color;
use kuva::render::render::{PathData, Primitive, Scene, TextAnchor};
use std::sync::OnceLock;
use ttf_parser::Face;

/// Width of every chart in points: the wide block of the page.
pub const WIDTH: f64 = 482.0;
/// Size of labels in points.
pub const TEXT: f64 = 7.6;
/// Height of a capital's middle above the base line, as a share of the size.
const MIDDLE: f64 = 0.357;
/// kuva writes coordinates with two decimals and sizes as integers; a finer unit keeps both exact.
const UNIT: f64 = 10.0;

/// A drawing in points.
pub struct Canvas {
    scene: Scene,
}

/// Where a text is held.
#[derive(Clone, Copy)]
pub enum Hold {
    /// At its start.
    Start,
    /// In its middle.
    Middle,
    /// At its end.
    End,
}

impl Canvas {
    /// An empty drawing of a height.
    pub fn new(height: f64) -> Self {
        Self::sized(WIDTH, height)
    }

    /// An empty drawing of another width.
    pub fn sized(width: f64, height: f64) -> Self {
        let mut scene = Scene::new(width * UNIT, height * UNIT).with_background(None);
        scene.font_family = Some("Noto Sans".to_owned());
        Self { scene }
    }

    /// A straight line.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), color: &str, width: f64) {
        self.scene.add(Primitive::Line {
            x1: from.0 * UNIT,
            y1: from.1 * UNIT,
            x2: to.0 * UNIT,
            y2: to.1 * UNIT,
            stroke: Color::from(color),
            stroke_width: width * UNIT,
            stroke_dasharray: None,
        });
    }

    /// A line through points, dashed by lengths in points.
    pub fn path(&mut self, points: &[(f64, f64)], color: &str, width: f64, dash: &[f64]) {
        let d: Vec<String> = points
            .iter()
            .enumerate()
            .map(|(i, (x, y))| format!("{}{:.1} {:.1}", if i == 0 { 'M' } else { 'L' }, x * UNIT, y * UNIT))
            .collect();
        let dash = dash.iter().map(|length| format!("{:.0}", length * UNIT)).collect::<Vec<_>>().join(" ");
        self.scene.add(Primitive::Path(Box::new(PathData {
            d: d.join(" "),
            fill: None,
            stroke: Color::from(color),
            stroke_width: width * UNIT,
            opacity: None,
            stroke_dasharray: (!dash.is_empty()).then_some(dash),
        })));
    }

    /// A filled rectangle.
    pub fn rect(&mut self, from: (f64, f64), size: (f64, f64), color: &str) {
        self.scene.add(Primitive::Rect {
            x: from.0 * UNIT,
            y: from.1 * UNIT,
            width: size.0 * UNIT,
            height: size.1 * UNIT,
            fill: Color::from(color),
            stroke: None,
            stroke_width: None,
            opacity: None,
        });
    }

    /// A dot: filled, or hollow on paper.
    pub fn dot(&mut self, at: (f64, f64), radius: f64, color: &str, fill: &str) {
        self.scene.add(Primitive::Circle {
            cx: at.0 * UNIT,
            cy: at.1 * UNIT,
            r: radius * UNIT,
            fill: Color::from(fill),
            fill_opacity: None,
            stroke: Some(Color::from(color)),
            stroke_width: Some(UNIT),
        });
    }

    /// Text, centred on the height `at.1`.
    pub fn text(&mut self, at: (f64, f64), text: &str, hold: Hold, color: &str, bold: bool) {
        if text.is_empty() {
            return;
        }
        self.scene.add(Primitive::Text {
            x: at.0 * UNIT,
            y: (at.1 + TEXT * MIDDLE) * UNIT,
            // kuva reads `$...$` as mathematics; an escaped dollar prints as itself.
            content: text.replace('$', "\\$"),
            size: (TEXT * UNIT) as u32,
            anchor: match hold {
                Hold::Start => TextAnchor::Start,
                Hold::Middle => TextAnchor::Middle,
                Hold::End => TextAnchor::End,
            },
            rotate: None,
            bold,
            color: Some(Color::from(color)),
        });
    }

    /// The SVG.
    pub fn svg(self) -> String {
        SvgBackend::new().with_pretty(true).render_scene(&self.scene)
    }
}

fn faces() -> &'static [Option<Face<'static>>; 2] {
    static FACES: OnceLock<[Option<Face<'static>>; 2]> = OnceLock::new();
    FACES.get_or_init(|| [notosans::REGULAR_TTF, notosans::BOLD_TTF].map(|bytes| Face::parse(bytes, 0).ok()))
}

/// Width of a label in points.
pub fn width(text: &str, bold: bool) -> f64 {
    let Some(face) = &faces()[usize::from(bold)] else { return text.chars().count() as f64 * TEXT * 0.6 };
    let units: u32 = text
        .chars()
        .map(|c| {
            let glyph = face.glyph_index(c).unwrap_or_default();
            u32::from(face.glyph_hor_advance(glyph).unwrap_or(600))
        })
        .sum();
    f64::from(units) / f64::from(face.units_per_em()) * TEXT
}

/// A label in lines no wider than `room`, parted at its plain spaces; a word that is wider alone stays whole.
pub fn wrap(text: &str, room: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if width(&format!("{line} {word}"), false) <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A label no wider than `room`, cut with an ellipsis.
pub fn fit(text: &str, room: f64, bold: bool) -> String {
    if width(text, bold) <= room {
        return text.to_owned();
    }
    let mut kept: String = text.to_owned();
    while !kept.is_empty() && width(&format!("{kept}…"), bold) > room {
        kept.pop();
    }
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_label_takes_lines_and_loses_no_word() {
        let text = "Règle du 17\u{a0}octobre\u{a0}2023 sur le calcul avancé et les supercalculateurs";
        let lines = wrap(text, 150.0);
        assert_eq!(lines.join(" "), text);
        assert!(lines.len() > 1 && lines.iter().all(|line| width(line, false) <= 150.0));
        assert_eq!(wrap("Nvidia", 150.0), ["Nvidia"]);
        assert_eq!(wrap("anticonstitutionnellement", 10.0), ["anticonstitutionnellement"]);
    }
}
