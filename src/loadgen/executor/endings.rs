//! When warm-up ends by itself, and when a window has measured well enough: looks at what the level counts while it runs.
//!
//! It only listens: the rules are in `domain::measure`, and what it finds is told to the level.

use super::level::{Level, as_us};
use crate::{
    domain::measure::{
        batches::{self, BATCHES, BatchMeans},
        series::Series,
        steady::{SLICES, SteadyState, steady_from},
        until::{Metric, Until},
    },
    loadgen::LevelPlan,
};

/// A look that decides is taken when so much more time has passed since the last one: often enough, and seldom enough
/// that looking again and again doesn't find by chance what isn't there.
const NEXT_LOOK: f64 = 1.1;

/// Looks in a row at which a figure must be known well enough.
const LOOKS_IN_A_ROW: u32 = 2;

/// What is watched of a level, and when next.
#[derive(Debug)]
pub(super) struct Endings {
    arrivals: Series,
    next_look_us: u64,
    good_looks: u32,
    in_window: bool,
}

impl Endings {
    pub(super) fn new() -> Self {
        let mut arrivals = Series::default();
        // Nothing has arrived when the clock starts; the first look comes later.
        arrivals.push(0, 0);
        Self { arrivals, next_look_us: 0, good_looks: 0, in_window: false }
    }

    /// Looks once. Must be called again and again, more often than slices are short.
    pub(super) fn look(&mut self, level: &Level, plan: &LevelPlan, now_us: u64) {
        if plan.steady.is_none() && plan.until.is_none() {
            return;
        }
        self.arrivals.push(now_us, level.arrivals());
        let begun_us = level.window_start_us();
        if now_us < begun_us {
            if self.is_due(now_us, 0, plan.steady.map_or(0, |rule| as_us(rule.min_seconds))) {
                self.look_for_steady_state(level, plan, now_us);
            }
        } else if let Some(until) = plan.until {
            if !self.in_window {
                self.in_window = true;
                self.next_look_us = 0;
            }
            if !level.is_known_well() && self.is_due(now_us, begun_us, as_us(plan.seconds)) {
                self.look_at_precision(level, until, begun_us, now_us);
            }
        }
    }

    /// Whether a deciding look is due, the first `least_us` after `from_us`.
    fn is_due(&mut self, now_us: u64, from_us: u64, least_us: u64) -> bool {
        let passed_us = now_us.saturating_sub(from_us);
        if passed_us < least_us.max(self.next_look_us) {
            return false;
        }
        self.next_look_us = (passed_us as f64 * NEXT_LOOK) as u64;
        true
    }

    fn look_for_steady_state(&mut self, level: &Level, plan: &LevelPlan, now_us: u64) {
        let Some(rule) = plan.steady else { return };
        // Not before each place has had an answer: until then only the engine's first reactions were seen.
        if level.completions() < u64::from(plan.first_requests()) {
            return;
        }
        let slices = self.arrivals.slices(0, now_us, SLICES);
        if let Some(from) = slices.and_then(|slices| steady_from(&slices, rule.tolerance)) {
            let known_s = now_us as f64 / 1e6;
            level.warmed_up(
                now_us,
                SteadyState { reached: true, from_s: known_s * from as f64 / SLICES as f64, known_s },
            );
        }
    }

    fn look_at_precision(&mut self, level: &Level, until: Until, begun_us: u64, now_us: u64) {
        let means = match until.metric {
            // Events stand for tokens: as many to an event all the time, they give the same share.
            Metric::OutputTokens => {
                self.arrivals.slices(begun_us, now_us, BATCHES).and_then(|rates| BatchMeans::of(&rates))
            }
            Metric::Ttft => batches::of_samples(&level.first_tokens_ms()),
        };
        self.good_looks = if until.is_met_by(means) { self.good_looks + 1 } else { 0 };
        if self.good_looks >= LOOKS_IN_A_ROW {
            level.known_well(now_us);
        }
    }
}
