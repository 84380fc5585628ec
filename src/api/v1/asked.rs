//! The parameters of every question about a model: which it is, and what it must have room for.

use std::str::FromStr;

use crate::{
    api::{error::Error, parameters::Parameters},
    domain::{
        catalog::Catalog,
        kinds::EngineKind,
        sizing::{self, Asked, Described, Parameters as Size, Precision, Room},
    },
};

/// A question's model and room, as far as they could be read. What couldn't is remembered with the parameters.
pub(super) struct AskedModel {
    /// The catalog it was looked up in.
    pub(super) catalog: Catalog,
    /// The model; `None`: something is wrong with it.
    pub(super) model: Option<Asked>,
    /// What it must have room for.
    pub(super) room: Room,
}

impl AskedModel {
    /// Takes them from a request's parameters. Ids of a model that the catalog knows are looked up for this engine first.
    pub(super) fn take(parameters: &mut Parameters, engine: EngineKind) -> Result<Self, Error> {
        let catalog = Catalog::embedded().map_err(|error| Error::Internal(error.to_string()))?;
        let name: Option<String> = parameters.take("model");
        let config: Option<String> = parameters.take("config_json");
        let size: Option<Size> = parameters.take("parameters");
        let precision: Option<Precision> = parameters.take("precision");
        let room = Room {
            precision,
            kv_precision: parameters.take("kv_cache").unwrap_or_default(),
            context_tokens: parameters.take("context"),
            concurrency: parameters.take("concurrency"),
            memory_share: parameters.take("memory_share"),
            no_window_credit: !parameters.take("window_credit").unwrap_or(true),
            max_count: parameters.take("max_count").map(|Gpus(count)| count),
        };
        let described = Described {
            model: name.as_deref(),
            config_json: config.as_deref().map(|text| ("the model", text)),
            parameters: size,
            precision,
        };
        let model = described.find(&catalog, engine).map_err(|error| refuse(parameters, &error)).ok();
        Ok(Self { catalog, model, room })
    }
}

/// Remembers what is wrong with a question.
pub(super) fn refuse(parameters: &mut Parameters, error: &sizing::Error) {
    parameters.refuse(error.field(), error.reason());
}

/// Most GPUs of a machine.
struct Gpus(u32);

impl FromStr for Gpus {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s.parse() {
            Ok(count @ 1..=8) => Ok(Self(count)),
            _ => Err("must be a number of GPUs from 1 to 8"),
        }
    }
}
