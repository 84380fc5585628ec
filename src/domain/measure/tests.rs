//! Builders for the unit tests of this room, and the tests of the two views as a whole.

mod properties;
mod views;

use super::record::{ClientSample, LevelRecords, LoadShape, Outcome, RequestRecord, Window};

/// A completed request without text and without usage; the methods below add to it. Times in µs.
pub(super) fn request(start_us: u64, end_us: u64) -> RequestRecord {
    RequestRecord {
        stream: 0,
        intended_start_us: start_us,
        start_us,
        arrivals_us: Vec::new(),
        end_us,
        prompt_tokens: None,
        output_tokens: None,
        cached_prompt_tokens: None,
        intended_prompt_tokens: 16,
        intended_output_tokens: 0,
        outcome: Outcome::Completed,
    }
}

impl RequestRecord {
    pub(super) fn events(mut self, arrivals_us: impl IntoIterator<Item = u64>) -> Self {
        self.arrivals_us = arrivals_us.into_iter().collect();
        self
    }

    /// The engine's usage, for a prompt of the length it was built to have.
    pub(super) fn usage(mut self, prompt: u32, output: u32) -> Self {
        self.intended_prompt_tokens = prompt;
        self.prompt_tokens = Some(prompt);
        self.output_tokens = Some(output);
        self
    }

    pub(super) fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    pub(super) fn intended_prompt(mut self, tokens: u32) -> Self {
        self.intended_prompt_tokens = tokens;
        self
    }
}

/// A level of one stream with a client that is never in the way.
pub(super) fn level((start_us, end_us): (u64, u64), records: Vec<RequestRecord>) -> LevelRecords {
    LevelRecords {
        shape: LoadShape::Closed { streams: 1 },
        window: Window { start_us, end_us },
        records,
        client: ClientSample {
            send_lags_us: vec![20],
            cpu_share: 0.1,
            rtt_us: Some(80),
            rtt_after_us: Some(90),
            through_proxy: false,
            shared_host: false,
        },
        seed: 42,
    }
}

/// Equal but for the last bits of a division done in another order.
pub(super) fn close(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(b.abs()),
        (None, None) => true,
        _ => false,
    }
}
