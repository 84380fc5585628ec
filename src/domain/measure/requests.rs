//! Every request of a level by itself, as the compat view sees it: in flight after warm-up, and cut at the deadline.
//!
//! For exports that summarise in their own way. Who wants our figures takes [`super::summarise`].

use super::{
    population::Observed,
    record::{LevelRecords, Outcome},
};

/// How a request had ended by the deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Completed without error.
    Successful,
    /// Still in flight.
    Incomplete,
    /// Failed.
    Errored,
}

/// One request until the deadline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Request {
    /// How it had ended.
    pub status: Status,
    /// *s*, µs.
    pub start_us: u64,
    /// *e*, or the deadline, µs.
    pub end_us: u64,
    /// *f*, µs; `None`: no text had come.
    pub first_us: Option<u64>,
    /// *l* by then, µs.
    pub last_us: Option<u64>,
    /// Events with text by then.
    pub events: u64,
    /// *p*.
    pub prompt_tokens: Option<u64>,
    /// *o* by then; `None`: unknown.
    pub output_tokens: Option<u64>,
}

/// The requests that weren't over before the window opened and began before it closed.
#[must_use]
pub fn requests(level: &LevelRecords) -> Vec<Request> {
    let until_us = level.window.end_us;
    let population = level.after_warm_up().filter(|record| level.start_us(record) <= until_us);
    population
        .map(|record| {
            let seen = Observed::until(record, level.start_us(record), until_us);
            let over = record.end_us <= until_us;
            let status = match &record.outcome {
                _ if seen.completed => Status::Successful,
                Outcome::Errored { .. } if over => Status::Errored,
                _ => Status::Incomplete,
            };
            Request {
                status,
                start_us: seen.start_us,
                end_us: seen.end_us,
                first_us: seen.text_us().map(|(first, _)| first),
                last_us: seen.text_us().map(|(_, last)| last),
                events: record.arrivals_us.partition_point(|at| over || *at <= until_us) as u64,
                prompt_tokens: seen.prompt_tokens,
                output_tokens: seen.output_tokens,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::measure::tests::{level, request};

    #[test]
    fn what_came_after_the_deadline_is_not_seen() {
        let failed = Outcome::Errored { code: "reset".to_owned() };
        let records = vec![
            request(0, 5).events([4]).usage(16, 1),
            request(0, 50).events([20, 30]).usage(16, 2),
            request(20, 150).events([60, 140]).usage(16, 2),
            request(30, 40).outcome(failed.clone()),
            request(30, 140).outcome(failed),
            request(101, 120).events([110]).usage(16, 1),
        ];
        let seen = requests(&level((10, 100), records));
        let statuses: Vec<_> = seen.iter().map(|request| request.status).collect();
        assert_eq!(statuses, [Status::Successful, Status::Incomplete, Status::Errored, Status::Incomplete]);
        assert_eq!((seen[1].end_us, seen[1].events, seen[1].last_us), (100, 1, Some(60)));
        assert_eq!((seen[0].events, seen[0].output_tokens), (2, Some(2)));
    }
}
