//! The model's server: a chat with tools, streamed, of whatever speaks OpenAI's protocol. The only file that asks it.
//!
//! It must not know what the tools do, nor what becomes of the answer.

mod chunk;
mod transport;

use std::time::{Duration, Instant};

use async_openai::{
    Client,
    config::OpenAIConfig,
    error::OpenAIError,
    types::chat::{
        ChatCompletionRequestMessage, ChatCompletionStreamOptions, ChatCompletionToolChoiceOption,
        ChatCompletionTools, CreateChatCompletionRequest, ToolChoiceOptions,
    },
};
use futures::{Stream, StreamExt};
use reqwest::header::HeaderValue;

pub(super) use chunk::{Call, Calls, Usage};
use chunk::{Chunk, Piece};
use transport::{Refusal, Transport};

use super::Error;
use crate::{
    config, http,
    retry::{self, Again, Backoff, CallPolicy},
};

/// How a request that may be repeated is repeated; its time bounds the waits that the server asks for.
const TRIES: u32 = 4;
const BACKOFF: Backoff = Backoff { initial: Duration::from_millis(500), max: Duration::from_secs(4) };

/// The model's server.
#[derive(Debug, Clone)]
pub(super) struct Model {
    client: Client<OpenAIConfig>,
    name: String,
    max_output_tokens: u32,
}

/// What the model is asked.
#[derive(Debug)]
pub(super) struct Request<'a> {
    /// What was said until now.
    pub(super) messages: &'a [ChatCompletionRequestMessage],
    /// What it may call.
    pub(super) tools: &'a [ChatCompletionTools],
    /// Whether it may call anything this time.
    pub(super) may_call: bool,
    /// Until when an answer is of use.
    pub(super) deadline: Instant,
}

impl Model {
    /// The model of the settings; `None`: none is set.
    ///
    /// # Errors
    /// When the key can't be sent, or TLS can't be set up.
    pub(super) fn of(settings: &config::Assistant) -> Result<Option<Self>, Error> {
        let Some(key) = &settings.api_key else { return Ok(None) };
        // The library would panic at a key that no header can hold.
        if HeaderValue::from_str(&format!("Bearer {}", key.expose())).is_err() {
            return Err(Error::Settings("OPENAI_API_KEY has characters that no key has".to_owned()));
        }
        let http = http::client(None).map_err(|error| Error::Settings(http::explain(error)))?;
        // What the library would take from the environment by itself is set to nothing.
        let access = OpenAIConfig::new()
            .with_api_key(key.expose())
            .with_api_base(settings.base_url.as_str().trim_end_matches('/'))
            .with_org_id("")
            .with_project_id("");
        let client = Client::build(http.clone(), access).with_http_service(Transport(http));
        Ok(Some(Self { client, name: settings.model.clone(), max_output_tokens: settings.max_output_tokens }))
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Asks it. What it writes comes piece by piece; dropping the stream ends the request.
    ///
    /// # Errors
    /// When the server can't be reached or refuses, after as many tries as the time allows.
    pub(super) async fn ask(
        &self,
        request: Request<'_>,
    ) -> Result<impl Stream<Item = Result<Piece, Error>> + Send + use<>, Error> {
        let left = request.deadline.saturating_duration_since(Instant::now());
        let policy = CallPolicy { tries: TRIES, backoff: BACKOFF, longest_retry_after: left };
        let body = self.body(&request);
        let opened = retry::call(policy, judge, || async {
            self.client.chat().create_stream_byot::<_, Chunk>(&body).await.map_err(refusal)
        });
        let stream = opened.await.map_err(|refusal| failure(refusal, left))?;
        Ok(stream.map(|chunk| match chunk {
            Ok(chunk) => chunk.read(),
            Err(OpenAIError::JSONDeserialize(..)) => {
                Err(Error::Broken("is not in the form we know".to_owned()))
            }
            Err(_) => Err(Error::Broken("broke off".to_owned())),
        }))
    }

    fn body(&self, request: &Request<'_>) -> CreateChatCompletionRequest {
        let choice = if request.may_call { ToolChoiceOptions::Auto } else { ToolChoiceOptions::None };
        CreateChatCompletionRequest {
            model: self.name.clone(),
            messages: request.messages.to_vec(),
            tools: Some(request.tools.to_vec()),
            tool_choice: Some(ChatCompletionToolChoiceOption::Mode(choice)),
            max_completion_tokens: Some(self.max_output_tokens),
            stream: Some(true),
            stream_options: Some(ChatCompletionStreamOptions {
                include_usage: Some(true),
                include_obfuscation: None,
            }),
            ..CreateChatCompletionRequest::default()
        }
    }
}

fn refusal(error: OpenAIError) -> Refusal {
    match error {
        OpenAIError::Boxed(error) => match error.downcast::<Refusal>() {
            Ok(refusal) => *refusal,
            Err(other) => Refusal::Unreachable(other.to_string()),
        },
        OpenAIError::Reqwest(error) => Refusal::Unreachable(http::explain(error)),
        other => Refusal::Unreachable(other.to_string()),
    }
}

fn judge(refusal: &Refusal) -> Again {
    match refusal {
        Refusal::Status { status: 429 | 500.., retry_after: Some(wait) } => Again::NotBefore(*wait),
        Refusal::Status { status: 408 | 409 | 429 | 500.., .. } | Refusal::Unreachable(_) => Again::Yes,
        Refusal::Status { .. } => Again::Never,
    }
}

fn failure(refusal: Refusal, left: Duration) -> Error {
    match refusal {
        Refusal::Status { status: 429, retry_after: Some(wait) } if wait > left => {
            Error::ComeBack(wait.as_secs())
        }
        Refusal::Status { status, .. } => Error::Refused { status },
        Refusal::Unreachable(reason) => Error::Unreachable(reason),
    }
}
