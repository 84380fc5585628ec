//! What a level's threads share: counts, the stop rule, and what was said with each kind of failure. Atomics only on
//! the way of a request; nothing on the way of a token.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{
    domain::measure::{steady::SteadyState, stop::StopRule, until::Metric},
    loadgen::{
        ErrorSample, LevelPlan, Phase, Progress,
        client::{ErrorCode, RequestError},
    },
};

const NEVER: u64 = u64::MAX;

/// Seconds as whole microseconds.
pub(super) fn as_us(seconds: f64) -> u64 {
    (seconds * 1e6).round() as u64
}

/// A level as it runs.
#[derive(Debug)]
pub(super) struct Level {
    rule: StopRule,
    /// When warm-up ends; where that is found out, no later than this.
    warmup_us: AtomicU64,
    /// When the figure asked for was known well enough; 0 where none was asked for.
    known_well_us: AtomicU64,
    /// Events with text, by the place that got them, where somebody looks at them.
    arrivals: Option<Box<[Counter; STRIPES]>>,
    /// Times to first token, ms, of the window's completions in their order, where somebody looks at them.
    first_tokens_ms: Option<Mutex<Vec<f64>>>,
    steady: Mutex<Option<SteadyState>>,
    completed: AtomicU64,
    completed_in_window: AtomicU64,
    /// When the window had the completions it needs.
    enough_us: AtomicU64,
    is_closed: AtomicBool,
    errored: AtomicU64,
    in_flight: AtomicU64,
    output_tokens: AtomicU64,
    longest_output_tokens: AtomicU32,
    stale_retries: AtomicU64,
    errors: Mutex<Errors>,
}

#[derive(Debug, Default)]
struct Errors {
    samples: BTreeMap<String, String>,
    last: Option<RequestError>,
}

/// Counters of arrivals: threads whose number divides this never share one.
const STRIPES: usize = 64;

/// A counter that has its cache line for itself.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Counter(AtomicU64);

impl Level {
    /// A level of this plan.
    pub(super) fn of(plan: &LevelPlan) -> Self {
        let mut level = Self::new(plan.stop_rule(), plan.longest_warmup_seconds());
        if plan.until.is_some() {
            level.known_well_us = AtomicU64::new(NEVER);
        }
        if plan.steady.is_some() || plan.until.is_some() {
            level.arrivals = Some(Box::new(std::array::from_fn(|_| Counter::default())));
        }
        if plan.until.is_some_and(|until| until.metric == Metric::Ttft) {
            level.first_tokens_ms = Some(Mutex::default());
        }
        level
    }

    pub(super) fn new(rule: StopRule, warmup_seconds: f64) -> Self {
        Self {
            warmup_us: AtomicU64::new(as_us(warmup_seconds)),
            known_well_us: AtomicU64::new(0),
            arrivals: None,
            first_tokens_ms: None,
            steady: Mutex::default(),
            enough_us: AtomicU64::new(if rule.min_completions == 0 { 0 } else { NEVER }),
            is_closed: AtomicBool::new(false),
            rule,
            completed: AtomicU64::new(0),
            completed_in_window: AtomicU64::new(0),
            errored: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            output_tokens: AtomicU64::new(0),
            longest_output_tokens: AtomicU32::new(0),
            stale_retries: AtomicU64::new(0),
            errors: Mutex::default(),
        }
    }

    /// *W0*.
    pub(super) fn window_start_us(&self) -> u64 {
        self.warmup_us.load(Ordering::Relaxed)
    }

    /// Warm-up is over now, because a steady state was found.
    pub(super) fn warmed_up(&self, now_us: u64, state: SteadyState) {
        self.warmup_us.store(now_us, Ordering::Relaxed);
        *self.steady.lock().unwrap_or_else(PoisonError::into_inner) = Some(state);
    }

    /// The figure asked for is known well enough now.
    pub(super) fn known_well(&self, now_us: u64) {
        self.known_well_us.store(now_us, Ordering::Relaxed);
    }

    pub(super) fn is_known_well(&self) -> bool {
        self.known_well_us.load(Ordering::Relaxed) != NEVER
    }

    /// An event with text arrived at this place.
    pub(super) fn arrived(&self, place: u32) {
        if let Some(Counter(count)) =
            self.arrivals.as_ref().and_then(|counters| counters.get(place as usize % STRIPES))
        {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Events with text so far.
    pub(super) fn arrivals(&self) -> u64 {
        let counters = self.arrivals.iter().flat_map(|counters| counters.iter());
        counters.map(|Counter(count)| count.load(Ordering::Relaxed)).sum()
    }

    /// A request that completed had its first token after so long.
    pub(super) fn first_token(&self, end_us: u64, ttft_us: Option<u64>) {
        if let (Some(seen), Some(ttft_us)) = (&self.first_tokens_ms, ttft_us)
            && end_us >= self.window_start_us()
        {
            seen.lock().unwrap_or_else(PoisonError::into_inner).push(ttft_us as f64 / 1e3);
        }
    }

    pub(super) fn first_tokens_ms(&self) -> Vec<f64> {
        let seen = self.first_tokens_ms.as_ref();
        seen.map(|seen| seen.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap_or_default()
    }

    pub(super) fn completions(&self) -> u64 {
        self.completed.load(Ordering::Relaxed)
    }

    /// *W1*, as far as it is known: the later of the seconds' end and the last completion needed, or the maximum.
    pub(super) fn window_end_us(&self) -> u64 {
        let begun_us = self.window_start_us();
        let nominal = begun_us + as_us(self.rule.seconds);
        let longest = begun_us + as_us(self.rule.max_seconds);
        let known_us = self.known_well_us.load(Ordering::Relaxed);
        self.enough_us.load(Ordering::Relaxed).max(nominal).max(known_us).min(longest)
    }

    /// Ends it if it isn't over: everything there was to send has been answered, the last at `last_us`.
    pub(super) fn close(&self, last_us: u64, now_us: u64) {
        if !self.is_over(now_us) {
            self.enough_us.store(last_us, Ordering::Relaxed);
            self.is_closed.store(true, Ordering::Relaxed);
        }
    }

    /// Whether nothing more is to be sent at this time.
    pub(super) fn is_over(&self, now_us: u64) -> bool {
        if self.is_closed.load(Ordering::Relaxed) {
            return true;
        }
        let begun_us = self.window_start_us();
        let elapsed_us = now_us.saturating_sub(begun_us);
        let may_end = now_us >= self.known_well_us.load(Ordering::Relaxed)
            || elapsed_us >= as_us(self.rule.max_seconds);
        let completions = self.completed_in_window.load(Ordering::Relaxed);
        now_us >= begun_us && may_end && self.rule.is_over(Duration::from_micros(elapsed_us), completions)
    }

    /// A request is sent that asks for so long an answer.
    pub(super) fn sent(&self, output_tokens: u32) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.longest_output_tokens.fetch_max(output_tokens, Ordering::Relaxed);
    }

    pub(super) fn completed(&self, end_us: u64, output_tokens: u32) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.completed.fetch_add(1, Ordering::Relaxed);
        self.output_tokens.fetch_add(u64::from(output_tokens), Ordering::Relaxed);
        if end_us >= self.window_start_us() {
            let so_far = self.completed_in_window.fetch_add(1, Ordering::Relaxed) + 1;
            if so_far == self.rule.min_completions {
                self.enough_us.store(end_us, Ordering::Relaxed);
            }
        }
    }

    pub(super) fn failed(&self, error: &RequestError) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.errored.fetch_add(1, Ordering::Relaxed);
        let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        errors.samples.entry(error.code.to_string()).or_insert_with(|| error.sample.clone());
        errors.last = Some(error.clone());
    }

    pub(super) fn retried_stale(&self) {
        self.stale_retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// The failures so far and the latest of them, if nothing has ever worked and that often enough to be sure.
    pub(super) fn hopeless(&self, after: u64) -> Option<(u64, RequestError)> {
        let errored = self.errored.load(Ordering::Relaxed);
        if errored < after || self.completed.load(Ordering::Relaxed) > 0 {
            return None;
        }
        let last = self.errors.lock().unwrap_or_else(PoisonError::into_inner).last.clone();
        Some((errored, last.unwrap_or_else(|| RequestError::new(ErrorCode::Reset, ""))))
    }

    pub(super) fn progress(&self, phase: Phase, now_us: u64) -> Progress {
        let errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        let sample = |(code, message): (&String, &String)| ErrorSample {
            code: code.clone(),
            message: message.clone(),
        };
        Progress {
            phase,
            elapsed_s: now_us as f64 / 1e6,
            expected_s: self.window_start_us() as f64 / 1e6 + self.rule.seconds,
            steady: *self.steady.lock().unwrap_or_else(PoisonError::into_inner),
            completed: self.completed.load(Ordering::Relaxed),
            completed_in_window: self.completed_in_window.load(Ordering::Relaxed),
            needed: self.rule.min_completions,
            errored: self.errored.load(Ordering::Relaxed),
            in_flight: self.in_flight(),
            output_tokens: self.output_tokens.load(Ordering::Relaxed),
            longest_output_tokens: self.longest_output_tokens.load(Ordering::Relaxed),
            stale_retries: self.stale_retries.load(Ordering::Relaxed),
            error_samples: errors.samples.iter().map(sample).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::measure::{record::LoadShape, steady::SteadyRule};

    fn level() -> Level {
        Level::new(StopRule { seconds: 2.0, min_completions: 3, max_seconds: 8.0 }, 1.0)
    }

    #[test]
    fn a_level_lasts_its_seconds_and_until_its_completions() {
        let level = level();
        assert!(!level.is_over(3_500_000), "no completions yet");
        for end_us in [900_000, 1_100_000, 2_000_000] {
            level.sent(8);
            level.completed(end_us, 1);
        }
        assert!(!level.is_over(3_500_000), "one of three was in the warm-up");
        level.sent(8);
        level.completed(4_000_000, 1);
        assert!(level.is_over(4_000_000));
        assert_eq!(level.window_end_us(), 4_000_000);
    }

    #[test]
    fn completions_in_time_end_the_window_with_its_seconds_and_none_with_its_maximum() {
        let quick = level();
        for end_us in [1_100_000, 1_200_000, 1_300_000] {
            quick.sent(8);
            quick.completed(end_us, 1);
        }
        assert!(!quick.is_over(2_999_999));
        assert!(quick.is_over(3_000_000));
        assert_eq!(quick.window_end_us(), 3_000_000);
        let stuck = level();
        assert!(!stuck.is_over(8_999_999));
        assert!(stuck.is_over(9_000_000));
        assert_eq!(stuck.window_end_us(), 9_000_000);
    }

    #[test]
    fn a_level_that_runs_out_of_requests_ends_with_the_last_answer_but_not_before_its_seconds() {
        let level = level();
        level.close(6_000_000, 6_000_100);
        assert!(level.is_over(6_000_100));
        assert_eq!(level.window_end_us(), 6_000_000);
        let early = self::level();
        early.close(1_500_000, 1_500_100);
        assert_eq!(early.window_end_us(), 3_000_000);
        let over = self::level();
        over.close(9_500_000, 9_500_000);
        assert_eq!(over.window_end_us(), 9_000_000, "its maximum had ended it");
    }

    #[test]
    fn a_figure_that_is_to_be_known_well_keeps_the_window_open_until_it_is_or_the_maximum() {
        let plan = LevelPlan {
            until: "ci=5%,max=3s,metric=ttft".parse().ok(),
            warmup_seconds: 1.0,
            ..LevelPlan::new(LoadShape::Open { requests_per_second: 1.0 }, 1.0, 8, 8, 1)
        };
        let open = Level::of(&plan);
        assert!(!open.is_over(3_900_000));
        assert!(open.is_over(4_000_000), "the maximum");
        assert_eq!(open.window_end_us(), 4_000_000);
        open.known_well(2_500_000);
        assert!(!open.is_over(2_400_000) && open.is_over(2_500_000));
        assert_eq!(open.window_end_us(), 2_500_000);
        open.first_token(900_000, Some(5_000));
        open.first_token(1_100_000, Some(7_000));
        assert_eq!(open.first_tokens_ms(), [7.0], "only the window's");
        open.arrived(3);
        open.arrived(67);
        assert_eq!(open.arrivals(), 2);
    }

    #[test]
    fn warm_up_lasts_its_longest_unless_a_steady_state_is_found() {
        let rule = SteadyRule::from_minimum(0.5);
        let shape = LoadShape::Closed { streams: 1 };
        let level = Level::of(&LevelPlan { steady: Some(rule), ..LevelPlan::new(shape, 1.0, 8, 8, 1) });
        assert_eq!(level.window_start_us(), 5_000_000);
        level.warmed_up(700_000, SteadyState { reached: true, from_s: 0.2, known_s: 0.7 });
        assert_eq!((level.window_start_us(), level.window_end_us()), (700_000, 4_700_000));
        assert!(level.progress(Phase::Measuring, 700_000).steady.is_some_and(|state| state.reached));
    }

    #[test]
    fn it_is_hopeless_only_if_nothing_ever_worked() {
        let dead = level();
        let refused = RequestError::new(ErrorCode::ConnectRefused, "nobody there");
        for _ in 0..3 {
            dead.sent(8);
            dead.failed(&refused);
        }
        assert_eq!(dead.hopeless(4), None);
        assert_eq!(dead.hopeless(3), Some((3, refused)));
        dead.sent(8);
        dead.completed(10, 1);
        assert_eq!(dead.hopeless(3), None);
        let progress = dead.progress(Phase::Warmup, 10);
        assert_eq!((progress.errored, progress.completed, progress.in_flight), (3, 1, 0));
        assert_eq!(progress.error_samples[0].code, "connect_refused");
    }
}
