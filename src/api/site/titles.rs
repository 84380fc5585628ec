//! What a page is called, and what a shared link of it says before anybody opens it.

use axum::http::Uri;
use sqlx::PgConnection;

use crate::{
    domain::{catalog::Catalog, measure::summary::BenchmarkType},
    store::publications::{self, StoredPublication},
};

/// Runs that a comparison's title names.
const NAMED: usize = 6;

/// A page's name, and one or two sentences about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Title {
    pub(super) name: String,
    pub(super) description: String,
}

impl Title {
    fn new(name: &str, description: impl Into<String>) -> Self {
        Self { name: format!("{name} · dria-bench"), description: description.into() }
    }
}

/// The title of the page at this address, with what the database knows of what it shows.
pub(super) async fn of(conn: &mut PgConnection, uri: &Uri) -> Title {
    let path = uri.path();
    let parts: Vec<String> = path.split('/').skip(1).map(decoded).collect();
    let known = match parts.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["results", id] => result(conn, id).await,
        ["compare"] => comparison(conn, uri).await,
        ["models", slug] => Some(model(slug)),
        ["gpus", sku] => Some(gpu(sku)),
        _ => None,
    };
    known.unwrap_or_else(|| plain(path))
}

/// The title of the page at this path, whatever it shows.
pub(super) fn plain(path: &str) -> Title {
    let first = path.split('/').nth(1).unwrap_or_default();
    let (name, description) = match first {
        "admin" => ("Administration", "Queues, jobs, schedules, pods, publishing and people."),
        "assistant" => ("Assistant", "Ask about results and prices. Every number in an answer links to where it came from."),
        "compare" => ("Compare runs", "Two to six runs side by side: differences, whether they are more than chance, and whether the runs compare fairly."),
        "gpus" => ("GPU", "What a GPU costs, and what was measured on it."),
        "matrices" => ("Matrices", "Model × engine × GPU, measured night by night."),
        "methodology" => ("Methodology", "What each number means, how it is measured, and how exact the instrument is."),
        "models" => ("Model", "What was measured of a model, and where it fits."),
        "prices" => ("GPU prices", "What GPUs cost on each cloud, with history and freshness, an hour and a million tokens."),
        "profile" => ("Profile", "Your sessions, comments, conversations and data."),
        "recommend" => ("Recommend a GPU", "A model, a goal and a budget; GPUs in order, with reasons."),
        "results" => ("Result", "A benchmark of ten levels of load, with its spread and where it came from."),
        "runs" => ("Runs", "Benchmarks under way and done: steps, attempts, cost."),
        "sign-in" => ("Sign in", "With GitHub, or with an operator's token."),
        "trends" => ("Trends", "A line per configuration over time, with marks where the engine's version or image changed."),
        _ => return Title {
            name: "dria-bench: LLM inference benchmarks".to_owned(),
            description: "The same model under Ollama, vLLM, SGLang and llama.cpp on the same GPU: throughput, latency and \
                          cost, with n, spread and the instrument's own error."
                .to_owned(),
        },
    };
    Title::new(name, description)
}

/// The title where there is no page.
pub(super) fn missing() -> Title {
    Title::new("Not found", "There is no such page.")
}

async fn result(conn: &mut PgConnection, id: &str) -> Option<Title> {
    // A title is not worth failing for.
    let found = publications::many(conn, &[id.to_owned()]).await.ok()?;
    let run = found.first()?;
    let throughput = run.results.iter().find(|result| result.benchmark_type == BenchmarkType::Throughput);
    let numbers = throughput.map_or_else(
        || "Nothing was measured.".to_owned(),
        |result| {
            format!(
                "{:.0} output tokens/s, {:.0} ms to the first token at full load (n = {} requests).",
                result.output_tokens_per_second, result.time_to_first_token_ms, result.successful_requests
            )
        },
    );
    let origin = match &run.run.origin {
        publications::Origin::Measured(_) => "Measured",
        publications::Origin::Imported(_) => "Imported; measured",
    };
    let at = run.run.suite_started_at.unwrap_or(run.run.created_at);
    Some(Title::new(&called(run), format!("{numbers} {origin} {}.", at.format("%-d %B %Y"))))
}

async fn comparison(conn: &mut PgConnection, uri: &Uri) -> Option<Title> {
    let ids: Vec<String> = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
        .filter(|(name, _)| name == "r")
        .flat_map(|(_, ids)| ids.split(',').map(str::to_owned).collect::<Vec<_>>())
        .take(NAMED)
        .collect();
    let found = publications::many(conn, &ids).await.ok()?;
    // In the order of the address, which is the order of the page.
    let names: Vec<String> =
        ids.iter().filter_map(|id| found.iter().find(|run| run.run.pod_id == *id).map(called)).collect();
    (names.len() > 1).then(|| Title::new(&names.join(" against "), plain("/compare").description))
}

fn model(slug: &str) -> Title {
    let name = Catalog::embedded().ok().and_then(|catalog| {
        let found =
            catalog.models().iter().find(|model| model.names().iter().any(|name| sluggish(name) == slug));
        found.map(|model| model.common_name.clone())
    });
    let name = name.unwrap_or_else(|| slug.to_owned());
    let description =
        format!("What was measured of {name}, engine by engine and GPU by GPU, and where it fits.");
    Title::new(&name, description)
}

fn gpu(sku: &str) -> Title {
    let name = Catalog::embedded().ok().and_then(|catalog| {
        let found = catalog.gpus().iter().find(|gpu| sluggish(&gpu.id) == sku);
        found.map(|gpu| gpu.display_name.clone())
    });
    let name = name.unwrap_or_else(|| sku.to_owned());
    let description = format!("What {name} costs an hour and a million tokens, and what was measured on it.");
    Title::new(&name, description)
}

/// Model, engine, GPU.
fn called(run: &StoredPublication) -> String {
    let run = &run.run;
    let gpu = run.gpu_key.as_deref().unwrap_or(&run.gpu_id);
    let hardware = match run.gpu_count {
        0 => "CPU".to_owned(),
        1 => gpu.to_owned(),
        count => format!("{count} × {gpu}"),
    };
    format!("{} · {} · {hardware}", run.llm_common_name, run.inference_name)
}

/// As the site writes names in addresses: small letters, digits and dots, everything else is one hyphen.
fn sluggish(name: &str) -> String {
    let mut slug = String::new();
    for letter in name.chars().flat_map(char::to_lowercase) {
        if letter.is_ascii_alphanumeric() || letter == '.' {
            slug.push(letter);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

fn decoded(part: &str) -> String {
    percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_and_gpus_are_called_by_their_names() {
        assert!(model("smollm2-135m").name.starts_with("SmolLM2 135M · "));
        assert_eq!(model("nobody-knows").name, "nobody-knows · dria-bench");
        let first = &Catalog::embedded().unwrap().gpus()[0].clone();
        assert_eq!(gpu(&sluggish(&first.id)).name, format!("{} · dria-bench", first.display_name));
    }

    #[test]
    fn each_page_has_a_title_of_its_own() {
        let pages = super::super::PAGES.map(|page| plain(page).name);
        assert!(pages.iter().filter(|name| name.contains("LLM inference")).count() == 1, "{pages:?}");
    }
}
