//! The two published views of the same records.
//!
//! *measured* (ours, shown first): latencies and counts of the requests that completed inside the window, whenever
//! sent; rates of what arrived inside it. *compat* (what readers of the 17 columns expect): every request but those
//! that warm-up saw the end of, as if all had been cancelled at the deadline. They share the formulas and must never
//! share a row.

use super::{
    population::{Means, Observed, token_totals},
    rates::{self, Rates},
    record::LevelRecords,
    stats,
    summary::{Columns, Distribution, Measured, Percentiles},
};

/// Requests completed inside the window, and what arrived inside it per second.
pub(super) fn measured(level: &LevelRecords) -> Measured {
    let window = level.window;
    let total_requests = level.records.iter().filter(|record| window.contains(record.end_us)).count() as u64;
    let population = completed(level);
    let columns = Columns {
        benchmark_duration: window.length_us() as f64 / stats::US_PER_S,
        total_requests,
        successful_requests: population.len() as u64,
        ..columns(level, &Means::of(&population), Rates::in_window(level))
    };
    Measured { columns, percentiles: percentiles(&population, level.seed) }
}

/// The requests that completed inside the window, whole.
pub(super) fn completed(level: &LevelRecords) -> Vec<Observed> {
    level
        .records
        .iter()
        .filter(|record| rates::completed_inside(record, level.window))
        .map(|record| Observed::until(record, level.start_us(record), record.end_us))
        .collect()
}

/// Every request that ended after warm-up, cut at the deadline, over the span from the first start to the last end.
pub(super) fn compat(level: &LevelRecords) -> Columns {
    let window = level.window;
    let population: Vec<_> = level
        .after_warm_up()
        .filter(|record| level.start_us(record) <= window.end_us)
        .map(|record| Observed::until(record, level.start_us(record), window.end_us))
        .collect();
    let first_us = population.iter().map(|request| request.start_us).min();
    let last_us = population.iter().map(|request| request.end_us).max();
    let duration_us =
        first_us.zip(last_us).map_or(window.length_us(), |(first, last)| last.saturating_sub(first));
    Columns {
        benchmark_duration: duration_us as f64 / stats::US_PER_S,
        total_requests: population.len() as u64,
        successful_requests: population.iter().filter(|request| request.completed).count() as u64,
        ..columns(level, &Means::of(&population), span_rates(&population))
    }
}

/// Rates over max e − min s: Little's law is an identity of them and the mean latency.
fn span_rates(population: &[Observed]) -> Rates {
    let first_us = population.iter().map(|request| request.start_us).min().unwrap_or(0);
    let last_us = population.iter().map(|request| request.end_us).max().unwrap_or(0);
    let span_us = last_us.saturating_sub(first_us) as f64;
    let per_second = |count: u64| stats::ratio(count as f64 * stats::US_PER_S, span_us);
    let in_flight_us = stats::total(population.iter().map(Observed::latency_us));
    let tokens = token_totals(population);
    Rates {
        requests_per_second: per_second(population.len() as u64),
        request_concurrency: stats::ratio(in_flight_us as f64, span_us),
        output_tokens_per_second: tokens.and_then(|(output, _)| per_second(output)),
        tokens_per_second: tokens.and_then(|(output, prompt)| per_second(output + prompt)),
    }
}

/// The columns, but for the three counts and times that each view defines for itself.
fn columns(level: &LevelRecords, means: &Means, rates: Rates) -> Columns {
    Columns {
        benchmark_type: level.shape.benchmark_type(),
        rate: level.shape.streams(),
        max_number: None,
        warmup_number: None,
        benchmark_duration: 0.0,
        total_requests: 0,
        successful_requests: 0,
        requests_per_second: rates.requests_per_second,
        request_concurrency: rates.request_concurrency,
        request_latency: means.request_latency,
        prompt_token_count: means.prompt_token_count,
        output_token_count: means.output_token_count,
        time_to_first_token_ms: means.time_to_first_token_ms,
        time_per_output_token_ms: means.time_per_output_token_ms,
        inter_token_latency_ms: means.inter_token_latency_ms,
        output_tokens_per_second: rates.output_tokens_per_second,
        tokens_per_second: rates.tokens_per_second,
    }
}

fn percentiles(population: &[Observed], seed: u64) -> Percentiles {
    let spread = |samples: Vec<f64>, per: f64| -> Distribution { stats::distribution(samples, per, seed) };
    Percentiles {
        request_latency: spread(population.iter().map(|r| r.latency_us() as f64).collect(), stats::US_PER_S),
        time_to_first_token_ms: spread(
            population.iter().filter_map(|r| r.ttft_us().map(|us| us as f64)).collect(),
            stats::US_PER_MS,
        ),
        inter_token_latency_ms: spread(
            population.iter().filter_map(Observed::mean_gap_us).collect(),
            stats::US_PER_MS,
        ),
    }
}
