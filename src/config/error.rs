//! What can be wrong with the settings.

use std::{io, path::PathBuf};

use super::Origin;

/// Why the settings can't be used. No message holds a secret's value.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file can't be read.
    #[error("{what} {} can't be read: {source}", .path.display())]
    Unreadable {
        /// Which file, in words.
        what: String,
        /// Its path.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The file isn't TOML.
    #[error("{}:{line}: {reason}", .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// The parser's words.
        reason: String,
    },
    /// A key that doesn't exist.
    #[error(
        "{}:{line}: there is no setting `{key}`{} (`dria-bench config show` lists them all)",
        .path.display(),
        .nearest.as_ref().map_or(String::new(), |near| format!("; did you mean `{near}`?"))
    )]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// The key as written.
        key: String,
        /// The known key that looks most like it.
        nearest: Option<String>,
    },
    /// A value that won't do.
    #[error("{origin}: `{key}` {reason}")]
    Value {
        /// Where the value came from.
        origin: Origin,
        /// The key.
        key: String,
        /// Why it won't do.
        reason: String,
    },
    /// A variable that isn't UTF-8.
    #[error("the environment variable {0} isn't valid UTF-8. Set it again, or unset it")]
    NotText(String),
    /// There is no home folder to put the data folder into.
    #[error(
        "there is no home folder for the data: set DRIA_BENCH_DATA_DIR, HOME or XDG_DATA_HOME, or give --data-dir"
    )]
    NoHome,
    /// The built-in defaults can't be read: a bug of this program.
    #[error("the built-in settings are broken: {0}. This is a bug of dria-bench; please report it")]
    Defaults(String),
}
