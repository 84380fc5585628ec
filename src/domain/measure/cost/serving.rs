//! What tokens cost while a machine serves them: by level, and at a speed that a user is to get.

use rust_decimal::{Decimal, prelude::FromPrimitive as _};
use serde::Serialize;

use super::{DECIMALS, SECONDS_PER_HOUR, usd_per_million_tokens};
use crate::domain::measure::summary::LevelSummary;

/// What tokens cost at a level's rate, measured view. Each figure bears the whole price: $ for a million input tokens
/// isn't to be added to that for output tokens. `None` where none were counted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, utoipa::ToSchema)]
pub struct LevelCost {
    /// Output tokens a second that one request gets once it has begun: 1000 ÷ the mean time between tokens in ms.
    pub tokens_per_second_per_user: Option<f64>,
    /// $ for a million output tokens.
    #[schema(value_type = Option<String>)]
    pub usd_per_million_output_tokens: Option<Decimal>,
    /// $ for a million prompt tokens.
    #[schema(value_type = Option<String>)]
    pub usd_per_million_input_tokens: Option<Decimal>,
    /// $ for a million tokens of either kind.
    #[schema(value_type = Option<String>)]
    pub usd_per_million_tokens: Option<Decimal>,
    /// Output tokens for a dollar.
    #[schema(value_type = Option<String>)]
    pub output_tokens_per_usd: Option<Decimal>,
}

/// A price and how much of the time it serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Rent {
    /// All GPUs of the machine, an hour.
    #[schema(value_type = String)]
    pub usd_per_hour: Decimal,
    /// Share of the time with that load, above 0 and at most 1. The rest is paid for too.
    #[schema(value_type = String)]
    pub utilisation: Decimal,
}

impl Rent {
    /// A machine that serves all the time.
    #[must_use]
    pub const fn at_full_use(usd_per_hour: Decimal) -> Self {
        Self { usd_per_hour, utilisation: Decimal::ONE }
    }

    /// $ for an hour of serving; `None` where the share is none.
    fn usd_per_busy_hour(&self) -> Option<Decimal> {
        self.usd_per_hour.checked_div(self.utilisation).filter(|_| self.utilisation > Decimal::ZERO)
    }
}

impl LevelCost {
    /// Of a level on a machine at this price.
    #[must_use]
    pub fn of(level: &LevelSummary, rent: &Rent) -> Self {
        let columns = &level.measured.columns;
        let price = rent.usd_per_busy_hour();
        let million = |rate: Option<f64>| usd_per_million_tokens(price?, rate?);
        let (output, all) = (columns.output_tokens_per_second, columns.tokens_per_second);
        let gap_ms = columns.inter_token_latency_ms.filter(|gap| *gap > 0.0);
        Self {
            tokens_per_second_per_user: gap_ms.map(|gap| 1e3 / gap),
            usd_per_million_output_tokens: million(output),
            usd_per_million_input_tokens: million(all.zip(output).map(|(all, output)| all - output)),
            usd_per_million_tokens: million(all),
            output_tokens_per_usd: price.zip(output).and_then(|(price, rate)| tokens_per_usd(price, rate)),
        }
    }
}

/// Tokens for a dollar, whole ones; `None` for a machine that costs nothing, or without tokens.
fn tokens_per_usd(usd_per_hour: Decimal, tokens_per_second: f64) -> Option<Decimal> {
    let per_hour = Decimal::from_f64(tokens_per_second)?.checked_mul(SECONDS_PER_HOUR)?;
    Some(per_hour.checked_div(usd_per_hour)?.round()).filter(|tokens| *tokens > Decimal::ZERO)
}

/// $ for a million output tokens at a speed that each user gets.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(tag = "basis", rename_all = "snake_case")]
pub enum AtSpeed {
    /// A level had that speed.
    Measured {
        /// $ for a million output tokens.
        #[schema(value_type = String)]
        usd_per_million_output_tokens: Decimal,
    },
    /// It is on the line between two levels.
    Interpolated {
        /// $ for a million output tokens.
        #[schema(value_type = String)]
        usd_per_million_output_tokens: Decimal,
        /// Speed of the slower level, tokens a second and user.
        slower: f64,
        /// Speed of the faster one.
        faster: f64,
    },
    /// It was never measured, and isn't guessed.
    Outside {
        /// The slowest that was measured.
        slowest: f64,
        /// The fastest.
        fastest: f64,
    },
    /// No level has a speed and a price.
    Unknown,
}

impl AtSpeed {
    /// At so many tokens a second and user, from what levels cost. Between two of neighbouring speed it is
    /// interpolated, beyond them nothing is said.
    #[must_use]
    pub fn of(levels: &[LevelCost], tokens_per_second_per_user: f64) -> Self {
        let mut known: Vec<(f64, Decimal)> = levels
            .iter()
            .filter_map(|level| level.tokens_per_second_per_user.zip(level.usd_per_million_output_tokens))
            .collect();
        known.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let (Some((slowest, _)), Some((fastest, _))) = (known.first(), known.last()) else {
            return Self::Unknown;
        };
        let wanted = tokens_per_second_per_user;
        // Of several levels with that speed, the cheapest.
        if let Some((_, usd)) = known.iter().find(|(speed, _)| speed.total_cmp(&wanted).is_eq()) {
            return Self::Measured { usd_per_million_output_tokens: *usd };
        }
        let between = known.windows(2).find_map(|pair| match pair {
            [(slower, at_slower), (faster, at_faster)] if *slower < wanted && wanted < *faster => {
                let share = Decimal::from_f64((wanted - slower) / (faster - slower))?;
                let usd = at_slower + (at_faster - at_slower) * share;
                Some(Self::Interpolated {
                    usd_per_million_output_tokens: usd.round_dp(DECIMALS),
                    slower: *slower,
                    faster: *faster,
                })
            }
            _ => None,
        });
        between.unwrap_or(Self::Outside { slowest: *slowest, fastest: *fastest })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::report::samples::{failed_level, one_stream};

    fn usd(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    /// A level of 100 output and 300 prompt tokens a second, each user getting 20.
    fn level() -> LevelSummary {
        let mut level = one_stream();
        let columns = &mut level.measured.columns;
        columns.output_tokens_per_second = Some(100.0);
        columns.tokens_per_second = Some(400.0);
        columns.inter_token_latency_ms = Some(50.0);
        level
    }

    fn at(speed: f64, cost: &str) -> LevelCost {
        LevelCost {
            tokens_per_second_per_user: Some(speed),
            usd_per_million_output_tokens: Some(usd(cost)),
            ..LevelCost::of(&failed_level(), &Rent::at_full_use(Decimal::ONE))
        }
    }

    #[test]
    fn a_level_costs_by_what_it_gives_out_takes_in_and_both() {
        let cost = LevelCost::of(&level(), &Rent::at_full_use(usd("3.60")));
        assert_eq!(cost.tokens_per_second_per_user, Some(20.0));
        assert_eq!(cost.usd_per_million_output_tokens, Some(usd("10")));
        assert_eq!(cost.usd_per_million_input_tokens, Some(usd("3.333333")));
        assert_eq!(cost.usd_per_million_tokens, Some(usd("2.5")));
        assert_eq!(cost.output_tokens_per_usd, Some(usd("100000")));
    }

    #[test]
    fn a_machine_that_serves_half_the_time_costs_twice_as_much_a_token() {
        let half = Rent { usd_per_hour: usd("3.60"), utilisation: usd("0.5") };
        let cost = LevelCost::of(&level(), &half);
        assert_eq!(cost.usd_per_million_output_tokens, Some(usd("20")));
        assert_eq!(cost.output_tokens_per_usd, Some(usd("50000")));
        let never = Rent { utilisation: Decimal::ZERO, ..half };
        assert_eq!(LevelCost::of(&level(), &never).usd_per_million_output_tokens, None);
    }

    #[test]
    fn a_level_without_tokens_has_no_cost_and_a_free_machine_no_tokens_for_a_dollar() {
        let none = LevelCost::of(&failed_level(), &Rent::at_full_use(usd("3.60")));
        assert_eq!((none.usd_per_million_output_tokens, none.output_tokens_per_usd), (None, None));
        let free = LevelCost::of(&level(), &Rent::at_full_use(Decimal::ZERO));
        assert_eq!(free.usd_per_million_output_tokens, Some(Decimal::ZERO));
        assert_eq!(free.output_tokens_per_usd, None);
    }

    #[test]
    fn a_speed_is_measured_interpolated_or_outside_of_what_was_measured() {
        let levels = [at(40.0, "12"), at(10.0, "2"), at(20.0, "4"), at(20.0, "5")];
        let measured = |cost| AtSpeed::Measured { usd_per_million_output_tokens: usd(cost) };
        assert_eq!(AtSpeed::of(&levels, 10.0), measured("2"));
        assert_eq!(AtSpeed::of(&levels, 20.0), measured("4"));
        assert_eq!(
            AtSpeed::of(&levels, 15.0),
            AtSpeed::Interpolated { usd_per_million_output_tokens: usd("3"), slower: 10.0, faster: 20.0 }
        );
        let outside = AtSpeed::Outside { slowest: 10.0, fastest: 40.0 };
        for wanted in [9.9, 40.1, f64::NAN, f64::INFINITY] {
            assert_eq!(AtSpeed::of(&levels, wanted), outside, "{wanted}");
        }
        assert_eq!(AtSpeed::of(&[], 10.0), AtSpeed::Unknown);
    }

    proptest! {
        #[test]
        fn an_interpolated_cost_is_between_those_of_its_neighbours(
            speeds in prop::collection::vec((1.0..200.0_f64, 1_u32..10_000), 2..12), wanted in 1.0..200.0_f64
        ) {
            let levels: Vec<_> = speeds.iter().map(|(speed, cents)| at(*speed, &format!("{cents}.00"))).collect();
            if let AtSpeed::Interpolated { usd_per_million_output_tokens: usd, slower, faster } =
                AtSpeed::of(&levels, wanted)
            {
                prop_assert!(slower < wanted && wanted < faster);
                let all: Vec<_> = speeds.iter().map(|(_, cents)| Decimal::from(*cents)).collect();
                prop_assert!(all.iter().min().unwrap() <= &usd && &usd <= all.iter().max().unwrap());
            }
        }
    }
}
