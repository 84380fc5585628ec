//! Every gap between two events of an answer, counted: the shape that a mean per request hides.

use serde::{Deserialize, Serialize};

use super::{
    rates,
    record::LevelRecords,
    stats::{self, US_PER_MS},
};

/// Steps of a decade, the R10 series: ten bounds a decade, each about a quarter above the one before.
const STEPS: [u64; 10] = [100, 125, 160, 200, 250, 315, 400, 500, 630, 800];

/// The unit that the histogram is in.
const UNIT: &str = "ms";

/// Gaps by length, of the requests that completed inside the window. A gap lies between two events with text; where the
/// engine puts several tokens in an event, that is more than one token's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GapHistogram {
    /// `ms`.
    pub unit: String,
    /// [upper bound in ms, gaps above the bound before and not above this one], ascending; empty ones are left out.
    pub buckets: Vec<(f64, u64)>,
    /// Gaps.
    pub n: u64,
    /// Median, ms, of the gaps themselves, not of the buckets.
    pub p50: Option<f64>,
    /// 90th percentile; from 64 gaps.
    pub p90: Option<f64>,
    /// 95th percentile; from 130 gaps.
    pub p95: Option<f64>,
    /// 99th percentile; from 662 gaps.
    pub p99: Option<f64>,
}

impl GapHistogram {
    /// Gaps in each bucket from the shortest to the longest, empty ones between included, at most `widest`: what is beyond
    /// is in the last.
    #[must_use]
    pub fn bars(&self, widest: usize) -> Vec<u64> {
        let Some((first_ms, _)) = self.buckets.first() else { return Vec::new() };
        let mut bars = Vec::new();
        for (upper_ms, count) in &self.buckets {
            let decades = (upper_ms / first_ms).log10();
            let place = ((decades * STEPS.len() as f64).round() as usize).min(widest.saturating_sub(1));
            bars.resize(bars.len().max(place + 1), 0);
            if let Some(bar) = bars.get_mut(place) {
                *bar += count;
            }
        }
        bars
    }
}

/// The gaps of a level; `None`: there are none.
pub(super) fn histogram(level: &LevelRecords) -> Option<GapHistogram> {
    let mut gaps_us: Vec<u64> = level
        .records
        .iter()
        .filter(|record| rates::completed_inside(record, level.window))
        .flat_map(|record| {
            record.arrivals_us.windows(2).filter_map(|pair| Some(pair.last()?.saturating_sub(*pair.first()?)))
        })
        .collect();
    if gaps_us.is_empty() {
        return None;
    }
    gaps_us.sort_unstable();
    let sorted: Vec<f64> = gaps_us.iter().map(|gap| *gap as f64).collect();
    let at = |least: usize, q: f64| {
        (sorted.len() >= least).then(|| stats::quantile(&sorted, q)).flatten().map(|us| us / US_PER_MS)
    };
    let buckets = gaps_us
        .chunk_by(|a, b| upper_us(*a) == upper_us(*b))
        .filter_map(|bucket| Some((upper_us(*bucket.first()?) as f64 / US_PER_MS, bucket.len() as u64)))
        .collect();
    Some(GapHistogram {
        unit: UNIT.to_owned(),
        buckets,
        n: gaps_us.len() as u64,
        p50: at(1, 0.50),
        p90: at(stats::SUPPORT_P90, 0.90),
        p95: at(stats::SUPPORT_P95, 0.95),
        p99: at(stats::SUPPORT_P99, 0.99),
    })
}

/// The least bound that a gap doesn't exceed, µs; the lowest is 0.1 ms.
fn upper_us(gap_us: u64) -> u64 {
    let mut scale = 1_u64;
    loop {
        for step in STEPS {
            let bound = step.saturating_mul(scale);
            if gap_us <= bound {
                return bound;
            }
        }
        scale = scale.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::measure::{
        record::Outcome,
        tests::{level, request},
    };

    #[test]
    fn bounds_climb_by_tenths_of_a_decade_and_hold_what_is_at_most_them() {
        let seen: Vec<u64> = [0, 100, 101, 999, 1_000, 1_001, 9_000, u64::MAX].map(upper_us).into();
        assert_eq!(seen, [100, 100, 125, 1_000, 1_000, 1_250, 10_000, u64::MAX]);
    }

    #[test]
    fn each_gap_of_a_completed_answer_is_counted_once() {
        let answer = request(0, 100_000).events([10_000, 20_000, 30_000, 55_000]).usage(8, 4);
        let cut = request(0, 100_000).events([10_000, 90_000]).outcome(Outcome::CutOff);
        let found = histogram(&level((0, 100_000), vec![answer, cut])).unwrap();
        assert_eq!((found.n, found.buckets), (3, vec![(10.0, 2), (25.0, 1)]));
        assert_eq!((found.p50, found.p90), (Some(10.0), None));
    }

    #[test]
    fn a_percentile_is_of_the_gaps_and_shown_where_there_are_enough() {
        let answer = request(0, 1_000_000).events((0..=64).map(|i| 1_000 * i + i * i)).usage(8, 65);
        let found = histogram(&level((0, 1_000_000), vec![answer])).unwrap();
        assert_eq!(found.n, 64);
        assert!((found.p50.unwrap() - 1.064).abs() < 1e-9, "{found:?}");
        assert!(found.p90.is_some() && found.p95.is_none());
    }

    #[test]
    fn answers_of_one_event_have_no_gap() {
        assert_eq!(histogram(&level((0, 10), vec![request(0, 9).events([3]).usage(1, 1)])), None);
    }
}
