//! Runs end one after the other while the server and the sender are killed in turn, each in the middle of a burst.

use std::time::{Duration, Instant};

use anyhow::bail;
use chrono::{DateTime, Utc};
use dria_bench::{clock, store::outbox};
use sqlx::PgPool;

use super::{
    processes::{Process, Programs},
    runs,
};

/// Between two runs: ten a second, which is far more than ever end.
const PACE: Duration = Duration::from_millis(100);
/// Runs that end at once around a kill, so that it meets the sender at work.
const BURST: usize = 10;
/// The kill comes within so long of the burst, ms.
const WITHIN_MS: u64 = 150;
/// Before what was killed is started again, as whoever looks after it would.
const DOWN: Duration = Duration::from_secs(1);
/// Longest that catching up may take.
const PATIENCE: Duration = Duration::from_mins(3);

/// Which is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Victim {
    Server,
    Sender,
}

/// From a kill until all that waited by the restart is published.
#[derive(Debug)]
pub(crate) struct Outage {
    pub(crate) of: Victim,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
}

impl Outage {
    pub(crate) fn seconds(&self) -> f64 {
        (self.until - self.from).as_seconds_f64()
    }
}

/// How long each run took from its outbox row to its being confirmed by the server, s.
pub(crate) struct Lags {
    /// Of runs that met no outage.
    pub(crate) steady: Vec<f64>,
    pub(crate) all: Vec<f64>,
}

/// Publishes so many runs, or a few more after the last kill, and kills each of both so many times meanwhile. Returns how many
/// there are, and the outages.
pub(crate) async fn publish(
    pool: &PgPool,
    programs: &Programs,
    (server, sender): (&mut Process, &mut Process),
    database: &str,
    (count, kills): (usize, usize),
) -> anyhow::Result<(usize, Vec<Outage>)> {
    let mut outages = Vec::new();
    let every = count / (2 * kills);
    let mut next = Instant::now();
    let mut number = 0;
    while number < count {
        if number % every != every / 3 || outages.len() == 2 * kills {
            runs::publish(pool, number, clock::now()).await?;
            number += 1;
            next += PACE;
            tokio::time::sleep(next.saturating_duration_since(Instant::now())).await;
            continue;
        }
        // What the outage before left is not counted to this one.
        caught_up(pool, clock::now()).await?;
        for _ in 0..BURST {
            runs::publish(pool, number, clock::now()).await?;
            number += 1;
        }
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..WITHIN_MS))).await;
        let (of, from) = (if outages.len() % 2 == 0 { Victim::Server } else { Victim::Sender }, clock::now());
        match of {
            Victim::Server => server.kill_9(),
            Victim::Sender => sender.kill_9(),
        }
        let again = Instant::now() + DOWN;
        while Instant::now() < again {
            runs::publish(pool, number, clock::now()).await?;
            number += 1;
            tokio::time::sleep(PACE).await;
        }
        let restarted = clock::now();
        match of {
            Victim::Server => *server = programs.server()?,
            Victim::Sender => *sender = programs.sender(database)?,
        }
        let until = caught_up(pool, restarted).await?;
        eprintln!("{number} runs; {of:?} killed, caught up after {:.1} s", (until - from).as_seconds_f64());
        outages.push(Outage { of, from, until });
        next = Instant::now();
    }
    caught_up(pool, clock::now()).await?;
    Ok((number, outages))
}

/// Waits until all that was queued by then is sent; returns when it was.
async fn caught_up(pool: &PgPool, by: DateTime<Utc>) -> anyhow::Result<DateTime<Utc>> {
    let asked = Instant::now();
    loop {
        let waiting: i64 =
            sqlx::query_scalar("select count(*) from outbox where sent_at is null and queued_at <= $1")
                .bind(by)
                .fetch_one(pool)
                .await?;
        if waiting == 0 {
            return Ok(clock::now());
        }
        if asked.elapsed() > PATIENCE {
            let refused = outbox::refused(&mut *pool.acquire().await?).await?;
            bail!("{waiting} rows were not sent in {PATIENCE:?}: {refused:?}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The lags, ascending. A row is marked as sent after the server confirmed its run, so no lag is too short.
pub(crate) async fn lags(pool: &PgPool, outages: &[Outage]) -> anyhow::Result<Lags> {
    let rows: Vec<(DateTime<Utc>, DateTime<Utc>)> =
        sqlx::query_as("select queued_at, sent_at from outbox where aggregate = 'run'")
            .fetch_all(pool)
            .await?;
    let met = |from: &DateTime<Utc>, until: &DateTime<Utc>| {
        outages.iter().any(|outage| *from <= outage.until && *until >= outage.from)
    };
    let seconds = |of: &mut dyn Iterator<Item = &(DateTime<Utc>, DateTime<Utc>)>| {
        let mut lags: Vec<f64> = of.map(|(from, until)| (*until - *from).as_seconds_f64()).collect();
        lags.sort_by(f64::total_cmp);
        lags
    };
    Ok(Lags {
        steady: seconds(&mut rows.iter().filter(|(from, until)| !met(from, until))),
        all: seconds(&mut rows.iter()),
    })
}
