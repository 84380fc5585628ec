//! What the GPUs did during a level, from samples of their driver.

use serde::{Deserialize, Serialize};

/// The GPUs of the engine's machine during a level, all of them together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GpuUse {
    /// GPUs seen.
    pub gpus: u32,
    /// Samples of each.
    pub samples: u32,
    /// Memory in use, MiB, summed over the GPUs.
    pub memory_used_mib: Option<MeanMax>,
    /// Share of time with work, 0–1, averaged over the GPUs.
    pub utilisation: Option<MeanMax>,
    /// Power drawn, W, summed over the GPUs.
    pub power_w: Option<MeanMax>,
}

/// Mean and greatest of what was sampled.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MeanMax {
    /// Arithmetic mean.
    pub mean: f64,
    /// Greatest.
    pub max: f64,
}

impl MeanMax {
    /// Of these samples; `None` without any.
    #[must_use]
    pub fn of(samples: &[f64]) -> Option<Self> {
        let max = samples.iter().copied().max_by(f64::total_cmp)?;
        Some(Self { mean: samples.iter().sum::<f64>() / samples.len() as f64, max })
    }
}

/// One GPU at one moment; `None` where its driver doesn't say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GpuSample {
    /// The driver's number of the GPU.
    pub index: u32,
    /// Memory in use, MiB.
    pub memory_used_mib: Option<f64>,
    /// Share of time with work, 0–1.
    pub utilisation: Option<f64>,
    /// Power drawn, W.
    pub power_w: Option<f64>,
}

impl GpuUse {
    /// From samples in the order they came; `None` without any. A last round that not every GPU is in is left out.
    #[must_use]
    pub fn of(samples: &[GpuSample]) -> Option<Self> {
        let mut indices: Vec<u32> = samples.iter().map(|sample| sample.index).collect();
        indices.sort_unstable();
        indices.dedup();
        let series: Vec<Vec<&GpuSample>> = indices
            .iter()
            .map(|index| samples.iter().filter(|sample| sample.index == *index).collect())
            .collect();
        let rounds = series.iter().map(Vec::len).min().filter(|rounds| *rounds > 0)?;
        let gpus = series.len();
        // A round in which one GPU doesn't say is no sum.
        let summed = |of: fn(&GpuSample) -> Option<f64>| -> Vec<f64> {
            (0..rounds)
                .filter_map(|round| series.iter().map(|gpu| of(gpu[round])).sum::<Option<f64>>())
                .collect()
        };
        let busy: Vec<f64> = summed(|gpu| gpu.utilisation).into_iter().map(|sum| sum / gpus as f64).collect();
        Some(Self {
            gpus: u32::try_from(gpus).unwrap_or(u32::MAX),
            samples: u32::try_from(rounds).unwrap_or(u32::MAX),
            memory_used_mib: MeanMax::of(&summed(|gpu| gpu.memory_used_mib)),
            utilisation: MeanMax::of(&busy),
            power_w: MeanMax::of(&summed(|gpu| gpu.power_w)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(index: u32, memory: f64, utilisation: f64, power_w: Option<f64>) -> GpuSample {
        GpuSample { index, memory_used_mib: Some(memory), utilisation: Some(utilisation), power_w }
    }

    #[test]
    fn memory_and_power_are_summed_over_gpus_and_utilisation_is_averaged() {
        let seen = GpuUse::of(&[
            sample(0, 1000.0, 0.5, Some(100.0)),
            sample(1, 3000.0, 1.0, Some(200.0)),
            sample(0, 1000.0, 0.0, Some(300.0)),
            sample(1, 5000.0, 0.5, None),
            sample(0, 9999.0, 1.0, Some(999.0)),
        ])
        .unwrap();
        assert_eq!((seen.gpus, seen.samples), (2, 2), "the last round isn't whole");
        assert_eq!(seen.memory_used_mib, Some(MeanMax { mean: 5000.0, max: 6000.0 }));
        assert_eq!(seen.utilisation, Some(MeanMax { mean: 0.5, max: 0.75 }));
        assert_eq!(seen.power_w, Some(MeanMax { mean: 300.0, max: 300.0 }));
        assert_eq!(GpuUse::of(&[]), None);
    }
}
