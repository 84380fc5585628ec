//! Which prices of a scrape are believed, given what was believed before. A jump is kept back until it has been said a
//! few times in a row: an outlier passes, a real change stays. Pure.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::{
    domain::price::{
        Normalised, Price, Series,
        guard::{self, Doubt},
    },
    store::prices::{Doubted, Held, Known},
};

/// What becomes of a scrape's prices.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// Believed.
    pub(super) accepted: Vec<Price>,
    /// Not believed, one a series and reason.
    pub(super) doubted: Vec<Doubted>,
    /// Series that are still listed, at a price that isn't believed yet.
    pub(super) held: Vec<i64>,
    /// Jumps in quarantine that are over: believed now, or taken back.
    pub(super) over: Vec<i64>,
}

/// Judges a scrape.
pub(super) fn judge(normalised: &Normalised, known: &[Known], in_quarantine: &[Held]) -> Judged {
    let known: BTreeMap<&Series, &Known> = known.iter().map(|known| (&known.series, known)).collect();
    let waiting: BTreeMap<&Series, &Held> = in_quarantine.iter().map(|held| (&held.series, held)).collect();
    let mut judged = Judged::default();
    for price in &normalised.prices {
        let new = price.usd_per_gpu_hour;
        let before = known.get(&price.series);
        let waits = waiting.get(&price.series);
        match before {
            Some(before) if guard::is_jump(before.usd_per_gpu_hour, new) => {
                let said = waits
                    .filter(|held| guard::is_close(held.usd_per_gpu_hour, new))
                    .map_or(1, |held| held.confirmations + 1);
                if said >= guard::CONFIRMATIONS {
                    judged.over.extend(waits.map(|held| held.id));
                    judged.accepted.push(price.clone());
                } else {
                    judged.held.push(before.id);
                    judged.doubted.push(jump(price, before.usd_per_gpu_hour, said));
                }
            }
            _ => {
                judged.over.extend(waits.map(|held| held.id));
                judged.accepted.push(price.clone());
            }
        }
    }
    judged.doubted.extend(refused(normalised));
    judged
}

fn jump(price: &Price, last: Decimal, said: u32) -> Doubted {
    Doubted {
        series: price.series.clone(),
        reason: Doubt::Jump,
        price: price.usd_per_gpu_hour.to_string(),
        last_accepted_usd: Some(last),
        confirmations: said,
    }
}

/// Offers that can't be prices: of many alike, the first.
fn refused(normalised: &Normalised) -> impl Iterator<Item = Doubted> {
    let mut first: BTreeMap<(Series, &str), Doubted> = BTreeMap::new();
    for refused in &normalised.refused {
        let offer = &refused.offer;
        let series = Series {
            platform: offer.platform.clone(),
            provider: offer.provider.clone(),
            gpu_key: offer.gpu_name.clone(),
            gpu_count: match offer.gpus {
                crate::domain::price::Gpus::Count(count) => count,
                _ => 0,
            },
            kind: offer.kind,
            tier: offer.tier.clone(),
            region: offer.region.clone(),
        };
        first.entry((series.clone(), refused.doubt.as_str())).or_insert_with(|| Doubted {
            series,
            reason: refused.doubt,
            price: format!("{} {}", offer.price, offer.currency),
            last_accepted_usd: None,
            confirmations: 1,
        });
    }
    first.into_values()
}
