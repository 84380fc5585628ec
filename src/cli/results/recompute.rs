//! `dria-bench results recompute`.

use crate::{
    cli::{
        CliError, CliResult, Exit, Output,
        database::Database,
        find::{self, RunRef},
    },
    report::recompute::{self, Recomputed},
};

/// Compute every published figure again from the stored records, and compare to the last digit.
///
/// Exit code: 0 all equal, 1 some differ (each is named, as stored and as computed) or records are missing.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run: its id, the start of it, or `latest`
    #[arg(value_name = "RUN")]
    run: RunRef,
}

pub(super) async fn run(args: &Args, database: &Database, output: Output) -> CliResult {
    let mut conn = database.pool.acquire().await?;
    let id = find::run(&mut conn, &args.run).await?;
    let results = recompute::run(&mut conn, id).await?;
    if results.is_empty() {
        return Err(CliError::failed(format!("run {id} has no results yet")).hint("dria-bench runs show"));
    }
    if output.json {
        output.json(&results);
    } else {
        output.data(results.iter().map(in_words).collect::<Vec<_>>().join("\n"));
    }
    if results.iter().all(|result| result.equal) {
        return Ok(Exit::Done);
    }
    let unequal = results.iter().filter(|result| !result.equal).count();
    Err(CliError::failed(format!("{unequal} of {} results are not what their records give", results.len())))
}

fn in_words(result: &Recomputed) -> String {
    let name = &result.result;
    if let Some(problem) = &result.problem {
        return format!("✗ {name}: {problem}");
    }
    if result.equal {
        return format!("✓ {name}: {} figures from {} requests, all equal", result.figures, result.requests);
    }
    let lines = result.differences.iter().map(|difference| {
        format!("    {}: stored {}, computed {}", difference.field, difference.stored, difference.recomputed)
    });
    let head = format!("✗ {name}: {} of {} figures differ", result.differences.len(), result.figures);
    std::iter::once(head).chain(lines).collect::<Vec<_>>().join("\n")
}
