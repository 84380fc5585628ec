//! `make bench`: the measuring instrument measured. The load generator runs against a truth server, both on this
//! machine, and what it says is set against what the server really did. Ends with 1 when a target is missed.
//!
//! `instrument` does everything; `instrument levels`, `ceilings` and `parsers` only that part.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it prints a table")]

mod allocations;
mod level;
mod truth;

use std::process::ExitCode;

use dria_bench::engine::stream::StreamFormat;
use instrument::{
    streams::megabytes_per_second,
    table::{Table, Target, load_average},
};

use self::level::{Level, Measured, measure, quantile};

/// Least samples that support a p99 (docs/methodology.md, Spread).
const P99_SAMPLES: f64 = 662.0;
/// Shortest level, s.
const SECONDS: f64 = 8.0;
const TTFT_MS: u64 = 100;
const ITL_MS: u64 = 10;
const TOKENS: u32 = 64;

/// The targets of so many streams (docs/methodology.md, The instrument measured).
struct Bounds {
    streams: u32,
    ttft_p50_ms: f64,
    ttft_p99_ms: f64,
    itl_p99_percent: f64,
    ideal_percent: f64,
}

const BOUNDS: [Bounds; 4] = [
    Bounds { streams: 1, ttft_p50_ms: 0.3, ttft_p99_ms: 3.0, itl_p99_percent: 1.0, ideal_percent: 99.0 },
    Bounds { streams: 9, ttft_p50_ms: 0.3, ttft_p99_ms: 3.0, itl_p99_percent: 1.0, ideal_percent: 99.0 },
    Bounds { streams: 64, ttft_p50_ms: 0.5, ttft_p99_ms: 5.0, itl_p99_percent: 2.0, ideal_percent: 99.0 },
    Bounds { streams: 256, ttft_p50_ms: 5.0, ttft_p99_ms: 25.0, itl_p99_percent: 2.0, ideal_percent: 97.0 },
];

fn main() -> anyhow::Result<ExitCode> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [first, ttft_ms, itl_ms] = args.as_slice()
        && first == truth::ARGUMENT
    {
        truth::serve(ttft_ms.parse()?, itl_ms.parse()?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let wanted = |part: &str| args.is_empty() || args.iter().any(|arg| arg == part);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut table = Table::default();
    println!("load average before: {}", load_average());
    if wanted("parsers") {
        parsers(&mut table)?;
    }
    if wanted("levels") {
        for bounds in &BOUNDS {
            runtime.block_on(accuracy(&mut table, bounds))?;
        }
    }
    if wanted("ceilings") {
        runtime.block_on(ceilings(&mut table))?;
    }
    println!("load average after: {}\n\n{}", load_average(), table.text());
    let misses = table.misses();
    println!("{}", if misses == 0 { "all targets met".to_owned() } else { format!("{misses} missed") });
    Ok(if misses == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn parsers(table: &mut Table) -> anyhow::Result<()> {
    for (what, format) in
        [("SSE parser", StreamFormat::OpenAiSse), ("NDJSON parser", StreamFormat::OllamaNdjson)]
    {
        eprintln!("{what} …");
        table.figure(what, None, megabytes_per_second(format)?, "MB/s", Target::AtLeast(500.0));
    }
    Ok(())
}

/// Enough seconds for so many streams to complete the requests that a p99 needs.
fn seconds_for_p99(streams: u32, request_ms: u64) -> f64 {
    (1.08 * P99_SAMPLES * request_ms as f64 / 1000.0 / f64::from(streams)).max(SECONDS)
}

async fn accuracy(table: &mut Table, bounds: &Bounds) -> anyhow::Result<()> {
    let Bounds { streams, .. } = *bounds;
    let request_ms = TTFT_MS + ITL_MS * u64::from(TOKENS - 1);
    let whole = Level { streams, output_tokens: TOKENS, seconds: 0.0, ttft_ms: TTFT_MS, itl_ms: ITL_MS };
    // One stream would need eight minutes for the requests that a p99 of TTFT takes, so that row is of answers of one
    // token; what counts tokens has thousands of them in 20 s.
    let (level, short) = if streams == 1 {
        let short = Level { output_tokens: 1, seconds: seconds_for_p99(1, TTFT_MS), ..whole };
        (Level { seconds: 20.0, ..whole }, Some(short))
    } else {
        (Level { seconds: seconds_for_p99(streams, request_ms), ..whole }, None)
    };
    eprintln!("{streams} streams, {:.0} s …", level.seconds);
    let measured = measure(level).await?;
    let first = match short {
        None => None,
        Some(short) => {
            eprintln!("{streams} streams, one token, {:.0} s …", short.seconds);
            Some(measure(short).await?)
        }
    };
    let first = first.as_ref().unwrap_or(&measured);
    let name = |what: &str| format!("{what}, {streams} streams");
    let truth = |value: Option<f64>| value.unwrap_or(f64::NAN);
    let Measured { n, .. } = *first;
    for (what, q, true_ms, most) in [
        ("TTFT p50", 0.5, first.truth.ttft_ms.p50, bounds.ttft_p50_ms),
        ("TTFT p99", 0.99, first.truth.ttft_ms.p99, bounds.ttft_p99_ms),
    ] {
        let ours = quantile(&first.ttft_ms, q);
        table.off_by_ms(name(what), n, ours, truth(true_ms), Target::AtMost(most));
    }
    let Measured { n, ref itl_ms, ref gap_ms, truth: ref served, .. } = measured;
    let itl = quantile(itl_ms, 0.99);
    let most = Target::AtMost(bounds.itl_p99_percent);
    table.off_by_percent(name("ITL p99 of requests"), n, itl, truth(served.itl_ms.p99), most);
    let gap = quantile(gap_ms, 0.99);
    table.off_by_percent(name("ITL p99 of gaps"), gap_ms.len(), gap, truth(served.gap_ms.p99), Target::None);
    let share = measured.ideal_share * 100.0;
    table.figure(name("of the ideal rate"), Some(n), share, "%", Target::AtLeast(bounds.ideal_percent));
    if streams == 256 {
        let tokens = Some(gap_ms.len() + n);
        let (cpu, allocations) = (measured.cpu_us_per_token, measured.allocations_per_token);
        table.figure(name("CPU per token"), tokens, cpu, "µs", Target::AtMost(10.0));
        table.figure(name("allocations per token"), tokens, allocations, "", Target::AtMost(0.05));
        if let Some(megabytes) = peak_megabytes() {
            table.figure(name("peak memory"), None, megabytes, "MB", Target::AtMost(150.0));
        }
    }
    Ok(())
}

/// What it does at most, of an engine without any delay.
async fn ceilings(table: &mut Table) -> anyhow::Result<()> {
    let at_once =
        |streams, output_tokens| Level { streams, output_tokens, seconds: SECONDS, ttft_ms: 0, itl_ms: 0 };
    eprintln!("ceilings …");
    let requests = measure(at_once(64, 1)).await?;
    let rate = requests.requests_per_second;
    table.figure("ceiling, 64 streams, 1 token", Some(requests.n), rate, "req/s", Target::AtLeast(10_000.0));
    let tokens = measure(at_once(32, 256)).await?;
    let rate = tokens.tokens_per_second;
    table.figure(
        "ceiling, 32 streams, 256 tokens",
        Some(tokens.n),
        rate,
        "tok/s",
        Target::AtLeast(120_000.0),
    );
    table.figure("CPU per token at that ceiling", None, tokens.cpu_us_per_token, "µs", Target::None);
    Ok(())
}

/// Most memory this process has had resident, MB, where the system says.
fn peak_megabytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}
