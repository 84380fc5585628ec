//! One stream's records, written as its events arrive. Owned by one thread: no lock.

use std::{
    cell::{Cell, RefCell},
    time::Instant,
};

use crate::{
    domain::measure::record::{Outcome, RequestRecord},
    engine::stream::{Event, Usage},
};

/// The level's clock: whole microseconds since it started.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock(pub(super) Instant);

impl Clock {
    pub(super) fn at_us(self, instant: Instant) -> u64 {
        instant.saturating_duration_since(self.0).as_micros() as u64
    }

    pub(super) fn now_us(self) -> u64 {
        self.at_us(Instant::now())
    }
}

/// The records of one stream or place.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    finished: RefCell<Vec<RequestRecord>>,
    current: RefCell<Option<RequestRecord>>,
    /// Arrival of the first event with a choice, should no text come.
    first_choice_us: Cell<Option<u64>>,
}

impl Recorder {
    /// A request begins. Room for its tokens is made here, not while they arrive.
    pub(super) fn begin(&self, stream: u32, intended_start_us: u64, start_us: u64, prompt: u32, output: u32) {
        self.first_choice_us.set(None);
        *self.current.borrow_mut() = Some(RequestRecord {
            stream,
            intended_start_us,
            start_us,
            arrivals_us: Vec::with_capacity(output as usize),
            end_us: start_us,
            prompt_tokens: None,
            output_tokens: None,
            cached_prompt_tokens: None,
            intended_prompt_tokens: prompt,
            intended_output_tokens: output,
            outcome: Outcome::CutOff,
        });
    }

    /// An event of its answer arrived.
    pub(super) fn event(&self, at_us: u64, event: &Event<'_>) {
        let Event::Chunk(chunk) = event else { return };
        let mut current = self.current.borrow_mut();
        let Some(record) = current.as_mut() else { return };
        if chunk.has_text {
            record.arrivals_us.push(at_us);
        } else if chunk.has_choice && self.first_choice_us.get().is_none() {
            self.first_choice_us.set(Some(at_us));
        }
        if let Some(Usage { prompt_tokens, output_tokens, cached_prompt_tokens }) = chunk.usage {
            record.prompt_tokens = prompt_tokens;
            record.output_tokens = output_tokens;
            record.cached_prompt_tokens = cached_prompt_tokens;
        }
    }

    /// Time to first token of the request in flight, from when it was sent.
    pub(super) fn ttft_us(&self) -> Option<u64> {
        let current = self.current.borrow();
        let record = current.as_ref()?;
        Some(record.arrivals_us.first()?.saturating_sub(record.start_us))
    }

    /// The request ended. Its output tokens, where the engine said.
    pub(super) fn finish(&self, end_us: u64, outcome: Outcome) -> u32 {
        let Some(mut record) = self.current.borrow_mut().take() else { return 0 };
        if record.arrivals_us.is_empty() {
            record.arrivals_us.extend(self.first_choice_us.take());
        }
        record.end_us = end_us.max(record.arrivals_us.last().copied().unwrap_or(0));
        record.outcome = outcome;
        let output_tokens = record.output_tokens.unwrap_or(0);
        self.finished.borrow_mut().push(record);
        output_tokens
    }

    /// All records, a request still in flight among them as cut off at this time.
    pub(super) fn take(&self, cut_us: u64) -> Vec<RequestRecord> {
        self.finish(cut_us, Outcome::CutOff);
        self.finished.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::stream::Chunk;

    fn chunk(has_text: bool, usage: Option<Usage>) -> Event<'static> {
        Event::Chunk(Chunk { has_choice: true, has_text, is_finish: false, usage })
    }

    #[test]
    fn texts_are_arrivals_and_an_answer_of_empty_texts_has_its_first_choice_as_one() {
        let recorder = Recorder::default();
        recorder.begin(3, 5, 7, 10, 4);
        recorder.event(20, &chunk(false, None));
        recorder.event(30, &chunk(true, None));
        recorder.event(40, &Event::Chunk(Chunk { usage: Some(Usage::default()), ..Chunk::default() }));
        recorder.finish(41, Outcome::Completed);
        recorder.begin(3, 41, 42, 10, 4);
        let usage = Usage { output_tokens: Some(2), ..Usage::default() };
        recorder.event(50, &chunk(false, None));
        recorder.event(60, &chunk(false, Some(usage)));
        assert_eq!(recorder.finish(61, Outcome::Completed), 2);
        recorder.begin(3, 61, 62, 10, 4);
        recorder.event(70, &chunk(true, None));
        let records = recorder.take(80);
        let seen: Vec<_> = records.iter().map(|r| (r.start_us, r.arrivals_us.as_slice(), r.end_us)).collect();
        assert_eq!(seen, [(7, &[30][..], 41), (42, &[50][..], 61), (62, &[70][..], 80)]);
        assert_eq!(records[2].outcome, Outcome::CutOff);
        assert!(recorder.take(90).is_empty());
    }
}
