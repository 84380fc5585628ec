//! The Mann–Whitney test: whether samples of one side tend to be greater than those of the other.

use super::distributions::normal_two_sided;

/// Greatest side for which the distribution of U is counted out, where no two samples are equal.
const MOST_COUNTED: usize = 20;

/// The outcome of the test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MannWhitney {
    /// Pairs in which the second side's sample is the greater one; ties count half.
    pub u: f64,
    /// Two-sided p-value: exact up to 20 samples a side without ties, else by the normal approximation with corrections
    /// for ties and continuity.
    pub p: f64,
    /// u ÷ pairs.
    pub superiority: f64,
}

/// Tests two samples of finite numbers; `None`: one of them is empty.
#[must_use]
pub fn mann_whitney(a: &[f64], b: &[f64]) -> Option<MannWhitney> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    let mut all: Vec<(f64, bool)> = a.iter().map(|value| (*value, false)).collect();
    all.extend(b.iter().map(|value| (*value, true)));
    all.sort_by(|x, y| x.0.total_cmp(&y.0));
    let (size_a, size_b) = (a.len() as f64, b.len() as f64);
    let mut rank_sum = 0.0;
    let mut ties = 0.0;
    let mut before = 0.0;
    // `==`, not the total order: −0 and 0 tie.
    #[expect(clippy::float_cmp, reason = "equal samples share a rank")]
    for group in all.chunk_by(|x, y| x.0 == y.0) {
        let size = group.len() as f64;
        let of_b = group.iter().filter(|(_, is_b)| *is_b).count() as f64;
        rank_sum += of_b * (before + f64::midpoint(size, 1.0));
        ties += size * size * size - size;
        before += size;
    }
    let pairs = size_a * size_b;
    let u = rank_sum - size_b * (size_b + 1.0) / 2.0;
    let p = if ties == 0.0 && a.len().max(b.len()) <= MOST_COUNTED {
        let lower = u.min(pairs - u).round() as usize;
        (2.0 * cumulative(a.len(), b.len()).get(lower).copied().unwrap_or(0.5)).min(1.0)
    } else {
        let total = size_a + size_b;
        let variance = pairs / 12.0 * (total + 1.0 - ties / (total * (total - 1.0)));
        let off = ((u - pairs / 2.0).abs() - 0.5).max(0.0);
        // All samples are equal: nothing speaks for a difference.
        if variance > 0.0 { normal_two_sided(off / variance.sqrt()) } else { 1.0 }
    };
    Some(MannWhitney { u, p, superiority: u / pairs })
}

/// P(U ≤ u) for u = 0, 1, … of two sides without ties, when they come from one distribution.
pub(super) fn cumulative(n: usize, m: usize) -> Vec<f64> {
    // Arrangements of i and j samples by their U: the greatest sample is one of the second side's, above all i of the
    // first, or one of the first.
    let mut rows: Vec<Vec<f64>> = vec![vec![1.0]; m + 1];
    for i in 1..=n {
        let mut next: Vec<Vec<f64>> = vec![vec![1.0]];
        for j in 1..=m {
            let mut counts = vec![0.0; i * j + 1];
            let of_second = next.get(j - 1).map(|row| (row, i));
            let of_first = rows.get(j).map(|row| (row, 0));
            for (row, offset) in of_second.into_iter().chain(of_first) {
                for (slot, count) in counts.iter_mut().skip(offset).zip(row) {
                    *slot += count;
                }
            }
            next.push(counts);
        }
        rows = next;
    }
    let counts = rows.pop().unwrap_or_default();
    let all: f64 = counts.iter().sum();
    counts
        .iter()
        .scan(0.0, |sum, count| {
            *sum += count;
            Some(*sum / all)
        })
        .collect()
}

/// How many of the smallest pair differences lie outside a 95 % interval of the shift; 0: too few samples for one.
pub(super) fn outside_95(n: usize, m: usize) -> u64 {
    if n.max(m) <= MOST_COUNTED {
        return cumulative(n, m).iter().take_while(|p| **p <= 0.025).count() as u64;
    }
    let (n, m) = (n as f64, m as f64);
    let k = n * m / 2.0 - 1.959_963_985 * (n * m * (n + m + 1.0) / 12.0).sqrt();
    k.floor().max(0.0) as u64
}
