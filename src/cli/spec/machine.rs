//! Where a run takes place: provider, machine, GPU, URL.

use super::SpecArgs;
use crate::{
    cli::{CliError, Context},
    domain::{
        catalog::{Catalog, Gpu},
        kinds::ProviderKind,
        recommend::{self, AUTO},
        spec::{MachineSpec, RunSpec, base_url},
    },
    provider::{HostFacts, host_facts},
};

/// Which provider is meant, and that its flags don't contradict each other.
pub(super) fn provider(args: &SpecArgs) -> Result<ProviderKind, CliError> {
    let provider = args.provider.unwrap_or(match (&args.url, &args.gpu) {
        (Some(_), _) => ProviderKind::Endpoint,
        (None, Some(_)) => ProviderKind::Runpod,
        (None, None) => ProviderKind::Local,
    });
    match (provider, &args.url) {
        (ProviderKind::Endpoint, None) => {
            Err(CliError::usage("the endpoint provider measures what already runs: where is it?")
                .hint("add --url http://host:port"))
        }
        (ProviderKind::Local | ProviderKind::Runpod, Some(_)) => {
            Err(CliError::usage(format!("--url and --provider {provider} contradict each other"))
                .hint("leave one of them out"))
        }
        (ProviderKind::Endpoint, Some(_)) => match only_where_we_start(args) {
            Some(flag) => {
                Err(CliError::usage(format!("{flag} says how to start an engine, and --url that it runs"))
                    .hint("leave one of them out"))
            }
            None => Ok(provider),
        },
        _ => Ok(provider),
    }
}

/// A flag given that means something only for an engine that we start.
fn only_where_we_start(args: &SpecArgs) -> Option<&'static str> {
    let given = [
        (!args.engine_args.is_empty(), "--engine-arg"),
        (args.model_path.is_some(), "--model-path"),
        (args.port.is_some(), "--port"),
    ];
    given.into_iter().find_map(|(given, flag)| given.then_some(flag))
}

/// The machine as asked for.
///
/// # Errors
/// Exit 2 for an unknown GPU, one that this machine doesn't have, or a URL that is none.
pub(super) fn machine(
    args: &SpecArgs,
    provider: ProviderKind,
    context: &Context,
) -> Result<MachineSpec, CliError> {
    let auto = is_auto(args, provider)?;
    let known = args.gpu.as_deref().filter(|_| !auto).map(known_gpu).transpose()?;
    let (gpu_id, gpu_count) = match provider {
        // Nobody said how many: as many as the best choice takes.
        _ if auto => (AUTO.to_owned(), args.gpu_count.unwrap_or_default()),
        ProviderKind::Local => {
            local_gpu(known.as_ref(), args.gpu_count, &host_facts(&context.config.data.dir))?
        }
        ProviderKind::Runpod | ProviderKind::Endpoint => match known {
            Some(gpu) => (gpu.id, args.gpu_count.unwrap_or(1)),
            None => ("unknown".to_owned(), args.gpu_count.unwrap_or_default()),
        },
    };
    let url = args.url.as_deref().map(check_url).transpose()?;
    if provider == ProviderKind::Runpod && gpu_id == "unknown" {
        return Err(CliError::usage("which GPU is to be rented?")
            .hint("add --gpu auto, or name one: dria-bench catalog gpus lists those that are known"));
    }
    Ok(MachineSpec {
        provider,
        gpu_id,
        gpu_candidates: candidates(args, provider)?,
        data_center: None,
        gpu_count,
        volume_in_gb: args.volume_in_gb,
        container_disk_in_gb: args.container_disk_in_gb,
        port: args.port,
        url,
    })
}

/// Whether the GPU is to be picked.
fn is_auto(args: &SpecArgs, provider: ProviderKind) -> Result<bool, CliError> {
    let auto = args.gpu.as_deref().is_some_and(recommend::is_auto);
    if !auto {
        return match args.most_usd_per_hour() {
            Some(_) => {
                Err(CliError::usage("--max-usd-per-hour says what may be picked, and --gpu names one")
                    .hint("leave it out, or pick with --gpu auto"))
            }
            None => Ok(false),
        };
    }
    if args.max_price.is_some() && args.gpu_count != Some(1) {
        return Err(CliError::usage("--max-price was of one GPU, and how many are rented is open")
            .hint("say what the whole machine may cost: --max-usd-per-hour"));
    }
    if provider != ProviderKind::Runpod {
        return Err(CliError::usage(format!(
            "--gpu auto picks what is rented, and --provider {provider} rents nothing"
        ))
        .hint("leave --gpu out to measure what is here, or name the GPU"));
    }
    if !args.gpu_candidates.is_empty() {
        return Err(CliError::usage("--gpu auto finds its own candidates").hint("leave --gpu-candidates out"));
    }
    if args.gpu_count == Some(0) {
        return Err(CliError::usage("--gpu auto with --gpu_count 0: no GPU is to be picked")
            .hint("leave --gpu_count out"));
    }
    Ok(true)
}

/// Refuses to go on without the key that renting needs.
pub(super) fn require_key(spec: &RunSpec, context: &Context) -> Result<(), CliError> {
    if spec.machine.provider == ProviderKind::Runpod && context.config.runpod.api_key.is_none() {
        return Err(CliError::environment("renting GPUs on RunPod needs its key, and RUNPOD_API_KEY isn't set")
            .hint("set RUNPOD_API_KEY, run on this machine (--provider local), or against what already runs (--url); --plan needs no key"));
    }
    Ok(())
}

/// The GPUs to take instead, by their ids.
fn candidates(args: &SpecArgs, provider: ProviderKind) -> Result<Vec<String>, CliError> {
    if !args.gpu_candidates.is_empty() && provider != ProviderKind::Runpod {
        return Err(CliError::usage("--gpu-candidates says what else may be rented, and nothing is rented")
            .hint("leave it out"));
    }
    args.gpu_candidates.iter().map(|name| known_gpu(name).map(|gpu| gpu.id)).collect()
}

fn known_gpu(name: &str) -> Result<Gpu, CliError> {
    let catalog = Catalog::embedded().map_err(|error| CliError::failed(error.to_string()))?;
    catalog.gpu(name).cloned().map_err(|unknown| {
        CliError::usage(unknown.to_string()).hint("dria-bench catalog gpus lists those that are known")
    })
}

/// This machine's GPU and how many of them, checked against what it has: results are published under it. Only NVIDIA's
/// can be seen from here, so an AMD one is believed.
fn local_gpu(known: Option<&Gpu>, count: Option<u32>, facts: &HostFacts) -> Result<(String, u32), CliError> {
    let found = u32::try_from(facts.gpus.len()).unwrap_or(u32::MAX);
    let has = match facts.gpus.first() {
        Some(gpu) => format!("this machine has {found} × {}", gpu.name),
        None => "nvidia-smi finds no GPU on this machine".to_owned(),
    };
    let refused = |what: String| {
        CliError::usage(format!("{what}: {has}"))
            .hint("leave --gpu and --gpu_count out to measure what is here")
    };
    if let Some(gpu) = known.filter(|gpu| gpu.vendor != "NVIDIA") {
        return Ok((gpu.id.clone(), count.unwrap_or(1)));
    }
    if let Some(gpu) = known.filter(|gpu| facts.gpus.iter().all(|own| own.name != gpu.id)) {
        return Err(refused(format!("--gpu {}", gpu.id)));
    }
    match count {
        Some(0) => Ok((HostFacts { gpus: Vec::new(), ..facts.clone() }.gpu_id(), 0)),
        Some(count) if count > found => Err(refused(format!("--gpu_count {count}"))),
        count => Ok((facts.gpu_id(), count.unwrap_or(if known.is_some() { 1 } else { found }))),
    }
}

fn check_url(text: &str) -> Result<String, CliError> {
    base_url(text)
        .map_err(|reason| CliError::usage(format!("--url {reason}")).hint("write it as http://host:port"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::GpuFacts;

    fn host(gpus: &[&str]) -> HostFacts {
        let gpu = |name: &&str| GpuFacts {
            name: (*name).to_owned(),
            memory_mib: None,
            uuid: None,
            power_limit_w: None,
        };
        HostFacts {
            cpu_model: Some("Z80".to_owned()),
            gpus: gpus.iter().map(gpu).collect(),
            ..HostFacts::default()
        }
    }

    #[test]
    fn a_machine_is_measured_under_the_gpu_that_it_has() {
        let h200 = known_gpu("NVIDIA H200").unwrap();
        let (two, none) = (host(&["NVIDIA H200", "NVIDIA H200"]), host(&[]));
        assert_eq!(local_gpu(None, None, &two).unwrap(), ("NVIDIA H200".to_owned(), 2));
        assert_eq!(local_gpu(Some(&h200), None, &two).unwrap(), ("NVIDIA H200".to_owned(), 1));
        assert_eq!(local_gpu(None, Some(0), &two).unwrap(), ("CPU Z80".to_owned(), 0));
        assert_eq!(local_gpu(None, None, &none).unwrap(), ("CPU Z80".to_owned(), 0));
        for refused in [
            local_gpu(Some(&h200), None, &none),
            local_gpu(None, Some(3), &two),
            local_gpu(None, Some(1), &none),
        ] {
            assert_eq!(refused.unwrap_err().exit, crate::cli::Exit::Usage);
        }
        let amd = known_gpu("MI300X").unwrap();
        assert_eq!(local_gpu(Some(&amd), Some(8), &none).unwrap(), (amd.id.clone(), 8));
    }
}
