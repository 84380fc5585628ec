//! `dria-bench webhooks`: who is told when something happens, and what became of each message.

use serde_json::json;
use uuid::Uuid;

use super::{
    CliError, CliResult, Context, Exit,
    database::Database,
    run::actor,
    table::{or_dash, table},
};
use crate::{
    domain::webhook::EventKind,
    store::{deliveries, webhooks as rows},
    webhooks::{self, Settings},
};

/// Webhooks.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Tell a URL when something happens; its secret is printed this once
    Add {
        /// Where messages go: https, and a public address
        #[arg(value_name = "URL")]
        url: String,
        /// What it is told of: run.failed, matrix.done, price.drop, budget.hit [default: all]
        #[arg(long = "event", value_name = "EVENT")]
        events: Vec<EventKind>,
        /// Whose it is, for people
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Every webhook, without its secret
    List,
    /// Remove a webhook with all its messages
    Remove {
        /// The webhook
        #[arg(value_name = "WEBHOOK")]
        id: Uuid,
    },
    /// Tell a webhook nothing any more; messages that wait for it are dead
    Disable {
        /// The webhook
        #[arg(value_name = "WEBHOOK")]
        id: Uuid,
    },
    /// Tell a webhook again what happens from now on
    Enable {
        /// The webhook
        #[arg(value_name = "WEBHOOK")]
        id: Uuid,
    },
    /// Send a webhook a test message now, and say how it went
    Test {
        /// The webhook
        #[arg(value_name = "WEBHOOK")]
        id: Uuid,
    },
    /// Messages and what became of them, the newest first
    Deliveries {
        /// Of this webhook alone
        #[arg(long, value_name = "WEBHOOK")]
        webhook: Option<Uuid>,
        /// Those in this state alone
        #[arg(long, value_parser = ["pending", "delivered", "dead"])]
        state: Option<String>,
        /// How many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=1000))]
        limit: i64,
    },
    /// Have a worker send a message again, under the same id
    Redeliver {
        /// The message: msg_…
        #[arg(value_name = "MESSAGE")]
        id: String,
    },
}

impl From<webhooks::Error> for CliError {
    fn from(error: webhooks::Error) -> Self {
        match error {
            webhooks::Error::Store(error) => error.into(),
            other => Self::failed(other.to_string()),
        }
    }
}

/// Runs a `webhooks` command.
///
/// # Errors
/// Exit 1 when there is no such webhook or message, a URL can't be used, or a test message fails; exit 3 when the database
/// can't be used.
pub async fn run(command: Command, context: Context) -> CliResult {
    let database = Database::open(&context.config).await?;
    let outcome = act(&command, &context, &database).await;
    database.close().await;
    outcome
}

async fn act(command: &Command, context: &Context, database: &Database) -> CliResult {
    let (output, pool) = (context.output, &database.pool);
    let settings = Settings::from(&context.config.webhooks);
    let told = |id: &dyn std::fmt::Display, what: &str, changed: bool| {
        output.note(format!("{id} {what}{}", if changed { "" } else { " already" }));
        if output.json {
            output.json(&json!({ "id": id.to_string(), "changed": changed }));
        }
    };
    match command {
        Command::Add { url, events, note } => {
            let events = if events.is_empty() { EventKind::ALL } else { events };
            let made = webhooks::add(pool, &settings, url, events, note, &actor()).await?;
            if output.json {
                output.json(&json!({ "id": made.id, "secret": made.secret }));
            } else {
                output.data(format!("{}\n{}", made.id, made.secret));
                output.note(
                    "keep the secret: it is not shown again. Its receiver checks webhook-signature with it",
                );
            }
        }
        Command::List => list(context, database).await?,
        Command::Remove { id } => {
            webhooks::remove(pool, *id, &actor()).await?;
            told(id, "is removed, with its messages", true);
        }
        Command::Disable { id } => {
            let changed = webhooks::disable(pool, *id, "an operator disabled it", &actor()).await?;
            told(id, "is disabled", changed);
        }
        Command::Enable { id } => {
            let changed = webhooks::enable(pool, *id, &actor()).await?;
            told(id, "is enabled", changed);
        }
        Command::Test { id } => {
            let delivery = webhooks::test(pool, *id, &actor()).await?;
            let sent = webhooks::send_now(pool, &settings, &delivery).await?;
            if output.json {
                output.json(&sent);
            }
            return match sent.error {
                None => {
                    output.note(format!("message {} is delivered", sent.id));
                    Ok(Exit::Done)
                }
                Some(error) => Err(CliError::failed(format!("message {} failed: {error}", sent.id))),
            };
        }
        Command::Deliveries { webhook, state, limit } => {
            let mut conn = pool.acquire().await?;
            let all = deliveries::list(&mut conn, *webhook, state.as_deref(), None, *limit).await?;
            if output.json {
                output.json(&all);
                return Ok(Exit::Done);
            }
            let rows = all.into_iter().map(|message| {
                [
                    message.id,
                    message.event,
                    message.state,
                    message.attempts.to_string(),
                    message.created_at.format("%Y-%m-%d %H:%M:%S").to_string(),
                    or_dash(message.status),
                    or_dash(message.error),
                ]
            });
            output.data(table(["message", "event", "state", "tries", "made (UTC)", "status", "error"], rows));
        }
        Command::Redeliver { id } => {
            webhooks::redeliver(pool, id, &actor()).await?;
            told(id, "is sent again by a worker", true);
        }
    }
    Ok(Exit::Done)
}

async fn list(context: &Context, database: &Database) -> Result<(), CliError> {
    let all = rows::list(&mut *database.pool.acquire().await?, None).await?;
    if context.output.json {
        context.output.json(&all);
        return Ok(());
    }
    let rows = all.into_iter().map(|webhook| {
        [
            webhook.id.to_string(),
            webhook.url,
            webhook.events.join(", "),
            webhook.note,
            webhook.pending.to_string(),
            webhook.dead.to_string(),
            webhook
                .disabled_reason
                .map_or_else(|| "enabled".to_owned(), |reason| format!("disabled: {reason}")),
        ]
    });
    context.output.data(table(["webhook", "url", "events", "note", "pending", "dead", "state"], rows));
    Ok(())
}
