//! `dria-bench doctor`: is everything there, and what to do where it isn't.

mod account;
mod invariants;

use std::path::Path;

use serde::Serialize;

use super::{
    CliError, CliResult, Context, Exit,
    attend::worker_lives,
    database::Database,
    services::{self, install_settings},
};
use crate::{
    domain::{
        failure::Failure,
        kinds::{EngineKind, ProviderKind},
        run::RunStatus,
    },
    engine,
    provider::{HostFacts, host_facts},
    store::runs,
};

/// Disk below which no run is made on this machine, and disk that should be free for the database, logs and a small
/// model, bytes.
const DISK_NEEDED_BYTES: u64 = 512 * 1024 * 1024;
const DISK_WANTED_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// Unfinished runs that are looked at.
const MOST_RUNS: i64 = 100;

/// Width of a check's name.
const NAME_WIDTH: usize = 9;

/// Check database, engines, disk and ports, and say what to do.
///
/// `✓` is there, `–` is missing and needed by some runs only, `✗` is missing and needed by all.
///
/// Exit code: 0 when runs can be made on this machine, 3 when something that every run needs is missing. With
/// --invariants: 0 when every promise holds, 1 when one is broken.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Check what must hold of the database instead: no run stuck, no result twice, no level missing, no pod left
    #[arg(long)]
    invariants: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Ok,
    /// Not needed by every run.
    Missing,
    Failed,
}

#[derive(Debug, Serialize)]
struct Check {
    check: &'static str,
    verdict: Verdict,
    found: String,
    next: Option<String>,
}

impl Check {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Ok, found: found.into(), next: None }
    }

    fn missing(check: &'static str, found: impl Into<String>, next: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Missing, found: found.into(), next: Some(next.into()) }
    }

    fn failed(check: &'static str, found: impl Into<String>, next: Option<String>) -> Self {
        Self { check, verdict: Verdict::Failed, found: found.into(), next }
    }
}

/// Checks the machine.
///
/// # Errors
/// An interruption and, with --invariants, a database that can't be used; all else that is wrong is in its answer and in
/// the exit code.
pub async fn run(args: Args, context: Context) -> CliResult {
    if args.invariants {
        return invariants::run(&context).await;
    }
    let data_dir = &context.config.data.dir;
    let mut checks = check_database(&context).await?;
    let facts = host_facts(data_dir);
    checks.push(check_folder(data_dir));
    checks.push(check_disk(&facts, data_dir));
    checks.push(check_port(&context).await);
    checks.push(check_hardware(&facts));
    let engines = check_engines(&context).await;
    let usable: Vec<&str> =
        engines.iter().filter(|check| check.verdict == Verdict::Ok).map(|check| check.check).collect();
    let verdict = conclude(&checks, &usable);
    checks.extend(engines);
    if context.output.json {
        context.output.json(&checks);
    } else {
        let lines: Vec<String> = checks.iter().map(line).chain([String::new(), verdict]).collect();
        context.output.data(lines.join("\n"));
    }
    let failed = checks.iter().any(|check| check.verdict == Verdict::Failed);
    Ok(if failed { Exit::Environment } else { Exit::Done })
}

fn line(check: &Check) -> String {
    let mark = match check.verdict {
        Verdict::Ok => '✓',
        Verdict::Missing => '–',
        Verdict::Failed => '✗',
    };
    let indent = format!("\n{:1$}", "", NAME_WIDTH + 4);
    let mut text = format!("{mark}  {:<NAME_WIDTH$} {}", check.check, check.found.replace('\n', &indent));
    if let Some(next) = &check.next {
        text.push_str(&indent);
        text.push_str("→ ");
        text.push_str(next);
    }
    text
}

/// What all of it means for whoever wants to make a run.
fn conclude(needed: &[Check], engines: &[&str]) -> String {
    if needed.iter().any(|check| check.verdict == Verdict::Failed) {
        return "Runs can't be made here until what is marked ✗ is put right.".to_owned();
    }
    let first = if engines.contains(&EngineKind::Llamacpp.as_str()) {
        "dria-bench demo"
    } else {
        "make demo (it installs a small llama.cpp server and model)"
    };
    format!(
        "Engines for runs on this machine: {}. What runs elsewhere is measured with --url.\nFirst steps: {first}, then \
         dria-bench run --help",
        engines.join(", ")
    )
}

async fn check_database(context: &Context) -> Result<Vec<Check>, CliError> {
    let database = match Database::open(&context.config).await {
        Ok(database) => database,
        Err(error) if error.exit == Exit::Interrupted => return Err(error),
        Err(error) => return Ok(vec![Check::failed("database", error.message, error.hint)]),
    };
    let schema = database.schema();
    let mut checks = vec![Check::ok("database", format!("{}, schema {schema}", database.describe()))];
    let unfinished = check_runs(context, &database).await;
    let money = account::check(context, &database).await;
    database.close().await;
    match unfinished {
        Ok(check) => checks.extend(check),
        Err(error) => checks.push(Check::failed("runs", error.message, error.hint)),
    }
    match money {
        Ok(money) => checks.extend(money),
        Err(error) => checks.push(Check::failed("money", error.message, error.hint)),
    }
    Ok(checks)
}

/// Runs that are not over although nobody works them: a worker was killed, and perhaps its engine lives.
async fn check_runs(context: &Context, database: &Database) -> Result<Option<Check>, CliError> {
    let mut unfinished = Vec::new();
    for queue in [services::queue_of(ProviderKind::Endpoint), services::queue_of(ProviderKind::Local)] {
        if worker_lives(context, database, &queue).await? {
            continue;
        }
        let mut conn = database.pool.acquire().await?;
        for status in [RunStatus::Running, RunStatus::Pending] {
            let runs = runs::list(&mut conn, Some(status), MOST_RUNS).await?;
            let waiting = runs.iter().filter(|run| run.queue == queue && !run.paused);
            unfinished.extend(waiting.map(|run| run.id.to_string()));
        }
    }
    Ok((!unfinished.is_empty()).then(|| {
        Check::missing(
            "runs",
            format!("not over, and no worker is running: {}", unfinished.join(", ")),
            "dria-bench worker --until-idle goes on with them; dria-bench runs cancel RUN ends one",
        )
    }))
}

/// Engines' logs and helpers are written there, whichever database is used.
fn check_folder(data_dir: &Path) -> Check {
    let written = std::fs::create_dir_all(data_dir).and_then(|()| try_writing(data_dir));
    match written {
        Ok(()) => Check::ok("folder", format!("{} can be written to", data_dir.display())),
        Err(error) => Check::failed(
            "folder",
            format!("{} can't be written to: {error}", data_dir.display()),
            Some("give another with --data-dir or DRIA_BENCH_DATA_DIR".to_owned()),
        ),
    }
}

/// Writes and removes a file.
fn try_writing(folder: &Path) -> std::io::Result<()> {
    let path = folder.join(format!(".doctor-{}", std::process::id()));
    std::fs::write(&path, b"?")?;
    std::fs::remove_file(&path)
}

fn check_disk(facts: &HostFacts, data_dir: &Path) -> Check {
    let Some(free) = facts.disk_free_bytes else {
        return Check::ok("disk", "free space can't be read on this system");
    };
    let found = format!("{:.1} GB free", free as f64 / 1e9);
    let next = format!("free some where {} is, or choose another --data-dir", data_dir.display());
    if free < DISK_NEEDED_BYTES {
        Check::failed("disk", found, Some(next))
    } else if free < DISK_WANTED_BYTES {
        Check::missing("disk", format!("{found}: not enough to download a model"), next)
    } else {
        Check::ok("disk", found)
    }
}

async fn check_port(context: &Context) -> Check {
    let server = &context.config.server;
    let address = std::net::SocketAddr::new(server.host, server.port);
    match tokio::net::TcpListener::bind(address).await {
        Ok(_) => Check::ok("port", format!("{address} is free for serving the results")),
        Err(error) => Check::missing(
            "port",
            format!("{address} can't be used to serve the results: {error}"),
            "stop what uses it, or choose another with DRIA_BENCH_PORT",
        ),
    }
}

fn check_hardware(facts: &HostFacts) -> Check {
    let cores = facts.logical_cores.unwrap_or_default();
    let memory = facts.memory_bytes.unwrap_or_default() as f64 / 1e9;
    let gpus = match facts.gpus.len() {
        0 => "no NVIDIA GPU: results are a CPU's".to_owned(),
        n => format!("{n} × {}", facts.gpu_id()),
    };
    let cpu = facts.cpu_model.as_deref().unwrap_or("unknown CPU");
    Check::ok("hardware", format!("{cpu}, {cores} cores, {memory:.0} GB; {gpus}"))
}

async fn check_engines(context: &Context) -> Vec<Check> {
    let settings = install_settings(&context.config);
    let mut checks = Vec::new();
    for kind in EngineKind::ALL {
        let name = kind.as_str();
        checks.push(match engine::engine(*kind).find_install(&settings).await {
            Ok(install) => {
                let version = install.version.map(|version| format!(" ({version})")).unwrap_or_default();
                let what = if *kind == EngineKind::Truth {
                    ": an engine of known timing, to try things out"
                } else {
                    ""
                };
                Check::ok(name, format!("{}{version}{what}", install.program.display()))
            }
            Err(failure) => not_installed(name, &failure),
        });
    }
    checks
}

fn not_installed(name: &'static str, failure: &Failure) -> Check {
    let detail = |key: &str| failure.details.get(key).and_then(|value| value.as_str());
    match (detail("looked_for"), detail("next")) {
        (Some(looked_for), Some(next)) => {
            Check::missing(name, format!("not installed (looked for {looked_for})"), next)
        }
        _ => Check { check: name, verdict: Verdict::Missing, found: failure.message.clone(), next: None },
    }
}
