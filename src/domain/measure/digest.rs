//! Telling one benchmark's data from another's, so that nothing is ever stored twice under two names.
//!
//! A table once published for this kind of system had a throughput row equal to its rate-9 row to the last digit:
//! one result stored twice. Equal digests mean the same records; twins are summaries that agree to the last digit.

use sha2::{Digest as _, Sha256};

use super::{
    record::{LevelRecords, Outcome, RequestRecord},
    summary::{Columns, LevelSummary},
};

/// SHA-256 of the records, in hexadecimal. The order they were merged in doesn't matter; nor do the level's shape,
/// window and seed, since the same requests under another name are what it is to find.
#[must_use]
pub fn digest(level: &LevelRecords) -> String {
    let mut each: Vec<[u8; 32]> = level.records.iter().map(record_digest).collect();
    each.sort_unstable();
    let mut all = Sha256::new_with_prefix(b"dria-bench records 1\n");
    for one in &each {
        all.update(one);
    }
    hex::encode(all.finalize())
}

/// SHA-256 of one record: its fields in their order, numbers as little-endian u64, an absent number as a lone 0 byte
/// and a present one after a 1 byte, lists and texts after their length.
fn record_digest(record: &RequestRecord) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut number = |value: u64| hash.update(value.to_le_bytes());
    number(u64::from(record.stream));
    number(record.intended_start_us);
    number(record.start_us);
    number(record.arrivals_us.len() as u64);
    record.arrivals_us.iter().copied().for_each(&mut number);
    number(record.end_us);
    for count in [record.prompt_tokens, record.output_tokens, record.cached_prompt_tokens] {
        match count {
            None => hash.update([0]),
            Some(count) => {
                hash.update([1]);
                hash.update(u64::from(count).to_le_bytes());
            }
        }
    }
    hash.update(u64::from(record.intended_prompt_tokens).to_le_bytes());
    // Older versions didn't keep it, and what they stored is still to be recognised.
    if record.intended_output_tokens > 0 {
        hash.update(u64::from(record.intended_output_tokens).to_le_bytes());
    }
    match &record.outcome {
        Outcome::Completed => hash.update([0]),
        Outcome::CutOff => hash.update([1]),
        Outcome::Errored { code } => {
            hash.update([2]);
            hash.update((code.len() as u64).to_le_bytes());
            hash.update(code.as_bytes());
        }
    }
    hash.finalize().into()
}

/// Whether two summaries agree in every mean of the measured view, to the last digit. Two levels in which nothing
/// completed are no twins: they have no means.
#[must_use]
pub fn is_twin(a: &LevelSummary, b: &LevelSummary) -> bool {
    let means = |columns: &Columns| {
        [
            columns.requests_per_second,
            columns.request_concurrency,
            columns.request_latency,
            columns.prompt_token_count,
            columns.output_token_count,
            columns.time_to_first_token_ms,
            columns.time_per_output_token_ms,
            columns.inter_token_latency_ms,
            columns.output_tokens_per_second,
            columns.tokens_per_second,
        ]
        .map(|mean| mean.map(f64::to_bits))
    };
    a.measured.columns.request_latency.is_some() && means(&a.measured.columns) == means(&b.measured.columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::measure::{
        record::LoadShape,
        summarise,
        tests::{level, request},
    };

    fn sample() -> LevelRecords {
        level(
            (0, 100_000),
            vec![
                request(0, 30_000).events([10_000, 20_000]).usage(16, 2),
                request(30_000, 70_000).events([40_000, 60_000]).usage(16, 2),
            ],
        )
    }

    #[test]
    fn the_same_records_have_the_same_digest_in_any_order_and_under_any_name() {
        let mut other = sample();
        other.records.reverse();
        other.shape = LoadShape::Saturate { max_in_flight: 512 };
        other.window.end_us += 1;
        other.seed += 1;
        assert_eq!(digest(&sample()), digest(&other));
        assert_eq!(digest(&sample()).len(), 64);
    }

    #[test]
    fn a_change_in_any_field_of_one_record_changes_the_digest() {
        let changes: [fn(&mut RequestRecord); 10] = [
            |r| r.stream += 1,
            |r| r.intended_start_us += 1,
            |r| r.start_us += 1,
            |r| r.arrivals_us[1] += 1,
            |r| r.end_us += 1,
            |r| r.prompt_tokens = None,
            |r| r.cached_prompt_tokens = Some(0),
            |r| r.intended_prompt_tokens += 1,
            |r| r.intended_output_tokens += 1,
            |r| r.outcome = Outcome::Errored { code: "reset".to_owned() },
        ];
        for (number, change) in changes.iter().enumerate() {
            let mut other = sample();
            change(&mut other.records[1]);
            assert_ne!(digest(&sample()), digest(&other), "change {number}");
        }
    }

    #[test]
    fn a_record_twice_is_another_set_of_records() {
        let mut doubled = sample();
        doubled.records.push(doubled.records[0].clone());
        assert_ne!(digest(&sample()), digest(&doubled));
    }

    #[test]
    fn the_throughput_row_that_equals_the_rate_9_row_is_a_twin() {
        let rate_9 = summarise(&LevelRecords { shape: LoadShape::Closed { streams: 9 }, ..sample() });
        let throughput =
            summarise(&LevelRecords { shape: LoadShape::Saturate { max_in_flight: 512 }, ..sample() });
        assert!(is_twin(&rate_9, &throughput));
    }

    #[test]
    fn one_microsecond_makes_another_result() {
        let mut other = sample();
        other.records[1].end_us += 1;
        assert!(!is_twin(&summarise(&sample()), &summarise(&other)));
    }

    #[test]
    fn two_levels_in_which_nothing_completed_are_no_twins() {
        let empty = summarise(&level((0, 100), vec![]));
        assert!(!is_twin(&empty, &empty.clone()));
    }
}
