//! `catalog`: the GPUs and models known by name.

use clap::{Args, Subcommand};

use super::{
    CliError, CliResult, Exit, Output,
    table::{or_dash, table},
};
use crate::domain::catalog::{Catalog, Gpu, Model};

/// The arguments of `catalog`.
#[derive(Debug, Args)]
pub struct CatalogArgs {
    #[command(subcommand)]
    command: CatalogCommand,
}

#[derive(Debug, Subcommand)]
enum CatalogCommand {
    /// GPUs by their RunPod id: memory, bandwidth, speed
    Gpus(SearchArgs),
    /// Models, with the id each engine knows them by
    Models(SearchArgs),
}

#[derive(Debug, Args)]
struct SearchArgs {
    /// Only rows with this text in a name or in the family, in any case
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
}

/// Prints the GPUs or models as a table, or with `--json` all that is known of each.
///
/// # Errors
/// When the catalog, a part of the program, can't be read.
pub fn run(args: &CatalogArgs, output: Output) -> CliResult {
    let catalog = Catalog::embedded().map_err(|error| {
        CliError::failed(error.to_string()).hint("this is a bug in the program: please report it")
    })?;
    match &args.command {
        CatalogCommand::Gpus(search) => {
            let gpus =
                found(catalog.gpus(), search, |gpu| vec![&gpu.id, &gpu.display_name, &gpu.architecture]);
            print(&gpus, gpu_table, "gpu", output);
        }
        CatalogCommand::Models(search) => {
            let models = found(catalog.models(), search, |model| {
                let mut names = vec![&model.common_name, &model.family, &model.hf_id, &model.ollama_tag];
                names.extend(&model.gguf_alias);
                names
            });
            print(&models, model_table, "model", output);
        }
    }
    Ok(Exit::Done)
}

fn found<'a, T>(rows: &'a [T], search: &SearchArgs, names: impl Fn(&'a T) -> Vec<&'a String>) -> Vec<&'a T> {
    let wanted = search.search.as_deref().unwrap_or_default().to_lowercase();
    rows.iter().filter(|row| names(row).iter().any(|name| name.to_lowercase().contains(&wanted))).collect()
}

fn print<T: serde::Serialize>(rows: &[&T], as_table: impl Fn(&[&T]) -> String, what: &str, output: Output) {
    if output.json {
        output.json(&rows);
    } else if rows.is_empty() {
        output.note(format!("no {what} has that text in its names; without --search all are listed"));
    } else {
        output.data(as_table(rows));
    }
}

fn gpu_table(gpus: &[&Gpu]) -> String {
    let heading =
        ["GPU ID", "NAME", "ARCHITECTURE", "MEMORY GB", "GB/S", "BF16 TFLOPS", "FP8 TFLOPS", "WATTS"];
    table(
        heading,
        gpus.iter().map(|gpu| {
            let name = match &gpu.alias_of {
                Some(real) => format!("another spelling of {real}"),
                None => gpu.display_name.clone(),
            };
            [
                gpu.id.clone(),
                name,
                gpu.architecture.clone(),
                or_dash(gpu.memory_gb),
                or_dash(gpu.memory_bandwidth_gb_per_s),
                or_dash(gpu.bf16_dense_tflops),
                or_dash(gpu.fp8_dense_tflops),
                or_dash(gpu.tdp_w),
            ]
        }),
    )
}

fn model_table(models: &[&Model]) -> String {
    let heading = ["MODEL", "HUGGING FACE ID", "OLLAMA TAG", "PARAMS B", "ACTIVE B", "CONTEXT", "GATED"];
    table(
        heading,
        models.iter().map(|model| {
            [
                model.common_name.clone(),
                model.hf_id.clone(),
                model.ollama_tag.clone(),
                or_dash(model.total_params_b),
                or_dash(model.active_params_b),
                or_dash(model.max_context_tokens),
                or_dash(model.gated.map(|gated| if gated { "yes" } else { "no" })),
            ]
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(text: &str) -> SearchArgs {
        SearchArgs { search: Some(text.to_owned()) }
    }

    #[test]
    fn a_search_finds_part_of_a_name_in_any_case() {
        let catalog = Catalog::embedded().unwrap();
        let gpus = found(catalog.gpus(), &search("h200"), |gpu| vec![&gpu.id]);
        assert_eq!(
            gpus.iter().map(|gpu| gpu.id.as_str()).collect::<Vec<_>>(),
            ["NVIDIA H200 NVL", "NVIDIA H200"]
        );
        assert!(found(catalog.gpus(), &search("no such card"), |gpu| vec![&gpu.id]).is_empty());
        let all = SearchArgs { search: None };
        assert_eq!(found(catalog.gpus(), &all, |gpu| vec![&gpu.id]).len(), catalog.gpus().len());
    }

    #[test]
    fn a_table_says_what_is_unknown_and_what_is_another_spelling() {
        let catalog = Catalog::embedded().unwrap();
        let text = gpu_table(&catalog.gpus().iter().collect::<Vec<_>>());
        assert_eq!(text.lines().count(), catalog.gpus().len() + 1);
        let line = text.lines().find(|line| line.starts_with("NVIDIA A5000 Ada")).unwrap();
        assert!(line.ends_with('-'), "{line}");
        assert!(text.contains("another spelling of NVIDIA A30"));
    }
}
