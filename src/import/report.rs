//! What an import took, what was there already, and what it left out and why.

use std::collections::BTreeMap;

use serde::Serialize;

/// What became of one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is new, or newer than what an earlier import took.
    Taken,
    /// It was there already.
    Unchanged,
    /// There is one that was made here, or changed since; it stays as it is.
    Kept,
}

/// What became of the things of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Part {
    /// New, or newer than what an earlier import took.
    pub taken: u64,
    /// There already.
    pub unchanged: u64,
    /// Made here, or changed since, and left as they are.
    pub kept: u64,
    /// Left out; [`Report::skipped`] says why.
    pub skipped: u64,
}

/// One thing that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// What kind of thing.
    pub part: &'static str,
    /// Which one.
    pub what: String,
    /// Why.
    pub why: String,
}

/// What an import came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// By kind: `runs`, `results`, `users`, …
    pub parts: BTreeMap<&'static str, Part>,
    /// Everything that was left out, in the order it was met.
    pub skipped: Vec<Skipped>,
}

impl Report {
    /// Counts one thing.
    pub fn count(&mut self, part: &'static str, outcome: Outcome) {
        self.count_all(part, outcome, 1);
    }

    /// Counts so many that fared alike.
    pub fn count_all(&mut self, part: &'static str, outcome: Outcome, things: u64) {
        let counts = self.parts.entry(part).or_default();
        match outcome {
            Outcome::Taken => counts.taken += things,
            Outcome::Unchanged => counts.unchanged += things,
            Outcome::Kept => counts.kept += things,
        }
    }

    /// Leaves one thing out.
    pub fn skip(&mut self, part: &'static str, what: impl Into<String>, why: impl Into<String>) {
        self.parts.entry(part).or_default().skipped += 1;
        self.skipped.push(Skipped { part, what: what.into(), why: why.into() });
    }

    /// Whether nothing was left to do.
    #[must_use]
    pub fn changed_nothing(&self) -> bool {
        self.parts.values().all(|part| part.taken == 0)
    }
}
