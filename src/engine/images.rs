//! Which container image an engine comes in, from `catalog/engines.toml`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::domain::{failure::Failure, kinds::EngineKind, spec::MachineSpec};

/// Where Hugging Face keeps downloads in a container; the volume is mounted there.
pub(super) const HF_HOME: &str = "/root/.cache/huggingface";

const CATALOG: &str = include_str!("../../catalog/engines.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Images {
    image: String,
    image_rocm: String,
}

/// The image for the engine on the machine's kind of card.
///
/// # Errors
/// `unsupported_setting` when the engine comes in no container.
pub(super) fn image(kind: EngineKind, machine: &MachineSpec) -> Result<String, Failure> {
    let mut catalog: BTreeMap<String, Images> = toml::from_str(CATALOG).map_err(|error| {
        Failure::permanent("catalog_invalid", format!("catalog/engines.toml can't be read: {error}"))
    })?;
    let images = catalog.remove(kind.as_str()).ok_or_else(|| {
        Failure::permanent(
            "unsupported_setting",
            format!(
                "{kind} comes in no container, so it can't run on a rented machine: use the local provider"
            ),
        )
    })?;
    Ok(if is_amd(&machine.gpu_id) { images.image_rocm } else { images.image })
}

/// Whether the GPU id names an AMD card (`AMD Instinct MI300X OAM`).
fn is_amd(gpu_id: &str) -> bool {
    gpu_id.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case("amd"))
        || gpu_id.to_ascii_uppercase().contains("MI300")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::test_spec;

    #[test]
    fn each_engine_with_a_container_has_a_tagged_image_for_both_vendors() {
        for kind in [EngineKind::Ollama, EngineKind::Vllm, EngineKind::Sglang, EngineKind::Llamacpp] {
            let mut machine = test_spec(kind).machine;
            let nvidia = image(kind, &machine).unwrap();
            machine.gpu_id = "AMD Instinct MI300X OAM".into();
            let amd = image(kind, &machine).unwrap();
            assert_ne!(nvidia, amd);
            for image in [nvidia, amd] {
                let tag = image.rsplit_once(':').map(|(_, tag)| tag.to_owned());
                assert!(
                    tag.is_some_and(|tag| tag != "latest" && !tag.is_empty()),
                    "{image} has no fixed tag"
                );
            }
        }
        assert_eq!(
            image(EngineKind::Truth, &test_spec(EngineKind::Truth).machine).unwrap_err().code,
            "unsupported_setting"
        );
    }
}
