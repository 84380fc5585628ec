//! Which prices are not believed: those that can't be, and those too far from what was believed last.

use rust_decimal::Decimal;
use serde::Serialize;

/// No GPU costs more an hour, US dollars.
pub const CAP_USD: Decimal = Decimal::from_parts(50, 0, 0, false, 0);

/// A price this many times the last one, or this part of it, is a jump.
pub const JUMP: Decimal = Decimal::from_parts(5, 0, 0, false, 0);

/// Scrapes in a row that have to say about the same until a jump is believed.
pub const CONFIRMATIONS: u32 = 3;

/// Prices this close, as a share of the greater, are about the same.
const CLOSE: Decimal = Decimal::from_parts(1, 0, 0, false, 1);

/// Why a price is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// It is no number.
    Unreadable,
    /// It is zero or less.
    NotPositive,
    /// It is above [`CAP_USD`].
    TooHigh,
    /// It is more than [`JUMP`] times the last one believed, or less than that part of it.
    Jump,
    /// There is no rate for its currency.
    Currency,
}

impl Doubt {
    /// Its name in tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::NotPositive => "not_positive",
            Self::TooHigh => "too_high",
            Self::Jump => "jump",
            Self::Currency => "currency",
        }
    }
}

/// Whether a price per GPU-hour can be one at all.
///
/// # Errors
/// Why not.
pub fn check(usd_per_gpu_hour: Decimal) -> Result<(), Doubt> {
    if usd_per_gpu_hour <= Decimal::ZERO {
        Err(Doubt::NotPositive)
    } else if usd_per_gpu_hour > CAP_USD {
        Err(Doubt::TooHigh)
    } else {
        Ok(())
    }
}

/// Whether `new` is too far from `last`, the last price believed.
#[must_use]
pub fn is_jump(last: Decimal, new: Decimal) -> bool {
    new > last * JUMP || new * JUMP < last
}

/// Whether two prices are about the same.
#[must_use]
pub fn is_close(one: Decimal, other: Decimal) -> bool {
    (one - other).abs() <= one.max(other) * CLOSE
}
