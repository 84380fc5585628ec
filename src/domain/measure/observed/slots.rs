//! How many requests the engine really serves at once: where more are sent, they queue, and a row is about the queue.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::cross_check::CrossCheck;
use crate::domain::measure::{
    record::{LevelRecords, LoadShape, Outcome, RequestRecord},
    stats,
};

/// Fewest requests from which anything is inferred.
const MIN_REQUESTS: usize = 10;
/// Share of the requests that must have seen so many served at once.
const SEEN_SHARE: f64 = 0.05;
/// Times to first token must be so much longer than the shortest before they count as waiting.
const QUEUED_TTFT: f64 = 1.5;
/// Slots must be this full, on average, to be what requests wait for.
const FULL_SHARE: f64 = 0.75;
/// Share of the requests that must have waited for as many others to end as a queue makes them.
const HANDED_OVER_SHARE: f64 = 0.9;
/// Answers that end together free their slots in any order; an end so little before a start still made room for it.
const SLACK_US: u64 = 2_000;
/// Mean requests in the engine's own queue from which it is taken to queue.
const WAITING: f64 = 0.5;

/// Requests an engine serves at once, fewer than are sent to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineSlots {
    /// How many.
    pub slots: u32,
    /// How that is known.
    pub source: SlotSource,
}

/// How the number of slots is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotSource {
    /// The engine said so.
    Engine,
    /// Its gauges: so many ran while others waited.
    Metrics,
    /// The times of the answers.
    Timing,
}

/// The number of slots where it is below the requests in flight: from what the engine said, else from its gauges,
/// else from the times. `None`: it serves them all, or nobody can tell.
pub(super) fn discover(
    level: &LevelRecords,
    told: Option<u32>,
    cross_check: Option<&CrossCheck>,
) -> Option<EngineSlots> {
    let sent = level.shape.in_flight_limit()?;
    let limiting = |slots: u32, source| (slots < sent).then_some(EngineSlots { slots, source });
    if let Some(slots) = told {
        return limiting(slots, SlotSource::Engine);
    }
    let gauges = cross_check.and_then(|check| check.running.zip(check.waiting));
    if let Some((running, waiting)) = gauges {
        // It has a queue and shows it, so its times needn't be asked.
        let queues = waiting.mean >= WAITING && running.max >= 1.0;
        return if queues { limiting(running.max as u32, SlotSource::Metrics) } else { None };
    }
    from_times(level).and_then(|slots| limiting(slots, SlotSource::Timing))
}

/// One answered request: the stream's last token before it, its start, its first and its last token, µs.
#[derive(Debug, Clone, Copy)]
struct Served {
    before: Option<u64>,
    start: u64,
    first: u64,
    last: u64,
}

/// The answered requests in the order of their start.
fn served(level: &LevelRecords) -> Vec<Served> {
    let mut records: Vec<&RequestRecord> =
        level.records.iter().filter(|record| record.outcome == Outcome::Completed).collect();
    records.sort_unstable_by_key(|record| (record.start_us, record.stream));
    let mut before = BTreeMap::new();
    let mut one = |record: &RequestRecord| {
        let (first, last) = (*record.arrivals_us.first()?, *record.arrivals_us.last()?);
        Some(Served { before: before.insert(record.stream, last), start: record.start_us, first, last })
    };
    records.into_iter().filter_map(&mut one).collect()
}

/// Slots by the times alone. Four things must come together, since each of them has other causes too: never more
/// than so many answers run at once, though more are asked for; first tokens wait; the slots are full; and a
/// first token comes only after as many others have ended as a queue holds.
pub(in crate::domain::measure) fn from_times(level: &LevelRecords) -> Option<u32> {
    let LoadShape::Closed { streams } = level.shape else { return None };
    let served = served(level);
    let (mut firsts, mut lasts): (Vec<u64>, Vec<u64>) =
        served.iter().map(|request| (request.first, request.last)).unzip();
    firsts.sort_unstable();
    lasts.sort_unstable();
    let up_to = |sorted: &[u64], at: u64| sorted.partition_point(|time| *time <= at);
    // Only while every stream has a request in flight: neither the last answers of the drain, nor those before.
    let steady: Vec<&Served> = served
        .iter()
        .filter(|request| {
            request.start >= level.window.start_us.max(1) && request.first <= level.window.end_us
        })
        .collect();
    if steady.len() < MIN_REQUESTS {
        return None;
    }
    // In the middle of an answer, so that answers that keep step are seen together.
    let running = |request: &&Served| {
        let middle = request.first.midpoint(request.last);
        up_to(&firsts, middle).saturating_sub(up_to(&lasts, middle)) as u64
    };
    let mut at_once: Vec<u64> = steady.iter().map(running).collect();
    at_once.sort_unstable();
    let slots = stats::nearest_rank(&at_once, 1.0 - SEEN_SHARE)?;
    if slots == 0 || slots >= u64::from(streams) {
        return None;
    }
    // The mean, since of answers that keep step some wait for a whole other one and some for nobody. The first requests
    // of all found the engine idle.
    // Saturating, as the records of a damaged block may go back in time.
    let wait = |request: &Served| request.first.saturating_sub(request.start);
    let mean_wait =
        stats::ratio(steady.iter().map(|request| wait(request) as f64).sum::<f64>(), steady.len() as f64)?;
    let waited = mean_wait >= QUEUED_TTFT * served.iter().map(wait).min()? as f64;
    let mean = at_once.iter().sum::<u64>() as f64 / at_once.len() as f64;
    let full = mean >= FULL_SHARE * slots as f64;
    let ahead = u64::from(streams) - slots;
    let handed_over = steady
        .iter()
        .filter(|request| {
            let since = request.start.saturating_sub(SLACK_US);
            let own = u64::from(request.before.is_some_and(|last| last > since));
            let ended = up_to(&lasts, request.first).saturating_sub(up_to(&lasts, since));
            ended as u64 >= ahead + own
        })
        .count();
    let queued = handed_over as f64 >= HANDED_OVER_SHARE * steady.len() as f64;
    (waited && full && queued).then(|| u32::try_from(slots).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::measure::{
        observed::gpu::MeanMax,
        tests::{level, request},
    };

    /// An engine of so many slots, first come, first served: 100 ms to the first token, then `tokens` of 10 ms.
    fn queueing(streams: u32, slots: usize, tokens: u64) -> LevelRecords {
        let mut free_us = vec![0_u64; slots];
        let mut next: Vec<(u64, u32)> =
            (0..streams).map(|stream| (u64::from(stream) * 300 + 1, stream)).collect();
        let mut records = Vec::new();
        while let Some(at) = next.iter().enumerate().min_by_key(|(_, request)| **request).map(|(at, _)| at) {
            let (start, stream) = next.remove(at);
            if start > 20_000_000 {
                continue;
            }
            let slot = (0..slots).min_by_key(|slot| free_us[*slot]).unwrap();
            let first = start.max(free_us[slot]) + 100_000;
            let last = first + (tokens - 1) * 10_000;
            free_us[slot] = last;
            let mut record = request(start, last + 40)
                .events((0..tokens).map(|i| first + i * 10_000))
                .usage(16, tokens as u32);
            record.stream = stream;
            records.push(record);
            next.push((last + 90, stream));
        }
        let mut level = level((1_000_000, 20_000_000), records);
        level.shape = LoadShape::Closed { streams };
        level
    }

    #[test]
    fn an_engine_of_two_slots_is_found_out_from_three_streams_on() {
        for streams in 3..=9 {
            assert_eq!(from_times(&queueing(streams, 2, 64)), Some(2), "{streams} streams");
        }
        assert_eq!(from_times(&queueing(9, 4, 64)), Some(4));
        for streams in 1..=2 {
            assert_eq!(from_times(&queueing(streams, 2, 64)), None, "{streams} streams");
        }
    }

    #[test]
    fn an_engine_that_serves_them_all_is_never_said_to_queue_whatever_its_answers_are_like() {
        for streams in 1..=9 {
            for tokens in [1, 2, 8, 64, 200] {
                assert_eq!(
                    from_times(&queueing(streams, 9, tokens)),
                    None,
                    "{streams} streams, {tokens} tokens"
                );
            }
        }
    }

    #[test]
    fn what_the_engine_says_comes_first_and_then_its_gauges() {
        let level = queueing(4, 2, 64);
        let found = |told, check: Option<&CrossCheck>| {
            discover(&level, told, check).map(|found| (found.slots, found.source))
        };
        assert_eq!(found(None, None), Some((2, SlotSource::Timing)));
        assert_eq!(found(Some(3), None), Some((3, SlotSource::Engine)));
        assert_eq!(found(Some(4), None), None, "it serves them all, whatever the times look like");
        let mut check = CrossCheck::with_answers(&level).unwrap();
        let gauge = |mean, max| Some(MeanMax { mean, max });
        (check.running, check.waiting) = (gauge(2.0, 2.0), gauge(1.9, 2.0));
        assert_eq!(found(None, Some(&check)), Some((2, SlotSource::Metrics)));
        check.waiting = gauge(0.0, 0.0);
        assert_eq!(found(None, Some(&check)), None);
    }
}
