//! What can go wrong with a request, and its RFC 9457 form. Whether a person gets a page instead is `guard`'s to say.

use std::sync::Arc;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{
    domain::{
        ids::{MatrixId, RunId},
        names::UnknownName,
    },
    ledger::{self, tokens::Role},
    queue,
    report::records::Level,
    store,
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
    #[error("there is no matrix {0}")]
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
    #[error("the request has parameters that can't be used: {}", in_words(.0))]
    Parameters(Vec<BadParameter>),
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
    /// The run's state doesn't allow it.
    #[error("{0}")]
    Refused(String),
    /// The job queue failed.
    #[error("the job queue can't take this now: try again; `dria-bench doctor` says what is wrong with it")]
    Queue(#[from] queue::Error),
    /// A body, where none is read.
    #[error("the request's body is longer than {0} bytes, and nothing here reads one: send none")]
    Body(u64),
    /// No answer in time.
    #[error("there was no answer within {0} s: the machine or its database is busy; try again")]
    TooSlow(u64),
    /// The database failed.
    #[error("the database can't answer now: try again; `dria-bench doctor` says what is wrong with it")]
    Store(#[from] store::Error),
}

/// One parameter and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct BadParameter {
    /// Its name.
    pub(super) parameter: String,
    /// What is wrong and what would be right, so that it reads on from the name.
    pub(super) message: String,
}

fn in_words(bad: &[BadParameter]) -> String {
    bad.iter().map(|bad| format!("`{}` {}", bad.parameter, bad.message)).collect::<Vec<_>>().join("; ")
}

/// RFC 9457.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    /// A stable name for programs.
    code: &'static str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [BadParameter],
}

impl Error {
    /// Status of the answer, and the stable name for programs.
    const fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::UnknownPath(_) => (StatusCode::NOT_FOUND, "not_found"),
            Self::UnknownRun(_) => (StatusCode::NOT_FOUND, "run_not_found"),
            Self::UnknownMatrix(_) => (StatusCode::NOT_FOUND, "matrix_not_found"),
            Self::UnknownSchedule(_) => (StatusCode::NOT_FOUND, "schedule_not_found"),
            Self::Unknown(_) => (StatusCode::NOT_FOUND, "not_found"),
            Self::NoRecords(..) => (StatusCode::NOT_FOUND, "records_not_found"),
            Self::Records(_) => (StatusCode::INTERNAL_SERVER_ERROR, "records"),
            Self::Parameters(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_parameters"),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::Unauthorised => (StatusCode::UNAUTHORIZED, "unauthorised"),
            Self::Forbidden(..) => (StatusCode::FORBIDDEN, "forbidden"),
            Self::Refused(_) => (StatusCode::CONFLICT, "refused"),
            Self::Queue(_) => (StatusCode::SERVICE_UNAVAILABLE, "queue"),
            Self::Body(_) => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
            Self::TooSlow(_) => (StatusCode::SERVICE_UNAVAILABLE, "timeout"),
            Self::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, "database"),
        }
    }

    /// Status of the answer.
    pub(super) const fn status(&self) -> StatusCode {
        self.status_and_code().0
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<ledger::Error> for Error {
    fn from(error: ledger::Error) -> Self {
        match error {
            ledger::Error::Store(error) => Self::Store(error),
            ledger::Error::Queue(error) => Self::Queue(error),
            ledger::Error::NoRun(id) => Self::UnknownRun(id),
            ledger::Error::NoMatrix(id) => Self::UnknownMatrix(id),
            ledger::Error::NoSchedule(unknown) => Self::UnknownSchedule(unknown),
            ledger::Error::Definitions(error) => Self::Refused(error.to_string()),
            ledger::Error::Matrix(error) => Self::Refused(error.to_string()),
            ledger::Error::Refused(reason) => Self::Refused(reason),
            ledger::Error::Unknown(what) => Self::Unknown(what),
        }
    }
}

impl IntoResponse for Error {
    /// As problem+json. The error itself travels with the response, for `guard::dress`.
    fn into_response(self) -> Response {
        let (status, code) = self.status_and_code();
        let errors: &[BadParameter] = match &self {
            Self::Parameters(bad) => bad,
            _ => &[],
        };
        let problem = Problem {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: self.to_string(),
            code,
            errors,
        };
        let mut response = (status, Json(problem)).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}
