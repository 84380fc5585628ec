//! A run with its ten results, as one that ended a moment ago is published.

use chrono::{DateTime, Utc};
use dria_bench::store::publications::{self, Origin, PublishedResult, PublishedRun};
use sqlx::PgPool;

// What tests publish: a run with everything that can be known of it.
#[path = "../../../tests/it/support/published.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "it is the tests'")]
mod published;

/// Results of a run.
pub(crate) const RESULTS: u64 = 10;

/// Writes the `number`-th run, and its outbox row, in one transaction. No two runs have the same figures.
pub(crate) async fn publish(pool: &PgPool, number: usize, now: DateTime<Utc>) -> anyhow::Result<()> {
    let run = PublishedRun {
        origin: Origin::Imported("file:bench".to_owned()),
        created_at: now,
        ..published::run(&format!("pod-{number:04}"), 0)
    };
    let results = published::ten().into_iter().map(|result| {
        let figure = number as f64 + f64::from(result.rate.unwrap_or_default()) / 10.0;
        PublishedResult {
            output_tokens_per_second: result.output_tokens_per_second + figure,
            tokens_per_second: result.tokens_per_second + figure,
            measured_at: now,
            ..result
        }
    });
    let mut tx = pool.begin().await?;
    publications::upsert(&mut tx, &run, &results.collect::<Vec<_>>()).await?;
    tx.commit().await?;
    Ok(())
}
