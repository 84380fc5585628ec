//! `/api/v1/assistant`: conversations with the assistant, each read by nobody but who has it.

mod conversations;
mod messages;

use axum::{extract::FromRequestParts, http::request::Parts};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::api::{
    app::App,
    error::{BadParameter, Error},
    parameters::Segment,
};

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(conversations::list_conversations, conversations::begin_conversation))
        .routes(routes!(conversations::read_conversation, conversations::delete_conversation))
        .routes(routes!(messages::ask_in_conversation))
}

/// The conversation that a path names.
struct ConversationId(Uuid);

impl<S: Send + Sync> FromRequestParts<S> for ConversationId {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let Segment(text) = Segment::from_request_parts(parts, state).await?;
        text.parse().map(Self).map_err(|_| {
            let message =
                "must be a conversation's id, as /api/v1/assistant/conversations lists them".to_owned();
            Error::Parameters(vec![BadParameter { parameter: "id".to_owned(), message }])
        })
    }
}

fn unknown(id: Uuid) -> Error {
    Error::Unknown(format!(
        "you have no conversation {id}; /api/v1/assistant/conversations lists those you have"
    ))
}
