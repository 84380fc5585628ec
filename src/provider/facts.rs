//! Asking this host what it is: what a reader needs to judge a result made on it.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use sysinfo::{CpuRefreshKind, System};

use super::{GpuFacts, HostFacts};

/// Asks this host. Blocking: it reads `/proc` and may start `nvidia-smi`.
pub(super) fn gather(data_dir: &Path, nvidia_smi: &Path) -> HostFacts {
    let mut facts = HostFacts {
        // The folder may not be there yet; the disk that it will be on is.
        disk_free_bytes: data_dir.ancestors().find_map(|folder| fs4::available_space(folder).ok()),
        os: System::long_os_version().ok(),
        kernel: System::kernel_version().ok(),
        physical_cores: System::physical_core_count().ok().and_then(|cores| u32::try_from(cores).ok()),
        logical_cores: std::thread::available_parallelism()
            .ok()
            .and_then(|cores| u32::try_from(cores.get()).ok()),
        shared_with_client: true,
        ..HostFacts::default()
    };
    if let Ok(mut system) = System::new() {
        system.refresh_memory();
        system.refresh_cpu_list(CpuRefreshKind::nothing());
        facts.memory_bytes = Some(system.total_memory());
        facts.cpu_model =
            system.cpus().first().map(|cpu| cpu.brand().trim().to_owned()).filter(|brand| !brand.is_empty());
    }
    (facts.gpu_driver, facts.gpus) = nvidia_gpus(nvidia_smi);
    facts
}

/// The driver and the GPUs that `nvidia-smi` lists; nothing where it isn't there or finds none.
fn nvidia_gpus(nvidia_smi: &Path) -> (Option<String>, Vec<GpuFacts>) {
    let output = Command::new(nvidia_smi)
        .args([
            "--query-gpu=driver_version,memory.total,power.limit,uuid,name",
            "--format=csv,noheader,nounits",
        ])
        .stdin(Stdio::null())
        .output();
    match output {
        Ok(output) if output.status.success() => parse_nvidia_smi(&String::from_utf8_lossy(&output.stdout)),
        _ => (None, Vec::new()),
    }
}

/// One line a GPU; the name comes last since it is the only field that could hold a comma. `[N/A]` is `None`.
fn parse_nvidia_smi(text: &str) -> (Option<String>, Vec<GpuFacts>) {
    let mut driver = None;
    let gpus = text
        .lines()
        .filter_map(|line| {
            let mut fields = line.splitn(5, ',').map(str::trim);
            driver = Some(fields.next()?.to_owned());
            let (memory, power, uuid, name) =
                (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
            Some(GpuFacts {
                name: name.to_owned(),
                memory_mib: memory.parse().ok(),
                uuid: uuid.starts_with("GPU-").then(|| uuid.to_owned()),
                power_limit_w: power.parse::<f64>().ok().map(|watts| watts.round() as u32),
            })
        })
        .collect::<Vec<_>>();
    (driver.filter(|_| !gpus.is_empty()), gpus)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpus_are_read_off_nvidia_smi_and_a_field_it_does_not_know_is_none() {
        let text = "570.86.15, 143771, 700.00, GPU-5d3e, NVIDIA H200\n570.86.15, 143771, [N/A], [N/A], NVIDIA H200\n";
        let (driver, gpus) = parse_nvidia_smi(text);
        assert_eq!(driver.as_deref(), Some("570.86.15"));
        assert_eq!(gpus.len(), 2);
        assert_eq!((gpus[0].memory_mib, gpus[0].power_limit_w), (Some(143_771), Some(700)));
        assert_eq!((gpus[1].power_limit_w, gpus[1].uuid.as_deref()), (None, None));
        assert_eq!(parse_nvidia_smi("No devices were found\n"), (None, Vec::new()));
    }

    #[test]
    fn this_host_tells_its_cpu_and_memory_and_is_named_after_its_cpu_without_a_gpu() {
        let folder = tempfile::tempdir().unwrap();
        let facts = gather(folder.path(), Path::new("/nowhere/nvidia-smi"));
        assert!(facts.memory_bytes.unwrap() > 1 << 28);
        assert!(
            facts.logical_cores.unwrap() >= 1 && facts.disk_free_bytes.is_some() && facts.kernel.is_some()
        );
        assert_eq!(facts.gpu_id(), format!("CPU {}", facts.cpu_model.as_deref().unwrap_or("unknown")));
    }
}
