//! The median, and its exact 95 % confidence interval: two order statistics chosen by the binomial distribution.

/// The median of a sample, the mean of the middle two where there are two; `None` of nothing.
pub(crate) fn median(sample: &[f64]) -> Option<f64> {
    let mut sorted = sample.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(*sorted.get(sorted.len() / 2 - 1)?, upper))
}

/// The narrowest symmetric pair of order statistics that covers the median with at least 95 %; from 6 samples.
///
/// A sample lies below the median with probability ½ whatever the distribution, so the r-th smallest and r-th
/// greatest enclose it unless fewer than r samples fell on one side: each side's risk must stay within 2.5 %.
pub(super) fn ci95(sorted: &[f64]) -> Option<[f64; 2]> {
    let rank = greatest_rank(sorted.len())?;
    Some([*sorted.get(rank - 1)?, *sorted.get(sorted.len() - rank)?])
}

/// Greatest r ≥ 1 with P(Binomial(n, ½) < r) ≤ 2.5 %.
fn greatest_rank(n: usize) -> Option<usize> {
    // In logarithms: ½ⁿ is no number any more from n = 1075.
    let mut ln_probability = -(n as f64) * std::f64::consts::LN_2;
    let mut below = 0.0;
    let mut rank = 0;
    for k in 0..n {
        below += ln_probability.exp();
        if below > 0.025 {
            break;
        }
        rank = k + 1;
        ln_probability += ((n - k) as f64 / (k + 1) as f64).ln();
    }
    (rank > 0).then_some(rank)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_those_of_the_published_tables() {
        // Sign-test tables: n = 6 → 1, 10 → 2, 20 → 6, 50 → 18, 100 → 40.
        for (n, rank) in [(6, 1), (8, 1), (9, 2), (10, 2), (20, 6), (50, 18), (100, 40)] {
            assert_eq!(greatest_rank(n), Some(rank), "n = {n}");
        }
    }

    #[test]
    fn five_samples_cannot_enclose_a_median_with_95_per_cent() {
        assert_eq!(greatest_rank(5), None);
        assert_eq!(greatest_rank(0), None);
    }

    #[test]
    fn large_samples_follow_the_normal_approximation() {
        for n in [2_000_usize, 300_000] {
            let rank = greatest_rank(n).unwrap() as f64;
            let normal = n as f64 / 2.0 - 1.96 * (n as f64).sqrt() / 2.0;
            assert!((rank - normal).abs() < 2.0, "{rank} against {normal}");
        }
    }
}
