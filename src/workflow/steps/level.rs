//! Sending load to the run's engine: shared by warm-up and the measuring steps.

use serde_json::json;
use tokio::sync::watch;

use super::{StepContext, missing};
use crate::{
    domain::{
        failure::Failure, kinds::ProviderKind, measure::record::LevelRecords, outputs::StartOutput,
        step::StepKind,
    },
    loadgen::{self, LevelPlan, Progress, PromptSet, Target},
    provider::Liveness,
    workflow::ENGINE_LOST,
};

/// What `start_engine` left, provided that the engine is still the one it started.
pub(super) async fn our_engine(context: &StepContext<'_>) -> Result<StartOutput, Failure> {
    let mut start = context.outputs.start_engine().ok_or_else(|| missing(StepKind::StartEngine))?;
    start.endpoint.api_key = context.provider()?.api_key(&context.pod_name());
    check_alive(context, &start).await?;
    Ok(start)
}

/// Fails with `engine_lost` when the engine isn't ours any more: pid and start time, or the pod's id, say so.
async fn check_alive(context: &StepContext<'_>, start: &StartOutput) -> Result<(), Failure> {
    let provider = context.provider()?;
    match provider.engine_alive(&context.pod_name(), start.external_id.as_deref()).await? {
        Liveness::Alive => Ok(()),
        Liveness::Gone { reason, log_tail } => {
            // A rented machine that is gone must be rented again; here only the engine is.
            let machine_gone = context.spec().machine.provider == ProviderKind::Runpod;
            let from = if machine_gone { StepKind::Provision } else { StepKind::StartEngine };
            let why = context
                .engine()
                .explain_log(&log_tail)
                .map(|known| format!(" ({known})"))
                .unwrap_or_default();
            Err(Failure::transient(ENGINE_LOST, format!("the engine is gone: {reason}{why}."))
                .with_details(json!({ "restart_from": from, "log_tail": log_tail })))
        }
    }
}

/// The engine as the load generator sees it.
pub(super) fn target(context: &StepContext<'_>, start: &StartOutput) -> Target {
    let spec = context.spec();
    let mut target = Target::new(start.endpoint.base_url.clone(), spec.engine.kind, start.served.id.clone());
    target.api_key.clone_from(&start.endpoint.api_key);
    target.through_proxy = start.endpoint.through_proxy;
    target.shared_host |= spec.machine.provider == ProviderKind::Local;
    target.num_ctx = spec.engine.context_tokens;
    target.prefix_caching = spec.engine.prefix_caching;
    target
}

/// Runs a level, and returns what was last seen of it too. When it fails, or answers are missing, because the engine is
/// gone, that is what it fails with.
pub(super) async fn run_level(
    context: &StepContext<'_>,
    start: &StartOutput,
    plan: &LevelPlan,
    prompts: &PromptSet,
) -> Result<(LevelRecords, Progress), Failure> {
    let (progress, seen) = watch::channel(Progress::default());
    let last = seen.clone();
    let target = target(context, start);
    let level = loadgen::run_level(&target, plan, prompts, progress, context.stop.clone());
    let level = tokio::select! {
        level = level => level,
        never = forward(context, seen) => match never {},
    };
    match level {
        Ok(level) => {
            check_alive(context, start).await?;
            let last = last.borrow().clone();
            Ok((level, last))
        }
        Err(error) => {
            check_alive(context, start).await?;
            Err(error.into())
        }
    }
}

/// Passes the load generator's progress on to whoever follows the run.
async fn forward(context: &StepContext<'_>, mut seen: watch::Receiver<Progress>) -> std::convert::Infallible {
    while seen.changed().await.is_ok() {
        let now = seen.borrow_and_update().clone();
        context.report_progress(json!({
            "elapsed_s": now.elapsed_s,
            "of_s": now.expected_s,
            "completed": now.completed,
            "errored": now.errored,
            "in_flight": now.in_flight,
        }));
    }
    std::future::pending().await
}
