//! Where a job of the queue is: a job is a token that wakes a step.

use std::{fmt, str::FromStr};

use serde::Serialize;

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// A worker could take it now.
    Queued,
    /// Its time has not come.
    Scheduled,
    /// A worker has it.
    Running,
    /// It was worked, whatever became of its step.
    Done,
    /// The queue has given it up: it could not be worked 25 times. The sweeper wakes its step anew.
    Failed,
}

impl JobState {
    /// Every state.
    pub const ALL: &[Self] = &[Self::Queued, Self::Scheduled, Self::Running, Self::Done, Self::Failed];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Scheduled => "scheduled",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for JobState {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().copied().find(|state| state.as_str() == s);
        found.ok_or_else(|| {
            format!("unknown state `{s}`: known are queued, scheduled, running, done and failed")
        })
    }
}
