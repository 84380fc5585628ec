//! What of a run's spec every engine's command line needs: context, slots, precision.

use crate::domain::{
    catalog::Catalog,
    failure::Failure,
    sizing::{Disk, Precision, Shape},
    spec::RunSpec,
};

/// A rented machine's own disk where nothing is known of the model's size, GB.
const DISK_OF_UNKNOWN_GB: u32 = 200;

/// Tokens that prompts may be longer than asked for: their length is calibrated, not always exact.
const SPARE_TOKENS: u32 = 64;

/// Context a request may use, tokens: as asked for, else enough for prompt and output, rounded up.
///
/// # Errors
/// `prompt_too_long` when the context asked for can't hold prompt and output.
pub(super) fn context_tokens(spec: &RunSpec) -> Result<u32, Failure> {
    let needed = spec.load.prompt_tokens.saturating_add(spec.load.output_tokens);
    match spec.engine.context_tokens {
        Some(given) if given < needed => Err(Failure::permanent(
            "prompt_too_long",
            format!(
                "prompt ({}) and output ({}) are {needed} tokens, but the context is {given}: raise the context or \
                 shorten them",
                spec.load.prompt_tokens, spec.load.output_tokens
            ),
        )),
        Some(given) => Ok(given),
        None => Ok(needed.saturating_add(SPARE_TOKENS).div_ceil(256).saturating_mul(256).max(1024)),
    }
}

/// Requests the engine is set up to serve at once: as asked for, else the most streams measured.
pub(super) fn slots(spec: &RunSpec) -> u32 {
    spec.engine.parallel_slots.or_else(|| spec.load.rates.iter().copied().max()).unwrap_or(1).max(1)
}

/// A rented machine's own disk, GB: as asked for, else room for the engine's image, and for the weights where they have no
/// volume.
pub(super) fn container_disk_gb(spec: &RunSpec) -> u32 {
    if spec.machine.container_disk_in_gb > 0 {
        return spec.machine.container_disk_in_gb;
    }
    let known = Catalog::embedded().ok().and_then(|catalog| {
        catalog.model(&spec.model.id, spec.engine.kind).ok().and_then(|model| Shape::of(model).ok())
    });
    let by_size = || {
        let parameters = spec.model.parameter_size.parse().ok()?;
        Some(Shape::from_parameters(spec.model.id.as_str(), parameters, Precision::Bf16))
    };
    let Some(shape) = known.or_else(by_size) else { return DISK_OF_UNKNOWN_GB };
    let precision = spec.engine.precision.as_deref().and_then(|precision| precision.parse().ok());
    let disk = Disk::of(&shape, precision.unwrap_or(shape.native));
    if spec.machine.volume_in_gb > 0 { disk.container_gb } else { disk.container_without_volume_gb }
}

/// The flags by which vLLM and SGLang take the weights' precision.
///
/// # Errors
/// `unsupported_setting` for what neither can do, such as GGUF quantisations.
pub(super) fn precision_flags(precision: Option<&str>) -> Result<Vec<String>, Failure> {
    let Some(precision) = precision else { return Ok(Vec::new()) };
    let (flag, value) = match precision.to_ascii_lowercase().as_str() {
        "auto" => ("--dtype", "auto"),
        "bf16" | "bfloat16" => ("--dtype", "bfloat16"),
        "fp16" | "float16" | "half" => ("--dtype", "float16"),
        "fp32" | "float32" => ("--dtype", "float32"),
        "fp8" => ("--quantization", "fp8"),
        "awq" => ("--quantization", "awq"),
        "gptq" => ("--quantization", "gptq"),
        other => {
            return Err(Failure::permanent(
                "unsupported_setting",
                format!("precision `{other}` isn't one of auto, bf16, fp16, fp32, fp8, awq, gptq"),
            ));
        }
    };
    Ok(vec![flag.to_owned(), value.to_owned()])
}

/// Collects `--flag value` pairs into arguments.
pub(super) fn flags<const N: usize>(pairs: [(&str, String); N]) -> Vec<String> {
    pairs.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::kinds::EngineKind, engine::test_spec};

    #[test]
    fn a_context_too_small_for_prompt_and_output_is_refused_with_both_lengths() {
        let mut spec = test_spec(EngineKind::Vllm);
        (spec.load.prompt_tokens, spec.load.output_tokens) = (3000, 200);
        assert_eq!(context_tokens(&spec).unwrap(), 3328);
        spec.engine.context_tokens = Some(2048);
        let failure = context_tokens(&spec).unwrap_err();
        assert_eq!(failure.code, "prompt_too_long");
        assert!(failure.message.contains("3200 tokens") && failure.message.contains("2048"), "{failure}");
    }

    #[test]
    fn slots_default_to_the_most_streams_measured() {
        let mut spec = test_spec(EngineKind::Vllm);
        assert_eq!(slots(&spec), 9);
        spec.engine.parallel_slots = Some(4);
        assert_eq!(slots(&spec), 4);
    }

    #[test]
    fn a_rented_disk_holds_image_and_weights_unless_somebody_knows_better() {
        let mut spec = test_spec(EngineKind::Vllm);
        (spec.model.id, spec.machine.container_disk_in_gb) =
            ("meta-llama/Llama-3.1-70B-Instruct".to_owned(), 0);
        spec.machine.volume_in_gb = 0;
        let with_weights = container_disk_gb(&spec);
        assert!(
            (170..=220).contains(&with_weights),
            "70 billion parameters of two bytes, and an image: {with_weights}"
        );
        spec.machine.volume_in_gb = 200;
        assert_eq!(container_disk_gb(&spec), 30, "the weights have a volume");
        spec.machine.volume_in_gb = 0;
        (spec.model.id, spec.model.parameter_size) = ("my/model".to_owned(), "7b".to_owned());
        assert!((40..=60).contains(&container_disk_gb(&spec)), "{}", container_disk_gb(&spec));
        spec.model.parameter_size = "unknown".to_owned();
        assert_eq!(container_disk_gb(&spec), DISK_OF_UNKNOWN_GB);
        spec.machine.container_disk_in_gb = 50;
        assert_eq!(container_disk_gb(&spec), 50);
    }
}
