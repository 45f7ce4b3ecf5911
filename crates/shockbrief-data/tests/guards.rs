//! Each guard: what it lets through, what it repairs, what it refuses.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod desk;

use desk::{Desk, Line, january};
use insta::assert_snapshot;
use jiff::civil::date;

fn january_with(change: impl FnOnce(&mut Vec<Line>)) -> Desk {
    let mut lines = january();
    change(&mut lines);
    Desk::with(&lines)
}

#[test]
fn clean_rows_pass_in_silence() {
    let desk = Desk::with(&january());
    let (series, notices) = desk.series();
    assert_eq!(notices, []);
    assert_eq!(series.adjusted, (100..120).map(|price| Some(f64::from(price))).collect::<Vec<_>>());
    assert_eq!(series.quote, series.adjusted);
    assert_eq!(series.volume[19], Some(1190.0));
}

#[test]
fn every_guard_has_a_name_of_its_own() {
    let names: std::collections::BTreeSet<_> =
        shockbrief_data::GUARDS.iter().map(|guard| guard.name).collect();
    assert_eq!(names.len(), shockbrief_data::GUARDS.len());
    assert!(shockbrief_data::GUARDS.iter().all(|guard| !guard.about.is_empty()));
}

#[test]
fn identical_duplicates_are_dropped() {
    let desk = january_with(|lines| lines.insert(5, lines[5].clone()));
    assert_snapshot!(desk.notices());
    assert_eq!(desk.series().0, Desk::with(&january()).series().0);
}

#[test]
fn contradicting_duplicates_are_refused() {
    let desk = january_with(|lines| {
        let mut other = lines[5].clone();
        other[3] = "104.5".into();
        lines.push(other);
    });
    assert_snapshot!(desk.refusal());
}

#[test]
fn impossible_prices_become_missing_and_no_return() {
    for bad in ["0", "-3.5", "NaN", "inf", "-inf", ""] {
        let desk = january_with(|lines| lines[4][3] = bad.into());
        let (series, notices) = desk.series();
        assert_eq!(series.adjusted[4], None, "{bad}");
        assert_eq!((series.simple_return(4), series.simple_return(5)), (None, None), "{bad}");
        assert!(series.simple_return(6).is_some());
        let guards: Vec<_> = notices.iter().map(|notice| notice.guard.as_str()).collect();
        let expected: &[&str] =
            if bad.is_empty() { &["missing-session"] } else { &["bad-price", "missing-session"] };
        assert_eq!(guards, expected, "{bad}");
    }
    assert_snapshot!(january_with(|lines| lines[4][3] = "0".into()).notices());
}

#[test]
fn impossible_quotes_and_volumes_become_missing() {
    let desk = january_with(|lines| {
        lines[4][4] = "-1".into();
        lines[6][5] = "-1".into();
    });
    assert_snapshot!(desk.notices());
    let (series, _) = desk.series();
    assert_eq!((series.quote[4], series.volume[6]), (None, None));
    assert_eq!(series.adjusted[4], Some(104.0));
}

#[test]
fn text_where_a_price_is_due() {
    assert_snapshot!(january_with(|lines| lines[4][3] = "n/a \u{1b}[31m".into()).refusal());
}

#[test]
fn text_where_a_date_is_due() {
    assert_snapshot!(january_with(|lines| lines[4][0] = "31/12/2024".into()).refusal());
}

#[test]
fn rows_out_of_order_are_sorted() {
    let desk = january_with(|lines| lines.reverse());
    assert_snapshot!(desk.notices());
    assert_eq!(desk.series().0, Desk::with(&january()).series().0);
}

#[test]
fn a_gap_stays_a_gap() {
    let desk = january_with(|lines| drop(lines.remove(7)));
    assert_snapshot!(desk.notices());
    let (series, _) = desk.series();
    assert_eq!(series.adjusted[7], None);
    assert_eq!((series.simple_return(7), series.simple_return(8)), (None, None));
}

#[test]
fn many_gaps_are_refused() {
    assert_snapshot!(january_with(|lines| drop(lines.drain(7..10))).refusal());
}

#[test]
fn no_price_at_all() {
    assert_snapshot!(january_with(|lines| lines.iter_mut().for_each(|line| line[3].clear())).refusal());
}

#[test]
fn a_row_on_a_holiday_is_dropped() {
    let desk = january_with(|lines| {
        let mut stale = lines[4].clone();
        stale[0] = "2025-01-09".into();
        lines.insert(5, stale);
    });
    assert_snapshot!(desk.notices());
    assert_eq!(desk.series().0, Desk::with(&january()).series().0);
}

#[test]
fn the_wrong_exchange_is_refused() {
    let mut desk = Desk::with(&january());
    desk.exchange = "XTAI";
    assert_snapshot!(desk.refusal());
}

#[test]
fn a_late_listing_is_noted() {
    let desk = january_with(|lines| drop(lines.drain(..8)));
    assert_snapshot!(desk.notices());
    assert_eq!(desk.series().0.adjusted[..9], [[None; 8].as_slice(), &[Some(108.0)]].concat());
}

#[test]
fn zero_volume_is_missing_or_kept_as_declared() {
    let missing = january_with(|lines| lines[3][5] = "0".into());
    assert_snapshot!(missing.notices());
    assert_eq!(missing.series().0.volume[3], None);
    let kept = missing.declare(|text| text.replace("    licence", "    zero_volume: keep\n    licence"));
    assert_eq!(kept.series().0.volume[3], Some(0.0));
    assert_eq!(kept.series().0.adjusted[3], Some(103.0));
}

/// From row 10 on, prices times `price` and volumes times `volume`.
fn broken_at_ten(price: f64, quote: f64, volume: impl Fn(usize) -> f64) -> Desk {
    january_with(|lines| {
        for (at, line) in lines.iter_mut().enumerate().skip(10) {
            let old = |text: &str| text.parse::<f64>().unwrap();
            line[3] = (old(&line[3]) * price).to_string();
            line[4] = (old(&line[4]) * quote).to_string();
            line[5] = (old(&line[5]) * volume(at)).to_string();
        }
    })
}

#[test]
fn an_unadjusted_split_is_refused() {
    assert_snapshot!(broken_at_ten(0.5, 0.5, |_| 2.0).refusal());
    assert_snapshot!(broken_at_ten(10.0, 10.0, |_| 0.1).refusal());
}

#[test]
fn a_split_adjusted_twice_is_refused() {
    assert_snapshot!(broken_at_ten(0.1, 1.0, |_| 1.0).refusal());
}

#[test]
fn an_unverified_crash_is_refused_or_noted_and_an_adjusted_split_passes() {
    // A crash by half, and one that is near no split ratio: prices alone do not tell them from an error.
    for (factor, times) in [(0.5, "times 0.5046"), (0.56, "times 0.5651")] {
        let desk = broken_at_ten(factor, factor, |at| if at == 10 { 5.0 } else { 1.1 });
        assert!(desk.refusal().contains(times), "{}", desk.refusal());
        let noted = desk.declare(|text| format!("guards:\n  large_moves: notice\n{text}"));
        assert!(noted.notices().contains("large-move"), "{}", noted.notices());
    }
    // A split: the quote moves, the adjusted price does not.
    assert_eq!(broken_at_ten(1.0, 0.1, |_| 10.0).notices(), "");
}

#[test]
fn a_verified_move_passes() {
    let verified = "guards:\n  verified_moves:\n    - {symbol: AAA, date: 2025-01-17, reason: checked}\n";
    let desk = broken_at_ten(0.5, 0.5, |_| 2.0).declare(|text| format!("{verified}{text}"));
    assert_eq!(desk.notices(), "");
}

#[test]
fn currencies() {
    assert_snapshot!("currency_unknown", january_with(|lines| lines[9][2] = "US$".into()).refusal());
    assert_snapshot!("currency_other", january_with(|lines| lines[9][2] = "HKD".into()).refusal());
    assert_snapshot!("currency_missing", january_with(|lines| lines[9][2].clear()).refusal());
}

#[test]
fn stale_prices_are_refused() {
    assert_snapshot!(january_with(|lines| lines.truncate(16)).refusal());
}

#[test]
fn slightly_late_prices_are_noticed() {
    assert_snapshot!(january_with(|lines| lines.truncate(18)).notices());
}

#[test]
fn rows_after_the_as_of_date_do_not_exist() {
    let mut desk = january_with(|lines| lines[19][3] = "-1".into());
    desk.as_of = date(2025, 1, 30);
    let (series, notices) = desk.series();
    assert_eq!((series.adjusted.len(), notices.len()), (19, 0));
}
