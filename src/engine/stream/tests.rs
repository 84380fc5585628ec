//! The parsers against every recorded stream, whole and split anywhere, and against what engines get wrong.

use proptest::prelude::*;

use super::*;

const SSE: StreamFormat = StreamFormat::OpenAiSse;
const NDJSON: StreamFormat = StreamFormat::OllamaNdjson;

/// A recorded stream: its format, its bytes, how many events with text it has, and its usage (prompt, output).
type Recorded = (&'static str, StreamFormat, &'static str, usize, Usage);

fn counts(prompt: u32, output: u32, cached: Option<u32>) -> Usage {
    Usage { prompt_tokens: Some(prompt), output_tokens: Some(output), cached_prompt_tokens: cached }
}

/// The body of a file that holds status line, headers and body.
fn body(file: &'static str) -> &'static str {
    let at = file.find("\r\n\r\n").map(|at| at + 4).or_else(|| file.find("\n\n").map(|at| at + 2));
    &file[at.expect("a blank line after the headers")..]
}

fn recorded() -> Vec<Recorded> {
    macro_rules! file {
        ($name:literal) => {
            include_str!(concat!("../../../tests/fixtures/", $name))
        };
    }
    vec![
        ("vllm", SSE, body(file!("engines/vllm-0.32.0-completions-stream.txt")), 4, counts(5, 4, None)),
        ("sglang", SSE, body(file!("engines/sglang-0.5.23-completions-stream.txt")), 4, counts(5, 4, None)),
        (
            "llama.cpp",
            SSE,
            body(file!("engines/llama.cpp-b11549-completions-stream.txt")),
            4,
            counts(5, 4, Some(0)),
        ),
        (
            "ollama /v1",
            SSE,
            body(file!("engines/ollama-0.11.11-v1-completions-stream.txt")),
            4,
            counts(14, 4, None),
        ),
        ("ollama", NDJSON, body(file!("engines/ollama-0.11.11-generate-stream.txt")), 6, counts(14, 6, None)),
        ("ollama, documented", NDJSON, file!("ollama/generate.ndjson"), 2, counts(26, 2, None)),
        ("sglang, documented", SSE, file!("sglang/completions_stream.sse.txt"), 2, counts(12, 2, None)),
        ("vllm, documented", SSE, file!("vllm/completions_stream.sse.txt"), 3, counts(12, 3, None)),
    ]
}

fn own(event: Event<'_>) -> Event<'static> {
    match event {
        Event::Chunk(chunk) => Event::Chunk(chunk),
        Event::Error { message } => Event::Error { message: Cow::Owned(message.into_owned()) },
        Event::Done => Event::Done,
    }
}

fn parse(format: StreamFormat, reads: &[&[u8]]) -> Result<Vec<Event<'static>>, ParseError> {
    let mut parser = StreamParser::new(format);
    let mut events = Vec::new();
    for read in reads {
        parser.feed(read, |event| events.push(own(event)))?;
    }
    parser.finish(|event| events.push(own(event)))?;
    Ok(events)
}

fn last_usage(events: &[Event<'_>]) -> Option<Usage> {
    events.iter().rev().find_map(|event| match event {
        Event::Chunk(chunk) => chunk.usage,
        _ => None,
    })
}

fn texts(events: &[Event<'_>]) -> usize {
    events.iter().filter(|event| matches!(event, Event::Chunk(chunk) if chunk.has_text)).count()
}

#[test]
fn every_recorded_stream_gives_its_texts_its_true_usage_and_its_end() {
    for (name, format, bytes, text_events, usage) in recorded() {
        let events = parse(format, &[bytes.as_bytes()]).unwrap();
        assert_eq!(texts(&events), text_events, "{name}");
        assert_eq!(last_usage(&events), Some(usage), "{name}");
        assert_eq!(events.iter().filter(|event| **event == Event::Done).count(), 1, "{name}");
        assert_eq!(events.last(), Some(&Event::Done), "{name}");
        let finish = events.iter().filter(|event| matches!(event, Event::Chunk(chunk) if chunk.is_finish));
        assert_eq!(finish.count(), 1, "{name}");
    }
}

#[test]
fn one_byte_at_a_time_gives_the_same_events() {
    for (name, format, bytes, ..) in recorded() {
        let pieces: Vec<&[u8]> = bytes.as_bytes().chunks(1).collect();
        assert_eq!(parse(format, &pieces), parse(format, &[bytes.as_bytes()]), "{name}");
    }
}

proptest! {
    #[test]
    fn splitting_a_stream_anywhere_gives_the_same_events(cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12), crlf in any::<bool>()) {
        for (name, format, bytes, ..) in recorded() {
            let bytes = if crlf { bytes.replace('\n', "\r\n") } else { bytes.to_owned() };
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
            at.extend([0, bytes.len()]);
            at.sort_unstable();
            let pieces: Vec<&[u8]> = at.windows(2).map(|pair| &bytes.as_bytes()[pair[0]..pair[1]]).collect();
            prop_assert_eq!(parse(format, &pieces), parse(format, &[bytes.as_bytes()]), "{}", name);
        }
    }

    #[test]
    fn no_bytes_make_it_panic_and_a_parser_can_be_used_again(bytes in prop::collection::vec(any::<u8>(), 0..400), at in any::<prop::sample::Index>()) {
        for (_, format, good, ..) in recorded() {
            let mut damaged = good.as_bytes().to_vec();
            let at = at.index(damaged.len());
            damaged.splice(at..at, bytes.iter().copied());
            let mut parser = StreamParser::new(format);
            let _ = parser.feed(&damaged, |_| ());
            parser.reset();
            let mut again = Vec::new();
            parser.feed(good.as_bytes(), |event| again.push(own(event))).unwrap();
            parser.finish(|event| again.push(own(event))).unwrap();
            prop_assert_eq!(again, parse(format, &[good.as_bytes()]).unwrap());
        }
    }
}

#[test]
fn usage_in_every_chunk_ends_with_the_last_and_null_changes_nothing() {
    let stream = "data: {\"choices\":[{\"text\":\"a\"}],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":1}}\n\n\
                  data: {\"choices\":[{\"text\":\"b\"}],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2,\
                  \"prompt_tokens_details\":{\"cached_tokens\":3}}}\n\n\
                  data: {\"choices\":[],\"usage\":null}\n\n";
    assert_eq!(last_usage(&parse(SSE, &[stream.as_bytes()]).unwrap()), Some(counts(5, 2, Some(3))));
}

#[test]
fn an_empty_text_is_a_choice_without_text() {
    let events = parse(SSE, &[b"data: {\"choices\":[{\"text\":\"\",\"finish_reason\":null}]}\n\n"]).unwrap();
    assert_eq!(events, [Event::Chunk(Chunk { has_choice: true, ..Chunk::default() })]);
}

#[test]
fn errors_inside_a_stream_are_events_in_every_shape() {
    let shapes: [(StreamFormat, &str, &str); 7] = [
        (SSE, "data: {\"error\":{\"message\":\"out of memory\",\"code\":500}}\n\n", "out of memory"),
        (SSE, "data: {\"error\":\"out of memory\"}\n\n", "out of memory"),
        (SSE, "data: {\"object\":\"error\",\"message\":\"too long\",\"code\":400}\n\n", "too long"),
        (SSE, "event: error\ndata: {\"message\":\"gone\"}\n\n", "gone"),
        (SSE, "error: {\"message\":\"gone\"}\n\n", "gone"),
        (NDJSON, "{\"error\":\"model runner stopped\"}\n", "model runner stopped"),
        (
            NDJSON,
            include_str!("../../../tests/fixtures/ollama/pull_error.ndjson"),
            "pull model manifest: file does not exist",
        ),
    ];
    for (format, stream, expected) in shapes {
        let events = parse(format, &[stream.as_bytes()]).unwrap();
        let error = Event::Error { message: Cow::Borrowed(expected) };
        assert_eq!(events.last(), Some(&error), "{stream}");
    }
    let fine = parse(SSE, &[b"data: {\"error\":null,\"choices\":[{\"text\":\"a\"}]}\n\n"]).unwrap();
    assert_eq!(texts(&fine), 1, "an error of null is none");
}

#[test]
fn what_is_not_json_is_refused() {
    assert!(matches!(parse(SSE, &[b"data: {\"choices\":[{\"te\n\n"]), Err(ParseError::Json(_))));
    assert!(matches!(parse(SSE, &[b"data: hello\n\n"]), Err(ParseError::Json(_))));
    assert!(matches!(parse(NDJSON, &[b"<html>\n"]), Err(ParseError::Json(_))));
    assert!(matches!(parse(NDJSON, &[b"{\"response\":\"a\",\"done\":fal"]), Err(ParseError::Json(_))));
}

#[test]
fn an_ollama_answer_whole_from_the_cache_has_no_prompt_count() {
    let events = parse(NDJSON, &[b"{\"response\":\"\",\"done\":true,\"eval_count\":2}\n"]).unwrap();
    let usage = Usage { output_tokens: Some(2), ..Usage::default() };
    assert_eq!(last_usage(&events), Some(usage));
    let loaded = include_str!("../../../tests/fixtures/ollama/generate_load.200.json").replace('\n', "");
    let events = parse(NDJSON, &[loaded.as_bytes()]).unwrap();
    assert_eq!(last_usage(&events), None, "a load has no counts");
}
