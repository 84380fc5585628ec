//! A matrix and what became of its cells, in the one shape that commands print and the API serves: the report of a night.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::Serialize;
use sqlx::PgConnection;

use crate::{
    clock,
    domain::{
        ids::{MatrixId, RunId},
        kinds::{EngineKind, ProviderKind},
        matrix::{CellState, MatrixState},
    },
    store::{
        Error,
        matrices::{self, Matrix},
        matrix_cells::{self, CellRow},
    },
};

/// A matrix in a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MatrixSummary {
    /// Its id.
    pub matrix: MatrixId,
    /// The schedule that made it; null: a person did.
    pub schedule: Option<String>,
    /// Its time in that schedule.
    pub tick: Option<DateTime<Utc>>,
    /// Where it is.
    pub state: MatrixState,
    /// Somebody asked for it to end.
    pub cancel_requested: bool,
    /// The workflow of its runs.
    pub workflow: String,
    /// Where its engines run.
    pub provider: ProviderKind,
    /// How many cells there are, and how many of them are where.
    pub cells: Counts,
    /// What it may cost, US dollars.
    #[schema(value_type = String)]
    pub budget_usd: Decimal,
    /// What it has cost, US dollars.
    #[schema(value_type = String)]
    pub spent_usd: Decimal,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When its first cell started.
    pub started_at: Option<DateTime<Utc>>,
    /// When its last cell was over.
    pub finished_at: Option<DateTime<Utc>>,
    /// Seconds from its first start to its end, or to now; the time before a resume is in it.
    pub duration_s: Option<f64>,
    /// Times it was resumed.
    pub resumed: i32,
}

/// Cells by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Counts {
    /// All of them.
    pub planned: i64,
    /// Those that wait for their turn.
    pub waiting: i64,
    /// Those whose run is worked.
    pub running: i64,
    /// Those whose run succeeded.
    pub done: i64,
    /// Those whose run failed.
    pub failed: i64,
    /// Those for which the budget wasn't enough.
    pub skipped: i64,
    /// Those that were cancelled.
    pub cancelled: i64,
}

/// A matrix with its cells.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MatrixReport {
    /// What a list has of it.
    #[serde(flatten)]
    pub summary: MatrixSummary,
    /// Runs at once, at most.
    pub max_parallel: u32,
    /// Whether the engines of a group run one after another.
    pub same_machine: bool,
    /// Why cells are not done, and how many for each reason, most first.
    pub reasons: Vec<Reason>,
    /// The cells in their order.
    pub list: Vec<CellReport>,
}

/// Why cells failed, were skipped or cancelled.
#[derive(Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Reason {
    /// What became of them.
    pub state: CellState,
    /// Why.
    pub reason: String,
    /// How many.
    pub cells: usize,
}

/// A cell.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CellReport {
    /// Its place in the order, from 0.
    pub cell: i32,
    /// The group: cells of one are compared with each other.
    pub group: i32,
    /// The model.
    pub model: String,
    /// The engine.
    pub engine: EngineKind,
    /// The GPU.
    pub gpu: String,
    /// How many of it.
    pub gpu_count: i32,
    /// Its priority.
    pub priority: i32,
    /// Where it is.
    pub state: CellState,
    /// Why it failed, was skipped or cancelled.
    pub reason: Option<String>,
    /// Its run.
    pub run: Option<RunId>,
    /// Times it was started.
    pub attempts: i32,
    /// The data center that its group is pinned to; null: not yet, or nobody knows.
    pub data_center: Option<String>,
    /// Which of the matrix's rented machines it was measured on, counted from 1; null: on none yet, or that isn't known.
    /// Cells of one number had the very same machine, one after another.
    pub machine: Option<usize>,
    /// What its run has cost, US dollars.
    #[schema(value_type = String)]
    pub spent_usd: Decimal,
}

impl MatrixReport {
    /// Reads a matrix's report; `None`: there is no such matrix.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn read(conn: &mut PgConnection, id: MatrixId) -> Result<Option<Self>, Error> {
        let Some(matrix) = matrices::get(conn, id).await? else { return Ok(None) };
        let cells = matrix_cells::list(conn, id).await?;
        let data_centers: BTreeMap<i32, Option<String>> = matrices::places(conn, id)
            .await?
            .into_iter()
            .map(|place| (place.group, place.data_center))
            .collect();
        let (max_parallel, same_machine) = (matrix.definition.max_parallel, matrix.definition.same_machine);
        let mut summary = summarise(matrix, cells.iter().map(|cell| (cell.state, 1)));
        // What runs cost grows while they run; what forgotten ones cost is in the matrix's own figure.
        summary.spent_usd = summary.spent_usd.max(cells.iter().map(|cell| cell.spent_usd).sum());
        let reasons = reasons(&cells);
        let mut machines: Vec<String> = Vec::new();
        let list = cells.into_iter().map(|cell| {
            let data_center = data_centers.get(&cell.group).cloned().flatten();
            CellReport {
                cell: cell.cell,
                group: cell.group,
                model: cell.model,
                engine: cell.engine,
                gpu: cell.gpu,
                gpu_count: cell.gpu_count,
                priority: cell.priority,
                state: cell.state,
                reason: cell.reason,
                run: cell.run,
                attempts: cell.attempts,
                data_center,
                machine: cell.machine.map(|machine| numbered(&mut machines, machine)),
                spent_usd: cell.spent_usd,
            }
        });
        Ok(Some(Self { summary, max_parallel, same_machine, reasons, list: list.collect() }))
    }
}

/// Matrices, newest first, at most `limit`; only those of `schedule` where one is given, and only those that come after the
/// one that was made at this time with this id.
///
/// # Errors
/// When the database fails.
pub async fn list(
    conn: &mut PgConnection,
    schedule: Option<&str>,
    after: Option<(DateTime<Utc>, MatrixId)>,
    limit: i64,
) -> Result<Vec<MatrixSummary>, Error> {
    let mut summaries = Vec::new();
    for matrix in matrices::list(conn, schedule, after, limit).await? {
        let counts = matrix_cells::count(conn, matrix.id).await?;
        summaries.push(summarise(matrix, counts));
    }
    Ok(summaries)
}

fn summarise(matrix: Matrix, cells: impl IntoIterator<Item = (CellState, i64)>) -> MatrixSummary {
    let ended = matrix.finished_at.unwrap_or_else(clock::now);
    MatrixSummary {
        matrix: matrix.id,
        schedule: matrix.schedule,
        tick: matrix.tick,
        state: matrix.state,
        cancel_requested: matrix.cancel_requested,
        workflow: matrix.definition.workflow,
        provider: matrix.definition.provider,
        cells: counts(cells),
        budget_usd: matrix.budget_usd,
        spent_usd: matrix.spent_usd,
        created_by: matrix.created_by,
        created_at: matrix.created_at,
        started_at: matrix.started_at,
        finished_at: matrix.finished_at,
        // Two clocks may disagree by a little.
        duration_s: matrix
            .started_at
            .map(|from| ((ended - from).num_milliseconds() as f64 / 1000.0).max(0.0)),
        resumed: matrix.resumed,
    }
}

fn counts(cells: impl IntoIterator<Item = (CellState, i64)>) -> Counts {
    let mut counts = Counts::default();
    for (state, cells) in cells {
        counts.planned += cells;
        *match state {
            CellState::Planned => &mut counts.waiting,
            CellState::Running => &mut counts.running,
            CellState::Done => &mut counts.done,
            CellState::Failed => &mut counts.failed,
            CellState::Skipped => &mut counts.skipped,
            CellState::Cancelled => &mut counts.cancelled,
        } += cells;
    }
    counts
}

/// The number of a machine among those seen until now.
fn numbered(machines: &mut Vec<String>, machine: String) -> usize {
    let known = machines.iter().position(|known| *known == machine);
    let at = known.unwrap_or_else(|| {
        machines.push(machine);
        machines.len() - 1
    });
    at + 1
}

fn reasons(cells: &[CellRow]) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = Vec::new();
    for cell in cells {
        let Some(reason) = &cell.reason else { continue };
        match reasons.iter_mut().find(|known| known.state == cell.state && known.reason == *reason) {
            Some(known) => known.cells += 1,
            None => reasons.push(Reason { state: cell.state, reason: reason.clone(), cells: 1 }),
        }
    }
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.cells));
    reasons
}
