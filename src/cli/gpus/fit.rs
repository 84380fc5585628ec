//! `gpus fit`: every GPU's verdict on a model.

use serde::Serialize;

use super::model;
use crate::{
    cli::{CliResult, Exit, Output, table::table},
    domain::{
        catalog::{Catalog, Gpu},
        kinds::EngineKind,
        sizing::{Disk, Options, Shape, Verdict, fit},
    },
};

/// The arguments of `gpus fit`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    model: model::ModelArgs,
    /// Only this GPU, with the reason against every smaller number of it
    #[arg(long, value_name = "GPU")]
    gpu: Option<String>,
}

/// The whole answer.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    model: &'a Shape,
    options: &'a Options,
    disk: Disk,
    gpus: &'a [Verdict],
}

pub(super) fn run(args: &Args, catalog: &Catalog, output: Output) -> CliResult {
    let asked = args.model.asked(catalog, EngineKind::Vllm)?;
    let options = args.model.options(&asked.shape)?;
    let gpus: Vec<&Gpu> = match &args.gpu {
        Some(name) => vec![model::gpu(catalog, name)?],
        None => catalog.gpus().iter().filter(|gpu| gpu.alias_of.is_none()).collect(),
    };
    let verdicts: Vec<Verdict> = gpus.iter().map(|gpu| fit(&asked.shape, gpu, &options)).collect();
    let disk = Disk::of(&asked.shape, options.precision);
    if output.json {
        output.json(&Answer { model: &asked.shape, options: &options, disk, gpus: &verdicts });
        return Ok(Exit::Done);
    }
    output.note(model::in_words(&asked.shape, &options));
    output.data(verdict_table(&gpus, &verdicts));
    if args.gpu.is_some() {
        for rejection in verdicts.iter().flat_map(|verdict| &verdict.rejections) {
            let count = rejection.count.map_or_else(String::new, |count| format!("×{count} "));
            output.note(format!("{count}{}", rejection.words));
        }
    }
    output.note(format!(
        "disk: {} GB for an image and {} GB for the weights",
        disk.container_gb, disk.weights_gb
    ));
    Ok(Exit::Done)
}

fn verdict_table(gpus: &[&Gpu], verdicts: &[Verdict]) -> String {
    let heading = ["GPU", "FITS", "GIB A GPU", "OF", "REQUESTS", "REMARK"];
    table(
        heading,
        gpus.iter().zip(verdicts).map(|(gpu, verdict)| {
            let name = gpu.display_name.clone();
            if let Some(fit) = verdict.fits {
                return [
                    name,
                    format!("×{}", fit.count),
                    format!("{:.1}", fit.need.total_gib()),
                    format!("{:.1}", fit.available_gib),
                    fit.max_requests.to_string(),
                    verdict.notes.join("; "),
                ];
            }
            let reason = verdict.reason().map(|rejection| match rejection.count {
                Some(count) => format!("×{count}: {}", rejection.words),
                None => rejection.words.clone(),
            });
            let none = || "-".to_owned();
            [name, "no".to_owned(), none(), none(), none(), reason.unwrap_or_default()]
        }),
    )
}
