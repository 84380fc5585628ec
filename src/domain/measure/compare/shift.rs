//! By how much one side's samples are greater: the median of all pair differences (Hodges and Lehmann), with an interval.

use super::rank::outside_95;

/// A shift from the first side to the second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// The median of b − a over all pairs.
    pub estimate: f64,
    /// Its 95 % confidence interval, by the ranks of the Mann–Whitney test; `None`: too few samples for one.
    pub ci95: Option<[f64; 2]>,
}

/// The shift between two samples of finite numbers; `None`: one of them is empty.
#[must_use]
pub fn shift(a: &[f64], b: &[f64]) -> Option<Shift> {
    let (mut a, mut b) = (a.to_vec(), b.to_vec());
    a.sort_by(f64::total_cmp);
    b.sort_by(f64::total_cmp);
    let pairs = Pairs { a: &a, b: &b };
    let n = a.len() as u64 * b.len() as u64;
    let estimate = f64::midpoint(pairs.smallest(n.div_ceil(2))?, pairs.smallest(n / 2 + 1)?);
    let outside = outside_95(a.len(), b.len());
    let ci95 =
        (outside > 0).then(|| Some([pairs.smallest(outside)?, pairs.smallest(n + 1 - outside)?])).flatten();
    Some(Shift { estimate, ci95 })
}

/// All differences b − a of two sorted samples, never written out: there may be 10¹⁰.
struct Pairs<'a> {
    a: &'a [f64],
    b: &'a [f64],
}

impl Pairs<'_> {
    /// The k-th smallest difference, from 1: the least value that enough differences don't exceed, by bisection.
    fn smallest(&self, k: u64) -> Option<f64> {
        let mut low = self.b.first()? - self.a.last()?;
        let mut high = self.b.last()? - self.a.first()?;
        if self.at_most(low).0 >= k {
            return Some(low);
        }
        // Below `low` there are too few, at `high` enough; a few dozen halvings leave no number between them.
        for _ in 0..200 {
            let middle = f64::midpoint(low, high);
            if middle <= low || middle >= high {
                break;
            }
            if self.at_most(middle).0 >= k {
                high = middle;
            } else {
                low = middle;
            }
        }
        // A difference itself, not a number near it.
        self.at_most(high).1
    }

    /// How many differences are at most `limit`, and the greatest of those.
    fn at_most(&self, limit: f64) -> (u64, Option<f64>) {
        let mut first = 0;
        let (mut count, mut greatest) = (0_u64, None::<f64>);
        for b in self.b {
            while let Some(a) = self.a.get(first)
                && b - a > limit
            {
                first += 1;
            }
            let Some(a) = self.a.get(first) else { break };
            count += (self.a.len() - first) as u64;
            greatest = Some(greatest.map_or(b - a, |so_far| so_far.max(b - a)));
        }
        (count, greatest)
    }
}
