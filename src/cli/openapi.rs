//! `dria-bench openapi`: the description of the HTTP API.

use super::{Exit, Output};
use crate::api;

/// Print the OpenAPI 3.1 document of the HTTP API, as `serve` answers it at /openapi.json
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Prints it.
#[must_use]
pub fn run(output: Output) -> Exit {
    output.data(api::document());
    Exit::Done
}
