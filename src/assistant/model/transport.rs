//! How requests go to the model's server: by our own HTTP client, one try each. What it refuses is an error that says
//! whether, and when, to try again; its words are left unread, since they may repeat our key.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use async_openai::{error::OpenAIError, middleware::HttpRequestFactory};
use tower_service::Service;

use crate::{clock, http, retry};

/// Why a request has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    /// It got no answer.
    #[error("{0}")]
    Unreachable(String),
    /// It got another than a success.
    #[error("status {status}")]
    Status {
        /// Its status.
        status: u16,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
}

impl From<Refusal> for OpenAIError {
    fn from(refusal: Refusal) -> Self {
        Self::Boxed(Box::new(refusal))
    }
}

/// Sends requests.
#[derive(Debug, Clone)]
pub(super) struct Transport(pub(super) reqwest::Client);

impl Service<HttpRequestFactory> for Transport {
    type Response = reqwest::Response;
    type Error = OpenAIError;
    type Future = Pin<Box<dyn Future<Output = Result<reqwest::Response, OpenAIError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), OpenAIError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequestFactory) -> Self::Future {
        let client = self.0.clone();
        Box::pin(async move {
            let sent = client.execute(request.build().await?).await;
            let answer = sent.map_err(|error| Refusal::Unreachable(http::explain(error)))?;
            if answer.status().is_success() {
                return Ok(answer);
            }
            let asked = answer.headers().get(reqwest::header::RETRY_AFTER);
            let retry_after =
                asked.and_then(|header| retry::retry_after(header.to_str().ok()?, clock::now()));
            Err(Refusal::Status { status: answer.status().as_u16(), retry_after }.into())
        })
    }
}
