//! The GPU `auto`: which GPUs a run rents and which instead, out of what [`super::recommend`] says.
//!
//! Pure: prices and history are handed in, and nothing is rented or recorded here.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Serialize;

use super::{Advice, Cost, Goal, Load, Question, Ranked};
use crate::domain::{
    catalog::Catalog,
    roofline::Work,
    sizing::{Disk, Error, Options, Precision, Shape, ids},
    spec::RunSpec,
};

/// Stands for the GPU until it is picked; no run is recorded with it.
pub const AUTO: &str = "auto";

/// Whether this name of a GPU asks for one to be picked.
#[must_use]
pub fn is_auto(gpu: &str) -> bool {
    gpu.eq_ignore_ascii_case(AUTO)
}

/// GPUs kept to be rented where the first can't be had.
const MOST_CANDIDATES: usize = 8;

/// Characters of a reason that are shown where there are many.
const SHORT: usize = 120;

/// What is rented, and what instead.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Picked {
    /// GPUs of the machine.
    pub gpu_count: u32,
    /// The GPUs, in the order in which they are tried; at least one.
    pub choices: Vec<Choice>,
    /// What the model needs of a disk.
    pub disk: Disk,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Choice {
    /// Its id.
    pub gpu: String,
    /// All of the machine's, an hour.
    pub usd_per_hour: Decimal,
    /// A million output tokens at full use.
    pub usd_per_million_output_tokens: Option<Cost>,
    /// Why, in words.
    pub reason: String,
}

/// A run's model, and what its machine must have room for.
#[derive(Debug, Clone, PartialEq)]
pub struct Sizing {
    /// The model.
    pub shape: Shape,
    /// What there must be room for.
    pub options: Options,
    /// All ids that runs of the model may be stored under.
    pub model_ids: Vec<String>,
}

impl Sizing {
    /// What the run of this request needs of a GPU. A number of GPUs of 0 leaves that open.
    ///
    /// # Errors
    /// Why that can't be said.
    pub fn of(spec: &RunSpec, catalog: &Catalog) -> Result<Self, String> {
        let engine = &spec.engine;
        let model = catalog.model(&spec.model.id, engine.kind).map_err(|unknown| unknown.to_string())?;
        let said = |error: Error| error.to_string();
        let shape = Shape::of(model).map_err(said)?;
        let usual = Options::of(&shape);
        let precision = match &engine.precision {
            Some(name) => name.parse()?,
            None => Precision::served_by(engine.kind, &shape),
        };
        let sent = spec.load.prompt_tokens.saturating_add(spec.load.output_tokens);
        let max_count = match spec.machine.gpu_count {
            0 => usual.max_count,
            asked => asked,
        };
        let options = Options {
            precision,
            context_tokens: engine.context_tokens.unwrap_or(usual.context_tokens.max(sent)),
            concurrency: engine.parallel_slots.unwrap_or(usual.concurrency),
            max_count,
            ..usual
        };
        options.check(&shape).map_err(said)?;
        Ok(Self { shape, options, model_ids: ids(model) })
    }

    /// What its weights take, bytes.
    #[must_use]
    pub fn weights_bytes(&self) -> f64 {
        self.shape.weights_bytes(self.options.precision)
    }

    /// The question whose answer picks: the cheapest output tokens under the load of the throughput benchmark.
    #[must_use]
    pub fn question(&self, spec: &RunSpec) -> Question<'_> {
        Question {
            shape: &self.shape,
            options: self.options,
            goal: Goal::Cheapest,
            load: Load::Saturated { max_in_flight: spec.load.max_in_flight },
            work: Work {
                prompt_tokens: f64::from(spec.load.prompt_tokens),
                output_tokens: f64::from(spec.load.output_tokens),
            },
            max_usd_per_hour: None,
            ttft_ms: None,
            itl_ms: None,
        }
    }
}

/// The first that has a price no higher than asked (US dollars an hour, of the whole machine), and those of its vendor
/// and number after it: an engine's image is of one vendor, and a run has one number of GPUs. `gpu_count` of 0 leaves
/// the number open.
///
/// # Errors
/// Where none is left: each reason with its GPUs, a line each.
pub fn choose(
    catalog: &Catalog,
    advice: Advice,
    gpu_count: u32,
    max_usd_per_hour: Option<Decimal>,
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
        match reason_against(&ranked, gpu_count, max_usd_per_hour) {
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
    Ok(Picked { gpu_count: count, choices: choices.collect(), disk: advice.disk })
}

/// Why a GPU that the model fits on isn't rented.
fn reason_against(ranked: &Ranked, gpu_count: u32, max_usd_per_hour: Option<Decimal>) -> Option<String> {
    if gpu_count > 0 && ranked.count != gpu_count {
        return Some(format!("{gpu_count} GPUs are asked for"));
    }
    let Some(usd) = ranked.usd_per_hour else { return Some("RunPod names no price today".to_owned()) };
    let most = max_usd_per_hour.filter(|most| usd > *most)?;
    Some(format!("{} $ an hour are more than {}", usd.normalize(), most.normalize()))
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

impl Picked {
    /// Puts what was picked into the request, with the disk that the model needs where none was asked for.
    pub fn fill_in(&self, spec: &mut RunSpec) {
        let machine = &mut spec.machine;
        let mut gpus = self.choices.iter().map(|choice| choice.gpu.clone());
        machine.gpu_id = gpus.next().unwrap_or_default();
        machine.gpu_candidates = gpus.collect();
        machine.gpu_count = self.gpu_count;
        if machine.container_disk_in_gb == 0 {
            machine.container_disk_in_gb = match machine.volume_in_gb {
                0 => self.disk.container_without_volume_gb,
                _ => self.disk.container_gb,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        kinds::EngineKind,
        recommend::{Priced, recommend},
    };

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
        // The most is of the whole machine: two L40S are 0.2 $.
        let two_cheap = choose(&catalog, advice(&prices), 2, Some("0.15".parse().unwrap())).unwrap_err();
        assert!(two_cheap.contains("0.2 $ an hour are more than 0.15"), "{two_cheap}");
    }

    #[test]
    fn where_none_is_left_each_reason_is_said_once() {
        let catalog = Catalog::embedded().unwrap();
        let prices = [("L40S", "0.86"), ("A40", "0.86")];
        let none = choose(&catalog, advice(&prices), 1, Some("0.5".parse().unwrap())).unwrap_err();
        let line = none.lines().find(|line| line.contains("0.86 $ an hour are more than 0.5")).unwrap();
        assert!(line.contains("L40S ×1") && line.contains("A40 ×1"), "{none}");
        assert_eq!(none.matches("RunPod names no price today").count(), 1, "{none}");
    }
}
