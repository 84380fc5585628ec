//! What comes from elsewhere: people, what they say and vote, conversations, prices, files of one benchmark. It is marked
//! with where it comes from, never replaces what was made here, and is never asked to be sent back.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::{Connection as _, PgConnection};

use super::Error;

/// What became of one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is new, or changed.
    Taken,
    /// It was so already.
    Unchanged,
    /// There is one that was made here; it stays as it is.
    Kept,
}

/// Somebody who signed in elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedUser {
    /// GitHub's id.
    pub github_id: i64,
    /// GitHub's name.
    pub username: String,
    /// Empty: none.
    pub email: String,
    /// Their picture.
    pub avatar_url: Option<String>,
    /// When they came first.
    pub created_at: DateTime<Utc>,
    /// When they last signed in.
    pub last_login: DateTime<Utc>,
}

/// Takes somebody in, `from` where. Who signed in here stays as they are.
///
/// # Errors
/// When the database fails.
pub async fn user(conn: &mut PgConnection, user: &ImportedUser, from: &str) -> Result<Written, Error> {
    let taken = sqlx::query_scalar!(
        r#"insert into users as u (github_id, username, email, avatar_url, created_at, last_login, imported_from)
           values ($1, $2, $3, $4, $5, $6, $7)
           on conflict (github_id) do update
             set username = excluded.username, email = excluded.email, avatar_url = excluded.avatar_url,
                 created_at = excluded.created_at, last_login = excluded.last_login, version = u.version + 1
             where u.imported_from = excluded.imported_from and u.last_login <= excluded.last_login
               and (u.username, u.email, u.avatar_url, u.created_at, u.last_login) is distinct from
                   (excluded.username, excluded.email, excluded.avatar_url, excluded.created_at, excluded.last_login)
           returning true as "taken!""#,
        user.github_id,
        user.username,
        user.email,
        user.avatar_url,
        user.created_at,
        user.last_login,
        from
    )
    .fetch_optional(&mut *conn)
    .await?;
    if taken.is_some() {
        return Ok(Written::Taken);
    }
    let same = sqlx::query_scalar!(
        r#"select coalesce(imported_from = $2, false) as "same!" from users where github_id = $1"#,
        user.github_id,
        from
    )
    .fetch_one(conn)
    .await?;
    Ok(if same { Written::Unchanged } else { Written::Kept })
}

/// A comment made elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedComment {
    /// 24 lower-case hex digits.
    pub id: String,
    /// The run it is about.
    pub pod_id: String,
    /// What it answers.
    pub parent_id: Option<String>,
    /// Its author.
    pub github_id: i64,
    /// The author's name as it was then.
    pub username: String,
    /// The author's picture as it was then.
    pub user_avatar: Option<String>,
    /// What it says.
    pub comment: String,
    /// As of the last like.
    pub ranking_score: f64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Who likes it.
    pub likers: Vec<i64>,
}

/// Takes a comment and its likes in, `from` where. One that is here stays as it is, and gets the likes it lacks. `Err` with a
/// reason: it can't be shown here.
///
/// # Errors
/// When the database fails.
pub async fn comment(
    conn: &mut PgConnection,
    comment: &ImportedComment,
    from: &str,
) -> Result<Result<Written, &'static str>, Error> {
    let mut tx = conn.begin().await?;
    let known = sqlx::query!("select imported_from from comments where id = $1 for update", comment.id)
        .fetch_optional(&mut *tx)
        .await?;
    if known.is_none() {
        let run =
            sqlx::query_scalar!("select 1 as one from published_runs where pod_id = $1", comment.pod_id)
                .fetch_optional(&mut *tx)
                .await?;
        if run.is_none() {
            return Ok(Err("there is no such run"));
        }
        if let Some(parent_id) = &comment.parent_id {
            let parent = sqlx::query!("select pod_id, parent_id from comments where id = $1", parent_id)
                .fetch_optional(&mut *tx)
                .await?;
            match parent {
                None => return Ok(Err("what it answers isn't there")),
                Some(parent) if parent.pod_id != comment.pod_id => {
                    return Ok(Err("what it answers is about another run"));
                }
                Some(parent) if parent.parent_id.is_some() => {
                    return Ok(Err("what it answers is an answer itself"));
                }
                Some(_) => {}
            }
        }
        sqlx::query!(
            "insert into comments (id, pod_id, parent_id, github_id, username, user_avatar, comment, ranking_score,
                                   created_at, imported_from)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            comment.id,
            comment.pod_id,
            comment.parent_id,
            comment.github_id,
            comment.username,
            comment.user_avatar,
            comment.comment,
            comment.ranking_score,
            comment.created_at,
            from
        )
        .execute(&mut *tx)
        .await?;
    }
    let liked = sqlx::query!(
        "insert into comment_likes (comment_id, github_id, created_at)
         select $1, l.github_id, $3 from unnest($2::bigint[]) as l (github_id) on conflict do nothing",
        comment.id,
        &comment.likers,
        comment.created_at
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    if known.is_none() || liked > 0 {
        recount(&mut tx, comment).await?;
    }
    tx.commit().await?;
    Ok(Ok(match known {
        None => Written::Taken,
        Some(_) if liked > 0 => Written::Taken,
        Some(row) if row.imported_from.as_deref() == Some(from) => Written::Unchanged,
        Some(_) => Written::Kept,
    }))
}

/// Counts again what a comment changes: its likes, its parent's replies, its run's comments.
async fn recount(conn: &mut PgConnection, comment: &ImportedComment) -> Result<(), Error> {
    sqlx::query!(
        "update comments c set likes = (select count(*) from comment_likes l where l.comment_id = c.id) where id = $1",
        comment.id
    )
    .execute(&mut *conn)
    .await?;
    match &comment.parent_id {
        Some(parent_id) => {
            sqlx::query!(
                "update comments p set reply_count =
                     (select count(*) from comments c where c.parent_id = p.id and c.hidden_at is null)
                 where id = $1",
                parent_id
            )
            .execute(conn)
            .await?;
        }
        None => {
            sqlx::query!(
                "update published_runs r set comment_count = (select count(*) from comments c
                     where c.pod_id = r.pod_id and c.parent_id is null and c.hidden_at is null)
                 where pod_id = $1",
                comment.pod_id
            )
            .execute(conn)
            .await?;
        }
    }
    Ok(())
}

/// Takes votes for a run in. Returns how many are new.
///
/// # Errors
/// When the database fails.
pub async fn upvotes(
    conn: &mut PgConnection,
    pod_id: &str,
    github_ids: &[i64],
    at: DateTime<Utc>,
) -> Result<u64, Error> {
    let new = sqlx::query!(
        "insert into run_upvotes (pod_id, github_id, created_at)
         select $1, v.github_id, $3 from unnest($2::bigint[]) as v (github_id) on conflict do nothing",
        pod_id,
        github_ids,
        at
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    if new > 0 {
        sqlx::query!(
            "update published_runs r set upvotes = (select count(*) from run_upvotes v where v.pod_id = r.pod_id)
             where pod_id = $1",
            pod_id
        )
        .execute(conn)
        .await?;
    }
    Ok(new)
}

/// A question and its answer from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedChat {
    /// 24 lower-case hex digits.
    pub id: String,
    /// The run it is about.
    pub pod_id: Option<String>,
    /// Who asked.
    pub github_id: i64,
    /// Their name as it was then.
    pub username: String,
    /// Their picture as it was then.
    pub user_avatar: Option<String>,
    /// What was asked.
    pub user_message: String,
    /// What was answered.
    pub ai_response: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// Takes a question and its answer in, `from` where; one that is here stays as it is.
///
/// # Errors
/// When the database fails.
pub async fn chat(conn: &mut PgConnection, chat: &ImportedChat, from: &str) -> Result<Written, Error> {
    let taken = sqlx::query!(
        "insert into chat_logs (id, pod_id, github_id, username, user_avatar, user_message, ai_response, created_at,
                                imported_from)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (id) do nothing",
        chat.id,
        chat.pod_id,
        chat.github_id,
        chat.username,
        chat.user_avatar,
        chat.user_message,
        chat.ai_response,
        chat.created_at,
        from
    )
    .execute(conn)
    .await?;
    Ok(if taken.rows_affected() > 0 { Written::Taken } else { Written::Unchanged })
}

/// A price from elsewhere: on demand, anywhere, of any number of GPUs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedPrice {
    /// Where it is rented.
    pub platform: String,
    /// The GPU: an id of the catalog.
    pub gpu_key: String,
    /// US dollars per GPU-hour.
    pub usd_per_gpu_hour: Decimal,
    /// When it was seen.
    pub seen_at: DateTime<Utc>,
}

/// Takes prices in as those of a source of their own, `from` where, with a point in the history of each. An older one than
/// what is known of the same GPU and platform changes nothing.
///
/// # Errors
/// When the database fails.
pub async fn prices(
    conn: &mut PgConnection,
    prices: &[ImportedPrice],
    from: &str,
) -> Result<Vec<Written>, Error> {
    let mut tx = conn.begin().await?;
    let scrape = sqlx::query_scalar!(
        "insert into price_scrapes (source, ended_at, outcome, offers, prices) values ($1, now(), 'ok', $2, $2)
         returning id",
        from,
        i32::try_from(prices.len()).unwrap_or(i32::MAX)
    )
    .fetch_one(&mut *tx)
    .await?;
    let mut outcomes = Vec::with_capacity(prices.len());
    for price in prices {
        let series = sqlx::query_scalar!(
            "insert into latest_prices as l
               (source, platform, gpu_key, gpu_count, kind, usd_per_gpu_hour, first_seen_at, last_seen_at, point_at,
                scrape_id)
             values ($1, $2, $3, 0, 'on_demand', $4, $5, $5, $5, $6)
             on conflict on constraint latest_prices_series do update
               set usd_per_gpu_hour = excluded.usd_per_gpu_hour, last_seen_at = excluded.last_seen_at,
                   point_at = excluded.point_at, scrape_id = excluded.scrape_id
               where l.last_seen_at < excluded.last_seen_at
             returning id",
            from,
            price.platform,
            price.gpu_key,
            price.usd_per_gpu_hour,
            price.seen_at,
            scrape
        )
        .fetch_optional(&mut *tx)
        .await?;
        if let Some(series) = series {
            sqlx::query!(
                "insert into price_points (series_id, as_of, usd_per_gpu_hour, scrape_id) values ($1, $2, $3, $4)
                 on conflict do nothing",
                series,
                price.seen_at,
                price.usd_per_gpu_hour,
                scrape
            )
            .execute(&mut *tx)
            .await?;
        }
        outcomes.push(if series.is_some() { Written::Taken } else { Written::Unchanged });
    }
    if outcomes.contains(&Written::Taken) {
        tx.commit().await?;
    }
    Ok(outcomes)
}

/// A run of which a file tells what its throughput benchmark came to. What it doesn't tell is `None`.
#[derive(Debug, Clone, PartialEq)]
pub struct FileRun {
    /// The run's public identifier.
    pub pod_id: String,
    /// `file:<name>`.
    pub imported_from: String,
    /// Of the file.
    pub sha256: String,
    /// The model's display name.
    pub model: String,
    /// Its name in `catalog/models.csv`.
    pub model_slug: Option<String>,
    /// `7b`; empty: unknown.
    pub parameter_size: String,
    /// `Ollama`, `VLLM`, `SGLang`, …
    pub engine: String,
    /// The GPU as the file calls it.
    pub gpu_id: String,
    /// Its id in `catalog/gpus.csv`.
    pub gpu_key: Option<String>,
    /// `Runpod`, …
    pub server_type: String,
    /// Container disk, GB; 0: unknown.
    pub container_disk_in_gb: i32,
    /// Until the server answered, s.
    pub server_start_s: Option<i32>,
    /// The model's download, s.
    pub model_download_s: Option<i32>,
    /// What the run cost, USD.
    pub used_usd: Option<Decimal>,
    /// What its machine costs, USD an hour.
    pub usd_per_hour: Option<Decimal>,
    /// All of its benchmarks together, s.
    pub benchmark_duration_s: Option<f64>,
    /// Mean time to first token, ms.
    pub ttft_ms: Option<f64>,
    /// Output tokens a second.
    pub output_tokens_per_second: Option<f64>,
    /// Mean prompt length, tokens.
    pub prompt_token_count: Option<f64>,
    /// Mean output length, tokens.
    pub output_token_count: Option<f64>,
    /// Requests.
    pub total_requests: Option<i64>,
    /// Icon of the model's family.
    pub icon_url: Option<String>,
}

/// Takes a run of a file in, as made now. The same file again changes nothing, another of the same run replaces it. `None`:
/// there is such a run that doesn't come from a file.
///
/// # Errors
/// When the database fails.
pub async fn file_run(conn: &mut PgConnection, run: &FileRun) -> Result<Option<Written>, Error> {
    let mut tx = conn.begin().await?;
    let known = sqlx::query!(
        r#"select coalesce(r.imported_from like 'file:%', false) as "of_a_file!", s.sha256 as "sha256?"
           from published_runs r left join imported_summaries s on s.pod_id = r.pod_id
           where r.pod_id = $1 for update of r"#,
        run.pod_id
    )
    .fetch_optional(&mut *tx)
    .await?;
    match known {
        Some(row) if !row.of_a_file => return Ok(None),
        Some(row) if row.sha256.as_ref() == Some(&run.sha256) => return Ok(Some(Written::Unchanged)),
        _ => {}
    }
    sqlx::query!(
        "insert into published_runs as p
           (pod_id, imported_from, status, llm_id, llm_common_name, llm_parameter_size, model_slug, inference_name, gpu_id,
            gpu_key, server_type, container_disk_in_gb, server_start_s, model_download_s, used_usd, usd_per_hour,
            benchmark_types, benchmark_duration_s, ttft_ms, output_tokens_per_second, icon_url, created_at)
         values ($1, $2, 'succeeded', $3, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, '{throughput}', $15, $16, $17,
                 $18, now())
         on conflict (pod_id) do update set
            imported_from = excluded.imported_from, llm_id = excluded.llm_id,
            llm_common_name = excluded.llm_common_name, llm_parameter_size = excluded.llm_parameter_size,
            model_slug = excluded.model_slug, inference_name = excluded.inference_name, gpu_id = excluded.gpu_id,
            gpu_key = excluded.gpu_key, server_type = excluded.server_type,
            container_disk_in_gb = excluded.container_disk_in_gb, server_start_s = excluded.server_start_s,
            model_download_s = excluded.model_download_s, used_usd = excluded.used_usd,
            usd_per_hour = excluded.usd_per_hour, benchmark_duration_s = excluded.benchmark_duration_s,
            ttft_ms = excluded.ttft_ms, output_tokens_per_second = excluded.output_tokens_per_second,
            icon_url = excluded.icon_url, updated_at = now(), version = p.version + 1",
        run.pod_id,
        run.imported_from,
        run.model,
        run.parameter_size,
        run.model_slug,
        run.engine,
        run.gpu_id,
        run.gpu_key,
        run.server_type,
        run.container_disk_in_gb,
        run.server_start_s,
        run.model_download_s,
        run.used_usd,
        run.usd_per_hour,
        run.benchmark_duration_s,
        run.ttft_ms,
        run.output_tokens_per_second,
        run.icon_url
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "insert into imported_summaries (pod_id, sha256, prompt_token_count, output_token_count, total_requests)
         values ($1, $2, $3, $4, $5)
         on conflict (pod_id) do update set
            sha256 = excluded.sha256, prompt_token_count = excluded.prompt_token_count,
            output_token_count = excluded.output_token_count, total_requests = excluded.total_requests",
        run.pod_id,
        run.sha256,
        run.prompt_token_count,
        run.output_token_count,
        run.total_requests
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(Some(Written::Taken))
}
