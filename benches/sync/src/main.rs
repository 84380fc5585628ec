//! `make bench`, fifth part: publishing to MongoDB. A thousand runs end while the server and the sender are killed ten times
//! each: whether all of them are there, once and as they should be, and how far behind they are. Then how quickly everything
//! is published again. PostgreSQL, a MongoDB-wire server on disk and the sender as they ship share this machine. Ends with 1
//! when a target is missed.
//!
//! `publishing DRIA_BENCH SECANTUSD`, where those are the two programs; `--runs N` for another number of runs.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it prints a table")]

mod kills;
mod processes;
mod raw;
mod runs;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use dria_bench::{embedded_pg, store::database, sync};
use instrument::table::{Table, Target, load_average};
use mongodb::{Client, bson::doc, options::ClientOptions};
use sqlx::PgPool;

use self::{
    kills::{Outage, Victim},
    processes::Programs,
    raw::Documents,
};

/// Runs, of ten results each.
const RUNS: usize = 1_000;
/// Kills of the server, and of the sender.
const KILLS: usize = 10;
/// Rounds of publishing everything again, ours and raw in turn.
const ROUNDS: usize = 3;
/// Where runs are published to.
const DATABASE: &str = "dria_benchmark";
/// Most that 95 of 100 runs may be behind, s.
const LAG_S: f64 = 5.0;
/// Least that a backfill must reach of raw upserts, per cent.
const OF_RAW_PERCENT: f64 = 70.0;
/// How long the server may take to answer after a start.
const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let (dria_bench, secantusd, runs) = arguments()?;
    let folder = tempfile::Builder::new().prefix("dria-bench-publishing-").tempdir()?;
    // The database's own user must enter too.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    let settings = embedded_pg::Settings { data_dir: folder.path().to_owned(), pg_bin: None };
    let postgres = embedded_pg::start(&settings).await?;
    let programs = Programs {
        dria_bench,
        secantusd,
        folder: folder.path().to_owned(),
        postgres: postgres.url(),
        port: Programs::free_port()?,
    };
    let outcome = measure(&postgres, &programs, runs).await;
    postgres.shut_down().await?;
    outcome
}

fn arguments() -> anyhow::Result<(PathBuf, PathBuf, usize)> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (dria_bench, secantusd, runs) = match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [program, server] => (*program, *server, RUNS),
        [program, server, "--runs", runs] => {
            (*program, *server, runs.parse().context("--runs takes a number")?)
        }
        _ => bail!("usage: publishing PATH_OF_DRIA_BENCH PATH_OF_SECANTUSD [--runs N]"),
    };
    ensure!(runs >= 40 * KILLS, "--runs is too small: every kill needs 20 runs");
    Ok((Path::new(dria_bench).canonicalize()?, Path::new(secantusd).canonicalize()?, runs))
}

async fn measure(
    postgres: &embedded_pg::EmbeddedPg,
    programs: &Programs,
    runs: usize,
) -> anyhow::Result<ExitCode> {
    let pool = database::connect(postgres.connect_options(), 8).await?;
    database::migrate(&pool).await?;
    let mut table = Table::default();
    println!("load average before: {}", load_average());
    let mut server = programs.server()?;
    let client = client(programs).await?;
    let mut sender = programs.sender(DATABASE)?;
    eprintln!("{runs} runs end; server and sender are killed {KILLS} times each …");
    let both = (&mut server, &mut sender);
    let (runs, outages) = kills::publish(&pool, programs, both, DATABASE, (runs, KILLS)).await?;
    drop(sender);
    // What is compared is what is on disk.
    server.kill_9();
    server = programs.server()?;
    compare(&mut table, &pool, programs, &client, runs).await?;
    lags(&mut table, &pool, &outages).await?;
    backfill(&mut table, programs, &client).await?;
    println!("load average after: {}\n\n{}", load_average(), table.text());
    drop(server);
    let misses = table.misses();
    println!("{}", if misses == 0 { "all targets met".to_owned() } else { format!("{misses} missed") });
    Ok(if misses == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn client(programs: &Programs) -> anyhow::Result<Client> {
    let mut options = ClientOptions::parse(programs.url()).await?;
    options.server_selection_timeout = Some(PATIENCE);
    let client = Client::with_options(options)?;
    client.database("admin").run_command(doc! { "ping": 1 }).await?;
    Ok(client)
}

/// Whether both sides are equal, without any repair.
async fn compare(
    table: &mut Table,
    pool: &PgPool,
    programs: &Programs,
    client: &Client,
    runs: usize,
) -> anyhow::Result<()> {
    let there = Documents::read(client, DATABASE).await?;
    let target = sync::Target::open(&programs.settings(DATABASE)).await?;
    let verified = sync::verify(pool, &target, false).await?;
    let none = Target::AtMost(0.0);
    let kills = Some(2 * KILLS);
    let expected: u64 = verified.collections.iter().map(|checked| checked.here).sum();
    ensure!(expected == runs as u64 * (runs::RESULTS + 2), "{expected} documents should be there");
    let of = |number: fn(&sync::Checked) -> usize| {
        verified.collections.iter().map(|checked| number(checked) as f64).sum::<f64>()
    };
    table.figure("documents missing", kills, of(|checked| checked.missing.len()), "", none);
    table.figure("documents that differ", kills, of(|checked| checked.different.len()), "", none);
    let doubled = there.count() as f64 - expected as f64 + of(|checked| checked.missing.len());
    table.figure("documents too many or twice", kills, doubled, "", none);
    let unequal = of(|checked| usize::from(checked.sha256_here != checked.sha256_there));
    table.figure("collections of unequal hash", kills, unequal, "", none);
    for checked in verified.collections.iter().filter(|checked| checked.here > 0) {
        println!(
            "{}: {} here, {} there, {}",
            checked.collection, checked.here, checked.there, checked.sha256_there
        );
    }
    Ok(())
}

async fn lags(table: &mut Table, pool: &PgPool, outages: &[Outage]) -> anyhow::Result<()> {
    let lags = kills::lags(pool, outages).await?;
    for (what, some) in [("no outage", &lags.steady), ("with outages", &lags.all)] {
        let n = Some(some.len());
        table.figure(format!("lag p50, {what}"), n, at(some, 0.5), "s", Target::None);
        table.figure(format!("lag p95, {what}"), n, at(some, 0.95), "s", Target::AtMost(LAG_S));
        table.figure(format!("lag at most, {what}"), n, at(some, 1.0), "s", Target::None);
    }
    for (what, victim) in [("server", Victim::Server), ("sender", Victim::Sender)] {
        let mut seconds: Vec<f64> =
            outages.iter().filter(|outage| outage.of == victim).map(Outage::seconds).collect();
        seconds.sort_by(f64::total_cmp);
        let n = Some(seconds.len());
        table.figure(format!("caught up after {what}, p50"), n, at(&seconds, 0.5), "s", Target::None);
        table.figure(format!("caught up after {what}, most"), n, at(&seconds, 1.0), "s", Target::None);
    }
    Ok(())
}

/// Of sorted values.
fn at(sorted: &[f64], q: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * q).round() as usize).copied().unwrap_or(f64::NAN)
}

/// Publishes everything again, each time into an empty database, in turn with raw upserts of the same documents.
async fn backfill(table: &mut Table, programs: &Programs, client: &Client) -> anyhow::Result<()> {
    let documents = Documents::read(client, DATABASE).await?;
    let per_second = |seconds: f64| documents.count() as f64 / seconds;
    let (mut ours, mut alone, mut together) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let database = format!("backfill_{round}");
        let asked = Instant::now();
        let ended = programs.backfill(&database)?;
        ours.push(per_second(asked.elapsed().as_secs_f64()));
        ensure!(ended.success(), "the backfill ended with {ended}");
        let there = Documents::read(client, &database).await?;
        ensure!(there.counts() == documents.counts(), "the backfill left out something");
        alone.push(per_second(documents.upsert(client, &format!("raw_{round}"), false).await?));
        together.push(per_second(documents.upsert(client, &format!("raw_together_{round}"), true).await?));
        eprintln!("{round} of {ROUNDS} rounds");
    }
    for rates in [&mut ours, &mut alone, &mut together] {
        rates.sort_by(f64::total_cmp);
    }
    let n = Some(ROUNDS);
    let (ours, alone, together) = (at(&ours, 0.5), at(&alone, 0.5), at(&together, 0.5));
    table.figure("sync backfill", n, ours, "docs/s", Target::None);
    table.figure("raw upserts", n, alone, "docs/s", Target::None);
    table.figure("raw upserts, in transactions", n, together, "docs/s", Target::None);
    let of_raw = Target::AtLeast(OF_RAW_PERCENT);
    table.figure("backfill, of raw upserts", n, 100.0 * ours / alone, "%", of_raw);
    // A commit each is what costs raw upserts most on this server; a backfill reads, compares versions and keeps order too.
    table.figure("backfill, of those in transactions", n, 100.0 * ours / together, "%", Target::None);
    Ok(())
}
