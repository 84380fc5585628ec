//! Models, with the ids engines know them by and the shape that decides what fits where: `catalog/models.csv`.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::table::{CatalogError, Row};
use crate::domain::kinds::EngineKind;

/// How keys and values are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AttentionKind {
    /// Every head has its own.
    Mha,
    /// Groups of heads share.
    Gqa,
    /// All heads share one.
    Mqa,
    /// A compressed latent is kept once for keys and values (`DeepSeek`).
    Mla,
}

/// A model's attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Attention {
    /// How keys and values are kept.
    pub kind: AttentionKind,
    /// Whether some layers only see a window of the last tokens.
    pub sliding: bool,
}

impl FromStr for Attention {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let (kind, sliding) = s.strip_suffix("+sliding").map_or((s, false), |kind| (kind, true));
        let kind = match kind {
            "mha" => AttentionKind::Mha,
            "gqa" => AttentionKind::Gqa,
            "mqa" => AttentionKind::Mqa,
            "mla" => AttentionKind::Mla,
            _ => return Err("known are mha, gqa, mqa, mla, each with or without +sliding"),
        };
        Ok(Self { kind, sliding })
    }
}

/// A model. What isn't known is `None`.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Model {
    /// Name for people: `Llama 3.1 8B`.
    pub common_name: String,
    /// The family: `Llama 3.1`.
    pub family: String,
    /// Hugging Face repository, the id vLLM and SGLang take.
    pub hf_id: String,
    /// Ollama's name and tag.
    pub ollama_tag: String,
    /// The name llama.cpp's server gives the GGUF file that is shipped for it.
    pub gguf_alias: Option<String>,
    /// Repository of its tokenizer.
    pub tokenizer_hf_id: String,
    /// All parameters, in 10⁹. They decide the memory.
    pub total_params_b: Option<f64>,
    /// Parameters a token uses, in 10⁹. They decide the speed.
    pub active_params_b: Option<f64>,
    /// Whether it is a mixture of experts.
    pub moe: bool,
    /// Transformer layers.
    pub layers: Option<u32>,
    /// Width of a layer.
    pub hidden_size: Option<u32>,
    /// Query heads.
    pub attention_heads: Option<u32>,
    /// Key-value heads.
    pub kv_heads: Option<u32>,
    /// Width of a head.
    pub head_dim: Option<u32>,
    /// Width of the feed-forward block; of one expert in a mixture.
    pub intermediate_size: Option<u32>,
    /// Tokens in the vocabulary.
    pub vocab_size: Option<u32>,
    /// Longest context, tokens.
    pub max_context_tokens: Option<u32>,
    /// Type the weights are published in: `bfloat16`, `fp8`, `mxfp4`.
    pub default_dtype: String,
    /// Its attention.
    pub attention: Option<Attention>,
    /// Tokens a sliding layer sees.
    pub sliding_window_tokens: Option<u32>,
    /// KV cache of one token in bytes, all layers, at 16 bits a value.
    pub kv_bytes_per_token_16bit: Option<u64>,
    /// Layers that only see a window; the others see everything.
    pub sliding_layers: Option<u32>,
    /// Experts of a layer, those it chooses among (a shared one isn't counted).
    pub experts: Option<u32>,
    /// Of these, how many a token uses.
    pub experts_active: Option<u32>,
    /// Whether the weights need a Hugging Face token with accepted terms.
    pub gated: Option<bool>,
    /// Its licence.
    pub license: Option<String>,
    /// What else should be known.
    pub note: Option<String>,
    /// Where the figures are from.
    pub source: String,
}

impl Model {
    pub(super) fn read(row: &Row<'_>) -> Result<Self, CatalogError> {
        Ok(Self {
            common_name: row.text("common_name")?,
            family: row.text("family")?,
            hf_id: row.text("hf_id")?,
            ollama_tag: row.text("ollama_tag")?,
            gguf_alias: row.optional_text("gguf_alias")?,
            tokenizer_hf_id: row.text("tokenizer_hf_id")?,
            total_params_b: row.number("total_params_b")?,
            active_params_b: row.number("active_params_b")?,
            moe: row.yes_or_no("moe")?.unwrap_or(false),
            layers: row.number("layers")?,
            hidden_size: row.number("hidden_size")?,
            attention_heads: row.number("attention_heads")?,
            kv_heads: row.number("kv_heads")?,
            head_dim: row.number("head_dim")?,
            intermediate_size: row.number("intermediate_size")?,
            vocab_size: row.number("vocab_size")?,
            max_context_tokens: row.number("max_context")?,
            default_dtype: row.text("default_dtype")?,
            attention: row.parsed("attention")?,
            sliding_window_tokens: row.number("sliding_window")?,
            kv_bytes_per_token_16bit: row.number("kv_bytes_per_token_16bit")?,
            sliding_layers: row.number("sliding_layers")?,
            experts: row.number("experts")?,
            experts_active: row.number("experts_active")?,
            gated: row.yes_or_no("gated")?,
            license: row.optional_text("license")?,
            note: row.optional_text("note")?,
            source: row.text("source")?,
        })
    }

    /// The id this engine takes; `None` where the engine has none for it (llama.cpp serves files, not names).
    #[must_use]
    pub fn id_for(&self, engine: EngineKind) -> Option<&str> {
        match engine {
            EngineKind::Vllm | EngineKind::Sglang => Some(&self.hf_id),
            EngineKind::Ollama => Some(&self.ollama_tag),
            EngineKind::Llamacpp => self.gguf_alias.as_deref(),
            // The truth server answers to any name.
            EngineKind::Truth => Some(&self.common_name),
        }
    }

    /// Its size as results state it, lower-case: `7b`, `8x22b`, `135m`. It is the size in Ollama's tag.
    #[must_use]
    pub fn parameter_size(&self) -> &str {
        let tag = self.ollama_tag.split_once(':').map_or(self.ollama_tag.as_str(), |(_, tag)| tag);
        tag.split('-').next().unwrap_or(tag)
    }

    /// All it goes by.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let mut names = vec![self.common_name.as_str(), &self.hf_id, &self.ollama_tag];
        names.extend(self.gguf_alias.as_deref());
        names
    }
}
