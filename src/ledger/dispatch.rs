//! Dispatching matrices: what became of the runs under way is noted, and the next cells start, as far as room, budget and
//! the comparison of their groups allow.
//!
//! One transaction a matrix, under its lock: a run and the cell that it is for exist together or not at all. So any number
//! of processes may dispatch, and one that is killed at any line neither doubles nor loses a cell.

use std::collections::HashMap;

use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::{
    By, Error,
    again::reopen,
    operator::{locked, record},
    pick::{self, Unpicked},
};
use crate::{
    clock,
    domain::{
        ids::{MatrixId, RunId},
        kinds::ProviderKind,
        matrix::{CellState, Rules, to_start},
        recommend::{AUTO, Picked},
        run::RunStatus,
        webhook::EventKind,
        workflow::WorkflowDefinition,
    },
    queue::TokenQueue,
    store::{
        deliveries,
        matrices::{self, Matrix, Place},
        matrix_cells,
        runs::NewRun,
    },
};

/// The highest priority of a matrix's run: one that a person starts goes first.
const HIGHEST_PRIORITY: i32 = 4;

/// What one look at a matrix did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dispatched {
    /// The matrix.
    pub matrix: MatrixId,
    /// Cells that were started.
    pub started: usize,
    /// Cells that were given up: skipped, or failed before they had a run.
    pub skipped: u64,
    /// Whether it is over now.
    pub over: bool,
}

/// Looks at every matrix that isn't over and that no other process looks at. What can't be dispatched, say because a
/// newer version made it, is left alone and logged.
///
/// # Errors
/// When the database fails to say which there are.
pub async fn dispatch(pool: &PgPool, queue: &dyn TokenQueue) -> Result<Vec<Dispatched>, Error> {
    let live = matrices::live(&mut *pool.acquire().await?).await?;
    let mut dispatched = Vec::new();
    for id in live {
        match dispatch_one(pool, queue, id).await {
            Ok(done) => dispatched.extend(done),
            Err(error) => tracing::warn!(matrix = %id, %error, "a matrix could not be dispatched"),
        }
    }
    Ok(dispatched)
}

async fn dispatch_one(
    pool: &PgPool,
    queue: &dyn TokenQueue,
    id: MatrixId,
) -> Result<Option<Dispatched>, Error> {
    let mut tx = pool.begin().await?;
    let conn = &mut *tx;
    let Some(matrix) = matrices::lock_live(conn, id).await? else { return Ok(None) };
    matrix_cells::settle(conn, id).await?;
    let rented = matrix.definition.provider == ProviderKind::Runpod;
    if rented {
        matrices::pin(conn, id).await?;
    }
    let spent = matrices::note_spent(conn, id).await?;
    let mut done = Dispatched { matrix: id, started: 0, skipped: 0, over: false };
    let cap = matrices::cap_reached(conn, id).await?;
    if spent >= matrix.budget_usd || cap.is_some() {
        let which = cap
            .filter(|cap| cap != "matrix")
            .map_or_else(String::new, |cap| format!(", and the cap of the {cap} is reached"));
        let (spent, budget) = (spent.round_dp(2), matrix.budget_usd.round_dp(2));
        let reason = format!("budget: {spent} of {budget} USD are spent{which}");
        done.skipped = matrix_cells::give_up_planned(conn, id, CellState::Skipped, &reason).await?;
        if done.skipped > 0 {
            let data = json!({ "matrix": id, "message": reason, "skipped": done.skipped });
            deliveries::announce(conn, EventKind::BudgetHit, data).await?;
        }
    } else {
        (done.started, done.skipped) = start_cells(conn, queue, &matrix, rented).await?;
    }
    if matrix_cells::open(conn, id).await?.is_empty() {
        matrices::finish(conn, id).await?;
        done.over = true;
        let cells: serde_json::Map<_, _> = matrix_cells::count(conn, id)
            .await?
            .into_iter()
            .map(|(state, cells)| (state.as_str().to_owned(), cells.into()))
            .collect();
        let data = json!({
            "matrix": id, "schedule": matrix.schedule, "cancelled": matrix.cancel_requested,
            "cells": cells, "spent_usd": spent,
        });
        deliveries::announce(conn, EventKind::MatrixDone, data).await?;
    }
    tx.commit().await?;
    Ok(Some(done))
}

async fn start_cells(
    conn: &mut PgConnection,
    queue: &dyn TokenQueue,
    matrix: &Matrix,
    rented: bool,
) -> Result<(usize, u64), Error> {
    let open = matrix_cells::open(conn, matrix.id).await?;
    let places = places_of(conn, matrix.id).await?;
    let rules = Rules {
        max_parallel: matrix.definition.max_parallel as usize,
        one_of_a_group: matrix.definition.same_machine,
        place_first: rented,
    };
    let next = to_start(&open, &places.keys().copied().collect(), rules);
    if next.is_empty() {
        return Ok((0, 0));
    }
    let workflow = matrix.workflow()?;
    let (mut started, mut given_up) = (0, 0);
    for cell in next {
        match start_cell(conn, queue, matrix, &workflow, cell, &places).await? {
            Ok(_) => started += 1,
            Err((state, reason)) => {
                matrix_cells::give_up(conn, matrix.id, cell, state, &reason).await?;
                given_up += 1;
            }
        }
    }
    if started > 0 {
        matrices::start(conn, matrix.id).await?;
    }
    Ok((started, given_up))
}

/// Where the groups of a matrix are pinned to, by group.
pub(super) async fn places_of(conn: &mut PgConnection, id: MatrixId) -> Result<HashMap<i32, Place>, Error> {
    Ok(matrices::places(conn, id).await?.into_iter().map(|place| (place.group, place)).collect())
}

/// What becomes of a cell that can't be started, and why.
pub(super) type NotStarted = (CellState, String);

/// Starts a cell's run, or goes on with the one it has. Either asks for the place that its group is pinned to.
pub(super) async fn start_cell(
    conn: &mut PgConnection,
    queue: &dyn TokenQueue,
    matrix: &Matrix,
    workflow: &WorkflowDefinition,
    cell: i32,
    places: &HashMap<i32, Place>,
) -> Result<Result<RunId, NotStarted>, Error> {
    let actor = format!("matrix:{}", matrix.id);
    let by = By::from(&actor);
    let mut cell_row = matrix_cells::to_start(conn, matrix.id, cell).await?;
    let data_center = places.get(&cell_row.group).and_then(|place| place.data_center.clone());
    let id = if let Some(id) = cell_row.before {
        // Locked before it is looked at: somebody may take it up by hand.
        let run = locked(conn, id).await?;
        if run.status.is_terminal() && run.status != RunStatus::Succeeded {
            matrices::ask_for(conn, id, data_center.as_deref()).await?;
            reopen(conn, queue, id, None, by).await?;
        }
        id
    } else {
        let mut picked = None;
        if cell_row.spec.machine.gpu_id == AUTO {
            match pick_group(conn, matrix.id, cell_row.group).await? {
                Ok(group) => picked = Some(group),
                Err(why) => return Ok(Err((CellState::Failed, why))),
            }
            cell_row = matrix_cells::to_start(conn, matrix.id, cell).await?;
        }
        if let Some(twin) = matrix_cells::twin(conn, matrix.id, cell).await? {
            let machine = &cell_row.spec.machine;
            let what = format!("{} × {} is what cell {twin} stands for", machine.gpu_count, machine.gpu_id);
            return Ok(Err((CellState::Skipped, what)));
        }
        let id = RunId::generate(clock::now());
        cell_row.spec.machine.data_center = data_center;
        let new = NewRun {
            id,
            spec: &cell_row.spec,
            definition: workflow,
            queue: &matrix.queue,
            priority: cell_row.priority.clamp(0, HIGHEST_PRIORITY),
            rerun_of: None,
        };
        record(conn, queue, &new, by).await?;
        if let Some(picked) = picked {
            pick::note(conn, id, &picked, by).await?;
        }
        id
    };
    matrix_cells::started(conn, matrix.id, cell, id).await?;
    Ok(Ok(id))
}

/// Picks the GPUs of a group that leaves them open, once for all its cells, since these are compared; the reason where
/// there are none.
async fn pick_group(
    conn: &mut PgConnection,
    matrix: MatrixId,
    group: i32,
) -> Result<Result<Picked, String>, Error> {
    let mut cells = matrix_cells::to_pick(conn, matrix, group).await?;
    let picked = match pick::pick_for_all(conn, cells.iter_mut().map(|(_, spec)| spec), None).await {
        Ok(picked) => picked,
        Err(Unpicked::Store(error)) => return Err(error.into()),
        Err(why) => return Ok(Err(why.to_string())),
    };
    for (cell, spec) in &cells {
        matrix_cells::picked(conn, matrix, *cell, spec).await?;
    }
    Ok(Ok(picked))
}
