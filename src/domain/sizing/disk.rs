//! The disk a benchmark needs on a rented machine.

use serde::Serialize;

use super::{Precision, Shape};

/// An engine's image unpacked, GB: vLLM's is 10–15 GB packed and about 30 unpacked.
pub const IMAGE_GB: u32 = 30;

/// What weights take on a disk beside themselves: nothing is kept twice, but not all files are weights.
const WEIGHTS_FACTOR: f64 = 1.1;

/// Disk in whole GB (10⁹ bytes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Disk {
    /// The weights, with a tenth to spare.
    pub weights_gb: u32,
    /// Container disk where weights have a volume of their own: the image.
    pub container_gb: u32,
    /// Container disk where they don't: image and weights.
    pub container_without_volume_gb: u32,
}

impl Disk {
    /// For a model in this precision.
    #[must_use]
    pub fn of(shape: &Shape, precision: Precision) -> Self {
        let weights_gb = (shape.weights_bytes(precision) * WEIGHTS_FACTOR / 1e9).ceil() as u32;
        Self {
            weights_gb,
            container_gb: IMAGE_GB,
            container_without_volume_gb: IMAGE_GB.saturating_add(weights_gb),
        }
    }
}
