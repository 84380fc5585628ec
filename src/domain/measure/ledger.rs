//! What each phase of a run cost: the time that its steps worked while something was rented, times the price.
//!
//! The parts add up to the whole to the last digit: amounts are whole millionths of a dollar, a phase's is cut off, and
//! what is left of the whole is idle time's.

use chrono::{DateTime, Utc};
use rust_decimal::{Decimal, RoundingStrategy};
use serde::Serialize;

use crate::domain::step::StepKind;

const MICROSECONDS_PER_HOUR: Decimal = Decimal::from_parts(3_600_000_000, 0, 0, false, 0);
/// A millionth of a dollar: below what any provider bills.
const DECIMALS: u32 = 6;

/// Something that was rented for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RentedSpan {
    /// When it began.
    pub start: DateTime<Utc>,
    /// When it was seen to be gone; now, while it isn't.
    pub end: DateTime<Utc>,
    /// Its price, USD an hour.
    pub price_usd_per_hour: Decimal,
}

/// A try of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkedSpan {
    /// When it began.
    pub start: DateTime<Utc>,
    /// When it ended; now, while it goes on.
    pub end: DateTime<Utc>,
    /// Which step.
    pub step: StepKind,
}

/// What a run cost, by phase, USD.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CostParts {
    /// Provision, download, start and warm-up.
    pub set_up_usd: Decimal,
    /// The measured levels, tries that failed too.
    pub measuring_usd: Decimal,
    /// Removing what was rented.
    pub teardown_usd: Decimal,
    /// Rented while no step worked: waits for a worker, back-off, pauses, holds.
    pub idle_usd: Decimal,
    /// All of it.
    pub total_usd: Decimal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    SetUp,
    Measuring,
    Teardown,
}

const fn phase(step: StepKind) -> Phase {
    match step {
        StepKind::Provision | StepKind::PullModel | StepKind::StartEngine | StepKind::Warmup => Phase::SetUp,
        StepKind::Throughput | StepKind::Concurrency(_) => Phase::Measuring,
        StepKind::Teardown => Phase::Teardown,
    }
}

/// Splits what was rented over the phases of what was worked. A run works one step at a time, so where two tries overlap
/// (the one was lost, and the other took over) the later has the time.
#[must_use]
pub fn split(rented: &[RentedSpan], worked: &[WorkedSpan]) -> CostParts {
    let mut worked = worked.to_vec();
    worked.sort_by_key(|span| span.start);
    for later in 1..worked.len() {
        let next = worked[later].start;
        let earlier = &mut worked[later - 1];
        earlier.end = earlier.end.min(next);
    }
    let part = |wanted: Phase| {
        let spans = worked.iter().filter(|span| phase(span.step) == wanted);
        let times = spans.flat_map(|span| rented.iter().map(|rented| priced(rented, span.start, span.end)));
        usd(times).round_dp_with_strategy(DECIMALS, RoundingStrategy::ToZero)
    };
    let total = usd(rented.iter().map(|rented| priced(rented, rented.start, rented.end))).round_dp(DECIMALS);
    let (set_up_usd, measuring_usd, teardown_usd) =
        (part(Phase::SetUp), part(Phase::Measuring), part(Phase::Teardown));
    let idle_usd = total - set_up_usd - measuring_usd - teardown_usd;
    CostParts { set_up_usd, measuring_usd, teardown_usd, idle_usd, total_usd: total }
}

/// What of a rental falls between two times, microseconds × USD an hour: exact, until it is divided.
fn priced(rented: &RentedSpan, from: DateTime<Utc>, to: DateTime<Utc>) -> Decimal {
    let span = rented.end.min(to) - rented.start.max(from);
    let microseconds = Decimal::from(span.num_microseconds().unwrap_or_default().max(0));
    rented.price_usd_per_hour.saturating_mul(microseconds)
}

fn usd(priced: impl Iterator<Item = Decimal>) -> Decimal {
    priced.fold(Decimal::ZERO, Decimal::saturating_add) / MICROSECONDS_PER_HOUR
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(microseconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(1_795_500_000_000_000 + microseconds).unwrap()
    }

    fn seconds(s: i64) -> DateTime<Utc> {
        at(s * 1_000_000)
    }

    fn worked(start: i64, end: i64, step: StepKind) -> WorkedSpan {
        WorkedSpan { start: seconds(start), end: seconds(end), step }
    }

    #[test]
    fn each_phase_has_its_time_and_the_rest_is_idle() {
        // A cent a second; nothing is billed before the pod is there.
        let pod = RentedSpan { start: seconds(10), end: seconds(110), price_usd_per_hour: 36.into() };
        let steps = [
            worked(0, 30, StepKind::Provision),
            worked(40, 60, StepKind::Throughput),
            worked(60, 70, StepKind::Concurrency(1)),
            worked(105, 120, StepKind::Teardown),
        ];
        let parts = split(&[pod], &steps);
        let text = |usd: Decimal| usd.normalize().to_string();
        assert_eq!(text(parts.set_up_usd), "0.2");
        assert_eq!(text(parts.measuring_usd), "0.3");
        assert_eq!(text(parts.teardown_usd), "0.05");
        assert_eq!(text(parts.idle_usd), "0.45");
        assert_eq!(text(parts.total_usd), "1");
    }

    #[test]
    fn time_that_two_tries_share_is_paid_once() {
        let pod = RentedSpan { start: seconds(0), end: seconds(100), price_usd_per_hour: 36.into() };
        let lost = worked(0, 60, StepKind::Warmup);
        let parts = split(&[pod], &[worked(50, 100, StepKind::Throughput), lost]);
        assert_eq!(parts.set_up_usd + parts.measuring_usd, Decimal::ONE);
        assert_eq!(parts.idle_usd, Decimal::ZERO);
    }

    proptest! {
        #[test]
        fn the_parts_add_up_and_none_is_negative(
            rentals in proptest::collection::vec((0_i64..1_000_000_000, 0_i64..1_000_000_000, 0_i64..50_000_000), 0..4),
            tries in proptest::collection::vec((0_i64..1_000_000_000, 0_i64..400_000_000, 0_usize..4), 0..12),
        ) {
            let rentals: Vec<_> = rentals.into_iter().map(|(start, life, price)| RentedSpan {
                start: at(start), end: at(start + life), price_usd_per_hour: Decimal::new(price, 6),
            }).collect();
            let kinds = [StepKind::Provision, StepKind::Throughput, StepKind::Concurrency(3), StepKind::Teardown];
            let tries: Vec<_> = tries.into_iter().map(|(start, life, kind)| WorkedSpan {
                start: at(start), end: at(start + life), step: kinds[kind],
            }).collect();
            let parts = split(&rentals, &tries);
            let all = [parts.set_up_usd, parts.measuring_usd, parts.teardown_usd, parts.idle_usd];
            prop_assert!(all.iter().all(|part| *part >= Decimal::ZERO), "{parts:?}");
            prop_assert_eq!(all.iter().sum::<Decimal>(), parts.total_usd);
        }
    }
}
