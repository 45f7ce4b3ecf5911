//! A report in another house's clothes: its own brand file, logo and page design, without touching a template.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::structured::{Pdf, check};
use shockbrief_tests::{copy_folder, pages, root, sample, shockbrief, succeeded};
use std::path::{Path, PathBuf};

const BRAND: &str = r##"publisher: Banque Exemple
logo: {file: mark.svg, alt: {fr: "Losange blanc de la Banque Exemple, sur le fond violet de la couverture", en: "White lozenge of Banque Exemple on the violet ground of the cover band"}}
colors:
  ink: "#101010"
  muted: "#555555"
  rule: "#dddddd"
  paper: "#ffffff"
  accent: "#5a1e6e"
  fall: "#b3261e"
  rise: "#1e6e3a"
  band: "#2b0f36"
groups:
  compute: "#b3261e"
  software: "#1e6e3a"
disclaimer:
  fr: Réservé aux clients de la Banque Exemple.
  en: For clients of Banque Exemple only.
"##;

const MARK: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 20"><path d="M20 1 39 10 20 19 1 10z" fill="#ffffff"/></svg>"##;

/// A project with one report that names its own brand.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap() };
        copy_folder(&root().join("config"), &desk.path("config"));
        copy_folder(&root().join("reports/weekly-monitor"), &desk.path("reports/weekly-monitor"));
        desk.write("brand.yaml", BRAND);
        desk.write("mark.svg", MARK);
        let report = fs_err::read_to_string(desk.path("reports/weekly-monitor/report.yaml")).unwrap();
        desk.write("report.yaml", &format!("brand: brand.yaml\n{report}"));
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path("reports/weekly-monitor").join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }

    fn run(&self, args: &[&str]) -> std::process::Output {
        let mut command = shockbrief(args);
        // Typst is looked for in the project's own tools; this project has none.
        let tools = format!("{}:{}", root().join(".tools/bin").display(), std::env::var("PATH").unwrap());
        command
            .env("PATH", tools)
            .current_dir(self.folder.path())
            .arg("--data")
            .arg(sample())
            .output()
            .unwrap()
    }

    fn render(&self) -> PathBuf {
        succeeded(&self.run(&["render", "reports/weekly-monitor", "--keep-source"]));
        self.path("out/weekly-monitor/2025-W05")
    }

    fn verify(&self) -> (Option<i32>, String) {
        let output = self.run(&["verify", "out/weekly-monitor/2025-W05/manifest.json"]);
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }
}

fn pdf(folder: &Path, language: &str) -> PathBuf {
    folder.join(format!("weekly-monitor-2025-W05.{language}.pdf"))
}

#[test]
fn a_brand_of_its_own_dresses_a_report() {
    let desk = Desk::new();
    let folder = desk.render();
    let house = fs_err::read_to_string(root().join("config/brand.yaml")).unwrap();
    for (language, disclaimer, alt) in [
        (
            "fr",
            "Réservé aux clients de la Banque Exemple.",
            "Losange blanc de la Banque Exemple, sur le fond violet de la couverture",
        ),
        (
            "en",
            "For clients of Banque Exemple only.",
            "White lozenge of Banque Exemple on the violet ground of the cover band",
        ),
    ] {
        let path = pdf(&folder, language);
        let theme = fs_err::read_to_string(path.with_extension("src").join("theme.typ")).unwrap();
        for line in BRAND.lines().filter(|line| line.contains('#')) {
            let color = line.split('"').nth(1).unwrap();
            assert!(theme.contains(&format!("rgb(\"{color}\")")), "{color} is not in {theme}");
        }
        for color in ["#14365c", "#a32a2e"] {
            assert!(house.contains(color) && !theme.contains(color), "{color} of the house");
        }
        let charts =
            fs_err::read_to_string(path.with_extension("src").join("charts/market-themes.svg")).unwrap();
        assert!(charts.contains("#1e6e3a") && !charts.contains("#1d6b58"));
        let bytes = fs_err::read(&path).unwrap();
        let text = pages(&bytes);
        assert!(text.last().unwrap().contains(disclaimer), "{text:?}");
        assert!(text[1].contains("Banque Exemple"), "the running header is another one: {}", text[1]);
        let tagged = Pdf::load(&path);
        check(&tagged, &path.display().to_string());
        let alts: Vec<String> =
            tagged.elements.iter().filter_map(|element| tagged.text(&element.attributes, b"Alt")).collect();
        assert!(alts.iter().any(|found| found == alt), "{alts:?}");
    }
}

#[test]
fn a_brand_of_its_own_is_verified_to_the_byte() {
    let desk = Desk::new();
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs_err::read(desk.render().join("manifest.json")).unwrap()).unwrap();
    for name in ["brand.yaml", "mark.svg"] {
        assert!(manifest["config"][format!("reports/weekly-monitor/{name}")].is_string(), "{name}");
    }
    assert_eq!(desk.verify(), (Some(0), String::new()));
    desk.write("mark.svg", &MARK.replace("M20 1", "M20 2"));
    let (code, message) = desk.verify();
    assert_eq!(code, Some(4), "{message}");
    assert!(message.contains("changed since: reports/weekly-monitor/mark.svg"), "{message}");
}

#[test]
fn a_report_may_change_a_part_of_the_design_and_of_a_section() {
    let desk = Desk::new();
    desk.write(
        "layout/brief.typ",
        "#import \"house.typ\": *\n#let note(body) = block(inset: 4pt, fill: color(\"rule\"), [§ #body])\n",
    );
    desk.write(
        "layout/market.typ.j2",
        "{{ prose() }}\n#note[Mise en page du titre.]\n{{ table(\"market-themes\") }}\n",
    );
    let folder = desk.render();
    let text = pages(&fs_err::read(pdf(&folder, "fr")).unwrap()).concat();
    assert!(text.contains("§ Mise en page du titre."), "{text}");
    assert_eq!(desk.verify(), (Some(0), String::new()));
    // A fault in the design is told at its own line.
    desk.write("layout/brief.typ", "#import \"house.typ\": *\n#let note(body) = nothing(body)\n");
    let output = desk.run(&["render", "reports/weekly-monitor"]);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(6), "{message}");
    assert!(message.contains("layout/brief.typ:2: unknown variable: nothing"), "{message}");
}
