//! What is seen of a level beside its records, against the truth server: the engine's own counts and its slots.

use std::time::Duration;

use dria_bench::{
    domain::{
        kinds::EngineKind,
        measure::{
            observed::{CountSource, Sightings, SlotSource},
            record::{LevelRecords, LoadShape},
            summarise,
            summary::LevelSummary,
        },
    },
    loadgen::{Calibration, LevelPlan, Observer, Progress, PromptSet, Target, run_level},
    truth::{Fault, FaultKind, Settings, TruthServer, serve},
};
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::CancellationToken;

use crate::support::replay::Routes;

async fn truth(settings: Settings) -> TruthServer {
    serve(settings, TcpListener::bind("127.0.0.1:0").await.unwrap()).await.unwrap()
}

fn quick() -> Settings {
    Settings { ttft: Duration::from_millis(10), itl: Duration::from_millis(5), ..Settings::default() }
}

fn target(url: &str, engine: EngineKind) -> Target {
    Target::new(url.parse().unwrap(), engine, "truth")
}

fn plan(streams: u32, seconds: f64) -> LevelPlan {
    LevelPlan { warmup_seconds: 0.1, ..LevelPlan::new(LoadShape::Closed { streams }, seconds, 16, 16, 42) }
}

async fn level(target: &Target, plan: &LevelPlan) -> LevelRecords {
    let prompts = PromptSet::new(plan.seed, plan.prompt_tokens, &Calibration::word_is_token());
    let (sender, _progress) = watch::channel(Progress::default());
    run_level(target, plan, &prompts, sender, CancellationToken::new()).await.unwrap()
}

/// A level watched as a run watches it.
async fn watched(target: &Target, plan: &LevelPlan) -> (LevelRecords, LevelSummary) {
    let observer = Observer::start(target, plan.seconds).await;
    let level = level(target, plan).await;
    let cross_check = observer.finish(&level, plan.output_tokens).await;
    let summary = summarise(&level).with(&level, Sightings { cross_check, ..Sightings::default() });
    (level, summary)
}

fn has(summary: &LevelSummary, flag: &str) -> bool {
    summary.instrument.flags.iter().any(|have| have == flag)
}

#[tokio::test]
async fn the_clients_counts_are_the_engines_own_over_everything_that_was_sent() {
    let server = truth(quick()).await;
    let (level, summary) = watched(&target(&server.url(), EngineKind::Truth), &plan(3, 0.5)).await;
    let check = summary.observed.cross_check.as_ref().unwrap();
    let requests = level.records.len() as u64;
    assert_eq!(check.source, CountSource::Metrics);
    assert_eq!(check.engine.prompt_tokens, Some(16 * requests), "warm-up and drain are in it");
    assert_eq!(check.engine, check.client);
    assert_eq!(check.difference_share, Some(0.0));
    let ttft = check.ttft_server_ms.as_ref().unwrap();
    assert_eq!(ttft.n, requests);
    // The server looks at its clock after it has written, so on a busy machine its time may be the later one.
    let (server_ms, client_ms) = (ttft.mean.unwrap(), check.ttft_client_ms.unwrap());
    assert!(server_ms >= 10.0 && server_ms <= 1.5 * client_ms, "{check:?}");
    assert!(check.samples >= 1 && check.running.is_some_and(|running| running.max <= 3.0), "{check:?}");
    assert!(
        !has(&summary, "count_mismatch") && !has(&summary, "engine_slots"),
        "{:?}",
        summary.instrument.flags
    );
    let instrument = &summary.instrument;
    assert!(instrument.rtt_ms.is_some() && instrument.rtt_after_ms.is_some());
    assert_eq!(instrument.chunks.as_ref().unwrap().tokens_per_event, Some(1.0));
}

#[tokio::test]
async fn somebody_else_on_the_engine_is_a_mismatch() {
    let server = truth(quick()).await;
    let target = target(&server.url(), EngineKind::Truth);
    let plan = plan(2, 0.5);
    let observer = Observer::start(&target, plan.seconds).await;
    let other = LevelPlan { seed: 7, ..plan.clone() };
    let (ours, _theirs) = tokio::join!(level(&target, &plan), level(&target, &other));
    let cross_check = observer.finish(&ours, plan.output_tokens).await;
    let summary = summarise(&ours).with(&ours, Sightings { cross_check, ..Sightings::default() });
    assert!(has(&summary, "count_mismatch"), "{:?}", summary.observed.cross_check);
}

#[tokio::test]
async fn requests_that_were_cut_off_are_no_mismatch() {
    let server = truth(quick()).await;
    server.inject(Fault { next: 3, kind: FaultKind::Reset { after_tokens: 5 } });
    let plan = LevelPlan { grace: Duration::from_millis(1), ..plan(4, 0.5) };
    let (level, summary) = watched(&target(&server.url(), EngineKind::Truth), &plan).await;
    let check = summary.observed.cross_check.as_ref().unwrap();
    let unfinished = level.records.iter().any(|record| record.output_tokens.is_none());
    assert!(unfinished && check.client != check.client_at_most, "{check:?}");
    assert_eq!(check.difference_share, Some(0.0), "{check:?}");
}

#[tokio::test]
async fn an_engine_without_counters_has_its_answers_checked_or_no_check_at_all() {
    let server = truth(quick()).await;
    let (_, ollama) = watched(&target(&server.url(), EngineKind::Ollama), &plan(1, 0.2)).await;
    let check = ollama.observed.cross_check.unwrap();
    assert_eq!((check.source, check.difference_share), (CountSource::Answers, Some(0.0)));
    // It speaks vLLM's protocol, but these counters aren't vLLM's.
    let (_, other) = watched(&target(&server.url(), EngineKind::Vllm), &plan(1, 0.2)).await;
    assert_eq!(other.observed.cross_check, None);
    assert!(!has(&other, "count_mismatch"));
    let broken = Routes::new().body("GET /metrics", 500, "no").serve().await;
    let nowhere = Observer::start(&target(broken.endpoint.base_url.as_str(), EngineKind::Vllm), 0.2).await;
    let measured = level(&target(&server.url(), EngineKind::Truth), &plan(1, 0.2)).await;
    assert_eq!(nowhere.finish(&measured, 16).await, None);
}

#[tokio::test]
async fn an_engine_of_two_slots_is_found_out_from_three_streams_on_by_its_times_and_by_its_gauges() {
    for streams in [1, 2, 3, 4] {
        let server = truth(Settings { slots: Some(2), ..quick() }).await;
        let (level, summary) = watched(&target(&server.url(), EngineKind::Truth), &plan(streams, 1.2)).await;
        let by_gauges = summary.observed.engine_slots.map(|found| (found.slots, found.source));
        let by_times = summarise(&level).observed.engine_slots.map(|found| (found.slots, found.source));
        let expected = |source| (streams > 2).then_some((2, source));
        assert_eq!(
            by_gauges,
            expected(SlotSource::Metrics),
            "{streams} streams: {:?}",
            summary.observed.cross_check
        );
        assert_eq!(by_times, expected(SlotSource::Timing), "{streams} streams");
        assert_eq!(has(&summary, "engine_slots"), streams > 2);
    }
}
