//! The GPUs and models we know by name, from `catalog/gpus.csv` and `catalog/models.csv`.
//!
//! The files are part of the program. Columns that only say how sure a cell is (`*_basis`, `in_*`) are for those who
//! keep the files and are not read. What a GPU costs, and whether a model fits on it, is not known here.

mod gpu;
mod model;
mod table;
#[cfg(test)]
mod tests;

pub use gpu::{ComputeCapability, Gpu, GpuCategory};
pub use model::{Attention, AttentionKind, Model};
pub use table::CatalogError;

use super::kinds::EngineKind;
pub use super::names::UnknownName;

const GPUS_FILE: &str = "catalog/gpus.csv";
const MODELS_FILE: &str = "catalog/models.csv";

/// Every GPU and model we know.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalog {
    gpus: Vec<Gpu>,
    models: Vec<Model>,
}

impl Catalog {
    /// The catalog that is part of the program.
    ///
    /// # Errors
    /// Names file, line and column of the first cell that can't be read.
    pub fn embedded() -> Result<Self, CatalogError> {
        Self::parse(include_str!("../../../catalog/gpus.csv"), include_str!("../../../catalog/models.csv"))
    }

    fn parse(gpus: &str, models: &str) -> Result<Self, CatalogError> {
        Ok(Self {
            gpus: table::rows(GPUS_FILE, gpus, Gpu::read)?,
            models: table::rows(MODELS_FILE, models, Model::read)?,
        })
    }

    /// Every GPU in the file's order, other spellings included.
    #[must_use]
    pub fn gpus(&self) -> &[Gpu] {
        &self.gpus
    }

    /// Every model in the file's order.
    #[must_use]
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// The GPU of this name: its RunPod id, another spelling of that, the id without its vendor, or its short name,
    /// in any case. An exact id wins; another spelling leads to the GPU it spells.
    ///
    /// # Errors
    /// Offers the nearest names.
    pub fn gpu(&self, name: &str) -> Result<&Gpu, UnknownName> {
        let by_id = |id: &str| self.gpus.iter().find(|gpu| gpu.id == id);
        let found = by_id(name).or_else(|| {
            let given = name.trim().to_lowercase();
            self.gpus.iter().find(|gpu| gpu.names().iter().any(|known| known.to_lowercase() == given))
        });
        let Some(gpu) = found else {
            let known = self.gpus.iter().filter(|gpu| gpu.alias_of.is_none());
            return Err(UnknownName::among("gpu", name, known.map(|gpu| (gpu.id.as_str(), gpu.names()))));
        };
        Ok(gpu.alias_of.as_deref().and_then(by_id).unwrap_or(gpu))
    }

    /// The model of this name: the id `engine` takes, else the name for people, else an id of another engine; in any
    /// case, and for the name for people with or without spaces, `-` and `_`. [`Model::id_for`] says whether `engine`
    /// has an id for it.
    ///
    /// # Errors
    /// Offers the nearest names, as ids of `engine` where it has them.
    pub fn model(&self, name: &str, engine: EngineKind) -> Result<&Model, UnknownName> {
        let given = name.trim();
        let plain = plain(given);
        let same = |known: &str| known.eq_ignore_ascii_case(given);
        self.models
            .iter()
            .find(|model| model.id_for(engine).is_some_and(same))
            .or_else(|| self.models.iter().find(|model| self::plain(&model.common_name) == plain))
            .or_else(|| self.models.iter().find(|model| model.names().into_iter().any(same)))
            .ok_or_else(|| {
                let known = self.models.iter();
                let known = known.map(|m| (m.id_for(engine).unwrap_or(&m.common_name), m.names()));
                UnknownName::among("model", given, known)
            })
    }
}

/// A name for people without what is written one way by one and another way by another.
fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, ' ' | '-' | '_')).flat_map(char::to_lowercase).collect()
}
