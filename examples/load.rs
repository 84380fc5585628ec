//! The load generator as a library: one closed-loop level against an engine, without a database.
//!
//! ```text
//! dria-bench truth-server --port 8080 &
//! cargo run --release --example load -- http://127.0.0.1:8080 truth truth 9 10
//! ```
//!
//! Arguments: base URL, engine (`ollama`, `vllm`, `sglang`, `llamacpp`, `truth`), model, streams, seconds.

#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use anyhow::Context;
use dria_bench::{
    domain::{
        kinds::EngineKind,
        measure::record::{LoadShape, Outcome},
    },
    loadgen::{Calibration, LevelPlan, Progress, PromptSet, Target, run_level},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [url, engine, model, streams, seconds] = args.as_slice() else {
        anyhow::bail!("arguments: URL ENGINE MODEL STREAMS SECONDS");
    };
    let engine: EngineKind = engine.parse()?;
    let target = Target::new(url.parse().context("the URL")?, engine, model);

    // 64 prompt and 64 output tokens. Prompts are unique, and the same again from the same seed. Here a word is taken
    // for a token; `loadgen::calibrate` finds how the engine really counts.
    let shape = LoadShape::Closed { streams: streams.parse().context("the streams")? };
    let plan = LevelPlan::new(shape, seconds.parse().context("the seconds")?, 64, 64, 42);
    let prompts = PromptSet::new(plan.seed, plan.prompt_tokens, &Calibration::word_is_token());

    // What happens meanwhile can be watched; cancelling the token would end the level within 100 ms.
    let (progress, _watched) = watch::channel(Progress::default());
    let level = run_level(&target, &plan, &prompts, progress, CancellationToken::new()).await?;

    // The raw records: every request, on one clock in microseconds. `domain::measure` makes published figures of them.
    let window = level.window;
    let completed: Vec<_> = level
        .records
        .iter()
        .filter(|record| record.outcome == Outcome::Completed)
        .filter(|record| (window.start_us..=window.end_us).contains(&record.end_us))
        .collect();
    let mut ttft_us: Vec<u64> =
        completed.iter().filter_map(|record| Some(record.arrivals_us.first()? - record.start_us)).collect();
    ttft_us.sort_unstable();
    let median_ms = ttft_us.get(ttft_us.len() / 2).map(|us| *us as f64 / 1000.0);
    let window_s = (window.end_us - window.start_us) as f64 / 1e6;
    println!(
        "{} requests sent, {} completed in a window of {window_s:.3} s",
        level.records.len(),
        completed.len()
    );
    println!("median time to first token: {median_ms:?} ms");
    println!("CPU share of this process: {:.3}", level.client.cpu_share);
    Ok(())
}
