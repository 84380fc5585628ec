//! `/api/v1/admin/tokens`: who may use the API. A token itself is told once, when it is made.

use axum::{
    Json,
    extract::{Request, State},
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        app::Pool,
        auth::Admin,
        error::{Error, Problem},
        fields::Body,
        parameters::{Parameters, Segment},
        refusals::{BadParameters, BelowAdmin, NoToken, NotJson, OtherKind, TooLong},
    },
    ledger::tokens::{self, Role},
    store::api_tokens::{self, ApiToken},
};

/// The longest name, characters.
const LONGEST_NAME: usize = 100;
/// The longest that a token may be good for, days.
const MOST_DAYS: i32 = 3650;

/// A token to be made.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only described: `Body` reads it")]
pub(super) struct NewToken {
    /// What it is called, e.g. whom it is for: one line, at most 100 characters.
    name: String,
    /// `viewer` reads, `operator` starts and steers runs, `admin` may do everything.
    role: Role,
    /// Days it is good for, 1 to 3650; null: until it is revoked.
    expires_days: Option<i32>,
}

/// A new token.
#[derive(Serialize, ToSchema)]
pub(super) struct MadeToken {
    /// Its name.
    name: String,
    /// What it allows.
    role: Role,
    /// The token. It is told this once.
    token: String,
}

/// Every token.
#[derive(Serialize, ToSchema)]
pub(super) struct TokenList {
    /// The newest first.
    tokens: Vec<ApiToken>,
}

/// Tokens that were made, the newest first, without the tokens themselves
#[utoipa::path(
    get, path = "/admin/tokens", tag = "admin",
    security(("token" = []), ("cookie" = []), ("access_token" = [])),
    responses((status = 200, body = TokenList), NoToken, BelowAdmin, BadParameters)
)]
pub(super) async fn list_tokens(State(pool): Pool, _: Admin, uri: Uri) -> Result<Json<TokenList>, Error> {
    Parameters::of(&uri).finish()?;
    Ok(Json(TokenList { tokens: api_tokens::list(&mut *pool.acquire().await?).await? }))
}

/// Make a token; it is told this once, and only its digest is kept
#[utoipa::path(
    post, path = "/admin/tokens", tag = "admin",
    security(("token" = []), ("cookie" = []), ("access_token" = [])),
    request_body = NewToken,
    responses(
        (status = 201, body = MadeToken),
        NotJson,
        NoToken,
        BelowAdmin,
        (status = 409, body = Problem, content_type = "application/problem+json",
         description = "A token of this name is in force"),
        TooLong,
        OtherKind,
        (status = 422, body = Problem, content_type = "application/problem+json",
         description = "Fields that can't be used"),
    )
)]
pub(super) async fn create_token(
    State(pool): Pool,
    who: Admin,
    uri: Uri,
    request: Request,
) -> Result<Response, Error> {
    Parameters::of(&uri).finish()?;
    let New { name, role, days } = read(&Body::read(request).await?)?;
    let token = tokens::create(&pool, &name, role, days, who.by()).await?;
    Ok((StatusCode::CREATED, Json(MadeToken { name, role, token })).into_response())
}

/// Take a token back, at once
#[utoipa::path(
    post, path = "/admin/tokens/{name}/revoke", tag = "admin",
    security(("token" = []), ("cookie" = []), ("access_token" = [])),
    params(("name" = String, Path, description = "The token's name")),
    responses(
        (status = 204, description = "It is not in force any more"),
        NoToken,
        BelowAdmin,
        (status = 409, body = Problem, content_type = "application/problem+json",
         description = "No token of this name is in force"),
        BadParameters,
    )
)]
pub(super) async fn revoke_token(
    State(pool): Pool,
    who: Admin,
    Segment(name): Segment,
    uri: Uri,
) -> Result<StatusCode, Error> {
    Parameters::of(&uri).finish()?;
    tokens::revoke(&pool, &name, who.by()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A token to be made, as it was asked for.
struct New {
    name: String,
    role: Role,
    days: Option<i32>,
}

fn read(body: &Body) -> Result<New, Error> {
    let mut fields = body.fields();
    let is_line = |name: &str| {
        (1..=LONGEST_NAME).contains(&name.trim().chars().count()) && !name.contains(char::is_control)
    };
    let name: Option<String> = fields.need("name");
    if name.as_deref().is_some_and(|name| !is_line(name)) {
        fields.refuse("name", "must be one line of 1 to 100 characters".to_owned());
    }
    let role: Option<String> = fields.need("role");
    let role = role.and_then(|role| match role.parse::<Role>() {
        Ok(role) => Some(role),
        Err(reason) => {
            fields.refuse("role", format!("can't be used: {reason}"));
            None
        }
    });
    let days = fields.check("expires_days", |days| (1..=MOST_DAYS).contains(days), "1 to 3650");
    fields.finish();
    body.finish()?;
    Ok(New { name: name.unwrap_or_default().trim().to_owned(), role: role.unwrap_or(Role::Viewer), days })
}
