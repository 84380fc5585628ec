//! `gpus`: which GPUs a model fits on, and which to take.

mod fit;
mod model;
mod prices;
mod recommend;

use clap::Subcommand;

use super::{CliError, CliResult, Context};
use crate::domain::catalog::Catalog;

/// The commands of `gpus`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Which GPUs a model fits on, how many of them it takes, and why fewer or others don't do
    Fit(fit::Args),
    /// Which GPUs to take for a model: by what they cost and how fast they were measured to be, else how fast they could
    /// be
    Recommend(Box<recommend::Args>),
}

/// Runs one of them.
///
/// # Errors
/// Exit 2 for a model or an option that makes no sense, exit 3 when the database can't be used.
pub async fn run(command: Command, context: Context) -> CliResult {
    let catalog = Catalog::embedded().map_err(|error| CliError::failed(error.to_string()))?;
    match command {
        Command::Fit(args) => fit::run(&args, &catalog, context.output),
        Command::Recommend(args) => recommend::run(&args, &catalog, &context).await,
    }
}
