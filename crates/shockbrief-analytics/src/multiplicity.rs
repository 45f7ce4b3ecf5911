//! Many p-values at once: Holm and Benjamini-Hochberg.
//!
//! Both return adjusted p-values in the order given, at most one. Holm
//! (1979) bounds the chance of any false rejection, whatever the dependence;
//! Benjamini & Hochberg (1995) bounds the expected share of false ones, under
//! independence or positive dependence. Raw p-values are shown beside them.

use crate::reason::{Missing, Outcome};

fn ascending(p: &[f64]) -> Outcome<Vec<usize>> {
    if p.iter().any(|v| !(0.0..=1.0).contains(v)) {
        return Err(Missing::Invalid { what: "a p-value" });
    }
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    Ok(order)
}

/// Holm's step-down adjustment: the running maximum of (n - k + 1) p_(k).
///
/// # Errors
/// [`Missing::Invalid`] for a value outside [0, 1].
pub fn holm(p: &[f64]) -> Outcome<Vec<f64>> {
    let order = ascending(p)?;
    let mut adjusted = vec![0.0; p.len()];
    let mut floor = 0.0_f64;
    for (k, &i) in order.iter().enumerate() {
        floor = floor.max((p.len() - k) as f64 * p[i]).min(1.0);
        adjusted[i] = floor;
    }
    Ok(adjusted)
}

/// Benjamini-Hochberg step-up adjustment: the running minimum, from the
/// largest down, of n p_(k)/k.
///
/// # Errors
/// As [`holm`].
pub fn benjamini_hochberg(p: &[f64]) -> Outcome<Vec<f64>> {
    let order = ascending(p)?;
    let mut adjusted = vec![0.0; p.len()];
    let mut ceiling = 1.0_f64;
    for (k, &i) in order.iter().enumerate().rev() {
        ceiling = ceiling.min(p.len() as f64 / (k + 1) as f64 * p[i]);
        adjusted[i] = ceiling;
    }
    Ok(adjusted)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of R 4.2: p.adjust(c(.01,.04,.03,.005), "holm"), "BH".
    #[test]
    fn agrees_with_p_adjust() {
        let p = [0.01, 0.04, 0.03, 0.005];
        let close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(x, y)| (x - y).abs() < 1e-15);
        assert!(close(&holm(&p).unwrap(), &[0.03, 0.06, 0.06, 0.02]));
        assert!(close(&benjamini_hochberg(&p).unwrap(), &[0.02, 0.04, 0.04, 0.02]));
    }

    #[test]
    fn nothing_in_nothing_out() {
        assert_eq!(holm(&[]), Ok(Vec::new()));
        assert!(holm(&[f64::NAN]).is_err());
    }
}
