//! What an error of RunPod's means: another GPU, another try, or the end. It gives no codes, so a text is looked at.

use std::time::Duration;

use crate::{domain::failure::Failure, retry::Again};

/// Why a call failed.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum CallError {
    /// It answered with an error.
    #[error("RunPod answered {status}: {detail}")]
    Status {
        status: u16,
        detail: String,
        /// Whether it spoke as its API does; the proxy in front of it answers in HTML.
        problem: bool,
        retry_after: Option<Duration>,
    },
    /// No answer, or a broken one: what was asked may have been done.
    #[error("RunPod gave no answer ({0})")]
    Unclear(String),
}

/// What to do about a create that failed.
#[derive(Debug)]
pub(super) enum CreateVerdict {
    /// This GPU can't be had.
    NextGpu(String),
    /// The pod may be there: look before trying again.
    LookFirst,
    /// Nothing was made: wait and try again.
    Again,
    /// No use.
    Stop,
}

/// Whether a call that may be repeated should be.
pub(super) fn again(error: &CallError) -> Again {
    match error {
        CallError::Status { status, retry_after, .. } if *status == 429 || *status >= 500 => {
            retry_after.map_or(Again::Yes, Again::NotBefore)
        }
        CallError::Unclear(_) => Again::Yes,
        CallError::Status { .. } => Again::Never,
    }
}

pub(super) fn create_verdict(error: &CallError) -> CreateVerdict {
    match error {
        CallError::Status { status: 429, .. } => CreateVerdict::Again,
        CallError::Unclear(_) | CallError::Status { status: 500.., .. } => CreateVerdict::LookFirst,
        CallError::Status { status: 400, detail, .. } if no_capacity(detail) => {
            CreateVerdict::NextGpu(detail.clone())
        }
        CallError::Status { status: 403, detail, problem: true, .. } => {
            CreateVerdict::NextGpu(format!("no access: {detail}"))
        }
        CallError::Status { .. } => CreateVerdict::Stop,
    }
}

/// What to do about a change that failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum UpdateVerdict {
    /// It is gone, or can't be changed as it is.
    Refused,
    /// It may have been changed: look before trying again.
    LookFirst,
    /// As any other call.
    Other,
}

pub(super) fn update_verdict(error: &CallError) -> UpdateVerdict {
    match error {
        CallError::Unclear(_) | CallError::Status { status: 500.., .. } => UpdateVerdict::LookFirst,
        CallError::Status { status: 400 | 404 | 409 | 422, problem: true, .. } => UpdateVerdict::Refused,
        CallError::Status { .. } => UpdateVerdict::Other,
    }
}

fn no_capacity(detail: &str) -> bool {
    let detail = detail.to_lowercase();
    ["instances available", "capacity", "free gpus", "enough disk space"]
        .iter()
        .any(|words| detail.contains(words))
}

/// The failure of a step whose call failed for good.
pub(super) fn failure(error: &CallError) -> Failure {
    let CallError::Status { status, detail, problem, .. } = error else {
        return Failure::transient("provider_unavailable", format!("{error}: trying again"));
    };
    match (status, problem) {
        (401, _) => Failure::permanent(
            "provider_unauthorized",
            "RunPod refuses RUNPOD_API_KEY: make a key with write access in its console and set it",
        ),
        (402, _) => Failure::permanent(
            "insufficient_balance",
            format!("RunPod rents nothing: {detail}. Add credit there, then `dria-bench runs retry`"),
        ),
        (403, true) => Failure::permanent("provider_forbidden", format!("RunPod refuses access: {detail}")),
        (429 | 500.., _) | (_, false) => {
            Failure::transient("provider_unavailable", format!("{error}: trying again"))
        }
        (409, _) => Failure::transient("provider_conflict", format!("{error}: looking again")),
        _ => Failure::permanent("bad_request", format!("RunPod refuses what was asked ({status}): {detail}")),
    }
}
