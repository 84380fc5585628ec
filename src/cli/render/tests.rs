//! What a terminal shows, whole.

use super::*;
use crate::{
    domain::measure::setup::ServerSetupParts,
    report::samples::{failed_level, one_stream, ten_levels},
};

fn setup() -> SetupTimes {
    SetupTimes {
        server_setup_s: Some(12.345_6),
        model_loading_s: Some(0.8),
        warmup_s: Some(2.0),
        total_s: Some(15.6),
        ..SetupTimes::default()
    }
}

fn widest(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or(0)
}

#[test]
fn the_report_of_ten_levels_reads_like_this() {
    insta::assert_snapshot!(report(&ten_levels(), View::Measured, &setup()));
}

#[test]
fn the_compat_view_reads_like_this() {
    insta::assert_snapshot!(report(&ten_levels()[..3], View::Compat, &setup()));
}

#[test]
fn the_wide_table_has_the_exact_names() {
    insta::assert_snapshot!(wide_table(&ten_levels(), View::Compat));
}

#[test]
fn a_failed_level_shows_dashes_and_what_failed() {
    let report = report(&[failed_level(), one_stream()], View::Measured, &setup());
    insta::assert_snapshot!(report);
}

#[test]
fn the_parts_of_the_server_set_up_are_shown_where_any_was_seen() {
    let parts = ServerSetupParts { container_start_s: Some(3.25), ..ServerSetupParts::default() };
    insta::assert_snapshot!(setup_table(&SetupTimes { server_setup_parts: parts, ..setup() }));
}

#[test]
fn a_run_without_results_says_so() {
    assert!(report(&[], View::Measured, &SetupTimes::default()).starts_with("no results yet\n"));
}

#[test]
fn a_terminal_of_120_columns_holds_the_report_of_the_fastest_engine() {
    let mut levels = ten_levels();
    for level in &mut levels {
        let columns = &mut level.measured.columns;
        (columns.total_requests, columns.successful_requests) = (123_456, 123_456);
        columns.output_tokens_per_second = Some(123_456.7);
        columns.tokens_per_second = Some(234_567.8);
        columns.requests_per_second = Some(12_345.6);
        columns.time_to_first_token_ms = Some(98_765.4);
        columns.benchmark_duration = 1_200.01;
        let spread = &mut level.measured.percentiles.time_to_first_token_ms;
        let shown = Some(98_765.4);
        (spread.n, spread.p90, spread.p95, spread.p99, spread.max) = (123_456, shown, shown, shown, shown);
        (spread.mean, spread.ci95) = (shown, Some([98_765.4, 98_765.4]));
        (spread.p50, spread.p50_ci95) = (shown, Some([98_765.4, 98_765.4]));
    }
    let report = report(&levels, View::Measured, &setup());
    assert!(widest(&report) <= 120, "{} columns:\n{report}", widest(&report));
}
