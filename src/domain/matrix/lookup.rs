//! What a matrix may name: models, engines and GPUs by any of their names, and the numbers within their bounds. Files and
//! requests are read by the same rules.

use super::CPU;
use crate::domain::{
    catalog::Catalog,
    kinds::{EngineKind, ProviderKind},
    recommend::{AUTO, is_auto},
};

/// The most runs at once a matrix may ask for.
pub const MAX_PARALLEL: u32 = 100;

/// The most GPUs of one machine.
pub const MAX_GPU_COUNT: u32 = 16;

/// Looks up what a matrix of this provider names. Errors are whole sentences.
#[derive(Debug, Clone, Copy)]
pub struct Lookup<'a> {
    /// GPUs and models.
    pub catalog: &'a Catalog,
    /// Where the engines run.
    pub provider: ProviderKind,
}

impl Lookup<'_> {
    /// A model's name for people.
    ///
    /// # Errors
    /// When the catalog has none of this name.
    pub fn model(&self, name: &str) -> Result<String, String> {
        // Any engine's id will do here; the name for people is what is kept.
        let model = self.catalog.model(name, EngineKind::Truth);
        model.map(|model| model.common_name.clone()).map_err(|error| error.to_string())
    }

    /// An engine.
    ///
    /// # Errors
    /// When there is none of this name, or the provider can't run it.
    pub fn engine(&self, name: &str) -> Result<EngineKind, String> {
        let engine = name.parse::<EngineKind>().map_err(|error| error.to_string())?;
        if (engine, self.provider) == (EngineKind::Truth, ProviderKind::Runpod) {
            return Err("truth comes in no container, so it can't run on a rented machine".to_owned());
        }
        Ok(engine)
    }

    /// A GPU's id, [`CPU`], or [`AUTO`].
    ///
    /// # Errors
    /// When the catalog has none of this name, or the provider none at all.
    pub fn gpu(&self, name: &str) -> Result<String, String> {
        if name.eq_ignore_ascii_case(CPU) {
            return match self.provider {
                ProviderKind::Local | ProviderKind::Endpoint => Ok(CPU.to_owned()),
                ProviderKind::Runpod => {
                    Err("runpod rents GPUs: `cpu` is for the providers local and endpoint".to_owned())
                }
            };
        }
        if is_auto(name) {
            return match self.provider {
                ProviderKind::Runpod => Ok(AUTO.to_owned()),
                provider => Err(format!("`auto` picks what is rented, and {provider} rents nothing")),
            };
        }
        self.catalog.gpu(name).map(|gpu| gpu.id.clone()).map_err(|error| error.to_string())
    }

    /// Runs at once: on one machine they would measure each other.
    ///
    /// # Errors
    /// When there are several and the provider has one machine.
    pub fn parallel(&self, runs: u32) -> Result<u32, String> {
        if runs > 1 && self.provider != ProviderKind::Runpod {
            let provider = self.provider;
            return Err(format!("{provider} has one machine, and runs at once would measure each other"));
        }
        Ok(runs)
    }
}
