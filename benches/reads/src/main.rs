//! `make bench`, fourth part: public reads of 100,000 results by 50 clients at once. The server and PostgreSQL as they ship,
//! and the clients, share this machine. Ends with 1 when a target is missed.
//!
//! `reads DRIA_BENCH`, where that is the program; `--runs N` for another number of runs, of ten results each.
//!
//! Four rounds. **Usual**: what people look at, a few hundred different questions, so most answers are made already; clients ask
//! again as soon as they are answered. **New questions**: none was asked before, each answer is made for it; every client asks 12
//! times a second. **New questions, as many as can be answered**: the same without a pace, which shows what the machine can do;
//! how long an answer takes is then 50 divided by that, so it has no target. **While results come**: the usual ones while a run is
//! taken in every second, after which nothing that was made holds any more.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it prints a table")]

mod clients;
mod questions;
mod seed;

use std::{
    fs,
    num::NonZeroU32,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use dria_bench::{api, config, embedded_pg, http, store::database};
use instrument::table::{Table, Target, load_average};
use sqlx::PgPool;

use self::{clients::Round, questions::Questions};

/// Runs, of ten results each.
const RUNS: i64 = 10_000;
/// Connections to the database, as the commands open them.
const CONNECTIONS: u32 = 16;
/// Clients at once.
const CLIENTS: usize = 50;
/// How long a round goes on.
const ROUND: Duration = Duration::from_secs(15);
/// How often a client asks something new: 600 a second of all of them.
const PACE: Duration = Duration::from_nanos(1_000_000_000 / 12);
/// Different questions of the usual round.
const USUAL: u64 = 400;
/// How often a run is taken in meanwhile.
const TAKEN_IN_EVERY: Duration = Duration::from_secs(1);
/// Most that 95 of 100 answers may take, ms.
const P95_MS: f64 = 50.0;
/// Least that must be answered a second.
const PER_SECOND: f64 = 500.0;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let (program, runs) = arguments()?;
    let folder = tempfile::Builder::new().prefix("dria-bench-reads-").tempdir()?;
    // The database's own user must enter too.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    let settings = embedded_pg::Settings { data_dir: folder.path().to_owned(), pg_bin: None };
    let server = embedded_pg::start(&settings).await?;
    let outcome = measure(&server, &program, folder.path(), runs).await;
    server.shut_down().await?;
    outcome
}

fn arguments() -> anyhow::Result<(PathBuf, i64)> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [program] => Ok((program.into(), RUNS)),
        [program, "--runs", runs] => Ok((program.into(), runs.parse().context("--runs takes a number")?)),
        _ => bail!("usage: reads PATH_OF_DRIA_BENCH [--runs N]"),
    }
}

async fn measure(
    postgres: &embedded_pg::EmbeddedPg,
    program: &Path,
    folder: &Path,
    runs: i64,
) -> anyhow::Result<ExitCode> {
    let pool = database::connect(postgres.connect_options(), CONNECTIONS).await?;
    database::migrate(&pool).await?;
    eprintln!("measuring one run, to copy it …");
    seed::template(program, &postgres.url(), folder).await?;
    eprintln!("writing {runs} runs with {} results …", runs * 10);
    let questions = Questions::of(seed::write(&pool, runs).await?);
    let no_limit = NonZeroU32::MAX;
    let settings = config::Server { reads_per_minute: no_limit, ..config::Server::default() };
    let server = api::serve(&settings, pool.clone()).await?;
    let client = http::client(Some(Duration::from_mins(1)))?;

    let mut table = Table::default();
    println!("load average before: {}", load_average());
    let asked = Instant::now();
    clients::ask(&client, &server.url(), "/api/v1/explore").await?;
    let first_ms = asked.elapsed().as_secs_f64() * 1000.0;
    table.figure("the first search of all", None, first_ms, "ms", Target::None);

    let mut round = Round { client, url: server.url(), clients: CLIENTS, length: ROUND, every: None };
    let usual = round.go(|n| questions.nth(n % USUAL)).await?;
    print(&mut table, "usual", &usual, true);
    // Numbers that no other round has: every question is a new one.
    round.every = Some(PACE);
    let new = round.go(|n| questions.nth(1_000_000 + n)).await?;
    print(&mut table, "new questions", &new, true);
    round.every = None;
    let most = round.go(|n| questions.nth(2_000_000 + n)).await?;
    print(&mut table, "new questions, as many as can be answered", &most, false);
    let taken_in = tokio::spawn(take_in(pool.clone()));
    let meanwhile = round.go(|n| questions.nth(n % USUAL)).await?;
    taken_in.abort();
    print(&mut table, "while results come", &meanwhile, false);

    println!("load average after: {}\n\n{}", load_average(), table.text());
    println!("new questions, by what is asked, ms:\n\n{}", new.by_kind());
    if let Some(peak) = memory_peak_mib() {
        println!("most memory of server and clients together: {peak} MiB");
    }
    server.stop().await;
    let misses = table.misses();
    println!("{}", if misses == 0 { "all targets met".to_owned() } else { format!("{misses} missed") });
    Ok(if misses == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(table: &mut Table, what: &str, answers: &clients::Answers, is_judged: bool) {
    let n = Some(answers.count());
    let most = if is_judged { Target::AtMost(P95_MS) } else { Target::None };
    let least = if is_judged { Target::AtLeast(PER_SECOND) } else { Target::None };
    table.figure(format!("{what}: p50"), n, answers.at_ms(0.5), "ms", Target::None);
    table.figure(format!("{what}: p95"), n, answers.at_ms(0.95), "ms", most);
    table.figure(format!("{what}: p99"), n, answers.at_ms(0.99), "ms", Target::None);
    table.figure(format!("{what}: rate"), n, answers.per_second(), "/s", least);
}

/// Takes in a run every second.
async fn take_in(pool: PgPool) -> anyhow::Result<()> {
    for n in 1.. {
        tokio::time::sleep(TAKEN_IN_EVERY).await;
        seed::one_more(&pool, n).await?;
    }
    Ok(())
}

/// The most memory that this process had, as the system counts it.
fn memory_peak_mib() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? / 1024)
}
