//! A run's end in words, and as an exit code.

use super::{CliError, Context, Exit};
use crate::{
    domain::{failure::Failure, ids::RunId, launch::last_lines, money::BUDGET_EXCEEDED, run::RunStatus},
    store::runs::Run,
};

/// Lines of an engine's log that are shown with the failure they explain.
const LOG_LINES: usize = 10;

/// The exit code of a run's end, after its reason was printed.
pub(super) fn conclude(run: &Run, context: &Context) -> Exit {
    let id = run.id;
    match (run.status, &run.error) {
        (RunStatus::Succeeded, _) => Exit::Done,
        (RunStatus::Cancelled, _) => {
            context
                .output
                .note(format!("run {id} was cancelled; what it measured is kept: dria-bench results {id}"));
            Exit::Cancelled
        }
        (_, Some(failure)) => {
            let error = explain(id, failure);
            context.output.error(&error);
            error.exit
        }
        (_, None) => {
            context
                .output
                .error(&CliError::failed(format!("run {id} is {}, and no reason is recorded", run.status)));
            Exit::Failed
        }
    }
}

fn explain(id: RunId, failure: &Failure) -> CliError {
    let exit = exit_of(&failure.code);
    let mut message = format!("run {id} failed: {failure}");
    let log = failure.details.get("log_tail").and_then(|tail| tail.as_str()).unwrap_or_default();
    let log = last_lines(log, LOG_LINES);
    if log.lines().next_back().is_some_and(|last| !failure.message.contains(last)) {
        message.push_str("\nThe end of the engine's log:\n");
        message.push_str(&log);
    }
    CliError::new(exit, message).hint(match exit {
        // What the run was asked to do is what can't be done: another try of it would end the same way.
        Exit::Usage => format!("correct the command and run it again (dria-bench runs show {id} has the attempts)"),
        Exit::Budget => format!("raise the cap that is named, then go on with: dria-bench runs retry {id}"),
        Exit::Environment => format!("put that right, then go on with: dria-bench runs retry {id}"),
        _ => format!(
            "dria-bench runs show {id} has the attempts; dria-bench runs retry {id} goes on from the failed step"
        ),
    })
}

/// Which failures are the request's or the environment's, and not the run's own.
fn exit_of(code: &str) -> Exit {
    match code {
        "database"
        | "disk_full"
        | "engine_missing"
        | "engine_starting"
        | "engine_unauthorised"
        | "engine_unreachable"
        | "host_error"
        | "insufficient_balance"
        | "model_gated"
        | "port_taken"
        | "provider_unavailable" => Exit::Environment,
        BUDGET_EXCEEDED => Exit::Budget,
        "bad_request"
        | "engine_bad_flag"
        | "model_not_found"
        | "prompt_too_long"
        | "stale_server"
        | "unsupported_setting"
        | "wrong_engine" => Exit::Usage,
        _ => Exit::Failed,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_failure_shows_the_end_of_the_engines_log_once() {
        let id = RunId::generate(crate::clock::now());
        let failure = Failure::permanent("engine_out_of_memory", "it ran out of memory: use fewer slots")
            .with_details(json!({ "log_tail": "loading\nCUDA out of memory" }));
        let error = explain(id, &failure);
        assert!(
            error.message.ends_with("The end of the engine's log:\nloading\nCUDA out of memory"),
            "{error}"
        );
        assert_eq!(error.exit, Exit::Failed);
        let told = Failure { message: "its last line was: CUDA out of memory".to_owned(), ..failure };
        assert!(!explain(id, &told).message.contains("The end of"));
    }

    #[test]
    fn a_request_that_cannot_be_met_is_not_to_be_retried() {
        let id = RunId::generate(crate::clock::now());
        let hint = |code: &str| explain(id, &Failure::permanent(code, "x")).hint.unwrap_or_default();
        assert!(!hint("prompt_too_long").contains("runs retry"));
        let over = explain(id, &Failure::permanent(BUDGET_EXCEEDED, "x"));
        assert_eq!(over.exit, Exit::Budget);
        assert!(hint("port_taken").contains("runs retry") && hint("engine_lost").contains("runs retry"));
    }
}
