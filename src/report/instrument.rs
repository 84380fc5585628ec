//! The instrument's own error beside what it measured, as rows for the terminal and the page.

use super::words::{figure, name};
use crate::domain::measure::summary::LevelSummary;

/// The columns' headings; a line break where a narrow table may break them.
pub const INSTRUMENT_COLUMNS: [&str; 11] = [
    "the client",
    "in flight,\nintended",
    "in flight,\nachieved",
    "send lag\np50 ms",
    "send lag\np99 ms",
    "CPU\ncores",
    "round trip\nbefore ms",
    "after\nms",
    "path",
    "arrivals\nbundled %",
    "Little's law\noff by %",
];

/// A level's figures in the order of [`INSTRUMENT_COLUMNS`].
#[must_use]
pub fn instrument_row(level: &LevelSummary) -> [String; 11] {
    let client = &level.instrument;
    let percent = |share: f64| share * 100.0;
    [
        name(level),
        client.intended_concurrency.map_or_else(|| "-".to_owned(), |streams| streams.to_string()),
        figure(Some(client.achieved_concurrency)),
        figure(client.send_lag_p50_ms),
        figure(client.send_lag_p99_ms),
        figure(Some(client.cpu_share)),
        figure(client.rtt_ms),
        figure(client.rtt_after_ms),
        client.path.clone(),
        figure(client.chunks.as_ref().map(|chunks| percent(chunks.coalesced_share))),
        figure(client.littles_law_error.map(percent)),
    ]
}
