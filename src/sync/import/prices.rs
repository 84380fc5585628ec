//! `gpu_pricing_processed`: what a GPU last cost on a platform. The hourly summaries are sums of what isn't there any more, and
//! stay where they are.

use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::{Source, fields::Fields};
use crate::{
    domain::price::names::{GpuNames, Named},
    import::{Error, Report},
    store::imports::{self, ImportedPrice},
};

/// More a GPU-hour is no price.
const MOST_USD: Decimal = Decimal::from_parts(50, 0, 0, false, 0);

/// Imports the latest prices.
pub(super) async fn import(
    conn: &mut PgConnection,
    source: &Source,
    from: &str,
    report: &mut Report,
) -> Result<(), Error> {
    let names = GpuNames::embedded().map_err(|error| Error::Catalog(error.to_string()))?;
    let mut prices: Vec<ImportedPrice> = Vec::new();
    source
        .each("gpu_pricing_processed", "prices", report, |document, report| {
            let fields = Fields(&document);
            match price(&names, fields) {
                Ok(price) => prices.push(price),
                Err(why) => {
                    let name = fields.text("normalized_name").unwrap_or_else(|| fields.called());
                    let platform = fields.text("platform").unwrap_or_default();
                    report.skip("prices", format!("{name} {platform}").trim_end(), why);
                }
            }
        })
        .await?;
    if !prices.is_empty() {
        for written in imports::prices(conn, &prices, from).await? {
            report.count("prices", written.into());
        }
    }
    Ok(())
}

fn price(names: &GpuNames, fields: Fields<'_>) -> Result<ImportedPrice, String> {
    let platform = fields.text("platform").ok_or("it has no platform")?.to_lowercase();
    let usd =
        fields.number("price").and_then(|usd| Decimal::try_from(usd).ok()).unwrap_or_default().round_dp(6);
    if usd <= Decimal::ZERO {
        return Err("its price is not known".to_owned());
    }
    if usd > MOST_USD {
        return Err(format!("{usd} US dollars a GPU-hour is no price of a GPU"));
    }
    let seen_at = ["updated_at", "scraped_at", "processed_at"].into_iter().find_map(|name| fields.time(name));
    let called =
        ["normalized_name", "name", "original_name"].into_iter().filter_map(|name| fields.text(name));
    let gpu_key = called
        .map(|name| names.find("mongodb", &name, "", None))
        .find_map(|named| match named {
            Named::Gpu(key) => Some(key),
            Named::Slice | Named::Ignored | Named::Unknown(_) => None,
        })
        .ok_or("its name leads to no GPU of the catalog")?;
    Ok(ImportedPrice {
        platform,
        gpu_key,
        usd_per_gpu_hour: usd,
        seen_at: seen_at.ok_or("it doesn't say when it was seen")?,
    })
}
