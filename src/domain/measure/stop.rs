//! When a level is over.
//!
//! A level lasts its seconds **and** until enough requests have completed, so that a slow engine is still measured on
//! more than a handful, but never longer than its maximum.

use std::time::Duration;

use super::record::LoadShape;

/// Completions a closed loop needs of each stream.
const COMPLETIONS_PER_STREAM: u64 = 3;
/// The longest a level lasts, as a multiple of its seconds.
const MAX_OF_SECONDS: f64 = 4.0;

/// The rule by which a level ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StopRule {
    /// A level lasts at least this long, s.
    pub seconds: f64,
    /// A level lasts until this many requests have completed inside its window.
    pub min_completions: u64,
    /// A level lasts no longer than this, s.
    pub max_seconds: f64,
}

impl StopRule {
    /// The standard rule: 3 completions a stream in a closed loop, 1 an in-flight place when saturating, none in an
    /// open loop; at most 4 × its seconds. Seconds that are no positive number count as 0.
    #[must_use]
    pub fn for_shape(shape: LoadShape, seconds: f64) -> Self {
        let seconds = if seconds.is_finite() { seconds.max(0.0) } else { 0.0 };
        let min_completions = match shape {
            LoadShape::Closed { streams } => COMPLETIONS_PER_STREAM * u64::from(streams),
            LoadShape::Saturate { max_in_flight } => u64::from(max_in_flight),
            LoadShape::Open { .. } => 0,
        };
        Self { seconds, min_completions, max_seconds: MAX_OF_SECONDS * seconds }
    }

    /// Whether a level is over, `elapsed` after its window opened and with so many completions inside it.
    #[must_use]
    pub fn is_over(&self, elapsed: Duration, completions: u64) -> bool {
        let elapsed = elapsed.as_secs_f64();
        let may_go_on = elapsed < self.max_seconds;
        let must_go_on = elapsed < self.seconds || completions < self.min_completions;
        !(may_go_on && must_go_on)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(rule: StopRule, seconds: f64, completions: u64) -> bool {
        rule.is_over(Duration::from_secs_f64(seconds), completions)
    }

    #[test]
    fn a_closed_loop_lasts_its_seconds_and_three_completions_a_stream() {
        let rule = StopRule::for_shape(LoadShape::Closed { streams: 4 }, 30.0);
        assert!(!over(rule, 29.9, 1_000), "its seconds first");
        assert!(!over(rule, 30.0, 11), "one completion short");
        assert!(over(rule, 30.0, 12));
    }

    #[test]
    fn a_level_ends_at_its_maximum_whatever_has_completed() {
        let rule = StopRule::for_shape(LoadShape::Closed { streams: 4 }, 30.0);
        assert!(!over(rule, 119.9, 0));
        assert!(over(rule, 120.0, 0));
    }

    #[test]
    fn saturation_waits_for_one_completion_an_in_flight_place() {
        let rule = StopRule::for_shape(LoadShape::Saturate { max_in_flight: 512 }, 10.0);
        assert!(!over(rule, 10.0, 511));
        assert!(over(rule, 10.0, 512));
    }

    #[test]
    fn an_open_loop_lasts_its_seconds() {
        let rule = StopRule::for_shape(LoadShape::Open { requests_per_second: 3.0 }, 10.0);
        assert!(!over(rule, 9.9, 100));
        assert!(over(rule, 10.0, 0));
    }

    #[test]
    fn nonsense_seconds_end_a_level_at_once_rather_than_never() {
        for seconds in [f64::NAN, f64::INFINITY, -1.0] {
            assert!(over(StopRule::for_shape(LoadShape::Closed { streams: 1 }, seconds), 0.0, 0));
        }
        assert!(over(StopRule { seconds: 1.0, min_completions: 1, max_seconds: f64::NAN }, 0.0, 0));
    }
}
