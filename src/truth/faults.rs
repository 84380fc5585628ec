//! Scripted faults: what the next generation requests suffer, for tests of whoever talks to an engine.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "fault")]
pub enum FaultKind {
    /// This status and a JSON error instead of an answer.
    Status {
        /// HTTP status, e.g. 429, 500, 503.
        status: u16,
        /// `Retry-After`, seconds.
        #[serde(default)]
        retry_after_s: Option<u32>,
    },
    /// The connection is reset (RST) after so many tokens.
    Reset {
        /// Tokens written before it.
        #[serde(default)]
        after_tokens: u32,
    },
    /// The connection is closed without the body's end after so many tokens.
    Truncate {
        /// Tokens written before it.
        #[serde(default)]
        after_tokens: u32,
    },
    /// Something that is no JSON comes in the stream after so many tokens.
    Malformed {
        /// Tokens written before it.
        #[serde(default)]
        after_tokens: u32,
    },
    /// An error object comes in the stream after so many tokens.
    Error {
        /// Tokens written before it.
        #[serde(default)]
        after_tokens: u32,
    },
    /// Nothing more comes after so many tokens, and the connection stays open until the client leaves.
    Stall {
        /// Tokens written before it.
        #[serde(default)]
        after_tokens: u32,
    },
    /// A 200 whose body is empty.
    Empty,
    /// A right answer, after which the connection is closed though keep-alive was promised.
    CloseAfter,
}

/// A fault and how many requests it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Requests that suffer it.
    #[serde(default = "one")]
    pub next: u32,
    /// What they suffer.
    #[serde(flatten)]
    pub kind: FaultKind,
}

const fn one() -> u32 {
    1
}

/// The faults to come, in the order they were scripted.
#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<VecDeque<Fault>>);

impl Faults {
    pub(super) fn push(&self, fault: Fault) {
        if fault.next > 0 {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(fault);
        }
    }

    /// What the request that came in now suffers.
    pub(super) fn take(&self) -> Option<FaultKind> {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = queue.front_mut()?;
        let kind = fault.kind;
        fault.next -= 1;
        if fault.next == 0 {
            queue.pop_front();
        }
        Some(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_from_json_and_taken_in_order() {
        let faults = Faults::default();
        for text in [
            r#"{"fault":"status","status":429,"retry_after_s":2,"next":2}"#,
            r#"{"fault":"stall","after_tokens":3}"#,
        ] {
            faults.push(serde_json::from_str(text).unwrap());
        }
        let busy = FaultKind::Status { status: 429, retry_after_s: Some(2) };
        let taken: Vec<_> = std::iter::from_fn(|| faults.take()).collect();
        assert_eq!(taken, [busy, busy, FaultKind::Stall { after_tokens: 3 }]);
        assert!(serde_json::from_str::<Fault>(r#"{"fault":"explode"}"#).is_err());
    }
}
