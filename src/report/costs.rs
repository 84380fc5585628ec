//! What a run's results say a token costs, at the price that was paid or at another.
//!
//! The cost of the benchmark, which is the whole life of the machine, is apart from the cost of serving, which is its
//! price while it does.

use rust_decimal::Decimal;
use serde::Serialize;

use super::{RunReport, in_order, name};
use crate::domain::{
    ids::RunId,
    measure::{
        cost::{AtSpeed, LevelCost, Rent},
        summary::BenchmarkType,
    },
};

/// What is asked.
#[derive(Debug, Clone, Copy, Default)]
pub struct CostOptions {
    /// Another price for the whole machine, $ an hour.
    pub usd_per_hour: Option<Decimal>,
    /// Share of the time that the machine serves, above 0 and at most 1; `None`: all of it.
    pub utilisation: Option<Decimal>,
    /// Tokens a second that each user is to get.
    pub tokens_per_second_per_user: Option<f64>,
}

/// Whose price it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PriceBasis {
    /// What the run paid.
    Paid,
    /// What was given.
    Given,
}

/// The costs of a run.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct CostAnalysis {
    /// The run.
    pub run: RunId,
    /// Whose price serving is calculated at.
    pub basis: PriceBasis,
    /// That price and the share of the time it serves.
    #[serde(flatten)]
    pub rent: Rent,
    /// What the benchmark itself cost, at the price paid; null where nothing was, or it isn't over.
    #[schema(value_type = Option<String>)]
    pub benchmark_usd: Option<Decimal>,
    /// Serving, by level: concurrent by ascending rate, then throughput.
    pub levels: Vec<LevelCosts>,
    /// Serving at the speed asked for; absent where none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_speed: Option<SpeedCost>,
}

/// A level and what tokens cost at its rate.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct LevelCosts {
    /// Its name: `concurrent 4`.
    #[serde(skip)]
    pub name: String,
    /// `concurrent` or `throughput`.
    pub benchmark_type: BenchmarkType,
    /// Streams; null for throughput.
    pub rate: Option<u32>,
    /// The costs.
    #[serde(flatten)]
    pub cost: LevelCost,
}

/// What a speed costs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, utoipa::ToSchema)]
pub struct SpeedCost {
    /// Asked for.
    pub tokens_per_second_per_user: f64,
    /// The cost, and whether it was measured.
    #[serde(flatten)]
    pub cost: AtSpeed,
}

impl LevelCosts {
    /// The name of its step: `concurrency:4`, `throughput`.
    #[must_use]
    pub fn level(&self) -> String {
        self.rate.map_or_else(|| "throughput".to_owned(), |rate| format!("concurrency:{rate}"))
    }
}

impl CostAnalysis {
    /// Of a run; `None` where it paid no price and none is given.
    #[must_use]
    pub fn of(report: &RunReport, options: &CostOptions) -> Option<Self> {
        let paid = report.cost.as_ref();
        let (basis, usd_per_hour) = match (options.usd_per_hour, paid) {
            (Some(given), _) => (PriceBasis::Given, given),
            (None, Some(paid)) => (PriceBasis::Paid, paid.usd_per_hour),
            (None, None) => return None,
        };
        let rent = Rent { usd_per_hour, utilisation: options.utilisation.unwrap_or(Decimal::ONE) };
        let summaries = report.summaries();
        let levels: Vec<LevelCosts> = in_order(&summaries)
            .into_iter()
            .map(|level| LevelCosts {
                name: name(level),
                benchmark_type: level.measured.columns.benchmark_type,
                rate: level.measured.columns.rate,
                cost: LevelCost::of(level, &rent),
            })
            .collect();
        let costs: Vec<LevelCost> = levels.iter().map(|level| level.cost).collect();
        let at_speed = options
            .tokens_per_second_per_user
            .map(|speed| SpeedCost { tokens_per_second_per_user: speed, cost: AtSpeed::of(&costs, speed) });
        Some(Self {
            run: report.run,
            basis,
            rent,
            benchmark_usd: paid.and_then(|paid| paid.benchmark_usd),
            levels,
            at_speed,
        })
    }
}
