//! `/api/v1/admin/webhooks`: who is told when something happens, and what became of each message. For admins: a URL may hold
//! a key of its receiver's.

use std::str::FromStr;

use axum::{
    Json,
    extract::{Request, State},
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{NOT_A_CURSOR, cut, moderation};
use crate::{
    api::{
        app::{App, Pool},
        auth::Admin,
        error::{Error, Problem},
        fields::Body,
        parameters::{Limit, Parameters, Segment},
        refusals::{BadParameters, BelowAdmin, NoToken},
    },
    domain::webhook::EventKind,
    store::{
        deliveries::{self, After, Delivery},
        webhooks::{self as rows, Webhook},
    },
    webhooks,
};

/// A webhook to be made.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only described: `Body` reads it")]
pub(super) struct NewWebhook {
    /// Where messages go: https, and a public address.
    url: String,
    /// `run.failed`, `matrix.done`, `price.drop`, `budget.hit`.
    events: Vec<EventKind>,
    /// Whose it is, for people; at most 200 characters.
    note: Option<String>,
}

/// A new webhook.
#[derive(Serialize, ToSchema)]
pub(super) struct MadeWebhook {
    /// Its id.
    id: Uuid,
    /// What signs its messages. It is told this once.
    secret: String,
}

/// Every webhook.
#[derive(Serialize, ToSchema)]
pub(super) struct WebhookList {
    /// The oldest first.
    webhooks: Vec<Webhook>,
}

/// A webhook after it was turned on or off.
#[derive(Serialize, ToSchema)]
pub(super) struct WebhookChanged {
    /// Its id.
    id: Uuid,
    /// Whether it is told things now.
    enabled: bool,
    /// False: it was so already.
    changed: bool,
}

/// A page of messages.
#[derive(Serialize, ToSchema)]
pub(super) struct DeliveryList {
    /// The newest first.
    deliveries: Vec<Delivery>,
    /// `cursor` of the next page; null: this is the last.
    next: Option<String>,
}

/// A state that messages may be in.
struct Stage(String);

impl FromStr for Stage {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "pending" | "delivered" | "dead" => Ok(Self(s.to_owned())),
            _ => Err("must be pending, delivered or dead"),
        }
    }
}

/// Where a page ended.
struct DeliveryCursor(After);

impl FromStr for DeliveryCursor {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        moderation::read(s).map(Self).ok_or(NOT_A_CURSOR)
    }
}

/// Webhooks, without their secrets
#[utoipa::path(
    get, path = "/admin/webhooks", tag = "admin", security(("token" = [])),
    responses((status = 200, body = WebhookList), NoToken, BelowAdmin, BadParameters)
)]
pub(super) async fn list_webhooks(State(pool): Pool, _: Admin, uri: Uri) -> Result<Json<WebhookList>, Error> {
    Parameters::of(&uri).finish()?;
    Ok(Json(WebhookList { webhooks: rows::list(&mut *pool.acquire().await?, None).await? }))
}

/// Make a webhook; its secret is told this once
#[utoipa::path(
    post, path = "/admin/webhooks", tag = "admin", security(("token" = [])), request_body = NewWebhook,
    responses(
        (status = 201, body = MadeWebhook),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "A body that is no JSON"),
        NoToken,
        BelowAdmin,
        (status = 413, body = Problem, content_type = "application/problem+json", description = "A body that is too long"),
        (status = 415, body = Problem, content_type = "application/problem+json", description = "A body of another kind"),
        (status = 422, body = Problem, content_type = "application/problem+json",
         description = "Fields that can't be used; `invalid_webhook`: its URL leads where nothing is sent"),
    )
)]
pub(super) async fn add_webhook(
    State(app): State<App>,
    who: Admin,
    uri: Uri,
    request: Request,
) -> Result<Response, Error> {
    Parameters::of(&uri).finish()?;
    let New { url, events, note } = read(&Body::read(request).await?)?;
    let made = webhooks::add(&app.pool, &app.webhooks, &url, &events, &note, who.by()).await?;
    let made = MadeWebhook { id: made.id, secret: made.secret };
    Ok((StatusCode::CREATED, Json(made)).into_response())
}

/// Remove a webhook with all its messages
#[utoipa::path(
    delete, path = "/admin/webhooks/{id}", tag = "admin", security(("token" = [])),
    params(("id" = String, Path, description = "The webhook")),
    responses(
        (status = 204, description = "It is gone"),
        NoToken,
        BelowAdmin,
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such webhook"),
        BadParameters,
    )
)]
pub(super) async fn remove_webhook(
    State(pool): Pool,
    who: Admin,
    Segment(id): Segment,
    uri: Uri,
) -> Result<StatusCode, Error> {
    Parameters::of(&uri).finish()?;
    webhooks::remove(&pool, known(&id)?, who.by()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tell a webhook again what happens from now on
#[utoipa::path(
    post, path = "/admin/webhooks/{id}/enable", tag = "admin", security(("token" = [])),
    params(("id" = String, Path, description = "The webhook")),
    responses(
        (status = 200, body = WebhookChanged),
        NoToken,
        BelowAdmin,
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such webhook"),
        BadParameters,
    )
)]
pub(super) async fn enable_webhook(
    State(pool): Pool,
    who: Admin,
    Segment(id): Segment,
    uri: Uri,
) -> Result<Json<WebhookChanged>, Error> {
    Parameters::of(&uri).finish()?;
    let id = known(&id)?;
    let changed = webhooks::enable(&pool, id, who.by()).await?;
    Ok(Json(WebhookChanged { id, enabled: true, changed }))
}

/// Tell a webhook nothing any more; messages that wait for it are dead
#[utoipa::path(
    post, path = "/admin/webhooks/{id}/disable", tag = "admin", security(("token" = [])),
    params(("id" = String, Path, description = "The webhook")),
    responses(
        (status = 200, body = WebhookChanged),
        NoToken,
        BelowAdmin,
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such webhook"),
        BadParameters,
    )
)]
pub(super) async fn disable_webhook(
    State(pool): Pool,
    who: Admin,
    Segment(id): Segment,
    uri: Uri,
) -> Result<Json<WebhookChanged>, Error> {
    Parameters::of(&uri).finish()?;
    let id = known(&id)?;
    let changed = webhooks::disable(&pool, id, "an administrator disabled it", who.by()).await?;
    Ok(Json(WebhookChanged { id, enabled: false, changed }))
}

/// Send a webhook a test message now, and say how it went
#[utoipa::path(
    post, path = "/admin/webhooks/{id}/test", tag = "admin", security(("token" = [])),
    params(("id" = String, Path, description = "The webhook")),
    responses(
        (status = 200, body = Delivery),
        NoToken,
        BelowAdmin,
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such webhook"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "It is disabled"),
        BadParameters,
    )
)]
pub(super) async fn test_webhook(
    State(app): State<App>,
    who: Admin,
    Segment(id): Segment,
    uri: Uri,
) -> Result<Json<Delivery>, Error> {
    Parameters::of(&uri).finish()?;
    let delivery = webhooks::test(&app.pool, known(&id)?, who.by()).await?;
    Ok(Json(webhooks::send_now(&app.pool, &app.webhooks, &delivery).await?))
}

/// Messages to webhooks and what became of them, the newest first
#[utoipa::path(
    get, path = "/admin/webhook-deliveries", tag = "admin", security(("token" = [])),
    params(
        ("webhook" = Option<String>, Query, description = "Of this webhook alone", format = Uuid),
        ("state" = Option<String>, Query, description = "`pending`, `delivered` or `dead`"),
        ("limit" = Option<i64>, Query, description = "1 to 100, default 20", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses((status = 200, body = DeliveryList), NoToken, BelowAdmin, BadParameters)
)]
pub(super) async fn list_deliveries(
    State(pool): Pool,
    _: Admin,
    uri: Uri,
) -> Result<Json<DeliveryList>, Error> {
    let mut parameters = Parameters::of(&uri);
    let webhook: Option<Uuid> = parameters.take("webhook");
    let stage = parameters.take("state").map(|Stage(stage)| stage);
    let after = parameters.take("cursor").map(|DeliveryCursor(after)| after);
    let Limit(limit) = parameters.take("limit").unwrap_or_default();
    parameters.finish()?;
    let mut conn = pool.acquire().await?;
    let mut deliveries = deliveries::list(&mut conn, webhook, stage.as_deref(), after, limit + 1).await?;
    let next = cut(&mut deliveries, limit, |last| moderation::text(last.created_at, &last.id));
    Ok(Json(DeliveryList { deliveries, next }))
}

/// Have a message sent again under the same id, however it went before
#[utoipa::path(
    post, path = "/admin/webhook-deliveries/{id}/redeliver", tag = "admin", security(("token" = [])),
    params(("id" = String, Path, description = "The message: `msg_…`")),
    responses(
        (status = 202, description = "A worker sends it"),
        NoToken,
        BelowAdmin,
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such message"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "Its webhook is disabled"),
        BadParameters,
    )
)]
pub(super) async fn redeliver(
    State(pool): Pool,
    who: Admin,
    Segment(id): Segment,
    uri: Uri,
) -> Result<StatusCode, Error> {
    Parameters::of(&uri).finish()?;
    webhooks::redeliver(&pool, &id, who.by()).await?;
    Ok(StatusCode::ACCEPTED)
}

struct New {
    url: String,
    events: Vec<EventKind>,
    note: String,
}

fn read(body: &Body) -> Result<New, Error> {
    let mut fields = body.fields();
    let url: Option<String> = fields.need("url");
    let names: Vec<String> = fields.need("events").unwrap_or_default();
    let mut events = Vec::new();
    for name in names {
        match name.parse::<EventKind>() {
            Ok(event) => events.push(event),
            Err(reason) => fields.refuse("events", format!("can't be used: {reason}")),
        }
    }
    let fits = |note: &String| note.chars().count() <= 200;
    let note: Option<String> = fields.check("note", fits, "at most 200 characters");
    fields.finish();
    body.finish()?;
    Ok(New { url: url.unwrap_or_default(), events, note: note.unwrap_or_default() })
}

/// A webhook's id. One that is no id is the id of none.
fn known(id: &str) -> Result<Uuid, Error> {
    id.parse().map_err(|_| webhooks::Error::NoWebhook(id.to_owned()).into())
}
