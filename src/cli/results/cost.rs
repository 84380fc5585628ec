//! `results RUN --cost`: what tokens cost at each level.

use rust_decimal::Decimal;
use sqlx::PgConnection;

use crate::{
    cli::{
        CliError, Output,
        table::{or_dash, table},
    },
    domain::measure::cost::AtSpeed,
    report::{
        RunReport,
        costs::{CostAnalysis, CostOptions, PriceBasis},
        everywhere::everywhere,
        number,
    },
};

/// What is asked of the costs.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct CostArgs {
    /// What a million tokens cost at each level, at the price that was paid
    #[arg(long)]
    pub(super) cost: bool,
    /// At this price of the whole machine instead, US dollars an hour
    #[arg(long, value_name = "USD", requires = "cost", value_parser = price, allow_negative_numbers = true)]
    usd_per_hour: Option<Decimal>,
    /// At the latest price that every platform asks for the same GPUs
    #[arg(long, requires = "cost", conflicts_with_all = ["usd_per_hour", "speed"])]
    pub(super) everywhere: bool,
    /// Share of the time that it serves such a load, per cent; the rest is paid for too
    #[arg(long, value_name = "PERCENT", default_value = "100", requires = "cost",
          value_parser = clap::value_parser!(u32).range(1..=100), allow_negative_numbers = true)]
    utilisation: u32,
    /// Also where each user gets so many tokens a second, if that is within what was measured
    #[arg(long, value_name = "TOKENS", requires = "cost", value_parser = speed, allow_negative_numbers = true)]
    speed: Option<f64>,
}

fn price(text: &str) -> Result<Decimal, String> {
    let price: Decimal = text.parse().map_err(|_| "must be a price like 2.69".to_owned())?;
    if price > Decimal::ZERO { Ok(price) } else { Err("must be greater than zero".to_owned()) }
}

fn speed(text: &str) -> Result<f64, String> {
    let speed: f64 = text.parse().map_err(|_| "must be a number like 30".to_owned())?;
    if speed.is_finite() && speed > 0.0 { Ok(speed) } else { Err("must be greater than zero".to_owned()) }
}

/// Prints what the tokens of a run would cost on every platform.
///
/// # Errors
/// Exit 3 when the database fails.
pub(super) async fn show_everywhere(
    args: &CostArgs,
    conn: &mut PgConnection,
    report: &RunReport,
    output: Output,
) -> Result<(), CliError> {
    let utilisation = Some(Decimal::new(i64::from(args.utilisation), 2));
    let options = CostOptions { utilisation, ..CostOptions::default() };
    let everywhere = everywhere(conn, report, &options).await?;
    if output.json {
        output.json(&everywhere);
        return Ok(());
    }
    if everywhere.offers.is_empty() {
        output.note(format!(
            "no price of {} × {} is known: dria-bench prices scrape",
            everywhere.gpu_count, everywhere.gpu_id
        ));
        return Ok(());
    }
    output.note(format!(
        "serving as measured on {} × {}, under this load {} % of the time; another platform's machine may be faster or \
         slower",
        everywhere.gpu_count, everywhere.gpu_id, args.utilisation
    ));
    let rows = everywhere.offers.iter().map(|offer| {
        let price = &offer.price;
        let place = [price.provider.as_str(), price.tier.as_str(), price.region.as_str()];
        let place: Vec<&str> = place.into_iter().filter(|text| !text.is_empty()).collect();
        [
            price.platform.clone(),
            if place.is_empty() { "-".to_owned() } else { place.join(", ") },
            price.kind.to_string(),
            offer.usd_per_hour.normalize().to_string(),
            or_dash(offer.usd_per_million_output_tokens),
            price.in_stock.map_or("?", |there| if there { "yes" } else { "no" }).to_owned(),
            price.reason.clone(),
        ]
    });
    output.data(table(["PLATFORM", "WHERE", "KIND", "$/H", "$/1M OUTPUT", "STOCK", "PRICE"], rows));
    Ok(())
}

/// Prints what the tokens of a run cost.
///
/// # Errors
/// Exit 2 when it paid no price and none is given.
pub(super) fn show(args: &CostArgs, report: &RunReport, output: Output) -> Result<(), CliError> {
    let options = CostOptions {
        usd_per_hour: args.usd_per_hour,
        utilisation: Some(Decimal::new(i64::from(args.utilisation), 2)),
        tokens_per_second_per_user: args.speed,
    };
    let analysis = CostAnalysis::of(report, &options).ok_or_else(|| {
        CliError::usage(format!("run {} paid no price that is known", report.run))
            .hint("give one: --usd-per-hour 2.69")
    })?;
    if output.json {
        output.json(&analysis);
        return Ok(());
    }
    output.note(caption(&analysis));
    output.data(levels(&analysis));
    if let Some(at) = &analysis.at_speed {
        output.note(speed_in_words(at.tokens_per_second_per_user, at.cost));
    }
    Ok(())
}

fn caption(analysis: &CostAnalysis) -> String {
    let whose = match analysis.basis {
        PriceBasis::Paid => "the price paid",
        PriceBasis::Given => "the price given",
    };
    let percent = (analysis.rent.utilisation * Decimal::ONE_HUNDRED).normalize();
    let benchmark = match analysis.benchmark_usd {
        Some(usd) => format!("{usd} $"),
        None => "nothing that is known".to_owned(),
    };
    format!(
        "serving at {} $ an hour ({whose}), under this load {percent} % of the time; each column bears the whole price. \
         The benchmark itself cost {benchmark}",
        analysis.rent.usd_per_hour.normalize()
    )
}

fn levels(analysis: &CostAnalysis) -> String {
    let heading = ["LEVEL", "TOKENS/S/USER", "$/1M OUTPUT", "$/1M INPUT", "$/1M TOTAL", "OUTPUT TOKENS/$"];
    table(
        heading,
        analysis.levels.iter().map(|level| {
            let cost = level.cost;
            [
                level.name.clone(),
                or_dash(cost.tokens_per_second_per_user.map(number)),
                or_dash(cost.usd_per_million_output_tokens),
                or_dash(cost.usd_per_million_input_tokens),
                or_dash(cost.usd_per_million_tokens),
                or_dash(cost.output_tokens_per_usd),
            ]
        }),
    )
}

fn speed_in_words(speed: f64, cost: AtSpeed) -> String {
    let at = format!("at {} tokens a second and user", number(speed));
    match cost {
        AtSpeed::Measured { usd_per_million_output_tokens: usd } => {
            format!("{at}: {usd} $ for a million output tokens, as measured")
        }
        AtSpeed::Interpolated { usd_per_million_output_tokens: usd, slower, faster } => format!(
            "{at}: {usd} $ for a million output tokens, interpolated between levels of {} and {}",
            number(slower),
            number(faster)
        ),
        AtSpeed::Outside { slowest, fastest } => format!(
            "{at}: outside of what was measured, {} to {}, so nothing is said",
            number(slowest),
            number(fastest)
        ),
        AtSpeed::Unknown => format!("{at}: no level has both a speed and a price"),
    }
}
