//! A question about a model as a command or a request puts it: which model is meant, and what it must have room for.

use super::{Error, KvPrecision, Options, Parameters, Precision, Shape};
use crate::domain::{
    catalog::{Catalog, Model},
    kinds::EngineKind,
};

/// How a model is named or described. A description comes before the catalog's.
#[derive(Debug, Clone, Copy, Default)]
pub struct Described<'a> {
    /// Its name; of one that isn't in the catalog, any.
    pub model: Option<&'a str>,
    /// The text of its config.json, and what to call the model where it has no name.
    pub config_json: Option<(&'a str, &'a str)>,
    /// Its size.
    pub parameters: Option<Parameters>,
    /// What its weights are served in; `None`: its own.
    pub precision: Option<Precision>,
}

/// A model as sizing sees it, and how its runs are found.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// Its shape.
    pub shape: Shape,
    /// All ids that its runs may be stored under.
    pub ids: Vec<String>,
}

impl Described<'_> {
    /// The model that is meant.
    ///
    /// # Errors
    /// When nothing says which, the catalog doesn't know it, or what describes it can't be true.
    pub fn find(&self, catalog: &Catalog, engine: EngineKind) -> Result<Asked, Error> {
        let known = self.model.map(|name| (name, catalog.model(name, engine)));
        let given_ids = || match &known {
            Some((_, Ok(model))) => ids(model),
            Some((name, Err(_))) => vec![(*name).to_owned()],
            None => Vec::new(),
        };
        if let Some((name, text)) = self.config_json {
            let name = self.model.unwrap_or(name);
            let shape = Shape::from_config(name.to_owned(), text, self.parameters, self.precision)?;
            return Ok(Asked { shape, ids: given_ids() });
        }
        if let Some(parameters) = self.parameters {
            let name = self.model.unwrap_or("the model");
            let native = self.precision.unwrap_or(Precision::Bf16);
            return Ok(Asked { shape: Shape::from_parameters(name, parameters, native), ids: given_ids() });
        }
        match known {
            Some((_, Ok(model))) => Ok(Asked { shape: Shape::of(model)?, ids: ids(model) }),
            Some((_, Err(unknown))) => Err(Error::NoModel(unknown.to_string())),
            None => Err(Error::NoModel("has to be given: which model is it?".to_owned())),
        }
    }
}

/// All ids that runs of a model of the catalog may be stored under.
pub fn ids(model: &Model) -> Vec<String> {
    model.names().into_iter().map(str::to_owned).collect()
}

/// What a model must have room for, as far as it is said; the rest is as usual.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Room {
    /// Of the weights.
    pub precision: Option<Precision>,
    /// Of the KV cache.
    pub kv_precision: KvPrecision,
    /// Tokens of a request, prompt and output together.
    pub context_tokens: Option<u32>,
    /// Requests at once.
    pub concurrency: Option<u32>,
    /// Share of a card's memory that the engine may take.
    pub memory_share: Option<f64>,
    /// Whether layers with a sliding window keep every token.
    pub no_window_credit: bool,
    /// Most GPUs of a machine.
    pub max_count: Option<u32>,
}

impl Room {
    /// The whole of it. A context that nobody states has at least `least_tokens`.
    #[must_use]
    pub fn options(&self, shape: &Shape, least_tokens: u32) -> Options {
        let usual = Options::of(shape);
        Options {
            precision: self.precision.unwrap_or(usual.precision),
            kv_precision: self.kv_precision,
            context_tokens: self.context_tokens.unwrap_or(usual.context_tokens.max(least_tokens)),
            concurrency: self.concurrency.unwrap_or(usual.concurrency),
            memory_share: self.memory_share.unwrap_or(usual.memory_share),
            window_credit: !self.no_window_credit,
            max_count: self.max_count.unwrap_or(usual.max_count),
        }
    }
}
