//! Asking over HTTP: repeats, pauses, limits of time and size. Nothing of a key or a URL gets into an error.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response};
use tokio::{sync::Mutex, time::Instant};
use url::Url;

use super::source::{Page, SourceError};
use crate::{
    clock, http,
    retry::{self, Again, CallPolicy},
};

/// Longest error text that is kept.
const DETAIL_CHARS: usize = 200;

/// How sources are asked.
#[derive(Debug, Clone, Copy)]
pub struct WebSettings {
    /// How a call is repeated.
    pub calls: CallPolicy,
    /// How long one answer may take.
    pub call_limit: Duration,
    /// The pause between two calls of one source.
    pub pause: Duration,
    /// Largest answer, bytes.
    pub max_bytes: u64,
}

impl Default for WebSettings {
    fn default() -> Self {
        Self {
            calls: CallPolicy { tries: 3, ..CallPolicy::default() },
            call_limit: Duration::from_secs(30),
            pause: Duration::from_millis(250),
            max_bytes: 32_000_000,
        }
    }
}

/// One source's way to the web.
#[derive(Debug)]
pub struct Web {
    client: Client,
    settings: WebSettings,
    /// When the last call was made.
    last: Mutex<Option<Instant>>,
}

impl Web {
    /// With these settings.
    ///
    /// # Errors
    /// When this machine has no TLS.
    pub fn new(settings: WebSettings) -> Result<Self, SourceError> {
        let client = http::client(Some(settings.call_limit)).map_err(|error| {
            SourceError::Setup(format!("this machine has no HTTP client: {}", http::explain(error)))
        })?;
        Ok(Self { client, settings, last: Mutex::new(None) })
    }

    /// The answer to a GET.
    ///
    /// # Errors
    /// See [`Web::ask`].
    pub async fn get(&self, part: &str, url: Url) -> Result<Page, SourceError> {
        self.ask(part, |client| client.get(url.clone())).await
    }

    /// The answer to a request, which is made anew for each try. One that may work later is repeated.
    ///
    /// # Errors
    /// When there is no answer, it isn't a success, or it is too large.
    pub async fn ask(
        &self,
        part: &str,
        request: impl Fn(&Client) -> RequestBuilder,
    ) -> Result<Page, SourceError> {
        let body = retry::call(self.settings.calls, again, || async {
            self.turn().await;
            let response = request(&self.client).send().await.map_err(|error| self.broken(error))?;
            self.body(part, succeeded(response).await?).await
        })
        .await?;
        Ok(Page::new(part, body))
    }

    /// Waits until a pause has passed since the last call.
    async fn turn(&self) {
        let mut last = self.last.lock().await;
        if let Some(last) = *last {
            tokio::time::sleep_until(last + self.settings.pause).await;
        }
        *last = Some(Instant::now());
    }

    async fn body(&self, part: &str, mut response: Response) -> Result<Vec<u8>, SourceError> {
        let limit = self.settings.max_bytes;
        let too_large = || SourceError::TooLarge { part: part.to_owned(), limit_mb: limit / 1_000_000 };
        if response.content_length().is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| self.broken(error))? {
            if body.len() as u64 + piece.len() as u64 > limit {
                return Err(too_large());
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    fn broken(&self, error: reqwest::Error) -> SourceError {
        if error.is_timeout() && !error.is_connect() {
            SourceError::TooSlow(self.settings.call_limit)
        } else {
            SourceError::Unreachable(http::explain(error))
        }
    }
}

/// What may work in a moment.
fn again(error: &SourceError) -> Again {
    match error {
        SourceError::Status { retry_after: Some(wait), status: 429 | 503, .. } => Again::NotBefore(*wait),
        SourceError::Status { status: 408 | 429 | 500..=599, .. } | SourceError::Unreachable(_) => Again::Yes,
        _ => Again::Never,
    }
}

async fn succeeded(response: Response) -> Result<Response, SourceError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let retry_after = response.headers().get("retry-after").and_then(|header| header.to_str().ok());
    let retry_after = retry_after.and_then(|text| retry::retry_after(text, clock::now()));
    Err(SourceError::Status { status: status.as_u16(), detail: detail(response).await, retry_after })
}

/// The first words of a refusal: enough to know it by.
async fn detail(mut response: Response) -> String {
    let mut body = Vec::new();
    while body.len() < 4 * DETAIL_CHARS {
        match response.chunk().await {
            Ok(Some(piece)) => body.extend_from_slice(&piece),
            _ => break,
        }
    }
    let text = String::from_utf8_lossy(&body);
    if text.trim_start().starts_with('<') {
        return "a page instead of an answer".to_owned();
    }
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() { "nothing more".to_owned() } else { line.chars().take(DETAIL_CHARS).collect() }
}

/// A URL below this one: `https://host/base` and `plans` make `https://host/base/plans`. Its query is kept.
#[must_use]
pub fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}
