//! What a model's server sends, as little of it as is needed: servers that speak OpenAI's protocol differ in the rest.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Error;

/// Most calls at once; further ones are left out.
const MOST_CALLS: usize = 8;
/// Most bytes of the arguments of a call; what is longer is no call of ours.
const MOST_ARGUMENTS: usize = 8 * 1024;

/// One event of the stream.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Usage>,
    /// What some servers send in place of a status, once they have begun.
    #[serde(default)]
    error: Option<serde_json::Value>,
}

#[derive(Debug, Default, Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Delta,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Delta {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<CallPart>>,
}

/// A part of a call: its name comes once, its arguments in as many parts as the server likes.
#[derive(Debug, Default, Deserialize)]
pub(in crate::assistant) struct CallPart {
    #[serde(default)]
    index: Option<u32>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    function: Option<FunctionPart>,
}

#[derive(Debug, Default, Deserialize)]
struct FunctionPart {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    arguments: Option<String>,
}

/// Tokens of a request, as the server counts them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub(in crate::assistant) struct Usage {
    /// That it read.
    #[serde(default)]
    pub(in crate::assistant) prompt_tokens: u32,
    /// That it wrote.
    #[serde(default)]
    pub(in crate::assistant) completion_tokens: u32,
}

/// What an event says.
#[derive(Debug, Default)]
pub(in crate::assistant) struct Piece {
    /// Text that goes on.
    pub(in crate::assistant) text: String,
    /// Calls that go on.
    pub(in crate::assistant) calls: Vec<CallPart>,
    /// Why it ends, where it ends: `stop`, `tool_calls`, `length`, …
    pub(in crate::assistant) end: Option<String>,
    /// What it took, where that is said.
    pub(in crate::assistant) usage: Option<Usage>,
}

impl Chunk {
    /// What it says.
    pub(super) fn read(self) -> Result<Piece, Error> {
        if self.error.is_some() {
            return Err(Error::Broken("ended with an error of its server".to_owned()));
        }
        let choice = self.choices.into_iter().next().unwrap_or_default();
        Ok(Piece {
            text: choice.delta.content.unwrap_or_default(),
            calls: choice.delta.tool_calls.unwrap_or_default(),
            end: choice.finish_reason,
            usage: self.usage,
        })
    }
}

/// A call as it was put together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::assistant) struct Call {
    /// The model's id for it.
    pub(in crate::assistant) id: String,
    /// Which tool.
    pub(in crate::assistant) name: String,
    /// JSON, as the model wrote it.
    pub(in crate::assistant) arguments: String,
}

/// Calls that are put together from their parts.
#[derive(Debug, Default)]
pub(in crate::assistant) struct Calls {
    by_index: BTreeMap<u32, Call>,
}

impl Calls {
    /// Takes a part.
    pub(in crate::assistant) fn add(&mut self, part: CallPart) {
        // A server that doesn't number its calls sends each whole.
        let index = part.index.unwrap_or_else(|| u32::try_from(self.by_index.len()).unwrap_or(u32::MAX));
        if self.by_index.len() >= MOST_CALLS && !self.by_index.contains_key(&index) {
            return;
        }
        let call = self.by_index.entry(index).or_default();
        if let Some(id) = part.id.filter(|id| !id.is_empty()) {
            call.id = id;
        }
        let function = part.function.unwrap_or_default();
        call.name.push_str(&function.name.unwrap_or_default());
        let more = function.arguments.unwrap_or_default();
        if call.arguments.len() + more.len() <= MOST_ARGUMENTS {
            call.arguments.push_str(&more);
        } else {
            // Cut JSON can't be read, and that is what the model is told.
            call.arguments.truncate(0);
            call.arguments.push_str("[too long");
        }
    }

    /// The calls in their order; one without an id gets one.
    pub(in crate::assistant) fn whole(self) -> Vec<Call> {
        let calls = self.by_index.into_iter().filter(|(_, call)| !call.name.is_empty());
        calls
            .map(
                |(index, call)| {
                    if call.id.is_empty() { Call { id: format!("call_{index}"), ..call } } else { call }
                },
            )
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(events: &[&str]) -> Vec<Call> {
        let mut calls = Calls::default();
        for event in events {
            let piece = serde_json::from_str::<Chunk>(event).unwrap().read().unwrap();
            piece.calls.into_iter().for_each(|part| calls.add(part));
        }
        calls.whole()
    }

    #[test]
    fn a_call_is_put_together_from_its_parts_however_they_are_mixed() {
        let found = calls(&[
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"cost_now","arguments":""}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":1,"id":"b","function":{"name":"trends","arguments":"{}"}},{"index":0,"function":{"arguments":"{\"gpu\""}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":":\"H100\"}"}}]},"finish_reason":"tool_calls"}]}"#,
        ]);
        let call = |id: &str, name: &str, arguments: &str| Call {
            id: id.to_owned(),
            name: name.to_owned(),
            arguments: arguments.to_owned(),
        };
        assert_eq!(found, [call("a", "cost_now", r#"{"gpu":"H100"}"#), call("b", "trends", "{}")]);
    }

    #[test]
    fn calls_without_numbers_or_ids_and_calls_that_are_too_many_or_too_long_are_survived() {
        let part =
            r#"{"choices":[{"delta":{"tool_calls":[{"function":{"name":"trends","arguments":"{}"}}]}}]}"#;
        let found = calls(&[part; 20]);
        assert_eq!((found.len(), found[1].id.as_str()), (MOST_CALLS, "call_1"));
        let long = format!(
            r#"{{"choices":[{{"delta":{{"tool_calls":[{{"index":0,"function":{{"name":"t","arguments":"{}"}}}}]}}}}]}}"#,
            "x".repeat(MOST_ARGUMENTS + 1)
        );
        assert_eq!(calls(&[&long])[0].arguments, "[too long");
    }

    #[test]
    fn an_error_in_the_stream_is_an_error() {
        let chunk: Chunk =
            serde_json::from_str(r#"{"error":{"message":"sk-secret is overloaded"}}"#).unwrap();
        assert!(!chunk.read().unwrap_err().to_string().contains("sk-secret"));
    }
}
