//! Memory a GPU needs for its part of a model, and what it has.

use serde::Serialize;

use super::{Error, KvPrecision, Precision, Shape};
use crate::domain::catalog::Gpu;

/// A gibibyte.
pub const GIB: f64 = 1_073_741_824.0;

/// Activations, CUDA's context and the engine's own, GiB: what aiconfigurator reserves.
const OVERHEAD_GIB: f64 = 3.5;
/// The same on a card of less than [`SMALL_CARD_GB`], where engines batch less.
const SMALL_OVERHEAD_GIB: f64 = 1.5;
const SMALL_CARD_GB: u32 = 24;
/// Buffers of the GPUs' exchange (NCCL), GiB, where there are several.
const EXCHANGE_GIB: f64 = 0.4;

/// The longest context and most requests that may be asked about.
const MOST_TOKENS: u32 = 10_000_000;
const MOST_REQUESTS: u32 = 100_000;

/// Cards of which less can be used than their stated memory, by that: (GB stated, GiB usable).
const USABLE_GIB: [(u32, f64); 3] = [(288, 268.0), (180, 179.0), (141, 140.4)];

/// What is asked of the model on the GPUs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Options {
    /// Weights.
    #[schema(value_type = String)]
    pub precision: Precision,
    /// KV cache.
    pub kv_precision: KvPrecision,
    /// Tokens of a request, prompt and output together.
    pub context_tokens: u32,
    /// Requests at once.
    pub concurrency: u32,
    /// Share of a card's memory the engine may take (vLLM `--gpu-memory-utilization`, SGLang `--mem-fraction-static`).
    pub memory_share: f64,
    /// Whether sliding layers keep a window only, as engines with a hybrid cache do.
    pub window_credit: bool,
    /// Most GPUs of a machine.
    pub max_count: u32,
}

impl Options {
    /// Requests at once that are asked about where nobody says.
    pub const CONCURRENCY: u32 = 9;
    /// Tokens of a request that are asked about where nobody says and the model has as many.
    pub const CONTEXT_TOKENS: u32 = 4096;
    /// Share of a card's memory an engine takes.
    pub const MEMORY_SHARE: f64 = 0.90;

    /// For a model: its own precision, nine requests of at most 4096 tokens, 90 % of up to eight cards, windows counted.
    #[must_use]
    pub fn of(shape: &Shape) -> Self {
        Self {
            precision: shape.native,
            kv_precision: KvPrecision::Bits16,
            context_tokens: shape.max_context_tokens.unwrap_or(u32::MAX).min(Self::CONTEXT_TOKENS),
            concurrency: Self::CONCURRENCY,
            memory_share: Self::MEMORY_SHARE,
            window_credit: true,
            max_count: 8,
        }
    }

    /// Everything of them that makes no sense for this model.
    #[must_use]
    pub fn problems(&self, shape: &Shape) -> Vec<Error> {
        let mut problems = Vec::new();
        let mut refuse = |option, reason: String| problems.push(Error::Option { option, reason });
        let (asked, most) = (self.context_tokens, shape.max_context_tokens);
        if !(1..=MOST_TOKENS).contains(&asked) {
            refuse("context", format!("must be from 1 to {MOST_TOKENS} tokens"));
        } else if let Some(most) = most.filter(|most| asked > *most) {
            refuse(
                "context",
                format!("{asked} tokens are more than the {most} that {} can have", shape.name),
            );
        }
        if !(1..=MOST_REQUESTS).contains(&self.concurrency) {
            refuse("concurrency", format!("must be from 1 to {MOST_REQUESTS} requests"));
        }
        // NaN is in no range.
        if !(0.1..=1.0).contains(&self.memory_share) {
            refuse("memory_share", "must be from 0.1 to 1".to_owned());
        }
        problems
    }

    /// Whether they make sense for this model.
    ///
    /// # Errors
    /// [`Error::Option`] names the first that doesn't.
    pub fn check(&self, shape: &Shape) -> Result<(), Error> {
        self.problems(shape).into_iter().next().map_or(Ok(()), Err)
    }
}

/// Memory one GPU needs, GiB.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Need {
    /// Its part of the weights.
    pub weights_gib: f64,
    /// Its part of all requests' KV cache.
    pub kv_gib: f64,
    /// Everything else.
    pub overhead_gib: f64,
}

impl Need {
    /// All of it.
    #[must_use]
    pub fn total_gib(&self) -> f64 {
        self.weights_gib + self.kv_gib + self.overhead_gib
    }
}

/// What each of `count` GPUs needs. The card's own memory only decides the overhead.
#[must_use]
pub fn need(shape: &Shape, options: &Options, gpu_memory_gb: u32, count: u32) -> Need {
    let request = shape.kv.request_bytes(
        f64::from(options.context_tokens),
        options.kv_precision,
        options.window_credit,
    );
    let overhead = if gpu_memory_gb < SMALL_CARD_GB { SMALL_OVERHEAD_GIB } else { OVERHEAD_GIB };
    Need {
        weights_gib: shape.weights_bytes(options.precision) / GIB / f64::from(count),
        kv_gib: f64::from(options.concurrency) * request / GIB / f64::from(shape.kv.split(count)),
        overhead_gib: overhead + if count > 1 { EXCHANGE_GIB } else { 0.0 },
    }
}

/// Memory of a card that can be used at all, GiB; `None`: not known. What RunPod states is about that.
#[must_use]
pub fn usable_gib(gpu: &Gpu) -> Option<f64> {
    let stated = gpu.memory_gb?;
    // An H100 of 80 GB shows 79.6 GiB, an A100 of 80 GB all of them.
    if stated == 80 && gpu.architecture == "Hopper" {
        return Some(79.6);
    }
    let less = USABLE_GIB.iter().find(|(gb, _)| *gb == stated);
    Some(less.map_or(f64::from(stated), |(_, usable)| *usable))
}
