//! Handing a pod over: where the engines of a group are to be measured on one machine, the run that ends gives its pod to
//! the next run of its group, which starts in the same transaction. So whatever is paid for is always a live run's, and
//! whoever is killed at any line leaves it with the one or with the other.
//!
//! The provider isn't told here: the next run's provision tells it.

use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::{
    Error,
    dispatch::{places_of, start_cell},
    operator::locked,
};
use crate::{
    domain::{
        ids::{RunId, pod_name},
        kinds::ProviderKind,
        matrix::next_of_group,
        run::RunStatus,
    },
    queue::TokenQueue,
    store::{
        events, matrices,
        matrices::Matrix,
        matrix_cells, pods, queues, rentals,
        runs::{self, Run},
    },
};

/// Gives the pod of a run that ended well to the next run of its group, and starts that. Returns the next run; `None`:
/// there is none to come, or nothing may be spent on it, and the pod is the run's to remove.
///
/// # Errors
/// When the database or the queue fails.
pub async fn hand_over(
    pool: &PgPool,
    queue: &dyn TokenQueue,
    deployment: &str,
    id: RunId,
    actor: &str,
) -> Result<Option<RunId>, Error> {
    let mut tx = pool.begin().await?;
    let conn = &mut *tx;
    let Some(place) = matrix_cells::place_of(conn, id).await? else { return Ok(None) };
    // The matrix before its runs, as everybody locks them: whoever cancels it comes before or after.
    let Some(matrix) = matrices::lock(conn, place.matrix).await? else { return Ok(None) };
    let run = locked(conn, id).await?;
    if !shares(&matrix) || !ended_well(&run) || queues::is_paused(conn, &run.queue).await? {
        return Ok(None);
    }
    let pod = pod_name(deployment, id, run.generation);
    let Some(spare) = pods::lock_spare(conn, &pod).await? else { return Ok(None) };
    // Its deadline goes with it: the next engine should need about as long as this one did.
    if spare.left_s.is_some_and(|left_s| left_s < spare.held_s) || is_spent(conn, &matrix).await? {
        return Ok(None);
    }
    matrix_cells::settle(conn, matrix.id).await?;
    matrices::pin(conn, matrix.id).await?;
    let open = matrix_cells::open(conn, matrix.id).await?;
    let Some(next) = next_of_group(&open, place.cell, place.group) else { return Ok(None) };
    // A run that somebody took up by hand has a machine of its own, or waits for one.
    if let Some(before) = matrix_cells::to_start(conn, matrix.id, next).await?.before
        && !locked(conn, before).await?.status.is_terminal()
    {
        return Ok(None);
    }
    let places = places_of(conn, matrix.id).await?;
    // One that can't be started is for the dispatcher to give up.
    let Ok(to) = start_cell(conn, queue, &matrix, &matrix.workflow()?, next, &places).await? else {
        return Ok(None);
    };
    let Some(to) = runs::get(conn, to).await? else { return Ok(None) };
    let taken = pod_name(deployment, to.id, to.generation);
    pods::hand_over(conn, &pod, &taken, to.id, to.generation).await?;
    rentals::hand_over(conn, ProviderKind::Runpod, &spare.external_id, &pod, &taken, to.id).await?;
    events::append(conn, id, "pod_handed_over", None, actor, json!({ "pod": pod, "to": to.id })).await?;
    events::append(conn, to.id, "pod_taken_over", None, actor, json!({ "pod": taken, "from": id })).await?;
    tx.commit().await?;
    Ok(Some(to.id))
}

/// Whether the engines of its groups are to be measured on one rented machine, and more of them may start.
fn shares(matrix: &Matrix) -> bool {
    let definition = &matrix.definition;
    definition.same_machine
        && definition.provider == ProviderKind::Runpod
        && !matrix.state.is_over()
        && !matrix.cancel_requested
}

/// Whether nothing went wrong on the run's machine that the next run could meet again.
fn ended_well(run: &Run) -> bool {
    run.status == RunStatus::Running && !run.cancel_requested && run.error.is_none()
}

async fn is_spent(conn: &mut PgConnection, matrix: &Matrix) -> Result<bool, Error> {
    let spent = matrices::note_spent(conn, matrix.id).await?;
    Ok(spent >= matrix.budget_usd || matrices::cap_reached(conn, matrix.id).await?.is_some())
}
