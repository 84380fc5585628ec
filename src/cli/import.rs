//! `dria-bench import mongodb|files`: taking in what was measured elsewhere.

use std::path::PathBuf;

use chrono_tz::Tz;
use serde_json::json;

use super::{CliError, CliResult, Context, Exit, database::Database, table::table};
use crate::{
    import::{self, Report},
    sync,
};

/// Left-out things that are told one by one; `--json` tells all.
const TOLD: usize = 20;

/// What was measured elsewhere.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Import a database in the shape that is published: runs, results, votes, people, comments, chat logs, prices
    ///
    /// It is only read. What was measured here is never replaced. Again, it takes what is new.
    Mongodb {
        /// URL of the server
        #[arg(long, value_name = "URL")]
        from: String,
        /// Name of the database
        #[arg(long, value_name = "NAME", default_value = "dria_benchmark")]
        database: String,
        /// Time zone of the machine that made its runs, such as Europe/Istanbul
        #[arg(long, value_name = "ZONE", default_value = "UTC")]
        timezone: Tz,
    },
    /// Import JSON files of one benchmark each, named `MODEL_GPU_ENGINE_PODID.json`
    Files {
        /// Files, or folders whose .json files are meant
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
    },
}

impl From<import::Error> for CliError {
    fn from(error: import::Error) -> Self {
        match error {
            import::Error::Store(error) => error.into(),
            import::Error::Path { .. } => Self::usage(error.to_string()),
            import::Error::Catalog(_) | import::Error::Source(_) => Self::environment(error.to_string()),
        }
    }
}

/// Runs an `import` command.
///
/// # Errors
/// Exit 2 when a path can't be read, exit 3 when one of the databases can't be used.
pub async fn run(command: Command, context: Context) -> CliResult {
    let database = Database::open(&context.config).await?;
    let imported = match &command {
        Command::Mongodb { from, database: name, timezone } => {
            sync::import::import(&database.pool, from, name, *timezone).await
        }
        Command::Files { paths } => import::files::import(&database.pool, paths).await,
    };
    database.close().await;
    tell(&imported?, &context);
    Ok(Exit::Done)
}

fn tell(report: &Report, context: &Context) {
    let output = context.output;
    if output.json {
        output.json(&json!(report));
        return;
    }
    let rows = report.parts.iter().map(|(part, counts)| {
        let [taken, unchanged, kept, skipped] =
            [counts.taken, counts.unchanged, counts.kept, counts.skipped].map(|count| count.to_string());
        [(*part).to_owned(), taken, unchanged, kept, skipped]
    });
    output.data(table(["", "taken", "unchanged", "kept", "skipped"], rows));
    for skipped in report.skipped.iter().take(TOLD) {
        output.note(format!("skipped {} {}: {}", skipped.part, skipped.what, skipped.why));
    }
    if report.skipped.len() > TOLD {
        output.note(format!("and {} more: --json has them all", report.skipped.len() - TOLD));
    }
    if report.changed_nothing() {
        output.note("nothing was new");
    }
}
