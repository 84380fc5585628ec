//! The generation request of each engine, as bytes on the wire: which route, which body.
//!
//! Every engine is asked for the same thing: a raw prompt (no chat template), exactly `output_tokens` tokens,
//! greedy, streamed, with its own token counts at the end. It must not know how requests are sent or timed.

use serde::Serialize;

use crate::domain::kinds::EngineKind;

/// A generation to ask an engine for.
#[derive(Debug, Clone, Copy)]
pub struct Generation<'a> {
    /// The engine's own model id.
    pub model: &'a str,
    /// The prompt, sent as it is.
    pub prompt: &'a str,
    /// Output length, tokens. vLLM, SGLang and llama.cpp give exactly this; for Ollama it is a ceiling.
    pub output_tokens: u32,
    /// Sampling seed.
    pub seed: u64,
    /// Ollama's context length, tokens; `None`: the engine's default. The others fix it when they start.
    pub num_ctx: Option<u32>,
    /// Whether llama.cpp may answer from its prompt cache. The others fix it when they start.
    pub prefix_caching: bool,
}

/// A request body and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedRequest {
    /// Path below the engine's base URL.
    pub path: &'static str,
    /// JSON body.
    pub body: Vec<u8>,
}

/// The route that generates on this engine.
#[must_use]
pub const fn generate_path(kind: EngineKind) -> &'static str {
    match kind {
        EngineKind::Ollama => "/api/generate",
        EngineKind::Vllm | EngineKind::Sglang | EngineKind::Llamacpp | EngineKind::Truth => "/v1/completions",
    }
}

/// A cheap route that every version of this engine answers; used to open and warm a connection.
#[must_use]
pub const fn idle_path(kind: EngineKind) -> &'static str {
    match kind {
        EngineKind::Ollama => "/api/version",
        EngineKind::Vllm | EngineKind::Sglang | EngineKind::Llamacpp | EngineKind::Truth => "/v1/models",
    }
}

#[derive(Serialize)]
struct CompletionsBody<'a> {
    model: &'a str,
    prompt: &'a str,
    max_tokens: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_tokens: Option<u32>,
    ignore_eos: bool,
    temperature: u8,
    seed: u64,
    stream: bool,
    stream_options: StreamOptions,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_prompt: Option<bool>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Serialize)]
struct OllamaBody<'a> {
    model: &'a str,
    prompt: &'a str,
    /// Without the chat template, so that the prompt's length is what we made it.
    raw: bool,
    stream: bool,
    options: OllamaOptions,
}

#[derive(Serialize)]
struct OllamaOptions {
    num_predict: u32,
    seed: u64,
    temperature: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    num_ctx: Option<u32>,
}

/// Encodes one streaming generation for this engine.
///
/// # Errors
/// Never for the values this takes; the type is `serde_json`'s.
pub fn encode_request(
    kind: EngineKind,
    generation: &Generation<'_>,
) -> Result<EncodedRequest, serde_json::Error> {
    let mut body = Vec::new();
    encode_body(kind, generation, &mut body)?;
    Ok(EncodedRequest { path: generate_path(kind), body })
}

/// Appends the JSON body alone to a buffer that is used again, so that a load level encodes without allocating.
///
/// # Errors
/// As [`encode_request`].
pub fn encode_body(
    kind: EngineKind,
    generation: &Generation<'_>,
    into: &mut Vec<u8>,
) -> Result<(), serde_json::Error> {
    let Generation { model, prompt, output_tokens, seed, num_ctx, prefix_caching } = *generation;
    match kind {
        EngineKind::Ollama => serde_json::to_writer(
            into,
            &OllamaBody {
                model,
                prompt,
                raw: true,
                stream: true,
                options: OllamaOptions { num_predict: output_tokens, seed, temperature: 0, num_ctx },
            },
        ),
        EngineKind::Vllm | EngineKind::Sglang | EngineKind::Llamacpp | EngineKind::Truth => {
            // llama.cpp has no `min_tokens` (its `ignore_eos` alone fixes the length), and only it has `cache_prompt`.
            let is_llamacpp = kind == EngineKind::Llamacpp;
            serde_json::to_writer(
                into,
                &CompletionsBody {
                    model,
                    prompt,
                    max_tokens: output_tokens,
                    min_tokens: (!is_llamacpp).then_some(output_tokens),
                    ignore_eos: true,
                    temperature: 0,
                    seed,
                    stream: true,
                    stream_options: StreamOptions { include_usage: true },
                    cache_prompt: is_llamacpp.then_some(prefix_caching),
                },
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn encoded(kind: EngineKind, num_ctx: Option<u32>) -> (&'static str, Value) {
        let generation = Generation {
            model: "Qwen/Qwen3-14B",
            prompt: "Why is the sky \"blue\"?\n",
            output_tokens: 128,
            seed: 42,
            num_ctx,
            prefix_caching: false,
        };
        let request = encode_request(kind, &generation).unwrap();
        (request.path, serde_json::from_slice(&request.body).unwrap())
    }

    #[test]
    fn vllm_and_sglang_get_the_recorded_request_with_our_prompt() {
        let text = include_str!("../../tests/fixtures/vllm/completions.request.json");
        let mut expected: Value = serde_json::from_str(text).unwrap();
        expected["prompt"] = json!("Why is the sky \"blue\"?\n");
        for kind in [EngineKind::Vllm, EngineKind::Sglang, EngineKind::Truth] {
            assert_eq!(encoded(kind, None), ("/v1/completions", expected.clone()), "{kind}");
        }
    }

    #[test]
    fn llamacpp_is_told_not_to_answer_from_its_cache_and_gets_no_min_tokens() {
        let (path, body) = encoded(EngineKind::Llamacpp, None);
        assert_eq!(path, "/v1/completions");
        assert_eq!(body["cache_prompt"], json!(false));
        assert_eq!(body["ignore_eos"], json!(true));
        assert_eq!(body["max_tokens"], json!(128));
        assert!(body.get("min_tokens").is_none());
    }

    #[test]
    fn ollama_gets_a_raw_prompt_and_its_options() {
        let (path, body) = encoded(EngineKind::Ollama, Some(4096));
        assert_eq!(path, "/api/generate");
        assert_eq!(body["raw"], json!(true));
        assert_eq!(
            body["options"],
            json!({"num_predict": 128, "seed": 42, "temperature": 0, "num_ctx": 4096})
        );
        let (_, body) = encoded(EngineKind::Ollama, None);
        assert!(body["options"].get("num_ctx").is_none(), "the engine's default is left alone");
    }
}
