//! A sum of money as a source writes it: a number, or a text that should be one. One that can't be read is kept as it
//! is, so that it can be shown; it never becomes a zero.

use std::{fmt, str::FromStr};

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, de};

/// Longest text that is kept of what can't be read.
const SHOWN_CHARS: usize = 40;

/// A sum of money as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Amount {
    /// A number, be it sensible or not.
    Number(Decimal),
    /// What is there instead of one: `NaN`, `call us`, more digits than money has.
    Unreadable(String),
}

impl Amount {
    /// Reads a text; a space around it and a `$` before it are fine.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let bare = text.trim().trim_start_matches('$');
        match Decimal::from_str(bare).or_else(|_| Decimal::from_scientific(bare)) {
            Ok(number) => Self::Number(number),
            Err(_) => Self::Unreadable(text.chars().take(SHOWN_CHARS).collect()),
        }
    }

    /// The same in another unit: cents are a hundredth of a dollar.
    #[must_use]
    pub fn times(self, factor: Decimal) -> Self {
        match self {
            Self::Number(number) => number.checked_mul(factor).map_or_else(
                || Self::Unreadable(format!("{number} × {factor}").chars().take(SHOWN_CHARS).collect()),
                Self::Number,
            ),
            unreadable @ Self::Unreadable(_) => unreadable,
        }
    }

    /// The same in dollars, of cents.
    #[must_use]
    pub fn of_cents(self) -> Self {
        self.times(Decimal::new(1, 2))
    }

    /// Whether it is zero, which is how some sources say "not offered".
    #[must_use]
    pub fn is_zero(&self) -> bool {
        matches!(self, Self::Number(number) if number.is_zero())
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{}", number.normalize()),
            Self::Unreadable(text) => f.write_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Amount;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a price")
            }

            fn visit_u64<E>(self, number: u64) -> Result<Amount, E> {
                Ok(Amount::Number(number.into()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Amount, E> {
                Ok(Amount::Number(number.into()))
            }

            // The shortest text that reads back as this number: what the source wrote.
            fn visit_f64<E>(self, number: f64) -> Result<Amount, E> {
                Ok(Amount::read(&number.to_string()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Amount, E> {
                Ok(Amount::read(text))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Amount {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn money_is_read_to_the_last_digit_from_numbers_and_texts() {
        for text in ["2.69", "\"2.69\"", "\" $2.69 \"", "2.690", "2.69e0"] {
            assert_eq!(json(text), Amount::Number(Decimal::new(269, 2)), "{text}");
        }
        assert_eq!(json("5e-05"), Amount::Number(Decimal::new(5, 5)));
        assert_eq!(json("239").of_cents().to_string(), "2.39");
        assert_eq!(json("-1"), Amount::Number(Decimal::NEGATIVE_ONE));
    }

    #[test]
    fn what_is_no_number_is_kept_as_it_is_and_never_becomes_one() {
        for text in ["\"NaN\"", "\"inf\"", "\"call us\"", "\"\"", "1e40"] {
            assert!(matches!(json(text), Amount::Unreadable(_)), "{text}");
            assert!(matches!(json(text).of_cents(), Amount::Unreadable(_)), "{text}");
        }
        assert!(serde_json::from_str::<Amount>("null").is_err());
        assert!(serde_json::from_str::<Amount>("{}").is_err());
    }
}
