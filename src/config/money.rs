//! Amounts and optional counts in the settings. A setting without a default may come as text from its variable, so text is
//! taken for what it says.

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, de};

use crate::domain::money;

#[derive(Deserialize)]
#[serde(untagged)]
enum Given {
    Whole(i64),
    Fraction(f64),
    Text(String),
}

impl Given {
    fn text(self) -> String {
        match self {
            Self::Whole(number) => number.to_string(),
            Self::Fraction(number) => number.to_string(),
            Self::Text(text) => text.trim().to_owned(),
        }
    }
}

/// US dollars: digits, with at most 6 after the point.
///
/// # Errors
/// What is wrong with the text.
pub fn parse_usd(text: &str) -> Result<Decimal, String> {
    match text.trim().parse::<Decimal>() {
        Ok(usd) => money::amount(usd),
        Err(_) => Err(format!("must be an amount in USD like 2.50, and is `{text}`")),
    }
}

/// US dollars, more than 0.
///
/// # Errors
/// What is wrong with the text.
pub fn parse_cap(text: &str) -> Result<Decimal, String> {
    parse_usd(text).and_then(money::cap)
}

pub(super) fn usd<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
    parse_usd(&Given::deserialize(deserializer)?.text()).map_err(de::Error::custom)
}

pub(super) fn some_usd<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
    parse_cap(&Given::deserialize(deserializer)?.text()).map(Some).map_err(de::Error::custom)
}

pub(super) fn some_count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let text = Given::deserialize(deserializer)?.text();
    match text.parse::<u32>() {
        Ok(count) if count > 0 => Ok(Some(count)),
        _ => Err(de::Error::custom(format!("must be a whole number from 1, and is {text}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_exact_and_nonsense_is_refused() {
        assert_eq!(parse_cap("2.50").unwrap().to_string(), "2.50");
        for text in ["0", "-1", "NaN", "inf", "1e9", "2,50", "", "1.0000001", "1000001"] {
            assert!(parse_cap(text).is_err(), "{text} was accepted");
        }
    }
}
