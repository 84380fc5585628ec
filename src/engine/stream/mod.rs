//! What an engine streams back, incrementally: bytes as they arrive in, [`Event`]s out.
//!
//! Two formats: OpenAI completions as server-sent events, and Ollama's newline-delimited JSON. The events say
//! only what is measured: whether there was text, the usage, an error, the end. Splitting the bytes anywhere gives
//! the same events. Nothing is allocated for an event that lies in one read. It must not know about time.

mod json;
mod lines;
mod payload;
mod sse;

use std::borrow::Cow;

use crate::domain::kinds::EngineKind;

pub use json::Malformed;
pub use payload::message_in;

/// Longest single event that is followed, bytes. A stream without line ends must not fill the memory.
const MAX_EVENT_BYTES: usize = 1 << 20;

/// How an engine frames its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamFormat {
    /// OpenAI completions: `data: {…}` events, ending in `data: [DONE]`.
    OpenAiSse,
    /// Ollama: a JSON object a line, the last with `"done":true`.
    OllamaNdjson,
}

impl StreamFormat {
    /// The format of this engine's generation route.
    #[must_use]
    pub const fn of(kind: EngineKind) -> Self {
        match kind {
            EngineKind::Ollama => Self::OllamaNdjson,
            EngineKind::Vllm | EngineKind::Sglang | EngineKind::Llamacpp | EngineKind::Truth => {
                Self::OpenAiSse
            }
        }
    }
}

/// Token counts by the engine's own account. An engine may send them more than once; the last ones are true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_field_names, reason = "the unit is part of each name")]
pub struct Usage {
    /// Prompt tokens.
    pub prompt_tokens: Option<u32>,
    /// Output tokens.
    pub output_tokens: Option<u32>,
    /// Prompt tokens that came from a prefix cache.
    pub cached_prompt_tokens: Option<u32>,
}

/// One event of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'a> {
    /// A piece of the answer, its counts, or both. It holds no, one or several tokens.
    Chunk(Chunk),
    /// The engine gave up inside its stream.
    Error {
        /// The engine's own message; may be empty.
        message: Cow<'a, str>,
    },
    /// The stream is complete: `[DONE]`, or Ollama's last line.
    Done,
}

/// What of an answer's piece is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Chunk {
    /// It holds a choice (OpenAI) or a response field (Ollama), be its text empty or not.
    pub has_choice: bool,
    /// It holds text.
    pub has_text: bool,
    /// It says that the answer is finished (a finish reason, or Ollama's `done`).
    pub is_finish: bool,
    /// Token counts, where it holds any.
    pub usage: Option<Usage>,
}

/// Why bytes are not a stream of this format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// An event isn't a JSON object.
    #[error("an event of the stream is {0}")]
    Json(#[from] json::Malformed),
    /// An event doesn't end.
    #[error("an event of the stream is longer than 1 MiB")]
    TooLong,
}

/// A parser of one stream; [`StreamParser::reset`] makes it ready for the next without giving up its buffers.
#[derive(Debug)]
pub struct StreamParser(Framing);

#[derive(Debug)]
enum Framing {
    Sse(sse::Sse),
    Ndjson(lines::Lines),
}

impl StreamParser {
    /// A parser at the start of a stream.
    #[must_use]
    pub fn new(format: StreamFormat) -> Self {
        Self(match format {
            StreamFormat::OpenAiSse => Framing::Sse(sse::Sse::default()),
            StreamFormat::OllamaNdjson => Framing::Ndjson(lines::Lines::default()),
        })
    }

    /// Takes the next bytes of the body and hands on each event they complete.
    ///
    /// # Errors
    /// When the bytes aren't a stream of this format; events before the fault were handed on.
    pub fn feed(&mut self, bytes: &[u8], mut on_event: impl FnMut(Event<'_>)) -> Result<(), ParseError> {
        match &mut self.0 {
            Framing::Sse(sse) => sse.feed(bytes, |event| payload::sse(event, &mut on_event)),
            Framing::Ndjson(lines) => lines.feed(bytes, |line, _| payload::ndjson(line, &mut on_event)),
        }
    }

    /// The body's end: hands on what was complete but for its line end.
    ///
    /// # Errors
    /// When what was left is not an event, as after a cut in the middle of one.
    pub fn finish(&mut self, mut on_event: impl FnMut(Event<'_>)) -> Result<(), ParseError> {
        match &mut self.0 {
            Framing::Sse(sse) => sse.finish(|event| payload::sse(event, &mut on_event)),
            Framing::Ndjson(lines) => lines.finish(|line| payload::ndjson(line, &mut on_event)),
        }
    }

    /// Ready for another stream.
    pub fn reset(&mut self) {
        match &mut self.0 {
            Framing::Sse(sse) => sse.reset(),
            Framing::Ndjson(lines) => lines.reset(),
        }
    }
}

#[cfg(test)]
mod tests;
