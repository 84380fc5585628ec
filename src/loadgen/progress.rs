//! What can be seen of a level while it runs.

use serde::Serialize;

use crate::domain::measure::steady::SteadyState;

/// Where a level is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Connections are being opened.
    #[default]
    Connecting,
    /// Load before the window.
    Warmup,
    /// In the window.
    Measuring,
    /// After the window: requests in flight end.
    Draining,
    /// All is recorded.
    Done,
}

/// A level's progress. Counts are since the clock started, warm-up included.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Progress {
    /// Where it is.
    pub phase: Phase,
    /// Since the clock started, s.
    pub elapsed_s: f64,
    /// Warm-up and shortest window, s.
    pub expected_s: f64,
    /// The steady state that ended warm-up, where one was looked for and found.
    pub steady: Option<SteadyState>,
    /// Requests completed.
    pub completed: u64,
    /// Requests completed inside the window so far.
    pub completed_in_window: u64,
    /// Completions the window needs.
    pub needed: u64,
    /// Requests failed.
    pub errored: u64,
    /// Requests in flight.
    pub in_flight: u64,
    /// Output tokens of completed requests, by the engine's usage.
    pub output_tokens: u64,
    /// The longest answer that a request asked for, tokens.
    pub longest_output_tokens: u32,
    /// Requests sent again on a fresh connection because the server had closed the kept one.
    pub stale_retries: u64,
    /// What was said with the first failure of each code.
    pub error_samples: Vec<ErrorSample>,
}

/// The first failure of a code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorSample {
    /// The code.
    pub code: String,
    /// What the server or the system said: one short line.
    pub message: String,
}
