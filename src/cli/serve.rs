//! `dria-bench serve`: the HTTP server alone, until it is stopped.

use std::net::IpAddr;

use super::{CliResult, Context, Exit, database::Database, services, signals::Stop, site};
use crate::api;

/// Serve results and steering over HTTP until stopped (Ctrl-C or SIGTERM); runs are worked elsewhere
///
/// Beyond this machine it refuses to start before an admin token exists: dria-bench tokens create.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Address to serve at [env: DRIA_BENCH_HOST] [default: 127.0.0.1]
    #[arg(long, value_name = "IP")]
    host: Option<IpAddr>,
    /// Port to serve at, 0 for any free one [env: DRIA_BENCH_PORT] [default: 8000]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
}

/// Serves until told to stop. The base URL is its one line on stdout.
///
/// # Errors
/// Exit 3 when the database can't be used, the address can't be listened on, or it lacks an admin token.
pub async fn run(args: Args, context: Context) -> CliResult {
    let database = Database::open(&context.config).await?;
    let outcome = serve(&args, &context, &database).await;
    database.close().await;
    outcome
}

async fn serve(args: &Args, context: &Context, database: &Database) -> CliResult {
    let settings = site::settings(&context.config, args.host, args.port)?;
    let mut stop = Stop::new()?;
    let server =
        api::serve_with(&settings, database.pool.clone(), services::extras(&context.config, &database.pool)?)
            .await?;
    if context.output.json {
        context.output.json(&serde_json::json!({ "url": server.url() }));
    } else {
        context.output.data(server.url());
    }
    context.output.note(format!("serving until stopped ({})", database.describe()));
    stop.asked().await;
    stop.or_at_once(server.stop()).await;
    Ok(Exit::Done)
}
