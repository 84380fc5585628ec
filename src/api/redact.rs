//! What a reader without a token doesn't see: URLs, paths, arguments, pods, hosts, log lines. What is measured, on which
//! hardware, with which engine and model, and how it went is for everybody.

use serde_json::{Map, Value};

use crate::{
    domain::{failure::Failure, spec::RunSpec},
    report::{
        RunReport,
        matrix::{MatrixReport, MatrixSummary},
        schedules::ScheduleReport,
    },
    store::{attempts::Attempt, events::Event, pods::Pod, steps::Step},
};

/// What stands where something was.
const HIDDEN: &str = "…";

/// What of an event's data tells of no machine.
const PLAIN: &[&str] =
    &["status", "workflow", "generation", "minutes", "attempt", "fence", "from", "to", "levels_kept"];

/// A run's report.
pub(super) fn report(report: &mut RunReport) {
    if let Some(failure) = &mut report.error {
        self::failure(failure);
    }
    spec(&mut report.spec);
    report.system.install = None;
    report.system.command = None;
    for result in &mut report.results {
        result.observed.error_samples.clear();
    }
}

/// What a run was asked to do.
fn spec(spec: &mut RunSpec) {
    spec.machine.url = None;
    spec.model.path = None;
    spec.engine.extra_args.clear();
}

/// A failure: its code, and its first line without addresses and paths.
pub(super) fn failure(failure: &mut Failure) {
    failure.message = sentence(&failure.message);
    failure.details = Value::Null;
}

/// A step.
pub(super) fn step(step: &mut Step) {
    step.worker = None;
    step.output = None;
    if let Some(error) = &mut step.error {
        failure(error);
    }
}

/// A try.
pub(super) fn attempt(attempt: &mut Attempt) {
    HIDDEN.clone_into(&mut attempt.worker);
    attempt.error = attempt.error.take().map(|error| match serde_json::from_value::<Failure>(error) {
        Ok(mut error) => {
            failure(&mut error);
            serde_json::to_value(error).unwrap_or_default()
        }
        Err(_) => Value::Null,
    });
}

/// A pod.
pub(super) fn pod(pod: &mut Pod) {
    HIDDEN.clone_into(&mut pod.name);
    pod.external_id = None;
}

/// An event: who did it only by kind (`worker`, `cli`, `token`), and of its data what is plain.
pub(super) fn event(event: &mut Event) {
    by_kind(&mut event.actor);
    if let Value::Object(data) = event.data.take() {
        let mut kept: Map<String, Value> = data
            .iter()
            .filter(|(name, value)| is_plain(name, value))
            .map(|(n, v)| (n.clone(), v.clone()))
            .collect();
        if let Some(code) = data.get("failure").and_then(|failure| failure.get("code")) {
            kept.insert("code".to_owned(), code.clone());
        }
        event.data = Value::Object(kept);
    }
}

/// A matrix in a list: who made it only by kind.
pub(super) fn matrix(matrix: &mut MatrixSummary) {
    by_kind(&mut matrix.created_by);
}

/// A matrix with its cells: reasons without places.
pub(super) fn matrix_report(report: &mut MatrixReport) {
    matrix(&mut report.summary);
    for reason in &mut report.reasons {
        reason.reason = sentence(&reason.reason);
    }
    for cell in &mut report.list {
        cell.reason = cell.reason.as_deref().map(sentence);
    }
}

/// A schedule: its matrix without URLs, its ticks without what chores found.
pub(super) fn schedule(report: &mut ScheduleReport) {
    let schedule = &mut report.schedule;
    schedule.definition.iter_mut().for_each(without_urls);
    schedule.override_by.iter_mut().for_each(by_kind);
    schedule.error = schedule.error.as_deref().map(sentence);
    for tick in &mut report.ticks {
        by_kind(&mut tick.actor);
        tick.reason = tick.reason.as_deref().map(sentence);
        tick.report = None;
    }
}

/// Takes every field `url` out, however deep: a newer version may have written what this one doesn't know.
fn without_urls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.remove("url");
            map.values_mut().for_each(without_urls);
        }
        Value::Array(list) => list.iter_mut().for_each(without_urls),
        _ => {}
    }
}

/// Who did it, only by kind: `worker`, `cli`, `token`.
fn by_kind(actor: &mut String) {
    if let Some((kind, _)) = actor.split_once(':') {
        *actor = kind.to_owned();
    }
}

fn is_plain(name: &str, value: &Value) -> bool {
    PLAIN.contains(&name) && !value.is_object() && !value.is_array()
}

/// The first line of a message, without the words that look like an address or a path.
fn sentence(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let words = line.split(' ').map(|word| if tells_a_place(word) { HIDDEN } else { word });
    words.collect::<Vec<_>>().join(" ")
}

fn tells_a_place(word: &str) -> bool {
    let bare = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '/');
    let is_path = bare.starts_with('/') && bare.len() > 1;
    let is_address = bare.rsplit_once(':').map_or(bare, |(host, _)| host).parse::<std::net::IpAddr>().is_ok();
    is_path || is_address || bare.contains("://") || bare.starts_with("localhost:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_keeps_its_sense_and_loses_its_places() {
        let told =
            "nothing answers at `http://10.0.0.7:8000/v1` (10.0.0.7:8000): see /var/log/x.log\nsecret tail";
        assert_eq!(sentence(told), "nothing answers at … … see …");
        assert_eq!(sentence("12 of 30 requests failed: http_503"), "12 of 30 requests failed: http_503");
        assert_eq!(sentence("and/or 3:4"), "and/or 3:4");
    }
}
