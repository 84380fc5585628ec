//! What clients ask: a mix as a site and programs ask it. A number always means the same question.

use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};

/// What there is to ask for.
pub(crate) struct Known {
    /// Display names of models.
    pub(crate) models: Vec<String>,
    /// Ids of GPUs.
    pub(crate) gpus: Vec<String>,
    /// Public identifiers of runs.
    pub(crate) pods: Vec<String>,
    /// Ids of those that were measured here.
    pub(crate) measured: Vec<String>,
}

/// Something to ask.
pub(crate) struct Question {
    /// What sort it is, for the table.
    pub(crate) kind: &'static str,
    /// Path and parameters.
    pub(crate) path: String,
}

/// All questions that there are.
pub(crate) struct Questions(Known);

const ENGINES: [&str; 3] = ["VLLM", "SGLang", "Ollama"];

impl Questions {
    pub(crate) const fn of(known: Known) -> Self {
        Self(known)
    }

    /// The question of this number.
    pub(crate) fn nth(&self, n: u64) -> Question {
        let mut random = SmallRng::seed_from_u64(n);
        let one = |from: &[String], random: &mut SmallRng| {
            let at = random.random_range(0..from.len().max(1));
            from.get(at).map(|text| text.replace(' ', "%20")).unwrap_or_default()
        };
        let Known { models, gpus, pods, measured } = &self.0;
        let (model, gpu, pod) = (one(models, &mut random), one(gpus, &mut random), one(pods, &mut random));
        let (here, there) = (one(measured, &mut random), one(measured, &mut random));
        let engine = ENGINES[random.random_range(0..ENGINES.len())];
        // A bound nobody else gives: it makes the question a new one, and leaves it as hard as it is.
        let bound = random.random_range(1.0..400.0_f64);
        let page = random.random_range(1..100);
        let (kind, path) = match random.random_range(0..100) {
            0..10 => ("explore, by bounds", format!("/api/v1/explore?tps_min={bound}&sort=cost")),
            10..20 => {
                ("explore, by facets", format!("/api/v1/explore?engine={engine}&gpu={gpu}&ttft_max={bound}"))
            }
            20..27 => ("explore, by text", format!("/api/v1/explore?text={}&tps_min={bound}", part(&model))),
            27..32 => {
                ("explore, next page", format!("/api/v1/explore?facets=false&limit=50&tps_min={bound}"))
            }
            32..38 => ("one run", format!("/api/v1/runs/{here}")),
            38..43 => ("results, newest", format!("/api/v1/results?engine=truth&limit={page}")),
            43..46 => ("compare", format!("/api/v1/compare?run={here}&run={pod}&run={there}")),
            46..50 => ("frontier", format!("/api/v1/frontier?model={model}&tps_min={bound}")),
            50..54 => ("trends", format!("/api/v1/trends?gpu={gpu}&engine={engine}&tps_min={bound}")),
            54..60 => ("prices", format!("/api/v1/prices?gpu={gpu}")),
            60..63 => ("price history", format!("/api/v1/prices/history?gpu={gpu}&days={page}")),
            63..65 => ("gpus", "/api/v1/gpus".to_owned()),
            65..67 => ("models", "/api/v1/models".to_owned()),
            67..75 => ("original: all", format!("/get_all_benchmarks?page={page}")),
            75..83 => (
                "original: filtered",
                format!("/get_benchmark_results_by_filters?model_name={model}&TTFT_max={bound}"),
            ),
            83..90 => ("original: one", format!("/benchmark_results?pod_id={pod}")),
            90..93 => (
                "original: several",
                format!("/multiple_benchmark_results?pod_ids={pod}&pod_ids={here}&pod_ids={there}"),
            ),
            93..96 => ("original: options", "/get_available_benchmark_options".to_owned()),
            96..98 => ("original: prices", "/get_gpu_prices_by_platform?platform=runpod".to_owned()),
            _ => ("original: comments", format!("/get_comments?pod_id={pod}")),
        };
        Question { kind, path }
    }
}

/// The part of a name that somebody types.
fn part(name: &str) -> &str {
    name.split("%20").next().unwrap_or(name)
}
