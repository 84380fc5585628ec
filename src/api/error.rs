//! What can go wrong with a request, and its RFC 9457 form. Whether a person gets a page instead is `guard`'s to say.

use std::sync::Arc;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::error_codes;
use crate::{
    assistant, community,
    domain::{
        ids::{MatrixId, RunId},
        matrix::MatrixError,
        names::UnknownName,
    },
    ledger::{self, tokens::Role},
    people::{self, GithubError},
    queue,
    report::records::Level,
    store, webhooks,
};

/// Why a request isn't answered.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// No route.
    #[error("there is nothing at {0}")]
    UnknownPath(String),
    /// No such run.
    #[error("there is no run {0}; /api/v1/runs lists those that there are")]
    UnknownRun(RunId),
    /// No matrix has this id.
    #[error("there is no matrix {0}; /api/v1/matrices lists those that there are")]
    UnknownMatrix(MatrixId),
    /// No schedule has this name.
    #[error("{0}")]
    UnknownSchedule(UnknownName),
    /// No such job or queue; what there is is said.
    #[error("{0}")]
    Unknown(String),
    /// A run without records of this level.
    #[error(
        "run {0} has no records of {1}: it didn't measure that level, or its version kept no records; \
         /api/v1/runs/{0}/results lists its levels"
    )]
    NoRecords(RunId, Level),
    /// Stored records that can't be given out.
    #[error("{0}")]
    Records(String),
    /// Parameters that can't be used.
    #[error("the request has parameters that can't be used: {}", in_words(.0.iter().map(|bad| (&bad.parameter, &bad.message))))]
    Parameters(Vec<BadParameter>),
    /// A body whose fields can't be used.
    #[error("the body has fields that can't be used: {}", in_words(.0.iter().map(|bad| (&bad.field, &bad.message))))]
    Fields(Vec<BadField>),
    /// Something that may not be done with a run or a comment.
    #[error("{0}")]
    Community(community::Error),
    /// Something that can't be done with a webhook.
    #[error("{0}")]
    Webhooks(webhooks::Error),
    /// A matrix that can't be run as it is asked for.
    #[error("{0}")]
    Matrix(#[from] MatrixError),
    /// A body that is no JSON.
    #[error("the body can't be read as JSON: {0}")]
    Malformed(String),
    /// A body of another kind.
    #[error("the body has to be JSON: send it with `Content-Type: application/json`")]
    NotJson,
    /// Something else than a read.
    #[error("this path isn't asked in this way: `Allow` names the methods it answers")]
    Method,
    /// Nobody we know.
    #[error(
        "this needs a token: send `Authorization: Bearer …` with one that is in force (dria-bench tokens create)"
    )]
    Unauthorised,
    /// A token that doesn't allow it.
    #[error("this token's role is {0}, and this needs {1}")]
    Forbidden(Role, Role),
    /// Somebody signed in, and has no role.
    #[error(
        "this needs the role {0}: a token of the API has one, and so have the logins of DRIA_BENCH_ADMINS"
    )]
    NoRole(Role),
    /// Somebody can't be signed in.
    #[error(transparent)]
    SignIn(people::Error),
    /// Nobody is signed in.
    #[error(
        "this needs somebody who is signed in: sign in with GitHub, or send `Authorization: Bearer …` with an access token"
    )]
    NotSignedIn,
    /// The same on the original paths, whose clients know another status.
    #[error(
        "this needs somebody who is signed in: send `Authorization: Bearer …` with an access token (/auth/github/login)"
    )]
    NotSignedInOriginal,
    /// An access token that is no good.
    #[error(
        "the access token is none of ours, or its time is over: renew it in time with POST /auth/refresh, or sign in again"
    )]
    BadSignIn,
    /// A cookie for somebody who has one, or needs none.
    #[error(
        "a token of the API is given for a cookie, by somebody who isn't signed in: send it as `Authorization: Bearer …`"
    )]
    SignedInAlready,
    /// A token of the API where a person is needed.
    #[error("this is for people who signed in with GitHub; a token of the API is nobody in particular")]
    NoPerson,
    /// Somebody suspended wants to write.
    #[error(
        "this account may not write at the moment ({0}); it can read, and export or delete what is its own"
    )]
    Suspended(String),
    /// A write with a cookie that no page of ours is known to have sent.
    #[error(
        "a write with the site's cookie needs the header `X-CSRF-Token`, as /api/v1/session tells it, and a page of the site to send it"
    )]
    Forged,
    /// Parts of a request that a role doesn't allow.
    #[error(
        "this token's role is {0}, and {1} admin: it says what is started or asked for on the machines of this deployment"
    )]
    ForbiddenParts(Role, String),
    /// Too many requests.
    #[error("this address asks too often: ask again in {0} s")]
    TooMany(u64),
    /// Too many open streams.
    #[error("this address follows {0} runs already, and that is as many as it may: end one of those streams")]
    TooManyStreams(u32),
    /// Something of ours is broken.
    #[error("something of the server is broken: {0}")]
    Internal(String),
    /// The run's state doesn't allow it.
    #[error("{0}")]
    Refused(String),
    /// The job queue failed.
    #[error("the job queue can't take this now: try again; `dria-bench doctor` says what is wrong with it")]
    Queue(#[from] queue::Error),
    /// A body that is too long.
    #[error("the request's body is longer than {0} bytes, which is more than anything here needs")]
    Body(u64),
    /// No answer in time.
    #[error("there was no answer within {0} s: the machine or its database is busy; try again")]
    TooSlow(u64),
    /// The assistant doesn't answer.
    #[error("{0}")]
    Assistant(assistant::Error),
    /// The schema isn't this version's.
    #[error("{0}")]
    NotReady(String),
    /// The database failed, perhaps for several who asked at once.
    #[error("the database can't answer now: try again; `dria-bench doctor` says what is wrong with it")]
    Store(Arc<store::Error>),
}

/// One parameter and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct BadParameter {
    /// Its name.
    pub(super) parameter: String,
    /// What is wrong and what would be right, so that it reads on from the name.
    pub(super) message: String,
}

/// One field of a body and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct BadField {
    /// Its path: `engine.kind`.
    pub(super) field: String,
    /// What is wrong and what would be right, so that it reads on from the name.
    pub(super) message: String,
}

fn in_words<'a>(bad: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    bad.map(|(name, message)| format!("`{name}` {message}")).collect::<Vec<_>>().join("; ")
}

/// Why a request isn't answered (RFC 9457).
#[derive(Serialize, ToSchema)]
pub(super) struct Problem {
    /// Always `about:blank`: `code` says more.
    r#type: &'static str,
    /// The status in words.
    title: &'static str,
    /// The status.
    status: u16,
    /// What failed, why, and what to do next.
    detail: String,
    /// A stable name for programs.
    code: &'static str,
    /// The request's id, as in `X-Request-Id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    /// Everything that is wrong with parameters or the body.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<BadPart>,
}

/// One thing that is wrong: with a parameter, or with a field of the body.
#[derive(Serialize, ToSchema)]
struct BadPart {
    /// The parameter's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
    /// The field's path: `engine.kind`.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// What is wrong and what would be right.
    message: String,
}

impl Error {
    /// Status of the answer, and the stable name for programs.
    const fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::UnknownPath(_) | Self::Unknown(_) => (StatusCode::NOT_FOUND, "not_found"),
            Self::UnknownRun(_) => (StatusCode::NOT_FOUND, "run_not_found"),
            Self::UnknownMatrix(_) => (StatusCode::NOT_FOUND, "matrix_not_found"),
            Self::UnknownSchedule(_) => (StatusCode::NOT_FOUND, "schedule_not_found"),
            Self::Community(error) => error_codes::of_community(error),
            Self::Webhooks(error) => error_codes::of_webhooks(error),
            Self::NoRecords(..) => (StatusCode::NOT_FOUND, "records_not_found"),
            Self::Records(_) => (StatusCode::INTERNAL_SERVER_ERROR, "records"),
            Self::Parameters(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_parameters"),
            Self::Fields(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_body"),
            Self::Matrix(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_matrix"),
            Self::Malformed(_) => (StatusCode::BAD_REQUEST, "malformed_body"),
            Self::NotJson => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json"),
            Self::TooMany(_) => (StatusCode::TOO_MANY_REQUESTS, "too_many_requests"),
            Self::TooManyStreams(_) => (StatusCode::TOO_MANY_REQUESTS, "too_many_streams"),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::Unauthorised => (StatusCode::UNAUTHORIZED, "unauthorised"),
            Self::SignIn(error) => sign_in(error),
            Self::NotSignedIn | Self::BadSignIn => (StatusCode::UNAUTHORIZED, "not_signed_in"),
            Self::NotSignedInOriginal => (StatusCode::FORBIDDEN, "not_signed_in"),
            Self::SignedInAlready => (StatusCode::FORBIDDEN, "signed_in_already"),
            Self::NoPerson => (StatusCode::FORBIDDEN, "not_a_person"),
            Self::Suspended(_) => (StatusCode::FORBIDDEN, "suspended"),
            Self::Forged => (StatusCode::FORBIDDEN, "csrf"),
            Self::Forbidden(..) | Self::ForbiddenParts(..) | Self::NoRole(_) => {
                (StatusCode::FORBIDDEN, "forbidden")
            }
            Self::Refused(_) => (StatusCode::CONFLICT, "refused"),
            Self::Queue(_) => (StatusCode::SERVICE_UNAVAILABLE, "queue"),
            Self::Body(_) => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
            Self::TooSlow(_) => (StatusCode::SERVICE_UNAVAILABLE, "timeout"),
            Self::Assistant(error) => error_codes::of_assistant(error),
            Self::NotReady(_) => (StatusCode::SERVICE_UNAVAILABLE, "not_ready"),
            Self::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, "database"),
        }
    }

    /// The stable name for programs.
    pub(super) const fn code(&self) -> &'static str {
        self.status_and_code().1
    }

    /// Status of the answer.
    pub(super) const fn status(&self) -> StatusCode {
        self.status_and_code().0
    }
}

/// The same of a sign-in that failed.
const fn sign_in(error: &people::Error) -> (StatusCode, &'static str) {
    match error {
        people::Error::NotConfigured => (StatusCode::SERVICE_UNAVAILABLE, "sign_in_not_configured"),
        people::Error::BadState => (StatusCode::BAD_REQUEST, "sign_in_state"),
        people::Error::Github(GithubError::Refused(_)) => (StatusCode::BAD_REQUEST, "sign_in_refused"),
        people::Error::Github(GithubError::Away(_)) => (StatusCode::SERVICE_UNAVAILABLE, "github_away"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Store(Arc::new(error))
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        store::Error::from(error).into()
    }
}

impl From<people::Error> for Error {
    fn from(error: people::Error) -> Self {
        match error {
            people::Error::Store(error) => error.into(),
            people::Error::Ledger(error) => error.into(),
            people::Error::NoUser(_) => Self::Unknown(error.to_string()),
            other => Self::SignIn(other),
        }
    }
}

impl From<community::Error> for Error {
    fn from(error: community::Error) -> Self {
        match error {
            community::Error::Store(error) => error.into(),
            other => Self::Community(other),
        }
    }
}

impl From<webhooks::Error> for Error {
    fn from(error: webhooks::Error) -> Self {
        match error {
            webhooks::Error::Store(error) => error.into(),
            other => Self::Webhooks(other),
        }
    }
}

impl From<ledger::Error> for Error {
    fn from(error: ledger::Error) -> Self {
        match error {
            ledger::Error::Store(error) => error.into(),
            ledger::Error::Queue(error) => Self::Queue(error),
            ledger::Error::NoRun(id) => Self::UnknownRun(id),
            ledger::Error::NoMatrix(id) => Self::UnknownMatrix(id),
            ledger::Error::NoSchedule(unknown) => Self::UnknownSchedule(unknown),
            ledger::Error::Definitions(error) => Self::Refused(error.to_string()),
            ledger::Error::Matrix(error) => Self::Matrix(error),
            ledger::Error::Refused(reason) => Self::Refused(reason),
            ledger::Error::Unknown(what) => Self::Unknown(what),
        }
    }
}

impl Error {
    /// The answer for programs. It names the request where its id is known.
    pub(super) fn problem(&self, request_id: Option<&str>) -> Problem {
        let (status, code) = self.status_and_code();
        let errors = match self {
            Self::Parameters(bad) => bad.iter().map(BadPart::from).collect(),
            Self::Fields(bad) => bad.iter().map(BadPart::from).collect(),
            _ => Vec::new(),
        };
        Problem {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: self.to_string(),
            code,
            request_id: request_id.map(str::to_owned),
            errors,
        }
    }

    /// Seconds after which asking again may help.
    const fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::TooMany(seconds) => Some(*seconds),
            Self::TooManyStreams(_) => Some(10),
            Self::Assistant(error) => error.retry_after_s(),
            _ => None,
        }
    }
}

impl From<&BadParameter> for BadPart {
    fn from(bad: &BadParameter) -> Self {
        Self { parameter: Some(bad.parameter.clone()), field: None, message: bad.message.clone() }
    }
}

impl From<&BadField> for BadPart {
    fn from(bad: &BadField) -> Self {
        Self { parameter: None, field: Some(bad.field.clone()), message: bad.message.clone() }
    }
}

impl IntoResponse for Error {
    /// Status and headers alone: the error itself travels with the response, and `guard::dress` gives it a body.
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after_s() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status() == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}
