//! Event-study benches with two yardsticks measured in the same run: a plain
//! matrix product and a memory copy.
//!
//! * `market`: 5,000 firms, one event each on one date, estimation 250,
//!   window 21, market model, all tests by day and for the whole window. Work
//!   per fit is about 4pM flops for the projections plus a sort of M + L
//!   ranks: 5,000 x (4·2·250 + 271 log₂ 271 · 2) ≈ 32 Mflop; r̄ is one pass,
//!   3·N·M ≈ 4 Mflop; each window re-ranks one point per firm, N·M ≈ 1.4 M
//!   comparisons. Bytes: 5,000 x 271 x 16 ≈ 22 MB read, as much written.
//! * `market_missing`: the same with holes, so that r̄ takes six masked
//!   products, 6·N²·M/2·2 ≈ 38 Gflop.
//! * `dates`: 500 firms on each of 500 event dates, fitted and tested on day 0.
//! * `placebo_bootstrap`: placebo and 2,000 draws for 27 names,
//!   2,000 x 27 x 4pM ≈ 108 Mflop.

use divan::{Bencher, black_box};
use faer::Mat;
use jiff::ToSpan;
use jiff::civil::{Date, date};
use shockbrief_analytics::calibration::{moved, over_days};
use shockbrief_analytics::event_study::bootstrap::{Scheme, bootstrap};
use shockbrief_analytics::event_study::cross_section::CrossSection;
use shockbrief_analytics::event_study::placebo::placebo;
use shockbrief_analytics::event_study::{FirmEvent, Model, Spec, fit, statistics, tests};
use shockbrief_analytics::rng::Stream;
use std::sync::Arc;

fn main() {
    divan::main();
}

fn spec() -> Spec {
    Spec { estimation: [-260, -11], window: [-10, 10], min_observations: 60, model: Model::MarketModel }
}

/// `n` firms over `rows` sessions with the event `after` rows before the end.
fn panel(n: usize, rows: usize, after: usize, gaps: f64) -> Vec<FirmEvent> {
    let mut s = Stream::new(1);
    let start = date(2015, 1, 1);
    let dates: Arc<[Date]> = (0..rows as i64).map(|k| start.saturating_add(k.days())).collect();
    let market: Arc<[Option<f64>]> = (0..rows).map(|_| Some(0.01 * s.normal())).collect();
    let common: Vec<f64> = (0..rows).map(|_| 0.01 * s.normal()).collect();
    (0..n)
        .map(|i| {
            let returns: Vec<_> = (0..rows)
                .map(|t| {
                    let m = market[t].unwrap_or(0.0);
                    let r = m + common[t] + 0.02 * s.normal();
                    (gaps == 0.0 || s.uniform() >= gaps).then_some(r)
                })
                .collect();
            FirmEvent::new(format!("{i}"), Arc::clone(&dates), returns, rows - after)
                .with_regressors(vec![Arc::clone(&market)])
        })
        .collect()
}

fn everything(firms: &[FirmEvent]) -> usize {
    let Ok(study) = fit(firms, &spec()) else {
        return 0;
    };
    let days = (-10..=10).map(|d| [d, d]).chain([[-10, 10]]);
    days.filter_map(|w| tests(&study, w).ok()).map(|t| t.values.len()).sum()
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn market(bencher: Bencher<'_, '_>) {
    let firms = panel(5_000, 2_500, 50, 0.0);
    bencher.bench_local(|| everything(black_box(&firms)));
}

#[divan::bench(sample_count = 2, sample_size = 1)]
fn market_missing(bencher: Bencher<'_, '_>) {
    let firms = panel(5_000, 2_500, 50, 0.01);
    bencher.bench_local(|| everything(black_box(&firms)));
}

#[divan::bench(sample_count = 2, sample_size = 1)]
fn dates(bencher: Bencher<'_, '_>) {
    let firms = panel(500, 2_500, 50, 0.0);
    bencher.bench_local(|| {
        let days: Vec<usize> = (0..500).map(|k| 300 + 4 * k).collect();
        let one = |row: usize| {
            let at = moved(&firms, &spec(), row).ok()?;
            tests(&fit(&at, &spec()).ok()?, [0, 0]).ok()
        };
        over_days(&days, one).iter().flatten().count()
    });
}

/// The same for the adjusted BMP test alone, as calibration asks for it.
#[divan::bench(sample_count = 2, sample_size = 1)]
fn dates_headline(bencher: Bencher<'_, '_>) {
    let firms = panel(500, 2_500, 50, 0.0);
    bencher.bench_local(|| {
        let days: Vec<usize> = (0..500).map(|k| 300 + 4 * k).collect();
        let one = |row: usize| {
            let at = moved(&firms, &spec(), row).ok()?;
            statistics(&fit(&at, &spec()).ok()?, [0, 0], &["kp_adj_bmp_t"]).ok()
        };
        over_days(&days, one).iter().flatten().count()
    });
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn placebo_bootstrap(bencher: Bencher<'_, '_>) {
    let firms = panel(27, 400, 50, 0.0);
    let study = fit(&firms, &spec());
    bencher.bench_local(|| {
        let Ok(study) = &study else { return 0.0 };
        let Ok(c) = CrossSection::new(study, [0, 2]) else {
            return 0.0;
        };
        let drawn = bootstrap(&c, Scheme::Stationary { block: 5.0 }, 2_000, 7);
        placebo(&c).map_or(0.0, |p| p.p) + drawn.map_or(0.0, |b| b.p)
    });
}

/// Yardstick: 2·1024³ ≈ 2.1 Gflop.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn yardstick_matrix_product(bencher: Bencher<'_, '_>) {
    let a = Mat::from_fn(1_024, 1_024, |i, j| (i + j) as f64);
    bencher.bench_local(|| black_box(&a) * black_box(&a));
}

/// Yardstick: 128 MB read and 128 MB written.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn yardstick_memory_copy(bencher: Bencher<'_, '_>) {
    let from = vec![1.0_f64; 16 << 20];
    let mut to = vec![0.0_f64; 16 << 20];
    bencher.bench_local(|| black_box(&mut to).copy_from_slice(black_box(&from)));
}
