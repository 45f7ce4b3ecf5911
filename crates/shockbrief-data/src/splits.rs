//! Splits, told by the quote: it counts in the shares of its day, the price for returns does not.
//!
//! Between two sessions the quote moves with the price for returns, less a dividend. A step of the one against the other
//! by the ratio of a usual split is a split, whatever the day moves besides; a larger step by another ratio, such as that
//! of a spin-off, is told as one whose meaning is open.

use crate::guards::{Row, moves};
use shockbrief_core::panel::{Basis, Split};

/// Log steps below are dividends.
const DIVIDEND: f64 = 0.18;
/// Relative distance from the ratio of a usual split: prices are rounded to cents.
const EXACT: f64 = 0.005;

/// What the rows of one name, oldest first, say of splits; nothing where no row has both prices.
pub(crate) fn basis(rows: &[Row]) -> Option<Basis> {
    let both: Vec<(jiff::civil::Date, f64)> = rows
        .iter()
        .filter_map(|row| Some((row.date, (row.quote? / row.adjusted?).ln())))
        .filter(|(_, level)| level.is_finite())
        .collect();
    let from = both.first()?.0;
    let splits = both
        .windows(2)
        .filter_map(|pair| {
            // The quote falls where shares become more.
            let step = pair[0].1 - pair[1].1;
            let whole = step.abs().exp().round();
            let near = (step.abs().exp() / whole - 1.0).abs() <= EXACT;
            let ratio = moves::split_ratio(step.abs(), EXACT).or((near && whole > 1.0).then_some(whole));
            let ratio = ratio.map(|ratio| if step > 0.0 { ratio } else { 1.0 / ratio });
            (step.abs() > DIVIDEND).then_some(Split { date: pair[1].0, ratio })
        })
        .collect();
    Some(Basis { from, splits })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn row(day: i8, adjusted: f64, quote: f64) -> Row {
        let (adjusted, quote) = (Some(adjusted), Some(quote));
        Row { date: date(2024, 6, day), currency: None, adjusted, quote, volume: None }
    }

    #[test]
    fn a_split_is_seen_on_a_day_that_moves_itself() {
        let rows =
            [row(6, 120.0, 1200.0), row(7, 121.0, 1210.0), row(10, 140.0, 140.0), row(11, 141.0, 140.5)];
        let basis = basis(&rows).unwrap();
        assert_eq!(basis.splits, [Split { date: date(2024, 6, 10), ratio: Some(10.0) }]);
        assert_eq!(basis.ratio(date(2024, 6, 7), date(2024, 6, 11)), Ok(10.0));
        assert_eq!(basis.ratio(date(2024, 6, 10), date(2024, 6, 11)), Ok(1.0));
        assert!(basis.ratio(date(2024, 5, 1), date(2024, 6, 11)).is_err());
    }

    #[test]
    fn reverse_splits_and_steps_of_no_split() {
        let rows = [row(6, 120.0, 10.0), row(7, 120.0, 120.0), row(10, 120.0, 60.82)];
        let splits = basis(&rows).unwrap().splits;
        assert_eq!(splits[0].ratio, Some(1.0 / 12.0));
        // A step of 1.973 is that of a spin-off, near two for one and not it.
        assert_eq!(splits[1].ratio, None);
        assert!(basis(&rows).unwrap().ratio(date(2024, 6, 7), date(2024, 6, 10)).is_err());
        assert!(basis(&[Row { quote: None, ..row(6, 1.0, 1.0) }]).is_none());
    }
}
