//! How a request fails: one stable code for each way.

use std::{fmt, io, time::Duration};

/// Longest sample of an error that is kept, characters.
const MAX_SAMPLE_CHARS: usize = 200;
/// So many characters in common with the prompt are a repetition of it.
const REPEATED_CHARS: usize = 12;

/// The way a request failed. Its `Display` is the code in records and results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorCode {
    /// Nobody listens there.
    ConnectRefused,
    /// The connection didn't come about in time.
    ConnectTimeout,
    /// The connection didn't come about for another reason (unreachable, out of ports or descriptors).
    Connect,
    /// The server's certificate or its TLS isn't acceptable.
    Tls,
    /// The connection was reset, or closed before any byte of the answer.
    Reset,
    /// The server answered with this status.
    Http(u16),
    /// The answer didn't end within the request's time limit.
    Timeout,
    /// The answer isn't HTTP/1.1.
    MalformedHttp,
    /// The body isn't a stream of the engine's format.
    MalformedStream,
    /// The body ended in good order without a single piece of an answer.
    EmptyStream,
    /// The body ended before its end.
    TruncatedStream,
    /// The request could not be encoded: our own fault.
    Encoding,
    /// The engine put an error into a stream that began well.
    StreamError,
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConnectRefused => "connect_refused",
            Self::ConnectTimeout => "connect_timeout",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Reset => "reset",
            Self::Http(status) => return write!(f, "http_{status}"),
            Self::Timeout => "timeout",
            Self::MalformedHttp => "malformed_http",
            Self::MalformedStream => "malformed_stream",
            Self::EmptyStream => "empty_stream",
            Self::TruncatedStream => "truncated_stream",
            Self::Encoding => "encoding",
            Self::StreamError => "stream_error",
        })
    }
}

/// A failed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestError {
    pub(crate) code: ErrorCode,
    /// What the server or the system said, short and without secrets.
    pub(crate) sample: String,
    /// How long the server asked us to stay away.
    pub(crate) retry_after: Option<Duration>,
}

impl RequestError {
    pub(crate) fn new(code: ErrorCode, said: impl fmt::Display) -> Self {
        Self { code, sample: sample(&said.to_string()), retry_after: None }
    }

    /// The same error without this secret in what was said: servers like to repeat a wrong key.
    pub(crate) fn without(mut self, secret: Option<&str>) -> Self {
        if let Some(secret) = secret.filter(|secret| !secret.is_empty()) {
            self.sample = self.sample.replace(secret, "***");
        }
        self
    }

    /// The same error without what it repeats of the prompt.
    pub(crate) fn without_prompt(mut self, prompt: &str) -> Self {
        let mut kept = String::new();
        let mut rest = self.sample.as_str();
        while let Some(first) = rest.chars().next() {
            let mut repeated = rest
                .char_indices()
                .map(|(at, c)| at + c.len_utf8())
                .skip(REPEATED_CHARS - 1)
                .take_while(|end| prompt.contains(&rest[..*end]));
            let end = repeated.by_ref().last();
            let taken = end.unwrap_or(first.len_utf8());
            kept.push_str(if end.is_some() { "…" } else { &rest[..taken] });
            rest = &rest[taken..];
        }
        self.sample = kept;
        self
    }

    /// An error while connecting.
    pub(crate) fn connecting(error: &io::Error) -> Self {
        let code = match error.kind() {
            io::ErrorKind::ConnectionRefused => ErrorCode::ConnectRefused,
            io::ErrorKind::TimedOut => ErrorCode::ConnectTimeout,
            _ => ErrorCode::Connect,
        };
        Self::new(code, error)
    }

    /// An error while reading or writing.
    pub(crate) fn transfer(error: &io::Error) -> Self {
        let code = match error.kind() {
            io::ErrorKind::UnexpectedEof => ErrorCode::TruncatedStream,
            io::ErrorKind::InvalidData => ErrorCode::Tls,
            _ => ErrorCode::Reset,
        };
        Self::new(code, error)
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.sample)
    }
}

/// One line of at most 200 characters, without control characters.
fn sample(text: &str) -> String {
    let mut out = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    match out.char_indices().nth(MAX_SAMPLE_CHARS) {
        Some((at, _)) => format!("{}…", &out[..at]),
        None => out,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_one_short_line() {
        let error = RequestError::new(ErrorCode::Http(503), format!("busy\r\n\u{1b}[31m{}", "x".repeat(900)));
        assert!(error.sample.starts_with("busy [31mxxx"), "{}", error.sample);
        assert_eq!(error.sample.chars().count(), MAX_SAMPLE_CHARS + 1);
        assert_eq!(error.code.to_string(), "http_503");
    }

    #[test]
    fn what_repeats_the_prompt_is_taken_out_of_a_sample() {
        let prompt = "k3f9 apple river stone cloud über garden";
        let said = |text: &str| RequestError::new(ErrorCode::Http(400), text).without_prompt(prompt).sample;
        assert_eq!(said("prompt 'k3f9 apple river stone' is too long"), "prompt '…' is too long");
        assert_eq!(said("cloud über garden"), "…");
        assert_eq!(said("no river here"), "no river here");
        assert_eq!(RequestError::new(ErrorCode::Reset, "reset").without_prompt("").sample, "reset");
    }

    #[test]
    fn a_repeated_key_is_taken_out_of_a_sample() {
        let error = RequestError::new(ErrorCode::Http(401), "incorrect API key: sk-12345");
        assert_eq!(error.without(Some("sk-12345")).sample, "incorrect API key: ***");
    }
}
