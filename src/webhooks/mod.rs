//! Messages to others when something happens here: making webhooks, and sending what waits for them. What happened is written
//! down by whoever makes it happen (`store::deliveries::announce`), in the same transaction.
//!
//! A message is sent at least once: who sends it may die before it says so, and then the next one sends it again, with the
//! same id.

mod address;
mod admin;
mod send;

use std::time::Duration;

use crate::{config, retry::Backoff, store};

pub use crate::store::audit::By;
pub use admin::{Made, add, disable, enable, redeliver, remove, test};
pub use send::{Sent, send_due, send_now};

/// How messages are sent.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whether messages may go to this machine and its networks.
    pub allow_private: bool,
    /// How long a receiver may take, from the look-up of its name to the end of its answer.
    pub timeout: Duration,
    /// The waits between tries.
    pub backoff: Backoff,
    /// How long it is tried before a message is dead.
    pub give_up_after: Duration,
}

impl Default for Settings {
    /// Public receivers only, 10 s each; 10 s after the first try, twice as long after each more, for a day.
    fn default() -> Self {
        Self {
            allow_private: false,
            timeout: Duration::from_secs(10),
            backoff: Backoff { initial: Duration::from_secs(10), max: Duration::from_hours(4) },
            give_up_after: Duration::from_hours(24),
        }
    }
}

impl From<&config::Webhooks> for Settings {
    fn from(settings: &config::Webhooks) -> Self {
        Self { allow_private: settings.allow_private, timeout: settings.timeout, ..Self::default() }
    }
}

/// Why something can't be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// There is no such webhook.
    #[error("there is no webhook `{0}`: `dria-bench webhooks list` shows those that there are")]
    NoWebhook(String),
    /// There is no such message.
    #[error("there is no message `{0}`: `dria-bench webhooks deliveries` shows those that there are")]
    NoDelivery(String),
    /// The address can't be used: why.
    #[error("the URL {0}")]
    Url(String),
    /// Nothing to tell it of.
    #[error("a webhook needs at least one event: run.failed, matrix.done, price.drop or budget.hit")]
    NoEvents,
    /// The webhook is told nothing at the moment.
    #[error("the webhook is disabled: enable it first (`dria-bench webhooks enable ID`)")]
    Disabled,
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}
