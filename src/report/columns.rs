//! The 17 columns under their exact names, in either published view, and as CSV for programs.

use std::str::FromStr;

use super::in_order;
use crate::domain::measure::summary::{Columns, LevelSummary};

/// Which of the two published views of a result to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum View {
    /// Requests completed inside the window; rates of what arrived inside it.
    #[default]
    Measured,
    /// Every request in flight since warm-up, cut off at the deadline: what readers of the 17 columns expect.
    Compat,
}

impl View {
    /// Its name in parameters and flags.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Compat => "compat",
        }
    }

    /// This view of a result.
    #[must_use]
    pub const fn of(self, level: &LevelSummary) -> &Columns {
        match self {
            Self::Measured => &level.measured.columns,
            Self::Compat => &level.compat,
        }
    }
}

impl FromStr for View {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        [Self::Measured, Self::Compat]
            .into_iter()
            .find(|view| view.as_str() == s)
            .ok_or_else(|| "must be measured or compat".to_owned())
    }
}

/// One value of a row, unrounded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// A word.
    Text(&'static str),
    /// A whole number.
    Count(Option<u64>),
    /// A measurement, in the unit of its column.
    Figure(Option<f64>),
}

use Value::{Count, Figure, Text};

/// A column's name, and its value in a row.
pub type Column = (&'static str, fn(&Columns) -> Value);

/// The columns in their published order.
pub const COLUMNS: [Column; 17] = [
    ("benchmark_type", |row| Text(row.benchmark_type.as_str())),
    ("rate", |row| Count(row.rate.map(u64::from))),
    ("max_number", |row| Count(row.max_number)),
    ("warmup_number", |row| Count(row.warmup_number)),
    ("benchmark_duration", |row| Figure(Some(row.benchmark_duration))),
    ("total_requests", |row| Count(Some(row.total_requests))),
    ("successful_requests", |row| Count(Some(row.successful_requests))),
    ("requests_per_second", |row| Figure(row.requests_per_second)),
    ("request_concurrency", |row| Figure(row.request_concurrency)),
    ("request_latency", |row| Figure(row.request_latency)),
    ("prompt_token_count", |row| Figure(row.prompt_token_count)),
    ("output_token_count", |row| Figure(row.output_token_count)),
    ("time_to_first_token_ms", |row| Figure(row.time_to_first_token_ms)),
    ("time_per_output_token_ms", |row| Figure(row.time_per_output_token_ms)),
    ("inter_token_latency_ms", |row| Figure(row.inter_token_latency_ms)),
    ("output_tokens_per_second", |row| Figure(row.output_tokens_per_second)),
    ("tokens_per_second", |row| Figure(row.tokens_per_second)),
];

/// CSV with a header of the 17 exact names; empty where there is no value; figures with every digit, so that the
/// number read back is the number stored. Nothing in it ever needs quoting.
#[must_use]
pub fn csv(levels: &[LevelSummary], view: View) -> String {
    let exact = |value: Value| match value {
        Text(text) => text.to_owned(),
        Count(count) => count.map(|count| count.to_string()).unwrap_or_default(),
        Figure(figure) => figure.map(|figure| figure.to_string()).unwrap_or_default(),
    };
    let header = COLUMNS.map(|(name, _)| name.to_owned());
    let rows =
        in_order(levels).into_iter().map(|level| COLUMNS.map(|(_, value)| exact(value(view.of(level)))));
    std::iter::once(header).chain(rows).map(|row| row.join(",") + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples::{failed_level, one_stream, ten_levels};

    #[test]
    fn csv_reads_like_this() {
        insta::assert_snapshot!(csv(&[one_stream(), failed_level()], View::Measured));
    }

    #[test]
    fn csv_has_the_names_and_the_order_of_the_json() {
        let level = one_stream();
        let json = serde_json::to_string(&level.compat).unwrap();
        let text = csv(&[level], View::Compat);
        let header = text.lines().next().unwrap();
        let keys: Vec<&str> =
            json.trim_matches(['{', '}']).split(',').map(|pair| pair.split('"').nth(1).unwrap()).collect();
        assert_eq!(header.split(',').collect::<Vec<_>>(), keys);
        assert_eq!(keys.len(), 17);
    }

    #[test]
    fn csv_gives_every_figure_back_to_the_last_digit() {
        let levels = ten_levels();
        let text = csv(&levels, View::Measured);
        for (line, level) in text.lines().skip(1).zip(in_order(&levels)) {
            let latency: f64 = line.split(',').nth(9).unwrap().parse().unwrap();
            assert_eq!(Some(latency), level.measured.columns.request_latency);
        }
        assert_eq!(text.lines().count(), 11);
    }

    #[test]
    fn a_view_is_known_by_its_name_alone() {
        assert_eq!("compat".parse(), Ok(View::Compat));
        assert!("Compat".parse::<View>().is_err());
    }
}
