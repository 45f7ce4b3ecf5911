//! Seeded random numbers for bootstraps and simulations.
//!
//! A thin layer over PCG-64 (O'Neill 2014), whose stream is fixed by the
//! seed on every platform. The crate never seeds from the clock. Parallel
//! work takes one [`Stream`] per replication through [`Stream::child`], so
//! the result does not depend on how many threads ran.

use rand_pcg::Pcg64;
use rand_pcg::rand_core::{Rng, SeedableRng};

/// A deterministic stream of random numbers.
#[derive(Debug, Clone)]
pub struct Stream {
    core: Pcg64,
    spare: Option<f64>,
}

impl Stream {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self { core: Pcg64::seed_from_u64(seed), spare: None }
    }

    /// The stream of replication `index` under `seed`, independent of the
    /// order in which replications run.
    pub fn child(seed: u64, index: u64) -> Self {
        let mixed = seed ^ index.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Self::new(mixed.rotate_left(17).wrapping_mul(0xD134_2543_DE82_EF95) ^ seed)
    }

    /// Uniform on [0, 1) with 53 random bits.
    pub fn uniform(&mut self) -> f64 {
        (self.core.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// Uniform integer in `0..n` by multiplication with rejection (Lemire
    /// 2019); 0 when `n` is 0 or 1.
    pub fn index(&mut self, n: usize) -> usize {
        if n <= 1 {
            return 0;
        }
        let n = n as u64;
        let floor = n.wrapping_neg() % n;
        loop {
            let wide = u128::from(self.core.next_u64()) * u128::from(n);
            if wide as u64 >= floor {
                return (wide >> 64) as usize;
            }
        }
    }

    /// Standard normal by Marsaglia's polar method.
    pub fn normal(&mut self) -> f64 {
        if let Some(kept) = self.spare.take() {
            return kept;
        }
        loop {
            let u = 2.0 * self.uniform() - 1.0;
            let v = 2.0 * self.uniform() - 1.0;
            let s = u * u + v * v;
            if s > 0.0 && s < 1.0 {
                let scale = (-2.0 * s.ln() / s).sqrt();
                self.spare = Some(v * scale);
                return u * scale;
            }
        }
    }

    /// Student t with `df` degrees of freedom scaled to unit variance
    /// (`df > 2`), as a normal over the root of a chi-squared mean.
    pub fn unit_student(&mut self, df: u32) -> f64 {
        let z = self.normal();
        let chi2: f64 = (0..df).map(|_| self.normal().powi(2)).sum();
        let d = f64::from(df);
        z / (chi2 / d).sqrt() * ((d - 2.0) / d).sqrt()
    }

    /// +1 or -1 with equal probability.
    pub fn rademacher(&mut self) -> f64 {
        if self.core.next_u64() >> 63 == 0 { 1.0 } else { -1.0 }
    }

    /// Row indices of one stationary-bootstrap resample (Politis & Romano
    /// 1994): `length` rows out of `0..n`, in blocks of geometric length with
    /// mean `block` rows (at least 1), wrapping round at the end.
    pub fn stationary_rows(&mut self, n: usize, length: usize, block: f64) -> Vec<usize> {
        let restart = 1.0 / block.max(1.0);
        let mut rows = Vec::with_capacity(length);
        let mut at = self.index(n);
        for k in 0..length {
            if k > 0 {
                at = if self.uniform() < restart { self.index(n) } else { (at + 1) % n.max(1) };
            }
            rows.push(at);
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_fixes_the_stream() {
        let (mut a, mut b) = (Stream::new(7), Stream::new(7));
        assert!((0..100).all(|_| a.normal() == b.normal()));
        assert_ne!(Stream::child(7, 0).uniform(), Stream::child(7, 1).uniform());
    }

    #[test]
    fn moments_are_those_of_the_law() {
        let mut r = Stream::new(1);
        let z: Vec<f64> = (0..40_000).map(|_| r.normal()).collect();
        let t: Vec<f64> = (0..40_000).map(|_| r.unit_student(5)).collect();
        assert!(crate::moments::mean(&z).unwrap().abs() < 0.02);
        assert!((crate::moments::variance(&z, 1).unwrap() - 1.0).abs() < 0.03);
        assert!((crate::moments::variance(&t, 1).unwrap() - 1.0).abs() < 0.08);
    }

    #[test]
    fn blocks_stay_in_range() {
        let rows = Stream::new(3).stationary_rows(10, 1_000, 5.0);
        assert!(rows.iter().all(|&i| i < 10));
        let joins = rows.windows(2).filter(|w| w[1] == (w[0] + 1) % 10).count();
        assert!(joins > 700, "{joins} of 999 steps continue a block");
    }
}
