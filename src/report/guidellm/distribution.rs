//! GuideLLM's `DistributionSummary`: of values, of a rate over time, of how many were in flight over time.
//!
//! Its rules, not ours: an empty sample is all zeros, and every percentile is there however few samples are. Our own
//! figures (`domain::measure`) know neither.

use serde::Serialize;

/// Events this close together, µs, are one in a rate.
const MERGE_WITHIN_US: u64 = 100;
/// Microseconds in a second.
const US_PER_S: f64 = 1_000_000.0;

/// The spread of one quantity.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Distribution {
    pub(super) mean: f64,
    pub(super) median: f64,
    pub(super) mode: f64,
    pub(super) variance: f64,
    pub(super) std_dev: f64,
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) count: u64,
    pub(super) total_sum: f64,
    pub(super) percentiles: Percentiles,
    /// Always null: GuideLLM's own files leave it out too.
    pub(super) pdf: Option<Vec<[f64; 2]>>,
}

/// Its percentiles: the least value below or at which that share lies.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Percentiles {
    p001: f64,
    p01: f64,
    p05: f64,
    p10: f64,
    p25: f64,
    pub(super) p50: f64,
    p75: f64,
    p90: f64,
    p95: f64,
    pub(super) p99: f64,
    p999: f64,
}

impl Distribution {
    /// Of values that all weigh the same.
    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        Self::weighted(values.into_iter().map(|value| (value, 1.0)).collect(), None)
    }

    /// Of values with their weights; `count` where that isn't the sum of the weights.
    pub(super) fn weighted(mut values: Vec<(f64, f64)>, count: Option<u64>) -> Self {
        values.retain(|(value, weight)| value.is_finite() && *weight > 0.0);
        values.sort_by(|a, b| a.0.total_cmp(&b.0));
        let total: f64 = values.iter().map(|(_, weight)| weight).sum();
        let count = count.unwrap_or(total.round() as u64);
        let (Some(first), Some(last)) = (values.first().copied(), values.last().copied()) else {
            return Self { count, ..Self::default() };
        };
        values.dedup_by(|next, kept| {
            let same = next.0.total_cmp(&kept.0).is_eq();
            if same {
                kept.1 += next.1;
            }
            same
        });
        let mean = values.iter().map(|(value, weight)| value * weight).sum::<f64>() / total;
        let squares = values.iter().map(|(value, weight)| (value - mean) * (value - mean) * weight);
        let variance = squares.sum::<f64>() / total;
        // The first of the heaviest.
        let mode = values.iter().fold(first.0, {
            let mut heaviest = 0.0;
            move |mode, (value, weight)| {
                if *weight > heaviest {
                    heaviest = *weight;
                    return *value;
                }
                mode
            }
        });
        let percentiles = Percentiles::of(&values, total);
        Self {
            mean,
            median: percentiles.p50,
            mode,
            variance,
            std_dev: variance.sqrt(),
            min: first.0,
            max: last.0,
            count,
            total_sum: mean * count as f64,
            percentiles,
            pdf: None,
        }
    }

    /// Of a rate, per second: each event stands for the time halfway to its neighbours. Between the ends of `window`
    /// where one is given, else between the first event and the last.
    pub(super) fn of_rate(events: impl IntoIterator<Item = (u64, f64)>, window: Option<(u64, u64)>) -> Self {
        let mut events: Vec<(u64, f64)> = events.into_iter().collect();
        if let Some((start_us, end_us)) = window {
            events.retain(|(at, _)| (start_us..=end_us).contains(at));
            events.extend([(start_us, 0.0), (end_us, 0.0)]);
        }
        events.sort_by_key(|(at, _)| *at);
        events.dedup_by(|next, kept| {
            let close = next.0 - kept.0 <= MERGE_WITHIN_US;
            if close {
                kept.1 += next.1;
            }
            close
        });
        let count = events.iter().map(|(_, weight)| weight).sum::<f64>().round() as u64;
        if events.len() < 2 {
            return Self { count, ..Self::default() };
        }
        let at = |place: usize| events.get(place).map(|(at, _)| *at as f64 / US_PER_S);
        let rates = events.iter().enumerate().filter_map(|(place, (now, weight))| {
            let now = *now as f64 / US_PER_S;
            let before = place.checked_sub(1).and_then(at).map_or(now, |before| f64::midpoint(before, now));
            let after = at(place + 1).map_or(now, |after| f64::midpoint(now, after));
            let duration = after - before;
            (duration > 0.0).then(|| (weight / duration, duration))
        });
        Self::weighted(rates.collect(), Some(count))
    }

    /// Of how many intervals (from, to) lie over each moment of `window`, weighed by how long they do.
    pub(super) fn of_concurrency(intervals: &[(u64, u64)], window: (u64, u64)) -> Self {
        let inside = |at: u64| at.clamp(window.0, window.1);
        let touching: Vec<_> =
            intervals.iter().filter(|(from, to)| *to >= window.0 && *from <= window.1).collect();
        let mut changes: Vec<(u64, i64)> =
            touching.iter().flat_map(|(from, to)| [(inside(*from), 1), (inside(*to), -1)]).collect();
        changes.extend([(window.0, 0), (window.1, 0)]);
        changes.sort_unstable();
        let mut in_flight = 0_i64;
        let mut levels = Vec::new();
        for pair in changes.windows(2) {
            if let [(at, change), (until, _)] = pair {
                in_flight += change;
                levels.push((in_flight as f64, (until - at) as f64 / US_PER_S));
            }
        }
        Self::weighted(levels, Some(touching.len() as u64))
    }
}

impl Percentiles {
    fn of(sorted: &[(f64, f64)], total: f64) -> Self {
        let at = |share: f64| {
            let mut sum = 0.0;
            let found = sorted.iter().find(|(_, weight)| {
                sum += weight;
                sum >= share * total
            });
            found.or(sorted.last()).map_or(0.0, |(value, _)| *value)
        };
        Self {
            p001: at(0.001),
            p01: at(0.01),
            p05: at(0.05),
            p10: at(0.10),
            p25: at(0.25),
            p50: at(0.50),
            p75: at(0.75),
            p90: at(0.90),
            p95: at(0.95),
            p99: at(0.99),
            p999: at(0.999),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-9, "{a} is not {b}");
    }

    #[test]
    fn values_have_a_mean_a_mode_and_percentiles_that_are_values() {
        let spread = Distribution::of([4.0, 1.0, 2.0, 2.0, 6.0]);
        close(spread.mean, 3.0);
        close(spread.variance, 3.2);
        close(spread.total_sum, 15.0);
        assert_eq!((spread.count, spread.mode, spread.median), (5, 2.0, 2.0));
        assert_eq!((spread.min, spread.max, spread.percentiles.p99), (1.0, 6.0, 6.0));
    }

    #[test]
    fn nothing_is_all_zeros() {
        assert_eq!(Distribution::of([]), Distribution::default());
        assert_eq!(Distribution::of_rate([], None), Distribution::default());
    }

    #[test]
    fn a_rates_mean_is_what_happened_over_the_time_it_took() {
        // Four completions in a window of 2 s, two of them at once.
        let at = |ms: u64| (1_000_000 + ms * 1_000, 1.0);
        let rate =
            Distribution::of_rate([at(500), at(500), at(1_200), at(1_700)], Some((1_000_000, 3_000_000)));
        close(rate.mean, 2.0);
        assert_eq!(rate.count, 4);
        // Without a window: 30 tokens in the 0.3 s between the first and the last.
        let rate = Distribution::of_rate([(0, 10.0), (100_000, 10.0), (300_000, 10.0)], None);
        close(rate.mean, 100.0);
    }

    #[test]
    fn concurrency_is_weighed_by_how_long_it_lasted() {
        // One request for the whole second, another for its second half, a third that ended before.
        let spread = Distribution::of_concurrency(
            &[(0, 2_000_000), (1_500_000, 9_000_000), (0, 500)],
            (1_000_000, 2_000_000),
        );
        close(spread.mean, 1.5);
        assert_eq!((spread.min, spread.max, spread.count), (1.0, 2.0, 2));
    }
}
