//! What arrived per second inside a window, and how many requests were in flight in it.

use super::{
    record::{LevelRecords, Outcome, RequestRecord, Window},
    stats, tokens,
};

/// The rates of a window. All `None` where the window has no length or nothing was in flight in it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Rates {
    pub(super) requests_per_second: Option<f64>,
    pub(super) request_concurrency: Option<f64>,
    pub(super) output_tokens_per_second: Option<f64>,
    pub(super) tokens_per_second: Option<f64>,
}

impl Rates {
    /// Completions, tokens and in-flight time of every request that touched the window, whenever it was sent.
    pub(super) fn in_window(level: &LevelRecords) -> Self {
        let window = level.window;
        let touching: Vec<_> =
            level.after_warm_up().filter(|record| level.start_us(record) <= window.end_us).collect();
        if touching.is_empty() {
            return Self::default();
        }
        let per_second = |count: u64| stats::ratio(count as f64 * stats::US_PER_S, window.length_us() as f64);
        let completions = touching.iter().filter(|record| completed_inside(record, window)).count() as u64;
        let in_flight_us = stats::total(
            touching.iter().map(|record| overlap_us(level.start_us(record), record.end_us, window)),
        );
        let tokens = tokens_inside(&touching, window);
        Self {
            requests_per_second: per_second(completions),
            request_concurrency: stats::ratio(in_flight_us as f64, window.length_us() as f64),
            output_tokens_per_second: tokens.and_then(|(output, _)| per_second(output)),
            tokens_per_second: tokens.and_then(|(output, prompt)| per_second(output + prompt)),
        }
    }
}

/// Whether a request completed without error inside the window.
pub(super) fn completed_inside(record: &RequestRecord, window: Window) -> bool {
    record.outcome == Outcome::Completed && window.contains(record.end_us)
}

/// How much of a request's life lies inside the window, µs.
fn overlap_us(start_us: u64, end_us: u64, window: Window) -> u64 {
    end_us.min(window.end_us).saturating_sub(start_us.max(window.start_us))
}

/// Output tokens that arrived inside the window, and prompt tokens of the requests whose first token did.
/// `None`: there was text, and none of it has a known number of tokens.
fn tokens_inside(touching: &[&RequestRecord], window: Window) -> Option<(u64, u64)> {
    let (mut output, mut prompt, mut unknown, mut known) = (0, 0, false, false);
    for record in touching {
        let (before, until) =
            (tokens::events_before(record, window.start_us), tokens::events_until(record, window.end_us));
        if until == before {
            continue;
        }
        let counts = tokens::in_first_events(record, before).zip(tokens::in_first_events(record, until));
        let Some((already, by_the_end)) = counts else {
            unknown = true;
            continue;
        };
        known = true;
        output += by_the_end.saturating_sub(already);
        if before == 0 && by_the_end > 0 {
            prompt += tokens::prompt(record).unwrap_or(0);
        }
    }
    (known || !unknown).then_some((output, prompt))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::measure::tests::{level, request};

    #[test]
    fn only_what_arrived_inside_the_window_counts_whoever_sent_it_when() {
        // Window 1 s … 3 s. The first was sent in warm-up; the last ends in the drain.
        let rates = Rates::in_window(&level(
            (1_000_000, 3_000_000),
            vec![
                request(500_000, 1_500_000).events([900_000, 1_200_000]).usage(10, 2),
                request(1_500_000, 2_500_000).events([1_700_000, 1_800_000]).usage(10, 2),
                request(2_500_000, 3_500_000).events([2_900_000, 3_100_000]).usage(10, 2),
            ],
        ));
        assert_eq!(rates.requests_per_second, Some(1.0), "two completions in two seconds");
        assert_eq!(rates.output_tokens_per_second, Some(2.0), "one, two and one token in two seconds");
        assert_eq!(rates.tokens_per_second, Some(12.0), "and the prompts of the two that began inside");
        assert_eq!(rates.request_concurrency, Some(1.0), "0.5 + 1 + 0.5 seconds in flight in two");
    }

    #[test]
    fn a_token_that_arrives_at_either_end_of_the_window_is_inside() {
        let record =
            request(500_000, 2_500_000).events([999_999, 1_000_000, 2_000_000, 2_000_001]).usage(10, 4);
        let rates = Rates::in_window(&level((1_000_000, 2_000_000), vec![record]));
        assert_eq!(rates.output_tokens_per_second, Some(2.0));
    }

    #[test]
    fn a_failed_request_is_in_flight_and_its_tokens_arrived_but_it_is_no_completion() {
        let rates = Rates::in_window(&level(
            (0, 1_000_000),
            vec![
                request(0, 500_000)
                    .events([100_000, 200_000])
                    .outcome(Outcome::Errored { code: "reset".into() }),
            ],
        ));
        assert_eq!(rates.requests_per_second, Some(0.0));
        assert_eq!(rates.request_concurrency, Some(0.5));
        assert_eq!(rates.output_tokens_per_second, Some(2.0));
    }

    #[test]
    fn a_window_that_nothing_touched_has_no_rates() {
        assert_eq!(Rates::in_window(&level((0, 1_000_000), vec![])), Rates::default());
        let before = request(0, 10).events([5]).usage(1, 1);
        assert_eq!(Rates::in_window(&level((100, 1_000_000), vec![before])), Rates::default());
    }

    #[test]
    fn a_window_without_length_has_no_rates() {
        let rates = Rates::in_window(&level((5, 5), vec![request(0, 10).events([5]).usage(1, 1)]));
        assert_eq!(rates, Rates::default());
    }

    #[test]
    fn token_rates_are_unknown_when_no_answer_said_how_many_tokens_it_was() {
        let rates = Rates::in_window(&level((0, 1_000_000), vec![request(0, 10).events([5, 9])]));
        assert_eq!((rates.output_tokens_per_second, rates.tokens_per_second), (None, None));
        assert_eq!(rates.requests_per_second, Some(1.0));
    }
}
