//! Prices as the original HTTP paths and other readers know them: one of each GPU on each platform, the cheapest of those
//! that its sources last said, however long ago that was.

use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::Error;

/// What a GPU costs on a platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformPrice {
    /// Where it is rented.
    pub platform: String,
    /// The GPU: an id of the catalog.
    pub gpu_key: String,
    /// US dollars per GPU-hour.
    pub usd_per_gpu_hour: Decimal,
}

/// The price of each GPU on each platform, on demand; only of this GPU or platform, where one is given. What a source was
/// seen to offer no more isn't there, nor what is a day older than the newest price of the same GPU on the same platform.
///
/// # Errors
/// When the database fails.
pub async fn latest(
    conn: &mut PgConnection,
    gpu_key: Option<&str>,
    platform: Option<&str>,
) -> Result<Vec<PlatformPrice>, Error> {
    Ok(sqlx::query_as!(
        PlatformPrice,
        r#"select platform, gpu_key, min(usd_per_gpu_hour) as "usd_per_gpu_hour!"
           from (select platform, gpu_key, usd_per_gpu_hour, last_seen_at,
                        max(last_seen_at) over (partition by platform, gpu_key) as newest
                 from latest_prices
                 where kind = 'on_demand' and withdrawn_at is null
                   and ($1::text is null or gpu_key = $1) and ($2::text is null or platform = $2)) p
           where last_seen_at > newest - interval '1 day'
           group by platform, gpu_key order by gpu_key, 3, platform"#,
        gpu_key,
        platform
    )
    .fetch_all(conn)
    .await?)
}
