//! A run: its results, its suite, and the run itself, in the order in which they are written.

use std::collections::BTreeMap;

use mongodb::bson::{Bson, Document, doc};
use rust_decimal::prelude::ToPrimitive as _;

use super::{Unfit, Upsert, VERSION, date, double, int, text};
use crate::{
    domain::measure::summary::BenchmarkType,
    store::publications::{FailureKind, PublishedResult, StoredPublication},
};

/// What a run is in MongoDB.
#[derive(Debug, Clone)]
pub(in crate::sync) struct RunDocuments {
    /// Its identifier.
    pub(in crate::sync) pod_id: String,
    /// Its version.
    pub(in crate::sync) version: i64,
    /// Concurrent by ascending rate, then throughput.
    pub(in crate::sync) results: Vec<Upsert>,
    /// All of them in one.
    pub(in crate::sync) suite: Upsert,
    /// The run itself, which makes the rest be shown.
    pub(in crate::sync) pod: Upsert,
}

/// A run's documents.
pub(in crate::sync) fn run(stored: &StoredPublication) -> Result<RunDocuments, Unfit> {
    let pod_id = &stored.run.pod_id;
    let results = stored.results.iter().map(|row| result(pod_id, row)).collect::<Result<Vec<_>, _>>()?;
    let upserts = results.iter().zip(&stored.results).map(|(document, row)| Upsert {
        collection: "benchmark_results",
        key: doc! {
            "pod_id": pod_id.as_str(), "benchmark_type": row.benchmark_type.as_str(), "rate": rate(row.rate),
        },
        set: versioned(document.clone(), stored.version),
        set_on_insert: Document::new(),
    });
    Ok(RunDocuments {
        pod_id: pod_id.clone(),
        version: stored.version,
        results: upserts.collect(),
        suite: suite(stored, &results)?,
        pod: pod(stored)?,
    })
}

fn versioned(mut document: Document, version: i64) -> Document {
    document.insert(VERSION, version);
    document
}

fn rate(rate: Option<i32>) -> Bson {
    rate.map_or(Bson::Null, Bson::Int32)
}

/// A time as Unix seconds.
fn unix(time: chrono::DateTime<chrono::Utc>) -> f64 {
    time.timestamp_micros() as f64 / 1e6
}

fn result(pod_id: &str, row: &PublishedResult) -> Result<Document, Unfit> {
    let count = |value: Option<i64>| value.map_or(Bson::Null, int);
    Ok(doc! {
        "pod_id": pod_id,
        "benchmark_type": row.benchmark_type.as_str(),
        "rate": rate(row.rate),
        "max_number": count(row.max_number),
        "warmup_number": count(row.warmup_number),
        "benchmark_duration": double("benchmark_duration", row.benchmark_duration)?,
        "total_requests": int(row.total_requests),
        "successful_requests": int(row.successful_requests),
        "requests_per_second": double("requests_per_second", row.requests_per_second)?,
        "request_concurrency": double("request_concurrency", row.request_concurrency)?,
        "request_latency": double("request_latency", row.request_latency)?,
        "prompt_token_count": double("prompt_token_count", row.prompt_token_count)?,
        "output_token_count": double("output_token_count", row.output_token_count)?,
        "time_to_first_token_ms": double("time_to_first_token_ms", row.time_to_first_token_ms)?,
        "time_per_output_token_ms": double("time_per_output_token_ms", row.time_per_output_token_ms)?,
        "inter_token_latency_ms": double("inter_token_latency_ms", row.inter_token_latency_ms)?,
        "output_tokens_per_second": double("output_tokens_per_second", row.output_tokens_per_second)?,
        "tokens_per_second": double("tokens_per_second", row.tokens_per_second)?,
        "timestamp": unix(row.measured_at),
    })
}

fn suite(stored: &StoredPublication, results: &[Document]) -> Result<Upsert, Unfit> {
    let run = &stored.run;
    let of = |kind: BenchmarkType| {
        let rows = stored.results.iter().zip(results);
        rows.filter(move |(row, _)| row.benchmark_type == kind)
            .map(|(_, document)| Bson::from(document.clone()))
    };
    let mut summary: BTreeMap<&str, i64> =
        ["timeout", "connection", "server_error", "memory_error", "unknown"].map(|kind| (kind, 0)).into();
    for failure in &run.failures {
        *summary.entry(kind(failure.kind)).or_default() += 1;
    }
    let summary: Document = summary.into_iter().map(|(kind, count)| (kind.to_owned(), int(count))).collect();
    let failures: Vec<Bson> = run
        .failures
        .iter()
        .map(|failure| {
            Bson::from(doc! {
                "test_type": failure.test_type.as_str(), "rate": rate(failure.rate), "error": failure.error.as_str(),
            })
        })
        .collect();
    let (successful, failed) = (results.len() as f64, failures.len() as f64);
    let start = run.suite_started_at.unwrap_or(run.created_at);
    let end = run.suite_ended_at.unwrap_or(start);
    let set = doc! {
        "pod_id": run.pod_id.as_str(),
        "framework": run.inference_name.as_str(),
        "timestamp": unix(end),
        "suite_results": {
            "pod_id": run.pod_id.as_str(),
            "start_time": unix(start),
            "end_time": unix(end),
            "total_duration": double("total_duration", (end - start).as_seconds_f64())?,
            "concurrent_results": of(BenchmarkType::Concurrent).collect::<Vec<_>>(),
            "throughput_result": of(BenchmarkType::Throughput).next().unwrap_or(Bson::Null),
            "failures": failures,
            "total_tests": super::count(results.len() + run.failures.len()),
            "successful_tests": super::count(results.len()),
            "success_rate": double("success_rate", successful / (successful + failed))?,
            "error_summary": summary,
        },
    };
    Ok(Upsert {
        collection: "benchmark_suite_results",
        key: doc! { "pod_id": run.pod_id.as_str() },
        set: versioned(set, stored.version),
        set_on_insert: Document::new(),
    })
}

/// The names that readers count failures by.
const fn kind(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Timeout => "timeout",
        FailureKind::Connection => "connection",
        FailureKind::ServerError => "server_error",
        FailureKind::MemoryError => "memory_error",
        FailureKind::Unknown => "unknown",
    }
}

fn pod(stored: &StoredPublication) -> Result<Upsert, Unfit> {
    let run = &stored.run;
    // Readers need a number. What nobody saw is 0, which no start and no download takes.
    let start = Bson::Int32(run.server_start_s.unwrap_or_default());
    let mut set = doc! {
        "pod_id": run.pod_id.as_str(),
        "pod_url": run.pod_url.as_str(),
        "time_taken_to_start_server": start.clone(),
        "time_taken_to_start_ollama_server": start,
        "time_taken_to_upload_llm": run.model_download_s.or(run.server_start_s).unwrap_or_default(),
        "llm_id": run.llm_id.as_str(),
        "llm_common_name": run.llm_common_name.as_str(),
        "llm_parameter_size": run.llm_parameter_size.as_str(),
        "gpu_id": run.gpu_id.as_str(),
        "gpu_count": run.gpu_count,
        "volume_in_gb": run.volume_in_gb,
        "container_disk_in_gb": run.container_disk_in_gb,
        "port": run.port,
        "inference_name": run.inference_name.as_str(),
        "server_type": run.server_type.as_str(),
        "benchmark_type": stored.benchmark_types.clone(),
        "created_at": date(run.created_at),
        "benchmark_duration": double("benchmark_duration", run.benchmark_duration_s.unwrap_or_default())?,
        "icon_url": text(run.icon_url.as_deref()),
    };
    if let Some(cost) = run.cost {
        let price = cost.usd_per_hour.to_f64().unwrap_or(f64::NAN);
        set.insert(
            "pod_cost",
            doc! {
                "pod_id": run.pod_id.as_str(),
                "uptime_seconds": cost.uptime_s,
                "cost_per_hr": double("cost_per_hr", price)?,
                "used_balance": double("used_balance", f64::from(cost.uptime_s) / 3600.0 * price)?,
            },
        );
    }
    Ok(Upsert {
        collection: "pod_benchmarks",
        key: doc! { "pod_id": run.pod_id.as_str() },
        set: versioned(set, stored.version),
        set_on_insert: doc! {
            "likes": super::count(stored.upvoters.len()),
            "user_likes": stored.upvoters.iter().copied().map(int).collect::<Vec<_>>(),
        },
    })
}
