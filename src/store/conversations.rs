//! `assistant_conversations`: questions to the assistant that follow each other. What was said in one is in `chat_logs`.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Error;

/// A conversation.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Conversation {
    /// Its id.
    pub id: Uuid,
    /// The run it is about.
    pub pod_id: Option<String>,
    /// The beginning of its first question.
    pub title: String,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
    /// When something was last said in it.
    pub updated_at: DateTime<Utc>,
    /// Questions in it.
    pub questions: i64,
}

/// Begins one.
///
/// # Errors
/// When the run doesn't exist (`assistant_conversations_pod_id_fkey`), or the database fails.
pub async fn insert(
    conn: &mut PgConnection,
    id: Uuid,
    github_id: i64,
    pod_id: Option<&str>,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into assistant_conversations (id, github_id, pod_id) values ($1, $2, $3)",
        id,
        github_id,
        pod_id
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A person's, the last used first.
///
/// # Errors
/// When the database fails.
pub async fn list(conn: &mut PgConnection, github_id: i64, most: i64) -> Result<Vec<Conversation>, Error> {
    Ok(sqlx::query_as!(
        Conversation,
        r#"select id, pod_id, title, created_at, updated_at,
                  (select count(*) from chat_logs l where l.conversation_id = c.id) as "questions!"
           from assistant_conversations c where github_id = $1 order by updated_at desc, id limit $2"#,
        github_id,
        most
    )
    .fetch_all(conn)
    .await?)
}

/// One of this person's; `None`: they have none of this id.
///
/// # Errors
/// When the database fails.
pub async fn get(conn: &mut PgConnection, id: Uuid, github_id: i64) -> Result<Option<Conversation>, Error> {
    Ok(sqlx::query_as!(
        Conversation,
        r#"select id, pod_id, title, created_at, updated_at,
                  (select count(*) from chat_logs l where l.conversation_id = c.id) as "questions!"
           from assistant_conversations c where id = $1 and github_id = $2"#,
        id,
        github_id
    )
    .fetch_optional(conn)
    .await?)
}

/// Notes that something was said in it; the first question gives it its title. Whether it is still there.
///
/// # Errors
/// When the database fails.
pub async fn touch(conn: &mut PgConnection, id: Uuid, title: &str) -> Result<bool, Error> {
    let touched = sqlx::query!(
        "update assistant_conversations set updated_at = now(), title = case when title = '' then $2 else title end
         where id = $1",
        id,
        title
    )
    .execute(conn)
    .await?;
    Ok(touched.rows_affected() > 0)
}

/// Deletes one with all that was said in it. The ids of what that was; `None`: this person has none of this id.
///
/// # Errors
/// When the database fails.
pub async fn delete(conn: &mut PgConnection, id: Uuid, github_id: i64) -> Result<Option<Vec<String>>, Error> {
    // Locked, so that no answer is added between the two deletes.
    let there = sqlx::query!(
        "select id from assistant_conversations where id = $1 and github_id = $2 for update",
        id,
        github_id
    )
    .fetch_optional(&mut *conn)
    .await?;
    if there.is_none() {
        return Ok(None);
    }
    let said = sqlx::query_scalar!("delete from chat_logs where conversation_id = $1 returning id", id)
        .fetch_all(&mut *conn)
        .await?;
    sqlx::query!("delete from assistant_conversations where id = $1", id).execute(conn).await?;
    Ok(Some(said))
}
