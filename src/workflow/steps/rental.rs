//! What is rented for a run, as it is recorded: before a pod is asked for, when one is there, and when it isn't any more.

use std::time::Duration;

use rust_decimal::Decimal;

use super::{StepContext, database_failure};
use crate::{
    domain::{
        failure::Failure,
        ids::{RunId, pod_prefix},
        kinds::ProviderKind,
        money,
        step::StepKind,
    },
    ledger,
    provider::{Machine, Provider, ProviderPod},
    store::{
        self, matrix_cells,
        pods::{self, Pod},
        rentals, steps,
    },
    workflow::{Error, budget},
};

/// Refuses to rent what can't be paid for: the account must have an hour of the price, and what the levels that are to
/// be measured cost at least must fit under every cap. What can't be asked never stops a run.
pub(super) async fn may_rent(context: &StepContext<'_>, provider: &dyn Provider) -> Result<(), Failure> {
    let machine = &context.spec().machine;
    let price = match provider.quote(machine).await {
        Ok(price) => price.unwrap_or_default(),
        Err(failure) => {
            tracing::warn!(%failure, "the price of {} isn't known before it is rented", machine.gpu_id);
            Decimal::ZERO
        }
    };
    match provider.balance().await {
        Ok(Some(balance)) => {
            let least = context.services.limits.min_balance_usd;
            if let Some(failure) = money::cannot_pay(balance, price, least) {
                return Err(failure);
            }
        }
        Ok(None) => {}
        Err(failure) => tracing::warn!(%failure, "what is left on the account isn't known"),
    }
    let mut tx = context.services.pool.begin().await.map_err(|error| database_failure(&error.into()))?;
    let done = steps::done(&mut tx, context.run.id).await.map_err(|error| database_failure(&error))?;
    let least_usd = money::least_usd(price, measured_s(context, &done));
    let refused =
        budget::reserve(context.services, &mut tx, context.run, least_usd).await.map_err(ledger_failure)?;
    tx.commit().await.map_err(|error| database_failure(&error.into()))?;
    refused.map_or(Ok(()), Err)
}

/// Seconds that the levels take at least that aren't measured yet.
fn measured_s(context: &StepContext<'_>, done: &[i32]) -> f64 {
    let Ok(workflow) = context.run.workflow() else { return 0.0 };
    let left = (0..).zip(&workflow.steps).filter(|(index, step)| {
        let measures = matches!(step.kind, StepKind::Throughput | StepKind::Concurrency(_));
        measures && !done.contains(index)
    });
    left.count() as f64 * context.spec().load.seconds
}

/// How many pods were rented under the name, and for how long the one with this id has been.
pub(super) async fn history(
    context: &StepContext<'_>,
    name: &str,
    external_id: Option<&str>,
) -> Result<(u32, Option<Duration>), Failure> {
    let mut conn = context.connection().await?;
    let (pods, age_s) =
        rentals::history(&mut conn, name, external_id).await.map_err(|error| database_failure(&error))?;
    Ok((pods, age_s.and_then(|age_s| Duration::try_from_secs_f64(age_s).ok())))
}

/// Records that a machine is there, and what it costs, in one transaction; others of its name are gone.
pub(super) async fn record_machine(
    context: &StepContext<'_>,
    provider: &dyn Provider,
    name: &str,
    machine: &Machine,
) -> Result<(), Failure> {
    let Some(external_id) = machine.external_id.as_deref() else { return Ok(()) };
    let mut rented = machine.rented.clone();
    if let Some(rented) = rented.as_mut().filter(|rented| rented.price_usd_per_hour.is_zero()) {
        // A cap must not be passed because nobody told a price.
        let listed = provider.quote(&context.spec().machine).await.ok().flatten();
        rented.price_usd_per_hour = listed.unwrap_or_default();
        tracing::warn!(pod = name, list_price = ?listed, "the pod's price wasn't told");
    }
    let recorded = async {
        let mut tx = context.services.pool.begin().await?;
        pods::created(&mut tx, name, external_id).await?;
        if let Some(rented) = &rented {
            let run = Some(context.run.id);
            rentals::record(&mut tx, run, provider.kind(), name, external_id, rented).await?;
            rentals::end(&mut tx, name, Some(external_id)).await?;
        }
        tx.commit().await?;
        Ok::<(), store::Error>(())
    };
    recorded.await.map_err(|error| database_failure(&error))
}

/// Gives a pod that its run has no more use for to the next run of its group, where there is one that is to be measured on
/// the same machine. Returns that run; `None`: the pod is to be removed.
pub(super) async fn hand_over(
    context: &StepContext<'_>,
    provider: &dyn Provider,
    pod: &Pod,
) -> Result<Option<RunId>, Failure> {
    let run = context.run;
    let ended_badly = run.error.is_some() || run.cancel_requested;
    if provider.kind() != ProviderKind::Runpod || ended_badly || pod.name != context.pod_name() {
        return Ok(None);
    }
    let mut conn = context.connection().await?;
    let wanted = matrix_cells::has_successor(&mut conn, run.id).await;
    drop(conn);
    if !wanted.map_err(|error| database_failure(&error))? {
        return Ok(None);
    }
    // Only what is there, and alone under its name: what a lost answer left beside it is removed with it.
    let mut listed = provider.list(&pod.name).await?;
    listed.retain(|listed| listed.name == pod.name);
    let [listed] = &listed[..] else { return Ok(None) };
    if Some(&listed.external_id) != pod.external_id.as_ref() {
        return Ok(None);
    }
    let (pool, queue) = (&context.services.pool, context.services.queue.as_ref());
    let actor = format!("run:{}", run.id);
    ledger::hand_over(pool, queue, &context.services.deployment, run.id, &actor).await.map_err(ledger_failure)
}

/// Brings what is recorded under a name, or id, up to what its provider has: a create whose answer was lost may have made a
/// pod that nobody recorded, and one that failed may have been removed. A provider that can't be asked is asked later.
pub(super) async fn settle(
    context: &StepContext<'_>,
    provider: &dyn Provider,
    name: &str,
    external_id: Option<&str>,
) -> Result<(), Failure> {
    if provider.kind() != ProviderKind::Runpod {
        return Ok(());
    }
    // One that was taken over may still have its old name.
    let prefix = pod_prefix(&context.services.deployment);
    let Ok(mut listed) = provider.list(&prefix).await else { return Ok(()) };
    listed.retain(|pod| pod.name == name || Some(&*pod.external_id) == external_id);
    let settled = async {
        let mut tx = context.services.pool.begin().await?;
        for pod in &listed {
            record_listed(&mut tx, context.run.id, provider.kind(), name, pod).await?;
        }
        if listed.is_empty() {
            rentals::end(&mut tx, name, None).await?;
        }
        tx.commit().await?;
        Ok::<(), store::Error>(())
    };
    settled.await.map_err(|error| database_failure(&error))
}

/// Records a pod that a provider lists, under the name by which the run has it.
async fn record_listed(
    conn: &mut sqlx::PgConnection,
    run: RunId,
    provider: ProviderKind,
    name: &str,
    pod: &ProviderPod,
) -> Result<(), store::Error> {
    match &pod.rented {
        Some(rented) => rentals::record(conn, Some(run), provider, name, &pod.external_id, rented).await,
        None => Ok(()),
    }
}

fn ledger_failure(error: Error) -> Failure {
    match error {
        Error::Store(error) => database_failure(&error),
        error => Failure::transient("database", error.to_string()),
    }
}
