//! What fits where: the memory a model needs on each GPU, how many of them it takes, and why fewer or others don't do.
//!
//! The formulas and their sources are in `docs/sizing.md`. It must not know what a GPU costs, or how fast it is
//! ([`super::roofline`]), or which to take ([`super::recommend`]).

mod asked;
mod config;
mod disk;
mod fit;
mod memory;
mod parameters;
mod precision;
mod shape;
#[cfg(test)]
mod tests;

pub use asked::{Asked, Described, Room, ids};
pub use disk::{Disk, IMAGE_GB};
pub use fit::{COUNTS, Fit, Rejection, Verdict, Why, fit, place};
pub use memory::{GIB, Need, Options, need, usable_gib};
pub use parameters::Parameters;
pub use precision::{KvPrecision, Precision};
pub use shape::{Experts, KvCache, Shape, Window};

/// Why a model can't be sized, or an option can't be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// Nothing says which model is meant, or the catalog doesn't know it.
    #[error("{0}")]
    NoModel(String),
    /// The catalog doesn't know its shape.
    #[error("the catalog has no {missing} of {model}: give its config.json, or its number of parameters")]
    Unknown {
        /// The model.
        model: String,
        /// What isn't known.
        missing: &'static str,
    },
    /// A field of a config.json that can't be true.
    #[error("config.json: `{field}`: {reason}")]
    Field {
        /// Its path: `text_config.num_hidden_layers`.
        field: String,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// The file isn't the JSON of a config.
    #[error("config.json: {0}")]
    Json(String),
    /// Its parameters can't be counted.
    #[error(
        "config.json: how many parameters an `{0}` model has isn't known here: give their number too, like 7b"
    )]
    Architecture(String),
    /// A size that is none.
    #[error("`{given}` is no number of parameters: {reason}")]
    Parameters {
        /// As given.
        given: String,
        /// What is wrong.
        reason: String,
    },
    /// An option that makes no sense for this model.
    #[error("{option}: {reason}")]
    Option {
        /// Its name: `memory_share`; on the command line `--memory-share`.
        option: &'static str,
        /// What is wrong, and what would be right.
        reason: String,
    },
}

impl Error {
    /// What of a question it is about, by its name in a request: `config_json`.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        match self {
            Self::NoModel(_) | Self::Unknown { .. } => "model",
            Self::Field { .. } | Self::Json(_) => "config_json",
            Self::Architecture(_) | Self::Parameters { .. } => "parameters",
            Self::Option { option, .. } => option,
        }
    }

    /// What is wrong with it, so that it reads on from the name.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Option { reason, .. } | Self::NoModel(reason) => reason.clone(),
            other => format!("can't be used: {other}"),
        }
    }
}
