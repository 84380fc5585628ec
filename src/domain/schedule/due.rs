//! Which ticks are due: of those that passed since the last one that was decided, which fire and which were missed.

use std::{collections::VecDeque, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

use super::{CatchUp, ScheduleDefinition};

/// A tick that is looked at later than this was missed.
pub const LATE_AFTER: Duration = Duration::from_mins(1);

/// How far one looks back: what is older was missed, and nothing is said about it.
pub const LOOK_BACK: Duration = Duration::from_hours(31 * 24);

/// The most ticks looked at after a long absence, the newest of them: a schedule may tick each minute.
const MOST_TICKS: usize = 1000;

/// What is decided about the ticks that passed. Each is in one list or in none; both are in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Due {
    /// They fire, on time or to catch up.
    pub fire: Vec<DateTime<Utc>>,
    /// They passed while nobody was there, and don't fire.
    pub missed: Vec<DateTime<Utc>>,
}

impl Due {
    /// The newest tick decided about.
    #[must_use]
    pub fn last(&self) -> Option<DateTime<Utc>> {
        self.fire.last().max(self.missed.last()).copied()
    }
}

impl ScheduleDefinition {
    /// What becomes of the ticks after `last_tick` (not included) up to `now` (included).
    ///
    /// Nothing is due where the clock was put back to before `last_tick`.
    #[must_use]
    pub fn due(&self, last_tick: DateTime<Utc>, now: DateTime<Utc>) -> Due {
        let mut due = Due::default();
        let mut passed = self.passed(last_tick.max(now - LOOK_BACK), now);
        let on_time = passed.partition_point(|tick| now - *tick > delta(LATE_AFTER));
        let on_time: Vec<_> = passed.drain(on_time..).collect();
        let newest_late = passed.last().copied();
        let window = delta(self.catch_up_window.unwrap_or_default());
        for tick in passed {
            let wanted = match self.catch_up {
                CatchUp::Skip => false,
                CatchUp::Latest => on_time.is_empty() && Some(tick) == newest_late,
                CatchUp::All => true,
            };
            let list = if wanted && now - tick <= window { &mut due.fire } else { &mut due.missed };
            list.push(tick);
        }
        due.fire.extend(on_time);
        due
    }

    /// When the work of a tick starts: within the jitter after it, always the same for the same tick, whoever asks.
    #[must_use]
    pub fn start_of(&self, tick: DateTime<Utc>) -> DateTime<Utc> {
        let span_ms = u64::try_from(self.jitter.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
        let hash = Sha256::digest(format!("{}|{}", self.name, tick.timestamp_millis()));
        let drawn = hash.iter().take(8).fold(0_u64, |drawn, byte| drawn << 8 | u64::from(*byte));
        tick + delta(Duration::from_millis(drawn % span_ms))
    }

    /// Whether a tick that should have started at `start_at` may not start any more: nobody was there to start it, for
    /// longer than may be caught up.
    #[must_use]
    pub fn is_too_late(&self, start_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        now - start_at > delta(LATE_AFTER.max(self.catch_up_window.unwrap_or_default()))
    }

    fn passed(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        let mut newest = VecDeque::new();
        for tick in self.cron.after(from, self.timezone).take_while(|tick| *tick <= to) {
            if newest.len() == MOST_TICKS {
                newest.pop_front();
            }
            newest.push_back(tick);
        }
        newest.into()
    }
}

/// Durations of definitions are 31 days at most, so this never saturates.
fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::schedule::{Action, Overlap};

    fn schedule(cron: &str, catch_up: CatchUp, window: Option<Duration>) -> ScheduleDefinition {
        ScheduleDefinition {
            name: "test".to_owned(),
            description: String::new(),
            enabled: true,
            cron: cron.parse().unwrap(),
            timezone: chrono_tz::America::New_York,
            catch_up,
            catch_up_window: window,
            overlap: Overlap::Queue,
            jitter: Duration::from_mins(5),
            budget_usd_per_day: None,
            action: Action::Job { name: "retention".to_owned() },
        }
    }

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn hours(from: &str, n: u64) -> Vec<DateTime<Utc>> {
        (0..n).map(|hour| utc(from) + delta(Duration::from_hours(hour))).collect()
    }

    /// Down from 00:30 to 05:30: the hours 1 to 5 passed, all of them late.
    fn after_a_night(catch_up: CatchUp, window: Option<Duration>) -> Due {
        schedule("0 * * * *", catch_up, window).due(utc("2027-01-05T00:30:00Z"), utc("2027-01-05T05:30:00Z"))
    }

    #[test]
    fn skip_misses_what_is_late() {
        let due = after_a_night(CatchUp::Skip, None);
        assert_eq!((due.fire.len(), due.missed), (0, hours("2027-01-05T01:00:00Z", 5)));
    }

    #[test]
    fn latest_fires_the_last_one_only_and_only_within_its_window() {
        let due = after_a_night(CatchUp::Latest, Some(Duration::from_hours(6)));
        assert_eq!(due.fire, [utc("2027-01-05T05:00:00Z")]);
        assert_eq!(due.missed, hours("2027-01-05T01:00:00Z", 4));
        assert_eq!(due.last(), Some(utc("2027-01-05T05:00:00Z")));
        assert!(after_a_night(CatchUp::Latest, Some(Duration::from_mins(20))).fire.is_empty());
    }

    #[test]
    fn latest_has_nothing_to_catch_up_where_a_tick_is_on_time() {
        let hourly = schedule("0 * * * *", CatchUp::Latest, Some(Duration::from_hours(6)));
        let due = hourly.due(utc("2027-01-05T00:30:00Z"), utc("2027-01-05T03:00:30Z"));
        assert_eq!(
            (due.fire, due.missed),
            (hours("2027-01-05T03:00:00Z", 1), hours("2027-01-05T01:00:00Z", 2))
        );
    }

    #[test]
    fn all_fires_each_within_its_window_oldest_first() {
        let due = after_a_night(CatchUp::All, Some(Duration::from_hours(3)));
        assert_eq!(due.fire, hours("2027-01-05T03:00:00Z", 3));
        assert_eq!(due.missed, hours("2027-01-05T01:00:00Z", 2));
    }

    #[test]
    fn a_day_that_clocks_change_has_one_tick_and_hours_go_on_by_elapsed_time() {
        let nightly = schedule("30 2 * * *", CatchUp::All, Some(LOOK_BACK));
        let spring = nightly.due(utc("2027-03-13T12:00:00Z"), utc("2027-03-15T12:00:00Z"));
        assert_eq!(spring.fire, [utc("2027-03-14T07:00:00Z"), utc("2027-03-15T06:30:00Z")]);
        let in_the_fold = schedule("30 1 * * *", CatchUp::All, Some(LOOK_BACK));
        let autumn = in_the_fold.due(utc("2027-11-06T12:00:00Z"), utc("2027-11-08T12:00:00Z"));
        assert_eq!(autumn.fire, [utc("2027-11-07T05:30:00Z"), utc("2027-11-08T06:30:00Z")]);
        let hourly = schedule("0 * * * *", CatchUp::All, Some(LOOK_BACK));
        assert_eq!(hourly.due(utc("2027-11-07T04:30:00Z"), utc("2027-11-08T04:30:00Z")).fire.len(), 24);
    }

    #[test]
    fn after_a_year_only_the_newest_thousand_minutes_are_looked_at() {
        let now = utc("2028-01-05T05:30:00Z");
        let due = schedule("* * * * *", CatchUp::Skip, None).due(utc("2027-01-05T00:30:00Z"), now);
        assert_eq!((due.missed.len(), due.fire.len()), (MOST_TICKS - 2, 2));
        assert_eq!(due.last(), Some(now));
    }

    #[test]
    fn a_tick_starts_within_its_jitter_and_at_the_same_time_whoever_asks() {
        let hourly = schedule("0 * * * *", CatchUp::Skip, None);
        let starts: BTreeSet<_> = hours("2027-01-05T00:00:00Z", 100)
            .into_iter()
            .map(|tick| {
                let after = hourly.start_of(tick) - tick;
                assert!(after >= TimeDelta::zero() && after <= delta(hourly.jitter), "{after}");
                assert_eq!(hourly.start_of(tick), hourly.clone().start_of(tick));
                after
            })
            .collect();
        assert!(starts.len() > 90, "they are spread: {}", starts.len());
        let punctual = ScheduleDefinition { jitter: Duration::ZERO, ..hourly };
        assert_eq!(punctual.start_of(utc("2027-01-05T00:00:00Z")), utc("2027-01-05T00:00:00Z"));
    }

    fn any_schedule() -> impl Strategy<Value = ScheduleDefinition> {
        let crons = ["* * * * *", "*/7 * * * *", "30 2 * * *", "30 1 * * *", "0 */5 * * 1-5", "15 2 1 * *"];
        (proptest::sample::select(crons.to_vec()), 0..3_u8, 1..40_000_u64).prop_map(
            |(cron, kind, minutes)| {
                let window = Some(Duration::from_mins(minutes));
                match kind {
                    0 => schedule(cron, CatchUp::Skip, None),
                    1 => schedule(cron, CatchUp::Latest, window),
                    _ => schedule(cron, CatchUp::All, window),
                }
            },
        )
    }

    proptest! {
        // A month of minutes in a zone with summer time takes its time to walk through.
        #![proptest_config(ProptestConfig::with_cases(40))]

        /// The clock goes on, stands, and is put back and forth, over both changes of summer time.
        #[test]
        fn no_tick_is_decided_twice_and_none_fires_that_is_too_old(
            schedule in any_schedule(),
            start in 0..31_536_000_i64,
            jumps in proptest::collection::vec(prop_oneof![0..90_i64, -200_000..400_000_i64, 0..2_700_000_i64], 1..10),
        ) {
            let mut now = utc("2027-01-01T00:00:00Z") + TimeDelta::seconds(start);
            let mut last_tick = now;
            let mut decided = BTreeSet::new();
            for jump in jumps {
                now += TimeDelta::seconds(jump);
                let due = schedule.due(last_tick, now);
                for tick in due.fire.iter().chain(&due.missed) {
                    prop_assert!(decided.insert(*tick), "{tick} twice");
                    prop_assert!(*tick > last_tick && *tick <= now);
                }
                let oldest = delta(LATE_AFTER.max(schedule.catch_up_window.unwrap_or_default())).min(delta(LOOK_BACK));
                prop_assert!(due.fire.iter().all(|tick| now - *tick <= oldest));
                if schedule.catch_up == CatchUp::Latest {
                    let late = due.fire.iter().filter(|tick| now - **tick > delta(LATE_AFTER)).count();
                    prop_assert!(late <= 1);
                }
                prop_assert!(due.fire.is_sorted() && due.missed.is_sorted());
                last_tick = due.last().map_or(last_tick, |last| last.max(last_tick));
            }
        }

        /// Whoever looks each second sees every tick on time, whatever is caught up.
        #[test]
        fn looking_often_fires_every_tick(schedule in any_schedule(), start in 0..31_536_000_i64) {
            let start = utc("2027-01-01T00:00:00Z") + TimeDelta::seconds(start);
            let (mut last_tick, mut fired) = (start, Vec::new());
            for step in 1..=200 {
                let now = start + TimeDelta::seconds(step * 37);
                let due = schedule.due(last_tick, now);
                prop_assert!(due.missed.is_empty());
                last_tick = due.last().unwrap_or(last_tick);
                fired.extend(due.fire);
            }
            prop_assert_eq!(fired, schedule.ticks_between(start, start + TimeDelta::seconds(200 * 37)));
        }
    }
}
