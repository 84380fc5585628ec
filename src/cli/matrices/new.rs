//! `dria-bench matrices run`: from a schedule's matrix, or a file's, to its plan or its runs.

use std::path::Path;

use serde_json::json;

use super::attend;
use crate::{
    cli::{
        CliError, CliResult, Context,
        attend::require_worker,
        database::Database,
        run::actor,
        services,
        spec::{self, SpecArgs},
        table::table,
        workflows::explain,
    },
    definitions::{DefinitionKind, Definitions, Source},
    domain::{
        kinds::ProviderKind, matrix::MatrixDefinition, names::UnknownName, recommend::AUTO, schedule::Action,
        spec::LoadSpec, workflow::WorkflowDefinition,
    },
    jobs::{chores, host::local_host},
    ledger::matrices::{self, LocalHost, NewMatrix},
};

/// Its cells start in order, as many at once as it allows, until all are over or its budget is spent. Kill this process,
/// or the machine, and the matrix goes on where it was with `dria-bench worker`. Ctrl-C cancels it, where nobody else
/// works it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A file like those of schedules, or the name of a schedule
    #[arg(value_name = "FILE or SCHEDULE")]
    matrix: String,
    /// Only show its cells in the order in which they would start
    #[arg(long)]
    plan: bool,
    /// Streams each run measures, e.g. 1-9 or 1,2,4 [default: the workflow's]
    #[arg(long, value_name = "RATES")]
    rates: Option<String>,
    /// Seconds a level lasts at least [default: 30]
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    seconds: Option<f64>,
    /// Print the matrix's id and return; a worker does the work
    #[arg(long, conflicts_with = "plan")]
    detach: bool,
}

/// What the arguments come to.
pub(super) enum Resolved {
    /// The plan was shown: nothing is left to do.
    Planned,
    /// A matrix to be made.
    New(Box<New>),
}

/// A matrix to be made.
pub(super) struct New {
    /// The schedule it is taken from; `None`: a file.
    schedule: Option<String>,
    definition: MatrixDefinition,
    workflow: WorkflowDefinition,
    load: LoadSpec,
    local: Option<LocalHost>,
}

/// Reads the matrix and, where only its plan is asked for, shows it.
pub(super) fn resolve(args: &Args, context: &Context) -> Result<Resolved, CliError> {
    let (schedule, definition) = read(args, context)?;
    let flags = SpecArgs {
        workflow: definition.workflow.clone(),
        rates: args.rates.clone(),
        seconds: args.seconds,
        ..SpecArgs::default()
    };
    let workflow = spec::workflow(&flags, context)?;
    let load = spec::load(&flags, context, &workflow)?;
    if args.plan {
        plan(&definition, context)?;
        return Ok(Resolved::Planned);
    }
    if definition.provider == ProviderKind::Runpod && context.config.runpod.api_key.is_none() {
        return Err(CliError::environment(
            "renting GPUs on RunPod needs its key, and RUNPOD_API_KEY isn't set",
        )
        .hint("set RUNPOD_API_KEY, or look at the plan: --plan"));
    }
    let local = (definition.provider == ProviderKind::Local).then(|| local_host(&context.config.data.dir));
    Ok(Resolved::New(Box::new(New { schedule, definition, workflow, load, local })))
}

/// The matrix of a file, or of a schedule that is known by this name.
fn read(args: &Args, context: &Context) -> Result<(Option<String>, MatrixDefinition), CliError> {
    let definitions = Definitions::new(spec::definition_places(context));
    let refused = |error| explain(&error);
    let path = Path::new(&args.matrix);
    let is_file = path.extension().is_some_and(|extension| extension == "toml");
    let source = if is_file {
        Source::open(DefinitionKind::Schedule, path).map_err(refused)?
    } else {
        let known = definitions.sources(DefinitionKind::Schedule).map_err(refused)?;
        known.iter().find(|source| source.name == args.matrix).cloned().ok_or_else(|| {
            let names = known.iter().map(|source| (source.name.as_str(), vec![source.name.as_str()]));
            let unknown = UnknownName::among("schedule", &args.matrix, names);
            CliError::usage(unknown.to_string()).hint("give a schedule's name, or a file that ends in .toml")
        })?
    };
    let read = definitions.read_schedule(&source, &[], &chores::names()).map_err(|error| {
        let error = explain(&error);
        CliError { exit: crate::cli::Exit::Usage, ..error }
    })?;
    match read.action {
        Action::Matrix(matrix) => Ok(((!is_file).then_some(read.name), matrix)),
        Action::Job { name } => {
            Err(CliError::usage(format!("{} runs the chore `{name}`, and no matrix", read.name))
                .hint("give a schedule with a [matrix]"))
        }
    }
}

/// Shows the cells in the order in which they would start.
fn plan(definition: &MatrixDefinition, context: &Context) -> Result<(), CliError> {
    let cells = definition.expand().map_err(|error| CliError::usage(error.to_string()))?;
    if context.output.json {
        context.output.json(&json!({
            "workflow": definition.workflow, "provider": definition.provider, "budget_usd": definition.budget_usd,
            "max_parallel": definition.max_parallel, "same_machine": definition.same_machine, "cells": cells,
        }));
        return Ok(());
    }
    let rows = (0_usize..).zip(&cells).map(|(place, cell)| {
        [
            place.to_string(),
            cell.model.clone(),
            cell.engine.to_string(),
            cell.gpu.clone(),
            if cell.gpu == AUTO && cell.gpu_count == 0 {
                "any".to_owned()
            } else {
                cell.gpu_count.to_string()
            },
            cell.priority.to_string(),
        ]
    });
    context.output.data(table(["cell", "model", "engine", "GPU", "count", "priority"], rows));
    context.output.note(format!(
        "{} cells by workflow {} on {}, at most {} at once, for at most {} USD; nothing was started",
        cells.len(),
        definition.workflow,
        definition.provider,
        definition.max_parallel,
        definition.budget_usd
    ));
    Ok(())
}

/// Makes the matrix and follows it.
pub(super) async fn start(args: &Args, new: &New, context: &Context, database: &Database) -> CliResult {
    let queue = match &new.local {
        Some(local) => local.queue.clone(),
        None => services::queue_of(new.definition.provider),
    };
    if args.detach {
        require_worker(context, database, &queue).await?;
    }
    let matrix = NewMatrix {
        schedule: new.schedule.as_deref(),
        tick: None,
        definition: &new.definition,
        workflow: &new.workflow,
        load: &new.load,
        local: new.local.as_ref(),
    };
    let mut tx = database.pool.begin().await?;
    let id = matrices::create(&mut tx, &matrix, &actor()).await?;
    tx.commit().await?;
    context.output.note(format!("matrix {id}"));
    attend::attend(context, database, id, &queue, args.detach).await
}
