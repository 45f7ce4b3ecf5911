//! The section on other normal returns: its figures beside the study's own, what it cannot compute, what it refuses, and what page one
//! makes of it.

#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test fails by panicking; a copied number is compared whole"
)]

use serde_json::Value;
use shockbrief_tests::{copy_folder, real_data, root, sample, shockbrief, succeeded};
use std::path::Path;

const REPORT: &str = "2025-01-deepseek";

fn checked(report: &Path, data: &Path) -> Value {
    let mut check = shockbrief(["check", "--json"]);
    let config = root().join("config");
    let run = check.arg(report).arg("--data").arg(data).arg("--config").arg(config).output().unwrap();
    succeeded(&run);
    serde_json::from_slice(&run.stdout).unwrap()
}

fn value(brief: &Value, id: &str) -> Option<f64> {
    brief["findings"]["figures"][id]["value"].as_f64()
}

/// The specification `market` is the study itself, computed a second time; what the reconstruction has no data for says so.
#[test]
fn the_market_model_is_the_study_and_what_lacks_data_says_why() {
    let brief = checked(&root().join("reports").join(REPORT), &sample());
    for id in
        ["nvda.ar.w0_0", "sample.mean", "theme.compute.ar.w0_0", "theme.software.p_holm.w0_0", "sample.r_bar"]
    {
        let (own, again) = (value(&brief, id).unwrap(), value(&brief, &format!("spec.market.{id}")).unwrap());
        assert!((own - again).abs() < 1e-12, "{id}: {own} {again}");
    }
    for specification in ["purged", "factors", "latent5", "synthetic"] {
        let figure = &brief["findings"]["figures"][format!("spec.{specification}.nvda.ar.w0_0")];
        assert!(
            figure["value"].is_null() && !figure["reason"].as_str().unwrap().is_empty(),
            "{specification}"
        );
    }
    // A range covers what has a value: here the market model and the peers.
    let (least, greatest) = ("range.nvda.ar.w0_0.least", "range.nvda.ar.w0_0.greatest");
    let values = ["market", "peers"].map(|s| value(&brief, &format!("spec.{s}.nvda.ar.w0_0")).unwrap());
    assert_eq!(value(&brief, least).unwrap(), values[0].min(values[1]));
    assert_eq!(value(&brief, greatest).unwrap(), values[0].max(values[1]));
    assert_eq!(brief["findings"]["figures"][least]["n"].as_u64(), Some(2));
}

/// A report whose section is given these parameters.
fn told(parameters: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("trial");
    copy_folder(&root().join("reports").join(REPORT), &report);
    let path = report.join("report.yaml");
    let text = fs_err::read_to_string(&path).unwrap();
    let own = format!("{{use: robustness, with: {parameters}}}, method]");
    assert!(text.contains("robustness, method]"));
    fs_err::write(&path, text.replace("robustness, method]", &own)).unwrap();
    let mut check = shockbrief(["check"]);
    let run = check.arg(&report).arg("--data").arg(sample()).current_dir(root()).output().unwrap();
    String::from_utf8_lossy(&run.stderr).into_owned()
}

#[test]
fn parameters_without_sense_are_refused() {
    for (parameters, what) in [
        ("{specifications: [market, market]}", "`market` stands twice"),
        ("{specifications: [purged], headline: market}", "`headline: market` is none of `specifications`"),
        ("{specifications: [markets]}", "markets"),
        ("{headlines: market}", "headlines"),
    ] {
        let said = told(parameters);
        assert!(said.contains(what) && said.contains("section `robustness`"), "{parameters}: {said}");
    }
}

#[test]
#[ignore = "needs real market data: set SHOCKBRIEF_DATA"]
fn page_one_says_in_how_many_specifications_a_finding_holds() {
    let brief = checked(&root().join("reports").join(REPORT), &real_data());
    // Against the rest of the market the specification and the second benchmark of the study are one computation.
    for id in ["theme.software", "theme.power"] {
        let own = value(&brief, &format!("{id}.rest.ar.w0_0")).unwrap();
        let again = value(&brief, &format!("spec.purged.{id}.ar.w0_0")).unwrap();
        assert!((own - again).abs() < 1e-12, "{id}: {own} {again}");
    }
    // Counted by hand from the figures of each specification: chips and power below zero and below one in a hundred after Holm.
    let names = [
        "market",
        "purged",
        "factors",
        "peers",
        "latent3",
        "latent5",
        "latent10",
        "synthetic",
        "synthetic_clean",
    ];
    let of = |s: &str, id: &str| value(&brief, &format!("spec.{s}.{id}.w0_0"));
    let holds = |s: &&str| -> Option<bool> {
        let theme = |id: &str| {
            Some(of(s, &format!("theme.{id}.ar"))? < 0.0 && of(s, &format!("theme.{id}.p_holm"))? < 0.01)
        };
        Some(theme("compute")? && theme("power")?)
    };
    let judged: Vec<bool> = names.iter().filter_map(holds).collect();
    let held = judged.iter().filter(|holds| **holds).count();
    assert_eq!(value(&brief, "claim.beyond-ordinary.robust.holds"), Some(held as f64));
    assert_eq!(value(&brief, "claim.beyond-ordinary.robust.of"), Some(judged.len() as f64));
    assert!(judged.len() == 8 && held < 8, "{held} of {}", judged.len());
    let software: Vec<f64> = names.iter().filter_map(|s| of(s, "theme.software.ar")).collect();
    assert_eq!(
        value(&brief, "range.theme.software.ar.w0_0.least"),
        software.iter().copied().reduce(f64::min)
    );
    let summary = brief["claims"].as_array().unwrap().iter().find(|c| c["id"] == "beyond-ordinary").unwrap();
    assert_eq!(summary["verdict"], "passed");
}
