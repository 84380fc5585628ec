//! A model's shape from its `config.json`, as published on Hugging Face.
//!
//! Parameters are counted for architectures whose layers are known here; of another, the size must be given too. A
//! field that can't be true is an error that names it, never a default.

mod fields;
mod layers;

use serde_json::Value;

use super::{Error, Experts, KvCache, Parameters, Precision, Shape, Window};
use fields::Fields;

impl Shape {
    /// Reads a `config.json`. What is given beside it, wins.
    ///
    /// # Errors
    /// [`Error::Json`] when it is none, [`Error::Field`] for a field that is missing or can't be true,
    /// [`Error::Architecture`] when parameters can't be counted and aren't given.
    pub fn from_config(
        name: impl Into<String>,
        json: &str,
        parameters: Option<Parameters>,
        precision: Option<Precision>,
    ) -> Result<Self, Error> {
        let value: Value = serde_json::from_str(json).map_err(|error| Error::Json(error.to_string()))?;
        let fields = Fields::of_text_model(&value)?;
        let sizes = Sizes::read(&fields)?;
        let parameters = match parameters {
            Some(given) => given,
            None => layers::count(&fields, &sizes)?,
        };
        Ok(Self {
            name: name.into(),
            total_params: parameters.total,
            active_params: parameters.active,
            attention_heads: Some(sizes.heads),
            kv: kv_cache(&fields, &sizes)?,
            experts: layers::experts(&fields)?,
            max_context_tokens: fields.whole(&["max_position_embeddings", "n_positions"], 100_000_000)?,
            native: match precision {
                Some(given) => given,
                None => native(&fields)?,
            },
        })
    }
}

/// What every architecture has.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    layers: u32,
    hidden: u32,
    heads: u32,
    kv_heads: u32,
    head_dim: u32,
}

impl Sizes {
    fn read(fields: &Fields<'_>) -> Result<Self, Error> {
        let layers = fields.needed(&["num_hidden_layers", "n_layer", "n_layers", "num_layers"], 1_000)?;
        let hidden = fields.needed(&["hidden_size", "n_embd", "d_model"], 1_000_000)?;
        let heads = fields.needed(&["num_attention_heads", "n_head", "n_heads"], 100_000)?;
        let one =
            fields.yes("multi_query")? == Some(true) && fields.yes("new_decoder_architecture")? != Some(true);
        let kv_heads = fields.whole(&["num_key_value_heads", "num_kv_heads", "n_head_kv"], heads)?;
        let kv_heads = kv_heads.unwrap_or(if one { 1 } else { heads });
        if heads % kv_heads != 0 {
            let reason = format!("{heads} attention heads can't share {kv_heads} key-value heads evenly");
            return Err(fields.refuse("num_key_value_heads", reason));
        }
        let head_dim = match fields.whole(&["head_dim"], 65_536)? {
            Some(given) => given,
            None if hidden % heads == 0 => hidden / heads,
            None => {
                return Err(fields.refuse(
                    "hidden_size",
                    format!("{hidden} isn't a multiple of {heads} attention heads, and there is no head_dim"),
                ));
            }
        };
        Ok(Self { layers, hidden, heads, kv_heads, head_dim })
    }
}

/// Latent attention's sizes; `None`: the model has another.
#[derive(Debug, Clone, Copy)]
struct Latent {
    kv_rank: u32,
    rope_dim: u32,
}

impl Latent {
    fn read(fields: &Fields<'_>) -> Result<Option<Self>, Error> {
        let Some(kv_rank) = fields.whole(&["kv_lora_rank"], 1_000_000)? else { return Ok(None) };
        let rope_dim = fields.needed(&["qk_rope_head_dim"], 65_536)?;
        Ok(Some(Self { kv_rank, rope_dim }))
    }
}

fn kv_cache(fields: &Fields<'_>, sizes: &Sizes) -> Result<KvCache, Error> {
    let layers = f64::from(sizes.layers);
    if let Some(latent) = Latent::read(fields)? {
        // Kept once, not once for keys and once for values; every GPU has all of it.
        let values = f64::from(latent.kv_rank) + f64::from(latent.rope_dim);
        return Ok(KvCache {
            bytes_per_token_16bit: layers * values * 2.0,
            heads: None,
            window: None,
            estimated: false,
        });
    }
    let values = 2.0 * f64::from(sizes.kv_heads) * f64::from(sizes.head_dim);
    let sliding = layers::sliding(fields, sizes)?;
    let window = fields.whole(&["sliding_window"], 100_000_000)?.zip(sliding.filter(|sliding| *sliding > 0));
    Ok(KvCache {
        bytes_per_token_16bit: layers * values * 2.0,
        heads: Some(sizes.kv_heads),
        window: window
            .map(|(tokens, sliding)| Window { tokens, share_of_layers: f64::from(sliding) / layers }),
        estimated: false,
    })
}

/// What the weights are published in.
fn native(fields: &Fields<'_>) -> Result<Precision, Error> {
    if let Some(quantised) = fields.quantisation() {
        return quantised.parse().map_err(|reason: String| {
            fields.refuse(
                "quantization_config.quant_method",
                format!("{reason}: say which it is (--precision)"),
            )
        });
    }
    match fields.text(&["torch_dtype", "dtype"])? {
        Some((name, dtype)) => dtype.parse().map_err(|reason: String| fields.refuse(name, reason)),
        None => Ok(Precision::Bf16),
    }
}
