//! `workflows/*.toml` → [`WorkflowDefinition`]. The format, key by key, is in `docs/workflows.md`.

use std::{collections::HashSet, ops::Range, time::Duration};

use serde::Deserialize;
use toml::{Spanned, Value};

use super::{RetryPolicy, StepDefinition, WorkflowDefinition, check_rates, parse_rates};
use crate::domain::{
    definition::{DefinitionError, Document},
    step::StepKind,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWorkflow {
    name: Spanned<String>,
    version: Spanned<u32>,
    #[serde(default)]
    description: String,
    steps: Spanned<Vec<Spanned<RawStep>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStep {
    kind: Spanned<String>,
    timeout: Spanned<String>,
    heartbeat: Option<Spanned<String>>,
    retry: Option<Spanned<RawRetry>>,
    always: Option<Spanned<bool>>,
    rates: Option<Spanned<Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRetry {
    max_attempts: Option<Spanned<u32>>,
    max_losses: Option<Spanned<u32>>,
    initial: Option<Spanned<String>>,
    max: Option<Spanned<String>>,
}

/// A step and where its kind stands in the file, for errors about the order.
struct Placed {
    definition: StepDefinition,
    at: Range<usize>,
}

/// Reads a workflow definition and checks its rules.
///
/// `file_name` is named in errors; its stem must be the workflow's name.
///
/// # Errors
/// The first thing that is wrong, with file, line and column.
pub fn parse(file_name: &str, text: &str) -> Result<WorkflowDefinition, DefinitionError> {
    let document = Document::new(file_name, text);
    let raw: RawWorkflow = document.read()?;
    let name = document.own_name(&raw.name)?;
    if *raw.version.get_ref() == 0 {
        return Err(document.refuse(raw.version.span(), "version starts at 1"));
    }
    let list_at = raw.steps.span();
    let mut steps = Vec::new();
    for step in raw.steps.get_ref() {
        read_step(&document, step.get_ref(), &mut steps)?;
    }
    check_order(&document, &list_at, &steps)?;
    Ok(WorkflowDefinition {
        name,
        version: raw.version.into_inner(),
        description: raw.description,
        steps: steps.into_iter().map(|step| step.definition).collect(),
    })
}

fn read_step(document: &Document<'_>, raw: &RawStep, steps: &mut Vec<Placed>) -> Result<(), DefinitionError> {
    let kinds = read_kinds(document, raw)?;
    let timeout = document.duration(&raw.timeout)?;
    let heartbeat = raw.heartbeat.as_ref().map(|text| document.duration(text)).transpose()?;
    if let (Some(text), Some(heartbeat)) = (&raw.heartbeat, heartbeat)
        && heartbeat >= timeout
    {
        let reason = format!("heartbeat must be shorter than the step's timeout ({})", raw.timeout.get_ref());
        return Err(document.refuse(text.span(), reason));
    }
    let is_teardown = kinds == [StepKind::Teardown];
    let always = raw.always.as_ref().is_some_and(|always| *always.get_ref());
    if always != is_teardown {
        let at = raw.always.as_ref().map_or(raw.kind.span(), Spanned::span);
        let reason = if is_teardown {
            "teardown needs `always = true`: it runs however the run ended"
        } else {
            "only teardown may be `always = true`: the others make no sense after a failure"
        };
        return Err(document.refuse(at, reason));
    }
    let retry = read_retry(document, raw.retry.as_ref(), is_teardown)?;
    steps.extend(kinds.into_iter().map(|kind| Placed {
        definition: StepDefinition { kind, timeout, heartbeat, retry, always },
        at: raw.kind.span(),
    }));
    Ok(())
}

/// The step, or, for `concurrency` with its rates, a step a rate.
fn read_kinds(document: &Document<'_>, raw: &RawStep) -> Result<Vec<StepKind>, DefinitionError> {
    match (raw.kind.get_ref().as_str(), &raw.rates) {
        ("concurrency", Some(rates)) => {
            let rates =
                read_rates(rates.get_ref()).map_err(|reason| document.refuse(rates.span(), reason))?;
            Ok(rates.into_iter().map(StepKind::Concurrency).collect())
        }
        ("concurrency", None) => {
            Err(document.refuse(raw.kind.span(), "a concurrency step needs its rates, e.g. rates = \"1-9\""))
        }
        (_, Some(rates)) => {
            Err(document.refuse(rates.span(), "only a step of kind = \"concurrency\" takes rates"))
        }
        (kind, None) => {
            let kind = kind.parse().map_err(|error| document.refuse(raw.kind.span(), format!("{error}")))?;
            Ok(vec![kind])
        }
    }
}

fn read_rates(value: &Value) -> Result<Vec<u32>, String> {
    match value {
        Value::String(text) => parse_rates(text).map_err(|error| error.to_string()),
        Value::Array(items) => {
            let rates: Option<Vec<u32>> = items
                .iter()
                .map(|item| item.as_integer().and_then(|rate| u32::try_from(rate).ok()))
                .collect();
            let rates = rates.ok_or("rates in a list are positive whole numbers, e.g. [1, 2, 4]")?;
            check_rates(&rates).map_err(|error| error.to_string())?;
            Ok(rates)
        }
        _ => Err("rates are a text like \"1-9\" or a list like [1, 2, 4]".to_owned()),
    }
}

fn read_retry(
    document: &Document<'_>,
    raw: Option<&Spanned<RawRetry>>,
    is_teardown: bool,
) -> Result<RetryPolicy, DefinitionError> {
    let standard = if is_teardown { RetryPolicy::TEARDOWN } else { RetryPolicy::STANDARD };
    let Some(retry) = raw else { return Ok(standard) };
    let raw = retry.get_ref();
    let budget = |given: &Option<Spanned<u32>>, standard: u32| match given {
        None => Ok(standard),
        Some(budget) if is_teardown => Err(document.refuse(
            budget.span(),
            "teardown is tried for ever, so it takes no budget: giving up would leave a machine running",
        )),
        Some(budget) if *budget.get_ref() == 0 => {
            Err(document.refuse(budget.span(), "a budget is at least 1: the first attempt counts"))
        }
        Some(budget) => Ok(*budget.get_ref()),
    };
    let delay = |given: &Option<Spanned<String>>, standard: Duration| {
        given.as_ref().map_or(Ok(standard), |text| document.duration(text))
    };
    let policy = RetryPolicy {
        max_attempts: budget(&raw.max_attempts, standard.max_attempts)?,
        max_losses: budget(&raw.max_losses, standard.max_losses)?,
        initial: delay(&raw.initial, standard.initial)?,
        max: delay(&raw.max, standard.max)?,
    };
    if policy.initial > policy.max {
        let at = raw.initial.as_ref().or(raw.max.as_ref()).map_or(retry.span(), Spanned::span);
        let reason = format!(
            "the first delay ({} ms) is longer than the longest ({} ms): give initial ≤ max",
            policy.initial.as_millis(),
            policy.max.as_millis()
        );
        return Err(document.refuse(at, reason));
    }
    Ok(policy)
}

/// Where a kind may stand: the set-up in its order, then measurements, then teardown.
const fn place(kind: StepKind) -> u8 {
    match kind {
        StepKind::Provision => 0,
        StepKind::PullModel => 1,
        StepKind::StartEngine => 2,
        StepKind::Warmup => 3,
        StepKind::Throughput | StepKind::Concurrency(_) => 4,
        StepKind::Teardown => 5,
    }
}

fn check_order(
    document: &Document<'_>,
    list_at: &Range<usize>,
    steps: &[Placed],
) -> Result<(), DefinitionError> {
    let mut seen = HashSet::new();
    let mut before: Option<StepKind> = None;
    for Placed { definition: StepDefinition { kind, .. }, at } in steps {
        if !seen.insert(*kind) {
            return Err(document.refuse(at.clone(), format!("step `{kind}` is there twice")));
        }
        if before.is_none() && *kind != StepKind::Provision {
            return Err(
                document.refuse(at.clone(), format!("the first step must be provision, not `{kind}`"))
            );
        }
        if let Some(before) = before
            && place(before) > place(*kind)
        {
            let reason = format!(
                "step `{kind}` may not come after `{before}`: the order is provision, pull_model, start_engine, \
                 warmup, the measurements, teardown"
            );
            return Err(document.refuse(at.clone(), reason));
        }
        before = Some(*kind);
    }
    let Some(last) = steps.last() else {
        return Err(document
            .refuse(list_at.clone(), "no steps: a workflow has provision, a measurement and teardown"));
    };
    if last.definition.kind != StepKind::Teardown {
        let reason = format!("the last step must be teardown, not `{}`", last.definition.kind);
        return Err(document.refuse(last.at.clone(), reason));
    }
    if !steps.iter().any(|step| step.definition.kind.is_measurement()) {
        return Err(
            document.refuse(last.at.clone(), "no step measures anything: add throughput or concurrency")
        );
    }
    // A lost engine sends the run back to this step, so every workflow has it.
    if !seen.contains(&StepKind::StartEngine) {
        return Err(document
            .refuse(last.at.clone(), "start_engine is missing: without it there is nothing to measure"));
    }
    Ok(())
}
