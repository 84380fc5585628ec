//! `run --gpu auto`: which GPU is rented and which instead, by what RunPod asks today and what was measured before.
//!
//! It decides and says why; nothing is rented or recorded here.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Serialize;
use sqlx::PgConnection;

use crate::{
    cli::{CliError, Output},
    domain::{
        catalog::Catalog,
        kinds::EngineKind,
        price::PriceKind,
        recommend::{Advice, Cost, Goal, Load, Priced, Question, Ranked, recommend},
        roofline::Work,
        sizing::{Disk, Options, Precision, Shape},
        spec::RunSpec,
    },
    report::history,
    store::price_reads::{self, Filter, Latest},
};

/// GPUs kept to be rented where the first can't be had.
const MOST_CANDIDATES: usize = 8;

/// Characters of a reason that are shown where there are many.
const SHORT: usize = 120;

/// What is rented, and what instead.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Picked {
    /// GPUs of the machine.
    pub(super) gpu_count: u32,
    /// The GPUs, in the order in which they are tried.
    pub(super) choices: Vec<Choice>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Choice {
    /// Its id.
    pub(super) gpu: String,
    /// All of the machine's, an hour.
    pub(super) usd_per_hour: Decimal,
    /// A million output tokens at full use.
    pub(super) usd_per_million_output_tokens: Option<Cost>,
    /// Why, in words.
    pub(super) reason: String,
}

/// A run's model, and what its machine must have room for.
pub(super) struct Sizing {
    pub(super) shape: Shape,
    pub(super) options: Options,
    /// All ids that runs of the model may be stored under.
    pub(super) model_ids: Vec<String>,
}

/// What the run of this request needs of a GPU.
///
/// # Errors
/// Why that can't be said.
pub(super) fn sizing(spec: &RunSpec, catalog: &Catalog) -> Result<Sizing, String> {
    let engine = &spec.engine;
    let model = catalog.model(&spec.model.id, engine.kind).map_err(|unknown| unknown.to_string())?;
    let shape = Shape::of(model).map_err(|error| error.to_string())?;
    let usual = Options::of(&shape);
    let precision = match (&engine.precision, engine.kind) {
        (Some(name), _) => name.parse()?,
        (None, EngineKind::Ollama | EngineKind::Llamacpp) => Precision::Q4KM,
        (None, _) => usual.precision,
    };
    let sent = spec.load.prompt_tokens.saturating_add(spec.load.output_tokens);
    let most = match spec.machine.gpu_count {
        0 => usual.max_count,
        asked => asked,
    };
    let options = Options {
        precision,
        context_tokens: engine.context_tokens.unwrap_or(usual.context_tokens.max(sent)),
        concurrency: engine.parallel_slots.unwrap_or(usual.concurrency),
        max_count: most,
        ..usual
    };
    options.check(&shape).map_err(|error| error.to_string())?;
    let model_ids = model.names().into_iter().map(str::to_owned).collect();
    Ok(Sizing { shape, options, model_ids })
}

/// What RunPod asks today for the machines that runs are on: on demand, in its own data centers.
///
/// # Errors
/// When the database fails.
pub(super) async fn runpod_prices(conn: &mut PgConnection) -> Result<Vec<Latest>, CliError> {
    let filter = Filter { platform: Some("runpod"), kind: Some(PriceKind::OnDemand), ..Filter::default() };
    let mut prices = price_reads::latest(conn, &filter).await?;
    prices.retain(|price| price.tier == "secure" && price.freshness.counts());
    Ok(prices)
}

/// Picks the GPUs of this request, whose tokens are the cheapest, and puts them into it.
///
/// # Errors
/// Exit 2 for a model that can't be sized; exit 1 where no price is known or no GPU is left, with the reasons.
pub(super) async fn pick(
    conn: &mut PgConnection,
    spec: &mut RunSpec,
    max_price: Option<Decimal>,
) -> Result<Picked, CliError> {
    let catalog = Catalog::embedded().map_err(|error| CliError::failed(error.to_string()))?;
    let sizing = sizing(spec, &catalog).map_err(|why| {
        CliError::usage(format!("--gpu auto must know what the model needs: {why}"))
            .hint("name the GPU: --gpu \"NVIDIA H200\"")
    })?;
    let prices: Vec<Priced> = runpod_prices(conn).await?.into_iter().map(priced).collect();
    if prices.is_empty() {
        return Err(CliError::failed("--gpu auto: no price of RunPod's is known that is young enough")
            .hint("dria-bench prices scrape --source runpod; or name the GPU"));
    }
    let history = history::points(conn, &catalog, spec.engine.kind, &sizing.model_ids).await?;
    let question = Question {
        shape: &sizing.shape,
        options: sizing.options,
        goal: Goal::Cheapest,
        load: Load::Saturated { max_in_flight: spec.load.max_in_flight },
        work: Work {
            prompt_tokens: f64::from(spec.load.prompt_tokens),
            output_tokens: f64::from(spec.load.output_tokens),
        },
        max_usd_per_hour: None,
        ttft_ms: None,
        itl_ms: None,
    };
    let advice = recommend(&question, catalog.gpus(), &prices, &history);
    let disk = advice.disk;
    let picked = choose(&catalog, advice, spec.machine.gpu_count, max_price).map_err(|reasons| {
        CliError::failed(format!("--gpu auto: no GPU of RunPod's is left to rent\n{reasons}"))
            .hint("dria-bench gpus fit --model MODEL says what it takes")
    })?;
    fill_in(spec, &picked, disk);
    Ok(picked)
}

fn priced(price: Latest) -> Priced {
    Priced {
        gpu: price.gpu_key,
        // RunPod asks the same for each of a machine's GPUs.
        count: None,
        usd_per_gpu_hour: price.usd_per_gpu_hour,
        source: format!("runpod {}", price.tier),
        in_stock: price.in_stock,
        as_of: Some(price.last_seen_at),
    }
}

/// The first that has a price no higher than asked, and those of its vendor and number after it: an engine's image is
/// of one vendor, and a run has one number of GPUs.
fn choose(
    catalog: &Catalog,
    advice: Advice,
    gpu_count: u32,
    max_price: Option<Decimal>,
) -> Result<Picked, String> {
    let mut refused: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut refuse = |gpu: &str, count: Option<u32>, reason: String| {
        let name = catalog.gpu(gpu).map_or(gpu, |gpu| gpu.display_name.as_str());
        let count = count.map_or_else(String::new, |count| format!(" ×{count}"));
        refused.entry(reason).or_default().push(format!("{name}{count}"));
    };
    for rejected in advice.rejected {
        refuse(&rejected.gpu, rejected.count, rejected.reason);
    }
    let mut left = Vec::new();
    for ranked in advice.ranked {
        match reason_against(&ranked, gpu_count, max_price) {
            Some(reason) => refuse(&ranked.gpu, Some(ranked.count), reason),
            None => left.push(ranked),
        }
    }
    let vendor = |gpu: &str| catalog.gpu(gpu).map(|gpu| gpu.vendor.clone()).unwrap_or_default();
    let Some(first) = left.first() else { return Err(in_short(&refused)) };
    let (count, made_by) = (first.count, vendor(&first.gpu));
    let alike = left.iter().filter(|ranked| ranked.count == count && vendor(&ranked.gpu) == made_by);
    let choices = alike.take(1 + MOST_CANDIDATES).filter_map(|ranked| {
        Some(Choice {
            gpu: ranked.gpu.clone(),
            usd_per_hour: ranked.usd_per_hour?,
            usd_per_million_output_tokens: ranked.usd_per_million_output_tokens,
            reason: ranked.reason.clone(),
        })
    });
    Ok(Picked { gpu_count: count, choices: choices.collect() })
}

/// Why a GPU that the model fits on isn't rented.
fn reason_against(ranked: &Ranked, gpu_count: u32, max_price: Option<Decimal>) -> Option<String> {
    if gpu_count > 0 && ranked.count != gpu_count {
        return Some(format!("--gpu_count {gpu_count} is asked for"));
    }
    let Some(offer) = &ranked.offer else { return Some("RunPod names no price today".to_owned()) };
    let most = max_price.filter(|most| offer.usd_per_gpu_hour > *most)?;
    Some(format!("{} $ a GPU-hour are more than {}", offer.usd_per_gpu_hour.normalize(), most.normalize()))
}

/// Each reason once, with the GPUs that it is of.
fn in_short(refused: &BTreeMap<String, Vec<String>>) -> String {
    let lines = refused.iter().map(|(reason, gpus)| {
        let mut short: String = reason.chars().take(SHORT).collect();
        if short.len() < reason.len() {
            short.push('…');
        }
        format!("  {}: {short}", gpus.join(", "))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Puts what was picked into the request, with the disk that the model needs where none was asked for.
fn fill_in(spec: &mut RunSpec, picked: &Picked, disk: Disk) {
    let machine = &mut spec.machine;
    let mut gpus = picked.choices.iter().map(|choice| choice.gpu.clone());
    machine.gpu_id = gpus.next().unwrap_or_default();
    machine.gpu_candidates = gpus.collect();
    machine.gpu_count = picked.gpu_count;
    if machine.container_disk_in_gb == 0 {
        machine.container_disk_in_gb = match machine.volume_in_gb {
            0 => disk.container_without_volume_gb,
            _ => disk.container_gb,
        };
    }
}

/// Says on stderr what was picked, and why.
pub(super) fn note(picked: &Picked, output: Output) {
    for (index, choice) in picked.choices.iter().enumerate() {
        let place = if index == 0 { "rents" } else { "else " };
        output.note(format!("{place} {} × {}: {}", picked.gpu_count, choice.gpu, choice.reason));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advice(prices: &[(&str, &str)]) -> Advice {
        let catalog = Catalog::embedded().unwrap();
        let model = catalog.model("Llama 3.1 8B", EngineKind::Vllm).unwrap();
        let shape = Shape::of(model).unwrap();
        let prices: Vec<Priced> = prices
            .iter()
            .map(|(gpu, usd)| Priced {
                gpu: catalog.gpu(gpu).unwrap().id.clone(),
                count: None,
                usd_per_gpu_hour: usd.parse().unwrap(),
                source: "runpod secure".to_owned(),
                in_stock: None,
                as_of: None,
            })
            .collect();
        let question = Question {
            options: Options::of(&shape),
            shape: &shape,
            goal: Goal::Cheapest,
            load: Load::Saturated { max_in_flight: 64 },
            work: Work { prompt_tokens: 100.0, output_tokens: 200.0 },
            max_usd_per_hour: None,
            ttft_ms: None,
            itl_ms: None,
        };
        recommend(&question, catalog.gpus(), &prices, &[])
    }

    fn gpus(picked: &Picked) -> Vec<&str> {
        picked.choices.iter().map(|choice| choice.gpu.as_str()).collect()
    }

    #[test]
    fn candidates_are_of_the_firsts_vendor_and_number_and_have_a_price() {
        let catalog = Catalog::embedded().unwrap();
        let prices = [("L40S", "0.1"), ("MI300X", "0.9"), ("NVIDIA H200", "3.99")];
        let picked = choose(&catalog, advice(&prices), 0, None).unwrap();
        assert_eq!((gpus(&picked), picked.gpu_count), (vec!["NVIDIA L40S", "NVIDIA H200"], 1));
        assert_eq!(picked.choices[0].usd_per_hour, "0.1".parse().unwrap());
        let two = choose(&catalog, advice(&prices), 2, None).unwrap();
        assert_eq!((two.gpu_count, two.choices[0].usd_per_hour), (2, "0.2".parse().unwrap()));
        let cheap = choose(&catalog, advice(&prices), 0, Some("3.98".parse().unwrap())).unwrap();
        assert_eq!(gpus(&cheap), ["NVIDIA L40S"]);
    }

    #[test]
    fn where_none_is_left_each_reason_is_said_once() {
        let catalog = Catalog::embedded().unwrap();
        let prices = [("L40S", "0.86"), ("A40", "0.86")];
        let none = choose(&catalog, advice(&prices), 1, Some("0.5".parse().unwrap())).unwrap_err();
        let line = none.lines().find(|line| line.contains("0.86 $ a GPU-hour are more than 0.5")).unwrap();
        assert!(line.contains("L40S ×1") && line.contains("A40 ×1"), "{none}");
        assert_eq!(none.matches("RunPod names no price today").count(), 1, "{none}");
    }
}
