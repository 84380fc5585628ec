//! `chat_logs`: what was asked of the assistant, and what it answered.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Error;

/// A question with its answer, to be recorded.
#[derive(Debug)]
pub struct NewChatLog<'a> {
    /// The conversation it belongs to.
    pub conversation: Option<Uuid>,
    /// The run it is about.
    pub pod_id: Option<&'a str>,
    /// Who asked.
    pub github_id: i64,
    /// Their name as of now.
    pub username: &'a str,
    /// Their picture as of now.
    pub user_avatar: Option<&'a str>,
    /// The question.
    pub user_message: &'a str,
    /// The answer.
    pub ai_response: &'a str,
    /// What was looked up: `[{name, arguments, links}]`.
    pub tool_calls: &'a Value,
    /// The model that answered.
    pub model: &'a str,
    /// Tokens it read.
    pub prompt_tokens: i32,
    /// Tokens it wrote.
    pub completion_tokens: i32,
}

/// A question with its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatLog {
    /// 24 hexadecimal digits.
    pub id: String,
    /// The conversation it belongs to.
    pub conversation: Option<Uuid>,
    /// The run it is about.
    pub pod_id: Option<String>,
    /// Who asked.
    pub github_id: i64,
    /// Their name as it was then.
    pub username: String,
    /// Their e-mail address as it is now, empty where there is none. For their own eyes.
    pub user_email: String,
    /// Their picture as it was then.
    pub user_avatar: Option<String>,
    /// The question.
    pub user_message: String,
    /// The answer.
    pub ai_response: String,
    /// What was looked up: `[{name, arguments, links}]`.
    pub tool_calls: Value,
    /// When it was answered.
    pub created_at: DateTime<Utc>,
}

/// Which ones; all that is given must hold.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter<'a> {
    /// Of this person.
    pub github_id: Option<i64>,
    /// About this run.
    pub pod_id: Option<&'a str>,
    /// Of this conversation.
    pub conversation: Option<Uuid>,
    /// With this id.
    pub id: Option<&'a str>,
}

/// Records one. Returns its id and when that was.
///
/// # Errors
/// When the database fails.
pub async fn insert(conn: &mut PgConnection, new: &NewChatLog<'_>) -> Result<(String, DateTime<Utc>), Error> {
    // An ObjectId as MongoDB makes them: seconds, then what is random.
    let row = sqlx::query!(
        r#"insert into chat_logs (id, conversation_id, pod_id, github_id, username, user_avatar, user_message, ai_response,
                                  tool_calls, model, prompt_tokens, completion_tokens)
           values (lpad(to_hex(extract(epoch from now())::bigint), 8, '0') || substr(md5(gen_random_uuid()::text), 1, 16),
                   $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
           returning id, created_at"#,
        new.conversation,
        new.pod_id,
        new.github_id,
        new.username,
        new.user_avatar,
        new.user_message,
        new.ai_response,
        new.tool_calls,
        new.model,
        new.prompt_tokens,
        new.completion_tokens
    )
    .fetch_one(conn)
    .await?;
    Ok((row.id, row.created_at))
}

/// Those that `filter` means, oldest first; of more than `most`, the newest.
///
/// # Errors
/// When the database fails.
pub async fn list(conn: &mut PgConnection, filter: Filter<'_>, most: i64) -> Result<Vec<ChatLog>, Error> {
    let mut newest = sqlx::query_as!(
        ChatLog,
        r#"select c.id, c.conversation_id as conversation, c.pod_id, c.github_id, c.username,
                  coalesce(u.email, '') as "user_email!", c.user_avatar, c.user_message, c.ai_response, c.tool_calls,
                  c.created_at
           from chat_logs c left join users u using (github_id)
           where ($1::bigint is null or c.github_id = $1) and ($2::text is null or c.pod_id = $2)
             and ($3::uuid is null or c.conversation_id = $3) and ($4::text is null or c.id = $4)
           order by c.created_at desc, c.id desc limit $5"#,
        filter.github_id,
        filter.pod_id,
        filter.conversation,
        filter.id,
        most
    )
    .fetch_all(conn)
    .await?;
    newest.reverse();
    Ok(newest)
}

/// Deletes one. Whether it was there.
///
/// # Errors
/// When the database fails.
pub async fn delete(conn: &mut PgConnection, id: &str) -> Result<bool, Error> {
    let deleted = sqlx::query!("delete from chat_logs where id = $1", id).execute(conn).await?;
    Ok(deleted.rows_affected() > 0)
}
