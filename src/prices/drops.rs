//! GPUs whose cheapest on-demand price fell from one look to the next, for webhooks.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::{
    domain::webhook::EventKind,
    store::{self, deliveries, prices},
};

/// A GPU's cheapest price, USD per GPU-hour, and the platform that has it.
pub(super) type Cheapest = BTreeMap<String, (Decimal, String)>;

/// What is cheapest now; `None`: nobody wants to know.
pub(super) async fn before(conn: &mut PgConnection) -> Result<Option<Cheapest>, store::Error> {
    if deliveries::is_wanted(conn, EventKind::PriceDrop).await? {
        prices::cheapest(conn).await.map(Some)
    } else {
        Ok(None)
    }
}

/// Tells webhooks of each GPU that is cheaper by `percent` or more than it was before.
pub(super) async fn announce(
    conn: &mut PgConnection,
    before: Option<&Cheapest>,
    percent: u32,
) -> Result<(), store::Error> {
    let Some(before) = before else { return Ok(()) };
    for drop in drops(before, &prices::cheapest(conn).await?, percent) {
        deliveries::announce(conn, EventKind::PriceDrop, drop).await?;
    }
    Ok(())
}

fn drops(before: &Cheapest, now: &Cheapest, percent: u32) -> Vec<Value> {
    let left = Decimal::from(100_u32.saturating_sub(percent)) / Decimal::ONE_HUNDRED;
    let fell = |(gpu, (usd, platform)): (&String, &(Decimal, String))| {
        let (was_usd, was_at) = before.get(gpu)?;
        (*usd <= was_usd * left).then(|| {
            let by = ((was_usd - usd) / was_usd * Decimal::ONE_HUNDRED).round_dp(1);
            json!({
                "gpu": gpu, "usd_per_gpu_hour": usd, "platform": platform, "was_usd_per_gpu_hour": was_usd,
                "was_platform": was_at, "fell_percent": by,
            })
        })
    };
    now.iter().filter_map(fell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drop_is_told_from_the_stated_share_on_and_a_new_gpu_is_none() {
        let at = |usd: &str| (usd.parse().unwrap(), "runpod".to_owned());
        let of =
            |prices: &[(&str, &str)]| prices.iter().map(|(gpu, usd)| ((*gpu).to_owned(), at(usd))).collect();
        let before: Cheapest = of(&[("h200", "4.00"), ("h100", "2.00"), ("a100", "1.00"), ("gone", "1.00")]);
        let now: Cheapest = of(&[("h200", "3.60"), ("h100", "1.81"), ("a100", "1.50"), ("new", "0.10")]);
        let told = drops(&before, &now, 10);
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!((&told[0]["gpu"], &told[0]["fell_percent"]), (&json!("h200"), &json!("10.0")));
    }
}
