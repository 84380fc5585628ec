//! A level with what is seen beside its records: the engine's own counters, the machine's GPUs, samples of failures.

use std::time::Duration;

use super::{StepContext, level};
use crate::{
    domain::{
        failure::Failure,
        measure::{observed::Sightings, record::LevelRecords},
        outputs::StartOutput,
    },
    loadgen::{LevelPlan, Observer, PromptSet},
};

/// How often GPUs are sampled, in a level of usual length.
const GPU_EVERY: Duration = Duration::from_millis(500);

/// Runs a level while its engine and machine are watched. What can't be seen is left out; only the level can fail.
pub(super) async fn run_level(
    context: &StepContext<'_>,
    start: &StartOutput,
    plan: &LevelPlan,
    prompts: &PromptSet,
) -> Result<(LevelRecords, Sightings), Failure> {
    let observer = Observer::start(&level::target(context, start), plan.seconds).await;
    let gpu = context.provider()?.sample_gpus(&context.pod_name(), GPU_EVERY);
    let (records, last) = level::run_level(context, start, plan, prompts).await?;
    let gpu = match gpu {
        Some(gpu) => gpu.stop().await,
        None => None,
    };
    let seen = Sightings {
        cross_check: observer.finish(&records, plan.output_tokens).await,
        told_slots: start.served.parallel_slots,
        gpu,
        error_samples: last.error_samples.into_iter().map(|sample| (sample.code, sample.message)).collect(),
        // Its prompts are unique, so a hit is never what was asked for.
        shares_prefixes: false,
    };
    Ok((records, seen))
}
