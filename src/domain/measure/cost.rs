//! What tokens and runs cost. Money is decimal; the price is of all GPUs of the machine together.

mod serving;

pub use serving::{AtSpeed, LevelCost, Rent};

use rust_decimal::{Decimal, prelude::FromPrimitive as _};

const SECONDS_PER_HOUR: Decimal = Decimal::from_parts(3_600, 0, 0, false, 0);
const MILLION: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);
/// A millionth of a dollar: below what any provider bills.
const DECIMALS: u32 = 6;

/// $ per 1 M output tokens = $/h ÷ (output tokens/s × 3600) × 10⁶, rounded to a millionth of a dollar.
///
/// Say with it which price it is: the one paid, or today's. `None` where no token came, or the figure is no number.
#[must_use]
pub fn usd_per_million_output_tokens(
    price_usd_per_hour: Decimal,
    output_tokens_per_second: f64,
) -> Option<Decimal> {
    usd_per_million_tokens(price_usd_per_hour, output_tokens_per_second)
}

/// The same of tokens of any kind.
fn usd_per_million_tokens(price_usd_per_hour: Decimal, tokens_per_second: f64) -> Option<Decimal> {
    let per_hour = Decimal::from_f64(tokens_per_second)?.checked_mul(SECONDS_PER_HOUR)?;
    let positive = Some(per_hour).filter(|tokens| *tokens > Decimal::ZERO)?;
    Some(price_usd_per_hour.checked_mul(MILLION)?.checked_div(positive)?.round_dp(DECIMALS))
}

/// $ of a benchmark = the machine's whole life × its price, rounded to a millionth of a dollar. `None` where the
/// seconds are no number or negative.
#[must_use]
pub fn machine_cost_usd(price_usd_per_hour: Decimal, life_s: f64) -> Option<Decimal> {
    let life = Decimal::from_f64(life_s).filter(|seconds| *seconds >= Decimal::ZERO)?;
    Some(price_usd_per_hour.checked_mul(life)?.checked_div(SECONDS_PER_HOUR)?.round_dp(DECIMALS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn a_million_tokens_at_a_thousand_a_second_cost_a_thousand_seconds() {
        // $3.60/h is a tenth of a cent a second.
        assert_eq!(usd_per_million_output_tokens(usd("3.60"), 1_000.0), Some(usd("1")));
    }

    #[test]
    fn an_h200_at_3_99_and_165_5_tokens_a_second_costs_6_696878_a_million() {
        assert_eq!(usd_per_million_output_tokens(usd("3.99"), 165.5), Some(usd("6.696878")));
    }

    #[test]
    fn a_free_machine_costs_nothing_and_no_tokens_have_no_price() {
        assert_eq!(usd_per_million_output_tokens(Decimal::ZERO, 10.0), Some(Decimal::ZERO));
        for tokens in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-40] {
            assert_eq!(usd_per_million_output_tokens(usd("3.99"), tokens), None, "{tokens}");
        }
    }

    #[test]
    fn a_benchmark_costs_the_machines_whole_life() {
        assert_eq!(machine_cost_usd(usd("2.69"), 1_800.0), Some(usd("1.345")));
        assert_eq!(machine_cost_usd(usd("2.69"), -1.0), None);
        assert_eq!(machine_cost_usd(usd("2.69"), f64::NAN), None);
    }
}
