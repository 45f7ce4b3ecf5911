//! The reconstruction comes out as its parameter file says: the expected values were worked out in closed form
//! from the parameters, not by this program.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::Value;
use shockbrief_sample::Parameters;
use shockbrief_tests::{copy_folder, rendered, root, sample, shockbrief, succeeded};

/// Moves are written to a basis point and prices to eight decimals, so figures agree to about that.
const TOLERANCE: f64 = 1e-6;

fn figure<'a>(brief: &'a Value, id: &str) -> &'a Value {
    let figure = &brief["findings"]["figures"][id];
    assert!(figure.is_object(), "no figure `{id}`");
    figure
}

fn close(brief: &Value, id: &str, expected: f64) {
    let found =
        figure(brief, id)["value"].as_f64().unwrap_or_else(|| panic!("`{id}`: {}", figure(brief, id)));
    let deviation = (found - expected).abs() / expected.abs().max(1e-3);
    assert!(deviation < TOLERANCE, "{id}: found {found}, expected {expected}");
}

/// The brief with its own event alone: the published values have no session of the window left out for another.
fn alone(data: &std::path::Path) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    copy_folder(&root().join("config"), &config);
    let events = fs_err::read_to_string(config.join("events.yaml")).unwrap();
    // The event of the brief, and one of the topic that a section asks for, far before the estimation window.
    let own = |block: &&str| block.starts_with("deepseek-r1:") || block.starts_with("amd-results-2024-01:");
    let kept: Vec<&str> = events.split("\n\n").filter(own).collect();
    fs_err::write(config.join("events.yaml"), kept.join("\n\n")).unwrap();
    let mut check = shockbrief(["check", "reports/2025-01-deepseek", "--json", "--data"]);
    let run = check.arg(data).arg("--config").arg(&config).output().unwrap();
    succeeded(&run);
    serde_json::from_slice(&run.stdout).unwrap()
}

#[test]
fn abnormal_returns_sigma_and_headline_tests_equal_the_published_ones() {
    let parameters = Parameters::load(&root().join("config/sample.yaml")).unwrap();
    let brief = alone(&sample());
    let expected = &parameters.expected;
    for (symbol, value) in &expected.abnormal_return {
        close(&brief, &format!("{}.ar.w0_0", symbol.slug()), *value);
    }
    for (symbol, value) in &expected.sar {
        close(&brief, &format!("{}.sar.w0_0", symbol.slug()), *value);
    }
    close(&brief, "sample.w0_0.caar", expected.mean_abnormal_return);
    close(&brief, "sample.r_bar", expected.mean_residual_correlation);
    close(&brief, "tests.w0_0.bmp_t", expected.bmp_t);
    close(&brief, "tests.w0_0.kp_adj_bmp_t", expected.kp_adj_bmp_t);
    close(&brief, "tests.w0_0.portfolio_t", expected.portfolio_t);
    close(&brief, "tests.w0_0.mvrm_f", expected.mvrm_f);
    let df: Vec<f64> = figure(&brief, "tests.w0_0.mvrm_f")["df"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_f64)
        .collect();
    assert_eq!(df, expected.mvrm_df);
}

#[test]
fn another_seed_gives_other_paths_and_the_same_results() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    succeeded(&shockbrief(["sample", "--seed", "7", "--out"]).arg(&data).output().unwrap());
    assert_ne!(
        fs_err::read(data.join("prices.csv")).unwrap(),
        fs_err::read(sample().join("prices.csv")).unwrap()
    );
    let brief = alone(&data);
    let parameters = Parameters::load(&root().join("config/sample.yaml")).unwrap();
    close(&brief, "tests.w0_0.kp_adj_bmp_t", parameters.expected.kp_adj_bmp_t);
    close(&brief, "tests.w0_0.mvrm_f", parameters.expected.mvrm_f);
}

#[test]
fn a_seed_always_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        succeeded(
            &shockbrief(["sample", "--seed", "11", "--out"]).arg(folder.path().join(name)).output().unwrap(),
        );
    }
    for file in ["prices.csv", "shares.csv"] {
        assert_eq!(
            fs_err::read(folder.path().join("a").join(file)).unwrap(),
            fs_err::read(folder.path().join("b").join(file)).unwrap()
        );
    }
}

#[test]
fn every_page_is_stamped() {
    for language in ["fr", "en"] {
        let text =
            fs_err::read(rendered().join(format!("2025-01-deepseek-2025-01-27.{language}.pdf"))).unwrap();
        let pages = shockbrief_tests::pages(&text);
        let stamp = if language == "fr" { "Reconstitution" } else { "Reconstruction" };
        assert!(!pages.is_empty());
        for (number, page) in pages.iter().enumerate() {
            assert!(page.contains(stamp), "{language}, page {}: no stamp in {page:?}", number + 1);
        }
    }
}
