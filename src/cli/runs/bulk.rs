//! `dria-bench runs bulk`: one action on all runs that a filter means.

use chrono::{DateTime, Utc};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::json;

use super::statuses;
use crate::{
    cli::{CliResult, Context, Exit, database::Database, run::actor, spec::engines},
    domain::{kinds::EngineKind, run::RunStatus},
    ledger::bulk::{self, Action},
    queue::ApalisQueue,
    store::steering::RunFilter,
};

/// Cancel, retry, pause or resume every run that a filter means
///
/// At most 1000 at once, oldest first. A run whose state doesn't allow it is left as it is, and named with the reason.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("meant").required(true).multiple(true)))]
pub struct Args {
    /// What to do
    #[arg(value_name = "ACTION", value_parser = actions())]
    action: Action,
    /// Only runs in this state
    #[arg(long, group = "meant", value_name = "STATUS", value_parser = statuses())]
    status: Option<RunStatus>,
    /// Only runs on this engine
    #[arg(long, group = "meant", value_name = "ENGINE", value_parser = engines(), ignore_case = true)]
    engine: Option<EngineKind>,
    /// Only runs of this model, by the engine's id as `runs show` has it
    #[arg(long, group = "meant", value_name = "MODEL")]
    model: Option<String>,
    /// Only runs on this GPU, e.g. "NVIDIA H200"
    #[arg(long, group = "meant", value_name = "GPU")]
    gpu: Option<String>,
    /// Only runs made at this time or later, e.g. 2026-11-24T06:00:00Z
    #[arg(long, group = "meant", value_name = "TIME")]
    created_since: Option<DateTime<Utc>>,
}

pub(super) async fn run(args: &Args, context: &Context, database: &Database) -> CliResult {
    let filter = RunFilter {
        status: args.status,
        engine: args.engine,
        model: args.model.clone(),
        gpu_id: args.gpu.clone(),
        created_since: args.created_since,
    };
    let outcome = bulk::apply(&database.pool, &ApalisQueue, args.action, &filter, &actor()).await?;
    if context.output.json {
        let left: Vec<_> =
            outcome.left.iter().map(|(run, reason)| json!({ "run": run, "reason": reason })).collect();
        context.output.json(&json!({ "action": args.action.as_str(), "done": outcome.done, "left": left }));
        return Ok(Exit::Done);
    }
    for id in &outcome.done {
        context.output.data(id.to_string());
    }
    for (id, reason) in &outcome.left {
        context.output.note(format!("left as it is: {id}: {reason}"));
    }
    context.output.note(format!("{}: {} done, {} left", args.action, outcome.done.len(), outcome.left.len()));
    Ok(Exit::Done)
}

fn actions() -> impl TypedValueParser<Value = Action> {
    PossibleValuesParser::new(Action::ALL.iter().map(|action| action.as_str())).try_map(|name| name.parse())
}
