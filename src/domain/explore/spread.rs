//! How sure a level's figures are, in the measured view: what is kept beside a published result.

use serde::{Deserialize, Serialize};

use super::Metric;
use crate::domain::measure::{
    batches::BatchMeans,
    summary::{Distribution, Percentiles},
};

/// The measured view beside the compat columns of a result.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Spread {
    /// Output tokens a second.
    pub output_tokens_per_second: Option<f64>,
    /// Latencies.
    pub percentiles: Percentiles,
    /// How sure the throughput is.
    #[serde(default)]
    pub precision: Option<BatchMeans>,
}

/// A figure of the measured view with its spread. What n can't support is null.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Figure {
    /// The mean; of throughput the rate.
    pub value: Option<f64>,
    /// Samples: requests, of throughput batches of the window.
    pub n: u64,
    /// 95 % confidence interval of the value.
    pub ci95: Option<[f64; 2]>,
    /// Median.
    pub p50: Option<f64>,
    /// 95 % confidence interval of the median.
    pub p50_ci95: Option<[f64; 2]>,
    /// 90th percentile.
    pub p90: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
}

impl Spread {
    /// A metric with its spread; `None` where there is none: cost, and throughput without batches.
    #[must_use]
    pub fn figure(&self, metric: Metric) -> Option<Figure> {
        let spread = |spread: &Distribution| Figure {
            value: spread.mean,
            n: spread.n,
            ci95: spread.ci95,
            p50: spread.p50,
            p50_ci95: spread.p50_ci95,
            p90: spread.p90,
            p99: spread.p99,
        };
        match metric {
            Metric::Ttft => Some(spread(&self.percentiles.time_to_first_token_ms)),
            Metric::Itl => Some(spread(&self.percentiles.inter_token_latency_ms)),
            Metric::Latency => Some(spread(&self.percentiles.request_latency)),
            Metric::Tps => self.output_tokens_per_second.map(|value| Figure {
                value: Some(value),
                n: self.precision.map_or(0, |batches| u64::from(batches.batches)),
                ci95: self.precision.map(|batches| batches.ci95),
                p50: None,
                p50_ci95: None,
                p90: None,
                p99: None,
            }),
            Metric::Cost => None,
        }
    }
}
