//! What people and schedules ask of matrices: make one, cancel it, resume what didn't get done. Its runs are started by
//! [`dispatch`].

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::json;
use sqlx::PgConnection;

pub use super::dispatch::{Dispatched, dispatch};
use super::{
    By, Error,
    once::{Started, before},
    operator::cancel_in,
};
use crate::{
    clock,
    domain::{
        catalog::Catalog,
        ids::MatrixId,
        kinds::ProviderKind,
        matrix::{CellState, MatrixDefinition, MatrixError},
        seen::HostFacts,
        spec::LoadSpec,
        workflow::WorkflowDefinition,
    },
    queue::{SHARED_QUEUE, TokenQueue},
    store::{
        audit,
        idempotency::{Key, Made},
        matrices::{self, Matrix, NewRow},
        matrix_cells,
    },
};

/// This machine, for a matrix that runs on it.
#[derive(Debug, Clone)]
pub struct LocalHost {
    /// The queue that only its workers take.
    pub queue: String,
    /// What it has.
    pub facts: HostFacts,
}

/// A matrix to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewMatrix<'a> {
    /// The schedule that makes it; `None`: a person does.
    pub schedule: Option<&'a str>,
    /// Its time in that schedule; `None`: it was started by hand.
    pub tick: Option<DateTime<Utc>>,
    /// What it is asked to do.
    pub definition: &'a MatrixDefinition,
    /// The workflow that the definition names, as it is now.
    pub workflow: &'a WorkflowDefinition,
    /// The load of each run. The rates are the workflow's, whatever this says.
    pub load: &'a LoadSpec,
    /// This machine, where the matrix's provider is `local`.
    pub local: Option<&'a LocalHost>,
}

/// Records a matrix once, however often the request with this key arrives.
///
/// # Errors
/// As [`create`], and when the key came with another request before.
pub async fn create_once(
    conn: &mut PgConnection,
    new: &NewMatrix<'_>,
    key: Option<Key<'_>>,
    by: impl Into<By<'_>>,
) -> Result<Started<MatrixId>, Error> {
    let id = MatrixId::generate(clock::now());
    if let Some(key) = key
        && let Some(Made::Matrix(matrix)) = before(conn, key, Made::Matrix(id)).await?
    {
        return Ok(Started::Before(matrix));
    }
    create_as(conn, id, new, by.into()).await?;
    Ok(Started::New(id))
}

/// Records a matrix with all its cells. Nothing runs before a worker or scheduler dispatches it.
///
/// # Errors
/// When it expands to nothing or too much, names what isn't known or isn't here, or its tick has a matrix already; when
/// the database fails.
pub async fn create(
    conn: &mut PgConnection,
    new: &NewMatrix<'_>,
    by: impl Into<By<'_>>,
) -> Result<MatrixId, Error> {
    let id = MatrixId::generate(clock::now());
    create_as(conn, id, new, by.into()).await?;
    Ok(id)
}

async fn create_as(
    conn: &mut PgConnection,
    id: MatrixId,
    new: &NewMatrix<'_>,
    by: By<'_>,
) -> Result<(), Error> {
    let NewMatrix { schedule, tick, definition, workflow, .. } = *new;
    let cells = definition.expand()?;
    let catalog = Catalog::embedded().map_err(|error| MatrixError::Unknown(error.to_string()))?;
    let queue = match (definition.provider, new.local) {
        (ProviderKind::Local, Some(local)) => local.queue.as_str(),
        (ProviderKind::Local, None) => {
            return Err(Error::Refused(
                "a local matrix is started on the machine that it measures".to_owned(),
            ));
        }
        (ProviderKind::Runpod | ProviderKind::Endpoint, _) => SHARED_QUEUE,
    };
    let load = LoadSpec { rates: workflow.rates(), ..new.load.clone() };
    let specs = definition.run_specs(&cells, &load, &catalog, new.local.map(|local| &local.facts))?;
    let groups = MatrixDefinition::groups(&cells);
    let rows: Vec<_> =
        cells.into_iter().zip(groups).zip(specs).map(|((cell, group), spec)| (cell, group, spec)).collect();
    let row = NewRow { id, schedule, tick, definition, workflow, queue, created_by: by.actor };
    if !matrices::insert(conn, &row).await? {
        return Err(Error::Refused(format!(
            "the schedule {} has its matrix of {} already",
            schedule.unwrap_or_default(),
            tick.map(|tick| tick.to_rfc3339()).unwrap_or_default()
        )));
    }
    matrix_cells::insert(conn, id, &rows).await?;
    let data = json!({ "schedule": schedule, "tick": tick, "cells": rows.len(), "budget_usd": definition.budget_usd });
    audit::append(conn, by, "matrix.create", &id.to_string(), data).await?;
    Ok(())
}

/// Cancels a matrix: no cell starts any more, and the runs under way are cancelled, through their teardown. Returns false
/// when that was asked for already.
///
/// # Errors
/// When there is no such matrix, it is over, or the database or the queue fails.
pub async fn request_cancel(
    conn: &mut PgConnection,
    queue: &dyn TokenQueue,
    id: MatrixId,
    by: impl Into<By<'_>>,
) -> Result<bool, Error> {
    let by = by.into();
    let matrix = locked(conn, id).await?;
    if matrix.state.is_over() {
        let state = matrix.state;
        return Err(Error::Refused(format!("matrix {id} is {state} already: there is nothing to cancel")));
    }
    if matrix.cancel_requested {
        return Ok(false);
    }
    matrices::request_cancel(conn, id).await?;
    let planned =
        matrix_cells::give_up_planned(conn, id, CellState::Cancelled, "the matrix was cancelled").await?;
    let mut cancelled = 0;
    for run in matrix_cells::live_runs(conn, id).await? {
        match cancel_in(conn, queue, run, by).await {
            Ok(news) => cancelled += usize::from(news),
            // It ended in this moment.
            Err(Error::Refused(_)) => {}
            Err(error) => return Err(error),
        }
    }
    let data = json!({ "cells_given_up": planned, "runs_cancelled": cancelled });
    audit::append(conn, by, "matrix.cancel", &id.to_string(), data).await?;
    Ok(true)
}

/// Resumes a matrix that is over: every cell that failed, was skipped or was cancelled is planned again. A cell that has
/// a run goes on with it, so the levels it measured stay. `budget_usd` is the new budget of all, what is spent already
/// included; `None`: the one it has. Returns how many cells were planned.
///
/// # Errors
/// When there is no such matrix, it isn't over, nothing of it is left to do, or its budget is spent; when the database
/// fails.
pub async fn resume(
    conn: &mut PgConnection,
    id: MatrixId,
    budget_usd: Option<Decimal>,
    by: impl Into<By<'_>>,
) -> Result<u64, Error> {
    let by = by.into();
    let matrix = locked(conn, id).await?;
    if !matrix.state.is_over() {
        let state = matrix.state;
        return Err(Error::Refused(format!(
            "matrix {id} is {state}: it goes on by itself, and can be resumed once it is over"
        )));
    }
    let (budget, spent) = (budget_usd.unwrap_or(matrix.budget_usd), matrices::note_spent(conn, id).await?);
    if spent >= budget {
        return Err(Error::Refused(format!(
            "matrix {id} has spent {} of its {} USD: resume it with a greater budget",
            spent.round_dp(2),
            budget.round_dp(2)
        )));
    }
    matrix_cells::settle(conn, id).await?;
    let planned = matrix_cells::plan_again(conn, id).await?;
    if planned == 0 {
        return Err(Error::Refused(format!("every cell of matrix {id} is done: there is nothing to resume")));
    }
    matrices::unpin_unmeasured(conn, id).await?;
    matrices::reopen(conn, id, budget).await?;
    let data = json!({ "cells": planned, "budget_usd": budget });
    audit::append(conn, by, "matrix.resume", &id.to_string(), data).await?;
    Ok(planned)
}

async fn locked(conn: &mut PgConnection, id: MatrixId) -> Result<Matrix, Error> {
    matrices::lock(conn, id).await?.ok_or(Error::NoMatrix(id))
}
