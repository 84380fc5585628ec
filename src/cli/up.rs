//! `dria-bench up`: everything in one process, HTTP server, workers, scheduler and sender, until it is
//! stopped.

use std::net::IpAddr;

use serde_json::json;

use super::{
    CliResult, Context, Exit, database::Database, services, signals::Stop, site, tokens, worker,
    worker::Width,
};
use crate::{
    api,
    jobs::{Scheduler, WorkerOptions, WorkerSet},
};

/// Run everything in one process: HTTP server, workers and scheduler, until stopped (Ctrl-C or SIGTERM)
///
/// It works the runs that there are, and starts those of schedules that are enabled: as shipped, none that benchmarks.
/// Stopping puts steps under way back and spends no attempt;
/// asked twice, it ends at once. In an empty database it makes the first admin token and prints it, once.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Address to serve at [env: DRIA_BENCH_HOST] [default: 127.0.0.1]
    #[arg(long, value_name = "IP")]
    host: Option<IpAddr>,
    /// Port to serve at, 0 for any free one [env: DRIA_BENCH_PORT] [default: 8000]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    #[command(flatten)]
    width: Width,
}

/// Serves and works until told to stop. The base URL is its first line on stdout.
///
/// # Errors
/// Exit 2 for a queue that isn't one; exit 3 when the database can't be used, the address can't be listened on, or it
/// lacks an admin token.
pub async fn run(args: Args, context: Context) -> CliResult {
    let options = args.width.options(&context)?;
    let database = Database::open(&context.config).await?;
    let outcome = all_in_one(&args, &options, &context, &database).await;
    database.close().await;
    outcome
}

async fn all_in_one(
    args: &Args,
    options: &WorkerOptions,
    context: &Context,
    database: &Database,
) -> CliResult {
    let settings = site::settings(&context.config, args.host, args.port)?;
    let mut stop = Stop::new()?;
    let services = services::services(context, database).await?;
    // First of all: an address that is refused must leave nothing running.
    let server =
        api::serve_with(&settings, database.pool.clone(), services::extras(&context.config, &database.pool)?)
            .await?;
    let token = tokens::first_admin(database).await?;
    let workers = WorkerSet::start(&services, options);
    let scheduler = Scheduler::start(&services, &services::scheduler_options(context));
    let sender = services::sender(context, database);
    worker::are_known(database, options.queues.len()).await;
    let output = context.output;
    if output.json {
        output.json(&json!({ "url": server.url(), "admin_token": token }));
    } else {
        output.data(server.url());
        if let Some(token) = token {
            output.data(format!("admin token: {token}"));
            output.note("keep it: it is not shown again. dria-bench tokens makes others and revokes it");
        }
    }
    let queues: Vec<&str> = options.queues.iter().map(|(queue, _)| queue.as_str()).collect();
    output.note(format!(
        "serving, scheduling, and working {} ({})",
        queues.join(" and "),
        database.describe()
    ));
    let lost = tokio::select! {
        () = stop.asked() => None,
        lost = database.keep_up() => Some(lost),
    };
    output.note("stopping: steps under way are put back");
    stop.or_at_once(async {
        tokio::join!(server.stop(), workers.stop(), scheduler.stop(), sender.stop());
    })
    .await;
    lost.map_or(Ok(Exit::Done), Err)
}
