//! What must hold of any bytes whatever. The fuzz targets call these, and `cargo test` replays the corpus through them
//! (`tests/it/corpus.rs`).

use dria_bench::{
    engine::{
        probe::metric,
        stream::{Event, ParseError, StreamFormat, StreamParser},
    },
    loadgen::probe::{Answer, answer},
    truth::probe::request,
};

/// What must hold of an input.
type Check = fn(&[u8]);

/// The checks by the names of their targets.
pub(crate) const CHECKS: [(&str, Check); 5] = [
    ("sse", sse),
    ("ndjson", ndjson),
    ("response", response),
    ("request", http_request),
    ("prometheus", prometheus),
];

/// The first byte says where the rest is cut into reads.
fn cut(bytes: &[u8]) -> (usize, &[u8]) {
    bytes.split_first().map_or((1, bytes), |(first, rest)| (usize::from(*first) % 67 + 1, rest))
}

fn events<'a>(
    format: StreamFormat,
    reads: impl Iterator<Item = &'a [u8]>,
) -> (Vec<Event<'static>>, Option<ParseError>) {
    let mut parser = StreamParser::new(format);
    let mut seen = Vec::new();
    let mut keep = |event: Event<'_>| {
        seen.push(match event {
            Event::Chunk(chunk) => Event::Chunk(chunk),
            Event::Error { message } => Event::Error { message: message.into_owned().into() },
            Event::Done => Event::Done,
        });
    };
    for read in reads {
        if let Err(error) = parser.feed(read, &mut keep) {
            return (seen, Some(error));
        }
    }
    let end = parser.finish(&mut keep).err();
    (seen, end)
}

/// Bytes split anywhere are the same stream.
fn stream(format: StreamFormat, bytes: &[u8]) {
    let (size, bytes) = cut(bytes);
    let whole = events(format, std::iter::once(bytes));
    assert_eq!(whole, events(format, bytes.chunks(size)), "in reads of {size}");
}

/// Server-sent events.
pub(crate) fn sse(bytes: &[u8]) {
    stream(StreamFormat::OpenAiSse, bytes);
}

/// Ollama's lines.
pub(crate) fn ndjson(bytes: &[u8]) {
    stream(StreamFormat::OllamaNdjson, bytes);
}

/// An engine's answer, as the load generator's client reads it: the same data however it is cut.
pub(crate) fn response(bytes: &[u8]) {
    let (size, bytes) = cut(bytes);
    let whole = answer(bytes, bytes.len());
    let cut = answer(bytes, size);
    // What came before a fault may differ: it comes in pieces of the reads.
    let told = |answer: &Answer| (answer.head, answer.is_done, answer.error.clone());
    assert_eq!(told(&whole), told(&cut), "in reads of {size}");
    assert!(whole.error.is_some() || whole.data == cut.data, "in reads of {size}");
    assert!(whole.data.len() <= bytes.len());
}

/// A request, as the truth server reads it.
pub(crate) fn http_request(bytes: &[u8]) {
    if let Some((head, body, tokens)) = request(bytes) {
        assert!(head + body <= bytes.len());
        assert!(tokens.iter().flatten().all(|tokens| *tokens >= 1));
    }
}

/// An engine's metrics: finite figures or none.
pub(crate) fn prometheus(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (sum, mean) = metric(&text, &["vllm:prompt_tokens_total", "a"]);
    assert_eq!(sum.is_some(), mean.is_some());
    assert!(!sum.is_some_and(f64::is_nan) && !mean.is_some_and(f64::is_nan));
}
