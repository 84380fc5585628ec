//! A matrix: many runs described at once, model × engine × GPU.
//!
//! It is pure: which cells there are and in which order. Who works them, and what they cost, is not known here.

mod lookup;
mod order;
pub(super) mod parse;
mod spec;
mod state;
#[cfg(test)]
mod tests;

use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet},
};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    kinds::{EngineKind, ProviderKind},
    recommend::AUTO,
};

pub use lookup::{Lookup, MAX_GPU_COUNT, MAX_PARALLEL};
pub use order::{OpenCell, Rules, next_of_group, to_start};
pub use state::{CellState, MatrixState};

/// What `gpus` lists for a machine whose processor is measured.
pub const CPU: &str = "cpu";

/// The most cells a matrix may be allowed to have.
pub const MAX_CELLS: usize = 1000;

/// How many cells a matrix may have that states no number.
pub const DEFAULT_MAX_CELLS: usize = 100;

/// Many runs described at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatrixDefinition {
    /// The workflow each run follows.
    pub workflow: String,
    /// Where the engines run.
    pub provider: ProviderKind,
    /// Base URL of the engine that already runs (`endpoint` only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Models, by their names for people.
    pub models: Vec<String>,
    /// Engines.
    pub engines: Vec<EngineKind>,
    /// GPUs, by their RunPod ids; [`CPU`]: none; [`AUTO`]: the one that is picked when the first run of its group starts.
    pub gpus: Vec<String>,
    /// GPUs a run of the product takes; of [`AUTO`] as many as what is picked.
    pub gpu_count: u32,
    /// Cells besides the product.
    #[serde(default)]
    pub include: Vec<Inclusion>,
    /// What is left out, of the product and of the inclusions.
    #[serde(default)]
    pub exclude: Vec<Selector>,
    /// Which cells go first: the first rule that selects a cell gives its priority; none: 0.
    #[serde(default)]
    pub priorities: Vec<PriorityRule>,
    /// Runs at once, at most.
    pub max_parallel: u32,
    /// What all its runs together may cost, in US dollars.
    #[serde(with = "rust_decimal::serde::str")]
    pub budget_usd: Decimal,
    /// Whether the engines of a group (see [`Cell::group`]) run one after another on one machine.
    #[serde(default)]
    pub same_machine: bool,
    /// How many cells it may have; more is taken for a mistake.
    pub max_cells: usize,
}

/// One more cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inclusion {
    /// The model.
    pub model: String,
    /// The engine.
    pub engine: EngineKind,
    /// The GPU.
    pub gpu: String,
    /// How many of it; `None`: as many as the product's cells of that GPU take.
    #[serde(default)]
    pub gpu_count: Option<u32>,
}

/// Selects the cells that agree with everything it states.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selector {
    /// The model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<EngineKind>,
    /// The GPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu: Option<String>,
}

/// Gives a priority to what it selects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriorityRule {
    /// Which cells.
    #[serde(flatten)]
    pub cells: Selector,
    /// Their priority: higher goes first.
    pub priority: i32,
}

/// One run of a matrix.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cell {
    /// The model.
    pub model: String,
    /// The engine.
    pub engine: EngineKind,
    /// The GPU.
    pub gpu: String,
    /// How many of it; 0 of [`CPU`], and of [`AUTO`] where what is picked decides.
    pub gpu_count: u32,
    /// Higher goes first.
    pub priority: i32,
}

/// Why a matrix can't be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MatrixError {
    /// Nothing to run.
    #[error("the matrix has no cell: a list is empty, or `exclude` leaves nothing")]
    Empty,
    /// More runs than allowed.
    #[error(
        "the matrix has {cells} cells, more than max_cells = {max}: take something out, or raise max_cells"
    )]
    TooManyCells {
        /// How many there are.
        cells: usize,
        /// How many are allowed.
        max: usize,
    },
    /// An inclusion is excluded.
    #[error("{model} on {engine} on {gpu} is included and excluded: remove one of the two")]
    Contradiction {
        /// The model.
        model: String,
        /// The engine.
        engine: EngineKind,
        /// The GPU.
        gpu: String,
    },
    /// A URL is one engine on one machine.
    #[error(
        "{url} is one engine on one machine: list one engine and one GPU, and include none that differs from them"
    )]
    OneEndpoint {
        /// The URL.
        url: String,
    },
    /// The catalog doesn't know a model or GPU, or knows no id of the model for the engine.
    #[error("{0}")]
    Unknown(String),
    /// A local matrix names what its machine doesn't have.
    #[error("{wanted} can't be measured here: {has}")]
    NotHere {
        /// What is asked for.
        wanted: String,
        /// What there is.
        has: String,
    },
}

impl Selector {
    /// Whether it selects this combination.
    #[must_use]
    pub fn selects(&self, model: &str, engine: EngineKind, gpu: &str) -> bool {
        self.model.as_deref().is_none_or(|wanted| wanted == model)
            && self.engine.is_none_or(|wanted| wanted == engine)
            && self.gpu.as_deref().is_none_or(|wanted| wanted == gpu)
    }

    /// Whether it states nothing, and so would select everything.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.model.is_none() && self.engine.is_none() && self.gpu.is_none()
    }
}

impl Cell {
    /// Cells of one group compare engines, so they run on the same GPU id, cloud and data center.
    #[must_use]
    pub fn group(&self) -> (&str, &str, u32) {
        (&self.model, &self.gpu, self.gpu_count)
    }
}

impl MatrixDefinition {
    /// Its cells, each once, those of the highest priority first; among equals in the order of the lists, the engines
    /// of a model and GPU together, the inclusions last.
    ///
    /// # Errors
    /// When there is nothing to run, more than `max_cells`, an inclusion that is excluded, or several machines at one URL.
    pub fn expand(&self) -> Result<Vec<Cell>, MatrixError> {
        let mut cells: Vec<Cell> = Vec::new();
        for model in &self.models {
            for gpu in &self.gpus {
                for engine in &self.engines {
                    if !self.excludes(model, *engine, gpu) {
                        cells.push(self.cell(model, *engine, gpu, None));
                    }
                }
            }
        }
        for Inclusion { model, engine, gpu, gpu_count } in &self.include {
            if self.excludes(model, *engine, gpu) {
                return Err(MatrixError::Contradiction {
                    model: model.clone(),
                    engine: *engine,
                    gpu: gpu.clone(),
                });
            }
            cells.push(self.cell(model, *engine, gpu, *gpu_count));
        }
        let mut seen = HashSet::new();
        cells.retain(|cell| seen.insert(cell.clone()));
        if cells.is_empty() {
            return Err(MatrixError::Empty);
        }
        if cells.len() > self.max_cells {
            return Err(MatrixError::TooManyCells { cells: cells.len(), max: self.max_cells });
        }
        let machine = |cell: &Cell| (cell.engine, cell.gpu.clone(), cell.gpu_count);
        if let Some(url) = &self.url
            && cells.windows(2).any(|pair| machine(&pair[0]) != machine(&pair[1]))
        {
            return Err(MatrixError::OneEndpoint { url: url.clone() });
        }
        // A stable sort: equals keep their order.
        cells.sort_by_key(|cell| Reverse(cell.priority));
        Ok(cells)
    }

    /// The group of each cell, by its number from 0 in the order of their first cells.
    #[must_use]
    pub fn groups(cells: &[Cell]) -> Vec<i32> {
        let mut numbers = HashMap::new();
        cells
            .iter()
            .map(|cell| {
                let next = i32::try_from(numbers.len()).unwrap_or(i32::MAX);
                *numbers.entry(cell.group()).or_insert(next)
            })
            .collect()
    }

    fn excludes(&self, model: &str, engine: EngineKind, gpu: &str) -> bool {
        self.exclude.iter().any(|selector| selector.selects(model, engine, gpu))
    }

    fn cell(&self, model: &str, engine: EngineKind, gpu: &str, gpu_count: Option<u32>) -> Cell {
        let rule = self.priorities.iter().find(|rule| rule.cells.selects(model, engine, gpu));
        Cell {
            model: model.to_owned(),
            engine,
            gpu: gpu.to_owned(),
            gpu_count: match gpu {
                CPU => 0,
                AUTO => gpu_count.unwrap_or(0),
                _ => gpu_count.unwrap_or(self.gpu_count),
            },
            priority: rule.map_or(0, |rule| rule.priority),
        }
    }
}
