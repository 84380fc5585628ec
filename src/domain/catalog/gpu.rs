//! GPUs by their RunPod type id: `catalog/gpus.csv`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::table::{CatalogError, Row};

/// Where a GPU is sold. Its names are those of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum GpuCategory {
    /// For servers.
    Datacenter,
    /// For workstations.
    Workstation,
    /// For gamers.
    Consumer,
}

impl FromStr for GpuCategory {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "datacenter" => Ok(Self::Datacenter),
            "workstation" => Ok(Self::Workstation),
            "consumer" => Ok(Self::Consumer),
            _ => Err("known are datacenter, workstation, consumer"),
        }
    }
}

/// CUDA compute capability, which says what a card can calculate: 8.0 brings bf16, 8.9 fp8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ComputeCapability {
    /// The part before the dot.
    pub major: u8,
    /// The part after it.
    pub minor: u8,
}

impl FromStr for ComputeCapability {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let parsed = s
            .split_once('.')
            .and_then(|(major, minor)| Some(Self { major: major.parse().ok()?, minor: minor.parse().ok()? }));
        parsed.ok_or("a compute capability is like 8.9")
    }
}

impl fmt::Display for ComputeCapability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{}", self.major, self.minor))
    }
}

/// A GPU model. What isn't known is `None`.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Gpu {
    /// RunPod's GPU type id, exact: `NVIDIA H200`. Some have two spaces in a row.
    pub id: String,
    /// RunPod's short name: `H200 SXM`.
    pub display_name: String,
    /// `NVIDIA` or `AMD`.
    pub vendor: String,
    /// `Hopper`, `Ada Lovelace`, `CDNA 3`, …
    pub architecture: String,
    /// Where it is sold.
    pub category: GpuCategory,
    /// Memory as RunPod states it. For NVIDIA cards that is about what is usable in GiB.
    pub memory_gb: Option<u32>,
    /// Peak memory bandwidth in gigabytes (10⁹ bytes) a second.
    pub memory_bandwidth_gb_per_s: Option<f64>,
    /// `HBM3e`, `GDDR7`, …
    pub memory_type: Option<String>,
    /// Dense bf16 (no sparsity), 10¹² operations a second.
    pub bf16_dense_tflops: Option<f64>,
    /// Dense fp16.
    pub fp16_dense_tflops: Option<f64>,
    /// Dense fp8.
    pub fp8_dense_tflops: Option<f64>,
    /// Dense fp4.
    pub fp4_dense_tflops: Option<f64>,
    /// How the TFLOPS were found: `datasheet`, or `derived` from cores and clock.
    pub tflops_method: Option<String>,
    /// Board power in watts.
    pub tdp_w: Option<u32>,
    /// CUDA compute capability; AMD cards have none.
    pub compute_capability: Option<ComputeCapability>,
    /// The id this one is another spelling of.
    pub alias_of: Option<String>,
    /// Whether RunPod's documentation lists it.
    pub in_runpod_docs: bool,
    /// Where the figures are from.
    pub source: String,
}

impl Gpu {
    pub(super) fn read(row: &Row<'_>) -> Result<Self, CatalogError> {
        let category = row.parsed("category")?;
        Ok(Self {
            id: row.text("runpod_gpu_id")?,
            display_name: row.text("display_name")?,
            vendor: row.text("vendor")?,
            architecture: row.text("architecture")?,
            category: category.ok_or_else(|| row.refuse("category", "is blank, but every row needs it"))?,
            memory_gb: row.number("memory_gb")?,
            memory_bandwidth_gb_per_s: row.number("memory_bandwidth_gbps")?,
            memory_type: row.optional_text("memory_type")?,
            bf16_dense_tflops: row.number("bf16_dense_tflops")?,
            fp16_dense_tflops: row.number("fp16_dense_tflops")?,
            fp8_dense_tflops: row.number("fp8_dense_tflops")?,
            fp4_dense_tflops: row.number("fp4_dense_tflops")?,
            tflops_method: row.optional_text("tflops_method")?,
            tdp_w: row.number("tdp_w")?,
            compute_capability: row.parsed("compute_capability")?,
            alias_of: row.optional_text("alias_of")?,
            in_runpod_docs: row.yes_or_no("in_runpod_docs")?.unwrap_or(false),
            source: row.text("source")?,
        })
    }

    /// All it goes by: the id, the id without its vendor (`H200`), the short name.
    pub(super) fn names(&self) -> Vec<&str> {
        let bare = self.id.strip_prefix(self.vendor.as_str()).map_or(self.id.as_str(), str::trim_start);
        vec![&self.id, bare, &self.display_name]
    }
}
