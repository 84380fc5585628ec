//! `make bench`, third part: today's prices and the history of a GPU, read from a million price points of the last 90 days
//! in an embedded PostgreSQL as it ships; and taking in a scrape of thousands of prices beside them. Ends with 1 when a
//! target is missed.
//!
//! `price-history`; `--points N` for another number of points.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it prints a table")]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use dria_bench::{
    domain::price::{Price, PriceKind, Series},
    embedded_pg,
    store::{
        database, price_offers,
        price_reads::{self, Filter},
        prices,
    },
};
use instrument::table::{Table, Target, load_average};
use sqlx::PgPool;

/// Points in the history.
const POINTS: i64 = 1_000_000;
/// Series they are of: 50 GPUs, each with 100 of platform, kind and region.
const SERIES: i64 = 5_000;
/// Reads that are timed of each sort.
const READS: usize = 200;
/// Most that today's prices may take, ms.
const LATEST_MS: f64 = 20.0;
/// Most that 90 days of a GPU may take, ms.
const HISTORY_MS: f64 = 50.0;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let points = match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => POINTS,
        ["--points", points] => points.parse().context("--points takes a number")?,
        _ => bail!("usage: price-history [--points N]"),
    };
    let folder = tempfile::Builder::new().prefix("dria-bench-prices-").tempdir()?;
    // The database's own user must enter too.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    let settings = embedded_pg::Settings { data_dir: folder.path().to_owned(), pg_bin: None };
    let server = embedded_pg::start(&settings).await?;
    let outcome = measure(&server, points).await;
    server.shut_down().await?;
    outcome
}

async fn measure(server: &embedded_pg::EmbeddedPg, points: i64) -> anyhow::Result<ExitCode> {
    let pool = database::connect(server.connect_options(), 4).await?;
    database::migrate(&pool).await?;
    println!("load average before: {}", load_average());
    eprintln!("writing {points} prices of {SERIES} series …");
    write(&pool, points).await?;
    let mut conn = pool.acquire().await?;
    let mut table = Table::default();

    let mut times = Vec::new();
    let mut rows = 0;
    for _ in 0..READS {
        let asked = Instant::now();
        rows = price_reads::latest(&mut conn, &Filter::default()).await?.len();
        times.push(asked.elapsed());
    }
    p50_and_p95(&mut table, &format!("all {rows} latest prices"), times, LATEST_MS);

    let (mut cheapest, mut rows) = (Vec::new(), 0);
    for _ in 0..READS {
        let asked = Instant::now();
        rows = price_offers::cheapest(&mut conn, &Filter::default()).await?.0.len();
        price_offers::by_platform(&mut conn, &Filter::default()).await?;
        cheapest.push(asked.elapsed());
    }
    p50_and_p95(&mut table, &format!("cheapest {rows} of them, and medians"), cheapest, LATEST_MS);

    let (mut latest, mut history, mut spans) = (Vec::new(), Vec::new(), 0);
    for read in 0..READS {
        let gpu = format!("GPU {}", read % 50);
        let asked = Instant::now();
        let keys = [gpu.clone()];
        price_reads::latest(&mut conn, &Filter { gpu_keys: Some(&keys), ..Filter::default() }).await?;
        latest.push(asked.elapsed());
        let asked = Instant::now();
        spans = price_reads::history(&mut conn, &gpu, None, None, 90, 86_400).await?.len();
        history.push(asked.elapsed());
    }
    p50_and_p95(&mut table, "latest prices of one GPU", latest, LATEST_MS);
    p50_and_p95(&mut table, &format!("90 days of one GPU, {spans} spans"), history, HISTORY_MS);
    drop(conn);

    let took = scrape(&pool).await?.as_secs_f64() * 1000.0;
    table.figure("taking in a scrape of 5000 prices", None, took, "ms", Target::None);
    println!("load average after: {}\n\n{}", load_average(), table.text());
    let misses = table.misses();
    println!("{}", if misses == 0 { "all targets met".to_owned() } else { format!("{misses} missed") });
    Ok(if misses == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn p50_and_p95(table: &mut Table, what: &str, mut times: Vec<Duration>, most_ms: f64) {
    times.sort_unstable();
    let at = |q: f64| times[((times.len() - 1) as f64 * q).round() as usize].as_secs_f64() * 1000.0;
    let n = Some(times.len());
    table.figure(format!("{what}, p50"), n, at(0.5), "ms", Target::None);
    table.figure(format!("{what}, p95"), n, at(0.95), "ms", Target::AtMost(most_ms));
}

/// A history in which every series has as many points, spread over the last 90 days, in the order of time.
async fn write(pool: &PgPool, points: i64) -> anyhow::Result<()> {
    sqlx::query("insert into price_scrapes (source, ended_at, outcome) values ('bench', now(), 'ok')")
        .execute(pool)
        .await?;
    sqlx::query(
        "insert into latest_prices
           (source, platform, gpu_key, gpu_count, kind, region, usd_per_gpu_hour, in_stock, regions, scrape_id)
         select 'bench', 'platform ' || n / 50 % 10, 'GPU ' || n % 50, 1, case n / 500 % 2 when 0 then 'on_demand' else 'spot' end,
                'region ' || n / 1000, 0.2 + n % 50 * 0.1, true, array['a', 'b'], (select max(id) from price_scrapes)
         from generate_series(0, $1 - 1) n",
    )
    .bind(SERIES)
    .execute(pool)
    .await?;
    sqlx::query(
        "insert into price_points (series_id, as_of, usd_per_gpu_hour, in_stock, scrape_id)
         select s.id, now() - interval '90 days' * (1 - p::float8 / ($1 / $2)), 0.5 + (p * 7 + s.id) % 300 * 0.01, true,
                s.scrape_id
         from generate_series(0, $1 / $2 - 1) p, latest_prices s order by p",
    )
    .bind(points)
    .bind(SERIES)
    .execute(pool)
    .await?;
    for statement in ["vacuum analyze price_points", "vacuum analyze latest_prices"] {
        sqlx::query(statement).execute(pool).await?;
    }
    Ok(())
}

/// Takes in a source of its own with as many series, all of them changed since they were last seen.
async fn scrape(pool: &PgPool) -> anyhow::Result<Duration> {
    let mut took = Duration::ZERO;
    for cents in [100, 110] {
        let prices: Vec<Price> = (0..5000)
            .map(|n| Price {
                series: Series {
                    platform: "aws".to_owned(),
                    provider: String::new(),
                    gpu_key: format!("GPU {}", n % 50),
                    gpu_count: 8,
                    kind: PriceKind::OnDemand,
                    tier: String::new(),
                    region: format!("region {}", n / 50),
                },
                usd_per_gpu_hour: format!("{}.{:02}", cents / 100, cents % 100).parse().unwrap_or_default(),
                spread: None,
                in_stock: None,
                regions: Vec::new(),
            })
            .collect();
        let asked = Instant::now();
        let mut tx = pool.begin().await?;
        let scrape = prices::begin(&mut tx, "gpuhunt", Duration::ZERO).await?.context("it was just asked")?;
        prices::lock(&mut tx, "gpuhunt").await?;
        prices::accept(&mut tx, scrape, "gpuhunt", &prices).await?;
        prices::withdraw(&mut tx, scrape, "gpuhunt").await?;
        tx.commit().await?;
        took = asked.elapsed();
    }
    Ok(took)
}
