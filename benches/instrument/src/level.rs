//! One level of load, measured by the load generator and by the truth server.

use anyhow::Context;
use dria_bench::{
    domain::{
        kinds::EngineKind,
        measure::record::{LevelRecords, LoadShape, Outcome, RequestRecord},
    },
    loadgen::{Calibration, LevelPlan, Phase, Progress, PromptSet, Target, run_level},
    truth::Stats,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{allocations, truth::Truth};

const PROMPT_TOKENS: u32 = 16;
const SEED: u64 = 42;

/// What is sent, and how the engine behaves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Level {
    pub(crate) streams: u32,
    pub(crate) output_tokens: u32,
    pub(crate) seconds: f64,
    pub(crate) ttft_ms: u64,
    pub(crate) itl_ms: u64,
}

/// What came of it. Ours and the truth's are of the same requests: no warm-up, and all of them completed.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) n: usize,
    /// Ascending, ms.
    pub(crate) ttft_ms: Vec<f64>,
    /// Of each request, ascending, ms.
    pub(crate) itl_ms: Vec<f64>,
    /// Every gap between two tokens, ascending, ms.
    pub(crate) gap_ms: Vec<f64>,
    pub(crate) truth: Stats,
    /// Time that the requests would have taken without any loss ÷ time that the streams took for them.
    pub(crate) ideal_share: f64,
    pub(crate) requests_per_second: f64,
    pub(crate) tokens_per_second: f64,
    pub(crate) cpu_us_per_token: f64,
    pub(crate) allocations_per_token: f64,
}

/// The sample of this rank, the nearest, as the truth server's histogram has it.
pub(crate) fn quantile(sorted: &[f64], q: f64) -> f64 {
    let rank = (sorted.len() as f64 * q).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

fn sorted(samples: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut samples: Vec<f64> = samples.collect();
    samples.sort_by(f64::total_cmp);
    samples
}

/// Measures it, against a truth server of its own.
pub(crate) async fn measure(level: Level) -> anyhow::Result<Measured> {
    let truth = Truth::start(level.ttft_ms, level.itl_ms)?;
    let target = Target::new(truth.url.parse()?, EngineKind::Truth, "truth");
    let shape = LoadShape::Closed { streams: level.streams };
    let mut plan = LevelPlan::new(shape, level.seconds, PROMPT_TOKENS, level.output_tokens, SEED);
    plan.warmup_seconds = 0.0;
    let prompts = PromptSet::new(SEED, PROMPT_TOKENS, &Calibration::word_is_token());
    let (progress, watched) = watch::channel(Progress::default());
    let counting = tokio::spawn(count_allocations(watched));
    let records = run_level(&target, &plan, &prompts, progress, CancellationToken::new()).await?;
    let (allocated, tokens) = counting.await?.unwrap_or((0, 0));
    let truth = truth.end()?;
    evaluate(level, &records, truth, allocated as f64 / tokens as f64)
}

/// Allocations while the level measured, and the tokens of the requests that completed meanwhile.
async fn count_allocations(mut watched: watch::Receiver<Progress>) -> Option<(u64, u64)> {
    let (mut first, mut last) = (None, None);
    while watched.changed().await.is_ok() {
        let progress = watched.borrow_and_update();
        if progress.phase == Phase::Measuring {
            let now = (allocations::so_far(), progress.output_tokens);
            first.get_or_insert(now);
            last = Some(now);
        }
    }
    let (first, last) = (first?, last?);
    Some((last.0 - first.0, last.1 - first.1))
}

fn evaluate(
    level: Level,
    records: &LevelRecords,
    truth: Stats,
    allocations_per_token: f64,
) -> anyhow::Result<Measured> {
    let failed = records.records.iter().find(|record| record.outcome != Outcome::Completed);
    if let Some(RequestRecord { outcome, .. }) = failed {
        anyhow::bail!("a request did not complete: {outcome:?}");
    }
    let n = records.records.len();
    anyhow::ensure!(n as u64 == truth.requests, "{n} requests were sent and {} served", truth.requests);
    let ms = |us: u64| us as f64 / 1000.0;
    let of_requests = || records.records.iter();
    let decode_ms =
        |record: &RequestRecord| Some(ms(record.arrivals_us.last()? - record.arrivals_us.first()?));
    let gaps =
        of_requests().flat_map(|record| record.arrivals_us.windows(2)).map(|pair| ms(pair[1] - pair[0]));
    let window_s = records.window.length_us() as f64 / 1e6;
    let in_window = |at_us: &u64| records.window.contains(*at_us);
    let completed = of_requests().filter(|record| in_window(&record.end_us)).count();
    let arrived = of_requests()
        .map(|record| record.arrivals_us.iter().filter(|at| in_window(at)).count())
        .sum::<usize>();
    let mut busy_ms = 0.0;
    for stream in 0..level.streams {
        let own = || of_requests().filter(|record| record.stream == stream);
        let start = own().map(|record| record.start_us).min().context("a stream without requests")?;
        let end = own().map(|record| record.end_us).max().unwrap_or(start);
        busy_ms += ms(end - start);
    }
    let ideal_ms = level.ttft_ms + level.itl_ms * u64::from(level.output_tokens - 1);
    let tokens = f64::from(level.output_tokens);
    Ok(Measured {
        n,
        ttft_ms: sorted(of_requests().filter_map(|r| Some(ms(r.arrivals_us.first()? - r.start_us)))),
        itl_ms: sorted(of_requests().filter_map(|record| Some(decode_ms(record)? / (tokens - 1.0)))),
        gap_ms: sorted(gaps),
        truth,
        ideal_share: n as f64 * ideal_ms as f64 / busy_ms,
        requests_per_second: completed as f64 / window_s,
        tokens_per_second: arrived as f64 / window_s,
        cpu_us_per_token: records.client.cpu_share * window_s * 1e6 / arrived as f64,
        allocations_per_token,
    })
}
