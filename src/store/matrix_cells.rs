//! `matrix_cells`: the runs that a matrix stands for, and what became of each.

use rust_decimal::Decimal;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Error, from_json, parse, to_json};
use crate::domain::{
    ids::{MatrixId, RunId},
    kinds::EngineKind,
    matrix::{Cell, CellState, OpenCell},
    recommend::AUTO,
    spec::RunSpec,
};

/// Records a matrix's cells, in their order, each with its group and its run's request.
///
/// # Errors
/// When the database fails.
pub async fn insert(
    conn: &mut PgConnection,
    id: MatrixId,
    cells: &[(Cell, i32, RunSpec)],
) -> Result<(), Error> {
    let specs =
        cells.iter().map(|(_, _, spec)| to_json("matrix_cells.spec", spec)).collect::<Result<Vec<_>, _>>()?;
    let text = |of: fn(&Cell) -> &str| cells.iter().map(|(cell, ..)| of(cell).to_owned()).collect::<Vec<_>>();
    let number = |of: fn(&Cell) -> i32| cells.iter().map(|(cell, ..)| of(cell)).collect::<Vec<_>>();
    let groups: Vec<i32> = cells.iter().map(|(_, group, _)| *group).collect();
    sqlx::query!(
        "insert into matrix_cells (matrix_id, cell, cell_group, model, engine, gpu, gpu_count, priority, spec)
         select $1, ordinality - 1, cell_group, model, engine, gpu, gpu_count, priority, spec
         from unnest($2::int[], $3::text[], $4::text[], $5::text[], $6::int[], $7::int[], $8::jsonb[])
              with ordinality as t (cell_group, model, engine, gpu, gpu_count, priority, spec, ordinality)",
        id.as_uuid(),
        &groups,
        &text(|cell| &cell.model),
        &text(|cell| cell.engine.as_str()),
        &text(|cell| &cell.gpu),
        &number(|cell| i32::try_from(cell.gpu_count).unwrap_or(i32::MAX)),
        &number(|cell| cell.priority),
        &specs
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A cell and what became of it.
#[derive(Debug, Clone, Serialize)]
pub struct CellRow {
    /// Its place in the matrix's order, from 0.
    pub cell: i32,
    /// Its group: cells of one are compared with each other.
    pub group: i32,
    /// The model, by its name for people.
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
    /// What its run has cost, US dollars.
    pub spent_usd: Decimal,
    /// The provider's id of the machine that its run got last.
    pub machine: Option<String>,
}

struct Row {
    cell: i32,
    cell_group: i32,
    model: String,
    engine: String,
    gpu: String,
    gpu_count: i32,
    priority: i32,
    state: String,
    reason: Option<String>,
    run_id: Option<Uuid>,
    attempts: i32,
    spent_usd: Decimal,
    machine: Option<String>,
}

impl TryFrom<Row> for CellRow {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            cell: row.cell,
            group: row.cell_group,
            model: row.model,
            engine: parse("matrix_cells.engine", &row.engine)?,
            gpu: row.gpu,
            gpu_count: row.gpu_count,
            priority: row.priority,
            state: parse("matrix_cells.state", &row.state)?,
            reason: row.reason,
            run: row.run_id.map(RunId::from_uuid),
            attempts: row.attempts,
            spent_usd: row.spent_usd,
            machine: row.machine,
        })
    }
}

/// Every cell of a matrix in order, as its run is at this moment.
///
/// # Errors
/// When the database fails.
pub async fn list(conn: &mut PgConnection, id: MatrixId) -> Result<Vec<CellRow>, Error> {
    sqlx::query_as!(
        Row,
        r#"select c.cell, c.cell_group, c.model, c.engine, c.gpu, c.gpu_count, c.priority, c.run_id, c.attempts,
                  coalesce(n.state, c.state) as "state!", case when n.state is null then c.reason else n.reason end as reason,
                  round(coalesce(s.usd, 0), 6) as "spent_usd!", p.output ->> 'external_id' as machine
           from matrix_cells c
           left join matrix_cells_now n on n.matrix_id = c.matrix_id and n.cell = c.cell
           left join run_spend s on s.run_id = c.run_id
           left join step_runs p on p.run_id = c.run_id and p.name = 'provision' and p.status = 'done'
           where c.matrix_id = $1 order by c.cell"#,
        id.as_uuid()
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(CellRow::try_from)
    .collect()
}

/// Brings the cells that were started to where their runs are. Returns how many changed.
///
/// # Errors
/// When the database fails.
pub async fn settle(conn: &mut PgConnection, id: MatrixId) -> Result<u64, Error> {
    let done = sqlx::query!(
        "update matrix_cells c set state = n.state, reason = n.reason
         from matrix_cells_now n
         where c.matrix_id = $1 and n.matrix_id = $1 and n.cell = c.cell
           and (n.state <> c.state or n.reason is distinct from c.reason)",
        id.as_uuid()
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// The cells that aren't over, in order.
///
/// # Errors
/// When the database fails.
pub async fn open(conn: &mut PgConnection, id: MatrixId) -> Result<Vec<OpenCell>, Error> {
    Ok(sqlx::query_as!(
        OpenCell,
        r#"select cell, cell_group as "group", state = 'running' as "running!" from matrix_cells
           where matrix_id = $1 and state in ('planned', 'running') order by cell"#,
        id.as_uuid()
    )
    .fetch_all(conn)
    .await?)
}

/// A cell that is to be started.
#[derive(Debug)]
pub struct ToStart {
    /// Its group.
    pub group: i32,
    /// Its priority.
    pub priority: i32,
    /// Its run's request.
    pub spec: RunSpec,
    /// Its run, where it was started before.
    pub before: Option<RunId>,
}

/// What is needed to start a cell.
///
/// # Errors
/// When the database fails.
pub async fn to_start(conn: &mut PgConnection, id: MatrixId, cell: i32) -> Result<ToStart, Error> {
    let row = sqlx::query!(
        "select cell_group, priority, spec, run_id from matrix_cells where matrix_id = $1 and cell = $2",
        id.as_uuid(),
        cell
    )
    .fetch_one(conn)
    .await?;
    Ok(ToStart {
        group: row.cell_group,
        priority: row.priority,
        spec: from_json("matrix_cells.spec", row.spec)?,
        before: row.run_id.map(RunId::from_uuid),
    })
}

/// Where a run is in its matrix.
#[derive(Debug, Clone, Copy)]
pub struct PlaceOf {
    /// The matrix.
    pub matrix: MatrixId,
    /// Its cell.
    pub cell: i32,
    /// The cell's group.
    pub group: i32,
}

/// The cell that a run is of; `None`: it is of none.
///
/// # Errors
/// When the database fails.
pub async fn place_of(conn: &mut PgConnection, run: RunId) -> Result<Option<PlaceOf>, Error> {
    let row =
        sqlx::query!("select matrix_id, cell, cell_group from matrix_cells where run_id = $1", run.as_uuid())
            .fetch_optional(conn)
            .await?;
    Ok(row.map(|row| PlaceOf {
        matrix: MatrixId::from_uuid(row.matrix_id),
        cell: row.cell,
        group: row.cell_group,
    }))
}

/// Whether a run's group is measured on one rented machine, and another of it is still to come.
///
/// # Errors
/// When the database fails.
pub async fn has_successor(conn: &mut PgConnection, run: RunId) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"select exists (
             select from matrix_cells c join matrices m on m.id = c.matrix_id
             join matrix_cells o on o.matrix_id = c.matrix_id and o.cell_group = c.cell_group
             where c.run_id = $1 and o.state = 'planned' and m.state = 'running' and not m.cancel_requested
               and (m.definition ->> 'same_machine')::boolean and m.definition ->> 'provider' = 'runpod')
           as "has!""#,
        run.as_uuid()
    )
    .fetch_one(conn)
    .await?)
}

/// Marks a cell as started: this is its run.
///
/// # Errors
/// When the database fails.
pub async fn started(conn: &mut PgConnection, id: MatrixId, cell: i32, run: RunId) -> Result<(), Error> {
    sqlx::query!(
        "update matrix_cells set state = 'running', reason = null, run_id = $3, attempts = attempts + 1
         where matrix_id = $1 and cell = $2",
        id.as_uuid(),
        cell,
        run.as_uuid()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The requests of a group's cells whose GPU is still to be picked, by cell.
///
/// # Errors
/// When the database fails.
pub async fn to_pick(
    conn: &mut PgConnection,
    id: MatrixId,
    group: i32,
) -> Result<Vec<(i32, RunSpec)>, Error> {
    let rows = sqlx::query!(
        "select cell, spec from matrix_cells
         where matrix_id = $1 and cell_group = $2 and spec #>> '{machine,gpu_id}' = $3 order by cell",
        id.as_uuid(),
        group,
        AUTO
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok((row.cell, from_json("matrix_cells.spec", row.spec)?))).collect()
}

/// Gives a cell the request whose GPU was picked.
///
/// # Errors
/// When the database fails.
pub async fn picked(conn: &mut PgConnection, id: MatrixId, cell: i32, spec: &RunSpec) -> Result<(), Error> {
    sqlx::query!(
        "update matrix_cells set spec = $3, gpu = $4, gpu_count = $5 where matrix_id = $1 and cell = $2",
        id.as_uuid(),
        cell,
        to_json("matrix_cells.spec", spec)?,
        spec.machine.gpu_id,
        i32::try_from(spec.machine.gpu_count).unwrap_or(i32::MAX)
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Another cell of the matrix that stands for the same model, engine and GPUs, which a GPU that was picked may come to:
/// one that has a run, or comes before. `None`: there is none.
///
/// # Errors
/// When the database fails.
pub async fn twin(conn: &mut PgConnection, id: MatrixId, cell: i32) -> Result<Option<i32>, Error> {
    Ok(sqlx::query_scalar!(
        "select o.cell from matrix_cells c join matrix_cells o using (matrix_id, model, engine, gpu, gpu_count)
         where c.matrix_id = $1 and c.cell = $2 and o.cell <> c.cell and (o.run_id is not null or o.cell < c.cell)
         order by o.cell limit 1",
        id.as_uuid(),
        cell
    )
    .fetch_optional(conn)
    .await?)
}

/// Gives up one cell that waits for its turn.
///
/// # Errors
/// When the database fails.
pub async fn give_up(
    conn: &mut PgConnection,
    id: MatrixId,
    cell: i32,
    state: CellState,
    reason: &str,
) -> Result<(), Error> {
    sqlx::query!(
        "update matrix_cells set state = $3, reason = $4 where matrix_id = $1 and cell = $2 and state = 'planned'",
        id.as_uuid(),
        cell,
        state.as_str(),
        reason
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives up every cell that waits for its turn.
///
/// # Errors
/// When the database fails.
pub async fn give_up_planned(
    conn: &mut PgConnection,
    id: MatrixId,
    state: CellState,
    reason: &str,
) -> Result<u64, Error> {
    let done = sqlx::query!(
        "update matrix_cells set state = $2, reason = $3 where matrix_id = $1 and state = 'planned'",
        id.as_uuid(),
        state.as_str(),
        reason
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Plans every cell again that failed, was skipped or was cancelled; its run stays its run. Returns how many there were.
///
/// # Errors
/// When the database fails.
pub async fn plan_again(conn: &mut PgConnection, id: MatrixId) -> Result<u64, Error> {
    let done = sqlx::query!(
        "update matrix_cells set state = 'planned', reason = null
         where matrix_id = $1 and state in ('failed', 'skipped', 'cancelled')",
        id.as_uuid()
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// The runs of a matrix that aren't over, in the order of their cells.
///
/// # Errors
/// When the database fails.
pub async fn live_runs(conn: &mut PgConnection, id: MatrixId) -> Result<Vec<RunId>, Error> {
    let ids = sqlx::query_scalar!(
        "select r.id from matrix_cells c join workflow_runs r on r.id = c.run_id
         where c.matrix_id = $1 and r.status in ('pending', 'running') order by c.cell",
        id.as_uuid()
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(RunId::from_uuid).collect())
}

/// How many cells of a matrix are in each state.
///
/// # Errors
/// When the database fails.
pub async fn count(conn: &mut PgConnection, id: MatrixId) -> Result<Vec<(CellState, i64)>, Error> {
    let rows = sqlx::query!(
        r#"select coalesce(n.state, c.state) as "state!", count(*) as "cells!" from matrix_cells c
           left join matrix_cells_now n on n.matrix_id = c.matrix_id and n.cell = c.cell
           where c.matrix_id = $1 group by 1"#,
        id.as_uuid()
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok((parse("matrix_cells.state", &row.state)?, row.cells))).collect()
}
