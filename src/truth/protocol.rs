//! The bodies of both protocols: what a generation asks for, and the frames that answer it.

use std::{
    borrow::Cow,
    hash::{DefaultHasher, Hash, Hasher},
};

use serde::Deserialize;
use serde_json::{Value, json};

use super::Settings;

/// Which protocol a generation is asked in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `/v1/completions`.
    OpenAi,
    /// `/api/generate`.
    Ollama,
}

/// A generation to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Generation {
    pub(super) dialect: Dialect,
    pub(super) model: String,
    pub(super) prompt_tokens: u32,
    pub(super) prompt_hash: u64,
    pub(super) output_tokens: u32,
    pub(super) is_streamed: bool,
    pub(super) has_usage: bool,
}

#[derive(Deserialize)]
struct CompletionsBody<'a> {
    model: Option<String>,
    #[serde(borrow)]
    prompt: Prompt<'a>,
    max_tokens: Option<u32>,
    #[serde(default)]
    stream: bool,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
}

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

#[derive(Deserialize, Hash)]
#[serde(untagged)]
enum Prompt<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Tokens(Vec<u32>),
}

#[derive(Deserialize)]
struct OllamaBody {
    model: Option<String>,
    #[serde(default)]
    prompt: String,
    stream: Option<bool>,
    #[serde(default)]
    options: OllamaOptions,
}

#[derive(Default, Deserialize)]
struct OllamaOptions {
    num_predict: Option<i64>,
}

fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The tokens of a text: its words.
pub(super) fn count_tokens(text: &str) -> u32 {
    text.split_whitespace().count() as u32
}

impl Generation {
    /// Reads a `/v1/completions` body.
    pub(super) fn from_openai(body: &[u8], settings: &Settings) -> Result<Self, serde_json::Error> {
        let body: CompletionsBody<'_> = serde_json::from_slice(body)?;
        Ok(Self {
            dialect: Dialect::OpenAi,
            model: body.model.unwrap_or_else(|| settings.model.clone()),
            prompt_tokens: match &body.prompt {
                Prompt::Text(text) => count_tokens(text),
                Prompt::Tokens(tokens) => tokens.len() as u32,
            },
            prompt_hash: hash(&body.prompt),
            output_tokens: body.max_tokens.unwrap_or(settings.output_tokens).max(1),
            is_streamed: body.stream,
            has_usage: body.stream_options.is_some_and(|options| options.include_usage),
        })
    }

    /// Reads an `/api/generate` body; `None` for an empty prompt, which only loads the model.
    pub(super) fn from_ollama(body: &[u8], settings: &Settings) -> Result<Option<Self>, serde_json::Error> {
        let body: OllamaBody = serde_json::from_slice(body)?;
        if body.prompt.is_empty() {
            return Ok(None);
        }
        let asked = body.options.num_predict.and_then(|count| u32::try_from(count).ok());
        Ok(Some(Self {
            dialect: Dialect::Ollama,
            model: body.model.unwrap_or_else(|| settings.model.clone()),
            prompt_tokens: count_tokens(&body.prompt),
            prompt_hash: hash(&body.prompt),
            output_tokens: asked.unwrap_or(settings.output_tokens).max(1),
            is_streamed: body.stream.unwrap_or(true),
            has_usage: true,
        }))
    }

    /// Tokens in each write: one in the first, then `tokens_per_chunk` in each.
    pub(super) fn writes(&self, tokens_per_chunk: u32) -> impl Iterator<Item = u32> + use<> {
        let mut left = self.output_tokens;
        let mut size = 1;
        std::iter::from_fn(move || {
            let tokens = left.min(size);
            left -= tokens;
            size = tokens_per_chunk;
            (tokens > 0).then_some(tokens)
        })
    }

    /// The JSON of one event with so many tokens of text. OpenAI's last one says that it is.
    fn text_event(&self, tokens: u32, is_last: bool) -> Value {
        let text = " truth".repeat(tokens as usize);
        match self.dialect {
            Dialect::OpenAi => {
                let finish_reason = is_last.then_some("length");
                json!({"id": "cmpl-truth", "object": "text_completion", "model": self.model,
                       "choices": [{"index": 0, "text": text, "logprobs": null, "finish_reason": finish_reason}]})
            }
            Dialect::Ollama => json!({"model": self.model, "response": text, "done": false}),
        }
    }

    fn usage(&self) -> Value {
        json!({"prompt_tokens": self.prompt_tokens, "completion_tokens": self.output_tokens,
               "total_tokens": self.prompt_tokens + self.output_tokens})
    }

    fn done_line(&self, response: &str) -> Value {
        json!({"model": self.model, "response": response, "done": true, "done_reason": "length",
               "prompt_eval_count": self.prompt_tokens, "eval_count": self.output_tokens})
    }

    /// Frames a JSON event for its stream.
    pub(super) fn frame(&self, event: &Value) -> Vec<u8> {
        chunk(&match self.dialect {
            Dialect::OpenAi => format!("data: {event}\n\n"),
            Dialect::Ollama => format!("{event}\n"),
        })
    }

    /// The chunk that carries so many tokens.
    pub(super) fn text_frame(&self, tokens: u32, is_last: bool) -> Vec<u8> {
        self.frame(&self.text_event(tokens, is_last))
    }

    /// What follows the last token: usage, the end of the stream, the end of the body.
    pub(super) fn tail(&self) -> Vec<u8> {
        let mut tail = Vec::new();
        match self.dialect {
            Dialect::OpenAi => {
                if self.has_usage {
                    let usage = json!({"id": "cmpl-truth", "object": "text_completion", "model": self.model,
                                       "choices": [], "usage": self.usage()});
                    tail.extend(self.frame(&usage));
                }
                tail.extend(chunk("data: [DONE]\n\n"));
            }
            Dialect::Ollama => tail.extend(self.frame(&self.done_line(""))),
        }
        tail.extend(b"0\r\n\r\n");
        tail
    }

    /// Status line and headers of a streamed answer.
    pub(super) const fn stream_head(&self) -> &'static [u8] {
        match self.dialect {
            Dialect::OpenAi => {
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
            }
            Dialect::Ollama => {
                b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
            }
        }
    }

    /// The answer in one piece, for a request that isn't streamed.
    pub(super) fn whole(&self) -> Value {
        match self.dialect {
            Dialect::OpenAi => {
                let mut whole = self.text_event(self.output_tokens, true);
                whole["usage"] = self.usage();
                whole
            }
            Dialect::Ollama => self.done_line(&" truth".repeat(self.output_tokens as usize)),
        }
    }
}

/// One HTTP chunk.
fn chunk(data: &str) -> Vec<u8> {
    format!("{:x}\r\n{data}\r\n", data.len()).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generation(output_tokens: u32) -> Generation {
        let body = json!({"prompt": "one  two\nthree", "max_tokens": output_tokens}).to_string();
        Generation::from_openai(body.as_bytes(), &Settings::default()).unwrap()
    }

    #[test]
    fn writes_carry_one_token_first_and_then_chunks_that_add_up() {
        assert_eq!(generation(10).writes(4).collect::<Vec<_>>(), [1, 4, 4, 1]);
        assert_eq!(generation(3).writes(1).collect::<Vec<_>>(), [1, 1, 1]);
        assert_eq!(generation(1).writes(8).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn a_prompt_counts_its_words_or_its_token_ids() {
        assert_eq!(generation(1).prompt_tokens, 3);
        let ids = Generation::from_openai(br#"{"prompt":[5,6,7,8]}"#, &Settings::default()).unwrap();
        assert_eq!((ids.prompt_tokens, ids.output_tokens), (4, 64));
    }

    #[test]
    fn an_empty_ollama_prompt_only_loads() {
        let load = Generation::from_ollama(br#"{"model":"m"}"#, &Settings::default()).unwrap();
        assert_eq!(load, None);
        let body = br#"{"prompt":"a b","options":{"num_predict":7}}"#;
        let some = Generation::from_ollama(body, &Settings::default()).unwrap().unwrap();
        assert_eq!((some.prompt_tokens, some.output_tokens, some.is_streamed), (2, 7, true));
    }
}
