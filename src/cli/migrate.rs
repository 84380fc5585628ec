//! `dria-bench migrate`.

use super::{CliResult, Context, Exit, database::Database};

/// Bring the database's schema up to date, and say where it is
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Opening the database migrates it; this says so.
///
/// # Errors
/// Exit 3 when the database can't be used.
pub async fn run(_args: Args, context: Context) -> CliResult {
    let database = Database::open(&context.config).await?;
    let (server, schema, place) =
        (database.server_version().to_owned(), database.schema(), database.describe());
    database.close().await;
    if context.output.json {
        context.output.json(&serde_json::json!({ "server": server, "migration": schema, "database": place }));
    } else {
        context.output.data(format!("{place}: schema up to date (migration {schema})"));
    }
    Ok(Exit::Done)
}
