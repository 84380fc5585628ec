//! Ways into the room for fuzz targets, which see public items only. No part of the library's interface.

use super::prometheus;

/// Sum and mean of a metric's samples in a Prometheus text.
#[must_use]
pub fn metric(text: &str, names: &[&str]) -> (Option<f64>, Option<f64>) {
    (prometheus::sum(text, names), prometheus::mean(text, names))
}
