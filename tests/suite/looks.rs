//! What briefs look like: pages drawn from the sample, held against the approved pictures in `tests/looks`.
//!
//! A channel may differ by one step, for processors that blend differently. When a page differs, old, new and
//! difference are written side by side as one HTML page; `make approve` writes the same page and accepts the new ones.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and tells where its page is"
)]

use base64::{Engine as _, engine::general_purpose::STANDARD};
use shockbrief_tests::{reports_of, root, sample, shockbrief, succeeded};
use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};
use zune_png::{PngDecoder, zune_core::bytestream::ZCursor};

/// Pixels per inch: letters are grey dashes, yet whatever moves, changes its colour or overlaps is seen.
const PPI: &str = "40";
/// Steps of a channel, of 256, that are no difference.
const TOLERANCE: u8 = 1;

/// First pages in both languages; then the densest table and two pages of charts.
const PAGES: [(&str, &str, usize); 15] = [
    ("2025-01-deepseek/2025-01-27", "fr", 1),
    ("2025-01-deepseek/2025-01-27", "en", 1),
    ("flash/2025-01-27", "fr", 1),
    ("flash/2025-01-27", "en", 1),
    ("monthly-brief/2025-01", "fr", 1),
    ("monthly-brief/2025-01", "en", 1),
    ("portfolio-letter.balanced/2025-01", "fr", 1),
    ("portfolio-letter.hardware/2025-01", "en", 1),
    ("quarterly-capex-and-controls/2024-Q4", "fr", 1),
    ("quarterly-capex-and-controls/2024-Q4", "en", 1),
    ("weekly-monitor/2025-W05", "fr", 1),
    ("weekly-monitor/2025-W05", "en", 1),
    ("2025-01-deepseek/2025-01-27", "fr", 3),
    ("2025-01-deepseek/2025-01-27", "fr", 4),
    ("2025-01-deepseek/2025-01-27", "en", 5),
];

/// A picture as it is compared: width, height, and red, green, blue, opacity of each pixel.
struct Picture {
    size: (usize, usize),
    channels: Vec<u8>,
}

impl Picture {
    fn read(png: &[u8]) -> Self {
        let mut decoder = PngDecoder::new(ZCursor::new(png));
        let channels = decoder.decode().unwrap().u8().unwrap();
        let size = decoder.dimensions().unwrap();
        Self { size, channels }
    }

    /// How many pixels differ by more than the tolerance, and the largest difference; `None` of another size.
    fn differs(&self, other: &Self) -> Option<(usize, u8)> {
        let depth = self.channels.len() / (self.size.0 * self.size.1);
        if self.size != other.size || self.channels.len() != other.channels.len() {
            return None;
        }
        let pixels = self.channels.chunks(depth).zip(other.channels.chunks(depth));
        let most = |(a, b): (&[u8], &[u8])| a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max();
        let apart = pixels.filter_map(most).filter(|most| *most > TOLERANCE);
        Some(apart.fold((0, 0), |(count, largest), most| (count + 1, largest.max(most))))
    }
}

/// A page with its approved picture, if there is one, and what sets them apart.
struct Look {
    name: String,
    approved: Option<Vec<u8>>,
    drawn: Vec<u8>,
    verdict: Option<String>,
}

impl Look {
    fn new(name: String, drawn: Vec<u8>) -> Self {
        let approved = fs_err::read(approved(&name)).ok();
        let verdict = verdict(approved.as_deref(), &drawn);
        Self { name, approved, drawn, verdict }
    }
}

fn verdict(approved: Option<&[u8]>, drawn: &[u8]) -> Option<String> {
    let Some(approved) = approved else { return Some("not approved yet".to_owned()) };
    match Picture::read(approved).differs(&Picture::read(drawn)) {
        Some((0, _)) => None,
        Some((count, most)) => Some(format!("{count} pixels differ, by up to {most} of 255")),
        None => Some("another size".to_owned()),
    }
}

fn folder() -> PathBuf {
    root().join("tests/looks")
}

fn approved(name: &str) -> PathBuf {
    folder().join(format!("{name}.png"))
}

/// Draws every page of the list.
fn looks() -> Vec<Look> {
    let out = tempfile::tempdir().unwrap();
    let reports = reports_of(&sample());
    let mut render = shockbrief(["render", "--draw", PPI, "--data"]);
    succeeded(&render.arg(sample()).arg("--out").arg(out.path()).args(&reports).output().unwrap());
    let look = |(brief, language, page): &(&str, &str, usize)| {
        let stem = format!("{}.{language}", brief.replace('/', "-"));
        let drawn = out.path().join(brief).join(format!("{stem}.pages/{page}.png"));
        Look::new(format!("{stem}.{page}"), fs_err::read(drawn).unwrap())
    };
    PAGES.iter().map(look).collect()
}

/// Old, new and difference side by side, in one file without links; says where it is.
fn compared(looks: &[&Look]) -> PathBuf {
    let mut html = String::from(
        "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>Pages: old, new, difference</title><style>\
         body{font:14px sans-serif;margin:1.5rem;background:#ececec}figure{display:inline-block;margin:0 1rem 2rem 0}\
         img{display:block;border:1px solid #888;background:#fff}.d{position:relative;isolation:isolate;\
         filter:brightness(4)}.d img+img{position:absolute;inset:0;mix-blend-mode:difference}</style>\
         <h1>Pages: old, new, difference</h1><p>In the difference, black is the same; it is drawn four times as bright.</p>",
    );
    for look in looks {
        let verdict = look.verdict.as_deref().unwrap_or("as approved");
        let image =
            |png: &[u8]| format!("<img alt=\"\" src=\"data:image/png;base64,{}\">", STANDARD.encode(png));
        let figure =
            |name: &str, body: &str| format!("<figure>{body}<figcaption>{name}</figcaption></figure>");
        let _ = write!(html, "<h2>{}</h2><p>{verdict}</p>", look.name);
        if let Some(old) = &look.approved {
            html += &figure("old", &image(old));
        }
        html += &figure("new", &image(&look.drawn));
        if let Some(old) = &look.approved {
            let both = image(old) + &image(&look.drawn);
            html += &figure("difference", &format!("<div class=\"d\">{both}</div>"));
        }
    }
    let page = root().join("target/looks.html");
    fs_err::write(&page, html).unwrap();
    page
}

/// Replaces the approved pictures, and drops those of pages that are no longer listed.
fn accept(looks: &[Look]) {
    fs_err::create_dir_all(folder()).unwrap();
    for entry in fs_err::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if unlisted(&path, looks) {
            fs_err::remove_file(path).unwrap();
        }
    }
    for look in looks.iter().filter(|look| look.verdict.is_some()) {
        fs_err::write(approved(&look.name), &look.drawn).unwrap();
    }
}

#[test]
fn pages_look_as_approved() {
    let looks = looks();
    let apart: Vec<&Look> = looks.iter().filter(|look| look.verdict.is_some()).collect();
    let list: Vec<String> = apart
        .iter()
        .map(|look| format!("{}: {}", look.name, look.verdict.as_deref().unwrap_or_default()))
        .collect();
    if std::env::var_os("SHOCKBRIEF_APPROVE").is_some_and(|value| !value.is_empty()) {
        let shown = if apart.is_empty() { looks.iter().collect() } else { apart };
        println!("{} of {} pages changed\n{}", list.len(), looks.len(), list.join("\n"));
        println!("{}", compared(&shown).display());
        accept(&looks);
        return;
    }
    if !apart.is_empty() {
        panic!(
            "{}\nlook at {}; when the new pages are right: make approve",
            list.join("\n"),
            compared(&apart).display()
        );
    }
    let left: Vec<PathBuf> = fs_err::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| unlisted(path, &looks))
        .collect();
    assert!(left.is_empty(), "no page is held against {left:?}");
}

fn unlisted(path: &Path, looks: &[Look]) -> bool {
    !looks.iter().any(|look| approved(&look.name) == path)
}

#[test]
fn one_step_is_no_difference_and_two_are() {
    let picture = |shade: u8| Picture { size: (2, 1), channels: vec![10, 20, 30, 255, 40, 50, shade, 255] };
    assert_eq!(picture(60).differs(&picture(61)), Some((0, 0)));
    assert_eq!(picture(60).differs(&picture(62)), Some((1, 2)));
    let other = Picture { size: (1, 2), channels: picture(60).channels };
    assert_eq!(picture(60).differs(&other), None);
}

#[test]
fn a_page_of_another_size_or_without_approval_is_found() {
    // One pixel, and two beside each other.
    let one = STANDARD.decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGPgEpH7DwABpAE8k4sOtwAAAABJRU5ErkJggg==").unwrap();
    let two = STANDARD.decode("iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAYAAAD0In+KAAAADklEQVR4nGPgEpH7D8IACDMCd0kivAIAAAAASUVORK5CYII=").unwrap();
    assert_eq!(verdict(Some(&one), &one), None);
    assert_eq!(verdict(Some(&one), &two), Some("another size".to_owned()));
    assert_eq!(verdict(None, &one), Some("not approved yet".to_owned()));
}
