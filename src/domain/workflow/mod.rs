//! A workflow definition: which steps a run takes, and how patient each is.
//!
//! Definitions come from `workflows/*.toml` ([`parse`]) and are stored with each run as JSON, so that a run ends
//! under the rules it began with. How a step is executed, and how a delay is drawn from a policy, is not known here.

mod parse;
mod rates;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    definition::{millis, optional_millis},
    step::StepKind,
};

pub use parse::parse;
pub use rates::{MAX_RATES, RatesError, check_rates, parse_rates};

pub use super::definition::DefinitionError;

/// The steps of a run, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowDefinition {
    /// The name, which is also the file's: `benchmark`.
    pub name: String,
    /// Raised whenever the meaning of the file changes.
    pub version: u32,
    /// One sentence for people.
    #[serde(default)]
    pub description: String,
    /// The steps: provision first, teardown last.
    pub steps: Vec<StepDefinition>,
}

/// One step and its patience.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepDefinition {
    /// What it does.
    pub kind: StepKind,
    /// How long one attempt may take.
    #[serde(rename = "timeout_ms", with = "millis")]
    pub timeout: Duration,
    /// How often an attempt says that it is alive; `None`: the worker's own setting.
    #[serde(
        rename = "heartbeat_ms",
        with = "optional_millis",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub heartbeat: Option<Duration>,
    /// When it is tried again.
    pub retry: RetryPolicy,
    /// Whether it runs however the run ended. Only teardown does.
    #[serde(default)]
    pub always: bool,
}

/// When a step is tried again. Errors and lost workers have budgets of their own, so a night of restarts doesn't
/// use up the patience for real errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Attempts that may end in an error, the first included; [`RetryPolicy::FOREVER`] (`null` in JSON): no limit.
    #[serde(with = "budget")]
    pub max_attempts: u32,
    /// Attempts that may be lost with their worker; [`RetryPolicy::FOREVER`] (`null` in JSON): no limit.
    #[serde(with = "budget")]
    pub max_losses: u32,
    /// Upper bound of the first delay.
    #[serde(rename = "initial_ms", with = "millis")]
    pub initial: Duration,
    /// Upper bound of every delay.
    #[serde(rename = "max_ms", with = "millis")]
    pub max: Duration,
}

impl RetryPolicy {
    /// The budget without an end.
    pub const FOREVER: u32 = u32::MAX;

    /// What a step has that states no policy: 3 attempts, 5 losses, delays of up to 5 s, then doubling to 2 min.
    pub const STANDARD: Self =
        Self { max_attempts: 3, max_losses: 5, initial: Duration::from_secs(5), max: Duration::from_mins(2) };

    /// What teardown has: for ever, with delays of up to 30 s, then doubling to 10 min. Giving up would leave a rented
    /// machine running.
    pub const TEARDOWN: Self = Self {
        max_attempts: Self::FOREVER,
        max_losses: Self::FOREVER,
        initial: Duration::from_secs(30),
        max: Duration::from_mins(10),
    };
}

impl WorkflowDefinition {
    /// The same workflow measuring these numbers of streams instead of its own.
    ///
    /// A rate the workflow already has keeps its patience; a new one gets that of the first concurrency step.
    ///
    /// # Errors
    /// When the rates break the rules of [`check_rates`], or the workflow has no concurrency step to replace.
    pub fn with_rates(&self, rates: &[u32]) -> Result<Self, RatesError> {
        check_rates(rates)?;
        let is_level = |step: &StepDefinition| matches!(step.kind, StepKind::Concurrency(_));
        let Some(first) = self.steps.iter().position(is_level) else {
            return Err(RatesError::NoConcurrencyStep { workflow: self.name.clone() });
        };
        let levels: Vec<StepDefinition> = rates
            .iter()
            .map(|rate| {
                let kind = StepKind::Concurrency(*rate);
                let like = self.steps.iter().find(|step| step.kind == kind).unwrap_or(&self.steps[first]);
                StepDefinition { kind, ..like.clone() }
            })
            .collect();
        let mut steps: Vec<StepDefinition> =
            self.steps.iter().filter(|step| !is_level(step)).cloned().collect();
        // Everything before the first level stays before it, so its index holds in the filtered list too.
        steps.splice(first..first, levels);
        Ok(Self { steps, ..self.clone() })
    }

    /// The numbers of streams it measures, in order.
    #[must_use]
    pub fn rates(&self) -> Vec<u32> {
        self.steps
            .iter()
            .filter_map(|step| match step.kind {
                StepKind::Concurrency(streams) => Some(streams),
                _ => None,
            })
            .collect()
    }
}

/// Serde for budgets: no end is `null`.
mod budget {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::RetryPolicy;

    pub(super) fn serialize<S: Serializer>(budget: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        Some(*budget).filter(|budget| *budget != RetryPolicy::FOREVER).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        Ok(Option::<u32>::deserialize(deserializer)?.unwrap_or(RetryPolicy::FOREVER))
    }
}
