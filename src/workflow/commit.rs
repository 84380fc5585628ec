//! Ending a step: one transaction, guarded by the fence, that writes its outcome and what follows from it.

use serde_json::json;
use sqlx::PgConnection;

use super::{
    Error, Executed, Services,
    claim::{Claimed, give_up},
    execute::Ending,
    steps::StepReport,
};
use crate::{
    domain::{
        failure::Failure,
        measure,
        step::{StepKind, StepStatus},
    },
    ledger::{finish_run, indexed, schedule, schedule_next, schedule_teardown},
    retry,
    store::{
        attempts::{self, AttemptOutcome},
        events, results,
        runs::{self, Run},
        steps::{self, Settled, Step},
    },
};

/// Code of the failure that says the engine we started isn't there any more.
pub const ENGINE_LOST: &str = "engine_lost";

/// How often a run may lose its engine and start it again.
const MAX_ENGINE_LOSSES: i32 = 2;

/// The failure of a level whose numbers, or records, are another's.
pub(super) fn twin_failure(level: &str, other: &str) -> Failure {
    Failure::transient(
        "duplicate_result",
        format!(
            "{level} has the same numbers to the last digit as {other} of this run: one benchmark was taken for \
             another, so nothing is published"
        ),
    )
}

/// Everything a commit's branches need.
struct Commit<'a> {
    services: &'a Services,
    claimed: &'a Claimed,
    /// The run as it is now, locked.
    run: Run,
    /// The step as it is now, locked.
    step: Step,
    actor: String,
}

/// Writes the outcome, unless the step is no longer ours.
pub(super) async fn commit(
    services: &Services,
    claimed: &Claimed,
    ending: &Ending,
    worker: &str,
) -> Result<Executed, Error> {
    let mut tx = services.pool.begin().await?;
    let Some(run) = runs::lock(&mut tx, claimed.run.id).await? else { return Ok(Executed::Fenced) };
    let Some(step) = steps::lock(&mut tx, claimed.run.id, claimed.step).await? else {
        return Ok(Executed::Fenced);
    };
    if step.fence != claimed.fence || step.status != StepStatus::Running {
        return Ok(Executed::Fenced);
    }
    let commit = Commit { services, claimed, run, step, actor: format!("worker:{worker}") };
    let executed = match ending {
        Ending::Report(report) => match commit.refuse_twin(&mut tx, report).await? {
            None => commit.done(&mut tx, report).await?,
            Some(failure) => commit.failed(&mut tx, &failure, AttemptOutcome::Error).await?,
        },
        Ending::Failure(failure) if failure.code == ENGINE_LOST => {
            commit.engine_lost(&mut tx, failure).await?
        }
        Ending::Failure(failure) => commit.failed(&mut tx, failure, AttemptOutcome::Error).await?,
        Ending::TimedOut => commit.failed(&mut tx, &commit.time_out(), AttemptOutcome::Timeout).await?,
        Ending::CancelRequested => commit.cancelled(&mut tx).await?,
        Ending::Drained => commit.drained(&mut tx).await?,
        Ending::Lost => return Ok(Executed::Fenced),
    };
    tx.commit().await?;
    Ok(executed)
}

impl Commit<'_> {
    /// Two benchmarks with the same records, or the same numbers to the last digit, are one stored twice.
    async fn refuse_twin(
        &self,
        conn: &mut PgConnection,
        report: &StepReport,
    ) -> Result<Option<Failure>, Error> {
        let Some(new) = &report.result else { return Ok(None) };
        let twin = results::list(conn, self.run.id).await?.into_iter().find(|other| {
            other.records_sha256 == new.records_sha256 || measure::is_twin(&other.summary, &new.summary)
        });
        Ok(twin.map(|other| {
            let name =
                usize::try_from(other.step).ok().and_then(|step| self.claimed.workflow.steps.get(step));
            twin_failure(&self.step.name, &name.map(|step| step.kind.to_string()).unwrap_or_default())
        }))
    }

    async fn done(&self, conn: &mut PgConnection, report: &StepReport) -> Result<Executed, Error> {
        let settled = Settled {
            status: StepStatus::Done,
            output: Some(&report.output),
            timings: Some(&report.timings),
            failure: None,
        };
        steps::settle(conn, self.run.id, self.step.step, settled).await?;
        attempts::finish(conn, self.claimed.key(), AttemptOutcome::Done, None).await?;
        if let Some(public_id) = &report.public_id {
            runs::freeze_public_id(conn, self.run.id, public_id).await?;
        }
        if let Some(result) = &report.result {
            results::insert(conn, self.run.id, self.step.step, self.run.generation, result).await?;
        }
        let data = json!({ "timings": report.timings });
        events::append(conn, self.run.id, "step_done", Some(&self.step.name), &self.actor, data).await?;
        let queue = self.services.queue.as_ref();
        if self.claimed.is_teardown() {
            finish_run(conn, self.run.id, &self.actor).await?;
        } else if self.run.cancel_requested {
            schedule_teardown(conn, queue, &self.run, &self.claimed.workflow).await?;
        } else {
            schedule_next(conn, queue, &self.run, &self.claimed.workflow, self.step.step).await?;
        }
        Ok(Executed::Done)
    }

    async fn failed(
        &self,
        conn: &mut PgConnection,
        failure: &Failure,
        outcome: AttemptOutcome,
    ) -> Result<Executed, Error> {
        attempts::finish(conn, self.claimed.key(), outcome, Some(failure)).await?;
        if self.run.cancel_requested && !self.claimed.is_teardown() {
            return self.to_teardown_cancelled(conn).await;
        }
        let policy = &self.claimed.definition.retry;
        let attempt = self.claimed.attempt;
        let left = u32::try_from(attempt).unwrap_or(u32::MAX) < policy.max_attempts;
        // Teardown never gives up: what it leaves behind costs money.
        if self.claimed.is_teardown() || (failure.retryable && left) {
            let backoff = retry::Backoff { initial: policy.initial, max: policy.max };
            let delay = retry::step_delay(backoff, u32::try_from(attempt).unwrap_or(1), rand::random());
            steps::note_failure(conn, self.run.id, self.step.step, attempt, Some(failure)).await?;
            let data = json!({ "failure": failure, "attempt": attempt, "delay_s": delay.as_secs_f64() });
            events::append(conn, self.run.id, "step_retry", Some(&self.step.name), &self.actor, data).await?;
            self.again(conn, delay.as_secs_f64()).await?;
            return Ok(Executed::Retrying);
        }
        let workflow = &self.claimed.workflow;
        give_up(self.services, conn, &self.run, workflow, &self.step, failure, &self.actor).await?;
        Ok(Executed::Failed)
    }

    /// The engine is gone: back to the set-up it needs, with the measured levels kept.
    async fn engine_lost(&self, conn: &mut PgConnection, failure: &Failure) -> Result<Executed, Error> {
        if self.run.engine_losses >= MAX_ENGINE_LOSSES
            || self.run.cancel_requested
            || self.claimed.is_teardown()
        {
            let mut failure = failure.clone();
            failure.retryable = false;
            return self.failed(conn, &failure, AttemptOutcome::EngineLost).await;
        }
        attempts::finish(conn, self.claimed.key(), AttemptOutcome::EngineLost, Some(failure)).await?;
        runs::count_engine_loss(conn, self.run.id).await?;
        let data = json!({ "failure": failure, "losses": self.run.engine_losses + 1 });
        events::append(conn, self.run.id, ENGINE_LOST, Some(&self.step.name), &self.actor, data).await?;
        let machine_gone =
            failure.details.get("restart_from").and_then(|from| from.as_str()) == Some("provision");
        let mut forgotten: Vec<i32> = indexed(&self.claimed.workflow)
            .filter(|(_, kind)| match kind {
                StepKind::Provision | StepKind::PullModel => machine_gone,
                StepKind::StartEngine | StepKind::Warmup => true,
                StepKind::Throughput | StepKind::Concurrency(_) | StepKind::Teardown => false,
            })
            .map(|(index, _)| index)
            .collect();
        forgotten.push(self.step.step);
        steps::forget(conn, self.run.id, &forgotten).await?;
        schedule_next(conn, self.services.queue.as_ref(), &self.run, &self.claimed.workflow, -1).await?;
        Ok(Executed::Rewound)
    }

    async fn cancelled(&self, conn: &mut PgConnection) -> Result<Executed, Error> {
        attempts::finish(conn, self.claimed.key(), AttemptOutcome::Cancelled, None).await?;
        self.to_teardown_cancelled(conn).await
    }

    async fn to_teardown_cancelled(&self, conn: &mut PgConnection) -> Result<Executed, Error> {
        let settled = Settled { status: StepStatus::Cancelled, output: None, timings: None, failure: None };
        steps::settle(conn, self.run.id, self.step.step, settled).await?;
        events::append(conn, self.run.id, "step_cancelled", Some(&self.step.name), &self.actor, json!({}))
            .await?;
        schedule_teardown(conn, self.services.queue.as_ref(), &self.run, &self.claimed.workflow).await?;
        Ok(Executed::Cancelled)
    }

    /// Our worker was told to stop: the step waits for another one, and this try doesn't count.
    async fn drained(&self, conn: &mut PgConnection) -> Result<Executed, Error> {
        attempts::finish(conn, self.claimed.key(), AttemptOutcome::Drained, None).await?;
        steps::note_failure(conn, self.run.id, self.step.step, self.claimed.attempt - 1, None).await?;
        events::append(conn, self.run.id, "step_drained", Some(&self.step.name), &self.actor, json!({}))
            .await?;
        self.again(conn, 0.0).await?;
        Ok(Executed::Drained)
    }

    async fn again(&self, conn: &mut PgConnection, delay_s: f64) -> Result<(), Error> {
        let kind = self.claimed.definition.kind;
        schedule(conn, self.services.queue.as_ref(), &self.run, self.step.step, kind, delay_s).await
    }

    fn time_out(&self) -> Failure {
        let seconds = self.claimed.definition.timeout.as_secs_f64();
        Failure::transient(
            "step_timeout",
            format!(
                "{} took longer than its {seconds:.0} s. If it needs more, raise `timeout` in the workflow's file",
                self.step.name
            ),
        )
    }
}
