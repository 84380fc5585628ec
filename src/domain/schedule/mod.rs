//! A schedule: when something happens, and what if its time was missed or it still runs.
//!
//! Definitions come from `schedules/*.toml` ([`parse`]). Times are computed in the schedule's own zone from the times
//! the caller gives: there is no clock here, and nothing fires.

mod cron;
mod due;
mod parse;
#[cfg(test)]
mod tests;

use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    definition::{millis, optional_millis},
    matrix::MatrixDefinition,
};

pub use cron::{CronError, CronExpression};
pub use due::{Due, LATE_AFTER, LOOK_BACK};
pub use parse::{Known, parse};

/// When something happens, and what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScheduleDefinition {
    /// The name, which is also the file's: `nightly`.
    pub name: String,
    /// One sentence for people.
    #[serde(default)]
    pub description: String,
    /// Whether it fires.
    pub enabled: bool,
    /// When it fires, in `timezone`.
    pub cron: CronExpression,
    /// IANA name of the zone: `America/New_York`.
    pub timezone: Tz,
    /// What happens to ticks missed while no process was there to fire them.
    pub catch_up: CatchUp,
    /// How old a missed tick may be; `None` exactly where missed ticks are skipped.
    #[serde(rename = "catch_up_window_ms", with = "optional_millis", default)]
    pub catch_up_window: Option<Duration>,
    /// What happens to a tick while the work of the one before goes on.
    pub overlap: Overlap,
    /// A tick's work starts up to this much later, by chance, so that not everybody comes at once.
    #[serde(rename = "jitter_ms", with = "millis", default)]
    pub jitter: Duration,
    /// What all runs of its matrices may cost in a day, from midnight UTC, in US dollars; `None`: no more is said than
    /// each matrix' own budget.
    #[serde(default, with = "rust_decimal::serde::str_option", skip_serializing_if = "Option::is_none")]
    pub budget_usd_per_day: Option<Decimal>,
    /// What happens.
    pub action: Action,
}

/// What happens to missed ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CatchUp {
    /// They are dropped.
    Skip,
    /// The last one fires late.
    Latest,
    /// Each fires late, oldest first.
    All,
}

/// What happens to a tick while the work of the one before goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// The tick is dropped, and says so.
    Skip,
    /// It waits.
    Queue,
    /// The work of the one before is cancelled, through its teardown.
    CancelPrevious,
}

/// What a tick does.
#[allow(clippy::large_enum_variant, reason = "there are a handful, and each is read from a file")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It runs a matrix of benchmarks.
    Matrix(MatrixDefinition),
    /// It does a chore of the program's own.
    Job {
        /// The chore's name.
        name: String,
    },
}

impl ScheduleDefinition {
    /// Every tick after `from` (not included) up to `to` (included), in order.
    ///
    /// A schedule may tick each minute: bound the span, e.g. by `catch_up_window`.
    #[must_use]
    pub fn ticks_between(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        self.cron.after(from, self.timezone).take_while(|tick| *tick <= to).collect()
    }

    /// The next `n` ticks after `after` (not included).
    #[must_use]
    pub fn next(&self, after: DateTime<Utc>, n: usize) -> Vec<DateTime<Utc>> {
        self.cron.after(after, self.timezone).take(n).collect()
    }
}
