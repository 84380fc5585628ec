//! The numbers: a few in large type, all of them in a table, and the set-up times.

use super::html::{each, text};
use crate::{
    domain::measure::summary::{BenchmarkType, Columns, LevelSummary},
    report::{RunReport, figure, in_order, name, number},
};

/// A value, and its 95 % confidence interval.
pub(super) type Estimate = (Option<f64>, Option<[f64; 2]>);

/// A column of the table: heading, what it means, unit, and its value with the 95 % interval of it.
struct Column {
    heading: &'static str,
    meaning: &'static str,
    unit: &'static str,
    value: fn(&LevelSummary) -> Estimate,
}

/// The columns after name, n and requests.
const COLUMNS: [Column; 11] = [
    column("Time", "length of the level", "s", |level| (Some(columns(level).benchmark_duration), None)),
    column("Requests", "requests completed per second", "/s", |level| {
        (columns(level).requests_per_second, None)
    }),
    column("In flight", "mean number of requests in flight", "", |level| {
        (columns(level).request_concurrency, None)
    }),
    column("Latency", "mean time from sending to the end of the answer", "s", |level| {
        (columns(level).request_latency, level.measured.percentiles.request_latency.ci95)
    }),
    column("Prompt", "mean length of the prompts", "tokens", |level| {
        (columns(level).prompt_token_count, None)
    }),
    column("Output", "mean length of the answers", "tokens", |level| {
        (columns(level).output_token_count, None)
    }),
    column("TTFT", "mean time to first token", "ms", |level| {
        (columns(level).time_to_first_token_ms, level.measured.percentiles.time_to_first_token_ms.ci95)
    }),
    column("TPOT", "decode time per output token", "ms", |level| {
        (columns(level).time_per_output_token_ms, None)
    }),
    column("ITL", "mean gap between tokens", "ms", |level| (columns(level).inter_token_latency_ms, None)),
    column("Output", "output tokens per second, all streams together", "tokens/s", |level| {
        (columns(level).output_tokens_per_second, None)
    }),
    column("All", "prompt and output tokens per second, all streams together", "tokens/s", |level| {
        (columns(level).tokens_per_second, None)
    }),
];

const fn column(
    heading: &'static str,
    meaning: &'static str,
    unit: &'static str,
    value: fn(&LevelSummary) -> Estimate,
) -> Column {
    Column { heading, meaning, unit, value }
}

const fn columns(level: &LevelSummary) -> &Columns {
    &level.measured.columns
}

/// The figures that a reader looks for first.
pub(super) fn highlights(report: &RunReport) -> String {
    let levels = report.summaries();
    let ordered = in_order(&levels);
    let concurrent = |level: &&&LevelSummary| columns(level).benchmark_type == BenchmarkType::Concurrent;
    let throughput = ordered.iter().find(|level| columns(level).benchmark_type == BenchmarkType::Throughput);
    let fewest = ordered.iter().find(concurrent);
    let most = ordered
        .iter()
        .rfind(concurrent)
        .filter(|most| name(most) != fewest.map_or(String::new(), |f| name(f)));
    let mut tiles = Vec::new();
    if let Some(level) = throughput {
        let tokens = columns(level).output_tokens_per_second;
        tiles.push(tile("Throughput", figure(tokens), "tokens/s", &in_flight(level)));
    }
    for level in [fewest, most].into_iter().flatten() {
        let (columns, streams) = (columns(level), streams(level));
        tiles.push(tile("Time to first token", figure(columns.time_to_first_token_ms), "ms", &streams));
        tiles.push(tile("Output", figure(columns.output_tokens_per_second), "tokens/s", &streams));
    }
    if tiles.is_empty() { String::new() } else { format!("<dl class=\"tiles\">\n{}</dl>\n", tiles.concat()) }
}

fn tile(name: &str, value: String, unit: &str, when: &str) -> String {
    format!(
        "<div><dt>{name}<br><small>{when}</small></dt><dd>{}<small> {unit}</small></dd></div>\n",
        text(value)
    )
}

fn streams(level: &LevelSummary) -> String {
    match columns(level).rate {
        Some(1) => "with 1 stream".to_owned(),
        Some(streams) => format!("with {streams} streams"),
        None => String::new(),
    }
}

fn in_flight(level: &LevelSummary) -> String {
    level.instrument.intended_concurrency.map_or_else(String::new, |most| format!("up to {most} in flight"))
}

/// One row a level, means with their interval below.
pub(super) fn results(report: &RunReport) -> String {
    let levels = report.summaries();
    if levels.is_empty() {
        return "<p>There are no results yet.</p>\n".to_owned();
    }
    let head = each(&COLUMNS, |Column { heading, meaning, unit, .. }| {
        format!("<th scope=\"col\"><abbr title=\"{meaning}\">{heading}</abbr><small>{unit}</small></th>")
    });
    let rows = each(in_order(&levels), row);
    format!(
        "<section aria-labelledby=\"results\">\n<h2 id=\"results\">Results</h2>\n\
         <div class=\"scroll\" role=\"region\" aria-labelledby=\"caption\" tabindex=\"0\">\n<table>\n\
         <caption id=\"caption\">Requests completed inside each level's window, and what arrived inside it per \
         second. Means of n requests; below them, in small type, the 95 % confidence interval. A dash: nothing was \
         measured.</caption>\n\
         <thead><tr><th scope=\"col\">Benchmark</th>\
         <th scope=\"col\"><abbr title=\"requests behind the means\">n</abbr></th>\
         <th scope=\"col\"><abbr title=\"requests that completed without error, of all\">Requests</abbr>\
         <small>ok/all</small></th>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n</div>\n</section>\n"
    )
}

fn row(level: &LevelSummary) -> String {
    let cells = each(&COLUMNS, |column| {
        let (value, interval) = (column.value)(level);
        let interval = interval
            .map(|[low, high]| format!("<small>{}–{}</small>", number(low), number(high)))
            .unwrap_or_default();
        format!("<td>{}{interval}</td>", figure(value))
    });
    let columns = columns(level);
    format!(
        "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}/{}</td>{cells}</tr>\n",
        text(name(level)),
        level.measured.percentiles.request_latency.n,
        columns.successful_requests,
        columns.total_requests
    )
}

/// The set-up times, each as it was observed.
pub(super) fn setup(report: &RunReport) -> String {
    let setup = &report.setup;
    let times = [
        ("Server set-up", setup.server_setup_s),
        ("Model download", setup.model_download_s),
        ("Model loading", setup.model_loading_s),
        ("Warm-up", setup.warmup_s),
        ("All of it", setup.total_s),
    ];
    let rows = each(times, |(name, seconds)| {
        format!("<tr><th scope=\"row\">{name}</th><td>{}</td></tr>\n", figure(seconds))
    });
    format!(
        "<section aria-labelledby=\"setup\">\n<h2 id=\"setup\">Set-up times</h2>\n<table class=\"narrow\">\n\
         <caption>Before the first measured request. A dash: it could not be observed.</caption>\n\
         <thead><tr><th scope=\"col\">Part</th><th scope=\"col\">Time<small>s</small></th></tr></thead>\n\
         <tbody>\n{rows}</tbody>\n</table>\n</section>\n"
    )
}
