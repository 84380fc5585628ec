//! The `dria-bench` program: parse and dispatch.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Two TLS providers are in the tree (reqwest's and the database's): choose one before anything connects.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    ExitCode::from(dria_bench::cli::main() as u8)
}
