//! Figures worked out by hand, and what holds for every model and card.

use super::*;
use crate::domain::{
    catalog::Catalog,
    kinds::EngineKind,
    measure::{
        observed::{EngineSlots, GpuUse, MeanMax, SlotSource},
        summary::LevelSummary,
    },
};
use crate::report::samples::one_stream;

fn shape(name: &str) -> Shape {
    Shape::of(Catalog::embedded().unwrap().model(name, EngineKind::Vllm).unwrap()).unwrap()
}

fn gpu(name: &str) -> Gpu {
    Catalog::embedded().unwrap().gpu(name).unwrap().clone()
}

fn served(shape: &Shape) -> Served<'_> {
    Served { shape, precision: shape.native, kv_precision: KvPrecision::Bits16 }
}

fn close(found: f64, expected: f64) {
    assert!((found / expected - 1.0).abs() < 1e-3, "{found} instead of {expected}");
}

#[test]
fn one_request_on_an_h100_is_bound_by_reading_the_weights() {
    let llama = shape("Llama 3.1 8B");
    let h100 = Machine::of(&gpu("H100 SXM"), 1, Precision::Bf16).unwrap();
    let step = served(&llama).decode_step(&h100, 1.0, 1_000.0);
    // (16.056 GB + 1000 × 131 kB) ÷ 3350 GB/s.
    close(step.seconds, (16.056e9 + 131.072e6) / 3_350e9);
    assert_eq!(step.bound, Bound::Memory);
    // 2 × 8.028·10⁹ operations a token at 989.4·10¹² a second.
    close(served(&llama).prefill_s(&h100, 1_000.0), 16.056e12 / 989.4e12);
    let many = served(&llama).decode_step(&h100, 4_096.0, 1.0);
    assert_eq!(many.bound, Bound::Compute);
    close(many.seconds, 16.056e9 * 4_096.0 / 989.4e12);
}

#[test]
fn a_mixture_reads_the_experts_that_its_batch_touches() {
    let mixtral = shape("Mixtral 8x7B");
    let read = |batch| served(&mixtral).parameters_read(batch);
    close(read(1.0), mixtral.active_params);
    // One expert of all layers is a sixth of what is idle; four tokens touch 8·(1 − 0.75⁴) = 5.47 of them.
    let one = (46.703e9 - 12.88e9) / 6.0;
    close(read(4.0), 12.88e9 + one * (8.0 * (1.0 - 0.75_f64.powi(4)) - 2.0));
    close(read(1_000.0), mixtral.total_params);
    let guessed = Shape::from_parameters("x", "30b-a3b".parse().unwrap(), Precision::Bf16);
    close(served(&guessed).parameters_read(4.0), 12e9);
    close(served(&guessed).parameters_read(40.0), 30e9);
}

#[test]
fn a_latent_cache_is_read_by_every_gpu() {
    let r1 = shape("DeepSeek R1 671B");
    let bytes = |count| served(&r1).bytes_moved(1.0, 10_000.0, count);
    close(bytes(8) - bytes(1), 7.0 * 10_000.0 * 70_272.0);
    let llama = shape("Llama 3.1 70B");
    close(served(&llama).bytes_moved(1.0, 10_000.0, 8), served(&llama).bytes_moved(1.0, 10_000.0, 1));
}

#[test]
fn prompts_of_others_lengthen_the_time_between_tokens() {
    let llama = shape("Llama 3.1 8B");
    let h100 = Machine::of(&gpu("H100 SXM"), 1, Precision::Bf16).unwrap();
    let work = |prompt_tokens| Work { prompt_tokens, output_tokens: 200.0 };
    let (short, long) =
        (served(&llama).ceiling(&h100, 32.0, work(1.0)), served(&llama).ceiling(&h100, 32.0, work(4_000.0)));
    assert!(long.inter_token_latency_ms > 2.0 * short.inter_token_latency_ms);
    assert!(long.output_tokens_per_second < short.output_tokens_per_second / 2.0);
    close(short.output_tokens_per_second, 32.0 / (short.inter_token_latency_ms / 1e3));
    // A short prompt still reads all weights once.
    close(short.time_to_first_token_ms, 16.056e9 / 3_350e9 * 1e3);
}

#[test]
fn more_bandwidth_is_never_slower_and_what_is_unknown_is_said() {
    let llama = shape("Llama 3.1 8B");
    let work = Work { prompt_tokens: 100.0, output_tokens: 200.0 };
    let rate = |name: &str, count| {
        let machine = Machine::of(&gpu(name), count, Precision::Bf16).unwrap();
        served(&llama).ceiling(&machine, 16.0, work).output_tokens_per_second
    };
    assert!(rate("H200 SXM", 1) > rate("H100 SXM", 1) && rate("H100 SXM", 1) > rate("L40S", 1));
    close(rate("L40S", 2), 2.0 * rate("L40S", 1));
    let unknown = Machine::of(&gpu("PRO 6000 MIG 48GB"), 1, Precision::Bf16).unwrap_err();
    assert_eq!(unknown.to_string(), "the memory bandwidth of PRO 6000 MIG 48GB isn't known");
}

/// One request in flight, 16 prompt and 4 output tokens a second.
fn measured() -> LevelSummary {
    let mut level = one_stream();
    let columns = &mut level.measured.columns;
    (columns.prompt_token_count, columns.output_token_count) = (Some(16.0), Some(4.0));
    (columns.output_tokens_per_second, columns.tokens_per_second) = (Some(4.0), Some(20.0));
    level.instrument.achieved_concurrency = 1.0;
    level
}

#[test]
fn a_level_is_held_against_the_roofline() {
    let llama = shape("Llama 3.1 8B");
    let level = measured();
    let found = efficiency(&level, &served(&llama), &gpu("H100 SXM"), 1).unwrap();
    close(found.bandwidth_share.unwrap(), (16.056e9 + 18.0 * 131_072.0) * 4.0 / 3_350e9);
    close(found.compute_share.unwrap(), 2.0 * 8.028e9 * 20.0 / 989.4e12);
    let two = efficiency(&level, &served(&llama), &gpu("H100 SXM"), 2).unwrap();
    close(two.bandwidth_share.unwrap() * 2.0, found.bandwidth_share.unwrap());
}

#[test]
fn requests_that_wait_for_a_slot_are_not_decoded() {
    let llama = shape("Llama 3.1 8B");
    let mut level = measured();
    level.instrument.achieved_concurrency = 64.0;
    let crowd = efficiency(&level, &served(&llama), &gpu("H100 SXM"), 1).unwrap();
    level.observed.engine_slots = Some(EngineSlots { slots: 4, source: SlotSource::Engine });
    let four = efficiency(&level, &served(&llama), &gpu("H100 SXM"), 1).unwrap();
    assert!(four.bandwidth_share.unwrap() > 10.0 * crowd.bandwidth_share.unwrap());
}

#[test]
fn a_level_without_tokens_has_no_efficiency_and_says_why() {
    let llama = shape("Llama 3.1 8B");
    let mut none = measured();
    (none.measured.columns.output_tokens_per_second, none.measured.columns.tokens_per_second) =
        (None, Some(0.0));
    let found = efficiency(&none, &served(&llama), &gpu("H100 SXM"), 1).unwrap();
    assert_eq!((found.bandwidth_share, found.compute_share), (None, None));
    assert_eq!(found.missing, ["no token was counted inside the window"]);
    assert!(efficiency(&none, &served(&llama), &gpu("A5000 Ada"), 1).is_err());
}

#[test]
fn energy_is_of_measured_power_only() {
    let mut level = measured();
    assert_eq!(joules_per_output_token(&level), Err("the power of the GPUs wasn't measured"));
    level.observed.gpu = Some(GpuUse {
        gpus: 1,
        samples: 3,
        memory_used_mib: None,
        utilisation: None,
        power_w: Some(MeanMax { mean: 600.0, max: 700.0 }),
    });
    assert_eq!(joules_per_output_token(&level), Ok(150.0));
}
