//! What one answer takes: tokens, by the server's count where it tells it, and their price.

use rust_decimal::Decimal;

use super::model::Usage;
use crate::config;

/// Bytes of a token, where the server doesn't count.
const BYTES_PER_TOKEN: usize = 4;
const MILLION: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);

/// Tokens of one answer until now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Meter {
    /// That the model read.
    pub(super) prompt_tokens: u64,
    /// That it wrote.
    pub(super) completion_tokens: u64,
    /// Bytes of the request under way, of which the server has told no count yet.
    open: Option<(usize, usize)>,
}

impl Meter {
    /// A request of so many bytes is sent.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.settle();
        self.open = Some((bytes, 0));
    }

    /// So many bytes came.
    pub(super) fn came(&mut self, bytes: usize) {
        if let Some((_, came)) = &mut self.open {
            *came += bytes;
        }
    }

    /// The server says what the request took.
    pub(super) fn told(&mut self, usage: Usage) {
        self.open = None;
        self.prompt_tokens += u64::from(usage.prompt_tokens);
        self.completion_tokens += u64::from(usage.completion_tokens);
    }

    /// A request ended of which the server told no count: it is guessed by its bytes.
    pub(super) fn settle(&mut self) {
        if let Some((sent, came)) = self.open.take() {
            self.prompt_tokens += sent.div_ceil(BYTES_PER_TOKEN) as u64;
            self.completion_tokens += came.div_ceil(BYTES_PER_TOKEN) as u64;
        }
    }

    /// All of them.
    pub(super) const fn tokens(&self) -> u64 {
        self.prompt_tokens + self.completion_tokens
    }

    /// What they cost, USD.
    pub(super) fn usd(&self, settings: &config::Assistant) -> Decimal {
        let of =
            |tokens: u64, per_million: Decimal| Decimal::from(tokens).saturating_mul(per_million) / MILLION;
        of(self.prompt_tokens, settings.usd_per_million_prompt_tokens)
            .saturating_add(of(self.completion_tokens, settings.usd_per_million_output_tokens))
            .round_dp(6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_count_goes_before_the_guess_and_a_broken_request_is_guessed() {
        let mut meter = Meter::default();
        meter.sent(400);
        meter.came(40);
        meter.told(Usage { prompt_tokens: 90, completion_tokens: 9 });
        assert_eq!((meter.prompt_tokens, meter.completion_tokens), (90, 9));
        meter.sent(400);
        meter.came(41);
        meter.settle();
        meter.settle();
        assert_eq!((meter.prompt_tokens, meter.completion_tokens, meter.tokens()), (190, 20, 210));
    }
}
