//! HTTP/1.1 response framing: the head, and the three ways a body ends.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::error::{ErrorCode, RequestError};
use crate::clock;

/// Largest head taken, bytes.
const MAX_HEAD: usize = 64 << 10;
/// Longest chunk-size or trailer line taken, bytes.
const MAX_LINE: usize = 8 << 10;

/// What of a response's head matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    /// Bytes of the head itself.
    pub(super) length: usize,
    pub(super) framing: Framing,
    /// Whether the connection may serve another request afterwards.
    pub(super) keep_alive: bool,
    pub(super) retry_after: Option<Duration>,
}

/// How a body says that it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Length(u64),
    Chunked,
    UntilClose,
}

fn malformed(reason: impl std::fmt::Display) -> RequestError {
    RequestError::new(ErrorCode::MalformedHttp, reason)
}

/// Reads the head at the front of these bytes; `None`: there is more of it to come.
pub(super) fn parse_head(bytes: &[u8]) -> Result<Option<Head>, RequestError> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let length = match response.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if bytes.len() > MAX_HEAD => {
            return Err(malformed("a head over 64 KiB"));
        }
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(malformed(error)),
    };
    let status = response.code.unwrap_or_default();
    let mut head = Head {
        status,
        length,
        framing: Framing::UntilClose,
        keep_alive: response.version == Some(1),
        retry_after: None,
    };
    for header in response.headers.iter() {
        let value = std::str::from_utf8(header.value).unwrap_or_default().trim();
        if header.name.eq_ignore_ascii_case("content-length") {
            if head.framing != Framing::Chunked {
                let length = value.parse().map_err(|_| malformed("a content-length that is no number"))?;
                head.framing = Framing::Length(length);
            }
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            if value.to_ascii_lowercase().ends_with("chunked") {
                head.framing = Framing::Chunked;
            }
        } else if header.name.eq_ignore_ascii_case("connection") {
            if value.eq_ignore_ascii_case("close") {
                head.keep_alive = false;
            } else if value.eq_ignore_ascii_case("keep-alive") {
                head.keep_alive = true;
            }
        } else if header.name.eq_ignore_ascii_case("retry-after") {
            head.retry_after = retry_after(value, clock::now());
        }
    }
    if matches!(status, 100..=199 | 204 | 304) {
        head.framing = Framing::Length(0);
    }
    head.keep_alive &= head.framing != Framing::UntilClose;
    Ok(Some(head))
}

/// `Retry-After` in either of its forms: seconds, or a date. A date that is past is now.
fn retry_after(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = DateTime::parse_from_rfc2822(value).ok()?;
    Some((at.with_timezone(&Utc) - now).to_std().unwrap_or_default())
}

/// Takes a body's bytes as they come and hands on its data.
#[derive(Debug)]
pub(super) struct BodyDecoder {
    state: State,
    /// A chunk-size line that came in pieces.
    line: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Length(u64),
    UntilClose,
    ChunkSize,
    ChunkData(u64),
    ChunkEnd,
    Trailer,
    Done,
}

impl BodyDecoder {
    pub(super) fn new() -> Self {
        Self { state: State::Done, line: Vec::new() }
    }

    /// Ready for a body.
    pub(super) fn start(&mut self, framing: Framing) {
        self.line.clear();
        self.state = match framing {
            Framing::Length(0) => State::Done,
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::ChunkSize,
            Framing::UntilClose => State::UntilClose,
        };
    }

    /// Whether the body has ended in good order.
    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Whether a close ends this body in good order.
    pub(super) fn ends_with_close(&self) -> bool {
        self.state == State::UntilClose
    }

    /// Takes the next bytes and hands on the data in them, in order. Bytes after the body's end are dropped:
    /// nobody asked for them.
    pub(super) fn feed(
        &mut self,
        mut bytes: &[u8],
        mut on_data: impl FnMut(&[u8]) -> Result<(), RequestError>,
    ) -> Result<(), RequestError> {
        while !bytes.is_empty() {
            match self.state {
                State::Done => return Ok(()),
                State::UntilClose => return on_data(bytes),
                State::Length(left) => {
                    let (data, rest) = split(bytes, left);
                    on_data(data)?;
                    bytes = rest;
                    let left = left - data.len() as u64;
                    self.state = if left == 0 { State::Done } else { State::Length(left) };
                }
                State::ChunkData(left) => {
                    let (data, rest) = split(bytes, left);
                    on_data(data)?;
                    bytes = rest;
                    let left = left - data.len() as u64;
                    self.state = if left == 0 { State::ChunkEnd } else { State::ChunkData(left) };
                }
                State::ChunkSize | State::ChunkEnd | State::Trailer => bytes = self.line(bytes)?,
            }
        }
        Ok(())
    }

    /// Takes one framing line, or what there is of it.
    fn line<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], RequestError> {
        let Some(end) = memchr::memchr(b'\n', bytes) else {
            self.line.extend_from_slice(bytes);
            return if self.line.len() > MAX_LINE {
                Err(malformed("an endless chunk line"))
            } else {
                Ok(&[])
            };
        };
        self.state = if self.line.is_empty() {
            next_state(self.state, &bytes[..end])?
        } else {
            self.line.extend_from_slice(&bytes[..end]);
            let state = next_state(self.state, &self.line)?;
            self.line.clear();
            state
        };
        Ok(&bytes[end + 1..])
    }
}

fn split(bytes: &[u8], at: u64) -> (&[u8], &[u8]) {
    bytes.split_at(usize::try_from(at).map_or(bytes.len(), |at| at.min(bytes.len())))
}

fn next_state(state: State, line: &[u8]) -> Result<State, RequestError> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match state {
        State::ChunkEnd if line.is_empty() => Ok(State::ChunkSize),
        State::ChunkEnd => Err(malformed("a chunk longer than its size")),
        State::Trailer if line.is_empty() => Ok(State::Done),
        State::Trailer => Ok(State::Trailer),
        _ => match chunk_size(line) {
            Some(0) => Ok(State::Trailer),
            Some(size) => Ok(State::ChunkData(size)),
            None => Err(malformed("a chunk size that is no number")),
        },
    }
}

fn chunk_size(line: &[u8]) -> Option<u64> {
    let size = line.split(|byte| *byte == b';').next()?.trim_ascii();
    if size.is_empty() || size.len() > 15 {
        return None;
    }
    size.iter().try_fold(0, |sum, digit| Some(sum * 16 + u64::from((*digit as char).to_digit(16)?)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(framing: Framing, reads: &[&[u8]]) -> Result<(Vec<u8>, bool), RequestError> {
        let mut decoder = BodyDecoder::new();
        decoder.start(framing);
        let mut data = Vec::new();
        for read in reads {
            decoder.feed(read, |bytes| {
                data.extend_from_slice(bytes);
                Ok(())
            })?;
        }
        Ok((data, decoder.is_done()))
    }

    #[test]
    fn a_head_says_how_its_body_ends() {
        let head = |text: &str| parse_head(text.as_bytes()).unwrap().unwrap();
        let chunked = head("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n");
        assert_eq!((chunked.framing, chunked.keep_alive), (Framing::Chunked, true));
        let busy =
            head("HTTP/1.1 429 Busy\r\nretry-after: 7\r\nConnection: close\r\ncontent-length: 3\r\n\r\n");
        assert_eq!(
            (busy.framing, busy.keep_alive, busy.retry_after),
            (Framing::Length(3), false, Some(Duration::from_secs(7)))
        );
        let bare = head("HTTP/1.1 200 OK\r\n\r\n");
        assert_eq!((bare.framing, bare.keep_alive), (Framing::UntilClose, false));
        assert_eq!(head("HTTP/1.1 100 Continue\r\n\r\n").framing, Framing::Length(0));
        assert_eq!(parse_head(b"HTTP/1.1 200 OK\r\nContent-"), Ok(None));
        assert_eq!(parse_head(b"SSH-2.0-OpenSSH_9.2\r\n").unwrap_err().code, ErrorCode::MalformedHttp);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = "2026-11-24T08:00:00Z".parse().unwrap();
        assert_eq!(retry_after("7", now), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Tue, 24 Nov 2026 08:00:09 GMT", now), Some(Duration::from_secs(9)));
        assert_eq!(retry_after("Tue, 24 Nov 2026 07:00:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(retry_after("soon", now), None);
    }

    #[test]
    fn chunks_with_extensions_and_trailers_are_taken_and_nonsense_is_not() {
        let body = b"5;x=y\r\nhello\r\n3\r\n, w\r\n0\r\nX-T: 1\r\n\r\n";
        assert_eq!(decode(Framing::Chunked, &[body]), Ok((b"hello, w".to_vec(), true)));
        assert!(decode(Framing::Chunked, &[b"zz\r\n"]).is_err());
        assert!(decode(Framing::Chunked, &[b"2\r\nabc\r\n"]).is_err());
        assert_eq!(decode(Framing::Length(3), &[b"ab"]), Ok((b"ab".to_vec(), false)), "cut short");
    }

    proptest! {
        #[test]
        fn chunks_split_anywhere_give_the_same_data(
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..6),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
        ) {
            let mut wire = Vec::new();
            for part in &parts {
                wire.extend(format!("{:x}\r\n", part.len()).into_bytes());
                wire.extend(part);
                wire.extend(b"\r\n");
            }
            wire.extend(b"0\r\n\r\n");
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(wire.len())).collect();
            at.extend([0, wire.len()]);
            at.sort_unstable();
            let reads: Vec<&[u8]> = at.windows(2).map(|pair| &wire[pair[0]..pair[1]]).collect();
            prop_assert_eq!(decode(Framing::Chunked, &reads), Ok((parts.concat(), true)));
        }
    }
}
