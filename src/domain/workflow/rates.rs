//! Numbers of streams: `1-9`, `1,2,4-6`.

use crate::domain::step::MAX_STREAMS;

/// The most levels a run may have.
pub const MAX_RATES: usize = 64;

/// Why a list of rates is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RatesError {
    /// Not a number and not a range.
    #[error("`{given}` is no rate: write numbers and ranges, e.g. 1-9 or 1,2,4-6")]
    NotARate {
        /// The part that can't be read.
        given: String,
    },
    /// No rate at all.
    #[error("no rate given: write e.g. 1-9 or 1,2,4-6")]
    Empty,
    /// Zero, or more streams than one client should drive.
    #[error("rate {rate} is out of range: a rate is 1 to {MAX_STREAMS} streams")]
    OutOfRange {
        /// The rate.
        rate: u32,
    },
    /// A rate is repeated or smaller than the one before.
    #[error("rates must ascend without repeats: {next} comes after {previous}")]
    NotAscending {
        /// The rate before.
        previous: u32,
        /// The rate that should be greater.
        next: u32,
    },
    /// More levels than a run may have.
    #[error("more than {MAX_RATES} rates: choose at most {MAX_RATES}, e.g. 1,2,4,8,16")]
    TooMany,
    /// The workflow measures no concurrency that the rates could replace.
    #[error(
        "workflow `{workflow}` has no concurrency step, so it takes no rates: use a workflow that has one"
    )]
    NoConcurrencyStep {
        /// The workflow.
        workflow: String,
    },
}

/// Reads `1-9` or `1,2,4-6` into rates that keep the rules of [`check_rates`].
///
/// # Errors
/// Says which part breaks which rule.
pub fn parse_rates(text: &str) -> Result<Vec<u32>, RatesError> {
    if text.trim().is_empty() {
        return Err(RatesError::Empty);
    }
    let mut rates = Vec::new();
    for part in text.split(',').map(str::trim) {
        let number = |digits: &str| -> Result<u32, RatesError> {
            // `u32::from_str` would take a sign.
            Some(digits.trim())
                .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
                .and_then(|digits| digits.parse().ok())
                .ok_or_else(|| RatesError::NotARate { given: part.to_owned() })
        };
        match part.split_once('-') {
            None => rates.push(number(part)?),
            Some((from, to)) => {
                let (from, to) = (number(from)?, number(to)?);
                if from > to {
                    return Err(RatesError::NotAscending { previous: from, next: to });
                }
                // Checked before it is expanded: `1-4000000000` must not fill the memory.
                check_range(from)?;
                check_range(to)?;
                rates.extend(from..=to);
            }
        }
        if rates.len() > MAX_RATES {
            return Err(RatesError::TooMany);
        }
    }
    check_rates(&rates)?;
    Ok(rates)
}

/// Checks that rates are 1 to [`MAX_RATES`] ascending, distinct numbers of 1 to [`MAX_STREAMS`] streams.
///
/// # Errors
/// Says which rate breaks which rule.
pub fn check_rates(rates: &[u32]) -> Result<(), RatesError> {
    if rates.is_empty() {
        return Err(RatesError::Empty);
    }
    if rates.len() > MAX_RATES {
        return Err(RatesError::TooMany);
    }
    rates.iter().try_for_each(|rate| check_range(*rate))?;
    rates.windows(2).try_for_each(|pair| match *pair {
        [previous, next] if next <= previous => Err(RatesError::NotAscending { previous, next }),
        _ => Ok(()),
    })
}

const fn check_range(rate: u32) -> Result<(), RatesError> {
    if rate == 0 || rate > MAX_STREAMS { Err(RatesError::OutOfRange { rate }) } else { Ok(()) }
}
