//! An engine's own counters at one moment, and what lies between two such readings.

/// The engine's own counters; each `None` where it has none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EngineMetrics {
    /// Prompt tokens since the start.
    pub prompt_tokens_total: Option<f64>,
    /// Output tokens since the start.
    pub generation_tokens_total: Option<f64>,
    /// Requests ended since the start.
    pub requests_total: Option<f64>,
    /// Requests being worked on.
    pub running: Option<f64>,
    /// Requests waiting.
    pub waiting: Option<f64>,
    /// Prompt tokens looked up in the prefix cache since the start.
    pub prefix_cache_queries: Option<f64>,
    /// Prompt tokens found there.
    pub prefix_cache_hits: Option<f64>,
    /// Share of the KV cache in use, 0–1.
    pub kv_cache_usage: Option<f64>,
    /// Requests whose work was thrown away for want of KV cache, since the start.
    pub preemptions_total: Option<f64>,
    /// Arrival of a request to its first token, s, by the engine's own clock.
    pub ttft_s: Option<Histogram>,
    /// Arrival of a request to its first scheduling, s.
    pub queue_s: Option<Histogram>,
}

/// A cumulative histogram as engines publish it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Histogram {
    /// Sum of all samples.
    pub sum: f64,
    /// Samples.
    pub count: f64,
    /// (upper bound, samples up to it), ascending; without the last, unbounded one.
    pub buckets: Vec<(f64, f64)>,
}

/// What a counter grew by; `None` where it is missing or went backwards (the engine was started again).
pub(super) fn growth(before: Option<f64>, after: Option<f64>) -> Option<f64> {
    let grown = after? - before?;
    (grown >= 0.0).then_some(grown)
}

impl Histogram {
    /// The samples that came since an earlier reading; `None` when it went backwards.
    #[must_use]
    pub fn since(&self, before: &Self) -> Option<Self> {
        let (sum, count) = (self.sum - before.sum, self.count - before.count);
        let buckets: Vec<_> = self
            .buckets
            .iter()
            .filter_map(|(bound, samples)| {
                let same = |(earlier, _): &&(f64, f64)| (earlier - bound).abs() <= f64::EPSILON * bound.abs();
                let earlier = before.buckets.iter().find(same).map(|(_, samples)| *samples)?;
                Some((*bound, samples - earlier))
            })
            .collect();
        let is_sound = sum >= 0.0 && count >= 0.0 && buckets.is_sorted_by(|a, b| a.1 <= b.1);
        is_sound.then_some(Self { sum, count, buckets })
    }

    /// Arithmetic mean, exact.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0.0).then(|| self.sum / self.count)
    }

    /// An estimate of a quantile: samples are taken as spread evenly inside a bucket. `None` without samples, and
    /// where it lies above the last bound.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let rank = q * self.count;
        if self.count <= 0.0 {
            return None;
        }
        let at = self.buckets.iter().position(|(_, samples)| *samples >= rank && *samples > 0.0)?;
        let (upper, until) = self.buckets[at];
        let (lower, before) = at.checked_sub(1).map_or((0.0, 0.0), |below| self.buckets[below]);
        let inside = until - before;
        Some(if inside > 0.0 { lower + (upper - lower) * (rank - before) / inside } else { upper })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(sum: f64, count: f64, buckets: &[(f64, f64)]) -> Histogram {
        Histogram { sum, count, buckets: buckets.to_vec() }
    }

    #[test]
    fn what_came_between_two_readings_has_its_mean_and_estimated_quantiles() {
        let before = histogram(8.0, 100.0, &[(0.02, 10.0), (0.04, 90.0), (0.06, 100.0)]);
        let after = histogram(14.0, 300.0, &[(0.02, 10.0), (0.04, 190.0), (0.06, 290.0)]);
        let between = after.since(&before).unwrap();
        assert!((between.mean().unwrap() - 0.03).abs() < 1e-12);
        assert!((between.quantile(0.25).unwrap() - 0.03).abs() < 1e-12, "half of the bucket of 100");
        assert!((between.quantile(0.5).unwrap() - 0.04).abs() < 1e-12);
        assert_eq!(between.quantile(0.99), None, "above the last bound nobody knows");
        assert_eq!(Histogram::default().quantile(0.5), None);
        assert_eq!(Histogram::default().mean(), None);
    }

    #[test]
    fn counters_of_an_engine_that_was_started_again_say_nothing() {
        let before = histogram(8.0, 100.0, &[(0.02, 10.0)]);
        assert_eq!(histogram(1.0, 3.0, &[(0.02, 3.0)]).since(&before), None);
        assert_eq!(growth(Some(5.0), Some(4.0)), None);
        assert_eq!(growth(Some(5.0), Some(5.0)), Some(0.0));
        assert_eq!(growth(None, Some(5.0)), None);
    }
}
