//! `dria-bench matrices`: many runs described at once, model × engine × GPU: what there is, and steering it.

mod attend;
mod new;
mod show;

use std::str::FromStr;

use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::{CliError, CliResult, Context, Exit, attend::worker_lives, database::Database, run::actor};
use crate::{
    domain::ids::MatrixId,
    ledger::matrices,
    queue::ApalisQueue,
    report::matrix::{self, MatrixReport},
    store,
};

/// Matrices: the same models under several engines on several GPUs.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Matrices, newest first
    List {
        /// Only those of this schedule
        #[arg(long, value_name = "NAME")]
        schedule: Option<String>,
        /// Most matrices listed
        #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// The report of a matrix: its cells, what became of each and why, and what it has cost
    Show {
        /// The matrix: its id, the start of it, or `latest`
        matrix: MatrixRef,
    },
    /// Run a matrix now, and follow it to its end
    Run(new::Args),
    /// Go on with what failed, was skipped or cancelled: measured levels stay
    Resume {
        /// The matrix: its id, the start of it, or `latest`
        matrix: MatrixRef,
        /// A new budget in USD, what is spent already included, e.g. 60.00
        #[arg(long, value_name = "USD", value_parser = money)]
        budget: Option<Decimal>,
        /// Leave the work to a running worker
        #[arg(long)]
        detach: bool,
    },
    /// Cancel a matrix: no cell starts any more, and the runs under way are cancelled and cleaned up
    ///
    /// Where no worker is running, the cleaning up is done here.
    Cancel {
        /// The matrix: its id, the start of it, or `latest`
        matrix: MatrixRef,
    },
}

/// A matrix as it is named on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MatrixRef {
    /// The newest.
    Latest,
    /// An id, or the start of one, in lower case.
    Prefix(String),
}

impl FromStr for MatrixRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "latest" {
            return Ok(Self::Latest);
        }
        if text.len() < 4 || !text.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
            return Err(
                "give a matrix's id, at least 4 characters of its start, or `latest` (`dria-bench matrices \
                        list` shows them)"
                    .to_owned(),
            );
        }
        Ok(Self::Prefix(text.to_ascii_lowercase()))
    }
}

fn money(text: &str) -> Result<Decimal, String> {
    Decimal::from_str_exact(text)
        .ok()
        .filter(|money| *money > Decimal::ZERO)
        .ok_or_else(|| "write an amount greater than zero, like 60.00".to_owned())
}

/// Runs a `matrices` command.
///
/// # Errors
/// Exit 1 when there is no such matrix or its state doesn't allow it, exit 2 for a definition that makes no sense, exit 3
/// when the database can't be used.
pub async fn run(command: Command, context: Context) -> CliResult {
    // A plan needs no database.
    let new = match &command {
        Command::Run(args) => match new::resolve(args, &context)? {
            new::Resolved::Planned => return Ok(Exit::Done),
            new::Resolved::New(new) => Some(new),
        },
        _ => None,
    };
    let database = Database::open(&context.config).await?;
    let outcome = act(&command, new.as_deref(), &context, &database).await;
    database.close().await;
    outcome
}

async fn act(command: &Command, new: Option<&new::New>, context: &Context, database: &Database) -> CliResult {
    match command {
        Command::List { schedule, limit } => {
            let mut conn = database.pool.acquire().await?;
            let matrices = matrix::list(&mut conn, schedule.as_deref(), None, i64::from(*limit)).await?;
            show::list(context, &matrices);
            Ok(Exit::Done)
        }
        Command::Show { matrix } => {
            let mut conn = database.pool.acquire().await?;
            let id = find(&mut conn, matrix).await?;
            show::report(context, &read(&mut conn, id).await?);
            Ok(Exit::Done)
        }
        Command::Run(args) => match new {
            Some(new) => new::start(args, new, context, database).await,
            None => Err(CliError::usage("nothing to run")),
        },
        Command::Resume { matrix, budget, detach } => {
            resume(matrix, *budget, *detach, context, database).await
        }
        Command::Cancel { matrix } => cancel(matrix, context, database).await,
    }
}

async fn resume(
    meant: &MatrixRef,
    budget: Option<Decimal>,
    detach: bool,
    context: &Context,
    database: &Database,
) -> CliResult {
    let mut tx = database.pool.begin().await?;
    let id = find(&mut tx, meant).await?;
    let cells = matrices::resume(&mut tx, id, budget, &actor()).await?;
    let queue = queue_of(&mut tx, id).await?;
    if detach {
        super::attend::require_worker(context, database, &queue).await?;
    }
    tx.commit().await?;
    context.output.note(format!("matrix {id} goes on with {cells} cells"));
    attend::attend(context, database, id, &queue, detach).await
}

async fn cancel(meant: &MatrixRef, context: &Context, database: &Database) -> CliResult {
    let mut tx = database.pool.begin().await?;
    let id = find(&mut tx, meant).await?;
    let news = matrices::request_cancel(&mut tx, &ApalisQueue, id, &actor()).await?;
    let queue = queue_of(&mut tx, id).await?;
    tx.commit().await?;
    let said = if news { "cancelling" } else { "was being cancelled already:" };
    context.output.note(format!("{said} matrix {id}; it ends once its runs are cleaned up"));
    if worker_lives(context, database, &queue).await? {
        if context.output.json {
            context.output.json(&serde_json::json!({ "matrix": id, "cancel_requested": true }));
        }
        return Ok(Exit::Done);
    }
    // Nobody else would clean up.
    match attend::attend(context, database, id, &queue, false).await? {
        Exit::Interrupted => Ok(Exit::Interrupted),
        _ => Ok(Exit::Done),
    }
}

async fn queue_of(conn: &mut PgConnection, id: MatrixId) -> Result<String, CliError> {
    Ok(store::matrices::get(conn, id).await?.ok_or_else(|| unknown(&id.to_string()))?.queue)
}

async fn find(conn: &mut PgConnection, meant: &MatrixRef) -> Result<MatrixId, CliError> {
    match meant {
        MatrixRef::Latest => {
            let newest = store::matrices::list(conn, None, None, 1).await?;
            newest.first().map(|matrix| matrix.id).ok_or_else(|| {
                CliError::failed("there are no matrices yet").hint("dria-bench matrices run --help")
            })
        }
        MatrixRef::Prefix(prefix) => match store::matrices::with_prefix(conn, prefix).await?.as_slice() {
            [] => Err(unknown(prefix)),
            [id] => Ok(*id),
            several => {
                let ids: Vec<String> = several.iter().map(ToString::to_string).collect();
                Err(CliError::failed(format!("several matrices start with `{prefix}`: {}", ids.join(", ")))
                    .hint("give more of the id"))
            }
        },
    }
}

async fn read(conn: &mut PgConnection, id: MatrixId) -> Result<MatrixReport, CliError> {
    MatrixReport::read(conn, id).await?.ok_or_else(|| unknown(&id.to_string()))
}

fn unknown(text: &str) -> CliError {
    CliError::failed(format!("there is no matrix {text}")).hint("dria-bench matrices list")
}
