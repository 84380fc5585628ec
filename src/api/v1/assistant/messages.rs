//! Questions in a conversation, answered as they are written.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::{Request, State},
    response::{
        IntoResponse, Response,
        sse::{Event as Sse, KeepAlive, Sse as Stream},
    },
};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::sync::mpsc::Receiver;
use utoipa::ToSchema;

use super::{ConversationId, unknown};
use crate::{
    api::{
        app::App,
        error::{Error, Problem},
        fields::Body,
        person::Person,
    },
    assistant::{self, Asker, Earlier, Event, LONGEST_QUESTION, Question},
    store::{
        chat_logs::{self, Filter},
        conversations,
    },
};

/// What was said last that the model reads again.
const EARLIER: i64 = 6;
/// How often a comment shows that the stream is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// A question.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the body in the document")]
pub(super) struct NewMessage {
    /// The question.
    #[schema(min_length = 1, max_length = 2000)]
    message: String,
}

/// Ask the assistant
///
/// Server-sent events; `event` says what each is and `data` is JSON: `start` `{conversation}`; `tool_call` `{name, arguments,
/// links}`, something that is looked up; `content` `{text}`, the answer going on; `sources` `[{link, title}]`, where its numbers
/// come from, numbered from 1 as the text numbers them; then `done` `{id, at, not_ours, prompt_tokens, completion_tokens}`, or
/// `error` `{code, message, retry_after_s}`, is the last. A client that goes ends the answer.
#[utoipa::path(
    post, path = "/assistant/conversations/{id}/messages", tag = "assistant", security(("token" = [])),
    params(("id" = uuid::Uuid, Path, description = "The conversation")),
    request_body(content = NewMessage, content_type = "application/json"),
    responses(
        (status = 200, body = String, content_type = "text/event-stream"),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "A body that is no JSON"),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "Nobody is signed in"),
        (status = 403, body = Problem, content_type = "application/problem+json",
         description = "A token of the API, a suspended account, or a cookie without its proof"),
        (status = 404, body = Problem, content_type = "application/problem+json",
         description = "No conversation of yours, or its run isn't published any more"),
        (status = 413, body = Problem, content_type = "application/problem+json", description = "A body that is too long"),
        (status = 415, body = Problem, content_type = "application/problem+json",
         description = "A body of another kind than JSON"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "Fields that can't be used"),
        (status = 429, body = Problem, content_type = "application/problem+json",
         description = "The day, or the places, are used up; `Retry-After` says when it is free again"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "No assistant is set up"),
    )
)]
pub(super) async fn ask_in_conversation(
    State(app): State<App>,
    person: Person,
    ConversationId(id): ConversationId,
    request: Request,
) -> Result<Response, Error> {
    let text = message(&Body::read(request).await?)?;
    let assistant = app.assistant.as_ref().ok_or(Error::Assistant(assistant::Error::NotConfigured))?;
    let mut conn = app.pool.acquire().await?;
    let conversation =
        conversations::get(&mut conn, id, person.github_id).await?.ok_or_else(|| unknown(id))?;
    let filter = Filter { conversation: Some(id), ..Filter::default() };
    let earlier = chat_logs::list(&mut conn, filter, EARLIER).await?;
    drop(conn);
    let question = Question {
        text,
        pod_id: conversation.pod_id,
        asker: Asker::Person {
            github_id: person.github_id,
            username: person.username,
            avatar_url: person.avatar_url,
        },
        conversation: Some(id),
        earlier: earlier
            .into_iter()
            .map(|log| Earlier { question: log.user_message, answer: log.ai_response })
            .collect(),
    };
    let heard = assistant.ask(question).await.map_err(Error::Assistant)?;
    let start = event("start", &json!({ "conversation": id }));
    let rest = stream::unfold(heard, async |mut heard: Receiver<Event>| Some((heard.recv().await?, heard)));
    let events = stream::iter([start]).chain(rest.flat_map(|event| stream::iter(told(event))));
    let events = events.map(Ok::<_, Infallible>).take_until(app.stopping.clone().cancelled_owned());
    Ok(Stream::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response())
}

fn message(body: &Body) -> Result<String, Error> {
    let mut fields = body.fields();
    let right = |text: &String| !text.trim().is_empty() && text.chars().count() <= LONGEST_QUESTION;
    let text = if fields.require("message") {
        fields.check("message", right, &format!("a text of 1 to {LONGEST_QUESTION} characters"))
    } else {
        None
    };
    fields.finish();
    body.finish()?;
    Ok(text.unwrap_or_default())
}

/// What a client is told.
fn told(happened: Event) -> Vec<Sse> {
    match happened {
        Event::LookUp(look_up) => vec![event("tool_call", &json!(look_up))],
        Event::Content(text) => vec![event("content", &json!({ "text": text }))],
        Event::Done(answer) => vec![
            event("sources", &json!(answer.sources)),
            event(
                "done",
                &json!({
                    "id": answer.log_id, "at": answer.at, "not_ours": answer.not_ours,
                    "prompt_tokens": answer.prompt_tokens, "completion_tokens": answer.completion_tokens,
                }),
            ),
        ],
        Event::Failed(error) => {
            let retry_after_s = error.retry_after_s();
            let error = Error::Assistant(error);
            let told =
                json!({ "code": error.code(), "message": error.to_string(), "retry_after_s": retry_after_s });
            vec![event("error", &told)]
        }
    }
}

fn event(name: &str, data: &Value) -> Sse {
    Sse::default().event(name).data(data.to_string())
}
