//! Reads whose answer is the same until somebody writes: they carry a mark of the state of the data (`ETag`), answer 304 to
//! who has that state, and are kept in memory until the state changes, whichever process changed it; compressed once for all who
//! take zstd. Other codings are made on the way ([`compress`]).
//!
//! What a token may see more of must not be answered from here: every reader gets the same bytes. A token's holder gets
//! them as `private` all the same, so that no cache on the way has to know that.

use std::convert::Infallible;

use axum::{
    body::Body,
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use futures::future::BoxFuture;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{accept::takes, app::App, auth::Reader, compress, error::Error};
use crate::{
    clock,
    store::data_versions::{DataVersion, Scope},
};

/// The coding that answers are kept in too.
const ZSTD: &str = "zstd";

/// Who asks for a public read, and which states of it they have.
#[derive(Debug)]
pub(super) struct Public {
    is_private: bool,
    known: Vec<String>,
    takes_zstd: bool,
}

/// Anybody, on paths that know nothing of the API's tokens: who sends one gets the same answer.
#[derive(Debug)]
pub(super) struct Anybody(pub(super) Public);

impl FromRequestParts<App> for Public {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let reader = Reader::from_request_parts(parts, app).await?;
        Ok(Self::of(&parts.headers, reader.sees_all()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Anybody {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let is_somebody =
            [header::AUTHORIZATION, header::COOKIE].iter().any(|name| parts.headers.contains_key(name));
        Ok(Self(Public::of(&parts.headers, is_somebody)))
    }
}

/// The marks of `If-None-Match`, without the sign that they are weak.
fn tags(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(header::IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    let tags = values.flat_map(|value| value.split(','));
    tags.map(|tag| tag.trim().trim_start_matches("W/").to_owned()).collect()
}

/// One read: the state of the data before anything of it was read, and the mark that this gives the answer.
#[derive(Debug)]
pub(super) struct Read {
    public: Public,
    version: DataVersion,
    /// The state and what was asked.
    key: String,
    tag: String,
}

impl Public {
    fn of(headers: &HeaderMap, is_private: bool) -> Self {
        Self { is_private, known: tags(headers), takes_zstd: takes(headers, ZSTD) }
    }

    /// Begins a read whose answer also depends on what time it is, as ages and "today" do: it holds for the minute.
    pub(super) async fn read_now(self, app: &App, scopes: &[Scope], key: String) -> Result<Read, Error> {
        let minute = clock::now().timestamp() / 60;
        self.read(app, scopes, format!("{key} {minute}")).await
    }

    /// Begins a read. `key` says everything that the answer depends on beside the data: path and parameters, as they are
    /// understood.
    pub(super) async fn read(self, app: &App, scopes: &[Scope], key: String) -> Result<Read, Error> {
        let version = match scopes {
            [] => DataVersion::default(),
            scopes => app.versions.now().await?.of(scopes),
        };
        let key = format!("{}\n{key}", version.as_str());
        let mut hash = Sha256::new_with_prefix(concat!("dria-bench ", env!("CARGO_PKG_VERSION"), "\n"));
        hash.update(&key);
        let digest = hex::encode(hash.finalize());
        Ok(Read { public: self, version, key, tag: format!("\"{}\"", digest.get(..24).unwrap_or_default()) })
    }
}

impl Read {
    /// The state that the answer is of.
    pub(super) const fn version(&self) -> &DataVersion {
        &self.version
    }

    /// 304 where the reader has this state already.
    pub(super) fn unchanged(&self) -> Option<Response> {
        let is_known = self.public.known.iter().any(|tag| tag == "*" || *tag == self.tag);
        is_known.then(|| (StatusCode::NOT_MODIFIED, self.headers()).into_response())
    }

    /// The answer as JSON: from memory, else made now.
    pub(super) fn json<'a, T, E>(
        self,
        app: &'a App,
        make: impl Future<Output = Result<T, E>> + Send + 'a,
    ) -> BoxFuture<'a, Result<Response, E>>
    where
        T: Serialize,
        E: From<Error> + Send + 'a,
    {
        Box::pin(async move {
            if let Some(unchanged) = self.unchanged() {
                return Ok(unchanged);
            }
            let make = async {
                let answer = make.await?;
                serde_json::to_vec(&answer).map_err(|error| E::from(Error::Internal(error.to_string())))
            };
            let body = app.cache.get(&self.key, make).await?;
            let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
            if self.public.is_private
                || !self.public.takes_zstd
                || body.len() < usize::from(compress::WORTH_IT)
            {
                return Ok((self.headers(), kind, body).into_response());
            }
            let pack = async {
                zstd::bulk::compress(&body, zstd::DEFAULT_COMPRESSION_LEVEL)
                    .map_err(|error| E::from(Error::Internal(error.to_string())))
            };
            let packed = app.cache.get(&format!("{ZSTD} {}", self.key), pack).await?;
            let coding = [
                (header::CONTENT_ENCODING, HeaderValue::from_static(ZSTD)),
                (header::VARY, HeaderValue::from_static("Accept-Encoding")),
            ];
            Ok((self.headers(), kind, coding, packed).into_response())
        })
    }

    /// The answer as a file that is written while it is sent. It isn't kept.
    pub(super) fn file(&self, kind: &'static str, name: &'static str, body: Body) -> Response {
        let file = HeaderValue::from_static(name);
        let headers =
            [(header::CONTENT_TYPE, HeaderValue::from_static(kind)), (header::CONTENT_DISPOSITION, file)];
        (self.headers(), headers, body).into_response()
    }

    /// It may be kept, and is asked for again each time: a write is seen at once. The mark is weak, since an answer may be
    /// compressed on its way.
    fn headers(&self) -> [(HeaderName, HeaderValue); 2] {
        let control = if self.public.is_private { "private, no-cache" } else { "public, no-cache" };
        let tag = HeaderValue::try_from(format!("W/{}", self.tag));
        [
            (header::CACHE_CONTROL, HeaderValue::from_static(control)),
            (header::ETAG, tag.unwrap_or_else(|_| HeaderValue::from_static("W/\"\""))),
        ]
    }
}
