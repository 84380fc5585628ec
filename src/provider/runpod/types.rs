//! The shapes of RunPod's REST v2, as far as we use them. What it sends is read leniently, what we send is exact: an
//! unknown field is refused there.

use std::{collections::BTreeMap, fmt, time::Duration};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::Rented;
use crate::domain::measure::observed::GpuSample;

/// Seconds after its container's start within which a pod's ports are mapped; what isn't by then never is.
const MAPPED_WITHIN_S: f64 = 60.0;

/// Prices above this are taken for nonsense, USD an hour for a pod.
const HIGHEST_PRICE: u32 = 100_000;

/// `POST /pods`. It holds secrets, so it isn't shown.
#[derive(Clone, Serialize)]
pub(super) struct CreatePod {
    pub(super) name: String,
    pub(super) image: String,
    pub(super) args: String,
    pub(super) disk: u32,
    pub(super) ports: Vec<String>,
    pub(super) env: BTreeMap<String, String>,
    pub(super) cloud: &'static str,
    #[serde(rename = "dataCenterIds", skip_serializing_if = "Vec::is_empty")]
    pub(super) data_center_ids: Vec<String>,
    pub(super) gpu: GpuWanted,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mounts: Option<Mounts>,
}

impl fmt::Debug for CreatePod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreatePod").field("name", &self.name).field("gpu", &self.gpu).finish_non_exhaustive()
    }
}

/// `PATCH /pods/{id}`: another name and container for a pod that is there. It holds secrets, so it isn't shown.
#[derive(Clone, Serialize)]
pub(super) struct UpdatePod {
    pub(super) name: String,
    pub(super) image: String,
    pub(super) args: String,
    pub(super) disk: u32,
    pub(super) ports: Vec<String>,
    pub(super) env: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mounts: Option<Mounts>,
}

impl fmt::Debug for UpdatePod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpdatePod").field("name", &self.name).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GpuWanted {
    pub(super) id: String,
    pub(super) count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) min_cuda_version: Option<&'static str>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Mounts {
    pub(super) persistent: Persistent,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Persistent {
    pub(super) size: u32,
    pub(super) path: String,
}

/// `GET /pods`.
#[derive(Debug, Deserialize)]
pub(super) struct PodList {
    pub(super) pods: Vec<Pod>,
}

/// A pod. Its `env` and `args` are echoed back and hold secrets: they aren't even read.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Pod {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) status: String,
    #[serde(default)]
    pub(super) gpu: Option<GpuGiven>,
    #[serde(default)]
    pub(super) data_center_id: Option<String>,
    /// USD an hour for all its GPUs; 0 once it ended.
    #[serde(default)]
    pub(super) cost: Option<Value>,
    #[serde(default)]
    pub(super) created_at: Option<Value>,
    #[serde(default)]
    pub(super) runtime: Option<Runtime>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct GpuGiven {
    pub(super) id: String,
    #[serde(default)]
    pub(super) count: u32,
}

/// Null, or empty, until the container runs.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Runtime {
    #[serde(default)]
    pub(super) uptime: Option<f64>,
    #[serde(default)]
    pub(super) gpus: Option<Vec<Value>>,
    #[serde(default)]
    pub(super) ports: Vec<PortMapping>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct PortMapping {
    pub(super) private: u16,
    /// Null until it is mapped.
    #[serde(default)]
    pub(super) public: Option<u32>,
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) ip: Option<String>,
}

/// One event of `GET /pods/{id}/logs`.
#[derive(Debug, Deserialize)]
pub(super) struct LogLine {
    pub(super) line: String,
}

/// What a GPU does at the moment, per cent.
#[derive(Debug, Deserialize)]
struct GpuNow {
    util: f64,
}

impl Pod {
    /// What its GPUs do at the moment. RunPod's `memoryUtil` isn't said to be a share of the memory, so none is told.
    pub(super) fn gpu_samples(&self) -> Vec<GpuSample> {
        let gpus = self.runtime.iter().flat_map(|runtime| runtime.gpus.iter().flatten());
        (0..)
            .zip(gpus)
            .filter_map(|(index, gpu)| {
                let now: GpuNow = serde_json::from_value(gpu.clone()).ok()?;
                let utilisation = Some(now.util / 100.0).filter(|share| (0.0..=1.0).contains(share));
                Some(GpuSample { index, memory_used_mib: None, utilisation, power_w: None })
            })
            .collect()
    }

    /// Whether nothing of it is left.
    pub(super) fn is_gone(&self) -> bool {
        self.status == "TERMINATED"
    }

    /// Whether its container ended for good.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.status.as_str(), "EXITED" | "ERROR")
    }

    /// Whether its container runs.
    pub(super) fn runs(&self) -> bool {
        self.status == "RUNNING" && self.runtime.as_ref().is_some_and(|runtime| runtime.uptime.is_some())
    }

    /// Whether its container runs, and came up within the last `time`.
    pub(super) fn started_within(&self, time: Duration) -> bool {
        let uptime = self.runtime.as_ref().and_then(|runtime| runtime.uptime);
        self.runs() && uptime.is_some_and(|uptime| uptime <= time.as_secs_f64())
    }

    /// Whether it can be told where its engine answers: ports are mapped a moment after the container runs.
    pub(super) fn is_addressable(&self, port: u16) -> bool {
        let mapped = |runtime: &Runtime| {
            runtime.ports.iter().any(|mapping| mapping.private == port && mapping.public.is_some())
        };
        let late = |runtime: &Runtime| runtime.uptime.is_some_and(|uptime| uptime >= MAPPED_WITHIN_S);
        self.runs() && self.runtime.as_ref().is_some_and(|runtime| mapped(runtime) || late(runtime))
    }

    /// Whether it runs without the GPUs it was made for.
    pub(super) fn lacks_gpus(&self) -> bool {
        let none_seen =
            self.runtime.as_ref().and_then(|runtime| runtime.gpus.as_ref()).is_some_and(Vec::is_empty);
        self.runs() && (none_seen || self.gpu.as_ref().is_some_and(|gpu| gpu.count == 0))
    }

    /// What it costs; `None` where what is told can't be a price.
    pub(super) fn price(&self) -> Option<Decimal> {
        self.cost.as_ref().and_then(price)
    }

    /// What is paid for.
    pub(super) fn rented(&self) -> Rented {
        let created_at = self.created_at.as_ref().and_then(Value::as_str);
        Rented {
            gpu_id: self.gpu.as_ref().map(|gpu| gpu.id.clone()).unwrap_or_default(),
            gpu_count: self.gpu.as_ref().map(|gpu| gpu.count).unwrap_or_default(),
            data_center: self.data_center_id.clone(),
            price_usd_per_hour: self.price().unwrap_or_default(),
            created_at: created_at
                .and_then(|text| DateTime::parse_from_rfc3339(text).ok())
                .map(|time| time.with_timezone(&Utc)),
        }
    }
}

/// An amount that is told as a number or as text.
pub(super) fn decimal(value: &Value) -> Option<Decimal> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    text.parse().or_else(|_| Decimal::from_scientific(&text)).ok()
}

/// A price that can be one, to a millionth of a dollar.
pub(super) fn price(value: &Value) -> Option<Decimal> {
    let price = decimal(value)?.round_dp(6);
    (price > Decimal::ZERO && price <= Decimal::from(HIGHEST_PRICE)).then_some(price)
}
