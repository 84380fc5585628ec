//! The spread beside each mean of the measured view: n, intervals, percentiles, in the unit of the heading.

use super::plain_table;
use crate::{
    domain::measure::summary::{Distribution, LevelSummary, Percentiles},
    report::{figure, in_order, name, number},
};

/// A quantity's spread among those of a level.
type Quantity = fn(&Percentiles) -> &Distribution;

/// One table a quantity (latency, time to first token, gap between tokens), one row a level.
#[must_use]
pub fn spread_tables(levels: &[LevelSummary]) -> String {
    let quantities: [(&str, Quantity); 3] = [
        ("latency, s", |spread| &spread.request_latency),
        ("time to first token (TTFT), ms", |spread| &spread.time_to_first_token_ms),
        ("gap between tokens (ITL), mean of each request, ms", |spread| &spread.inter_token_latency_ms),
    ];
    let mut parts: Vec<String> =
        quantities.iter().map(|(title, of)| format!("{title}\n{}", spread_table(levels, *of))).collect();
    parts.push(
        "in brackets: 95 % confidence interval; a percentile is shown from the n that supports it (p90 64, p95 130, \
         p99 662)"
            .to_owned(),
    );
    parts.join("\n\n")
}

fn spread_table(levels: &[LevelSummary], of: Quantity) -> String {
    let header = ["benchmark", "n", "mean", "p50", "p90", "p95", "p99", "min", "max", "std dev"];
    let row = |level: &LevelSummary| {
        let spread = of(&level.measured.percentiles);
        [
            name(level),
            spread.n.to_string(),
            with_interval(spread.mean, spread.ci95),
            with_interval(spread.p50, spread.p50_ci95),
            figure(spread.p90),
            figure(spread.p95),
            figure(spread.p99),
            figure(spread.min),
            figure(spread.max),
            figure(spread.stddev),
        ]
    };
    plain_table(header, in_order(levels).into_iter().map(row))
}

fn with_interval(value: Option<f64>, interval: Option<[f64; 2]>) -> String {
    match interval {
        Some([low, high]) => format!("{} [{}, {}]", figure(value), number(low), number(high)),
        None => figure(value),
    }
}
