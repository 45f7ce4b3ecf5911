//! GARCH(1,1) regression by maximum likelihood, Gaussian or unit-variance Student t.
//!
//! Model: `r_t = x_t'b + e_t`, `h_t = ω + a e²_{t-1} + β h_{t-1}`, presample `e²_0 = h_0 = T⁻¹ Σ e²`, with
//! `ω > 0`, `a, β >= 0`, `a + β < 1`. Gradient and Hessian are analytic, including the dependence of the
//! presample value on b (Fiorentini, Calzolari & Panattoni 1996), so that the optimum is exact to
//! rounding: BFGS on unconstrained parameters, then Newton on the parameters themselves. Standard errors
//! come from the Hessian, the outer product of scores, and the sandwich of both, which stays valid when
//! the errors are not Gaussian (Bollerslev & Wooldridge 1992).
//!
//! The module refuses an estimate on the boundary (no ARCH effect, or a variance without a mean) instead
//! of reporting standard errors that do not exist there.

use crate::linalg::{Design, norm};
use crate::reason::{Missing, Outcome, finite};
use faer::linalg::solvers::Solve;
use faer::{Mat, Side};
use serde::Serialize;
use statrs::function::gamma::{digamma, ln_gamma};

/// Fewest observations for which a fit is tried.
pub const MINIMUM: usize = 60;

/// The law of `e_t / sqrt(h_t)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Law {
    /// Standard normal.
    Normal,
    /// Student t scaled to variance one; its degrees of freedom are estimated.
    Student,
}

/// Parameters of the variance equation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Variance {
    /// Constant, in squared return units.
    pub omega: f64,
    /// Weight of the last squared error.
    pub alpha: f64,
    /// Weight of the last variance.
    pub beta: f64,
    /// Degrees of freedom of the Student law; `None` for the normal.
    pub nu: Option<f64>,
}

impl Variance {
    /// `ω + a e² + β h`, the variance of the next row.
    pub fn next(&self, squared_error: f64, variance: f64) -> f64 {
        self.omega + self.alpha * squared_error + self.beta * variance
    }

    /// `ω / (1 - a - β)`, the variance far ahead.
    pub fn unconditional(&self) -> f64 {
        self.omega / (1.0 - self.alpha - self.beta)
    }
}

/// A fitted GARCH(1,1) regression. Vectors of parameters are in the order b, ω, a, β and, for the Student
/// law, ν.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Garch {
    /// Observations.
    pub n: usize,
    /// The law of the errors.
    pub law: Law,
    /// Coefficients of the mean equation.
    pub coef: Vec<f64>,
    /// Parameters of the variance equation.
    pub variance: Variance,
    /// Log-likelihood with all constants, over T observations.
    pub loglik: f64,
    /// Standard errors from the inverse of the negative Hessian.
    pub se_hessian: Vec<f64>,
    /// Standard errors from the inverse of the sum of outer products of scores.
    pub se_opg: Vec<f64>,
    /// Sandwich standard errors, `A⁻¹BA⁻¹`.
    pub se_qml: Vec<f64>,
    /// Conditional variances `h_1 ... h_T`.
    pub h: Vec<f64>,
    /// Errors `e_1 ... e_T`.
    pub residuals: Vec<f64>,
    /// `h_{T+1}`.
    pub forecast_h_next: f64,
}

impl Garch {
    /// All parameters in the order of the standard errors.
    pub fn params(&self) -> Vec<f64> {
        let v = &self.variance;
        let tail = [v.omega, v.alpha, v.beta].into_iter().chain(v.nu);
        self.coef.iter().copied().chain(tail).collect()
    }

    /// Variance forecasts `h_{T+1} ... h_{T+steps}`:
    /// `h_{T+k} = σ² + (a + β)^{k-1} (h_{T+1} - σ²)` with `σ² = ω / (1 - a - β)`.
    pub fn forecast(&self, steps: usize) -> Vec<f64> {
        let long = self.variance.unconditional();
        let decay = self.variance.alpha + self.variance.beta;
        let mut gap = self.forecast_h_next - long;
        let step = |_| {
            let h = long + gap;
            gap *= decay;
            h
        };
        (0..steps).map(step).collect()
    }

    /// `e_t / sqrt(h_t)`.
    pub fn standardised(&self) -> Vec<f64> {
        self.residuals.iter().zip(&self.h).map(|(e, h)| e / h.sqrt()).collect()
    }
}

/// Fits `r_t = μ + e_t` with GARCH(1,1) errors.
///
/// # Errors
/// As [`fit_regression`].
pub fn fit(returns: &[f64], law: Law) -> Outcome<Garch> {
    let ones = vec![1.0; returns.len()];
    fit_regression(returns, &[&ones], law)
}

/// Fits `r_t = x_t'b + e_t` with GARCH(1,1) errors; `columns` holds the regressors (T values each, a
/// column of ones for a constant, none for a mean of zero).
///
/// # Errors
/// [`Missing::TooFew`] below [`MINIMUM`] observations, [`Missing::LengthMismatch`], [`Missing::Invalid`]
/// for values that are not finite, [`Missing::Singular`] for dependent regressors,
/// [`Missing::ConstantSeries`] when nothing is left to explain, [`Missing::NotApplicable`] for an
/// estimate on the boundary, [`Missing::NotConverged`].
pub fn fit_regression(returns: &[f64], columns: &[&[f64]], law: Law) -> Outcome<Garch> {
    let n = returns.len();
    if n < MINIMUM {
        return Err(Missing::TooFew { what: "observations for GARCH", have: n, need: MINIMUM });
    }
    if returns.iter().any(|r| !r.is_finite()) {
        return Err(Missing::Invalid { what: "a return" });
    }
    let design = Design::new(columns, n)?;
    let ols = design.fit(returns)?;
    if ols.sse.sqrt() <= 1e-12 * norm(returns) {
        return Err(Missing::ConstantSeries { what: "the residual" });
    }
    let scale = (ols.sse / n as f64).sqrt();
    let scaled: Vec<f64> = returns.iter().map(|r| r / scale).collect();
    let problem = Problem { y: &scaled, x: columns, law };
    let coef: Vec<f64> = ols.coef.iter().map(|b| b / scale).collect();
    let theta = problem.newton(problem.bfgs(problem.start(&coef))?)?;
    problem.report(&theta, scale)
}

/// The likelihood of the scaled data.
struct Problem<'a> {
    y: &'a [f64],
    x: &'a [&'a [f64]],
    law: Law,
}

/// Log-likelihood with its derivatives in the natural parameters.
struct Eval {
    loglik: f64,
    gradient: Vec<f64>,
    /// Row-major k x k; empty unless asked for.
    hessian: Vec<f64>,
    /// Sum of outer products of scores; empty unless asked for.
    outer: Vec<f64>,
}

/// Derivatives of one observation's log density in h, e and ν.
#[derive(Default)]
struct Local {
    value: f64,
    h: f64,
    e: f64,
    nu: f64,
    hh: f64,
    he: f64,
    ee: f64,
    hnu: f64,
    enu: f64,
    nunu: f64,
}

/// Parts of the Student density that depend on ν only, with two derivatives.
struct StudentConstants {
    nu: f64,
    value: f64,
    first: f64,
    second: f64,
}

impl StudentConstants {
    fn new(nu: f64) -> Self {
        let (a, b) = ((nu + 1.0) / 2.0, nu / 2.0);
        let m = nu - 2.0;
        Self {
            nu,
            value: ln_gamma(a) - ln_gamma(b) - 0.5 * (std::f64::consts::PI * m).ln(),
            first: 0.5 * (digamma(a) - digamma(b) - 1.0 / m),
            second: 0.25 * (trigamma(a) - trigamma(b)) + 0.5 / (m * m),
        }
    }

    fn local(&self, h: f64, e: f64) -> Local {
        let m = self.nu - 2.0;
        let c = self.nu + 1.0;
        let q = e * e + h * m;
        let ratio = e * e / (h * m);
        // ln(1 + e²/(hm)) = ln q - ln h - ln m
        Local {
            value: self.value - 0.5 * h.ln() - 0.5 * c * ratio.ln_1p(),
            h: -0.5 / h - 0.5 * c * (m / q - 1.0 / h),
            e: -c * e / q,
            nu: self.first - 0.5 * ratio.ln_1p() - 0.5 * c * (h / q - 1.0 / m),
            hh: 0.5 / (h * h) - 0.5 * c * (1.0 / (h * h) - m * m / (q * q)),
            he: c * m * e / (q * q),
            ee: -c / q + 2.0 * c * e * e / (q * q),
            hnu: -0.5 * (m / q - 1.0 / h) - 0.5 * c * e * e / (q * q),
            enu: -e / q + c * e * h / (q * q),
            nunu: self.second - (h / q - 1.0 / m) - 0.5 * c * (1.0 / (m * m) - h * h / (q * q)),
        }
    }
}

fn normal_local(h: f64, e: f64) -> Local {
    let ratio = e * e / h;
    Local {
        value: -0.5 * ((2.0 * std::f64::consts::PI).ln() + h.ln() + ratio),
        h: 0.5 * (ratio - 1.0) / h,
        e: -e / h,
        hh: (0.5 - ratio) / (h * h),
        he: e / (h * h),
        ee: -1.0 / h,
        ..Local::default()
    }
}

/// ψ'(x) for x > 0: recurrence up to 15, then the asymptotic series (Abramowitz & Stegun 6.4.12).
fn trigamma(x: f64) -> f64 {
    let (mut x, mut sum) = (x, 0.0);
    while x < 15.0 {
        sum += 1.0 / (x * x);
        x += 1.0;
    }
    let y = 1.0 / (x * x);
    let series = y * (1.0 / 6.0 - y * (1.0 / 30.0 - y * (1.0 / 42.0 - y * (1.0 / 30.0 - y * 5.0 / 66.0))));
    sum + 1.0 / x + 0.5 * y + series / x
}

/// State of the recursion: the last squared error and variance with their derivatives.
struct Recursion {
    k: usize,
    p: usize,
    h: f64,
    dh: Vec<f64>,
    ddh: Vec<f64>,
    square: f64,
    dsquare: Vec<f64>,
    ddsquare: Vec<f64>,
}

impl Recursion {
    fn advance(&mut self, variance: &Variance, second: bool) {
        let (p, a, b) = (self.p, variance.alpha, variance.beta);
        if second {
            self.advance_second(a, b);
        }
        let old = self.h;
        self.h = variance.next(self.square, old);
        for (d, square) in self.dh[..p].iter_mut().zip(&self.dsquare) {
            *d = a * square + b * *d;
        }
        self.dh[p] = 1.0 + b * self.dh[p];
        self.dh[p + 1] = self.square + b * self.dh[p + 1];
        self.dh[p + 2] = old + b * self.dh[p + 2];
    }

    fn advance_second(&mut self, a: f64, b: f64) {
        let (k, p) = (self.k, self.p);
        for i in 0..p + 3 {
            for j in 0..=i {
                let mut value = b * self.ddh[i * k + j];
                if i < p {
                    value += a * self.ddsquare[i * p + j];
                }
                if i == p + 1 && j < p {
                    value += self.dsquare[j];
                }
                if i == p + 2 {
                    value += self.dh[j] + if j == i { self.dh[j] } else { 0.0 };
                }
                self.ddh[i * k + j] = value;
            }
        }
    }
}

impl Problem<'_> {
    fn p(&self) -> usize {
        self.x.len()
    }

    fn k(&self) -> usize {
        self.p() + 3 + usize::from(self.law == Law::Student)
    }

    fn variance(&self, theta: &[f64]) -> Variance {
        let p = self.p();
        let nu = (self.law == Law::Student).then(|| theta[p + 3]);
        Variance { omega: theta[p], alpha: theta[p + 1], beta: theta[p + 2], nu }
    }

    fn residuals(&self, theta: &[f64]) -> Vec<f64> {
        let fitted = |t: usize| self.x.iter().zip(theta).map(|(x, b)| x[t] * b).sum::<f64>();
        self.y.iter().enumerate().map(|(t, y)| y - fitted(t)).collect()
    }

    /// Log-likelihood alone: the line searches need no more.
    fn loglik(&self, theta: &[f64]) -> f64 {
        let variance = self.variance(theta);
        let student = variance.nu.map(StudentConstants::new);
        let e = self.residuals(theta);
        let mut square = e.iter().map(|e| e * e).sum::<f64>() / e.len() as f64;
        let (mut h, mut total) = (square, 0.0);
        for e in e {
            h = variance.next(square, h);
            square = e * e;
            total += match &student {
                Some(s) => {
                    s.value - 0.5 * h.ln() - 0.5 * (s.nu + 1.0) * (square / (h * (s.nu - 2.0))).ln_1p()
                }
                None => -0.5 * ((2.0 * std::f64::consts::PI).ln() + h.ln() + square / h),
            };
        }
        total
    }

    fn presample(&self, e: &[f64]) -> Recursion {
        let (p, k, n) = (self.p(), self.k(), e.len() as f64);
        let square = e.iter().map(|e| e * e).sum::<f64>() / n;
        let dsquare: Vec<f64> =
            self.x.iter().map(|x| -2.0 * x.iter().zip(e).map(|(x, e)| x * e).sum::<f64>() / n).collect();
        let mut ddsquare = vec![0.0; p * p];
        let (mut dh, mut ddh) = (vec![0.0; k], vec![0.0; k * k]);
        for i in 0..p {
            dh[i] = dsquare[i];
            for j in 0..p {
                let product: f64 = self.x[i].iter().zip(self.x[j]).map(|(a, b)| a * b).sum();
                ddsquare[i * p + j] = 2.0 * product / n;
                ddh[i * k + j] = ddsquare[i * p + j];
            }
        }
        Recursion { k, p, h: square, dh, ddh, square, dsquare, ddsquare }
    }

    fn evaluate(&self, theta: &[f64], second: bool) -> Eval {
        let (p, k) = (self.p(), self.k());
        let variance = self.variance(theta);
        let student = variance.nu.map(StudentConstants::new);
        let e = self.residuals(theta);
        let mut state = self.presample(&e);
        let size = if second { k * k } else { 0 };
        let mut eval =
            Eval { loglik: 0.0, gradient: vec![0.0; k], hessian: vec![0.0; size], outer: vec![0.0; size] };
        let (mut score, mut de) = (vec![0.0; k], vec![0.0; k]);
        for (t, e) in e.iter().enumerate() {
            state.advance(&variance, second);
            for (d, x) in de.iter_mut().zip(self.x) {
                *d = -x[t];
            }
            let local = student.as_ref().map_or_else(|| normal_local(state.h, *e), |s| s.local(state.h, *e));
            eval.loglik += local.value;
            for i in 0..k {
                score[i] = local.h * state.dh[i] + local.e * de[i];
            }
            if variance.nu.is_some() {
                score[k - 1] = local.nu;
            }
            for (g, s) in eval.gradient.iter_mut().zip(&score) {
                *g += s;
            }
            if second {
                eval.add_second(&local, &state, &de, &score);
            }
            state.square = e * e;
            for i in 0..p {
                state.dsquare[i] = 2.0 * e * de[i];
                for j in 0..p {
                    state.ddsquare[i * p + j] = 2.0 * de[i] * de[j];
                }
            }
        }
        eval
    }

    /// Variance-targeted start on a small grid of persistence.
    fn start(&self, coef: &[f64]) -> Vec<f64> {
        let candidate = |(alpha, beta): (f64, f64)| {
            let mut theta = coef.to_vec();
            theta.extend([1.0 - alpha - beta, alpha, beta]);
            theta.extend((self.law == Law::Student).then_some(7.0));
            theta
        };
        let grid = [(0.05, 0.9), (0.1, 0.8), (0.05, 0.94), (0.2, 0.6), (0.1, 0.5), (0.2, 0.2)];
        let best = grid.into_iter().map(candidate).max_by(|a, b| self.loglik(a).total_cmp(&self.loglik(b)));
        best.unwrap_or_else(|| candidate((0.05, 0.9)))
    }

    /// Unconstrained coordinates: b, ln ω, ln(a/c), ln(β/c) with c = 1 - a - β, ln(ν - 2).
    fn free(&self, theta: &[f64]) -> Vec<f64> {
        let p = self.p();
        let rest = 1.0 - theta[p + 1] - theta[p + 2];
        let mut free = theta.to_vec();
        free[p] = theta[p].ln();
        free[p + 1] = (theta[p + 1] / rest).ln();
        free[p + 2] = (theta[p + 2] / rest).ln();
        if self.law == Law::Student {
            free[p + 3] = (theta[p + 3] - 2.0).ln();
        }
        free
    }

    fn natural(&self, free: &[f64]) -> Vec<f64> {
        let p = self.p();
        let bounded = |x: f64| x.clamp(-25.0, 25.0);
        let (a, b) = (bounded(free[p + 1]).exp(), bounded(free[p + 2]).exp());
        let mut theta = free.to_vec();
        theta[p] = bounded(free[p]).exp();
        theta[p + 1] = a / (1.0 + a + b);
        theta[p + 2] = b / (1.0 + a + b);
        if self.law == Law::Student {
            theta[p + 3] = 2.0 + bounded(free[p + 3]).min(9.0).exp();
        }
        theta
    }

    fn free_gradient(&self, theta: &[f64], gradient: &[f64]) -> Vec<f64> {
        let p = self.p();
        let (a, b) = (theta[p + 1], theta[p + 2]);
        let mut free = gradient.to_vec();
        free[p] *= theta[p];
        let mean = a * gradient[p + 1] + b * gradient[p + 2];
        free[p + 1] = a * (gradient[p + 1] - mean);
        free[p + 2] = b * (gradient[p + 2] - mean);
        if self.law == Law::Student {
            free[p + 3] *= theta[p + 3] - 2.0;
        }
        free
    }

    /// BFGS with backtracking on the free coordinates, from and to natural parameters.
    fn bfgs(&self, theta: Vec<f64>) -> Outcome<Vec<f64>> {
        let k = self.k();
        let n = self.y.len() as f64;
        let mut at = self.free(&theta);
        let mut eval = self.evaluate(&theta, false);
        let mut value = finite(eval.loglik, "the likelihood")?;
        let mut gradient = self.free_gradient(&theta, &eval.gradient);
        let mut inverse = identity(k, 1.0 / n);
        for _ in 0..300 {
            if gradient.iter().all(|g| g.abs() < 1e-5 * n.sqrt()) {
                break;
            }
            let mut step = multiply(&inverse, &gradient);
            if inner(&step, &gradient) <= 0.0 {
                inverse = identity(k, 1.0 / n);
                step = multiply(&inverse, &gradient);
            }
            let longest = step.iter().fold(0.0_f64, |a, s| a.max(s.abs()));
            let shrink = (2.0 / longest).min(1.0);
            step.iter_mut().for_each(|s| *s *= shrink);
            let Some((next, theta)) = self.line_search(&at, &step, value, inner(&step, &gradient)) else {
                break;
            };
            eval = self.evaluate(&theta, false);
            let new_gradient = self.free_gradient(&theta, &eval.gradient);
            let moved: Vec<f64> = next.iter().zip(&at).map(|(a, b)| a - b).collect();
            let turned: Vec<f64> = gradient.iter().zip(&new_gradient).map(|(a, b)| a - b).collect();
            update_inverse(&mut inverse, &moved, &turned);
            (at, value, gradient) = (next, eval.loglik, new_gradient);
        }
        Ok(self.natural(&at))
    }

    fn line_search(&self, at: &[f64], step: &[f64], value: f64, slope: f64) -> Option<(Vec<f64>, Vec<f64>)> {
        let mut length = 1.0;
        for _ in 0..40 {
            let next: Vec<f64> = at.iter().zip(step).map(|(a, s)| a + length * s).collect();
            let theta = self.natural(&next);
            if self.loglik(&theta) >= value + 1e-4 * length * slope {
                return Some((next, theta));
            }
            length *= 0.5;
        }
        None
    }

    fn interior(&self, theta: &[f64]) -> bool {
        let v = self.variance(theta);
        let nu = v.nu.is_none_or(|nu| nu > 2.0 && nu < 5_000.0);
        v.omega > 0.0 && v.alpha > 0.0 && v.beta > 0.0 && v.alpha + v.beta < 1.0 && nu
    }

    /// Newton on the natural parameters; converged when the step is negligible beside standard errors.
    fn newton(&self, mut theta: Vec<f64>) -> Outcome<Vec<f64>> {
        let mut smallest = f64::INFINITY;
        for _ in 0..50 {
            let eval = self.evaluate(&theta, true);
            let Ok(step) = solve(&eval.hessian, &eval.gradient) else { return Err(self.refusal(&theta)) };
            let decrement = inner(&step, &eval.gradient);
            if decrement < 1e-22 || (decrement < 1e-14 && decrement >= smallest) {
                return if self.boundary(&theta) { Err(self.refusal(&theta)) } else { Ok(theta) };
            }
            smallest = smallest.min(decrement);
            theta = self.damped(&theta, &step, eval.loglik).ok_or_else(|| self.refusal(&theta))?;
        }
        Err(self.refusal(&theta))
    }

    fn damped(&self, theta: &[f64], step: &[f64], value: f64) -> Option<Vec<f64>> {
        let slack = 1e-12 * value.abs().max(1.0);
        let at = |length: f64| -> Vec<f64> { theta.iter().zip(step).map(|(a, s)| a + length * s).collect() };
        let lengths = (0..30).map(|k| 0.5_f64.powi(k));
        lengths.map(at).find(|next| self.interior(next) && self.loglik(next) >= value - slack)
    }

    fn boundary(&self, theta: &[f64]) -> bool {
        let v = self.variance(theta);
        v.alpha < 1e-7 || v.beta < 1e-7 || v.alpha + v.beta > 1.0 - 1e-7 || v.omega < 1e-10
    }

    fn refusal(&self, theta: &[f64]) -> Missing {
        let v = self.variance(theta);
        let edge = v.alpha < 1e-4 || v.beta < 1e-4 || v.alpha + v.beta > 1.0 - 1e-4;
        if edge || v.nu.is_some_and(|nu| nu > 1_000.0) {
            Missing::NotApplicable { what: "the GARCH estimate lies on the boundary of its domain" }
        } else {
            Missing::NotConverged { what: "the GARCH likelihood" }
        }
    }

    fn report(&self, theta: &[f64], scale: f64) -> Outcome<Garch> {
        let (p, k, n) = (self.p(), self.k(), self.y.len());
        let eval = self.evaluate(theta, true);
        let bread = inverse(&eval.hessian.iter().map(|h| -h).collect::<Vec<_>>(), k)?;
        let opg = inverse(&eval.outer, k)?;
        let outer = Mat::from_fn(k, k, |i, j| eval.outer[i * k + j]);
        let sandwich = &bread * outer * &bread;
        let unit: Vec<f64> =
            (0..k).map(|i| if i < p { scale } else { [scale * scale, 1.0, 1.0, 1.0][i - p] }).collect();
        let se = |m: &Mat<f64>| -> Vec<f64> { (0..k).map(|i| m[(i, i)].sqrt() * unit[i]).collect() };
        let natural: Vec<f64> = theta.iter().zip(&unit).map(|(v, u)| v * u).collect();
        let residuals: Vec<f64> = self.residuals(theta).iter().map(|e| e * scale).collect();
        let variance = self.variance(&natural);
        let (h, forecast_h_next) = variances(&variance, &residuals);
        Ok(Garch {
            n,
            law: self.law,
            coef: natural[..p].to_vec(),
            variance,
            loglik: finite(eval.loglik - n as f64 * scale.ln(), "the likelihood")?,
            se_hessian: se(&bread),
            se_opg: se(&opg),
            se_qml: se(&sandwich),
            h,
            residuals,
            forecast_h_next,
        })
    }
}

/// `h_1 ... h_T` and `h_{T+1}` of errors under given parameters, with the presample rule of the module.
/// Empty input gives no variances and the unconditional one as forecast.
pub fn variances(variance: &Variance, errors: &[f64]) -> (Vec<f64>, f64) {
    if errors.is_empty() {
        return (Vec::new(), variance.unconditional());
    }
    let mut square = errors.iter().map(|e| e * e).sum::<f64>() / errors.len() as f64;
    let mut h = square;
    let mut all = Vec::with_capacity(errors.len());
    for e in errors {
        h = variance.next(square, h);
        square = e * e;
        all.push(h);
    }
    (all, variance.next(square, h))
}

impl Eval {
    fn add_second(&mut self, local: &Local, state: &Recursion, de: &[f64], score: &[f64]) {
        let k = score.len();
        let nu = (k > state.p + 3).then_some(k - 1);
        for i in 0..k {
            for j in 0..=i {
                let (hi, hj, ei, ej) = (state.dh[i], state.dh[j], de[i], de[j]);
                let mut value = local.hh * hi * hj
                    + local.h * state.ddh[i * k + j]
                    + local.he * (hi * ej + ei * hj)
                    + local.ee * ei * ej;
                if Some(i) == nu {
                    value = if j == i { local.nunu } else { local.hnu * hj + local.enu * ej };
                }
                self.hessian[i * k + j] += value;
                self.outer[i * k + j] += score[i] * score[j];
                if i != j {
                    self.hessian[j * k + i] = self.hessian[i * k + j];
                    self.outer[j * k + i] = self.outer[i * k + j];
                }
            }
        }
    }
}

fn identity(k: usize, size: f64) -> Vec<f64> {
    (0..k * k).map(|i| if i / k == i % k { size } else { 0.0 }).collect()
}

fn inner(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn multiply(matrix: &[f64], v: &[f64]) -> Vec<f64> {
    matrix.chunks(v.len()).map(|row| inner(row, v)).collect()
}

/// BFGS update of the inverse of the negative Hessian; skipped when the curvature is not positive.
fn update_inverse(inverse: &mut [f64], moved: &[f64], turned: &[f64]) {
    let k = moved.len();
    let curvature = inner(moved, turned);
    if curvature <= 1e-12 * (inner(moved, moved) * inner(turned, turned)).sqrt() {
        return;
    }
    let image = multiply(inverse, turned);
    let factor = (1.0 + inner(turned, &image) / curvature) / curvature;
    for i in 0..k {
        for j in 0..k {
            inverse[i * k + j] +=
                factor * moved[i] * moved[j] - (image[i] * moved[j] + moved[i] * image[j]) / curvature;
        }
    }
}

/// Solves `-H d = g` for a negative definite H.
fn solve(hessian: &[f64], gradient: &[f64]) -> Outcome<Vec<f64>> {
    let k = gradient.len();
    let negative = Mat::from_fn(k, k, |i, j| -hessian[i * k + j]);
    let factor = negative.llt(Side::Lower).map_err(|_| Missing::Singular)?;
    let step = factor.solve(Mat::from_fn(k, 1, |i, _| gradient[i]));
    Ok((0..k).map(|i| step[(i, 0)]).collect())
}

fn inverse(matrix: &[f64], k: usize) -> Outcome<Mat<f64>> {
    let matrix = Mat::from_fn(k, k, |i, j| matrix[i * k + j]);
    let factor = matrix.llt(Side::Lower).map_err(|_| Missing::Singular)?;
    Ok(factor.solve(Mat::<f64>::identity(k, k)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;

    fn simulated(seed: u64, n: usize, student: bool) -> Vec<f64> {
        let variance = Variance { omega: 2e-6, alpha: 0.09, beta: 0.89, nu: None };
        let mut stream = Stream::new(seed);
        let (mut h, mut square) = (variance.unconditional(), variance.unconditional());
        let draw = |_| {
            h = variance.next(square, h);
            let e = h.sqrt() * if student { stream.unit_student(6) } else { stream.normal() };
            square = e * e;
            3e-4 + e
        };
        (0..n).map(draw).collect()
    }

    #[test]
    fn trigamma_at_known_points() {
        // Abramowitz & Stegun 6.4: ψ'(1) = π²/6, ψ'(1/2) = π²/2.
        let pi2 = std::f64::consts::PI.powi(2);
        assert!((trigamma(1.0) - pi2 / 6.0).abs() < 1e-13);
        assert!((trigamma(0.5) - pi2 / 2.0).abs() < 1e-13);
    }

    #[test]
    fn analytic_derivatives_agree_with_differences() {
        let y: Vec<f64> = simulated(3, 200, true).iter().map(|r| r * 100.0).collect();
        let ones = vec![1.0; y.len()];
        let slope: Vec<f64> = (0..y.len()).map(|t| ((t * 7) % 11) as f64 / 11.0 - 0.4).collect();
        for law in [Law::Normal, Law::Student] {
            let problem = Problem { y: &y, x: &[&ones, &slope], law };
            let mut theta = vec![0.05, -0.1, 0.1, 0.12, 0.8];
            theta.extend((law == Law::Student).then_some(5.5));
            let k = theta.len();
            let eval = problem.evaluate(&theta, true);
            assert!((eval.loglik - problem.loglik(&theta)).abs() < 1e-9);
            for j in 0..k {
                let step = 1e-6;
                let (mut up, mut down) = (theta.clone(), theta.clone());
                up[j] += step;
                down[j] -= step;
                let slope = (problem.loglik(&up) - problem.loglik(&down)) / (2.0 * step);
                assert!(
                    (slope - eval.gradient[j]).abs() < 1e-4 * (1.0 + slope.abs()),
                    "{law:?} gradient {j}"
                );
                let (a, b) = (problem.evaluate(&up, false), problem.evaluate(&down, false));
                for i in 0..k {
                    let second = (a.gradient[i] - b.gradient[i]) / (2.0 * step);
                    let error = (second - eval.hessian[i * k + j]).abs();
                    assert!(error < 1e-4 * (1.0 + second.abs()), "{law:?} hessian {i} {j}");
                }
            }
        }
    }

    #[test]
    fn recovers_the_law_that_made_the_data() {
        let fitted = fit(&simulated(11, 6_000, true), Law::Student).unwrap();
        let nu = fitted.variance.nu.unwrap();
        assert!((fitted.variance.alpha - 0.09).abs() < 4.0 * fitted.se_hessian[2]);
        assert!((fitted.variance.beta - 0.89).abs() < 4.0 * fitted.se_hessian[3]);
        assert!((nu - 6.0).abs() < 4.0 * fitted.se_hessian[4]);
        assert_eq!(fitted.params().len(), 5);
        let forecast = fitted.forecast(400);
        assert_eq!(forecast[0], fitted.forecast_h_next);
        let far = fitted.variance.unconditional();
        assert!((forecast[399] - far).abs() <= (forecast[0] - far).abs());
    }

    #[test]
    fn scale_and_shift() {
        let returns = simulated(5, 1_500, false);
        let moved: Vec<f64> = returns.iter().map(|r| 100.0 * r + 7.0).collect();
        let (a, b) = (fit(&returns, Law::Normal).unwrap(), fit(&moved, Law::Normal).unwrap());
        assert!((a.coef[0] * 100.0 + 7.0 - b.coef[0]).abs() < 1e-8);
        assert!((a.variance.omega * 1e4 / b.variance.omega - 1.0).abs() < 1e-7);
        assert!((a.variance.alpha - b.variance.alpha).abs() < 1e-8);
        assert!((a.se_qml[3] / b.se_qml[3] - 1.0).abs() < 1e-6);
        assert!((a.loglik - 1_500.0 * 100.0_f64.ln() - b.loglik).abs() < 1e-7);
    }

    #[test]
    fn refusals_are_typed() {
        assert!(matches!(fit(&[0.01; 10], Law::Normal), Err(Missing::TooFew { have: 10, .. })));
        assert!(matches!(fit(&[0.01; 100], Law::Normal), Err(Missing::ConstantSeries { .. })));
        let mut holed = simulated(1, 100, false);
        holed[3] = f64::NAN;
        assert!(matches!(fit(&holed, Law::Normal), Err(Missing::Invalid { .. })));
    }
}
