//! Why a level could not be measured.

use crate::domain::failure::Failure;

/// Why a level gave no records.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The plan makes no sense.
    #[error("this load can't be run: {0}")]
    Plan(&'static str),
    /// The base URL can't be used.
    #[error("`{url}` is no URL of an engine: {reason}; give http://HOST:PORT or https://HOST")]
    Url {
        /// The URL as given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The host's name has no address.
    #[error("the name `{host}` can't be resolved: {reason}; check the spelling and the network")]
    Resolve {
        /// The name.
        host: String,
        /// The resolver's reason.
        reason: String,
    },
    /// No connection came about.
    #[error("no connection to {address}: {reason} ({code}); check that the engine runs and listens there")]
    Unreachable {
        /// Where to.
        address: String,
        /// `connect_refused`, `connect_timeout`, `connect` or `tls`.
        code: String,
        /// The system's reason.
        reason: String,
    },
    /// Not one of the first requests was answered.
    #[error("all of the first {requests} requests failed, last with {code}: {sample}")]
    EveryRequestFailed {
        /// Requests sent.
        requests: u64,
        /// Code of the latest failure.
        code: String,
        /// What the server or the system said.
        sample: String,
    },
    /// The caller cancelled.
    #[error("the level was cancelled")]
    Cancelled,
    /// A prompt could not be encoded, a thread or a runtime could not be started.
    #[error("the load generator itself failed: {0}")]
    Internal(String),
}

impl Error {
    /// The stable code of the failure.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Plan(_) => "bad_plan",
            Self::Url { .. } => "bad_url",
            Self::Resolve { .. } => "unknown_host",
            Self::Unreachable { code, .. } => code,
            Self::EveryRequestFailed { .. } => "all_requests_failed",
            Self::Cancelled => "cancelled",
            Self::Internal(_) => "load_generator",
        }
    }

    fn is_retryable(&self) -> bool {
        match self {
            Self::Plan(_) | Self::Url { .. } | Self::Cancelled => false,
            Self::Unreachable { code, .. } => code != "tls",
            // Our request is wrong, or the model isn't there: it will be so again. 408 and 429 pass.
            Self::EveryRequestFailed { code, .. } => {
                !code.starts_with("http_4") || code == "http_408" || code == "http_429"
            }
            Self::Resolve { .. } | Self::Internal(_) => true,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (code, message) = (error.code().to_owned(), error.to_string());
        if error.is_retryable() { Self::transient(code, message) } else { Self::permanent(code, message) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_model_is_final_and_a_busy_engine_is_not() {
        let all_failed = |code: &str| Error::EveryRequestFailed {
            requests: 3,
            code: code.to_owned(),
            sample: "model 'nope' not found".to_owned(),
        };
        let missing = Failure::from(all_failed("http_404"));
        assert!(!missing.retryable);
        assert_eq!(
            missing.message,
            "all of the first 3 requests failed, last with http_404: model 'nope' not found"
        );
        assert!(Failure::from(all_failed("http_429")).retryable);
        assert!(Failure::from(all_failed("http_503")).retryable);
    }
}
