//! Which benchmarks of a run have no result, and why: for readers who count what goes wrong.

use super::{FailureKind, PublishedFailure};
use crate::{
    domain::{
        failure::Failure,
        measure::summary::{BenchmarkType, LevelSummary},
        step::StepKind,
    },
    store::{results::StoredResult, steps::Step},
};

/// The levels without a single answer (or without one of the means), and the steps that gave up.
pub(super) fn of(steps: &[Step], unpublished: &[&StoredResult]) -> Vec<PublishedFailure> {
    let levels = unpublished.iter().map(|result| of_level(&result.summary));
    let given_up = steps.iter().filter_map(|step| {
        let (test_type, rate) = benchmark(step.name.parse().ok()?)?;
        let error = step.error.as_ref().filter(|_| step.status == crate::domain::step::StepStatus::Failed)?;
        Some(PublishedFailure { test_type, rate, error: error.to_string(), kind: kind(error) })
    });
    let mut failures: Vec<_> = levels.chain(given_up).collect();
    // As results are: ascending rate, throughput last.
    failures.sort_by_key(|failure| (failure.rate.is_none(), failure.rate));
    failures
}

fn benchmark(step: StepKind) -> Option<(BenchmarkType, Option<i32>)> {
    match step {
        StepKind::Throughput => Some((BenchmarkType::Throughput, None)),
        StepKind::Concurrency(streams) => Some((BenchmarkType::Concurrent, i32::try_from(streams).ok())),
        _ => None,
    }
}

fn of_level(summary: &LevelSummary) -> PublishedFailure {
    let columns = &summary.compat;
    // The commonest; of equals, the first by name.
    let worst = summary.errors.iter().rev().max_by_key(|(_, count)| **count);
    let (error, kind) = match worst {
        Some((code, count)) => {
            (format!("no request was answered; {count} failed with {code}"), of_code(code))
        }
        None if columns.successful_requests == 0 => {
            ("no request was answered in time".to_owned(), FailureKind::Timeout)
        }
        None => ("answers were too short for all of the means".to_owned(), FailureKind::Unknown),
    };
    PublishedFailure {
        test_type: columns.benchmark_type,
        rate: columns.rate.and_then(|rate| i32::try_from(rate).ok()),
        error,
        kind,
    }
}

/// By the code of the requests, where it is them that failed.
fn kind(failure: &Failure) -> FailureKind {
    of_code(failure.details.get("code").and_then(|code| code.as_str()).unwrap_or(&failure.code))
}

fn of_code(code: &str) -> FailureKind {
    let has = |words: &[&str]| words.iter().any(|word| code.contains(word));
    if has(&["timeout", "timed_out", "deadline", "http_408", "http_504"]) {
        FailureKind::Timeout
    } else if has(&["memory", "oom"]) {
        FailureKind::MemoryError
    } else if has(&[
        "connect",
        "reset",
        "closed",
        "unknown_host",
        "unreachable",
        "engine_lost",
        "truncated",
        "eof",
    ]) {
        FailureKind::Connection
    } else if has(&["http_5", "server_error", "stream_error", "engine_"]) {
        FailureKind::ServerError
    } else {
        FailureKind::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_counted_by_what_readers_know() {
        for (code, kind) in [
            ("http_503", FailureKind::ServerError),
            ("http_504", FailureKind::Timeout),
            ("connect_refused", FailureKind::Connection),
            ("connect_timeout", FailureKind::Timeout),
            ("out_of_memory", FailureKind::MemoryError),
            ("http_404", FailureKind::Unknown),
        ] {
            assert_eq!(of_code(code), kind, "{code}");
        }
    }
}
