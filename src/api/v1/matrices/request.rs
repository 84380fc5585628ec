//! The body of `POST /api/v1/matrices`: the `[matrix]` table of a schedule file as JSON, or a schedule's name.

use rust_decimal::Decimal;
use utoipa::ToSchema;

use crate::{
    api::{
        error::Error,
        fields::{Body, Fields},
        parameters::MOST_USD,
        v1::load::LoadRequest,
    },
    domain::{
        catalog::Catalog,
        kinds::{EngineKind, ProviderKind},
        matrix::{
            DEFAULT_MAX_CELLS, Inclusion, Lookup, MAX_CELLS, MAX_GPU_COUNT, MAX_PARALLEL, MatrixDefinition,
            PriorityRule, Selector,
        },
    },
};

/// What is to be run: every model under every engine on every GPU, by names of the catalog. Or the name of a schedule alone.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is what the document says of the body, which is read field by field")]
pub(super) struct MatrixRequest {
    /// A schedule whose matrix is run; nothing but `load` is given beside it.
    schedule: Option<String>,
    /// Name of a shipped workflow; by default `benchmark`.
    workflow: Option<String>,
    /// Where the engines run.
    provider: Option<ProviderKind>,
    /// Base URL of the engine that already runs (`endpoint`). Needs an admin.
    url: Option<String>,
    /// Models by any of their names.
    models: Option<Vec<String>>,
    engines: Option<Vec<EngineKind>>,
    /// GPUs by any of their names; `cpu`: none.
    gpus: Option<Vec<String>>,
    /// GPUs of a machine; by default 1.
    #[schema(minimum = 1, maximum = 16)]
    gpu_count: Option<u32>,
    /// Cells besides the product.
    include: Option<Vec<IncludeRequest>>,
    /// What is left out.
    exclude: Option<Vec<SelectRequest>>,
    /// Which cells go first: the first rule that selects a cell gives its priority; none: 0.
    priorities: Option<Vec<PriorityRequest>>,
    /// Runs at once, at most; by default 1.
    #[schema(minimum = 1, maximum = 100)]
    max_parallel: Option<u32>,
    /// What all its runs together may cost, US dollars.
    #[schema(value_type = Option<f64>, exclusive_minimum = 0)]
    budget_usd: Option<Decimal>,
    /// Whether the engines of a group run one after another on one machine; by default not.
    same_machine: Option<bool>,
    /// How many cells it may have; by default 100.
    #[schema(minimum = 1, maximum = 1000)]
    max_cells: Option<usize>,
    /// Of each run. By default 1 to 9 streams for 30 s each, 100 prompt and 200 output tokens.
    #[schema(required = false)]
    load: LoadRequest,
}

/// One more cell.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is what the document says of the body, which is read field by field")]
struct IncludeRequest {
    model: String,
    engine: EngineKind,
    gpu: String,
    #[schema(minimum = 1, maximum = 16)]
    gpu_count: Option<u32>,
}

/// The cells that agree with everything it states.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is what the document says of the body, which is read field by field")]
struct SelectRequest {
    model: Option<String>,
    engine: Option<EngineKind>,
    gpu: Option<String>,
}

/// A priority for what it selects.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is what the document says of the body, which is read field by field")]
struct PriorityRequest {
    model: Option<String>,
    engine: Option<EngineKind>,
    gpu: Option<String>,
    /// Higher goes first.
    priority: i32,
}

/// What a body asks for.
pub(super) struct Asked {
    /// The matrix.
    pub(super) of: AskedFor,
    /// The load of each run.
    pub(super) load: LoadRequest,
}

/// The matrix that is asked for.
pub(super) enum AskedFor {
    /// This matrix.
    Matrix(Box<MatrixDefinition>),
    /// That of the schedule of this name.
    Schedule(String),
}

impl Asked {
    /// Reads a body.
    ///
    /// # Errors
    /// With everything that is wrong with it.
    pub(super) fn read(body: &Body) -> Result<Self, Error> {
        let mut fields = body.fields();
        let load = LoadRequest::read(fields.object("load"));
        if let Some(schedule) = fields.take::<String>("schedule") {
            fields.finish();
            body.finish()?;
            return Ok(Self { of: AskedFor::Schedule(schedule), load });
        }
        let catalog = Catalog::embedded().map_err(|error| Error::Internal(error.to_string()))?;
        let definition = definition(fields, &catalog);
        body.finish()?;
        // What is missing was said.
        let definition = definition.ok_or(Error::Fields(Vec::new()))?;
        Ok(Self { of: AskedFor::Matrix(Box::new(definition)), load })
    }
}

fn definition(mut fields: Fields<'_>, catalog: &Catalog) -> Option<MatrixDefinition> {
    let provider: Option<ProviderKind> = fields.need("provider");
    // Without a provider nothing is wrong with an engine or a GPU but its name.
    let lookup = Lookup { catalog, provider: provider.unwrap_or(ProviderKind::Endpoint) };
    let url: Option<String> = fields.take("url");
    match (provider, &url) {
        (Some(ProviderKind::Endpoint), None) => {
            fields.refuse("url", "has to be given: where is the engine?".to_owned());
        }
        (Some(other @ (ProviderKind::Local | ProviderKind::Runpod)), Some(_)) => {
            fields.refuse("url", format!("is only for the provider `endpoint`, and this is `{other}`"));
        }
        _ => {}
    }
    let gpus = |n: &u32| (1..=MAX_GPU_COUNT).contains(n);
    let definition = MatrixDefinition {
        workflow: fields.take("workflow").unwrap_or_else(|| "benchmark".to_owned()),
        provider: lookup.provider,
        url,
        models: names(&mut fields, "models", |name| lookup.model(name)),
        engines: names(&mut fields, "engines", |name| lookup.engine(name)),
        gpus: names(&mut fields, "gpus", |name| lookup.gpu(name)),
        gpu_count: fields.check("gpu_count", gpus, "from 1 to 16").unwrap_or(1),
        include: fields.objects("include").into_iter().filter_map(|cell| inclusion(cell, lookup)).collect(),
        exclude: fields.objects("exclude").into_iter().map(|cells| selector(cells, lookup)).collect(),
        priorities: fields
            .objects("priorities")
            .into_iter()
            .map(|mut rule| {
                let priority = rule.need("priority").unwrap_or_default();
                PriorityRule { cells: selector(rule, lookup), priority }
            })
            .collect(),
        max_parallel: parallel(&mut fields, provider.map(|_| lookup)),
        budget_usd: budget(&mut fields),
        same_machine: fields.take("same_machine").unwrap_or_default(),
        max_cells: fields
            .check("max_cells", |n| (1..=MAX_CELLS).contains(n), "from 1 to 1000")
            .unwrap_or(DEFAULT_MAX_CELLS),
    };
    fields.finish();
    provider.map(|_| definition)
}

/// Names of a list, looked up; none may be there twice, be it by another name.
fn names<T: PartialEq>(
    fields: &mut Fields<'_>,
    field: &str,
    find: impl Fn(&str) -> Result<T, String>,
) -> Vec<T> {
    let given: Vec<String> = fields.need(field).unwrap_or_default();
    let mut found = Vec::with_capacity(given.len());
    for name in given {
        match find(&name) {
            Ok(one) if found.contains(&one) => {
                fields.refuse(
                    field,
                    format!("can't be used: `{name}` is there twice, perhaps by another name"),
                );
            }
            Ok(one) => found.push(one),
            Err(unknown) => fields.refuse(field, format!("can't be used: {unknown}")),
        }
    }
    found
}

/// A name, looked up where it is given.
fn name<T>(fields: &mut Fields<'_>, field: &str, find: impl Fn(&str) -> Result<T, String>) -> Option<T> {
    let given: String = fields.take(field)?;
    find(&given).map_err(|unknown| fields.refuse(field, format!("can't be used: {unknown}"))).ok()
}

fn inclusion(mut fields: Fields<'_>, lookup: Lookup<'_>) -> Option<Inclusion> {
    for field in ["model", "engine", "gpu"] {
        fields.require(field);
    }
    let model = name(&mut fields, "model", |name| lookup.model(name));
    let engine = name(&mut fields, "engine", |name| lookup.engine(name));
    let gpu = name(&mut fields, "gpu", |name| lookup.gpu(name));
    let gpu_count = fields.check("gpu_count", |n| (1..=MAX_GPU_COUNT).contains(n), "from 1 to 16");
    fields.finish();
    Some(Inclusion { model: model?, engine: engine?, gpu: gpu?, gpu_count })
}

fn selector(mut fields: Fields<'_>, lookup: Lookup<'_>) -> Selector {
    if !["model", "engine", "gpu"].into_iter().any(|field| fields.has(field)) {
        fields
            .refuse("model", "has to be given, or `engine` or `gpu`: else everything is selected".to_owned());
    }
    let selector = Selector {
        model: name(&mut fields, "model", |name| lookup.model(name)),
        engine: name(&mut fields, "engine", |name| lookup.engine(name)),
        gpu: name(&mut fields, "gpu", |name| lookup.gpu(name)),
    };
    fields.finish();
    selector
}

/// `lookup` where the provider is known: one that isn't forbids nothing.
fn parallel(fields: &mut Fields<'_>, lookup: Option<Lookup<'_>>) -> u32 {
    let most = |n: &u32| (1..=MAX_PARALLEL).contains(n);
    let asked = fields.check("max_parallel", most, "from 1 to 100").unwrap_or(1);
    if let Some(Err(reason)) = lookup.map(|lookup| lookup.parallel(asked)) {
        fields.refuse("max_parallel", format!("must be 1: {reason}"));
    }
    asked
}

fn budget(fields: &mut Fields<'_>) -> Decimal {
    if !fields.require("budget_usd") {
        return Decimal::ZERO;
    }
    let fits = |usd: &Decimal| *usd > Decimal::ZERO && *usd < MOST_USD;
    fields.check("budget_usd", fits, "more than 0 and less than 1000000 USD").unwrap_or_default()
}
