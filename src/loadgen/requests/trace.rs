//! Replay of a trace as Mooncake publishes them: JSON Lines of `{"timestamp": ms, "input_length": n,
//! "output_length": n, "hash_ids": […]}`. Equal hash ids are equal blocks of a prompt, so prefixes are shared as they
//! were.

use std::sync::Arc;

use serde::Deserialize;

use super::{Asked, FileError, Number, Source, read_lines};
use crate::loadgen::{PromptSet, random::SplitMix};

/// Tokens that a hash id stands for in Mooncake's traces.
pub const MOONCAKE_BLOCK_TOKENS: u32 = 512;
/// Longest prompt or answer that is believed.
const MAX_TOKENS: u32 = 1_000_000;
/// Longest trace that is believed, ms: a week.
const MAX_MS: f64 = 7.0 * 86_400_000.0;

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Entry {
    /// ms.
    timestamp: f64,
    input_length: u32,
    output_length: u32,
    #[serde(default)]
    hash_ids: Vec<u64>,
}

/// A trace: when each request came, how long it was, and what its beginning shared with others.
#[derive(Debug, Clone)]
pub struct Trace {
    entries: Vec<Entry>,
    block_tokens: u32,
    prompts: PromptSet,
}

impl Trace {
    /// Reads a trace's text; `prompts` gives the words. A hash id stands for `block_tokens` tokens. What comes
    /// `seconds` or more after the first request is left out.
    ///
    /// # Errors
    /// With the line that isn't as it should be; timestamps must not go backward.
    pub fn parse(
        text: &str,
        block_tokens: u32,
        seconds: Option<f64>,
        prompts: PromptSet,
    ) -> Result<Self, FileError> {
        let lines = read_lines::<Entry>(text)?;
        let first = lines.first().map_or(0.0, |(_, entry)| entry.timestamp);
        let mut last = first;
        let mut entries = Vec::with_capacity(lines.len());
        for (line, mut entry) in lines {
            let lengths = [("input_length", entry.input_length), ("output_length", entry.output_length)];
            for (name, tokens) in lengths {
                if !(1..=MAX_TOKENS).contains(&tokens) {
                    return Err(FileError::line(line, format!("{name} must be from 1 to {MAX_TOKENS}")));
                }
            }
            if entry.timestamp < last {
                return Err(FileError::line(line, "its timestamp is before that of the line above"));
            }
            last = entry.timestamp;
            entry.timestamp -= first;
            if entry.timestamp > MAX_MS {
                return Err(FileError::line(
                    line,
                    "it is more than a week after the first; timestamps are ms",
                ));
            }
            entries.push(entry);
        }
        if let Some(seconds) = seconds {
            entries.retain(|entry| entry.timestamp < seconds * 1_000.0);
        }
        if entries.is_empty() {
            return Err(FileError::line(1, "the file holds no request"));
        }
        Ok(Self { entries, block_tokens: block_tokens.max(1), prompts })
    }

    /// The same trace in the words of another set.
    #[must_use]
    pub fn with_prompts(self, prompts: PromptSet) -> Self {
        Self { prompts, ..self }
    }

    /// Requests in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Never: an empty trace is refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// When each request is sent, µs since the first.
    #[must_use]
    pub fn schedule(&self) -> Arc<[u64]> {
        self.entries.iter().map(|entry| (entry.timestamp * 1_000.0).round() as u64).collect()
    }
}

impl Source for Trace {
    fn write(&self, number: Number, into: &mut String) -> Asked {
        into.clear();
        let index = (number.index % self.entries.len().max(1) as u64) as usize;
        let Some(entry) = self.entries.get(index) else { return Asked::default() };
        let mut left = self.prompts.words_for(entry.input_length);
        let block_words = self.prompts.words_in(self.block_tokens);
        for id in &entry.hash_ids {
            let words = block_words.min(left);
            self.prompts.append_words(self.prompts.seed() ^ SplitMix(*id).next(), words, into);
            left -= words;
        }
        if left > 0 {
            self.prompts.append_prompt(PromptSet::number(number.block, number.index), left, into);
        }
        Asked { prompt_tokens: entry.input_length, output_tokens: Some(entry.output_length) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loadgen::Calibration;

    fn trace(text: &str) -> Result<Trace, FileError> {
        let prompts = PromptSet::new(42, 16, &Calibration::word_is_token());
        Trace::parse(text, 8, None, prompts)
    }

    fn prompt(trace: &Trace, index: u64) -> Vec<String> {
        let mut text = String::new();
        let asked = trace.write(Number { block: 0, index, turn: 0 }, &mut text);
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        assert_eq!(words.len() as u32, asked.prompt_tokens);
        words
    }

    #[test]
    fn equal_hash_ids_are_equal_blocks_and_the_rest_differs() {
        let trace = trace(
            "{\"timestamp\": 1000, \"input_length\": 20, \"output_length\": 4, \"hash_ids\": [0, 7]}\n\
             {\"timestamp\": 1000.5, \"input_length\": 24, \"output_length\": 5, \"hash_ids\": [0, 7, 9]}\n\
             {\"timestamp\": 3000, \"input_length\": 12, \"output_length\": 6, \"hash_ids\": [0, 8]}\n\
             {\"timestamp\": 3000, \"input_length\": 12, \"output_length\": 6}",
        )
        .unwrap();
        let all: Vec<_> = (0..4).map(|index| prompt(&trace, index)).collect();
        assert_eq!(all[0][..16], all[1][..16], "two blocks of 8");
        assert_eq!(all[0][..8], all[2][..8]);
        assert_ne!(all[0][8..12], all[2][8..12]);
        assert_ne!(all[0][16..], all[1][16..20]);
        assert_ne!(all[2][..8], all[3][..8]);
        assert_eq!(*trace.schedule(), [0, 500, 2_000_000, 2_000_000]);
    }

    #[test]
    fn a_bad_line_is_named() {
        let good = "{\"timestamp\": 5, \"input_length\": 20, \"output_length\": 4}\n";
        for (line, said) in [
            (
                "{\"timestamp\": 4, \"input_length\": 20, \"output_length\": 4}",
                "line 2: its timestamp is before",
            ),
            ("{\"timestamp\": 6, \"input_length\": 0, \"output_length\": 4}", "line 2: input_length"),
            ("{\"timestamp\": 6, \"input_length\": 9}", "line 2: missing field `output_length`"),
            ("{\"timestamp\": \"six\"}", "line 2: invalid type"),
            (
                "{\"timestamp\": 1e12, \"input_length\": 9, \"output_length\": 4}",
                "line 2: it is more than a week",
            ),
        ] {
            let error = trace(&format!("{good}{line}")).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        assert!(trace("\n").unwrap_err().to_string().contains("no request"));
    }

    #[test]
    fn a_trace_may_be_cut_short() {
        let line = |at: u32| format!("{{\"timestamp\": {at}, \"input_length\": 2, \"output_length\": 4}}\n");
        let text: String = [100, 600, 1100, 1600].into_iter().map(line).collect();
        let prompts = PromptSet::new(42, 16, &Calibration::word_is_token());
        assert_eq!(Trace::parse(&text, 512, Some(1.0), prompts).unwrap().len(), 2);
    }
}
