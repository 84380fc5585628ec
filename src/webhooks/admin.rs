//! Making webhooks, trying them, turning them off, removing them: each is in the audit log.

use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use super::{By, Error, Settings, address};
use crate::{
    domain::webhook::{EventKind, secret},
    store::{
        audit, deliveries,
        webhooks::{self, Webhook},
    },
};

/// A new webhook. Its secret is told this once.
#[derive(Debug)]
pub struct Made {
    /// Its id.
    pub id: Uuid,
    /// What signs its messages: `whsec_…`.
    pub secret: String,
}

/// Makes a webhook that is told of these events. Its host is looked up, so that a wrong address is known at once.
///
/// # Errors
/// When the URL can't be used, there is no event, or the database fails.
pub async fn add(
    pool: &PgPool,
    settings: &Settings,
    url: &str,
    events: &[EventKind],
    note: &str,
    by: impl Into<By<'_>>,
) -> Result<Made, Error> {
    let by = by.into();
    let mut unique: Vec<EventKind> = Vec::new();
    for event in events {
        if !unique.contains(event) {
            unique.push(*event);
        }
    }
    if unique.is_empty() {
        return Err(Error::NoEvents);
    }
    let url = address::read(url, settings.allow_private).map_err(Error::Url)?;
    let looked_up =
        tokio::time::timeout(settings.timeout, address::resolve(&url, settings.allow_private)).await;
    looked_up
        .unwrap_or_else(|_| Err("has a host that was not found in time".to_owned()))
        .map_err(Error::Url)?;
    let made = Made { id: Uuid::now_v7(), secret: secret(rand::random()) };
    let mut tx = pool.begin().await?;
    webhooks::insert(&mut tx, made.id, url.as_str(), &unique, &made.secret, note, by.actor).await?;
    // A path may hold a key of the receiver's: the log has the host alone.
    let detail = json!({ "host": url.host_str(), "events": unique });
    audit::append(&mut tx, by, "webhook.add", &made.id.to_string(), detail).await?;
    tx.commit().await?;
    Ok(made)
}

/// Removes a webhook with all its messages.
///
/// # Errors
/// When there is none, or the database fails.
pub async fn remove(pool: &PgPool, id: Uuid, by: impl Into<By<'_>>) -> Result<(), Error> {
    let mut tx = pool.begin().await?;
    if !webhooks::remove(&mut tx, id).await? {
        return Err(Error::NoWebhook(id.to_string()));
    }
    audit::append(&mut tx, by.into(), "webhook.remove", &id.to_string(), json!({})).await?;
    tx.commit().await?;
    Ok(())
}

/// Tells a webhook nothing any more. Returns whether it was told before.
///
/// # Errors
/// When there is none, or the database fails.
pub async fn disable(pool: &PgPool, id: Uuid, reason: &str, by: impl Into<By<'_>>) -> Result<bool, Error> {
    let mut tx = pool.begin().await?;
    let changed = webhooks::disable(&mut tx, id, reason).await?;
    known(&mut tx, id).await?;
    audit::append(&mut tx, by.into(), "webhook.disable", &id.to_string(), json!({ "reason": reason }))
        .await?;
    tx.commit().await?;
    Ok(changed)
}

/// Tells a webhook again what happens from now on. Returns whether it wasn't told before.
///
/// # Errors
/// When there is none, or the database fails.
pub async fn enable(pool: &PgPool, id: Uuid, by: impl Into<By<'_>>) -> Result<bool, Error> {
    let mut tx = pool.begin().await?;
    let changed = webhooks::enable(&mut tx, id).await?;
    known(&mut tx, id).await?;
    audit::append(&mut tx, by.into(), "webhook.enable", &id.to_string(), json!({})).await?;
    tx.commit().await?;
    Ok(changed)
}

/// Writes a test message for a webhook. Returns its id.
///
/// # Errors
/// When there is no such webhook, it is disabled, or the database fails.
pub async fn test(pool: &PgPool, id: Uuid, by: impl Into<By<'_>>) -> Result<String, Error> {
    let by = by.into();
    let mut tx = pool.begin().await?;
    known(&mut tx, id).await?;
    let data =
        json!({ "message": "somebody asked for this, to see whether it arrives", "asked_by": by.actor });
    let delivery = deliveries::test(&mut tx, id, data).await?.ok_or(Error::Disabled)?;
    audit::append(&mut tx, by, "webhook.test", &id.to_string(), json!({ "delivery": delivery })).await?;
    tx.commit().await?;
    Ok(delivery)
}

/// Has a message sent again, under the same id, however it went before.
///
/// # Errors
/// When there is no such message, its webhook is disabled, or the database fails.
pub async fn redeliver(pool: &PgPool, delivery: &str, by: impl Into<By<'_>>) -> Result<(), Error> {
    let mut tx = pool.begin().await?;
    let before = deliveries::get(&mut tx, delivery).await?;
    let before = before.ok_or_else(|| Error::NoDelivery(delivery.to_owned()))?;
    if !deliveries::again(&mut tx, delivery).await? {
        return Err(Error::Disabled);
    }
    let target = before.webhook_id.to_string();
    audit::append(&mut tx, by.into(), "webhook.redeliver", &target, json!({ "delivery": delivery })).await?;
    tx.commit().await?;
    Ok(())
}

async fn known(conn: &mut sqlx::PgConnection, id: Uuid) -> Result<Webhook, Error> {
    webhooks::list(conn, Some(id)).await?.pop().ok_or_else(|| Error::NoWebhook(id.to_string()))
}
