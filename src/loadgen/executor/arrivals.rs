//! When an open loop sends: times drawn beforehand, whatever the answers do.
//!
//! A process of rate 1 (even, exponential or gamma gaps) is drawn from the seed and stretched by the level's rate,
//! which may change with time. Every thread draws the whole process and takes its share of the numbers, so the schedule
//! doesn't depend on how many threads there are.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use super::{level::as_us, recorder::Clock};
use crate::{
    domain::measure::record::LoadShape,
    loadgen::{Arrival, LevelPlan, random::SplitMix},
};

/// How often a sleeping pacer looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(100);

/// A rate over time, requests per µs: `from` before the window, then linearly to `to` at its nominal end, `to` after it.
#[derive(Debug, Clone, Copy)]
struct Rate {
    from: f64,
    to: f64,
    window_start_us: f64,
    window_us: f64,
}

impl Rate {
    /// When so many arrivals are expected to have come, µs: the inverse of the rate's integral.
    fn time_of(self, arrivals: f64) -> f64 {
        let Self { from, to, window_start_us, window_us } = self;
        let before = from * window_start_us;
        if arrivals <= before {
            return arrivals / from;
        }
        let arrivals = arrivals - before;
        let inside = window_us * f64::midpoint(from, to);
        if arrivals > inside {
            return window_start_us + window_us + (arrivals - inside) / to;
        }
        let slope = (to - from) / window_us;
        // The root of slope ÷ 2 × x² + from × x = arrivals, in the form that is exact for a slope of 0 too.
        window_start_us + 2.0 * arrivals / (from + (from * from + 2.0 * slope * arrivals).max(0.0).sqrt())
    }
}

#[derive(Debug)]
enum Schedule {
    Drawn { arrival: Arrival, rate: Rate, random: SplitMix, drawn: f64 },
    Listed(Arc<[u64]>),
}

/// The arrivals of one of `shards` equal shares of a level, in their order.
#[derive(Debug)]
pub(super) struct Arrivals {
    schedule: Schedule,
    /// Number of the next arrival of the whole level.
    number: u64,
    shard: u64,
    shards: u64,
}

impl Arrivals {
    pub(super) fn new(plan: &LevelPlan, shard: u32, shards: u32) -> Self {
        let schedule = match (&plan.schedule, plan.shape) {
            (Some(times), _) => Schedule::Listed(Arc::clone(times)),
            (None, LoadShape::Open { requests_per_second }) => {
                let (from, to) = plan.ramp.unwrap_or((requests_per_second, requests_per_second));
                let rate = Rate {
                    from: from / 1e6,
                    to: to / 1e6,
                    window_start_us: as_us(plan.warmup_seconds) as f64,
                    window_us: plan.seconds * 1e6,
                };
                let (arrival, random) = (plan.arrival, SplitMix(plan.seed));
                Schedule::Drawn { arrival, rate, random, drawn: 0.0 }
            }
            // A loop whose answers decide has no schedule.
            (None, LoadShape::Closed { .. } | LoadShape::Saturate { .. }) => Schedule::Listed(Arc::new([])),
        };
        Self { schedule, number: 0, shard: u64::from(shard), shards: u64::from(shards) }
    }

    /// When the next request of the whole level is to be sent.
    fn next_of_level(&mut self) -> Option<u64> {
        let number = self.number;
        self.number += 1;
        match &mut self.schedule {
            Schedule::Listed(times) => times.get(usize::try_from(number).ok()?).copied(),
            Schedule::Drawn { arrival, rate, random, drawn } => {
                match *arrival {
                    Arrival::Constant => *drawn = number as f64,
                    Arrival::Poisson => *drawn += random.exponential(),
                    Arrival::Gamma { cv } => {
                        let shape = (cv * cv).recip();
                        *drawn += random.gamma(shape) / shape;
                    }
                }
                Some(rate.time_of(*drawn).round() as u64)
            }
        }
    }

    /// When this share's next request is to be sent; `None`: it was the last one.
    pub(super) fn next_us(&mut self) -> Option<u64> {
        loop {
            let is_ours = self.number % self.shards == self.shard;
            let at = self.next_of_level()?;
            if is_ours {
                return Some(at);
            }
        }
    }

    /// Sends each arrival down a channel when it is due, from a thread of its own: a runtime's timers tick in whole
    /// milliseconds, a sleeping thread wakes within some fifty microseconds. The thread ends with the receiver, or
    /// after the last arrival.
    pub(super) fn pace(mut self, clock: Clock) -> io::Result<mpsc::UnboundedReceiver<u64>> {
        let (due, receiver) = mpsc::unbounded_channel();
        std::thread::Builder::new().name("loadgen-pacer".to_owned()).spawn(move || {
            while let Some(next_us) = self.next_us() {
                let at = clock.0 + Duration::from_micros(next_us);
                loop {
                    let left = at.saturating_duration_since(Instant::now());
                    if due.is_closed() {
                        return;
                    }
                    if left.is_zero() {
                        break;
                    }
                    std::thread::sleep(left.min(LOOK));
                }
                // A send that fails is the receiver's end, which the next look sees.
                let _ = due.send(next_us);
            }
        })?;
        Ok(receiver)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(arrival: Arrival, rate: f64) -> LevelPlan {
        let shape = LoadShape::Open { requests_per_second: rate };
        LevelPlan { arrival, warmup_seconds: 0.0, ..LevelPlan::new(shape, 10.0, 1, 1, 42) }
    }

    fn merged(plan: &LevelPlan, shards: u32, until_us: u64) -> Vec<u64> {
        let mut all = Vec::new();
        for shard in 0..shards {
            let mut arrivals = Arrivals::new(plan, shard, shards);
            all.extend(std::iter::from_fn(|| arrivals.next_us()).take_while(|at| *at < until_us));
        }
        all.sort_unstable();
        all
    }

    /// Mean gap, µs, and the gaps' coefficient of variation.
    fn gaps(all: &[u64]) -> (f64, f64) {
        let gaps: Vec<f64> = all.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        (mean, variance.sqrt() / mean)
    }

    #[test]
    fn constant_arrivals_of_several_shards_are_evenly_spaced() {
        let all = merged(&plan(Arrival::Constant, 100.0), 4, 1_000_000);
        assert_eq!(all.len(), 100);
        assert!(all.windows(2).all(|pair| pair[1] - pair[0] == 10_000), "{all:?}");
    }

    #[test]
    fn random_arrivals_have_the_rate_and_the_spread_of_their_kind() {
        for (arrival, expected) in [
            (Arrival::Poisson, 1.0),
            (Arrival::Gamma { cv: 1.0 }, 1.0),
            (Arrival::Gamma { cv: 0.5 }, 0.5),
            (Arrival::Gamma { cv: 3.0 }, 3.0),
        ] {
            let all = merged(&plan(arrival, 1000.0), 2, 60_000_000);
            let (mean, cv) = gaps(&all);
            assert!((mean / 1000.0 - 1.0).abs() < 0.05, "{arrival:?}: {mean}");
            assert!((cv / expected - 1.0).abs() < 0.08, "{arrival:?}: {cv}");
        }
    }

    #[test]
    fn a_schedule_comes_again_from_its_seed_however_many_threads_share_it() {
        for arrival in [Arrival::Constant, Arrival::Poisson, Arrival::Gamma { cv: 2.0 }] {
            let level = plan(arrival, 500.0);
            let one = merged(&level, 1, 2_000_000);
            assert_eq!(one, merged(&level, 3, 2_000_000), "{arrival:?}");
            let other = merged(&LevelPlan { seed: 43, ..level }, 1, 2_000_000);
            assert_eq!(one == other, arrival == Arrival::Constant);
        }
    }

    #[test]
    fn a_ramp_holds_its_first_rate_in_warm_up_and_its_last_one_after_the_window() {
        let mut level = plan(Arrival::Constant, 60.0);
        (level.ramp, level.warmup_seconds) = (Some((20.0, 100.0)), 5.0);
        let all = merged(&level, 2, 20_000_000);
        let between = |from: u64, to: u64| {
            all.iter().filter(|at| (from * 1_000_000..to * 1_000_000).contains(*at)).count()
        };
        assert_eq!(between(0, 5), 100, "20 a second in the warm-up");
        // The rate rises by 8 a second each second: 24 in the first second of the window, 96 in the last.
        assert!(between(5, 6).abs_diff(24) <= 1 && between(14, 15).abs_diff(96) <= 1, "{all:?}");
        assert!(between(5, 15).abs_diff(600) <= 1);
        assert!(between(15, 20).abs_diff(500) <= 1);
        let falling = LevelPlan { ramp: Some((100.0, 20.0)), ..level };
        let all = merged(&falling, 1, 20_000_000);
        assert!(all.is_sorted() && all.len().abs_diff(1200) <= 1, "{}", all.len());
    }

    #[test]
    fn listed_times_come_in_their_order_and_end() {
        let level = LevelPlan { schedule: Some(Arc::new([0, 5, 5, 9, 70])), ..plan(Arrival::Poisson, 1.0) };
        let of = |shard| {
            let mut arrivals = Arrivals::new(&level, shard, 2);
            std::iter::from_fn(move || arrivals.next_us()).collect::<Vec<_>>()
        };
        assert_eq!((of(0), of(1)), (vec![0, 5, 70], vec![5, 9]));
    }

    #[tokio::test]
    async fn a_paced_arrival_comes_in_order_and_never_early() {
        let clock = Clock(Instant::now());
        let level = plan(Arrival::Poisson, 2000.0);
        let mut due = Arrivals::new(&level, 0, 1).pace(clock).unwrap();
        let mut expected = Arrivals::new(&level, 0, 1);
        for _ in 0..50 {
            let next_us = due.recv().await.unwrap();
            assert_eq!(Some(next_us), expected.next_us());
            assert!(clock.now_us() >= next_us);
        }
    }
}
