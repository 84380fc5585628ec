//! The command line's root: global flags, the commands, and dispatch.

use std::path::PathBuf;

use clap::{CommandFactory, Parser, Subcommand};

use super::{
    CliError, CliResult, Exit, Output, ask, catalog, config, demo, doctor, gpus, import, jobs, load,
    matrices, migrate, moderation, openapi, pods, prices, queues, results, run, runs, scheduler, schedules,
    serve, spec, sync, tokens, truth_server, up, users, webhooks, worker, workflows,
};
use crate::{
    config::{self as settings, Config, Overrides},
    definitions::Definitions,
    telemetry,
};

/// Benchmarks of LLM inference that survive anything: the same model under Ollama, vLLM, SGLang and llama.cpp on the
/// same machine, ten measurements a run, every step durable.
///
/// Exit codes: 0 done, 1 failed, 2 usage, 3 environment (database, port, disk, missing engine), 4 cancelled,
/// 5 budget, 130 interrupted.
#[derive(Debug, Parser)]
#[command(
    name = "dria-bench",
    version,
    propagate_version = true,
    max_term_width = 110,
    arg_required_else_help = true
)]
pub(super) struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Where help lists the flags of every command.
const EVERYWHERE: &str = "For every command";

/// Flags of every command.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Global {
    /// Folder of the embedded database, caches and logs [env: DRIA_BENCH_DATA_DIR]
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// A TOML file of settings that overrides the built-in ones [env: DRIA_BENCH_CONFIG]
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print data as JSON on stdout
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    json: bool,
    /// Print no progress or notes; errors still
    #[arg(long, short, global = true, help_heading = EVERYWHERE)]
    quiet: bool,
    /// Log more on stderr: -v for info, -vv for debug
    #[arg(long, short, global = true, help_heading = EVERYWHERE, action = clap::ArgAction::Count)]
    verbose: u8,
}

/// The commands. One without a comment has its words at its arguments.
#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Args),
    Run(Box<run::Args>),
    /// List, show and steer runs
    #[command(subcommand)]
    Runs(runs::Command),
    /// Many runs described at once, model × engine × GPU
    #[command(subcommand)]
    Matrices(matrices::Command),
    /// What runs have outside, and removing what none owns
    #[command(subcommand)]
    Pods(pods::Command),
    /// What GPUs cost on each cloud: ask the sources, list, history
    #[command(subcommand)]
    Prices(prices::Command),
    /// The copy of what is published in MongoDB: send, status, verify, backfill
    #[command(subcommand)]
    Sync(sync::Command),
    /// Make, list and revoke tokens of the API
    #[command(subcommand)]
    Tokens(tokens::Command),
    /// Who signed in with GitHub; let somebody write no more
    #[command(subcommand)]
    Users(users::Command),
    Results(results::Args),
    Load(Box<load::Args>),
    /// Take in what was measured elsewhere
    #[command(subcommand)]
    Import(import::Command),
    TruthServer(truth_server::Args),
    Up(up::Args),
    Worker(worker::Args),
    Scheduler(scheduler::Args),
    /// What happens by itself, when it does, and turning it on and off
    #[command(subcommand)]
    Schedules(schedules::Command),
    Serve(serve::Args),
    /// What waits in the queues; pause and resume one
    #[command(subcommand)]
    Queues(queues::Command),
    /// The jobs of the queues: list, inspect, retry, cancel, delete
    #[command(subcommand)]
    Jobs(jobs::Command),
    /// The workers of all hosts
    #[command(subcommand)]
    Workers(jobs::WorkersCommand),
    /// Comments that people reported: list, keep, hide, delete
    #[command(subcommand)]
    Moderation(moderation::Command),
    /// Who is told when something happens, and what became of each message
    #[command(subcommand)]
    Webhooks(webhooks::Command),
    Ask(ask::Args),
    Openapi(openapi::Args),
    Doctor(doctor::Args),
    /// Show and check workflow and schedule definitions
    Workflows(workflows::WorkflowsArgs),
    /// The GPUs and models this version knows
    Catalog(catalog::CatalogArgs),
    /// Which GPUs a model fits on, and which to take
    #[command(subcommand)]
    Gpus(gpus::Command),
    /// The settings in force, and where each came from
    #[command(subcommand)]
    Config(ConfigCommand),
    Migrate(migrate::Args),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print every setting with its origin; secrets are never shown
    Show,
}

/// What a command works with.
#[derive(Debug)]
pub struct Context {
    /// The settings.
    pub config: Config,
    /// The file of settings that was named, to be named to processes we start.
    pub config_file: Option<PathBuf>,
    /// Where words go.
    pub output: Output,
    /// Whether the log shows more than warnings.
    pub verbose: bool,
}

/// Parses the command line, runs the command, and says what went wrong. Returns the exit code.
#[must_use]
pub fn main() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { Exit::Usage } else { Exit::Done };
            // Help and errors are clap's to print; a closed pipe is nobody's problem.
            let _ = error.print();
            return code;
        }
    };
    let output = Output { json: cli.global.json, quiet: cli.global.quiet };
    match start(cli, output) {
        Ok(exit) => exit,
        Err(error) => {
            output.error(&error);
            error.exit
        }
    }
}

fn start(cli: Cli, output: Output) -> CliResult {
    if let Command::Completions { shell } = cli.command {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "dria-bench", &mut script);
        output.data(String::from_utf8_lossy(&script));
        return Ok(Exit::Done);
    }
    let overrides = Overrides {
        config_file: cli.global.config.clone(),
        data_dir: cli.global.data_dir,
        ..Overrides::default()
    };
    let config = Config::load(&overrides).map_err(|error| match error {
        settings::Error::NoHome | settings::Error::Unreadable { .. } => {
            CliError::environment(error.to_string())
        }
        _ => CliError::usage(error.to_string()),
    })?;
    let service = matches!(
        cli.command,
        Command::Up(_) | Command::Worker(_) | Command::Scheduler(_) | Command::Serve(_)
    );
    let json = config.log.format == settings::LogFormat::Json;
    let filter = config.log_filter(service, cli.global.verbose);
    // Dropped last, so that the last traces are sent.
    let _telemetry = telemetry::init(&filter, json, service && settings::exports_traces())
        .map_err(|error| CliError::usage(error.to_string()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
        CliError::environment(format!("this machine doesn't let us start threads: {error}"))
    })?;
    let context = Context { config, config_file: cli.global.config, output, verbose: cli.global.verbose > 0 };
    runtime.block_on(dispatch(cli.command, context))
}

async fn dispatch(command: Command, context: Context) -> CliResult {
    let output = context.output;
    match command {
        Command::Demo(args) => demo::run(args, context).await,
        Command::Run(args) => run::run(*args, context).await,
        Command::Runs(command) => runs::run(command, context).await,
        Command::Matrices(command) => matrices::run(command, context).await,
        Command::Pods(command) => pods::run(command, context).await,
        Command::Prices(command) => prices::run(command, context).await,
        Command::Sync(command) => sync::run(command, context).await,
        Command::Tokens(command) => tokens::run(command, context).await,
        Command::Users(command) => users::run(command, context).await,
        Command::Results(args) => results::run(args, context).await,
        Command::Load(args) => load::run(*args, output).await,
        Command::Import(command) => import::run(command, context).await,
        Command::TruthServer(args) => truth_server::run(args, output).await,
        Command::Serve(args) => serve::run(args, context).await,
        Command::Up(args) => up::run(args, context).await,
        Command::Ask(args) => ask::run(args, context).await,
        Command::Openapi(_) => Ok(openapi::run(output)),
        Command::Worker(args) => worker::run(args, context).await,
        Command::Scheduler(args) => scheduler::run(args, context).await,
        Command::Schedules(command) => schedules::run(command, context).await,
        Command::Queues(command) => queues::run(command, context).await,
        Command::Jobs(command) => jobs::run(command, context).await,
        Command::Workers(command) => jobs::run_workers(command, context).await,
        Command::Moderation(command) => moderation::run(command, context).await,
        Command::Webhooks(command) => webhooks::run(command, context).await,
        Command::Doctor(args) => doctor::run(args, context).await,
        Command::Workflows(args) => {
            let definitions = Definitions::new(spec::definition_places(&context));
            workflows::run(&args, &definitions, output)
        }
        Command::Catalog(args) => catalog::run(&args, output),
        Command::Gpus(command) => gpus::run(command, context).await,
        Command::Config(ConfigCommand::Show) => config::show(&context.config, output),
        Command::Migrate(args) => migrate::run(args, context).await,
        Command::Completions { .. } => Ok(Exit::Done),
    }
}
