//! A section made of YAML and prose alone: its figures, table, chart and claims, and what it refuses.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::Value;
use shockbrief_tests::{copy_folder, pages, root, sample, shockbrief, succeeded};
use std::{fmt::Write as _, path::PathBuf, process::Output};

const REPORT: &str = r#"
title: {fr: Crédit, en: Credit}
subtitle: {fr: Essai, en: Trial}
languages: [fr, en]
schedule: {every: on-shock}
period: "2025-01-27"
as_of: 2025-02-07
study:
  event: deepseek-r1
  benchmark: ^GSPC
  source: NVDA
  window: [-5, 5]
  windows: [[0, 1]]
  sample: [NVDA, AVGO, AMD, CRM, ADBE]
themes: [compute, software]
sections:
  - credit-spreads
  - {use: credit-spreads, id: again, title: {fr: Encore, en: Once more}}
"#;

const SECTION: &str = r#"
title: {fr: "Le crédit suit-il ?", en: "Does credit follow?"}
names:
  "records:credit.hy": {fr: Haut rendement, en: High yield}
  "records:credit.ig": {fr: Première qualité, en: Investment grade}
figures:
  hy-week: {change: {of: "records:credit.hy", from: event-1, to: event+5}, as: points}
  ig-week: {change: {of: "records:credit.ig", from: event-1, to: event+5}, as: points}
  apart: {is: .hy-week - .ig-week}
  link: {correlation: {of: "records:credit.hy", on: "theme:compute", last: 63}}
  later: {change: {of: "records:credit.hy", from: event, to: 2031-01-02}}
  on-later: {is: .later * 2}
  whose: {max: {of: sample, measure: return, from: event-1, to: event}}
  fallers: {count: {of: sample, from: event-1, to: event, below: 0}}
tables:
  spreads:
    caption: {fr: Écarts de taux, en: Spreads}
    rows: ["records:credit.ig", "records:credit.hy"]
    columns:
      - {head: {fr: Niveau, en: Level}, measure: {last: {}, as: ratio}, format: pct(2)}
      - {head: {fr: Variation, en: Change}, measure: {change: {from: event-1, to: event+5}, as: points}, format: points(2)}
    sort: -1
    total: mean
charts:
  path:
    caption: {fr: Les écarts, en: The spreads}
    line: {of: ["records:credit.hy", "records:credit.ig"], from: event-20, to: as-of}
  day:
    caption: {fr: Le jour, en: The day}
    bar: {of: sample, x: {measure: {return: {from: event-1, to: event}}}, sort: x}
  both:
    caption: {fr: Deux mesures, en: Two measures}
    point: {of: sample, x: {measure: {beta: {on: ^GSPC, from: event-61, to: event-1}}}, y: {figure: ".day.{row}.x"}}
  dates:
    caption: {fr: Dates, en: Dates}
    rule: {events: [carry-unwind, deepseek-r1]}
claims:
  - id: follows
    when: .hy-week > 0.004 and .hy-week < 0.006
    text: {fr: "Le crédit suit ({{ fig(\".hy-week\") | points(1) }}).", en: "Credit follows ({{ fig(\".hy-week\") | points(1) }})."}
  - id: unknown
    when: .on-later > 0
    text: {fr: Oui., en: "Yes."}
    otherwise: {fr: Non., en: "No."}
    missing: {fr: On ne sait pas encore., en: Not known yet.}
"#;

const PROSE: &str = "{{ claim(\".follows\") }} {{ claim(\".unknown\") }} {{ fig(\".apart\") | points(1) }}\n\n{{ table(\".spreads\") }}\n";

/// A project with a source of credit spreads: 3.0 % and 1.0 % to the day before the event, half a point and a fifth more
/// from five sessions after it on, and a small saw so that they vary.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        copy_folder(&root().join("config"), &desk.path("config"));
        copy_folder(&sample(), &desk.path("data"));
        let mut rows = "date,hy,ig\n".to_owned();
        for day in jiff::civil::date(2024, 7, 1).series(jiff::Span::new().days(1)).take(250) {
            let event = jiff::civil::date(2025, 1, 27);
            let after = day >= event.checked_add(jiff::Span::new().days(4)).unwrap();
            let saw = if day.day() % 2 == 0 && day.month() != 1 && day.month() != 2 { 0.0005 } else { 0.0 };
            let more = if after { (0.005, 0.002) } else { (0.0, 0.0) };
            writeln!(rows, "{day},{:.4},{:.4}", 0.03 + saw + more.0, 0.01 + more.1).unwrap();
        }
        desk.write("data/credit.csv", &rows);
        let sources = fs_err::read_to_string(desk.path("config/sources.yaml")).unwrap();
        let credit = "\n  - id: credit\n    kind: records\n    format: csv\n    glob: credit.csv\n    columns:\n      date: date\n      \
                      values: {hy: hy, ig: ig}\n    licence: Made for this test\n";
        desk.write("config/sources.yaml", &(sources + credit));
        desk.write("reports/credit/report.yaml", REPORT);
        desk.write("config/sections/credit-spreads/section.yaml", SECTION);
        for code in ["fr", "en"] {
            desk.write(&format!("config/sections/credit-spreads/prose.{code}.typ.j2"), PROSE);
        }
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs_err::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs_err::write(self.path(name), text).unwrap();
    }

    fn run(&self, args: &[&str]) -> Output {
        let tools = format!("{}:{}", root().join(".tools/bin").display(), std::env::var("PATH").unwrap());
        let mut command = shockbrief(args);
        command.args(["reports/credit", "--data", "data"]).env("PATH", tools).current_dir(self.0.path());
        command.output().unwrap()
    }

    fn brief(&self) -> Value {
        let output = self.run(&["check", "--json"]);
        succeeded(&output);
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// What is said when a part of the section is written otherwise.
    fn refusal(from: &str, to: &str) -> String {
        let desk = Self::new();
        assert!(SECTION.contains(from), "{from}");
        desk.write("config/sections/credit-spreads/section.yaml", &SECTION.replacen(from, to, 1));
        let output = desk.run(&["check"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{to}: {said}");
        said
    }
}

#[test]
fn a_section_of_yaml_alone_is_computed() {
    let brief = Desk::new().brief();
    let figures = &brief["findings"]["figures"];
    let value =
        |id: &str| figures[id]["value"].as_f64().unwrap_or_else(|| panic!("no `{id}`: {}", figures[id]));
    for section in ["credit-spreads", "again"] {
        let id = |name: &str| format!("{section}.{name}");
        assert!((value(&id("hy-week")) - 0.005).abs() < 1e-12);
        assert!((value(&id("apart")) - 0.003).abs() < 1e-12);
        assert_eq!(figures[id("hy-week")]["unit"], "points");
        assert_eq!(figures[id("hy-week")]["span"], serde_json::json!(["2025-01-24", "2025-02-03"]));
        // Nothing later than the as-of date is seen, and what builds on it is missing for the same reason.
        for later in ["later", "on-later"] {
            assert_eq!(figures[id(later)]["reason"], "the date lies after the as-of date");
        }
        // Means of 3.5 % and 1.2 %, of half a point and a fifth.
        assert!((value(&id("spreads.mean.c1")) - 0.0235).abs() < 1e-12);
        assert!((value(&id("spreads.mean.c2")) - 0.0035).abs() < 1e-12);
        let rows = brief["findings"]["tables"][id("spreads")]["rows"].as_array().unwrap();
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[0]["cells"][0]["label"], format!("ref.{section}.records:credit.hy"));
        let charts: Vec<bool> = ["path", "day", "both", "dates"]
            .iter()
            .map(|name| brief["findings"]["charts"][id(name)].is_object())
            .collect();
        assert_eq!(charts, [true; 4]);
    }
    let verdicts: Vec<(&str, &str)> = brief["claims"]
        .as_array()
        .unwrap()
        .iter()
        .map(|claim| (claim["id"].as_str().unwrap(), claim["verdict"].as_str().unwrap()))
        .filter(|(id, _)| id.starts_with("again."))
        .collect();
    assert_eq!(verdicts, [("again.follows", "passed"), ("again.unknown", "missing")]);
    // The largest return of the sample on day 0 is that of the name that the list gives.
    let best = brief["findings"]["lists"]["credit-spreads.whose.name"][0].as_str().unwrap().to_lowercase();
    assert_eq!(value("credit-spreads.whose"), value(&format!("credit-spreads.day.{best}.x")));
}

#[test]
fn a_section_of_yaml_alone_is_typeset() {
    let desk = Desk::new();
    succeeded(&desk.run(&["render", "--out", "out", "--keep-source"]));
    let folder = desk.path("out/credit/2025-01-27");
    let text = pages(&fs_err::read(folder.join("credit-2025-01-27.en.pdf")).unwrap()).join(" ");
    for part in ["Does credit follow?", "Once more", "High yield", "Credit follows", "Not known yet."] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let source = folder.join("source");
    let found: Vec<PathBuf> = walk(&if source.is_dir() { source } else { folder });
    let named = |end: &str| found.iter().find(|path| path.to_string_lossy().ends_with(end)).cloned();
    let spec: Value =
        serde_json::from_slice(&fs_err::read(named("again.path.vl.json").unwrap()).unwrap()).unwrap();
    assert_eq!(spec["mark"], "line");
    assert!(spec["data"]["values"].as_array().unwrap().len() > 20);
    assert!(named("again.spreads.csv").is_some());
}

fn walk(folder: &std::path::Path) -> Vec<PathBuf> {
    let entries = fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn what_points_nowhere_is_refused_with_its_place_and_the_nearest() {
    for (from, to, parts) in [
        (
            "of: \"records:credit.hy\", from: event-1",
            "of: \"records:credit.hyy\", from: event-1",
            &["hyy", "`hy`"][..],
        ),
        ("on: \"theme:compute\"", "on: \"theme:compte\"", &["compte", "`compute`"]),
        ("on: ^GSPC", "on: ^GSPCX", &["^GSPCX", "`^GSPC`"]),
        ("{is: .hy-week - .ig-week}", "{is: .hy-wek - .ig-week}", &["hy-wek", "`hy-week`"]),
        ("{is: .hy-week - .ig-week}", "{is: .hy-week - .link}", &["has no sense"]),
        ("{is: .hy-week - .ig-week}", "{is: .apart + 1}", &["circle", "apart"]),
        ("{is: .hy-week - .ig-week}", "{is: fact.metaa / 2}", &["fact `metaa`"]),
        ("[carry-unwind, deepseek-r1]", "[carry-unwnd, deepseek-r1]", &["carry-unwnd", "`carry-unwind`"]),
        ("format: pct(2)", "format: percent(2)", &["percent"]),
        ("sort: -1", "sort: 5", &["sorted by a column"]),
        ("sort: x}", "sort: y}", &["`x`"]),
        ("caption: {fr: Dates, en: Dates}", "caption: {fr: Dates}", &["`en`"]),
        ("\".day.{row}.x\"", "\".dya.{row}.x\"", &["credit-spreads.dya.nvda.x", "credit-spreads.day."]),
        ("measure: {last: {}, as: ratio}", "measure: {last: {}, as: money}", &["currency"]),
        ("line: {of: [", "lines: {of: [", &["lines"]),
        ("from: event-20, to: as-of}", "from: evnt-20, to: as-of}", &["evnt-20"]),
    ] {
        let said = Desk::refusal(from, to);
        assert!(said.contains("section.yaml:"), "{to}: {said}");
        for part in parts {
            assert!(said.contains(part), "{to}: {part}: {said}");
        }
    }
}

#[test]
fn all_faults_of_a_section_are_told_in_one_run() {
    let desk = Desk::new();
    let section = SECTION
        .replace("theme:compute", "theme:zeta1")
        .replace("^GSPC", "ZETA2")
        .replace("carry-unwind", "zeta3");
    desk.write("config/sections/credit-spreads/section.yaml", &section);
    let said = String::from_utf8_lossy(&desk.run(&["check"]).stderr).into_owned();
    for name in ["zeta1", "ZETA2", "zeta3"] {
        assert!(said.contains(name), "{name}: {said}");
    }
}

#[test]
fn ten_thousand_figures_take_less_than_a_second_of_work() {
    let desk = Desk::new();
    let mut section =
        "title: {fr: Nombres, en: Numbers}\nfigures:\n  f0: {return: {of: NVDA, from: event-1, to: event}}\n"
            .to_owned();
    for n in 1..10_000 {
        writeln!(section, "  f{n}: {{is: .f{} * 1}}", n - 1).unwrap();
    }
    section.push_str("tables:\n  one: {caption: {fr: Un, en: One}, rows: [NVDA], columns: [{head: col.amount, figure: \"numbers.f9999\"}]}\n");
    desk.write("config/sections/numbers/section.yaml", &section);
    desk.write(
        "reports/credit/report.yaml",
        REPORT.replace("  - credit-spreads\n", "  - numbers\n").split("  - {use").next().unwrap(),
    );
    let brief = desk.brief();
    let figures = &brief["findings"]["figures"];
    assert_eq!(figures["numbers.f9999"]["value"], figures["numbers.f0"]["value"]);
}

/// A report of two sections of one kind, the second with parameters of its own.
fn twice(section: &str, id: &str, with: &str) -> String {
    let (head, _) = REPORT.split_once("sections:").unwrap();
    let title = "title: {fr: Encore, en: Once more}";
    format!("{head}sections:\n  - {section}\n  - {{use: {section}, id: {id}, {title}, with: {with}}}\n")
}

#[test]
fn a_kind_stands_twice_with_other_parameters() {
    let desk = Desk::new();
    let with = "{of: \"theme:software\", threshold: -1.5, horizons: [5, 10]}";
    let text = twice("buying-opportunity", "dip", with);
    // The house looks a year ahead, for which the reconstruction is too short.
    let text =
        text.replace("  - buying-opportunity\n", "  - {use: buying-opportunity, with: {horizons: [5]}}\n");
    desk.write("reports/credit/report.yaml", &text);
    let brief = desk.brief();
    let findings = &brief["findings"];
    assert_eq!(findings["absent"], Value::Null, "{}", findings["absent"]);
    let value = |id: &str| findings["figures"][id]["value"].as_f64().unwrap_or_else(|| panic!("no `{id}`"));
    assert_eq!(value("buying-opportunity.param.threshold"), -3.0);
    assert_eq!(value("dip.param.threshold"), -1.5);
    assert_eq!(value("dip.main.sessions"), 5.0);
    assert_eq!(findings["tables"]["dip.outcomes"]["rows"].as_array().unwrap().len(), 2);
    let inputs = |id: &str| findings["figures"][id]["inputs"].to_string();
    assert!(inputs("dip.shocks").contains("CRM") && !inputs("dip.shocks").contains("NVDA"));
    assert!(inputs("buying-opportunity.shocks").contains("NVDA"));
}

#[test]
fn parameters_that_do_not_fit_are_refused_at_load() {
    for (section, with, part) in [
        ("buying-opportunity", "{treshold: -2}", "treshold"),
        ("buying-opportunity", "{threshold: high}", "high"),
        ("buying-opportunity", "{threshold: 2}", "negative"),
        ("buying-opportunity", "{horizons: [21, 5]}", "shortest first"),
        ("buying-opportunity", "{of: \"theme:compte\"}", "`compute`"),
        ("custom-silicon", "{topic: chip-result}", "`chip-results`"),
        ("custom-silicon", "{long: \"basket:custom-silicn\"}", "`custom-silicon`"),
        ("custom-silicon", "{window: [3, 0]}", "window"),
        ("capex", "{source: capex-quartely}", "`capex-quarterly`"),
        ("capex", "{amount: capex_usd}", "`capex_musd`"),
        ("capex", "{shown: 1}", "shown"),
        ("architecture", "{facts: [v3-activ]}", "`v3-active`"),
        ("architecture", "{fact: []}", "fact"),
        ("broadening", "{origin: comput}", "`compute`"),
        ("broadening", "{windows: [21, 5]}", "shortest first"),
        ("broadening", "{review: -1}", "review"),
        ("positioning", "{high: 0.1}", "high"),
        ("positioning", "{runup: 5}", "run-up"),
        ("beyond-us", "{regions: [VGKK]}", "`VGK`"),
        ("beyond-us", "{home-share: 1}", "home-share"),
        ("compute-demand", "{amount: flops}", "`flop`"),
        ("compute-demand", "{product: [v3-activ]}", "`v3-active`"),
        ("compute-demand", "{times: 0}", "times"),
        ("outlook", "{of: NVDA}", "of"),
        ("market", "{movers: 3}", "takes no parameters"),
    ] {
        let desk = Desk::new();
        desk.write(
            "reports/credit/report.yaml",
            &twice(section, section, with).replacen(&format!("  - {section}\n"), "", 1),
        );
        let output = desk.run(&["check"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{section} {with}: {said}");
        assert!(said.contains(part) && said.contains("report.yaml:"), "{section} {with}: {said}");
    }
}

/// A panel of two themes, the windows short enough for the reconstruction.
fn followed(sections: &str) -> String {
    let (head, _) = REPORT.split_once("sections:").unwrap();
    let panel = "panel:\n  benchmark: ^GSPC\n  from: 2024-06-03\n  sample: [NVDA, AVGO, AMD, CRM, ADBE]\n";
    format!("{panel}{head}sections:\n{sections}")
}

#[test]
fn kinds_over_a_panel_stand_twice_with_other_parameters() {
    let desk = Desk::new();
    let title = "title: {fr: Encore, en: Once more}";
    let text = followed(&format!(
        "  - {{use: broadening, with: {{windows: [5, 10], average: 5, drawn: 20}}}}\n  \
         - {{use: broadening, id: back, {title}, with: {{origin: software, windows: [10], average: 5, drawn: 20}}}}\n  \
         - {{use: positioning, with: {{run-up: 10, crowding: 10, history: 20}}}}\n  \
         - {{use: positioning, id: one, {title}, with: {{run-up: 5, crowding: 10, history: 20}}}}\n"
    ));
    desk.write("reports/credit/report.yaml", &text);
    let brief = desk.brief();
    let findings = &brief["findings"];
    assert_eq!(findings["absent"], Value::Null, "{}", findings["absent"]);
    let value = |id: &str| findings["figures"][id]["value"].as_f64().unwrap_or_else(|| panic!("no `{id}`"));
    // What one theme gains on another, the other loses on it.
    assert!((value("broadening.software.h10") + value("back.compute.h10")).abs() < 1e-12);
    assert_eq!(findings["tables"]["back.rotation"]["rows"].as_array().unwrap().len(), 1);
    assert_eq!(value("positioning.param.run-up"), 10.0);
    assert_eq!(value("one.param.run-up"), 5.0);
    assert_eq!(findings["tables"]["one.tilt"]["rows"].as_array().unwrap().len(), 2);
}

#[test]
fn a_kind_without_what_it_looks_at_says_so() {
    let desk = Desk::new();
    let text = followed(
        "  - {use: broadening, with: {origin: power, windows: [5], average: 5, drawn: 20}}\n  - positioning\n  - beyond-us\n  - compute-demand\n",
    );
    desk.write("reports/credit/report.yaml", &text);
    let brief = desk.brief();
    let absent = &brief["findings"]["absent"];
    assert_eq!(absent["broadening"], "absent.no-origin");
    assert_eq!(absent["beyond-us"], "absent.no-regions");
    assert!(absent["compute-demand"].is_string(), "{absent}");
}

#[test]
fn every_kind_is_listed_with_its_parameters() {
    let output = shockbrief(["list", "kinds"]).output().unwrap();
    succeeded(&output);
    let said = String::from_utf8(output.stdout).unwrap();
    for line in [
        "forward-returns: ",
        "  of: required, such as theme:name",
        "  threshold: default -3.0",
        "quarterly: ",
        "pair-at-events: ",
        "positioning: ",
        "  run-up: default 126",
        "rotation: ",
        "  origin: required, such as theme",
        "diversification: ",
        "  home-share: default 0.5",
        "record-trend: ",
        "  at-least: default 20",
        "text: ",
    ] {
        assert!(said.lines().any(|own| own.starts_with(line)), "{line}\n{said}");
    }
    // Every kind tells of at least one parameter: one that its own forms do not fill would tell of none.
    let lines: Vec<&str> = said.lines().collect();
    for pair in lines.windows(2).filter(|pair| !pair[0].starts_with(' ')) {
        assert!(pair[1].starts_with("  "), "{} has no parameters", pair[0]);
    }
}
