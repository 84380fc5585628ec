//! `gpus recommend`: which GPUs to take for a model.

use std::path::PathBuf;

use rust_decimal::Decimal;

use super::{model, prices};
use crate::{
    cli::{
        CliError, CliResult, Context, Exit, Output,
        database::Database,
        spec::engines,
        table::{or_dash, table},
    },
    domain::{
        catalog::Catalog,
        kinds::EngineKind,
        recommend::{Ask, Goal, Load, Meets, Method, Ranked, Usual},
        sizing::Error,
    },
    report::{
        advice::{self, Recommendation},
        number,
    },
};

/// The arguments of `gpus recommend`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    model: model::ModelArgs,
    /// Engine
    #[arg(long, value_name = "ENGINE", value_parser = engines(), ignore_case = true, default_value = "vllm")]
    engine: EngineKind,
    /// `cheapest`: $ for a million output tokens. `fastest`: tokens a second, of each request with --concurrency, else of
    /// all. `slo`: the cheapest that keeps to --ttft-ms and --itl-ms
    #[arg(long, value_name = "GOAL", default_value = "cheapest")]
    goal: Goal,
    /// Most US dollars an hour for the whole machine, all its GPUs together
    #[arg(long, alias = "max-price", value_name = "USD", allow_negative_numbers = true)]
    max_usd_per_hour: Option<Decimal>,
    /// Most milliseconds to the first token
    #[arg(long, value_name = "MS", value_parser = milliseconds, allow_negative_numbers = true)]
    ttft_ms: Option<f64>,
    /// Most milliseconds between tokens
    #[arg(long, value_name = "MS", value_parser = milliseconds, allow_negative_numbers = true)]
    itl_ms: Option<f64>,
    /// Tokens of a prompt [default: load.prompt_tokens]
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    prompt_tokens: Option<u32>,
    /// Tokens of an answer [default: load.output_tokens]
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    output_tokens: Option<u32>,
    /// Prices: a CSV file with the columns gpu, usd_per_gpu_hour and, where known, count, source, in_stock, as_of
    /// [default: today's on-demand prices, see `dria-bench prices`]
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    /// Rows to show; --json has all
    #[arg(long, value_name = "N", default_value = "10", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

fn milliseconds(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "must be a number of milliseconds".to_owned())?;
    if value.is_finite() && value > 0.0 { Ok(value) } else { Err("must be greater than zero".to_owned()) }
}

pub(super) async fn run(args: &Args, catalog: &Catalog, context: &Context) -> CliResult {
    let asked = args.model.asked(catalog, args.engine)?;
    let defaults = &context.config.load;
    let ask = Ask {
        engine: args.engine,
        goal: args.goal,
        room: args.model.room(),
        prompt_tokens: args.prompt_tokens,
        output_tokens: args.output_tokens,
        max_usd_per_hour: args.max_usd_per_hour,
        ttft_ms: args.ttft_ms,
        itl_ms: args.itl_ms,
    };
    let usual = Usual {
        prompt_tokens: defaults.prompt_tokens,
        output_tokens: defaults.output_tokens,
        max_in_flight: defaults.max_in_flight,
    };
    let question = ask.question(&asked.shape, usual).map_err(|problems| first_of(&problems))?;
    let given = args.prices.as_ref().map(|path| prices::read(path, catalog)).transpose()?;

    let database = Database::open(&context.config).await?;
    let read = async {
        let mut conn = database.pool.acquire().await?;
        Ok::<_, CliError>(
            advice::recommendation(&mut conn, catalog, &asked, args.engine, &question, given).await?,
        )
    };
    let read = read.await;
    database.close().await;
    let recommendation = read?;
    show(args, catalog, &recommendation, context.output);
    Ok(if recommendation.advice.ranked.is_empty() { Exit::Failed } else { Exit::Done })
}

fn first_of(problems: &[Error]) -> CliError {
    let Some(first) = problems.first() else { return CliError::usage("the question can't be used") };
    let refused = model::refused(first);
    match first.field() {
        "goal" => refused.hint("add --ttft-ms, --itl-ms or both, and --concurrency"),
        _ => refused,
    }
}

fn show(args: &Args, catalog: &Catalog, recommendation: &Recommendation, output: Output) {
    if output.json {
        output.json(recommendation);
        return;
    }
    let Recommendation { model: shape, advice, .. } = recommendation;
    let load = match advice.load {
        Load::Saturated { max_in_flight } => format!("as many requests as fit, at most {max_in_flight}"),
        Load::Streams(streams) => format!("{streams} requests at a time"),
    };
    output.note(model::in_words(shape, &advice.options));
    output.note(format!(
        "{}, {load}, {} prompt and {} output tokens each",
        args.engine, advice.work.prompt_tokens, advice.work.output_tokens
    ));
    if advice.ranked.is_empty() {
        output.note("no GPU is left: --json says why each isn't, and gpus fit what it would take");
        return;
    }
    let shown: Vec<&Ranked> = advice.ranked.iter().take(args.limit as usize).collect();
    output.data(ranked_table(catalog, &shown));
    let more = advice.ranked.len() - shown.len();
    if more > 0 {
        output.note(format!("{more} more with --limit, all with --json"));
    }
    output.note(format!(
        "disk: {} GB for an image and {} GB for the weights",
        advice.disk.container_gb, advice.disk.weights_gb
    ));
}

fn ranked_table(catalog: &Catalog, ranked: &[&Ranked]) -> String {
    let heading = [
        "GPUS",
        "$/1M OUTPUT",
        "FROM-TO",
        "$/H",
        "OUTPUT TOKENS/S",
        "FROM-TO",
        "/S/USER",
        "MEETS",
        "BY",
        "RUNS",
        "REASON",
    ];
    table(
        heading,
        ranked.iter().map(|one| {
            let name = catalog.gpu(&one.gpu).map_or(one.gpu.as_str(), |gpu| gpu.display_name.as_str());
            let (rate, cost) = (one.prediction.output_tokens_per_second, one.usd_per_million_output_tokens);
            let cents = |usd: Decimal| format!("{usd:.3}");
            [
                format!("{} × {name}", one.count),
                or_dash(cost.map(|cost| cents(cost.mid))),
                or_dash(cost.map(|cost| format!("{}-{}", cents(cost.low), cents(cost.high)))),
                or_dash(one.usd_per_hour.map(|usd| usd.normalize())),
                number(rate.mid),
                format!("{}-{}", number(rate.low), number(rate.high)),
                or_dash(one.prediction.tokens_per_second_per_user.map(number)),
                or_dash(one.meets.map(|meets| match meets {
                    Meets::Surely => "surely",
                    Meets::Likely => "likely",
                    Meets::No => "no",
                })),
                match one.prediction.method {
                    Method::History => "history",
                    Method::Scaled => "scaled",
                    Method::Roofline => "roofline",
                }
                .to_owned(),
                one.prediction.runs.to_string(),
                std::iter::once(one.reason.as_str())
                    .chain(one.notes.iter().map(String::as_str))
                    .collect::<Vec<_>>()
                    .join("; "),
            ]
        }),
    )
}
