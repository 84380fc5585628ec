//! Reading the fields of a JSON body, so that whoever sent it is told everything that is wrong with it at once.

use std::cell::RefCell;

use axum::{
    body::{Bytes, to_bytes},
    extract::Request,
    http::{HeaderMap, header},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::{BadField, Error};

/// The longest body that is read, bytes.
pub(super) const LONGEST: u64 = 64 * 1024;

/// A body as it was sent.
pub(super) struct Body {
    /// Its JSON.
    pub(super) value: Map<String, Value>,
    bad: RefCell<Vec<BadField>>,
}

impl Body {
    /// Reads a request's body: a JSON object.
    pub(super) async fn read(request: Request) -> Result<Self, Error> {
        if !is_json(request.headers()) {
            return Err(Error::NotJson);
        }
        let limit = usize::try_from(LONGEST).unwrap_or(usize::MAX);
        let bytes: Bytes = to_bytes(request.into_body(), limit).await.map_err(|_| Error::Body(LONGEST))?;
        // PostgreSQL holds no such text.
        if bytes.windows(6).any(|six| six == b"\\u0000") {
            return Err(Error::Malformed("it holds the character NUL".to_owned()));
        }
        let value = serde_json::from_slice(&bytes).map_err(|error| Error::Malformed(error.to_string()))?;
        match value {
            Value::Object(value) => Ok(Self { value, bad: RefCell::default() }),
            _ => Err(Error::Malformed("it has to be an object".to_owned())),
        }
    }

    /// Its fields.
    pub(super) fn fields(&self) -> Fields<'_> {
        Fields { path: String::new(), map: self.value.clone(), bad: &self.bad }
    }

    /// Says what was wrong.
    pub(super) fn finish(&self) -> Result<(), Error> {
        let bad = self.bad.take();
        if bad.is_empty() { Ok(()) } else { Err(Error::Fields(bad)) }
    }
}

/// `application/json`, whatever follows it.
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

/// The fields of an object: taken one by one, then [`Fields::finish`]. A null is as if it weren't there.
pub(super) struct Fields<'a> {
    path: String,
    map: Map<String, Value>,
    bad: &'a RefCell<Vec<BadField>>,
}

impl Fields<'_> {
    /// The value of a field; `None` where it isn't given. One that can't be read is remembered.
    pub(super) fn take<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let value = self.map.remove(name).filter(|value| !value.is_null())?;
        match serde_json::from_value(value) {
            Ok(value) => Some(value),
            Err(error) => {
                self.refuse(name, format!("can't be used: {error}"));
                None
            }
        }
    }

    /// The same, for a value that has to pass a check, which says what would be right.
    pub(super) fn check<T: DeserializeOwned>(
        &mut self,
        name: &str,
        passes: impl FnOnce(&T) -> bool,
        right: &str,
    ) -> Option<T> {
        let value = self.take(name)?;
        if passes(&value) {
            return Some(value);
        }
        self.refuse(name, format!("must be {right}"));
        None
    }

    /// The value of a field that has to be given.
    pub(super) fn need<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        if self.require(name) { self.take(name) } else { None }
    }

    /// Remembers a field that has to be given as wrong, where it isn't. Returns whether it is.
    pub(super) fn require(&mut self, name: &str) -> bool {
        let given = self.has(name);
        if !given {
            self.map.remove(name);
            self.refuse(name, "has to be given".to_owned());
        }
        given
    }

    /// Whether a field is given.
    pub(super) fn has(&self, name: &str) -> bool {
        self.map.get(name).is_some_and(|value| !value.is_null())
    }

    /// The fields of an object within; none where it isn't given.
    pub(super) fn object(&mut self, name: &str) -> Self {
        let map = self.take(name).unwrap_or_default();
        Self { path: self.path_of(name), map, bad: self.bad }
    }

    /// The fields of each object of a list within, with its place in the path: `include.0`; none where it isn't given.
    pub(super) fn objects(&mut self, name: &str) -> Vec<Self> {
        let list: Vec<Map<String, Value>> = self.take(name).unwrap_or_default();
        let path = self.path_of(name);
        let bad = self.bad;
        (0..)
            .zip(list)
            .map(|(place, map): (usize, _)| Self { path: format!("{path}.{place}"), map, bad })
            .collect()
    }

    /// Remembers what is wrong with a field, in words that read on from its name.
    pub(super) fn refuse(&self, name: &str, message: String) {
        self.bad.borrow_mut().push(BadField { field: self.path_of(name), message });
    }

    /// A field that nobody took is wrong: it does not do what its writer meant.
    pub(super) fn finish(mut self) {
        for name in std::mem::take(&mut self.map).keys() {
            self.refuse(name, "is not a field of this request".to_owned());
        }
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn everything_wrong_is_told_at_once_each_with_its_path() {
        let Value::Object(value) = json!({
            "a": null, "engine": { "slots": "many", "speed": 1 }, "rates": [1, "x"], "deep": 7, "n": 12,
        }) else {
            panic!()
        };
        let body = Body { value, bad: RefCell::default() };
        let mut fields = body.fields();
        assert_eq!(fields.need::<String>("a"), None);
        let mut engine = fields.object("engine");
        assert_eq!(engine.take::<u32>("slots"), None);
        engine.finish();
        assert_eq!(fields.take::<Vec<u32>>("rates"), None);
        fields.object("deep").finish();
        assert_eq!(fields.check::<i32>("n", |n| *n < 10, "below 10"), None);
        fields.finish();
        let Err(Error::Fields(bad)) = body.finish() else { panic!("nothing was wrong") };
        let paths: Vec<&str> = bad.iter().map(|bad| bad.field.as_str()).collect();
        assert_eq!(paths, ["a", "engine.slots", "engine.speed", "rates", "deep", "n"]);
    }
}
