//! Whether tokens arrived one by one or in bundles: a gap between tokens can only be seen where they come apart.

use serde::{Deserialize, Serialize};

use crate::domain::measure::record::LevelRecords;

/// Share of bundles above which gaps between tokens are no longer what the engine made.
pub(in crate::domain::measure) const COALESCED_SHARE: f64 = 0.05;
/// Two events this near, as a share of their answer's mean gap, arrived as one.
const TOGETHER: f64 = 0.02;

/// How the pieces of the answers arrived.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChunkReport {
    /// Events with text.
    pub events: u64,
    /// Arrivals: an event alone, or several that came in one read or within 2 % of the answer's mean gap.
    pub arrivals: u64,
    /// Share of the arrivals that were several events.
    pub coalesced_share: f64,
    /// Output tokens in an event, mean; `None` without usage.
    pub tokens_per_event: Option<f64>,
}

impl ChunkReport {
    /// Of everything that wasn't over before the window; `None` where no text came.
    pub(in crate::domain::measure) fn of(level: &LevelRecords) -> Option<Self> {
        let (mut events, mut arrivals, mut bundles) = (0, 0, 0);
        let (mut tokens, mut counted_events) = (0, 0);
        for record in level.after_warm_up().filter(|record| !record.arrivals_us.is_empty()) {
            let times = &record.arrivals_us;
            let span_us = times[times.len() - 1].saturating_sub(times[0]);
            let mean_gap_us = span_us as f64 / (times.len().max(2) - 1) as f64;
            let is_together = |pair: &[u64]| pair[1].saturating_sub(pair[0]) as f64 <= TOGETHER * mean_gap_us;
            let (mut run, mut finished) = (1_u64, Vec::new());
            for pair in times.windows(2) {
                if is_together(pair) {
                    run += 1;
                } else {
                    finished.push(std::mem::replace(&mut run, 1));
                }
            }
            finished.push(run);
            events += times.len() as u64;
            arrivals += finished.len() as u64;
            bundles += finished.iter().filter(|run| **run > 1).count() as u64;
            if let Some(output) = record.output_tokens {
                tokens += u64::from(output);
                counted_events += times.len() as u64;
            }
        }
        (arrivals > 0).then(|| Self {
            events,
            arrivals,
            coalesced_share: bundles as f64 / arrivals as f64,
            tokens_per_event: (counted_events > 0).then(|| tokens as f64 / counted_events as f64),
        })
    }

    /// Whether gaps between tokens are more the path's than the engine's.
    pub(in crate::domain::measure) fn is_coalesced(&self) -> bool {
        self.coalesced_share > COALESCED_SHARE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::measure::{
        summarise,
        tests::{level, request},
    };

    fn report(arrivals_us: &[u64], tokens: u32) -> ChunkReport {
        let record = request(0, 100_000).events(arrivals_us.iter().copied()).usage(16, tokens);
        ChunkReport::of(&level((0, 100_000), vec![record])).unwrap()
    }

    #[test]
    fn tokens_that_come_apart_are_not_coalesced_however_uneven() {
        let apart = report(&[10_000, 20_000, 30_500, 39_000, 50_000], 5);
        assert_eq!((apart.events, apart.arrivals), (5, 5));
        assert!(!apart.is_coalesced());
        assert_eq!(apart.tokens_per_event, Some(1.0));
    }

    #[test]
    fn events_of_one_read_and_events_in_a_burst_are_one_arrival() {
        let bundled = report(&[10_000, 10_000, 10_000, 40_000, 40_050, 70_000], 12);
        assert_eq!((bundled.events, bundled.arrivals), (6, 3));
        assert!((bundled.coalesced_share - 2.0 / 3.0).abs() < 1e-12);
        assert!(bundled.is_coalesced());
        assert_eq!(bundled.tokens_per_event, Some(2.0));
        assert!(report(&[10_000, 10_000, 10_000], 3).is_coalesced(), "a whole answer in one read");
    }

    #[test]
    fn it_is_flagged_and_nothing_is_said_of_answers_without_text() {
        let bundled = request(0, 100_000).events([10_000, 10_000, 40_000]).usage(16, 3);
        let summary = summarise(&level((0, 100_000), vec![bundled]));
        assert!(summary.instrument.flags.contains(&"chunks_coalesced".to_owned()));
        assert_eq!(ChunkReport::of(&level((0, 100_000), vec![request(0, 100)])), None);
    }
}
