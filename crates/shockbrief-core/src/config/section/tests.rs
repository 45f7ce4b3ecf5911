//! What authors write is read, and what points nowhere or says two things is refused.

#![allow(clippy::disallowed_methods, reason = "files of a test are written plainly")]

use super::*;
use jiff::civil::date;

fn spec(text: &str) -> Result<SectionSpec> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("section.yaml");
    std::fs::write(&path, text).unwrap();
    Ok(load::<SectionSpec>(&path)?.0)
}

#[test]
fn references_are_read_and_written_back() {
    for text in [
        "NVDA",
        "^GSPC",
        "0700.HK",
        "theme:compute",
        "basket:custom-silicon",
        "pair:theme:compute/theme:software",
        "pair:NVDA/^NDX",
        "records:credit.hy",
    ] {
        assert_eq!(text.parse::<Ref>().unwrap().to_string(), text);
    }
    for text in
        ["", "theme:", "pair:NVDA", "records:credit", "thme:compute", "two words", "pair:records:a.b/NVDA"]
    {
        assert!(text.parse::<Ref>().is_err(), "{text}");
    }
}

#[test]
fn points_in_time_are_read_and_written_back() {
    let day = |sessions| When { base: Base::Date(date(2025, 1, 24)), sessions };
    for (text, when) in [
        ("2025-01-24", day(0)),
        ("2025-01-24-3", day(-3)),
        ("event", When { base: Base::Event(None), sessions: 0 }),
        ("event-1", When { base: Base::Event(None), sessions: -1 }),
        ("event:h20-licence", When { base: Base::Event(Some("h20-licence".into())), sessions: 0 }),
        (
            "event:nvda-results-2024-08 +5",
            When { base: Base::Event(Some("nvda-results-2024-08".into())), sessions: 5 },
        ),
        ("period.first-1", When { base: Base::Period(Edge::First), sessions: -1 }),
        ("year.first", When { base: Base::Year, sessions: 0 }),
        ("as-of-63", When { base: Base::AsOf, sessions: -63 }),
    ] {
        assert_eq!(text.parse::<When>(), Ok(when.clone()), "{text}");
        assert_eq!(when.to_string().parse::<When>(), Ok(when), "{text}");
    }
    for other in ["day0+5", "as_of", "period.start", "event + 5"] {
        assert!(other.parse::<When>().is_ok(), "{other}");
    }
    for text in [
        "",
        "soon",
        "2025-13-01",
        "event+",
        "event++1",
        "event:",
        "2025-01-24x",
        "event+1.5",
        "event+9999999999",
    ] {
        assert!(text.parse::<When>().is_err(), "{text}");
    }
}

#[test]
fn a_section_is_read() {
    let spec = spec(
        r#"
title: {en: Does credit follow?}
figures:
  week: {change: {of: "records:credit.hy", from: event-1, to: event+5}}
  link: {correlation: {of: "records:credit.hy", on: "theme:compute", last: 63}}
  gap: {is: .week - .link, as: number}
tables:
  spreads:
    caption: {en: Spreads}
    rows: ["records:credit.hy", NVDA]
    columns:
      - {head: {en: Now}, measure: {last: {}}, format: points(2)}
      - {head: col.p, figure: "{row}.car", part: p}
    sort: -1
charts:
  path: {caption: {en: Path}, line: {of: ["records:credit.hy"], from: event-60}}
"#,
    )
    .unwrap();
    assert_eq!(spec.figures.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["week", "link", "gap"]);
    let table = spec.tables.iter().next().unwrap().1;
    assert_eq!(table.rows.references().len(), 2);
    assert!(matches!(&table.columns[1].cell, CellSpec::Figure(id, Field::P) if id == "{row}.car"));
}

#[test]
fn what_says_nothing_or_two_things_is_refused() {
    for (text, part) in [
        ("figures: {a: {is: .b}, a: {is: .c}}", "twice"),
        ("figures: {a.b: {is: .c}}", "no name"),
        ("figures: {a: {}}", "how it is made"),
        ("figures: {a: {is: .b, return: {of: NVDA, from: event}}}", "one way"),
        ("figures: {a: {return: {of: NVDA}}}", "needs `from`"),
        ("figures: {a: {return: {of: NVDA, from: event, last: 5}}}", "keep one"),
        ("figures: {a: {retrun: {of: NVDA, from: event}}}", "unknown field"),
        ("figures: {a: {return: {of: NVDA, from: evnt}}}", "no point in time"),
        ("figures: {a: {return: {of: thme:x, from: event}}}", "points at nothing"),
        ("figures: {a: {count: {of: sample, from: event}}}", "above"),
        ("tables: {a: {caption: {en: A}, rows: sample, columns: [{head: col.a}]}}", "one of"),
        ("charts: {a: {caption: {en: A}}}", "one mark"),
        (
            "charts: {a: {caption: {en: A}, line: {of: [NVDA]}, bar: {of: [NVDA], x: {figure: a}}}}",
            "one mark",
        ),
        ("with: {}\nwiht: {}", "unknown field"),
    ] {
        let error = format!("{:#}", spec(text).expect_err(text));
        assert!(error.contains(part) && error.contains("section.yaml"), "{text}: {error}");
    }
}

#[test]
fn a_report_changes_a_section_entry_by_entry() {
    let own = spec("with: {a: 1, b: 2}\nfigures: {x: {is: '1'}, y: {is: '2'}}").unwrap();
    let changes = spec("use: s\nwith: {b: 3}\nfigures: {y: {is: '4'}}").unwrap();
    let changed = own.changed(&changes);
    assert_eq!(changed.with, Some(serde_json::json!({"a": 1, "b": 3})));
    let made: Vec<_> = changed.figures.iter().map(|(_, figure)| figure.make.clone()).collect();
    assert_eq!(made, [Figuring::Is("1".to_owned()), Figuring::Is("4".to_owned())]);
}

#[test]
fn sections_of_a_report_are_found_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let house = folder.path().join("house").join("credit");
    std::fs::create_dir_all(&house).unwrap();
    std::fs::write(house.join("section.yaml"), "title: {en: Credit}").unwrap();
    let house = SectionFolders::load(&folder.path().join("house")).unwrap();
    let own = SectionFolders::load(&folder.path().join("nowhere")).unwrap();
    let made = |text: &str| {
        let path = folder.path().join("report.yaml");
        std::fs::write(&path, text).unwrap();
        let (entries, origin): (Vec<Entry>, Origin) = load(&path)?;
        Ok::<_, anyhow::Error>(instances(&entries, &origin, &own, &house, &["market"])?)
    };
    let found = made("[market, credit, {use: credit, id: again, title: {en: Other}}, {id: mine}]").unwrap();
    let told: Vec<_> =
        found.iter().map(|one| (one.id.as_str(), one.base.as_str(), one.kind.as_str())).collect();
    let expected = [
        ("market", "market", "market"),
        ("credit", "credit", "text"),
        ("again", "credit", "text"),
        ("mine", "mine", "text"),
    ];
    assert_eq!(told, expected);
    assert_eq!(found[2].spec.title.as_ref().unwrap()["en"], "Other");
    for (text, part) in [
        ("[market, market]", "stands twice"),
        ("[markt]", "the nearest is `market`"),
        ("[{use: credti}]", "the nearest is `credit`"),
        ("[{title: {en: T}}]", "needs `use` or `id`"),
    ] {
        let error = made(text).expect_err(text);
        let hint =
            error.downcast_ref::<Refusal>().and_then(|refusal| refusal.hint.clone()).unwrap_or_default();
        assert!(format!("{error:#} {hint}").contains(part), "{text}: {error:#} {hint}");
    }
}
