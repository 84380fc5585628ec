//! What one event's JSON says: the few keys that are measured, in both formats.

use std::borrow::Cow;

use serde_json::Value;

use super::{
    Chunk, Event, ParseError, Usage,
    json::{Cursor, Malformed},
    sse::SseEvent,
};

/// An OpenAI event. Usage may be absent, null, in every chunk, in the finishing one, or in a last one whose
/// `choices` is empty; an error may be an object under `error`, a string, or the whole event.
pub(super) fn sse(event: SseEvent<'_>, on_event: &mut impl FnMut(Event<'_>)) -> Result<(), ParseError> {
    let data = event.data.trim_ascii();
    if data == b"[DONE]" {
        on_event(Event::Done);
        return Ok(());
    }
    if event.is_error {
        on_event(Event::Error { message: error_message(data) });
        return Ok(());
    }
    let mut chunk = Chunk::default();
    let mut error = None;
    let mut cursor = Cursor::new(data);
    cursor.object(|key, value| {
        match key {
            b"choices" => {
                if value.peek() == Some(b'[') {
                    value.array(|item| choice(item, &mut chunk))?;
                } else {
                    value.value()?;
                }
            }
            b"usage" => chunk.usage = usage(value)?.or(chunk.usage),
            b"error" => error = not_null(value)?.or(error),
            // vLLM up to 0.6 sends the error's fields as the event itself.
            b"object" => {
                if value.value()? == br#""error""# {
                    error = Some(data);
                }
            }
            _ => drop(value.value()?),
        }
        Ok(())
    })?;
    cursor.end()?;
    on_event(match error {
        Some(error) => Event::Error { message: error_message(error) },
        None => Event::Chunk(chunk),
    });
    Ok(())
}

fn choice(item: &mut Cursor<'_>, chunk: &mut Chunk) -> Result<(), Malformed> {
    chunk.has_choice = true;
    item.object(|key, value| {
        match key {
            b"text" => chunk.has_text |= is_text(value)?,
            b"finish_reason" => chunk.is_finish |= value.value()? != b"null",
            _ => drop(value.value()?),
        }
        Ok(())
    })
}

fn is_text(value: &mut Cursor<'_>) -> Result<bool, Malformed> {
    if value.peek() == Some(b'"') { Ok(!value.string()?.is_empty()) } else { value.value().map(|_| false) }
}

fn not_null<'a>(value: &mut Cursor<'a>) -> Result<Option<&'a [u8]>, Malformed> {
    let bytes = value.value()?;
    Ok((bytes != b"null").then_some(bytes))
}

fn usage(value: &mut Cursor<'_>) -> Result<Option<Usage>, Malformed> {
    if value.peek() != Some(b'{') {
        return value.value().map(|_| None);
    }
    let mut usage = Usage::default();
    value.object(|key, value| {
        match key {
            b"prompt_tokens" => usage.prompt_tokens = value.count()?,
            b"completion_tokens" => usage.output_tokens = value.count()?,
            b"prompt_tokens_details" if value.peek() == Some(b'{') => value.object(|key, value| {
                match key {
                    b"cached_tokens" => usage.cached_prompt_tokens = value.count()?,
                    _ => drop(value.value()?),
                }
                Ok(())
            })?,
            _ => drop(value.value()?),
        }
        Ok(())
    })?;
    Ok(Some(usage))
}

/// An Ollama line. Counters of zero are left out, so a `done` line always makes a usage; a prompt answered whole
/// from the cache may then have no `prompt_eval_count`.
pub(super) fn ndjson(line: &[u8], on_event: &mut impl FnMut(Event<'_>)) -> Result<(), ParseError> {
    if line.trim_ascii().is_empty() {
        return Ok(());
    }
    let mut chunk = Chunk::default();
    let mut counts = Usage::default();
    let mut error = None;
    let mut cursor = Cursor::new(line);
    cursor.object(|key, value| {
        match key {
            b"response" => {
                chunk.has_choice = true;
                chunk.has_text = is_text(value)?;
            }
            b"done" => chunk.is_finish = value.is_true()?,
            b"prompt_eval_count" => counts.prompt_tokens = value.count()?,
            b"eval_count" => counts.output_tokens = value.count()?,
            b"error" => error = not_null(value)?,
            _ => drop(value.value()?),
        }
        Ok(())
    })?;
    cursor.end()?;
    if let Some(error) = error {
        on_event(Event::Error { message: error_message(error) });
        return Ok(());
    }
    if chunk.is_finish && (counts.prompt_tokens.is_some() || counts.output_tokens.is_some()) {
        chunk.usage = Some(counts);
    }
    on_event(Event::Chunk(chunk));
    if chunk.is_finish {
        on_event(Event::Done);
    }
    Ok(())
}

/// The message of an error in any of its shapes. Off the hot path: once a stream at most.
fn error_message(json: &[u8]) -> Cow<'_, str> {
    message_in(json).map_or_else(|| String::from_utf8_lossy(json), Cow::Owned)
}

/// The message for people inside an engine's error body: `{"error":{"message":…}}`, `{"error":"…"}`,
/// `{"message":…}`, `{"detail":[{"msg":…}]}` or a bare JSON string. `None` where there is none.
#[must_use]
pub fn message_in(json: &[u8]) -> Option<String> {
    fn find(value: &Value) -> Option<&str> {
        match value {
            Value::String(text) => Some(text),
            Value::Array(items) => items.first().and_then(find),
            Value::Object(_) => {
                ["error", "message", "detail", "msg"].iter().find_map(|key| find(value.get(key)?))
            }
            _ => None,
        }
    }
    find(&serde_json::from_slice::<Value>(json).ok()?).map(str::to_owned)
}
