//! Taking in what was measured elsewhere: what an import found, and files of one benchmark each. Databases are read in
//! `sync`. It must not know how anything is measured here, and never replaces it.

pub mod files;
mod report;

pub use report::{Outcome, Part, Report, Skipped};

use crate::store;

/// Why an import can't go on. What is wrong with one thing is skipped and reported instead.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Our database failed.
    #[error("what was read can't be stored: {0}")]
    Store(#[from] store::Error),
    /// The catalog that is part of the program is broken.
    #[error("the catalog of this version can't be read: {0}")]
    Catalog(String),
    /// A path that can't be read.
    #[error("{path} can't be read: {reason}. Check the path, and that this user may read it")]
    Path {
        /// The path.
        path: String,
        /// The system's answer.
        reason: String,
    },
    /// The other database can't be read. Nothing of its URL is in here.
    #[error(
        "the database to import from can't be read: {0}. Check the URL of --from, and that the server runs"
    )]
    Source(String),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}
