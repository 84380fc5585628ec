//! What the layers of known architectures are made of: their parameters, their experts, their windows.

use serde_json::Value;

use super::{Error, Experts, Fields, Latent, Parameters, Sizes};

/// Architectures whose feed-forward block has a gate: three matrices.
const GATED: [&str; 26] = [
    "cohere",
    "cohere2",
    "deepseek_v2",
    "deepseek_v3",
    "exaone",
    "gemma",
    "gemma2",
    "gemma3",
    "gemma3_text",
    "glm4",
    "gpt_oss",
    "granite",
    "internlm2",
    "llama",
    "mistral",
    "mistral3",
    "ministral",
    "mixtral",
    "olmo2",
    "olmoe",
    "phi3",
    "qwen2",
    "qwen2_moe",
    "qwen3",
    "qwen3_moe",
    "smollm3",
];
/// Architectures whose feed-forward block has none: two matrices, four times as wide where nothing is said.
const PLAIN: [&str; 4] = ["falcon", "gpt_neox", "phi", "starcoder2"];
/// Architectures that use their embedding as output too where nothing is said.
const TIED: [&str; 7] = ["cohere", "cohere2", "falcon", "gemma", "gemma2", "gemma3", "gemma3_text"];
/// Architectures in which every layer has the window that is given.
const ALL_SLIDING: [&str; 5] = ["mistral", "ministral", "mixtral", "phi3", "starcoder2"];

fn model_type<'a>(fields: &Fields<'a>) -> Result<&'a str, Error> {
    Ok(fields.text(&["model_type"])?.map_or("unknown", |(_, text)| text))
}

/// The experts that a layer chooses among.
pub(super) fn experts(fields: &Fields<'_>) -> Result<Option<Experts>, Error> {
    let names = ["num_local_experts", "num_experts", "n_routed_experts"];
    let Some(total) = fields.whole(&names, 100_000)?.filter(|experts| *experts > 1) else { return Ok(None) };
    let active = fields.needed(&["num_experts_per_tok", "experts_per_token"], total)?;
    Ok(Some(Experts { total, active }))
}

/// Layers with a window; `None`: not known, which means without credit.
pub(super) fn sliding(fields: &Fields<'_>, sizes: &Sizes) -> Result<Option<u32>, Error> {
    if let Some(list) = fields.list("layer_types")? {
        if list.len() != sizes.layers as usize {
            let reason = format!("has {} entries for {} layers", list.len(), sizes.layers);
            return Err(fields.refuse("layer_types", reason));
        }
        let sliding = list.iter().filter(|kind| kind.as_str() == Some("sliding_attention")).count();
        return Ok(u32::try_from(sliding).ok());
    }
    let kind = model_type(fields)?;
    let pattern = fields.whole(&["sliding_window_pattern"], sizes.layers)?;
    Ok(match kind {
        "gemma3" | "gemma3_text" => Some(sizes.layers - sizes.layers / pattern.unwrap_or(6)),
        "cohere2" => Some(sizes.layers - sizes.layers / pattern.unwrap_or(4)),
        "gemma2" | "gpt_oss" => Some(sizes.layers / 2),
        kind if kind.starts_with("qwen") => match fields.yes("use_sliding_window")? {
            Some(true) => {
                let whole = fields.whole_or_zero("max_window_layers", u32::MAX)?.unwrap_or(sizes.layers);
                Some(sizes.layers.saturating_sub(whole))
            }
            _ => Some(0),
        },
        kind if ALL_SLIDING.contains(&kind) => Some(sizes.layers),
        _ => None,
    })
}

/// Counts the parameters, all of them and those a token uses.
pub(super) fn count(fields: &Fields<'_>, sizes: &Sizes) -> Result<Parameters, Error> {
    let kind = model_type(fields)?;
    let (matrices, widened) = match kind {
        kind if GATED.contains(&kind) => (3.0, None),
        kind if PLAIN.contains(&kind) => (2.0, Some(sizes.hidden.saturating_mul(4))),
        other => return Err(Error::Architecture(other.to_owned())),
    };
    let hidden = f64::from(sizes.hidden);
    let block = |width: u32| matrices * hidden * f64::from(width);
    let width = fields.whole(&["intermediate_size", "ffn_hidden_size", "n_inner"], 10_000_000)?.or(widened);
    let needed = |width: Option<u32>| {
        width.ok_or_else(|| {
            fields.refuse("intermediate_size", "is missing, and no parameters can be counted without")
        })
    };

    let vocabulary = f64::from(fields.needed(&["vocab_size"], 100_000_000)?);
    let tied = fields.yes("tie_word_embeddings")?.unwrap_or(TIED.contains(&kind));
    let embeddings = vocabulary * hidden * if tied { 1.0 } else { 2.0 };
    let layers = f64::from(sizes.layers);
    let every_layer = attention(fields, sizes)? + 2.0 * hidden;

    let Some(experts) = experts(fields)? else {
        let total = embeddings + layers * (every_layer + block(needed(width)?));
        return sensible(fields, Parameters { total, active: total });
    };
    let expert_width = fields.whole(&["moe_intermediate_size"], 10_000_000)?.or(width);
    let expert = block(needed(expert_width)?);
    let shared = match fields.whole(&["shared_expert_intermediate_size"], 10_000_000)? {
        Some(width) => block(width),
        None => f64::from(fields.whole_or_zero("n_shared_experts", 1_000)?.unwrap_or(0)) * expert,
    };
    let dense = dense_layers(fields, sizes)?;
    let mixed = layers - f64::from(dense);
    let dense_blocks = if dense > 0 { f64::from(dense) * block(needed(width)?) } else { 0.0 };
    let router = hidden * f64::from(experts.total);
    let of = |chosen: u32| {
        embeddings
            + layers * every_layer
            + dense_blocks
            + mixed * (router + shared + f64::from(chosen) * expert)
    };
    sensible(fields, Parameters { total: of(experts.total), active: of(experts.active) })
}

/// Layers of a mixture that have no experts.
fn dense_layers(fields: &Fields<'_>, sizes: &Sizes) -> Result<u32, Error> {
    let first = fields.whole_or_zero("first_k_dense_replace", sizes.layers)?.unwrap_or(0);
    let named = fields.list("mlp_only_layers")?.map_or(0, <[Value]>::len) as u32;
    let step = fields.whole(&["decoder_sparse_step"], sizes.layers)?.unwrap_or(1);
    let skipped = sizes.layers - sizes.layers / step;
    Ok(first.saturating_add(named).saturating_add(skipped).min(sizes.layers))
}

/// Parameters of a layer's attention.
fn attention(fields: &Fields<'_>, sizes: &Sizes) -> Result<f64, Error> {
    let (hidden, heads) = (f64::from(sizes.hidden), f64::from(sizes.heads));
    let Some(latent) = Latent::read(fields)? else {
        let head_dim = f64::from(sizes.head_dim);
        return Ok(2.0 * hidden * heads * head_dim + 2.0 * hidden * f64::from(sizes.kv_heads) * head_dim);
    };
    let (rank, rope) = (f64::from(latent.kv_rank), f64::from(latent.rope_dim));
    let plain = f64::from(fields.needed(&["qk_nope_head_dim"], 65_536)?);
    let value = f64::from(fields.needed(&["v_head_dim"], 65_536)?);
    let query = match fields.whole(&["q_lora_rank"], 1_000_000)? {
        Some(rank) => f64::from(rank) * (hidden + heads * (plain + rope)),
        None => hidden * heads * (plain + rope),
    };
    Ok(query + hidden * (rank + rope) + rank * heads * (plain + value) + heads * value * hidden)
}

/// Sizes that pass one by one may still make no model.
fn sensible(fields: &Fields<'_>, counted: Parameters) -> Result<Parameters, Error> {
    if counted.total > 1e14 {
        let reason = format!("with the other sizes it makes {:.0}·10⁹ parameters", counted.total / 1e9);
        return Err(fields.refuse("hidden_size", format!("{reason}: no model has that many")));
    }
    Ok(counted)
}
