//! Populations, cuts and edge cases of the two views, on records small enough to check by hand.

use super::{close, level, request};
use crate::domain::measure::{
    record::{LevelRecords, LoadShape, Outcome, RequestRecord},
    summarise,
    summary::{BenchmarkType, Columns, LevelSummary},
};

fn errored(code: &str) -> Outcome {
    Outcome::Errored { code: code.to_owned() }
}

/// The level of the walkthrough at the end of docs/methodology.md.
fn walkthrough() -> LevelRecords {
    let a = request(800_000, 1_250_000).events([950_000, 1_050_000, 1_150_000, 1_250_000]).usage(20, 4);
    let b = request(1_000_000, 1_500_000).events([1_250_000, 1_350_000, 1_450_000]).usage(20, 6);
    let c = request(1_300_000, 3_200_000).events([2_800_000, 2_900_000, 3_100_000, 3_200_000]).usage(20, 4);
    LevelRecords { shape: LoadShape::Closed { streams: 2 }, ..level((1_000_000, 3_000_000), vec![a, b, c]) }
}

fn assert_columns(columns: &Columns, counts: (u64, u64), figures: [f64; 11]) {
    assert_eq!((columns.total_requests, columns.successful_requests), counts);
    let actual = [
        Some(columns.benchmark_duration),
        columns.requests_per_second,
        columns.request_concurrency,
        columns.request_latency,
        columns.prompt_token_count,
        columns.output_token_count,
        columns.time_to_first_token_ms,
        columns.time_per_output_token_ms,
        columns.inter_token_latency_ms,
        columns.output_tokens_per_second,
        columns.tokens_per_second,
    ];
    for (column, (actual, figure)) in actual.into_iter().zip(figures).enumerate() {
        assert!(close(actual, Some(figure)), "figure {column}: {actual:?} is not {figure}");
    }
}

#[test]
fn the_walkthrough_of_the_methodology_gives_its_measured_row() {
    let summary = summarise(&walkthrough());
    let columns = &summary.measured.columns;
    assert_columns(columns, (2, 2), [2.0, 1.0, 1.225, 0.475, 20.0, 5.0, 200.0, 50.0, 62.5, 5.5, 25.5]);
    assert_eq!((columns.benchmark_type, columns.rate), (BenchmarkType::Concurrent, Some(2)));
    assert!(close(summary.instrument.littles_law_error, Some(0.75 / 1.225)));
    assert_eq!(summary.instrument.flags, ["low_n"]);
}

#[test]
fn the_walkthrough_of_the_methodology_gives_its_compat_row() {
    let compat = summarise(&walkthrough()).compat;
    let per_second = |count: f64| count / 2.2;
    assert_columns(
        &compat,
        (3, 2),
        [
            2.2,
            per_second(3.0),
            per_second(2.65),
            2.65 / 3.0,
            20.0,
            4.0,
            1900.0 / 3.0,
            50.0,
            600.0 / 9.0,
            per_second(12.0),
            per_second(72.0),
        ],
    );
}

#[test]
fn what_happens_after_the_deadline_leaves_no_trace_in_compat() {
    let mut cancelled = walkthrough();
    let c = &mut cancelled.records[2];
    (c.end_us, c.outcome) = (3_000_000, Outcome::CutOff);
    c.arrivals_us.truncate(2);
    (c.prompt_tokens, c.output_tokens) = (None, None);
    let mut later = walkthrough();
    later.records.push(request(3_000_001, 3_500_000).events([3_400_000]).usage(20, 1));
    assert_eq!(summarise(&walkthrough()).compat, summarise(&cancelled).compat);
    assert_eq!(summarise(&walkthrough()).compat, summarise(&later).compat);
}

#[test]
fn a_request_that_starts_and_fails_inside_the_window_is_in_the_total_of_both_views() {
    let mut level = walkthrough();
    level.records.push(request(1_500_000, 1_600_000).outcome(errored("reset")));
    let summary = summarise(&level);
    assert_eq!(
        (summary.measured.columns.total_requests, summary.measured.columns.successful_requests),
        (3, 2)
    );
    assert_eq!((summary.compat.total_requests, summary.compat.successful_requests), (4, 2));
    assert!(
        close(summary.compat.request_latency, Some((0.45 + 0.5 + 1.7 + 0.1) / 4.0)),
        "compat means include failures"
    );
    assert!(close(summary.measured.columns.request_latency, Some(0.475)), "measured means do not");
}

#[test]
fn what_was_over_before_the_window_opened_is_in_no_view() {
    let mut level = walkthrough();
    level.records.push(request(0, 999_999).events([500_000]).usage(20, 9));
    level.records.push(request(0, 999_999).outcome(errored("reset")));
    assert_eq!(summarise(&level), summarise(&walkthrough()));
}

#[test]
fn a_prompt_that_was_never_answered_counts_in_no_token_figure() {
    let mut level = walkthrough();
    level.records.push(request(2_500_000, 3_400_000).outcome(Outcome::CutOff).intended_prompt(9_999));
    let (with, without) = (summarise(&level).compat, summarise(&walkthrough()).compat);
    assert_eq!(with.total_requests, 4);
    assert_eq!(with.prompt_token_count, without.prompt_token_count);
    assert_eq!(with.tokens_per_second, without.tokens_per_second);
}

#[test]
fn failures_are_counted_by_code_from_the_end_of_warm_up_to_the_end_of_the_drain() {
    let mut level = walkthrough();
    level.records.push(request(100_000, 200_000).outcome(errored("connect_refused")));
    level.records.push(request(900_000, 1_100_000).outcome(errored("http_503")));
    level.records.push(request(1_100_000, 1_200_000).outcome(errored("http_503")));
    level.records.push(request(2_900_000, 3_300_000).outcome(errored("timeout")));
    let errors: Vec<_> = summarise(&level).errors.into_iter().collect();
    assert_eq!(errors, [("http_503".to_owned(), 2), ("timeout".to_owned(), 1)]);
}

#[test]
fn saturation_has_no_rate_and_an_open_loop_is_its_own_type() {
    let mut level = walkthrough();
    level.shape = LoadShape::Saturate { max_in_flight: 36 };
    let throughput = summarise(&level).measured.columns;
    assert_eq!((throughput.benchmark_type, throughput.rate), (BenchmarkType::Throughput, None));
    level.shape = LoadShape::Open { requests_per_second: 2.5 };
    let open = summarise(&level);
    assert_eq!((open.compat.benchmark_type, open.compat.rate), (BenchmarkType::Rate, None));
    assert_eq!(open.instrument.intended_concurrency, None);
}

#[test]
fn an_open_loop_counts_the_wait_of_a_request_that_was_sent_late_and_a_closed_loop_does_not() {
    let late = RequestRecord {
        intended_start_us: 100_000,
        ..request(400_000, 900_000).events([600_000]).usage(7, 1)
    };
    let mut level = level((0, 1_000_000), vec![late]);
    let closed = summarise(&level);
    level.shape = LoadShape::Open { requests_per_second: 1.0 };
    let open = summarise(&level);
    for (columns, latency, ttft, in_flight) in [
        (&closed.measured.columns, 0.5, 200.0, 0.5),
        (&open.measured.columns, 0.8, 500.0, 0.8),
        (&open.compat, 0.8, 500.0, 1.0),
    ] {
        assert!(close(columns.request_latency, Some(latency)), "{columns:?}");
        assert!(close(columns.time_to_first_token_ms, Some(ttft)), "{columns:?}");
        assert!(close(columns.request_concurrency, Some(in_flight)), "{columns:?}");
    }
}

#[test]
fn the_means_in_the_columns_are_those_of_the_spreads_to_the_last_digit() {
    let measured = summarise(&walkthrough()).measured;
    assert_eq!(measured.columns.request_latency, measured.percentiles.request_latency.mean);
    assert_eq!(measured.columns.time_to_first_token_ms, measured.percentiles.time_to_first_token_ms.mean);
    // Gaps are weighed by request in the spread: (100 + 40) ÷ 2 ms against 62.5.
    assert!(close(measured.percentiles.inter_token_latency_ms.mean, Some(70.0)));
}

fn assert_no_means(columns: &Columns) {
    let means = [
        columns.request_latency,
        columns.prompt_token_count,
        columns.output_token_count,
        columns.time_to_first_token_ms,
        columns.time_per_output_token_ms,
        columns.inter_token_latency_ms,
    ];
    assert_eq!(means, [None; 6]);
}

fn rates(columns: &Columns) -> [Option<f64>; 4] {
    [
        columns.requests_per_second,
        columns.request_concurrency,
        columns.output_tokens_per_second,
        columns.tokens_per_second,
    ]
}

#[test]
fn a_level_without_a_request_has_counts_of_nought_and_no_means() {
    let summary = summarise(&level((0, 2_000_000), vec![]));
    for columns in [&summary.measured.columns, &summary.compat] {
        assert_no_means(columns);
        assert_eq!(rates(columns), [None; 4]);
        assert_eq!(
            (columns.total_requests, columns.successful_requests, columns.benchmark_duration),
            (0, 0, 2.0)
        );
    }
    assert_eq!(summary.instrument.littles_law_error, None);
    assert_eq!(summary.measured.percentiles.request_latency.n, 0);
}

#[test]
fn a_level_where_all_failed_has_no_token_means_and_says_so_in_its_counts() {
    let records = (0..3).map(|i| request(i * 10, i * 10 + 5).outcome(errored("http_500"))).collect();
    let summary = summarise(&level((0, 1_000_000), records));
    assert_no_means(&summary.measured.columns);
    assert_eq!(
        (summary.measured.columns.total_requests, summary.measured.columns.successful_requests),
        (3, 0)
    );
    assert_eq!(summary.measured.columns.requests_per_second, Some(0.0));
    assert_eq!(summary.compat.time_to_first_token_ms, None);
    assert!(close(summary.compat.request_latency, Some(0.000_005)));
    assert_eq!(summary.errors["http_500"], 3);
}

#[test]
fn a_single_request_is_a_row() {
    let summary =
        summarise(&level((0, 1_000_000), vec![request(0, 1_000_000).events([400_000, 900_000]).usage(7, 2)]));
    for columns in [&summary.measured.columns, &summary.compat] {
        assert_columns(columns, (1, 1), [1.0, 1.0, 1.0, 1.0, 7.0, 2.0, 400.0, 250.0, 500.0, 2.0, 9.0]);
    }
    assert_eq!(summary.measured.percentiles.request_latency.stddev, None);
}

#[test]
fn no_length_of_window_or_span_divides_by_nought() {
    // Everything at one moment, in a window of no length.
    let records = vec![request(5, 5).events([5, 5]).usage(3, 2), request(5, 5).events([5]).usage(3, 1)];
    let summary = summarise(&level((5, 5), records));
    for columns in [&summary.measured.columns, &summary.compat] {
        assert_eq!(rates(columns), [None; 4]);
        assert_eq!((columns.request_latency, columns.benchmark_duration), (Some(0.0), 0.0));
    }
}

#[test]
fn a_window_that_ends_before_it_starts_is_one_of_no_length() {
    let LevelSummary { measured, .. } =
        summarise(&level((10, 5), vec![request(0, 20).events([7]).usage(3, 1)]));
    assert_eq!((measured.columns.benchmark_duration, rates(&measured.columns)), (0.0, [None; 4]));
}
