//! What is asked for: the body of a create, and where its engine will answer.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use url::Url;

use super::{
    super::{ContainerSpec, Endpoint, MachineRequest},
    RunpodSettings,
    types::{CreatePod, GpuWanted, Mounts, Persistent, Pod, UpdatePod},
};
use crate::{config::Secret, domain::failure::Failure};

/// The oldest CUDA that the engines' images run on.
const MIN_CUDA: &str = "12.8";
/// The smallest volume there is, GB.
const MIN_VOLUME_GB: u32 = 10;

/// The key that an engine on a public port asks for. It follows from our own key and the pod's name, so that every
/// worker knows it and nobody stores it; it looks like a token, so that logs are cleared of it.
pub(super) fn engine_key(secret: &Secret, name: &str) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).ok()?;
    mac.update(b"dria-bench engine key\n");
    mac.update(name.as_bytes());
    Some(format!("sk-{}", hex::encode(mac.finalize().into_bytes())))
}

/// The GPUs to try, in order.
pub(super) fn candidates(request: &MachineRequest) -> Result<Vec<String>, Failure> {
    let mut candidates = vec![request.machine.gpu_id.clone()];
    for other in &request.machine.gpu_candidates {
        if vendor(other) != vendor(&request.machine.gpu_id) {
            return Err(Failure::permanent(
                "bad_request",
                format!(
                    "{other} and {} need different images: ask for one maker's GPUs",
                    request.machine.gpu_id
                ),
            ));
        }
        if !candidates.contains(other) {
            candidates.push(other.clone());
        }
    }
    Ok(candidates)
}

fn vendor(gpu_id: &str) -> &'static str {
    if gpu_id.to_ascii_uppercase().starts_with("AMD") { "AMD" } else { "NVIDIA" }
}

/// The body that rents one.
pub(super) fn create_body(
    request: &MachineRequest,
    container: &ContainerSpec,
    gpu_id: &str,
    settings: &RunpodSettings,
) -> CreatePod {
    let mut words: Vec<String> =
        container.entrypoint.iter().chain(&container.args).map(|word| quoted(word)).collect();
    if let (Some(flag), Some(key)) = (&container.api_key_flag, engine_key(&settings.api_key, &request.name)) {
        words.extend([flag.clone(), key]);
    }
    let mut env: BTreeMap<String, String> = container.env.clone();
    if container.wants_hf_token {
        let by_name = settings.hf_secret.as_ref().map(|name| format!("{{{{ RUNPOD_SECRET_{name} }}}}"));
        let token = by_name.or_else(|| settings.hf_token.as_ref().map(|token| token.expose().to_owned()));
        env.extend(token.map(|token| ("HF_TOKEN".to_owned(), token)));
    }
    CreatePod {
        name: request.name.clone(),
        image: container.image.clone(),
        args: words.join(" "),
        disk: container.container_disk_gb,
        ports: vec![format!("{}/tcp", container.port), format!("{}/http", container.port)],
        env,
        cloud: "SECURE",
        data_center_ids: request.machine.data_center.iter().cloned().collect(),
        gpu: GpuWanted {
            id: gpu_id.to_owned(),
            count: request.machine.gpu_count.max(1),
            min_cuda_version: (vendor(gpu_id) == "NVIDIA").then_some(MIN_CUDA),
        },
        mounts: (container.volume_gb > 0).then(|| Mounts {
            persistent: Persistent {
                size: container.volume_gb.max(MIN_VOLUME_GB),
                path: container.volume_mount.clone(),
            },
        }),
    }
}

/// The body that gives a pod that is there the same name and container.
pub(super) fn update_body(
    request: &MachineRequest,
    container: &ContainerSpec,
    gpu_id: &str,
    settings: &RunpodSettings,
) -> UpdatePod {
    let CreatePod { name, image, args, disk, ports, env, mounts, .. } =
        create_body(request, container, gpu_id, settings);
    UpdatePod { name, image, args, disk, ports, env, mounts }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Where the pod's engine answers: the port that is mapped, else RunPod's proxy.
pub(super) fn endpoint(pod: &Pod, port: u16, settings: &RunpodSettings) -> Result<Endpoint, Failure> {
    let mapped = pod.runtime.iter().flat_map(|runtime| &runtime.ports).find_map(|mapping| {
        let fits = mapping.private == port && mapping.kind == "tcp";
        Some((mapping.ip.as_ref().filter(|_| fits)?, mapping.public?))
    });
    let through_proxy = mapped.is_none();
    let text = match mapped {
        Some((ip, public)) if ip.contains(':') => format!("http://[{ip}]:{public}/"),
        Some((ip, public)) => format!("http://{ip}:{public}/"),
        None => settings.proxy_url_template.replace("{pod_id}", &pod.id).replace("{port}", &port.to_string()),
    };
    let base_url = Url::parse(&text).map_err(|error| {
        Failure::permanent(
            "bad_request",
            format!("`{text}` is no URL ({error}): check RUNPOD_PROXY_URL_TEMPLATE"),
        )
    })?;
    Ok(Endpoint { base_url, api_key: engine_key(&settings.api_key, &pod.name), through_proxy })
}
