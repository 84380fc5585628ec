//! Figures for monitoring that only the database knows: depths, live machines, money.

use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::{Error, outbox, queues, queues::Queue};

/// What was rented of one provider.
#[derive(Debug, Clone)]
pub struct Rented {
    /// `runpod`, `local`, `endpoint`.
    pub provider: String,
    /// Machines in the ledger that aren't gone.
    pub live: i64,
    /// What all rentals have cost until now.
    pub spent_usd: Decimal,
    /// What those that go on cost.
    pub rate_usd_per_hour: Decimal,
}

/// A snapshot.
#[derive(Debug, Clone)]
pub struct Figures {
    /// Queues with their depths.
    pub queues: Vec<Queue>,
    /// By provider.
    pub rented: Vec<Rented>,
    /// Steps that failed for good and were not retried.
    pub dead_letters: i64,
    /// What waits to be published.
    pub outbox: outbox::Lag,
}

/// The figures of this moment. Each is read through an index over what is live, or a table of a row a pod.
///
/// # Errors
/// When the database fails.
pub async fn read(conn: &mut PgConnection, silent_s: f64) -> Result<Figures, Error> {
    let queues = queues::list(conn, silent_s).await?;
    let rented = sqlx::query_as!(
        Rented,
        r#"with live as (select provider, count(*) as pods from pods where state <> 'gone' group by provider),
             cost as (
               select provider,
                      sum(price_usd_per_hour * extract(epoch from coalesce(ended_at, now()) - started_at)::numeric / 3600)
                        as spent,
                      sum(price_usd_per_hour) filter (where ended_at is null) as rate
               from rentals group by provider)
           select p.provider as "provider!", coalesce(l.pods, 0) as "live!", coalesce(c.spent, 0) as "spent_usd!",
                  coalesce(c.rate, 0) as "rate_usd_per_hour!"
           from unnest(array['runpod', 'local', 'endpoint']) p (provider)
           left join live l on l.provider = p.provider left join cost c on c.provider = p.provider"#
    )
    .fetch_all(&mut *conn)
    .await?;
    let dead_letters =
        sqlx::query_scalar!(r#"select count(*) as "n!" from step_runs where status = 'failed'"#)
            .fetch_one(&mut *conn)
            .await?;
    let outbox = outbox::lag(conn).await?;
    Ok(Figures { queues, rented, dead_letters, outbox })
}
