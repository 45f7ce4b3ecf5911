//! Drawing: points of the page, colours and text with known widths, as the five elements of SVG that charts need.

use std::{borrow::Cow, fmt::Write as _, sync::OnceLock};
use ttf_parser::Face;

/// Width of every chart in points: the wide block of the page.
pub const WIDTH: f64 = 482.0;
/// Size of labels in points.
pub const TEXT: f64 = 7.6;
/// Height of a capital's middle above the base line, as a share of the size.
const MIDDLE: f64 = 0.357;
/// Units of the drawing in a point, so that short numbers place to a hundredth of a point.
const UNIT: f64 = 10.0;

/// A drawing in points.
pub struct Canvas {
    size: (f64, f64),
    body: String,
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
        Self { size: (width, height), body: String::new() }
    }

    /// A straight line.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), color: &str, width: f64) {
        let ((x1, y1), (x2, y2)) = (placed(from), placed(to));
        let width = units(width);
        self.add(&format!(
            r#"<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{color}" stroke-width="{width}" />"#
        ));
    }

    /// A line through points, dashed by lengths in points.
    pub fn path(&mut self, points: &[(f64, f64)], color: &str, width: f64, dash: &[f64]) {
        let mut d = String::new();
        for (i, point) in points.iter().enumerate() {
            let (x, y) = placed(*point);
            let _ = write!(d, "{}{x} {y}", if i == 0 { "M" } else { " L" });
        }
        let lengths: Vec<String> = dash.iter().map(|length| units(*length).to_string()).collect();
        let dash = if lengths.is_empty() {
            String::new()
        } else {
            format!(r#" stroke-dasharray="{}""#, lengths.join(" "))
        };
        let width = units(width);
        self.add(&format!(r#"<path d="{d}" stroke="{color}" stroke-width="{width}" fill="none"{dash} />"#));
    }

    /// A filled rectangle.
    pub fn rect(&mut self, from: (f64, f64), size: (f64, f64), color: &str) {
        let ((x, y), (width, height)) = (placed(from), placed(size));
        self.add(&format!(r#"<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{color}" />"#));
    }

    /// A dot: filled, or hollow on paper.
    pub fn dot(&mut self, at: (f64, f64), radius: f64, color: &str, fill: &str) {
        let ((x, y), r, width) = (placed(at), units(radius), units(1.0));
        self.add(&format!(
            r#"<circle cx="{x}" cy="{y}" r="{r}" fill="{fill}" stroke="{color}" stroke-width="{width}" />"#
        ));
    }

    /// Text, centred on the height `at.1`.
    pub fn text(&mut self, at: (f64, f64), text: &str, hold: Hold, color: &str, bold: bool) {
        if text.is_empty() {
            return;
        }
        let (x, y) = placed((at.0, at.1 + TEXT * MIDDLE));
        let anchor = match hold {
            Hold::Start => "start",
            Hold::Middle => "middle",
            Hold::End => "end",
        };
        let (size, bold) = (units(TEXT), if bold { r#" font-weight="bold""# } else { "" });
        self.add(&format!(
            r#"<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}"{bold} fill="{color}">{}</text>"#,
            escaped(text)
        ));
    }

    /// The SVG.
    pub fn svg(self) -> String {
        let (width, height) = placed(self.size);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             font-family=\"Noto Sans\">\n{}</svg>\n",
            self.body
        )
    }

    fn add(&mut self, element: &str) {
        self.body.push_str("  ");
        self.body.push_str(element);
        self.body.push('\n');
    }
}

/// A place in points, in the drawing's units.
fn placed((x, y): (f64, f64)) -> (f64, f64) {
    (units(x), units(y))
}

/// A length in points, in the drawing's units with one decimal; a zero has no sign.
fn units(points: f64) -> f64 {
    (points * UNIT * 10.0).round() / 10.0 + 0.0
}

/// Text as it stands between tags.
fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>']) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"))
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
    fn marks_of_xml_print_as_themselves() {
        let mut canvas = Canvas::sized(10.0, 5.0);
        canvas.text((1.0, 1.0), "R&D <5 $", Hold::Start, "#000000", false);
        canvas.path(&[(0.0, -0.0001), (1.25, 2.0)], "#111111", 0.5, &[2.0, 1.5]);
        let svg = canvas.svg();
        assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"100\" height=\"50\""));
        assert!(svg.contains(">R&amp;D &lt;5 $</text>"), "{svg}");
        assert!(svg.contains("d=\"M0 0 L12.5 20\"") && svg.contains("stroke-dasharray=\"20 15\""), "{svg}");
    }

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
