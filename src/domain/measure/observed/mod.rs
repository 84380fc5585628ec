//! What was seen of a level beside its records: the engine's own counts, its slots, its GPUs, and what was said with
//! failures. Pure: others read counters and drivers, and hand their readings in.

mod chunks;
mod counters;
mod cross_check;
mod gpu;
mod slots;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use chunks::ChunkReport;
pub use counters::{EngineMetrics, Histogram};
pub use cross_check::{CountSource, Counts, CrossCheck, MISMATCH_SHARE, Readings, ServerTime};
pub use gpu::{GpuSample, GpuUse, MeanMax};
pub use slots::{EngineSlots, SlotSource};

use super::{flags::Flag, record::LevelRecords, summary::LevelSummary};

/// What a level's summary carries of it. Rows of earlier versions have none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// The client's counts against the engine's; null where its counters can't be read.
    #[serde(default)]
    pub cross_check: Option<CrossCheck>,
    /// Requests the engine serves at once, where that is fewer than were sent.
    #[serde(default)]
    pub engine_slots: Option<EngineSlots>,
    /// The GPUs of the engine's machine; null where nobody could ask.
    #[serde(default)]
    pub gpu: Option<GpuUse>,
    /// What was said with the first failure of each code: never a key, never a prompt.
    #[serde(default)]
    pub error_samples: BTreeMap<String, String>,
}

/// The readings that a level's summary is completed with.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sightings {
    /// The client's counts against the engine's.
    pub cross_check: Option<CrossCheck>,
    /// Requests the engine says it serves at once.
    pub told_slots: Option<u32>,
    /// The GPUs.
    pub gpu: Option<GpuUse>,
    /// What was said with the first failure of each code.
    pub error_samples: BTreeMap<String, String>,
    /// Whether prompts share text so that the prefix cache answers a part of them: then a hit is what was asked for.
    pub shares_prefixes: bool,
}

/// What the records alone tell.
pub(super) fn from_records(level: &LevelRecords) -> Observed {
    Observed { engine_slots: slots::discover(level, None, None), ..Observed::default() }
}

impl LevelSummary {
    /// Adds what was seen beside the records, and its flags.
    #[must_use]
    pub fn with(mut self, level: &LevelRecords, seen: Sightings) -> Self {
        let Sightings { cross_check, told_slots, gpu, error_samples, shares_prefixes } = seen;
        let engine_slots = slots::discover(level, told_slots, cross_check.as_ref());
        let is_mismatch = cross_check.as_ref().is_some_and(CrossCheck::is_mismatch);
        let is_hit = cross_check.as_ref().is_some_and(CrossCheck::is_cache_hit);
        self.set_flag(Flag::CountMismatch, is_mismatch);
        self.set_flag(Flag::EngineSlots, engine_slots.is_some());
        if shares_prefixes || is_hit {
            self.set_flag(Flag::PrefixCacheHit, is_hit && !shares_prefixes);
        }
        self.observed = Observed { cross_check, engine_slots, gpu, error_samples };
        self
    }

    fn set_flag(&mut self, flag: Flag, raised: bool) {
        let flags = &mut self.instrument.flags;
        flags.retain(|code| code != flag.code());
        if raised {
            flags.push(flag.to_string());
            flags.sort_by_key(|code| Flag::ALL.iter().position(|known| known.code() == code));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::measure::{
        summarise,
        tests::{level, request},
    };

    fn one_answer() -> LevelRecords {
        level((0, 1_000), vec![request(0, 900).events([100, 500]).usage(16, 2)])
    }

    #[test]
    fn a_row_of_an_earlier_version_is_read_and_a_row_of_this_one_comes_back_as_it_was() {
        let level = one_answer();
        let seen = Sightings {
            cross_check: CrossCheck::with_answers(&level),
            error_samples: [("http_503".to_owned(), "busy".to_owned())].into(),
            gpu: GpuUse::of(&[GpuSample {
                index: 0,
                memory_used_mib: Some(1.5),
                utilisation: None,
                power_w: None,
            }]),
            told_slots: Some(2),
            shares_prefixes: false,
        };
        let summary = summarise(&level).with(&level, seen);
        let mut json = serde_json::to_value(&summary).unwrap();
        assert_eq!(json["cross_check"]["engine"]["generation_tokens"], 2, "{json}");
        assert_eq!(json["error_samples"]["http_503"], "busy");
        assert_eq!(json["gpu"]["memory_used_mib"]["max"], 1.5);
        assert_eq!(serde_json::from_value::<LevelSummary>(json.clone()).unwrap(), summary);
        let fields = json.as_object_mut().unwrap();
        for later in ["cross_check", "engine_slots", "gpu", "error_samples"] {
            assert!(fields.remove(later).is_some(), "{later}");
        }
        let instrument = json["instrument"].as_object_mut().unwrap();
        for later in ["rtt_after_ms", "chunks"] {
            assert!(instrument.remove(later).is_some(), "{later}");
        }
        assert_eq!(serde_json::from_value::<LevelSummary>(json).unwrap().observed, Observed::default());
    }

    #[test]
    fn flags_of_what_was_seen_join_the_others_in_their_order() {
        let mut level = level((0, 1_000), vec![request(0, 900).events([100]).usage(16, 2)]);
        level.shape = crate::domain::measure::record::LoadShape::Closed { streams: 3 };
        let seen = || Sightings {
            cross_check: CrossCheck::with_answers(&level),
            told_slots: Some(2),
            ..Sightings::default()
        };
        let summary = summarise(&level).with(&level, seen());
        assert_eq!(summary.instrument.flags, ["low_n", "count_mismatch", "engine_slots"]);
        assert_eq!(summary.clone().with(&level, seen()), summary, "twice is once");
        assert_eq!(summary.with(&level, Sightings::default()).instrument.flags, ["low_n"]);
    }

    #[test]
    fn a_cache_hit_that_was_asked_for_is_no_flag() {
        let mut level = one_answer();
        level.records[0].cached_prompt_tokens = Some(8);
        let seen = |shares_prefixes| Sightings {
            cross_check: CrossCheck::with_answers(&level),
            shares_prefixes,
            ..Sightings::default()
        };
        assert_eq!(
            summarise(&level).with(&level, seen(false)).instrument.flags,
            ["low_n", "prefix_cache_hit"]
        );
        assert_eq!(summarise(&level).with(&level, seen(true)).instrument.flags, ["low_n"]);
    }
}
