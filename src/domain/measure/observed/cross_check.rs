//! The client's counts against the engine's own, over everything that was sent between two readings of its counters:
//! warm-up, drained, failed and cut-off requests included.
//!
//! How much the engine counts of a request that didn't come to its end depends on the engine. So the client gives two
//! counts, one without such requests and one with all that they could have been, and a difference is the distance of
//! the engine's count from the nearer of the two; between them there is none.

use serde::{Deserialize, Serialize};

use super::{
    counters::{EngineMetrics, Histogram, growth},
    gpu::MeanMax,
};
use crate::domain::measure::{
    record::{LevelRecords, Outcome, RequestRecord},
    stats,
};

/// Difference above which a row is flagged.
pub const MISMATCH_SHARE: f64 = 0.01;

/// Where the engine's counts come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountSource {
    /// Its counters, read before and after.
    Metrics,
    /// The counts in its answers, where it has no counters: they are checked against the events that came.
    Answers,
}

/// What was sent and made; each `None` where it isn't known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Prompt tokens.
    pub prompt_tokens: Option<u64>,
    /// Output tokens.
    pub generation_tokens: Option<u64>,
    /// Requests.
    pub requests: Option<u64>,
}

/// A time by the engine's own clock, ms, of every request between the readings. Quantiles are estimates from its
/// buckets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServerTime {
    /// Requests.
    pub n: u64,
    /// Arithmetic mean, exact.
    pub mean: Option<f64>,
    /// Median.
    pub p50: Option<f64>,
    /// 95th percentile.
    pub p95: Option<f64>,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CrossCheck {
    /// Where the engine's counts come from.
    pub source: CountSource,
    /// The engine's.
    pub engine: Counts,
    /// The client's, of requests that came to their end.
    pub client: Counts,
    /// The client's, with all that failed and cut-off requests could have been.
    pub client_at_most: Counts,
    /// Greatest difference of the three, as a share of the greater count.
    pub difference_share: Option<f64>,
    /// Mean time to first token of the same requests by the client's clock, ms.
    pub ttft_client_ms: Option<f64>,
    /// Time to first token by the engine's clock.
    pub ttft_server_ms: Option<ServerTime>,
    /// Time in the engine's queue.
    pub queue_ms: Option<ServerTime>,
    /// Share of the prompt tokens looked up in the prefix cache that were there.
    pub prefix_cache_hit_rate: Option<f64>,
    /// Prompt tokens that were there.
    pub prefix_cache_hit_tokens: Option<u64>,
    /// Share of the KV cache in use, 0–1: mean of the samples.
    pub kv_cache_mean: Option<f64>,
    /// The greatest sample.
    pub kv_cache_max: Option<f64>,
    /// Requests thrown out of the KV cache.
    pub preemptions: Option<u64>,
    /// Requests being worked on.
    pub running: Option<MeanMax>,
    /// Requests in the engine's queue.
    pub waiting: Option<MeanMax>,
    /// Samples taken during the level.
    pub samples: u32,
}

/// An engine's readings around and during a level.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Readings {
    /// Before anything was sent.
    pub before: EngineMetrics,
    /// After the last answer.
    pub after: EngineMetrics,
    /// In between.
    pub during: Vec<EngineMetrics>,
}

impl CrossCheck {
    /// Against the engine's counters. `None` where it has none for tokens, or they went backwards.
    ///
    /// `output_tokens` is what each request asked for at most.
    #[must_use]
    pub fn with_metrics(level: &LevelRecords, output_tokens: u32, readings: &Readings) -> Option<Self> {
        let Readings { before, after, during } = readings;
        let grew = |of: fn(&EngineMetrics) -> Option<f64>| growth(of(before), of(after));
        let count = |of| grew(of).map(|grown| grown.round() as u64);
        let engine = Counts {
            prompt_tokens: count(|metrics| metrics.prompt_tokens_total),
            generation_tokens: Some(count(|metrics| metrics.generation_tokens_total)?),
            requests: count(|metrics| metrics.requests_total),
        };
        let (client, client_at_most) = client_counts(level, output_tokens);
        let sampled = |of: fn(&EngineMetrics) -> Option<f64>| {
            MeanMax::of(&during.iter().filter_map(of).collect::<Vec<_>>())
        };
        let hits = grew(|metrics| metrics.prefix_cache_hits);
        let kv_cache = sampled(|metrics| metrics.kv_cache_usage);
        Some(Self {
            source: CountSource::Metrics,
            engine,
            client,
            client_at_most,
            difference_share: difference(&engine, &client, &client_at_most),
            ttft_client_ms: ttft_ms(level),
            ttft_server_ms: server_time(before.ttft_s.as_ref(), after.ttft_s.as_ref()),
            queue_ms: server_time(before.queue_s.as_ref(), after.queue_s.as_ref()),
            prefix_cache_hit_rate: hits
                .zip(grew(|metrics| metrics.prefix_cache_queries))
                .and_then(|(hits, queries)| stats::ratio(hits, queries)),
            prefix_cache_hit_tokens: hits.map(|hits| hits.round() as u64),
            kv_cache_mean: kv_cache.map(|usage| usage.mean),
            kv_cache_max: kv_cache.map(|usage| usage.max),
            preemptions: count(|metrics| metrics.preemptions_total),
            running: sampled(|metrics| metrics.running),
            waiting: sampled(|metrics| metrics.waiting),
            samples: u32::try_from(during.len()).unwrap_or(u32::MAX),
        })
    }

    /// Against the counts in the answers: output tokens of each completed answer, by its usage and by its events.
    /// `None` where no answer has both.
    #[must_use]
    pub fn with_answers(level: &LevelRecords) -> Option<Self> {
        let counted = || {
            level.records.iter().filter(|record| record.outcome == Outcome::Completed).filter_map(|record| {
                record.output_tokens.map(|tokens| (u64::from(tokens), record.arrivals_us.len() as u64))
            })
        };
        let requests = Some(counted().count() as u64).filter(|requests| *requests > 0)?;
        let sum = |of: fn((u64, u64)) -> u64| Counts {
            generation_tokens: Some(counted().map(of).sum()),
            requests: Some(requests),
            prompt_tokens: None,
        };
        let (engine, client) = (sum(|(tokens, _)| tokens), sum(|(_, events)| events));
        Some(Self {
            source: CountSource::Answers,
            engine,
            client,
            client_at_most: client,
            difference_share: difference(&engine, &client, &client),
            ttft_client_ms: ttft_ms(level),
            ttft_server_ms: None,
            queue_ms: None,
            prefix_cache_hit_rate: None,
            prefix_cache_hit_tokens: None,
            kv_cache_mean: None,
            kv_cache_max: None,
            preemptions: None,
            running: None,
            waiting: None,
            samples: 0,
        })
    }

    /// Whether the counts are too far apart to be the same requests'.
    #[must_use]
    pub fn is_mismatch(&self) -> bool {
        self.difference_share.is_some_and(|share| share > MISMATCH_SHARE)
    }

    /// Whether the prefix cache answered more than the one begin-of-text token that all prompts share.
    #[must_use]
    pub fn is_cache_hit(&self) -> bool {
        let requests = self.client_at_most.requests.unwrap_or(0);
        self.prefix_cache_hit_tokens.is_some_and(|tokens| tokens > requests)
    }
}

/// At least and at most; `None`: not known.
type Bound = (Option<u64>, Option<u64>);

/// What the engine may have counted of one request, at least and at most: prompt tokens, output tokens, requests.
fn bounds(record: &RequestRecord, output_tokens: u32) -> [Bound; 3] {
    let exactly = |tokens: Option<u32>| {
        let tokens = tokens.map(u64::from);
        (tokens, tokens)
    };
    let up_to = |most: u32| (Some(0), Some(u64::from(most)));
    match &record.outcome {
        Outcome::Completed => {
            [exactly(record.prompt_tokens), exactly(record.output_tokens), exactly(Some(1))]
        }
        // It never got there.
        Outcome::Errored { code } if code.starts_with("connect") || code == "tls" => [exactly(Some(0)); 3],
        Outcome::CutOff | Outcome::Errored { .. } => {
            let most = output_tokens.max(record.output_tokens.unwrap_or(0));
            // A prompt of unknown length has no upper bound, so prompts aren't compared then.
            let prompt = match record.intended_prompt_tokens {
                0 => (Some(0), None),
                intended => up_to(intended),
            };
            [prompt, up_to(most), up_to(1)]
        }
    }
}

fn client_counts(level: &LevelRecords, output_tokens: u32) -> (Counts, Counts) {
    let all: Vec<_> = level.records.iter().map(|record| bounds(record, output_tokens)).collect();
    let counts = |end: fn(Bound) -> Option<u64>| {
        let sum = |which: usize| all.iter().map(|bounds| end(bounds[which])).sum::<Option<u64>>();
        Counts { prompt_tokens: sum(0), generation_tokens: sum(1), requests: sum(2) }
    };
    (counts(|(low, _)| low), counts(|(_, high)| high))
}

/// The greatest distance of the engine's counts from the client's, as a share; `None` where none can be compared.
fn difference(engine: &Counts, low: &Counts, high: &Counts) -> Option<f64> {
    let share = |of: fn(&Counts) -> Option<u64>| {
        let (engine, low, high) = (of(engine)?, of(low)?, of(high)?);
        let nearest = engine.clamp(low, high);
        stats::ratio(engine.abs_diff(nearest) as f64, engine.max(nearest) as f64).or(Some(0.0))
    };
    [
        share(|counts| counts.prompt_tokens),
        share(|counts| counts.generation_tokens),
        share(|counts| counts.requests),
    ]
    .into_iter()
    .flatten()
    .max_by(f64::total_cmp)
}

fn ttft_ms(level: &LevelRecords) -> Option<f64> {
    let waits: Vec<u64> = level
        .records
        .iter()
        .filter_map(|record| record.arrivals_us.first().map(|first| first.saturating_sub(record.start_us)))
        .collect();
    stats::ratio(waits.iter().sum::<u64>() as f64 / stats::US_PER_MS, waits.len() as f64)
}

fn server_time(before: Option<&Histogram>, after: Option<&Histogram>) -> Option<ServerTime> {
    // An engine that has served nothing yet may not show the histogram.
    let between = match (before, after) {
        (Some(before), Some(after)) => after.since(before)?,
        (None, Some(after)) => after.clone(),
        (_, None) => return None,
    };
    let ms = |seconds: f64| seconds * 1_000.0;
    Some(ServerTime {
        n: between.count.round() as u64,
        mean: between.mean().map(ms),
        p50: between.quantile(0.5).map(ms),
        p95: between.quantile(0.95).map(ms),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::measure::tests::{level, request};

    fn metrics(prompt: f64, generated: f64, requests: f64) -> EngineMetrics {
        EngineMetrics {
            prompt_tokens_total: Some(prompt),
            generation_tokens_total: Some(generated),
            requests_total: Some(requests),
            ..EngineMetrics::default()
        }
    }

    /// 100 completed requests of 16 + 8 tokens.
    fn hundred() -> Vec<RequestRecord> {
        (0..100).map(|i| request(i * 100, i * 100 + 90).events([i * 100 + 20]).usage(16, 8)).collect()
    }

    fn check(records: Vec<RequestRecord>, grown: EngineMetrics) -> Option<CrossCheck> {
        let before = metrics(5.0, 7.0, 9.0);
        let after = EngineMetrics {
            prompt_tokens_total: grown.prompt_tokens_total.map(|n| n + 5.0),
            generation_tokens_total: grown.generation_tokens_total.map(|n| n + 7.0),
            requests_total: grown.requests_total.map(|n| n + 9.0),
            ..grown
        };
        CrossCheck::with_metrics(
            &level((0, 10_000), records),
            8,
            &Readings { before, after, during: Vec::new() },
        )
    }

    #[test]
    fn the_same_counts_are_no_difference_and_more_than_one_per_cent_is_a_mismatch() {
        let same = check(hundred(), metrics(1600.0, 800.0, 100.0)).unwrap();
        assert_eq!((same.difference_share, same.is_mismatch()), (Some(0.0), false));
        assert_eq!(same.client, same.client_at_most);
        assert_eq!(same.client.prompt_tokens, Some(1600));
        assert!(!check(hundred(), metrics(1600.0, 808.0, 100.0)).unwrap().is_mismatch(), "0.99 %");
        assert!(check(hundred(), metrics(1600.0, 809.0, 100.0)).unwrap().is_mismatch(), "1.1 %");
        assert!(check(hundred(), metrics(1500.0, 800.0, 100.0)).unwrap().is_mismatch(), "fewer prompts");
        assert!(check(hundred(), metrics(3200.0, 1600.0, 200.0)).unwrap().is_mismatch(), "somebody else too");
    }

    #[test]
    fn cut_off_and_failed_requests_leave_room_in_which_nothing_differs() {
        let mut records = hundred();
        records.extend((0..10).map(|i| request(i, 10_000).events([20]).outcome(Outcome::CutOff)));
        records.push(request(0, 5).outcome(Outcome::Errored { code: "connect_refused".to_owned() }));
        let counted = |tokens: f64| check(records.clone(), metrics(1600.0, tokens, 100.0)).unwrap();
        assert_eq!(counted(800.0).difference_share, Some(0.0), "none of them counted");
        assert_eq!(counted(880.0).difference_share, Some(0.0), "all of them counted in full");
        assert_eq!(counted(880.0).client_at_most.requests, Some(110), "the refused one never got there");
        assert!(counted(900.0).is_mismatch());
        assert!(counted(780.0).is_mismatch());
    }

    #[test]
    fn a_cut_off_prompt_of_unknown_length_leaves_prompts_uncompared() {
        let mut records = hundred();
        records.push(request(0, 10_000).events([20]).intended_prompt(0).outcome(Outcome::CutOff));
        let counted = check(records, metrics(90_000.0, 808.0, 101.0)).unwrap();
        assert_eq!((counted.client_at_most.prompt_tokens, counted.difference_share), (None, Some(0.0)));
    }

    #[test]
    fn an_engine_without_counters_or_started_again_gives_no_check_and_unknown_usage_no_difference() {
        assert_eq!(check(hundred(), EngineMetrics::default()), None);
        assert_eq!(check(hundred(), metrics(1600.0, -1.0, 100.0)), None);
        let mut records = hundred();
        records[0].output_tokens = None;
        let unknown = check(records, metrics(1600.0, 4000.0, 100.0)).unwrap();
        assert_eq!((unknown.client.generation_tokens, unknown.difference_share), (None, Some(0.0)));
    }

    #[test]
    fn cache_hits_beyond_one_token_a_request_are_hits_and_samples_have_their_mean_and_greatest() {
        let with = |hits: f64| {
            let before = EngineMetrics {
                prefix_cache_hits: Some(0.0),
                prefix_cache_queries: Some(0.0),
                ..metrics(0.0, 0.0, 0.0)
            };
            let after = EngineMetrics {
                prefix_cache_hits: Some(hits),
                prefix_cache_queries: Some(1600.0),
                ..metrics(1600.0, 800.0, 100.0)
            };
            let sample = |usage| EngineMetrics { kv_cache_usage: Some(usage), ..EngineMetrics::default() };
            let during = vec![sample(0.2), sample(0.6), EngineMetrics::default()];
            let readings = Readings { before, after, during };
            CrossCheck::with_metrics(&level((0, 10_000), hundred()), 8, &readings).unwrap()
        };
        assert!(!with(100.0).is_cache_hit());
        let hit = with(400.0);
        assert!(hit.is_cache_hit());
        assert_eq!(hit.prefix_cache_hit_rate, Some(0.25));
        assert_eq!((hit.kv_cache_max, hit.samples, hit.waiting), (Some(0.6), 3, None));
    }

    #[test]
    fn where_there_are_no_counters_the_answers_counts_are_checked_against_their_events() {
        let answer = |events: u64, tokens| request(0, 90).events(0..events).usage(16, tokens);
        let check = |records| CrossCheck::with_answers(&level((0, 10_000), records)).unwrap();
        assert!(!check(vec![answer(8, 8), answer(8, 8)]).is_mismatch());
        let bundled = check(vec![answer(8, 8), answer(4, 8)]);
        assert!(bundled.is_mismatch());
        assert_eq!(
            (bundled.engine.generation_tokens, bundled.client.generation_tokens),
            (Some(16), Some(12))
        );
        assert_eq!(CrossCheck::with_answers(&level((0, 10_000), vec![request(0, 90)])), None);
    }
}
