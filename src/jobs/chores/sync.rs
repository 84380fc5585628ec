//! The chore `sync`: sends what the sender did not, for whatever reason. Where another process is sending, or nothing is
//! published, it has nothing to do.

use serde_json::{Value, json};

use super::ChoreContext;
use crate::{
    ledger::Error,
    store::outbox::Turn,
    sync::{self, Settings, Target},
};

pub(super) async fn work(context: ChoreContext<'_>) -> Result<Value, Error> {
    let Some(settings) = Settings::from_config(context.config) else {
        return Ok(json!({ "sent": 0, "why": "MONGODB_URL is not set" }));
    };
    let pool = &context.services.pool;
    let Some(turn) = Turn::take(pool).await? else {
        return Ok(json!({ "sent": 0, "why": "another process is sending" }));
    };
    let sent = send(pool, &settings).await;
    turn.give_back().await?;
    match sent {
        Ok(sent) => Ok(json!(sent)),
        Err(sync::Error::Store(error)) => Err(error.into()),
        Err(error) => Err(Error::Refused(error.to_string())),
    }
}

async fn send(pool: &sqlx::PgPool, settings: &Settings) -> Result<sync::Sent, sync::Error> {
    let target = Target::open(settings).await?;
    target.prepare().await?;
    sync::send_due(pool, &target).await
}
