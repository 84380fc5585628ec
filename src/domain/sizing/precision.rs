//! Precisions of weights and of the KV cache: their bytes, and which cards can calculate with them.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};

use super::Shape;
use crate::domain::{
    catalog::{ComputeCapability, Gpu},
    kinds::EngineKind,
};

/// How weights are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Precision {
    /// 32-bit floats.
    Fp32,
    /// 16-bit brain floats.
    Bf16,
    /// 16-bit floats.
    Fp16,
    /// 8-bit floats.
    Fp8,
    /// 8-bit integers.
    Int8,
    /// 4-bit AWQ with its scales.
    Awq,
    /// 4-bit GPTQ with its scales.
    Gptq,
    /// 4-bit microscaling floats.
    Mxfp4,
    /// GGUF's 4-bit mix, Ollama's default.
    Q4KM,
    /// GGUF's 8-bit.
    Q8_0,
}

/// What a card makes of a precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Support {
    /// It calculates with it.
    Native,
    /// It keeps weights in it and calculates in 16 bits.
    WeightsOnly,
    /// It needs at least this compute capability.
    Needs(ComputeCapability),
}

const fn capability(major: u8, minor: u8) -> ComputeCapability {
    ComputeCapability { major, minor }
}

impl Precision {
    /// What an engine serves a model in where nothing else is asked for: Ollama and llama.cpp four-bit files, the others
    /// what its weights are published in.
    #[must_use]
    pub const fn served_by(engine: EngineKind, shape: &Shape) -> Self {
        match engine {
            EngineKind::Ollama | EngineKind::Llamacpp => Self::Q4KM,
            _ => shape.native,
        }
    }

    /// Every precision, in the order shown to people.
    pub const ALL: &[Self] = &[
        Self::Fp32,
        Self::Bf16,
        Self::Fp16,
        Self::Fp8,
        Self::Int8,
        Self::Awq,
        Self::Gptq,
        Self::Mxfp4,
        Self::Q4KM,
        Self::Q8_0,
    ];

    /// Its name in flags, files and results.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fp32 => "fp32",
            Self::Bf16 => "bf16",
            Self::Fp16 => "fp16",
            Self::Fp8 => "fp8",
            Self::Int8 => "int8",
            Self::Awq => "awq",
            Self::Gptq => "gptq",
            Self::Mxfp4 => "mxfp4",
            Self::Q4KM => "q4_k_m",
            Self::Q8_0 => "q8_0",
        }
    }

    /// Bytes a parameter takes, scales and unquantised layers included.
    #[must_use]
    pub const fn bytes_per_parameter(self) -> f64 {
        match self {
            Self::Fp32 => 4.0,
            Self::Bf16 | Self::Fp16 => 2.0,
            Self::Fp8 | Self::Int8 => 1.0,
            Self::Awq | Self::Gptq => 0.56,
            // The greater of what is seen (0.53 to 0.6): embeddings stay in 16 bits.
            Self::Mxfp4 => 0.6,
            // An 8B file has 4.92 GB for 8.03 · 10⁹ parameters.
            Self::Q4KM => 0.61,
            Self::Q8_0 => 1.06,
        }
    }

    /// What a card makes of it. AMD's have no compute capability: the MI300X, the only one listed, calculates with all.
    pub(super) fn support(self, gpu: &Gpu) -> Support {
        let Some(has) = gpu.compute_capability else { return Support::Native };
        let (weights, native) = match self {
            // GGUF is calculated by llama.cpp's own kernels, which take any card.
            Self::Fp32 | Self::Q4KM | Self::Q8_0 => return Support::Native,
            Self::Bf16 => (capability(8, 0), capability(8, 0)),
            Self::Fp16 => (capability(7, 0), capability(7, 0)),
            Self::Int8 | Self::Awq | Self::Gptq => (capability(7, 5), capability(7, 5)),
            Self::Fp8 => (capability(8, 0), capability(8, 9)),
            Self::Mxfp4 => (capability(8, 0), capability(10, 0)),
        };
        if has >= native {
            Support::Native
        } else if has >= weights {
            Support::WeightsOnly
        } else {
            Support::Needs(weights)
        }
    }

    /// The card's dense operations a second at which a model of this precision is calculated; `None`: not known.
    #[must_use]
    pub fn operations_per_second(self, gpu: &Gpu) -> Option<f64> {
        let sixteen_bits = gpu.bf16_dense_tflops.or(gpu.fp16_dense_tflops);
        let tera = match self {
            Self::Fp8 if self.support(gpu) == Support::Native => gpu.fp8_dense_tflops.or(sixteen_bits),
            // No table lists int8 and fp32 apart, and 4-bit weights are widened to 16 bits first.
            _ => sixteen_bits,
        };
        tera.map(|tera| tera * 1e12)
    }

    /// Whether two names are of one size and speed: bf16 and fp16 are.
    #[must_use]
    pub fn is_like(self, other: Self) -> bool {
        let plain = |precision| if precision == Self::Fp16 { Self::Bf16 } else { precision };
        plain(self) == plain(other)
    }
}

impl FromStr for Precision {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let given = s.trim().to_ascii_lowercase();
        let plain = match given.as_str() {
            "bfloat16" => "bf16",
            "float16" | "half" | "f16" => "fp16",
            "float32" | "float" | "f32" => "fp32",
            "float8" | "fp8_e4m3" | "float8_e4m3fn" => "fp8",
            other => other,
        };
        Self::ALL.iter().copied().find(|known| known.as_str() == plain).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|known| known.as_str()).collect();
            format!("`{s}` isn't one of {}", known.join(", "))
        })
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Precision {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// How the KV cache is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, utoipa::ToSchema)]
pub enum KvPrecision {
    /// 16 bits a value.
    #[default]
    #[serde(rename = "16bit")]
    Bits16,
    /// 8 bits a value (`--kv-cache-dtype fp8`).
    #[serde(rename = "fp8")]
    Fp8,
}

impl KvPrecision {
    /// Its size against 16 bits.
    #[must_use]
    pub const fn of_16bit(self) -> f64 {
        match self {
            Self::Bits16 => 1.0,
            Self::Fp8 => 0.5,
        }
    }
}

impl FromStr for KvPrecision {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "16bit" => Ok(Self::Bits16),
            "fp8" => Ok(Self::Fp8),
            _ => Err("must be 16bit or fp8"),
        }
    }
}
