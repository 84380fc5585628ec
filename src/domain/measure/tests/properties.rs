//! What must hold for any records at all.

use proptest::prelude::*;

use super::{close, level, request};
use crate::domain::measure::{
    digest,
    record::{LevelRecords, LoadShape, Outcome, RequestRecord},
    summarise,
    summary::LevelSummary,
};

fn outcomes() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        6 => Just(Outcome::Completed),
        1 => Just(Outcome::CutOff),
        1 => Just(Outcome::Errored { code: "reset".to_owned() }),
    ]
}

/// A request sent in the first 5 s, with up to 7 events whose gaps may be nothing, and any usage.
fn requests() -> impl Strategy<Value = RequestRecord> {
    let times = (0_u64..5_000_000, proptest::collection::vec(0_u64..300_000, 0..8), 0_u64..20_000);
    let counts = (
        proptest::option::weighted(0.9, 1_u32..200),
        proptest::option::weighted(0.9, 0_u32..20),
        proptest::option::weighted(0.2, 0_u32..20),
    );
    (times, counts, 1_u32..200, 0_u32..9, outcomes()).prop_map(
        |(times, counts, intended, stream, outcome)| {
            let (start_us, gaps, tail) = times;
            let arrivals_us: Vec<u64> = gaps
                .iter()
                .scan(start_us, |at, gap| {
                    *at += gap;
                    Some(*at)
                })
                .collect();
            let end_us = arrivals_us.last().copied().unwrap_or(start_us) + tail;
            RequestRecord {
                stream,
                arrivals_us,
                prompt_tokens: counts.0,
                output_tokens: counts.1,
                cached_prompt_tokens: counts.2,
                intended_prompt_tokens: intended,
                outcome,
                ..request(start_us, end_us)
            }
        },
    )
}

fn levels() -> impl Strategy<Value = LevelRecords> {
    let window = (0_u64..3_000_000, 0_u64..4_000_000);
    (proptest::collection::vec(requests(), 0..40), window, any::<u64>(), 0.0_f64..2.0).prop_map(
        |(records, (start_us, length_us), seed, cpu_share)| {
            let mut level = level((start_us, start_us + length_us), records);
            level.shape = LoadShape::Closed { streams: 9 };
            level.seed = seed;
            level.client.cpu_share = cpu_share;
            level
        },
    )
}

/// A level in which all completed, with usage, inside the window.
fn undisturbed_levels() -> impl Strategy<Value = LevelRecords> {
    proptest::collection::vec((requests(), 1_u32..20), 1..40).prop_map(|requests| {
        let records: Vec<_> = requests
            .into_iter()
            .map(|(record, output)| {
                let first = record.arrivals_us.first().copied().unwrap_or(record.end_us);
                let arrivals_us =
                    if record.arrivals_us.is_empty() { vec![first] } else { record.arrivals_us.clone() };
                RequestRecord { arrivals_us, outcome: Outcome::Completed, ..record }.usage(11, output)
            })
            .collect();
        let first_us = records.iter().map(|record| record.start_us).min().unwrap();
        let last_us = records.iter().map(|record| record.end_us).max().unwrap();
        level((first_us, last_us), records)
    })
}

/// A closed loop without think time: each stream's next request starts when its last one ended.
fn closed_loop(streams: u32, latencies_us: &[u64], length_us: u64) -> LevelRecords {
    let warm_up_us = 1_000_000;
    let mut latencies = latencies_us.iter().copied().cycle();
    let mut records = Vec::new();
    for stream in 0..streams {
        let mut now = u64::from(stream) * 7;
        while now <= warm_up_us + length_us {
            let end = now + latencies.next().unwrap();
            records.push(RequestRecord { stream, ..request(now, end).events([end]).usage(16, 1) });
            now = end;
        }
    }
    let mut level = level((warm_up_us, warm_up_us + length_us), records);
    level.shape = LoadShape::Closed { streams };
    level
}

fn later(level: &LevelRecords, by_us: u64) -> LevelRecords {
    let mut level = level.clone();
    level.window.start_us += by_us;
    level.window.end_us += by_us;
    for record in &mut level.records {
        record.intended_start_us += by_us;
        record.start_us += by_us;
        record.end_us += by_us;
        record.arrivals_us.iter_mut().for_each(|at| *at += by_us);
    }
    level
}

fn through_json<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T) -> T {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_order_in_which_records_were_merged_leaves_no_trace(
        (level, shuffled) in levels().prop_flat_map(|level| {
            let records = Just(level.records.clone()).prop_shuffle();
            (Just(level), records)
        })
    ) {
        let other = LevelRecords { records: shuffled, ..level.clone() };
        prop_assert_eq!(summarise(&level), summarise(&other));
        prop_assert_eq!(digest(&level), digest(&other));
    }

    #[test]
    fn stored_records_give_every_published_figure_again_to_the_last_digit(level in levels()) {
        let summary = summarise(&level);
        prop_assert_eq!(&summarise(&through_json(&level)), &summary);
        prop_assert_eq!(through_json::<LevelSummary>(&summary), summary);
    }

    #[test]
    fn another_zero_of_the_clock_changes_nothing(level in levels(), by_us in 0_u64..1_000_000_000_000) {
        prop_assert_eq!(summarise(&level), summarise(&later(&level, by_us)));
    }

    #[test]
    fn no_figure_is_ever_nan_or_infinite(level in levels()) {
        let shown = format!("{:?}", summarise(&level));
        prop_assert!(!shown.contains("NaN") && !shown.contains("inf"), "{}", shown);
    }

    #[test]
    fn littles_law_is_an_identity_in_compat(level in levels()) {
        let compat = summarise(&level).compat;
        let expected = compat.requests_per_second.zip(compat.request_latency).map(|(rate, latency)| rate * latency);
        prop_assert!(close(compat.request_concurrency.and(expected), compat.request_concurrency), "{:?}", compat);
    }

    #[test]
    fn littles_law_holds_in_measured_to_two_requests_a_stream(
        streams in 1_u32..32,
        latencies_us in proptest::collection::vec(80_000_u64..120_000, 1..50),
        length_us in 400_000_u64..4_000_000,
    ) {
        let summary = summarise(&closed_loop(streams, &latencies_us, length_us));
        let completions = summary.measured.columns.successful_requests;
        let bound = 2.0 * f64::from(streams) / completions as f64;
        prop_assert!(summary.instrument.littles_law_error.unwrap() <= bound, "{:?} over {bound}", summary.instrument);
        let full = close(Some(summary.instrument.achieved_concurrency), Some(f64::from(streams)));
        prop_assert!(full, "a loop without think time is always full: {:?}", summary.instrument);
    }

    #[test]
    fn the_views_agree_when_nothing_was_cut_off_and_nothing_was_warm_up(level in undisturbed_levels()) {
        let LevelSummary { measured, compat, .. } = summarise(&level);
        prop_assert_eq!(measured.columns, compat);
    }

    #[test]
    fn tokens_are_never_more_than_the_engine_said(level in undisturbed_levels(), cut_us in 0_u64..5_000_000) {
        let mut cut = level.clone();
        cut.window.end_us = cut.window.start_us + cut_us;
        let said: u64 = level.records.iter().filter_map(|record| record.output_tokens.map(u64::from)).sum();
        let tokens = |level: &LevelRecords| {
            let measured = summarise(level).measured.columns;
            measured.output_tokens_per_second.map(|rate| rate * measured.benchmark_duration)
        };
        if let Some(all) = tokens(&level) {
            prop_assert!(close(Some(all), Some(said as f64)), "{all} of {said}");
        }
        if let Some(some) = tokens(&cut) {
            prop_assert!(some <= said as f64 + 1e-6, "{some} of {said}");
        }
    }
}
