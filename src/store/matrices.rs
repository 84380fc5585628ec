//! `matrices`, and `matrix_places`: where the groups of their cells are pinned to.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Error, from_json, parse, to_json};
use crate::domain::{
    ids::{MatrixId, RunId},
    matrix::{MatrixDefinition, MatrixState},
    money,
    workflow::WorkflowDefinition,
};

/// A matrix.
#[derive(Debug, Clone, Serialize)]
pub struct Matrix {
    /// Its id.
    pub id: MatrixId,
    /// The schedule that made it.
    pub schedule: Option<String>,
    /// Its time in that schedule.
    pub tick: Option<DateTime<Utc>>,
    /// What it was asked to do.
    pub definition: MatrixDefinition,
    /// The steps of its runs. Raw, since a newer version may have put steps in that this one doesn't know.
    #[serde(skip)]
    pub workflow: Value,
    /// Where its runs' steps go.
    pub queue: String,
    /// Where it is.
    pub state: MatrixState,
    /// Somebody asked for it to end.
    pub cancel_requested: bool,
    /// What all its runs may cost, US dollars; a resume may raise what the definition says.
    pub budget_usd: Decimal,
    /// What they have cost, US dollars.
    pub spent_usd: Decimal,
    /// Times it was resumed.
    pub resumed: i32,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When its first cell started.
    pub started_at: Option<DateTime<Utc>>,
    /// When its last cell was over.
    pub finished_at: Option<DateTime<Utc>>,
}

impl Matrix {
    /// The steps of its runs.
    ///
    /// # Errors
    /// When there is a step this version doesn't know.
    pub fn workflow(&self) -> Result<WorkflowDefinition, Error> {
        from_json("matrices.workflow", self.workflow.clone())
    }
}

struct Row {
    id: Uuid,
    schedule: Option<String>,
    tick: Option<DateTime<Utc>>,
    definition: Value,
    workflow: Value,
    queue: String,
    state: String,
    cancel_requested: bool,
    budget_usd: Decimal,
    spent_usd: Decimal,
    resumed: i32,
    created_by: String,
    created_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Matrix {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            id: MatrixId::from_uuid(row.id),
            schedule: row.schedule,
            tick: row.tick,
            definition: from_json("matrices.definition", row.definition)?,
            workflow: row.workflow,
            queue: row.queue,
            state: parse("matrices.state", &row.state)?,
            cancel_requested: row.cancel_requested,
            budget_usd: row.budget_usd,
            spent_usd: row.spent_usd,
            resumed: row.resumed,
            created_by: row.created_by,
            created_at: row.created_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
        })
    }
}

/// A matrix to be recorded.
#[derive(Debug)]
pub struct NewRow<'a> {
    /// Its id.
    pub id: MatrixId,
    /// The schedule that makes it.
    pub schedule: Option<&'a str>,
    /// Its time in that schedule.
    pub tick: Option<DateTime<Utc>>,
    /// What it is asked to do.
    pub definition: &'a MatrixDefinition,
    /// The steps of its runs.
    pub workflow: &'a WorkflowDefinition,
    /// Where its runs' steps go.
    pub queue: &'a str,
    /// Who makes it.
    pub created_by: &'a str,
}

/// Records a matrix, planned. Returns false where this tick of the schedule has its matrix already.
///
/// # Errors
/// When the database fails.
pub async fn insert(conn: &mut PgConnection, new: &NewRow<'_>) -> Result<bool, Error> {
    let done = sqlx::query!(
        "insert into matrices (id, schedule, tick, definition, workflow, queue, budget_usd, created_by)
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (schedule, tick) do nothing",
        new.id.as_uuid(),
        new.schedule,
        new.tick,
        to_json("matrices.definition", new.definition)?,
        to_json("matrices.workflow", new.workflow)?,
        new.queue,
        new.definition.budget_usd,
        new.created_by
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A matrix.
///
/// # Errors
/// When the database fails.
pub async fn get(conn: &mut PgConnection, id: MatrixId) -> Result<Option<Matrix>, Error> {
    sqlx::query_as!(
        Row,
        "select id, schedule, tick, definition, workflow, queue, state, cancel_requested, budget_usd, spent_usd, resumed,
                created_by, created_at, started_at, finished_at
         from matrices where id = $1",
        id.as_uuid()
    )
    .fetch_optional(conn)
    .await?
    .map(Matrix::try_from)
    .transpose()
}

/// A matrix, locked until the transaction ends. Whoever changes one or its cells locks it first, and its runs after it.
///
/// # Errors
/// When the database fails.
pub async fn lock(conn: &mut PgConnection, id: MatrixId) -> Result<Option<Matrix>, Error> {
    sqlx::query_as!(
        Row,
        "select id, schedule, tick, definition, workflow, queue, state, cancel_requested, budget_usd, spent_usd, resumed,
                created_by, created_at, started_at, finished_at
         from matrices where id = $1 for no key update",
        id.as_uuid()
    )
    .fetch_optional(conn)
    .await?
    .map(Matrix::try_from)
    .transpose()
}

/// A matrix that isn't over, locked; `None` where it is over or another session has the lock.
///
/// # Errors
/// When the database fails.
pub async fn lock_live(conn: &mut PgConnection, id: MatrixId) -> Result<Option<Matrix>, Error> {
    sqlx::query_as!(
        Row,
        "select id, schedule, tick, definition, workflow, queue, state, cancel_requested, budget_usd, spent_usd, resumed,
                created_by, created_at, started_at, finished_at
         from matrices where id = $1 and state in ('planned', 'running') for no key update skip locked",
        id.as_uuid()
    )
    .fetch_optional(conn)
    .await?
    .map(Matrix::try_from)
    .transpose()
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
) -> Result<Vec<Matrix>, Error> {
    let (at, id) = after.unzip();
    sqlx::query_as!(
        Row,
        "select id, schedule, tick, definition, workflow, queue, state, cancel_requested, budget_usd, spent_usd, resumed,
                created_by, created_at, started_at, finished_at
         from matrices where ($1::text is null or schedule = $1)
           and ($2::timestamptz is null or (created_at, id) < ($2, $3))
         order by created_at desc, id desc limit $4",
        schedule,
        at,
        id.map(MatrixId::as_uuid),
        limit
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(Matrix::try_from)
    .collect()
}

/// Ids of matrices whose text form starts with `prefix`, newest first, at most 3: enough to tell one from several.
///
/// # Errors
/// When the database fails.
pub async fn with_prefix(conn: &mut PgConnection, prefix: &str) -> Result<Vec<MatrixId>, Error> {
    let ids = sqlx::query_scalar!(
        "select id from matrices where starts_with(id::text, $1) order by created_at desc limit 3",
        prefix
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(MatrixId::from_uuid).collect())
}

/// Ids of the matrices that aren't over, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn live(conn: &mut PgConnection) -> Result<Vec<MatrixId>, Error> {
    let ids =
        sqlx::query_scalar!("select id from matrices where state in ('planned', 'running') order by id")
            .fetch_all(conn)
            .await?;
    Ok(ids.into_iter().map(MatrixId::from_uuid).collect())
}

/// Ids of a schedule's matrices that aren't over, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn live_of_schedule(conn: &mut PgConnection, schedule: &str) -> Result<Vec<MatrixId>, Error> {
    let ids = sqlx::query_scalar!(
        "select id from matrices where state in ('planned', 'running') and schedule = $1 order by id",
        schedule
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(MatrixId::from_uuid).collect())
}

/// How many matrices whose runs go to `queue` aren't over.
///
/// # Errors
/// When the database fails.
pub async fn live_in(conn: &mut PgConnection, queue: &str) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "live!" from matrices where state in ('planned', 'running') and queue = $1"#,
        queue
    )
    .fetch_one(conn)
    .await?)
}

/// Marks a planned matrix as running.
///
/// # Errors
/// When the database fails.
pub async fn start(conn: &mut PgConnection, id: MatrixId) -> Result<(), Error> {
    sqlx::query!(
        "update matrices set state = 'running', started_at = coalesce(started_at, now())
         where id = $1 and state = 'planned'",
        id.as_uuid()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends a matrix: cancelled, where that was asked for.
///
/// # Errors
/// When the database fails.
pub async fn finish(conn: &mut PgConnection, id: MatrixId) -> Result<(), Error> {
    sqlx::query!(
        "update matrices set state = case when cancel_requested then 'cancelled' else 'done' end,
                finished_at = clock_timestamp()
         where id = $1",
        id.as_uuid()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Opens a matrix that is over again, under this budget.
///
/// # Errors
/// When the database fails.
pub async fn reopen(conn: &mut PgConnection, id: MatrixId, budget_usd: Decimal) -> Result<(), Error> {
    sqlx::query!(
        "update matrices set state = 'running', cancel_requested = false, finished_at = null, resumed = resumed + 1,
                budget_usd = $2
         where id = $1",
        id.as_uuid(),
        budget_usd
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Asks a matrix to end.
///
/// # Errors
/// When the database fails.
pub async fn request_cancel(conn: &mut PgConnection, id: MatrixId) -> Result<(), Error> {
    sqlx::query!("update matrices set cancel_requested = true where id = $1", id.as_uuid())
        .execute(conn)
        .await?;
    Ok(())
}

/// Notes what the matrix's runs have cost until now, US dollars, and returns it. Never less than was noted before: a run
/// may have been forgotten since.
///
/// # Errors
/// When the database fails.
pub async fn note_spent(conn: &mut PgConnection, id: MatrixId) -> Result<Decimal, Error> {
    Ok(sqlx::query_scalar!(
        "update matrices set spent_usd = greatest(spent_usd, coalesce(
            (select sum(s.usd) from matrix_cells c join run_spend s on s.run_id = c.run_id where c.matrix_id = $1), 0))
         where id = $1 returning spent_usd",
        id.as_uuid()
    )
    .fetch_one(conn)
    .await?)
}

/// The budget of the matrix that a run is of, US dollars, and all its runs; `None`: the run is of none.
///
/// # Errors
/// When the database fails.
pub async fn cap_of(conn: &mut PgConnection, run: RunId) -> Result<Option<(Decimal, Vec<RunId>)>, Error> {
    let row = sqlx::query!(
        r#"select m.budget_usd, array(select o.run_id from matrix_cells o where o.matrix_id = m.id and o.run_id is not null)
                  as "runs!: Vec<Uuid>"
           from matrix_cells c join matrices m on m.id = c.matrix_id where c.run_id = $1"#,
        run.as_uuid()
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (row.budget_usd, row.runs.into_iter().map(RunId::from_uuid).collect())))
}

/// The cap that stopped a run of the matrix and would stop all others too, say `day`; a run's own is none.
///
/// # Errors
/// When the database fails.
pub async fn cap_reached(conn: &mut PgConnection, id: MatrixId) -> Result<Option<String>, Error> {
    Ok(sqlx::query_scalar!(
        r#"select r.error #>> '{details,cap}' as "cap!" from matrix_cells c join workflow_runs r on r.id = c.run_id
           where c.matrix_id = $1 and c.state in ('running', 'failed') and r.error ->> 'code' = $2
             and r.error #>> '{details,cap}' <> 'run'
           order by c.cell limit 1"#,
        id.as_uuid(),
        money::BUDGET_EXCEEDED
    )
    .fetch_optional(conn)
    .await?)
}

/// Where a group's machines are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The group.
    pub group: i32,
    /// The GPU, by its RunPod id.
    pub gpu_id: String,
    /// The data center; `None`: the provider didn't tell.
    pub data_center: Option<String>,
}

/// Where the groups of a matrix are pinned to.
///
/// # Errors
/// When the database fails.
pub async fn places(conn: &mut PgConnection, id: MatrixId) -> Result<Vec<Place>, Error> {
    Ok(sqlx::query_as!(
        Place,
        r#"select cell_group as "group", gpu_id, data_center from matrix_places where matrix_id = $1
           order by cell_group"#,
        id.as_uuid()
    )
    .fetch_all(conn)
    .await?)
}

/// Pins each group of which a run was provisioned to where that run is. Whatever of the group is provisioned again asks
/// for the same place. What a cell that is planned again had before doesn't count. Returns how many groups were pinned.
///
/// # Errors
/// When the database fails.
pub async fn pin(conn: &mut PgConnection, id: MatrixId) -> Result<u64, Error> {
    let pinned = sqlx::query!(
        "insert into matrix_places (matrix_id, cell_group, gpu_id, data_center)
         select distinct on (c.cell_group) c.matrix_id, c.cell_group,
                coalesce(s.output #>> '{host,gpus,0,name}', r.gpu_id), s.output #>> '{host,region}'
         from matrix_cells c join workflow_runs r on r.id = c.run_id
         join step_runs s on s.run_id = r.id and s.name = 'provision' and s.status = 'done'
         where c.matrix_id = $1 and c.state <> 'planned'
           and not exists (select 1 from matrix_places p where p.matrix_id = $1 and p.cell_group = c.cell_group)
         order by c.cell_group, s.finished_at",
        id.as_uuid()
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    if pinned > 0 {
        sqlx::query!(
            "update workflow_runs r set spec = jsonb_set(r.spec, '{machine,data_center}', to_jsonb(p.data_center))
             from matrix_cells c join matrix_places p on p.matrix_id = c.matrix_id and p.cell_group = c.cell_group
             where c.matrix_id = $1 and r.id = c.run_id and p.data_center is not null
               and r.spec #>> '{machine,data_center}' is distinct from p.data_center",
            id.as_uuid()
        )
        .execute(&mut *conn)
        .await?;
        pin_candidates(conn, id).await?;
    }
    Ok(pinned)
}

/// Of a group that had several GPUs to choose from, whatever is provisioned from now on asks for the one that was got: on
/// another it couldn't be compared.
async fn pin_candidates(conn: &mut PgConnection, id: MatrixId) -> Result<(), Error> {
    sqlx::query!(
        "update workflow_runs r
         set spec = r.spec || jsonb_build_object('machine',
               (r.spec -> 'machine') - 'gpu_candidates' || jsonb_build_object('gpu_id', p.gpu_id))
         from matrix_cells c join matrix_places p on p.matrix_id = c.matrix_id and p.cell_group = c.cell_group
         where c.matrix_id = $1 and r.id = c.run_id
           and jsonb_array_length(coalesce(r.spec #> '{machine,gpu_candidates}', '[]')) > 0",
        id.as_uuid()
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "update matrix_cells c
         set gpu = p.gpu_id, spec = c.spec || jsonb_build_object('machine',
               (c.spec -> 'machine') - 'gpu_candidates' || jsonb_build_object('gpu_id', p.gpu_id))
         from matrix_places p
         where c.matrix_id = $1 and p.matrix_id = c.matrix_id and p.cell_group = c.cell_group
           and jsonb_array_length(coalesce(c.spec #> '{machine,gpu_candidates}', '[]')) > 0",
        id.as_uuid()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Has a run ask for this data center when it is provisioned next.
///
/// # Errors
/// When the database fails.
pub async fn ask_for(conn: &mut PgConnection, run: RunId, data_center: Option<&str>) -> Result<(), Error> {
    sqlx::query!(
        "update workflow_runs
         set spec = case when $2::text is null then spec #- '{machine,data_center}'
                         else jsonb_set(spec, '{machine,data_center}', to_jsonb($2::text)) end
         where id = $1",
        run.as_uuid(),
        data_center
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Unpins the groups of which nothing was measured yet: they may be placed anew without harm to a comparison.
///
/// # Errors
/// When the database fails.
pub async fn unpin_unmeasured(conn: &mut PgConnection, id: MatrixId) -> Result<(), Error> {
    sqlx::query!(
        "delete from matrix_places p where p.matrix_id = $1 and not exists (
             select 1 from matrix_cells c join benchmark_results b on b.run_id = c.run_id
             where c.matrix_id = $1 and c.cell_group = p.cell_group and b.superseded_at is null)",
        id.as_uuid()
    )
    .execute(conn)
    .await?;
    Ok(())
}
