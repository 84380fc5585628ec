//! Conversations: begin one, list one's own, read one, delete one.

use axum::{
    Json,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{ConversationId, unknown};
use crate::{
    api::{
        app::App,
        error::{BadField, Error, Problem},
        fields::Body,
        person::Person,
    },
    assistant,
    store::{
        chat_logs::{self, Filter},
        conversations::{self, Conversation},
    },
};

/// Most conversations of a list, the last used first.
const MOST: i64 = 100;
/// Most questions of a conversation that are read, the newest.
const MOST_MESSAGES: i64 = 200;

/// A person's conversations.
#[derive(Serialize, ToSchema)]
pub(super) struct Conversations {
    /// The last used first.
    conversations: Vec<Conversation>,
}

/// A conversation with what was said in it.
#[derive(Serialize, ToSchema)]
pub(super) struct ConversationDetail {
    #[serde(flatten)]
    conversation: Conversation,
    /// Oldest first.
    messages: Vec<Message>,
}

/// A question and its answer.
#[derive(Serialize, ToSchema)]
struct Message {
    /// The log's id.
    id: String,
    /// The question.
    question: String,
    /// The answer, Markdown.
    answer: String,
    /// What was looked up for it: `[{name, arguments, links}]`.
    #[schema(value_type = Vec<Object>)]
    look_ups: Value,
    /// When it was answered.
    at: DateTime<Utc>,
}

/// What a conversation is about.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the body in the document")]
pub(super) struct NewConversation {
    /// The published run it is about; left out: none in particular.
    pod_id: Option<String>,
}

/// The conversation that was begun.
#[derive(Serialize, ToSchema)]
pub(super) struct ConversationCreated {
    /// Its id.
    id: Uuid,
}

/// One's own conversations with the assistant
#[utoipa::path(
    get, path = "/assistant/conversations", tag = "assistant", security(("token" = [])),
    responses(
        (status = 200, body = Conversations),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "Nobody is signed in"),
        (status = 403, body = Problem, content_type = "application/problem+json", description = "A token of the API"),
    )
)]
pub(super) async fn list_conversations(
    State(app): State<App>,
    person: Person,
) -> Result<Json<Conversations>, Error> {
    let mut conn = app.pool.acquire().await?;
    Ok(Json(Conversations { conversations: conversations::list(&mut conn, person.github_id, MOST).await? }))
}

/// Begin a conversation with the assistant, about a run or about none
#[utoipa::path(
    post, path = "/assistant/conversations", tag = "assistant", security(("token" = [])),
    request_body(content = NewConversation, content_type = "application/json"),
    responses(
        (status = 201, body = ConversationCreated, headers(("Location" = String))),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "A body that is no JSON"),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "Nobody is signed in"),
        (status = 403, body = Problem, content_type = "application/problem+json",
         description = "A token of the API, a suspended account, or a cookie without its proof"),
        (status = 413, body = Problem, content_type = "application/problem+json", description = "A body that is too long"),
        (status = 415, body = Problem, content_type = "application/problem+json",
         description = "A body of another kind than JSON"),
        (status = 422, body = Problem, content_type = "application/problem+json",
         description = "A run that isn't published, or fields that can't be used"),
    )
)]
pub(super) async fn begin_conversation(
    State(app): State<App>,
    person: Person,
    request: Request,
) -> Result<Response, Error> {
    let pod_id = pod_id(&Body::read(request).await?)?;
    let id = Uuid::now_v7();
    let mut conn = app.pool.acquire().await?;
    conversations::insert(&mut conn, id, person.github_id, pod_id.as_deref()).await.map_err(|error| {
        if error.breaks("assistant_conversations_pod_id_fkey") {
            let message = "is no published run".to_owned();
            Error::Fields(vec![BadField { field: "pod_id".to_owned(), message }])
        } else {
            error.into()
        }
    })?;
    let place = [(header::LOCATION, format!("/api/v1/assistant/conversations/{id}"))];
    Ok((StatusCode::CREATED, place, Json(ConversationCreated { id })).into_response())
}

fn pod_id(body: &Body) -> Result<Option<String>, Error> {
    let mut fields = body.fields();
    let pod_id = fields.take("pod_id");
    fields.finish();
    body.finish()?;
    Ok(pod_id)
}

/// A conversation with what was said in it
#[utoipa::path(
    get, path = "/assistant/conversations/{id}", tag = "assistant", security(("token" = [])),
    params(("id" = Uuid, Path, description = "The conversation")),
    responses(
        (status = 200, body = ConversationDetail),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "Nobody is signed in"),
        (status = 403, body = Problem, content_type = "application/problem+json", description = "A token of the API"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "None of yours"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "An id that is none"),
    )
)]
pub(super) async fn read_conversation(
    State(app): State<App>,
    person: Person,
    ConversationId(id): ConversationId,
) -> Result<Json<ConversationDetail>, Error> {
    let mut conn = app.pool.acquire().await?;
    let conversation =
        conversations::get(&mut conn, id, person.github_id).await?.ok_or_else(|| unknown(id))?;
    let filter = Filter { github_id: Some(person.github_id), conversation: Some(id), ..Filter::default() };
    let logs = chat_logs::list(&mut conn, filter, MOST_MESSAGES).await?;
    let messages = logs.into_iter().map(|log| Message {
        id: log.id,
        question: log.user_message,
        answer: log.ai_response,
        look_ups: log.tool_calls,
        at: log.created_at,
    });
    Ok(Json(ConversationDetail { conversation, messages: messages.collect() }))
}

/// Delete a conversation with all that was said in it
#[utoipa::path(
    delete, path = "/assistant/conversations/{id}", tag = "assistant", security(("token" = [])),
    params(("id" = Uuid, Path, description = "The conversation")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "Nobody is signed in"),
        (status = 403, body = Problem, content_type = "application/problem+json",
         description = "A token of the API, a suspended account, or a cookie without its proof"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "None of yours"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "An id that is none"),
    )
)]
pub(super) async fn delete_conversation(
    State(app): State<App>,
    person: Person,
    ConversationId(id): ConversationId,
) -> Result<StatusCode, Error> {
    let mut transaction = app.pool.begin().await?;
    let there = assistant::forget_conversation(&mut transaction, id, person.github_id).await;
    if !there.map_err(Error::Assistant)? {
        return Err(unknown(id));
    }
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
