//! `config.json` files as they are published, and as they must not be.

use serde_json::{Value, json};

use super::*;

fn read(config: &Value) -> Result<Shape, Error> {
    Shape::from_config("x", &config.to_string(), None, None)
}

fn llama() -> Value {
    json!({
        "model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128_256, "max_position_embeddings": 131_072,
        "tie_word_embeddings": false, "torch_dtype": "bfloat16"
    })
}

fn deepseek() -> Value {
    json!({
        "model_type": "deepseek_v3", "hidden_size": 7168, "intermediate_size": 18432, "num_hidden_layers": 61,
        "num_attention_heads": 128, "num_key_value_heads": 128, "vocab_size": 129_280,
        "max_position_embeddings": 163_840, "q_lora_rank": 1536, "kv_lora_rank": 512, "qk_rope_head_dim": 64,
        "qk_nope_head_dim": 128, "v_head_dim": 128, "n_routed_experts": 256, "num_experts_per_tok": 8,
        "n_shared_experts": 1, "moe_intermediate_size": 2048, "first_k_dense_replace": 3,
        "tie_word_embeddings": false, "torch_dtype": "bfloat16", "quantization_config": { "quant_method": "fp8" }
    })
}

/// The configs of models that the catalog has, as far as sizing reads them.
fn published() -> Vec<(&'static str, Value)> {
    vec![
        ("Llama 3.1 8B", llama()),
        ("DeepSeek R1 671B", deepseek()),
        (
            "Qwen 3 30B-A3B",
            json!({
                "model_type": "qwen3_moe", "hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 48,
                "num_attention_heads": 32, "num_key_value_heads": 4, "head_dim": 128, "vocab_size": 151_936,
                "max_position_embeddings": 40_960, "num_experts": 128, "num_experts_per_tok": 8,
                "moe_intermediate_size": 768, "decoder_sparse_step": 1, "mlp_only_layers": [],
                "tie_word_embeddings": false, "torch_dtype": "bfloat16", "sliding_window": null,
                "use_sliding_window": false
            }),
        ),
        (
            "Mixtral 8x7B",
            json!({
                "model_type": "mixtral", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
                "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 32000,
                "max_position_embeddings": 32768, "num_local_experts": 8, "num_experts_per_tok": 2,
                "sliding_window": null, "tie_word_embeddings": false, "torch_dtype": "bfloat16"
            }),
        ),
        (
            "Gemma 3 12B",
            json!({
                "model_type": "gemma3", "torch_dtype": "bfloat16",
                "text_config": {
                    "model_type": "gemma3_text", "hidden_size": 3840, "intermediate_size": 15360,
                    "num_hidden_layers": 48, "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 256,
                    "vocab_size": 262_208, "max_position_embeddings": 131_072, "sliding_window": 1024,
                    "sliding_window_pattern": 6
                }
            }),
        ),
        (
            "gpt-oss 20b",
            json!({
                "model_type": "gpt_oss", "hidden_size": 2880, "intermediate_size": 2880, "num_hidden_layers": 24,
                "num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 64, "vocab_size": 201_088,
                "max_position_embeddings": 131_072, "num_local_experts": 32, "num_experts_per_tok": 4,
                "sliding_window": 128, "tie_word_embeddings": false,
                "layer_types": (["sliding_attention", "full_attention"].repeat(12)),
                "quantization_config": { "quant_method": "mxfp4" }
            }),
        ),
        (
            "Falcon 40B",
            json!({
                "model_type": "falcon", "hidden_size": 8192, "num_hidden_layers": 60, "num_attention_heads": 128,
                "num_kv_heads": 8, "new_decoder_architecture": true, "vocab_size": 65024, "torch_dtype": "bfloat16",
                "tie_word_embeddings": false, "max_position_embeddings": 2048
            }),
        ),
    ]
}

#[test]
fn a_config_gives_the_shape_that_the_catalog_has() {
    for (name, config) in published() {
        let (read, known) = (read(&config).unwrap(), shape(name));
        assert_eq!(read.kv, known.kv, "{name}");
        assert_eq!((read.native, read.experts), (known.native, known.experts), "{name}");
        assert_eq!(read.attention_heads, known.attention_heads, "{name}");
        assert_eq!(read.max_context_tokens, known.max_context_tokens, "{name}");
        let off = |read: f64, known: f64| (read - known).abs() / known;
        assert!(off(read.total_params, known.total_params) < 0.005, "{name}: {}", read.total_params);
        // Cards round what a token uses, or leave embeddings out.
        assert!(off(read.active_params, known.active_params) < 0.2, "{name}: {}", read.active_params);
    }
}

#[test]
fn what_cannot_be_true_is_refused_by_its_field() {
    for (field, bad, said) in [
        ("num_hidden_layers", json!(0), "`0` must be a whole number from 1 to 1000"),
        ("num_hidden_layers", json!(-32), "`-32` must be a whole number"),
        ("num_hidden_layers", json!(3.5), "`3.5` must be a whole number"),
        ("num_hidden_layers", json!("32"), "`\"32\"` must be a whole number"),
        ("num_hidden_layers", Value::Null, "is missing"),
        ("hidden_size", json!(1e300), "must be a whole number"),
        ("hidden_size", json!(4097), "isn't a multiple of 32 attention heads"),
        ("num_key_value_heads", json!(64), "from 1 to 32"),
        ("num_key_value_heads", json!(5), "can't share 5 key-value heads evenly"),
        ("vocab_size", Value::Null, "is missing"),
        ("tie_word_embeddings", json!("no"), "must be true or false"),
        ("torch_dtype", json!("float13"), "`float13` isn't one of fp32, bf16"),
        ("layer_types", json!(["full_attention"]), "has 1 entries for 32 layers"),
        ("num_local_experts", json!(8), "is missing"),
    ] {
        let mut config = llama();
        config[field] = bad.clone();
        let refused = read(&config).expect_err(field).to_string();
        let named = if field == "num_local_experts" { "num_experts_per_tok" } else { field };
        assert!(refused.starts_with(&format!("config.json: `{named}`: ")), "{field} = {bad}: {refused}");
        assert!(refused.contains(said), "{field} = {bad}: {refused}");
    }
}

#[test]
fn sizes_that_make_no_model_together_are_refused() {
    let mut config = llama();
    for (field, most) in [("hidden_size", 1_000_000), ("intermediate_size", 10_000_000), ("head_dim", 65_536)]
    {
        config[field] = json!(most);
    }
    let refused = read(&config).unwrap_err().to_string();
    assert!(refused.contains("hidden_size") && refused.contains("no model has that many"), "{refused}");
}

#[test]
fn a_field_of_the_text_part_is_named_by_its_path() {
    let refused = read(&json!({ "text_config": { "num_hidden_layers": -1 } })).unwrap_err().to_string();
    assert!(refused.starts_with("config.json: `text_config.num_hidden_layers`: "), "{refused}");
    assert!(read(&json!({ "text_config": 3 })).unwrap_err().to_string().contains("must be an object"));
}

#[test]
fn what_is_no_config_is_refused() {
    for text in ["", "<html></html>", "[]", "{\"num_hidden_layers\": NaN}", "null"] {
        let refused = Shape::from_config("x", text, None, None).unwrap_err();
        assert!(matches!(refused, Error::Json(_)), "{text}: {refused}");
    }
}

#[test]
fn an_unknown_architecture_is_sized_when_its_parameters_are_given() {
    let mut config = llama();
    config["model_type"] = json!("bitter_llama");
    let refused = read(&config).unwrap_err();
    assert_eq!(refused, Error::Architecture("bitter_llama".to_owned()));
    let given = Shape::from_config("x", &config.to_string(), Some("8b".parse().unwrap()), None).unwrap();
    assert!((given.total_params - 8e9).abs() < 1.0);
    assert_eq!(given.kv, shape("Llama 3.1 8B").kv, "its cache is not guessed");
}

#[test]
fn a_quantisation_nobody_knows_must_be_said() {
    let mut config = llama();
    config["quantization_config"] = json!({ "quant_method": "bitsandbytes" });
    let refused = read(&config).unwrap_err().to_string();
    assert!(
        refused.contains("quantization_config.quant_method") && refused.contains("--precision"),
        "{refused}"
    );
    let said = Shape::from_config("x", &config.to_string(), None, Some(Precision::Awq)).unwrap();
    assert_eq!(said.native, Precision::Awq);
}

#[test]
fn windows_are_found_as_each_architecture_says_them() {
    let window = |kind: &str, more: Value| {
        let mut config = llama();
        config["model_type"] = json!(kind);
        config["sliding_window"] = json!(4096);
        for (field, value) in more.as_object().unwrap() {
            config[field] = value.clone();
        }
        read(&config).unwrap().kv.window.map(|window| (window.tokens, (window.share_of_layers * 32.0) as u32))
    };
    assert_eq!(window("mistral", json!({})), Some((4096, 32)));
    assert_eq!(window("mistral", json!({ "sliding_window": null })), None);
    assert_eq!(window("qwen2", json!({ "use_sliding_window": false })), None);
    assert_eq!(
        window("qwen2", json!({ "use_sliding_window": true, "max_window_layers": 28 })),
        Some((4096, 4))
    );
    assert_eq!(window("gemma2", json!({})), Some((4096, 16)));
    assert_eq!(window("granite", json!({})), None, "what isn't known gets no credit");
}
