//! The ledger's moves: what people ask of runs, and which step comes next. Each is one transaction over the store and
//! the queue.
//!
//! Workers, commands and the API all move runs through here, so a run moves in the same way whoever asks. It must not
//! know how a step is worked (`workflow`) or where (`provider`): whoever may enqueue can use it.

mod advance;
pub mod operator;

use crate::{queue, store};

pub use advance::{finish_run, indexed, schedule, schedule_next, schedule_teardown};

/// Why a run could not be looked at or moved on: trouble of the infrastructure, never of a step itself.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The ledger failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The queue failed.
    #[error(transparent)]
    Queue(#[from] queue::Error),
    /// An operator asked for what the run's state doesn't allow.
    #[error("{0}")]
    Refused(String),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}
