//! `trends`: how a figure of the same set-up went over time.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Places, Tool, ToolError,
    arguments::{data, figure, filter, maybe, name, object, one_of, path, read, text, whole, within},
    results::{link_to, title},
};
use crate::{
    domain::measure::median,
    store::evidence::{self, Finding, Order},
};

/// Runs that are looked at.
const RUNS: i64 = 400;
/// Set-ups that are put out, those with the most runs first.
const SET_UPS: usize = 6;
/// Points of a set-up that are put out, the newest.
const POINTS: usize = 12;

/// Looks at how figures went.
pub(super) struct Trends;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    #[serde(default)]
    engine: Option<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    gpu: Option<String>,
    #[serde(default)]
    metric: Option<String>,
    #[serde(default)]
    days: Option<i64>,
}

#[derive(Debug, Clone, Copy)]
enum Metric {
    Throughput,
    Ttft,
    Latency,
    Cost,
}

#[async_trait]
impl Tool for Trends {
    fn name(&self) -> &'static str {
        "trends"
    }

    fn description(&self) -> &'static str {
        "How a figure of the same engine, model and GPU went over time, with the engine's version at each point, and by how \
         much it changed."
    }

    fn parameters(&self) -> Value {
        object(&[
            ("engine", text("vllm, sglang, ollama or llamacpp; null: any")),
            ("model", text("name, id or size of the model; null: any")),
            ("gpu", text("name of the GPU or its family; null: any")),
            (
                "metric",
                one_of(
                    &["throughput", "ttft", "latency", "cost"],
                    "output tokens/s, time to first token in ms, request latency in s, or USD per million output \
                     tokens; null: latency",
                ),
            ),
            ("days", whole("how many days back, 1 to 3650; null: 30")),
        ])
    }

    async fn call(&self, places: Places<'_>, arguments: &str) -> Result<Value, ToolError> {
        let asked: Arguments = read(arguments)?;
        let (engine, model, gpu) = (name(asked.engine)?, name(asked.model)?, name(asked.gpu)?);
        let days = within("days", asked.days, 1..=3650, 30)?;
        let metric = Metric::of(asked.metric.as_deref())?;
        let mut filter = filter(places.catalog, engine.as_deref(), model.as_deref(), gpu.as_deref());
        filter.days = i32::try_from(days).ok();
        let mut found =
            evidence::find(&mut *places.pool.acquire().await?, &filter, Order::Newest, RUNS).await?;
        found.reverse();
        let mut set_ups: Vec<(String, Vec<&Finding>)> = Vec::new();
        for run in found.iter().filter(|run| metric.of_run(run).is_some()) {
            let name = format!("{} {}", title(run), run.precision.as_deref().unwrap_or_default());
            match set_ups.iter_mut().find(|(known, _)| *known == name) {
                Some((_, runs)) => runs.push(run),
                None => set_ups.push((name, vec![run])),
            }
        }
        set_ups.sort_by_key(|(_, runs)| std::cmp::Reverse(runs.len()));
        let days_text = format!("{days}d");
        let link = path(
            "/trends",
            &[
                ("metric", metric.name()),
                ("engine", engine.as_deref().unwrap_or_default()),
                ("model", model.as_deref().unwrap_or_default()),
                ("gpu", gpu.as_deref().unwrap_or_default()),
                ("since", &days_text),
            ],
        );
        let mut out = json!({
            "link": link,
            "title": format!("{} over the last {days} days", metric.in_words()),
            "metric": metric.in_words(),
            "higher_is_better": matches!(metric, Metric::Throughput),
            "days": days,
            "runs_found": found.len(),
            "lines": set_ups.iter().take(SET_UPS).map(|(_, runs)| line(runs, metric)).collect::<Value>(),
        });
        if set_ups.is_empty() {
            out["missing"] =
                json!("nothing that matches was measured in these days; say so, or look further back");
        }
        Ok(out)
    }
}

/// One set-up, its runs oldest first.
fn line(runs: &[&Finding], metric: Metric) -> Value {
    let values: Vec<f64> = runs.iter().filter_map(|run| metric.of_run(run)).collect();
    let (first, last) = (values.first().copied(), values.last().copied());
    let change =
        first.zip(last).filter(|(first, _)| *first != 0.0).map(|(first, last)| (last / first - 1.0) * 100.0);
    json!({
        "set_up": runs.first().map(|run| title(run)),
        "runs": runs.len(),
        "first": maybe(first),
        "last": maybe(last),
        "change_percent": if runs.len() > 1 { maybe(change) } else { Value::Null },
        "median": maybe(median(&values)),
        "min": maybe(values.iter().copied().min_by(f64::total_cmp)),
        "max": maybe(values.iter().copied().max_by(f64::total_cmp)),
        "points": runs.iter().rev().take(POINTS).rev().map(|run| json!({
            "link": link_to(&run.pod_id),
            "title": title(run),
            "run": run.pod_id,
            "on": run.measured_at.format("%Y-%m-%d").to_string(),
            "value": metric.of_run(run).map(figure),
            "engine_version": run.engine_version.as_deref().map(data),
        })).collect::<Value>(),
    })
}

impl Metric {
    fn of(given: Option<&str>) -> Result<Self, ToolError> {
        match given.unwrap_or("latency") {
            "throughput" => Ok(Self::Throughput),
            "ttft" => Ok(Self::Ttft),
            "latency" => Ok(Self::Latency),
            "cost" => Ok(Self::Cost),
            _ => Err(ToolError::Arguments("metric must be throughput, ttft, latency or cost".to_owned())),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Throughput => "throughput",
            Self::Ttft => "ttft",
            Self::Latency => "latency",
            Self::Cost => "cost",
        }
    }

    const fn in_words(self) -> &'static str {
        match self {
            Self::Throughput => "output tokens/s",
            Self::Ttft => "time to first token, ms",
            Self::Latency => "request latency, s",
            Self::Cost => "USD per million output tokens",
        }
    }

    fn of_run(self, run: &Finding) -> Option<f64> {
        use rust_decimal::prelude::ToPrimitive as _;
        match self {
            Self::Throughput => run.output_tokens_per_second,
            Self::Ttft => run.ttft_ms,
            Self::Latency => run.request_latency_s,
            Self::Cost => run.usd_per_million_output_tokens.and_then(|usd| usd.to_f64()),
        }
    }
}
