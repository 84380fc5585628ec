//! What benches reach of the executor: the recorder, without a level.

use std::time::Instant;

use super::recorder::{Clock, Recorder};
use crate::{
    domain::measure::record::Outcome,
    engine::stream::{Chunk, Event},
};

/// Records requests of so many tokens each, as a stream would, and gives the number of arrivals recorded.
#[must_use]
pub fn record(requests: u32, tokens: u32) -> usize {
    let clock = Clock(Instant::now());
    let recorder = Recorder::default();
    let event = Event::Chunk(Chunk { has_choice: true, has_text: true, ..Chunk::default() });
    for _ in 0..requests {
        let at = Instant::now();
        recorder.begin(0, clock.at_us(at), clock.at_us(at), 16, tokens);
        for _ in 0..tokens {
            recorder.event(clock.at_us(at), &event);
        }
        recorder.finish(clock.at_us(at), Outcome::Completed);
    }
    recorder.take(clock.now_us()).iter().map(|record| record.arrivals_us.len()).sum()
}
