//! What stops a run that rents: caps on what is spent, its pod's deadline, and how many pods there may be.
//!
//! Asked before each step, at each heartbeat, and now and then for runs that wait. Only rented machines cost anything:
//! all other runs pass. What a run has spent counts whatever is rented at the moment.

use std::time::Duration;

use rust_decimal::Decimal;
use serde_json::json;
use sqlx::PgConnection;

use super::{Error, Services, claim::give_up};
use crate::{
    domain::{
        failure::Failure,
        ids::pod_name,
        kinds::ProviderKind,
        money::{self, Cap, CapOf},
        step::{StepKind, StepStatus},
        webhook::EventKind,
    },
    ledger::schedule_teardown,
    store::{
        budgets, deliveries, events, matrices, pods, rentals,
        runs::{self, Run},
        schedules, steps,
    },
};

/// The actor of what is stopped while no worker holds it.
const ACTOR: &str = "budget";

/// What may be spent and rented.
#[derive(Debug, Clone)]
pub struct Limits {
    /// What a run may cost that says nothing else, USD.
    pub run_usd: Option<Decimal>,
    /// What all runs together may cost in a day, from midnight UTC, USD.
    pub day_usd: Option<Decimal>,
    /// What must be left on the provider's account to rent, USD.
    pub min_balance_usd: Decimal,
    /// Pods that may be there at the same time.
    pub max_pods: Option<u32>,
    /// GPUs that may be rented at the same time.
    pub max_gpus: Option<u32>,
    /// How long a pod may be there, whatever its run does.
    pub max_lifetime: Duration,
}

impl Default for Limits {
    /// No cap, and a day for each pod.
    fn default() -> Self {
        Self {
            run_usd: None,
            day_usd: None,
            min_balance_usd: Decimal::ZERO,
            max_pods: None,
            max_gpus: None,
            max_lifetime: Duration::from_hours(24),
        }
    }
}

/// Whether a run pays for its machine.
pub(super) fn rents(run: &Run) -> bool {
    run.spec.machine.provider == ProviderKind::Runpod
}

/// Why a run must stop; `None`: it may go on.
pub(super) async fn verdict(
    services: &Services,
    conn: &mut PgConnection,
    run: &Run,
) -> Result<Option<Failure>, Error> {
    if !rents(run) {
        return Ok(None);
    }
    if budgets::is_overdue(conn, &pod_name(&services.deployment, run.id, run.generation)).await? {
        return Ok(Some(expired(services.limits.max_lifetime)));
    }
    // Until the next look, and as long again until what is rented is gone.
    let ahead = services.leases.heartbeat * 2;
    Ok(money::reached(&caps(services, conn, run).await?, ahead))
}

fn expired(lifetime: Duration) -> Failure {
    let hours = lifetime.as_secs_f64() / 3600.0;
    Failure::permanent(
        money::POD_EXPIRED,
        format!(
            "its pod was there for {hours:.1} h, which is as long as any may be (runpod.max_lifetime_ms): see with \
             `dria-bench runs show RUN` what took so long, then `dria-bench runs retry RUN`"
        ),
    )
}

/// The caps that a run is under, and what is gone of each.
async fn caps(services: &Services, conn: &mut PgConnection, run: &Run) -> Result<Vec<Cap>, Error> {
    let mut caps = Vec::new();
    if let Some(limit_usd) = budgets::of_run(conn, run.id).await?.or(services.limits.run_usd) {
        let spending = rentals::spent_by(conn, &[run.id], false).await?;
        caps.push(Cap { of: CapOf::Run, limit_usd, spending, reserved_usd: Decimal::ZERO });
    }
    if let Some((limit_usd, runs)) = matrices::cap_of(conn, run.id).await? {
        let spending = rentals::spent_by(conn, &runs, false).await?;
        caps.push(Cap { of: CapOf::Matrix, limit_usd, spending, reserved_usd: Decimal::ZERO });
    }
    if let Some((limit_usd, runs)) = schedules::cap_of(conn, run.id).await? {
        let spending = rentals::spent_by(conn, &runs, true).await?;
        let reserved_usd = budgets::reserved_among(conn, &runs, run.id).await?;
        caps.push(Cap { of: CapOf::Schedule, limit_usd, spending, reserved_usd });
    }
    if let Some(limit_usd) = services.limits.day_usd {
        let spending = rentals::spent_today(conn).await?;
        let reserved_usd = budgets::reserved_by_others(conn, run.id).await?;
        caps.push(Cap { of: CapOf::Day, limit_usd, spending, reserved_usd });
    }
    Ok(caps)
}

/// Whether a step may start.
pub(super) enum Admission {
    /// It may. One that rents has a place, and its pod's name is committed with it.
    Granted,
    /// Not at the moment; what is waited for.
    Wait(String),
    /// Neither now nor later.
    Refused(Failure),
}

/// Whether a step of a run may start: none does that would spend too much, and what rents needs a place.
pub(super) async fn admit(
    services: &Services,
    conn: &mut PgConnection,
    run: &Run,
    step: StepKind,
) -> Result<Admission, Error> {
    if !rents(run) || step == StepKind::Teardown {
        return Ok(Admission::Granted);
    }
    match verdict(services, conn, run).await? {
        Some(failure) => Ok(Admission::Refused(failure)),
        None if step == StepKind::Provision => take_slot(services, conn, run).await,
        None => Ok(Admission::Granted),
    }
}

/// Takes a place among the pods that may be there at the same time.
async fn take_slot(services: &Services, conn: &mut PgConnection, run: &Run) -> Result<Admission, Error> {
    let (provider, limits) = (run.spec.machine.provider, &services.limits);
    // Before the pod's name is there: teardown could not ask that provider either, and would never end.
    if let Err(failure) = services.providers.get(provider) {
        return Ok(Admission::Refused(failure));
    }
    let gpus = i64::from(run.spec.machine.gpu_count.max(1));
    budgets::lock(conn).await?;
    let (pods_used, gpus_used, mine) = budgets::in_use(conn, provider, run.id).await?;
    let over = |most: Option<u32>, wanted: i64| most.filter(|most| wanted > i64::from(*most));
    if let Some(most) = over(limits.max_gpus, gpus) {
        let message =
            format!("it asks for {gpus} GPUs, and no more than {most} may be rented: raise runpod.max_gpus");
        return Ok(Admission::Refused(Failure::permanent("bad_request", message)));
    }
    if !mine {
        if let Some(most) = over(limits.max_pods, pods_used + 1) {
            return Ok(Admission::Wait(format!("one of {most} pods (runpod.max_pods)")));
        }
        if let Some(most) = over(limits.max_gpus, gpus_used + gpus) {
            return Ok(Admission::Wait(format!("{gpus} of {most} GPUs (runpod.max_gpus)")));
        }
    }
    let name = pod_name(&services.deployment, run.id, run.generation);
    pods::intend(conn, run.id, run.generation, provider, &name).await?;
    budgets::set_deadline(conn, &name, limits.max_lifetime.as_secs_f64()).await?;
    Ok(Admission::Granted)
}

/// Holds back the least that renting costs, of every cap; the failure where it doesn't fit.
pub(super) async fn reserve(
    services: &Services,
    conn: &mut PgConnection,
    run: &Run,
    least_usd: Decimal,
) -> Result<Option<Failure>, Error> {
    budgets::lock(conn).await?;
    let refused = money::too_little_left(&caps(services, conn, run).await?, least_usd);
    if refused.is_none() {
        budgets::reserve(conn, &pod_name(&services.deployment, run.id, run.generation), least_usd).await?;
    }
    Ok(refused)
}

/// Stops runs that must not go on and of which no step is at work, so that no heartbeat would stop them: they wait for a
/// worker, in a back-off, in a pause, or in a hold. Their teardown is due at once. Returns how many.
///
/// # Errors
/// When the database or the queue fails.
pub async fn stop_idle_renters(services: &Services) -> Result<usize, Error> {
    let mut conn = services.pool.acquire().await?;
    let idle = budgets::idle_renters(&mut conn, ProviderKind::Runpod).await?;
    drop(conn);
    let mut stopped = 0;
    for id in idle {
        let mut tx = services.pool.begin().await?;
        let conn = &mut *tx;
        let Some(run) = runs::lock(conn, id).await? else { continue };
        let Some(current) = steps::current(conn, id).await? else { continue };
        let Some(step) = steps::lock(conn, id, current).await? else { continue };
        if step.status != StepStatus::Scheduled {
            continue;
        }
        let (Some(failure), Ok(workflow)) = (verdict(services, conn, &run).await?, run.workflow()) else {
            continue;
        };
        if run.paused {
            runs::set_paused(conn, id, false).await?;
        }
        if step.name == StepKind::Teardown.to_string() {
            note_stop(conn, &run, &step.name, &failure, ACTOR).await?;
            schedule_teardown(conn, services.queue.as_ref(), &run, &workflow).await?;
        } else {
            give_up(services, conn, &run, &workflow, &step, &failure, ACTOR).await?;
        }
        tx.commit().await?;
        stopped += 1;
    }
    Ok(stopped)
}

/// Whether a failure says that nothing more may be spent, so that no hold may keep the machine.
pub(super) fn ends_spending(failure: &Failure) -> bool {
    matches!(failure.code.as_str(), money::BUDGET_EXCEEDED | money::POD_EXPIRED)
}

/// Says in the run's events which cap, or deadline, stopped it; of a cap, webhooks are told.
pub(super) async fn note_stop(
    conn: &mut PgConnection,
    run: &Run,
    step: &str,
    failure: &Failure,
    actor: &str,
) -> Result<(), Error> {
    if failure.code == money::BUDGET_EXCEEDED {
        let data =
            json!({ "run": run.id, "step": step, "message": failure.message, "details": failure.details });
        deliveries::announce(conn, EventKind::BudgetHit, data).await?;
    }
    let data = json!({ "message": failure.message, "details": failure.details });
    Ok(events::append(conn, run.id, &failure.code, Some(step), actor, data).await?)
}
