//! What is recommended follows what was measured; a price nobody gave and a speed nobody knows are said to be so.

use super::*;
use crate::domain::{
    catalog::{Catalog, Gpu},
    kinds::EngineKind,
    sizing::Precision,
};

const H100: &str = "NVIDIA H100 80GB HBM3";
const L40S: &str = "NVIDIA L40S";
const RTX_4090: &str = "NVIDIA GeForce RTX 4090";
const WORK: Work = Work { prompt_tokens: 100.0, output_tokens: 200.0 };
const SATURATED: Load = Load::Saturated { max_in_flight: 512 };

fn llama() -> Shape {
    Shape::of(Catalog::embedded().unwrap().model("Llama 3.1 8B", EngineKind::Vllm).unwrap()).unwrap()
}

fn gpus(ids: &[&str]) -> Vec<Gpu> {
    let catalog = Catalog::embedded().unwrap();
    ids.iter().map(|id| catalog.gpu(id).unwrap().clone()).collect()
}

fn question(shape: &Shape, goal: Goal, load: Load) -> Question<'_> {
    Question {
        shape,
        options: Options { max_count: 1, ..Options::of(shape) },
        goal,
        load,
        work: WORK,
        max_usd_per_hour: None,
        ttft_ms: None,
        itl_ms: None,
    }
}

fn usd(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn price(gpu: &str, usd_per_gpu_hour: &str) -> Priced {
    Priced {
        gpu: gpu.to_owned(),
        count: None,
        usd_per_gpu_hour: usd(usd_per_gpu_hour),
        source: "somewhere".to_owned(),
        in_stock: None,
        as_of: None,
    }
}

fn point(gpu: &str, streams: Option<u32>, output_tokens_per_second: f64) -> HistoryPoint {
    HistoryPoint {
        gpu: gpu.to_owned(),
        count: 1,
        precision: Some(Precision::Bf16),
        streams,
        work: WORK,
        output_tokens_per_second,
        ttft_ms: Some(50.0),
        itl_ms: Some(10.0),
        at: "2026-11-20T00:00:00Z".parse().unwrap(),
    }
}

fn order(advice: &Advice) -> Vec<&str> {
    advice.ranked.iter().map(|ranked| ranked.gpu.as_str()).collect()
}

fn prices() -> Vec<Priced> {
    vec![price(L40S, "0.86"), price(H100, "2.69")]
}

#[test]
fn it_follows_history_where_history_contradicts_the_roofline() {
    let shape = llama();
    let (asked, gpus) = (question(&shape, Goal::Cheapest, SATURATED), gpus(&[L40S, H100]));
    let by_roofline = recommend(&asked, &gpus, &prices(), &[]);
    assert_eq!(order(&by_roofline), [H100, L40S], "an H100 has more bandwidth for a dollar");
    assert!(by_roofline.ranked.iter().all(|ranked| ranked.prediction.method == Method::Roofline));

    let history = [
        point(H100, None, 1_000.0),
        point(H100, None, 1_100.0),
        point(H100, None, 900.0),
        point(L40S, None, 1_500.0),
    ];
    let by_history = recommend(&asked, &gpus, &prices(), &history);
    assert_eq!(order(&by_history), [L40S, H100]);
    let (l40s, h100) = (&by_history.ranked[0], &by_history.ranked[1]);
    assert_eq!((l40s.prediction.method, l40s.prediction.runs), (Method::History, 1));
    assert_eq!(h100.prediction.output_tokens_per_second, Band { low: 900.0, mid: 1_000.0, high: 1_100.0 });
    // 2.69 $ for 3.6 million tokens.
    assert_eq!(h100.usd_per_million_output_tokens.unwrap().mid, usd("0.747222"));
    let alone = l40s.prediction.output_tokens_per_second;
    assert_eq!(
        alone,
        Band { low: 1_500.0 * 0.85, mid: 1_500.0, high: 1_500.0 * 1.15 },
        "one run alone is less sure"
    );
    assert_eq!(h100.reason, "median of 3 runs on 1 × H100 SXM; 2.69 $ a GPU-hour at somewhere");
    assert_eq!(
        order(&recommend(&question(&shape, Goal::Fastest, SATURATED), &gpus, &[], &history)),
        [L40S, H100]
    );
}

#[test]
fn without_history_of_its_own_a_gpu_is_scaled_from_the_nearest_and_less_sure() {
    let shape = llama();
    let (asked, gpus) = (question(&shape, Goal::Cheapest, Load::Streams(1)), gpus(&[L40S, H100, RTX_4090]));
    let asked = Question { options: Options { concurrency: 1, ..asked.options }, ..asked };
    let history = [point(H100, Some(1), 100.0), point(L40S, Some(1), 40.0)];
    let advice = recommend(&asked, &gpus, &[], &history);
    let card = advice.ranked.iter().find(|ranked| ranked.gpu == RTX_4090).unwrap();
    assert_eq!(card.prediction.method, Method::Scaled);
    assert!(
        card.reason.contains("1 × L40S, × 1.1"),
        "864 GB/s are nearer to 1008 than 3350 are: {}",
        card.reason
    );
    let rate = card.prediction.output_tokens_per_second;
    assert!((rate.mid - 40.0 * 1_008.0 / 864.0).abs() < 0.5, "{rate:?}");
    let width = |band: Band| (band.high - band.low) / band.mid;
    let widths: Vec<f64> = [L40S, RTX_4090]
        .iter()
        .map(|id| {
            width(
                advice.ranked.iter().find(|one| one.gpu == *id).unwrap().prediction.output_tokens_per_second,
            )
        })
        .collect();
    assert!(widths[0] < widths[1], "{widths:?}");
    // Faster by the ratio is sooner by the ratio.
    let itl = card.prediction.itl_ms.unwrap().mid;
    assert!((itl * rate.mid / 40.0 - 10.0).abs() < 1e-9, "{itl}");
}

#[test]
fn other_work_is_no_history_but_can_be_scaled_from() {
    let shape = llama();
    let (asked, gpus) = (question(&shape, Goal::Cheapest, Load::Streams(1)), gpus(&[L40S]));
    let long = Work { prompt_tokens: 3_000.0, output_tokens: 200.0 };
    let elsewhere = HistoryPoint { work: long, ..point(L40S, Some(1), 40.0) };
    let advice = recommend(&asked, &gpus, &[], &[elsewhere]);
    let found = &advice.ranked[0].prediction;
    assert_eq!(found.method, Method::Scaled);
    assert!(found.output_tokens_per_second.mid > 40.0, "shorter prompts are quicker: {found:?}");
    let near = Work { prompt_tokens: 110.0, output_tokens: 190.0 };
    let advice = recommend(&asked, &gpus, &[], &[HistoryPoint { work: near, ..point(L40S, Some(1), 40.0) }]);
    assert_eq!(advice.ranked[0].prediction.method, Method::History);
}

#[test]
fn another_precision_is_no_history() {
    let shape = llama();
    let gpus = gpus(&[L40S]);
    let asked = question(&shape, Goal::Cheapest, SATURATED);
    let method = |asked: &Question<'_>, precision| {
        let history = [HistoryPoint { precision, ..point(L40S, None, 100.0) }];
        recommend(asked, &gpus, &[], &history).ranked[0].prediction.method
    };
    assert_eq!(method(&asked, Some(Precision::Fp16)), Method::History, "as many bits");
    assert_eq!(method(&asked, None), Method::History, "it was served in its own");
    assert_eq!(method(&asked, Some(Precision::Fp8)), Method::Roofline);
    let fp8 = Question { options: Options { precision: Precision::Fp8, ..asked.options }, ..asked };
    assert_eq!(method(&fp8, Some(Precision::Fp8)), Method::History);
    assert_eq!(method(&fp8, None), Method::Roofline);
}

#[test]
fn between_two_measured_loads_it_is_in_between_and_beyond_them_nothing_is_said() {
    let shape = llama();
    let gpus = gpus(&[L40S]);
    let history = [point(L40S, Some(2), 100.0), point(L40S, Some(6), 300.0)];
    let rate = |streams| {
        let asked = question(&shape, Goal::Fastest, Load::Streams(streams));
        let advice = recommend(&asked, &gpus, &[], &history);
        let found = &advice.ranked[0].prediction;
        (found.method, found.output_tokens_per_second.mid)
    };
    assert_eq!(rate(2), (Method::History, 100.0));
    assert_eq!(rate(3), (Method::History, 150.0));
    assert_eq!(rate(6), (Method::History, 300.0));
    assert_eq!(rate(1).0, Method::Roofline);
    assert_eq!(rate(7).0, Method::Roofline);
}

#[test]
fn the_roofline_is_the_upper_end_of_its_own_figure() {
    let shape = llama();
    let asked = question(&shape, Goal::Fastest, Load::Streams(1));
    let asked = Question { options: Options { concurrency: 1, ..asked.options }, ..asked };
    let advice = recommend(&asked, &gpus(&[H100]), &[], &[]);
    let band = advice.ranked[0].prediction.output_tokens_per_second;
    let weights_and_cache = 16.056e9 + 200.0 * 131_072.0;
    assert!((band.high / (3_350e9 / weights_and_cache) - 1.0).abs() < 0.01, "{band:?}");
    assert!((band.mid / band.high - 0.8).abs() < 1e-9 && band.low < band.mid / 2.0);
}

#[test]
fn what_is_out_of_stock_too_dear_or_of_unknown_price_is_no_candidate_and_the_reason_is_said() {
    let shape = llama();
    let gpus = gpus(&[L40S, H100, "NVIDIA A40"]);
    let gone = Priced { in_stock: Some(false), source: "a".to_owned(), ..price(L40S, "0.10") };
    let prices = [gone.clone(), price(H100, "2.69")];
    let asked = Question { max_usd_per_hour: Some(usd("2")), ..question(&shape, Goal::Cheapest, SATURATED) };
    let advice = recommend(&asked, &gpus, &prices, &[]);
    assert_eq!(order(&advice), Vec::<&str>::new());
    let reasons: Vec<&str> = advice.rejected.iter().map(|rejected| rejected.reason.as_str()).collect();
    assert_eq!(
        reasons,
        [
            "out of stock at a",
            "2.69 $ an hour are more than 2",
            "no price is known, so whether it is below 2 $ an hour isn't"
        ]
    );
    // Somewhere else it can be had, if dearer.
    let both = [gone, price(L40S, "0.86")];
    let advice = recommend(&question(&shape, Goal::Cheapest, SATURATED), &gpus, &both, &[]);
    assert_eq!(advice.ranked[0].usd_per_hour, Some(usd("0.86")));
}

#[test]
fn without_a_price_a_candidate_comes_last_by_its_speed_and_costs_nothing_that_is_made_up() {
    let shape = llama();
    let gpus = gpus(&[RTX_4090, L40S, H100]);
    let prices = [price(L40S, "0.86"), price(H100, "0"), price(RTX_4090, "-1")];
    let advice = recommend(&question(&shape, Goal::Cheapest, SATURATED), &gpus, &prices, &[]);
    assert_eq!(order(&advice)[..2], [L40S, H100]);
    for unpriced in &advice.ranked[1..] {
        assert_eq!((unpriced.usd_per_hour, unpriced.usd_per_million_output_tokens), (None, None));
        assert!(unpriced.reason.ends_with("no price known"), "{}", unpriced.reason);
    }
}

#[test]
fn a_bound_is_met_surely_likely_or_not() {
    let shape = llama();
    let gpus = gpus(&[L40S, H100, RTX_4090]);
    let with = |gpu, itl: f64| HistoryPoint { itl_ms: Some(itl), ..point(gpu, Some(8), 500.0) };
    let history = [with(H100, 10.0), with(L40S, 19.0), with(RTX_4090, 40.0)];
    let prices = [price(L40S, "0.86"), price(H100, "2.69"), price(RTX_4090, "0.10")];
    let asked = Question { itl_ms: Some(20.0), ..question(&shape, Goal::Slo, Load::Streams(8)) };
    let asked =
        Question { options: Options { concurrency: 8, context_tokens: 1_024, ..asked.options }, ..asked };
    let advice = recommend(&asked, &gpus, &prices, &history);
    assert_eq!(order(&advice), [H100, L40S, RTX_4090]);
    let meets: Vec<_> = advice.ranked.iter().map(|ranked| ranked.meets).collect();
    assert_eq!(meets, [Some(Meets::Surely), Some(Meets::Likely), Some(Meets::No)]);
    // The worse of two bounds counts.
    let both = Question { ttft_ms: Some(1.0), ..asked };
    assert!(recommend(&both, &gpus, &prices, &history).ranked.iter().all(|one| one.meets == Some(Meets::No)));
}

#[test]
fn a_gpu_it_does_not_fit_on_is_rejected_with_the_reason_of_fit() {
    let catalog = Catalog::embedded().unwrap();
    let shape = Shape::of(catalog.model("Llama 3.1 70B", EngineKind::Vllm).unwrap()).unwrap();
    let asked = question(&shape, Goal::Cheapest, SATURATED);
    let advice = recommend(&asked, &gpus(&[RTX_4090, "NVIDIA A5000 Ada", "NVIDIA B200"]), &[], &[]);
    assert_eq!(order(&advice), ["NVIDIA B200"]);
    assert!(advice.rejected[0].reason.starts_with("needs 131.4 GiB of weights"), "{:?}", advice.rejected);
    assert_eq!(advice.rejected[1].reason, "how much memory it has isn't known");
    let slice =
        recommend(&question(&llama(), Goal::Cheapest, SATURATED), &gpus(&["PRO 6000 MIG 48GB"]), &[], &[]);
    assert!(slice.rejected[0].reason.contains("the memory bandwidth of PRO 6000 MIG 48GB isn't known"));
}

#[test]
fn more_gpus_than_it_takes_are_a_choice_of_their_own() {
    let shape = llama();
    let asked = question(&shape, Goal::Fastest, Load::Streams(1));
    let asked = Question { options: Options { max_count: 8, ..asked.options }, ..asked };
    let advice = recommend(&asked, &gpus(&[L40S]), &prices(), &[]);
    assert_eq!(advice.ranked.iter().map(|ranked| ranked.count).collect::<Vec<_>>(), [8, 4, 2, 1]);
    assert_eq!(advice.ranked[0].usd_per_hour, Some(usd("6.88")));
    let rate = |place: usize| advice.ranked[place].prediction.output_tokens_per_second;
    assert!((rate(2).mid / rate(3).mid / 1.7 - 1.0).abs() < 0.01, "two are not quite twice as fast");
    assert!((rate(2).high / rate(3).high / 2.0 - 1.0).abs() < 0.01, "at best they are");
    let cheapest = recommend(&Question { goal: Goal::Cheapest, ..asked }, &gpus(&[L40S]), &prices(), &[]);
    assert_eq!(cheapest.ranked[0].count, 1, "and so never cheaper");
    // An offer of two is none of one.
    let pair = [Priced { count: Some(2), ..price(L40S, "0.50") }];
    let advice = recommend(&asked, &gpus(&[L40S]), &pair, &[]);
    let priced: Vec<_> = advice.ranked.iter().filter(|one| one.usd_per_hour.is_some()).collect();
    assert_eq!((priced.len(), priced[0].count), (1, 2));
}
