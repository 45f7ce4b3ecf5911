//! How long whole-market studies take, beside a matrix product and a memory copy of the same run.
//!
//! `cargo bench -p shockbrief-analytics`. A plain program rather than a harness: every line relates the
//! work of a case, in floating-point operations or bytes, to what the two yardsticks reach on this
//! machine minutes earlier. The counts are the least a case needs, not what it does. Best of several runs.

use faer::Mat;
use jiff::civil::{Date, date};
use shockbrief_analytics::event_study::size::{SizeDesign, size_table};
use shockbrief_analytics::event_study::{
    FirmEvent, Model, Spec, bootstrap, cross_section::CrossSection, fit, placebo, tests,
};
use shockbrief_analytics::garch;
use shockbrief_analytics::rng::Stream;
use std::hint::black_box;
use std::sync::Arc;

const SESSIONS: usize = 2_500;
const ESTIMATION: usize = 250;

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn best<T>(runs: usize, mut work: impl FnMut() -> T) -> f64 {
    let time = |_| {
        let start = std::time::Instant::now();
        black_box(work());
        start.elapsed().as_secs_f64()
    };
    (0..runs).map(time).fold(f64::INFINITY, f64::min)
}

#[expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
fn line(name: &str, seconds: f64, operations: f64, bytes: f64, yard: (f64, f64)) {
    let (flops, rate) = (operations / seconds, bytes / seconds);
    println!(
        "{name:<44} {:>9.1} ms  {:>8.2} GFlop ({:>5.1}% of product)  {:>8.1} MB ({:>5.1}% of copy)",
        seconds * 1e3,
        operations / 1e9,
        100.0 * flops / yard.0,
        bytes / 1e6,
        100.0 * rate / yard.1
    );
}

/// Operations and bytes per second of a square product and a large copy.
fn yardsticks() -> (f64, f64) {
    let n = 1_500;
    let mut stream = Stream::new(1);
    let a = Mat::from_fn(n, n, |_, _| stream.normal());
    let product = best(5, || &a * &a);
    let source = vec![1.0_f64; 8_000_000];
    let mut target = vec![0.0_f64; source.len()];
    let copy = best(7, || {
        target.copy_from_slice(black_box(&source));
        target[source.len() - 1]
    });
    let operations = 2.0 * (n as f64).powi(3);
    let bytes = 2.0 * 8.0 * source.len() as f64;
    let none = (operations / product, bytes / copy);
    line("yardstick: 1500 x 1500 matrix product", product, operations, 3.0 * 8.0 * (n * n) as f64, none);
    line("yardstick: copy of 64 MB", copy, 0.0, bytes, none);
    none
}

fn sessions() -> Arc<[Date]> {
    let first = date(2010, 1, 1);
    let day = |k: usize| first.checked_add(jiff::Span::new().days(k as i64)).unwrap_or(first);
    (0..SESSIONS).map(day).collect()
}

/// One event per firm at `rows(i)`, on a shared calendar and market.
fn firms(count: usize, rows: impl Fn(usize) -> usize) -> Vec<FirmEvent> {
    let dates = sessions();
    let mut stream = Stream::new(2);
    let market: Arc<[Option<f64>]> = (0..SESSIONS).map(|_| Some(0.01 * stream.normal())).collect();
    let common: Vec<f64> = (0..SESSIONS).map(|_| 0.01 * stream.normal()).collect();
    let firm = |i: usize| {
        let mut own = Stream::child(3, i as u64);
        let row = |t: usize| market[t].map(|m| 1.1 * m + 0.5 * common[t] + 0.015 * own.normal());
        let returns: Vec<Option<f64>> = (0..SESSIONS).map(row).collect();
        FirmEvent::new(format!("F{i}"), dates.clone(), returns, rows(i)).with_regressors(vec![market.clone()])
    };
    (0..count).map(firm).collect()
}

fn spec() -> Spec {
    Spec {
        estimation: [-(ESTIMATION as i32) - 10, -11],
        window: [-10, 10],
        min_observations: 60,
        model: Model::MarketModel,
    }
}

fn study(name: &str, firms: &[FirmEvent], yard: (f64, f64)) {
    let (n, m) = (firms.len() as f64, ESTIMATION as f64);
    let seconds = best(3, || {
        let study = fit(firms, &spec()).ok()?;
        tests(&study, [-10, 10]).ok()
    });
    // Pairwise products of residuals over half the square, least squares on two columns, 271 rows read.
    line(name, seconds, n * n * m + 8.0 * n * m, n * (m + 21.0) * 8.0 * 2.0, yard);
}

fn resampling(yard: (f64, f64)) {
    let firms = firms(27, |_| 2_000);
    let Ok(study) = fit(&firms, &spec()) else { return };
    let Ok(section) = CrossSection::new(&study, [0, 0]) else { return };
    let draws = 2_000;
    let seconds = best(3, || {
        let scheme = bootstrap::Scheme::Stationary { block: 5.0 };
        (placebo::placebo(&section).is_ok(), bootstrap::bootstrap(&section, scheme, draws, 1).is_ok())
    });
    let cells = (draws * 27 * ESTIMATION) as f64;
    line("(c) placebo and 2,000 draws, 27 names", seconds, 8.0 * cells, 8.0 * cells, yard);
}

fn volatility(yard: (f64, f64)) {
    let law = garch::Variance { omega: 2e-6, alpha: 0.08, beta: 0.9, nu: None };
    let series = |i: usize| -> Vec<f64> {
        let mut stream = Stream::child(4, i as u64);
        let (mut h, mut square) = (law.unconditional(), law.unconditional());
        let mut draw = || {
            h = law.next(square, h);
            let e = h.sqrt() * stream.normal();
            square = e * e;
            e
        };
        (0..1_000).map(|_| draw()).collect()
    };
    let all: Vec<Vec<f64>> = (0..500).map(series).collect();
    let mut fitted = 0;
    let seconds = best(3, || {
        fitted = all.iter().filter(|r| garch::fit(r, garch::Law::Normal).is_ok()).count();
    });
    // About 30 gradients of 50 operations and 6 Hessians of 200 per observation.
    let operations = 500.0 * 1_000.0 * (30.0 * 50.0 + 6.0 * 200.0);
    line(&format!("(d) GARCH, 500 series of 1,000 ({fitted} interior)"), seconds, operations, 4e6, yard);
}

/// The size table of a brief's own panel.
fn size(yard: (f64, f64)) {
    let (n, m) = (27, 120);
    let design = SizeDesign { m, ..SizeDesign::null(n, 0.12) };
    let seconds = best(3, || size_table(&design).is_ok());
    let cells = (design.replications * n * m) as f64;
    // Two columns of least squares, the half square of pairwise products, and one draw per cell.
    line("(e) size table, 2,000 replications, 27 names", seconds, (8.0 + 27.0) * cells, 16.0 * cells, yard);
}

fn main() {
    let yard = yardsticks();
    study("(a) 5,000 firms, one date, r-bar and all tests", &firms(5_000, |_| 2_000), yard);
    study("(a') 5,000 firms, 400 dates", &firms(5_000, |i| 400 + 5 * (i % 400)), yard);
    study("(b) 500 firms, 500 dates", &firms(500, |i| 300 + 4 * i), yard);
    resampling(yard);
    volatility(yard);
    size(yard);
}
