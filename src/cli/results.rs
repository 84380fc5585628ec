//! `dria-bench results`: a run's results, the records behind them, and whether these still give those.

mod cost;
mod recompute;
mod records;

use sqlx::PgConnection;

use super::{
    CliError, CliResult, Context, Exit, Output, compare,
    database::Database,
    find::{self, RunRef},
    render,
};
use crate::report::{self, RunReport, View, guidellm};

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A table that fits a terminal
    Table,
    /// A table with all 17 columns
    Wide,
    /// Everything
    Json,
    /// The 17 columns by their exact names
    Csv,
    /// The JSON shape of GuideLLM's benchmarks.json, computed from the stored records
    Guidellm,
}

/// Print a run's ten results, compare them with others', or work with the records they come from.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    /// The run: its id, the start of it, or `latest`
    #[arg(value_name = "RUN", required = true)]
    run: Option<RunRef>,
    /// How to print them
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// `measured`: requests completed inside the window, rates of what arrived in it. `compat`: what readers of the
    /// older 17 columns expect, cut-off requests included
    #[arg(long, value_enum, default_value = "measured")]
    view: View,
    #[command(flatten)]
    cost: cost::CostArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Compare(compare::CompareArgs),
    Variance(compare::VarianceArgs),
    /// Compute every published figure again from the stored records, and compare to the last digit
    Recompute(recompute::Args),
    /// Write the raw records of one level: one record a request, times in whole microseconds
    Records(records::Args),
}

/// Prints a run's results.
///
/// # Errors
/// Exit 1 when there is no such run, exit 3 when the database can't be used.
pub async fn run(args: Args, context: Context) -> CliResult {
    let database = Database::open(&context.config).await?;
    let outcome = match &args.action {
        Some(Action::Compare(args)) => compare::compare(args, &context, &database).await,
        Some(Action::Variance(args)) => compare::show_variance(args, &context, &database).await,
        Some(Action::Recompute(args)) => recompute::run(args, &database, context.output).await,
        Some(Action::Records(args)) => records::run(args, &database, context.output).await,
        None => show(&args, &database, context.output).await,
    };
    database.close().await;
    outcome
}

async fn show(args: &Args, database: &Database, output: Output) -> CliResult {
    let Some(run) = &args.run else {
        return Err(CliError::usage("which run's results?").hint("dria-bench results latest"));
    };
    let mut conn = database.pool.acquire().await?;
    let id = find::run(&mut conn, run).await?;
    let report = find::report(&mut conn, id).await?;
    if args.cost.everywhere {
        cost::show_everywhere(&args.cost, &mut conn, &report, output).await?;
        return Ok(Exit::Done);
    }
    if args.cost.cost {
        cost::show(&args.cost, &report, output)?;
        return Ok(Exit::Done);
    }
    let format = if output.json && args.format != Format::Guidellm { Format::Json } else { args.format };
    print(&mut conn, &report, format, args.view, output).await?;
    Ok(Exit::Done)
}

/// Prints a report.
///
/// # Errors
/// Exit 1 when GuideLLM's shape is asked of results whose records weren't kept, exit 3 when the database fails.
pub async fn print(
    conn: &mut PgConnection,
    report: &RunReport,
    format: Format,
    view: View,
    output: Output,
) -> Result<(), CliError> {
    let summaries = report.summaries();
    if summaries.is_empty() {
        output.note(format!("run {} has no results: it is {}", report.run, report.status));
        if matches!(format, Format::Table | Format::Wide) {
            return Ok(());
        }
    }
    match format {
        Format::Json => output.json(report),
        Format::Csv => output.data(report::csv(&summaries, view)),
        Format::Table => output.data(render::table(&summaries, view)),
        Format::Wide => output.data(render::wide_table(&summaries, view)),
        Format::Guidellm => output.json(&guidellm::of_run(conn, report).await?),
    }
    if matches!(format, Format::Table | Format::Wide) {
        match render::efficiency(report) {
            Some(Ok(table)) => output.data(format!("\n{table}")),
            Some(Err(why)) => output.note(why),
            None => {}
        }
    }
    Ok(())
}

impl From<report::records::Error> for CliError {
    fn from(error: report::records::Error) -> Self {
        match error {
            report::records::Error::Store(error) => error.into(),
            error => Self::failed(error.to_string()),
        }
    }
}
