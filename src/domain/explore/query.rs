//! What may be asked: facets, metrics with their units, and a query over them.

use std::{borrow::Cow, collections::BTreeMap, str::FromStr};

use chrono::{DateTime, Utc};
use rust_decimal::{Decimal, prelude::ToPrimitive as _};

use super::{Listed, UNKNOWN};
use crate::domain::measure::{cost, summary::Columns};

/// A property that runs are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Facet {
    /// The model's display name.
    Model,
    /// Its parameter size.
    ParameterSize,
    /// The engine.
    Engine,
    /// The engine's version.
    EngineVersion,
    /// The GPU.
    Gpu,
    /// How many of them.
    GpuCount,
    /// Where it ran.
    Server,
    /// Precision of the weights.
    Precision,
    /// How the run ended.
    Status,
    /// Measured here or imported.
    Origin,
}

impl Facet {
    /// Every facet, in the order shown.
    pub const ALL: [Self; 10] = [
        Self::Model,
        Self::ParameterSize,
        Self::Engine,
        Self::EngineVersion,
        Self::Gpu,
        Self::GpuCount,
        Self::Server,
        Self::Precision,
        Self::Status,
        Self::Origin,
    ];

    /// Its name as a parameter and in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::ParameterSize => "parameter_size",
            Self::Engine => "engine",
            Self::EngineVersion => "engine_version",
            Self::Gpu => "gpu",
            Self::GpuCount => "gpu_count",
            Self::Server => "server",
            Self::Precision => "precision",
            Self::Status => "status",
            Self::Origin => "origin",
        }
    }

    /// What a run has of it; what nobody knows is [`UNKNOWN`].
    #[must_use]
    pub fn of(self, run: &Listed) -> Cow<'_, str> {
        let known =
            |text: Option<&'_ str>| text.filter(|text| !text.is_empty()).unwrap_or(UNKNOWN).to_owned();
        match self {
            Self::Model => run.model.as_str().into(),
            Self::ParameterSize => known(Some(&run.parameter_size)).into(),
            Self::Engine => run.engine.as_str().into(),
            Self::EngineVersion => known(run.engine_version.as_deref()).into(),
            Self::Gpu => run.gpu.as_str().into(),
            Self::GpuCount => run.gpu_count.to_string().into(),
            Self::Server => run.server.as_str().into(),
            // Engines write the same format in both cases.
            Self::Precision => known(run.precision.as_deref()).to_lowercase().into(),
            Self::Status => run.status.as_str().into(),
            Self::Origin => run.origin().into(),
        }
    }

    /// What else a run's value is called.
    pub(super) fn alias(self, run: &Listed) -> Option<&str> {
        match self {
            Self::Model => Some(&run.llm_id),
            Self::Gpu => Some(&run.gpu_id),
            _ => None,
        }
    }
}

/// A figure of a run's throughput benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Mean time to first token, ms.
    Ttft,
    /// Output tokens a second.
    Tps,
    /// Mean gap between tokens, ms.
    Itl,
    /// Mean latency, s.
    Latency,
    /// A million output tokens, USD.
    Cost,
}

impl Metric {
    /// Every metric, in the order shown.
    pub const ALL: [Self; 5] = [Self::Ttft, Self::Tps, Self::Itl, Self::Latency, Self::Cost];

    /// Its name in parameters and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ttft => "ttft",
            Self::Tps => "tps",
            Self::Itl => "itl",
            Self::Latency => "latency",
            Self::Cost => "cost",
        }
    }

    /// Its unit.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Ttft | Self::Itl => "ms",
            Self::Tps => "output tokens/s",
            Self::Latency => "s",
            Self::Cost => "USD per million output tokens",
        }
    }

    /// Whether more of it is better.
    #[must_use]
    pub const fn more_is_better(self) -> bool {
        matches!(self, Self::Tps)
    }

    /// What a run has of it.
    #[must_use]
    pub fn of(self, run: &Listed) -> Option<f64> {
        match self {
            Self::Ttft => run.ttft_ms,
            Self::Tps => run.output_tokens_per_second,
            Self::Itl => run.inter_token_latency_ms,
            Self::Latency => run.request_latency_s,
            Self::Cost => run.usd_per_million_output_tokens.and_then(|usd| usd.to_f64()),
        }
    }
}

impl Metric {
    /// What one benchmark has of it, on a machine of this price.
    #[must_use]
    pub fn of_level(self, columns: &Columns, usd_per_hour: Option<Decimal>) -> Option<f64> {
        match self {
            Self::Ttft => columns.time_to_first_token_ms,
            Self::Tps => columns.output_tokens_per_second,
            Self::Itl => columns.inter_token_latency_ms,
            Self::Latency => columns.request_latency,
            Self::Cost => {
                let tokens = columns.output_tokens_per_second?;
                cost::usd_per_million_output_tokens(usd_per_hour?, tokens)?.to_f64()
            }
        }
    }
}

impl FromStr for Metric {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|metric| metric.as_str() == s)
            .ok_or("must be ttft, tps, itl, latency or cost")
    }
}

/// Bounds of a metric, both included.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Range {
    /// At least.
    pub min: Option<f64>,
    /// At most.
    pub max: Option<f64>,
}

impl Range {
    /// Whether a figure lies within; one that isn't known doesn't.
    #[must_use]
    pub fn holds(self, figure: Option<f64>) -> bool {
        figure.is_some_and(|figure| {
            self.min.is_none_or(|min| figure >= min) && self.max.is_none_or(|max| figure <= max)
        })
    }
}

/// Which runs are meant: all that is given must hold, and of one facet's values any.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Query {
    /// Values by facet. One that a run has so, in any case, means those runs; else those that have it within.
    pub facets: BTreeMap<Facet, Vec<String>>,
    /// Bounds by metric.
    pub ranges: BTreeMap<Metric, Range>,
    /// Measured then or later.
    pub since: Option<DateTime<Utc>>,
    /// Measured before.
    pub until: Option<DateTime<Utc>>,
    /// Within id, model, engine or GPU, in any case.
    pub text: Option<String>,
}
