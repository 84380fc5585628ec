//! What runs have cost: the view `run_spend` over `rentals`.

use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::Error;
use crate::domain::ids::RunId;

/// What a run has cost until now, US dollars; `None`: nothing was rented for it.
///
/// # Errors
/// When the database fails.
pub async fn of(conn: &mut PgConnection, run: RunId) -> Result<Option<Decimal>, Error> {
    Ok(sqlx::query_scalar!("select usd from run_spend where run_id = $1", run.as_uuid())
        .fetch_optional(conn)
        .await?
        .flatten())
}
