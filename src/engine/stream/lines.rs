//! Lines out of bytes that arrive in any pieces: borrowed where whole, gathered where split.

use super::{MAX_EVENT_BYTES, ParseError};

/// What came of a line so far.
#[derive(Debug, Default)]
pub(super) struct Lines {
    partial: Vec<u8>,
}

fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

impl Lines {
    /// Hands on each complete line (without its LF or CRLF) with the bytes that follow it in this read.
    pub(super) fn feed(
        &mut self,
        mut bytes: &[u8],
        mut on_line: impl FnMut(&[u8], &[u8]) -> Result<(), ParseError>,
    ) -> Result<(), ParseError> {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
            if self.partial.is_empty() {
                on_line(without_cr(line), rest)?;
            } else {
                self.partial.extend_from_slice(line);
                let result = on_line(without_cr(&self.partial), rest);
                self.partial.clear();
                result?;
            }
            bytes = rest;
        }
        self.partial.extend_from_slice(bytes);
        if self.partial.len() > MAX_EVENT_BYTES { Err(ParseError::TooLong) } else { Ok(()) }
    }

    /// The end: what is left is a line.
    pub(super) fn finish(
        &mut self,
        mut on_line: impl FnMut(&[u8]) -> Result<(), ParseError>,
    ) -> Result<(), ParseError> {
        if self.partial.is_empty() {
            return Ok(());
        }
        let result = on_line(without_cr(&self.partial));
        self.partial.clear();
        result
    }

    pub(super) fn reset(&mut self) {
        self.partial.clear();
    }
}
