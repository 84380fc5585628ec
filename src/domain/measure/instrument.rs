//! The instrument's report on itself, published with each result.

use super::{
    flags,
    observed::ChunkReport,
    record::LevelRecords,
    stats,
    summary::{Columns, Instrument, Measured},
};

/// Achieved against intended concurrency, send lag, CPU share, network path, and how well Little's law holds.
pub(super) fn report(level: &LevelRecords, measured: &Measured) -> Instrument {
    let client = &level.client;
    let mut lags_us = client.send_lags_us.clone();
    lags_us.sort_unstable();
    let lag_ms = |us: u64| us as f64 / stats::US_PER_MS;
    let chunks = ChunkReport::of(level);
    let lag_p99_us = stats::nearest_rank(&lags_us, 0.99);
    Instrument {
        intended_concurrency: level.shape.in_flight_limit().map(f64::from),
        achieved_concurrency: measured.columns.request_concurrency.unwrap_or(0.0),
        send_lag_p50_ms: stats::nearest_rank(&lags_us, 0.5).map(lag_ms),
        send_lag_p99_ms: lag_p99_us.map(lag_ms),
        cpu_share: if client.cpu_share.is_finite() { client.cpu_share } else { 0.0 },
        rtt_ms: client.rtt_us.map(lag_ms),
        rtt_after_ms: client.rtt_after_us.map(lag_ms),
        path: if client.through_proxy { "proxy" } else { "direct" }.to_owned(),
        littles_law_error: littles_law_error(&measured.columns),
        flags: flags::of(level, measured, lag_p99_us, chunks.as_ref()),
        chunks,
    }
}

/// |L − λW| ÷ L, from the columns as published: a reader can check it.
fn littles_law_error(columns: &Columns) -> Option<f64> {
    let in_flight = columns.request_concurrency?;
    let expected = columns.requests_per_second? * columns.request_latency?;
    stats::ratio((in_flight - expected).abs(), in_flight)
}

#[cfg(test)]
mod tests {
    use crate::domain::measure::{
        record::LoadShape,
        summarise,
        tests::{level, request},
    };

    #[test]
    fn the_report_is_in_milliseconds_and_names_the_path() {
        let mut level = level((0, 1_000), vec![request(0, 500).events([100]).usage(1, 1)]);
        level.shape = LoadShape::Saturate { max_in_flight: 36 };
        level.client.send_lags_us = (1..=200).rev().collect();
        level.client.rtt_us = Some(250);
        level.client.through_proxy = true;
        let report = summarise(&level).instrument;
        assert_eq!((report.send_lag_p50_ms, report.send_lag_p99_ms), (Some(0.1), Some(0.198)));
        assert_eq!((report.intended_concurrency, report.achieved_concurrency), (Some(36.0), 0.5));
        assert_eq!((report.rtt_ms, report.path.as_str()), (Some(0.25), "proxy"));
    }

    #[test]
    fn a_share_that_is_no_number_is_never_published() {
        let mut level = level((0, 0), vec![]);
        level.client.cpu_share = f64::NAN;
        level.client.send_lags_us.clear();
        let report = summarise(&level).instrument;
        assert_eq!((report.cpu_share, report.send_lag_p99_ms, report.littles_law_error), (0.0, None, None));
    }

    #[test]
    fn littles_law_is_off_by_what_the_window_cut() {
        // In flight for the whole window: L = 1. One completion of 1.5 s in 1 s: λW = 1.5.
        let level = level((500_000, 1_500_000), vec![request(0, 1_500_000).events([1_000_000]).usage(1, 1)]);
        assert_eq!(summarise(&level).instrument.littles_law_error, Some(0.5));
    }
}
