//! `dria-bench users list|suspend|unsuspend`: who signed in, and whom is let write no more.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{
    CliError, CliResult, Context, Exit,
    database::Database,
    run::actor,
    table::{or_dash, table},
};
use crate::{
    people::accounts,
    store::users::{self, Filter},
};

/// People.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// People who signed in or were imported, without their addresses
    List {
        /// Only those who may not write
        #[arg(long)]
        suspended: bool,
        /// Only those with these letters in their login
        #[arg(long)]
        text: Option<String>,
        /// How many at most
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=10_000))]
        limit: i64,
    },
    /// Let somebody write no more: no comment, no vote, no chat
    Suspend {
        /// Their login, or id:<number>
        who: String,
        /// Told to them, and kept
        #[arg(long)]
        reason: String,
    },
    /// Let somebody write again
    Unsuspend {
        /// Their login, or id:<number>
        who: String,
    },
}

/// Runs a `users` command.
///
/// # Errors
/// Exit 1 when nobody is called so, exit 3 when the database can't be used.
pub async fn run(command: Command, context: Context) -> CliResult {
    let database = Database::open(&context.config).await?;
    let outcome = act(&command, &context, &database).await;
    database.close().await;
    outcome
}

async fn act(command: &Command, context: &Context, database: &Database) -> CliResult {
    match command {
        Command::List { suspended, text, limit } => {
            let filter = Filter { text: text.clone(), suspended: suspended.then_some(true), after: None };
            list(&filter, *limit, context, database).await
        }
        Command::Suspend { who, reason } => set(who, Some(reason), context, database).await,
        Command::Unsuspend { who } => set(who, None, context, database).await,
    }
}

async fn list(filter: &Filter, limit: i64, context: &Context, database: &Database) -> CliResult {
    let people = users::page(&mut *database.pool.acquire().await?, filter, limit).await?;
    if context.output.json {
        context.output.json(&people);
        return Ok(Exit::Done);
    }
    let day = |time: DateTime<Utc>| time.format("%Y-%m-%d %H:%M").to_string();
    let rows = people.into_iter().map(|user| {
        [
            user.github_id.to_string(),
            user.username,
            day(user.last_login),
            user.comments.to_string(),
            or_dash(user.imported_from),
            or_dash(user.suspended_reason),
        ]
    });
    context.output.data(table(["id", "login", "last login (UTC)", "comments", "from", "suspended"], rows));
    Ok(Exit::Done)
}

async fn set(who: &str, reason: Option<&String>, context: &Context, database: &Database) -> CliResult {
    let number = who.strip_prefix("id:").and_then(|number| number.parse().ok());
    let github_id = match number {
        Some(number) => number,
        None => users::by_login(&mut *database.pool.acquire().await?, who).await?.ok_or_else(|| {
            CliError::failed(format!("nobody has signed in here as `{who}`")).hint("dria-bench users list")
        })?,
    };
    let reason = reason.map(String::as_str);
    let changed = accounts::suspend(&database.pool, github_id, reason, (&actor()).into()).await?;
    let suspended = reason.is_some();
    if context.output.json {
        context.output.json(&json!({ "github_id": github_id, "suspended": suspended, "changed": changed }));
    } else {
        let now = if suspended { "may not write any more" } else { "may write" };
        context.output.note(format!("{who} {now}{}", if changed { "" } else { ": it was so already" }));
    }
    Ok(Exit::Done)
}
