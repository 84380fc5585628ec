//! The instrument's own error, beside what it measured.

use super::plain_table;
use crate::{
    domain::measure::summary::LevelSummary,
    report::{figure, in_order, name},
};

/// One row a level: intended and achieved concurrency, send lag, CPU share, network path, Little's law.
#[must_use]
pub fn instrument_table(levels: &[LevelSummary]) -> String {
    let header = [
        "the client",
        "in flight,\nintended",
        "in flight,\nachieved",
        "send lag\np50 ms",
        "send lag\np99 ms",
        "CPU\ncores",
        "round trip\nms",
        "path",
        "Little's law\noff by %",
    ];
    let row = |level: &LevelSummary| {
        let client = &level.instrument;
        [
            name(level),
            client.intended_concurrency.map_or_else(|| "-".to_owned(), |streams| streams.to_string()),
            figure(Some(client.achieved_concurrency)),
            figure(client.send_lag_p50_ms),
            figure(client.send_lag_p99_ms),
            figure(Some(client.cpu_share)),
            figure(client.rtt_ms),
            client.path.clone(),
            figure(client.littles_law_error.map(|error| error * 100.0)),
        ]
    };
    plain_table(header, in_order(levels).into_iter().map(row))
}
