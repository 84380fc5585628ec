//! How much of the roofline a measured level reached, and what energy a token took.

use serde::Serialize;

use super::{Machine, Missing, Served, Work};
use crate::domain::{catalog::Gpu, measure::summary::LevelSummary};

/// A level against what its GPUs could do at best. Figures are of the measured view.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Efficiency {
    /// Memory bandwidth used ÷ the GPUs' peak (MBU), 0–1. Above 1 the precision or the model isn't what it is taken
    /// for.
    pub bandwidth_share: Option<f64>,
    /// Arithmetic used ÷ the GPUs' dense peak at the weights' precision (MFU), 0–1.
    pub compute_share: Option<f64>,
    /// Energy of the GPUs for an output token, J, by the power that was measured.
    pub joules_per_output_token: Option<f64>,
    /// Why what is null is null.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// Bandwidth and arithmetic used by a level on `count` of a GPU.
///
/// Steps a second are output tokens a second ÷ requests decoded at once: those in flight, but no more than the engine
/// serves at once. A request whose prompt is being read counts as decoded, so where prompts are long the share of
/// bandwidth is a little low.
///
/// # Errors
/// What the catalog doesn't know of the GPU.
pub fn efficiency(
    level: &LevelSummary,
    served: &Served<'_>,
    gpu: &Gpu,
    count: u32,
) -> Result<Efficiency, Missing> {
    let machine = Machine::of(gpu, count, served.precision)?;
    let columns = &level.measured.columns;
    let mut missing = Vec::new();
    let work = columns.prompt_token_count.zip(columns.output_token_count);
    let rate = columns.output_tokens_per_second.filter(|rate| *rate > 0.0);
    let slots = level.observed.engine_slots.as_ref().map(|slots| f64::from(slots.slots));
    let batch = level.instrument.achieved_concurrency.min(slots.unwrap_or(f64::INFINITY));
    let bandwidth_share =
        work.zip(rate).filter(|_| batch > 0.0).map(|((prompt_tokens, output_tokens), rate)| {
            let context = Work { prompt_tokens, output_tokens }.mean_context();
            served.bytes_moved(batch, context, count) * rate / batch / machine.bandwidth
        });
    let all = columns.tokens_per_second.filter(|rate| *rate > 0.0);
    let compute_share = all.map(|rate| 2.0 * served.shape.active_params * rate / machine.operations);
    if bandwidth_share.is_none() || compute_share.is_none() {
        missing.push("no token was counted inside the window".to_owned());
    }
    Ok(Efficiency { bandwidth_share, compute_share, joules_per_output_token: None, missing })
}

/// Energy of an output token, J: mean power of the GPUs ÷ output tokens a second.
///
/// # Errors
/// Why it can't be said. A card's rated power is no measurement and isn't taken for one.
pub fn joules_per_output_token(level: &LevelSummary) -> Result<f64, &'static str> {
    let watts = level.observed.gpu.as_ref().and_then(|gpu| gpu.power_w);
    let watts = watts.ok_or("the power of the GPUs wasn't measured")?.mean;
    let rate = level.measured.columns.output_tokens_per_second.filter(|rate| *rate > 0.0);
    rate.map(|rate| watts / rate).ok_or("no token was counted inside the window")
}
