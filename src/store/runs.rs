//! `workflow_runs`.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Error, from_json, parse, to_json};
use crate::domain::{
    failure::Failure, ids::RunId, run::RunStatus, spec::RunSpec, workflow::WorkflowDefinition,
};

/// A run to be recorded.
#[derive(Debug)]
pub struct NewRun<'a> {
    /// Its id.
    pub id: RunId,
    /// What it is asked to do.
    pub spec: &'a RunSpec,
    /// Its steps, as of now.
    pub definition: &'a WorkflowDefinition,
    /// The queue whose workers take its steps.
    pub queue: &'a str,
    /// 0 (nightly) to 9; teardown goes before all.
    pub priority: i32,
    /// The run it repeats.
    pub rerun_of: Option<RunId>,
}

/// A run.
#[derive(Debug, Clone, Serialize)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// Name of its workflow.
    pub kind: String,
    /// What it was asked to do.
    pub spec: RunSpec,
    /// Its steps as they were when it was made. Raw, since a newer version may have put steps in that this one
    /// doesn't know.
    #[serde(skip)]
    pub definition: Value,
    /// Where it is.
    pub status: RunStatus,
    /// Somebody asked for it to end.
    pub cancel_requested: bool,
    /// No step starts while this is set.
    pub paused: bool,
    /// 1, and one more with every retry.
    pub generation: i32,
    /// Times the engine was lost and started again.
    pub engine_losses: i32,
    /// The identifier published for it, frozen at its first provision.
    pub public_id: Option<String>,
    /// Whether its results come from more than one pod.
    pub multi_pod: bool,
    /// The queue its steps go to.
    pub queue: String,
    /// Its priority.
    pub priority: i32,
    /// Why it ended as it did.
    pub error: Option<Failure>,
    /// The run it repeats.
    pub rerun_of: Option<RunId>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When its first step started.
    pub started_at: Option<DateTime<Utc>>,
    /// When its teardown ended.
    pub finished_at: Option<DateTime<Utc>>,
}

pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) kind: String,
    pub(super) spec: Value,
    pub(super) definition: Value,
    pub(super) status: String,
    pub(super) cancel_requested: bool,
    pub(super) paused: bool,
    pub(super) generation: i32,
    pub(super) engine_losses: i32,
    pub(super) public_id: Option<String>,
    pub(super) multi_pod: bool,
    pub(super) queue: String,
    pub(super) priority: i32,
    pub(super) error: Option<Value>,
    pub(super) rerun_of: Option<Uuid>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) started_at: Option<DateTime<Utc>>,
    pub(super) finished_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Run {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            id: RunId::from_uuid(row.id),
            kind: row.kind,
            spec: from_json("workflow_runs.spec", row.spec)?,
            definition: row.definition,
            status: parse("workflow_runs.status", &row.status)?,
            cancel_requested: row.cancel_requested,
            paused: row.paused,
            generation: row.generation,
            engine_losses: row.engine_losses,
            public_id: row.public_id,
            multi_pod: row.multi_pod,
            queue: row.queue,
            priority: row.priority,
            error: row.error.map(|error| from_json("workflow_runs.error", error)).transpose()?,
            rerun_of: row.rerun_of.map(RunId::from_uuid),
            created_at: row.created_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
        })
    }
}

impl Run {
    /// Its steps.
    ///
    /// # Errors
    /// When the definition holds a step this version doesn't know.
    pub fn workflow(&self) -> Result<WorkflowDefinition, Error> {
        from_json("workflow_runs.definition", self.definition.clone())
    }
}

/// Records a run, pending.
///
/// # Errors
/// When the database fails.
pub async fn insert(conn: &mut PgConnection, new: &NewRun<'_>) -> Result<(), Error> {
    sqlx::query!(
        "insert into workflow_runs (id, kind, spec, definition, queue, priority, rerun_of)
         values ($1, $2, $3, $4, $5, $6, $7)",
        new.id.as_uuid(),
        new.definition.name,
        to_json("workflow_runs.spec", new.spec)?,
        to_json("workflow_runs.definition", new.definition)?,
        new.queue,
        new.priority,
        new.rerun_of.map(RunId::as_uuid)
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A run.
///
/// # Errors
/// When the database fails.
pub async fn get(conn: &mut PgConnection, id: RunId) -> Result<Option<Run>, Error> {
    sqlx::query_as!(
        Row,
        "select id, kind, spec, definition, status, cancel_requested, paused, generation, engine_losses, public_id,
                multi_pod, queue, priority, error, rerun_of, created_at, started_at, finished_at
         from workflow_runs where id = $1",
        id.as_uuid()
    )
    .fetch_optional(conn)
    .await?
    .map(Run::try_from)
    .transpose()
}

/// A run, locked until the transaction ends. Whoever changes a run or its steps locks the run first.
///
/// # Errors
/// When the database fails.
pub async fn lock(conn: &mut PgConnection, id: RunId) -> Result<Option<Run>, Error> {
    sqlx::query_as!(
        Row,
        "select id, kind, spec, definition, status, cancel_requested, paused, generation, engine_losses, public_id,
                multi_pod, queue, priority, error, rerun_of, created_at, started_at, finished_at
         from workflow_runs where id = $1 for no key update",
        id.as_uuid()
    )
    .fetch_optional(conn)
    .await?
    .map(Run::try_from)
    .transpose()
}

/// Runs, newest first, at most `limit`; only those with `status` where one is given.
///
/// # Errors
/// When the database fails.
pub async fn list(conn: &mut PgConnection, status: Option<RunStatus>, limit: i64) -> Result<Vec<Run>, Error> {
    sqlx::query_as!(
        Row,
        "select id, kind, spec, definition, status, cancel_requested, paused, generation, engine_losses, public_id,
                multi_pod, queue, priority, error, rerun_of, created_at, started_at, finished_at
         from workflow_runs where $1::text is null or status = $1
         order by created_at desc, id desc limit $2",
        status.map(RunStatus::as_str),
        limit
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(Run::try_from)
    .collect()
}

/// Ids of runs whose text form starts with `prefix`, newest first, at most 3: enough to tell one from several.
///
/// # Errors
/// When the database fails.
pub async fn with_prefix(conn: &mut PgConnection, prefix: &str) -> Result<Vec<RunId>, Error> {
    let ids = sqlx::query_scalar!(
        "select id from workflow_runs where starts_with(id::text, $1) order by created_at desc limit 3",
        prefix
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(RunId::from_uuid).collect())
}

/// Whether another run of `queue` has the machine: it was provisioned, or is being, and is not over. Until the
/// transaction ends no other asks the same, so that of two runs that ask at the same time only one is told no.
///
/// # Errors
/// When the database fails.
pub async fn another_has_machine(conn: &mut PgConnection, queue: &str, id: RunId) -> Result<bool, Error> {
    sqlx::query_scalar!("select pg_advisory_xact_lock(hashtext($1))", queue).fetch_one(&mut *conn).await?;
    Ok(sqlx::query_scalar!(
        r#"select exists (select 1 from workflow_runs r join step_runs s on s.run_id = r.id
                          where r.queue = $1 and r.id <> $2 and r.status = 'running' and not r.paused
                            and s.name = 'provision' and s.status in ('running', 'done')) as "another!""#,
        queue,
        id.as_uuid()
    )
    .fetch_one(conn)
    .await?)
}

/// The runs of `queue` whose turn on its machine comes before this one's, in order, at most 20: of those that could begin
/// now, the ones of a higher priority, and of the same one the ones made earlier.
///
/// # Errors
/// When the database fails.
pub async fn ahead_of(conn: &mut PgConnection, queue: &str, id: RunId) -> Result<Vec<Run>, Error> {
    let rows = sqlx::query_as!(
        Row,
        "select r.id, r.kind, r.spec, r.definition, r.status, r.cancel_requested, r.paused, r.generation, r.engine_losses,
                r.public_id, r.multi_pod, r.queue, r.priority, r.error, r.rerun_of, r.created_at, r.started_at, r.finished_at
         from workflow_runs r join step_runs s on s.run_id = r.id and s.name = 'provision'
         join workflow_runs mine on mine.id = $2
         where r.queue = $1 and r.id <> $2 and r.status in ('pending', 'running') and not r.paused
           and not r.cancel_requested and s.status = 'scheduled' and s.run_after <= now()
           and (-r.priority, r.created_at, r.id) < (-mine.priority, mine.created_at, mine.id)
         order by r.priority desc, r.created_at, r.id limit 20",
        queue,
        id.as_uuid()
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Run::try_from).collect()
}

/// The run of `queue` that has the machine, if any: the one that others wait for.
///
/// # Errors
/// When the database fails.
pub async fn holder_of_machine(conn: &mut PgConnection, queue: &str) -> Result<Option<RunId>, Error> {
    let id = sqlx::query_scalar!(
        "select r.id from workflow_runs r join step_runs s on s.run_id = r.id
         where r.queue = $1 and r.status = 'running' and not r.paused
           and s.name = 'provision' and s.status in ('running', 'done')
         order by r.started_at limit 1",
        queue
    )
    .fetch_optional(conn)
    .await?;
    Ok(id.map(RunId::from_uuid))
}

/// Marks a pending run as running.
///
/// # Errors
/// When the database fails.
pub async fn start(conn: &mut PgConnection, id: RunId) -> Result<(), Error> {
    sqlx::query!(
        "update workflow_runs set status = 'running', started_at = coalesce(started_at, now())
         where id = $1 and status = 'pending'",
        id.as_uuid()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends a run.
///
/// # Errors
/// When the database fails.
pub async fn finish(conn: &mut PgConnection, id: RunId, status: RunStatus) -> Result<(), Error> {
    sqlx::query!(
        "update workflow_runs set status = $2, finished_at = clock_timestamp() where id = $1",
        id.as_uuid(),
        status.as_str()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Records why the run will end as failed.
///
/// # Errors
/// When the database fails.
pub async fn set_error(conn: &mut PgConnection, id: RunId, failure: &Failure) -> Result<(), Error> {
    let error = to_json("workflow_runs.error", failure)?;
    sqlx::query!("update workflow_runs set error = $2 where id = $1", id.as_uuid(), error)
        .execute(conn)
        .await?;
    Ok(())
}

/// Asks a run to end.
///
/// # Errors
/// When the database fails.
pub async fn request_cancel(conn: &mut PgConnection, id: RunId) -> Result<(), Error> {
    sqlx::query!("update workflow_runs set cancel_requested = true where id = $1", id.as_uuid())
        .execute(conn)
        .await?;
    Ok(())
}

/// Sets whether steps of the run may start.
///
/// # Errors
/// When the database fails.
pub async fn set_paused(conn: &mut PgConnection, id: RunId, paused: bool) -> Result<(), Error> {
    sqlx::query!("update workflow_runs set paused = $2 where id = $1", id.as_uuid(), paused)
        .execute(conn)
        .await?;
    Ok(())
}

/// Opens a terminal run again, a generation later. Returns the new generation.
///
/// # Errors
/// When the database fails.
pub async fn reopen(conn: &mut PgConnection, id: RunId) -> Result<i32, Error> {
    Ok(sqlx::query_scalar!(
        "update workflow_runs set status = 'running', error = null, cancel_requested = false, paused = false,
                finished_at = null, engine_losses = 0, generation = generation + 1
         where id = $1 returning generation",
        id.as_uuid()
    )
    .fetch_one(conn)
    .await?)
}

/// Counts an engine that was lost.
///
/// # Errors
/// When the database fails.
pub async fn count_engine_loss(conn: &mut PgConnection, id: RunId) -> Result<(), Error> {
    sqlx::query!("update workflow_runs set engine_losses = engine_losses + 1 where id = $1", id.as_uuid())
        .execute(conn)
        .await?;
    Ok(())
}

/// Freezes the run's public id at its first provision; a later pod only marks it as `multi_pod`.
///
/// # Errors
/// When the database fails.
pub async fn freeze_public_id(conn: &mut PgConnection, id: RunId, public_id: &str) -> Result<(), Error> {
    sqlx::query!(
        "update workflow_runs
         set public_id = coalesce(public_id, $2), multi_pod = multi_pod or coalesce(public_id, $2) <> $2
         where id = $1",
        id.as_uuid(),
        public_id
    )
    .execute(conn)
    .await?;
    Ok(())
}
