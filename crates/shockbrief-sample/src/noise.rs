//! Noise with exact sample moments, from additions, products and square roots alone.

use crate::frame::Frame;
use anyhow::{Result, ensure};
use rand_chacha::{
    ChaCha12Rng,
    rand_core::{RngCore, SeedableRng},
};

/// A seeded source of noise.
pub(crate) struct Noise(ChaCha12Rng);

impl Noise {
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha12Rng::seed_from_u64(seed))
    }

    /// A nearly normal draw of mean 0 and variance 1: twelve uniforms, summed (Irwin-Hall).
    pub(crate) fn draw(&mut self) -> f64 {
        const SCALE: f64 = 1.0 / (1u64 << 53) as f64;
        (0..12).map(|_| (self.0.next_u64() >> 11) as f64 * SCALE).sum::<f64>() - 6.0
    }

    /// `count` columns, one value per session. In the estimation window each column has mean 0, is orthogonal
    /// to the regressors and to the other columns, and its squares sum to M - 1 - (number of regressors): the
    /// residuals of a regression with unit residual variance.
    pub(crate) fn exact(
        &mut self,
        frame: &Frame<'_>,
        regressors: &[Vec<f64>],
        count: usize,
    ) -> Result<Vec<Vec<f64>>> {
        let window = frame.estimation.clone();
        let m = window.len();
        ensure!(
            m > count + regressors.len() + 1,
            "{m} estimation rows cannot carry {count} independent series"
        );
        let mut basis = vec![vec![1.0; m]];
        basis.extend(regressors.iter().map(|column| column[window.clone()].to_vec()));
        orthonormalise(&mut basis, 0)?;
        let columns: Vec<Vec<f64>> =
            (0..count).map(|_| (0..frame.sessions.len()).map(|_| self.draw()).collect()).collect();
        let fixed = basis.len();
        basis.extend(columns.iter().map(|column| column[window.clone()].to_vec()));
        orthonormalise(&mut basis, fixed)?;
        let scale = ((m - fixed) as f64).sqrt();
        let exact = basis.split_off(fixed);
        Ok(columns
            .into_iter()
            .zip(exact)
            .map(|(mut column, unit)| {
                column[window.clone()].iter_mut().zip(unit).for_each(|(value, unit)| *value = unit * scale);
                column
            })
            .collect())
    }
}

/// Gram-Schmidt from column `from` on, twice for accuracy ("twice is enough", Giraud et al. 2005).
fn orthonormalise(columns: &mut [Vec<f64>], from: usize) -> Result<()> {
    for k in from..columns.len() {
        let (done, rest) = columns.split_at_mut(k);
        let column = &mut rest[0];
        for _ in 0..2 {
            for unit in done.iter() {
                let along = dot(unit, column);
                column.iter_mut().zip(unit).for_each(|(value, unit)| *value -= along * unit);
            }
        }
        let norm = dot(column, column).sqrt();
        ensure!(norm > 1e-9, "the simulated series depend on each other linearly; choose another seed");
        column.iter_mut().for_each(|value| *value /= norm);
    }
    Ok(())
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Lower Cholesky factor of a correlation matrix, row by row.
pub(crate) fn cholesky(matrix: &[Vec<f64>]) -> Result<Vec<Vec<f64>>> {
    let mut factor: Vec<Vec<f64>> = Vec::with_capacity(matrix.len());
    for (i, given) in matrix.iter().enumerate() {
        let mut row = Vec::with_capacity(i + 1);
        for (k, (above, given)) in factor.iter().zip(given).enumerate() {
            row.push((given - dot(&row, &above[..k])) / above[k]);
        }
        let rest = given[i] - dot(&row, &row);
        ensure!(
            rest > 1e-10,
            "config/sample.yaml: the correlations are not positive definite (row {})",
            i + 1
        );
        row.push(rest.sqrt());
        factor.push(row);
    }
    Ok(factor)
}
