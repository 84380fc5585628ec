//! `pods`: everything a run creates outside, known by name before it exists.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::{Error, parse};
use crate::domain::{ids::RunId, kinds::ProviderKind, run::RunStatus};

/// A pod, or a local engine.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Pod {
    /// Its unique name.
    pub name: String,
    /// Where it is.
    pub provider: ProviderKind,
    /// The provider's id for it.
    pub external_id: Option<String>,
    /// `intent`, `created`, `deleting` or `gone`.
    pub state: String,
    /// Generation of the run it belongs to.
    pub generation: i32,
    /// When it was intended.
    pub created_at: DateTime<Utc>,
    /// When it was seen to be gone.
    pub gone_at: Option<DateTime<Utc>>,
}

/// A pod as its row has it.
struct Row {
    name: String,
    provider: String,
    external_id: Option<String>,
    state: String,
    generation: i32,
    created_at: DateTime<Utc>,
    gone_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Pod {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            name: row.name,
            provider: parse("pods.provider", &row.provider)?,
            external_id: row.external_id,
            state: row.state,
            generation: row.generation,
            created_at: row.created_at,
            gone_at: row.gone_at,
        })
    }
}

/// Records that something will be created under `name`; nothing changes when it is recorded already, but one that
/// was gone is wanted again.
///
/// # Errors
/// When the database fails.
pub async fn intend(
    conn: &mut PgConnection,
    run: RunId,
    generation: i32,
    provider: ProviderKind,
    name: &str,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into pods (run_id, generation, provider, name) values ($1, $2, $3, $4)
         on conflict (name) do update set state = 'intent', gone_at = null, deadline = null, reserved_usd = null
         where pods.state = 'gone'",
        run.as_uuid(),
        generation,
        provider.as_str(),
        name
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Records the provider's id of what was created.
///
/// # Errors
/// When the database fails.
pub async fn created(conn: &mut PgConnection, name: &str, external_id: &str) -> Result<(), Error> {
    sqlx::query!(
        "update pods set state = 'created', external_id = $2 where name = $1 and state <> 'gone'",
        name,
        external_id
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Records that a pod is being destroyed.
///
/// # Errors
/// When the database fails.
pub async fn deleting(conn: &mut PgConnection, name: &str) -> Result<(), Error> {
    sqlx::query!("update pods set state = 'deleting' where name = $1 and state <> 'gone'", name)
        .execute(conn)
        .await?;
    Ok(())
}

/// Records that the provider confirmed that a pod is gone.
///
/// # Errors
/// When the database fails.
pub async fn gone(conn: &mut PgConnection, name: &str) -> Result<(), Error> {
    sqlx::query!("update pods set state = 'gone', gone_at = now() where name = $1 and state <> 'gone'", name)
        .execute(conn)
        .await?;
    Ok(())
}

/// The run that a pod of this name belongs to, and its state; `None`: nobody's.
///
/// # Errors
/// When the database fails.
pub async fn owner(conn: &mut PgConnection, name: &str) -> Result<Option<(RunId, RunStatus)>, Error> {
    sqlx::query!(
        "select r.id, r.status from pods p join workflow_runs r on r.id = p.run_id where p.name = $1",
        name
    )
    .fetch_optional(conn)
    .await?
    .map(|row| Ok((RunId::from_uuid(row.id), parse("workflow_runs.status", &row.status)?)))
    .transpose()
}

/// Every pod that isn't known to be gone, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn live(conn: &mut PgConnection) -> Result<Vec<Pod>, Error> {
    let rows = sqlx::query_as!(
        Row,
        "select name, provider, external_id, state, generation, created_at, gone_at from pods
         where state <> 'gone' order by id"
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Pod::try_from).collect()
}

/// Every pod of a run, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn list(conn: &mut PgConnection, run: RunId) -> Result<Vec<Pod>, Error> {
    let rows = sqlx::query_as!(
        Row,
        "select name, provider, external_id, state, generation, created_at, gone_at from pods
         where run_id = $1 order by id",
        run.as_uuid()
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Pod::try_from).collect()
}
