//! Log-linear trends: growth per year with its interval.

use jiff::civil::Date;
use shockbrief_analytics::{distributions::student_quantile, linalg::Design};

/// A coefficient of a fit in logarithms, with its interval at 95 %.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slope {
    /// The coefficient.
    pub value: f64,
    /// Its standard error.
    pub se: f64,
    /// Degrees of freedom.
    pub df: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Least squares of `y` on a constant and `columns`: the constant and one slope per column.
pub fn fit(columns: &[&[f64]], y: &[f64]) -> Result<(f64, Vec<Slope>), String> {
    let ones = vec![1.0; y.len()];
    let mut all: Vec<&[f64]> = vec![&ones];
    all.extend(columns);
    let fit =
        Design::new(&all, y.len()).and_then(|design| design.fit(y)).map_err(|reason| reason.to_string())?;
    let df = fit.df as f64;
    let reach = student_quantile(0.975, df).map_err(|reason| reason.to_string())?;
    let slopes = fit.coef.iter().zip(&fit.se).skip(1).map(|(value, se)| Slope {
        value: *value,
        se: *se,
        df,
        low: value - reach * se,
        high: value + reach * se,
    });
    Ok((fit.coef[0], slopes.collect()))
}

/// A date in years with fractions.
pub fn year(date: Date) -> f64 {
    let days = if date.in_leap_year() { 366.0 } else { 365.0 };
    f64::from(date.year()) + (f64::from(date.day_of_year()) - 1.0) / days
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    /// Longley-like toy by hand: x = 1..4, y = 1, 3, 2, 5; slope 1.1, SSE 2.7, se = sqrt(1.35 / 5).
    #[test]
    fn slope_and_interval_by_hand() {
        let (constant, slopes) = fit(&[&[1.0, 2.0, 3.0, 4.0]], &[1.0, 3.0, 2.0, 5.0]).unwrap();
        let slope = slopes[0];
        assert!((constant - 0.0).abs() < 1e-12 && (slope.value - 1.1).abs() < 1e-12);
        assert!((slope.se - (1.35_f64 / 5.0).sqrt()).abs() < 1e-12);
        // Student's 97.5 % quantile at two degrees of freedom is 4.302653 in printed tables.
        assert!((slope.high - slope.value - 4.302_653 * slope.se).abs() < 1e-6);
    }

    #[test]
    fn years_have_fractions() {
        assert_eq!(year(date(2025, 1, 1)), 2025.0);
        assert!((year(date(2024, 7, 2)) - 2024.5).abs() < 1e-12);
    }
}
