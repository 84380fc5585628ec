//! Which load to try next: bounded searches over levels, as pure functions of what the levels gave.
//!
//! They know neither engines nor clocks; whoever runs the levels tells them the outcome of each.

/// Share of the greatest throughput seen that marks the knee.
pub const KNEE_SHARE: f64 = 0.9;
/// A doubling of streams that adds less than this share has reached the plateau.
const PLATEAU_GAIN: f64 = 0.1;
/// Rates closer than this share of each other aren't told apart.
const RATE_RESOLUTION: f64 = 0.05;

/// What is searched over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// Whole numbers of streams.
    Streams,
    /// Requests per second.
    Rate,
}

impl Axis {
    /// The middle of two loads; `None`: nothing worth a level lies between them.
    fn between(self, low: f64, high: f64) -> Option<f64> {
        match self {
            Self::Streams => {
                let middle = f64::midpoint(low, high).floor();
                (middle > low && middle < high).then_some(middle)
            }
            Self::Rate => (high - low > RATE_RESOLUTION * high).then(|| f64::midpoint(low, high)),
        }
    }
}

/// Doubles the load from `from` to `to`, both included.
#[must_use]
pub fn doublings(from: f64, to: f64) -> Vec<f64> {
    let mut all = Vec::new();
    let mut load = from;
    while load < to && load > 0.0 {
        all.push(load);
        load *= 2.0;
    }
    all.push(to);
    all
}

/// The highest load that keeps an objective: doubling until one doesn't, then halving the gap.
#[must_use]
pub fn next_for_slo(axis: Axis, from: f64, to: f64, tried: &[(f64, bool)]) -> Option<f64> {
    let missed = tried.iter().filter(|(_, kept)| !kept).map(|(load, _)| *load).min_by(f64::total_cmp);
    let kept = highest_kept(tried);
    match (kept, missed) {
        (None, None) => Some(from),
        // Not even the least.
        (None, Some(_)) => None,
        (Some(kept), None) => (kept < to).then(|| (2.0 * kept).min(to)),
        (Some(kept), Some(missed)) => axis.between(kept, missed),
    }
}

/// The highest load that kept it below every load that didn't.
#[must_use]
pub fn highest_kept(tried: &[(f64, bool)]) -> Option<f64> {
    let missed = tried.iter().filter(|(_, kept)| !kept).map(|(load, _)| *load).min_by(f64::total_cmp);
    let is_below = |load: f64| missed.is_none_or(|missed| load < missed);
    tried.iter().filter(|(load, kept)| *kept && is_below(*load)).map(|(load, _)| *load).max_by(f64::total_cmp)
}

/// The next number of streams to try for the knee, `tried` being (streams, throughput): doubling until throughput stops
/// rising, then halving the gap below the knee.
#[must_use]
pub fn next_for_knee(from: f64, to: f64, tried: &[(f64, f64)]) -> Option<f64> {
    let mut sorted = tried.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let Some(&(highest, _)) = sorted.last() else { return Some(from) };
    if !is_plateau(&sorted) {
        return (highest < to).then(|| (2.0 * highest).min(to));
    }
    let knee = knee(&sorted)?;
    let below = sorted.iter().map(|(streams, _)| *streams).rfind(|streams| *streams < knee)?;
    Axis::Streams.between(below, knee)
}

/// Whether the last doubling, or what came after it, added next to nothing.
fn is_plateau(sorted: &[(f64, f64)]) -> bool {
    let Some((&(highest, throughput), before)) = sorted.split_last() else { return false };
    let half = before.iter().rfind(|(streams, _)| 2.0 * streams <= highest + 1.0);
    half.is_some_and(|(_, half)| throughput < (1.0 + PLATEAU_GAIN) * half)
}

/// The knee: the fewest streams that gave [`KNEE_SHARE`] of the greatest throughput seen.
#[must_use]
pub fn knee(tried: &[(f64, f64)]) -> Option<f64> {
    let greatest = tried.iter().map(|(_, throughput)| *throughput).max_by(f64::total_cmp)?;
    let is_enough = |throughput: f64| throughput > 0.0 && throughput >= KNEE_SHARE * greatest;
    tried
        .iter()
        .filter(|(_, throughput)| is_enough(*throughput))
        .map(|(streams, _)| *streams)
        .min_by(f64::total_cmp)
}

/// Whether throughput had stopped rising within the loads tried, so that the knee is one.
#[must_use]
pub fn has_plateau(tried: &[(f64, f64)]) -> bool {
    let mut sorted = tried.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    is_plateau(&sorted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search<T>(next: impl Fn(&[(f64, T)]) -> Option<f64>, outcome: impl Fn(f64) -> T) -> Vec<(f64, T)> {
        let mut tried = Vec::new();
        while let Some(load) = next(&tried) {
            assert!(tried.len() < 40, "it ends");
            assert!(
                tried.iter().all(|(seen, _)| (seen - load).abs() > 1e-9),
                "no load is tried twice: {load}"
            );
            tried.push((load, outcome(load)));
        }
        tried
    }

    #[test]
    fn the_highest_number_of_streams_that_keeps_an_objective_is_found_for_every_answer() {
        for limit in 0..=64 {
            let tried = search(
                |tried| next_for_slo(Axis::Streams, 1.0, 64.0, tried),
                |streams| streams <= f64::from(limit),
            );
            let expected = (limit > 0).then(|| f64::from(limit));
            assert_eq!(highest_kept(&tried), expected, "{limit}");
            assert!(tried.len() <= 13, "{limit}: {}", tried.len());
        }
    }

    #[test]
    fn a_rate_is_found_to_five_per_cent_and_never_above_the_limit() {
        for limit in [1.3, 7.0, 19.99, 500.0] {
            let tried = search(|tried| next_for_slo(Axis::Rate, 1.0, 1024.0, tried), |rate| rate <= limit);
            let found = highest_kept(&tried).unwrap();
            assert!(found <= limit && found >= 0.94 * limit, "{found} of {limit}");
        }
    }

    #[test]
    fn one_lucky_level_above_a_missed_one_is_not_believed() {
        assert_eq!(highest_kept(&[(1.0, true), (2.0, false), (4.0, true)]), Some(1.0));
    }

    #[test]
    fn the_knee_of_an_engine_with_slots_is_its_slots() {
        for slots in [2_u32, 3, 5, 6, 9] {
            let throughput = |streams: f64| 100.0 * streams.min(f64::from(slots));
            let tried = search(|tried| next_for_knee(1.0, 256.0, tried), throughput);
            assert!(has_plateau(&tried), "{slots}");
            let expected = (KNEE_SHARE * f64::from(slots)).ceil();
            assert_eq!(knee(&tried), Some(expected), "{slots}");
        }
    }

    #[test]
    fn an_engine_that_never_bends_has_no_plateau_and_the_search_ends_at_its_last_load() {
        let tried = search(|tried| next_for_knee(1.0, 16.0, tried), |streams| streams);
        assert!(!has_plateau(&tried));
        let loads: Vec<f64> = tried.iter().map(|(streams, _)| *streams).collect();
        assert_eq!(loads, [1.0, 2.0, 4.0, 8.0, 16.0]);
    }

    #[test]
    fn a_range_is_doubled_and_ends_with_its_end() {
        assert_eq!(doublings(1.0, 64.0), [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]);
        assert_eq!(doublings(3.0, 10.0), [3.0, 6.0, 10.0]);
        assert_eq!(doublings(5.0, 5.0), [5.0]);
    }
}
