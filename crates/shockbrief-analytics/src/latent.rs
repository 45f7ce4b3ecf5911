//! Latent factors: principal components of the donors' returns.
//!
//! Donors' returns on the estimation rows are standardised (mean and standard deviation of those rows);
//! the first K principal components give loadings, and the factor returns of any row are the donors'
//! standardised returns of that row on them. Firms are then regressed on a constant and the K factors. A
//! factor of day 0 comes from the donors of that day alone: the firms under study do not enter. Named
//! factor models are misspecified in volatile periods; latent ones adapt to what moved together before
//! (Goldsmith-Pinkham & Lyu 2025).

use crate::moments;
use crate::reason::{Missing, Outcome};
use faer::{Mat, Side};

/// Factor returns on all rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Latent {
    /// K columns; `None` where a donor has no return.
    pub factors: Vec<Vec<Option<f64>>>,
    /// Share of the donors' variance that each factor explains on the estimation rows.
    pub explained: Vec<f64>,
    /// Donors behind them.
    pub donors: usize,
}

/// Principal components of donors complete on the estimation rows, for several numbers of factors at once.
#[derive(Debug)]
pub struct Components {
    mean: Vec<f64>,
    sd: Vec<f64>,
    /// One column per factor: loadings of the donors, unit length.
    loadings: Vec<Vec<f64>>,
    explained: Vec<f64>,
    rows: usize,
}

impl Components {
    /// The first `most` components of `returns`, one column of estimation returns per donor. Donors that do
    /// not vary have no weight. The sign of a component is that of its loadings' sum.
    ///
    /// # Errors
    /// [`Missing::TooFew`] with fewer rows or donors than twice the number of factors,
    /// [`Missing::LengthMismatch`], [`Missing::NotConverged`].
    pub fn new(returns: &[Vec<f64>], most: usize) -> Outcome<Self> {
        let (donors, rows) = (returns.len(), returns.first().map_or(0, Vec::len));
        if let Some(other) = returns.iter().find(|r| r.len() != rows) {
            return Err(Missing::LengthMismatch { what: "donors", left: rows, right: other.len() });
        }
        for (what, have) in [("donors", donors), ("estimation days", rows)] {
            if have < (2 * most).max(2) {
                return Err(Missing::TooFew { what, have, need: (2 * most).max(2) });
            }
        }
        let mean = returns.iter().map(|r| moments::mean(r)).collect::<Outcome<Vec<f64>>>()?;
        let spread = |r: &Vec<f64>| moments::positive_sd(r, "a donor").unwrap_or(f64::INFINITY);
        let sd: Vec<f64> = returns.iter().map(spread).collect();
        let z = Mat::from_fn(rows, donors, |t, j| (returns[j][t] - mean[j]) / sd[j]);
        // The smaller of the two products has the same eigenvalues.
        let products = &z * z.transpose();
        let eigen = products
            .self_adjoint_eigen(Side::Lower)
            .map_err(|_| Missing::NotConverged { what: "the principal components" })?;
        let total: f64 = (0..rows).map(|t| products[(t, t)]).sum();
        let (mut loadings, mut explained) = (Vec::new(), Vec::new());
        for k in 0..most {
            let at = rows - 1 - k;
            let value = eigen.S()[at];
            if value <= 1e-10 * total || total <= 0.0 {
                return Err(Missing::TooFew { what: "independent components", have: k, need: most });
            }
            let vector = eigen.U().col(at);
            let scale = value.sqrt();
            let mut load: Vec<f64> =
                (0..donors).map(|j| (0..rows).map(|t| z[(t, j)] * vector[t]).sum::<f64>() / scale).collect();
            if load.iter().sum::<f64>() < 0.0 {
                load.iter_mut().for_each(|v| *v = -*v);
            }
            loadings.push(load);
            explained.push(value / total);
        }
        Ok(Self { mean, sd, loadings, explained, rows })
    }

    /// Factor returns of the first `count` components on every row of the donors' columns, in the order of
    /// the donors given to [`Components::new`].
    ///
    /// # Errors
    /// [`Missing::LengthMismatch`], [`Missing::TooFew`] for more factors than there are.
    pub fn factors(&self, donors: &[&[Option<f64>]], count: usize) -> Outcome<Latent> {
        if donors.len() != self.mean.len() {
            let (left, right) = (self.mean.len(), donors.len());
            return Err(Missing::LengthMismatch { what: "donors", left, right });
        }
        if count > self.loadings.len() {
            return Err(Missing::TooFew { what: "components", have: self.loadings.len(), need: count });
        }
        let length = donors.first().map_or(0, |d| d.len());
        if donors.iter().any(|d| d.len() != length) {
            return Err(Missing::LengthMismatch { what: "donors' rows", left: length, right: length });
        }
        let scale = (self.rows as f64).sqrt().recip();
        let row = |t: usize| -> Option<Vec<f64>> {
            let mut sums = vec![0.0; count];
            for (j, donor) in donors.iter().enumerate() {
                let z = (donor[t]? - self.mean[j]) / self.sd[j];
                sums.iter_mut().zip(&self.loadings).for_each(|(s, load)| *s += load[j] * z);
            }
            Some(sums.into_iter().map(|s| s * scale).collect())
        };
        let rows: Vec<Option<Vec<f64>>> = (0..length).map(row).collect();
        let column = |k: usize| rows.iter().map(|r| r.as_ref().map(|r| r[k])).collect();
        Ok(Latent {
            factors: (0..count).map(column).collect(),
            explained: self.explained[..count].to_vec(),
            donors: donors.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::{Design, dot};
    use crate::rng::Stream;

    /// Donors on two factors with noise; the factors themselves.
    fn donors(noise: f64) -> (Vec<Vec<Option<f64>>>, [Vec<f64>; 2]) {
        let mut s = Stream::new(17);
        let factor = |s: &mut Stream| -> Vec<f64> { (0..130).map(|_| 0.01 * s.normal()).collect() };
        let (f, g) = (factor(&mut s), factor(&mut s));
        let all = (0..40)
            .map(|k| {
                let (a, b) = (1.0 + 0.3 * s.normal(), if k < 20 { 1.0 } else { -1.0 });
                (0..130).map(|t| Some(a * f[t] + 0.5 * b * g[t] + noise * s.normal())).collect()
            })
            .collect();
        (all, [f, g])
    }

    #[test]
    fn components_span_the_factors() {
        let (all, truth) = donors(1e-5);
        let estimation: Vec<Vec<f64>> =
            all.iter().map(|d| d[..120].iter().flatten().copied().collect()).collect();
        let views: Vec<&[Option<f64>]> = all.iter().map(Vec::as_slice).collect();
        let latent = Components::new(&estimation, 2).unwrap().factors(&views, 2).unwrap();
        assert!(latent.explained.iter().sum::<f64>() > 0.999);
        let one = vec![1.0; 130];
        let columns: Vec<Vec<f64>> =
            latent.factors.iter().map(|c| c.iter().map(|v| v.unwrap()).collect()).collect();
        let design = Design::new(&[&one, &columns[0], &columns[1]], 130).unwrap();
        for factor in &truth {
            let fit = design.fit(factor).unwrap();
            assert!(fit.sse / dot(factor, factor) < 1e-4, "{}", fit.sse / dot(factor, factor));
        }
    }

    #[test]
    fn first_component_agrees_with_power_iteration() {
        let (all, _) = donors(0.01);
        let estimation: Vec<Vec<f64>> =
            all.iter().map(|d| d[..120].iter().flatten().copied().collect()).collect();
        let c = Components::new(&estimation, 3).unwrap();
        let z: Vec<Vec<f64>> = estimation
            .iter()
            .zip(c.mean.iter().zip(&c.sd))
            .map(|(r, (m, s))| r.iter().map(|v| (v - m) / s).collect())
            .collect();
        let mut v = vec![1.0; 40];
        for _ in 0..2_000 {
            let scores: Vec<f64> = (0..120).map(|t| z.iter().zip(&v).map(|(z, v)| z[t] * v).sum()).collect();
            v = z.iter().map(|z| dot(z, &scores)).collect();
            let length = crate::linalg::norm(&v);
            v.iter_mut().for_each(|v| *v /= length);
        }
        for (have, want) in c.loadings[0].iter().zip(&v) {
            assert!((have - want).abs() < 1e-9, "{have} {want}");
        }
        assert!((crate::linalg::norm(&c.loadings[1]) - 1.0).abs() < 1e-12);
        assert!(dot(&c.loadings[0], &c.loadings[1]).abs() < 1e-12);
    }

    #[test]
    fn too_little_is_refused_and_a_gap_is_a_gap() {
        let (mut all, _) = donors(0.01);
        let estimation: Vec<Vec<f64>> =
            all.iter().map(|d| d[..120].iter().flatten().copied().collect()).collect();
        assert!(matches!(Components::new(&estimation[..5], 3), Err(Missing::TooFew { what: "donors", .. })));
        let c = Components::new(&estimation, 3).unwrap();
        all[3][125] = None;
        let views: Vec<&[Option<f64>]> = all.iter().map(Vec::as_slice).collect();
        let latent = c.factors(&views, 3).unwrap();
        assert!(latent.factors[0][125].is_none() && latent.factors[2][124].is_some());
        assert!(c.factors(&views, 4).is_err() && c.factors(&views[1..], 2).is_err());
        // Two exact factors have no third component.
        let (exact, _) = donors(0.0);
        let exact: Vec<Vec<f64>> = exact.iter().map(|d| d.iter().flatten().copied().collect()).collect();
        assert!(matches!(Components::new(&exact, 3), Err(Missing::TooFew { have: 2, .. })));
    }
}
