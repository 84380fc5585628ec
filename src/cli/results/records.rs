//! `dria-bench results records`.

use std::{
    fs::File,
    io::{BufWriter, IsTerminal},
    path::PathBuf,
};

use crate::{
    cli::{
        CliError, CliResult, Exit, Output,
        database::Database,
        find::{self, RunRef},
    },
    report::records::{self, Level, RecordFormat},
};

/// Write the raw records of one level: one record a request, times in whole microseconds of the level's clock.
///
/// They are what every figure of the level was computed from, warm-up and drain included.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run: its id, the start of it, or `latest`
    #[arg(value_name = "RUN")]
    run: RunRef,
    /// The level: `throughput` or `concurrency:N`
    #[arg(long, value_name = "LEVEL")]
    level: Level,
    /// What to write
    #[arg(long, value_enum, default_value = "jsonl")]
    format: RecordFormat,
    /// Where to; without it, to stdout
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) async fn run(args: &Args, database: &Database, output: Output) -> CliResult {
    if args.output.is_none() && !args.format.is_text() && std::io::stdout().is_terminal() {
        let message = format!("{} is no text, and stdout is a terminal", args.format.as_str());
        return Err(CliError::usage(message).hint("add --output FILE, or pipe it into a program"));
    }
    let mut conn = database.pool.acquire().await?;
    let id = find::run(&mut conn, &args.run).await?;
    let block = records::block(&mut conn, id, args.level).await?.ok_or_else(|| {
        CliError::failed(format!("run {id} has no records of {}", args.level))
            .hint("dria-bench results lists its levels; results of versions before this one have no records")
    })?;
    if let Some(path) = &args.output {
        let unwritable = |error: &dyn std::fmt::Display| {
            CliError::environment(format!("{} can't be written: {error}", path.display()))
        };
        let file = File::create(path).map_err(|error| unwritable(&error))?;
        records::write_block(&block, args.format, BufWriter::new(file)).map_err(|error| match error {
            records::Error::Write(error) => unwritable(&error),
            error => error.into(),
        })?;
    } else {
        let mut bytes = Vec::new();
        records::write_block(&block, args.format, &mut bytes)?;
        output.bytes(&bytes);
    }
    Ok(Exit::Done)
}
