//! The ledger's moves: what people ask of runs, and which step comes next. Each is one transaction over the store and
//! the queue.
//!
//! Workers, commands and the API all move runs through here, so a run moves in the same way whoever asks. It must not
//! know how a step is worked (`workflow`) or where (`provider`): whoever may enqueue can use it.

mod advance;
mod again;
pub mod bulk;
mod dispatch;
mod hand_over;
pub mod jobs;
pub mod matrices;
mod once;
pub mod operator;
pub mod pick;
pub mod queues;
pub mod schedules;
pub mod sweep;
pub mod tokens;

use crate::{
    definitions,
    domain::{
        ids::{MatrixId, RunId},
        matrix::MatrixError,
        names::UnknownName,
    },
    queue, store,
};

pub use crate::store::audit::By;
pub use advance::{
    finish_run, indexed, schedule, schedule_next, schedule_teardown, schedule_teardown_after_failure,
};
pub use again::{rerun, retry, retry_from};
pub use hand_over::hand_over;
pub use once::{Started, start_once};

/// Why a run could not be looked at or moved on: trouble of the infrastructure, never of a step itself.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The ledger failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The queue failed.
    #[error(transparent)]
    Queue(#[from] queue::Error),
    /// There is no such run.
    #[error("there is no run {0}")]
    NoRun(RunId),
    /// There is no such matrix.
    #[error("there is no matrix {0}")]
    NoMatrix(MatrixId),
    /// There is no such schedule.
    #[error(transparent)]
    NoSchedule(UnknownName),
    /// Definition files can't be read.
    #[error(transparent)]
    Definitions(#[from] definitions::Error),
    /// A matrix can't be run as it is defined.
    #[error(transparent)]
    Matrix(#[from] MatrixError),
    /// There is no such job or queue; what there is is said.
    #[error("{0}")]
    Unknown(String),
    /// An operator asked for what the run's state doesn't allow.
    #[error("{0}")]
    Refused(String),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}
