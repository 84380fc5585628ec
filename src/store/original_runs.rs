//! Runs as the original HTTP paths list them: those with a throughput result, newest first, whether measured here or
//! imported. "Listed" is written as the indexes of `published_runs` say it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::Error;

/// A listed run with what its throughput benchmark came to. What isn't known is `None`.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedRun {
    /// Its public identifier.
    pub pod_id: String,
    /// The model's display name.
    pub model_name: String,
    /// `7b`.
    pub parameter_size: String,
    /// `Ollama`, `VLLM`, `SGLang`, …
    pub inference_engine: String,
    /// The GPU's id.
    pub hardware: String,
    /// `Runpod`, …
    pub server_type: String,
    /// Container disk, GB; 0: it has none, or nobody knows.
    pub container_disk_in_gb: i32,
    /// What it cost, USD.
    pub used_usd: Option<Decimal>,
    /// What its machine costs, USD an hour.
    pub usd_per_hour: Option<Decimal>,
    /// All of its benchmarks together, s.
    pub benchmark_duration_s: Option<f64>,
    /// Until its server answered, s.
    pub server_start_s: Option<i32>,
    /// Of its model, s.
    pub model_download_s: Option<i32>,
    /// Mean time to first token, ms.
    pub ttft_ms: Option<f64>,
    /// Output tokens a second.
    pub output_tokens_per_second: Option<f64>,
    /// Mean prompt length, tokens.
    pub prompt_token_count: Option<f64>,
    /// Mean output length, tokens.
    pub output_token_count: Option<f64>,
    /// Requests of the throughput benchmark.
    pub total_requests: Option<i64>,
    /// Votes for it.
    pub upvotes: i32,
    /// Top-level comments on it.
    pub comment_count: i32,
    /// Icon of the model's family.
    pub icon_url: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// What the newest run that is asked for matches; all that is given must hold.
#[derive(Debug, Clone, Default)]
pub struct Match {
    /// Its public identifier.
    pub pod_id: Option<String>,
    /// Its engine, without regard to case.
    pub engine: Option<String>,
    /// Its GPU's id.
    pub gpu_id: Option<String>,
    /// Its model's display name, or the engine's own id of it.
    pub model: Option<String>,
    /// `Runpod`, …
    pub server_type: Option<String>,
}

/// Which runs are listed; all that is given must hold, and a run that lacks a value fails its bound. Bounds are inclusive.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// One of these display names of models.
    pub models: Option<Vec<String>>,
    /// This engine.
    pub engine: Option<String>,
    /// This parameter size.
    pub parameter_size: Option<String>,
    /// One of these GPUs, by id.
    pub gpu_ids: Option<Vec<String>>,
    /// A machine that costs exactly this, USD an hour.
    pub usd_per_hour: Option<f64>,
    /// One that costs at least this.
    pub min_usd_per_hour: Option<f64>,
    /// One that costs at most this.
    pub max_usd_per_hour: Option<f64>,
    /// Least mean time to first token, ms.
    pub min_ttft_ms: Option<f64>,
    /// Most.
    pub max_ttft_ms: Option<f64>,
    /// Least output tokens a second.
    pub min_output_tokens_per_second: Option<f64>,
    /// Most.
    pub max_output_tokens_per_second: Option<f64>,
    /// Has a benchmark of this kind.
    pub benchmark_type: Option<String>,
}

/// The newest listed run that matches.
///
/// # Errors
/// When the database fails.
pub async fn newest(conn: &mut PgConnection, wanted: &Match) -> Result<Option<ListedRun>, Error> {
    let pod_id = sqlx::query_scalar!(
        "select pod_id from published_runs
         where 'throughput' = any (benchmark_types)
           and ($1::text is null or pod_id = $1) and ($2::text is null or lower(inference_name) = lower($2))
           and ($3::text is null or gpu_id = $3)
           and ($4::text is null or llm_common_name = $4 or llm_id = $4)
           and ($5::text is null or server_type = $5)
         order by created_at desc, pod_id desc limit 1",
        wanted.pod_id.as_deref(),
        wanted.engine.as_deref(),
        wanted.gpu_id.as_deref(),
        wanted.model.as_deref(),
        wanted.server_type.as_deref()
    )
    .fetch_optional(&mut *conn)
    .await?;
    match pod_id {
        Some(pod_id) => Ok(of(conn, &[pod_id]).await?.into_values().next()),
        None => Ok(None),
    }
}

/// Those of these runs that are listed, by public identifier.
///
/// # Errors
/// When the database fails.
pub async fn of(conn: &mut PgConnection, pod_ids: &[String]) -> Result<HashMap<String, ListedRun>, Error> {
    let runs = sqlx::query_as!(
        ListedRun,
        r#"select r.pod_id, r.llm_common_name as model_name, r.llm_parameter_size as parameter_size,
                  r.inference_name as inference_engine, r.gpu_id as hardware, r.server_type, r.container_disk_in_gb,
                  r.used_usd, r.usd_per_hour, r.benchmark_duration_s, r.server_start_s, r.model_download_s, r.ttft_ms,
                  r.output_tokens_per_second, coalesce(t.prompt_token_count, s.prompt_token_count) as prompt_token_count,
                  coalesce(t.output_token_count, s.output_token_count) as output_token_count,
                  coalesce(t.total_requests, s.total_requests) as total_requests,
                  r.upvotes, r.comment_count, r.icon_url, r.created_at
           from published_runs r
           left join published_results t
             on t.pod_id = r.pod_id and t.benchmark_type = 'throughput' and t.rate is null
           left join imported_summaries s on s.pod_id = r.pod_id
           where 'throughput' = any (r.benchmark_types) and r.pod_id = any ($1)"#,
        pod_ids
    )
    .fetch_all(conn)
    .await?;
    Ok(runs.into_iter().map(|run| (run.pod_id.clone(), run)).collect())
}

/// These runs, each at its place; what isn't listed is left out, and what is asked twice comes twice.
///
/// # Errors
/// When the database fails.
pub async fn in_order(conn: &mut PgConnection, pod_ids: &[String]) -> Result<Vec<ListedRun>, Error> {
    let runs = of(conn, pod_ids).await?;
    Ok(pod_ids.iter().filter_map(|pod_id| runs.get(pod_id).cloned()).collect())
}

/// A page of listed runs that the filter lets pass, newest first, and how many there are in all.
///
/// # Errors
/// When the database fails.
pub async fn page(
    conn: &mut PgConnection,
    filter: &Filter,
    offset: i64,
    limit: i64,
) -> Result<(Vec<ListedRun>, i64), Error> {
    if *filter == Filter::default() {
        return whole_page(conn, offset, limit).await;
    }
    // One pass finds both: a filter that few pass has to look at all that there are, and one that many pass is cheap.
    let found = sqlx::query!(
        r#"with found as materialized (
             select pod_id, created_at from published_runs
             where 'throughput' = any (benchmark_types)
               and ($1::text[] is null or llm_common_name = any ($1))
               and ($2::text is null or inference_name = $2)
               and ($3::text is null or llm_parameter_size = $3)
               and ($4::text[] is null or gpu_id = any ($4))
               and ($5::float8 is null or usd_per_hour::float8 = $5)
               and ($6::float8 is null or usd_per_hour::float8 >= $6)
               and ($7::float8 is null or usd_per_hour::float8 <= $7)
               and ($8::float8 is null or ttft_ms >= $8) and ($9::float8 is null or ttft_ms <= $9)
               and ($10::float8 is null or output_tokens_per_second >= $10)
               and ($11::float8 is null or output_tokens_per_second <= $11)
               and ($12::text is null or $12 = any (benchmark_types)))
           select (select count(*) from found) as "total!",
                  array(select pod_id from found order by created_at desc, pod_id desc offset $13 limit $14) as "pod_ids!""#,
        filter.models.as_deref(),
        filter.engine.as_deref(),
        filter.parameter_size.as_deref(),
        filter.gpu_ids.as_deref(),
        filter.usd_per_hour,
        filter.min_usd_per_hour,
        filter.max_usd_per_hour,
        filter.min_ttft_ms,
        filter.max_ttft_ms,
        filter.min_output_tokens_per_second,
        filter.max_output_tokens_per_second,
        filter.benchmark_type.as_deref(),
        offset,
        limit
    )
    .fetch_one(&mut *conn)
    .await?;
    Ok((in_order(conn, &found.pod_ids).await?, found.total))
}

/// The same of all: counted in the index, and read from its beginning.
async fn whole_page(
    conn: &mut PgConnection,
    offset: i64,
    limit: i64,
) -> Result<(Vec<ListedRun>, i64), Error> {
    let total = sqlx::query_scalar!(
        r#"select count(*) as "total!" from published_runs where 'throughput' = any (benchmark_types)"#
    )
    .fetch_one(&mut *conn)
    .await?;
    if offset >= total {
        return Ok((Vec::new(), total));
    }
    let pod_ids = sqlx::query_scalar!(
        "select pod_id from published_runs where 'throughput' = any (benchmark_types)
         order by created_at desc, pod_id desc offset $1 limit $2",
        offset,
        limit
    )
    .fetch_all(&mut *conn)
    .await?;
    Ok((in_order(conn, &pod_ids).await?, total))
}

/// The display names of listed models that a text means: the one that is spelled like it, else those it is a part of,
/// without regard to case.
///
/// # Errors
/// When the database fails.
pub async fn models(conn: &mut PgConnection, text: &str) -> Result<Vec<String>, Error> {
    let exact = sqlx::query_scalar!(
        r#"select exists (select from published_runs
                          where 'throughput' = any (benchmark_types) and llm_common_name = $1) as "exists!""#,
        text
    )
    .fetch_one(&mut *conn)
    .await?;
    if exact {
        return Ok(vec![text.to_owned()]);
    }
    let wanted = text.to_lowercase();
    let mut names = options(conn).await?.model_names;
    names.retain(|name| name.to_lowercase().contains(&wanted));
    Ok(names)
}

/// What listed runs have: each list distinct and in the order of its characters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Display names of models.
    pub model_names: Vec<String>,
    /// Engines.
    pub inference_engines: Vec<String>,
    /// Parameter sizes.
    pub parameter_sizes: Vec<String>,
    /// GPUs, by id.
    pub hardwares: Vec<String>,
    /// Where they ran.
    pub server_types: Vec<String>,
}

/// What there is to choose from: a few steps down each index, however many runs there are.
///
/// # Errors
/// When the database fails.
pub async fn options(conn: &mut PgConnection) -> Result<Options, Error> {
    let rows = sqlx::query!(
        r#"with recursive
             model (name) as (
               (select min(llm_common_name) from published_runs where 'throughput' = any (benchmark_types))
               union all
               select (select min(llm_common_name) from published_runs
                       where 'throughput' = any (benchmark_types) and llm_common_name > model.name)
               from model where name is not null),
             engine (name) as (
               (select min(inference_name) from published_runs where 'throughput' = any (benchmark_types))
               union all
               select (select min(inference_name) from published_runs
                       where 'throughput' = any (benchmark_types) and inference_name > engine.name)
               from engine where name is not null),
             size (name) as (
               (select min(llm_parameter_size) from published_runs where 'throughput' = any (benchmark_types))
               union all
               select (select min(llm_parameter_size) from published_runs
                       where 'throughput' = any (benchmark_types) and llm_parameter_size > size.name)
               from size where name is not null),
             gpu (name) as (
               (select min(gpu_id) from published_runs where 'throughput' = any (benchmark_types))
               union all
               select (select min(gpu_id) from published_runs
                       where 'throughput' = any (benchmark_types) and gpu_id > gpu.name)
               from gpu where name is not null),
             server (name) as (
               (select min(server_type) from published_runs where 'throughput' = any (benchmark_types))
               union all
               select (select min(server_type) from published_runs
                       where 'throughput' = any (benchmark_types) and server_type > server.name)
               from server where name is not null)
           select 'model' as "kind!", name as "name!" from model where name <> ''
           union all select 'engine', name from engine where name <> ''
           union all select 'size', name from size where name <> ''
           union all select 'gpu', name from gpu where name <> ''
           union all select 'server', name from server where name <> ''"#
    )
    .fetch_all(conn)
    .await?;
    let mut options = Options::default();
    for row in rows {
        let list = match row.kind.as_str() {
            "model" => &mut options.model_names,
            "engine" => &mut options.inference_engines,
            "size" => &mut options.parameter_sizes,
            "gpu" => &mut options.hardwares,
            _ => &mut options.server_types,
        };
        list.push(row.name);
    }
    for list in [
        &mut options.model_names,
        &mut options.inference_engines,
        &mut options.parameter_sizes,
        &mut options.hardwares,
        &mut options.server_types,
    ] {
        list.sort_unstable();
    }
    Ok(options)
}

/// A point of a run's graph: streams, and mean latency in s.
pub type Point = (i32, f64);

/// The concurrent benchmarks of these runs, each run's by ascending rate.
///
/// # Errors
/// When the database fails.
pub async fn graphs(
    conn: &mut PgConnection,
    pod_ids: &[String],
) -> Result<HashMap<String, Vec<Point>>, Error> {
    let rows = sqlx::query!(
        r#"select pod_id, rate as "rate!", request_latency from published_results
           where pod_id = any ($1) and benchmark_type = 'concurrent' order by pod_id, rate"#,
        pod_ids
    )
    .fetch_all(conn)
    .await?;
    let mut graphs: HashMap<String, Vec<Point>> = HashMap::new();
    for row in rows {
        graphs.entry(row.pod_id).or_default().push((row.rate, row.request_latency));
    }
    Ok(graphs)
}

/// Whether somebody votes for a run.
///
/// # Errors
/// When the database fails.
pub async fn is_upvoted_by(conn: &mut PgConnection, pod_id: &str, github_id: i64) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from run_upvotes where pod_id = $1 and github_id = $2) as "exists!""#,
        pod_id,
        github_id
    )
    .fetch_one(conn)
    .await?)
}

/// The GPU that a run measured: its id in the catalog where that is known, and what it was called there. `None`: there is no
/// such run.
///
/// # Errors
/// When the database fails.
pub async fn gpu_of(
    conn: &mut PgConnection,
    pod_id: &str,
) -> Result<Option<(Option<String>, String)>, Error> {
    let row = sqlx::query!("select gpu_key, gpu_id from published_runs where pod_id = $1", pod_id)
        .fetch_optional(conn)
        .await?;
    Ok(row.map(|row| (row.gpu_key, row.gpu_id)))
}
