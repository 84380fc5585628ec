//! `dria-bench prices …`: what GPUs cost where, asking the sources, and what people look after.

use std::time::Duration;

use serde::Serialize;
use serde_json::json;

use super::{
    CliError, CliResult, Context, Exit,
    database::Database,
    table::{or_dash, table},
};
use crate::{
    domain::{
        catalog::Catalog,
        price::{PriceKind, freshness::short},
    },
    prices::{self, Outcome, Scraped, Settings, sources},
    report::prices::{gpu_keys, today},
    store::price_reads::{self, Filter},
};

/// Names not seen for so many days are no longer for review.
const REVIEW_DAYS: i32 = 30;

/// Prices of GPUs.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Ask the sources now; one that was asked a moment ago is left alone
    ///
    /// Exit 1 only when every source that was asked failed.
    Scrape {
        /// Only this source; may be repeated
        #[arg(long, value_name = "SOURCE")]
        source: Vec<String>,
        /// Ask again even what was asked a moment ago
        #[arg(long)]
        force: bool,
    },
    /// Today's prices in US dollars per GPU-hour, cheapest first, and the median of the platforms
    List {
        /// Which prices
        #[command(flatten)]
        which: Which,
        /// Only prices that hold in, or machines that can be had in, this region
        #[arg(long)]
        region: Option<String>,
        /// Every region and size of machine, not only the cheapest of each platform
        #[arg(long)]
        every: bool,
        /// Prices older than a day too
        #[arg(long)]
        old: bool,
    },
    /// A GPU's prices over time, in few points
    History {
        /// The GPU
        #[arg(long)]
        gpu: String,
        /// Only this platform
        #[arg(long)]
        platform: Option<String>,
        /// on-demand or spot
        #[arg(long)]
        kind: Option<PriceKind>,
        /// Days back
        #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=3650))]
        days: u32,
    },
    /// GPU names that lead to no GPU of the catalog: a line in catalog/gpu_names.csv settles one
    Unknown,
    /// Prices that are not believed, and why
    Quarantine,
    /// How each source does: whether its key is set, its age, its last error
    Sources,
}

/// Which prices.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// Only this GPU: RunPod's id or short name, or a family such as H100
    #[arg(long)]
    gpu: Option<String>,
    /// Only this platform: runpod, vast.ai, google, …
    #[arg(long)]
    platform: Option<String>,
    /// on-demand or spot
    #[arg(long)]
    kind: Option<PriceKind>,
}

/// Runs a `prices` command.
///
/// # Errors
/// Exit 1 when every source failed, exit 2 for an unknown name, exit 3 when the database can't be used.
pub async fn run(command: Command, context: Context) -> CliResult {
    let settings =
        Settings::from_config(&context.config).map_err(|error| CliError::usage(error.to_string()))?;
    let database = Database::open(&context.config).await?;
    let outcome = act(command, &context, &settings, &database).await;
    database.close().await;
    outcome
}

async fn act(command: Command, context: &Context, settings: &Settings, database: &Database) -> CliResult {
    match command {
        Command::Scrape { source, force } => scrape(context, settings, database, &source, force).await,
        Command::List { which, region, every, old } => {
            list(context, database, &which, region.as_deref(), every, old).await
        }
        Command::History { gpu, platform, kind, days } => {
            history(context, database, &gpu, platform.as_deref(), kind, days).await
        }
        Command::Unknown => unknown(context, database).await,
        Command::Quarantine => quarantine(context, database).await,
        Command::Sources => show_sources(context, settings, database).await,
    }
}

async fn scrape(
    context: &Context,
    settings: &Settings,
    database: &Database,
    names: &[String],
    force: bool,
) -> CliResult {
    let wanted: Vec<_> = if names.is_empty() {
        sources::ALL.to_vec()
    } else {
        names.iter().map(|name| prices::find(name)).collect::<Result<_, _>>()?
    };
    let scraped = prices::scrape(&database.pool, settings, &wanted, force).await?;
    if context.output.json {
        context.output.json(&scraped);
    } else {
        let rows = scraped.iter().map(|done| {
            [
                done.source.to_owned(),
                word(done.outcome).to_owned(),
                done.offers.to_string(),
                done.prices.to_string(),
                done.points.to_string(),
                done.unknown.to_string(),
                done.quarantined.to_string(),
                done.error.clone().unwrap_or_default(),
            ]
        });
        let heading = ["SOURCE", "OUTCOME", "OFFERS", "PRICES", "NEW", "UNKNOWN", "QUARANTINED", "WHY"];
        context.output.data(table(heading, rows));
    }
    Ok(verdict(context, &scraped))
}

/// Says what is missing. Failed only where every source that was asked failed, or none could be asked that was named.
fn verdict(context: &Context, scraped: &[Scraped]) -> Exit {
    let with = |outcome| scraped.iter().filter(|done| done.outcome == outcome).count();
    let (failed, keyless) = (with(Outcome::Failed), with(Outcome::NoKey));
    let answered = with(Outcome::Ok) + with(Outcome::Partial);
    let missing = failed + with(Outcome::Partial);
    if missing > 0 {
        context.output.note(format!(
            "{missing} of {} sources did not answer in full; their last prices stay, and age",
            failed + answered
        ));
    }
    let all_failed = answered == 0 && (failed > 0 || keyless == scraped.len());
    if all_failed { Exit::Failed } else { Exit::Done }
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "ok",
        Outcome::Partial => "partial",
        Outcome::Failed => "failed",
        Outcome::NoKey => "no key",
        Outcome::TooSoon => "too soon",
    }
}

async fn list(
    context: &Context,
    database: &Database,
    which: &Which,
    region: Option<&str>,
    every: bool,
    old: bool,
) -> CliResult {
    let keys = which.gpu.as_deref().map(keys_of).transpose()?;
    let filter = Filter {
        gpu_keys: keys.as_deref(),
        platform: which.platform.as_deref(),
        kind: which.kind,
        region,
        hidden: old,
    };
    let list = today(&mut *database.pool.acquire().await?, &filter, every).await?;
    if context.output.json {
        context.output.json(&list);
        return Ok(Exit::Done);
    }
    if list.prices.is_empty() {
        context.output.note("no price is known; ask the sources with `dria-bench prices scrape`");
        return Ok(Exit::Done);
    }
    let rows = list.prices.iter().map(|price| {
        let place = [price.region.as_str(), price.provider.as_str(), price.tier.as_str()];
        let place: Vec<&str> = place.into_iter().filter(|text| !text.is_empty()).collect();
        [
            price.gpu_key.clone(),
            price.platform.clone(),
            price.kind.to_string(),
            format!("{:.3}", price.usd_per_gpu_hour),
            or_dash(price.p10_usd.map(|usd| format!("{usd:.3}"))),
            or_dash(price.offers),
            if price.gpu_count == 0 { "any".to_owned() } else { price.gpu_count.to_string() },
            if place.is_empty() { "-".to_owned() } else { place.join(", ") },
            price.in_stock.map_or("?", |there| if there { "yes" } else { "no" }).to_owned(),
            price.source.clone(),
            format!("{} ({})", price.freshness.as_str(), price.reason),
        ]
    });
    let heading =
        ["GPU", "PLATFORM", "KIND", "$/GPU/H", "P10", "OFFERS", "GPUS", "WHERE", "STOCK", "SOURCE", "AGE"];
    context.output.data(table(heading, rows));
    let lines = list.medians.iter().map(|sum| {
        format!(
            "{} {}: median {:.3} of {} platforms, cheapest {:.3} at {}",
            sum.gpu_key, sum.kind, sum.median_usd, sum.platforms, sum.cheapest_usd, sum.cheapest_platform
        )
    });
    context.output.data(format!("\n{}", lines.collect::<Vec<_>>().join("\n")));
    if list.left_out > 0 {
        let left_out = list.left_out;
        context.output.note(format!("{left_out} dearer regions and sizes are left out: --every shows them"));
    }
    Ok(Exit::Done)
}

fn keys_of(name: &str) -> Result<Vec<String>, CliError> {
    let catalog = Catalog::embedded().map_err(|error| CliError::failed(error.to_string()))?;
    gpu_keys(&catalog, name)
        .map_err(|unknown| CliError::usage(unknown.to_string()).hint("dria-bench catalog gpus"))
}

async fn history(
    context: &Context,
    database: &Database,
    gpu: &str,
    platform: Option<&str>,
    kind: Option<PriceKind>,
    days: u32,
) -> CliResult {
    let span_s = price_reads::span_s(days);
    let mut all = Vec::new();
    for key in keys_of(gpu)? {
        let mut conn = database.pool.acquire().await?;
        let found = price_reads::history(&mut conn, &key, platform, kind, days, span_s).await?;
        all.extend(found.into_iter().map(|span| (key.clone(), span)));
    }
    if context.output.json {
        let shown: Vec<_> = all.iter().map(|(key, span)| json!({ "gpu_key": key, "span": span })).collect();
        context.output.json(&json!({ "days": days, "span_s": span_s, "history": shown }));
        return Ok(Exit::Done);
    }
    if all.is_empty() {
        context.output.note(format!("no price of {gpu} in the last {days} days"));
        return Ok(Exit::Done);
    }
    let rows = all.into_iter().map(|(key, span)| {
        [
            key,
            span.platform,
            span.kind.to_string(),
            if span.tier.is_empty() { "-".to_owned() } else { span.tier },
            span.from.format("%Y-%m-%d %H:%M").to_string(),
            format!("{:.3}", span.min_usd),
            format!("{:.3}", span.median_usd),
            format!("{:.3}", span.max_usd),
        ]
    });
    context
        .output
        .data(table(["GPU", "PLATFORM", "KIND", "TIER", "FROM (UTC)", "MIN", "MEDIAN", "MAX"], rows));
    Ok(Exit::Done)
}

async fn unknown(context: &Context, database: &Database) -> CliResult {
    let names = price_reads::unknown(&mut *database.pool.acquire().await?, REVIEW_DAYS).await?;
    if context.output.json {
        context.output.json(&names);
        return Ok(Exit::Done);
    }
    if names.is_empty() {
        context.output.note("every name leads to a GPU");
        return Ok(Exit::Done);
    }
    let rows = names.into_iter().map(|name| {
        [
            name.source,
            name.name,
            or_dash(name.memory_gb.map(|gb| format!("{gb:.0}"))),
            or_dash(name.example_usd.map(|usd| format!("{usd:.3}"))),
            name.offers.to_string(),
            name.last_seen_at.format("%Y-%m-%d %H:%M").to_string(),
            name.reason,
        ]
    });
    let heading = ["SOURCE", "NAME", "GB", "$/GPU/H", "OFFERS", "LAST SEEN (UTC)", "WHY"];
    context.output.data(table(heading, rows));
    Ok(Exit::Done)
}

async fn quarantine(context: &Context, database: &Database) -> CliResult {
    let doubted = price_reads::quarantined(&mut *database.pool.acquire().await?).await?;
    if context.output.json {
        context.output.json(&doubted);
        return Ok(Exit::Done);
    }
    if doubted.is_empty() {
        context.output.note("nothing is in quarantine");
        return Ok(Exit::Done);
    }
    let rows = doubted.into_iter().map(|doubted| {
        [
            doubted.source,
            doubted.platform,
            doubted.gpu_name,
            doubted.kind,
            doubted.price,
            doubted.reason,
            or_dash(doubted.last_accepted_usd.map(|usd| format!("{usd:.3}"))),
            doubted.confirmations.to_string(),
            doubted.last_seen_at.format("%Y-%m-%d %H:%M").to_string(),
        ]
    });
    let heading = ["SOURCE", "PLATFORM", "GPU", "KIND", "PRICE", "WHY", "BEFORE", "TIMES", "LAST SEEN (UTC)"];
    context.output.data(table(heading, rows));
    Ok(Exit::Done)
}

/// A source's state, with what is set for it.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    state: price_reads::SourceState,
    needs_key: bool,
    key_set: bool,
    url_set: bool,
}

async fn show_sources(context: &Context, settings: &Settings, database: &Database) -> CliResult {
    let names: Vec<String> = sources::ALL.iter().map(|source| source.name().to_owned()).collect();
    let states = price_reads::sources(&mut *database.pool.acquire().await?, &names).await?;
    let shown: Vec<Shown> = states
        .into_iter()
        .zip(sources::ALL)
        .map(|(state, source)| {
            let access = settings.of(source.name());
            Shown {
                state,
                needs_key: source.needs_key(),
                key_set: access.key.is_some(),
                url_set: access.url.is_some(),
            }
        })
        .collect();
    if context.output.json {
        context.output.json(&shown);
        return Ok(Exit::Done);
    }
    let rows = shown.into_iter().map(|shown| {
        let key = match (shown.needs_key, shown.key_set) {
            (false, _) => "not needed",
            (true, true) => "set",
            (true, false) => "not set",
        };
        let age = shown.state.age_s.and_then(|age| Duration::try_from_secs_f64(age.max(0.0)).ok());
        [
            shown.state.source,
            key.to_owned(),
            or_dash(shown.state.outcome),
            or_dash(age.map(short)),
            shown.state.series.to_string(),
            shown.state.error.unwrap_or_default(),
        ]
    });
    context.output.data(table(["SOURCE", "KEY", "LAST ASK", "AGE", "PRICES", "ERROR"], rows));
    Ok(Exit::Done)
}

impl From<prices::Error> for CliError {
    fn from(error: prices::Error) -> Self {
        match error {
            prices::Error::Store(error) => error.into(),
            prices::Error::Unknown(unknown) => {
                Self::usage(unknown.to_string()).hint("dria-bench prices sources")
            }
            prices::Error::Catalog(error) => {
                Self::failed(error.to_string()).hint("this is a bug in the program: please report it")
            }
        }
    }
}
