//! A count that is looked at while it grows: events that had arrived, at the moments somebody looked.

/// Cumulative counts by time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Series {
    looks: Vec<(u64, u64)>,
}

impl Series {
    /// Adds a look. One that isn't later than the last is left out.
    pub fn push(&mut self, at_us: u64, count: u64) {
        if self.looks.last().is_none_or(|(last_us, _)| *last_us < at_us) {
            self.looks.push((at_us, count));
        }
    }

    /// Events per second in each of `n` equal slices of a span; `None`: the span isn't covered by looks, or too short to
    /// be cut so finely (fewer than one look a slice).
    #[must_use]
    pub fn slices(&self, from_us: u64, to_us: u64, n: usize) -> Option<Vec<f64>> {
        let span_us = to_us.checked_sub(from_us)? as f64;
        let inside = self.looks.iter().filter(|(at_us, _)| (from_us..=to_us).contains(at_us)).count();
        if span_us <= 0.0 || n == 0 || inside < n {
            return None;
        }
        let slice_us = span_us / n as f64;
        let ends: Option<Vec<f64>> = (0..=n)
            .map(|end| self.count_at((from_us as f64 + slice_us * end as f64).min(to_us as f64)))
            .collect();
        let rate = |pair: &[f64]| Some((pair.last()? - pair.first()?) * 1e6 / slice_us);
        ends?.windows(2).map(rate).collect()
    }

    /// The count at a moment, on the straight line between the looks around it.
    fn count_at(&self, at_us: f64) -> Option<f64> {
        let after = self.looks.partition_point(|(look_us, _)| (*look_us as f64) < at_us);
        let (later_us, later) = *self.looks.get(after)?;
        let Some((earlier_us, earlier)) = after.checked_sub(1).and_then(|index| self.looks.get(index)) else {
            return (later_us as f64 <= at_us).then_some(later as f64);
        };
        let share = (at_us - *earlier_us as f64) / (later_us - earlier_us) as f64;
        Some(*earlier as f64 + (later as f64 - *earlier as f64) * share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_rates_between_looks_that_came_when_they_came() {
        let mut series = Series::default();
        for (at_us, count) in [(0, 0), (90_000, 90), (90_000, 95), (210_000, 210), (400_000, 400)] {
            series.push(at_us, count);
        }
        let slices = series.slices(0, 400_000, 4).unwrap();
        assert!(slices.iter().all(|rate| (rate - 1_000.0).abs() < 1e-6), "{slices:?}");
        assert_eq!(series.slices(0, 400_001, 4), None, "nobody has looked that late");
        assert_eq!(series.slices(0, 400_000, 5), None, "four looks are too few for five slices");
        assert_eq!(series.slices(5, 5, 1), None);
    }
}
