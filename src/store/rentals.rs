//! `rentals`: the pods that providers really made, for what price and how long, and what was billed for them.
//!
//! A row is a pod that is, or was, paid for. Costs go by the price it was rented for, from its creation until it was
//! seen to be gone.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Error, parse};
use crate::domain::{
    ids::RunId,
    kinds::ProviderKind,
    measure::ledger::RentedSpan,
    money::{Rented, Spending},
};

/// A pod that is or was rented.
#[derive(Debug, Clone, Serialize)]
pub struct Rental {
    /// The run it was rented for; `None`: nobody's, or one that is forgotten.
    pub run: Option<RunId>,
    /// Its name.
    pub pod: String,
    /// Who rents it out.
    pub provider: ProviderKind,
    /// The provider's id of it.
    pub external_id: String,
    /// The GPU's id.
    pub gpu_id: String,
    /// How many of them.
    pub gpu_count: i32,
    /// Where it is.
    pub data_center: Option<String>,
    /// What it was rented for, USD an hour for all its GPUs; 0: no price was told.
    pub price_usd_per_hour: Decimal,
    /// The price told last, where it is another.
    pub price_now_usd_per_hour: Option<Decimal>,
    /// When it was made.
    pub started_at: DateTime<Utc>,
    /// When it was seen to be gone.
    pub ended_at: Option<DateTime<Utc>>,
    /// Its end, or now.
    #[serde(skip)]
    pub until: DateTime<Utc>,
    /// What it has cost until now by our reckoning, USD.
    pub usd: Decimal,
    /// What was billed, USD.
    pub billed_usd: Option<Decimal>,
    /// When the bill was read.
    pub reconciled_at: Option<DateTime<Utc>>,
}

impl Rental {
    /// Its time and price.
    #[must_use]
    pub const fn span(&self) -> RentedSpan {
        RentedSpan { start: self.started_at, end: self.until, price_usd_per_hour: self.price_usd_per_hour }
    }
}

struct Row {
    run_id: Option<Uuid>,
    pod: String,
    provider: String,
    external_id: String,
    gpu_id: String,
    gpu_count: i32,
    data_center: Option<String>,
    price_usd_per_hour: Decimal,
    price_now_usd_per_hour: Option<Decimal>,
    started_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    until: DateTime<Utc>,
    usd: Decimal,
    billed_usd: Option<Decimal>,
    reconciled_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Rental {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            run: row.run_id.map(RunId::from_uuid),
            pod: row.pod,
            provider: parse("rentals.provider", &row.provider)?,
            external_id: row.external_id,
            gpu_id: row.gpu_id,
            gpu_count: row.gpu_count,
            data_center: row.data_center,
            price_usd_per_hour: row.price_usd_per_hour,
            price_now_usd_per_hour: row.price_now_usd_per_hour,
            started_at: row.started_at,
            ended_at: row.ended_at,
            until: row.until,
            usd: row.usd,
            billed_usd: row.billed_usd,
            reconciled_at: row.reconciled_at,
        })
    }
}

/// Records that a pod of this name is there, under the provider's id. It began when the provider says that it was made,
/// but not before its name was committed and not in the future. One that is known keeps its price (a price that was
/// told later is noted beside it) and, where it was taken for gone although it is wanted, has no end any more.
///
/// # Errors
/// When the database fails.
pub async fn record(
    conn: &mut PgConnection,
    run: Option<RunId>,
    provider: ProviderKind,
    pod: &str,
    external_id: &str,
    rented: &Rented,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into rentals (run_id, pod, provider, external_id, gpu_id, gpu_count, data_center, price_usd_per_hour,
                              started_at)
         select $1, $2, $3, $4, $5, $6, $7, $8,
                greatest(least(coalesce($9, now()), now()),
                         (select created_at from pods where name = $2), now() - interval '1 day')
         on conflict (provider, external_id, pod) do update set
             price_usd_per_hour = case when rentals.price_usd_per_hour = 0 then excluded.price_usd_per_hour
                                       else rentals.price_usd_per_hour end,
             price_now_usd_per_hour = case when excluded.price_usd_per_hour in (0, rentals.price_usd_per_hour)
                                           then rentals.price_now_usd_per_hour else excluded.price_usd_per_hour end,
             ended_at = case when exists (select from pods p where p.name = rentals.pod and p.state <> 'gone') then null
                             else rentals.ended_at end",
        run.map(RunId::as_uuid),
        pod,
        provider.as_str(),
        external_id,
        rented.gpu_id,
        i32::try_from(rented.gpu_count).unwrap_or(i32::MAX),
        rented.data_center,
        rented.price_usd_per_hour,
        rented.created_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Has another run pay for a pod from now on, under the name by which it has it. Nothing changes where nobody pays for it.
///
/// # Errors
/// When the database fails.
pub async fn hand_over(
    conn: &mut PgConnection,
    provider: ProviderKind,
    external_id: &str,
    from: &str,
    to: &str,
    run: RunId,
) -> Result<(), Error> {
    sqlx::query!(
        "with ended as (
             update rentals set ended_at = greatest(now(), started_at)
             where provider = $1 and external_id = $2 and pod = $3 and ended_at is null returning *)
         insert into rentals (run_id, pod, provider, external_id, gpu_id, gpu_count, data_center, price_usd_per_hour,
                              price_now_usd_per_hour, started_at)
         select $5, $4, provider, external_id, gpu_id, gpu_count, data_center, price_usd_per_hour,
                price_now_usd_per_hour, ended_at
         from ended",
        provider.as_str(),
        external_id,
        from,
        to,
        run.as_uuid()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends what was rented under a name, but for the pod `but`: the rest was seen to be gone.
///
/// # Errors
/// When the database fails.
pub async fn end(conn: &mut PgConnection, pod: &str, but: Option<&str>) -> Result<(), Error> {
    sqlx::query!(
        "update rentals set ended_at = greatest(now(), started_at)
         where pod = $1 and ended_at is null and external_id is distinct from $2",
        pod,
        but
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends what was rented from a provider that doesn't list it any more (`listed`: the ids of all that it lists), once it
/// is older than `min_age_s`: a list may lag behind. Returns the names of the pods.
///
/// # Errors
/// When the database fails.
pub async fn end_unlisted(
    conn: &mut PgConnection,
    provider: ProviderKind,
    listed: &[String],
    min_age_s: f64,
) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar!(
        "update rentals set ended_at = now()
         where provider = $1 and ended_at is null and external_id <> all($2)
           and started_at < now() - make_interval(secs => $3)
         returning pod",
        provider.as_str(),
        listed,
        min_age_s
    )
    .fetch_all(conn)
    .await?)
}

/// How many pods were rented under a name, and for how many seconds the one with this id has been.
///
/// # Errors
/// When the database fails.
pub async fn history(
    conn: &mut PgConnection,
    pod: &str,
    external_id: Option<&str>,
) -> Result<(u32, Option<f64>), Error> {
    let row = sqlx::query!(
        r#"select count(*) as "pods!",
                  max(extract(epoch from now() - started_at)::float8) filter (where external_id = $2) as age_s
           from rentals where pod = $1"#,
        pod,
        external_id
    )
    .fetch_one(conn)
    .await?;
    Ok((u32::try_from(row.pods).unwrap_or(u32::MAX), row.age_s))
}

/// What was rented for a run, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn of_run(conn: &mut PgConnection, run: RunId) -> Result<Vec<Rental>, Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"select run_id, pod, provider, external_id, gpu_id, gpu_count, data_center, price_usd_per_hour,
                  price_now_usd_per_hour, started_at, ended_at, coalesce(ended_at, now()) as "until!",
                  round(price_usd_per_hour * extract(epoch from coalesce(ended_at, now()) - started_at)::numeric / 3600, 6)
                      as "usd!",
                  billed_usd, reconciled_at
           from rentals where run_id = $1 order by id"#,
        run.as_uuid()
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Rental::try_from).collect()
}

/// What was rented in the last `days`, or still is, newest first, at most 1000.
///
/// # Errors
/// When the database fails.
pub async fn recent(conn: &mut PgConnection, days: i32) -> Result<Vec<Rental>, Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"select run_id, pod, provider, external_id, gpu_id, gpu_count, data_center, price_usd_per_hour,
                  price_now_usd_per_hour, started_at, ended_at, coalesce(ended_at, now()) as "until!",
                  round(price_usd_per_hour * extract(epoch from coalesce(ended_at, now()) - started_at)::numeric / 3600, 6)
                      as "usd!",
                  billed_usd, reconciled_at
           from rentals where coalesce(ended_at, now()) > now() - make_interval(days => $1) order by id desc limit 1000"#,
        days
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Rental::try_from).collect()
}

/// What these runs have spent, and spend: in all, or since midnight UTC.
///
/// # Errors
/// When the database fails.
pub async fn spent_by(conn: &mut PgConnection, runs: &[RunId], today: bool) -> Result<Spending, Error> {
    let runs: Vec<Uuid> = runs.iter().copied().map(RunId::as_uuid).collect();
    Ok(sqlx::query_as!(
        Spending,
        r#"with since as (select case when $2 then date_trunc('day', now(), 'UTC') else '-infinity' end as t)
           select coalesce(sum(price_usd_per_hour
                    * extract(epoch from coalesce(ended_at, now()) - greatest(started_at, t))::numeric / 3600), 0)
                    as "spent_usd!",
                  coalesce(sum(price_usd_per_hour) filter (where ended_at is null), 0) as "usd_per_hour!"
           from rentals, since where run_id = any($1) and (ended_at is null or ended_at > t)"#,
        &runs,
        today
    )
    .fetch_one(conn)
    .await?)
}

/// What everything has spent since midnight UTC, and spends.
///
/// # Errors
/// When the database fails.
pub async fn spent_today(conn: &mut PgConnection) -> Result<Spending, Error> {
    Ok(sqlx::query_as!(
        Spending,
        r#"select coalesce(sum(price_usd_per_hour
                    * extract(epoch from coalesce(ended_at, now())
                              - greatest(started_at, date_trunc('day', now(), 'UTC')))::numeric / 3600), 0) as "spent_usd!",
                  coalesce(sum(price_usd_per_hour) filter (where ended_at is null), 0) as "usd_per_hour!"
           from rentals where ended_at is null or ended_at > date_trunc('day', now(), 'UTC')"#
    )
    .fetch_one(conn)
    .await?)
}

/// What ended more than `settled_h` hours ago and was not compared with a bill yet: the provider's ids, and when the
/// first of them began. Bills older than 30 days aren't waited for any more.
///
/// # Errors
/// When the database fails.
pub async fn unreconciled(
    conn: &mut PgConnection,
    provider: ProviderKind,
    settled_h: i32,
) -> Result<Option<(DateTime<Utc>, Vec<String>)>, Error> {
    let rows = sqlx::query!(
        r#"select external_id, min(started_at) as "started_at!" from rentals l
           where provider = $1 and reconciled_at is null and ended_at < now() - make_interval(hours => $2)
             and ended_at > now() - interval '30 days'
             and not exists (select from rentals o where o.provider = l.provider and o.external_id = l.external_id
                               and coalesce(o.ended_at, now()) >= now() - make_interval(hours => $2))
           group by external_id order by min(started_at) limit 1000"#,
        provider.as_str(),
        settled_h
    )
    .fetch_all(conn)
    .await?;
    let first = rows.first().map(|row| row.started_at);
    Ok(first.map(|first| (first, rows.into_iter().map(|row| row.external_id).collect())))
}

/// Records what was billed for a pod, and returns it; where several runs had it one after another, each by its share of
/// what we reckoned, and the shares add up to the bill. Empty: no such pod is waiting for its bill.
///
/// # Errors
/// When the database fails.
pub async fn reconcile(
    conn: &mut PgConnection,
    provider: ProviderKind,
    external_id: &str,
    billed_usd: Decimal,
) -> Result<Vec<Rental>, Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"with cost as (
               select id, price_usd_per_hour * extract(epoch from ended_at - started_at)::numeric as usd from rentals
               where provider = $1 and external_id = $2 and reconciled_at is null and ended_at is not null),
           -- Rounded where each share ends, so that nothing is lost between two of them.
           share as (
               select id, round($3::numeric * coalesce(sum(usd) over upto / nullif(sum(usd) over (), 0),
                                                       (row_number() over (order by id) = count(*) over ())::int), 6) as until
               from cost window upto as (order by id))
           update rentals l set billed_usd = s.until - s.before, reconciled_at = now()
           from (select id, until, coalesce(lag(until) over (order by id), 0) as before from share) s
           where s.id = l.id
           returning run_id, pod, provider, external_id, gpu_id, gpu_count, data_center, price_usd_per_hour,
                  price_now_usd_per_hour, started_at, ended_at, coalesce(ended_at, now()) as "until!",
                  round(price_usd_per_hour * extract(epoch from coalesce(ended_at, now()) - started_at)::numeric / 3600, 6)
                      as "usd!",
                  billed_usd, reconciled_at"#,
        provider.as_str(),
        external_id,
        billed_usd
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Rental::try_from).collect()
}
