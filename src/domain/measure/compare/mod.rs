//! Whether two results differ, and by how much. Never from means alone: from the samples where they are at hand, else
//! from number, mean and standard deviation together.
//!
//! With samples it is the Mann–Whitney test, which asks nothing of the distributions but independence, with the shift of
//! Hodges and Lehmann and its interval. With moments it is Welch's test. It must not know where either comes from.

mod distributions;
mod rank;
mod shift;

use serde::Serialize;

use super::median;
pub use distributions::{student_quantile_975, student_two_sided};
pub use rank::{MannWhitney, mann_whitney};
pub use shift::{Shift, shift};

/// Risk of a false alarm of a whole comparison.
pub const ALPHA: f64 = 0.05;

/// What is known of one side.
#[derive(Debug, Clone, PartialEq)]
pub enum Evidence {
    /// Every sample.
    Samples(Vec<f64>),
    /// Number, mean and standard deviation.
    Moments(Moments),
}

/// A sample in three numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Moments {
    /// Samples.
    pub n: u64,
    /// Arithmetic mean.
    pub mean: f64,
    /// Sample standard deviation (n − 1).
    pub stddev: f64,
}

/// The test that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Of all samples: ranks.
    MannWhitney,
    /// Of number, mean and standard deviation.
    Welch,
}

/// How the second side differs from the first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// The test.
    pub method: Method,
    /// Samples of each side.
    pub n: [u64; 2],
    /// Median of each side with samples, mean of each with moments.
    pub centre: [f64; 2],
    /// Second less first: the median of all differences between a sample of one and one of the other (Hodges–Lehmann), or
    /// with moments the difference of the means.
    pub difference: f64,
    /// Its 95 % confidence interval; `None`: too few samples for one.
    pub ci95: Option<[f64; 2]>,
    /// Two-sided p-value, of this comparison alone.
    pub p: f64,
    /// Chance that a sample of the second side is greater than one of the first (ties count half); samples only.
    pub superiority: Option<f64>,
}

impl Evidence {
    /// What is known of the whole from its parts: number, mean and standard deviation.
    #[must_use]
    pub fn moments(&self) -> Option<Moments> {
        match self {
            Self::Moments(moments) => Some(*moments),
            Self::Samples(samples) => Moments::of(samples),
        }
    }
}

impl Moments {
    /// Of a sample of at least two.
    #[must_use]
    pub fn of(samples: &[f64]) -> Option<Self> {
        let n = samples.len();
        if n < 2 {
            return None;
        }
        let mean = samples.iter().sum::<f64>() / n as f64;
        let squares: f64 = samples.iter().map(|value| (value - mean) * (value - mean)).sum();
        let stddev = (squares / (n - 1) as f64).sqrt();
        (mean.is_finite() && stddev.is_finite()).then_some(Self { n: n as u64, mean, stddev })
    }

    /// 95 % confidence interval of the mean (Student).
    #[must_use]
    pub fn ci95(self) -> Option<[f64; 2]> {
        let half =
            student_quantile_975(self.n.checked_sub(1)? as f64)? * self.stddev / (self.n as f64).sqrt();
        Some([self.mean - half, self.mean + half])
    }
}

/// Compares two sides, by samples where both have them. `None`: there is too little to say anything.
#[must_use]
pub fn compare(a: &Evidence, b: &Evidence) -> Option<Finding> {
    match (a, b) {
        (Evidence::Samples(a), Evidence::Samples(b)) => by_samples(a, b),
        _ => by_moments(a.moments()?, b.moments()?),
    }
}

fn by_samples(a: &[f64], b: &[f64]) -> Option<Finding> {
    let test = mann_whitney(a, b)?;
    let shift = shift(a, b)?;
    Some(Finding {
        method: Method::MannWhitney,
        n: [a.len() as u64, b.len() as u64],
        centre: [median(a)?, median(b)?],
        difference: shift.estimate,
        ci95: shift.ci95,
        p: test.p,
        superiority: Some(test.superiority),
    })
}

/// Welch's test: unequal variances, degrees of freedom by Welch and Satterthwaite.
fn by_moments(a: Moments, b: Moments) -> Option<Finding> {
    if a.n < 2 || b.n < 2 {
        return None;
    }
    let of_mean = |side: Moments| side.stddev * side.stddev / side.n as f64;
    let (variance_a, variance_b) = (of_mean(a), of_mean(b));
    let variance = variance_a + variance_b;
    let difference = b.mean - a.mean;
    let (p, half) = if variance > 0.0 {
        let degrees = variance * variance
            / (variance_a * variance_a / (a.n - 1) as f64 + variance_b * variance_b / (b.n - 1) as f64);
        let error = variance.sqrt();
        (student_two_sided(difference / error, degrees)?, student_quantile_975(degrees)? * error)
    } else {
        // Neither side has any spread: they are equal, or they are not.
        (if difference == 0.0 { 1.0 } else { 0.0 }, 0.0)
    };
    Some(Finding {
        method: Method::Welch,
        n: [a.n, b.n],
        centre: [a.mean, b.mean],
        difference,
        ci95: Some([difference - half, difference + half]),
        p,
        superiority: None,
    })
}

/// p-values corrected for their number (Holm), in the order given: whoever calls those at most α significant raises a
/// false alarm anywhere among them with a chance of at most α.
#[must_use]
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    let at = |index: usize| p_values.get(index).copied().unwrap_or(1.0);
    order.sort_by(|a, b| at(*a).total_cmp(&at(*b)));
    let mut corrected = vec![1.0; p_values.len()];
    let mut so_far = 0.0_f64;
    for (place, index) in order.into_iter().enumerate() {
        so_far = so_far.max(at(index) * (p_values.len() - place) as f64).min(1.0);
        if let Some(slot) = corrected.get_mut(index) {
            *slot = so_far;
        }
    }
    corrected
}

#[cfg(test)]
mod tests;
