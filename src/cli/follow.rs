//! Following a run to its end: progress on stderr, bars on a terminal, plain lines elsewhere.

use std::{io::IsTerminal, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;
use sqlx::PgPool;

use super::{CliError, Output};
use crate::{
    domain::{
        ids::RunId,
        kinds::ProviderKind,
        step::{StepKind, StepStatus},
    },
    store::{
        events,
        runs::{self, Run},
        steps::{self, Step},
    },
};

/// How often the ledger is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How often a bar is drawn, Hz.
const DRAW_HZ: u8 = 8;

/// A follower of one run. It only reads: the run goes on without it.
#[derive(Debug)]
pub struct Follower {
    pool: PgPool,
    run: RunId,
    output: Output,
    bar: Option<ProgressBar>,
    seen_event: i64,
    told_to_wait: bool,
}

impl Follower {
    /// Follows `run` from the first event of its present generation.
    #[must_use]
    pub fn new(pool: PgPool, run: RunId, output: Output) -> Self {
        let terminal = std::io::stderr().is_terminal() && !output.quiet;
        let bar = terminal.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(DRAW_HZ));
            if let Ok(style) = ProgressStyle::with_template("  {spinner} {msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        // A dumb terminal gets plain lines: a bar that can't be drawn would swallow them.
        let bar = bar.filter(|bar| !bar.is_hidden());
        Self { pool, run, output, bar, seen_event: 0, told_to_wait: false }
    }

    /// Looks once; returns the run when it is over.
    ///
    /// # Errors
    /// Exit 3 when the database fails.
    pub async fn look(&mut self) -> Result<Option<Run>, CliError> {
        let mut conn = self.pool.acquire().await?;
        let run = runs::get(&mut conn, self.run)
            .await?
            .ok_or_else(|| CliError::failed(format!("run {} is gone from the database", self.run)))?;
        // Events before steps: what an event tells of has then happened to its step too.
        let news = events::after(&mut conn, self.run, self.seen_event).await?;
        let steps = steps::list(&mut conn, self.run).await?;
        let retried = news.iter().rposition(|event| event.kind == "run_retried").unwrap_or_default();
        // What a retry forgot is told by `runs show`.
        let skipped = if self.seen_event == 0 { retried } else { 0 };
        for event in news.into_iter().skip(skipped) {
            self.seen_event = event.id;
            if let Some(line) = describe_event(&event, &steps) {
                self.line(&line);
            }
        }
        let local = run.spec.machine.provider == ProviderKind::Local;
        let first = StepKind::Provision.to_string();
        if local
            && !self.told_to_wait
            && steps.iter().any(|step| step.name == first && step.status == StepStatus::Scheduled)
            && let Some(other) = runs::holder_of_machine(&mut conn, &run.queue).await?
        {
            self.told_to_wait = true;
            self.line(&format!("  … waiting for run {other}, which is being measured on this machine"));
        }
        let waits = steps.iter().find(|step| step.name == first && step.status == StepStatus::Scheduled);
        if let Some(what) = waits.and_then(|step| step.progress.as_ref()?["for"].as_str())
            && !self.told_to_wait
        {
            self.told_to_wait = true;
            self.line(&format!("  … waiting for {what}: others have them all"));
        }
        drop(conn);
        if run.status.is_terminal() {
            if let Some(bar) = self.bar.take() {
                bar.finish_and_clear();
            }
            return Ok(Some(run));
        }
        if let (Some(bar), Some(now)) =
            (&self.bar, steps.iter().find(|step| step.status == StepStatus::Running))
        {
            bar.set_message(format!("{:<14} {}", now.name, describe_progress(now.progress.as_ref())));
        }
        Ok(None)
    }

    /// Waits until it is time to look again.
    pub async fn pause(&self) {
        tokio::time::sleep(LOOK_EVERY).await;
    }

    /// Writes a line above the bar.
    pub fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => self.output.note(text),
        }
    }

    /// Takes the bar out of the way of a question.
    pub fn hide(&self) {
        if let Some(bar) = &self.bar {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
    }

    /// Shows the bar again.
    pub fn reveal(&self) {
        if let Some(bar) = &self.bar {
            bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(DRAW_HZ));
        }
    }
}

/// One line for an event, or nothing for those that only fill the ledger.
fn describe_event(event: &events::Event, steps: &[Step]) -> Option<String> {
    let step = event.step.as_deref().unwrap_or_default();
    let code = || event.data["failure"]["code"].as_str().unwrap_or("unknown");
    let failure = || {
        let message = event.data["failure"]["message"].as_str().unwrap_or("no reason recorded");
        format!("{message} ({})", code())
    };
    Some(match event.kind.as_str() {
        "step_done" => {
            let seconds = steps.iter().find(|row| row.name == step).and_then(|row| {
                (row.finished_at? - row.started_at?).to_std().ok().map(|took| took.as_secs_f64())
            });
            let took = seconds.map(|seconds| format!("{seconds:7.2} s")).unwrap_or_default();
            format!("  ✓ {step:<14} {took}{}", describe_timings(&event.data["timings"]))
        }
        "step_retry" => {
            let delay = event.data["delay_s"].as_f64().unwrap_or_default();
            format!("  ! {step:<14} {} Trying again in {delay:.0} s.", failure())
        }
        // Why is said when the run is over.
        "step_failed" => format!("  ✗ {step:<14} {}", code()),
        "step_cancelled" => format!("  – {step:<14} cancelled"),
        "engine_lost" => format!("  ! {step:<14} {} Starting the engine again.", failure()),
        "worker_lost" => format!("  ! {step:<14} its worker was lost; another one goes on"),
        "cancel_requested" => "  – cancelling: the machine is being cleaned up".to_owned(),
        "run_paused" => "  – paused: no step starts until it is resumed".to_owned(),
        "run_resumed" => "  ↻ resumed".to_owned(),
        "budget_changed" => format!(
            "  ↻ may cost {} USD now",
            event.data["to_usd"].as_str().unwrap_or("what the settings say in")
        ),
        "run_retried" => format!("  ↻ retried: generation {}", event.data["generation"]),
        _ => return None,
    })
}

/// The figures of a step that are worth a line.
fn describe_timings(timings: &Value) -> String {
    let figures = [
        ("output_tokens_per_second", "tok/s out", 1),
        ("ttft_p50_ms", "ms TTFT p50", 1),
        ("server_setup_s", "s server set-up", 2),
        ("model_loading_s", "s model load", 2),
        ("model_download_s", "s download", 1),
    ];
    figures.iter().fold(String::new(), |text, (key, unit, digits)| match timings[key].as_f64() {
        Some(figure) => format!("{text}  {figure:.digits$} {unit}"),
        None => text,
    })
}

fn describe_progress(progress: Option<&Value>) -> String {
    let Some(progress) = progress else { return String::new() };
    if let Some(elapsed) = progress["elapsed_s"].as_f64() {
        let of = progress["of_s"].as_f64().unwrap_or_default();
        let completed = progress["completed"].as_u64().unwrap_or_default();
        let in_flight = progress["in_flight"].as_u64().unwrap_or_default();
        return format!("{elapsed:5.1} of {of:.0} s  {completed} done, {in_flight} in flight");
    }
    let waiting =
        progress["waiting_s"].as_f64().map(|seconds| format!(" for {seconds:.0} s")).unwrap_or_default();
    let of = match (progress["completed_bytes"].as_f64(), progress["total_bytes"].as_f64()) {
        (Some(done), Some(total)) if total > 0.0 => format!(" {:.0} of {:.0} MB", done / 1e6, total / 1e6),
        _ => String::new(),
    };
    match progress["for"].as_str() {
        Some(what) if waiting.is_empty() => format!("{what}{of}"),
        Some(what) => format!("waiting{waiting} for {what}"),
        None => String::new(),
    }
}
