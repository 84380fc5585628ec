//! `gpus fit`: every GPU's verdict on a model.

use super::model;
use crate::{
    cli::{CliResult, Exit, Output, table::table},
    domain::{
        catalog::{Catalog, Gpu},
        kinds::EngineKind,
        sizing::Verdict,
    },
    report::advice::Fits,
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

pub(super) fn run(args: &Args, catalog: &Catalog, output: Output) -> CliResult {
    let asked = args.model.asked(catalog, EngineKind::Vllm)?;
    let options = args.model.room().options(&asked.shape, 0);
    options.check(&asked.shape).map_err(|error| model::refused(&error))?;
    let gpus = model::gpus(catalog, args.gpu.as_deref())?;
    let fits = Fits::of(asked.shape, options, &gpus);
    if output.json {
        output.json(&fits);
        return Ok(Exit::Done);
    }
    output.note(model::in_words(&fits.model, &fits.options));
    output.data(verdict_table(&gpus, &fits.gpus));
    if args.gpu.is_some() {
        for rejection in fits.gpus.iter().flat_map(|verdict| &verdict.rejections) {
            let count = rejection.count.map_or_else(String::new, |count| format!("×{count} "));
            output.note(format!("{count}{}", rejection.words));
        }
    }
    output.note(format!(
        "disk: {} GB for an image and {} GB for the weights",
        fits.disk.container_gb, fits.disk.weights_gb
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
