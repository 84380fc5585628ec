//! One request and its streamed answer on a connection.

use std::time::{Duration, Instant};

use super::{
    body::{BodyDecoder, Head, parse_head},
    connection::Connection,
    error::{ErrorCode, RequestError},
};
use crate::engine::stream::{Event, StreamFormat, StreamParser, message_in};

/// Size of the read buffer of a stream, bytes: many events, and 256 streams stay within a few megabytes.
const READ_BUFFER: usize = 16 << 10;
/// Longest part of an error's body that is read for its message, bytes.
const MAX_ERROR_BODY: usize = 16 << 10;
/// Longest an error's body is waited for.
const ERROR_BODY_TIMEOUT: Duration = Duration::from_secs(2);

/// A server's close that crossed our request shows within a round trip. What ends later, the server had accepted and
/// then lost: a failure, never tried again in silence.
const STALE_WITHIN: Duration = Duration::from_millis(500);

/// How a stream ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StreamEnd {
    /// Arrival of its end.
    pub(crate) at: Instant,
    /// Whether the connection may be used again.
    pub(crate) keep_alive: bool,
}

/// Why an exchange failed.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The server had closed a kept connection before this request: try again on a fresh one.
    Stale(RequestError),
    /// It failed.
    Error(RequestError),
}

impl Failed {
    /// The error, whether or not a fresh connection would help.
    pub(crate) fn into_error(self) -> RequestError {
        match self {
            Self::Stale(error) | Self::Error(error) => error,
        }
    }
}

impl From<RequestError> for Failed {
    fn from(error: RequestError) -> Self {
        Self::Error(error)
    }
}

/// The buffers of one stream's exchanges, used again for each.
#[derive(Debug)]
pub(crate) struct Exchange {
    buffer: Box<[u8]>,
    decoder: BodyDecoder,
    parser: StreamParser,
}

impl Exchange {
    pub(crate) fn new(format: StreamFormat) -> Self {
        Self {
            buffer: vec![0; READ_BUFFER].into_boxed_slice(),
            decoder: BodyDecoder::new(),
            parser: StreamParser::new(format),
        }
    }

    /// Sends a request and follows its streamed answer. `after_send` runs while the engine works; `on_event` gets
    /// each event with the arrival time of the bytes that completed it.
    pub(crate) async fn stream(
        &mut self,
        connection: &mut Connection,
        request: &[u8],
        after_send: impl FnOnce(),
        mut on_event: impl FnMut(Instant, &Event<'_>),
    ) -> Result<StreamEnd, Failed> {
        let was_used = std::mem::replace(&mut connection.is_used, true);
        let began = Instant::now();
        let stale = |error: RequestError| match error.code {
            ErrorCode::Reset if was_used && began.elapsed() <= STALE_WITHIN => Failed::Stale(error),
            _ => Failed::Error(error),
        };
        connection.write(request).await.map_err(|error| stale(RequestError::transfer(&error)))?;
        after_send();
        let (head, end, at) = self.read_head(connection).await.map_err(stale)?;
        // A wall clock set meanwhile must not move an arrival before its request.
        let mut at = at.max(began);
        if head.status != 200 {
            return Err(self.error_answer(connection, &head, end).await.into());
        }
        self.parser.reset();
        self.decoder.start(head.framing);
        let mut answer = Answer::default();
        let mut start = head.length;
        let mut end = end;
        loop {
            let Self { buffer, decoder, parser, .. } = self;
            let mut take = |event: Event<'_>| answer.take(at, &event, &mut on_event);
            decoder.feed(&buffer[start..end], |data| {
                parser.feed(data, &mut take).map_err(|e| RequestError::new(ErrorCode::MalformedStream, e))
            })?;
            if let Some(message) = &answer.error {
                return Err(RequestError::new(ErrorCode::StreamError, message).into());
            }
            if decoder.is_done() {
                break;
            }
            match connection.read(buffer).await {
                Ok((0, _)) if decoder.ends_with_close() || answer.done_at.is_some() => break,
                Ok((0, _)) => {
                    let said = "the connection was closed in the middle of the answer";
                    return Err(RequestError::new(ErrorCode::TruncatedStream, said).into());
                }
                // Stamps of different clocks may cross by their grain.
                Ok((read, arrived)) => (start, end, at) = (0, read, at.max(arrived)),
                Err(_) if answer.done_at.is_some() => break,
                Err(error) => return Err(RequestError::transfer(&error).into()),
            }
        }
        self.finish(answer, at, head.keep_alive, &mut on_event).map_err(Failed::Error)
    }

    /// The body has ended: was that an answer?
    fn finish(
        &mut self,
        mut answer: Answer,
        at: Instant,
        keep_alive: bool,
        on_event: &mut impl FnMut(Instant, &Event<'_>),
    ) -> Result<StreamEnd, RequestError> {
        let rest = self.parser.finish(|event| answer.take(at, &event, on_event));
        let fail = |code, said: &str| Err(RequestError::new(code, said));
        match (rest, answer) {
            (_, Answer { error: Some(message), .. }) => fail(ErrorCode::StreamError, &message),
            // A rest that is no event is what a cut in the middle of one leaves.
            (Err(_), Answer { done_at: None, .. }) => {
                fail(ErrorCode::TruncatedStream, "the body ended in the middle of an event")
            }
            (_, Answer { has_choice: false, .. }) => {
                fail(ErrorCode::EmptyStream, "the answer ended without a single piece of text")
            }
            (_, Answer { done_at: None, has_finish: false, .. }) => {
                fail(ErrorCode::TruncatedStream, "the body ended before the answer did")
            }
            (_, Answer { done_at, .. }) => {
                Ok(StreamEnd { at: done_at.unwrap_or(at), keep_alive: keep_alive && self.decoder.is_done() })
            }
        }
    }

    /// Sends a request that isn't measured and reads its whole answer away, so that connection and server are warm.
    /// Whether the connection is fit for more.
    pub(crate) async fn warm(&mut self, connection: &mut Connection, request: &[u8]) -> bool {
        let exchange = async {
            connection.write(request).await.map_err(|error| RequestError::transfer(&error))?;
            let (head, end, _) = self.read_head(connection).await?;
            let is_whole = self.read_body(connection, &head, end, |_| true).await?;
            Ok::<_, RequestError>(is_whole && head.keep_alive)
        };
        let fit = exchange.await.unwrap_or(false);
        connection.is_used = true;
        fit
    }

    /// Reads until the head is whole: it, the end of the bytes read into the buffer, and when they came. Heads of
    /// interim answers (100 Continue) are passed over.
    async fn read_head(
        &mut self,
        connection: &mut Connection,
    ) -> Result<(Head, usize, Instant), RequestError> {
        let mut filled = 0;
        loop {
            if filled == self.buffer.len() {
                return Err(RequestError::new(ErrorCode::MalformedHttp, "the answer's head is too long"));
            }
            let at = match connection.read(&mut self.buffer[filled..]).await {
                Ok((0, _)) if filled == 0 => {
                    let said = "the connection was closed before any byte of the answer";
                    return Err(RequestError::new(ErrorCode::Reset, said));
                }
                Ok((0, _)) => {
                    return Err(RequestError::new(ErrorCode::TruncatedStream, "closed in the answer's head"));
                }
                Ok((read, arrived)) => {
                    filled += read;
                    arrived
                }
                Err(error) => return Err(RequestError::transfer(&error)),
            };
            while let Some(head) = parse_head(&self.buffer[..filled])? {
                if head.status >= 200 {
                    return Ok((head, filled, at));
                }
                self.buffer.copy_within(head.length..filled, 0);
                filled -= head.length;
            }
        }
    }

    /// Reads a body that isn't a stream, as long as `on_data` wants more. Whether it came to its end.
    async fn read_body(
        &mut self,
        connection: &mut Connection,
        head: &Head,
        filled: usize,
        mut on_data: impl FnMut(&[u8]) -> bool,
    ) -> Result<bool, RequestError> {
        self.decoder.start(head.framing);
        let (mut start, mut end, mut wants_more) = (head.length, filled, true);
        loop {
            self.decoder.feed(&self.buffer[start..end], |data| {
                wants_more = wants_more && on_data(data);
                Ok(())
            })?;
            if self.decoder.is_done() || !wants_more {
                return Ok(self.decoder.is_done());
            }
            match connection.read(&mut self.buffer).await {
                Ok((0, _)) => return Ok(false),
                Ok((read, _)) => (start, end) = (0, read),
                Err(error) => return Err(RequestError::transfer(&error)),
            }
        }
    }

    /// An answer that isn't 200: its status, and what its body says.
    async fn error_answer(
        &mut self,
        connection: &mut Connection,
        head: &Head,
        filled: usize,
    ) -> RequestError {
        let mut body = Vec::new();
        let reading = self.read_body(connection, head, filled, |data| {
            body.extend_from_slice(data);
            body.len() < MAX_ERROR_BODY
        });
        // A body that doesn't come is no reason to lose its status.
        drop(tokio::time::timeout(ERROR_BODY_TIMEOUT, reading).await);
        // An error may repeat the request: its message is taken, or else the start of a text that isn't JSON.
        let said = message_in(&body).unwrap_or_else(|| {
            let is_json = body.trim_ascii_start().starts_with(b"{");
            if is_json { String::new() } else { String::from_utf8_lossy(&body).into_owned() }
        });
        RequestError {
            retry_after: head.retry_after,
            ..RequestError::new(ErrorCode::Http(head.status), said)
        }
    }
}

/// What has been seen of an answer.
#[derive(Debug, Default)]
struct Answer {
    has_choice: bool,
    has_finish: bool,
    done_at: Option<Instant>,
    error: Option<String>,
}

impl Answer {
    fn take(&mut self, at: Instant, event: &Event<'_>, on_event: &mut impl FnMut(Instant, &Event<'_>)) {
        match event {
            Event::Chunk(chunk) => {
                self.has_choice |= chunk.has_choice;
                self.has_finish |= chunk.is_finish;
            }
            Event::Done => {
                self.done_at.get_or_insert(at);
            }
            Event::Error { message } => {
                self.error.get_or_insert_with(|| message.to_string());
            }
        }
        on_event(at, event);
    }
}
