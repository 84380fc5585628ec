//! What was measured: engine, model, hardware and load, as far as they are known.

use super::html::{each, text, time};
use crate::{
    domain::{
        measure::comparable::Comparability,
        seen::HostFacts,
        spec::{MachineSpec, RunSpec},
    },
    report::RunReport,
    store::runs::Run,
};

/// Whether no GPU took part: such a run is published as `CPU <model>`.
pub(super) fn is_cpu_run(machine: &MachineSpec) -> bool {
    machine.gpu_count == 0 && machine.gpu_id.starts_with("CPU ")
}

/// The hardware in a few words: `1 × NVIDIA H200`, `CPU AMD EPYC 7B13`.
pub(super) fn hardware(machine: &MachineSpec) -> String {
    match (machine.gpu_count, machine.gpu_id.as_str()) {
        (0, "unknown") => "hardware unknown".to_owned(),
        (0, id) => id.to_owned(),
        (count, id) => format!("{count} × {id}"),
    }
}

/// A list of what was measured, on what, and how.
pub(super) fn facts(report: &RunReport, run: &Run) -> String {
    let (spec, system) = (&report.spec, &report.system);
    let served = system.served_model.as_ref();
    let settings = report.results.iter().find_map(|result| result.comparability.as_ref());
    let install = system.install.as_ref();
    let version =
        system.engine_version.as_ref().or_else(|| install.and_then(|install| install.version.as_ref()));
    let precision = served.and_then(|served| served.quantization.as_ref()).or(spec.engine.precision.as_ref());
    let ended = run.started_at.zip(run.finished_at);
    let rows = [
        ("Engine", Some(joined([Some(spec.engine.kind.published_name().to_owned()), version.cloned()]))),
        ("Model", Some(format!("{} ({})", spec.model.common_name, spec.model.id))),
        ("Weights", precision.cloned()),
        ("Hardware", Some(hardware(&spec.machine))),
        ("Host", system.host.as_ref().map(host).filter(|host| !host.is_empty())),
        ("Provider", Some(place(&spec.machine))),
        ("Settings", settings.map(in_words).filter(|words| !words.is_empty())),
        ("Load", Some(load(spec))),
        ("Run took", ended.map(|(start, end)| format!("{:.0} s", (end - start).as_seconds_f64()))),
        ("Cost", report.cost.as_ref().map(|cost| format!("{} USD an hour", cost.usd_per_hour))),
    ];
    let known = rows.into_iter().filter_map(|(name, value)| value.map(|value| (name, value)));
    let rows = each(known, |(name, value)| format!("<div><dt>{name}</dt><dd>{}</dd></div>\n", text(value)));
    let started = time(run.started_at.unwrap_or(run.created_at));
    format!(
        "<section aria-labelledby=\"facts\">\n<h2 id=\"facts\">What was measured</h2>\n<dl class=\"facts\">\n{rows}\
         <div><dt>Started</dt><dd>{started}</dd></div>\n\
         <div><dt>Run</dt><dd><code>{}</code></dd></div>\n</dl>\n</section>\n",
        report.run
    )
}

/// What there is of these, comma-separated.
fn joined(parts: impl IntoIterator<Item = Option<String>>) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn place(machine: &MachineSpec) -> String {
    match &machine.url {
        Some(url) => format!("{}: {url}", machine.provider),
        None => machine.provider.to_string(),
    }
}

fn host(host: &HostFacts) -> String {
    let gib = |bytes: u64| format!("{:.1} GiB of memory", bytes as f64 / f64::from(1 << 30));
    joined([
        host.logical_cores.map(|cores| format!("{cores} logical cores")),
        host.memory_bytes.map(gib),
        host.os.clone(),
        host.gpu_driver.as_ref().map(|driver| format!("GPU driver {driver}")),
        host.shared_with_client.then(|| "the load generator ran on it too".to_owned()),
    ])
}

fn in_words(settings: &Comparability) -> String {
    let caching =
        settings.prefix_caching.map(|on| format!("prefix caching {}", if on { "on" } else { "off" }));
    joined([
        settings.parallel_slots.map(|slots| format!("{slots} requests at once")),
        settings.context_tokens.map(|tokens| format!("context of {tokens} tokens")),
        caching,
    ])
}

fn load(spec: &RunSpec) -> String {
    let load = &spec.load;
    format!(
        "prompts of {} and answers of {} tokens, at least {} s a level, seed {}",
        load.prompt_tokens, load.output_tokens, load.seconds, load.seed
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::kinds::ProviderKind;

    fn machine(gpu_id: &str, gpu_count: u32) -> MachineSpec {
        MachineSpec {
            provider: ProviderKind::Local,
            gpu_id: gpu_id.to_owned(),
            gpu_candidates: Vec::new(),
            data_center: None,
            gpu_count,
            volume_in_gb: 0,
            container_disk_in_gb: 0,
            port: None,
            url: None,
        }
    }

    #[test]
    fn only_a_run_without_a_gpu_is_a_cpu_run() {
        assert!(is_cpu_run(&machine("CPU AMD EPYC 7B13", 0)));
        assert!(!is_cpu_run(&machine("NVIDIA H200", 1)));
        assert!(!is_cpu_run(&machine("unknown", 0)), "an endpoint may well have one");
    }

    #[test]
    fn hardware_is_named_with_its_count() {
        assert_eq!(hardware(&machine("NVIDIA H200", 2)), "2 × NVIDIA H200");
        assert_eq!(hardware(&machine("CPU AMD EPYC 7B13", 0)), "CPU AMD EPYC 7B13");
        assert_eq!(hardware(&machine("unknown", 0)), "hardware unknown");
    }
}
