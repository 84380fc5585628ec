//! Results of a made-up engine, for the tests of everything that shows results.

use crate::domain::measure::{
    record::{ClientSample, LevelRecords, LoadShape, Outcome, RequestRecord, Window},
    summarise,
    summary::LevelSummary,
};

/// A level of a made-up engine that answers every request alike but for a little drift, as a closed loop.
fn level(shape: LoadShape, requests_a_stream: u64) -> LevelSummary {
    summarise(&records(shape, requests_a_stream))
}

fn records(shape: LoadShape, requests_a_stream: u64) -> LevelRecords {
    let streams = u64::from(shape.in_flight_limit().unwrap_or(1));
    let latency_us = |i: u64| 400_000 + 20_000 * streams + (i * 7_919) % 90_000;
    let mut records = Vec::new();
    for stream in 0..streams {
        let mut now = 500_000;
        for i in 0..requests_a_stream {
            let end_us = now + latency_us(stream + i);
            records.push(RequestRecord {
                stream: stream as u32,
                intended_start_us: now,
                start_us: now,
                arrivals_us: (0..16).map(|token| end_us - 150_000 + token * 10_000).collect(),
                end_us,
                prompt_tokens: Some(16),
                output_tokens: Some(16),
                cached_prompt_tokens: None,
                intended_prompt_tokens: 16,
                intended_output_tokens: 16,
                outcome: Outcome::Completed,
            });
            now = end_us;
        }
    }
    LevelRecords {
        shape,
        window: Window { start_us: 1_000_000, end_us: 4_000_000 },
        records,
        client: ClientSample {
            send_lags_us: (1..=40).map(|i| i * 2).collect(),
            cpu_share: 0.062,
            rtt_us: Some(41),
            rtt_after_us: Some(43),
            through_proxy: false,
            shared_host: true,
        },
        seed: 42,
    }
}

/// Ten levels as a run stores them: throughput first.
pub(crate) fn ten_levels() -> Vec<LevelSummary> {
    let mut levels = vec![level(LoadShape::Saturate { max_in_flight: 36 }, 9)];
    levels.extend((1..=9).rev().map(|streams| level(LoadShape::Closed { streams }, 9)));
    levels
}

/// The level of one stream.
pub(crate) fn one_stream() -> LevelSummary {
    level(LoadShape::Closed { streams: 1 }, 9)
}

/// The records of the level of one stream.
pub(crate) fn one_stream_records() -> LevelRecords {
    records(LoadShape::Closed { streams: 1 }, 9)
}

/// A level of which nothing is known but that it failed.
pub(crate) fn failed_level() -> LevelSummary {
    let mut level = level(LoadShape::Closed { streams: 2 }, 0);
    level.errors = [("connect_refused".to_owned(), 12), ("http_503".to_owned(), 1)].into();
    level
}
