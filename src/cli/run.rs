//! `dria-bench run`: starts a run and follows it to its end.

mod plan;

use rust_decimal::Decimal;

use super::{
    CliError, CliResult, Context, Exit, Output,
    attend::require_worker,
    compare,
    database::Database,
    find::{self, RunRef},
    results::{self, Format},
    services,
    spec::{self, SpecArgs},
};
pub(super) use super::{attend::follow, conclude::conclude};
use crate::{
    clock,
    config::parse_cap,
    domain::{
        ids::RunId,
        recommend::{AUTO, Picked},
        run::RunStatus,
        spec::RunSpec,
        workflow::WorkflowDefinition,
    },
    ledger::{
        operator::{self, Terms},
        pick::{self, Unpicked},
    },
    queue::ApalisQueue,
    report::View,
    store::runs::{self, NewRun},
};

/// Priority of a run that a person started; nightly ones have 0.
const MANUAL_PRIORITY: i32 = 5;

/// Benchmark a model: start a run and follow it to its end.
///
/// A run takes its steps in order: provision, pull_model, start_engine, warmup, throughput, concurrency:1 …
/// concurrency:9, teardown. Every step is durable: kill this process, or the machine, and the run goes on where it was
/// with `dria-bench worker`. Ctrl-C asks whether to cancel the run or leave it running.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    spec: SpecArgs,
    /// Do again what RUN did: same engine, model, machine, load and seed
    #[arg(
        long,
        value_name = "RUN",
        conflicts_with_all = ["engine", "model", "model_path", "provider", "url", "gpu", "rates", "seconds",
            "prompt_tokens", "output_tokens", "until", "seed", "slots", "context", "precision"]
    )]
    like: Option<RunRef>,
    /// Show what would be rented, how long each step may take and what it may cost, and start nothing; no RunPod key is
    /// needed
    #[arg(long, conflicts_with_all = ["detach", "repeat"])]
    plan: bool,
    /// Do it so many times, one run after another, and show how much they vary
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100),
          conflicts_with = "detach")]
    repeat: u32,
    /// Print the run's id and return; a worker does the work
    #[arg(long)]
    detach: bool,
    /// After a failure, leave machine and engine as they are for so many minutes before they are cleaned up;
    /// dria-bench runs cancel ends that at once
    #[arg(long, value_name = "MIN", value_parser = clap::value_parser!(i32).range(1..=1440))]
    hold_on_failure: Option<i32>,
    /// What the run may cost, USD: before it would cost more it is stopped and cleaned up, with exit code 5
    #[arg(long, value_name = "USD", value_parser = parse_cap)]
    max_usd: Option<Decimal>,
    /// How to print the results
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Which view of the results to print
    #[arg(long, value_enum, default_value = "measured")]
    view: View,
}

/// What is to be run.
pub(super) struct Request {
    pub(super) spec: RunSpec,
    pub(super) workflow: WorkflowDefinition,
    pub(super) rerun_of: Option<RunId>,
    /// What it may cost, and how long teardown waits after a failure.
    pub(super) terms: Terms<'static>,
    /// Why its GPUs were picked; `None`: they were asked for.
    picked: Option<Picked>,
}

impl Request {
    /// A run of this request, on the usual terms.
    pub(super) fn new(spec: RunSpec, workflow: WorkflowDefinition) -> Self {
        Self { spec, workflow, rerun_of: None, terms: Terms::default(), picked: None }
    }
}

/// Starts a run and follows it.
///
/// # Errors
/// Exit 2 for a request that makes no sense, 3 when the database can't be used.
pub async fn run(args: Args, context: Context) -> CliResult {
    // What can be refused without a database is refused before one is started.
    let resolved = match &args.like {
        None if args.plan => Some(spec::describe(&args.spec, &context)?),
        None => Some(spec::resolve(&args.spec, &context)?),
        Some(_) => None,
    };
    let database = Database::open(&context.config).await?;
    let outcome = start_and_follow(&args, resolved, &context, &database).await;
    database.close().await;
    outcome
}

async fn start_and_follow(
    args: &Args,
    resolved: Option<(RunSpec, WorkflowDefinition)>,
    context: &Context,
    database: &Database,
) -> CliResult {
    let mut request = match (resolved, &args.like) {
        (Some((spec, workflow)), _) => Request::new(spec, workflow),
        (None, Some(like)) => request_like(database, like).await?,
        (None, None) => return Err(CliError::usage("nothing to run")),
    };
    request.terms = Terms { hold_min: args.hold_on_failure, budget_usd: args.max_usd, picked: None };
    if request.spec.machine.gpu_id == AUTO {
        let mut conn = database.pool.acquire().await?;
        let picked = pick::pick(&mut conn, &mut request.spec, args.spec.most_usd_per_hour()).await?;
        if !args.plan {
            note(&picked, context.output);
        }
        request.picked = Some(picked);
    }
    if args.plan {
        let mut conn = database.pool.acquire().await?;
        let plan = plan::plan(&mut conn, &request.spec, &request.workflow, request.picked.as_ref()).await?;
        plan::show(&plan, context.output);
        return Ok(Exit::Done);
    }
    let queue = services::queue_of(request.spec.machine.provider);
    if args.detach {
        require_worker(context, database, &queue).await?;
    }
    if args.repeat > 1 {
        return repeat(args, request, context, database, &queue).await;
    }
    let id = start(database, &request, &queue).await?;
    if args.detach {
        if context.output.json {
            context.output.json(&serde_json::json!({ "run": id, "status": RunStatus::Pending }));
        } else {
            context.output.data(id.to_string());
            context.output.note(format!("follow it: dria-bench runs show {id}"));
        }
        return Ok(Exit::Done);
    }
    let Some(ended) = follow(context, database, id, &queue).await? else { return Ok(Exit::Interrupted) };
    let mut conn = database.pool.acquire().await?;
    let report = find::report(&mut conn, id).await?;
    let format = if context.output.json { Format::Json } else { args.format };
    if !report.results.is_empty() || format == Format::Json {
        results::print(&mut conn, &report, format, args.view, context.output).await?;
    }
    Ok(conclude(&ended, context))
}

/// Runs of one request, one after another, all but the first recorded as repeats of it. It ends with the first that
/// doesn't succeed.
async fn repeat(
    args: &Args,
    mut request: Request,
    context: &Context,
    database: &Database,
    queue: &str,
) -> CliResult {
    let mut ids = Vec::new();
    for number in 1..=args.repeat {
        context.output.note(format!("repeat {number} of {}", args.repeat));
        let id = start(database, &request, queue).await?;
        let Some(ended) = follow(context, database, id, queue).await? else { return Ok(Exit::Interrupted) };
        let exit = conclude(&ended, context);
        if exit != Exit::Done {
            context.output.note(format!("stopped after {number} of {} runs", args.repeat));
            return Ok(exit);
        }
        ids.push(id);
        request.rerun_of = Some(*ids.first().unwrap_or(&id));
        if !context.output.json {
            let mut conn = database.pool.acquire().await?;
            let report = find::report(&mut conn, id).await?;
            results::print(&mut conn, &report, args.format, args.view, context.output).await?;
        }
    }
    compare::variance_of(database, &ids, context).await
}

async fn request_like(database: &Database, like: &RunRef) -> Result<Request, CliError> {
    let mut conn = database.pool.acquire().await?;
    let id = find::run(&mut conn, like).await?;
    let run =
        runs::get(&mut conn, id).await?.ok_or_else(|| CliError::failed(format!("there is no run {id}")))?;
    let workflow = run.workflow()?;
    Ok(Request { rerun_of: Some(id), ..Request::new(run.spec, workflow) })
}

/// Records a run and wakes its first step.
pub(super) async fn start(database: &Database, request: &Request, queue: &str) -> Result<RunId, CliError> {
    let id = RunId::generate(clock::now());
    let new = NewRun {
        id,
        spec: &request.spec,
        definition: &request.workflow,
        queue,
        priority: MANUAL_PRIORITY,
        rerun_of: request.rerun_of,
    };
    let terms = Terms { picked: request.picked.as_ref(), ..request.terms };
    operator::start_on(&database.pool, &ApalisQueue, &new, terms, &actor()).await?;
    Ok(id)
}

/// Says on stderr what was picked, and why.
fn note(picked: &Picked, output: Output) {
    for (index, choice) in picked.choices.iter().enumerate() {
        let place = if index == 0 { "rents" } else { "else " };
        output.note(format!("{place} {} × {}: {}", picked.gpu_count, choice.gpu, choice.reason));
    }
}

impl From<Unpicked> for CliError {
    fn from(unpicked: Unpicked) -> Self {
        let said = format!("--gpu auto: {unpicked}");
        match unpicked {
            Unpicked::Unsized(_) => Self::usage(said).hint("name the GPU: --gpu \"NVIDIA H200\""),
            Unpicked::NoPrice => Self::failed(said).hint("ask for prices first, or name the GPU"),
            Unpicked::NoneLeft(_) => {
                Self::failed(said).hint("dria-bench gpus fit --model MODEL says what it takes")
            }
            Unpicked::Catalog(error) => Self::failed(error.to_string()),
            Unpicked::Store(error) => error.into(),
        }
    }
}

/// Who acts, for the ledger.
pub(super) fn actor() -> String {
    let name = nix::unistd::User::from_uid(nix::unistd::geteuid()).ok().flatten().map(|user| user.name);
    format!("cli:{}", name.as_deref().unwrap_or("unknown"))
}
