//! Load shapes, data, objectives and searches of the load generator, against the truth server.

use std::{sync::Arc, time::Duration};

use clap::Parser as _;
use dria_bench::{
    cli::{self, Exit, Output},
    domain::{
        kinds::EngineKind,
        measure::{
            objectives::{Verdict, judge},
            record::{LevelRecords, LoadShape, Outcome},
        },
    },
    loadgen::{
        Arrival, Calibration, LevelPlan, Progress, PromptSet, Requests, Target,
        requests::{SharedPrefix, Synthetic, Trace},
        run_level, search,
    },
    truth::{Fault, FaultKind, Settings, TruthServer, serve},
};
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::CancellationToken;

async fn truth(ttft_ms: u64, itl_ms: u64, slots: Option<u32>) -> TruthServer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (ttft, itl) = (Duration::from_millis(ttft_ms), Duration::from_millis(itl_ms));
    serve(Settings { ttft, itl, slots, ..Settings::default() }, listener).await.unwrap()
}

fn prompts() -> PromptSet {
    PromptSet::new(42, 16, &Calibration::word_is_token())
}

fn plan(shape: LoadShape, seconds: f64) -> LevelPlan {
    LevelPlan { warmup_seconds: 0.0, ..LevelPlan::new(shape, seconds, 16, 4, 42) }
}

async fn measure(server: &TruthServer, plan: &LevelPlan, requests: impl Into<Requests>) -> LevelRecords {
    let target = Target::new(server.url().parse().unwrap(), EngineKind::Truth, "truth");
    let (sender, _progress) = watch::channel(Progress::default());
    run_level(&target, plan, requests, sender, CancellationToken::new()).await.unwrap()
}

/// The intended times, µs, ascending.
fn intended(level: &LevelRecords) -> Vec<u64> {
    let mut times: Vec<u64> = level.records.iter().map(|record| record.intended_start_us).collect();
    times.sort_unstable();
    times
}

fn synthetic(prompt: &str, output: &str) -> Synthetic {
    Synthetic {
        prompts: prompts(),
        prompt_tokens: prompt.parse().unwrap(),
        output_tokens: output.parse().unwrap(),
        prefix: None,
        turns: 1,
    }
}

#[tokio::test]
async fn a_ramp_sends_at_the_times_of_its_rising_rate() {
    let server = truth(1, 0, None).await;
    let shape = LoadShape::Open { requests_per_second: 100.0 };
    let ramp = Some((20.0, 180.0));
    let level =
        measure(&server, &LevelPlan { arrival: Arrival::Constant, ramp, ..plan(shape, 1.0) }, &prompts())
            .await;
    let times = intended(&level);
    assert!(times.len().abs_diff(100) <= 1, "{}", times.len());
    // 20 t + 80 t² arrivals by t: 30 in the first half.
    let first_half = times.iter().filter(|at| **at < 500_000).count();
    assert!(first_half.abs_diff(30) <= 1, "{first_half}");
    assert_eq!(server.stats().distinct_prompts, level.records.len() as u64);
}

#[tokio::test]
async fn gamma_arrivals_are_sent_at_the_seeds_times() {
    let server = truth(1, 0, None).await;
    let shape = LoadShape::Open { requests_per_second: 100.0 };
    let plan = LevelPlan { arrival: Arrival::Gamma { cv: 3.0 }, ..plan(shape, 0.5) };
    let first = measure(&server, &plan, &prompts()).await;
    let again = measure(&server, &plan, &prompts()).await;
    assert!(first.records.len() > 5);
    assert_eq!(intended(&first), intended(&again));
}

#[tokio::test]
async fn each_request_is_as_long_as_it_was_drawn_to_be_by_the_engines_own_count() {
    let server = truth(1, 0, None).await;
    let source = Arc::new(synthetic("uniform:8-40", "uniform:2-9"));
    let level = measure(&server, &plan(LoadShape::Closed { streams: 4 }, 0.4), source).await;
    let mut lengths: Vec<_> = level.records.iter().map(|record| record.prompt_tokens.unwrap()).collect();
    for record in &level.records {
        assert_eq!(record.prompt_tokens, Some(record.intended_prompt_tokens));
        assert!((2..=9).contains(&record.output_tokens.unwrap()));
    }
    lengths.sort_unstable();
    lengths.dedup();
    assert!(lengths.len() > 3, "{lengths:?}");
}

#[tokio::test]
async fn the_turns_of_a_conversation_follow_one_another_on_one_stream() {
    let server = truth(1, 0, None).await;
    let source = Arc::new(Synthetic { turns: 3, ..synthetic("10", "5") });
    let level = measure(&server, &plan(LoadShape::Closed { streams: 2 }, 0.3), source).await;
    for stream in 0..2 {
        let lengths: Vec<_> = level
            .records
            .iter()
            .filter(|record| record.stream == stream)
            .map(|record| record.prompt_tokens.unwrap())
            .collect();
        assert!(lengths.len() >= 3);
        for (index, tokens) in lengths.iter().enumerate() {
            assert_eq!(*tokens, 10 + 15 * (index as u32 % 3), "{lengths:?}");
        }
    }
}

#[tokio::test]
async fn a_shared_prefix_makes_every_prompt_longer() {
    let server = truth(1, 0, None).await;
    let prefix = Some(SharedPrefix { tokens: 30, hit_rate: 0.5 });
    let source = Arc::new(Synthetic { prefix, ..synthetic("10", "2") });
    let level = measure(&server, &plan(LoadShape::Closed { streams: 2 }, 0.2), source).await;
    assert!(level.records.iter().all(|record| record.prompt_tokens == Some(40)));
}

#[tokio::test]
async fn a_trace_is_replayed_in_its_order_at_its_times_and_ends_with_its_last_answer() {
    let server = truth(30, 5, None).await;
    let timestamps: Vec<u64> = (0..40).map(|i| 5_000 + i * 10 + (i % 3)).collect();
    let line = |(i, at): (usize, &u64)| {
        let (input, output) = (10 + i, 1 + i % 5);
        format!(
            "{{\"timestamp\": {at}, \"input_length\": {input}, \"output_length\": {output}, \"hash_ids\": [1]}}"
        )
    };
    let text: Vec<String> = timestamps.iter().enumerate().map(line).collect();
    let trace = Trace::parse(&text.join("\n"), 8, None, prompts()).unwrap();
    let shape = LoadShape::Open { requests_per_second: 100.0 };
    let plan = LevelPlan {
        schedule: Some(trace.schedule()),
        min_completions: Some(40),
        max_seconds: 60.0,
        ..plan(shape, 0.4)
    };
    let level = measure(&server, &plan, Arc::new(trace)).await;
    let expected: Vec<u64> = timestamps.iter().map(|at| (at - 5_000) * 1_000).collect();
    assert_eq!(intended(&level), expected);
    for record in &level.records {
        let number = expected.binary_search(&record.intended_start_us).unwrap() as u32;
        let lengths = (record.prompt_tokens, record.output_tokens);
        assert_eq!(
            lengths,
            (Some(10 + number), Some(1 + number % 5)),
            "the request that belongs to its time"
        );
        assert!(record.start_us >= record.intended_start_us);
        assert_eq!(record.outcome, Outcome::Completed);
    }
    let last = level.records.iter().map(|record| record.end_us).max().unwrap();
    assert_eq!(level.window.end_us, last);
}

#[tokio::test]
async fn a_trace_of_which_a_request_fails_still_ends() {
    let server = truth(1, 0, None).await;
    let text = "{\"timestamp\": 0, \"input_length\": 4, \"output_length\": 2}\n".repeat(10);
    let trace = Trace::parse(&text, 8, None, prompts()).unwrap();
    server.inject(Fault { next: 1, kind: FaultKind::Reset { after_tokens: 1 } });
    let shape = LoadShape::Open { requests_per_second: 10.0 };
    let schedule = Some(trace.schedule());
    let plan = LevelPlan { schedule, min_completions: Some(10), max_seconds: 600.0, ..plan(shape, 0.1) };
    let level = tokio::time::timeout(Duration::from_secs(30), measure(&server, &plan, Arc::new(trace)));
    let level = level.await.unwrap();
    assert_eq!(level.records.len(), 10);
    assert!(level.window.end_us < 20_000_000, "{:?}", level.window);
}

#[tokio::test]
async fn goodput_counts_what_the_queue_left_in_time() {
    // One at a time, 60 ms each: of 6 streams only few can start within 100 ms.
    let server = truth(50, 5, Some(1)).await;
    let plan = LevelPlan { output_tokens: 3, ..plan(LoadShape::Closed { streams: 6 }, 0.6) };
    let level = measure(&server, &plan, &prompts()).await;
    let report = |slo: &str| judge(&level, &slo.parse().unwrap(), None);
    let tight = report("ttft_max=100ms");
    assert_eq!(tight.verdict, Verdict::Missed);
    let loose = report("ttft_max=60s");
    assert_eq!(loose.verdict, Verdict::Met);
    let (tight, loose) = (tight.goodput.unwrap(), loose.goodput.unwrap());
    assert_eq!(loose.share, Some(1.0));
    assert!(tight.good_requests < loose.good_requests, "{tight:?} {loose:?}");
}

#[tokio::test]
async fn the_search_finds_the_knee_of_an_engine_that_serves_three_at_once() {
    let server = truth(100, 20, Some(3)).await;
    let mut tried = Vec::new();
    while let Some(streams) = search::next_for_knee(1.0, 32.0, &tried) {
        let shape = LoadShape::Closed { streams: streams as u32 };
        let plan = LevelPlan { prompt_block: tried.len() as u64, output_tokens: 6, ..plan(shape, 2.4) };
        let level = LevelPlan { warmup_seconds: 0.4, ..plan };
        let level = measure(&server, &level, &prompts()).await;
        let summary = dria_bench::domain::measure::summarise(&level);
        tried.push((streams, summary.measured.columns.output_tokens_per_second.unwrap()));
    }
    // Three by the slots; on a busy machine the third stream may lose a tenth to its own turn-around.
    let knee = search::knee(&tried).unwrap();
    assert!((3.0..=4.0).contains(&knee) && search::has_plateau(&tried), "{tried:?}");
}

#[derive(Debug, clap::Parser)]
struct LoadCommand {
    #[command(flatten)]
    args: cli::load::Args,
}

async fn load_command(url: &str, flags: &str) -> cli::CliResult {
    let line = format!("load --url {url} --engine truth --model truth --warmup 0 {flags}");
    let command = LoadCommand::try_parse_from(line.split_whitespace()).unwrap();
    cli::load::run(command.args, Output { json: true, quiet: true }).await
}

#[tokio::test]
async fn fail_on_exits_with_one_and_names_the_terms_that_were_not_kept() {
    let server = truth(20, 0, None).await;
    let flags = "--streams 2 --seconds 0.2 --prompt-tokens 4 --output-tokens 2 --fail-on";
    let kept = load_command(&server.url(), &format!("{flags} ttft_p50<5s,errors<1%")).await.unwrap();
    assert_eq!(kept, Exit::Done);
    let error = load_command(&server.url(), &format!("{flags} ttft_p50<1ms,errors<1%,ttft_p99<5s")).await;
    let error = error.unwrap_err();
    assert_eq!(error.exit, Exit::Failed);
    assert!(error.message.contains("ttft_p50<1ms, but it was 2"), "{error}");
    assert!(error.message.contains("ttft_p99<5000ms: not supported by"), "{error}");
    assert!(!error.message.contains("errors"), "{error}");
}

#[tokio::test]
async fn sweeps_and_searches_run_each_level_with_prompts_of_its_own() {
    let server = truth(5, 0, None).await;
    let common = "--seconds 0.1 --prompt-tokens 8 --output-tokens 2";
    for flags in [
        "--sweep 1..4",
        "--sweep-rate 20,40 --arrival gamma --cv 2",
        "--find knee --between 1..4",
        "--find slo --slo ttft_p50=10s --between 10..40 --over rate --arrival constant",
    ] {
        assert_eq!(
            load_command(&server.url(), &format!("{flags} {common}")).await.unwrap(),
            Exit::Done,
            "{flags}"
        );
    }
    let sent = server.stats();
    assert!(sent.requests > 20);
}

/// What the program prints on stdout for these flags of `load`.
async fn printed(url: &str, flags: &str) -> serde_json::Value {
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_dria-bench"))
        .args(["load", "--url", url, "--engine", "truth", "--model", "truth", "--warmup", "0"])
        .args(flags.split_whitespace())
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn the_levels_of_a_sweep_are_one_report_in_guidellms_shape() {
    let server = truth(2, 0, None).await;
    let flags = "--sweep 1,3 --seconds 0.1 --prompt-tokens uniform:4-9 --output-tokens 2 --format guidellm";
    let report = printed(&server.url(), flags).await;
    let benchmarks = report["benchmarks"].as_array().unwrap();
    let streams: Vec<_> = benchmarks.iter().map(|one| &one["config"]["strategy"]["streams"]).collect();
    assert_eq!(streams, [1, 3]);
}

#[tokio::test]
async fn drawn_lengths_and_each_level_of_a_sweep_are_checked_against_the_engines_own_counts() {
    let server = truth(2, 1, None).await;
    let lengths = "--prompt-tokens lognormal:20,0.5 --output-tokens uniform:2-9";
    let flags = format!("--json --sweep 1,2 --seconds 0.2 --until ci=50%,max=0.5s {lengths}");
    let levels = printed(&server.url(), &flags).await;
    for level in levels.as_array().unwrap() {
        let check = &level["cross_check"];
        assert_eq!(check["difference_share"], 0.0, "{check}");
        assert!(check["client"]["generation_tokens"].as_u64() > Some(0), "{check}");
        assert!(level["until"].is_object(), "{level}");
    }
}

#[tokio::test]
async fn files_are_sent_and_a_bad_one_is_a_usage_error_with_its_line() {
    let server = truth(1, 0, None).await;
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let data = write("data.jsonl", "{\"prompt\": \"one two three\", \"output_tokens\": 2}\n");
    let flags = format!("--streams 1 --seconds 0.1 --data {data}");
    assert_eq!(load_command(&server.url(), &flags).await.unwrap(), Exit::Done);
    assert_eq!(server.stats().distinct_prompts, 1);
    let trace = write(
        "trace.jsonl",
        "{\"timestamp\": 0, \"input_length\": 700, \"output_length\": 2, \"hash_ids\": [4, 5]}\n",
    );
    assert_eq!(load_command(&server.url(), &format!("--trace {trace}")).await.unwrap(), Exit::Done);
    let bad = write("bad.jsonl", "{\"prompt\": \"a\"}\n{}\n");
    let error = load_command(&server.url(), &format!("--streams 1 --data {bad}")).await.unwrap_err();
    assert_eq!(error.exit, Exit::Usage);
    assert!(error.message.contains("bad.jsonl, line 2: it has neither"), "{error}");
}
