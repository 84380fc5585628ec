//! Statuses and stable names of what rooms refuse that have many reasons of their own.

use axum::http::StatusCode;

use crate::{assistant, community, webhooks};

/// Of what people may not do with runs and comments.
pub(super) const fn of_community(error: &community::Error) -> (StatusCode, &'static str) {
    match error {
        community::Error::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, "database"),
        community::Error::NoRun(_) => (StatusCode::NOT_FOUND, "run_not_found"),
        community::Error::NoComment(_) => (StatusCode::NOT_FOUND, "comment_not_found"),
        community::Error::TooDeep(_) => (StatusCode::UNPROCESSABLE_ENTITY, "reply_too_deep"),
        community::Error::Empty => (StatusCode::UNPROCESSABLE_ENTITY, "comment_empty"),
        community::Error::NotYours(_) => (StatusCode::FORBIDDEN, "not_yours"),
        community::Error::Refused(_) => (StatusCode::UNPROCESSABLE_ENTITY, "comment_refused"),
        community::Error::Changed { .. } => (StatusCode::CONFLICT, "comment_changed"),
        community::Error::Hidden(_) => (StatusCode::CONFLICT, "comment_hidden"),
    }
}

/// Of what can't be done with webhooks.
pub(super) const fn of_webhooks(error: &webhooks::Error) -> (StatusCode, &'static str) {
    match error {
        webhooks::Error::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, "database"),
        webhooks::Error::NoWebhook(_) => (StatusCode::NOT_FOUND, "webhook_not_found"),
        webhooks::Error::NoDelivery(_) => (StatusCode::NOT_FOUND, "delivery_not_found"),
        webhooks::Error::Url(_) | webhooks::Error::NoEvents => {
            (StatusCode::UNPROCESSABLE_ENTITY, "invalid_webhook")
        }
        webhooks::Error::Disabled => (StatusCode::CONFLICT, "webhook_disabled"),
    }
}

/// Of what the assistant doesn't answer.
pub(super) const fn of_assistant(error: &assistant::Error) -> (StatusCode, &'static str) {
    use assistant::Error as Why;
    match error {
        Why::NotConfigured | Why::Settings(_) => (StatusCode::SERVICE_UNAVAILABLE, "assistant_off"),
        Why::UnknownRun(_) => (StatusCode::NOT_FOUND, "run_not_found"),
        Why::Question { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_body"),
        Why::PersonSpent { .. } | Why::AllSpent { .. } => (StatusCode::TOO_MANY_REQUESTS, "assistant_spent"),
        Why::Busy(_) => (StatusCode::TOO_MANY_REQUESTS, "assistant_busy"),
        Why::TooMuch(_) => (StatusCode::BAD_GATEWAY, "answer_too_long"),
        Why::TooSlow(_) => (StatusCode::SERVICE_UNAVAILABLE, "timeout"),
        Why::Unreachable(_) | Why::Refused { .. } | Why::ComeBack(_) | Why::Broken(_) => {
            (StatusCode::BAD_GATEWAY, "model_failed")
        }
        Why::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, "database"),
    }
}
