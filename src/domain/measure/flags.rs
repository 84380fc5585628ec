//! What a reader of a row must know: stable codes, and the words for them.

use std::fmt;

use super::{
    observed::{self, ChunkReport, EngineSlots, SlotSource},
    record::{LevelRecords, Outcome, RequestRecord},
    summary::{LevelSummary, Measured},
};

/// Completions below which a level is flagged `low_n`.
pub const LOW_N: u64 = 10;

/// A flag of a result. Its code is what is stored and published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Flag {
    /// Fewer than [`LOW_N`] requests completed inside the window.
    LowN,
    /// Engine and client shared one host, by design.
    SharedHost,
    /// The client was the bottleneck.
    ClientBottleneck,
    /// A completed answer came without the engine's token counts.
    UsageMissing,
    /// The engine answered from a prefix cache.
    PrefixCacheHit,
    /// An answer was shorter than asked for.
    ShortOutput,
    /// A prompt wasn't as long as it was built to be.
    PromptLengthOff,
    /// The client's counts and the engine's own are more than 1 % apart.
    CountMismatch,
    /// The engine serves fewer requests at once than were sent.
    EngineSlots,
    /// Several pieces of an answer arrived as one.
    ChunksCoalesced,
}

impl Flag {
    /// Every flag, in the order they are published.
    pub const ALL: &[Self] = &[
        Self::LowN,
        Self::SharedHost,
        Self::ClientBottleneck,
        Self::UsageMissing,
        Self::PrefixCacheHit,
        Self::ShortOutput,
        Self::PromptLengthOff,
        Self::CountMismatch,
        Self::EngineSlots,
        Self::ChunksCoalesced,
    ];

    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::LowN => "low_n",
            Self::SharedHost => "shared_host",
            Self::ClientBottleneck => "client_bottleneck",
            Self::UsageMissing => "usage_missing",
            Self::PrefixCacheHit => "prefix_cache_hit",
            Self::ShortOutput => "short_output",
            Self::PromptLengthOff => "prompt_length_off",
            Self::CountMismatch => "count_mismatch",
            Self::EngineSlots => "engine_slots",
            Self::ChunksCoalesced => "chunks_coalesced",
        }
    }

    /// What it means for the reader, as one clause.
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::LowN => "fewer than 10 requests completed inside the window, so these means say little",
            Self::SharedHost => {
                "engine and client shared this machine and took processor time from each other"
            }
            Self::ClientBottleneck => {
                "the client sent late (lag p99 over max(5 ms, 2 % of TTFT p50)), so these are the client's figures"
            }
            Self::UsageMissing => {
                "an answer came without the engine's token counts; it is left out of everything counted in tokens"
            }
            Self::PrefixCacheHit => {
                "part of a prompt was answered from the engine's prefix cache, so TTFT is flattered"
            }
            Self::ShortOutput => "an answer was shorter than asked for and was counted as what it was",
            Self::PromptLengthOff => "a prompt wasn't of the length asked for, by the engine's own count",
            Self::CountMismatch => {
                "the engine's own counts and the client's are more than 1 % apart: somebody else used it, or one of \
                 them counts wrongly"
            }
            Self::EngineSlots => "requests queue: the engine serves fewer at once than were sent",
            Self::ChunksCoalesced => {
                "pieces of the answers arrived in bundles, so single gaps between tokens are the path's, not the engine's"
            }
        }
    }

    /// The same with the figures of this row, where it has them.
    #[must_use]
    pub fn in_words_of(self, level: &LevelSummary) -> String {
        let percent = |share: f64| format!("{:.1} %", share * 100.0);
        match self {
            Self::EngineSlots => level.observed.engine_slots.map(|found| {
                let EngineSlots { slots, source } = found;
                let known = match source {
                    SlotSource::Engine => "as it says",
                    SlotSource::Metrics => "by its own gauges",
                    SlotSource::Timing => "by the times of its answers",
                };
                format!(
                    "from {} streams on requests queue: the engine serves {slots} at once ({known}), so that TTFT holds \
                     their wait",
                    slots.saturating_add(1)
                )
            }),
            Self::CountMismatch => {
                let share = level.observed.cross_check.as_ref().and_then(|check| check.difference_share);
                share.map(|share| format!("{} (up to {} here)", self.in_words(), percent(share)))
            }
            Self::ChunksCoalesced => {
                let chunks = level.instrument.chunks.as_ref();
                chunks.map(|chunks| format!("{} ({} of the arrivals)", self.in_words(), percent(chunks.coalesced_share)))
            }
            _ => None,
        }
        .unwrap_or_else(|| self.in_words().to_owned())
    }

    /// The flag of a stored code; `None` for one this version doesn't know.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|flag| flag.code() == code)
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// The flags that the records tell, in the order of [`Flag::ALL`].
///
/// `count_mismatch` isn't among them: it takes the engine's counters.
pub(super) fn of(
    level: &LevelRecords,
    measured: &Measured,
    send_lag_p99_us: Option<u64>,
    chunks: Option<&ChunkReport>,
) -> Vec<String> {
    let completed = || level.after_warm_up().filter(|record| record.outcome == Outcome::Completed);
    let raised = |flag: &Flag| match flag {
        Flag::LowN => measured.columns.successful_requests < LOW_N,
        Flag::SharedHost => level.client.shared_host,
        Flag::ClientBottleneck => {
            is_bottleneck(send_lag_p99_us, measured.percentiles.time_to_first_token_ms.p50)
        }
        Flag::UsageMissing => completed().any(|r| r.prompt_tokens.is_none() || r.output_tokens.is_none()),
        Flag::PrefixCacheHit => level.after_warm_up().any(is_cache_hit),
        Flag::ShortOutput => completed().any(is_short),
        Flag::CountMismatch => false,
        Flag::PromptLengthOff => {
            // 0: a prompt from a file, whose length only the engine knows.
            let is_off = |r: &RequestRecord| {
                r.intended_prompt_tokens > 0
                    && r.prompt_tokens.is_some_and(|tokens| tokens != r.intended_prompt_tokens)
            };
            completed().any(is_off)
        }
        Flag::EngineSlots => observed::from_records(level).engine_slots.is_some(),
        Flag::ChunksCoalesced => chunks.is_some_and(ChunkReport::is_coalesced),
    };
    Flag::ALL.iter().filter(|flag| raised(flag)).map(ToString::to_string).collect()
}

/// Send lag p99 above max(5 ms, 2 % of TTFT p50).
fn is_bottleneck(send_lag_p99_us: Option<u64>, ttft_p50_ms: Option<f64>) -> bool {
    let allowed_us = (0.02 * 1_000.0 * ttft_p50_ms.unwrap_or(0.0)).max(5_000.0);
    send_lag_p99_us.is_some_and(|lag| lag as f64 > allowed_us)
}

/// Fewer output tokens than were asked for, by the engine's own count.
fn is_short(record: &RequestRecord) -> bool {
    record.output_tokens.is_some_and(|tokens| tokens < record.intended_output_tokens)
}

/// One cached token is the begin-of-text token that every prompt shares; it is no hit.
fn is_cache_hit(record: &RequestRecord) -> bool {
    record.cached_prompt_tokens.is_some_and(|tokens| tokens > 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::measure::{
        summarise,
        tests::{level, request},
    };

    fn flags(change: impl FnOnce(&mut LevelRecords)) -> Vec<String> {
        let records = (0..10)
            .map(|i| request(i * 1_000, i * 1_000 + 900).events([i * 1_000 + 500]).usage(16, 1))
            .collect();
        let mut level = level((0, 10_000), records);
        change(&mut level);
        summarise(&level).instrument.flags
    }

    #[test]
    fn ten_clean_completions_raise_no_flag() {
        assert_eq!(flags(|_| ()), Vec::<String>::new());
    }

    #[test]
    fn nine_completions_are_few() {
        assert_eq!(flags(|level| level.records.truncate(9)), ["low_n"]);
    }

    #[test]
    fn a_shared_host_is_said() {
        assert_eq!(flags(|level| level.client.shared_host = true), ["shared_host"]);
    }

    #[test]
    fn the_client_is_the_bottleneck_from_just_over_five_milliseconds_or_two_per_cent_of_ttft() {
        let lag = |us: u64| move |level: &mut LevelRecords| level.client.send_lags_us = vec![us; 10];
        assert_eq!(flags(lag(5_000)), Vec::<String>::new());
        assert_eq!(flags(lag(5_001)), ["client_bottleneck"]);
        assert!(!is_bottleneck(Some(10_000), Some(500.0)), "2 % of half a second is 10 ms");
        assert!(is_bottleneck(Some(10_001), Some(500.0)));
        assert!(!is_bottleneck(None, Some(500.0)));
    }

    #[test]
    fn one_answer_without_usage_is_flagged() {
        assert_eq!(flags(|level| level.records[3].output_tokens = None), ["usage_missing"]);
        assert_eq!(flags(|level| level.records[3].prompt_tokens = None), ["usage_missing"]);
    }

    #[test]
    fn a_prefix_cache_hit_is_flagged_but_a_shared_first_token_is_not() {
        assert_eq!(flags(|level| level.records[3].cached_prompt_tokens = Some(1)), Vec::<String>::new());
        assert_eq!(flags(|level| level.records[3].cached_prompt_tokens = Some(16)), ["prefix_cache_hit"]);
    }

    #[test]
    fn a_prompt_of_another_length_is_flagged() {
        assert_eq!(flags(|level| level.records[3].intended_prompt_tokens = 15), ["prompt_length_off"]);
        let unknown = flags(|level| level.records.iter_mut().for_each(|r| r.intended_prompt_tokens = 0));
        assert_eq!(unknown, Vec::<String>::new(), "of a length that nobody knew");
    }

    #[test]
    fn an_answer_that_ended_early_is_flagged() {
        assert_eq!(flags(|level| level.records[3].intended_output_tokens = 1), Vec::<String>::new());
        assert_eq!(flags(|level| level.records[3].intended_output_tokens = 2), ["short_output"]);
        let unfinished = |level: &mut LevelRecords| {
            level.records[3].intended_output_tokens = 2;
            level.records[3].outcome = Outcome::CutOff;
        };
        assert_eq!(flags(unfinished), ["low_n"], "one that we cut off is not the engine's doing");
    }

    #[test]
    fn what_warm_up_did_raises_nothing() {
        let flags = flags(|level| level.records.insert(0, RequestRecord { end_us: 0, ..request(0, 0) }));
        assert_eq!(flags, ["usage_missing"], "over at W0 belongs to the window");
        let mut late =
            level((5, 20_000), (0..10).map(|i| request(i + 10, 100).events([50]).usage(16, 1)).collect());
        late.records.push(request(0, 4));
        assert_eq!(summarise(&late).instrument.flags, Vec::<String>::new(), "over before W0 does not");
    }

    #[test]
    fn codes_round_trip() {
        for flag in Flag::ALL {
            assert_eq!(Flag::from_code(flag.code()), Some(*flag));
        }
        assert_eq!(Flag::from_code("haunted"), None);
    }
}
