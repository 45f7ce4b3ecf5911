//! Synthetic matching against a public package's data and results.
//!
//! The folder is `SHOCKBRIEF_REFERENCE`. φ with the package's own σ, |Σe|/√n, guards weights and abnormal
//! returns; φ with the root mean square is what the crate computes.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use serde_json::Value;
use shockbrief_analytics::synthetic::{Match, Pool, phi};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    let root = std::env::var_os("SHOCKBRIEF_REFERENCE").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference"),
        PathBuf::from,
    );
    root.join("11_synthetic_match")
}

#[expect(clippy::disallowed_methods, reason = "tests read fixtures")]
fn text(name: &str) -> String {
    let path = folder().join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

type Columns = BTreeMap<String, Vec<Option<f64>>>;

/// Row labels and columns of `returns.csv`.
fn returns() -> (Vec<String>, Columns) {
    let text = text("returns.csv");
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').skip(1).collect();
    let mut columns: Columns = names.iter().map(|n| ((*n).to_owned(), Vec::new())).collect();
    let mut rows = Vec::new();
    for line in lines {
        let mut cells = line.split(',');
        rows.push(cells.next().unwrap().to_owned());
        for (name, cell) in names.iter().zip(cells) {
            columns.get_mut(*name).unwrap().push(cell.parse().ok());
        }
    }
    (rows, columns)
}

/// One unit: its match and its abnormal returns on the window.
fn unit(columns: &Columns, donors: &[&str], name: &str, event: usize) -> (Match, Vec<f64>) {
    let all = &columns[name];
    let estimation: Vec<usize> = (event - 100..event).filter(|row| all[*row].is_some()).collect();
    let window: Vec<usize> = (event..=event + 5).collect();
    let views: Vec<&[Option<f64>]> = donors.iter().map(|d| columns[*d].as_slice()).collect();
    let pool = Pool::new(&views, &estimation, &window, 5).unwrap();
    let own: Vec<f64> = estimation.iter().map(|row| all[*row].unwrap()).collect();
    let found = pool.matched(&own).unwrap();
    let ar = |row: &usize| {
        let pairs = found.donors.iter().zip(&found.weights);
        all[*row].unwrap() - pairs.map(|(d, w)| w * views[*d][*row].unwrap()).sum::<f64>()
    };
    let ars = window.iter().map(ar).collect();
    (found, ars)
}

#[test]
#[ignore = "needs the reference vectors: set SHOCKBRIEF_REFERENCE"]
fn phi_of_the_package() {
    let expected: Value = serde_json::from_str(&text("expected.json")).unwrap();
    let (rows, columns) = returns();
    let donors = text("donors.txt");
    let donors: Vec<&str> = donors.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    let mut own = vec![Vec::new(); 6];
    let mut package = vec![Vec::new(); 6];
    let firms = expected["firms_rms_sigma"].as_array().unwrap();
    for (line, want) in text("events.csv").lines().skip(1).zip(firms) {
        let (name, date) = line.split_once(',').unwrap();
        let event = rows.iter().position(|row| row == date.trim()).unwrap();
        let (found, ars) = unit(&columns, &donors, name, event);
        let number = |key: &str| want[key].as_f64().unwrap();
        assert!((found.rmse - number("sigma")).abs() < 1e-7, "{name}");
        assert!((found.largest - number("largest_weight")).abs() < 1e-6, "{name}: {}", found.largest);
        assert_eq!(found.donors.len() as f64, number("nonzero_weights"), "{name}");
        for (have, want) in ars.iter().zip(want["ar"].as_array().unwrap()) {
            assert!((have - want.as_f64().unwrap()).abs() < 1e-7, "{name}: {have} {want}");
        }
        let slip = found.errors.iter().sum::<f64>().abs() / (found.errors.len() as f64).sqrt();
        let mut car = 0.0;
        for (day, ar) in ars.iter().enumerate() {
            car += ar;
            own[day].push((car, found.rmse));
            package[day].push((car, slip));
        }
    }
    for (key, all) in [("phi_rms_sigma", own), ("phi_package_sigma", package)] {
        for (day, matched) in all.iter().enumerate() {
            let want = expected[key][day].as_f64().unwrap();
            let have = phi(matched).unwrap();
            assert!((have - want).abs() < 1e-7 * want.abs().max(1.0), "{key} {day}: {have} {want}");
        }
    }
}
