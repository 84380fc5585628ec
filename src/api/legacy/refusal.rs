//! What goes wrong on the original paths, in the envelope that their clients know.

use std::collections::BTreeMap;

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::{
    IntoResponses, ToSchema,
    openapi::{Content, Ref, RefOr, Response as Described, ResponseBuilder},
};

use crate::{api::error::Error, store};

/// Why a request isn't answered.
#[derive(Debug)]
pub(super) enum Refusal {
    /// This status, and why, for people.
    Plain(StatusCode, String),
    /// 422: everything that is wrong with what was sent.
    Faults(Vec<Fault>),
    /// 406: what was written isn't taken. The message, and `data.error_detail`.
    Unacceptable(String, Value),
    /// What can happen to any request of the API.
    Other(Error),
}

impl Refusal {
    /// 400: it is so already, or can't be done.
    pub(super) fn pointless(message: impl Into<String>) -> Self {
        Self::Plain(StatusCode::BAD_REQUEST, message.into())
    }

    /// 403: not signed in, or not theirs.
    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self::Plain(StatusCode::FORBIDDEN, message.into())
    }

    /// 404: there is no such thing.
    pub(super) fn unknown(message: impl Into<String>) -> Self {
        Self::Plain(StatusCode::NOT_FOUND, message.into())
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl From<store::Error> for Refusal {
    fn from(error: store::Error) -> Self {
        Self::Other(error.into())
    }
}

impl From<sqlx::Error> for Refusal {
    fn from(error: sqlx::Error) -> Self {
        Self::Other(error.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Plain(status, message) => envelope(status, message, Vec::new(), None),
            Self::Faults(faults) => {
                let bad: Vec<String> =
                    faults.iter().map(|fault| format!("{}: {}", fault.place(), fault.msg)).collect();
                let message = format!("the request can't be used: {}", bad.join("; "));
                envelope(StatusCode::UNPROCESSABLE_ENTITY, message, faults, None)
            }
            Self::Unacceptable(message, detail) => {
                envelope(StatusCode::NOT_ACCEPTABLE, message, Vec::new(), Some(detail))
            }
            Self::Other(error) => error.into_response(),
        }
    }
}

/// The answer itself.
pub(super) fn envelope(
    status: StatusCode,
    message: String,
    errors: Vec<Fault>,
    error_detail: Option<Value>,
) -> Response {
    let data = RefusedData { status_code: status.as_u16(), errors, error_detail };
    (status, Json(Refused { success: false, message, data })).into_response()
}

/// Why a request isn't answered.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OriginalRefused)]
pub(super) struct Refused {
    /// Always false.
    success: bool,
    /// What failed and why, for people.
    message: String,
    data: RefusedData,
}

/// The same for programs.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RefusedData {
    /// The status.
    status_code: u16,
    /// 422: everything that is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Fault>,
    /// 406: why it isn't taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_detail: Option<Value>,
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Fault {
    /// Where: `["query", "page"]`, `["body", "comment"]`; of a body that is no JSON, `["body", <byte>]`.
    #[schema(value_type = Vec<Value>)]
    loc: Vec<Value>,
    /// What is wrong, for people.
    msg: String,
    /// The same for programs: `missing`, `int_parsing`, `string_too_long`, …
    r#type: &'static str,
}

impl Fault {
    /// A fault of a parameter or a field.
    pub(super) fn of(part: &str, name: &str, r#type: &'static str, msg: impl Into<String>) -> Self {
        Self { loc: vec![part.into(), name.into()], msg: msg.into(), r#type }
    }

    /// A fault of the whole body, or of its `byte`.
    pub(super) fn of_body(byte: Option<usize>, r#type: &'static str, msg: impl Into<String>) -> Self {
        let loc = std::iter::once(Value::from("body")).chain(byte.map(Value::from)).collect();
        Self { loc, msg: msg.into(), r#type }
    }

    /// What has to be there and isn't.
    pub(super) fn missing(part: &str, name: &str) -> Self {
        Self::of(part, name, "missing", "Field required")
    }

    /// Whether it is the whole body that can't be read.
    pub(super) fn is_of_all(&self) -> bool {
        !matches!(self.loc.as_slice(), [_, Value::String(_)])
    }

    /// The last part of its place.
    fn place(&self) -> String {
        match self.loc.last() {
            Some(Value::String(name)) => name.clone(),
            Some(place) => format!("byte {place}"),
            None => String::new(),
        }
    }
}

macro_rules! refusals {
    ($($name:ident: $status:literal $description:literal;)*) => {$(
        #[doc = $description]
        pub(super) enum $name {}

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Described>> {
                let body = Content::new(Some(Ref::from_schema_name("OriginalRefused")));
                let response = ResponseBuilder::new().description($description).content("application/json", body);
                BTreeMap::from([($status.to_owned(), response.build().into())])
            }
        }
    )*};
}

refusals! {
    Pointless: "400" "It is so already, or can't be done";
    BadBearer: "401" "A bearer token that is bad, expired or of nobody";
    NoBearer: "403" "Not signed in, or not theirs";
    Unknown: "404" "There is no such thing";
    Unacceptable: "406" "What was written isn't taken";
    Unusable: "422" "Parameters or fields that are missing or can't be used";
    TooOften: "429" "Asked too often; `Retry-After` says when to ask again";
}
