//! Measures a command's levels one after another, and prints what came of them.

use std::{fs::File, io::BufWriter, path::PathBuf, time::Instant};

use serde::Serialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    Args, FormatArg, Job, Schedule, explain,
    levels::{self, Judged},
    watch::{AbortOnDrop, show},
};
use crate::{
    cli::{CliError, CliResult, Exit, Output, render},
    clock,
    domain::measure::{
        observed::Sightings,
        record::{LevelRecords, LoadShape},
        steady::SteadyState,
    },
    loadgen::{Error, LevelPlan, Observer, Progress, Requests, Target, run_level},
    report::{
        guidellm::{self, About, Benchmark},
        records::{self, RecordFormat},
    },
};

/// Why a level gave nothing.
pub(super) enum LevelError {
    Cancelled,
    Failed(CliError),
}

impl From<CliError> for LevelError {
    fn from(error: CliError) -> Self {
        Self::Failed(error)
    }
}

/// What all levels of a command share.
pub(super) struct Session {
    pub(super) args: Args,
    pub(super) output: Output,
    pub(super) target: Target,
    pub(super) requests: Requests,
    pub(super) schedule: Option<Schedule>,
    pub(super) cancel: CancellationToken,
    /// Where the records of the first level go.
    pub(super) records: Option<(File, PathBuf)>,
    /// Levels begun.
    pub(super) levels: u64,
    /// The levels measured, where their records are printed.
    pub(super) benchmarks: Vec<Benchmark>,
}

impl Session {
    /// Measures the levels and prints them; when one fails, those before it.
    pub(super) async fn work(&mut self, job: Job) -> Result<Vec<Judged>, LevelError> {
        match job {
            Job::One(shape) => {
                let level = self.level(shape).await?;
                self.print(&level, || levels::one_in_full(&level));
                Ok(vec![level])
            }
            Job::Several(shapes) => {
                let mut levels = Vec::new();
                let mut result = Ok(());
                for shape in shapes {
                    match self.level(shape).await {
                        Ok(level) => levels.push(level),
                        Err(error) => {
                            result = Err(error);
                            break;
                        }
                    }
                }
                self.print(&levels, || levels::several(&levels, ""));
                result.map(|()| levels)
            }
            Job::Search(mut search) => {
                let (began, shapes) = (Instant::now(), &self.args.shape);
                let (over, most, longest) = (shapes.over, shapes.max_levels, shapes.max_search_seconds);
                let mut result = Ok(());
                for _ in 0..most {
                    let Some(load) = search.next() else { break };
                    if began.elapsed().as_secs_f64() >= longest {
                        break;
                    }
                    match self.level(over.shape(load)?).await {
                        Ok(level) => search.tried(load, level),
                        Err(error) => {
                            result = Err(error);
                            break;
                        }
                    }
                }
                let searched = search.end();
                let found = searched.in_words();
                if self.args.format == FormatArg::Guidellm {
                    // Its shape has no place for what was found.
                    self.output.note(&found);
                }
                self.print(&searched, || levels::several(&searched.levels, &found));
                result.map(|()| searched.levels)
            }
        }
    }

    /// Measures one level.
    async fn level(&mut self, shape: LoadShape) -> Result<Judged, LevelError> {
        let mut plan = self.args.plan(shape, self.schedule.as_ref())?;
        if self.levels > 0 {
            // Prompts of its own.
            plan.prompt_block = 1_000 + self.levels;
        }
        self.levels += 1;
        let (progress, watched) = watch::channel(Progress::default());
        let shown = AbortOnDrop(tokio::spawn(show(watched.clone(), self.output.quiet || self.output.json)));
        let started_at = clock::now();
        let observer = Observer::start(&self.target, plan.seconds).await;
        let level =
            run_level(&self.target, &plan, self.requests.clone(), progress, self.cancel.clone()).await;
        drop(shown);
        let level = level.map_err(|error| match error {
            Error::Cancelled => LevelError::Cancelled,
            error => LevelError::Failed(explain(&error)),
        })?;
        if let Some((file, path)) = self.records.take() {
            records::write(&level, RecordFormat::of_file(&path), BufWriter::new(file)).map_err(|error| {
                let message = format!("the records can't be written to {}: {error}", path.display());
                CliError::environment(message)
            })?;
        }
        let Progress { error_samples, steady, longest_output_tokens, .. } = watched.borrow().clone();
        let seen = Sightings {
            cross_check: observer.finish(&level, longest_output_tokens).await,
            error_samples: error_samples.into_iter().map(|sample| (sample.code, sample.message)).collect(),
            shares_prefixes: self.target.prefix_caching,
            ..Sightings::default()
        };
        let judged = Judged::new(&level, seen, &plan, &self.args.objectives);
        self.say_how_warm_up_ended(&plan, &judged, steady, &level);
        if self.args.format == FormatArg::Guidellm {
            self.benchmarks.push(Benchmark { level, started_at });
        }
        Ok(judged)
    }

    fn say_how_warm_up_ended(
        &self,
        plan: &LevelPlan,
        judged: &Judged,
        found: Option<SteadyState>,
        level: &LevelRecords,
    ) {
        if plan.steady.is_some() {
            let words = render::steady_in_words(found, level.window);
            self.output.note(format!("{}: {words}", judged.name()));
        }
    }

    /// Prints the levels: in GuideLLM's shape, as this JSON, or as these tables, of which empty ones are left out.
    fn print(&self, json: &impl Serialize, tables: impl FnOnce() -> Vec<String>) {
        if self.args.format == FormatArg::Guidellm {
            let about = About {
                run: "load".to_owned(),
                target: Some(self.args.url.to_string()),
                model: self.args.model.clone(),
                engine: self.args.engine.to_string(),
            };
            self.output.json(&guidellm::report(&about, &self.benchmarks));
        } else if self.output.json {
            self.output.json(json);
        } else {
            let mut parts = tables();
            parts.retain(|part| !part.is_empty());
            if !parts.is_empty() {
                self.output.data(parts.join("\n\n"));
            }
        }
    }
}

/// What the levels come to.
pub(super) fn verdict(levels: &[Judged]) -> CliResult {
    let is_dead = |level: &Judged| level.is_dead;
    if !levels.is_empty() && levels.iter().all(is_dead) {
        return Err(
            CliError::failed("all requests failed").hint("the failures' codes are in the output above")
        );
    }
    let failing: Vec<String> = levels.iter().flat_map(Judged::failing).collect();
    if failing.is_empty() {
        return Ok(Exit::Done);
    }
    Err(CliError::failed(format!("--fail-on was not kept:\n  {}", failing.join("\n  "))))
}
