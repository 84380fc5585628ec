//! What of a model decides its memory and its speed, from the catalog, a `config.json` or its size alone.

use serde::Serialize;

use super::{Error, KvPrecision, Parameters, Precision};
use crate::domain::catalog::{Attention, AttentionKind, Model};

/// A model as sizing sees it.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Shape {
    /// Its name.
    pub name: String,
    /// All parameters, embeddings included. They decide the memory.
    pub total_params: f64,
    /// Parameters a token uses. They decide the speed.
    pub active_params: f64,
    /// Query heads, which GPUs share out among each other; `None`: not known, and not checked.
    pub attention_heads: Option<u32>,
    /// The KV cache.
    pub kv: KvCache,
    /// The experts of a mixture, where known.
    pub experts: Option<Experts>,
    /// Longest context, tokens.
    pub max_context_tokens: Option<u32>,
    /// What its weights are published in.
    #[schema(value_type = String)]
    pub native: Precision,
}

/// The KV cache of one token and how it is shared out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, utoipa::ToSchema)]
pub struct KvCache {
    /// All layers, 16 bits a value, bytes.
    pub bytes_per_token_16bit: f64,
    /// Heads by which it is split over GPUs; `None`: each GPU keeps all of it (a latent).
    pub heads: Option<u32>,
    /// Layers that keep a window only.
    pub window: Option<Window>,
    /// Whether it is a guess from the number of parameters.
    pub estimated: bool,
}

/// Layers that only see the last tokens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Window {
    /// How many tokens those see.
    pub tokens: u32,
    /// Their share of all layers, 0–1.
    pub share_of_layers: f64,
}

/// The experts of a mixture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Experts {
    /// In a layer.
    pub total: u32,
    /// A token uses.
    pub active: u32,
}

/// KV cache of a model of which only the size is known, KiB a token: the greatest among the catalog's models of that
/// size with grouped heads and no window, between sizes by their logarithm.
const ESTIMATED_KV_KIB: [(f64, f64); 7] =
    [(2e9, 112.0), (4e9, 144.0), (8.2e9, 144.0), (14e9, 192.0), (32e9, 256.0), (68e9, 320.0), (405e9, 504.0)];

impl Shape {
    /// A model of the catalog.
    ///
    /// # Errors
    /// [`Error::Unknown`] where the catalog lacks its size or the shape of its attention.
    pub fn of(model: &Model) -> Result<Self, Error> {
        let unknown = |missing| Error::Unknown { model: model.common_name.clone(), missing };
        let attention = model.attention.ok_or_else(|| unknown("shape"))?;
        let total = model.total_params_b.ok_or_else(|| unknown("size"))?;
        let bytes = model.kv_bytes_per_token_16bit.ok_or_else(|| unknown("KV cache"))?;
        let window = model.sliding_window_tokens.zip(model.sliding_layers).zip(model.layers);
        Ok(Self {
            name: model.common_name.clone(),
            total_params: total * 1e9,
            active_params: model.active_params_b.unwrap_or(total) * 1e9,
            attention_heads: model.attention_heads,
            kv: KvCache {
                bytes_per_token_16bit: bytes as f64,
                heads: kv_heads(attention, model.kv_heads),
                window: window.map(|((tokens, sliding), layers)| Window {
                    tokens,
                    share_of_layers: f64::from(sliding) / f64::from(layers),
                }),
                estimated: false,
            },
            experts: model.experts.zip(model.experts_active).map(|(total, active)| Experts { total, active }),
            max_context_tokens: model.max_context_tokens,
            native: model.default_dtype.parse().map_err(|_| unknown("precision"))?,
        })
    }

    /// A model of which only the size is known: its KV cache is a guess, and its heads aren't checked.
    #[must_use]
    pub fn from_parameters(name: impl Into<String>, parameters: Parameters, native: Precision) -> Self {
        Self {
            name: name.into(),
            total_params: parameters.total,
            active_params: parameters.active,
            attention_heads: None,
            kv: KvCache {
                bytes_per_token_16bit: estimated_kv_bytes(parameters.total),
                heads: Some(8),
                window: None,
                estimated: true,
            },
            experts: None,
            max_context_tokens: None,
            native,
        }
    }

    /// Weights of this precision, bytes, over all GPUs.
    #[must_use]
    pub fn weights_bytes(&self, precision: Precision) -> f64 {
        self.total_params * precision.bytes_per_parameter()
    }
}

impl KvCache {
    /// What one request of so many tokens keeps, bytes, over all its heads. With `window_credit`, layers with a window
    /// keep no more than it.
    #[must_use]
    pub fn request_bytes(&self, tokens: f64, precision: KvPrecision, window_credit: bool) -> f64 {
        let kept = match self.window.filter(|_| window_credit) {
            None => tokens,
            Some(window) => {
                let sliding = tokens.min(f64::from(window.tokens)) * window.share_of_layers;
                sliding + tokens * (1.0 - window.share_of_layers)
            }
        };
        kept * self.bytes_per_token_16bit * precision.of_16bit()
    }

    /// Over how many of `count` GPUs it is split; the others keep copies.
    #[must_use]
    pub fn split(&self, count: u32) -> u32 {
        self.heads.map_or(1, |heads| heads.min(count)).max(1)
    }
}

/// The heads by which a cache of this kind is split.
pub(super) fn kv_heads(attention: Attention, heads: Option<u32>) -> Option<u32> {
    heads.filter(|_| attention.kind != AttentionKind::Mla)
}

/// The guess for a model of so many parameters.
fn estimated_kv_bytes(params: f64) -> f64 {
    let [first, .., last] = ESTIMATED_KV_KIB;
    let between = ESTIMATED_KV_KIB.windows(2).find_map(|pair| match pair {
        [(low, at_low), (high, at_high)] if (*low..=*high).contains(&params) => {
            Some(at_low + (at_high - at_low) * (params / low).ln() / (high / low).ln())
        }
        _ => None,
    });
    1024.0 * between.unwrap_or(if params < first.0 { first.1 } else { last.1 })
}
