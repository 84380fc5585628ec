//! `dria-bench pods list|reap|bill`: what runs have outside, removing what no run owns, and what it costs.

use serde_json::json;

use super::{
    CliError, CliResult, Context, Exit,
    database::Database,
    services,
    table::{or_dash, table},
};
use crate::{
    domain::money::{self, Balance},
    jobs::reap,
    store::{pods, rentals},
};

/// Machines and engines that runs have, and those that none owns.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Everything the ledger holds to be there still
    List,
    /// Ask each provider what it has of this deployment, and remove what no live run owns
    ///
    /// Workers do the same every five minutes. What carries another deployment's name is reported, never removed.
    Reap,
    /// What was rented, what it cost, and what was billed for it
    Bill {
        /// Pods that were there in the last so many days
        #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(i32).range(1..=3650))]
        days: i32,
    },
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
        Command::Bill { days } => bill(&context, &database, days).await,
    };
    database.close().await;
    outcome
}

async fn list(context: &Context, database: &Database) -> CliResult {
    let live = pods::live(&mut *database.pool.acquire().await?).await?;
    tell_balances(context, database).await?;
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

/// Says what accounts have left, where they can be asked.
async fn tell_balances(context: &Context, database: &Database) -> Result<(), CliError> {
    for provider in services::services(context, database).await?.providers.all() {
        let said = match provider.balance().await {
            Ok(Some(balance)) => balance_line(balance),
            Ok(None) => continue,
            Err(failure) => format!("unknown: {}", failure.message),
        };
        context.output.note(format!("{} balance: {said}", provider.kind()));
    }
    Ok(())
}

/// An account's balance in words.
pub(super) fn balance_line(balance: Balance) -> String {
    let now = balance.spend_usd_per_hour.map(|usd| format!(", spending {:.2} an hour", usd.round_dp(2)));
    format!("{:.2} USD left{}", balance.usd.round_dp(2), now.unwrap_or_default())
}

async fn bill(context: &Context, database: &Database, days: i32) -> CliResult {
    let mut conn = database.pool.acquire().await?;
    let rentals = rentals::recent(&mut conn, days).await?;
    let today = rentals::spent_today(&mut conn).await?;
    drop(conn);
    if context.output.json {
        context.output.json(&json!({ "rentals": rentals, "today": today }));
        return Ok(Exit::Done);
    }
    let rows = rentals.iter().map(|rental| {
        let off = rental.billed_usd.filter(|billed| money::differs(rental.usd, *billed));
        [
            or_dash(rental.run),
            rental.external_id.clone(),
            format!("{} × {}", rental.gpu_count, rental.gpu_id),
            rental.price_usd_per_hour.normalize().to_string(),
            rental.started_at.format("%Y-%m-%d %H:%M:%S").to_string(),
            format!("{:.2}", (rental.until - rental.started_at).as_seconds_f64() / 3600.0),
            rental.usd.round_dp(4).to_string(),
            or_dash(rental.billed_usd.map(|billed| billed.round_dp(4))),
            match (rental.ended_at, off) {
                (None, _) => "rented".to_owned(),
                (Some(_), Some(_)) => "bill differs".to_owned(),
                (Some(_), None) => "ended".to_owned(),
            },
        ]
    });
    if !rentals.is_empty() {
        let heading =
            ["run", "provider's id", "GPU", "USD/h", "since (UTC)", "hours", "USD", "billed", "state"];
        context.output.data(table(heading, rows));
    }
    context.output.note(format!(
        "{} USD today (UTC), {} USD an hour at the moment",
        today.spent_usd.round_dp(4).normalize(),
        today.usd_per_hour.normalize()
    ));
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
        lines.extend(reaped.expired.iter().map(|name| format!("removed {name}: its time was over")));
        lines.extend(reaped.failed.iter().map(|(name, why)| format!("could not remove {name}: {why}")));
        lines.extend(reaped.unasked.iter().map(|(provider, why)| format!("could not ask {provider}: {why}")));
        lines.extend(reaped.foreign.iter().map(|name| format!("left alone {name}: another deployment's")));
        context.output.data(lines.join("\n"));
    }
    let is_clean = reaped.failed.is_empty() && reaped.unasked.is_empty();
    Ok(if is_clean { Exit::Done } else { Exit::Failed })
}
