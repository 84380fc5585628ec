//! One stream, or one place in flight: its connection, its buffers, its records, and one request after another.

use std::{rc::Rc, sync::Arc, time::Duration};

use super::{
    level::Level,
    recorder::{Clock, Recorder},
    route::{Route, generation},
};
use crate::{
    domain::measure::record::Outcome,
    engine::stream::{Event, StreamFormat},
    loadgen::{
        LevelPlan, Requests, Target,
        client::{Connection, ErrorCode, Exchange, Failed, RequestError},
        requests::Number,
    },
};

/// Longest that a warming request may take; the connection is used without it then.
const WARM_TIMEOUT: Duration = Duration::from_secs(2);
/// First and longest pause after a failure in a closed loop.
const BACKOFF: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(1);
/// Longest that a server's `Retry-After` is honoured.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);

/// What all places of a level use.
#[derive(Debug, Clone)]
pub(super) struct Common {
    pub(super) target: Arc<Target>,
    pub(super) plan: Arc<LevelPlan>,
    pub(super) requests: Requests,
    pub(super) route: Arc<Route>,
    pub(super) level: Arc<Level>,
}

/// The next request, encoded while the engine works on the one before.
#[derive(Debug, Default)]
struct Next {
    prompt: String,
    body: Vec<u8>,
    request: Vec<u8>,
    is_ready: bool,
    /// Number of its conversation, and of the turn in it.
    index: u64,
    turn: u32,
    /// What lies between two conversations of this place; 0: it is told the number of each request.
    stride: u64,
    lengths: Lengths,
}

/// How long a request's prompt and answer were meant to be, tokens.
#[derive(Debug, Clone, Copy, Default)]
struct Lengths {
    /// 0: not known.
    prompt: u32,
    output: u32,
}

impl Next {
    /// Encodes it unless that has been done.
    fn prepare(&mut self, common: &Common) -> Result<(), serde_json::Error> {
        if self.is_ready {
            return Ok(());
        }
        let (plan, source) = (&common.plan, common.requests.source());
        let number = Number { block: plan.prompt_block, index: self.index, turn: self.turn };
        let asked = source.write(number, &mut self.prompt);
        let output = asked.output_tokens.unwrap_or(plan.output_tokens);
        generation(&common.target, &self.prompt, output, plan.seed, &mut self.body)?;
        common.route.write_post(&self.body, &mut self.request);
        self.lengths = Lengths { prompt: asked.prompt_tokens, output };
        self.is_ready = true;
        self.turn += 1;
        if self.turn >= source.turns(self.index) {
            (self.index, self.turn) = (self.index + self.stride, 0);
        }
        Ok(())
    }
}

/// How a request went, for the loop that sent it.
#[derive(Debug)]
pub(super) struct Performed {
    pub(super) end_us: u64,
    pub(super) error: Option<RequestError>,
}

/// A stream.
pub(super) struct Place {
    number: u32,
    common: Common,
    connection: Option<Connection>,
    exchange: Exchange,
    current: Vec<u8>,
    /// The prompt that is being answered: nothing of it may end up in what is said of a failure.
    prompt: String,
    next: Next,
    pub(super) recorder: Rc<Recorder>,
}

impl Place {
    /// A place whose first request is encoded. Its conversations are `number`, `number + stride`, …; with a stride of 0
    /// it must be told ([`Self::aim`]).
    pub(super) fn new(number: u32, stride: u32, common: &Common) -> Result<Self, serde_json::Error> {
        let mut next = Next { index: u64::from(number), stride: u64::from(stride), ..Next::default() };
        if stride > 0 {
            next.prepare(common)?;
        }
        Ok(Self {
            number,
            common: common.clone(),
            connection: None,
            exchange: Exchange::new(StreamFormat::of(common.target.engine)),
            current: Vec::new(),
            prompt: String::new(),
            next,
            recorder: Rc::default(),
        })
    }

    /// Opens and warms its connection.
    pub(super) async fn connect(&mut self) -> Result<(), RequestError> {
        let mut connection = self.common.route.connector.connect().await?;
        let warming = self.exchange.warm(&mut connection, &self.common.route.idle_request);
        // After a warming request that failed or is still unanswered, a fresh connection: no late answer to it may be
        // taken for a measured one's.
        let is_fit = tokio::time::timeout(WARM_TIMEOUT, warming).await.unwrap_or(false);
        self.connection =
            if is_fit { Some(connection) } else { self.common.route.connector.connect().await.ok() };
        Ok(())
    }

    /// Encodes the request of this number as its next one, before its time comes. An error shows when it is sent.
    pub(super) fn aim(&mut self, index: u64) {
        (self.next.index, self.next.turn, self.next.is_ready) = (index, 0, false);
        if self.next.prepare(&self.common).is_err() {
            self.next.index = index;
        }
    }

    /// Sends its next request and follows it to its end.
    pub(super) async fn perform(&mut self, clock: Clock, intended_us: u64) -> Performed {
        let plan = Arc::clone(&self.common.plan);
        let level = Arc::clone(&self.common.level);
        let encoded = self.next.prepare(&self.common);
        let Lengths { prompt, output } = self.next.lengths;
        level.sent(output);
        let start_us = clock.now_us();
        self.recorder.begin(self.number, intended_us, start_us, prompt, output);
        let result = match encoded {
            Err(error) => Err(RequestError::new(ErrorCode::Encoding, error)),
            Ok(()) => match tokio::time::timeout(plan.request_timeout, self.attempts(clock)).await {
                Ok(result) => result,
                Err(_) => {
                    Err(RequestError::new(ErrorCode::Timeout, "the answer did not end in the request's time"))
                }
            },
        };
        match result {
            Ok(end_us) => {
                level.first_token(end_us, self.recorder.ttft_us());
                let output_tokens = self.recorder.finish(end_us, Outcome::Completed);
                level.completed(end_us, output_tokens);
                Performed { end_us, error: None }
            }
            Err(error) => {
                let error = error.without(self.common.target.api_key.as_deref()).without_prompt(&self.prompt);
                self.connection = None;
                let end_us = clock.now_us();
                self.recorder.finish(end_us, Outcome::Errored { code: error.code.to_string() });
                level.failed(&error);
                Performed { end_us, error: Some(error) }
            }
        }
    }

    /// The request, and once more on a fresh connection if the server had closed the kept one meanwhile.
    async fn attempts(&mut self, clock: Clock) -> Result<u64, RequestError> {
        let encoding = |error| RequestError::new(ErrorCode::Encoding, error);
        std::mem::swap(&mut self.current, &mut self.next.request);
        std::mem::swap(&mut self.prompt, &mut self.next.prompt);
        self.next.is_ready = false;
        let number = self.number;
        for _ in 0..2 {
            let mut connection = match self.connection.take() {
                Some(connection) => connection,
                None => self.common.route.connector.connect().await?,
            };
            let Self { common, recorder, exchange, current, next, .. } = self;
            let mut encoded = Ok(());
            let prepare_next = || {
                if next.stride > 0 {
                    encoded = next.prepare(common);
                }
            };
            let on_event = |at, event: &Event<'_>| {
                if matches!(event, Event::Chunk(chunk) if chunk.has_text) {
                    common.level.arrived(number);
                }
                recorder.event(clock.at_us(at), event);
            };
            let result = exchange.stream(&mut connection, current, prepare_next, on_event).await;
            encoded.map_err(encoding)?;
            match result {
                Ok(end) => {
                    self.connection = end.keep_alive.then_some(connection);
                    return Ok(clock.at_us(end.at));
                }
                Err(Failed::Stale(_)) => self.common.level.retried_stale(),
                Err(Failed::Error(error)) => return Err(error),
            }
        }
        Err(RequestError::new(ErrorCode::Reset, "two connections in a row were closed without an answer"))
    }
}

/// How long a closed loop pauses after so many failures in a row.
pub(super) fn pause_after(failures_in_a_row: u32, error: &RequestError) -> Duration {
    let doubled = BACKOFF * 2_u32.saturating_pow(failures_in_a_row.saturating_sub(1).min(8));
    let asked = error.retry_after.unwrap_or_default().min(RETRY_AFTER_MAX);
    doubled.min(BACKOFF_MAX).max(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_in_a_row_are_paused_after_ever_longer_and_retry_after_is_honoured() {
        let mut error = RequestError::new(ErrorCode::ConnectRefused, "");
        let pauses: Vec<_> = (1..=7).map(|n| pause_after(n, &error).as_millis()).collect();
        assert_eq!(pauses, [50, 100, 200, 400, 800, 1000, 1000]);
        error.retry_after = Some(Duration::from_secs(3));
        assert_eq!(pause_after(1, &error), Duration::from_secs(3));
        error.retry_after = Some(Duration::from_hours(1));
        assert_eq!(pause_after(1, &error), RETRY_AFTER_MAX);
    }
}
