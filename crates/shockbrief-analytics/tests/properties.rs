//! Relations that hold whatever the data: shift, scale, permutation, the
//! identity of portfolio and multivariate regression, size under clustering.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use jiff::ToSpan;
use jiff::civil::{Date, date};
use proptest::prelude::*;
use shockbrief_analytics::event_study::mvrm::mvrm;
use shockbrief_analytics::event_study::portfolio::{long_short, portfolio};
use shockbrief_analytics::event_study::size::{Law, Rate, SizeDesign, size_table};
use shockbrief_analytics::event_study::{FirmEvent, Model, Spec, Study, fit, statistics, tests};
use shockbrief_analytics::reason::Missing;
use shockbrief_analytics::rng::Stream;
use std::sync::Arc;

const ROWS: usize = 90;

fn dates() -> Arc<[Date]> {
    let start = date(2024, 1, 1);
    (0..ROWS as i64).map(|k| start.saturating_add(k.days())).collect()
}

fn spec(model: Model) -> Spec {
    Spec { estimation: [-80, -6], window: [-2, 4], min_observations: 30, model }
}

/// Firms with a common market and a common residual factor; `gaps` of the
/// returns are missing.
fn firms(seed: u64, n: usize, gaps: f64) -> Vec<FirmEvent> {
    let mut s = Stream::new(seed);
    let market: Vec<f64> = (0..ROWS).map(|_| 0.01 * s.normal()).collect();
    let common: Vec<f64> = (0..ROWS).map(|_| 0.01 * s.normal()).collect();
    let column: Arc<[Option<f64>]> = market.iter().copied().map(Some).collect();
    let dates = dates();
    (0..n)
        .map(|i| {
            let beta = 0.5 + s.uniform();
            let returns: Vec<_> = (0..ROWS)
                .map(|t| {
                    let r = beta * market[t] + common[t] + 0.015 * s.normal();
                    (s.uniform() >= gaps).then_some(r)
                })
                .collect();
            FirmEvent::new(format!("F{i}"), Arc::clone(&dates), returns, 82)
                .with_regressors(vec![Arc::clone(&column)])
        })
        .collect()
}

fn study(firms: &[FirmEvent], model: Model) -> Study {
    fit(firms, &spec(model)).unwrap()
}

fn close(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * a.abs().max(b.abs()).max(1e-6)
}

/// Every statistic of two studies agrees.
fn same_tests(a: &Study, b: &Study, tolerance: f64) -> Result<(), TestCaseError> {
    for window in [[0, 0], [-2, 4]] {
        let (x, y) = (tests(a, window).unwrap(), tests(b, window).unwrap());
        for ((key, u), (_, v)) in x.values.iter().zip(&y.values) {
            match (u, v) {
                (Ok(u), Ok(v)) => {
                    let scale = matches!(*key, "cda_s");
                    let equal = scale || close(u.value, v.value, tolerance);
                    prop_assert!(equal, "{key}: {} and {}", u.value, v.value);
                }
                (u, v) => prop_assert_eq!(u.is_ok(), v.is_ok(), "{}", key),
            }
        }
    }
    Ok(())
}

fn transformed(firms: &[FirmEvent], f: impl Fn(f64) -> f64) -> Vec<FirmEvent> {
    firms
        .iter()
        .map(|firm| FirmEvent { returns: firm.returns.iter().map(|r| r.map(&f)).collect(), ..firm.clone() })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_constant_added_to_returns_changes_no_test(
        seed in 0_u64..1_000, shift in -0.05_f64..0.05, gaps in 0.0_f64..0.1,
    ) {
        let plain = firms(seed, 6, gaps);
        let moved = transformed(&plain, |r| r + shift);
        for model in [Model::MeanAdjusted, Model::MarketModel, Model::ScholesWilliams] {
            same_tests(&study(&plain, model), &study(&moved, model), 1e-7)?;
        }
    }

    #[test]
    fn the_unit_of_returns_changes_no_test(
        seed in 0_u64..1_000, power in -3_i32..4, gaps in 0.0_f64..0.1,
    ) {
        let plain = firms(seed, 6, gaps);
        let scaled = transformed(&plain, |r| r * 2.0_f64.powi(power));
        same_tests(&study(&plain, Model::MarketModel), &study(&scaled, Model::MarketModel), 1e-9)?;
    }

    #[test]
    fn the_order_of_firms_changes_no_test(seed in 0_u64..1_000, gaps in 0.0_f64..0.1) {
        let plain = firms(seed, 7, gaps);
        let mut turned = plain.clone();
        turned.rotate_left(3);
        turned.swap(0, 5);
        same_tests(&study(&plain, Model::MarketModel), &study(&turned, Model::MarketModel), 1e-9)?;
    }

    #[test]
    fn portfolio_t_is_the_mean_gamma_t(seed in 0_u64..1_000, from in -2_i32..2, length in 0_i32..3) {
        let window = [from, from + length];
        let all = firms(seed, 5, 0.0);
        let spec = spec(Model::MarketModel);
        let joint = mvrm(&all, &spec, window).unwrap();
        let refs: Vec<&FirmEvent> = all.iter().collect();
        let whole = portfolio("all", &refs, None).unwrap();
        let t = fit(&[whole], &spec).unwrap().firms[0].car(window).unwrap();
        prop_assert!(close(t.t, joint.t_mean.value, 1e-9));
        prop_assert!(close(t.car, joint.mean_gamma, 1e-9));
        prop_assert_eq!(t.df, joint.df);
    }

    #[test]
    fn long_short_is_antisymmetric(seed in 0_u64..1_000) {
        let all = firms(seed, 6, 0.05);
        let (a, b): (Vec<&FirmEvent>, Vec<&FirmEvent>) = (all[..3].iter().collect(), all[3..].iter().collect());
        let (a, b) = (portfolio("a", &a, None).unwrap(), portfolio("b", &b, None).unwrap());
        let t = |x: &FirmEvent, y: &FirmEvent| {
            let event = long_short("d", x, y).unwrap();
            fit(&[event], &spec(Model::MarketModel)).unwrap().firms[0].car([0, 1]).unwrap().t
        };
        prop_assert!(close(t(&a, &b), -t(&b, &a), 1e-9));
    }

    #[test]
    fn one_day_scar_is_sar(seed in 0_u64..1_000, gaps in 0.0_f64..0.2) {
        for f in &study(&firms(seed, 3, gaps), Model::MarketModel).firms {
            for day in &f.event {
                prop_assert!(close(f.car([day.day, day.day]).unwrap().t, day.sar, 1e-12));
            }
        }
    }

    /// Masked block products and the pairwise definition agree.
    #[test]
    fn mean_correlation_is_that_of_the_pairs(seed in 0_u64..1_000, gaps in 0.0_f64..0.3) {
        let s = study(&firms(seed, 5, gaps), Model::MarketModel);
        let (mut sum, mut pairs) = (0.0, 0.0);
        for (i, a) in s.firms.iter().enumerate() {
            for b in &s.firms[..i] {
                let (mut x, mut y) = (Vec::new(), Vec::new());
                for (d, e) in a.estimation.dates.iter().zip(&a.residuals) {
                    if let Ok(k) = b.estimation.dates.binary_search(d) {
                        x.push(*e);
                        y.push(b.residuals[k]);
                    }
                }
                sum += shockbrief_analytics::moments::correlation(&x, &y).unwrap();
                pairs += 1.0;
            }
        }
        let found = shockbrief_analytics::event_study::dependence::mean_correlation(&s).unwrap();
        prop_assert!(close(found, sum / pairs, 1e-10));
    }
}

#[test]
fn headline_tests_keep_their_size_on_one_date_and_naive_ones_do_not() {
    let design = SizeDesign { replications: 600, ..SizeDesign::null(25, 0.25) };
    let table = size_table(&design).unwrap();
    let rate = |key: &str| table.iter().find(|r| r.key == key).unwrap().rate;
    for key in ["kp_adj_bmp_t", "portfolio_t", "placebo_p"] {
        assert!((0.02..0.09).contains(&rate(key)), "{key}: {}", rate(key));
    }
    for key in ["csect_t", "patell_z", "bmp_t", "gsign_z", "grank_z"] {
        assert!(rate(key) > 0.3, "{key}: {}", rate(key));
    }
    assert_eq!(table, size_table(&design).unwrap(), "a seed fixes the table");
    // The joint F is exact for normal residuals; heavy tails double its size, as its entry says.
    let normal = SizeDesign { law: Law::Normal, ..design.clone() };
    let joint = |table: &[Rate]| table.iter().find(|r| r.key == "mvrm_f").unwrap().rate;
    let (exact, heavy) = (joint(&size_table(&normal).unwrap()), joint(&table));
    assert!((0.03..0.075).contains(&exact) && (0.075..0.15).contains(&heavy), "{exact} {heavy}");
}

/// Size and power of the headline tests, printed: 25 firms, correlation 0.25, Student residuals with five degrees of freedom.
#[test]
#[ignore = "ten thousand draws take minutes"]
#[expect(clippy::print_stdout, reason = "a table to read")]
fn sizes_and_powers_of_the_headline_tests() {
    for (event_variance, shock) in [(1.0, 0.0), (4.0, 0.0), (1.0, 0.5), (1.0, 1.0)] {
        let design = SizeDesign { event_variance, shock, replications: 10_000, ..SizeDesign::null(25, 0.25) };
        let table = size_table(&design).unwrap();
        let rate = |key: &str| table.iter().find(|r| r.key == key).unwrap().rate;
        let keys = ["kp_adj_bmp_t", "portfolio_t", "placebo_p", "mvrm_f", "grank_t", "bmp_t", "patell_z"];
        let cells: Vec<String> = keys.iter().map(|k| format!("{k} {:.1} %", 100.0 * rate(k))).collect();
        println!("event variance x {event_variance}, shock {shock} sd: {}", cells.join(", "));
        if shock == 0.0 {
            assert!((0.035..0.065).contains(&rate("kp_adj_bmp_t")), "{}", rate("kp_adj_bmp_t"));
        }
    }
}

#[test]
fn firms_that_cannot_be_studied_are_named_with_the_reason() {
    let mut all = firms(1, 5, 0.0);
    Arc::make_mut(&mut all[0].returns)[..60].fill(None);
    Arc::make_mut(&mut all[1].returns).fill(Some(0.0));
    all[2].event_row = ROWS + 5;
    Arc::make_mut(&mut all[3].returns)[70] = Some(f64::INFINITY);
    Arc::make_mut(&mut all[4].returns)[80..].fill(None);
    let s = study(&all, Model::MarketModel);
    let reasons: Vec<String> = s.dropped.iter().map(|d| d.reason.to_string()).collect();
    assert_eq!(
        reasons,
        [
            "17 of 30 estimation days",
            "the estimation residual does not vary",
            "the event lies outside the sample",
            "a return or regressor is not valid",
            "no valid return in the event window",
        ]
    );
    assert_eq!(tests(&s, [0, 0]), Err(Missing::NoFirms));
}

#[test]
fn some_statistics_are_those_of_all_tests() {
    let s = study(&firms(8, 6, 0.02), Model::MarketModel);
    let all = tests(&s, [0, 1]).unwrap();
    let keys = ["kp_adj_bmp_t", "grank_t", "sign_z", "nonsense"];
    let some = statistics(&s, [0, 1], &keys).unwrap();
    for (key, have) in keys.iter().zip(&some) {
        assert_eq!(*have, all.get(key), "{key}");
    }
    assert_eq!(all.values.len(), 38);
}

#[test]
fn one_firm_has_no_cross_section() {
    let s = study(&firms(3, 1, 0.0), Model::MarketModel);
    let t = tests(&s, [0, 0]).unwrap();
    assert!(matches!(t.get("csect_t"), Err(Missing::TooFew { .. })));
    assert!(matches!(t.get("kp_adj_bmp_t"), Err(Missing::TooFew { .. })));
    assert!(t.get("patell_z").is_ok());
}

mod study_engine {
    use super::*;
    use serde_json::Value;
    use shockbrief_analytics::study::{EventInput, Extra, StudySpec, Table, run};
    use std::collections::BTreeMap;

    /// Cells of any size, mostly plausible.
    fn cell() -> impl Strategy<Value = Option<f64>> {
        prop_oneof![
            12 => (-0.1_f64..0.1).prop_map(Some),
            2 => Just(None),
            1 => Just(Some(0.0)),
            1 => prop_oneof![
                Just(Some(1e308)),
                Just(Some(-1e308)),
                Just(Some(f64::NAN)),
                Just(Some(f64::INFINITY)),
                Just(Some(5e-324)),
            ],
        ]
    }

    fn column(rows: usize, wild: bool) -> BoxedStrategy<Vec<Option<f64>>> {
        if wild {
            prop::collection::vec(cell(), rows).boxed()
        } else {
            let tame = prop_oneof![9 => (-0.1_f64..0.1).prop_map(Some), 1 => Just(None)];
            prop_oneof![
                4 => prop::collection::vec(tame, rows),
                1 => Just(vec![Some(0.01); rows]),
                1 => Just(vec![None; rows]),
            ]
            .boxed()
        }
    }

    fn all_finite(v: &Value) -> bool {
        match v {
            Value::Number(n) => n.as_f64().is_some_and(f64::is_finite),
            Value::Array(a) => a.iter().all(all_finite),
            Value::Object(o) => o.values().all(all_finite),
            _ => true,
        }
    }

    fn inputs(rows: usize, wild: bool) -> impl Strategy<Value = (Vec<Vec<Option<f64>>>, usize)> {
        let columns = prop::collection::vec(column(rows, wild), 5);
        (columns, 0..rows + 2)
    }

    fn spec() -> StudySpec {
        StudySpec {
            estimation: [-30, -3],
            window: [-1, 2],
            windows: vec![[0, 0], [-1, 2]],
            models: vec![
                Model::MeanAdjusted,
                Model::MarketAdjusted,
                Model::MarketModel,
                Model::Capm,
                Model::ScholesWilliams,
            ],
            themes: [
                ("x".to_owned(), vec!["F0".to_owned(), "F1".to_owned()]),
                ("y".to_owned(), vec!["F2".to_owned()]),
            ]
            .into(),
            extras: vec![
                Extra::Portfolio,
                Extra::Mvrm,
                Extra::Placebo,
                Extra::Bootstrap,
                Extra::NonsynchronousBetas,
                Extra::Bhar,
                Extra::Multiplicity,
            ],
            min_observations: 10,
            draws: 20,
            ..StudySpec::default()
        }
    }

    /// Three firms on 45 rows, one event on row 35, and a market.
    fn sound() -> (Table, Table, Vec<EventInput>, StudySpec) {
        let mut s = shockbrief_analytics::rng::Stream::new(12);
        let start = date(2024, 1, 1);
        let dates: Vec<Date> = (0..45).map(|k| start.saturating_add(k.days())).collect();
        let mut column =
            |name: &str| (name.to_owned(), (0..45).map(|_| Some(0.01 * s.normal())).collect::<Vec<_>>());
        let returns = Table { dates: dates.clone(), columns: vec![column("F0"), column("F1"), column("F2")] };
        let factors = Table { dates: dates.clone(), columns: vec![column("mkt"), column("rf")] };
        let events = ["F0", "F1", "F2"].map(|f| EventInput {
            event_id: f.to_owned(),
            firm: f.to_owned(),
            event_date: dates[35],
        });
        (returns, factors, events.into(), spec())
    }

    /// What `change` makes of a sound study is refused with these words.
    fn refused(change: fn(&mut Table, &mut Vec<EventInput>, &mut StudySpec), words: &[&str]) {
        let (mut returns, factors, mut events, mut spec) = sound();
        assert!(run(&returns, &factors, &events, &spec).is_ok());
        change(&mut returns, &mut events, &mut spec);
        let told = run(&returns, &factors, &events, &spec).unwrap_err().to_string();
        assert!(words.iter().all(|word| told.contains(word)), "{told}");
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_name() {
        refused(|_, _, s| s.windows = vec![[0, 9]], &["windows", "[0, 9]", "beyond"]);
        refused(|_, _, s| s.windows = vec![[-3, 0]], &["windows", "[-3, 0]"]);
        refused(|_, _, s| s.windows = vec![[2, 1]], &["windows", "[2, 1]"]);
        refused(
            |_, _, s| s.themes.entry("x".into()).or_default().push("nobody".into()),
            &["`x`", "`nobody`"],
        );
        refused(
            |_, _, s| s.themes.entry("x".into()).or_default().push("F1".into()),
            &["`x`", "twice", "`F1`"],
        );
        refused(|_, _, s| s.long_short = vec![["x".into(), "z".into()]], &["no theme `z`"]);
        refused(|_, _, s| s.long_short = vec![["x".into(), "x".into()]], &["`x`"]);
        refused(|r, _, _| r.columns[1].1[7] = Some(-1.5), &["returns", "`F1`", "2024-01-08", "-1.5"]);
        refused(
            |r, e, _| {
                e.push(EventInput { event_id: "again".into(), firm: "F2".into(), event_date: r.dates[35] })
            },
            &["`F2`", "2024-02-05", "`again`"],
        );
    }

    #[test]
    fn an_event_outside_the_sample_is_never_moved_into_it() {
        let dropped = |change: fn(&mut Table, &mut Vec<EventInput>)| -> Vec<String> {
            let (mut returns, factors, mut events, mut spec) = sound();
            (spec.estimation, spec.themes) = ([4, 30], BTreeMap::new());
            change(&mut returns, &mut events);
            let value = run(&returns, &factors, &events, &spec).unwrap();
            let list = value["models"]["market_model"]["dropped"].as_array().unwrap().clone();
            list.iter()
                .map(|d| format!("{}: {}", d["firm"].as_str().unwrap(), d["reason"].as_str().unwrap()))
                .collect()
        };
        let outside = |firm: &str| format!("{firm}: the event lies outside the sample");
        // Before the table, before a firm's first return, after the table, in a hole of the table.
        assert_eq!(dropped(|_, e| e[0].event_date = date(2020, 1, 1))[0], outside("F0"));
        let late = dropped(|r, e| {
            e.iter_mut().for_each(|e| e.event_date = r.dates[5]);
            r.columns[1].1[..9].fill(None);
        });
        assert_eq!(late, [outside("F1")]);
        assert_eq!(dropped(|_, e| e[2].event_date = date(2030, 1, 1)).last().unwrap(), &outside("F2"));
        let hole = dropped(|r, e| {
            e.iter_mut().for_each(|e| e.event_date = r.dates[8]);
            r.dates[8..].iter_mut().for_each(|d| *d = d.saturating_add(200.days()));
        });
        assert_eq!(hole.len(), 3);
    }

    #[test]
    fn a_firms_other_events_leave_its_estimation() {
        let (returns, factors, mut events, mut spec) = sound();
        (spec.estimation, spec.themes) = ([-30, -3], BTreeMap::new());
        let rows = |events: &[EventInput]| {
            let value = run(&returns, &factors, events, &spec).unwrap();
            let all = &value["models"]["market_model"]["events"];
            ["F0", "F1"].map(|f| all[f]["M"].as_u64().unwrap())
        };
        assert_eq!(rows(&events), [28, 28]);
        // Days -1 to 2 of the earlier event; the firm alone is concerned.
        events.push(EventInput {
            event_id: "early".into(),
            firm: "F0".into(),
            event_date: returns.dates[20],
        });
        assert_eq!(rows(&events), [24, 28]);
    }

    fn study_of(columns: &[Vec<Option<f64>>], rows: usize, at: usize) -> Option<Value> {
        let start = date(2024, 1, 1);
        let dates: Vec<Date> = (0..rows as i64).map(|k| start.saturating_add(k.days())).collect();
        let named = |name: &str, k: usize| (name.to_owned(), columns[k].clone());
        let returns =
            Table { dates: dates.clone(), columns: vec![named("F0", 0), named("F1", 1), named("F2", 2)] };
        let factors = Table { dates, columns: vec![named("mkt", 3), named("rf", 4)] };
        let events: Vec<EventInput> = ["F0", "F1", "F2"]
            .map(|firm| EventInput {
                event_id: firm.to_owned(),
                firm: firm.to_owned(),
                event_date: start.saturating_add((at as i64).days()),
            })
            .into();
        run(&returns, &factors, &events, &spec()).ok()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn no_input_panics_or_prints_a_number_that_is_none(
            (columns, at) in inputs(45, false),
        ) {
            let value = study_of(&columns, 45, at);
            prop_assert!(value.as_ref().is_some_and(all_finite));
            // Every null statistic carries its reason.
            let text = serde_json::to_string(&value).unwrap();
            prop_assert!(!text.contains("NaN") && !text.contains("inf\""));
        }

        #[test]
        fn wild_cells_are_refused_or_reasoned((columns, at) in inputs(45, true)) {
            if let Some(value) = study_of(&columns, 45, at) {
                prop_assert!(all_finite(&value));
            }
        }

        #[test]
        fn short_tables_are_survived((columns, at) in inputs(3, true)) {
            if let Some(value) = study_of(&columns, 3, at) {
                prop_assert!(all_finite(&value));
            }
        }
    }
}
