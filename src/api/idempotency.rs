//! `Idempotency-Key`: a request that makes something, sent again, makes it once.

use axum::http::{HeaderMap, HeaderName};
use sha2::{Digest, Sha256};

use super::{
    error::{BadParameter, Error},
    fields::Body,
};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The key, where one is sent.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<String>, Error> {
    let bad = || {
        let message = "must be 1 to 200 visible ASCII characters, sent once".to_owned();
        Error::Parameters(vec![BadParameter { parameter: "Idempotency-Key".to_owned(), message }])
    };
    let mut sent = headers.get_all(IDEMPOTENCY_KEY).into_iter();
    let Some(key) = sent.next() else { return Ok(None) };
    let key = key.to_str().map_err(|_| bad())?;
    let is_usable = (1..=200).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    if is_usable && sent.next().is_none() { Ok(Some(key.to_owned())) } else { Err(bad()) }
}

/// SHA-256 of what a body says, hex, however it is written: spaces and the order of fields don't matter.
pub(super) fn digest(body: &Body) -> Result<String, Error> {
    let text = serde_json::to_vec(&body.value).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(hex::encode(Sha256::digest(text)))
}
