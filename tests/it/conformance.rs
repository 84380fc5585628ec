//! The server against its own OpenAPI document: Schemathesis makes up requests from it, good ones and bad ones, and reads
//! each answer against what the document says of it. Whatever is asked, nothing ends in a 5xx, and no answer is one
//! that the document doesn't know.

use std::{num::NonZeroU32, path::Path, process::Stdio, time::Duration};

use dria_bench::{
    api, config,
    ledger::tokens::{self, Role},
};
use tokio::process::Command;

use crate::support::drain::Bench;

/// Longest that a round may take.
const TIMEOUT: Duration = Duration::from_mins(10);
/// Requests made up for an operation at most, beside the ones that cover its parameters one by one.
const EXAMPLES: &str = "8";

/// No limit that a round meets.
fn unlimited() -> config::Server {
    let number = NonZeroU32::new(10_000_000).unwrap();
    config::Server { reads_per_minute: number, writes_per_minute: number, ..config::Server::default() }
}

/// Asks as whoever has this token, or as anybody.
#[expect(clippy::print_stdout, reason = "the runner's own closing lines")]
async fn round(role: Option<Role>) {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/schemathesis/bin/schemathesis");
    assert!(program.exists(), "{} is missing: scripts/test-tools.sh installs it", program.display());
    let bench = Bench::new(&[1], |_| {}).await;
    bench.drain().await;
    let pool = bench.database.pool.clone();
    let server = api::serve(&unlimited(), pool.clone()).await.unwrap();
    let mut command = Command::new(program);
    command
        .current_dir(bench.folder.path())
        .args(["run", &format!("{}/openapi.json", server.url()), "--no-color", "--seed", "20261124"])
        .args(["--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES, "--no-shrink"])
        .args(["--request-timeout", "20", "--continue-on-failure", "--warnings", "off"])
        .args(["--checks", "not_a_server_error,status_code_conformance,content_type_conformance"])
        .args(["--checks", "response_schema_conformance"])
        // It goes on until the run is over: tests of its own follow it.
        .args(["--exclude-path-regex", "/events$"])
        .stdin(Stdio::null());
    if let Some(role) = role {
        let token = tokens::create(&pool, "schemathesis", role, None, "test").await.unwrap();
        command.args(["--header", &format!("Authorization: Bearer {token}")]);
    }
    let output = tokio::time::timeout(TIMEOUT, command.kill_on_drop(true).output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let closing: Vec<&str> = said.lines().rev().take(6).collect();
    println!("{}", closing.into_iter().rev().collect::<Vec<_>>().join("\n"));
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    server.stop().await;
}

#[tokio::test]
async fn whatever_anybody_asks_the_answer_is_one_that_the_document_knows() {
    round(None).await;
}

#[tokio::test]
async fn whatever_an_administrator_asks_the_answer_is_one_that_the_document_knows() {
    round(Some(Role::Admin)).await;
}
