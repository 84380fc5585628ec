//! Comparing what we reckon with what providers say: their bills, once they are settled, and what their accounts have left.

use rust_decimal::Decimal;
use serde::Serialize;

use crate::{
    domain::{kinds::ProviderKind, money},
    store::{self, publications, rentals, rentals::Rental},
    workflow::Services,
};

/// Hours after a pod's end when its bill is taken to be complete.
const SETTLED_H: i32 = 6;

/// What one round found.
#[derive(Debug, Default, Serialize)]
pub struct Reconciled {
    /// Pods whose bill was read.
    pub compared: usize,
    /// Those whose bill differs from our reckoning by more than 5 % and a cent.
    pub off: Vec<Rental>,
    /// Pods that the provider's bill doesn't name yet.
    pub unbilled: usize,
    /// Providers that could not be asked, each with the reason.
    pub unasked: Vec<(ProviderKind, String)>,
}

/// Reads the bills of pods that ended hours ago and weren't compared yet.
///
/// # Errors
/// When the database fails; what providers do wrong is in the answer.
pub async fn reconcile(services: &Services) -> Result<Reconciled, store::Error> {
    let mut found = Reconciled::default();
    for provider in services.providers.all() {
        let mut conn = services.pool.acquire().await?;
        let waiting = rentals::unreconciled(&mut conn, provider.kind(), SETTLED_H).await?;
        drop(conn);
        let Some((since, ids)) = waiting else { continue };
        let billed = match provider.billed(since).await {
            Ok(billed) => billed,
            Err(failure) => {
                found.unasked.push((provider.kind(), failure.to_string()));
                continue;
            }
        };
        let mut conn = services.pool.acquire().await?;
        let mut compared = 0;
        for bill in billed.into_iter().filter(|bill| ids.contains(&bill.external_id)) {
            let usd = bill.usd.round_dp(6);
            let parts = rentals::reconcile(&mut conn, provider.kind(), &bill.external_id, usd).await?;
            if parts.is_empty() {
                continue;
            }
            // Its end may have been seen after that of its runs.
            for run in parts.iter().filter_map(|part| part.run) {
                publications::project(&mut conn, run).await?;
            }
            compared += 1;
            let reckoned: Decimal = parts.iter().map(|part| part.usd).sum();
            if money::differs(reckoned, usd) {
                tracing::warn!(id = %bill.external_id, runs = parts.len(), reckoned_usd = %reckoned, billed_usd = %usd,
                    "a bill differs from what we reckoned");
                found.off.extend(parts);
            }
        }
        found.compared += compared;
        found.unbilled += ids.len() - compared;
    }
    Ok(found)
}

/// Warns where an account will soon be unable to pay: less than the settings want to be left, or than an hour costs.
pub(super) async fn watch_balances(services: &Services) {
    for provider in services.providers.all() {
        match provider.balance().await {
            Ok(Some(balance)) => {
                let hour = balance.spend_usd_per_hour.unwrap_or_default();
                let least = services.limits.min_balance_usd.max(hour);
                if balance.usd < least || balance.usd <= Decimal::ZERO {
                    tracing::warn!(provider = %provider.kind(), balance_usd = %balance.usd,
                        spend_usd_per_hour = %hour, "the account will soon be unable to pay: add credit");
                }
            }
            Ok(None) => {}
            Err(failure) => {
                tracing::debug!(provider = %provider.kind(), %failure, "the balance can't be told");
            }
        }
    }
}
