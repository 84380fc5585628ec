//! The one shape of a failure: `{code, message, retryable, details}`, as steps report it and rows keep it.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Why something failed, for people (`message`) and for programs (`code`).
///
/// The message says what failed, why and what to do next; it never holds a secret, a prompt or a response body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Failure {
    /// A stable `snake_case` code, e.g. `engine_lost`, `model_not_found`, `port_taken`.
    pub code: String,
    /// One or two sentences for a person.
    pub message: String,
    /// Whether trying again can help.
    pub retryable: bool,
    /// Anything more that helps: log lines, sizes, versions.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub details: Value,
}

impl Failure {
    /// A failure that trying again may cure: a time-out, a refused connection, a busy provider.
    pub fn transient(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), retryable: true, details: Value::Null }
    }

    /// A failure that will come back: a bad name, a missing binary, a model too large.
    pub fn permanent(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), retryable: false, details: Value::Null }
    }

    /// The same failure with details attached.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = details;
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl std::error::Error for Failure {}
