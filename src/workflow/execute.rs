//! Working one token to its end: claim, execute under a lease, commit.
//!
//! The worker's loop is elsewhere (`jobs`), so a test can drain a queue token by token.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt;
use serde_json::Value;
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{
    Error, Services, budget,
    claim::{Claimed, claim},
    commit::{commit, twin_failure},
    steps::{StepContext, StepReport, run_step},
};
use crate::{
    domain::failure::Failure,
    metrics,
    queue::StepToken,
    store::{
        results,
        steps::{self, Beat},
    },
};

/// What became of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Executed {
    /// The step is done and the next one, if any, scheduled.
    Done,
    /// The step failed and will be tried again.
    Retrying,
    /// The step failed for good; teardown is scheduled.
    Failed,
    /// The run is being cancelled; teardown is scheduled.
    Cancelled,
    /// The engine was gone: the run went back to its set-up.
    Rewound,
    /// We were told to stop; the step is scheduled again and spent no try.
    Drained,
    /// The run or its queue is paused; the step waits.
    Paused,
    /// The step's holder still beats, or another run has the machine; another token will look again.
    Snoozed,
    /// The token isn't the step's current one, or there is nothing left to do.
    Stale,
    /// A newer version's step; left for a worker that knows it. Another token will look again.
    Parked,
    /// Somebody else took the step over while we worked: our work is dropped.
    Fenced,
}

impl Executed {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Retrying => "retrying",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Rewound => "rewound",
            Self::Drained => "drained",
            Self::Paused => "paused",
            Self::Snoozed => "snoozed",
            Self::Stale => "stale",
            Self::Parked => "parked",
            Self::Fenced => "fenced",
        }
    }
}

/// How the work on a claimed step ended.
#[derive(Debug)]
pub(super) enum Ending {
    /// It produced something.
    Report(Box<StepReport>),
    /// It failed.
    Failure(Failure),
    /// It took longer than its time-out.
    TimedOut,
    /// The run is to be cancelled.
    CancelRequested,
    /// We were told to stop.
    Drained,
    /// The lease is somebody else's.
    Lost,
}

/// Works one token as `worker` until it has an end, or `shutdown` asks for one.
///
/// # Errors
/// Only when the database or the queue failed; the token may then be delivered again.
pub async fn execute_one(
    services: &Services,
    token: &StepToken,
    worker: &str,
    shutdown: &CancellationToken,
) -> Result<Executed, Error> {
    let claimed = match claim(services, token, worker).await? {
        Ok(claimed) => claimed,
        Err(executed) => return Ok(executed),
    };
    let engine = claimed.run.spec.engine.kind;
    // Every line that is logged from here on says which step, and which try of it.
    let span = tracing::info_span!(
        "step",
        run = %claimed.run.id, step = %claimed.definition.kind, attempt = claimed.attempt, fence = claimed.fence,
        engine = %engine, outcome = tracing::field::Empty
    );
    let started = Instant::now();
    let executed = async {
        tracing::info!("step taken");
        let ending = work(services, &claimed, shutdown).await;
        if matches!(ending, Ending::Lost) {
            tracing::warn!("another worker took the step over: its work here is dropped");
            return Ok(Executed::Fenced);
        }
        commit_patiently(services, &claimed, ending, worker).await
    }
    .instrument(span.clone())
    .await;
    let outcome = executed.as_ref().map_or("error", |executed| executed.as_str());
    span.record("outcome", outcome);
    let kind = claimed.definition.kind.to_string();
    let to_be_repeated = matches!(executed, Ok(Executed::Retrying));
    metrics::step_worked(&kind, engine.as_str(), outcome, started.elapsed(), to_be_repeated);
    executed
}

/// Runs the step's body beside its heartbeat. Whichever ends first drops the other.
async fn work(services: &Services, claimed: &Claimed, shutdown: &CancellationToken) -> Ending {
    let (progress, progress_seen) = watch::channel(None);
    let context = StepContext::new(services, claimed, progress);
    // Cancelled when the body is dropped, so that whatever it spawned ends with it.
    let _stop = context.stop.clone().drop_guard();
    let timeout = claimed.definition.timeout;
    let body = AssertUnwindSafe(tokio::time::timeout(timeout, run_step(&context))).catch_unwind();
    // Biased: work that is finished counts, whatever else happened in the same instant.
    tokio::select! {
        biased;
        ended = body => match ended {
            Ok(Ok(Ok(report))) => Ending::Report(Box::new(report)),
            Ok(Ok(Err(failure))) => Ending::Failure(failure),
            Ok(Err(_elapsed)) => Ending::TimedOut,
            Err(_panic) => Ending::Failure(Failure::transient(
                "step_panicked",
                format!("{} hit a bug in dria-bench: please report it with the log", claimed.definition.kind),
            )),
        },
        ending = heartbeat(services, claimed, progress_seen) => ending,
        () = shutdown.cancelled() => Ending::Drained,
    }
}

/// Extends the lease until it is lost, the run is to be cancelled, or may spend no more. Progress goes along, at most once
/// a second.
async fn heartbeat(
    services: &Services,
    claimed: &Claimed,
    mut progress: watch::Receiver<Option<Value>>,
) -> Ending {
    let period = claimed.definition.heartbeat.unwrap_or(services.leases.heartbeat);
    let mut ticks = tokio::time::interval(period.min(Duration::from_secs(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    let (mut beaten, mut held) = (Instant::now(), Instant::now());
    loop {
        ticks.tick().await;
        let news = progress.has_changed().unwrap_or(false);
        if !news && beaten.elapsed() < period {
            continue;
        }
        beaten = Instant::now();
        let snapshot = progress.borrow_and_update().clone();
        match beat_once(services, claimed, snapshot).await {
            Ok(Beat::Held) => {
                held = Instant::now();
                if let Some(failure) = must_stop(services, claimed).await {
                    return Ending::Failure(failure);
                }
            }
            Ok(Beat::CancelRequested) if claimed.is_teardown() => held = Instant::now(),
            Ok(Beat::CancelRequested) => return Ending::CancelRequested,
            Ok(Beat::Lost) => return Ending::Lost,
            // The database is away: the work may go on for as long as the lease says it is ours.
            Err(error) => {
                tracing::warn!(%error, "heartbeat failed");
                if held.elapsed() > services.leases.lease {
                    return Ending::Lost;
                }
            }
        }
    }
}

/// Why the run may spend no more. Whether it may can't be told while the database is away.
async fn must_stop(services: &Services, claimed: &Claimed) -> Option<Failure> {
    if claimed.is_teardown() || !budget::rents(&claimed.run) {
        return None;
    }
    let mut conn = services.pool.acquire().await.ok()?;
    match budget::verdict(services, &mut conn, &claimed.run).await {
        Ok(verdict) => verdict,
        Err(error) => {
            tracing::warn!(run = %claimed.run.id, %error, "can't tell what the run has spent");
            None
        }
    }
}

async fn beat_once(services: &Services, claimed: &Claimed, progress: Option<Value>) -> Result<Beat, Error> {
    let mut conn = services.pool.acquire().await?;
    let lease_s = services.leases.lease.as_secs_f64();
    Ok(steps::beat(&mut conn, claimed.run.id, claimed.step, claimed.fence, lease_s, progress).await?)
}

/// Commits the outcome, trying again for as long as the lease lasts: a database that restarts must not cost a
/// measured level. A commit whose answer was lost is found committed by its fence.
async fn commit_patiently(
    services: &Services,
    claimed: &Claimed,
    mut ending: Ending,
    worker: &str,
) -> Result<Executed, Error> {
    let deadline = Instant::now() + services.leases.lease;
    loop {
        match commit(services, claimed, &ending, worker).await {
            Ok(executed) => {
                if let (Executed::Done, Ending::Report(report)) = (executed, &ending)
                    && let Some(result) = &report.result
                {
                    let (engine, lag) = (claimed.run.spec.engine.kind, &result.summary.instrument);
                    metrics::level_measured(engine.as_str(), lag.send_lag_p50_ms, lag.send_lag_p99_ms);
                }
                return Ok(executed);
            }
            Err(Error::Store(error)) if error.breaks(results::NO_TWIN) => {
                ending = Ending::Failure(twin_failure(&claimed.definition.kind.to_string(), "another level"));
            }
            Err(error) if Instant::now() < deadline => {
                tracing::warn!(%error, "commit failed; trying again");
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
            Err(error) => return Err(error),
        }
    }
}
