//! What the pages of every report keep to in both languages: spaces, quotes, signs, and charts that hold their labels.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and tells what it counted"
)]

use crate::printed::{self, Label, Printed, Text, own};
use crate::rules::broken;
use lopdf::{Document, Object};
use shockbrief_tests::real_data;
use std::{collections::BTreeMap, sync::OnceLock};

fn reports() -> &'static [Printed] {
    static REPORTS: OnceLock<(tempfile::TempDir, Vec<Printed>)> = OnceLock::new();
    let (_, reports) = REPORTS.get_or_init(|| {
        let out = tempfile::tempdir().unwrap();
        let printed = printed::all(out.path());
        (out, printed)
    });
    reports
}

fn faults(reports: &[Printed]) -> Vec<String> {
    let mut wrong = Vec::new();
    for Text { place, language, text } in reports.iter().flat_map(|report| &report.texts) {
        let found = broken(&own(text), language);
        if !found.is_empty() {
            wrong.push(format!("{place} ({language}): {}: {text}", found.join(", ")));
        }
    }
    wrong
}

#[test]
#[ignore = "needs real market data"]
fn every_text_keeps_to_the_rules_on_real_data() {
    let out = tempfile::tempdir().unwrap();
    let reports = printed::from(&real_data(), out.path());
    let wrong = faults(&reports);
    assert!(wrong.is_empty(), "{} broken\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_text_of_every_report_keeps_to_the_rules_of_its_language() {
    let wrong = faults(reports());
    let count = |language: &str| -> (usize, usize) {
        let texts =
            || reports().iter().flat_map(|report| &report.texts).filter(|text| text.language == language);
        (texts().count(), texts().map(|text| text.text.chars().count()).sum())
    };
    let (french, english) = (count("fr"), count("en"));
    println!(
        "{} reports; French: {} texts, {} characters; English: {} texts, {} characters",
        reports().len(),
        french.0,
        french.1,
        english.0,
        english.1
    );
    assert!(wrong.is_empty(), "{} broken\n{}", wrong.len(), wrong.join("\n"));
    // Whatever is printed was read: prose, claims, captions, cells, labels of charts and alternatives.
    assert!(reports().len() >= 8 && french.1 > 40_000 && english.1 > 40_000);
    for (language, parts) in [
        (
            "fr",
            [
                "Degré de certitude",
                "Portefeuilles équipondérés",
                "Sommaire",
                "Nombre de courbes",
                "Méthode et données",
                "Valeur",
            ],
        ),
        (
            "en",
            ["How sure", "Equal-weight portfolios", "Contents", "Number of lines", "Method and data", "Name"],
        ),
    ] {
        for part in parts {
            let read = reports().iter().any(|r| r.language == language && printed::mentions(r, part));
            assert!(read, "{part} was not read");
        }
    }
}

#[test]
fn each_broken_rule_is_seen() {
    for (text, language) in [
        ("Quoi ?", "fr"),
        ("Quoi?", "fr"),
        ("un ; deux", "fr"),
        ("un\u{a0};", "fr"),
        ("Trois : un", "fr"),
        ("Trois: un", "fr"),
        ("« choc\u{a0}»", "fr"),
        ("«\u{a0}choc »", "fr"),
        ("17 %", "fr"),
        ("17%", "fr"),
        ("12 €", "fr"),
        ("l'un", "fr"),
        ("de -5 à", "fr"),
        ("un  deux", "fr"),
        ("et puis...", "fr"),
        ("un , deux", "fr"),
        ("le “choc”", "fr"),
        ("Really ?", "en"),
        ("one ; two", "en"),
        ("17 %", "en"),
        ("17\u{a0}%", "en"),
        ("it's", "en"),
        ("\"x\"", "en"),
        ("at -5", "en"),
        ("a  b", "en"),
        ("and...", "en"),
        ("one : two", "en"),
        ("( a )", "en"),
        ("end .", "en"),
        ("«x»", "en"),
    ] {
        assert!(!broken(text, language).is_empty(), "{language}: {text} passes");
    }
    for (text, language) in [
        ("Quoi\u{202f}?! (?) «\u{a0}choc\u{a0}»\u{202f}; l’un, 17\u{a0}% : non", "fr"),
        ("à 18:30, −5\u{a0}%, prices.csv", "fr"),
        ("It’s 17%: “yes”; no… (−5) 10–15 well-known.", "en"),
    ] {
        assert_eq!(broken(&text.replace(" : ", "\u{a0}: "), language), Vec::<&str>::new(), "{text}");
    }
}

/// A box around a text of a chart: left, top, right, bottom.
fn area(label: &Label) -> [f64; 4] {
    let bytes = if label.bold { notosans::BOLD_TTF } else { notosans::REGULAR_TTF };
    let face = ttf_parser::Face::parse(bytes, 0).unwrap();
    let advance =
        |c| face.glyph_hor_advance(face.glyph_index(c).unwrap_or_else(|| panic!("no glyph for {c:?}")));
    let units: f64 = label.text.chars().map(|c| f64::from(advance(c).unwrap())).sum();
    let [x, y, size] = label.at;
    let width = units / f64::from(face.units_per_em()) * size;
    let left = match label.anchor.as_str() {
        "end" => x - width,
        "middle" => x - width / 2.0,
        _ => x,
    };
    // Capitals and digits rise to 0.714 of the size, descenders fall to 0.24: Noto Sans, OS/2 and hhea tables.
    [left, y - 0.714 * size, left + width, y + 0.24 * size]
}

/// Labels that leave the drawing, are cut, or cover each other.
fn misplaced(svg: &str) -> (usize, Vec<String>) {
    let number = |name: &str| -> f64 {
        svg.split(&format!(" {name}=\"")).nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
    };
    let (width, height, labels) = (number("width"), number("height"), printed::labels(svg));
    let areas: Vec<[f64; 4]> = labels.iter().map(area).collect();
    let mut wrong = Vec::new();
    for (index, (label, a)) in labels.iter().zip(&areas).enumerate() {
        // Half a tenth of a point: the SVG rounds its coordinates.
        if a[0] < -0.5 || a[1] < -0.5 || a[2] > width + 0.5 || a[3] > height + 0.5 {
            wrong.push(format!("{} leaves the drawing: {a:.0?} in {width} × {height}", label.text));
        }
        if label.text.ends_with('…') {
            wrong.push(format!("{} is cut", label.text));
        }
        for (other, b) in labels.iter().zip(&areas).skip(index + 1) {
            if a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3] {
                wrong.push(format!("{} {a:.0?} covers {} {b:.0?}", label.text, other.text));
            }
        }
    }
    (labels.len(), wrong)
}

fn charts_hold_their_labels(reports: &[Printed]) -> (usize, usize) {
    let (mut charts, mut count, mut wrong) = (0, 0, Vec::new());
    for path in reports.iter().flat_map(|report| printed::files(&report.folder, "svg")) {
        let (labels, found) = misplaced(&fs_err::read_to_string(&path).unwrap());
        charts += 1;
        count += labels;
        wrong.extend(found.into_iter().map(|what| format!("{}: {what}", path.display())));
    }
    println!("{charts} charts with {count} labels");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    (charts, count)
}

#[test]
fn labels_of_charts_lie_inside_them_and_apart() {
    let (charts, labels) = charts_hold_their_labels(reports());
    assert!(charts >= 20 && labels > 400, "{charts} charts, {labels} labels");
}

#[test]
#[ignore = "needs real market data"]
fn labels_of_charts_lie_inside_them_and_apart_on_real_data() {
    let out = tempfile::tempdir().unwrap();
    let (charts, _) = charts_hold_their_labels(&printed::from(&real_data(), out.path()));
    assert!(charts >= 40);
}

#[test]
fn a_misplaced_label_is_seen() {
    let text = |x: f64, y: f64, text: &str| {
        format!(
            "<text x=\"{x}\" y=\"{y}\" font-size=\"76\" text-anchor=\"end\" fill=\"#000000\">{text}</text>"
        )
    };
    let drawing = |texts: &[String]| format!("<svg width=\"1000\" height=\"300\">{}</svg>", texts.concat());
    assert_eq!(misplaced(&drawing(&[text(500.0, 100.0, "Nvidia"), text(500.0, 200.0, "Vistra")])).1.len(), 0);
    for wrong in [
        vec![text(100.0, 100.0, "Nvidia")],
        vec![text(500.0, 40.0, "Nvidia")],
        vec![text(500.0, 100.0, "Nvid…")],
        vec![text(500.0, 100.0, "Nvidia"), text(520.0, 120.0, "Vistra")],
    ] {
        assert_eq!(misplaced(&drawing(&wrong)).1.len(), 1, "{wrong:?}");
    }
}

/// What a colour-blind eye makes of linear RGB: Machado, Oliveira and Fernandes (2009), table 1, severity 1.0.
const VISIONS: [(&str, [[f64; 3]; 3]); 4] = [
    ("full", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    (
        "protanopia",
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    ),
    (
        "deuteranopia",
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    ),
    (
        "tritanopia",
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    ),
];

fn times(matrix: &[[f64; 3]; 3], vector: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| row.iter().zip(vector).map(|(a, b)| a * b).sum())
}

/// sRGB to linear light, IEC 61966-2-1.
fn linear(hex: &str) -> [f64; 3] {
    [1, 3, 5].map(|at| {
        let share = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
        if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    })
}

/// Linear light to CIELAB under D65.
fn lab(rgb: [f64; 3]) -> [f64; 3] {
    let xyz = [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ];
    let [x, y, z] = times(&xyz, rgb.map(|share| share.clamp(0.0, 1.0)));
    let f = |t: f64| if t > 216.0 / 24389.0 { t.cbrt() } else { (24389.0 / 27.0 * t + 16.0) / 116.0 };
    let (x, y, z) = (f(x / 0.95047), f(y), f(z / 1.08883));
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// Distance of two colours to an eye, as CIE 1976 ΔE*ab.
fn distance(matrix: &[[f64; 3]; 3], one: &str, other: &str) -> f64 {
    let [a, b] = [one, other].map(|hex| lab(times(matrix, linear(hex))));
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

/// A difference that is seen between thin lines; the eye tells 2.3 on large fields side by side (Mahy 1994).
const SEEN: f64 = 10.0;

/// How two colours could be taken for one: the eyes, and grey print by its lightness.
fn confused(one: &str, other: &str) -> Vec<&'static str> {
    let eyes =
        VISIONS.iter().filter(|(_, matrix)| distance(matrix, one, other) < SEEN).map(|(name, _)| *name);
    let grey = (lab(linear(one))[0] - lab(linear(other))[0]).abs() < SEEN;
    eyes.chain(grey.then_some("grey print")).collect()
}

/// The lines of a chart: colour, and width with dash.
fn lines(svg: &str) -> Vec<(String, String)> {
    let value = |tag: &str, name: &str| {
        tag.split(&format!(" {name}=\""))
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .unwrap_or_default()
            .to_owned()
    };
    let paths = svg.split("<path").skip(1).map(|rest| rest.split('>').next().unwrap());
    let mut found: Vec<(String, String)> = paths
        .map(|tag| {
            (
                value(tag, "stroke"),
                format!("{} {}", value(tag, "stroke-width"), value(tag, "stroke-dasharray")),
            )
        })
        // The line at day 0 is part of the grid.
        .filter(|(_, look)| !look.starts_with("6 "))
        .collect();
    // A gap in the data parts one line into several.
    found.sort();
    found.dedup();
    found
}

/// Pairs of lines, those that colour alone does not part, and those that nothing does.
fn alike(svg: &str) -> (usize, usize, Vec<String>) {
    let (lines, mut pairs, mut by_dash, mut wrong) = (lines(svg), 0, 0, Vec::new());
    for (index, (color, look)) in lines.iter().enumerate() {
        for (other, other_look) in &lines[index + 1..] {
            let eyes = confused(color, other);
            pairs += 1;
            by_dash += usize::from(!eyes.is_empty());
            if look == other_look && !eyes.is_empty() {
                wrong.push(format!("{color} and {other} are both drawn as {look}: {}", eyes.join(", ")));
            }
        }
    }
    (pairs, by_dash, wrong)
}

#[test]
fn lines_of_a_chart_stay_apart_in_grey_and_to_colour_blind_eyes() {
    let (mut pairs, mut by_dash, mut wrong, mut named) = (0, 0, Vec::new(), 0);
    for path in reports().iter().flat_map(|report| printed::files(&report.folder.join("charts"), "svg")) {
        let svg = fs_err::read_to_string(&path).unwrap();
        let (all, dashed, found) = alike(&svg);
        (pairs, by_dash) = (pairs + all, by_dash + dashed);
        wrong.extend(found.into_iter().map(|what| format!("{}: {what}", path.display())));
        // Each line is named at its end, in its colour.
        for (color, _) in lines(&svg) {
            assert!(
                printed::labels(&svg).iter().any(|label| label.fill == color),
                "{}: {color}",
                path.display()
            );
            named += 1;
        }
    }
    println!(
        "{named} lines, {pairs} pairs in charts: {by_dash} need their dashes, {} have none",
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(pairs > 100 && by_dash > 0);
}

#[test]
fn colours_of_the_brand_are_apart() {
    let brand = fs_err::read_to_string(shockbrief_tests::root().join("config/brand.yaml")).unwrap();
    let color = |name: &str| {
        let rest = brand.split(&format!("  {name}: \"")).nth(1).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    let groups: Vec<&str> = brand
        .split("groups:")
        .nth(1)
        .unwrap()
        .split("disclaimer:")
        .next()
        .unwrap()
        .lines()
        .filter_map(|line| line.trim().split_once(": \"").map(|(name, _)| name))
        .collect();
    assert!(groups.len() >= 7);
    for (name, matrix) in VISIONS {
        let mut least = (f64::INFINITY, "", "");
        for (index, one) in groups.iter().enumerate() {
            for other in &groups[index + 1..] {
                let apart = distance(&matrix, &color(one), &color(other));
                least = if apart < least.0 { (apart, one, other) } else { least };
            }
        }
        println!("{name}: the nearest are {} and {}, ΔE {:.1}", least.1, least.2, least.0);
        if name == "full" {
            assert!(least.0 > 2.0 * SEEN, "{least:?}");
        }
        // Falls and rises stand on two sides of zero too.
        assert!(distance(&matrix, &color("fall"), &color("rise")) > SEEN, "{name}");
    }
    // Known values: CIELAB of pure red, and what deuteranopia takes for one.
    let red = lab(linear("#ff0000"));
    assert!(
        (red[0] - 53.24).abs() < 0.05 && (red[1] - 80.09).abs() < 0.05 && (red[2] - 67.20).abs() < 0.05,
        "{red:?}"
    );
    assert!(confused("#7a2a5c", "#4a5560").contains(&"deuteranopia"));
    let line = |color: &str, dash: &str| {
        format!("<path stroke=\"{color}\" stroke-width=\"12\" stroke-dasharray=\"{dash}\" />")
    };
    assert_eq!(alike(&(line("#7a2a5c", "50 20") + &line("#4a5560", "50 20"))).2.len(), 1);
    assert_eq!(alike(&(line("#7a2a5c", "50 20") + &line("#4a5560", "15 18"))).2.len(), 0);
}

/// The arguments of each chart and table of a report: what follows the call in its sources.
fn blocks(report: &Printed, call: &str) -> Vec<String> {
    let sections = printed::files(&report.folder.join("sections"), "typ");
    let sources = sections.into_iter().map(|path| fs_err::read_to_string(path).unwrap());
    sources.flat_map(|source| source.split(call).skip(1).map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[test]
fn a_description_says_something_else_than_the_caption() {
    let mut count = 0;
    for block in reports().iter().flat_map(|report| blocks(report, "#chart(")) {
        let between =
            |from: &str, to: &str| block.split_once(from).unwrap().1.split_once(to).unwrap().0.to_owned();
        let (alt, caption) = (between("alt: \"", "\",\n"), between("caption: [", "],\n"));
        assert!(!alt.contains(&caption) && !caption.contains(&alt), "{alt}");
        // Values stand in the description and not in the caption.
        assert!(alt.matches(|c: char| c.is_ascii_digit()).count() > 3 && alt.chars().count() > 60, "{alt}");
        count += 1;
    }
    println!("{count} descriptions");
    assert!(count >= 20);
}

fn pdf(report: &Printed) -> Document {
    Document::load(report.folder.with_extension("pdf")).unwrap()
}

/// A phrase of another language carries its language into the tagged PDF.
#[test]
fn foreign_phrases_carry_their_language_into_the_pdf() {
    let mut marked = 0;
    for report in reports() {
        let other = if report.language == "fr" { "en" } else { "fr" };
        let phrases = report.texts.iter().filter(|text| text.language == other).count();
        let document = pdf(report);
        let languages =
            document.objects.values().filter_map(|object| object.as_dict().ok()).filter(|object| {
                let structural = object.has(b"S") && object.has(b"P");
                structural
                    && object
                        .get(b"Lang")
                        .and_then(Object::as_str)
                        .is_ok_and(|lang| lang.starts_with(other.as_bytes()))
            });
        let tagged = languages.count();
        // Cells that are a phrase as a whole carry the language themselves, so several phrases may share an element.
        assert_eq!(
            tagged > 0,
            phrases > 0,
            "{}: {phrases} phrases, {tagged} elements",
            report.folder.display()
        );
        marked += phrases;
    }
    println!("{marked} phrases in another language");
    assert!(marked >= 3);
}

/// Where the document's internal links lead, each with how many lead there.
fn destinations(document: &Document) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for object in document.objects.values() {
        let Ok(link) = object.as_dict() else { continue };
        if link.get(b"Subtype").and_then(Object::as_name).is_ok_and(|kind| kind == b"Link") {
            let action = link.get(b"A").ok().and_then(|action| document.dereference(action).ok());
            let inner =
                action.and_then(|(_, action)| action.as_dict().ok()).and_then(|action| action.get(b"D").ok());
            if let Some(to) = link.get(b"Dest").ok().or(inner) {
                *found.entry(format!("{to:?}")).or_default() += 1;
            }
        }
    }
    found
}

#[test]
fn every_chart_and_table_links_to_its_method() {
    let mut count = 0;
    for report in reports() {
        let blocks = blocks(report, "#chart(").len() + blocks(report, "#data-table(").len();
        let found = destinations(&pdf(report));
        // The contents may lead there too; no other place has as many.
        let most = found.values().max().copied().unwrap_or_default();
        assert!(
            most == blocks || most == blocks + 1,
            "{}: {blocks} blocks, {found:?}",
            report.folder.display()
        );
        count += blocks;
    }
    println!("{count} charts and tables link to their method");
    assert!(count > 100);
}
