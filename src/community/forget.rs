//! Everything that somebody did here, taken back: for those who delete their account.

use sqlx::PgPool;

use super::{Author, Error, comments, like, upvote};
use crate::store::{comments as kept, votes};

/// Deletes somebody's comments with the replies to them, and takes their votes back. Each is a transaction of its own, so that
/// nobody waits for all of it: cut short, it is done again from its start.
///
/// # Errors
/// When the database fails.
pub async fn forget(pool: &PgPool, github_id: i64) -> Result<(), Error> {
    let who = Author { github_id, username: String::new(), avatar_url: None };
    let (runs, liked, written) = {
        let mut conn = pool.acquire().await?;
        let (runs, liked) = votes::of(&mut conn, github_id).await?;
        (runs, liked, kept::ids_of_author(&mut conn, github_id).await?)
    };
    for pod_id in runs {
        gone_is_fine(upvote(pool, &pod_id, &who, false).await)?;
    }
    for id in written {
        gone_is_fine(comments::delete(pool, &who, &id).await)?;
    }
    for id in liked {
        gone_is_fine(like(pool, &id, &who, false).await)?;
    }
    Ok(())
}

fn gone_is_fine<T>(done: Result<T, Error>) -> Result<(), Error> {
    match done {
        Ok(_) | Err(Error::NoRun(_) | Error::NoComment(_)) => Ok(()),
        Err(error) => Err(error),
    }
}
