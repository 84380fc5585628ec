//! How fast a candidate would be: as measured, else scaled from what was measured elsewhere, else by the roofline.

use serde::Serialize;

use super::{
    Load, Question,
    history::{HistoryPoint, Seen, at_load, distance, is_same_work},
};
use crate::domain::{
    catalog::Gpu,
    roofline::{Ceiling, Machine, REACHED_AT_BEST, Served, Work},
    sizing::Fit,
};

/// A band of several runs is at least so wide to either side; of one run alone, and of a scaled or calculated figure,
/// as below. Only the roofline's upper end is physics; the others, and what GPUs lose together, are our caution.
const SEVERAL_RUNS: f64 = 0.05;
const ONE_RUN: f64 = 0.15;
const SCALED: f64 = 0.35;
/// Engines may stay so far below what they reach at best.
const ROOFLINE_LOW: f64 = 0.4;
/// Twice the GPUs of one kind are so much of twice as fast where nothing was measured: they wait for each other.
const DOUBLED: f64 = 0.85;

/// How a figure was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// The same model, engine, precision, GPU and number of them were measured.
    History,
    /// The same model and engine were measured elsewhere.
    Scaled,
    /// Nothing was measured.
    Roofline,
}

/// A figure and how far off it may be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Band {
    /// At least.
    pub low: f64,
    /// Predicted.
    pub mid: f64,
    /// At most.
    pub high: f64,
}

impl Band {
    fn scale(self, factor: f64) -> Self {
        Self { low: self.low * factor, mid: self.mid * factor, high: self.high * factor }
    }

    /// A time whose band follows from that of a rate.
    fn inverse_of(mid: f64, rate: Self) -> Self {
        Self { low: mid * rate.mid / rate.high, mid, high: mid * rate.mid / rate.low }
    }
}

/// What a candidate would do under the load asked about.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Prediction {
    /// Of all requests together.
    pub output_tokens_per_second: Band,
    /// Of one of them, once it has begun.
    pub tokens_per_second_per_user: Option<f64>,
    /// To the first token, ms, where nothing queues.
    pub ttft_ms: Option<Band>,
    /// Between tokens, ms.
    pub itl_ms: Option<Band>,
    /// How it was found.
    pub method: Method,
    /// Runs behind it.
    pub runs: usize,
    /// The same in words.
    pub reason: String,
}

/// Predicts what a candidate would do; the reason where nothing can be said.
pub(super) fn predict(
    question: &Question<'_>,
    (gpu, fit): (&Gpu, &Fit),
    gpus: &[Gpu],
    history: &[HistoryPoint],
) -> Result<Prediction, String> {
    let precision = question.options.precision;
    let alike: Vec<&HistoryPoint> = history
        .iter()
        .filter(|point| point.output_tokens_per_second > 0.0)
        .filter(|point| point.precision.unwrap_or(question.shape.native).is_like(precision))
        .collect();

    let own: Vec<&HistoryPoint> = alike
        .iter()
        .copied()
        .filter(|point| {
            point.gpu == gpu.id && point.count == fit.count && is_same_work(point.work, question.work)
        })
        .collect();
    if let Some(seen) = at_load(&own, question.load) {
        let reason = format!("{} on {}", runs(seen.runs), setup(gpu, fit.count));
        return Ok(measured(&seen, Method::History, band_of(&seen), 1.0, reason));
    }

    let ceiling = ceiling(question, gpu, fit, question.work);
    if let (Ok(ceiling), Some(near)) = (&ceiling, nearest(question, (gpu, fit.count), gpus, &alike)) {
        let together = joint(fit.count) / joint(near.count);
        let ratio = together * ceiling.output_tokens_per_second / near.ceiling.output_tokens_per_second;
        let spread = band_of(&near.seen);
        let band = Band { low: spread.low * (1.0 - SCALED), high: spread.high * (1.0 + SCALED), ..spread };
        let reason = format!(
            "{} on {}, × {ratio:.2} by their rooflines",
            runs(near.seen.runs),
            setup(near.gpu, near.count)
        );
        return Ok(measured(&near.seen, Method::Scaled, band.scale(ratio), ratio, reason));
    }

    let ceiling = ceiling.map_err(|why| format!("how fast it would be can't be said: {why}"))?;
    let best = ceiling.output_tokens_per_second;
    let reached = REACHED_AT_BEST * joint(fit.count);
    let mid = best * reached;
    let band = Band { low: mid * ROOFLINE_LOW, mid, high: best };
    let itl = ceiling.inter_token_latency_ms / reached;
    let ttft = ceiling.time_to_first_token_ms / reached;
    Ok(Prediction {
        output_tokens_per_second: band,
        tokens_per_second_per_user: Some(1e3 / itl),
        ttft_ms: Some(Band::inverse_of(ttft, band)),
        itl_ms: Some(Band::inverse_of(itl, band)),
        method: Method::Roofline,
        runs: 0,
        reason: format!("{reached:.2} of the roofline: no run of this model and engine says more"),
    })
}

/// What is left of a GPU's speed where so many work together.
fn joint(count: u32) -> f64 {
    DOUBLED.powf(f64::from(count).log2())
}

fn runs(count: usize) -> String {
    if count == 1 { "one run".to_owned() } else { format!("median of {count} runs") }
}

fn setup(gpu: &Gpu, count: u32) -> String {
    format!("{count} × {}", gpu.display_name)
}

/// How far a measured rate may be off: as far as the runs were apart, and at least a little.
fn band_of(seen: &Seen) -> Band {
    let least = if seen.runs > 1 { SEVERAL_RUNS } else { ONE_RUN };
    Band {
        low: seen.least_rate.min(seen.rate * (1.0 - least)),
        mid: seen.rate,
        high: seen.most_rate.max(seen.rate * (1.0 + least)),
    }
}

/// A prediction from what was seen; times get shorter by the ratio that rates get higher by.
fn measured(seen: &Seen, method: Method, rate: Band, ratio: f64, reason: String) -> Prediction {
    let time = |ms: Option<f64>| ms.map(|ms| Band::inverse_of(ms / ratio, rate));
    let itl_ms = time(seen.itl_ms.filter(|ms| *ms > 0.0));
    Prediction {
        output_tokens_per_second: rate,
        tokens_per_second_per_user: itl_ms.map(|itl| 1e3 / itl.mid),
        ttft_ms: time(seen.ttft_ms),
        itl_ms,
        method,
        runs: seen.runs,
        reason,
    }
}

/// The roofline of a candidate under the load asked about, with work that may be another's.
fn ceiling(question: &Question<'_>, gpu: &Gpu, fit: &Fit, work: Work) -> Result<Ceiling, String> {
    let options = &question.options;
    let machine = Machine::of(gpu, fit.count, options.precision).map_err(|why| why.to_string())?;
    let room = fit.requests_of(question.shape, options, work.prompt_tokens + work.output_tokens).max(1);
    let batch = match question.load {
        Load::Streams(streams) => streams.min(room),
        Load::Saturated { max_in_flight } => max_in_flight.min(room),
    };
    let served =
        Served { shape: question.shape, precision: options.precision, kv_precision: options.kv_precision };
    Ok(served.ceiling(&machine, f64::from(batch), work))
}

/// What was measured on the setup nearest in bandwidth, and that setup's roofline for the work measured there.
struct Near<'a> {
    gpu: &'a Gpu,
    count: u32,
    seen: Seen,
    ceiling: Ceiling,
}

fn nearest<'a>(
    question: &Question<'_>,
    to: (&Gpu, u32),
    gpus: &'a [Gpu],
    alike: &[&HistoryPoint],
) -> Option<Near<'a>> {
    let mut setups: Vec<(&Gpu, u32)> = Vec::new();
    for point in alike {
        let gpu = gpus.iter().find(|gpu| gpu.id == point.gpu);
        if let Some(gpu) = gpu.filter(|gpu| !setups.contains(&(*gpu, point.count))) {
            setups.push((gpu, point.count));
        }
    }
    let mut ranked: Vec<_> =
        setups.into_iter().filter_map(|setup| Some((distance(setup, to)?, setup))).collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    ranked.into_iter().find_map(|(_, (gpu, count))| {
        let there = alike.iter().copied().filter(|point| point.gpu == gpu.id && point.count == count);
        let there: Vec<_> = there.collect();
        // The work that is nearest to what is asked about, so that little is left to the roofline.
        let work = nearest_work(question.work, &there)?;
        let same: Vec<_> = there.into_iter().filter(|point| is_same_work(point.work, work)).collect();
        let seen = at_load(&same, question.load)?;
        // Whether the model fits there for what is asked about doesn't matter: it ran.
        let options = super::Options { concurrency: 1, ..question.options };
        let fit = super::candidates::placed(question.shape, gpu, &options, count)?;
        let there = Question { options, ..*question };
        Some(Near { gpu, count, seen, ceiling: ceiling(&there, gpu, &fit, work).ok()? })
    })
}

fn nearest_work(wanted: Work, points: &[&HistoryPoint]) -> Option<Work> {
    let off = |work: &Work| {
        let ratio = |a: f64, b: f64| (a.max(1.0) / b.max(1.0)).ln().abs();
        ratio(work.prompt_tokens, wanted.prompt_tokens) + ratio(work.output_tokens, wanted.output_tokens)
    };
    points.iter().map(|point| point.work).min_by(|a, b| off(a).total_cmp(&off(b)))
}
