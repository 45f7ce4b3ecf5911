//! Conditions as authors write them, units as arithmetic has them, three values as Kleene has them.

use super::*;
use crate::Findings;
use jiff::civil::date;

const DAY: Date = date(2025, 1, 31);

fn findings() -> Findings {
    let figure = |id: &str, value: f64, unit: Unit| Figure::new(id, value, unit, "test", DAY);
    let mut findings = Findings::default();
    for figure in [
        figure("nvda.return", -0.17, Unit::Ratio).p(0.001).n(120),
        figure("amd.return", -0.06, Unit::Ratio),
        figure("a.hy-week", 0.004, Unit::Points),
        figure("guide", 11e9, Unit::Money).currency("USD"),
        figure("consensus", 7.15e9, Unit::Money).currency("USD"),
        figure("euros", 7e9, Unit::Money).currency("EUR"),
        figure("close", 118.0, Unit::Price).currency("USD"),
        figure("shares", 24.5e9, Unit::Count),
        figure("zero", 0.0, Unit::Count),
        figure("tau", 5.0, Unit::Sessions),
        figure("beta", 1.7, Unit::Number),
        figure("rho", 0.6, Unit::Correlation),
        Figure::missing("gone", "no session in the span", Unit::Ratio, "test", DAY),
        Figure::date("day0", date(2025, 1, 27), "test", DAY),
        figure("fact.known", 1.0, Unit::Number),
    ] {
        findings.add(figure);
    }
    findings.absent.insert("quiet".to_owned(), "absent.capex".to_owned());
    findings
}

fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

fn with<T>(within: Option<&str>, ask: impl FnOnce(&dyn Scope) -> T) -> T {
    let (findings, facts) = (findings(), set(&["known", "later"]));
    let (sections, shown) = (set(&["summary", "quiet", "elsewhere"]), set(&["summary", "quiet"]));
    ask(&Names { findings: &findings, facts: &facts, sections: &sections, shown: &shown, within })
}

fn judge(text: &str) -> Result<Judgement, Fault> {
    with(None, |scope| Expr::parse(text)?.judge(scope))
}

fn truth(text: &str) -> Option<bool> {
    match judge(text).unwrap_or_else(|fault| panic!("{text}: {fault:?}")).truth {
        Answer::Is(truth) => Some(truth),
        Answer::Missing(_) => None,
    }
}

#[test]
fn conditions_as_they_are_written() {
    for (text, expected) in [
        (r#"fig("nvda.return") < -0.05 and fig("nvda.return").p < 0.05"#, true),
        ("nvda.return < amd.return", true),
        (r#"fig("nvda.return") | abs > 0.1 and not has("gone")"#, true),
        ("abs(nvda.return) <= 0.17", true),
        ("true and (false or not false)", true),
        ("nvda.return - amd.return < -0.1", true),
        ("max(nvda.return, amd.return) == amd.return", true),
        ("min(nvda.return, amd.return, 0.5) != nvda.return", false),
        (r#"fig("nvda.return").n >= 120"#, true),
        (r#"day0 == "2025-01-27" and day0 < "2025-01-28""#, true),
        (r#"known("known") and not known("later")"#, true),
        (r#"ready("summary")"#, true),
        (r#"ready("quiet") or ready("elsewhere")"#, false),
        (r#"fig("gone").missing"#, true),
        ("1 + 2 * 3 == 7 and 8 / 4 / 2 == 1 and 2 - 3 - 4 == -5 and - -1 == 1", true),
        ("1e-3 < 0.0011", true),
        ("not 1 > 2 and 1 < 2", true),
    ] {
        assert_eq!(truth(text), Some(expected), "{text}");
    }
}

/// The strong three-valued tables, all nine cells of each.
#[test]
fn three_values_are_kleenes() {
    let (t, f, u) = ("1 < 2", "2 < 1", "gone > 0");
    let (yes, no, unknown) = (Some(true), Some(false), None);
    let and = [(t, t, yes), (t, f, no), (t, u, unknown), (f, f, no), (f, u, no), (u, u, unknown)];
    let or = [(t, t, yes), (t, f, yes), (t, u, yes), (f, f, no), (f, u, unknown), (u, u, unknown)];
    for (word, table) in [("and", and), ("or", or)] {
        for (a, b, expected) in table {
            assert_eq!(truth(&format!("{a} {word} {b}")), expected, "{a} {word} {b}");
            assert_eq!(truth(&format!("{b} {word} {a}")), expected, "{b} {word} {a}");
        }
    }
    assert_eq!(truth(&format!("not {u}")), unknown);
}

#[test]
fn what_is_missing_keeps_its_reason_and_its_figure() {
    let judged = judge("nvda.return < 0 and gone + 0.1 > 0").unwrap();
    assert_eq!(judged.truth, Answer::Missing("no session in the span".to_owned()));
    let used = [("nvda.return".to_owned(), Some(Value::Number(-0.17))), ("gone".to_owned(), None)];
    assert_eq!(judged.values, used);
    assert_eq!(truth("guide / consensus / zero > 1"), None);
    let without = judge("fig(\"amd.return\").p < 0.05").unwrap();
    assert!(matches!(without.truth, Answer::Missing(reason) if reason.contains("no p-value")));
}

#[test]
fn units_follow_arithmetic() {
    let usd = |unit| Measure::In(unit, Some("USD".to_owned()));
    for (text, measure) in [
        ("nvda.return - amd.return", Measure::of(Unit::Points)),
        ("nvda.return + 0.01", Measure::of(Unit::Ratio)),
        ("nvda.return + a.hy-week", Measure::of(Unit::Ratio)),
        ("guide / consensus - 1", Measure::of(Unit::Number)),
        ("guide - consensus", usd(Unit::Money)),
        ("guide / 4", usd(Unit::Money)),
        ("shares * close", usd(Unit::Money)),
        ("close * shares", usd(Unit::Money)),
        ("guide / close", Measure::of(Unit::Count)),
        ("beta * nvda.return", Measure::of(Unit::Ratio)),
        ("rho - 0.1", Measure::of(Unit::Correlation)),
        ("rho - rho", Measure::of(Unit::Number)),
        ("day0 - \"2025-01-20\"", Measure::of(Unit::Count)),
        ("gone - amd.return", Measure::of(Unit::Points)),
        ("2 * 3", Measure::Plain),
    ] {
        let found =
            with(None, |scope| Expr::parse(text)?.number(scope)).unwrap_or_else(|f| panic!("{text}: {f:?}"));
        assert_eq!(found.measure, measure, "{text}");
    }
    let days = with(None, |scope| Expr::parse("day0 - \"2025-01-20\"").unwrap().number(scope)).unwrap();
    assert_eq!(days.value, Answer::Is(7.0));
}

#[test]
fn what_has_no_sense_is_refused_even_where_a_value_is_missing() {
    for text in [
        "close + shares > 0",
        "guide / euros > 1",
        "guide > 1 * euros",
        "gone + shares > 0",
        "guide > nvda.return",
        "tau + shares > 1",
        "day0 > 3",
        "day0 + 1 > 0",
        "fig(\"nvda.return\").p + fig(\"nvda.return\").p > 1",
        "nvda.return and true",
        "not nvda.return",
        "1 / guide > 0",
        "(1 < 2) + 1 > 0",
        "nvda.return",
    ] {
        let fault = judge(text).expect_err(text);
        assert!(!fault.hint.is_empty() && fault.at.end <= text.len(), "{text}: {fault:?}");
    }
}

#[test]
fn ids_that_point_nowhere_are_refused_with_the_nearest() {
    for (text, message, hint) in [
        ("nvda.retrun > 0", "no figure `nvda.retrun`", "`nvda.return`"),
        ("1 < 2 or nvda.retrun > 0", "no figure", "nearest"),
        (r#"has("gonee")"#, "no figure `gonee`", "`gone`"),
        (r#"known("knwon")"#, "no fact `knwon`", "`known`"),
        (r#"ready("sumary")"#, "no section `sumary`", "`summary`"),
        ("guide-consensus > 0", "no figure `guide-consensus`", "space on both sides"),
        (".hy-week > 0", "belongs to a section", "full id"),
        ("ready()", "no section", "nearest"),
    ] {
        let fault = judge(text).expect_err(text);
        assert!(fault.message.contains(message) && fault.hint.contains(hint), "{text}: {fault:?}");
    }
}

#[test]
fn an_id_with_a_dot_before_it_belongs_to_the_section_that_asks() {
    let judged =
        with(Some("a"), |scope| Expr::parse(".hy-week > 0.003 and has(\".hy-week\")").unwrap().judge(scope));
    assert_eq!(judged.unwrap().truth, Answer::Is(true));
    let own = with(Some("quiet"), |scope| Expr::parse("ready()").unwrap().judge(scope)).unwrap();
    assert_eq!(own.truth, Answer::Is(false));
}

#[test]
fn text_that_is_no_expression_is_refused_at_its_place() {
    for (text, place) in [
        ("", ""),
        ("fig(\"a\") <", ""),
        ("fig(\"a\") = 1", "="),
        ("a < b < c", "<"),
        ("fig(a) < 1", "a"),
        ("fig(\"a\"", ""),
        ("fig(\"a) < 1", "\"a) < 1"),
        ("foo(\"a\") < 1", "foo"),
        ("fig(\"a\").q < 1", ".q"),
        ("fig(\"a\") | round < 1", "round"),
        ("abs(1, 2) < 1", "abs"),
        ("1.2.3 < 1", "1.2.3"),
        ("3x < 1", "3"),
        ("a < 5 %", "%"),
        ("é < 1", "é"),
        ("\"soon\" < day0", "\"soon\""),
        ("(a < 1", ""),
        ("a < 1)", ")"),
    ] {
        let fault = Expr::parse(text).expect_err(text);
        assert_eq!(&text[fault.at.clone()], place, "{text}: {fault:?}");
    }
    assert!(Expr::parse(&format!("{}1{}", "(".repeat(5000), ")".repeat(5000))).is_err());
    assert!(Expr::parse(&format!("{}true", "not ".repeat(5000))).is_err());
}

/// Every condition that ships can be read: loading refuses one that cannot.
#[test]
fn shipped_conditions_are_read() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    crate::config::HouseClaims::load(&root.join("config/claims.yaml")).unwrap();
    let folders = std::fs::read_dir(root.join("reports")).unwrap();
    let reports = folders.map(|folder| crate::config::Report::load(&folder.unwrap().path()).unwrap());
    let conditions: Vec<String> = reports.flat_map(|report| report.claims).map(|claim| claim.when).collect();
    assert!(conditions.len() > 5);
    for when in conditions {
        let condition = Expr::parse(&when).unwrap();
        assert!(condition.is_condition() && !condition.figures().is_empty(), "{when}");
    }
}

#[test]
fn a_share_of_specifications_and_a_range_are_figures_of_their_own() {
    let mut findings = findings();
    for (id, value, unit) in [
        ("claim.fell.robust", 0.75, Unit::Ratio),
        ("claim.fell.robust.holds", 6.0, Unit::Count),
        ("range.nvda.return.least", -0.2, Unit::Ratio),
        ("range.nvda.return.greatest", -0.04, Unit::Ratio),
    ] {
        findings.add(Figure::new(id, value, unit, "test", DAY).n(8));
    }
    let empty = BTreeSet::new();
    let names = Names { findings: &findings, facts: &empty, sections: &empty, shown: &empty, within: None };
    let truth = |text: &str| Expr::parse(text).unwrap().judge(&names).unwrap().truth;
    assert_eq!(truth("robust(\"fell\") >= 0.75 and robust(\"fell\").holds == 6"), Answer::Is(true));
    assert_eq!(truth("robust(\"fell\").n == 8"), Answer::Is(true));
    assert_eq!(truth("range(\"nvda.return\").greatest < 0"), Answer::Is(true));
    assert_eq!(truth("range(\"nvda.return\").least < -0.3"), Answer::Is(false));
    // A range is two numbers, and a claim that was not tried has no share.
    assert!(Expr::parse("range(\"nvda.return\") < 0").unwrap_err().hint.contains("least"));
    assert!(Expr::parse("range(\"nvda.return\").most < 0").unwrap_err().message.contains("most"));
    let unknown = Expr::parse("robust(\"rose\") > 0").unwrap().judge(&names).unwrap_err();
    assert!(unknown.message.contains("claim.rose.robust"), "{unknown}");
}
