//! Synthetic match: a firm's normal return as a portfolio of firms that the event did not reach.
//!
//! `w = argmin Σ_t (r_it - Σ_j w_j r_jt)²` over the estimation rows, `w >= 0`, `Σ w = 1`, by an active-set
//! quadratic programme; AR = r - Σ w_j r_j (Acemoglu, Johnson, Kermani, Kwak & Mitton 2016, J. Financial
//! Economics 121). Donors have a return on every row used and are not studied. The programme works on the
//! donors' products, which are computed once and serve every firm. Donors that copy each other leave the
//! weights undetermined and the match as it is: of two alike the earlier one is taken.

use crate::linalg::dot;
use crate::moments;
use crate::reason::{Missing, Outcome};
use faer::Mat;

/// Donors that a match needs.
pub const MIN_DONORS: usize = 20;

/// Donors complete on the rows of a study, with the products of their returns.
#[derive(Debug)]
pub struct Pool {
    /// Places of the donors in the list given, ascending.
    pub donors: Vec<usize>,
    /// Places of those left out, because a return is missing on a row used.
    pub incomplete: Vec<usize>,
    /// Returns on the estimation rows, one column per donor.
    returns: Vec<Vec<f64>>,
    products: Mat<f64>,
}

impl Pool {
    /// Donors with a return on every row of `estimation` and `window`; columns on one calendar.
    ///
    /// # Errors
    /// [`Missing::TooFew`] below `need` donors or without an estimation row, [`Missing::OutsideSample`] for
    /// rows beyond a column.
    pub fn new(
        donors: &[&[Option<f64>]],
        estimation: &[usize],
        window: &[usize],
        need: usize,
    ) -> Outcome<Self> {
        let last = estimation.iter().chain(window).max().copied().unwrap_or(0);
        if estimation.is_empty() {
            return Err(Missing::TooFew { what: "estimation days", have: 0, need: 1 });
        }
        if donors.iter().any(|d| d.len() <= last) {
            return Err(Missing::OutsideSample);
        }
        let on = |d: &[Option<f64>]| -> Option<Vec<f64>> {
            window.iter().try_for_each(|row| d[*row].map(|_| ()))?;
            estimation.iter().map(|row| d[*row].filter(|r| r.is_finite())).collect()
        };
        let (mut kept, mut incomplete, mut returns) = (Vec::new(), Vec::new(), Vec::new());
        for (place, donor) in donors.iter().enumerate() {
            match on(donor) {
                Some(column) => {
                    kept.push(place);
                    returns.push(column);
                }
                None => incomplete.push(place),
            }
        }
        if kept.len() < need.max(1) {
            return Err(Missing::TooFew { what: "donors", have: kept.len(), need: need.max(1) });
        }
        let x = Mat::from_fn(estimation.len(), kept.len(), |t, j| returns[j][t]);
        let products = x.transpose() * &x;
        Ok(Self { donors: kept, incomplete, returns, products })
    }

    /// The pool restricted to some of its donors, by their place in the pool.
    ///
    /// # Errors
    /// [`Missing::TooFew`] below `need`.
    pub fn subset(&self, keep: &[usize], need: usize) -> Outcome<Self> {
        if keep.len() < need.max(1) {
            return Err(Missing::TooFew { what: "donors", have: keep.len(), need: need.max(1) });
        }
        Ok(Self {
            donors: keep.iter().map(|k| self.donors[*k]).collect(),
            incomplete: self.incomplete.clone(),
            returns: keep.iter().map(|k| self.returns[*k].clone()).collect(),
            products: Mat::from_fn(keep.len(), keep.len(), |i, j| self.products[(keep[i], keep[j])]),
        })
    }

    /// Returns of the donors on the estimation rows, in the order of `donors`.
    pub fn returns(&self) -> &[Vec<f64>] {
        &self.returns
    }

    /// Clean donors: the half whose residual correlates least in size with `sample`, the sample's mean
    /// residual, so that an event which reaches the sample's neighbours, or moves money out of it, does not
    /// enter the match. `residuals` are those of
    /// the donors; ties go to the earlier donor. Places in the pool, ascending.
    ///
    /// # Errors
    /// [`Missing::LengthMismatch`]; [`Missing::ConstantSeries`] when the sample's residual does not vary.
    pub fn clean(&self, residuals: &[Vec<f64>], sample: &[f64]) -> Outcome<Vec<usize>> {
        if residuals.len() != self.donors.len() {
            let (left, right) = (self.donors.len(), residuals.len());
            return Err(Missing::LengthMismatch { what: "donors and residuals", left, right });
        }
        moments::positive_sd(sample, "the sample's mean residual")?;
        // A donor that does not move beside the market moves with nobody.
        let link = |e: &Vec<f64>| match moments::correlation(e, sample) {
            Err(Missing::ConstantSeries { .. }) => Ok(0.0),
            other => other.map(f64::abs),
        };
        let links = residuals.iter().map(link).collect::<Outcome<Vec<f64>>>()?;
        let mut order: Vec<usize> = (0..links.len()).collect();
        order.sort_by(|a, b| links[*a].total_cmp(&links[*b]).then(a.cmp(b)));
        order.truncate(links.len().div_ceil(2));
        order.sort_unstable();
        Ok(order)
    }

    /// Weights that match `unit`, its returns on the estimation rows.
    ///
    /// # Errors
    /// [`Missing::LengthMismatch`], [`Missing::Invalid`] for a return that is not finite,
    /// [`Missing::NotConverged`].
    pub fn matched(&self, unit: &[f64]) -> Outcome<Match> {
        let rows = self.returns[0].len();
        if unit.len() != rows {
            return Err(Missing::LengthMismatch { what: "unit and donors", left: unit.len(), right: rows });
        }
        if unit.iter().any(|r| !r.is_finite()) {
            return Err(Missing::Invalid { what: "a return" });
        }
        let links: Vec<f64> = self.returns.iter().map(|d| dot(d, unit)).collect();
        let (places, weights) = Programme { products: &self.products, links: &links }.solve()?;
        let mut errors = unit.to_vec();
        for (place, weight) in places.iter().zip(&weights) {
            errors.iter_mut().zip(&self.returns[*place]).for_each(|(e, r)| *e -= weight * r);
        }
        Ok(Match {
            donors: places.iter().map(|k| self.donors[*k]).collect(),
            rmse: (dot(&errors, &errors) / rows as f64).sqrt(),
            largest: weights.iter().fold(0.0_f64, |a, w| a.max(*w)),
            concentration: dot(&weights, &weights),
            weights,
            errors,
        })
    }
}

/// Weights of one firm's match.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// Donors with a positive weight, by their place in the list given, ascending.
    pub donors: Vec<usize>,
    /// Their weights; they sum to one.
    pub weights: Vec<f64>,
    /// Root mean square of the estimation errors, σ_i of [`phi`].
    pub rmse: f64,
    /// Largest weight.
    pub largest: f64,
    /// Σ w², the reciprocal of the effective number of donors.
    pub concentration: f64,
    /// Estimation errors r - Σ w_j r_j.
    pub errors: Vec<f64>,
}

/// Minimise `w'Gw/2 - c'w` over `w >= 0`, `Σ w = 1`.
struct Programme<'a> {
    products: &'a Mat<f64>,
    links: &'a [f64],
}

impl Programme<'_> {
    fn solve(&self) -> Outcome<(Vec<usize>, Vec<f64>)> {
        let n = self.links.len();
        let alone = |j: &usize| 0.5 * self.products[(*j, *j)] - self.links[*j];
        let first = (0..n).min_by(|a, b| alone(a).total_cmp(&alone(b))).unwrap_or(0);
        let (mut set, mut w) = (vec![first], vec![1.0]);
        let mut blocked = vec![false; n];
        // Every round adds a donor or ends; the objective falls, so that no set returns.
        for _ in 0..50 * n.max(20) {
            let Some(entering) = self.entering(&set, &w, &blocked) else {
                return Ok(sorted(set, w));
            };
            let held = (set.clone(), w.clone());
            set.push(entering);
            w.push(0.0);
            if self.descend(&mut set, &mut w)? {
                blocked.fill(false);
            } else {
                (set, w) = held;
                blocked[entering] = true;
            }
        }
        Err(Missing::NotConverged { what: "the synthetic match" })
    }

    /// The donor outside the set along which the objective falls fastest.
    fn entering(&self, set: &[usize], w: &[f64], blocked: &[bool]) -> Option<usize> {
        let gradient = |j: usize| {
            set.iter().zip(w).map(|(k, w)| self.products[(j, *k)] * w).sum::<f64>() - self.links[j]
        };
        let level = set.iter().zip(w).map(|(k, w)| gradient(*k) * w).sum::<f64>();
        let size = self.products[(set[0], set[0])].max(level.abs()).max(f64::MIN_POSITIVE);
        let best = (0..self.links.len())
            .filter(|j| !blocked[*j] && !set.contains(j))
            .map(|j| (j, gradient(j)))
            .min_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)))?;
        (best.1 < level - 1e-11 * size).then_some(best.0)
    }

    /// Moves to the minimum over the set, dropping donors whose weight reaches zero on the way; false when
    /// the last donor copies others of the set.
    fn descend(&self, set: &mut Vec<usize>, w: &mut Vec<f64>) -> Outcome<bool> {
        let mut first = true;
        loop {
            let Some(target) = self.minimum(set) else { return Ok(!first) };
            first = false;
            if target.iter().all(|v| *v > 0.0) {
                *w = target;
                return Ok(true);
            }
            let step = w
                .iter()
                .zip(&target)
                .filter(|(_, to)| **to <= 0.0)
                .map(|(from, to)| from / (from - to))
                .fold(1.0_f64, f64::min);
            let moved: Vec<f64> = w.iter().zip(&target).map(|(from, to)| from + step * (to - from)).collect();
            let least = moved.iter().zip(&target).filter(|(_, to)| **to <= 0.0).map(|(v, _)| *v);
            let least = least.fold(f64::MAX, f64::min).max(0.0);
            let kept: Vec<usize> =
                (0..set.len()).filter(|k| target[*k] > 0.0 || moved[*k] > least + 1e-15).collect();
            if kept.is_empty() || kept.len() == set.len() {
                return Err(Missing::NotConverged { what: "the synthetic match" });
            }
            *set = kept.iter().map(|k| set[*k]).collect();
            *w = kept.iter().map(|k| moved[*k].max(0.0)).collect();
        }
    }

    /// Minimum over the set under Σ w = 1 alone: the first donor is the reference, the others' differences to
    /// it are the regressors. `None` when the differences depend on each other.
    fn minimum(&self, set: &[usize]) -> Option<Vec<f64>> {
        let (r, n) = (set[0], set.len() - 1);
        let g = |i: usize, j: usize| self.products[(i, j)];
        let mut l = vec![0.0; n * n];
        let mut y = vec![0.0; n];
        for i in 0..n {
            let a = set[i + 1];
            for j in 0..=i {
                let b = set[j + 1];
                let value = g(a, b) - g(a, r) - g(r, b) + g(r, r);
                let known: f64 = (0..j).map(|k| l[i * n + k] * l[j * n + k]).sum();
                if i == j {
                    let pivot = value - known;
                    if pivot <= 1e-11 * (g(a, a) + g(r, r)) {
                        return None;
                    }
                    l[i * n + i] = pivot.sqrt();
                } else {
                    l[i * n + j] = (value - known) / l[j * n + j];
                }
            }
            let link = (self.links[a] - g(a, r)) - (self.links[r] - g(r, r));
            let known: f64 = (0..i).map(|k| l[i * n + k] * y[k]).sum();
            y[i] = (link - known) / l[i * n + i];
        }
        for i in (0..n).rev() {
            let known: f64 = (i + 1..n).map(|k| l[k * n + i] * y[k]).sum();
            y[i] = (y[i] - known) / l[i * n + i];
        }
        let rest = 1.0 - y.iter().sum::<f64>();
        Some(std::iter::once(rest).chain(y).collect())
    }
}

fn sorted(set: Vec<usize>, w: Vec<f64>) -> (Vec<usize>, Vec<f64>) {
    let mut both: Vec<(usize, f64)> = set.into_iter().zip(w).filter(|(_, w)| *w > 0.0).collect();
    both.sort_by_key(|(place, _)| *place);
    both.into_iter().unzip()
}

/// `φ = Σ_i CAR_i/σ_i ÷ Σ_i 1/σ_i` of firms' (CAR, σ): the effect on a firm, well matched ones first.
///
/// # Errors
/// [`Missing::NoFirms`], [`Missing::ConstantSeries`] for a σ that is not positive.
pub fn phi(matched: &[(f64, f64)]) -> Outcome<f64> {
    if matched.is_empty() {
        return Err(Missing::NoFirms);
    }
    if matched.iter().any(|(_, sigma)| !(*sigma > 0.0 && sigma.is_finite())) {
        return Err(Missing::ConstantSeries { what: "the estimation error" });
    }
    let top: f64 = matched.iter().map(|(car, sigma)| car / sigma).sum();
    let weight: f64 = matched.iter().map(|(_, sigma)| 1.0 / sigma).sum();
    crate::reason::finite(top / weight, "the mean effect")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;
    use proptest::prelude::*;

    fn columns(seed: u64, count: usize, rows: usize) -> Vec<Vec<Option<f64>>> {
        let mut stream = Stream::new(seed);
        let common: Vec<f64> = (0..rows).map(|_| stream.normal()).collect();
        (0..count)
            .map(|_| common.iter().map(|c| Some(0.01 * (0.7 * c + stream.normal()))).collect())
            .collect()
    }

    fn views(columns: &[Vec<Option<f64>>]) -> Vec<&[Option<f64>]> {
        columns.iter().map(Vec::as_slice).collect()
    }

    #[test]
    fn a_mixture_of_donors_is_found() {
        let donors = columns(3, 30, 100);
        let rows: Vec<usize> = (0..80).collect();
        let pool = Pool::new(&views(&donors), &rows, &[80, 81], 20).unwrap();
        let of = |k: usize, t: usize| donors[k][t].unwrap();
        let unit: Vec<f64> =
            rows.iter().map(|t| 0.5 * of(4, *t) + 0.3 * of(11, *t) + 0.2 * of(29, *t)).collect();
        let found = pool.matched(&unit).unwrap();
        assert_eq!(found.donors, [4, 11, 29]);
        for (have, want) in found.weights.iter().zip([0.5, 0.3, 0.2]) {
            assert!((have - want).abs() < 1e-10, "{have} {want}");
        }
        assert!(found.rmse < 1e-12 && (found.largest - 0.5).abs() < 1e-10);
        assert!((found.concentration - 0.38).abs() < 1e-10);
    }

    #[test]
    fn copies_and_gaps_are_no_trouble() {
        let mut donors = columns(5, 25, 60);
        donors[7] = donors[3].clone();
        donors[9][50] = None;
        let rows: Vec<usize> = (0..50).collect();
        let pool = Pool::new(&views(&donors), &rows, &[50], 20).unwrap();
        assert_eq!((pool.donors.len(), pool.incomplete.as_slice()), (24, &[9][..]));
        let unit: Vec<f64> = rows.iter().map(|t| donors[3][*t].unwrap()).collect();
        assert_eq!(pool.matched(&unit).unwrap().donors, [3]);
        assert!(matches!(
            Pool::new(&views(&donors), &rows, &[50], 25),
            Err(Missing::TooFew { have: 24, .. })
        ));
        assert!(matches!(Pool::new(&views(&donors), &rows, &[60], 5), Err(Missing::OutsideSample)));
    }

    #[test]
    fn clean_donors_are_the_half_that_moves_least_with_the_sample() {
        let donors = columns(8, 24, 60);
        let rows: Vec<usize> = (0..60).collect();
        let pool = Pool::new(&views(&donors), &rows, &[], 20).unwrap();
        let residuals: Vec<Vec<f64>> = pool.returns().to_vec();
        let clean = pool.clean(&residuals, &residuals[6]).unwrap();
        assert_eq!(clean.len(), 12);
        assert!(!clean.contains(&6));
        let link = |k: usize| moments::correlation(&residuals[k], &residuals[6]).unwrap().abs();
        let worst = clean.iter().map(|k| link(*k)).fold(0.0, f64::max);
        assert!((0..24).filter(|k| !clean.contains(k)).all(|k| link(k) >= worst));
    }

    #[test]
    fn phi_by_hand() {
        assert!((phi(&[(0.1, 1.0), (0.4, 2.0)]).unwrap() - 0.2).abs() < 1e-15);
        assert!(phi(&[]).is_err() && phi(&[(0.1, 0.0)]).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// No small change of the weights within the simplex does better: the conditions of Karush, Kuhn and
        /// Tucker, checked on the returns themselves.
        #[test]
        fn no_other_weights_match_better(seed in 0u64..1_000, rows in 12usize..60) {
            let all = columns(seed, 26, rows);
            let list: Vec<usize> = (0..rows).collect();
            let pool = Pool::new(&views(&all[1..]), &list, &[], 5).unwrap();
            let unit: Vec<f64> = all[0].iter().map(|r| r.unwrap() * 1.3).collect();
            let found = pool.matched(&unit).unwrap();
            prop_assert!((found.weights.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            prop_assert!(found.weights.iter().all(|w| *w > 0.0));
            let slope: Vec<f64> = pool.returns().iter().map(|d| -dot(d, &found.errors)).collect();
            let level = slope.iter().copied().fold(f64::MAX, f64::min);
            for donor in &found.donors {
                prop_assert!((slope[*donor] - level).abs() < 1e-9, "{} {level}", slope[*donor]);
            }
        }
    }
}
