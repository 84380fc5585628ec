//! `make bench`, second part: how quickly one step follows another, how many go through two worker processes, and
//! whether a hundred thousand finished runs slow either. Real worker processes on an embedded PostgreSQL as it ships,
//! `fsync` on. Ends with 1 when a target is missed.
//!
//! `scale WORKER`, where WORKER is the `dria-bench` program; `--history N` for another number of finished runs.
//!
//! A **zero-work step** is a `pull_model` of an engine that downloads nothing by itself. It is claimed, beaten for,
//! committed and followed up like any other, and its body returns at once: what is left is what the machinery costs.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it prints a table")]

mod history;
mod steps;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use dria_bench::{embedded_pg, queue::ApalisQueue, store::database, workflow::sweep::sweep};
use instrument::table::{Table, Target, load_average};
use sqlx::PgPool;

use self::steps::Workers;

/// Runs in the tables for the second round.
const HISTORY: i64 = 100_000;
/// Most that a handover may take on an idle worker, ms.
const HANDOVER_MS: f64 = 150.0;
/// Least that two processes must get through, steps/s.
const STEPS_PER_SECOND: f64 = 100.0;
/// Times that is measured; the best counts, since whatever else the machine does can only slow it.
const TRIES: usize = 3;
/// "No slower": what rounds of the same differ by, per cent of the rate without history.
const AS_FAST_PERCENT: f64 = 90.0;
/// Most that a look for lost tokens may take: it is made every 15 s. ms.
const SWEEP_MS: f64 = 100.0;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let (program, runs) = arguments()?;
    let folder = tempfile::Builder::new().prefix("dria-bench-scale-").tempdir()?;
    // The database's own user must enter too.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    let settings = embedded_pg::Settings { data_dir: folder.path().to_owned(), pg_bin: None };
    let server = embedded_pg::start(&settings).await?;
    let outcome = rounds(&server, &program, folder.path(), runs).await;
    server.shut_down().await?;
    outcome
}

fn arguments() -> anyhow::Result<(PathBuf, i64)> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [program] => Ok((program.into(), HISTORY)),
        [program, "--history", runs] => {
            Ok((program.into(), runs.parse().context("--history takes a number")?))
        }
        _ => bail!("usage: scale PATH_OF_DRIA_BENCH [--history RUNS]"),
    }
}

async fn rounds(
    server: &embedded_pg::EmbeddedPg,
    program: &std::path::Path,
    folder: &std::path::Path,
    runs: i64,
) -> anyhow::Result<ExitCode> {
    let pool = database::connect(server.connect_options(), 4).await?;
    database::migrate(&pool).await?;
    let workers = Workers { program: program.to_owned(), url: server.url(), data_dir: folder.to_owned() };
    let mut table = Table::default();
    println!("load average before: {}", load_average());
    eprintln!("empty tables …");
    let empty = round(&mut table, &pool, &workers, "no history", None).await?;
    eprintln!("writing {runs} finished runs …");
    let asked = Instant::now();
    let (steps, bytes) = history::write(&pool, &workers, runs).await?;
    println!(
        "history: {runs} finished runs, {steps} steps, {:.1} GB, written in {:.0} s",
        bytes as f64 / 1e9,
        asked.elapsed().as_secs_f64()
    );
    round(&mut table, &pool, &workers, &format!("{runs} runs"), Some(empty)).await?;
    println!("load average after: {}\n\n{}", load_average(), table.text());
    let misses = table.misses();
    println!("{}", if misses == 0 { "all targets met".to_owned() } else { format!("{misses} missed") });
    Ok(if misses == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Measures once; returns the steps/s of two processes.
async fn round(
    table: &mut Table,
    pool: &PgPool,
    workers: &Workers,
    what: &str,
    before: Option<f64>,
) -> anyhow::Result<f64> {
    let gaps = steps::handovers(pool, workers).await?;
    let n = Some(gaps.len());
    let at = |q: f64| gaps[((gaps.len() - 1) as f64 * q).round() as usize];
    table.figure(format!("handover p50, {what}"), n, at(0.5), "ms", Target::AtMost(HANDOVER_MS));
    table.figure(format!("handover p99, {what}"), n, at(0.99), "ms", Target::None);
    let (mut steps, mut rate) = (0, 0.0_f64);
    for _ in 0..TRIES {
        let (n, once) = steps::throughput(pool, workers).await?;
        (steps, rate) = (steps + n, rate.max(once));
    }
    let target = Target::AtLeast(STEPS_PER_SECOND);
    table.figure(format!("two processes, {what}"), Some(steps), rate, "steps/s", target);
    if let Some(before) = before {
        let share = 100.0 * rate / before;
        table.figure("of the rate without history", None, share, "%", Target::AtLeast(AS_FAST_PERCENT));
    }
    let mut sweeps = Vec::new();
    for _ in 0..20 {
        let asked = Instant::now();
        sweep(pool, &ApalisQueue, 30.0).await?;
        sweeps.push(asked.elapsed().as_secs_f64() * 1000.0);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    sweeps.sort_by(f64::total_cmp);
    let n = Some(sweeps.len());
    table.figure(format!("sweep p50, {what}"), n, sweeps[sweeps.len() / 2], "ms", Target::AtMost(SWEEP_MS));
    Ok(rate)
}
