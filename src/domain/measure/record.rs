//! What the load generator hands over: one record a request, on one monotonic clock, in whole microseconds.
//!
//! Times are microseconds since the level's clock started, quantised **before** anything is summarised, so a
//! recomputation from stored records is exact.

use serde::{Deserialize, Serialize};

/// How a level's load was shaped.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "shape")]
pub enum LoadShape {
    /// A fixed number of streams, each sending its next request when the last one ended.
    Closed {
        /// Streams.
        streams: u32,
    },
    /// As many requests in flight as allowed (the throughput benchmark).
    Saturate {
        /// Most requests in flight.
        max_in_flight: u32,
    },
    /// Requests sent at times drawn beforehand, whatever the answers do.
    Open {
        /// Mean arrival rate, requests per second.
        requests_per_second: f64,
    },
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "status")]
pub enum Outcome {
    /// The answer came to its end without error.
    Completed,
    /// Still in flight when the drain's grace ended, and cut off by us.
    CutOff,
    /// It failed.
    Errored {
        /// Stable code, e.g. `connect`, `reset`, `http_503`, `timeout`, `malformed_stream`, `truncated_stream`.
        code: String,
    },
}

/// One request as the client saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRecord {
    /// Number of the stream (or in-flight place) that sent it.
    pub stream: u32,
    /// When it was meant to be sent, µs. In a closed loop: when the stream became free.
    pub intended_start_us: u64,
    /// *s*: just before its first byte was written, µs (a connect that had to happen then is inside it).
    pub start_us: u64,
    /// Arrival of each event with non-empty text, µs, ascending. Where an answer had only empty texts, the one
    /// arrival of its first event with choices. Its first is *f*, its last *l*. Never the usage- or finish-only event.
    pub arrivals_us: Vec<u64>,
    /// *e*: its end, µs.
    pub end_us: u64,
    /// Prompt tokens by the engine's own usage.
    pub prompt_tokens: Option<u32>,
    /// Output tokens by the engine's own usage.
    pub output_tokens: Option<u32>,
    /// Prompt tokens answered from a prefix cache, where the engine says so.
    pub cached_prompt_tokens: Option<u32>,
    /// Prompt tokens it was built to have; counts for a request that was cut off before its usage came.
    /// 0: not known (a prompt from a file).
    pub intended_prompt_tokens: u32,
    /// Output tokens it asked for, to be generated to the last. 0: not known (records of an older version).
    #[serde(default)]
    pub intended_output_tokens: u32,
    /// How it ended.
    pub outcome: Outcome,
}

/// The measurement window on the level's clock, µs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// *W0*: after warm-up.
    pub start_us: u64,
    /// *W1*: the deadline.
    pub end_us: u64,
}

/// What the client measured of itself while it measured the engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClientSample {
    /// Delay between when a request was meant to be sent and when it was, µs, one a request sent in the window.
    pub send_lags_us: Vec<u64>,
    /// CPU time of this process ÷ wall time of the window (1.0 = one core busy).
    pub cpu_share: f64,
    /// Round-trip time of the network path, µs (TCP connect), median of a few; `None` where it wasn't measured.
    pub rtt_us: Option<u64>,
    /// The same once the level was over, µs.
    #[serde(default)]
    pub rtt_after_us: Option<u64>,
    /// Whether requests went through a provider's HTTP proxy.
    pub through_proxy: bool,
    /// Whether engine and client share one host.
    pub shared_host: bool,
}

/// A level as measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LevelRecords {
    /// The load.
    pub shape: LoadShape,
    /// The window.
    pub window: Window,
    /// Every request that was sent, warm-up included, in the order of `start_us`.
    pub records: Vec<RequestRecord>,
    /// The client on itself.
    pub client: ClientSample,
    /// Seed of the statistics that sample (bootstrap).
    pub seed: u64,
}

impl Window {
    /// W1 − W0, µs.
    #[must_use]
    pub fn length_us(self) -> u64 {
        self.end_us.saturating_sub(self.start_us)
    }

    /// Whether a moment is inside: both ends belong to the window.
    #[must_use]
    pub fn contains(self, at_us: u64) -> bool {
        (self.start_us..=self.end_us).contains(&at_us)
    }
}

impl LevelRecords {
    /// *s* as the formulas take it, µs: when the request was sent; in an open loop when it was meant to be, so that a
    /// client or engine that falls behind can't hide the wait of those it kept waiting (coordinated omission).
    pub(super) fn start_us(&self, record: &RequestRecord) -> u64 {
        match self.shape {
            LoadShape::Open { .. } => record.intended_start_us.min(record.start_us),
            LoadShape::Closed { .. } | LoadShape::Saturate { .. } => record.start_us,
        }
    }

    /// The records of everything that wasn't over before the window opened.
    pub(super) fn after_warm_up(&self) -> impl Iterator<Item = &RequestRecord> {
        self.records.iter().filter(|record| record.end_us >= self.window.start_us)
    }
}
