//! warmup: learn how long prompts are on this model, and load the engine until it is warm. None of its requests is in
//! any result.

use std::time::Instant;

use async_trait::async_trait;
use serde_json::json;

use super::{
    StepContext, StepReport,
    level::{our_engine, run_level, target},
};
use crate::{
    domain::{
        failure::Failure,
        launch::Endpoint,
        measure::{
            record::LoadShape,
            steady::{SteadyRule, SteadyState},
        },
        outputs::{StartOutput, WarmupOutput},
    },
    engine::Engine,
    loadgen::{Calibration, LevelPlan, PromptSet, TokenCounter, UsageCounter, calibrate},
};

/// Seconds of load that make an engine warm, at least: caches are filled, kernels chosen, every slot used.
const WARM_AFTER_S: f64 = 3.0;

/// Seconds of the window that every level has; here it is over as soon as the engine is warm.
const NO_WINDOW_S: f64 = 0.001;

/// The block of prompts that warm-up takes, out of the way of every level's.
const PROMPT_BLOCK: u64 = 4093;

pub(super) async fn run(context: &StepContext<'_>) -> Result<StepReport, Failure> {
    let start = our_engine(context).await?;
    let load = &context.spec().load;
    check_context(context, &start)?;
    let asked = Instant::now();
    let (calibration, first_request) = calibration(context, &start).await?;
    let calibrated_s = asked.elapsed().as_secs_f64();
    let prompts = PromptSet::new(load.seed, load.prompt_tokens, &calibration);
    let first_request = first_request.unwrap_or_else(Instant::now);
    let streams = load.rates.last().copied().unwrap_or(1);
    let mut plan = LevelPlan::new(
        LoadShape::Closed { streams },
        NO_WINDOW_S,
        load.prompt_tokens,
        load.output_tokens,
        load.seed,
    );
    plan.max_seconds = NO_WINDOW_S;
    let rule = SteadyRule::from_minimum(load.seconds.min(WARM_AFTER_S));
    plan.steady = Some(rule);
    plan.prompt_block = PROMPT_BLOCK;
    let before_s = first_request.elapsed().as_secs_f64();
    let (level, last) = run_level(context, &start, &plan, &prompts).await?;
    let given_up = SteadyState { reached: false, from_s: rule.max_seconds, known_s: rule.max_seconds };
    let steady = last.steady.unwrap_or(given_up);
    // An engine that was steady from the start was warm once it had given its first answer, not before it was asked.
    let first_answer_s =
        level.records.iter().map(|record| record.end_us).min().unwrap_or_default() as f64 / 1e6;
    let output = WarmupOutput {
        prompt_set_sha256: prompts.sha256(),
        calibration,
        warmup_s: before_s + steady.from_s.max(first_answer_s),
        steady: Some(steady),
        requests: level.records.len() as u64,
    };
    let timings = json!({ "calibration_s": calibrated_s, "warmup_s": output.warmup_s, "steady": steady });
    StepReport::new(&output, timings)
}

/// Refuses a request that can't fit what the engine serves, before it is sent a thousand times.
fn check_context(context: &StepContext<'_>, start: &StartOutput) -> Result<(), Failure> {
    let load = &context.spec().load;
    let needed = load.prompt_tokens.saturating_add(load.output_tokens);
    match start.served.context_tokens {
        Some(tokens) if needed > tokens => Err(Failure::permanent(
            "prompt_too_long",
            format!(
                "{} prompt and {} output tokens don't fit the engine's context of {tokens}: ask for fewer, or start \
                 the engine with a larger context (--context)",
                load.prompt_tokens, load.output_tokens
            ),
        )),
        _ => Ok(()),
    }
}

/// How prompts get their length: from the engine's tokenizer where it has one, else from the lengths it reports. In the
/// second case also when the first request was sent.
async fn calibration(
    context: &StepContext<'_>,
    start: &StartOutput,
) -> Result<(Calibration, Option<Instant>), Failure> {
    let load = &context.spec().load;
    let engine = context.engine();
    let endpoint = &start.endpoint;
    if engine.count_tokens(endpoint, &start.served.id, "the").await?.is_some() {
        let counter = EngineTokenizer { engine: engine.as_ref(), endpoint, model: &start.served.id };
        return Ok((calibrate(&counter, load.prompt_tokens).await?, None));
    }
    let first_request = Instant::now();
    let counter = UsageCounter::new(&target(context, start)).await?;
    Ok((counter.fit(load.seed, load.prompt_tokens).await?, Some(first_request)))
}

/// The engine's own tokenizer.
struct EngineTokenizer<'a> {
    engine: &'a dyn Engine,
    endpoint: &'a Endpoint,
    model: &'a str,
}

#[async_trait]
impl TokenCounter for EngineTokenizer<'_> {
    async fn count(&self, text: &str) -> Result<u32, Failure> {
        self.engine.count_tokens(self.endpoint, self.model, text).await?.ok_or_else(|| {
            Failure::transient("engine_bad_answer", "the engine's tokenizer answered once and then no more")
        })
    }
}
