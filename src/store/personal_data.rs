//! Everything that is kept of one person: to give out to them, and to delete.

use serde_json::Value;
use sqlx::PgConnection;

use super::Error;

/// All of it as one JSON object: `profile`, `sessions`, `comments`, `likes`, `upvotes`, `reports`, `chats`,
/// `conversations`. Digests of secrets
/// are left out.
///
/// # Errors
/// When the database fails.
pub async fn export(conn: &mut PgConnection, github_id: i64) -> Result<Value, Error> {
    Ok(sqlx::query_scalar!(
        r#"select jsonb_build_object(
             'profile', (select to_jsonb(u) - 'version' from users u where u.github_id = $1),
             'sessions', (select coalesce(jsonb_agg(to_jsonb(s) - array['sha256', 'github_id', 'api_token_id'] order by s.created_at), '[]')
                          from user_sessions s where s.github_id = $1),
             'comments', (select coalesce(jsonb_agg(to_jsonb(c) - array['version', 'github_id'] order by c.created_at, c.id), '[]')
                          from comments c where c.github_id = $1),
             'likes', (select coalesce(jsonb_agg(to_jsonb(l) - 'github_id' order by l.created_at, l.comment_id), '[]')
                       from comment_likes l where l.github_id = $1),
             'upvotes', (select coalesce(jsonb_agg(to_jsonb(v) - 'github_id' order by v.created_at, v.pod_id), '[]')
                         from run_upvotes v where v.github_id = $1),
             'reports', (select coalesce(jsonb_agg(to_jsonb(r) - array['reporter', 'resolved_by'] order by r.id), '[]')
                         from comment_reports r where r.reporter = 'user:' || $1::bigint),
             'chats', (select coalesce(jsonb_agg(to_jsonb(h) - 'github_id' order by h.created_at, h.id), '[]')
                       from chat_logs h where h.github_id = $1),
             'conversations', (select coalesce(jsonb_agg(to_jsonb(k) - 'github_id' order by k.created_at, k.id), '[]')
                               from assistant_conversations k where k.github_id = $1)) as "all!""#,
        github_id
    )
    .fetch_one(conn)
    .await?)
}

/// What was deleted of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    /// The ids of their chat logs.
    pub chats: Vec<String>,
    /// The version that their row had.
    pub version: i64,
}

/// Deletes a user's row with their sessions and chats, and their name from what they reported. `None`: there is no such user.
/// Comments and votes have counts beside them, and are taken back before.
///
/// # Errors
/// When the database fails.
pub async fn erase(conn: &mut PgConnection, github_id: i64) -> Result<Option<Erased>, Error> {
    let gone = sqlx::query_scalar!("delete from users where github_id = $1 returning version", github_id)
        .fetch_optional(&mut *conn)
        .await?;
    let Some(version) = gone else { return Ok(None) };
    let chats = sqlx::query_scalar!("delete from chat_logs where github_id = $1 returning id", github_id)
        .fetch_all(&mut *conn)
        .await?;
    sqlx::query!("delete from assistant_conversations where github_id = $1", github_id)
        .execute(&mut *conn)
        .await?;
    // A day's questions were asked, whoever asked them: the deployment's own budget goes by them.
    sqlx::query!(
        "with gone as (delete from assistant_spend where github_id = $1 returning *)
         insert into assistant_spend as s (day, github_id, questions, prompt_tokens, completion_tokens, usd)
         select day, 0, questions, prompt_tokens, completion_tokens, usd from gone
         on conflict (day, github_id) do update
           set questions = s.questions + excluded.questions, prompt_tokens = s.prompt_tokens + excluded.prompt_tokens,
               completion_tokens = s.completion_tokens + excluded.completion_tokens, usd = s.usd + excluded.usd",
        github_id
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "update comment_reports set reporter = 'nobody:' || id where reporter = 'user:' || $1::bigint",
        github_id
    )
    .execute(conn)
    .await?;
    Ok(Some(Erased { chats, version }))
}
