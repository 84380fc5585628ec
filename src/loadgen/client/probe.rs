//! What fuzz targets and the replay of their corpus reach of the client: an answer's bytes, without a socket.

use super::body::{BodyDecoder, parse_head};

/// What became of an answer's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status, and bytes of the head.
    pub head: Option<(u16, usize)>,
    /// The body's data, as far as it came.
    pub data: Vec<u8>,
    /// Whether the body came to its end.
    pub is_done: bool,
    /// Code of the error, where it isn't an answer.
    pub error: Option<String>,
}

/// Reads an answer whose body comes in reads of this size.
#[must_use]
pub fn answer(bytes: &[u8], read: usize) -> Answer {
    let mut answer = Answer { head: None, data: Vec::new(), is_done: false, error: None };
    let head = match parse_head(bytes) {
        Ok(Some(head)) => head,
        Ok(None) => return answer,
        Err(error) => {
            answer.error = Some(error.code.to_string());
            return answer;
        }
    };
    answer.head = Some((head.status, head.length));
    let mut decoder = BodyDecoder::new();
    decoder.start(head.framing);
    for bytes in bytes[head.length..].chunks(read.max(1)) {
        let result = decoder.feed(bytes, |data| {
            answer.data.extend_from_slice(data);
            Ok(())
        });
        if let Err(error) = result {
            answer.error = Some(error.code.to_string());
            return answer;
        }
    }
    answer.is_done = decoder.is_done();
    answer
}
