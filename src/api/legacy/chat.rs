//! `/get_response_from_ai` and its stream, and what was asked and answered before.

use std::convert::Infallible;

use axum::{
    Json,
    extract::{Request, State},
    http::Uri,
    response::{
        IntoResponse, Response,
        sse::{Event as Sse, KeepAlive, Sse as Stream},
    },
};
use futures::{StreamExt, stream};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::mpsc::Receiver;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    answer::Stamp,
    body::Body,
    query::Query,
    refusal::{BadBearer, NoBearer, Refusal, Refused, TooOften, Unknown, Unusable},
};
use crate::{
    api::{app::App, caller::Caller, error::Error, person::Person},
    assistant::{self, Answer, Asker, Event, LONGEST_QUESTION, Question},
    clock,
    store::chat_logs::{self, ChatLog as Stored, Filter},
};

/// The path whose answer comes whole.
const WHOLE: &str = "/get_response_from_ai";
/// The path whose answer comes as it is written.
const STREAMED: &str = "/get_response_from_ai/stream";
/// How often an address may ask them a minute.
const WHOLE_A_MINUTE: usize = 10;
const STREAMED_A_MINUTE: usize = 5;
/// Most logs of a list; of more, the newest.
const MOST_LOGS: i64 = 1_000;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(ask_about_run))
        .routes(routes!(ask_about_run_streamed))
        .routes(routes!(own_chat_logs))
        .routes(routes!(chat_logs_of_run))
        .routes(routes!(all_chat_logs))
        .routes(routes!(delete_chat_log))
}

/// Whether an answer of this path may take longer than others: it is whole before its head is sent.
pub(super) fn is_slow(path: &str) -> bool {
    path == WHOLE
}

/// A question.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the body in the document")]
struct ChatRequest {
    /// The question.
    #[schema(min_length = 1, max_length = 2000)]
    message: String,
    /// The run it is about.
    pod_id: String,
}

/// An answer.
#[derive(Serialize, ToSchema)]
struct ChatResponse {
    /// Markdown.
    response: String,
    timestamp: Stamp,
    log_id: Option<String>,
    pod_id: String,
    /// Always true.
    user_authenticated: bool,
    /// The GitHub id of who asked.
    user_info: String,
}

/// What was asked and answered.
#[derive(Serialize, ToSchema)]
struct ChatLog {
    #[serde(rename = "_id")]
    id: String,
    user_message: String,
    ai_response: String,
    timestamp: Stamp,
    /// Empty: it was asked about no run.
    pod_id: String,
    user_id: i64,
    username: String,
    /// One's own, or empty.
    user_email: String,
    user_avatar: Option<String>,
    /// Always true.
    is_authenticated: bool,
}

/// Several of them.
#[derive(Serialize, ToSchema)]
struct ChatLogs {
    /// Oldest first.
    logs: Vec<ChatLog>,
}

/// Which log.
#[derive(Serialize, ToSchema)]
struct LogId {
    /// 24 hex digits.
    log_id: String,
}

/// Ask the assistant about a run
#[utoipa::path(
    post, path = "/get_response_from_ai", tag = "original", security(("token" = [])),
    request_body(content = ChatRequest, content_type = "application/json"),
    responses(
        (status = 200, body = ChatResponse), BadBearer, NoBearer, Unknown, Unusable, TooOften,
        (status = 502, body = Refused, description = "The model's server fails"),
        (status = 503, body = Refused, description = "No assistant is set up, or it took too long"),
    )
)]
async fn ask_about_run(
    State(app): State<App>,
    caller: Caller,
    person: Person,
    request: Request,
) -> Result<Json<ChatResponse>, Refusal> {
    let (question, pod_id) = question(&person, request).await?;
    let mut heard = begin(&app, &caller, WHOLE, WHOLE_A_MINUTE, question).await?;
    while let Some(event) = heard.recv().await {
        match event {
            Event::Done(Answer { text, log_id, at, .. }) => {
                return Ok(Json(ChatResponse {
                    response: text,
                    timestamp: Stamp(at),
                    log_id,
                    pod_id,
                    user_authenticated: true,
                    user_info: person.github_id.to_string(),
                }));
            }
            Event::Failed(error) => return Err(Error::Assistant(error).into()),
            Event::LookUp(_) | Event::Content(_) => {}
        }
    }
    Err(Error::Internal("the assistant ended without an answer".to_owned()).into())
}

/// Ask the assistant about a run, and read the answer as it is written
///
/// Server-sent events, each `data` a JSON object: `{type: start, message}`, `{type: content, chunk}` …, `{type: done, timestamp,
/// pod_id, user_authenticated, user_info, complete_response}`, `{type: logged, log_id}`; on failure `{type: error, error,
/// timestamp}` is the last.
#[utoipa::path(
    post, path = "/get_response_from_ai/stream", tag = "original", security(("token" = [])),
    request_body(content = ChatRequest, content_type = "application/json"),
    responses(
        (status = 200, body = String, content_type = "text/event-stream"), BadBearer, NoBearer, Unknown, Unusable, TooOften,
        (status = 503, body = Refused, description = "No assistant is set up"),
    )
)]
async fn ask_about_run_streamed(
    State(app): State<App>,
    caller: Caller,
    person: Person,
    request: Request,
) -> Result<Response, Refusal> {
    let (question, pod_id) = question(&person, request).await?;
    let heard = begin(&app, &caller, STREAMED, STREAMED_A_MINUTE, question).await?;
    let start = json!({ "type": "start", "message": "Looking into our results …" });
    let rest = stream::unfold(heard, async |mut heard: Receiver<Event>| Some((heard.recv().await?, heard)));
    let rest = rest.flat_map(move |event| stream::iter(told(event, &pod_id, person.github_id)));
    let events = stream::iter([start])
        .chain(rest)
        .map(|event| Ok::<_, Infallible>(Sse::default().data(event.to_string())));
    let events = events.take_until(app.stopping.clone().cancelled_owned());
    Ok(Stream::new(events).keep_alive(KeepAlive::new()).into_response())
}

/// What clients of the stream are told of an event.
fn told(event: Event, pod_id: &str, github_id: i64) -> Vec<Value> {
    match event {
        Event::LookUp(_) => Vec::new(),
        Event::Content(chunk) => vec![json!({ "type": "content", "chunk": chunk })],
        Event::Done(answer) => {
            let done = json!({
                "type": "done", "timestamp": Stamp(answer.at), "pod_id": pod_id, "user_authenticated": true,
                "user_info": github_id.to_string(), "complete_response": answer.text,
            });
            let logged = answer.log_id.map(|log_id| json!({ "type": "logged", "log_id": log_id }));
            std::iter::once(done).chain(logged).collect()
        }
        Event::Failed(error) => {
            let error = Error::Assistant(error).to_string();
            vec![json!({ "type": "error", "error": error, "timestamp": Stamp(clock::now()) })]
        }
    }
}

/// What a request asks, and about which run.
async fn question(person: &Person, request: Request) -> Result<(Question, String), Refusal> {
    let mut body = Body::read(request).await?;
    let text = body.required_text_within("message", LONGEST_QUESTION);
    let pod_id = body.required_text("pod_id");
    if !text.is_empty() && text.trim().is_empty() {
        body.refuse(
            "message",
            "string_too_short",
            "String should have at least 1 character that isn't blank",
        );
    }
    body.finish()?;
    let asker = Asker::Person {
        github_id: person.github_id,
        username: person.username.clone(),
        avatar_url: person.avatar_url.clone(),
    };
    let question =
        Question { text, pod_id: Some(pod_id.clone()), asker, conversation: None, earlier: Vec::new() };
    Ok((question, pod_id))
}

async fn begin(
    app: &App,
    caller: &Caller,
    path: &'static str,
    most: usize,
    question: Question,
) -> Result<Receiver<Event>, Refusal> {
    let assistant = app.assistant.as_ref().ok_or(Error::Assistant(assistant::Error::NotConfigured))?;
    app.often.pass(caller, path, most)?;
    Ok(assistant.ask(question).await.map_err(Error::Assistant)?)
}

/// What oneself asked
#[utoipa::path(
    get, path = "/get_user_chat_logs", tag = "original", security(("token" = [])),
    responses((status = 200, body = ChatLogs), BadBearer, NoBearer)
)]
async fn own_chat_logs(State(app): State<App>, person: Person) -> Result<Json<ChatLogs>, Refusal> {
    let filter = Filter { github_id: Some(person.github_id), ..Filter::default() };
    logs(&app, &person, filter).await
}

/// What oneself asked about a run
#[utoipa::path(
    get, path = "/get_pod_chat_logs", tag = "original", security(("token" = [])),
    params(("pod_id" = String, Query, description = "The run")),
    responses((status = 200, body = ChatLogs), BadBearer, NoBearer, Unusable)
)]
async fn chat_logs_of_run(
    State(app): State<App>,
    person: Person,
    uri: Uri,
) -> Result<Json<ChatLogs>, Refusal> {
    let mut query = Query::of(&uri);
    let pod_id = query.required_text("pod_id");
    query.finish()?;
    let filter = Filter { github_id: Some(person.github_id), pod_id: Some(&pod_id), ..Filter::default() };
    logs(&app, &person, filter).await
}

/// What everybody asked, for administrators
#[utoipa::path(
    get, path = "/get_chat_logs", tag = "original", security(("token" = [])),
    responses((status = 200, body = ChatLogs), BadBearer, NoBearer)
)]
async fn all_chat_logs(State(app): State<App>, person: Person) -> Result<Json<ChatLogs>, Refusal> {
    if !person.admin {
        return Err(Refusal::forbidden("what others asked is for administrators"));
    }
    logs(&app, &person, Filter::default()).await
}

async fn logs(app: &App, person: &Person, filter: Filter<'_>) -> Result<Json<ChatLogs>, Refusal> {
    let stored = chat_logs::list(&mut *app.pool.acquire().await?, filter, MOST_LOGS).await?;
    let logs = stored.into_iter().map(|log| ChatLog::of(log, person.github_id)).collect();
    Ok(Json(ChatLogs { logs }))
}

impl ChatLog {
    fn of(log: Stored, reader: i64) -> Self {
        Self {
            id: log.id,
            user_message: log.user_message,
            ai_response: log.ai_response,
            timestamp: Stamp(log.created_at),
            pod_id: log.pod_id.unwrap_or_default(),
            user_id: log.github_id,
            username: log.username,
            user_email: if log.github_id == reader { log.user_email } else { String::new() },
            user_avatar: log.user_avatar,
            is_authenticated: true,
        }
    }
}

/// Delete something that oneself asked
#[utoipa::path(
    delete, path = "/delete_chat_log", tag = "original", security(("token" = [])),
    request_body(content = LogId, content_type = "application/json"),
    responses((status = 200, body = LogId), BadBearer, NoBearer, Unknown, Unusable)
)]
async fn delete_chat_log(
    State(app): State<App>,
    person: Person,
    request: Request,
) -> Result<Json<LogId>, Refusal> {
    let mut body = Body::read(request).await?;
    let log_id = body.required_id("log_id");
    body.finish()?;
    let mut transaction = app.pool.begin().await?;
    let filter = Filter { id: Some(&log_id), ..Filter::default() };
    let log = chat_logs::list(&mut transaction, filter, 1).await?.pop();
    let log = log.ok_or_else(|| Refusal::unknown(format!("there is no chat log {log_id}")))?;
    if log.github_id != person.github_id {
        return Err(Refusal::forbidden("this chat log is somebody else's"));
    }
    assistant::forget(&mut transaction, &log_id).await.map_err(Error::Assistant)?;
    transaction.commit().await?;
    Ok(Json(LogId { log_id }))
}
