//! `what_fits`: on which GPUs a model fits, on how many, and why not on fewer. What `gpus fit` prints.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Places, Tool, ToolError,
    arguments::{figure, name, object, path, read, text, whole, within},
    shape,
};
use crate::domain::{
    catalog::Gpu,
    kinds::EngineKind,
    sizing::{Disk, GIB, Options, Precision, Verdict, fit},
};

/// GPUs that are put out.
const MOST: usize = 15;

/// Looks what fits.
pub(super) struct WhatFits;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    model: String,
    #[serde(default)]
    gpu: Option<String>,
    #[serde(default)]
    precision: Option<String>,
    #[serde(default)]
    context_tokens: Option<i64>,
    #[serde(default)]
    concurrent_requests: Option<i64>,
}

#[async_trait]
impl Tool for WhatFits {
    fn name(&self) -> &'static str {
        "what_fits"
    }

    fn description(&self) -> &'static str {
        "On which GPUs a model fits and on how many of each, by memory; why it doesn't fit on fewer."
    }

    fn parameters(&self) -> Value {
        object(&[
            (
                "model",
                json!({ "type": "string", "description": "name or id of the model, or a name with its size, like `Qwen 32B`" }),
            ),
            ("gpu", text("only this GPU or family; null: all, those of which the fewest do first")),
            (
                "precision",
                text(
                    "of the weights: bf16, fp16, fp8, int8, awq, gptq, mxfp4, q4_k_m, q8_0; null: the model's own",
                ),
            ),
            ("context_tokens", whole("tokens of a request, prompt and output; null: 4096")),
            ("concurrent_requests", whole("requests at once; null: 9")),
        ])
    }

    async fn call(&self, places: Places<'_>, arguments: &str) -> Result<Value, ToolError> {
        let asked: Arguments = read(arguments)?;
        let model =
            name(Some(asked.model))?.ok_or_else(|| ToolError::Arguments("which model?".to_owned()))?;
        let gpu = name(asked.gpu)?;
        let found = shape::find(places.catalog, &model, EngineKind::Vllm)?;
        let options = options(
            &found.shape,
            asked.precision.as_deref(),
            asked.context_tokens,
            asked.concurrent_requests,
        )?;
        let keys = gpu.as_deref().map(|gpu| super::arguments::gpus(places.catalog, gpu)).transpose()?;
        let wanted =
            |gpu: &&Gpu| gpu.alias_of.is_none() && keys.as_ref().is_none_or(|keys| keys.contains(&gpu.id));
        let mut verdicts: Vec<(&Gpu, Verdict)> = places
            .catalog
            .gpus()
            .iter()
            .filter(wanted)
            .map(|gpu| (gpu, fit(&found.shape, gpu, &options)))
            .collect();
        verdicts
            .sort_by_key(|(gpu, verdict)| (verdict.fits.map_or(u32::MAX, |fit| fit.count), gpu.memory_gb));
        let fitting = verdicts.iter().filter(|(_, verdict)| verdict.fits.is_some()).count();
        let disk = Disk::of(&found.shape, options.precision);
        Ok(json!({
            "link": path("/recommend", &[("model", &found.shape.name)]),
            "title": format!("what {} fits on", found.shape.name),
            "model": found.shape.name,
            "note": found.note,
            "precision": options.precision.to_string(),
            "weights_gib": figure(found.shape.weights_bytes(options.precision) / GIB),
            "context_tokens": options.context_tokens,
            "concurrent_requests": options.concurrency,
            "disk_gb": { "image": disk.container_gb, "weights": disk.weights_gb },
            "gpus_it_fits_on": fitting,
            "gpus_looked_at": verdicts.len(),
            "gpus": verdicts.iter().take(MOST).map(|(gpu, verdict)| row(gpu, verdict)).collect::<Value>(),
        }))
    }
}

/// What it must have room for.
fn options(
    shape: &crate::domain::sizing::Shape,
    precision: Option<&str>,
    context: Option<i64>,
    requests: Option<i64>,
) -> Result<Options, ToolError> {
    let usual = Options::of(shape);
    let precision = match precision.filter(|name| !name.trim().is_empty()) {
        Some(name) => {
            name.parse::<Precision>().map_err(|error| ToolError::Arguments(format!("precision: {error}")))?
        }
        None => usual.precision,
    };
    let context = within("context_tokens", context, 1..=10_000_000, i64::from(usual.context_tokens))?;
    let requests = within("concurrent_requests", requests, 1..=100_000, i64::from(usual.concurrency))?;
    let options =
        Options { precision, context_tokens: context as u32, concurrency: requests as u32, ..usual };
    options.check(shape).map_err(|error| ToolError::Arguments(error.to_string()))?;
    Ok(options)
}

fn row(gpu: &Gpu, verdict: &Verdict) -> Value {
    match verdict.fits {
        Some(fit) => json!({
            "gpu": gpu.display_name,
            "count": fit.count,
            "needs_gib_a_gpu": figure(fit.need.total_gib()),
            "available_gib_a_gpu": figure(fit.available_gib),
            "most_concurrent_requests": fit.max_requests,
            "notes": verdict.notes,
        }),
        None => json!({
            "gpu": gpu.display_name,
            "count": null,
            "why_not": verdict.reason().map(|rejection| rejection.words.clone()),
        }),
    }
}
