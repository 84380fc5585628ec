//! throughput and concurrency:N: measure one level. Each try is a fresh window with prompts of its own; two are never
//! mixed.

use serde_json::json;

use super::{StepContext, StepReport, level::our_engine, missing, sight};
use crate::{
    clock,
    domain::{
        failure::Failure,
        kinds::ProviderKind,
        measure::{
            self,
            comparable::Comparability,
            record::{LevelRecords, LoadShape},
            summary::LevelSummary,
        },
        outputs::{StartOutput, WarmupOutput},
        step::StepKind,
    },
    loadgen::{LevelPlan, PromptSet},
    store::results::NewResult,
};

/// Requests in flight in the throughput benchmark of a local engine, as a multiple of what it serves at once: enough
/// to keep it busy, and few enough that a small machine drains them.
const LOCAL_IN_FLIGHT_PER_SLOT: u32 = 4;

/// How often, and by how much, a window in which nothing was answered is widened.
const MAX_WIDENINGS: u64 = 2;
const WIDEN_BY: f64 = 4.0;

/// Tries of one step have blocks of prompts of their own, up to this many.
const BLOCKS_PER_STEP: u64 = 32;

/// The flag of a level whose client was too slow to be trusted.
const CLIENT_BOTTLENECK: &str = "client_bottleneck";

pub(super) async fn run(context: &StepContext<'_>) -> Result<StepReport, Failure> {
    let start = our_engine(context).await?;
    let warmup = context.outputs.warmup().ok_or_else(|| missing(StepKind::Warmup))?;
    let load = &context.spec().load;
    let prompts = PromptSet::new(load.seed, load.prompt_tokens, &warmup.calibration);
    let started_at = clock::now();
    let mut plan = LevelPlan::new(
        shape(context, &start),
        load.seconds,
        load.prompt_tokens,
        load.output_tokens,
        load.seed,
    );
    plan.until = load.until;
    let (engine, prompts) = (&start, &prompts);
    let mut widened = 0;
    let (level, mut summary) = loop {
        let (level, summary) = by_a_quick_client(|again| {
            let plan = LevelPlan { prompt_block: prompt_block(context, 2 * widened + again), ..plan.clone() };
            async move {
                let (level, seen) = sight::run_level(context, engine, &plan, prompts).await?;
                let summary = measure::summarise(&level).with(&level, seen);
                Ok((level, summary))
            }
        })
        .await?;
        // An answer took longer than the window's maximum: a slow engine is measured with a wider one.
        let too_short = summary.measured.columns.successful_requests == 0 && summary.errors.is_empty();
        if !too_short || widened == MAX_WIDENINGS {
            break (level, summary);
        }
        widened += 1;
        plan.seconds *= WIDEN_BY;
        plan.max_seconds *= WIDEN_BY;
    };
    if summary.measured.columns.successful_requests == 0 {
        return Err(nothing_succeeded(context, &summary));
    }
    summary.judge(load.until);
    report(context, &start, &warmup, &level, summary, started_at)
}

/// Measures, and once more when the client was too slow: something else may have taken the CPU for a moment. A client
/// that was too slow twice publishes nothing.
async fn by_a_quick_client<F>(
    mut measure: impl FnMut(u64) -> F,
) -> Result<(LevelRecords, LevelSummary), Failure>
where
    F: Future<Output = Result<(LevelRecords, LevelSummary), Failure>>,
{
    let (level, summary) = measure(0).await?;
    if !client_was_slow(&summary) {
        return Ok((level, summary));
    }
    let (level, summary) = measure(1).await?;
    if client_was_slow(&summary) { Err(bottleneck(&summary)) } else { Ok((level, summary)) }
}

fn report(
    context: &StepContext<'_>,
    start: &StartOutput,
    warmup: &WarmupOutput,
    level: &LevelRecords,
    summary: LevelSummary,
    started_at: chrono::DateTime<chrono::Utc>,
) -> Result<StepReport, Failure> {
    let timings = json!({
        "window_s": (level.window.end_us - level.window.start_us) as f64 / 1e6,
        "output_tokens_per_second": summary.measured.columns.output_tokens_per_second,
        "ttft_p50_ms": summary.measured.percentiles.time_to_first_token_ms.p50,
    });
    let output = json!({ "requests": level.records.len() });
    let mut report = StepReport::new(&output, timings)?;
    report.result = Some(NewResult {
        records_sha256: measure::digest(level),
        records: measure::raw::encode(level)
            .map_err(|error| Failure::permanent("records_not_kept", error.to_string()))?,
        comparability: comparability(context, start, warmup),
        summary,
        started_at,
    });
    Ok(report)
}

fn shape(context: &StepContext<'_>, start: &StartOutput) -> LoadShape {
    if let StepKind::Concurrency(streams) = context.kind {
        return LoadShape::Closed { streams };
    }
    let spec = context.spec();
    let most = spec.load.max_in_flight;
    let slots = start.served.parallel_slots.or(spec.engine.parallel_slots);
    let max_in_flight = match (spec.machine.provider, slots) {
        (ProviderKind::Local, Some(slots)) => most.min(slots.saturating_mul(LOCAL_IN_FLIGHT_PER_SLOT)),
        _ => most,
    };
    LoadShape::Saturate { max_in_flight: max_in_flight.max(1) }
}

/// Which prompts of the set this try takes: a first try always the same ones, so that a run can be repeated, and a
/// later one others, so that no prefix cache knows them.
fn prompt_block(context: &StepContext<'_>, again: u64) -> u64 {
    let earlier_tries = u64::from(context.earlier_tries) * 2 * (MAX_WIDENINGS + 1) + again;
    u64::from(context.step.unsigned_abs()) * BLOCKS_PER_STEP + earlier_tries.min(BLOCKS_PER_STEP - 1)
}

fn client_was_slow(summary: &LevelSummary) -> bool {
    let flags = &summary.instrument.flags;
    let has = |flag: &str| flags.iter().any(|have| have == flag);
    // Where engine and client share a host by design, that is published, and said.
    has(CLIENT_BOTTLENECK) && !has("shared_host")
}

fn bottleneck(summary: &LevelSummary) -> Failure {
    let lag_ms = summary.instrument.send_lag_p99_ms.unwrap_or_default();
    Failure::permanent(
        CLIENT_BOTTLENECK,
        format!(
            "the client, not the engine, set the pace in two tries: requests left up to {lag_ms:.1} ms late (p99). \
             Nothing is published. Run it from a machine with a free core, nearer to the engine"
        ),
    )
}

fn nothing_succeeded(context: &StepContext<'_>, summary: &LevelSummary) -> Failure {
    let codes: Vec<String> = summary.errors.iter().map(|(code, n)| format!("{code} ×{n}")).collect();
    let kind = context.kind;
    if codes.is_empty() {
        // Another try would have as little time.
        return Failure::permanent(
            "no_successful_requests",
            format!(
                "not one request of {kind} completed in time. Give a level more --seconds, or ask for fewer output tokens"
            ),
        );
    }
    Failure::transient(
        "no_successful_requests",
        format!("not one request of {kind} succeeded: {}. The engine's log may say why", codes.join(", ")),
    )
    .with_details(json!({ "errors": summary.errors }))
}

fn comparability(context: &StepContext<'_>, start: &StartOutput, warmup: &WarmupOutput) -> Comparability {
    let spec = context.spec();
    // Another than the first GPU asked for may have been rented.
    let provision = context.outputs.provision().filter(|_| spec.machine.provider == ProviderKind::Runpod);
    let rented = provision.and_then(|provision| Some(provision.host.gpus.first()?.name.clone()));
    Comparability {
        model: spec.model.common_name.clone(),
        precision: start.served.quantization.clone().or_else(|| spec.engine.precision.clone()),
        context_tokens: start.served.context_tokens.or(spec.engine.context_tokens),
        parallel_slots: start.served.parallel_slots.or(spec.engine.parallel_slots),
        // What already runs was started by somebody else: nobody told us.
        prefix_caching: (spec.machine.provider != ProviderKind::Endpoint)
            .then_some(spec.engine.prefix_caching),
        prompt_set_sha256: warmup.prompt_set_sha256.clone(),
        gpu_id: rented.unwrap_or_else(|| spec.machine.gpu_id.clone()),
        gpu_count: spec.machine.gpu_count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::measure::record::{ClientSample, Outcome, RequestRecord, Window};

    /// A level of which every request left so late.
    fn level(lag_us: u64, shared_host: bool) -> (LevelRecords, LevelSummary) {
        let record = |i: u64| RequestRecord {
            stream: 0,
            intended_start_us: i * 100_000,
            start_us: i * 100_000 + lag_us,
            arrivals_us: vec![i * 100_000 + 60_000],
            end_us: i * 100_000 + 60_000,
            prompt_tokens: Some(4),
            output_tokens: Some(1),
            cached_prompt_tokens: None,
            intended_prompt_tokens: 4,
            intended_output_tokens: 1,
            outcome: Outcome::Completed,
        };
        let level = LevelRecords {
            shape: LoadShape::Closed { streams: 1 },
            window: Window { start_us: 0, end_us: 2_000_000 },
            records: (0..20).map(record).collect(),
            client: ClientSample {
                send_lags_us: vec![lag_us; 20],
                cpu_share: 0.9,
                rtt_us: None,
                rtt_after_us: None,
                through_proxy: false,
                shared_host,
            },
            seed: 1,
        };
        let summary = measure::summarise(&level);
        (level, summary)
    }

    async fn measured(lags_us: &[u64], shared_host: bool) -> (Result<LevelSummary, Failure>, Vec<u64>) {
        let mut tries = Vec::new();
        let result = by_a_quick_client(|again| {
            tries.push(again);
            std::future::ready(Ok(level(lags_us[tries.len() - 1], shared_host)))
        })
        .await;
        (result.map(|(_, summary)| summary), tries)
    }

    #[tokio::test]
    async fn a_slow_client_measures_once_more_and_then_fails_and_publishes_nothing() {
        let (result, tries) = measured(&[20_000, 30_000], false).await;
        let failure = result.unwrap_err();
        assert_eq!((failure.code.as_str(), failure.retryable), ("client_bottleneck", false));
        assert!(failure.message.contains("30.0 ms"), "{failure}");
        assert_eq!(tries, [0, 1], "with prompts of its own");
    }

    #[tokio::test]
    async fn a_client_that_was_slow_for_a_moment_publishes_its_second_try() {
        let (result, tries) = measured(&[20_000, 100], false).await;
        assert_eq!(result.unwrap().instrument.send_lag_p99_ms, Some(0.1));
        assert_eq!(tries, [0, 1]);
        assert_eq!(measured(&[100], false).await.1, [0], "a quick one measures once");
    }

    #[tokio::test]
    async fn where_client_and_engine_share_a_host_by_design_it_is_published_and_said() {
        let (result, tries) = measured(&[20_000], true).await;
        assert_eq!(result.unwrap().instrument.flags, ["shared_host", "client_bottleneck"]);
        assert_eq!(tries, [0]);
    }

    #[tokio::test]
    async fn a_level_that_fails_is_not_measured_again_here() {
        let mut tries = 0;
        let result = by_a_quick_client(|_| {
            tries += 1;
            std::future::ready(Err(Failure::transient("engine_lost", "it is gone")))
        })
        .await;
        assert_eq!((result.unwrap_err().code.as_str(), tries), ("engine_lost", 1));
    }
}
