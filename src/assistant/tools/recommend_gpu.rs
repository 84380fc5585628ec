//! `recommend_gpu`: which GPUs to take for a model, by today's prices and what was measured. What `gpus recommend`
//! prints.

use async_trait::async_trait;
use rust_decimal::{Decimal, prelude::FromPrimitive as _};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Places, Tool, ToolError,
    arguments::{figure, maybe, name, object, one_of, path, read, usd, whole, within},
    shape,
};
use crate::{
    domain::{
        kinds::EngineKind,
        recommend::{Goal, Load, Method, Question, Ranked, recommend},
        roofline::Work,
        sizing::{Options, Precision},
        spec::LoadSpec,
    },
    store::{
        measured,
        price_offers::{self, Seller},
    },
};

/// GPUs that are put out.
const MOST: usize = 6;

/// Recommends GPUs.
pub(super) struct RecommendGpu;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    model: String,
    #[serde(default)]
    engine: Option<String>,
    #[serde(default)]
    goal: Option<String>,
    #[serde(default)]
    max_usd_per_hour: Option<f64>,
    #[serde(default)]
    concurrent_requests: Option<i64>,
}

#[async_trait]
impl Tool for RecommendGpu {
    fn name(&self) -> &'static str {
        "recommend_gpu"
    }

    fn description(&self) -> &'static str {
        "Which GPUs to rent for a model: ranked by USD per million output tokens or by speed, from today's prices and from \
         measurements where there are any, else from estimates, which `found_by` says."
    }

    fn parameters(&self) -> Value {
        object(&[
            (
                "model",
                json!({ "type": "string", "description": "name or id of the model, or a name with its size, like `Qwen 32B`" }),
            ),
            ("engine", one_of(&["vllm", "sglang", "ollama", "llamacpp"], "null: vllm")),
            ("goal", one_of(&["cheapest", "fastest"], "null: cheapest per million output tokens")),
            (
                "max_usd_per_hour",
                json!({ "type": ["number", "null"], "description": "most USD an hour for the whole machine; null: any" }),
            ),
            ("concurrent_requests", whole("requests at once; null: as many as there is room for")),
        ])
    }

    async fn call(&self, places: Places<'_>, arguments: &str) -> Result<Value, ToolError> {
        let asked: Arguments = read(arguments)?;
        let model =
            name(Some(asked.model))?.ok_or_else(|| ToolError::Arguments("which model?".to_owned()))?;
        let engine = engine(asked.engine.as_deref())?;
        let goal = match asked.goal.as_deref().unwrap_or("cheapest").parse() {
            Ok(Goal::Slo) | Err(_) => {
                return Err(ToolError::Arguments("goal must be cheapest or fastest".to_owned()));
            }
            Ok(goal) => goal,
        };
        let max_usd_per_hour = asked.max_usd_per_hour.map(budget).transpose()?;
        let found = shape::find(places.catalog, &model, engine)?;
        let usual = LoadSpec::default();
        let load = match asked.concurrent_requests {
            Some(_) => {
                Load::Streams(within("concurrent_requests", asked.concurrent_requests, 1..=100_000, 1)? as u32)
            }
            None => Load::Saturated { max_in_flight: usual.max_in_flight },
        };
        let mut options = Options::of(&found.shape);
        if let Load::Streams(streams) = load {
            options.concurrency = streams;
        }
        // Ollama and llama.cpp serve four-bit files where nothing else is asked for.
        if matches!(engine, EngineKind::Ollama | EngineKind::Llamacpp) {
            options.precision = Precision::Q4KM;
        }
        let work = Work {
            prompt_tokens: f64::from(usual.prompt_tokens),
            output_tokens: f64::from(usual.output_tokens),
        };
        let (prices, history) = {
            let mut conn = places.pool.acquire().await?;
            let prices = price_offers::on_demand(&mut conn, Seller::default()).await?;
            (prices, measured::points(&mut conn, places.catalog, engine, &found.ids).await?)
        };
        let question = Question {
            shape: &found.shape,
            options,
            goal,
            load,
            work,
            max_usd_per_hour,
            ttft_ms: None,
            itl_ms: None,
        };
        let advice = recommend(&question, places.catalog.gpus(), &prices, &history);
        let link = path("/recommend", &[("model", &found.shape.name), ("engine", engine.as_str())]);
        let mut out = json!({
            "link": link,
            "title": format!("GPUs for {}", found.shape.name),
            "model": found.shape.name,
            "note": found.note,
            "engine": engine.as_str(),
            "precision": options.precision.to_string(),
            "prompt_tokens": figure(work.prompt_tokens),
            "output_tokens": figure(work.output_tokens),
            "gpus": advice.ranked.iter().take(MOST).map(|one| row(places, one)).collect::<Value>(),
        });
        if prices.is_empty() {
            out["missing"] = json!("no price is known today, so costs are not known either; say so");
        }
        if advice.ranked.is_empty() {
            out["missing"] = json!("no GPU is left that it fits on within these bounds; say so");
        }
        Ok(out)
    }
}

fn engine(given: Option<&str>) -> Result<EngineKind, ToolError> {
    match given.unwrap_or("vllm").parse() {
        Ok(EngineKind::Truth) | Err(_) => {
            Err(ToolError::Arguments("engine must be vllm, sglang, ollama or llamacpp".to_owned()))
        }
        Ok(engine) => Ok(engine),
    }
}

fn budget(given: f64) -> Result<Decimal, ToolError> {
    Decimal::from_f64(given).filter(|usd| *usd > Decimal::ZERO && *usd < Decimal::from(1_000_000)).ok_or_else(
        || ToolError::Arguments("max_usd_per_hour must be an amount greater than zero".to_owned()),
    )
}

fn row(places: Places<'_>, one: &Ranked) -> Value {
    let gpu = places.catalog.gpu(&one.gpu).map_or(one.gpu.as_str(), |gpu| gpu.display_name.as_str());
    let rate = one.prediction.output_tokens_per_second;
    json!({
        "link": path("/prices", &[("gpu", &one.gpu)]),
        "title": format!("prices of {gpu}"),
        "gpu": gpu,
        "count": one.count,
        "usd_per_hour": one.usd_per_hour.map(usd),
        "offered_by": one.offer.as_ref().map(|offer| offer.source.clone()),
        "usd_per_million_output_tokens": one.usd_per_million_output_tokens.map(|cost| json!({
            "low": usd(cost.low), "mid": usd(cost.mid), "high": usd(cost.high),
        })),
        "output_tokens_per_second": { "low": figure(rate.low), "mid": figure(rate.mid), "high": figure(rate.high) },
        "tokens_per_second_per_request": maybe(one.prediction.tokens_per_second_per_user),
        "found_by": match one.prediction.method {
            Method::History => "measured runs of this model, engine and GPU",
            Method::Scaled => "scaled from measured runs on another GPU",
            Method::Roofline => "an estimate: nothing was measured",
        },
        "measured_runs": one.prediction.runs,
        "reason": one.reason,
        "notes": one.notes,
    })
}
