//! How pages are filled, and what page one may say: measured on every report made from the sample.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and tells what it measured"
)]

use crate::printed::{self, own};
use shockbrief_tests::{reports_of, sample, shockbrief, succeeded};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::OnceLock,
};
use zune_png::{PngDecoder, zune_core::bytestream::ZCursor};

/// Pixels per inch of the pages that are measured: a line of text is four pixels high.
const PPI: &str = "36";
/// Where text begins and ends on a page of 297 millimetres, between head and foot.
const TEXT: (f64, f64) = (22.0, 277.0);
/// White that a page may end with, of its text's height; only the last page of a brief may have more.
const FOOT: f64 = 0.25;
/// White between two things on a page.
const GAP: f64 = 0.06;

fn made() -> &'static Path {
    static MADE: OnceLock<tempfile::TempDir> = OnceLock::new();
    MADE.get_or_init(|| {
        let out = tempfile::tempdir().unwrap();
        let mut render = shockbrief(["render", "--keep-source", "--draw", PPI, "--data"]);
        render.arg(sample()).arg("--out").arg(out.path()).args(reports_of(&sample()));
        succeeded(&render.output().unwrap());
        out
    })
    .path()
}

/// White at the foot of a page and the widest white between two rows with ink, as shares of the text's height.
fn white(ink: &[bool]) -> (f64, f64) {
    let row = |millimetres: f64| (millimetres / 297.0 * ink.len() as f64) as usize;
    let (first, last) = (row(TEXT.0), row(TEXT.1));
    let height = (last - first) as f64;
    let rows: Vec<usize> = (first..last).filter(|at| ink[*at]).collect();
    let Some(end) = rows.last() else { return (1.0, 0.0) };
    let gap = rows.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
    ((last - 1 - end) as f64 / height, gap as f64 / height)
}

/// Which rows of a drawn page hold anything but paper.
fn ink(png: &[u8]) -> Vec<bool> {
    let mut decoder = PngDecoder::new(ZCursor::new(png));
    let channels = decoder.decode().unwrap().u8().unwrap();
    let (width, height) = decoder.dimensions().unwrap();
    let depth = channels.len() / (width * height);
    let dark = |pixel: &[u8]| pixel.iter().take(3.min(depth)).any(|channel| *channel < 200);
    channels.chunks(width * depth).map(|row| row.chunks(depth).any(dark)).collect()
}

/// The drawn pages of each brief, in order.
fn pages() -> BTreeMap<PathBuf, Vec<PathBuf>> {
    let mut found: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for path in printed::files(made(), "png") {
        found.entry(path.parent().unwrap().to_owned()).or_default().push(path);
    }
    let number = |path: &PathBuf| path.file_stem().unwrap().to_string_lossy().parse::<usize>().unwrap();
    found.values_mut().for_each(|pages| pages.sort_by_key(number));
    found
}

#[test]
fn pages_are_filled_but_the_last() {
    let (mut count, mut wrong) = (0, Vec::new());
    for (brief, pages) in pages() {
        let measured: Vec<(f64, f64)> =
            pages.iter().map(|page| white(&ink(&fs_err::read(page).unwrap()))).collect();
        let told: Vec<String> = measured.iter().map(|(foot, _)| format!("{:.0}", foot * 100.0)).collect();
        let name = brief.file_name().unwrap().to_string_lossy().into_owned();
        println!("{name}: {} % white at the foot of each page", told.join(", "));
        for (at, (foot, gap)) in measured.iter().enumerate() {
            count += 1;
            if *foot > FOOT && at + 1 < measured.len() || *gap > GAP {
                wrong.push(format!("{name}, page {}: {foot:.2} at the foot, a gap of {gap:.2}", at + 1));
            }
        }
    }
    assert!(count >= 40, "{count} pages");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn white_is_measured() {
    let page = |rows: &[usize]| {
        let mut ink = vec![false; 297];
        rows.iter().for_each(|row| ink[*row] = true);
        ink
    };
    let full: Vec<usize> = (22..277).collect();
    assert_eq!(white(&page(&full)), (0.0, 1.0 / 255.0));
    let half: Vec<usize> = (22..150).collect();
    assert!((white(&page(&half)).0 - 127.0 / 255.0).abs() < 1e-9);
    let parted: Vec<usize> = (22..100).chain(150..277).collect();
    assert!((white(&page(&parted)).1 - 51.0 / 255.0).abs() < 1e-9);
    assert_eq!(white(&page(&[])), (1.0, 0.0));
}

/// What page one must not say: names of tests and words of the method.
const METHOD: [&str; 10] = [
    "BMP",
    "Holm",
    "day 0",
    "jour 0",
    "degrees of freedom",
    "degrés de liberté",
    "abnormal",
    "anormal",
    "detection",
    "détection",
];

#[test]
fn the_summary_speaks_without_the_words_of_the_method() {
    let reports = printed::of(made());
    let (mut read, mut wrong) = (0, Vec::new());
    for text in reports.iter().flat_map(|report| &report.texts) {
        if !["/summary.typ", "/in-brief.typ"].iter().any(|file| text.place.ends_with(file)) {
            continue;
        }
        read += 1;
        let said = own(&text.text);
        wrong.extend(
            METHOD
                .iter()
                .filter(|word| said.contains(**word))
                .map(|w| format!("{}: {w}: {said}", text.place)),
        );
    }
    assert!(read > 60, "{read} texts");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_chart_and_table_is_named_by_number_before_it_stands() {
    let mut count = 0;
    for path in printed::files(made(), "typ") {
        let source = fs_err::read_to_string(&path).unwrap();
        if path.parent().unwrap().ends_with("sections") {
            let first = ["#chart(", "#data-table("].iter().filter_map(|call| source.find(call)).min();
            if let Some(first) = first {
                let named = source.find("#pointers()").unwrap_or_else(|| panic!("{}", path.display()));
                assert!(named < first, "{}", path.display());
                count += 1;
            }
        }
    }
    assert!(count > 40, "{count} sections");
}
