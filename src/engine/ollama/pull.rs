//! The stream of a pull: NDJSON whose status is 200 whatever happens, so that failure and success are lines of it.

use std::collections::HashMap;

use serde::Deserialize;

use crate::engine::{OnPullProgress, PullProgress};

/// Longest line that is read.
const MAX_LINE_BYTES: usize = 1 << 20;

/// Why a pull didn't succeed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// Ollama said so, in these words.
    Refused(String),
    /// What came isn't Ollama's stream, or not all of it.
    Malformed,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Line {
    status: String,
    digest: Option<String>,
    total: Option<u64>,
    completed: Option<u64>,
    error: Option<String>,
}

/// Reads the stream as it comes, in pieces of any size.
#[derive(Default)]
pub(super) struct PullStream {
    rest: Vec<u8>,
    /// Total and completed bytes of each layer.
    layers: HashMap<String, (u64, u64)>,
    succeeded: bool,
}

impl PullStream {
    /// Takes the next piece.
    pub(super) fn feed(&mut self, piece: &[u8], on_progress: OnPullProgress<'_>) -> Result<(), Broken> {
        self.rest.extend_from_slice(piece);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            self.line(&line, on_progress)?;
        }
        if self.rest.len() > MAX_LINE_BYTES { Err(Broken::Malformed) } else { Ok(()) }
    }

    /// The stream ended: the model's size in bytes, `None` when nothing was listed.
    pub(super) fn finish(mut self, on_progress: OnPullProgress<'_>) -> Result<Option<u64>, Broken> {
        let last = std::mem::take(&mut self.rest);
        self.line(&last, on_progress)?;
        if self.succeeded { Ok(self.total_bytes()) } else { Err(Broken::Malformed) }
    }

    fn line(&mut self, line: &[u8], on_progress: OnPullProgress<'_>) -> Result<(), Broken> {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        let line: Line = serde_json::from_slice(line).map_err(|_| Broken::Malformed)?;
        if let Some(error) = line.error {
            return Err(Broken::Refused(error));
        }
        self.succeeded |= line.status == "success";
        if let (Some(digest), Some(total)) = (line.digest, line.total) {
            // The first line of a layer has no `completed`.
            self.layers.insert(digest, (total, line.completed.unwrap_or(0).min(total)));
        }
        let completed_bytes =
            (!self.layers.is_empty()).then(|| self.layers.values().map(|(_, completed)| completed).sum());
        on_progress(PullProgress { status: line.status, total_bytes: self.total_bytes(), completed_bytes });
        Ok(())
    }

    fn total_bytes(&self) -> Option<u64> {
        (!self.layers.is_empty()).then(|| self.layers.values().map(|(total, _)| total).sum())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RECORDED: &[u8] =
        include_bytes!("../../../tests/fixtures/engines/ollama-0.11.11-pull-excerpt.ndjson");

    fn read(pieces: &[&[u8]]) -> Result<Option<u64>, Broken> {
        let mut stream = PullStream::default();
        for piece in pieces {
            stream.feed(piece, &|_| ())?;
        }
        stream.finish(&|_| ())
    }

    proptest! {
        #[test]
        fn splitting_the_stream_anywhere_changes_nothing(at in 0..RECORDED.len(), then in 0..RECORDED.len()) {
            let (from, to) = (at.min(then), at.max(then));
            let pieces = [&RECORDED[..from], &RECORDED[from..to], &RECORDED[to..]];
            prop_assert_eq!(read(&pieces), Ok(Some(98_363_037)));
        }

        #[test]
        fn cutting_the_stream_before_its_last_line_is_never_a_success(at in 0..RECORDED.len() - 22) {
            prop_assert_eq!(read(&[&RECORDED[..at]]), Err(Broken::Malformed));
        }
    }

    #[test]
    fn a_line_that_never_ends_is_given_up() {
        let mut stream = PullStream::default();
        let piece = vec![b'x'; 1 << 19];
        assert!((0..3).any(|_| stream.feed(&piece, &|_| ()).is_err()));
    }
}
