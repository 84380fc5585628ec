//! `dria-bench sync …`: the copy of what is published in MongoDB: sending it, how far behind it is, whether it is right.

use serde_json::json;

use super::{
    CliError, CliResult, Context, Exit,
    database::Database,
    table::{or_dash, table},
};
use crate::{
    store::{
        chores,
        outbox::{self, Turn},
    },
    sync::{self, Settings, Target, Verified},
};

/// Publishing to MongoDB.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Send what waits, now, and end
    ///
    /// Not needed where `up` or `scheduler` runs: they send within seconds. What was refused before is tried again.
    Run,
    /// How far the copy is behind, and what was refused
    Status,
    /// Compare the copy with what it is a copy of, both ways: exit 1 where they differ
    ///
    /// What readers of the copy write themselves (likes, their own fields and documents) doesn't count.
    Verify {
        /// Write again what is missing or differs, and delete what is ours and should not be there
        #[arg(long)]
        repair: bool,
    },
    /// Ask for everything to be published again, and send it: for a new or an emptied MongoDB
    ///
    /// What was imported from this MongoDB database is not sent back to it.
    Backfill,
}

/// Runs a `sync` command.
///
/// # Errors
/// Exit 1 where the copy differs or a document is refused, exit 2 where nothing is to be published, exit 3 when a
/// database can't be used.
pub async fn run(command: Command, context: Context) -> CliResult {
    let database = Database::open(&context.config).await?;
    let outcome = act(&command, &context, &database).await;
    database.close().await;
    outcome
}

async fn act(command: &Command, context: &Context, database: &Database) -> CliResult {
    let settings = Settings::from_config(&context.config);
    if matches!(command, Command::Status) {
        return status(context, settings.as_ref(), database).await;
    }
    let Some(settings) = settings else {
        return Err(CliError::usage("nothing is published: MONGODB_URL is not set")
            .hint("set it, or mongodb.url in the file of settings, to mongodb://USER:PASSWORD@HOST:PORT/"));
    };
    let target = Target::open(&settings).await?;
    target.ping().await?;
    match command {
        Command::Verify { repair: false } => {
            Ok(show(context, &sync::verify(&database.pool, &target, false).await?))
        }
        Command::Status => Ok(Exit::Done),
        Command::Run | Command::Backfill | Command::Verify { repair: true } => {
            if let Command::Backfill = command {
                let rows = outbox::append_all(&mut *database.pool.acquire().await?, target.name()).await?;
                context.output.note(format!("{rows} rows are to be published again"));
            }
            let Some(turn) = Turn::take(&database.pool).await? else {
                return elsewhere(command, context);
            };
            let done = with_turn(command, context, database, &target).await;
            turn.give_back().await?;
            done
        }
    }
}

/// Another process is sending: what waits is sent by it.
fn elsewhere(command: &Command, context: &Context) -> CliResult {
    if matches!(command, Command::Verify { .. }) {
        return Err(CliError::failed("another process is sending: nothing was repaired")
            .hint("stop `up` or `scheduler` for as long as it takes"));
    }
    context.output.note("another process is sending, within seconds: dria-bench sync status");
    if context.output.json {
        context.output.json(&json!({ "sent": 0, "refused": 0, "elsewhere": true }));
    }
    Ok(Exit::Done)
}

async fn with_turn(command: &Command, context: &Context, database: &Database, target: &Target) -> CliResult {
    target.prepare().await?;
    if let Command::Verify { .. } = command {
        let verified = sync::verify(&database.pool, target, true).await?;
        sync::send_due(&database.pool, target).await?;
        context.output.note(format!("{} documents or runs were repaired", verified.repaired));
        return Ok(show(context, &sync::verify(&database.pool, target, false).await?));
    }
    outbox::try_now(&mut *database.pool.acquire().await?).await?;
    let sent = sync::send_due(&database.pool, target).await?;
    if context.output.json {
        context.output.json(&json!({ "sent": sent.sent, "refused": sent.refused, "elsewhere": false }));
    } else {
        context.output.data(format!("{} sent, {} refused", sent.sent, sent.refused));
    }
    if sent.refused > 0 {
        context.output.note("what was refused, and why: dria-bench sync status");
        return Ok(Exit::Failed);
    }
    Ok(Exit::Done)
}

fn show(context: &Context, verified: &Verified) -> Exit {
    let exit = if verified.is_equal() { Exit::Done } else { Exit::Failed };
    if context.output.json {
        context.output.json(verified);
        return exit;
    }
    let rows = verified.collections.iter().map(|checked| {
        [
            checked.collection.to_owned(),
            checked.here.to_string(),
            checked.there.to_string(),
            checked.missing.len().to_string(),
            checked.different.len().to_string(),
            checked.extra.len().to_string(),
            if checked.equal { "equal" } else { "differs" }.to_owned(),
            checked.sha256_here.chars().take(12).collect(),
            checked.sha256_there.chars().take(12).collect(),
        ]
    });
    let heading =
        ["COLLECTION", "HERE", "THERE", "MISSING", "DIFFERENT", "EXTRA", "STATE", "SHA-256 HERE", "THERE"];
    context.output.data(table(heading, rows));
    for checked in &verified.collections {
        let lists =
            [("missing", &checked.missing), ("different", &checked.different), ("extra", &checked.extra)];
        for (what, keys) in lists.into_iter().filter(|(_, keys)| !keys.is_empty()) {
            context.output.note(format!("{} {what}: {}", checked.collection, keys.join(", ")));
        }
    }
    if exit == Exit::Failed {
        context.output.note("to repair it: dria-bench sync verify --repair");
    }
    exit
}

async fn status(context: &Context, settings: Option<&Settings>, database: &Database) -> CliResult {
    let mut conn = database.pool.acquire().await?;
    let lag = outbox::lag(&mut conn).await?;
    let refused = outbox::refused(&mut conn).await?;
    let last = chores::last(&mut conn, sync::REPORT).await?;
    drop(conn);
    let reached = match settings {
        None => None,
        Some(settings) => Some(reach(settings).await.map_err(|error| error.to_string())),
    };
    let error = reached.as_ref().and_then(|reached| reached.as_ref().err());
    if context.output.json {
        context.output.json(&json!({
            "on": settings.is_some(), "database": settings.map(|settings| &settings.database),
            "reachable": reached.as_ref().map(Result::is_ok), "error": error, "lag": lag, "refused": refused,
            "last": last,
        }));
        return Ok(Exit::Done);
    }
    let to = match (settings, error) {
        (None, _) => "off: MONGODB_URL is not set; what is to be published waits".to_owned(),
        (Some(settings), None) => format!("to `{}`, which answers", settings.database),
        (Some(settings), Some(error)) => format!("to `{}`: {error}", settings.database),
    };
    let said = last.as_ref().and_then(|last| {
        let error = last.report.get("error")?.as_str()?;
        Some(format!("{error} ({} on {})", last.at.format("%Y-%m-%d %H:%M:%S"), last.host))
    });
    context.output.data(format!(
        "publishing   {to}\nwaiting      {} rows, the oldest for {} s\nrefused      {}\nlast sent    {}\nlast error   {}",
        lag.unsent,
        or_dash(lag.oldest_s.map(|s| format!("{s:.0}"))),
        lag.failing,
        or_dash(lag.last_sent_at.map(|at| at.format("%Y-%m-%d %H:%M:%S").to_string())),
        or_dash(said),
    ));
    if !refused.is_empty() {
        let rows = refused.into_iter().map(|row| {
            let next = row.next_try_at.map(|at| at.format("%Y-%m-%d %H:%M:%S").to_string());
            [row.aggregate, row.key, row.attempts.to_string(), or_dash(next), row.error]
        });
        context.output.data(format!("\n{}", table(["KIND", "KEY", "TRIES", "NEXT TRY (UTC)", "WHY"], rows)));
    }
    Ok(Exit::Done)
}

async fn reach(settings: &Settings) -> Result<(), sync::Error> {
    Target::open(settings).await?.ping().await
}

impl From<sync::Error> for CliError {
    fn from(error: sync::Error) -> Self {
        match error {
            sync::Error::Store(error) => error.into(),
            sync::Error::Url(_) => Self::usage(error.to_string()),
            sync::Error::Unavailable(_) => {
                Self::environment(error.to_string()).hint("check MONGODB_URL, and that the server runs")
            }
            sync::Error::Refused(_) => Self::failed(error.to_string()).hint("dria-bench sync status"),
        }
    }
}
