//! `pods`: everything a run creates outside, known by name before it exists.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
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

/// A pod with the run it belongs to.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OwnedPod {
    /// Grows from pod to pod.
    pub id: i64,
    /// The run it belongs to.
    pub run: RunId,
    /// What it was rented for last, USD an hour for all its GPUs; null: it isn't rented, or no price was told.
    #[schema(value_type = Option<String>)]
    pub usd_per_hour: Option<Decimal>,
    /// What has been paid for it until now by our reckoning, USD; null where no price is known.
    #[schema(value_type = Option<String>)]
    pub spent_usd: Option<Decimal>,
    /// The pod.
    #[serde(flatten)]
    pub pod: Pod,
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
        "update pods set state = 'created', external_id = $2,
                restarts = case when external_id = $2 then restarts else 0 end,
                uptime_s = case when external_id = $2 then uptime_s end
         where name = $1 and state <> 'gone'",
        name,
        external_id
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What was seen of a pod's container: the provider's id, times it came up again, and for how long it had been up then, s.
/// `None`: it never came up again.
///
/// # Errors
/// When the database fails.
pub async fn container(conn: &mut PgConnection, name: &str) -> Result<Option<(String, u32, f64)>, Error> {
    let row = sqlx::query!(
        r#"select external_id as "external_id!", restarts, uptime_s as "uptime_s!" from pods
           where name = $1 and state <> 'gone' and external_id is not null and uptime_s is not null"#,
        name
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (row.external_id, u32::try_from(row.restarts).unwrap_or_default(), row.uptime_s)))
}

/// Notes how often a pod's container came up again, and for how long it has been up, s.
///
/// # Errors
/// When the database fails.
pub async fn note_container(
    conn: &mut PgConnection,
    name: &str,
    restarts: u32,
    uptime_s: f64,
) -> Result<(), Error> {
    sqlx::query!(
        "update pods set restarts = greatest(restarts, $2), uptime_s = $3 where name = $1 and state <> 'gone'",
        name,
        i32::try_from(restarts).unwrap_or(i32::MAX),
        uptime_s
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Records that a pod is being destroyed. False: it isn't its run's any more.
///
/// # Errors
/// When the database fails.
pub async fn deleting(conn: &mut PgConnection, name: &str) -> Result<bool, Error> {
    let done = sqlx::query!("update pods set state = 'deleting' where name = $1 and state <> 'gone'", name)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
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

/// Who has a pod that a provider lists.
#[derive(Debug, Clone)]
pub struct Owner {
    /// The run.
    pub run: RunId,
    /// Where it is.
    pub status: RunStatus,
    /// The name under which the run has it: its provider may still know it by the one before.
    pub pod: String,
}

/// Who has the pod that is listed under this name and id; `None`: nobody. Who holds the id comes before whom the name
/// was made for: a pod that was handed over keeps its old name until its next run takes it up.
///
/// # Errors
/// When the database fails.
pub async fn owner(
    conn: &mut PgConnection,
    provider: ProviderKind,
    name: &str,
    external_id: &str,
) -> Result<Option<Owner>, Error> {
    sqlx::query!(
        "select r.id, r.status, p.name from pods p join workflow_runs r on r.id = p.run_id
         where p.name = $2 or (p.provider = $1 and p.external_id = $3 and p.state <> 'gone')
         order by p.provider = $1 and p.external_id = $3 and p.state <> 'gone' desc nulls last limit 1",
        provider.as_str(),
        name,
        external_id
    )
    .fetch_optional(conn)
    .await?
    .map(|row| {
        let status = parse("workflow_runs.status", &row.status)?;
        Ok(Owner { run: RunId::from_uuid(row.id), status, pod: row.name })
    })
    .transpose()
}

/// A pod that may be handed over.
#[derive(Debug, Clone)]
pub struct Spare {
    /// The provider's id of it.
    pub external_id: String,
    /// For how long its run had it, s.
    pub held_s: f64,
    /// For how long it may be there still, s; `None`: it has no deadline.
    pub left_s: Option<f64>,
}

/// The pod of this name, locked, if it is there and nobody has begun to remove it.
///
/// # Errors
/// When the database fails.
pub async fn lock_spare(conn: &mut PgConnection, name: &str) -> Result<Option<Spare>, Error> {
    Ok(sqlx::query_as!(
        Spare,
        r#"select external_id as "external_id!", extract(epoch from now() - created_at)::float8 as "held_s!",
                  extract(epoch from deadline - now())::float8 as left_s
           from pods where name = $1 and state = 'created' and external_id is not null for update"#,
        name
    )
    .fetch_optional(conn)
    .await?)
}

/// Hands a pod over to another run, which will know it by another name: it is gone for the one, and wanted by the other,
/// with its id and its deadline. The provider isn't told yet.
///
/// # Errors
/// When the database fails.
pub async fn hand_over(
    conn: &mut PgConnection,
    from: &str,
    to: &str,
    run: RunId,
    generation: i32,
) -> Result<(), Error> {
    sqlx::query!(
        "with given as (
             update pods set state = 'gone', gone_at = now() where name = $1 and state <> 'gone' returning *)
         insert into pods (run_id, generation, provider, name, external_id, deadline, taken_from)
         select $3, $4, provider, $2, external_id, deadline, name from given",
        from,
        to,
        run.as_uuid(),
        generation
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A pod that a run took over from another.
#[derive(Debug, Clone)]
pub struct Taken {
    /// The run that had it before.
    pub from: RunId,
    /// The provider's id of it.
    pub external_id: String,
    /// How long ago it was taken over, s.
    pub taken_for_s: f64,
}

/// Whom the pod of this name was taken over from; `None`: it was rented for its run, as is one that took the place of a
/// pod that was taken over and lost.
///
/// # Errors
/// When the database fails.
pub async fn taken(conn: &mut PgConnection, name: &str) -> Result<Option<Taken>, Error> {
    let row = sqlx::query!(
        r#"select o.run_id, p.external_id as "external_id!",
                  extract(epoch from now() - p.created_at)::float8 as "taken_for_s!"
           from pods p join pods o on o.name = p.taken_from
           where p.name = $1 and p.state <> 'gone' and p.external_id = o.external_id"#,
        name
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Taken {
        from: RunId::from_uuid(row.run_id),
        external_id: row.external_id,
        taken_for_s: row.taken_for_s,
    }))
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

/// At most `limit` pods older than `before`, the newest first: those that aren't known to be gone, or `all`.
///
/// # Errors
/// When the database fails.
pub async fn page(
    conn: &mut PgConnection,
    all: bool,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<OwnedPod>, Error> {
    sqlx::query!(
        r#"select p.id, p.run_id, p.name, p.provider, p.external_id, p.state, p.generation, p.created_at, p.gone_at,
                  r.usd_per_hour as "usd_per_hour?", round(r.usd, 6) as "spent_usd?"
           from pods p
           left join lateral (
               select (array_agg(price_usd_per_hour order by started_at desc, id desc))[1] as usd_per_hour,
                      sum(price_usd_per_hour
                          * extract(epoch from coalesce(ended_at, now()) - started_at)::numeric / 3600) as usd
               from rentals where pod = p.name and price_usd_per_hour > 0) r on true
           where ($1 or p.state <> 'gone') and ($2::bigint is null or p.id < $2)
           order by p.id desc limit $3"#,
        all,
        before,
        limit
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(|row| {
        let pod = Row {
            name: row.name,
            provider: row.provider,
            external_id: row.external_id,
            state: row.state,
            generation: row.generation,
            created_at: row.created_at,
            gone_at: row.gone_at,
        };
        Ok(OwnedPod {
            id: row.id,
            run: RunId::from_uuid(row.run_id),
            usd_per_hour: row.usd_per_hour.map(|usd| usd.normalize()),
            spent_usd: row.spent_usd,
            pod: pod.try_into()?,
        })
    })
    .collect()
}
