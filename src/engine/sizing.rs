//! What of a run's spec every engine's command line needs: context, slots, precision.

use crate::domain::{failure::Failure, spec::RunSpec};

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
}
