//! The measured view's samples, one a request: what a comparison of two results is made of.

use super::{
    population::Observed,
    rates,
    record::LevelRecords,
    stats::{US_PER_MS, US_PER_S},
};

/// A level's samples: the requests that completed inside the window, in the order of their ends.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LevelSamples {
    /// Latency, s.
    pub request_latency: Vec<f64>,
    /// Time to first token, ms, where there was one.
    pub time_to_first_token_ms: Vec<f64>,
    /// The request's own mean gap between tokens, ms, from two tokens.
    pub inter_token_latency_ms: Vec<f64>,
}

impl LevelSamples {
    /// The samples of a level.
    #[must_use]
    pub fn of(level: &LevelRecords) -> Self {
        let mut completed: Vec<_> =
            level.records.iter().filter(|record| rates::completed_inside(record, level.window)).collect();
        completed.sort_by_key(|record| (record.end_us, record.start_us, record.stream));
        let seen: Vec<_> = completed
            .into_iter()
            .map(|record| Observed::until(record, level.start_us(record), record.end_us))
            .collect();
        Self {
            request_latency: seen.iter().map(|request| request.latency_us() as f64 / US_PER_S).collect(),
            time_to_first_token_ms: seen
                .iter()
                .filter_map(Observed::ttft_us)
                .map(|ttft_us| ttft_us as f64 / US_PER_MS)
                .collect(),
            inter_token_latency_ms: seen
                .iter()
                .filter_map(Observed::mean_gap_us)
                .map(|gap_us| gap_us / US_PER_MS)
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::measure::{
        summarise,
        tests::{level, request},
    };

    #[test]
    fn the_samples_are_those_that_the_published_spread_is_of() {
        let records = (0..30_u64)
            .map(|i| {
                request(i * 10_000, i * 10_000 + 9_000)
                    .events([i * 10_000 + 2_000 + i, i * 10_000 + 8_000])
                    .usage(8, 2)
            })
            .collect();
        let level = level((50_000, 250_000), records);
        let (samples, summary) = (LevelSamples::of(&level), summarise(&level).measured.percentiles);
        let mean = |samples: &[f64]| samples.iter().sum::<f64>() / samples.len() as f64;
        assert_eq!(samples.time_to_first_token_ms.len() as u64, summary.time_to_first_token_ms.n);
        assert!(
            (mean(&samples.time_to_first_token_ms) - summary.time_to_first_token_ms.mean.unwrap()).abs()
                < 1e-9
        );
        assert!(
            (mean(&samples.inter_token_latency_ms) - summary.inter_token_latency_ms.mean.unwrap()).abs()
                < 1e-9
        );
        assert!((mean(&samples.request_latency) - summary.request_latency.mean.unwrap()).abs() < 1e-9);
    }
}
