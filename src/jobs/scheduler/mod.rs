//! The scheduler: reads the schedule files at its start, then looks ever again which ticks are due. Any number of processes
//! may run one: each tick fires once.

mod chore;
mod fire;

use std::{sync::Arc, time::Duration};

use tokio::{task::JoinSet, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::chores;
use crate::{
    config::Config,
    definitions::Definitions,
    domain::ids::MatrixId,
    ledger::{Error, schedules},
    store::schedule_ticks::Outcome,
    workflow::Services,
};

pub use chore::do_chores;
pub use fire::fire_due;

/// Who makes what a schedule makes.
const ACTOR: &str = "scheduler";

/// How long it waits after a failure of the database.
const AGAIN_AFTER: Duration = Duration::from_secs(2);

/// How a process schedules.
#[derive(Debug, Clone)]
pub struct SchedulerOptions {
    /// Where schedules and their workflows are.
    pub definitions: Definitions,
    /// The settings: how often to look, the load of runs, what chores need.
    pub config: Arc<Config>,
}

/// A tick that doesn't wait any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// Its schedule.
    pub schedule: String,
    /// Which.
    pub tick: chrono::DateTime<chrono::Utc>,
    /// What became of it.
    pub outcome: Outcome,
    /// The matrix it made.
    pub matrix: Option<MatrixId>,
    /// Why it did not fire, or failed.
    pub reason: Option<String>,
}

impl Decided {
    fn log(&self) {
        let Self { schedule, tick, outcome, matrix, reason } = self;
        let reason = reason.as_deref().unwrap_or("-");
        match (outcome, matrix) {
            (Outcome::Fired, Some(matrix)) => tracing::info!(%schedule, %tick, %matrix, "schedule fired"),
            (Outcome::Fired, None) => tracing::info!(%schedule, %tick, "schedule fired"),
            (Outcome::Failed, _) => {
                tracing::error!(%schedule, %tick, %reason, "the tick of a schedule failed");
            }
            _ => {
                tracing::warn!(%schedule, %tick, outcome = outcome.as_str(), %reason, "a schedule did not fire");
            }
        }
    }
}

/// The scheduler of a process.
#[derive(Debug)]
pub struct Scheduler {
    tasks: JoinSet<()>,
    shutdown: CancellationToken,
    patience: Duration,
}

impl Scheduler {
    /// Starts it. Schedules that fire and chores have a task each, so that a long chore delays no matrix.
    #[must_use]
    pub fn start(services: &Services, options: &SchedulerOptions) -> Self {
        let shutdown = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(fire_now_and_then(services.clone(), options.clone(), shutdown.clone()));
        tasks.spawn(do_chores_now_and_then(services.clone(), options.clone(), shutdown.clone()));
        Self { tasks, shutdown, patience: services.leases.lease }
    }

    /// Stops in order: what is being decided is decided. A chore under way is cut short, and done again by whoever
    /// schedules next; so is what the database doesn't let end within a lease.
    pub async fn stop(mut self) {
        self.shutdown.cancel();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(self.patience, ended).await.is_err() {
            tracing::warn!("what was being decided could not be ended: the next scheduler decides it");
        }
    }
}

async fn fire_now_and_then(services: Services, options: SchedulerOptions, shutdown: CancellationToken) {
    let mut looks = looks(&options);
    let mut is_synced = false;
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            () = shutdown.cancelled() => return,
        }
        let looked = if is_synced {
            fire_due(&services, &options).await.map(|decided| decided.iter().for_each(Decided::log))
        } else {
            read_files(&services, &options).await.map(|()| is_synced = true)
        };
        if let Err(error) = looked {
            tracing::warn!(%error, "could not look which schedules are due");
            looks.reset_after(AGAIN_AFTER);
        }
    }
}

async fn do_chores_now_and_then(services: Services, options: SchedulerOptions, shutdown: CancellationToken) {
    let mut looks = looks(&options);
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            () = shutdown.cancelled() => return,
        }
        let done = tokio::select! {
            done = do_chores(&services, &options) => done,
            () = shutdown.cancelled() => return,
        };
        match done {
            Ok(decided) => decided.iter().for_each(Decided::log),
            Err(error) => {
                tracing::warn!(%error, "could not look for chores");
                looks.reset_after(AGAIN_AFTER);
            }
        }
    }
}

fn looks(options: &SchedulerOptions) -> tokio::time::Interval {
    let mut looks = tokio::time::interval(options.config.scheduler.poll);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looks
}

/// Reads the schedule files. Where that can't be done for a reason other than the database, the schedules stay as they were.
async fn read_files(services: &Services, options: &SchedulerOptions) -> Result<(), Error> {
    match schedules::sync(&services.pool, &options.definitions, &chores::names()).await {
        Ok(synced) => {
            for (schedule, error) in &synced.broken {
                tracing::error!(%schedule, %error, "a schedule's file can't be read: it stays as it was");
            }
            for schedule in &synced.removed {
                tracing::warn!(%schedule, "a schedule's file is gone: it doesn't fire any more");
            }
            tracing::info!(schedules = synced.read.len(), "schedule files read");
        }
        Err(Error::Definitions(error)) => {
            tracing::error!(%error, "the schedule files can't be read: schedules stay as they were");
        }
        Err(error) => return Err(error),
    }
    Ok(())
}
