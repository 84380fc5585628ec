//! Server-sent events, incrementally: bytes as they arrive in, the data of each event out.
//!
//! Lines end in LF or CRLF. Data is borrowed where an event lies in one read, and gathered in a buffer that is
//! used again where it doesn't. It knows nothing of what the data means.

use super::{MAX_EVENT_BYTES, ParseError, lines::Lines};

/// The data of one event, and whether the event (or its field) was named `error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SseEvent<'a> {
    pub(super) data: &'a [u8],
    pub(super) is_error: bool,
}

/// The parser's state between reads.
#[derive(Debug, Default)]
pub(super) struct Sse {
    lines: Lines,
    fields: Fields,
}

#[derive(Debug, Default)]
struct Fields {
    data: Vec<u8>,
    has_data: bool,
    is_error: bool,
}

impl Sse {
    /// Takes the next bytes and hands on each event they complete.
    pub(super) fn feed(
        &mut self,
        bytes: &[u8],
        mut on_event: impl FnMut(SseEvent<'_>) -> Result<(), ParseError>,
    ) -> Result<(), ParseError> {
        let Self { lines, fields } = self;
        lines.feed(bytes, |line, rest| fields.line(line, rest, &mut on_event))
    }

    /// The stream's end: an event without its blank line still counts.
    pub(super) fn finish(
        &mut self,
        mut on_event: impl FnMut(SseEvent<'_>) -> Result<(), ParseError>,
    ) -> Result<(), ParseError> {
        let Self { lines, fields } = self;
        lines.finish(|line| fields.line(line, b"", &mut on_event))?;
        fields.dispatch(&mut on_event)
    }

    pub(super) fn reset(&mut self) {
        self.lines.reset();
        self.fields.clear();
    }
}

impl Fields {
    fn clear(&mut self) {
        self.data.clear();
        self.has_data = false;
        self.is_error = false;
    }

    fn line(
        &mut self,
        line: &[u8],
        rest: &[u8],
        on_event: &mut impl FnMut(SseEvent<'_>) -> Result<(), ParseError>,
    ) -> Result<(), ParseError> {
        if line.is_empty() {
            return self.dispatch(on_event);
        }
        let colon = memchr::memchr(b':', line);
        let (name, value) = colon.map_or((line, &b""[..]), |at| (&line[..at], &line[at + 1..]));
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            // The usual event is one data line and its blank line in one read: no copy.
            b"data" if !self.has_data && (rest.starts_with(b"\n") || rest.starts_with(b"\r\n")) => {
                let is_error = std::mem::take(&mut self.is_error);
                on_event(SseEvent { data: value, is_error })
            }
            b"data" => self.append(value),
            b"event" => {
                self.is_error = value == b"error";
                Ok(())
            }
            // Older llama.cpp servers put the error object in a field of its own.
            b"error" => {
                self.is_error = true;
                self.append(value)
            }
            // Comments (`: ping`), `id`, `retry` and unknown fields.
            _ => Ok(()),
        }
    }

    fn append(&mut self, value: &[u8]) -> Result<(), ParseError> {
        if self.has_data {
            self.data.push(b'\n');
        }
        self.has_data = true;
        self.data.extend_from_slice(value);
        if self.data.len() > MAX_EVENT_BYTES { Err(ParseError::TooLong) } else { Ok(()) }
    }

    fn dispatch(
        &mut self,
        on_event: &mut impl FnMut(SseEvent<'_>) -> Result<(), ParseError>,
    ) -> Result<(), ParseError> {
        let result = if self.has_data {
            on_event(SseEvent { data: &self.data, is_error: self.is_error })
        } else {
            Ok(())
        };
        self.clear();
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(reads: &[&[u8]]) -> Vec<(String, bool)> {
        let mut sse = Sse::default();
        let mut seen = Vec::new();
        let mut keep = |event: SseEvent<'_>| {
            seen.push((String::from_utf8(event.data.to_vec()).unwrap(), event.is_error));
            Ok(())
        };
        for read in reads {
            sse.feed(read, &mut keep).unwrap();
        }
        sse.finish(&mut keep).unwrap();
        seen
    }

    fn data(text: &str) -> (String, bool) {
        (text.to_owned(), false)
    }

    #[test]
    fn crlf_comments_and_other_fields_do_not_matter() {
        assert_eq!(events(&[b": ping\r\nid: 7\r\ndata: a\r\n\r\ndata:b\n\n"]), [data("a"), data("b")]);
    }

    #[test]
    fn several_data_lines_are_one_event() {
        assert_eq!(events(&[b"data: {\ndata: }\n\n"]), [data("{\n}")]);
    }

    #[test]
    fn a_crlf_split_between_reads_is_one_line_end() {
        assert_eq!(events(&[b"data: a\r", b"\n\r", b"\ndata: b\r\n", b"\r\n"]), [data("a"), data("b")]);
    }

    #[test]
    fn an_event_cut_off_before_its_blank_line_still_counts() {
        assert_eq!(events(&[b"data: a\n\nda", b"ta: b"]), [data("a"), data("b")]);
    }

    #[test]
    fn errors_are_told_apart_by_event_name_or_by_field() {
        let expected = [("x".to_owned(), true), data("y"), ("z".to_owned(), true)];
        assert_eq!(events(&[b"event: error\ndata: x\n\ndata: y\n\nerror: z\n\n"]), expected);
    }

    #[test]
    fn an_event_without_end_is_refused_and_not_kept_in_memory() {
        let mut sse = Sse::default();
        let chunk = vec![b'x'; 65_536];
        let result = (0..64).try_for_each(|_| sse.feed(&chunk, |_| Ok(())));
        assert_eq!(result, Err(ParseError::TooLong));
    }
}
