//! From a request to a run: names looked up, defaults filled in, contradictions refused, each with its field's path.

use super::request::{MachineRequest, RunRequest};
use crate::{
    api::error::{BadField, Error},
    definitions::Definitions,
    domain::{
        catalog::{Catalog, Model},
        kinds::{EngineKind, ProviderKind},
        recommend::{AUTO, is_auto},
        spec::{EngineSpec, LoadSpec, MachineSpec, ModelSpec, RunSpec},
        workflow::WorkflowDefinition,
    },
};

/// What is wrong, gathered.
#[derive(Default)]
struct Wrong(Vec<BadField>);

impl Wrong {
    fn add(&mut self, field: &str, message: impl Into<String>) {
        self.0.push(BadField { field: field.to_owned(), message: message.into() });
    }
}

/// The run that is asked for, and its steps.
///
/// # Errors
/// With every field that is unknown or contradicts another.
pub(super) fn resolve(request: &RunRequest) -> Result<(RunSpec, WorkflowDefinition), Error> {
    let catalog = Catalog::embedded().map_err(|error| Error::Internal(error.to_string()))?;
    let mut wrong = Wrong::default();
    let workflow = workflow(request, &mut wrong);
    let rates = workflow.as_ref().map_or_else(|| LoadSpec::default().rates, WorkflowDefinition::rates);
    let load = request.load.spec(rates);
    let model = model(request, &catalog, &mut wrong);
    let machine = machine(&request.machine, &catalog, &mut wrong);
    let engine = engine(request, &load, &mut wrong);
    if request.machine.provider == ProviderKind::Endpoint {
        for (given, field) in [
            (request.engine.extra_args.as_ref().is_some_and(|args| !args.is_empty()), "engine.extra_args"),
            (request.model.path.is_some(), "model.path"),
            (request.machine.port.is_some(), "machine.port"),
        ] {
            if given {
                wrong.add(
                    field,
                    "says how to start an engine, and the provider `endpoint` that it runs already",
                );
            }
        }
    }
    match (workflow, wrong.0.is_empty()) {
        (Some(workflow), true) => {
            Ok((RunSpec { workflow: workflow.name.clone(), engine, model, machine, load }, workflow))
        }
        _ => Err(Error::Fields(wrong.0)),
    }
}

fn workflow(request: &RunRequest, wrong: &mut Wrong) -> Option<WorkflowDefinition> {
    let name = request.workflow.as_deref().unwrap_or("benchmark");
    let shipped = Definitions::default().workflow(name);
    let shipped = shipped.map_err(|error| wrong.add("workflow", format!("can't be used: {error}"))).ok()?;
    let levels = request.load.levels_of(shipped);
    levels.map_err(|error| wrong.add("load.rates", format!("can't be used: {error}"))).ok()
}

fn model(request: &RunRequest, catalog: &Catalog, wrong: &mut Wrong) -> ModelSpec {
    let (asked, engine) = (&request.model, request.engine.kind);
    let known = catalog.model(&asked.id, engine);
    let is_described = asked.common_name.is_some() && asked.parameter_size.is_some();
    let is_free = is_described
        || request.machine.provider == ProviderKind::Endpoint
        || engine == EngineKind::Truth
        || asked.path.is_some();
    if let Err(unknown) = &known
        && !is_free
    {
        wrong.add(
            "model.id",
            format!("can't be used: {unknown}; for another model add `model.common_name` and `model.parameter_size`"),
        );
    }
    let known = known.ok();
    let id = known.and_then(|model| model.id_for(engine)).unwrap_or(&asked.id);
    let common_name = asked.common_name.as_deref().or(known.map(|model| model.common_name.as_str()));
    let parameter_size = asked.parameter_size.as_deref().or(known.map(Model::parameter_size));
    ModelSpec {
        id: id.to_owned(),
        common_name: common_name.unwrap_or(&asked.id).to_owned(),
        parameter_size: parameter_size.unwrap_or("unknown").to_lowercase(),
        path: asked.path.clone(),
    }
}

fn engine(request: &RunRequest, load: &LoadSpec, wrong: &mut Wrong) -> EngineSpec {
    let asked = &request.engine;
    let needed = load.prompt_tokens.saturating_add(load.output_tokens);
    if asked.context_tokens.is_some_and(|context| context < needed) {
        wrong.add("engine.context_tokens", format!("must be at least {needed}: prompt and output together"));
    }
    // Told to serve as many at once as are measured, the engine isn't what makes requests queue.
    let most = load.rates.last().copied().unwrap_or(1);
    let own = (request.machine.provider != ProviderKind::Endpoint).then_some(most);
    EngineSpec {
        kind: asked.kind,
        precision: asked.precision.clone(),
        context_tokens: asked.context_tokens,
        parallel_slots: asked.parallel_slots.or(own),
        prefix_caching: asked.prefix_caching.unwrap_or_default(),
        extra_args: asked.extra_args.clone().unwrap_or_default(),
    }
}

fn machine(asked: &MachineRequest, catalog: &Catalog, wrong: &mut Wrong) -> MachineSpec {
    match (asked.provider, &asked.url) {
        (ProviderKind::Endpoint, None) => wrong.add("machine.url", "has to be given: where is the engine?"),
        (ProviderKind::Local | ProviderKind::Runpod, Some(_)) => {
            wrong.add(
                "machine.url",
                format!("is only for the provider `endpoint`, and this is `{}`", asked.provider),
            );
        }
        _ => {}
    }
    if asked.host.is_some() && asked.provider != ProviderKind::Local {
        wrong.add("machine.host", "is only for the provider `local`");
    }
    let auto = asked.gpu_id.as_deref().is_some_and(is_auto);
    if auto {
        refuse_auto(asked, wrong);
    } else if asked.max_usd_per_hour.is_some() {
        wrong.add("machine.max_usd_per_hour", "says what may be picked, and `gpu_id` isn't `auto`");
    }
    let mut gpu = |field: &str, name: &str| match catalog.gpu(name) {
        Ok(gpu) => gpu.id.clone(),
        Err(unknown) => {
            wrong.add(field, format!("can't be used: {unknown}"));
            name.to_owned()
        }
    };
    let is_cpu = asked.gpu_id.as_ref().is_some_and(|id| id.starts_with("CPU "));
    let gpu_id = match &asked.gpu_id {
        Some(_) if auto => Some(AUTO.to_owned()),
        Some(id) if is_cpu && asked.provider != ProviderKind::Runpod => Some(id.clone()),
        Some(id) => Some(gpu("machine.gpu_id", id)),
        None => None,
    };
    let gpu_candidates =
        asked.gpu_candidates.iter().flatten().map(|name| gpu("machine.gpu_candidates", name)).collect();
    match (asked.provider, &gpu_id) {
        (ProviderKind::Runpod, None) => {
            wrong.add("machine.gpu_id", "has to be given: which GPU is to be rented?");
        }
        (ProviderKind::Local, None) => {
            wrong.add(
                "machine.gpu_id",
                "has to be given: results are published under it. Without a GPU, `CPU <model>`",
            );
        }
        _ => {}
    }
    if is_cpu && asked.gpu_count.is_some_and(|count| count > 0) {
        wrong.add("machine.gpu_count", "must be 0 for a run without a GPU");
    }
    // How many GPUs `auto` takes is left to what is picked.
    let has_gpu = gpu_id.is_some() && !is_cpu && !auto;
    MachineSpec {
        provider: asked.provider,
        gpu_id: gpu_id.unwrap_or_else(|| "unknown".to_owned()),
        gpu_candidates,
        data_center: asked.data_center.clone(),
        gpu_count: asked.gpu_count.unwrap_or_else(|| u32::from(has_gpu)),
        volume_in_gb: asked.volume_in_gb.unwrap_or_default(),
        container_disk_in_gb: asked.container_disk_in_gb.unwrap_or_default(),
        port: asked.port,
        url: asked.url.clone(),
    }
}

/// What contradicts a GPU that is to be picked.
fn refuse_auto(asked: &MachineRequest, wrong: &mut Wrong) {
    if asked.provider != ProviderKind::Runpod {
        let provider = asked.provider;
        wrong.add(
            "machine.gpu_id",
            format!(
                "can't be used: `auto` picks what is rented, and the provider `{provider}` rents nothing"
            ),
        );
    }
    if asked.gpu_candidates.as_ref().is_some_and(|candidates| !candidates.is_empty()) {
        wrong.add("machine.gpu_candidates", "can't be given: `auto` finds its own");
    }
    if asked.gpu_count == Some(0) {
        wrong.add("machine.gpu_count", "must be 1 or more: a GPU is to be picked");
    }
}
