//! Getting an engine to run and to answer: shared by `pull_model` (Ollama downloads through its server) and
//! `start_engine`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::json;

use super::{StepContext, missing, record_created, rental};
use crate::{
    domain::{failure::Failure, kinds::ProviderKind, step::StepKind},
    engine::{ServedModel, ServerState},
    provider::{CommandForPort, EngineRequest, Liveness, RunningEngine},
};

/// How often a starting engine is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How long what is said to run already may take to answer, and to say that it is ready. An engine that we start has the
/// step's time-out.
const ANSWER_PATIENCE: Duration = Duration::from_secs(15);
const READY_PATIENCE: Duration = Duration::from_mins(1);

/// Lines of the engine's log that are read for its start-up times.
pub(super) const LOG_LINES: usize = 10_000;

/// Code of the failure of an engine that ended.
const ENGINE_EXITED: &str = "engine_exited";

/// An engine whose port answers.
pub(super) struct EngineUp {
    pub(super) running: RunningEngine,
    pub(super) version: Option<String>,
    /// Seconds from its start to its port answering; `None` when a live one was adopted.
    pub(super) server_setup_s: Option<f64>,
}

/// Starts or adopts the run's engine, and waits until its port answers.
pub(super) async fn engine_up(context: &StepContext<'_>) -> Result<EngineUp, Failure> {
    let (engine, provider) = (context.engine(), context.provider()?);
    let provision = context.outputs.provision().ok_or_else(|| missing(StepKind::Provision))?;
    let spec = context.spec();
    let command = match spec.machine.provider {
        ProviderKind::Local => {
            let install = provision.install.clone().ok_or_else(|| missing(StepKind::Provision))?;
            let (engine, spec) = (Arc::clone(&engine), spec.clone());
            let command: CommandForPort = Arc::new(move |port| engine.local_command(&spec, &install, port));
            Some(command)
        }
        ProviderKind::Runpod | ProviderKind::Endpoint => None,
    };
    let request = EngineRequest {
        name: provision.pod_name.clone(),
        machine_external_id: provision.external_id.clone(),
        port: match spec.machine.provider {
            ProviderKind::Runpod => Some(engine.container_spec(spec)?.port),
            ProviderKind::Local | ProviderKind::Endpoint => spec.machine.port,
        },
        url: spec.machine.url.clone(),
        command,
    };
    let asked = Instant::now();
    let running = provider.ensure_engine(&request).await.map_err(|failure| explained(context, failure))?;
    record_created(context, &provision.pod_name, running.external_id.as_deref()).await?;
    loop {
        let state = engine.probe(&running.endpoint).await?;
        if let ServerState::Up { version } = state {
            let server_setup_s = running.started_now.then(|| asked.elapsed().as_secs_f64());
            return Ok(EngineUp { running, version, server_setup_s });
        }
        if spec.machine.provider == ProviderKind::Endpoint {
            out_of_patience(context, &running, &state, asked.elapsed())?;
        }
        fail_if_gone(context, &running).await?;
        wait_a_little(context, asked, "the engine's port").await;
    }
}

/// Waits until the engine lists the run's model.
pub(super) async fn model_served(
    context: &StepContext<'_>,
    running: &RunningEngine,
) -> Result<ServedModel, Failure> {
    let engine = context.engine();
    let asked = Instant::now();
    loop {
        if let Some(served) = engine.served_model(&running.endpoint, &context.spec().model.id).await? {
            return Ok(served);
        }
        let spec = context.spec();
        if spec.machine.provider == ProviderKind::Endpoint && asked.elapsed() > READY_PATIENCE {
            return Err(Failure::permanent(
                "model_not_found",
                format!(
                    "{} at {} lists no model: load {} there, then `dria-bench runs retry`",
                    spec.engine.kind.common_name(),
                    running.endpoint,
                    spec.model.id
                ),
            ));
        }
        fail_if_gone(context, running).await?;
        wait_a_little(context, asked, "the model to be served").await;
    }
}

/// Fails once an engine that isn't ours has had its time.
fn out_of_patience(
    context: &StepContext<'_>,
    running: &RunningEngine,
    state: &ServerState,
    waited: Duration,
) -> Result<(), Failure> {
    let (name, endpoint) = (context.spec().engine.kind.common_name(), &running.endpoint);
    let seconds = waited.as_secs();
    match state {
        ServerState::Down { reason } if waited > ANSWER_PATIENCE => Err(Failure::permanent(
            "engine_unreachable",
            format!(
                "{endpoint} takes connections, but gave no answer in {seconds} s ({reason}): check that {name} is what runs there"
            ),
        )),
        ServerState::Starting if waited > READY_PATIENCE => Err(Failure::permanent(
            "engine_starting",
            format!(
                "{name} at {endpoint} has said for {seconds} s that it isn't ready: wait until it has loaded its model, \
                 then `dria-bench runs retry`"
            ),
        )),
        _ => Ok(()),
    }
}

/// Fails with what the engine's log says when it isn't there any more.
async fn fail_if_gone(context: &StepContext<'_>, running: &RunningEngine) -> Result<(), Failure> {
    let provider = context.provider()?;
    let liveness = provider.engine_alive(&context.pod_name(), running.external_id.as_deref()).await?;
    rental::note_restarts(context, provider.as_ref()).await?;
    match liveness {
        Liveness::Alive => Ok(()),
        Liveness::Gone { reason, log_tail } => {
            let mut failure = context.engine().explain_exit(&reason, &log_tail);
            // An end that its log doesn't explain may not come again.
            failure.retryable |= failure.code == ENGINE_EXITED;
            Err(failure)
        }
    }
}

/// A provider's failure, in the engine's own words where its log has some that we know.
pub(super) fn explained(context: &StepContext<'_>, failure: Failure) -> Failure {
    let log_tail = failure.details.get("log_tail").and_then(|tail| tail.as_str());
    match log_tail.filter(|_| failure.code == ENGINE_EXITED) {
        Some(log_tail) => context.engine().explain_log(log_tail).unwrap_or(failure),
        None => failure,
    }
}

async fn wait_a_little(context: &StepContext<'_>, since: Instant, what: &str) {
    context.report_progress(json!({ "waiting_s": since.elapsed().as_secs_f64().round(), "for": what }));
    tokio::time::sleep(LOOK_EVERY).await;
}
