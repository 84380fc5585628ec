//! Whose fault a failed write is: the server's, which passes, or the document's, which stays.

use mongodb::{
    bson::Document,
    error::{ErrorKind, TRANSIENT_TRANSACTION_ERROR},
};

/// Codes of a server that is away, is no primary, shuts down, or asks for somebody else: nothing to do with the document.
const AWAY: [i32; 16] = [6, 7, 13, 18, 24, 50, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436];
/// Codes of two writers that met.
const MET: [i32; 4] = [112, 225, 251, 244];
const DUPLICATE: i32 = 11000;

/// Why a write failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// The server is away: everything waits.
    Away(String),
    /// Another writer was there at the same moment, or wrote the same key: at once again.
    Met(String),
    /// This document can't be written.
    Refused(String),
}

impl Fault {
    /// By what the driver says.
    pub(super) fn of(error: &mongodb::error::Error) -> Self {
        let text = error.to_string();
        match error.kind.as_ref() {
            ErrorKind::Command(command) => Self::of_code(command.code, text, error),
            ErrorKind::Io(_)
            | ErrorKind::ServerSelection { .. }
            | ErrorKind::ConnectionPoolCleared { .. }
            | ErrorKind::DnsResolve { .. }
            | ErrorKind::Authentication { .. }
            | ErrorKind::InvalidTlsConfig { .. }
            | ErrorKind::Shutdown => Self::Away(text),
            _ if error.contains_label(TRANSIENT_TRANSACTION_ERROR) => Self::Met(text),
            ErrorKind::InvalidArgument { .. } | ErrorKind::Bson(_) => Self::Refused(text),
            _ => Self::Away(text),
        }
    }

    fn of_code(code: i32, text: String, error: &mongodb::error::Error) -> Self {
        if MET.contains(&code) || code == DUPLICATE {
            Self::Met(text)
        } else if AWAY.contains(&code) || error.contains_label("RetryableWriteError") {
            Self::Away(text)
        } else if error.contains_label(TRANSIENT_TRANSACTION_ERROR) {
            Self::Met(text)
        } else {
            Self::Refused(text)
        }
    }

    /// Of one statement, as the server's answer lists it.
    pub(super) fn of_statement(error: &Document) -> Self {
        let code = error.get_i32("code").unwrap_or_default();
        let text = format!("{} (code {code})", error.get_str("errmsg").unwrap_or("no reason"));
        if MET.contains(&code) || code == DUPLICATE {
            Self::Met(text)
        } else if AWAY.contains(&code) {
            Self::Away(text)
        } else {
            Self::Refused(text)
        }
    }

    /// What was said.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Away(text) | Self::Met(text) | Self::Refused(text) => text,
        }
    }
}
