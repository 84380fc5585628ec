//! Steering one run: cancel, pause, resume, retry, rerun, priority.

use rust_decimal::Decimal;
use serde_json::json;

use super::find_with_queue;
use crate::{
    cli::{
        CliResult, Context, Exit,
        attend::{self, require_worker, watch, worker_lives},
        conclude::conclude,
        database::Database,
        find::{self, RunRef},
        render,
        run::actor,
    },
    config::parse_cap,
    domain::step::StepKind,
    ledger::{self, operator},
    queue::ApalisQueue,
    report::View,
};

pub(super) async fn cancel(context: &Context, database: &Database, meant: &RunRef, wait: bool) -> CliResult {
    let (id, queue) = find_with_queue(database, meant).await?;
    let news = operator::cancel(&database.pool, &ApalisQueue, id, &actor()).await?;
    let said = if news { "cancelling" } else { "was being cancelled already:" };
    context.output.note(format!("{said} run {id}; it ends once its machine is cleaned up"));
    let works = worker_lives(context, database, &queue).await?;
    let ended = match (works, wait) {
        (true, false) => None,
        (true, true) => watch(context, database, id, &queue).await?,
        // Nobody else would clean up.
        (false, _) => attend::follow(context, database, id, &queue).await?,
    };
    if context.output.json {
        let status = ended.as_ref().map(|run| run.status);
        context.output.json(&json!({ "run": id, "cancel_requested": true, "status": status }));
    }
    Ok(if ended.is_none() && (wait || !works) { Exit::Interrupted } else { Exit::Done })
}

pub(super) async fn pause(context: &Context, database: &Database, meant: &RunRef) -> CliResult {
    let id = find::run(&mut *database.pool.acquire().await?, meant).await?;
    let news = operator::pause(&database.pool, id, &actor()).await?;
    let said = if news { "pauses after the step it is in" } else { "was paused already" };
    context.output.note(format!("run {id} {said}; dria-bench runs resume {id} lets it go on"));
    if context.output.json {
        context.output.json(&json!({ "run": id, "paused": true }));
    }
    Ok(Exit::Done)
}

pub(super) async fn resume(context: &Context, database: &Database, meant: &RunRef) -> CliResult {
    let (id, queue) = find_with_queue(database, meant).await?;
    let news = operator::resume(&database.pool, &ApalisQueue, id, &actor()).await?;
    context.output.note(format!("run {id} {}", if news { "goes on" } else { "was not paused" }));
    if news && !worker_lives(context, database, &queue).await? {
        context
            .output
            .note("no worker is running, so nothing happens until one is started: dria-bench worker");
    }
    if context.output.json {
        context.output.json(&json!({ "run": id, "paused": false }));
    }
    Ok(Exit::Done)
}

pub(super) async fn retry(
    context: &Context,
    database: &Database,
    meant: &RunRef,
    from: Option<StepKind>,
    detach: bool,
) -> CliResult {
    let (id, queue) = find_with_queue(database, meant).await?;
    if detach {
        require_worker(context, database, &queue).await?;
    }
    let actor = actor();
    let generation = match from {
        Some(step) => ledger::retry_from(&database.pool, &ApalisQueue, id, step, &actor).await?,
        None => ledger::retry(&database.pool, &ApalisQueue, id, &actor).await?,
    };
    context.output.note(format!("run {id} goes on as generation {generation}"));
    if detach {
        if context.output.json {
            context.output.json(&json!({ "run": id, "generation": generation }));
        }
        return Ok(Exit::Done);
    }
    let Some(ended) = attend::follow(context, database, id, &queue).await? else {
        return Ok(Exit::Interrupted);
    };
    let report = find::report(&mut *database.pool.acquire().await?, id).await?;
    if context.output.json {
        context.output.json(&report);
    } else if !report.results.is_empty() {
        context.output.data(render::table(&report.summaries(), View::Measured));
    }
    Ok(conclude(&ended, context))
}

pub(super) async fn rerun(context: &Context, database: &Database, meant: &RunRef) -> CliResult {
    let (id, queue) = find_with_queue(database, meant).await?;
    require_worker(context, database, &queue).await?;
    let again = ledger::rerun(&database.pool, &ApalisQueue, id, &actor()).await?;
    if context.output.json {
        context.output.json(&json!({ "run": again, "rerun_of": id }));
    } else {
        context.output.data(again.to_string());
        context.output.note(format!("follow it: dria-bench runs show {again} --follow"));
    }
    Ok(Exit::Done)
}

pub(super) async fn prioritise(
    context: &Context,
    database: &Database,
    meant: &RunRef,
    priority: i32,
) -> CliResult {
    let id = find::run(&mut *database.pool.acquire().await?, meant).await?;
    let news = operator::prioritise(&database.pool, &ApalisQueue, id, priority, &actor()).await?;
    context.output.note(format!("run {id} {} priority {priority}", if news { "has" } else { "had already" }));
    if context.output.json {
        context.output.json(&json!({ "run": id, "priority": priority }));
    }
    Ok(Exit::Done)
}

/// A cap, or none of its own.
#[derive(Debug, Clone, Copy)]
pub struct Cap(Option<Decimal>);

pub(super) fn cap_or_none(text: &str) -> Result<Cap, String> {
    if text == "none" { Ok(Cap(None)) } else { parse_cap(text).map(|usd| Cap(Some(usd))) }
}

pub(super) async fn budget(context: &Context, database: &Database, meant: &RunRef, cap: Cap) -> CliResult {
    let id = find::run(&mut *database.pool.acquire().await?, meant).await?;
    let news = operator::set_budget(&database.pool, id, cap.0, &actor()).await?;
    let said = match cap.0 {
        Some(usd) => format!("may cost {} USD", usd.normalize()),
        None => "may cost what the settings say (budget.run_usd)".to_owned(),
    };
    context.output.note(format!("run {id} {said}{}", if news { "" } else { ", as before" }));
    if context.output.json {
        context.output.json(&json!({ "run": id, "budget_usd": cap.0 }));
    }
    Ok(Exit::Done)
}
