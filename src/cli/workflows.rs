//! `workflows`: list, show and check workflow definitions; `check` also reads schedules.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    CliError, CliResult, Exit, Output,
    table::{or_dash, table},
};
use crate::{
    definitions::{self, DefinitionKind, Definitions, Source},
    domain::{
        definition::DefinitionError,
        workflow::{self, RetryPolicy, StepDefinition, WorkflowDefinition},
    },
    jobs::chores,
};

/// The arguments of `workflows`.
#[derive(Debug, Args)]
pub struct WorkflowsArgs {
    #[command(subcommand)]
    command: WorkflowsCommand,
}

#[derive(Debug, Subcommand)]
enum WorkflowsCommand {
    /// Every workflow a run may follow, and where it is defined
    List,
    /// A workflow's steps, time-outs and retries
    Show {
        /// Its name, as `list` prints it
        name: String,
    },
    /// Reads definition files and says what is wrong, as `file:line:column: reason`
    ///
    /// Exit code 1: a file is refused; 2: a path can't be read.
    Check {
        /// Files, or folders of them (a folder's `workflows` and `schedules` are read too); none: every definition in use
        paths: Vec<PathBuf>,
    },
}

#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    version: u32,
    description: &'a str,
    steps: usize,
    results: usize,
    file: &'a str,
}

#[derive(Serialize)]
struct Checked<'a> {
    file: &'a str,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Runs a `workflows` command on these definitions.
///
/// # Errors
/// Usage, when a workflow is unknown or a path can't be read; failed, when the workflow to show is refused.
pub fn run(args: &WorkflowsArgs, definitions: &Definitions, output: Output) -> CliResult {
    match &args.command {
        WorkflowsCommand::List => list(definitions, output),
        WorkflowsCommand::Show { name } => show(definitions, name, output),
        WorkflowsCommand::Check { paths } => check(definitions, paths, output),
    }
}

/// The error a person sees for a definition that can't be had.
pub(super) fn explain(error: &definitions::Error) -> CliError {
    match error {
        definitions::Error::Unknown(_) => {
            CliError::usage(error.to_string()).hint("`dria-bench workflows list` shows every workflow")
        }
        definitions::Error::Invalid(_) => {
            CliError::failed(error.to_string()).hint("correct the file, then `dria-bench workflows check`")
        }
        definitions::Error::Catalog(_) => CliError::failed(error.to_string()),
        definitions::Error::Unreadable { .. } => {
            CliError::usage(error.to_string()).hint("check the path and its permissions")
        }
    }
}

fn list(definitions: &Definitions, output: Output) -> CliResult {
    let sources = definitions.sources(DefinitionKind::Workflow).map_err(|error| explain(&error))?;
    let mut exit = Exit::Done;
    let mut workflows = Vec::new();
    for source in &sources {
        match workflow::parse(&source.file, &source.text) {
            Ok(workflow) => workflows.push((source, workflow)),
            Err(error) => {
                output.error(&explain(&error.into()));
                exit = Exit::Failed;
            }
        }
    }
    let listed: Vec<Listed<'_>> = workflows
        .iter()
        .map(|(source, workflow)| Listed {
            name: &workflow.name,
            version: workflow.version,
            description: &workflow.description,
            steps: workflow.steps.len(),
            results: workflow.steps.iter().filter(|step| step.kind.is_measurement()).count(),
            file: &source.file,
        })
        .collect();
    if output.json {
        output.json(&listed);
    } else {
        let heading = ["WORKFLOW", "VERSION", "STEPS", "RESULTS", "FILE", "DESCRIPTION"];
        let rows = listed.iter().map(|workflow| {
            [
                workflow.name.to_owned(),
                workflow.version.to_string(),
                workflow.steps.to_string(),
                workflow.results.to_string(),
                workflow.file.to_owned(),
                workflow.description.to_owned(),
            ]
        });
        output.data(table(heading, rows));
    }
    Ok(exit)
}

fn show(definitions: &Definitions, name: &str, output: Output) -> CliResult {
    let workflow = definitions.workflow(name).map_err(|error| explain(&error))?;
    if output.json {
        output.json(&workflow);
    } else {
        output.data(as_text(&workflow));
    }
    Ok(Exit::Done)
}

fn as_text(workflow: &WorkflowDefinition) -> String {
    let WorkflowDefinition { name, version, description, steps } = workflow;
    let heading = ["STEP", "TIMEOUT", "HEARTBEAT", "ERRORS", "LOSSES", "DELAYS", "ALWAYS"];
    let rows = steps.iter().map(|step| {
        let StepDefinition { kind, timeout, heartbeat, retry, always } = step;
        [
            kind.to_string(),
            short(*timeout),
            or_dash(heartbeat.map(short)),
            budget(retry.max_attempts),
            budget(retry.max_losses),
            format!("{}..{}", short(retry.initial), short(retry.max)),
            if *always { "yes" } else { "-" }.to_owned(),
        ]
    });
    format!("{name}, version {version}: {description}\n\n{}", table(heading, rows))
}

fn budget(budget: u32) -> String {
    if budget == RetryPolicy::FOREVER { "no limit".to_owned() } else { budget.to_string() }
}

/// A duration as definition files state it, in the largest unit that divides it.
fn short(duration: Duration) -> String {
    let ms = duration.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")];
    units
        .into_iter()
        .find(|(unit_ms, _)| ms >= *unit_ms && ms.is_multiple_of(*unit_ms))
        .map_or_else(|| format!("{ms}ms"), |(unit_ms, unit)| format!("{}{unit}", ms / unit_ms))
}

fn check(definitions: &Definitions, paths: &[PathBuf], output: Output) -> CliResult {
    let sources = if paths.is_empty() {
        let workflows = definitions.sources(DefinitionKind::Workflow);
        let schedules = definitions.sources(DefinitionKind::Schedule);
        workflows.and_then(|workflows| Ok([workflows, schedules?].concat()))
    } else {
        read_paths(paths)
    }
    .map_err(|error| explain(&error))?;
    if sources.is_empty() {
        return Err(CliError::usage("there is no .toml file there")
            .hint("give definition files, or a folder that holds them"));
    }
    // A schedule may name a workflow that is checked beside it.
    let beside: Vec<String> = sources
        .iter()
        .filter(|source| source.kind == DefinitionKind::Workflow)
        .map(|source| source.name.clone())
        .collect();
    let mut checked = Vec::with_capacity(sources.len());
    for source in &sources {
        checked.push((source, refusal(definitions, source, &beside)?));
    }
    if output.json {
        let checked = checked.iter().map(|(source, refusal)| as_checked(source, refusal.as_ref()));
        output.json(&checked.collect::<Vec<_>>());
    } else {
        for (source, refusal) in &checked {
            output.data(refusal.as_ref().map_or_else(|| format!("{}: ok", source.file), ToString::to_string));
        }
    }
    let refused = checked.iter().any(|(_, refusal)| refusal.is_some());
    Ok(if refused { Exit::Failed } else { Exit::Done })
}

fn refusal(
    definitions: &Definitions,
    source: &Source,
    beside: &[String],
) -> Result<Option<DefinitionError>, CliError> {
    let read = match source.kind {
        DefinitionKind::Workflow => {
            workflow::parse(&source.file, &source.text).map(|_| ()).map_err(Into::into)
        }
        DefinitionKind::Schedule => definitions.read_schedule(source, beside, &chores::names()).map(|_| ()),
    };
    match read {
        Ok(()) => Ok(None),
        Err(definitions::Error::Invalid(refusal)) => Ok(Some(refusal)),
        Err(other) => Err(explain(&other)),
    }
}

fn as_checked<'a>(source: &'a Source, refusal: Option<&DefinitionError>) -> Checked<'a> {
    Checked {
        file: &source.file,
        ok: refusal.is_none(),
        line: refusal.map(|refusal| refusal.line),
        column: refusal.map(|refusal| refusal.column),
        reason: refusal.map(|refusal| refusal.reason.clone()),
    }
}

/// Every definition file at these paths: a file itself; of a folder its `*.toml` and those of its two folders.
fn read_paths(paths: &[PathBuf]) -> Result<Vec<Source>, definitions::Error> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let folders =
                [DefinitionKind::Workflow, DefinitionKind::Schedule].map(|kind| path.join(kind.folder()));
            for folder in [path].into_iter().chain(&folders) {
                files.extend(definitions::toml_files(folder)?);
            }
        } else {
            files.push(path.clone());
        }
    }
    files.iter().map(|file| open(file)).collect()
}

/// Opens a file as what its folder's name says, else as what it seems to hold.
fn open(path: &Path) -> Result<Source, definitions::Error> {
    let folder = path.parent().and_then(Path::file_name);
    let source = Source::open(DefinitionKind::Workflow, path)?;
    let is_schedule = folder.is_some_and(|folder| folder == DefinitionKind::Schedule.folder())
        || source.text.lines().any(|line| line.trim_start().starts_with("cron"));
    let is_workflow = folder.is_some_and(|folder| folder == DefinitionKind::Workflow.folder());
    let kind = if is_schedule && !is_workflow { DefinitionKind::Schedule } else { DefinitionKind::Workflow };
    Ok(Source { kind, ..source })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: WorkflowsArgs,
    }

    fn command(words: &[&str]) -> CliResult {
        let line = Line::try_parse_from([&["workflows"], words].concat()).unwrap();
        run(&line.args, &Definitions::default(), Output { json: words.contains(&"list"), quiet: true })
    }

    /// A folder with a valid workflow, a schedule that names it, and what `break_it` makes of the workflow's text.
    fn folder(break_it: impl Fn(&str) -> String) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let definitions = Definitions::default();
        for kind in [DefinitionKind::Workflow, DefinitionKind::Schedule] {
            fs::create_dir(folder.path().join(kind.folder())).unwrap();
            for source in definitions.sources(kind).unwrap() {
                let text = source.text.replace("\"benchmark\"", "\"mine\"");
                let name = source.name.replace("benchmark", "mine");
                let text = if name == "mine" { break_it(&text) } else { text };
                fs::write(folder.path().join(kind.folder()).join(format!("{name}.toml")), text).unwrap();
            }
        }
        folder
    }

    #[test]
    fn durations_are_shown_as_files_state_them() {
        for text in ["500ms", "90s", "20m", "2h", "1d"] {
            let duration = crate::domain::definition::parse_duration(text).unwrap();
            assert_eq!(short(duration), text);
        }
        assert_eq!(short(Duration::from_millis(1500)), "1500ms");
    }

    #[test]
    fn a_workflow_is_shown_with_its_patience() {
        let text = as_text(&Definitions::default().workflow("smoke").unwrap());
        assert!(text.starts_with("smoke, version 1: "), "{text}");
        let teardown: Vec<_> = text.lines().last().unwrap().split_whitespace().collect();
        assert_eq!(teardown, ["teardown", "5m", "-", "no", "limit", "no", "limit", "30s..10m", "yes"]);
    }

    #[test]
    fn exit_codes_tell_a_refused_file_from_an_unreadable_one() {
        assert_eq!(command(&["list"]).unwrap(), Exit::Done);
        assert_eq!(command(&["show", "benchmark"]).unwrap(), Exit::Done);
        assert_eq!(command(&["check"]).unwrap(), Exit::Done);
        let unknown = command(&["show", "bench"]).unwrap_err();
        assert_eq!(unknown.exit, Exit::Usage);
        assert!(unknown.message.contains("did you mean benchmark"), "{unknown}");

        let good = folder(str::to_owned);
        assert_eq!(command(&["check", good.path().to_str().unwrap()]).unwrap(), Exit::Done);
        let bad = folder(|text| text.replace("version = 1", "version = 0"));
        assert_eq!(command(&["check", bad.path().to_str().unwrap()]).unwrap(), Exit::Failed);
        let missing = good.path().join("none.toml");
        assert_eq!(command(&["check", missing.to_str().unwrap()]).unwrap_err().exit, Exit::Usage);
        let empty = tempfile::tempdir().unwrap();
        assert_eq!(command(&["check", empty.path().to_str().unwrap()]).unwrap_err().exit, Exit::Usage);
    }

    #[test]
    fn a_refused_file_is_told_with_its_place() {
        let bad = folder(|text| text.replace("version = 1", "version = 0"));
        let sources = read_paths(&[bad.path().to_owned()]).unwrap();
        let refused: Vec<_> = sources
            .iter()
            .filter_map(|source| {
                let error = refusal(&Definitions::default(), source, &["mine".to_owned()]).unwrap()?;
                Some(serde_json::to_value(as_checked(source, Some(&error))).unwrap())
            })
            .collect();
        let file = bad.path().join("workflows/mine.toml");
        let expected = serde_json::json!({
            "file": file, "ok": false, "line": 5, "column": 11, "reason": "version starts at 1"
        });
        assert_eq!(refused, [expected]);
        assert!(sources.len() > 1, "the others were read, and are well");
    }

    #[test]
    fn a_file_outside_the_two_folders_is_read_as_what_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        for (name, kind) in [("nightly", DefinitionKind::Schedule), ("smoke", DefinitionKind::Workflow)] {
            let source =
                Definitions::default().sources(kind).unwrap().into_iter().find(|s| s.name == name).unwrap();
            let path = folder.path().join(format!("{name}.toml"));
            fs::write(&path, source.text).unwrap();
            assert_eq!(open(&path).unwrap().kind, kind);
        }
    }
}
