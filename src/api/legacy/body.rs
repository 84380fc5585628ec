//! Reading the JSON body of an original path by the rules that its clients know: what isn't listed is ignored, lengths are
//! in characters, and everything that is wrong is told at once.

use axum::{
    body::to_bytes,
    extract::Request,
    http::{HeaderMap, header},
};
use serde_json::{Map, Value};

use super::refusal::{Fault, Refusal};
use crate::api::{error::Error, fields::LONGEST};

/// The fields of a body: taken one by one, then [`Body::finish`].
#[derive(Debug, Default)]
pub(super) struct Body {
    fields: Map<String, Value>,
    faults: Vec<Fault>,
}

impl Body {
    /// Reads a request's body. What can't be read at all is a fault, told by [`Body::finish`].
    ///
    /// # Errors
    /// When it is too long, or isn't sent to its end.
    pub(super) async fn read(request: Request) -> Result<Self, Refusal> {
        let is_json = is_json(request.headers());
        let limit = usize::try_from(LONGEST).unwrap_or(usize::MAX);
        let bytes = to_bytes(request.into_body(), limit).await.map_err(|_| Error::Body(LONGEST))?;
        Ok(if is_json { Self::of(&bytes) } else { Self::not_an_object() })
    }

    fn of(bytes: &[u8]) -> Self {
        let fault = match serde_json::from_slice(bytes) {
            Ok(Value::Object(fields)) => return Self { fields, faults: Vec::new() },
            Ok(_) => return Self::not_an_object(),
            Err(_) if bytes.is_empty() => Fault::of_body(None, "missing", "Field required"),
            Err(error) => {
                let before: usize = bytes
                    .split_inclusive(|byte| *byte == b'\n')
                    .take(error.line().saturating_sub(1))
                    .map(<[u8]>::len)
                    .sum();
                Fault::of_body(
                    Some(before + error.column()),
                    "json_invalid",
                    format!("JSON decode error: {error}"),
                )
            }
        };
        Self { fields: Map::new(), faults: vec![fault] }
    }

    fn not_an_object() -> Self {
        let fault = Fault::of_body(
            None,
            "model_attributes_type",
            "Input should be a valid dictionary: send a JSON object with `Content-Type: application/json`",
        );
        Self { fields: Map::new(), faults: vec![fault] }
    }

    /// A text that may be left out or null.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        match self.fields.remove(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.replace('\0', "\u{fffd}")),
            Some(_) => {
                self.refuse(name, "string_type", "Input should be a valid string");
                None
            }
        }
    }

    /// A text that has to be given; where it isn't, an empty one and a fault.
    pub(super) fn required_text(&mut self, name: &str) -> String {
        match self.fields.get(name) {
            // A body that can't be read has no fields to miss.
            None if !self.faults.iter().any(Fault::is_of_all) => {
                self.faults.push(Fault::missing("body", name));
            }
            Some(Value::Null) => self.refuse(name, "string_type", "Input should be a valid string"),
            _ => {}
        }
        self.text(name).unwrap_or_default()
    }

    /// The same, of 1 to `most` characters.
    pub(super) fn required_text_within(&mut self, name: &str, most: usize) -> String {
        let (before, text) = (self.faults.len(), self.required_text(name));
        if self.faults.len() == before && !self.faults.iter().any(Fault::is_of_all) {
            if text.is_empty() {
                self.refuse(name, "string_too_short", "String should have at least 1 character");
            } else if text.chars().count() > most {
                let message = format!("String should have at most {most} characters");
                self.refuse(name, "string_too_long", message);
            }
        }
        text
    }

    /// Remembers what is wrong with a field.
    pub(super) fn refuse(&mut self, name: &str, r#type: &'static str, msg: impl Into<String>) {
        self.faults.push(Fault::of("body", name, r#type, msg));
    }

    /// The id of a comment or a chat log, which has to be given: 24 hex digits. In lower case, as they are stored.
    pub(super) fn required_id(&mut self, name: &str) -> String {
        let (before, text) = (self.faults.len(), self.required_text(name));
        if self.faults.len() == before && !self.faults.iter().any(Fault::is_of_all) {
            return self.id_of(name, &text);
        }
        text
    }

    /// The same, where it may be left out, null or empty.
    pub(super) fn id(&mut self, name: &str) -> Option<String> {
        let text = self.text(name).filter(|text| !text.is_empty())?;
        Some(self.id_of(name, &text))
    }

    fn id_of(&mut self, name: &str, text: &str) -> String {
        if text.len() != 24 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            self.refuse(name, "string_pattern_mismatch", "Input should be 24 hex digits");
        }
        text.to_ascii_lowercase()
    }

    /// Says what was wrong.
    ///
    /// # Errors
    /// 422 with every fault.
    pub(super) fn finish(self) -> Result<(), Refusal> {
        if self.faults.is_empty() { Ok(()) } else { Err(Refusal::Faults(self.faults)) }
    }
}

/// `application/json`, whatever follows it; or nothing said.
fn is_json(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_none_or(|kind| {
        let kind = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/json")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(body: Body) -> Vec<String> {
        match body.finish() {
            Err(Refusal::Faults(faults)) => {
                let faults = serde_json::to_value(faults).unwrap();
                let fault = |fault: &Value| format!("{} {}", fault["loc"], fault["type"].as_str().unwrap());
                faults.as_array().unwrap().iter().map(fault).collect()
            }
            _ => Vec::new(),
        }
    }

    #[test]
    fn every_fault_is_told_with_its_place_and_what_is_not_listed_is_ignored() {
        let mut body =
            Body::of(br#"{"long": "\u00e9\u00e9\u00e9", "empty": "", "number": 7, "null": null, "x": 1}"#);
        for name in ["long", "empty", "number", "null", "absent"] {
            body.required_text_within(name, 2);
        }
        assert_eq!(body.text("null"), None);
        assert_eq!(
            types(body),
            [
                r#"["body","long"] string_too_long"#,
                r#"["body","empty"] string_too_short"#,
                r#"["body","number"] string_type"#,
                r#"["body","null"] string_type"#,
                r#"["body","absent"] missing"#,
            ]
        );
    }

    #[test]
    fn a_body_that_can_not_be_read_is_one_fault() {
        for (bytes, fault) in [
            ("", r#"["body"] missing"#),
            ("[]", r#"["body"] model_attributes_type"#),
            ("{\n\"a\": x}", r#"["body",8] json_invalid"#),
        ] {
            let mut body = Body::of(bytes.as_bytes());
            body.required_text_within("comment", 2);
            body.required_id("id");
            assert_eq!(types(body), [fault], "{bytes}");
        }
    }

    #[test]
    fn an_id_is_24_hex_digits() {
        let mut body =
            Body::of(br#"{"a": "0123456789ABCDEF01234567", "b": "0123", "c": "g123456789abcdef01234567"}"#);
        assert_eq!(body.required_id("a"), "0123456789abcdef01234567");
        body.required_id("b");
        body.id("c");
        assert_eq!(body.id("absent"), None);
        let bad = [r#"["body","b"] string_pattern_mismatch"#, r#"["body","c"] string_pattern_mismatch"#];
        assert_eq!(types(body), bad);
    }
}
