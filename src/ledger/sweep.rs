//! The sweeper: a live step that nothing would ever wake gets a new token. Any number of processes may sweep.

use serde_json::json;
use sqlx::PgPool;

use super::Error;
use crate::{
    domain::step::StepKind,
    queue::{Delivery, StepToken, TEARDOWN_PRIORITY, TokenQueue},
    store::{events, steps, tokens},
};

/// Re-issues the tokens that got lost. A worker is taken for dead after `silent_s` seconds without a sign of life.
/// Returns how many were re-issued.
///
/// # Errors
/// When the database or the queue fails.
pub async fn sweep(pool: &PgPool, queue: &dyn TokenQueue, silent_s: f64) -> Result<usize, Error> {
    let mut tx = pool.begin().await?;
    let stranded = tokens::stranded(&mut tx, silent_s).await?;
    for step in &stranded {
        let token = StepToken::new(step.run, step.step);
        steps::replace_token(&mut tx, step.run, step.step, &token.key).await?;
        let run_at = steps::unix_time_in(&mut tx, -1.0).await?;
        let priority = if step.kind == StepKind::Teardown { TEARDOWN_PRIORITY } else { step.priority };
        queue.push(&mut tx, &token, Delivery { queue: &step.queue, priority, run_at }).await?;
        let name = step.kind.to_string();
        events::append(&mut tx, step.run, "token_reissued", Some(&name), "sweeper", json!({})).await?;
    }
    tx.commit().await?;
    Ok(stranded.len())
}
