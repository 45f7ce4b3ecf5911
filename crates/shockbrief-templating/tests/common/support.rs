//! A small brief that exercises every part: hostile names, missing values, all charts, both languages.

use jiff::civil::date;
use shockbrief_core::config::{Brand, Claim, Language};
use shockbrief_core::findings::{Axis, Line, Mark};
use shockbrief_core::{Align, Cell, Chart, Column, Figure, Findings, Row, Table, Unit};
use shockbrief_templating::compose::Edition;
use shockbrief_templating::{ClaimSource, Compose, Declared, Section, Source};
use std::collections::BTreeMap;

pub const HOSTILE: &str = r##"#import "x"; $a_b$ [*]"##;

const NAMES: [(&str, &str, f64); 12] = [
    ("VRT", "Vertiv", -0.281),
    ("VST", "Vistra", -0.262),
    ("AVGO", "Broadcom", -0.145),
    ("NVDA", "Nvidia", -0.139),
    ("MRVL", "Marvell", -0.138),
    ("ODD", HOSTILE, -0.06),
    ("MSFT", "Microsoft", -0.004),
    ("AMZN", "Amazon.com", 0.013),
    ("META", "Meta Platforms", 0.021),
    ("IBM", "IBM", 0.024),
    ("CRM", "Salesforce", 0.054),
    ("AAPL", "Apple", 0.047),
];

pub fn texts(french: &str, english: &str) -> BTreeMap<String, String> {
    [("fr", french), ("en", english)].map(|(k, v)| (k.to_owned(), v.to_owned())).into()
}

pub fn findings() -> Findings {
    let mut findings = Findings::default();
    let as_of = date(2025, 1, 31);
    let figure = |id: &str, value: f64, unit: Unit| Figure::new(id, value, unit, "test", as_of);
    for (symbol, _, ar) in NAMES {
        let id = symbol.to_lowercase();
        findings.add(figure(&format!("{id}.ar"), ar, Unit::Ratio).se(0.021).p(if ar < -0.1 {
            0.0002
        } else {
            0.31
        }));
        findings.add(figure(&format!("{id}.return"), ar - 0.015, Unit::Ratio));
        findings.add(figure(&format!("{id}.sar"), ar / 0.021, Unit::Statistic));
        findings.add(figure(&format!("{id}.lost"), ar * 3.4e12, Unit::Money).currency("USD"));
    }
    findings.add(Figure::missing("x.ar", "41 of 120 days", Unit::Ratio, "test", as_of));
    findings.add(figure("caar", -0.0731, Unit::Ratio).p(0.0004).n(120).firms(12));
    findings.add(figure("f", 41.3, Unit::Statistic).df([27.0, 92.0]).p(0.0));
    findings.add(figure("firms", 12.0, Unit::Count));
    findings.add(figure("shares", 24.49e9, Unit::Count));
    findings.add(figure("gap", 0.0342, Unit::Points));
    findings.add(Figure::date("day0", date(2025, 1, 27), "test", as_of));
    findings.lists.insert("worst".into(), ["VRT", "VST", "ODD"].map(String::from).into());
    findings.tables.insert("reaction".into(), table());
    findings.charts.insert(
        "ar".into(),
        Chart::Intervals { id: "ar".into(), marks: marks("ar", true), sources: vec!["prices".into()] },
    );
    findings.charts.insert(
        "bars".into(),
        Chart::Bars { id: "bars".into(), marks: marks("return", false), sources: vec!["prices".into()] },
    );
    findings.charts.insert("paths".into(), paths());
    findings.charts.insert("prices".into(), prices());
    findings
}

fn marks(part: &str, missing: bool) -> Vec<Mark> {
    let mark = |label: &str, figure: String| Mark {
        label: label.into(),
        translate: false,
        figure,
        p: None,
        group: String::new(),
    };
    let mut marks: Vec<Mark> = NAMES
        .iter()
        .map(|(symbol, name, _)| mark(name, format!("{}.{part}", symbol.to_lowercase())))
        .collect();
    if missing {
        marks.push(mark("Young company", "x.ar".into()));
    }
    marks
}

fn table() -> Table {
    let column =
        |header: &str, align, format: &str| Column { header: header.into(), align, format: format.into() };
    let columns = vec![
        column("col.name", Align::Left, ""),
        column("col.return", Align::Decimal, "pct(1)"),
        column("col.ar", Align::Decimal, "pct(1)"),
        column("col.t", Align::Decimal, "stat(1)"),
        column("col.p", Align::Decimal, "pval"),
        column("col.lost", Align::Decimal, "money"),
    ];
    let mut rows: Vec<Row> = NAMES
        .iter()
        .map(|(symbol, name, _)| {
            let id = symbol.to_lowercase();
            let figure = |part: &str| Cell::Figure(format!("{id}.{part}"));
            Row::new(vec![
                Cell::Text((*name).into()),
                figure("return"),
                figure("ar"),
                figure("sar"),
                Cell::P(format!("{id}.ar")),
                figure("lost"),
            ])
        })
        .collect();
    rows[6].invalid = true;
    rows.push(Row::new(vec![
        Cell::Text("Young company".into()),
        Cell::Empty,
        Cell::Figure("x.ar".into()),
        Cell::Empty,
        Cell::P("x.ar".into()),
        Cell::Empty,
    ]));
    let mut total = Row::new(vec![
        Cell::Label("row.mean".into()),
        Cell::Empty,
        Cell::Figure("caar".into()),
        Cell::Empty,
        Cell::P("caar".into()),
        Cell::Empty,
    ]);
    total.total = true;
    rows.push(total);
    Table { id: "reaction".into(), columns, rows, sources: vec!["prices".into()] }
}

fn paths() -> Chart {
    let days: Vec<i32> = (-5..=10).collect();
    let themes = [
        ("compute", -0.010, true),
        ("power", -0.016, false),
        ("hyperscalers", -0.001, false),
        ("software", 0.0035, false),
        ("servers", -0.0095, false),
    ];
    let lines = themes
        .iter()
        .map(|(theme, slope, strong)| Line {
            label: format!("theme.{theme}"),
            translate: true,
            values: days
                .iter()
                .map(|day| {
                    let t = f64::from((*day + 1).max(0));
                    Some(slope * t.sqrt() * 4.0 + 0.004 * (f64::from(*day) * 1.7 + slope * 900.0).sin())
                })
                .collect(),
            group: (*theme).into(),
            strong: *strong,
        })
        .collect();
    Chart::Lines {
        id: "paths".into(),
        x: Axis::EventDays(days),
        lines,
        sources: vec!["prices".into()],
        statistic: "car".into(),
    }
}

fn prices() -> Chart {
    let dates: Vec<_> =
        (0..30).map(|i| date(2025, 1, 6).saturating_add(jiff::Span::new().days(i + 2 * (i / 5)))).collect();
    let line = |label: &str, level: f64, strong| Line {
        label: label.into(),
        translate: false,
        values: (0..30)
            .map(|i| {
                (!(8..10).contains(&i) || strong)
                    .then(|| if i < 15 { 0.01 } else { level } + 0.01 * f64::from(i).sin())
            })
            .collect(),
        group: String::new(),
        strong,
    };
    Chart::Lines {
        id: "prices".into(),
        x: Axis::Dates(dates),
        lines: vec![line("Nvidia", -0.14, true), line("Vertiv", -0.25, false), line(HOSTILE, 0.02, false)],
        sources: vec![],
        statistic: "price_relative".into(),
    }
}

pub fn language(code: &str) -> Language {
    let pick =
        |french: &str, english: &str| if code == "fr" { french.to_owned() } else { english.to_owned() };
    let strings = [
        ("section.summary", pick("L'essentiel", "In brief")),
        ("section.reaction", pick("Qui a baissé, et de combien ?", "What fell, and by how much")),
        ("section.paths", pick("La suite", "What came next")),
        ("section.method", pick("Méthode", "Method")),
        (
            "stamp.test",
            pick(
                "Reconstitution : l’historique d’avant le choc est simulé",
                "Reconstruction: history before the event is simulated",
            ),
        ),
        ("col.name", pick("Nom", "Name")),
        ("col.return", pick("Jour 0", "Day 0")),
        ("col.ar", pick("Rendement anormal", "Abnormal return")),
        ("col.t", "t".into()),
        ("col.p", "p".into()),
        ("col.lost", pick("Valeur boursière", "Market value")),
        ("row.mean", pick("Moyenne", "Mean")),
        ("theme.compute", pick("Puces", "Chips")),
        ("theme.power", pick("Électricité et refroidissement", "Power and cooling")),
        ("theme.hyperscalers", pick("Grands clouds", "Hyperscalers")),
        ("theme.software", pick("Logiciel", "Software")),
        ("theme.servers", pick("Serveurs", "Servers")),
        ("kpi.nvda", pick("Nvidia le jour 0", "Nvidia on day 0")),
        ("table.reaction.caption", pick("Les sociétés le jour 0", "Companies on day 0")),
        (
            "table.reaction.note",
            pick(
                "p bilatéral ; {{ fig(\"firms\") | int }} sociétés. † Test non valide ici.",
                "Two-sided p; {{ fig(\"firms\") | int }} companies. † Test not valid here.",
            ),
        ),
        (
            "chart.ar.caption",
            pick(
                "Rendement anormal du jour 0, avec l’intervalle à 95 % d’un jour sans nouvelle",
                "Abnormal return on day 0, with the 95% range of a day without news",
            ),
        ),
        ("chart.legend.direction", pick("Rouge : baisse, vert : hausse.", "Red: a fall, green: a rise.")),
        ("chart.legend.strong", pick("Plein : ce dont parle le texte.", "Filled: what the text speaks of.")),
        ("chart.ar.axis", pick("Rendement anormal", "Abnormal return")),
        (
            "chart.legend.by-range",
            pick("Point plein : hors de la plage grise.", "Filled dot: outside the grey range."),
        ),
        ("chart.bars.caption", pick("Rendement du jour 0", "Return on day 0")),
        (
            "chart.paths.caption",
            pick("Rendement anormal cumulé par thème", "Cumulative abnormal return by theme"),
        ),
        ("chart.paths.axis", pick("Rendement anormal cumulé", "Cumulative abnormal return")),
        ("chart.paths.x", pick("Séances depuis le jour 0", "Sessions from day 0")),
        (
            "chart.prices.caption",
            pick(
                "Cours rapporté à la clôture d'avant le choc",
                "Price relative to the close before the shock",
            ),
        ),
        (
            "sources.default",
            pick("cours de clôture ; calculs shockbrief", "closing prices; shockbrief computations"),
        ),
    ];
    Language {
        locale: pick("fr-FR", "en-GB"),
        name: code.into(),
        strings: strings.map(|(key, text)| (key.to_owned(), text)).into(),
    }
}

pub fn brand() -> Brand {
    Brand::load(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/brand.yaml")))
        .unwrap()
}

pub fn claim(id: &str, when: &str, otherwise: bool) -> ClaimSource {
    let claim = Claim {
        id: id.into(),
        when: when.into(),
        text: texts(
            "*Le matériel a chuté.* Le rendement anormal moyen est de {{ fig(\"caar\") | pct(1) }} ({{ fig(\"caar\").p | pval }}) ; l'écart avec le logiciel atteint {{ fig(\"gap\") | points(1) }}.",
            "*Hardware fell.* The mean abnormal return is {{ fig(\"caar\") | pct(1) }} ({{ fig(\"caar\").p | pval }}); the gap to software is {{ fig(\"gap\") | points(1) }}.",
        ),
        section: None,
        needs: Vec::new(),
        otherwise: otherwise.then(|| texts("Rien ne s'est passé.", "Nothing happened.")),
        missing: None,
        calibrated: false,
        at_most: None,
        robust: Vec::new(),
        fresh: None,
    };
    ClaimSource { claim, file: "reports/test/report.yaml".into(), line: Some(12) }
}

pub fn section(id: &str, layout: &str, french: &str, english: &str) -> Section {
    let prose = [("fr", french), ("en", english)].map(|(code, text)| {
        (code.to_owned(), Source::new(format!("reports/test/prose/{id}.{code}.typ.j2"), text))
    });
    Section {
        id: id.into(),
        heading: format!("section.{id}"),
        layout: Source::new(format!("sections/{id}.typ.j2"), layout),
        prose: prose.into(),
    }
}

pub fn brief<'a>(
    french: &'a Language,
    english: &'a Language,
    brand: &'a Brand,
    findings: &'a Findings,
) -> Compose<'a> {
    let edition = |code: &str, language: &'a Language| Edition {
        code: code.into(),
        language,
        file: format!("config/languages/{code}.yaml"),
    };
    Compose {
        slug: "test".into(),
        period: "2025-01".into(),
        as_of: date(2025, 1, 31),
        title: texts("Le choc d'essai", "The trial shock"),
        subtitle: texts(
            "Un modèle à bas prix et la valeur du matériel",
            "A cheap model and the value of hardware",
        ),
        stamp: Some("stamp.test".into()),
        editions: vec![edition("fr", french), edition("en", english)],
        brand,
        findings,
        claims: vec![
            claim("fell", r#"fig("caar") < -0.05 and fig("caar").p < 0.05"#, false),
            claim("rose", r#"fig("caar") > 0"#, true),
        ],
        names: NAMES.iter().map(|(symbol, name, _)| ((*symbol).to_owned(), (*name).to_owned())).collect(),
        themes: [("compute".to_owned(), texts("Puces", "Chips"))].into(),
        sources: BTreeMap::new(),
        sections: sections(),
        design: None,
        labels: Vec::new(),
        declared: Declared::default(),
    }
}

fn sections() -> Vec<Section> {
    let summary = "{{ prose() }}\n\n#kpis(\n  kpi([{{ fig(\"nvda.return\") | pct(1) }}], [{{ t(\"kpi.nvda\") }}]),\n  kpi([{{ fig(\"nvda.lost\") | abs | money }}], [{{ t(\"col.lost\") }}]),\n  kpi([{{ fig(\"gap\") | points(1) }}], [{{ t(\"theme.power\") }}]),\n)\n\n#finding[{{ claim(\"fell\") }}]\n#finding[{{ claim(\"rose\") }}]\n#finding[{{ claim(\"fell\") }}]\n";
    let reaction = "{{ prose() }}\n{{ chart(\"ar\") }}\n{{ table(\"reaction\") }}\n{{ chart(\"bars\") }}\n";
    let paths = "{{ prose() }}\n{{ chart(\"paths\") }}\n{{ chart(\"prices\") }}\n";
    let method = "{{ prose() }}\n#note[{{ t(\"table.reaction.note\") }}]\n";
    vec![
        section(
            "summary",
            summary,
            "Le {{ fig(\"day0\") | date }}, Nvidia a perdu {{ fig(\"nvda.return\") | pct(1, abs=true) }}, soit {{ fig(\"nvda.lost\") | abs | money }} : du jamais vu ! Avec {{ fig(\"shares\") | bn(2) }} d'actions.",
            "On {{ fig(\"day0\") | date }}, Nvidia lost {{ fig(\"nvda.return\") | pct(1, abs=true) }}, that is {{ fig(\"nvda.lost\") | abs | money }}: nobody had \"seen\" it before.",
        ),
        section(
            "reaction",
            reaction,
            "{% for s in list(\"worst\") %}{{ name(s) }} cède {{ fig(s | lower ~ \".ar\") | pct(1) }} ; {% endfor %}le F joint est de {{ fig(\"f\") | stat(1) }} ({{ fig(\"f\") | df }} degrés de liberté, {{ fig(\"f\").p | pval }}). Une société récente : {{ fig(\"x.ar\") | reason }}.",
            "{% for s in list(\"worst\") %}{{ name(s) }} fell by {{ fig(s | lower ~ \".ar\") | pct(1) }}; {% endfor %}the joint F is {{ fig(\"f\") | stat(1) }} ({{ fig(\"f\") | df }} degrees of freedom, {{ fig(\"f\").p | pval }}). A young company: {{ fig(\"x.ar\") | reason }}.",
        ),
        section("paths", paths, "Les courbes suivent chaque thème.", "The lines follow each theme."),
        section("method", method, "Rien d'autre : voir le fichier.", "Nothing else: see the file."),
    ]
}
