//! Workers: they take tokens from apalis and hand each to the workflow; beside them runs the sweeper.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use apalis::{
    layers::WorkerBuilderExt,
    prelude::{BackendExt, BoxDynError, Data, WorkerBuilder, WorkerContext},
};
use apalis_postgres::{Config, PostgresStorage};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{
    billing,
    host::{host_id, worker_name},
    matrices::dispatch_now_and_then,
    reaper::{Reaped, reap},
    recover::bury_dead_workers,
    wake::Wake,
    webhooks::send_now_and_then,
};
use crate::{
    queue::StepToken,
    store::{self, chores, tokens},
    webhooks,
    workflow::{Services, budget::stop_idle_renters, execute_one, sweep::sweep},
};

/// How long a worker that ended on a database error waits before it starts again.
const RESTART_AFTER: Duration = Duration::from_millis(500);

/// What stopping may take beyond a lease.
const DRAIN_SPARE: Duration = Duration::from_secs(5);

/// How often bills are read.
const RECONCILE_EVERY: Duration = Duration::from_hours(1);

/// How a process works.
#[derive(Debug, Clone)]
pub struct WorkerOptions {
    /// The queues it takes tokens from, each with how many at once.
    pub queues: Vec<(String, usize)>,
    /// How often it looks for delayed tokens; fresh ones are announced.
    pub poll: Duration,
    /// How often it looks for lost tokens.
    pub sweep_every: Duration,
    /// How often it looks for what no live run owns.
    pub reap_every: Duration,
    /// How messages to webhooks are sent.
    pub webhooks: webhooks::Settings,
}

/// The workers of a process.
#[derive(Debug)]
pub struct WorkerSet {
    tasks: JoinSet<()>,
    shutdown: CancellationToken,
    /// How long putting steps back may take: after a lease they are others' anyway.
    patience: Duration,
}

struct State {
    services: Services,
    shutdown: CancellationToken,
}

impl WorkerSet {
    /// Starts workers on every queue, and the sweeper.
    #[must_use]
    pub fn start(services: &Services, options: &WorkerOptions) -> Self {
        let shutdown = CancellationToken::new();
        let state = Arc::new(State { services: services.clone(), shutdown: shutdown.clone() });
        let mut tasks = JoinSet::new();
        for (queue, concurrency) in &options.queues {
            tasks.spawn(supervise(Arc::clone(&state), queue.clone(), *concurrency, options.poll));
        }
        tasks.spawn(chores(Arc::clone(&state), options.sweep_every));
        tasks.spawn(reap_now_and_then(Arc::clone(&state), options.reap_every));
        tasks.spawn(dispatch_now_and_then(services.clone(), shutdown.clone()));
        tasks.spawn(send_now_and_then(services.pool.clone(), options.webhooks.clone(), shutdown.clone()));
        Self { tasks, shutdown, patience: services.leases.lease + DRAIN_SPARE }
    }

    /// Stops in order: steps that run are put back, spending no try, and workers say that they are gone. Where the database
    /// doesn't let them for longer than a lease, steps are left to whoever comes next.
    pub async fn stop(mut self) {
        self.shutdown.cancel();
        let drained = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(self.patience, drained).await.is_err() {
            tracing::warn!(
                "steps could not be put back: the next worker takes them over once their lease is over"
            );
        }
    }
}

/// Keeps one queue's worker alive: any database error ends an apalis worker for good. Each start has a name of its
/// own, since a restarted worker of the same name would leave its old jobs running for ever.
async fn supervise(state: Arc<State>, queue: String, concurrency: usize, poll: Duration) {
    while !state.shutdown.is_cancelled() {
        let name = worker_name();
        let stop = state.shutdown.clone();
        let signal = async move {
            stop.cancelled().await;
            Ok::<(), std::io::Error>(())
        };
        // Whole seconds: apalis cuts fractions off, and 0 would mean that everybody is dead.
        let heartbeat = Duration::from_secs(state.services.leases.heartbeat.as_secs().max(1));
        let config = Config::default()
            .queue(queue.as_str())
            .batch_size(1) // a buffered batch would stop heartbeats, and long steps would run twice
            .heartbeat_interval(heartbeat)
            .missed_heartbeats(missed_heartbeats(state.services.leases.lease, heartbeat));
        let storage = PostgresStorage::<StepToken>::new(&state.services.pool)
            .with_config(config)
            .poll_with_strategy(Wake::new(state.services.pool.clone(), &queue, poll));
        let worker = WorkerBuilder::new(name.as_str())
            .backend(storage)
            .data(Arc::clone(&state))
            .concurrency(concurrency)
            .build(handle);
        tracing::info!(worker = %name, %queue, concurrency, "worker started");
        let ended = worker.run_until(signal).await;
        // Whatever it was in the middle of was dropped with it.
        if let Ok(mut conn) = state.services.pool.acquire().await {
            let _ = tokens::bury_worker(&mut conn, &name).await;
        }
        match ended {
            Ok(()) => break,
            Err(error) => {
                tracing::warn!(worker = %name, %queue, %error, "worker ended; starting another");
                tokio::time::sleep(RESTART_AFTER).await;
            }
        }
    }
}

/// Beats after which apalis takes a worker for dead: about a lease's worth.
fn missed_heartbeats(lease: Duration, heartbeat: Duration) -> usize {
    (lease.as_secs() / heartbeat.as_secs().max(1)).max(3) as usize
}

async fn handle(
    token: StepToken,
    state: Data<Arc<State>>,
    worker: WorkerContext,
) -> Result<String, BoxDynError> {
    match execute_one(&state.services, &token, worker.name(), &state.shutdown).await {
        Ok(executed) => {
            tracing::info!(run = %token.run, step = token.step, outcome = ?executed, "token worked");
            Ok(format!("{executed:?}"))
        }
        Err(error) => {
            tracing::error!(run = %token.run, step = token.step, %error, "a token could not be worked");
            Err(error.into())
        }
    }
}

/// The sweeper, and at the start what dead workers of this host left.
async fn chores(state: Arc<State>, sweep_every: Duration) {
    let services = &state.services;
    match bury_dead_workers(&services.pool).await {
        Ok(0) => {}
        Ok(buried) => tracing::info!(buried, "workers of this host had died; taking their steps over"),
        Err(error) => tracing::warn!(%error, "could not look for dead workers"),
    }
    let mut ticks = tokio::time::interval(sweep_every);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = state.shutdown.cancelled() => return,
        }
        // A database that doesn't answer must not keep a worker that is told to stop.
        tokio::select! {
            () = tidy(services) => {}
            () = state.shutdown.cancelled() => return,
        }
    }
}

async fn tidy(services: &Services) {
    match sweep(&services.pool, services.queue.as_ref(), services.leases.lease.as_secs_f64()).await {
        Ok(0) => {}
        Ok(reissued) => tracing::info!(reissued, "lost tokens re-issued"),
        Err(error) => tracing::warn!(%error, "sweep failed"),
    }
    match stop_idle_renters(services).await {
        Ok(0) => {}
        Ok(stopped) => tracing::warn!(stopped, "runs that wait may spend no more: stopped"),
        Err(error) => tracing::warn!(%error, "could not look at what waiting runs spend"),
    }
}

/// The reaper, at the start and ever again; beside it accounts are watched and bills read.
async fn reap_now_and_then(state: Arc<State>, every: Duration) {
    let mut ticks = tokio::time::interval(every);
    let mut reconciled: Option<Instant> = None;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = state.shutdown.cancelled() => return,
        }
        let reaped = tokio::select! {
            reaped = reap(&state.services) => reaped,
            () = state.shutdown.cancelled() => return,
        };
        if let Ok(reaped) = &reaped
            && let Err(error) = record_reaper(&state.services, reaped).await
        {
            tracing::warn!(%error, "what the reaper found can't be recorded");
        }
        match reaped {
            Ok(reaped) if reaped.is_quiet() => {}
            Ok(reaped) => tracing::warn!(
                destroyed = ?reaped.destroyed, expired = ?reaped.expired, failed = ?reaped.failed, unasked = ?reaped.unasked,
                "looked for what no live run owns"
            ),
            Err(error) => tracing::warn!(%error, "could not look for what no live run owns"),
        }
        let due = reconciled.is_none_or(|last| last.elapsed() >= RECONCILE_EVERY);
        let accounts = async {
            billing::watch_balances(&state.services).await;
            if due && let Err(error) = billing::reconcile(&state.services).await {
                tracing::warn!(%error, "could not compare bills");
            }
        };
        tokio::select! {
            () = accounts => {}
            () = state.shutdown.cancelled() => return,
        }
        if due {
            reconciled = Some(Instant::now());
        }
    }
}

/// Keeps what was found, for operators.
async fn record_reaper(services: &Services, reaped: &Reaped) -> Result<(), store::Error> {
    let report = serde_json::to_value(reaped).unwrap_or_default();
    chores::record(&mut *services.pool.acquire().await?, chores::REAPER, &host_id(), report).await
}
