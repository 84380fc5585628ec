//! Results in the JSON shape of GuideLLM's `benchmarks.json` (`GenerativeBenchmarksReport` as of its 0.8, with
//! the fields that 0.5 had beside them), so that what reads those files reads ours, GuideLLM itself among them.
//! `docs/methodology.md` says which figures follow GuideLLM's rules rather than ours.

mod distribution;
mod frame;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use sqlx::PgConnection;

use super::{RunReport, name, records};
use crate::{
    domain::measure::{
        raw,
        record::{LevelRecords, LoadShape},
        requests::{Request, Status, requests},
    },
    store,
};
use distribution::Distribution;

/// The version of GuideLLM whose shape this is.
pub const FOLLOWS: &str = "0.8.1";

/// What was measured.
#[derive(Debug, Clone)]
pub struct About {
    /// The run's id, or another name for what belongs together.
    pub run: String,
    /// The engine's URL, where it is known.
    pub target: Option<String>,
    /// The engine's own id of the model.
    pub model: String,
    /// The engine.
    pub engine: String,
}

/// One level.
#[derive(Debug, Clone)]
pub struct Benchmark {
    /// Its records.
    pub level: LevelRecords,
    /// Wall time of the zero of its clock.
    pub started_at: DateTime<Utc>,
}

/// A run's file, from the records of its results.
///
/// # Errors
/// When the records of a result weren't kept or can't be read, or the database fails.
pub async fn of_run(conn: &mut PgConnection, run: &RunReport) -> Result<Value, records::Error> {
    let mut benchmarks = Vec::new();
    for stored in store::records::list(conn, run.run).await? {
        let block = stored.records.ok_or_else(|| records::Error::NotKept(name(&stored.summary)))?;
        benchmarks.push(Benchmark { level: raw::decode(&block)?, started_at: stored.started_at });
    }
    let about = About {
        run: run.run.to_string(),
        target: run.spec.machine.url.clone(),
        model: run.spec.model.id.clone(),
        engine: run.spec.engine.kind.to_string(),
    };
    Ok(report(&about, &benchmarks))
}

/// The whole file.
#[must_use]
pub fn report(about: &About, benchmarks: &[Benchmark]) -> Value {
    let each: Vec<Value> =
        benchmarks.iter().enumerate().map(|(index, one)| benchmark(about, index, one)).collect();
    json!({
        "metadata": {
            "version": 2,
            "guidellm_version": FOLLOWS,
            "python_version": "none",
            "platform": std::env::consts::OS,
            "written_by": frame::WRITTEN_BY,
        },
        "config": frame::scenario(about, benchmarks),
        "args": { "target": about.target, "model": about.model, "backend": "openai_http" },
        "benchmarks": each,
    })
}

fn benchmark(about: &About, index: usize, one: &Benchmark) -> Value {
    let Benchmark { level, started_at } = one;
    let zero_s = started_at.timestamp_micros() as f64 / 1e6;
    let wall = |us: u64| zero_s + us as f64 / 1e6;
    let seen = requests(level);
    let of = |status: Status| seen.iter().filter(|request| request.status == status).copied().collect();
    let by_status = ByStatus {
        successful: of(Status::Successful),
        incomplete: of(Status::Incomplete),
        errored: of(Status::Errored),
        total: seen,
    };
    let (w0, w1) = (level.window.start_us, level.window.end_us);
    let first_us = level.records.iter().map(|record| record.start_us).min().unwrap_or(w0);
    let last_us = level.records.iter().map(|record| record.end_us).max().unwrap_or(w1);
    let totals = by_status.each(|requests| json!(requests.len()));
    json!({
        "type_": "generative_benchmark",
        "config": {
            "id_": format!("{}/{index}", about.run),
            "run_id": about.run,
            "run_index": index,
            "strategy": strategy(level),
            "backend": { "type_": "openai_http", "target": about.target, "model": about.model, "engine": about.engine },
            "constraints": {},
            "profile": strategy(level),
            "requests": {},
            "environment": {},
        },
        "scheduler_state": frame::scheduler_state(level, wall),
        "scheduler_metrics": {
            "start_time": wall(first_us),
            "request_start_time": wall(first_us),
            "measure_start_time": wall(w0),
            "measure_end_time": wall(w1),
            "request_end_time": wall(last_us),
            "end_time": wall(last_us),
            "requests_made": totals,
            "request_time_avg": mean(by_status.total.iter().map(latency_s)),
            "resolve_time_avg": mean(by_status.total.iter().map(latency_s)),
            "request_targeted_start_delay_avg": mean(level.records.iter().map(frame::sent_late_s)),
            "resolve_targeted_start_delay_avg": mean(level.records.iter().map(frame::sent_late_s)),
            "queued_time_avg": 0.0,
            "resolve_start_delay_avg": 0.0,
            "request_start_delay_avg": 0.0,
            "resolve_end_delay_avg": 0.0,
            "finalized_delay_avg": 0.0,
            "processed_delay_avg": 0.0,
        },
        "metrics": metrics(&by_status, (w0, w1), &totals),
        "requests": {
            "successful": rows(&by_status.successful, wall),
            "incomplete": rows(&by_status.incomplete, wall),
            "errored": rows(&by_status.errored, wall),
            "total": null,
        },
        "start_time": wall(w0),
        "end_time": wall(w1),
        "duration": level.window.length_us() as f64 / 1e6,
        "warmup_duration": w0.saturating_sub(first_us) as f64 / 1e6,
        "cooldown_duration": last_us.saturating_sub(w1) as f64 / 1e6,
    })
}

fn strategy(level: &LevelRecords) -> Value {
    let shape = level.shape;
    match shape {
        LoadShape::Closed { streams } => json!({ "type_": "concurrent", "streams": streams }),
        LoadShape::Saturate { .. } => {
            json!({ "type_": "throughput", "max_concurrency": shape.in_flight_limit() })
        }
        // How its arrivals were drawn isn't in the records; GuideLLM's reader wants a name that it knows.
        LoadShape::Open { requests_per_second } => {
            json!({ "type_": "constant", "rate": requests_per_second, "load": shape })
        }
    }
}

/// The populations that each metric is given for.
struct ByStatus {
    successful: Vec<Request>,
    incomplete: Vec<Request>,
    errored: Vec<Request>,
    total: Vec<Request>,
}

impl ByStatus {
    fn each(&self, one: impl Fn(&[Request]) -> Value) -> Value {
        json!({
            "successful": one(&self.successful),
            "incomplete": one(&self.incomplete),
            "errored": one(&self.errored),
            "total": one(&self.total),
        })
    }

    /// A distribution of one value a request, of those that have it.
    fn values(&self, value: impl Fn(&Request) -> Option<f64>) -> Value {
        self.each(|requests| json!(Distribution::of(requests.iter().filter_map(&value))))
    }

    /// The same with a weight a request.
    fn weighted(&self, value: impl Fn(&Request) -> Option<(f64, f64)>) -> Value {
        self.each(|requests| {
            json!(Distribution::weighted(requests.iter().filter_map(&value).collect(), None))
        })
    }

    /// A distribution of a rate, of events with how much each counts.
    fn rate(&self, events: impl Fn(&Request) -> Vec<(u64, f64)>, window: Option<(u64, u64)>) -> Value {
        self.each(|requests| json!(Distribution::of_rate(requests.iter().flat_map(&events), window)))
    }
}

fn metrics(by: &ByStatus, window: (u64, u64), totals: &Value) -> Value {
    let count = |tokens: Option<u64>| tokens.map(|tokens| tokens as f64);
    let concurrency = by.each(|requests| {
        let intervals: Vec<_> = requests.iter().map(|request| (request.start_us, request.end_us)).collect();
        json!(Distribution::of_concurrency(&intervals, window))
    });
    let both = |request: &Request| [prompt_event(request), output_events(request)].concat();
    let per_event = |tokens: Option<u64>, events: u64| {
        tokens.filter(|_| events > 0).map(|tokens| tokens as f64 / events as f64)
    };
    let none = by.values(|_| None);
    let mut metrics = json!({
        "request_totals": totals,
        "requests_per_second": by.rate(|request| vec![(request.end_us, 1.0)], Some(window)),
        "request_concurrency": concurrency,
        "request_latency": by.values(|request| Some(latency_s(request))),
        "request_streaming_iterations_count": by.values(|request| Some(request.events as f64)),
        "prompt_token_count": by.values(|request| count(request.prompt_tokens)),
        "output_token_count": by.values(|request| count(request.output_tokens)),
        "total_token_count": by.values(|request| count(total_tokens(request))),
        "time_to_first_token_ms": by.values(ttft_ms),
        "time_per_output_token_ms": by.weighted(|r| tpot_ms(r).zip(count(r.output_tokens))),
        "inter_token_latency_ms":
            by.weighted(|r| itl_ms(r).zip(r.output_tokens.map(|tokens| tokens.saturating_sub(1) as f64))),
        "prompt_tokens_per_second": by.rate(prompt_event, None),
        "output_tokens_per_second": by.rate(output_events, None),
        "tokens_per_second": by.rate(both, None),
        "time_to_first_output_token_ms": by.values(ttft_ms),
        "output_tokens_per_iteration": by.values(|r| per_event(r.output_tokens, r.events)),
        "iter_tokens_per_iteration": by.values(|r| {
            per_event(r.output_tokens?.checked_sub(1), r.events.checked_sub(1)?)
        }),
        // Of conversations with tools, which nothing here has.
        "time_to_last_round_trip_ms": none,
        "avg_round_trip_time_ms": none,
    });
    let by_content = frame::by_content(&metrics);
    if let (Some(metrics), Value::Object(by_content)) = (metrics.as_object_mut(), by_content) {
        metrics.extend(by_content);
    }
    metrics
}

/// 0 of none, as GuideLLM has it.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0_u32), |(sum, n), value| (sum + value, n + 1));
    if n == 0 { 0.0 } else { sum / f64::from(n) }
}

fn latency_s(request: &Request) -> f64 {
    request.end_us.saturating_sub(request.start_us) as f64 / 1e6
}

fn total_tokens(request: &Request) -> Option<u64> {
    let known = request.prompt_tokens.is_some() || request.output_tokens.is_some();
    known.then(|| request.prompt_tokens.unwrap_or(0) + request.output_tokens.unwrap_or(0))
}

/// f − s, ms.
fn ttft_ms(request: &Request) -> Option<f64> {
    request.first_us.map(|first| first.saturating_sub(request.start_us) as f64 / 1e3)
}

/// GuideLLM's: (l − s) ÷ o, ms, with the wait for the first token in it.
fn tpot_ms(request: &Request) -> Option<f64> {
    let tokens = request.output_tokens.filter(|tokens| *tokens > 0)?;
    Some(request.last_us?.saturating_sub(request.start_us) as f64 / 1e3 / tokens as f64)
}

/// (l − f) ÷ (o − 1), ms; from two tokens.
fn itl_ms(request: &Request) -> Option<f64> {
    let gaps = request.output_tokens?.checked_sub(1).filter(|gaps| *gaps > 0)?;
    Some(request.last_us?.saturating_sub(request.first_us?) as f64 / 1e3 / gaps as f64)
}

fn prompt_event(request: &Request) -> Vec<(u64, f64)> {
    vec![(request.first_us.unwrap_or(request.end_us), request.prompt_tokens.unwrap_or(0) as f64)]
}

/// GuideLLM's: the first token at f, the others evenly over the events until l.
fn output_events(request: &Request) -> Vec<(u64, f64)> {
    let tokens = request.output_tokens.unwrap_or(0) as f64;
    match (request.first_us, request.last_us, request.events.checked_sub(1)) {
        (Some(first), Some(last), Some(later)) if later > 0 && tokens > 1.0 => {
            let step = last.saturating_sub(first) as f64 / later as f64;
            let each = (tokens - 1.0) / later as f64;
            let rest = (1..=later).map(|place| (first + (step * place as f64).round() as u64, each));
            std::iter::once((first, 1.0)).chain(rest).collect()
        }
        (_, last, _) => vec![(last.unwrap_or(request.end_us), tokens)],
    }
}

/// The requests one by one, without their texts, which nobody keeps.
fn rows(requests: &[Request], wall: impl Fn(u64) -> f64) -> Vec<Value> {
    let row = |(index, request): (usize, &Request)| {
        let latency = latency_s(request);
        let per_second = |tokens: Option<u64>| tokens.filter(|_| latency > 0.0).map(|n| n as f64 / latency);
        let figures = [
            ("request_start_time", Some(wall(request.start_us))),
            ("request_end_time", Some(wall(request.end_us))),
            ("request_latency", Some(latency)),
            ("time_to_first_token_ms", ttft_ms(request)),
            ("time_per_output_token_ms", tpot_ms(request)),
            ("inter_token_latency_ms", itl_ms(request)),
            ("tokens_per_second", per_second(total_tokens(request))),
            ("output_tokens_per_second", per_second(request.output_tokens)),
        ];
        let mut row = Map::new();
        row.insert("type_".to_owned(), json!("generative_request_stats"));
        row.insert("request_id".to_owned(), json!(index.to_string()));
        row.insert("prompt_tokens".to_owned(), json!(request.prompt_tokens));
        row.insert("output_tokens".to_owned(), json!(request.output_tokens));
        row.insert("total_tokens".to_owned(), json!(total_tokens(request)));
        row.insert("info".to_owned(), frame::request_info(index, request, &wall));
        row.insert("input_metrics".to_owned(), json!({ "text_tokens": request.prompt_tokens }));
        row.insert("output_metrics".to_owned(), json!({ "text_tokens": request.output_tokens }));
        row.extend(figures.map(|(name, figure)| (name.to_owned(), json!(figure))));
        Value::Object(row)
    };
    requests.iter().enumerate().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::measure::summarise, report::samples::one_stream_records};

    fn one_stream() -> (LevelRecords, Value) {
        let level = one_stream_records();
        let about = About {
            run: "run".to_owned(),
            target: Some("http://127.0.0.1:1/".to_owned()),
            model: "m".to_owned(),
            engine: "truth".to_owned(),
        };
        let started_at = DateTime::from_timestamp(1_000, 0).unwrap();
        let json = report(&about, &[Benchmark { level: level.clone(), started_at }]);
        (level, json["benchmarks"][0].clone())
    }

    fn close(value: &Value, expected: Option<f64>) {
        let (value, expected) = (value.as_f64().unwrap(), expected.unwrap());
        assert!((value - expected).abs() <= 1e-9 * expected, "{value} is not {expected}");
    }

    #[test]
    fn where_the_rules_agree_the_figures_are_those_of_the_compat_view() {
        let (level, benchmark) = one_stream();
        let compat = summarise(&level).compat;
        let metrics = &benchmark["metrics"];
        close(&metrics["request_latency"]["total"]["mean"], compat.request_latency);
        close(&metrics["time_to_first_token_ms"]["total"]["mean"], compat.time_to_first_token_ms);
        close(&metrics["inter_token_latency_ms"]["total"]["mean"], compat.inter_token_latency_ms);
        close(&metrics["output_token_count"]["total"]["mean"], compat.output_token_count);
        assert_eq!(metrics["request_totals"]["successful"], compat.successful_requests);
        assert_eq!(metrics["request_totals"]["total"], compat.total_requests);
    }

    #[test]
    fn completions_are_counted_over_the_window() {
        let (level, benchmark) = one_stream();
        let seconds = benchmark["duration"].as_f64().unwrap();
        let inside = summarise(&level).measured.columns.successful_requests as f64;
        close(&benchmark["metrics"]["requests_per_second"]["successful"]["mean"], Some(inside / seconds));
        close(&benchmark["metrics"]["request_concurrency"]["total"]["mean"], Some(1.0));
    }

    #[test]
    fn what_guidellm_refuses_to_read_without_is_there() {
        let (_, benchmark) = one_stream();
        let paths = [
            "/config/constraints",
            "/config/profile/type_",
            "/config/requests",
            "/config/environment",
            "/scheduler_state/successful_requests",
            "/scheduler_metrics/request_time_avg",
            "/scheduler_metrics/processed_delay_avg",
            "/metrics/time_to_first_output_token_ms/total/mean",
            "/metrics/time_to_last_round_trip_ms/total/mean",
            "/metrics/output_tokens_per_iteration/successful/mean",
            "/metrics/iter_tokens_per_iteration/successful/mean",
            "/metrics/text/tokens/output/successful/mean",
            "/metrics/tool_call",
            "/requests/successful/0/info/timings/first_token_iteration",
            "/requests/successful/0/input_metrics/text_tokens",
            "/requests/successful/0/output_metrics/text_tokens",
        ];
        for path in paths {
            assert!(benchmark.pointer(path).is_some_and(|value| !value.is_null()), "{path}");
        }
        close(&benchmark["metrics"]["output_tokens_per_iteration"]["successful"]["mean"], Some(1.0));
    }

    #[test]
    fn the_shape_has_the_names_that_readers_look_for() {
        let (_, benchmark) = one_stream();
        assert_eq!(benchmark["type_"], "generative_benchmark");
        assert_eq!(benchmark["config"]["strategy"], json!({ "type_": "concurrent", "streams": 1 }));
        close(&benchmark["start_time"], Some(1_001.0));
        for metric in ["time_to_first_token_ms", "tokens_per_second", "prompt_tokens_per_second"] {
            for status in ["successful", "incomplete", "errored", "total"] {
                let summary = &benchmark["metrics"][metric][status];
                assert!(summary["percentiles"]["p999"].is_f64(), "{metric} {status}");
                assert!(summary["std_dev"].is_f64() && summary["count"].is_u64(), "{metric} {status}");
            }
        }
        let rows = benchmark["requests"]["successful"].as_array().unwrap();
        assert_eq!(rows.len() as u64, benchmark["metrics"]["request_totals"]["successful"]);
        assert!(rows[0]["time_per_output_token_ms"].as_f64() > rows[0]["inter_token_latency_ms"].as_f64());
    }
}
