//! Whether a model fits on a GPU, on how many, and why not on fewer.

use serde::Serialize;

use super::{
    Need, Options, Precision, Shape,
    memory::{GIB, need, usable_gib},
    precision::Support,
};
use crate::domain::catalog::{ComputeCapability, Gpu};

/// How many GPUs tensor parallelism takes.
pub const COUNTS: [u32; 4] = [1, 2, 4, 8];

/// A GPU's verdict on a model.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = FitVerdict)]
pub struct Verdict {
    /// The GPU's id.
    pub gpu: String,
    /// The fewest on which it fits; `None`: on none.
    pub fits: Option<Fit>,
    /// Why not on fewer, or on none.
    pub rejections: Vec<Rejection>,
    /// What else is to be known.
    pub notes: Vec<String>,
}

/// A model on GPUs, with room for what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Fit {
    /// GPUs.
    pub count: u32,
    /// What each needs.
    pub need: Need,
    /// What each may take: usable memory × the engine's share.
    pub available_gib: f64,
    /// What is left of that.
    pub spare_gib: f64,
    /// Most requests of that context there is room for.
    pub max_requests: u32,
}

/// A number of GPUs on which a model doesn't fit.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Rejection {
    /// How many; `None`: any number.
    pub count: Option<u32>,
    /// Why, with its numbers.
    #[serde(flatten)]
    pub why: Why,
    /// The same in words.
    pub words: String,
}

/// Why a model doesn't fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, thiserror::Error, utoipa::ToSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Why {
    /// Nobody knows how much memory the card has.
    #[error("how much memory it has isn't known")]
    MemoryUnknown,
    /// The card can't calculate with this precision.
    #[error("{precision} needs compute capability {needed}, it has {has}")]
    Capability {
        /// Asked for.
        #[schema(value_type = String)]
        precision: Precision,
        /// Least that is needed.
        needed: ComputeCapability,
        /// Of the card.
        has: ComputeCapability,
    },
    /// Query heads can't be shared out evenly.
    #[error("{heads} attention heads can't be shared out evenly among {count} GPUs")]
    Heads {
        /// Heads of the model.
        heads: u32,
        /// GPUs.
        count: u32,
    },
    /// Key-value heads can neither be shared out nor copied evenly.
    #[error("{heads} key-value heads can neither be shared out nor copied evenly among {count} GPUs")]
    KvHeads {
        /// Heads of the model.
        heads: u32,
        /// GPUs.
        count: u32,
    },
    /// Slices of one card don't work together.
    #[error("slices of a card can't share a model")]
    Slice,
    /// There isn't enough memory.
    #[error(
        "needs {:.1} GiB of weights + {:.1} GiB of KV cache ({requests} × {tokens} tokens) + {:.1} GiB of overhead = \
         {:.1} GiB{}; it has {usable_gib} GiB × {memory_share:.2} = {available_gib:.1} GiB",
        need.weights_gib, need.kv_gib, need.overhead_gib, need.total_gib(),
        if *count > 1 { " a GPU" } else { "" }
    )]
    Memory {
        /// GPUs.
        count: u32,
        /// What each needs.
        need: Need,
        /// Requests asked for.
        requests: u32,
        /// Tokens of each.
        tokens: u32,
        /// What the card has.
        usable_gib: f64,
        /// The share the engine may take.
        memory_share: f64,
        /// What the engine may take.
        available_gib: f64,
    },
}

/// Whether a model fits on exactly `count` of a GPU.
///
/// # Errors
/// Why it doesn't.
pub fn place(shape: &Shape, gpu: &Gpu, options: &Options, count: u32) -> Result<Fit, Why> {
    let usable_gib = usable_gib(gpu).ok_or(Why::MemoryUnknown)?;
    if let (Support::Needs(needed), Some(has)) = (options.precision.support(gpu), gpu.compute_capability) {
        return Err(Why::Capability { precision: options.precision, needed, has });
    }
    if count > 1 && is_slice(gpu) {
        return Err(Why::Slice);
    }
    if let Some(heads) = shape.attention_heads.filter(|heads| !heads.is_multiple_of(count)) {
        return Err(Why::Heads { heads, count });
    }
    if let Some(heads) =
        shape.kv.heads.filter(|heads| !heads.is_multiple_of(count) && !count.is_multiple_of(*heads))
    {
        return Err(Why::KvHeads { heads, count });
    }
    let need = need(shape, options, gpu.memory_gb.unwrap_or_default(), count);
    let available_gib = usable_gib * options.memory_share;
    let spare_gib = available_gib - need.total_gib();
    if spare_gib < 0.0 {
        return Err(Why::Memory {
            count,
            need,
            requests: options.concurrency,
            tokens: options.context_tokens,
            usable_gib,
            memory_share: options.memory_share,
            available_gib,
        });
    }
    let one_gib = need.kv_gib / f64::from(options.concurrency);
    let more = (spare_gib / one_gib).floor().min(f64::from(u32::MAX)) as u32;
    let max_requests = options.concurrency.saturating_add(more);
    Ok(Fit { count, need, available_gib, spare_gib, max_requests })
}

/// Tries one GPU, then two, four and eight.
#[must_use]
pub fn fit(shape: &Shape, gpu: &Gpu, options: &Options) -> Verdict {
    let mut rejections: Vec<Rejection> = Vec::new();
    let mut fits = None;
    for count in COUNTS.into_iter().filter(|count| *count <= options.max_count) {
        match place(shape, gpu, options, count) {
            Ok(fit) => {
                fits = Some(fit);
                break;
            }
            Err(why @ (Why::MemoryUnknown | Why::Capability { .. })) => {
                rejections = vec![Rejection { count: None, words: why.to_string(), why }];
                break;
            }
            Err(why) => rejections.push(Rejection { count: Some(count), words: why.to_string(), why }),
        }
    }
    let notes = if fits.is_some() { notes(shape, gpu, options) } else { Vec::new() };
    Verdict { gpu: gpu.id.clone(), fits, rejections, notes }
}

/// What a reader should know of a model that fits.
fn notes(shape: &Shape, gpu: &Gpu, options: &Options) -> Vec<String> {
    let mut notes = Vec::new();
    if options.precision.support(gpu) == Support::WeightsOnly {
        notes.push(format!("{} saves memory only: it calculates in 16 bits", options.precision));
    }
    if gpu.vendor == "AMD" {
        notes.push("needs the engine's ROCm image".to_owned());
    }
    if gpu.compute_capability.is_some_and(|has| (has.major, has.minor) < (7, 5)) {
        notes.push("recent engines may refuse a card this old".to_owned());
    }
    if shape.kv.estimated {
        let kib = shape.kv.bytes_per_token_16bit / 1024.0;
        notes.push(format!("its KV cache is guessed from its size: {kib:.0} KiB a token"));
    }
    notes
}

/// Whether it is a part of a card (MIG).
fn is_slice(gpu: &Gpu) -> bool {
    gpu.id.split(' ').any(|word| word == "MIG")
}

impl Verdict {
    /// The reason that says most: of the greatest number that could be tried.
    #[must_use]
    pub fn reason(&self) -> Option<&Rejection> {
        let tried = self.rejections.iter().rev().find(|rejection| rejection.why != Why::Slice);
        tried.or(self.rejections.last())
    }
}

impl Fit {
    /// Tokens of KV cache there is room for, over all requests, where each request has so many.
    #[must_use]
    pub fn requests_of(&self, shape: &Shape, options: &Options, tokens: f64) -> u32 {
        let request = shape.kv.request_bytes(tokens, options.kv_precision, options.window_credit);
        let room = (self.need.kv_gib + self.spare_gib) * GIB * f64::from(shape.kv.split(self.count));
        (room / request).floor().clamp(0.0, f64::from(u32::MAX)) as u32
    }
}
