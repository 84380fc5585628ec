//! What fits where: the reference table, the rules, and what can't be otherwise whatever is asked.

mod configs;
mod properties;
mod table;

use super::*;
use crate::domain::{
    catalog::{Catalog, Gpu},
    kinds::EngineKind,
};

fn gpu(name: &str) -> Gpu {
    Catalog::embedded().unwrap().gpu(name).unwrap().clone()
}

fn shape(name: &str) -> Shape {
    Shape::of(Catalog::embedded().unwrap().model(name, EngineKind::Vllm).unwrap()).unwrap()
}

/// What is asked where nothing else is said, in this precision.
fn asked(shape: &Shape, precision: Precision) -> Options {
    Options { precision, ..Options::of(shape) }
}

#[test]
fn a_rejection_says_every_number_it_is_made_of() {
    let model = shape("Devstral Small 24B");
    let verdict = fit(&model, &gpu("L40S"), &Options::of(&model));
    assert_eq!(verdict.fits.map(|fit| fit.count), Some(2));
    assert_eq!(verdict.rejections.len(), 1);
    assert_eq!(
        verdict.rejections[0].words,
        "needs 43.9 GiB of weights + 5.6 GiB of KV cache (9 × 4096 tokens) + 3.5 GiB of overhead = 53.0 GiB; it has \
         48 GiB × 0.90 = 43.2 GiB"
    );
    let json = serde_json::to_value(&verdict).unwrap();
    assert_eq!(json["rejections"][0]["code"], "memory");
    assert_eq!(json["rejections"][0]["count"], 1);
}

#[test]
fn a_window_is_counted_only_where_it_is_asked_for() {
    let model = shape("Gemma 3 12B");
    let with = Options { context_tokens: 32_768, ..Options::of(&model) };
    let without = Options { window_credit: false, ..with };
    // 40 of 48 layers keep 1024 tokens, 8 keep all.
    let all = 9.0 * 32_768.0 * 393_216.0 / GIB;
    let kept = 9.0 * (32_768.0 * 8.0 + 1_024.0 * 40.0) / 48.0 * 393_216.0 / GIB;
    let kv = |options: &Options| need(&model, options, 80, 1).kv_gib;
    assert!((kv(&without) - all).abs() < 1e-9 && (kv(&with) - kept).abs() < 1e-9);
    let h100 = gpu("H100 SXM");
    assert_eq!(fit(&model, &h100, &with).fits.map(|fit| fit.count), Some(1));
    assert_eq!(fit(&model, &h100, &without).fits.map(|fit| fit.count), Some(2));
    // Short of the window there is nothing to save.
    let short = Options { context_tokens: 1_024, ..with };
    assert!((kv(&short) - kv(&Options { window_credit: false, ..short })).abs() < 1e-9);
}

#[test]
fn half_of_gemma_2s_and_gpt_oss_layers_have_a_window() {
    for (name, window) in [("Gemma 2 9B", 4_096), ("gpt-oss 20b", 128)] {
        let kv = shape(name).kv;
        assert_eq!(kv.window, Some(Window { tokens: window, share_of_layers: 0.5 }), "{name}");
    }
    let model = shape("gpt-oss 120b");
    let kv = model.kv.request_bytes(8_192.0, KvPrecision::Bits16, true);
    assert!((kv - 73_728.0 * (8_192.0 + 128.0) / 2.0).abs() < 1.0);
}

#[test]
fn a_latent_cache_is_not_split_and_few_heads_are_copied() {
    let r1 = shape("DeepSeek R1 671B");
    let kv = |model: &Shape, count| need(model, &Options::of(model), 80, count).kv_gib;
    assert!((kv(&r1, 1) - kv(&r1, 8)).abs() < 1e-12);
    let qwen = shape("Qwen 3 235B-A22B");
    assert!((kv(&qwen, 1) / 4.0 - kv(&qwen, 4)).abs() < 1e-9);
    assert!((kv(&qwen, 4) - kv(&qwen, 8)).abs() < 1e-12, "it has four key-value heads");
}

#[test]
fn heads_must_be_shared_out_evenly() {
    let model = shape("Qwen 2.5 7B");
    let a4000 = gpu("RTX A4000");
    let many = Options { concurrency: 2_000, ..Options::of(&model) };
    let verdict = fit(&model, &a4000, &many);
    assert_eq!(verdict.fits, None);
    assert_eq!(verdict.reason().unwrap().words, "28 attention heads can't be shared out evenly among 8 GPUs");
    // 30 query heads, 3 key-value heads: neither split nor copied evenly over two.
    let odd =
        Shape { attention_heads: Some(30), kv: KvCache { heads: Some(3), ..model.kv }, ..model.clone() };
    assert_eq!(place(&odd, &a4000, &many, 2), Err(Why::KvHeads { heads: 3, count: 2 }));
}

#[test]
fn a_precision_needs_a_card_that_calculates_with_it() {
    let model = shape("Llama 3.1 8B");
    let outcome = |name: &str, precision| {
        let verdict = fit(&model, &gpu(name), &asked(&model, precision));
        match verdict.fits {
            Some(_) => verdict.notes.join("; "),
            None => verdict.reason().unwrap().words.clone(),
        }
    };
    assert_eq!(
        outcome("Tesla V100-SXM2-32GB", Precision::Bf16),
        "bf16 needs compute capability 8.0, it has 7.0"
    );
    assert_eq!(outcome("Tesla V100-SXM2-32GB", Precision::Fp16), "recent engines may refuse a card this old");
    assert_eq!(outcome("Tesla T4", Precision::Fp8), "fp8 needs compute capability 8.0, it has 7.5");
    assert_eq!(outcome("A100 SXM", Precision::Fp8), "fp8 saves memory only: it calculates in 16 bits");
    assert_eq!(outcome("L40S", Precision::Fp8), "");
    assert_eq!(outcome("MI300X", Precision::Fp8), "needs the engine's ROCm image");
    assert_eq!(outcome("H100 SXM", Precision::Mxfp4), "mxfp4 saves memory only: it calculates in 16 bits");
    assert_eq!(outcome("Tesla T4", Precision::Q4KM), "");
    assert_eq!(outcome("A5000 Ada", Precision::Bf16), "how much memory it has isn't known");
}

#[test]
fn only_a_card_that_calculates_fp8_is_rated_at_its_fp8_speed() {
    let rate = |name: &str, precision: Precision| precision.operations_per_second(&gpu(name));
    assert_eq!(rate("H100 SXM", Precision::Fp8), Some(1978.9e12));
    assert_eq!(rate("A100 SXM", Precision::Fp8), Some(312e12));
    assert_eq!(rate("H100 SXM", Precision::Awq), Some(989.4e12));
    assert_eq!(rate("Tesla T4", Precision::Fp16), Some(65e12));
    assert_eq!(rate("A5000 Ada", Precision::Bf16), None);
}

#[test]
fn slices_of_a_card_are_not_joined() {
    let model = shape("Qwen 3 32B");
    let verdict = fit(&model, &gpu("PRO 6000 MIG 48GB"), &Options::of(&model));
    assert_eq!(verdict.fits, None);
    assert_eq!(verdict.rejections[1].words, "slices of a card can't share a model");
    assert!(matches!(verdict.reason().unwrap().why, Why::Memory { count: 1, .. }), "{verdict:?}");
}

#[test]
fn the_room_that_is_left_is_room_for_requests() {
    let model = shape("Llama 3.1 8B");
    let options = Options::of(&model);
    let found = fit(&model, &gpu("L40S"), &options).fits.unwrap();
    // 0.5 GiB a request: 9 are in, and what is left holds so many more.
    assert_eq!(found.max_requests, 9 + (found.spare_gib / 0.5).floor() as u32);
    let full = Options { concurrency: found.max_requests, ..options };
    assert_eq!(fit(&model, &gpu("L40S"), &full).fits.map(|fit| fit.count), Some(1));
    let more = Options { concurrency: found.max_requests + 1, ..options };
    assert_eq!(fit(&model, &gpu("L40S"), &more).fits.map(|fit| fit.count), Some(2));
    assert_eq!(found.requests_of(&model, &options, 4_096.0), found.max_requests);
}

#[test]
fn options_that_make_no_sense_are_refused_by_name() {
    let model = shape("Llama 3 8B");
    let good = Options::of(&model);
    assert_eq!(good.check(&model), Ok(()));
    for (options, said) in [
        (Options { context_tokens: 0, ..good }, "context: must be from 1"),
        (
            Options { context_tokens: 8_193, ..good },
            "context: 8193 tokens are more than the 8192 that Llama 3 8B can have",
        ),
        (Options { concurrency: 0, ..good }, "concurrency: must be from 1"),
        (Options { memory_share: f64::NAN, ..good }, "memory_share: must be from 0.1 to 1"),
        (Options { memory_share: 1.5, ..good }, "memory_share: must be from 0.1 to 1"),
    ] {
        let refused = options.check(&model).unwrap_err().to_string();
        assert!(refused.starts_with(said), "{refused}");
    }
}

#[test]
fn a_model_whose_shape_nobody_knows_is_sized_by_its_parameters() {
    let catalog = Catalog::embedded().unwrap();
    let unknown = Shape::of(catalog.model("Falcon 2 11B", EngineKind::Vllm).unwrap()).unwrap_err();
    assert!(unknown.to_string().contains("Falcon 2 11B") && unknown.to_string().contains("--parameters"));
    let guessed = Shape::from_parameters("Falcon 2 11B", "11b".parse().unwrap(), Precision::Bf16);
    let verdict = fit(&guessed, &gpu("L40S"), &Options::of(&guessed));
    assert_eq!(verdict.fits.map(|fit| fit.count), Some(1));
    assert!(verdict.notes[0].starts_with("its KV cache is guessed from its size: "), "{:?}", verdict.notes);
}

#[test]
fn a_guessed_kv_cache_is_never_less_than_that_of_a_model_of_the_catalog_with_grouped_heads() {
    use crate::domain::catalog::AttentionKind;
    let catalog = Catalog::embedded().unwrap();
    let grouped = catalog.models().iter().filter(|model| {
        let plain =
            |kind: crate::domain::catalog::Attention| kind.kind == AttentionKind::Gqa && !kind.sliding;
        !model.moe && model.attention.is_some_and(plain)
    });
    for model in grouped {
        let known = Shape::of(model).unwrap();
        let size = Parameters { total: known.total_params, active: known.total_params };
        let guessed = Shape::from_parameters("?", size, Precision::Bf16);
        assert!(
            guessed.kv.bytes_per_token_16bit >= known.kv.bytes_per_token_16bit,
            "{}: {} of {}",
            model.common_name,
            guessed.kv.bytes_per_token_16bit,
            known.kv.bytes_per_token_16bit
        );
    }
}

#[test]
fn a_disk_holds_image_and_weights() {
    let model = shape("Llama 3.1 70B");
    let disk = Disk::of(&model, Precision::Bf16);
    assert_eq!(disk, Disk { weights_gb: 156, container_gb: IMAGE_GB, container_without_volume_gb: 186 });
    assert_eq!(Disk::of(&model, Precision::Q4KM).weights_gb, 48);
}
