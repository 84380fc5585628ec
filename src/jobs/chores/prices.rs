//! The chore `prices`: asks every source of prices that has what it needs. What a source does wrong is in its report; the
//! chore fails only when every source that was asked did.

use serde_json::{Value, json};

use super::ChoreContext;
use crate::{
    ledger::Error,
    prices::{self, Outcome, Scraped, Settings},
};

pub(super) async fn work(context: ChoreContext<'_>) -> Result<Value, Error> {
    let settings =
        Settings::from_config(context.config).map_err(|error| Error::Refused(error.to_string()))?;
    let scraped = match prices::scrape_all(&context.services.pool, &settings).await {
        Ok(scraped) => scraped,
        Err(prices::Error::Store(error)) => return Err(error.into()),
        Err(error) => return Err(Error::Refused(error.to_string())),
    };
    report(&scraped)
}

fn report(scraped: &[Scraped]) -> Result<Value, Error> {
    let with = |outcome| scraped.iter().filter(move |done| done.outcome == outcome);
    let answered = with(Outcome::Ok).count() + with(Outcome::Partial).count();
    let reason =
        |done: &Scraped| format!("{}: {}", done.source, done.error.as_deref().unwrap_or("no reason"));
    let failed: Vec<String> = with(Outcome::Failed).chain(with(Outcome::Partial)).map(reason).collect();
    if answered == 0 && !failed.is_empty() {
        return Err(Error::Refused(format!("no source of prices answered: {}", failed.join("; "))));
    }
    let sum = |of: fn(&Scraped) -> u64| scraped.iter().map(of).sum::<u64>();
    Ok(json!({
        "sources_answered": answered, "prices": sum(|done| done.prices), "points": sum(|done| done.points),
        "quarantined": sum(|done| done.quarantined), "failed": failed,
    }))
}
