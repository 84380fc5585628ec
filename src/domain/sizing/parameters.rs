//! A model's size as people write it: `7b`, `135m`, `30b-a3b`.

use std::str::FromStr;

use serde::Serialize;

use super::Error;

/// More parameters than any model has.
const MOST: f64 = 1e14;

/// A number of parameters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Parameters {
    /// All of them.
    pub total: f64,
    /// Those a token uses; the same in a model without experts.
    pub active: f64,
}

impl FromStr for Parameters {
    type Err = Error;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let refuse = |reason: &str| Error::Parameters { given: s.to_owned(), reason: reason.to_owned() };
        let text = s.trim().to_ascii_lowercase();
        let (total, active) =
            text.split_once("-a").map_or((text.as_str(), None), |(total, active)| (total, Some(active)));
        let number = |text: &str| -> Result<f64, Error> {
            let (digits, unit) = match text.as_bytes().last() {
                Some(b'm') => (&text[..text.len() - 1], 1e6),
                Some(b'b') => (&text[..text.len() - 1], 1e9),
                Some(b't') => (&text[..text.len() - 1], 1e12),
                _ => return Err(refuse("write it like 135m, 7b, 1t, or 30b-a3b for a mixture of experts")),
            };
            // `inf` and `nan` are floats to Rust, and no sizes.
            let plain = !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit() || c == b'.');
            let value: Option<f64> = digits.parse().ok().filter(|_| plain);
            let value = value.ok_or_else(|| {
                refuse("write it like 135m, 7b, 1t, or 30b-a3b; of an 8x7b the total, 46.7b")
            })?;
            match value * unit {
                size if size <= 0.0 => Err(refuse("it must be greater than zero")),
                size if size > MOST => Err(refuse("no model has more than 100t")),
                size => Ok(size),
            }
        };
        let total = number(total)?;
        let active = active.map_or(Ok(total), number)?;
        if active > total {
            return Err(refuse("a token can't use more parameters than there are"));
        }
        Ok(Self { total, active })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_read_as_people_write_it() {
        for (text, total, active) in [
            ("7b", 7e9, 7e9),
            (" 7.6B ", 7.6e9, 7.6e9),
            ("135m", 135e6, 135e6),
            ("1t", 1e12, 1e12),
            ("30b-a3b", 30e9, 3e9),
            ("671B-A37B", 671e9, 37e9),
        ] {
            assert_eq!(text.parse(), Ok(Parameters { total, active }), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused_with_what_would_be() {
        for (text, said) in [
            ("", "write it like"),
            ("b", "write it like"),
            ("7", "write it like"),
            ("-7b", "write it like"),
            ("0b", "greater than zero"),
            ("nanb", "write it like"),
            ("infb", "write it like"),
            ("8x7b", "46.7b"),
            ("1000t", "no model has more"),
            ("3b-a30b", "more parameters than there are"),
            ("30b-a", "write it like"),
        ] {
            let refused = text.parse::<Parameters>().expect_err(text).to_string();
            assert!(refused.contains(said), "{text}: {refused}");
        }
    }
}
