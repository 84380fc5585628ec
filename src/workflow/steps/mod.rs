//! The steps: one file a kind. A body works outside the ledger (machines, engines, load) and returns what is to be
//! written; only pods are recorded as they come and go, since they cost money whatever becomes of the step.
//!
//! Every body may run again after a kill at any line: it looks at what is there before it does anything.

mod engine_up;
mod level;
mod measure;
mod provision;
mod pull_model;
mod rental;
mod sight;
mod start_engine;
mod teardown;
mod warmup;

use std::sync::{Arc, atomic::AtomicU32};

use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Services, claim::Claimed};
use crate::{
    domain::{
        failure::Failure, ids::pod_name, kinds::ProviderKind, outputs::Outputs, spec::RunSpec, step::StepKind,
    },
    engine::Engine,
    provider::Provider,
    store::{self, results::NewResult, runs::Run},
};

/// What a step's body returns: everything its commit writes.
#[derive(Debug, Default)]
pub struct StepReport {
    /// What later steps need of it.
    pub output: Value,
    /// Seconds its parts took.
    pub timings: Value,
    /// The benchmark it measured.
    pub result: Option<NewResult>,
    /// The identifier to publish the run under, if it is the first.
    pub public_id: Option<String>,
}

impl StepReport {
    /// A report whose output and timings are these.
    fn new(output: &impl Serialize, timings: Value) -> Result<Self, Failure> {
        let output = serde_json::to_value(output).map_err(|error| {
            Failure::permanent("internal", format!("a step's output can't be stored: {error}"))
        })?;
        Ok(Self { output, timings, result: None, public_id: None })
    }
}

/// What a body works with.
pub(super) struct StepContext<'a> {
    pub(super) services: &'a Services,
    pub(super) run: &'a Run,
    pub(super) kind: StepKind,
    /// The step's place in the run's definition.
    pub(super) step: i32,
    /// Tries of the step before this one, whatever became of them.
    pub(super) earlier_tries: u32,
    pub(super) outputs: Outputs<'a>,
    pub(super) progress: watch::Sender<Option<Value>>,
    /// Cancelled when the body is dropped.
    pub(super) stop: CancellationToken,
    /// Restarts of the run's container that are recorded.
    restarts_noted: AtomicU32,
}

impl<'a> StepContext<'a> {
    pub(super) fn new(
        services: &'a Services,
        claimed: &'a Claimed,
        progress: watch::Sender<Option<Value>>,
    ) -> Self {
        Self {
            services,
            run: &claimed.run,
            kind: claimed.definition.kind,
            step: claimed.step,
            earlier_tries: claimed.earlier_tries,
            outputs: Outputs::new(&claimed.outputs),
            progress,
            stop: CancellationToken::new(),
            restarts_noted: AtomicU32::new(0),
        }
    }

    fn spec(&self) -> &RunSpec {
        &self.run.spec
    }

    fn engine(&self) -> Arc<dyn Engine> {
        crate::engine::engine(self.spec().engine.kind)
    }

    fn provider(&self) -> Result<Arc<dyn Provider>, Failure> {
        self.services.providers.get(self.spec().machine.provider)
    }

    /// The name of the run's pod in its present generation.
    fn pod_name(&self) -> String {
        pod_name(&self.services.deployment, self.run.id, self.run.generation)
    }

    /// Says how far the step is, for whoever follows the run.
    fn report_progress(&self, progress: Value) {
        self.progress.send_replace(Some(progress));
    }

    /// A connection for what must be recorded at once.
    async fn connection(&self) -> Result<sqlx::pool::PoolConnection<sqlx::Postgres>, Failure> {
        self.services.pool.acquire().await.map_err(|error| database_failure(&error.into()))
    }
}

/// Runs the body of a step.
pub(super) async fn run_step(context: &StepContext<'_>) -> Result<StepReport, Failure> {
    if context.kind != StepKind::Teardown && context.spec().machine.provider == ProviderKind::Runpod {
        rental::recall(context, context.provider()?.as_ref()).await?;
    }
    match context.kind {
        StepKind::Provision => provision::run(context).await,
        StepKind::PullModel => pull_model::run(context).await,
        StepKind::StartEngine => start_engine::run(context).await,
        StepKind::Warmup => warmup::run(context).await,
        StepKind::Throughput | StepKind::Concurrency(_) => measure::run(context).await,
        StepKind::Teardown => teardown::run(context).await,
    }
}

/// The ledger's trouble as a step's failure.
fn database_failure(error: &store::Error) -> Failure {
    Failure::transient("database", format!("the database failed: {error}"))
}

/// The failure of a step that needs another's output and doesn't find it.
fn missing(kind: StepKind) -> Failure {
    Failure::permanent("internal", format!("the output of {kind} is missing or unreadable: retry the run"))
}

/// Records that a pod exists under its provider's id.
async fn record_created(
    context: &StepContext<'_>,
    name: &str,
    external_id: Option<&str>,
) -> Result<(), Failure> {
    let Some(external_id) = external_id else { return Ok(()) };
    let mut conn = context.connection().await?;
    let conn: &mut PgConnection = &mut conn;
    store::pods::created(conn, name, external_id).await.map_err(|error| database_failure(&error))
}
