//! The table of means that a terminal of 120 columns can hold.

use super::plain_table;
use crate::{
    domain::measure::summary::LevelSummary,
    report::{View, figure, in_order, name, number},
};

/// One row a level: the 17 columns but for the two request limits, under short names with their units.
#[must_use]
pub fn table(levels: &[LevelSummary], view: View) -> String {
    let header = [
        "benchmark",
        "time\ns",
        "requests\nok/all",
        "requests\n/s",
        "in\nflight",
        "latency\ns",
        "prompt\ntokens",
        "output\ntokens",
        "TTFT\nms",
        "TPOT\nms",
        "ITL\nms",
        "output\ntokens/s",
        "all\ntokens/s",
    ];
    let row = |level: &LevelSummary| {
        let columns = view.of(level);
        [
            name(level),
            number(columns.benchmark_duration),
            format!("{}/{}", columns.successful_requests, columns.total_requests),
            figure(columns.requests_per_second),
            figure(columns.request_concurrency),
            figure(columns.request_latency),
            figure(columns.prompt_token_count),
            figure(columns.output_token_count),
            figure(columns.time_to_first_token_ms),
            figure(columns.time_per_output_token_ms),
            figure(columns.inter_token_latency_ms),
            figure(columns.output_tokens_per_second),
            figure(columns.tokens_per_second),
        ]
    };
    plain_table(header, in_order(levels).into_iter().map(row))
}
