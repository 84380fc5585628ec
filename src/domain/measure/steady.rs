//! When an engine has warmed up: from when on its throughput is steady.
//!
//! The time so far is cut into 20 slices. MSER, the truncation rule of White, says how many slices to leave out at the
//! beginning so that the mean of the rest is known best: those before the d that makes Σ(x − x̄)² ÷ (n − d)² least (the
//! earliest that comes within a fifth of it). If that is half of them or more, the beginning is no beginning but a trend
//! that goes on. Else the rest must also hold level: the means of its two halves may differ by the tolerance at most.

use serde::{Deserialize, Serialize};

/// Slices that the time so far is cut into.
pub const SLICES: usize = 20;
/// Most that the two halves of the steady stretch may differ, as a share of its mean.
pub const TOLERANCE: f64 = 0.10;

/// How long to look for a steady state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SteadyRule {
    /// Load lasts at least this long before it is called steady, s.
    pub min_seconds: f64,
    /// It is given up after this long, s.
    pub max_seconds: f64,
    /// See [`TOLERANCE`].
    pub tolerance: f64,
}

impl SteadyRule {
    /// At least `min_seconds`, at most ten times as long.
    #[must_use]
    pub fn from_minimum(min_seconds: f64) -> Self {
        Self { min_seconds, max_seconds: 10.0 * min_seconds, tolerance: TOLERANCE }
    }
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SteadyState {
    /// Whether a steady state was found before the time was up.
    pub reached: bool,
    /// When the steady stretch began, s since load began; where none was found, how long it was looked for.
    pub from_s: f64,
    /// When that was known, s since load began.
    pub known_s: f64,
}

/// The first slice of the steady stretch; `None`: it isn't steady yet.
#[must_use]
pub fn steady_from(slices: &[f64], tolerance: f64) -> Option<usize> {
    let n = slices.len();
    let spread = |from: usize| {
        let rest = slices.get(from..).unwrap_or_default();
        let mean = mean(rest);
        let squares: f64 = rest.iter().map(|value| (value - mean) * (value - mean)).sum();
        squares / (rest.len() * rest.len()) as f64
    };
    let least = (0..=n / 2).map(spread).min_by(f64::total_cmp)?;
    // Chance, and rounding, make a later start look a little better: the earliest that is nearly as good is taken.
    let nearly = 1.2 * least + 1e-12 * mean(slices) * mean(slices);
    let from = (0..=n / 2).find(|from| spread(*from) <= nearly)?;
    if n < SLICES || from >= n / 2 {
        return None;
    }
    let rest = slices.get(from..)?;
    let (first, second) = rest.split_at(rest.len() / 2);
    let level = mean(rest);
    (level > 0.0 && (mean(second) - mean(first)).abs() <= tolerance * level).then_some(from)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// White noise of ±`share`, from a seed.
    fn noise(seed: u64, share: f64) -> impl FnMut() -> f64 {
        use rand::{RngExt, SeedableRng};
        let mut random = rand::rngs::SmallRng::seed_from_u64(seed);
        move || 1.0 + share * (2.0 * random.random::<f64>() - 1.0)
    }

    fn detected(slices: &[f64]) -> Option<usize> {
        steady_from(slices, TOLERANCE)
    }

    #[test]
    fn too_few_slices_and_silence_are_never_steady() {
        assert_eq!(detected(&[5.0; SLICES - 1]), None);
        assert_eq!(detected(&[0.0; SLICES]), None);
        assert_eq!(detected(&[]), None);
    }

    #[test]
    fn throughput_that_swings_with_the_requests_is_steady() {
        let swings: Vec<f64> = (0..SLICES).map(|i| if i % 2 == 0 { 60.0 } else { 140.0 }).collect();
        assert!(detected(&swings).is_some());
    }

    #[test]
    fn a_late_step_up_is_not_steady_until_the_new_level_has_lasted() {
        let step = |at: usize| (0..SLICES).map(|i| if i < at { 50.0 } else { 100.0 }).collect::<Vec<_>>();
        assert_eq!(detected(&step(15)), None);
        assert_eq!(detected(&step(4)), Some(4));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn a_constant_rate_is_steady_from_its_first_slice(rate in 0.1_f64..1e6) {
            prop_assert_eq!(detected(&[rate; SLICES]), Some(0));
        }

        #[test]
        fn a_ramp_that_flattens_is_never_taken_for_steady_before_it_does(
            rate in 1.0_f64..1e5, ramp in 1_usize..8, seed in any::<u64>()
        ) {
            let mut noise = noise(seed, 0.01);
            let slices: Vec<f64> = (0..SLICES)
                .map(|i| rate * ((i + 1) as f64 / (ramp + 1) as f64).min(1.0) * noise())
                .collect();
            // The last step of the ramp is an eighth or more below the level: far more than the noise.
            prop_assert!(detected(&slices).is_none_or(|from| from >= ramp), "{:?} of {}", detected(&slices), ramp);
        }

        #[test]
        fn a_ramp_without_noise_is_left_out_exactly(rate in 1.0_f64..1e5, ramp in 0_usize..9) {
            let slices: Vec<f64> =
                (0..SLICES).map(|i| rate * ((i + 1) as f64 / (ramp + 1) as f64).min(1.0)).collect();
            prop_assert_eq!(detected(&slices), Some(ramp));
        }

        #[test]
        fn a_rate_that_keeps_growing_or_falling_is_never_steady(
            slope in prop_oneof![0.05_f64..10.0, -0.049_f64..-0.035], seed in any::<u64>()
        ) {
            let mut noise = noise(seed, 0.02);
            let slices: Vec<f64> = (0..SLICES).map(|i| 100.0 * (1.0 + slope * i as f64) * noise()).collect();
            prop_assert_eq!(detected(&slices), None);
        }

        #[test]
        fn the_unit_of_the_rate_does_not_matter(seed in any::<u64>(), factor in 0.01_f64..100.0) {
            let mut noise = noise(seed, 0.3);
            let slices: Vec<f64> = (0..SLICES).map(|_| 50.0 * noise()).collect();
            let scaled: Vec<f64> = slices.iter().map(|rate| rate * factor).collect();
            prop_assert_eq!(detected(&slices), detected(&scaled));
        }
    }

    #[test]
    fn noise_around_a_level_is_mostly_steady_at_the_first_look() {
        let found = (0..200)
            .filter(|seed| {
                let mut noise = noise(*seed, 0.15);
                detected(&std::iter::repeat_with(|| 50.0 * noise()).take(SLICES).collect::<Vec<_>>())
                    .is_some()
            })
            .count();
        assert!(found > 120, "{found} of 200");
    }
}
