//! `/api/v1/admin/dead-letters`: steps that failed for good.

use std::str::FromStr;

use axum::{Json, extract::State, http::Uri};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::DateTime;
use serde::Serialize;
use utoipa::ToSchema;

use super::{NOT_A_CURSOR, cut};
use crate::{
    api::{
        app::Pool,
        auth::Operator,
        error::Error,
        parameters::{Limit, Parameters},
        refusals::{BadParameters, BelowOperator, NoToken},
    },
    store::dead::{self, DeadLetter},
};

/// A page of dead letters.
#[derive(Serialize, ToSchema)]
pub(super) struct DeadLetterList {
    /// The newest first.
    dead_letters: Vec<DeadLetter>,
    /// `cursor` of the next page; null: this is the last.
    next: Option<String>,
}

/// Steps that failed for good, the newest first
#[utoipa::path(
    get, path = "/admin/dead-letters", tag = "admin", security(("token" = [])),
    params(
        ("limit" = Option<i64>, Query, description = "1 to 100, default 20", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, body = DeadLetterList),
        NoToken,
        BelowOperator,
        BadParameters,
    )
)]
pub(super) async fn list_dead_letters(
    State(pool): Pool,
    _: Operator,
    uri: Uri,
) -> Result<Json<DeadLetterList>, Error> {
    let mut parameters = Parameters::of(&uri);
    let after = parameters.take("cursor").map(|DeadCursor(after)| after);
    let Limit(limit) = parameters.take("limit").unwrap_or_default();
    parameters.finish()?;
    let mut dead_letters = dead::list(&mut *pool.acquire().await?, after, limit + 1).await?;
    let next = cut(&mut dead_letters, limit, |last| DeadCursor((last.at, last.run, last.step)).text());
    Ok(Json(DeadLetterList { dead_letters, next }))
}

/// The last dead letter of a page, as text that clients pass back as it is.
struct DeadCursor(dead::After);

impl DeadCursor {
    fn text(&self) -> String {
        let (at, run, step) = self.0;
        BASE64_URL_SAFE_NO_PAD.encode(format!("{}/{run}/{step}", at.timestamp_micros()))
    }

    fn read(text: &str) -> Option<Self> {
        let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let mut parts = text.split('/');
        let at = DateTime::from_timestamp_micros(parts.next()?.parse().ok()?)?;
        let (run, step) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        parts.next().is_none().then_some(Self((at, run, step)))
    }
}

impl FromStr for DeadCursor {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::read(s).ok_or(NOT_A_CURSOR)
    }
}
