//! The only producer for apalis: pushes a step's wake-up token on the caller's transaction.
//!
//! A token is disposable. It says "look at this step"; the ledger says whether there is anything to do. Losing one
//! costs the time until the sweeper issues another, and delivering one twice costs a look.

use apalis::prelude::TaskBuilder;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use crate::domain::ids::RunId;

/// The queue of runs that any machine's workers may take.
pub const SHARED_QUEUE: &str = "steps";

/// The queue of runs on `host_id`'s own hardware, which only its workers take.
#[must_use]
pub fn local_queue(host_id: &str) -> String {
    format!("{SHARED_QUEUE}@{host_id}")
}

/// The priority of teardown, above every run's own (0–9).
pub const TEARDOWN_PRIORITY: i32 = 10;

/// "Look at this step": the arguments of an apalis job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepToken {
    /// The run.
    pub run: RunId,
    /// The step's place in the run's definition.
    pub step: i32,
    /// The job's id. A token whose key isn't the step's current one is stale.
    pub key: String,
}

impl StepToken {
    /// A token with a fresh key.
    #[must_use]
    pub fn new(run: RunId, step: i32) -> Self {
        Self { run, step, key: ulid::Ulid::generate().to_string() }
    }
}

/// Where and when a token is delivered.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// The queue.
    pub queue: &'a str,
    /// Higher goes first.
    pub priority: i32,
    /// Not before this time, Unix seconds of the database's clock.
    pub run_at: i64,
}

/// A token could not be pushed.
#[derive(Debug, thiserror::Error)]
#[error("the job queue refused a token: {0}")]
pub struct Error(String);

/// Something that delivers tokens. The workflow is tested with one that only remembers them.
#[async_trait]
pub trait TokenQueue: Send + Sync {
    /// Pushes a token on the caller's transaction: it exists when, and only when, the transaction commits.
    ///
    /// # Errors
    /// When the queue's tables can't be written.
    async fn push(
        &self,
        conn: &mut PgConnection,
        token: &StepToken,
        delivery: Delivery<'_>,
    ) -> Result<(), Error>;
}

/// The real one: a row of `apalis.jobs`.
#[derive(Debug, Clone, Copy, Default)]
pub struct ApalisQueue;

#[async_trait]
impl TokenQueue for ApalisQueue {
    async fn push(
        &self,
        conn: &mut PgConnection,
        token: &StepToken,
        delivery: Delivery<'_>,
    ) -> Result<(), Error> {
        let arguments = serde_json::to_vec(token).map_err(|error| Error(error.to_string()))?;
        let id = token.key.parse().map_err(|_| Error(format!("`{}` is not a job id", token.key)))?;
        let task = TaskBuilder::new(arguments)
            .task_id(id)
            .priority(usize::try_from(delivery.priority).unwrap_or_default())
            .run_at_timestamp(u64::try_from(delivery.run_at).unwrap_or_default())
            .build();
        apalis_postgres::queries::push_tasks(conn, delivery.queue, vec![task])
            .await
            .map_err(|error| Error(error.to_string()))
    }
}
