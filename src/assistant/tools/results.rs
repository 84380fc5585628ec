//! A published run as tools put it out.

use serde_json::{Value, json};
use sqlx::PgConnection;

use super::arguments::{data, maybe, usd};
use crate::store::{
    Error,
    evidence::{self, Filter, Finding, Order},
};

/// Where a run's results are shown.
pub(super) fn link_to(pod_id: &str) -> String {
    format!("/results/{pod_id}")
}

/// What a run measured, in a few words: `vLLM, Llama 3.1 8B, 1 × NVIDIA H100`.
pub(super) fn title(found: &Finding) -> String {
    let machine = match found.gpu_count {
        0 => data(&found.gpu),
        count => format!("{count} × {}", data(&found.gpu)),
    };
    format!("{}, {}, {machine}", data(&found.engine), data(&found.model))
}

/// A run by its throughput benchmark.
pub(super) fn row(found: &Finding) -> Value {
    json!({
        "link": link_to(&found.pod_id),
        "run": found.pod_id,
        "title": title(found),
        "model": data(&found.model),
        "parameter_size": data(&found.parameter_size),
        "precision": found.precision.as_deref().map(data),
        "engine": data(&found.engine),
        "engine_version": found.engine_version.as_deref().map(data),
        "gpu": data(&found.gpu),
        "gpu_count": found.gpu_count,
        "provider": data(&found.server_type),
        "output_tokens_per_second": maybe(found.output_tokens_per_second),
        "ttft_ms": maybe(found.ttft_ms),
        "request_latency_s": maybe(found.request_latency_s),
        "usd_per_hour": found.usd_per_hour.map(usd),
        "usd_per_million_output_tokens": found.usd_per_million_output_tokens.map(usd),
        "measured_at": found.measured_at.format("%Y-%m-%d").to_string(),
        "imported": found.run_id.is_none(),
    })
}

/// The run of this id; `None`: none that succeeded is published under it.
pub(super) async fn one(conn: &mut PgConnection, pod_id: &str) -> Result<Option<Finding>, Error> {
    let filter = Filter { pod_id: Some(pod_id.to_owned()), ..Filter::default() };
    Ok(evidence::find(conn, &filter, Order::Newest, 1).await?.pop())
}

/// The run that a question is about, with all its benchmarks.
///
/// # Errors
/// When the database fails.
pub(in crate::assistant) async fn the_run(
    conn: &mut PgConnection,
    pod_id: &str,
) -> Result<Option<Value>, Error> {
    let Some(found) = one(conn, pod_id).await? else { return Ok(None) };
    let mut run = row(&found);
    let levels = evidence::levels(conn, pod_id).await?;
    run["benchmarks"] = levels
        .iter()
        .map(|level| {
            json!({
                "benchmark": level.benchmark_type,
                "concurrent_requests": level.rate,
                "output_tokens_per_second": maybe(Some(level.output_tokens_per_second)),
                "ttft_ms": maybe(Some(level.ttft_ms)),
                "inter_token_latency_ms": maybe(Some(level.itl_ms)),
                "request_latency_s": maybe(Some(level.request_latency_s)),
            })
        })
        .collect();
    Ok(Some(run))
}
