//! Which GPUs to take for a model: what each would cost and how fast it would be, by what was measured first.
//!
//! Pure, over prices and history that are handed in. How sure a figure is goes with it, and so does the reason. It must
//! not know where prices come from; a price that nobody gave is never made up.

mod ask;
mod auto;
mod candidates;
mod history;
mod predict;
#[cfg(test)]
mod tests;

use std::str::FromStr;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::Serialize;

pub use ask::{Ask, Usual};
pub use auto::{AUTO, Choice, Picked, Sizing, choose, is_auto};
pub use candidates::recommend;
pub use history::HistoryPoint;
pub use predict::{Band, Method, Prediction};

use super::{
    roofline::Work,
    sizing::{Disk, Options, Shape},
};

/// What is wanted of the choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Goal {
    /// The least $ for a million output tokens.
    Cheapest,
    /// The most tokens a second: for each of so many requests where their number is given, else of all together.
    Fastest,
    /// The cheapest that answers within the times given.
    Slo,
}

impl FromStr for Goal {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "cheapest" => Ok(Self::Cheapest),
            "fastest" => Ok(Self::Fastest),
            "slo" => Ok(Self::Slo),
            _ => Err("must be cheapest, fastest or slo"),
        }
    }
}

/// The load that figures are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Load {
    /// As many requests as there is room for, at most so many: what the throughput benchmark sends.
    Saturated {
        /// The most in flight.
        max_in_flight: u32,
    },
    /// So many requests at a time.
    Streams(u32),
}

/// A question.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The model.
    pub shape: &'a Shape,
    /// How it is to be served, and what it must have room for.
    pub options: Options,
    /// What is wanted.
    pub goal: Goal,
    /// The load.
    pub load: Load,
    /// The requests.
    pub work: Work,
    /// Most $ an hour of all GPUs together.
    pub max_usd_per_hour: Option<Decimal>,
    /// Most ms to the first token.
    pub ttft_ms: Option<f64>,
    /// Most ms between tokens.
    pub itl_ms: Option<f64>,
}

/// A price of one GPU.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Priced {
    /// The GPU's id in the catalog.
    pub gpu: String,
    /// GPUs of the offer; `None`: any number at the same price each.
    pub count: Option<u32>,
    /// Of one GPU.
    #[schema(value_type = String)]
    pub usd_per_gpu_hour: Decimal,
    /// Who asks it.
    pub source: String,
    /// Whether it can be had; `None`: not said.
    pub in_stock: Option<bool>,
    /// When it was asked; `None`: not said.
    pub as_of: Option<DateTime<Utc>>,
}

/// A candidate in its place.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Ranked {
    /// The GPU's id.
    pub gpu: String,
    /// How many.
    pub count: u32,
    /// What it would do.
    pub prediction: Prediction,
    /// All of them, an hour; `None`: no price is known.
    #[schema(value_type = Option<String>)]
    pub usd_per_hour: Option<Decimal>,
    /// The offer that is of.
    pub offer: Option<Priced>,
    /// A million output tokens, at full use.
    pub usd_per_million_output_tokens: Option<Cost>,
    /// Whether it answers within the times given; `None`: none were given.
    pub meets: Option<Meets>,
    /// The reason for its figures, in words.
    pub reason: String,
    /// What a reader must know of the GPU.
    pub notes: Vec<String>,
}

/// $ from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Cost {
    /// At the highest speed that is likely.
    #[schema(value_type = String)]
    pub low: Decimal,
    /// At the speed predicted.
    #[schema(value_type = String)]
    pub mid: Decimal,
    /// At the lowest.
    #[schema(value_type = String)]
    pub high: Decimal,
}

/// Whether times are met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Meets {
    /// Even where the figures are as bad as they may be.
    Surely,
    /// By the figures predicted.
    Likely,
    /// Not by those, or they aren't known.
    No,
}

/// A GPU that isn't a candidate.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Rejected {
    /// The GPU's id.
    pub gpu: String,
    /// How many; `None`: any number.
    pub count: Option<u32>,
    /// Why.
    pub reason: String,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Advice {
    /// What is wanted.
    pub goal: Goal,
    /// The load that figures are for.
    pub load: Load,
    /// The requests.
    pub work: Work,
    /// Memory and context asked for.
    pub options: Options,
    /// Disk to rent with any of them.
    pub disk: Disk,
    /// Candidates, the best first.
    pub ranked: Vec<Ranked>,
    /// The others.
    pub rejected: Vec<Rejected>,
}
