//! Whose fault a failed write is: the server's, which passes, or the document's, which stays.

use mongodb::{
    bson::Document,
    error::{ErrorKind, RETRYABLE_WRITE_ERROR, TRANSIENT_TRANSACTION_ERROR},
};

/// Codes of a server that is away, is no primary, shuts down, lets nobody in, or has no room: nothing to do with the
/// document.
const AWAY: [i32; 24] = [
    // Network: unreachable, not found, timed out, reset, shutting down.
    6, 7, 24, 50, 89, 91, 9001, 11600, 11602, // No primary, or none that confirms.
    64, 100, 133, 134, 189, 262, 10107, 13435, 13436, 10058,
    // Not allowed in: whoever set it up has to act.
    13, 18, // Its disk or its quota is full.
    8000, 12501, 14031,
];
/// Codes of two writers that met, or of a transaction that the server gave up.
const MET: [i32; 5] = [112, 225, 244, 251, 11601];
/// The code of a key that is there already.
const TAKEN: i32 = 11000;

/// Why a write failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// The server is away: everything waits.
    Away(String),
    /// Another writer was there at the same moment: at once again.
    Met(String),
    /// A document with this key is there: a newer one, or one that was written at the same moment.
    Taken(String),
    /// This document can't be written.
    Refused(String),
}

impl Fault {
    /// By what the driver says.
    pub(super) fn of(error: &mongodb::error::Error) -> Self {
        let text = match error.kind.as_ref() {
            ErrorKind::Command(command) => said(&command.message, command.code),
            kind => kind.to_string(),
        };
        match error.kind.as_ref() {
            ErrorKind::Command(command) => {
                let labelled = error.contains_label(TRANSIENT_TRANSACTION_ERROR);
                let retryable = error.contains_label(RETRYABLE_WRITE_ERROR);
                match Self::of_code(command.code, text) {
                    Self::Refused(text) if retryable => Self::Away(text),
                    Self::Refused(text) if labelled => Self::Met(text),
                    fault => fault,
                }
            }
            ErrorKind::Io(_)
            | ErrorKind::ServerSelection { .. }
            | ErrorKind::ConnectionPoolCleared { .. }
            | ErrorKind::DnsResolve { .. }
            | ErrorKind::Authentication { .. }
            | ErrorKind::InvalidTlsConfig { .. }
            | ErrorKind::Shutdown => Self::Away(text),
            _ if error.contains_label(TRANSIENT_TRANSACTION_ERROR) => Self::Met(text),
            // What nobody thought of holds up a row, not all of them; it isn't lost either way.
            _ => Self::Refused(text),
        }
    }

    fn of_code(code: i32, text: String) -> Self {
        if code == TAKEN {
            Self::Taken(text)
        } else if MET.contains(&code) {
            Self::Met(text)
        } else if AWAY.contains(&code) {
            Self::Away(text)
        } else {
            Self::Refused(text)
        }
    }

    /// Of one statement, as the server's answer lists it.
    pub(super) fn of_statement(error: &Document) -> Self {
        let code = error.get_i32("code").unwrap_or_default();
        Self::of_code(code, said(error.get_str("errmsg").unwrap_or("no reason"), code))
    }

    /// What was said.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Away(text) | Self::Met(text) | Self::Taken(text) | Self::Refused(text) => text,
        }
    }
}

fn said(message: &str, code: i32) -> String {
    format!("{} (code {code})", message.trim_end_matches('.'))
}
