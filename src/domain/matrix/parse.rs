//! The `[matrix]` table of a schedule file → [`MatrixDefinition`], every name looked up.

use std::ops::Range;

use rust_decimal::Decimal;
use serde::Deserialize;
use toml::{Spanned, Value};

use super::{
    DEFAULT_MAX_CELLS, Inclusion, Lookup, MAX_CELLS, MAX_GPU_COUNT, MAX_PARALLEL, MatrixDefinition,
    PriorityRule, Selector,
};
use crate::domain::{
    catalog::Catalog,
    definition::{DefinitionError, Document},
    kinds::{EngineKind, ProviderKind},
    money,
    names::UnknownName,
    spec::base_url,
};

type Text = Spanned<String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::domain) struct RawMatrix {
    workflow: Text,
    provider: Text,
    url: Option<Text>,
    models: Vec<Text>,
    engines: Vec<Text>,
    gpus: Vec<Text>,
    gpu_count: Option<Spanned<u32>>,
    #[serde(default)]
    include: Vec<RawInclusion>,
    #[serde(default)]
    exclude: Vec<Spanned<RawSelector>>,
    #[serde(default)]
    priorities: Vec<Spanned<RawPriority>>,
    max_parallel: Option<Spanned<u32>>,
    budget_usd: Spanned<Value>,
    #[serde(default)]
    same_machine: bool,
    max_cells: Option<Spanned<usize>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawInclusion {
    model: Text,
    engine: Text,
    gpu: Text,
    gpu_count: Option<Spanned<u32>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSelector {
    model: Option<Text>,
    engine: Option<Text>,
    gpu: Option<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPriority {
    model: Option<Text>,
    engine: Option<Text>,
    gpu: Option<Text>,
    priority: i32,
}

/// Looks names up and refuses unknown ones where they stand.
struct Names<'a> {
    document: &'a Document<'a>,
    lookup: Lookup<'a>,
}

/// Reads the table that stands at `at`.
pub(in crate::domain) fn read(
    document: &Document<'_>,
    raw: &RawMatrix,
    at: Range<usize>,
    catalog: &Catalog,
    workflows: &[String],
) -> Result<MatrixDefinition, DefinitionError> {
    let provider = raw.provider.get_ref().parse::<ProviderKind>();
    let provider = provider.map_err(|error| document.refuse(raw.provider.span(), error.to_string()))?;
    let names = Names { document, lookup: Lookup { catalog, provider } };
    let workflow = raw.workflow.get_ref();
    if !workflows.contains(workflow) {
        let known = workflows.iter().map(|name| (name.as_str(), vec![name.as_str()]));
        let unknown = UnknownName::among("workflow", workflow, known);
        return Err(document.refuse(raw.workflow.span(), unknown.to_string()));
    }
    let matrix = MatrixDefinition {
        workflow: workflow.clone(),
        provider,
        url: names.url(raw)?,
        models: names.list(&raw.models, Names::model)?,
        engines: names.list(&raw.engines, Names::engine)?,
        gpus: names.list(&raw.gpus, Names::gpu)?,
        gpu_count: names.within(raw.gpu_count.as_ref(), MAX_GPU_COUNT)?.unwrap_or(1),
        include: raw.include.iter().map(|cell| names.inclusion(cell)).collect::<Result<_, _>>()?,
        exclude: raw.exclude.iter().map(|cells| names.exclusion(cells)).collect::<Result<_, _>>()?,
        priorities: raw.priorities.iter().map(|rule| names.priority(rule)).collect::<Result<_, _>>()?,
        max_parallel: names.max_parallel(raw.max_parallel.as_ref())?,
        budget_usd: read_money(raw.budget_usd.get_ref())
            .map_err(|reason| document.refuse(raw.budget_usd.span(), reason))?,
        same_machine: raw.same_machine,
        max_cells: names.within(raw.max_cells.as_ref(), MAX_CELLS)?.unwrap_or(DEFAULT_MAX_CELLS),
    };
    let cells = matrix.expand().map_err(|error| document.refuse(at.clone(), error.to_string()))?;
    for cell in cells {
        let model = catalog.model(&cell.model, cell.engine);
        if model.is_ok_and(|model| model.id_for(cell.engine).is_none()) {
            let reason = format!("{} has no id for {}: exclude this pair", cell.model, cell.engine);
            return Err(document.refuse(at, reason));
        }
    }
    Ok(matrix)
}

/// Whole dollars as a number, else a text: a TOML float would not hold every cent exactly.
pub(in crate::domain) fn read_money(value: &Value) -> Result<Decimal, String> {
    let usd = match value {
        Value::Integer(dollars) => Decimal::from(*dollars),
        Value::String(text) => {
            Decimal::from_str_exact(text).map_err(|_| "money is written like \"12.50\"".to_owned())?
        }
        _ => return Err("money is written as text, like \"12.50\", so that every cent is exact".to_owned()),
    };
    money::cap(usd).map_err(|reason| format!("a budget {reason}"))
}

impl Names<'_> {
    fn list<T: PartialEq>(
        &self,
        given: &[Text],
        read: impl Fn(&Self, &Text) -> Result<T, DefinitionError>,
    ) -> Result<Vec<T>, DefinitionError> {
        let mut list = Vec::with_capacity(given.len());
        for text in given {
            let item = read(self, text)?;
            if list.contains(&item) {
                let reason = format!("`{}` is there twice, perhaps by another name", text.get_ref());
                return Err(self.document.refuse(text.span(), reason));
            }
            list.push(item);
        }
        Ok(list)
    }

    fn within<T: PartialOrd + Copy + std::fmt::Display + From<u8>>(
        &self,
        given: Option<&Spanned<T>>,
        most: T,
    ) -> Result<Option<T>, DefinitionError> {
        match given {
            Some(number) if !(T::from(1)..=most).contains(number.get_ref()) => {
                Err(self.document.refuse(number.span(), format!("must be 1 to {most}")))
            }
            other => Ok(other.map(|number| *number.get_ref())),
        }
    }

    fn found<T>(&self, text: &Text, found: Result<T, String>) -> Result<T, DefinitionError> {
        found.map_err(|reason| self.document.refuse(text.span(), reason))
    }

    /// Where the engine runs, exactly where that is to be said.
    fn url(&self, raw: &RawMatrix) -> Result<Option<String>, DefinitionError> {
        match (self.lookup.provider, &raw.url) {
            (ProviderKind::Endpoint, None) => {
                let reason = "endpoint measures what already runs: add its url = \"http://host:port\"";
                Err(self.document.refuse(raw.provider.span(), reason))
            }
            (ProviderKind::Endpoint, Some(url)) => base_url(url.get_ref())
                .map(Some)
                .map_err(|reason| self.document.refuse(url.span(), format!("url {reason}"))),
            (provider, Some(url)) => {
                let reason =
                    format!("{provider} starts engines itself: a url is for provider = \"endpoint\"");
                Err(self.document.refuse(url.span(), reason))
            }
            (_, None) => Ok(None),
        }
    }

    fn max_parallel(&self, given: Option<&Spanned<u32>>) -> Result<u32, DefinitionError> {
        let parallel = self.within(given, MAX_PARALLEL)?.unwrap_or(1);
        match given {
            Some(number) => {
                let runs = self.lookup.parallel(parallel);
                runs.map_err(|reason| self.document.refuse(number.span(), reason))
            }
            None => Ok(parallel),
        }
    }

    fn engine(&self, text: &Text) -> Result<EngineKind, DefinitionError> {
        self.found(text, self.lookup.engine(text.get_ref()))
    }

    fn model(&self, text: &Text) -> Result<String, DefinitionError> {
        self.found(text, self.lookup.model(text.get_ref()))
    }

    fn gpu(&self, text: &Text) -> Result<String, DefinitionError> {
        self.found(text, self.lookup.gpu(text.get_ref()))
    }

    fn inclusion(&self, raw: &RawInclusion) -> Result<Inclusion, DefinitionError> {
        Ok(Inclusion {
            model: self.model(&raw.model)?,
            engine: self.engine(&raw.engine)?,
            gpu: self.gpu(&raw.gpu)?,
            gpu_count: self.within(raw.gpu_count.as_ref(), MAX_GPU_COUNT)?,
        })
    }

    fn exclusion(&self, raw: &Spanned<RawSelector>) -> Result<Selector, DefinitionError> {
        let RawSelector { model, engine, gpu } = raw.get_ref();
        self.selector(raw.span(), [model, engine, gpu])
    }

    fn priority(&self, raw: &Spanned<RawPriority>) -> Result<PriorityRule, DefinitionError> {
        let RawPriority { model, engine, gpu, priority } = raw.get_ref();
        Ok(PriorityRule { cells: self.selector(raw.span(), [model, engine, gpu])?, priority: *priority })
    }

    fn selector(
        &self,
        at: Range<usize>,
        [model, engine, gpu]: [&Option<Text>; 3],
    ) -> Result<Selector, DefinitionError> {
        let selector = Selector {
            model: model.as_ref().map(|text| self.model(text)).transpose()?,
            engine: engine.as_ref().map(|text| self.engine(text)).transpose()?,
            gpu: gpu.as_ref().map(|text| self.gpu(text)).transpose()?,
        };
        if selector.is_empty() {
            return Err(self.document.refuse(at, "selects everything: give a model, an engine or a gpu"));
        }
        Ok(selector)
    }
}
