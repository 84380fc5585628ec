//! What renting costs, in doctor's words: what accounts have left, what was spent today, bills that differ.

use rust_decimal::Decimal;

use super::{
    super::{CliError, Context, database::Database, pods::balance_line, services},
    Check,
};
use crate::{domain::money, store::rentals};

/// Days whose bills are looked at.
const BILLED_DAYS: i32 = 30;

/// Nothing where nothing was ever rented and nothing can be.
///
/// # Errors
/// When the database fails.
pub(super) async fn check(context: &Context, database: &Database) -> Result<Vec<Check>, CliError> {
    let mut checks = Vec::new();
    let least = context.config.runpod.min_balance_usd;
    for provider in services::services(context, database).await?.providers.all() {
        checks.push(match provider.balance().await {
            Ok(None) => continue,
            Ok(Some(balance)) if balance.usd <= least.max(Decimal::ZERO) => Check::missing(
                "balance",
                format!("{}: {}", provider.kind(), balance_line(balance)),
                "add credit there: nothing is rented until then",
            ),
            Ok(Some(balance)) => {
                Check::ok("balance", format!("{}: {}", provider.kind(), balance_line(balance)))
            }
            Err(failure) => Check::missing(
                "balance",
                format!("{}: unknown ({})", provider.kind(), failure.message),
                "check the provider's key and URLs with dria-bench config show",
            ),
        });
    }
    let mut conn = database.pool.acquire().await?;
    let rented = rentals::recent(&mut conn, BILLED_DAYS).await?;
    if rented.is_empty() {
        return Ok(checks);
    }
    let today = rentals::spent_today(&mut conn).await?;
    let cap = context.config.budget.day_usd.map(|cap| format!(" of {}", cap.normalize()));
    let spent = format!("{} USD{} spent today (UTC)", today.spent_usd.round_dp(2), cap.unwrap_or_default());
    let off: Vec<&str> = rented
        .iter()
        .filter(|rental| rental.billed_usd.is_some_and(|billed| money::differs(rental.usd, billed)))
        .map(|rental| rental.external_id.as_str())
        .collect();
    checks.push(if off.is_empty() {
        Check::ok("spend", spent)
    } else {
        Check::missing(
            "spend",
            format!("{spent}; bills differ from what we reckoned: {}", off.join(", ")),
            format!("dria-bench pods bill --days {BILLED_DAYS}"),
        )
    });
    Ok(checks)
}
