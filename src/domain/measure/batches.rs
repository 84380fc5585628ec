//! How sure a level's own means are, by batch means: what the interval of a mean is when neighbours resemble each other.
//!
//! Tokens of one moment say much about those of the next, so the usual s ÷ √n would be far too narrow. The window is cut
//! into 20 batches; their means are nearly independent once a batch is long beside a request, and what dependence is
//! left between neighbours widens the interval.

use serde::{Deserialize, Serialize};

use super::{
    population::Observed,
    rates,
    record::LevelRecords,
    stats::{self, US_PER_MS, US_PER_S},
    tokens,
};

/// Batches that a window is cut into.
pub const BATCHES: usize = 20;
/// 97.5th percentile of Student's t with 19 degrees of freedom.
const T_975: f64 = 2.093_024_054;
/// Dependence beyond this is counted as this: an interval nine and a half times as wide says enough.
const MOST_AUTOCORRELATION: f64 = 0.98;
/// Requests that a batch of requests needs, at least.
const LEAST_REQUESTS_A_BATCH: usize = 2;

/// A mean by its batches.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BatchMeans {
    /// Batches.
    pub batches: u32,
    /// Mean of the batches' means.
    pub mean: f64,
    /// Sample standard deviation of the batches' means, as they would have to spread if they were independent.
    pub stddev: f64,
    /// Correlation of each batch with the next.
    pub autocorrelation: f64,
    /// 95 % confidence interval of the mean.
    pub ci95: [f64; 2],
    /// Half the interval's width ÷ mean; `None`: the mean is 0.
    pub half_width_share: Option<f64>,
}

/// How sure a level's figures are.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Precision {
    /// Output tokens per second inside the window.
    pub output_tokens_per_second: Option<BatchMeans>,
    /// Time to first token, ms, of the requests that completed inside it.
    pub time_to_first_token_ms: Option<BatchMeans>,
}

impl BatchMeans {
    /// Of the means of [`BATCHES`] batches in their order; `None` of any other number.
    #[must_use]
    pub fn of(means: &[f64]) -> Option<Self> {
        if means.len() != BATCHES {
            return None;
        }
        let n = BATCHES as f64;
        let mean = means.iter().sum::<f64>() / n;
        let squares: f64 = means.iter().map(|value| (value - mean) * (value - mean)).sum();
        let neighbours: f64 =
            means.windows(2).filter_map(|pair| Some((pair.first()? - mean) * (pair.last()? - mean))).sum();
        let autocorrelation = stats::ratio(neighbours, squares).unwrap_or(0.0);
        // Batches that swing to and fro would narrow it: that is not relied on.
        let dependent = autocorrelation.clamp(0.0, MOST_AUTOCORRELATION);
        let stddev = (squares / (n - 1.0) * (1.0 + dependent) / (1.0 - dependent)).sqrt();
        let half = T_975 * stddev / n.sqrt();
        if !(mean.is_finite() && half.is_finite()) {
            return None;
        }
        Some(Self {
            batches: BATCHES as u32,
            mean,
            stddev,
            autocorrelation,
            ci95: [mean - half, mean + half],
            half_width_share: stats::ratio(half, mean.abs()),
        })
    }
}

/// Means of [`BATCHES`] batches of successive samples, of nearly one size; `None`: too few samples.
#[must_use]
pub fn of_samples(samples: &[f64]) -> Option<BatchMeans> {
    if samples.len() < BATCHES * LEAST_REQUESTS_A_BATCH {
        return None;
    }
    let means: Vec<f64> = (0..BATCHES)
        .filter_map(|batch| {
            let of = samples.get(batch * samples.len() / BATCHES..(batch + 1) * samples.len() / BATCHES)?;
            Some(of.iter().sum::<f64>() / of.len() as f64)
        })
        .collect();
    BatchMeans::of(&means)
}

/// How sure a level's figures are, from its records.
pub(super) fn precision(level: &LevelRecords) -> Precision {
    Precision {
        output_tokens_per_second: token_rates(level).and_then(|rates| BatchMeans::of(&rates)),
        time_to_first_token_ms: of_samples(&first_tokens_ms(level)),
    }
}

/// Output tokens per second that arrived in each batch of the window.
fn token_rates(level: &LevelRecords) -> Option<Vec<f64>> {
    let window = level.window;
    let length_us = window.length_us();
    let mut counts = [0_u64; BATCHES];
    let mut any = false;
    for record in level.after_warm_up() {
        let first = tokens::events_before(record, window.start_us);
        for (index, at_us) in record.arrivals_us.iter().enumerate().skip(first) {
            if *at_us > window.end_us {
                break;
            }
            // The records of a damaged block may go back in time.
            let Some(since_us) = at_us.checked_sub(window.start_us) else { continue };
            let counted =
                tokens::in_first_events(record, index).zip(tokens::in_first_events(record, index + 1));
            let Some((before, after)) = counted else { break };
            let into = u128::from(since_us) * BATCHES as u128 / u128::from(length_us.max(1));
            if let Some(count) = counts.get_mut((into as usize).min(BATCHES - 1)) {
                *count += after.saturating_sub(before);
                any = true;
            }
        }
    }
    let batch_us = length_us as f64 / BATCHES as f64;
    (any && length_us >= BATCHES as u64)
        .then(|| counts.iter().map(|count| *count as f64 * US_PER_S / batch_us).collect())
}

/// Times to first token of the requests that completed inside the window, in the order of their ends.
fn first_tokens_ms(level: &LevelRecords) -> Vec<f64> {
    let mut ended: Vec<(u64, u64)> = level
        .records
        .iter()
        .filter(|record| rates::completed_inside(record, level.window))
        .filter_map(|record| {
            let seen = Observed::until(record, level.start_us(record), record.end_us);
            Some((record.end_us, seen.ttft_us()?))
        })
        .collect();
    ended.sort_unstable();
    ended.into_iter().map(|(_, ttft_us)| ttft_us as f64 / US_PER_MS).collect()
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng, rngs::SmallRng};

    use super::*;
    use crate::domain::measure::tests::{level, request};

    #[test]
    fn tokens_are_counted_in_the_batch_they_arrived_in() {
        // 2 s: a batch is 0.1 s. One token every 50 ms, the first at W0: two a batch, three in the last with W1's own.
        let events = (0..=40).map(|i| 1_000_000 + i * 50_000);
        let level = level((1_000_000, 3_000_000), vec![request(0, 4_000_000).events(events).usage(8, 41)]);
        let rates = token_rates(&level).unwrap();
        assert_eq!((rates[0], rates[18], rates[19]), (20.0, 20.0, 30.0));
        let found = precision(&level).output_tokens_per_second.unwrap();
        assert!((found.mean - 20.5).abs() < 1e-9, "41 tokens in 2 s: {found:?}");
    }

    #[test]
    fn nothing_known_has_no_precision() {
        assert_eq!(precision(&level((0, 1_000_000), vec![])), Precision::default());
        assert_eq!(of_samples(&[1.0; 39]), None);
        assert_eq!(of_samples(&[1.0; 40]).unwrap().half_width_share, Some(0.0));
    }

    /// A series in which each value remembers the one before.
    fn dependent(random: &mut SmallRng, n: usize, memory: f64) -> Vec<f64> {
        let mut now = 0.0;
        (0..n)
            .map(|_| {
                now = memory * now + random.random::<f64>() - 0.5;
                100.0 + now
            })
            .collect()
    }

    #[test]
    fn the_interval_covers_the_true_mean_of_a_dependent_series_where_the_usual_one_does_not() {
        let mut random = SmallRng::seed_from_u64(5);
        let (mut batched, mut usual) = (0, 0);
        for _ in 0..300 {
            let series = dependent(&mut random, 1_000, 0.9);
            let [low, high] = of_samples(&series).unwrap().ci95;
            batched += u32::from((low..=high).contains(&100.0));
            let mean = series.iter().sum::<f64>() / 1_000.0;
            let variance = series.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 999.0;
            usual += u32::from((mean - 100.0).abs() <= 1.96 * (variance / 1_000.0).sqrt());
        }
        assert!(batched >= 276, "batch means: {batched} of 300");
        assert!(usual < 200, "the usual interval: {usual} of 300");
    }
}
