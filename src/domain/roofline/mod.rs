//! How fast a model could be on GPUs at best: what memory bandwidth and arithmetic allow, and nothing else.
//!
//! Real engines stay below it; how far is what [`efficiency`] says of a measured level. Formulas: `docs/sizing.md`.

mod efficiency;
#[cfg(test)]
mod tests;

pub use efficiency::{Efficiency, efficiency, joules_per_output_token};

use serde::Serialize;

use super::{
    catalog::Gpu,
    sizing::{KvPrecision, Precision, Shape},
};

/// What of real bandwidth the best engines reach, by aiconfigurator's measurements.
pub const REACHED_AT_BEST: f64 = 0.8;

/// What isn't known of a GPU.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} of {gpu} isn't known")]
pub struct Missing {
    /// The figure.
    pub what: &'static str,
    /// The GPU, by its short name.
    pub gpu: String,
}

/// GPUs that work together, all of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Machine {
    /// How many.
    pub count: u32,
    /// Memory bandwidth, bytes a second.
    pub bandwidth: f64,
    /// Dense operations a second at the precision.
    pub operations: f64,
}

impl Machine {
    /// `count` of a GPU, with weights of this precision.
    ///
    /// # Errors
    /// [`Missing`] names the figure that the catalog lacks.
    pub fn of(gpu: &Gpu, count: u32, precision: Precision) -> Result<Self, Missing> {
        let missing = |what| Missing { what, gpu: gpu.display_name.clone() };
        let gigabytes = gpu.memory_bandwidth_gb_per_s.ok_or_else(|| missing("the memory bandwidth"))?;
        let operations = precision.operations_per_second(gpu).ok_or_else(|| missing("the dense TFLOPS"))?;
        let count_f = f64::from(count);
        Ok(Self { count, bandwidth: gigabytes * 1e9 * count_f, operations: operations * count_f })
    }
}

/// A model as it is served.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Served<'a> {
    /// The model.
    pub shape: &'a Shape,
    /// Its weights.
    pub precision: Precision,
    /// Its KV cache.
    pub kv_precision: KvPrecision,
}

/// The requests of a load.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Work {
    /// Tokens of a prompt.
    pub prompt_tokens: f64,
    /// Tokens of an answer.
    pub output_tokens: f64,
}

impl Work {
    /// Tokens that a request has in its cache, over its decoding on average.
    #[must_use]
    pub fn mean_context(&self) -> f64 {
        self.prompt_tokens + self.output_tokens / 2.0
    }
}

/// What ends a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Bound {
    /// Bytes to be moved.
    Memory,
    /// Operations to be done.
    Compute,
}

/// One decoding step of a batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// It takes at least, s.
    pub seconds: f64,
    /// Why.
    pub bound: Bound,
}

/// The best that a load can get.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ceiling {
    /// Of all requests together.
    pub output_tokens_per_second: f64,
    /// Between two tokens of an answer, with the prompts of others read in between, ms.
    pub inter_token_latency_ms: f64,
    /// Until an answer's first token, without any queue, ms.
    pub time_to_first_token_ms: f64,
    /// What ends a decoding step.
    pub bound: Bound,
}

impl Served<'_> {
    /// Parameters that a step reads for a batch: all of a dense model; of a mixture, the experts that any of the batch
    /// chooses. With E experts of which a token takes k at random, a batch of B touches E·(1 − (1 − k/E)^B).
    #[must_use]
    pub fn parameters_read(&self, batch: f64) -> f64 {
        let (total, active) = (self.shape.total_params, self.shape.active_params);
        let batch = batch.max(1.0);
        match self.shape.experts {
            _ if active >= total => total,
            None => total.min(active * batch),
            Some(experts) => {
                let (all, chosen) = (f64::from(experts.total), f64::from(experts.active));
                if all <= chosen {
                    return total;
                }
                let one = (total - active) / (all - chosen);
                let touched = all * (1.0 - (1.0 - chosen / all).powf(batch));
                (active + one * (touched - chosen)).clamp(active, total)
            }
        }
    }

    /// Bytes that a step moves on `count` GPUs: weights once, each request's cache once a copy of it.
    #[must_use]
    pub fn bytes_moved(&self, batch: f64, mean_context: f64, count: u32) -> f64 {
        let kv = &self.shape.kv;
        let copies = f64::from(count) / f64::from(kv.split(count));
        let cache = batch * kv.request_bytes(mean_context, self.kv_precision, true) * copies;
        self.parameters_read(batch) * self.precision.bytes_per_parameter() + cache
    }

    /// The least time of a decoding step.
    #[must_use]
    pub fn decode_step(&self, machine: &Machine, batch: f64, mean_context: f64) -> Step {
        let memory = self.bytes_moved(batch, mean_context, machine.count) / machine.bandwidth;
        let compute = 2.0 * self.shape.active_params * batch / machine.operations;
        if memory >= compute {
            Step { seconds: memory, bound: Bound::Memory }
        } else {
            Step { seconds: compute, bound: Bound::Compute }
        }
    }

    /// The least time in which a prompt is read, s.
    #[must_use]
    pub fn prefill_s(&self, machine: &Machine, prompt_tokens: f64) -> f64 {
        2.0 * self.shape.active_params * prompt_tokens / machine.operations
    }

    /// The best that `batch` requests at once can get. Each of them is read once and decoded token by token, while the
    /// prompts of those that come next take the same GPUs.
    #[must_use]
    pub fn ceiling(&self, machine: &Machine, batch: f64, work: Work) -> Ceiling {
        let step = self.decode_step(machine, batch, work.mean_context());
        let prefill = self.prefill_s(machine, work.prompt_tokens);
        let between = step.seconds + batch * prefill / work.output_tokens.max(1.0);
        let whole_pass = self.parameters_read(work.prompt_tokens) * self.precision.bytes_per_parameter()
            / machine.bandwidth;
        Ceiling {
            output_tokens_per_second: batch / between,
            inter_token_latency_ms: between * 1e3,
            time_to_first_token_ms: prefill.max(whole_pass) * 1e3,
            bound: step.bound,
        }
    }
}
