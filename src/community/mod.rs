//! What people do with runs: vote, comment, like, report; and what moderators do about it. Each is one transaction over the
//! store: the vote, its count and the row that has it published change together.
//!
//! It must not know who asks in which way (`api`, `cli`), nor how somebody signed in.

mod comments;
mod forget;
mod model;
mod moderator;
mod read;
mod review;
mod votes;

pub use crate::store::audit::By;
pub use comments::{Change, Draft, Posted, delete, edit, post};
pub use forget::forget;
pub use model::ModelSettings;
pub use moderator::Moderator;
pub use read::{Thread, all, of_author, of_run, one};
pub use review::{Settled, hide, keep, queue, remove, report};
pub use votes::{Liked, like, upvote};

use crate::store;

/// Somebody who signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// Their GitHub id.
    pub github_id: i64,
    /// Their name there.
    pub username: String,
    /// Their picture.
    pub avatar_url: Option<String>,
}

/// Why something can't be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// There is no run of this name.
    #[error("there is no run `{0}`; /api/v1/results lists those that there are")]
    NoRun(String),
    /// There is no comment of this id, or it isn't for everybody to see.
    #[error("there is no comment `{0}`: it may have been deleted")]
    NoComment(String),
    /// A reply to a reply.
    #[error("replies are one level deep: answer the comment that `{0}` answers")]
    TooDeep(String),
    /// Nothing is left of a comment once it is cleaned.
    #[error("nothing is left of the comment without spaces and signs that can't be seen: write something")]
    Empty,
    /// Somebody else's comment.
    #[error("only its author may do that to comment `{0}`")]
    NotYours(String),
    /// A comment that was refused: why.
    #[error("the comment was not posted: {0}")]
    Refused(String),
    /// A comment that isn't any more what was read.
    #[error(
        "comment `{id}` was changed since you read it: you have version {read}, it is at version {now}; read it again, then \
         change it"
    )]
    Changed {
        /// The comment.
        id: String,
        /// The version that was read.
        read: i64,
        /// The version it has.
        now: i64,
    },
    /// A comment that moderators hid.
    #[error("comment `{0}` is hidden by a moderator: it can be deleted, not changed")]
    Hidden(String),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// A new comment's id: an `ObjectId`, which begins with the time, so that the copy in MongoDB has the same.
fn object_id() -> String {
    let seconds = crate::clock::now().timestamp() as u32;
    format!("{seconds:08x}{:016x}", rand::random::<u64>())
}
