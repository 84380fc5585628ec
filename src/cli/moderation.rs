//! `dria-bench moderation`: comments that somebody reported or that a rule or model doubts, and what to do about them.

use serde_json::json;

use super::{CliError, CliResult, Context, Exit, database::Database, run::actor, table::table};
use crate::{
    community::{self, Settled},
    store::comment_reports::Waiting,
};

/// The most comments that are listed.
const MOST: i64 = 500;

/// Comments that a moderator should look at.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Comments with open reports, the longest waiting first
    List {
        /// Those that are hidden instead
        #[arg(long)]
        hidden: bool,
    },
    /// Settle reports of a comment: everybody sees it, also where it was hidden
    Keep {
        /// The comment
        #[arg(value_name = "COMMENT")]
        id: String,
    },
    /// Hide a comment, and the replies to it, from everybody but moderators
    Hide {
        /// The comment
        #[arg(value_name = "COMMENT")]
        id: String,
        /// Why, for whoever looks
        #[arg(long, default_value = "hidden by a moderator")]
        reason: String,
    },
    /// Delete a comment, and the replies to it, for good
    Delete {
        /// The comment
        #[arg(value_name = "COMMENT")]
        id: String,
    },
}

impl From<community::Error> for CliError {
    fn from(error: community::Error) -> Self {
        match error {
            community::Error::Store(error) => error.into(),
            other => Self::failed(other.to_string()),
        }
    }
}

/// Runs a `moderation` command.
///
/// # Errors
/// Exit 1 when there is no such comment, exit 3 when the database can't be used.
pub async fn run(command: Command, context: Context) -> CliResult {
    let database = Database::open(&context.config).await?;
    let outcome = act(&command, &context, &database).await;
    database.close().await;
    outcome
}

async fn act(command: &Command, context: &Context, database: &Database) -> CliResult {
    let (output, pool) = (context.output, &database.pool);
    let told = |id: &str, what: &str, settled: Settled| {
        let was = if settled.changed { "" } else { " already" };
        output.note(format!("comment {id} is {what}{was}; {} reports are settled", settled.reports));
        if output.json {
            output.json(&json!({ "comment": id, "changed": settled.changed, "reports": settled.reports }));
        }
    };
    match command {
        Command::List { hidden } => {
            let waiting = community::queue(&mut *pool.acquire().await?, *hidden, None, MOST).await?;
            if output.json {
                output.json(&waiting);
            } else {
                output.data(table(
                    ["comment", "run", "by", "since (UTC)", "reports", "why", "text"],
                    waiting.into_iter().map(row),
                ));
            }
        }
        Command::Keep { id } => told(id, "seen", community::keep(pool, id, &actor()).await?),
        Command::Hide { id, reason } => {
            told(id, "hidden", community::hide(pool, id, reason, &actor()).await?);
        }
        Command::Delete { id } => {
            community::remove(pool, id, &actor()).await?;
            output.note(format!("comment {id} is deleted, with the replies to it"));
            if output.json {
                output.json(&json!({ "comment": id, "deleted": true }));
            }
        }
    }
    Ok(Exit::Done)
}

fn row(waiting: Waiting) -> [String; 7] {
    let short: String =
        waiting.comment.chars().take(60).map(|sign| if sign == '\n' { ' ' } else { sign }).collect();
    [
        waiting.comment_id,
        waiting.pod_id,
        waiting.username,
        waiting.since.format("%Y-%m-%d %H:%M").to_string(),
        waiting.reports.to_string(),
        waiting.reasons.join("\n"),
        short,
    ]
}
