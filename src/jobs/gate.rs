//! One pace of requests for all processes that use a provider's account, kept in the database.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::PgPool;

use crate::{provider::RequestGate, store::request_gates};

/// How long the database is waited for: without it each process keeps to its own pace.
const PATIENCE: Duration = Duration::from_secs(2);

/// A gate of the database's.
#[derive(Debug, Clone)]
pub struct SharedGate {
    pool: PgPool,
    name: &'static str,
    interval_s: f64,
    burst: f64,
}

impl SharedGate {
    /// The gate of this name: at most `per_minute` requests in any minute, a quarter of them at once.
    #[must_use]
    pub fn new(pool: PgPool, name: &'static str, per_minute: u32) -> Self {
        let burst = f64::from((per_minute / 4).max(1));
        let paced = (f64::from(per_minute) - burst).max(1.0);
        Self { pool, name, interval_s: 60.0 / paced, burst }
    }
}

#[async_trait]
impl RequestGate for SharedGate {
    async fn turn(&self) -> Duration {
        let asking = async {
            let mut conn = self.pool.acquire().await?;
            request_gates::turn(&mut conn, self.name, self.interval_s, self.burst).await
        };
        match tokio::time::timeout(PATIENCE, asking).await {
            Ok(Ok(wait_s)) => Duration::try_from_secs_f64(wait_s).unwrap_or_default(),
            _ => Duration::ZERO,
        }
    }

    async fn hold(&self, wait: Duration) {
        let telling = async {
            let mut conn = self.pool.acquire().await?;
            request_gates::hold(&mut conn, self.name, wait.as_secs_f64()).await
        };
        if !matches!(tokio::time::timeout(PATIENCE, telling).await, Ok(Ok(()))) {
            tracing::debug!("other processes can't be told to wait");
        }
    }
}
