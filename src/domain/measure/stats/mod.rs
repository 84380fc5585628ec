//! Spread of a sample: quantiles, standard deviation and confidence intervals.
//!
//! Everything is computed from the sorted sample in the unit it was taken in (µs) and scaled at the very end, with
//! the four operations and the square root only, so that a recomputation is exact on any machine.

mod bootstrap;
mod median;

use super::summary::Distribution;

pub(crate) use median::median;

/// Microseconds in a second.
pub(super) const US_PER_S: f64 = 1_000_000.0;
/// Microseconds in a millisecond.
pub(super) const US_PER_MS: f64 = 1_000.0;

/// Least sample that supports p90, p95 and p99: with 99 % confidence at least two samples lie beyond the percentile.
pub(super) const SUPPORT_P90: usize = 64;
pub(super) const SUPPORT_P95: usize = 130;
pub(super) const SUPPORT_P99: usize = 662;

/// a ÷ b, or `None` where that isn't a number.
pub(super) fn ratio(a: f64, b: f64) -> Option<f64> {
    let quotient = a / b;
    quotient.is_finite().then_some(quotient)
}

/// A sum that neither wraps nor panics, whatever a damaged record says.
pub(super) fn total(values: impl Iterator<Item = u64>) -> u64 {
    values.fold(0, u64::saturating_add)
}

/// Spread of `samples` (µs), published in units of `per` µs. Samples must be finite; their order doesn't matter.
pub(super) fn distribution(mut samples: Vec<f64>, per: f64, seed: u64) -> Distribution {
    samples.sort_by(f64::total_cmp);
    let sorted = samples.as_slice();
    let n = sorted.len();
    let scale = |value: f64| value / per;
    let supported = |least: usize, q: f64| (n >= least).then(|| quantile(sorted, q)).flatten().map(scale);
    let mean = mean(sorted);
    let stddev = mean.and_then(|mean| stddev(sorted, mean));
    let ci95 = mean.zip(stddev).map(|(mean, stddev)| bootstrap::mean_ci95(sorted, mean, stddev, seed));
    Distribution {
        n: n as u64,
        mean: mean.map(scale),
        p50: quantile(sorted, 0.50).map(scale),
        p90: supported(SUPPORT_P90, 0.90),
        p95: supported(SUPPORT_P95, 0.95),
        p99: supported(SUPPORT_P99, 0.99),
        min: sorted.first().copied().map(scale),
        max: sorted.last().copied().map(scale),
        stddev: stddev.map(scale),
        ci95: ci95.map(|interval| interval.map(|bound| scale(within(sorted, bound)))),
        p50_ci95: median::ci95(sorted).map(|interval| interval.map(scale)),
    }
}

/// Quantile q of a sorted sample by linear interpolation between the two nearest samples (position q × (n − 1)).
pub(super) fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let position = q * sorted.len().checked_sub(1)? as f64;
    let below = *sorted.get(position.floor() as usize)?;
    let above = *sorted.get(position.ceil() as usize)?;
    Some((below + (above - below) * position.fract()).clamp(below, above))
}

/// Quantile q of a sorted sample by nearest rank: always a sample, the greatest where n < 1 ÷ (1 − q).
/// Used where a rule must not be softened by interpolation.
pub(super) fn nearest_rank(sorted: &[u64], q: f64) -> Option<u64> {
    let rank = (q * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied()
}

/// Arithmetic mean.
fn mean(sorted: &[f64]) -> Option<f64> {
    ratio(sorted.iter().sum(), sorted.len() as f64).map(|mean| within(sorted, mean))
}

/// A figure kept within the range of its sample, which rounding or a normal interval may leave.
fn within(sorted: &[f64], figure: f64) -> f64 {
    let (min, max) = (sorted.first().copied(), sorted.last().copied());
    figure.max(min.unwrap_or(figure)).min(max.unwrap_or(figure))
}

/// Sample standard deviation (n − 1), from two samples.
fn stddev(sorted: &[f64], mean: f64) -> Option<f64> {
    let degrees = sorted.len().checked_sub(1).filter(|degrees| *degrees > 0)?;
    let squares: f64 = sorted.iter().map(|value| (value - mean) * (value - mean)).sum();
    Some((squares / degrees as f64).sqrt())
}

#[cfg(test)]
mod tests;
