//! Runs of one configuration: what a line of a chart is.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Facet, Listed};

/// What the runs of a line have in common. The engine's version isn't part of it: that it changes is what trends show.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
pub struct Configuration {
    /// The model's display name.
    pub model: String,
    /// Its parameter size; `unknown`.
    pub parameter_size: String,
    /// The engine.
    pub engine: String,
    /// Precision of the weights; `unknown`.
    pub precision: String,
    /// The GPU.
    pub gpu: String,
    /// How many; 0: a CPU.
    pub gpu_count: i32,
    /// Where it ran.
    pub server: String,
    /// SHA-256 of the definition of the prompts; null: unknown.
    pub prompt_set: Option<String>,
}

impl Configuration {
    /// That of a run.
    #[must_use]
    pub fn of(run: &Listed) -> Self {
        let facet = |facet: Facet| facet.of(run).into_owned();
        Self {
            model: facet(Facet::Model),
            parameter_size: facet(Facet::ParameterSize),
            engine: facet(Facet::Engine),
            precision: facet(Facet::Precision),
            gpu: facet(Facet::Gpu),
            gpu_count: run.gpu_count,
            server: facet(Facet::Server),
            prompt_set: run.prompt_set.clone(),
        }
    }
}

/// Runs by their configuration, oldest first.
#[must_use]
pub fn group<'a>(runs: impl Iterator<Item = &'a Listed>) -> BTreeMap<Configuration, Vec<&'a Listed>> {
    let mut groups: BTreeMap<Configuration, Vec<&'a Listed>> = BTreeMap::new();
    for run in runs {
        groups.entry(Configuration::of(run)).or_default().push(run);
    }
    for runs in groups.values_mut() {
        runs.sort_by(|a, b| (a.measured_at, &a.id).cmp(&(b.measured_at, &b.id)));
    }
    groups
}

/// Each configuration with its newest run that has a throughput benchmark, and how many runs it has; the fastest a GPU
/// first.
#[must_use]
pub fn configurations<'a>(runs: impl Iterator<Item = &'a Listed>) -> Vec<(Configuration, &'a Listed, usize)> {
    let measured = runs.filter(|run| run.output_tokens_per_second.is_some());
    let mut newest: Vec<_> = group(measured)
        .into_iter()
        .filter_map(|(configuration, runs)| Some((configuration, *runs.last()?, runs.len())))
        .collect();
    let speed =
        |run: &Listed| run.output_tokens_per_second.unwrap_or_default() / f64::from(run.gpu_count.max(1));
    newest.sort_by(|a, b| speed(b.1).total_cmp(&speed(a.1)).then_with(|| a.0.cmp(&b.0)));
    newest
}

/// What changed under a configuration between two runs of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The engine's version.
    EngineVersion,
    /// The container image.
    Image,
}

/// What changed from one run to the next; what isn't known of either didn't.
#[must_use]
pub fn changes(from: &Listed, to: &Listed) -> Vec<Change> {
    let differs = |a: &Option<String>, b: &Option<String>| a.is_some() && b.is_some() && a != b;
    let version = differs(&from.engine_version, &to.engine_version).then_some(Change::EngineVersion);
    let image = differs(&from.image, &to.image).then_some(Change::Image);
    version.into_iter().chain(image).collect()
}
