//! A cheap look at a question before a model is asked: what is plainly about something else is refused at once. In doubt
//! the model decides.

/// Said to what is about something else.
pub(super) const REFUSAL: &str = "I can only help with inference benchmarks: how fast engines and models are on which GPUs, \
what that costs, and which GPU to take. Ask me, for example, “Which inference engine is fastest for 70B models on H100?”";

/// Parts of words that are ours: with one of them a question is left to the model.
const OURS: &[&str] = &[
    "gpu",
    "llm",
    "model",
    "token",
    "latency",
    "throughput",
    "ttft",
    "itl",
    "benchmark",
    "inference",
    "engine",
    "vllm",
    "sglang",
    "ollama",
    "llama",
    "qwen",
    "mistral",
    "gemma",
    "deepseek",
    "price",
    "cost",
    "cheap",
    "rent",
    "h100",
    "h200",
    "b200",
    "a100",
    "l40",
    "rtx",
    "mi300",
    "4090",
    "5090",
    "vram",
    "memory",
    "quant",
    "fp8",
    "fp16",
    "bf16",
    "concurren",
    "request",
    "serv",
    "run",
    "result",
    "faster",
    "fastest",
    "slow",
    "speed",
    "compare",
    "trend",
    "nvidia",
    "amd",
    "cuda",
    "prompt",
    "context",
    "batch",
    "kv",
    "runpod",
    "vast",
    "hour",
    "recommend",
];

/// Words of questions about something else.
const OTHERS: &[&str] = &[
    "poem",
    "song",
    "lyrics",
    "joke",
    "recipe",
    "cook",
    "weather",
    "forecast",
    "football",
    "soccer",
    "horoscope",
    "essay",
    "homework",
    "translate",
    "president",
    "election",
    "politics",
    "religion",
    "movie",
    "novel",
    "story",
    "girlfriend",
    "boyfriend",
    "dating",
    "medicine",
    "diagnosis",
    "symptom",
    "lawyer",
    "bitcoin",
    "crypto",
    "stocks",
    "invest",
    "capital",
    "birthday",
    "travel",
    "hotel",
    "restaurant",
];

/// Whether a question is plainly about something else.
pub(super) fn is_off(question: &str) -> bool {
    let question = question.to_lowercase();
    let mut words = question.split(|c: char| !c.is_alphanumeric());
    let others = words.any(|word| {
        OTHERS.contains(&word) || word.strip_suffix('s').is_some_and(|one| OTHERS.contains(&one))
    });
    others && !OURS.iter().any(|part| question.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_plainly_about_something_else_is_refused() {
        for question in ["Write me a poem about the sea", "What's the weather in Paris?", "Tell me jokes"] {
            assert!(is_off(question), "{question}");
        }
        for question in [
            "Which inference engine is fastest for 70B models on H100?",
            "What's the most cost-effective GPU for Qwen-32B?",
            "Show me latency trends for vLLM benchmarks this month",
            "Is this any good?",
            "What does it cost to translate a novel with Llama 3?",
            "¿Cuál es la mejor?",
        ] {
            assert!(!is_off(question), "{question}");
        }
    }
}
