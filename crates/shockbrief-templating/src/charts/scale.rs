//! Axes: round ticks that cover the data, and the way from values to points.

/// A linear axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    /// Values at the two ends.
    pub domain: (f64, f64),
    /// Places of the two ends.
    pub range: (f64, f64),
    /// Distance between ticks.
    pub step: f64,
}

impl Scale {
    /// An axis that covers `values` and zero with about `count` round steps.
    pub fn covering(values: impl Iterator<Item = f64>, count: f64, range: (f64, f64)) -> Self {
        let (low, high) = values
            .filter(|v| v.is_finite())
            .fold((0.0_f64, 0.0_f64), |(low, high), v| (low.min(v), high.max(v)));
        let span = if high > low { high - low } else { 1.0 };
        let step = round_step(span / count);
        // A hair of slack keeps 0.3 from needing a tick beyond 3 × 0.1.
        let domain = ((low / step + 1e-9).floor() * step, (high / step - 1e-9).ceil() * step);
        let domain = if domain.0 < domain.1 { domain } else { (domain.0, domain.0 + 1.0) };
        Self { domain, range, step }
    }

    /// An axis between two values.
    pub fn between(domain: (f64, f64), range: (f64, f64)) -> Self {
        Self { domain, range, step: 1.0 }
    }

    /// The place of a value.
    pub fn at(&self, value: f64) -> f64 {
        let share = (value - self.domain.0) / (self.domain.1 - self.domain.0);
        self.range.0 + share * (self.range.1 - self.range.0)
    }

    /// Values of the ticks, zero exactly zero.
    pub fn ticks(&self) -> Vec<f64> {
        let first = (self.domain.0 / self.step).round() as i64;
        let last = (self.domain.1 / self.step).round() as i64;
        (first..=last).map(|i| i as f64 * self.step).collect()
    }
}

/// 1, 2, 2.5 or 5 times a power of ten, not below `rough`.
fn round_step(rough: f64) -> f64 {
    let power = 10_f64.powf(rough.log10().floor());
    let share = rough / power;
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|s| share <= s + 1e-9).unwrap_or(10.0);
    step * power
}

/// Moves places apart so that neighbours are at least `gap` from each other, within limits, in order.
pub fn spread(places: &[f64], gap: f64, limits: (f64, f64)) -> Vec<f64> {
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|a, b| places[*a].total_cmp(&places[*b]));
    // Blocks of touching labels, each centred on the mean of its wishes.
    let mut blocks: Vec<(f64, usize)> = Vec::new();
    for index in &order {
        blocks.push((places[*index], 1));
        while let [.., (c0, n0), (c1, n1)] = blocks[..] {
            if c0 + gap * (n0 as f64 - 1.0) / 2.0 + gap <= c1 - gap * (n1 as f64 - 1.0) / 2.0 {
                break;
            }
            let total = n0 + n1;
            let center = (c0 * n0 as f64 + c1 * n1 as f64) / total as f64;
            blocks.truncate(blocks.len() - 2);
            blocks.push((center, total));
        }
    }
    let mut placed = vec![0.0; places.len()];
    let mut next = order.into_iter();
    for (center, count) in blocks {
        let half = gap * (count as f64 - 1.0) / 2.0;
        let center = center.clamp(limits.0 + half, (limits.1 - half).max(limits.0 + half));
        for i in 0..count {
            if let Some(index) = next.next() {
                placed[index] = center - half + gap * i as f64;
            }
        }
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover() {
        let scale = Scale::covering([-0.31, 0.04].into_iter(), 6.0, (0.0, 100.0));
        assert_eq!(scale.step, 0.1);
        assert_eq!(scale.domain, (-0.4, 0.1));
        assert_eq!(scale.ticks().len(), 6);
        assert!(scale.ticks().contains(&0.0));
        assert_eq!(Scale::covering(std::iter::empty(), 5.0, (0.0, 1.0)).domain, (0.0, 1.0));
    }

    #[test]
    fn labels_do_not_overlap() {
        let placed = spread(&[10.0, 11.0, 12.0, 50.0], 9.0, (0.0, 60.0));
        assert_eq!(placed, [2.0, 11.0, 20.0, 50.0]);
        let low = spread(&[0.0, 0.0], 9.0, (0.0, 60.0));
        assert_eq!(low, [0.0, 9.0]);
    }
}
