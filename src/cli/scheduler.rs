//! `dria-bench scheduler`: fires schedules until it is stopped.

use super::{CliResult, Context, Exit, database::Database, services, signals};
use crate::jobs::Scheduler;

/// Fire schedules: start their matrices and do their chores when it is time, until stopped (Ctrl-C or SIGTERM).
///
/// Reads schedules/*.toml at its start. Any number of schedulers may run: each time fires once. The runs that it starts are
/// worked by `dria-bench worker`. It also sends what is to be published to MongoDB, where MONGODB_URL is set.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Schedules until told to stop.
///
/// # Errors
/// Exit 3 when the database can't be used.
pub async fn run(_: Args, context: Context) -> CliResult {
    let database = Database::open(&context.config).await?;
    let outcome = schedule(&context, &database).await;
    database.close().await;
    outcome
}

async fn schedule(context: &Context, database: &Database) -> CliResult {
    let services = services::services(context, database).await?;
    let mut stop = signals::Stop::new()?;
    let scheduler = Scheduler::start(&services, &services::scheduler_options(context));
    let sender = services::sender(context, database);
    context.output.note(format!("scheduling ({})", database.describe()));
    stop.asked().await;
    context.output.note("stopping");
    stop.or_at_once(async {
        tokio::join!(scheduler.stop(), sender.stop());
    })
    .await;
    Ok(Exit::Done)
}
