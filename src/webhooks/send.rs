//! Sending what waits: taken up, sent, marked. Between sending and marking a sender may die: then it is sent again.

use std::time::Duration;

use futures::{StreamExt, stream};
use reqwest::StatusCode;
use sqlx::{Connection as _, PgPool};

use super::{Error, Settings, address};
use crate::{
    domain::webhook::signature,
    http,
    retry::step_delay,
    store::{
        deliveries::{self, Delivery, Due, Outcome},
        webhooks,
    },
};

/// Messages that are taken up together, and sent at the same time.
const AT_ONCE: usize = 8;

/// How much of an answer is read, and kept, bytes.
const ANSWER_BYTES: usize = 1024;

/// Beyond its time-out, how long a sender may take to say how it went before another takes its message over.
const SPARE: Duration = Duration::from_secs(20);

/// What one round sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    /// Delivered.
    pub delivered: usize,
    /// Failed, and to be tried again.
    pub again: usize,
    /// Failed for good.
    pub dead: usize,
}

impl Sent {
    /// How many were tried.
    #[must_use]
    pub const fn tried(&self) -> usize {
        self.delivered + self.again + self.dead
    }
}

/// What becomes of a message.
enum Fate {
    Delivered,
    Again,
    Dead,
}

/// Sends messages whose time has come, a few at the same time. Any number of processes may do it.
///
/// # Errors
/// When the database fails. What receivers do wrong is in the messages' rows.
pub async fn send_due(pool: &PgPool, settings: &Settings) -> Result<Sent, Error> {
    let hold_s = (settings.timeout + SPARE).as_secs_f64();
    let limit = i64::try_from(AT_ONCE).unwrap_or(i64::MAX);
    let due = deliveries::take_due(&mut *pool.acquire().await?, limit, hold_s).await?;
    let mut sending = stream::iter(due).map(|due| one(pool, settings, due)).buffer_unordered(AT_ONCE);
    let mut sent = Sent::default();
    while let Some(fate) = sending.next().await {
        match fate? {
            Fate::Delivered => sent.delivered += 1,
            Fate::Again => sent.again += 1,
            Fate::Dead => sent.dead += 1,
        }
    }
    Ok(sent)
}

/// Sends one message now, whenever its time is, and says how it went.
///
/// # Errors
/// When none waits under this id, or the database fails.
pub async fn send_now(pool: &PgPool, settings: &Settings, id: &str) -> Result<Delivery, Error> {
    let unknown = || Error::NoDelivery(id.to_owned());
    let hold_s = (settings.timeout + SPARE).as_secs_f64();
    let due = deliveries::take(&mut *pool.acquire().await?, id, hold_s).await?.ok_or_else(unknown)?;
    one(pool, settings, due).await?;
    deliveries::get(&mut *pool.acquire().await?, id).await?.ok_or_else(unknown)
}

async fn one(pool: &PgPool, settings: &Settings, due: Due) -> Result<Fate, Error> {
    let outcome = match tokio::time::timeout(settings.timeout, send(settings, &due)).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => Outcome { error: Some(error), ..Outcome::default() },
        Err(_) => {
            let error = format!("there was no whole answer within {} ms", settings.timeout.as_millis());
            Outcome { error: Some(error), ..Outcome::default() }
        }
    };
    let gone = outcome.status == Some(StatusCode::GONE.as_u16().into());
    let again =
        (outcome.error.is_some() && !gone && due.age_s < settings.give_up_after.as_secs_f64()).then(|| {
            // At least half of the span: a receiver that is down isn't asked at once.
            step_delay(settings.backoff, due.attempt.unsigned_abs(), 0.5 + rand::random::<f64>() / 2.0)
        });
    let mut conn = pool.acquire().await?;
    deliveries::mark(&mut conn, &due, &outcome, again.map(|wait| wait.as_secs_f64())).await?;
    if gone {
        // A transaction of its own, that locks the webhook before its messages: others may be told the same at the moment.
        let mut tx = conn.begin().await?;
        webhooks::disable(&mut tx, due.webhook_id, "its receiver answered 410 Gone").await?;
        tx.commit().await?;
    }
    match &outcome.error {
        None => Ok(Fate::Delivered),
        Some(error) if again.is_some() => {
            tracing::info!(message = due.id, webhook = %due.webhook_id, attempt = due.attempt, error, "a webhook failed");
            Ok(Fate::Again)
        }
        Some(error) => {
            tracing::warn!(message = due.id, webhook = %due.webhook_id, attempt = due.attempt, error, "a message is dead");
            Ok(Fate::Dead)
        }
    }
}

/// Sends a message and reads how the answer begins. An error says that there was no answer.
async fn send(settings: &Settings, due: &Due) -> Result<Outcome, String> {
    // Looked at each time: settings change, and so does where a name leads.
    let url = address::read(&due.url, settings.allow_private).map_err(|error| format!("its URL {error}"))?;
    let addresses =
        address::resolve(&url, settings.allow_private).await.map_err(|error| format!("its URL {error}"))?;
    let signed = signature(&due.secret, &due.id, due.now_s, &due.body).ok_or("its secret can't be read")?;
    let client = http::pinned(&url, &addresses, settings.timeout).map_err(http::explain)?;
    let request = client
        .post(url)
        .header("content-type", "application/json")
        .header("webhook-id", &due.id)
        .header("webhook-timestamp", due.now_s.to_string())
        .header("webhook-signature", signed)
        .body(due.body.clone());
    let mut response = request.send().await.map_err(http::explain)?;
    let status = response.status();
    let mut answer = Vec::new();
    // An answer that breaks off has said enough: its status.
    while let Ok(Some(chunk)) = response.chunk().await {
        answer.extend_from_slice(&chunk);
        if answer.len() >= ANSWER_BYTES {
            answer.truncate(ANSWER_BYTES);
            break;
        }
    }
    let error = match status {
        _ if status.is_success() => None,
        _ if status.is_redirection() => Some(format!(
            "it answered {}: redirects are not followed, so give the URL it leads to",
            status.as_u16()
        )),
        _ => Some(format!("it answered {}", status.as_u16())),
    };
    let answer = Some(printable(&answer)).filter(|answer| !answer.is_empty());
    Ok(Outcome { status: Some(status.as_u16().into()), error, answer })
}

/// The text without what a table or a terminal can't hold.
fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().filter(|sign| !sign.is_control() || matches!(sign, '\n' | '\t')).collect()
}
