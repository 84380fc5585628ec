//! `dria-bench pods list|reap`: what runs have outside, and removing what no run owns.

use super::{
    CliResult, Context, Exit,
    database::Database,
    services,
    table::{or_dash, table},
};
use crate::{jobs::reap, store::pods};

/// Machines and engines that runs have, and those that none owns.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Everything the ledger holds to be there still
    List,
    /// Ask each provider what it has of this deployment, and remove what no live run owns
    ///
    /// Workers do the same every five minutes. What carries another deployment's name is reported, never removed.
    Reap,
}

/// Runs a `pods` command.
///
/// # Errors
/// Exit 3 when the database can't be used; exit 1 when something could not be removed or a provider not be asked.
pub async fn run(command: Command, context: Context) -> CliResult {
    let database = Database::open(&context.config).await?;
    let outcome = match command {
        Command::List => list(&context, &database).await,
        Command::Reap => reap_once(&context, &database).await,
    };
    database.close().await;
    outcome
}

async fn list(context: &Context, database: &Database) -> CliResult {
    let live = pods::live(&mut *database.pool.acquire().await?).await?;
    if context.output.json {
        context.output.json(&live);
        return Ok(Exit::Done);
    }
    if live.is_empty() {
        context.output.note("no pod is there");
        return Ok(Exit::Done);
    }
    let rows = live.iter().map(|pod| {
        [
            pod.name.clone(),
            pod.provider.to_string(),
            or_dash(pod.external_id.as_ref()),
            pod.state.clone(),
            pod.created_at.format("%Y-%m-%d %H:%M:%S").to_string(),
        ]
    });
    context.output.data(table(["pod", "provider", "provider's id", "state", "wanted since (UTC)"], rows));
    Ok(Exit::Done)
}

async fn reap_once(context: &Context, database: &Database) -> CliResult {
    let services = services::services(context, database).await?;
    let reaped = reap(&services).await?;
    if context.output.json {
        context.output.json(&reaped);
    } else {
        let mut lines = vec![format!("{} owned by live runs", reaped.owned)];
        lines.extend(reaped.destroyed.iter().map(|name| format!("removed {name}: no live run owned it")));
        lines.extend(reaped.failed.iter().map(|(name, why)| format!("could not remove {name}: {why}")));
        lines.extend(reaped.unasked.iter().map(|(provider, why)| format!("could not ask {provider}: {why}")));
        lines.extend(reaped.foreign.iter().map(|name| format!("left alone {name}: another deployment's")));
        context.output.data(lines.join("\n"));
    }
    let is_clean = reaped.failed.is_empty() && reaped.unasked.is_empty();
    Ok(if is_clean { Exit::Done } else { Exit::Failed })
}
