//! The shipped files are right, and names lead to what was meant.

use std::collections::HashSet;

use super::*;

fn catalog() -> Catalog {
    Catalog::embedded().unwrap()
}

#[test]
fn every_row_of_the_shipped_files_is_read() {
    let catalog = catalog();
    assert_eq!(catalog.gpus().len(), include_str!("../../../catalog/gpus.csv").lines().count() - 1);
    assert_eq!(catalog.models().len(), include_str!("../../../catalog/models.csv").lines().count() - 1);
}

#[test]
fn every_gpu_is_found_by_each_of_its_names_and_every_alias_leads_to_a_real_one() {
    let catalog = catalog();
    let mut ids = HashSet::new();
    for gpu in catalog.gpus() {
        assert!(ids.insert(&gpu.id), "{} is there twice", gpu.id);
        let real = gpu.alias_of.as_deref().unwrap_or(&gpu.id);
        for name in gpu.names() {
            let found = catalog.gpu(name).unwrap();
            assert_eq!(found.id, real, "{name}");
            assert!(found.alias_of.is_none(), "{name} leads to another spelling");
            assert_eq!(catalog.gpu(&name.to_lowercase()).unwrap().id, real);
        }
        if gpu.category == GpuCategory::Datacenter && gpu.vendor == "NVIDIA" {
            assert!(gpu.compute_capability.is_some(), "{}", gpu.id);
        }
        assert_eq!(gpu.tflops_method.is_some(), gpu.fp16_dense_tflops.is_some(), "{}", gpu.id);
    }
}

#[test]
fn the_kv_cache_of_every_model_is_what_its_shape_says() {
    for model in catalog().models() {
        let Some(Attention { kind, sliding }) = model.attention else {
            assert_eq!(model.kv_bytes_per_token_16bit, None, "{}", model.common_name);
            continue;
        };
        let name = &model.common_name;
        let of = |value: Option<u32>| u64::from(value.expect(name));
        let (layers, heads) = (of(model.layers), of(model.attention_heads));
        let (kv_heads, head_dim) = (of(model.kv_heads), of(model.head_dim));
        // Two bytes a value; a latent is kept once, the others once for keys and once for values.
        let copies = if kind == AttentionKind::Mla { 1 } else { 2 };
        assert_eq!(model.kv_bytes_per_token_16bit, Some(copies * layers * kv_heads * head_dim * 2), "{name}");
        match kind {
            AttentionKind::Mha => assert_eq!(heads, kv_heads, "{name}"),
            AttentionKind::Gqa => assert!(1 < kv_heads && kv_heads < heads, "{name}"),
            AttentionKind::Mqa | AttentionKind::Mla => assert_eq!(kv_heads, 1, "{name}"),
        }
        assert_eq!(heads % kv_heads, 0, "{name}");
        assert_eq!(sliding, model.sliding_window_tokens.is_some(), "{name}");
        assert_eq!(
            sliding,
            model.sliding_layers.is_some_and(|sliding| sliding < model.layers.unwrap()),
            "{name}"
        );
        assert_eq!(model.moe, model.experts > model.experts_active, "{name}");
        assert_eq!(model.moe, model.experts_active.is_some(), "{name}");
    }
}

#[test]
fn every_model_is_found_by_each_of_its_names_whatever_the_engine() {
    let catalog = catalog();
    let mut names = HashSet::new();
    for model in catalog.models() {
        for name in model.names() {
            assert!(names.insert(name.to_lowercase()), "{name} is there twice");
            for engine in EngineKind::ALL {
                assert_eq!(catalog.model(name, *engine).unwrap().common_name, model.common_name);
                assert_eq!(
                    catalog.model(&name.to_uppercase(), *engine).unwrap().common_name,
                    model.common_name
                );
            }
        }
        if let (Some(total), Some(active)) = (model.total_params_b, model.active_params_b) {
            assert_eq!(active < total, model.moe, "{}", model.common_name);
        }
        let size = model.parameter_size();
        assert!(size.ends_with(['b', 'm']) && size.starts_with(|c: char| c.is_ascii_digit()), "{size}");
    }
}

#[test]
fn an_engine_gets_its_own_id() {
    let catalog = catalog();
    let llama = catalog.model("Llama2-7B", EngineKind::Vllm).unwrap();
    assert_eq!(llama.id_for(EngineKind::Vllm), Some("meta-llama/Llama-2-7b-chat-hf"));
    assert_eq!(llama.id_for(EngineKind::Ollama), Some("llama2:7b"));
    assert_eq!(llama.id_for(EngineKind::Llamacpp), None);
    assert_eq!(llama.parameter_size(), "7b");
    let demo = catalog.model("smollm2-135m-instruct", EngineKind::Llamacpp).unwrap();
    assert_eq!(demo.common_name, "SmolLM2 135M");
    assert_eq!(demo.parameter_size(), "135m");
}

#[test]
fn unknown_names_come_with_the_nearest() {
    let catalog = catalog();
    let gpu = catalog.gpu("H20").unwrap_err();
    assert_eq!(gpu.nearest[0], "NVIDIA H200");
    assert_eq!(gpu.nearest.len(), 3);
    assert!(gpu.to_string().starts_with("unknown gpu `H20`: did you mean NVIDIA H200, "), "{gpu}");
    let gpu = catalog.gpu("RTX 4099").unwrap_err();
    assert!(gpu.nearest.contains(&"NVIDIA GeForce RTX 4090".to_owned()), "{gpu}");
    let model = catalog.model("lama3.1:8b", EngineKind::Ollama).unwrap_err();
    assert_eq!(model.nearest[0], "llama3.1:8b");
    let model = catalog.model("meta-llama/Llama-3.1-8B", EngineKind::Vllm).unwrap_err();
    assert_eq!(model.nearest[0], "meta-llama/Llama-3.1-8B-Instruct");
    assert!(catalog.model("", EngineKind::Vllm).is_err());
}

#[test]
fn a_broken_file_is_refused_with_its_line_and_column() {
    let gpus = include_str!("../../../catalog/gpus.csv");
    let models = include_str!("../../../catalog/models.csv");
    let error = Catalog::parse(&gpus.replacen(",288,", ",many,", 1), models).unwrap_err();
    assert_eq!((error.file, error.line, error.column.as_str()), ("catalog/gpus.csv", 2, "memory_gb"));
    let error = Catalog::parse(gpus, &models.replacen(",gqa,", ",xqa,", 1)).unwrap_err();
    assert_eq!((error.file, error.line, error.column.as_str()), ("catalog/models.csv", 2, "attention"));
}
