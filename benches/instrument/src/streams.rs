//! Streams as engines send them, and how fast they are parsed.

use std::time::{Duration, Instant};

use dria_bench::engine::stream::{Event, ParseError, StreamFormat, StreamParser};

/// Bytes that the load generator reads at once.
pub const READ: usize = 16 << 10;
/// Events of a stream.
const EVENTS: usize = 4096;

/// An answer's body: vLLM's events, or Ollama's lines.
#[must_use]
pub fn body(format: StreamFormat) -> Vec<u8> {
    let (token, end): (&[u8], &[u8]) = match format {
        StreamFormat::OpenAiSse => (
            b"data: {\"id\":\"cmpl-8f6f2f7e63a44c1f9d8f7c9a9c3f52b1\",\"object\":\"text_completion\",\
              \"created\":1764000000,\"model\":\"meta-llama/Meta-Llama-3-8B-Instruct\",\"choices\":[{\"index\":0,\
              \"text\":\" truth\",\"logprobs\":null,\"finish_reason\":null,\"stop_reason\":null}],\
              \"usage\":null}\n\n",
            b"data: [DONE]\n\n",
        ),
        StreamFormat::OllamaNdjson => (
            b"{\"model\":\"llama3:8b-instruct-fp16\",\"created_at\":\"2026-01-02T03:04:05.123456789Z\",\
              \"response\":\" truth\",\"done\":false}\n",
            b"{\"model\":\"llama3:8b-instruct-fp16\",\"response\":\"\",\"done\":true,\"eval_count\":4096}\n",
        ),
    };
    let mut body = token.repeat(EVENTS);
    body.extend_from_slice(end);
    body
}

/// Parses a body as it is read; how many events had text.
///
/// # Errors
/// When it is no stream of the format.
pub fn parse(parser: &mut StreamParser, body: &[u8]) -> Result<usize, ParseError> {
    let mut texts = 0;
    parser.reset();
    for read in body.chunks(READ) {
        parser.feed(read, |event| texts += usize::from(matches!(event, Event::Chunk(c) if c.has_text)))?;
    }
    parser.finish(|_| ())?;
    Ok(texts)
}

/// Median speed of a parser over about a second, MB/s.
///
/// # Errors
/// When the parser refuses the stream or loses events.
pub fn megabytes_per_second(format: StreamFormat) -> anyhow::Result<f64> {
    let body = body(format);
    let mut parser = StreamParser::new(format);
    let mut speeds = Vec::new();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(1) {
        let start = Instant::now();
        let texts = parse(&mut parser, &body)?;
        speeds.push(body.len() as f64 / start.elapsed().as_secs_f64() / 1e6);
        anyhow::ensure!(texts == EVENTS, "{texts} of {EVENTS} events were seen");
    }
    speeds.sort_by(f64::total_cmp);
    Ok(speeds[speeds.len() / 2])
}
