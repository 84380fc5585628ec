//! `dria-bench openapi`: the description of the HTTP API.

use super::{CliResult, Exit, Output};
use crate::api;

/// Print the OpenAPI 3.1 document of the HTTP API, as `serve` answers it at /openapi.json
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Prints it.
///
/// # Errors
/// Never: it is part of the program.
pub fn run(output: Output) -> CliResult {
    output.data(api::document());
    Ok(Exit::Done)
}
