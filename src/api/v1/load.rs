//! The `load` of a request: of a run, or of each run of a matrix.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    api::fields::Fields,
    domain::{
        measure::until::Until,
        spec::{LoadSpec, MAX_TOKENS},
        workflow::{RatesError, WorkflowDefinition},
    },
};

/// The load.
#[derive(Debug, Clone, Default, ToSchema)]
pub(super) struct LoadRequest {
    /// Numbers of streams measured.
    rates: Option<Vec<u32>>,
    /// Seconds a level lasts at least.
    #[schema(minimum = 0.1, maximum = 3600)]
    seconds: Option<f64>,
    /// Prompt length, tokens.
    prompt_tokens: Option<u32>,
    /// Output length, tokens.
    output_tokens: Option<u32>,
    /// Seed of the prompts.
    seed: Option<u64>,
    /// Most requests in flight in the throughput benchmark.
    max_in_flight: Option<u32>,
    /// Measure until a figure is known well enough, and no longer than so many seconds.
    until: Option<Until>,
}

impl LoadRequest {
    /// Reads it.
    pub(super) fn read(mut fields: Fields<'_>) -> Self {
        let load = Self {
            rates: fields.take("rates"),
            seconds: fields.check("seconds", |n| (0.1..=3600.0).contains(n), "from 0.1 to 3600 seconds"),
            prompt_tokens: tokens(&mut fields, "prompt_tokens"),
            output_tokens: tokens(&mut fields, "output_tokens"),
            seed: fields.take("seed"),
            max_in_flight: fields.check("max_in_flight", |n| (1..=65_536).contains(n), "from 1 to 65536"),
            until: fields.take::<Asked>("until").map(|Asked(until)| until),
        };
        fields.finish();
        load
    }

    /// The workflow with the levels that are asked for, in order and each once; its own where none are.
    ///
    /// # Errors
    /// When there can't be such levels.
    pub(super) fn levels_of(&self, shipped: WorkflowDefinition) -> Result<WorkflowDefinition, RatesError> {
        let Some(rates) = &self.rates else { return Ok(shipped) };
        let mut rates = rates.clone();
        rates.sort_unstable();
        rates.dedup();
        shipped.with_rates(&rates)
    }

    /// What is asked for, at these rates, with defaults for the rest.
    pub(super) fn spec(&self, rates: Vec<u32>) -> LoadSpec {
        let defaults = LoadSpec::default();
        LoadSpec {
            rates,
            seconds: self.seconds.unwrap_or(defaults.seconds),
            prompt_tokens: self.prompt_tokens.unwrap_or(defaults.prompt_tokens),
            output_tokens: self.output_tokens.unwrap_or(defaults.output_tokens),
            seed: self.seed.unwrap_or(defaults.seed),
            max_in_flight: self.max_in_flight.unwrap_or(defaults.max_in_flight),
            until: self.until,
        }
    }
}

/// A rule that passes the same checks as one on the command line.
#[derive(Deserialize)]
#[serde(try_from = "Until")]
struct Asked(Until);

impl TryFrom<Until> for Asked {
    type Error = String;

    fn try_from(until: Until) -> Result<Self, String> {
        until.to_string().parse().map(Self)
    }
}

/// A number of tokens that may be asked for.
pub(super) fn tokens(fields: &mut Fields<'_>, name: &str) -> Option<u32> {
    fields.check(name, |n| (1..=MAX_TOKENS).contains(n), "from 1 to 10000000 tokens")
}
