//! What a load asks for: the text and the output length of each request, by its number.
//!
//! A source is asked from several threads, in any order, and always gives the same answer for the same number. It must
//! not know engines, connections or times.

mod dataset;
mod lengths;
mod synthetic;
mod trace;

use std::{fmt, sync::Arc};

pub use dataset::Dataset;
pub use lengths::Lengths;
pub use synthetic::{SharedPrefix, Synthetic};
pub use trace::{MOONCAKE_BLOCK_TOKENS, Trace};

use super::PromptSet;

/// Which request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    /// The level's block of numbers; below 4096.
    pub block: u64,
    /// The conversation's number inside it; in an open loop the arrival's.
    pub index: u64,
    /// The turn of the conversation, from 0.
    pub turn: u32,
}

/// What a request asks for, beside its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Asked {
    /// Tokens its prompt was built to have; 0: not known.
    pub prompt_tokens: u32,
    /// Output length, tokens; `None`: the plan's.
    pub output_tokens: Option<u32>,
}

/// Where requests come from.
pub trait Source: fmt::Debug + Send + Sync {
    /// Writes a request's prompt into a buffer that is used again.
    fn write(&self, number: Number, into: &mut String) -> Asked;

    /// Turns of this conversation, at least 1. A closed loop sends them one after another on one stream; an open loop
    /// sends the first.
    fn turns(&self, index: u64) -> u32 {
        let _ = index;
        1
    }
}

/// A source that a level's threads share.
#[derive(Debug, Clone)]
pub struct Requests(Arc<dyn Source>);

impl Requests {
    pub(super) fn source(&self) -> &dyn Source {
        &*self.0
    }
}

impl<S: Source + 'static> From<Arc<S>> for Requests {
    fn from(source: Arc<S>) -> Self {
        Self(source)
    }
}

impl From<&PromptSet> for Requests {
    fn from(prompts: &PromptSet) -> Self {
        Self(Arc::new(prompts.clone()))
    }
}

/// Prompts of one length, all different.
impl Source for PromptSet {
    fn write(&self, number: Number, into: &mut String) -> Asked {
        self.write_prompt(number.block, number.index, into);
        Asked { prompt_tokens: self.tokens(), output_tokens: None }
    }
}

/// Why a file of requests can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct FileError {
    /// `line 7` or `entry 7`.
    pub place: String,
    /// What is wrong there.
    pub reason: String,
}

impl FileError {
    fn line(number: usize, reason: impl fmt::Display) -> Self {
        Self { place: format!("line {number}"), reason: reason.to_string() }
    }
}

/// Reads JSON Lines, each with its number; blank lines are skipped.
fn read_lines<T: serde::de::DeserializeOwned>(text: &str) -> Result<Vec<(usize, T)>, FileError> {
    let mut all = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        // serde_json says "at line 1 column n" of the line it was given.
        let entry = serde_json::from_str(line).map_err(|error| {
            let reason = error.to_string();
            let reason = reason.split(" at line ").next().unwrap_or(&reason).to_owned();
            FileError::line(index + 1, format!("{reason} (column {})", error.column()))
        })?;
        all.push((index + 1, entry));
    }
    Ok(all)
}
