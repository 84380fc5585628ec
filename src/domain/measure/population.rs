//! A set of requests as one view sees them, and the means both views take over such a set.
//!
//! A view says which requests belong and until when it looks at them; the formulas are the same and are here once.

use super::{
    record::{Outcome, RequestRecord},
    stats, tokens,
};

/// One request as a view sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Observed {
    /// *s*, µs.
    pub(super) start_us: u64,
    /// *e*, or the moment the view stops looking, µs.
    pub(super) end_us: u64,
    /// Whether it had completed without error by then.
    pub(super) completed: bool,
    /// *f* and *l*, µs: `None` where no text had come.
    text_us: Option<(u64, u64)>,
    /// *p*.
    pub(super) prompt_tokens: Option<u64>,
    /// *o* by then; `None`: unknown.
    pub(super) output_tokens: Option<u64>,
}

impl Observed {
    /// A request that started at `start_us`, as if it had been cancelled at `until_us`: what came later never happened.
    pub(super) fn until(record: &RequestRecord, start_us: u64, until_us: u64) -> Self {
        let over = record.end_us <= until_us;
        let events = if over { record.arrivals_us.len() } else { tokens::events_until(record, until_us) };
        let seen = record.arrivals_us.get(..events).unwrap_or_default();
        Self {
            start_us,
            end_us: record.end_us.min(until_us),
            completed: over && record.outcome == Outcome::Completed,
            text_us: seen.first().copied().zip(seen.last().copied()),
            prompt_tokens: tokens::prompt(record),
            output_tokens: tokens::in_first_events(record, events),
        }
    }

    /// *f* and *l* so far, µs; `None`: no text had come.
    pub(super) fn text_us(&self) -> Option<(u64, u64)> {
        self.text_us
    }

    /// e − s, µs.
    pub(super) fn latency_us(&self) -> u64 {
        self.end_us.saturating_sub(self.start_us)
    }

    /// Whether at least one output token had come: by usage, or where that is unknown, by text.
    pub(super) fn has_token(&self) -> bool {
        self.output_tokens.map_or(self.text_us.is_some(), |tokens| tokens > 0)
    }

    /// f − s, µs.
    pub(super) fn ttft_us(&self) -> Option<u64> {
        let (first, _) = self.text_us.filter(|_| self.has_token())?;
        Some(first.saturating_sub(self.start_us))
    }

    /// (l − f in µs, o): how long the tokens after the first took, and how many there were in all.
    pub(super) fn decode(&self) -> Option<(u64, u64)> {
        let ((first, last), tokens) = self.text_us.zip(self.output_tokens.filter(|tokens| *tokens > 0))?;
        Some((last.saturating_sub(first), tokens))
    }

    /// This request's own mean gap between tokens, (l − f) ÷ (o − 1), µs; from two tokens.
    pub(super) fn mean_gap_us(&self) -> Option<f64> {
        let (decode_us, tokens) = self.decode()?;
        (tokens > 1).then(|| decode_us as f64 / (tokens - 1) as f64)
    }
}

/// The means of a population, in the units of the columns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Means {
    pub(super) request_latency: Option<f64>,
    pub(super) prompt_token_count: Option<f64>,
    pub(super) output_token_count: Option<f64>,
    pub(super) time_to_first_token_ms: Option<f64>,
    pub(super) time_per_output_token_ms: Option<f64>,
    pub(super) inter_token_latency_ms: Option<f64>,
}

impl Means {
    pub(super) fn of(population: &[Observed]) -> Self {
        let with_token = || population.iter().filter(|request| request.has_token());
        let decodes = || population.iter().filter_map(Observed::decode);
        let decode_us = stats::total(decodes().map(|(us, _)| us)) as f64;
        let tokens: u64 = decodes().map(|(_, tokens)| tokens).sum();
        let gaps: u64 = decodes().map(|(_, tokens)| tokens - 1).sum();
        Self {
            request_latency: mean(population.iter().map(Observed::latency_us), stats::US_PER_S),
            prompt_token_count: mean(with_token().filter_map(|request| request.prompt_tokens), 1.0),
            output_token_count: mean(with_token().filter_map(|request| request.output_tokens), 1.0),
            time_to_first_token_ms: mean(population.iter().filter_map(Observed::ttft_us), stats::US_PER_MS),
            time_per_output_token_ms: stats::ratio(decode_us, tokens as f64).map(|us| us / stats::US_PER_MS),
            inter_token_latency_ms: stats::ratio(decode_us, gaps as f64).map(|us| us / stats::US_PER_MS),
        }
    }
}

/// Mean of whole numbers in units of `per`. The sum is exact, so the order of the records leaves no trace.
fn mean(values: impl Iterator<Item = u64>, per: f64) -> Option<f64> {
    let values: Vec<u64> = values.collect();
    stats::ratio(stats::total(values.iter().copied()) as f64, values.len() as f64).map(|mean| mean / per)
}

/// Output tokens known, and prompt tokens of the requests that produced any.
///
/// `None`: none of the requests with text says how many tokens it was. A prompt counts with its first output token,
/// since before that nothing shows that the engine had read it.
pub(super) fn token_totals(population: &[Observed]) -> Option<(u64, u64)> {
    let with_token: Vec<_> = population.iter().filter(|request| request.has_token()).collect();
    let unknown = !with_token.is_empty() && with_token.iter().all(|request| request.output_tokens.is_none());
    let output = with_token.iter().filter_map(|request| request.output_tokens).sum();
    let prompt = with_token.iter().filter_map(|request| request.prompt_tokens).sum();
    (!unknown).then_some((output, prompt))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::measure::tests::request;

    fn until(record: &RequestRecord, until_us: u64) -> Observed {
        Observed::until(record, record.start_us, until_us)
    }

    fn close(a: Option<f64>, b: f64) {
        assert!((a.unwrap() - b).abs() < 1e-12, "{a:?} is not {b}");
    }

    #[test]
    fn decode_time_is_divided_by_tokens_in_one_column_and_by_gaps_in_the_other() {
        // 5 tokens over 40 ms of decoding: 8 ms a token, 10 ms a gap.
        let record = request(0, 150_000).events([100_000, 110_000, 120_000, 130_000, 140_000]).usage(20, 5);
        let means = Means::of(&[until(&record, u64::MAX)]);
        close(means.time_per_output_token_ms, 8.0);
        close(means.inter_token_latency_ms, 10.0);
        close(means.time_to_first_token_ms, 100.0);
        close(means.request_latency, 0.15);
    }

    #[test]
    fn inter_token_latency_weighs_requests_by_their_gaps() {
        // Two gaps of 10 ms and one of 40 ms: 20 ms a gap, not the 25 ms that a mean of the two means would be.
        let a = until(&request(0, 30_000).events([10_000, 20_000, 30_000]).usage(9, 3), u64::MAX);
        let b = until(&request(0, 50_000).events([10_000, 50_000]).usage(9, 2), u64::MAX);
        close(Means::of(&[a, b]).inter_token_latency_ms, 20.0);
        close(b.mean_gap_us(), 40_000.0);
    }

    #[test]
    fn a_single_token_has_a_decode_time_of_zero_and_no_gap() {
        let record = request(0, 30_000).events([10_000]).usage(9, 1);
        let means = Means::of(&[until(&record, u64::MAX)]);
        assert_eq!(means.time_per_output_token_ms, Some(0.0));
        assert_eq!(means.inter_token_latency_ms, None);
    }

    #[test]
    fn a_request_without_a_token_has_a_latency_but_no_token_means() {
        let record = request(0, 30_000).outcome(Outcome::CutOff).intended_prompt(50);
        let means = Means::of(&[until(&record, u64::MAX)]);
        close(means.request_latency, 0.03);
        assert_eq!((means.prompt_token_count, means.time_to_first_token_ms), (None, None));
    }

    #[test]
    fn cutting_drops_later_text_and_shortens_the_latency() {
        let record = request(10, 100).events([20, 30, 90]).usage(9, 3);
        let cut = until(&record, 50);
        assert_eq!((cut.latency_us(), cut.output_tokens, cut.completed), (40, Some(2), false));
        assert_eq!(cut.decode(), Some((10, 2)));
        assert!(until(&record, 100).completed, "the moment of the cut belongs to what is seen");
    }

    #[test]
    fn a_missing_usage_leaves_the_token_means_but_not_the_time_to_first_token() {
        let known = until(&request(0, 40_000).events([10_000, 20_000]).usage(9, 2), u64::MAX);
        let unknown = until(&request(0, 40_000).events([30_000, 40_000]).intended_prompt(500), u64::MAX);
        let means = Means::of(&[known, unknown]);
        assert_eq!((means.prompt_token_count, means.output_token_count), (Some(9.0), Some(2.0)));
        close(means.time_to_first_token_ms, 20.0);
        assert_eq!(token_totals(&[known, unknown]), Some((2, 9)));
        assert_eq!(token_totals(&[unknown]), None, "a rate of nought would be a guess");
    }
}
