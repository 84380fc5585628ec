//! What was measured before, as far as it says something about a candidate.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Load;
use crate::domain::{catalog::Gpu, measure::median, roofline::Work, sizing::Precision};

/// Lengths of prompts and answers may be so many times what is asked about and still be the same work.
const SAME_WORK: f64 = 1.25;

/// One level of one run of the model and engine in question.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HistoryPoint {
    /// The GPU's id in the catalog.
    pub gpu: String,
    /// How many.
    pub count: u32,
    /// How the weights were served; `None`: the engine didn't say, and it is the model's own.
    pub precision: Option<Precision>,
    /// Streams; `None`: saturated.
    pub streams: Option<u32>,
    /// The requests.
    pub work: Work,
    /// Output tokens a second, measured view.
    pub output_tokens_per_second: f64,
    /// Median time to the first token, ms.
    pub ttft_ms: Option<f64>,
    /// Mean time between tokens, ms.
    pub itl_ms: Option<f64>,
    /// When it was measured.
    pub at: DateTime<Utc>,
}

/// What several points say of one load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Seen {
    pub rate: f64,
    pub least_rate: f64,
    pub most_rate: f64,
    pub ttft_ms: Option<f64>,
    pub itl_ms: Option<f64>,
    pub runs: usize,
}

impl Seen {
    fn of(points: &[&HistoryPoint]) -> Option<Self> {
        let rates: Vec<f64> = points.iter().map(|point| point.output_tokens_per_second).collect();
        let all = |of: fn(&HistoryPoint) -> Option<f64>| {
            median(&points.iter().filter_map(|point| of(point)).collect::<Vec<_>>())
        };
        Some(Self {
            rate: median(&rates)?,
            least_rate: rates.iter().copied().min_by(f64::total_cmp)?,
            most_rate: rates.iter().copied().max_by(f64::total_cmp)?,
            ttft_ms: all(|point| point.ttft_ms),
            itl_ms: all(|point| point.itl_ms),
            runs: points.len(),
        })
    }

    /// What is between two loads, `share` of the way.
    fn between(low: &Self, high: &Self, share: f64) -> Self {
        let mix = |low: f64, high: f64| low + (high - low) * share;
        let both = |low: Option<f64>, high: Option<f64>| low.zip(high).map(|(low, high)| mix(low, high));
        Self {
            rate: mix(low.rate, high.rate),
            least_rate: mix(low.least_rate, high.least_rate),
            most_rate: mix(low.most_rate, high.most_rate),
            ttft_ms: both(low.ttft_ms, high.ttft_ms),
            itl_ms: both(low.itl_ms, high.itl_ms),
            runs: low.runs.min(high.runs),
        }
    }
}

/// Whether a figure is close enough to be of the same work.
pub(super) fn is_same_work(a: Work, b: Work) -> bool {
    let near = |a: f64, b: f64| a > 0.0 && b > 0.0 && a.max(b) / a.min(b) <= SAME_WORK;
    near(a.prompt_tokens, b.prompt_tokens) && near(a.output_tokens, b.output_tokens)
}

/// What these points, all of one setup, say of a load; between two numbers of streams that were measured, but never
/// beyond them.
pub(super) fn at_load(points: &[&HistoryPoint], load: Load) -> Option<Seen> {
    let of = |streams: Option<u32>| {
        let those: Vec<_> = points.iter().copied().filter(|point| point.streams == streams).collect();
        Seen::of(&those)
    };
    let Load::Streams(wanted) = load else { return of(None) };
    if let Some(exact) = of(Some(wanted)) {
        return Some(exact);
    }
    let measured = points.iter().filter_map(|point| point.streams);
    let below = measured.clone().filter(|streams| *streams < wanted).max()?;
    let above = measured.filter(|streams| *streams > wanted).min()?;
    let share = f64::from(wanted - below) / f64::from(above - below);
    Some(Seen::between(&of(Some(below))?, &of(Some(above))?, share))
}

/// How far apart two setups are in bandwidth: the logarithm of its ratio.
pub(super) fn distance(a: (&Gpu, u32), b: (&Gpu, u32)) -> Option<f64> {
    let bandwidth = |(gpu, count): (&Gpu, u32)| Some(gpu.memory_bandwidth_gb_per_s? * f64::from(count));
    Some((bandwidth(a)? / bandwidth(b)?).ln().abs())
}
