//! How results are ordered, named and rounded wherever people read them. What is `None` is shown as `-`, never as 0.

use crate::domain::measure::summary::{BenchmarkType, LevelSummary};

/// Results in the order they are shown: concurrent by ascending rate, then throughput.
#[must_use]
pub fn in_order(levels: &[LevelSummary]) -> Vec<&LevelSummary> {
    let mut ordered: Vec<_> = levels.iter().collect();
    ordered.sort_by_key(|level| {
        let columns = &level.measured.columns;
        let kind = match columns.benchmark_type {
            BenchmarkType::Concurrent => 0,
            BenchmarkType::Throughput => 1,
            BenchmarkType::Rate => 2,
        };
        (kind, columns.rate)
    });
    ordered
}

/// A row's name: `concurrent 4`, `throughput`.
#[must_use]
pub fn name(level: &LevelSummary) -> String {
    let columns = &level.measured.columns;
    let kind = columns.benchmark_type.as_str();
    columns.rate.map_or_else(|| kind.to_owned(), |rate| format!("{kind} {rate}"))
}

/// A figure with as many decimals as leave it about four digits to read, in six characters up to a million.
#[must_use]
pub fn number(value: f64) -> String {
    let decimals = match value.abs() {
        0.0 => 2,
        size if size < 0.1 => 4,
        size if size < 10.0 => 3,
        size if size < 1_000.0 => 2,
        size if size < 10_000.0 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

/// The same of a figure that may be missing.
#[must_use]
pub fn figure(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples::ten_levels;

    #[test]
    fn rows_are_concurrent_by_ascending_rate_and_then_throughput_whatever_order_they_came_in() {
        let names: Vec<_> = in_order(&ten_levels()).into_iter().map(name).collect();
        let mut expected: Vec<_> = (1..=9).map(|rate| format!("concurrent {rate}")).collect();
        expected.push("throughput".to_owned());
        assert_eq!(names, expected);
    }
}
