//! `pod_benchmarks`, `benchmark_results` and `benchmark_suite_results`: a run with its results and votes.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Offset as _, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use rust_decimal::Decimal;
use sqlx::{Connection as _, PgConnection};

use super::{Source, fields::Fields};
use crate::{
    domain::{catalog::Catalog, kinds::EngineKind, measure::summary::BenchmarkType, run::RunStatus},
    import::{Error, Outcome, Report},
    store::{
        imports,
        publications::{
            self, FailureKind, Origin, Published, PublishedCost, PublishedFailure, PublishedResult,
            PublishedRun,
        },
    },
};

/// What stands where a text has to be and nobody knows it.
const UNKNOWN: &str = "unknown";

/// A result whose time may not be known.
type TimedResult = (PublishedResult, Option<DateTime<Utc>>);

/// What a suite says of its run.
#[derive(Default)]
struct Suite {
    began: Option<DateTime<Utc>>,
    ended: Option<DateTime<Utc>>,
    failures: Vec<PublishedFailure>,
}

/// Imports every run.
pub(super) async fn import(
    conn: &mut PgConnection,
    source: &Source,
    from: &str,
    zone: Tz,
    report: &mut Report,
) -> Result<(), Error> {
    let catalog = Catalog::embedded().map_err(|error| Error::Catalog(error.to_string()))?;
    let mut results = results(source, report).await?;
    let mut suites = suites(source, report).await?;
    let (mut runs, mut seen) = (Vec::new(), HashSet::new());
    source
        .each("pod_benchmarks", "runs", report, |document, report| {
            let fields = Fields(&document);
            match fields.text("pod_id").filter(|pod_id| is_pod_id(pod_id)) {
                None => report.skip(
                    "runs",
                    fields.called(),
                    "its pod_id has to be made of A-Z, a-z, 0-9, _ and -",
                ),
                Some(pod_id) if !seen.insert(pod_id.clone()) => {
                    report.skip("runs", pod_id, "one of this pod_id was stored before it");
                }
                Some(pod_id) => runs.push((pod_id, document)),
            }
        })
        .await?;
    for (pod_id, document) in runs {
        let results = results.remove(&pod_id).unwrap_or_default();
        let suite = suites.remove(&pod_id).unwrap_or_default();
        let fields = Fields(&document);
        let run = run(&catalog, fields, &pod_id, from, zone, suite, &results);
        let rows: Vec<PublishedResult> = results
            .into_iter()
            .map(|(row, at)| PublishedResult {
                measured_at: at.or(run.suite_ended_at).unwrap_or(run.created_at),
                ..row
            })
            .collect();
        let mut tx = conn.begin().await?;
        let published = publications::upsert(&mut tx, &run, &rows).await?;
        let votes = imports::upvotes(&mut tx, &pod_id, &fields.people("user_likes"), run.created_at).await?;
        tx.commit().await?;
        let outcome = match published {
            Published::Written(_) => Outcome::Taken,
            Published::Unchanged => Outcome::Unchanged,
            Published::Kept => Outcome::Kept,
        };
        report.count("runs", outcome);
        report.count_all("results", outcome, rows.len() as u64);
        report.count_all("votes", Outcome::Taken, votes);
        let likes = fields.whole("likes").unwrap_or_default();
        let listed = i64::try_from(fields.people("user_likes").len()).unwrap_or(i64::MAX);
        if likes != listed {
            let why = format!(
                "it counts {likes} votes and lists {listed}: only those that are listed can be taken"
            );
            report.skip("votes", pod_id, why);
        }
    }
    for (pod_id, left) in results {
        for (result, _) in left {
            report.skip(
                "results",
                called(&pod_id, result.benchmark_type, result.rate),
                "there is no run of this pod_id",
            );
        }
    }
    Ok(())
}

fn is_pod_id(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn called(pod_id: &str, kind: BenchmarkType, rate: Option<i32>) -> String {
    match rate {
        Some(rate) => format!("{pod_id} {} {rate}", kind.as_str()),
        None => format!("{pod_id} {}", kind.as_str()),
    }
}

/// The kind of a benchmark and its rate, which throughput has none of.
fn kind(fields: Fields<'_>, name: &str) -> Result<(BenchmarkType, Option<i32>), String> {
    match fields.text(name).as_deref() {
        Some("throughput") => Ok((BenchmarkType::Throughput, None)),
        Some("concurrent") => match fields.count("rate").filter(|rate| *rate > 0) {
            Some(rate) => Ok((BenchmarkType::Concurrent, Some(rate))),
            None => Err("it is concurrent and has no rate of 1 or more".to_owned()),
        },
        _ => Err(format!("its {name} is neither concurrent nor throughput")),
    }
}

/// Every result by its run: the first of its kind and rate that is stored.
async fn results(source: &Source, report: &mut Report) -> Result<HashMap<String, Vec<TimedResult>>, Error> {
    let mut all: HashMap<String, Vec<TimedResult>> = HashMap::new();
    source
        .each("benchmark_results", "results", report, |document, report| {
            let fields = Fields(&document);
            let Some(pod_id) = fields.text("pod_id") else {
                return report.skip("results", fields.called(), "it has no pod_id");
            };
            let (kind, rate) = match kind(fields, "benchmark_type") {
                Ok(kind) => kind,
                Err(why) => return report.skip("results", format!("{pod_id} {}", fields.called()), why),
            };
            let of_run = all.entry(pod_id.clone()).or_default();
            if of_run.iter().any(|(row, _)| (row.benchmark_type, row.rate) == (kind, rate)) {
                return report.skip(
                    "results",
                    called(&pod_id, kind, rate),
                    "a twin of it was stored before it",
                );
            }
            match result(fields, kind, rate) {
                Ok(row) => of_run.push(row),
                Err(why) => report.skip("results", called(&pod_id, kind, rate), why),
            }
        })
        .await?;
    Ok(all)
}

fn result(fields: Fields<'_>, kind: BenchmarkType, rate: Option<i32>) -> Result<TimedResult, String> {
    let mean = |name: &str| {
        fields
            .number(name)
            .filter(|mean| *mean >= 0.0)
            .ok_or_else(|| format!("its {name} is missing or no number"))
    };
    let count = |name: &str| fields.whole(name).filter(|count| *count >= 0);
    let successful_requests =
        count("successful_requests").or_else(|| count("total_requests")).unwrap_or_default();
    if successful_requests == 0 {
        return Err("none of its requests was answered".to_owned());
    }
    let row = PublishedResult {
        benchmark_type: kind,
        rate,
        result_id: None,
        max_number: count("max_number"),
        warmup_number: count("warmup_number"),
        benchmark_duration: mean("benchmark_duration")?,
        total_requests: count("total_requests").unwrap_or(successful_requests),
        successful_requests,
        requests_per_second: mean("requests_per_second")?,
        request_concurrency: mean("request_concurrency")?,
        request_latency: mean("request_latency")?,
        prompt_token_count: mean("prompt_token_count")?,
        output_token_count: mean("output_token_count")?,
        time_to_first_token_ms: mean("time_to_first_token_ms")?,
        time_per_output_token_ms: mean("time_per_output_token_ms")?,
        inter_token_latency_ms: mean("inter_token_latency_ms")?,
        output_tokens_per_second: mean("output_tokens_per_second")?,
        tokens_per_second: mean("tokens_per_second")?,
        measured_at: DateTime::UNIX_EPOCH,
    };
    Ok((row, fields.time("timestamp").or_else(|| fields.time("benchmark_run_timestamp"))))
}

/// Every suite by its run, the first that is stored.
async fn suites(source: &Source, report: &mut Report) -> Result<HashMap<String, Suite>, Error> {
    let mut all: HashMap<String, Suite> = HashMap::new();
    source
        .each("benchmark_suite_results", "suites", report, |document, report| {
            let fields = Fields(&document);
            match fields.text("pod_id") {
                None => report.skip("suites", fields.called(), "it has no pod_id"),
                Some(pod_id) if all.contains_key(&pod_id) => {
                    report.skip("suites", pod_id, "one of this run was stored before it");
                }
                Some(pod_id) => {
                    all.insert(pod_id, fields.object("suite_results").map(suite).unwrap_or_default());
                }
            }
        })
        .await?;
    Ok(all)
}

fn suite(fields: Fields<'_>) -> Suite {
    let failures = fields.objects("failures").into_iter().filter_map(|failure| {
        let (test_type, rate) = kind(failure, "test_type").ok()?;
        let error = failure.text("error").unwrap_or_else(|| "nobody wrote down what went wrong".to_owned());
        Some(PublishedFailure { test_type, rate, kind: failure_kind(&error), error })
    });
    Suite { began: fields.time("start_time"), ended: fields.time("end_time"), failures: failures.collect() }
}

/// By what people and libraries say.
fn failure_kind(error: &str) -> FailureKind {
    let said = error.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if says(&["timeout", "timed out", "in time"]) {
        FailureKind::Timeout
    } else if says(&["memory", "oom"]) {
        FailureKind::MemoryError
    } else if says(&["connect", "refused", "reset", "unreachable"]) {
        FailureKind::Connection
    } else if says(&["500", "502", "503", "504", "server error"]) {
        FailureKind::ServerError
    } else {
        FailureKind::Unknown
    }
}

fn run(
    catalog: &Catalog,
    fields: Fields<'_>,
    pod_id: &str,
    from: &str,
    zone: Tz,
    suite: Suite,
    results: &[TimedResult],
) -> PublishedRun {
    let has_throughput = results.iter().any(|(row, _)| row.benchmark_type == BenchmarkType::Throughput);
    let said = |name: &str| fields.text(name).unwrap_or_else(|| UNKNOWN.to_owned());
    let llm_id = fields
        .text("llm_id")
        .or_else(|| fields.text("llm_common_name"))
        .unwrap_or_else(|| UNKNOWN.to_owned());
    let (inference_name, gpu_id) = (said("inference_name"), said("gpu_id"));
    let engine = EngineKind::ALL.iter().copied().find(|kind| kind.published_name() == inference_name);
    let measured = results.iter().filter_map(|(_, at)| *at);
    PublishedRun {
        pod_id: pod_id.to_owned(),
        origin: Origin::Imported(from.to_owned()),
        status: if has_throughput { RunStatus::Succeeded } else { RunStatus::Failed },
        failure_code: None,
        llm_common_name: fields.text("llm_common_name").unwrap_or_else(|| llm_id.clone()),
        llm_parameter_size: fields.text("llm_parameter_size").unwrap_or_default(),
        model_slug: engine
            .and_then(|engine| catalog.model(&llm_id, engine).ok())
            .map(|model| model.common_name.clone()),
        llm_id,
        precision: None,
        inference_name,
        engine_version: None,
        image: None,
        gpu_key: catalog.gpu(&gpu_id).ok().map(|gpu| gpu.id.clone()),
        gpu_id,
        gpu_count: fields.count("gpu_count").unwrap_or(1),
        server_type: said("server_type"),
        pod_url: fields.text("pod_url").unwrap_or_default(),
        port: fields.count("port").filter(|port| *port <= 65_535).unwrap_or_default(),
        volume_in_gb: fields.count("volume_in_gb").unwrap_or_default(),
        container_disk_in_gb: fields.count("container_disk_in_gb").unwrap_or_default(),
        server_start_s: fields
            .count("time_taken_to_start_server")
            .or_else(|| fields.count("time_taken_to_start_ollama_server")),
        model_download_s: fields.count("time_taken_to_upload_llm"),
        cost: fields.object("pod_cost").and_then(cost),
        benchmark_duration_s: fields.number("benchmark_duration").filter(|duration| *duration >= 0.0),
        suite_started_at: suite.began,
        suite_ended_at: suite.ended,
        failures: suite.failures,
        comparability: None,
        icon_url: fields.text("icon_url"),
        created_at: fields
            .time("created_at")
            .map(|at| from_local(at, zone))
            .or(suite.began)
            .or_else(|| measured.min())
            .unwrap_or(DateTime::UNIX_EPOCH),
    }
}

fn cost(fields: Fields<'_>) -> Option<PublishedCost> {
    let usd_per_hour = Decimal::try_from(fields.number("cost_per_hr")?).ok()?.round_dp(6);
    let is_money = usd_per_hour >= Decimal::ZERO && usd_per_hour < Decimal::from(100_000);
    is_money.then_some(PublishedCost { usd_per_hour, uptime_s: fields.count("uptime_seconds")? })
}

/// A local time that was stored as if it were UTC. One that a clock showed twice is the first of the two; one that it never
/// showed is as it would have been.
fn from_local(stored: DateTime<Utc>, zone: Tz) -> DateTime<Utc> {
    let local = stored.naive_utc();
    match zone.from_local_datetime(&local).earliest() {
        Some(time) => time.to_utc(),
        None => {
            stored - TimeDelta::seconds(zone.offset_from_utc_datetime(&local).fix().local_minus_utc().into())
        }
    }
}

#[cfg(test)]
mod tests {
    use FailureKind::{Connection, MemoryError, ServerError, Timeout, Unknown};

    use super::*;

    #[test]
    fn a_local_time_is_what_its_clock_showed() {
        let read = |text: &str, zone: Tz| from_local(text.parse().unwrap(), zone).to_rfc3339();
        assert_eq!(read("2025-07-14T15:45:40Z", Tz::UTC), "2025-07-14T15:45:40+00:00");
        assert_eq!(read("2025-07-14T15:45:40Z", Tz::Europe__Istanbul), "2025-07-14T12:45:40+00:00");
        assert_eq!(
            read("2025-10-26T02:30:00Z", Tz::Europe__Berlin),
            "2025-10-26T00:30:00+00:00",
            "shown twice"
        );
        assert_eq!(
            read("2025-03-30T02:30:00Z", Tz::Europe__Berlin),
            "2025-03-30T00:30:00+00:00",
            "never shown"
        );
    }

    #[test]
    fn failures_are_told_apart_by_what_they_say() {
        let kinds = [
            "Request timed out after 30 s",
            "CUDA out of memory",
            "Connection refused",
            "HTTP 503",
            "no idea",
        ]
        .map(failure_kind);
        assert_eq!(kinds, [Timeout, MemoryError, Connection, ServerError, Unknown]);
    }
}
