//! What GuideLLM's files hold around the figures: the scenario, the scheduler's state, the same figures by kind of
//! content, and a request's times. Where we have nothing to say it is what GuideLLM reads as nothing.

use serde_json::{Value, json};

use super::{About, Benchmark};
use crate::domain::measure::{
    record::{LevelRecords, LoadShape, Outcome, RequestRecord},
    requests::{Request, Status},
};

/// Who wrote the file.
pub(super) const WRITTEN_BY: &str = concat!("dria-bench ", env!("CARGO_PKG_VERSION"));

/// The scenario, as far as GuideLLM has words for it: which loads there were, and how long prompts and answers
/// were meant to be in the longest request.
pub(super) fn scenario(about: &About, levels: &[Benchmark]) -> Value {
    let loads = || levels.iter().map(|one| one.level.shape);
    let longest = |tokens: fn(&RequestRecord) -> u32| {
        levels.iter().flat_map(|one| &one.level.records).map(tokens).max().unwrap_or(0).max(1)
    };
    let streams: Vec<u32> = loads().filter_map(LoadShape::streams).collect();
    let profile = match loads().next() {
        Some(LoadShape::Open { requests_per_second }) => {
            json!({ "kind": "constant", "rate": [requests_per_second] })
        }
        Some(LoadShape::Saturate { max_in_flight }) if streams.is_empty() => {
            json!({ "kind": "throughput", "max_concurrency": max_in_flight })
        }
        _ => json!({ "kind": "concurrent", "streams": streams }),
    };
    json!({
        "metadata": { "labels": { "written_by": WRITTEN_BY, "engine": about.engine } },
        "spec": {
            "backend": { "kind": "openai_http", "target": about.target.as_deref().unwrap_or(""), "model": about.model },
            "profile": profile,
            "data": [{
                "kind": "synthetic_text",
                "prompt_tokens": longest(|record| record.intended_prompt_tokens),
                "output_tokens": longest(|record| record.intended_output_tokens),
            }],
        },
        "benchmarks": [],
    })
}

/// How many requests there were, and when.
pub(super) fn scheduler_state(level: &LevelRecords, wall: impl Fn(u64) -> f64) -> Value {
    let count = |is: fn(&Outcome) -> bool| level.records.iter().filter(|record| is(&record.outcome)).count();
    let first_us = level.records.iter().map(|record| record.start_us).min().unwrap_or(level.window.start_us);
    let last_us = level.records.iter().map(|record| record.end_us).max().unwrap_or(level.window.end_us);
    json!({
        "start_time": wall(first_us),
        "end_time": wall(last_us),
        "created_requests": level.records.len(),
        "processed_requests": level.records.len(),
        "successful_requests": count(|outcome| *outcome == Outcome::Completed),
        "cancelled_requests": count(|outcome| *outcome == Outcome::CutOff),
        "errored_requests": count(|outcome| matches!(outcome, Outcome::Errored { .. })),
    })
}

/// How long after its intended start a request was sent, s.
pub(super) fn sent_late_s(record: &RequestRecord) -> f64 {
    record.start_us.saturating_sub(record.intended_start_us) as f64 / 1e6
}

/// The figures by kind of content: all of it is text.
pub(super) fn by_content(metrics: &Value) -> Value {
    let tokens = json!({
        "input": metrics["prompt_token_count"],
        "input_per_second": metrics["prompt_tokens_per_second"],
        "input_concurrency": null,
        "output": metrics["output_token_count"],
        "output_per_second": metrics["output_tokens_per_second"],
        "output_concurrency": null,
        "total": metrics["total_token_count"],
        "total_per_second": metrics["tokens_per_second"],
        "total_concurrency": null,
    });
    json!({
        "text": { "tokens": tokens, "words": null, "characters": null },
        "image": { "tokens": null, "images": null, "pixels": null, "bytes": null },
        "video": { "tokens": null, "frames": null, "seconds": null, "bytes": null },
        "audio": { "tokens": null, "samples": null, "seconds": null, "bytes": null },
        "tool_call": { "tokens": null, "mixed_tokens": null, "count": null },
    })
}

/// A request's times on the wall clock, s.
pub(super) fn request_info(index: usize, request: &Request, wall: impl Fn(u64) -> f64) -> Value {
    let status = match request.status {
        Status::Successful => "completed",
        Status::Incomplete => "cancelled",
        Status::Errored => "errored",
    };
    json!({
        "request_id": index.to_string(),
        "status": status,
        "timings": {
            "request_start": wall(request.start_us),
            "resolve_start": wall(request.start_us),
            "first_request_iteration": request.first_us.map(&wall),
            "first_token_iteration": request.first_us.map(&wall),
            "first_output_token_iteration": request.first_us.map(&wall),
            "last_token_iteration": request.last_us.map(&wall),
            "last_request_iteration": request.last_us.map(&wall),
            "request_iterations": request.events,
            "token_iterations": request.events,
            "request_end": wall(request.end_us),
            "resolve_end": wall(request.end_us),
        },
    })
}
