//! `assistant_spend`: what the assistant's answers took of a day's budget, by person.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::Error;

/// What today's questions took, from midnight UTC until now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Today {
    /// Tokens of this person's.
    pub user_tokens: i64,
    /// Cost of this person's, USD.
    pub user_usd: Decimal,
    /// Tokens of everybody's.
    pub tokens: i64,
    /// Cost of everybody's, USD.
    pub usd: Decimal,
    /// When the next day begins.
    pub ends_at: DateTime<Utc>,
    /// Seconds until then, at least 1.
    pub ends_in_s: i64,
}

/// What today's questions took.
///
/// # Errors
/// When the database fails.
pub async fn today(conn: &mut PgConnection, github_id: i64) -> Result<Today, Error> {
    Ok(sqlx::query_as!(
        Today,
        r#"select coalesce(sum(prompt_tokens + completion_tokens) filter (where github_id = $1), 0)::bigint as "user_tokens!",
                  coalesce(sum(usd) filter (where github_id = $1), 0) as "user_usd!",
                  coalesce(sum(prompt_tokens + completion_tokens), 0)::bigint as "tokens!",
                  coalesce(sum(usd), 0) as "usd!",
                  ((now() at time zone 'utc')::date + 1)::timestamp at time zone 'utc' as "ends_at!",
                  greatest(1, ceil(extract(epoch from
                    ((now() at time zone 'utc')::date + 1)::timestamp at time zone 'utc' - now())))::bigint as "ends_in_s!"
           from assistant_spend where day = (now() at time zone 'utc')::date"#,
        github_id
    )
    .fetch_one(conn)
    .await?)
}

/// Counts one question.
///
/// # Errors
/// When the database fails.
pub async fn add(
    conn: &mut PgConnection,
    github_id: i64,
    prompt_tokens: i64,
    completion_tokens: i64,
    usd: Decimal,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into assistant_spend (day, github_id, questions, prompt_tokens, completion_tokens, usd)
         values ((now() at time zone 'utc')::date, $1, 1, $2, $3, $4)
         on conflict (day, github_id) do update set
           questions = assistant_spend.questions + 1,
           prompt_tokens = assistant_spend.prompt_tokens + excluded.prompt_tokens,
           completion_tokens = assistant_spend.completion_tokens + excluded.completion_tokens,
           usd = assistant_spend.usd + excluded.usd",
        github_id,
        prompt_tokens,
        completion_tokens,
        usd
    )
    .execute(conn)
    .await?;
    Ok(())
}
