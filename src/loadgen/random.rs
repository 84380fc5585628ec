//! Small seeded generators: the same seed gives the same load on every machine.

/// `SplitMix64`: a small generator whose every state gives a good number, so that anything can be drawn alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct SplitMix(pub(super) u64);

impl SplitMix {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in (0, 1]: its logarithm is always a number.
    pub(super) fn unit(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// Exponential of mean 1.
    pub(super) fn exponential(&mut self) -> f64 {
        -self.unit().ln()
    }

    /// Standard normal (Box and Muller).
    pub(super) fn normal(&mut self) -> f64 {
        let radius = (2.0 * self.exponential()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Gamma of this shape and scale 1 (Marsaglia and Tsang 2000; below a shape of 1 by their boost).
    pub(super) fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            let boost = self.unit().powf(1.0 / shape);
            return self.gamma(shape + 1.0) * boost;
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && self.unit().ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean_and_deviation(mut draw: impl FnMut() -> f64) -> (f64, f64) {
        let samples: Vec<f64> = (0..100_000).map(|_| draw()).collect();
        let mean = samples.iter().sum::<f64>() / samples.len() as f64;
        let variance = samples.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / samples.len() as f64;
        (mean, variance.sqrt())
    }

    #[test]
    fn draws_have_the_mean_and_the_deviation_of_their_kind() {
        let mut random = SplitMix(7);
        let close = |(mean, deviation): (f64, f64), expected: (f64, f64)| {
            let is_close =
                (mean - expected.0).abs() < 0.03 * expected.1 && (deviation / expected.1 - 1.0).abs() < 0.05;
            assert!(is_close, "{mean} {deviation}, not {expected:?}");
        };
        close(mean_and_deviation(|| random.unit()), (0.5, 12_f64.sqrt().recip()));
        close(mean_and_deviation(|| random.exponential()), (1.0, 1.0));
        close(mean_and_deviation(|| random.normal()), (0.0, 1.0));
        for shape in [0.25, 1.0, 4.0] {
            close(mean_and_deviation(|| random.gamma(shape)), (shape, shape.sqrt()));
        }
    }
}
