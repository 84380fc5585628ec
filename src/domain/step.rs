//! What a step is, and the states it goes through.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The highest number of streams a concurrency step may ask for.
pub const MAX_STREAMS: u32 = 4096;

/// What a step does. Its text form (`concurrency:3`) is its name in files, rows and events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StepKind {
    /// Get the machine.
    Provision,
    /// Get the model onto it.
    PullModel,
    /// Get the engine to serve the model.
    StartEngine,
    /// Reach a steady state; its requests are in no result.
    Warmup,
    /// Measure with as many requests in flight as allowed.
    Throughput,
    /// Measure with this many streams.
    Concurrency(u32),
    /// Stop and remove everything the run started.
    Teardown,
}

impl StepKind {
    /// Whether the step produces a result row.
    #[must_use]
    pub const fn is_measurement(self) -> bool {
        matches!(self, Self::Throughput | Self::Concurrency(_))
    }
}

impl fmt::Display for StepKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Provision => f.pad("provision"),
            Self::PullModel => f.pad("pull_model"),
            Self::StartEngine => f.pad("start_engine"),
            Self::Warmup => f.pad("warmup"),
            Self::Throughput => f.pad("throughput"),
            Self::Concurrency(streams) => f.pad(&format!("concurrency:{streams}")),
            Self::Teardown => f.pad("teardown"),
        }
    }
}

/// A step name that is none of the known ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown step `{0}`: known are provision, pull_model, start_engine, warmup, throughput, \
     concurrency:<1-{MAX_STREAMS}>, teardown"
)]
pub struct UnknownStep(pub String);

impl FromStr for StepKind {
    type Err = UnknownStep;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownStep(s.to_owned());
        Ok(match s {
            "provision" => Self::Provision,
            "pull_model" => Self::PullModel,
            "start_engine" => Self::StartEngine,
            "warmup" => Self::Warmup,
            "throughput" => Self::Throughput,
            "teardown" => Self::Teardown,
            _ => {
                let streams = s.strip_prefix("concurrency:").ok_or_else(unknown)?;
                let streams: u32 = streams.parse().map_err(|_| unknown())?;
                if streams == 0 || streams > MAX_STREAMS {
                    return Err(unknown());
                }
                Self::Concurrency(streams)
            }
        })
    }
}

impl Serialize for StepKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StepKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Where a step is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// Its token is in the queue (perhaps for later), or it waits for a pause to end.
    Scheduled,
    /// A worker holds its lease.
    Running,
    /// Its outcome is committed.
    Done,
    /// It gave up: its budget of errors or of lost workers is spent, or the error can't be cured.
    Failed,
    /// The run was cancelled before it finished.
    Cancelled,
    /// It wasn't needed.
    Skipped,
}

impl StepStatus {
    /// Every status.
    pub const ALL: &[Self] =
        &[Self::Scheduled, Self::Running, Self::Done, Self::Failed, Self::Cancelled, Self::Skipped];

    /// The name in the database and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
        }
    }

    /// Whether a step may go from `self` to `next`.
    ///
    /// `Running → Running` is a takeover after a lost worker; `Running → Scheduled` a retry; leaving a settled
    /// state means that a retry, or a lost engine, sent the run back.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Scheduled => matches!(next, Self::Running | Self::Failed | Self::Cancelled | Self::Skipped),
            Self::Running => {
                matches!(next, Self::Running | Self::Scheduled | Self::Done | Self::Failed | Self::Cancelled)
            }
            Self::Done | Self::Failed | Self::Cancelled | Self::Skipped => matches!(next, Self::Scheduled),
        }
    }
}

impl fmt::Display for StepStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for StepStatus {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|k| k.as_str() == s)
            .ok_or_else(|| format!("unknown step status `{s}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn step_names_round_trip_and_bad_ones_are_refused() {
        for name in
            ["provision", "pull_model", "start_engine", "warmup", "throughput", "concurrency:9", "teardown"]
        {
            assert_eq!(name.parse::<StepKind>().unwrap().to_string(), name);
        }
        for name in ["concurrency:0", "concurrency:", "concurrency:-1", "concurrency:5000", "deploy", ""] {
            assert!(name.parse::<StepKind>().is_err(), "{name} was accepted");
        }
    }

    #[test]
    fn a_settled_step_can_only_be_scheduled_again() {
        for from in [StepStatus::Done, StepStatus::Failed, StepStatus::Cancelled, StepStatus::Skipped] {
            for to in StepStatus::ALL {
                assert_eq!(from.may_become(*to), *to == StepStatus::Scheduled);
            }
        }
        assert!(!StepStatus::Scheduled.may_become(StepStatus::Done), "a step can't finish without a lease");
    }
}
