//! Exchange rates of the European Central Bank, for sources that don't take US dollars. The last good ones are kept, so
//! that a day without an answer (there is none on Sundays) is no day without prices.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use url::Url;

use super::{
    source::{Page, SourceError},
    web::Web,
};
use crate::domain::price::Rates;

/// Where the rates of the day are.
pub(super) const ECB_URL: &str = "https://www.ecb.europa.eu/stats/eurofxref/eurofxref-daily.xml";

/// Rates older than this, in days, are too old to convert with.
pub(super) const MAX_AGE_DAYS: i32 = 10;

/// The day's rates: US dollars for one unit of each currency.
pub(super) async fn fetch(web: &Web, url: Option<&Url>) -> Result<(NaiveDate, Rates), SourceError> {
    let url = match url {
        Some(url) => url.clone(),
        None => Url::parse(ECB_URL).map_err(|error| SourceError::Setup(error.to_string()))?,
    };
    parse(&web.get("ECB", url).await?)
}

/// Reads the feed: `<Cube time='2026-11-20'>` with `<Cube currency='USD' rate='1.1412'/>`, units for one euro.
fn parse(page: &Page) -> Result<(NaiveDate, Rates), SourceError> {
    let text = String::from_utf8_lossy(&page.body);
    let missing = |path: &str| SourceError::shape(&page.part, path, "is missing");
    let date = text.split_once("time=").and_then(|(_, rest)| quoted(rest)?.parse().ok());
    let date: NaiveDate = date.ok_or_else(|| missing("Cube/@time"))?;
    let mut per_euro = Rates::new();
    for cube in text.split("<Cube").skip(1) {
        let attribute = |name: &str| quoted(cube.split_once(&format!("{name}="))?.1);
        if let (Some(currency), Some(rate)) = (attribute("currency"), attribute("rate"))
            && let Ok(rate) = rate.parse::<Decimal>()
            && rate > Decimal::ZERO
        {
            per_euro.insert(currency.to_owned(), rate);
        }
    }
    let dollars = *per_euro.get("USD").ok_or_else(|| missing("Cube[@currency='USD']/@rate"))?;
    let mut rates: Rates = per_euro
        .into_iter()
        .filter_map(|(currency, rate)| Some((currency, dollars.checked_div(rate)?.round_dp(9))))
        .filter(|(currency, _)| currency != "USD")
        .collect();
    rates.insert("EUR".to_owned(), dollars);
    Ok((date, rates))
}

/// What is between the quotes that a text begins with, of either kind.
fn quoted(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    text.get(1..)?.split_once(quote).map(|(inside, _)| inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_feed_is_read_as_dollars_for_one_unit() {
        let body = include_bytes!("../../tests/fixtures/prices/ecb/eurofxref_daily.xml").to_vec();
        let (date, rates) = parse(&Page::new("ECB", body)).unwrap();
        assert_eq!(date, NaiveDate::from_ymd_opt(2026, 11, 20).unwrap());
        assert_eq!(rates["EUR"], Decimal::new(11412, 4));
        assert_eq!(rates["GBP"], Decimal::new(1_311_422_661, 9));
        assert!(!rates.contains_key("USD"));
    }

    #[test]
    fn another_shape_says_what_is_missing() {
        let error = parse(&Page::new("ECB", b"<html>".to_vec())).unwrap_err();
        assert_eq!(error.to_string(), "ECB: Cube/@time: is missing");
        let error =
            parse(&Page::new("ECB", b"<Cube time='2026-11-20'><Cube currency='USD' rate='0'/>".to_vec()));
        assert_eq!(error.unwrap_err().to_string(), "ECB: Cube[@currency='USD']/@rate: is missing");
    }
}
