//! `dria-bench doctor --invariants`: what must hold of the database, whatever was killed.

use super::super::{CliResult, Context, Exit, database::Database};
use crate::store::invariants::{self, Invariant};

/// Checks each promise.
///
/// # Errors
/// Exit 3 when the database can't be used.
pub(super) async fn run(context: &Context) -> CliResult {
    let database = Database::open(&context.config).await?;
    let mut conn = database.pool.acquire().await?;
    let promises = invariants::check(&mut conn).await?;
    drop(conn);
    database.close().await;
    if context.output.json {
        context.output.json(&promises);
    } else {
        let lines: Vec<String> = promises.iter().map(line).collect();
        context.output.data(lines.join("\n"));
    }
    let holds = promises.iter().all(|promise| promise.broken_by.is_empty());
    if !holds {
        context.output.note(
            "this is a bug of dria-bench, or somebody wrote to its tables: please report it with `dria-bench runs show RUN \
             --json`. A pod that is left may cost money: look at the provider's console",
        );
    }
    Ok(if holds { Exit::Done } else { Exit::Failed })
}

fn line(promise: &Invariant) -> String {
    let mark = if promise.broken_by.is_empty() { '✓' } else { '✗' };
    let mut line = format!("{mark}  {}", promise.promise);
    for which in &promise.broken_by {
        line.push_str("\n   ");
        line.push_str(which);
    }
    line
}
