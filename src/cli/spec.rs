//! From the command line to a run's request: names looked up, defaults filled in, contradictions refused.

mod args;
mod machine;

pub(super) use args::{SpecArgs, engines};

use super::{CliError, Context};
use crate::{
    definitions::Definitions,
    domain::{
        catalog::Catalog,
        kinds::{EngineKind, ProviderKind},
        spec::{EngineSpec, LoadSpec, ModelSpec, RunSpec},
        workflow::{RatesError, WorkflowDefinition, parse_rates},
    },
};

/// The model of the llama.cpp wheels, and so what runs where nothing else is asked for.
pub(super) const SMALL_MODEL: &str = "smollm2-135m-instruct";

/// A run's request and its steps. Its GPU may be [`AUTO`](crate::domain::recommend::AUTO).
///
/// # Errors
/// Exit 2, with the nearest names, for whatever is unknown or contradicts itself; exit 3 without the key that renting
/// needs.
pub(super) fn resolve(args: &SpecArgs, context: &Context) -> Result<(RunSpec, WorkflowDefinition), CliError> {
    let resolved = describe(args, context)?;
    machine::require_key(&resolved.0, context)?;
    Ok(resolved)
}

/// The same for somebody who only looks: nothing is rented, so no key is needed.
///
/// # Errors
/// Exit 2, with the nearest names, for whatever is unknown or contradicts itself.
pub(super) fn describe(
    args: &SpecArgs,
    context: &Context,
) -> Result<(RunSpec, WorkflowDefinition), CliError> {
    let provider = machine::provider(args)?;
    let engine_kind = match (args.engine, provider) {
        (Some(kind), _) => kind,
        (None, ProviderKind::Local) => EngineKind::Llamacpp,
        (None, _) => {
            return Err(CliError::usage("which engine is it?")
                .hint("add --engine ollama, vllm, sglang, llamacpp or truth"));
        }
    };
    let workflow = workflow(args, context)?;
    let load = load(args, context, &workflow)?;
    let model = model(args, engine_kind, provider, context)?;
    let engine = engine(args, engine_kind, provider, &load)?;
    let machine = machine::machine(args, provider, context)?;
    Ok((RunSpec { workflow: workflow.name.clone(), engine, model, machine, load }, workflow))
}

pub(super) fn workflow(args: &SpecArgs, context: &Context) -> Result<WorkflowDefinition, CliError> {
    let definitions = Definitions::new(definition_places(context));
    let workflow = definitions
        .workflow(&args.workflow)
        .map_err(|error| CliError::usage(error.to_string()).hint("dria-bench workflows list"))?;
    let refused = |error: RatesError| {
        CliError::usage(format!("--rates: {error}")).hint("e.g. --rates 1-9, or --rates 1,2,4,8")
    };
    match &args.rates {
        Some(rates) => workflow.with_rates(&parse_rates(rates).map_err(refused)?).map_err(refused),
        None if context.config.is_set("load.rates") => {
            workflow.with_rates(&context.config.load.rates).map_err(refused)
        }
        None => Ok(workflow),
    }
}

/// The folders whose `workflows` and `schedules` come before the shipped ones: the current one, then the data folder.
#[must_use]
pub(super) fn definition_places(context: &Context) -> Vec<std::path::PathBuf> {
    std::env::current_dir().into_iter().chain([context.config.data.dir.clone()]).collect()
}

pub(super) fn load(
    args: &SpecArgs,
    context: &Context,
    workflow: &WorkflowDefinition,
) -> Result<LoadSpec, CliError> {
    let defaults = &context.config.load;
    let seconds = args.seconds.unwrap_or(defaults.seconds);
    if !seconds.is_finite() || !(0.1..=3600.0).contains(&seconds) {
        return Err(CliError::usage(format!(
            "--seconds {seconds}: a level lasts between 0.1 and 3600 seconds"
        ))
        .hint("30 is the standard; a few are enough to try things out"));
    }
    Ok(LoadSpec {
        rates: workflow.rates(),
        seconds,
        prompt_tokens: args.prompt_tokens.unwrap_or(defaults.prompt_tokens),
        output_tokens: args.output_tokens.unwrap_or(defaults.output_tokens),
        seed: args.seed.unwrap_or(defaults.seed),
        max_in_flight: args.max_in_flight.unwrap_or(defaults.max_in_flight),
        until: args.until,
    })
}

fn model(
    args: &SpecArgs,
    engine: EngineKind,
    provider: ProviderKind,
    context: &Context,
) -> Result<ModelSpec, CliError> {
    let given = match (&args.model, engine, provider) {
        (Some(model), ..) => model.clone(),
        (None, EngineKind::Llamacpp, ProviderKind::Local) => SMALL_MODEL.to_owned(),
        (None, EngineKind::Truth, _) => "truth".to_owned(),
        (None, ..) => {
            return Err(CliError::usage("which model is it?")
                .hint("add --model; dria-bench catalog models lists those that are known"));
        }
    };
    let configured = match (engine, provider) {
        (EngineKind::Llamacpp, ProviderKind::Local) => context.config.engines.llamacpp.model.as_ref(),
        _ => None,
    };
    let configured = configured.map(|path| path.display().to_string());
    let path = args.model_path.clone().or(configured);
    let catalog = Catalog::embedded().map_err(|error| CliError::failed(error.to_string()))?;
    let known = catalog.model(&given, engine);
    let id = known.as_ref().ok().and_then(|model| model.id_for(engine)).unwrap_or(&given).to_owned();
    let described = args.common_name.is_some() && args.parameter_size.is_some();
    let free =
        described || provider == ProviderKind::Endpoint || engine == EngineKind::Truth || path.is_some();
    if let Err(unknown) = &known
        && !free
    {
        return Err(CliError::usage(unknown.to_string()).hint(
            "dria-bench catalog models lists what is known; for another model add --llm_common_name and \
             --llm_parameter_size",
        ));
    }
    let known = known.ok();
    let common_name = args.common_name.clone().or_else(|| known.map(|model| model.common_name.clone()));
    let parameter_size =
        args.parameter_size.clone().or_else(|| known.map(|model| model.parameter_size().to_owned()));
    Ok(ModelSpec {
        common_name: common_name.unwrap_or_else(|| given.clone()),
        parameter_size: parameter_size.unwrap_or_else(|| "unknown".to_owned()).to_lowercase(),
        path,
        id,
    })
}

fn engine(
    args: &SpecArgs,
    kind: EngineKind,
    provider: ProviderKind,
    load: &LoadSpec,
) -> Result<EngineSpec, CliError> {
    let needed = load.prompt_tokens.saturating_add(load.output_tokens);
    if let Some(context) = args.context.filter(|context| *context < needed) {
        return Err(CliError::usage(format!(
            "{} prompt and {} output tokens don't fit a context of {context}",
            load.prompt_tokens, load.output_tokens
        ))
        .hint(format!("raise --context to at least {needed}, or ask for fewer tokens")));
    }
    // Told to serve as many at once as are measured, the engine isn't what makes requests queue.
    let most = load.rates.last().copied().unwrap_or(1);
    let slots = args.slots.or_else(|| (provider != ProviderKind::Endpoint).then_some(most));
    Ok(EngineSpec {
        kind,
        precision: args.precision.clone(),
        context_tokens: args.context,
        parallel_slots: slots,
        prefix_caching: args.prefix_caching,
        extra_args: args.engine_args.clone(),
    })
}
