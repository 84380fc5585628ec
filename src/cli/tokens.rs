//! `dria-bench tokens create|list|revoke`: who may use the API.

use serde_json::json;

use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::{
    CliError, CliResult, Context, Exit,
    database::Database,
    run::actor,
    table::{or_dash, table},
};
use crate::{
    ledger::{
        self,
        tokens::{self, Role},
    },
    store::api_tokens,
};

/// Tokens of the API.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make a token and print it: it is shown this once, and only its digest is kept
    Create {
        /// What it is called, e.g. whom it is for
        #[arg(long)]
        name: String,
        /// viewer reads, operator starts and steers runs, admin may do everything
        #[arg(long, value_parser = roles())]
        role: Role,
        /// Days it is good for [default: until it is revoked]
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(i32).range(1..=3650))]
        expires: Option<i32>,
    },
    /// Every token that was made, without the token itself
    List,
    /// Take a token back, at once
    Revoke {
        /// Its name
        name: String,
    },
}

/// Runs a `tokens` command.
///
/// # Errors
/// Exit 1 when the name is in use or not known, exit 3 when the database can't be used.
pub async fn run(command: Command, context: Context) -> CliResult {
    let database = Database::open(&context.config).await?;
    let outcome = act(&command, &context, &database).await;
    database.close().await;
    outcome
}

async fn act(command: &Command, context: &Context, database: &Database) -> CliResult {
    let output = context.output;
    match command {
        Command::Create { name, role, expires } => {
            let token = tokens::create(&database.pool, name, *role, *expires, &actor()).await?;
            if output.json {
                output.json(&json!({ "name": name, "role": role, "token": token }));
            } else {
                output.data(token);
                output.note("keep it: it is not shown again. Send it as `Authorization: Bearer …`");
            }
        }
        Command::List => {
            let all = api_tokens::list(&mut *database.pool.acquire().await?).await?;
            if output.json {
                output.json(&all);
                return Ok(Exit::Done);
            }
            let day = |time: chrono::DateTime<chrono::Utc>| time.format("%Y-%m-%d %H:%M").to_string();
            let rows = all.into_iter().map(|token| {
                [
                    token.name,
                    token.role,
                    day(token.created_at),
                    token.created_by,
                    or_dash(token.last_used_at.map(day)),
                    or_dash(token.expires_at.map(day)),
                    or_dash(token.revoked_at.map(day)),
                ]
            });
            let head = ["name", "role", "created (UTC)", "by", "last used", "expires", "revoked"];
            output.data(table(head, rows));
        }
        Command::Revoke { name } => {
            tokens::revoke(&database.pool, name, &actor()).await?;
            output.note(format!("token `{name}` is revoked: nothing accepts it any more"));
            if output.json {
                output.json(&json!({ "name": name, "revoked": true }));
            }
        }
    }
    Ok(Exit::Done)
}

/// Makes the first admin token where no token was ever made; `None`: there were some already.
///
/// # Errors
/// Exit 3 when the database fails.
pub(super) async fn first_admin(database: &Database) -> Result<Option<String>, CliError> {
    if !api_tokens::list(&mut *database.pool.acquire().await?).await?.is_empty() {
        return Ok(None);
    }
    match tokens::create(&database.pool, "admin", Role::Admin, None, &actor()).await {
        Ok(token) => Ok(Some(token)),
        // Another process was quicker.
        Err(ledger::Error::Refused(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn roles() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(Role::ALL.iter().map(|role| role.as_str())).try_map(|name| name.parse())
}
