//! Taking a step: one transaction that checks the token against the ledger and, if all is well, makes the step ours.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    Error, Executed, Services,
    budget::{self, Admission},
};
use crate::{
    domain::{
        failure::Failure,
        kinds::ProviderKind,
        step::{StepKind, StepStatus},
        workflow::{StepDefinition, WorkflowDefinition},
    },
    ledger::{schedule_teardown, schedule_teardown_after_failure},
    queue::{Delivery, StepToken},
    store::{
        attempts::{self, AttemptKey, AttemptOutcome},
        budgets, events, queues,
        runs::{self, Run},
        steps::{self, Claim, Settled, Step},
    },
};

/// How often a run that waits for its turn on a machine looks, s.
const TURN_POLL_S: f64 = 1.0;

/// How often a step that this version doesn't know is looked at again, s: at first, and in the long run. A deploy lasts
/// minutes; a version that never comes must not keep the workers busy.
const PARKED_POLL_S: (f64, f64) = (5.0, 60.0);

/// How often a run that waits for a place among the rented pods looks, on average, s: hundreds may wait.
const SLOT_POLL_S: f64 = 10.0;

/// A step that is ours until its lease runs out.
#[derive(Debug)]
pub(super) struct Claimed {
    pub(super) run: Run,
    pub(super) workflow: WorkflowDefinition,
    pub(super) definition: StepDefinition,
    pub(super) step: i32,
    pub(super) fence: i64,
    /// Tries of the error budget, this one included.
    pub(super) attempt: i32,
    /// Tries before this one, lost and drained ones included.
    pub(super) earlier_tries: u32,
    /// What earlier steps produced, by step name.
    pub(super) outputs: BTreeMap<String, Value>,
}

impl Claimed {
    pub(super) fn key(&self) -> AttemptKey {
        AttemptKey { run: self.run.id, step: self.step, fence: self.fence }
    }

    pub(super) fn is_teardown(&self) -> bool {
        self.definition.kind == StepKind::Teardown
    }
}

/// Looks at the step a token names, and takes it if it is to be worked now; else says what became of the token.
pub(super) async fn claim(
    services: &Services,
    token: &StepToken,
    worker: &str,
) -> Result<Result<Claimed, Executed>, Error> {
    let mut tx = services.pool.begin().await?;
    let conn = &mut *tx;
    let Some(run) = runs::lock(conn, token.run).await? else { return Ok(Err(Executed::Stale)) };
    if run.status.is_terminal() {
        return Ok(Err(Executed::Stale));
    }
    let Some(step) = steps::lock(conn, token.run, token.step).await? else { return Ok(Err(Executed::Stale)) };
    if step.job_key != token.key || !matches!(step.status, StepStatus::Scheduled | StepStatus::Running) {
        return Ok(Err(Executed::Stale));
    }
    if let Some(left_s) = step.lease_left_s.filter(|left_s| *left_s > 0.0) {
        snooze(services, conn, &run, token, left_s).await?;
        tx.commit().await?;
        return Ok(Err(Executed::Snoozed));
    }
    // A run made by a newer version may hold steps this one doesn't know: leave it for a worker that does.
    let known = run.workflow().ok().and_then(|workflow| {
        let definition = workflow.steps.get(usize::try_from(token.step).ok()?).cloned()?;
        Some((workflow, definition))
    });
    let Some((workflow, definition)) = known else {
        // A token that looks again, so that no sweeper of any version takes the step for a lost one.
        let waited_s = steps::waited_s(conn, run.id, token.step).await?;
        snooze(services, conn, &run, token, waited_s.clamp(PARKED_POLL_S.0, PARKED_POLL_S.1)).await?;
        tx.commit().await?;
        return Ok(Err(Executed::Parked));
    };
    let actor = format!("worker:{worker}");
    let teardown = definition.kind == StepKind::Teardown;
    let taken_over = step.status == StepStatus::Running;
    let losses = step.losses + i32::from(taken_over);
    if taken_over {
        let lost = AttemptKey { run: run.id, step: token.step, fence: step.fence };
        attempts::finish(conn, lost, AttemptOutcome::Lost, None).await?;
        let data = json!({ "worker": step.worker, "losses": losses });
        events::append(conn, run.id, "worker_lost", Some(&step.name), &actor, data).await?;
    }
    if run.cancel_requested && !teardown {
        let settled = Settled { status: StepStatus::Cancelled, output: None, timings: None, failure: None };
        steps::settle(conn, run.id, token.step, settled).await?;
        events::append(conn, run.id, "step_cancelled", Some(&step.name), &actor, json!({})).await?;
        schedule_teardown(conn, services.queue.as_ref(), &run, &workflow).await?;
        tx.commit().await?;
        return Ok(Err(Executed::Cancelled));
    }
    // Teardown goes on: what is left rented costs money however long a pause lasts.
    if !teardown && (run.paused || queues::is_paused(conn, &run.queue).await?) {
        steps::park(conn, run.id, token.step).await?;
        tx.commit().await?;
        return Ok(Err(Executed::Paused));
    }
    if definition.kind == StepKind::Provision && must_wait(conn, &run).await? {
        snooze(services, conn, &run, token, TURN_POLL_S).await?;
        tx.commit().await?;
        return Ok(Err(Executed::Snoozed));
    }
    if !teardown && u32::try_from(losses).unwrap_or(u32::MAX) > definition.retry.max_losses {
        let failure = poison(&step, losses);
        give_up(services, conn, &run, &workflow, &step, &failure, &actor).await?;
        tx.commit().await?;
        return Ok(Err(Executed::Failed));
    }
    match budget::admit(services, conn, &run, definition.kind).await? {
        Admission::Granted => {}
        Admission::Wait(what) => {
            budgets::tell_waiting(conn, run.id, token.step, &what).await?;
            let about = SLOT_POLL_S * (0.5 + rand::random::<f64>());
            snooze(services, conn, &run, token, about).await?;
            tx.commit().await?;
            return Ok(Err(Executed::Snoozed));
        }
        Admission::Refused(failure) => {
            give_up(services, conn, &run, &workflow, &step, &failure, &actor).await?;
            tx.commit().await?;
            return Ok(Err(Executed::Failed));
        }
    }
    let attempt = if taken_over { step.attempt } else { step.attempt + 1 };
    let lease_s = services.leases.lease.as_secs_f64();
    let fence = steps::claim(conn, run.id, token.step, Claim { worker, lease_s, attempt, losses }).await?;
    runs::start(conn, run.id).await?;
    let key = AttemptKey { run: run.id, step: token.step, fence };
    let earlier_tries = attempts::count(conn, run.id, token.step).await?;
    attempts::start(conn, key, &step.name, run.generation, attempt, worker).await?;
    let data = json!({ "attempt": attempt, "losses": losses, "fence": fence });
    events::append(conn, run.id, "step_started", Some(&step.name), &actor, data).await?;
    let outputs = steps::outputs(conn, run.id).await?;
    tx.commit().await?;
    Ok(Ok(Claimed { run, workflow, definition, step: token.step, fence, attempt, earlier_tries, outputs }))
}

/// Whether a run waits for its turn. Two runs on one machine would measure each other: the later waits, and nothing is
/// started for it. All look once a second, so whose look comes first after the machine is free must not matter.
async fn must_wait(conn: &mut sqlx::PgConnection, run: &Run) -> Result<bool, Error> {
    if run.spec.machine.provider != ProviderKind::Local {
        return Ok(false);
    }
    if runs::another_has_machine(conn, &run.queue, run.id).await? {
        return Ok(true);
    }
    // What a newer version made may wait for long: it is passed.
    let ahead = runs::ahead_of(conn, &run.queue, run.id).await?;
    Ok(ahead.iter().any(|run| run.workflow().is_ok()))
}

/// The token came while the step's holder still beats: look again once its lease could have run out.
async fn snooze(
    services: &Services,
    conn: &mut sqlx::PgConnection,
    run: &Run,
    token: &StepToken,
    left_s: f64,
) -> Result<(), Error> {
    let later = StepToken::new(token.run, token.step);
    steps::replace_token(conn, token.run, token.step, &later.key).await?;
    let run_at = steps::unix_time_in(conn, left_s).await?;
    let delivery = Delivery { queue: &run.queue, priority: run.priority, run_at };
    services.queue.push(conn, &later, delivery).await?;
    Ok(())
}

fn poison(step: &Step, losses: i32) -> Failure {
    Failure::permanent(
        "worker_lost",
        format!(
            "{losses} workers were lost in the middle of {}, which is more than its budget: it may be what kills them \
             (out of memory?). Look at the workers' logs, then `dria-bench runs retry`",
            step.name
        ),
    )
}

/// Settles a step as failed for good: the run goes to teardown with this failure.
pub(super) async fn give_up(
    services: &Services,
    conn: &mut sqlx::PgConnection,
    run: &Run,
    workflow: &WorkflowDefinition,
    step: &Step,
    failure: &Failure,
    actor: &str,
) -> Result<(), Error> {
    let settled = Settled { status: StepStatus::Failed, output: None, timings: None, failure: Some(failure) };
    steps::settle(conn, run.id, step.step, settled).await?;
    runs::set_error(conn, run.id, failure).await?;
    events::append(conn, run.id, "step_failed", Some(&step.name), actor, json!({ "failure": failure }))
        .await?;
    if budget::ends_spending(failure) {
        budget::note_stop(conn, run, &step.name, failure, actor).await?;
        return schedule_teardown(conn, services.queue.as_ref(), run, workflow).await;
    }
    schedule_teardown_after_failure(conn, services.queue.as_ref(), run, workflow, actor).await
}
