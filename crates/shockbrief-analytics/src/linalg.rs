//! Least squares by QR, and the small dense helpers around it.
//!
//! A [`Design`] factorises the regressors once and then serves any number of
//! responses, forecast leverages and sums. Normal equations are never formed.
//! Rank deficiency is an error, not a pseudo-inverse: a dropped regressor
//! would silently change the model.

use crate::reason::{Missing, Outcome, finite};
use faer::{Mat, MatRef};

/// Relative size of a diagonal entry of R below which a column counts as
/// dependent on those before it.
const RANK_TOLERANCE: f64 = 1e-10;

/// A factorised regressor matrix X (rows x columns), X = QR.
///
/// With zero columns it stands for a model that estimates nothing.
#[derive(Debug, Clone)]
pub struct Design {
    rows: usize,
    cols: usize,
    /// Columns of the thin Q, one after another.
    q: Vec<f64>,
    /// Upper triangle R, column after column (`r[c * cols + row]`).
    r: Vec<f64>,
    /// `sqrt(((X'X)⁻¹)_jj)` for every column.
    unscaled_sd: Vec<f64>,
}

/// One least-squares fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Ols {
    /// Coefficients in column order.
    pub coef: Vec<f64>,
    /// Standard errors, `s sqrt(((X'X)⁻¹)_jj)`; same unit as `coef`.
    pub se: Vec<f64>,
    /// Residuals y - Xb, in row order.
    pub residuals: Vec<f64>,
    /// Sum of squared residuals.
    pub sse: f64,
    /// Rows minus columns.
    pub df: usize,
    /// `sqrt(SSE/df)`.
    pub sigma: f64,
    /// `1 - SSE/SST` about the mean; `None` for a model with at most one
    /// column or a response that does not vary.
    pub r2: Option<f64>,
}

impl Design {
    /// Factorises columns of equal length.
    ///
    /// # Errors
    /// [`Missing::LengthMismatch`] for ragged columns, [`Missing::TooFew`]
    /// with fewer rows than columns, [`Missing::Invalid`] for non-finite
    /// entries, [`Missing::Singular`] for dependent columns.
    pub fn new(columns: &[&[f64]], rows: usize) -> Outcome<Self> {
        for c in columns {
            if c.len() != rows {
                return Err(Missing::LengthMismatch {
                    what: "regressor columns",
                    left: c.len(),
                    right: rows,
                });
            }
        }
        let cols = columns.len();
        if rows < cols {
            return Err(Missing::TooFew { what: "observations", have: rows, need: cols });
        }
        if columns.iter().any(|c| c.iter().any(|v| !v.is_finite())) {
            return Err(Missing::Invalid { what: "a regressor" });
        }
        if cols == 0 {
            return Ok(Self { rows, cols, q: Vec::new(), r: Vec::new(), unscaled_sd: Vec::new() });
        }
        Self::factorise(columns, rows)
    }

    fn factorise(columns: &[&[f64]], rows: usize) -> Outcome<Self> {
        let cols = columns.len();
        let x = Mat::from_fn(rows, cols, |i, j| columns[j][i]);
        let qr = x.qr();
        let (thin_q, thin_r) = (qr.compute_thin_Q(), qr.thin_R());
        let mut r = vec![0.0; cols * cols];
        for c in 0..cols {
            let norm = norm(columns[c]);
            if norm == 0.0 || thin_r[(c, c)].abs() <= RANK_TOLERANCE * norm {
                return Err(Missing::Singular);
            }
            for row in 0..=c {
                r[c * cols + row] = thin_r[(row, c)];
            }
        }
        let q = (0..cols).flat_map(|c| (0..rows).map(move |i| (i, c))).map(|(i, c)| thin_q[(i, c)]).collect();
        let mut design = Self { rows, cols, q, r, unscaled_sd: Vec::new() };
        design.unscaled_sd = design.inverse_diagonal();
        Ok(design)
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns, p.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Fits y by least squares; df = rows - columns.
    ///
    /// # Errors
    /// [`Missing::LengthMismatch`], [`Missing::TooFew`] without a degree of
    /// freedom, [`Missing::NotFinite`].
    pub fn fit(&self, y: &[f64]) -> Outcome<Ols> {
        if y.len() != self.rows {
            return Err(Missing::LengthMismatch {
                what: "response and regressors",
                left: y.len(),
                right: self.rows,
            });
        }
        if self.rows <= self.cols {
            return Err(Missing::TooFew { what: "observations", have: self.rows, need: self.cols + 1 });
        }
        let (coef, residuals) = self.solve(y);
        let sse = dot(&residuals, &residuals);
        let df = self.rows - self.cols;
        let sigma = finite((sse / df as f64).sqrt(), "the residual spread")?;
        let se = self.unscaled_sd.iter().map(|d| d * sigma).collect();
        let r2 = if self.cols > 1 { r_squared(y, sse) } else { None };
        Ok(Ols { coef, se, residuals, sse, df, sigma, r2 })
    }

    /// Coefficients and residuals, with one step of refinement on the
    /// residuals so that large offsets do not leave a trace in them.
    fn solve(&self, y: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let mut projected = vec![0.0; self.cols];
        let mut residuals = y.to_vec();
        for _ in 0..2 {
            for (c, total) in projected.iter_mut().enumerate() {
                let q = self.q_column(c);
                let step = dot(q, &residuals);
                *total += step;
                for (e, v) in residuals.iter_mut().zip(q) {
                    *e -= step * v;
                }
            }
        }
        self.back_substitute(&mut projected);
        (projected, residuals)
    }

    /// Column `c` of the thin Q, an orthonormal basis of the regressors.
    pub fn q_column(&self, c: usize) -> &[f64] {
        &self.q[c * self.rows..(c + 1) * self.rows]
    }

    /// Solves R b = z in place.
    fn back_substitute(&self, z: &mut [f64]) {
        for c in (0..self.cols).rev() {
            z[c] /= self.r[c * self.cols + c];
            let known = z[c];
            for (row, target) in z.iter_mut().enumerate().take(c) {
                *target -= self.r[c * self.cols + row] * known;
            }
        }
    }

    /// Solves R' w = x, so that |w|² = x'(X'X)⁻¹x.
    pub fn whiten(&self, x: &[f64]) -> Vec<f64> {
        let mut w = x.to_vec();
        for c in 0..self.cols {
            let column = &self.r[c * self.cols..c * self.cols + c + 1];
            let known: f64 = (0..c).map(|row| column[row] * w[row]).sum();
            w[c] = (w[c] - known) / column[c];
        }
        w
    }

    /// d = x'(X'X)⁻¹x for one regressor row (or a sum of rows) x; the
    /// prediction variance is `s²(1 + d)`. Zero when nothing is estimated.
    pub fn leverage(&self, x: &[f64]) -> f64 {
        let w = self.whiten(x);
        dot(&w, &w)
    }

    /// `sqrt(((X'X)⁻¹)_jj)` for every column.
    pub fn unscaled_sd(&self) -> &[f64] {
        &self.unscaled_sd
    }

    fn inverse_diagonal(&self) -> Vec<f64> {
        (0..self.cols)
            .map(|j| {
                let mut unit = vec![0.0; self.cols];
                unit[j] = 1.0;
                self.leverage(&unit).sqrt()
            })
            .collect()
    }
}

fn r_squared(y: &[f64], sse: f64) -> Option<f64> {
    let sst = crate::moments::variance(y, 0).ok()? * y.len() as f64;
    (sst > 0.0).then(|| 1.0 - sse / sst)
}

/// Inner product in index order.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Euclidean norm.
pub fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// Share of its variance that the others must leave unexplained in a variable of a covariance matrix; less is
/// rounding, and the matrix is taken as singular.
const INDEPENDENT_SHARE: f64 = 1e-10;

/// `v' A⁻¹ v` for a symmetric positive definite A by Cholesky.
///
/// # Errors
/// [`Missing::Singular`] when A is not positive definite beyond rounding: a pivot of the factor is the part
/// of a variable's variance that those before it do not explain. [`Missing::LengthMismatch`].
pub fn inverse_quadratic_form(a: MatRef<'_, f64>, v: &[f64]) -> Outcome<f64> {
    let n = v.len();
    if a.nrows() != n || a.ncols() != n {
        return Err(Missing::LengthMismatch { what: "matrix and vector", left: a.nrows(), right: n });
    }
    let llt = a.llt(faer::Side::Lower).map_err(|_| Missing::Singular)?;
    let l = llt.L();
    let mut w = vec![0.0; n];
    let mut total = 0.0;
    for i in 0..n {
        if l[(i, i)].powi(2) <= INDEPENDENT_SHARE * a[(i, i)] {
            return Err(Missing::Singular);
        }
        let known: f64 = (0..i).map(|j| l[(i, j)] * w[j]).sum();
        w[i] = (v[i] - known) / l[(i, i)];
        total += w[i] * w[i];
    }
    finite(total, "the quadratic form")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Longley (1967), two columns of it; coefficients by exact arithmetic on
    /// the small integer system below.
    #[test]
    fn recovers_an_exact_line() {
        let one = [1.0; 5];
        let x = [1.0, 2.0, 3.0, 4.0, 5.0];
        let y = [3.1, 4.9, 7.2, 8.8, 11.0];
        let fit = Design::new(&[&one, &x], 5).unwrap().fit(&y).unwrap();
        assert!((fit.coef[0] - 1.09).abs() < 1e-13);
        assert!((fit.coef[1] - 1.97).abs() < 1e-13);
        assert_eq!(fit.df, 3);
    }

    #[test]
    fn dependent_columns_are_refused() {
        let one = [1.0; 4];
        let two = [2.0; 4];
        let error = Design::new(&[&one, &two], 4).unwrap_err();
        assert_eq!(error, Missing::Singular);
    }

    #[test]
    fn leverage_of_the_mean_is_one_over_n() {
        let one = [1.0; 8];
        let design = Design::new(&[&one], 8).unwrap();
        assert!((design.leverage(&[1.0]) - 0.125).abs() < 1e-15);
    }

    #[test]
    fn a_variable_that_others_explain_is_singular() {
        let one = |rho: f64| Mat::from_fn(2, 2, |i, j| if i == j { 4.0 } else { 4.0 * rho });
        assert_eq!(inverse_quadratic_form(one(1.0 - 1e-15).as_ref(), &[1.0, 1.0]), Err(Missing::Singular));
        // By hand: 4 (1 + ρ) on the diagonal direction, 2/(4 · 1.5).
        let form = inverse_quadratic_form(one(0.5).as_ref(), &[1.0, 1.0]).unwrap();
        assert!((form - 1.0 / 3.0).abs() < 1e-15);
    }

    #[test]
    fn no_column_means_no_leverage() {
        let design = Design::new(&[], 3).unwrap();
        let fit = design.fit(&[1.0, 2.0, 2.0]).unwrap();
        assert_eq!((fit.sse, fit.df), (9.0, 3));
        assert_eq!(design.leverage(&[]), 0.0);
    }
}
