//! How many tokens a request had received by a moment.
//!
//! The counts are the engine's own usage. An event may hold several tokens, or a part of one, so *o* tokens over *k*
//! events with text are allotted evenly: exact when o = k, and exact at the end whatever k is.

use super::record::{Outcome, RequestRecord};

/// Output tokens in the first `events` of this request's events with text; `None`: unknown, and not to be guessed.
///
/// - With usage: round(o × events ÷ k), at least 1 once there was text.
/// - Cut off or failed before its usage came: one token an event, a lower bound.
/// - Completed without usage: unknown (flagged `usage_missing`).
pub(super) fn in_first_events(record: &RequestRecord, events: usize) -> Option<u64> {
    let (events, all) = (events as u64, record.arrivals_us.len() as u64);
    match (record.output_tokens, &record.outcome) {
        (Some(_), _) if events == 0 => Some(0),
        (Some(tokens), _) if events >= all => Some(u64::from(tokens)),
        (Some(tokens), _) => {
            let tokens = u64::from(tokens);
            Some(((2 * tokens * events + all) / (2 * all)).max(1).min(tokens))
        }
        (None, Outcome::Completed) => None,
        (None, Outcome::CutOff | Outcome::Errored { .. }) => Some(events),
    }
}

/// Events with text that had arrived at `until_us`, that moment included.
pub(super) fn events_until(record: &RequestRecord, until_us: u64) -> usize {
    record.arrivals_us.partition_point(|at| *at <= until_us)
}

/// Events with text that had arrived before `before_us`.
pub(super) fn events_before(record: &RequestRecord, before_us: u64) -> usize {
    record.arrivals_us.partition_point(|at| *at < before_us)
}

/// Prompt tokens: by the engine's usage, or for a request that never got that far, the length it was built to have.
pub(super) fn prompt(record: &RequestRecord) -> Option<u64> {
    match (record.prompt_tokens, &record.outcome) {
        (Some(tokens), _) => Some(u64::from(tokens)),
        (None, Outcome::Completed) => None,
        (None, Outcome::CutOff | Outcome::Errored { .. }) => {
            Some(u64::from(record.intended_prompt_tokens)).filter(|tokens| *tokens > 0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::measure::tests::request;

    fn allotted(record: &RequestRecord) -> Vec<Option<u64>> {
        (0..=record.arrivals_us.len()).map(|events| in_first_events(record, events)).collect()
    }

    #[test]
    fn one_token_an_event_is_exact_at_every_event() {
        let record = request(0, 100).events([10, 20, 30, 40]).usage(8, 4);
        assert_eq!(allotted(&record), [Some(0), Some(1), Some(2), Some(3), Some(4)]);
    }

    #[test]
    fn several_tokens_an_event_are_spread_evenly_and_add_up_to_the_usage() {
        let record = request(0, 100).events([10, 20, 30, 40]).usage(8, 10);
        // 2.5 tokens an event: 2.5, 5, 7.5, 10, halves rounded up.
        assert_eq!(allotted(&record), [Some(0), Some(3), Some(5), Some(8), Some(10)]);
    }

    #[test]
    fn fewer_tokens_than_events_still_have_their_first_token_in_the_first_event() {
        let record = request(0, 100).events([10, 20, 30]).usage(8, 1);
        assert_eq!(allotted(&record), [Some(0), Some(1), Some(1), Some(1)]);
    }

    #[test]
    fn a_request_cut_off_before_its_usage_counts_its_events_and_its_whole_intended_prompt() {
        let record = request(0, 100).events([10, 20]).outcome(Outcome::CutOff).intended_prompt(77);
        assert_eq!(allotted(&record), [Some(0), Some(1), Some(2)]);
        assert_eq!(prompt(&record), Some(77));
    }

    #[test]
    fn a_completed_request_without_usage_has_unknown_counts() {
        let record = request(0, 100).events([10, 20]).intended_prompt(77);
        assert_eq!(allotted(&record), [None, None, None]);
        assert_eq!(prompt(&record), None);
    }
}
