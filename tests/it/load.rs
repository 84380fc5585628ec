//! The load generator against the truth server and against recorded answers, over real sockets.

use std::{
    collections::HashSet,
    io::{Read as _, Write as _},
    time::{Duration, Instant},
};

use clap::Parser as _;
use dria_bench::{
    cli::{self, Exit, Output},
    domain::{
        failure::Failure,
        kinds::EngineKind,
        measure::{
            record::{LevelRecords, LoadShape, Outcome, RequestRecord},
            summarise,
        },
    },
    loadgen::{
        Arrival, Calibration, Error, LevelPlan, Progress, PromptSet, Target, UsageCounter, calibrate,
        run_level,
    },
    truth::{Fault, FaultKind, Settings, TruthServer, serve},
};
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::CancellationToken;

use crate::support::contract::COLUMNS;

async fn truth(ttft_ms: u64, itl_ms: u64, settings: Settings) -> TruthServer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings =
        Settings { ttft: Duration::from_millis(ttft_ms), itl: Duration::from_millis(itl_ms), ..settings };
    serve(settings, listener).await.unwrap()
}

fn target(url: &str, engine: EngineKind) -> Target {
    Target::new(url.parse().unwrap(), engine, "truth")
}

/// A plan without warm-up: 16 prompt and 8 output tokens.
fn plan(shape: LoadShape, seconds: f64) -> LevelPlan {
    LevelPlan { warmup_seconds: 0.0, ..LevelPlan::new(shape, seconds, 16, 8, 42) }
}

fn closed(streams: u32, seconds: f64) -> LevelPlan {
    plan(LoadShape::Closed { streams }, seconds)
}

async fn run(target: &Target, plan: &LevelPlan) -> (Result<LevelRecords, Error>, Progress) {
    let prompts = PromptSet::new(plan.seed, plan.prompt_tokens, &Calibration::word_is_token());
    let (sender, progress) = watch::channel(Progress::default());
    let level = run_level(target, plan, &prompts, sender, CancellationToken::new()).await;
    let last = progress.borrow().clone();
    (level, last)
}

async fn measure(server: &TruthServer, plan: &LevelPlan) -> (LevelRecords, Progress) {
    let (level, progress) = run(&target(&server.url(), EngineKind::Truth), plan).await;
    (level.unwrap(), progress)
}

fn completed(level: &LevelRecords) -> Vec<&RequestRecord> {
    level.records.iter().filter(|record| record.outcome == Outcome::Completed).collect()
}

fn codes(level: &LevelRecords) -> Vec<&str> {
    let code = |record: &'_ RequestRecord| match &record.outcome {
        Outcome::Errored { code } => Some(code.clone()),
        _ => None,
    };
    level.records.iter().filter_map(code).map(|code| &*code.leak()).collect()
}

/// What is true of every record whatever happened.
fn check_records(level: &LevelRecords) {
    for record in &level.records {
        assert!(record.intended_start_us <= record.start_us, "{record:?}");
        assert!(record.arrivals_us.is_sorted(), "{record:?}");
        assert!(record.arrivals_us.first().is_none_or(|first| *first >= record.start_us), "{record:?}");
        assert!(record.arrivals_us.last().copied().unwrap_or(record.start_us) <= record.end_us, "{record:?}");
    }
    assert!(level.records.is_sorted_by_key(|record| record.start_us));
}

#[tokio::test]
async fn a_closed_loop_keeps_its_streams_in_flight_and_counts_the_engines_own_tokens() {
    let server = truth(10, 1, Settings::default()).await;
    let (level, _) = measure(&server, &closed(9, 0.4)).await;
    check_records(&level);
    let stats = server.stats();
    assert_eq!(stats.peak_concurrency, 9);
    assert_eq!(stats.requests, level.records.len() as u64, "no request but those recorded");
    assert_eq!(stats.distinct_prompts, stats.requests, "no prompt twice");
    assert_eq!(completed(&level).len(), level.records.len(), "what is in flight at the end is drained");
    for record in &level.records {
        assert_eq!((record.prompt_tokens, record.output_tokens), (Some(16), Some(8)));
        assert_eq!(record.arrivals_us.len(), 8);
    }
    let streams: HashSet<u32> = level.records.iter().map(|record| record.stream).collect();
    assert_eq!(streams, (0..9).collect());
    for stream in 0..9 {
        let of_stream: Vec<_> = level.records.iter().filter(|record| record.stream == stream).collect();
        let one_after_another = of_stream.windows(2).all(|pair| pair[0].end_us <= pair[1].start_us);
        assert!(one_after_another && of_stream.len() >= 3, "stream {stream}");
    }
    assert!(level.records.iter().all(|record| record.start_us <= level.window.end_us + 1_000_000));
}

#[tokio::test]
async fn a_level_goes_on_after_its_seconds_until_three_requests_a_stream_have_completed() {
    let server = truth(60, 0, Settings::default()).await;
    let (level, _) = measure(&server, &closed(2, 0.05)).await;
    let mut ends: Vec<u64> = completed(&level).iter().map(|record| record.end_us).collect();
    ends.sort_unstable();
    assert!(ends[5] > 50_000, "the seconds alone were not enough");
    assert_eq!(level.window.end_us, ends[5].min(200_000), "the sixth completion ends it, or its maximum");
}

#[tokio::test]
async fn an_engine_that_never_ends_its_answers_ends_the_level_with_its_maximum_and_its_grace() {
    let server = truth(1, 1, Settings::default()).await;
    server.inject(Fault { next: u32::MAX, kind: FaultKind::Stall { after_tokens: 3 } });
    let plan = LevelPlan { grace: Duration::from_millis(100), ..closed(3, 0.1) };
    let (level, _) = tokio::time::timeout(Duration::from_secs(10), measure(&server, &plan)).await.unwrap();
    check_records(&level);
    assert_eq!(level.window.end_us, 400_000);
    assert_eq!(level.records.len(), 3);
    for record in &level.records {
        assert_eq!((&record.outcome, record.arrivals_us.len()), (&Outcome::CutOff, 3));
        assert!(record.end_us >= 500_000, "not before the grace is over: {record:?}");
    }
}

#[tokio::test]
async fn each_failure_is_counted_under_its_own_code_with_a_sample_and_the_level_goes_on() {
    let faults = [
        (FaultKind::Status { status: 503, retry_after_s: None }, "http_503", "a scripted fault"),
        (FaultKind::Status { status: 429, retry_after_s: Some(0) }, "http_429", "a scripted fault"),
        (FaultKind::Reset { after_tokens: 2 }, "reset", "reset"),
        (FaultKind::Reset { after_tokens: 0 }, "reset", "reset"),
        (FaultKind::Truncate { after_tokens: 2 }, "truncated_stream", "closed"),
        (FaultKind::Malformed { after_tokens: 2 }, "malformed_stream", "not valid JSON"),
        (FaultKind::Error { after_tokens: 2 }, "stream_error", "a scripted fault"),
        (FaultKind::Empty, "empty_stream", "without a single piece"),
        (FaultKind::Stall { after_tokens: 2 }, "timeout", "did not end"),
    ];
    for engine in [EngineKind::Truth, EngineKind::Ollama] {
        for (kind, expected, said) in faults {
            let server = truth(1, 0, Settings::default()).await;
            server.inject(Fault { next: 1, kind });
            let is_stall = matches!(kind, FaultKind::Stall { .. });
            let request_timeout = Duration::from_millis(if is_stall { 1500 } else { 60_000 });
            let plan = LevelPlan { request_timeout, max_seconds: 60.0, ..closed(1, 0.1) };
            let (level, progress) = run(&target(&server.url(), engine), &plan).await;
            let level = level.unwrap();
            check_records(&level);
            assert_eq!(codes(&level), [expected], "{kind:?}");
            assert!(completed(&level).len() >= 3, "{kind:?}: it goes on");
            let sample = &progress.error_samples[0];
            assert_eq!(sample.code, expected);
            assert!(sample.message.contains(said), "{kind:?}: {}", sample.message);
        }
    }
}

#[tokio::test]
async fn a_kept_connection_that_the_server_closed_is_tried_again_and_is_no_failure() {
    let server = truth(1, 0, Settings::default()).await;
    server.inject(Fault { next: 4, kind: FaultKind::CloseAfter });
    let (level, progress) = measure(&server, &closed(1, 0.2)).await;
    assert!(codes(&level).is_empty(), "{:?}", codes(&level));
    assert_eq!(progress.stale_retries, 4);
    assert_eq!(server.stats().requests, level.records.len() as u64, "none was sent twice");
}

#[tokio::test]
async fn retry_after_is_honoured() {
    let server = truth(1, 0, Settings::default()).await;
    server.inject(Fault { next: 1, kind: FaultKind::Status { status: 429, retry_after_s: Some(1) } });
    let (level, _) = measure(&server, &LevelPlan { max_seconds: 60.0, ..closed(1, 0.1) }).await;
    let (refused, next) = (&level.records[0], &level.records[1]);
    assert!(next.start_us - refused.end_us >= 1_000_000);
    assert!(next.start_us - next.intended_start_us < 900_000, "the pause is no send lag");
}

#[tokio::test]
async fn nobody_at_the_port_is_an_error_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (level, _) = run(&target(&url, EngineKind::Truth), &closed(2, 30.0)).await;
    let error = level.unwrap_err();
    assert_eq!(error.code(), "connect_refused");
    assert!(Failure::from(error).retryable);
}

#[tokio::test]
async fn a_level_whose_first_requests_all_fail_ends_early_and_says_why() {
    let server = truth(1, 0, Settings::default()).await;
    server.inject(Fault { next: u32::MAX, kind: FaultKind::Status { status: 404, retry_after_s: None } });
    let (level, _) = tokio::time::timeout(
        Duration::from_secs(20),
        run(&target(&server.url(), EngineKind::Truth), &closed(3, 30.0)),
    )
    .await
    .unwrap();
    match level.unwrap_err() {
        Error::EveryRequestFailed { requests, code, sample } => {
            assert!((9..100).contains(&requests), "it backs off between failures: {requests}");
            assert_eq!((code.as_str(), sample.as_str()), ("http_404", "a scripted fault"));
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn an_engine_killed_in_the_middle_and_started_again_is_survived() {
    let server = truth(5, 20, Settings::default()).await;
    let address = server.address();
    let target = target(&server.url(), EngineKind::Truth);
    let plan = LevelPlan { max_seconds: 60.0, ..closed(4, 1.5) };
    let prompts = PromptSet::new(1, 16, &Calibration::word_is_token());
    let (sender, mut progress) = watch::channel(Progress::default());
    let running =
        tokio::spawn(
            async move { run_level(&target, &plan, &prompts, sender, CancellationToken::new()).await },
        );
    progress.wait_for(|progress| progress.completed >= 4).await.unwrap();
    // Well into the next answers.
    let so_far = server.generation_tokens_total();
    while server.generation_tokens_total() < so_far + 12 {
        tokio::task::yield_now().await;
    }
    server.shut_down().await;
    progress.wait_for(|progress| progress.errored >= 8).await.unwrap();
    let before = progress.borrow().completed;
    let listener = TcpListener::bind(address).await.unwrap();
    let _again =
        serve(Settings { ttft: Duration::from_millis(5), ..Settings::default() }, listener).await.unwrap();
    progress.wait_for(|progress| progress.completed > before).await.unwrap();
    let level = running.await.unwrap().unwrap();
    check_records(&level);
    let codes: HashSet<&str> = codes(&level).into_iter().collect();
    assert!(codes.contains("connect_refused"), "{codes:?}");
    let cut = codes.contains("truncated_stream") || codes.contains("reset");
    assert!(cut, "requests in flight were cut: {codes:?}");
}

#[tokio::test]
async fn cancelling_ends_a_level_at_once_and_closes_its_sockets() {
    let server = truth(10, 50, Settings { output_tokens: 1000, ..Settings::default() }).await;
    let target = target(&server.url(), EngineKind::Truth);
    let plan = LevelPlan { output_tokens: 1000, ..closed(8, 60.0) };
    let prompts = PromptSet::new(1, 16, &Calibration::word_is_token());
    let (sender, mut progress) = watch::channel(Progress::default());
    let cancel = CancellationToken::new();
    let token = cancel.clone();
    let running = tokio::spawn(async move { run_level(&target, &plan, &prompts, sender, token).await });
    progress.wait_for(|progress| progress.in_flight == 8).await.unwrap();
    let asked = Instant::now();
    cancel.cancel();
    assert_eq!(running.await.unwrap().unwrap_err(), Error::Cancelled);
    assert!(asked.elapsed() < Duration::from_secs(5), "the grace is not waited for: {:?}", asked.elapsed());
    // The engine sees its clients leave: nothing is being served any more.
    while running_requests(&server).await > 0 {
        assert!(asked.elapsed() < Duration::from_secs(10), "the engine still serves");
    }
}

/// The truth server's own gauge, read as anybody would.
async fn running_requests(server: &TruthServer) -> u64 {
    let text = text_of(server, "/metrics").await;
    let line = text.lines().find(|line| line.starts_with("truth:num_requests_running")).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

async fn text_of(server: &TruthServer, path: &str) -> String {
    let client = dria_bench::http::client(Some(Duration::from_secs(10))).unwrap();
    client.get(format!("{}{path}", server.url())).send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn dropping_a_level_closes_its_sockets_too() {
    let server = truth(10, 50, Settings { output_tokens: 1000, ..Settings::default() }).await;
    let target = target(&server.url(), EngineKind::Truth);
    let plan = LevelPlan { output_tokens: 1000, ..closed(3, 60.0) };
    let prompts = PromptSet::new(1, 16, &Calibration::word_is_token());
    let (sender, mut progress) = watch::channel(Progress::default());
    tokio::select! {
        _ = run_level(&target, &plan, &prompts, sender, CancellationToken::new()) => panic!("it has 60 seconds"),
        _ = progress.wait_for(|progress| progress.in_flight == 3) => {}
    }
    let asked = Instant::now();
    while running_requests(&server).await > 0 {
        assert!(asked.elapsed() < Duration::from_secs(10), "the engine still serves");
    }
}

#[tokio::test]
async fn saturation_fills_every_place_and_the_engine_queues_what_its_slots_do_not_take() {
    let server = truth(5, 1, Settings { slots: Some(4), ..Settings::default() }).await;
    let (level, _) = measure(&server, &plan(LoadShape::Saturate { max_in_flight: 40 }, 0.3)).await;
    check_records(&level);
    let stats = server.stats();
    assert_eq!((stats.peak_concurrency, stats.peak_in_flight), (4, 40));
    assert!(completed(&level).len() >= 40);
}

#[tokio::test]
async fn an_open_loop_sends_at_its_times_and_counts_the_wait_for_a_slow_engine() {
    let server = truth(40, 0, Settings { slots: Some(1), ..Settings::default() }).await;
    let plan = LevelPlan {
        arrival: Arrival::Constant,
        output_tokens: 1,
        ..plan(LoadShape::Open { requests_per_second: 50.0 }, 0.5)
    };
    let (level, _) = measure(&server, &plan).await;
    check_records(&level);
    let mut intended: Vec<u64> = level.records.iter().map(|record| record.intended_start_us).collect();
    intended.sort_unstable();
    assert_eq!(intended, (0..25).map(|number| number * 20_000).collect::<Vec<_>>());
    let served_last = level.records.iter().map(|record| record.end_us).max().unwrap();
    assert!(served_last >= 25 * 40_000, "one at a time");
}

#[tokio::test]
async fn events_with_several_tokens_are_fewer_arrivals_and_the_same_tokens() {
    let server = truth(2, 1, Settings { tokens_per_chunk: 4, ..Settings::default() }).await;
    let (level, _) = measure(&server, &closed(2, 0.1)).await;
    for record in completed(&level) {
        assert_eq!((record.arrivals_us.len(), record.output_tokens), (3, Some(8)));
    }
}

#[tokio::test]
async fn littles_law_holds_on_the_truth_server() {
    let server = truth(2, 0, Settings::default()).await;
    let plan = LevelPlan { max_seconds: 60.0, ..closed(2, 2.0) };
    let (level, _) = measure(&server, &plan).await;
    let summary = summarise(&level);
    let completions = summary.measured.columns.successful_requests as f64;
    let error = summary.instrument.littles_law_error.unwrap();
    assert!(error <= 2.0 * 2.0 / completions + 0.02, "{error} with {completions} completions");
    assert_eq!(summary.measured.columns.output_token_count, Some(8.0));
    assert!(!summary.instrument.flags.iter().any(|flag| flag == "prompt_length_off"));
}

#[tokio::test]
async fn a_summary_has_the_contracts_shape() {
    let server = truth(1, 1, Settings::default()).await;
    let (level, _) = measure(&server, &closed(1, 0.1)).await;
    let json = serde_json::to_value(summarise(&level)).unwrap();
    for name in COLUMNS {
        assert!(json["measured"].get(name).is_some() && json["compat"].get(name).is_some(), "{name}");
    }
    for quantity in ["request_latency", "time_to_first_token_ms", "inter_token_latency_ms"] {
        for key in ["n", "p50", "p90", "p95", "p99", "min", "max", "stddev", "ci95"] {
            assert!(json["measured"]["percentiles"][quantity].get(key).is_some(), "{quantity} {key}");
        }
    }
    assert!(json["instrument"].is_object() && json["errors"].is_object());
}

/// Replays recorded answers: head, then the body in chunks of a few bytes, each in a write of its own.
fn replay(body: &'static str, is_chunked: bool) -> (String, std::thread::JoinHandle<()>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serve = move || {
        // Warm-up and round-trip connections bring no generation; the answers go to those that do.
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut request = [0; 8192];
                while let Ok(read) = stream.read(&mut request)
                    && read > 0
                {
                    if request.starts_with(b"GET") {
                        let empty = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
                        stream.write_all(empty).unwrap();
                        continue;
                    }
                    let framing = if is_chunked { "Transfer-Encoding: chunked\r\n" } else { "" };
                    stream.write_all(format!("HTTP/1.1 200 OK\r\n{framing}\r\n").as_bytes()).unwrap();
                    for piece in body.as_bytes().chunks(7) {
                        let size = format!("{:x}\r\n", piece.len());
                        let bytes = if is_chunked {
                            [size.as_bytes(), piece, b"\r\n"].concat()
                        } else {
                            piece.to_vec()
                        };
                        // The client may have had enough.
                        if stream.write_all(&bytes).is_err() {
                            return;
                        }
                    }
                    if !is_chunked {
                        return;
                    }
                    let _ = stream.write_all(b"0\r\n\r\n");
                }
            });
        }
    };
    (url, std::thread::spawn(serve))
}

#[tokio::test]
async fn recorded_answers_of_every_engine_are_measured_chunked_or_until_close() {
    macro_rules! recorded {
        ($name:literal) => {
            include_str!(concat!("../fixtures/engines/", $name)).split_once("\r\n\r\n").unwrap().1
        };
    }
    let answers = [
        (EngineKind::Vllm, recorded!("vllm-0.32.0-completions-stream.txt"), (5, 4, 4)),
        (EngineKind::Sglang, recorded!("sglang-0.5.23-completions-stream.txt"), (5, 4, 4)),
        (EngineKind::Llamacpp, recorded!("llama.cpp-b11549-completions-stream.txt"), (5, 4, 4)),
        (EngineKind::Ollama, recorded!("ollama-0.11.11-generate-stream.txt"), (14, 6, 6)),
    ];
    for (engine, body, (prompt, output, texts)) in answers {
        for is_chunked in [true, false] {
            let (url, _thread) = replay(body, is_chunked);
            let (level, _) = run(&target(&url, engine), &closed(1, 0.05)).await;
            let level = level.unwrap();
            assert!(codes(&level).is_empty(), "{engine} {is_chunked}: {:?}", codes(&level));
            let records = completed(&level);
            assert!(records.len() >= 3);
            for record in records {
                let counts = (record.prompt_tokens, record.output_tokens, record.arrivals_us.len());
                assert_eq!(counts, (Some(prompt), Some(output), texts), "{engine} {is_chunked}");
            }
        }
    }
}

#[tokio::test]
async fn prompt_lengths_are_calibrated_on_what_the_engine_reports() {
    let server = truth(0, 0, Settings::default()).await;
    for engine in [EngineKind::Truth, EngineKind::Ollama] {
        let counter = UsageCounter::new(&target(&server.url(), engine)).await.unwrap();
        let calibration = calibrate(&counter, 64).await.unwrap();
        assert_eq!(calibration, Calibration::word_is_token());
        assert_eq!(counter.fit(1, 64).await.unwrap(), Calibration::word_is_token());
    }
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
async fn the_load_command_ends_with_the_exit_code_of_what_happened() {
    let server = truth(1, 0, Settings::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("records.jsonl");
    let flags = format!("--streams 2 --seconds 0.1 --output-tokens 3 --records {}", file.display());
    assert_eq!(load_command(&server.url(), &flags).await.unwrap(), Exit::Done);
    let text = std::fs::read_to_string(file).unwrap();
    let records: Vec<RequestRecord> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.len() as u64, server.stats().requests);
    server.inject(Fault { next: u32::MAX, kind: FaultKind::Status { status: 500, retry_after_s: None } });
    let failed = load_command(&server.url(), "--streams 1 --seconds 5").await.unwrap_err();
    assert_eq!(failed.exit, Exit::Failed);
    let nowhere = "--streams 1 --records /nonexistent/folder/records.jsonl";
    assert_eq!(load_command(&server.url(), nowhere).await.unwrap_err().exit, Exit::Environment);
    let url = server.url();
    server.shut_down().await;
    assert_eq!(load_command(&url, "--streams 1").await.unwrap_err().exit, Exit::Environment);
    assert_eq!(load_command("ftp://127.0.0.1", "--streams 1").await.unwrap_err().exit, Exit::Usage);
}
