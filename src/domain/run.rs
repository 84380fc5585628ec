//! The states of a run and which may follow which.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Where a run is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Recorded; no step has started.
    Pending,
    /// Its steps are being worked, teardown included.
    Running,
    /// Every step, teardown included, is done.
    Succeeded,
    /// A step gave up; teardown is done.
    Failed,
    /// Somebody cancelled it; teardown is done.
    Cancelled,
}

impl RunStatus {
    /// Every status.
    pub const ALL: &[Self] = &[Self::Pending, Self::Running, Self::Succeeded, Self::Failed, Self::Cancelled];

    /// The name in the database and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing will happen to the run unless somebody retries it.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    /// Whether a run may go from `self` to `next`. A retry reopens a terminal run.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Pending => matches!(next, Self::Running | Self::Cancelled),
            Self::Running => next.is_terminal(),
            Self::Succeeded | Self::Failed | Self::Cancelled => matches!(next, Self::Running),
        }
    }
}

impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for RunStatus {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|status| status.as_str() == s).ok_or_else(|| {
            format!("unknown run status `{s}`: known are pending, running, succeeded, failed, cancelled")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_retry_leaves_a_terminal_state() {
        for from in RunStatus::ALL {
            for to in RunStatus::ALL {
                if from.is_terminal() {
                    assert_eq!(from.may_become(*to), *to == RunStatus::Running, "{from} -> {to}");
                }
            }
            assert_eq!(from.as_str().parse::<RunStatus>().unwrap(), *from);
        }
        assert!(!RunStatus::Pending.may_become(RunStatus::Succeeded));
        assert!(RunStatus::Running.may_become(RunStatus::Cancelled));
    }
}
