//! `search_results`: runs by engine, model and GPU, the best first.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Places, Tool, ToolError,
    arguments::{filter, name, object, one_of, path, read, text, whole, within, word},
    results::row,
};
use crate::store::evidence::{self, Order};

/// Looks for runs.
pub(super) struct SearchResults;

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
    days: Option<i64>,
    #[serde(default)]
    sort: Option<String>,
    #[serde(default)]
    limit: Option<i64>,
}

#[async_trait]
impl Tool for SearchResults {
    fn name(&self) -> &'static str {
        "search_results"
    }

    fn description(&self) -> &'static str {
        "Find benchmark runs by engine, model and GPU, the best first: output tokens/s, time to first token, latency, cost \
         per million output tokens, of each run's throughput benchmark."
    }

    fn parameters(&self) -> Value {
        object(&[
            ("engine", text("vllm, sglang, ollama or llamacpp; null: any")),
            (
                "model",
                text(
                    "name, id or size of the model, or a part of it: `Llama 3.1`, `70B`, `Qwen 32B`; null: any",
                ),
            ),
            ("gpu", text("name of the GPU or its family: `H100`, `L40S`; null: any")),
            ("days", whole("only what was measured in the last so many days, 1 to 3650; null: ever")),
            (
                "sort",
                one_of(
                    &["fastest", "ttft", "latency", "cheapest", "newest"],
                    "what comes first; null: fastest",
                ),
            ),
            ("limit", whole("how many, 1 to 10; null: 5")),
        ])
    }

    async fn call(&self, places: Places<'_>, arguments: &str) -> Result<Value, ToolError> {
        let asked: Arguments = read(arguments)?;
        let (engine, model, gpu) = (name(asked.engine)?, name(asked.model)?, name(asked.gpu)?);
        let limit = within("limit", asked.limit, 1..=10, 5)?;
        let days = asked.days.map(|days| within("days", Some(days), 1..=3650, 0)).transpose()?;
        let order = order(asked.sort.as_deref())?;
        let mut filter = filter(places.catalog, engine.as_deref(), model.as_deref(), gpu.as_deref());
        filter.days = days.and_then(|days| i32::try_from(days).ok());
        let found = evidence::find(&mut *places.pool.acquire().await?, &filter, order, limit).await?;
        let words: Vec<String> = [
            word("engine", engine.as_deref()),
            word("model", model.as_deref()),
            word("gpu", gpu.as_deref()),
            days.map(|days| format!("since:{days}d")),
        ]
        .into_iter()
        .flatten()
        .collect();
        let mut out = json!({
            "link": path("/", &[("q", &words.join(" "))]),
            "title": if words.is_empty() { "all results".to_owned() } else { format!("results for {}", words.join(" ")) },
            "days": days,
            "matching_runs": found.first().map_or(0, |first| first.total),
            "results": found.iter().map(row).collect::<Value>(),
        });
        if found.is_empty() {
            out["missing"] = json!("no run was measured that matches; say so, and look for less");
        }
        Ok(out)
    }
}

fn order(given: Option<&str>) -> Result<Order, ToolError> {
    match given.unwrap_or("fastest") {
        "fastest" => Ok(Order::Fastest),
        "ttft" => Ok(Order::Ttft),
        "latency" => Ok(Order::Latency),
        "cheapest" => Ok(Order::Cheapest),
        "newest" => Ok(Order::Newest),
        _ => Err(ToolError::Arguments("sort must be fastest, ttft, latency, cheapest or newest".to_owned())),
    }
}
